"""imapsyncctl verify: what the base has wrong is told, and the next sync brings it in order."""

import json
import sqlite3

from rig import case, populate

# What happens to the base behind the program's back, with INBOX as mailbox 1, and what verify says of it.
ROWS = [
    ("nothing", "", []),
    ("a flag that the base has and no side", "UPDATE message SET flags = flags | 4 WHERE remote = 1",
     [(1, r"the remote side has cleared \Flagged; the local side has cleared \Flagged")]),
    ("a flag that both sides have and the base not", "UPDATE message SET flags = flags & ~1 WHERE remote = 2",
     [(2, r"the remote side has set \Seen; the local side has set \Seen")]),
    ("one message for another, which no count shows",
     "UPDATE message SET remote = 999999, local = 999999 WHERE remote = 3",
     [(999999, "it is gone on the remote side"),
      (3, "it is only on the remote side"), (0, "a message is only on the local side")]),
]


class Verify(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.session = self.session(self.dovecot)
        populate.fill(self.session, ["INBOX"], 10)
        self.session.select("INBOX")
        self.session.store("1:10", "-", ["\\Flagged"])
        self.session.store("1:10", "+", ["\\Seen"])
        self.acc = self.account(self.dovecot)
        self.once(self.acc)

    def verify(self, *mailboxes, digests=False):
        options = ["--digests"] if digests else []
        result = self.acc.ctl("--json", "verify", *options, "test", *mailboxes)
        rows = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual(rows[-1]["in_sync"], len(rows) == 1)
        return result.status, [(row["uid"], row["what"]) for row in rows[:-1]]

    def break_base(self, statement):
        with sqlite3.connect(self.acc.database) as db:
            db.executescript(statement)
        db.close()

    def test_rows(self):
        for label, statement, expected in ROWS:
            with self.subTest(label):
                self.break_base(statement)
                before = self.acc.tree.folder("INBOX").files()
                with self.acc.daemon() as daemon:
                    daemon.wait_in_sync()
                    status, differences = self.verify("INBOX")
                    self.assertEqual(differences, expected)
                    self.assertEqual(status, 1 if expected else 0)
                    self.assertEqual(self.acc.ctl("sync", "--wait").status, 0)
                    self.assertEqual(self.verify(), (0, []))
                self.assertEqual(self.acc.tree.folder("INBOX").files(), before)
                self.assert_equal_sides(self.acc, self.dovecot)

    def test_wrong_count(self):
        """What the state has counted wrong is counted anew, and nothing else comes of it."""
        for wrong in ("messages + 3", "messages - 2", "0"):
            with self.subTest(wrong):
                self.break_base(f"UPDATE mailbox SET messages = {wrong}")
                before = self.acc.tree.folder("INBOX").files()
                self.once(self.acc)
                self.assertEqual(self.acc.tree.folder("INBOX").files(), before)
                self.assert_equal_sides(self.acc, self.dovecot)
                with sqlite3.connect(self.acc.database) as db:
                    self.assertEqual(db.execute("SELECT messages FROM mailbox").fetchall(), [(10,)])
                db.close()

    def test_digests(self):
        """A byte that has changed on the disk: seen by its digest alone, told of, and left alone. There
        are more messages than are asked for at a time."""
        populate.fill_small(self.session, "INBOX", 150)
        self.once(self.acc)
        files = {path.stat().st_size: path for path in self.acc.tree.folder("INBOX").files()}
        path = files[max(files)]
        data = path.read_bytes()
        with open(path, "r+b") as file:
            file.seek(len(data) - 3)
            file.write(bytes([data[-3] ^ 1]))
        damaged = path.read_bytes()
        before = self.acc.tree.folder("INBOX").files()
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(self.verify(), (0, []))
            status, differences = self.verify(digests=True)
            self.assertEqual(status, 1)
            self.assertEqual([what for _, what in differences], ["its bytes differ between the two sides"])
            uid = differences[0][0]
            self.assertEqual(self.verify("INBOX", digests=True), (1, differences))
            explained = self.acc.ctl_json("explain", "test", "INBOX", str(uid))
            self.assertTrue(path.name.startswith(explained["file"]))
            self.assertEqual(path.read_bytes(), damaged)
            self.assertEqual(self.acc.tree.folder("INBOX").files(), before)
            path.write_bytes(data)
            self.assertEqual(self.verify(digests=True), (0, []))

    def test_digests_of_two_servers(self):
        """Two messages that the base has crossed: both sides have all that it knows, with other bytes."""
        local = self.server(name="local")
        self.acc = self.account(self.dovecot, name="servers")
        self.acc.use_local_server(local)
        self.once(self.acc)
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(self.verify(digests=True), (0, []))
        with sqlite3.connect(self.acc.database) as db:
            rows = db.execute("SELECT remote, local FROM message ORDER BY remote LIMIT 2").fetchall()
            (one, its), (two, other) = rows
            db.execute("UPDATE message SET local = 999999 WHERE remote = ?", (one,))
            db.execute("UPDATE message SET local = ? WHERE remote = ?", (its, two))
            db.execute("UPDATE message SET local = ? WHERE remote = ?", (other, one))
        db.close()
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            status, differences = self.verify("INBOX", digests=True)
            self.assertEqual(status, 1)
            self.assertEqual([uid for uid, what in differences if "bytes" in what], [one, two])

    def test_no_such_mailbox(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            result = self.acc.ctl("verify", "test", "Nowhere")
            self.assertEqual(result.status, 1)
            self.assertIn("there is no such mailbox", result.err)
