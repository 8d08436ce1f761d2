"""How the daemon waits: the rungs of the ladder, their cost, and servers that ask for silence."""

import re
import shutil
import time
import unittest

from rig import SANITIZED, imapserver, modelserver, netns, number, populate, stays, wait_until
from rig.modelserver import Model
from rig.waiting import POLL, WaitingTest, endpoint, mail

# One hour of polls each 30 s is 120; the interval is one second here.
POLLS = number("POLLS", 12)
# A poll: bytes in, bytes out, with IP and TCP headers and COMPRESS, without TLS
LIMITS = (1000, 300)

WITHOUT_NOTIFY = ("IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE UIDPLUS UNSELECT LIST-EXTENDED LIST-STATUS"
                  " CONDSTORE QRESYNC ESEARCH MOVE COMPRESS=DEFLATE")


@unittest.skipIf(SANITIZED, "bytes do not depend on the build")
@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
class Cost(WaitingTest):
    def check(self, capability, waits, limits):
        with netns.Link() as link:
            server = self.server("mdbox", addresses=("127.0.0.1", link.address), capability=capability)
            populate.fill(self.session(server), populate.plain_names(75), 20)
            account = self.acc = self.account(server, tls="none", settings={
                "host": link.address, "port": server.imap_port, "allow-cleartext": "yes"})
            account.write_config(POLL)
            account.prefix = link.prefix
            self.once(account)
            with account.daemon("-vv") as daemon:
                daemon.wait_in_sync()
                wait_until(lambda: waits in self.status()["waits"], waits)
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


class Server(WaitingTest):
    """Against a scripted server, with a daemon that looks each second."""

    def serve(self, model, capability=None):
        if capability:
            model = type(model.__name__, (model,), {"capability": capability})
        self.scripted = modelserver.start(model)
        self.addCleanup(self.scripted.close)
        self.store = self.scripted.store
        for name in ("INBOX", "b", "c"):
            self.store.deliver(name, mail(name))
        self.connect(self.scripted)

    def connect(self, server):
        self.acc = self.account(settings=endpoint(server) | {"timeout": "5s"})
        self.acc.write_config(POLL)

    def wait_mail(self, mailbox, n, deadline=30):
        folder = self.acc.tree.folder(mailbox)
        wait_until(lambda: (folder.path / "cur").exists() and len(folder.files()) == n, f"{n} messages in {mailbox}", deadline)

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.scripted.heard())

    def assert_well(self, daemon, warnings=False):
        """In sync, as the server is; no warning unless there was reason for one."""
        self.wait("state", "in sync")
        self.assertEqual(self.scripted.problems, [])
        if not warnings:
            self.assertNotIn("trying again", daemon.log())


