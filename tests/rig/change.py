"""Random changes on both sides at once, and the only outcome that is right."""

import collections

from rig import compare, populate

SYSTEM = ["\\seen", "\\answered", "\\flagged", "\\draft", "$forwarded"]
# Flags of new messages; None: those of one that nobody has seen.
NEW = [None, set(), {"\\seen"}, {"\\flagged", "\\seen"}, {"\\answered", "\\seen"}, {"\\draft"}]
# A share of a mailbox that the brake would not hold back.
MAX_REMOVED = 15


class Changes:
    """Knows every message of two equal sides, changes one or the other, and keeps what must be after
    the next run. Flags may change on both sides of one message; a deletion beats a flag."""

    def __init__(self, rng, remote, local, has_uidplus=True, adds_line_end=False):
        self.rng = rng
        self.adds_line_end = adds_line_end  # a side does so to a message that ends without one
        self.has_uidplus = has_uidplus  # without it a move there is a deletion and a new message
        self.remote = remote
        self.local = local
        content = {side: side.content() for side in (remote, local)}
        if found := compare.differences(*content.values()):
            raise AssertionError("not equal before the changes:\n" + "\n".join(found[:20]))
        self.mailboxes = sorted(content[remote])
        self.there = {side: set(mailboxes) for side, mailboxes in content.items()}
        self.model = {(mailbox, row.digest): set(row.flags)
                      for mailbox, rows in content[remote].items() for row in rows}
        self.handles = {side: {(mailbox, row.digest): side.handle(mailbox, row)
                               for mailbox, rows in mailboxes.items() for row in rows}
                        for side, mailboxes in content.items()}
        self.untouched = list(self.model)  # each message is removed or moved once at most
        rng.shuffle(self.untouched)
        self.removed = collections.Counter()
        self.flagged = set()  # the other side does not know of a change: it cannot take it back
        self.count = rng.randrange(1_000_000) * 1000  # names of one are not those of another

    def apply(self, count, removals=True):
        """So many changes, on one side or the other. Without UIDPLUS nothing can be removed safely."""
        kinds = [self.flag] * 5 + [self.deliver] * 3 + [self.create]
        if removals:
            kinds += [self.remove] * 2 + [self.move]
        kinds = [(kind, side) for kind in kinds for side in (self.remote, self.local)]
        if removals:
            kinds += [(self.flag_and_delete, side) for side in (self.remote, self.local)]
        for _ in range(count):
            self.count += 1
            kind, side = self.rng.choice(kinds)
            kind(side)

    def expected(self):
        """What both sides must hold, in the form of content()."""
        content = {mailbox: [] for mailbox in self.mailboxes}
        for (mailbox, digest), flags in self.model.items():
            content[mailbox].append(compare.Message(digest, frozenset(flags), digest[:12], "expected"))
        return content

    # Choosing

    def _fresh_flag(self):
        """A flag of a message that neither side has changed yet."""
        while True:
            key = self.rng.choice(self.untouched)
            flag = self.rng.choice([*SYSTEM, "work", "later"])
            if (key, flag) not in self.flagged:
                self.flagged.add((key, flag))
                return key, flag

    def _take(self, as_it_was=False):
        """A message that will go from where it is. as_it_was: none whose flags have changed."""
        flagged = {key for key, _ in self.flagged} if as_it_was else set()
        for key in reversed(self.untouched):
            if self.removed[key[0]] < MAX_REMOVED and key not in flagged:
                self.untouched.remove(key)
                self.removed[key[0]] += 1
                return key
        raise AssertionError("too few messages for so many changes")

    def _mailbox(self, side):
        """Some mailbox; one that was made on the other side a moment ago is made here too."""
        mailbox = self.rng.choice(self.mailboxes)
        if mailbox not in self.there[side]:
            side.create(mailbox)
            self.there[side].add(mailbox)
        return mailbox

    def _deliver(self, side, mailbox, flags):
        data = populate.message(self.rng, f"change{self.count}")
        if self.adds_line_end and not data.endswith(b"\n"):
            data += b"\r\n"
        self.model[mailbox, compare.message(data, (), "").digest] = set(flags or ())
        side.deliver(mailbox, data, flags)

    def _flag(self, side, key, flag, is_on):
        change = ([flag], []) if is_on else ([], [flag])
        self.handles[side][key] = side.flag(key[0], self.handles[side][key], *change)

    def _remove(self, side, key):
        side.remove(key[0], [self.handles[side][key]])

    # The changes

    def flag(self, side):
        key, flag = self._fresh_flag()
        self.model[key] ^= {flag}
        self._flag(side, key, flag, flag in self.model[key])

    def deliver(self, side):
        self._deliver(side, self._mailbox(side), self.rng.choice(NEW))

    def remove(self, side):
        key = self._take()
        del self.model[key]
        self._remove(side, key)

    def move(self, side):
        """A change of its flags on the other side is kept if the program can see that it was moved."""
        key, target = self._take(as_it_was=not self.has_uidplus), self._mailbox(side)
        handle = self.handles[side][key]
        if target == key[0] or handle not in side.movable(key[0]):
            return
        self.model[target, key[1]] = self.model.pop(key)
        side.move(key[0], [handle], target)

    def create(self, side):
        mailbox = f"made/{'remotely' if side is self.remote else 'locally'} {self.count}"
        side.create(mailbox)
        self.there[side].add(mailbox)
        self.mailboxes.append(mailbox)
        self._deliver(side, mailbox, self.rng.choice(NEW))

    def flag_and_delete(self, side):
        """A flag on one side and a deletion on the other: the deletion wins."""
        key = self._take()
        del self.model[key]
        self._flag(side, key, "\\flagged", self.rng.random() < 0.5)
        self._remove(self.local if side is self.remote else self.remote, key)
