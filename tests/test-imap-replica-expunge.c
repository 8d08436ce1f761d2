/* The IMAP replica: what it expunges, and what it takes for gone. */

#include "replica-transcript.h"

#define OTHERS_ARE_MARKED                                                                          \
        "E: DONE EXPUNGE A FAILED exists=3: other messages are marked as deleted, which the "      \
        "server would expunge with ours (it lacks UIDPLUS), so nothing was deleted there; "        \
        "expunge or unmark them\n"

static void test_expunge(void) {
        replica_check("expunge: one write, and only ours", DOVECOT, "q",
                      OPEN_A "> expunge A 5:6\n"
                             "C: 2 UID STORE 5:6 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 3 UID EXPUNGE 5:6\n"
                             "S: * 1 FETCH (UID 5 MODSEQ (22))\n"
                             "S: 2 OK\n"
                             "S: * VANISHED 5:6\n"
                             "S: 3 OK [HIGHESTMODSEQ 24] Expunge completed.\n"
                             "E: VANISHED A 5:6\n"
                             "E: DONE EXPUNGE A modseq=24 exists=1\n");
        replica_check("expunge: what is not told to be gone is expunged once more", DOVECOT, "q",
                      OPEN_A "> expunge A 5:6\n"
                             "C: 2 UID STORE 5:6 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 3 UID EXPUNGE 5:6\n"
                             "S: * 1 FETCH (UID 5 MODSEQ (22))\n"
                             "S: 2 OK\n"
                             "S: * VANISHED 5\n"
                             "S: 3 OK Expunge completed.\n"
                             "E: VANISHED A 5\n"
                             "C: 4 UID STORE 6 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 5 UID EXPUNGE 6\n"
                             "C: 6 UID SEARCH RETURN (ALL COUNT) UID 6\n"
                             "S: 4 OK\n"
                             "S: * VANISHED 6\n"
                             "S: 5 OK [HIGHESTMODSEQ 24] Expunge completed.\n"
                             "S: * ESEARCH (TAG \"6\") UID ALL 6 COUNT 1\n"
                             "S: 6 OK\n"
                             "E: VANISHED A 6\n"
                             "E: DONE EXPUNGE A modseq=24 exists=1\n");
        replica_check("expunge: others vanish, ours was gone before", DOVECOT, "q",
                      OPEN_A "> expunge A 5\n"
                             "C: 2 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 3 UID EXPUNGE 5\n"
                             "S: 2 OK\n"
                             "S: * VANISHED 6\n"
                             "S: 3 OK Expunge completed.\n"
                             "E: VANISHED A 6\n"
                             "C: 4 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 5 UID EXPUNGE 5\n"
                             "C: 6 UID SEARCH RETURN (ALL COUNT) UID 5\n"
                             "S: 4 OK\n"
                             "S: 5 OK\n"
                             "S: * ESEARCH (TAG \"6\") UID COUNT 0\n"
                             "S: 6 OK\n"
                             "E: DONE EXPUNGE A modseq=21 exists=2\n");
        replica_check(
                "expunge in another mailbox waits for its SELECT, others wait behind", DOVECOT, "q",
                OPEN_A "> changes B 8 2 31 flags\n"
                       "> expunge A 5\n"
                       "> fetch B 1 flags\n"
                       "C: 2 SELECT B (QRESYNC (8 31))\n"
                       "C: 3 SELECT A (QRESYNC (7 21))\n"
                       "S: * OK [CLOSED] .\n" SELECTED(
                               "1", "8", "2",
                               "31") "S: 2 OK\n"
                                     "S: * OK [CLOSED] .\n" SELECTED(
                                             "3", "7", "9",
                                             "21") "S: 3 OK\n"
                                                   "C: 4 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                                                   "C: 5 UID EXPUNGE 5\n"
                                                   "C: 6 SELECT B (QRESYNC (8 31))\n"
                                                   "C: 7 UID FETCH 1 (FLAGS)\n"
                                                   "S: 4 OK\n"
                                                   "S: * VANISHED 5\n"
                                                   "S: 5 OK [HIGHESTMODSEQ 24] .\n"
                                                   "E: OPENED B 8 2 31 exists=1 " STORABLE "\n"
                                                   "E: DONE CHANGES B modseq=31 exists=1\n"
                                                   "E: VANISHED A 5\n"
                                                   "E: DONE EXPUNGE A modseq=24 exists=2\n"
                                                   "> busy\n");
        replica_check(
                "expunge in a mailbox that was replaced: nothing is deleted", DOVECOT, "q",
                OPEN_A
                "> changes B 8 2 31 flags\n"
                "> expunge A 5\n"
                "C: 2 SELECT B (QRESYNC (8 31))\n"
                "C: 3 SELECT A (QRESYNC (7 21))\n"
                "S: 2 NO no\n" SELECTED(
                        "3", "10", "9",
                        "21") "S: 3 OK\n"
                              "E: DONE CHANGES B FAILED: the server cannot open the mailbox: “no”\n"
                              "E: DONE EXPUNGE A FAILED exists=3: the mailbox was replaced "
                              "meanwhile "
                              "(UIDVALIDITY)\n");
        replica_check("expunge in a mailbox that is gone", DOVECOT, "q",
                      OPEN_A
                      "> changes B 8 2 31 flags\n"
                      "> expunge A 5\n"
                      "C: 2 SELECT B (QRESYNC (8 31))\n"
                      "C: 3 SELECT A (QRESYNC (7 21))\n"
                      "S: 2 NO no\n"
                      "S: 3 NO [NONEXISTENT] gone\n"
                      "E: DONE CHANGES B FAILED: the server cannot open the mailbox: “no”\n"
                      "E: DONE EXPUNGE A NO_MAILBOX modseq=21 exists=3: the server cannot open the "
                      "mailbox: “gone”\n");
        replica_check("expunge without UIDPLUS: only ours are marked", BARE, "",
                      OPEN_BARE
                      "> expunge A 5,7\n"
                      "> fetch B 1 flags\n"
                      "C: 3 UID SEARCH DELETED\n"
                      "S: * SEARCH 7\n"
                      "S: 3 OK\n"
                      "C: 4 UID STORE 5,7 +FLAGS.SILENT (\\Deleted)\n"
                      "C: 5 EXPUNGE\n"
                      "C: 6 UID SEARCH UID 5,7\n"
                      "C: 7 SELECT B\n"
                      "C: 8 UID FETCH 1 (FLAGS)\n"
                      "S: 4 OK\n"
                      "S: * 2 EXPUNGE\n"
                      "S: * 2 EXPUNGE\n"
                      "S: 5 OK\n"
                      "S: * SEARCH\n"
                      "S: 6 OK\n"
                      "E: DONE EXPUNGE A exists=1\n"
                      "S: 7 NO no\n"
                      "S: 8 BAD no\n"
                      "E: DONE FETCH B FAILED: the server cannot open the mailbox: “no”\n");
        replica_check("the same, in a mailbox that must be selected first", BARE, "",
                      OPEN_BARE "> fetch B 1 flags\n"
                                "> expunge A 5\n"
                                "C: 3 SELECT B\n"
                                "C: 4 UID FETCH 1 (FLAGS)\n"
                                "C: 5 SELECT A\n"
                                "S: * OK [UIDVALIDITY 8] .\n"
                                "S: 3 OK\n"
                                "S: 4 OK\n"
                                "S: * 3 EXISTS\n"
                                "S: * OK [UIDVALIDITY 7] .\n"
                                "S: * OK [UIDNEXT 9] .\n"
                                "S: 5 OK\n"
                                "C: 6 UID SEARCH DELETED\n"
                                "S: * SEARCH\n"
                                "S: 6 OK\n"
                                "C: 7 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                                "C: 8 EXPUNGE\n"
                                "C: 9 UID SEARCH UID 5\n"
                                "S: 7 OK\n"
                                "S: * 1 EXPUNGE\n"
                                "S: 8 OK\n"
                                "S: * SEARCH\n"
                                "S: 9 OK\n"
                                "E: DONE FETCH B exists=0\n"
                                "E: DONE EXPUNGE A exists=2\n");
        replica_check("others are marked: nothing is expunged", BARE, "",
                      OPEN_BARE "> expunge A 5\n"
                                "C: 3 UID SEARCH DELETED\n"
                                "S: * SEARCH 5 6\n"
                                "S: 3 OK\n" OTHERS_ARE_MARKED "> expunge A 5\n"
                                "C: 4 UID SEARCH DELETED\n"
                                "S: 4 OK and nothing said\n" OTHERS_ARE_MARKED "> expunge A 5\n"
                                "C: 5 UID SEARCH DELETED\n"
                                "S: 5 NO no\n"
                                "E: DONE EXPUNGE A FAILED exists=3: the server refuses to search: "
                                "“no”\n");
        replica_check(
                "expunge in a mailbox that nobody looked at", DOVECOT, "q",
                "> expunge A 5\n"
                "E: DONE EXPUNGE A FAILED: the mailbox was not looked at since the connection is "
                "up, so nothing was deleted there\n");
        replica_check("kept without UIDPLUS: once more, and again only ours", BARE, "",
                      OPEN_BARE "> expunge A 5\n"
                                "C: 3 UID SEARCH DELETED\n"
                                "S: * SEARCH\n"
                                "S: 3 OK\n"
                                "C: 4 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                                "C: 5 EXPUNGE\n"
                                "C: 6 UID SEARCH UID 5\n"
                                "S: 4 OK\n"
                                "S: * 1 EXPUNGE\n"
                                "S: 5 OK\n"
                                "S: * SEARCH 5\n"
                                "S: 6 OK\n"
                                "C: 7 UID SEARCH DELETED\n"
                                "S: * SEARCH 5\n"
                                "S: 7 OK\n"
                                "C: 8 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                                "C: 9 EXPUNGE\n"
                                "C: 10 UID SEARCH UID 5\n"
                                "S: 8 OK\n"
                                "S: * 1 EXPUNGE\n"
                                "S: 9 OK\n"
                                "S: * SEARCH\n"
                                "S: 10 OK\n"
                                "E: DONE EXPUNGE A exists=1\n");
}

