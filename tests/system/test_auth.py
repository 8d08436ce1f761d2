"""Logging in: every way, the strongest of them, and servers that want a weaker one or are not who they say."""

import base64
import os
import random
import re
import unittest

from rig import SANITIZED, auth, case, dovecot, imapserver, number, populate, stays, wait_until

# Of a token, in seconds; and sessions of the long run, each ended by the server.
LIFETIME, SESSIONS = 3, number("SESSIONS", 12)
MECHANISMS = "plain login cram-md5 scram-sha-1 scram-sha-256"


def methods(text):
    """How it has logged in, as the dialogue in the log tells."""
    found = re.findall(r"C: \d+ (?:AUTHENTICATE (\S+)|(LOGIN))", text)
    return [a or b for a, b in found]


class Mechanisms(case.SystemTest):
    """Real logins on a Dovecot, which checks what it is told."""

    def server_with(self, mechanisms, name="server", settings=""):
        return self.server(name=name, settings=f"auth_mechanisms = {mechanisms}\n{settings}")

    def fill(self, server):
        with server.session() as other:
            populate.fill(other, ["INBOX"], 3, holes=False)

    def check(self, account, server, method, status=0):
        result = self.once(account, "-vv", status=status, timeout=60)
        self.assertEqual(methods(result.err)[-1:], [method], result.err[-2000:])
        self.assertNotIn(dovecot.PASSWORD, result.out + result.err)
        if status == 0:
            self.assert_equal_sides(account, server)
        return result

    def test_the_strongest(self):
        server = self.server_with(MECHANISMS)
        self.fill(server)
        self.check(self.account(server, tls="implicit"), server, "SCRAM-SHA-256")
        self.check(self.account(server, name="starttls", tls="starttls"), server, "SCRAM-SHA-256")
        self.check(self.account(server, name="clear", tls="none"), server, "SCRAM-SHA-256")

    def test_each_that_is_asked_for(self):
        server = self.server_with(MECHANISMS)
        self.fill(server)
        for name in ("scram-sha-256", "scram-sha-1", "cram-md5", "plain", "login"):
            with self.subTest(name):
                account = self.account(server, name=name, settings={"auth": name})
                self.check(account, server, name.upper())

    def test_with_less_and_less(self):
        rows = (("plain login cram-md5 scram-sha-1", "SCRAM-SHA-1", "SCRAM-SHA-1"),
                ("plain login cram-md5", "LOGIN", "CRAM-MD5"),
                ("plain login", "LOGIN", "LOGIN"))
        for n, (mechanisms, encrypted, clear) in enumerate(rows):
            with self.subTest(mechanisms):
                server = self.server_with(mechanisms, name=f"server{n}")
                self.fill(server)
                self.check(self.account(server, name=f"tls{n}"), server, encrypted)
                self.check(self.account(server, name=f"clear{n}", tls="none"), server, clear)

    def test_login_without_the_command(self):
        """Neither LOGIN nor PLAIN: the mechanism LOGIN. The name and the password are not shown."""
        capability = "IMAP4rev1 LITERAL+ SASL-IR ENABLE UIDPLUS LOGINDISABLED"
        server = self.server(capability=capability)
        self.fill(server)
        server.stop()
        server.settings = "auth_mechanisms = login\n"
        server.start()
        account = self.account(server)
        for _ in range(2):
            result = self.once(account, "-vv")
            self.assertEqual(re.findall(r"C: \d+ (AUTHENTICATE.*|LOGIN)", result.err), ["AUTHENTICATE LOGIN"])
            for secret in (dovecot.PASSWORD, base64.b64encode(dovecot.PASSWORD.encode()).decode()):
                self.assertNotIn(secret, result.out + result.err)
        wrong = self.account(server, name="wrong", settings={"password": "wrong"})
        self.assertIn("refuses the user name or password", self.once(wrong, status=1).err)
        server.stop()
        server.settings = ""  # who compares logs in by the command
        server.start()
        self.assert_equal_sides(account, server)

    def test_not_offered(self):
        server = self.server_with("plain login")
        account = self.account(server, settings={"auth": "scram-sha-256"})
        result = self.once(account, "-vv", status=1)
        self.assertIn("SCRAM-SHA-256, which “auth” asks for", result.err)
        self.assertEqual(methods(result.err), [])

    def test_wrong_password(self):
        server = self.server_with(MECHANISMS)
        for name in ("automatic", "scram-sha-1", "cram-md5", "plain"):
            with self.subTest(name):
                account = self.account(server, name=name, settings={"auth": name, "password": "wrong"})
                result = self.once(account, "-vv", status=1)
                self.assertIn("refuses the user name or password", result.err)
                self.assertEqual(len(methods(result.err)), 1, result.err)

    def test_beyond_ascii(self):
        """The password is said as it is written."""
        server = self.server(settings=f"auth_mechanisms = {MECHANISMS}")
        server.stop()
        config = server.directory / "dovecot.conf"
        write = server._write_config

        def write_with_another_password():
            write()
            config.write_text(config.read_text().replace(dovecot.PASSWORD, "Größe€42"))

        server._write_config = write_with_another_password
        server.start()
        for name in ("scram-sha-256", "cram-md5", "plain"):
            with self.subTest(name):
                account = self.account(server, name=name, settings={"auth": name, "password": "Größe€42"})
                self.assertEqual(methods(self.once(account, "-vv").err), [name.upper()])

    def test_client_certificate(self):
        ca = f"ssl_ca = <{self.directory}/server/ca.pem\nssl_require_crl = no\nssl_verify_client_cert = yes\n"
        server = self.server_with("plain login external", settings=ca + """\
auth_ssl_username_from_cert = yes
ssl_cert_username_field = commonName
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}
""")
        self.fill(server)
        dovecot.make_certificate(server.directory, "alice", ["alice"], ca="ca")
        dovecot.make_certificate(server.directory, "bob", ["bob"], ca="ca")
        settings = {"password": None, "tls-certificate": server.directory / "alice.pem",
                    "tls-key": server.directory / "alice.key"}
        for path in server.directory.glob("*.key"):
            path.chmod(0o600)
        account = self.account(server, settings=settings)
        self.check(account, server, "EXTERNAL")
        self.check(account, server, "EXTERNAL")
        both = self.account(server, name="both", settings=settings | {"password": dovecot.PASSWORD})
        self.check(both, server, "EXTERNAL")

        bob = {"tls-certificate": server.directory / "bob.pem", "tls-key": server.directory / "bob.key"}
        account = self.account(server, name="bob", settings=settings | bob)
        self.assertIn("certificate", self.check(account, server, "EXTERNAL", status=1).err)
        account = self.account(server, name="torn", settings=settings | {"tls-key": server.directory / "bob.key"})
        self.assertIn("belongs to tls-certificate", self.once(account, status=1).err)
        (server.directory / "alice.key").chmod(0o644)
        account = self.account(server, name="open", settings=settings)
        self.assertIn("chmod 600", account.once().err)

    def test_weaker_than_before(self):
        """With TLS a sentence, once; without it nothing is said to the server."""
        server = self.server_with(MECHANISMS)
        self.fill(server)
        tls, clear = self.account(server), self.account(server, name="clear", tls="none")
        for account in (tls, clear):
            self.check(account, server, "SCRAM-SHA-256")
        server.stop()
        server.settings = "auth_mechanisms = plain login"
        server.start()

        said = "offered to log in by SCRAM-SHA-256 before, and offers only LOGIN now"
        self.assertIn(said, self.check(tls, server, "LOGIN").err)
        self.assertNotIn(said, self.check(tls, server, "LOGIN").err)
        for _ in range(2):
            result = self.once(clear, "-vv", status=1)
            self.assertIn(said, result.err)
            self.assertEqual(methods(result.err), [])
        clear.settings["auth"] = "login"
        clear.write_config()
        self.check(clear, server, "LOGIN")


