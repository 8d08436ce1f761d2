"""Somebody between us and the server, or the server itself: TLS taken off, certificates of others, and
answers without an end."""

import contextlib
import itertools
import ssl
import tempfile

import linktest
from rig import compare, modelserver
from rig.dovecot import PASSWORD
from torment.attack.stage import RSS_MAX

CAPABILITY = b"IMAP4rev1 LITERAL+ ENABLE UIDPLUS"
MEGABYTE = 1000 * 1000
# What a server without an end may say before it must be left.
FLOOD = 24 * MEGABYTE
# Where it may go on, and take no memory.
STREAM = 2 * MEGABYTE


# TLS

def starttls(stage, *answers, greeting=b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n", words=("TLS",)):
    """One run with tls = starttls against a server that greets and then says these to what it hears."""

    def script(talk):
        talk.say(greeting)
        for answer in answers:
            tag = talk.line().split(b" ")[0]
            talk.say(answer.replace(b"TAG", tag))
        while True:
            talk.line()

    server = stage.scripted(script)
    account = stage.account(settings=stage.endpoint(server, "starttls"))
    model = stage.with_mail(account)
    before = stage.surroundings()
    result = stage.refused(account, *words)
    heard = [line for talk in server.conversations for line in [*talk.heard, talk.buffer]]
    stage.silent(heard)
    stage.judge(model, ("local", compare.local(account.tree)))
    stage.check(stage.surroundings() == before, "files beside the account changed")
    return result


def starttls_stripped(stage):
    """STARTTLS is taken out of the capabilities, and answered BAD."""
    starttls(stage, b"TAG BAD unknown command\r\n",
             greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", words=("STARTTLS",))


def starttls_refused(stage):
    """STARTTLS is offered and then refused."""
    starttls(stage, b"TAG NO not today\r\n", words=("STARTTLS",))


def starttls_injected(stage):
    """Answers stand behind the OK of STARTTLS, in the same packet."""
    starttls(stage, b"TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
             words=("behind its answer to STARTTLS",))


def starttls_and_no_tls(stage):
    """OK to STARTTLS, and IMAP in clear goes on."""
    starttls(stage, b"TAG OK go\r\n", b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", words=("TLS",))


def preauth_before_tls(stage):
    """PREAUTH where TLS was asked for: nothing may be said to it, mail least of all."""
    starttls(stage, greeting=b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n", words=("TLS",))


def bye_before_tls(stage):
    """A referral and an ALERT in clear, to be shown and not to be obeyed."""
    starttls(stage, greeting=b"* BYE [ALERT] \x1b]0;x\x07log in at evil.example instead\r\n", words=("evil.example",))


def certificates(stage):
    """A certificate expired, not yet valid, of another host, self-signed; a good one of another key."""
    made = linktest.Certificates(stage.stack.enter_context(tempfile.TemporaryDirectory()))
    trusted = {"ca-file": made.dir / "ca.pem"}
    pin = f"sha256:{made.pin('self').hex()}"
    present(stage, made, "expired", trusted, "expired on 2021-02-03")
    present(stage, made, "early", trusted, "not valid before")
    present(stage, made, "other", trusted, "is for mail.example.org")
    present(stage, made, "self", trusted, "self-signed")
    present(stage, made, "good", {}, "does not trust")
    present(stage, made, "good", trusted | {"tls-pin": pin}, "public key")
    present(stage, made, "self", {"tls-pin": pin}, "what is heard is told", is_let_in=True)


def present(stage, made, certificate, settings, words, is_let_in=False):
    """One run against a server with this certificate. Who is let in hears the password, nobody else a byte."""
    inner = []

    def script(talk):
        talk.connection = made.context(certificate).wrap_socket(talk.connection, server_side=True)
        talk.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n")
        inner.append(talk.line())
        talk.say(b"* BYE what is heard is told\r\n")

    server = stage.scripted(script)
    name = f"{certificate}-{len(settings)}-{is_let_in}"
    account = stage.account(settings=stage.endpoint(server, "implicit", **settings) | {"host": "localhost"}, name=name)
    model = stage.with_mail(account)
    stage.refused(account, words)
    stage.judge(model, ("local", compare.local(account.tree)))
    is_heard = bool(inner) and PASSWORD.encode() in inner[0]
    stage.check(is_heard == is_let_in, f"{certificate} with {settings}: heard {inner}")


# Without an end

ONE_MESSAGE = (b"* 1 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n"
               b"* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\n")


def status_of_one(talk, tag, line):
    talk.say(b"* STATUS " + line.split(b" ")[1] + b" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n" + tag + b" OK x\r\n")


# A mailbox "box" of one message, that cannot be appended to.
ANSWERS = {
    "LIST": b'* LIST () "/" box\r\n', "SELECT": ONE_MESSAGE, "EXAMINE": ONE_MESSAGE, "STATUS": status_of_one,
    "UID SEARCH": b"* SEARCH 1\r\n", "CREATE": lambda talk, tag, line: talk.say(tag + b" NO never\r\n"),
    "APPEND": lambda talk, tag, line: talk.say(tag + b" NO never\r\n"),
}


def flood(stage, verb, begin, again, words=(), must_cut=True, rss_max=RSS_MAX):
    """A server that answers @verb by @begin and then again(0), again(1) ... without an end; at the limit
    it closes. The local mail stays as it was."""
    limit = FLOOD if must_cut else STREAM
    taken = []

    def pour(talk, _tag, _line):
        talk.say(begin)
        taken.append(0)
        for n in itertools.count():
            piece = again(n)
            talk.say(piece)  # fails when the client has gone
            taken[-1] += len(piece)
            if taken[-1] > limit or talk.stopping.is_set():
                return True

    server = stage.scripted(lambda talk: talk.serve(ANSWERS | {verb: pour}, capability=CAPABILITY))
    account = stage.account(settings=stage.endpoint(server))
    model = stage.with_mail(account)
    stage.refused(account, *words, rss_max=rss_max)
    stage.check(bool(taken), f"{verb} was never said: {server.heard()}")
    stage.check(not must_cut or max(taken, default=0) < limit, f"all of {limit} bytes was read")
    stage.say(f"taken: {[round(n / MEGABYTE, 1) for n in taken]} MB")
    there = compare.local(account.tree)
    stage.check(not there.pop("box", []), "there is a message that never came whole")
    stage.judge(model, ("local", there))
    left = [path for path in account.maildir.rglob("tmp/*")]
    stage.check(not left, f"left in tmp/: {left}")


def lines(form, count=1500):
    """Blocks of so many lines, each with the next number in it."""
    return lambda n: b"".join(form % k for k in range(n * count + 2, n * count + count + 2))


def same(piece):
    return lambda _n: piece


def capability_without_end(stage):
    """A capability list without an end."""
    flood(stage, "LOGIN", b"* CAPABILITY IMAP4rev1", same(b" X-AND-MORE" * 6000))


def capabilities_without_end(stage):
    """Capability lists without an end."""
    flood(stage, "LOGIN", b"", same(b"* CAPABILITY IMAP4rev1 IDLE\r\n" * 2000), must_cut=False)


def text_without_end(stage):
    """The sentence of an answer without an end."""
    flood(stage, "LIST", b"* NO ", same(b"and so on, " * 6000))


def nested_without_end(stage):
    """Lists in lists without an end."""
    flood(stage, "LIST", b"* LIST ", same(b"(" * 65536))


def list_without_end(stage):
    """One list without an end."""
    flood(stage, "LIST", b"* LIST (", same(b"\\HasNoChildren " * 4000))


def literal_of_4_gb(stage):
    """The literal of a mailbox name, said to have 4 GB."""
    flood(stage, "LIST", b'* LIST () "/" {4294967295}\r\n', same(b"x" * 65536))


def literals_without_end(stage):
    """Small literals in one line, without an end."""
    flood(stage, "LIST", b"* LIST (", same(b"{4}\r\nabcd " * 6000))


def mailboxes_without_end(stage):
    """More and more mailboxes."""
    flood(stage, "LIST", b"", lines(b'* LIST () "/" "box/%024d"\r\n'), ("lists too many mailboxes",), rss_max=160)


def body_of_4_gb(stage):
    """A message said to have 500 bytes comes as 4 GB, and never ends."""
    flood(stage, "UID FETCH", b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 500 BODY[] {4294967295}\r\n",
          same(b"x" * 65536), must_cut=False)


def header_of_4_gb(stage):
    """A header that is asked for comes as a literal of 4 GB."""
    flood(stage, "UID FETCH", b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (MESSAGE-ID)] {4294967295}\r\n",
          same(b"x" * 65536))


def messages_without_end(stage):
    """FETCH of messages that are not there: one is, and a million comes."""
    flood(stage, "UID FETCH", b"", lines(b"* %d FETCH (UID 1 FLAGS (\\Seen))\r\n"), must_cut=False)


def uids_without_end(stage):
    """FETCH of UIDs beyond UIDNEXT, one more each time."""
    flood(stage, "UID FETCH", b"", lambda n: b"".join(
        b"* 1 FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 10)\r\n" % k for k in range(n * 1500 + 2, n * 1500 + 1502)),
        must_cut=False)


def turn(stage, model, spoil, limit):
    """A server that is good for one run, and spoiled in the next, which must take no memory: each side holds
    what it held."""
    server = stage.stack.enter_context(contextlib.closing(modelserver.start(model)))
    for n in range(5):
        server.store.deliver("INBOX", b"Message-ID: <%d@there>\r\n\r\nhello\r\n" % n)
    account = stage.account(settings=stage.endpoint(server))
    result = account.once()
    stage.check(result.status == 0, f"the first run ends: {result}")
    local = compare.local(account.tree)
    server.store.expunge("INBOX", 2)
    remote = server.store.remote()
    server.state |= {"spoil": spoil, "limit": limit}
    stage.refused(account, rss_max=16)
    stage.check(server.state.get("poured"), f"it was never asked: {server.heard()[-12:]}")
    stage.say(f"taken: {server.state.get('poured', 0) / MEGABYTE:.1f} MB")
    stage.judge(remote, ("remote", server.store.remote()))
    stage.judge(local, ("local", compare.local(account.tree)))


class Pouring(modelserver.Model):
    """state["spoil"]: the verb whose answer has no end."""

    def pour(self, begin, again):
        self.state["poured"] = 0
        self.talk.say(begin)
        for n in itertools.count():
            piece = again(n)
            self.talk.say(piece)
            self.state["poured"] += len(piece)
            if self.state["poured"] > self.state["limit"] or self.talk.stopping.is_set():
                return True

    def do_SELECT(self, tag, rest):
        if self.state.get("spoil") == "VANISHED" and "QRESYNC" in rest:
            return self.pour(b"* VANISHED (EARLIER) 100", lambda n: odd_numbers(n, b","))
        return super().do_SELECT(tag, rest)

    def do_UID_SEARCH(self, tag, rest):
        if self.state.get("spoil") == "SEARCH":
            begin = f'* ESEARCH (TAG "{tag}") UID ALL 100'.encode() if rest.startswith("RETURN") else b"* SEARCH 100"
            return self.pour(begin, lambda n: odd_numbers(n, b"," if rest.startswith("RETURN") else b" "))
        return super().do_UID_SEARCH(tag, rest)


def odd_numbers(n, comma):
    return b"".join(b"%b%d" % (comma, 2 * k) for k in range(100 + n * 6000, 6100 + n * 6000))


def search_without_end(stage):
    """SEARCH finds every second number there is."""
    turn(stage, type("Plain", (Pouring,), {"capability": modelserver.CONDSTORE}), "SEARCH", 8 * STREAM)


def vanished_without_end(stage):
    """Every second message that never was has vanished."""
    turn(stage, Pouring, "VANISHED", STREAM // 4)


def keywords_without_end(stage):
    """A message with more and more keywords."""
    flood(stage, "UID FETCH", b"", lines(b"* 1 FETCH (UID 1 FLAGS (keyword%09d))\r\n"), must_cut=False)


def numbers(stage):
    """Numbers that fit nowhere."""
    for n, line in enumerate((b"* 99999999999999999999 EXISTS\r\n", b"* -1 EXISTS\r\n", b"* OK [UIDVALIDITY 0] x\r\n",
                              b"* OK [UIDNEXT 4294967296] x\r\n", b"* 1 FETCH (UID 0 FLAGS ())\r\n",
                              b"* SEARCH 0 4294967296\r\n", b"* VANISHED 1:4294967295\r\n")):
        server = stage.scripted(lambda talk, line=line: talk.serve(
            ANSWERS | {"SELECT": ONE_MESSAGE + line, "EXAMINE": ONE_MESSAGE + line}, capability=CAPABILITY))
        account = stage.account(settings=stage.endpoint(server), name=f"account{n}")
        model = stage.with_mail(account)
        stage.refused(account)
        there = compare.local(account.tree)
        there.pop("box", None)
        stage.judge(model, ("local", there))


ATTACKS = [
    starttls_stripped, starttls_refused, starttls_injected, starttls_and_no_tls, preauth_before_tls, bye_before_tls,
    certificates, capability_without_end, capabilities_without_end, text_without_end, nested_without_end,
    list_without_end, literal_of_4_gb, literals_without_end, mailboxes_without_end, body_of_4_gb, header_of_4_gb,
    messages_without_end, uids_without_end, search_without_end, vanished_without_end, keywords_without_end, numbers,
]
