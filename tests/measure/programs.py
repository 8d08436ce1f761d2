"""The programs: how each is configured and run, and where it keeps its mail."""

import os
import re
import shutil
import sys

from measure import content
from rig import BUILD, REPOSITORY, interimap, maildir
from rig.account import Account
from rig.dovecot import PASSWORD

SECONDS = 30  # between two looks at the server, for those that only poll
PATH = os.environ["PATH"]
TUID = re.compile(rb"^X-TUID: \S+\r?\n", re.MULTILINE)  # mbsync's own field in a header


def mbsync_section(host, port, user, tls, folder, n=""):
    """Its configuration for one account."""
    return (
        f"IMAPAccount a{n}\nHost {host}\nPort {port}\nUser {user}\nPass {PASSWORD}\n{tls}"
        f"AuthMechs LOGIN PLAIN\n\nIMAPStore r{n}\nAccount a{n}\n\n"
        f"MaildirStore l{n}\nPath {folder}/\nInbox {folder}/INBOX\nSubFolders Verbatim\n\n"
        f"Channel c{n}\nFar :r{n}:\nNear :l{n}:\nPatterns *\nCreate Near\nExpunge Both\nSyncState *\n\n"
    )


class Way:
    """How the server is reached: over which link, with TLS or without."""

    def __init__(self, link, server, tls):
        self.link = link
        self.host = link.address
        self.tls = tls
        self.port = server.imaps_port if tls else server.imap_port
        self.ca_file = server.ca_file if tls else None


class Program:
    """A program with its mail in a directory of its own, on its way to the server.

    key is its name for --programs. once() and live() are the commands; a live command is repeated every 30 s
    if it loops. keeps: the flags that it synchronises, None for all of them.
    """

    key = name = package = None
    loops = False
    keeps = content.SYSTEM
    is_limit = False

    def __init__(self, home, way, local):
        home.mkdir(mode=0o700, parents=True)
        self.home = home
        self.way = way
        self.environment = {"PATH": PATH, "HOME": str(home), "LC_ALL": "C.UTF-8"}
        self.configure(local)

    @classmethod
    def is_there(cls):
        return shutil.which(cls.package) is not None

    def in_place(self, command):
        return [*self.way.link.prefix, *command]

    def configure(self, local):
        raise NotImplementedError

    def once(self):
        raise NotImplementedError

    def live(self):
        return self.once()

    def store(self):
        """What it holds: content.Files or content.Mailboxes."""
        raise NotImplementedError


class OnLocalServer(Program):
    """Its local side is a user of its own on a second server, reached by a command (PREAUTH)."""

    keeps = None

    def make_user(self, local):
        self.local = local
        self.user = self.key.replace("-", "") + self.home.name
        local.session(self.user).close()  # makes the home
        return local.tunnel(self.user)

    def store(self):
        return content.Mailboxes(self.local, self.user)


class Imapsyncd(Program):
    key, name, package = "imapsyncd", "imapsyncd", "imapsyncd"
    keeps = None

    @classmethod
    def is_there(cls):
        return True

    def configure(self, local):
        way = self.way
        settings = {"host": way.host, "port": way.port, "user": content.USER, "password": PASSWORD}
        settings |= {"ca-file": way.ca_file} if way.tls else {"tls": "none", "allow-cleartext": "yes"}
        self.account = Account(self.home, settings=settings)
        self.account.prefix = way.link.prefix
        self.choose_local(local)
        self.environment = self.account.environment()

    def choose_local(self, local):
        pass

    def once(self):
        return self.account.command("--once")

    def live(self):
        return self.account.command()

    def store(self):
        return content.Files(self.account.tree)


class ImapsyncdImap(Imapsyncd, OnLocalServer):
    key, name = "imapsyncd-imap", "imapsyncd, IMAP-IMAP"

    def choose_local(self, local):
        self.make_user(local)
        self.account.use_local_server(local, self.user)

    def store(self):
        return OnLocalServer.store(self)


class InterImap(OnLocalServer):
    key, name, package = "interimap", "interimap", "interimap"
    options = ()

    def configure(self, local):
        way = self.way
        settings = interimap.configure(self.home, way.host, way.port, content.USER, self.make_user(local),
                                       way.ca_file)
        self.environment |= settings

    def once(self):
        return self.in_place(["interimap", "--quiet"])

    def live(self):
        return self.in_place(["interimap", "--quiet", *self.options])


