/* The IMAP replica: NOTIFY, IDLE, polls, and the end of a session. */

#include "replica-transcript.h"

#define EVENTS       "(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))\n"
#define NOTIFY       "NOTIFY SET STATUS " EVENTS
#define NOTIFY_AGAIN "NOTIFY SET " EVENTS

/* So many that a renewal does not ask for the STATUS of all. */
#define NOTIFY_OF_NINE                                                                             \
        "> notify\n"                                                                               \
        "C: 1 " NOTIFY "S: * STATUS A (HIGHESTMODSEQ 6)\n"                                         \
        "S: * STATUS B (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS C (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS D (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS E (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS F (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS G (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS H (HIGHESTMODSEQ 6)\n"                                                        \
        "S: * STATUS I (HIGHESTMODSEQ 6)\n"                                                        \
        "S: 1 OK\n"                                                                                \
        "E: STATUS A modseq=6\n"                                                                   \
        "E: STATUS B modseq=6\n"                                                                   \
        "E: STATUS C modseq=6\n"                                                                   \
        "E: STATUS D modseq=6\n"                                                                   \
        "E: STATUS E modseq=6\n"                                                                   \
        "E: STATUS F modseq=6\n"                                                                   \
        "E: STATUS G modseq=6\n"                                                                   \
        "E: STATUS H modseq=6\n"                                                                   \
        "E: STATUS I modseq=6\n"                                                                   \
        "E: DONE NOTIFY\n"

