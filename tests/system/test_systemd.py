"""The units under a real user manager: ready when it is, reloaded, watched, ended in time, sandboxed."""

import json
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from rig import SANITIZED, case, number, populate, unit
from rig.proxy import Proxy

MESSAGES = 10
FIRST_SYNC = number("MESSAGES", 3000)
READY_SECONDS = 15  # imapsyncd.1: READY is told after that at the latest

# Where an ordinary user's manager leaves a service; it may become less, never more.
MAX_EXPOSURE = 6.5


@unittest.skipUnless(unit.is_possible(), "needs root and systemd")
@unittest.skipIf(SANITIZED, "the sandbox is not made for sanitizers")
class SystemdTest(case.SystemTest):
    def home(self, account, config=None):
        return unit.Home(account.directory, config or account.config.read_text())

    def filled_server(self, messages=MESSAGES, mailboxes=("INBOX", "list")):
        server = self.server()
        populate.fill(self.session(server), list(mailboxes), messages, holes=False)
        return server


class Life(SystemdTest):
    def test_life(self):
        server = self.filled_server()
        account = self.account(server)
        home = self.home(account)
        home.run("""
            systemctl --user daemon-reload
            systemctl --user start imapsyncd
            is ActiveState active
            imapsyncctl sync --wait
            test -n "$(show StatusText)"
            pid=$(show MainPID)
            systemctl --user reload imapsyncd
            imapsyncctl status
            is MainPID "$pid"
            kill -9 "$pid"
            until_true is_not ActiveState active
            systemctl --user restart imapsyncd
            imapsyncctl sync --wait
            begin=$(msec)
            systemctl --user stop imapsyncd
            echo $(( $(msec) - begin )) >"$HOME/stopped"
            is Result success
            """)
        stopped = int(home.note("stopped"))
        print(f"  systemctl --user stop: {stopped} ms", flush=True)
        self.assertLess(stopped, 2000)
        self.assert_equal_sides(account, server)
        # State is where the README says.
        self.assertTrue((home.path / ".local/state/imapsyncd/test.db").exists())

    def test_watchdog(self):
        """A daemon that stands still is killed and started again."""
        server = self.filled_server()
        account = self.account(server)
        home = self.home(account)
        home.drop_in("WatchdogSec=1s", "RestartSec=100ms")
        home.run("""
            systemctl --user start imapsyncd
            imapsyncctl sync --wait
            pid=$(show MainPID)
            kill -STOP "$pid"
            until_true is NRestarts 1
            until_true is ActiveState active
            is_not MainPID "$pid"
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd
            is Result success
            """)
        self.assert_equal_sides(account, server)

    def test_stop_in_first_sync(self):
        """A stop in the middle of it takes no longer, and the next start goes on from there."""
        server = self.filled_server(FIRST_SYNC, ["INBOX"])
        account = self.account(server)
        home = self.home(account)
        home.run(f"""
            systemctl --user start imapsyncd
            some() {{ test "$(ls "$HOME/Mail/INBOX/cur" "$HOME/Mail/INBOX/new" | wc -l)" -gt {FIRST_SYNC // 20}; }}
            until_true some
            begin=$(msec)
            systemctl --user stop imapsyncd
            echo $(( $(msec) - begin )) >"$HOME/stopped"
            is Result success
            ls "$HOME/Mail/INBOX/cur" "$HOME/Mail/INBOX/new" | wc -l >"$HOME/there"
            systemctl --user start imapsyncd
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd
            """, timeout=1500)
        stopped, there = int(home.note("stopped")), int(home.note("there"))
        print(f"  stopped in a first sync after {stopped} ms, with {there} of {FIRST_SYNC} there", flush=True)
        self.assertLess(there, FIRST_SYNC, "it was over before: this tells nothing")
        self.assertLess(stopped, 2000)
        self.assert_equal_sides(account, server)

    def test_stop_with_a_silent_server(self):
        """Good-bye is not waited for where nobody answers."""
        server = self.filled_server(FIRST_SYNC, ["INBOX"])
        with Proxy(server.host, server.imaps_port, stall=200_000) as proxy:
            account = self.account(server, settings={"port": proxy.port})
            home = self.home(account)
            home.run("""
                systemctl --user start imapsyncd
                begin=$(msec)
                systemctl --user stop imapsyncd
                echo $(( $(msec) - begin )) >"$HOME/stopped"
                is Result success
                """)
        self.assertLess(int(home.note("stopped")), 2000)


