/*
 * The session: what a server says and the events it becomes, however the bytes arrive; what is
 * submitted and the bytes it becomes; limits; memory
 */

#include <errno.h>

#include "base/macro.h"
#include "imap-events.h"
#include "imap/session.h"
#include "test.h"

/* A line for each thing said, by either side. */
#define GREETING "* OK hello\r\n"

static ImapSession *new_session(const ImapLimits *limits) {
        ImapSession *session;

        assert(imap_session_new(limits, &session) == 0);
        return session;
}

/* Push @input in pieces of @step bytes; all events as text in @out. Return: of the last next(). */
static int feed(ImapSession *session, ByteView input, size_t step, Buffer *out) {
        int r = 0;

        for (size_t at = 0; at < input.size && r >= 0; at += step) {
                ImapEvent event;

                assert(imap_session_push(session, (ByteView){input.data + at,
                                                             MIN(step, input.size - at)}) == 0);
                while ((r = imap_session_next(session, &event)) > 0)
                        put_event(out, &event);
        }

        return r;
}

/* A session that has been greeted and in which three commands, 1 to 3, are under way. */
static ImapSession *new_busy_session(const ImapLimits *limits) {
        _cleanup_(buffer_done) Buffer events = BUFFER_NULL;
        ImapSession *session = new_session(limits);

        assert(feed(session, BYTES(GREETING), SIZE_MAX / 2, &events) == 0);
        for (ImapTag expected = 1; expected <= 3; expected++) {
                ImapTag tag;

                assert(imap_session_submit(session, BYTES("NOOP"), &tag) == 0 && tag == expected);
        }
        imap_session_sent(session, imap_session_pull(session).size);
        return session;
}

typedef struct InboundRow {
        const char *label;
        ByteView input;
        const char *events;
        int result;
        unsigned n_skipped;
} InboundRow;

static void check_inbound(const InboundRow *row, const ImapLimits *limits, size_t step) {
        _cleanup_(imap_session_freep) ImapSession *session = new_busy_session(limits);
        _cleanup_(buffer_done) Buffer events = BUFFER_NULL;
        int r = feed(session, row->input, step, &events);

        if (!bytes_equal(buffer_view(&events), bytes_of(row->events)))
                fprintf(stderr, "step %zu: events:\n%.*s", step, (int) events.size, events.data);
        TEST_ROW(row->label, bytes_equal(buffer_view(&events), bytes_of(row->events)));
        TEST_ROW(row->label, r == row->result);
        TEST_ROW(row->label, (*imap_session_error(session) == '\0') == (r == 0));
        TEST_ROW(row->label, imap_session_n_skipped(session) == row->n_skipped);
        if (r < 0) {
                ImapEvent event;

                TEST_ROW(row->label, imap_session_next(session, &event) == r);
        } else
                TEST_ROW(row->label, imap_session_n_unread(session) == 0);
}

static void check_rows(const InboundRow *rows, size_t n_rows, const ImapLimits *limits) {
        for (size_t i = 0; i < n_rows; i++)
                for (size_t step = 1; step <= rows[i].input.size; step += step < 8 ? 1 : step)
                        check_inbound(&rows[i], limits, step);
}

#define check_inbound_rows(rows) check_rows((rows), ARRAY_SIZE(rows), &imap_limits_default)