class FalseServers(case.SystemTest):
    """They offer SCRAM and do not know the password, or do not do what it says."""

    CAPABILITY = b"IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN"

    def check(self, authenticate, *words):
        """authenticate(conversation, tag, line)"""
        def script(talk):
            talk.serve({"AUTHENTICATE": authenticate, "*": lambda *_: False}, self.CAPABILITY)

        with imapserver.Server(script) as server:
            account = self.account(settings={"host": server.host, "port": server.imap_port, "tls": "none"})
            result = self.once(account, status=1, timeout=60)
            self.assertEqual(server.problems, [])
            heard = server.heard()
        for word in words:
            self.assertIn(word, result.err)
        self.assertEqual(len(server.conversations), 1)
        return heard

    def scram(self, **options):
        """Answer as a SCRAM server with these options would."""
        def authenticate(talk, tag, line):
            server = auth.Scram(**options)
            first = auth.decode(line.split()[-1])
            talk.say(b"+ " + auth.b64(server.challenge(first)) + b"\r\n")
            last = talk.line()
            if last != b"*":
                talk.say(b"+ " + auth.b64(server.verify(auth.decode(last))[1]) + b"\r\n")
                talk.hang()
            return True

        return authenticate

    def test_without_the_password(self):
        heard = self.check(self.scram(password="guess"), "cannot prove that it knows the password")
        self.assertEqual(len(heard), 2, heard)  # the first message and the proof: no command after it

    def test_the_right_one_gets_on(self):
        """So that the test before fails when it should."""
        def authenticate(talk, tag, line):
            self.assertTrue(auth.serve_scram(talk, line, auth.Scram()))
            talk.say(tag + b" NO [UNAVAILABLE] but not now\r\n")
            talk.hang()
            return True

        self.check(authenticate, "but not now")

    def test_too_cheap(self):
        heard = self.check(self.scram(iterations=100), "fewer than 4096 times")
        self.assertEqual(heard[-1], b"*")

    def test_too_dear(self):
        heard = self.check(self.scram(iterations=1_000_000_000), "more than 2000000 times")
        self.assertEqual(heard[-1], b"*")

    def test_yes_without_proof(self):
        def authenticate(talk, tag, line):
            talk.say(tag + b" OK come in\r\n")
            talk.hang()
            return True

        heard = self.check(authenticate, "does not prove that it knows the password")
        self.assertEqual(len(heard), 1)

    def test_nonsense(self):
        def authenticate(talk, tag, line):
            talk.say(b"+ " + auth.b64(b"what?") + b"\r\n")
            talk.hang()
            return True

        self.check(authenticate, "no SCRAM")


    def test_memory_of_the_offer(self):
        """What is told after the login has nothing of the ways to do that, and does not make them forgotten."""
        def authenticate(talk, tag, line):
            self.assertTrue(auth.serve_scram(talk, line, auth.Scram()))
            talk.say(tag + b" OK in\r\n")

        def capability(talk, tag, line):
            talk.say(b"* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + b" OK done\r\n")

        def script(talk):
            talk.serve({"AUTHENTICATE": authenticate, "CAPABILITY": capability,
                        "LIST": b'* LIST () "/" INBOX\r\n', "STATUS": b"* STATUS INBOX " + counts + b"\r\n",
                        "SELECT": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 1] .\r\n"},
                       self.CAPABILITY)

        counts = b"(MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1 UNSEEN 0)"
        with imapserver.Server(script) as server:
            account = self.account(settings={"host": server.host, "port": server.imap_port, "tls": "none"})
            for _ in range(3):  # the second time its capabilities are remembered, and asked for without waiting
                self.once(account, timeout=60)
                self.assertTrue(any("AUTH=SCRAM-SHA-256" in row and "IDLE" in row for row in account.rows()))
            self.assertEqual(server.problems, [])


class ChannelBinding(case.SystemTest):
    """SCRAM-PLUS over real TLS. Dovecot 2.3 has none, so the other side is a script behind OpenSSL's s_server."""

    CAPABILITY = b"IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-1-PLUS AUTH=PLAIN"

    def certificates(self):
        directory = self.directory / "certificates"
        directory.mkdir()
        dovecot.make_certificate(directory, "ca", [])
        dovecot.make_certificate(directory, "server", ["localhost", "127.0.0.1"], ca="ca")
        return directory

    def talk(self, capability, *options, forge=False, settings=None):
        """One login; (lines of the client, did the server let it in?, what the client printed)"""
        seen = []

        def script(talk):
            exporter = b"x" * 32 if forge else talk.exporter

            def authenticate(talk, tag, line):
                seen.append(auth.decode(line.split()[-1]))
                name = "sha1" if b"SCRAM-SHA-1" in line else "sha256"
                is_in = auth.serve_scram(talk, line, auth.Scram(name, exporter=exporter))
                seen.append(is_in)
                talk.say(tag + (b" NO [UNAVAILABLE] later\r\n" if is_in else b" NO proof is wrong\r\n"))
                return True

            talk.serve({"AUTHENTICATE": authenticate}, capability)

        with auth.TlsServer(self.certificates(), script, *options) as server:
            account = self.account(settings={"host": "localhost", "port": server.imaps_port,
                                             "ca-file": server.ca_file} | (settings or {}))
            result = self.once(account, "-vv", status=1, timeout=60)
            self.assertTrue(server.problems.empty(), server.problems.queue)
        return methods(result.err), seen, result.err

    def test_bound(self):
        used, seen, _ = self.talk(self.CAPABILITY, "-tls1_3")
        self.assertEqual(used, ["SCRAM-SHA-256-PLUS"])
        self.assertTrue(seen[0].startswith(b"p=tls-exporter,,n=alice,r="), seen)
        self.assertIs(seen[1], True)

    def test_bound_by_sha_1(self):
        used, seen, _ = self.talk(self.CAPABILITY.replace(b" AUTH=SCRAM-SHA-256-PLUS", b""), "-tls1_3")
        self.assertEqual(used, ["SCRAM-SHA-1-PLUS"])
        self.assertIs(seen[1], True)

    def test_somebody_in_between(self):
        """Another connection has another exporter: the server sees that it is not the client's."""
        used, seen, err = self.talk(self.CAPABILITY, "-tls1_3", forge=True)
        self.assertEqual(used, ["SCRAM-SHA-256-PLUS"])
        self.assertIs(seen[1], False)
        self.assertIn("proof is wrong", err)

    def test_offer_struck_from_the_list(self):
        """The client says that it could have, so that a server that did offer it knows."""
        used, seen, _ = self.talk(b"IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256", "-tls1_3")
        self.assertEqual(used, ["SCRAM-SHA-256"])
        self.assertTrue(seen[0].startswith(b"y,,n=alice"), seen)
        self.assertIs(seen[1], True)

    def test_old_tls(self):
        used, seen, _ = self.talk(self.CAPABILITY, "-tls1_2")
        self.assertEqual(used, ["SCRAM-SHA-256"])
        self.assertTrue(seen[0].startswith(b"n,,n=alice"), seen)

    def test_asked_for_without(self):
        used, seen, _ = self.talk(self.CAPABILITY, "-tls1_3", settings={"auth": "scram-sha-256"})
        self.assertEqual(used, ["SCRAM-SHA-256"])
        self.assertTrue(seen[0].startswith(b"n,,n=alice"), seen)
        self.assertIs(seen[1], True)


class Tokens(case.SystemTest):
    """Access tokens of OAuth, on a Dovecot that checks their signature and their end."""

    def start(self, lifetime=3600, tells=True, modes=(), name="account", settings=None):
        issuer = auth.Issuer(self.directory / f"issuer-{name}", lifetime, tells)
        server = self.server(name=f"server-{name}", settings=issuer.settings())
        with server.session() as other:
            populate.fill(other, ["INBOX"], 3, holes=False)
        account = self.account(server, name=name, settings={
            "password": None, "token-command": issuer.command(*modes)} | (settings or {}))
        return issuer, server, account

    def test_both_dialects(self):
        for n, name in enumerate(("automatic", "oauthbearer", "xoauth2")):
            with self.subTest(name):
                issuer, server, account = self.start(name=name, settings={"auth": name})
                result = self.once(account, "-vv")
                self.assertEqual(methods(result.err), ["XOAUTH2" if name == "xoauth2" else "OAUTHBEARER"])
                self.assert_equal_sides(account, server)
                self.assertEqual(issuer.n_asked(), 1)
                self.assertNotIn("eyJ", result.out + result.err)  # how a token begins

    def test_refused_then_fresh(self):
        """A token that has ended is asked for again, at once."""
        issuer, server, account = self.start(modes=["stale"])
        result = self.once(account, "-vv", timeout=60)
        self.assertEqual(issuer.n_asked(), 2)
        self.assertIn("asking for a fresh one", result.err)
        self.assert_equal_sides(account, server)

    def test_refused_again(self):
        """And only once: then a person is told, in the server's words."""
        for name in ("oauthbearer", "xoauth2"):
            with self.subTest(name):
                issuer, server, account = self.start(modes=["always-stale"], name=name, settings={"auth": name})
                result = self.once(account, "-vv", status=1, timeout=60)
                self.assertEqual(issuer.n_asked(), 2)
                self.assertEqual(len(methods(result.err)), 2)
                self.assertIn("the server refuses the token: “{", result.err)

    def test_no_hammering(self):
        """The daemon asks twice, and then waits for a person, each of whose questions is one login more."""
        issuer, server, account = self.start(modes=["always-stale"])
        with account.daemon() as daemon:
            daemon.wait_ready()
            for n in range(2, 5):
                wait_until(lambda n=n: issuer.n_asked() == n and self.is_refused(account),
                           "the account is refused")
                self.assertIsNone(stays(issuer.n_asked, 2.5))  # longer than any first wait
                account.ctl("sync")
            wait_until(lambda: issuer.n_asked() == 5, "the last question")
            daemon.stop()
        self.assertEqual(issuer.n_asked(), 5)

    @staticmethod
    def is_refused(account):
        return "refuses the token" in account.ctl("status").out

    def test_command_that_fails(self):
        """Who issues tokens may be down: that is tried again, and nothing is lost."""
        issuer, server, account = self.start()
        good = account.settings["token-command"]
        account.settings["token-command"] = f"test -e {self.directory}/up || {{ echo down >&2; exit 1; }}; {good}"
        account.write_config()
        with account.daemon() as daemon:
            daemon.wait_ready()
            wait_until(lambda: "no token: the token command exited with status 1: down" in account.ctl("status").out,
                       "the account says so")
            (self.directory / "up").write_text("")
            wait_until(lambda: account.ctl_json("status")[0]["state"] == "in sync",
                       "it comes in sync by itself")
            daemon.stop()
        self.assert_equal_sides(account, server)

    def test_single_flight(self):
        """Who asks for a sync while the command runs waits for that one: it is not begun again."""
        issuer, server, account = self.start()
        good = account.settings["token-command"]
        gate = self.directory / "gate"
        os.mkfifo(gate)
        account.settings["token-command"] = f"echo x >> {self.directory}/begun; cat {gate}; {good}"
        account.write_config()
        begun = self.directory / "begun"
        with account.daemon() as daemon:
            daemon.wait_ready()
            wait_until(begun.exists, "the command runs")
            for _ in range(3):
                self.assertEqual(account.ctl("sync").status, 0)
            gate.write_text("")  # returns when the command has opened it
            daemon.wait_in_sync()
            daemon.stop()
        self.assertEqual(begun.read_text(), "x\n")
        self.assertEqual(issuer.n_asked(), 1)
        self.assert_equal_sides(account, server)

    def test_long_run(self):
        """The server ends each session with its token. Each is followed by the next, and each message arrives;
        the command runs once for each token, never two at a time, and one that is good is used again."""
        issuer, server, account = self.start(lifetime=LIFETIME)
        folder = account.tree.folder("INBOX")
        ended = 0
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            for n in range(SESSIONS):
                before = len(folder.files())
                with server.session() as other:
                    other.append("INBOX", populate.message(random.Random(n), f"after {n} ends"))
                wait_until(lambda: len(folder.files()) == before + 1, "the message arrives", deadline=60)
                server.doveadm("kick", "alice")
                ended += 1
                daemon.wait_in_sync()
            daemon.stop()
            log = daemon.log()
        self.assert_equal_sides(account, server)
        self.assertNotIn("refuses the token", log)
        logins = log.count(": connected")
        self.assertGreaterEqual(logins, ended + 1, log[-2000:])
        # Not more than its time allows, and not one for each login.
        first, last = self.asked_between(issuer)
        self.assertLessEqual(issuer.n_asked(), (last - first) / (LIFETIME * 0.9) + 2)
        self.assertGreaterEqual(issuer.n_asked(), 3)

    @staticmethod
    def asked_between(issuer):
        times = [float(line.split()[0]) for line in issuer.asked.read_text().splitlines()]
        return times[0], times[-1]


def find_in_memory(pid, needle):
    """(where, what is mapped there, is it locked?) of every place in a process that holds these bytes."""
    found, locked = [], {}
    for line in open(f"/proc/{pid}/smaps", encoding="utf-8"):
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            start = int(match[1], 16)
        elif line.startswith("Locked:"):
            locked[start] = int(line.split()[1]) > 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            low, high, mode, what = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line).groups()
            if "r" not in mode or what.startswith("[v"):
                continue
            memory.seek(int(low, 16))
            for match in re.finditer(re.escape(needle), memory.read(int(high, 16) - int(low, 16))):
                found.append((hex(int(low, 16) + match.start()), what, locked.get(int(low, 16))))
    return found


