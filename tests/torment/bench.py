"""Worlds of rig.points to torment: made of a scenario, disturbed once, mended by one more run, judged."""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile

from rig import compare, points
from rig.dovecot import Dovecot
from rig.local import LOCAL
from torment import oracle
from torment.rewind import Again


def directory():
    """In memory, where there is such a place: thousands of worlds are made, and no disk is tested."""
    memory = "/dev/shm"
    return memory if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) else None


class Bench:
    """with Bench(server options) as bench: the worlds of one server, in a directory that is kept if
    bench.is_bad is set in the end."""

    def __init__(self, local="maildir", store="maildir", **options):
        self.local = local
        self.options = options | {"store": store}
        self.is_bad = False

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-chaos-", dir=directory()))
        self.directory.chmod(0o755)
        self.stack = contextlib.ExitStack()
        server = self.stack.enter_context(Dovecot(self.directory / "server", **self.options))
        place = self.stack.enter_context(LOCAL[self.local](self.directory / "local"))
        self.worlds = points.Worlds(self.directory, server, place)
        self.models = {}
        return self

    def __exit__(self, kind, *_):
        self.stack.close()
        if self.is_bad or kind:
            print(f"  kept: {self.directory}", flush=True)
        else:
            shutil.rmtree(self.directory)

    def world(self, scenario):
        """Two sides that were in sync, then changed."""
        world = self.worlds.make(scenario)
        world.change(scenario)
        return world

    def again(self, scenario):
        """Such a world as often as it is wanted."""
        return Again(lambda: self.world(scenario), self.directory / "kept")

    def take_model(self, scenario, world):
        """What both sides hold after an undisturbed run is what they must hold after any other.
        Returns how they differ."""
        world.finish()
        remote, local = world.content()
        self.models[scenario] = without_dates(remote)
        return compare.differences(remote, local)

    def model(self, scenario):
        """What both sides must hold in the end."""
        if scenario not in self.models:
            world = self.world(scenario)
            if found := self.take_model(scenario, world):
                raise AssertionError("an undisturbed run leaves differences:\n" + "\n".join(found[:20]))
            world.remove()
        return self.models[scenario]

    def judge(self, scenario, world, is_done=False, runs=1):
        """[Harm], after so many more runs to the end; is_done: the run before has said that it is in sync,
        and nothing is to be mended."""
        try:
            for _ in range(0 if is_done else runs):
                finish(world)
        except AssertionError as error:
            return [oracle.Harm("lost", str(error))]
        with world.hands():
            found = self._compare_sides(scenario, world)
            found += oracle.judge_again(world.account, [world.remote, world.local])
        return [harm._replace(text=f"after a run that ended well: {harm.text}") for harm in found] if is_done else found

    def _compare_sides(self, scenario, world):
        sides = [world.remote, world.local]
        found = oracle.judge(self.model(scenario), *((side.name, side.content()) for side in sides))
        if self.local == "maildir":
            found += [oracle.Harm("doubled", text) for text in compare.doubled_names(world.account.tree)]
        return found

    def end(self, world, is_good):
        """A world that something is wrong with is kept."""
        if is_good:
            world.remove()
        else:
            self.is_bad = True


def without_dates(content):
    """Another world's messages came at another time."""
    return {mailbox: [row._replace(date=None) for row in rows] for mailbox, rows in content.items()}


def chosen(scenarios, pattern):
    """Those whose names match."""
    return [scenario for scenario in scenarios if re.search(pattern, scenario.__name__)]


def finish(world):
    """To the end; what is parked only as the run says that it can be."""
    if world.in_the_end:
        world.finish()
        return
    account = world.account
    result = account.once()
    if "messages on one side only" in result.err:
        with account.daemon() as daemon:
            daemon.wait_ready()
            for mailbox in account.tree.mailboxes():
                account.ctl("sync", "--wait", account.name, mailbox)
        result = account.once()
    if result.status != 0:
        raise AssertionError(f"the run does not end well: {result}")
