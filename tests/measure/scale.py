"""How the cost grows: with messages, with mailboxes, with accounts. Each row is one size, imapsyncd with a Maildir."""

import contextlib
import pathlib
import sys
import tempfile
import time

from measure import content, once, programs, tables as markdown
from measure.live import Process
from rig import netns, populate, wait_until
from rig.account import Account
from rig.dovecot import PASSWORD, Dovecot
from rig.proxy import Proxy

NOOPS = 3
PAUSE = 4.0  # seconds between two looks at a server that cannot tell what changes
# As Dovecot, but for NOTIFY.
NO_NOTIFY = ("IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE SPECIAL-USE MULTIAPPEND UNSELECT NAMESPACE UIDPLUS LIST-EXTENDED"
             " CONDSTORE QRESYNC ESEARCH MOVE LIST-STATUS COMPRESS=DEFLATE")


def arguments(parser):
    for what, default, most in (("messages", "100,1000,10000", "1000000"), ("mailboxes", "10,100,1000", "10000"),
                                ("accounts", "1,10,100", "1000")):
        parser.add_argument(f"--scale-{what}", default=default, type=numbers,
                            help=f"sizes of scale, with commas (default: {default}; --full: to {most})")
    parser.add_argument("--quiet", type=float, default=20, help="seconds to watch idle accounts (default: %(default)s)")


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def full(options):
    options.scale_messages = [10**n for n in range(2, 7)]
    options.scale_mailboxes = [10**n for n in range(1, 5)]
    options.scale_accounts = [1, 10, 100, 1000]
    options.quiet = 300


@contextlib.contextmanager
def place(**options):
    """A directory, a link, and a server on it."""
    with tempfile.TemporaryDirectory(prefix="imapsyncd-scale-") as name, netns.Link() as link:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        with Dovecot(directory / "remote", "mdbox", addresses=("127.0.0.1", link.address), **options) as server:
            yield directory, link, server


def program_on(directory, link, server):
    return programs.Imapsyncd(directory / "home", programs.Way(link, server, False), None)


def costs(program, server, change, count):
    """{scene: [Row]}: the first sync, runs with nothing to do, and one new message; so many messages before it."""
    tree = program.account.tree
    found = {once.FIRST: [once.measured(program, program.once())]}
    there = sum(len(tree.folder(name).files()) for name in tree.mailboxes())
    if there != count:
        raise AssertionError(f"{there} of {count} messages are in the Maildir")
    once.measured(program, program.once())
    youngest = program.store().youngest()
    wait_until(lambda: time.time() - youngest > once.RESTED, "the folders rest", deadline=60, interval=0.1)
    found[once.NOOP] = [once.measured(program, program.once()) for _ in range(NOOPS)]
    with server.session(content.USER) as session:
        session.append("INBOX", change)
    found[once.NEW] = [once.measured(program, program.once())]
    if len(tree.folder("INBOX").files()) != count_of(server):
        raise AssertionError("the new message is not in the Maildir")
    return found


def count_of(server):
    with server.session(content.USER) as session:
        [row] = session.command('STATUS "INBOX" (MESSAGES)')
        return int(row[2][1])


def by_messages(count):
    with place() as (directory, link, server):
        with server.session(content.USER) as session:
            populate.fill_small(session, "INBOX", count)
        return costs(program_on(directory, link, server), server, NEW_MESSAGE, count)


NEW_MESSAGE = b"Subject: new\r\nMessage-ID: <new@example.org>\r\n\r\nnew\r\n"


def by_mailboxes(count):
    with place() as (directory, link, server):
        with server.session(content.USER) as session:
            for name in populate.plain_names(count):
                if name != "INBOX":
                    session.create(name)
                populate.fill_small(session, name, 1, seed=name)
        program = program_on(directory, link, server)
        found = costs(program, server, NEW_MESSAGE, count)
        server.stop()
        server.capability = NO_NOTIFY
        server.start()
        return found | {"open": on_open_connection(program.account, server)}


def on_open_connection(account, server):
    """A look at all mailboxes, because the pause is over, where the server cannot tell by itself: what crosses
    the line. The first one, and each twentieth, asks for UIDVALIDITY too; counted is the one behind it."""
    with Proxy("127.0.0.1", server.imap_port) as proxy:
        account.settings |= {"host": proxy.host, "port": proxy.port}
        account.prefix = []
        account.write_config(f"[daemon]\npoll-interval = {PAUSE:g}s\n")
        with account.daemon() as daemon:
            daemon.wait_in_sync(600)
            full, usual = one_look(proxy), one_look(proxy)
    return usual | {"full_bytes": full["bytes_in"] + full["bytes_out"]}


def one_look(proxy):
    before = still(proxy)
    wait_until(lambda: counted(proxy) != before, "the daemon looks at the server", 120)
    return dict(zip(("bytes_in", "bytes_out", "round_trips"), (b - a for a, b in zip(before, still(proxy)))))


def counted(proxy):
    return proxy.down, proxy.up, proxy.round_trips


