"""A program on a terminal of its own: what is on its screen, as text or as a picture.

The terminal knows what imapsyncctl says to one: cursor home, erase, colours, the other screen, a hidden
cursor. Anything else it is told is an error, so that nothing is shown here that a terminal would not show.
"""

import fcntl
import html
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from rig import Timeout

SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")
STYLES = {"0": "", "1": "title", "2": "faint", "32": "good", "33": "warn", "1;31": "bad"}
COLOURS = {"title": "#ffffff", "faint": "#8b949e", "good": "#56d364", "warn": "#e3b341", "bad": "#ff7b72"}
CELL_WIDTH, CELL_HEIGHT, BASELINE = 8, 17, 13


class Screen:
    """Cells of a character and a style each."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.style = ""
        self.row = self.column = 0
        self.is_other = False  # the alternate screen is shown
        self.has_cursor = True
        self.cells = self._empty()
        self._kept = None  # of the first screen, while the other one is shown
        self._rest = ""

    def _empty(self):
        return [[(" ", "")] * self.columns for _ in range(self.rows)]

    def feed(self, text):
        """Take in what the program has written; a sequence that is not whole yet waits for the rest."""
        text = self._rest + text
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = SEQUENCE.match(text, at)
                if not match:
                    self._rest = text[at:]
                    if len(self._rest) > 32:
                        raise AssertionError(f"not for a terminal: {self._rest[:32]!r}")
                    return
                self._obey(*match.groups())
                at = match.end()
            else:
                self._put(text[at])
                at += 1

    def _obey(self, private, number, letter):
        if letter == "m" and number in STYLES:
            self.style = STYLES[number]
        elif letter == "H" and not number:
            self.row = self.column = 0
        elif letter == "K" and not number:
            self.cells[self.row][self.column:] = [(" ", "")] * (self.columns - self.column)
        elif letter == "J" and not number:
            self._obey("", "", "K")
            for row in range(self.row + 1, self.rows):
                self.cells[row] = [(" ", "")] * self.columns
        elif private and letter in "hl" and number == "25":
            self.has_cursor = letter == "h"
        elif private and letter in "hl" and number == "1049":
            self._switch(letter == "h")
        else:
            raise AssertionError(f"not known to this terminal: {private}{number}{letter}")

    def _switch(self, to_other):
        if to_other == self.is_other:
            return
        self.is_other = to_other
        if to_other:
            self._kept = (self.cells, self.row, self.column)
            self.cells = self._empty()
        else:
            self.cells, self.row, self.column = self._kept

    def _put(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._line_feed()
        elif char == "\x07":
            pass
        elif ord(char) < 32:
            raise AssertionError(f"a control character: {char!r}")
        else:
            if self.column == self.columns:  # wrapped, as a terminal does with the next character
                self.column = 0
                self._line_feed()
            self.cells[self.row][self.column] = (char, self.style)
            self.column += 1

    def _line_feed(self):
        if self.row + 1 < self.rows:
            self.row += 1
            return
        self.cells = [*self.cells[1:], [(" ", "")] * self.columns]

    def lines(self):
        """The text, without blanks at the ends."""
        return ["".join(char for char, _ in row).rstrip() for row in self.cells]

    def text(self):
        return "\n".join(self.lines()).rstrip("\n")

    def _runs(self, row):
        """Words of one style: column, text, style. More than one blank is a gap, which no font may close."""
        start = 0
        while start < self.columns:
            style = row[start][1]
            end = start
            while end < self.columns and row[end][1] == style:
                end += 1
            text = "".join(char for char, _ in row[start:end])
            for words in re.finditer(r"\S+(?: \S+)*", text):
                yield start + words.start(), words[0], style
            start = end

    def svg(self, title):
        """A picture of the screen, down to its last line with text."""
        n_rows = len(self.text().split("\n"))
        width, height = self.columns * CELL_WIDTH + 16, n_rows * CELL_HEIGHT + 16
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
               f' height="{height}" role="img"><title>{html.escape(title)}</title>',
               '<rect width="100%" height="100%" rx="6" fill="#0d1117"/>',
               '<g font-family="monospace" font-size="13" fill="#c9d1d9" xml:space="preserve">']
        for n, row in enumerate(self.cells[:n_rows]):
            for column, text, style in self._runs(row):
                out.append(self._svg_text(n, column, text, style))
        return "\n".join([*out, "</g></svg>\n"])

    @staticmethod
    def _svg_text(row, column, text, style):
        """textLength keeps the columns where they are, whatever font the reader has."""
        look = f' fill="{COLOURS[style]}"' if style else ""
        if style in ("title", "bad"):
            look += ' font-weight="bold"'
        length = f' textLength="{len(text) * CELL_WIDTH}"' if len(text) > 1 else ""
        return (f'<text x="{8 + column * CELL_WIDTH}" y="{8 + row * CELL_HEIGHT + BASELINE}"{length}{look}>'
                f"{html.escape(text)}</text>")


class Terminal:
    """with Terminal(command, columns, rows, env) as terminal: the program runs on it."""

    def __init__(self, command, columns=80, rows=24, env=None):
        self.screen = Screen(columns, rows)
        self.status = None  # of the program, when it has ended: negative for a signal
        self.is_closed = False
        self.raw = b""
        self._bytes = b""
        self.fd, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if self.pid == 0:
            self._become(list(map(str, command)), env)

    def _become(self, command, env):
        try:
            os.close(self.fd)
            os.login_tty(self.slave) if hasattr(os, "login_tty") else self._login()
            os.execvpe(command[0], command, env or os.environ)
        finally:
            os._exit(127)

    def _login(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(self.slave, fd)

    def read(self, seconds):
        """Take in what is there, or comes within this time. False: nothing came."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        self._bytes += (data := os.read(self.fd, 65536))
        self.raw += data
        text = self._bytes.decode(errors="ignore")
        # a character that is cut in two waits for its other half
        self._bytes = self._bytes[len(text.encode()):] if len(text.encode()) < len(self._bytes) else b""
        self.screen.feed(text)
        return True

    def wait_for(self, condition, what, deadline=30):
        """Until condition(screen text) is true; a string must be on the screen. Returns the text."""
        end = time.monotonic() + deadline
        holds = (lambda text: condition in text) if isinstance(condition, str) else condition
        while not holds(self.screen.text()):
            if time.monotonic() > end:
                raise Timeout(f"{what}: not within {deadline} s; the screen:\n{self.screen.text()}")
            if not self.read(0.5) and self._has_ended():
                self.drain()
                if holds(self.screen.text()):
                    break
                raise AssertionError(f"{what}: the program ended ({self.status}):\n{self.screen.text()}")
        return self.screen.text()

    def wait_redraw(self, deadline=30):
        """Until something is written."""
        if not self.read(deadline):
            raise Timeout(f"nothing was drawn within {deadline} s")

    def drain(self):
        """Take in what has been written so far."""
        while self.read(0):
            pass

    def settle(self):
        """Until nothing has come for a moment: no frame is half drawn."""
        while self.read(0.05):
            pass

    def resize(self, columns, rows):
        """As a window that is dragged; what is on it is gone."""
        self.screen = Screen(columns, rows)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def signal(self, number):
        os.kill(self.pid, number)

    def _has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, deadline=30):
        """The exit status; all that was written is taken in."""
        end = time.monotonic() + deadline
        while not self._has_ended():
            if time.monotonic() > end:
                raise Timeout(f"the program still runs:\n{self.screen.text()}")
            self.read(0.05)
        self.drain()
        return self.status

    def settings(self):
        return termios.tcgetattr(self.slave)

    def close(self):
        if self.is_closed:
            return
        self.is_closed = True
        if not self._has_ended():
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        os.close(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def capture(command, columns, rows, env):
    """Run a program to its end: its exit status and its screen."""
    with Terminal(command, columns, rows, env) as terminal:
        return terminal.wait(), terminal.screen
