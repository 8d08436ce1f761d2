/* The IMAP replica: the life of mailboxes, who they are, and what they are called. */

#include "replica-transcript.h"

#define OBJECTID DOVECOT " OBJECTID"

static void test_rename(void) {
        replica_check("with the delimiter of the server", DOVECOT, "",
                      "> rename A a/b c\n"
                      "C: 1 LIST \"\" \"\"\n"
                      "S: * LIST (\\Noselect) \".\" \"\"\n"
                      "S: 1 OK\n"
                      "C: 2 RENAME A \"a.b c\"\n"
                      "S: 2 OK done\n"
                      "E: DONE RENAME A wire=a.b c\n"
                      "> rename A Größe\n"
                      "C: 3 RENAME A Gr&APYA3w-e\n"
                      "S: 3 NO [ALREADYEXISTS] it is there\n"
                      "E: DONE RENAME A REFUSED wire=Gr&APYA3w-e: the server cannot rename the "
                      "mailbox: “it is there”\n"
                      "> rename A v1.0\n"
                      "E: DONE RENAME A REFUSED: the server cannot have a mailbox of this name: it "
                      "has a level that is empty, “.” or “..”, or that holds “/” or the hierarchy "
                      "delimiter, or it spells INBOX in other capitals\n");
        replica_check("not while it is selected", DOVECOT, "q",
                      OPEN_A "> rename A B\n"
                             "C: 2 UNSELECT\n"
                             "C: 3 RENAME A B\n"
                             "S: 2 OK\n"
                             "S: 3 OK\n"
                             "E: DONE RENAME A modseq=21 exists=3 wire=B\n");
}

static void test_remove(void) {
        replica_check("mailboxes are deleted, once", DOVECOT, "",
                      "> remove A\n"
                      "> remove B\n"
                      "> remove C\n"
                      "C: 1 DELETE A\n"
                      "C: 2 DELETE B\n"
                      "C: 3 DELETE C\n"
                      "S: 1 OK\n"
                      "S: 2 NO [NONEXISTENT] no such mailbox\n"
                      "S: 3 NO it has children\n"
                      "E: DONE REMOVE A\n"
                      "E: DONE REMOVE B\n"
                      "E: DONE REMOVE C REFUSED: the server cannot delete the mailbox: “it has "
                      "children”\n");
        replica_check("not while it is selected", BARE, "",
                      "> fetch A 1 flags\n"
                      "C: 1 SELECT A\n"
                      "C: 2 UID FETCH 1 (FLAGS)\n" SELECTED("0", "7", "9",
                                                            "21") "S: 1 OK\n"
                                                                  "S: 2 OK\n"
                                                                  "E: DONE FETCH A exists=0\n"
                                                                  "> remove A\n"
                                                                  "C: 3 EXAMINE A\n"
                                                                  "C: 4 CLOSE\n"
                                                                  "C: 5 DELETE A\n"
                                                                  "S: 3 OK\n"
                                                                  "S: 4 OK\n"
                                                                  "S: 5 OK\n"
                                                                  "E: DONE REMOVE A exists=0\n");
}

