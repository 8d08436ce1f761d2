"""The daemons at work: the seed's mailboxes and events, and what each program takes meanwhile.

One program after the other runs on the same server. Each is watched while nothing happens, then while the seed's
events happen on the server, then while they happen on the local side; the first two give what six hours take.
"""

import contextlib
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

from measure import content, programs, tables as markdown, views
from rig import load, meter, netns, populate, sides, wait_until
from rig.dovecot import Dovecot

LOOK = 0.01
READY = 900.0  # seconds in which the first event must have been seen
PROBED = "mailbox-02"  # not INBOX, of whose changes interimap --notify does not hear at times
SEED_HOURS = 6
SEED_EVENTS = {kind: SEED_HOURS * 3600 / load.STEP * chance for kind, chance in load.CHANCES.items()}
QUIET, REMOTE, LOCAL = "quiet", "events on the server", "events on the local side"


def arguments(parser):
    parser.add_argument("--mailboxes", type=int, default=97, help="of live (default: %(default)s)")
    parser.add_argument("--messages", type=int, default=5000, help="of live, in all (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="of live: times the seed's (default: %(default)s)")


def full(options):
    options.minutes, options.messages, options.rate = 60, 500_000, 10


class Process:
    """A daemon, and what it has taken so far."""

    def __init__(self, program):
        self.program = program
        self.log = open(program.home / "log", "w+", errors="replace")
        self.process = subprocess.Popen(list(map(str, program.live())), env=program.environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def check(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(f"{self.program.name} ended: {self.process.returncode}\n{self.log.read()[-2000:]}")

    def taken(self):
        """CPU seconds and voluntary context switches of all threads."""
        self.check()
        return meter.cpu_clock(self.process.pid), self._field("voluntary_ctxt_switches")

    def rss(self):
        return self._field("VmHWM", threads="") * 1024

    def _field(self, name, threads="task/*/"):
        total = 0
        for path in pathlib.Path(f"/proc/{self.process.pid}").glob(threads + "status"):
            [line] = [line for line in path.read_text().splitlines() if line.startswith(name + ":")]
            total += int(line.split()[1])
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Loop:
    """A program that is run again and again, with a pause between."""

    def __init__(self, program):
        self.program = program
        self.stopping = threading.Event()
        self.sum = (0.0, 0)
        self.peak = 0
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            usage = meter.run(self.program.live(), self.program.environment)
            if usage.status != 0:
                self.error = f"{self.program.name}: status {usage.status}\n{usage.err[-2000:]}"
                return
            self.sum = self.sum[0] + usage.cpu, self.sum[1] + usage.switches
            self.peak = max(self.peak, usage.rss)
            self.stopping.wait(programs.SECONDS)

    def check(self):
        if self.error:
            raise AssertionError(self.error)

    def taken(self):
        self.check()
        return self.sum

    def rss(self):
        return self.peak

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Load(load.Load):
    """It counts the bytes of its new messages as COMPRESS would send them, one after the other."""

    def start(self, views_now, acting):
        """Another pair of sides, and nothing is remembered but the mail."""
        self.views, self.acting = views_now, acting
        self.latencies.clear()
        self.late.clear()
        self.done = dict.fromkeys(load.CHANCES, 0)
        self.bodies = 0
        self.deflate = zlib.compressobj(wbits=-15)

    def new_message(self):
        [(data, _, _)] = populate.quick_rows(self.rng, f"live{self.count}", 1)
        self.bodies += len(self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH))
        return data

    def _change(self, kind, n):
        """A file may get another name at the moment when it is to be changed: then nothing happens."""
        before = self.count
        try:
            super()._change(kind, n)
        except FileNotFoundError:
            return
        self.done[kind] += self.count - before

    def probe(self, mailbox):
        """One message, which shows that the program is at work."""
        self._deliver(self.views[0], mailbox)
        self.under_way[mailbox] = load.Event("deliver", 0, mailbox, time.monotonic())


def window(runner, link, play):
    """What was taken while play() played."""
    cpu, switches = runner.taken()
    traffic, begin = link.count(), time.monotonic()
    play()
    seconds = time.monotonic() - begin
    after = runner.taken()
    crossed = link.since(traffic)
    return {"seconds": seconds, "cpu": after[0] - cpu, "switches": after[1] - switches,
            "bytes_in": crossed.bytes_in, "bytes_out": crossed.bytes_out,
            "packets": crossed.packets_in + crossed.packets_out}


def latencies(play_load):
    return {kind: took for (kind, _), took in play_load.latencies.items()}


class Stage:
    """The servers, the mail, and the load that goes on from program to program."""

    def __init__(self, options, stack):
        self.options = options
        self.stack = stack
        self.directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imapsyncd-live-")))
        self.directory.chmod(0o755)
        self.link = stack.enter_context(netns.Link())
        addresses = ("127.0.0.1", self.link.address)
        self.server = stack.enter_context(Dovecot(self.directory / "remote", "mdbox", addresses=addresses))
        self.local = stack.enter_context(Dovecot(self.directory / "local", "maildir"))
        self._fill()
        self.remote = load.Server(sides.ImapSide(self.server.session(content.USER)), self.server.session(content.USER))
        self.load = Load(random.Random(1), None, self.remote.side.content())

    def _fill(self):
        names = populate.plain_names(self.options.mailboxes)
        with self.server.session(content.USER) as session:
            for n, (name, size) in enumerate(zip(names, load.sizes(len(names), self.options.messages))):
                if name != "INBOX":
                    session.create(name)
                populate.fill_small(session, name, size, n)

    def play(self, seconds):
        load.play(self.load, seconds, self.options.rate, look=LOOK)

    def own_delay(self, limit):
        """How long the server itself takes to say that something has changed; and what a session takes that asks for
        each change at once, and does no more than make it durable."""
        listener = views.Listener(self.server.session(content.USER))
        listener.load = self.load
        follower = Process(limit(self.directory / limit.key, programs.Way(self.link, self.server, False), self.local))
        self._settle(follower)
        self.load.start([self.remote, listener], [0])
        found = window(follower, self.link, lambda: self.play(60 * self.options.minutes))
        found["rss"] = follower.rss()
        follower.stop()
        listener.close()
        return {"latencies": latencies(self.load), "late": self.load.late[:], "events": dict(self.load.done),
                "bodies": self.load.bodies, **found}

    def _settle(self, follower):
        def follows():
            follower.check()
            return (follower.program.home / "follows").exists()

        wait_until(follows, "the session follows", READY, LOOK)

    def view_of(self, program):
        store = program.store()
        if isinstance(store, content.Files):
            return views.WatchedFiles(store.tree, store.adds)
        session = self.local.session(program.user)
        return load.Server(sides.ImapSide(session), self.local.session(program.user))

    def run(self, kind):
        """All phases of one program."""
        program = kind(self.directory / kind.key, programs.Way(self.link, self.server, False), self.local)
        usage = meter.run(program.once(), program.environment)
        if usage.status != 0:
            raise AssertionError(f"the first sync: status {usage.status}\n{usage.err[-2000:]}")
        view = self.view_of(program)
        runner = (Loop if kind.loops else Process)(program)
        try:
            found = self._phases(runner, view)
        finally:
            runner.stop()
            view.close()
        found["wrong"] = self._differences(program)
        return found

    def _phases(self, runner, view):
        seconds, load_now = 60 * self.options.minutes, self.load
        load_now.start([self.remote, view], [0])
        load_now.probe(PROBED)
        self._arrive(runner)
        quiet = window(runner, self.link, lambda: time.sleep(seconds))
        found = {"phases": {QUIET: quiet}, "late": []}
        for phase, acting in ((REMOTE, [0]), (LOCAL, [1])):
            load_now.start([self.remote, view], acting)
            found["phases"][phase] = window(runner, self.link, lambda: self.play(seconds))
            found["phases"][phase] |= {"latencies": latencies(load_now), "events": dict(load_now.done),
                                       "bodies": load_now.bodies}
            found["late"] += load_now.late
        found["rss"] = runner.rss()
        return found

    def _arrive(self, runner):
        def has_arrived():
            runner.check()
            there = self.load.views[1].count(PROBED)
            if there == (len(self.load.model[PROBED]), self.load.unseen[PROBED]):
                self.load.under_way.clear()
                return True
            return False

        wait_until(has_arrived, "the program works", READY, LOOK)

    def _differences(self, program):
        expected = content.Mailboxes(self.server, content.USER).content(False, program.keeps)
        return content.differences(expected, program.store().content(False, program.keeps))


def measure(options, kinds):
    """{"options", "server": latencies, "programs": {key: phases}}"""
    wanted = {"minutes": options.minutes, "mailboxes": options.mailboxes, "messages": options.messages,
              "rate": options.rate}
    found = {"options": wanted, "programs": {}}
    with contextlib.ExitStack() as stack:
        stage = Stage(options, stack)
        found["server"] = stage.own_delay(programs.Limit)
        for kind in kinds:
            if kind.is_limit:
                continue
            print(f"  {kind.name} ...", file=sys.stderr, flush=True)
            try:
                found["programs"][kind.key] = stage.run(kind)
            except AssertionError as error:
                found["programs"][kind.key] = {"phases": {}, "late": [], "wrong": [str(error)]}
                stage.load.under_way.clear()
        stage.remote.close()
    return found


def hourly(run):
    """What an hour takes with the seed's own events: what passes while nothing happens, and so many events.

    An event's cost is what the second phase took beyond that, for each of its events."""
    quiet, busy = run["phases"][QUIET], run["phases"][REMOTE]
    events = sum(busy["events"].values()) or 1
    found = {}
    for what, value in (("bytes", lambda phase: phase["bytes_in"] + phase["bytes_out"]),
                        ("cpu", lambda phase: phase["cpu"]), ("switches", lambda phase: phase["switches"])):
        rate = value(quiet) / quiet["seconds"]
        event = max(value(busy) - rate * busy["seconds"], 0) / events
        found |= {what: 3600 * rate + event * sum(SEED_EVENTS.values()) / SEED_HOURS,
                  what + " quiet": 3600 * rate, what + " event": event}
    # The messages themselves: so many of the events were new ones.
    share = busy["bodies"] / events
    found["beyond"] = found["bytes"] - share * sum(SEED_EVENTS.values()) / SEED_HOURS
    return found


NOTHING = {"seconds": 1, "bytes_in": 0, "bytes_out": 0, "cpu": 0, "switches": 0}


def limit_run(found):
    """The hand-written session as a run; None if it was not measured. While nothing happens it does nothing.

    Results without its memory are of a session in Python that made nothing durable: nobody's limit."""
    server = found.get("server", {})
    return {"phases": {QUIET: NOTHING, REMOTE: server}, "rss": server["rss"]} if "rss" in server else None


def all_latencies(phase):
    return sorted(took for row in phase["latencies"].values() for took in row)


def percentile(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def latency_cells(phase):
    took = all_latencies(phase)
    if not took:
        return ["0", "", "", ""]
    return [str(len(took)), *(f"{percentile(took, share):.2f} s" for share in (0.5, 0.99, 1))]


def tables(found):
    """Lines of Markdown."""
    if not found:
        return []
    options, server = found["options"], found["server"]
    runs = {key: run for key, run in found["programs"].items() if run["phases"]}
    lines = ["", f"### Live: {options['mailboxes']} mailboxes, {options['messages']} messages,"
             f" {options['minutes']:g} minutes of each phase, {options['rate']:g} times the seed's events", "",
             "Latency of every event, and how many were late: not there after"
             f" {load.ARRIVES:.0f} s.", ""]
    rows = [("the server itself", "", *latency_cells(server), len(server["late"]))]
    for key, run in runs.items():
        for phase, where in ((REMOTE, "to local"), (LOCAL, "to server")):
            rows.append((markdown.NAMES[key], where, *latency_cells(run["phases"][phase]), len(run["late"])))
    lines += markdown.table(("", "direction", "events", "median", "99 %", "worst", "late, both"), rows)
    lines += extrapolation(runs, limit_run(found))
    for key, run in found["programs"].items():
        lines += ["", f"Not in sync: {markdown.NAMES[key]}: {'; '.join(run['wrong'])[:300]}"] if run["wrong"] else []
    return lines


def extrapolation(runs, limit):
    """What six hours take, and how that is computed."""
    events = sum(SEED_EVENTS.values())
    lines = ["", f"Six hours of the seed's events, which are {events:.0f} ({SEED_HOURS} h / {load.STEP:g} s of moments, each"
             f" {sum(load.CHANCES.values()):g} events): 6 x what a quiet hour takes + {events:.0f} x what an event takes. A"
             " program that polls has several events in one poll here, and so looks a little better than it is.", ""]
    rows = []
    for key, run in (({programs.Limit.key: limit} if limit else {}) | runs).items():
        cost = hourly(run)
        rows.append((markdown.NAMES[key], *(
            markdown.size(cost[name]) for name in ("bytes quiet", "bytes event")), markdown.size(6 * cost["bytes"]),
            markdown.size(cost["beyond"]), f"{cost['cpu quiet']:.2f} s", f"{1000 * cost['cpu event']:.2f} ms",
            f"{6 * cost['cpu']:.1f} s", f"{cost['switches quiet'] / 60:.1f}", f"{cost['switches event']:.1f}",
            f"{cost['switches'] / 60:.1f}", f"{run['rss'] / 1e6:.1f} MB"))
    return lines + markdown.table((
        "", "bytes, quiet hour", "an event", "6 h", "an hour, beyond the messages", "CPU, quiet hour", "an event", "6 h",
        "wake-ups a minute, quiet", "an event", "a minute with events", "max RSS"), rows)
