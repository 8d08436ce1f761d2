"""A small IMAP client for the tests: the other hand on the server."""

import re
import socket
import ssl

from rig import names


class ImapError(Exception):
    """NO or BAD, or the end of the connection."""


class Item(list):
    """An untagged response: parsed words, parentheses as lists, strings as bytes, NIL as None."""


_WORD = re.compile(rb'[^\s()"{}\[\]]*(?:\[[^\]]*\](?:<\d+>)?)?[^\s()"{}\[\]]*')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class _Parser:
    def __init__(self, chunks):
        # Lines and literals alternate: line, literal, line, ...
        self.chunks = chunks
        self.chunk = 0
        self.pos = 0

    @property
    def line(self):
        return self.chunks[self.chunk]

    def list(self):
        items = Item()
        while True:
            while self.line[self.pos : self.pos + 1] in (b" ", b"\r", b"\n"):
                self.pos += 1
            char = self.line[self.pos : self.pos + 1]
            if char in (b"", b")"):
                self.pos += 1
                return items
            items.append(self.item(char))

    def item(self, char):
        if char == b"(":
            self.pos += 1
            return self.list()
        if char == b'"':
            match = re.compile(rb'"((?:[^"\\]|\\.)*)"').match(self.line, self.pos)
            self.pos = match.end()
            return re.sub(rb"\\(.)", rb"\1", match[1])
        if char == b"{":
            literal = self.chunks[self.chunk + 1]
            self.chunk += 2
            self.pos = 0
            return literal
        match = _WORD.match(self.line, self.pos)
        # Free text (after OK) may hold anything: never stand still.
        end = max(match.end(), self.pos + 1)
        word = self.line[self.pos : end]
        self.pos = end
        return None if word == b"NIL" else word


class Session:
    """One logged-in connection. command() returns the untagged responses, or raises ImapError."""

    prefix = b""  # of every mailbox but INBOX, as on the wire; not part of the names here
    adds_line_end = False  # to a message that ends without one

    def __init__(self, host, port, user=None, password=None, tls=None, timeout=60):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.status = b""
        self.greeting = self.file.readline()
        self.delimiters = {}
        if user is not None:
            self.command(b"LOGIN " + names.quote(user) + b" " + names.quote(password))

    def close(self):
        try:
            self.command(b"LOGOUT")
        except (ImapError, OSError):
            pass
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start_tls(self, context: ssl.SSLContext, host):
        self.command(b"STARTTLS")
        self.file.close()
        self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.file = self.socket.makefile("rb")

    def read(self):
        """One response as its lines and literals."""
        chunks = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ImapError("the server closed the connection")
            chunks.append(line)
            match = _LITERAL.search(line)
            if not match:
                return chunks
            chunks[-1] = line[: match.start() + 1]
            chunks.append(self.file.read(int(match[1])))

    def send(self, command):
        self.count += 1
        tag = b"r%d" % self.count
        self.socket.sendall(tag + b" " + command + b"\r\n")
        return tag

    def finish(self, tag):
        """The untagged responses until the tagged one."""
        items = []
        while True:
            chunks = self.read()
            if chunks[0].startswith(tag + b" "):
                self.status = chunks[0][len(tag) + 1 :].strip()
                if not self.status.startswith(b"OK"):
                    raise ImapError(self.status.decode("latin-1"))
                return items
            if chunks[0].startswith(b"* "):
                items.append(_Parser([chunks[0][2:], *chunks[1:]]).list())

    def command(self, command):
        if isinstance(command, str):
            command = command.encode()
        return self.finish(self.send(command))

    # Mailboxes by name: UTF-8 with "/" between the levels.

    def wire(self, mailbox):
        """A mailbox name as this server wants it, quoted."""
        if not self.delimiters:
            self.delimiters[""] = self.command('LIST "" ""')[0][2].decode()
        wire = names.encode(mailbox.replace("/", self.delimiters[""]))
        return names.quote(wire if mailbox == "INBOX" else self.prefix + wire)

    def mailboxes(self, verb=b"LIST"):
        """The names of all that can be selected; with LSUB, of all that are subscribed."""
        found = []
        for item in self.command(verb + b' "" "*"'):
            if item[0] != verb:
                continue
            flags = [flag.lower() for flag in item[1]]
            if b"\\noselect" in flags or b"\\nonexistent" in flags:
                continue
            name = names.decode(item[3].removeprefix(self.prefix))
            if item[2] is not None:
                name = name.replace(item[2].decode(), "/")
            found.append(name)
        return found

    def create(self, mailbox):
        self.command(b"CREATE " + self.wire(mailbox))

    def select(self, mailbox, examine=False):
        verb = b"EXAMINE " if examine else b"SELECT "
        return self.command(verb + self.wire(mailbox))

    def append(self, mailbox, message, flags=(), date=None):
        """APPEND one message and return its UID."""
        return self.append_many(mailbox, [(message, flags, date)])[0]

    def append_many(self, mailbox, messages, batch=50):
        """APPEND (message, flags, date) by MULTIAPPEND with LITERAL+, and return the UIDs."""
        uids = []
        for start in range(0, len(messages), batch):
            parts = [b"APPEND " + self.wire(mailbox)]
            for message, flags, date in messages[start : start + batch]:
                head = b" (" + " ".join(flags).encode() + b")"
                if date:
                    head += b' "' + date.encode() + b'"'
                parts.append(head + b" {%d+}\r\n" % len(message) + message)
            self.command(b"".join(parts))
            match = re.search(rb"APPENDUID \d+ ([\d:,]+)", self.status)
            uids += expand(match[1])
        return uids

    def fetch(self, uids, what="FLAGS"):
        """{uid: {name: value}} of the selected mailbox."""
        rows = {}
        for item in self.command(f"UID FETCH {uids} (UID {what})"):
            if len(item) < 3 or item[1] != b"FETCH":
                continue
            words = item[2]
            row = {words[i].upper(): words[i + 1] for i in range(0, len(words) - 1, 2)}
            if b"UID" in row:  # else another client's change, told meanwhile
                rows.setdefault(int(row[b"UID"]), {}).update(row)
        return rows

    def uids(self):
        """The UIDs of the selected mailbox."""
        found = []
        for item in self.command("UID SEARCH ALL"):
            if item[0] == b"SEARCH":
                found += [int(word) for word in item[1:]]
        return found

    def store(self, uids, change, flags):
        self.command(f"UID STORE {uids} {change}FLAGS.SILENT ({' '.join(flags)})")

    def expunge(self, uids):
        self.store(uids, "+", ["\\Deleted"])
        self.command(f"UID EXPUNGE {uids}")

    def move(self, uids, mailbox):
        self.command(b"UID MOVE " + str(uids).encode() + b" " + self.wire(mailbox))

    def delete(self, mailbox):
        self.command(b"DELETE " + self.wire(mailbox))


def expand(sequence):
    """b'3:5,9' -> [3, 4, 5, 9]"""
    found = []
    for part in sequence.split(b","):
        first, _, last = part.partition(b":")
        found += range(int(first), int(last or first) + 1)
    return found


def uid_set(uids):
    """[3, 4, 5, 9] -> '3:5,9'"""
    ranges = []
    for uid in sorted(uids):
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(f"{a}:{b}" if a != b else str(a) for a, b in ranges)
