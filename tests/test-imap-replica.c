/* The IMAP replica: lists, changes and bodies. What is asked, what it says, what it makes of it. */

#include "replica-transcript.h"

static void test_list(void) {
        replica_check(
                "with LIST-STATUS, only what is advertised", DOVECOT, "",
                "> list\n"
                "> busy\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: * LIST () \"/\" Sent\n"
                "S: * STATUS Sent (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7 HIGHESTMODSEQ 8)\n"
                "S: * LIST () \"/\" INBOX\n"
                "S: * STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9 HIGHESTMODSEQ 1)\n"
                "S: 1 OK List completed.\n"
                "E: MAILBOX Sent\n"
                "E: STATUS Sent messages=5 uidnext=6 uidvalidity=7 modseq=8\n"
                "E: MAILBOX INBOX\n"
                "E: STATUS INBOX messages=0 uidnext=1 uidvalidity=9 modseq=1\n"
                "E: DONE LIST\n"
                "> free\n");
        replica_check("with all options", DOVECOT, "s",
                      "> list\n"
                      "C: 1 LIST \"\" * RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT "
                      "UIDVALIDITY HIGHESTMODSEQ))\n"
                      "S: * LIST (\\Subscribed \\Trash) \"/\" Trash\n"
                      "S: 1 OK done\n"
                      "E: MAILBOX Trash attributes=0x808 subscribed=yes\n"
                      "E: DONE LIST\n");
        replica_check("sizes are wanted", GMAIL " STATUS=SIZE", "z",
                      "> list\n"
                      "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ "
                      "SIZE))\n"
                      "S: * LIST () \"/\" A\n"
                      "S: * STATUS A (MESSAGES 5 SIZE 123456789012)\n"
                      "S: 1 OK done\n"
                      "E: MAILBOX A\n"
                      "E: STATUS A messages=5 size=123456789012\n"
                      "E: DONE LIST\n");
        replica_check("only a look", DOVECOT, "qk",
                      "> list\n"
                      "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT HIGHESTMODSEQ))\n"
                      "S: * LIST () \"/\" A\n"
                      "S: * STATUS A (MESSAGES 5 UIDNEXT 6 HIGHESTMODSEQ 7)\n"
                      "S: 1 OK done\n"
                      "E: MAILBOX A\n"
                      "E: STATUS A messages=5 uidnext=6 modseq=7\n"
                      "E: DONE LIST\n");
        replica_check(
                "sizes are wanted and not to be had", GMAIL, "z",
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: 1 OK done\n"
                "E: DONE LIST\n");
        replica_check("sizes without LIST-STATUS", BARE " STATUS=SIZE", "z",
                      "> list\n"
                      "C: 1 LIST \"\" *\n"
                      "S: * LIST () \"/\" A\n"
                      "S: 1 OK done\n"
                      "E: MAILBOX A\n"
                      "C: 2 STATUS A (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE)\n"
                      "S: * STATUS A (MESSAGES 5 SIZE 77)\n"
                      "S: 2 OK done\n"
                      "E: STATUS A messages=5 size=77\n"
                      "E: DONE LIST\n");
        replica_check(
                "sizes can be had, and no list wants them", GMAIL " STATUS=SIZE", "",
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: 1 OK done\n"
                "E: DONE LIST\n"
                "> standing A\n"
                "C: 2 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)\n"
                "S: * STATUS A (MESSAGES 5 SIZE 77)\n"
                "S: 2 OK done\n"
                "E: STATUS A messages=5 size=77\n"
                "E: DONE STANDING A\n");
        replica_check("without LIST-STATUS: pipelined STATUS for what can be selected", EXCHANGE,
                      "",
                      "> list\n"
                      "C: 1 LIST \"\" *\n"
                      "S: * LIST () \"/\" INBOX\n"
                      "S: * LIST (\\Noselect) \"/\" Public\n"
                      "S: * LIST () \"/\" \"Public/to do\"\n"
                      "S: 1 OK done\n"
                      "E: MAILBOX INBOX\n"
                      "E: MAILBOX Public attributes=0x1\n"
                      "E: MAILBOX Public/to do\n"
                      "C: 2 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "C: 3 STATUS \"Public/to do\" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\n"
                      "S: 2 OK done\n"
                      "S: 3 NO [NOPERM] not this one\n"
                      "E: STATUS INBOX messages=1 uidnext=2 uidvalidity=3\n"
                      "E: DONE LIST\n");
        replica_check(
                "RETURN is advertised and refused", GMAIL, "",
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: 1 BAD Could not parse command\n"
                "C: 2 LIST \"\" *\n"
                "S: * LIST () \"/\" A\n"
                "S: 2 OK done\n"
                "C: 3 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                "S: 3 OK\n"
                "E: MAILBOX A\n"
                "E: DONE LIST\n");
        replica_check("no list at all", BARE, "",
                      "> list\n"
                      "C: 1 LIST \"\" *\n"
                      "S: 1 NO what\n"
                      "C: 2 LIST \"\" *\n"
                      "S: 2 NO [UNAVAILABLE] later\n"
                      "E: DONE LIST FAILED: the server cannot list its mailboxes: “later”\n");
        replica_check(
                "no list now", DOVECOT, "",
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: 1 NO [UNAVAILABLE] later\n"
                "E: DONE LIST FAILED: the server cannot list its mailboxes: “later”\n");
        replica_check(
                "names of all kinds", DOVECOT, "",
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: * LIST () \".\" inbox.Gr&APYA3w-e\n"
                "S: * LIST () \".\" INBOX.a/b\n"
                "S: * LIST () \".\" \"Gr&APYA\"\n"
                "S: * LIST () NIL flat\n"
                "S: * LIST () \".\" INBOX\n"
                "S: * LIST () \".\" INBOX\n"
                "S: * LIST () \".\" inbox\n"
                "S: 1 OK done\n"
                "E: MAILBOX inbox.Gr&APYA3w-e name=INBOX/Größe delimiter=.\n"
                "E: MAILBOX INBOX.a/b name=none delimiter=.: the mailbox “INBOX.a/b” has a name "
                "that cannot be used here\n"
                "E: MAILBOX Gr&APYA name=none delimiter=.: the mailbox “Gr&APYA” has a name that "
                "cannot be used here\n"
                "E: MAILBOX flat delimiter=0\n"
                "E: MAILBOX INBOX delimiter=.\n"
                "E: MAILBOX inbox name=none delimiter=.: the mailbox “inbox” would have the same "
                "name here as another one\n"
                "E: DONE LIST\n");
}

