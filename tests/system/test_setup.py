"""imapsyncctl setup: from an address to a working account, and a sentence for what is in the way."""

import json
import re
import shlex
import shutil
import subprocess
import unittest

from rig import SANITIZED, case, dns, maildir, unit, website
from rig.dovecot import PASSWORD, free_ports, make_certificate
from rig.newhome import ADDRESS, HOST, MAILBOXES, MESSAGES, SetupTest


class Flags(SetupTest):
    """No terminal, nothing asked."""

    def test_whole_way(self):
        server = self.filled_server()
        result = self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin", "--yes",
                            stdin=PASSWORD + "\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Push for all folders", result.stdout)
        for mailbox in MAILBOXES:
            self.assertRegex(result.stdout, rf"(?m)^ +{MESSAGES} +[0-9.]+ \w?B  {mailbox}$")
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        self.assertNotIn(PASSWORD, self.config.read_text())
        for path in self.folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["imapsyncd.conf", "password.example"])
        self.assert_works(server)
        self.assert_choices_are_right()

    def assert_choices_are_right(self):
        """What is proposed in comments, taken up."""
        text = self.config.read_text()
        taken = re.sub(r"(?m)^#([a-z-]+ =| {4})", r"\1", text)
        self.assertEqual(taken.count("#"), text.count("#") - 4)
        self.config.write_text(taken)
        result = self.once("--check")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_starttls_and_a_command(self):
        server = self.filled_server()
        result = self.setup("--address", ADDRESS, "--host", server.host, "--port", server.imap_port,
                            "--tls", "starttls", "--ca-file", server.ca_file, "--user", "alice",
                            "--password-command", f"printf '%s ; %s' {PASSWORD} | cut -d' ' -f1",
                            "--name", "work", "--maildir", self.home / "Mail" / "work", "--yes", "--no-enable")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_works(server, "work")

    def test_json(self):
        server = self.filled_server()
        result = self.setup("--json", ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin",
                            "--yes", stdin=PASSWORD)
        self.assertEqual(result.returncode, 0, result.stderr)
        outcome = json.loads(result.stdout)
        self.assertEqual(outcome["account"], "example")
        self.assertEqual(outcome["waits"], "notify")
        self.assertEqual(outcome["messages"], len(MAILBOXES) * MESSAGES)
        self.assertEqual(outcome["mailboxes"], len(MAILBOXES))
        self.assertEqual(outcome["unit"], "left")
        self.assertGreater(outcome["bytes"], 0)

    def test_without_yes_it_only_shows(self):
        server = self.filled_server()
        result = self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin",
                            stdin=PASSWORD)
        self.assert_says(result, 1, "--yes")
        self.assertIn("[account example]", result.stdout)
        self.assert_nothing_written()

    def test_what_the_server_can_do(self):
        for capability, words in (("IMAP4rev1 IDLE CONDSTORE", ["Push for INBOX", "CONDSTORE"]),
                                  ("IMAP4rev1", ["Poll", "no CONDSTORE", "does not tell their size"])):
            with self.subTest(capability):
                server = self.filled_server(name=capability.replace(" ", ""), capability=capability)
                result = self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin",
                                    stdin=PASSWORD)
                for word in words:
                    self.assertIn(word, result.stdout)
                for mailbox in MAILBOXES:
                    self.assertRegex(result.stdout, rf"(?m)^ +{MESSAGES} .* {mailbox}$")

    def test_scram(self):
        """The login that is tried is the one that the daemon will use: no password in the dialogue."""
        server = self.filled_server()
        server.stop()
        server.settings = "auth_mechanisms = scram-sha-256\n"
        server.start()
        result = self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin", "--yes",
                            stdin=PASSWORD)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_works(server)

    def test_token(self):
        """Refused by a server that takes none: said with its words; the command is not blamed for a password."""
        server = self.filled_server()
        result = self.setup(ADDRESS, *self.flags(server), "--token-command", "echo token", "--yes")
        self.assert_says(result, 1, "The login does not work", "Nothing was written")
        self.assert_nothing_written()
        result = self.setup(ADDRESS, *self.flags(server), "--token-command", "echo no token here >&2; false",
                            "--yes")
        self.assert_says(result, 1, "no token", "no token here", "Nothing was written")

    def test_secret_service(self):
        """By a secret-tool that keeps what it is given in files. What is there is used, and never replaced."""
        server = self.filled_server()
        tool = self.directory / "bin" / "secret-tool"
        tool.parent.mkdir()
        tool.write_text(f"""#!/bin/sh
verb=$1; shift
case $1 in --label=*) shift ;; esac
case $verb in
store) echo "$@" >>{self.directory}/stored; cat >"{self.directory}/$1.$2" ;;
lookup) cat "{self.directory}/$1.$2" 2>/dev/null ;;
esac
""")
        tool.chmod(0o755)
        arguments = [ADDRESS, *self.flags(server), "--secret", "secret-tool", "--password-stdin", "--yes"]
        result = self.setup(*arguments, stdin=PASSWORD)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.directory / "imap.example").read_text(), PASSWORD)
        self.assert_works(server)
        self.config.unlink()
        result = self.setup(*arguments, stdin="another")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.directory / "stored").read_text(), "imap example\n")
        self.assertEqual((self.directory / "imap.example").read_text(), PASSWORD)


