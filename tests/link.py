#!/usr/bin/env python3
"""The link (daemon/connection and what is below) against real sockets, TLS and processes.

Each test is a server, mostly a few lines that say what the server says, and what connection-probe
then prints. No test sleeps to be on the safe side: it waits for bytes or for the end of a process;
only a server may take its time where that is what is tested.
"""

import base64
import contextlib
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import unittest
import warnings

from linktest import GREETING, PROBE, SEGMENTS_IN, UNACKED, LinkTest, Server, Zlib, probe, serve, tcp_info, wait_until


class Tls(LinkTest):
    def try_tls(self, certificate, **keys):
        keys = {"host": "localhost", **keys}
        with Server(serve, self.certificates.context(certificate)) as server:
            return probe("NOOP", port=server.port, tls="implicit", **keys)[0]

    def assert_refused(self, output, pattern):
        error, why = self.lost(output)
        self.assertEqual(error, "EKEYREJECTED")
        self.assertRegex(why, pattern)
        self.assertNotIn("open", output)

    def test_ca_file(self):
        output = self.try_tls("good", ca_file=self.ca)
        self.assertIn("open encrypted\n", output)
        self.assertIn("greeting ready\n", output)
        self.assertIn("OK done\n", output)

    def test_address(self):
        output = self.try_tls("good", host="127.0.0.1", ca_file=self.ca)
        self.assertIn("OK done\n", output)

    def test_address_of_another(self):
        output = self.try_tls("other", host="127.0.0.1", ca_file=self.ca)
        self.assert_refused(output, r"certificate of 127.0.0.1 is for mail.example.org, "
                                    r"\*.example.net$")

    def test_other_host(self):
        output = self.try_tls("other", ca_file=self.ca)
        self.assert_refused(output, r"certificate of localhost is for mail.example.org, "
                                    r"\*.example.net$")

    def test_expired(self):
        output = self.try_tls("expired", ca_file=self.ca)
        self.assert_refused(output, r"^the certificate of localhost expired on 2021-02-03$")

    def test_not_yet_valid(self):
        output = self.try_tls("early", ca_file=self.ca)
        self.assert_refused(output, r"not valid before 2090-04-05")

    def test_self_signed(self):
        output = self.try_tls("self")
        self.assert_refused(output, "is self-signed.*ca-file.*tls-pin = "
                            + re.escape(self.pin("self")))

    def test_self_signed_as_ca_file(self):
        output = self.try_tls("self", ca_file=self.certificates.dir / "self.pem")
        self.assertIn("OK done\n", output)

    def test_leaf_as_ca_file(self):
        output = self.try_tls("good", ca_file=self.certificates.dir / "good.pem")
        self.assertIn("OK done\n", output)

    def test_unknown_issuer(self):
        output = self.try_tls("good")
        self.assert_refused(output, "comes from “Test CA”, whom this system does not trust.*"
                                    "tls-pin = " + re.escape(self.pin("good")))

    def test_other_ca_file(self):
        output = self.try_tls("good", ca_file=self.certificates.dir / "self.pem")
        self.assert_refused(output, "whom its ca-file does not trust")

    def test_system_ca_does_not_count_with_ca_file(self):
        output = self.try_tls("self", ca_file=self.ca)
        self.assert_refused(output, "is self-signed")

    def test_ca_file_missing(self):
        error, why = self.lost(self.try_tls("good", ca_file="/does/not/exist"))
        self.assertEqual(error, "EINVAL")
        self.assertEqual(why, "ca-file /does/not/exist cannot be read: No such file or directory")

    def test_ca_file_garbage(self):
        _, why = self.lost(self.try_tls("good", ca_file="/etc/passwd"))
        self.assertEqual(why, "ca-file /etc/passwd holds no certificate in PEM form")

    def test_pins(self):
        digest = self.certificates.pin("self")
        text = base64.b64encode(digest).decode()
        for pin in (text, text.rstrip("="), digest.hex(), digest.hex().upper()):
            with self.subTest(pin=pin):
                output = self.try_tls("self", tls_pin="sha256:" + pin)
                self.assertIn("OK done\n", output)

    def test_pin_decides_instead_of_chain(self):
        for name in ("other", "expired"):
            with self.subTest(name):
                output = self.try_tls(name, tls_pin=self.pin(name))
                self.assertIn("OK done\n", output)

    def test_one_of_two_pins(self):
        with Server(serve, self.certificates.context("self")) as server:
            output, _ = probe("tls-pin=" + self.pin("good"), "tls-pin=" + self.pin("self"), "NOOP",
                              host="localhost", port=server.port)
        self.assertIn("OK done\n", output)

    def test_wrong_pin(self):
        # A good chain does not help: the pin decides.
        output = self.try_tls("good", ca_file=self.ca, tls_pin=self.pin("self"))
        self.assert_refused(output, "public key of localhost is " + re.escape(self.pin("good"))
                            + ", which is none of its tls-pin")

    def test_not_tls(self):
        with Server(serve) as server:
            output, _ = probe(host="localhost", port=server.port, tls="implicit")
        error, why = self.lost(output)
        self.assertEqual(error, "EPROTO")
        self.assertEqual(why, f"port {server.port} of localhost does not speak TLS: perhaps it "
                              "wants tls = starttls, or tls = none")

    def test_old_version(self):
        context = self.certificates.context("good")
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with Server(serve, context) as server:
            output, _ = probe(host="localhost", port=server.port, ca_file=self.ca)
        self.assertEqual(self.lost(output)[1],
                         "localhost offers only old versions of TLS, and 1.2 is needed")

    def test_tls_1_2(self):
        context = self.certificates.context("good")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with Server(serve, context) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, ca_file=self.ca)
        self.assertIn("OK done\n", output)

    def test_closed_in_handshake(self):
        with Server(lambda peer: peer.take(20)) as server:
            output, _ = probe(host="localhost", port=server.port)
        self.assertIn("ECONNRESET", self.lost(output)[0])

    def test_stalled_handshake(self):
        with Server(lambda peer: peer.until_end()) as server:
            output, _ = probe(host="localhost", port=server.port, timeout=200)
        self.assertEqual(self.lost(output), (
            "ETIMEDOUT", "localhost did not finish the TLS handshake within 200 ms"))

    def resumed(self, context, *keys, n=2):
        def script(peer):
            serve(peer)
            return peer.sock.session_reused

        with Server(script, context, n_clients=n) as server:
            steps = ["NOOP"] + ["again", "NOOP"] * (n - 1)
            output, _ = probe(*keys, *steps, host="localhost", port=server.port)
        self.assertEqual(output.count("OK done\n"), n, output)
        return server.results

    def test_resumption(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                context = self.certificates.context("good")
                context.minimum_version = context.maximum_version = version
                self.assertEqual(self.resumed(context, f"ca-file={self.ca}", n=3),
                                 [False, True, True])

    def test_resumption_with_pin(self):
        context = self.certificates.context("self")
        self.assertEqual(self.resumed(context, "tls-pin=" + self.pin("self")), [False, True])

    def test_no_resumption_under_other_trust(self):
        # A resumed session is not checked, so it must not be one that another trust has let in.
        with Server(serve, self.certificates.context("self"), n_clients=2) as server:
            output, _ = probe("tls-pin=" + self.pin("self"), "NOOP", "repin=" + self.pin("good"),
                              "again", "NOOP", host="localhost", port=server.port)
        self.assertEqual(output.count("OK done\n"), 1)
        self.assertEqual(self.lost(output)[0], "EKEYREJECTED")

    def test_large_body(self):
        size = 5000000

        def script(peer):
            peer.say(GREETING)
            peer.answer(before=b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % size + b"x" * size + b")\r\n")
            peer.until_end()

        with Server(script, self.certificates.context("good")) as server:
            output, _ = probe("UID FETCH 1 BODY[]", host="localhost", port=server.port,
                              ca_file=self.ca)
        self.assertIn(f"body {size}\n", output)
        self.assertIn("OK done\n", output)


class Starttls(LinkTest):
    def test_starttls(self):
        def script(peer):
            peer.say(GREETING)
            peer.answer()
            peer.tls(self.certificates.context("good"))
            with contextlib.suppress(EOFError):
                while True:
                    peer.answer()

        with Server(script) as server:
            output, _ = probe("starttls", "NOOP", host="localhost", port=server.port,
                              tls="starttls", ca_file=self.ca)
        self.assertRegex(output, r"open in clear\n(.*\n)*open encrypted\nstep NOOP\nOK done")

    def test_injection(self):
        def script(peer):
            peer.say(GREETING)
            peer.answer(b"OK begin\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] injected")
            return peer.until_end()

        with Server(script) as server:
            output, _ = probe("starttls", "NOOP", host="localhost", port=server.port,
                              tls="starttls", ca_file=self.ca)
        error, why = self.lost(output)
        self.assertEqual(error, "EPROTO")
        self.assertIn("behind its answer to STARTTLS", why)
        self.assertEqual(server.results, [b""])

    def test_injection_that_comes_late(self):
        # In a packet of its own, it meets the handshake and not the session.
        def script(peer):
            peer.say(GREETING)
            peer.answer()
            peer.take(1)
            peer.say(b"* OK injected\r\n")
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("starttls", "NOOP", host="localhost", port=server.port,
                              tls="starttls", ca_file=self.ca)
        self.assertEqual(self.lost(output), (
            "EPROTO", f"port {server.port} of localhost does not speak TLS after STARTTLS"))

    def test_certificate(self):
        def script(peer):
            peer.say(GREETING)
            peer.answer()
            peer.tls(self.certificates.context("other"))

        with Server(script) as server:
            output, _ = probe("starttls", "NOOP", host="localhost", port=server.port,
                              tls="starttls", ca_file=self.ca)
        self.assertEqual(self.lost(output)[0], "EKEYREJECTED")


class Reach(LinkTest):
    def test_dead_first_address(self):
        # "localhost" is ::1 first, where nobody listens.
        with Server(serve) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none")
        self.assertIn("OK done\n", output)

    def test_ipv6(self):
        for host in ("localhost", "::1"):
            with self.subTest(host), Server(serve, address="::1") as server:
                output, _ = probe("NOOP", host=host, port=server.port, tls="none")
                self.assertIn("OK done\n", output)

    def test_first_address_swallows(self):
        # A full backlog drops every SYN: only the next address 250 ms later helps.
        with Server(serve) as server, contextlib.ExitStack() as stack:
            hole = stack.enter_context(socket.socket(socket.AF_INET6))
            hole.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            hole.bind(("::1", server.port))
            hole.listen(0)
            for _ in range(4):
                filler = stack.enter_context(socket.socket(socket.AF_INET6))
                filler.setblocking(False)
                filler.connect_ex(("::1", server.port))
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none", timeout=5000)
            self.assertIn("OK done\n", output)

    def test_refused(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            for host in ("127.0.0.1", "localhost"):
                with self.subTest(host):
                    output, _ = probe(host=host, port=port, tls="none")
                    self.assertEqual(self.lost(output), (
                        "ECONNREFUSED", f"{host} port {port} cannot be reached: "
                                        "Connection refused"))

    def test_swallowed(self):
        with contextlib.ExitStack() as stack:
            hole = stack.enter_context(socket.socket())
            hole.bind(("127.0.0.1", 0))
            hole.listen(0)
            port = hole.getsockname()[1]
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            output, _ = probe(host="127.0.0.1", port=port, tls="none", timeout=300)
        self.assertEqual(self.lost(output), (
            "ETIMEDOUT", f"127.0.0.1 port {port} could not be reached within 300 ms"))

    def test_no_such_name(self):
        output, _ = probe(host="no-such-host.invalid", port=143, tls="none", timeout=50000)
        error, why = self.lost(output)
        self.assertIn(error, ("EHOSTUNREACH", "ETIMEDOUT"))
        if error == "EHOSTUNREACH":
            self.assertRegex(why, "^the name no-such-host.invalid cannot be looked up: ")

    def test_name_that_must_be_looked_up(self):
        name = socket.gethostname()
        try:
            addresses = {info[4][0] for info in socket.getaddrinfo(name, 143)}
        except OSError:
            self.skipTest("this machine does not know its own name")
        with Server(serve, address=sorted(addresses)[0]) as server:
            output, _ = probe("NOOP", host=name, port=server.port, tls="none")
        self.assertIn("OK done\n", output)

    def test_deadline_before_lookup(self):
        # The dial is freed while its thread may still be asking; or that one was faster.
        output, _ = probe(host="no-such-host.invalid", port=143, tls="none", timeout=0)
        self.assertIn(self.lost(output)[0], ("ETIMEDOUT", "EHOSTUNREACH"))


class Deadlines(LinkTest):
    def test_never_greets(self):
        with Server(lambda peer: peer.until_end()) as server:
            output, _ = probe(host="localhost", port=server.port, tls="none", timeout=200)
        self.assertEqual(self.lost(output), (
            "ETIMEDOUT", f"localhost did not greet within 200 ms: perhaps port {server.port} "
                         "wants tls = implicit"))

    def test_never_answers(self):
        def script(peer):
            peer.say(GREETING)
            return peer.until_end()

        with Server(script) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none", timeout=200)
        self.assertEqual(self.lost(output), (
            "ETIMEDOUT", "localhost did not answer within 200 ms"))
        self.assertEqual(server.results, [b"1 NOOP\r\n"])

    def test_answers_in_pieces(self):
        # Each byte moves the deadline: together they take longer than it.
        def script(peer):
            peer.say(GREETING)
            tag = peer.line().split(b" ")[0]
            waiting = threading.Event()
            for byte in tag + b" OK done":
                waiting.wait(0.1)
                peer.say(bytes([byte]))
            peer.say(b"\r\n")
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none", timeout=500)
        self.assertIn("OK done\n", output)

    def test_idle_has_none(self):
        def script(peer):
            peer.say(GREETING)
            tag = peer.line().split(b" ")[0]
            peer.say(b"+ idling\r\n")
            threading.Event().wait(0.5)
            peer.say(b"* 1 EXISTS\r\n")
            self.assertEqual(peer.line(), b"DONE")
            peer.say(tag + b" OK done\r\n")
            peer.answer()

        with Server(script) as server:
            output, _ = probe("idle", "NOOP", host="localhost", port=server.port, tls="none",
                              timeout=200)
        self.assertIn("exists\nstep NOOP\nOK done\n", output)

    def test_idle_without_continuation(self):
        def script(peer):
            peer.say(GREETING)
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("idle", host="localhost", port=server.port, tls="none", timeout=200)
        self.assertEqual(self.lost(output)[0], "ETIMEDOUT")

    def test_expect(self):
        def script(peer):
            peer.say(GREETING)
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("expect=150", host="localhost", port=server.port, tls="none")
        self.assertEqual(self.lost(output), (
            "ETIMEDOUT", "localhost did not answer within 150 ms"))

    def test_expect_met(self):
        def script(peer):
            peer.say(GREETING + b"* 1 EXISTS\r\n")
            threading.Event().wait(0.05)
            peer.say(b"* 2 EXISTS\r\n")
            threading.Event().wait(0.5)
            peer.say(b"* 3 EXISTS\r\n")
            peer.answer()

        with Server(script) as server:
            output, _ = probe("expect=300", "NOOP", host="localhost", port=server.port, tls="none")
        self.assertIn("OK done\n", output)


class Silence(LinkTest):
    """What is asked, and heard, without a command."""

    def vanish(self, peer):
        """The server's end of the connection is no more, and no packet tells: as after a loss of power."""
        peer.say(GREETING)
        peer.line()
        wait_until(lambda: tcp_info(peer.sock, UNACKED) == 0, "the greeting has arrived")
        peer.sock.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR: close() says nothing
        peer.sock.close()

    @unittest.skipIf(os.geteuid(), "only root may do so")
    def test_kernel_asks(self):
        with Server(self.vanish) as server:
            output, _ = probe("keep-alive=1", "idle", host="localhost", port=server.port, tls="none", timeout=60000)
        self.assertEqual(server.errors, [])
        self.assertEqual(self.lost(output)[0], "ECONNRESET")

    def test_kernel_goes_on(self):
        def script(peer):
            peer.say(GREETING)
            tag = peer.line().split(b" ")[0]
            peer.say(b"+ idling\r\n")
            wait_until(lambda: tcp_info(peer.sock, UNACKED) == 0, "the continuation has arrived")
            begin = tcp_info(peer.sock, SEGMENTS_IN)
            wait_until(lambda: tcp_info(peer.sock, SEGMENTS_IN) > begin, "the kernel has asked")
            peer.say(b"* 1 EXISTS\r\n")
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("keep-alive=1", "idle", host="localhost", port=server.port, tls="none")
        self.assertEqual(server.errors, [])
        self.assertIn("exists\n", output)
        self.assertNotIn("lost", output)

    def test_held_is_not_read(self):
        def script(peer):
            peer.say(GREETING + b"* OK more\r\n")
            peer.say(b"* 1 EXISTS\r\n")
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("hold", "expect=500", host="localhost", port=server.port, tls="none")
        self.assertEqual(self.lost(output)[0], "ETIMEDOUT")

    def test_a_command_ends_that(self):
        with Server(serve) as server:
            output, _ = probe("hold", "NOOP", host="localhost", port=server.port, tls="none", timeout=5000)
        self.assertIn("OK done\n", output)


class Ends(LinkTest):
    def test_without_greeting(self):
        with Server(lambda peer: None) as server:
            output, _ = probe(host="localhost", port=server.port, tls="none")
        self.assertEqual(self.lost(output), (
            "0", "localhost closed the connection without a greeting"))

    def test_bye_is_heard(self):
        def script(peer):
            peer.say(GREETING)
            peer.line()
            peer.say(b"* BYE too many connections\r\n")

        with Server(script) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none")
        self.assertIn("untagged too many connections\n", output)
        self.assertEqual(self.lost(output), ("0", "localhost closed the connection"))

    def test_reset(self):
        def script(peer):
            peer.say(GREETING)
            peer.line()
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with Server(script) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none")
        self.assertEqual(self.lost(output), (
            "ECONNRESET", "the connection to localhost broke: Connection reset by peer"))

    def test_bye_while_writing(self):
        # The server says why and closes in the middle of an APPEND.
        def script(peer):
            peer.say(GREETING)
            peer.line()
            peer.take(200000)
            peer.say(b"* BYE disk full\r\n")
            peer.sock.shutdown(socket.SHUT_WR)
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("append=5000000", host="localhost", port=server.port, tls="none")
        self.assertIn("untagged disk full\n", output)
        self.assertEqual(self.lost(output)[0], "0")

    def test_close(self):
        for certificate in (None, "good"):
            with self.subTest(certificate):
                def script(peer):
                    peer.say(GREETING)
                    peer.answer()
                    return peer.until_end()

                context = certificate and self.certificates.context(certificate)
                with Server(script, context) as server:
                    output, _ = probe("NOOP", "close", host="localhost", port=server.port,
                                      tls="implicit" if certificate else "none", ca_file=self.ca)
                self.assertNotIn("lost", output)
                self.assertEqual(server.results, [b"2 LOGOUT\r\n"])

    def test_packets(self):
        """SYN, ACK, two commands, LOGOUT with FIN: no ACK alone but the handshake's."""
        def script(peer):
            threading.Event().wait(0.1)  # a server on this machine is faster than any network
            peer.say(GREETING)
            peer.answer()
            peer.answer()
            peer.until_end()
            return tcp_info(peer.sock, 140)  # tcpi_segs_in

        with Server(script) as server:
            probe("NOOP", "NOOP", "close", host="127.0.0.1", port=server.port, tls="none")
        self.assertEqual(server.results, [5])


class Streams(LinkTest):
    def test_append(self):
        size = 3000000

        def script(peer):
            peer.say(GREETING)
            line = peer.line()
            data = peer.take(size + 2)
            peer.say(line.split(b" ")[0] + b" OK done\r\n")
            peer.until_end()
            return line, data.count(b"0"), data[-2:]

        for certificate in (None, "good"):
            with self.subTest(certificate):
                context = certificate and self.certificates.context(certificate)
                with Server(script, context) as server:
                    output, _ = probe(f"append={size}", host="localhost", port=server.port,
                                      tls="implicit" if certificate else "none", ca_file=self.ca)
                self.assertIn("OK done\n", output)
                self.assertEqual(server.results,
                                 [(b"1 APPEND INBOX {%d+}" % size, size, b"\r\n")])

    def test_busy_server_does_not_starve(self):
        # More than a turn may read at once; all of it arrives, in more than one turn.
        def script(peer):
            peer.say(GREETING)
            peer.answer(before=b"* 1 EXISTS\r\n" * 100000)
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("NOOP", host="localhost", port=server.port, tls="none")
        self.assertEqual(output.count("exists\n"), 100000)
        self.assertIn("OK done\n", output)


class Compress(LinkTest):
    def compressed(self, peer, behind=b""):
        """Answer COMPRESS; @behind goes into the same packet, compressed."""
        peer.say(GREETING)
        tag = peer.line().split(b" ")[0]
        pack = Zlib(peer.sock)
        peer.say(tag + b" OK active\r\n" + (pack.packed(behind) if behind else b""))
        peer.sock = pack

    def test_compress(self):
        def script(peer):
            self.compressed(peer, b"* 1 EXISTS\r\n")
            with contextlib.suppress(EOFError):
                while True:
                    peer.answer()

        for certificate in (None, "good"):
            with self.subTest(certificate):
                context = certificate and self.certificates.context(certificate)
                with Server(script, context) as server:
                    output, _ = probe("compress", "NOOP", "NOOP", host="localhost",
                                      port=server.port,
                                      tls="implicit" if certificate else "none", ca_file=self.ca)
                self.assertIn("exists\n", output)
                self.assertEqual(output.count("OK done\n"), 2)

    def test_append(self):
        size = 3000000

        def script(peer):
            self.compressed(peer)
            tag = peer.line().split(b" ")[0]
            data = peer.take(size + 2)
            peer.say(tag + b" OK done\r\n")
            return data.count(b"0")

        with Server(script) as server:
            output, _ = probe("compress", f"append={size}", host="localhost", port=server.port,
                              tls="none")
        self.assertIn("OK done\n", output)
        self.assertEqual(server.results, [size])

    def test_body(self):
        size = 20000000

        def script(peer):
            self.compressed(peer)
            peer.answer(before=b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % size + bytes(size) + b")\r\n")
            peer.sock.recv(1)

        with Server(script) as server:
            output, _ = probe("compress", "UID FETCH 1 BODY[]", host="localhost", port=server.port,
                              tls="none")
        self.assertIn(f"body {size}\n", output)
        self.assertIn("OK done\n", output)

    def test_bomb(self):
        # 200 MB in one line, in 200 kB: the session's limit ends it before memory does.
        def script(peer):
            self.compressed(peer)
            peer.line()
            with contextlib.suppress(OSError):
                peer.say(b"* OK " + b"x" * 200000000)

        with Server(script) as server:
            output, _ = probe("compress", "NOOP", host="localhost", port=server.port, tls="none")
        self.assertIn("protocol ", output)
        self.assertLess(int(re.search(r"peak=(\d+)", output).group(1)), 100000)

    def test_broken(self):
        def script(peer):
            peer.say(GREETING)
            peer.answer(b"OK active")
            peer.sock.recv(100)
            peer.say(b"\xff\xff\xff\xff")
            peer.until_end()

        with Server(script) as server:
            output, _ = probe("compress", "NOOP", host="localhost", port=server.port, tls="none")
        self.assertEqual(self.lost(output), (
            "EBADMSG", "localhost sent what is not DEFLATE, after COMPRESS"))


class Tunnel(LinkTest):
    TALK = r"""printf '* OK ready\r\n'; read -r tag rest; printf '%s OK done\r\n' "$tag"; """

    def test_talk(self):
        output, _ = probe("NOOP", tunnel=self.TALK + "read -r line")
        self.assertIn("open in clear\ngreeting ready\nstep NOOP\nOK done\n", output)

    def test_last_words(self):
        output, errors = probe("verbose=1", "wait",
                               tunnel="echo one >&2; echo 'Permission denied.' >&2; exit 255")
        self.assertEqual(self.lost(output), (
            "0", "the tunnel exited with status 255: Permission denied."))
        self.assertIn("tunnel: one\n", errors)

    def test_last_words_after_end_of_file(self):
        output, _ = probe(tunnel="exec <&- >&-; echo late >&2; exit 3")
        self.assertEqual(self.lost(output), ("0", "the tunnel exited with status 3: late"))

    def test_closes_and_lives(self):
        output, _ = probe(tunnel="exec <&- >&- 2>&-; exec sleep 60")
        self.assertEqual(self.lost(output), ("0", "the tunnel closed the connection"))

    def test_signal(self):
        output, _ = probe(tunnel="kill -9 $$")
        self.assertEqual(self.lost(output), ("0", "the tunnel was killed by signal 9 (KILL)"))

    def test_foreign_text_is_escaped(self):
        output, _ = probe(tunnel=r"printf '\033[31mred' >&2; exit 1")
        self.assertEqual(self.lost(output)[1],
                         r"the tunnel exited with status 1: \x1b[31mred")

    def test_no_such_command(self):
        output, _ = probe(tunnel="no-such-command")
        self.assertRegex(self.lost(output)[1], "^the tunnel exited with status 127: .*not found")

    def test_silent(self):
        output, _ = probe(tunnel="cat >/dev/null", timeout=200)
        self.assertEqual(self.lost(output), (
            "ETIMEDOUT", "the tunnel did not greet within 200 ms"))

    def test_group_ends_with_it(self):
        # A pipe that every process of the group holds: its end of file is their end.
        read, write = os.pipe()
        command = [PROBE, f"tunnel=sleep 60 & {self.TALK} sleep 60", "NOOP", "close"]
        with subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL):
            os.close(write)
            self.assertEqual(os.read(read, 1), b"")
        os.close(read)

    def test_flood_on_stderr(self):
        output, _ = probe("NOOP", tunnel="yes >&2 & " + self.TALK + "read -r line")
        self.assertIn("OK done\n", output)

    def test_starttls(self):
        output, _ = probe("starttls", "wait", tunnel=self.TALK + "sleep 0")
        self.assertIn("start_tls failed Operation not supported", output)


class Dialogue(LinkTest):
    def test_secrets(self):
        with Server(serve) as server:
            _, errors = probe("verbose=2", 'LOGIN me "sesame open"',
                              "AUTHENTICATE PLAIN AG1lAHNlc2FtZQ==", "NOOP", host="localhost",
                              port=server.port, tls="none")
        self.assertIn("probe: C: 1 LOGIN ***\nprobe: S: 1 OK done\n", errors)
        self.assertIn("probe: C: 2 AUTHENTICATE PLAIN ***\n", errors)
        self.assertNotIn("sesame", errors)
        self.assertNotIn("AG1l", errors)

    def test_off(self):
        with Server(serve) as server:
            _, errors = probe("verbose=1", "NOOP", host="localhost", port=server.port, tls="none")
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
