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

    def test_parked(self):
        """A message that was refused: why, and what would be done."""
        self.once(self.acc)
        self.state("DELETE FROM message WHERE remote = 4")
        self.state("INSERT INTO parked VALUES (1, 0, 4, 'it is no message')")
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
