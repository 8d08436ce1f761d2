"""What the tests of the link share: certificates, servers of a few lines, and the probe."""

import base64
import contextlib
import hashlib
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import zlib

# A finding of a sanitizer must end the probe, so that its test fails.
os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
PROBE = os.environ.get("CONNECTION_PROBE", "build/tests/connection-probe")
GREETING = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"


# Certificates, made once by the openssl command.

CA_CONFIG = """
[ca]
default_ca = test
[test]
database = {dir}/index.txt
new_certs_dir = {dir}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


class Certificates:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        (self.dir / "index.txt").write_text("")
        (self.dir / "ca.cnf").write_text(CA_CONFIG.format(dir=self.dir))
        self.self_signed("ca", "Test CA", "basicConstraints=critical,CA:TRUE")
        self.self_signed("self", "localhost", "subjectAltName=DNS:localhost")
        self.signed("good", "DNS:localhost,IP:127.0.0.1", "20200101000000Z", "21000101000000Z")
        self.signed("other", "DNS:mail.example.org,DNS:*.example.net", "20200101000000Z",
                    "21000101000000Z")
        self.signed("expired", "DNS:localhost", "20200101000000Z", "20210203000000Z")
        self.signed("early", "DNS:localhost", "20900405000000Z", "21000101000000Z")

    def openssl(self, *args):
        subprocess.run(("openssl",) + args, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, cwd=self.dir)

    def self_signed(self, name, subject, extension):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "3650",
                     "-subj", f"/CN={subject}", "-addext", extension)

    def signed(self, name, names, start, end):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                     "-addext", f"subjectAltName={names}")
        self.openssl("ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
                     "-in", f"{name}.csr", "-out", f"{name}.pem", "-notext", "-startdate", start,
                     "-enddate", end)

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.dir / f"{name}.pem", self.dir / f"{name}.key")
        return context

    def pin(self, name):
        """SHA-256 of the SubjectPublicKeyInfo: the digest."""
        key = subprocess.run(["openssl", "x509", "-in", self.dir / f"{name}.pem", "-noout",
                              "-pubkey"], check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                             check=True, capture_output=True).stdout
        return hashlib.sha256(der).digest()


# Servers.

class Peer:
    """One client as a server sees it."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def say(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def take(self, n):
        while len(self.buffer) < n:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def until_end(self):
        """Everything up to the client's end."""
        data, self.buffer = self.buffer, b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while more := self.sock.recv(65536):
                data += more
        return data

    def answer(self, text=b"OK done", before=b""):
        """Read a command, answer it."""
        line = self.line()
        self.say(before + line.split(b" ")[0] + b" " + text + b"\r\n")
        return line

    def tls(self, context):
        self.sock = context.wrap_socket(self.sock, server_side=True)


class Server:
    """Runs @script(peer) for each client, in a thread; collects what it returns."""

    def __init__(self, script, context=None, address="127.0.0.1", n_clients=1):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.script, self.context, self.n_clients = script, context, n_clients
        self.results, self.errors = [], []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for _ in range(self.n_clients):
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            peer = Peer(sock)
            try:
                if self.context:
                    peer.tls(self.context)
                self.results.append(self.script(peer))
            except (EOFError, OSError) as error:
                self.errors.append(error)
            finally:
                peer.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes a thread that still waits for a client
        self.listener.close()
        self.thread.join(timeout=10)


def serve(peer):
    """A server that says OK to all."""
    peer.say(GREETING)
    try:
        while True:
            peer.answer()
    except EOFError:
        pass


class Zlib:
    """COMPRESS=DEFLATE on the server's side, above any Peer."""

    def __init__(self, peer):
        self.peer = peer
        self.out = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.into = zlib.decompressobj(-15)

    def packed(self, data):
        return self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH)

    def recv(self, size):
        while data := self.peer.recv(size):
            if plain := self.into.decompress(data):
                return plain
        return b""

    def sendall(self, data):
        self.peer.sendall(self.packed(data))

    def close(self):
        self.peer.close()


UNACKED, SEGMENTS_IN = 24, 140  # where they are in struct tcp_info


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise OSError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def tcp_info(sock, offset, form="I"):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from(form, info, offset)[0]


def probe(*args, check=True, **keys):
    """Run the probe; its output, stderr aside."""
    words = [f"{key.replace('_', '-')}={value}" for key, value in keys.items()]
    done = subprocess.run([PROBE, *words, *args], capture_output=True, text=True, timeout=60,
                          errors="replace")
    if check and done.returncode != 0:
        raise AssertionError(f"probe exited with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


class LinkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.certificates = Certificates(cls.temporary.name)
        cls.ca = cls.certificates.dir / "ca.pem"

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def pin(self, name):
        return "sha256:" + base64.b64encode(self.certificates.pin(name)).decode()

    def lost(self, output):
        match = re.search(r"^lost (\w+): (.*)$", output, re.M)
        self.assertIsNotNone(match, output)
        return match.groups()
