"""Two servers: how the local one is waited for, and what it says of itself while the other one waits."""

from rig import compare, imapserver, modelserver, populate, stays, wait_until
from rig.modelserver import Model
from rig.waiting import POLL, WaitingTest, endpoint, mail

MAILBOXES = ["INBOX", "list"]


class Ladder(WaitingTest):
    """Dovecot on both sides, of which the local one is used as if it had less to offer: changes in each mailbox on
    each side are seen."""

    def check(self, extensions, waits):
        here = self.server("mdbox", name="here")
        there = self.server(name="there")
        sessions = {server: self.session(server) for server in (here, there)}
        populate.fill(sessions[there], MAILBOXES, 3, holes=False)
        account = self.acc = self.account(there)
        account.use_local_server(here)
        account.local["disable-extensions"] = extensions
        account.write_config(POLL)
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            wait_until(lambda: self.status()["local_waits"] == waits, waits, interval=0.1)
            self.assertEqual(self.status()["waits"], "NOTIFY")
            for n, mailbox in enumerate(MAILBOXES):
                for session in sessions.values():
                    session.append(mailbox, mail(f"{n}{id(session)}"))
            for session in sessions.values():
                for mailbox in MAILBOXES:
                    self.wait_for(session, mailbox, 5)
            for mailbox in MAILBOXES:
                for session in sessions.values():
                    session.select(mailbox)
                    session.expunge(session.uids()[0])
                    for other in sessions.values():
                        self.wait_for(other, mailbox, 4 if session is sessions[here] else 3)
            daemon.wait_in_sync()
            self.assertNotIn("trying again", daemon.log())
        self.assert_same(*map(compare.remote, sessions.values()))

    @staticmethod
    def wait_for(session, mailbox, count):
        def has():
            session.select(mailbox)
            return len(session.uids()) == count

        wait_until(has, f"{mailbox} has {count} messages", interval=0.1)

    def test_idle(self):
        self.check("NOTIFY", "IDLE on INBOX, LIST-STATUS every 1 s")

    def test_polls_only(self):
        self.check("NOTIFY IDLE LIST-STATUS", "STATUS every 1 s, of quiet mailboxes more rarely")


class Patience(WaitingTest):
    """Scripted servers on both sides. What one of them says of itself is told as such, and the other one neither
    loses its connection nor hears more than it has to."""

    def begin(self, local):
        """The @local model beside a good one; the daemon looks each second."""
        self.local, self.remote = modelserver.start(local), modelserver.start(Model)
        for server in (self.local, self.remote):
            self.addCleanup(server.close)
        self.remote.store.deliver("INBOX", mail("down"))
        self.acc = self.account(settings=endpoint(self.remote) | {"timeout": "5s", "maildir": None})
        self.acc.local = endpoint(self.local) | {"user": "alice", "password": "secret"}
        self.acc.write_config(POLL)

    def assert_well(self):
        """A message has gone each way."""
        self.local.store.deliver("INBOX", mail("up"))
        for server in (self.local, self.remote):
            wait_until(lambda server=server: len(server.store.mailboxes["INBOX"].messages) == 2, "both have both")
        self.wait("state", "in sync")
        self.assertEqual(self.local.problems + self.remote.problems, [])
        self.assertEqual(len(self.remote.conversations), 1)

    def assert_quiet(self):
        """The remote server is not spoken to: nothing that it could say can be used."""
        wait_until(lambda: stays(lambda: len(self.remote.heard()), 0.5) is None, "it is left alone", interval=0)
        self.assertIsNone(stays(lambda: len(self.remote.heard()), 2.5))

    def test_throttled(self):
        class Throttles(Model):
            said = False

            def do_SELECT(self, tag, rest, mode="READ-WRITE"):
                if not Throttles.said:
                    Throttles.said = True
                    self.say(f"{tag} BAD Request is throttled. Suggested Backoff Time: 6000 milliseconds")
                    return
                super().do_SELECT(tag, rest, mode)

        self.begin(Throttles)
        self.local.store.deliver("INBOX", mail("down"))
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("sentence", "the local server asks us to wait: “Request is throttled.")
            self.assertEqual(found["state"], "waiting")
            self.assertNotIn("the server", found["sentence"])
            heard = len(self.local.heard())
            self.assert_quiet()
            self.assertEqual(len(self.local.heard()), heard)
            self.assert_well()
            self.assertEqual(len(self.local.conversations), 1)

    def test_login_limit(self):
        class Limits(Model):
            n = 0

            def do_LOGIN(self, tag, rest):
                Limits.n += 1
                if Limits.n == 1:
                    self.say(f"{tag} NO [LIMIT] Too many connections. Suggested Backoff Time: 6000 milliseconds")
                    return
                super().do_LOGIN(tag, rest)

        self.begin(Limits)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("sentence", "Too many connections")
            self.assertTrue(found["sentence"].startswith("the local server "), found["sentence"])
            self.assertIn("trying again in 6 s", found["sentence"])
            self.assert_quiet()
            self.assert_well()
            self.assertEqual(Limits.n, 2)

    def test_bad_password(self):
        """A person must act: until then it is not tried again, whoever asks the other server. Then reload is enough."""
        class Refuses(Model):
            def do_LOGIN(self, tag, rest):
                if "secret" in rest:
                    self.say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")
                    return
                super().do_LOGIN(tag, rest)

        self.begin(Refuses)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("state", "refused")
            self.assertTrue(found["sentence"].startswith("the local server refuses the user name or password"),
                            found["sentence"])
            self.assert_quiet()
            self.assertEqual(sum(b"LOGIN" in line for line in self.local.heard()), 1)
            self.assertEqual(len(self.remote.conversations), 1)
            self.assertNotEqual(self.acc.ctl("sync", "--wait").status, 0)
            self.assertEqual(len(self.remote.conversations), 1)

            self.acc.local["password"] = "better"
            self.acc.write_config(POLL)
            self.assertEqual(self.acc.ctl("reload").status, 0)
            daemon.wait_in_sync()
        self.assertEqual(len(self.local.store.mailboxes["INBOX"].messages), 1)

    def test_bad_password_once(self):
        class Refuses(Model):
            def do_LOGIN(self, tag, rest):
                self.say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")

        self.begin(Refuses)
        result = self.once(self.acc, status=1)
        self.assertIn("test: the local server refuses the user name or password", result.err)
        self.assertEqual(len(self.local.conversations), 1)

    def test_session_ended(self):
        class Expires(Model):
            n = 0

            def do_IDLE(self, tag, rest):
                Expires.n += 1
                if Expires.n == 1:
                    self.say("* BYE Session expired, please login again.")
                    return True
                super().do_IDLE(tag, rest)

        self.begin(Expires)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            wait_until(lambda: len(self.local.conversations) == 2, "it connects again")
            self.assert_well()
            self.assertIn("the local server has ended the session", daemon.log())

    def test_no_storm(self):
        """One that greets and goes is tried more and more rarely, and the remote one is left alone."""
        with imapserver.Server(lambda talk: talk.say(b"* OK hello\r\n")) as server:
            self.begin(Model)
            self.acc.local |= endpoint(server)
            self.acc.write_config(POLL)
            with self.acc.daemon() as daemon:
                daemon.wait_ready()
                wait_until(lambda: len(server.conversations) == 2, "it is tried again")
                self.wait("sentence", "the local server: ")
                self.assert_quiet()
                self.assertLess(len(server.conversations), 5)
                self.assertEqual(len(self.remote.conversations), 1)
