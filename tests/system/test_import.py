"""Coming from mbsync, OfflineIMAP and InterIMAP: what they have synchronised is taken over as it is."""

import json
import pathlib
import random
import re
import unittest

from rig import case, compare, number, others, outward, populate, wait_until
from rig.account import Account
from rig.proxy import Proxy

MESSAGES = number("MESSAGES", 40)
BOXES = ["INBOX", "list/archive", "Sent"]
NEW = b"Message-ID: <%s@import>\r\nSubject: new\r\n\r\nhello\r\n"


class ImportTest(case.SystemTest):
    """kind: the program to come from; it is behind a proxy that counts."""

    kind = None

    def setUp(self):
        super().setUp()
        if not self.kind.is_there():
            self.skipTest(f"{self.kind.program} is not installed")
        self.dovecot = self.server()
        self.other = self.session(self.dovecot)
        populate.fill_quickly(self.other, BOXES, MESSAGES)
        self.proxy = Proxy(self.dovecot.host, self.dovecot.imap_port)
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__, None, None, None)
        self.program = self.make(self.directory / "home")

    def make(self, home):
        return self.kind(home, self.proxy.port)

    def make_account(self, name="test"):
        """What will be imported to: no configuration is there yet."""
        self.acc = self.account(name="home/ours", settings={})
        self.acc.name = name
        self.acc.config.unlink()
        self.acc.tree = self.program.tree
        self.acc.variables = {"HOME": str(self.program.home)}
        for key in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            if key in self.program.environment:
                self.acc.variables[key] = self.program.environment[key]
        return self.acc

    def import_(self, *options, status=0):
        result = self.acc.run([case.IMAPSYNCD.parents[1] / "ctl" / "imapsyncctl", "import",
                               self.program.name, "--config", self.acc.config, "--state-dir",
                               self.acc.state, *options])
        self.assertEqual(result.status, status, str(result))
        return result

    def ours(self):
        return sorted(path.name for path in self.acc.state.iterdir() if path.name != "lock")

    def assert_nothing_written(self):
        self.assertFalse(self.acc.config.exists())
        self.assertEqual(self.ours(), [])

    def sides(self):
        """Both, mbsync's own field aside: {mailbox: sorted (bytes, flags)}."""
        with self.dovecot.session() as session:
            remote = {}
            for name in session.mailboxes():
                session.select(name, examine=True)
                rows = session.fetch("1:*", "FLAGS BODY.PEEK[]") if session.uids() else {}
                remote[name] = [self.row(row[b"BODY[]"], [f.decode() for f in row[b"FLAGS"]])
                                for row in rows.values()]
        return remote, self.local_side()

    @staticmethod
    def row(data, flags):
        return others.TUID.sub(b"", compare.fold(data)), tuple(sorted(compare.flag_names(flags)))

    def local_side(self):
        found = {}
        for name in self.acc.tree.mailboxes():
            folder = self.acc.tree.folder(name)
            found[name] = [self.row(path.read_bytes(), folder.flags(path)) for path in folder.files()]
        return found

    def assert_equal(self, keywords=True):
        """keywords: else only the flags that the other programs know."""
        remote, local = self.sides()
        if not keywords:
            remote, local = self.without_keywords(remote), self.without_keywords(local)
        self.assertEqual(remote.keys(), local.keys())
        for name in remote:
            self.assertEqual(sorted(remote[name]), sorted(local[name]), name)
        return remote

    @staticmethod
    def without_keywords(side):
        return {name: [(data, tuple(flag for flag in flags if flag.startswith("\\"))) for data, flags in rows]
                for name, rows in side.items()}

    def total(self):
        return sum(path.stat().st_size for name in BOXES for path in self.acc.tree.folder(name).files())


