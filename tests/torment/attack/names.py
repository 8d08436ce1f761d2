"""Names and words that a server, a sender or a program in the Maildir chose with care."""

import contextlib
import json
import os
import re

from rig import compare, modelserver
from rig.account import Account

# On the wire; each holds a message. What cannot be a name here is left out with a sentence.
NAMES = [
    b"..", b".", b"../../x", b"a/../../b", b"a/../b", b"/etc/passwd", b"//x", b"a//b", b"a/./b", b"~/x", b"~root/x",
    b"cur", b"new", b"tmp", b"a/cur", b"INBOX/cur", b"INBOX/new", b"INBOX/tmp/x", b"INBOX/dovecot-keywords", b".hidden", b"a/.hidden", b"a.b", b".a.b",
    b"inbox/x", b"InBoX", b"Box", b"box", b"BOX", b"dovecot-keywords", b"subscriptions", b"maildirfolder", b"lost+found",
    b"with\nnewline", b"with\r\n* OK [ALERT] injected", b"with\0nul", b"\x1b]0;title\x07", b"\x1b[2Jgone", b"\x7f",
    b"&AAA-", b"&AAo-", b"&ABs-[31m", b"&AJs-31m", b"&IC4-gpj", b"&ICg-line", b"&AC8-", b"&AC4ALg-", b"&2D0-", b"&", b"&-&",
    b"&AMQ", b"&AEE-", b"\xff\xfe", b"caf\xc3\xa9", b"\xc0\xaf..", b"\xe2\x80\xaegpj", b"%s%n%x", b"$(touch x)", b"`x`", b"-rf",
    b"a;b", b"a'b", b'a"b', b"a\\b", b"a*b", b"a%b", b"|x", b"x" * 255, b"x" * 256, b"/".join([b"x" * 200] * 19), b"x" * 4000,
    b"/".join([b"d"] * 64), b"/".join([b"d"] * 65), b"/".join([b"d"] * 1000), b"", b" ", b"  x  ", b"\xc2\xa0", b"CON", b"x:2,S",
]
# What writes from right to left has marks of it in its names; but there is no use for these, and for half
# a character.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Words that a server says to be shown.
WORDS = b"\x1b]0;title\x07\x1b[2J \x9b31m \xe2\x80\xaegpj \xc2\x9b0m \xff end"


class Hostile(modelserver.Model):
    """Mailboxes are called in the store as on the wire, in Latin-1, and "|" stands for the delimiter."""

    capability = "IMAP4rev1 LITERAL+ UIDPLUS UNSELECT"
    delimiter = "/"

    def names(self):
        return sorted(self.store.mailboxes)

    def wire(self, name):
        data = name.encode("latin-1").replace(b"/", self.delimiter.encode())
        return b"{%d}\r\n%b" % (len(data), data)

    def quoted_delimiter(self):
        return b'"%b"' % self.delimiter.replace("\\", "\\\\").encode()

    def do_LIST(self, tag, rest):
        if rest.endswith('""'):
            self.say(b'* LIST (\\Noselect) %b ""' % self.quoted_delimiter())
            return self.ok(tag)
        for name in self.names():
            self.say(b"* LIST () %b %b" % (self.quoted_delimiter(), self.wire(name)))
        return self.ok(tag, WORDS.decode("latin-1"))

    def do_LSUB(self, tag, rest):
        self.ok(tag)

    def do_CREATE(self, tag, rest):
        self.talk.say(b"%b NO [CANNOT] %b\r\n" % (tag.encode(), WORDS))

    def do_STATUS(self, tag, rest):
        name, rest = self.mailbox_of(rest)
        if name not in self.store.mailboxes:
            return self.talk.say(b"%b NO [NONEXISTENT] %b\r\n" % (tag.encode(), WORDS))
        told = super().status_line(name, rest.strip("()").split()).rpartition("(")[2]
        self.say(b"* STATUS %b (%b" % (self.wire(name), told.encode()))
        return self.ok(tag)

    def do_SELECT(self, tag, rest):
        if self.mailbox_of(rest)[0] not in self.store.mailboxes:
            return self.talk.say(b"%b NO [NONEXISTENT] %b\r\n" % (tag.encode(), WORDS))
        return super().do_SELECT(tag, rest)


def mailbox_names(stage):
    """Names that would be other files, other commands or other lines."""
    hold(stage, "fs", "/")
    hold(stage, "maildir++", ".")


def mailbox_names_more(stage):
    """The same with other delimiters."""
    for layout, delimiter in (("fs", "."), ("fs", "\\"), ("fs", "]"), ("maildir++", "/"), ("maildir++", "\\")):
        hold(stage, layout, delimiter)


mailbox_names_more.is_long = True


