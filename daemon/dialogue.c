/*
 * The IMAP dialogue for a person who debugs
 *
 * Only as much of IMAP is known here as keeps secrets and mail out: where a literal is (RFC 9051
 * section 4.3), which commands carry a password, which FETCH items carry text. On doubt it strikes.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dialogue.h"
#include "daemon/log.h"

enum { MAX_LINE = 512 }; /* shown of a line */

/* Does the line announce a literal at its end? "{12}", "{12+}"; one state a byte. */
typedef enum Announcement {
        ANNOUNCE_NONE,
        ANNOUNCE_DIGITS,
        ANNOUNCE_PLUS,
        ANNOUNCE_CLOSED,
} Announcement;

typedef struct Speaker {
        char letter;
        char text[MAX_LINE];
        size_t n_text;
        uint64_t n_line; /* bytes of the line, of which n_text are kept */
        Announcement announcement;
        uint64_t literal;
        uint64_t literal_left;
        bool is_continued; /* the line goes on after a literal */
        bool is_struck;    /* and what goes on is secret */
        bool is_asking;    /* of the client: by AUTHENTICATE; the server's questions belong to it */
} Speaker;

struct Dialogue {
        Speaker client, server;
        DialogueFn on_line;
        void *userdata;
};

int dialogue_new(DialogueFn on_line, void *userdata, Dialogue **ret_dialogue) {
        Dialogue *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        d->client.letter = 'C';
        d->server.letter = 'S';
        d->on_line = on_line;
        d->userdata = userdata;
        *ret_dialogue = d;
        return 0;
}

Dialogue *dialogue_free(Dialogue *d) {
        if (!d)
                return NULL;

        explicit_bzero(d, sizeof(*d)); /* a password, perhaps */
        free(d);
        return NULL;
}

static ByteView next_word(ByteView *rest) {
        const char *space = rest->size > 0 ? memchr(rest->data, ' ', rest->size) : NULL;
        size_t n = space ? (size_t) (space - rest->data) : rest->size;
        ByteView word = {rest->data, n};

        n += space ? 1 : 0;
        *rest = (ByteView){rest->data + n, rest->size - n};
        return word;
}

/*
 * How much of a client's line may be shown. A line without a space is no command but DONE: it
 * answers a challenge (base64 has no spaces, every command has one after its tag).
 */
static size_t client_shows(Speaker *s, ByteView line) {
        ByteView rest = line, tag, command;

        if (s->is_continued)
                return s->is_struck ? 0 : line.size;

        tag = next_word(&rest);
        if (tag.size == line.size)
                return bytes_equal_fold(line, BYTES("DONE")) ? line.size : 0;

        command = next_word(&rest);
        s->is_asking = bytes_equal_fold(command, BYTES("AUTHENTICATE"));
        if (s->is_asking)
                (void) next_word(&rest);
        else if (!bytes_equal_fold(command, BYTES("LOGIN")))
                return line.size;

        s->is_struck = rest.size > 0;
        return line.size - rest.size;
}

/* A short text may come as a quoted string instead of a literal: nothing behind it is shown. */
static size_t server_shows(const Dialogue *d, ByteView line) {
        static const char *const items[] = {"BODY[", "BINARY[", "RFC822", "ENVELOPE ", "PREVIEW "};

        /* With what SCRAM says, passwords could be tried elsewhere as fast as one likes. */
        if (d->client.is_asking && line.size > 0 && line.data[0] == '+')
                return 1;
        for (size_t i = 0; i < line.size; i++)
                for (size_t k = 0; k < ARRAY_SIZE(items); k++) {
                        ByteView rest = {line.data + i, line.size - i};
                        const char *quote;

                        if (!bytes_starts_fold(rest, bytes_of(items[k])))
                                continue;
                        quote = memchr(rest.data, '"', rest.size);
                        if (quote)
                                return (size_t) (quote - line.data);
                }

        return line.size;
}

