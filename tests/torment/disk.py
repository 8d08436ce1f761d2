"""What a disk may hold after the power went: from what was on it before, and the log of what was done since.

What fsync() was called for is there: the bytes of a file for the file, its entries for a directory. Of the
rest anything may be there or not, in any order, with these limits, which every file system with a journal
keeps: a rename is there whole or not at all, and what was done to one entry, or with one file's name, is
there in its order. So a name can be there without its bytes, a directory without what is in it, and of two
renames the later one alone.
"""

import collections
import os
import random
import stat
import struct

_RECORD = struct.Struct("=9q")

# kind: a letter, see chaos-power.c. names: of each dir.
Change = collections.namedtuple("Change", "kind dirs inode number mtimes names data")

SECTOR = 512
# How much of what is not durable is there: of entries, of bytes.
LUCK = [(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5), (0.5, 0.5), (0.9, 0.5), (0.5, 0.9), (0.2, 0.2)]


def read_log(path):
    """[Change]"""
    found, data, at = [], path.read_bytes(), 0
    while at < len(data):
        kind, *dirs, inode, number, t0, t1, n0, n1 = _RECORD.unpack_from(data, at)
        first = data[at + _RECORD.size : at + _RECORD.size + n0]
        at += _RECORD.size + n0 + n1
        second = data[at - n1 : at] if n1 else b""
        found.append(Change(chr(kind), dirs, inode, number, (t0, t1), (first, second), first))
    return found


class Tree:
    """A directory as it is: its entries, and what was in its files."""

    def __init__(self, root, with_data=True):
        self.root = os.stat(root).st_ino
        self.entries = {}  # {inode of a directory: {name: inode}}
        self.data = {}
        self.mtimes = {}
        self._walk(os.fsencode(root), self.root, with_data)

    def _walk(self, path, inode, with_data):
        self.entries[inode] = {}
        self.mtimes[inode] = os.lstat(path).st_mtime_ns
        for entry in os.scandir(path):
            info = entry.stat(follow_symlinks=False)
            self.entries[inode][entry.name] = info.st_ino
            self.mtimes[info.st_ino] = info.st_mtime_ns
            if stat.S_ISDIR(info.st_mode):
                self._walk(entry.path, info.st_ino, with_data)
            elif with_data and stat.S_ISREG(info.st_mode):
                with open(entry.path, "rb") as file:
                    self.data[info.st_ino] = file.read()

    def below(self, inode):
        """All directories that can be reached from this one."""
        yield inode
        for child in self.entries[inode].values():
            if child in self.entries:
                yield from self.below(child)


def _keys(change):
    """What a change of entries has to do with: its file, and its entries."""
    keys = {change.inode}
    for inode, name in zip(change.dirs, change.names):
        if inode:
            keys.add((inode, name))
    return keys