class Existing(SetupTest):
    """Nothing is overwritten."""

    OTHER = "# mine\n[account other]\nhost = localhost\nuser = me\npassword-command = true\nmaildir = ~/other"

    def write(self, text, mode=0o640):
        self.folder.mkdir(parents=True)
        self.config.write_text(text)
        self.config.chmod(mode)

    def run_setup(self, server, *more):
        return self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin", "--yes", *more,
                          stdin=PASSWORD)

    def test_added(self):
        """Behind what is there, which stays byte by byte, as do its mode and a link to it."""
        server = self.filled_server()
        self.write(self.OTHER)
        real = self.directory / "dotfiles.conf"
        self.config.rename(real)
        self.config.symlink_to(real)
        result = self.run_setup(server)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Added to", result.stdout)
        self.assertTrue(self.config.is_symlink())
        self.assertTrue(real.read_text().startswith(self.OTHER + "\n\n"))
        self.assertEqual(real.stat().st_mode & 0o777, 0o640)
        self.assert_works(server)

    def test_same_account(self):
        server = self.filled_server()
        self.write(self.OTHER)
        result = self.run_setup(server, "--name", "other")
        self.assert_says(result, 1, "has an account “other” already")
        self.assertEqual(self.config.read_text(), self.OTHER)

    def test_same_maildir(self):
        server = self.filled_server()
        self.write(self.OTHER)
        result = self.run_setup(server, "--maildir", "~/other")
        self.assert_says(result, 1, "other", "nothing was done")
        self.assertEqual(self.config.read_text(), self.OTHER)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["imapsyncd.conf"])

    def test_broken_file(self):
        server = self.filled_server()
        self.write(self.OTHER + "\nmaildri = x\n")
        result = self.run_setup(server)
        self.assert_says(result, 1, f"{self.config}:7: ", "maildri", "Mend that first")
        self.assertEqual(self.config.read_text(), self.OTHER + "\nmaildri = x\n")

    def test_other_password_there(self):
        """A password that is kept already, and wrong: said, and left as it is."""
        server = self.filled_server()
        self.folder.mkdir(parents=True)
        (self.folder / "password.example").write_text("old")
        (self.folder / "password.example").chmod(0o600)
        result = self.run_setup(server)
        self.assert_says(result, 1, "refuses the user name or password", "that is kept there")
        self.assertEqual((self.folder / "password.example").read_text(), "old")
        self.assertFalse(self.config.exists())

    def test_changed_meanwhile(self):
        server = self.filled_server()
        self.write(self.OTHER)
        terminal = self.terminal(ADDRESS, *self.flags(server), "--secret", "file", "--name", "new",
                                 "--maildir", "~/new")
        terminal.answer("Password", PASSWORD)
        terminal.expect("Write it?")
        self.config.write_text("# changed by another\n")
        terminal.type("y")
        terminal.expect("has been changed meanwhile")
        self.assertEqual(terminal.wait(), 1)
        self.assertEqual(self.config.read_text(), "# changed by another\n")


