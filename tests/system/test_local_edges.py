"""Two servers: a local one that is no good, and all that a person can ask of such an account."""

import json
import os
import pathlib
import signal
import sqlite3
import time

from rig import compare, dovecot, populate, proxy, wait_until
from rig.dovecot import PASSWORD
from rig.waiting import POLL, WaitingTest

MAILBOXES = ["INBOX", "list", "old"]
MESSAGES = 40

# A tunnel that does not lead to a server: label, command, what the user is told of it.
TUNNELS = [
    ("prints junk", "echo Welcome to this machine; exec cat", "the local server"),
    ("prints an HTML page", "printf '<html>\\n<body>\\n'; exec cat", "the local server"),
    ("ends at once", "exit 0", "the local server: "),
    ("fails", "echo no such host >&2; exit 3", "no such host"),
    ("is not there", "/nonexistent/imap", "not found"),
    ("says nothing", "exec cat", "the tunnel did not greet within 5 s"),
]


class TwoServers(WaitingTest):
    def setUp(self):
        super().setUp()
        self.here = self.server("mdbox", name="here")
        self.there = self.server(name="there")
        self.sessions = {server: self.session(server) for server in (self.here, self.there)}
        populate.fill(self.sessions[self.there], MAILBOXES, MESSAGES, holes=False)
        self.acc = self.account(self.there, settings={"timeout": "5s"})

    def content(self, server):
        with server.session() as session:
            return compare.remote(session)

    def count(self, server):
        return {name: len(rows) for name, rows in self.content(server).items()}

    def assert_equal_servers(self):
        self.assert_same(self.content(self.there), self.content(self.here))

    def expunge(self, server, mailbox, numbers):
        self.sessions[server].select(mailbox)
        self.sessions[server].expunge(numbers)

    def append(self, server, mailbox, label):
        self.sessions[server].append(mailbox, f"Message-ID: <{label}@test>\r\n\r\nhello\r\n".encode())


class Endpoints(TwoServers):
    """Status 1, the account and a sentence on stderr, and nothing is done on the other side."""

    def check(self, local, *words):
        self.acc.settings["maildir"] = None
        self.acc.local = local
        self.acc.write_config()
        before = self.content(self.there)
        result = self.once(self.acc, status=1)
        print("  " + result.err.strip().replace("\n", "\n  "), flush=True)
        self.assertIn("test: the local server", result.err)
        for word in words:
            self.assertIn(word, result.err)
        self.assertNotIn(PASSWORD, result.err)
        self.assert_same(before, self.content(self.there))

    def socket(self, **settings):
        return self.acc.server_settings(self.here, "implicit") | {"user": "alice", "password": PASSWORD} | settings

    def test_tunnels(self):
        for label, command, words in TUNNELS:
            with self.subTest(label):
                self.check({"tunnel": f'"{command}"'}, words)

    def test_tunnel_that_wants_a_login(self):
        """It greets with OK: without a user there is nobody to log in, with one it is a server like any other."""
        login = f"exec socat - TCP:{self.here.host}:{self.here.imap_port}"
        self.check({"tunnel": login}, "the local server wants a login, and the configuration has no user")
        self.acc.local |= {"user": "alice", "password": "wrong"}
        self.check(self.acc.local, "the local server refuses the user name or password")
        self.acc.local |= {"password": PASSWORD}
        self.acc.write_config()
        self.once(self.acc)
        self.assert_equal_servers()

    def test_certificates(self):
        other = self.directory / "other"
        other.mkdir()
        dovecot.make_certificate(other, "ca", [])
        self.check(self.socket(**{"ca-file": other / "ca.pem"}), "certificate")
        self.check(self.socket(**{"tls-pin": "sha256:" + "0" * 64}), "key")
        self.check(self.socket(port=self.here.imap_port), "TLS")

    def test_refused_certificate_is_told(self):
        """By the daemon: it does not go on without it, and the other connection stays."""
        self.acc.use_local_server(self.here, tls="implicit")
        self.acc.local["tls-pin"] = "sha256:" + "0" * 64
        self.acc.write_config(POLL)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            found = self.wait("sentence", "the local server: ")
            self.assertIn(found["state"], ("refused", "waiting"))
            wait_until(lambda: daemon.log().count("the server: connected") == 1, "the other one")
            self.assertEqual(self.count(self.here), {"INBOX": 0})


