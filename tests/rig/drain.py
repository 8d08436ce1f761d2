"""The bodies of all mailboxes, and nothing else: what no program that copies them can do without.

Its arguments are the address, the port, the user, the password and the mailboxes. It reads by DEFLATE as the
programs do; Dovecot decides how well it compresses.
"""

import socket
import sys
import zlib


class Drain:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), 60)
        self.inflate = None
        self.deflate = None
        self.tail = b""

    def read_until(self, mark):
        """What was read is thrown away, but for its end: a mark can lie across two pieces."""
        while mark not in self.tail:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise SystemExit("the server closed the connection")
            if self.inflate:
                piece = self.inflate.decompress(piece)
            self.tail = self.tail[-len(mark):] + piece
        self.tail = self.tail.split(mark, 1)[1]

    def send(self, text):
        data = text.encode()
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def compress(self):
        self.inflate = zlib.decompressobj(-15)
        self.deflate = zlib.compressobj(wbits=-15)


def main(host, port, user, password, *mailboxes):
    drain = Drain(host, int(port))
    drain.send(f"l LOGIN {user} {password}\r\nz COMPRESS DEFLATE\r\n")
    drain.read_until(b"\r\nz OK Begin compression")
    drain.read_until(b"\r\n")
    drain.compress()
    commands = [f"s EXAMINE {name}\r\nf UID FETCH 1:* BODY.PEEK[]\r\n" for name in mailboxes]
    drain.send("".join(commands) + "drained LOGOUT\r\n")
    drain.read_until(b"\r\ndrained OK")


main(*sys.argv[1:])
