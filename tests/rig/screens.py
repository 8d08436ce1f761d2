"""The pictures of the README: what imapsyncctl shows of a daemon at work, captured from a terminal."""

import argparse
import copy
import pathlib
import re
import shutil
import sys
import tempfile

from rig import IMAPSYNCCTL, IMAPSYNCD, REPOSITORY, dns, populate, wait_until
from rig.account import Account
from rig.dovecot import PASSWORD, Dovecot
from rig.screen import Terminal, capture

SIZES = [(80, 24), (120, 24)]
MAX_BYTES = 20_000
NEW = b"From: Ada <ada@example.org>\r\nSubject: hello\r\nMessage-ID: <%d@screens>\r\n\r\n%s\r\n"
PARAGRAPH = b"some words on a line of their own\r\n" * 600

SETUP_ROWS = 52
ADDRESS, HOST = "alice@example.test", "imap.example.test"
# What setup asks, and what a person answers who takes what is proposed, but for the user's name and a file for
# the password.
ANSWERS = [("Is that the server?", ""), ("User name", "alice"), ("Name of the account", ""),
           ("where the mail will be", ""), ("Number [", r"(\d+)  a file that only you"),
           ("Password (not shown)", PASSWORD), ("Write it?", "")]

# Two more accounts, that something is wrong with.
OTHERS = """
[account home]
host = {host}
port = {port}
ca-file = {ca}
user = bob
password = {password}
maildir = {directory}/home

[account lists]
host = {host}
port = {port}
ca-file = {ca}
user = carol
password = not the password
maildir = {directory}/lists
"""


class Studio:
    """A server, a daemon with accounts, and a terminal for one program after the other."""

    def __init__(self, directory, server):
        self.directory, self.server = directory, server
        self.account = Account(directory / "account", server, name="work",
                               settings={"bandwidth": "400kB/s", "disable-extensions": "COMPRESS=DEFLATE"})
        self.account.write_config(OTHERS.format(
            host=server.host, port=server.imaps_port, ca=server.ca_file, password=PASSWORD,
            directory=directory))
        self.pictures = {}

    def command(self, *args):
        return [IMAPSYNCCTL, "--socket", self.account.socket, *args]

    def environment(self, colour):
        env = self.account.environment() | {"TERM": "xterm"}
        if colour:
            env.pop("NO_COLOR")
        return env

    def takes(self):
        """Each size, with and without colour."""
        return [(columns, rows, colour) for columns, rows in SIZES for colour in (True, False)]

    def keep(self, name, screen, columns, colour):
        """As it is now: the program goes on."""
        key = f"{name}-{columns}{'' if colour else '-plain'}"
        self.pictures[key] = (copy.deepcopy(screen), f"imapsyncctl: {name}")

    def status(self):
        for columns, rows, colour in self.takes():
            _, screen = capture(self.command("status"), columns, rows, self.environment(colour))
            self.keep("status", screen, columns, colour)

    def setup(self):
        """From an address to a configuration, in a home where nothing is yet."""
        records = {("_imaps._tcp.example.test", "SRV"): [(0, 0, self.server.imaps_port, HOST)],
                   (HOST, "A"): [self.server.host]}
        with dns.NameServer(self.directory, records) as names:
            for take, (columns, _, colour) in enumerate(self.takes()):
                home = self.directory / f"alice{take}"
                home.mkdir()
                command = [*names.prefix, IMAPSYNCCTL, "setup", ADDRESS, "--ca-file", self.server.ca_file,
                           "--no-enable"]
                env = self.environment(colour) | {"HOME": str(home)}
                env["PATH"] = f"{IMAPSYNCD.parent}:{env['PATH']}"
                with Terminal(command, columns, SETUP_ROWS, env) as terminal:
                    for question, answer in ANSWERS:
                        text = terminal.wait_for(question, "the question")
                        number = re.search(answer, text) if question.startswith("Number") else None
                        terminal.type((number[1] if number else answer) + "\n")
                    if terminal.wait() != 0:
                        raise AssertionError(terminal.screen.text())
                    self.keep("setup", terminal.screen, columns, colour)

    def progress(self):
        """A first synchronisation for each take: the state and the Maildir of before are taken away."""
        for columns, rows, colour in self.takes():
            shutil.rmtree(self.account.maildir, ignore_errors=True)
            self.account.database.unlink(missing_ok=True)
            with self.account.daemon() as daemon:
                daemon.wait_ready()
                with Terminal(self.command("sync", "--wait", "work"), columns, rows,
                              self.environment(colour)) as terminal:
                    terminal.wait_for("s left", "the time left", deadline=60)
                    self.keep("progress", terminal.screen, columns, colour)
                    if terminal.wait(120) != 0:
                        raise AssertionError(terminal.screen.text())

    def deliver(self, session, count, start, body=b"text"):
        for n in range(start, start + count):
            session.append("INBOX", NEW % (n, body))

    def watch(self, session):
        for take, (columns, rows, colour) in enumerate(self.takes()):
            with Terminal(self.command("watch"), columns, rows, self.environment(colour)) as terminal:
                self.wait_for_watch(terminal, session, 1000 * (take + 1))
                self.deliver(session, 2, 1000 * (take + 1) + 500)
                session.store("1", "+" if take % 2 else "-", ["\\Flagged"])
                self.account.ctl("resume", "lists")
                terminal.wait_for("lists: refused", "the account that is refused")
                terminal.wait_for(lambda text: text.count("synced") > 1, "what was delivered")
                self.keep("watch", terminal.screen, columns, colour)

    def wait_for_watch(self, terminal, session, start):
        """Until it shows what happens: before, an event may have come too early for it."""
        number = iter(range(start, start + 100))

        def shows():
            self.deliver(session, 1, next(number))
            terminal.read(0.5)
            return "synced" in terminal.screen.text()

        wait_until(shows, "watch is there")

    def top(self, session):
        for take, (columns, rows, colour) in enumerate(self.takes()):
            with Terminal(self.command("top"), columns, rows, self.environment(colour)) as terminal:
                terminal.wait_for("work", "the accounts")
                self.deliver(session, 80, 10_000 * (take + 1), PARAGRAPH)
                terminal.wait_for(lambda text: "kB/s" in text and "[=" in text, "a transfer at work")
                terminal.settle()
                self.keep("top", terminal.screen, columns, colour)
                terminal.type("q")
                if terminal.wait() != 0:
                    raise AssertionError(terminal.screen.text())
            self.account.ctl("sync", "--wait", "work", timeout=120)


