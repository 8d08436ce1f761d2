"""What waiting costs: wake-ups, bytes and CPU of idle accounts, all rows at the same time, counted from outside.

Each row has its own users and its own network. Servers that offer more and less make imapsyncd wait in each of its
ways.
Battery: `imapsyncctl policy battery`, before the count begins, which chooses the row that UPower would.
"""

import concurrent.futures
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

from measure import programs, scale, tables as markdown, waiting
from measure.waiting import NOTIFY, Row
from rig import netns, wait_until
from rig.dovecot import Dovecot

QUIET, CHATTER, POLL = "IDLE, a quiet server", "IDLE, a chattering server", "poll"
MOST_WAKE_UPS = 5  # an hour, under NOTIFY
_NO_IDLE = scale.NO_NOTIFY.replace(" IDLE", "")
# A chattering one says "Still here" every two minutes, which is Dovecot's default.
SERVERS = {
    NOTIFY: {},
    QUIET: {"capability": scale.NO_NOTIFY, "settings": "imap_idle_notify_interval = 29 mins\n"},
    CHATTER: {"capability": scale.NO_NOTIFY, "settings": "imap_idle_notify_interval = 2 mins\n"},
    POLL: {"capability": _NO_IDLE},
}
BEGINS = {NOTIFY: "NOTIFY", QUIET: "IDLE", CHATTER: "IDLE", POLL: "LIST-STATUS"}  # as imapsyncd says how it waits
# Others are all with the server that has everything.
OTHERS = {"interimap-notify": NOTIFY, "interimap-watch": "poll", "mbsync": "a timer, 30 s"}
POWERS = {"ac": "AC", "battery": "battery", None: "either"}


def arguments(parser):
    parser.add_argument("--idle-accounts", default="1,20", type=scale.numbers,
                        help="numbers of accounts of idle, with commas (default: %(default)s)")


def rows_of(options, keys):
    """All rows, in the order of the table."""
    found = []
    for count in options.idle_accounts:
        if "imapsyncd" in keys:
            found += [Row("imapsyncd", count, waits, power) for waits in SERVERS for power in ("ac", "battery")]
        found += [Row(key, count, waits, None) for key, waits in OTHERS.items() if key in keys]
    return found


class Stage:
    """The servers and the programs of all rows."""

    def __init__(self, rows, stack):
        self.directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imapsyncd-idle-")))
        self.directory.chmod(0o755)
        links = [stack.enter_context(netns.Link()) for _ in rows]
        addresses = ("127.0.0.1", *(link.address for link in links))
        servers = {}
        for n, (name, more) in enumerate(SERVERS.items()):
            settings = scale.MANY_USERS + more.get("settings", "")
            servers[name] = stack.enter_context(
                Dovecot(self.directory / f"remote{n}", "mdbox", addresses=addresses, **(more | {"settings": settings})))
        local = stack.enter_context(Dovecot(self.directory / "local", "maildir"))
        self.programs = []
        for n, (row, link) in enumerate(zip(rows, links)):
            server = servers.get(row.waits if row.power else NOTIFY)
            self.programs.append(waiting.KINDS[row.key](row, self.directory / f"row{n}", link, server, local))

    def start(self):
        each("start", self.programs)
        each("settle", self.programs)

    def stop(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda program: program.stop(), self.programs))


def attempt(method, program):
    """What the method returns. What goes wrong is kept with the program, and nothing more is asked of that."""
    if program.wrong:
        return None
    try:
        return getattr(program, method)()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        program.wrong.append(str(error).strip()[:400])
        return None