class Rungs(Server):
    """The way to wait goes by what the server does, and status says why."""

    def test_notify_that_overflows(self):
        class Overflows(Model):
            capability = modelserver.FULL + " NOTIFY"

            def do_NOTIFY(self, tag, rest):
                self.ok(tag)
                if rest.startswith("SET"):
                    self.say("* OK [NOTIFICATIONOVERFLOW] too much")

        self.serve(Overflows)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("waits", "IDLE on INBOX, LIST-STATUS every 1 s")
            self.assertIn("NOTIFY has overflowed three times", found["waits_why"])
            self.assertEqual(self.count(rb" NOTIFY SET "), 3)
            self.assert_well(daemon)

    def test_idle_that_tells_nothing(self):
        class Dumb(Model):
            """What is new it tells only as the poll ends the IDLE."""

            def do_IDLE(self, tag, rest):
                self.is_mute = True
                super().do_IDLE(tag, rest)

            def tell_news(self):
                if not self.is_mute:
                    super().tell_news()
                self.is_mute = False

        Dumb.is_mute = False
        self.serve(Dumb)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait("waits", "IDLE on INBOX")
            n = 1
            while "IDLE did not tell" not in self.status()["waits_why"]:
                n += 1
                self.assertLess(n, 12)
                self.store.deliver("INBOX", mail(f"new{n}"))
                self.wait_mail("INBOX", n)
                self.wait("state", "in sync")
            self.assertGreater(n, 3)
            self.assertEqual(self.wait("waits", "every 1 s")["waits"], "LIST-STATUS every 1 s")
            self.store.deliver("INBOX", mail("polled"))
            self.wait_mail("INBOX", n + 1)

    def test_idle_that_dies(self):
        class Dies(Model):
            def do_IDLE(self, tag, rest):
                if len(self.server_connections()) > 1:
                    return super().do_IDLE(tag, rest)
                self.say("+ idling")
                self.store.lock.release()
                try:
                    self.talk.hang()  # DONE is heard, and nothing is said
                    while True:
                        self.talk.hang()
                finally:
                    self.store.lock.acquire()

        self.serve(Dies)
        Dies.server_connections = lambda _: self.scripted.conversations
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait("waits_why", "found dead 1 times")
            self.assertIn("did not answer within 5 s", daemon.log())
            self.assert_well(daemon, warnings=True)

    def test_idle_that_chatters(self):
        class Chatters(Model):
            def do_IDLE(self, tag, rest):
                self.say("* OK Still here")
                super().do_IDLE(tag, rest)

        self.serve(Chatters)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait("waits_why", "lines without news")
            self.assert_well(daemon)

    @unittest.skipIf(SANITIZED, "a sanitizer has calls of its own")
    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_chatter_is_only_read(self):
        """Where IDLE may chatter, a line costs one read, and it sleeps again: no timer is set, nothing is written."""
        sessions = []

        class Chatters(Model):
            def do_IDLE(self, tag, rest):
                sessions.append(self)
                super().do_IDLE(tag, rest)

        self.serve(Chatters)
        self.acc.write_config("[daemon]\npoll-interval = 1h\n")
        trace = self.directory / "strace"
        self.acc.strace(trace, "-qq", "-s", "4096")
        heard = lambda: trace.read_text().count("Still here")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.wait("waits", "IDLE on INBOX")
            sessions[-1].say("* OK Still here")  # what the question has begun is over by then
            wait_until(lambda: heard() == 1, "the first line")
            for n in range(2, 7):
                sessions[-1].say("* OK Still here")
                wait_until(lambda: heard() == n, f"line {n}")
            calls = trace.read_text()
        behind = re.findall(r"\n\d+ +recvfrom\(\d+, \"\* OK Still here.*\n\d+ +(\w+)\(", calls)
        self.assertGreaterEqual(len(behind), 4)  # the first may have come with the rest of an answer
        self.assertEqual(set(behind), {"epoll_wait"})

    def test_idle_refused(self):
        class Refuses(Model):
            def do_IDLE(self, tag, rest):
                self.say(f"{tag} NO not today")

        self.serve(Refuses)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait("waits_why", "the server refuses IDLE")
            self.assertEqual(self.count(rb" IDLE"), 1)
            self.store.deliver("INBOX", mail("polled"))
            self.wait_mail("INBOX", 2)

    def test_status_only(self):
        self.serve(Model, "IMAP4rev1 UIDPLUS LITERAL+ UNSELECT")
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("waits", "STATUS every 1 s, of quiet mailboxes more rarely")
            self.assertEqual(found["waits_why"], "the server has neither NOTIFY nor IDLE")
            inbox, cold = rb" STATUS \"?INBOX", rb" STATUS \"?b"
            wait_until(lambda: self.count(inbox) >= 12, "INBOX is asked for")
            self.assertLess(self.count(cold), self.count(inbox) - 2)
            # What changed lately is asked for each time again.
            self.store.deliver("b", mail("new"))
            self.wait_mail("b", 2)
            before = self.count(inbox), self.count(cold)
            wait_until(lambda: self.count(inbox) >= before[0] + 3, "INBOX is asked for three times more")
            self.assertGreaterEqual(self.count(cold), before[1] + 2)


