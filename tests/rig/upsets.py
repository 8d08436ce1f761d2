"""What has happened on both sides before the program is killed or fails: a function on a points.World each."""

import random

from rig import change, imap, populate

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


def download_many(w):
    """So many that the newest come first: with one of ours, all are listed before any is fetched."""
    w.local.deliver("list", populate.message(w.rng, "up"))
    for n in range(230):
        w.remote.deliver("list", populate.message(w.rng, f"down{n}"), {"\\Seen"} if n % 2 else set())


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


def nameless(w):
    """Messages that nothing but their bytes tells apart: no Message-ID, one size, one date."""
    date = populate.date(random.Random(1))
    for n in range(9):
        data = b"Subject: one of many\r\n\r\n" + b"%d" % n * 500 + b"\r\n"
        if n < 6:
            w.local.deliver("list", data, {"\\Seen"}, date)
        if n > 3:
            w.remote.deliver("list", data, {"\\Seen"}, date)


def create_remote(w):
    w.remote.create("made there")
    w.remote.deliver("made there", populate.message(w.rng, "made"))


def create_local(w):
    w.local.create("made here")
    w.local.deliver("made here", populate.message(w.rng, "made"))


def lost_database(w):
    """The state database is gone: everything is paired anew."""
    w.forget()


def pairing(w):
    """Two full sides that were never synchronised, and each has what the other has not."""
    w.forget()
    upload(w)
    download(w)
    same_on_both(w)


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
    w.run()
    w.local.restore(copy)


# What looks like an accident

def brake_local(w):
    """Nearly all of a folder is away, and comes back before anybody confirms."""
    w.set_brake()
    away = w.account.directory / "away"
    away.mkdir()
    paths = w.local.messages("list")[:22]
    for path in paths:
        path.rename(away / path.name)

    def undo(w):
        for path in paths:
            (away / path.name).rename(path)

    w.in_the_end = undo
    w.put_back = ["list"]
    upload(w)


def brake_remote(w):
    """Nearly all of a mailbox is expunged on the server, and a person confirms."""
    w.set_brake()
    w.remote.remove("list", w.remote.messages("list")[:22])
    w.in_the_end = lambda w: w.confirm("list")
    w.local.deliver("INBOX", populate.message(w.rng, "meanwhile"), {"\\Seen"})


# Those that begin without a base, and where: what either side has is there in the end.
WITHOUT_BASE = {first_sync: BOXES, lost_database: BOXES, pairing: BOXES, uidvalidity: ["INBOX", "list"]}

SCENARIOS = [
    first_sync, upload, download, flags_remote, flags_local, flags_both, expunge_remote, remove_local,
    delete_and_flag, move_remote, move_local, same_on_both, nameless, create_remote, create_local, lost_database,
    pairing, random_changes, move_remote_many, move_local_many, move_crosswise, move_remote_to_new,
    move_local_to_new, rename_remote, rename_local, delete_remote, delete_local, uidvalidity,
    older_local, brake_local, brake_remote,
]