class InTheWay(SetupTest):
    """A sentence each."""

    def test_address(self):
        for address in ("alice", "alice@", "@example.test", "alice@nodots", "a b@example.test", "a@b..test", ""):
            with self.subTest(address):
                self.assert_says(self.setup("--address", address, "--yes"), 1, "is no mail address")
        self.assert_nothing_written()

    def test_usage(self):
        for args in (["--frob"], ["--port", "0", "--host", "x"], ["--secret", "wallet"], ["--tls", "ssl"],
                     [ADDRESS, "more"], ["--port", "993"], ["--password-command", "x", "--secret", "file"],
                     ["--password-command", "x", "--token-command", "y"]):
            with self.subTest(args):
                self.assertEqual(self.setup(*args).returncode, 2)

    def test_server_down(self):
        port = free_ports(1)[0]
        result = self.setup(ADDRESS, "--host", "127.0.0.1", "--port", port, "--secret", "file",
                            "--password-stdin", "--yes", stdin=PASSWORD)
        self.assert_says(result, 1, f"127.0.0.1 port {port} cannot be reached", "Nothing was written")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assert_nothing_written()

    def test_wrong_password(self):
        """Without a terminal there is no second try."""
        server = self.filled_server()
        result = self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin", "--yes",
                            stdin="wrong\nwrong\n")
        self.assert_says(result, 1, "refuses the user name or password", "Nothing was written")
        self.assert_nothing_written()

    def test_untrusted_certificate(self):
        """The sentence has the pin that makes it go."""
        server = self.filled_server()
        flags = [flag for flag in self.flags(server) if flag not in ("--ca-file", server.ca_file)]
        flags += ["--secret", "file", "--password-stdin", "--yes"]
        result = self.setup(ADDRESS, *flags, stdin=PASSWORD)
        self.assert_says(result, 1, "does not trust", "Nothing was written")
        self.assert_nothing_written()
        pin = re.search(r"sha256:[A-Za-z0-9+/=]+", result.stderr)[0]
        result = self.setup(ADDRESS, *flags, "--tls-pin", pin, stdin=PASSWORD)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_works(server)

    @case.needs_root
    def test_read_only_folder(self):
        """Said before a password is asked for."""
        server = self.filled_server()
        self.folder.mkdir(parents=True)
        script = f'mount --bind {self.folder} {self.folder} && mount -o remount,bind,ro {self.folder} && exec "$@"'
        self.prefix = ["unshare", "-m", "sh", "-c", script, "sh"]
        result = self.setup(ADDRESS, *self.flags(server), "--secret", "file", "--password-stdin", "--yes",
                            stdin=PASSWORD)
        self.assert_says(result, 1, f"{self.folder} cannot be written to: Read-only file system")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assert_nothing_written()

    def test_folder_is_a_file(self):
        self.home.joinpath(".config").write_text("")
        result = self.setup(ADDRESS, "--host", "127.0.0.1", "--yes")
        self.assert_says(result, 1, "cannot be read: Not a directory")


