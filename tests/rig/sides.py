"""One side of an account by the hand of somebody else: another client of a server, another program in a Maildir.

Both have the same verbs, so that a scenario is written once whatever a side is. A message is known by a
handle, which is a UID on a server and a path in a Maildir: what flag() returns is the handle from then on.
Flags are lower case.
"""

import itertools
import os
import re
import shutil
import subprocess

from rig import compare, imap

_number = itertools.count(1)


class ImapSide:
    """The mailboxes of one user of a server. server and user are needed by save() and restore() only."""

    is_maildir = False

    def __init__(self, session, name="server", server=None, user=None):
        self.session = session
        self.name = name
        self.server = server
        self.user = user

    # What is there

    def mailboxes(self):
        return self.session.mailboxes()

    def content(self):
        """{mailbox: [compare.Message]}; nothing is selected afterwards."""
        found = compare.remote(self.session)
        if found:
            self.session.command("CLOSE")
        return found

    def messages(self, mailbox):
        self.session.select(mailbox, examine=True)
        return self.session.uids()

    def flags(self, mailbox):
        """{handle: flags}"""
        uids = self.messages(mailbox)
        rows = self.session.fetch("1:4294967295") if uids else {}
        return {uid: compare.flag_names(f.decode() for f in row[b"FLAGS"]) for uid, row in rows.items()}

    def handle(self, mailbox, row):
        """Of a row of content()."""
        return int(row.where.removeprefix("UID "))

    def movable(self, mailbox):
        """What can be moved without a change of its flags."""
        return self.messages(mailbox)

    def uidvalidity(self, mailbox):
        return self._status(mailbox, b"UIDVALIDITY")[1]

    def _status(self, mailbox, items):
        [row] = self.session.command(b"STATUS " + self.session.wire(mailbox) + b" (" + items + b")")
        return row[2]

    def identities(self, mailbox):
        """What stays as it is as long as no message is transferred again."""
        return {(self.uidvalidity(mailbox), uid) for uid in self.messages(mailbox)}

    def doubled(self):
        return compare.doubled(self.content(), self.name)

    def stamp(self):
        """Whatever is changed shows in it."""
        stamp = {mailbox: (self._status(mailbox, b"MESSAGES UIDNEXT UIDVALIDITY"), self.flags(mailbox))
                 for mailbox in self.mailboxes()}
        self.session.command("CLOSE")
        return stamp | {"subscriptions": self.subscribed()}

    def tells_flags(self):
        """Whether a change of flags alone is seen soon."""
        [capabilities] = self.session.command("CAPABILITY")
        return b"CONDSTORE" in capabilities

    # Messages

    def deliver(self, mailbox, data, flags=None, date=None):
        self.session.append(mailbox, data, sorted(flags or ()), date)

    def flag(self, mailbox, handle, add=(), remove=()):
        self.session.select(mailbox)
        if add:
            self.session.store(handle, "+", sorted(add))
        if remove:
            self.session.store(handle, "-", sorted(remove))
        return handle

    def remove(self, mailbox, handles):
        self.session.select(mailbox)
        self.session.expunge(imap.uid_set(handles))

    def move(self, mailbox, handles, target):
        self.session.select(mailbox)
        self.session.move(imap.uid_set(handles), target)

    # Mailboxes

    def create(self, mailbox):
        self.session.create(mailbox)

    def rename(self, mailbox, name):
        """Courier renames nothing that is selected."""
        self.session.select("INBOX", examine=True)
        self.session.command(b"RENAME " + self.session.wire(mailbox) + b" " + self.session.wire(name))

    def delete(self, mailbox):
        self.session.delete(mailbox)

    def renumber(self, mailbox, meanwhile="renumbered"):
        """Another mailbox with the same messages takes the name: another UIDVALIDITY."""
        name, other = self.session.wire(mailbox), self.session.wire(meanwhile)
        old = self.uidvalidity(mailbox)
        self.session.select(mailbox)
        self.session.command(b"CREATE " + other)
        self.session.command(b"UID COPY 1:* " + other)
        self.session.select("INBOX")
        self.session.command(b"DELETE " + name)
        self.session.command(b"RENAME " + other + b" " + name)
        if self.uidvalidity(mailbox) == old:
            raise AssertionError("the server gave it the same UIDVALIDITY")

    def subscribe(self, mailbox, is_wanted=True):
        verb = b"SUBSCRIBE " if is_wanted else b"UNSUBSCRIBE "
        self.session.command(verb + self.session.wire(mailbox))

    def subscribed(self):
        return set(self.session.mailboxes(b"LSUB"))

    # The store

    def save(self, copy):
        subprocess.run(["cp", "-a", self.server.mail_directory(self.user), copy], check=True)

    def restore(self, copy):
        """As from a backup. Nobody has the store open meanwhile."""
        self.session.close()
        store = self.server.mail_directory(self.user)
        shutil.rmtree(store)
        os.rename(copy, store)
        self.session = self.server.session(self.user)

    def close(self):
        self.session.close()


