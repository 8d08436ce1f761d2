"""Through a proxy to a server that nothing but the proxy knows: SOCKS5 and HTTP CONNECT."""

import json
import random
import socket
import unittest

from rig import case, compare, dns, dovecot, newhome, outward, populate, wait_until

NAME = "imap.example.org"
LOGIN = ("mé:e", "hush%@42")
WRITTEN = "m%C3%A9%3ae:hush%25@42"
HTTP_LOGIN = ("me", "hush:%@42")
HTTP_WRITTEN = "me:hush:%25%4042"


class Through(case.SystemTest):
    """One Dovecot, whose certificate has a name that no name server has."""

    def setUp(self):
        super().setUp()
        self.dovecot = self.server(hosts=("localhost", NAME))
        self.other = self.session(self.dovecot)
        populate.fill(self.other, ["INBOX", "Sent"], 5, holes=False)

    def leads(self, kind, tls="implicit", **options):
        """A proxy of that kind, which knows the server."""
        port = self.dovecot.imaps_port if tls == "implicit" else self.dovecot.imap_port
        proxy = kind({NAME: (self.dovecot.host, port)}, **options)
        self.addCleanup(proxy.__exit__, None, None, None)
        return proxy

    def through(self, proxy, login=None, name="account", tls="implicit", **settings):
        settings = {"host": NAME, "port": None, "proxy": proxy.url(login), "timeout": "20s"} | settings
        return self.account(self.dovecot, name=name, tls=tls, settings=settings)

    def test_in_sync(self):
        """The proxy is asked for the name, with and without a password; no secret is shown."""
        for kind, login, written in ((outward.Socks5, LOGIN, WRITTEN), (outward.Connect, HTTP_LOGIN, HTTP_WRITTEN)):
            for wanted in (None, login):
                with self.subTest(kind.scheme, login=wanted):
                    proxy = self.leads(kind, login=wanted)
                    account = self.through(proxy, wanted and written, name=f"{kind.scheme}-{bool(wanted)}")
                    result = self.once(account, "-vv")
                    self.assert_equal_sides(account, self.dovecot)
                    self.assertEqual(set(proxy.asked), {("name", NAME, 993)})
                    self.assertEqual(set(proxy.logins), {wanted} - {None})
                    self.assertNotIn("hush", result.out + result.err)

    def test_clear_until_starttls(self):
        """What the server says first comes with what the proxy says last, and is not lost."""
        for kind in (outward.Socks5, outward.Connect):
            with self.subTest(kind.scheme):
                proxy = self.leads(kind, tls="starttls", together=True)
                account = self.through(proxy, name=kind.scheme, tls="starttls")
                self.assertIn("encrypted", self.once(account, "-v").err)
                self.assert_equal_sides(account, self.dovecot)
                self.assertEqual(set(proxy.asked), {("name", NAME, 143)})

    def test_certificate(self):
        """It is the server's, for the name that was asked for."""
        proxy = self.leads(outward.Socks5)
        proxy.names["imap.example.net"] = proxy.names[NAME]
        account = self.through(proxy, host="imap.example.net")
        result = self.once(account, status=1)
        self.assertIn(f"the certificate of imap.example.net is for localhost, {NAME}", result.err)
        self.assertEqual(proxy.asked, [("name", "imap.example.net", 993)])
        self.assertEqual(compare.local(account.tree), {})

    def test_address(self):
        """An address is asked for as one."""
        proxy = self.leads(outward.Socks5)
        proxy.names["127.0.0.1"] = proxy.names[NAME]
        account = self.through(proxy, host="127.0.0.1")
        self.once(account)
        self.assert_equal_sides(account, self.dovecot)
        self.assertEqual(set(proxy.asked), {("IPv4", "127.0.0.1", 993)})

    def test_daemon(self):
        """Its status names the proxy; what was cut off goes through it again."""
        proxy = self.leads(outward.Connect)
        proxy.login = HTTP_LOGIN
        account = self.through(proxy, HTTP_WRITTEN)
        with account.daemon("-v") as daemon:
            daemon.wait_in_sync()
            shown = account.ctl("status", account.name).out
            self.assertIn(f"    through     {proxy.url()}\n", shown)
            self.assertNotIn("hush", shown)
            self.assertEqual(account.ctl_json("status")[0]["proxy"], proxy.url())
            before = len(proxy.asked)
            proxy.cut_all()
            wait_until(lambda: len(proxy.asked) > before, "it is back at the proxy")
            populate.fill(self.other, ["INBOX"], 1, holes=False)
            daemon.wait_in_sync()
        self.assert_equal_sides(account, self.dovecot)


