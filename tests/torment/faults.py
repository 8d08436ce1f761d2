"""A call of the system fails, or an allocation: each once, at each of its positions."""

import errno
import os
import random
import re

from rig import BUILD, Timeout, upsets
from torment import bench
from torment.oracle import Harm
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
SAMPLE = 10  # faults of each sort


def arguments(parser):
    parser.add_argument("--sort", choices=SORTS, help="only these")
    parser.add_argument("--scenario", default="", help="only those whose names match")
    parser.add_argument("--first", type=int, default=1, help="the first seed: which ones the sample takes")
    parser.add_argument("--count", type=int, help="faults of each sort and scenario; 0: all")
    parser.add_argument("--fault", help="only this: function:n:errno, function:n+:errno from then on,"
                        " function:n:short, or allocation:n:12")


def run(options):
    tally = Tally()
    count = options.count if options.count is not None else 0 if options.full else SAMPLE
    every = options.full or options.scenario
    with bench.Bench() as worlds:
        for scenario in bench.chosen(SCENARIOS if every else SCENARIOS[:1], options.scenario):
            for sort, kind in SORTS.items():
                if options.sort == sort or (options.sort is None and (every or sort != "daemon")):
                    kind(worlds, scenario, tally).fail(count, options.first, options.fault)
        worlds.is_bad = worlds.is_bad or not tally.is_good
    return tally


def ways(name, error):
    """Once, and from then on. What is only put off must end some time, and a sentence must get out."""
    return [""] if error in (errno.EINTR, SHORT) or name in ("write", "epoll_wait") else ["", "+"]


def error_name(fault):
    name, n, error = fault.split(":")
    return f"{name} {n} {errno.errorcode[int(error)] if error != SHORT else SHORT}"


class Calls:
    """Of a run of --once, over TLS."""

    what = "calls_failed"

    def __init__(self, worlds, scenario, tally):
        self.worlds = worlds
        self.scenario = scenario
        self.tally = tally

    def fail(self, count, seed, only):
        faults = [only] if only else self.faults()
        total = len(faults)
        if count and count < total:
            faults = random.Random(seed).sample(faults, count)
        reached = sum(self.try_one(fault) for fault in faults)
        self.tally.add(**{self.what: reached})
        print(f"  {type(self).__name__.lower()} {self.scenario.__name__}: {reached} faults of {total}", flush=True)

    def faults(self):
        """Every one of an undisturbed run."""
        return [f"{name}:{n}{lasts}:{error}" for name, calls in self.calls().items()
                for n in range(1, calls + 1) for error in ERRORS.get(name, []) for lasts in ways(name, error)]

    def calls(self):
        """{function: how often an undisturbed run calls it}"""
        world = self.worlds.world(self.scenario)
        result, lines = self.disturb(world, {})
        if result.status != 0:
            raise AssertionError(f"an undisturbed run does not end well: {result}")
        found = self.worlds.take_model(self.scenario, world)
        if found:
            raise AssertionError("an undisturbed run leaves differences:\n" + "\n".join(found[:9]))
        self.worlds.end(world, True)
        return {name: int(calls) for name, calls in (line.split() for line in lines if line != "fault")}

    def disturb(self, world, variables):
        """(Result, lines of the log)"""
        account = world.account
        use_tls(world)
        log = account.directory / "faults"
        log.write_text("")
        account.variables = {"LD_PRELOAD": str(SHIM), "FAULT_LOG": str(log)} | variables
        try:
            return self.run(account), log.read_text().split("\n")[:-1]
        finally:
            account.variables = {}

    def run(self, account):
        return account.once(timeout=60)

    def is_done(self, result):
        return result.status == 0

    def try_one(self, fault):
        """Whether the call was made."""
        world = self.worlds.world(self.scenario)
        where = f"{self.scenario.__name__} {fault} = {error_name(fault)} ({world.user})"
        try:
            result, lines = self.disturb(world, {"FAULT": fault})
        except Timeout as error:
            sentences, found, lines = [str(error)], [], ["fault"]
        else:
            sentences = list(self.wrong_in(fault, result))
            # A folder that was made by halves gets its identity in the run after the one that mends it.
            found = self.worlds.judge(self.scenario, world, is_done=self.is_done(result), runs=2)
        self.tally.harm(where, found)
        for sentence in sentences:
            self.tally.wrong(f"{where}: {sentence}")
        for sentence in [*sentences, *(harm.text for harm in found)]:
            print(f"  {where}: {sentence}", flush=True)
        self.worlds.end(world, not found and not sentences)
        return "fault" in lines

    def wrong_in(self, fault, result):
        """What the user must not see."""
        if result.status < 0:
            yield f"ended by a signal: {result}"
        elif result.status > 2:
            yield f"an odd status: {result}"
        elif result.status > 0 and not re.search(r"\w+\W+\w+\W+\w+", result.err):
            yield f"no sentence says why it failed: {result}"
        text = os.strerror(errno.ENOSPC)
        is_full = fault.endswith(f":{errno.ENOSPC}") and not fault.startswith("open:")  # SQLite forgets that one
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

    def faults(self):
        return [f"allocation:{n}:{errno.ENOMEM}" for n in range(1, self.calls()["allocation"] + 1)]


class Daemon(Calls):
    """Of the daemon, which syncs once and is ended."""

    what = "daemon_calls_failed"

    def run(self, account):
        log = account.directory / "daemon.log"
        if log.exists():
            log.unlink()
        with account.daemon() as daemon:
            account.variables = {}
            self.sync(account, daemon)
            status = daemon.stop(60)
        return Ended(status, log.read_text())

    def sync(self, account, daemon):
        """Until it is in sync, or has ended by itself. A client of it may have to come again."""
        for _ in range(3):
            try:
                daemon.wait_ready(60)
                if account.ctl("sync", "--wait", timeout=60).status == 0:
                    return
            except AssertionError:
                if daemon.process.poll() is None:
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
