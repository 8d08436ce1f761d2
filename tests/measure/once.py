"""The seed's tables: what one run takes, of each program, for one mailbox or many, near or far."""

import collections
import contextlib
import pathlib
import shutil
import sys
import tempfile
import time

from measure import content, programs
from rig import meter, netns, populate, wait_until
from rig.dovecot import Dovecot

FIELDS = ("user", "system", "wall", "cpu", "rss", "bytes_in", "bytes_out", "packets_in", "packets_out", "from_syn")
# from_syn: seconds from the SYN to the end, on a link that knows them; else 0.
Row = collections.namedtuple("Row", FIELDS, defaults=(0,))

FIRST, NOOP, NEW, CHANGED = "first sync", "no-op", "one new message", "3 new and 5 gone"
RESTED = 2.5  # seconds after which the time of a folder's last change is old enough to be believed

# How the server is reached: TLS or not, and seconds of a round trip.
Variant = collections.namedtuple("Variant", "name title tls round_trip")
VARIANTS = {variant.name: variant for variant in (
    Variant("plain", "plain", False, 0),
    Variant("tls", "TLS", True, 0),
    Variant("plain40", "plain, 40 ms round trip", False, 0.04),
    Variant("tls40", "TLS, 40 ms round trip", True, 0.04),
)}

HUGE = 200_000  # messages, of which the disk does not hold some copies for each program

Size = collections.namedtuple("Size", "mailboxes messages")


def parse_size(word):
    """"1000" is one mailbox with so many messages, "75x100" 75 mailboxes with 100 each."""
    mailboxes, _, messages = word.rpartition("x")
    return Size(int(mailboxes or 1), int(messages))


def title_of(size):
    if size.mailboxes == 1:
        return f"One mailbox with {size.messages} messages"
    return f"{size.mailboxes} mailboxes with {size.messages} messages each"


def far_if_small(word, variants):
    """Round trips do not depend on the number of messages: a few are enough, and one or many mailboxes."""
    is_small = parse_size(word).messages <= 100
    return [variant for variant in variants if is_small or not variant.round_trip]


class World:
    """The two servers of one size, and a link for each round trip."""

    def __init__(self, directory, size, variants, stack):
        self.directory = directory
        self.links = {0: stack.enter_context(netns.Link())}
        for round_trip in {variant.round_trip for variant in variants} - {0}:
            self.links[round_trip] = stack.enter_context(netns.DelayedLink(round_trip))
        addresses = ("127.0.0.1", *(link.address for link in self.links.values()))
        # mbsync and offlineimap look for the address among the names.
        hosts = ("localhost", *(f"DNS:{address}" for address in addresses))
        self.server = stack.enter_context(Dovecot(directory / "remote", "mdbox", addresses=addresses, hosts=hosts))
        self.local = stack.enter_context(Dovecot(directory / "local", "maildir"))
        self.names = populate.plain_names(size.mailboxes)
        self.remote = content.Remote(self.server, self.names)
        self.messages = size.mailboxes * size.messages
        self.remote.fill(size.messages)

    def way(self, variant):
        return programs.Way(self.links[variant.round_trip], self.server, variant.tls)


def measured(program, command):
    """One run of a command of a program."""
    results = []
    program.way.link.syns()
    traffic = program.way.link.traffic(lambda: results.append(meter.run(command, program.environment)))
    usage = results[0]
    if usage.status != 0:
        raise AssertionError(f"status {usage.status}\n{usage.err[-3000:]}")
    syns = program.way.link.syns()
    row = Row(usage.user, usage.system, usage.wall, usage.cpu, usage.rss, *traffic,
              usage.begin + usage.wall - syns[0] if syns else 0)
    if program.is_limit:
        wall, cpu = map(float, usage.err.split())
        row = row._replace(wall=wall, cpu=cpu)
    return row


