"""A laptop's day, again and again in random order: the lid is closed, networks come and go, gateways forget.

The daemon runs in a namespace with two uplinks, names to look up, and a logind that says when the machine sleeps.
Something happens to it, a message arrives on the server meanwhile and now and then another is filed here, and
then there is a way again: from that moment on the message must be here within 3 s. A second in which more than one
connection was begun is wrong, and so is whatever takes 20 s.
"""

import pathlib
import random
import shutil
import tempfile
import time
import unittest

from rig import bus, compare, populate, roaming, sides, wait_until
from rig.account import Account
from rig.dovecot import Dovecot
from rig.proxy import Proxy
from torment import oracle
from torment.tally import Tally

DOES = "sleep, other networks, silent gateways, names that come late: fresh soon behind each"

FRESH = 3.0  # seconds from the way to the message
ASLEEP = 2.0  # seconds until the machine may sleep
APART = 0.9  # seconds between two connections: one a second, and what the machine is late
PATIENCE = 20  # seconds


def arguments(parser):
    parser.add_argument("--seed", type=int, default=1, help="of what happens, and in which order (default: %(default)s)")
    parser.add_argument("--events", type=int, help="so many (default: 5; --full: 100)")
    parser.add_argument("--way", choices=sorted(WAYS), help="only this")


class World:
    """A server, the network of a laptop, and the daemon on it."""

    def __init__(self, directory, net, system_bus, server, wire, seed):
        self.rng = random.Random(seed)
        self.net, self.bus, self.server, self.wire = net, system_bus, server, wire
        self.account = Account(directory / "account", server, settings={
            "host": roaming.NAME, "port": wire.port, "timeout": "20s"})
        self.account.prefix = net.prefix
        self.account.variables = system_bus.variables
        with server.session() as session:
            populate.fill(session, ["INBOX", "list"], 5, seed, holes=False)
        self.remote = sides.ImapSide(server.session())
        self.local = sides.MaildirSide(self.account.tree)
        self.model = self.remote.content()
        self.inbox = self.account.tree.folder("INBOX")
        self.uplink = 0
        self.slowest = 0.0
        self.allowed = FRESH  # behind what happens now
        self.begun = []  # (when, what) of what happened

    def start(self):
        self.net.take(self.uplink)
        self.daemon = self.account.daemon().wait_in_sync()
        wait_until(lambda: self.bus.inhibitors() == 1, "it holds an inhibitor")

    def status(self):
        return self.account.ctl_json("status")[0]

    def wait_state(self, state):
        wait_until(lambda: self.status()["state"] == state, f"it is {state}", PATIENCE)

    def message(self, name):
        data = populate.message(self.rng, name, self.rng.randint(100, 20_000))
        self.model["INBOX"].append(compare.message(data, {"\\Seen"}, "model"))
        return data

    def arrive(self, n):
        """A message on the server, and perhaps one here: how many are here when both are."""
        count = len(self.inbox.files()) + 1
        self.remote.session.append("INBOX", self.message(f"arrived{n}"), ["\\Seen"])
        if self.rng.random() < 0.4:
            self.local.deliver("INBOX", self.message(f"filed{n}"), {"\\Seen"})
            count += 1
        return count

    def other_uplink(self):
        self.uplink = 1 - self.uplink
        self.net.take(self.uplink)

    def sleep(self):
        begin = time.monotonic()
        self.bus.prepare_for_sleep(True)
        wait_until(lambda: self.bus.inhibitors() == 0, "the machine may sleep", PATIENCE, 0.02)
        if (taken := time.monotonic() - begin) > ASLEEP:
            raise AssertionError(f"the machine may sleep after {taken:.1f} s only")


# Each is a way to be away. It yields when a message may arrive unseen, and ends when there is a way again.


def dropped_asleep(world):
    """The server ends the session of one who sleeps."""
    world.sleep()
    world.wire.cut_all()
    yield
    world.bus.prepare_for_sleep(False)


def dead_asleep(world):
    """Somebody in between forgets it, and nobody is told."""
    world.sleep()
    world.wire.fall_silent()
    yield
    world.bus.prepare_for_sleep(False)


def short_sleep(world):
    """All is as it was."""
    world.sleep()
    yield
    world.bus.prepare_for_sleep(False)


def moved_asleep(world):
    """Asleep in one network, awake in no network, then in another."""
    world.sleep()
    world.net.leave()
    yield
    world.bus.prepare_for_sleep(False)
    world.wait_state("offline")
    world.other_uplink()


