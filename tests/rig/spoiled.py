"""Servers that each do one thing wrong, as some real ones do."""

import re

from rig import modelserver
from rig.modelserver import Model

EXCHANGE = "IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT IDLE CHILDREN NAMESPACE LITERAL+"
PLACEHOLDER = (b"From: Microsoft Exchange Server\r\nSubject: Retrieval using the IMAP4 protocol failed for"
               b" the following message: 7\r\n\r\nThe server couldn't retrieve it.\r\n")


class Exchange(Model):
    """Commands that come before an answer break it; flags of APPEND are lost; sizes are wrong."""

    capability = EXCHANGE
    greeting = "The Microsoft Exchange IMAP4 service is ready."

    def ok(self, tag, text="done"):
        if self.talk.buffer:
            raise AssertionError(f"more was said before the answer: {self.talk.buffer!r}")
        super().ok(tag, text)

    def append(self, name, body, flags, date):
        return super().append(name, body, (), date)

    def size(self, message):
        return len(message.body) + 400


class WantsId(Model):
    greeting = "Coremail System IMap Server Ready(163com[0])"
    is_known = False

    def do_ID(self, tag, rest):
        self.is_known = '"name"' in rest and '"version"' in rest
        super().do_ID(tag, rest)

    def do_SELECT(self, tag, rest, mode="READ-WRITE"):
        if not self.is_known:
            return self.say(f"{tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help")
        return super().do_SELECT(tag, rest, mode)


class NeverEnabled(Model):
    """iCloud: QRESYNC is offered, never confirmed, and what it tells is wrong."""

    def do_ENABLE(self, tag, rest):
        self.ok(tag, "ENABLE completed")

    def tell_since(self, since):
        self.say("* VANISHED (EARLIER) 1:4294967295")


class Proxy(NeverEnabled):
    """And during the login a proxy says what another server can do."""

    def greet(self):
        self.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LIST-STATUS] ready")

    def do_LOGIN(self, tag, rest):
        self.ok(tag, "[CAPABILITY IMAP4rev1 ENABLE QRESYNC X-NOTHING-ELSE] in")

    do_AUTHENTICATE = do_LOGIN

    def do_ENABLE(self, tag, rest):
        raise AssertionError("QRESYNC was asked for")

    def esearch(self, tag, items, found):
        return super().esearch(tag, ["COUNT"], found)


class Yahoo(Model):
    """A HIGHESTMODSEQ that nothing can be asked with, and INBOX in another spelling."""

    capability = modelserver.PLAIN + " LIST-STATUS LIST-EXTENDED"

    def list_line(self, name):
        return super().list_line("Inbox" if name == "INBOX" else name)

    def mailbox_of(self, rest):
        name, rest = super().mailbox_of(rest)
        return "INBOX" if name.upper() == "INBOX" else name, rest

    def select_lines(self, mailbox):
        return [*super().select_lines(mailbox), f"* OK [HIGHESTMODSEQ {mailbox.modseq}] ."]

    def status_line(self, name, items):
        line = super().status_line(name, items).replace('"INBOX"', '"Inbox"')
        return line[:-1] + f" HIGHESTMODSEQ {self.store.mailboxes[name].modseq})"


class Partial(Yahoo):
    """Shows only the newest of a large mailbox, and all of it to who has enabled UIDONLY."""

    capability = Yahoo.capability + " ENABLE UIDONLY"
    limit = 4

    def shown(self, mailbox):
        return mailbox.messages if self.uidonly else mailbox.messages[-self.limit:]


class NoReturn(Model):
    def do_LIST(self, tag, rest):
        if "RETURN" in rest:
            return self.say(f"{tag} BAD Could not parse command")
        return super().do_LIST(tag, rest)


class Courier(Model):
    """UIDVALIDITY is made up until a mailbox is selected; lock files are listed."""

    capability = modelserver.PLAIN
    greeting = "Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc."
    delimiter = "."
    n_statuses = 0

    def names(self):
        return [*super().names(), "INBOX.lock", "a/b.lock"]

    def status_line(self, name, items):
        Courier.n_statuses += 1
        return re.sub(r"UIDVALIDITY \d+", f"UIDVALIDITY {Courier.n_statuses}", super().status_line(name, items))


class Zimbra(Model):
    """EXISTS grows while a mailbox is being selected."""

    def select_lines(self, mailbox):
        lines = super().select_lines(mailbox)
        return [*(f"* {n} EXISTS" for n in range(len(mailbox.messages))), *lines]


class VanishedZero(Model):
    def tell_since(self, since):
        if 1 in self.vanished_earlier(since):
            self.say("* VANISHED (EARLIER) 0:1")
        super().tell_since(since)


class Scientific(Model):
    def item(self, message, item):
        if item == "RFC822.SIZE":
            return b"RFC822.SIZE %.2e" % len(message.body)
        return super().item(message, item)

    def status_line(self, name, items):
        return re.sub(r"MESSAGES (\d+)", "MESSAGES \\1e+00", super().status_line(name, items))


