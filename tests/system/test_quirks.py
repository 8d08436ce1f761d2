"""Servers that do not do what they say: in sync at the end, nothing lost on either side, and a line."""

import re

from rig import case, compare, modelserver, wait_until
from rig.modelserver import Model

# The account ends within this time, whatever the server says.
PATIENCE = 60


def mail(name, text="hello"):
    return f"Message-ID: <{name}@test>\r\nSubject: {name}\r\n\r\n{text}\r\n".encode()


class QuirkTest(case.SystemTest):
    def serve(self, model, settings=None, capability=None):
        if capability:
            model = type(model.__name__, (model,), {"capability": capability})
        self.scripted = modelserver.start(model)
        self.addCleanup(self.scripted.close)
        self.store = self.scripted.store
        self.acc = self.account(settings={
            "host": self.scripted.host, "port": self.scripted.imap_port, "tls": "none", "timeout": "10s",
        } | (settings or {}))

    def fill(self, n=6, mailbox="INBOX"):
        for i in range(n):
            self.store.deliver(mailbox, mail(f"{mailbox}-{i}"), {"\\Seen"} if i % 2 else ())

    def sync(self, status=0):
        result = self.acc.once(timeout=PATIENCE)
        self.assertEqual(self.scripted.problems, [])
        self.assertEqual(result.status, status, f"{result}\n{self.dialogue()}")
        return result

    def dialogue(self):
        return "\n".join(repr(line) for line in self.scripted.heard()[-60:])

    def assert_equal(self):
        found = compare.differences(self.store.remote(), compare.local(self.acc.tree))
        self.assertEqual(found + compare.doubled_names(self.acc.tree), [], self.dialogue())

    def assert_quiet(self):
        """In sync: another run has nothing to do, and does nothing."""
        before = self.store.remote(), self.acc.tree.stamp()
        self.sync()
        self.assertEqual((self.store.remote(), self.acc.tree.stamp()), before, self.dialogue())

    def local_files(self, mailbox="INBOX"):
        return self.acc.tree.folder(mailbox).files()

    def local_change(self):
        """One more, one with another flag and one gone on the local side."""
        folder = self.acc.tree.folder("INBOX")
        files = sorted(folder.files(), key=lambda path: path.read_bytes())
        files[0].unlink()
        folder.set_flags(files[1], {"\\Seen", "\\Flagged"})
        folder.deliver(mail("local"), "1700000000.local.here", "F")

    def remote_change(self):
        mailbox = self.store.mailboxes["INBOX"]
        uids = sorted(m.uid for m in mailbox.messages)
        self.store.expunge("INBOX", uids[-1])
        self.store.set_flags("INBOX", uids[-2], "\\Flagged")
        self.store.deliver("INBOX", mail("remote"))


class Plain(QuirkTest):
    """The model without a quirk is a server like any other."""

    def check(self, capability):
        self.serve(Model, capability=capability)
        self.fill()
        self.fill(3, "a/b")
        self.sync()
        self.assert_equal()
        self.local_change()
        self.remote_change()
        self.sync()
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 6)
        self.assert_quiet()

    def test_full(self):
        self.check(modelserver.FULL)

    def test_condstore(self):
        self.check(modelserver.CONDSTORE)

    def test_plain(self):
        self.check(modelserver.PLAIN)

    def test_bare(self):
        self.check(modelserver.BARE)


EXCHANGE = "IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT IDLE CHILDREN NAMESPACE LITERAL+"


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


# model, settings, what the log must say, and the quirks that must be known
ROWS = {
    "exchange": (Exchange, {}, "", "one-at-a-time append-loses-flags no-mdnsent wrong-size placeholder-bodies"),
    "wants_id": (WantsId, {}, "", "wants-id"),
    "wants_id_configured": (type("Nobody", (WantsId,), {"greeting": "ready"}), {"quirks": "wants-id"}, "", "wants-id"),
    "never_enabled": (NeverEnabled, {}, "", ""),
    "proxy": (Proxy, {"quirks": "late-capabilities broken-qresync broken-esearch"}, "",
              "late-capabilities broken-qresync broken-esearch"),
    "yahoo": (Yahoo, {}, "", ""),
    "no_list_return": (NoReturn, {}, "", ""),
    "courier": (Courier, {}, "", "uidvalidity-by-select lists-locks"),
    "growing_exists": (Zimbra, {}, "", ""),
    "vanished_zero": (VanishedZero, {}, "", ""),
    "scientific_numbers": (Scientific, {}, "passed over: “STATUS", ""),
    "scientific_numbers_plain": (type("Plain", (Scientific,), {"capability": modelserver.BARE}), {},
                                 "passed over: “STATUS", ""),
    "junk_lines": (Junk, {}, "passed over: “", ""),
    "bogus_vanished": (BogusVanished, {}, "comparing all of them", ""),
    "unknown_status": (WrongBox, {}, "which it does not list", ""),
    "junk_list": (JunkList, {}, "cannot be used here", ""),
    "one_before": (OneBefore, {}, "", ""),
}


class Rows(QuirkTest):
    """First sync, changes on both sides, again: in sync each time, and then quiet."""

    def check(self, model, settings, log, quirks):
        self.serve(model, settings)
        self.fill()
        self.fill(3, "a/b")
        said = self.sync_verbosely()
        self.assert_equal()
        self.local_change()
        self.remote_change()
        said += self.sync_verbosely()
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 6)
        self.assertEqual(len(self.local_files("a/b")), 3)
        self.assert_quiet()
        self.assertIn(log, said)
        known = re.search(r"this server is known for: (.*)", said)
        self.assertEqual(known[1] if known else "", quirks)

    def sync_verbosely(self):
        result = self.acc.once("-v", timeout=PATIENCE)
        self.assertEqual(self.scripted.problems, [], self.dialogue())
        self.assertEqual(result.status, 0, f"{result}\n{self.dialogue()}")
        return result.err


def add_row(name, row):
    setattr(Rows, f"test_{name}", lambda self: self.check(*row))


for row_name, row_values in ROWS.items():
    add_row(row_name, row_values)
