"""The local side is a server too: first sync, changes both ways, and a side that is away."""

import os
import pathlib
import random
import re
import shutil
import signal

from rig import case, compare, populate, proxy, wait_until

MESSAGES = 5


class LocalServer(case.SystemTest):
    options = {}  # of the local server

    def setUp(self):
        super().setUp()
        self.here = self.server("mdbox", name="here", **self.options)
        self.there = self.server(name="there")
        self.names = populate.mailbox_names(3)
        self.rng = random.Random(19)

    def new_account(self):
        account = self.account(self.there)
        account.use_local_server(self.here)
        return account

    def assert_equal_servers(self):
        """Returns the remote side."""
        with self.there.session() as session:
            remote = compare.remote(session)
        with self.here.session() as session:
            local = compare.remote(session)
        self.assert_same(remote, local)
        return remote

    def deliver(self, server, mailbox, label, size=None):
        with server.session() as session:
            session.append(mailbox, populate.message(self.rng, label, size))

    def wait_for(self, server, mailbox, count, deadline=30):
        def has():
            with server.session() as session:
                session.select(mailbox, examine=True)
                return len(session.uids()) == count

        wait_until(has, f"{mailbox} has {count} messages", deadline, interval=0.1)


class Once(LocalServer):
    def test_both_ways(self):
        populate.fill(self.session(self.there), self.names, MESSAGES, holes=False)
        account = self.new_account()
        self.once(account)
        self.assertEqual({len(rows) for rows in self.assert_equal_servers().values()}, {MESSAGES})

        self.deliver(self.here, "INBOX", "up")
        self.deliver(self.there, self.names[1], "down")
        with self.here.session() as session:
            session.select(self.names[2])
            session.store("1", "+", ["\\Deleted"])
            session.expunge("1")
        self.once(account)
        remote = self.assert_equal_servers()
        self.assertEqual(len(remote["INBOX"]), MESSAGES + 1)
        self.assertEqual(len(remote[self.names[2]]), MESSAGES - 1)
        self.assertNotIn(" new ", self.once(account).err)

    def test_tells_less(self):
        """A local server that does not tell of all changes is asked for them, not for all its messages."""
        populate.fill(self.session(self.there), self.names, 100, holes=False)
        for extensions in ("QRESYNC", "QRESYNC CONDSTORE"):
            with self.subTest(without=extensions):
                account = self.new_account()
                account.local["disable-extensions"] = extensions
                account.write_config()
                self.once(account)
                with self.here.session() as session:
                    session.select(self.names[1])
                    session.store("7", "+", ["\\Flagged"])
                    session.store("9", "+", ["\\Deleted"])
                    session.expunge("9")
                log = self.once(account, "-vv").err
                self.assert_equal_servers()
                told = [line for line in log.splitlines() if "(local)" in line and " FETCH (" in line]
                self.assertLess(len(told), 20, log)

    def test_new_and_gone(self):
        """New messages are compared with those that are gone, and still no mailbox is selected without need."""
        names = populate.plain_names(5)
        populate.fill(self.session(self.there), names, MESSAGES, holes=False)
        account = self.new_account()
        self.once(account)
        self.once(account)
        with self.there.session() as session:
            for name in names[1:4]:
                session.select(name)
                session.expunge(session.uids()[0])
        self.deliver(self.there, names[3], "of one that loses, too")
        self.deliver(self.there, names[4], "and of one that does not")
        log = self.once(account, "-vv").err
        self.assert_equal_servers()
        log = [line for line in log.splitlines() if line.startswith("test: ")]
        said = re.findall(r": C: \d+ (SELECT|UID FETCH) (.*)", "\n".join(log))
        # Each once, and one of those with new messages again: the last one looked at is still selected.
        self.assertEqual([command for command, _ in said].count("SELECT"), 5, said)
        self.assertEqual([command for command, _ in said].count("UID FETCH"), 4, said)
        first, second = (n for n, line in enumerate(log) if ": C: " in line and "BODY.PEEK[])" in line)
        self.assertFalse([line for line in log[first:second] if ": S: " in line], "they are asked for together")

    def test_emptied(self):
        """The local server has lost all its mail, or the wrong one answers: held, not carried out."""
        populate.fill(self.session(self.there), self.names, 30, holes=False)
        account = self.new_account()
        self.once(account)
        with self.there.session() as session:
            before = compare.remote(session)
        for name in self.names:
            with self.here.session() as session:
                session.select(name)
                session.store("1:*", "+", ["\\Deleted"])
                session.expunge("1:*")
        result = self.once(account, status=1)
        self.assertIn("30 of 30 messages vanished on the local side", result.err)

        self.here.stop()
        shutil.rmtree(self.here.mail_directory())
        self.here.start()
        self.once(account, status=1)
        with self.there.session() as session:
            self.assert_same(before, compare.remote(session))


