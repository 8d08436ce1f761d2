"""The server's side of logins: SCRAM, tokens of OAuth as Dovecot takes them, and TLS whose exporter is known."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import queue
import subprocess
import threading
import time

from rig import imapserver, wait_until
from rig.dovecot import PASSWORD, free_ports


def b64(data):
    return base64.b64encode(data)


class Scram:
    """One SCRAM exchange, from the server's side. Wrong on purpose: password, iterations."""

    def __init__(self, name="sha256", password=PASSWORD, iterations=4096, exporter=None):
        self.name = name
        self.password = password.encode()
        self.iterations = iterations
        self.exporter = exporter
        self.gs2 = self.bare = self.first = b""

    def hmac(self, key, data):
        return hmac.new(key, data, self.name).digest()

    def challenge(self, client_first):
        """The answer to the client's first message."""
        flag, name, self.bare = client_first.split(b",", 2)
        self.gs2 = flag + b"," + name + b","
        nonce = self.bare.partition(b",r=")[2]
        self.first = b"r=%s%s,s=%s,i=%d" % (nonce, os.urandom(9).hex().encode(), b64(b"salt"), self.iterations)
        return self.first

    def verify(self, client_last):
        """(Is the proof right, and is the channel bound as it was said? the server's last message)"""
        without, _, proof = client_last.rpartition(b",p=")
        expected = self.gs2 + (self.exporter if self.gs2.startswith(b"p=") else b"")
        is_bound = without.startswith(b"c=" + b64(expected) + b",r=")
        message = b",".join([self.bare, self.first, without])
        salted = hashlib.pbkdf2_hmac(self.name, self.password, b"salt", self.iterations)
        key = self.hmac(salted, b"Client Key")
        signature = self.hmac(hashlib.new(self.name, key).digest(), message)
        is_right = bytes(a ^ b for a, b in zip(key, signature)) == base64.b64decode(proof)
        return is_right and is_bound, b"v=" + b64(self.hmac(self.hmac(salted, b"Server Key"), message))


def decode(line):
    return base64.b64decode(line.strip())


def serve_scram(talk, line, scram):
    """AUTHENTICATE SCRAM-*: returns whether the client has got in."""
    first = decode(line.split()[-1])
    talk.say(b"+ " + b64(scram.challenge(first)) + b"\r\n")
    last = talk.line()
    if last == b"*":
        return False
    is_right, signature = scram.verify(decode(last))
    if not is_right:
        return False
    talk.say(b"+ " + b64(signature) + b"\r\n")
    return talk.line() == b""


class TlsConversation(imapserver.Conversation):
    """A conversation through "openssl s_server", which tells the exporter of each connection."""

    def __init__(self, process, stopping):
        super().__init__(None, stopping)
        self.process = process
        self.exporter = b""

    def say(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self):
        line = self.process.stdout.readline()
        if not line or line.startswith(b"DONE") or line.startswith(b"shutdown"):
            raise ConnectionError("the client has gone")
        self.heard.append(line.rstrip(b"\r\n"))
        return self.heard[-1]

    def wait_for_client(self):
        """Until the handshake is done; then what it has to say of itself is over."""
        for line in iter(self.process.stdout.readline, b""):
            if b"Keying material:" in line:
                self.exporter = bytes.fromhex(line.partition(b":")[2].strip().decode())
                return
        raise ConnectionError("no client came")


class TlsServer:
    """with TlsServer(dovecot, script, "-tls1_3") as server: one connection, in the hands of the script.

    certificates: whose server.pem, server.key and ca.pem to use
    """

    host = "127.0.0.1"

    def __init__(self, certificates, script, *options):
        self.script = script
        self.ca_file = certificates / "ca.pem"
        self.imaps_port = free_ports(1)[0]
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{self.imaps_port}", "-naccept", "1"]
        command += ["-cert", certificates / "server.pem", "-key", certificates / "server.key", *options]
        command += ["-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        # It listens, and has said so, before the client may come.
        for line in iter(self.process.stdout.readline, b""):
            if line.startswith(b"ACCEPT"):
                break
        self.talk = TlsConversation(self.process, threading.Event())
        self.problems = queue.Queue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.talk.wait_for_client()
            self.script(self.talk)
        except OSError:
            pass  # the client closed
        except Exception as problem:
            self.problems.put(repr(problem))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.thread.join(5)
        self.process.stdin.close()
        self.process.stdout.close()


OAUTH_SETTINGS = """\
auth_mechanisms = plain login oauthbearer xoauth2
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {file}
}}
"""


class Issuer:
    """Who issues tokens that a Dovecot with these settings takes, and the command that asks for one.

    The command writes a line into the file asked each time, and prints a token that is good for
    `lifetime` seconds, and how long that is, if `tells`.
    """

    def __init__(self, directory, lifetime=3600, tells=True):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.key = os.urandom(32)
        self.lifetime, self.tells = lifetime, tells
        keys = self.directory / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(b64(self.key))
        self.file = self.directory / "oauth2.conf"
        self.file.write_text("introspection_mode = local\nusername_attribute = sub\n"
                             f"local_validation_key_dict = fs:posix:prefix={self.directory}/keys/\n")
        self.asked = self.directory / "asked"
        self.asked.write_text("")
        self.script = self.directory / "token.py"
        self.script.write_text(_TOKEN_SCRIPT)

    def settings(self):
        return OAUTH_SETTINGS.format(file=self.file)

    def command(self, *modes):
        words = ["python3", str(self.script), str(self.directory), str(self.lifetime), self.key.hex(),
                 "yes" if self.tells else "no", *modes]
        return " ".join(words)

    def n_asked(self):
        return len(self.asked.read_text().splitlines())


# "stale": the first token that is asked for has ended long ago.
_TOKEN_SCRIPT = '''\
import base64, hashlib, hmac, json, pathlib, sys, time

directory, lifetime, key, tells, *modes = sys.argv[1:]
asked = pathlib.Path(directory) / "asked"
with asked.open("a") as file:
    file.write("%f begin\\n" % time.time())
n_asked = len(asked.read_text().splitlines())

def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")

end = int(time.time()) + int(lifetime)
if "stale" in modes and n_asked == 1 or "always-stale" in modes:
    end -= int(lifetime) + 1000
claims = {"sub": "alice", "iat": end - int(lifetime), "exp": end}
text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
print((text + b"." + part(hmac.new(bytes.fromhex(key), text, hashlib.sha256).digest())).decode())
if tells == "yes":
    print(lifetime)
'''