def shoot(directory):
    """All pictures: name to (screen, title)."""
    with Dovecot(directory / "server", hosts=("localhost", "127.0.0.1", HOST)) as server:
        studio = Studio(directory, server)
        with server.session() as session:
            populate.fill(session, ["INBOX", "Sent", "lists/announce"], 40, holes=False)
            for n in range(60):
                session.append("Sent", NEW % (n, PARAGRAPH))
            studio.setup()
            studio.progress()
            session.select("INBOX")
            with studio.account.daemon() as daemon:
                daemon.wait_ready()
                wait_until(lambda: studio.account.ctl("sync", "--wait", "work").status == 0, "in sync")
                wait_until(lambda: studio.account.ctl("sync", "--wait", "home").status == 0, "in sync")
                wait_until(lambda: studio.account.ctl_json("status", "lists")[0]["state"] == "refused",
                           "one is refused")
                studio.status()
                studio.watch(session)
                studio.top(session)
    return studio.pictures


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/screens", description=__doc__)
    parser.add_argument("--text", action="store_true", help="print them, and write nothing")
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=REPOSITORY / ".github/screens")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="imapsyncd-screens-") as directory:
        pathlib.Path(directory).chmod(0o755)  # the server's users are others
        pictures = shoot(pathlib.Path(directory))
    for name, (screen, title) in sorted(pictures.items()):
        if options.text:
            print(f"--- {name}\n{screen.text()}\n")
            continue
        options.folder.mkdir(parents=True, exist_ok=True)
        picture = screen.svg(title)
        if len(picture.encode()) > MAX_BYTES:
            raise AssertionError(f"{name}: {len(picture.encode())} bytes are too many for a README")
        (options.folder / f"{name}.svg").write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
