"""A peer that falls silent: in each state of a connection it is noticed, told, and mended."""

import collections
import concurrent.futures
import contextlib
import socket
import time
import traceback

from rig import wait_until
from torment import oracle, sessions
from torment.tally import Tally

LIMIT = 60  # seconds: the default of the key "timeout"
SAMPLE_LIMIT = 5  # the least that it takes
LATE = 1.5  # seconds that a busy machine may add
SAMPLE = ["handshake", "fetch", "append-literal"]
HUGE = 16_000_000  # more than two socket buffers hold

# hush: see rig.proxy. change: what there is to do. waits: the daemon waits already when that is changed.
# busy: there is more to do all the time. words: of the sentence. kind, transport: see sessions.World.
State = collections.namedtuple("State", "hush change words kind transport waits busy",
                               defaults=["full", "plain", False, False])


def nothing(_world):
    """The daemon connects, and that is all."""


def huge(w):
    w.put(w.local, "list", size=HUGE)


def huge_there(w):
    w.put(w.remote, "list", size=HUGE)


def starttls(w):
    w.account.settings |= {"tls": "starttls", "ca-file": w.server.ca_file}
    w.account.write_config(w.extra)


ANSWER = "did not answer within"
STATES = {
    "connecting": State(None, nothing, "could not be reached within"),
    "handshake": State(("up", b""), nothing, "did not finish the TLS handshake within", transport="tls"),
    "greeting": State(("down", b""), nothing, "did not greet within"),
    "starttls": State(("up", b" STARTTLS\r\n"), starttls, ANSWER),
    "starttls-handshake": State(("down", b" OK Begin TLS[^\n]*\n"), starttls, "did not finish the TLS handshake"),
    "login": State(("up", b" (LOGIN|AUTHENTICATE) [^\n]*\n"), nothing, ANSWER),
    "list": State(("up", b" LIST [^\n]*\n"), nothing, ANSWER),
    "compress": State(("up", b" COMPRESS [^\n]*\n"), sessions.download, ANSWER, transport="compress"),
    "select": State(("up", b" SELECT [^\n]*\n"), sessions.download, ANSWER),
    "fetch": State(("down", rb" BODY\[\] {\d+}\r\n.{20}"), sessions.download, ANSWER),
    "half-open": State(None, sessions.download, ANSWER),
    "store": State(("up", b" UID STORE [^\n]*\n"), sessions.flags, ANSWER),
    "expunge": State(("up", b" UID EXPUNGE [^\n]*\n"), sessions.expunge, ANSWER),
    "move": State(("up", b" UID MOVE [^\n]*\n"), sessions.move, ANSWER),
    "append-wait": State(("up", b" APPEND [^\n]*\n"), sessions.upload, ANSWER, "bare"),
    "append-literal": State(("up", b" APPEND [^\n]*\n.{20}"), huge, ANSWER),
    "append-answer": State(("down", b" OK .APPENDUID"), sessions.upload, ANSWER),
    "idle": State(("up", b" IDLE\r\n"), nothing, ANSWER, "gmail"),
    # Nothing is asked, so nothing is missed before the next look at the other mailboxes.
    "waiting": State(None, nothing, ANSWER, "gmail", waits=True),
    "done": State(("up", b"DONE\r\n"), sessions.news, ANSWER, "gmail", waits=True),
    "done-busy": State(("up", b"DONE\r\n"), sessions.news, ANSWER, "gmail", waits=True, busy=True),
    "list-busy": State(("up", b" LIST [^\n]*\n"), nothing, ANSWER, busy=True),
    "select-busy": State(("up", b" SELECT [^\n]*\n"), sessions.download, ANSWER, busy=True),
    "notify": State(("up", b" NOTIFY [^\n]*\n"), nothing, ANSWER),
    "local-greeting": State(("down", b""), nothing, "the local server: 127.0.0.1 did not greet within", "local"),
    "local-fetch": State(("down", rb" BODY\[\] {\d+}\r\n.{20}"), sessions.upload, "the local server", "local"),
    "local-append": State(("up", b" APPEND [^\n]*\n.{20}"), sessions.download, "the local server", "local"),
    "local-append-literal": State(("up", b" APPEND [^\n]*\n.{20}"), huge_there, "the local server", "local"),
    "tunnel-select": State(("up", b" SELECT [^\n]*\n"), sessions.upload, "the local server: the tunnel", "tunnel"),
    "logout": State(("up", b" LOGOUT\r\n"), nothing, ""),
}