def new_address(world):
    """The same network, and another address."""
    world.net.leave()
    yield
    world.net.take(world.uplink)


def gateway_silent(world):
    """The gateway passes nothing on any more, until there is another."""
    world.net.fall_silent()
    yield
    world.net.leave()
    world.other_uplink()


def names_late(world):
    """The network is back, the name server is not."""
    world.net.leave()
    world.net.names.answers = False
    yield
    world.wait_state("offline")
    asked = world.net.names.asked
    world.other_uplink()
    wait_until(lambda: world.net.names.asked > asked, "it asks for the name", PATIENCE, 0.02)
    world.net.names.answers = True


def server_restarted(world):
    """It refuses connections for a moment."""
    world.wire.close()
    yield
    wait_until(lambda: world.status()["state"] != "in sync", "the daemon notices", PATIENCE)
    world.wire.listen()


def dovecot_restarted(world):
    """The server itself says goodbye, and begins anew. Nobody tells us when, so we ask: the longer it was away the
    more rarely."""
    begin = time.monotonic()
    world.server.stop()
    wait_until(lambda: world.status()["state"] != "in sync", "the daemon notices", PATIENCE)
    world.server.start()
    away = time.monotonic() - begin
    world.allowed = max(FRESH, 1.5 * (away + 1))
    world.remote.session = world.server.session()
    yield


WAYS = {way.__name__.replace("_", "-"): way for way in (
    dropped_asleep, dead_asleep, short_sleep, moved_asleep, new_address, gateway_silent, names_late, server_restarted,
    dovecot_restarted)}


def live_through(world, name, n):
    """What is wrong with it, or None."""
    way = WAYS[name](world)
    world.allowed = FRESH
    world.begun.append((time.monotonic(), name))
    next(way)
    count = world.arrive(n)
    next(way, None)
    begin = time.monotonic()
    wait_until(lambda: len(world.inbox.files()) == count, "the message is here", PATIENCE, 0.02)
    taken = time.monotonic() - begin
    world.slowest = max(world.slowest, taken)
    world.wait_state("in sync")
    wait_until(lambda: world.bus.inhibitors() == 1, "it delays sleep", PATIENCE)
    return f"fresh after {taken:.1f} s only" if taken > world.allowed else None


def choose(rng, options):
    """The names of what happens. A sample has no name twice."""
    if options.way:
        return [options.way] * (options.events or (100 if options.full else 5))
    if options.full or options.events:
        return rng.choices(sorted(WAYS), k=options.events or 100)
    return rng.sample(sorted(WAYS), 5)


def torment(world, names, seed):
    tally = Tally()
    world.start()
    try:
        for n, name in enumerate(names):
            try:
                wrong = live_through(world, name, n)
            except AssertionError as error:
                wrong = str(error)
            tally.add(**{name: 1})
            if wrong:
                tally.wrong(f"--seed {seed} --events {n + 1}: {name}: {wrong}")
        world.daemon.wait_in_sync()
    finally:
        world.daemon.stop()
    pairs = list(zip(world.wire.begun, world.wire.begun[1:]))
    for before, after in pairs:
        if after - before < APART:
            during = [f"{n}: {name}" for n, (when, name) in enumerate(world.begun) if when < after][-1:]
            tally.wrong(f"--seed {seed}: two connections within {after - before:.2f} s {during}")
    tally.add(connections=len(pairs) + 1)
    tally.harm(f"--seed {seed}", oracle.judge(world.model, ("server", world.remote.content()),
                                              ("Maildir", world.local.content())))
    print(f"  laptop: the slowest was fresh after {world.slowest:.2f} s", flush=True)
    return tally


def run(options):
    if not roaming.is_possible() or not bus.is_possible():
        raise unittest.SkipTest("needs root, network namespaces, a free port 53 and python3-dbusmock")
    names = choose(random.Random(options.seed), options)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-laptop-"))
    directory.chmod(0o755)
    with Dovecot(directory / "server", hosts=("localhost", "127.0.0.1", roaming.NAME)) as server, \
            roaming.Roaming() as net, bus.Bus(directory) as system_bus, \
            Proxy(server.host, server.imaps_port, address=net.address) as wire:
        system_bus.start_logind()
        world = World(directory, net, system_bus, server, wire, options.seed)
        tally = torment(world, names, options.seed)
    if tally.is_good:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}", flush=True)
    return tally
