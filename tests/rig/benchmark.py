"""The InterIMAP benchmark's measurements, for imapsyncd and for its peers in the same run.

The remote store is mdbox with holes in the row of UIDs, messages are of about 4 kB, the network is
plain TCP. Times have the resolution of GNU time; compare them within one run only.
"""

import os
import pathlib
import random
import shutil
import sys
import tempfile

from rig import interimap, netns, populate
from rig.account import Account
from rig.dovecot import PASSWORD, Dovecot

MAILBOXES = (1, 75)
USER = "alice"


class Program:
    """Something that brings a local store in sync with the server, once."""

    def __init__(self, directory, server, link, name):
        self.name = name
        self.account = Account(directory / name.replace(" ", ""), server, tls="none", settings={
            "host": link.address, "port": server.imap_port, "allow-cleartext": "yes",
        })
        self.home = self.account.directory
        self.link = link
        self.server = server
        self.environment = {}

    def command(self):
        return self.account.command("--once")

    def run(self):
        """One run: GNU time's line and the traffic."""
        out = self.home / "time"
        prefix = [*self.link.prefix, "time", "--format", "%U %S %e %P %M", "--output", out]
        results = []
        assignments = [f"{key}={value}" for key, value in self.environment.items()]
        command = ["env", *assignments, *prefix, *self.command()]
        traffic = self.link.traffic(lambda: results.append(self.account.run(command, timeout=3600)))
        if results[0].status != 0:
            raise SystemExit(f"{self.name}: {results[0]}")
        return (*out.read_text().split()[-5:], *traffic)


class InterImap(Program):
    """Its local side is an IMAP server: a second Dovecot, reached through a command."""

    def __init__(self, directory, server, link, name):
        super().__init__(directory, server, link, name)
        self.local = Dovecot(directory / "local", "maildir").start()
        self.local.session(USER).close()  # makes the home
        self.environment = interimap.configure(self.home, link.address, server.imap_port, USER,
                                               self.local.tunnel(USER))

    def command(self):
        return ["interimap", "--quiet"]


class OfflineImap(Program):
    options = ()

    def __init__(self, directory, server, link, name):
        super().__init__(directory, server, link, name)
        (self.home / "rc").write_text(
            f"[general]\naccounts = a\nui = quiet\nmetadata = {self.home}/metadata\n"
            "[Account a]\nlocalrepository = l\nremoterepository = r\n"
            f"[Repository l]\ntype = Maildir\nlocalfolders = {self.home}/Mail\n"
            f"[Repository r]\ntype = IMAP\nremotehost = {link.address}\nremoteport = {server.imap_port}\n"
            f"remoteuser = {USER}\nremotepass = {PASSWORD}\nssl = no\nstarttls = no\n"
        )

    def command(self):
        return ["offlineimap", *self.options, "-c", self.home / "rc"]


class OfflineImapQuick(OfflineImap):
    options = ("-q",)


def programs(peers):
    found = [("imapsyncd", Program)]
    if peers:
        candidates = [("interimap", InterImap), ("offlineimap -q", OfflineImapQuick),
                      ("offlineimap", OfflineImap)]
        found += [(name, kind) for name, kind in candidates if shutil.which(name.split()[0])]
    return found


def change(server, names, number):
    """What happens on the server before a reconciliation, as in that benchmark."""
    rng = random.Random(number)
    with server.session() as session:
        if len(names) == 1:
            session.append(names[0], populate.message(rng, f"bench{number}", 4000))
            return
        for name in (names[1], names[1], names[2]):
            session.append(name, populate.message(rng, f"bench{number}", 4000))
        for name, count in ((names[2], 2), (names[3], 2), (names[4], 1)):
            session.select(name)
            session.expunge(",".join(map(str, rng.sample(session.uids(), count))))


HEADER = ("", "user", "system", "real", "CPU", "max RSS", "bytes in", "out", "packets in", "out")


def show(name, row):
    user, system, real, cpu, rss, bytes_in, bytes_out, packets_in, packets_out = row
    cells = (name, user + " s", system + " s", real + " s", cpu, rss + " kB",
             bytes_in, bytes_out, packets_in, packets_out)
    print_row(cells)


def print_row(cells):
    print(f"{cells[0]:16}" + "".join(f"{cell!s:>11}" for cell in cells[1:]), flush=True)


def measure(count, messages, peers):
    with tempfile.TemporaryDirectory(prefix="imapsyncd-bench-") as directory, netns.Link() as link:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        with Dovecot(directory / "server", "mdbox", addresses=("127.0.0.1", link.address)) as server:
            names = populate.plain_names(count)
            with server.session() as session:
                populate.fill(session, names, messages)
            running = [kind(directory, server, link, name) for name, kind in programs(peers)]
            try:
                measure_programs(running, server, names, messages)
            finally:
                for program in running:
                    if isinstance(program, InterImap):
                        program.local.kill()


def measure_programs(running, server, names, messages):
    for program in running:
        program.run()  # the first sync
        program.run()
    print(f"\n{len(names)} mailboxes with {messages} messages each" if len(names) > 1
          else f"\nOne mailbox with {messages} messages")
    for what, number in (("nothing to do", None), ("a few changes", 1)):
        if number:
            change(server, names, number)
        print(f"\n{what}")
        print_row(HEADER)
        for program in running:
            show(program.name, program.run())


def main(arguments):
    peers = "--peers" in arguments
    counts = [int(word) for word in arguments if word.isdigit()] or [100, 1000]
    if os.getuid() != 0 or not netns.is_possible():
        print("The benchmark needs root and network namespaces.", file=sys.stderr)
        return 1
    for count in MAILBOXES:
        for messages in counts:
            measure(count, messages, peers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