static void test_create(void) {
        replica_check(
                "the delimiter is asked for where it matters", DOVECOT, "",
                "> create a/b\n"
                "C: 1 LIST \"\" \"\"\n"
                "S: * LIST (\\Noselect) \".\" \"\"\n"
                "S: 1 OK\n"
                "C: 2 CREATE a.b\n"
                "S: 2 OK [MAILBOXID (abc)] Create completed.\n"
                "E: DONE CREATE a/b wire=a.b object=abc\n"
                "> create Größe\n"
                "C: 3 CREATE Gr&APYA3w-e\n"
                "S: 3 NO [ALREADYEXISTS] it is there\n"
                "E: DONE CREATE Größe wire=Gr&APYA3w-e\n"
                "> create ~x\n"
                "C: 4 CREATE \"~x\"\n"
                "S: 4 NO [CANNOT] Invalid mailbox name\n"
                "E: DONE CREATE ~x REFUSED wire=~x: the server cannot create the mailbox: “Invalid "
                "mailbox name”\n");
        replica_check(
                "a name that the delimiter forbids", DOVECOT, "",
                "> list\n"
                "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: * LIST () \".\" INBOX\n"
                "S: 1 OK\n"
                "E: MAILBOX INBOX delimiter=.\n"
                "E: DONE LIST\n"
                "> create v1.0\n"
                "E: DONE CREATE v1.0 REFUSED: the server cannot have a mailbox of this name: "
                "it has a level that is empty, “.” or “..”, or that holds “/” or the hierarchy "
                "delimiter, "
                "or it spells INBOX in other capitals\n");
}

