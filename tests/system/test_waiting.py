"""How the daemon waits: the rungs of the ladder, their cost, and servers that ask for silence."""

import re
import unittest

from rig import SANITIZED, case, netns, number, populate, stays, wait_until

# One hour of polls each 30 s is 120; the interval is one second here.
POLLS = number("POLLS", 12)
# A poll: bytes in, bytes out, with IP and TCP headers and COMPRESS, without TLS
LIMITS = (1000, 300)

WITHOUT_NOTIFY = ("IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE UIDPLUS UNSELECT LIST-EXTENDED LIST-STATUS"
                  " CONDSTORE QRESYNC ESEARCH MOVE COMPRESS=DEFLATE")


class Waiting(case.SystemTest):
    def fast(self, account, interval="1s"):
        """The configuration with a poll interval."""
        account.write_config()
        account.write_text(f"[daemon]\npoll-interval = {interval}\n" + account.config.read_text())
        return account

    def status(self, account):
        return account.ctl_json("status")[0]


@unittest.skipIf(SANITIZED, "bytes do not depend on the build")
@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
class Cost(Waiting):
    def check(self, capability, waits, limits):
        with netns.Link() as link:
            server = self.server("mdbox", addresses=("127.0.0.1", link.address), capability=capability)
            populate.fill(self.session(server), populate.plain_names(75), 20)
            account = self.fast(self.account(server, tls="none", settings={
                "host": link.address, "port": server.imap_port, "allow-cleartext": "yes"}))
            account.prefix = link.prefix
            self.once(account)
            with account.daemon("-vv") as daemon:
                daemon.wait_in_sync()
                wait_until(lambda: waits in self.status(account)["waits"], waits)
                count = lambda: len(re.findall(r" C: \S+ LIST ", daemon.log()))
                wait_until(lambda: stays(count, 0.3) is None, "a pause between two polls")
                first = count()
                traffic = link.traffic(lambda: wait_until(lambda: count() >= first + POLLS and stays(count, 0.3) is None,
                                                          "the polls", POLLS * 2 + 20, 0.05))
                polls = count() - first
            cost = [value / polls for value in traffic]
            print("  {}: {} polls, {:.0f} / {:.0f} B, {:.1f} / {:.1f} packets each (in / out)".format(
                waits, polls, *cost), flush=True)
            for value, limit in zip(cost, limits):
                self.assertLessEqual(value, limit)

    def test_idle(self):
        self.check(WITHOUT_NOTIFY, "IDLE on INBOX, LIST-STATUS every 1 s", LIMITS)
