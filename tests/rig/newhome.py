"""A home where nothing is set up yet, for imapsyncctl setup."""

import subprocess

from rig import IMAPSYNCCTL, IMAPSYNCD, case, maildir, populate
from rig.account import Account
from rig.terminal import Terminal

ADDRESS = "alice@example.test"
HOST = "imap.example.test"
MAILBOXES = ["INBOX", "Entwürfe", "lists/announce"]
MESSAGES = 4


class SetupTest(case.SystemTest):
    """A home where nothing is configured yet, and a server with some mail."""

    def setUp(self):
        super().setUp()
        self.home = self.directory / "home"
        self.home.mkdir()
        self.folder = self.home / ".config" / "imapsyncd"
        self.config = self.folder / "imapsyncd.conf"
        self.prefix = []
        self.variables = {}

    def filled_server(self, **options):
        server = self.server(hosts=("localhost", "127.0.0.1", HOST), **options)
        populate.fill(self.session(server), MAILBOXES, MESSAGES, holes=False)
        return server

    def environment(self):
        account = Account(self.directory / "unused", settings={"host": "localhost"})
        env = account.environment() | {"HOME": str(self.home), "TERM": "dumb"}
        env["PATH"] = f"{self.directory / 'bin'}:{IMAPSYNCD.parent}:{env['PATH']}"
        return env | self.variables

    def command(self, *args):
        return [*self.prefix, IMAPSYNCCTL, "setup", *args]

    def setup(self, *args, stdin="", timeout=120):
        """Without a terminal."""
        return subprocess.run([str(word) for word in self.command(*args)], input=stdin, text=True,
                              capture_output=True, timeout=timeout, env=self.environment())

    def terminal(self, *args):
        terminal = Terminal(self.command(*args), self.environment())
        self.addCleanup(terminal.__exit__)
        return terminal

    @staticmethod
    def flags(server, *more):
        """All but the address, the password, and what becomes of it."""
        return ["--host", server.host, "--port", server.imaps_port, "--ca-file", server.ca_file,
                "--user", "alice", "--no-enable", *more]

    def once(self, *args):
        """The new account at work, with nothing said but where things are by default."""
        return subprocess.run([IMAPSYNCD, "--once", *args], env=self.environment(), text=True,
                              capture_output=True, timeout=120)

    def assert_works(self, server, name="example"):
        result = self.once(name)
        self.assertEqual(result.returncode, 0, result.stderr)
        tree = maildir.Tree(self.home / "Mail" / name, "fs")
        files = sum(len(tree.folder(mailbox).files()) for mailbox in MAILBOXES)
        self.assertEqual(files, len(MAILBOXES) * MESSAGES)

    def assert_nothing_written(self):
        names = [path.name for path in self.folder.iterdir()] if self.folder.exists() else []
        self.assertEqual(names, [])

    def assert_says(self, result, status, *words):
        """One sentence, without a hint of how it came about."""
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
