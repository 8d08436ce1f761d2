"""The control socket: another user of the machine, and a client of our own that means no good."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys

from rig import IMAPSYNCCTL, wait_until
from torment.attack.stage import Skipped, memory

NOBODY = 65534
HELLO = b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
# A call whose body is said to have 128 MB, the most that D-Bus allows.
LONG_CALL = b"l\1\0\1" + (127 << 20).to_bytes(4, "little") + b"\1\0\0\0" + (16).to_bytes(4, "little") + b"\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0"
# Run as somebody else: what a client there gets to hear, in one line.
STRANGER = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(5)
try:
    s.connect(sys.argv[1]); s.sendall(%r); print("heard", s.recv(100))
except OSError as error:
    print("refused", error.__class__.__name__)
""" % HELLO


@contextlib.contextmanager
def running(stage):
    """A daemon with an account of one mailbox, in sync; it must still be there, and answer, in the end."""
    account = stage.account(stage.dovecot(), tls="none")
    with account.daemon() as daemon:
        daemon.wait_in_sync()
        before = descriptors(daemon.pid)
        yield account, daemon
        wait_until(lambda: account.ctl("status").status == 0, "the daemon answers again", deadline=20)
        wait_until(lambda: descriptors(daemon.pid) <= before, f"{descriptors(daemon.pid)} descriptors, {before} before")
        stage.say(f"{memory(daemon.pid):.1f} MB at most, {descriptors(daemon.pid)} descriptors")
        stage.check(memory(daemon.pid) < 40, f"the daemon took {memory(daemon.pid):.0f} MB")
        stage.check(daemon.stop() == 0, "the daemon ends well")
        stage.safe(daemon.log())


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def as_nobody(*command):
    setpriv = shutil.which("setpriv")
    if os.getuid() != 0 or not setpriv:
        raise Skipped("needs root and setpriv")
    return subprocess.run([setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *map(str, command)],
                          capture_output=True, text=True, timeout=30)


def another_user(stage):
    """Somebody else connects: the folder is shut, and where it is open the other side is asked for."""
    with running(stage) as (account, _daemon):
        python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
        for mode, path in ((0o700, account.socket.parent), (0o600, account.socket)):
            stage.check(path.stat().st_mode & 0o777 == mode, f"{path.name} has mode {path.stat().st_mode:o}")
        said = [as_nobody(python, "-c", STRANGER, account.socket)]
        account.directory.chmod(0o755)
        account.socket.parent.chmod(0o755)
        said.append(as_nobody(python, "-c", STRANGER, account.socket))
        account.socket.chmod(0o666)
        said.append(as_nobody(python, "-c", STRANGER, account.socket))
        copy = pathlib.Path(shutil.copy(IMAPSYNCCTL, stage.directory / "ctl"))
        told = as_nobody(copy, "--socket", account.socket, "status")
        stage.check([s.stdout.strip() for s in said[:2]] == ["refused PermissionError"] * 2, f"by the mode: {said}")
        stage.check(said[2].stdout.strip() in ("heard b''", "refused ConnectionResetError", "refused BrokenPipeError"),
                    f"the socket open to all: {said[2]}")
        stage.check(told.returncode != 0 and not told.stdout, f"imapsyncctl as another user: {told}")


def client(account, *pieces):
    """One client that says this; it stays connected."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    with contextlib.suppress(OSError):
        sock.connect(str(account.socket))
        for piece in pieces:
            sock.sendall(piece)
    return sock


def garbage(stage):
    """An endless line, an endless message, a message that never comes, questions whose answers are not read."""
    megabyte = b"A" * 1_000_000
    with running(stage) as (account, daemon):
        call = question(account)
        clients = [client(account, b"\0AUTH ", *[megabyte] * 20), client(account, HELLO, *[megabyte] * 20),
                   client(account, HELLO, LONG_CALL), client(account, HELLO, call * 5000),
                   client(account, b"\0" * 100), client(account, b"GET / HTTP/1.0\r\n\r\n")]
        stage.check(account.ctl("status").status == 0, "the daemon does not answer meanwhile")
        stage.say(f"{memory(daemon.pid):.1f} MB meanwhile")
        for sock in clients:
            sock.close()


def question(account):
    """What imapsyncctl says behind its greeting, as a socket in its way hears it."""
    path = account.socket.parent / "question"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        with subprocess.Popen([IMAPSYNCCTL, "--socket", path, "status"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            sock, _ = listener.accept()
            heard = b""
            while b"BEGIN\r\n" not in heard:
                heard += sock.recv(4096)
            sock.sendall(b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n")
            heard = heard.partition(b"BEGIN\r\n")[2] or sock.recv(4096)
            sock.close()
            process.wait(20)
    path.unlink()
    return heard


def thousand_clients(stage):
    """A thousand connections that say nothing, then a thousand that go away at once."""
    with running(stage) as (account, daemon):
        clients = [client(account) for _ in range(60)]
        # More are not taken in: the others are turned away, or wait in a queue that has an end.
        for _ in range(1000):
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.connect(str(account.socket))
            sock.close()
        stage.check(descriptors(daemon.pid) < 60, f"{descriptors(daemon.pid)} descriptors")
        for sock in clients:
            sock.close()


ATTACKS = [another_user, garbage, thousand_clients]
