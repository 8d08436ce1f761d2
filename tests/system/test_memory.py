"""Memory does not grow with the mailbox, nor with the largest message, and is given back after work."""

import random
import re
import shutil
import unittest

from measure import scale
from rig import SANITIZED, case, compare, meter, netns, number, populate

MANY = number("MESSAGES", 10_000)
FEW = 1000
LIMIT = {"none": 12 * 1024, "implicit": 14 * 1024}  # kB
GROWTH = 1024  # kB, from FEW to MANY
BIG = 60 * 1024 * 1024
MAILBOXES = 40
HEAP_LIMIT = 1536  # kB, when so many are looked at at once; 1008 are taken
FEW_RUNS, MANY_RUNS = 5, 75  # mailboxes of a first sync, whose runs are all under way at once
RUN_LIMIT = 32  # kB each: 12 to 21 are taken, and 40 were while each run kept room for 500 plans
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

    def test_many_mailboxes(self):
        """A first sync between two servers. The local one is a child of the program, and not counted."""
        here, there = self.server(name="here"), self.server("mdbox", name="there")
        rows = list(populate.quick_rows(random.Random(1), "many", 20))
        values = {}
        for count in (FEW_RUNS, MANY_RUNS):
            user = f"user{count}"
            session = self.session(there, user)
            for name in populate.plain_names(count):
                if name != "INBOX":
                    session.create(name)
                session.append_many(name, rows)
            account = self.account(there, user=user, name=f"account{count}")
            account.use_local_server(here, user)
            usage = meter.run(account.command("--once"), account.environment())
            self.assertEqual(usage.status, 0, usage.err)
            values[count] = usage.rss / 1024
        each = (values[MANY_RUNS] - values[FEW_RUNS]) / (MANY_RUNS - FEW_RUNS)
        print("  " + ", ".join(f"{count} mailboxes: {value:.0f} kB" for count, value in values.items())
              + f", {each:.1f} kB each", flush=True)
        self.assertLess(each, RUN_LIMIT)
        self.assertLess(values[MANY_RUNS], LIMIT["implicit"])

    @unittest.skipUnless(netns.is_possible(), "no network namespaces here")
    def test_idle_accounts(self):
        """What one more account takes, once it waits under NOTIFY. The daemon asks for as many files as it needs."""
        few, more = (scale.by_accounts(count, 0, FEW_FILES)["rss"] for count in ACCOUNTS)
        each = (more - few) / (ACCOUNTS[1] - ACCOUNTS[0]) / 1000
        print(f"  {each:.0f} kB an idle account", flush=True)
        self.assertLess(each, IDLE_LIMIT)

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_heap(self):
        """A daemon looks at all mailboxes at once: what that needs may stay with it, and is to be little."""
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
        heap = (max(ends) - ends[0]) // 1024
        print(f"  a heap of {heap} kB at most", flush=True)
        self.assertLess(heap, HEAP_LIMIT)
