"""Crash points: the program is killed, or a call of it fails, at each thing that it makes lasting.

A world is two sides that were in sync, and then changed on both. What must be there in the end is what
an undisturbed run leaves, in any other world of the same scenario too, whatever came in between.
"""

import random
import shutil
import subprocess

from rig import BUILD, change, compare, populate
from rig.account import Account

SHIM = BUILD / "tests" / "libchaos-points.so"
BOXES = ["INBOX", "list", "list/sub"]
MESSAGES = 24


def _choose(w, mailbox, count):
    w.session.select(mailbox, examine=True)
    return w.session.uids()[:count]


def first_sync(w):
    """Nothing is there locally yet: the state database and the Maildir are those of a new account."""


def upload(w):
    for n in range(12):
        w.tree.folder("list").deliver(populate.message(w.rng, f"up{n}"), f"17000{n}.points.host", "S")


def download(w):
    for n in range(12):
        w.session.append("list", populate.message(w.rng, f"down{n}"), ["\\Seen"])


def flags_remote(w):
    for mailbox in BOXES:
        uids = _choose(w, mailbox, 9)
        w.session.select(mailbox)
        w.session.store(populate_set(uids), "+", ["\\Answered", "work"])


def flags_local(w):
    for mailbox in BOXES:
        folder = w.tree.folder(mailbox)
        for path in folder.files()[:9]:
            folder.set_flags(path, folder.flags(path) ^ {"\\Flagged"})


def flags_both(w):
    flags_remote(w)
    flags_local(w)


def expunge_remote(w):
    for mailbox in BOXES:
        uids = _choose(w, mailbox, 4)
        w.session.select(mailbox)
        w.session.expunge(populate_set(uids))


def unlink_local(w):
    for mailbox in BOXES:
        for path in w.tree.folder(mailbox).files()[:4]:
            path.unlink()


def delete_and_flag(w):
    flags_remote(w)
    unlink_local(w)


def move_remote(w):
    uids = _choose(w, "INBOX", 5)
    w.session.select("INBOX")
    w.session.move(populate_set(uids), "list")


def move_local(w):
    for path in w.tree.folder("INBOX").files()[:5]:
        if not any(c.islower() for c in path.name.partition(":2,")[2]):
            path.rename(w.tree.folder("list").path / "cur" / path.name)


def same_on_both(w):
    """Messages that came to both sides on ways of their own."""
    for n in range(6):
        data = populate.message(w.rng, f"same{n}")
        w.session.append("list", data)
        w.tree.folder("list").deliver(data, f"17100{n}.points.host")


def create_remote(w):
    w.session.create("made there")
    w.session.append("made there", populate.message(w.rng, "made"))


def create_local(w):
    w.tree.folder("made here").create().deliver(populate.message(w.rng, "made"), "171.points.host")


def lost_database(w):
    """The state database is gone: everything is paired anew."""


def random_changes(w):
    change.Changes(w.rng, w.session, w.tree).apply(40)


# Moves

def move_remote_many(w):
    uids = _choose(w, "INBOX", 15)
    for target, some in (("list", uids[:8]), ("list/sub", uids[8:])):
        w.session.select("INBOX")
        w.session.move(populate_set(some), target)


def move_local_many(w):
    paths = _without_keywords(w, "INBOX")[:15]
    for n, path in enumerate(paths):
        path.rename(w.tree.folder("list" if n % 2 else "list/sub").path / "cur" / path.name)


def move_crosswise(w):
    """On both sides at once, with flags, and some of what comes where others go from."""
    uids = _choose(w, "INBOX", 4)
    w.session.select("INBOX")
    w.session.store(populate_set(uids), "+", ["\\Answered", "work"])
    w.session.move(populate_set(uids), "list")
    for path in _without_keywords(w, "list")[:4]:
        path.rename(w.tree.folder("INBOX").path / "cur" / path.name)
    for path in _without_keywords(w, "list/sub")[:4]:
        w.tree.folder("list/sub").set_flags(path, w.tree.folder("list/sub").flags(path) ^ {"\\Flagged"})


def move_remote_to_new(w):
    w.session.create("Archive")
    uids = _choose(w, "list", 6)
    w.session.select("list")
    w.session.move(populate_set(uids), "Archive")


def move_local_to_new(w):
    folder = w.tree.folder("Archive").create()
    for path in _without_keywords(w, "list")[:6]:
        path.rename(folder.path / "cur" / path.name)


def _without_keywords(w, mailbox):
    """Files whose letters mean the same in every folder."""
    return [path for path in w.tree.folder(mailbox).files()
            if not any(c.islower() for c in path.name.partition(":2,")[2])]


# The life of mailboxes