class Memory(case.SystemTest):
    """Where the secret is in the daemon, once it has logged in: in memory that is locked, and nowhere else."""

    def check(self, account, secret, *forms):
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            found = find_in_memory(daemon.pid, secret)
            self.assertEqual(len(found), 1, found)
            self.assertTrue(found[0][2], found)
            for form in forms:
                self.assertEqual(find_in_memory(daemon.pid, form), [])
            daemon.stop()

    @unittest.skipIf(SANITIZED, "the sanitizer keeps what was freed")
    def test_password(self):
        server = self.server(settings=f"auth_mechanisms = {MECHANISMS}")
        secret = self.directory / "secret"
        secret.write_text(dovecot.PASSWORD + "\n")
        said = auth.b64(b"\0alice\0" + dovecot.PASSWORD.encode())
        for name in ("plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"):
            with self.subTest(name):
                account = self.account(server, name=name, settings={
                    "auth": name, "password": None, "password-command": f"cat {secret}"})
                self.check(account, dovecot.PASSWORD.encode(), said)

    @unittest.skipIf(SANITIZED, "the sanitizer keeps what was freed")
    def test_token(self):
        for name in ("oauthbearer", "xoauth2"):
            with self.subTest(name):
                issuer = auth.Issuer(self.directory / f"issuer-{name}")
                server = self.server(name=f"server-{name}", settings=issuer.settings())
                account = self.account(server, name=name, settings={
                    "auth": name, "password": None, "token-command": issuer.command()})
                # The head of each token is the same; in what is said it is in base64 once more.
                self.check(account, b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.", b"Bearer eyJhbGciOi")


class Hammering(case.SystemTest):
    """A wrong password is said once for each time that a person asks."""

    def test_wrong_password(self):
        asked = []

        def login(talk, tag, line):
            asked.append(line)
            talk.say(tag + b" NO [AUTHENTICATIONFAILED] wrong password\r\n")

        with imapserver.Server(lambda talk: talk.serve({"LOGIN": login})) as server:
            account = self.account(settings={"host": server.host, "port": server.imap_port, "tls": "none",
                                             "password": "wrong"})
            folder = account.tree.folder("INBOX").create()
            folder.deliver(b"Message-ID: <1@local>\r\n\r\nhello\r\n", "1700.local.host", "S")
            with account.daemon() as daemon:
                daemon.wait_ready()
                for n in range(1, 4):
                    wait_until(lambda n=n: len(asked) == n and account.ctl_json("status")[0]["state"] == "refused",
                               "the account is refused")
                    self.assertIn("the server refuses the user name or password: “wrong password”",
                                  account.ctl("status").out)
                    self.assertIsNone(stays(lambda: len(asked), 2.5))
                    if n < 3:
                        account.ctl("sync")
                daemon.stop()
                log = daemon.log()
            self.assertEqual(len(server.conversations), 3)
        self.assertEqual(log.count("refuses the user name or password"), 3)
        self.assertEqual(len(folder.files()), 1)
