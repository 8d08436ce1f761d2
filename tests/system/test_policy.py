"""The power policy: what the accounts may cost, at once, without a new connection, and nothing is forgotten."""

import os
import re
import shutil
import signal
import threading
import time
import unittest

from rig import SANITIZED, bus, modelserver, stays, wait_until
from rig.modelserver import Model
from rig.waiting import WaitingTest, endpoint, mail

CONFIG = """[daemon]
poll-interval = 1s
[policy battery]
poll-interval = 2s
upload-delay = 0
[policy low]
poll-interval = 1s
upload-delay = 0
[policy metered]
poll-interval = 1s
max-body = 1k
"""
QUIET = """[daemon]
poll-interval = 1s
[policy battery]
poll-interval = 1h
upload-delay = {}
"""
WITHOUT_IDLE = modelserver.FULL.replace(" IDLE", "")


def large(name):
    return mail(name) + b"x" * 76 * 40


class PolicyTest(WaitingTest):
    def serve(self, capability=WITHOUT_IDLE, model=Model, config=CONFIG):
        model = type(model.__name__, (model,), {"capability": capability})
        self.scripted = modelserver.start(model)
        self.addCleanup(self.scripted.close)
        self.store = self.scripted.store
        for name in ("INBOX", "b"):
            self.store.deliver(name, mail(name))
        self.acc = self.account(settings=endpoint(self.scripted) | {"timeout": "5s"})
        self.acc.write_config(config)

    def policy(self, *args):
        result = self.acc.ctl("policy", *args)
        self.assertEqual(result.status, 0, str(result))

    def wait_mail(self, mailbox, n):
        folder = self.acc.tree.folder(mailbox)
        wait_until(lambda: (folder.path / "cur").exists() and len(folder.files()) == n, f"{n} messages in {mailbox}")

    def n_mail(self, mailbox):
        return len(self.acc.tree.folder(mailbox).files())

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.scripted.heard())

    def wait_more(self, pattern, n):
        """Until the server has heard so many more of these."""
        before = self.count(pattern)
        wait_until(lambda: self.count(pattern) >= before + n, f"{n} more {pattern}")

    def begin(self):
        daemon = self.acc.daemon()
        self.addCleanup(daemon.stop)
        daemon.wait_in_sync()
        self.wait_mail("b", 1)
        return daemon

    def assert_undisturbed(self):
        """All that was on the one connection."""
        self.assertEqual(len(self.scripted.conversations), 1)
        self.assertEqual(self.scripted.problems, [])