def hold(stage, layout, delimiter):
    """Two runs and a daemon with all those names: nothing but the Maildir is touched, nothing raw is shown."""
    server = stage.stack.enter_context(contextlib.closing(
        modelserver.start(type("Hostile", (Hostile,), {"delimiter": delimiter}))))
    for n, name in enumerate(NAMES):
        server.store.deliver(name.decode("latin-1"), b"Message-ID: <%d@there>\r\n\r\nhello\r\n" % n)
    account = stage.account(settings=stage.endpoint(server), layout=layout, name=f"{layout}{ord(delimiter)}")
    model = stage.with_mail(account)
    before = stage.surroundings()
    for args in ((), ("-vv",)):
        result, rss = stage.once(account, *args)
        stage.check(result.status == 1, f"status 1, for what is left out: {result.status}: {result.err[-300:]}")
        stage.safe(result.out + result.err)
        stage.check(rss < 40, f"it took {rss:.0f} MB")
    show(stage, account)
    stage.check(stage.surroundings() == before, "files beside the account changed: "
                f"{sorted(set(stage.surroundings().items()) ^ set(before.items()))[:3]}")
    stage.check(server.problems == [], f"the server was told what it cannot read: {server.problems[:3]}")
    stage.judge(model, ("local", {"INBOX": ours(account.tree.folder("INBOX"))}))
    look(stage, account)


def ours(folder):
    """The messages that were here before."""
    rows = [compare.message(path.read_bytes(), folder.flags(path, {}), str(path)) for path in folder.files()]
    return [row for row in rows if "@local" in row.label]


def show(stage, account):
    """What the daemon and imapsyncctl make of them."""
    with account.daemon() as daemon:
        daemon.wait_ready()
        account.ctl("sync", "--wait")
        for verb in (["status"], ["mailboxes", "test"], ["held"], ["verify", "test"]):
            plain, parsed = account.ctl(*verb), account.ctl("--json", *verb)
            stage.safe(plain.out + plain.err + parsed.err)
            for line in parsed.out.splitlines():
                json.loads(line)
        daemon.stop()
        stage.safe(daemon.log())


def look(stage, account):
    """Every name below the Maildir is one that a shell and a terminal can live with."""
    n_folders = 0
    for path, directories, _ in os.walk(account.maildir):
        n_folders += "cur" in directories
        for name in directories:
            stage.check(not CONTROL.search(name), f"a folder is called {name!r}")
        stage.check(not any(os.path.islink(os.path.join(path, name)) for name in directories), f"links in {path}")
    stage.say(f"{account.directory.name}: {n_folders} folders of {len(NAMES)} names")
    stage.check(n_folders > 10, "hardly any of them became a folder")


def local_names(stage):
    """Folders and files of the Maildir that are called so."""
    server = stage.dovecot()
    account = stage.account(server, tls="none")
    wanted = stage.with_mail(account)
    for name in (b"esc\x1b[2J", b"new\nline", b"\xff\xfe", b"c1\xc2\x9b31m", "turned\u202egpj".encode(), b"&AAA-", b"%s%n", b"*"):
        for sub in (b"cur", b"new", b"tmp"):
            os.makedirs(os.path.join(os.fsencode(account.maildir), name, sub))
    cur = os.fsencode(account.tree.folder("INBOX").path) + b"/cur/"
    for n, name in enumerate((b"170\x1b[2J.host:2,S", b"171\n.host:2,S", b"172.\xff.host:2,FF", b"173:2,:2,\x07", b"174.host:2,zZ\xc2\x9b",
                              b":2,", b"175" + b"x" * 245, b"-176.host:2,", b"177%s%n.host:2,S", "178\u202e.host:2,S".encode())):
        with open(cur + name, "wb") as file:
            file.write(b"Message-ID: <odd%d@local>\n\nhello\n" % n)
    before = stage.surroundings()
    for args in ((), ("-vv",)):
        result, _ = stage.once(account, *args)
        stage.safe(result.out + result.err)
    show(stage, account)
    with server.session() as session:
        remote = compare.remote(session)
    stage.check(len(remote["INBOX"]) == 15, f"{len(remote['INBOX'])} of 15 messages are there")
    local = compare.local(account.tree)
    stage.judge({"INBOX": remote["INBOX"]}, ("local", {"INBOX": local["INBOX"]}))
    stage.check(wanted["INBOX"][0] in local["INBOX"], "the local mail changed")
    stage.check(stage.surroundings() == before, "files beside the account changed")


def words(stage):
    """Sentences of a server with escape sequences, at every place where one is shown."""
    for n, greeting in enumerate((b"* BYE " + WORDS, b"* NO " + WORDS, WORDS, b"* OK [CAPABILITY IMAP4rev1] " + WORDS)):
        server = stage.scripted(lambda talk, greeting=greeting: _say_and_refuse(talk, greeting))
        account = stage.account(settings=stage.endpoint(server), name=f"account{n}")
        for args in ((), ("-vv",)):
            result, _ = stage.once(account, *args)
            stage.check(result.status == 1, f"{greeting}: status {result.status}")
            stage.safe(result.out + result.err)
            stage.check("end" in result.err, f"its words are told: {result.err[-300:]}")


def _say_and_refuse(talk, greeting):
    talk.say(greeting + b"\r\n")
    while True:
        tag = talk.line().split(b" ")[0]
        talk.say(b"* NO [ALERT] " + WORDS + b"\r\n" + tag + b" NO [AUTHENTICATIONFAILED] " + WORDS + b"\r\n")


ATTACKS = [mailbox_names, mailbox_names_more, local_names, words]
