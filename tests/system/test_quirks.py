"""Servers that do not do what they say: in sync at the end, nothing lost on either side, and a line."""

import re

from rig import case, compare, modelserver, spoiled, wait_until
from rig.harm import Harm
from rig.modelserver import Model

# The account ends within this time, whatever the server says.
PATIENCE = 60

# What a poll is, and a look behind a run is not.
POLL = re.compile(rb"LIST .*STATUS|STATUS INBOX")


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

    def sync(self, *args, status=0):
        result = self.acc.once(*args, timeout=PATIENCE)
        self.assertEqual(self.scripted.problems, [], self.dialogue())
        if "has a name that cannot be used here" in result.err:
            status = 1  # that mailbox is not in sync
        self.assertEqual(result.status, status, f"{result}\n{self.dialogue()}")
        return result

    def dialogue(self):
        return "\n".join(repr(line) for line in self.scripted.heard()[-60:])

    def assert_equal(self):
        found = compare.differences(self.store.remote(), compare.local(self.acc.tree))
        if found := found + compare.doubled_names(self.acc.tree):
            raise Harm("\n".join([*found, self.dialogue()]))

    def assert_quiet(self):
        """In sync: another run has nothing to do, and does nothing."""
        before = self.store.remote(), self.acc.tree.stamp()
        self.sync()
        self.assertEqual((self.store.remote(), self.acc.tree.stamp()), before, self.dialogue())

    def count_idle_selects(self):
        """How often a mailbox in which nothing happens is opened while it is polled three times."""
        self.acc.write_config("[daemon]\npoll-interval = 1s\n")
        self.fill(3, "a/b")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            before = len(self.scripted.heard())
            n_polls = len([line for line in self.scripted.heard() if POLL.search(line)])
            wait_until(lambda: len([line for line in self.scripted.heard() if POLL.search(line)]) >= n_polls + 3,
                       "it is polled")
            return sum(b" SELECT a" in line for line in self.scripted.heard()[before:])

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


# model, settings, what the log must say, and the quirks that must be known
ROWS = {
    "exchange": (spoiled.Exchange, {}, "", "one-at-a-time append-loses-flags no-mdnsent wrong-size placeholder-bodies"),
    "wants_id": (spoiled.WantsId, {}, "", "wants-id"),
    "wants_id_configured": (type("Nobody", (spoiled.WantsId,), {"greeting": "ready"}), {"quirks": "wants-id"}, "", "wants-id"),
    "never_enabled": (spoiled.NeverEnabled, {}, "", ""),
    "proxy": (spoiled.Proxy, {"quirks": "late-capabilities broken-qresync broken-esearch"}, "",
              "late-capabilities broken-qresync broken-esearch"),
    "yahoo": (spoiled.Yahoo, {}, "", ""),
    "yahoo_uidonly": (spoiled.Partial, {}, "", ""),
    "no_list_return": (spoiled.NoReturn, {}, "", ""),
    "courier": (spoiled.Courier, {}, "", "uidvalidity-by-select lists-locks login-alone rename-renumbers"),
    "growing_exists": (spoiled.Zimbra, {}, "", ""),
    "vanished_zero": (spoiled.VanishedZero, {}, "", ""),
    "scientific_numbers": (spoiled.Scientific, {}, "passed over: “STATUS", ""),
    "scientific_numbers_plain": (type("Plain", (spoiled.Scientific,), {"capability": modelserver.BARE}), {},
                                 "passed over: “STATUS", ""),
    "junk_lines": (spoiled.Junk, {}, "passed over: “", ""),
    "bogus_vanished": (spoiled.BogusVanished, {}, "comparing all of them", ""),
    "unknown_status": (spoiled.WrongBox, {}, "which it does not list", ""),
    "junk_list": (spoiled.JunkList, {}, "cannot be used here", ""),
    "one_before": (spoiled.OneBefore, {}, "", ""),
    "proton": (spoiled.Renumbers, {}, "", "broken-uidplus"),
}