static void test_changes(void) {
        replica_check("QRESYNC, by flags: SELECT tells it all", DOVECOT, "q",
                      "> changes A 1795326755 21 21 flags\n"
                      "C: 1 SELECT A (QRESYNC (1795326755 21))\n" SELECTED(
                              "18", "1795326755", "22",
                              "25") "S: * VANISHED (EARLIER) 3:4,9\n"
                                    "S: * 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (24))\n"
                                    "S: * 18 FETCH (UID 21 FLAGS () MODSEQ (25))\n"
                                    "S: 1 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).\n"
                                    "E: OPENED A 1795326755 22 25 exists=18 " STORABLE "\n"
                                    "E: VANISHED A 3:4,9\n"
                                    "E: MESSAGE A 5 (\\Seen)\n"
                                    "E: MESSAGE A 21 ()\n"
                                    "E: DONE CHANGES A modseq=25 exists=18\n");
        replica_check("QRESYNC, new bodies travel with it", DOVECOT, "q",
                      "> changes A 7 20 21 body 21\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UID FETCH 20,22:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "3", "7", "23",
                              "25") "S: * 1 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (24))\n"
                                    "S: * 2 FETCH (UID 21 FLAGS (work) MODSEQ (24))\n"
                                    "S: * 3 FETCH (UID 22 FLAGS () MODSEQ (25))\n"
                                    "S: 1 OK [READ-WRITE] done\n"
                                    "S: * 3 FETCH (UID 22 FLAGS (\\Seen) INTERNALDATE "
                                    "\"17-Jul-1996 02:44:25 -0700\" "
                                    "BODY[] {8}\n"
                                    "s: 12345678)\n"
                                    "S: \n"
                                    "S: * OK [HIGHESTMODSEQ 26] Highest\n"
                                    "S: 2 OK Fetch completed.\n"
                                    "E: OPENED A 7 23 25 exists=3 " STORABLE "\n"
                                    "E: MESSAGE A 5 (\\Seen)\n"
                                    "E: MESSAGE A 21 (work)\n"
                                    "E: BODY A 22 (\\Seen) date=837596665-420 size=8 “12345678”\n"
                                    "E: DONE CHANGES A modseq=26 exists=3\n");
        replica_check("QRESYNC, bodies of the newest first", DOVECOT, "q",
                      "> newest A 30\n"
                      "> changes A 7 20 21 body 21,31\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UID FETCH 30,32:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                      "C: 3 UID FETCH 20,22:29 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "3", "7", "33", "25") "S: 1 OK [READ-WRITE] done\n"
                                                    "S: 2 OK Fetch completed.\n"
                                                    "S: 3 OK Fetch completed.\n"
                                                    "E: OPENED A 7 33 25 exists=3 " STORABLE "\n"
                                                    "E: DONE CHANGES A modseq=25 exists=3\n");
        replica_check("ENABLE goes before the first SELECT", DOVECOT, "o",
                      "> changes A 7 2 21 flags\n"
                      "> changes B 8 2 31 flags\n"
                      "C: 1 ENABLE QRESYNC\n"
                      "C: 2 SELECT A (QRESYNC (7 21))\n"
                      "C: 3 SELECT B (QRESYNC (8 31))\n"
                      "S: * ENABLED QRESYNC\n"
                      "S: 1 OK Enabled\n" SELECTED(
                              "1", "7", "2",
                              "21") "S: 2 OK done\n"
                                    "S: * OK [CLOSED] Previous mailbox closed.\n" SELECTED(
                                            "1", "8", "2",
                                            "31") "S: 3 OK done\n"
                                                  "E: OPENED A 7 2 21 exists=1 " STORABLE "\n"
                                                  "E: DONE CHANGES A modseq=21 exists=1\n"
                                                  "E: OPENED B 8 2 31 exists=1 " STORABLE "\n"
                                                  "E: DONE CHANGES B modseq=31 exists=1\n");
        replica_check("QRESYNC is not confirmed: never use what it tells", DOVECOT, "",
                      "> changes A 7 2 21 flags\n"
                      "C: 1 ENABLE QRESYNC\n"
                      "C: 2 SELECT A (QRESYNC (7 21))\n"
                      "S: 1 OK ENABLE completed\n" SELECTED(
                              "1", "7", "2",
                              "21") "S: * VANISHED (EARLIER) 1:4000\n"
                                    "S: 2 OK done\n"
                                    "C: 3 SELECT A (CONDSTORE)\n"
                                    "C: 4 UID FETCH 1 (FLAGS) (CHANGEDSINCE 21)\n"
                                    "C: 5 UID FETCH 2:4294967295 (FLAGS)\n" SELECTED(
                                            "1", "7", "2",
                                            "22") "S: 3 OK done\n"
                                                  "S: * 1 FETCH (UID 1 FLAGS () MODSEQ (22))\n"
                                                  "S: 4 OK done\n"
                                                  "S: 5 OK done\n"
                                                  "E: OPENED A 7 2 22 exists=1 " STORABLE
                                                  " untold=expunges\n"
                                                  "E: MESSAGE A 1 ()\n"
                                                  "E: DONE CHANGES A modseq=22 exists=1\n");
        replica_check("QRESYNC is not known: all is done again", DOVECOT, "",
                      "> changes A 7 2 21 identity\n"
                      "> fetch A 1 flags\n"
                      "C: 1 ENABLE QRESYNC\n"
                      "C: 2 SELECT A (QRESYNC (7 21))\n"
                      "C: 3 UID FETCH 2:4294967295 (FLAGS INTERNALDATE RFC822.SIZE "
                      "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-TUID)])\n"
                      "C: 4 UID FETCH 1 (FLAGS)\n"
                      "S: 1 BAD what?\n"
                      "S: 2 BAD QRESYNC not enabled\n"
                      "S: 3 BAD No mailbox selected\n"
                      "S: 4 BAD No mailbox selected\n"
                      "C: 5 SELECT A (CONDSTORE)\n"
                      "C: 6 UID FETCH 1 (FLAGS) (CHANGEDSINCE 21)\n"
                      "C: 7 UID FETCH 2:4294967295 (FLAGS INTERNALDATE RFC822.SIZE "
                      "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-TUID)])\n"
                      "C: 8 UID FETCH 1 (FLAGS)\n" SELECTED(
                              "1", "7", "2", "21") "S: 5 OK done\n"
                                                   "S: * 1 FETCH (UID 1 FLAGS ())\n"
                                                   "S: 6 OK done\n"
                                                   "S: 7 OK done\n"
                                                   "S: * 1 FETCH (UID 1 FLAGS ())\n"
                                                   "S: 8 OK done\n"
                                                   "E: OPENED A 7 2 21 exists=1 " STORABLE
                                                   " untold=expunges\n"
                                                   "E: MESSAGE A 1 ()\n"
                                                   "E: DONE CHANGES A modseq=21 exists=1\n"
                                                   "E: MESSAGE A 1 ()\n"
                                                   "E: DONE FETCH A modseq=21 exists=1\n");
        replica_check("everything is new: one FETCH", DOVECOT, "q",
                      "> changes A 0 0 0 identity\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 1:4294967295 (FLAGS INTERNALDATE RFC822.SIZE "
                      "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-TUID)])\n" SELECTED(
                              "2", "7", "3",
                              "21") "S: 1 OK done\n"
                                    "S: * 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \" 1-Jan-1970 "
                                    "00:00:10 +0100\" "
                                    "RFC822.SIZE 99 BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\n"
                                    "S: Message-ID: <a@b>\n"
                                    "S: \n"
                                    "S: )\n"
                                    "S: * 2 FETCH (UID 2 FLAGS () INTERNALDATE \" 1-Jan-1970 "
                                    "00:00:10 +0000\" "
                                    "RFC822.SIZE 5 BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\n"
                                    "S: \n"
                                    "S: )\n"
                                    "S: 2 OK done\n"
                                    "E: OPENED A 7 3 21 exists=2 " STORABLE " complete\n"
                                    "E: MESSAGE A 1 (\\Seen) date=-3590+60 size=99 id=<a@b>\n"
                                    "E: MESSAGE A 2 () date=10+0 size=5 id=\n"
                                    "E: DONE CHANGES A modseq=21 exists=2\n");
        replica_check("modseqs where there were none: once, all flags", DOVECOT, "q",
                      "> changes A 7 10 0 body 10:11,13\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 12,14:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "1", "7", "14", "21") "S: 1 OK done\n"
                                                    "S: 2 OK done\n"
                                                    "C: 3 UID FETCH 1:11,13 (FLAGS)\n"
                                                    "S: * 1 FETCH (UID 10 FLAGS (\\Seen))\n"
                                                    "S: 3 OK done\n"
                                                    "E: OPENED A 7 14 21 exists=1 " STORABLE
                                                    " complete\n"
                                                    "E: MESSAGE A 10 (\\Seen)\n"
                                                    "E: DONE CHANGES A modseq=21 exists=1\n");
        replica_check("CONDSTORE without QRESYNC: changed flags, no expunges", GMAIL, "",
                      "> changes A 7 10 20 body 11\n"
                      "C: 1 SELECT A (CONDSTORE)\n"
                      "C: 2 UID FETCH 1:9,11 (FLAGS) (CHANGEDSINCE 20)\n"
                      "C: 3 UID FETCH 10,12:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "1", "7", "12", "21") "S: 1 OK done\n"
                                                    "S: * 1 FETCH (UID 4 FLAGS () MODSEQ (21))\n"
                                                    "S: 2 OK done\n"
                                                    "S: 3 OK done\n"
                                                    "E: OPENED A 7 12 21 exists=1 " STORABLE
                                                    " untold=expunges\n"
                                                    "E: MESSAGE A 4 ()\n"
                                                    "E: DONE CHANGES A modseq=21 exists=1\n");
        replica_check("a local server as well is asked only for what has changed", GMAIL, "l",
                      "> changes A 7 10 20 flags\n"
                      "C: 1 SELECT A (CONDSTORE)\n"
                      "C: 2 UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 20)\n"
                      "C: 3 UID FETCH 10:4294967295 (FLAGS)\n" SELECTED(
                              "1", "7", "10", "20") "S: 1 OK done\n"
                                                    "S: 2 OK done\n"
                                                    "S: 3 OK done\n"
                                                    "E: OPENED A 7 10 20 exists=1 " STORABLE
                                                    " untold=expunges\n"
                                                    "E: DONE CHANGES A modseq=20 exists=1\n");
        replica_check("a change by sequence number: no modseq after it is safe", GMAIL, "",
                      "> changes A 7 10 20 flags\n"
                      "C: 1 SELECT A (CONDSTORE)\n"
                      "C: 2 UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 20)\n"
                      "C: 3 UID FETCH 10:4294967295 (FLAGS)\n" SELECTED(
                              "1", "7", "10", "21") "S: 1 OK done\n"
                                                    "S: * 1 FETCH (UID 4 FLAGS () MODSEQ (21))\n"
                                                    "S: 2 OK done\n"
                                                    "S: * 1 FETCH (MODSEQ (22) FLAGS (\\Seen))\n"
                                                    "S: 3 OK [HIGHESTMODSEQ 22] done\n"
                                                    "E: OPENED A 7 10 21 exists=1 " STORABLE
                                                    " untold=expunges\n"
                                                    "E: MESSAGE A 4 ()\n"
                                                    "E: DONE CHANGES A exists=1\n");
        replica_check("NOMODSEQ, and CHANGEDSINCE was asked for: everything is listed", GMAIL, "",
                      "> changes A 7 2 20 flags\n"
                      "C: 1 SELECT A (CONDSTORE)\n"
                      "C: 2 UID FETCH 1 (FLAGS) (CHANGEDSINCE 20)\n"
                      "C: 3 UID FETCH 2:4294967295 (FLAGS)\n"
                      "S: * 1 EXISTS\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: * OK [UIDNEXT 2] .\n"
                      "S: * OK [NOMODSEQ] .\n"
                      "S: 1 OK done\n"
                      "S: 2 BAD CHANGEDSINCE is not supported here\n"
                      "S: 3 OK done\n"
                      "C: 4 UID FETCH 1:4294967295 (FLAGS)\n"
                      "S: * 1 FETCH (UID 1 FLAGS (\\Seen))\n"
                      "S: 4 OK done\n"
                      "E: OPENED A 7 2 0 exists=1 () complete\n"
                      "E: MESSAGE A 1 (\\Seen)\n"
                      "E: DONE CHANGES A exists=1\n");
        replica_check("neither, and one message below what was asked for", EXCHANGE, "",
                      "> changes A 7 10 0 body\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 10:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                      "S: * 1 EXISTS\n"
                      "S: * FLAGS (\\Seen \\Deleted)\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: 1 OK [READ-WRITE] done\n"
                      "S: * 1 FETCH (UID 4 FLAGS (\\Seen) BODY[] {3}\n"
                      "S: abc)\n"
                      "S: 2 OK done\n"
                      "E: OPENED A 7 0 0 exists=1 (\\Seen \\Deleted) untold=expunges,flags\n"
                      "E: MESSAGE A 4 (\\Seen)\n"
                      "E: DONE CHANGES A exists=1\n");
        replica_check("another UIDVALIDITY: everything is listed", DOVECOT, "q",
                      "> changes A 6 10 20 body\n"
                      "C: 1 SELECT A (QRESYNC (6 20))\n"
                      "C: 2 UID FETCH 10:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "2", "7", "12", "21") "S: 1 OK done\n"
                                                    "S: * 2 FETCH (UID 11 FLAGS () BODY[] {3}\n"
                                                    "S: abc)\n"
                                                    "S: 2 OK done\n"
                                                    "C: 3 UID FETCH 1:4294967295 (FLAGS)\n"
                                                    "S: * 1 FETCH (UID 1 FLAGS ())\n"
                                                    "S: * 2 FETCH (UID 11 FLAGS (\\Seen))\n"
                                                    "S: 3 OK done\n"
                                                    "E: OPENED A 7 12 21 exists=2 " STORABLE
                                                    " complete\n"
                                                    "E: MESSAGE A 1 ()\n"
                                                    "E: MESSAGE A 11 (\\Seen)\n"
                                                    "E: DONE CHANGES A modseq=21 exists=2\n");
        replica_check("HIGHESTMODSEQ went backwards: everything listed", DOVECOT, "q",
                      "> changes A 7 10 14 flags\n"
                      "C: 1 SELECT A (QRESYNC (7 14))\n" SELECTED(
                              "1", "7", "20", "2") "S: 1 OK done\n"
                                                   "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                                                   "S: * 1 FETCH (UID 19 FLAGS ())\n"
                                                   "S: 2 OK done\n"
                                                   "E: OPENED A 7 20 2 exists=1 " STORABLE
                                                   " complete\n"
                                                   "E: MESSAGE A 19 ()\n"
                                                   "E: DONE CHANGES A modseq=2 exists=1\n");
        replica_check(
                "UIDNEXT went backwards, another mailbox in between", DOVECOT, "q",
                "> changes A 7 10 14 flags\n"
                "> changes B 8 2 31 flags\n"
                "C: 1 SELECT A (QRESYNC (7 14))\n"
                "C: 2 SELECT B (QRESYNC (8 31))\n" SELECTED(
                        "1", "7", "9",
                        "15") "S: 1 OK done\n"
                              "S: * OK [CLOSED] .\n" SELECTED(
                                      "1", "8", "2",
                                      "31") "S: 2 OK done\n"
                                            "C: 3 SELECT A (QRESYNC (7 15))\n"
                                            "C: 4 UID FETCH 1:4294967295 (FLAGS)\n"
                                            "S: * OK [CLOSED] .\n" SELECTED(
                                                    "1", "7", "9",
                                                    "16") "S: * 1 FETCH (UID 8 FLAGS (\\Seen) "
                                                          "MODSEQ (16))\n"
                                                          "S: 3 OK done\n"
                                                          "S: * 1 FETCH (UID 8 FLAGS (\\Seen))\n"
                                                          "S: 4 OK done\n"
                                                          "E: OPENED A 7 9 15 exists=1 " STORABLE
                                                          " complete\n"
                                                          "E: OPENED B 8 2 31 exists=1 " STORABLE
                                                          "\n"
                                                          "E: DONE CHANGES B modseq=31 exists=1\n"
                                                          "E: MESSAGE A 8 (\\Seen)\n"
                                                          "E: MESSAGE A 8 (\\Seen)\n"
                                                          "E: DONE CHANGES A modseq=16 exists=1\n");
        replica_check(
                "data of the mailbox before, until CLOSED", DOVECOT, "q",
                "> changes A 7 2 21 flags\n"
                "> changes B 8 2 31 flags\n"
                "C: 1 SELECT A (QRESYNC (7 21))\n"
                "C: 2 SELECT B (QRESYNC (8 31))\n" SELECTED(
                        "2", "7", "3",
                        "21") "S: 1 OK done\n"
                              "S: * VANISHED 1\n"
                              "S: * 1 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (22))\n"
                              "S: * OK [CLOSED] .\n" SELECTED(
                                      "1", "8", "2",
                                      "32") "S: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (32))\n"
                                            "S: 2 OK done\n"
                                            "E: OPENED A 7 3 21 exists=2 " STORABLE "\n"
                                            "E: DONE CHANGES A modseq=21 exists=2\n"
                                            "E: VANISHED A 1\n"
                                            "E: MESSAGE A 2 (\\Seen)\n"
                                            "E: OPENED B 8 2 32 exists=1 " STORABLE "\n"
                                            "E: MESSAGE B 1 (\\Flagged)\n"
                                            "E: DONE CHANGES B modseq=32 exists=1\n");
        replica_check("several EXISTS: the last wins", DOVECOT, "q",
                      "> changes A 7 2 21 body\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "C: 2 UID FETCH 2:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                      "S: * 5 EXISTS\n" SELECTED("6", "7", "2",
                                                 "21") "S: * 7 EXISTS\n"
                                                       "S: 1 OK [READ-ONLY] done\n"
                                                       "S: * 8 EXISTS\n"
                                                       "S: * VANISHED 1:2\n"
                                                       "S: 2 OK done\n"
                                                       "E: OPENED A 7 2 21 exists=7 ()\n"
                                                       "E: VANISHED A 1:2\n"
                                                       "E: DONE CHANGES A modseq=21 exists=6\n");
        replica_check("NOMODSEQ", DOVECOT, "q",
                      "> changes A 7 2 0 flags\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 2:4294967295 (FLAGS)\n"
                      "S: * 0 EXISTS\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: * OK [UIDNEXT 2] .\n"
                      "S: * OK [NOMODSEQ] .\n"
                      "S: 1 OK done\n"
                      "S: 2 OK done\n"
                      "E: OPENED A 7 2 0 exists=0 () untold=expunges,flags\n"
                      "E: DONE CHANGES A exists=0\n");
        replica_check("no UIDVALIDITY", BARE, "",
                      "> changes A 0 0 0 flags\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                      "S: * 0 EXISTS\n"
                      "S: 1 OK done\n"
                      "S: 2 OK done\n"
                      "E: DONE CHANGES A FAILED: the server keeps no UIDs for this mailbox\n");
        replica_check(
                "no such mailbox: one reason, not three", DOVECOT, "q",
                "> changes A 7 2 21 body\n"
                "> store A 1 \\Seen -\n"
                "C: 1 SELECT A (QRESYNC (7 21))\n"
                "C: 2 UID FETCH 2:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                "C: 3 UID STORE 1 +FLAGS.SILENT (\\Seen)\n"
                "S: 1 NO [NONEXISTENT] Mailbox doesn't exist: A\n"
                "S: 2 BAD No mailbox selected.\n"
                "S: 3 BAD No mailbox selected.\n"
                "E: DONE CHANGES A NO_MAILBOX: the server cannot open the mailbox: “Mailbox "
                "doesn't "
                "exist: A”\n"
                "E: DONE STORE A NO_MAILBOX: the server cannot open the mailbox: “Mailbox doesn't "
                "exist: A”\n"
                "> changes A 7 2 21 flags\n"
                "C: 4 SELECT A (QRESYNC (7 21))\n"
                "S: 4 NO [UNAVAILABLE] later\n"
                "E: DONE CHANGES A FAILED: the server cannot open the mailbox: “later”\n");
        replica_check("a sequence number alone: listed the next time", DOVECOT, "q",
                      "> changes A 7 2 21 flags\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n" SELECTED(
                              "2", "7", "3",
                              "21") "S: 1 OK done\n"
                                    "S: * 1 EXPUNGE\n"
                                    "> changes A 7 2 21 flags\n"
                                    "C: 2 SELECT A\n"
                                    "C: 3 UID FETCH 1:4294967295 (FLAGS)\n"
                                    "S: * OK [CLOSED] .\n" SELECTED(
                                            "1", "7", "3",
                                            "22") "S: 2 OK\n"
                                                  "S: 3 OK\n"
                                                  "E: OPENED A 7 3 21 exists=2 " STORABLE "\n"
                                                  "E: DONE CHANGES A modseq=21 exists=2\n"
                                                  "E: OPENED A 7 3 22 exists=1 " STORABLE
                                                  " complete\n"
                                                  "E: DONE CHANGES A modseq=22 exists=1\n");
}

