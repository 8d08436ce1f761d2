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
    "courier": (Courier, {}, "", "uidvalidity-by-select lists-locks login-alone"),
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


class RowTest(QuirkTest):
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
        flagged = {row.label for row in self.store.remote()["INBOX"] if "\\flagged" in row.flags}
        self.assertEqual(flagged, {"<INBOX-1@test>", "<INBOX-4@test>", "<local@test>"})
        self.assert_quiet()
        self.assertIn(log, said)
        known = re.search(r"this server is known for: (.*)", said)
        self.assertEqual(known[1] if known else "", quirks)

    def sync_verbosely(self):
        result = self.acc.once("-v", timeout=PATIENCE)
        self.assertEqual(self.scripted.problems, [], self.dialogue())
        self.assertEqual(result.status, 0, f"{result}\n{self.dialogue()}")
        return result.err


class Rows(RowTest):
    """Each row of the table."""


def add_row(name, row):
    setattr(Rows, f"test_{name}", lambda self: self.check(*row))


for row_name, row_values in ROWS.items():
    add_row(row_name, row_values)


class Needed(RowTest):
    """The same without what is done about the quirk is not in sync: the server really has it."""

    def check_fails(self, model, quirks):
        with self.assertRaises(AssertionError):
            self.check(model, {"quirks": quirks}, "", "")

    def test_one_at_a_time(self):
        self.check_fails(Exchange, "!one-at-a-time")

    def test_append_loses_flags(self):
        self.check_fails(Exchange, "!append-loses-flags")

    def test_wants_id(self):
        self.check_fails(WantsId, "!wants-id")

    def test_late_capabilities(self):
        self.check_fails(Proxy, "broken-esearch")

    def test_lists_locks(self):
        self.check_fails(Courier, "!lists-locks")


PLACEHOLDER = (b"From: Microsoft Exchange Server\r\nSubject: Retrieval using the IMAP4 protocol failed for"
               b" the following message: 7\r\n\r\nThe server couldn't retrieve it.\r\n")


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


class Full(Model):
    def do_APPEND(self, tag, rest):
        self.say(f"{tag} NO mailbox is full")


