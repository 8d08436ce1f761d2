"""The delta ladder: what a few changes in a large mailbox cost on servers that offer less and less."""

import os
import random
import signal
import time
import unittest

from rig import SANITIZED, case, compare, number, populate, proxy, wait_until
from rig.dovecot import PASSWORD
from rig.imap import Session

MESSAGES = number("MESSAGES", 10_000)
FULL = MESSAGES >= 100_000
RATE = 250_000  # bytes a second of the line: time is to be the line's, and not that of reading a Maildir

COMMON = "UNSELECT IDLE NAMESPACE UIDPLUS MOVE LITERAL+ LIST-EXTENDED LIST-STATUS SPECIAL-USE"
PROFILES = {
    "QRESYNC": None,
    "Gmail": f"IMAP4rev1 {COMMON} COMPRESS=DEFLATE ENABLE CONDSTORE ESEARCH",
    "ESEARCH": f"IMAP4rev1 {COMMON} ESEARCH",
    "IMAP4rev1": "IMAP4rev1",
}
LIMITS = {"QRESYNC": 600, "Gmail": 5000}
SHARE = 0.12  # of what it costs to list all flags
FLAG_SCAN = "1 day"  # the default


def small_message(number):
    return b"Message-ID: <new%d@example.org>\r\n\r\nshort\r\n" % number


@unittest.skipIf(SANITIZED, "bytes and time do not depend on the build")
class Ladder(case.SystemTest):
    def connect(self, account, line, extra=""):
        """The account goes through this proxy."""
        account.settings |= {"host": line.host, "port": line.port, "tls": "none", "allow-cleartext": "yes"}
        account.write_config(extra)

    def once_through(self, account, server):
        """One run: its result, and the bytes from the server."""
        with proxy.Proxy(server.host, server.imap_port, rate=RATE) as line:
            self.connect(account, line)
            return self.once(account, timeout=1200), line.down

    def list_flags(self, server):
        """The whole of UID FETCH 1:* (FLAGS), as others ask for it: its seconds and its bytes."""
        with proxy.Proxy(server.host, server.imap_port, rate=RATE) as line:
            with Session(line.host, line.port, "alice", PASSWORD) as session:
                session.select("INBOX", examine=True)
                start, before = time.monotonic(), line.down
                session.command("UID FETCH 1:* (FLAGS)")
                return time.monotonic() - start, line.down - before

    def change(self, server, rng):
        """5 expunged, 10 flags changed, 1 new message; the flags nowhere but in old messages."""
        with server.session() as session:
            session.select("INBOX")
            chosen = rng.sample(session.uids()[: MESSAGES // 2], 15)
            session.expunge(",".join(map(str, chosen[:5])))
            session.store(",".join(map(str, chosen[5:])), "+", ["\\Flagged"])
            session.append("INBOX", small_message(rng.randrange(1 << 32)))

    def settle(self, line):
        """Until nothing has come for a while."""
        last = [None]

        def is_still():
            previous, last[0] = last[0], line.down
            return previous == last[0]

        wait_until(is_still, "the server falls silent", interval=1.5)
        return line.down

    def is_equal(self, account, server):
        with server.session() as session:
            remote = compare.remote(session)
        try:
            return not compare.differences(remote, compare.local(account.tree))
        except FileNotFoundError:  # renamed as it was about to be read
            return False

    def meanwhile(self, daemon, line, change):
        """What comes of a change that the daemon learns of at once, in bytes."""
        before = self.settle(line)
        os.kill(daemon.pid, signal.SIGSTOP)
        change()
        os.kill(daemon.pid, signal.SIGCONT)
        wait_until(lambda: line.down > before, "the server tells of it")
        return self.settle(line) - before

    def check_daemon(self, profile, server, account, rng):
        """Connected for long, with COMPRESS."""
        with proxy.Proxy(server.host, server.imap_port) as line:
            self.connect(account, line, "[daemon]\npoll-interval = 1h\n")
            with account.daemon() as daemon, server.session() as session:
                daemon.wait_in_sync(timeout=600)
                message = self.meanwhile(daemon, line, lambda: session.append("INBOX", small_message(1)))
                cost = self.meanwhile(daemon, line, lambda: self.change(server, rng))
                self.assert_equal_sides(account, server)
        print(f"  {profile}, {MESSAGES} messages, 5 expunged, 10 flags, 1 new: {cost} B in,"
              f" {cost - message} B beyond those for a new message alone", flush=True)
        self.assertLessEqual(cost - message, LIMITS[profile])

    def check_once(self, profile, server, account, rng):
        """A new connection without COMPRESS, against a list of all flags on the same line."""
        self.change(server, rng)
        self.once_through(account, server)  # on this rung from now on
        _, quiet = self.once_through(account, server)
        self.change(server, rng)
        result, cost = self.once_through(account, server)
        self.assert_equal_sides(account, server)
        seconds, full = self.list_flags(server)
        print(f"  {profile}, {MESSAGES} messages, 5 expunged, 10 flags, 1 new: {cost} B in, {result.seconds:.2f} s"
              f" ({quiet} B with nothing to do); all flags listed: {full} B, {seconds:.2f} s;"
              f" a flag can be stale for {FLAG_SCAN}", flush=True)
        self.assertLessEqual(cost, SHARE * full)
        if FULL:
            self.assertLessEqual(result.seconds, SHARE * seconds)

    def test_large_mailbox(self):
        server = self.server("mdbox")
        populate.fill_small(self.session(server), "INBOX", MESSAGES)
        account = self.account(server, tls="none")
        self.once(account, timeout=1200)
        for profile, capability in PROFILES.items():
            with self.subTest(profile):
                server.stop()
                server.capability = capability
                server.start()
                check = self.check_daemon if profile in LIMITS else self.check_once
                check(profile, server, account, random.Random(profile))

    def ask_for_turns(self, account, daemon):
        """What it has read again it goes by, on the connection that it has."""
        account.write_config("[daemon]\nflag-scan = 1min\npoll-interval = 1s\n")
        self.assertEqual(account.ctl("reload").status, 0)
        self.assertNotIn("its configuration has changed", daemon.log())

    def test_turns(self):
        """A flag and a new keyword deep in the mailbox are found when their volume has its turn."""
        server = self.server("mdbox", capability=PROFILES["IMAP4rev1"])
        with self.session(server) as session:
            populate.fill_small(session, "INBOX", 2500)
            session.select("INBOX")
        account = self.account(server, tls="none")
        account.write_config("[daemon]\nflag-scan = 1d\npoll-interval = 1s\n")
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            since = account.ctl_json("mailboxes", account.name)[0]["flags_since_usec"]
            self.assertGreater(since, 0)
            self.assertEqual(account.ctl_json("status", account.name)[0]["flags_since_usec"], since)
            self.assertIn("flags seen", account.ctl("status", account.name).out)
            self.ask_for_turns(account, daemon)
            with server.session() as session:
                session.select("INBOX")
                session.store(1, "+", ["$NotJunk"])
                session.store(2, "+", ["\\Seen"])
                session.store(3, "-", ["\\Seen"])
            wait_until(lambda: self.is_equal(account, server), "all is found", deadline=90, interval=1)
            wait_until(lambda: account.ctl_json("mailboxes", account.name)[0]["flags_since_usec"] > since,
                       "all has been looked at", deadline=90, interval=1)
