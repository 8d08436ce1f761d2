"""Both sides by the hand of somebody else while the program works: files get other names, and mailboxes come to be."""

import itertools
import os

from rig import imap, maildir, sides

TRIES = 100  # that a file has another name by the time it is renamed


class LiveImap(sides.ImapSide):
    def create(self, mailbox):
        """The program may have been faster."""
        if mailbox not in self.mailboxes():
            try:
                super().create(mailbox)
            except imap.ImapError:
                if mailbox not in self.mailboxes():
                    raise


class LiveMaildir(sides.MaildirSide):
    """A message is known by the part of its file's name that stays."""

    def handle(self, mailbox, row):
        return row.where.partition("/")[2].partition(":2,")[0]

    def movable(self, mailbox):
        return [_base(path) for path in super().movable(mailbox)]

    def flag(self, mailbox, handle, add=(), remove=()):
        self._on_file(mailbox, handle, lambda path: super(LiveMaildir, self).flag(mailbox, path, add, remove))
        return handle

    def remove(self, mailbox, handles):
        for handle in handles:
            self._on_file(mailbox, handle, os.unlink)

    def move(self, mailbox, handles, target):
        """With the letters that its keywords have there: it may have got one a moment ago."""
        source, to = self.tree.folder(mailbox), self.tree.folder(target).create()

        def act(path):
            flags = source.flags(path)
            self._name(to, {flag.lower() for flag in flags if flag[0] != "\\"})
            path.rename(to.path / "cur" / f"{_base(path)}:2,{_letters(to, flags)}")

        for handle in handles:
            self._on_file(mailbox, handle, act)

    def deliver(self, mailbox, data, flags=None, date=None):
        """Its flags are in the name from the first moment on."""
        folder = self.tree.folder(mailbox).create()
        letters = None if flags is None else _letters(folder, flags)
        folder.deliver(data, f"17{next(_number):06}.{os.getpid()}.live", letters)

    def _on_file(self, mailbox, handle, act):
        """Find it and act; again, if it has got another name meanwhile."""
        for _ in range(TRIES):
            for path in self.tree.folder(mailbox).files():
                if _base(path) == handle:
                    try:
                        return act(path)
                    except FileNotFoundError:
                        break
        raise AssertionError(f"{handle} is not in {mailbox} any more")


_number = itertools.count(1)


def _letters(folder, flags):
    keywords = {name.lower(): letter for letter, name in folder.keywords().items()}
    return "".join(sorted(maildir.BY_FLAG.get(flag.lower()) or keywords[flag.lower()] for flag in flags))


def _base(path):
    return path.name.partition(":2,")[0]
