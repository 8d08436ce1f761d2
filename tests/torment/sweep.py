"""One session over one transport, broken at one byte after the other, and the oracle asked."""

import itertools
import random

from rig import wait_until
from torment import oracle, sessions

CUT, FLIP = "cut", "flip"  # how it is broken
DIRECTIONS = ["down", "up"]
SAMPLE = 1  # of each session in each direction
SPOILED = 40  # bits of each session that TLS does not protect
ENDS = 30  # seconds that a run may take on a wire that is cut: six times the limit of one answer
AGAIN = 10  # in full: after so many runs one more is made, which must change nothing
FLIP_STEP = 15
AGED = 3  # sessions from which on one is as long as the one before
MISSES = 5  # so many sessions, one after the other, were over before the byte: a part ends
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


class Sweep:
    """job: see wire.Job. length: {direction: bytes, or records of TLS} of the session, once that is known."""

    numbers = itertools.count(1)

    def __init__(self, job, name, directory, servers, options, tally):
        self.job = job
        self.name = name
        self.change = sessions.SESSIONS[name][1]
        self.directory = directory
        self.servers = servers
        self.options = options
        self.tally = tally
        self.is_tls = "tls" in job.transport
        self.again = options.again or (AGAIN if options.full else 1)
        self.rng = random.Random(f"{options.seed} {name} {job.transport}")
        self.world = self.daemon = self.length = None
        self.stamp = None  # of the world as it was changed, while nothing has been done about that
        self.n_judged = 0

    # What a job has of it. world: of an earlier session, or None

    def run(self, world):
        """The moments, or whatever is not each byte. Returns the last world."""
        self.world = world
        self._begin()
        if self.job.part == "moments" or (self.options.full and "moments" in self.options.parts):
            self._cut_moment()
            self._arrive_late()
        if self.job.part != "moments":
            self._break_some()
        self._end()
        return self.world

    def run_part(self):
        """All bytes or records of a part, in a world of its own, which is removed if nothing is wrong with it."""
        part = self.job.part
        self._begin("5s" if part.way == FLIP else "1min")
        for _ in range(AGED):
            self._undisturbed()
        missed = 0
        for place in self._places(part):
            missed = 0 if self._safely(self._break, part.way, part.direction, place) else missed + 1
            if missed == MISSES:
                break
        self._end()
        if self.world:
            self.world.close()
            self.world.remove()

    def _end(self):
        """The oracle has not been asked since the last cuts, or not whether one more run changes something."""
        where = f"{self.name} {self.job.transport} {self.job.part or ''} in the end"
        if self.stamp:
            self._safely(self._settle, where)
        if self.daemon:
            self._stop_daemon()
        if self.world:
            self.n_judged = -1
            self._judge(where)

    def _places(self, part):
        """Bytes; of records (number, part of the next): after each, and somewhere in the one that follows."""
        last = itertools.count(part.first, part.step) if part.last is None else range(part.first, part.last, part.step)
        for n in last:
            yield (n, 0) if part.is_records else n
            if part.is_records:
                yield n, random.Random(f"{self.options.seed} {n}").uniform(0.01, 0.99)

    def _break_some(self):
        for _ in range(AGED if self.options.full else 1):
            self.length = self._undisturbed()
        if "pieces" in self.options.parts:
            self._slowly()
        for way in (CUT, FLIP):
            if f"{way}s" in self.options.parts and (way == CUT or self.is_tls):
                self._break_chosen(way)
        if "flips" in self.options.parts and not self.is_tls and not self.daemon:
            for n in self._chosen(self.length["down"], SPOILED if self.options.full else 1):
                self._safely(self._spoil, n)

    def _break_chosen(self, way):
        """At random bytes; the rest of --full is in parts."""
        most = self.options.cuts or (0 if self.options.full else SAMPLE)
        directions = DIRECTIONS if self.options.full or way == CUT else [self.rng.choice(DIRECTIONS)]
        for direction in directions:
            if self.options.direction in (None, direction):
                for n in self._chosen(self.length[direction], most):
                    self._safely(self._break, way, direction, n)

    def _chosen(self, length, most):
        return sorted(self.rng.sample(range(length), min(most, length)))

    def _safely(self, do, *arguments):
        """What does not end is a finding too, and not the end of all."""
        try:
            return do(*arguments)
        except AssertionError as error:
            self.tally.wrong(f"{self.name} {self.job.transport} {' '.join(map(str, arguments))}: {error}")
            self.leave()
            return True

    # The world

    def _begin(self, timeout="5s"):
        """Unless there is one."""
        if not self.world:
            user = f"w{next(self.numbers)}"
            without = sessions.WAITING.get(self.name, "")
            self.world = sessions.World(self.directory, self.servers, self.job.kind, self.job.transport, user, without,
                                        timeout)
            self.world.wire.count_records = self.is_tls
        if self.name in sessions.WAITING:
            self.daemon = self.world.account.daemon().wait_in_sync()

    def leave(self):
        """What is broken stays to be looked at."""
        self._stop_daemon()
        if self.world:
            self.world.close()
        self.world = self.stamp = None

    def _stop_daemon(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None

    # What is done in it

    def _undisturbed(self):
        """{direction: bytes, direction and " records": records} of the session."""
        self._change()
        wire = self.world.wire
        before = self._passed()
        if self.daemon:
            wait_until(self._has_news, "the news arrive", interval=0.02)
            wait_until(self._waits, "the daemon waits", interval=0.02)
        self._settle(f"{self.name} {self.job.transport} undisturbed")
        self.tally.add(sessions=1)
        return {name: n - before[name] for name, n in self._passed(wire).items()}

    def _passed(self, wire=None):
        wire = wire or self.world.wire
        records = {f"{direction} records": n for direction, n in wire.records.items()}
        return {"down": wire.down, "up": wire.up} | records

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
            self._settle(f"{self.name} {self.job.transport} with {settings}")
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
        self._settle(where)
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
        self._settle(where)
        self.tally.add(late_arrivals=1)

    def _break(self, way, direction, place):
        """place: a byte, or (records, part of the next). False: the session was over before."""
        self._change()
        world, wire = self.world, self.world.wire
        n = place if isinstance(place, int) else place[0]
        where = f"{self.name} {self.job.transport} {way} {direction} --first {n}" + (
            "" if n is place else f", {place[1]:.2f} of a record more")
        wire.reset = n % 2 == 1
        wire.count_from_now()
        if n is not place:
            wire.cut_record = (direction, *place)
        else:
            setattr(wire, way + ("_up" if direction == "up" else ""), n)
        if self.daemon:
            wait_until(lambda: wire.cuts + wire.flips or self._has_news(), f"{where}: something happens", interval=0.03)
        else:
            self._check(where, world.account.once(timeout=ENDS + 30))
        done = wire.cuts + wire.flips
        wire.heal()
        if done:
            self.tally.add(**{"cuts" if way == CUT else "flipped bits": 1})
        if done and not self.daemon and self.stamp == world.stamp():
            self.tally.add(of_them_before_anything_was_done=1)  # go on from where this one began
        else:
            self._settle(where)
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
        """Unless that is still to be done. The daemon waits, as it is to be disturbed in that."""
        if self.stamp:
            return
        if not self.world:
            self._begin()
        if self.daemon:
            wait_until(self._waits, "the daemon waits", interval=0.05)
        self.change(self.world)
        self.stamp = self.world.stamp()

    def _waits(self):
        [status] = self.world.account.ctl_json("status")
        return status["waits"] and status["state"] == "in sync"

    def _has_news(self):
        """INBOX is as it should be, on both sides."""
        model = {row.digest for row in self.world.model["INBOX"]}
        return all({row.digest for row in side.content()["INBOX"]} == model for side in self.world.sides)

    def _settle(self, where):
        """To the end, on a wire that is whole; then the oracle."""
        self.stamp = None
        self._finish()
        self._judge(where)

    def _finish(self):
        """A sync that was asked for just before a cut, or a peer that waits for the rest of a record, is told of
        as what failed: it is asked for again."""
        if self.daemon:
            wait_until(lambda: self.world.account.ctl("sync", "--wait").status == 0, "it is in sync", 60)
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
        self.n_judged += 1
        found = self.world.judge()
        if not self.daemon and self.n_judged % self.again == 0:
            found += oracle.judge_again(self.world.account, self.world.sides)
        self.tally.harm(where, found)
        if found:
            self.leave()