class Limits(PolicyTest):
    def test_inbox_alone(self):
        self.serve()
        self.begin()
        self.policy("low")
        self.wait("waits", "STATUS of INBOX every 1 s")
        self.wait_more(rb"STATUS \"?INBOX", 2)  # the new folders have been looked at
        self.store.deliver("b", mail("b2"))
        self.store.deliver("INBOX", mail("i2"))
        self.wait_mail("INBOX", 2)
        self.wait_more(rb"STATUS \"?INBOX", 2)
        self.assertEqual(self.n_mail("b"), 1)
        self.policy("auto")
        self.wait_mail("b", 2)
        self.wait("waits", "LIST-STATUS every 1 s")
        self.assert_undisturbed()

    def test_large_ones_wait(self):
        self.serve()
        self.begin()
        self.policy("metered")
        self.store.deliver("INBOX", large("l1"))
        self.store.deliver("INBOX", mail("small"))
        self.acc.tree.folder("b").deliver(large("l2"), "large.one")
        self.wait_mail("INBOX", 2)
        wait_until(lambda: self.status()["deferred"] == 2, "two that wait")
        self.assertIn("2 large messages wait until the policy lets them", self.wait("sentence", "large")["sentence"])
        self.assertEqual(self.acc.ctl("sync", "--wait").status, 1)
        self.assertEqual((self.n_mail("INBOX"), self.count(rb"APPEND")), (2, 0))
        self.assertEqual(self.status()["parked"], 0)

        self.policy("auto")
        self.wait_mail("INBOX", 3)
        wait_until(lambda: self.status()["deferred"] == 0, "none that waits")
        self.assertEqual(self.acc.ctl("sync", "--wait").status, 0)
        self.assertEqual(self.count(rb"APPEND"), 1)
        self.assert_undisturbed()

    def test_large_ones_and_the_next_process(self):
        """What one process left, the next one fetches: it is not asked of the server whether there is news."""
        self.serve()
        daemon = self.begin()
        self.policy("metered")
        self.store.deliver("b", large("l"))
        wait_until(lambda: self.status()["deferred"] == 1, "one that waits")
        daemon.stop()
        self.once(self.acc)
        self.assertEqual(self.n_mail("b"), 2)

    def go_to_sleep(self):
        """On battery, and nothing was said for as long as it takes a network to fall asleep."""
        self.policy("battery")
        wait_until(lambda: stays(lambda: (self.status()["bytes_in"], self.status()["pending"]), 2.5) is None,
                   "silence")

    def test_uploads_wait_for_each_other(self):
        self.serve(config=QUIET.format("3s"))
        self.begin()
        self.go_to_sleep()
        begin = time.monotonic()
        for n in range(3):
            self.acc.tree.folder("b").deliver(mail(f"l{n}"), f"local.{n}")
            wait_until(lambda: self.status()["pending"] == 1, "a change that waits")
            self.assertEqual(self.count(rb"APPEND"), 0)
        wait_until(lambda: self.count(rb"APPEND") == 3, "three messages")
        self.assertGreater(time.monotonic() - begin, 2.5)

    def test_uploads_go_as_soon_as_they_may(self):
        """Nobody waits for an hour that is over; nor a person who asks."""
        self.serve(config=QUIET.format("1h"))
        self.begin()
        self.go_to_sleep()
        self.acc.tree.folder("b").deliver(mail("l1"), "local.1")
        wait_until(lambda: self.status()["pending"] == 1, "a change that waits")
        self.policy("ac")
        wait_until(lambda: self.count(rb"APPEND") == 1, "the message")
        self.go_to_sleep()
        self.acc.tree.folder("b").deliver(mail("l2"), "local.2")
        wait_until(lambda: self.status()["pending"] == 1, "a change that waits")
        self.assertEqual(self.acc.ctl("sync", "--wait").status, 0)
        self.assertEqual(self.count(rb"APPEND"), 2)
        self.assert_undisturbed()


class Idle(PolicyTest):
    class Chatters(Model):
        """Says something each 100 ms of an IDLE, if it is to."""

        loud = True

        def do_IDLE(self, tag, rest):
            over = threading.Event()

            def chatter():
                while self.loud and not over.wait(0.1):
                    with self.store.lock:
                        if not over.is_set():
                            self.say("* OK Still here")

            thread = threading.Thread(target=chatter)
            thread.start()
            try:
                super().do_IDLE(tag, rest)
            finally:
                over.set()
                self.store.lock.release()
                thread.join()
                self.store.lock.acquire()

    def check(self, model, waits):
        self.serve(modelserver.FULL, model)
        self.begin()
        self.wait("waits", "IDLE on INBOX, LIST-STATUS every 1 s")
        self.policy("battery")
        found = self.wait("waits", waits)
        self.store.deliver("INBOX", mail("i2"))
        self.wait_mail("INBOX", 2)
        self.policy("auto")
        self.wait("waits", "IDLE on INBOX, LIST-STATUS every 1 s")
        self.store.deliver("INBOX", mail("i3"))
        self.wait_mail("INBOX", 3)
        self.assert_undisturbed()
        return found

    def test_chatter(self):
        self.serve(modelserver.FULL, self.Chatters)
        self.begin()
        self.policy("battery")
        found = wait_until(lambda: self.status()["waits"] == "LIST-STATUS every 2 s" and self.status(), "polls")
        self.assertIn("no IDLE with a server that chatters", found["waits_why"])
        self.wait_more(rb" LIST ", 2)
        n = self.count(rb"IDLE$")
        self.wait_more(rb" LIST ", 2)
        self.assertEqual(self.count(rb"IDLE$"), n)
        self.policy("auto")
        self.wait("waits", "IDLE on INBOX")
        self.assert_undisturbed()

    def test_quiet(self):
        quiet = type("Quiet", (self.Chatters,), {"loud": False})
        self.check(quiet, "IDLE on INBOX, LIST-STATUS every 2 s")


