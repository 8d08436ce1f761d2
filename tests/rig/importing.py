"""Coming from another program: what the tests of imapsyncctl import have in common."""

import json
import re

from rig import case, compare, number, others, populate, wait_until
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
