"""Bad configuration, bad servers, bad disks, bad clients: a status, a sentence, and nothing lost."""

import base64
import contextlib
import json
import os
import random
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

from rig import IMAPSYNCCTL, SANITIZED, case, compare, dovecot, imapserver, populate, wait_until

MESSAGES = 20
# What a server may take to be found out, with "timeout = 5s".
PATIENCE = 60


class Configuration(case.SystemTest):
    """Status 2, FILE:LINE: and a sentence; nothing is started."""

    def check(self, text, line, *words, mode=0o600, args=("--once",)):
        account = self.account(settings={"host": "localhost"})
        account.write_text(text, mode)
        for how in (args, ("--check",)):
            result = account.daemon_run(*how, timeout=20)
            self.assertEqual(result.status, 2, str(result))
            self.assertIn(f"{account.config}:{line}: " if line else str(account.config), result.err)
            for word in words:
                self.assertIn(word, result.err)
        self.assertFalse(account.maildir.exists())
        self.assertFalse(account.database.exists())

    GOOD = "[account work]\nhost = localhost\nuser = me\npassword = x\nmaildir = ~/Mail\n"

    def test_good(self):
        account = self.account(settings={"host": "localhost"})
        account.write_text(self.GOOD)
        self.assertEqual(account.daemon_run("--check").status, 0)

    def test_unknown_key(self):
        self.check(self.GOOD + "maildri = ~/Mail\n", 6, "maildri")

    def test_unknown_section(self):
        self.check(self.GOOD + "[acount x]\n", 6, "acount")

    def test_duplicate_section(self):
        self.check(self.GOOD + self.GOOD, 6, "account work")

    def test_bad_value(self):
        self.check(self.GOOD + "port = 99999\n", 6, "port")

    def test_no_local_side(self):
        self.check("[account work]\nhost = localhost\nuser = me\npassword = x\n", 1, "maildir")

    def test_secret_readable_by_others(self):
        self.check(self.GOOD, 4, "password", mode=0o644)

    def test_password_file_readable_by_others(self):
        secret = self.directory / "secret"
        secret.write_text("x\n")
        secret.chmod(0o644)
        self.check(self.GOOD.replace("password = x", f"password-file = {secret}"), 4, "password-file")

    def test_cleartext_to_the_world(self):
        self.check(self.GOOD.replace("localhost", "imap.example.org") + "tls = none\n", 6, "tls")

    def test_no_file(self):
        account = self.account(settings={"host": "localhost"})
        account.config.unlink()
        result = account.once(timeout=20)
        self.assertEqual(result.status, 2, str(result))
        self.assertIn(str(account.config), result.err)

    def test_usage(self):
        account = self.account(settings={"host": "localhost"})
        for args in (["--no-such-option"], ["--once", "no-such-account"]):
            with self.subTest(args):
                self.assertEqual(account.daemon_run(*args, timeout=20).status, 2)
        self.assertEqual(account.ctl("no-such-verb").status, 2)
        result = account.ctl("status")
        self.assertEqual(result.status, 3, str(result))
        self.assertIn("imapsyncd", result.err)

    def test_secret_in_no_log(self):
        server = self.server()
        account = self.account(server)
        for level in ("-v", "-vv"):
            result = self.once(account, level)
            self.assertNotIn(dovecot.PASSWORD, result.out + result.err)
            plain = base64.b64encode(b"\0alice\0" + dovecot.PASSWORD.encode()).decode()
            self.assertNotIn(plain, result.out + result.err)


