"""The daemon: how long a change takes to the other side."""

import random
import statistics
import time

from rig import SANITIZED, case, number, populate, wait_until

CHANGES = number("CHANGES", 15)
STEP = 0.003


class Latency(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.other = self.session(self.dovecot)
        self.boxes = populate.mailbox_names(8)
        populate.fill(self.other, self.boxes, 10 + CHANGES // 2)  # some are drafts already
        self.acc = self.account(self.dovecot)
        self.daemon = self.acc.daemon()
        self.addCleanup(self.daemon.log_file.close)
        self.addCleanup(self.daemon.stop)
        self.daemon.wait_in_sync()
        self.rng = random.Random(2)

    def measure(self, what, rounds):
        """Each round makes a change and returns the condition that says it has arrived."""
        times = []
        for n in range(CHANGES):
            arrived = rounds(n)
            start = time.monotonic()
            wait_until(arrived, f"{what}, change {n}", deadline=60, interval=STEP)
            times.append(time.monotonic() - start)
        print(f"  {what}: {CHANGES} changes, median {statistics.median(times):.3f} s,"
              f" worst {max(times):.3f} s", flush=True)
        if not SANITIZED:
            self.assertLess(statistics.median(times), 2)
        self.assertLess(max(times), 40)

    def count_remote(self, mailbox, search):
        self.other.command("NOOP")
        return len(self.other.command(f"UID SEARCH {search}")[0]) - 1

    def tearDown(self):
        self.assertEqual(self.acc.ctl("sync", "--wait").status, 0)
        self.assert_equal_sides(self.acc, self.dovecot)
        super().tearDown()

    def test_mail_from_the_server(self):
        def one(n):
            mailbox = self.boxes[n % len(self.boxes)]
            folder = self.acc.tree.folder(mailbox)
            before = len(folder.files())
            self.other.append(mailbox, populate.message(self.rng, f"latency{n}"))
            return lambda: len(folder.files()) > before

        self.measure("mail from the server", one)

    def test_flags_from_the_server(self):
        def one(n):
            mailbox = self.boxes[n % len(self.boxes)]
            folder = self.acc.tree.folder(mailbox)
            drafts = sum("D" in path.name.partition(":2,")[2] for path in folder.files())
            self.other.select(mailbox)
            uid = self.rng.choice([u for u, row in self.other.fetch("1:*").items() if b"\\Draft" not in row[b"FLAGS"]])
            self.other.store(uid, "+", ["\\Draft"])
            return lambda: sum("D" in p.name.partition(":2,")[2] for p in folder.files()) > drafts

        self.measure("flags from the server", one)

    def test_mail_to_the_server(self):
        def one(n):
            mailbox = self.boxes[n % len(self.boxes)]
            self.other.select(mailbox)
            before = self.count_remote(mailbox, "ALL")
            folder = self.acc.tree.folder(mailbox)
            folder.deliver(populate.message(self.rng, f"local{n}"), f"17000{n}.latency.host")
            return lambda: self.count_remote(mailbox, "ALL") > before

        self.measure("mail to the server", one)

    def test_flags_to_the_server(self):
        def one(n):
            mailbox = self.boxes[n % len(self.boxes)]
            folder = self.acc.tree.folder(mailbox)
            path = self.rng.choice([p for p in folder.files() if "\\Draft" not in folder.flags(p)])
            self.other.select(mailbox)
            before = self.count_remote(mailbox, "DRAFT")
            folder.set_flags(path, folder.flags(path) | {"\\Draft"})
            return lambda: self.count_remote(mailbox, "DRAFT") > before

        self.measure("flags to the server", one)
