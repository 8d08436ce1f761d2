"""The real places of passwords, with nobody to ask: a password store (pass), and the desktop's keyring."""

import os
import shutil
import subprocess

from rig import wait_until

CONFIG = """<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


def have(*programs):
    return all(shutil.which(name) for name in programs)


class _Place:
    """with Place(directory) as place: place.variables in the environment of a program lead it there."""

    programs = ()  # that must be there

    def __init__(self, directory):
        self.directory = directory
        self.variables = {}

    def run(self, *words, text=""):
        done = subprocess.run(list(map(str, words)), env=os.environ | self.variables, input=text, text=True,
                              capture_output=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done.stdout


class PasswordStore(_Place):
    """pass, with a key without a passphrase."""

    programs = ("pass", "gpg", "gpgconf")

    def __enter__(self):
        home = self.directory / "gnupg"  # the sockets of its agent have room in a short path only
        home.mkdir(mode=0o700)
        self.variables = {"GNUPGHOME": str(home), "PASSWORD_STORE_DIR": str(self.directory / "store")}
        self.run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "alice@example.test",
                 "future-default", "default", "never")
        self.run("pass", "init", "alice@example.test")
        return self

    def __exit__(self, *_):
        self.run("gpgconf", "--kill", "all")

    def lookup(self, account):
        return self.run("pass", "show", f"imap/{account}")

    def names(self):
        store = self.directory / "store"
        return sorted(str(path.relative_to(store)) for path in store.rglob("*.gpg"))


class Keyring(_Place):
    """gnome-keyring, unlocked, on a session bus of its own."""

    programs = ("secret-tool", "gnome-keyring-daemon", "dbus-daemon", "busctl")

    def __enter__(self):
        socket, config = self.directory / "session-bus", self.directory / "session-bus.conf"
        config.write_text(CONFIG.format(socket=socket))
        folders = {name: self.directory / name for name in ("XDG_DATA_HOME", "XDG_RUNTIME_DIR")}
        for folder in folders.values():
            folder.mkdir(mode=0o700)
        self.variables = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={socket}"}
        self.variables |= {name: str(folder) for name, folder in folders.items()}
        self.processes = []
        self._start("dbus-daemon", "--nofork", "--nopidfile", "--config-file", config)
        wait_until(socket.exists, "the bus is there")
        keyring = self._start("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
        keyring.stdin.write(b"hush")
        keyring.stdin.close()
        wait_until(self._answers, "the keyring answers")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(10)

    def _start(self, *words):
        with open(self.directory / "keyring.log", "ab") as log:
            process = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=log, stderr=log,
                                       env=os.environ | self.variables)
        self.processes.append(process)
        return process

    def _answers(self):
        words = ["busctl", f"--address={self.variables['DBUS_SESSION_BUS_ADDRESS']}", "--auto-start=no", "call",
                 "org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default",
                 "org.freedesktop.DBus.Peer", "Ping"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def lookup(self, account):
        return self.run("secret-tool", "lookup", "imap", account)

    def names(self):
        found = self.run("secret-tool", "search", "--all", "--unlock", "imap", "example")
        return [line for line in found.splitlines() if line.startswith("label = ")]