class Daemon(LocalServer):
    """A daemon between two servers; the local one is reached by a socket."""

    def setUp(self):
        super().setUp()
        populate.fill(self.session(self.there), self.names, MESSAGES, holes=False)
        with self.here.session() as session:
            session.create(self.names[1])
        self.account_ = self.account(self.there)

    def status(self):
        return self.account_.ctl_json("status")[0]

    def wait_for_state(self, state, deadline=30):
        wait_until(lambda: self.status()["state"] == state, state, deadline, interval=0.1)
        return self.status()

    def wait_equal(self, counts):
        """Both servers have so many messages in each of these mailboxes."""
        for server in (self.here, self.there):
            for mailbox, count in counts.items():
                self.wait_for(server, mailbox, count)

    def test_changes_both_ways(self):
        """Neither side is polled: NOTIFY on both tells of what others do."""
        self.account_.use_local_server(self.here)
        with self.account_.daemon() as daemon:
            daemon.wait_in_sync()
            self.deliver(self.here, "INBOX", "up")
            self.deliver(self.there, self.names[1], "down")
            self.wait_equal({"INBOX": MESSAGES + 1, self.names[1]: MESSAGES + 1})
            daemon.wait_in_sync()
            status = self.status()
            self.assertEqual((status["waits"], status["local_waits"]), ("NOTIFY", "NOTIFY"))
            self.assertEqual(status["local"], self.here.tunnel())
            for key in ("bytes_in", "bytes_out", "local_bytes_in", "local_bytes_out", "local_connected_usec"):
                self.assertGreater(status[key], 0, key)
            self.assertFalse(status["local_compressed"])
        self.assert_equal_servers()

    def test_down_at_start(self):
        """The local server is not there yet: named, and tried again; the other one is not disturbed."""
        self.account_.use_local_server(self.here, tls="implicit")
        self.here.stop()
        with self.account_.daemon() as daemon:
            daemon.wait_ready()
            sentence = self.wait_for_state("waiting")["sentence"]
            self.assertTrue(sentence.startswith("the local server: "), sentence)
            self.assertNotIn("; the server: ", sentence)
            self.here.start()
            daemon.wait_in_sync()
            self.assertEqual(daemon.log().count("the server: connected"), 1)
        self.assert_equal_servers()

    def test_once_without_it(self):
        self.account_.use_local_server(self.here, tls="implicit")
        self.here.stop()
        result = self.once(self.account_, status=1)
        self.assertIn("the local server: ", result.err)

    def test_lost_while_waiting(self):
        """A side goes away and comes back; the other one's connection stays."""
        self.account_.use_local_server(self.here, tls="implicit")
        with self.account_.daemon() as daemon:
            daemon.wait_in_sync()
            for side, other, name, other_name in (
                    (self.here, self.there, "the local server", "the server"),
                    (self.there, self.here, "the server", "the local server")):
                before = daemon.log().count(f"{other_name}: connected")
                side.stop()
                sentence = self.wait_for_state("waiting")["sentence"]
                self.assertTrue(sentence.startswith(name + ": "), sentence)
                self.deliver(other, "INBOX", f"while {name} is away")
                side.start()
                daemon.wait_in_sync()
                self.assertEqual(daemon.log().count(f"{other_name}: connected"), before)
            self.wait_equal({"INBOX": MESSAGES + 2})
        self.assert_equal_servers()

    def test_tunnel_killed(self):
        """Again and again while mail comes on both sides: nothing is lost or doubled."""
        self.account_.use_local_server(self.here)
        with self.account_.daemon() as daemon:
            daemon.wait_in_sync()
            for n in range(3):
                self.deliver(self.there, self.names[0], f"down{n}")
                self.deliver(self.here, self.names[1], f"up{n}")
                self.kill_tunnel(daemon)
                wait_until(lambda n=n: daemon.log().count("the local server: connected") == n + 2,
                           "it is run again")
            daemon.wait_in_sync()
        remote = self.assert_equal_servers()
        self.assertEqual(len(remote[self.names[1]]), MESSAGES + 3)

    def test_cut_in_the_middle(self):
        """The connection to the local server ends in the middle of an upload to it: both sides forget what was
        under way, and what the local server has taken by then is not doubled."""
        self.deliver(self.there, self.names[2], "big", size=400_000)
        for cut in (2_000, 30_000, 200_000):
            with self.subTest(cut=cut):
                with proxy.Proxy(self.here.host, self.here.imaps_port, cut_up=cut, reset=True) as wire:
                    account = self.account_ = self.account(self.there, name=f"cut{cut}")
                    account.use_local_server(self.here, user=f"cut{cut}", tls="implicit")
                    account.local["port"] = wire.port
                    account.write_config()
                    with account.daemon() as daemon:
                        wait_until(lambda: "; trying again in" in daemon.log(), "it is cut")
                        self.assertIn("test: the local server: ", daemon.log())
                        wire.cut_up = None
                        daemon.wait_in_sync()
                with self.here.session(f"cut{cut}") as session:
                    local = compare.remote(session)
                with self.there.session() as session:
                    self.assert_same(compare.remote(session), local)

    @staticmethod
    def kill_tunnel(daemon):
        """With all that it has started: each child of the daemon has a process group of its own."""
        children = pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
        os.killpg(int(children[0]), signal.SIGKILL)
