"""Sessions for a wire that breaks: two small sides in sync, and changes that leave as much as they found.

A world goes on: each session changes it anew and is much like the one before, so that one after the other
can be cut a byte later. The model is kept by the hand that makes the changes.
"""

import contextlib
import os
import shutil
import sqlite3

from rig import compare, sides
from rig.account import Account
from rig.proxy import Proxy
from torment import oracle

MAILBOXES = ["INBOX", "list", "list/sub"]
KEPT = 3  # messages of a mailbox
TRANSPORTS = ["plain", "compress", "tls", "tls+compress"]
STATUS = 'LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))'
SETTINGS = {"delete-mailboxes": "yes", "brake": "100%"}


class World:
    """A user of a server, an account of that user, and a wire between one side of it and the program.

    kind: "full", "gmail", "bare": the profile of the server behind the wire, which is the remote side;
          "local", "tunnel": the wire leads to the local side, which is a server as well
    """

    def __init__(self, directory, servers, kind, transport, user, without="", timeout="5s", poll="1s"):
        self.kind = kind
        self.user = user
        self.stack = contextlib.ExitStack()
        self.server = servers["full" if kind in ("local", "tunnel") else kind]
        self.near = servers["full"] if kind in ("local", "tunnel") else None
        self.near_user = user + "-near"
        tls = "implicit" if "tls" in transport else "none"
        behind = self.near or self.server
        self.wire = self.stack.enter_context(
            Proxy(behind.host, behind.imaps_port if "tls" in transport else behind.imap_port))
        off = f"{without} {'' if 'compress' in transport else 'COMPRESS=DEFLATE'}".strip() or None
        self.account = Account(directory / user, self.server, user=user, tls="none" if self.near else tls,
                               settings=SETTINGS | {"disable-extensions": off})
        if self.near:
            self._use_local(tls)
        else:
            self.account.settings["port"] = self.wire.port
        self.extra = f"[daemon]\npoll-interval = {poll}\n"
        self.set_timeout(timeout)
        self._fill()

    def set_timeout(self, timeout):
        self.account.settings["timeout"] = timeout
        self.account.write_config(self.extra)

    def _use_local(self, tls):
        self.account.use_local_server(self.near, self.near_user, tls)
        if self.kind == "tunnel":
            self.account.local["port"] = None
            if tls == "none":
                self.account.local["host"] = self.account.local["tls"] = None
            self.account.local["tunnel"] = f"socat - TCP:{self.wire.host}:{self.wire.port}"
        else:
            self.account.local["port"] = self.wire.port

    def _fill(self):
        self.n = self.step = 0
        self.remote = sides.ImapSide(self.stack.enter_context(self.server.session(self.user)))
        if self.near:
            session = self.stack.enter_context(self.near.session(self.near_user))
            self.local = sides.ImapSide(session, "local server")
        else:
            self.local = sides.MaildirSide(self.account.tree)
        self.sides = [self.remote, self.local]
        self.model = {mailbox: [] for mailbox in MAILBOXES}
        for mailbox in MAILBOXES[1:]:
            self.remote.create(mailbox)
        for mailbox in MAILBOXES:
            for n in range(KEPT):
                self.put(self.remote, mailbox, ["\\seen"] if n else [])
        self.finish()
        if found := self.judge():
            raise AssertionError(f"not in sync at first: {found[:5]}")

    def close(self):
        self.stack.close()

    def remove(self):
        """What it leaves on the disk."""
        shutil.rmtree(self.account.directory)

    def finish(self):
        result = self.account.once()
        if result.status != 0:
            raise AssertionError(f"the run does not end well: {result}")

    def judge(self):
        """What the oracle says. The handles of messages are those of now."""
        self.contents = {side: side.content() for side in self.sides}
        named = [(f"on the {side.name}", content) for side, content in self.contents.items()]
        return oracle.judge(self.model, *named)

    def stamp(self):
        """Of all that a run may change, on both sides and in the state: the same stamp, it has done nothing."""
        stamp = {side.name: [row[1:] for row in side.session.command(STATUS) if row[0] == b"STATUS"]
                 for side in self.sides if not side.is_maildir}
        for path in self.account.state.glob("*"):
            if path.name != "lock":
                stamp[path] = path.read_bytes()
        for path, directories, files in os.walk(self.account.maildir):
            stamp[path] = sorted(directories)
            for name in files:
                info = os.lstat(os.path.join(path, name))
                stamp[path, name] = info.st_ino, info.st_size, info.st_mtime_ns
        return stamp

    # Changes

    def put(self, side, mailbox, flags=(), size=40):
        self.n += 1
        label = f"{self.user}.{self.n:05}"
        body = (label.encode() * (size // len(label) + 1))[:size]
        data = b"Message-ID: <%s@example.org>\r\nSubject: wire\r\n\r\n%s\r\n" % (label.encode(), body)
        side.deliver(mailbox, data, set(flags) or None, date="17-Jul-2013 02:44:25 +0000")
        self.model[mailbox].append(compare.message(data, flags, "model"))

    def handle(self, side, mailbox, digest):
        """Of a message that was there when the oracle looked."""
        [row] = [row for row in self.contents[side][mailbox] if row.digest == digest]
        return side.handle(mailbox, row)

    def flag(self, side, mailbox, number, flag):
        """Set it, or take it away."""
        row = self.model[mailbox][number]
        handle = self.handle(side, mailbox, row.digest)
        side.flag(mailbox, handle, *(([], [flag]) if flag in row.flags else ([flag], [])))
        self.model[mailbox][number] = row._replace(flags=row.flags ^ {flag})

    def take(self, side, mailbox):
        """Remove the oldest message of a mailbox, on this side."""
        row = self.model[mailbox].pop(0)
        side.remove(mailbox, [self.handle(side, mailbox, row.digest)])

    def prune(self, *mailboxes):
        """What is too much goes on both sides at once."""
        for mailbox in mailboxes:
            while len(self.model[mailbox]) > KEPT:
                row = self.model[mailbox].pop(0)
                for side in (self.local, self.remote):  # a daemon that waits takes it from the other at once
                    side.remove(mailbox, [self.handle(side, mailbox, row.digest)])

    def move(self, side, mailbox, target):
        row = self.model[mailbox].pop(0)
        self.model[target].append(row)
        side.move(mailbox, [self.handle(side, mailbox, row.digest)], target)


# The sessions

def first_sync(w):
    """Nothing is there locally yet."""
    shutil.rmtree(w.account.maildir)
    paired(w)


def paired(w):
    """The state database is gone: what both sides have is paired."""
    shutil.rmtree(w.account.state)
    w.account.state.mkdir(mode=0o700)


def download(w):
    w.prune("INBOX", "list")
    w.put(w.remote, "INBOX")
    w.put(w.remote, "list", ["\\seen"])


def upload(w):
    w.prune("INBOX", "list")
    w.put(w.local, "INBOX")
    w.put(w.local, "list", ["\\seen"])


def flags(w):
    """Both ways, on different messages and on the same one."""
    w.flag(w.remote, "INBOX", 0, "\\flagged")
    w.flag(w.local, "INBOX", 1, "\\answered")
    w.flag(w.remote, "list/sub", 0, "work")
    w.flag(w.local, "list/sub", 0, "\\seen")


def expunge(w):
    for side, other in (w.remote, w.local), (w.local, w.remote):
        w.take(side, "INBOX")
        w.put(other, "INBOX")


def move(w):
    w.move(w.remote, "INBOX", "list")
    w.move(w.local, "list", "INBOX")


def life(w):
    """A mailbox is made there, renamed here the next time, and deleted there the time after that."""
    w.step += 1
    made, renamed = f"made {w.step:05}", f"kept {w.step - 1:05}"
    if f"made {w.step - 1:05}" in w.model:
        w.local.rename(f"made {w.step - 1:05}", renamed)
        w.model[renamed] = w.model.pop(f"made {w.step - 1:05}")
    if f"kept {w.step - 2:05}" in w.model:
        w.remote.delete(f"kept {w.step - 2:05}")
        del w.model[f"kept {w.step - 2:05}"]
    w.remote.create(made)
    w.model[made] = []
    w.put(w.remote, made)


def uidvalidity(w):
    """A run that asks for the number again, as the first one of each day does."""
    with contextlib.closing(sqlite3.connect(w.account.database)) as database, database:
        database.execute("DELETE FROM account WHERE key = 'uidvalidity-checked'")
    w.remote.renumber("list")
    w.flag(w.local, "INBOX", 1, "\\flagged")


def large(w):
    """An upload that is longer than what goes without asking."""
    w.prune("list")
    w.put(w.local, "list", size=4500)


def mix(w):
    """Some of everything."""
    w.prune("INBOX", "list")
    w.put(w.remote, "INBOX")
    w.put(w.local, "list")
    w.flag(w.remote, "list/sub", 0, "\\flagged")
    w.flag(w.local, "list/sub", 1, "\\answered")
    w.take(w.remote, "list")
    w.move(w.local, "INBOX", "list")


def few(w):
    """What can be done without UIDPLUS."""
    w.prune("INBOX", "list")
    w.put(w.remote, "INBOX")
    w.put(w.local, "list", size=300)
    w.flag(w.remote, "list/sub", 0, "\\flagged")
    w.flag(w.local, "list/sub", 1, "\\answered")
    w.take(w.remote, "list")


def news(w):
    """While the daemon waits: a message on each side."""
    w.prune("INBOX")
    w.put(w.remote, "INBOX")
    w.put(w.local, "INBOX")


# name: (kind of world, session)
SESSIONS = {
    "first-sync": ("full", first_sync),
    "pairing": ("full", paired),
    "download": ("full", download),
    "upload": ("full", upload),
    "flags": ("full", flags),
    "expunge": ("full", expunge),
    "move": ("full", move),
    "life": ("full", life),
    "uidvalidity": ("full", uidvalidity),
    "large": ("gmail", large),
    "gmail": ("gmail", mix),
    "bare": ("bare", few),
    "local": ("local", mix),
    "tunnel": ("tunnel", mix),
    "idle": ("full", news),
    "notify": ("full", news),
}
WAITING = {"idle": "NOTIFY", "notify": ""}  # what must be off for the daemon to wait so
