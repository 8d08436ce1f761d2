"""What two sides that were the same must both be after each has changed by itself.

A content is as torment.oracle has it; each message is once in a mailbox.
"""

from rig import compare


def merge(base, *sides):
    """A mailbox or a message that a side has not any more is gone, what a side has made is there, flags are
    what either has changed. A message moved by one side takes the flags with it that the other has set."""
    was = _rows(base)
    now = [_rows(side) for side in sides]
    keys = {key for rows in (was, *now) for key in rows}
    model = {mailbox: [] for mailbox in {key for content in (base, *sides) for key in content}
             if all(mailbox in side for side in sides) or mailbox not in base}
    for mailbox, digest in sorted(keys):
        if mailbox not in model or ((mailbox, digest) in was and any((mailbox, digest) not in rows for rows in now)):
            continue
        flags = _merge_flags((mailbox, digest), was, now)
        model[mailbox].append(compare.Message(digest, frozenset(flags), digest[:12], "expected"))
    return model


def _rows(content):
    """{(mailbox, digest): flags}"""
    return {(mailbox, row.digest): row.flags for mailbox, rows in content.items() for row in rows}


def _merge_flags(key, was, now):
    """Of one that is there in the end."""
    origins = [_origin(key, was, rows) for rows in now]
    old = next((origin for origin in origins if origin), key)
    before = was.get(old, frozenset())
    flags = set(before)
    for rows in now:
        there = rows.get(key, rows.get(old))
        if there is not None:
            flags = (flags | (there - before)) - (before - there)
    return flags


def _origin(key, was, rows):
    """Where this side had it before it moved it here; None: it did not."""
    if key in was or key not in rows:
        return None
    return next((old for old in was if old[1] == key[1] and old not in rows), None)