class Person(SetupTest):
    """On a terminal."""

    def test_nobody_knows_the_server(self):
        terminal = self.terminal("--no-enable")
        terminal.answer("Mail address: ", "Alice <alice>")
        terminal.expect("is no mail address")
        terminal.answer("Mail address: ", "alice@nosuch.invalid")
        terminal.expect("IMAP server [imap.nosuch.invalid]: ")
        terminal.type("no server")
        terminal.expect("“no server” is no name of a server.")
        terminal.expect("IMAP server [imap.nosuch.invalid]: ")
        terminal.type("\x03", end="")
        self.assertEqual(terminal.wait(), 130)
        self.assert_nothing_written()

    def test_answers(self):
        server = self.filled_server()
        terminal = self.terminal("--host", server.host, "--port", server.imaps_port, "--ca-file", server.ca_file,
                                 "--no-enable")
        terminal.answer("Mail address: ", ADDRESS)
        terminal.answer(f"User name [{ADDRESS}]: ", "alice")
        terminal.answer("Name of the account [example]: ", "a/b")
        terminal.expect("cannot be the name of an account")
        terminal.answer("Name of the account [example]: ", "")
        terminal.answer("[~/Mail/example]: ", "")
        terminal.expect("a file that only you can read")
        terminal.expect("a command of yours prints a token")
        number = re.search(r"(\d+)  a file that only you", terminal.shown)[1]
        terminal.answer("Number [1]: ", number)
        terminal.expect("Password (not shown): ")
        self.assertFalse(terminal.echoes())
        terminal.type(PASSWORD)
        terminal.answer("Write it? [Y/n] ", "")
        terminal.expect("Written:")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn(PASSWORD, terminal.shown)
        self.assert_works(server)

    def test_no(self):
        server = self.filled_server()
        terminal = self.terminal(ADDRESS, *self.flags(server), "--secret", "file", "--name", "x",
                                 "--maildir", "~/x")
        terminal.answer("Password", PASSWORD)
        terminal.answer("Write it?", "n")
        terminal.expect("Nothing was written.")
        self.assertEqual(terminal.wait(), 1)
        self.assert_nothing_written()

    def test_three_wrong_passwords(self):
        server = self.filled_server()
        terminal = self.terminal(ADDRESS, *self.flags(server), "--secret", "file", "--name", "x",
                                 "--maildir", "~/x")
        for attempt in range(3):
            terminal.answer("Password (not shown): ", f"wrong-{attempt}")
            terminal.expect("refuses the user name or password")
        terminal.expect("Refused three times. Nothing was written.")
        self.assertEqual(terminal.wait(), 1)
        self.assertEqual(terminal.shown.count("Password (not shown): "), 3)
        self.assertNotIn("wrong-", terminal.shown)
        self.assert_nothing_written()

    def test_right_at_last(self):
        server = self.filled_server()
        terminal = self.terminal(ADDRESS, *self.flags(server), "--secret", "file", "--name", "x",
                                 "--maildir", "~/Mail/x", "--yes")
        terminal.answer("Password", "wrong")
        terminal.answer("Password", PASSWORD)
        self.assertEqual(terminal.wait(), 0, terminal.shown)
        self.assert_works(server, "x")

    def test_interrupted_password(self):
        server = self.filled_server()
        terminal = self.terminal(ADDRESS, *self.flags(server), "--secret", "file", "--name", "x",
                                 "--maildir", "~/x")
        terminal.expect("Password")
        self.assertFalse(terminal.echoes())
        terminal.type("half\x03", end="")
        terminal.expect("nothing was written")
        self.assertTrue(terminal.echoes())
        self.assertEqual(terminal.wait(), 130)
        self.assert_nothing_written()


