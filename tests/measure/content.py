"""What the remote mailboxes hold, and whether a local side holds the same.

Whoever changes the server here notes it, so that no run of any program has to be judged by reading a
hundred thousand messages from the server again.
"""

import collections
import hashlib
import itertools
import os
import random
import re

from rig import populate

USER = "alice"
SYSTEM = {"\\seen", "\\answered", "\\flagged", "\\draft", "\\deleted"}
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)

# label: the Message-ID and the size; digest: of the bytes, line ends aside; flags: lower case.
Message = collections.namedtuple("Message", "label digest flags")


def message(data, flags):
    """What is known of the bytes of a message, with either line end."""
    folded = data.replace(b"\r\n", b"\n")
    head = folded[: folded.find(b"\n\n") + 1]
    found = _MESSAGE_ID.search(head)
    label = label_of(found[1] if found else b"", len(folded) + folded.count(b"\n"))
    return Message(label, hashlib.blake2b(folded, digest_size=12).digest(), frozenset(flags))


def label_of(message_id, size):
    return b"%s %d" % (message_id.strip(), size)


def known_flags(flags, only=None):
    """As they are compared: without \\Recent, and only those that a program keeps."""
    found = {flag.lower() for flag in flags} - {"\\recent"}
    return frozenset(found & only if only else found)


class Remote:
    """The mailboxes of one user of a server, and all that happens to them."""

    def __init__(self, server, names, seed=1, quick=populate.quick_rows):
        self.server = server
        self.names = names
        self.rng = random.Random(seed)
        self.rows = quick
        self.held = {name: {} for name in names}  # {mailbox: {UID: Message}}

    def fill(self, count):
        """So many messages in each mailbox, with holes in the row of UIDs."""
        with self.server.session(USER) as session:
            for name in self.names:
                if name != "INBOX":
                    session.create(name)
                self._append(session, name, self.rows(self.rng, name, count + count // 10))
                self._expunge(session, name, count // 10)

    def _append(self, session, name, rows):
        held = self.held[name]
        while batch := list(itertools.islice(rows, 250)):
            for uid, (data, flags, _) in zip(session.append_many(name, batch, batch=250), batch):
                held[uid] = message(data, known_flags(flags))

    def _expunge(self, session, name, count):
        held = self.held[name]
        gone = sorted(self.rng.sample(sorted(held), count))
        session.select(name)
        for start in range(0, len(gone), 500):
            session.expunge(",".join(map(str, gone[start : start + 500])))
        for uid in gone:
            del held[uid]

    def new(self, session, name):
        """One message of about 4 kB."""
        self._append(session, name, populate.quick_rows(self.rng, f"{name}-{self.rng.randrange(1 << 40):x}", 1))

    def numbers(self):
        """How the mailbox of one_new() stands: its name, UIDVALIDITY, HIGHESTMODSEQ and UIDNEXT."""
        name = self.names[1 % len(self.names)]
        with self.server.session(USER) as session:
            [row] = session.command(f'STATUS "{name}" (UIDVALIDITY HIGHESTMODSEQ UIDNEXT)')
            return name, *(int(row[2][row[2].index(item) + 1]) for item in (b"UIDVALIDITY", b"HIGHESTMODSEQ", b"UIDNEXT"))

    def one_new(self):
        """The seed's reconciliation of one mailbox."""
        with self.server.session(USER) as session:
            self.new(session, self.names[1 % len(self.names)])

    def new_and_gone(self):
        """The seed's reconciliation of many: 3 new (two in #2, one in #3), 5 gone (#3, #4: two, #5: one)."""
        count = len(self.names)
        with self.server.session(USER) as session:
            for n in (1, 1, 2):
                self.new(session, self.names[n % count])
            for n, gone in ((2, 2), (3, 2), (4, 1)):
                self._expunge(session, self.names[n % count], gone)

    def count(self):
        return sum(map(len, self.held.values()))

    def content(self, whole, only=None):
        """Counter of (mailbox, label or digest, flags)."""
        found = collections.Counter()
        for name, rows in self.held.items():
            for row in rows.values():
                flags = known_flags(row.flags, only) if only else row.flags
                found[name, row.digest if whole else row.label, flags] += 1
        return found


class Files:
    """What a Maildir holds. A file is read once: what bears its name afterwards is the same message."""

    def __init__(self, tree, adds=None):
        self.tree = tree
        self.adds = adds  # a pattern: what the program itself adds to a header
        self.known = {}  # {(mailbox, name without flags): Message}

    def content(self, whole, only=None):
        found = collections.Counter()
        for name in self.tree.mailboxes():
            folder = self.tree.folder(name)
            keywords = folder.keywords()
            for path in folder.files():
                row = self._row(name, path)
                flags = known_flags(folder.flags(path, keywords), only)
                found[name, row.digest if whole else row.label, flags] += 1
        return found

    def _row(self, name, path):
        key = name, path.name.partition(":2,")[0]
        if key not in self.known:
            data = path.read_bytes()
            self.known[key] = message(self.adds.sub(b"", data, count=1) if self.adds else data, ())
        return self.known[key]

    def youngest(self):
        """When a folder was last changed."""
        folders = (self.tree.folder(name).path / sub for name in self.tree.mailboxes() for sub in ("new", "cur"))
        return max((os.stat(folder).st_mtime for folder in folders), default=0)


class Mailboxes:
    """What a user of a server holds."""

    def __init__(self, server, user):
        self.server = server
        self.user = user

    def content(self, whole, only=None):
        found = collections.Counter()
        with self.server.session(self.user) as session:
            for name in session.mailboxes():
                session.select(name, examine=True)
                for row in self._rows(session, whole):
                    found[name, row.digest if whole else row.label, known_flags(row.flags, only)] += 1
        return found

    def _rows(self, session, whole):
        what = "BODY.PEEK[]" if whole else "RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
        uids = session.uids()
        for start in range(0, len(uids), 1000):
            part = f"{uids[start]}:{uids[min(start + 1000, len(uids)) - 1]}"
            for row in session.fetch(part, "FLAGS " + what).values():
                flags = [flag.decode() for flag in row[b"FLAGS"]]
                if whole:
                    yield message(row[b"BODY[]"] or b"", flags)
                else:
                    yield Message(_fetched_label(row), None, flags)

    def youngest(self):
        """The server notes its own changes."""
        return 0


def _fetched_label(row):
    [head] = [value for key, value in row.items() if key.startswith(b"BODY[HEADER")]
    found = _MESSAGE_ID.search(head or b"")
    return label_of(found[1] if found else b"", int(row[b"RFC822.SIZE"]))


def differences(expected, found):
    """Sentences: how many messages of which mailbox are missing or too many."""
    sentences = []
    for label, rows in (("missing", expected - found), ("too many", found - expected)):
        names = collections.Counter(name for name, _, _ in rows.elements())
        if names:
            sentences.append(f"{label}: {dict(names.most_common(5))}")
    return sentences
