"""inotify: one instance for all accounts, for a user of the machine has few; and what comes of having none."""

import contextlib
import pathlib
import subprocess
import unittest

from rig import SANITIZED, maildir, modelserver, wait_until
from rig.modelserver import Model
from rig.waiting import POLL, WaitingTest, endpoint, mail

DEFAULT_LIMIT = 128  # fs.inotify.max_user_instances, as the kernel has it
ACCOUNTS = 20 if SANITIZED else 200
LIMITED = 'echo "$0" > /proc/sys/user/max_inotify_instances && exec "$@"'


def limited(instances):
    """The beginning of a command: a user who may have no more than these."""
    return ["unshare", "--user", "--map-root-user", "sh", "-c", LIMITED, str(instances)]


def is_possible():
    try:
        return subprocess.run([*limited(1), "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def instances_of(pid):
    """The inotify instances that a process has."""
    count = 0
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed by now
            count += str(path.readlink()) == "anon_inode:inotify"
    return count


class Quiet(Model):
    """Says nothing by itself, so that only what is local has anything happen."""

    capability = "IMAP4rev1 UIDPLUS LITERAL+ UNSELECT"


@unittest.skipUnless(is_possible(), "no user namespaces here")
class Limit(WaitingTest):
    def serve(self, extra):
        self.scripted = modelserver.start(Quiet)
        self.addCleanup(self.scripted.close)
        self.store = self.scripted.store
        self.store.deliver("INBOX", mail("first"))
        self.acc = self.account(settings=endpoint(self.scripted))
        self.acc.write_config(extra)

    def uploaded(self, n):
        return len(self.store.mailboxes["INBOX"].messages) == n

    def test_many_accounts(self):
        """Under the kernel's own limit each of 200 is told of what changes in its folders."""
        self.serve("")
        trees, text = [], "[daemon]\npoll-interval = 1h\n"
        for n in range(ACCOUNTS):
            trees.append(maildir.Tree(self.directory / f"Mail{n}"))
            keys = self.acc.settings | {"maildir": trees[n].root}
            text += f"[account a{n}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        self.acc.write_text(text)
        self.acc.prefix = limited(DEFAULT_LIMIT)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            done = self.acc.ctl("sync", "--wait", timeout=300)
            self.assertEqual(done.status, 0, str(done))
            self.assertEqual(instances_of(daemon.pid), 1)
            self.assertNotIn("only looked for", daemon.log())
            for n, tree in enumerate((trees[0], trees[ACCOUNTS // 2], trees[-1])):
                tree.folder("INBOX").deliver(mail(f"local{n}"), f"170000000{n}.here.host")
                wait_until(lambda: self.uploaded(n + 2), f"message {n} goes up", 60)
            self.assertEqual({row["local_waits"] for row in self.acc.ctl_json("status")}, {""})

    def test_none(self):
        """Where there is no instance to be had, folders are looked at, and status says so."""
        self.serve(POLL)
        self.acc.prefix = limited(0)
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertIn("local changes are only looked for every 1 s", daemon.log())
            found = self.wait("local_waits", "a look at all folders every 1 s")
            self.assertIn("max_user_instances", found["local_waits_why"])
            self.assertIn("max_user_instances", self.acc.ctl("status").out + self.acc.ctl("status", "test").out)
            self.acc.tree.folder("INBOX").deliver(mail("local"), "1700000000.here.host")
            wait_until(lambda: self.uploaded(2), "the message goes up", 60)
