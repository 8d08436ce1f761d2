"""The live load of InterIMAP's benchmark, on both sides at once, while the daemon runs.

There, every 5 s a new message comes to a random mailbox with 5 %, a random message is expunged with 5 %,
and one is marked as seen with 10 %. Here the same happens on either side, --rate times as often. When all
is quiet again the sides are what the model says, and the daemon holds no more descriptors than before;
over half an hour and more, its memory has not grown either.
"""

import collections
import json
import os
import pathlib
import random
import shutil
import statistics
import tempfile
import time

from rig import Timeout, compare, populate, sides, wait_until
from rig.account import Account
from rig.dovecot import Dovecot
from rig.local import LOCAL
from torment import oracle
from torment.tally import Tally

DOES = "the daemon under the live load of InterIMAP's benchmark, memory and descriptors watched"

USER = "alice"
# How many mailboxes have how many messages.
SHAPE = [(2, 100_000), (10, 10_000), (20, 5000), (45, 2000), (20, 500)]
STEP = 5.0  # seconds between the moments at which something may happen, at --rate 1
CHANCES = {"deliver": 0.05, "expunge": 0.05, "seen": 0.10}
LOOK = 0.05  # seconds between two looks at what has not arrived yet
CLOCK = 50_000_000  # nanoseconds: file systems tell the time no more precisely than this
ARRIVES = 60.0  # seconds after which a change is called lost on the way
SAMPLE = {"minutes": 0.05, "mailboxes": 12, "messages": 500, "rate": 200}
FULL = {"minutes": 60, "mailboxes": 97, "messages": 500_000, "rate": 20}
SLOPE = 200.0  # kB an hour
SLOPE_MINUTES = 30.0  # what is shorter says nothing about an hour

# What was done on a side and is not seen on the other yet.
Event = collections.namedtuple("Event", "kind side mailbox time")
# Memory in kB: all that is resident, and of that what is no page of a file.
Sample = collections.namedtuple("Sample", "seconds rss anonymous descriptors cpu")


def arguments(parser):
    parser.add_argument("--minutes", type=float, help="how long (default: 0.05; --full: 60)")
    parser.add_argument("--mailboxes", type=int, help="how many (default: 12; --full: 97)")
    parser.add_argument("--messages", type=int, help="in all of them (default: 500; --full: 500000)")
    parser.add_argument("--rate", type=float, help="times the benchmark's (default: 200; --full: 20)")
    parser.add_argument("--local", choices=sorted(LOCAL), default="maildir",
                        help="the local side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that happens (default: %(default)s)")
    parser.add_argument("--keep", help="a file for the samples and the latencies, one JSON object a line")


