"""imapsyncd beside InterIMAP: the same two servers, the same changes, one run.

The remote server keeps mdbox with holes in the row of UIDs and is reached by plain TCP over a link
where every byte and packet is counted; the local one keeps Maildirs and is reached by a command
(PREAUTH). Each program has a user of its own on the local server. CPU and memory are those of the
program alone (rig.meter), without the local server that it starts. A row counts if both sides are
equal after it, message by message.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

from rig import interimap, meter, netns, populate
from rig.account import Account
from rig.dovecot import PASSWORD, Dovecot

USER = "alice"  # on the remote server

FIRST_SYNC = "first sync"

# At most so much of what InterIMAP takes; of bytes and packets, of all that crosses the link.
LIMITS = {FIRST_SYNC: {"cpu": 1 / 3}, "no-op": {"cpu": 0.1}}
LIMITS_ALL = {"rss": 0.5, "bytes": 0.9, "packets": 0.9}

Row = collections.namedtuple("Row", "wall cpu rss bytes_in bytes_out bytes packets_in packets_out packets")


class InterImap:
    name = "InterIMAP"
    kind = "interimap"

    def __init__(self, directory, remote, local, link):
        self.directory = directory
        self.local_user = directory.name
        tunnel = local.tunnel(self.local_user)
        settings = interimap.configure(directory, link.address, remote.imap_port, USER, tunnel)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8", **settings}
        self.command = ["interimap", "--quiet"]


class Imapsyncd:
    name = "imapsyncd"
    kind = "imapsyncd"

    def __init__(self, directory, remote, local, link):
        self.directory = directory
        self.local_user = directory.name
        account = Account(directory, remote, tls="none", settings={
            "host": link.address, "port": remote.imap_port, "allow-cleartext": "yes", "user": USER,
        })
        self.choose_local(account, local)
        self.environment = account.environment()
        self.command = account.command("--once")

    def choose_local(self, account, local):
        account.use_local_server(local, self.local_user)


class ImapsyncdMaildir(Imapsyncd):
    """Its local side is the Maildir itself: what that server would keep."""

    name = "imapsyncd, Maildir"
    kind = "maildir"

    def choose_local(self, account, local):
        account.settings["maildir"] = local.mail_directory(self.local_user)
        account.settings["maildir-layout"] = "maildir++"
        account.write_config()
        # Its files are to be readable by that server, for the comparison.
        account.prefix = ["setpriv", f"--reuid={local.uid}", f"--regid={local.gid}", "--clear-groups"]
        for path in (account.directory, *account.directory.rglob("*")):
            local.own(path)


def fingerprint(session, what):
    """What a server holds, as a number of each message of each mailbox: by its flags, its date, and its
    bytes, or their number and the Message-ID."""
    found = collections.Counter()
    for name in session.mailboxes():
        session.select(name, examine=True)
        uids = session.uids()
        for start in range(0, len(uids), 1000):
            part = f"{uids[start]}:{uids[min(start + 1000, len(uids)) - 1]}"
            for row in session.fetch(part, "FLAGS INTERNALDATE RFC822.SIZE " + what).values():
                found[name, message_of(row)] += 1
    return found


def message_of(row):
    flags = sorted(flag.lower() for flag in row.pop(b"FLAGS") if flag.lower() != b"\\recent")
    row.pop(b"UID")
    row.pop(b"MODSEQ", None)
    return hashlib.sha256(repr((flags, sorted(row.items()))).encode()).digest()


WHOLE, HEADER = "BODY.PEEK[]", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


class World:
    """Two servers, a link, and the programs."""

    def __init__(self, directory, link, remote, local, kinds):
        self.directory = directory
        self.link = link
        self.remote = remote
        self.local = local
        self.kinds = kinds
        self.programs = []

    def begin(self, time):
        """The programs as if they had never run: each with an empty home and an empty local user."""
        for program in self.programs:
            shutil.rmtree(program.directory)
            shutil.rmtree(self.local.mail_directory(program.local_user))
        self.programs = []
        for kind in self.kinds:
            home = self.directory / f"{kind.kind}{time}"
            home.mkdir(mode=0o700)
            self.local.session(home.name).close()  # makes the user's home
            self.programs.append(kind(home, self.remote, self.local, self.link))

    def run(self, program):
        results = []
        command = [*self.link.prefix, *program.command]
        traffic = self.link.traffic(lambda: results.append(meter.run(command, program.environment)))
        usage = results[0]
        if usage.status != 0:
            raise SystemExit(f"{program.name}: status {usage.status}\n{usage.err[-3000:]}")
        bytes_in, bytes_out, packets_in, packets_out = traffic
        return Row(usage.wall, usage.cpu, usage.rss, bytes_in, bytes_out, bytes_in + bytes_out,
                   packets_in, packets_out, packets_in + packets_out)

    def out_of_sync(self, what):
        """The programs whose local side is not what is on the server."""
        with self.remote.session(USER) as session:
            expected = fingerprint(session, what)
        wrong = set()
        for program in self.programs:
            with self.local.session(program.local_user) as session:
                found = fingerprint(session, what)
            if found != expected:
                wrong.add(program.name)
                for label, rows in (("missing", expected - found), ("too many", found - expected)):
                    names = collections.Counter(name for name, _ in rows.elements())
                    print(f"{program.name}: {label}: {dict(names)}", file=sys.stderr)
        return wrong


class Changes:
    """What happens on the server before a row, numbered so that no message comes twice."""

    def __init__(self, remote, names):
        self.remote = remote
        self.names = names
        self.rng = random.Random(7)

    def one_new(self):
        with self.remote.session(USER) as session:
            self._append(session, self.names[1 % len(self.names)])

    def new_and_gone(self):
        """Three new and five gone: of one mailbox, or spread as in InterIMAP's own benchmark."""
        count = len(self.names)
        with self.remote.session(USER) as session:
            for n in (1, 1, 2):
                self._append(session, self.names[n % count])
            for n, gone in ((2, 2), (3, 2), (4, 1)):
                session.select(self.names[n % count])
                session.expunge(",".join(map(str, self.rng.sample(session.uids(), gone))))

    def _append(self, session, name):
        label = f"new{self.rng.randrange(1 << 40):x}"
        session.append(name, populate.message(self.rng, label, 4000))


