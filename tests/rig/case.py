"""What every systems test begins with: a directory that is kept when the test fails."""

import os
import pathlib
import shutil
import tempfile
import unittest

from rig import IMAPSYNCD, compare
from rig.account import Account
from rig.dovecot import Dovecot
from rig.harm import Harm


class SystemTest(unittest.TestCase):
    """self.directory, self.server(), self.account(): all ended and removed after the test."""

    maxDiff = 4000
    needs_program = True

    def run(self, result=None):
        result = result or self.defaultTestResult()
        bad = len(result.failures) + len(result.errors)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-test-"))
        self.directory.chmod(0o755)
        try:
            return super().run(result)
        finally:
            if len(result.failures) + len(result.errors) == bad:
                shutil.rmtree(self.directory, ignore_errors=True)
            else:
                print(f"  kept: {self.directory}", flush=True)

    def setUp(self):
        if self.needs_program and not IMAPSYNCD.exists():
            self.fail(f"{IMAPSYNCD.name} is not built: run tests/run, or set BUILD")

    def server(self, store="maildir", name="server", **options):
        """A running Dovecot."""
        server = Dovecot(self.directory / name.replace(" ", "-"), store, **options)
        self.addCleanup(server.kill)
        return server.start()

    def account(self, server=None, name="account", **options):
        return Account(self.directory / name, server, **options)

    def session(self, server, user="alice"):
        session = server.session(user)
        self.addCleanup(session.close)
        return session

    def once(self, account, *args, status=0, timeout=120):
        """imapsyncd --once must end with this status."""
        result = account.once(*args, timeout=timeout)
        self.assertEqual(result.status, status, str(result))
        return result

    def assert_same(self, one, other):
        """Two sides' contents (rig.compare)."""
        if found := compare.differences(one, other):
            raise Harm("\n".join(found[:40]))

    def assert_equal_sides(self, account, server, user="alice"):
        """Both sides hold the same, and no file is doubled. Returns the remote side."""
        with server.session(user) as session:
            remote = compare.remote(session)
        local = compare.local(account.tree)
        found = compare.differences(remote, local) + compare.doubled_names(account.tree)
        if found:
            more = f"\n... and {len(found) - 40} more" if len(found) > 40 else ""
            raise Harm(f"{len(found)} differences:\n" + "\n".join(found[:40]) + more)
        return remote


def needs_root(test):
    return unittest.skipUnless(os.getuid() == 0, "needs root")(test)
