"""imapsyncd --once: both sides equal, whatever was there; a second run changes nothing at all."""

import difflib
import random
import re
import shutil

from rig import case, change, compare, number, populate, proxy, sides
from rig.dovecot import PASSWORD

CHANGES = number("CHANGES", 200)

# What other servers offer; Dovecot then says no more than this.
CAPABILITIES = {
    "as Gmail": "IMAP4rev1 UNSELECT IDLE NAMESPACE ID CHILDREN UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE"
                " ESEARCH LITERAL- LIST-EXTENDED LIST-STATUS SPECIAL-USE",
    "as Exchange": "IMAP4rev1 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
    "as iCloud": "IMAP4rev1 SASL-IR ENABLE CONDSTORE UIDPLUS UNSELECT BINARY SORT ID IDLE LIST-STATUS LIST-EXTENDED",
    "RFC 3501": "IMAP4rev1",
    "as Stalwart": "IMAP4rev1 SASL-IR ENABLE CONDSTORE QRESYNC UIDPLUS UNSELECT MOVE ESEARCH ID IDLE LIST-STATUS"
                   " LIST-EXTENDED LITERAL+ MULTIAPPEND",
}


class OnceTest(case.SystemTest):
    def numbers(self, server):
        """What the server counts: any change there shows in it."""
        with server.session() as session:
            session.command("ENABLE CONDSTORE")
            rows = {}
            for mailbox in session.mailboxes():
                items = b"(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
                [row] = session.command(b"STATUS " + session.wire(mailbox) + b" " + items)
                rows[mailbox] = row[2]
            return rows

    def assert_nothing_to_do(self, account, server):
        """One more run touches no file, no directory, no row, nothing on the server."""
        before = account.tree.stamp(), account.rows(), self.numbers(server)
        result = self.once(account)
        after = account.tree.stamp(), account.rows(), self.numbers(server)
        for what, one, two in zip(("files", "rows", "server"), before, after):
            with self.subTest("a run with nothing to do changes nothing", what=what):
                one, two = (side if isinstance(side, list) else list(map(str, side.items())) for side in (one, two))
                changed = list(difflib.unified_diff(one, two, lineterm="", n=0))[2:]
                self.assertEqual(len(changed), 0, "\n".join(changed[:12]))
        return result

    def assert_expected(self, account, server, changes):
        remote = self.assert_equal_sides(account, server)
        found = compare.differences(remote, changes.expected(), "on both sides", "expected")
        self.assertEqual(found, [], "\n".join(found[:20]))

    def run_changes(self, account, server, count, seed, removals=True):
        """Random changes on both sides at once, then one run."""
        changes = change.Changes(random.Random(seed), sides.ImapSide(self.session(server)), sides.MaildirSide(account.tree))
        changes.apply(count, removals)
        result = self.once(account)
        self.assert_expected(account, server, changes)
        return result


class Full(OnceTest):
    """75 mailboxes with 100 messages each."""

    def check(self, store, **options):
        server = self.server(store)
        session = self.session(server)
        populate.fill(session, populate.mailbox_names(75), 100)
        account = self.account(server, **options)
        first = self.once(account)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual((len(remote), {len(rows) for rows in remote.values()}), (75, {100}))
        second = self.assert_nothing_to_do(account, server)
        third = self.run_changes(account, server, CHANGES, seed=11)
        self.assert_nothing_to_do(account, server)
        print(f"  {store}: first {first.seconds:.1f} s, nothing to do {second.seconds:.2f} s,"
              f" {CHANGES} changes {third.seconds:.1f} s", flush=True)

    def test_maildir_with_tls(self):
        self.check("maildir")

    def test_mdbox_with_tls(self):
        self.check("mdbox")