static void test_lines(void) {
        static const InboundRow rows[] = {
                {"untagged",               BYTES("* 5 EXISTS\r\n* 3 EXPUNGE\r\n"),                          "1 exists 5\n1 expunge 3\n",        0,
                 0                                                                                                                                         },
                {"bare LF",                BYTES("* 5 EXISTS\n* 6 EXISTS\r\n"),                             "1 exists 5\n1 exists 6\n",         0,        0},
                {"tagged",
                 BYTES("1 OK done\r\n* 5 EXISTS\r\n2 NO [CANNOT] no\r\n3 BAD what\r\n* 6 "
                       "EXISTS\r\n"),
                 "1 tagged OK done\n2 exists 5\n2 tagged NO [CANNOT] no\n3 tagged BAD what\n"
                 "0 exists 6\n",                                                                                                                0,        0},
                {"out of order",           BYTES("2 OK b\r\n* 5 EXISTS\r\n3 OK c\r\n1 OK a\r\n"),
                 "2 tagged OK b\n1 exists 5\n3 tagged OK c\n1 tagged OK a\n",                                                                   0,        0},
                {"continuation",           BYTES("+ idling\r\n+\r\n+ \r\n"),
                 "1 continuation OK idling\n1 continuation OK \n1 continuation OK \n",                                                          0,        0},
                {"bye",                    BYTES("* BYE [UNAVAILABLE] later\r\n"),                          "1 text BYE [UNAVAILABLE] later\n",
                 0,                                                                                                                                       0},
                {"junk",                   BYTES("* XANADU a\r\n\r\nfoo bar\r\n* \r\n*\r\n* 5 EXISTS\r\n"),
                 "1 exists 5\n",                                                                                                                0,        5},
                {"junk with literal",      BYTES("* X {12}\r\n* 6 EXISTS\r\n y\r\n* 5 EXISTS\r\n"),
                 "1 exists 5\n",                                                                                                                0,        1},
                {"text announces nothing",
                 BYTES("* OK look: {5}\r\n1 NO {3}\r\nx {9}\r\n* 5 EXISTS\r\n"),
                 "1 text OK look: {5}\n1 tagged NO {3}\n2 exists 5\n",                                                                          0,        1},
                {"list, literal",          BYTES("* LIST () \"/\" {3}\r\na\nb\r\n"),                        "1 list 0 / a\nb\n",                0,
                 0                                                                                                                                         },
                {"list, two literals",
                 BYTES("* LIST () \"/\" {1}\r\na (OLDNAME (~{2}\r\n\r\n))\r\n"),
                 "1 list 0 / a was \r\n\n",                                                                                                     0,        0},
                {"status",                 BYTES("* STATUS a (MESSAGES 1)\r\n"),                            "1 status a messages 1\n",          0,        0},
                {"NUL",                    BYTES("* 5 EXI\0STS\r\n* 6 EXISTS\r\n"),                         "1 exists 6\n",                     0,        1},
                {"unknown tag",            BYTES("7 OK done\r\n"),                                          "",                                 -EBADMSG, 0},
                {"tag twice",              BYTES("1 OK a\r\n1 OK b\r\n"),                                   "1 tagged OK a\n",                  -EBADMSG, 0},
                {"foreign tag",            BYTES("a1 OK done\r\n"),                                         "",                                 -EBADMSG, 0},
                {"tag 0",                  BYTES("0 OK done\r\n"),                                          "",                                 -EBADMSG, 0},
                {"impossible literal",     BYTES("* X {9223372036854775808}\r\n"),                          "",                                 -EBADMSG, 0},
        };

        check_inbound_rows(rows);
}