class Asked(PolicyTest):
    """What a person asks for, and what is said of it."""

    def test_for_a_time(self):
        self.serve()
        self.begin()
        self.assertEqual((self.status()["policy"], self.status()["policy_why"]), ("ac", ""))
        self.policy("low", "--for", "3s")
        found = self.acc.ctl_json("policy")
        self.assertEqual((found["policy"], found["forced"], found["all_mailboxes"]), ("low", True, False))
        self.assertRegex(found["why"], r"^asked for by imapsyncctl policy until \d\d:\d\d$")
        self.assertAlmostEqual(found["until_usec"] / 1e6, time.time() + 3, delta=3)
        self.assertIn("Policy: low (asked for by imapsyncctl policy until", self.acc.ctl("status").out)
        self.wait("waits", "STATUS of INBOX")
        wait_until(lambda: self.status()["policy"] == "ac", "the end of it")
        self.wait("waits", "LIST-STATUS every 1 s")
        found = self.acc.ctl_json("policy")
        self.assertEqual((found["forced"], found["until_usec"]), (False, 0))
        self.assert_undisturbed()

    def test_nonsense(self):
        self.serve()
        self.begin()
        for args, words in ((("train",), "no such policy"), (("low", "--for", "soon"), "no time"),
                            (("auto", "--for", "1h"), "no end"), (("low", "--for", "0s"), "no time")):
            result = self.acc.ctl("policy", *args)
            self.assertEqual((result.status, words in result.err), (1, True), str(result))
        self.assertEqual(self.status()["policy"], "ac")

    def test_reload(self):
        """The table may change under way; the connection stays."""
        self.serve()
        self.begin()
        self.acc.write_config(CONFIG + "[policy ac]\npoll-interval = 3s\n")
        self.assertEqual(self.acc.ctl("reload").status, 0)
        self.wait("waits", "LIST-STATUS every 3 s")
        self.assertEqual(self.acc.ctl_json("policy")["poll_interval_sec"], 3)
        self.assert_undisturbed()

    def test_hangup(self):
        """SIGHUP, and another section [daemon]: all goes on, on the same connection."""
        self.serve()
        daemon = self.begin()
        self.acc.write_config("[daemon]\npoll-interval = 2s\nflag-scan = 2h\n")
        os.kill(daemon.pid, signal.SIGHUP)
        self.wait("waits", "LIST-STATUS every 2 s")
        self.assertIn("configuration read again", daemon.log())
        self.assertNotIn("its configuration has changed", daemon.log())
        self.store.deliver("INBOX", mail("after"))
        wait_until(lambda: self.n_mail("INBOX") == 2, "the message arrives")
        self.assert_undisturbed()


