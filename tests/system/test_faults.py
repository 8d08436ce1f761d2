"""A call that fails once, at the one moment that matters; tests/chaos has all the others."""

import errno
import subprocess
import unittest

from rig import BUILD, SANITIZED, case, netns, populate, wait_until

SHIM = BUILD / "tests" / "libchaos-faults.so"
MEGABYTE = 1_000_000


@unittest.skipIf(SANITIZED, "the sanitizer must be loaded first")
class Faults(case.SystemTest):
    def preload(self, account, **variables):
        account.variables = {"LD_PRELOAD": str(SHIM)} | variables

    def calls(self, account, name):
        """How often the run calls this function."""
        log = account.directory / "calls"
        self.preload(account, FAULT_SITES=str(log))
        self.once(account)
        return sum(line.split()[0] == name for line in log.read_text().splitlines())

    def upload(self, server, name):
        """An account that has a large message for the server."""
        account = self.account(server, name=name, user=name)
        self.once(account)
        message = populate.message(populate.random.Random(1), "large", MEGABYTE)
        account.tree.folder("INBOX").deliver(message, "17000000.large.host", "S")
        return account

    def test_file_cannot_be_read_once(self):
        """In the middle of it, when the server has been promised the rest: it is not given up."""
        server = self.server()
        count = self.calls(self.upload(server, "undisturbed"), "read")
        account = self.upload(server, "alice")
        self.preload(account, FAULT=f"read:{count - 10}:{errno.EIO}")
        result = self.once(account, status=1)
        self.assertIn("cannot be read: Input/output error", result.err)
        account.variables = {}
        self.once(account)
        self.assertEqual(len(self.assert_equal_sides(account, server)["INBOX"]), 1)

    def test_state_is_full(self):
        """What is full, and what to do about it."""
        server = self.server()
        populate.fill(self.session(server), ["INBOX"], 3)
        account = self.account(server)
        self.once(account)
        populate.fill(self.session(server), ["INBOX"], 3, seed=2)
        self.preload(account, FAULT=f"pwrite:1+:{errno.ENOSPC}")
        result = self.once(account, status=1)
        self.assertIn(f"{account.database}: ", result.err)
        self.assertIn("full; make room there", result.err)
        account.variables = {}
        self.once(account)
        self.assert_equal_sides(account, server)

    def test_folder_cannot_be_looked_at(self):
        """It is not taken for one that was deleted."""
        server = self.server()
        populate.fill(self.session(server), ["INBOX", "list"], 3)
        account = self.account(server, settings={"delete-mailboxes": "yes"})
        self.once(account)
        self.preload(account, FAULT=f"fstatat:1+:{errno.EIO}")
        self.once(account, status=1)
        account.variables = {}
        self.once(account)
        self.assertEqual(sorted(self.assert_equal_sides(account, server)), ["INBOX", "list"])

    def test_parent_cannot_be_looked_at_once(self):
        """Renamed with what is below it: not the child alone, which would be in the way."""
        server = self.server()
        session = self.session(server)
        populate.fill(session, ["INBOX", "list", "list/sub"], 3)
        account = self.account(server)
        self.once(account)
        session.select("INBOX")
        session.command(b"RENAME list Projects")
        self.preload(account, FAULT=f"statx:2:{errno.EIO}")
        self.once(account, status=1)
        account.variables = {}
        self.once(account)
        self.assertEqual(sorted(self.assert_equal_sides(account, server)), ["INBOX", "Projects", "Projects/sub"])

    def test_state_cannot_be_read(self):
        """While a rename is looked for: it is not taken for a deletion and a new mailbox."""
        server = self.server()
        session = self.session(server)
        populate.fill(session, ["INBOX", "list"], 3)
        count = None
        for name in ("undisturbed", "disturbed"):
            account = self.account(server, name=name)
            self.once(account)
            session.select("INBOX")
            session.command(b"RENAME list Projects")
            if count is None:
                count = self.calls(account, "pread")
                session.command(b"RENAME Projects list")
        for n in range(max(count - 8, 1), count + 1):
            self.preload(account, FAULT=f"pread:{n}+:{errno.EIO}")
            self.assertNotIn("made on the local side", account.once().err)
        account.variables = {}
        self.once(account)
        self.assertEqual(sorted(self.assert_equal_sides(account, server)), ["INBOX", "Projects"])

    def test_letters_cannot_be_saved(self):
        """Tried again by the same daemon: no file has a letter that the next program knows nothing of."""
        server = self.server()
        session = self.session(server)
        populate.fill(session, ["INBOX"], 3)
        account = self.account(server)
        self.once(account)
        session.append("INBOX", populate.message(populate.random.Random(1), "labelled"), ["work"])
        in_the_way = account.maildir / "INBOX" / "dovecot-keywords.imapsyncd"
        in_the_way.mkdir()
        with account.daemon() as daemon:
            daemon.wait_ready()
            for _ in range(3):
                account.ctl("sync", "--wait")
        in_the_way.rmdir()
        self.once(account)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual(sum("work" in row.flags for row in remote["INBOX"]), 1)

    def test_no_timer(self):
        """The program ends, and does not wait for ever."""
        account = self.account(self.server())
        self.preload(account, FAULT=f"timerfd_create:1:{errno.EMFILE}")
        result = self.once(account, status=1, timeout=20)
        self.assertIn("the event loop cannot be made: Too many open files", result.err)

    @unittest.skipUnless(netns.is_possible(), "no network namespaces here")
    def test_news_of_the_network_cannot_be_read(self):
        """Links change, and each recv fails from the first on: the daemon still hears that it is to end."""
        account = self.account(self.server())
        log = account.directory / "faults"
        fault = [f"LD_PRELOAD={SHIM}", f"FAULT=recv:1+:{errno.ENOBUFS}", f"FAULT_LOG={log}"]
        account.prefix = ["unshare", "--net", "env", *fault]
        with account.daemon() as daemon:
            # It asks what there is, and listens by then.
            wait_until(lambda: log.exists() and "fault" in log.read_text(), "the first recv fails")
            command = ["nsenter", "-n", "-t", str(daemon.pid), "ip", "link", "set", "lo", "up"]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            self.assertEqual(daemon.stop(20), 0)
