"""Mail and mailboxes to test with: the same for the same seed."""

import email.utils
import itertools
import random

FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Forwarded"]
KEYWORDS = ["work", "$Junk", "NonJunk", "todo"]

# What people call their mailboxes, and what breaks programs.
ODD_NAMES = [
    "INBOX/child",
    "INBOX/child/grandchild",
    "with space",
    "with  two spaces",
    'a "quoted" name',
    "back\\slash",
    "R&D",
    "&",
    "&-",
    "Entwürfe",
    "日本語/メール",
    "😀 emoji",
    "Gesendet & Gelöscht",
    "100% *stars*",
    "percent%name",
    "(parentheses)",
    "{braces}",
    "[brackets]",
    "in~tilde",
    "#hash",
    "-dash",
    "'single'",
    "semi;colon",
    "$HOME",
    "a/b/c/d/e/f",
    "NIL",
    "e\u0301 decomposed",
    "x" * 120,
]


def mailbox_names(count):
    """INBOX, the odd ones as far as there is room, and plain ones."""
    names = ["INBOX", *ODD_NAMES][:count]
    return names + [f"list/mailbox-{n:03}" for n in range(len(names), count)]


def plain_names(count):
    """INBOX and ordinary names."""
    return ["INBOX", *(f"mailbox-{n:02}" for n in range(1, count))]


_WORDS = ("the quick brown fox jumps over a lazy dog while seventy kind reviewers read every line of"
          " this long message and answer tomorrow because nobody knows better").split()


def _text(rng, size):
    """Lines of words, of about this many bytes."""
    lines = []
    total = 0
    while total < size:
        line = " ".join(rng.choices(_WORDS, k=rng.randint(1, 12)))
        lines.append(line)
        total += len(line) + 2
    return ("\r\n".join(lines) + "\r\n").encode()


def _size(rng):
    """Most messages are small, some are not: median about 2 kB, mean about 4 kB."""
    return min(int(rng.lognormvariate(7.6, 1.1)), 200_000)


def message(rng, label, size=None):
    """One message. About one in eight has something unusual about it."""
    kind = rng.random()
    head = [
        f"From: Sender {rng.randint(1, 99)} <sender@example.org>",
        "To: Reader <reader@example.net>",
        f"Subject: {label} {' '.join(rng.choices(_WORDS, k=4))}",
        "Date: " + email.utils.formatdate(1_600_000_000 + rng.randrange(100_000_000)),
        "MIME-Version: 1.0",
    ]
    if not 0.10 <= kind < 0.13:
        head.append(f"Message-ID: <{label}.{rng.randrange(1 << 48):x}@example.org>")
    body = _text(rng, _size(rng) if size is None else size)
    if kind < 0.04:
        head.append("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit")
        body = "Grüße aus 日本 😀\r\n".encode() + body
    elif kind < 0.06:
        head.append("Content-Type: text/plain; charset=iso-8859-1")
        body = bytes(rng.choices(range(0xA0, 0x100), k=70)) + b"\r\n" + body
    elif kind < 0.08:
        body = b""
    elif kind < 0.09:
        body = b"x" * rng.randint(1000, 20_000) + b"\r\n"
    elif kind < 0.10:
        body = b"no line end at the end"
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def flags(rng):
    """Some flags, some keywords."""
    chosen = [flag for flag in FLAGS if rng.random() < 0.2]
    return chosen + [word for word in KEYWORDS if rng.random() < 0.05]


def date(rng):
    """An INTERNALDATE in the past."""
    day, month = rng.randint(1, 28), rng.choice("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    return f"{day:02}-{month}-{rng.randint(2001, 2023)} {clock} +0000"


def fill(session, mailboxes, count, seed=1, holes=True):
    """Create the mailboxes and APPEND count messages to each, with holes in the row of UIDs."""
    rng = random.Random(seed)
    there = set(session.mailboxes())
    for name in mailboxes:
        if name not in there and name != "INBOX":
            session.create(name)
    for number, name in enumerate(mailboxes):
        extra = count // 10 if holes else 0
        rows = [
            (message(rng, f"s{seed}b{number}n{n}"), flags(rng), date(rng)) for n in range(count + extra)
        ]
        if not rows:
            continue
        uids = session.append_many(name, rows)
        if extra:
            session.select(name)
            session.expunge(",".join(map(str, rng.sample(uids, extra))))


def quick_rows(rng, name, count):
    """Messages of about 4 kB that nobody has to make word by word: their bodies are cut out of one
    text, which is long enough for two of them to have little in common within deflate's window."""
    text = _text(rng, 2_000_000)
    for n in range(count):
        head = (f"From: Sender {rng.randint(1, 99)} <sender@example.org>\r\n"
                "To: Reader <reader@example.net>\r\n"
                f"Subject: {name} {n}\r\nDate: {email.utils.formatdate(1_600_000_000 + 600 * n)}\r\n"
                f"Message-ID: <{n}.{rng.randrange(1 << 48):x}@example.org>\r\n\r\n")
        size = _size(rng)
        start = text.index(b"\n", rng.randrange(len(text) - size - 1000)) + 1
        body = text[start : text.index(b"\n", start + size) + 1]
        # Dovecot does not show the P in the name of a file as $Forwarded.
        yield head.encode() + body, [flag for flag in flags(rng) if flag != "$Forwarded"], date(rng)


def fill_quickly(session, mailboxes, count, seed=1):
    """As fill(), for a hundred thousand: a tenth more messages than are left in the end."""
    rng = random.Random(seed)
    for name in mailboxes:
        if name != "INBOX":
            session.create(name)
        rows = quick_rows(rng, name, count + count // 10)
        uids = []
        while batch := list(itertools.islice(rows, 250)):
            uids += session.append_many(name, batch, batch=250)
        session.select(name)
        gone = sorted(rng.sample(uids, count // 10))
        for start in range(0, len(gone), 500):
            session.expunge(",".join(map(str, gone[start : start + 500])))


def fill_small(session, mailbox, count, seed=1):
    """Many small messages, quickly: for what depends on their number only."""
    rng = random.Random(seed)
    for start in range(0, count, 500):
        rows = []
        for n in range(start, min(start + 500, count)):
            head = f"Subject: message {n}\r\nMessage-ID: <{seed}.{n}.{rng.randrange(1 << 32):x}@example.org>"
            rows.append((head.encode() + b"\r\n\r\nshort\r\n", ["\\Seen"] if n % 3 else [], None))
        session.append_many(mailbox, rows, batch=500)
