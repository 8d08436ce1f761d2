"""A change costs what has changed, on the disk too: no folder is read for a few messages in it."""

import re
import shutil
import unittest

from rig import SANITIZED, case, number, populate

MESSAGES = number("MESSAGES", 2000)
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