static void test_bodies(void) {
        replica_check("expunged meanwhile: BODY[] NIL is not a message", DOVECOT, "q",
                      "> fetch A 5:6 body\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 5:6 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "2", "7", "9",
                              "21") "S: 1 OK done\n"
                                    "S: * 1 FETCH (UID 5 FLAGS (\\Deleted) BODY[] NIL)\n"
                                    "S: * 2 FETCH (UID 6 FLAGS () BODY[] {0}\n"
                                    "S: )\n"
                                    "S: 2 OK [EXPUNGEISSUED] Some messages could not be FETCHed\n"
                                    "E: BODY A 5 (\\Deleted) “”: the server gave no body for this "
                                    "message\n"
                                    "E: BODY A 6 () size=0 “”: the server gave an empty body for "
                                    "this message\n"
                                    "E: DONE FETCH A exists=2\n");
        replica_check("EXPUNGEISSUED as a NO", DOVECOT, "q",
                      "> fetch A 5 body\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "2", "7", "9", "21") "S: 1 OK done\n"
                                                   "S: 2 NO [EXPUNGEISSUED] gone\n"
                                                   "E: DONE FETCH A exists=2\n");
        replica_check("the UID comes behind the body, or never", DOVECOT, "q",
                      "> fetch A 5 body\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n" SELECTED(
                              "2", "7", "9", "21") "S: 1 OK done\n"
                                                   "S: * 1 FETCH (BODY[] {3}\n"
                                                   "S: abc FLAGS (\\Seen) UID 5)\n"
                                                   "S: * 2 FETCH (BODY[] {3}\n"
                                                   "S: def FLAGS ())\n"
                                                   "S: * 2 FETCH (BODY[] {3}\n"
                                                   "S: ghi FLAGS () UID 6)\n"
                                                   "S: 2 OK\n"
                                                   "E: BODY A 5 (\\Seen) size=3 “abc”\n"
                                                   "E: BODY A 0 () size=3 “def”: the server gave a "
                                                   "message without saying which\n"
                                                   "E: BODY A 6 () size=3 “ghi”: the server gave a "
                                                   "message that was not asked for\n"
                                                   "E: DONE FETCH A exists=2\n");
        replica_check("a body that nobody asked for", DOVECOT, "q",
                      "> changes A 7 9 21 flags\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n" SELECTED(
                              "2", "7", "9", "21") "S: 1 OK done\n"
                                                   "S: * 2 FETCH (UID 8 FLAGS (\\Seen) BODY[] {3}\n"
                                                   "S: abc)\n"
                                                   "E: OPENED A 7 9 21 exists=2 " STORABLE "\n"
                                                   "E: DONE CHANGES A modseq=21 exists=2\n"
                                                   "E: MESSAGE A 8 (\\Seen)\n");
        replica_check("the mailbox was replaced: its messages are others", DOVECOT, "q",
                      "> changes A 7 9 21 flags\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n" SELECTED(
                              "1", "7", "9",
                              "21") "S: 1 OK done\n"
                                    "E: OPENED A 7 9 21 exists=1 " STORABLE "\n"
                                    "E: DONE CHANGES A modseq=21 exists=1\n"
                                    "> changes B 8 1 1 flags\n"
                                    "> fetch A 5 body\n"
                                    "C: 2 SELECT B (QRESYNC (8 1))\n"
                                    "C: 3 SELECT A (QRESYNC (7 21))\n"
                                    "C: 4 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                                    "S: 2 NO no\n" SELECTED(
                                            "1", "9", "9",
                                            "30") "S: 3 OK\n"
                                                  "S: * 1 FETCH (UID 5 FLAGS () BODY[] {3}\n"
                                                  "S: abc)\n"
                                                  "S: 4 OK\n"
                                                  "E: DONE CHANGES B FAILED: the server cannot "
                                                  "open the mailbox: “no”\n"
                                                  "E: MESSAGE A 5 ()\n"
                                                  "E: DONE FETCH A FAILED exists=1: the mailbox "
                                                  "was replaced meanwhile "
                                                  "(UIDVALIDITY)\n");
}

