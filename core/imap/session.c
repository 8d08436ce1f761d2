/*
 * An IMAP session: the inbound half, bytes in and events out
 *
 * A line is read where it lies, in the buffer of what was pushed; nothing is copied for the usual
 * response. Only a FETCH whose BODY[] is handed out piece by piece is held in a buffer of its own,
 * without the body, until its line is whole.
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "imap/lexer.h"
#include "imap/session-private.h"

/* What an idle session keeps of its buffers. */
static const size_t in_keep = 4096, held_keep = 512;

/* Of what a server said, this much is quoted. */
#define QUOTE_MAX 60u

const ImapLimits imap_limits_default = {
        .line = 64 * 1024,
        .output = 128 * 1024,
        .ranges = 256,
        .literal = (uint64_t) 1 << 40,
};

int imap_session_new(const ImapLimits *limits, ImapSession **ret_session) {
        ImapSession *s;

        assert(limits->line > 0 && limits->output > 0 && limits->ranges > 0);

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (ImapSession){.limits = *limits};

        *ret_session = s;
        return 0;
}

ImapSession *imap_session_free(ImapSession *s) {
        if (!s)
                return NULL;

        buffer_done(&s->in);
        buffer_done(&s->held);
        uid_set_done(&s->set);
        imap_response_store_done(&s->store);
        session_output_done(s);
        free(s);
        return NULL;
}

const char *imap_session_error(const ImapSession *s) {
        return s->error;
}

uint64_t imap_session_n_skipped(const ImapSession *s) {
        return s->n_skipped;
}

const char *imap_session_skipped(const ImapSession *s) {
        return s->skipped;
}

size_t imap_session_n_unread(const ImapSession *s) {
        return session_unread(s).size;
}

/* “...”, with what is not printable ASCII as \xNN. */
static void append_quote(char *text, size_t size, ByteView quote) {
        size_t used = strlen(text);

        used += (size_t) snprintf(text + used, size - used, used > 0 ? " “" : "“");
        for (size_t i = 0; i < quote.size && i < QUOTE_MAX; i++) {
                unsigned char c = (unsigned char) quote.data[i];

                if (c == '\r' || c == '\n')
                        break;
                if (c >= ' ' && c <= '~')
                        text[used++] = (char) c;
                else
                        used += (size_t) snprintf(text + used, size - used, "\\x%02x", c);
        }
        snprintf(text + used, size - used, "%s”", quote.size > QUOTE_MAX ? "…" : "");
}

/* @line is skipped. */
static void note_skipped(ImapSession *s, ByteView line) {
        s->n_skipped++;
        s->skipped[0] = '\0';
        append_quote(s->skipped, sizeof(s->skipped), line);
}

int session_skip_line(ImapSession *s) {
        note_skipped(s, session_unread(s));
        s->skip_line = true;
        s->input = SESSION_LINE;
        return SESSION_AGAIN;
}

int session_fail(ImapSession *s, int error, ByteView quote, const char *format, ...) {
        static const size_t quoted_size = 4 * QUOTE_MAX + 16;
        va_list args;

        va_start(args, format);
        (void) vsnprintf(s->error, sizeof(s->error) - quoted_size, format, args);
        va_end(args);
        if (quote.data)
                append_quote(s->error, sizeof(s->error), quote);

        s->input = SESSION_DEAD;
        s->dead_error = error;
        return error;
}

int session_fail_long_line(ImapSession *s) {
        return session_fail(s, -E2BIG, session_unread(s),
                            "the server sent a line of over %zu bytes, which begins with",
                            s->limits.line);
}

/* Move what is unread to the beginning of the buffer. */
static void compact(ImapSession *s) {
        if (s->pos == 0)
                return;

        buffer_consume(&s->in, s->pos);
        s->scan -= s->pos;
        s->depth_scan -= s->pos;
        s->pos = 0;
}

