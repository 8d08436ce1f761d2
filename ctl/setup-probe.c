/* imapsyncd --probe, and what it says. */

#include <errno.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "ctl/client.h"
#include "ctl/setup-probe.h"
#include "ctl/setup-program.h"

#define ROWS_MAX 10000u

void probe_reply_done(ProbeReply *reply) {
        for (size_t i = 0; i < reply->n_rows; i++) {
                free(reply->rows[i].name);
                free(reply->rows[i].note);
        }
        free(reply->rows);
        free(reply->sentence);
        free(reply->server);
        *reply = PROBE_REPLY_NULL;
}

/* The index of @word in @words, or -EBADMSG. */
static int word_of(ByteView word, const char *const *words) {
        for (int i = 0; words[i]; i++)
                if (bytes_equal(word, bytes_of(words[i])))
                        return i;
        return -EBADMSG;
}

static int take_bool(ByteView *line, bool *ret) {
        static const char *const words[] = {"0", "1", NULL};
        const int i = word_of(bytes_take_until(line, '\t'), words);

        if (i < 0)
                return i;
        *ret = i == 1;
        return 0;
}

static int dup_once(ByteView text, char **string) {
        if (*string)
                return -EBADMSG; /* it was said already */
        *string = bytes_dup(text);
        return *string ? 0 : -ENOMEM;
}

static int take_server(ByteView line, ProbeReply *reply) {
        static const char *const waits[] = {"notify", "idle", "poll", NULL};
        static const char *const changes[] = {"qresync", "condstore", "none", NULL};
        int i, r;

        i = word_of(bytes_take_until(&line, '\t'), waits);
        if (i < 0)
                return i;
        reply->waits = (ProbeWaits) i;
        r = take_bool(&line, &reply->is_encrypted);
        if (r < 0)
                return r;
        i = word_of(bytes_take_until(&line, '\t'), changes);
        if (i < 0)
                return i;
        reply->changes = (ProbeChanges) i;
        r = take_bool(&line, &reply->has_sizes);
        return r < 0 ? r : dup_once(bytes_take_until(&line, '\t'), &reply->server);
}

static int take_row(ByteView line, ProbeReply *reply) {
        const ByteView messages = bytes_take_until(&line, '\t'),
                       size = bytes_take_until(&line, '\t'), note = bytes_take_until(&line, '\t');
        ProbeRow row = {.has_size = !bytes_equal(size, BYTES("-"))}, *rows;

        if (reply->n_rows >= ROWS_MAX || line.size == 0 ||
            bytes_to_u64(messages, UINT32_MAX, &row.messages) < 0 ||
            (row.has_size && bytes_to_u64(size, INT64_MAX, &row.size) < 0))
                return -EBADMSG;
        /* twice as much whenever a power of two is full */
        if ((reply->n_rows & (reply->n_rows - 1)) == 0) {
                rows = reallocarray(reply->rows, reply->n_rows > 0 ? 2 * reply->n_rows : 1,
                                    sizeof(*rows));
                if (!rows)
                        return -ENOMEM;
                reply->rows = rows;
        }
        row.name = bytes_dup(line);
        row.note = bytes_dup(note);
        reply->rows[reply->n_rows++] = row; /* with what there is of it, to be freed */
        return row.name && row.note ? 0 : -ENOMEM;
}

static int take_end(ByteView line, ProbeOutcome outcome, ProbeReply *reply) {
        bool is_denied;
        int r;

        if (outcome == PROBE_REFUSED) {
                r = take_bool(&line, &is_denied);
                if (r < 0)
                        return r;
                outcome = is_denied ? PROBE_DENIED : PROBE_REFUSED;
        }
        reply->outcome = outcome;
        return outcome == PROBE_DONE ? 0 : dup_once(line, &reply->sentence);
}

static int take_line(ByteView line, ProbeReply *reply) {
        static const char *const words[] = {"server", "mailbox", "done", "refused", "lost", NULL};
        int i;

        if (reply->outcome != PROBE_BROKEN || !utf8_is_valid(line) ||
            memchr(line.data, '\0', line.size))
                return -EBADMSG; /* nothing stands behind the end */
        i = word_of(bytes_take_until(&line, '\t'), words);
        switch (i) {
        case 0:
                return take_server(line, reply);
        case 1:
                return take_row(line, reply);
        case 2:
                return reply->server ? take_end(line, PROBE_DONE, reply) : -EBADMSG;
        case 3:
                return take_end(line, PROBE_REFUSED, reply);
        case 4:
                return take_end(line, PROBE_LOST, reply);
        }
        return -EBADMSG;
}

int probe_reply_parse(ByteView text, ProbeReply *ret_reply) {
        _cleanup_(probe_reply_done) ProbeReply reply = PROBE_REPLY_NULL;

        while (text.size > 0) {
                const int r = take_line(bytes_take_until(&text, '\n'), &reply);

                if (r < 0)
                        return r;
        }
        if (reply.outcome == PROBE_BROKEN)
                return -EBADMSG;
        *ret_reply = reply;
        reply = PROBE_REPLY_NULL;
        return 0;
}

int probe_ask(ByteView configuration, int keep_fd, ProbeReply *ret_reply) {
        _cleanup_(buffer_done) Buffer output = BUFFER_NULL;
        _cleanup_free_ char *path = program_daemon();
        const char *const words[] = {path, "--probe", NULL};
        const Program program = {
                .words = words,
                .input = configuration,
                .output = &output,
                .keep_fd = keep_fd,
        };
        int r = path ? program_run(&program) : -ENOMEM;

        if (r == -EINTR)
                return r;
        if (r < 0) {
                complain("imapsyncd cannot be run: %s", strerror(-r));
                return r;
        }
        r = probe_reply_parse(buffer_view(&output), ret_reply);
        if (r == -EBADMSG)
                complain("imapsyncd did not try the login; are both programs of the same version?");
        return r;
}