def sizes(mailboxes, messages):
    """How many messages each of so many mailboxes has, in the proportions of SHAPE."""
    whole = [size for count, size in SHAPE for _ in range(count)]
    chosen = [whole[n * len(whole) // mailboxes] for n in range(mailboxes)]
    return [max(size * messages // sum(chosen), 2) for size in chosen]


class Server:
    """A side that is a server: one session changes it, and another, which selects nothing, looks."""

    def __init__(self, side, eye):
        self.side = side
        self.eye = eye

    def count(self, mailbox):
        """(messages, unseen ones)"""
        name = self.eye.wire(mailbox)
        row = self.eye.command(b"STATUS " + name + b" (MESSAGES UNSEEN)")[0][2]
        return int(row[row.index(b"MESSAGES") + 1]), int(row[row.index(b"UNSEEN") + 1])

    def pick(self, rng, mailbox):
        """Some message: its handle and what it is."""
        session = self.side.session
        number = rng.randint(1, self.count(mailbox)[0])
        session.select(mailbox)
        [uid] = [int(item[1]) for item in session.command(f"UID SEARCH {number}") if item[0] == b"SEARCH"]
        row = session.fetch(uid, "FLAGS BODY.PEEK[]")[uid]
        return uid, compare.message(row[b"BODY[]"], [f.decode() for f in row[b"FLAGS"]], "")

    def close(self):
        self.eye.close()
        self.side.close()


class Files:
    """A side that is a Maildir. Its folders are large, and are not read again before they change."""

    def __init__(self, side):
        self.side = side
        self.known = {}  # {mailbox: (times of change, count)}

    def _folders(self, mailbox):
        path = self.side.tree.folder(mailbox).path
        return [path / "new", path / "cur"]

    def count(self, mailbox):
        folders = self._folders(mailbox)
        times = [folder.stat().st_mtime_ns for folder in folders]
        if (known := self.known.get(mailbox)) and known[0] == times:
            return known[1]
        names = [name for folder in folders for name in os.listdir(folder)]
        count = len(names), sum("S" not in name.partition(":2,")[2] for name in names)
        if time.time_ns() - max(times) > CLOCK:  # else what comes next may bear the same time
            self.known[mailbox] = times, count
        return count

    def pick(self, rng, mailbox):
        path = rng.choice([folder / name for folder in self._folders(mailbox) for name in os.listdir(folder)])
        return path, compare.message(path.read_bytes(), self.side.tree.folder(mailbox).flags(path), "")

    def close(self):
        self.side.close()


class Load:
    """Changes on both sides, and the model of what they make. One change of a mailbox is under way at a
    time: so it is known by two numbers when it has arrived."""

    def __init__(self, rng, views, content):
        self.rng = rng
        self.views = views  # remote, local
        self.model = {mailbox: {row.digest: row.flags for row in rows} for mailbox, rows in content.items()}
        self.unseen = {mailbox: sum("\\seen" not in flags for flags in messages.values())
                       for mailbox, messages in self.model.items()}
        self.under_way = {}  # {mailbox: Event}
        self.latencies = collections.defaultdict(list)  # {(kind, side): [seconds]}
        self.late = []
        self.count = 0

    def happen(self):
        """What the benchmark does at one of its moments, on either side."""
        for n in range(len(self.views)):
            for kind, chance in CHANCES.items():
                if self.rng.random() < chance:
                    self._change(kind, n)

    def _change(self, kind, n):
        free = [mailbox for mailbox in self.model if mailbox not in self.under_way]
        if kind != "deliver":
            free = [mailbox for mailbox in free if len(self.model[mailbox]) > 1]
        if not free:
            return
        weights = None if kind == "deliver" else [len(self.model[mailbox]) for mailbox in free]
        [mailbox] = self.rng.choices(free, weights)
        self.count += 1
        getattr(self, "_" + kind)(self.views[n], mailbox)
        self.under_way[mailbox] = Event(kind, n, mailbox, time.monotonic())

    def _deliver(self, view, mailbox):
        data = populate.message(self.rng, f"live{self.count}")
        self.model[mailbox][compare.message(data, (), "").digest] = frozenset()
        self.unseen[mailbox] += 1
        view.side.deliver(mailbox, data)

    def _expunge(self, view, mailbox):
        handle, row = view.pick(self.rng, mailbox)
        self.unseen[mailbox] -= "\\seen" not in self.model[mailbox].pop(row.digest)
        view.side.remove(mailbox, [handle])

    def _seen(self, view, mailbox):
        """Marked as seen; if it is, as not."""
        handle, row = view.pick(self.rng, mailbox)
        self.model[mailbox][row.digest] = row.flags ^ {"\\seen"}
        is_seen = "\\seen" in row.flags
        self.unseen[mailbox] += 1 if is_seen else -1
        view.side.flag(mailbox, handle, *([(), {"\\seen"}] if is_seen else [{"\\seen"}, ()]))

    def look(self):
        """Note what has arrived on the other side."""
        for mailbox, event in list(self.under_way.items()):
            there = self.views[1 - event.side].count(mailbox)
            took = time.monotonic() - event.time
            if there == (len(self.model[mailbox]), self.unseen[mailbox]):
                self.latencies[event.kind, event.side].append(took)
            elif took > ARRIVES:
                self.late.append(f"{event.kind} in {mailbox}, made on side {event.side}, is not on the other"
                                 f" after {took:.0f} s: {there}")
            else:
                continue
            del self.under_way[mailbox]

    def finish(self):
        def is_quiet():
            self.look()
            return not self.under_way

        wait_until(is_quiet, "all changes arrive", ARRIVES + 5, LOOK)

    def content(self):
        return {mailbox: [compare.Message(digest, frozenset(flags), digest[:12], "model")
                          for digest, flags in messages.items()] for mailbox, messages in self.model.items()}


class Watch:
    """Memory, descriptors and CPU of a process, now and then."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.begin = time.monotonic()
        self.samples = []

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def take(self):
        memory = [self.daemon.status_field(name) for name in ("VmRSS", "RssAnon")]
        self.samples.append(Sample(time.monotonic() - self.begin, *memory, self.descriptors(), self.cpu()))

    def slope(self):
        """kB of memory an hour, by least squares over the second half."""
        half = self.samples[len(self.samples) // 2 :]
        return 3600 * statistics.linear_regression([s.seconds for s in half], [s.rss for s in half]).slope


def play(load, watch, options):
    """The load for so many minutes, with a sample every ten seconds."""
    end = time.monotonic() + 60 * options.minutes
    moment, sample = time.monotonic(), time.monotonic()
    while (now := time.monotonic()) < end:
        if now >= sample:
            watch.take()
            sample += 10
        if now >= moment:
            load.happen()
            moment += STEP / options.rate
        load.look()
        wake = min(moment, sample, end, *([time.monotonic() + LOOK] if load.under_way else []))
        time.sleep(max(wake - time.monotonic(), 0))
    load.finish()
    watch.take()


def judge_daemon(tally, watch, before, options):
    """No descriptor more, and no memory that grows with time."""
    try:
        wait_until(lambda: watch.descriptors() <= before, "the descriptors are those of before", 30, 0.1)
    except Timeout:
        tally.wrong(f"{watch.descriptors()} descriptors after, {before} before")
    first, last = watch.samples[0], watch.samples[-1]
    print(f"  RSS {first.rss} kB, then {last.rss} kB, most {max(s.rss for s in watch.samples)} kB (anonymous"
          f" {first.anonymous}, then {last.anonymous}); descriptors {before}, then {watch.descriptors()},"
          f" most {max(s.descriptors for s in watch.samples)}; CPU {last.cpu - first.cpu:.2f} s", flush=True)
    if options.minutes < SLOPE_MINUTES:
        return
    slope = watch.slope()
    print(f"  RSS over the second half: {slope:+.0f} kB an hour", flush=True)
    if slope > SLOPE:
        tally.wrong(f"the memory grows by {slope:.0f} kB an hour")


def tell(load, views, tally):
    """The latencies, and the count of what was done."""
    for (kind, side), took in sorted(load.latencies.items()):
        took.sort()
        print(f"  {kind} on the {views[side].side.name}: {len(took)}, seen on the other side after"
              f" {statistics.median(took):.2f} s (median), {took[len(took) * 99 // 100]:.2f} s (99 %),"
              f" {took[-1]:.2f} s (worst)", flush=True)
        tally.add(events=len(took))


def keep(path, load, watch, views):
    with open(path, "w", encoding="utf-8") as lines:
        for sample in watch.samples:
            print(json.dumps(sample._asdict()), file=lines)
        for (kind, side), took in sorted(load.latencies.items()):
            print(json.dumps({"kind": kind, "side": views[side].side.name, "seconds": took}), file=lines)


def sizes_of(options):
    """What was not said is the sample's, or with --full the issue's."""
    for name, value in (FULL if options.full else SAMPLE).items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def run_in(directory, options, tally):
    with Dovecot(directory / "server", "mdbox") as server, LOCAL[options.local](directory / "local") as place:
        account = Account(directory / "account", server, user=USER)
        place.configure(account, USER)
        names = populate.plain_names(options.mailboxes)
        with server.session(USER) as session:
            for n, (name, size) in enumerate(zip(names, sizes(options.mailboxes, options.messages))):
                if name != "INBOX":
                    session.create(name)
                populate.fill_small(session, name, size, n)
        result = account.once(timeout=3600)
        if result.status != 0:
            raise AssertionError(f"the first sync: {result}")
        live(tally, options, account, server, place)


def views_of(account, server, place):
    remote = Server(sides.ImapSide(server.session(USER)), server.session(USER))
    local = place.side(account, USER)
    return remote, Server(local, place.session(USER)) if place.is_server else Files(local)


def live(tally, options, account, server, place):
    views = views_of(account, server, place)
    load = Load(random.Random(options.seed), views, views[0].side.content())
    with account.daemon() as daemon:
        daemon.wait_in_sync(600)
        watch = Watch(daemon)
        before = watch.descriptors()
        count = sum(map(len, load.model.values()))
        print(f"  {options.mailboxes} mailboxes, {count} messages, {options.local}, rate {options.rate:g},"
              f" {options.minutes:g} minutes, seed {options.seed}", flush=True)
        play(load, watch, options)
        daemon.wait_in_sync(600)
        judge_daemon(tally, watch, before, options)
    tell(load, views, tally)
    if options.keep:
        keep(options.keep, load, watch, views)
    for sentence in load.late:
        tally.wrong(sentence)
    tally.add(samples=len(watch.samples))
    both = [view.side for view in views]
    tally.harm(f"seed {options.seed}", oracle.judge(load.content(), *((s.name, s.content()) for s in both)))
    tally.harm(f"seed {options.seed}", oracle.judge_again(account, both))
    for view in views:
        view.close()


def run(options):
    sizes_of(options)
    tally = Tally()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-live-"))
    directory.chmod(0o755)
    try:
        run_in(directory, options, tally)
    finally:
        if tally.is_good:
            shutil.rmtree(directory)
        else:
            print(f"  kept: {directory}", flush=True)
    return tally