/* Nothing more to tell: a good time to give memory back, since no view is alive. */
static void relax(ImapSession *s) {
        if (s->pos >= s->in.size - s->pos)
                compact(s);
        if (s->pos == 0)
                buffer_trim(&s->in, in_keep);
        if (!s->is_held && s->held.capacity > held_keep)
                buffer_done(&s->held);
        imap_response_store_trim(&s->store);
}

int imap_session_space(ImapSession *s, size_t n, char **ret_space) {
        int r;

        /* Moving no more than was consumed since the last time keeps the sum of all moves linear. */
        if (s->pos >= s->in.size - s->pos)
                compact(s);
        r = buffer_reserve(&s->in, n);
        if (r < 0)
                return r;

        *ret_space = s->in.data + s->in.size;
        return 0;
}

void imap_session_filled(ImapSession *s, size_t n) {
        if (s->input != SESSION_DEAD)
                s->in.size += n;
        if (n == 0)
                relax(s);
}

int imap_session_push(ImapSession *s, ByteView bytes) {
        char *space;
        int r;

        if (bytes.size == 0 || s->input == SESSION_DEAD)
                return 0;
        r = imap_session_space(s, bytes.size, &space);
        if (r < 0)
                return r;

        memcpy(space, bytes.data, bytes.size);
        imap_session_filled(s, bytes.size);
        return 0;
}

int imap_session_take_unread(ImapSession *s, Buffer *out) {
        ByteView unread = session_unread(s);
        int r;

        r = buffer_append_view(out, unread);
        if (r < 0)
                return r;

        session_consume(s, unread.size);
        return 0;
}

/* Status responses and what is not a response at all end with their line: "{5}" in a text for
 * people announces nothing. */
static bool may_hold_literals(const ImapSession *s, ByteView line) {
        ImapStatus status;

        if (s->is_held || s->skip_line)
                return true;
        if (!bytes_starts_fold(line, BYTES("* ")))
                return false;
        return imap_response_status(imap_first_word((ByteView){line.data + 2, line.size - 2}),
                                    &status) < 0;
}

/* Is @line, which stops before a literal, a FETCH that stops at BODY[]? */
static bool stops_at_body(ByteView line) {
        static const ByteView body = BYTES("BODY[]");
        ByteView word;

        while (line.size > 0 && line.data[line.size - 1] == ' ')
                line.size--;
        if (line.size < body.size + 2)
                return false;

        line.data += 2; /* "* " */
        line.size -= 2;
        word = imap_first_word(line);
        if (word.size == line.size)
                return false;
        word = imap_first_word((ByteView){word.data + word.size + 1, line.size - word.size - 1});
        if (!bytes_equal_fold(word, BYTES("FETCH")) && !bytes_equal_fold(word, BYTES("UIDFETCH")))
                return false;

        line.data += line.size - body.size;
        return bytes_equal_fold((ByteView){line.data, body.size}, body) &&
               (line.data[-1] == ' ' || line.data[-1] == '(');
}

/* Bring the number of open parentheses up to @end. Each byte is looked at once, however many
 * literals the line has. */
static void count_depth(ImapSession *s, size_t end) {
        bool quoted = false;

        for (size_t i = s->depth_scan; i < end; i++) {
                char c = s->in.data[i];

                if (c == '"')
                        quoted = !quoted;
                else if (quoted && c == '\\')
                        i++;
                else if (!quoted && c == '(')
                        s->depth++;
                else if (!quoted && c == ')' && s->depth > 0)
                        s->depth--;
        }

        s->depth_scan = end;
}

/*
 * A body begins: hold the line up to it, with an empty string in its place. Closed with a
 * parenthesis for a moment, it is what is known of the message so far.
 */
