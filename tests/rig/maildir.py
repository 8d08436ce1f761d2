"""A Maildir tree read and written as any other mail program would, apart from the program's own code."""

import os
import pathlib
import re

LETTERS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen",
           "T": "\\Deleted"}
BY_FLAG = {flag.lower(): letter for letter, flag in LETTERS.items()}


def by_number(name):
    return [int(digits) for digits in re.findall("[0-9]+", name)], name


class Folder:
    """One folder of a tree."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def create(self):
        for sub in ("cur", "new", "tmp"):
            (self.path / sub).mkdir(parents=True, exist_ok=True)
        return self

    def keywords(self):
        """{letter: keyword} from Dovecot's file."""
        try:
            lines = (self.path / "dovecot-keywords").read_text().splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line.split(" ", 1) for line in lines if " " in line)
        return {chr(ord("a") + int(index)): name for index, name in pairs}

    def files(self):
        """Paths of all messages, in the order in which they were delivered: M999 of a second is before M1000."""
        found = []
        for sub in ("new", "cur"):
            names = sorted(os.listdir(self.path / sub), key=by_number)
            found += [self.path / sub / n for n in names if n[0] != "."]
        return found

    def flags(self, path, keywords=None):
        _, _, info = path.name.partition(":2,")
        keywords = self.keywords() if keywords is None else keywords
        named = {LETTERS.get(letter) or keywords.get(letter) for letter in info}
        return named - {None}

    def set_flags(self, path, flags):
        """Rename a message's file to hold these flags, as a mail program does."""
        keywords = {name.lower(): letter for letter, name in self.keywords().items()}
        letters = [BY_FLAG.get(f.lower()) or keywords[f.lower()] for f in flags]
        base = path.name.partition(":2,")[0]
        target = self.path / "cur" / (base + ":2," + "".join(sorted(letters)))
        path.rename(target)
        return target

    def deliver(self, message, name, flags=None):
        """Write a message by way of tmp/; into new/, or with flags (a string of letters) into cur/."""
        temporary = self.path / "tmp" / name
        temporary.write_bytes(message.replace(b"\r\n", b"\n"))
        target = self.path / ("new" if flags is None else "cur") / name
        if flags is not None:
            target = target.with_name(name + ":2," + flags)
        temporary.rename(target)
        return target


class Tree:
    """The local side of an account; layout as in imapsyncd.conf: "fs" or "maildir++"."""

    def __init__(self, root, layout="fs"):
        self.root = pathlib.Path(root)
        self.layout = layout

    def folder(self, mailbox):
        if self.layout == "fs":
            return Folder(self.root / mailbox)
        if mailbox == "INBOX":
            return Folder(self.root)
        return Folder(self.root / ("." + mailbox.replace("/", ".")))

    def mailboxes(self):
        """The names of all folders on the disk."""
        found = []
        for path, directories, _ in os.walk(self.root):
            if "cur" in directories and "new" in directories:
                relative = os.path.relpath(path, self.root)
                if self.layout != "fs":
                    relative = "INBOX" if relative == "." else relative[1:].replace(".", "/")
                found.append(relative)
            directories[:] = [d for d in directories if d not in ("cur", "new", "tmp")]
        return sorted(found)

    def temporary(self):
        """What is in the tmp/ of any folder."""
        return sorted(path for path in self.root.glob("**/tmp/*") if path.is_file())

    def stamp(self):
        """Every file and directory with its inode, size and mtime: equal stamps, nothing touched."""
        stamp = {}
        for path, directories, files in os.walk(self.root):
            for name in ["", *directories, *files]:
                full = os.path.join(path, name)
                info = os.lstat(full)
                stamp[full] = (info.st_ino, info.st_size, info.st_mtime_ns)
        return stamp