@unittest.skipUnless(dns.is_possible(), "needs root")
class Servers(SetupTest):
    """Found by what the domain says."""

    def ask(self, records, *more, stdin=PASSWORD):
        with dns.NameServer(self.directory, records) as names:
            self.prefix = names.prefix
            result = self.setup(ADDRESS, "--user", "alice", "--secret", "file", "--password-stdin", "--yes",
                                "--no-enable", *more, stdin=stdin)
            self.prefix = []
        self.questions = names.questions
        return result

    def test_srv(self):
        server = self.filled_server()
        records = {
            ("_imaps._tcp.example.test", "SRV"): [(20, 0, 1, "backup.example.test"), (10, 0, server.imaps_port, HOST)],
            ("_imap._tcp.example.test", "SRV"): [(0, 0, server.imap_port, HOST)],
            (HOST, "A"): [server.host],
        }
        result = self.ask(records, "--ca-file", server.ca_file)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"Server: {HOST} port {server.imaps_port}, TLS; found in a SRV record", result.stdout)
        self.assertIn(f"host = {HOST}\nport = {server.imaps_port}\n", self.config.read_text())

    def test_srv_starttls(self):
        server = self.filled_server()
        records = {
            ("_imaps._tcp.example.test", "SRV"): [(0, 0, 0, "")],
            ("_imap._tcp.example.test", "SRV"): [(0, 0, server.imap_port, HOST)],
            (HOST, "A"): [server.host],
        }
        result = self.ask(records, "--ca-file", server.ca_file)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("tls = starttls\n", self.config.read_text())

    def test_foreign_server(self):
        """The DNS alone does not decide who gets a password."""
        server = self.filled_server()
        records = {
            ("_imaps._tcp.example.test", "SRV"): [(0, 0, server.imaps_port, "imap.elsewhere.test")],
            ("imap.elsewhere.test", "A"): [server.host],
        }
        result = self.ask(records, "--ca-file", server.ca_file)
        self.assert_says(result, 1, "imap.elsewhere.test is not a server of example.test", "--host")
        self.assertNotIn(("imap.elsewhere.test", dns.TYPES["A"]), self.questions)
        self.assert_nothing_written()

    def test_mx(self):
        """A domain whose mail Google receives is at Gmail; nobody is asked for a login here."""
        result = self.ask({("example.test", "MX"): [(10, "aspmx.l.google.com")]}, "--secret", "pass", stdin="")
        self.assertIn("Server: imap.gmail.com port 993, TLS; found in who receives the mail", result.stdout)
        self.assertIn("app password", result.stdout)
        self.assert_nothing_written()

    def test_nothing(self):
        result = self.ask({})
        self.assert_says(result, 1, "Nothing tells which IMAP server example.test has", "say --host")
        self.assert_nothing_written()

    def test_no_imap(self):
        result = self.ask({("_imaps._tcp.example.test", "SRV"): [(0, 0, 0, "")]})
        self.assert_says(result, 1, "example.test says that it has no IMAP server")


AUTOCONFIG = """<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="example.test">
<incomingServer type="imap"><hostname>{host}</hostname><port>{port}</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username></incomingServer></emailProvider></clientConfig>
"""
FIRST = ("autoconfig.example.test", "/mail/config-v1.1.xml")
SECOND = ("example.test", "/.well-known/autoconfig/mail/config-v1.1.xml")