static int begin_body(ImapSession *s, ByteView line, uint64_t size, ImapEvent *ret_event) {
        int r;

        if (size > s->limits.literal)
                return session_fail(s, -E2BIG, BYTES_NULL,
                                    "the server sent a message of %" PRIu64
                                    " bytes, and the limit is %" PRIu64,
                                    size, s->limits.literal);

        s->held.size = 0;
        r = buffer_append(&s->held, line.data + 2, line.size - 2);
        if (r >= 0)
                r = buffer_append_view(&s->held, BYTES("\"\")"));
        if (r >= 0)
                r = imap_response_parse(&s->store, buffer_view(&s->held), ret_event);
        if (r == -ENOMEM)
                return r;

        /* Only if the parser took that string for BODY[] is it a body. */
        s->body_size = s->body_left = size;
        if (r < 0 || ret_event->data.data != s->held.data + s->held.size - 2) {
                s->input = SESSION_DRAIN;
                return SESSION_AGAIN;
        }

        s->held.size--;
        s->is_held = true;
        s->input = SESSION_BODY;
        ret_event->type = IMAP_EVENT_BODY_BEGIN;
        ret_event->tag = session_oldest_tag(s);
        ret_event->data = BYTES_NULL;
        ret_event->fetch.body_size = size;
        return 1;
}

/* The line goes on behind a literal. @line stops before it, @next is where the literal begins. */
static int begin_literal(ImapSession *s, ByteView line, uint64_t size, size_t next,
                         ImapEvent *ret_event) {
        size_t used = s->held.size * s->is_held + (next - s->pos);
        int r;

        count_depth(s, s->pos + line.size);
        if (!s->is_held && !s->skip_line && s->depth == 1 && stops_at_body(line)) {
                r = begin_body(s, line, size, ret_event);
                if (r > 0)
                        session_consume(s, next - s->pos);
                return r;
        }

        if (size > s->limits.line - used)
                return session_fail_long_line(s);
        s->scan = s->depth_scan = next + (size_t) size;
        return SESSION_AGAIN;
}

static int session_next_body(ImapSession *s, ImapEvent *ret_event) {
        ByteView unread = session_unread(s);
        size_t n = (size_t) MIN((uint64_t) unread.size, s->body_left);

        if (n == 0)
                return 0;

        s->body_left -= n;
        session_consume(s, n);

        *ret_event = (ImapEvent){
                .type = IMAP_EVENT_BODY_DATA,
                .tag = session_oldest_tag(s),
                .data = {unread.data, n},
        };
        return 1;
}

static int session_next_body_end(ImapSession *s, ImapEvent *ret_event) {
        s->input = SESSION_LINE;
        *ret_event = (ImapEvent){.type = IMAP_EVENT_BODY_END, .tag = session_oldest_tag(s)};
        return 1;
}

static int session_next_drain(ImapSession *s) {
        size_t n = (size_t) MIN((uint64_t) session_unread(s).size, s->body_left);

        session_consume(s, n);
        s->body_left -= n;
        return s->body_left == 0 ? session_skip_line(s) : 0;
}

/*
 * The rest of a FETCH whose body has left. Whoever took the body waits for the end of it, so there
 * is an event even if the rest makes no sense; it says nothing then.
 */
static int take_held(ImapSession *s, ByteView rest, ImapEvent *ret_event) {
        size_t size = s->held.size;
        int r;

        r = buffer_append_view(&s->held, rest);
        if (r >= 0)
                r = imap_response_parse(&s->store, buffer_view(&s->held), ret_event);
        if (r == -ENOMEM) {
                s->held.size = size; /* the rest comes again */
                return r;
        }

        if (r < 0) {
                note_skipped(s, rest);
                *ret_event = (ImapEvent){.type = IMAP_EVENT_FETCH};
        } else {
                ret_event->fetch.present |= IMAP_FETCH_BODY;
                ret_event->fetch.present &= ~(unsigned) IMAP_FETCH_NIL;
                ret_event->fetch.body_size = s->body_size;
                ret_event->data = BYTES_NULL;
        }
        ret_event->tag = session_oldest_tag(s);
        s->is_held = false;
        return 1;
}

