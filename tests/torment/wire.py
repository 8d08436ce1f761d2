"""A wire that breaks: cut after each byte, bits flipped, silence, pieces; and what becomes of the mail."""

import collections
import concurrent.futures
import contextlib
import itertools
import pathlib
import shutil
import tempfile
import traceback

from rig.dovecot import Dovecot
from rig.profiles import CAPABILITIES
from torment import sessions, stalls, sweep
from torment.tally import Log, Tally

DOES = "cut the connection after each byte, flip bits, split, delay and fall silent"
# Most of the time is spent waiting: after a lost answer to APPEND for some seconds.
JOBS = 20
JOBS_FULL = 40
UNCOMPRESSED = ["bare", "local", "tunnel"]  # the server has no COMPRESS, or it does not pay
PART = 200  # bytes, or records of TLS, that one world of --full goes through


def arguments(parser):
    parser.add_argument("--sessions", default=",".join(sessions.SESSIONS), metavar="NAME,...",
                        help="of: %(default)s")
    parser.add_argument("--transports", default=",".join(sessions.TRANSPORTS), metavar="NAME,...",
                        help="of: %(default)s")
    parser.add_argument("--parts", default="moments,cuts,flips,pieces,stalls", metavar="NAME,...", help="of: %(default)s")
    parser.add_argument("--cuts", type=int, metavar="N", help="of each session, in each direction, at random bytes")
    parser.add_argument("--step", type=int, metavar="N", help="cut after each N-th byte")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first byte of --full, or record of TLS")
    parser.add_argument("--again", type=int, metavar="N",
                        help=f"after each N-th judgement one more run, that must change nothing (full: {sweep.AGAIN})")
    parser.add_argument("--log", type=pathlib.Path, metavar="FILE",
                        help="of what --full has done: go on with the rest of it")
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
        with concurrent.futures.ThreadPoolExecutor(options.jobs or (JOBS_FULL if options.full else JOBS)) as pool:
            silence = pool.submit(stalls.run, directory, servers, options) if "stalls" in options.parts else None
            for job, found in _all(pool, directory, servers, options):
                print(f"  {job}: {found}", flush=True)
                tally.merge(found)
            if silence:
                tally.merge(silence.result())
    if tally.is_good:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}", flush=True)
    return tally


def _all(pool, directory, servers, options):
    """Yields (job, Tally) of each as it ends. What the log has is not done again."""
    log = Log(options.log)
    submit = lambda job: {pool.submit(_attempt, job, directory, servers, options): job}
    waiting = {}
    for job in _jobs(options):
        waiting |= submit(job)
    while waiting:
        done, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in done:
            job = waiting.pop(future)
            tally, length = future.result()
            for part in _parts(job, length, options):
                if str(part) not in log.done:
                    waiting |= submit(part)
            if isinstance(job.part, Part):
                log.add(job, tally)
            yield job, tally


def _servers(directory):
    """Processes are used again: a session costs no fork."""
    settings = "service imap {\n  service_count = 0\n}\n"
    return {
        "full": Dovecot(directory / "full", "maildir", settings=settings),
        "gmail": Dovecot(directory / "gmail", "mdbox", capability=CAPABILITIES["gmail"], settings=settings),
        "bare": Dovecot(directory / "bare", "mdbox", capability=CAPABILITIES["bare"], compress=False, settings=settings),
    }


class Part(collections.namedtuple("Part", "way direction first last step is_records")):
    """Bytes of a session, or records of TLS; last: the one behind it, None: as far as it goes."""

    def __str__(self):
        of = "records" if self.is_records else "bytes"
        return f"{self.way} {self.direction} {of} {self.first}-{'' if self.last is None else self.last - 1}"


class Job(collections.namedtuple("Job", "kind transport sessions part", defaults=[None])):
    """Sessions that one world goes through. part: "moments", None (the rest), or a Part of the only one."""

    def __str__(self):
        return f"{'+'.join(self.sessions)} {self.transport}" + (f" {self.part}" if self.part else "")


def _jobs(options):
    """All: a world for each session and transport, and more of _parts(). The sample: each session once, by turns
    of transports."""
    names = options.sessions.split(",")
    transports = options.transports.split(",")
    if options.full:
        for name, transport in itertools.product(names, transports):
            if not (SESSIONS[name][0] in UNCOMPRESSED and "compress" in transport):
                yield Job(SESSIONS[name][0], transport, [name])
        return
    turns = collections.defaultdict(list)
    for n, name in enumerate(names):
        kind = SESSIONS[name][0]
        transport = transports[n % len(transports)]
        turns[kind, transport if kind != "bare" else transports[0], name in sessions.WAITING].append(name)
    if "moments" in options.parts and "plain" in transports:
        yield from [Job(SESSIONS[name][0], "plain", [name], "moments") for name in names if name in sweep.ARRIVES_LATE]
        for kind in sorted({SESSIONS[name][0] for name in names if name in sweep.MOMENTS}):
            yield Job(kind, "plain", [name for name in names if name in sweep.MOMENTS and SESSIONS[name][0] == kind],
                      "moments")
    for (kind, transport, _), chosen in turns.items():
        yield Job(kind, transport, chosen)


def _parts(job, length, options):
    """What is left of --full when the length of the session is known: of TLS each record is cut, see chaos.md."""
    if not options.full or options.cuts or not length:
        return
    is_tls = "tls" in job.transport
    for way, direction in itertools.product([sweep.CUT, sweep.FLIP], sweep.DIRECTIONS):
        if f"{way}s" not in options.parts or options.direction not in (None, direction):
            continue
        if way == sweep.FLIP and not is_tls:
            continue
        is_records = is_tls and way == sweep.CUT and not options.step
        end = length[direction + (" records" if is_records else "")]
        step = options.step or (1 if way == sweep.CUT else sweep.FLIP_STEP)
        for first in range(options.first, end + 1, PART * step):
            last = first + PART * step
            yield job._replace(part=Part(way, direction, first, last if last <= end else None, step, is_records))


SESSIONS = sessions.SESSIONS


def _attempt(job, directory, servers, options):
    """(Tally, length of the session)"""
    tally = Tally()
    world = length = None
    for name in job.sessions:
        one = sweep.Sweep(job, name, directory, servers, options, tally)
        try:
            if isinstance(job.part, Part):
                one.run_part()
            else:
                world = one.run(world)
                length = one.length
        except Exception:  # pylint: disable=broad-except
            one.leave()
            world = None
            tally.wrong(f"{name} {job.transport}: {traceback.format_exc(limit=-4)}")
    if world:
        world.close()
    return tally, length