def still(proxy):
    """What the proxy has counted, when nothing passes any more."""
    last = [None]

    def is_still():
        before, last[0] = last[0], counted(proxy)
        return before == last[0]

    wait_until(is_still, "the line is quiet", 60, PAUSE / 4)
    return last[0]


MANY_USERS = "service imap {{\n  process_limit = 2000\n  client_limit = 20\n}}\ndefault_client_limit = 20000\n".format()


def by_accounts(count, seconds, prefix=()):
    """So many accounts in one process, each of another user, all waiting. prefix: what runs the daemon."""
    with place(settings=MANY_USERS) as (directory, link, server):
        account = Account(directory / "home")
        account.prefix = [*link.prefix, *prefix]
        account.write_text("".join(section(account, link, server, n) for n in range(count)))
        account.name = "user0"
        for n in range(count):
            with server.session(f"user{n}") as session:
                session.append("INBOX", NEW_MESSAGE)
        process = DaemonProcess(account)
        try:
            return watch(process, account, link, seconds)
        finally:
            process.stop()


def section(account, link, server, n):
    return (f"[account user{n}]\nhost = {link.address}\nport = {server.imap_port}\ntls = none\nallow-cleartext = yes\n"
            f"user = user{n}\npassword = {PASSWORD}\nmaildir = {account.directory}/Mail{n}\n")


class DaemonProcess(Process):
    """The daemon of a configuration with many accounts."""

    name = "imapsyncd"

    def __init__(self, account):
        self.home, self.environment, self.live = account.directory, account.environment(), account.command
        super().__init__(self)


def watch(process, account, link, seconds):
    """In sync, and then left alone."""

    def is_in_sync():
        process.check()
        return account.socket.exists() and account.ctl("sync", "--wait", timeout=600).status == 0

    wait_until(is_in_sync, "all accounts are in sync", 600, 0.5)
    wait_still(process)
    (cpu, switches), traffic = process.taken(), link.count()
    time.sleep(seconds)
    after = process.taken()
    crossed = link.since(traffic)
    return {"rss": process._field("VmRSS", threads="") * 1024, "cpu": after[0] - cpu, "switches": after[1] - switches,
            "seconds": seconds, "bytes": crossed.bytes_in + crossed.bytes_out}


def wait_still(process):
    """Until it does nothing more."""
    last = [None]

    def is_still():
        before, last[0] = last[0], process.taken()[1]
        return before == last[0]

    wait_until(is_still, "the daemon waits", 120, 2.0)


def measure(options, _kinds):
    found = {"messages": {}, "mailboxes": {}, "accounts": {}, "wrong": []}
    for what, run in (("messages", by_messages), ("mailboxes", by_mailboxes),
                      ("accounts", lambda count: by_accounts(count, options.quiet))):
        for count in getattr(options, f"scale_{what}"):
            print(f"  {count} {what} ...", file=sys.stderr, flush=True)
            try:
                found[what][str(count)] = run(count)
            except AssertionError as error:
                found["wrong"].append(f"{count} {what}: {error}")
    return found


def median_of(rows):
    return markdown.median([once.Row(*row) for row in rows])


def cells(rows):
    row = median_of(rows)
    return [f"{row.wall:.3f} s", f"{1000 * row.cpu:.1f} ms", f"{row.rss / 1e6:.2f} MB",
            markdown.size(row.bytes_in + row.bytes_out), f"{row.packets_in + row.packets_out:.0f}"]


def tables(found):
    if not found:
        return []
    lines = []
    for what in ("messages", "mailboxes"):
        if found[what]:
            lines += ["", f"### Scale: {what}{' in one mailbox' if what == 'messages' else ', one message in each'}", ""]
            lines += markdown.table((what, "run", "real", "CPU", "max RSS", "bytes", "packets"), [
                (count, scene, *cells(rows)) for count, scenes in found[what].items()
                for scene, rows in scenes.items() if scene != "open"])
    lines += open_table(found["mailboxes"]) + account_table(found["accounts"])
    return lines + [line for sentence in found["wrong"] for line in ("", f"Not counted: {sentence.strip()[:300]}")]


def open_table(found):
    if not found:
        return []
    looks = {int(count): row["open"] for count, row in found.items()}
    rows = [(count, look["bytes_in"], look["bytes_out"], look["round_trips"],
             f"{(look['bytes_in'] + look['bytes_out']) / count:.1f}",
             f"{look['full_bytes'] / count:.1f}" if "full_bytes" in look else "") for count, look in looks.items()]
    return ["", "### Scale: all mailboxes looked at on an open connection, bytes of TCP's contents", "",
            *markdown.table(("mailboxes", "bytes in", "out", "round trips", "bytes a mailbox", "each twentieth"), rows)]


def account_table(found):
    if not found:
        return []
    rows = [(count, f"{row['rss'] / 1e6:.1f} MB", f"{row['rss'] / int(count) / 1000:.0f} kB", f"{row['seconds']:.0f} s",
             row["switches"], f"{1000 * row['cpu']:.1f} ms", row["bytes"]) for count, row in found.items()]
    return ["", "### Scale: idle accounts in one process, under NOTIFY", "",
            *markdown.table(("accounts", "RSS", "an account", "watched", "wake-ups", "CPU", "bytes"), rows)]