class Disk:
    """One of the many things that the disk may hold, chosen by rng. luck: if not one of LUCK, by rng as well."""

    def __init__(self, before, log, rng, luck=None):
        self.rng = rng
        self.before = before
        self.log = log
        self.luck = luck or rng.choice(LUCK)
        self.dropped = set()  # of log
        self.entries = {inode: dict(names) for inode, names in before.entries.items()}
        self.files = {}  # {inode: (data, mtime)} of those that are not as they were left
        self.dirs = {}  # {inode: mtime}
        self._choose_entries()
        self._choose_data()

    # Entries

    def _durable_entries(self):
        """By the fsync() of one of their directories."""
        synced, durable = set(), set()
        for n in reversed(range(len(self.log))):
            change = self.log[n]
            if change.kind == "S" and change.number:
                synced.add(change.inode)
            elif change.kind in "CURL" and synced & set(change.dirs):
                durable.add(n)
        return durable

    def _choose_entries(self):
        durable, needed = self._durable_entries(), set()
        kept = []
        for n in reversed(range(len(self.log))):
            change = self.log[n]
            if change.kind not in "CURL":
                continue
            keys = _keys(change)
            if n in durable or keys & needed or self.rng.random() < self.luck[0]:
                needed |= keys
                kept.append(n)
            else:
                self.dropped.add(n)
        for n in reversed(kept):
            self._apply(self.log[n])
        self._choose_mtimes()

    def _apply(self, change):
        old, new = change.dirs
        if change.kind in "UR":
            self.entries.setdefault(old, {}).pop(change.names[0], None)
        if change.kind in "CL":
            self.entries.setdefault(old, {})[change.names[0]] = change.inode
        if change.kind == "R":
            self.entries.setdefault(new, {})[change.names[1]] = change.inode
        if change.kind == "C" and change.number:
            self.entries.setdefault(change.inode, {})

    def _choose_mtimes(self):
        """Of a directory: the time of the last change that is there, if none before it is missing."""
        lost = set()
        for n, change in enumerate(self.log):
            if change.kind not in "CURL":
                continue
            for inode, mtime in zip(change.dirs, change.mtimes):
                if n in self.dropped:
                    lost.add(inode)
                    self.dirs.setdefault(inode, self.before.mtimes.get(inode))
                else:
                    self.dirs[inode] = None if inode in lost else mtime

    # Bytes

    def _choose_data(self):
        """The last fsync() of each file, and what came behind it."""
        rows = collections.defaultdict(list)
        synced = collections.Counter()
        for n, change in enumerate(self.log):
            if change.kind in "WTM":
                rows[change.inode].append(n)
            elif change.kind == "S":
                synced[change.inode] = len(rows[change.inode])
        for inode, changes in rows.items():
            if synced[inode] < len(changes):
                self.files[inode] = self._content(inode, changes, synced[inode])

    def _content(self, inode, changes, n_synced):
        data = bytearray(self.before.data.get(inode, b""))
        mtime = self.before.mtimes.get(inode)
        for k, n in enumerate(changes):
            change = self.log[n]
            is_there = k < n_synced or self.rng.random() < self.luck[1]
            if not is_there:
                self.dropped.add(n)
            if change.kind == "M":
                mtime = change.number if is_there else mtime
            elif change.kind == "T":
                self._resize(data, change.number if is_there else len(data))
            elif is_there:
                self._write(data, change.number, change.data)
            else:
                self._write_partly(data, change.number, change.data)
        return bytes(data), mtime

    @staticmethod
    def _resize(data, size):
        del data[size:]
        data.extend(bytes(size - len(data)))

    @staticmethod
    def _write(data, offset, piece):
        data.extend(bytes(max(0, offset + len(piece) - len(data))))
        data[offset : offset + len(piece)] = piece

    def _write_partly(self, data, offset, piece):
        """Nothing, or its size alone, or some of its sectors."""
        way = self.rng.randrange(3)
        if way == 0:
            return
        self._resize(data, max(len(data), offset + len(piece)))
        for at in range(0, len(piece), SECTOR):
            if way == 2 and self.rng.random() < 0.5:
                self._write(data, offset + at, piece[at : at + SECTOR])

    # What is on the disk now is made that

    def differences(self, tree):
        """What the tree has otherwise: nothing if nothing was dropped, or the log does not tell all."""
        found = []
        for inode in tree.below(tree.root):
            want, have = self.entries.get(inode, {}), tree.entries[inode]
            found += [f"{name!r}: {have.get(name)}, by the log {want.get(name)}"
                      for name in sorted(want.keys() | have.keys()) if want.get(name) != have.get(name)]
        for inode, (data, _) in self.files.items():
            if inode in tree.data and tree.data[inode] != data:
                found.append(f"inode {inode}: {len(tree.data[inode])} bytes, by the log {len(data)}")
        return found

    def build(self, root, kept):
        """Change the tree below root in place: a file keeps its inode."""
        _Builder(self, root, kept).build()


