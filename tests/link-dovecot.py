#!/usr/bin/env python3
"""The link against a real Dovecot: STARTTLS, COMPRESS, and a message there and back."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from linktest import LinkTest, probe

DOVECOT_CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certs}/good.pem
ssl_key = <{certs}/good.key
mail_location = maildir:~/Maildir
mailbox_list_index = yes
mail_plugins = zlib
protocol imap {{
  mail_plugins = zlib imap_zlib
}}
auth_failure_delay = 0
passdb {{
  driver = static
  args = password=sesame
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 0
first_valid_gid = 0
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@unittest.skipUnless(shutil.which("dovecot") and os.getuid() == 0, "needs Dovecot, and root for it")
class Dovecot(LinkTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="link-dovecot-"))
        cls.home.chmod(0o755)
        for name in ("run", "state", "home"):
            (cls.home / name).mkdir()
        cls.port, cls.tls_port = free_port(), free_port()
        shutil.chown(cls.home / "home", "mail", "mail")
        config = cls.home / "dovecot.conf"
        config.write_text(DOVECOT_CONFIG.format(
            dir=cls.home, certs=cls.certificates.dir, port=cls.port, tls_port=cls.tls_port,
            uid="mail", gid="mail", user="dovecot", group="dovecot"))
        cls.process = subprocess.Popen(["dovecot", "-F", "-c", config], stderr=subprocess.PIPE)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(
                    ("127.0.0.1", cls.port), timeout=5) as sock:
                sock.recv(1)
                return
            threading.Event().wait(0.05)
        raise AssertionError("Dovecot does not come up: " + (cls.home / "log").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait()
        cls.process.stderr.close()
        shutil.rmtree(cls.home)
        super().tearDownClass()

    STEPS = ("LOGIN me sesame", "compress", "SELECT INBOX", "append=100000", "FETCH 1 BODY[]",
             "UID STORE 1:* +FLAGS.SILENT (\\Deleted)", "EXPUNGE", "LOGOUT", "wait")

    def assert_talk(self, output):
        self.assertNotIn("NO ", output)
        self.assertEqual(output.count("\nOK"), 8, output)
        self.assertRegex(output, r"body 10\d{4}\n")
        self.assertEqual(self.lost(output)[0], "0")

    def test_implicit(self):
        output, _ = probe(*self.STEPS, host="localhost", port=self.tls_port, ca_file=self.ca)
        self.assert_talk(output)

    def test_starttls(self):
        output, _ = probe("starttls", *self.STEPS, host="localhost", port=self.port,
                          tls="starttls", ca_file=self.ca)
        self.assertEqual(output.count("\nOK"), 9, output)
        self.assertIn("open encrypted\n", output)

    def test_clear(self):
        output, _ = probe(*self.STEPS, host="127.0.0.1", port=self.port, tls="none")
        self.assert_talk(output)

    def test_again(self):
        output, _ = probe("LOGIN me sesame", "close", host="localhost", port=self.tls_port,
                          ca_file=self.ca)
        self.assertNotIn("lost", output)


if __name__ == "__main__":
    unittest.main()