class FromMaildir(ImportTest):
    """What mbsync and OfflineIMAP have in common."""

    def change_flags(self):
        """Pending on both sides, of different messages: taken off here and there, set here and there."""
        folder = self.acc.tree.folder("INBOX")
        self.other.select("INBOX")
        uids = self.other.uids()
        self.other.store(uids[0], "+", ["\\Flagged"])
        self.other.store(uids[1], "-", ["\\Seen"])
        self.by_subject(folder, 2, {"\\Seen", "\\Answered"})
        self.by_subject(folder, 3, set())

    def by_subject(self, folder, position, flags):
        """The message that the server has at this position gets these flags in the Maildir."""
        wanted = others.TUID.sub(b"", self.body(position))
        for path in folder.files():
            if others.TUID.sub(b"", path.read_bytes()) == wanted:
                folder.set_flags(path, flags)
                return
        self.fail("the message is not in the Maildir")

    def body(self, position):
        uid = self.other.uids()[position]
        return compare.fold(self.other.fetch(uid, "BODY.PEEK[]")[uid][b"BODY[]"])

    def prepare(self):
        """All of it in sync by the other program, some flags on the way."""
        self.other.select("INBOX")
        uids = self.other.uids()
        self.other.store(f"{uids[1]},{uids[3]}", "+", ["\\Seen"])
        self.program.sync()
        self.make_account()
        self.change_flags()

    def check_json(self, *options):
        """What the report says, for programs."""
        outcome = json.loads(self.import_("--json", *options).out)
        self.assertEqual((outcome["program"], outcome["config"]), (self.program.name, str(self.acc.config)))
        self.assertEqual(outcome["written"], not options)
        [account] = outcome["accounts"]
        counts = {mailbox["name"]: (mailbox["messages"], mailbox["changed"]) for mailbox in account["mailboxes"]}
        self.assertEqual(counts, {name: (MESSAGES, 2 if name == "INBOX" else 0) for name in BOXES})

    def test_json(self):
        self.prepare()
        self.check_json("--dry-run")
        self.assert_nothing_written()
        self.check_json()
        self.assertTrue(self.acc.config.exists())

    def test_flags_travel_and_no_body(self):
        self.prepare()
        before = self.program.stamp()
        report = self.import_("--dry-run").out
        self.assert_nothing_written()
        self.assertEqual(self.import_().out[: len(report)], report)
        self.assertEqual(self.program.stamp(), before)
        self.assertRegex(report, rf"(?m)^ *{MESSAGES * len(BOXES)} messages taken over")
        self.assertRegex(report, r"(?m)^ *2 of them with flags changed here")

        self.proxy.down = self.proxy.up = 0
        result = self.once(self.acc, "-v", "-v")
        print(f"  {self.kind.name}: {MESSAGES * len(BOXES)} messages of {self.total()} B, "
              f"{self.proxy.down} B down, {self.proxy.up} B up", flush=True)
        self.assertNotRegex(result.err, r"C: .*(BODY|RFC822|ENVELOPE|INTERNALDATE)")
        self.assertLess(self.proxy.down + self.proxy.up, 6000 + 12 * MESSAGES * len(BOXES))
        remote = dict.fromkeys(range(4))
        self.other.select("INBOX")
        for position, uid in enumerate(self.other.uids()[:4]):
            row = self.other.fetch(uid, "FLAGS")[uid]
            remote[position] = compare.flag_names(f.decode() for f in row[b"FLAGS"])
        self.assertIn("\\flagged", remote[0])
        self.assertNotIn("\\seen", remote[1])
        self.assertEqual(remote[2], {"\\seen", "\\answered"})
        self.assertEqual(remote[3], frozenset())
        self.assert_equal()
        self.assertNotIn("C: ", "".join(line for line in self.once(self.acc, "-v", "-v").err.splitlines()
                                        if "FETCH" in line))

    def test_deletions_are_held(self):
        """One message here and one there: no brake would hold so few."""
        self.program.sync()
        self.make_account()
        self.acc.tree.folder("list/archive").files()[0].unlink()
        self.other.select("Sent")
        self.other.expunge(self.other.uids()[0])
        self.assertRegex(self.import_().out, r"(?m)^ *1 deleted here since; held")
        for _ in range(2):
            self.once(self.acc, status=1)
            remote, local = self.sides()
            self.assertEqual([len(remote[name]) for name in BOXES], [MESSAGES, MESSAGES, MESSAGES - 1])
            self.assertEqual([len(local[name]) for name in BOXES], [MESSAGES, MESSAGES - 1, MESSAGES])
        self.confirm("list/archive", "Sent")
        remote = self.assert_equal()
        self.assertEqual([len(remote[name]) for name in BOXES], [MESSAGES, MESSAGES - 1, MESSAGES - 1])
        self.acc.tree.folder("Sent").files()[0].unlink()
        self.once(self.acc)  # from now on a few are a few
        self.assertEqual(len(self.assert_equal()["Sent"]), MESSAGES - 2)

    def confirm(self, *mailboxes):
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.acc.ctl("sync", "--wait")
            wait_until(lambda: len(self.acc.ctl_json("held")) == len(mailboxes), "they are held", interval=0.1)
            for mailbox in mailboxes:
                self.assertEqual(self.acc.ctl("confirm", "test", mailbox).status, 0)
            wait_until(lambda: not self.acc.ctl_json("held"), "they go through", interval=0.1)
            daemon.wait_in_sync()
            result = self.acc.ctl("verify", "test")
            self.assertEqual(result.status, 0, str(result))

    def check_pull(self):
        """The server's changes come here, and ours stay here."""
        self.prepare()
        self.acc.tree.folder("Sent").deliver(NEW % b"here", "1700000000.new.here")
        self.other.append("Sent", NEW % b"there")
        report = self.import_().out
        self.assertRegex(report, r"(?m)^ *2 of them with flags changed here, which stay so")
        self.assertRegex(report, r"(?m)^ *1 files that were never synchronised; they stay here alone")
        self.assertIn("direction = pull\n", self.acc.config.read_text())
        before, ours = self.sides()
        self.once(self.acc)
        remote, local = self.sides()
        self.assertEqual(remote, before)
        self.assertEqual(len(local["Sent"]), MESSAGES + 2)
        before_, after = (self.without_keywords(side)["INBOX"] for side in (ours, local))
        changed = [row for row in after if row not in before_]
        self.assertTrue(changed)  # what the server has changed, and nothing else
        self.assertEqual([row for row in changed if row not in self.without_keywords(before)["INBOX"]], [])

        self.acc.tree.folder("Sent").files()[0].unlink()
        self.once(self.acc)
        self.assertEqual(self.sides()[0], before)

    def check_push(self):
        """Ours go to the server, and its own stay there."""
        self.prepare()
        self.acc.tree.folder("Sent").deliver(NEW % b"here", "1700000000.new.here")
        self.other.append("Sent", NEW % b"there")
        self.import_()
        self.assertIn("direction = push\n", self.acc.config.read_text())
        before, ours = self.sides()
        self.once(self.acc)
        remote, local = self.sides()
        self.assertEqual(local, ours)
        self.assertEqual(len(remote["Sent"]), MESSAGES + 2)
        before_, after = (self.without_keywords(side)["INBOX"] for side in (before, remote))
        self.assertEqual(len([row for row in after if row not in before_]), 2)  # those that were changed here

    def test_new_on_both_sides(self):
        self.program.sync()
        self.make_account()
        self.other.append("Sent", NEW % b"there")
        self.acc.tree.folder("Sent").deliver(NEW % b"here", "1700000000.new.here")
        self.assertRegex(self.import_().out, r"(?m)^ *1 files that were never")
        self.once(self.acc)
        self.assertEqual(len(self.assert_equal()["Sent"]), MESSAGES + 2)

    def test_nothing_is_overwritten(self):
        self.program.sync()
        self.make_account()
        self.acc.config.write_text("# mine\n")
        self.assertIn("is there already", self.import_(status=1).err)
        self.assertEqual(self.acc.config.read_text(), "# mine\n")
        self.acc.config.unlink()
        self.import_()
        rows = self.acc.rows()
        self.acc.config.unlink()
        self.assertIn("is there already", self.import_(status=1).err)
        self.assertEqual(self.acc.rows(), rows)

    def move_with_number(self):
        """A mail program moves a file with the number that it had: Sent has another one of that number."""
        self.program.sync()
        self.make_account()
        inbox, sent = self.acc.tree.folder("INBOX"), self.acc.tree.folder("Sent")
        there = sent.files()[0].name
        number = re.search(r",U=\d+", there)[0]
        moved = next(path for path in inbox.files() if re.search(r",U=\d+", path.name)[0] == number)
        tail = there[there.index(",U="):].partition(":2,")[0]
        return moved.rename(sent.path / "cur" / ("1700000000.moved.here" + tail + ":2,S"))

    def test_the_way_back(self):
        """As long as imapsyncd has not run, the other program goes on as if nothing had been."""
        self.prepare()
        self.import_()
        self.acc.config.unlink()
        self.acc.database.unlink()
        self.program.sync()
        self.assert_equal(keywords=False)

    def test_the_way_back_after_a_run(self):
        self.prepare()
        self.import_()
        self.once(self.acc)
        self.program.sync()
        self.assert_equal()

    def test_while_the_daemon_runs(self):
        self.program.sync()
        self.make_account()
        running = Account(self.acc.directory / "running", self.dovecot, name="other")
        running.state = self.acc.state
        with running.daemon() as daemon:
            daemon.wait_ready()
            self.assertIn("another imapsyncd", self.import_(status=1).err)
        self.assertFalse(self.acc.config.exists())
        self.assertFalse(self.acc.database.exists())


