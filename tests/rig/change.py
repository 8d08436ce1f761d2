"""Random changes on both sides at once, and the only outcome that is right."""

import collections

from rig import compare, populate

SYSTEM = ["\\seen", "\\answered", "\\flagged", "\\draft", "$forwarded"]
# A share of a mailbox that the brake would not hold back.
MAX_REMOVED = 15


class Changes:
    """Knows every message of two equal sides, changes one or the other, and keeps what must be after
    the next run. Flags may change on both sides of one message; a deletion beats a flag."""

    def __init__(self, rng, session, tree):
        self.rng = rng
        self.session = session
        self.tree = tree
        remote, local = compare.remote(session), compare.local(tree)
        if found := compare.differences(remote, local):
            raise AssertionError("not equal before the changes:\n" + "\n".join(found[:20]))
        self.mailboxes = sorted(remote)
        self.remote_mailboxes = set(remote)
        self.model = {}
        self.uids = {}
        self.paths = {}
        for mailbox in self.mailboxes:
            for row in remote[mailbox]:
                self.model[mailbox, row.digest] = set(row.flags)
                self.uids[mailbox, row.digest] = int(row.where.removeprefix("UID "))
            for row in local[mailbox]:
                self.paths[mailbox, row.digest] = tree.folder(mailbox).path / row.where
        self.untouched = list(self.model)  # each message is removed or moved once at most
        rng.shuffle(self.untouched)
        self.removed = collections.Counter()
        self.flagged = set()  # the other side does not know of a change: it cannot take it back
        self.count = rng.randrange(1_000_000) * 1000  # names of one are not those of another

    def apply(self, count, removals=True):
        """So many changes, on one side or the other. Without UIDPLUS nothing can be removed safely."""
        kinds = [self.flag_remote] * 5 + [self.flag_local] * 5
        kinds += [self.append_remote, self.deliver_local] * 3
        kinds += [self.create_remote, self.create_local]
        if removals:
            kinds += [self.expunge_remote, self.unlink_local] * 2
            kinds += [self.move_remote, self.move_local, self.flag_and_delete]
        for _ in range(count):
            self.count += 1
            self.rng.choice(kinds)()

    def expected(self):
        """What both sides must hold, in the form of compare.remote() and compare.local()."""
        side = {mailbox: [] for mailbox in self.mailboxes}
        for (mailbox, digest), flags in self.model.items():
            side[mailbox].append(compare.Message(digest, frozenset(flags), digest[:12], "expected"))
        return side

    # Choosing

    def _fresh_flag(self, flags):
        """A flag of a message that neither side has changed yet."""
        while True:
            key = self.rng.choice(self.untouched)
            flag = self.rng.choice(flags(key))
            if (key, flag) not in self.flagged:
                self.flagged.add((key, flag))
                return key, flag

    def _known(self, mailbox):
        return [name.lower() for name in self.tree.folder(mailbox).keywords().values()]

    def _take(self, as_it_was=False):
        """A message that will go from where it is. as_it_was: none whose flags have changed."""
        flagged = {key for key, _ in self.flagged} if as_it_was else set()
        for key in reversed(self.untouched):
            if self.removed[key[0]] < MAX_REMOVED and key not in flagged:
                self.untouched.remove(key)
                self.removed[key[0]] += 1
                return key
        raise AssertionError("too few messages for so many changes")

    def _new_message(self, mailbox, flags):
        data = populate.message(self.rng, f"change{self.count}")
        self.model[mailbox, compare.message(data, (), "").digest] = flags
        return data

    def _toggle(self, key, flag):
        self.model[key] ^= {flag}
        return flag in self.model[key]

    # The remote side

    def _remote_mailbox(self):
        """Some mailbox; one that was made locally a moment ago is made here too."""
        mailbox = self.rng.choice(self.mailboxes)
        if mailbox not in self.remote_mailboxes:
            self.session.create(mailbox)
            self.remote_mailboxes.add(mailbox)
        return mailbox

    def _flag_remote(self, key, flag, on):
        self.session.select(key[0])
        self.session.store(self.uids[key], "+" if on else "-", [flag])

    def flag_remote(self):
        key, flag = self._fresh_flag(lambda key: [*SYSTEM, "work", "later"])
        self._flag_remote(key, flag, self._toggle(key, flag))

    def append_remote(self):
        mailbox = self._remote_mailbox()
        flags = {flag for flag in SYSTEM if self.rng.random() < 0.2}
        self.session.append(mailbox, self._new_message(mailbox, flags), sorted(flags))

    def expunge_remote(self):
        key = self._take()
        del self.model[key]
        self.session.select(key[0])
        self.session.expunge(self.uids[key])

    def move_remote(self):
        key, target = self._take(True), self._remote_mailbox()
        if target == key[0]:
            return
        self.model[target, key[1]] = self.model.pop(key)
        self.session.select(key[0])
        self.session.move(self.uids[key], target)

    def create_remote(self):
        mailbox = f"made/remotely {self.count}"
        self.session.create(mailbox)
        self.remote_mailboxes.add(mailbox)
        self.mailboxes.append(mailbox)
        self.session.append(mailbox, self._new_message(mailbox, {"\\seen"}), ["\\Seen"])

    # The local side

    def _flag_local(self, key, flag, on):
        folder = self.tree.folder(key[0])
        flags = {f.lower() for f in folder.flags(self.paths[key])}
        flags = flags | {flag} if on else flags - {flag}
        self.paths[key] = folder.set_flags(self.paths[key], flags)

    def flag_local(self):
        key, flag = self._fresh_flag(lambda key: [*SYSTEM, *self._known(key[0])])
        self._flag_local(key, flag, self._toggle(key, flag))

    def deliver_local(self):
        mailbox = self.rng.choice(self.mailboxes)
        folder = self.tree.folder(mailbox).create()
        letters = self.rng.choice([None, "", "S", "FS", "RS", "D"])
        flags = {{"S": "\\seen", "F": "\\flagged", "R": "\\answered", "D": "\\draft"}[x] for x in letters or ""}
        folder.deliver(self._new_message(mailbox, flags), f"17{self.count}.change.host", letters)

    def unlink_local(self):
        key = self._take()
        del self.model[key]
        self.paths[key].unlink()

    def move_local(self):
        key, target = self._take(True), self.rng.choice(self.mailboxes)
        # A letter means something else in another folder.
        path = self.paths[key]
        if target == key[0] or any(c.islower() for c in path.name.partition(":2,")[2]):
            return
        self.model[target, key[1]] = self.model.pop(key)
        path.rename(self.tree.folder(target).create().path / "cur" / path.name)

    def create_local(self):
        mailbox = f"made/locally {self.count}"
        self.mailboxes.append(mailbox)
        folder = self.tree.folder(mailbox).create()
        folder.deliver(self._new_message(mailbox, set()), f"17{self.count}.create.host")

    # Both

    def flag_and_delete(self):
        """A flag on one side and a deletion on the other: the deletion wins."""
        key = self._take()
        del self.model[key]
        if self.rng.random() < 0.5:
            self._flag_remote(key, "\\flagged", self.rng.random() < 0.5)
            self.paths[key].unlink()
        else:
            self._flag_local(key, "\\flagged", self.rng.random() < 0.5)
            self.session.select(key[0])
            self.session.expunge(self.uids[key])
