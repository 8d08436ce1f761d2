/* An IMAP account as a replica: servers with quirks, as transcripts. */

#include "replica-transcript.h"

#define Q(name) IMAP_QUIRK_BIT(IMAP_QUIRK_##name)
#define DATE    " \" 1-Jan-1970 01:00:00 +0100\""

static void test_appends(void) {
        replica_check_quirks("flags that APPEND forgets are stored", "IMAP4rev1 UIDPLUS LITERAL+",
                             "", Q(APPEND_LOSES_FLAGS),
                             "> append A 42 \\Seen,\\Flagged abc\n"
                             "C: 1 APPEND A (\\Seen \\Flagged)" DATE " {3+}\n"
                             "C: abc\n"
                             "S: 1 OK [APPENDUID 7 31] done\n"
                             "C: 2 SELECT A\n"
                             "C: 3 UID STORE 31 +FLAGS.SILENT (\\Seen \\Flagged)\n"
                             "S: * 1 EXISTS\n"
                             "S: * OK [UIDVALIDITY 7] .\n"
                             "S: 2 OK\n"
                             "S: 3 OK\n"
                             "E: APPENDED A 42 uid=31 (\\Seen \\Flagged)\n"
                             "E: DONE APPEND A 42 exists=1\n");
        replica_check_quirks("no flags, nothing to store", "IMAP4rev1 UIDPLUS LITERAL+", "",
                             Q(APPEND_LOSES_FLAGS),
                             "> append A 42 - abc\n"
                             "C: 1 APPEND A" DATE " {3+}\n"
                             "C: abc\n"
                             "S: 1 OK [APPENDUID 7 31] done\n"
                             "E: APPENDED A 42 uid=31 ()\n"
                             "E: DONE APPEND A 42\n");
        replica_check_quirks("one that is to go and those that stay", "IMAP4rev1 UIDPLUS LITERAL+",
                             "", Q(APPEND_LOSES_FLAGS),
                             "> append A 42 \\Seen>\\Flagged abc\n"
                             "C: 1 APPEND A (\\Seen)" DATE " {3+}\n"
                             "C: abc\n"
                             "S: 1 OK [APPENDUID 7 31] done\n"
                             "C: 2 SELECT A\n"
                             "C: 3 UID STORE 31 +FLAGS.SILENT (\\Flagged)\n"
                             "C: 4 UID STORE 31 -FLAGS.SILENT (\\Seen)\n"
                             "S: * 1 EXISTS\n"
                             "S: * OK [UIDVALIDITY 7] .\n"
                             "S: 2 OK\n"
                             "S: 3 OK\n"
                             "S: 4 OK\n"
                             "E: APPENDED A 42 uid=31 (\\Flagged)\n"
                             "E: DONE APPEND A 42 exists=1\n");
}

#define OPENED_EMPTY(label, quirks, permanent, storable)                                           \
        replica_check_quirks(label, "IMAP4rev1", "", quirks,                                       \
                             "> changes A 0 0 0 flags\n"                                           \
                             "C: 1 SELECT A\n"                                                     \
                             "C: 2 UID FETCH 1:4294967295 (FLAGS)\n"                               \
                             "S: * 0 EXISTS\n"                                                     \
                             "S: * OK [PERMANENTFLAGS (" permanent ")] .\n"                        \
                             "S: * OK [UIDVALIDITY 7] .\n"                                         \
                             "S: 1 OK\n"                                                           \
                             "S: 2 OK\n"                                                           \
                             "E: OPENED A 7 0 0 exists=0 (" storable ") complete\n"                \
                             "E: DONE CHANGES A exists=0\n")

static void test_keywords(void) {
        OPENED_EMPTY("$MDNSent, as Exchange names it", Q(NO_MDNSENT), "\\Seen $MDNSent work",
                     "\\Seen work");
        OPENED_EMPTY("$MDNSent is like any other", 0, "\\Seen $MDNSent work",
                     "\\Seen $MDNSent work");
        OPENED_EMPTY("all keywords but this one", Q(NO_MDNSENT), "\\Seen work \\*",
                     "\\Seen $Forwarded work");
        OPENED_EMPTY("READ-ONLY flags", Q(NO_MDNSENT), "", "");
}

/* @said and @came: the body as the server says it, and as it is told. */
#define BODY_OF_5(label, quirks, size, said, came, why)                                            \
        replica_check_quirks(label, "IMAP4rev1", "", quirks,                                       \
                             "> fetch A 5 body\n"                                                  \
                             "C: 1 SELECT A\n"                                                     \
                             "C: 2 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])\n"                 \
                             "S: * 1 EXISTS\n"                                                     \
                             "S: * OK [UIDVALIDITY 7] .\n"                                         \
                             "S: 1 OK\n"                                                           \
                             "S: * 1 FETCH (UID 5 BODY[] {" size "}\n" said "S: )\n"               \
                             "S: 2 OK\n"                                                           \
                             "E: BODY A 5 size=" size " “" came "”" why "\n"                       \
                             "E: DONE FETCH A exists=1\n")
#define SUBJECT     "Retrieval using the IMAP4 protocol failed for the following message: 7"
#define PLACEHOLDER ": the server cannot convert this message, and gave another one that says so"

