"""Crash points: the program is killed, or a call of it fails, at each thing that it makes lasting.

A world is two sides that were in sync, and then changed on both. What must be there in the end is what
an undisturbed run leaves, in any other world of the same scenario too, whatever came in between.
"""

import contextlib
import random
import shutil
import subprocess

from rig import BUILD, change, compare, imap, populate, sides
from rig.account import Account

SHIM = BUILD / "tests" / "libchaos-points.so"
BOXES = ["INBOX", "list", "list/sub"]
MESSAGES = 24


def first_sync(w):
    """Nothing is there locally yet: the state database and the local side are those of a new account."""


def upload(w):
    for n in range(12):
        w.local.deliver("list", populate.message(w.rng, f"up{n}"), {"\\Seen"})


def download(w):
    for n in range(12):
        w.remote.deliver("list", populate.message(w.rng, f"down{n}"), {"\\Seen"})


def flags_remote(w):
    for mailbox in BOXES:
        w.remote.flag(mailbox, imap.uid_set(w.remote.messages(mailbox)[:9]), ["\\Answered", "work"])


def flags_local(w):
    for mailbox in BOXES:
        for handle, flags in list(w.local.flags(mailbox).items())[:9]:
            w.local.flag(mailbox, handle, {"\\flagged"} - flags, {"\\flagged"} & flags)


def flags_both(w):
    flags_remote(w)
    flags_local(w)


def expunge_remote(w):
    for mailbox in BOXES:
        w.remote.remove(mailbox, w.remote.messages(mailbox)[:4])


def remove_local(w):
    for mailbox in BOXES:
        w.local.remove(mailbox, w.local.messages(mailbox)[:4])


def delete_and_flag(w):
    flags_remote(w)
    remove_local(w)


def move_remote(w):
    w.remote.move("INBOX", w.remote.messages("INBOX")[:5], "list")


def move_local(w):
    w.local.move("INBOX", w.local.movable("INBOX")[:5], "list")


def same_on_both(w):
    """Messages that came to both sides on ways of their own."""
    for n in range(6):
        data = populate.message(w.rng, f"same{n}")
        for side in (w.remote, w.local):
            side.deliver("list", data, date=populate.date(random.Random(n)))


def create_remote(w):
    w.remote.create("made there")
    w.remote.deliver("made there", populate.message(w.rng, "made"))


def create_local(w):
    w.local.create("made here")
    w.local.deliver("made here", populate.message(w.rng, "made"))


def lost_database(w):
    """The state database is gone: everything is paired anew."""


def random_changes(w):
    change.Changes(w.rng, w.remote, w.local).apply(40)


# Moves

def move_remote_many(w):
    uids = w.remote.messages("INBOX")[:15]
    w.remote.move("INBOX", uids[:8], "list")
    w.remote.move("INBOX", uids[8:], "list/sub")


def move_local_many(w):
    for n, handle in enumerate(w.local.movable("INBOX")[:15]):
        w.local.move("INBOX", [handle], "list" if n % 2 else "list/sub")


def move_crosswise(w):
    """On both sides at once, with flags, and some of what comes where others go from."""
    uids = w.remote.messages("INBOX")[:4]
    w.remote.flag("INBOX", imap.uid_set(uids), ["\\Answered", "work"])
    w.remote.move("INBOX", uids, "list")
    w.local.move("list", w.local.movable("list")[:4], "INBOX")
    flags = w.local.flags("list/sub")
    for handle in w.local.movable("list/sub")[:4]:
        w.local.flag("list/sub", handle, {"\\flagged"} - flags[handle], {"\\flagged"} & flags[handle])


def move_remote_to_new(w):
    w.remote.create("Archive")
    w.remote.move("list", w.remote.messages("list")[:6], "Archive")


def move_local_to_new(w):
    w.local.create("Archive")
    w.local.move("list", w.local.movable("list")[:6], "Archive")


# The life of mailboxes

def rename_remote(w):
    w.remote.rename("list", "Projects")
    w.remote.deliver("Projects", populate.message(w.rng, "since"))


def rename_local(w):
    w.local.rename("list", "Projects")
    w.local.deliver("Projects", populate.message(w.rng, "since"))


def delete_remote(w):
    w.remote.delete("list/sub")


def delete_local(w):
    w.local.delete("list/sub")


# State that cannot be trusted

def uidvalidity(w):
    for mailbox in ("INBOX", "list"):
        w.server.doveadm("mailbox", "update", "-u", w.user, "--uid-validity", "4000000000", mailbox)
    flags_local(w)