class Patience(Server):
    """A server that asks for time gets it, and no storm of connections."""

    def test_throttled(self):
        class Throttles(Model):
            n_said = 0

            def do_SELECT(self, tag, rest, mode="READ-WRITE"):
                if not Throttles.n_said:
                    Throttles.n_said = len(self.talk.heard)
                    self.say(f"{tag} BAD Request is throttled. Suggested Backoff Time: 3000 milliseconds")
                    return
                super().do_SELECT(tag, rest, mode)

        self.serve(Throttles)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("sentence", "the server asks us to wait: “Request is throttled.")
            self.assertEqual(found["state"], "waiting")
            self.assertIn("going on in 3 s", found["sentence"])
            self.assertGreater(found["retry_usec"], time.time() * 1e6)
            heard = len(self.scripted.heard())
            self.assertEqual(self.status()["state"], "waiting")
            self.assertEqual(len(self.scripted.heard()), heard)
            self.wait_mail("INBOX", 1)
            self.wait_mail("b", 1)
            self.assert_well(daemon, warnings=True)
            self.assertEqual(len(self.scripted.conversations), 1)

    def test_not_connected(self):
        class Lost(Model):
            n = 0

            def do_SELECT(self, tag, rest, mode="READ-WRITE"):
                Lost.n += 1
                if Lost.n == 1:
                    self.say(f"{tag} BAD User is authenticated but not connected."
                             " Suggested Backoff Time: 2000 milliseconds")
                    return
                super().do_SELECT(tag, rest, mode)

        self.serve(Lost)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait("sentence", "authenticated but not connected")
            self.assert_well(daemon, warnings=True)
            self.assertEqual(len(self.scripted.conversations), 2)

    def test_mailbox_in_use(self):
        class InUse(Model):
            n = 0

            def do_SELECT(self, tag, rest, mode="READ-WRITE"):
                if rest.split()[0].strip('"') == "b" and InUse.n < 3:
                    InUse.n += 1
                    self.say(f"{tag} NO [INUSE] somebody else has it")
                    return
                super().do_SELECT(tag, rest, mode)

        self.serve(InUse)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait_mail("INBOX", 1)
            self.wait_mail("c", 1)
            self.wait_mail("b", 1)
            self.assert_well(daemon)
            self.assertEqual(len(self.scripted.conversations), 1)

    def test_login_limit(self):
        class Limits(Model):
            n = 0

            def do_LOGIN(self, tag, rest):
                Limits.n += 1
                if Limits.n == 1:
                    self.say(f"{tag} NO [LIMIT] Too many connections. Suggested Backoff Time: 4000 milliseconds")
                    return
                super().do_LOGIN(tag, rest)

        self.serve(Limits)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("sentence", "Too many connections")
            self.assertIn("trying again in 4 s", found["sentence"])
            self.assert_well(daemon, warnings=True)

    def test_session_expired(self):
        class Expires(Model):
            n = 0

            def do_IDLE(self, tag, rest):
                Expires.n += 1
                if Expires.n == 1:
                    self.say("* BYE Session expired, please login again.")
                    return True
                super().do_IDLE(tag, rest)

        self.serve(Expires)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            wait_until(lambda: len(self.scripted.conversations) == 2, "it connects again")
            self.assert_well(daemon)
            self.assertIn("connecting again", daemon.log())

    def test_good_password_refused(self):
        class Moody(Model):
            n = 0

            def do_LOGIN(self, tag, rest):
                Moody.n += 1
                if Moody.n == 2:
                    self.say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")
                    return
                super().do_LOGIN(tag, rest)

        self.serve(Moody)
        self.once(self.acc)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("sentence", "trying again in 10 s")
            self.assertEqual(found["state"], "waiting")
            self.assert_well(daemon, warnings=True)
            self.assertEqual(Moody.n, 3)

    def test_bad_password_asks_a_person(self):
        class Refuses(Model):
            def do_LOGIN(self, tag, rest):
                self.say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")

        self.serve(Refuses)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait("state", "refused")
            self.assertEqual(self.count(rb"LOGIN "), 1)

    def test_no_storm(self):
        def script(talk):
            talk.say(b"* OK hello\r\n")

        with imapserver.Server(script) as server:
            self.connect(server)
            with self.acc.daemon() as daemon:
                daemon.wait_ready()
                start = time.monotonic()
                while len(server.conversations) < 4:
                    self.acc.ctl("sync")  # a person who cannot wait
                    self.assertLess(time.monotonic() - start, 60)
                self.assertGreater(time.monotonic() - start, 2)
