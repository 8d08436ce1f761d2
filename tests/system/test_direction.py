"""One way only, and not too large: what a side is never asked for, seen in what the server counts."""

import random

from rig import case, change, compare, populate, sides, wait_until

MAILBOXES = ["INBOX", "list", "a/b"]
CHANGING = ("APPEND", "STORE", "EXPUNGE", "MOVE", "COPY", "CREATE", "RENAME", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE")


def digests(rows):
    return {row.digest for row in rows}


def digest(data):
    return compare.message(data, (), "").digest


class OneWay(case.SystemTest):
    def begin(self, direction, count=20):
        """Both sides in sync, both ways; from then on it goes this way."""
        name = direction.partition("\n")[0]
        self.dovecot = self.server("mdbox", name=f"server {name}")
        self.remote = sides.ImapSide(self.session(self.dovecot))
        populate.fill(self.remote.session, MAILBOXES, count, holes=False)
        self.acc = self.account(self.dovecot, name=name)
        self.local = sides.MaildirSide(self.acc.tree)
        self.once(self.acc)
        self.assert_equal_sides(self.acc, self.dovecot)
        self.turn(direction)

    def turn(self, direction):
        self.acc.settings["direction"] = direction
        self.acc.write_config()

    def counts(self):
        """Any change on the server shows in it: a flag in HIGHESTMODSEQ, a message in UIDNEXT, a mailbox by itself."""
        session = self.remote.session
        session.command("ENABLE CONDSTORE")
        items = b"(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
        rows = {name: session.command(b"STATUS " + session.wire(name) + b" " + items)[0][2]
                for name in session.mailboxes()}
        return rows, session.mailboxes(b"LSUB")

    def run_as_told(self, leader):
        """A run that leaves the leader as it is, and a second one that leaves both as they are."""
        before = self.counts(), self.acc.tree.stamp()
        result = self.once(self.acc, "-vv")
        after = self.counts(), self.acc.tree.stamp()
        if leader is self.remote:
            self.assertEqual(before[0], after[0])
            sent = {word for line in result.err.splitlines() if " C: " in line for word in line.split()}
            self.assertEqual(sent.intersection(CHANGING), set())
        else:
            self.assertEqual(sorted(before[1]), sorted(after[1]))
        self.once(self.acc)
        self.assertEqual((self.counts(), self.acc.tree.stamp()), after)

    def test_random(self):
        """Whatever happens on both sides: the leader is as its own clients have left it, and so it stays."""
        for direction in ("pull", "archive", "push"):
            with self.subTest(direction):
                self.begin(direction)
                leader = self.local if direction == "push" else self.remote
                changes = change.Changes(random.Random(5), self.remote, self.local)
                changes.apply(40)
                self.run_as_told(leader)
                self.verify()
                before = self.common()
                self.turn("both")
                self.once(self.acc)
                self.assertEqual({name: row for name, row in self.common().items() if name in before}, before)

    def verify(self):
        """What differs because it is to is no difference."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            result = self.acc.ctl("verify", "test")
            self.assertEqual(result.status, 0, str(result))
            self.assertEqual(daemon.stop(), 0)

    def common(self):
        """The mailboxes of both sides: what the server counts in them, and the files."""
        rows = self.counts()[0]
        return {name: (rows[name], sorted(map(str, self.acc.tree.folder(name).files())))
                for name in self.acc.tree.mailboxes() if name in rows}

    def content(self):
        return {side: {name: digests(rows) for name, rows in side.content().items()} for side in (self.remote, self.local)}

    def change_both(self):
        """A message more, one less and another flag on either side. What was done, as digests."""
        rng = random.Random(3)
        rows = self.remote.content()["list"]
        done = {"new": populate.message(rng, "new"), "mine": populate.message(rng, "mine")}
        self.remote.deliver("list", done["new"], set())
        self.local.deliver("list", done["mine"], set())
        files = {row.digest: self.local.handle("list", row) for row in self.local.content()["list"]}
        self.remote.remove("list", [self.remote.handle("list", rows[0])])
        self.local.remove("list", [files[rows[1].digest]])
        return digest(done["new"]), digest(done["mine"]), rows[0].digest, rows[1].digest

    def test_pull_and_archive(self):
        for direction in ("pull", "archive"):
            with self.subTest(direction):
                self.begin(direction)
                new, mine, gone_there, gone_here = self.change_both()
                self.run_as_told(self.remote)
                content = self.content()
                there, here = content[self.remote]["list"], content[self.local]["list"]
                self.assertTrue({new, gone_here} <= there and not {mine, gone_there} & there)
                self.assertTrue({new, mine} <= here and gone_here not in here)
                self.assertEqual(gone_there in here, direction == "archive")

    def test_push(self):
        self.begin("push")
        new, mine, gone_there, gone_here = self.change_both()
        self.run_as_told(self.local)
        content = self.content()
        there, here = content[self.remote]["list"], content[self.local]["list"]
        self.assertTrue({new, mine} <= there and not {gone_there, gone_here} & there)
        self.assertTrue({mine, gone_there} <= here and not {new, gone_here} & here)

    def test_daemon(self):
        """It says which way, and how many are left alone; another mailbox goes both ways."""
        self.begin("both\n    pull list", count=3)
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            for name in ("list", "a/b"):
                self.local.deliver(name, populate.message(random.Random(name), name), set())
            wait_until(lambda: self.acc.ctl_json("status")[0]["alone"] == 1, "one that is left alone")
            wait_until(lambda: len(self.remote.messages("a/b")) == 4, "the other one on the server")
            self.assertEqual(len(self.remote.messages("list")), 3)
            wait_until(lambda: self.acc.ctl_json("status")[0]["state"] == "in sync", "in sync with it")
            self.assertEqual(self.acc.ctl_json("status")[0]["direction"], "mixed")
            self.assertIn("direction: pull", self.acc.ctl("mailboxes", "test").out)
            [path] = [path for path in self.acc.tree.folder("list").files() if path.stat().st_nlink and
                      digest(path.read_bytes()) not in digests(self.remote.content()["list"])]
            self.assertIn("stays so: the direction", self.acc.ctl("explain", "test", "list", path.name).out)
            self.assertEqual(daemon.stop(), 0)


class SizeLimit(case.SystemTest):
    def test_limit(self):
        """Left out on either side, shown, never asked for again, and copied when the limit is raised."""
        server = self.server("mdbox")
        session = self.session(server)
        rng = random.Random(7)
        large = [populate.message(rng, f"large{n}") + b"A line of text.\r\n" * 6000 for n in range(2)]
        session.append("INBOX", populate.message(rng, "small"))
        session.append("INBOX", large[0])
        account = self.account(server, settings={"size-limit": "50k"})
        account.tree.folder("INBOX").create().deliver(large[1], "1700.large.host", "S")
        result = self.once(account)
        self.assertEqual(len(account.tree.folder("INBOX").files()), 2)
        self.assertIn("size-limit", result.err)

        rows = account.rows()
        again = self.once(account, "-vv")
        self.assertNotIn("FETCH", again.err)
        self.assertEqual(rows, account.rows())
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            [status] = account.ctl_json("status")
            self.assertEqual((status["large"], status["parked"], status["state"]), (2, 0, "in sync"))
            self.assertIn("2 large messages left out (size-limit)", account.ctl("mailboxes", "test").out)
            self.assertEqual(daemon.stop(), 0)

        account.settings["size-limit"] = "1M"
        account.write_config()
        self.once(account)
        remote = self.assert_equal_sides(account, server)
        self.assertEqual(len(remote["INBOX"]), 3)


class Map(case.SystemTest):
    """Other names here than on the server."""

    def content(self, server):
        with server.session() as session:
            return {name: digests(rows) for name, rows in compare.remote(session).items()}

    def local(self, account):
        return {name: digests(rows) for name, rows in compare.local(account.tree).items()}

    def test_map(self):
        """A new rule renames here, and not one message travels; then both names are one mailbox, both ways."""
        server = self.server("mdbox")
        session = self.session(server)
        populate.fill(session, ["INBOX", "Sent Items", "Sent Items/2020", "Gesendet"], 5, holes=False)
        account = self.account(server)
        self.once(account)
        inodes = {path.name: path.stat().st_ino for path in account.tree.folder("Sent Items").files()}
        account.settings["map"] = "\n    Sent Items -> Sent\n    Gesendet -> Sent Items"
        account.write_config()
        self.once(account)
        self.assertEqual(sorted(account.tree.mailboxes()), ["INBOX", "Sent", "Sent Items", "Sent/2020"])
        self.assertEqual({path.name: path.stat().st_ino for path in account.tree.folder("Sent").files()}, inodes)

        rng = random.Random(1)
        session.append("Sent Items", populate.message(rng, "there"))
        account.tree.folder("Sent").deliver(populate.message(rng, "here"), "1700.here.host", "S")
        account.tree.folder("Sent/2021").create()
        self.once(account)
        there, here = self.content(server), self.local(account)
        self.assertEqual(there, {"INBOX": here["INBOX"], "Sent Items": here["Sent"], "Sent Items/2020": here["Sent/2020"],
                                 "Sent Items/2021": set(), "Gesendet": here["Sent Items"]})
        self.assertEqual((len(there["Sent Items"]), len(there["Gesendet"])), (7, 5))

        session.create("Sent")  # which is the name of another one here
        result = self.once(account, status=1)
        self.assertIn("the mailbox “Sent” has the name that another one has here by “map”", result.err)
        self.assertEqual(self.local(account), here)
