"""What must be there after quiet, and what is wrong with what is.

A content is {mailbox: [compare.Message]}, as sides.ImapSide.content() and sides.MaildirSide.content()
give it, and as change.Changes.expected() does. The model is a content too.
"""

import collections
import re

from rig import compare

# kind: one of tally.HARMS. text: a sentence.
Harm = collections.namedtuple("Harm", "kind text")


def judge(model, *sides):
    """sides: (name, content). [Harm] of each against the model; dates are compared between the sides
    alone, for the model seldom knows them."""
    found = [harm for name, content in sides for harm in _judge_side(model, name, content)]
    for (left, a), (right, b) in zip(sides, sides[1:]):
        found += [Harm("altered", text) for text in compare.differences(a, b, left, right)
                  if "INTERNALDATE" in text]
    return found


def judge_again(account, sides):
    """One more run of --once, which must change nothing: neither a side (sides.*.stamp()) nor a row."""
    before = [side.stamp() for side in sides], rows(account)
    result = account.once()
    if result.status != 0:
        return [Harm("altered", f"one more run does not end well: {result}")]
    found = [Harm("altered", f"one more run changes the {side.name}: {_first(old, new)}")
             for side, old in zip(sides, before[0]) if (new := side.stamp()) != old]
    if changed := set(before[1]) ^ set(rows(account)):
        found.append(Harm("altered", f"one more run changes the state: {sorted(changed)[:4]}"))
    return found


# The stamps of folders, which are taken when nothing else is to be done; when the flags of a server were looked
# through that does not tell of them; and what has been learnt of a server: a help to the next run, which a full
# disk may have kept from being written.
HELPS = re.compile(r"""INSERT INTO "(mailbox"|rotation"|account" VALUES\('[\w-]*(capabilities|server|prefix|checked)')""")


def rows(account):
    """The state, but for what is only a help."""
    return [row for row in account.rows() if not HELPS.match(row)]


def _first(old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        return [f"{key}: {old.get(key)} -> {new.get(key)}"[:300]
                for key in [*old, *(key for key in new if key not in old)] if old.get(key) != new.get(key)][:3]
    return "something"


def _judge_side(model, name, content):
    known = {row.digest for messages in model.values() for row in messages}
    for mailbox in sorted(model.keys() | content.keys()):
        if mailbox not in content:
            yield Harm("lost", f"mailbox {mailbox} is not {name}")
        elif mailbox not in model:
            yield Harm("resurrected", f"mailbox {mailbox} is {name}")
        labels = _labels([*model.get(mailbox, []), *content.get(mailbox, [])])
        want, have = _flags(model.get(mailbox, [])), _flags(content.get(mailbox, []))
        for digest in sorted(want.keys() | have.keys()):
            yield from _judge_message(f"{mailbox}: {labels[digest]}, {name}",
                                      want[digest], have[digest], digest in known)


def _judge_message(what, want, have, is_known):
    """want, have: the sorted flags of each copy."""
    if len(have) < len(want):
        yield Harm("lost", f"{what}: {len(have)} of {len(want)}")
    elif len(have) > len(want):
        kind = "doubled" if want else "resurrected" if is_known else "altered"
        yield Harm(kind, f"{what}: {len(have)} instead of {len(want)}")
    elif have != want:
        yield Harm("altered", f"{what}: flags {have} instead of {want}")


def _flags(messages):
    """{digest: [flags of each copy]}"""
    found = collections.defaultdict(list)
    for row in messages:
        found[row.digest].append(sorted(row.flags))
    for copies in found.values():
        copies.sort()
    return found


def _labels(messages):
    """{digest: what it is called}; by the last that has it."""
    return {row.digest: f"{row.label} ({row.where})" for row in messages}
