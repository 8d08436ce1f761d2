"""Servers of packages that cannot be installed beside Dovecot's: each set has a root of its own.

Such a root takes half a minute and is kept for the life of this process. A server runs in it with
its own mounts and processes; the network and the folder of temporary files are this machine's.
"""

import atexit
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from rig import imap, wait_until
from rig.dovecot import FIRST_UID, PASSWORD, free_ports

_roots = {}


class Root:
    """Root.of(packages): the one root with these packages."""

    @classmethod
    def of(cls, *packages):
        if packages not in _roots:
            _roots[packages] = cls(packages)
            atexit.register(_roots[packages].close)
        return _roots[packages]

    def __init__(self, packages):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-beside-"))
        self.log = open(f"{self.directory}.log", "w+", encoding="utf-8", errors="replace")
        command = [pathlib.Path(__file__).with_name("beside"), self.directory, *packages]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        if self.process.stdout.readline() != b"ready\n":
            self.close()
            self.log.seek(0)
            raise AssertionError(f"{' '.join(packages)} cannot be installed:\n{self.log.read()[-2000:]}")

    def command(self, *words):
        """A command in this root, which sees the mounts that were made for it."""
        return ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", *map(str, words)]

    @property
    def path(self):
        return self.directory / "root"

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        pathlib.Path(self.log.name).unlink(missing_ok=True)
        self.directory.rmdir()


def is_possible():
    """Installing and mounting need root; the packages are Debian's."""
    return os.getuid() == 0 and shutil.which("apt-get") is not None


class Server:
    """A server in a root of its own. A subclass has packages, users and a shell script that runs it.

    with Server(directory) as server: ...
    """

    packages = ()
    session_type = imap.Session
    tls = "none"
    imaps_port = None

    def __init__(self, directory, users=("alice",)):
        self.directory = pathlib.Path(directory)
        self.users = users
        self.host = "127.0.0.1"
        [self.imap_port] = free_ports(1)
        self.uid = self.gid = FIRST_UID + self.imap_port % 1000
        self.process = None
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)

    def prepare(self):
        """Write the configuration."""
        raise NotImplementedError

    def script(self):
        """Shell commands in the server's root, of which the last one is the server."""
        raise NotImplementedError

    def start(self):
        root = Root.of(*self.packages)
        self.prepare()
        inside = self.directory / "start"
        # The first process in the namespace ends with this one, and all others there with it.
        inside.write_text(f"set -e\nexec 3<&0 </dev/null\n{self.script()} &\nexec cat <&3\n")
        words = root.command("unshare", "--mount", "--pid", "--fork", "chroot", root.path, "sh", inside)
        with open(self.directory / "log", "ab") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, stderr=output)
        wait_until(self._is_up, f"{type(self).__name__} answers", deadline=30)
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("the server does not start:\n" + (self.directory / "log").read_text()[-2000:])
        try:
            with socket.create_connection((self.host, self.imap_port), 5) as s:
                return s.recv(4) == b"* OK"
        except OSError:
            return False

    def kill(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def session(self, user="alice"):
        return self.session_type(self.host, self.imap_port, user, PASSWORD)
