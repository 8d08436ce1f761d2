"""A call of the system fails, or an allocation: from each place of the program that makes it.

A site is a stack of callers, as tests/chaos-faults.c numbers it; of the calls from one the first fails, and the
last, and with --each more of them.
"""

import collections
import concurrent.futures
import errno
import os
import queue
import random
import re

from rig import BUILD, Timeout, upsets
from torment import bench
from torment.tally import Tally

DOES = "each system call fails, once and from then on, each allocation once: told, and mended by the next run"

SHIM = BUILD / "tests" / "libchaos-faults.so"
SHORT = "short"
NO_FILE = [errno.EMFILE, errno.EIO, errno.ENOSPC, errno.EINTR]
DISK = [errno.EIO, errno.ENOSPC, errno.EINTR]
WIRE = [errno.ECONNRESET, errno.EINTR, errno.ENOBUFS]
HANDLE = [errno.EMFILE, errno.ENOMEM]
# function: what can happen to it; "allocation": see alloc below
ERRORS = {
    "open": NO_FILE, "openat": NO_FILE, "mkdir": DISK, "mkdirat": DISK,
    "read": [errno.EIO, errno.EINTR, SHORT], "pread": [errno.EIO, errno.EINTR, SHORT],
    "write": [*DISK, SHORT], "pwrite": [*DISK, SHORT],
    "recv": [*WIRE, SHORT], "send": [*WIRE, SHORT], "connect": [*WIRE, errno.EIO],
    "sendmsg": WIRE, "recvmsg": WIRE, "readv": [errno.EIO, errno.EINTR], "writev": DISK,
    "fsync": DISK, "fdatasync": DISK, "ftruncate": DISK, "futimens": [errno.EIO],
    "rename": DISK, "renameat": DISK, "renameat2": DISK, "linkat": [*DISK, errno.EMLINK], "unlink": DISK,
    "unlinkat": DISK, "rmdir": DISK, "chmod": [errno.EIO], "close": [errno.EIO],
    "stat": [errno.EIO], "lstat": [errno.EIO], "fstat": [errno.EIO], "fstatat": [errno.EIO],
    "statx": [errno.EIO], "access": [errno.EIO], "faccessat": [errno.EIO], "lseek": [errno.EIO],
    "fdopendir": [errno.ENOMEM], "readdir": [errno.EIO], "getcwd": [errno.ENOENT],
    "gethostname": [errno.ENAMETOOLONG], "getrandom": [errno.EINTR], "mmap": [errno.ENOMEM],
    "flock": [errno.EINTR, errno.EIO], "pthread_create": [errno.EAGAIN],
    "socket": HANDLE, "socketpair": HANDLE, "accept4": [*HANDLE, errno.EINTR], "bind": [errno.EADDRINUSE],
    "listen": [errno.EADDRINUSE], "pipe2": HANDLE, "eventfd": HANDLE, "getsockopt": [errno.EIO],
    "setsockopt": [errno.EIO], "epoll_create1": HANDLE, "epoll_ctl": [errno.ENOMEM, errno.ENOSPC],
    "epoll_wait": [errno.EINTR], "timerfd_create": HANDLE, "timerfd_settime": [errno.EIO],
    "signalfd": HANDLE, "inotify_init1": HANDLE, "inotify_add_watch": [errno.ENOSPC, errno.ENOMEM],
}
SCENARIOS = [upsets.random_changes, upsets.first_sync, upsets.rename_remote, upsets.flags_both]
GROUP = 8  # faults in one world, where that makes no difference
SAMPLE = 10  # faults of each sort, and
ALWAYS = ["fsync", "renameat2"]  # what fails once and is not to be believed the next time, from each site

# The n-th call from a site, or without a site of all. lasts: "+", and each that follows.
class Fault(collections.namedtuple("Fault", "name n lasts error site")):
    """As FAULT and FAULT_SITE have it, joined by "@"."""

    def __str__(self):
        return f"{self.name}:{self.n}{self.lasts}:{self.error}" + (f"@{self.site}" if self.site else "")

    @classmethod
    def read(cls, text):
        match = re.fullmatch(r"(\w+):(\d+)(\+?):(\w+)(?:@(\w+))?", text)
        return cls(match[1], int(match[2]), match[3], match[4] if match[4] == SHORT else int(match[4]), match[5])

    def variables(self):
        text, _, site = str(self).partition("@")
        return {"FAULT": text} | ({"FAULT_SITE": site} if site else {})

    def error_name(self):
        return SHORT if self.error == SHORT else errno.errorcode[self.error]


