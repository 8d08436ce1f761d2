"""Worlds of rig.points to torment: made of a scenario, disturbed once, mended by one more run, judged."""

import contextlib
import pathlib
import re
import shutil
import tempfile

from rig import compare, points
from rig.dovecot import Dovecot
from rig.local import LOCAL
from torment import oracle


class Bench:
    """with Bench(server options) as bench: the worlds of one server, in a directory that is kept if
    bench.is_bad is set in the end."""

    def __init__(self, local="maildir", store="maildir", **options):
        self.local = local
        self.options = options | {"store": store}
        self.is_bad = False

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-chaos-"))
        self.directory.chmod(0o755)
        self.stack = contextlib.ExitStack()
        server = self.stack.enter_context(Dovecot(self.directory / "server", **self.options))
        place = self.stack.enter_context(LOCAL[self.local](self.directory / "local"))
        self.points = points.Points(self.directory, server, place)
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
        return self.points._world(scenario)

    def take_model(self, scenario, world):
        """What both sides hold after an undisturbed run is what they must hold after any other.
        Returns how they differ."""
        remote, local = world.content()
        self.models[scenario] = points.without_dates(remote)
        return compare.differences(remote, local)

    def model(self, scenario):
        """What both sides must hold in the end."""
        if scenario not in self.models:
            self.models[scenario], _ = self.points.expected(scenario)
        return self.models[scenario]

    def judge(self, scenario, world):
        """After one more run to the end. [Harm]"""
        try:
            points.finish(world.account)
        except AssertionError as error:
            return [oracle.Harm("lost", str(error))]
        with world.hands():
            sides = [world.remote, world.local]
            found = oracle.judge(self.model(scenario), *((side.name, side.content()) for side in sides))
            found += [oracle.Harm("doubled", text) for side in sides for text in side.doubled()]
            return found + oracle.judge_again(world.account, sides)

    def end(self, world, is_good):
        """A world that something is wrong with is kept."""
        if is_good:
            world.remove()
        else:
            self.is_bad = True


def chosen(scenarios, pattern):
    """Those whose names match."""
    return [scenario for scenario in scenarios if re.search(pattern, scenario.__name__)]
