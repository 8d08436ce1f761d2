"""The unit under a real user manager: ready when it is, reloaded, ended in time, sandboxed."""

import os
import pathlib
import shutil
import subprocess
import unittest

from rig import BUILD, IMAPSYNCCTL, IMAPSYNCD, SANITIZED, case, populate

MANAGER = pathlib.Path(__file__).parents[1] / "rig" / "user-manager"
MESSAGES = 10

# What a user would type; any failure ends it.
STEPS = """\
set -eux
systemctl --user daemon-reload
systemctl --user start imapsyncd
test "$(systemctl --user show -P ActiveState imapsyncd)" = active
imapsyncctl sync --wait
systemctl --user show -P StatusText imapsyncd
test -n "$(systemctl --user show -P StatusText imapsyncd)"
pid=$(systemctl --user show -P MainPID imapsyncd)
systemctl --user reload imapsyncd
imapsyncctl status
test "$(systemctl --user show -P MainPID imapsyncd)" = "$pid"
kill -9 "$pid"
until [ "$(systemctl --user show -P ActiveState imapsyncd)" != active ]; do sleep 0.05; done
systemctl --user restart imapsyncd
imapsyncctl sync --wait
begin=$(date +%s%N)
systemctl --user stop imapsyncd
end=$(date +%s%N)
test "$(systemctl --user show -P Result imapsyncd)" = success
echo "stopped after $(( (end - begin) / 1000000 )) ms" >"$HOME/stopped"
"""


def is_possible():
    """A user manager needs root, systemd, and cgroup2."""
    return os.getuid() == 0 and shutil.which("systemctl") and os.path.exists("/lib/systemd/systemd")


@unittest.skipUnless(is_possible(), "needs root and systemd")
@unittest.skipIf(SANITIZED, "the sandbox is not made for sanitizers")
class Unit(case.SystemTest):
    def test_life(self):
        server = self.server()
        populate.fill(self.session(server), ["INBOX", "list"], MESSAGES, holes=False)
        account = self.account(server)
        home = account.directory
        units = home / ".config" / "systemd" / "user"
        units.mkdir(parents=True)
        text = (BUILD / "units" / "imapsyncd.service").read_text()
        installed = next(line for line in text.splitlines() if line.startswith("ExecStart="))
        (units / "imapsyncd.service").write_text(text.replace(installed, f"ExecStart={IMAPSYNCD}"))
        config = home / ".config" / "imapsyncd"
        config.mkdir()
        shutil.copy2(account.config, config / "imapsyncd.conf")
        environment = {"HOME": str(home), "XDG_RUNTIME_DIR": "/run/imapsyncd-test",
                       "PATH": f"{IMAPSYNCCTL.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        done = subprocess.run([MANAGER, "bash", "-c", STEPS], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        if done.returncode == 99:
            self.skipTest("no user manager can be started here: " + done.stdout[-200:])
        log = (home / "manager.log").read_text(errors="replace")[-3000:]
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + log)
        stopped = (home / "stopped").read_text().strip()
        print(f"  systemctl --user stop: {stopped}", flush=True)
        self.assertLess(int(stopped.split()[-2]), 2000)
        self.assert_equal_sides(account, server)
        # State is where the README says.
        self.assertTrue((home / ".local/state/imapsyncd/test.db").exists())
