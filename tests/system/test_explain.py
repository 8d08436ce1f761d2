"""imapsyncctl explain: what is known of one message. And duplicates: what is in a mailbox twice."""

import json
import sqlite3

from rig import case, populate, wait_until

# What an echo does not change.
STABLE = ["account", "mailbox", "folder", "file", "remote_uid", "local_uid", "known", "flags"]


class Explain(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.session = self.session(self.dovecot)
        populate.fill(self.session, ["INBOX"], 5)
        self.session.select("INBOX")
        self.session.store("1:5", "-", ["\\Flagged", "\\Answered", "\\Seen"])
        self.session.store("2", "+", ["\\Seen"])
        self.acc = self.account(self.dovecot)
        self.folder = self.acc.tree.folder("INBOX")

    def explain(self, what, mailbox="INBOX"):
        return self.acc.ctl_json("explain", "test", mailbox, what)

    def state(self, statement, *values):
        with sqlite3.connect(self.acc.database) as db:
            db.execute(statement, values)
        db.close()

    def test_known_by_uid_and_by_file(self):
        """Asked by UID, by a file's path, and by its name with the flags of long ago: the same answer."""
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            # An echo of what was delivered may still be looked at.
            row = wait_until(lambda: not (row := self.explain("2"))["pending"] and row, "nothing is pending")
            self.assertTrue(row["known"])
            self.assertIn("\\Seen", row["flags"].split())
            self.assertEqual(row["remote_uid"], 2)
            self.assertEqual(row["folder"], str(self.acc.maildir / "INBOX"))
            self.assertIn("nothing is to be done", row["verdict"])
            self.assertGreater(row["uidnext"], 5)
            name = next(path.name for path in self.folder.files() if path.name.startswith(row["file"]))
            for file in (f"{row['folder']}/cur/{name}", row["file"], row["file"] + ":2,FT"):
                again = self.explain(file)
                self.assertEqual({key: again[key] for key in STABLE}, {key: row[key] for key in STABLE})
            text = self.acc.ctl("explain", "test", "INBOX", "2").out
            self.assertIn("test/INBOX UID 2\n", text)
            self.assertIn(name, text)

    def test_not_known(self):
        rows = [
            ("999999", "have not been looked at"),
            ("nobody.knows.this", "The file is not known"),
        ]
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            for what, words in rows:
                with self.subTest(what):
                    row = self.explain(what)
                    self.assertFalse(row["known"])
                    self.assertIn(words, row["verdict"])
            self.session.expunge("3")
            wait_until(lambda: len(self.folder.files()) == 4, "the deletion arrives")
            self.assertIn("it is gone, or it was never there", self.explain("3")["verdict"])
            for args, status, words in (
                (("test", "Nowhere", "1"), 1, "there is no such mailbox"),
                (("nobody", "INBOX", "1"), 1, "there is no account"),
                (("test", "INBOX", "0"), 2, "neither a UID nor a file"),
                (("test", "INBOX", "4294967296"), 2, "neither a UID nor a file"),
                (("test", "INBOX", "cur/"), 2, "neither a UID nor a file"),
            ):
                result = self.acc.ctl("explain", *args)
                self.assertEqual(result.status, status, args)
                self.assertIn(words, result.err)

    def ask(self, uid, account=None):
        """Once there is nothing else to do."""
        account = account or self.acc
        return wait_until(lambda: not (row := account.ctl_json("explain", "--ask", account.name, "INBOX", uid))[
            "remote_error"].startswith("work is under way") and row, "the server can be asked")

    def test_asked(self):
        """What the server says now: as both agreed, and of what nobody has."""
        with self.acc.daemon("-vv") as daemon:
            daemon.wait_in_sync()
            row = self.ask("2")
            self.assertTrue(row["asked"] and row["remote_has"], row)
            self.assertIn("\\Seen", row["remote_flags"])
            self.assertEqual(row["remote_flags"], row["flags"])
            self.assertGreater(row["remote_size"], 0)
            self.assertGreater(row["remote_date_usec"], 0)
            self.assertFalse(row["pending"])
            self.assertIn("nothing is to be done", row["verdict"])
            line = f"    server now  {row['remote_flags']}\n"
            wait_until(lambda: line in self.acc.ctl("explain", "--ask", "test", "INBOX", "2").out, "it is in words too")
            file = self.ask(row["file"])
            self.assertEqual((file["remote_uid"], file["asked"]), (2, True))
            row = self.ask("999999")
            self.assertTrue(row["asked"] and not row["remote_has"], row)
            self.assertIn("has no message with this UID", row["verdict"])
            self.assertFalse(self.ask("nobody.knows.this")["asked"])
            self.assertFalse(self.explain("2")["asked"])

            # Nothing stays selected, and what comes is still told of.
            before = self.acc.tree.folder("INBOX").files()
            self.session.store("2", "+", ["\\Flagged"])
            wait_until(lambda: self.acc.tree.folder("INBOX").files() != before, "the flag arrives")
            wait_until(lambda: "\\Flagged" in self.ask("2")["remote_flags"], "the server tells of it")
            self.acc.ctl("pause", "test")
            self.assertEqual(self.explain("2")["remote_error"], "")
            self.assertIn("paused", self.acc.ctl_json("explain", "--ask", "test", "INBOX", "2")["remote_error"])

    def test_asked_while_idle(self):
        """The mailbox that is waited in is waited in again."""
        server = self.server(name="idle-server", capability="IMAP4rev1 IDLE ENABLE CONDSTORE UIDPLUS UNSELECT")
        other = server.session("alice")
        self.addCleanup(other.close)
        populate.fill(other, ["INBOX"], 3)
        account = self.account(server, name="idle")
        with account.daemon("-vv") as daemon:
            daemon.wait_in_sync()
            self.assertTrue(self.ask("2", account)["remote_has"])
            wait_until(lambda: account.ctl_json("status")[0]["state"] == "in sync", "it is quiet again")
            populate.fill(other, ["INBOX"], 1)
            wait_until(lambda: len(account.tree.folder("INBOX").files()) == 4, "new mail arrives")
            server.stop()
            wait_until(lambda: "no connection" in self.ask("2", account)["remote_error"], "it is lost")

    def test_parked(self):
        """A message that was refused: why, and what would be done."""
        self.once(self.acc)
        self.state("DELETE FROM message WHERE remote = 4")
        self.state("INSERT INTO parked (mailbox, side, uid, reason) VALUES (1, 0, 4, 'it is no message')")
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            row = self.explain("4")
            self.assertFalse(row["known"])
            self.assertEqual(row["parked"], "it is no message")
            self.assertIn("refused: it is no message", row["verdict"])


class Duplicates(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.session = self.session(self.dovecot)
        self.acc = self.account(self.dovecot)

    def append(self, mailbox, message_id, body, times=1):
        head = f"Message-ID: <{message_id}@twice>\r\n" if message_id else ""
        for _ in range(times):
            self.session.append(mailbox, f"{head}Subject: x\r\n\r\n{body}\r\n".encode())

    def duplicates(self, *mailboxes):
        result = self.acc.ctl("--json", "duplicates", "test", *mailboxes)
        rows = [json.loads(line) for line in result.out.splitlines()]
        return result.status, sorted((row["mailbox"], row["message_id"], row["same"], len(row["files"]))
                                     for row in rows)

    def test_rows(self):
        self.session.create("Archive")
        self.append("INBOX", "alone", "one")
        self.append("INBOX", "three", "the same", 3)
        self.append("INBOX", "alike", "body a")
        self.append("INBOX", "alike", "body b")
        self.append("INBOX", "other-size", "short")
        self.append("INBOX", "other-size", "not as short")
        self.append("INBOX", "", "without an ID", 2)
        self.append("Archive", "alone", "one")
        expected = [("INBOX", "", True, 2), ("INBOX", "<alike@twice>", False, 2),
                    ("INBOX", "<three@twice>", True, 3)]
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            before = self.acc.tree.folder("INBOX").files()
            self.assertEqual(self.duplicates(), (1, expected))
            self.assertEqual(self.duplicates("INBOX"), (1, expected))
            self.assertEqual(self.duplicates("Archive"), (0, []))
            text = self.acc.ctl("duplicates", "test").out
            self.assertIn("3 copies too many", text)
            self.assertIn("Nothing was changed.", text)
            self.assertEqual(self.acc.ctl("duplicates", "test", "Archive").out,
                             "No message is there more than once.\n")
            self.assertEqual(self.acc.tree.folder("INBOX").files(), before)
            self.assertEqual(self.acc.ctl("duplicates", "test", "Nowhere").status, 1)
