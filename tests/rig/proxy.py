"""A TCP proxy that is a bad network: small pieces, delay, a cut after a byte, silence, a reset, a flipped bit."""

import collections
import re
import select
import socket
import struct
import threading
import time


class Proxy:
    """with Proxy(host, port) as proxy: the client connects to proxy.host, proxy.port.

    piece:  bytes of one write at most
    pause:  seconds between two pieces
    cut:    close both ways after so many bytes from the server (each connection)
    cut_up: the same, from the client
    cut_record: ("up" or "down", number, part): the same, after so many records of TLS and this part (0 to 1)
            of the next; needs count_records
    cut_at: ("up" or "down", pattern): close both ways before the first thing said that matches passes
    late:   seconds after which the server gets, after a cut_at from the client, what that had sent until then
    half_open: a cut closes the server's end only; the client is left alone, and hears nothing
    stall:  pass nothing more after so many bytes from the server, but keep the connection
    reset:  a cut is a RST and not a FIN
    flip:   the lowest bit of this byte from the server is another (each connection; the first is 0)
    flip_up: the same, from the client
    hush:   ("up" or "down", pattern): nothing more passes, either way, once what the client or the server
            has said matches; bytes that pass no more are not read either
    delay:  seconds from one end to the other: half a round trip
    rate:   bytes a second from the server: a line of that speed
    rate_up: the same, from the client: a server that reads slowly
    address: to listen on

    All may be changed while it runs. What counts or looks at bytes does so from the start of a connection, or
    from count_from_now() for those that are open then.
    """

    def __init__(self, host, port, piece=65536, cut=None, cut_up=None, stall=None, reset=False, rate=None,
                 rate_up=None, address="127.0.0.1"):
        self.target = (host, port)
        self.piece = piece
        self.pause = 0
        self.cut = cut
        self.cut_up = cut_up
        self.cut_at = self.cut_record = None
        self.count_records = False
        self.records = {"down": 0, "up": 0}  # of TLS, of all connections
        self.late = 0
        self.half_open = False
        self.stall = stall
        self.reset = reset
        self.flip = self.flip_up = None
        self.hush = None
        self.delay = 0
        self.rate = rate
        self.rate_up = rate_up
        self.down = self.up = 0  # bytes of all connections
        self.round_trips = 0  # how often the server spoke after the client had
        self.said = bytearray()  # by the client
        self.connections = 0
        self.begun = []  # when each was made, time.monotonic()
        self.cuts = self.flips = 0  # how often it did so
        self.hushed = None  # when it fell silent
        self.open = []
        self.lines = []
        self.stopping = threading.Event()
        self.host, self.port = address, 0
        self.listen()

    def listen(self):
        """As it does from the start; after close(): again, where it did."""
        self.stopping.clear()
        self.listener = socket.create_server((self.host, self.port))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.listener], [], [], 0.1)
            if readable:
                client, _ = self.listener.accept()
                self.open.append(client)  # whoever sees it counted can cut it
                self.begun.append(time.monotonic())
                self.connections += 1
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        try:
            server = socket.create_connection(self.target, 10)
        except OSError:
            client.close()
            return
        line = _Line(self, client, server)
        self.open.append(server)
        self.lines.append(line)
        try:
            while not self.stopping.is_set() and self._pass_on(line):
                pass
        except OSError:
            pass
        self.lines.remove(line)
        line.end()

    def _pass_on(self, line):
        """One read and its writes; for proxies with ways of their own. False: the connection is over."""
        return line.pass_on()

    def count_from_now(self):
        """The limits of connections that are open begin here."""
        for line in self.lines:
            line.begin = dict(line.passed)
            line.begin_records = {source: len(records.ends) for source, records in line.records.items()}
            line.said = {line.client: bytearray(), line.server: bytearray()}

    def cut_all(self):
        """Cut every connection now."""
        cut, self.open = self.open, []
        for line in list(self.lines):
            line.is_over = True
        for s in cut:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def fall_silent(self):
        """Nothing more passes on the connections that are open."""
        for line in list(self.lines):
            line.fall_silent()

    def heal(self):
        """A good network from now on; what is silent stays so until it is cut."""
        self.cut = self.cut_up = self.stall = self.flip = self.flip_up = self.hush = self.hushed = None
        self.cut_at = self.cut_record = None
        self.half_open = self.reset = False
        self.piece, self.pause, self.delay, self.late = 65536, 0, 0, 0
        self.cuts = self.flips = 0

    def __enter__(self):
        return self

    def close(self):
        self.stopping.set()
        self.cut_all()
        self.thread.join(5)
        self.listener.close()

    def __exit__(self, *_):
        self.close()