static void test_waiting(void) {
        replica_check(
                "NOTIFY, as Dovecot tells it", DOVECOT, "q",
                "> notify\n"
                "C: 1 " NOTIFY
                "S: * STATUS B1 (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7 UNSEEN 5 HIGHESTMODSEQ 6)\n"
                "S: 1 OK NOTIFY completed.\n"
                "E: STATUS B1 messages=5 uidnext=6 uidvalidity=7 unseen=5 modseq=6\n"
                "E: DONE NOTIFY\n"
                "> free\n"
                "S: * STATUS A (MESSAGES 6 UIDNEXT 7 UNSEEN 6 HIGHESTMODSEQ 7)\n"
                "S: * STATUS A (HIGHESTMODSEQ 9)\n"
                "S: * LIST () \"/\" New\n"
                "S: * LIST (\\Subscribed) \"/\" New\n"
                "S: * LIST (\\NonExistent) \"/\" New2\n"
                "S: * LIST () \"/\" New2 (\"OLDNAME\" (New))\n"
                "E: STATUS A messages=6 uidnext=7 unseen=6 modseq=7 unasked\n"
                "E: STATUS A modseq=9 unasked\n"
                "E: MAILBOX New unasked\n"
                "E: MAILBOX New attributes=0x8 unasked\n"
                "E: MAILBOX New2 attributes=0x3 unasked\n"
                "E: MAILBOX New2 old=New unasked\n");
        replica_check("NOTIFY again needs NONE, and nothing selected", DOVECOT, "q",
                      "> notify\n"
                      "C: 1 " NOTIFY "S: 1 OK\n"
                      "E: DONE NOTIFY\n"
                      "S: * OK [NOTIFICATIONOVERFLOW] too much\n"
                      "S: * NO NOTIFY error, some events may have got lost\n"
                      "E: OVERFLOW\n"
                      "E: OVERFLOW\n"
                      "> fetch A 1 flags\n"
                      "> notify\n"
                      "C: 2 SELECT A\n"
                      "C: 3 UID FETCH 1 (FLAGS)\n"
                      "C: 4 UNSELECT\n"
                      "C: 5 NOTIFY NONE\n"
                      "C: 6 " NOTIFY SELECTED("1", "7", "2",
                                              "3") "S: 2 OK\n"
                                                   "S: 3 OK\n"
                                                   "S: 4 OK\n"
                                                   "S: 5 OK\n"
                                                   "S: 6 NO [NOTIFICATIONOVERFLOW] NOTIFY not "
                                                   "supported for these mailboxes\n"
                                                   "E: DONE FETCH A exists=1\n"
                                                   "E: DONE NOTIFY REFUSED: the server refuses "
                                                   "NOTIFY: “NOTIFY not supported for these "
                                                   "mailboxes”\n");
        replica_check(
                "NOTIFY that goes quiet is renewed with each close", DOVECOT, "qd",
                "> notify\n"
                "C: 1 " NOTIFY "S: 1 OK\n"
                "E: DONE NOTIFY\n"
                "> fetch A 1 flags\n"
                "> close A\n"
                "C: 2 SELECT A\n"
                "C: 3 UID FETCH 1 (FLAGS)\n"
                "C: 4 UNSELECT\n"
                "C: 5 NOTIFY NONE\n"
                "C: 6 " NOTIFY SELECTED(
                        "1", "7", "2",
                        "3") "S: 2 OK\n"
                             "S: 3 OK\n"
                             "S: 4 OK\n"
                             "S: 5 OK NOTIFY completed.\n"
                             "S: * STATUS A (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7 HIGHESTMODSEQ 3)\n"
                             "S: * STATUS B (HIGHESTMODSEQ 9)\n"
                             "S: 6 NO [NOTIFICATIONOVERFLOW] not now\n"
                             "E: DONE FETCH A exists=1\n"
                             "E: STATUS A messages=1 uidnext=2 uidvalidity=7 modseq=3\n"
                             "E: STATUS B modseq=9\n"
                             "E: OVERFLOW\n"
                             "E: DONE CLOSE A exists=1\n");
        replica_check("NOTIFY of many mailboxes is renewed without a STATUS for each", DOVECOT,
                      "qd",
                      NOTIFY_OF_NINE "> fetch A 1 flags\n"
                                     "> close A\n"
                                     "C: 2 SELECT A\n"
                                     "C: 3 UID FETCH 1 (FLAGS)\n"
                                     "C: 4 UNSELECT\n"
                                     "C: 5 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                                     "C: 6 NOOP\n"
                                     "C: 7 NOTIFY NONE\n"
                                     "C: 8 " NOTIFY_AGAIN SELECTED(
                                             "1", "7", "2", "3") "S: 2 OK\n"
                                                                 "S: 3 OK\n"
                                                                 "S: 4 OK\n"
                                                                 "S: 5 OK\n"
                                                                 "S: * STATUS B (HIGHESTMODSEQ 9)\n"
                                                                 "S: 6 OK NOOP completed.\n"
                                                                 "S: 7 OK\n"
                                                                 "S: 8 OK\n"
                                                                 "E: DONE FETCH A exists=1\n"
                                                                 "E: STATUS B modseq=9 unasked\n"
                                                                 "E: DONE CLOSE A exists=1\n");
        replica_check(
                "NOTIFY tells nothing of the selected mailbox: its HIGHESTMODSEQ is another's",
                DOVECOT, "qd",
                "> notify\n"
                "C: 1 " NOTIFY "S: 1 OK\n"
                "E: DONE NOTIFY\n"
                "> changes A 7 9 21 flags\n"
                "C: 2 SELECT A (QRESYNC (7 21))\n" SELECTED(
                        "3", "7", "9", "21") "S: 2 OK\n"
                                             "E: OPENED A 7 9 21 exists=3 " STORABLE "\n"
                                             "E: DONE CHANGES A modseq=21 exists=3\n"
                                             "> fetch A 5 flags\n"
                                             "C: 3 UID FETCH 5 (FLAGS)\n"
                                             "S: * 1 FETCH (UID 5 FLAGS (\\Seen))\n"
                                             "S: 3 OK [HIGHESTMODSEQ 22] Fetch completed.\n"
                                             "E: MESSAGE A 5 (\\Seen)\n"
                                             "E: DONE FETCH A modseq=21 exists=3\n");
        replica_check("IDLE: how it stands, then one change", DOVECOT, "q",
                      "> idle A\n"
                      "C: 1 SELECT A\n"
                      "C: 2 IDLE\n" SELECTED(
                              "5", "7", "9",
                              "21") "S: 1 OK\n"
                                    "S: + idling\n"
                                    "E: STATUS A messages=5 uidnext=9 uidvalidity=7 modseq=21\n"
                                    "> free\n"
                                    "S: * OK Still here\n"
                                    "S: * 6 EXISTS\n"
                                    "S: * 6 FETCH (UID 9 FLAGS () MODSEQ (22))\n"
                                    "E: STATUS A unasked changed\n"
                                    "> told\n"
                                    "> changes A 7 9 21 flags\n"
                                    "C: DONE\n"
                                    "C: 3 SELECT A (QRESYNC (7 21))\n"
                                    "S: 2 OK Idle completed.\n"
                                    "S: * OK [CLOSED] .\n" SELECTED(
                                            "6", "7", "10",
                                            "22") "S: * 6 FETCH (UID 9 FLAGS () MODSEQ (22))\n"
                                                  "S: 3 OK\n"
                                                  "E: DONE IDLE A exists=6\n"
                                                  "E: OPENED A 7 10 22 exists=6 " STORABLE "\n"
                                                  "E: MESSAGE A 9 ()\n"
                                                  "E: DONE CHANGES A modseq=22 exists=6\n");
        replica_check("IDLE: a store behind it must not commit what was not told", DOVECOT, "q",
                      OPEN_A "> idle A\n"
                             "C: 2 IDLE\n"
                             "S: + idling\n"
                             "S: * VANISHED 5\n"
                             "S: * OK [HIGHESTMODSEQ 30] .\n"
                             "E: STATUS A unasked changed\n"
                             "> store A 6 \\Seen -\n"
                             "C: DONE\n"
                             "C: 3 UID STORE 6 +FLAGS.SILENT (\\Seen)\n"
                             "S: 2 OK\n"
                             "S: * 1 FETCH (UID 6 MODSEQ (31))\n"
                             "S: 3 OK\n"
                             "E: DONE IDLE A exists=2\n"
                             "E: DONE STORE A exists=2\n");
        replica_check("IDLE renewed", DOVECOT, "q",
                      "> idle A\n"
                      "C: 1 SELECT A\n"
                      "C: 2 IDLE\n" SELECTED(
                              "5", "7", "9",
                              "21") "S: 1 OK\n"
                                    "S: + idling\n"
                                    "> idle A\n"
                                    "C: DONE\n"
                                    "C: 3 IDLE\n"
                                    "S: 2 OK\n"
                                    "S: + idling\n"
                                    "S: * 4 EXISTS\n"
                                    "E: STATUS A messages=5 uidnext=9 uidvalidity=7 modseq=21\n"
                                    "E: DONE IDLE A exists=5\n"
                                    "E: STATUS A unasked changed\n"
                                    "> free\n");
        replica_check("poll by LIST-STATUS, with nothing selected", DOVECOT, "q",
                      OPEN_A "> poll\n"
                             "C: 2 UNSELECT\n"
                             "C: 3 LIST \"\" * RETURN (STATUS (UIDNEXT HIGHESTMODSEQ))\n"
                             "S: 2 OK\n"
                             "S: * LIST () \"/\" A\n"
                             "S: * STATUS A (UIDNEXT 9 HIGHESTMODSEQ 22)\n"
                             "S: 3 OK\n"
                             "E: MAILBOX A\n"
                             "E: STATUS A uidnext=9 modseq=22\n"
                             "E: DONE POLL\n");
        replica_check("a poll of the others leaves the mailbox of the IDLE selected", DOVECOT, "q",
                      "> idle A\n"
                      "C: 1 SELECT A\n"
                      "C: 2 IDLE\n" SELECTED(
                              "5", "7", "9",
                              "21") "S: 1 OK\n"
                                    "S: + idling\n"
                                    "E: STATUS A messages=5 uidnext=9 uidvalidity=7 modseq=21\n"
                                    "> others\n"
                                    "> idle A\n"
                                    "C: DONE\n"
                                    "C: 3 LIST \"\" * RETURN (STATUS (UIDNEXT HIGHESTMODSEQ))\n"
                                    "C: 4 IDLE\n"
                                    "S: 2 OK\n"
                                    "S: * LIST () \"/\" A\n"
                                    "S: * STATUS A (UIDNEXT 8 HIGHESTMODSEQ 20)\n"
                                    "S: * LIST () \"/\" B\n"
                                    "S: * STATUS B (UIDNEXT 9 HIGHESTMODSEQ 22)\n"
                                    "S: * 5 EXISTS\n"
                                    "S: * 6 EXISTS\n"
                                    "S: 3 OK\n"
                                    "S: + idling\n"
                                    "E: DONE IDLE A exists=5\n"
                                    "E: MAILBOX A\n"
                                    "E: MAILBOX B\n"
                                    "E: STATUS B uidnext=9 modseq=22\n"
                                    "E: STATUS A unasked changed\n"
                                    "E: DONE POLL\n"
                                    "> untold\n"
                                    "> free\n");
        replica_check("IDLE that tells only as it ends has told nothing", DOVECOT, "q",
                      "> idle A\n"
                      "C: 1 SELECT A\n"
                      "C: 2 IDLE\n" SELECTED(
                              "5", "7", "9",
                              "21") "S: 1 OK\n"
                                    "S: + idling\n"
                                    "E: STATUS A messages=5 uidnext=9 uidvalidity=7 modseq=21\n"
                                    "> others\n"
                                    "> idle A\n"
                                    "C: DONE\n"
                                    "C: 3 LIST \"\" * RETURN (STATUS (UIDNEXT HIGHESTMODSEQ))\n"
                                    "C: 4 IDLE\n"
                                    "S: * 6 EXISTS\n"
                                    "S: 2 OK\n"
                                    "S: 3 OK\n"
                                    "S: + idling\n"
                                    "E: STATUS A unasked changed\n"
                                    "E: DONE IDLE A exists=6\n"
                                    "E: DONE POLL\n"
                                    "> untold\n"
                                    "> free\n");
        replica_check("a poll of the others without an IDLE is one of all", DOVECOT, "q",
                      OPEN_A "> others\n"
                             "C: 2 UNSELECT\n"
                             "C: 3 LIST \"\" * RETURN (STATUS (UIDNEXT HIGHESTMODSEQ))\n"
                             "S: 2 OK\n"
                             "S: 3 OK\n"
                             "E: DONE POLL\n");
        replica_check(
                "BYE at the end of a long day", DOVECOT, "q",
                "S: * BYE Session expired, please login again.\n"
                "E: LOST ESHUTDOWN: the server has ended the session: “Session expired, please "
                "login again.”\n");
        replica_check(
                "IDLE refused", DOVECOT, "q",
                OPEN_A
                "> idle A\n"
                "C: 2 IDLE\n"
                "S: 2 NO not here\n"
                "E: DONE IDLE A REFUSED modseq=21 exists=3: the server refuses IDLE: “not here”\n");
        replica_check("NOTIFY that is throttled may come again", DOVECOT, "q",
                      "> notify\n"
                      "C: 1 " NOTIFY "S: 1 NO [THROTTLED] slowly\n"
                      "E: DONE NOTIFY FAILED: the server refuses NOTIFY: “slowly”\n");
        replica_check("poll by STATUS, pipelined, and no IDLE", BARE, "",
                      "> poll A B\n"
                      "C: 1 STATUS A (UIDNEXT UNSEEN)\n"
                      "C: 2 STATUS B (UIDNEXT UNSEEN)\n"
                      "S: * STATUS A (UIDNEXT 9)\n"
                      "S: 1 OK\n"
                      "S: 2 NO gone\n"
                      "E: STATUS A uidnext=9\n"
                      "E: DONE POLL\n"
                      "> idle A\n"
                      "E: DONE IDLE A REFUSED: the server has no IDLE\n"
                      "> notify\n"
                      "E: DONE NOTIFY REFUSED: the server has no NOTIFY\n");
        replica_check("LOGOUT", DOVECOT, "q",
                      "> logout\n"
                      "C: 1 LOGOUT\n"
                      "S: * BYE Logging out\n"
                      "S: 1 OK Logout completed.\n"
                      "E: DONE LOGOUT\n");
        replica_check(
                "BYE of its own accord", DOVECOT, "q",
                "> noop\n"
                "C: 1 NOOP\n"
                "S: * BYE IMAP session state is inconsistent\n"
                "E: LOST ECONNRESET: the server closes the connection: “IMAP session state is "
                "inconsistent”\n");
        replica_check("nonsense", DOVECOT, "q",
                      "> noop\n"
                      "C: 1 NOOP\n"
                      "S: 77 OK what\n"
                      "E: LOST EBADMSG: the server answered a command that was not given: “77 OK "
                      "what”\n");
        replica_check("an alert", DOVECOT, "q",
                      "S: * OK [ALERT] System shutdown in 10 minutes\n"
                      "E: ALERT: the server says: “System shutdown in 10 minutes”\n");
}

