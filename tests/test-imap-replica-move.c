/* The IMAP replica: messages moved to another mailbox. */

#include "replica-transcript.h"

#define UIDPLUS "IMAP4rev1 ENABLE CONDSTORE QRESYNC UIDPLUS"

/* What the answer to "UID MOVE" on Dovecot is: the new UIDs before the messages vanish. */
static void test_move(void) {
        replica_check("MOVE; those that were gone are left out", DOVECOT, "q",
                      OPEN_A "> move A 3,5:8 B\n"
                             "C: 2 UID MOVE 3,5:8 B\n"
                             "S: * OK [COPYUID 12 3,7:8 21:23] Moved UIDs.\n"
                             "S: * VANISHED 3,7:8\n"
                             "S: 2 OK [HIGHESTMODSEQ 30] Move completed.\n"
                             "E: VANISHED A 3,7:8\n"
                             "E: MOVED A 3,7:8 to 21:23\n"
                             "E: DONE MOVE A modseq=30 exists=0\n");
        replica_check("none was there", DOVECOT, "q",
                      OPEN_A "> move A 5 B\n"
                             "C: 2 UID MOVE 5 B\n"
                             "S: 2 OK No messages found.\n"
                             "E: DONE MOVE A modseq=21 exists=3\n");
        replica_check("new UIDs told with the tagged OK", DOVECOT, "q",
                      OPEN_A "> move A 5 B\n"
                             "C: 2 UID MOVE 5 B\n"
                             "S: * VANISHED 5\n"
                             "S: 2 OK [COPYUID 12 5 21] .\n"
                             "E: VANISHED A 5\n"
                             "E: MOVED A 5 to 21\n"
                             "E: DONE MOVE A modseq=21 exists=2\n");
        replica_check("UIDs of another UIDVALIDITY mean nothing", DOVECOT, "q",
                      "> changes B 8 2 31 flags\n"
                      "C: 1 SELECT B (QRESYNC (8 31))\n" SELECTED(
                              "1", "8", "2", "31") "S: 1 OK\n"
                                                   "E: OPENED B 8 2 31 exists=1 " STORABLE "\n"
                                                   "E: DONE CHANGES B modseq=31 exists=1\n"
                                                   "> move B 1 A\n"
                                                   "C: 2 UID MOVE 1 A\n"
                                                   "S: * OK [COPYUID 9 1 4] .\n"
                                                   "S: 2 OK\n"
                                                   "E: MOVED B 1 to 4\n"
                                                   "E: DONE MOVE B modseq=31 exists=1\n"
                                                   "> move B 1 B\n"
                                                   "C: 3 UID MOVE 1 B\n"
                                                   "S: * OK [COPYUID 9 1 4] .\n"
                                                   "S: 3 OK\n"
                                                   "E: DONE MOVE B modseq=31 exists=1\n");
}

