"""A wire that breaks: cut after each byte, bits flipped, silence, pieces; and what becomes of the mail."""

import collections
import concurrent.futures
import contextlib
import itertools
import pathlib
import random
import shutil
import tempfile
import traceback

from rig import wait_until
from rig.dovecot import Dovecot
from rig.profiles import CAPABILITIES
from torment import oracle, sessions, stalls
from torment.tally import Tally

DOES = "cut the connection after each byte, flip bits, split, delay and fall silent"
# How one session is broken at byte n, and the direction.
CUT, FLIP = "cut", "flip"
DIRECTIONS = ["down", "up"]
# Most of the time is spent waiting: after a lost answer to APPEND for some seconds.
JOBS = 20
SAMPLE = 1  # of each session in each direction
ENDS = 30  # seconds that a run may take on a wire that is cut: six times the limit of one answer
# A session that is much longer than the others, in places that differ in nothing.
STEPS = {"large": 50}
# Below TLS a record is read whole or not at all.
TLS_STEP = 5
# What was done on the server, and is not heard of.
MOMENTS = {
    "first-sync": rb" BODY\[\] {\d+}\r\n.{9}",
    "download": rb"\* \d+ FETCH [^\n]*BODY\[\] ",
    "flags": rb"\d+ OK Store",
    "expunge": rb"\d+ OK Expunge|\* VANISHED [^(]",
    "move": rb"\* OK .COPYUID|\d+ OK .COPYUID",
    "life": rb"\d+ OK Rename",
    "uidvalidity": rb"\* OK .UIDVALIDITY",
    "large": rb"\d+ OK .APPENDUID",
    "bare": rb"\+ OK|\d+ OK Append",
    "local": rb"\d+ OK .APPENDUID",
}
ARRIVES_LATE = ["upload"]
LATE = 2  # seconds that the last bytes of a cut connection take to the server
SPOILED = 40  # bits of each session that TLS does not protect


def arguments(parser):
    parser.add_argument("--sessions", default=",".join(sessions.SESSIONS), metavar="NAME,...",
                        help="of: %(default)s")
    parser.add_argument("--transports", default=",".join(sessions.TRANSPORTS), metavar="NAME,...",
                        help="of: %(default)s")
    parser.add_argument("--parts", default="moments,cuts,flips,pieces,stalls", metavar="NAME,...", help="of: %(default)s")
    parser.add_argument("--cuts", type=int, metavar="N", help="of each session, in each direction, at random bytes")
    parser.add_argument("--step", type=int, metavar="N", help="cut after each N-th byte")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first byte of --full")
    parser.add_argument("--direction", choices=["down", "up"], help="cut what comes from the server only, or the rest")
    parser.add_argument("--states", metavar="NAME,...", help="in which a peer falls silent: " + ", ".join(stalls.STATES))
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the bytes that the sample takes")
    parser.add_argument("--jobs", type=int, metavar="N", help="sessions at a time")


