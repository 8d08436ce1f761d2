"""The rig of the system tests: a private server, an account, changes, and a comparison.

Python's standard library only. The programs under test are found in $BUILD (default: build/ of this
repository).
"""

import os
import pathlib
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or REPOSITORY / "build").resolve()
IMAPSYNCD = BUILD / "daemon" / "imapsyncd"
IMAPSYNCCTL = BUILD / "ctl" / "imapsyncctl"

# ASan and UBSan make memory, time and system calls those of the sanitizer.
SANITIZED = bool(os.environ.get("SANITIZED"))


def number(name, default):
    """A size that the environment may change: IMAPSYNCD_TEST_<name>."""
    return int(os.environ.get("IMAPSYNCD_TEST_" + name, default))


class Timeout(AssertionError):
    """What was waited for did not happen."""


def wait_until(condition, what, deadline=30.0, interval=0.01):
    """Poll until condition() is true, and return what it returned."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"{what}: not within {deadline:g} s")
        time.sleep(interval)


def stays(value, seconds):
    """The first difference of value() within so many seconds, or None."""
    end = time.monotonic() + seconds
    before = value()
    while time.monotonic() < end:
        time.sleep(0.1)
        if (now := value()) != before:
            return before, now
    return None