class Small(OnceTest):
    """What does not need many messages to show."""

    def small(self, store="mdbox", mailboxes=6, messages=12, server_options=None, **options):
        server = self.server(store, **(server_options or {}))
        populate.fill(self.session(server), populate.mailbox_names(mailboxes), messages)
        account = self.account(server, **options)
        self.once(account)
        self.assert_equal_sides(account, server)
        return account, server

    def test_odd_names(self):
        for layout in ("fs", "maildir++"):
            with self.subTest(layout):
                server = self.server(name=f"server {layout}")
                names = populate.mailbox_names(1 + len(populate.ODD_NAMES))
                populate.fill(self.session(server), names, 2, holes=False)
                account = self.account(server, name=layout, layout=layout)
                self.once(account)
                self.assert_equal_sides(account, server)
                self.assertEqual(sorted(account.tree.mailboxes()), sorted(names))
                self.run_changes(account, server, 20, seed=4)

    def test_tls_modes(self):
        server = self.server()
        populate.fill(self.session(server), ["INBOX"], 5)
        for tls in ("implicit", "starttls", "none"):
            with self.subTest(tls):
                account = self.account(server, name=tls, tls=tls)
                self.once(account)
                self.assert_equal_sides(account, server)

    def test_passwords(self):
        """From a command, from a file, from systemd; and a command that has none says why."""
        server = self.server()
        populate.fill(self.session(server), ["INBOX"], 2)
        secret = self.directory / "secret"
        secret.write_text(PASSWORD + "\nnot this line\n")
        secret.chmod(0o600)
        for key, value in (("password-command", f"cat {secret}"), ("password-file", secret),
                           ("credential", "secret")):
            with self.subTest(key):
                account = self.account(server, name=key, settings={"password": None, key: value})
                account.variables["CREDENTIALS_DIRECTORY"] = str(self.directory)
                self.once(account)
                self.assert_equal_sides(account, server)
        account = self.account(server, name="none", settings={
            "password": None, "password-command": "echo the keyring is locked >&2; exit 3"})
        result = self.once(account, status=1)
        self.assertIn("the keyring is locked", result.err)

    def test_no_safe_expunge(self):
        """Without UIDPLUS an EXPUNGE would take what others marked: it is not done, and said."""
        account, server = self.small(server_options={"capability": "IMAP4rev1"})
        with server.session() as session:
            session.select("INBOX")
            session.store(session.uids()[0], "+", ["\\Deleted"])
        account.tree.folder("INBOX").files()[-1].unlink()
        result = self.once(account, status=1)
        self.assertIn("INBOX", result.err)
        with server.session() as session:
            self.assertEqual(len(compare.remote(session)["INBOX"]), 12)

    def test_capabilities(self):
        """Each rung of the ladder: use what is offered, and nothing else."""
        for name, capability in CAPABILITIES.items():
            with self.subTest(name):
                server = self.server(name=f"server {name}", capability=capability)
                populate.fill(self.session(server), populate.mailbox_names(5), 40)
                account = self.account(server, name=name)
                self.once(account)
                self.assert_equal_sides(account, server)
                self.assert_nothing_to_do(account, server)
                self.run_changes(account, server, 60, seed=5)
                self.assert_nothing_to_do(account, server)

    def test_without_compress(self):
        account, server = self.small(server_options={"compress": False})
        self.run_changes(account, server, 20, seed=6)

    def test_upload(self):
        """Everything is local, the server is empty."""
        server = self.server()
        account = self.account(server)
        rng = random.Random(8)
        for mailbox in ("INBOX", "Entwürfe", "a/b c"):
            folder = account.tree.folder(mailbox).create()
            for n in range(20):
                folder.deliver(populate.message(rng, f"up{n}"), f"170000{n}.up.host", rng.choice([None, "", "FS"]))
        self.once(account)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual({name: len(rows) for name, rows in remote.items()},
                         {"INBOX": 20, "Entwürfe": 20, "a/b c": 20})
        self.assert_nothing_to_do(account, server)

    def test_lost_state(self):
        """Without its database: what both sides hold is paired, nothing travels twice."""
        account, server = self.small(mailboxes=8)
        stamp, numbers = account.tree.stamp(), self.numbers(server)
        shutil.rmtree(account.state)
        account.state.mkdir(mode=0o700)
        self.once(account)
        self.assert_equal_sides(account, server)
        self.assertEqual(account.tree.stamp().keys(), stamp.keys())
        self.assertEqual(self.numbers(server), numbers)
        self.run_changes(account, server, 20, seed=9)

    def test_lost_state_with_news(self):
        """The same, and both sides have changed meanwhile: nothing is lost, nothing doubled."""
        account, server = self.small(mailboxes=4)
        shutil.rmtree(account.state)
        account.state.mkdir(mode=0o700)
        rng = random.Random(10)
        self.session(server).append("INBOX", populate.message(rng, "remote news"))
        account.tree.folder("INBOX").deliver(populate.message(rng, "local news"), "1700.news.host")
        self.once(account)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual(len(remote["INBOX"]), 14)
        self.assertEqual({len(rows) for name, rows in remote.items() if name != "INBOX"}, {12})

    def test_two_clients(self):
        """Two accounts of one user on two machines: all three hold the same in the end."""
        one, server = self.small(mailboxes=4, messages=30)
        two = self.account(server, name="other")
        self.once(two)
        self.run_changes(one, server, 30, seed=12)
        self.once(two)
        self.run_changes(two, server, 30, seed=13)
        self.once(one)
        self.assert_equal_sides(one, server)
        self.assert_equal_sides(two, server)

    def test_dry_run(self):
        server = self.server()
        populate.fill(self.session(server), ["INBOX", "list"], 5)
        account = self.account(server)
        before = self.numbers(server)
        self.once(account, "--dry-run")
        self.assertFalse(account.maildir.exists() and account.tree.mailboxes())
        self.once(account)
        path = account.tree.folder("INBOX").files()[0]
        path.unlink()
        account.tree.folder("list").deliver(b"Message-ID: <dry@run>\r\n\r\n", "1700.dry.host")
        stamp, rows = account.tree.stamp(), account.rows()
        result = self.once(account, "--dry-run")
        self.assertRegex(result.out, "INBOX")
        self.assertRegex(result.out, "list")
        self.assertEqual((account.tree.stamp(), account.rows(), self.numbers(server)), (stamp, rows, before))

    def test_moves_are_moves(self):
        """A big message that is moved does not travel, on either side."""
        server = self.server()
        session = self.session(server)
        session.create("archive")
        noise = random.Random(1).randbytes(750_000).hex().encode()
        lines = b"\r\n".join(noise[n : n + 70] for n in range(0, len(noise), 70))
        for name in ("one", "two"):
            session.append("INBOX", b"Message-ID: <%b@move>\r\n\r\n" % name.encode() + lines + b"\r\n")
        with proxy.Proxy(server.host, server.imap_port) as wire:
            account = self.account(server, tls="none", settings={"port": wire.port})
            self.once(account)
            self.assertGreater(wire.down, 1_000_000)
            one, two = account.tree.folder("INBOX").files()
            down, up = wire.down, wire.up
            one.rename(account.tree.folder("archive").path / "cur" / (one.name.partition(":")[0] + ":2,S"))
            self.once(account)
            session.select("INBOX")
            session.move(session.uids()[0], "archive")
            self.once(account)
            self.assertLess((wire.down - down) + (wire.up - up), 40_000)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual((len(remote["INBOX"]), len(remote["archive"])), (0, 2))

    def test_names_stay(self):
        """A file's name changes in its flags only, and no UID is in it."""
        account, server = self.small(mailboxes=2)
        files = account.tree.folder("INBOX").files()
        self.session(server)
        with server.session() as session:
            session.select("INBOX")
            session.store("1:*", "+", ["\\Flagged"])
        self.once(account)
        now = account.tree.folder("INBOX").files()
        bases = [sorted(path.name.partition(":2,")[0] for path in side) for side in (files, now)]
        self.assertEqual(bases[0], bases[1])
        for path in now:
            self.assertNotRegex(path.name, r",U=|\.U\d")
            self.assertIn("F", path.name.partition(":2,")[2])

    def test_patterns(self):
        server = self.server()
        names = ["INBOX", "Junk", "list/a", "list/b", "Sent"]
        populate.fill(self.session(server), names, 2, holes=False)
        account = self.account(server)
        account.write_config("mailboxes =\n    *\n    !Junk\n    !list/*\n    list/b\n")
        self.once(account)
        self.assertEqual(account.tree.mailboxes(), ["INBOX", "Sent", "list/b"])

    def test_new_uidvalidity(self):
        """The server has renumbered everything: paired again, nothing lost or doubled."""
        account, server = self.small("maildir", mailboxes=3)
        stamp = {path: info[0] for path, info in account.tree.stamp().items()}
        server.stop()
        for path in server.mail_directory().rglob("dovecot*"):
            if re.match(r"dovecot-uid|dovecot\.index|dovecot\.list", path.name):
                path.unlink()
        server.start()
        self.once(account)
        self.assert_equal_sides(account, server)
        kept = {path: info[0] for path, info in account.tree.stamp().items()}
        self.assertEqual(set(stamp.values()), set(kept.values()))