class NoWay(case.SystemTest):
    """Status 1 and a sentence that names the proxy; of the password nothing is shown."""

    def check(self, proxy, *words, login="me:hush", status=1):
        at = f"{proxy.host} port {proxy.port}"
        settings = {"host": NAME, "proxy": proxy.url(login)}
        account = self.account(settings=settings, name=f"{proxy.scheme}-{proxy.port}")
        result = self.once(account, "-vv", status=status)
        for word in (at, *words):
            self.assertIn(word, result.err)
        self.assertNotIn("hush", result.out + result.err)
        self.assertNotIn(dovecot.PASSWORD, result.out + result.err)

    def test_refused(self):
        """By its answer: a wrong password, none, a server that it cannot reach."""
        for kind, error in ((outward.Socks5, "host unreachable (SOCKS5 error 4)"),
                            (outward.Connect, "it answers HTTP 502 “Bad Gateway”")):
            with self.subTest(kind.scheme), kind(login=("me", "other")) as proxy:
                self.check(proxy, f"the proxy {proxy.host}", "refuses the user name or password in “proxy”")
                self.assertEqual(proxy.logins, [("me", "hush")])
                self.check(proxy, "wants a user name and a password in “proxy”", login=None)
                proxy.login = None
                self.check(proxy, f"cannot reach {NAME} port 993: {error}", login=None)

    def test_rubbish(self):
        for kind, says, words in ((outward.Socks5, b"220 mail ESMTP\r\n", "speaks no SOCKS5"),
                                  (outward.Socks5, b"HTTP/1.0 400 Bad Request\r\n\r\n", "speaks no SOCKS5"),
                                  (outward.Connect, b"\5\xff", "speaks no HTTP"),
                                  (outward.Connect, random.randbytes(100_000), "speaks no HTTP")):
            with self.subTest(kind.scheme, says=says[:20]), kind(says=says) as proxy:
                self.check(proxy, words)

    def test_nobody_there(self):
        with outward.Socks5() as proxy, socket.socket() as other:
            other.bind((proxy.host, 0))  # and nobody listens there
            proxy.port = other.getsockname()[1]
            self.check(proxy, "there is no way to the proxy", "Connection refused")

    def test_waits_for_a_person(self):
        """The daemon tries a refused password once, and again when it is told to."""
        with outward.Socks5(login=("me", "other")) as proxy:
            account = self.account(settings={"host": NAME, "proxy": proxy.url("me:hush")})
            with account.daemon("-v") as daemon:
                daemon.wait_ready()
                wait_until(lambda: "refuses the user name or password in “proxy”" in account.ctl("status").out,
                           "status says so")
                self.assertNotIn("again in", account.ctl("status").out)
                self.assertEqual(proxy.connections, 1)
                account.ctl("resume")
                wait_until(lambda: proxy.connections == 2, "it is tried again")


@unittest.skipUnless(dns.is_possible(), "needs root")
class Setup(newhome.SetupTest):
    """imapsyncctl setup: the proxy alone learns of the server, and its password is written but not shown."""

    def through(self, proxy, login, *arguments):
        """Without a word to the name server of this network."""
        with dns.NameServer(self.directory, {}) as names:
            self.prefix = names.prefix
            result = self.setup("--proxy", proxy.url(login), "--secret", "file", "--password-stdin", "--yes",
                                "--no-enable", *arguments, stdin=dovecot.PASSWORD)
            self.assertNotIn("hush", result.stdout + result.stderr)
            self.assertEqual(names.questions, [])
        return result

    def test_written(self):
        server = self.filled_server()
        for kind, login, written in ((outward.Socks5, LOGIN, WRITTEN), (outward.Connect, None, None)):
            with self.subTest(kind.scheme), kind({newhome.HOST: (server.host, server.imaps_port)}, login) as proxy:
                result = self.through(proxy, written, newhome.ADDRESS, "--host", newhome.HOST, "--user", "alice",
                                      "--name", kind.scheme, "--maildir", f"~/Mail/{kind.scheme}",
                                      "--ca-file", server.ca_file)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"through {proxy.url()} ...", result.stdout)
                self.assertIn(f"proxy = {proxy.url(written and 'm%C3%A9%3ae:***')}\n", result.stdout)
                self.assertIn(f"proxy = {proxy.url(written)}\n", self.config.read_text())
                self.assert_works(server, kind.scheme)
                self.assertEqual(set(proxy.asked), {("name", newhome.HOST, 993)})

    def test_json(self):
        server = self.filled_server()
        with outward.Socks5({newhome.HOST: (server.host, server.imaps_port)}, LOGIN) as proxy:
            result = self.through(proxy, WRITTEN, "--json", newhome.ADDRESS, "--host", newhome.HOST,
                                  "--user", "alice", "--ca-file", server.ca_file)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["proxy"], proxy.url())

    def test_whose_server(self):
        """Known by heart, or asked for."""
        with outward.Socks5() as proxy:
            result = self.through(proxy, None, "alice@gmail.com")
            self.assert_says(result, 1, "cannot reach imap.gmail.com port 993", "Nothing was written")
            self.assertEqual(proxy.asked, [("name", "imap.gmail.com", 993)])
            result = self.through(proxy, None, newhome.ADDRESS)
            self.assert_says(result, 1, "with a proxy nobody else is asked for it", "say --host")
            self.assertEqual(len(proxy.asked), 1)
        self.assert_nothing_written()

    def test_wrong_url(self):
        for url, words in (("proxy.example.org:1080", "expected socks5://HOST:PORT"),
                           ("http://me:hush@proxy.example.org", "the port is missing")):
            with self.subTest(url):
                result = self.setup(newhome.ADDRESS, "--proxy", url)
                self.assert_says(result, 2, "--proxy: ", words)
                self.assertNotIn("hush", result.stderr)
