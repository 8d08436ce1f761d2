#pragma once

/*
 * Transcripts: what a server says and what must become of it, as one string of lines
 *
 *      S: * OK ready           the server says this
 *      s: abc                  the same without CRLF
 *      C: 1 NOOP               the client must say exactly this, and nothing before it
 *      E: READY                this event must have come, and none before it
 *      > fetch A 1:3           something that the test does
 *
 * At the end nothing may be left unexpected. Each transcript is run several times: with all that the
 * server says in a row handed in at once, and in pieces of a few bytes.
 */

#include "base/bytes.h"
#include "base/macro.h"
#include "imap/session.h"
#include "test.h"

typedef struct Transcript {
        const char *label;
        ImapSession *session;
        size_t step;   /* bytes handed in at a time; 0: all */
        Buffer said;   /* by the client, and not yet compared */
        Buffer events; /* as lines, not yet compared */

        void (*on_input)(void *userdata); /* take the session's events, put them as lines */
        void (*on_action)(void *userdata, ByteView action);
        void *userdata;
} Transcript;

static inline void transcript_event(Transcript *t, const char *line) {
        assert(buffer_append_format(&t->events, "%s\n", line) == 0);
}

static inline void transcript_pull(Transcript *t) {
        for (;;) {
                ByteView out = imap_session_pull(t->session);

                if (out.size == 0)
                        return;
                assert(buffer_append_view(&t->said, out) == 0);
                imap_session_sent(t->session, out.size);
        }
}

static inline void transcript_fail(const Transcript *t, const char *what, ByteView line,
                                   const Buffer *got) {
        fprintf(stderr, "transcript “%s” in steps of %zu: %s\n  expected: %.*s\n  came:\n%.*s\n",
                t->label, t->step, what, (int) line.size, line.data ? line.data : "",
                (int) got->size, got->data ? got->data : "");
        abort();
}

/* The next line of what came must be this one. */
static inline void transcript_expect(Transcript *t, Buffer *got, ByteView line, ByteView end,
                                     const char *what) {
        if (got->size < line.size + end.size || memcmp(got->data, line.data, line.size) != 0 ||
            memcmp(got->data + line.size, end.data, end.size) != 0)
                transcript_fail(t, what, line, got);

        buffer_consume(got, line.size + end.size);
}

static inline void transcript_push(Transcript *t, ByteView bytes) {
        while (bytes.size > 0) {
                const size_t n = t->step > 0 ? MIN(t->step, bytes.size) : bytes.size;

                assert(imap_session_push(t->session, (ByteView){bytes.data, n}) == 0);
                t->on_input(t->userdata);
                transcript_pull(t);
                bytes = (ByteView){bytes.data + n, bytes.size - n};
        }
}

static inline void transcript_run(Transcript *t, const char *script) {
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;

        while (*script) {
                const size_t n = strcspn(script, "\n");
                const ByteView line = {script + 3, n >= 3 ? n - 3 : 0};
                const char kind = *script;

                if (kind == 'S' || kind == 's') {
                        assert(buffer_append_view(&input, line) == 0);
                        if (kind == 'S')
                                assert(buffer_append_string(&input, "\r\n") == 0);
                } else {
                        transcript_push(t, buffer_view(&input));
                        input.size = 0;
                }

                if (kind == 'C') {
                        transcript_pull(t);
                        transcript_expect(t, &t->said, line, BYTES("\r\n"), "the client says");
                } else if (kind == 'E') {
                        transcript_expect(t, &t->events, line, BYTES("\n"), "the events are");
                } else if (kind == '>') {
                        t->on_action(t->userdata, (ByteView){script + 2, n - 2});
                        t->on_input(t->userdata);
                        transcript_pull(t);
                }

                script += n + (script[n] == '\n' ? 1 : 0);
        }

        transcript_push(t, buffer_view(&input));
        transcript_pull(t);
        if (t->said.size > 0)
                transcript_fail(t, "the client says more", BYTES_NULL, &t->said);
        if (t->events.size > 0)
                transcript_fail(t, "there are more events", BYTES_NULL, &t->events);
}

static inline void transcript_done(Transcript *t) {
        buffer_done(&t->said);
        buffer_done(&t->events);
        t->session = imap_session_free(t->session);
}
