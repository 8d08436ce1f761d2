"""Under NOTIFY nothing happens when nothing happens: no system call, no byte, no packet."""

import shutil
import unittest

from rig import SANITIZED, case, netns, number, populate, stays, wait_until

SECONDS = number("QUIET", 15)


@unittest.skipIf(SANITIZED, "sanitizers make system calls of their own")
@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class Quiet(case.SystemTest):
    def test_no_wake_up_and_no_byte(self):
        with netns.Link() as link:
            server = self.server(addresses=("127.0.0.1", link.address))
            populate.fill(self.session(server), populate.mailbox_names(20), 10)
            account = self.account(server, settings={"host": link.address})
            account.prefix = link.prefix
            self.once(account)
            trace = self.directory / "strace"
            account.strace(trace, "-ttt")
            with account.daemon() as daemon:
                daemon.wait_in_sync()
                wait_until(lambda: stays(lambda: trace.stat().st_size, 5) is None,
                           "the daemon comes to rest", deadline=90)
                size = trace.stat().st_size
                traffic = link.traffic(lambda: stays(lambda: trace.stat().st_size, SECONDS))
                calls = trace.read_text(errors="replace")[size:]
                print(f"  {SECONDS} s: {len(calls.splitlines())} system calls,"
                      f" {sum(traffic[:2])} B, {sum(traffic[2:])} packets", flush=True)
                self.assertEqual(calls, "")
                self.assertEqual(traffic, (0, 0, 0, 0))
                # And it is not asleep for ever.
                self.session(server).append("INBOX", b"Message-ID: <wake@up>\r\n\r\n")
                folder = account.tree.folder("INBOX")
                wait_until(lambda: len(folder.files()) == 11, "a message arrives after the silence")
