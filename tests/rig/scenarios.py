"""What must come out the same on every server: each scenario has a user, a Maildir and a state of its own.

A scenario changes something by the hand of another client or of another mail program, runs imapsyncd, and
says what both sides must hold. World.settled() then compares them and sees that a further run does nothing.
"""

import os
import random
import re
import shutil
import time

from rig import change, compare, imap, populate, profiles, proxy, wait_until
from rig.account import Account

SCENARIOS = {}
CHANGES = 200


def scenario(title):
    def enter(function):
        SCENARIOS[title] = function
        return function

    return enter


class World:
    """One user of a server, one account, and a counted wire between them."""

    def __init__(self, directory, profile, server, user):
        self.profile = profile
        self.server = server
        self.user = user
        self.rng = random.Random(user)
        self.wire = proxy.Proxy(server.host, server.imap_port)
        self.session = server.session(user)
        self.account = Account(directory, None, user=user, settings={
            "host": self.wire.host, "port": self.wire.port, "tls": "none"})
        self.tree = self.account.tree
        self.bytes_in = self.bytes_out = self.round_trips = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()
        self.wire.__exit__()

    def folder(self, mailbox):
        return self.tree.folder(mailbox)

    # Both sides

    def remote(self):
        with self.server.session(self.user) as session:
            return compare.remote(session)

    def local(self):
        return compare.local(self.tree)

    def numbers(self):
        """What the server counts: whatever is changed there shows in it."""
        with self.server.session(self.user) as session:
            return {mailbox: session.command(b"STATUS " + session.wire(mailbox) + b" (MESSAGES UIDNEXT UIDVALIDITY)")
                    for mailbox in session.mailboxes()}

    def uidvalidity(self, mailbox):
        [row] = self.session.command(b"STATUS " + self.session.wire(mailbox) + b" (UIDVALIDITY)")
        return int(row[2][1])

    # Running

    begun = 0.0  # when the mailboxes were made

    def begin(self, mailboxes=("INBOX", "list", "Sent"), messages=12):
        """Mail on the server, and a first sync."""
        populate.fill(self.session, mailboxes, messages)
        self.begun = time.time()
        self.run()
        self.equal(self.remote(), self.local())

    def run(self, status=0):
        result = self.account.once()
        if result.status != status:
            raise AssertionError(f"status {result.status}, not {status}: {result.err.strip() or result.out.strip()}")
        return result

    def counted(self, run):
        """Run it, and count what crosses the wire."""
        before = self.wire.down, self.wire.up, self.wire.round_trips
        try:
            return run()
        finally:
            self.bytes_in += self.wire.down - before[0]
            self.bytes_out += self.wire.up - before[1]
            self.round_trips += self.wire.round_trips - before[2]

    def sync(self, expected=None, status=0):
        """The run that the table shows; both sides must be as expected (default: as the other)."""
        self.counted(lambda: self.run(status))
        if expected is not None:
            self.equal(self.remote(), expected, "server", "expected")
            self.equal(self.local(), expected, "Maildir", "expected")

    @staticmethod
    def equal(one, other, one_name="server", other_name="Maildir"):
        if found := compare.differences(one, other, one_name, other_name):
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            raise AssertionError("; ".join(found[:3]) + more)

    def settled(self):
        """Both sides hold the same, no file is doubled, and a further run changes nothing on either."""
        self.equal(self.remote(), self.local())
        if found := compare.doubled_names(self.tree):
            raise AssertionError("; ".join(found[:3]))
        before = self.tree.stamp(), self.numbers()
        self.run()
        after = self.tree.stamp(), self.numbers()
        for what, one, two in zip(("Maildir", "server"), before, after):
            changed = sorted(str(key) for key in one.keys() | two.keys() if one.get(key) != two.get(key))
            if changed:
                raise AssertionError(f"a second run changes the {what}: {', '.join(changed[:3])}")
        if found := profiles.not_offered(self.profile, bytes(self.wire.said)):
            raise AssertionError(f"said what the server does not offer: {'; '.join(found[:3])}")

    # What a scenario does

    def message(self, label, size=None):
        return populate.message(self.rng, label, size)

    def uids(self, mailbox):
        self.session.select(mailbox)
        return self.session.uids()

    def keyword_files(self, mailbox, keyword):
        """As another program makes a keyword in a Maildir: the letter that stands for it."""
        folder = self.folder(mailbox)
        letters = {name: letter for letter, name in folder.keywords().items()}
        if keyword not in letters:
            index = len(letters)
            with open(folder.path / "dovecot-keywords", "a", encoding="utf-8") as lines:
                lines.write(f"{index} {keyword}\n")

    def held(self, mailbox, is_through):
        """The daemon holds what was deleted, until a person confirms it."""
        name = mailbox
        with self.account.daemon() as daemon:
            daemon.wait_ready()
            self.account.ctl("sync", "--wait")
            wait_until(lambda: name in str(self.account.ctl_json("held")), "the deletion is held", deadline=10, interval=0.1)
            if is_through():
                raise AssertionError("a deletion was not held back")
            result = self.account.ctl("confirm", self.account.name, name)
            if result.status != 0:
                raise AssertionError(f"confirm: {result}")
            wait_until(is_through, "the deletion goes through", interval=0.1)
            daemon.wait_in_sync()


