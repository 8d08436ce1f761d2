/* The IMAP replica: what it does to messages and mailboxes when asked to. */

#include "replica-transcript.h"

static void test_stores(void) {
        replica_check("what another client changed is told before our STORE of it", DOVECOT, "q",
                      OPEN_A "> store A 5 \\Flagged -\n"
                             "> store A 6 \\Flagged -\n"
                             "C: 2 UID STORE 5 +FLAGS.SILENT (\\Flagged)\n"
                             "C: 3 UID STORE 6 +FLAGS.SILENT (\\Flagged)\n"
                             "S: * 2 FETCH (UID 6 MODSEQ (22) FLAGS (work))\n"
                             "S: * 1 FETCH (UID 5 MODSEQ (23))\n"
                             "S: 2 OK\n"
                             "S: * 2 FETCH (UID 6 MODSEQ (24))\n"
                             "S: 3 OK\n"
                             "E: MESSAGE A 6 (\\Flagged work)\n"
                             "E: DONE STORE A modseq=23 exists=3\n"
                             "E: DONE STORE A modseq=24 exists=3\n");
        replica_check("flags and keywords, both ways, and what the server tells with it", DOVECOT,
                      "q",
                      OPEN_A "> store A 3,5:8 \\Flagged,work \\Seen\n"
                             "C: 2 UID STORE 3,5:8 +FLAGS.SILENT (\\Flagged work)\n"
                             "C: 3 UID STORE 3,5:8 -FLAGS.SILENT (\\Seen)\n"
                             "S: * 2 FETCH (UID 7 MODSEQ (26) FLAGS (\\Answered))\n"
                             "S: * 3 FETCH (UID 8 MODSEQ (27))\n"
                             "S: 2 OK Store completed.\n"
                             "S: * 3 FETCH (UID 8 MODSEQ (28))\n"
                             "S: 3 OK Store completed.\n"
                             "E: MESSAGE A 7 (\\Answered)\n"
                             "E: DONE STORE A modseq=28 exists=3\n");
        replica_check("a mailbox that is selected for it tells what was before", DOVECOT, "q",
                      OPEN_A
                      "> fetch B 1 flags\n"
                      "> store A 5 \\Seen \\Flagged\n"
                      "C: 2 SELECT B\n"
                      "C: 3 UID FETCH 1 (FLAGS)\n"
                      "C: 4 SELECT A (QRESYNC (7 21))\n"
                      "C: 5 UID STORE 5 +FLAGS.SILENT (\\Seen)\n"
                      "C: 6 UID STORE 5 -FLAGS.SILENT (\\Flagged)\n"
                      "S: * OK [UIDVALIDITY 8] .\n"
                      "S: 2 OK\n"
                      "S: 3 OK\n" SELECTED("3", "7", "9",
                                           "22") "S: * 1 FETCH (UID 5 FLAGS (\\Flagged work))\n"
                                                 "S: * 2 FETCH (UID 6 FLAGS (\\Flagged))\n"
                                                 "S: 4 OK\n"
                                                 "S: 5 OK\n"
                                                 "S: 6 OK\n"
                                                 "E: DONE FETCH B exists=0\n"
                                                 "E: MESSAGE A 5 (\\Seen work)\n"
                                                 "E: MESSAGE A 6 (\\Flagged)\n"
                                                 "E: DONE STORE A modseq=22 exists=3\n");
        replica_check(
                "nothing that can be stored: nothing is said", EXCHANGE, "",
                "> changes A 7 1 0 flags\n"
                "C: 1 SELECT A\n"
                "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                "S: * 1 EXISTS\n"
                "S: * OK [PERMANENTFLAGS (\\Seen \\Deleted)] .\n"
                "S: * OK [UIDVALIDITY 7] .\n"
                "S: 1 OK\n"
                "> store A 1 work,\\Flagged -\n"
                "> store A 1 work,\\Seen -\n"
                "C: 3 UID STORE 1 +FLAGS.SILENT (\\Seen)\n"
                "S: 2 OK\n"
                "E: OPENED A 7 0 0 exists=1 (\\Seen \\Deleted) untold=expunges,flags\n"
                "E: DONE CHANGES A exists=1\n"
                "E: DONE STORE A exists=1\n"
                "S: 3 NO [CANNOT] no\n"
                "E: DONE STORE A REFUSED exists=1: the server cannot store the flags: “no”\n");
}

