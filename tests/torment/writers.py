"""Two that write at the same time, a client of the server and a program in the Maildir, and what must come of it.

What both do must not depend on who was first. So until all is quiet each message has a role: it stays
where it is, and each of its flags is changed by one side alone; or it may be moved or removed, and then
one side does whatever is done to it. A mailbox that is renamed or deleted is left alone but for that.
"""

import os
import random

from rig import compare, populate, wait_until

FLAGS = ["\\seen", "\\answered", "\\flagged", "\\draft", "$forwarded"]
KEYWORDS = ["work", "later"]
NEW = [None, set(), {"\\seen"}, {"\\flagged", "\\seen"}, {"\\answered", "\\seen"}, {"\\draft"}]
SIDES = ("remote", "local")


class Message:
    """Where it is, its flags, and who may do what to it until all is quiet."""

    def __init__(self, mailbox, flags):
        self.mailbox = mailbox
        self.flags = set(flags)
        self.mover = None  # the side that may move, remove and flag it; None: it stays
        self.owners = {}  # flag: the side that changes it
        self.is_gone = False
        self.is_moved = False


class Model:
    """{digest: Message} and the mailboxes. Each message is there once."""

    def __init__(self, content):
        self.mailboxes = set(content)
        self.messages = {row.digest: Message(mailbox, row.flags) for mailbox, rows in content.items() for row in rows}

    def content(self):
        content = {mailbox: [] for mailbox in self.mailboxes}
        for digest, known in self.messages.items():
            content[known.mailbox].append(compare.Message(digest, frozenset(known.flags), digest[:12], "model"))
        return content

    def give_roles(self, rng):
        for digest in sorted(self.messages):
            known = self.messages[digest]
            known.mover = rng.choice([*SIDES, None, None])
            known.owners = {flag: rng.choice(SIDES) for flag in FLAGS + KEYWORDS}
            known.is_moved = False

    def settle(self, hands):
        """What the hands have done is how it is."""
        self.messages = {digest: known for digest, known in self.messages.items() if not known.is_gone}
        for hand in hands:
            self.messages |= hand.delivered

    def change_mailbox(self, rng, hands, name):
        """One of them is made, renamed or deleted. Returns one that is to be left alone from now on, or None."""
        hand = rng.choice(hands)
        full = sorted({known.mailbox for known in self.messages.values()} - {"INBOX"})
        kind = rng.choice(["make", "rename", "rename", "delete"] if full else ["make"])
        if kind == "make":
            hand.side.create(name)
            self.mailboxes.add(name)
            return name
        old = rng.choice(full)  # nobody could tell which of two empty ones was renamed
        self.mailboxes.remove(old)
        if kind == "delete":
            hand.side.delete(old)
            self.messages = {d: known for d, known in self.messages.items() if known.mailbox != old}
            return None
        hand.side.rename(old, name)
        self.mailboxes.add(name)
        for known in self.messages.values():
            if known.mailbox == old:
                known.mailbox = name
        return name


class Hand:
    """One of the two. what: "remote" or "local"; still: a mailbox that is to be left alone."""

    def __init__(self, what, side, model, content, seed):
        self.what = what
        self.side = side
        self.model = model
        self.rng = random.Random(f"{seed} {what}")
        self.label = f"{what[0]}{seed}"
        self.delivered = {}
        self.places = {row.digest: self._place(row) for rows in content.values() for row in rows}
        self.still = None
        self.done = 0

    def act(self, count):
        kinds = [self.flag] * 6 + [self.deliver] * 3 + [self.remove, self.move, self.move, self.look]
        for _ in range(count):
            self.rng.choice(kinds)()
            self.done += 1

    def _mailboxes(self):
        """Those that both sides had when all was quiet."""
        return sorted(self.model.mailboxes - {self.still})

    def _mine(self, goes):
        """A message that this hand may do something to, or None."""
        mine = [digest for digest in sorted(self.places) if self._is_mine(digest, goes)]
        return self.rng.choice(mine) if mine else None

    def _is_mine(self, digest, goes):
        known = self.model.messages.get(digest)
        if not known or known.mailbox == self.still or known.is_gone or known.is_moved:
            return False
        return known.mover == self.what if goes else known.mover in (self.what, None)

    def flag(self):
        digest = self._mine(False)
        if not digest:
            return
        known = self.model.messages[digest]
        mine = [flag for flag in FLAGS + KEYWORDS if known.mover == self.what or known.owners[flag] == self.what]
        flag = self.rng.choice(mine) if mine else None
        if flag and self._set(digest, known, flag, flag not in known.flags):
            known.flags ^= {flag}

    def deliver(self):
        data = populate.message(self.rng, f"{self.label}n{len(self.delivered)}")
        flags, mailbox = self.rng.choice(NEW), self.rng.choice(self._mailboxes())
        self.side.deliver(mailbox, data, flags)
        self.delivered[compare.message(data, (), "").digest] = Message(mailbox, flags or ())

    def remove(self):
        if digest := self._mine(True):
            known = self.model.messages[digest]
            self._remove(digest, known)
            known.is_gone = True

    def move(self):
        digest, target = self._mine(True), self.rng.choice(self._mailboxes())
        if not digest:
            return
        known = self.model.messages[digest]
        if target != known.mailbox and self._move(digest, known, target):
            known.mailbox, known.is_moved = target, True

    def look(self):
        """Nothing that the other side need know of."""


