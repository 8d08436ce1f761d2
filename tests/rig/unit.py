"""The unit files under a real user manager: an ordinary user's, with a journal of its own."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from rig import BUILD, IMAPSYNCCTL, IMAPSYNCD, REPOSITORY

MANAGER = pathlib.Path(__file__).parent / "user-manager"
UNITS = REPOSITORY / "units"
UID = 12345  # in no passwd file, and nobody here has it

# What the steps of tests have in common; any failure ends them.
BEGIN = """\
set -eux
show() { systemctl --user show -P "$1" "${2-imapsyncd}"; }
# until_true COMMAND...: within 30 s
until_true() {
        tries=0
        until "$@"; do
                tries=$((tries + 1))
                test $tries -lt 600
                sleep 0.05
        done
}
is() { test "$(show "$1" "${3-imapsyncd}")" = "$2"; }
is_not() { ! is "$@"; }
# Keep what imapsyncd has logged until now, and print how many entries hold this text. The journal is a little
# behind, and does not know any more what a process was called that has ended.
keep_journal() {
        journalctl -q -o json SYSLOG_IDENTIFIER=imapsyncd >"$HOME/journal"
        grep -c -- "$1" "$HOME/journal" || true
}
msec() { echo $(( $(date +%s%N) / 1000000 )); }
"""


def is_possible():
    """A user manager needs root, systemd, and cgroup2."""
    return os.getuid() == 0 and shutil.which("systemctl") and os.path.exists("/lib/systemd/systemd")


def has_bus():
    return os.path.exists("/usr/lib/systemd/user/dbus.socket")


def has_user_namespaces():
    """May an ordinary user have one?"""
    command = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "unshare", "-U", "true"]
    return os.getuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


class Home:
    """The home of a user who has installed imapsyncd.

    variables: in the environment of the manager
    """

    def __init__(self, path, config):
        self.path = pathlib.Path(path)
        self.units = self.path / ".config" / "systemd" / "user"
        self.config = self.path / ".config" / "imapsyncd" / "imapsyncd.conf"
        self.bin = self.path / "bin"
        for folder in (self.units, self.config.parent, self.bin):
            folder.mkdir(parents=True)
        # Copies, for the build folder may be one that others cannot enter.
        for program in (IMAPSYNCD, IMAPSYNCCTL):
            shutil.copy2(program, self.bin)
        self.variables = {}
        self.config.write_text(config)
        self.config.chmod(0o600)
        self.install()

    def install(self):
        """The real units; only the programs are elsewhere."""
        for path in [*(BUILD / "units").glob("imapsyncd*.service"), *UNITS.glob("imapsyncd*.socket")]:
            text = re.sub(r"^(Exec\w+)=/\S*/(imapsync\w+)", rf"\1={self.bin}/\2", path.read_text(),
                          flags=re.MULTILINE)
            (self.units / path.name).write_text(text)

    def drop_in(self, *lines, unit="imapsyncd.service", section="Service"):
        """As systemctl --user edit would do it."""
        folder = self.units / f"{unit}.d"
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.conf"
        path.write_text("\n".join([f"[{section}]", *lines]) + "\n")

    def run(self, steps, timeout=120):
        """Run steps of a shell as the user. Returns what ended, or skips the test."""
        variables = {"HOME": str(self.path), "XDG_RUNTIME_DIR": "/run/imapsyncd-test", "TEST_UID": str(UID),
                     "PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        variables |= self.variables
        done = subprocess.run([MANAGER, "bash", "-c", BEGIN + steps], env=variables,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        if done.returncode == 99:
            raise unittest.SkipTest("no user manager can be started here: " + done.stdout[-200:])
        if done.returncode:
            log = (self.path / "manager.log").read_text(errors="replace")[-2000:]
            raise AssertionError(f"status {done.returncode}\n{done.stdout}{done.stderr[-6000:]}{log}")
        return done

    def journal(self):
        """The entries that the steps have kept: keep_journal."""
        lines = (self.path / "journal").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def note(self, name):
        return (self.path / name).read_text().strip()
