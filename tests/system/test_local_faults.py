"""Two servers, and what becomes of it when one of them dies, is full, is not there or is slow."""

import os
import pathlib
import random
import re
import signal

from rig import SANITIZED, case, compare, populate, proxy, sides, wait_until

BIG = 50_000_000
CUT = 20_000_000  # in the middle of it
LIMIT = 14 * 1024  # kB
RATE = 12_000_000  # bytes a second
MAILBOXES = ["INBOX", "list"]
POLL = "[daemon]\npoll-interval = 1s\n"
SIDES = ["remote", "local"]
LOCAL = "the local server"  # how the user is told that it is about this one


def big_message(label):
    line = random.Random(1).randbytes(37).hex().encode() + b"\r\n"
    return b"Message-ID: <" + label.encode() + b"@example.org>\r\n\r\n" + line * (BIG // len(line))


class TwoServers(case.SystemTest):
    """Both behind a proxy, with some mail that is in sync."""

    def begin(self, full=None, mailboxes=None):
        """full: the side that has a quota."""
        self.dovecots = {name: self.server("mdbox", name, quota="storage=3M" if name == full else None,
                                           compress=False) for name in SIDES}
        self.wires = {name: proxy.Proxy(server.host, server.imap_port) for name, server in self.dovecots.items()}
        for wire in self.wires.values():
            self.addCleanup(wire.__exit__)
        self.acc = self.account(self.dovecots["remote"], tls="none", settings={"mailboxes": mailboxes})
        self.acc.settings["port"] = self.wires["remote"].port
        self.acc.use_local_server(self.dovecots["local"], tls="none")
        self.acc.local["port"] = self.wires["local"].port
        self.acc.write_config(POLL)
        self.sides = {name: sides.ImapSide(self.session(server), name) for name, server in self.dovecots.items()}
        populate.fill(self.sides["remote"].session, MAILBOXES, 10)

    def other(self, name):
        return self.sides["local" if name == "remote" else "remote"]

    def told(self):
        """All that status says: of the account and of its mailboxes."""
        [account] = self.acc.ctl_json("status")
        rows = self.acc.ctl_json("mailboxes", self.acc.name)
        errors = [row["error"] for row in (rows if isinstance(rows, list) else [rows])]
        return " / ".join(text for text in [account["sentence"], *errors] if text)

    def wait_told(self, name):
        """The user is told, of the right side."""
        text = wait_until(self.told, f"status says what is wrong with {name}", interval=0.1)
        self.assertEqual(LOCAL in text, name == "local", text)
        print(f"  {name}: {text}", flush=True)
        return text

    def wait_equal(self, count):
        """By itself: nobody asks the daemon. count: messages of INBOX then."""
        for side in self.sides.values():
            wait_until(lambda: len(side.messages("INBOX")) == count, f"{side.name}: {count} messages in INBOX",
                       deadline=90, interval=0.2)

    def assert_in_sync(self, daemon):
        daemon.wait_in_sync()
        remote, local = (side.content() for side in self.sides.values())
        self.assert_same(remote, local)
        self.assertEqual([side.doubled() for side in self.sides.values()], [[], []])
        self.assertEqual(self.told(), "")


class Dies(TwoServers):
    """In the middle of an APPEND, more than once."""

    def check(self, name, fail, mend):
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            count = len(self.sides[name].messages("INBOX"))
            fail()
            self.other(name).deliver("INBOX", big_message(name), date="17-Jul-2013 02:44:25 -0700")
            self.wait_told(name)
            self.wait_tried_again()
            self.assertEqual(len(self.sides[name].messages("INBOX")), count)
            mend()
            self.wait_equal(count + 1)
            self.assert_in_sync(daemon)

    def wait_tried_again(self):
        """Another attempt, and another end of it."""
        before = self.attempts()
        wait_until(lambda: self.attempts() > before, "another attempt", deadline=60, interval=0.1)

    def attempts(self):
        [account] = self.acc.ctl_json("status")
        return account["retry_usec"]

    def check_wire(self, name):
        self.begin()
        wire = self.wires[name]
        self.check(name, lambda: setattr(wire, "cut_up", CUT), lambda: setattr(wire, "cut_up", None))
        self.assertGreater(wire.up, 2 * CUT + BIG)

    def test_remote(self):
        self.check_wire("remote")

    def test_local(self):
        self.check_wire("local")

    def test_local_tunnel(self):
        """Killed, and the next one too."""
        self.begin()
        self.acc.use_local_server(self.dovecots["local"])
        self.acc.write_config(POLL)
        self.wires["remote"].rate = RATE
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.sides["remote"].deliver("INBOX", big_message("tunnel"))
            for _ in range(2):
                self.kill_busy(daemon.pid)
                self.wait_told("local")
                self.assertEqual(len(self.sides["local"].messages("INBOX")), 10)
            self.wait_equal(11)
            self.assert_in_sync(daemon)

    @staticmethod
    def kill_busy(parent):
        """The process below this one that has read half a message."""

        def find():
            return next((pid for pid in below(parent) if n_read(pid) > CUT), None)

        os.kill(wait_until(find, "the tunnel has read half a message", interval=0.005), signal.SIGKILL)


def below(parent):
    """All processes that this one has started."""
    for pid in read_process(parent, f"task/{parent}/children").split():
        yield int(pid)
        yield from below(int(pid))


def n_read(pid):
    return int((read_process(pid, "io").split() or [0, 0])[1])


def read_process(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has ended meanwhile


class Full(TwoServers):
    """Of a quota. What fits, and what goes the other way, is not stopped by it."""

    def check(self, name):
        self.begin(name, "*\n    !Ballast")
        side, other = self.sides[name], self.other(name)
        side.create("Ballast")
        side.deliver("Ballast", populate.message(random.Random(1), "ballast", 2_500_000))
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            count = len(side.messages("INBOX"))
            other.deliver("INBOX", populate.message(random.Random(2), "too much", 1_000_000))
            text = self.wait_told(name)
            self.assertIn("uota", text)
            self.assertEqual(len(side.messages("INBOX")), count)
            other.deliver("list", populate.message(random.Random(3), "small", 1000))
            side.deliver("list", populate.message(random.Random(4), "back", 1000))
            for one in self.sides.values():
                wait_until(lambda: len(one.messages("list")) == 12, f"{one.name}: the rest goes on", interval=0.2)
            side.remove("Ballast", side.messages("Ballast"))
            self.wait_equal(count + 1)
            self.sides[name].delete("Ballast")
            self.assert_in_sync(daemon)

    def test_remote(self):
        self.check("remote")

    def test_local(self):
        self.check("local")

    def check_once(self, name):
        self.begin(name)
        self.once(self.acc)
        self.other(name).deliver("INBOX", populate.message(random.Random(2), "too much", 3_500_000))
        result = self.once(self.acc, status=1)
        [line] = [line for line in result.err.splitlines() if "uota" in line]
        self.assertEqual(LOCAL in line, name == "local", line)

    def test_once_remote(self):
        self.check_once("remote")

    def test_once_local(self):
        self.check_once("local")


class Down(TwoServers):
    """At the start: nothing of the other side is touched, and it goes on once both are there."""

    def check(self, name, fail, mend):
        before = {one: side.stamp() for one, side in self.sides.items() if one != name}
        fail()
        result = self.once(self.acc, status=1)
        told = [line for line in result.err.splitlines() if not re.search(r"connected\b", line)]  # the other side may be
        self.assertEqual(any(LOCAL in line for line in told), name == "local", result.err)
        with self.acc.daemon() as daemon:
            daemon.wait_ready()
            self.wait_told(name)
            wait_until(lambda: self.acc.ctl_json("status")[0]["state"] == "waiting", "the account waits", interval=0.1)
            self.assertGreater(self.acc.ctl_json("status")[0]["retry_usec"], 0)
            self.assertEqual({one: self.sides[one].stamp() for one in before}, before)
            mend()
            self.wait_equal(10)
            self.assert_in_sync(daemon)

    def check_server(self, name):
        self.begin()
        server = self.dovecots[name]

        def mend():
            server.start()
            self.sides[name] = sides.ImapSide(self.session(server), name)

        self.check(name, server.stop, mend)

    def test_remote(self):
        self.check_server("remote")

    def test_local(self):
        self.check_server("local")

    def test_local_tunnel(self):
        self.begin()
        flag = self.directory / "away"
        script = self.directory / "tunnel"
        script.write_text(f"[ ! -e {flag} ] || exit 3\nexec {self.dovecots['local'].tunnel()}\n")
        self.acc.local = {"tunnel": f"sh {script}"}
        self.acc.write_config(POLL)
        self.check("local", flag.touch, flag.unlink)


class Slow(TwoServers):
    """What one side takes slowly is not read from the other any faster."""

    def check(self, name):
        self.begin()
        self.wires[name].rate_up = RATE
        with self.acc.daemon() as daemon:
            daemon.wait_in_sync()
            self.other(name).deliver("INBOX", big_message(name))
            self.wait_equal(11)
            self.assert_in_sync(daemon)
            peak = daemon.status_field("VmHWM")
        print(f"  {name} slow: {peak} kB", flush=True)
        if not SANITIZED:
            self.assertLessEqual(peak, LIMIT)

    def test_remote(self):
        self.check("remote")

    def test_local(self):
        self.check("local")
