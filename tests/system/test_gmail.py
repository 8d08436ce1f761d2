"""Gmail: mailboxes are labels. What is left out, what is fetched once, and what a deletion means."""

import os
import unittest

from rig import SANITIZED, case, compare, gmailserver, number, points, sides, wait_until
from rig.gmailserver import ALL, TRASH

MESSAGES = min(number("MESSAGES", 30), 1000)  # the scripted server is a slow one
POINTS = number("POINTS", 6)  # to be killed at, before and after; 0: all
SIZE = 3000
TRASH_SETTINGS = """\
namespace inbox {
  mailbox Deleted {
    special_use = \\Trash
  }
}
"""


def body(n):
    head = b"Message-ID: <%d@gmail>\r\nSubject: %d\r\n\r\n" % (n, n)
    return head + b"x" * (SIZE - len(head) - 2) + b"\r\n"


class Gmail(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.gmail = gmailserver.Gmail()
        self.addCleanup(self.gmail.close)
        for name in ("Work", "Receipts"):
            self.gmail.create(name)

    def gmail_account(self, name="account", **settings):
        return self.account(self.gmail, name, tls="none", settings={"timeout": "20s"} | settings)

    def side(self, account):
        return sides.MaildirSide(account.tree)

    def bodies(self, account, name):
        """{handle: body, as the wire has it} of a mailbox of the local side."""
        return {path: path.read_bytes().replace(b"\n", b"\r\n") for path in account.tree.folder(name).files()}

    def local(self, account, name):
        return sorted(self.bodies(account, name).values())

    def assert_same(self, account, *names):
        for name in names:
            self.assertEqual(self.local(account, name), self.gmail.bodies_in(name), name)
        self.assertEqual(self.gmail.problems, [])

    def sync(self, account):
        """Until there is nothing left to do."""
        self.once(account)
        self.once(account)

    def handle(self, account, name, wanted):
        [handle] = [handle for handle, body in self.bodies(account, name).items() if body == wanted]
        return handle

    def delete(self, account, name, wanted):
        self.side(account).remove(name, [self.handle(account, name, wanted)])


class BesideServer(Gmail):
    """The local side is a server that knows of no labels."""

    tls = None  # a tunnel

    def setUp(self):
        super().setUp()
        self.here = self.server(name="here")

    def gmail_account(self, name="account", **settings):
        account = super().gmail_account(name, **settings)
        account.use_local_server(self.here, self.user(account), self.tls)
        return account

    @staticmethod
    def user(account):
        return account.directory.name

    def side(self, account):
        return sides.ImapSide(self.session(self.here, self.user(account)), "local server")

    def bodies(self, account, name):
        session = self.side(account).session
        session.select(name, examine=True)
        rows = session.fetch("1:*", "BODY.PEEK[]") if session.uids() else {}
        return {uid: row[b"BODY[]"] for uid, row in rows.items()}


class Labels(Gmail):
    def test_left_out(self):
        account = self.gmail_account()
        for n in range(3):
            self.gmail.deliver(body(n), "INBOX", "[Gmail]/Important", "[Gmail]/Starred")
        self.sync(account)
        self.assertEqual(sorted(account.tree.mailboxes()), ["INBOX", "Receipts", "Work",
                                                            "[Gmail]/Spam", TRASH])
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            status = account.ctl_json("status", account.name)
            self.assertEqual(status[0]["left_out"],
                             "[Gmail]/All Mail, [Gmail]/Important, [Gmail]/Starred")
            rows = {row["name"]: row["left_out"] for row in account.ctl_json("mailboxes", account.name)}
        self.assertIn("left out", rows[ALL])
        self.assertEqual(rows["INBOX"], "")

    def test_named(self):
        account = self.gmail_account(mailboxes=f"\n  *\n  {ALL}")
        message = self.gmail.deliver(body(1), "INBOX")
        self.sync(account)
        self.assert_same(account, "INBOX", ALL)
        self.assertEqual(self.gmail.bodies, 1)
        self.gmail.unlabel(message, "INBOX")
        self.sync(account)
        self.assert_same(account, "INBOX", ALL)

    def test_fetched_once(self):
        """Under three labels, from the first time on: one body each."""
        account = self.gmail_account()
        for n in range(MESSAGES):
            self.gmail.deliver(body(n), "INBOX", "Work", "Receipts")
        self.sync(account)
        self.assert_same(account, "INBOX", "Work", "Receipts")
        self.assertEqual(self.gmail.bodies, MESSAGES)
        inodes = {os.stat(path).st_ino for name in ("INBOX", "Work", "Receipts")
                  for path in account.tree.folder(name).files()}
        self.assertEqual(len(inodes), MESSAGES)
        self.assertEqual(compare.doubled_names(account.tree), [])

    def test_label_added_later(self):
        account = self.gmail_account()
        messages = [self.gmail.deliver(body(n), "INBOX") for n in range(MESSAGES)]
        self.sync(account)
        before = self.gmail.bytes_out
        for message in messages:
            self.gmail.label(message, "Work")
        self.once(account)
        self.assert_same(account, "INBOX", "Work")
        self.assertEqual(self.gmail.bodies, MESSAGES)
        spent = self.gmail.bytes_out - before
        print(f"  a label on {MESSAGES} messages of {SIZE} B: {spent} B in", flush=True)
        self.assertLess(spent, MESSAGES * 300 + 4000)

    def test_daemon(self):
        """While it runs: a new message under two labels, a label more, and a deletion."""
        account = self.gmail_account()
        account.write_config("[daemon]\npoll-interval = 1s\n")
        message = self.gmail.deliver(body(1), "INBOX")
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            self.gmail.deliver(body(2), "INBOX", "Work")
            self.gmail.label(message, "Receipts")
            folders = {"INBOX": 2, "Work": 1, "Receipts": 1}
            for name, count in folders.items():
                wait_until(lambda: len(account.tree.folder(name).files()) == count, name)
            self.assertEqual(self.gmail.bodies, 2)
            self.delete(account, "INBOX", body(2))
            wait_until(lambda: len(self.gmail.bodies_in("INBOX")) == 1, "the label is gone")
            self.delete(account, "Work", body(2))
            wait_until(lambda: self.local(account, TRASH) == [body(2)], "it is in the trash")
            daemon.wait_in_sync()
            self.assert_same(account, "INBOX", "Work", "Receipts", TRASH)

    def test_flags_are_a_label_s_own_file(self):
        """A link is a name of its own: a flag goes over the server, as on two files."""
        account = self.gmail_account()
        self.gmail.deliver(body(1), "INBOX", "Work")
        self.sync(account)
        folder = account.tree.folder("Work")
        folder.set_flags(folder.files()[0], {"\\Seen"})
        self.sync(account)
        self.sync(account)
        for name in ("INBOX", "Work"):
            folder = account.tree.folder(name)
            self.assertEqual([folder.flags(path) for path in folder.files()], [{"\\Seen"}], name)

    def test_upload_is_swallowed(self):
        """What is uploaded and there already, under another label, is not a second message."""
        account = self.gmail_account()
        self.gmail.deliver(body(1), "INBOX")
        self.sync(account)
        account.tree.folder("Work").deliver(body(1).replace(b"\r\n", b"\n"), "1700.local.host", "S")
        self.sync(account)
        self.assert_same(account, "INBOX", "Work")
        self.assertEqual(len(self.gmail.by_body), 1)


class LabelsBesideServer(BesideServer):
    def test_left_out(self):
        account = self.gmail_account()
        for n in range(3):
            self.gmail.deliver(body(n), "INBOX", "[Gmail]/Important", "[Gmail]/Starred")
        self.sync(account)
        self.assertEqual(sorted(self.side(account).mailboxes()), ["INBOX", "Receipts", "Work", "[Gmail]/Spam", TRASH])
        self.assert_same(account, "INBOX", "Work")

    def test_added_and_taken_off(self):
        """On either side: a label more or less is a message more or less in one mailbox."""
        account = self.gmail_account()
        for n in range(3):
            self.gmail.deliver(body(n), "INBOX", "Work")
        self.sync(account)
        self.gmail.label(self.gmail.by_body[body(0)], "Receipts")
        self.gmail.unlabel(self.gmail.by_body[body(0)], "Work")
        self.side(account).deliver("Receipts", body(1))
        self.side(account).move("Work", [self.handle(account, "Work", body(2))], "Receipts")
        self.sync(account)
        self.assert_same(account, "INBOX", "Work", "Receipts")
        self.assertEqual(self.local(account, "Receipts"), [body(0), body(1), body(2)])
        self.assertEqual(self.local(account, "Work"), [body(1)])
        self.assertEqual(len(self.gmail.by_body), 3)

    def test_flags(self):
        """A flag set in one mailbox comes to the message's other labels by Gmail."""
        account = self.gmail_account()
        message = self.gmail.deliver(body(1), "INBOX", "Work")
        self.sync(account)
        self.side(account).flag("Work", self.handle(account, "Work", body(1)), ["\\Seen"])
        self.sync(account)
        self.assertEqual(message.flags, {"\\Seen"})
        for name in ("INBOX", "Work"):
            self.assertEqual(list(self.side(account).flags(name).values()), [{"\\seen"}], name)

    def test_daemon(self):
        account = self.gmail_account()
        account.write_config("[daemon]\npoll-interval = 1s\n")
        self.gmail.deliver(body(1), "INBOX")
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            self.gmail.deliver(body(2), "INBOX", "Work")
            wait_until(lambda: self.local(account, "Work") == [body(2)], "it is under its label")
            wait_until(lambda: len(self.local(account, "INBOX")) == 2, "it is in INBOX")
            for name, where in (("INBOX", []), ("Work", [body(2)])):
                self.delete(account, name, body(2))
                wait_until(lambda: body(2) not in self.gmail.bodies_in(name), "the label is gone")
                daemon.wait_in_sync()
                self.assertEqual(self.gmail.bodies_in(TRASH), where)
            wait_until(lambda: self.local(account, TRASH) == [body(2)], "it is in the trash")
            daemon.wait_in_sync()
            self.assert_same(account, "INBOX", "Work", TRASH)


class Deletions(Gmail):
    def test_to_the_trash(self):
        account = self.gmail_account()
        for n in range(4):
            self.gmail.deliver(body(n), "INBOX")
        self.sync(account)
        self.delete(account, "INBOX", body(2))
        self.assertIn("to the trash", self.once(account, "--dry-run").out)
        self.sync(account)
        self.assertEqual(self.gmail.bodies_in(TRASH), [body(2)])
        self.assertEqual(len(self.gmail.bodies_in(ALL)), 3)
        self.sync(account)
        self.assert_same(account, "INBOX", TRASH)

    def test_only_unlabelled(self):
        account = self.gmail_account()
        self.gmail.deliver(body(1), "INBOX", "Work")
        self.sync(account)
        self.delete(account, "INBOX", body(1))
        self.sync(account)
        self.assertEqual(self.gmail.bodies_in("INBOX"), [])
        self.assertEqual(self.gmail.bodies_in("Work"), [body(1)])
        self.assertEqual(self.gmail.bodies_in(TRASH), [])
        self.delete(account, "Work", body(1))
        self.sync(account)
        self.assertEqual(self.gmail.bodies_in(TRASH), [body(1)])
        self.sync(account)
        self.assert_same(account, "INBOX", "Work", TRASH)

    def test_from_all_labels_at_once(self):
        account = self.gmail_account()
        self.gmail.deliver(body(1), "INBOX", "Work")
        self.sync(account)
        self.delete(account, "INBOX", body(1))
        self.delete(account, "Work", body(1))
        self.sync(account)
        self.assertEqual(self.gmail.bodies_in(TRASH), [body(1)])
        self.sync(account)
        self.assert_same(account, "INBOX", "Work", TRASH)

    def test_not_synchronised_any_more(self):
        """What the state still knows of a mailbox that is left out now does not keep a message."""
        account = self.gmail_account(mailboxes=f"\n  *\n  {ALL}")
        self.gmail.deliver(body(1), "INBOX")
        self.sync(account)
        account.settings["mailboxes"] = "*"
        account.write_config()
        self.delete(account, "INBOX", body(1))
        self.sync(account)
        self.assertEqual(self.gmail.bodies_in(TRASH), [body(1)])

    def test_by_the_mail_program(self):
        """One that puts messages into the trash itself: there is one in it, not two."""
        account = self.gmail_account()
        self.gmail.deliver(body(1), "INBOX")
        self.gmail.deliver(body(2), "INBOX")
        self.sync(account)
        self.side(account).move("INBOX", [self.handle(account, "INBOX", body(1))], TRASH)
        self.sync(account)
        self.sync(account)
        self.assert_same(account, "INBOX", TRASH)
        self.assertEqual(len(self.gmail.bodies_in(TRASH)), 1)
        self.assertEqual(len(self.gmail.by_body), 2)

    def test_from_the_trash(self):
        account = self.gmail_account()
        self.gmail.trash(self.gmail.deliver(body(1), "INBOX"))
        self.sync(account)
        self.delete(account, TRASH, body(1))
        self.sync(account)
        self.assertEqual(self.gmail.by_body, {})

    def test_expunge(self):
        """As configured: only the label goes, and the message stays in All Mail."""
        account = self.gmail_account(**{"deleted-messages": "expunge"})
        self.gmail.deliver(body(1), "INBOX")
        self.sync(account)
        self.delete(account, "INBOX", body(1))
        self.sync(account)
        self.assertEqual(self.gmail.bodies_in(TRASH), [])
        self.assertEqual(self.gmail.bodies_in(ALL), [body(1)])

    def test_on_the_server(self):
        """What another client takes a label off, or moves to the trash, does the same here."""
        account = self.gmail_account()
        first, second = (self.gmail.deliver(body(n), "INBOX", "Work") for n in (1, 2))
        self.sync(account)
        self.gmail.unlabel(first, "Work")
        self.gmail.trash(second)
        self.sync(account)
        self.assert_same(account, "INBOX", "Work", TRASH)
        self.assertEqual(self.local(account, "INBOX"), [body(1)])
        self.assertEqual(self.local(account, TRASH), [body(2)])


class DeletionsBesideServer(BesideServer, Deletions):
    pass


class Trash(Gmail):
    """On servers without labels."""

    def test_configured(self):
        server = self.server(settings=TRASH_SETTINGS)
        session = self.session(server)
        session.create("Deleted")
        for n in range(3):
            session.append("INBOX", body(n))
        account = self.account(server, settings={"deleted-messages": "trash"})
        self.once(account)
        self.delete(account, "INBOX", body(1))
        self.sync(account)
        self.assert_equal_sides(account, server)
        self.assertEqual(self.local(account, "Deleted"), [body(1)])
        self.assertEqual(len(self.local(account, "INBOX")), 2)

    def test_no_trash(self):
        server = self.server()
        session = self.session(server)
        for n in range(3):
            session.append("INBOX", body(n))
        account = self.account(server, settings={"deleted-messages": "trash"})
        self.once(account)
        self.delete(account, "INBOX", body(1))
        result = self.once(account, status=1)
        self.assertIn("\\Trash", result.err)
        self.assertEqual(len(compare.remote(session)["INBOX"]), 3)


@unittest.skipIf(SANITIZED, "the sanitizer must be loaded first")
class Killed(Gmail):
    """Copies, moves and deletions, and the program is killed at each call that makes something lasting."""

    def changed(self, n):
        """In sync, and then changed on both sides."""
        self.gmail = gmailserver.Gmail()
        self.addCleanup(self.gmail.close)
        for name in ("Work", "Receipts"):
            self.gmail.create(name)
        account = self.gmail_account(f"account{n}")
        for m in (1, 2, 3):
            self.gmail.deliver(body(m), "INBOX", "Work")
        self.gmail.deliver(body(6), "INBOX")
        self.sync(account)
        self.side(account).move("INBOX", [self.handle(account, "INBOX", body(6))], "Work")
        self.delete(account, "INBOX", body(1))
        for name in ("INBOX", "Work"):
            self.delete(account, name, body(2))
        for m in (4, 5):
            self.gmail.deliver(body(m), "INBOX", "Receipts")
        self.gmail.label(self.gmail.by_body[body(3)], "Receipts")
        return account

    def check(self, account):
        self.sync(account)
        self.sync(account)
        self.assert_same(account, "INBOX", "Work", "Receipts", TRASH)
        self.assertEqual(self.gmail.bodies_in("INBOX"), [body(3), body(4), body(5)])
        self.assertEqual(self.gmail.bodies_in("Work"), [body(1), body(3), body(6)])
        self.assertEqual(self.gmail.bodies_in(TRASH), [body(2)])
        self.assertEqual(compare.doubled_names(account.tree), [])

    def test_points(self):
        account = self.changed(0)
        log = account.directory / "points"
        account.variables = {"LD_PRELOAD": str(points.SHIM), "CHAOS_LOG": str(log)}
        self.once(account)
        account.variables = {}
        self.check(account)
        count = len(log.read_text().splitlines())
        self.assertGreater(count, 10)
        for n in points.spread(count, POINTS or count):
            for kill in (n, -n):
                with self.subTest(kill=kill):
                    account = self.changed(kill)
                    account.variables = {"LD_PRELOAD": str(points.SHIM), "CHAOS_KILL": str(kill)}
                    account.once()
                    account.variables = {}
                    self.check(account)
        print(f"  {count} points", flush=True)


class KilledBesideServer(BesideServer, Killed):
    tls = "none"