def older_local(w):
    """What it lacks is fetched again, and what was deleted since is there again."""
    copy = w.account.directory / "copy"
    w.local.save(copy)
    download(w)
    expunge_remote(w)
    finish(w.account)
    w.local.restore(copy)


SCENARIOS = [
    first_sync, upload, download, flags_remote, flags_local, flags_both, expunge_remote, remove_local,
    delete_and_flag, move_remote, move_local, same_on_both, create_remote, create_local, lost_database,
    random_changes, move_remote_many, move_local_many, move_crosswise, move_remote_to_new,
    move_local_to_new, rename_remote, rename_local, delete_remote, delete_local, uidvalidity,
    older_local,
]
# On a server that can do no more than it must.
BARE = "IMAP4rev1 LITERAL+ MULTIAPPEND"
BARE_SCENARIOS = [remove_local, move_crosswise, rename_remote, uidvalidity]
# With a server as the local side, reached by a tunnel.
SERVER_SCENARIOS = [first_sync, upload, download, move_crosswise, random_changes, uidvalidity, older_local]
SETTINGS = {"delete-mailboxes": "yes", "brake": "100%"}


def finish(account):
    result = account.once()
    if result.status != 0:
        raise AssertionError(f"the run does not end well: {result}")


class World:
    """A user of the server, and an account of it. place: what the local side is, see rig.local."""

    def __init__(self, directory, server, user, place):
        self.server = server
        self.user = user
        self.place = place
        self.account = Account(directory / user, server, user=user, tls="none", settings=SETTINGS)
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

    def doubled(self):
        with self.hands():
            return self.remote.doubled() + self.local.doubled()


class Points:
    """All worlds of one run: a server with a user for each, an account for each."""

    def __init__(self, directory, server, place):
        self.directory = directory
        self.server = server
        self.place = place
        self.n_worlds = 0
        with server.session("template") as session:
            populate.fill(session, BOXES, MESSAGES, holes=False)
        self.template = World(directory, server, "template", place).account
        finish(self.template)
        self.done = 0

    def _world(self, scenario):
        """Two sides in sync, then changed by the scenario."""
        self.n_worlds += 1
        user = f"world{self.n_worlds}"
        world = World(self.directory, self.server, user, self.place)
        account = world.account
        copies = list(zip(world.homes("template"), world.homes(user)))
        if scenario is first_sync:
            copies = copies[:1]
        else:
            copies += [(path, account.directory / path.name)
                       for path in (self.template.maildir, self.template.state) if path.exists()]
        for path, copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
            subprocess.run(["cp", "-a", path, copy], check=True)
        if scenario is not first_sync:
            finish(account)
        if scenario is lost_database:
            shutil.rmtree(account.state)
            account.state.mkdir(mode=0o700)
        world.change(scenario)
        return world

    @staticmethod
    def _rows(account):
        """The state, but for the stamps of folders: those are taken when nothing else is to be done."""
        return [row for row in account.rows() if not row.startswith('INSERT INTO "mailbox"')]

    def expected(self, scenario):
        """What an undisturbed run leaves, and how many points it passes."""
        world = self._world(scenario)
        account = world.account
        log = account.directory / "points"
        account.variables = {"LD_PRELOAD": str(SHIM), "CHAOS_LOG": str(log)}
        finish(account)
        remote, local = world.content()
        found = compare.differences(remote, local)
        points = len(log.read_text().splitlines()) if log.exists() else 0
        world.remove()
        if found:
            raise AssertionError("an undisturbed run leaves differences:\n" + "\n".join(found[:20]))
        return without_dates(remote), points

    def disturb(self, scenario, expected, variables):
        """One world, one disturbed run, one to the end. Returns what is wrong; none: []."""
        world = self._world(scenario)
        account = world.account
        account.variables = {"LD_PRELOAD": str(SHIM)} | variables
        account.once()
        account.variables = {}
        finish(account)
        remote, local = world.content()
        found = compare.differences(remote, local) + world.doubled()
        found += compare.differences(expected, remote, "expected", "there")
        before = self._rows(account)
        finish(account)
        if changed := set(before) ^ set(self._rows(account)):
            found.append(f"one more run changes the state: {sorted(changed)[:4]}")
        if not found:
            world.remove()
            self.done += 1
        return found


def without_dates(content):
    """Another world's messages came at another time."""
    return {mailbox: [row._replace(date=None) for row in rows] for mailbox, rows in content.items()}


def spread(count, most):
    """Numbers from 1 to count, at most so many, evenly."""
    return list(range(1, count + 1)) if count <= most else sorted({1 + i * count // most for i in range(most)})