@scenario("first sync")
def first_sync(w):
    names = ["INBOX"]
    for name in populate.ODD_NAMES:
        try:
            w.session.create(name)
            names.append(name)
        except imap.ImapError:
            pass  # this server has no such names
    if len(names) < 12:
        raise AssertionError(f"the server takes only {len(names)} names")
    populate.fill(w.session, names, 4)
    w.sync(w.remote())


@scenario("nothing to do")
def nothing_to_do(w):
    w.begin()
    w.sync(w.remote())


@scenario("new mail on the server")
def new_remote(w):
    w.begin()
    for mailbox in ("INBOX", "list"):
        for n in range(3):
            w.session.append(mailbox, w.message(f"new{n}"), ["\\Seen"] if n else [])
    w.sync(w.remote())


@scenario("new mail in the Maildir")
def new_local(w):
    w.begin()
    for mailbox in ("INBOX", "list"):
        for n, letters in enumerate((None, "S", "FRS")):
            w.folder(mailbox).deliver(w.message(f"new{n}"), f"1700{n}.{mailbox}.host", letters)
    w.sync(w.local())


@scenario("flags on the server")
def flags_remote(w):
    w.begin()
    first, second, *_ = w.uids("list")
    w.session.store(first, "+", ["\\Flagged", "\\Answered"])
    w.session.store(second, "-", ["\\Seen"])
    w.session.store(second, "+", ["\\Draft"])
    w.sync(w.remote())


@scenario("flags in the Maildir")
def flags_local(w):
    w.begin()
    folder = w.folder("list")
    for path, flag in zip(folder.files(), ("\\Flagged", "\\Seen", "\\Answered", "$Forwarded")):
        folder.set_flags(path, folder.flags(path) ^ {flag})
    w.sync(w.local())


@scenario("keywords on the server")
def keywords_remote(w):
    w.begin()
    first, second, *_ = w.uids("list")
    w.session.store(first, "+", ["invoices", "$label1"])
    w.session.store(second, "-", populate.KEYWORDS)
    w.sync(w.remote())


@scenario("keywords in the Maildir")
def keywords_local(w):
    w.begin()
    folder = w.folder("list")
    w.keyword_files("list", "invoices")
    first, second, *_ = folder.files()
    folder.set_flags(first, folder.flags(first) | {"invoices"})
    folder.set_flags(second, folder.flags(second) - set(populate.KEYWORDS))
    w.sync(w.local())


@scenario("deletions on the server")
def deletions_remote(w):
    w.begin()
    for mailbox in ("INBOX", "list"):
        w.session.expunge(imap.uid_set(w.uids(mailbox)[::4]))
    w.sync(w.remote())


@scenario("deletions in the Maildir")
def deletions_local(w):
    w.begin()
    for mailbox in ("INBOX", "list"):
        for path in w.folder(mailbox).files()[::4]:
            path.unlink()
    w.sync(w.local())