/* Where EXPUNGE tells numbers: 5 is to go, and there is another client. */
#define OPEN_NUMBERED(uidnext)                                                                     \
        "> changes A 7 9 0 flags\n"                                                                \
        "C: 1 SELECT A\n"                                                                          \
        "C: 2 UID FETCH 9:4294967295 (FLAGS)\n"                                                    \
        "S: * 3 EXISTS\n"                                                                          \
        "S: * OK [UIDVALIDITY 7] .\n"                                                              \
        "S: * OK [UIDNEXT " uidnext "] .\n"                                                        \
        "S: 1 OK\n"                                                                                \
        "S: 2 OK\n"                                                                                \
        "E: OPENED A 7 " uidnext " 0 exists=3 () untold=expunges,flags\n"                          \
        "E: DONE CHANGES A exists=3\n"
#define ROUND(store, expunge, search, set)                                                         \
        "C: " store " UID STORE " set " +FLAGS.SILENT (\\Deleted)\n"                               \
        "C: " expunge " UID EXPUNGE " set "\n"                                                     \
        "C: " search " UID SEARCH UID " set "\n"
#define ANSWERED(store, expunge, search, left)                                                     \
        "S: " store " OK\n"                                                                        \
        "S: " expunge " OK\n"                                                                      \
        "S: * SEARCH" left "\n"                                                                    \
        "S: " search " OK\n"

