#!/usr/bin/env python3
"""The link through a proxy of a few lines: in pieces, cut off at every byte, silent."""

import socket
import struct
import unittest

from linktest import GREETING, LinkTest, Server, probe

NAME = "imap.example.org"
SOCKS5_HELLO = b"\5\1\0"
SOCKS5_ASKS = b"\5\1\0\3\x10imap.example.org\0\x8f"
SOCKS5_OPEN = b"\5\0\0\1\x7f\0\0\1\0\x50"
HTTP_ASKS = b"CONNECT imap.example.org:143 HTTP/1.1\r\nHost: imap.example.org:143\r\n\r\n"
HTTP_OPEN = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 p\r\n\r\n"


def socks5(peer, say):
    """Up to the last answer, which is the caller's."""
    assert peer.take(len(SOCKS5_HELLO)) == SOCKS5_HELLO
    say(b"\5\0")
    assert peer.take(len(SOCKS5_ASKS)) == SOCKS5_ASKS
    return SOCKS5_OPEN


def connect(peer, _):
    assert peer.take(len(HTTP_ASKS)) == HTTP_ASKS
    return HTTP_OPEN


KINDS = {"socks5": socks5, "http": connect}


class Proxied(LinkTest):
    def through(self, kind, server, *steps, **keys):
        output, _ = probe(*steps, **{"proxy": f"{kind}://127.0.0.1:{server.port}", "host": NAME, "port": 143,
                                     "tls": "none"} | keys)
        return output

    def test_in_pieces(self):
        """A byte at a time, and all at once with what the server says: nothing is lost or taken twice."""
        for kind, hear in KINDS.items():
            for size in (1, 5, 1000):
                with self.subTest(kind, size=size):
                    def script(peer):
                        def say(data):
                            for start in range(0, len(data), size):
                                peer.say(data[start : start + size])

                        say(hear(peer, say) + GREETING)
                        peer.answer()
                        return peer.until_end()

                    with Server(script) as server:
                        output = self.through(kind, server, "NOOP", "close")
                    self.assertEqual(server.errors, [])
                    self.assertIn("OK done\n", output)
                    self.assertNotIn("lost", output)
                    self.assertEqual(server.results, [b"2 LOGOUT\r\n"])

    def test_tls(self):
        """The certificate is the server's; that of another name is refused."""
        for host, works in (("localhost", True), (NAME, False)):
            with self.subTest(host):
                def script(peer):
                    assert peer.line().startswith(f"CONNECT {host}:993 ".encode())
                    while peer.line():
                        pass
                    peer.say(HTTP_OPEN)
                    peer.tls(self.certificates.context("good"))
                    peer.say(GREETING)
                    peer.answer()
                    return peer.until_end()

                with Server(script) as server:
                    output = self.through("http", server, "NOOP", "close", host=host, port=993, tls="implicit",
                                          ca_file=self.ca)
                if works:
                    self.assertIn("OK done\n", output)
                else:
                    self.assertEqual(self.lost(output)[0], "EKEYREJECTED")
                    self.assertIn(f"the certificate of {NAME} is for", output)

    def test_silent(self):
        """The time for connecting is that of the proxy, too."""
        for kind, hear in KINDS.items():
            for begins in (False, True):
                with self.subTest(kind, begins=begins):
                    def script(peer):
                        if begins:
                            peer.say(hear(peer, peer.say)[:5])
                        peer.until_end()

                    with Server(script) as server:
                        output = self.through(kind, server, timeout=200)
                    self.assertEqual(self.lost(output), (
                        "ETIMEDOUT", f"the proxy 127.0.0.1 port {server.port} did not answer within 200 ms"))

    def test_cut_off(self):
        """Within the last answer; the machine alone is cut off behind each of its bytes."""
        for kind, hear in KINDS.items():
            sizes = {"socks5": range(len(SOCKS5_OPEN)), "http": range(0, len(HTTP_OPEN), 7)}[kind]
            with Server(None, n_clients=len(sizes)) as server:
                for size in sizes:
                    server.script = lambda peer, size=size: peer.say(hear(peer, peer.say)[:size])
                    with self.subTest(kind, size=size):
                        error, sentence = self.lost(self.through(kind, server))
                        self.assertEqual(error, "EHOSTUNREACH")
                        self.assertRegex(sentence, f"the proxy 127.0.0.1 port {server.port} closed the connection "
                                                   "(without an|in the middle of its) answer")

    def test_reset(self):
        def script(peer):
            peer.take(len(SOCKS5_HELLO))
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with Server(script) as server:
            output = self.through("socks5", server)
        self.assertEqual(self.lost(output), (
            "ECONNRESET", f"the proxy 127.0.0.1 port {server.port} broke off: Connection reset by peer"))

    def test_refused(self):
        """Not to be tried again by itself."""
        def script(peer):
            peer.take(len(SOCKS5_HELLO))
            peer.say(b"\5\xff")

        with Server(script) as server:
            output = self.through("socks5", server)
        self.assertEqual(self.lost(output), (
            "ENOKEY", f"the proxy 127.0.0.1 port {server.port} wants a user name and a password in “proxy”"))

    def test_keep_alive(self):
        """The kernel could ask for the proxy alone: the probe fails if it is told that this will do."""
        def script(peer):
            peer.say(connect(peer, None) + GREETING)
            peer.answer()
            peer.until_end()

        with Server(script) as server:
            output = self.through("http", server, "keep-alive=60", "NOOP", "close")
        self.assertIn("OK done\n", output)


if __name__ == "__main__":
    unittest.main()
