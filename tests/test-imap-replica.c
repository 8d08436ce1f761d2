/* The IMAP replica: what is asked of it, what it says to the server, what it makes of the answers. */

#include "replica-transcript.h"

#define DOVECOT                                                                                    \
        "IMAP4rev1 SASL-IR ENABLE CONDSTORE QRESYNC COMPRESS=DEFLATE NOTIFY IDLE LIST-EXTENDED "   \
        "LIST-STATUS SPECIAL-USE UIDPLUS LITERAL+ ESEARCH UNSELECT MOVE"
#define GMAIL    "IMAP4rev1 ENABLE CONDSTORE COMPRESS=DEFLATE IDLE LIST-EXTENDED LIST-STATUS UIDPLUS UNSELECT LITERAL-"
#define EXCHANGE "IMAP4rev1 IDLE UIDPLUS UNSELECT LITERAL+"
#define BARE     "IMAP4rev1"

/* What SELECT says on Dovecot 2.3 before the changes. */
#define SELECTED(exists, uidvalidity, uidnext, modseq)                                             \
        "S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)\n"                        \
        "S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work \\*)] Flags " \
        "permitted.\n"                                                                             \
        "S: * " exists " EXISTS\n"                                                                 \
        "S: * 0 RECENT\n"                                                                          \
        "S: * OK [UIDVALIDITY " uidvalidity "] UIDs valid\n"                                       \
        "S: * OK [UIDNEXT " uidnext "] Predicted next UID\n"                                       \
        "S: * OK [HIGHESTMODSEQ " modseq "] Highest\n"
#define STORABLE "(\\Seen \\Answered \\Flagged \\Deleted \\Draft *)"