class FromMbsync(FromMaildir):
    kind = others.Mbsync

    def test_without_import(self):
        """mbsync adds a line to each copy, here to what came down and there to what went up: the same mail still."""
        self.program.sync()
        self.program.tree.folder("Sent").deliver(NEW % b"went up", "1700000000.new.here")
        self.program.sync()
        self.acc = self.account(self.dovecot, tls="none", settings={"maildir": self.program.mail})
        self.acc.tree = self.program.tree
        self.once(self.acc)
        self.assertEqual(len(self.assert_equal()["Sent"]), MESSAGES + 1)
        self.assertEqual(len(self.sides()[0]["INBOX"]), MESSAGES)

    def test_interrupted(self):
        """Killed in the middle of a pull: refused with what to do; after that it goes."""
        self.proxy.stall = 20_000
        journal = self.program.mail / "INBOX" / ".mbsyncstate.journal"
        self.program.interrupt(lambda: journal.exists() and journal.stat().st_size > 0
                               and self.proxy.down >= 20_000)
        self.proxy.stall = None
        self.make_account()
        before = self.program.stamp()
        result = self.import_(status=1)
        self.assertRegex(result.err, "INBOX.*mbsync -a")
        self.assertEqual(self.program.stamp(), before)
        self.assert_nothing_written()
        self.program.sync()
        self.import_()
        self.once(self.acc)
        self.assert_equal()

    def test_two_files_with_one_number(self):
        """Nobody guesses; and comparing is out of the question with mbsync's field in them."""
        moved = self.move_with_number()
        self.assertRegex(self.import_(status=1).err, "two files .*Sent.*,U=")
        self.assert_nothing_written()
        moved.rename(moved.with_name("1700000000.moved.here:2,S"))
        self.import_()
        self.once(self.acc, status=1)  # INBOX lacks one: that is held
        remote, local = self.sides()
        self.assertEqual(sorted(remote["Sent"]), sorted(local["Sent"]))
        self.assertEqual((len(remote["Sent"]), len(remote["INBOX"])), (MESSAGES + 1, MESSAGES))

    def test_lost_state(self):
        self.program.sync()
        self.make_account()
        (self.program.mail / "Sent" / ".mbsyncstate").unlink()
        self.assertRegex(self.import_(status=1).err, "Sent, but its state .* is missing")
        self.assert_nothing_written()

    def test_state_elsewhere(self):
        self.program.sync_state = None
        self.program.configure()
        self.prepare()
        self.assertRegex(self.import_().out, rf"(?m)^ *{MESSAGES * len(BOXES)} messages taken over")
        self.once(self.acc)
        self.assert_equal()

    def test_deleted_on_one_side_only(self):
        """What mbsync does not bring back, we do not either."""
        self.program.configure()
        self.program.config.write_text(self.program.config.read_text().replace("Expunge Both", "Expunge None"))
        self.program.sync()
        self.acc = self.make_account()
        self.acc.tree.folder("Sent").files()[0].unlink()
        self.program.sync()
        self.assertRegex(self.import_().out, r"(?m)^ *1 on one side only, and left so")
        self.once(self.acc)
        remote, local = self.sides()
        self.assertEqual((len(remote["Sent"]), len(local["Sent"])), (MESSAGES, MESSAGES - 1))

    def test_one_way(self):
        """What Sync Pull leaves alone on the server, we do, too."""
        self.program.extra = "Sync Pull\n"
        self.program.configure()
        self.check_pull()

    def test_the_other_way(self):
        self.program.sync()
        self.program.extra = "Sync Push\n"
        self.program.configure()
        self.check_push()

    def test_one_mailbox_one_way(self):
        """A channel of its own; and what cannot be said in our words is refused."""
        text = self.program.config.read_text().replace("Patterns *\n", "Patterns * !Sent\n")
        channel = "\nChannel sent\nFar :far:Sent\nNear :near:Sent\nCreate Near\nSyncState *\nSync %s\n"
        self.program.config.write_text(text + channel % "Pull")
        self.program.sync()
        self.make_account()
        for way, sentence in (("Pull New", "“Sync Pull New” is not translated"), ("None", "“Sync None” is not")):
            self.program.config.write_text(text + channel % way)
            self.assertRegex(self.import_(status=1).err, rf"\.mbsyncrc:\d+: {sentence}")
            self.assert_nothing_written()
        self.program.config.write_text(text + channel % "Pull")
        for mailbox in ("INBOX", "Sent"):
            self.acc.tree.folder(mailbox).deliver(NEW % mailbox.encode(), "1700000000.new.here")
        report = self.import_().out
        self.assertRegex(report, r"(?m)^ *1 files that were never synchronised; the server gets them")
        self.assertRegex(report, r"(?m)^ *1 files that were never synchronised; they stay here alone")
        self.assertIn("direction = both\n    pull Sent\n", self.acc.config.read_text())
        self.once(self.acc)
        remote, local = self.sides()
        self.assertEqual([len(remote[name]) for name in ("INBOX", "Sent")], [MESSAGES + 1, MESSAGES])
        self.assertEqual([len(local[name]) for name in ("INBOX", "Sent")], [MESSAGES + 1] * 2)

    def test_two_ways(self):
        """Two channels with patterns do not agree."""
        text = self.program.config.read_text().replace("Patterns *\n", "Patterns INBOX Sent\n")
        self.program.config.write_text(text + "\nChannel lists\nFar :far:\nNear :near:\nPatterns list/*\nSync Pull\n")
        self.make_account()
        self.assertRegex(self.import_(status=1).err, r"\.mbsyncrc:\d+: two channels with patterns")

    def two_names(self, patterns="INBOX list/*"):
        """Mailboxes with a channel and a name of their own each."""
        text = self.program.config.read_text().replace("Patterns *\n", f"Patterns {patterns}\n")
        for there, here in (("Sent Items", "sent"), ("Old/&AMQ-lteres", "old")):
            text += (f'\nChannel {here}\nFar ":far:{there}"\nNear :near:{here}\nCreate Near\nExpunge Both\n'
                     f"{self.program.state_line()}")
        self.program.config.write_text(text)

    def check_two_names(self):
        for name in ("Sent Items", "Old/Älteres"):
            self.other.create(name)
            self.other.append(name, NEW % name.encode())
        self.two_names()
        self.program.sync()
        self.make_account()
        report = self.import_().out
        self.assertRegex(report, rf"(?m)^ *{2 * MESSAGES + 2} messages taken over")
        self.assertIn("map =\n    Sent Items -> sent\n    Old/Älteres -> old\n", self.acc.config.read_text())
        self.assertNotRegex(self.once(self.acc, "-v", "-v").err, r"C: .*(BODY|RFC822)")
        self.other.append("Sent Items", NEW % b"there")
        self.acc.tree.folder("old").deliver(NEW % b"here", "1700000000.new.here")
        self.once(self.acc)
        remote, local = self.sides()
        self.assertEqual(set(local), {"INBOX", "list/archive", "sent", "old"})
        for there, here in (("INBOX", "INBOX"), ("list/archive", "list/archive"), ("Sent Items", "sent"),
                            ("Old/Älteres", "old")):
            self.assertEqual(sorted(remote[there]), sorted(local[here]), there)
        self.assertEqual((len(local["sent"]), len(local["old"])), (2, 2))
        self.assertNotIn("sent", remote)

    def test_two_names(self):
        self.check_two_names()

    def test_two_names_state_elsewhere(self):
        self.program.sync_state = None
        self.program.configure()
        self.check_two_names()

    def test_two_names_in_the_way(self):
        """Where the other channels would bring one of them to another place."""
        before = self.program.config.read_text()
        for patterns in ("*", "INBOX %", "Old/*", "INBOX s*"):
            self.program.config.write_text(before)
            self.two_names(patterns)
            self.make_account()
            self.assertRegex(self.import_(status=1).err, r"\.mbsyncrc:\d+: the channel gives a mailbox another name")
            self.assert_nothing_written()
        self.program.config.write_text(before)
        self.two_names("INBOX sent/*")
        for name in ("cur", "new", "tmp"):
            (self.program.mail / "sent" / "below" / name).mkdir(parents=True)
        self.assertRegex(self.import_(status=1).err, "sent/below has the same name on both sides")

    def test_encoded_folder(self):
        """Its name is modified UTF-7: left out, and after a rename taken along."""
        self.other.create("Entwürfe")
        self.other.append("Entwürfe", NEW % b"draft")
        self.program.sync()
        self.make_account()
        self.assertIn("Entwürfe is left out", self.import_("--dry-run").out)
        (self.program.mail / "Entw&APw-rfe").rename(self.program.mail / "Entwürfe")
        self.assertNotIn("left out", self.import_().out)
        self.assertNotRegex(self.once(self.acc, "-v", "-v").err, r"C: .*BODY")
        self.assert_equal()