def scenes(changes):
    """The rows: what it is called, what happens before each run, how many runs, what is compared after."""
    return [
        (FIRST_SYNC, None, 3, WHOLE),
        (None, None, 1, HEADER),  # what the first sync left for the next run is of neither row
        ("no-op", None, 15, HEADER),
        ("one new message", changes.one_new, 3, HEADER),
        ("3 new and 5 gone", changes.new_and_gone, 3, HEADER),
    ]


def median(rows):
    return Row(*(statistics.median(column) for column in zip(*rows)))


def measure(world, names):
    """{scene: {program: Row}}, and the (scene, program) that were not in sync."""
    table, wrong = {}, set()
    for scene, change, times, what in scenes(Changes(world.remote, names)):
        rows = collections.defaultdict(list)
        for time in range(times):
            if scene == FIRST_SYNC:
                world.begin(time)
            if change:
                change()
            for program in world.programs:
                rows[program.name].append(world.run(program))
        if not scene:
            continue
        table[scene] = {name: median(found) for name, found in rows.items()}
        wrong |= {(scene, name) for name in world.out_of_sync(what)}
    return table, wrong


def size(number):
    return f"{number:.0f}" if number < 10_000 else f"{number / 1000:.0f} k" if number < 1e7 else f"{number / 1e6:.1f} M"


def cells(row):
    times = (f"{row.wall:.3f} s", f"{row.cpu * 1000:.1f} ms", f"{row.rss / 1e6:.1f} MB")
    return [*times, *map(size, row[3:])]


def ratio_cell(ratio, limit):
    """A ratio that misses its limit says so."""
    if limit is None or ratio <= limit:
        return f"{ratio:.2f}"
    return f"**{ratio:.2f} > {limit:.2f}**"


COLUMNS = ("wall", "CPU", "max RSS", "bytes in", "out", "both", "packets in", "out", "both")