class NewestFirst(OnceTest):
    """A first sync that is cut off has brought the newest messages, and goes on where it was."""

    MESSAGES, NEWEST = 1000, 200
    SHARE = 0.6  # of the bytes, after which it is cut off

    def through(self, link, name):
        return self.account(self.dovecot, name, tls="none", settings={"host": link.host, "port": link.port})

    def down(self, link, account, status=0):
        before = link.down
        self.once(account, status=status)
        return link.down - before

    def test_cut_off(self):
        self.dovecot = self.server()
        populate.fill_small(self.session(self.dovecot), "INBOX", self.MESSAGES)
        link = proxy.Proxy(self.dovecot.host, self.dovecot.imap_port)
        self.addCleanup(link.close)
        whole = self.down(link, self.through(link, "whole"))

        account = self.through(link, "cut")
        link.cut = int(self.SHARE * whole)
        self.down(link, account, status=1)
        numbers = {int(re.search(rb"Subject: message (\d+)", path.read_bytes())[1])
                   for path in account.tree.folder("INBOX").files()}
        self.assertGreater(len(numbers), self.NEWEST)
        self.assertLess(len(numbers), self.MESSAGES)
        newest = set(range(self.MESSAGES - self.NEWEST, self.MESSAGES))
        self.assertEqual(newest - numbers, set())
        link.cut = None
        rest = self.down(link, account)
        print(f"  {whole} bytes in one go; cut off with {len(numbers)} messages there, {rest} for the others")
        self.assertLess(rest, whole * (1.1 - len(numbers) / self.MESSAGES))
        self.assert_equal_sides(account, self.dovecot)
        self.assert_nothing_to_do(account, self.dovecot)
