"""Coming from mbsync: what it has synchronised is taken over as it is."""

from rig import importing, others
from rig.importing import BOXES, MESSAGES, NEW


class FromMbsync(importing.FromMaildir):
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
