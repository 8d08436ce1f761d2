/*
 * Fuzz the session: whatever a server says, however it is cut, the events are the same
 *
 * The input is what the server says. It is pushed whole, then byte by byte, then in two pieces: cut
 * at each place of a short input, at some of a long one.
 */

#include <errno.h>

#include "base/macro.h"
#include "imap-events.h"
#include "imap/session.h"
#include "test.h"

static const size_t cuts_max = 32;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Outcome {
        Buffer events; /* owned */
        Buffer out;    /* owned: what the session had to say */
        int result;
        uint64_t n_skipped;
        char error[512];
} Outcome;

static void outcome_done(Outcome *outcome) {
        buffer_done(&outcome->events);
        buffer_done(&outcome->out);
}

/* What the header promises of every event. */
static void check_event(const ImapEvent *event, const ImapLimits *limits) {
        assert(event->type < _IMAP_EVENT_TYPE_MAX);
        assert(event->uids.n_ranges <= limits->ranges);
        for (size_t i = 0; i < event->uids.n_ranges; i++) {
                assert(event->uids.ranges[i].first > 0);
                assert(event->uids.ranges[i].first <= event->uids.ranges[i].last);
        }
        if (event->type == IMAP_EVENT_BODY_BEGIN)
                assert(event->fetch.present & IMAP_FETCH_BODY);
        if (event->fetch.present & IMAP_FETCH_BODY)
                assert(event->fetch.body_size <= limits->literal ||
                       event->fetch.body_size <= limits->line);
        if (event->fetch.present & IMAP_FETCH_UID)
                assert(event->fetch.uid > 0);
}

static void send_all(ImapSession *session, Buffer *out) {
        ByteView view;

        while ((view = imap_session_pull(session)).size > 0) {
                assert(buffer_append_view(out, view) == 0);
                imap_session_sent(session, view.size);
        }
}

static int push(ImapSession *session, const ImapLimits *limits, ByteView bytes, Outcome *outcome) {
        ImapEvent event;
        int r;

        assert(imap_session_push(session, bytes) == 0);
        while ((r = imap_session_next(session, &event)) > 0) {
                check_event(&event, limits);
                put_event(&outcome->events, &event);
        }
        return r;
}

/* Greeted; a command is under way, and a literal or an IDLE waits for "+". Nothing is sent from here
 * on, so that what may be answered does not depend on when the server is listened to. */
static ImapSession *new_session(const ImapLimits *limits, bool idle, Outcome *outcome) {
        ImapSession *session;
        ImapTag tag;

        assert(imap_session_new(limits, &session) == 0);
        assert(push(session, limits, BYTES("* OK hello\r\n"), outcome) == 0);
        assert(imap_session_submit(session, BYTES("NOOP"), &tag) == 0);
        if (idle) {
                assert(imap_session_idle(session, &tag) == 0);
        } else {
                assert(imap_session_append_begin(session, BYTES("APPEND a"), 3, IMAP_LITERAL_SYNC,
                                                 &tag) == 0);
                assert(imap_session_append_data(session, BYTES("abc")) == 3);
                assert(imap_session_append_end(session) == 0);
        }
        send_all(session, &outcome->out);
        assert(imap_session_submit(session, BYTES("CLOSE"), &tag) == 0);
        return session;
}

/* Push @first bytes, then the rest in pieces of @step. */
static void run(ByteView input, const ImapLimits *limits, size_t first, size_t step,
                Outcome *ret_outcome) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        Outcome outcome = {0};

        session = new_session(limits, limits->ranges > 2, &outcome);
        outcome.result = push(session, limits, (ByteView){input.data, first}, &outcome);
        for (size_t at = first; at < input.size && outcome.result == 0; at += step)
                outcome.result =
                        push(session, limits,
                             (ByteView){input.data + at, MIN(step, input.size - at)}, &outcome);

        assert(outcome.result == 0 || outcome.result == -EBADMSG || outcome.result == -E2BIG);
        send_all(session, &outcome.out);
        outcome.n_skipped = imap_session_n_skipped(session);
        snprintf(outcome.error, sizeof(outcome.error), "%s", imap_session_error(session));
        assert((outcome.error[0] == '\0') == (outcome.result == 0));
        *ret_outcome = outcome;
}

static void compare(ByteView input, const ImapLimits *limits, const Outcome *whole, size_t first,
                    size_t step) {
        _cleanup_(outcome_done) Outcome cut = {0};

        run(input, limits, first, step, &cut);
        assert(cut.result == whole->result);
        assert(cut.n_skipped == whole->n_skipped);
        assert(bytes_equal(buffer_view(&cut.events), buffer_view(&whole->events)));
        assert(bytes_equal(buffer_view(&cut.out), buffer_view(&whole->out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const ImapLimits all_limits[] = {
                {.line = 64 * 1024, .output = 1024, .ranges = 256, .literal = (uint64_t) 1 << 40},
                {.line = 60,        .output = 1024, .ranges = 2,   .literal = 100               },
        };
        const ByteView input = {(const char *) data, size};

        for (size_t i = 0; i < ARRAY_SIZE(all_limits); i++) {
                _cleanup_(outcome_done) Outcome whole = {0};

                run(input, &all_limits[i], size, 1, &whole);
                for (size_t n = 1; n < size; n += 1 + size / cuts_max)
                        compare(input, &all_limits[i], &whole, n, size);
                compare(input, &all_limits[i], &whole, 0, 1);
        }

        return 0;
}