/* What the engine forgets costs the session only if answers to it are still to come. */
static void test_reset(void) {
        ReplicaTest test = {.transcript = {.label = "reset with a request under way"}};
        Replica *replica;

        replica_check("reset with a mailbox open", DOVECOT, "q",
                      OPEN_A "> reset\n"
                             "> fetch A 1 flags\n"
                             "C: 2 SELECT A\n"
                             "C: 3 UID FETCH 1 (FLAGS)\n"
                             "S: * OK [CLOSED] .\n" SELECTED(
                                     "3", "7", "9", "21") "S: 2 OK\n"
                                                          "S: * 1 FETCH (UID 1 FLAGS (\\Seen))\n"
                                                          "S: 3 OK\n"
                                                          "E: MESSAGE A 1 (\\Seen)\n"
                                                          "E: DONE FETCH A exists=3\n");
        replica_check("reset during IDLE, which goes on", DOVECOT, "q",
                      "> idle A\n"
                      "C: 1 SELECT A\n"
                      "C: 2 IDLE\n" SELECTED(
                              "3", "7", "9",
                              "21") "S: 1 OK\n"
                                    "S: + idling\n"
                                    "E: STATUS A messages=3 uidnext=9 uidvalidity=7 modseq=21\n"
                                    "> reset\n"
                                    "S: * 4 EXISTS\n"
                                    "E: STATUS A unasked changed\n"
                                    "> told\n");

        replica_test_init(&test, DOVECOT, "q");
        transcript_run(&test.transcript, "> fetch A 1 flags\n"
                                         "C: 1 SELECT A\n"
                                         "C: 2 UID FETCH 1 (FLAGS)\n");
        replica = imap_replica_base(test.replica);
        replica->ops->reset(replica);
        assert(!imap_replica_is_attached(test.replica));
        assert(replica->ops->list(replica) == -ENOTCONN);
        replica_test_done(&test);
}