@scenario("both change the same message")
def same_message(w):
    w.begin()
    uids, folder = w.uids("list"), w.folder("list")
    paths = {row.digest: folder.path / row.where for row in w.local()["list"]}
    rows = {row.where: row for row in w.remote()["list"]}
    expected = w.remote()
    for n, uid in enumerate(uids[:6]):
        row = rows[f"UID {uid}"]
        path = paths[row.digest]
        rest = [r for r in expected["list"] if r.digest != row.digest]
        if n < 3:  # another flag on each side: both stay
            w.session.store(uid, "-" if "\\answered" in row.flags else "+", ["\\Answered"])
            folder.set_flags(path, {f for f in row.flags} ^ {"\\flagged"})
            rest.append(row._replace(flags=row.flags ^ {"\\answered", "\\flagged"}))
        elif n == 3:  # the same on both
            w.session.store(uid, "+", ["\\Flagged"])
            folder.set_flags(path, row.flags | {"\\flagged"})
            rest.append(row._replace(flags=row.flags | {"\\flagged"}))
        elif n == 4:  # gone on one side, a flag on the other
            w.session.store(uid, "+", ["\\Seen"])
            path.unlink()
        else:
            w.session.expunge(uid)
            path.unlink()
        expected["list"] = rest
    w.sync(expected)


@scenario("many random changes")
def random_changes(w):
    w.begin(("INBOX", "list", "Sent", "a", "made"), 40)
    changes = change.Changes(w.rng, w.session, w.tree)
    changes.apply(CHANGES)
    w.sync(changes.expected())


@scenario("a mailbox made on the server")
def made_remote(w):
    w.begin()
    w.session.create("made/over there")
    w.session.create("made/empty")
    w.session.append("made/over there", w.message("made"))
    expected = w.remote()
    w.sync(expected)


@scenario("a mailbox made in the Maildir")
def made_local(w):
    w.begin()
    w.folder("made").create()  # some servers make it if we do not
    w.folder("made/here").create().deliver(w.message("made"), "1700.made.host", "S")
    w.folder("made/empty").create()
    w.sync(w.local())


@scenario("a mailbox renamed on the server")
def renamed_remote(w):
    w.begin(("INBOX", "list", "old"))
    inodes = {path.stat().st_ino for path in w.folder("list").files()}
    w.session.command(b"RENAME " + w.session.wire("list") + b" " + w.session.wire("old/list"))
    w.sync(w.remote())
    if {path.stat().st_ino for path in w.folder("old/list").files()} != inodes:
        raise AssertionError("the messages were fetched again")


@scenario("a mailbox renamed in the Maildir")
def renamed_local(w):
    w.begin(("INBOX", "list", "old"))
    size = sum(path.stat().st_size for path in w.folder("list").files())
    w.folder("list").path.rename(w.folder("old/list").path)
    w.sync(w.local())
    if w.bytes_out > size / 4:
        raise AssertionError("the messages were uploaded again")


@scenario("a mailbox deleted on the server")
def deleted_remote(w):
    w.begin()
    w.session.delete("list")
    w.sync(status=1)
    w.held("list", lambda: not w.folder("list").path.exists())
    if "list" in w.session.mailboxes():
        raise AssertionError("the mailbox was made again on the server")


@scenario("a mailbox deleted in the Maildir")
def deleted_local(w):
    w.begin()
    shutil.rmtree(w.folder("list").path)
    w.sync(status=1)
    w.held("list", lambda: "list" not in w.session.mailboxes())
    if w.folder("list").path.exists():
        raise AssertionError("the mailbox was made again in the Maildir")


@scenario("most messages deleted on the server")
def emptied_remote(w):
    w.begin(messages=30)
    uids = w.uids("list")
    w.session.expunge(imap.uid_set(uids[:25]))
    w.sync(status=1)
    w.held("list", lambda: len(w.folder("list").files()) == 5)


@scenario("most messages deleted in the Maildir")
def emptied_local(w):
    w.begin(messages=30)
    for path in w.folder("list").files()[:25]:
        path.unlink()
    w.sync(status=1)
    w.held("list", lambda: len(w.remote()["list"]) == 5)


@scenario("messages moved on the server")
def moved_remote(w):
    w.begin()
    uids = w.uids("list")
    w.session.move(imap.uid_set(uids[:4]), "Sent")
    w.sync(w.remote())


