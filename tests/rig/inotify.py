"""Folders that say what changes in them: inotify(7), by the standard library's ctypes."""

import ctypes
import os
import struct

CREATE, DELETE, MOVED_FROM, MOVED_TO = 0x100, 0x200, 0x40, 0x80
_OVERFLOW = 0x4000
_HEAD = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """add() folders, then events() gives (folder, mask, name) of all that happened since; None: too much."""

    def __init__(self):
        self.descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self.folders = {}

    def add(self, folder):
        number = _libc.inotify_add_watch(self.descriptor, os.fsencode(folder), CREATE | DELETE | MOVED_FROM | MOVED_TO)
        if number < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
        self.folders[number] = folder

    def events(self):
        while True:
            try:
                data = os.read(self.descriptor, 1 << 18)
            except BlockingIOError:
                return
            position = 0
            while position < len(data):
                number, mask, _, length = _HEAD.unpack_from(data, position)
                position += _HEAD.size + length
                if mask & _OVERFLOW:
                    yield None
                elif number in self.folders:
                    name = data[position - length : position].rstrip(b"\0")
                    yield self.folders[number], mask, os.fsdecode(name)

    def close(self):
        os.close(self.descriptor)