static void test_bodies(void) {
        static const InboundRow rows[] = {
                {"first",                 BYTES("* 5 FETCH (BODY[] {7}\r\na)\r\n\"b\n UID 9)\r\n"),
                 "1 body-begin #5 body 7\na)\r\n\"b\n\n1 body-end\n1 fetch #5 uid 9 body 7\n",                                      0,
                 0                                                                                                                      },
                {"last",
                 BYTES("* 5 FETCH (UID 9 FLAGS (\\Seen) BODY[] {3}\r\nabc)\r\n* 6 EXISTS\r\n"),
                 "1 body-begin #5 uid 9 flags (\\Seen) body 3\nabc\n1 body-end\n"
                 "1 fetch #5 uid 9 flags (\\Seen) body 3\n1 exists 6\n",                                                            0, 0},
                {"literal8",              BYTES("* 5 FETCH (UID 9 body[] ~{2}\r\n\xff\x80)\r\n"),
                 "1 body-begin #5 uid 9 body 2\n\xff\x80\n1 body-end\n1 fetch #5 uid 9 body 2\n",                                   0,
                 0                                                                                                                      },
                {"empty",                 BYTES("* 5 FETCH (UID 9 BODY[] {0}\r\n)\r\n"),
                 "1 body-begin #5 uid 9 body 0\n\n1 body-end\n1 fetch #5 uid 9 body 0\n",                                           0, 0},
                {"nil",                   BYTES("* 5 FETCH (UID 9 BODY[] NIL)\r\n"),                      "1 fetch #5 uid 9 nil\n", 0, 0},
                {"quoted",                BYTES("* 5 FETCH (BODY[] \"a\\\\b\" UID 9)\r\n* 6 EXISTS\r\n"),
                 "1 body-begin #5 uid 9 body 3\na\\b\n1 body-end\n1 fetch #5 uid 9 body 3\n"
                 "1 exists 6\n",                                                                                                    0, 0},
                {"quoted, empty",         BYTES("* 5 FETCH (BODY[] \"\")\r\n"),
                 "1 body-begin #5 body 0\n\n1 body-end\n1 fetch #5 body 0\n",                                                       0, 0},
                {"header and body",
                 BYTES("* 5 FETCH (BODY[HEADER.FIELDS (A)] {4}\r\nA: b BODY[] {1}\r\nx)\r\n"),
                 "1 body-begin #5 header A: b body 1\nx\n1 body-end\n"
                 "1 fetch #5 header A: b body 1\n",                                                                                 0, 0},
                {"body and header",
                 BYTES("* 5 FETCH (BODY[] {1}\r\nx BODY[HEADER.FIELDS (A)] {4}\r\nA: b)\r\n"),
                 "1 body-begin #5 body 1\nx\n1 body-end\n1 fetch #5 header A: b body 1\n",                                          0, 0},
                {"uidonly",               BYTES("* 9 UIDFETCH (BODY[] {1}\r\nx)\r\n"),
                 "1 body-begin #0 uid 9 body 1\nx\n1 body-end\n1 fetch #0 uid 9 body 1\n",                                          0, 0},
                {"not at the top",        BYTES("* 5 FETCH (X (BODY[] {3}\r\na)b) UID 9)\r\n"),
                 "1 fetch #5 uid 9\n",                                                                                              0, 0},
                {"parenthesis in quotes", BYTES("* 5 FETCH (X \"(\\\"\" BODY[] {1}\r\nx)\r\n"),
                 "1 body-begin #5 body 1\nx\n1 body-end\n1 fetch #5 body 1\n",                                                      0, 0},
                {"only a part",           BYTES("* 5 FETCH (BODY[]<0> {1}\r\nx UID 9)\r\n"),
                 "1 fetch #5 uid 9\n",                                                                                              0, 0},
                {"other name",            BYTES("* 5 FETCH (XBODY[] {1}\r\nx UID 9)\r\n"),
                 "1 fetch #5 uid 9\n",                                                                                              0, 0},
                {"twice",                 BYTES("* 5 FETCH (BODY[] {1}\r\nx BODY[] {2}\r\nyz)\r\n"),
                 "1 body-begin #5 body 1\nx\n1 body-end\n1 fetch #5 body 1\n",                                                      0, 0},
                {"nonsense before",
                 BYTES("* 5 FETCH (UID x BODY[] {13}\r\n* 6 EXISTS\r\n.)\r\n* 7 EXISTS\r\n"),
                 "1 exists 7\n",                                                                                                    0, 1},
                {"nonsense behind",       BYTES("* 5 FETCH (BODY[] {1}\r\nx UID y)\r\n* 7 EXISTS\r\n"),
                 "1 body-begin #5 body 1\nx\n1 body-end\n1 fetch #0\n1 exists 7\n",                                                 0, 1},
                {"body inside a section", BYTES("* 5 FETCH (X[ BODY[] {1}\r\nx)\r\n* 7 EXISTS\r\n"),
                 "1 exists 7\n",                                                                                                    0, 1},
                {"not a fetch",           BYTES("* X (BODY[] {12}\r\n* 6 EXISTS\r\n)\r\n* 7 EXISTS\r\n"),
                 "1 exists 7\n",                                                                                                    0, 1},
        };

        check_inbound_rows(rows);
}

