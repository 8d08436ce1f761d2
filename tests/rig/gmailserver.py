"""A server as Gmail is one: mailboxes are labels, and each message is there once, whatever it is under."""

import re
import threading

from rig.imapserver import Server

CAPABILITY = (b"IMAP4rev1 UNSELECT X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH LIST-EXTENDED"
              b" LIST-STATUS LITERAL+ SPECIAL-USE")
ALL, TRASH = "[Gmail]/All Mail", "[Gmail]/Trash"
SPECIAL = {ALL: "\\All", TRASH: "\\Trash", "[Gmail]/Starred": "\\Flagged",
           "[Gmail]/Important": "\\Important", "[Gmail]/Spam": "\\Junk"}
DATE = '"17-Jul-2023 02:44:25 +0000"'


class Message:
    def __init__(self, msgid, body):
        self.msgid = msgid
        self.body = body
        self.flags = set()
        self.uids = {}  # label: UID
        self.modseq = 0


class Label:
    def __init__(self, uidvalidity):
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.messages = {}  # UID: Message
        self.modseq = 1


class Gmail(Server):
    """with Gmail() as server: server.deliver(body, "INBOX", "Work")."""

    def __init__(self, capability=CAPABILITY):
        self.capability = capability
        self.lock = threading.RLock()
        self.labels = {}
        self.by_body = {}
        self.modseq = 1
        self.bodies = 0  # that were asked for
        self.bytes_in = self.bytes_out = 0
        for name in ("INBOX", *SPECIAL):
            self.create(name)
        super().__init__(self._script)

    # What tests do, as another client would.

    def create(self, name):
        self.labels[name] = Label(1000 + len(self.labels))

    def _touch(self, *names):
        self.modseq += 1
        for name in names:
            self.labels[name].modseq = self.modseq

    def label(self, message, name):
        with self.lock:
            label = self.labels[name]
            if name in message.uids:
                return message.uids[name]
            message.uids[name] = label.uidnext
            label.messages[label.uidnext] = message
            label.uidnext += 1
            self._touch(*message.uids)
            message.modseq = self.modseq
            return message.uids[name]

    def unlabel(self, message, name):
        with self.lock:
            del self.labels[name].messages[message.uids.pop(name)]
            self._touch(name)

    def deliver(self, body, *names):
        """The same body again is the same message."""
        with self.lock:
            message = self.by_body.get(body)
            if not message:
                message = self.by_body[body] = Message(1278455344230334000 + len(self.by_body), body)
            for name in (*names, ALL) if TRASH not in names else names:
                self.label(message, name)
            return message

    def trash(self, message):
        """Out of every label, also of those that nobody has asked about."""
        with self.lock:
            for name in list(message.uids):
                self.unlabel(message, name)
            return self.label(message, TRASH)

    def expunge(self, name, uid):
        with self.lock:
            message = self.labels[name].messages[uid]
            self.unlabel(message, name)
            if name == TRASH:
                del self.by_body[message.body]

    def bodies_in(self, name):
        with self.lock:
            return sorted(message.body for message in self.labels[name].messages.values())

    # What the client asks.

    def _script(self, talk):
        say, line, literal = talk.say, talk.line, talk.literal

        def kept_literal(size):
            talk.body = literal(size)
            self.bytes_in += size
            return talk.body

        def counted_say(data):
            self.bytes_out += len(data)
            say(data)

        def counted_line():
            data = line()
            self.bytes_in += len(data) + 2
            return data

        talk.say, talk.line, talk.literal = counted_say, counted_line, kept_literal
        talk.selected = None
        answers = {verb: self._locked(function) for verb, function in {
            "LIST": self._list, "STATUS": self._status, "SELECT": self._select,
            "EXAMINE": self._select, "UNSELECT": self._unselect, "UID FETCH": self._fetch,
            "UID STORE": self._store, "UID EXPUNGE": self._expunge, "UID MOVE": self._move,
            "UID COPY": self._copy, "UID SEARCH": self._search, "APPEND": self._append,
        }.items()}
        talk.serve(answers, self.capability)

    def _locked(self, function):
        def answer(talk, tag, rest):
            with self.lock:
                lines, end = function(talk, rest.decode())
            talk.say("".join(f"* {text}\r\n" for text in lines).encode("latin-1") + tag + b" "
                     + end.encode() + b"\r\n")
        return answer

    def _items(self, name, text):
        label = self.labels[name]
        values = {
            "MESSAGES": len(label.messages), "UIDNEXT": label.uidnext,
            "UIDVALIDITY": label.uidvalidity, "HIGHESTMODSEQ": label.modseq,
            "UNSEEN": sum("\\Seen" not in one.flags for one in label.messages.values()),
        }
        return " ".join(f"{key} {values[key]}" for key in text.split())

    def _list(self, talk, rest):
        status = re.search(r"STATUS \((.*?)\)", rest)
        lines = ['LIST (\\HasChildren \\Noselect) "/" "[Gmail]"']
        for name in self.labels:
            lines.append(f'LIST (\\HasNoChildren {SPECIAL.get(name, "")}) "/" "{name}"')
            if status:
                lines.append(f'STATUS "{name}" ({self._items(name, status[1])})')
        return lines, "OK done"

    def _name(self, rest):
        name = re.match(r'\S+ (?:"([^"]*)"|(\S+))', rest)
        return name[1] or name[2]

    def _status(self, talk, rest):
        name = self._name(rest)
        return [f'STATUS "{name}" ({self._items(name, rest.rpartition("(")[2].rstrip(")"))})'], "OK done"

    def _select(self, talk, rest):
        talk.selected = self._name(rest)
        label = self.labels[talk.selected]
        return [
            "FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)",
            "OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] .",
            f"OK [UIDVALIDITY {label.uidvalidity}] .", f"{len(label.messages)} EXISTS",
            f"OK [UIDNEXT {label.uidnext}] .", f"OK [HIGHESTMODSEQ {label.modseq}] .",
        ], "OK [READ-WRITE] selected"

    def _unselect(self, talk, rest):
        talk.selected = None
        return [], "OK done"

    def _chosen(self, talk, text):
        """(sequence number, UID, message) of those in the set."""
        label = self.labels[talk.selected]
        ranges = [part.partition(":") for part in text.split(",")]
        for number, uid in enumerate(sorted(label.messages), 1):
            if any(int(first) <= uid <= int(last or first) for first, _, last in ranges):
                yield number, uid, label.messages[uid]

    def _fetch(self, talk, rest):
        _, _, text, items = rest.split(" ", 3)
        since = re.search(r"CHANGEDSINCE (\d+)", items)
        lines = []
        for number, uid, message in self._chosen(talk, text):
            if since and message.modseq <= int(since[1]):
                continue
            said = [f"X-GM-MSGID {message.msgid}"] if "X-GM-MSGID" in items else []
            said += [f"UID {uid}", f"MODSEQ ({message.modseq})"]
            said += [f"FLAGS ({' '.join(sorted(message.flags))})"] if "FLAGS" in items else []
            said += [f"INTERNALDATE {DATE}"] if "INTERNALDATE" in items else []
            said += [f"RFC822.SIZE {len(message.body)}"] if "RFC822.SIZE" in items else []
            if "HEADER.FIELDS" in items:
                header = re.search(rb"(?im)^Message-ID:.*\r\n", message.body)
                text = (header[0] if header else b"").decode() + "\r\n"
                said.append(f"BODY[HEADER.FIELDS (MESSAGE-ID)] {{{len(text)}}}\r\n{text}")
            if "BODY.PEEK[]" in items:
                self.bodies += 1
                said.append(f"BODY[] {{{len(message.body)}}}\r\n{message.body.decode('latin-1')}")
            lines.append(f"{number} FETCH ({' '.join(said)})")
        return lines, "OK done"

    def _store(self, talk, rest):
        _, _, text, what, flags = rest.split(" ", 4)
        flags = set(flags.strip("()").split())
        lines = []
        for number, uid, message in self._chosen(talk, text):
            message.flags = message.flags | flags if what[0] == "+" else message.flags - flags
            self._touch(*message.uids)
            message.modseq = self.modseq
            lines.append(f"{number} FETCH (UID {uid} MODSEQ ({message.modseq}))")
        return lines, "OK done"

    def _gone(self, talk, chosen, act):
        """Each has left the mailbox; EXPUNGE with its number as it is by then."""
        lines = []
        for n, (number, uid, message) in enumerate(chosen):
            act(uid, message)
            lines.append(f"{number - n} EXPUNGE")
        return lines

    def _expunge(self, talk, rest):
        chosen = [one for one in self._chosen(talk, rest.split(" ", 2)[2]) if "\\Deleted" in one[2].flags]
        for _, _, message in chosen:
            message.flags.discard("\\Deleted")
        return self._gone(talk, chosen, lambda uid, _: self.expunge(talk.selected, uid)), "OK done"

    def _move(self, talk, rest, keep=False):
        _, _, text, target = rest.split(" ", 3)
        target = target.strip('"')
        chosen = list(self._chosen(talk, text))
        new = []

        def act(uid, message):
            if target == TRASH:
                new.append(self.trash(message))
                return
            new.append(self.label(message, target))
            if not keep:
                self.unlabel(message, talk.selected)

        lines = self._gone(talk, chosen, act)
        if not chosen:
            return [], "OK no messages found"
        code = (f"[COPYUID {self.labels[target].uidvalidity} {','.join(str(uid) for _, uid, _ in chosen)}"
                f" {','.join(map(str, new))}]")
        return ([] if keep else [f"OK {code} moved", *lines]), f"OK {code} done" if keep else "OK done"

    def _copy(self, talk, rest):
        return self._move(talk, rest, keep=True)

    def _append(self, talk, rest):
        """One that is there already gets the label, and no second message comes to be."""
        name = self._name(rest)
        message = self.deliver(talk.body, name)
        flags = re.search(r"\((.*?)\)", rest)
        message.flags |= set(flags[1].split()) if flags else set()
        return [], f"OK [APPENDUID {self.labels[name].uidvalidity} {message.uids[name]}] done"

    def _search(self, talk, rest):
        criteria = re.sub(r"RETURN \(.*?\)", "", rest.split(" ", 2)[2]).split()
        found = set(self.labels[talk.selected].messages)
        while criteria:
            word = criteria.pop(0)
            if word == "UID":
                found &= {uid for _, uid, _ in self._chosen(talk, criteria.pop(0))}
            elif word not in ("ALL", "CHARSET"):
                flag, has = ("\\" + word.removeprefix("UN").capitalize(), not word.startswith("UN"))
                found &= {uid for uid, message in self.labels[talk.selected].messages.items()
                          if (flag in message.flags) == has}
        uids = sorted(found)
        if "RETURN" not in rest:
            return ["SEARCH " + " ".join(map(str, uids))], "OK done"
        said = " UID"
        if "COUNT" in rest:
            said += f" COUNT {len(uids)}"
        if "ALL)" in rest or "ALL " in rest.partition(")")[0]:
            said += f" ALL {','.join(map(str, uids))}" if uids else ""
        return ["ESEARCH" + said], "OK done"