@unittest.skipUnless(bus.is_possible(), "needs python3-dbusmock")
class Machine(PolicyTest):
    """What the machine says of its battery and its network."""

    def setUp(self):
        super().setUp()
        self.bus = self.enterContext(bus.Bus(self.directory))

    def begin(self):
        self.serve()
        self.acc.variables = self.bus.variables
        return super().begin()

    def wait_policy(self, name, why=""):
        wait_until(lambda: (self.status()["policy"], self.status()["policy_why"]) == (name, why), f"{name}: {why}")

    def test_battery(self):
        self.bus.start_power()
        self.bus.set_property(bus.POWER, "OnBattery", "b", "true")
        self.begin()
        self.wait_policy("battery", "on battery")
        self.wait("waits", "LIST-STATUS every 2 s")
        self.bus.set_property(bus.BATTERIES, "WarningLevel", "u", 3)
        self.wait_policy("battery low", "on battery, the battery is low")
        self.wait("waits", "STATUS of INBOX every 2 s")
        self.bus.set_property(bus.BATTERIES, "WarningLevel", "u", 2)
        self.wait_policy("battery", "on battery")
        self.bus.set_property(bus.POWER, "OnBattery", "b", "false")
        self.wait_policy("ac")
        self.wait("waits", "LIST-STATUS every 1 s")
        self.assert_undisturbed()

    def test_profile(self):
        """By both names of the service; one that goes says nothing any more."""
        self.begin()
        self.wait_policy("ac")
        for service in (bus.PROFILES, bus.PROFILES_OLD):
            self.bus.start_profiles(service)
            self.bus.set_property(service, "ActiveProfile", "s", "power-saver")
            self.wait_policy("low", "the power profile is power-saver")
            self.bus.set_property(service, "ActiveProfile", "s", "performance")
            self.wait_policy("ac")
            self.bus.set_property(service, "ActiveProfile", "s", "power-saver")
            self.wait_policy("low", "the power profile is power-saver")
            self.bus.stop(service[0])
            self.wait_policy("ac")
        self.assert_undisturbed()

    def test_metered(self):
        self.bus.start_network()
        self.bus.start_power()
        self.begin()
        self.wait_policy("ac")
        for metered, name in ((1, "metered"), (2, "ac"), (3, "metered"), (4, "ac")):
            self.bus.set_network(Metered=metered)
            self.wait_policy(name, "NetworkManager says that the network is metered" if name == "metered" else "")
        self.bus.set_network(Metered=1)
        self.bus.set_property(bus.POWER, "OnBattery", "b", "true")
        self.wait_policy("battery metered", "on battery, NetworkManager says that the network is metered")
        self.policy("ac")
        self.wait_policy("ac", "asked for by imapsyncctl policy")
        self.policy("auto")
        self.wait_policy("battery metered", "on battery, NetworkManager says that the network is metered")

    def test_metered_connection(self):
        """Tethered: large messages wait, both ways; on the next network they go, on the same connection."""
        self.bus.start_network(Metered=1)
        self.begin()
        self.wait_policy("metered", "NetworkManager says that the network is metered")
        self.store.deliver("INBOX", large("l1"))
        self.store.deliver("INBOX", mail("small"))
        self.acc.tree.folder("b").deliver(large("l2"), "large.one")
        self.wait_mail("INBOX", 2)
        wait_until(lambda: self.status()["deferred"] == 2, "two that wait")
        self.assertEqual((self.n_mail("INBOX"), self.count(rb"APPEND")), (2, 0))
        self.bus.set_network(Metered=4)
        self.wait_policy("ac")
        self.wait_mail("INBOX", 3)
        wait_until(lambda: self.status()["deferred"] == 0 and self.count(rb"APPEND") == 1, "nothing waits any more")
        self.bus.set_network(Metered=1)
        self.wait_policy("metered", "NetworkManager says that the network is metered")
        self.bus.stop("networkmanager")  # who knows nothing of the network knows nothing of its price
        self.wait_policy("ac")
        self.assert_undisturbed()

    def test_nonsense(self):
        """What has another type than it should is no word at all; the rest goes on."""
        self.bus.start_power()
        self.begin()
        self.bus.set_property(bus.POWER, "OnBattery", "s", "yes")
        self.bus.set_property(bus.BATTERIES, "WarningLevel", "s", "low")
        self.bus.start_profiles(bus.PROFILES)
        self.bus.set_property(bus.PROFILES, "ActiveProfile", "s", "power-saver")
        self.wait_policy("low", "the power profile is power-saver")

    def test_none(self):
        """No such service: said once, and it works; UPower that comes later is heard."""
        daemon = self.begin()
        self.wait_policy("ac")
        self.bus.start_power()
        self.bus.set_property(bus.POWER, "OnBattery", "b", "true")
        self.wait_policy("battery", "on battery")
        self.bus.end()
        self.wait_policy("ac")
        self.assertEqual(daemon.log().count("UPower is not on the system bus"), 1)
        self.assert_undisturbed()


@unittest.skipIf(SANITIZED, "the time a sanitizer takes is no sleep")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class LastHour(PolicyTest):
    """What the daemon counts of itself is what somebody else counts."""

    def test_counts(self):
        self.serve()
        trace = self.directory / "strace"
        self.acc.strace(trace, "-T", "-e", "trace=/epoll.*wait")
        self.begin()
        self.wait_more(rb" LIST ", 5)
        found = self.status()
        waits = re.findall(r"<(\d+\.\d+)>$", trace.read_text(), re.MULTILINE)
        counted = sum(float(seconds) >= 0.001 for seconds in waits)
        self.assertGreater(counted, 8)
        # The question itself, and what slept for about as long as counts as sleep.
        self.assertAlmostEqual(found["wakeups_hour"], counted, delta=max(3, counted // 5))
        self.assertEqual(found["bytes_hour"], found["bytes_in"] + found["bytes_out"])
        self.assertRegex(self.acc.ctl("status").out, r"Last hour: \d+ wake-ups, [\d.]+ kB")