class Bout:
    """All programs, one way to the server, one scene after the other.

    rows: {scene: {program: [Row]}}; wrong: {program: [sentence]}, and no row of that scene.
    """

    def __init__(self, directory, world, variant, kinds, repeats):
        self.directory = directory
        self.world = world
        self.way = world.way(variant)
        self.kinds = kinds
        self.repeats = repeats
        # Else what is done with goes at the end: ext4 keeps away for minutes from the inodes of files that were
        # deleted, and who makes files meanwhile pays for looking past them: six times the system time.
        self.is_huge = world.messages > HUGE
        self.rows = collections.defaultdict(lambda: collections.defaultdict(list))
        self.wrong = collections.defaultdict(lambda: collections.defaultdict(list))
        self.running = {}

    def play(self):
        for number in range(self.repeats):
            for kind in self.kinds:
                self.first(kind, number)
        # What the first sync left for the next run is of neither row.
        self.scene(None, 1)
        self.scene(NOOP, max(self.repeats, 5))
        self.scene(NEW, self.repeats, self.world.remote.one_new)
        if len(self.world.names) > 1:
            self.scene(CHANGED, self.repeats, self.world.remote.new_and_gone)

    def first(self, kind, number):
        """The first sync, each time into nothing; the last one's mail is what goes on being used."""
        program = kind(self.directory / f"{kind.key}{number}", self.way, self.world.local)
        command = program.command("drain", self.world.names) if program.is_limit else program.once()
        self.run(FIRST, program, command, whole=number == 0)
        if (before := self.running.get(kind.key)) and before.home.exists() and self.is_huge:
            shutil.rmtree(before.home)
        self.running[kind.key] = program
        self.stores = {key: one.store() for key, one in self.running.items() if not one.is_limit}

    def scene(self, scene, times, change=None):
        for _ in range(times):
            numbers = self.world.remote.numbers()
            if change:
                change()
            self.rest()
            for program in self.running.values():
                if not program.is_limit:
                    self.run(scene, program, program.once())
                elif scene == NOOP:
                    self.shortest(program, scene, "noop", ())
                elif scene == NEW:
                    self.shortest(program, scene, "new", numbers)

    def shortest(self, program, scene, what, words):
        """With COMPRESS or without, whichever is shorter."""
        try:
            rows = [measured(program, program.command(what, words, way)) for way in ("plain", "compress")]
        except AssertionError as error:
            self.wrong[scene][program.key].append(str(error))
            return
        self.rows[scene][program.key].append(min(rows, key=lambda row: row.bytes_in + row.bytes_out))

    def rest(self):
        """Nobody is asked to believe the time of a folder that changed a moment ago."""
        youngest = max(store.youngest() for store in self.stores.values())
        wait_until(lambda: time.time() - youngest > RESTED, "the folders rest", deadline=60, interval=0.1)

    def run(self, scene, program, command, whole=False):
        try:
            row = measured(program, command)
            sentences = [] if program.is_limit else self.judge(program, whole)
        except AssertionError as error:
            sentences = [str(error)]
        if sentences:
            self.wrong[scene or FIRST][program.key] += sentences
            print(f"{program.name}, {scene}: {'; '.join(sentences)}", file=sys.stderr, flush=True)
        elif scene:
            self.rows[scene][program.key].append(row)

    def judge(self, program, whole):
        """What is not as on the server."""
        store = self.stores.get(program.key) if not whole else None
        found = (store or program.store()).content(whole, program.keeps)
        return content.differences(self.world.remote.content(whole, program.keeps), found)


def measure(size, variants, kinds, repeats):
    """{variant: {"rows": {scene: {program: [Row]}}, "wrong": ...}} of one size."""
    found = {}
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imapsyncd-bench-")))
        directory.chmod(0o755)
        world = World(directory, size, variants, stack)
        for variant in variants:
            bout = Bout(directory / variant.name, world, variant, kinds, repeats)
            bout.play()
            found[variant.name] = {"rows": bout.rows, "wrong": bout.wrong}
            shutil.rmtree(directory / variant.name)
            shutil.rmtree(world.local.directory / "home")
            (world.local.directory / "home").mkdir()
            world.local.own(world.local.directory / "home")
    return found
