"""What must come out the same on every server and every local side: each scenario has a user, an account and a
state of its own.

A scenario changes something by the hand of another client or of another mail program, runs imapsyncd, and
says what both sides must hold. World.settled() then compares them and sees that a further run does nothing.
"""

import random
import re
import shutil
import time

from rig import change, compare, imap, populate, profiles, proxy, sides, wait_until
from rig.account import Account
from rig.harm import Harm

SCENARIOS = {}
CHANGES = 200


class Skipped(Exception):
    """There is no such thing on this side: why."""


def scenario(title):
    def enter(function):
        SCENARIOS[title] = function
        return function

    return enter


def both_ways(title):
    """Two scenarios: it happens on the server, or locally; the function gets that side and the other."""
    def enter(function):
        SCENARIOS[f"{title} on the server"] = lambda w: function(w, w.remote, w.local)
        SCENARIOS[f"{title} locally"] = lambda w: function(w, w.local, w.remote)
        return function

    return enter


class World:
    """One user of a server, one account, and a counted wire between them.

    local: what the local side is, see rig.local; it was started
    """

    def __init__(self, directory, profile, server, user, local):
        self.profile = profile
        self.user = user
        self.rng = random.Random(user)
        self.wire = proxy.Proxy(server.host, server.imap_port)
        self.account = Account(directory, None, user=user, settings={
            "host": self.wire.host, "port": self.wire.port, "tls": "none"})
        self.remote = sides.ImapSide(server.session(user))
        self.session = self.remote.session
        local.configure(self.account, user)
        self.local = local.side(self.account, user)
        self.bytes_in = self.bytes_out = self.round_trips = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remote.close()
        self.local.close()
        self.wire.__exit__()

    # Running

    begun = 0.0  # when the mailboxes were made

    def begin(self, mailboxes=("INBOX", "list", "Sent"), messages=12):
        """Mail on the server, and a first sync."""
        populate.fill(self.session, mailboxes, messages)
        self.begun = time.time()
        filled = self.remote.content()
        self.run()
        self.equal(self.remote.content(), filled, self.remote, "filled")
        self.equal(self.local.content(), filled, self.local, "filled")

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
            for side in (self.remote, self.local):
                self.equal(side.content(), expected, side, "expected")

    @staticmethod
    def equal(one, other, side, other_name):
        if found := compare.differences(one, other, side.name, other_name):
            raise Harm(sentences(found))

    def settled(self):
        """Both sides hold the same, nothing is doubled, and a further run changes nothing on either."""
        self.equal(self.remote.content(), self.local.content(), self.remote, self.local.name)
        if found := self.remote.doubled() + self.local.doubled():
            raise Harm(sentences(found))
        if not self.local.is_maildir:
            self.subscribed_on_both()
        before = self.remote.stamp(), self.local.stamp()
        self.run()
        after = self.remote.stamp(), self.local.stamp()
        for side, one, two in zip((self.remote, self.local), before, after):
            changed = sorted(str(key) for key in one.keys() | two.keys() if one.get(key) != two.get(key))
            if changed:
                raise AssertionError(f"a second run changes the {side.name}: {', '.join(changed[:3])}")
        if found := profiles.not_offered(self.profile, bytes(self.wire.said)):
            raise AssertionError(f"said what the server does not offer: {'; '.join(found[:3])}")

    def subscribed_on_both(self):
        names = {side: side.subscribed() for side in (self.remote, self.local)}
        for side, other in ((self.remote, self.local), (self.local, self.remote)):
            if odd := sorted(names[side] - names[other]):
                raise AssertionError(f"subscribed on the {side.name} only: {', '.join(odd[:3])}")

    # What a scenario does

    def message(self, label, size=None):
        return populate.message(self.rng, label, size)

    def held(self, mailbox, is_through):
        """The daemon holds what was deleted, until a person confirms it."""
        with self.account.daemon() as daemon:
            daemon.wait_ready()
            self.account.ctl("sync", "--wait")
            wait_until(lambda: mailbox in str(self.account.ctl_json("held")), "the deletion is held", deadline=10, interval=0.1)
            if is_through():
                raise AssertionError("a deletion was not held back")
            result = self.account.ctl("confirm", self.account.name, mailbox)
            if result.status != 0:
                raise AssertionError(f"confirm: {result}")
            wait_until(is_through, "the deletion goes through", interval=0.1)
            daemon.wait_in_sync()


def sentences(found):
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more


