"""Logging in: every way, the strongest of them, and servers that want a weaker one or are not who they say."""

import base64
import os
import random
import re
import shutil

from rig import auth, case, dovecot, imapserver, populate, wait_until

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