static void test_subscribe(void) {
        replica_check(
                "both ways", DOVECOT, "",
                "> subscribe A\n"
                "> unsubscribe B\n"
                "C: 1 SUBSCRIBE A\n"
                "C: 2 UNSUBSCRIBE B\n"
                "S: 1 OK\n"
                "S: 2 NO [CANNOT] not this one\n"
                "E: DONE SUBSCRIBE A\n"
                "E: DONE SUBSCRIBE B REFUSED: the server cannot change the subscription: “not "
                "this one”\n");
        replica_check("without LIST-EXTENDED a list of its own tells", EXCHANGE, "s",
                      "> list\n"
                      "C: 1 LSUB \"\" *\n"
                      "C: 2 LIST \"\" *\n"
                      "S: * LSUB () \"/\" A\n"
                      "S: * LSUB (\\Noselect) \"/\" B\n"
                      "S: * LSUB () \"/\" gone\n"
                      "S: 1 OK\n"
                      "S: * LIST () \"/\" A\n"
                      "S: * LIST () \"/\" B\n"
                      "S: 2 OK\n"
                      "E: MAILBOX A subscribed=yes\n"
                      "E: MAILBOX B subscribed=no\n"
                      "C: 3 STATUS A (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "C: 4 STATUS B (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "S: 3 OK\n"
                      "S: 4 OK\n"
                      "E: DONE LIST\n");
        replica_check("a server that refuses it tells nothing of subscriptions", EXCHANGE, "s",
                      "> list\n"
                      "C: 1 LSUB \"\" *\n"
                      "C: 2 LIST \"\" *\n"
                      "S: 1 BAD what?\n"
                      "S: * LIST (\\Noselect) \"/\" A\n"
                      "S: 2 OK\n"
                      "E: MAILBOX A attributes=0x1\n"
                      "E: DONE LIST\n");
}

static void test_object(void) {
        replica_check("SELECT and STATUS tell who a mailbox is", OBJECTID, "q",
                      "> changes A 7 9 21 flags\n"
                      "C: 1 SELECT A (QRESYNC (7 21))\n"
                      "S: * OK [MAILBOXID (F2-_a)] Ok\n" SELECTED(
                              "3", "7", "9",
                              "21") "S: 1 OK done\n"
                                    "E: OPENED A 7 9 21 exists=3 " STORABLE " object=F2-_a\n"
                                    "E: DONE CHANGES A modseq=21 exists=3\n"
                                    "> standing B\n"
                                    "C: 2 STATUS B (MESSAGES UIDNEXT UIDVALIDITY "
                                    "HIGHESTMODSEQ MAILBOXID)\n"
                                    "S: * STATUS B (UIDNEXT 4 MAILBOXID (F3))\n"
                                    "S: 2 OK done\n"
                                    "E: STATUS B uidnext=4 object=F3\n"
                                    "E: DONE STANDING B\n"
                                    "> standing C\n"
                                    "C: 3 STATUS C (MESSAGES UIDNEXT UIDVALIDITY "
                                    "HIGHESTMODSEQ MAILBOXID)\n"
                                    "S: * STATUS C (MAILBOXID (\xff\x80) UIDNEXT 5)\n"
                                    "S: 3 OK done\n"
                                    "E: STATUS C uidnext=5\n"
                                    "E: DONE STANDING C\n");
        replica_check("only where it is offered", DOVECOT, "o",
                      "> standing B\n"
                      "C: 1 STATUS B (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\n"
                      "S: 1 NO there is none\n"
                      "E: DONE STANDING B\n");
}

static void test_prefix(void) {
        replica_check(
                "the prefix is taken off, and put on", DOVECOT " NAMESPACE", "",
                "> list\n"
                "C: 1 NAMESPACE\n"
                "C: 2 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: * NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"shared.\" \".\"))\n"
                "S: 1 OK\n"
                "S: * LIST () \".\" INBOX\n"
                "S: * LIST () \".\" Inbox.Work\n"
                "S: * STATUS INBOX.Work (MESSAGES 1)\n"
                "S: * LIST () \".\" INBOX.Work.a\n"
                "S: * LIST () \".\" INBOX.INBOX\n"
                "S: * LIST () \".\" INBOX.INBOX.a\n"
                "S: * LIST () \".\" shared.a\n"
                "S: 2 OK\n"
                "E: MAILBOX INBOX delimiter=.\n"
                "E: MAILBOX Inbox.Work name=Work delimiter=.\n"
                "E: STATUS INBOX.Work name=Work messages=1\n"
                "E: MAILBOX INBOX.Work.a name=Work/a delimiter=.\n"
                "E: MAILBOX INBOX.INBOX name=none delimiter=.: the mailbox “INBOX.INBOX” has a "
                "name that cannot be used here\n"
                "E: MAILBOX INBOX.INBOX.a name=INBOX/a delimiter=.\n"
                "E: MAILBOX shared.a name=shared/a delimiter=.\n"
                "E: DONE LIST\n"
                "> create x/y\n"
                "C: 3 CREATE INBOX.x.y\n"
                "S: 3 OK\n"
                "E: DONE CREATE x/y wire=INBOX.x.y\n"
                "> rename x/y INBOX/z\n"
                "C: 4 RENAME INBOX.x.y INBOX.INBOX.z\n"
                "S: 4 OK\n"
                "E: DONE RENAME x/y wire=INBOX.INBOX.z\n"
                "> list\n"
                "C: 5 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\n"
                "S: * LIST () \".\" INBOX.b (\"OLDNAME\" (INBOX.a))\n"
                "S: 5 OK\n"
                "E: MAILBOX INBOX.b name=b delimiter=. old=a\n"
                "E: DONE LIST\n");
        replica_check("a prefix without its delimiter is none", DOVECOT " NAMESPACE", "",
                      "> list\n"
                      "C: 1 NAMESPACE\n"
                      "C: 2 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY "
                      "HIGHESTMODSEQ))\n"
                      "S: * NAMESPACE ((\"Mail\" \"/\")) NIL NIL\n"
                      "S: 1 OK\n"
                      "S: * LIST () \"/\" Mail/a\n"
                      "S: 2 OK\n"
                      "E: MAILBOX Mail/a\n"
                      "E: DONE LIST\n");
}

static void test_whose(void) {
        replica_check(
                "which server says no", DOVECOT, "l",
                "> create a\n"
                "C: 1 CREATE a\n"
                "S: 1 NO the server is full\n"
                "E: DONE CREATE a REFUSED wire=a: the local server cannot create the mailbox: "
                "“the server is full”\n"
                "S: * OK [ALERT] the server sleeps\n"
                "E: ALERT: the local server says: “the server sleeps”\n");
}

static void test_reference(void) {
        replica_check(
                "below a reference", DOVECOT " NAMESPACE", "r",
                "> list\n"
                "C: 1 LIST Gr&APYA3w-e. * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY "
                "HIGHESTMODSEQ))\n"
                "S: * LIST () \".\" Gr&APYA3w-e.INBOX\n"
                "S: * STATUS Gr&APYA3w-e.INBOX (MESSAGES 1)\n"
                "S: * LIST () \".\" Gr&APYA3w-e.a.b\n"
                "S: * LIST (\\Noselect) \".\" Gr&APYA3w-e\n"
                "S: * LIST () \".\" INBOX\n"
                "S: * STATUS INBOX (MESSAGES 1)\n"
                "S: 1 OK\n"
                "E: MAILBOX Gr&APYA3w-e.INBOX name=INBOX delimiter=.\n"
                "E: STATUS Gr&APYA3w-e.INBOX name=INBOX messages=1\n"
                "E: MAILBOX Gr&APYA3w-e.a.b name=a/b delimiter=.\n"
                "E: DONE LIST\n"
                "> create x/y\n"
                "C: 2 CREATE Gr&APYA3w-e.x.y\n"
                "S: 2 OK\n"
                "E: DONE CREATE x/y wire=Gr&APYA3w-e.x.y\n"
                "> create INBOX\n"
                "C: 3 CREATE Gr&APYA3w-e.INBOX\n"
                "S: 3 OK\n"
                "E: DONE CREATE INBOX wire=Gr&APYA3w-e.INBOX\n"
                "> rename x/y z\n"
                "C: 4 RENAME Gr&APYA3w-e.x.y Gr&APYA3w-e.z\n"
                "S: 4 OK\n"
                "E: DONE RENAME x/y wire=Gr&APYA3w-e.z\n"
                "S: * LIST () \".\" Gr&APYA3w-e.q (\"OLDNAME\" (Gr&APYA3w-e.p))\n"
                "S: * LIST () \".\" Gr&APYA3w-e.q (\"OLDNAME\" (p))\n"
                "S: * LIST () \".\" q (\"OLDNAME\" (p))\n"
                "S: * STATUS q (MESSAGES 1)\n"
                "S: * STATUS Größe.q (MESSAGES 2)\n"
                "S: * LIST () \".\" q (\"OLDNAME\" (Gr&APYA3w-e.p))\n"
                "E: MAILBOX Gr&APYA3w-e.q name=q delimiter=. old=p unasked\n"
                "E: MAILBOX Gr&APYA3w-e.q name=q delimiter=. unasked\n"
                "E: STATUS Größe.q name=q messages=2 unasked\n"
                "E: MAILBOX q name=none delimiter=. old=p unasked: the mailbox “q” has a name that "
                "cannot be used here\n");
        replica_check("a reference without its delimiter", BARE, "Rs",
                      "> create a\n"
                      "C: 1 LIST perso \"\"\n"
                      "S: * LIST (\\Noselect) \"/\" \"\"\n"
                      "S: 1 OK\n"
                      "C: 2 CREATE perso/a\n"
                      "S: 2 OK\n"
                      "E: DONE CREATE a wire=perso/a\n"
                      "> list\n"
                      "C: 3 LSUB perso *\n"
                      "C: 4 LIST perso *\n"
                      "S: * LSUB () \"/\" perso/a\n"
                      "S: 3 OK\n"
                      "S: * LIST () \"/\" perso\n"
                      "S: * LIST () \"/\" personal/a\n"
                      "S: * LIST () \"/\" perso/a\n"
                      "S: * LIST () \"/\" perso/b\n"
                      "S: 4 OK\n"
                      "C: 5 STATUS perso/a (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "C: 6 STATUS perso/b (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
                      "S: 5 OK\n"
                      "S: 6 OK\n"
                      "E: MAILBOX perso/a name=a subscribed=yes\n"
                      "E: MAILBOX perso/b name=b subscribed=no\n"
                      "E: DONE LIST\n");
}

/* Other names here than there: in lists, in what is told unasked, and for what is made or renamed. */
static void test_map(void) {
        replica_check("names by a map", DOVECOT, "m",
                      "> list\n"
                      "C: 1 LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY "
                      "HIGHESTMODSEQ))\n"
                      "S: * LIST () \".\" Sent-Items.2020\n"
                      "S: * STATUS Sent-Items.2020 (MESSAGES 1)\n"
                      "S: * LIST () \".\" Sent\n"
                      "S: * LIST () \".\" a\n"
                      "S: 1 OK\n"
                      "E: MAILBOX Sent-Items.2020 name=Sent/2020 delimiter=.\n"
                      "E: STATUS Sent-Items.2020 name=Sent/2020 messages=1\n"
                      "E: MAILBOX Sent name=none delimiter=.: the mailbox “Sent” has the name that "
                      "another one has here by “map”\n"
                      "E: MAILBOX a delimiter=.\n"
                      "E: DONE LIST\n"
                      "> create Sent/x\n"
                      "C: 2 CREATE Sent-Items.x\n"
                      "S: 2 OK\n"
                      "E: DONE CREATE Sent/x wire=Sent-Items.x\n"
                      "> create Sent-Items\n"
                      "E: DONE CREATE Sent-Items REFUSED: the server cannot have a mailbox of this "
                      "name: another mailbox has it by “map”\n"
                      "> rename a Sent/a\n"
                      "C: 3 RENAME a Sent-Items.a\n"
                      "S: 3 OK\n"
                      "E: DONE RENAME a wire=Sent-Items.a\n"
                      "S: * LIST () \".\" Sent-Items.b (\"OLDNAME\" (b))\n"
                      "E: MAILBOX Sent-Items.b name=Sent/b delimiter=. old=b unasked\n");
}

int main(void) {
        test_map();
        test_rename();
        test_remove();
        test_subscribe();
        test_object();
        test_prefix();
        test_whose();
        test_reference();
        return 0;
}