/* The connection is lost in the middle of everything: the next session starts from nothing. */
static void test_reconnect(void) {
        static const char *const before = "> notify\n"
                                          "C: 1 " NOTIFY "S: 1 OK\n"
                                          "E: DONE NOTIFY\n"
                                          "> changes A 7 2 21 body\n"
                                          "> expunge A 1\n"
                                          "> close A\n"
                                          "> list\n"
                                          "> append A 42 - abc\n"
                                          "C: 2 SELECT A (QRESYNC (7 21))\n"
                                          "C: 3 UID FETCH 2:4294967295 (FLAGS INTERNALDATE "
                                          "BODY.PEEK[])\n"
                                          "C: 4 UNSELECT\n"
                                          "C: 5 STATUS A (MESSAGES UIDNEXT UIDVALIDITY "
                                          "HIGHESTMODSEQ)\n"
                                          "C: 6 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT "
                                          "UIDVALIDITY HIGHESTMODSEQ))\n"
                                          "C: 7 APPEND A \" 1-Jan-1970 01:00:00 +0100\" {3+}\n"
                                          "C: abc\n"
                                          "S: * OK [UIDVALIDITY 7] .\n"
                                          "S: * 1 FETCH (UID 2 FLAGS () BODY[] {10}\n"
                                          "s: abc\n"
                                          "E: OPENED A 7 0 0 exists=0 () complete\n";
        static const char *const after = "> free\n"
                                         "> notify\n"
                                         "C: 1 " NOTIFY "S: 1 OK\n"
                                         "E: DONE NOTIFY\n"
                                         "> fetch A 1 flags\n"
                                         "C: 2 SELECT A\n"
                                         "C: 3 UID FETCH 1 (FLAGS)\n";
        const ImapCapabilities capabilities = imap_capabilities_parse(BYTES(DOVECOT));
        ReplicaTest test = {.transcript = {.label = "reconnect"}};

        replica_test_init(&test, DOVECOT, "q");
        transcript_run(&test.transcript, before);

        imap_replica_detach(test.replica);
        test.appending = false;
        test.upload.size = test.body.size = 0;
        test.transcript.events.size = 0;
        test.transcript.session = imap_session_free(test.transcript.session);

        assert(imap_session_new(&imap_limits_default, &test.transcript.session) == 0);
        assert(imap_session_push(test.transcript.session, BYTES("* PREAUTH hi\r\n")) == 0);
        imap_replica_attach(test.replica, test.transcript.session, &capabilities, IMAP_ENABLED_ON,
                            IMAP_ENABLED_UNASKED, 0);
        transcript_run(&test.transcript, after);
        replica_test_done(&test);
}