class MaildirSide:
    """A tree of Maildirs. A keyword that a folder has no letter for gets one, as Dovecot would give it."""

    is_maildir = True
    name = "Maildir"

    def __init__(self, tree):
        self.tree = tree

    # What is there

    def mailboxes(self):
        return self.tree.mailboxes()

    def content(self):
        return compare.local(self.tree)

    def messages(self, mailbox):
        return self.tree.folder(mailbox).files()

    def flags(self, mailbox):
        folder = self.tree.folder(mailbox)
        keywords = folder.keywords()
        return {path: compare.flag_names(folder.flags(path, keywords)) for path in folder.files()}

    def handle(self, mailbox, row):
        return self.tree.folder(mailbox).path / row.where

    def movable(self, mailbox):
        """A letter of a keyword means something else in another folder."""
        return [path for path in self.messages(mailbox) if not _has_keyword(path)]

    def identities(self, mailbox):
        return {path.stat().st_ino for path in self.messages(mailbox)}

    def doubled(self):
        return compare.doubled_names(self.tree) + compare.doubled(self.content(), self.name)

    def stamp(self):
        return self.tree.stamp()

    def tells_flags(self):
        return True

    # Messages

    def deliver(self, mailbox, data, flags=None, date=None):
        """Into new/, or with flags, though there are none of them, into cur/."""
        folder = self.tree.folder(mailbox).create()
        path = folder.deliver(data, f"17{next(_number):06}.{os.getpid()}.rig", None if flags is None else "")
        if flags:
            path = self.flag(mailbox, path, flags)
        if date:
            seconds = compare.seconds_of(date)
            os.utime(path, (seconds, seconds))

    def flag(self, mailbox, handle, add=(), remove=()):
        folder = self.tree.folder(mailbox)
        add = compare.flag_names(add)
        self._name(folder, add)
        flags = compare.flag_names(folder.flags(handle)) | add
        return folder.set_flags(handle, flags - compare.flag_names(remove))

    @staticmethod
    def _name(folder, flags):
        known = {name.lower() for name in folder.keywords().values()}
        new = sorted(flag for flag in flags - known if flag[0] != "\\" and flag != "$forwarded")
        with open(folder.path / "dovecot-keywords", "a", encoding="utf-8") as lines:
            lines.writelines(f"{len(known) + n} {keyword}\n" for n, keyword in enumerate(new))

    def remove(self, mailbox, handles):
        for path in handles:
            path.unlink()

    def move(self, mailbox, handles, target):
        folder = self.tree.folder(target).create()
        for path in handles:
            path.rename(folder.path / "cur" / path.name)

    # Mailboxes

    def create(self, mailbox):
        self.tree.folder(mailbox).create()

    def rename(self, mailbox, name):
        self.tree.folder(mailbox).path.rename(self.tree.folder(name).path)

    def delete(self, mailbox):
        shutil.rmtree(self.tree.folder(mailbox).path)

    def subscribe(self, mailbox, is_wanted=True):
        """In Dovecot's file, which comes to be with the first."""
        mailboxes = self.subscribed() | {mailbox} if is_wanted else self.subscribed() - {mailbox}
        new = self.tree.root / "subscriptions.new"
        new.write_text("V\t2\n\n" + "".join(name.replace("/", "\t") + "\n" for name in sorted(mailboxes)))
        new.rename(self.tree.root / "subscriptions")

    def subscribed(self):
        try:
            lines = (self.tree.root / "subscriptions").read_text().splitlines()[2:]
        except FileNotFoundError:
            return set()
        return {line.replace("\t", "/") for line in lines}

    # The store

    def save(self, copy):
        shutil.copytree(self.tree.root, copy, symlinks=True, copy_function=shutil.copy2)

    def restore(self, copy):
        shutil.rmtree(self.tree.root)
        os.rename(copy, self.tree.root)

    def close(self):
        pass


def _has_keyword(path):
    return re.search("[a-z]", path.name.partition(":2,")[2])
