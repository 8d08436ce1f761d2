"""The machine sleeps and wakes up: work is committed before, and mail is fresh behind it."""

import os
import random
import struct
import time
import unittest

from rig import BUILD, SANITIZED, bus, case, populate, proxy, wait_until

LATE = 2.0  # seconds in which the machine may sleep
FRESH = 3.0  # seconds after which a message is here
SHIM = BUILD / "tests" / "libchaos-sleep.so"


@unittest.skipUnless(bus.is_possible(), "needs python3-dbusmock")
class Sleep(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.rng = random.Random(7)
        self.remote = self.session(self.dovecot)
        populate.fill(self.remote, ["INBOX", "list"], 3, holes=False)
        self.bus = self.enterContext(bus.Bus(self.directory))
        self.bus.start_logind()
        self.wire = self.enterContext(proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port))
        self.account_ = self.account(self.dovecot, settings={"port": self.wire.port, "timeout": "20s"})
        self.account_.variables = self.bus.variables
        self.inbox = self.account_.tree.folder("INBOX")

    def start(self):
        """A daemon that is in sync, waits, and delays sleep."""
        daemon = self.enterContext(self.account_.daemon())
        daemon.wait_in_sync()
        wait_until(lambda: self.bus.inhibitors() == 1, "it holds an inhibitor")
        wait_until(lambda: self.status()["waits"], "it waits")
        return daemon

    def status(self):
        return self.account_.ctl_json("status")[0]

    def sleep(self):
        """Seconds until the machine may sleep."""
        begin = time.monotonic()
        self.bus.prepare_for_sleep(True)
        wait_until(lambda: self.bus.inhibitors() == 0, "the inhibitor is released", deadline=LATE + 3, interval=0.02)
        return time.monotonic() - begin

    def resume_and_wait(self, name):
        """The message that came meanwhile is here soon."""
        count = len(self.inbox.files()) + 1
        self.remote.append("INBOX", populate.message(self.rng, name))
        begin = time.monotonic()
        self.bus.prepare_for_sleep(False)
        wait_until(lambda: len(self.inbox.files()) == count, f"{name} is here", deadline=20, interval=0.02)
        taken = time.monotonic() - begin
        self.assertLess(taken, FRESH)
        wait_until(lambda: self.bus.inhibitors() == 1, "it delays sleep again")
        return taken

    def test_idle(self):
        """Nothing is under way: it sleeps at once, keeps the connection, and does nothing while asleep."""
        daemon = self.start()
        self.assertLess(self.sleep(), LATE)
        self.assertEqual(self.status()["state"], "offline")
        self.account_.tree.folder("INBOX").deliver(populate.message(self.rng, "local"), "170.asleep.host")
        said = self.wire.up
        wait_until(lambda: self.status()["state"] == "offline", "it answers")
        self.assertEqual(self.wire.up, said)
        connections = self.wire.connections
        self.resume_and_wait("while asleep")
        self.assertEqual(self.wire.connections, connections)
        daemon.wait_in_sync()
        self.assertEqual(len(self.assert_equal_sides(self.account_, self.dovecot)["INBOX"]), 5)

    def test_dropped(self):
        """The server has ended the session meanwhile."""
        self.start()
        self.sleep()
        self.wire.cut_all()
        self.resume_and_wait("dropped")

    def test_dead(self):
        """Nobody has said so, but nobody answers any more."""
        daemon = self.start()
        self.sleep()
        self.wire.fall_silent()
        self.resume_and_wait("dead")
        self.assertIn("connecting anew", daemon.log())

    def test_busy(self):
        """In the middle of a long first sync: it is ended, what is here stays, and the rest comes later."""
        for _ in range(30):
            self.remote.append("list", populate.message(self.rng, "long", 40_000))
        self.account_.settings["disable-extensions"] = "COMPRESS=DEFLATE"
        self.account_.write_config()
        self.wire.rate = 200_000
        daemon = self.enterContext(self.account_.daemon())
        daemon.wait_ready()
        folder = self.account_.tree.folder("list")
        wait_until(lambda: self.bus.inhibitors() == 1, "it holds an inhibitor")
        wait_until(lambda: self.wire.down > 300_000, "the sync is under way", interval=0.02)
        self.assertLess(self.sleep(), LATE)
        here = len(folder.files())
        self.assertLess(here, 33)
        self.assertEqual(self.status()["state"], "offline")
        self.assertEqual((self.wire.connections, len(folder.files())), (1, here))
        self.wire.rate = None
        self.bus.prepare_for_sleep(False)
        wait_until(lambda: len(folder.files()) == 33, "all is here", deadline=30)
        wait_until(lambda: self.status()["state"] == "in sync", "it is in sync")
        self.assert_equal_sides(self.account_, self.dovecot)

    def test_stop_asleep(self):
        """It ends in the middle of the night as it does by day."""
        daemon = self.start()
        self.remote.append("INBOX", populate.message(self.rng, "just before"))
        wait_until(lambda: len(self.inbox.files()) == 4, "it is here")
        self.sleep()
        self.assertEqual(daemon.stop(timeout=3), 0)

    def test_logind_goes(self):
        """Whoever said that the machine sleeps is gone and cannot say that it is awake."""
        self.start()
        self.sleep()
        self.remote.append("INBOX", populate.message(self.rng, "without"))
        self.bus.stop("logind")
        wait_until(lambda: len(self.inbox.files()) == 4, "it goes on", deadline=20)
        self.bus.start_logind()
        wait_until(lambda: self.bus.inhibitors() == 1, "it finds the new one")
        self.sleep()
        self.resume_and_wait("again")

    def test_nothing_there(self):
        """No logind and no NetworkManager, then no bus: it says so once, and works."""
        self.bus.stop("logind")
        daemon = self.enterContext(self.account_.daemon())
        daemon.wait_in_sync()
        self.bus.end()
        self.remote.append("INBOX", populate.message(self.rng, "no bus"))
        wait_until(lambda: len(self.inbox.files()) == 4, "it works", deadline=20)
        for service in ("org.freedesktop.login1", "org.freedesktop.NetworkManager"):
            self.assertEqual(daemon.log().count(f"{service} is not on the system bus"), 1, daemon.log())
        self.assertEqual(daemon.stop(), 0)


