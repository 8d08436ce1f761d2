/*
 * Fuzz the IMAP replica: whatever a server answers, every request ends once
 *
 * The input is lines. The first byte of the input chooses what the server can do. A line ">x" makes
 * the request that x stands for, any other line is what the server says.
 */

#include "replica-transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WITH_QRESYNC                                                                               \
        "IMAP4rev1 ENABLE CONDSTORE QRESYNC NOTIFY IDLE LIST-EXTENDED LIST-STATUS UIDPLUS "        \
        "LITERAL+ UNSELECT"

static const char *const servers[] = {
        "IMAP4rev1",
        "IMAP4rev1 IDLE UIDPLUS UNSELECT LITERAL+",
        WITH_QRESYNC,
        "IMAP4rev1 ENABLE CONDSTORE IDLE LIST-STATUS UIDPLUS LITERAL- APPENDLIMIT=5 X-GM-EXT-1",
        "IMAP4rev1 ENABLE UIDONLY IDLE UIDPLUS UNSELECT LITERAL+ MULTIAPPEND",
};

static const char *const options[] = {"", "q", "x", "qo"};

static const char *const actions[] = {
        ['a'] = "append A 42 \\Seen abc",
        ['A'] = "append B 43 \\Seen>\\Flagged abcd",
        ['b'] = "changes B 8 2 31 body",
        ['c'] = "changes A 7 9 21 flags",
        ['C'] = "changes A 7 9 21 body 9:10",
        ['d'] = "changes A 0 0 0 identity",
        ['e'] = "expunge A 5:6",
        ['E'] = "expunge B 1",
        ['f'] = "fetch A 1:5 body",
        ['F'] = "fetch B 1 flags",
        ['i'] = "idle A",
        ['k'] = "close A",
        ['K'] = "close B",
        ['l'] = "list",
        ['L'] = "leave A",
        ['m'] = "create a/b",
        ['n'] = "notify",
        ['o'] = "noop",
        ['p'] = "poll A B",
        ['s'] = "store A 1:3 \\Flagged,work \\Seen",
        ['S'] = "store B 1 - \\Seen",
};

static void act(ReplicaTest *test, char which) {
        const char *action =
                which > 0 && (size_t) which < ARRAY_SIZE(actions) ? actions[(size_t) which] : NULL;

        if (!action || test->lost || (test->appending && strncmp(action, "append", 6) == 0))
                return;
        replica_on_action(test, bytes_of(action));
        replica_on_input(test);
        transcript_pull(&test->transcript);
}

static void say(ReplicaTest *test, ByteView line) {
        transcript_push(&test->transcript, line);
        transcript_push(&test->transcript, BYTES("\r\n"));
}

/* Once the server has answered everything, nothing may be left to wait for. */
static void check(const ReplicaTest *test) {
        assert(test->n_done <= test->n_requests);
        if (test->lost || test->appending || imap_session_n_under_way(test->transcript.session) > 0)
                return;

        assert(test->n_done == test->n_requests);
        assert(!imap_replica_is_busy(test->replica));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ReplicaTest test = {.transcript = {.label = "fuzz"}};
        ByteView rest = {(const char *) data, size};

        if (size == 0)
                return 0;
        replica_test_init(&test, servers[data[0] & 3], options[data[0] >> 2 & 3]);
        rest = (ByteView){rest.data + 1, rest.size - 1};

        while (rest.size > 0 && !test.lost) {
                const char *end = memchr(rest.data, '\n', rest.size);
                const ByteView line = {rest.data, end ? (size_t) (end - rest.data) : rest.size};
                const size_t n = line.size + (end ? 1 : 0);

                if (line.size == 2 && line.data[0] == '>')
                        act(&test, line.data[1]);
                else
                        say(&test, line);
                check(&test);
                rest = (ByteView){rest.data + n, rest.size - n};
        }

        replica_test_done(&test);
        return 0;
}