class Wishes(TwoServers):
    """What a person asks for."""

    def setUp(self):
        super().setUp()
        self.acc.use_local_server(self.here)

    def test_check(self):
        self.assertEqual(self.acc.daemon_run("--check").status, 0)
        self.acc.local["port"] = 99999
        self.acc.write_config()
        result = self.acc.daemon_run("--check")
        self.assertEqual(result.status, 2, str(result))
        self.assertRegex(result.err, r"imapsyncd\.conf:\d+: ")

    def test_dry_run(self):
        """It says what it would do on each side, and does nothing on any."""
        self.append(self.here, "INBOX", "up")
        self.sessions[self.here].create("mine")
        before = [self.content(server) for server in self.sessions]
        result = self.once(self.acc, "--dry-run")
        for server, content in zip(self.sessions, before):
            self.assert_same(content, self.content(server))
        for word in ("list", "mine", "INBOX"):
            self.assertIn(word, result.out)
        self.once(self.acc)
        self.assert_equal_servers()
        self.assertEqual(self.once(self.acc, "--dry-run").out, "")
        self.expunge(self.here, "list", "1")
        result = self.once(self.acc, "--dry-run")
        self.assertEqual(self.count(self.there)["list"], MESSAGES)
        self.assertIn("list", result.out)

    def test_verify(self):
        self.once(self.acc)
        with sqlite3.connect(self.acc.database) as db:
            db.execute("UPDATE message SET flags = flags | 4 WHERE remote = 1 AND NOT flags & 4")
            db.execute("UPDATE message SET flags = flags & ~4 WHERE remote = 1 AND flags & 4")
        db.close()
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            result = self.acc.ctl("--json", "verify", "test")
            rows = [json.loads(line) for line in result.out.splitlines()]
            self.assertEqual(result.status, 1 if rows[:-1] else 0)
            self.assertEqual(self.acc.ctl("sync", "--wait").status, 0)
            self.assertEqual(self.acc.ctl("verify", "test").status, 0)
        self.assert_equal_servers()

    def test_pause(self):
        """Both connections are closed; what happens meanwhile is found when it goes on."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(self.acc.ctl("pause", "test").status, 0)
            found = self.wait("state", "paused")
            self.assertEqual((found["connected_usec"], found["local_connected_usec"]), (0, 0))
            self.assertEqual((found["waits"], found["local_waits"]), ("", ""))
            wait_until(lambda: not children(daemon.pid), "the tunnel has ended")
            self.append(self.here, "INBOX", "up")
            self.append(self.there, "list", "down")
            self.assertEqual(self.acc.ctl("resume", "test").status, 0)
            daemon.wait_in_sync()
            self.assert_equal_servers()
            self.assertEqual(self.count(self.there), {"INBOX": MESSAGES + 1, "list": MESSAGES + 1, "old": MESSAGES})

    def test_reload(self):
        """The way to the local server is another one from then on; what is known of the mail stays."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.acc.use_local_server(self.here, tls="implicit")
            self.append(self.here, "INBOX", "up")
            self.assertEqual(self.acc.ctl("reload").status, 0)
            wait_until(lambda: self.status()["local"].endswith(f":{self.here.imaps_port}"), "it is the new way")
            daemon.wait_in_sync()
            self.assertTrue(self.status()["local_encrypted"])
            wait_until(lambda: not children(daemon.pid), "the tunnel has ended")
        self.assert_equal_servers()
        self.assertEqual(self.count(self.there)["INBOX"], MESSAGES + 1)

    def test_reload_to_a_maildir(self):
        """The local side is another one: that it has nothing is not taken for a deletion, and the way back is open."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.acc.local = {}
            self.acc.settings["maildir"] = self.acc.maildir
            self.acc.write_config()
            self.assertEqual(self.acc.ctl("reload").status, 0)
            found = self.wait("state", "refused")
            self.assertIn(f"{self.acc.maildir} is missing, but was in sync before", found["sentence"])
            self.assertEqual(self.acc.ctl("sync", "--wait").status, 1)
            self.assertEqual(set(self.count(self.there).values()), {MESSAGES})

            self.acc.use_local_server(self.here)
            self.assertEqual(self.acc.ctl("reload").status, 0)
            daemon.wait_in_sync()
        self.assertEqual(daemon.process.returncode, 0)
        self.assert_equal_servers()

    def test_held(self):
        """A share too large vanishes on either side: held, shown with its side, and let through on confirm."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            for side, server, other, mailbox in (("local", self.here, self.there, "list"),
                                                 ("remote", self.there, self.here, "old")):
                self.expunge(server, mailbox, f"1:{MESSAGES - 5}")
                [held] = wait_until(lambda: self.acc.ctl_json("held"), "it is held", interval=0.1)
                self.assertEqual((held["mailbox"], held["side"], held["vanished"]), (mailbox, side, MESSAGES - 5))
                self.assertEqual(self.count(other)[mailbox], MESSAGES)
                self.assertEqual(self.acc.ctl("confirm", "test", mailbox).status, 0)
                wait_until(lambda: self.count(other)[mailbox] == 5, "it goes through", interval=0.2)
                wait_until(lambda: not self.acc.ctl_json("held"), "nothing is held", interval=0.1)
            daemon.wait_in_sync()
        self.assert_equal_servers()

    def delete(self, wish):
        self.acc.settings |= {"delete-mailboxes": wish, "brake": "50%"}
        self.acc.write_config()
        self.once(self.acc)
        self.sessions[self.here].delete("old")

    def test_deleted_mailbox_is_held(self):
        self.delete(None)
        self.assertIn("old", self.once(self.acc, status=1).err)
        self.assertEqual(self.count(self.there)["old"], MESSAGES)

    def test_deleted_mailbox(self):
        self.delete("yes")
        self.once(self.acc)
        self.assertEqual(set(self.count(self.there)), {"INBOX", "list"})

    def test_all_gone(self):
        """With delete-mailboxes = yes, and so little mail that the brake takes no share of it for too much: a local
        server that has nothing any more but its INBOX is an accident."""
        self.acc.settings["brake-count"] = 3 * MESSAGES
        self.delete("yes")
        self.sessions[self.here].delete("list")
        for _ in range(2):
            result = self.once(self.acc, status=1)
            for mailbox in ("list", "old"):
                self.assertIn(f"test/{mailbox}: ", result.err)
            self.assertEqual(self.count(self.there), dict.fromkeys(MAILBOXES, MESSAGES))

    def test_another_user(self):
        """The tunnel leads to somebody who has no mail, while the daemon is away."""
        self.acc.settings["delete-mailboxes"] = "yes"
        self.acc.write_config()
        self.once(self.acc)
        before = self.content(self.there)
        self.acc.use_local_server(self.here, user="bob")
        self.once(self.acc, status=1)
        self.assert_same(before, self.content(self.there))


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Suspended(TwoServers):
    """A server that is there and does nothing."""

    def test_local_tunnel(self):
        self.acc.use_local_server(self.here)
        self.acc.write_config(POLL)
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            [group] = children(daemon.pid)
            os.killpg(int(group), signal.SIGSTOP)
            begin = time.monotonic()
            self.append(self.there, "list", "down")
            found = self.wait("sentence", "did not answer within 5 s", deadline=20)
            self.assertTrue(found["sentence"].startswith("the local server: "), found["sentence"])
            self.assertGreater(time.monotonic() - begin, 4)
            daemon.wait_in_sync()
            self.assertFalse(pathlib.Path(f"/proc/{group}").exists())
            self.assertEqual(daemon.log().count("the server: connected"), 1)
        self.assert_equal_servers()
        self.assertEqual(self.count(self.here)["list"], MESSAGES + 1)


