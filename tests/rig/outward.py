"""Proxies that lead out of a network: SOCKS5 and HTTP CONNECT, which know names that nobody else knows."""

import base64
import select
import socket
import threading


class Refused(Exception):
    """The client has got its answer, and no more."""


class _Outward:
    """with Socks5(names) as proxy: the client connects to proxy.host, proxy.port, and asks for a name.

    names:    {name: (host, port)}: where that is, whatever port is asked for; others cannot be reached
    login:    (user, password) that is wanted; None: none
    says:     instead of all answers, these bytes; b"" is silence
    together: the answer waits for the server's first word, and both come in one piece
    """

    host = "127.0.0.1"

    def __init__(self, names=None, login=None, says=None, together=False):
        self.names = names or {}
        self.login = login
        self.says = says
        self.together = together
        self.asked = []  # (kind of address or "", name, port)
        self.logins = []  # (user, password)
        self.connections = 0
        self.open = set()
        self.stopping = threading.Event()
        self.listener = socket.create_server((self.host, 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(5)
        self.listener.close()
        self.cut_all()

    def url(self, login=None):
        return f"{self.scheme}://{login + '@' if login else ''}{self.host}:{self.port}"

    def cut_all(self):
        for s in list(self.open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.listener], [], [], 0.1)
            if readable:
                client, _ = self.listener.accept()
                self.connections += 1
                self.open.add(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        """One connection, from its first byte to its last."""
        try:
            if self.says is not None:
                client.sendall(self.says)
                while client.recv(4096):
                    pass
                return
            server = self._lead(client)
            self.open.add(server)
            self._relay(client, server)
            self.open.discard(server)
            server.close()
        except (OSError, Refused):
            pass
        finally:
            self.open.discard(client)
            client.close()

    def _open(self, client, granted, failed, kind, name, port):
        """To the server of that name; the client is told."""
        self.asked.append((kind, name, port))
        if name not in self.names:
            client.sendall(failed)
            raise Refused
        server = socket.create_connection(self.names[name], 10)
        client.sendall(granted + server.recv(65536) if self.together else granted)
        return server

    def _relay(self, client, server):
        while True:
            readable, _, _ = select.select([client, server], [], [])
            for source in readable:
                data = source.recv(65536)
                if not data:
                    return
                (server if source is client else client).sendall(data)


def _exactly(client, n):
    data = b""
    while len(data) < n:
        piece = client.recv(n - len(data))
        if not piece:
            raise ConnectionError("the client has gone")
        data += piece
    return data


class Socks5(_Outward):
    """RFC 1928, RFC 1929."""

    scheme = "socks5"
    FAILED = b"\5\4\0\1\0\0\0\0\0\0"

    def _lead(self, client):
        version, n_methods = _exactly(client, 2)
        methods = _exactly(client, n_methods)
        assert version == 5
        self._log_in(client, methods)
        version, command, _, kind = _exactly(client, 4)
        assert (version, command) == (5, 1)
        size = {1: 4, 4: 16}.get(kind) or _exactly(client, 1)[0]
        name = _exactly(client, size)
        name = name.decode() if kind == 3 else socket.inet_ntop({1: socket.AF_INET, 4: socket.AF_INET6}[kind], name)
        port = int.from_bytes(_exactly(client, 2), "big")
        granted = b"\5\0\0\3\5bound\0\x50"
        return self._open(client, granted, self.FAILED, {1: "IPv4", 3: "name", 4: "IPv6"}[kind], name, port)

    def _log_in(self, client, methods):
        wanted = 2 if self.login else 0
        client.sendall(bytes([5, wanted if wanted in methods else 255]))
        if wanted not in methods:
            raise Refused
        if not self.login:
            return
        assert _exactly(client, 1) == b"\1"
        user, password = (_exactly(client, _exactly(client, 1)[0]).decode() for _ in range(2))
        self.logins.append((user, password))
        client.sendall(b"\1\0" if (user, password) == self.login else b"\1\1")
        if (user, password) != self.login:
            raise Refused


class Connect(_Outward):
    """RFC 9110 section 9.3.6, with Basic."""

    scheme = "http"
    FAILED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nsad\n"
    UNKNOWN = b'HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic realm="out"\r\n\r\n'

    def _lead(self, client):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            text += _exactly(client, 1)
        first, *fields = text.decode().split("\r\n")
        verb, target, version = first.split()
        assert (verb, version) == ("CONNECT", "HTTP/1.1")
        fields = dict(field.split(": ", 1) for field in fields if field)
        assert fields["Host"] == target
        name, _, port = target.rpartition(":")
        self._log_in(client, fields.get("Proxy-Authorization"))
        granted = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 out\r\n\r\n"
        return self._open(client, granted, self.FAILED, "name", name, int(port))

    def _log_in(self, client, word):
        login = None
        if word:
            kind, _, code = word.partition(" ")
            assert kind == "Basic"
            login = tuple(base64.b64decode(code).decode().split(":", 1))
            self.logins.append(login)
        if login != self.login:
            client.sendall(self.UNKNOWN)
            raise Refused