static void test_sets(void) {
        static const InboundRow rows[] = {
                {"vanished",                  BYTES("* VANISHED 3\r\n"),                                        "1 vanished 3 .\n",         0, 0},
                {"earlier",                   BYTES("* VANISHED (EARLIER) 41,43:116,118\r\n"),
                 "1 vanished earlier 41,43:116,118 .\n",                                                                                    0, 0},
                {"any order",                 BYTES("* vanished (earlier) 9,3:1,7:8\n"),
                 "1 vanished earlier 1:3,7:9 .\n",                                                                                          0, 0},
                {"dovecot",                   BYTES("* VANISHED 0:1\r\n"),                                      "1 vanished 1 .\n",         0, 0},
                {"spaces",                    BYTES("* VANISHED  (EARLIER)  1 \r\n"),                           "1 vanished earlier 1 .\n", 0,
                 0                                                                                                                              },
                {"star",                      BYTES("* VANISHED 1:*\r\n* 5 EXISTS\r\n"),                        "1 exists 5\n",             0, 1},
                {"vanished nothing",          BYTES("* VANISHED\r\n* VANISHED \r\n* VANISHED (EARLIER)\r\n"),
                 "",                                                                                                                        0, 3},
                {"commas",                    BYTES("* VANISHED ,1\r\n* VANISHED 1,\r\n* VANISHED 1,,2\r\n"),   "",                         0,
                 3                                                                                                                              },
                {"vanished words",            BYTES("* VANISHED 1 2\r\n* VANISHED (X) 1\r\n* VANISHED x\r\n"),
                 "",                                                                                                                        0, 3},
                {"vanished, list behind",     BYTES("* VANISHED 1 (EARLIER)\r\n"),                              "",                         0, 1},
                {"nonsense with literal",
                 BYTES("* VANISHED x {12}\r\n* 6 EXISTS\r\n\r\n* 5 EXISTS\r\n"),                                "1 exists 5\n",             0,
                 1                                                                                                                              },
                {"zero",                      BYTES("* VANISHED 0\r\n"),                                        "",                         0, 1},
                {"number too long",
                 BYTES("* VANISHED "
                       "00000000000000000000000000000000000000000000000000000000000000001\r\n"),
                 "",                                                                                                                        0, 1},

                {"search",                    BYTES("* SEARCH 9 4 5\r\n"),                                      "1 search 4:5,9 .\n",       0, 0},
                {"search, nothing",           BYTES("* SEARCH\r\n* SEARCH \r\n"),
                 "1 search  .\n1 search  .\n",                                                                                              0, 0},
                {"search, modseq",            BYTES("* SEARCH 4 (MODSEQ 917162500)\r\n"),                       "1 search 4 .\n",           0,
                 0                                                                                                                              },
                {"search, nonsense",          BYTES("* SEARCH 4 x\r\n* SEARCH 4,5\r\n* SEARCH (\r\n"),          "",                         0,
                 3                                                                                                                              },

                {"esearch",                   BYTES("* ESEARCH (TAG \"2\") UID ALL 4:18,21\r\n* 5 EXISTS\r\n"),
                 "2 search 4:18,21 .\n1 exists 5\n",                                                                                        0, 0},
                {"esearch, count",            BYTES("* ESEARCH (TAG \"3\") UID COUNT 5\r\n"),                   "3 count 5\n",              0,
                 0                                                                                                                              },
                {"esearch, both",             BYTES("* ESEARCH UID COUNT 2 ALL 4,6 MODSEQ 9\r\n"),
                 "1 count 2\n1 search 4,6 .\n",                                                                                             0, 0},
                {"esearch, other order",      BYTES("* ESEARCH UID ALL 4,6 COUNT 2 \r\n"),
                 "1 search 4,6 .\n1 count 2\n",                                                                                             0, 0},
                {"esearch, nothing",          BYTES("* ESEARCH (TAG \"2\") UID\r\n* ESEARCH\r\n"),
                 "2 search  .\n1 search  .\n",                                                                                              0, 0},
                {"esearch, count of nothing", BYTES("* ESEARCH (TAG \"1\") UID COUNT 0\r\n"),
                 "1 count 0\n",                                                                                                             0, 0},
                {"esearch, unknown",
                 BYTES("* ESEARCH (TAG {1}\r\n2) UID MIN 4 X (a {1}\r\n() ALL 4\r\n"),
                 "2 search 4 .\n",                                                                                                          0, 0},
                {"esearch, unknown tag",      BYTES("* ESEARCH (TAG \"9\") UID ALL 4\r\n"),
                 "1 search 4 .\n",                                                                                                          0, 0},
                {"esearch, nonsense",
                 BYTES("* ESEARCH UID ALL\r\n* ESEARCH COUNT x\r\n* ESEARCH ()\r\n* ESEARCH "
                       "(TAG\r\n"
                       "* ESEARCH ALL 1:*\r\n* ESEARCH \"a\"\r\n* 5 EXISTS\r\n"),
                 "1 exists 5\n",                                                                                                            0, 6},
                {"esearch, nonsense behind",  BYTES("* ESEARCH ALL 4 COUNT x\r\n"),                             "1 search 4 .\n",
                 0,                                                                                                                            1},
        };

        check_inbound_rows(rows);
}

