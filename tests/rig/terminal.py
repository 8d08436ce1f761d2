"""A program on a terminal: what it shows, and what a person types."""

import os
import pty
import select
import signal
import subprocess
import termios
import time

from rig import Timeout


class Terminal:
    """with Terminal(command, env) as terminal: terminal.expect("Password"); terminal.type("secret")"""

    def __init__(self, command, env):
        self.master, slave = pty.openpty()
        # As a shell would start it: the terminal is its own, so that Ctrl-C reaches it.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *map(str, command)], stdin=slave, stdout=slave, stderr=slave, env=env,
        )
        os.close(slave)
        self.shown = ""
        self.taken = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)

    def _read(self, seconds):
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.master, 4096)
        except OSError:  # EIO: nobody has the other end any more
            data = b""
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def expect(self, text, deadline=60):
        """Until it is shown, behind what was expected before."""
        end = time.monotonic() + deadline
        while (at := self.shown.find(text, self.taken)) < 0:
            if time.monotonic() > end:
                raise Timeout(f"“{text}” is not shown within {deadline} s:\n{self.shown}")
            if not self._read(end - time.monotonic()) and self.process.poll() is not None:
                if self.shown.find(text, self.taken) < 0:
                    raise AssertionError(f"it ended and has not shown “{text}”:\n{self.shown}")
        self.taken = at + len(text)

    def type(self, text, end="\n"):
        os.write(self.master, (text + end).encode())

    def answer(self, question, text):
        self.expect(question)
        self.type(text)

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def wait(self, deadline=60):
        """Its exit status; shown is then all that it has said."""
        end = time.monotonic() + deadline
        while self._read(end - time.monotonic()):
            pass
        return self.process.wait(max(end - time.monotonic(), 1))
