/* The session with much to read: what it costs in memory, and that nothing gets lost. */

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>

#include "base/macro.h"
#include "imap/session.h"
#include "test.h"

static const size_t piece_size = 16 * 1024;

/* 0 where the allocator does not tell, as under the sanitizers. */
static size_t heap_size(void) {
        return mallinfo2().uordblks;
}

typedef struct Totals {
        size_t heap_before, heap_peak;
        uint64_t n_events, n_uids, n_bytes;
        bool last;
} Totals;

static void take_events(ImapSession *session, Totals *totals) {
        ImapEvent event;
        int r;

        while ((r = imap_session_next(session, &event)) > 0) {
                totals->n_events++;
                totals->n_uids += uid_set_count(&event.uids);
                totals->n_bytes += event.data.size;
                totals->last = event.last;
                totals->heap_peak = MAX(totals->heap_peak, heap_size());
        }
        assert(r == 0);
}

static void push(ImapSession *session, ByteView bytes, Totals *totals) {
        for (size_t at = 0; at < bytes.size; at += piece_size) {
                const ByteView piece = {bytes.data + at, MIN(piece_size, bytes.size - at)};

                assert(imap_session_push(session, piece) == 0);
                take_events(session, totals);
        }
}

static ImapSession *new_session(Totals *totals) {
        ImapSession *session;

        *totals = (Totals){.heap_before = heap_size()};
        assert(imap_session_new(&imap_limits_default, &session) == 0);
        push(session, BYTES("* OK hello\r\n"), totals);
        totals->n_events = 0;
        return session;
}

static size_t used(const Totals *totals) {
        size_t now = heap_size();

        return now > totals->heap_before ? now - totals->heap_before : 0;
}

static size_t peak(const Totals *totals) {
        return totals->heap_peak > totals->heap_before ? totals->heap_peak - totals->heap_before
                                                       : 0;
}

