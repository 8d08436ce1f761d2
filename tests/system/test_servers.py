"""Servers that are reached through a command."""

import shlex
import socket
import sys
import unittest

from rig import case, populate

MESSAGES = 20

# What nc(1) does, in a form that is there.
RELAY = """
import socket, sys, threading, os
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536):
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := peer.recv(65536):
    os.write(1, data)
"""


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


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

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_ipv6(self):
        """An address in brackets, as a URL has it."""
        server = self.server("mdbox", "six", addresses=("127.0.0.1", "::1"))
        with self.session(server) as session:
            populate.fill(session, ["INBOX"], MESSAGES)
        account = self.account(server, "by-six", tls="none", settings={"host": "[::1]"})
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(account.ctl_json("status")[0]["remote"], f"[::1]:{server.imap_port}")

    def through(self, host, **settings):
        """An account whose connection goes through a command, and TLS through that."""
        relay = self.directory / "relay.py"
        relay.write_text(RELAY)
        command = shlex.join([sys.executable, str(relay), self.remote.host, str(self.remote.imaps_port)])
        return self.account(self.remote, name=f"through {host}".replace(" ", "-"), settings={
            "tunnel": command, "tls": "implicit", "host": host, "port": None} | settings)

    def test_tls_through_tunnel(self):
        """Whose certificate it must be says the host, and nothing is said to anybody else."""
        with self.remote.session() as session:
            populate.fill(session, ["INBOX"], MESSAGES)
        account = self.through(self.remote.host)
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertTrue(account.ctl_json("status")[0]["encrypted"])
        self.assert_equal_sides(account, self.remote)
        result = self.once(self.through("imap.example.org"), status=1)
        self.assertIn("imap.example.org", result.err)
        self.assertIn("certificate", result.err)

    def test_tls_through_tunnel_that_fails(self):
        """What the command has to say is told, and not that TLS has failed."""
        account = self.through(self.remote.host, tunnel="echo no way >&2; exit 3")
        result = self.once(account, status=1)
        self.assertIn("no way", result.err)

    def test_tunnel_that_fails(self):
        for command in ("exit 3", "/no/such/command", "echo hello"):
            with self.subTest(command):
                account = self.account(settings={"tunnel": command, "user": None, "password": None})
                result = self.once(account, status=1, timeout=60)
                self.assertIn(account.name, result.err)