class _Builder:
    """kept: where links to removed files are, by inode."""

    def __init__(self, disk, root, kept):
        self.disk = disk
        self.now = Tree(root, with_data=False)
        self.root = root
        self.aside = os.open(kept, os.O_RDONLY)
        self.fds = {}

    def build(self):
        try:
            self._open(os.fsencode(self.root), self.now.root)
            self._make_directories()
            self._take_out()
            self._put_in()
            self._write()
        finally:
            for fd in [*self.fds.values(), self.aside]:
                os.close(fd)

    def _open(self, path, inode):
        self.fds[inode] = os.open(path, os.O_RDONLY)
        for name, child in self.now.entries[inode].items():
            if child in self.now.entries:
                self._open(os.path.join(path, name), child)

    def _wanted(self):
        """The directories that can be reached."""
        found, todo = set(), [self.now.root]
        while todo:
            inode = todo.pop()
            if inode in found:
                continue
            found.add(inode)
            todo += [child for child in self.disk.entries[inode].values() if child in self.disk.entries]
        return found

    def _make_directories(self):
        """Those that were removed, and are there again: the one kind of thing whose inode is another."""
        self.wanted = self._wanted()
        for inode in self.wanted - self.fds.keys():
            name = f"{inode}"
            os.mkdir(name, 0o700, dir_fd=self.aside)
            self.fds[inode] = os.open(name, os.O_RDONLY, dir_fd=self.aside)

    def _take_out(self):
        for inode, names in self.now.entries.items():
            want = self.disk.entries.get(inode, {}) if inode in self.wanted else {}
            for name, child in names.items():
                if want.get(name) != child:
                    os.rename(name, f"{child}", src_dir_fd=self.fds[inode], dst_dir_fd=self.aside)
                    self._unlink_again(inode, name)

    def _unlink_again(self, inode, name):
        """rename() does nothing if both names are of one file."""
        try:
            os.unlink(name, dir_fd=self.fds[inode])
        except FileNotFoundError:
            pass

    def _put_in(self):
        for inode in self.wanted:
            have = self.now.entries.get(inode, {})
            for name, child in self.disk.entries[inode].items():
                if have.get(name) == child:
                    continue
                if child in self.disk.entries:
                    os.rename(f"{child}", name, src_dir_fd=self.aside, dst_dir_fd=self.fds[inode])
                else:
                    self._link(child, inode, name)

    def _link(self, child, inode, name):
        """From where it was kept, or from another name of it that is there."""
        try:
            os.link(f"{child}", name, src_dir_fd=self.aside, dst_dir_fd=self.fds[inode])
        except FileNotFoundError:
            other, path = next((d, path) for d, names in self.now.entries.items()
                               for path, c in names.items() if c == child)
            os.link(path, name, src_dir_fd=self.fds[other], dst_dir_fd=self.fds[inode])

    def _write(self):
        for inode in self.wanted:
            for name, child in self.disk.entries[inode].items():
                if child not in self.disk.files or child in self.disk.entries:
                    continue
                data, mtime = self.disk.files[child]
                fd = os.open(name, os.O_WRONLY, dir_fd=self.fds[inode])
                os.ftruncate(fd, 0)
                os.pwrite(fd, data, 0)
                if mtime is not None:
                    os.utime(fd, ns=(mtime, mtime))
                os.close(fd)
        for inode, mtime in self.disk.dirs.items():
            if mtime is not None and inode in self.wanted:
                os.utime(self.fds[inode], ns=(mtime, mtime))


def risks(before, log):
    """[(the change that a cut comes before, what the change before it was, risk)] of each place where something
    has just been claimed: a commit ("S" of a database) or a word to a server ("N"). The risk: how much is not
    durable there, and how many entries are changed then, up to the next claim."""
    databases = {inode for names in before.entries.values() for name, inode in names.items() if _is_database(name)}
    entries, data, found = [], collections.Counter(), []
    for n, change in enumerate(log, 1):
        if change.kind in "CURL":
            entries.append(change)
            if change.kind == "C" and _is_database(change.names[0]):
                databases.add(change.inode)
            if found:
                found[-1][2] += 1
        elif change.kind in "WT" and change.inode not in databases:
            data[change.inode] += 1
        elif change.kind == "S" and change.number:
            entries = [one for one in entries if change.inode not in one.dirs]
        elif change.kind == "S":
            del data[change.inode]
        if change.kind == "N" or (change.kind == "S" and change.inode in databases):
            found.append([n + 1, change.kind, len(entries) + sum(data.values())])
    return found


def _is_database(name):
    return name.endswith((b".db", b".db-wal"))


def everything(before, log):
    """A disk that has lost nothing."""
    return Disk(before, log, random.Random(0), (1, 1))
