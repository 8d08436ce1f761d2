"""What nothing-to-do costs on the wire, counted as the InterIMAP benchmark counts it."""

import contextlib
import re
import shutil
import unittest

from rig import SANITIZED, case, netns, number, populate, wait_until

MESSAGES = sorted({100, number("MESSAGES", 10_000)})

# mailboxes: bytes in, bytes out, packets in, packets out, with IP and TCP headers, without TLS
LIMITS = {1: (1250, 540, 7, 7), 75: (1850, 620, 9, 9)}


@unittest.skipIf(SANITIZED, "bytes do not depend on the build")
@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
class Traffic(case.SystemTest):
    def check(self, mailboxes, messages):
        with netns.Link() as link:
            server = self.server("mdbox", f"server{messages}", addresses=("127.0.0.1", link.address))
            session = self.session(server)
            names = populate.plain_names(mailboxes)
            if messages <= 100:
                populate.fill(session, names, messages)
            else:
                for name in names[1:]:
                    session.create(name)
                # The sum is what grows: all in one, some in the others.
                populate.fill_small(session, "INBOX", messages)
                for name in names[1:]:
                    populate.fill_small(session, name, 20, seed=2)
            account = self.account(server, f"account{messages}", tls="none", settings={
                "host": link.address, "port": server.imap_port, "allow-cleartext": "yes",
            })
            account.prefix = link.prefix
            self.once(account, timeout=600)
            self.once(account)
            for _ in range(3):
                over = self.measure(link, account, mailboxes, messages)
                if not over:
                    break
            self.assertEqual(over, [])

    def measure(self, link, account, mailboxes, messages):
        """What is over its limit. A server that happens to answer in two pieces costs two packets more,
        so that it is asked again."""
        results = []
        traffic = link.traffic(lambda: results.append(self.once(account)))
        print(f"  {mailboxes} mailboxes, {messages} messages: {traffic.bytes_in} / {traffic.bytes_out} B,"
              f" {traffic.packets_in} / {traffic.packets_out} packets (in / out),"
              f" {results[0].seconds * 1000:.0f} ms", flush=True)
        return [f"{what}: {value}, not {limit}"
                for value, limit, what in zip(traffic, LIMITS[mailboxes], traffic._fields) if value > limit]

    def test_one_mailbox(self):
        for messages in MESSAGES:
            with self.subTest(messages=messages):
                self.check(1, messages)

    def test_75_mailboxes(self):
        for messages in MESSAGES:
            with self.subTest(messages=messages):
                self.check(75, messages)


# What an event on the server costs a daemon under NOTIFY, by what happens: bytes with the headers of IP and TCP,
# packets, and turns of the loop. A quarter more than it takes here, since a server may answer in two pieces. (The
# kernel's count of switches has the disk's fsync in it.)
EVENTS = {"a flag": (850, 7.5, 4), "gone": (850, 7.5, 4), "new": (1150, 8, 5)}
ROUNDS = 5