class Stop(case.SystemTest):
    """Without a manager: what a stop waits for has an end."""

    def test_news_while_the_server_is_silent(self):
        """A message that is delivered locally as it stops would have to be sent to a server that says nothing."""
        server = self.server()
        populate.fill(self.session(server), ["INBOX"], MESSAGES, holes=False)
        with Proxy(server.host, server.imaps_port) as proxy:
            account = self.account(server, settings={"port": proxy.port})
            with account.daemon() as daemon:
                daemon.wait_in_sync()
                proxy.fall_silent()
                begin = time.monotonic()
                daemon.process.send_signal(signal.SIGTERM)
                account.tree.folder("INBOX").deliver(b"Subject: late\r\n\r\nlate\r\n", "late")
                self.assertEqual(daemon.wait(), 0)
                self.assertLess(time.monotonic() - begin, 2)


class Notify(case.SystemTest):
    """What is said to a manager, in which order: a socket of our own listens in its place."""

    def listen(self, account):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        path = account.directory / "notify"
        listener.bind(str(path))
        listener.settimeout(30)
        account.variables["NOTIFY_SOCKET"] = str(path)
        return listener

    def until(self, listener, line):
        """The messages that come, up to one with this line, each a dictionary."""
        messages = []
        while True:
            lines = listener.recv(4096).decode().splitlines()
            messages.append(dict(part.split("=", 1) for part in lines))
            if line in lines:
                return messages

    def test_life(self):
        account = self.account(self.server())
        listener = self.listen(account)
        with account.daemon() as daemon:
            first, *_ = self.until(listener, "READY=1")
            self.assertEqual(first["STATUS"], "Starting")
            self.assertGreater(int(first["EXTEND_TIMEOUT_USEC"]), READY_SECONDS * 1e6)
            daemon.wait_in_sync()
            before = time.clock_gettime(time.CLOCK_MONOTONIC)
            daemon.process.send_signal(signal.SIGHUP)
            reloading = self.until(listener, "RELOADING=1")[-1]
            after = time.clock_gettime(time.CLOCK_MONOTONIC)
            self.assertLess(before, int(reloading["MONOTONIC_USEC"]) / 1e6)
            self.assertLess(int(reloading["MONOTONIC_USEC"]) / 1e6, after)
            self.until(listener, "READY=1")
            self.until(listener, "STATUS=1 of 1 accounts in sync")
            daemon.process.send_signal(signal.SIGTERM)
            stopping = self.until(listener, "STOPPING=1")[-1]
            self.assertGreater(int(stopping["EXTEND_TIMEOUT_USEC"]), 0)
            self.assertEqual(daemon.wait(), 0)


class Ready(SystemdTest):
    def test_after_the_first_attempt(self):
        """systemctl start comes back when the account is connected, and not before."""
        server = self.filled_server()
        with Proxy(server.host, server.imaps_port) as proxy:
            proxy.delay = 0.3
            account = self.account(server, settings={"port": proxy.port})
            home = self.home(account)
            home.run("""
                systemctl --user start imapsyncd
                imapsyncctl --json status >"$HOME/status"
                systemctl --user stop imapsyncd
                """)
        self.assertNotIn('"state":"connecting"', home.note("status"))
        self.assertNotIn('"connected_usec":0', home.note("status"))

    def test_silent_server(self):
        """A server that says nothing holds up the start only so long, whatever the unit's own limit."""
        server = self.server()
        with Proxy(server.host, server.imaps_port, stall=0) as proxy:
            account = self.account(server, settings={"port": proxy.port})
            home = self.home(account)
            home.drop_in("TimeoutStartSec=2s")
            home.run("""
                begin=$(msec)
                systemctl --user start imapsyncd
                echo $(( $(msec) - begin )) >"$HOME/started"
                imapsyncctl --json status >"$HOME/status"
                systemctl --user stop imapsyncd
                """)
        started = int(home.note("started")) / 1000
        self.assertIn('"state":"connecting"', home.note("status"))
        self.assertGreater(started, READY_SECONDS - 1)
        self.assertLess(started, READY_SECONDS + 5)