class Servers(case.SystemTest):
    """Status 1, the account's name and a sentence on stderr; the local side is as it was."""

    def setUp(self):
        super().setUp()
        self.acc = self.account(settings={"timeout": "5s"})
        folder = self.acc.tree.folder("INBOX").create()
        for n in range(5):
            folder.deliver(b"Message-ID: <%d@local>\r\n\r\nhello\r\n" % n, f"1700{n}.local.host", "S")

    def check(self, settings, *words):
        """One run against a server that is no good."""
        self.acc.settings |= settings
        self.acc.write_config()
        before = compare.counts(compare.local(self.acc.tree))
        result = self.acc.once(timeout=PATIENCE)
        self.assertEqual(result.status, 1, str(result))
        self.assertIn(self.acc.name, result.err)
        for word in words:
            self.assertIn(word.lower(), result.err.lower())
        self.assertEqual(compare.counts(compare.local(self.acc.tree)), before)
        self.assertNotIn(dovecot.PASSWORD, result.err)
        return result

    def check_script(self, script, *words):
        with imapserver.Server(script) as server:
            result = self.check({"host": server.host, "port": server.imap_port, "tls": "none"}, *words)
            self.assertEqual(server.problems, [])
            self.assertGreater(len(server.conversations), 0)
            return result, server.heard()

    def endpoint(self, server, tls="implicit"):
        return self.acc.server_settings(server, tls) | {"host": "localhost"}

    def test_wrong_password(self):
        self.check(self.endpoint(self.server()) | {"password": "wrong"}, "password")

    def test_unknown_ca(self):
        server = self.server()
        other = self.directory / "other"
        other.mkdir()
        dovecot.make_certificate(other, "ca", [])
        self.check(self.endpoint(server) | {"ca-file": other / "ca.pem"}, "certificate")

    def test_certificate_of_another_host(self):
        server = self.server(addresses=("127.0.0.1",), hosts=("mail.example.org",))
        dovecot.make_certificate(server.directory, "server", ["mail.example.org"], ca="ca")
        server.stop()
        server.start()
        self.check(self.endpoint(server), "certificate", "mail.example.org")

    def test_wrong_pin(self):
        server = self.server()
        self.check(self.endpoint(server) | {"tls-pin": "sha256:" + "0" * 64}, "key")

    def test_tls_on_a_plain_port(self):
        server = self.server()
        self.check(self.endpoint(server) | {"port": server.imap_port}, "TLS")

    def test_no_starttls_offered(self):
        def script(talk):
            talk.serve({"STARTTLS": lambda talk, tag, line: talk.say(tag + b" BAD no\r\n")})

        with imapserver.Server(script) as server:
            ca = self.server().ca_file
            self.check({"host": server.host, "port": server.imap_port, "tls": "starttls", "ca-file": ca},
                       "STARTTLS")
            self.assertFalse([line for line in server.heard() if b"LOGIN" in line or b"AUTHENTICATE" in line])

    def test_closed_port(self):
        [port] = dovecot.free_ports(1)
        self.check({"host": "127.0.0.1", "port": port, "tls": "none"}, f"{port}")

    def test_unknown_host(self):
        self.check({"host": "no-such-host.invalid", "tls": "implicit"}, "no-such-host.invalid")

    def test_not_imap(self):
        def script(talk):
            talk.say(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>\r\n")
            talk.hang()

        self.check_script(script)

    def test_greeting_never_comes(self):
        start = time.monotonic()
        self.check_script(lambda talk: talk.hang(), "greet")
        self.assertLess(time.monotonic() - start, 30)

    def test_bye(self):
        result, _ = self.check_script(lambda talk: talk.say(b"* BYE closed for cleaning\r\n"))
        self.assertIn("closed for cleaning", result.err)

    def test_closed_at_once(self):
        self.check_script(lambda talk: None)

    def test_literal_of_2_to_the_63(self):
        def script(talk):
            talk.serve({"LIST": b'* LIST () "/" {9223372036854775808}\r\nx'})

        self.check_script(script)

    def test_literal_of_2_to_the_64(self):
        self.check_script(lambda talk: talk.serve({"LIST": b'* LIST () "/" {18446744073709551617}\r\nx'}))

    def test_line_without_end(self):
        taken = []

        def script(talk):
            talk.say(b"* OK ")
            try:
                taken.append(talk.flood(b"x" * 65536, 1 << 30))
            except OSError:
                taken.append(0)

        self.check_script(script)
        wait_until(lambda: taken, "the script ends")
        self.assertEqual(taken, [0], "the whole gigabyte was read")

    def test_deep_parentheses(self):
        self.check_script(lambda talk: talk.serve({"LIST": b"* LIST " + b"(" * 100_000 + b"\r\n"}))

    def test_tag_of_nobody(self):
        self.check_script(lambda talk: talk.say(b"* OK hi\r\nzz99 OK you never asked\r\n") or talk.hang())

    def test_mailbox_outside(self):
        """The server names mailboxes that would be files elsewhere."""
        names = [b"../../x", b"..", b"a/../../b", b"/etc", b"a//b", b"cur", b"a/\x01b", b"&AC8-", b"&AAA-"]
        rows = b"".join(b'* LIST () "/" "%b"\r\n' % name for name in names)
        outside = set(os.listdir(self.directory)), set(os.listdir(self.directory.parent))
        self.check_script(lambda talk: talk.serve({"LIST": rows}))
        self.assertEqual(self.acc.tree.mailboxes(), ["INBOX"])
        self.assertEqual(set(os.listdir(self.directory)), outside[0])
        self.assertNotIn("x", set(os.listdir(self.directory.parent)) - outside[1])

    def test_empty_body_is_no_message(self):
        """BODY[] NIL and a short literal are never stored."""

        def fetch(talk, tag, line):
            if b"BODY" in line.upper():
                talk.say(b"* 1 FETCH (UID 1 FLAGS () BODY[] NIL)\r\n")
            else:
                talk.say(b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 500 INTERNALDATE"
                         b' "01-Jan-2020 00:00:00 +0000" BODY[HEADER.FIELDS (MESSAGE-ID)] {4}\r\n\r\n\r\n)\r\n')
            talk.say(tag + b" OK done\r\n")

        selected = (b"* 1 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n"
                    b"* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\n")
        script = {
            "LIST": b'* LIST () "/" INBOX\r\n* LIST () "/" box\r\n',
            "SELECT": selected, "EXAMINE": selected, "UID FETCH": fetch, "FETCH": fetch,
            "UID SEARCH": b"* SEARCH 1\r\n",
            "STATUS": lambda talk, tag, line: talk.say(
                b"* STATUS " + line.split(b" ")[1] + b" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n" + tag + b" OK x\r\n"),
            "APPEND": lambda talk, tag, line: talk.say(tag + b" NO not here\r\n"),
        }
        with imapserver.Server(lambda talk: talk.serve(script)) as server:
            self.acc.settings |= {"host": server.host, "port": server.imap_port, "tls": "none"}
            self.acc.write_config()
            result = self.acc.once(timeout=PATIENCE)
        self.assertIn("no body", result.err)
        self.assertEqual(len(self.acc.tree.folder("INBOX").files()), 5)
        if self.acc.tree.folder("box").path.exists():
            self.assertEqual(self.acc.tree.folder("box").files(), [])


class Disk(case.SystemTest):
    """The local side or the state cannot be used."""

    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        populate.fill(self.session(self.dovecot), ["INBOX", "list"], MESSAGES, holes=False)
        self.acc = self.account(self.dovecot)

    def assert_all_there(self):
        with self.dovecot.session() as session:
            self.assertEqual({len(rows) for rows in compare.remote(session).values()}, {MESSAGES})

    def read_only(self, path):
        """A command in front that makes the directory one that cannot be written to, for root too."""
        if os.getuid() != 0:
            for directory in (path, *(p for p in path.rglob("*") if p.is_dir())):
                directory.chmod(0o555)
                self.addCleanup(directory.chmod, 0o755)
            return []
        path = shlex.quote(str(path))
        script = f'mount --bind {path} {path} && mount -o remount,ro,bind {path} && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh"]

    def test_unwritable_maildir(self):
        self.acc.maildir.mkdir()
        self.acc.prefix = self.read_only(self.acc.maildir)
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, "test/INBOX: .*Read-only file system|test/INBOX: .*Permission denied")
        self.assert_all_there()

    def test_unwritable_folder(self):
        """The other mailboxes go on."""
        self.once(self.acc)
        session = self.session(self.dovecot)
        for mailbox in ("INBOX", "list"):
            session.append(mailbox, b"Message-ID: <%b@new>\r\n\r\n" % mailbox.encode())
        self.acc.prefix = self.read_only(self.acc.tree.folder("list").path)
        result = self.once(self.acc, status=1)
        self.assertIn("list", result.err)
        self.assertEqual(len(self.acc.tree.folder("INBOX").files()), MESSAGES + 1)
        self.assertEqual(len(self.acc.tree.folder("list").files()), MESSAGES)

    def test_unwritable_state(self):
        self.acc.prefix = self.read_only(self.acc.state)
        result = self.once(self.acc, status=1)
        self.assertIn(str(self.acc.state), result.err)
        self.assert_all_there()

    def test_file_for_a_state_directory(self):
        self.acc.state.rmdir()
        self.acc.state.touch()
        result = self.once(self.acc, status=1)
        self.assertIn(f"{self.acc.state} cannot be used: Not a directory", result.err)

    def test_garbage_for_a_database(self):
        self.once(self.acc)
        for path in self.acc.state.glob("test.db*"):
            path.unlink()
        self.acc.database.write_bytes(b"this is not a database\n" * 1000)
        result = self.once(self.acc)
        [aside] = self.acc.state.glob("test.db.damaged-*")
        self.assertIn(str(aside), result.err)
        self.assert_equal_sides(self.acc, self.dovecot)
        self.assert_all_there()

    def test_database_that_cannot_be_read(self):
        """Whatever the reason: it is said of which file."""
        self.once(self.acc)
        with contextlib.closing(sqlite3.connect(self.acc.database)) as database:
            database.execute("DROP TABLE mailbox")
        result = self.once(self.acc, status=1)
        self.assertIn(f"{self.acc.database} cannot be read: no such table", result.err)
        self.assert_all_there()

    def test_full_disk(self):
        """A small file system for the Maildir: a status, no half a message, and it goes on later."""
        if os.getuid() != 0:
            self.skipTest("needs root")
        self.acc.maildir.mkdir()
        here = shlex.quote(str(self.acc.maildir))
        keep = shlex.quote(str(self.directory / "kept"))
        script = f'mount -t tmpfs -o size=64k tmpfs {here} && "$@"; s=$?; cp -a {here} {keep}; exit $s'
        self.acc.prefix = ["unshare", "-m", "sh", "-c", script, "sh"]
        result = self.acc.once()
        self.assertEqual(result.status, 1, str(result))
        self.assertIn("No space left on device; make room there", result.err)
        self.acc.prefix = []
        self.assert_all_there()
        # What got through is whole: pairing finds it again on a larger disk.
        shutil.rmtree(self.acc.maildir)
        shutil.rmtree(self.acc.state)
        self.acc.state.mkdir(mode=0o700)
        shutil.copytree(self.directory / "kept", self.acc.maildir, symlinks=True)
        self.once(self.acc)
        self.assert_equal_sides(self.acc, self.dovecot)
        self.assert_all_there()

    def test_symbolic_link(self):
        """A folder that leads out of the tree is not followed."""
        self.once(self.acc)
        outside = self.directory / "outside"
        for sub in ("cur", "new", "tmp"):
            (outside / sub).mkdir(parents=True)
        (outside / "cur" / "1700.secret.host:2,S").write_bytes(b"Subject: private\n\n")
        (self.acc.maildir / "link").symlink_to(outside)
        self.acc.once()
        with self.dovecot.session() as session:
            self.assertEqual(sorted(session.mailboxes()), ["INBOX", "list"])


