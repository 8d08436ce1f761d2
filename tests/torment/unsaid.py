"""A server that does not say all: of what it tells of messages, one response is dropped on the way.

What it dropped was of a message that had come or gone, so that what is left does not add up to EXISTS.
"""

import pathlib
import re
import select
import shutil
import tempfile

from rig import compare, populate
from rig.dovecot import Dovecot
from rig.proxy import Proxy
from torment.late import World, said
from torment.tally import Tally

DOES = "a server leaves out one response about messages"

TOLD = re.compile(rb"\* (\d+ FETCH|VANISHED) ")
LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
# What the program may use: with QRESYNC it is told of changes, without all are listed.
FACES = {"told": "COMPRESS=DEFLATE", "listed": "COMPRESS=DEFLATE QRESYNC CONDSTORE"}
MOST = 40  # responses of a session


def arguments(parser):
    parser.add_argument("--rounds", type=int, help="of each face (default: 1; --full: 20)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: %(default)s)")
    parser.add_argument("--face", choices=sorted(FACES), help="only this")


def response(data):
    """How long the first response is, with its literals; 0: not all of it is there."""
    end = 0
    while (line := data.find(b"\r\n", end)) >= 0:
        end = line + 2
        if not (literal := LITERAL.search(data, 0, end)):
            return end
        end += int(literal[1])
    return 0


class UnsaidWire(Proxy):
    """Drops the n-th response about a message, counted from drop(n); 0: none."""

    def __init__(self, host, port):
        super().__init__(host, port)
        self.drop(0)

    def drop(self, n):
        self.n = n
        self.told = 0
        self.dropped = b""
        self.rest = {}

    def _pass_on(self, line):
        client, server = line.client, line.server
        readable, _, _ = select.select([client, server], [], [], 0.1)
        for source in readable:
            if not (data := said(source)):
                return False
            if source is client:
                server.sendall(data)
            else:
                client.sendall(self.take(server, data))
        return not self.stopping.is_set()

    def take(self, server, data):
        """Whole responses alone, without the one to be dropped."""
        rest, out = self.rest.get(server, b"") + data, b""
        while length := response(rest):
            one, rest = rest[:length], rest[length:]
            self.told += bool(TOLD.match(one))
            if self.n and self.told == self.n and not self.dropped and TOLD.match(one):
                self.dropped = one
            else:
                out += one
        self.rest[server] = rest
        return out


def change(world):
    """On the server one message comes and one goes."""
    session = world.remote.session
    data = populate.message(world.rng, "unsaid", 500)
    world.remote.deliver("list", data, {"\\Seen"})
    world.model["list"].append(compare.message(data, {"\\Seen"}, "model"))
    session.select("list")
    uid = session.uids()[0]
    row = session.fetch(uid, "BODY.PEEK[]")[uid]
    gone = compare.message(row[b"BODY[]"], (), "").digest
    world.model["list"] = [row for row in world.model["list"] if row.digest != gone]
    session.expunge(uid)
    session.command("CLOSE")


def torment(directory, server, face, seed):
    """Every response of a session once."""
    tally = Tally()
    with UnsaidWire(server.host, server.imap_port) as wire:
        with World(directory / face, server, f"{seed}{face}", wire) as world:
            world.account.settings["disable-extensions"] = FACES[face]
            world.account.write_config()
            for n in range(1, MOST):
                change(world)
                wire.drop(n)
                world.account.once()  # it may end well, and it may say that something does not add up
                dropped = wire.dropped
                wire.drop(0)
                if not dropped:
                    break
                tally.add(dropped=1)
                world.judge(tally, f"--face {face} --first {seed} --rounds 1: without {dropped[:60]}")
                if not tally.is_good:
                    break
    return tally


def run(options):
    tally = Tally()
    rounds = options.rounds or (20 if options.full else 1)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-unsaid-"))
    directory.chmod(0o755)
    with Dovecot(directory / "server") as server:
        for face in [options.face] if options.face else sorted(FACES):
            for seed in range(options.first, options.first + rounds):
                tally.merge(torment(directory, server, face, seed))
    if tally.is_good:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}", flush=True)
    return tally
