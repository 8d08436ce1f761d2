"""Uploads that reach the server when the program has gone: what was on the way is stored, but late.

A wire holds an APPEND back, from its first byte to its last. Then the program is killed and started again, or
loses the connection and makes another; a moment later the server gets what was held. Whoever has looked
before that, and sent the messages again, has doubled them.
"""

import concurrent.futures
import pathlib
import random
import select
import shutil
import socket
import subprocess
import tempfile
import threading

from rig import compare, populate, sides
from rig.account import Account
from rig.dovecot import Dovecot
from rig.proxy import Proxy
from torment import oracle
from torment.tally import Tally

DOES = "uploads reach the server when the program has gone"

END = b"and this is its last line\r\n"  # of each message
DELAY = 2.5  # seconds
PATIENCE = 60  # seconds


def arguments(parser):
    parser.add_argument("--runs", type=int, help="of each way (default: 1; --full: 50)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: %(default)s)")
    parser.add_argument("--way", choices=sorted(WAYS), help="only this")
    parser.add_argument("--jobs", type=int, default=4, help="so many at once (default: %(default)s)")


class LateWire(Proxy):
    """From arm() on, the first connection that sends an APPEND is one whose words come late."""

    def __init__(self, host, port):
        super().__init__(host, port)
        self.armed = False
        self.messages = 0  # of the upload
        self.client = None
        self.held = bytearray()
        self.is_whole = threading.Event()  # the APPEND has left the program
        self.is_stored = threading.Event()  # the server has taken it

    def arm(self, messages):
        self.messages = messages
        self.armed = True

    def lose(self):
        """The program loses the connection; the server does not know."""
        self.client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, line):
        client, server = line.client, line.server
        readable, _, _ = select.select([client, server], [], [], 0.1)
        if self.stopping.is_set():
            return False
        for source in readable:
            if not (data := said(source)):
                return self._deliver(server) if source is self.client else False
            if source is client:
                server.sendall(self._hold(client, data))
            else:
                client.sendall(data)
        return True

    def _hold(self, client, data):
        """What may pass of what the program says."""
        if self.armed and b"APPEND " in data:
            self.armed, self.client = False, client
            start = data.rfind(b"\n", 0, data.index(b"APPEND ")) + 1
            self.held += data[start:]
            data = data[:start]
        elif client is self.client:
            self.held += data
            data = b""
        if self.held.count(END) == self.messages and self.held.endswith(END + b"\r\n"):
            self.is_whole.set()
        return data

    def _deliver(self, server):
        if self.stopping.wait(DELAY):
            return False
        server.sendall(self.held)
        answer = b""
        while b"APPENDUID" not in answer and (data := server.recv(65536)):
            answer += data
        self.is_stored.set()
        return False


def said(peer):
    """What it says; nothing at its end, be it dead or gone."""
    try:
        return peer.recv(65536)
    except ConnectionError:
        return b""


class World:
    """A user of the server, and an account behind a late wire."""

    def __init__(self, directory, server, seed, wire):
        self.rng = random.Random(seed)
        self.server = server
        self.user = f"user{seed}"
        self.account = Account(directory / self.user, server, user=self.user, tls="none", settings={
            "port": wire.port, "disable-extensions": "COMPRESS=DEFLATE"})
        self.wire = wire
        with server.session(self.user) as session:
            populate.fill(session, ["INBOX", "list"], 6, seed, holes=False)

    def __enter__(self):
        finished(self.account)
        self.remote = sides.ImapSide(self.server.session(self.user))
        self.local = sides.MaildirSide(self.account.tree)
        self.model = self.remote.content()
        return self

    def __exit__(self, *_):
        self.remote.close()

    def deliver(self):
        """Some new messages: how many."""
        count = self.rng.randint(1, 4)
        for n in range(count):
            data = populate.message(self.rng, f"late{n}", self.rng.randint(100, 20_000))
            data += b"\r\n" + END
            self.local.deliver("list", data, {"\\Seen"}, date=populate.date(self.rng))
            self.model["list"].append(compare.message(data, {"\\Seen"}, "model"))
        return count

    def judge(self, tally, where):
        finished(self.account)
        tally.harm(where, oracle.judge(self.model, ("server", self.remote.content()),
                                       ("Maildir", self.local.content())))
        tally.harm(where, oracle.judge_again(self.account, [self.remote, self.local]))


def finished(account):
    result = account.once()
    if result.status != 0:
        raise AssertionError(f"the run does not end well: {result}")


def waited(event, what):
    if not event.wait(PATIENCE):
        raise AssertionError(f"{what}: not within {PATIENCE} s")


def kill(world, count):
    """The program dies when it has sent all, and is started again at once."""
    world.wire.arm(count)
    process = subprocess.Popen(list(map(str, world.account.command("--once"))), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=world.account.environment())
    try:
        waited(world.wire.is_whole, "the upload leaves")
    finally:
        process.kill()
        process.wait()
    finished(world.account)


def lose(world, count):
    """The daemon loses its connection when it has sent all."""
    with world.account.daemon() as daemon:
        world.wire.arm(count)
        daemon.wait_ready()
        waited(world.wire.is_whole, "the upload leaves")
        world.wire.lose()
        waited(world.wire.is_stored, "the server takes the upload")
        daemon.wait_in_sync()


WAYS = {"kill": kill, "lose": lose}


def torment(directory, server, way, seed):
    tally = Tally()
    where = f"--way {way} --first {seed} --runs 1"
    try:
        with LateWire(server.host, server.imap_port) as wire:
            with World(directory / way, server, f"{seed}{way}", wire) as world:
                count = world.deliver()
                tally.add(uploads=1, messages=count)
                WAYS[way](world, count)
                waited(wire.is_stored, "the server takes the upload")
                world.judge(tally, where)
    except (AssertionError, OSError) as error:
        tally.wrong(f"{where}: {error}")
    return tally


def run(options):
    runs = options.runs or (50 if options.full else 1)
    tally = Tally()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-late-"))
    directory.chmod(0o755)
    with Dovecot(directory / "server") as server, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        todo = [(way, seed) for seed in range(options.first, options.first + runs)
                for way in ([options.way] if options.way else sorted(WAYS))]
        for one in pool.map(lambda row: torment(directory, server, *row), todo):
            tally.merge(one)
    if tally.is_good:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}", flush=True)
    return tally
