"""The live load of InterIMAP's benchmark: what happens to mailboxes by the hand of somebody else, when it is
seen on the other side, and the model of what they hold.

There, every 5 s a new message comes to a random mailbox with 5 %, a random message is expunged with 5 %,
and one is marked as seen with 10 %.
"""

import collections
import os
import time

from rig import compare, populate, wait_until

# How many mailboxes have how many messages.
SHAPE = [(2, 100_000), (10, 10_000), (20, 5000), (45, 2000), (20, 500)]
STEP = 5.0  # seconds between the moments at which something may happen, at rate 1
CHANCES = {"deliver": 0.05, "expunge": 0.05, "seen": 0.10}
LOOK = 0.05  # seconds between two looks at what has not arrived yet
SAMPLE = 10.0  # seconds between two samples
CLOCK = 50_000_000  # nanoseconds: file systems tell the time no more precisely than this
ARRIVES = 60.0  # seconds after which a change is called lost on the way

# What was done on a side and is not seen on the other yet.
Event = collections.namedtuple("Event", "kind side mailbox time")


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
    time: so it is known by two numbers when it has arrived. acting: on which sides something happens."""

    def __init__(self, rng, views, content, acting=(0, 1)):
        self.rng = rng
        self.views = views  # remote, local
        self.acting = acting
        self.model = {mailbox: {row.digest: row.flags for row in rows} for mailbox, rows in content.items()}
        self.unseen = {mailbox: sum("\\seen" not in flags for flags in messages.values())
                       for mailbox, messages in self.model.items()}
        self.under_way = {}  # {mailbox: Event}
        self.latencies = collections.defaultdict(list)  # {(kind, side): [seconds]}
        self.late = []
        self.count = 0

    def happen(self):
        """What the benchmark does at one of its moments, on either side."""
        for n in self.acting:
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
        data = self.new_message()
        self.model[mailbox][compare.message(data, (), "").digest] = frozenset()
        self.unseen[mailbox] += 1
        view.side.deliver(mailbox, data)

    def new_message(self):
        return populate.message(self.rng, f"live{self.count}")

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


def play(load, seconds, rate, sample=lambda: None, look=LOOK):
    """The load for so long, so many times the benchmark's, with a sample every ten seconds."""
    end = time.monotonic() + seconds
    moment, next_sample = time.monotonic(), time.monotonic()
    while (now := time.monotonic()) < end:
        if now >= next_sample:
            sample()
            next_sample += SAMPLE
        if now >= moment:
            load.happen()
            moment += STEP / rate
        load.look()
        wake = min(moment, next_sample, end, *([time.monotonic() + look] if load.under_way else []))
        time.sleep(max(wake - time.monotonic(), 0))
    load.finish()