class _Line:
    """One connection through the proxy."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.passed = {client: 0, server: 0}
        self.begin = {client: 0, server: 0}  # from where limits count
        self.records = {client: _Records(), server: _Records()}
        self.begin_records = {client: 0, server: 0}
        self.said = {client: bytearray(), server: bytearray()}  # for hush and cut_at
        self.asked = False
        self.is_silent = self.is_over = False
        self.waiting = collections.deque()  # (when, source, data): delayed
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pass_on(self):
        """One read and its writes. False: the connection is over."""
        due = self.waiting[0][0] - time.monotonic() if self.waiting else 0.1
        sources = [] if self.is_silent else [self.client, self.server]
        readable, _, _ = select.select(sources, [], [], min(max(due, 0), 0.1))
        if self.is_over or not self._deliver():
            return False
        for source in readable:
            data = source.recv(65536)
            if not data and not self.waiting:
                return False
            if self.proxy.delay or self.waiting:
                self.waiting.append((time.monotonic() + self.proxy.delay, source, data))
            elif not self._pass(source, data):
                return False
        return True

    def _deliver(self):
        """What was delayed for long enough."""
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, source, data = self.waiting.popleft()
            if not data or not self._pass(source, data):
                return False
        return True

    def _pass(self, source, data):
        """False: a limit is reached, cut."""
        proxy, from_server = self.proxy, source is self.server
        sink = self.client if from_server else self.server
        data = self._flip(data, source, proxy.flip if from_server else proxy.flip_up)
        limit = self._limit(source, data, "down" if from_server else "up")
        if limit is not None:
            data = data[: max(limit - self.passed[source], 0)]
        if from_server and proxy.stall is not None:
            data = data[: max(proxy.stall - self.passed[source], 0)]
        if (found := self._find(source, proxy.cut_at, data)) is not None:
            if proxy.late:
                return self._arrive_late(data)
            limit, data = 0, data[: found[0]]
        if (found := self._find(source, proxy.hush, data)) is not None:
            self.fall_silent()
            data = data[: found[1]]
        if rate := proxy.rate if from_server else proxy.rate_up:
            time.sleep(len(data) / rate)
        self.passed[source] += len(data)  # before it arrives, and somebody counts from now on
        self._count(data, from_server)
        for start in range(0, len(data), proxy.piece):
            sink.sendall(data[start : start + proxy.piece])
            if proxy.pause:
                time.sleep(proxy.pause)
        if limit is not None and self.passed[source] >= limit:
            return self._cut()
        return True

    def _limit(self, source, data, direction):
        """So many bytes of the source pass before the cut, or None."""
        proxy, records = self.proxy, self.records[source]
        if proxy.count_records:
            proxy.records[direction] += records.feed(data)
        if proxy.cut_record and proxy.cut_record[0] == direction:
            _, number, part = proxy.cut_record
            return records.offset(number + self.begin_records[source], part)
        limit = proxy.cut if direction == "down" else proxy.cut_up
        return None if limit is None else limit + self.begin[source]

    def _cut(self):
        self.proxy.cuts += 1
        if not self.proxy.half_open:
            return False
        self.server.close()
        self.fall_silent()
        return True

    def _arrive_late(self, data):
        """The client is cut off; the server gets to hear it when that may be back already."""
        self.proxy.cuts += 1
        late = self.proxy.late
        self.client.close()
        self.proxy.stopping.wait(late)
        self.server.sendall(data)
        while self.server.recv(65536):  # it answers, and ends when it has had enough
            self.server.shutdown(socket.SHUT_WR)
        return False

    def _flip(self, data, source, position):
        """position: of the byte, from where limits count."""
        if position is None:
            return data
        at = position + self.begin[source] - self.passed[source]
        if not 0 <= at < len(data):
            return data
        self.proxy.flips += 1
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    def _find(self, source, wanted, data):
        """Where the match begins and ends in these bytes, or None."""
        if wanted is None or wanted[0] != ("down" if source is self.server else "up"):
            return None
        said = self.said[source]
        said += data
        match = re.search(wanted[1], said, re.DOTALL)
        return match and [max(place - (len(said) - len(data)), 0) for place in match.span()]

    def fall_silent(self):
        self.is_silent = True
        self.proxy.hushed = time.monotonic()

    def _count(self, data, from_server):
        proxy = self.proxy
        if from_server:
            proxy.down += len(data)
            proxy.round_trips += self.asked
        else:
            proxy.up += len(data)
            proxy.said += data
        self.asked = not from_server

    def end(self):
        for s in (self.client, self.server):
            if self.proxy.reset and s.fileno() >= 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
            if s in self.proxy.open:
                self.proxy.open.remove(s)


class _Records:
    """Where the records of TLS end in what one side says, as their heads tell it."""

    def __init__(self):
        self.ends = []
        self.n = 0  # bytes so far
        self.head = b""

    def feed(self, data):
        """How many more have begun."""
        before, at = len(self.ends), 0
        while at < len(data):
            if self.ends and self.n < self.ends[-1]:
                step = min(self.ends[-1] - self.n, len(data) - at)
            else:
                step = min(5 - len(self.head), len(data) - at)
                self.head += data[at : at + step]
            at, self.n = at + step, self.n + step
            if len(self.head) == 5:
                self.ends.append(self.n + int.from_bytes(self.head[3:], "big"))
                self.head = b""
        return len(self.ends) - before

    def offset(self, number, part):
        """Of a place after so many whole records and a part of the next; None: not known yet."""
        if len(self.ends) < number + (part > 0):
            return None
        begin = self.ends[number - 1] if number else 0
        return begin + max(1, int(part * (self.ends[number] - begin))) if part else begin