static void test_list(void) {
        static const ReplicaRow rows[] = {
                {"with LIST-STATUS, only what is advertised", DOVECOT, "",
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
                 "> free\n"},
                {"with all options", DOVECOT, "s",
                 "> list\n"
                 "C: 1 LIST \"\" * RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT "
                 "UIDVALIDITY HIGHESTMODSEQ))\n"
                 "S: * LIST (\\Subscribed \\Trash) \"/\" Trash\n"
                 "S: 1 OK done\n"
                 "E: MAILBOX Trash attributes=0x808\n"
                 "E: DONE LIST\n"},
                {"without LIST-STATUS: pipelined STATUS for what can be selected", EXCHANGE, "",
                 "> list\n"
                 "C: 1 LIST \"\" *\n"
                 "S: * LIST () \"/\" INBOX\n"
                 "S: * LIST (\\Noselect) \"/\" Public\n"
                 "S: * LIST () \"/\" \"Public/to do\"\n"
                 "S: 1 OK done\n"
                 "E: MAILBOX INBOX\n"
                 "E: MAILBOX Public attributes=0x1\n"
                 "E: MAILBOX Public/to do\n"
                 "C: 2 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)\n"
                 "C: 3 STATUS \"Public/to do\" (MESSAGES UIDNEXT UIDVALIDITY)\n"
                 "S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\n"
                 "S: 2 OK done\n"
                 "S: 3 NO [NOPERM] not this one\n"
                 "E: STATUS INBOX messages=1 uidnext=2 uidvalidity=3\n"
                 "E: DONE LIST\n"},
                {"RETURN is advertised and refused", GMAIL, "",
                 "> list\n"
                 "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                 "S: 1 BAD Could not parse command\n"
                 "C: 2 LIST \"\" *\n"
                 "S: * LIST () \"/\" A\n"
                 "S: 2 OK done\n"
                 "C: 3 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                 "S: 3 OK\n"
                 "E: MAILBOX A\n"
                 "E: DONE LIST\n"},
                {"no list at all", BARE, "",
                 "> list\n"
                 "C: 1 LIST \"\" *\n"
                 "S: 1 NO [UNAVAILABLE] later\n"
                 "C: 2 LIST \"\" *\n"
                 "S: 2 NO [UNAVAILABLE] later\n"
                 "E: DONE LIST FAILED: the server cannot list its mailboxes: “later”\n"},
                {"names of all kinds", DOVECOT, "",
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
                 "E: DONE LIST\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

static void test_changes(void) {
        static const ReplicaRow rows[] = {
                {"QRESYNC, by flags: SELECT tells it all", DOVECOT, "q",
                 "> changes A 1795326755 21 21 flags\n"
                 "C: 1 SELECT A (QRESYNC (1795326755 21))\n"
                 SELECTED("18", "1795326755", "22", "25")
                 "S: * VANISHED (EARLIER) 3:4,9\n"
                 "S: * 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (24))\n"
                 "S: * 18 FETCH (UID 21 FLAGS () MODSEQ (25))\n"
                 "S: 1 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).\n"
                 "E: OPENED A 1795326755 22 25 exists=18 " STORABLE "\n"
                 "E: VANISHED A 3:4,9\n"
                 "E: MESSAGE A 5 (\\Seen)\n"
                 "E: MESSAGE A 21 ()\n"
                 "E: DONE CHANGES A modseq=25 exists=18\n"},
                {"QRESYNC, new bodies travel with it", DOVECOT, "q",
                 "> changes A 7 20 21 body 21\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 "C: 2 UID FETCH 20,22:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("3", "7", "23", "25")
                 "S: * 1 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (24))\n"
                 "S: * 2 FETCH (UID 21 FLAGS (work) MODSEQ (24))\n"
                 "S: * 3 FETCH (UID 22 FLAGS () MODSEQ (25))\n"
                 "S: 1 OK [READ-WRITE] done\n"
                 "S: * 3 FETCH (UID 22 FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" "
                 "BODY[] {8}\n"
                 "s: 12345678)\n"
                 "S: \n"
                 "S: * OK [HIGHESTMODSEQ 26] Highest\n"
                 "S: 2 OK Fetch completed.\n"
                 "E: OPENED A 7 23 25 exists=3 " STORABLE "\n"
                 "E: MESSAGE A 5 (\\Seen)\n"
                 "E: MESSAGE A 21 (work)\n"
                 "E: BODY A 22 (\\Seen) date=837596665-420 size=8 “12345678”\n"
                 "E: DONE CHANGES A modseq=26 exists=3\n"},
                {"ENABLE goes before the first SELECT if the login has not sent it", DOVECOT, "o",
                 "> changes A 7 2 21 flags\n"
                 "> changes B 8 2 31 flags\n"
                 "C: 1 ENABLE QRESYNC\n"
                 "C: 2 SELECT A (QRESYNC (7 21))\n"
                 "C: 3 SELECT B (QRESYNC (8 31))\n"
                 "S: * ENABLED QRESYNC\n"
                 "S: 1 OK Enabled\n"
                 SELECTED("1", "7", "2", "21")
                 "S: 2 OK done\n"
                 "S: * OK [CLOSED] Previous mailbox closed.\n"
                 SELECTED("1", "8", "2", "31")
                 "S: 3 OK done\n"
                 "E: OPENED A 7 2 21 exists=1 " STORABLE "\n"
                 "E: DONE CHANGES A modseq=21 exists=1\n"
                 "E: OPENED B 8 2 31 exists=1 " STORABLE "\n"
                 "E: DONE CHANGES B modseq=31 exists=1\n"},
                {"QRESYNC is not confirmed: never use what it tells", DOVECOT, "",
                 "> changes A 7 2 21 flags\n"
                 "C: 1 ENABLE QRESYNC\n"
                 "C: 2 SELECT A (QRESYNC (7 21))\n"
                 "S: 1 OK ENABLE completed\n"
                 SELECTED("1", "7", "2", "21")
                 "S: * VANISHED (EARLIER) 1:4000\n"
                 "S: 2 OK done\n"
                 "C: 3 SELECT A (CONDSTORE)\n"
                 "C: 4 UID FETCH 1:4294967295 (FLAGS)\n"
                 SELECTED("1", "7", "2", "21")
                 "S: 3 OK done\n"
                 "S: * 1 FETCH (UID 1 FLAGS ())\n"
                 "S: 4 OK done\n"
                 "E: OPENED A 7 2 21 exists=1 " STORABLE " complete\n"
                 "E: MESSAGE A 1 ()\n"
                 "E: DONE CHANGES A modseq=21 exists=1\n"},
                {"QRESYNC is not known: what came behind it fails and is done again", DOVECOT, "",
                 "> changes A 7 2 21 identity\n"
                 "> fetch A 1 flags\n"
                 "C: 1 ENABLE QRESYNC\n"
                 "C: 2 SELECT A (QRESYNC (7 21))\n"
                 "C: 3 UID FETCH 2:4294967295 (FLAGS INTERNALDATE RFC822.SIZE "
                 "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])\n"
                 "C: 4 UID FETCH 1 (FLAGS)\n"
                 "S: 1 BAD what?\n"
                 "S: 2 BAD QRESYNC not enabled\n"
                 "S: 3 BAD No mailbox selected\n"
                 "S: 4 BAD No mailbox selected\n"
                 "C: 5 SELECT A (CONDSTORE)\n"
                 "C: 6 UID FETCH 1 (FLAGS)\n"
                 "C: 7 UID FETCH 2:4294967295 (FLAGS INTERNALDATE RFC822.SIZE "
                 "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])\n"
                 "C: 8 UID FETCH 1 (FLAGS)\n"
                 SELECTED("1", "7", "2", "21")
                 "S: 5 OK done\n"
                 "S: * 1 FETCH (UID 1 FLAGS ())\n"
                 "S: 6 OK done\n"
                 "S: 7 OK done\n"
                 "S: * 1 FETCH (UID 1 FLAGS ())\n"
                 "S: 8 OK done\n"
                 "E: OPENED A 7 2 21 exists=1 " STORABLE " complete\n"
                 "E: MESSAGE A 1 ()\n"
                 "E: DONE CHANGES A modseq=21 exists=1\n"
                 "E: MESSAGE A 1 ()\n"
                 "E: DONE FETCH A modseq=21 exists=1\n"},
                {"everything is new: one FETCH", DOVECOT, "q",
                 "> changes A 0 0 0 identity\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 1:4294967295 (FLAGS INTERNALDATE RFC822.SIZE "
                 "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])\n"
                 SELECTED("2", "7", "3", "21")
                 "S: 1 OK done\n"
                 "S: * 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \" 1-Jan-1970 00:00:10 +0100\" "
                 "RFC822.SIZE 99 BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\n"
                 "S: Message-ID: <a@b>\n"
                 "S: \n"
                 "S: )\n"
                 "S: * 2 FETCH (UID 2 FLAGS () INTERNALDATE \" 1-Jan-1970 00:00:10 +0000\" "
                 "RFC822.SIZE 5 BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\n"
                 "S: \n"
                 "S: )\n"
                 "S: 2 OK done\n"
                 "E: OPENED A 7 3 21 exists=2 " STORABLE " complete\n"
                 "E: MESSAGE A 1 (\\Seen) date=-3590+60 size=99 id=<a@b>\n"
                 "E: MESSAGE A 2 () date=10+0 size=5 id=\n"
                 "E: DONE CHANGES A modseq=21 exists=2\n"},
                {"an interrupted first time: flags of what is known, bodies of the rest", DOVECOT,
                 "q",
                 "> changes A 7 10 0 body 10:11,13\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 1:11,13 (FLAGS)\n"
                 "C: 3 UID FETCH 12,14:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("1", "7", "14", "21")
                 "S: 1 OK done\n"
                 "S: * 1 FETCH (UID 10 FLAGS (\\Seen))\n"
                 "S: 2 OK done\n"
                 "S: 3 OK done\n"
                 "E: OPENED A 7 14 21 exists=1 " STORABLE " complete\n"
                 "E: MESSAGE A 10 (\\Seen)\n"
                 "E: DONE CHANGES A modseq=21 exists=1\n"},
                {"CONDSTORE without QRESYNC: all flags", GMAIL, "",
                 "> changes A 7 10 20 body\n"
                 "C: 1 SELECT A (CONDSTORE)\n"
                 "C: 2 UID FETCH 1:9 (FLAGS)\n"
                 "C: 3 UID FETCH 10:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("1", "7", "10", "21")
                 "S: 1 OK done\n"
                 "S: * 1 FETCH (UID 4 FLAGS ())\n"
                 "S: 2 OK done\n"
                 "S: 3 OK done\n"
                 "E: OPENED A 7 10 21 exists=1 " STORABLE " complete\n"
                 "E: MESSAGE A 4 ()\n"
                 "E: DONE CHANGES A modseq=21 exists=1\n"},
                {"neither, and the message below what was asked for, as Exchange gives", EXCHANGE, "",
                 "> changes A 7 10 0 body\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 1:9 (FLAGS)\n"
                 "C: 3 UID FETCH 10:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 "S: * 1 EXISTS\n"
                 "S: * FLAGS (\\Seen \\Deleted)\n"
                 "S: * OK [UIDVALIDITY 7] .\n"
                 "S: 1 OK [READ-WRITE] done\n"
                 "S: * 1 FETCH (UID 4 FLAGS ())\n"
                 "S: 2 OK done\n"
                 "S: * 1 FETCH (UID 4 FLAGS (\\Seen) BODY[] {3}\n"
                 "S: abc)\n"
                 "S: 3 OK done\n"
                 "E: OPENED A 7 0 0 exists=1 (\\Seen \\Deleted) complete\n"
                 "E: MESSAGE A 4 ()\n"
                 "E: MESSAGE A 4 (\\Seen)\n"
                 "E: DONE CHANGES A exists=1\n"},
                {"another UIDVALIDITY: what is under way is dropped, everything listed", DOVECOT, "q",
                 "> changes A 6 10 20 body\n"
                 "C: 1 SELECT A (QRESYNC (6 20))\n"
                 "C: 2 UID FETCH 10:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("2", "7", "12", "21")
                 "S: 1 OK done\n"
                 "S: * 2 FETCH (UID 11 FLAGS () BODY[] {3}\n"
                 "S: abc)\n"
                 "S: 2 OK done\n"
                 "C: 3 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * 1 FETCH (UID 1 FLAGS ())\n"
                 "S: * 2 FETCH (UID 11 FLAGS (\\Seen))\n"
                 "S: 3 OK done\n"
                 "E: OPENED A 7 12 21 exists=2 " STORABLE " complete\n"
                 "E: MESSAGE A 1 ()\n"
                 "E: MESSAGE A 11 (\\Seen)\n"
                 "E: DONE CHANGES A modseq=21 exists=2\n"},
                {"HIGHESTMODSEQ went backwards: everything listed", DOVECOT, "q",
                 "> changes A 7 10 14 flags\n"
                 "C: 1 SELECT A (QRESYNC (7 14))\n"
                 SELECTED("1", "7", "20", "2")
                 "S: 1 OK done\n"
                 "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * 1 FETCH (UID 19 FLAGS ())\n"
                 "S: 2 OK done\n"
                 "E: OPENED A 7 20 2 exists=1 " STORABLE " complete\n"
                 "E: MESSAGE A 19 ()\n"
                 "E: DONE CHANGES A modseq=2 exists=1\n"},
                {"UIDNEXT went backwards, and another mailbox came in between", DOVECOT, "q",
                 "> changes A 7 10 14 flags\n"
                 "> changes B 8 2 31 flags\n"
                 "C: 1 SELECT A (QRESYNC (7 14))\n"
                 "C: 2 SELECT B (QRESYNC (8 31))\n"
                 SELECTED("1", "7", "9", "15")
                 "S: 1 OK done\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("1", "8", "2", "31")
                 "S: 2 OK done\n"
                 "C: 3 SELECT A (QRESYNC (7 15))\n"
                 "C: 4 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("1", "7", "9", "16")
                 "S: * 1 FETCH (UID 8 FLAGS (\\Seen) MODSEQ (16))\n"
                 "S: 3 OK done\n"
                 "S: * 1 FETCH (UID 8 FLAGS (\\Seen))\n"
                 "S: 4 OK done\n"
                 "E: OPENED A 7 9 15 exists=1 " STORABLE " complete\n"
                 "E: OPENED B 8 2 31 exists=1 " STORABLE "\n"
                 "E: DONE CHANGES B modseq=31 exists=1\n"
                 "E: MESSAGE A 8 (\\Seen)\n"
                 "E: MESSAGE A 8 (\\Seen)\n"
                 "E: DONE CHANGES A modseq=16 exists=1\n"},
                {"data of the mailbox before, until CLOSED", DOVECOT, "q",
                 "> changes A 7 2 21 flags\n"
                 "> changes B 8 2 31 flags\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 "C: 2 SELECT B (QRESYNC (8 31))\n"
                 SELECTED("2", "7", "3", "21")
                 "S: 1 OK done\n"
                 "S: * VANISHED 1\n"
                 "S: * 1 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (22))\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("1", "8", "2", "32")
                 "S: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (32))\n"
                 "S: 2 OK done\n"
                 "E: OPENED A 7 3 21 exists=2 " STORABLE "\n"
                 "E: DONE CHANGES A modseq=21 exists=2\n"
                 "E: VANISHED A 1\n"
                 "E: MESSAGE A 2 (\\Seen)\n"
                 "E: OPENED B 8 2 32 exists=1 " STORABLE "\n"
                 "E: MESSAGE B 1 (\\Flagged)\n"
                 "E: DONE CHANGES B modseq=32 exists=1\n"},
                {"several EXISTS in SELECT and one behind it: the last wins", DOVECOT, "q",
                 "> changes A 7 2 21 body\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 "C: 2 UID FETCH 2:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 "S: * 5 EXISTS\n"
                 SELECTED("6", "7", "2", "21")
                 "S: * 7 EXISTS\n"
                 "S: 1 OK [READ-ONLY] done\n"
                 "S: * 8 EXISTS\n"
                 "S: * VANISHED 1:2\n"
                 "S: 2 OK done\n"
                 "E: OPENED A 7 2 21 exists=7 ()\n"
                 "E: VANISHED A 1:2\n"
                 "E: DONE CHANGES A modseq=21 exists=6\n"},
                {"NOMODSEQ", DOVECOT, "q",
                 "> changes A 7 2 0 flags\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * 0 EXISTS\n"
                 "S: * OK [UIDVALIDITY 7] .\n"
                 "S: * OK [UIDNEXT 2] .\n"
                 "S: * OK [NOMODSEQ] .\n"
                 "S: 1 OK done\n"
                 "S: 2 OK done\n"
                 "E: OPENED A 7 2 0 exists=0 () complete\n"
                 "E: DONE CHANGES A exists=0\n"},
                {"no UIDVALIDITY", BARE, "",
                 "> changes A 0 0 0 flags\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * 0 EXISTS\n"
                 "S: 1 OK done\n"
                 "S: 2 OK done\n"
                 "E: DONE CHANGES A FAILED: the server keeps no UIDs for this mailbox\n"},
                {"no such mailbox: one reason, not three", DOVECOT, "q",
                 "> changes A 7 2 21 body\n"
                 "> store A 1 \\Seen -\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 "C: 2 UID FETCH 2:4294967295 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 "C: 3 UID STORE 1 +FLAGS.SILENT (\\Seen)\n"
                 "S: 1 NO [NONEXISTENT] Mailbox doesn't exist: A\n"
                 "S: 2 BAD No mailbox selected.\n"
                 "S: 3 BAD No mailbox selected.\n"
                 "E: DONE CHANGES A NO_MAILBOX: the server cannot open the mailbox: “Mailbox doesn't "
                 "exist: A”\n"
                 "E: DONE STORE A NO_MAILBOX: the server cannot open the mailbox: “Mailbox doesn't "
                 "exist: A”\n"
                 "> changes A 7 2 21 flags\n"
                 "C: 4 SELECT A (QRESYNC (7 21))\n"
                 "S: 4 NO [UNAVAILABLE] later\n"
                 "E: DONE CHANGES A FAILED: the server cannot open the mailbox: “later”\n"},
                {"a sequence number alone: everything is listed the next time", DOVECOT, "q",
                 "> changes A 7 2 21 flags\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 SELECTED("2", "7", "3", "21")
                 "S: 1 OK done\n"
                 "S: * 1 EXPUNGE\n"
                 "> changes A 7 2 21 flags\n"
                 "C: 2 SELECT A\n"
                 "C: 3 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("1", "7", "3", "22")
                 "S: 2 OK\n"
                 "S: 3 OK\n"
                 "E: OPENED A 7 3 21 exists=2 " STORABLE "\n"
                 "E: DONE CHANGES A modseq=21 exists=2\n"
                 "E: OPENED A 7 3 22 exists=1 " STORABLE " complete\n"
                 "E: DONE CHANGES A modseq=22 exists=1\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

static void test_bodies(void) {
        static const ReplicaRow rows[] = {
                {"expunged meanwhile: BODY[] NIL is not a message", DOVECOT, "q",
                 "> fetch A 5:6 body\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 5:6 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("2", "7", "9", "21")
                 "S: 1 OK done\n"
                 "S: * 1 FETCH (UID 5 FLAGS (\\Deleted) BODY[] NIL)\n"
                 "S: * 2 FETCH (UID 6 FLAGS () BODY[] {0}\n"
                 "S: )\n"
                 "S: 2 OK [EXPUNGEISSUED] Some messages could not be FETCHed\n"
                 "E: BODY A 5 (\\Deleted) “”: the server gave no body for this message\n"
                 "E: BODY A 6 () size=0 “”: the server gave an empty body for this message\n"
                 "E: DONE FETCH A exists=2\n"},
                {"EXPUNGEISSUED as a NO", DOVECOT, "q",
                 "> fetch A 5 body\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("2", "7", "9", "21")
                 "S: 1 OK done\n"
                 "S: 2 NO [EXPUNGEISSUED] gone\n"
                 "E: DONE FETCH A exists=2\n"},
                {"the UID comes behind the body, or never", DOVECOT, "q",
                 "> fetch A 5 body\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 SELECTED("2", "7", "9", "21")
                 "S: 1 OK done\n"
                 "S: * 1 FETCH (BODY[] {3}\n"
                 "S: abc FLAGS (\\Seen) UID 5)\n"
                 "S: * 2 FETCH (BODY[] {3}\n"
                 "S: def FLAGS ())\n"
                 "S: * 2 FETCH (BODY[] {3}\n"
                 "S: ghi FLAGS () UID 6)\n"
                 "S: 2 OK\n"
                 "E: BODY A 5 (\\Seen) size=3 “abc”\n"
                 "E: BODY A 0 () size=3 “def”: the server gave a message without saying which\n"
                 "E: BODY A 6 () size=3 “ghi”: the server gave a message that was not asked for\n"
                 "E: DONE FETCH A exists=2\n"},
                {"a body that nobody asked for", DOVECOT, "q",
                 "> changes A 7 9 21 flags\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 SELECTED("2", "7", "9", "21")
                 "S: 1 OK done\n"
                 "S: * 2 FETCH (UID 8 FLAGS (\\Seen) BODY[] {3}\n"
                 "S: abc)\n"
                 "E: OPENED A 7 9 21 exists=2 " STORABLE "\n"
                 "E: DONE CHANGES A modseq=21 exists=2\n"
                 "E: MESSAGE A 8 (\\Seen)\n"},
                {"the mailbox was replaced: its messages are others", DOVECOT, "q",
                 "> changes A 7 9 21 flags\n"
                 "C: 1 SELECT A (QRESYNC (7 21))\n"
                 SELECTED("1", "7", "9", "21")
                 "S: 1 OK done\n"
                 "E: OPENED A 7 9 21 exists=1 " STORABLE "\n"
                 "E: DONE CHANGES A modseq=21 exists=1\n"
                 "> changes B 8 1 1 flags\n"
                 "> fetch A 5 body\n"
                 "C: 2 SELECT B (QRESYNC (8 1))\n"
                 "C: 3 SELECT A (QRESYNC (7 21))\n"
                 "C: 4 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"
                 "S: 2 NO no\n"
                 SELECTED("1", "9", "9", "30")
                 "S: 3 OK\n"
                 "S: * 1 FETCH (UID 5 FLAGS () BODY[] {3}\n"
                 "S: abc)\n"
                 "S: 4 OK\n"
                 "E: DONE CHANGES B FAILED: the server cannot open the mailbox: “no”\n"
                 "E: MESSAGE A 5 ()\n"
                 "E: DONE FETCH A FAILED exists=1: the mailbox was replaced meanwhile "
                 "(UIDVALIDITY)\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

#define OPEN_A                                                                                     \
        "> changes A 7 9 21 flags\n"                                                               \
        "C: 1 SELECT A (QRESYNC (7 21))\n" SELECTED("3", "7", "9", "21") "S: 1 OK done\n"          \
        "E: OPENED A 7 9 21 exists=3 " STORABLE "\n"                                               \
        "E: DONE CHANGES A modseq=21 exists=3\n"

static void test_stores(void) {
        static const ReplicaRow rows[] = {
                {"flags and keywords, both ways, and what the server tells with it", DOVECOT, "q",
                 OPEN_A
                 "> store A 3,5:8 \\Flagged,work \\Seen\n"
                 "C: 2 UID STORE 3,5:8 +FLAGS.SILENT (\\Flagged work)\n"
                 "C: 3 UID STORE 3,5:8 -FLAGS.SILENT (\\Seen)\n"
                 "S: * 2 FETCH (UID 7 MODSEQ (26) FLAGS (\\Answered))\n"
                 "S: * 3 FETCH (UID 8 MODSEQ (27))\n"
                 "S: 2 OK Store completed.\n"
                 "S: * 3 FETCH (UID 8 MODSEQ (28))\n"
                 "S: 3 OK Store completed.\n"
                 "E: MESSAGE A 7 (\\Answered)\n"
                 "E: DONE STORE A modseq=28 exists=3\n"},
                {"nothing that can be stored: nothing is said", EXCHANGE, "",
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
                 "E: OPENED A 7 0 0 exists=1 (\\Seen \\Deleted) complete\n"
                 "E: DONE CHANGES A exists=1\n"
                 "E: DONE STORE A exists=1\n"
                 "S: 3 NO [CANNOT] no\n"
                 "E: DONE STORE A REFUSED exists=1: the server cannot store the flags: “no”\n"},
                {"expunge: one write, and only ours", DOVECOT, "q",
                 OPEN_A
                 "> expunge A 5:6\n"
                 "C: 2 UID STORE 5:6 +FLAGS.SILENT (\\Deleted)\n"
                 "C: 3 UID EXPUNGE 5:6\n"
                 "S: * 1 FETCH (UID 5 MODSEQ (22))\n"
                 "S: 2 OK\n"
                 "S: * VANISHED 5\n"
                 "S: 3 OK [HIGHESTMODSEQ 24] Expunge completed.\n"
                 "E: VANISHED A 5\n"
                 "E: DONE EXPUNGE A modseq=24 exists=2\n"},
                {"expunge in another mailbox waits for its SELECT, others wait behind", DOVECOT, "q",
                 OPEN_A
                 "> changes B 8 2 31 flags\n"
                 "> expunge A 5\n"
                 "> fetch B 1 flags\n"
                 "C: 2 SELECT B (QRESYNC (8 31))\n"
                 "C: 3 SELECT A (QRESYNC (7 21))\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("1", "8", "2", "31")
                 "S: 2 OK\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("3", "7", "9", "21")
                 "S: 3 OK\n"
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
                 "> busy\n"},
                {"expunge in a mailbox that was replaced: nothing is deleted", DOVECOT, "q",
                 OPEN_A
                 "> changes B 8 2 31 flags\n"
                 "> expunge A 5\n"
                 "C: 2 SELECT B (QRESYNC (8 31))\n"
                 "C: 3 SELECT A (QRESYNC (7 21))\n"
                 "S: 2 NO no\n"
                 SELECTED("3", "10", "9", "21")
                 "S: 3 OK\n"
                 "E: DONE CHANGES B FAILED: the server cannot open the mailbox: “no”\n"
                 "E: DONE EXPUNGE A FAILED exists=3: the mailbox was replaced meanwhile "
                 "(UIDVALIDITY)\n"},
                {"expunge in a mailbox that is gone", DOVECOT, "q",
                 OPEN_A
                 "> changes B 8 2 31 flags\n"
                 "> expunge A 5\n"
                 "C: 2 SELECT B (QRESYNC (8 31))\n"
                 "C: 3 SELECT A (QRESYNC (7 21))\n"
                 "S: 2 NO no\n"
                 "S: 3 NO [NONEXISTENT] gone\n"
                 "E: DONE CHANGES B FAILED: the server cannot open the mailbox: “no”\n"
                 "E: DONE EXPUNGE A NO_MAILBOX modseq=21 exists=3: the server cannot open the "
                 "mailbox: “gone”\n"},
                {"expunge without UIDPLUS", BARE, "",
                 "> expunge A 5\n"
                 "E: DONE EXPUNGE A FAILED: the server cannot expunge single messages (it lacks "
                 "UIDPLUS), so nothing was deleted there\n"},
                {"expunge in a mailbox that nobody looked at", DOVECOT, "q",
                 "> expunge A 5\n"
                 "E: DONE EXPUNGE A FAILED: the mailbox was not looked at since the connection is "
                 "up, so nothing was deleted there\n"},
                {"expunge without QRESYNC: by sequence number", EXCHANGE, "",
                 "> changes A 7 1 0 flags\n"
                 "C: 1 SELECT A\n"
                 "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"
                 "S: * 3 EXISTS\n"
                 "S: * OK [UIDVALIDITY 7] .\n"
                 "S: 1 OK\n"
                 "S: 2 OK\n"
                 "> expunge A 5\n"
                 "C: 3 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
                 "C: 4 UID EXPUNGE 5\n"
                 "S: 3 OK\n"
                 "S: * 2 EXPUNGE\n"
                 "S: 4 OK\n"
                 "E: OPENED A 7 0 0 exists=3 () complete\n"
                 "E: DONE CHANGES A exists=3\n"
                 "E: DONE EXPUNGE A exists=2\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

#define DATE " \" 1-Jan-1970 01:00:00 +0100\""

static void test_appends(void) {
        static const ReplicaRow rows[] = {
                {"LITERAL+", DOVECOT, "q",
                 "> append A 42 \\Seen,work abc\n"
                 "C: 1 APPEND A (\\Seen work)" DATE " {3+}\n"
                 "C: abc\n"
                 "S: 1 OK [APPENDUID 7 31] Append completed.\n"
                 "E: APPENDED A 42 uid=31\n"
                 "E: DONE APPEND A 42\n"},
                {"a synchronising literal, no flags, a name to quote", BARE, "",
                 "> append to&do 42 - abc\n"
                 "C: 1 APPEND to&-do" DATE " {3}\n"
                 "S: + go\n"
                 "C: abc\n"
                 "S: 1 OK done\n"
                 "E: APPENDED to&do 42 uid=0\n"
                 "E: DONE APPEND to&do 42\n"},
                {"a synchronising literal that is refused", BARE, "",
                 "> append A 42 - abc\n"
                 "C: 1 APPEND A" DATE " {3}\n"
                 "S: 1 NO [TRYCREATE] no such mailbox\n"
                 "E: DONE APPEND A 42 NO_MAILBOX: the server refuses the message: “no such mailbox”\n"
                 "> noop\n"
                 "C: 2 NOOP\n"
                 "S: 2 OK\n"
                 "E: DONE NOOP\n"},
                {"what is refused for ever and what is not", DOVECOT, "q",
                 "> append A 1 - a\n"
                 "> append A 2 - b\n"
                 "> append A 3 - c\n"
                 "> append A 4 - d\n"
                 "C: 1 APPEND A" DATE " {1+}\n"
                 "C: a\n"
                 "C: 2 APPEND A" DATE " {1+}\n"
                 "C: b\n"
                 "C: 3 APPEND A" DATE " {1+}\n"
                 "C: c\n"
                 "C: 4 APPEND A" DATE " {1+}\n"
                 "C: d\n"
                 "S: 1 NO [OVERQUOTA] full\n"
                 "S: 2 NO [TOOBIG] big\n"
                 "S: 3 NO [LIMIT] slowly\n"
                 "S: 4 NO Message contains bare newlines\n"
                 "E: DONE APPEND A 1 REFUSED: the server refuses the message: “full”\n"
                 "E: DONE APPEND A 2 REFUSED: the server refuses the message: “big”\n"
                 "E: DONE APPEND A 3 FAILED: the server refuses the message: “slowly”\n"
                 "E: DONE APPEND A 4 REFUSED: the server refuses the message: “Message contains bare "
                 "newlines”\n"},
                {"BAD: the literal may have been taken for commands", DOVECOT, "q",
                 "> append A 42 - abc\n"
                 "C: 1 APPEND A" DATE " {3+}\n"
                 "C: abc\n"
                 "S: 1 BAD Error in IMAP command APPEND: Invalid arguments.\n"
                 "S: abc BAD Error in IMAP command received by server.\n"
                 "E: LOST EPROTO: the server does not understand APPEND: “Error in IMAP command "
                 "APPEND: Invalid arguments.”\n"},
                {"APPENDLIMIT, and nothing at all", "IMAP4rev1 LITERAL+ APPENDLIMIT=3", "",
                 "> append A 1 - abcd\n"
                 "> append A 2 -\n"
                 "> append A 3 - abc\n"
                 "C: 1 APPEND A" DATE " {3+}\n"
                 "C: abc\n"
                 "S: 1 OK\n"
                 "E: DONE APPEND A 1 REFUSED: the message is larger than the server takes "
                 "(APPENDLIMIT)\n"
                 "E: DONE APPEND A 2 REFUSED: a message without a byte cannot be uploaded\n"
                 "E: APPENDED A 3 uid=0\n"
                 "E: DONE APPEND A 3\n"},
                {"a UID under another UIDVALIDITY means nothing", DOVECOT, "q",
                 OPEN_A
                 "> append A 42 - abc\n"
                 "C: 2 APPEND A" DATE " {3+}\n"
                 "C: abc\n"
                 "S: * 4 EXISTS\n"
                 "S: * OK [HIGHESTMODSEQ 22] Highest\n"
                 "S: 2 OK [APPENDUID 8 1] done\n"
                 "E: APPENDED A 42 uid=0\n"
                 "E: DONE APPEND A 42 modseq=22 exists=4\n"},
                {"flags that became known behind the body", DOVECOT, "q",
                 "> append A 42 \\Seen>\\Flagged abc\n"
                 "C: 1 APPEND A (\\Seen)" DATE " {3+}\n"
                 "C: abc\n"
                 "S: 1 OK [APPENDUID 7 31] done\n"
                 "C: 2 SELECT A\n"
                 "C: 3 UID STORE 31 +FLAGS.SILENT (\\Flagged)\n"
                 "C: 4 UID STORE 31 -FLAGS.SILENT (\\Seen)\n"
                 SELECTED("3", "7", "32", "21")
                 "S: 2 OK\n"
                 "S: 3 OK\n"
                 "S: 4 OK\n"
                 "E: APPENDED A 42 uid=31\n"
                 "E: DONE APPEND A 42 exists=3\n"},
                {"nothing is said in the middle of a message", BARE, "",
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
                 "E: APPENDED A 42 uid=0\n"
                 "E: DONE APPEND A 42\n"
                 "E: DONE FETCH A exists=0\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

static void test_create(void) {
        static const ReplicaRow rows[] = {
                {"the delimiter is asked for where it matters", DOVECOT, "",
                 "> create a/b\n"
                 "C: 1 LIST \"\" \"\"\n"
                 "S: * LIST (\\Noselect) \".\" \"\"\n"
                 "S: 1 OK\n"
                 "C: 2 CREATE a.b\n"
                 "S: 2 OK [MAILBOXID (abc)] Create completed.\n"
                 "E: DONE CREATE a/b wire=a.b\n"
                 "> create Größe\n"
                 "C: 3 CREATE Gr&APYA3w-e\n"
                 "S: 3 NO [ALREADYEXISTS] it is there\n"
                 "E: DONE CREATE Größe wire=Gr&APYA3w-e\n"
                 "> create ~x\n"
                 "C: 4 CREATE ~x\n"
                 "S: 4 NO [CANNOT] Invalid mailbox name\n"
                 "E: DONE CREATE ~x REFUSED wire=~x: the server cannot create the mailbox: “Invalid "
                 "mailbox name”\n"},
                {"a name that the delimiter forbids", DOVECOT, "",
                 "> list\n"
                 "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                 "S: * LIST () \".\" INBOX\n"
                 "S: 1 OK\n"
                 "E: MAILBOX INBOX delimiter=.\n"
                 "E: DONE LIST\n"
                 "> create v1.0\n"
                 "E: DONE CREATE v1.0 REFUSED: the server cannot have a mailbox of this name: "
                 "it has a level that is empty, “.” or “..”, or that holds “/” or the hierarchy delimiter, "
                 "or it spells INBOX in other capitals\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

static void test_close(void) {
        static const ReplicaRow rows[] = {
                {"after the last one: UNSELECT and how they all stand", DOVECOT, "q",
                 OPEN_A
                 "> append B 42 - abc\n"
                 "> changes C 9 2 31 flags\n"
                 "> close A\n"
                 "> close C\n"
                 "C: 2 APPEND B" DATE " {3+}\n"
                 "C: abc\n"
                 "C: 3 SELECT C (QRESYNC (9 31))\n"
                 "C: 4 UNSELECT\n"
                 "C: 5 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                 "C: 6 STATUS C (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                 "S: 2 OK\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("1", "9", "2", "31")
                 "S: 3 OK\n"
                 "S: 4 OK Unselect completed.\n"
                 "S: * STATUS A (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 21)\n"
                 "S: 5 OK\n"
                 "S: * STATUS C (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 9 HIGHESTMODSEQ 31)\n"
                 "S: 6 OK\n"
                 "E: APPENDED B 42 uid=0\n"
                 "E: DONE APPEND B 42\n"
                 "E: OPENED C 9 2 31 exists=1 " STORABLE "\n"
                 "E: DONE CHANGES C modseq=31 exists=1\n"
                 "E: DONE CLOSE A modseq=21 exists=3\n"
                 "E: STATUS A messages=3 uidnext=9 uidvalidity=7 modseq=21\n"
                 "E: STATUS C messages=1 uidnext=2 uidvalidity=9 modseq=31\n"
                 "E: DONE CLOSE C modseq=31 exists=1\n"
                 "> free\n"},
                {"without UNSELECT nothing is expunged either", "IMAP4rev1 UIDPLUS QRESYNC", "q",
                 OPEN_A
                 "> close A\n"
                 "C: 2 EXAMINE A\n"
                 "C: 3 CLOSE\n"
                 "C: 4 STATUS A (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("3", "7", "9", "22")
                 "S: 2 OK [READ-ONLY] .\n"
                 "S: 3 OK [HIGHESTMODSEQ 99] .\n"
                 "S: 4 OK\n"
                 "E: DONE CLOSE A modseq=21 exists=3\n"},
                {"--once leaves all as it is, and tells nothing any more", DOVECOT, "qo",
                 OPEN_A
                 "> close A\n"
                 "E: DONE CLOSE A modseq=21 exists=3\n"
                 "S: * 1 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (22))\n"
                 "S: * VANISHED 5\n"
                 "> changes A 7 9 21 flags\n"
                 "C: 2 SELECT A (QRESYNC (7 21))\n"
                 "S: 2 BAD no\n"
                 "E: DONE CHANGES A FAILED: the server cannot open the mailbox: “no”\n"},
                {"close what was never open", DOVECOT, "q",
                 "> close A\n"
                 "E: DONE CLOSE A\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

#define NOTIFY                                                                                     \
        "NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName "           \
        "SubscriptionChange))\n"

static void test_waiting(void) {
        static const ReplicaRow rows[] = {
                {"NOTIFY, as Dovecot tells it", DOVECOT, "q",
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
                 "E: MAILBOX New2 old=New unasked\n"},
                {"NOTIFY again needs NONE, and nothing selected", DOVECOT, "q",
                 "> notify\n"
                 "C: 1 " NOTIFY
                 "S: 1 OK\n"
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
                 "C: 6 " NOTIFY
                 SELECTED("1", "7", "2", "3")
                 "S: 2 OK\n"
                 "S: 3 OK\n"
                 "S: 4 OK\n"
                 "S: 5 OK\n"
                 "S: 6 NO [NOTIFICATIONOVERFLOW] NOTIFY not supported for these mailboxes\n"
                 "E: DONE FETCH A exists=1\n"
                 "E: DONE NOTIFY REFUSED: the server refuses NOTIFY: “NOTIFY not supported for these "
                 "mailboxes”\n"},
                {"IDLE: how it stands, then one change", DOVECOT, "q",
                 "> idle A\n"
                 "C: 1 SELECT A\n"
                 "C: 2 IDLE\n"
                 SELECTED("5", "7", "9", "21")
                 "S: 1 OK\n"
                 "S: + idling\n"
                 "E: STATUS A messages=5 uidnext=9 uidvalidity=7 modseq=21\n"
                 "> free\n"
                 "S: * OK Still here\n"
                 "S: * 6 EXISTS\n"
                 "S: * 6 FETCH (UID 9 FLAGS () MODSEQ (22))\n"
                 "E: STATUS A unasked changed\n"
                 "> changes A 7 9 21 flags\n"
                 "C: DONE\n"
                 "C: 3 SELECT A (QRESYNC (7 21))\n"
                 "S: 2 OK Idle completed.\n"
                 "S: * OK [CLOSED] .\n"
                 SELECTED("6", "7", "10", "22")
                 "S: * 6 FETCH (UID 9 FLAGS () MODSEQ (22))\n"
                 "S: 3 OK\n"
                 "E: DONE IDLE A exists=6\n"
                 "E: OPENED A 7 10 22 exists=6 " STORABLE "\n"
                 "E: MESSAGE A 9 ()\n"
                 "E: DONE CHANGES A modseq=22 exists=6\n"},
                {"IDLE: a store behind it must not commit what was not told", DOVECOT, "q",
                 OPEN_A
                 "> idle A\n"
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
                 "E: DONE STORE A exists=2\n"},
                {"IDLE renewed", DOVECOT, "q",
                 "> idle A\n"
                 "C: 1 SELECT A\n"
                 "C: 2 IDLE\n"
                 SELECTED("5", "7", "9", "21")
                 "S: 1 OK\n"
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
                 "> free\n"},
                {"poll by LIST-STATUS, with nothing selected", DOVECOT, "q",
                 OPEN_A
                 "> poll\n"
                 "C: 2 UNSELECT\n"
                 "C: 3 LIST \"\" * RETURN (STATUS (UIDNEXT HIGHESTMODSEQ))\n"
                 "S: 2 OK\n"
                 "S: * LIST () \"/\" A\n"
                 "S: * STATUS A (UIDNEXT 9 HIGHESTMODSEQ 22)\n"
                 "S: 3 OK\n"
                 "E: MAILBOX A\n"
                 "E: STATUS A uidnext=9 modseq=22\n"
                 "E: DONE POLL\n"},
                {"poll by STATUS, pipelined, and no IDLE", BARE, "",
                 "> poll A B\n"
                 "C: 1 STATUS A (UIDNEXT)\n"
                 "C: 2 STATUS B (UIDNEXT)\n"
                 "S: * STATUS A (UIDNEXT 9)\n"
                 "S: 1 OK\n"
                 "S: 2 NO gone\n"
                 "E: STATUS A uidnext=9\n"
                 "E: DONE POLL\n"
                 "> idle A\n"
                 "E: DONE IDLE A REFUSED: the server has no IDLE\n"
                 "> notify\n"
                 "E: DONE NOTIFY REFUSED: the server has no NOTIFY\n"},
                {"LOGOUT", DOVECOT, "q",
                 "> logout\n"
                 "C: 1 LOGOUT\n"
                 "S: * BYE Logging out\n"
                 "S: 1 OK Logout completed.\n"
                 "E: DONE LOGOUT\n"},
                {"BYE of its own accord", DOVECOT, "q",
                 "> noop\n"
                 "C: 1 NOOP\n"
                 "S: * BYE IMAP session state is inconsistent\n"
                 "E: LOST ECONNRESET: the server closes the connection: “IMAP session state is "
                 "inconsistent”\n"},
                {"nonsense", DOVECOT, "q",
                 "> noop\n"
                 "C: 1 NOOP\n"
                 "S: 77 OK what\n"
                 "E: LOST EBADMSG: the server answered a command that was not given: “77 OK what”\n"},
                {"an alert", DOVECOT, "q",
                 "S: * OK [ALERT] System shutdown in 10 minutes\n"
                 "E: ALERT: the server says: “System shutdown in 10 minutes”\n"},
        };

        replica_check(rows, ARRAY_SIZE(rows));
}

int main(void) {
        test_list();
        test_changes();
        test_bodies();
        test_stores();
        test_appends();
        test_create();
        test_close();
        test_waiting();
        return 0;
}
