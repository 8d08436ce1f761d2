"""The life of mailboxes, both ways: renamed, deleted, subscribed, and names that one side cannot hold."""

import os
import shutil
import signal

from rig import case, names, number, populate, proxy, wait_until

MESSAGES = number("MESSAGES", 300)

# All that the tests' Dovecot has but NOTIFY, so that the daemon must poll.
WITHOUT_NOTIFY = ("IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE CONDSTORE QRESYNC UIDPLUS MOVE UNSELECT ESEARCH"
                  " LIST-EXTENDED LIST-STATUS MULTIAPPEND NAMESPACE")
BARE = "IMAP4rev1 UIDPLUS MULTIAPPEND"

# What a rename of any size may cost in one session, both ways: no body, and no line for each message.
RENAME_BYTES = 6000


class Mailboxes(case.SystemTest):
    def begin(self, layout="fs", store="mdbox", settings=None, **options):
        """Work with a child, and two other mailboxes, in sync."""
        self.dovecot = self.server(store, **options)
        self.other = self.session(self.dovecot)
        populate.fill(self.other, ["INBOX", "Kept"], 10)
        for name in ("Work", "Work/inner"):
            self.other.create(name)
            populate.fill_small(self.other, name, MESSAGES if name == "Work" else 10, seed=len(name))
        self.other.select("INBOX")  # Dovecot ends a session whose mailbox is deleted
        self.counter = proxy.Proxy(self.dovecot.host, self.dovecot.imap_port)
        self.addCleanup(self.counter.__exit__)
        self.acc = self.account(self.dovecot, layout=layout, tls="none", settings={
            "host": self.counter.host, "port": self.counter.port, "allow-cleartext": "yes",
        } | (settings or {}))
        self.once(self.acc, timeout=600)
        self.assert_equal_sides(self.acc, self.dovecot)

    def cost(self, action):
        """Bytes on the wire, both ways, while the action runs."""
        before = self.counter.down + self.counter.up
        action()
        return self.counter.down + self.counter.up - before

    def rename_remote(self, old, new):
        self.other.command(b"RENAME " + self.other.wire(old) + b" " + self.other.wire(new))

    def rename_local(self, old, new):
        """As a person would: one directory, or in the Maildir++ layout each of them."""
        tree = self.acc.tree
        pairs = [(old, new)]
        if tree.layout != "fs":
            pairs += [(name, new + name[len(old):]) for name in tree.mailboxes()
                      if name.startswith(old + "/")]
        for a, b in pairs:
            tree.folder(b).path.parent.mkdir(parents=True, exist_ok=True)
            tree.folder(a).path.rename(tree.folder(b).path)

    def check_renamed(self, new="Projects/2026"):
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertEqual(set(remote), {"INBOX", "Kept", new, new + "/inner"})
        self.assertEqual(len(remote[new]), MESSAGES)

    def inodes(self, mailbox):
        return sorted(path.stat().st_ino for path in self.acc.tree.folder(mailbox).files())

    # --once

    def check_once(self, layout, rename, limit=RENAME_BYTES, **options):
        self.begin(layout, **options)
        inodes = self.inodes("Work")
        rename("Work", "Projects/2026")
        cost = self.cost(lambda: self.once(self.acc))
        print(f"  {layout}, {MESSAGES} messages: {cost} B", flush=True)
        self.check_renamed()
        self.assertEqual(self.inodes("Projects/2026"), inodes)
        self.assertLess(cost, limit)
        self.once(self.acc)
        self.check_renamed()

    def test_remote_fs(self):
        self.check_once("fs", self.rename_remote)

    def test_remote_plusplus(self):
        self.check_once("maildir++", self.rename_remote)

    def test_local_fs(self):
        self.check_once("fs", self.rename_local)

    def test_local_plusplus(self):
        self.check_once("maildir++", self.rename_local)

    def test_remote_bare(self):
        self.check_once("fs", self.rename_remote, 2 * RENAME_BYTES, capability=BARE)  # and searches for flags

    def test_local_bare(self):
        self.check_once("fs", self.rename_local, 2 * RENAME_BYTES, capability=BARE)

    def test_dry_run(self):
        self.begin()
        self.rename_remote("Work", "Projects")
        before = self.acc.tree.stamp()
        result = self.once(self.acc, "--dry-run")
        self.assertRegex(result.out, "Work: would rename the local mailbox to “Projects”")
        self.assertEqual(self.acc.tree.stamp(), before)
        self.assertEqual(set(self.other.mailboxes()), {"INBOX", "Kept", "Projects", "Projects/inner"})

    def test_killed(self):
        """At any time: the next run goes on, and nothing is doubled."""
        self.begin()
        names = ["Work", "A", "B", "C", "D", "E", "F"]
        for n, (old, new) in enumerate(zip(names, names[1:])):
            (self.rename_remote if n % 2 else self.rename_local)(old, new)
            daemon = self.acc.daemon("--once")
            try:
                wait_until(lambda: daemon.process.poll() is not None or
                           self.counter.down % 7 == n, "a moment", interval=0.001)
                os.kill(daemon.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            daemon.wait()
            self.once(self.acc)
            self.check_renamed(new)

    def check_rotated(self, layout):
        """Renamed, and another one made in its place: as people do with what has become too big."""
        self.begin(layout)
        self.rename_remote("Kept", "Kept 2025")
        self.other.create("Kept")
        populate.fill_small(self.other, "Kept", 1, seed=9)
        self.rename_local("Work", "Work 2025")
        for sub in ("cur", "new", "tmp"):
            (self.acc.tree.folder("Work").path / sub).mkdir(parents=True)
        cost = self.cost(lambda: self.once(self.acc))
        self.assertLess(cost, 2 * RENAME_BYTES)
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertEqual({name: len(rows) for name, rows in remote.items()}, {
            "INBOX": 10, "Kept": 1, "Kept 2025": 10, "Work": 0, "Work 2025": MESSAGES, "Work 2025/inner": 10,
        })

    def test_rotated_fs(self):
        self.check_rotated("fs")

    def test_rotated_plusplus(self):
        self.check_rotated("maildir++")

    # The daemon

    def check_daemon(self, limit=RENAME_BYTES, **options):
        self.begin(**options)
        inodes = self.inodes("Work")
        self.acc.write_config("[daemon]\npoll-interval = 1s\n")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            cost = self.cost(lambda: self.rename_and_wait(self.rename_remote, "Work", "A", daemon))
            print(f"  there: {cost} B", end="", flush=True)
            self.assertLess(cost, limit)
            cost = self.cost(lambda: self.rename_and_wait(self.rename_local, "A", "Projects/2026", daemon))
            print(f", here: {cost} B", flush=True)
            self.assertLess(cost, limit)
            # and it goes on seeing what happens in there
            self.acc.tree.folder("Projects/2026").deliver(b"Message-ID: <n>\r\n\r\n", "1700.on.host")
            self.other.select("Projects/2026")
            wait_until(lambda: len(self.other.uids()) == MESSAGES + 1, "the message is there")
            self.other.expunge(str(max(self.other.uids())))
            self.other.select("Kept")
            wait_until(lambda: len(self.acc.tree.folder("Projects/2026").files()) == MESSAGES,
                       "and gone again")
        self.check_renamed()
        self.assertEqual(self.inodes("Projects/2026"), inodes)

    def rename_and_wait(self, rename, old, new, daemon):
        rename(old, new)
        wait_until(lambda: new in self.other.mailboxes() and old not in self.other.mailboxes() and
                   new in self.acc.tree.mailboxes() and old not in self.acc.tree.mailboxes() and
                   new + "/inner" in self.acc.tree.mailboxes(), f"{new} on both sides")
        daemon.wait_in_sync()

    def test_daemon_notify(self):
        self.check_daemon()

    def test_daemon_poll(self):
        self.check_daemon(limit=5 * RENAME_BYTES, capability=WITHOUT_NOTIFY)  # and some polls

    def test_daemon_plusplus(self):
        self.check_daemon(layout="maildir++", store="maildir")

    # Deleting

    def test_delete_confirmed(self):
        """Held on either side, shown, and let through by a person."""
        self.begin()
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.other.delete("Work/inner")
            shutil.rmtree(self.acc.tree.folder("Kept").path)
            wait_until(lambda: len(self.held()) == 2, "both are held", interval=0.1)
            self.assertIn("Work/inner", self.acc.tree.mailboxes())
            self.assertIn("Kept", self.other.mailboxes())
            self.assertRegex(self.acc.ctl("mailboxes", "test").out, "gone on the remote side")
            for name in ("Work/inner", "Kept"):
                self.assertEqual(self.acc.ctl("confirm", "test", name).status, 0)
            wait_until(lambda: not self.held(), "nothing is held", interval=0.1)
            daemon.wait_in_sync()
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertEqual(set(remote), {"INBOX", "Work"})

    def held(self):
        return [row["mailbox"] for row in self.rows(self.acc.ctl_json("held"))]

    @staticmethod
    def rows(document):
        while isinstance(document, dict):
            document = next(iter(document.values()))
        return document

    def test_delete_poll(self):
        """Without NOTIFY the poll shows that it is gone."""
        self.begin(capability=WITHOUT_NOTIFY)
        self.acc.write_config("[daemon]\npoll-interval = 1s\n")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.other.delete("Kept")
            wait_until(self.held, "it is held", interval=0.1)
        self.assertIn("Kept", self.acc.tree.mailboxes())

    def test_delete_configured(self):
        self.begin(settings={"delete-mailboxes": "yes", "brake": "100%"})
        self.other.delete("Work/inner")
        shutil.rmtree(self.acc.tree.folder("Kept").path)
        self.once(self.acc)
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertEqual(set(remote), {"INBOX", "Work"})
        self.once(self.acc)

    def test_delete_with_news(self):
        self.begin(settings={"delete-mailboxes": "yes", "brake": "100%"})
        self.acc.tree.folder("Kept").deliver(b"Message-ID: <n>\r\n\r\n", "1700.on.host")
        self.other.delete("Kept")
        shutil.rmtree(self.acc.tree.folder("Work/inner").path)
        populate.fill_small(self.other, "Work/inner", 1, seed=9)
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, "Kept: .*never on the other side")
        self.assertRegex(result.err, "Work/inner: .*never on the other side")
        self.assertEqual(len(self.acc.tree.folder("Kept").files()), 11)
        self.assertIn("Work/inner", self.other.mailboxes())

    def test_made_again(self):
        """Another one of the same name is no rename, and deletes nothing."""
        self.begin()
        self.other.delete("Kept")
        self.other.create("Kept")
        populate.fill_small(self.other, "Kept", 3, seed=9)
        for _ in range(2):
            self.once(self.acc)
        self.assertEqual(len(self.assert_equal_sides(self.acc, self.dovecot)["Kept"]), 13)

    # Subscriptions

    def subscribed(self):
        return {item[3].decode() for item in self.other.command('LSUB "" "*"')}

    def local_subscribed(self):
        path = self.acc.maildir / "subscriptions"
        return {line.replace("\t", "/") for line in path.read_text().split("\n")[2:] if line}

    def test_subscriptions(self):
        self.begin()
        self.other.command("SUBSCRIBE Work")
        (self.acc.maildir / "subscriptions").write_text("V\t2\n\nKept\nelsewhere\nWork\tinner\n")
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            both = {"Work", "Kept", "Work/inner"}
            wait_until(lambda: self.subscribed() == both, "subscribed there", interval=0.1)
            wait_until(lambda: self.local_subscribed() == both | {"elsewhere"}, "and here", interval=0.1)
            self.other.command("UNSUBSCRIBE Kept")
            wait_until(lambda: "Kept" not in self.local_subscribed(), "not any more", interval=0.1)
            path = self.acc.maildir / "subscriptions"
            new = path.with_name("subscriptions.new")
            new.write_text(path.read_text().replace("Work\n", ""))
            new.rename(path)
            wait_until(lambda: self.subscribed() == {"Work/inner"}, "nor there", interval=0.1)

    def test_only_subscribed(self):
        server = self.server("mdbox")
        session = self.session(server)
        populate.fill_small(session, "INBOX", 3)
        for name in ("Work", "Kept"):
            session.create(name)
            populate.fill_small(session, name, 3)
        session.command("SUBSCRIBE Work")
        account = self.account(server, tls="none", settings={"only-subscribed": "yes"})
        self.once(account)
        self.assertEqual(set(account.tree.mailboxes()), {"INBOX", "Work"})
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertIn("it is not subscribed", account.ctl("mailboxes", "test").out)
            session.command("SUBSCRIBE Kept")
            wait_until(lambda: "Kept" in account.tree.mailboxes(), "Kept is here", interval=0.1)

    def test_new_is_subscribed(self):
        """Made in a Maildir without subscriptions: other clients show it."""
        self.begin()
        (self.acc.tree.folder("Made here").path / "cur").mkdir(parents=True)
        (self.acc.tree.folder("Made here").path / "new").mkdir()
        self.once(self.acc)
        self.assertIn("Made here", self.subscribed())
        self.assertFalse((self.acc.maildir / "subscriptions").exists())

    # Names

    def test_twins(self):
        self.begin()
        for name in ("case", "CASE"):
            self.other.create(name)
            populate.fill_small(self.other, name, 3, seed=len(name) + name.isupper())
        self.once(self.acc)
        self.assert_equal_sides(self.acc, self.dovecot)

    def test_odd_names(self):
        self.begin()
        for name in ("Größe/日本語", "a & b", "INBOX/below"):
            self.other.create(name)
        for name in ("v1.0", "x/Entwürfe & mehr"):
            for sub in ("cur", "new", "tmp"):
                (self.acc.tree.folder(name).path / sub).mkdir(parents=True)
        self.once(self.acc)
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertIn("v1.0", remote)
        self.rename_remote("Größe", "a & b/Größe")
        self.rename_local("v1.0", "v2.0 & mehr")
        self.once(self.acc)
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertIn("a & b/Größe/日本語", remote)
        self.assertIn("v2.0 & mehr", remote)

    def test_impossible_names(self):
        """Held with a sentence, on whichever side cannot have them; everything else goes on."""
        self.begin(layout="maildir++")
        self.other.create("v1.0")
        for sub in ("cur", "new"):
            (self.acc.maildir / ".~tilde" / sub).mkdir(parents=True)
        (self.acc.maildir / ".a..b" / "cur").mkdir(parents=True)
        self.acc.tree.folder("Kept").deliver(b"Message-ID: <goes@on>\r\n\r\n", "1700.on.host")
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, "v1.0.*layout cannot hold")
        self.assertRegex(result.err, "a//b.*cannot be a mailbox")
        self.assertRegex(result.err, "~tilde.*cannot be made on the remote side")
        self.other.select("Kept")
        self.assertEqual(len(self.other.uids()), 11)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.acc.ctl("sync", "--wait")
            out = self.acc.ctl("mailboxes", "test").out
            self.assertRegex(out, "v1.0")
            self.assertRegex(out, "a//b")

    def test_delimiter(self):
        """A level that holds the server's delimiter cannot be there."""
        self.begin(store="maildir")
        for sub in ("cur", "new", "tmp"):
            (self.acc.tree.folder("v1.0").path / sub).mkdir(parents=True)
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, "v1.0.*hierarchy delimiter")
        self.assertNotIn("v1/0", self.other.mailboxes())

    def test_reference(self):
        """An account below a name of the server's: INBOX too, and nothing else is touched."""
        dovecot = self.server("maildir")
        other = self.session(dovecot)
        populate.fill_small(other, "INBOX", 2)  # the server's own
        other.prefix = names.encode("Größe.")
        for name in ("There", "Entwürfe", "There/inner"):
            other.create(name)
        populate.fill_small(other, "There", 3)
        acc = self.account(dovecot, settings={"list-reference": "Größe."})
        for name in ("INBOX", "Here/inner"):
            for sub in ("cur", "new", "tmp"):
                (acc.tree.folder(name).path / sub).mkdir(parents=True)
        acc.tree.folder("INBOX").deliver(b"Message-ID: <a>\r\n\r\n", "1700.on.host")
        self.once(acc)
        ours = {"INBOX", "Entwürfe", "Here/inner", "There", "There/inner"}
        self.assertEqual(set(acc.tree.mailboxes()), ours)
        self.assertEqual(len(acc.tree.folder("There").files()), 3)
        self.assertEqual(len(acc.tree.folder("INBOX").files()), 1)
        with acc.daemon() as daemon:
            daemon.wait_in_sync()
            for name in ("Entwürfe", "There/inner"):
                populate.fill_small(other, name, 2)
                wait_until(lambda: len(acc.tree.folder(name).files()) == 2, f"the mail in {name}")
            other.command(b"RENAME " + other.wire("There") + b" " + other.wire("Then"))
            wait_until(lambda: "Then/inner" in acc.tree.mailboxes(), "the new name")
            daemon.wait_in_sync()
        other.prefix = b""
        below = {"Größe/" + name for name in ours - {"There", "There/inner"} | {"Then", "Then/inner"}}
        self.assertEqual(set(other.mailboxes()), below | {"INBOX"})
        other.select("INBOX")
        self.assertEqual(len(other.uids()), 2)

    def test_prefix(self):
        """What the server keeps below INBOX stands beside it here."""
        dovecot = self.server("maildir", prefix="INBOX.")
        other = self.session(dovecot)
        other.create("INBOX/There")
        populate.fill_small(other, "INBOX/There", 3)
        other.create("INBOX/INBOX/child")  # its parent has no name here, and no messages
        acc = self.account(dovecot)
        for name in ("Here", "Here/inner"):
            for sub in ("cur", "new", "tmp"):
                (acc.tree.folder(name).path / sub).mkdir(parents=True)
        self.once(acc)
        self.assertEqual(acc.tree.mailboxes(), ["Here", "Here/inner", "INBOX", "INBOX/child", "There"])
        self.assertEqual(set(other.mailboxes()), {"INBOX", "INBOX/Here", "INBOX/Here/inner", "INBOX/INBOX/child",
                                                   "INBOX/There"})
        self.assertEqual(len(acc.tree.folder("There").files()), 3)
        acc.tree.folder("There").path.rename(acc.tree.folder("Then").path)
        self.once(acc)
        self.assertIn("INBOX/Then", other.mailboxes())
        self.assertEqual(len(acc.tree.folder("Then").files()), 3)