/* BODY[] as a quoted string: the same events as for a literal. */
static int session_next_quoted(ImapSession *s, ImapEvent *ret_event) {
        static const ImapEventType types[] = {
                IMAP_EVENT_BODY_BEGIN,
                IMAP_EVENT_BODY_DATA,
                IMAP_EVENT_BODY_END,
                IMAP_EVENT_FETCH,
        };
        ImapEventType type = types[s->quoted_step];
        ByteView body;
        int r;

        r = imap_response_parse(&s->store, buffer_view(&s->held), ret_event);
        if (r < 0)
                return r;
        body = ret_event->data;
        ret_event->data = BYTES_NULL;

        if (type == IMAP_EVENT_BODY_DATA)
                *ret_event = (ImapEvent){.data = body};
        if (type == IMAP_EVENT_BODY_END)
                *ret_event = (ImapEvent){0};
        ret_event->type = type;
        ret_event->tag = session_oldest_tag(s);

        if (type == IMAP_EVENT_FETCH) {
                s->input = SESSION_LINE;
                s->is_held = false;
        }
        s->quoted_step += type == IMAP_EVENT_BODY_BEGIN && body.size == 0 ? 2 : 1;
        return 1;
}

static int take_untagged(ImapSession *s, ByteView line, ImapEvent *ret_event) {
        int r;

        r = imap_response_parse(&s->store, line, ret_event);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                note_skipped(s, line);
        if (r <= 0)
                return SESSION_AGAIN;

        ret_event->tag = session_oldest_tag(s);
        if (ret_event->type != IMAP_EVENT_FETCH || !(ret_event->fetch.present & IMAP_FETCH_BODY))
                return 1;

        s->held.size = 0;
        r = buffer_append_view(&s->held, line);
        if (r < 0)
                return r;
        s->is_held = true;
        s->quoted_step = 0;
        s->input = SESSION_QUOTED;
        return SESSION_AGAIN;
}

static int take_continuation(ImapSession *s, ByteView line, ImapEvent *ret_event) {
        size_t n = line.size > 1 && line.data[1] == ' ' ? 2 : 1;

        if (session_continue(s))
                return SESSION_AGAIN;

        *ret_event = (ImapEvent){
                .type = IMAP_EVENT_CONTINUATION,
                .tag = session_oldest_tag(s),
        };
        return imap_response_parse_code(&s->store, (ByteView){line.data + n, line.size - n},
                                        &ret_event->text);
}

static int take_tagged(ImapSession *s, ByteView line, ImapEvent *ret_event) {
        ByteView tag = imap_first_word(line);
        size_t n = MIN(tag.size + 1, line.size);
        uint64_t number;
        int r;

        *ret_event = (ImapEvent){.type = IMAP_EVENT_TAGGED};
        r = imap_response_parse_text(&s->store, (ByteView){line.data + n, line.size - n},
                                     &ret_event->text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || ret_event->text.status > IMAP_BAD) { /* not a response at all */
                note_skipped(s, line);
                return SESSION_AGAIN;
        }

        if (bytes_to_u64(tag, UINT32_MAX, &number) < 0 || session_complete(s, (ImapTag) number) < 0)
                return session_fail(s, -EBADMSG, line,
                                    "the server answered a command that was not given:");
        ret_event->tag = (ImapTag) number;
        return 1;
}

static int take_line(ImapSession *s, ByteView line, ImapEvent *ret_event) {
        if (s->skip_line) {
                s->skip_line = false;
                return SESSION_AGAIN;
        }
        if (s->is_held)
                return take_held(s, line, ret_event);
        if (bytes_starts_fold(line, BYTES("* ")))
                return take_untagged(s, (ByteView){line.data + 2, line.size - 2}, ret_event);
        if (bytes_starts_fold(line, BYTES("+")))
                return take_continuation(s, line, ret_event);
        return take_tagged(s, line, ret_event);
}