static void test_expunge_numbered(void) {
        replica_check("expunge without QRESYNC: the server says what is left", EXCHANGE, "",
                      OPEN_NUMBERED("9") "> expunge A 5\n" ROUND(
                              "3", "4", "5",
                              "5") "S: * 2 EXPUNGE\n" ANSWERED("3", "4", "5",
                                                               "") "E: DONE EXPUNGE A exists=2\n");
        replica_check("it was expunged before", EXCHANGE, "",
                      OPEN_NUMBERED("9") "> expunge A 5\n" ROUND("3", "4", "5", "5")
                              ANSWERED("3", "4", "5", "") "E: DONE EXPUNGE A exists=3\n");
        replica_check(
                "another client's are told to be gone, and ours are kept: once more", EXCHANGE, "",
                OPEN_NUMBERED("9") "> expunge A 5,7\n" ROUND(
                        "3", "4", "5",
                        "5,7") "S: * 3 EXPUNGE\n"
                               "S: * 2 EXPUNGE\n" ANSWERED("3", "4", "5", " 5 6")
                                       ROUND("6", "7", "8", "5") "S: * 1 EXPUNGE\n" ANSWERED(
                                               "6", "7", "8", "") "E: DONE EXPUNGE A exists=0\n");
        replica_check("an answer that tells how it was before", EXCHANGE, "",
                      OPEN_NUMBERED("9") "> expunge A 5\n" ROUND(
                              "3", "4", "5", "5") "S: * SEARCH 5\n"
                                                  "S: 5 OK\n"
                                                  "S: 3 OK\n"
                                                  "S: * 2 EXPUNGE\n"
                                                  "S: 4 OK\n" ROUND("6", "7", "8", "5") ANSWERED(
                                                          "6", "7", "8",
                                                          "") "E: DONE EXPUNGE A exists=2\n");
        replica_check("what has come since the SELECT may not have been seen", EXCHANGE, "",
                      OPEN_NUMBERED("9") "> expunge A 9\n" ROUND("3", "4", "5",
                                                                 "9") ANSWERED("3", "4", "5", "")
                              ROUND("6", "7", "8", "9") "S: * 4 EXISTS\n"
                                                        "S: * 4 EXPUNGE\n" ANSWERED(
                                                                "6", "7", "8",
                                                                "") "E: DONE EXPUNGE A exists=3\n");
        replica_check("OK as often as one likes, and never gone: not done", EXCHANGE, "",
                      OPEN_NUMBERED("9") "> expunge A 5\n" ROUND("3", "4", "5", "5") ANSWERED(
                              "3", "4", "5", " 5") ROUND("6", "7", "8", "5")
                              ANSWERED("6", "7", "8", " 5") ROUND("9", "10", "11", "5") ANSWERED(
                                      "9", "10", "11", " 5") ROUND("12", "13", "14", "5")
                                      ANSWERED("12", "13", "14",
                                               " 5") "E: DONE EXPUNGE A FAILED exists=3: the "
                                                     "server says that it has "
                                                     "expunged messages, but it still has them\n");
        replica_check(
                "nothing is said of what is left: not done", EXCHANGE, "",
                OPEN_NUMBERED("9") "> expunge A 5\n" ROUND(
                        "3", "4", "5",
                        "5") "S: 3 OK\n"
                             "S: * 2 EXPUNGE\n"
                             "S: 4 OK\n"
                             "S: 5 OK\n"
                             "E: DONE EXPUNGE A FAILED exists=2: the server does not say whether "
                             "it still has the messages that it was told to expunge\n");
        replica_check(
                "what is left is not to be known: not done", EXCHANGE, "",
                OPEN_NUMBERED("9") "> expunge A 5\n" ROUND(
                        "3", "4", "5",
                        "5") "S: 3 OK\n"
                             "S: * 2 EXPUNGE\n"
                             "S: 4 OK\n"
                             "S: 5 NO no\n"
                             "E: DONE EXPUNGE A FAILED exists=2: the server refuses to search: "
                             "“no”\n");
        replica_check("ESEARCH that is of no use: asked without", EXCHANGE " ESEARCH", "",
                      OPEN_NUMBERED("9") "> expunge A 5\n"
                                         "C: 3 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                                         "C: 4 UID EXPUNGE 5\n"
                                         "C: 5 UID SEARCH RETURN (ALL COUNT) UID 5\n"
                                         "S: 3 OK\n"
                                         "S: * 2 EXPUNGE\n"
                                         "S: 4 OK\n"
                                         "S: 5 OK\n" ROUND("6", "7", "8", "5") ANSWERED(
                                                 "6", "7", "8", "") "E: DONE EXPUNGE A exists=2\n");
        replica_check("searches without ESEARCH go alone, this one too", EXCHANGE, "",
                      OPEN_NUMBERED("9") "> search A 1 1:9\n"
                                         "> expunge A 5\n"
                                         "C: 3 UID SEARCH UID 1:9\n"
                                         "S: * SEARCH 5 6\n"
                                         "S: 3 OK\n"
                                         "E: FOUND A 1 count=2 5:6\n"
                                         "E: DONE SEARCH A exists=3\n" ROUND("4", "5", "6", "5")
                                                 ANSWERED("4", "5", "6",
                                                          "") "E: DONE EXPUNGE A exists=3\n");
}