def arguments(parser):
    parser.add_argument("--sort", choices=SORTS, help="only these")
    parser.add_argument("--scenario", default="", help="only those whose names match")
    parser.add_argument("--function", default="", metavar="REGEX", help="only those whose whole names match")
    parser.add_argument("--first", type=int, default=1, help="the first seed: which ones the sample takes")
    parser.add_argument("--count", type=int, help="faults of each sort and scenario; 0: all")
    parser.add_argument("--each", type=int, default=2, metavar="N",
                        help="calls from one site: the first, the last, and some between; 0: all (2)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="worlds at the same time (2)")
    parser.add_argument("--fault", type=Fault.read, help="only this: function:n:errno, function:n+:errno from then on,"
                        " function:n:short, or allocation:n:12; with @SITE behind it of the calls from there, in this build")


def run(options):
    tally = Tally()
    is_sample = not (options.full or options.scenario or options.count is not None)
    options.count = SAMPLE if is_sample else options.count or 0
    with bench.Bench() as worlds:
        for scenario in bench.chosen(SCENARIOS[:1] if is_sample else SCENARIOS, options.scenario):
            for sort, kind in SORTS.items():
                if options.sort == sort or (options.sort is None and not (is_sample and sort == "daemon")):
                    kind(worlds, scenario, tally).fail(options)
        worlds.is_bad = worlds.is_bad or not tally.is_good
    return tally


def ways(name, error):
    """Once, and from then on. What is only put off must end some time, and a sentence must get out."""
    return [""] if error in (errno.EINTR, SHORT) or name in ("write", "epoll_wait") else ["", "+"]


def chosen_of(rng, calls, each):
    """Numbers from 1 to calls: the first, the last, others."""
    if not each or calls <= each:
        return range(1, calls + 1)
    ends = [1, calls][:each]
    return sorted(ends + rng.sample(range(2, calls), each - len(ends)))


class Calls:
    """Of a run of --once, over TLS."""

    what = "calls_failed"
    done = set()  # what needs to be done in no other scenario

    def __init__(self, worlds, scenario, tally):
        self.worlds = worlds
        self.scenario = scenario
        self.tally = tally

    def fail(self, options):
        sites = self.sites()
        faults = [options.fault] if options.fault else list(self.faults(sites, options))
        faults = [fault for fault in faults if re.fullmatch(options.function or ".*", fault.name)]
        total = len(faults)
        if options.count and options.count < total:
            faults = self.sample(random.Random(options.first), faults, options.count)
        reached = sum(self.try_all(faults, options.jobs))
        self.tally.add(**{self.what: reached})
        print(f"  {type(self).__name__.lower()} {self.scenario.__name__}: {reached} faults at {len(sites)} sites, of"
              f" {total} chosen at {sum(sites.values())} calls", flush=True)

    @staticmethod
    def sample(rng, faults, count):
        always = [fault for fault in faults
                  if fault.name in ALWAYS and (fault.n, fault.lasts, fault.error) == (1, "", errno.EIO)]
        return always + rng.sample(faults, count)

    def try_all(self, faults, jobs):
        places = queue.SimpleQueue()
        for _ in range(jobs):
            places.put(self.worlds.again(self.scenario))

        def try_group(group):
            place = places.get()
            try:
                return self.try_group(place, group)
            finally:
                places.put(place)

        done = 0
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            groups = self.groups(faults)
            for group, reached in zip(groups, pool.map(try_group, groups)):
                if done // 200 < (done + len(group)) // 200:
                    print(f"  {done + len(group)} of {len(faults)}", flush=True)
                done += len(group)
                yield reached

    def groups(self, faults):
        """Faults that happen one after another in the same world: those of calls that are made even where
        nothing is to be done, so that it makes no difference how far the last run came."""
        quiet = [fault for fault in faults if fault.n <= self.quiet[fault.name, fault.site]]
        return ([[fault] for fault in faults if fault.n > self.quiet[fault.name, fault.site]]
                + [quiet[n : n + GROUP] for n in range(0, len(quiet), GROUP)])

    def faults(self, sites, options):
        """At every site of an undisturbed run."""
        rng = random.Random(options.first)
        for (name, site), calls in sites.items():
            for n in chosen_of(rng, calls, options.each):
                for error in ERRORS.get(name, []):
                    yield from (Fault(name, n, lasts, error, site) for lasts in ways(name, error))

    def sites(self):
        """{(function, site): how often an undisturbed run calls it from there}, those that are to fail.
        self.quiet: the same of a run that has nothing to do."""
        place = self.worlds.again(self.scenario)
        world = place.take()
        sites = self.sites_of_run(world)
        found = self.worlds.take_model(self.scenario, world)
        if found:
            raise AssertionError("an undisturbed run leaves differences:\n" + "\n".join(found[:9]))
        self.quiet = self.sites_of_run(world)
        place.end(True)
        return sites

    def sites_of_run(self, world):
        path = world.account.directory / "sites"
        path.write_text("")
        result, _ = self.disturb(world, {"FAULT_SITES": str(path)})
        if result.status != 0:
            raise AssertionError(f"an undisturbed run does not end well: {result}")
        keys = (tuple(line.split()) for line in path.read_text().splitlines())
        return collections.Counter(key for key in keys if self.is_of(key[0]))

    @staticmethod
    def is_of(name):
        return name in ERRORS

    def disturb(self, world, variables):
        """(Result, whether the fault has happened)"""
        account = world.account
        use_tls(world)
        log = account.directory / "faults"
        log.write_text("")
        account.variables = {"LD_PRELOAD": str(SHIM), "FAULT_LOG": str(log)} | variables
        try:
            return self.run(account), bool(log.read_text())
        finally:
            account.variables = {}

    def run(self, account):
        return account.once(timeout=60)

    def is_done(self, result):
        return result and result.status == 0

    def try_group(self, place, faults):
        """How many of the calls were made. A run that says that all is done is judged by itself."""
        reached, since = 0, []
        for fault in faults:
            world = place.original.world if since else place.take()
            since.append(fault)
            result, sentences, is_reached = self.try_one(world, fault)
            reached += is_reached
            if sentences or self.is_done(result) or fault is faults[-1]:
                self.judge(place, world, since, result, sentences)
                since = []
        return reached

    def try_one(self, world, fault):
        """(Result or None, what is wrong with it, whether the call was made)"""
        try:
            result, is_reached = self.disturb(world, fault.variables())
        except Timeout as error:
            return None, [str(error)], True
        return result, list(self.wrong_in(fault, result)), is_reached

    def judge(self, place, world, faults, result, sentences):
        found = self.worlds.judge(self.scenario, world, is_done=self.is_done(result)) if result else []
        last, *before = reversed(faults)
        where = f"--sort {SORT_NAMES[type(self)]} --scenario {self.scenario.__name__} --fault {last} ({last.error_name()})"
        where += f", after {' '.join(map(str, reversed(before)))}" if before else ""
        self.tally.harm(where, found)
        for sentence in sentences:
            self.tally.wrong(f"{where}: {sentence}")
        for sentence in [*sentences, *(harm.text for harm in found)]:
            print(f"  {where}: {sentence}", flush=True)
        place.end(not found and not sentences)
        self.worlds.is_bad |= bool(found or sentences)

    def wrong_in(self, fault, result):
        """What the user must not see."""
        if result.status < 0:
            yield f"ended by a signal: {result}"
        elif result.status > 2:
            yield f"an odd status: {result}"
        elif result.status > 0 and not re.search(r"\w+\W+\w+\W+\w+", result.err):
            yield f"no sentence says why it failed: {result}"
        text = os.strerror(errno.ENOSPC)
        # SQLite tries again to open what it could not make, and forgets why
        is_full = fault.error == errno.ENOSPC and (fault.name, fault.lasts) != ("open", "")
        if result.status > 0 and is_full and not tells_of_space(result.err):
            yield f"nobody is told “{text}”: {result}"


def tells_of_space(text):
    return os.strerror(errno.ENOSPC) in text or "disk is full" in text


def use_tls(world):
    account = world.account
    account.settings |= account.server_settings(world.server, "implicit")
    account.write_config()


class Allocations(Calls):
    """Of the same, in the libraries too."""

    what = "allocations_failed"

    def faults(self, sites, options):
        """Those of the libraries are the same in all scenarios."""
        rng = random.Random(options.first)
        for (name, site), calls in sites.items():
            if site not in self.done:
                self.done.add(site)
                yield from (Fault(name, n, "", errno.ENOMEM, site) for n in chosen_of(rng, calls, options.each - 1))

    @staticmethod
    def is_of(name):
        return name == "allocation"


class Daemon(Calls):
    """Of the daemon, which syncs once and is ended."""

    what = "daemon_calls_failed"

    def run(self, account):
        log = account.directory / "daemon.log"
        if log.exists():
            log.unlink()
        lasts = "+:" in account.variables.get("FAULT", "")
        with account.daemon() as daemon:
            account.variables = {}
            self.sync(account, daemon, lasts)
            status = daemon.stop(60)
        return Ended(status, log.read_text())

    def sync(self, account, daemon, lasts):
        """Until it is in sync, or has ended by itself. A client of it may have to come again; it comes for nothing
        if each call for the control socket fails from then on, and yet the daemon must end when it is told to."""
        for _ in range(3):
            try:
                daemon.wait_ready(10 if lasts else 60)
                if account.ctl("sync", "--wait", timeout=60).status == 0:
                    return
            except AssertionError:
                if daemon.process.poll() is None and not lasts:
                    raise
                return


    def is_done(self, result):
        return False  # it was told to end


class Ended:
    """A Result, of which only this is known."""

    def __init__(self, status, err):
        self.status = status
        self.err = err

    def __str__(self):
        return f"status {self.status}\n{self.err}"


SORTS = {"calls": Calls, "allocations": Allocations, "daemon": Daemon}
SORT_NAMES = {kind: name for name, kind in SORTS.items()}
