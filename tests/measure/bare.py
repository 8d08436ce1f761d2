"""The limit, by hand: python3 -m measure.bare drain|noop|new HOST PORT CA-FILE USER PASSWORD DIRECTORY [MAILBOX...]

drain   fetches all bodies of the mailboxes through COMPRESS into files, and does nothing else
noop    asks at once all that tells whether a mailbox has changed; with COMPRESS if DIRECTORY is "compress"
new     the same, and then the one new message of the mailbox, of which the last arguments tell: UIDVALIDITY, the last
        HIGHESTMODSEQ, the last UIDNEXT

Its last words, on standard error, are the seconds it took and those of CPU, without Python's own start.
CA-FILE is "-" for plain TCP. Everything that does not depend on an answer is sent at once.
"""

import os
import pathlib
import re
import socket
import ssl
import sys
import time
import zlib

_SIZE = re.compile(rb"\{(\d+)\}\r\n")


class Link:
    """A connection with or without TLS and DEFLATE: read() gives what has come, say() sends."""

    def __init__(self, host, port, ca_file):
        self.socket = socket.create_connection((host, port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca_file != "-":
            context = ssl.create_default_context(cafile=ca_file)
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.inflate = self.deflate = None
        self.last = b""

    def read(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise SystemExit(f"the server closed the connection after {self.last[-200:]!r}")
        if self.inflate:
            piece = self.inflate.decompress(piece)
        self.last = piece or self.last
        return piece

    def say(self, data):
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def read_until(self, mark):
        """All up to a mark; what comes behind it is of no interest to anybody."""
        seen = b""
        while mark not in seen:
            seen += self.read()
        return seen

    def compress(self, said):
        """From here on; said: the line that promises it, and what has come behind."""
        while not (match := re.search(rb"^z OK[^\r]*\r\n", said, re.MULTILINE)):
            said += self.read()
        self.inflate = zlib.decompressobj(-15)
        self.deflate = zlib.compressobj(wbits=-15)
        return self.inflate.decompress(said[match.end() :])


class Files:
    """One message after the other into files."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.count = 0

    def write(self, pieces):
        self.count += 1
        descriptor = os.open(self.directory / str(self.count), os.O_WRONLY | os.O_CREAT, 0o600)
        os.writev(descriptor, pieces)
        os.close(descriptor)


def store_bodies(link, rest, files, end):
    """Literals go to files, until the line that ends it all."""
    rest = bytes(rest)
    while True:
        start = 0
        while match := _SIZE.search(rest, start):
            size, begin = int(match[1]), match.end()
            if len(rest) - begin < size:
                break
            files.write([memoryview(rest)[begin : begin + size]])
            start = begin + size
        if not match and end in rest[start:]:
            return
        pieces, wanted = [rest[start:]], 1
        if match:
            wanted = match.end() - start + int(match[1]) - len(pieces[0])
        while wanted > 0:
            pieces.append(link.read())
            wanted -= len(pieces[-1])
        rest = b"".join(pieces)


def drain(link, user, password, directory, names):
    link.read_until(b"\r\n")
    link.say(f"l LOGIN {user} {password}\r\nz COMPRESS DEFLATE\r\n".encode())
    rest = link.compress(b"")
    commands = [f"s EXAMINE {name}\r\nf UID FETCH 1:* BODY.PEEK[]\r\n" for name in names]
    link.say(("".join(commands) + "drained LOGOUT\r\n").encode())
    store_bodies(link, rest, Files(directory), b"\r\ndrained OK")


LOOK = b'q LIST "" * RETURN (STATUS (MESSAGES UIDNEXT HIGHESTMODSEQ))\r\n'
END = b"b LOGOUT\r\n"


def look(link, login, compress, ending):
    """Log in, look at all mailboxes, and whatever else goes with that."""
    link.read_until(b"\r\n")
    if not compress:
        link.say(login + LOOK + ending)
        return b""
    # One round trip more: Dovecot does not inflate what is sent before its OK.
    link.say(login + b"z COMPRESS DEFLATE\r\n")
    rest = link.compress(b"")
    link.say(LOOK + ending)
    return rest


def read_on(link, rest, mark):
    while mark not in rest:
        rest += link.read()


def noop(link, user, password, directory, _names):
    rest = look(link, f"l LOGIN {user} {password}\r\n".encode(), directory == "compress", END)
    read_on(link, rest, b"\r\nb OK")


def new(link, user, password, directory, numbers):
    name, validity, modseq, uid = numbers
    login = f"l LOGIN {user} {password}\r\ne ENABLE QRESYNC\r\n".encode()
    rest = look(link, login, directory == "compress", b"")
    read_on(link, rest, b"\r\nq OK")
    link.say(f"s SELECT {name} (QRESYNC ({validity} {modseq}))\r\nf UID FETCH {uid}:* BODY.PEEK[]\r\n".encode() + END)
    read_on(link, b"", b"\r\nb OK")


def main(what, host, port, ca_file, user, password, directory, *names):
    begin, cpu = time.monotonic(), time.process_time()
    {"drain": drain, "noop": noop, "new": new}[what](Link(host, int(port), ca_file), user, password, directory, names)
    print(time.monotonic() - begin, time.process_time() - cpu, file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