class Special(QuirkTest):
    """What needs a row of its own."""

    def check_withheld(self, model, log):
        """The server never gives one of the messages: the others come, and it stays where it is."""
        self.serve(model)
        self.fill()
        before = self.store.remote()
        said = self.acc.once(timeout=PATIENCE).err
        self.assertIn(log, said)
        labels = {row.label for row in compare.local(self.acc.tree)["INBOX"]}
        self.assertEqual(labels, {f"<INBOX-{i}@test>" for i in (0, 1, 3, 4, 5)})
        self.acc.tree.folder("INBOX").deliver(mail("local"), "1700000000.local.here", "")
        self.acc.once(timeout=PATIENCE)
        self.assertEqual(self.scripted.problems, [])
        self.assertEqual(len(self.local_files()), 6)
        after = self.store.remote()["INBOX"]
        self.assertEqual(after[:6], before["INBOX"])
        self.assertEqual([row.label for row in after[6:]], ["<local@test>"])

    def test_placeholder(self):
        self.check_withheld(Placeholder, "gave another one that says so")

    def test_no_body(self):
        self.check_withheld(NoBody, "gave no body")

    def test_mdnsent(self):
        """The keyword stays here; the one beside it does not."""
        self.serve(MdnSent)
        folder = self.acc.tree.folder("INBOX").create()
        (folder.path / "dovecot-keywords").write_text("0 $MDNSent\n1 work\n")
        folder.deliver(mail("one"), "1700000000.one.here", "Sab")
        self.sync()
        self.sync()
        self.assertEqual([row.flags for row in self.store.remote()["INBOX"]], [{"\\seen", "work"}])
        self.assertEqual([row.flags for row in compare.local(self.acc.tree)["INBOX"]],
                         [{"\\seen", "work", "$mdnsent"}])
        said = [line for line in self.scripted.heard() if b"$MDNSent" in line]
        self.assertEqual(said, [])

    def test_wrong_sizes_pair(self):
        """A Maildir that holds the same already: by the bytes, for the sizes and the dates differ."""
        self.serve(Exchange)
        self.fill()
        folder = self.acc.tree.folder("INBOX").create()
        for i in range(6):
            folder.deliver(mail(f"INBOX-{i}"), f"1700000000.{i}.here", "S" if i % 2 else "")
        self.sync()
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 6)
        self.assert_quiet()

    def check_one_copy(self, model, log):
        self.serve(model)
        self.fill(2)
        self.sync()
        folder = self.acc.tree.folder("INBOX")
        folder.deliver(mail("INBOX-0"), "1700000000.again.here", "")
        folder.deliver(mail("twice"), "1700000000.twice-a.here", "")
        folder.deliver(mail("twice"), "1700000000.twice-b.here", "")
        said = "".join(self.acc.once(timeout=PATIENCE).err for _ in range(3))
        self.assertIn(log, said)
        self.assertEqual(self.scripted.problems, [])
        labels = sorted(row.label for row in self.store.remote()["INBOX"])
        self.assertEqual(labels, ["<INBOX-0@test>", "<INBOX-1@test>", "<twice@test>"])
        self.assertEqual(len(self.local_files()), 5)
        appends = sum(b" APPEND " in line for line in self.scripted.heard())
        self.acc.once(timeout=PATIENCE)
        self.assertEqual(sum(b" APPEND " in line for line in self.scripted.heard()), appends)

    def test_one_copy(self):
        self.check_one_copy(OneCopy, "the server keeps one copy of equal messages")

    def test_one_copy_unnamed(self):
        self.check_one_copy(OneCopyUnnamed, "the server took it but does not show it")

    def test_full(self):
        """Uploads are refused: parked. Downloads go on."""
        self.serve(Full)
        self.fill()
        self.acc.tree.folder("INBOX").create().deliver(mail("local"), "1700000000.local.here", "")
        said = self.acc.once(timeout=PATIENCE).err
        self.assertIn("mailbox is full", said)
        self.assertEqual(len(self.local_files()), 7)

    def test_renumbers(self):
        """Other UIDs under the same UIDVALIDITY: not one file is touched."""
        self.serve(Renumbers)
        self.fill()
        self.sync()
        self.assert_equal()
        stamp = self.acc.tree.stamp()
        self.scripted.state["renumbers"] = True
        self.sync()
        self.assert_equal()
        self.assertEqual(len(self.store.remote()["INBOX"]), 6)
        self.assertEqual(self.acc.tree.stamp(), stamp)
        bodies = sum(b"BODY.PEEK[])" in line for line in self.scripted.heard())
        self.sync()
        self.assertEqual(sum(b"BODY.PEEK[])" in line for line in self.scripted.heard()), bodies)

    def test_unselectable(self):
        """Listed with a status, and cannot be opened: said once, and the others go on."""
        self.serve(Model)
        self.fill()
        self.fill(2, "Notes")
        self.store.mailboxes["Notes"].unselectable = True
        result = self.sync(status=1)
        self.assertIn("Notes", result.err)
        self.assertIn("no such mailbox", result.err)
        self.assertEqual(len(self.local_files()), 6)
        self.assertLess(sum(b"SELECT Notes" in line for line in self.scripted.heard()), 3)

    def test_pipeline_depth(self):
        """So many commands are under way, and not more."""

        class Counts(Model):
            most = 0

            def ok(self, tag, text="done"):
                waiting = self.talk.buffer.count(b"\n")
                Counts.most = max(Counts.most, waiting + 1)
                super().ok(tag, text)

        self.serve(Counts, {"pipeline-depth": 2})
        self.fill()
        self.fill(2, "a")
        self.fill(2, "b")
        self.sync()
        self.assert_equal()
        self.assertLessEqual(Counts.most, 2)

    def test_disabled_extensions(self):
        self.serve(Model, {"disable-extensions": "QRESYNC CONDSTORE\n    list-status LITERAL+"})
        self.fill()
        self.acc.tree.folder("INBOX").create().deliver(mail("local"), "1700000000.local.here", "")
        self.sync()
        self.assert_equal()
        said = b"\n".join(self.scripted.heard())
        for word in (b"QRESYNC", b"CONDSTORE", b"RETURN (STATUS", b"+}"):
            self.assertNotIn(word, said)


class Deleting(Model):
    """The mailbox is deleted while its new messages are asked for."""

    def is_to_go(self):
        return self.state.get("delete") == self.selected and self.selected is not None


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


class Deleted(QuirkTest):
    """A mailbox is deleted while it is selected: nothing of it is lost here, and the account goes on."""

    def check(self, model):
        self.serve(model)
        self.acc.write_config("[daemon]\npoll-interval = 1s\n")
        self.fill()
        self.fill(13, "a")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assert_equal()
            self.scripted.state["delete"] = "a"
            self.store.deliver("a", mail("late"))
            wait_until(lambda: "the mailbox is gone on the remote side" in daemon.log(), "it is noticed")
            self.store.deliver("INBOX", mail("more"))
            wait_until(lambda: len(self.local_files()) == 7, "mail arrives in the other mailbox")
            self.assertEqual(len(self.local_files("a")), 13)
            self.assertIn(daemon.process.poll(), [None])
        self.assertEqual(self.scripted.problems, [])

    def test_bye(self):
        self.check(DeletingDovecot)

    def test_mass_vanished(self):
        self.check(DeletingCyrus)


class Status(QuirkTest):
    """imapsyncctl names the quirks; what the server calls itself is remembered."""

    def test_status(self):
        model = type("Named", (Model,), {"name": "Dovecot", "greeting": "Welcome"})
        self.serve(model, {"quirks": "wrong-size"})
        self.fill()
        for n_asked in (1, 1):
            with self.acc.daemon() as daemon:
                daemon.wait_in_sync()
                status = self.acc.ctl_json("status", "test")
                self.assertEqual(status["quirks"] if isinstance(status, dict) else status[0]["quirks"],
                                 "notify-goes-quiet wrong-size")
                self.assertIn("notify-goes-quiet wrong-size", self.acc.ctl("status", "test").out)
            self.assertEqual(sum(b" ID NIL" in line for line in self.scripted.heard()), n_asked)
