"""Servers that are reached through a command."""

from rig import case, populate

MESSAGES = 20


class Servers(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.remote = self.server("mdbox", "remote")

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