class Ended(TwoServers):
    def test_during_work_on_both(self):
        """SIGTERM in the middle of a first sync with mail both ways: soon, with status 0; the next run finishes it."""
        head = b"Message-ID: <%d%s@big>\r\n\r\n"
        for server, mailbox in ((self.here, "up"), (self.there, "down")):
            self.sessions[server].create(mailbox)
            for n in range(3):
                self.sessions[server].append(mailbox, head % (n, mailbox.encode()) + b"x" * 70 * 20_000)
        with proxy.Proxy(self.here.host, self.here.imap_port, rate_up=200_000, rate=200_000) as wire:
            self.acc.use_local_server(self.here, tls="none")
            self.acc.local["port"] = wire.port
            self.acc.write_config()
            with self.acc.daemon() as daemon:
                daemon.wait_ready()
                wait_until(lambda: wire.up + wire.down > 200_000, "bodies are under way")
                begin = time.monotonic()
                self.assertEqual(daemon.stop(), 0)
                print(f"  ended after {time.monotonic() - begin:.2f} s", flush=True)
                self.assertLess(time.monotonic() - begin, 2)
        self.acc.use_local_server(self.here)
        self.once(self.acc)
        self.assert_equal_servers()
        self.assertEqual(self.count(self.there)["up"], 3)


class Grace(TwoServers):
    def test_only_the_side_that_was_given_to(self):
        """A download was cut off on its way into the local server: only that may be storing it still, so only its
        link waits. The remote one is connected meanwhile."""
        with proxy.Proxy(self.here.host, self.here.imap_port, cut_up=8_000, reset=True) as wire:
            self.acc.use_local_server(self.here, tls="none")
            self.acc.local["port"] = wire.port
            self.acc.write_config()
            self.once(self.acc, status=1)
            wire.cut_up = None
            with self.acc.daemon() as daemon:
                daemon.wait_ready()
                found = self.wait("sentence", "an upload was interrupted", deadline=5)
                self.assertTrue(found["sentence"].startswith("the local server: "), found["sentence"])
                wait_until(lambda: self.status()["connected_usec"] > 0, "the remote one is connected", interval=0.05)
                self.assertEqual(self.status()["local_connected_usec"], 0)
                daemon.wait_in_sync()
        self.assert_equal_servers()