@unittest.skipIf(SANITIZED, "bytes do not depend on the build")
@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class LiveTraffic(case.SystemTest):
    """Asked and answered once: a mailbox is unselected in the write that selects it."""

    def test_events_on_the_server(self):
        with netns.Link() as link:
            server = self.server("mdbox", addresses=("127.0.0.1", link.address))
            self.other = self.session(server)
            populate.fill_small(self.other, "INBOX", 50)
            account = self.account(server, tls="none", settings={
                "host": link.address, "port": server.imap_port, "allow-cleartext": "yes",
            })
            account.prefix = link.prefix
            self.once(account)
            self.folder = account.tree.folder("INBOX")
            self.trace = self.directory / "strace"
            account.strace(self.trace, "-e", "trace=/epoll.*wait")
            with account.daemon() as daemon:
                daemon.wait_in_sync()
                over = [sentence for what in EVENTS for sentence in self.measure(link, what)]
                self.assertEqual(over, [])
            self.assert_equal_sides(account, server)

    def turns(self):
        return len(re.findall(r" = [1-9]\d*$", self.trace.read_text(), re.MULTILINE))

    def measure(self, link, what):
        """What is over its limit."""
        turns, before = self.turns(), link.count()
        for n in range(ROUNDS):
            self.change(what, n)
        traffic = link.since(before)
        values = [value / ROUNDS for value in (sum(traffic[:2]), sum(traffic[2:]), self.turns() - turns)]
        print(f"  {what}: {values[0]:.0f} B, {values[1]:.1f} packets, {values[2]:.1f} turns an event", flush=True)
        return [f"{what}: {value}, not {limit}" for value, limit in zip(values, EVENTS[what]) if value > limit]

    def change(self, what, n):
        """One event, and wait for it."""
        names = sorted(path.name for path in self.folder.files())
        self.other.select("INBOX")
        uid = self.other.uids()[n]
        if what == "a flag":
            self.other.store(uid, "+", ["\\Answered"])
        elif what == "gone":
            self.other.expunge(uid)
        else:
            self.other.append("INBOX", b"Message-ID: <new%d@example.org>\r\n\r\nnew\r\n" % n)
        self.other.command("UNSELECT")
        wait_until(lambda: sorted(path.name for path in self.folder.files()) != names, f"{what} arrives")


@unittest.skipIf(SANITIZED, "commands do not depend on the build")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class Echo(case.SystemTest):
    """Under NOTIFY the server cannot say that a change of ours was the only one, so that the mailbox is looked at
    again; but before it is closed, not because of how it stands then."""

    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.other = self.session(self.dovecot)
        populate.fill_small(self.other, "INBOX", 3 * ROUNDS)
        self.acc = self.account(self.dovecot, tls="none", settings={"disable-extensions": "COMPRESS=DEFLATE"})
        self.once(self.acc)
        self.folder = self.acc.tree.folder("INBOX")
        self.trace = self.directory / "strace"
        self.acc.strace(self.trace, "-s", "1000", "-e", "trace=sendto")

    @contextlib.contextmanager
    def waiting(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            wait_until(lambda: self.said("NOTIFY SET") > 0, "the daemon waits under NOTIFY")
            yield
        self.assert_equal_sides(self.acc, self.dovecot)

    def test_changes_here(self):
        with self.waiting():
            for what in (self.flag, self.remove):
                with self.subTest(what=what.__name__):
                    self.check(what)

    def test_changes_on_both_sides(self):
        """What another client does meanwhile arrives, though nobody asks for it."""
        self.other.select("INBOX")
        uids = self.other.uids()
        with self.waiting():
            for n in range(ROUNDS):
                stores = self.said("UID STORE")
                self.flag()
                wait_until(lambda: self.said("UID STORE") > stores, "the change goes up", interval=0)
                self.other.store(uids[-1 - n], "+", ["\\Answered"])
                wait_until(lambda: sum("R" in path.name.partition(":2,")[2] for path in self.folder.files()) == n + 1,
                           "the other's change arrives", deadline=25)

    def said(self, words):
        return len(re.findall(words, self.trace.read_text(errors="replace")))

    def check(self, change):
        words = "NOTIFY SET", r" SELECT INBOX"
        before = [self.said(word) for word in words]
        for n in range(ROUNDS):
            change()
            wait_until(lambda: self.said("NOTIFY SET") > before[0] + n, "the mailbox is closed")
        self.assertEqual(self.acc.ctl("sync", "--wait").status, 0)
        self.assertEqual([self.said(word) - count for word, count in zip(words, before)], [ROUNDS, 2 * ROUNDS])

    def flag(self):
        path = next(path for path in sorted(self.folder.files()) if "F" not in path.name.partition(":2,")[2])
        base, _, flags = path.name.partition(":2,")
        path.rename(path.parent.parent / "cur" / f"{base}:2,{''.join(sorted(flags + 'F'))}")

    def remove(self):
        sorted(self.folder.files())[0].unlink()