static void test_placeholders(void) {
        BODY_OF_5("as the first line", Q(PLACEHOLDER_BODIES), "81", "S: Subject: " SUBJECT "\n",
                  "Subject: " SUBJECT "\r\nE: ", PLACEHOLDER);
        BODY_OF_5("behind others, in another case", Q(PLACEHOLDER_BODIES), "90",
                  "S: From: x\nS: SUBJECT: " SUBJECT "\n",
                  "From: x\r\nE: SUBJECT: " SUBJECT "\r\nE: ", PLACEHOLDER);
        BODY_OF_5("a server that is not known for it", 0, "81", "S: Subject: " SUBJECT "\n",
                  "Subject: " SUBJECT "\r\nE: ", "");
        BODY_OF_5("a mail that quotes it", Q(PLACEHOLDER_BODIES), "83",
                  "S: > Subject: " SUBJECT "\n", "> Subject: " SUBJECT "\r\nE: ", "");
        BODY_OF_5("a mail about something else", Q(PLACEHOLDER_BODIES), "20",
                  "S: Subject: Retrieval\n", "Subject: Retrieval\r\nE: ", "");
}

static void test_identities(void) {
        replica_check_quirks("a wrong size is not asked for, and not told", "IMAP4rev1", "",
                             Q(WRONG_SIZE),
                             "> fetch A 5 identity\n"
                             "C: 1 SELECT A\n"
                             "C: 2 UID FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS "
                             "(MESSAGE-ID X-TUID)])\n"
                             "S: * 1 EXISTS\n"
                             "S: * OK [UIDVALIDITY 7] .\n"
                             "S: 1 OK\n"
                             "S: * 1 FETCH (UID 5 FLAGS () RFC822.SIZE 99 BODY[HEADER.FIELDS "
                             "(MESSAGE-ID)] \"Message-ID: <a@b>\")\n"
                             "S: 2 OK\n"
                             "E: MESSAGE A 5 () id=<a@b>\n"
                             "E: DONE FETCH A exists=1\n");
}

static void test_lists(void) {
        replica_check_quirks("UIDVALIDITY by SELECT only; lock files", "IMAP4rev1", "",
                             Q(UIDVALIDITY_BY_SELECT) | Q(LISTS_LOCKS),
                             "> list\n"
                             "C: 1 LIST \"\" *\n"
                             "S: * LIST () \".\" INBOX\n"
                             "S: * LIST () \".\" INBOX.lock\n"
                             "S: * LIST () \".\" lock\n"
                             "S: 1 OK\n"
                             "C: 2 STATUS INBOX (MESSAGES UIDNEXT UNSEEN)\n"
                             "C: 3 STATUS lock (MESSAGES UIDNEXT UNSEEN)\n"
                             "S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 99)\n"
                             "S: 2 OK\n"
                             "S: 3 NO\n"
                             "E: MAILBOX INBOX delimiter=.\n"
                             "E: MAILBOX lock delimiter=.\n"
                             "E: STATUS INBOX messages=1 uidnext=2\n"
                             "E: DONE LIST\n");
        replica_check_quirks("MAILBOXID by SELECT only", "IMAP4rev1 OBJECTID", "",
                             Q(MAILBOXID_BY_SELECT),
                             "> standing A\n"
                             "C: 1 STATUS A (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                             "S: * STATUS A (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 9)\n"
                             "S: 1 OK\n"
                             "E: STATUS A messages=1 uidnext=2 uidvalidity=9\n"
                             "E: DONE STANDING A\n");
        replica_check_quirks("modseqs that nobody has offered", "IMAP4rev1", "", 0,
                             "> changes A 7 5 0 flags\n"
                             "C: 1 SELECT A\n"
                             "C: 2 UID FETCH 5:4294967295 (FLAGS)\n"
                             "S: * 1 EXISTS\n"
                             "S: * OK [UIDVALIDITY 7] .\n"
                             "S: * OK [UIDNEXT 6] .\n"
                             "S: * OK [HIGHESTMODSEQ 99] .\n"
                             "S: 1 OK [HIGHESTMODSEQ 99] done\n"
                             "S: * 1 FETCH (UID 5 FLAGS () MODSEQ (98))\n"
                             "S: * STATUS A (MESSAGES 1 HIGHESTMODSEQ 99)\n"
                             "S: 2 OK [HIGHESTMODSEQ 99] done\n"
                             "E: OPENED A 7 6 0 exists=1 () untold=expunges,flags\n"
                             "E: MESSAGE A 5 ()\n"
                             "E: STATUS A messages=1 unasked\n"
                             "E: DONE CHANGES A exists=1\n");
}

static void test_capabilities(void) {
        replica_check_quirks(
                "what is broken stays out, however often it is offered",
                "IMAP4rev1 ENABLE UNSELECT", "", Q(BROKEN_QRESYNC),
                "> noop\n"
                "C: 1 NOOP\n"
                "S: * CAPABILITY IMAP4rev1 ENABLE QRESYNC CONDSTORE\n"
                "S: 1 OK\n"
                "E: DONE NOOP\n"
                "> changes A 7 5 3 flags\n"
                "C: 2 SELECT A (CONDSTORE)\n"
                "C: 3 UID FETCH 1:4 (FLAGS) (CHANGEDSINCE 3)\n"
                "C: 4 UID FETCH 5:4294967295 (FLAGS)\n"
                "S: 2 NO [INUSE] locked\n"
                "S: 3 BAD\n"
                "S: 4 BAD\n"
                "E: DONE CHANGES A FAILED: the server cannot open the mailbox: “locked”\n");
}

int main(void) {
        test_appends();
        test_keywords();
        test_placeholders();
        test_identities();
        test_lists();
        test_capabilities();
        return 0;
}