#define STATUS_ITEMS " (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
#define SELECT_AS    SELECTED("5", "7", "9", "22")

/* Under a NOTIFY that goes quiet a mailbox is left behind a NOOP: what that says of it, and what is told. */
static void check_left_by_noop(const char *about, const char *said, const char *told) {
        static const char before[] = NOTIFY_OF_NINE "> changes A 7 9 21 flags\n"
                                                    "> leave A\n"
                                                    "C: 2 SELECT A (QRESYNC (7 21))\n"
                                                    "C: 3 NOOP\n"
                                                    "C: 4 UNSELECT\n"
                                                    "C: 5 NOTIFY NONE\n"
                                                    "C: 6 " NOTIFY_AGAIN SELECT_AS "S: 2 OK\n";
        static const char behind[] = "S: 3 OK\n"
                                     "S: 4 OK\n"
                                     "S: 5 OK\n"
                                     "S: 6 OK\n"
                                     "E: OPENED A 7 9 22 exists=5 " STORABLE "\n"
                                     "E: DONE CHANGES A modseq=22 exists=5\n"
                                     "> close A\n";
        _cleanup_free_ char *script = NULL;

        assert(asprintf(&script, "%s%s%s%s> free\n", before, said, behind, told) > 0);
        replica_check(about, DOVECOT, "qd", script);
}