def each(method, all_programs):
    """Of a few at the same time."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda program: attempt(method, program), all_programs))


def count(all_programs, seconds):
    """Nobody touches a program, nor asks it anything, between the two looks from outside."""
    before, begin = [attempt("taken", program) for program in all_programs], time.monotonic()
    end = begin + seconds
    wait_until(lambda: time.monotonic() >= end, "the time is over", seconds + 60, min(seconds / 20, 10))
    seconds = time.monotonic() - begin
    after = [attempt("taken", program) for program in all_programs]
    return seconds, [waiting.Taken(*(b - a for a, b in zip(*pair)))._asdict() if all(pair) else None
                     for pair in zip(before, after)]


def measure(options, kinds):
    """{"seconds": so many were counted, "rows": what a row is, took, said, and what is wrong with it}"""
    rows = rows_of(options, {kind.key for kind in kinds})
    with contextlib.ExitStack() as stack:
        stage = Stage(rows, stack)
        stack.callback(stage.stop)
        stage.start()
        begin = each("how", stage.programs)
        each("still", [program for program in stage.programs if program.row.power])  # it has just been asked
        print(f"  {len(rows)} rows wait: {options.idle_minutes:g} minutes", file=sys.stderr, flush=True)
        seconds, taken = count(stage.programs, 60 * options.idle_minutes)
        end = each("how", stage.programs)
        each("last_message", stage.programs)
    found = [row._asdict() | {"taken": one, "begin": a, "end": b, "wrong": program.wrong}
             for row, one, a, b, program in zip(rows, taken, begin, end, stage.programs)]
    return {"seconds": seconds, "rows": found}


def by_notify(found):
    """(row, wake-ups an hour) of each that is ours and waits by NOTIFY."""
    return [(row, row["taken"]["switches"] * 3600 / found["seconds"]) for row in found.get("rows", [])
            if (row["key"], row["waits"]) == ("imapsyncd", NOTIFY) and row["taken"]]


def faults(found):
    """Sentences: what must not be."""
    sentences = [f"{title(row)}: {rate:.1f} wake-ups an hour, more than {MOST_WAKE_UPS}."
                 for row, rate in by_notify(found) if rate > MOST_WAKE_UPS]
    for row in found["rows"]:
        if row["wrong"]:
            when = "out of sync at the end" if row["taken"] else "not counted"
            sentences.append(f"{title(row)}: {when}: {'; '.join(row['wrong'])}")
        elif row["power"] and not row["begin"].startswith(BEGINS[row["waits"]]):
            sentences.append(f"{title(row)}: waited by {row['begin']} instead.")
    return sentences


def title(row):
    """One row in a sentence."""
    words = [markdown.NAMES[row["key"]], f"{row['accounts']} account{'s' if row['accounts'] > 1 else ''}", row["waits"]]
    return ", ".join([*words, *([POWERS[row["power"]]] if row["power"] else [])])


def cells(row, factor):
    """The program, the accounts, how it waits, the power, and what was counted."""
    taken = row["taken"]
    return (markdown.NAMES[row["key"]], row["accounts"], row["waits"], row["end"], POWERS[row["power"]],
            f"{taken['switches']} x {factor:.3g} = {taken['switches'] * factor:.0f}",
            f"{taken['bytes']} x {factor:.3g} = {taken['bytes'] * factor:.0f}", f"{taken['packets'] * factor:.0f}",
            f"{1000 * taken['cpu'] * factor:.1f} ms")


def tables(found):
    """Lines of Markdown."""
    if not found:
        return []
    factor = 3600 / found["seconds"]
    lines = ["", f"### Idle: {found['seconds']:.0f} s were counted, all rows at the same time", "",
             f"An hour is what was counted x {factor:.3g} (3600 s / {found['seconds']:.0f} s). Wake-ups are voluntary"
             " context switches; bytes have the headers of IP and TCP. Each account has"
             f" {len(waiting.MAILBOXES)} mailboxes. InterIMAP's local server, and the timer of mbsync, are not counted;"
             " InterIMAP has a process for each account, imapsyncd and mbsync one for all.", ""]
    columns = ("", "accounts", "waits by", "as it says", "power", *(
        what + " an hour" for what in ("wake-ups", "bytes", "packets", "CPU")))
    lines += markdown.table(columns, [cells(row, factor) for row in found["rows"] if row["taken"]])
    changed = [f"{title(row)}: “{row['begin']}” at the beginning, “{row['end']}” at the end."
               for row in found["rows"] if row["end"] and row["begin"] != row["end"]]
    bad = [f"**Missed**: {sentence}" for sentence in faults(found)]
    return lines + [line for sentence in changed + bad for line in ("", sentence)]