/* Every other message of many: more than one command has room for. */
static void expunge_many(ReplicaTest *test) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        Replica *replica = imap_replica_base(test->replica);

        transcript_run(&test->transcript, OPEN_NUMBERED("2000000"));
        for (uint32_t uid = 1000000; uid < 1006000; uid += 2)
                assert(uid_set_add(&uids, uid, uid) == 0);
        assert(replica->ops->expunge(replica, test_mailbox(test, "A"), &uids) == 0);
        transcript_pull(&test->transcript);
        assert(buffer_append(&test->transcript.said, "", 1) == 0);
}

/* OK to all that was said; @answers to its searches, one after the other. Return: how many those were. */
static size_t answer_all(ReplicaTest *test, const char *const answers[]) {
        _cleanup_(buffer_done) Buffer said = test->transcript.said, out = BUFFER_NULL;
        size_t n_searches = 0;

        test->transcript.said = BUFFER_NULL;
        for (char *rest = said.data, *line; (line = strsep(&rest, "\n"));) {
                assert(strlen(line) < 8000);
                if (strstr(line, "SEARCH"))
                        assert(buffer_append_string(&out, answers[n_searches++]) == 0);
                if (*line)
                        assert(buffer_append_format(&out, "%.*s OK\r\n", (int) strcspn(line, " "),
                                                    line) == 0);
        }
        transcript_push(&test->transcript, buffer_view(&out));
        transcript_pull(&test->transcript);
        assert(buffer_append(&test->transcript.said, "", 1) == 0);
        return n_searches;
}