/* With room for two ranges, pieces end at the same places however the bytes came. */
static void test_pieces(void) {
        static const InboundRow rows[] = {
                {"two",                          BYTES("* VANISHED 1,3\r\n"),                              "1 vanished 1,3 .\n", 0,        0},
                {"three",                        BYTES("* VANISHED (EARLIER) 1,3,5\r\n"),
                 "1 vanished earlier 1,3 ...\n1 vanished earlier 5 .\n",                                                         0,        0},
                {"merged",                       BYTES("* SEARCH 1 2 3 4 9 20\r\n"),
                 "1 search 1:4,9 ...\n1 search 20 .\n",                                                                          0,        0},
                {"space at the end",             BYTES("* SEARCH 1 3 \r\n"),                               "1 search 1,3 .\n",   0,        0},
                {"esearch",                      BYTES("* ESEARCH (TAG \"2\") ALL 1,3,5,7,9 COUNT 5\r\n"),
                 "2 search 1,3 ...\n2 search 5,7 ...\n2 search 9 .\n2 count 5\n",                                                0,        0},
                {"nonsense when it is too late", BYTES("* SEARCH 1 3 5 x\r\n"),
                 "1 search 1,3 ...\n",                                                                                           -EBADMSG, 0},
                {"star when it is too late",     BYTES("* VANISHED 1,3,5:*\r\n"),
                 "1 vanished 1,3 ...\n",                                                                                         -EBADMSG, 0},
        };
        static const ImapLimits limits = {.line = 4096, .output = 1, .ranges = 2, .literal = 1};

        check_rows(rows, ARRAY_SIZE(rows), &limits);
}

static void test_limits(void) {
        static const InboundRow rows[] = {
                {"line of 40",     BYTES("* OK 34567890123456789012345678901234567\r\n"),
                 "1 text OK 34567890123456789012345678901234567\n",                                  0,      0},
                {"line of 42",     BYTES("* OK 3456789012345678901234567890123456789\r\n"),      "", -E2BIG,
                 0                                                                                            },
                {"no end",         BYTES("* OK 34567890123456789012345678901234567890"),         "", -E2BIG, 0},
                {"literal counts", BYTES("* LIST () \"/\" {24}\r\n"),                            "", -E2BIG, 0},
                {"literal fits",   BYTES("* LIST () \"/\" {16}\r\n0123456789abcdef\r\n"),
                 "1 list 0 / 0123456789abcdef\n",                                                    0,      0},
                {"huge literal",   BYTES("* X {9223372036854775807}\r\n"),                       "", -E2BIG, 0},
                {"body of 100",
                 BYTES("* 5 FETCH (BODY[] {100}\r\n"
                       "01234567890123456789012345678901234567890123456789"
                       "01234567890123456789012345678901234567890123456789)\r\n"),
                 "1 body-begin #5 body 100\n01234567890123456789012345678901234567890123456789"
                 "01234567890123456789012345678901234567890123456789\n1 body-end\n"
                 "1 fetch #5 body 100\n",                                                            0,      0},
                {"body of 101",    BYTES("* 5 FETCH (BODY[] {101}\r\n"),                         "", -E2BIG, 0},
                {"huge body",      BYTES("* 5 FETCH (BODY[] {9223372036854775807}\r\n"),         "", -E2BIG, 0},
                {"around a body",
                 BYTES("* 5 FETCH (BODY[] {1}\r\nx XXXXXXXXXX (YYYYYYYYYYYYYYY))\r\n"),
                 "1 body-begin #5 body 1\nx\n1 body-end\n",                                          -E2BIG, 0},
                {"esearch item",
                 BYTES("* ESEARCH (TAG \"34567890123456789012345678901234567890\") ALL 1\r\n"),  "",
                 -E2BIG,                                                                                     0},
                {"long set",
                 BYTES("* VANISHED 10,20,30,40,50,60,70,80,90,100,110,120,130,140,150,160\r\n"),
                 "1 vanished 10,20,30,40,50,60,70,80,90,100,110,120,130,140,150,160 .\n",            0,      0},
        };
        static const ImapLimits limits = {.line = 42, .output = 1, .ranges = 99, .literal = 100};

        check_rows(rows, ARRAY_SIZE(rows), &limits);
}

