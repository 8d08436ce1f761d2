"""A deletion is a claim: what looks like an accident is held until a person confirms it."""

import shutil

from rig import case, compare, populate, wait_until

MESSAGES = 60


class Brake(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.other = self.session(self.dovecot)
        populate.fill(self.other, ["INBOX", "list", "Sent"], MESSAGES, holes=False)
        self.acc = self.account(self.dovecot)
        self.once(self.acc)
        self.assert_equal_sides(self.acc, self.dovecot)

    def sides(self):
        with self.dovecot.session() as session:
            return compare.remote(session), compare.local(self.acc.tree)

    def remote_count(self):
        return {name: len(rows) for name, rows in self.sides()[0].items()}

    def test_removed_locally(self):
        for path in self.acc.tree.folder("list").files()[: MESSAGES // 2]:
            path.unlink()
        self.acc.tree.folder("INBOX").deliver(b"Message-ID: <goes@on>\r\n\r\n", "1700.on.host")
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, "list")
        self.assertEqual(self.remote_count(), {"INBOX": MESSAGES + 1, "list": MESSAGES, "Sent": MESSAGES})

    def test_expunged_remotely(self):
        self.other.select("list")
        self.other.expunge(",".join(map(str, self.other.uids()[: MESSAGES // 2])))
        before = self.acc.tree.folder("list").files()
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, "list")
        self.assertEqual(self.acc.tree.folder("list").files(), before)

    def test_a_few_are_not_held(self):
        for path in self.acc.tree.folder("list").files()[:10]:
            path.unlink()
        self.once(self.acc)
        self.assertEqual(self.remote_count()["list"], MESSAGES - 10)

    def test_empty_root(self):
        shutil.rmtree(self.acc.maildir)
        self.acc.maildir.mkdir()
        result = self.once(self.acc, status=1)
        self.assertRegex(result.err, f"{self.acc.maildir}|INBOX(.|\n)*Sent(.|\n)*list")
        self.assertEqual(set(self.remote_count().values()), {MESSAGES})

    def test_missing_root(self):
        self.acc.maildir.rename(self.directory / "unplugged")
        result = self.once(self.acc, status=1)
        self.assertIn(str(self.acc.maildir), result.err)
        self.assertEqual(set(self.remote_count().values()), {MESSAGES})
        self.assertFalse(self.acc.maildir.exists())
        (self.directory / "unplugged").rename(self.acc.maildir)
        self.once(self.acc)
        self.assert_equal_sides(self.acc, self.dovecot)

    def test_missing_root_of_a_daemon(self):
        """It stays, says what is wrong whoever asks for what, and goes on when the root is there again."""
        self.acc.maildir.rename(self.directory / "unplugged")
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.assertEqual(self.acc.ctl("sync", "--wait").status, 1)
            [status] = self.acc.ctl_json("status")
            self.assertEqual(status["state"], "refused")
            self.assertIn(str(self.acc.maildir), status["sentence"])
            (self.directory / "unplugged").rename(self.acc.maildir)
            daemon.wait_in_sync()
            self.assertEqual(daemon.stop(), 0)

    def test_missing_folder(self):
        shutil.rmtree(self.acc.tree.folder("list").path)
        self.once(self.acc, status=1)
        self.assertEqual(self.remote_count()["list"], MESSAGES)

    def test_deleted_mailbox(self):
        self.other.delete("list")
        self.once(self.acc, status=1)
        self.assertEqual(len(self.acc.tree.folder("list").files()), MESSAGES)

    def held(self):
        return self.acc.ctl_json("held")

    def test_confirm_local(self):
        """The daemon holds, says so, and lets through on confirm; after a restart too."""
        for path in self.acc.tree.folder("list").files()[: MESSAGES // 2]:
            path.unlink()
        for _ in range(2):
            with self.acc.daemon() as daemon:
                daemon.wait_ready()
                self.acc.ctl("sync", "--wait")
                wait_until(self.held, "the deletion is held", interval=0.1)
                self.assertIn("list", self.acc.ctl("held").out)
                self.assertEqual(self.remote_count()["list"], MESSAGES)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.acc.ctl("sync", "--wait")
            wait_until(self.held, "the deletion is held", interval=0.1)
            result = self.acc.ctl("confirm", "test", "list")
            self.assertEqual(result.status, 0, str(result))
            wait_until(lambda: self.remote_count()["list"] == MESSAGES // 2, "the deletion goes through")
            wait_until(lambda: not self.held(), "nothing is held", interval=0.1)
            self.assertNotEqual(self.acc.ctl("confirm", "test", "list").status, 0)
        self.assert_equal_sides(self.acc, self.dovecot)

    def test_confirm_remote(self):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.other.select("list")
            self.other.expunge("1:*")
            wait_until(self.held, "the deletion is held", interval=0.1)
            self.assertEqual(len(self.acc.tree.folder("list").files()), MESSAGES)
            self.assertEqual(self.acc.ctl("confirm", "test", "list").status, 0)
            wait_until(lambda: not self.acc.tree.folder("list").files(), "the deletion goes through")
        self.assert_equal_sides(self.acc, self.dovecot)

    def test_held_and_undone(self):
        """The files come back before anybody confirmed: in sync, nothing held."""
        away = self.directory / "away"
        away.mkdir()
        files = self.acc.tree.folder("list").files()[: MESSAGES // 2]
        for path in files:
            path.rename(away / path.name)
        self.once(self.acc, status=1)
        for path in files:
            (away / path.name).rename(path)
        self.once(self.acc)
        remote = self.assert_equal_sides(self.acc, self.dovecot)
        self.assertEqual(len(remote["list"]), MESSAGES)