static void test_leaving_by_noop(void) {
        check_left_by_noop("left: nothing has changed meanwhile", "",
                           "E: DONE CLOSE A modseq=22 exists=5\n");
        check_left_by_noop("left: a flag has changed meanwhile",
                           "S: * 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (23))\n",
                           "E: STATUS A unasked changed\n"
                           "E: DONE CLOSE A exists=5\n");
        check_left_by_noop("left: a message has come meanwhile", "S: * 6 EXISTS\n",
                           "E: STATUS A unasked changed\n"
                           "E: DONE CLOSE A exists=6\n");
        check_left_by_noop("left: a message is gone meanwhile", "S: * VANISHED 7\n",
                           "E: STATUS A unasked changed\n"
                           "E: DONE CLOSE A exists=4\n");
        replica_check("left with another: NOOP would tell of one alone, and each is asked", DOVECOT,
                      "qd",
                      NOTIFY_OF_NINE "> changes A 7 9 21 flags\n"
                                     "> changes B 7 9 21 flags\n"
                                     "> leave A\n"
                                     "> close A\n"
                                     "> leave B\n"
                                     "C: 2 SELECT A (QRESYNC (7 21))\n"
                                     "C: 3 SELECT B (QRESYNC (7 21))\n"
                                     "C: 4 UNSELECT\n"
                                     "C: 5 STATUS A" STATUS_ITEMS "C: 6 STATUS B" STATUS_ITEMS
                                     "C: 7 NOOP\n"
                                     "C: 8 NOTIFY NONE\n"
                                     "C: 9 " NOTIFY_AGAIN);
}