class FromOfflineImap(FromMaildir):
    kind = others.OfflineImap

    def test_interrupted(self):
        self.program.sync()
        others.tear(self.program.status("INBOX"))
        self.make_account()
        before = self.program.stamp()
        self.assertRegex(self.import_(status=1).err, "INBOX.*offlineimap -o")
        self.assertEqual(self.program.stamp(), before)
        self.assert_nothing_written()
        self.program.sync()
        self.import_()
        self.once(self.acc)
        self.assert_equal()

    def test_killed(self):
        """In the middle of the first synchronisation: what it has is paired, the rest is fetched."""
        self.proxy.stall = 30_000
        self.program.interrupt(lambda: self.proxy.down >= 30_000 and list(self.program.mail.glob("*/*/*U=*")))
        self.proxy.stall = None
        self.make_account()
        journals = list(self.program.home.glob(".offlineimap/**/*-journal"))
        if any(path.stat().st_size for path in journals):
            self.import_(status=1)
            self.program.sync()
        self.import_()
        self.once(self.acc)
        remote = self.assert_equal()
        self.assertEqual([len(remote[name]) for name in BOXES], [MESSAGES] * 3)

    def test_two_files_with_one_number(self):
        """Nobody guesses: they are compared with what the server has."""
        self.move_with_number()
        self.assertIn("two files of Sent have the same number", self.import_().out)
        self.once(self.acc, status=1)  # INBOX lacks one: that is held
        remote, local = self.sides()
        self.assertEqual(sorted(remote["Sent"]), sorted(local["Sent"]))
        self.assertEqual((len(remote["Sent"]), len(remote["INBOX"])), (MESSAGES + 1, MESSAGES))

    def test_another_uidvalidity(self):
        """The server has numbered anew since the import: all is compared, and nothing comes twice."""
        self.program.sync()
        self.make_account()
        self.import_()
        self.other.select("Sent")
        bodies = [row[b"BODY[]"] for row in self.other.fetch("1:*", "BODY.PEEK[]").values()]
        self.other.select("INBOX")
        self.other.delete("Sent")
        self.other.create("Sent")
        self.other.append_many("Sent", [(body, [], populate.date(random.Random(1))) for body in bodies])
        self.once(self.acc)
        remote = self.assert_equal()
        self.assertEqual(len(remote["Sent"]), MESSAGES)

    def test_one_way(self):
        """What is readonly stays as it is."""
        self.program.config.write_text(self.program.config.read_text() + "readonly = True\n")
        self.check_pull()

    def test_the_other_way(self):
        self.program.sync()
        text = self.program.config.read_text().replace("type = Maildir\n", "type = Maildir\nreadonly = True\n")
        self.program.config.write_text(text)
        self.check_push()

    def test_dots_in_folders(self):
        """list/archive is the folder list.archive: left out, and after a rename taken along."""
        self.program.sep = "."
        self.program.configure()
        self.program.sync()
        self.make_account()
        self.assertIn("list/archive is left out", self.import_("--dry-run").out)
        (self.program.mail / "list").mkdir()
        (self.program.mail / "list.archive").rename(self.program.mail / "list" / "archive")
        self.assertNotIn("left out", self.import_().out)
        self.assertNotRegex(self.once(self.acc, "-v", "-v").err, r"C: .*BODY")
        self.assert_equal()