@unittest.skipIf(SANITIZED, "what is preloaded would have to come after the sanitizer")
class WithoutLogind(case.SystemTest):
    """Nobody says that the machine sleeps; that it has slept the clocks tell."""

    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.rng = random.Random(8)
        self.remote = self.session(self.dovecot)
        populate.fill(self.remote, ["INBOX", "list"], 3, holes=False)
        self.wire = self.enterContext(proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port))
        self.account_ = self.account(self.dovecot, settings={"port": self.wire.port, "timeout": "20s"})
        self.fifo = self.directory / "sleep"
        os.mkfifo(self.fifo)
        self.account_.variables = {"LD_PRELOAD": str(SHIM), "SLEEP_FIFO": str(self.fifo)}
        self.inbox = self.account_.tree.folder("INBOX")
        self.daemon = self.enterContext(self.account_.daemon())
        self.daemon.wait_in_sync()
        wait_until(lambda: self.account_.ctl_json("status")[0]["waits"] == "NOTIFY", "it waits")

    def sleep(self, seconds):
        with open(self.fifo, "wb") as fifo:
            fifo.write(struct.pack("q", seconds))

    def check_fresh(self, name, seconds=3600):
        """What came while it slept is here soon."""
        count = len(self.inbox.files()) + 1
        self.remote.append("INBOX", populate.message(self.rng, name))
        begin = time.monotonic()
        self.sleep(seconds)
        wait_until(lambda: len(self.inbox.files()) == count, f"{name} is here", deadline=20, interval=0.02)
        self.assertLess(time.monotonic() - begin, FRESH)
        self.daemon.wait_in_sync()

    def test_dead(self):
        """Nobody answers any more behind it, and nobody had said so."""
        self.wire.fall_silent()
        self.check_fresh("dead")
        self.assertIn("the machine is awake", self.daemon.log())
        self.assertIn("connecting anew", self.daemon.log())

    def test_dropped(self):
        self.wire.cut_all()
        self.check_fresh("dropped")

    def test_alive(self):
        """The connection has outlived an hour, and a night: it is asked, and kept."""
        begin = self.wire.connections
        for seconds in (3600, 8 * 3600):
            said = self.wire.up, self.wire.down
            self.sleep(seconds)
            wait_until(lambda: self.wire.up > said[0] and self.wire.down > said[1], "it asks, and is answered",
                       deadline=FRESH, interval=0.02)
            self.daemon.wait_in_sync()  # so it has read the answer: the next hour does not pass over the question
        self.assertEqual(self.wire.connections, begin)
        self.assertEqual(self.daemon.log().count("the machine is awake"), 2)

    def test_clock_is_set(self):
        """That is no sleep: nothing is asked, and the next one is noticed."""
        said = self.wire.up
        self.sleep(0)
        self.account_.ctl("status")
        self.assertEqual(self.wire.up, said)
        self.wire.fall_silent()
        self.check_fresh("after that")
        self.assertEqual(self.daemon.log().count("the machine is awake"), 1)
