"""kill -9 at any moment: the next run finishes what was begun, nothing is lost or doubled."""

import random
import shutil
import subprocess
import time

from rig import case, change, compare, number, populate, sides

KILLS = number("KILLS", 12)


class Crash(case.SystemTest):
    def run_and_kill(self, account, seconds):
        """Start a run and kill it after this time. True: it was still running."""
        process = subprocess.Popen(list(map(str, account.command("--once"))), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=account.environment())
        try:
            process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        finally:
            process.wait()

    def undisturbed(self, account):
        """How long the run takes that will be killed: in that time the moments lie."""
        start = time.monotonic()
        self.once(account)
        return time.monotonic() - start

    def test_first_sync(self):
        server = self.server()
        names = populate.mailbox_names(6)
        populate.fill(self.session(server), names, 60, holes=False)
        duration = self.undisturbed(self.account(server, name="whole"))
        rng = random.Random(21)
        killed = 0
        for n in range(KILLS):
            account = self.account(server, name=f"killed{n}")
            for _ in range(rng.randint(1, 3)):
                killed += self.run_and_kill(account, rng.uniform(0, duration))
            with self.subTest(n):
                self.once(account)
                remote = self.assert_equal_sides(account, server)
                self.assertEqual({len(rows) for rows in remote.values()}, {60})
            shutil.rmtree(account.directory)
        print(f"  {killed} kills in a first sync of {duration:.2f} s", flush=True)

    def test_uploads(self):
        server = self.server()
        rng = random.Random(22)
        killed = 0
        for n in range(KILLS):
            user = f"user{n}"
            account = self.account(server, name=f"up{n}", user=user)
            self.once(account)
            folder = account.tree.folder("INBOX").create()
            for k in range(100):
                folder.deliver(populate.message(rng, f"u{n}k{k}"), f"17{k:05}.upload.host", "S")
            if n == 0:
                duration = self.undisturbed(account)
                continue
            killed += self.run_and_kill(account, rng.uniform(0, duration))
            with self.subTest(n):
                self.once(account)
                remote = self.assert_equal_sides(account, server, user)
                self.assertEqual(len(remote["INBOX"]), 100)
        print(f"  {killed} kills in an upload of {duration:.2f} s", flush=True)

    def test_changes(self):
        """Deletions, moves and flags on both sides, killed again and again, then finished."""
        server = self.server()
        populate.fill(self.session(server), populate.mailbox_names(6), 60, holes=False)
        account = self.account(server)
        self.once(account)
        rng = random.Random(23)
        killed = 0
        for _ in range(max(KILLS // 4, 1)):
            changes = change.Changes(rng, sides.ImapSide(self.session(server)), sides.MaildirSide(account.tree))
            changes.apply(60)
            for _ in range(4):
                killed += self.run_and_kill(account, rng.uniform(0, 0.3))
            self.once(account)
            remote = self.assert_equal_sides(account, server)
            found = compare.differences(remote, changes.expected(), "on both sides", "expected")
            self.assertEqual(found, [], "\n".join(found[:20]))
        print(f"  {killed} kills among changes", flush=True)
