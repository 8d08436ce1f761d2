"""The network goes and comes back, is another, or only wants a login in a browser."""

import itertools
import pathlib
import random
import re
import time
import unittest

from rig import bus, case, populate, proxy, roaming, wait_until

FRESH = 3.0  # seconds after which a message is here
ROOM = "needs root, network namespaces and a free port 53"
OFFLINE = 5.0  # seconds until it is believed that there is no network


def armed_timers(pid):
    """Of the clocks that time passes by: those that are due, as (clock, seconds)."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = path.read_text()
        except FileNotFoundError:  # closed by now
            continue
        if match := re.search(r"clockid: (\d+).*it_value: \((\d+), (\d+)\)", text, re.DOTALL):
            clock, seconds, rest = map(int, match.groups())
            if (seconds or rest) and clock != 0:  # that of the wall only tells when it is set
                found.append((clock, seconds))
    return found


class OfflineCase(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(8)
        self.dovecot = self.server(hosts=("localhost", "127.0.0.1", roaming.NAME))
        self.remote = self.session(self.dovecot)
        populate.fill(self.remote, ["INBOX", "list"], 3, holes=False)
        self.net = self.enterContext(roaming.Roaming())
        self.wire = self.enterContext(proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port,
                                                  address=self.net.address))
        self.acc = self.account(self.dovecot, settings={"host": roaming.NAME, "port": self.wire.port,
                                                        "timeout": "20s"})
        self.acc.prefix = self.net.prefix
        self.acc.variables = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.directory}/none"}
        self.inbox = self.acc.tree.folder("INBOX")

    def status(self):
        return self.acc.ctl_json("status")[0]

    def wait_state(self, state, deadline=20):
        wait_until(lambda: self.status()["state"] == state, f"it is {state}", deadline)

    def start(self):
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_in_sync()
        wait_until(lambda: self.status()["waits"], "it waits")
        return daemon

    def assert_fresh(self, begin, count):
        wait_until(lambda: all((self.inbox.path / sub).exists() for sub in ("new", "cur")) and len(self.inbox.files()) == count, "mail is here", deadline=20, interval=0.02)
        self.assertLess(time.monotonic() - begin, FRESH)

    def append(self, name):
        self.remote.append("INBOX", populate.message(self.rng, name))

    def assert_silent(self, daemon):
        """It is offline, with a sentence, and nothing will wake it but the network."""
        self.wait_state("offline", OFFLINE)
        self.assertIn("there is no network", self.status()["sentence"])
        wait_until(lambda: not armed_timers(daemon.pid), "no timer is armed", deadline=OFFLINE)


@unittest.skipUnless(roaming.is_possible(), ROOM)
class Offline(OfflineCase):
    """What the kernel tells."""

    def test_other_network(self):
        """It goes, and comes as another one."""
        self.net.take(0)
        daemon = self.start()
        self.net.leave()
        self.assert_silent(daemon)
        self.append("away")
        begin = time.monotonic()
        self.net.take(1)
        self.assert_fresh(begin, 4)
        self.wait_state("in sync")

    def test_moved_at_once(self):
        """From one to the other, without a moment that anybody would notice."""
        self.net.take(0)
        self.start()
        self.append("on the way")
        self.net.leave()
        begin = time.monotonic()
        self.net.take(1)
        self.assert_fresh(begin, 4)

    def test_started_offline(self):
        """No attempt, no timer; and all of it as soon as there is a network."""
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_ready()
        self.assert_silent(daemon)
        self.assertEqual(self.net.names.asked, 0)
        begin = time.monotonic()
        self.net.take(0)
        self.assert_fresh(begin, 3)

    def test_asked_all_the_same(self):
        """A person wants it now: it is tried, fails, and keeps still again."""
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_ready()
        self.assert_silent(daemon)
        result = self.acc.ctl("sync", "--wait")
        self.assertEqual(result.status, 1, str(result))
        self.assertIn("no network", result.out + result.err)
        self.assertIn("looked up", daemon.log())
        self.assert_silent(daemon)

    def test_names_come_late(self):
        """The way is there before names can be looked up."""
        self.net.take(0)
        self.start()
        self.net.leave()
        self.append("away")
        self.wait_state("offline")
        self.net.names.answers = False
        asked = self.net.names.asked
        self.net.take(1)
        wait_until(lambda: self.net.names.asked > asked + 2, "it asks for the name, and again")
        begin = time.monotonic()
        self.net.names.answers = True
        self.assert_fresh(begin, 4)

    def test_gateway_silent(self):
        """Nothing passes any more and nobody says so, until the network is another."""
        self.net.take(0)
        self.start()
        self.net.fall_silent()
        self.append("unheard")
        self.net.leave()
        begin = time.monotonic()
        self.net.take(1)
        self.assert_fresh(begin, 4)

    def test_flapping(self):
        """It comes and goes faster than anybody can log in: one connection a second all the same."""
        self.net.take(0)
        self.start()
        for n in range(12):
            self.net.leave()
            self.net.take(n % 2)
        self.append("in between")
        self.assert_fresh(time.monotonic(), 4)
        self.wait_state("in sync")
        gaps = [after - before for before, after in zip(self.wire.begun, self.wire.begun[1:])]
        self.assertGreater(min(gaps), 0.9, self.wire.begun)

    def test_portal_unknown(self):
        """Nobody says that it is a portal: its certificate is refused, but not for longer than it is the network."""
        stranger = self.server(name="portal", hosts=("portal.example",))
        wire, self.wire.target = self.wire.target, (stranger.host, stranger.imaps_port)
        self.net.take(0)
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_ready()
        self.wait_state("refused")
        self.wire.target = wire
        self.net.leave()
        begin = time.monotonic()
        self.net.take(1)
        self.assert_fresh(begin, 3)

    def test_tunnel(self):
        """Where there is no network a tunnel may lead somewhere all the same."""
        self.acc.settings |= {"host": None, "port": None, "tls": None, "ca-file": None, "user": None,
                              "password": None, "tunnel": self.dovecot.tunnel()}
        self.acc.write_config()
        self.start()
        self.append("by tunnel")
        self.assert_fresh(time.monotonic(), 4)
        self.assertEqual(self.status()["state"], "in sync")


@unittest.skipUnless(roaming.is_possible() and bus.is_possible(), ROOM + ", and python3-dbusmock")
class NetworkManager(OfflineCase):
    """What only NetworkManager knows."""

    def setUp(self):
        super().setUp()
        self.bus = self.enterContext(bus.Bus(self.directory))
        self.acc.variables = self.bus.variables

    def test_portal(self):
        """Whatever answers in the server's place shows a certificate of its own: that is not its fault."""
        self.net.take(0)
        self.bus.start_network(Connectivity=2)
        stranger = self.server(name="portal", hosts=("portal.example",))
        wire, self.wire.target = self.wire.target, (stranger.host, stranger.imaps_port)
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_ready()
        self.wait_state("offline")
        self.assertIn("browser", self.status()["sentence"])
        wait_until(lambda: not armed_timers(daemon.pid), "no timer is armed", deadline=OFFLINE)
        self.wire.target = wire
        begin = time.monotonic()
        self.bus.set_network(Connectivity=4)
        self.assert_fresh(begin, 3)

    def test_nearby(self):
        """There is no default route, but an address: it is NetworkManager who knows whether that is a network."""
        self.net.take(2, default=False)
        self.acc.settings["host"] = self.net.address
        self.acc.settings["ca-file"] = self.dovecot.ca_file
        self.acc.write_config()
        self.bus.start_network(State=20)
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_ready()
        self.assert_silent(daemon)
        self.bus.set_network(State=50)
        wait_until(lambda: self.wire.connections, "it tries", deadline=FRESH)
        self.bus.set_network(State=20)
        self.assert_silent(daemon)

    def test_goes_away(self):
        """NetworkManager ends, and what the kernel says counts."""
        self.net.take(0)
        self.bus.start_network(Connectivity=2)
        daemon = self.enterContext(self.acc.daemon())
        daemon.wait_ready()
        self.wait_state("offline")
        begin = time.monotonic()
        self.bus.stop("networkmanager")
        self.assert_fresh(begin, 3)

    def test_other_connection(self):
        """Another primary connection: connections are asked whether they live, and the dead one is replaced."""
        self.net.take(0)
        self.bus.start_network()
        daemon = self.start()
        numbers = itertools.count(6)
        other = lambda: self.bus.set_primary_connection(
            f"/org/freedesktop/NetworkManager/ActiveConnection/{next(numbers)}")
        # The first is only learnt; and changes settle for two seconds: those within are taken for one.
        wait_until(lambda: "the network has changed" in daemon.log() or other(), "it knows one", interval=2.5)
        self.wire.fall_silent()
        self.append("unheard")
        begin = time.monotonic()
        other()
        self.assert_fresh(begin, 4)