class Client(Hand):
    """Another client of the server. A place is a UID."""

    def _place(self, row):
        return int(row.where.removeprefix("UID "))

    def _set(self, digest, known, flag, is_on):
        self.side.flag(known.mailbox, self.places[digest], *(([flag], []) if is_on else ([], [flag])))
        return True

    def _remove(self, digest, known):
        self.side.remove(known.mailbox, [self.places[digest]])

    def _move(self, digest, known, target):
        self.side.move(known.mailbox, [self.places[digest]], target)
        return True

    def look(self):
        self.side.messages(self.rng.choice(self._mailboxes()))


class Program(Hand):
    """A program in the Maildir. A place is what a file is called up to its flags, which others change."""

    def _place(self, row):
        return row.where.partition("/")[2].partition(":2,")[0]

    def _rename(self, digest, known, name_of):
        """name_of(folder, path): what the file is to be called; None: it is not to be renamed. Whoever renames
        it meanwhile is followed."""
        folder = self.side.tree.folder(known.mailbox)
        base = self.places[digest]

        def attempt():
            for path in folder.files():
                if path.name.partition(":2,")[0] != base:
                    continue
                target = name_of(folder, path)
                if not target:
                    return "left"
                try:
                    os.rename(path, target)
                except FileNotFoundError:
                    return None
                return "renamed"
            return None

        return wait_until(attempt, f"{base} is in {known.mailbox}", 20) == "renamed"

    def _set(self, digest, known, flag, is_on):
        def name_of(folder, path):
            letter = _letter(folder, flag)
            letters = set(path.name.partition(":2,")[2])
            letters = (letters | {letter}) if is_on else (letters - {letter})
            return letter and folder.path / "cur" / f"{self.places[digest]}:2,{''.join(sorted(letters))}"

        return self._rename(digest, known, name_of)

    def _remove(self, digest, known):
        """By way of tmp/, so that nothing else is removed in its stead."""
        gone = self.side.tree.folder(known.mailbox).path / "tmp" / "removed"
        self._rename(digest, known, lambda _folder, _path: gone)
        gone.unlink()

    def _move(self, digest, known, target):
        """A letter of a keyword means something else in another folder."""
        there = self.side.tree.folder(target).path / "cur"

        def name_of(_folder, path):
            info = path.name.partition(":2,")[2]
            return None if info.upper() != info else there / f"{self.places[digest]}:2,{info}"

        return self._rename(digest, known, name_of)

    def look(self):
        """Who opens a folder moves what is new in it to cur/."""
        def name_of(folder, path):
            return None if path.parent.name == "cur" else folder.path / "cur" / f"{path.name}:2,"

        if digest := self._mine(False):
            self._rename(digest, self.model.messages[digest], name_of)


def _letter(folder, flag):
    """None: the folder has none for this keyword."""
    letters = {"\\draft": "D", "\\flagged": "F", "$forwarded": "P", "\\answered": "R", "\\seen": "S"}
    return letters.get(flag) or next((a for a, name in folder.keywords().items() if name.lower() == flag), None)