class InterImapWatch(InterImap):
    key, name, options = "interimap-watch", f"interimap --watch={SECONDS}", (f"--watch={SECONDS}",)


class InterImapNotify(InterImap):
    key, name, options = "interimap-notify", "interimap --notify", ("--notify",)


class OfflineImap(Program):
    key, name, package = "offlineimap", "offlineimap", "offlineimap"
    options = ()

    def configure(self, local):
        way = self.way
        tls = f"ssl = yes\nsslcacertfile = {way.ca_file}\n" if way.tls else "ssl = no\nstarttls = no\n"
        (self.home / "rc").write_text(
            f"[general]\naccounts = a\nui = quiet\nmetadata = {self.home}/metadata\n"
            "[Account a]\nlocalrepository = l\nremoterepository = r\n"
            # As in the benchmark of InterIMAP: quickly every 30 s, wholly once an hour; for live() only.
            + (f"autorefresh = {SECONDS / 60}\nquick = {3600 // SECONDS}\n" if self.is_daemon else "")
            + f"[Repository l]\ntype = Maildir\nlocalfolders = {self.home}/Mail\n"
            f"[Repository r]\ntype = IMAP\nremotehost = {way.host}\nremoteport = {way.port}\n"
            f"remoteuser = {content.USER}\nremotepass = {PASSWORD}\n{tls}"
        )

    is_daemon = False

    def once(self):
        return self.in_place(["offlineimap", *self.options, "-c", str(self.home / "rc")])

    def store(self):
        return content.Files(maildir.Tree(self.home / "Mail"))


class OfflineImapQuick(OfflineImap):
    key, name, options = "offlineimap-q", "offlineimap -q", ("-q",)


class OfflineImapDaemon(OfflineImap):
    key, name, is_daemon = "offlineimap-daemon", "offlineimap, autorefresh", True

    def once(self):
        return self.in_place(["offlineimap", "-o", "-c", str(self.home / "rc")])

    def live(self):
        return super().once()


class Mbsync(Program):
    key, name, package = "mbsync", "mbsync", "mbsync"
    loops = True

    def configure(self, local):
        way = self.way
        tls = f"SSLType IMAPS\nCertificateFile {way.ca_file}\n" if way.tls else "SSLType None\n"
        (self.home / "Mail").mkdir()
        (self.home / "rc").write_text(
            mbsync_section(way.host, way.port, content.USER, tls, self.home / "Mail"))

    def once(self):
        return self.in_place(["mbsync", "-q", "-c", str(self.home / "rc"), "-a"])

    def store(self):
        return content.Files(maildir.Tree(self.home / "Mail"), TUID)


class Limit(Program):
    """Not a program but what none can do without: a drain of all bodies to files, the shortest session that tells
    whether anything has changed, and one that follows what happens and makes it durable."""

    key, name, package = "limit", "the limit", "python3"
    is_limit = True

    def configure(self, local):
        self.environment["PYTHONPATH"] = str(REPOSITORY / "tests")

    def command(self, what, names, directory=None):
        way = self.way
        words = [sys.executable, "-m", "measure.bare", what, way.host, str(way.port), str(way.ca_file or "-"),
                 content.USER, PASSWORD, str(directory or self.home)]
        return self.in_place([*words, *map(str, names)])

    def once(self):
        raise AssertionError("it has three commands")

    def live(self):
        way = self.way
        return self.in_place([BUILD / "tests" / "limit-follow", way.host, way.port, content.USER, PASSWORD, self.home])


ONCE = [Limit, Imapsyncd, ImapsyncdImap, InterImap, OfflineImapQuick, OfflineImap, Mbsync]
LIVE = [Limit, Imapsyncd, ImapsyncdImap, InterImapNotify, InterImapWatch, Mbsync, OfflineImapDaemon]
IDLE = [Imapsyncd, InterImapNotify, InterImapWatch, Mbsync]


def missing(kinds):
    """A sentence for each that is not installed."""
    debian = {"offlineimap": "offlineimap3", "mbsync": "isync"}
    return [f"{kind.name} is left out: install {debian.get(kind.package, kind.package)} to have it."
            for kind in kinds if not kind.is_there()]
