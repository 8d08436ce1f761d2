"""Memory does not grow with the mailbox, nor with the largest message, and is given back after work."""

import random
import re
import shutil
import unittest

from measure import scale
from rig import SANITIZED, case, compare, netns, number, populate

MANY = number("MESSAGES", 10_000)
FEW = 1000
LIMIT = {"none": 12 * 1024, "implicit": 14 * 1024}  # kB
GROWTH = 1024  # kB, from FEW to MANY
BIG = 60 * 1024 * 1024
MAILBOXES = 40
ACCOUNTS = 10, 40
IDLE_LIMIT = 360  # kB; 300 are wanted: 294 on a disk, 274 in memory, but up to 322 beside other work
FEW_FILES = ["prlimit", "--nofile=64:"]  # of 40 accounts that wait, each has four


@unittest.skipIf(SANITIZED, "the sanitizers' memory is their own")
@unittest.skipUnless(shutil.which("time"), "needs GNU time")
class Memory(case.SystemTest):
    def once_rss(self, account):
        """The largest resident set of one run in kB. GNU time starts it: a child of this process would
        inherit this process's own maximum over fork and exec."""
        out = self.directory / "rss"
        account.prefix = ["time", "--format", "%M", "--output", out]
        try:
            self.once(account, timeout=1200)
        finally:
            account.prefix = []
        return int(out.read_text().split()[-1])

    def daemon_rss(self, account):
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            return daemon.status_field("VmHWM")

    def measure(self, server, tls, name):
        account = self.account(server, name=f"{tls} {name}", tls=tls)
        values = {"first": self.once_rss(account), "again": self.once_rss(account),
                  "daemon": self.daemon_rss(account)}
        print(f"  {name}, {tls}: " + ", ".join(f"{k} {v} kB" for k, v in values.items()), flush=True)
        shutil.rmtree(account.directory)
        return values

    def test_many_messages(self):
        values = {}
        for count in (FEW, MANY):
            server = self.server("mdbox", name=f"server{count}")
            populate.fill_small(self.session(server), "INBOX", count)
            for tls in ("none", "implicit"):
                values[count, tls] = self.measure(server, tls, f"{count} messages")
            server.kill()
        for tls, limit in LIMIT.items():
            for kind, value in values[MANY, tls].items():
                with self.subTest(tls=tls, kind=kind):
                    self.assertLessEqual(value, limit)
                    self.assertLessEqual(value, values[FEW, tls][kind] + GROWTH)

    def test_big_message(self):
        """Down from the server, and up to it."""
        server = self.server("mdbox")
        line = random.Random(1).randbytes(37).hex().encode() + b"\r\n"
        big = b"Message-ID: <big@example.org>\r\n\r\n" + line * (BIG // len(line))
        self.session(server).append("INBOX", big)
        account = self.account(server, tls="none")
        values = {"down": self.once_rss(account)}
        account.tree.folder("INBOX").deliver(big.replace(b"<big@", b"<second@"), "1700.big.host")
        values["up"] = self.once_rss(account)
        print("  60 MB: " + ", ".join(f"{k} {v} kB" for k, v in values.items()), flush=True)
        with server.session() as session:
            sides = compare.remote(session), compare.local(account.tree)
        self.assert_same(*sides)
        self.assertEqual(len(sides[0]["INBOX"]), 2)
        for kind, value in values.items():
            with self.subTest(kind=kind):
                self.assertLessEqual(value, LIMIT["none"])

    @unittest.skipUnless(netns.is_possible(), "no network namespaces here")
    def test_idle_accounts(self):
        """What one more account takes, once it waits under NOTIFY. The daemon asks for as many files as it needs."""
        few, more = (scale.by_accounts(count, 0, FEW_FILES)["rss"] for count in ACCOUNTS)
        each = (more - few) / (ACCOUNTS[1] - ACCOUNTS[0]) / 1000
        print(f"  {each:.0f} kB an idle account", flush=True)
        self.assertLess(each, IDLE_LIMIT)

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_given_back(self):
        """The heap is smaller again after work: all mailboxes are looked at at once, which needs the most."""
        server = self.server("mdbox")
        session = self.session(server)
        for name in populate.plain_names(MAILBOXES):
            if name != "INBOX":
                session.create(name)
            populate.fill_small(session, name, 20)
        account = self.account(server, tls="none")
        self.once(account)
        trace = self.directory / "strace"
        account.strace(trace, "-e", "trace=brk")
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            for _ in range(3):
                self.assertEqual(account.ctl("verify", "test").status, 0)
            ends = [int(end, 16) for end in re.findall(r"brk\(.*\) += (0x[0-9a-f]+)", trace.read_text())]
        begin, most = ends[0], max(ends)
        least = min(ends[ends.index(most):])
        print(f"  a heap of {(most - begin) // 1024} kB at most, {(least - begin) // 1024} kB afterwards", flush=True)
        self.assertLess(least, most)