static void test_greeting(void) {
        static const struct {
                const char *label;
                const char *input;
                const char *events;
                const char *error;
        } rows[] = {
                {"ok",                        "* OK [CAPABILITY IMAP4rev1] ready\r\n",
                 "0 greeting OK [CAPABILITY IMAP4rev1] ready\n",                                                           ""                                              },
                {"preauth",                   "* PREAUTH hello\n",                           "0 greeting PREAUTH hello\n", ""                                              },
                {"bye",                       "* BYE full\r\n",                              "0 greeting BYE full\n",      ""                                              },
                {"http",                      "HTTP/1.1 400 Bad Request\r\nDate: today\r\n", "",
                 "this is not an IMAP server: it said “HTTP/1.1 400 Bad Request”"                                                                                      },
                {"ssh",                       "SSH-2.0-OpenSSH_9.2p1\r\n",                   "",
                 "this is not an IMAP server: it said “SSH-2.0-OpenSSH_9.2p1”"                                                                                         },
                {"pop3",                      "+OK POP3 ready\r\n",                          "",
                 "this is not an IMAP server: it said “+OK POP3 ready”"                                                                                                },
                {"tls",                       "\x15\x03\x01\n",                              "",
                 "this is not an IMAP server: it said “\\x15\\x03\\x01”"                                                                                               },
                {"no line",
                 "0123456789012345678901234567890123456789012345678901234567890123456789",   "",
                 "this is not an IMAP server: it said "
                 "“012345678901234567890123456789012345678901234567890123456789…”"                                                                                   },
                {"untagged, but no greeting", "* 5 EXISTS\r\n",                              "",
                 "this is not an IMAP server: it said “* 5 EXISTS”"                                                                                                    },
                {"no",                        "* NO\r\n",                                    "",                           "this is not an IMAP server: it said “* NO”"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t step = 1; step < 100; step++) {
                        _cleanup_(imap_session_freep) ImapSession *session =
                                new_session(&imap_limits_default);
                        _cleanup_(buffer_done) Buffer events = BUFFER_NULL;
                        int r = feed(session, bytes_of(rows[i].input), step, &events);

                        TEST_ROW(rows[i].label,
                                 bytes_equal(buffer_view(&events), bytes_of(rows[i].events)));
                        TEST_ROW(rows[i].label, r == (*rows[i].error ? -EBADMSG : 0));
                        TEST_ROW(rows[i].label,
                                 strcmp(imap_session_error(session), rows[i].error) == 0);
                }
}

static void test_sentences(void) {
        static const struct {
                const char *input;
                const char *error;
        } rows[] = {
                {"a1 OK \x1b[0m\r\n",
                 "the server answered a command that was not given: “a1 OK \\x1b[0m”"             },
                {"* 1 FETCH (BODY[] {2000}\r\n",
                 "the server sent a message of 2000 bytes, and the limit is 1000"                     },
                {"* OK a line that is too long by far\r\n",
                 "the server sent a line of over 30 bytes, which begins with “* OK a line "
                 "that is too long by far”"                                                         },
                {"* X {99999999999999999999}\r\n",
                 "the server announced a literal of impossible size: “* X {99999999999999999999}”"},
        };
        static const ImapLimits limits = {.line = 30, .output = 1, .ranges = 1, .literal = 1000};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(imap_session_freep) ImapSession *session = new_busy_session(&limits);
                _cleanup_(buffer_done) Buffer events = BUFFER_NULL;

                assert(feed(session, bytes_of(rows[i].input), SIZE_MAX / 2, &events) < 0);
                TEST_ROW(rows[i].error, strcmp(imap_session_error(session), rows[i].error) == 0);
        }
}

/* The longest sentence there is: with the usual limit, and a quote of bytes that are escaped. */
static void test_longest_sentence(void) {
        static char line[70000];
        _cleanup_(imap_session_freep) ImapSession *session = new_busy_session(&imap_limits_default);
        _cleanup_(buffer_done) Buffer events = BUFFER_NULL;
        const char *error;

        memset(line, '\x1b', sizeof(line));
        memcpy(line, "* OK ", 5);
        assert(feed(session, (ByteView){line, sizeof(line)}, SIZE_MAX / 2, &events) == -E2BIG);
        error = imap_session_error(session);
        assert(strstr(error, "of over 65536 bytes, which begins with “* OK \\x1b"));
        assert(strcmp(error + strlen(error) - strlen("\\x1b…”"), "\\x1b…”") == 0);
}

int main(void) {
        test_lines();
        test_bodies();
        test_sets();
        test_pieces();
        test_limits();
        test_greeting();
        test_sentences();
        test_longest_sentence();
        return 0;
}
