"""A TCP proxy that is a bad network: small pieces, a cut after a byte, silence, a reset."""

import select
import socket
import struct
import threading
import time


class Proxy:
    """with Proxy(host, port) as proxy: the client connects to proxy.host, proxy.port.

    piece:  bytes of one write at most
    cut:    close both ways after so many bytes from the server (each connection)
    cut_up: the same, from the client
    stall:  pass nothing more after so many bytes from the server, but keep the connection
    reset:  a cut is a RST and not a FIN
    rate:   bytes a second from the server: a line of that speed
    rate_up: the same, from the client: a server that reads slowly
    """

    def __init__(self, host, port, piece=65536, cut=None, cut_up=None, stall=None, reset=False, rate=None,
                 rate_up=None):
        self.target = (host, port)
        self.piece = piece
        self.cut = cut
        self.cut_up = cut_up
        self.stall = stall
        self.reset = reset
        self.rate = rate
        self.rate_up = rate_up
        self.down = self.up = 0  # bytes of all connections
        self.round_trips = 0  # how often the server spoke after the client had
        self.said = bytearray()  # by the client
        self.connections = 0
        self.open = []
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.listener], [], [], 0.1)
            if readable:
                client, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        try:
            server = socket.create_connection(self.target, 10)
        except OSError:
            client.close()
            return
        pair = [client, server]
        for s in pair:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open += pair
        passed = {client: 0, server: 0, "asked": False}
        try:
            while self._pass_on(pair, passed):
                pass
        except OSError:
            pass
        self._end(pair)

    def _pass_on(self, pair, passed):
        """One read and its writes. False: the connection is over."""
        readable, _, _ = select.select(pair, [], [], 0.1)
        if self.stopping.is_set():
            return False
        for source in readable:
            sink = pair[1 - pair.index(source)]
            from_server = source is pair[1]
            limit = self.cut if from_server else self.cut_up
            data = source.recv(65536)
            if not data:
                return False
            if limit is not None:
                data = data[: limit - passed[source]]
            if from_server and self.stall is not None:
                data = data[: max(self.stall - passed[source], 0)]
            if rate := self.rate if from_server else self.rate_up:
                time.sleep(len(data) / rate)
            for start in range(0, len(data), self.piece):
                sink.sendall(data[start : start + self.piece])
            passed[source] += len(data)
            self._count(data, from_server, passed)
            if limit is not None and passed[source] >= limit:
                return False
        return True

    def _count(self, data, from_server, passed):
        if from_server:
            self.down += len(data)
            self.round_trips += passed["asked"]
        else:
            self.up += len(data)
            self.said += data
        passed["asked"] = not from_server

    def _end(self, pair):
        for s in pair:
            if self.reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()

    def cut_all(self):
        """Cut every connection now."""
        cut, self.open = self.open, []
        for s in cut:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.cut_all()
        self.thread.join(5)
        self.listener.close()