class Reload(SystemdTest):
    def test_what_changed_and_no_more(self):
        """An account whose section is the same keeps its connection; a mistake changes nothing."""
        server = self.filled_server()
        self.session(server, "bob")
        with Proxy(server.host, server.imaps_port) as same, Proxy(server.host, server.imaps_port) as other:
            account = self.account(server, settings={"port": same.port})
            second = self.account(server, name="second", user="bob", settings={"port": other.port})
            second.maildir.mkdir()
            text = second.config.read_text().replace("[account test]", "[account two]")
            text = text.replace(str(second.maildir), str(account.directory / "Mail2"))
            home = self.home(account, account.config.read_text() + text)
            home.run("""
                file=$HOME/.config/imapsyncd/imapsyncd.conf
                systemctl --user start imapsyncd
                imapsyncctl sync --wait
                echo 'connections = 2' >>"$file"
                systemctl --user reload imapsyncd
                imapsyncctl sync --wait
                echo 'nonsense = 2' >>"$file"
                ! systemctl --user reload imapsyncd
                is ActiveState active
                ! imapsyncctl reload 2>"$HOME/said"
                imapsyncctl status >"$HOME/status"
                told() { show StatusText | grep nonsense; }
                until_true told
                show StatusText >"$HOME/text"
                imapsyncctl sync --wait
                pid=$(show MainPID)
                sed -i /nonsense/d "$file"
                kill -HUP "$pid"
                mended() { ! imapsyncctl status | grep nonsense; }
                until_true mended
                until_true is ActiveState active
                untold() { ! told; }
                until_true untold
                is MainPID "$pid"
                imapsyncctl sync --wait
                systemctl --user stop imapsyncd
                """)
            self.assertEqual((same.connections, other.connections), (1, 2))
        mistake = r"imapsyncd\.conf:\d+: .*nonsense"
        for name in ("said", "status", "text"):
            self.assertRegex(home.note(name), mistake)
        self.assertIn("kept as it was", home.note("text"))


class Activation(SystemdTest):
    def test_socket(self):
        """The first imapsyncctl starts the daemon; a stop leaves the socket to the next one."""
        server = self.filled_server()
        account = self.account(server)
        home = self.home(account)
        home.run("""
            systemctl --user start imapsyncd.socket
            is ActiveState inactive
            imapsyncctl sync --wait
            is ActiveState active
            imapsyncctl stop
            until_true is ActiveState inactive
            imapsyncctl status
            until_true is ActiveState active
            systemctl --user stop imapsyncd.socket imapsyncd
            """)
        self.assert_equal_sides(account, server)

    def test_broken_configuration(self):
        """Each imapsyncctl starts it once and hears why it does not run; mended, it does."""
        account = self.account(self.filled_server())
        home = self.home(account)
        home.config.write_text(account.config.read_text() + "nonsense = 2\n")
        home.run("""
            systemctl --user start imapsyncd.socket
            ! imapsyncctl status 2>"$HOME/said"
            until_true is ActiveState failed
            is ActiveState active imapsyncd.socket
            is NRestarts 0
            ! imapsyncctl status
            twice() { test "$(keep_journal nonsense)" -ge 2; }
            until_true twice
            sed -i /nonsense/d ~/.config/imapsyncd/imapsyncd.conf
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd.socket imapsyncd
            keep_journal nonsense
            """)
        starts = {entry["_PID"] for entry in home.journal() if "nonsense" in entry["MESSAGE"]}
        self.assertEqual(len(starts), 2, "a start for each imapsyncctl")
        self.assertIn("could not start", home.note("said"))

    @unittest.skipUnless(unit.has_bus(), "needs a session bus (dbus-user-session)")
    def test_systemd_run(self):
        """imapsyncd under systemd-run, once and for good."""
        account = self.account(self.filled_server())
        home = self.home(account)
        home.run("""
            systemd-run --user --wait --pipe -q imapsyncd --once
            systemd-run --user -q --unit=other -p Type=notify imapsyncd
            is ActiveState active other
            imapsyncctl sync --wait
            systemctl --user stop other
            """)

    def test_starts_never_storm(self):
        """By itself it starts again and again, but never so often that systemd gives up."""
        home = self.home(self.account(self.server()))
        home.run("""
            show RestartUSec >"$HOME/delay"
            show StartLimitIntervalUSec >"$HOME/interval"
            show StartLimitBurst >"$HOME/burst"
            mkdir -p ~/.local/state/imapsyncd
            exec 9>~/.local/state/imapsyncd/lock
            flock 9
            ! systemctl --user start imapsyncd
            until_true is SubState auto-restart
            """)
        delay, interval = home.note("delay"), home.note("interval")
        self.assertEqual((delay, interval), ("1min", "30s"))
        self.assertGreater(int(home.note("burst")), 1)


