"""What a person sees on a terminal: status, progress, the live view; and what the live view costs."""

import pathlib
import re
import shutil
import signal
import unittest

from rig import IMAPSYNCCTL, SANITIZED, case, populate, stays, wait_until
from rig.screen import Terminal, capture

SIZES = [(80, 24), (120, 30)]
BIG = b"Message-ID: <big@seen>\r\n\r\n" + b"x" * 60 + b"\r\n"
ENDS = [
    # What ends it, and the exit status that it has then.
    (None, 0),
    (signal.SIGINT, 130),
    (signal.SIGTERM, 143),
    (signal.SIGHUP, 129),
    (signal.SIGQUIT, 131),
    (signal.SIGSEGV, -signal.SIGSEGV),
    (signal.SIGABRT, -signal.SIGABRT),
    (signal.SIGFPE, -signal.SIGFPE),
]


class Seeing(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.session = self.session(self.dovecot)
        populate.fill(self.session, ["INBOX", "Archive"], 10)
        self.acc = self.account(self.dovecot)

    def ctl(self, *args):
        return [IMAPSYNCCTL, "--socket", self.acc.socket, *args]

    def environment(self, colour=True):
        env = self.acc.environment() | {"TERM": "xterm"}
        if colour:
            env.pop("NO_COLOR")
        return env

    def top(self, columns=80, rows=24):
        terminal = Terminal(self.ctl("top"), columns, rows, self.environment())
        self.addCleanup(terminal.close)
        return terminal

    def test_status_fits(self):
        """Each width, with and without colour; no line is wrapped, nothing is cut at 120."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            wait_until(lambda: self.acc.ctl_json("status")[0]["waits"], "it waits, and does not look once more")
            for columns, rows in SIZES:
                for colour in (False, True):
                    with self.subTest(f"{columns} columns, colour {colour}"):
                        status, screen = capture(self.ctl("status"), columns, rows,
                                                 self.environment(colour))
                        self.assertEqual(status, 0)
                        lines = screen.text().split("\n")
                        self.assertEqual(lines[0], "1 of 1 account in sync.")
                        self.assertTrue(lines[1].startswith("ACCOUNT  STATE"), lines)
                        self.assertTrue(lines[2].startswith("test     in sync"), lines)
                        self.assertEqual("SERVER" in lines[1], columns == 120)
                        styles = {style for row in screen.cells for _, style in row}
                        self.assertEqual(styles - {""} != set(), colour)

    def test_what_is_wrong_comes_first(self):
        self.acc.settings["password"] = "wrong"
        self.acc.write_config("\n[account second]\nuser = alice\npassword = also wrong\n"
                              f"host = {self.dovecot.host}\nport = {self.dovecot.imaps_port}\n"
                              f"ca-file = {self.dovecot.ca_file}\nmaildir = {self.directory}/second\n")
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            wait_until(lambda: {row["state"] for row in self.acc.ctl_json("status")} == {"refused"},
                       "both accounts are refused")
            _, screen = capture(self.ctl("status"), 80, 24, self.environment())
            self.assertEqual(screen.lines()[0], "Stopped until you act: test, second. 0 of 2 accounts in sync.")
            self.assertEqual(screen.cells[0][0], ("S", "bad"))

    def test_top_shows_what_happens(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            terminal = self.top()
            terminal.wait_for("in sync", "the account")
            self.assertTrue(terminal.screen.is_other and not terminal.screen.has_cursor)
            self.session.append("INBOX", BIG)
            terminal.wait_for("test/INBOX: synced: ", "the event of the new message")
            self.acc.ctl("pause", "test")
            terminal.wait_for(lambda text: "paused" in text.split("\n")[3], "the new state")
            terminal.resize(120, 30)
            terminal.wait_for("paused", "the wider screen is drawn")
            self.assertIn("WAITS BY", terminal.screen.lines()[2])
            terminal.type("q")
            self.assertEqual(terminal.wait(), 0)

    def test_top_leaves_the_terminal_as_it_was(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            for number, status in ENDS:
                with self.subTest(f"{number!r}"):
                    terminal = self.top()
                    terminal.wait_for("in sync", "the account")
                    self.assertNotEqual(terminal.settings(), terminal.before)
                    if number:
                        terminal.signal(number)
                    else:
                        terminal.type("q")
                    self.assertEqual(terminal.wait(), status)
                    self.assertEqual(terminal.settings(), terminal.before)
                    self.assertTrue(terminal.screen.has_cursor and not terminal.screen.is_other)
                    self.assertEqual(terminal.screen.text(), "")

    def test_top_and_the_shell_take_turns(self):
        """^Z gives the shell its screen back; going on brings the view again."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            terminal = self.top()
            terminal.wait_for("in sync", "the account")
            terminal.signal(signal.SIGTSTP)
            terminal.wait_for(lambda _: not terminal.screen.is_other, "the first screen is back")
            state = pathlib.Path(f"/proc/{terminal.pid}/stat")
            wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "it has stopped", interval=0.02)
            self.assertEqual(terminal.settings(), terminal.before)
            terminal.signal(signal.SIGCONT)
            terminal.wait_for(lambda text: terminal.screen.is_other and "in sync" in text, "the view is back")
            terminal.type("q")
            self.assertEqual(terminal.wait(), 0)

    def test_top_ends_with_the_daemon(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            terminal = self.top()
            terminal.wait_for("in sync", "the account")
            daemon.stop()
            self.assertEqual(terminal.wait(), 3)
            self.assertEqual(terminal.settings(), terminal.before)
            self.assertIn("imapsyncd has gone away", terminal.screen.text())

    def test_top_needs_a_terminal(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            result = self.acc.ctl("top")
            self.assertEqual(result.status, 2)
            self.assertIn("top needs a terminal", result.err)

    @unittest.skipIf(SANITIZED, "sanitizers make system calls of their own")
    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_top_costs_nothing_while_nothing_happens(self):
        """The view grows older on the screen, and the daemon hears nothing of it: not a message comes or goes on
        its control socket. What else wakes it, such as the networks of others on this machine, does not count."""
        self.once(self.acc)
        trace = self.directory / "strace"
        self.acc.strace(trace, "-ttt")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            terminal = self.top()
            terminal.wait_for("in sync", "the account")

            def messages():
                """Calls of the bus; all else reads and writes by recvfrom and sendto."""
                return len(re.findall(r"(?:recv|send)msg\(", trace.read_text(errors="replace")))

            wait_until(lambda: stays(messages, 5) is None, "the daemon comes to rest", deadline=90)
            terminal.drain()
            terminal.wait_redraw()
            before = messages()
            self.assertGreater(before, 0)
            terminal.wait_redraw()
            terminal.wait_redraw()
            self.assertEqual(messages(), before)
            self.acc.ctl("status")
            self.assertGreater(messages(), before)
            terminal.type("q")
            self.assertEqual(terminal.wait(), 0)

    def test_progress_tells_the_time_left(self):
        """A first synchronisation over a slow line: bar, rate and time left, in one line that leaves nothing."""
        for n in range(40):
            self.session.append("Archive", BIG + b"line of some words\r\n" * 1000)
        self.acc.settings["bandwidth"] = "150kB/s"
        self.acc.settings["disable-extensions"] = "COMPRESS=DEFLATE"
        self.acc.write_config()
        for columns, rows in SIZES:
            with self.subTest(f"{columns} columns"):
                shutil.rmtree(self.acc.maildir, ignore_errors=True)
                self.acc.database.unlink(missing_ok=True)
                with self.acc.daemon() as daemon:
                    daemon.wait_ready()
                    with Terminal(self.ctl("sync", "--wait"), columns, rows, self.environment()) as terminal:
                        text = terminal.wait_for("s left", "the time left")
                        self.assertEqual(len(text.split("\n")), 1, text)
                        self.assertRegex(text, r"^test/Archive  .*\[=*> *\]  \d+ of 60  .* \d+ s left$")
                        self.assertEqual(terminal.wait(120), 0)
                        self.assertEqual(terminal.screen.text(), "In sync.")
                        raw = terminal.raw.decode()
                        self.assertLess(raw.index("test/INBOX"), raw.index("test/Archive"))
                        # INBOX is whole soon, and the account is not.
                        self.assertNotIn("100 %", raw[:raw.index("test/Archive")])
