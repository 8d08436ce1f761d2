/* The IMAP replica: COMPRESS, once there is something to read. */

#include "replica-transcript.h"

#define LIST_A                                                                                     \
        "> list\n"                                                                                 \
        "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"          \
        "S: * LIST () \"/\" A\n"                                                                   \
        "S: 1 OK\n"                                                                                \
        "E: MAILBOX A\n"                                                                           \
        "E: DONE LIST\n"

#define ANSWER(tag)                                                                                \
        SELECTED("3", "7", "9", "21")                                                              \
        "S: " tag " OK done\n"                                                                     \
        "E: OPENED A 7 9 21 exists=3 " STORABLE "\n"                                               \
        "E: DONE CHANGES A modseq=21 exists=3\n"

int main(void) {
        replica_check("before the first mailbox, not before", DOVECOT, "q",
                      "> compress\n" LIST_A "> changes A 7 9 21 flags\n"
                      "> changes B 7 9 21 flags\n"
                      "C: 2 COMPRESS DEFLATE\n"
                      "> busy\n"
                      "S: 2 OK begin\n"
                      "E: DEFLATE\n"
                      "C: 3 SELECT A (QRESYNC (7 21))\n"
                      "C: 4 SELECT B (QRESYNC (7 21))\n" ANSWER(
                              "3") "S: 4 NO none\n"
                                   "E: DONE CHANGES B FAILED: the server cannot open the mailbox: "
                                   "“none”\n"
                                   "> store A 3 \\Seen -\n"
                                   "C: 5 SELECT A (QRESYNC (7 21))\n"
                                   "C: 6 UID STORE 3 +FLAGS.SILENT (\\Seen)\n");
        replica_check("before the first upload", DOVECOT, "q",
                      "> compress\n"
                      "> append A 42 - abc\n"
                      "C: 1 COMPRESS DEFLATE\n"
                      "S: 1 OK begin\n"
                      "E: DEFLATE\n"
                      "C: 2 APPEND A \" 1-Jan-1970 01:00:00 +0100\" {3+}\n"
                      "C: abc\n");
        replica_check("refused, and not asked for again", DOVECOT, "q",
                      "> compress\n"
                      "> changes A 7 9 21 flags\n"
                      "C: 1 COMPRESS DEFLATE\n"
                      "S: 1 NO [COMPRESSIONACTIVE] it is\n"
                      "C: 2 SELECT A (QRESYNC (7 21))\n" ANSWER("2") "> fetch A 1 flags\n"
                                                                     "C: 3 UID FETCH 1 (FLAGS)\n");
        replica_check("not where it is not offered", EXCHANGE, "",
                      "> compress\n"
                      "> fetch A 1 flags\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 1 (FLAGS)\n");
        replica_check("not behind what is under way, but later", DOVECOT, "q",
                      "> compress\n"
                      "> noop\n"
                      "> changes A 7 9 21 flags\n"
                      "C: 1 NOOP\n"
                      "C: 2 SELECT A (QRESYNC (7 21))\n"
                      "S: 1 OK\n"
                      "E: DONE NOOP\n" ANSWER("2") "> fetch A 1 flags\n"
                                                   "C: 3 COMPRESS DEFLATE\n"
                                                   "S: 3 OK begin\n"
                                                   "E: DEFLATE\n"
                                                   "C: 4 UID FETCH 1 (FLAGS)\n");
        replica_check(
                "behind the list of a first sync, and nothing more before its answer", DOVECOT,
                "qz",
                "> compress\n"
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "C: 2 COMPRESS DEFLATE\n"
                "> noop\n"
                "S: * LIST () \"/\" A\n"
                "S: 1 OK\n"
                "E: MAILBOX A\n"
                "> busy\n"
                "S: 2 OK begin\n"
                "E: DEFLATE\n"
                "C: 3 NOOP\n"
                "E: DONE LIST\n"
                "S: 3 OK\n"
                "E: DONE NOOP\n"
                "> changes A 7 9 21 flags\n"
                "C: 4 SELECT A (QRESYNC (7 21))\n" ANSWER("4"));
        replica_check(
                "behind a list that must be said again", DOVECOT, "qz",
                "> compress\n"
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "C: 2 COMPRESS DEFLATE\n"
                "S: 1 BAD what?\n"
                "> busy\n"
                "S: 2 NO not now\n"
                "C: 3 LIST \"\" *\n"
                "S: * LIST () \"/\" A\n"
                "S: 3 OK\n"
                "C: 4 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                "S: 4 OK\n"
                "E: MAILBOX A\n"
                "E: DONE LIST\n");
        return 0;
}