@unittest.skipUnless(dns.is_possible(), "needs root")
class Autoconfig(SetupTest):
    """Found by a file of the domain, which proves by its certificate that it is the domain's."""

    def ask(self, server, pages, records=(), trusted=True):
        """The site is at both names, and where the second page may lead."""
        trust = self.directory / "trust"
        trust.mkdir(exist_ok=True)
        if trusted:
            shutil.copy(server.ca_file, trust)
            subprocess.run(["openssl", "rehash", trust], check=True, capture_output=True)
        self.variables["SSL_CERT_DIR"] = str(trust)
        names = ["autoconfig.example.test", "example.test", "www.example.test"]
        with website.Website(server.directory, make_certificate, names, pages) as site:
            known = {(name, "A"): [site.address] for name in names} | {(HOST, "A"): [server.host]}
            with dns.NameServer(self.directory, known | dict(records)) as asked:
                self.prefix = asked.prefix
                result = self.setup(ADDRESS, "--secret", "file", "--password-stdin", "--yes", "--no-enable",
                                    "--ca-file", server.ca_file, stdin=PASSWORD)
        self.prefix = []
        self.asked = site.asked
        return result

    @staticmethod
    def page(server, host=HOST):
        return (200, {"Content-Type": "text/xml"}, AUTOCONFIG.format(host=host, port=server.imaps_port))

    def test_first_place(self):
        """With the user name as the file has it."""
        server = self.filled_server()
        result = self.ask(server, {FIRST: self.page(server)})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("found in the autoconfig file of the domain", result.stdout)
        self.assertIn("user = alice\n", self.config.read_text())
        self.assertEqual(self.asked, [FIRST])

    def test_second_place_moved(self):
        server = self.filled_server()
        elsewhere = ("www.example.test", "/mail.xml")
        result = self.ask(server, {FIRST: (200, {}, "<html><p>Welcome<br></html>"),
                                   SECOND: (301, {"Location": "https://www.example.test/mail.xml"}, ""),
                                   elsewhere: self.page(server)})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.asked, [FIRST, SECOND, elsewhere])

    def test_moved_in_a_circle(self):
        server = self.filled_server()
        circle = (302, {"Location": "https://autoconfig.example.test/mail/config-v1.1.xml"}, "")
        result = self.ask(server, {FIRST: circle})
        self.assert_says(result, 1, "Nothing tells which IMAP server")
        self.assertEqual(self.asked, [FIRST] * 4 + [SECOND])

    def test_forged(self):
        """Who cannot prove to be the domain is not asked."""
        server = self.filled_server()
        result = self.ask(server, {FIRST: self.page(server), SECOND: self.page(server)}, trusted=False)
        self.assert_says(result, 1, "Nothing tells which IMAP server")
        self.assertEqual(self.asked, [])

    def test_vouches_for_a_foreign_server(self):
        """What a SRV record alone may not decide, the domain's own file may."""
        server = self.filled_server()
        records = {("_imaps._tcp.example.test", "SRV"): [(0, 0, server.imaps_port, "localhost")]}
        result = self.ask(server, {}, records)
        self.assert_says(result, 1, "localhost is not a server of example.test")
        result = self.ask(server, {FIRST: self.page(server, "localhost")}, records)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("host = localhost\n", self.config.read_text())


@unittest.skipUnless(unit.is_possible(), "needs root and systemd")
@unittest.skipIf(SANITIZED, "the sandbox is not made for sanitizers")
class Unit(SetupTest):
    """With a service manager: it runs afterwards."""

    def run_home(self, server, steps, *more):
        """In a home without a configuration."""
        home = unit.Home(self.directory / "user", "")
        home.config.unlink()
        shutil.copy(server.ca_file, home.path / "ca.pem")
        words = ["imapsyncctl", "setup", ADDRESS, "--host", server.host, "--port", str(server.imaps_port),
                 "--user", "alice", "--password-stdin", "--yes", *more]
        setup = f"echo {PASSWORD} | {shlex.join(words)} --ca-file \"$HOME/ca.pem\""
        home.run("systemctl --user daemon-reload\n" + steps.replace("SETUP", setup), timeout=180)
        return home

    def assert_in_sync(self, home, name):
        tree = maildir.Tree(home.path / "Mail" / name, "fs")
        self.assertEqual(sum(len(tree.folder(mailbox).files()) for mailbox in MAILBOXES),
                         len(MAILBOXES) * MESSAGES)

    def test_started_and_reloaded(self):
        server = self.filled_server()
        home = self.run_home(server, """
            SETUP --secret file >"$HOME/said" 2>"$HOME/complaints"
            is ActiveState active
            is UnitFileState enabled
            imapsyncctl sync --wait
            pid=$(show MainPID)
            SETUP --secret file --name second >"$HOME/again"
            is MainPID "$pid"
            imapsyncctl sync --wait second
            systemctl --user stop imapsyncd
            """)
        self.assertIn("imapsyncd is started", home.note("said"))
        self.assertEqual(home.note("complaints"), "")
        self.assertIn("has taken the account up", home.note("again"))
        self.assert_in_sync(home, "example")
        self.assert_in_sync(home, "second")

    def test_credential(self):
        server = self.filled_server()
        home = self.run_home(server, """
            SETUP --secret credential
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd
            """)
        self.assertIn("credential = imap.example\n", home.config.read_text())
        self.assert_in_sync(home, "example")


if __name__ == "__main__":
    unittest.main()