@scenario("first sync")
def first_sync(w):
    names = ["INBOX"]
    for name in populate.ODD_NAMES:
        try:
            w.remote.create(name)
            names.append(name)
        except imap.ImapError:
            pass  # this server has no such names
    if len(names) < 12:
        raise AssertionError(f"the server takes only {len(names)} names")
    populate.fill(w.session, names, 4)
    w.sync(w.remote.content())


@scenario("nothing to do")
def nothing_to_do(w):
    w.begin()
    w.sync(w.remote.content())


@both_ways("new mail")
def new_mail(w, side, _):
    w.begin()
    for mailbox in ("INBOX", "list"):
        for n, flags in enumerate((None, {"\\Seen"}, {"\\Flagged", "\\Answered", "\\Seen"})):
            side.deliver(mailbox, w.message(f"new{n}"), flags, "17-Jul-2013 02:44:25 -0700" if n else None)
    w.sync(side.content())


@both_ways("flags")
def flags_change(w, side, _):
    w.begin()
    for (handle, flags), flag in zip(side.flags("list").items(),
                                     ("\\flagged", "\\seen", "\\answered", "\\draft", "$forwarded")):
        side.flag("list", handle, *([], [flag]) if flag in flags else ([flag], []))
    w.sync(side.content())


@both_ways("keywords")
def keywords_change(w, side, _):
    w.begin()
    first, second, *_ = side.messages("list")
    side.flag("list", first, ["invoices", "$label1"])
    side.flag("list", second, [], populate.KEYWORDS)
    w.sync(side.content())


@both_ways("deletions")
def deletions(w, side, _):
    w.begin()
    for mailbox in ("INBOX", "list"):
        side.remove(mailbox, side.messages(mailbox)[::4])
    w.sync(side.content())


@scenario("both change the same message")
def same_message(w):
    w.begin()
    local = {row.digest: w.local.handle("list", row) for row in w.local.content()["list"]}
    expected = w.remote.content()
    for n, row in enumerate(expected["list"][:6]):
        uid, handle = w.remote.handle("list", row), local[row.digest]
        rest = [r for r in expected["list"] if r.digest != row.digest]
        if n < 3:  # another flag on each side: both stay
            rest.append(row._replace(flags=row.flags ^ {"\\answered", "\\flagged"}))
            toggle(w.remote, uid, row.flags, "\\answered")
            toggle(w.local, handle, row.flags, "\\flagged")
        elif n == 3:  # the same on both
            w.remote.flag("list", uid, ["\\Flagged"])
            w.local.flag("list", handle, ["\\Flagged"])
            rest.append(row._replace(flags=row.flags | {"\\flagged"}))
        elif n == 4:  # gone on one side, a flag on the other
            w.remote.flag("list", uid, ["\\Seen"])
            w.local.remove("list", [handle])
        else:
            w.remote.remove("list", [uid])
            w.local.remove("list", [handle])
        expected["list"] = rest
    w.sync(expected)


def toggle(side, handle, flags, flag):
    side.flag("list", handle, {flag} - flags, {flag} & flags)


@scenario("many random changes")
def random_changes(w):
    w.begin(("INBOX", "list", "Sent", "a", "made"), 40)
    changes = change.Changes(w.rng, w.remote, w.local, "UIDPLUS" in (w.profile.capability or "UIDPLUS"),
                             w.session.adds_line_end)
    changes.apply(CHANGES)
    w.sync(changes.expected())


@both_ways("a mailbox made")
def made(w, side, _):
    w.begin()
    side.create("made")  # some servers make it if we do not
    side.create("made/of two words")
    side.create("made/empty")
    side.deliver("made/of two words", w.message("made"), {"\\Seen"})
    w.sync(side.content())


@both_ways("a mailbox renamed")
def renamed(w, side, other):
    w.begin(("INBOX", "list", "old"))
    kept, size = w.local.identities("list"), body_bytes(w)
    side.rename("list", "old/list")
    w.sync(side.content())
    if other is w.local and w.local.identities("old/list") != kept:
        raise AssertionError("the messages were fetched again")
    if w.bytes_out > size / 4:
        raise AssertionError("the messages were uploaded again")


def body_bytes(w):
    """Of the messages in list."""
    w.session.select("list", examine=True)
    return sum(int(row[b"RFC822.SIZE"]) for row in w.session.fetch("1:*", "RFC822.SIZE").values())


@both_ways("a mailbox deleted")
def deleted(w, side, other):
    w.begin()
    side.delete("list")
    w.sync(status=1)
    w.held("list", lambda: "list" not in other.mailboxes())
    if "list" in side.mailboxes():
        raise AssertionError(f"the mailbox was made again: {side.name}")