class Junk(Model):
    """Lines that are no response at all, behind and between those that are."""

    def ok(self, tag, text="done"):
        self.say("* XYZZY (a {3}\r\nabc")
        super().ok(tag, text)
        if self.mailbox:
            self.say("  and furthermore")


class BogusVanished(Model):
    def vanished_earlier(self, since):
        self.say("* VANISHED (EARLIER) 1:26183")
        return super().vanished_earlier(since)


class WrongBox(Model):
    """It tells how a mailbox stands that nobody knows."""

    def do_SELECT(self, tag, rest, mode="READ-WRITE"):
        self.say('* STATUS "no such mailbox" (MESSAGES 5 UIDNEXT 9 UIDVALIDITY 3)')
        return super().do_SELECT(tag, rest, mode)


class JunkList(Model):
    """LIST with bytes that are no name, and Cyrus 3.6's MAILBOXID."""

    def do_LIST(self, tag, rest):
        self.say(b'* LIST () "/" "\xff\xfe\x80"')
        self.say(b'* LIST (\\HasNoChildren "/" broken')
        self.say(b'* LIST () "/" &&&')
        return super().do_LIST(tag, rest)

    def status_line(self, name, items):
        line = super().status_line(name, items)
        return line[:-1].encode() + b" MAILBOXID (\x01\xf0\x9f\x7f\xaa))"


class OneBefore(Model):
    """UID FETCH n:* of nothing gives the message before n."""

    capability = EXCHANGE

    def chosen(self, text):
        return super().chosen(text) or self.mailbox.messages[-1:]


class Renumbers(Model):
    """UIDs that are others each time, under the same UIDVALIDITY (Proton Bridge)."""

    capability = modelserver.PLAIN
    greeting = "Proton Mail Bridge 03.00.00 - gluon session ID 1"

    def greet(self):
        if self.state.get("renumbers"):
            for mailbox in self.store.mailboxes.values():
                for message in mailbox.messages:
                    message.uid = mailbox.uidnext
                    mailbox.uidnext += 1
        super().greet()

    def do_UID_EXPUNGE(self, tag, rest):
        self.say(f"{tag} NO no such command")

    def appended(self, name, uid):
        return "done"


class Placeholder(Exchange):
    def body(self, message):
        return PLACEHOLDER if b"INBOX-2@" in message.body else message.body


class NoBody(Model):
    def body(self, message):
        return None if b"INBOX-2@" in message.body else message.body


class MdnSent(Exchange):
    def select_lines(self, mailbox):
        lines = super().select_lines(mailbox)
        return [line.replace("\\*", "$MDNSent work") for line in lines]


class OneCopy(Model):
    """Equal messages are kept once, and APPEND says OK (Gmail)."""

    def append(self, name, body, flags, date):
        for message in self.store.mailboxes[name].messages:
            if message.body == body:
                return message.uid
        return super().append(name, body, flags, date)


class OneCopyUnnamed(OneCopy):
    def appended(self, name, uid):
        return "done"


class Picky(Model):
    """One message spoils those that travel with it."""

    capability = modelserver.FULL + " MULTIAPPEND"

    def takes(self, body):
        return b"bad-" not in body


class Full(Model):
    def do_APPEND(self, tag, rest):
        if self.state.get("has room"):
            return super().do_APPEND(tag, rest)
        return self.say(f"{tag} NO mailbox is full")


class StatusLies(Model):
    """STATUS counts one more than there are, and is ahead in all else."""

    def status_line(self, name, items):
        line = super().status_line(name, items)
        return re.sub(r"(MESSAGES|UIDNEXT|HIGHESTMODSEQ) (\d+)", lambda m: f"{m[1]} {int(m[2]) + 1}", line)


class Deleting(Model):
    """The mailbox is deleted while its new messages are asked for."""

    def is_to_go(self):
        return self.state.get("delete") == self.selected and self.selected is not None


class Keeps(Model):
    """As Dovecot does: UID EXPUNGE is OK, and what it was to expunge is kept. state["keep"]: so often; the last time
    another client has expunged one just before."""

    def do_UID_EXPUNGE(self, tag, rest):
        if not self.state.get("keep"):
            return super().do_UID_EXPUNGE(tag, rest)
        self.state["keep"] -= 1
        if not self.state["keep"]:
            self.mailbox.expunge({max(m.uid for m in self.mailbox.messages if "\\Deleted" not in m.flags)})
        self.tell_news()
        return self.ok(tag)


class DeletingDovecot(Deleting):
    def do_UID_FETCH(self, tag, rest):
        if not self.is_to_go():
            return super().do_UID_FETCH(tag, rest)
        self.store.delete(self.selected)
        self.state["delete"] = None
        self.say("* BYE IMAP session state is inconsistent, please relogin.")
        return True


class DeletingCyrus(Deleting):
    def do_UID_FETCH(self, tag, rest):
        if not self.is_to_go():
            return super().do_UID_FETCH(tag, rest)
        self.store.delete(self.selected)
        self.state["delete"] = None
        self.mailbox.expunge({m.uid for m in self.mailbox.messages})
        return super().do_UID_FETCH(tag, rest)
