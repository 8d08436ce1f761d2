"""A change costs what has changed, on the disk too: no folder is read for a few messages in it, and a message costs so
many system calls."""

import collections
import re
import shutil
import unittest

from rig import SANITIZED, case, number, populate

MESSAGES = number("MESSAGES", 2000)
# For each message of a first sync: what makes it, what makes it durable, what names it; and a third more than what the
# database writes.
CALLS = {"openat": 1, "write": 1, "utimensat": 1, "sync_file_range": 1, "newfstatat": 1, "fsync": 1, "close": 1,
         "renameat2": 1, "pwrite64": 1}
ENTRIES = 200  # of directories, in a run; those that lead to the folders among them


@unittest.skipIf(SANITIZED, "sanitizers make system calls of their own")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class Cost(case.SystemTest):
    def entries_read(self, trace, begin=0):
        return sum(map(int, re.findall(r"getdents64\(.*/\* (\d+) entries", trace.read_text()[begin:])))

    def test_changes_from_the_server(self):
        """Messages that are new and in new/, and such as have flags and are in cur/."""
        server = self.server("mdbox")
        session = self.session(server)
        populate.fill_small(session, "INBOX", MESSAGES)
        account = self.account(server)
        self.once(account, timeout=600)
        session.select("INBOX")
        for label, change in (
            ("flags", lambda uids: session.store(uids, "+", ["\\Flagged"])),
            ("flags again", lambda uids: session.store(uids, "-", ["\\Flagged"])),
            ("keywords", lambda uids: session.store(uids, "+", ["work"])),
            ("expunge", session.expunge),
            ("append", lambda uids: session.append("INBOX", b"Message-ID: <one@more>\r\n\r\n")),
        ):
            with self.subTest(label):
                change(",".join(map(str, session.uids()[5:MESSAGES:MESSAGES // 7])))
                trace = self.directory / f"strace {label}"
                account.prefix = ["strace", "-f", "-e", "trace=getdents64", "-o", trace]
                self.once(account)
                account.prefix = []
                read = self.entries_read(trace)
                print(f"  {label}: {read} entries of directories read", flush=True)
                self.assertLess(read, ENTRIES)
        self.assert_equal_sides(account, server)

    def calls(self, messages):
        """{system call: how often} of a first sync."""
        server = self.server("mdbox", f"server{messages}")
        populate.fill_small(self.session(server), "INBOX", messages)
        account = self.account(server, f"account{messages}")
        trace = self.directory / f"calls{messages}"
        account.prefix = ["strace", "-f", "-o", trace]
        self.once(account)
        return collections.Counter(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))

    def test_calls_of_a_first_sync(self):
        """What more messages take more."""
        few, many = self.calls(100), self.calls(600)
        each = {name: (many[name] - few[name]) / 500 for name in many}
        print("  " + ", ".join(f"{name} {n:.2f}" for name, n in sorted(each.items()) if n > 0.02), flush=True)
        for name, n in each.items():
            with self.subTest(name):
                self.assertLess(n, CALLS.get(name, 0) + 0.25)
        self.assertLess(sum(each.values()), sum(CALLS.values()) + 1)