static void emit(Dialogue *d, const Speaker *s, const char *text) {
        char line[MAX_LINE * 4 + 64];

        snprintf(line, sizeof(line), "%c: %s", s->letter, text);
        d->on_line(line, d->userdata);
}

static void emit_line(Dialogue *d, Speaker *s) {
        char text[MAX_LINE * 4 + 48];
        ByteView line = {s->text, s->n_text};
        bool is_cut = s->n_line > s->n_text;
        size_t n_shown, n;

        if (!is_cut && line.size > 0 && line.data[line.size - 1] == '\r')
                line.size--;

        n_shown = s->letter == 'C' ? client_shows(s, line) : server_shows(d, line);
        log_escape(line.data, n_shown, text, MAX_LINE * 4);
        n = strlen(text);
        if (n_shown < line.size && s->announcement == ANNOUNCE_CLOSED)
                snprintf(text + n, sizeof(text) - n, "*** {%llu}", (unsigned long long) s->literal);
        else if (n_shown < line.size)
                snprintf(text + n, sizeof(text) - n, "***");
        else if (is_cut)
                snprintf(text + n, sizeof(text) - n, "... (%llu bytes)",
                         (unsigned long long) s->n_line);

        emit(d, s, text);
}

static void end_line(Dialogue *d, Speaker *s) {
        emit_line(d, s);

        s->is_continued = s->announcement == ANNOUNCE_CLOSED;
        s->literal_left = s->is_continued ? s->literal : 0;
        s->is_struck = s->is_struck && s->is_continued;
        s->announcement = ANNOUNCE_NONE;
        s->n_text = 0;
        s->n_line = 0;
}

static void announce(Speaker *s, char c) {
        const bool is_digit = c >= '0' && c <= '9';

        if (c == '{') {
                s->announcement = ANNOUNCE_DIGITS;
                s->literal = 0;
        } else if (s->announcement == ANNOUNCE_DIGITS && is_digit) {
                if (s->literal > (UINT64_MAX - 9) / 10)
                        s->announcement = ANNOUNCE_NONE;
                s->literal = s->literal * 10 + (uint64_t) (c - '0');
        } else if (s->announcement == ANNOUNCE_DIGITS && c == '+')
                s->announcement = ANNOUNCE_PLUS;
        else if ((s->announcement == ANNOUNCE_DIGITS || s->announcement == ANNOUNCE_PLUS) &&
                 c == '}')
                s->announcement = ANNOUNCE_CLOSED;
        else if (c != '\r' || s->announcement != ANNOUNCE_CLOSED)
                s->announcement = ANNOUNCE_NONE;
}

static ByteView take_literal(Dialogue *d, Speaker *s, ByteView bytes) {
        size_t n = bytes.size < s->literal_left ? bytes.size : (size_t) s->literal_left;
        char text[48];

        s->literal_left -= n;
        if (s->literal_left == 0) {
                snprintf(text, sizeof(text), "(%llu bytes)", (unsigned long long) s->literal);
                emit(d, s, text);
        }
        return (ByteView){bytes.data + n, bytes.size - n};
}

static ByteView take_line(Dialogue *d, Speaker *s, ByteView bytes) {
        for (size_t i = 0; i < bytes.size; i++) {
                char c = bytes.data[i];

                if (c == '\n') {
                        end_line(d, s);
                        return (ByteView){bytes.data + i + 1, bytes.size - i - 1};
                }
                announce(s, c);
                if (s->n_text < sizeof(s->text))
                        s->text[s->n_text++] = c;
                s->n_line++;
        }

        return BYTES_NULL;
}

static void take(Dialogue *d, Speaker *s, ByteView bytes) {
        while (bytes.size > 0)
                bytes = s->literal_left > 0 ? take_literal(d, s, bytes) : take_line(d, s, bytes);
}

void dialogue_said(Dialogue *d, ByteView bytes) {
        take(d, &d->client, bytes);
}

void dialogue_heard(Dialogue *d, ByteView bytes) {
        take(d, &d->server, bytes);
}

void dialogue_forget(Dialogue *d) {
        d->server = (Speaker){.letter = 'S'};
}