class FromInterImap(ImportTest):
    kind = others.InterImap

    def make(self, home):
        self.local_server = self.server(name="local")
        return self.kind(home, self.proxy.port, self.local_server)

    def local_side(self):
        with self.local_server.session("bob") as session:
            found = {}
            for name in session.mailboxes():
                session.select(name, examine=True)
                rows = session.fetch("1:*", "FLAGS BODY.PEEK[]") if session.uids() else {}
                found[name] = [self.row(row[b"BODY[]"], [f.decode() for f in row[b"FLAGS"]])
                               for row in rows.values()]
            return found

    def test_all(self):
        """New flags travel, a deletion is held, no body is fetched."""
        self.program.sync()
        self.make_account("interimap")
        self.other.select("INBOX")
        self.other.store(self.other.uids()[0], "+", ["\\Flagged"])
        self.other.select("Sent")
        self.other.expunge(self.other.uids()[0])
        self.assertRegex(self.import_().out, rf"(?m)^ *{MESSAGES * len(BOXES)} messages taken over")
        result = self.once(self.acc, "-v", "-v", status=1)
        self.assertNotRegex(result.err, r"C: .*(BODY|RFC822|ENVELOPE|INTERNALDATE)")
        remote, local = self.sides()
        self.assertEqual(sorted(remote["INBOX"]), sorted(local["INBOX"]))
        self.assertEqual((len(remote["Sent"]), len(local["Sent"])), (MESSAGES - 1, MESSAGES))

    def test_through_a_proxy(self):
        """By the same proxy, which is asked for the same name."""
        name, port = "imap.example.org", self.proxy.port
        with outward.Socks5({name: ("127.0.0.1", port)}, login=("me", "hush%41")) as way:
            text = self.program.config.read_text().replace("host = 127.0.0.1\n", f"host = {name}\n")
            self.program.config.write_text(text + f"proxy = {way.url('me:hush%41').replace('socks5', 'socks5h')}\n")
            self.program.sync()
            self.make_account("interimap")
            self.import_()
            n_asked = len(way.asked)
            self.once(self.acc)
            self.assertGreater(len(way.asked), n_asked)
            self.assertEqual(set(way.asked), {("name", name, port)})
        self.assert_equal()

    def test_interrupted(self):
        self.program.sync()
        others.tear(self.program.database)
        self.make_account("interimap")
        self.assertRegex(self.import_(status=1).err, "Run interimap once")
        self.assert_nothing_written()
        self.program.sync()
        self.import_()
        self.once(self.acc)
        self.assert_equal()