/* What is said behind the changes that were asked for, and when the STATUS is told. */
static void test_leaving(void) {
        replica_check("left: unselected in the same write, its STATUS told once it is closed",
                      DOVECOT, "q",
                      "> changes A 7 9 21 flags\n"
                      "> leave A\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UNSELECT\n"
                      "C: 3 STATUS A" STATUS_ITEMS SELECT_AS
                      "S: * 5 FETCH (UID 8 FLAGS (\\Seen) MODSEQ (22))\n"
                      "S: 1 OK\n"
                      "S: 2 OK\n"
                      "S: * STATUS A (MESSAGES 5 UIDNEXT 9 HIGHESTMODSEQ 23)\n"
                      "S: * STATUS B (HIGHESTMODSEQ 4)\n"
                      "S: 3 OK\n"
                      "E: OPENED A 7 9 22 exists=5 " STORABLE "\n"
                      "E: MESSAGE A 8 (\\Seen)\n"
                      "E: DONE CHANGES A modseq=22 exists=5\n"
                      "E: STATUS B modseq=4\n"
                      "> close A\n"
                      "E: STATUS A messages=5 uidnext=9 modseq=23\n"
                      "E: DONE CLOSE A modseq=22 exists=5\n"
                      "> free\n");
        replica_check("left, and closed before the answers: what comes is told as it comes",
                      DOVECOT, "q",
                      "> changes A 7 9 21 flags\n"
                      "> leave A\n"
                      "> close A\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UNSELECT\n"
                      "C: 3 STATUS A" STATUS_ITEMS SELECT_AS "S: 1 OK\n"
                      "S: 2 OK\n"
                      "S: * STATUS A (MESSAGES 5 UIDNEXT 9 HIGHESTMODSEQ 23)\n"
                      "S: 3 OK\n"
                      "E: OPENED A 7 9 22 exists=5 " STORABLE "\n"
                      "E: DONE CHANGES A modseq=22 exists=5\n"
                      "E: STATUS A messages=5 uidnext=9 modseq=23\n"
                      "E: DONE CLOSE A modseq=22 exists=5\n");
        replica_check("left too early: selected again, and unselected at the end", DOVECOT, "q",
                      "> changes A 7 9 21 flags\n"
                      "> leave A\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UNSELECT\n"
                      "C: 3 STATUS A" STATUS_ITEMS SELECT_AS "S: 1 OK\n"
                      "S: 2 OK\n"
                      "S: * STATUS A (MESSAGES 5 UIDNEXT 9 HIGHESTMODSEQ 23)\n"
                      "S: 3 OK\n"
                      "E: OPENED A 7 9 22 exists=5 " STORABLE "\n"
                      "E: DONE CHANGES A modseq=22 exists=5\n"
                      "> fetch A 8 flags\n"
                      "C: 4 SELECT A (QRESYNC (7 22))\n"
                      "C: 5 UID FETCH 8 (FLAGS)\n" SELECTED(
                              "5", "7", "9",
                              "23") "S: 4 OK\n"
                                    "S: * 5 FETCH (UID 8 FLAGS (\\Seen) MODSEQ (23))\n"
                                    "S: 5 OK\n"
                                    "E: STATUS A messages=5 uidnext=9 modseq=23\n"
                                    "E: MESSAGE A 8 (\\Seen)\n"
                                    "E: DONE FETCH A modseq=23 exists=5\n"
                                    "> close A\n"
                                    "C: 6 UNSELECT\n"
                                    "C: 7 STATUS A" STATUS_ITEMS "S: 6 OK\n"
                                    "S: * STATUS A (MESSAGES 5 UIDNEXT 9 HIGHESTMODSEQ 23)\n"
                                    "S: 7 OK\n"
                                    "E: STATUS A messages=5 uidnext=9 modseq=23\n"
                                    "E: DONE CLOSE A modseq=23 exists=5\n");
        replica_check("one is left while another is worked on: the last one unselects", DOVECOT,
                      "q",
                      "> changes A 7 9 21 flags\n"
                      "> changes B 7 9 21 flags\n"
                      "> leave A\n"
                      "> close A\n"
                      "> leave B\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 SELECT B (QRESYNC (7 21))\n"
                      "C: 3 UNSELECT\n"
                      "C: 4 STATUS A" STATUS_ITEMS "C: 5 STATUS B" STATUS_ITEMS);
        replica_check("left, but it cannot be opened: its STATUS is told", DOVECOT, "q",
                      "> changes A 7 9 21 flags\n"
                      "> leave A\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UNSELECT\n"
                      "C: 3 STATUS A" STATUS_ITEMS "S: 1 NO no\n"
                      "S: 2 BAD nothing is selected\n"
                      "S: * STATUS A (MESSAGES 5 UIDNEXT 9 HIGHESTMODSEQ 23)\n"
                      "S: 3 OK\n"
                      "E: DONE CHANGES A FAILED: the server cannot open the mailbox: “no”\n"
                      "E: STATUS A messages=5 uidnext=9 modseq=23\n");
        replica_check("a single run does not ask how it stands", DOVECOT, "qo",
                      "> changes A 7 9 21 flags\n"
                      "> leave A\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n");
}

int main(void) {
        test_waiting();
        test_leaving();
        test_leaving_by_noop();
        test_reset();
        test_reconnect();
        return 0;
}
