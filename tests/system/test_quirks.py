"""Servers that do not do what they say: in sync at the end, nothing lost on either side, and a line."""

import re

from rig import case, compare, modelserver, wait_until
from rig.modelserver import Model

# The account ends within this time, whatever the server says.
PATIENCE = 60


def mail(name, text="hello"):
    return f"Message-ID: <{name}@test>\r\nSubject: {name}\r\n\r\n{text}\r\n".encode()


class QuirkTest(case.SystemTest):
    def serve(self, model, settings=None, capability=None):
        if capability:
            model = type(model.__name__, (model,), {"capability": capability})
        self.scripted = modelserver.start(model)
        self.addCleanup(self.scripted.close)
        self.store = self.scripted.store
        self.acc = self.account(settings={
            "host": self.scripted.host, "port": self.scripted.imap_port, "tls": "none", "timeout": "10s",
        } | (settings or {}))

    def fill(self, n=6, mailbox="INBOX"):
        for i in range(n):
            self.store.deliver(mailbox, mail(f"{mailbox}-{i}"), {"\\Seen"} if i % 2 else ())

    def sync(self, status=0):
        result = self.acc.once(timeout=PATIENCE)
        self.assertEqual(self.scripted.problems, [])
        self.assertEqual(result.status, status, f"{result}\n{self.dialogue()}")
        return result

    def dialogue(self):
        return "\n".join(repr(line) for line in self.scripted.heard()[-60:])

    def assert_equal(self):
        found = compare.differences(self.store.remote(), compare.local(self.acc.tree))
        self.assertEqual(found + compare.doubled_names(self.acc.tree), [], self.dialogue())

    def assert_quiet(self):
        """In sync: another run has nothing to do, and does nothing."""
        before = self.store.remote(), self.acc.tree.stamp()
        self.sync()
        self.assertEqual((self.store.remote(), self.acc.tree.stamp()), before, self.dialogue())

    def local_files(self, mailbox="INBOX"):
        return self.acc.tree.folder(mailbox).files()

    def local_change(self):
        """One more, one with another flag and one gone on the local side."""
        folder = self.acc.tree.folder("INBOX")
        files = sorted(folder.files(), key=lambda path: path.read_bytes())
        files[0].unlink()
        folder.set_flags(files[1], {"\\Seen", "\\Flagged"})
        folder.deliver(mail("local"), "1700000000.local.here", "F")

    def remote_change(self):
        mailbox = self.store.mailboxes["INBOX"]
        uids = sorted(m.uid for m in mailbox.messages)
        self.store.expunge("INBOX", uids[-1])
        self.store.set_flags("INBOX", uids[-2], "\\Flagged")
        self.store.deliver("INBOX", mail("remote"))


class Plain(QuirkTest):
    """The model without a quirk is a server like any other."""

    def check(self, capability):
        self.serve(Model, capability=capability)
        self.fill()
        self.fill(3, "a/b")
        self.sync()
        self.assert_equal()
        self.local_change()
        self.remote_change()
        self.sync()
        self.assert_equal()
        self.assertEqual(len(self.local_files()), 6)
        self.assert_quiet()

    def test_full(self):
        self.check(modelserver.FULL)

    def test_condstore(self):
        self.check(modelserver.CONDSTORE)

    def test_plain(self):
        self.check(modelserver.PLAIN)

    def test_bare(self):
        self.check(modelserver.BARE)