class Running(case.SystemTest):
    """The daemon, and those who talk to it."""

    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        populate.fill(self.session(self.dovecot), ["INBOX", "list"], MESSAGES, holes=False)
        self.acc = self.account(self.dovecot)

    def test_garbage_on_the_control_socket(self):
        rng = random.Random(31)
        inputs = [b"GET / HTTP/1.0\r\n\r\n", b"\0AUTH EXTERNAL zz\r\n", b"\0AUTH ANONYMOUS\r\nBEGIN\r\n",
                  b"\0" * 1_000_000, rng.randbytes(1_000_000), b"\0" + b"A" * 1_000_000,
                  b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n" + rng.randbytes(100_000)]
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            silent = []
            for data in inputs:
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(5)
                client.connect(str(self.acc.socket))
                try:
                    client.sendall(data)
                except OSError:
                    pass  # thrown out in the middle of it, as it should be
                silent.append(client)
                self.assertEqual(self.acc.ctl("version").status, 0)
            # And more clients than it takes, who say nothing.
            for _ in range(60):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(5)
                try:
                    client.connect(str(self.acc.socket))
                except OSError:
                    pass
                silent.append(client)
            for client in silent:
                client.close()
            wait_until(lambda: self.acc.ctl("status").status == 0, "the daemon answers again")
            self.session(self.dovecot).append("INBOX", b"Message-ID: <still@alive>\r\n\r\n")
            wait_until(lambda: len(self.acc.tree.folder("INBOX").files()) == MESSAGES + 1, "mail arrives")
            self.assertEqual(daemon.stop(), 0)

    def test_second_daemon(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            for args in ((), ("--once",)):
                with self.subTest(args):
                    result = self.acc.daemon_run(*args, timeout=20)
                    self.assertEqual(result.status, 1, str(result))
                    self.assertIn(str(daemon.pid), result.err)
            self.assertEqual(self.acc.ctl("version").status, 0)

    def test_end_in_the_middle(self):
        """SIGTERM during a first sync: within a second, status 0, and the next run finishes."""
        with self.dovecot.session() as session:
            populate.fill(session, ["INBOX", "list"], 1500, seed=5, holes=False)
        cur, new = (self.acc.tree.folder("INBOX").path / sub for sub in ("cur", "new"))
        with self.acc.daemon() as daemon:
            wait_until(lambda: sum(len(os.listdir(d)) for d in (cur, new) if d.exists()) > 50,
                       "the first sync is on its way", interval=0.001)
            start = time.monotonic()
            status = daemon.stop()
            seconds = time.monotonic() - start
        print(f"  SIGTERM in the middle: ended after {seconds:.2f} s", flush=True)
        self.assertEqual(status, 0)
        if not SANITIZED:
            self.assertLess(seconds, 2)
        self.once(self.acc)
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertEqual({len(rows) for rows in remote.values()}, {MESSAGES + 1500})

    def test_reload_of_a_bad_file(self):
        """A bad configuration on SIGHUP is a warning, and the old one stays."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.acc.write_config("no-such-key = 1\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "no-such-key" in daemon.log(), "the log says what is wrong")
            self.assertNotEqual(self.acc.ctl("reload").status, 0)
            self.session(self.dovecot).append("INBOX", b"Message-ID: <still@here>\r\n\r\n")
            wait_until(lambda: len(self.acc.tree.folder("INBOX").files()) == MESSAGES + 1, "mail arrives")

    def test_server_goes_and_comes(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.dovecot.stop()
            wait_until(lambda: self.acc.ctl_json("status")[0]["state"] != "in sync",
                       "the status says that the server is gone", interval=0.1)
            status = self.acc.ctl_json("status")[0]
            self.assertTrue(status["sentence"], status)
            self.dovecot.start()
            self.session(self.dovecot).append("INBOX", b"Message-ID: <back@again>\r\n\r\n")
            wait_until(lambda: len(self.acc.tree.folder("INBOX").files()) == MESSAGES + 1,
                       "mail arrives again", deadline=90, interval=0.1)

    def test_pause_and_resume(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(self.acc.ctl("pause").status, 0)
            wait_until(lambda: self.acc.ctl_json("status")[0]["state"] == "paused", "it is paused")
            self.session(self.dovecot).append("INBOX", b"Message-ID: <while@paused>\r\n\r\n")
            self.assertEqual(self.acc.ctl("resume").status, 0)
            wait_until(lambda: len(self.acc.tree.folder("INBOX").files()) == MESSAGES + 1, "mail arrives")

    def test_resume_after_refused(self):
        """What was refused has been mended: resume tries it, as its sentence says."""
        secret = self.directory / "secret"
        secret.write_text("not it")
        secret.chmod(0o600)
        self.acc.settings |= {"password": None, "password-file": secret}
        self.acc.write_config()
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            wait_until(lambda: self.acc.ctl_json("status")[0]["state"] == "refused", "it is refused")
            secret.write_text(dovecot.PASSWORD)
            self.assertEqual(self.acc.ctl("resume", "test").status, 0)
            wait_until(lambda: self.acc.ctl_json("status")[0]["state"] == "in sync", "it is in sync")

    @contextlib.contextmanager
    def watch(self):
        """What `imapsyncctl watch` tells meanwhile: a function that gives the events so far."""
        command = [IMAPSYNCCTL, "--socket", self.acc.socket, "--json", "watch"]
        out = self.directory / "events"
        with open(out, "wb") as file:
            process = subprocess.Popen(command, stdout=file, stdin=subprocess.DEVNULL)
        try:
            self.acc.ctl("sync", "--wait")
            yield lambda: [json.loads(line) for line in out.read_text().splitlines()]
        finally:
            process.terminate()
            process.wait()

    def test_watch(self):
        """Events as they happen, a line of JSON each."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            with self.watch() as events:
                self.session(self.dovecot).append("INBOX", b"Message-ID: <watch@me>\r\n\r\n")
                wait_until(lambda: [e for e in events() if e["mailbox"] == "INBOX" and e["new_local"] == 1],
                           "the event of new mail")

    def test_watch_progress(self):
        """Of a new mailbox: how much of it is here, and how much there is."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            with self.watch() as events:
                self.assertEqual(self.acc.ctl("pause").status, 0)
                wait_until(lambda: self.acc.ctl_json("status")[0]["state"] == "paused", "it is paused")
                session = self.session(self.dovecot)
                session.create("Large")
                populate.fill_small(session, "Large", 200)
                status, = session.command(b"STATUS Large (SIZE)")
                size = int(status[2][1])
                self.assertEqual(self.acc.ctl("resume").status, 0)
                wait_until(lambda: [e for e in events() if e["event"] == "synced"], "it is in sync")
                progress = [e for e in events() if e["event"] == "progress"]
                self.assertTrue(progress)
                self.assertEqual((progress[0]["total"], progress[0]["total_bytes"]), (200, size))
                self.assertLess(0, progress[0]["bytes"])
                self.assertLess(progress[0]["bytes"], size)
                self.assertEqual(self.acc.ctl_json("status")[0]["bytes_left"], 0)

    def test_verbs(self):
        """Every verb answers, plainly and as JSON."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            for verb in (["status"], ["status", "test"], ["mailboxes", "test"], ["held"], ["version"],
                         ["sync", "--wait", "test", "INBOX"], ["reload"]):
                with self.subTest(verb):
                    self.assertEqual(self.acc.ctl(*verb).status, 0, str(self.acc.ctl(*verb)))
                    self.acc.ctl_json(*verb)
            for verb in (["status", "nobody"], ["mailboxes", "nobody"], ["confirm", "test", "INBOX"],
                         ["sync", "--wait", "test", "no such mailbox"]):
                with self.subTest(verb):
                    result = self.acc.ctl(*verb)
                    self.assertEqual(result.status, 1, str(result))
                    self.assertTrue(result.err.strip())
            self.assertEqual(self.acc.ctl("stop").status, 0)
            self.assertEqual(daemon.wait(), 0)