class Refused(case.SystemTest):
    """What cannot be read: a sentence, with its line, and nothing is written."""

    def check(self, program, text, sentence):
        acc = self.account()
        acc.config.unlink()
        rc = pathlib.Path(acc.directory) / "rc"
        rc.write_text(text)
        result = acc.run([case.IMAPSYNCD.parents[1] / "ctl" / "imapsyncctl", "import", program, "--from", rc,
                          "--config", acc.config, "--state-dir", acc.state])
        self.assertEqual(result.status, 1, str(result))
        self.assertRegex(result.err, sentence)
        self.assertFalse(acc.config.exists())
        self.assertEqual(list(acc.state.iterdir()), [])

    def test_mbsync(self):
        store = "IMAPStore r\nHost h\nUser u\nPass p\n\n"
        near = "MaildirStore l\nPath /nowhere/Mail/\nInbox /nowhere/Mail/INBOX\n%s\n\n"
        channel = "Channel c\nFar :r:\nNear :l:\nPatterns *\n"
        self.check("mbsync", 'Channel "c\n', r"rc:1: ")
        self.check("mbsync", "\n", "has no channel")
        self.check("mbsync", store + near % "" + channel, "/nowhere/Mail cannot be read")
        self.check("mbsync", store + near % "AltMap yes" + channel, r"rc:9: .*mdconvert")
        self.check("mbsync", store + near % "SubFolders Legacy" + channel, r"rc:9: .*Legacy")
        self.check("mbsync", store + near % "Flatten ." + channel, r"rc:9: Flatten")
        self.check("mbsync", store + (near % "").replace("Mail/INBOX", "inbox") + channel, r"rc:8: INBOX is in")
        self.check("mbsync", store.replace("Pass p", "UserCmd x") + near % "" + channel, r"rc:1: .*Pass")

    def test_offlineimap(self):
        text = ("[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n"
                "[Repository l]\ntype = Maildir\nlocalfolders = /nowhere\n"
                "[Repository r]\ntype = IMAP\nremotehost = h\nremoteuser = u\nremotepass = p\n")
        self.check("offlineimap", text, "/nowhere cannot be read")
        self.check("offlineimap", text + "nametrans = lambda f: f\n", r"rc:14: nametrans")
        self.check("offlineimap", text + "sync_deletes = no\n", r"rc:14: sync_deletes")
        both = text.replace("[Repository l]\n", "[Repository l]\nreadonly = yes\n") + "readonly = yes\n"
        self.check("offlineimap", both, r"rc:15: both repositories are readonly")
        self.check("offlineimap", "nonsense\n", r"rc:1: ")
        self.check("offlineimap", "[general]\n", "names no accounts")

    def test_interimap(self):
        self.check("interimap", "database = none.db\n[local]\ntype = tunnel\ncommand = true\n[remote]\n"
                                "type = tunnel\ncommand = true\n", "none.db cannot be read")


del ImportTest, FromMaildir

if __name__ == "__main__":
    unittest.main()
