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

from rig import Timeout, populate, sides, wait_until
from rig.account import Account
from rig.dovecot import Dovecot
from rig.load import Files, Load, Server, play, sizes
from rig.local import LOCAL
from torment import oracle
from torment.tally import Tally

DOES = "the daemon under the live load of InterIMAP's benchmark, memory and descriptors watched"

USER = "alice"
SAMPLE = {"minutes": 0.05, "mailboxes": 12, "messages": 500, "rate": 200}
FULL = {"minutes": 60, "mailboxes": 97, "messages": 500_000, "rate": 20}
SLOPE = 200.0  # kB an hour
SLOPE_MINUTES = 30.0  # what is shorter says nothing about an hour

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
        play(load, 60 * options.minutes, options.rate, watch.take)
        watch.take()
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