@scenario("messages moved in the Maildir")
def moved_local(w):
    w.begin()
    target = w.folder("Sent").path / "cur"
    # A letter means something else in another folder.
    plain = [path for path in w.folder("list").files() if path.name.partition(":2,")[2].isupper()]
    for path in plain[:4]:
        path.rename(target / path.name)
    w.sync(w.local())


@scenario("another UIDVALIDITY")
def uidvalidity(w):
    """The mailbox is deleted, and another one with the same messages takes its name."""
    w.begin()
    name, other = (w.session.wire(mailbox) for mailbox in ("list", "other"))
    old = w.uidvalidity("list")
    # Some servers number by the second.
    wait_until(lambda: time.time() > w.begun + 1, "the next second")
    w.session.select("list")
    w.session.command(b"CREATE " + other)
    w.session.command(b"UID COPY 1:* " + other)
    w.session.select("INBOX")
    w.session.command(b"DELETE " + name)
    w.session.command(b"RENAME " + other + b" " + name)
    if w.uidvalidity("list") == old:
        raise AssertionError("the server gave it the same UIDVALIDITY")
    inodes = {path.stat().st_ino for path in w.folder("list").files()}
    w.sync(w.remote())
    if {path.stat().st_ino for path in w.folder("list").files()} != inodes:
        raise AssertionError("the messages were fetched again")


@scenario("a lost database")
def lost_database(w):
    w.begin()
    shutil.rmtree(w.account.state)
    w.account.state.mkdir(mode=0o700)
    before = w.numbers(), w.tree.stamp().keys()
    w.sync(w.remote())
    if (w.numbers(), w.tree.stamp().keys()) != before:
        raise AssertionError("messages travelled that both sides have")


@scenario("a Maildir restored from a copy")
def restored_maildir(w):
    w.begin()
    copy = w.account.directory / "copy"
    shutil.copytree(w.account.maildir, copy, copy_function=shutil.copy2)
    for n in range(3):
        w.session.append("list", w.message(f"later{n}"))
    w.session.store(w.uids("INBOX")[0], "+", ["\\Flagged"])
    w.run()
    expected = {mailbox: [row.digest for row in rows] for mailbox, rows in w.remote().items()}
    shutil.rmtree(w.account.maildir)
    os.rename(copy, w.account.maildir)
    w.sync()
    if {mailbox: [row.digest for row in rows] for mailbox, rows in w.remote().items()} != expected:
        raise AssertionError("a copy of the Maildir took away, or doubled, what is on the server")


@scenario("a daemon that watches")
def watching(w):
    w.begin()
    w.account.write_config("[daemon]\npoll-interval = 1s\n")
    with w.account.daemon() as daemon:
        daemon.wait_in_sync()
        w.counted(lambda: changes_arrive(w))
        daemon.wait_in_sync()


def changes_arrive(w):
    """One after the other, each way, in INBOX and elsewhere."""
    for mailbox in ("INBOX", "list"):
        name, folder = mailbox, w.folder(mailbox)
        count = len(folder.files())
        w.session.append(name, w.message(f"{mailbox} pushed"))
        wait_until(lambda: len(folder.files()) == count + 1, f"mail arrives in the Maildir's {name}", deadline=60)
        uid = w.uids(mailbox)[0]
        w.session.store(uid, "+", ["\\Flagged", "\\Draft"])
        wait_until(lambda: any({"\\Flagged", "\\Draft"} <= folder.flags(path) for path in folder.files()),
                   f"flags arrive in the Maildir's {name}", deadline=60)
        folder.deliver(w.message(f"{mailbox} delivered"), f"1700.{mailbox}.watch", "S")
        wait_until(lambda: len(w.uids(mailbox)) == count + 2, f"mail arrives in the server's {name}", deadline=60)
        folder.files()[-1].unlink()
        wait_until(lambda: len(w.uids(mailbox)) == count + 1, f"a deletion arrives in the server's {name}",
                   deadline=60)


def user_of(title):
    """The user that plays a scenario."""
    return re.sub(r"\W+", "-", title).lower()


def play(title, directory, profile, server, user):
    """One scenario: the world after it, and what is not in sync (None: nothing)."""
    with World(directory, profile, server, user) as w:
        try:
            SCENARIOS[title](w)
            w.settled()
        except (AssertionError, imap.ImapError, OSError) as problem:
            kind = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
            return w, kind + str(problem)
        return w, None
