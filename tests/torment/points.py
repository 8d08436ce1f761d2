"""Kill it, end it, or let a call fail, at each thing that it makes lasting or tells a server."""

import collections
import concurrent.futures
import errno
import re

from rig import points, upsets
from rig.dovecot import Dovecot
from rig.local import LOCAL
from rig.proxy import Proxy
from torment import oracle, rewind
from torment.merge import merge
from torment.room import room
from torment.tally import Tally

DOES = "kill it, end it or fail a call of it at each fsync, rename, unlink, mkdir and send"

# What the server says it can do, what the local side is, and what happens there.
# rate: bytes a second that it reads at most; it goes on with what a killed program has said.
Face = collections.namedtuple("Face", "capability local scenarios rate", defaults=[None])

FACES = {
    "full": Face(None, "maildir", [*upsets.SCENARIOS, upsets.download_many]),
    # no more than it must, and no UIDPLUS; several messages by one APPEND
    "bare": Face("IMAP4rev1 LITERAL+ MULTIAPPEND", "maildir", [
        upsets.upload, upsets.nameless, upsets.remove_local, upsets.move_local, upsets.move_crosswise, upsets.rename_remote,
        upsets.uidvalidity, upsets.pairing]),
    # moves are COPY, STORE and EXPUNGE
    "copying": Face("IMAP4rev1 LITERAL+ UIDPLUS", "maildir", [
        upsets.move_local, upsets.move_local_many, upsets.move_crosswise]),
    # the local side is a server
    "server": Face(None, "tunnel", [
        upsets.first_sync, upsets.upload, upsets.download, upsets.nameless, upsets.move_crosswise,
        upsets.random_changes, upsets.uidvalidity, upsets.pairing, upsets.older_local]),
    # what was sent is stored long after the program was killed
    "slow": Face(None, "maildir", [upsets.upload], 6000),
}
# face: scenario, way, how far through the run, or before which call of a name
SAMPLE = {
    "full": [
        (upsets.first_sync, "kill", 0.3), (upsets.upload, "kill", 0.56), (upsets.download, "kill", 0.4),
        (upsets.download, "kill", ("renameat2", 3)), (upsets.flags_both, "kill", 0.7),
        (upsets.delete_and_flag, "enospc", 0.5), (upsets.move_crosswise, "kill-after", 0.6),
        (upsets.random_changes, "kill", 0.5), (upsets.rename_local, "term", 0.5),
        (upsets.uidvalidity, "kill-after", 0.3), (upsets.brake_local, "eio", 0.5)],
    "bare": [(upsets.nameless, "kill", 0.5), (upsets.move_crosswise, "kill", 0.5)],
    "copying": [(upsets.move_local, "kill", 0.5)],
    "server": [(upsets.upload, "kill", 0.6), (upsets.pairing, "eio", 0.4)],
    "slow": [(upsets.upload, "kill-after", ("send", 4))],
}

# way: what the shim is told about the n-th point
WAYS = {
    "kill": lambda n: {"CHAOS_KILL": f"{n}"},
    "kill-after": lambda n: {"CHAOS_KILL": f"-{n}"},
    "eio": lambda n: {"CHAOS_FAIL": f"{n}:{errno.EIO}"},
    "enospc": lambda n: {"CHAOS_FAIL": f"{n}:{errno.ENOSPC}"},
    "term": lambda n: {"CHAOS_TERM": f"{n}"},
}


def arguments(parser):
    parser.add_argument("--face", default="", help=f"of these: {', '.join(FACES)}")
    parser.add_argument("--only", default="", metavar="REGEX", help="scenarios whose whole name matches")
    parser.add_argument("--way", default="", help=f"of these: {', '.join(WAYS)}")
    parser.add_argument("--points", type=int, metavar="N",
                        help="so many of each way and scenario, 0: all")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the point N, and no other")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many scenarios of each face at once")


