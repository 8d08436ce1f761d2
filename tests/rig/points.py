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


def _choose(session, mailbox, count):
    session.select(mailbox, examine=True)
    return session.uids()[:count]


def first_sync(rng, session, tree):
    """Nothing is there locally yet: the state database and the Maildir are those of a new account."""


def upload(rng, session, tree):
    for n in range(12):
        tree.folder("list").deliver(populate.message(rng, f"up{n}"), f"17000{n}.points.host", "S")


def download(rng, session, tree):
    for n in range(12):
        session.append("list", populate.message(rng, f"down{n}"), ["\\Seen"])


def flags_remote(rng, session, tree):
    for mailbox in BOXES:
        uids = _choose(session, mailbox, 9)
        session.select(mailbox)
        session.store(populate_set(uids), "+", ["\\Answered", "work"])


def flags_local(rng, session, tree):
    for mailbox in BOXES:
        folder = tree.folder(mailbox)
        for path in folder.files()[:9]:
            folder.set_flags(path, folder.flags(path) ^ {"\\Flagged"})


def flags_both(rng, session, tree):
    flags_remote(rng, session, tree)
    flags_local(rng, session, tree)


def expunge_remote(rng, session, tree):
    for mailbox in BOXES:
        uids = _choose(session, mailbox, 4)
        session.select(mailbox)
        session.expunge(populate_set(uids))


def unlink_local(rng, session, tree):
    for mailbox in BOXES:
        for path in tree.folder(mailbox).files()[:4]:
            path.unlink()


def delete_and_flag(rng, session, tree):
    flags_remote(rng, session, tree)
    unlink_local(rng, session, tree)


def move_remote(rng, session, tree):
    uids = _choose(session, "INBOX", 5)
    session.select("INBOX")
    session.move(populate_set(uids), "list")


def move_local(rng, session, tree):
    for path in tree.folder("INBOX").files()[:5]:
        if not any(c.islower() for c in path.name.partition(":2,")[2]):
            path.rename(tree.folder("list").path / "cur" / path.name)


def same_on_both(rng, session, tree):
    """Messages that came to both sides on ways of their own."""
    for n in range(6):
        data = populate.message(rng, f"same{n}")
        session.append("list", data)
        tree.folder("list").deliver(data, f"17100{n}.points.host")


def create_remote(rng, session, tree):
    session.create("made there")
    session.append("made there", populate.message(rng, "made"))


def create_local(rng, session, tree):
    tree.folder("made here").create().deliver(populate.message(rng, "made"), "171.points.host")


def lost_database(rng, session, tree):
    """The state database is gone: everything is paired anew."""


def random_changes(rng, session, tree):
    change.Changes(rng, session, tree).apply(40)


SCENARIOS = [
    first_sync, upload, download, flags_remote, flags_local, flags_both, expunge_remote, unlink_local,
    delete_and_flag, move_remote, move_local, same_on_both, create_remote, create_local, lost_database,
    random_changes,
]


def populate_set(uids):
    return ",".join(map(str, uids))


class Points:
    """All worlds of one run: a server with a user for each, an account for each."""

    def __init__(self, directory, server):
        self.directory = directory
        self.server = server
        self.n_worlds = 0
        with server.session("template") as session:
            populate.fill(session, BOXES, MESSAGES, holes=False)
        self.template = self._account("template")
        self._finish(self.template)
        self.done = 0

    def _account(self, user):
        return Account(self.directory / user, self.server, user=user, tls="none")

    def _finish(self, account):
        result = account.once()
        if result.status != 0:
            raise AssertionError(f"the run does not end well: {result}")

    def _world(self, scenario):
        """Two sides in sync, then changed by the scenario."""
        self.n_worlds += 1
        user = f"world{self.n_worlds}"
        home = self.server.directory / "home"
        subprocess.run(["cp", "-a", home / "template", home / user], check=True)
        account = self._account(user)
        if scenario is not first_sync:
            for name in ("Mail", "state"):
                shutil.rmtree(account.directory / name, ignore_errors=True)
                subprocess.run(["cp", "-a", self.template.directory / name, account.directory / name], check=True)
            self._finish(account)
        if scenario is lost_database:
            shutil.rmtree(account.state)
            account.state.mkdir(mode=0o700)
        with self.server.session(user) as session:
            scenario(random.Random(scenario.__name__), session, account.tree)
        return account, user

    def _remove(self, account, user):
        shutil.rmtree(account.directory)
        shutil.rmtree(self.server.directory / "home" / user)

    def _sides(self, account, user):
        with self.server.session(user) as session:
            remote = compare.remote(session)
        return remote, compare.local(account.tree)

    @staticmethod
    def _rows(account):
        """The state, but for the stamps of folders: those are taken when nothing else is to be done."""
        return [row for row in account.rows() if not row.startswith('INSERT INTO "mailbox"')]

    def expected(self, scenario):
        """What an undisturbed run leaves, and how many points it passes."""
        account, user = self._world(scenario)
        log = account.directory / "points"
        account.variables = {"LD_PRELOAD": str(SHIM), "CHAOS_LOG": str(log)}
        self._finish(account)
        remote, local = self._sides(account, user)
        found = compare.differences(remote, local)
        points = len(log.read_text().splitlines()) if log.exists() else 0
        self._remove(account, user)
        if found:
            raise AssertionError("an undisturbed run leaves differences:\n" + "\n".join(found[:20]))
        return remote, points

    def disturb(self, scenario, expected, variables):
        """One world, one disturbed run, one to the end. Returns what is wrong; none: []."""
        account, user = self._world(scenario)
        account.variables = {"LD_PRELOAD": str(SHIM)} | variables
        account.once()
        account.variables = {}
        self._finish(account)
        remote, local = self._sides(account, user)
        found = compare.differences(remote, local) + compare.doubled_names(account.tree)
        found += compare.differences(expected, remote, "expected", "there")
        before = self._rows(account)
        self._finish(account)
        if self._rows(account) != before:
            found.append("one more run changes the state")
        if not found:
            self._remove(account, user)
            self.done += 1
        return found


def spread(count, most):
    """Numbers from 1 to count, at most so many, evenly."""
    return list(range(1, count + 1)) if count <= most else sorted({1 + i * count // most for i in range(most)})