class RowTest(QuirkTest):
    """First sync, changes on both sides, again: in sync each time, and then quiet."""

    def check(self, model, settings, log, quirks):
        self.serve(model, settings)
        self.fill()
        self.fill(3, "a/b")
        said = self.sync("-v").err
        self.assert_equal()
        self.local_change()
        self.remote_change()
        said += self.sync("-v").err
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 6)
        self.assertEqual(len(self.local_files("a/b")), 3)
        flagged = {row.label for row in self.store.remote()["INBOX"] if "\\flagged" in row.flags}
        self.assertEqual(flagged, {"<INBOX-1@test>", "<INBOX-4@test>", "<local@test>"})
        self.assert_quiet()
        self.assertIn(log, said)
        known = re.search(r"this server is known for: (.*)", said)
        self.assertEqual(known[1] if known else "", quirks)


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
        self.check_fails(spoiled.Exchange, "!one-at-a-time")

    def test_append_loses_flags(self):
        self.check_fails(spoiled.Exchange, "!append-loses-flags")

    def test_wants_id(self):
        self.check_fails(spoiled.WantsId, "!wants-id")

    def test_late_capabilities(self):
        self.check_fails(spoiled.Proxy, "broken-esearch")

    def test_lists_locks(self):
        self.check_fails(spoiled.Courier, "!lists-locks")

    def test_broken_uidplus(self):
        self.check_fails(spoiled.Renumbers, "!broken-uidplus")

    def test_broken_esearch(self):
        self.check_fails(spoiled.Proxy, "late-capabilities broken-qresync")

    def count_selects(self, quirks):
        self.serve(spoiled.Courier, {"quirks": quirks})
        return self.count_idle_selects()

    def test_uidvalidity_by_select(self):
        self.assertGreater(self.count_selects("!uidvalidity-by-select"), 0)

    def test_uidvalidity_is_not_asked(self):
        self.assertEqual(self.count_selects("lists-locks"), 0)


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
        self.check_withheld(spoiled.Placeholder, "gave another one that says so")

    def test_no_body(self):
        self.check_withheld(spoiled.NoBody, "gave no body")

    def test_mdnsent(self):
        """The keyword stays here; the one beside it does not."""
        self.serve(spoiled.MdnSent)
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
        self.serve(spoiled.Exchange)
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
        self.check_one_copy(spoiled.OneCopy, "the server keeps one copy of equal messages")

    def test_one_copy_unnamed(self):
        self.check_one_copy(spoiled.OneCopyUnnamed, "the server took it but does not show it")

    def test_full(self):
        """Uploads are refused: parked. Downloads go on."""
        self.serve(spoiled.Full)
        self.fill()
        self.acc.tree.folder("INBOX").create().deliver(mail("local"), "1700000000.local.here", "")
        said = self.acc.once(timeout=PATIENCE).err
        self.assertIn("mailbox is full", said)
        self.assertEqual(len(self.local_files()), 7)
        again = self.acc.once(timeout=PATIENCE)
        self.assertEqual(again.status, 1)
        self.assertIn("messages on one side only: 1", again.err)

    def test_full_no_more(self):
        """What was refused is tried again when a person asks for its mailbox, and not before."""
        self.serve(spoiled.Full)
        self.fill()
        self.acc.tree.folder("INBOX").create().deliver(mail("local"), "1700000000.local.here", "")
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            wait_until(lambda: self.acc.ctl_json("status")[0]["parked"] == 1, "the message is parked")
            self.scripted.state["has room"] = True
            self.assertEqual(self.acc.ctl("sync", "--wait").status, 1)
            self.assertEqual(self.acc.ctl_json("status")[0]["parked"], 1)
            result = self.acc.ctl("sync", "--wait", "test", "INBOX")
            self.assertEqual(result.status, 0, str(result) + daemon.log())
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 7)

    def test_renumbers(self):
        """Other UIDs under the same UIDVALIDITY: not one file is touched."""
        self.serve(spoiled.Renumbers)
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