class Template(SystemdTest):
    """One process an account: imapsyncd@ACCOUNT.service."""

    def two_accounts(self):
        server = self.filled_server()
        populate.fill(self.session(server, "bob"), ["INBOX"], MESSAGES, holes=False)
        account = self.account(server)
        second = self.account(server, name="second", user="bob", settings={
            "maildir": account.directory / "Mail2"})
        text = second.config.read_text().replace("[account test]", "[account two]")
        return server, account, self.home(account, account.config.read_text() + text)

    def test_two(self):
        """Each has its socket and its lock, and imapsyncctl finds them."""
        server, account, home = self.two_accounts()
        home.run("""
            systemctl --user start imapsyncd@test imapsyncd@two.socket
            is ActiveState active imapsyncd@test
            imapsyncctl --json status >"$HOME/status"
            until_true is ActiveState active imapsyncd@two
            imapsyncctl sync --wait two
            imapsyncctl sync --wait
            ! imapsyncctl watch
            imapsyncctl --json mailboxes two >"$HOME/two"
            ! imapsyncctl status three
            ! imapsyncd 2>"$HOME/whole"
            ! imapsyncd --once two 2>"$HOME/second"
            show MainPID imapsyncd@test >"$HOME/pid-test"
            show MainPID imapsyncd@two >"$HOME/pid-two"
            systemctl --user reload imapsyncd@test
            systemctl --user stop imapsyncd@two.socket imapsyncd@two
            ! imapsyncctl mailboxes two
            imapsyncctl mailboxes test
            imapsyncd --once two two
            imapsyncctl stop
            until_true is ActiveState inactive imapsyncd@test
            imapsyncctl status || test $? = 3
            """)
        names = [json.loads(line)[0]["name"] for line in home.note("status").splitlines()]
        self.assertEqual(names, ["test", "two"])
        self.assertIn('"name":"INBOX"', home.note("two"))
        self.assertRegex(home.note("whole"), f"process ({home.note('pid-test')}|{home.note('pid-two')}) ")
        self.assertIn(f"process {home.note('pid-two')} ", home.note("second"))
        self.assert_equal_sides(account, server)

    def test_not_beside_the_whole(self):
        """The process for all accounts and one of these rule each other out."""
        _, _, home = self.two_accounts()
        home.run("""
            systemctl --user start imapsyncd
            systemctl --user start imapsyncd@two
            until_true is ActiveState inactive
            is ActiveState active imapsyncd@two
            imapsyncctl sync --wait
            systemctl --user start imapsyncd
            is ActiveState active
            until_true is ActiveState inactive imapsyncd@two
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd
            """)


class Journal(SystemdTest):
    """What is in a real journal: fields, and the identifiers that the manual page tells."""

    def entries(self, home, steps, last):
        """What is in the journal, once something that matches the last word is."""
        home.run(steps + f"""
            there() {{ test "$(keep_journal '{last}')" -ge 1; }}
            until_true there
            systemctl --user stop imapsyncd
            """)
        return home.journal()

    def only(self, entries, event):
        """The one entry with the identifier of this event, as the manual page has it."""
        page = (unit.REPOSITORY / "daemon" / "imapsyncd.1").read_text()
        number = re.search(rf"\.It Li ([0-9a-f]{{32}})\n.*{event}", page)[1]
        found = [entry for entry in entries if entry.get("MESSAGE_ID") == number]
        self.assertEqual(len(found), 1, entries)
        return found[0]

    def test_fields(self):
        """What was synchronised, a deletion that is held, and a configuration with a mistake."""
        home = self.home(self.account(self.filled_server(40)))
        entries = self.entries(home, """
            systemctl --user start imapsyncd
            imapsyncctl sync --wait
            rm "$HOME"/Mail/INBOX/cur/* "$HOME"/Mail/INBOX/new/*
            is_held() { imapsyncctl held | grep INBOX; }
            until_true is_held
            echo 'nonsense = 2' >>"$HOME/.config/imapsyncd/imapsyncd.conf"
            ! systemctl --user reload imapsyncd
            """, "kept as it was")
        about = {(entry.get("ACCOUNT"), entry.get("MAILBOX"), entry["MESSAGE"], entry["PRIORITY"])
                 for entry in entries}
        self.assertIn(("test", "INBOX", "test/INBOX: 40 new here", "6"), about)
        self.assertIn(("test", "list", "test/list: 40 new here", "6"), about)
        held = self.only(entries, "held back")
        self.assertEqual((held["ACCOUNT"], held["MAILBOX"], held["PRIORITY"]), ("test", "INBOX", "3"))
        mistake = self.only(entries, "configuration has a mistake")
        self.assertRegex(mistake["MESSAGE"], r"^the configuration is kept as it was: .*imapsyncd.conf:\d+: ")
        self.assertEqual({entry["_TRANSPORT"] for entry in entries}, {"journal"})
        self.assertEqual({entry["SYSLOG_IDENTIFIER"] for entry in entries}, {"imapsyncd"})

    def test_refused(self):
        account = self.account(self.filled_server(), settings={"password": "wrong"})
        entries = self.entries(self.home(account), "systemctl --user start imapsyncd", "test: ")
        refused = self.only(entries, "waits for a person")
        self.assertEqual((refused["ACCOUNT"], refused["PRIORITY"]), ("test", "3"))

    def test_without_its_socket(self):
        """In a container whose journal is outside, lines with their priority go to stderr."""
        home = self.home(self.account(self.filled_server()))
        home.variables["TEST_HIDE_JOURNAL"] = "1"
        entries = self.entries(home, """
            systemctl --user start imapsyncd
            imapsyncctl sync --wait
            """, "INBOX: ")
        about = {(entry.get("ACCOUNT"), entry["MESSAGE"], entry["PRIORITY"], entry["_TRANSPORT"])
                 for entry in entries}
        self.assertIn((None, f"test/INBOX: {MESSAGES} new here", "6", "stdout"), about)


