"""imapsyncctl setup and the programs that really keep passwords: pass, and secret-tool with gnome-keyring."""

from rig import newhome, passwords
from rig.dovecot import PASSWORD


class Kept(newhome.SetupTest):
    def check(self, kind, place, names):
        """It is kept there, found there by the daemon, and never replaced; a wrong one is not kept."""
        if not passwords.have(*kind.programs):
            self.skipTest(f"needs {' '.join(kind.programs)}")
        server = self.filled_server()
        arguments = [newhome.ADDRESS, *self.flags(server), "--secret", place, "--password-stdin", "--yes"]
        with kind(self.directory) as there:
            self.variables |= there.variables
            result = self.setup(*arguments, stdin="wrong")
            self.assert_says(result, 1, "refuses the user name or password")
            self.assertEqual(there.names(), [])

            result = self.setup(*arguments, stdin=PASSWORD)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(there.lookup("example"), PASSWORD)
            self.assertEqual(there.names(), names)
            self.assertNotIn(PASSWORD, self.config.read_text())
            self.assert_works(server)

            self.config.unlink()
            result = self.setup(*arguments, stdin="another")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("A password is there already", result.stdout)
            self.assertEqual(there.lookup("example"), PASSWORD)
            self.assertEqual(there.names(), names)

    def test_pass(self):
        self.check(passwords.PasswordStore, "pass", ["imap/example.gpg"])

    def test_secret_tool(self):
        self.check(passwords.Keyring, "secret-tool", ["label = imapsyncd: example"])