def run(directory, servers, options):
    """All states at once: it takes as long as the slowest."""
    tally = Tally()
    names = options.states.split(",") if options.states else list(STATES) if options.full else SAMPLE
    limit = LIMIT if options.full else SAMPLE_LIMIT
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        for found in pool.map(lambda name: _attempt(name, directory, servers, limit), names):
            tally.merge(found)
    return tally


def _attempt(name, directory, servers, limit):
    tally = Tally()
    stall = _Stall(name, directory, servers, limit, tally)
    try:
        with contextlib.closing(stall.world):
            if name == "logout":
                stall.leave()
            else:
                stall.run()
        tally.add(stalls=1)
    except Exception:  # pylint: disable=broad-except
        tally.wrong(f"silence, {name}: {traceback.format_exc(limit=-4)}")
    return tally


class _Stall:
    def __init__(self, name, directory, servers, limit, tally):
        self.name = name
        self.state = STATES[name]
        self.limit = limit
        self.tally = tally
        self.busy_next = 0
        without = "NOTIFY" if self.state.kind == "gmail" else ""
        self.world = sessions.World(directory, servers, self.state.kind, self.state.transport, f"silent-{name}",
                                    without, timeout=f"{limit}s", poll=f"{limit // 2}s")

    def run(self):
        account, wire = self.world.account, self.world.wire
        if not self.state.waits:
            self.state.change(self.world)
            self._break()
        with contextlib.ExitStack() as stack:
            full = stack.enter_context(_full(wire)) if self.name == "connecting" else None
            with account.daemon() as daemon:
                daemon.wait_ready()
                if self.state.waits:
                    self._wait_waiting()
                    self._break()
                    self.state.change(self.world)
                self._wait_told(daemon, time.monotonic() if full else wait_until(lambda: wire.hushed, "silence"))
                if full:
                    full.lift()
                wire.heal()
                wire.cut_all()
                daemon.wait_in_sync()
                self._judge()
        self.tally.harm(f"silence, {self.name}", oracle.judge_again(account, self.world.sides))

    def _break(self):
        wire = self.world.wire
        wire.hush = self.state.hush
        if self.name == "half-open":  # the server's end is gone, and nobody says so
            wire.half_open, wire.cut = True, 1500
        if self.name == "waiting":
            wire.fall_silent()

    def leave(self):
        """A farewell that is not answered is waited for no longer than anything else."""
        self._break()
        result = self.world.account.once()
        if result.status != 0 or result.seconds > self.limit + LATE:
            self.tally.wrong(f"silence, {self.name}: {result}")
        self.world.wire.heal()
        self.world.wire.cut_all()
        self._judge()

    def _status(self):
        [status] = self.world.account.ctl_json("status")
        return status

    def _wait_waiting(self):
        wait_until(lambda: self._status()["waits"], "the daemon waits", interval=0.1)

    def _wait_told(self, daemon, begin):
        """Who, what, and what is done about it; not sooner than the limit says, and not later. The log is
        read, since a question to the daemon would wake it."""
        wait_until(lambda: " again in " in daemon.log() or self._stay_busy(),
                   f"{self.name}: the silence is noticed", self.limit * 2, 0.1)
        seconds = time.monotonic() - begin
        told = wait_until(lambda: " again in " in self._status()["sentence"] and self._status(), "status tells", 5)
        print(f"  silence, {self.name}: after {seconds:.1f} s: {told['sentence']}", flush=True)
        if self.state.words not in told["sentence"] or told["state"] != "waiting":
            self.tally.wrong(f"silence, {self.name}: {told['state']}: {told['sentence']}")
        least, most = (0, LIMIT) if self.name == "waiting" else (self.limit - 1, self.limit + LATE)
        if not least < seconds < most:
            self.tally.wrong(f"silence, {self.name}: noticed after {seconds:.1f} s")

    def _stay_busy(self):
        """A person goes on, ten times as often as the limit is over; nobody hears of it."""
        if self.state.busy and time.monotonic() > self.busy_next:
            self.busy_next = time.monotonic() + self.limit / 10
            self.world.put(self.world.local, sessions.MAILBOXES[self.world.n % 3])

    def _judge(self):
        self.tally.harm(f"silence, {self.name}", self.world.judge())


class _full:
    """Nobody answers at the port of the wire: its queue is full, so what comes is dropped."""

    def __init__(self, wire):
        self.wire = wire

    def __enter__(self):
        wire = self.wire
        wire.close()
        self.listener = socket.create_server((wire.host, wire.port), backlog=0)
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((wire.host, wire.port))
            self.fillers.append(filler)
        return self

    def lift(self):
        self.__exit__()
        self.wire.listen()

    def __exit__(self, *_):
        for one in (self.listener, *self.fillers):
            one.close()