def run(options):
    """Everything in a directory of its own, which stays if something is found."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-wire-"))
    directory.chmod(0o755)
    options.parts = options.parts.split(",")
    tally = Tally()
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(server) for name, server in _servers(directory).items()}
        with concurrent.futures.ThreadPoolExecutor(options.jobs or JOBS) as pool:
            silence = pool.submit(stalls.run, directory, servers, options) if "stalls" in options.parts else None
            jobs = {pool.submit(_attempt, job, directory, servers, options): job for job in _jobs(options)}
            for done in concurrent.futures.as_completed(jobs):
                print(f"  {jobs[done]}: {done.result()}", flush=True)
                tally.merge(done.result())
            if silence:
                tally.merge(silence.result())
    if tally.is_good:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}", flush=True)
    return tally


def _servers(directory):
    """Processes are used again: a session costs no fork."""
    settings = "service imap {\n  service_count = 0\n}\n"
    return {
        "full": Dovecot(directory / "full", "maildir", settings=settings),
        "gmail": Dovecot(directory / "gmail", "mdbox", capability=CAPABILITIES["gmail"], settings=settings),
        "bare": Dovecot(directory / "bare", "mdbox", capability=CAPABILITIES["bare"], compress=False, settings=settings),
    }


class Job(collections.namedtuple("Job", "kind transport sessions moments_only", defaults=[False])):
    """Sessions that one world goes through."""

    def __str__(self):
        return f"{'+'.join(self.sessions)} {self.transport}"


def _jobs(options):
    """All: a world for each session and transport. The sample: each session once, by turns of transports."""
    names = options.sessions.split(",")
    transports = options.transports.split(",")
    if options.full:
        for name, transport in itertools.product(names, transports):
            if not (SESSIONS[name][0] == "bare" and "compress" in transport):
                yield Job(SESSIONS[name][0], transport, [name])
        return
    turns = collections.defaultdict(list)
    for n, name in enumerate(names):
        kind = SESSIONS[name][0]
        transport = transports[n % len(transports)]
        turns[kind, transport if kind != "bare" else transports[0], name in sessions.WAITING].append(name)
    if "moments" in options.parts and "plain" in transports:
        yield from [Job(SESSIONS[name][0], "plain", [name], True) for name in names if name in ARRIVES_LATE]
        for kind in sorted({SESSIONS[name][0] for name in names if name in MOMENTS}):
            yield Job(kind, "plain", [name for name in names if name in MOMENTS and SESSIONS[name][0] == kind], True)
    for (kind, transport, _), chosen in turns.items():
        yield Job(kind, transport, chosen)


SESSIONS = sessions.SESSIONS


def _attempt(job, directory, servers, options):
    tally = Tally()
    world = None
    for name in job.sessions:
        sweep = _Sweep(job, name, directory, servers, options, tally)
        try:
            world = sweep.run(world)
        except Exception:  # pylint: disable=broad-except
            sweep.leave()
            world = None
            tally.wrong(f"{name} {job.transport}: {traceback.format_exc(limit=-4)}")
    if world:
        world.close()
    return tally


class _Sweep:
    """One session over one transport, broken at one byte after the other."""

    numbers = itertools.count(1)

    def __init__(self, job, name, directory, servers, options, tally):
        self.job = job
        self.name = name
        self.change = SESSIONS[name][1]
        self.directory = directory
        self.servers = servers
        self.options = options
        self.tally = tally
        self.rng = random.Random(f"{options.seed} {name} {job.transport}")
        self.world = self.daemon = self.length = None

    def run(self, world):
        """In this world, which is from an earlier session, or in a new one. Returns the last one."""
        self.world = world
        self._begin()
        if self.job.moments_only or (self.options.full and "moments" in self.options.parts):
            self._cut_moment()
            self._arrive_late()
        if not self.job.moments_only:
            self._cut_bytes()
        if self.daemon:
            self._stop_daemon()
            self._judge(f"{self.name} {self.job.transport} in the end")
        return self.world

    def _cut_bytes(self):
        self.length = self._undisturbed()
        if "pieces" in self.options.parts:
            self._slowly()
        if "cuts" in self.options.parts:
            self._sweep(CUT)
        if "flips" in self.options.parts and "tls" in self.job.transport:
            self._sweep(FLIP)
        if "flips" in self.options.parts and "tls" not in self.job.transport and not self.daemon:
            for n in self._chosen(self.length["down"], SPOILED if self.options.full else 1):
                self._safely(self._spoil, n)

    def _sweep(self, way):
        directions = DIRECTIONS if self.options.full or way == CUT else [self.rng.choice(DIRECTIONS)]
        for direction in directions:
            if self.options.direction in (None, direction):
                for n in self._positions(way, self.length[direction]):
                    if not self._safely(self._break, way, direction, n) and self.options.full:
                        break  # the session ended before that byte

    def _safely(self, do, *arguments):
        """What does not end is a finding too, and not the end of all."""
        try:
            return do(*arguments)
        except AssertionError as error:
            self.tally.wrong(f"{self.name} {self.job.transport} {' '.join(map(str, arguments))}: {error}")
            self.leave()
            return True

    def _positions(self, way, length):
        if self.options.cuts or not self.options.full:
            return self._chosen(length, self.options.cuts or SAMPLE)
        step = self.options.step or STEPS.get(self.name, 1) * (TLS_STEP if "tls" in self.job.transport else 1)
        return itertools.count(self.options.first, step if way == CUT else step * 3)

    def _chosen(self, length, most):
        return sorted(self.rng.sample(range(length), min(most, length)))

    # The world

    def _begin(self):
        """Unless there is one."""
        if not self.world:
            user = f"w{next(self.numbers)}"
            without = sessions.WAITING.get(self.name, "")
            self.world = sessions.World(self.directory, self.servers, self.job.kind, self.job.transport, user, without)
        if self.name in sessions.WAITING:
            self.daemon = self.world.account.daemon().wait_in_sync()

    def leave(self):
        """What is broken stays to be looked at."""
        self._stop_daemon()
        if self.world:
            self.world.close()
        self.world = None

    def _stop_daemon(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    # What is done in it

    def _undisturbed(self):
        """{direction: bytes} of the session."""
        self._change()
        wire = self.world.wire
        down, up = wire.down, wire.up
        if self.daemon:
            wait_until(self._has_news, "the news arrive", interval=0.02)
        else:
            self.world.finish()
        length = {"down": wire.down - down, "up": wire.up - up}
        self._judge(f"{self.name} {self.job.transport} undisturbed")
        self.tally.add(sessions=1)
        return length

    def _slowly(self):
        """Byte by byte, and with a delay; with patience, for many do so at a time."""
        self.world.set_timeout("1min")
        settings = [{"piece": 1, "pause": 0.00002}, {"delay": 0.02}]
        for settings in settings if self.options.full else [self.rng.choice(settings)]:
            self._change()
            for name, value in settings.items():
                setattr(self.world.wire, name, value)
            self._finish()
            self.world.wire.heal()
            self._judge(f"{self.name} {self.job.transport} with {settings}")
            self.tally.add(slow_sessions=1)
        if self.world:
            self.world.set_timeout("5s")

    def _cut_moment(self):
        """Once; nobody knows the byte."""
        if self.job.transport != "plain" or self.name not in MOMENTS:
            return
        if self.name == "life":
            self._undisturbed()  # what is made the first time is renamed the second
        self._change()
        where = f"{self.name} {self.job.transport} cut before {MOMENTS[self.name]}"
        wire = self.world.wire
        wire.cut_at = ("down", MOMENTS[self.name])
        self._check(where, self.world.account.once(timeout=ENDS + 30))
        if wire.cuts == 0:
            self.tally.wrong(f"{where}: that was never said")
        wire.heal()
        self._finish()
        self._judge(where)
        self.tally.add(moments=1)

    def _arrive_late(self):
        """The server takes an upload when the connection that it came on is long lost to us."""
        if self.job.transport != "plain" or self.name not in ARRIVES_LATE:
            return
        self._change()
        where = f"{self.name} {self.job.transport} arrives late"
        wire = self.world.wire
        wire.cut_at, wire.late = ("up", rb" APPEND [^\n]*\n.*\n\r\n"), LATE
        self._check(where, self.world.account.once(timeout=ENDS + 30))
        if wire.cuts != 1:
            self.tally.wrong(f"{where}: {wire.cuts} times")
        wire.heal()
        self._finish()
        wait_until(lambda: not wire.lines, f"{where}: it has arrived")
        self._finish()
        self._judge(where)
        self.tally.add(late_arrivals=1)

    def _break(self, way, direction, n):
        """False: the session was over before."""
        self._change()
        world, wire = self.world, self.world.wire
        where = f"{self.name} {self.job.transport} {way} {direction} --first {n}"
        wire.reset = n % 2 == 1
        wire.count_from_now()
        setattr(wire, way + ("_up" if direction == "up" else ""), n)
        if self.daemon:
            wait_until(lambda: wire.cuts + wire.flips or self._has_news(), f"{where}: something happens")
        else:
            self._check(where, world.account.once(timeout=ENDS + 30))
        done = wire.cuts + wire.flips
        wire.heal()
        self._finish()
        self._judge(where)
        if done:
            self.tally.add(**{"cuts" if way == CUT else "flipped bits": 1})
        return done > 0

    def _spoil(self, n):
        """A bit of what nothing protects: what it hits may be the mail itself, so only the end is looked at."""
        self._change()
        world = self.world
        where = f"{self.name} {self.job.transport} spoiled --first {n}"
        world.wire.flip = n
        self._check(where, world.account.once(timeout=ENDS + 30))
        done = world.wire.flips
        world.wire.heal()
        self._check(where + ", afterwards", world.account.once(timeout=ENDS + 30))
        self.tally.add(spoiled_bits=done)
        self.leave()

    def _change(self):
        """The daemon waits, as it is to be disturbed in that."""
        if not self.world:
            self._begin()
        if self.daemon:
            wait_until(self._waits, "the daemon waits", interval=0.02)
        self.change(self.world)

    def _waits(self):
        [status] = self.world.account.ctl_json("status")
        return status["waits"] and status["state"] == "in sync"

    def _has_news(self):
        """INBOX is as it should be, on both sides."""
        model = {row.digest for row in self.world.model["INBOX"]}
        return all({row.digest for row in side.content()["INBOX"]} == model for side in self.world.sides)

    def _finish(self):
        """On a wire that is whole."""
        if self.daemon:
            self.daemon.wait_in_sync()
        else:
            self.world.finish()

    def _check(self, where, result):
        """Done in spite of it, or a sentence on what went wrong."""
        name = self.world.account.name
        if result.status not in (0, 1) or (result.status == 1 and f"{name}: " not in result.err):
            self.tally.wrong(f"{where}: {result}")
        elif result.seconds > ENDS:
            self.tally.wrong(f"{where}: an end after {result.seconds:.0f} s only")

    def _judge(self, where):
        found = self.world.judge()
        if not self.daemon:
            found += oracle.judge_again(self.world.account, self.world.sides)
        self.tally.harm(where, found)
        if found:
            self.leave()
