"""Crash points: the program is killed, or a call of it fails, at each thing that it makes lasting.

A world is two sides that were in sync, and then changed on both as rig.upsets has it.
"""

import contextlib
import itertools
import random
import shutil
import subprocess

from rig import BUILD, populate, sides, wait_until
from rig.account import Account
from rig.upsets import BOXES, MESSAGES, first_sync

SHIM = BUILD / "tests" / "libchaos-points.so"
SETTINGS = {"delete-mailboxes": "yes", "brake": "100%"}


class World:
    """A user of the server, and an account of it. place: what the local side is, see rig.local. port: where
    the program reaches the server, if not at its own."""

    def __init__(self, directory, server, user, place, port=None):
        self.server = server
        self.user = user
        self.place = place
        settings = SETTINGS | ({"port": port} if port else {})
        self.account = Account(directory / user, server, user=user, tls="none", settings=settings)
        self.in_the_end = None  # what a person does about a deletion that is held
        self.put_back = []  # the mailboxes that are then as they were
        place.configure(self.account, user)

    def hands(self):
        """with w.hands(): the sides can be looked at and changed."""
        stack = contextlib.ExitStack()
        self.remote = sides.ImapSide(stack.enter_context(self.server.session(self.user)))
        self.local = self.place.side(self.account, self.user)
        stack.callback(lambda: self.local.close())
        return stack

    def change(self, scenario):
        self.rng = random.Random(scenario.__name__)
        with self.hands():
            scenario(self)

    def homes(self, user):
        """Where the mail of both sides is."""
        return [server.directory / "home" / user for server in (self.server, self.place) if server.is_server]

    def remove(self):
        for path in (self.account.directory, *self.homes(self.user)):
            shutil.rmtree(path)

    def content(self):
        with self.hands():
            return self.remote.content(), self.local.content()

    # What scenarios do beside changing a side

    def forget(self):
        shutil.rmtree(self.account.state)
        self.account.state.mkdir(mode=0o700)

    def set_brake(self):
        """As it is if nobody sets it."""
        self.account.settings["brake"] = None
        self.account.write_config()

    def confirm(self, mailbox):
        account = self.account
        with account.daemon() as daemon:
            daemon.wait_ready()
            account.ctl("sync", "--wait")
            if account.ctl_json("held"):
                account.ctl("confirm", account.name, mailbox)
            wait_until(lambda: not account.ctl_json("held"), "nothing is held", interval=0.05)
            account.ctl("sync", "--wait")

    def run(self, status=0):
        """To the end, undisturbed."""
        self.account.variables = {}
        result = self.account.once()
        if result.status != status:
            raise AssertionError(f"the run does not end with {status}: {result}")

    def finish(self):
        if self.in_the_end:
            self.run(1)
            self.in_the_end(self)
        self.run()

    def disturb(self, variables):
        """A run with these in its environment; the shim reads them."""
        self.account.variables = {"LD_PRELOAD": str(SHIM)} | variables
        self.account.once()

    def passed(self):
        """The points that a run passes, by running it: the names of the calls."""
        log = self.account.directory / "points"
        self.disturb({"CHAOS_LOG": str(log)})
        return [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []


class Worlds:
    """All worlds of one server: a user for each, an account for each."""

    def __init__(self, directory, server, place, port=None):
        self.directory = directory
        self.server = server
        self.place = place
        self.port = port
        self.numbers = itertools.count(1)
        with server.session("template") as session:
            populate.fill(session, BOXES, MESSAGES, holes=False)
        self.template = World(directory, server, "template", place)
        self.template.run()

    def make(self, scenario):
        """Two sides in sync; the scenario has not happened yet."""
        world = World(self.directory, self.server, f"world{next(self.numbers)}", self.place, self.port)
        account, template = world.account, self.template.account
        copies = list(zip(world.homes("template"), world.homes(world.user)))
        if scenario is first_sync:
            copies = copies[:1]
        else:
            copies += [(path, account.directory / path.name)
                       for path in (template.maildir, template.state) if path.exists()]
        for path, copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
            subprocess.run(["cp", "-a", path, copy], check=True)
        if scenario is not first_sync:
            world.run()
        return world


def spread(count, most):
    """Numbers from 1 to count, at most so many, evenly."""
    return list(range(1, count + 1)) if count <= most else sorted({1 + i * count // most for i in range(most)})