static void test_long_sets(void) {
        static const struct {
                const char *label;
                const char *answers[4];
                const char *next; /* what is expunged then; NULL: nothing */
                const char *outcome;
        } rows[] = {
                {"all are gone",
                 {"* SEARCH\r\n", "* SEARCH\r\n", "* SEARCH\r\n", "* SEARCH\r\n"},
                 NULL,                               "DONE EXPUNGE A exists"},
                {"the first and the last command found one",
                 {"* SEARCH 1000000\r\n", "* SEARCH\r\n", "* SEARCH\r\n", "* SEARCH 1005998\r\n"},
                 " UID EXPUNGE 1000000,1005998\r\n", ""                     },
                {"others are there",
                 {"* SEARCH 1000001\r\n", "* SEARCH\r\n", "* SEARCH 7\r\n", "* SEARCH\r\n"},
                 NULL,                               "DONE EXPUNGE A exists"},
                {"one command is not answered",
                 {"* SEARCH\r\n", "", "* SEARCH\r\n", "* SEARCH\r\n"},
                 NULL,                               "DONE EXPUNGE A FAILED"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ReplicaTest test = {.transcript = {.label = rows[i].label}};

                replica_test_init(&test, EXCHANGE, "");
                expunge_many(&test);
                TEST_ROW(rows[i].label, answer_all(&test, rows[i].answers) == 4);
                TEST_ROW(rows[i].label, rows[i].next
                                                ? !!strstr(test.transcript.said.data, rows[i].next)
                                                : test.transcript.said.size == 1);
                assert(buffer_append(&test.transcript.events, "", 1) == 0);
                TEST_ROW(rows[i].label, strncmp(test.transcript.events.data, rows[i].outcome,
                                                strlen(rows[i].outcome)) == 0);
                replica_test_done(&test);
        }
}

int main(void) {
        test_expunge();
        test_expunge_numbered();
        test_long_sets();
        return 0;
}