@both_ways("most messages deleted")
def emptied(w, side, other):
    w.begin(messages=30)
    side.remove("list", side.messages("list")[:25])
    w.sync(status=1)
    w.held("list", lambda: len(other.messages("list")) == 5)


@both_ways("messages moved")
def moved(w, side, _):
    w.begin()
    side.move("list", side.movable("list")[:4], "Sent")
    w.sync(side.content())


@both_ways("another UIDVALIDITY")
def uidvalidity(w, side, other):
    """The mailbox is deleted, and another one with the same messages takes its name."""
    if side.is_maildir:
        raise Skipped("a Maildir has no UIDVALIDITY")
    w.begin()
    # Some servers number by the second.
    wait_until(lambda: time.time() > w.begun + 1, "the next second")
    side.renumber("list")
    kept = other.identities("list")
    w.sync(side.content())
    if other.identities("list") != kept:
        raise AssertionError("messages travelled that both sides have")


@scenario("a lost database")
def lost_database(w):
    w.begin()
    shutil.rmtree(w.account.state)
    w.account.state.mkdir(mode=0o700)
    before = [side.identities(mailbox) for side in (w.remote, w.local) for mailbox in ("INBOX", "list", "Sent")]
    w.sync(w.remote.content())
    if [side.identities(mailbox) for side in (w.remote, w.local) for mailbox in ("INBOX", "list", "Sent")] != before:
        raise AssertionError("messages travelled that both sides have")


@scenario("the local side restored from a copy")
def restored(w):
    w.begin()
    w.local.save(w.account.directory / "copy")
    for n in range(3):
        w.remote.deliver("list", w.message(f"later{n}"))
    w.remote.flag("INBOX", w.remote.messages("INBOX")[0], ["\\Flagged"])
    w.run()
    expected = compare.counts(w.remote.content())
    w.local.restore(w.account.directory / "copy")
    w.sync()
    if compare.counts(w.remote.content()) != expected:
        raise AssertionError("a copy of the local side took away, or doubled, what is on the server")


@scenario("subscriptions")
def subscriptions(w):
    """Not every server tells when they change: they come with the next look at all mailboxes."""
    w.begin()
    w.remote.subscribe("INBOX")
    w.local.subscribe("INBOX")
    with w.account.daemon() as daemon:
        daemon.wait_in_sync()
        for side, other, mailbox in ((w.remote, w.local, "list"), (w.local, w.remote, "Sent")):
            for is_wanted in (True, False):
                side.subscribe(mailbox, is_wanted)
                w.counted(daemon.wait_in_sync)
                wait_until(lambda: (mailbox in other.subscribed()) == is_wanted,
                           f"{mailbox} is {'' if is_wanted else 'not '}subscribed: {other.name}", interval=0.1)


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
    for side, other in ((w.remote, w.local), (w.local, w.remote)):
        for mailbox in ("INBOX", "list"):
            arrives(w, side, other, mailbox)


def arrives(w, side, other, mailbox):
    where = f"{other.name}: {mailbox}"
    keyword = f"from-{side.name.split()[-1].lower()}"
    count = len(other.messages(mailbox)) + 1
    side.deliver(mailbox, w.message(f"{mailbox} pushed"), {"\\Seen"})
    wait_until(lambda: len(other.messages(mailbox)) == count, f"mail arrives: {where}", deadline=60)
    side.flag(mailbox, side.messages(mailbox)[0], ["\\Draft", keyword])
    if not side.tells_flags():  # flags alone may take until flag-scan
        side.deliver(mailbox, w.message(f"{mailbox} pushed behind"))
        count += 1
    wait_until(lambda: any({"\\draft", keyword} <= flags for flags in other.flags(mailbox).values()),
               f"flags arrive: {where}", deadline=60)
    wait_until(lambda: len(other.messages(mailbox)) == count, f"mail arrives behind: {where}", deadline=60)
    side.remove(mailbox, side.messages(mailbox)[-1:])
    wait_until(lambda: len(other.messages(mailbox)) == count - 1, f"a deletion arrives: {where}", deadline=60)


def user_of(title):
    """The user that plays a scenario."""
    return re.sub(r"\W+", "-", title).lower()


def play(title, directory, profile, server, user, local):
    """One scenario: the world after it, and what is not in sync (None: nothing), or a Skipped."""
    with World(directory, profile, server, user, local) as w:
        try:
            SCENARIOS[title](w)
            w.settled()
        except Skipped as reason:
            return w, reason
        except (AssertionError, imap.ImapError, OSError) as problem:
            kind = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
            return w, kind + str(problem)
        return w, None
