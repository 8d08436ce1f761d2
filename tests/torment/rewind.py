"""A world as it was, again and again: what has happened in it is not made anew for each run that is disturbed.

The local side is put back where it is, so that each file and folder is what the program knows it as, down to
inode and time. The server's store is another user's each time: what the server still does for the last one
does no harm. Messages are links to those that were kept; nobody writes into a message.
"""

import os
import shutil

# Not put back: what a run only reads, and what it says.
LEFT = {"run", "imapsyncd.conf", "daemon.log"}


class Again:
    """What make() returns, a points.World, as often as it is wanted, one at a time: take(), then end()."""

    def __init__(self, make, directory):
        self.make = make
        self.directory = directory
        self.original = None

    def take(self):
        if self.original and not self.original.rewind():
            self.original.remove()
            self.original = None
        if not self.original:
            self.original = Original(self.make(), self.directory)
            self.original.rewind()
        return self.original.world

    def end(self, is_good):
        """Of the one that was taken; it is left as it is if something is wrong with it."""
        if is_good:
            self.original.remove_user()
        else:
            self.original = None


class Original:
    """What a world is like now, to which rewind() brings it back."""

    def __init__(self, world, directory):
        self.world = world
        self.users = 0
        self.user = world.user
        self.root = str(world.account.directory)
        self.kept = str(directory / world.user)
        self.folders, files = look(self.root)
        self.links = {path: inode for path, inode in files.items() if not path.startswith("state/")}
        self.copies = [path for path in files if path not in self.links]
        for path in sorted(self.folders):
            os.makedirs(os.path.join(self.kept, path))
        for path in self.links:
            os.link(os.path.join(self.root, path), os.path.join(self.kept, path))
        for path in self.copies:
            shutil.copy2(os.path.join(self.root, path), os.path.join(self.kept, path))

    def rewind(self):
        """Returns whether it could be: not if a folder is gone, for another would not be the same."""
        if not self._put_folders() or not self._put_files():
            return False
        for path in sorted(self.folders, reverse=True):
            times = self.folders[path][1]
            os.utime(os.path.join(self.root, path), ns=(times, times))
        self._take_user()
        return True

    def remove_user(self):
        for path in self.world.homes(self.world.user):
            shutil.rmtree(path)

    def remove(self):
        """Nothing is to be rewound any more."""
        for path in (self.root, self.kept, *self.world.homes(self.user)):
            shutil.rmtree(path)

    def _take_user(self):
        world = self.world
        self.users += 1
        world.user = f"{self.user}r{self.users}"
        for old, new in zip(world.homes(self.user), world.homes(world.user)):
            copy_store(old, new)
        world.account.settings["user"] = world.user
        world.account.variables = {}
        world.account.write_config()
        world.place.configure(world.account, world.user)

    def _put_folders(self):
        """Rename those that were renamed, remove those that were made."""
        there, _ = look(self.root)
        where = {inode: path for path, (inode, _) in there.items()}
        if any(inode not in where for inode, _ in self.folders.values()):
            return False
        right = {path for path in self.folders if self._is_right(path, there)}
        aside = os.path.join(self.root, "aside")
        os.mkdir(aside)
        for inode, path in sorted(where.items(), key=lambda item: -item[1].count("/")):
            if path not in right and any(inode == old for old, _ in self.folders.values()):
                os.rename(os.path.join(self.root, path), os.path.join(aside, str(inode)))
        for path in there:
            if path not in right:
                shutil.rmtree(os.path.join(self.root, path), ignore_errors=True)
        for path in sorted(self.folders):
            if path not in right:
                os.rename(os.path.join(aside, str(self.folders[path][0])), os.path.join(self.root, path))
        os.rmdir(aside)
        return True

    def _is_right(self, path, there):
        """So is each folder above it."""
        while path:
            if path not in there or there[path][0] != self.folders[path][0]:
                return False
            path = os.path.dirname(path)
        return True

    def _put_files(self):
        _, there = look(self.root)
        for path, inode in there.items():
            if self.links.get(path) != inode:
                os.unlink(os.path.join(self.root, path))
        for path, inode in self.links.items():
            if there.get(path) != inode:
                os.link(os.path.join(self.kept, path), os.path.join(self.root, path))
        for path in self.copies:
            shutil.copy2(os.path.join(self.kept, path), os.path.join(self.root, path))
        return True


def look(root):
    """({folder: (inode, mtime)}, {file: inode}) below it."""
    folders, files = {}, {}
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in os.scandir(os.path.join(root, folder)):
            path = os.path.join(folder, entry.name)
            if path in LEFT:
                continue
            if entry.is_dir(follow_symlinks=False):
                info = entry.stat(follow_symlinks=False)
                folders[path] = info.st_ino, info.st_mtime_ns
                pending.append(path)
            else:
                files[path] = entry.inode()
    return folders, files


def copy_store(old, new):
    """A store of the server, for another user: its messages are links."""
    is_messages = os.path.basename(old) in ("cur", "new")
    os.mkdir(new)
    for entry in os.scandir(old):
        path = os.path.join(new, entry.name)
        if entry.is_dir(follow_symlinks=False):
            copy_store(entry.path, path)
        elif is_messages:
            os.link(entry.path, path)
        else:
            shutil.copy2(entry.path, path)
            own_as(entry.stat(), path)
    info = os.stat(old)
    own_as(info, new)
    os.chmod(new, info.st_mode)
    os.utime(new, ns=(info.st_atime_ns, info.st_mtime_ns))


def own_as(info, path):
    os.chown(path, info.st_uid, info.st_gid)