static int session_next_line(ImapSession *s, ImapEvent *ret_event) {
        size_t used = s->held.size * s->is_held, next;
        ImapLiteral literal;
        const char *eol;
        ByteView line;
        int r;

        if (!s->is_held && !s->skip_line) {
                SessionSetKind kind = session_set_kind(session_unread(s));

                if (kind != SESSION_SET_NONE)
                        return session_begin_set(s, kind);
        }

        eol = s->scan < s->in.size ? memchr(s->in.data + s->scan, '\n', s->in.size - s->scan)
                                   : NULL;
        next = eol ? (size_t) (eol - s->in.data) + 1 : s->in.size;
        if (used + (next - s->pos) > s->limits.line)
                return session_fail_long_line(s);
        if (!eol) {
                s->scan = MAX(s->scan, s->in.size);
                return 0;
        }

        line = (ByteView){s->in.data + s->pos, next - s->pos - 1};
        if (line.size > 0 && line.data[line.size - 1] == '\r')
                line.size--;

        r = imap_literal_announced(line, &literal);
        if (r != 0 && may_hold_literals(s, line)) {
                if (r < 0)
                        return session_fail(s, -EBADMSG, line,
                                            "the server announced a literal of impossible size:");
                line.size = literal.start;
                return begin_literal(s, line, literal.size, next, ret_event);
        }

        r = take_line(s, line, ret_event);
        if (r > 0)
                session_consume(s, next - s->pos);
        return r;
}

static int fail_greeting(ImapSession *s, ByteView said) {
        return session_fail(s, -EBADMSG, said, "this is not an IMAP server: it said");
}

static int session_next_greeting(ImapSession *s, ImapEvent *ret_event) {
        ByteView unread = session_unread(s);
        const char *eol = unread.size > 0 ? memchr(unread.data, '\n', unread.size) : NULL;
        size_t n = eol ? (size_t) (eol - unread.data) : unread.size;
        ByteView line = {unread.data, n};
        int r;

        if (n > QUOTE_MAX && !bytes_starts_fold(line, BYTES("* ")))
                return fail_greeting(s, line);
        if (n > s->limits.line)
                return session_fail_long_line(s);
        if (!eol)
                return 0;

        if (n > 0 && line.data[n - 1] == '\r')
                line.size--;
        if (!bytes_starts_fold(line, BYTES("* ")))
                return fail_greeting(s, line);

        *ret_event = (ImapEvent){.type = IMAP_EVENT_GREETING};
        r = imap_response_parse_text(&s->store, (ByteView){line.data + 2, line.size - 2},
                                     &ret_event->text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || ret_event->text.status == IMAP_NO || ret_event->text.status == IMAP_BAD)
                return fail_greeting(s, line);

        session_consume(s, n + 1);
        s->input = SESSION_LINE;
        return 1;
}

static int step(ImapSession *s, ImapEvent *ret_event) {
        switch (s->input) {
        case SESSION_GREETING:
                return session_next_greeting(s, ret_event);
        case SESSION_LINE:
                return session_next_line(s, ret_event);
        case SESSION_BODY:
                return s->body_left > 0 ? session_next_body(s, ret_event)
                                        : session_next_body_end(s, ret_event);
        case SESSION_QUOTED:
                return session_next_quoted(s, ret_event);
        case SESSION_DRAIN:
                return session_next_drain(s);
        case SESSION_SET:
                return session_next_set(s, ret_event);
        case SESSION_ESEARCH:
                return session_next_esearch(s, ret_event);
        case SESSION_DEAD:
                return s->dead_error;
        }

        abort(); /* the switch is complete */
}

int imap_session_next(ImapSession *s, ImapEvent *ret_event) {
        int r;

        do
                r = step(s, ret_event);
        while (r == SESSION_AGAIN);

        if (r == 0)
                relax(s);
        return r;
}