static void test_labels(void) {
        replica_check("special uses are asked for where mailboxes are labels", GOOGLE, "",
                      "> list\n"
                      "C: 1 LIST \"\" * RETURN (SPECIAL-USE)\n"
                      "S: * LIST (\\HasNoChildren \\All) \"/\" \"[Gmail]/All Mail\"\n"
                      "S: * LIST (\\HasNoChildren \\Trash) \"/\" [Gmail]/Trash\n"
                      "S: 1 OK done\n"
                      "E: MAILBOX [Gmail]/All Mail attributes=0x10\n"
                      "E: MAILBOX [Gmail]/Trash attributes=0x800\n"
                      "C: 2 STATUS \"[Gmail]/All Mail\" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "C: 3 STATUS \"[Gmail]/Trash\" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "S: 2 NO no\n"
                      "S: 3 NO no\n"
                      "E: DONE LIST\n");
}

static void test_objects(void) {
        replica_check("Gmail's number of a message", GOOGLE, "",
                      "> changes A 0 0 0 identity\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 1:4294967295 (FLAGS INTERNALDATE X-GM-MSGID RFC822.SIZE "
                      "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-TUID)])\n"
                      "S: * 1 EXISTS\n"
                      "S: * FLAGS (\\Seen \\Deleted)\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: 1 OK [READ-WRITE] done\n"
                      "S: * 1 FETCH (X-GM-MSGID 1278455344230334865 UID 4 FLAGS () RFC822.SIZE 3)\n"
                      "S: 2 OK done\n"
                      "E: OPENED A 7 0 0 exists=1 (\\Seen \\Deleted) complete\n"
                      "E: MESSAGE A 4 () size=3 object=1278455344230334865\n"
                      "E: DONE CHANGES A exists=1\n");
        replica_check("OBJECTID, with the body", "IMAP4rev1 OBJECTID X-GM-EXT-1", "",
                      "> changes A 0 0 0 body\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 1:4294967295 (FLAGS INTERNALDATE EMAILID BODY.PEEK[])\n"
                      "S: * 1 EXISTS\n"
                      "S: * FLAGS (\\Seen \\Deleted)\n"
                      "S: * OK [UIDVALIDITY 7] .\n"
                      "S: 1 OK [READ-WRITE] done\n"
                      "S: * 1 FETCH (UID 4 EMAILID (M7) FLAGS () BODY[] {3}\n"
                      "S: abc)\n"
                      "S: 2 OK done\n"
                      "E: OPENED A 7 0 0 exists=1 (\\Seen \\Deleted) complete\n"
                      "E: BODY A 4 () size=3 object=M7 “abc”\n"
                      "E: DONE CHANGES A exists=1\n");
}

int main(void) {
        test_list();
        test_create();
        test_changes();
        test_labels();
        test_objects();
        test_bodies();
        return 0;
}