def print_line(values):
    print("| " + " | ".join(values) + " |", flush=True)


def report(title, table, wrong):
    """Print the rows as Markdown, and return how many of them miss."""
    print(f"\n## {title}\n")
    print_line(("", *COLUMNS))
    print_line(["---"] + ["---:"] * len(COLUMNS))
    misses = 0
    for scene, rows in table.items():
        base = rows[InterImap.name]
        for name, row in rows.items():
            is_wrong = (scene, name) in wrong
            print_line((f"{scene}: {name}" + (", **not in sync**" if is_wrong else ""), *cells(row)))
            misses += is_wrong or (name != InterImap.name and report_ratios(scene, row, base))
    return misses


def drain(link, remote, names):
    """What the bodies alone take, compressed as they are for both programs."""
    command = [*link.prefix, sys.executable, "-m", "rig.drain", link.address, str(remote.imap_port),
               USER, PASSWORD, *names]
    return link.traffic(lambda: subprocess.run(command, check=True, stdin=subprocess.DEVNULL))


def report_bodies(bodies, table):
    """A limit below what the bodies take cannot be kept by anybody: say so beside it."""
    base = table[FIRST_SYNC][InterImap.name]
    total, packets = bodies.bytes_in + bodies.bytes_out, bodies.packets_in + bodies.packets_out
    print(f"\nThe bodies alone take {size(total)} bytes, {total / base.bytes:.2f} of InterIMAP's first sync,"
          f" and {packets} packets, {packets / base.packets:.2f}.", flush=True)


def report_ratios(scene, row, base):
    """Does one of them miss its limit?"""
    limits = LIMITS_ALL | LIMITS.get(scene, {})
    ratios = {field: getattr(row, field) / getattr(base, field) for field in Row._fields}
    print_line(("ratio", *(ratio_cell(ratios[field], limits.get(field)) for field in Row._fields)))
    return any(ratios[field] > limit for field, limit in limits.items())


def measure_size(mailboxes, messages, kinds):
    with tempfile.TemporaryDirectory(prefix="imapsyncd-beside-") as directory, netns.Link() as link:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        names = populate.plain_names(mailboxes)
        remote = Dovecot(directory / "remote", "mdbox", addresses=("127.0.0.1", link.address))
        with remote, Dovecot(directory / "local", "maildir") as local:
            with remote.session(USER) as session:
                populate.fill_quickly(session, names, messages)
            bodies = drain(link, remote, names)
            table, wrong = measure(World(directory, link, remote, local, kinds), names)
    where = "One mailbox" if mailboxes == 1 else f"{mailboxes} mailboxes"
    misses = report(f"{where} with {messages} messages" + (" each" if mailboxes > 1 else ""), table, wrong)
    report_bodies(bodies, table)
    return misses


def parse_size(word):
    """"1000" is one mailbox with so many messages, "75x100" 75 mailboxes with 100 each."""
    mailboxes, _, messages = word.rpartition("x")
    return int(mailboxes or 1), int(messages)


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/side-by-side")
    parser.add_argument("--local", choices=("tunnel", "maildir", "both"), default="tunnel",
                        help="what imapsyncd's local side is: the same server as InterIMAP's, a Maildir, both")
    parser.add_argument("--alone", action="store_true", help="InterIMAP only: no ratios")
    parser.add_argument("sizes", nargs="*", default=["100", "1000", "75x100"], help="MESSAGES or MAILBOXESxMESSAGES")
    options = parser.parse_args(arguments)
    if os.getuid() != 0 or not netns.is_possible() or not shutil.which("interimap"):
        print("This needs root, network namespaces and interimap.", file=sys.stderr)
        return 2
    # Whoever ends it early leaves no server and no network behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kinds = {"tunnel": [Imapsyncd], "maildir": [ImapsyncdMaildir], "both": [Imapsyncd, ImapsyncdMaildir]}
    chosen = [InterImap] + ([] if options.alone else kinds[options.local])
    misses = sum(measure_size(*parse_size(word), chosen) for word in options.sizes)
    if misses:
        print(f"\n{misses} rows miss a limit.")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