def rename_remote(w):
    w.session.command(b"RENAME " + w.session.wire("list") + b" " + w.session.wire("Projects"))
    w.session.append("Projects", populate.message(w.rng, "since"))


def rename_local(w):
    w.tree.folder("list").path.rename(w.tree.folder("Projects").path)
    w.tree.folder("Projects").deliver(populate.message(w.rng, "since"), "172.points.host")


def delete_remote(w):
    w.session.delete("list/sub")


def delete_local(w):
    shutil.rmtree(w.tree.folder("list/sub").path)


# State that cannot be trusted

def uidvalidity(w):
    for mailbox in ("INBOX", "list"):
        w.server.doveadm("mailbox", "update", "-u", w.user, "--uid-validity", "4000000000", mailbox)
    flags_local(w)


def older_maildir(w):
    """What it lacks is fetched again, and what was deleted since is there again."""
    copy = w.account.directory / "copy"
    shutil.copytree(w.account.maildir, copy, symlinks=True)
    download(w)
    expunge_remote(w)
    finish(w.account)
    shutil.rmtree(w.account.maildir)
    copy.rename(w.account.maildir)


SCENARIOS = [
    first_sync, upload, download, flags_remote, flags_local, flags_both, expunge_remote, unlink_local,
    delete_and_flag, move_remote, move_local, same_on_both, create_remote, create_local, lost_database,
    random_changes, move_remote_many, move_local_many, move_crosswise, move_remote_to_new,
    move_local_to_new, rename_remote, rename_local, delete_remote, delete_local, uidvalidity,
    older_maildir,
]
# On a server that can do no more than it must.
BARE = "IMAP4rev1 LITERAL+ MULTIAPPEND"
BARE_SCENARIOS = [unlink_local, move_crosswise, rename_remote, uidvalidity]
SETTINGS = {"delete-mailboxes": "yes", "brake": "100%"}


def populate_set(uids):
    return ",".join(map(str, uids))


def finish(account):
    result = account.once()
    if result.status != 0:
        raise AssertionError(f"the run does not end well: {result}")


class World:
    """A user of the server, and an account of it."""

    def __init__(self, directory, server, user):
        self.server = server
        self.user = user
        self.account = Account(directory / user, server, user=user, tls="none", settings=SETTINGS)
        self.tree = self.account.tree

    def change(self, scenario):
        self.rng = random.Random(scenario.__name__)
        with self.server.session(self.user) as self.session:
            scenario(self)

    def remove(self):
        shutil.rmtree(self.account.directory)
        shutil.rmtree(self.server.directory / "home" / self.user)

    def sides(self):
        with self.server.session(self.user) as session:
            remote = compare.remote(session)
        return remote, compare.local(self.tree)


class Points:
    """All worlds of one run: a server with a user for each, an account for each."""

    def __init__(self, directory, server):
        self.directory = directory
        self.server = server
        self.n_worlds = 0
        with server.session("template") as session:
            populate.fill(session, BOXES, MESSAGES, holes=False)
        self.template = World(directory, server, "template").account
        finish(self.template)
        self.done = 0

    def _world(self, scenario):
        """Two sides in sync, then changed by the scenario."""
        self.n_worlds += 1
        user = f"world{self.n_worlds}"
        home = self.server.directory / "home"
        subprocess.run(["cp", "-a", home / "template", home / user], check=True)
        world = World(self.directory, self.server, user)
        account = world.account
        if scenario is not first_sync:
            for name in ("Mail", "state"):
                shutil.rmtree(account.directory / name, ignore_errors=True)
                subprocess.run(["cp", "-a", self.template.directory / name, account.directory / name], check=True)
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
        remote, local = world.sides()
        found = compare.differences(remote, local)
        points = len(log.read_text().splitlines()) if log.exists() else 0
        world.remove()
        if found:
            raise AssertionError("an undisturbed run leaves differences:\n" + "\n".join(found[:20]))
        return remote, points

    def disturb(self, scenario, expected, variables):
        """One world, one disturbed run, one to the end. Returns what is wrong; none: []."""
        world = self._world(scenario)
        account = world.account
        account.variables = {"LD_PRELOAD": str(SHIM)} | variables
        account.once()
        account.variables = {}
        finish(account)
        remote, local = world.sides()
        found = compare.differences(remote, local) + compare.doubled_names(world.tree)
        found += compare.differences(expected, remote, "expected", "there")
        before = self._rows(account)
        finish(account)
        if changed := set(before) ^ set(self._rows(account)):
            found.append(f"one more run changes the state: {sorted(changed)[:4]}")
        if not found:
            world.remove()
            self.done += 1
        return found


def spread(count, most):
    """Numbers from 1 to count, at most so many, evenly."""
    return list(range(1, count + 1)) if count <= most else sorted({1 + i * count // most for i in range(most)})