static void test_copy(void) {
        replica_check("without MOVE: COPY, and what was copied is expunged", UIDPLUS, "q",
                      OPEN_A "> move A 5:6 B\n"
                             "> fetch C 1 flags\n"
                             "C: 2 UID COPY 5:6 B\n"
                             "S: 2 OK [COPYUID 12 5:6 21:22] .\n"
                             "C: 3 UID STORE 5:6 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 4 UID EXPUNGE 5:6\n"
                             "C: 5 SELECT C\n"
                             "C: 6 UID FETCH 1 (FLAGS)\n"
                             "S: 3 OK\n"
                             "S: * VANISHED 5:6\n"
                             "S: 4 OK [HIGHESTMODSEQ 30] .\n"
                             "S: * OK [UIDVALIDITY 3] .\n"
                             "S: 5 OK\n"
                             "S: 6 OK\n"
                             "E: VANISHED A 5:6\n"
                             "E: MOVED A 5:6 to 21:22\n"
                             "E: DONE MOVE A modseq=30 exists=1\n"
                             "E: DONE FETCH C exists=0\n");
        replica_check("a COPY that is refused: nothing is expunged", UIDPLUS, "q",
                      OPEN_A "> move A 5 B\n"
                             "C: 2 UID COPY 5 B\n"
                             "S: 2 NO [OVERQUOTA] full\n"
                             "E: DONE MOVE A REFUSED modseq=21 exists=3: the server cannot move "
                             "the messages: “full”\n");
        replica_check("copied, but the originals stay: not moved", UIDPLUS, "q",
                      OPEN_A "> move A 5 B\n"
                             "C: 2 UID COPY 5 B\n"
                             "S: 2 OK [COPYUID 12 5 21] .\n"
                             "C: 3 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 4 UID EXPUNGE 5\n"
                             "S: 3 OK\n"
                             "S: 4 NO no\n"
                             "E: DONE MOVE A FAILED modseq=21 exists=3: the server cannot expunge "
                             "the messages: “no”\n");
        replica_check("copied, and kept at first: expunged once more, and not copied", UIDPLUS, "q",
                      OPEN_A
                      "> move A 5:6 B\n"
                      "> fetch C 1 flags\n"
                      "C: 2 UID COPY 5:6 B\n"
                      "S: 2 OK [COPYUID 12 5:6 21:22] .\n"
                      "C: 3 UID STORE 5:6 +FLAGS.SILENT (\\Deleted)\n"
                      "C: 4 UID EXPUNGE 5:6\n"
                      "C: 5 SELECT C\n"
                      "C: 6 UID FETCH 1 (FLAGS)\n"
                      "S: 3 OK\n"
                      "S: * VANISHED 6\n"
                      "S: 4 OK [HIGHESTMODSEQ 30] .\n"
                      "C: 7 SELECT A (QRESYNC (7 30))\n"
                      "S: * OK [CLOSED] .\n"
                      "S: * OK [UIDVALIDITY 3] .\n"
                      "S: 5 OK\n"
                      "S: 6 OK\n"
                      "S: * OK [CLOSED] .\n" SELECTED(
                              "2", "7", "9", "30") "S: 7 OK\n"
                                                   "C: 8 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                                                   "C: 9 UID EXPUNGE 5\n"
                                                   "C: 10 UID SEARCH UID 5\n"
                                                   "S: 8 OK\n"
                                                   "S: * VANISHED 5\n"
                                                   "S: 9 OK [HIGHESTMODSEQ 31] .\n"
                                                   "S: * SEARCH\n"
                                                   "S: 10 OK\n"
                                                   "E: VANISHED A 6\n"
                                                   "E: DONE FETCH C exists=0\n"
                                                   "E: VANISHED A 5\n"
                                                   "E: MOVED A 5:6 to 21:22\n"
                                                   "E: DONE MOVE A modseq=31 exists=1\n");
        replica_check("MOVE cannot be: COPY, for the rest of the session", DOVECOT, "q",
                      OPEN_A "> move A 5 B\n"
                             "C: 2 UID MOVE 5 B\n"
                             "S: 2 NO [CANNOT] no\n"
                             "C: 3 UID COPY 5 B\n"
                             "S: 3 OK [COPYUID 12 5 21] .\n"
                             "C: 4 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                             "C: 5 UID EXPUNGE 5\n"
                             "S: 4 OK\n"
                             "S: * VANISHED 5\n"
                             "S: 5 OK\n"
                             "E: VANISHED A 5\n"
                             "E: MOVED A 5 to 21\n"
                             "E: DONE MOVE A modseq=21 exists=2\n"
                             "> move A 6 B\n"
                             "C: 6 UID COPY 6 B\n"
                             "S: 6 NO [TRYCREATE] no\n"
                             "E: DONE MOVE A NO_MAILBOX modseq=21 exists=2: the server cannot "
                             "move the messages: “no”\n");
        replica_check("neither MOVE nor UIDPLUS: nothing is said", "IMAP4rev1", "",
                      "> changes A 7 9 0 flags\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 9:4294967295 (FLAGS)\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: 1 OK\n"
                      "S: 2 OK\n"
                      "E: OPENED A 7 0 0 exists=0 () untold=expunges,flags\n"
                      "E: DONE CHANGES A exists=0\n"
                      "> move A 5 B\n"
                      "E: DONE MOVE A REFUSED exists=0: the server can neither move messages nor "
                      "expunge single ones (it lacks MOVE and UIDPLUS)\n");
}

static void test_confirmed(void) {
        replica_check("a move in another mailbox waits for its SELECT", DOVECOT, "q",
                      OPEN_A "> changes B 8 2 31 flags\n"
                             "> move A 5 B\n"
                             "> fetch B 1 flags\n"
                             "C: 2 SELECT B (QRESYNC (8 31))\n"
                             "C: 3 SELECT A (QRESYNC (7 21))\n"
                             "S: * OK [CLOSED] .\n" SELECTED(
                                     "1", "8", "2",
                                     "31") "S: 2 OK\n"
                                           "S: * OK [CLOSED] .\n" SELECTED(
                                                   "3", "77", "9",
                                                   "21") "S: 3 OK\n"
                                                         "C: 4 SELECT B (QRESYNC (8 31))\n"
                                                         "C: 5 UID FETCH 1 (FLAGS)\n"
                                                         "S: 4 NO\n"
                                                         "S: 5 BAD\n"
                                                         "E: OPENED B 8 2 31 exists=1 " STORABLE
                                                         "\n"
                                                         "E: DONE CHANGES B modseq=31 exists=1\n"
                                                         "E: DONE MOVE A FAILED "
                                                         "exists=3: the mailbox was replaced "
                                                         "meanwhile (UIDVALIDITY)\n"
                                                         "E: DONE FETCH B FAILED modseq=31 "
                                                         "exists=1: the server cannot open the "
                                                         "mailbox\n");
        replica_check("a mailbox that was never looked at", DOVECOT, "q",
                      "> move A 5 B\n"
                      "E: DONE MOVE A FAILED: the mailbox was not looked at since the "
                      "connection is up, so nothing was moved from there\n");
}

int main(void) {
        test_move();
        test_copy();
        test_confirmed();
        return 0;
}
