"""A small real IMAP server in memory, made to be spoiled: a quirk is a subclass that overrides a line.

    class Liar(Model):
        def exists(self, view):
            return super().exists(view) + 1

    with modelserver.start(Liar) as server:
        server.store.deliver("INBOX", b"Message-ID: <a@b>\\r\\n\\r\\nhello\\r\\n")

What all connections share is in server.store; a Model is one connection.
"""

import re
import threading

from rig import compare
from rig.imapserver import Server

FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
DATE = '"17-Jul-2023 02:44:25 +0000"'
FULL = ("IMAP4rev1 ENABLE CONDSTORE QRESYNC IDLE LIST-EXTENDED LIST-STATUS UIDPLUS LITERAL+ ESEARCH"
        " UNSELECT MOVE ID")
CONDSTORE = "IMAP4rev1 ENABLE CONDSTORE IDLE LIST-EXTENDED LIST-STATUS UIDPLUS LITERAL+ ESEARCH UNSELECT"
PLAIN = "IMAP4rev1 IDLE UIDPLUS LITERAL+ UNSELECT ID"
BARE = "IMAP4rev1 UIDPLUS"


class Message:
    def __init__(self, uid, body, flags, date, modseq):
        self.uid = uid
        self.body = body
        self.flags = set(flags)
        self.date = date
        self.modseq = modseq

    def label(self):
        found = re.search(rb"(?im)^message-id:\s*(\S+)", self.body)
        return found[1] if found else b""


class Mailbox:
    def __init__(self, uidvalidity):
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 1
        self.messages = []  # ascending by UID
        self.gone = []  # (UID, modseq)
        self.unselectable = False

    def change(self):
        self.modseq += 1
        return self.modseq

    def add(self, body, flags=(), date=DATE):
        message = Message(self.uidnext, body, flags, date, self.change())
        self.uidnext += 1
        self.messages.append(message)
        return message

    def find(self, uid):
        return next((m for m in self.messages if m.uid == uid), None)

    def expunge(self, uids):
        for message in [m for m in self.messages if m.uid in uids]:
            self.messages.remove(message)
            self.gone.append((message.uid, self.change()))

    def set_flags(self, message, flags):
        if flags != message.flags:
            message.flags = set(flags)
            message.modseq = self.change()


class Store:
    """What the server holds, for all connections. A test changes it as another client would."""

    def __init__(self):
        self.lock = threading.RLock()
        self.mailboxes = {}
        self.n_made = 0
        self.create("INBOX")

    def create(self, name):
        with self.lock:
            self.n_made += 1
            return self.mailboxes.setdefault(name, Mailbox(1000 + self.n_made))

    def deliver(self, name, body, flags=(), date=DATE):
        with self.lock:
            return self.create(name).add(body, flags, date).uid

    def expunge(self, name, *uids):
        with self.lock:
            self.mailboxes[name].expunge(uids)

    def set_flags(self, name, uid, *flags):
        with self.lock:
            mailbox = self.mailboxes[name]
            mailbox.set_flags(mailbox.find(uid), flags)

    def delete(self, name):
        with self.lock:
            del self.mailboxes[name]

    def remote(self):
        """As rig.compare.remote() has it."""
        with self.lock:
            return {name: [compare.message(m.body, m.flags, f"UID {m.uid}") for m in mailbox.messages]
                    for name, mailbox in self.mailboxes.items()}


def uids_of(text, last):
    """The set of a command: "1:3,7:*"."""
    found = []
    for part in text.split(","):
        a, _, b = part.partition(":")
        a, b = (last if x == "*" else int(x) for x in (a, b or a))
        found.append((min(a, b), max(a, b)))
    return lambda uid: any(a <= uid <= b for a, b in found)


def set_of(numbers):
    return ",".join(map(str, sorted(numbers)))


