"""Completions in real shells, by what arrives at the program when somebody types and presses TAB."""

import os
import re
import signal
import unittest

from rig import case, shell

ODD = ["Sent Items", "Entwürfe/日本 語", "It's $HOME", 'a "quote" \\ too', "x:y=z", "(a|b) & c; d", "#hash~", "!bang*"]


class Completion(case.SystemTest):
    """One daemon, with mailboxes whose names a shell would take for something else."""

    def setUp(self):
        super().setUp()
        server = self.server(store="mdbox")
        with self.session(server) as session:
            for name in ODD:
                session.create(name)
        self.acc = self.account(server)
        self.daemon = self.acc.daemon()
        self.addCleanup(self.daemon.stop)
        self.daemon.wait_in_sync()

    def complete(self, *words):
        """What imapsyncctl says may come next, by word."""
        result = self.acc.ctl("complete", "--", *words)
        self.assertEqual(result.status, 0, str(result))
        kind, *lines = result.out.splitlines()
        return kind, dict(line.split("\t") for line in lines)


class Words(Completion):
    def test_words(self):
        kind, verbs = self.complete("")
        self.assertEqual((kind, verbs["reload"]), ("words", "read the configuration again"))
        self.assertEqual(self.complete("status", ""), ("words", {"test": "in sync"}))
        _, mailboxes = self.complete("sync", "--wait", "test", "")
        self.assertEqual(set(mailboxes) - {"Entwürfe"}, {"INBOX", *ODD})
        self.assertEqual(mailboxes["Sent Items"], "0 unseen of 0")
        _, rest = self.complete("sync", "test", "INBOX", "Sent Items", "")
        self.assertEqual(set(rest), set(mailboxes) - {"INBOX", "Sent Items"})
        self.assertEqual(self.complete("confirm", "test", ""), ("words", {}))
        self.assertEqual(self.complete("--socket", ""), ("files", {}))

    def test_a_daemon_that_stands_still(self):
        """It is not waited for, and the words that need no daemon come all the same."""
        os.kill(self.daemon.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.daemon.pid, signal.SIGCONT)
        result = self.acc.ctl("complete", "--", "status", "", timeout=10)
        self.assertEqual((result.status, result.out), (3, "words\n"))
        _, verbs = self.complete("")
        self.assertIn("status", verbs)
        os.kill(self.daemon.pid, signal.SIGCONT)

    def test_no_daemon(self):
        self.daemon.stop()
        result = self.acc.ctl("complete", "--", "status", "")
        self.assertEqual((result.status, result.out), (3, "words\n"))


class Shells(Completion):
    """Keys, and the words that arrive."""

    CTL = [
        ("imapsyncctl relo\t\n", ["imapsyncctl", "reload"]),
        ("imapsyncctl status te\t\n", ["imapsyncctl", "status", "test"]),
        ("imapsyncctl sync --wa\tte\tINB\t\n", ["imapsyncctl", "sync", "--wait", "test", "INBOX"]),
        ("imapsyncctl sync test Sen\tIN\t\n", ["imapsyncctl", "sync", "test", "Sent Items", "INBOX"]),
        ("imapsyncctl sync test Sent\\ It\t\n", ["imapsyncctl", "sync", "test", "Sent Items"]),
        ("imapsyncctl sync test Entwürfe/\t\n", ["imapsyncctl", "sync", "test", "Entwürfe/日本 語"]),
        ("imapsyncctl sync test It\t\n", ["imapsyncctl", "sync", "test", "It's $HOME"]),
        ("imapsyncctl sync test a\t\n", ["imapsyncctl", "sync", "test", 'a "quote" \\ too']),
        ("imapsyncctl sync test x:\t\n", ["imapsyncctl", "sync", "test", "x:y=z"]),
        ("imapsyncctl sync test x:y=\t\n", ["imapsyncctl", "sync", "test", "x:y=z"]),
        ("imapsyncctl sync test '(a'\t\n", ["imapsyncctl", "sync", "test", "(a|b) & c; d"]),
        ("imapsyncctl sync test \\#h\t\n", ["imapsyncctl", "sync", "test", "#hash~"]),
        ("imapsyncctl sync test \\!\t\n", ["imapsyncctl", "sync", "test", "!bang*"]),
        ("imapsyncctl sync test 'Sent\t\n", ["imapsyncctl", "sync", "test", "Sent Items"]),
        ('imapsyncctl sync test "Sent\t\n', ["imapsyncctl", "sync", "test", "Sent Items"]),
        ('imapsyncctl sync test "a\t\n', ["imapsyncctl", "sync", "test", 'a "quote" \\ too']),
        ("imapsyncctl policy met\t--fo\t2h\n", ["imapsyncctl", "policy", "metered", "--for", "2h"]),
        ("imapsyncctl --socket fil\tstat\tx\n", ["imapsyncctl", "--socket", "file name", "status", "x"]),
        ("imapsyncd --onc\tte\t\n", ["imapsyncd", "--once", "test"]),
        ("imapsyncd -c fil\t\n", ["imapsyncd", "-c", "file name"]),
        ("imapsyncd --state-dir fol\t\n", ["imapsyncd", "--state-dir", "folder/"]),
    ]

    def run_shell(self, name):
        if not shell.is_there(name):
            self.skipTest(f"{name} is not there")
        home = self.directory / "home"
        (home / "folder").mkdir(parents=True)
        (home / "file name").write_text("")
        config = home / ".config" / "imapsyncd" / "imapsyncd.conf"
        config.parent.mkdir(parents=True)
        config.write_text(self.acc.config.read_text())
        config.chmod(0o600)
        # where imapsyncctl looks by itself
        runtime = self.directory / "runtime"
        (runtime / "imapsyncd").mkdir(parents=True)
        (runtime / "imapsyncd" / "control").symlink_to(self.acc.socket)
        with shell.Shell(name, home, variables={"XDG_RUNTIME_DIR": str(runtime)}) as sh:
            for keys, words in self.CTL:
                with self.subTest(keys):
                    got = sh.type(keys)
                    self.assertEqual([re.sub("^folder$", "folder/", word) for word in got], words)

    def test_bash(self):
        self.run_shell("bash")

    def test_zsh(self):
        self.run_shell("zsh")

    def test_fish(self):
        self.run_shell("fish")


if __name__ == "__main__":
    unittest.main()
