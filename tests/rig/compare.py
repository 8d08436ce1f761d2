"""Both sides of an account, message by message, byte by byte."""

import collections
import datetime
import email.parser
import functools
import hashlib

# date: INTERNALDATE in seconds; None where it is not compared.
Message = collections.namedtuple("Message", "digest flags label where date", defaults=[None])


def fold(data):
    """Line ends aside: the bytes as they are."""
    return data.replace(b"\r\n", b"\n")


def flag_names(flags):
    """As they are compared: lower case, without \\Recent."""
    return frozenset(flag.lower() for flag in flags) - {"\\recent"}


@functools.lru_cache(4096)
def seconds_of(date):
    """An INTERNALDATE, whatever zone it is told in."""
    return int(datetime.datetime.strptime(date.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp())


def message(data, flags, where, date=None):
    """The identity of a message and what can change in it."""
    folded = fold(data)
    label = _label(folded[:20000].partition(b"\n\n")[0] + b"\n\n")
    return Message(hashlib.sha256(folded).hexdigest(), flag_names(flags), label, where, date)


@functools.lru_cache(1000)
def _label(head):
    """Thousands of worlds have the same messages."""
    return str(email.parser.BytesHeaderParser().parsebytes(head)["Message-ID"] or "no Message-ID")


def remote(session, mailboxes=None):
    """{mailbox: [Message]} of a server, by a session of another client."""
    found = {}
    for name in mailboxes or session.mailboxes():
        session.select(name, examine=True)
        rows = session.fetch("1:4294967295", "FLAGS INTERNALDATE BODY.PEEK[]") if session.uids() else {}
        found[name] = [
            message(row[b"BODY[]"] or b"", [f.decode() for f in row[b"FLAGS"]], f"UID {uid}",
                    seconds_of(row[b"INTERNALDATE"].decode()))
            for uid, row in rows.items()
        ]
    return found


def local(tree, mailboxes=None):
    """{mailbox: [Message]} of a Maildir tree."""
    found = {}
    for name in mailboxes or tree.mailboxes():
        folder = tree.folder(name)
        keywords = folder.keywords()
        found[name] = [
            message(path.read_bytes(), folder.flags(path, keywords), f"{path.parent.name}/{path.name}")
            for path in folder.files()
        ]
    return found


def differences(left, right, left_name="remote", right_name="local"):
    """Sentences, one for each difference; none: equal."""
    found = []
    for mailbox in sorted(left.keys() | right.keys()):
        if mailbox not in left or mailbox not in right:
            where = left_name if mailbox in left else right_name
            found.append(f"{mailbox}: only {where}")
            continue
        found += _compare_mailbox(mailbox, left[mailbox], right[mailbox], left_name, right_name)
    return found


def _by_digest(messages):
    rows = collections.defaultdict(list)
    for row in messages:
        rows[row.digest].append(row)
    return rows


def _compare_mailbox(mailbox, left, right, left_name, right_name):
    found = []
    left, right = _by_digest(left), _by_digest(right)
    for digest in sorted(left.keys() | right.keys()):
        # Copies are told apart by nothing but their flags and dates: compare those as a sorted list.
        a = sorted(left[digest], key=_flags_and_date)
        b = sorted(right[digest], key=_flags_and_date)
        if len(a) != len(b):
            row = (a or b)[0]
            found.append(f"{mailbox}: {row.label} ({row.where}): {len(a)} {left_name}, {len(b)} {right_name}")
            continue
        for x, y in zip(a, b):
            if x.flags != y.flags:
                found.append(f"{mailbox}: {x.label} ({x.where}, {y.where}): flags"
                             f" {sorted(x.flags)} {left_name}, {sorted(y.flags)} {right_name}")
            if None not in (x.date, y.date) and x.date != y.date:
                found.append(f"{mailbox}: {x.label} ({x.where}, {y.where}): INTERNALDATE"
                             f" {x.date} {left_name}, {y.date} {right_name}")
    return found


def _flags_and_date(row):
    return sorted(row.flags), row.date or 0


def doubled_names(tree):
    """Files of one folder that have the same base: one message twice."""
    found = []
    for mailbox in tree.mailboxes():
        bases = collections.Counter(p.name.partition(":2,")[0] for p in tree.folder(mailbox).files())
        found += [f"{mailbox}: {base} in {n} files" for base, n in bases.items() if n > 1]
    return found


def doubled(side, name):
    """Messages that are in one mailbox more than once, where each was made once."""
    return [f"{mailbox}: {digest[:12]} {n} times {name}" for (mailbox, digest), n in counts(side).items() if n > 1]


def counts(side):
    """{(mailbox, digest): how often}: what must neither be lost nor doubled."""
    return collections.Counter((m, row.digest) for m, rows in side.items() for row in rows)
