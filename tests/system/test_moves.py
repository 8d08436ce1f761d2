"""A message that is moved to another mailbox on either side follows on the other, and does not travel."""

import base64
import random

from rig import case, imap, number, proxy, wait_until

MOVED = number("MOVED", 50)
BODY = 6000  # bytes that cannot be compressed; a message that travelled would show

FULL = ("IMAP4rev1 SASL-IR ENABLE CONDSTORE QRESYNC UIDPLUS MOVE UNSELECT ID IDLE NOTIFY LIST-STATUS LIST-EXTENDED"
        " LITERAL+ SPECIAL-USE")


def without(*names):
    return " ".join(name for name in FULL.split() if name not in names)


class MovesTest(case.SystemTest):
    def fill(self, server, count):
        noise = random.Random(1)
        session = self.session(server)
        session.create("archive")
        session.append_many("INBOX", [
            (b"Message-ID: <%d@moves>\r\nSubject: %d\r\n\r\n" % (n, n)
             + base64.encodebytes(noise.randbytes(BODY * 3 // 4)).replace(b"\n", b"\r\n"), (), None)
            for n in range(count)])
        return session

    def wired(self, server):
        """An account whose bytes are counted."""
        wire = proxy.Proxy(server.host, server.imap_port)
        self.addCleanup(wire.__exit__, None, None, None)
        wire.__enter__()
        return self.account(server, tls="none", settings={"port": wire.port}), wire

    def move_local(self, account, count, flags=""):
        target = account.tree.folder("archive").path / "cur"
        for path in account.tree.folder("INBOX").files()[:count]:
            path.rename(target / (path.name.partition(":")[0] + ":2," + flags))

    def move_remote(self, session, count, source="INBOX", target="archive"):
        session.select(source)
        session.move(imap.uid_set(session.uids()[:count]), target)

    def assert_cheap(self, wire, before, count):
        used = wire.down + wire.up - before
        print(f"  {count} moved: {used} B, both ways", flush=True)
        self.assertLess(used, 20_000 + 250 * count)
        self.assertLess(used, count * BODY // 2)

    def assert_counts(self, account, server, inbox, archive):
        remote = self.assert_equal_sides(account, server)
        self.assertEqual((len(remote["INBOX"]), len(remote["archive"])), (inbox, archive))

    def check_once(self, store="maildir", count=10, **options):
        server = self.server(store, **options)
        session = self.fill(server, 2 * count + 1)
        account, wire = self.wired(server)
        self.once(account)

        before = wire.down + wire.up
        self.move_local(account, count, "S")
        self.once(account)
        self.assert_cheap(wire, before, count)
        self.assert_counts(account, server, count + 1, count)

        before = wire.down + wire.up
        self.move_remote(session, count)
        self.once(account)
        self.assert_cheap(wire, before, count)
        self.assert_counts(account, server, 1, 2 * count)
        self.once(account)

    def test_once_maildir(self):
        self.check_once()

    def test_once_mdbox(self):
        self.check_once("mdbox")

    def test_many(self):
        self.check_once("mdbox", MOVED)

    def test_without_move(self):
        self.check_once(capability=without("MOVE"))

    def test_without_qresync(self):
        self.check_once(capability=without("QRESYNC"))

    def test_without_condstore(self):
        self.check_once(capability=without("QRESYNC", "CONDSTORE"))

    def test_move_without_uidplus(self):
        self.check_once(capability=without("UIDPLUS"))

    def test_there_and_back(self):
        """Between two runs; and through a third mailbox."""
        server = self.server()
        session = self.fill(server, 10)
        session.create("other")
        account, wire = self.wired(server)
        self.once(account)
        before = wire.down + wire.up
        self.move_remote(session, 5)
        self.move_remote(session, 5, "archive", "INBOX")
        self.move_remote(session, 5)
        self.move_remote(session, 5, "archive", "other")
        self.once(account)
        self.assert_cheap(wire, before, 10)
        self.assertEqual(len(self.assert_equal_sides(account, server)["other"]), 5)

    def test_into_a_new_mailbox(self):
        server = self.server()
        session = self.fill(server, 10)
        account, wire = self.wired(server)
        self.once(account)
        before = wire.down + wire.up
        session.create("there")
        self.move_remote(session, 5, target="there")
        folder = account.tree.folder("here")
        folder.create()
        for path in account.tree.folder("INBOX").files()[-2:]:
            path.rename(folder.path / "cur" / path.name.replace("/new/", "/cur/"))
        self.once(account)
        self.assert_cheap(wire, before, 10)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual(sorted(len(remote[name]) for name in ("INBOX", "there", "here")), [2, 3, 5])

    def check_daemon(self, store):
        server = self.server(store)
        session = self.fill(server, 12)
        account, wire = self.wired(server)
        with account.daemon() as daemon:
            daemon.wait_ready()
            daemon.wait_in_sync()

            before = wire.down + wire.up
            self.move_local(account, 5, "S")
            archived = self.session(server)
            wait_until(lambda: archived.select("archive") is not None and len(archived.uids()) == 5,
                       "the messages are in the other mailbox on the server")
            daemon.wait_in_sync()
            self.assert_cheap(wire, before, 5)

            before = wire.down + wire.up
            self.move_remote(session, 5)
            wait_until(lambda: len(account.tree.folder("archive").files()) == 10,
                       "the files are in the other folder")
            daemon.wait_in_sync()
            self.assert_cheap(wire, before, 5)
        self.assert_counts(account, server, 2, 10)

    def test_daemon_maildir(self):
        self.check_daemon("maildir")

    def test_daemon_mdbox(self):
        self.check_daemon("mdbox")
