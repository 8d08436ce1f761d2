"""Ways to see at once what has changed in a mailbox, for rig.load."""

import re
import socket
import threading
import time

from rig import compare, imap, inotify, load, sides


class WatchedFiles(load.Files):
    """A Maildir whose files are counted once, and then as they come and go.

    adds: a pattern, what the program adds to the header of a message."""

    def __init__(self, tree, adds=None):
        super().__init__(sides.MaildirSide(tree))
        self.adds = adds
        self.watch = inotify.Watch()
        self.owner = {}  # {folder: mailbox}
        for mailbox in tree.mailboxes():
            for folder in self._folders(mailbox):
                self.watch.add(folder)
                self.owner[folder] = mailbox
        self.counts = {mailbox: list(super(WatchedFiles, self).count(mailbox)) for mailbox in tree.mailboxes()}

    def count(self, mailbox):
        for event in self.watch.events():
            if event is None:
                raise AssertionError("more happened in the Maildir than inotify could tell")
            folder, mask, name = event
            step = 1 if mask & (inotify.CREATE | inotify.MOVED_TO) else -1
            counts = self.counts[self.owner[folder]]
            counts[0] += step
            counts[1] += step * ("S" not in name.partition(":2,")[2])
        return tuple(self.counts[mailbox])

    def pick(self, rng, mailbox):
        path, row = super().pick(rng, mailbox)
        if self.adds:
            row = compare.message(self.adds.sub(b"", path.read_bytes(), count=1), row.flags, "")
        return path, row

    def close(self):
        self.watch.close()


class Listener:
    """A hand-written session under NOTIFY: what no client can know earlier than the server says it."""

    def __init__(self, session):
        self.session = session
        self.told = {}  # {mailbox: when}
        self.load = None
        session.command("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))")
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        """Until the connection is shut."""
        while True:
            try:
                line = b"".join(self.session.read())
            except (imap.ImapError, OSError):
                return
            if match := re.match(rb'\* STATUS "?([^" ]+)"? ', line):
                self.told[match[1].decode()] = time.monotonic()

    def count(self, mailbox):
        """What is expected, as soon as the server has said something since."""
        event, model = self.load.under_way[mailbox], self.load.model[mailbox]
        if self.told.get(mailbox, 0) < event.time:
            return None
        return len(model), self.load.unseen[mailbox]

    def close(self):
        self.session.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.session.close()
