"""An account of imapsyncd in a directory of its own: configuration, Maildir, state, control socket."""

import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from rig import IMAPSYNCCTL, IMAPSYNCD, Timeout, maildir, wait_until
from rig.dovecot import PASSWORD


class Result:
    """How a program ended. status is negative for a signal."""

    def __init__(self, status, out, err, seconds):
        self.status = status
        self.out = out
        self.err = err
        self.seconds = seconds

    def __str__(self):
        return f"status {self.status} after {self.seconds:.2f} s\n{self.out}{self.err}"


class Account:
    """One account "test" (or another name) of one configuration.

    settings: keys of the [account] section, over those that follow from the server
    """

    def __init__(self, directory, server=None, user="alice", tls="implicit", layout="fs", name="test",
                 settings=None):
        self.directory = pathlib.Path(directory)
        self.name = name
        self.maildir = self.directory / "Mail"
        self.state = self.directory / "state"
        self.config = self.directory / "imapsyncd.conf"
        self.socket = self.directory / "run" / "control"
        self.tree = maildir.Tree(self.maildir, layout)
        self.settings = {"user": user, "password": PASSWORD, "maildir": self.maildir}
        if layout != "fs":
            self.settings["maildir-layout"] = layout
        if server:
            self.settings |= self.server_settings(server, tls)
        self.settings |= settings or {}
        self.local = {}  # keys of the [local] section, see use_local_server()
        self.prefix = []  # a command in front: ip netns exec ...
        self.variables = {}  # in the environment of the programs
        for path in (self.directory, self.state, self.socket.parent):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o700)
        self.write_config()

    def strace(self, trace, *options):
        """Have strace in front from now on, behind what is there; what it sees goes to the file trace."""
        # -D: strace is the child, and the program keeps the pid that is known here.
        self.prefix = [*self.prefix, "strace", "-D", "-f", *options, "-o", trace]

    @staticmethod
    def server_settings(server, tls):
        port = server.imaps_port if tls == "implicit" else server.imap_port
        settings = {"host": server.host, "port": port, "tls": tls}
        if tls != "none":
            settings["ca-file"] = server.ca_file
        return settings

    def write_config(self, extra=""):
        """Write settings; None leaves a key out."""
        text = self._section("account", self.settings)
        if self.local:
            text += self._section("local", self.local)
        self.write_text(text + extra)

    def _section(self, kind, settings):
        lines = [f"{key} = {value}" for key, value in settings.items() if value is not None]
        return "\n".join([f"[{kind} {self.name}]", *lines]) + "\n"

    def use_local_server(self, server, user="alice", tls=None):
        """The local side is another server, as [local NAME] has it: by a tunnel, or with tls by a socket."""
        self.settings["maildir"] = None
        self.local = {"tunnel": server.tunnel(user)}
        if tls:
            self.local = self.server_settings(server, tls) | {"user": user, "password": PASSWORD}
        self.write_config()

    def write_text(self, text, mode=0o600):
        self.config.write_text(text)
        self.config.chmod(mode)

    def environment(self):
        env = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        for key in ("NOTIFY_SOCKET", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM"):
            env.pop(key, None)
        # The battery of the machine that tests is no concern of the tests; a bus of their own is in the variables.
        env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.directory}/no-bus"
        return env | {"HOME": str(self.directory), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"} | self.variables

    def command(self, *args):
        own = [IMAPSYNCD, "--config", self.config, "--state-dir", self.state, "--socket", self.socket]
        return [*self.prefix, *own, *args]

    def run(self, command, timeout=120):
        """Run a command to its end."""
        start = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", env=self.environment(), start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            # With all that a command in front has started.
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise Timeout(f"{command[0]} still runs after {timeout} s:\n{err[-3000:]}") from None
        return Result(process.returncode, out, err, time.monotonic() - start)

    def daemon_run(self, *args, timeout=120):
        """imapsyncd with these options, until it ends by itself."""
        return self.run(self.command(*args), timeout)

    def once(self, *args, timeout=120):
        return self.daemon_run("--once", *args, timeout=timeout)

    def ctl(self, *args, timeout=60):
        return self.run([IMAPSYNCCTL, "--socket", self.socket, *args], timeout)

    def ctl_json(self, *args):
        result = self.ctl("--json", *args)
        if result.status != 0:
            raise AssertionError(f"imapsyncctl --json {' '.join(args)}: {result}")
        # One document, or one a line where a job tells how it goes.
        lines = [json.loads(line) for line in result.out.splitlines() if line.strip()]
        return lines[0] if len(lines) == 1 else lines

    def daemon(self, *args):
        return Daemon(self, args)

    @property
    def database(self):
        return self.state / f"{self.name}.db"

    def rows(self):
        """Every row of the state database, as text."""
        with tempfile.TemporaryDirectory() as copy:
            for path in self.state.glob(self.database.name + "*"):
                shutil.copy(path, copy)
            connection = sqlite3.connect(pathlib.Path(copy) / self.database.name)
            rows = list(connection.iterdump())
            connection.close()
        return rows


class Daemon:
    """with account.daemon() as daemon: the daemon runs. Leaving sends SIGTERM."""

    def __init__(self, account, args=(), command=None):
        self.account = account
        self.log_path = account.directory / "daemon.log"
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            list(map(str, command or account.command(*args))), stdin=subprocess.DEVNULL,
            stdout=self.log_file, stderr=self.log_file, env=account.environment(),
        )

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self, deadline=30):
        """Until the control socket answers."""

        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended: {self.process.returncode}\n{self.log()}")
            return self.account.socket.exists() and self.account.ctl("version").status == 0

        wait_until(answers, "the daemon answers", deadline, interval=0.05)
        return self

    def wait_in_sync(self, timeout=120):
        self.wait_ready()
        result = self.account.ctl("sync", "--wait", timeout=timeout)
        if result.status != 0:
            raise AssertionError(f"sync --wait: {result}\n{self.log()[-3000:]}")
        return self

    def stop(self, timeout=10):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout=10):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Timeout(f"the daemon did not end in {timeout} s\n{self.log()[-3000:]}") from None
        finally:
            self.log_file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.stop()
        self.log_file.close()

    def status_field(self, name):
        """A field of /proc/PID/status, summed over the threads."""
        total = 0
        for path in pathlib.Path(f"/proc/{self.pid}/task").glob("*/status"):
            for line in path.read_text().splitlines():
                if line.startswith(name + ":"):
                    total += int(line.split()[1])
        return total