#define DATE " \" 1-Jan-1970 01:00:00 +0100\""

static void test_appends(void) {
        replica_check("a FETCH is answered before an older APPEND", DOVECOT, "q",
                      OPEN_A "> append B 42 - abc\n"
                             "C: 2 APPEND B" DATE " {3+}\n"
                             "C: abc\n"
                             "> fetch A 5 body\n"
                             "C: 3 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                             "S: * 1 FETCH (UID 5 FLAGS () BODY[] {3}\n"
                             "S: abc)\n"
                             "S: 2 OK [APPENDUID 7 31] Append completed.\n"
                             "S: 3 OK\n"
                             "E: BODY A 5 () size=3 “abc”\n"
                             "E: APPENDED B 42 uid=31 ()\n"
                             "E: DONE APPEND B 42\n"
                             "E: DONE FETCH A modseq=21 exists=3\n");
        replica_check("and so with what needed no command between them", DOVECOT, "q",
                      OPEN_A "> append B 42 - abc\n"
                             "C: 2 APPEND B" DATE " {3+}\n"
                             "C: abc\n"
                             "> close C\n"
                             "> fetch A 5 body\n"
                             "C: 3 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                             "S: * 1 FETCH (UID 5 FLAGS () BODY[] {3}\n"
                             "S: abc)\n"
                             "S: 2 OK [APPENDUID 7 31] Append completed.\n"
                             "S: 3 OK\n"
                             "E: BODY A 5 () size=3 “abc”\n"
                             "E: APPENDED B 42 uid=31 ()\n"
                             "E: DONE APPEND B 42\n"
                             "E: DONE CLOSE C\n"
                             "E: DONE FETCH A modseq=21 exists=3\n");
        replica_check("LITERAL+", DOVECOT, "q",
                      "> append A 42 \\Seen,work abc\n"
                      "C: 1 APPEND A (\\Seen work)" DATE " {3+}\n"
                      "C: abc\n"
                      "S: 1 OK [APPENDUID 7 31] Append completed.\n"
                      "E: APPENDED A 42 uid=31 (\\Seen work)\n"
                      "E: DONE APPEND A 42\n");
        replica_check("a synchronising literal, no flags, a name to quote", BARE, "",
                      "> append to&do 42 - abc\n"
                      "C: 1 APPEND to&-do" DATE " {3}\n"
                      "S: + go\n"
                      "C: abc\n"
                      "S: 1 OK done\n"
                      "E: APPENDED to&do 42 uid=0 ()\n"
                      "E: DONE APPEND to&do 42\n");
        replica_check("a synchronising literal that is refused", BARE, "",
                      "> append A 42 - abc\n"
                      "C: 1 APPEND A" DATE " {3}\n"
                      "S: 1 NO [TRYCREATE] no such mailbox\n"
                      "E: DONE APPEND A 42 NO_MAILBOX: the server refuses the message: “no such "
                      "mailbox”\n"
                      "> noop\n"
                      "C: 2 NOOP\n"
                      "S: 2 OK\n"
                      "E: DONE NOOP\n");
        replica_check("what is refused for ever and what is not", DOVECOT, "q",
                      "> append A 1 - a\n"
                      "> append A 2 - b\n"
                      "> append A 3 - c\n"
                      "> append A 4 - d\n"
                      "> append A 5 - e\n"
                      "C: 1 APPEND A" DATE " {1+}\n"
                      "C: a\n"
                      "C: 2 APPEND A" DATE " {1+}\n"
                      "C: b\n"
                      "C: 3 APPEND A" DATE " {1+}\n"
                      "C: c\n"
                      "C: 4 APPEND A" DATE " {1+}\n"
                      "C: d\n"
                      "C: 5 APPEND A" DATE " {1+}\n"
                      "C: e\n"
                      "S: 1 NO [OVERQUOTA] full\n"
                      "S: 2 NO [TOOBIG] big\n"
                      "S: 3 NO [LIMIT] slowly\n"
                      "S: 4 NO Message contains bare newlines\n"
                      "S: 5 NO Request is throttled. Suggested Backoff Time: 9 milliseconds\n"
                      "E: DONE APPEND A 1 FULL: the server refuses the message: “full”\n"
                      "E: DONE APPEND A 2 REFUSED: the server refuses the message: “big”\n"
                      "E: DONE APPEND A 3 FAILED: the server refuses the message: “slowly”\n"
                      "E: DONE APPEND A 4 REFUSED: the server refuses the message: “Message "
                      "contains bare "
                      "newlines”\n"
                      "E: DONE APPEND A 5 FAILED: the server refuses the message: “Request is "
                      "throttled. Suggested Backoff Time: 9 milliseconds”\n");
        replica_check(
                "BAD: the literal may have been taken for commands", DOVECOT, "q",
                "> append A 42 - abc\n"
                "C: 1 APPEND A" DATE " {3+}\n"
                "C: abc\n"
                "S: 1 BAD Error in IMAP command APPEND: Invalid arguments.\n"
                "S: abc BAD Error in IMAP command received by server.\n"
                "E: LOST EPROTO: the server does not understand APPEND: “Error in IMAP command "
                "APPEND: Invalid arguments.”\n");
        replica_check("APPENDLIMIT, and nothing at all", "IMAP4rev1 LITERAL+ APPENDLIMIT=3", "",
                      "> append A 1 - abcd\n"
                      "> append A 2 -\n"
                      "> append A 3 - abc\n"
                      "C: 1 APPEND A" DATE " {3+}\n"
                      "C: abc\n"
                      "S: 1 OK\n"
                      "E: DONE APPEND A 1 REFUSED: the message is larger than the server takes "
                      "(APPENDLIMIT)\n"
                      "E: DONE APPEND A 2 REFUSED: a message without a byte cannot be uploaded\n"
                      "E: APPENDED A 3 uid=0 ()\n"
                      "E: DONE APPEND A 3\n");
        replica_check("a UID under another UIDVALIDITY means nothing", DOVECOT, "q",
                      OPEN_A "> append A 42 - abc\n"
                             "C: 2 APPEND A" DATE " {3+}\n"
                             "C: abc\n"
                             "S: * 4 EXISTS\n"
                             "S: * OK [HIGHESTMODSEQ 22] Highest\n"
                             "S: 2 OK [APPENDUID 8 1] done\n"
                             "E: APPENDED A 42 uid=0 ()\n"
                             "E: DONE APPEND A 42 modseq=22 exists=4\n");
        replica_check("flags that became known behind the body", DOVECOT, "q",
                      "> append A 42 \\Seen>\\Flagged abc\n"
                      "C: 1 APPEND A (\\Seen)" DATE " {3+}\n"
                      "C: abc\n"
                      "S: 1 OK [APPENDUID 7 31] done\n"
                      "C: 2 SELECT A\n"
                      "C: 3 UID STORE 31 +FLAGS.SILENT (\\Flagged)\n"
                      "C: 4 UID STORE 31 -FLAGS.SILENT (\\Seen)\n" SELECTED(
                              "3", "7", "32", "21") "S: 2 OK\n"
                                                    "S: 3 OK\n"
                                                    "S: 4 OK\n"
                                                    "E: APPENDED A 42 uid=31 (\\Flagged)\n"
                                                    "E: DONE APPEND A 42 exists=3\n");
        replica_check("nothing is said in the middle of a message", BARE, "",
                      "> append A 42 - abc\n"
                      "> fetch A 1 flags\n"
                      "C: 1 APPEND A" DATE " {3}\n"
                      "S: + go\n"
                      "C: abc\n"
                      "C: 2 SELECT A\n"
                      "C: 3 UID FETCH 1 (FLAGS)\n"
                      "S: 1 OK\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: 2 OK\n"
                      "S: 3 OK\n"
                      "E: APPENDED A 42 uid=0 ()\n"
                      "E: DONE APPEND A 42\n"
                      "E: DONE FETCH A exists=0\n");
}

#define BATCHES DOVECOT " MULTIAPPEND"

static void test_batches(void) {
        replica_check("one APPEND, and its UIDs in order", BATCHES, "q",
                      "> batch A 1 \\Seen abc/2 - de/3 \\Flagged f\n"
                      "C: 1 APPEND A (\\Seen) {3+}\n"
                      "C: abc {2+}\n"
                      "C: de (\\Flagged) {1+}\n"
                      "C: f\n"
                      "S: 1 OK [APPENDUID 7 30,41:42] done\n"
                      "E: APPENDED A 1 uid=30 (\\Seen)\n"
                      "E: DONE APPEND A 1\n"
                      "E: APPENDED A 2 uid=41 ()\n"
                      "E: DONE APPEND A 2\n"
                      "E: APPENDED A 3 uid=42 (\\Flagged)\n"
                      "E: DONE APPEND A 3\n");
        replica_check("not as many UIDs as messages: none is known", BATCHES, "q",
                      "> batch A 1 - abc/2 - de\n"
                      "C: 1 APPEND A {3+}\n"
                      "C: abc {2+}\n"
                      "C: de\n"
                      "S: 1 OK [APPENDUID 7 30:32] done\n"
                      "E: APPENDED A 1 uid=0 ()\n"
                      "E: DONE APPEND A 1\n"
                      "E: APPENDED A 2 uid=0 ()\n"
                      "E: DONE APPEND A 2\n");
        replica_check(
                "refused: each is to be handed in again, alone", BATCHES, "q",
                "> batch A 1 - abc/2 - de\n"
                "C: 1 APPEND A {3+}\n"
                "C: abc {2+}\n"
                "C: de\n"
                "S: 1 NO bare newlines\n"
                "E: DONE APPEND A 1 FAILED alone: the server refuses several messages at once\n"
                "E: DONE APPEND A 2 FAILED alone: the server refuses several messages at once\n"
                "> batch A 1 - abc/2 - de\n"
                "C: 2 APPEND A {3+}\n"
                "C: abc\n"
                "C: 3 APPEND A {2+}\n"
                "C: de\n"
                "S: 2 OK [APPENDUID 7 30] done\n"
                "S: 3 NO bare newlines\n"
                "E: APPENDED A 1 uid=30 ()\n"
                "E: DONE APPEND A 1\n"
                "E: DONE APPEND A 2 REFUSED: the server refuses the message: “bare "
                "newlines”\n");
        replica_check("not now: all of them fail", BATCHES, "q",
                      "> batch A 1 - abc/2 - de\n"
                      "C: 1 APPEND A {3+}\n"
                      "C: abc {2+}\n"
                      "C: de\n"
                      "S: 1 NO [LIMIT] slowly\n"
                      "E: DONE APPEND A 1 FAILED: the server refuses the message: “slowly”\n"
                      "E: DONE APPEND A 2 FAILED: the server refuses the message: “slowly”\n");
        replica_check("another mailbox or request, or a message that cannot go, ends it", BATCHES,
                      "q",
                      "> batch A 1 - abc\n"
                      "> batch A 2 - d/3 - /4 - e\n"
                      "> batch B 5 - f\n"
                      "> noop\n"
                      "C: 1 APPEND A {3+}\n"
                      "C: abc\n"
                      "C: 2 APPEND A {1+}\n"
                      "C: d\n"
                      "C: 3 APPEND A {1+}\n"
                      "C: e\n"
                      "C: 4 APPEND B {1+}\n"
                      "C: f\n"
                      "C: 5 NOOP\n"
                      "S: 1 OK\n"
                      "S: 2 OK\n"
                      "S: 3 OK\n"
                      "S: 4 OK\n"
                      "S: 5 OK\n"
                      "E: APPENDED A 1 uid=0 ()\n"
                      "E: DONE APPEND A 1\n"
                      "E: APPENDED A 2 uid=0 ()\n"
                      "E: DONE APPEND A 2\n"
                      "E: DONE APPEND A 3 REFUSED: a message without a byte cannot be uploaded\n"
                      "E: APPENDED A 4 uid=0 ()\n"
                      "E: DONE APPEND A 4\n"
                      "E: APPENDED B 5 uid=0 ()\n"
                      "E: DONE APPEND B 5\n"
                      "E: DONE NOOP\n");
        replica_check("one at a time where literals wait, or UIDs are not told",
                      "IMAP4rev1 MULTIAPPEND LITERAL+", "",
                      "> batch A 1 - abc/2 - de\n"
                      "C: 1 APPEND A {3+}\n"
                      "C: abc\n"
                      "C: 2 APPEND A {2+}\n"
                      "C: de\n"
                      "S: 1 OK\n"
                      "S: 2 OK\n"
                      "E: APPENDED A 1 uid=0 ()\n"
                      "E: DONE APPEND A 1\n"
                      "E: APPENDED A 2 uid=0 ()\n"
                      "E: DONE APPEND A 2\n");
}

static void test_close(void) {
        replica_check("after the last one: UNSELECT and how they all stand", DOVECOT, "q",
                      OPEN_A
                      "> append B 42 - abc\n"
                      "> changes C 9 2 31 flags\n"
                      "> close A\n"
                      "> close B\n"
                      "> close C\n"
                      "C: 2 APPEND B" DATE " {3+}\n"
                      "C: abc\n"
                      "C: 3 SELECT C (QRESYNC (9 31))\n"
                      "C: 4 UNSELECT\n"
                      "C: 5 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                      "C: 6 STATUS B (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                      "C: 7 STATUS C (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                      "S: 2 OK\n"
                      "S: * OK [CLOSED] .\n" SELECTED(
                              "1", "9", "2",
                              "31") "S: 3 OK\n"
                                    "S: 4 OK Unselect completed.\n"
                                    "S: * STATUS A (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 "
                                    "HIGHESTMODSEQ 21)\n"
                                    "S: 5 OK\n"
                                    "S: 6 NO gone\n"
                                    "S: * STATUS C (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 9 "
                                    "HIGHESTMODSEQ 31)\n"
                                    "S: 7 OK\n"
                                    "E: APPENDED B 42 uid=0 ()\n"
                                    "E: DONE APPEND B 42\n"
                                    "E: OPENED C 9 2 31 exists=1 " STORABLE "\n"
                                    "E: DONE CHANGES C modseq=31 exists=1\n"
                                    "E: DONE CLOSE A modseq=21 exists=3\n"
                                    "E: DONE CLOSE B\n"
                                    "E: STATUS A messages=3 uidnext=9 uidvalidity=7 modseq=21\n"
                                    "E: STATUS C messages=1 uidnext=2 uidvalidity=9 modseq=31\n"
                                    "E: DONE CLOSE C modseq=31 exists=1\n"
                                    "> free\n");
        replica_check("without UNSELECT nothing is expunged either", "IMAP4rev1 UIDPLUS QRESYNC",
                      "q",
                      OPEN_A "> close A\n"
                             "C: 2 EXAMINE A\n"
                             "C: 3 CLOSE\n"
                             "C: 4 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                             "S: * OK [CLOSED] .\n" SELECTED(
                                     "3", "7", "9", "22") "S: 2 OK [READ-ONLY] .\n"
                                                          "S: 3 OK [HIGHESTMODSEQ 99] .\n"
                                                          "S: 4 OK\n"
                                                          "E: DONE CLOSE A modseq=21 exists=3\n");
        replica_check("--once leaves all as it is, and tells nothing any more", DOVECOT, "qo",
                      OPEN_A
                      "> close A\n"
                      "E: DONE CLOSE A modseq=21 exists=3\n"
                      "S: * 1 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (22))\n"
                      "S: * VANISHED 5\n"
                      "> changes A 7 9 21 flags\n"
                      "C: 2 SELECT A (QRESYNC (7 21))\n"
                      "S: 2 BAD no\n"
                      "E: DONE CHANGES A FAILED: the server cannot open the mailbox: “no”\n");
        replica_check("close what was never open", DOVECOT, "q",
                      "> close A\n"
                      "E: DONE CLOSE A\n");
}

/* A set that needs several commands: none is too long, and none of the UIDs is lost. */
static void test_searches(void) {
        replica_check("ESEARCH: a set and its count, or a count", DOVECOT, "q",
                      OPEN_A "> search A 1 1:4294967295\n"
                             "> search A 2 1:500 has \\Seen\n"
                             "> search A 3 501:1000 lacks \\Flagged count\n"
                             "> search A 4 1:4294967295 has work\n"
                             "> search A 5 1:4294967295 lacks $Forwarded count\n"
                             "C: 2 UID SEARCH RETURN (ALL COUNT) ALL\n"
                             "C: 3 UID SEARCH RETURN (ALL COUNT) UID 1:500 SEEN\n"
                             "C: 4 UID SEARCH RETURN (COUNT) UID 501:1000 UNFLAGGED\n"
                             "C: 5 UID SEARCH RETURN (ALL COUNT) KEYWORD work\n"
                             "C: 6 UID SEARCH RETURN (COUNT) UNKEYWORD $Forwarded\n"
                             "S: * ESEARCH (TAG \"2\") UID ALL 2:3,5 COUNT 3\n"
                             "S: 2 OK\n"
                             "S: * ESEARCH (TAG \"3\") UID COUNT 0\n"
                             "S: 3 OK\n"
                             "S: * ESEARCH (TAG \"4\") UID COUNT 17\n"
                             "S: 4 OK\n"
                             "S: * ESEARCH (TAG \"5\") UID COUNT 1 ALL 5\n"
                             "S: 5 OK\n"
                             "S: * ESEARCH (TAG \"6\") UID COUNT 0\n"
                             "S: 6 OK\n"
                             "E: FOUND A 1 count=3 2:3,5\n"
                             "E: DONE SEARCH A modseq=21 exists=3\n"
                             "E: FOUND A 2 count=0 \n"
                             "E: DONE SEARCH A modseq=21 exists=3\n"
                             "E: FOUND A 3 count=17 \n"
                             "E: DONE SEARCH A modseq=21 exists=3\n"
                             "E: FOUND A 4 count=1 5\n"
                             "E: DONE SEARCH A modseq=21 exists=3\n"
                             "E: FOUND A 5 count=0 \n"
                             "E: DONE SEARCH A modseq=21 exists=3\n");
        replica_check("COUNT whatever is asked (iCloud): plain SEARCH from then on", DOVECOT, "q",
                      OPEN_A "> search A 1 1:500\n"
                             "C: 2 UID SEARCH RETURN (ALL COUNT) UID 1:500\n"
                             "S: * ESEARCH (TAG \"2\") UID COUNT 3\n"
                             "S: 2 OK\n"
                             "C: 3 UID SEARCH UID 1:500\n"
                             "S: * SEARCH 5 2 3\n"
                             "S: 3 OK\n"
                             "E: FOUND A 1 count=3 2:3,5\n"
                             "E: DONE SEARCH A modseq=21 exists=3\n"
                             "> search A 2 1:500 lacks \\Seen count\n"
                             "C: 4 UID SEARCH UID 1:500 UNSEEN\n"
                             "S: * SEARCH 5 2\n"
                             "S: 4 OK\n"
                             "E: FOUND A 2 count=2 2,5\n"
                             "E: DONE SEARCH A modseq=21 exists=3\n");
        replica_check("ESEARCH that is not understood, or does not count", DOVECOT, "q",
                      OPEN_A "> search A 1 1:500 count\n"
                             "C: 2 UID SEARCH RETURN (COUNT) UID 1:500\n"
                             "S: 2 BAD RETURN?\n"
                             "C: 3 UID SEARCH UID 1:500\n"
                             "S: 3 OK and no answer\n"
                             "E: DONE SEARCH A FAILED modseq=21 exists=3: the server does not say "
                             "what it has found\n");
        replica_check("a count without a count is not asked for again", DOVECOT, "q",
                      OPEN_A "> search A 1 1:500 count\n"
                             "C: 2 UID SEARCH RETURN (COUNT) UID 1:500\n"
                             "S: * ESEARCH (TAG \"2\") UID\n"
                             "S: 2 OK\n"
                             "E: DONE SEARCH A FAILED modseq=21 exists=3: the server does not say "
                             "what it has found\n");
        replica_check("without ESEARCH: lists, UIDs by position, and one at a time", BARE, "",
                      OPEN_BARE "> search A 1 1:4294967295\n"
                                "> search A 2 each 2\n"
                                "> search A 3 each 4\n"
                                "> store A 1 \\Seen -\n"
                                "C: 3 UID SEARCH ALL\n"
                                "S: * SEARCH 3 1 8\n"
                                "S: 3 OK\n"
                                "C: 4 FETCH 2 (UID)\n"
                                "S: * 1 FETCH (FLAGS (\\Seen) UID 1)\n"
                                "S: * 3 FETCH (UID 8)\n"
                                "S: * 2 FETCH (UID 3)\n"
                                "S: 4 OK\n"
                                "C: 5 UID STORE 1 +FLAGS.SILENT (\\Seen)\n"
                                "S: 5 OK\n"
                                "E: FOUND A 1 count=3 1,3,8\n"
                                "E: DONE SEARCH A exists=3\n"
                                "E: MESSAGE A 1 (\\Seen)\n"
                                "E: FOUND A 2 count=1 3\n"
                                "E: DONE SEARCH A exists=3\n"
                                "E: FOUND A 3 count=0 \n"
                                "E: DONE SEARCH A exists=3\n"
                                "E: DONE STORE A exists=3\n");
        replica_check(
                "UIDONLY: nothing by number, asked for with the first SELECT",
                "IMAP4rev1 ENABLE UIDONLY UIDPLUS", "",
                "> changes A 7 9 0 flags\n"
                "> search A 1 each 2\n"
                "C: 1 ENABLE UIDONLY\n"
                "C: 2 SELECT A\n"
                "C: 3 UID FETCH 9:4294967295 (FLAGS)\n"
                "S: * ENABLED UIDONLY\n"
                "S: 1 OK\n"
                "S: * 3 EXISTS\n"
                "S: * OK [UIDVALIDITY 7] .\n"
                "S: 2 OK\n"
                "S: * 9 UIDFETCH (FLAGS (\\Seen))\n"
                "S: * VANISHED 5\n"
                "S: 3 OK\n"
                "E: OPENED A 7 0 0 exists=3 () untold=expunges,flags no-positions\n"
                "E: MESSAGE A 9 (\\Seen)\n"
                "E: VANISHED A 5\n"
                "E: DONE CHANGES A exists=2\n"
                "E: DONE SEARCH A REFUSED exists=2: messages have no numbers where UIDONLY is "
                "enabled\n"
                "> search A 2 each 2\n"
                "E: DONE SEARCH A REFUSED exists=2: messages have no numbers where UIDONLY is "
                "enabled\n"
                "> fetch A 8 body\n"
                "C: 4 UID FETCH 8 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                "S: * 8 UIDFETCH (FLAGS () BODY[] {3}\n"
                "S: abc)\n"
                "S: 4 OK\n"
                "E: BODY A 8 () size=3 “abc”\n"
                "E: DONE FETCH A exists=2\n");
        replica_check("UIDONLY is offered and not confirmed: by number as before",
                      "IMAP4rev1 ENABLE UIDONLY UIDPLUS", "",
                      "> changes A 7 9 0 flags\n"
                      "C: 1 ENABLE UIDONLY\n"
                      "C: 2 SELECT A\n"
                      "C: 3 UID FETCH 9:4294967295 (FLAGS)\n"
                      "S: * ENABLED\n"
                      "S: 1 OK\n"
                      "S: * 3 EXISTS\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: 2 OK\n"
                      "S: 3 OK\n"
                      "E: OPENED A 7 0 0 exists=3 () untold=expunges,flags\n"
                      "E: DONE CHANGES A exists=3\n"
                      "> search A 1 each 2\n"
                      "C: 4 FETCH 2 (UID)\n"
                      "S: * 2 FETCH (UID 3)\n"
                      "S: 4 OK\n"
                      "E: FOUND A 1 count=1 3\n"
                      "E: DONE SEARCH A exists=3\n");
        replica_check(
                "UIDONLY since the login: not asked for again", "IMAP4rev1 ENABLE UIDONLY UIDPLUS",
                "xu",
                "> search A 1 each 2\n"
                "C: 1 SELECT A\n"
                "S: * 3 EXISTS\n"
                "S: * OK [UIDVALIDITY 7] .\n"
                "S: 1 OK\n"
                "E: DONE SEARCH A REFUSED exists=3: messages have no numbers where UIDONLY is "
                "enabled\n");
        replica_check("answers out of order, and one that comes before another command's", BARE, "",
                      OPEN_BARE "> fetch A 5 flags\n"
                                "> search A 1 1:9\n"
                                "> search A 2 1:9 has \\Seen\n"
                                "C: 3 UID FETCH 5 (FLAGS)\n"
                                "C: 4 UID SEARCH UID 1:9\n"
                                "S: * SEARCH 3\n"
                                "S: 4 OK\n"
                                "C: 5 UID SEARCH UID 1:9 SEEN\n"
                                "S: 3 OK\n"
                                "S: * SEARCH\n"
                                "S: 5 OK\n"
                                "E: FOUND A 1 count=1 3\n"
                                "E: DONE SEARCH A exists=3\n"
                                "E: DONE FETCH A exists=3\n"
                                "E: FOUND A 2 count=0 \n"
                                "E: DONE SEARCH A exists=3\n");
        replica_check("the mailbox is gone", BARE, "",
                      "> search A 1 1:5\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID SEARCH UID 1:5\n"
                      "S: 1 NO [NONEXISTENT] no\n"
                      "S: 2 BAD no\n"
                      "E: DONE SEARCH A NO_MAILBOX: the server cannot open the mailbox: “no”\n");
}

static void test_long_sets(void) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL, said = UID_SET_NULL;
        ReplicaTest test = {.transcript = {.label = "long sets"}};
        size_t n_lines = 0;

        replica_test_init(&test, DOVECOT, "q");
        for (uint32_t uid = 1000000; uid < 1006000; uid += 2)
                assert(uid_set_add(&uids, uid, uid) == 0);
        Replica *replica = imap_replica_base(test.replica);
        assert(replica->ops->fetch(replica, test_mailbox(&test, "A"), &uids,
                                   REPLICA_WANT_IDENTITY) == 0);
        transcript_pull(&test.transcript);
        assert(buffer_append(&test.transcript.said, "", 1) == 0);

        for (char *rest = test.transcript.said.data, *line; (line = strsep(&rest, "\n"));
             n_lines++) {
                char *set = strstr(line, "FETCH ");
                _cleanup_(uid_set_done) UidSet part = UID_SET_NULL;

                assert(strlen(line) < 8000);
                if (!set)
                        continue;
                set += strlen("FETCH ");
                assert(uid_set_parse((ByteView){set, strcspn(set, " ")}, 9999, &part) == 0);
                for (size_t i = 0; i < part.n_ranges; i++)
                        assert(uid_set_add(&said, part.ranges[i].first, part.ranges[i].last) == 0);
        }

        assert(n_lines == 1 + 4 + 1);
        assert(uid_set_count(&said) == 3000 && said.n_ranges == uids.n_ranges);
        assert(memcmp(said.ranges, uids.ranges, said.n_ranges * sizeof(*said.ranges)) == 0);
        replica_test_done(&test);
}

/* An upload whose source fails: where bytes were promised the connection is lost, else nothing. */
static void test_abort(void) {
        static const char *const wait = "> changes A 7 9 0 flags\n"
                                        "C: 1 SELECT A\n"
                                        "C: 2 UID FETCH 9:4294967295 (FLAGS)\n"
                                        "S: * OK [UIDVALIDITY 7] .\n"
                                        "S: 1 OK\n"
                                        "S: 2 OK\n"
                                        "E: OPENED A 7 0 0 exists=0 () untold=expunges,flags\n"
                                        "E: DONE CHANGES A exists=0\n"
                                        "> fetch B 1 flags\n"
                                        "> expunge A 1\n"
                                        "C: 3 SELECT B\n"
                                        "C: 4 UID FETCH 1 (FLAGS)\n"
                                        "C: 5 SELECT A\n";
        static const struct {
                const char *label;
                const char *capabilities;
                const char *before, *then;
                int result;
        } rows[] = {
                {"promised",              "LITERAL+",               "",   "C: 1 APPEND A {9+}\n",            -ECONNABORTED},
                {"refused by us",         "LITERAL+ APPENDLIMIT=8", "",   "",                                0            },
                {"refused by the server", "",                       "",   "C: 1 APPEND A {9}\nS: 1 NO no\n", 0            },
                {"waits for its turn",    "UIDPLUS",                wait, "",                                0            },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ReplicaTest test = {.transcript = {.label = rows[i].label}};
                const ReplicaMessage message = {.present = REPLICA_HAS_SIZE, .size = 9};

                replica_test_init(&test, rows[i].capabilities, "");
                Replica *replica = imap_replica_base(test.replica);

                transcript_run(&test.transcript, rows[i].before);
                assert(replica->ops->append_begin(replica, test_mailbox(&test, "A"), &message, 1) ==
                       0);
                transcript_run(&test.transcript, rows[i].then);
                TEST_ROW(rows[i].label, replica->ops->append_abort(replica) == rows[i].result);
                replica_test_done(&test);
        }
}

int main(void) {
        test_stores();
        test_appends();
        test_batches();
        test_close();
        test_searches();
        test_long_sets();
        test_abort();
        return 0;
}