class Torment:
    """A scenario on a face of the server, and what was done to its worlds."""

    def __init__(self, face, worlds, scenario):
        self.face = face
        self.worlds = worlds
        self.scenario = scenario
        self.tally = Tally()
        self.model = None
        self.place = rewind.Again(self._make, worlds.directory / "kept")

    def begin(self):
        """Judge an undisturbed run, and return the points that it passes."""
        passed = self.place.take().passed()
        self._finish(f"--face {self.face} --only {self.scenario.__name__}, undisturbed")
        return passed

    def _make(self):
        """Two sides that were in sync, and changed. The model is found without the program."""
        world = self.worlds.make(self.scenario)
        before, _ = world.content()
        world.change(self.scenario)
        self.model = self.model or self._model(world, before, *world.content())
        return world

    def _model(self, world, before, remote, local):
        forgotten = upsets.WITHOUT_BASE.get(self.scenario, [])
        base = {mailbox: rows for mailbox, rows in before.items() if mailbox not in forgotten}
        if self.scenario is upsets.older_local:  # it has again what was there before
            return merge({}, before, remote)
        back = {mailbox: before[mailbox] + _news(local, before, mailbox) for mailbox in world.put_back}
        return merge(base, remote, local | back)

    def disturb(self, way, n):
        self.place.take().disturb(WAYS[way](n))
        self._finish(self.where(way, n))
        self.tally.add(**{way.replace("-", "_"): 1})

    def where(self, way, n):
        """How to have it again."""
        return f"--face {self.face} --only {self.scenario.__name__} --way {way} --first {n}"

    def _finish(self, where):
        """Judge the world that was taken, and give it back. What goes wrong otherwise leaves it too."""
        is_good = False
        try:
            found = self._judge(self.place.original.world)
            self.tally.harm(where, found)
            for harm in found:  # at once: the whole takes hours
                print(f"  {where}: {harm.kind}: {harm.text}", flush=True)
            is_good = not found
        finally:
            self.place.end(is_good)

    def _judge(self, world):
        world.finish()
        with world.hands():
            both = [world.remote, world.local]
            found = oracle.judge(self.model, *((side.name, side.content()) for side in both))
            found += oracle.judge_again(world.account, both)
        return found + [oracle.Harm("altered", f"{path} is left") for path in world.account.tree.temporary()]


def _news(content, before, mailbox):
    known = {row.digest for row in before[mailbox]}
    return [row for row in content[mailbox] if row.digest not in known]


def is_sample(options):
    return not (options.full or options.only or options.first or options.points is not None)


def place_of(where, passed):
    """The number of a point of the sample."""
    if isinstance(where, float):
        return max(1, round(where * len(passed)))
    name, number = where
    return [n for n, passed_name in enumerate(passed, 1) if passed_name == name][number - 1]


def plan(options, torment, passed):
    """[(way, n)] of a scenario that passes these points."""
    ways = [way for way in WAYS if options.way in ("", way)]
    if options.first:
        return [(way, options.first) for way in ways]
    if is_sample(options):
        return [(way, place_of(where, passed)) for scenario, way, where in SAMPLE[torment.face]
                if scenario is torment.scenario]
    return [(way, n) for way in ways for n in points.spread(len(passed), options.points or len(passed))]


def torment_scenario(options, torment):
    passed = torment.begin()
    ways = plan(options, torment, passed)
    for way, n in ways:
        try:
            torment.disturb(way, n)
        except Exception as wrong:  # the others are still to be done
            torment.tally.wrong(f"{torment.where(way, n)}: {type(wrong).__name__}: {wrong}")
    distinct = len({n for _, n in ways})
    torment.tally.add(scenarios=1, points=distinct)
    print(f"  {torment.face} {torment.scenario.__name__}: {distinct} points of {len(passed)}, {len(ways)} disturbed"
          " runs", flush=True)
    return torment.tally


def torment_face(options, name, directory):
    """The tallies of its scenarios, some at once: a run after a cut upload waits before it looks for it."""
    face = FACES[name]
    sampled = [row[0] for row in SAMPLE[name]]
    chosen = [scenario for scenario in face.scenarios if re.fullmatch(options.only or ".*", scenario.__name__)
              and (scenario in sampled or not is_sample(options))]
    if not chosen:
        return []
    with (Dovecot(directory / "server", capability=face.capability) as server,
          LOCAL[face.local](directory / "local") as place,
          Proxy(server.host, server.imap_port, rate_up=face.rate) as proxy,
          concurrent.futures.ThreadPoolExecutor(options.jobs) as pool):
        worlds = points.Worlds(directory, server, place, proxy.port if face.rate else None)
        return list(pool.map(lambda scenario: torment_scenario(options, Torment(name, worlds, scenario)), chosen))


def run(options):
    tally = Tally()
    tally.add(scenarios=0, points=0)
    with room("points") as place:
        names = [name for name in FACES if options.face in ("", name)]
        with concurrent.futures.ThreadPoolExecutor(len(FACES)) as pool:
            for parts in pool.map(lambda name: torment_face(options, name, place.directory / name), names):
                for part in parts:
                    tally.merge(part)
        place.keep = bool(tally.found or tally.other)
    return tally