class Secrets(SystemdTest):
    def test_credential(self):
        """A credential instead of a password."""
        server = self.filled_server()
        account = self.account(server)
        secret = account.settings["password"]
        account.settings |= {"password": None, "credential": "imap.test"}
        account.write_config()
        home = self.home(account)
        (home.path / "secret").write_text(secret)
        home.drop_in("LoadCredential=imap.test:%h/secret")
        home.run("""
            systemctl --user start imapsyncd
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd
            """)
        self.assert_equal_sides(account, server)


class Sandbox(SystemdTest):
    # What the unit offers to those whose system lets users have namespaces.
    NAMESPACES = ["PrivateUsers=yes", "CapabilityBoundingSet=", "ProtectClock=yes"]

    def exposure(self, home, *more):
        """Where systemd-analyze security sees the unit, with so many lines more."""
        path = home.path / "imapsyncd.service"
        path.write_text((home.units / path.name).read_text().replace("UMask=", "\n".join([*more, "UMask="])))
        done = subprocess.run(["systemd-analyze", "--user", "--no-pager", "security", "--offline=yes", path],
                              env={"XDG_RUNTIME_DIR": str(home.path), "HOME": str(home.path), "PATH": "/usr/bin"},
                              capture_output=True, text=True, timeout=60)
        return float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])

    def test_exposure(self):
        home = self.home(self.account())
        exposure, closer = self.exposure(home), self.exposure(home, *self.NAMESPACES)
        print(f"  systemd-analyze --user security: {exposure}, with namespaces {closer}", flush=True)
        self.assertLessEqual(exposure, MAX_EXPOSURE)
        self.assertLess(closer, exposure - 1)

    def sync_by_commands(self, password_command, steps="", drop_in=()):
        """A tunnel and a password command, which are in the sandbox too, bring an account in sync."""
        server = self.filled_server()
        account = self.account(server, tls="none")
        secret = account.settings["password"]
        account.settings |= {"host": None, "port": None, "tls": None, "password": None,
                             "tunnel": f"nice -n 1 socat - TCP:{server.host}:{server.imap_port}",
                             "password-command": password_command}
        account.write_config()
        home = self.home(account)
        (home.path / "secret").write_text(secret + "\n")
        if drop_in:
            home.drop_in(*drop_in)
        home.run(steps + """
            systemctl --user start imapsyncd
            imapsyncctl sync --wait
            systemctl --user stop imapsyncd
            """)
        self.assert_equal_sides(account, server)

    def test_commands(self):
        self.sync_by_commands("set -e; nice -n 5 sh -c 'cat ~/secret' | tee ~/copy")

    @unittest.skipUnless(shutil.which("gpg") and shutil.which("gpg-agent"), "needs gpg")
    def test_gpg(self):
        """Its agent is started by the command, inside."""
        options = "--batch --quiet --pinentry-mode loopback --passphrase x"
        self.sync_by_commands(f"gpg {options} --decrypt ~/secret.gpg", f"""
            gpg {options} --symmetric --output ~/secret.gpg ~/secret
            gpgconf --kill gpg-agent
            rm ~/secret
            """)

    @unittest.skipUnless(unit.has_user_namespaces(), "users may have no namespaces here")
    def test_commands_in_namespaces(self):
        self.sync_by_commands("cat ~/secret", drop_in=self.NAMESPACES)
