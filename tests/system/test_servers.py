"""Both sides are IMAP servers; and servers that are reached through a command."""

import random

from rig import case, compare, populate, wait_until

MESSAGES = 20


class Servers(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.remote = self.server("mdbox", "remote")
        self.local = self.server("maildir", "local")

    def sides(self):
        with self.remote.session() as one, self.local.session() as two:
            return compare.remote(one), compare.remote(two)

    def assert_equal_servers(self):
        remote, local = self.sides()
        found = compare.differences(remote, local)
        self.assertEqual(found, [], "\n".join(found[:20]))
        return remote

    def test_remote_by_tunnel(self):
        with self.remote.session() as session:
            populate.fill(session, ["INBOX", "Entwürfe"], MESSAGES)
        account = self.account(settings={"tunnel": self.remote.tunnel(), "user": None, "password": None})
        self.once(account)
        self.assert_equal_sides(account, self.remote)

    def test_tunnel_that_fails(self):
        for command in ("exit 3", "/no/such/command", "echo hello"):
            with self.subTest(command):
                account = self.account(settings={"tunnel": command, "user": None, "password": None})
                result = self.once(account, status=1, timeout=60)
                self.assertIn(account.name, result.err)

    def both(self):
        """Mail on both sides, some of it the same."""
        rng = random.Random(41)
        common = [(populate.message(rng, f"both{n}"), ["\\Seen"], populate.date(rng)) for n in range(5)]
        for server, seed in ((self.remote, 42), (self.local, 43)):
            with server.session() as session:
                populate.fill(session, ["INBOX", f"only on {server.store}"], MESSAGES, seed=seed)
                session.append_many("INBOX", common)
        account = self.account(self.remote)
        account.use_local_server(self.local)
        return account

    def test_two_servers(self):
        account = self.both()
        self.once(account)
        remote = self.assert_equal_servers()
        self.assertEqual(len(remote["INBOX"]), 2 * MESSAGES + 5)
        self.assertEqual(len(remote["only on maildir"]), MESSAGES)
        rows = account.rows()
        self.once(account)
        self.assertEqual(account.rows(), rows)
        self.change()
        self.once(account)
        remote = self.assert_equal_servers()
        self.assertEqual(len(remote["INBOX"]), 2 * MESSAGES + 5 - 4 + 2)

    def change(self):
        """Flags, deletions, moves and new mail on both, at different messages and at the same."""
        for number, server in enumerate((self.remote, self.local)):
            with server.session() as session:
                session.select("INBOX")
                # The first messages came in another order on each side; the digests tell them apart.
                rows = session.fetch("1:*", "FLAGS BODY.PEEK[]")
                order = sorted(rows, key=lambda uid: compare.message(rows[uid][b"BODY[]"], (), "").digest)
                mine = order[number * 4 : number * 4 + 4]
                session.store(order[-1], "+", ["\\Flagged", f"side{number}"])
                session.store(mine[0], "+", ["\\Answered"])
                session.expunge(mine[1])
                session.move(mine[2], "only on mdbox")
                session.append("INBOX", b"Message-ID: <new%d@example.org>\r\n\r\nnew\r\n" % number)

    def test_daemon(self):
        """News of either server are on the other at once."""
        account = self.both()
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            for source, target in ((self.remote, self.local), (self.local, self.remote)):
                with source.session() as session, target.session() as other:
                    other.select("INBOX")
                    before = len(other.uids())
                    session.append("INBOX", b"Message-ID: <%b@live>\r\n\r\n" % source.store.encode())

                    def arrived(other=other, before=before):
                        other.command("NOOP")
                        return len(other.uids()) > before

                    wait_until(arrived, f"mail from {source.store}", deadline=40)
        self.assert_equal_servers()
