"""Other programs that synchronise mail, each with a home of its own: to come from."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

from rig import interimap, maildir, wait_until
from rig.dovecot import PASSWORD

TUID = re.compile(rb"^X-TUID: \S+\r?\n", re.MULTILINE)  # mbsync's own field in a header


class Other:
    """A program, reached through port of this machine without TLS. command() synchronises once."""

    name = program = None

    def __init__(self, home, port, user="alice"):
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True)
        self.mail = self.home / "Mail"
        self.tree = maildir.Tree(self.mail)
        self.port = port
        self.user = user
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        self.environment |= {"HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        self.configure()

    @classmethod
    def is_there(cls):
        return shutil.which(cls.program) is not None

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def sync(self, timeout=600):
        result = subprocess.run(
            self.command(), env=self.environment, capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if result.returncode != 0:
            raise AssertionError(f"{self.program} ended with {result.returncode}:\n{result.stdout}{result.stderr}")

    def interrupt(self, is_in_the_middle):
        """Begin to synchronise, and be killed where nobody can prepare for it."""
        process = subprocess.Popen(
            self.command(), env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            wait_until(is_in_the_middle, f"{self.program} is in the middle")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stamp(self):
        """What the home holds but for our own files: equal, nothing of it was touched."""
        return {
            path: stamp for path, stamp in maildir.Tree(self.home).stamp().items()
            if not path.startswith(str(self.home / "ours")) and path != str(self.home) + "/"
        }


class Mbsync(Other):
    name, program = "mbsync", "mbsync"
    sync_state = "*"
    extra = ""

    def configure(self):
        self.mail.mkdir(exist_ok=True)
        (self.home / ".mbsync").mkdir(exist_ok=True)
        self.config = self.home / ".mbsyncrc"
        self.config.write_text(
            f"IMAPAccount test\nHost 127.0.0.1\nPort {self.port}\nUser {self.user}\n"
            f'PassCmd "echo {PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount test\n\n'
            f"MaildirStore near\nPath {self.mail}/\nInbox {self.mail}/INBOX\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n"
            f"{self.state_line()}{self.extra}"
        )

    def state_line(self):
        return f"SyncState {self.sync_state}\n" if self.sync_state else ""

    def command(self):
        return ["mbsync", "-a"]


class OfflineImap(Other):
    name, program = "offlineimap", "offlineimap"
    sep = "/"

    def configure(self):
        self.config = self.home / ".offlineimaprc"
        self.config.write_text(
            "[general]\naccounts = test\nui = quiet\n[Account test]\nlocalrepository = here\n"
            "remoterepository = there\n[Repository here]\ntype = Maildir\n"
            f"localfolders = {self.mail}\nsep = {self.sep}\n[Repository there]\ntype = IMAP\n"
            f"remotehost = 127.0.0.1\nremoteport = {self.port}\nremoteuser = {self.user}\n"
            f"remotepass = {PASSWORD}\nssl = no\nstarttls = no\n"
        )

    def command(self):
        return ["offlineimap", "-o"]

    def status(self, folder):
        return self.home / ".offlineimap" / "Account-test" / "LocalStatus-sqlite" / folder


class InterImap(Other):
    """Its local side is a user of another server."""

    name, program = "interimap", "interimap"

    def __init__(self, home, port, local):
        self.local = local
        local.session("bob").close()  # makes the home
        super().__init__(home, port)

    def configure(self):
        self.environment |= interimap.configure(self.home, "127.0.0.1", self.port, self.user,
                                                self.local.tunnel("bob"))
        self.config = self.home / "config" / "interimap" / "config"
        self.database = self.home / "data" / "interimap" / "remote.db"

    def command(self):
        return ["interimap", "--quiet"]


_TORN = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE torn (text)")
connection.executemany("INSERT INTO torn VALUES (?)", [("x" * 4000,)] * 100)
os.kill(os.getpid(), 9)
"""


def tear(database):
    """Whoever wrote to this SQLite database was killed before the transaction had its end."""
    subprocess.run([sys.executable, "-c", _TORN, str(database)], check=False)
    journal = database.with_name(database.name + "-journal")
    if not journal.exists() or journal.stat().st_size == 0:
        raise AssertionError(f"{journal} was not left behind")