class Batches(QuirkTest):
    """Uploads travel together where the server takes that."""

    def check(self, model, status=0):
        self.serve(model)
        folder = self.acc.tree.folder("INBOX").create()
        for i in range(70):
            folder.deliver(mail(f"bad-{i}" if i == 40 else f"good-{i}"), f"17000000{i:02}.local.here", "S")
        self.sync(status=status)
        said = [line for line in self.scripted.heard() if b" APPEND " in line]
        return said, self.store.remote()["INBOX"]

    def test_all_taken(self):
        said, messages = self.check(type("Takes", (Model,), {"capability": spoiled.Picky.capability}))
        self.assertEqual(len(said), 2, said)
        self.assertEqual(len(messages), 70)
        self.assert_equal()
        self.assert_quiet()

    def test_one_is_bad(self):
        said, messages = self.check(spoiled.Picky, 1)
        self.assertEqual(len(said), 1 + 70, said)
        self.assertEqual(sorted(row.label for row in messages),
                         sorted(f"<good-{i}@test>" for i in range(70) if i != 40))
        self.assertEqual(len(self.local_files()), 70)


class Large(QuirkTest):
    """A mailbox that has several volumes, on a server that counts nothing."""

    def check(self, model, settings=None):
        self.serve(model, settings)
        self.fill(1300)
        self.sync()

    def check_changes(self):
        self.assert_equal()
        self.store.expunge("INBOX", 7)
        self.store.expunge("INBOX", 1299)
        self.store.deliver("INBOX", mail("more"))
        self.sync()
        self.assert_equal()
        self.assert_quiet()
        return b"\n".join(self.scripted.heard())

    def test_by_position(self):
        self.check(Model, {"disable-extensions": "QRESYNC CONDSTORE ESEARCH UIDONLY"})
        self.assertRegex(self.check_changes(), rb"[0-9] FETCH 1000 \(UID\)")

    def test_uidonly(self):
        self.check(spoiled.Partial)
        said = self.check_changes()
        self.assertIn(b"ENABLE UIDONLY", said)
        self.assertIn(b"UID SEARCH ALL", said)
        self.assertNotRegex(said, rb"[0-9] FETCH")

    def test_needed(self):
        self.check(spoiled.Partial, {"disable-extensions": "UIDONLY"})
        self.assertEqual(len(self.local_files()), spoiled.Partial.limit)


class Vain(QuirkTest):
    """A STATUS that never says what SELECT says must not be looked at for ever."""

    def check(self, capability):
        self.serve(spoiled.StatusLies, capability=capability)
        self.assertLess(self.count_idle_selects(), 6)
        self.store.deliver("a/b", mail("more"))
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(len(self.local_files("a/b")), 4)
            self.store.deliver("a/b", mail("and more"))
            wait_until(lambda: len(self.local_files("a/b")) == 5, "mail arrives")
        self.assert_equal()

    def test_full(self):
        self.check(modelserver.FULL)

    def test_plain(self):
        self.check(modelserver.PLAIN)


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
        self.check(spoiled.DeletingDovecot)

    def test_mass_vanished(self):
        self.check(spoiled.DeletingCyrus)


class Kept(QuirkTest):
    """A server that says OK to UID EXPUNGE and keeps the message: it is not taken for gone, so it never comes back."""

    def check(self, capability):
        self.serve(spoiled.Keeps, capability=capability)
        self.fill(20)
        self.sync()
        files = sorted(self.local_files(), key=lambda path: path.read_bytes())
        files[0].unlink()
        self.scripted.state["keep"] = 1
        self.sync()
        self.sync()
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 18)  # one of ours, one of another client's
        files[1].unlink()
        self.scripted.state["keep"] = 99
        self.assertIn("it still has", self.sync(status=1).err)
        self.assertNotIn(mail("INBOX-1"), [path.read_bytes() for path in self.local_files()])
        self.scripted.state["keep"] = 0
        self.sync()
        self.assert_equal()
        self.assertNotIn(mail("INBOX-1"), [path.read_bytes() for path in self.local_files()])
        self.assert_quiet()

    def test_full(self):
        self.check(modelserver.FULL)

    def test_condstore(self):
        self.check(modelserver.CONDSTORE)

    def test_plain(self):
        self.check(modelserver.PLAIN)


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