def unquote(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


class Model:
    """One connection. do_VERB(tag, rest) answers a command; @rest is what stands behind the verb."""

    capability = FULL
    greeting = "ready"
    name = None  # what ID says
    delimiter = "/"
    answers_expunge = "OK done"

    def __init__(self, talk, store, state):
        self.talk = talk
        self.store = store
        self.state = state  # of the server, for what a quirk does once
        self.selected = None  # name
        self.mailbox = None
        self.view = []  # UIDs, as the client knows them by number
        self.told = 0  # modseq
        self.qresync = self.condstore = self.uidonly = False
        self.literal = b""

    # The conversation

    def say(self, line):
        self.talk.say((line if isinstance(line, bytes) else line.encode()) + b"\r\n")

    def greet(self):
        self.say(f"* OK [CAPABILITY {self.capability}] {self.greeting}")

    def run(self):
        self.greet()
        while True:
            line = self.talk.line()
            self.literal = b""
            while match := re.search(rb"\{(\d+)(\+?)\}\Z", line):
                if not match[2]:
                    self.say("+ go on")
                self.literal = self.talk.literal(int(match[1]))
                line = line[:match.start()] + self.talk.line()
            tag, _, rest = line.decode().partition(" ")
            verb, _, rest = rest.partition(" ")
            if verb.upper() == "UID":
                verb, _, rest = rest.partition(" ")
                verb = "UID_" + verb
            with self.store.lock:
                answer = getattr(self, "do_" + verb.upper(), None)
                if not answer:
                    self.say(f"{tag} BAD unknown command")
                elif answer(tag, rest):
                    return

    def ok(self, tag, text="done"):
        self.say(f"{tag} OK {text}")

    # Any state

    def do_CAPABILITY(self, tag, rest):
        self.say(f"* CAPABILITY {self.capability}")
        self.ok(tag)

    def do_NOOP(self, tag, rest):
        self.tell_news()
        self.ok(tag)

    def do_LOGOUT(self, tag, rest):
        self.say("* BYE bye")
        self.ok(tag)
        return True

    def do_ID(self, tag, rest):
        self.say(f'* ID ("name" "{self.name}")' if self.name else "* ID NIL")
        self.ok(tag)

    def do_LOGIN(self, tag, rest):
        self.ok(tag, f"[CAPABILITY {self.capability}] in")

    def do_ENABLE(self, tag, rest):
        enabled = [word for word in rest.split() if word in self.capability.split()]
        self.qresync = self.condstore = "QRESYNC" in enabled
        self.uidonly = "UIDONLY" in enabled
        self.say(" ".join(["* ENABLED", *enabled]))
        self.ok(tag)

    # Mailboxes

    def shown(self, mailbox):
        """The messages that this connection sees."""
        return mailbox.messages

    def names(self):
        return sorted(self.store.mailboxes)

    def list_line(self, name):
        return f'* LIST () "{self.delimiter}" "{name.replace("/", self.delimiter)}"'

    def status_line(self, name, items):
        mailbox = self.store.mailboxes[name]
        values = {"MESSAGES": len(self.shown(mailbox)), "UIDNEXT": mailbox.uidnext,
                  "UIDVALIDITY": mailbox.uidvalidity, "HIGHESTMODSEQ": mailbox.modseq,
                  "UNSEEN": sum("\\Seen" not in m.flags for m in mailbox.messages)}
        self.condstore |= "HIGHESTMODSEQ" in items
        told = " ".join(f"{item} {values[item]}" for item in items)
        return f'* STATUS "{name.replace("/", self.delimiter)}" ({told})'

    def do_LIST(self, tag, rest):
        status = re.search(r"STATUS \(([^)]*)\)", rest)
        if re.search(r'""$', rest.partition(" RETURN")[0].partition(" ")[2]):
            self.say(f'* LIST (\\Noselect) "{self.delimiter}" ""')
            return self.ok(tag)
        for name in self.names():
            self.say(self.list_line(name))
            if status and name in self.store.mailboxes:
                self.say(self.status_line(name, status[1].split()))
        self.ok(tag)

    def do_LSUB(self, tag, rest):
        for name in self.names():
            self.say(self.list_line(name).replace("* LIST", "* LSUB"))
        self.ok(tag)

    def mailbox_of(self, rest):
        """The name that the command begins with, and what follows it."""
        match = re.match(r'("(?:[^"\\]|\\.)*"|\S+) ?(.*)', rest)
        return unquote(match[1]).replace(self.delimiter, "/"), match[2]

    def do_STATUS(self, tag, rest):
        name, rest = self.mailbox_of(rest)
        if name not in self.store.mailboxes:
            return self.say(f"{tag} NO [NONEXISTENT] no such mailbox")
        self.say(self.status_line(name, rest.strip("()").split()))
        self.ok(tag)

    def do_CREATE(self, tag, rest):
        name, _ = self.mailbox_of(rest)
        if name in self.store.mailboxes:
            return self.say(f"{tag} NO [ALREADYEXISTS] it is there")
        self.store.create(name)
        self.ok(tag)

    def do_DELETE(self, tag, rest):
        self.store.delete(self.mailbox_of(rest)[0])
        self.ok(tag)

    def do_SUBSCRIBE(self, tag, rest):
        self.ok(tag)

    do_UNSUBSCRIBE = do_SUBSCRIBE

    def select_lines(self, mailbox):
        return [f"* FLAGS ({' '.join(FLAGS)})", f"* OK [PERMANENTFLAGS ({' '.join(FLAGS)} \\*)] .",
                f"* {len(self.shown(mailbox))} EXISTS", "* 0 RECENT",
                f"* OK [UIDVALIDITY {mailbox.uidvalidity}] .", f"* OK [UIDNEXT {mailbox.uidnext}] .",
                *([f"* OK [HIGHESTMODSEQ {mailbox.modseq}] ."] if "CONDSTORE" in self.capability else [])]

    def do_SELECT(self, tag, rest, mode="READ-WRITE"):
        if self.selected and self.condstore:
            self.say("* OK [CLOSED] .")
        self.selected = self.mailbox = None
        name, rest = self.mailbox_of(rest)
        mailbox = self.store.mailboxes.get(name)
        if not mailbox or mailbox.unselectable:
            return self.say(f"{tag} NO [NONEXISTENT] no such mailbox")
        self.condstore |= "CONDSTORE" in rest
        self.selected, self.mailbox = name, mailbox
        self.view = [m.uid for m in self.shown(mailbox)]
        self.told = mailbox.modseq
        for line in self.select_lines(mailbox):
            self.say(line)
        if match := re.search(r"QRESYNC \((\d+) (\d+)", rest):
            if int(match[1]) == mailbox.uidvalidity and int(match[2]) <= mailbox.modseq:
                self.tell_since(int(match[2]))
        self.ok(tag, f"[{mode}] selected")

    def do_EXAMINE(self, tag, rest):
        return self.do_SELECT(tag, rest, "READ-ONLY")

    def do_UNSELECT(self, tag, rest):
        self.selected = self.mailbox = None
        self.ok(tag)

    do_CLOSE = do_UNSELECT  # only used after EXAMINE

    def vanished_earlier(self, since):
        return {uid for uid, modseq in self.mailbox.gone if modseq > since}

    def tell_since(self, since):
        if gone := self.vanished_earlier(since):
            self.say(f"* VANISHED (EARLIER) {set_of(gone)}")
        for message in self.mailbox.messages:
            if message.modseq > since:
                self.tell_message(message, ["UID", "FLAGS", "MODSEQ"])

    def tell_news(self):
        """What others did to the selected mailbox."""
        if not self.mailbox:
            return
        now = {m.uid for m in self.shown(self.mailbox)}
        gone = [uid for uid in self.view if uid not in now]
        if gone and (self.qresync or self.uidonly):
            self.say(f"* VANISHED {set_of(gone)}")
        for uid in gone:
            if not self.qresync and not self.uidonly:
                self.say(f"* {self.view.index(uid) + 1} EXPUNGE")
            self.view.remove(uid)
        for message in self.mailbox.messages:
            if message.modseq > self.told and message.uid in self.view:
                self.tell_message(message, ["UID", "FLAGS", "MODSEQ"] if self.qresync else ["FLAGS"])
        if len(now) > len(self.view):
            self.view = [m.uid for m in self.shown(self.mailbox)]
            self.say(f"* {len(self.view)} EXISTS")
        if self.qresync and self.mailbox.modseq > self.told:
            self.say(f"* OK [HIGHESTMODSEQ {self.mailbox.modseq}] .")
        self.told = self.mailbox.modseq

    # Messages

    def body(self, message):
        return message.body

    def size(self, message):
        return len(message.body)

    def item(self, message, item):
        """The value of a FETCH item, and how it is called in the answer."""
        if item == "UID":
            return b"UID %d" % message.uid
        if item == "FLAGS":
            return b"FLAGS (" + " ".join(sorted(message.flags)).encode() + b")"
        if item == "MODSEQ":
            return b"MODSEQ (%d)" % message.modseq
        if item == "INTERNALDATE":
            return b"INTERNALDATE " + message.date.encode()
        if item == "RFC822.SIZE":
            return b"RFC822.SIZE " + str(self.size(message)).encode()
        if item == "BODY.PEEK[]":
            body = self.body(message)
            return b"BODY[] NIL" if body is None else b"BODY[] {%d}\r\n%b" % (len(body), body)
        assert item.startswith("BODY.PEEK[HEADER.FIELDS"), item
        label = message.label()
        header = (b"Message-ID: " + label + b"\r\n" if label else b"") + b"\r\n"
        return b"BODY[HEADER.FIELDS (MESSAGE-ID)] {%d}\r\n%b" % (len(header), header)

    def tell_message(self, message, items):
        if message.uid not in self.view:
            return
        values = [self.item(message, item) for item in items]
        if self.uidonly:
            values = [value for value in values if not value.startswith(b"UID ")]
            return self.say(b"* %d UIDFETCH (%b)" % (message.uid, b" ".join(values)))
        number = self.view.index(message.uid) + 1
        self.say(b"* %d FETCH (%b)" % (number, b" ".join(values)))

    def chosen(self, text):
        last = self.mailbox.messages[-1].uid if self.mailbox.messages else 0
        wanted = uids_of(text, last)
        return [m for m in self.shown(self.mailbox) if wanted(m.uid)]

    def do_FETCH(self, tag, rest):
        if self.uidonly:
            return self.say(f"{tag} BAD [UIDREQUIRED] UIDONLY is enabled")
        numbers, _, rest = rest.partition(" ")
        assert rest == "(UID)", rest
        wanted = uids_of(numbers, len(self.view))
        for number, uid in enumerate(self.view, 1):
            if wanted(number):
                self.say(f"* {number} FETCH (UID {uid})")
        self.ok(tag)

    def do_UID_FETCH(self, tag, rest):
        if not self.mailbox:
            return self.say(f"{tag} BAD nothing is selected")
        numbers, _, rest = rest.partition(" ")
        assert "*" not in numbers, "“*” means something else on some servers (Cyrus, Exchange)"
        since = re.search(r"CHANGEDSINCE (\d+)", rest)
        items = re.findall(r"BODY\.PEEK\[[^]]*\]|[A-Z0-9.]+", rest.partition(" (CHANGEDSINCE")[0])
        if since or self.condstore:
            self.condstore = True
            items.append("MODSEQ")
        self.view += [m.uid for m in self.shown(self.mailbox) if m.uid not in self.view]
        for message in self.chosen(numbers):
            if not since or message.modseq > int(since[1]):
                self.tell_message(message, ["UID", *(i for i in items if i != "UID")])
        self.tell_news()
        self.ok(tag)

    def do_UID_STORE(self, tag, rest):
        if not self.mailbox:
            return self.say(f"{tag} BAD nothing is selected")
        numbers, verb, flags = re.match(r"(\S+) (?:\(UNCHANGEDSINCE \d+\) )?(\S+) \((.*)\)", rest).groups()
        flags = set(flags.split())
        for message in self.chosen(numbers):
            self.mailbox.set_flags(message, message.flags | flags if verb[0] == "+" else message.flags - flags)
            if self.condstore:
                self.tell_message(message, ["UID", "MODSEQ"])
        self.told = self.mailbox.modseq
        self.ok(tag)

    def do_UID_EXPUNGE(self, tag, rest):
        if "UIDPLUS" not in self.capability:
            return self.say(f"{tag} BAD unknown command")
        self.mailbox.expunge({m.uid for m in self.chosen(rest) if "\\Deleted" in m.flags})
        self.tell_news()
        self.say(f"{tag} {self.answers_expunge}")

    def do_EXPUNGE(self, tag, rest):
        self.mailbox.expunge({m.uid for m in self.mailbox.messages if "\\Deleted" in m.flags})
        self.tell_news()
        self.ok(tag)

    def matches(self, message, keys):
        keys = iter(keys)
        for key in keys:
            wanted = True
            if key == "NOT":
                wanted, key = False, next(keys)
            if key == "UID":
                found = message in self.chosen(next(keys))
            elif key in ("KEYWORD", "UNKEYWORD"):
                found = (next(keys) in message.flags) == (key == "KEYWORD")
            elif key == "ALL":
                found = True
            else:
                flag = "\\" + key.removeprefix("UN").capitalize()
                found = (flag in message.flags) != key.startswith("UN")
            if found != wanted:
                return False
        return True

    def do_UID_SEARCH(self, tag, rest):
        asked = re.match(r"RETURN \((.*?)\) (.*)", rest)
        keys = (asked[2] if asked else rest).replace("(", "").replace(")", "").split()
        found = [m.uid for m in self.shown(self.mailbox) if self.matches(m, keys)]
        if asked:
            self.say(self.esearch(tag, asked[1].split(), found))
        else:
            self.say(" ".join(["* SEARCH", *map(str, found)]))
        self.tell_news()
        self.ok(tag)

    def esearch(self, tag, items, found):
        answer = f'* ESEARCH (TAG "{tag}") UID'
        if "ALL" in items and found:
            answer += f" ALL {set_of(found)}"
        return answer + (f" COUNT {len(found)}" if "COUNT" in items else "")

    def append(self, name, body, flags, date):
        return self.store.mailboxes[name].add(body, flags, date).uid

    def appended(self, name, uid):
        if "UIDPLUS" not in self.capability:
            return "done"
        return f"[APPENDUID {self.store.mailboxes[name].uidvalidity} {uid}] done"

    def do_APPEND(self, tag, rest):
        name, rest = self.mailbox_of(rest)
        if name not in self.store.mailboxes:
            return self.say(f"{tag} NO [TRYCREATE] no such mailbox")
        flags = re.search(r"\(([^)]*)\)", rest)
        date = re.search(r'"[^"]*"', rest)
        uid = self.append(name, self.literal, set(flags[1].split()) if flags else set(),
                          date[0] if date else DATE)
        self.tell_news()
        self.ok(tag, self.appended(name, uid))

    def copy(self, numbers, target):
        copied = [(m.uid, self.store.mailboxes[target].add(m.body, m.flags, m.date).uid)
                  for m in self.chosen(numbers)]
        if not copied:
            return "[CLIENTBUG] nothing"
        return (f"[COPYUID {self.store.mailboxes[target].uidvalidity} {set_of(a for a, _ in copied)}"
                f" {set_of(b for _, b in copied)}]")

    def do_UID_COPY(self, tag, rest):
        numbers, _, rest = rest.partition(" ")
        name, _ = self.mailbox_of(rest)
        self.ok(tag, self.copy(numbers, name))

    def do_UID_MOVE(self, tag, rest):
        numbers, _, rest = rest.partition(" ")
        name, _ = self.mailbox_of(rest)
        uids = {m.uid for m in self.chosen(numbers)}
        self.say(f"* OK {self.copy(numbers, name)}")
        self.mailbox.expunge(uids)
        self.tell_news()
        self.ok(tag)

    def do_IDLE(self, tag, rest):
        self.say("+ idling")
        lock = self.store.lock
        self.tell_news()
        lock.release()
        try:
            line = self.talk.line()
        finally:
            lock.acquire()
        assert line.upper() == b"DONE", line
        self.tell_news()
        self.ok(tag)


def start(model=Model, store=None):
    """A running server, each connection of which is a @model."""
    store = store or Store()
    state = {}
    server = Server(lambda talk: model(talk, store, state).run())
    server.store = store
    server.state = state
    return server
