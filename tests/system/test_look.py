"""A look at all mailboxes on a connection that is open: one question, a few bytes a mailbox, and no more is opened
than has changed."""

import re
import unittest

from rig import SANITIZED, case, number, populate
from rig.proxy import Proxy

MAILBOXES = number("MAILBOXES", 300)
CHANGED = 3
QUESTION = 400  # bytes that do not depend on the number of mailboxes
A_MAILBOX = 8  # bytes, both ways together
# As Dovecot, but for NOTIFY: what others change is found by the look alone.
NO_NOTIFY = ("IMAP4rev1 SASL-IR LITERAL+ ENABLE SPECIAL-USE MULTIAPPEND UNSELECT NAMESPACE UIDPLUS LIST-EXTENDED"
             " CONDSTORE QRESYNC ESEARCH MOVE LIST-STATUS COMPRESS=DEFLATE")


@unittest.skipIf(SANITIZED, "bytes do not depend on the build")
class Look(case.SystemTest):
    def prepare(self, **options):
        """Some hundred mailboxes with a message each, in sync, behind a proxy that counts."""
        self.dovecot = self.server("mdbox", **options)
        self.other = self.session(self.dovecot)
        self.names = populate.plain_names(MAILBOXES)
        for name in self.names:
            if name != "INBOX":
                self.other.create(name)
            populate.fill_small(self.other, name, 1, seed=name)
        self.proxy = Proxy("127.0.0.1", self.dovecot.imap_port)
        self.addCleanup(self.proxy.close)
        self.acc = self.account(self.dovecot, tls="none",
                                settings={"host": self.proxy.host, "port": self.proxy.port})
        self.acc.write_config("[daemon]\npoll-interval = 1h\n")

    def look(self):
        """imapsyncctl sync --wait: round trips and bytes."""
        before = self.proxy.round_trips, self.proxy.down + self.proxy.up
        result = self.acc.ctl("sync", "--wait")
        self.assertEqual(result.status, 0, str(result))
        return self.proxy.round_trips - before[0], self.proxy.down + self.proxy.up - before[1]

    def runs(self, daemon):
        """Mailboxes that the daemon has opened, as its log has it."""
        return len(re.findall(r"C: .*(?:SELECT|EXAMINE) ", daemon.log()))

    def test_nothing_has_changed(self):
        """After the first sync, and after a start at which nothing was to be done."""
        self.prepare()
        for label in "first", "again":
            with self.subTest(label), self.acc.daemon("-vv") as daemon:
                daemon.wait_in_sync()
                self.look()  # what the daemon had to say to wait, NOTIFY for one, is answered before that
                selected = self.runs(daemon)
                round_trips, size = self.look()
                print(f"  {label}: {round_trips} round trips, {size / MAILBOXES:.1f} B a mailbox", flush=True)
                self.assertEqual(round_trips, 1)
                self.assertEqual(self.runs(daemon), selected)
                self.assertLess(size, QUESTION + A_MAILBOX * MAILBOXES)

    def test_few_have_changed(self):
        """On the server, unheard, and on the disk: those alone are opened."""
        self.prepare(capability=NO_NOTIFY)
        with self.acc.daemon("-vv") as daemon:
            daemon.wait_in_sync()
            self.look()
            selected = self.runs(daemon)
            for name in self.names[1:1 + CHANGED]:
                self.other.select(name)
                self.other.store("1", "+", ["\\Answered"])
            self.acc.tree.folder(self.names[-1]).deliver(b"Message-ID: <here@example.org>\r\n\r\nhere\r\n", "1.here")
            self.look()
            self.assertLessEqual(self.runs(daemon) - selected, CHANGED + 1)
            self.assertGreater(self.runs(daemon), selected)
            self.assert_equal_sides(self.acc, self.dovecot)


# How often a run with --once waits for the server, beside connect(2) and its greeting. A first sync takes 3 in a
# tmpfs, and on a disk often one more: perhaps the server's BYE, which nobody has looked at yet.
ROUND_TRIPS = {"first sync": 4, "nothing to do": 1, "one new message": 3}


class Once(case.SystemTest):
    """What can travel together does."""

    def test_round_trips(self):
        """A server that happens to answer in two pieces seems to be asked once more: so another account tries."""
        self.dovecot = self.server("mdbox")
        self.other = self.session(self.dovecot)
        populate.fill(self.other, ["INBOX"], 100)
        for attempt in range(3):
            over = self.measure(f"account{attempt}")
            if not over:
                break
        self.assertEqual(over, [])

    def measure(self, name):
        """What took too many."""
        proxy = Proxy("127.0.0.1", self.dovecot.imap_port)
        self.addCleanup(proxy.close)
        account = self.account(self.dovecot, name, tls="none", settings={"host": proxy.host, "port": proxy.port})
        over = []
        for label, limit in ROUND_TRIPS.items():
            if label == "one new message":
                self.other.append("INBOX", b"Message-ID: <%b@example.org>\r\n\r\nnew\r\n" % name.encode())
            before = proxy.round_trips
            self.once(account)
            found = proxy.round_trips - before
            print(f"  {label}: {found} round trips", flush=True)
            over += [f"{label}: {found}"] if found > limit else []
        self.assert_equal_sides(account, self.dovecot)
        return over