/* A line of more than a megabyte in 100 kB of memory. */
static void test_long_sets(void) {
        static const char *const forms[][2] = {
                {"* VANISHED (EARLIER) 1",          ",%u"},
                {"* SEARCH 1",                      " %u"},
                {"* ESEARCH (TAG \"1\") UID ALL 1", ",%u"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                _cleanup_(imap_session_freep) ImapSession *session = NULL;
                _cleanup_(buffer_done) Buffer line = BUFFER_NULL;
                Totals totals;
                unsigned n = 1;

                assert(buffer_append_string(&line, forms[i][0]) == 0);
                for (; line.size < 1024 * 1024; n++)
                        assert(buffer_append_format(&line, forms[i][1], 1000000 + 2 * n) == 0);
                assert(buffer_append_string(&line, "\r\n") == 0);

                session = new_session(&totals);
                push(session, buffer_view(&line), &totals);
                TEST_ROW(forms[i][0], totals.n_uids == n);
                TEST_ROW(forms[i][0], totals.last);
                TEST_ROW(forms[i][0], totals.n_events == (n + 255) / 256);
                TEST_ROW(forms[i][0], peak(&totals) < 100 * 1024);
                TEST_ROW(forms[i][0], used(&totals) < 16 * 1024);
        }
}

static void test_long_body(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        static const size_t size = 10 * 1024 * 1024;
        static char piece[16 * 1024];
        char begin[64];
        Totals totals;

        snprintf(begin, sizeof(begin), "* 1 FETCH (UID 5 BODY[] {%zu}\r\n", size);
        session = new_session(&totals);
        push(session, bytes_of(begin), &totals);
        for (size_t at = 0; at < size; at += sizeof(piece))
                push(session, (ByteView){piece, sizeof(piece)}, &totals);
        assert(totals.n_bytes == size);
        assert(totals.n_events == 1 + size / sizeof(piece) + 1);

        push(session, BYTES(")\r\n"), &totals);
        assert(totals.n_events == 1 + size / sizeof(piece) + 2);
        assert(peak(&totals) < 64 * 1024);
        assert(used(&totals) < 16 * 1024);
}

/* All at once, and taken only then. */
static void test_many_lines(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        _cleanup_(buffer_done) Buffer lines = BUFFER_NULL;
        static const unsigned n_lines = 100000;
        Totals totals;

        for (unsigned i = 1; i <= n_lines; i++)
                assert(buffer_append_format(&lines, "* %u FETCH (UID %u FLAGS (\\Seen))\r\n", i,
                                            i) == 0);
        session = new_session(&totals);
        assert(imap_session_push(session, buffer_view(&lines)) == 0);
        assert(imap_session_n_unread(session) == lines.size);
        take_events(session, &totals);

        assert(totals.n_events == n_lines);
        assert(imap_session_n_skipped(session) == 0);
        assert(imap_session_n_unread(session) == 0);
        assert(used(&totals) < 16 * 1024);
}

/* A burst of everything that is held for a while: lines, literals, strings, sets, commands. */
static void test_idle_memory(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        _cleanup_(buffer_done) Buffer burst = BUFFER_NULL;
        Totals totals;
        ImapTag tag;

        session = new_session(&totals);
        for (unsigned i = 0; i < 1000; i++) {
                assert(imap_session_submit(session, BYTES("UID FETCH 1:5 FLAGS"), &tag) == 0);
                assert(buffer_append_format(&burst, "%u OK\r\n", tag) == 0);
        }
        imap_session_sent(session, imap_session_pull(session).size);

        assert(buffer_append_string(&burst, "* LIST () \"/\" \"\\\\") == 0);
        for (unsigned i = 0; i < 30000; i++)
                assert(buffer_append_string(&burst, "x") == 0);
        assert(buffer_append_string(&burst, "\"\r\n* OK [MODIFIED 1") == 0);
        for (unsigned i = 3; i < 8000; i += 2)
                assert(buffer_append_format(&burst, ",%u", i) == 0);
        assert(buffer_append_string(&burst, "] x\r\n* 1 FETCH (X {20000}\r\n") == 0);
        for (unsigned i = 0; i < 20000; i++)
                assert(buffer_append_string(&burst, "y") == 0);
        assert(buffer_append_string(&burst, " BODY[] {1}\r\nz)\r\n* OK Still here\r\n") == 0);

        push(session, buffer_view(&burst), &totals);
        assert(totals.n_events == 1000 + 2 + 4 + 1);
        assert(imap_session_n_under_way(session) == 0);
        buffer_done(&burst);
        assert(used(&totals) < 16 * 1024);
}

/* Behind the tagged OK of COMPRESS there is no IMAP any more. */
static void test_take_unread(void) {
        _cleanup_(imap_session_freep) ImapSession *session = NULL;
        _cleanup_(buffer_done) Buffer rest = BUFFER_NULL;
        ImapEvent event;
        Totals totals;
        ImapTag tag;

        session = new_session(&totals);
        assert(imap_session_submit(session, BYTES("COMPRESS DEFLATE"), &tag) == 0);
        assert(imap_session_push(session, BYTES("1 OK\r\n\n\x01\n* 5 EXISTS\r\n")) == 0);
        assert(imap_session_next(session, &event) == 1 && event.type == IMAP_EVENT_TAGGED);
        assert(imap_session_n_unread(session) == 15);
        assert(imap_session_take_unread(session, &rest) == 0);
        assert(bytes_equal(buffer_view(&rest), BYTES("\n\x01\n* 5 EXISTS\r\n")));
        assert(imap_session_n_unread(session) == 0);
        assert(imap_session_push(session, BYTES("* 6 EXISTS\r\n")) == 0);
        assert(imap_session_next(session, &event) == 1 && event.number == 6);
        assert(imap_session_next(session, &event) == 0);
}

int main(void) {
        test_long_sets();
        test_long_body();
        test_many_lines();
        test_idle_memory();
        test_take_unread();
        return 0;
}
