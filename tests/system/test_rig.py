"""The rig by itself: a rig that sees no difference proves nothing."""

import contextlib
import io
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import time
import unittest

from measure import targets
from rig import (case, change, compare, dovecot, harm, imap, imapserver, maildir, meter, names, netns, populate, proxy,
                 runner, sides, sidebyside, wait_until)


class Names(case.SystemTest):
    needs_program = False

    def test_round_trip(self):
        for name in populate.ODD_NAMES:
            self.assertEqual(names.decode(names.encode(name)), name)
        # RFC 3501 section 5.1.3
        self.assertEqual(names.encode("~peter/mail/台北/日本語"), b"~peter/mail/&U,BTFw-/&ZeVnLIqe-")

    def test_uid_sets(self):
        self.assertEqual(imap.expand(b"3:5,9"), [3, 4, 5, 9])
        self.assertEqual(imap.uid_set([9, 3, 5, 4]), "3:5,9")


class Server(case.SystemTest):
    needs_program = False

    def check_store(self, store):
        server = self.server(store)
        session = self.session(server)
        boxes = populate.mailbox_names(40)
        populate.fill(session, boxes, 10)
        self.assertEqual(sorted(session.mailboxes()), sorted(boxes))
        capabilities = session.command("CAPABILITY")[0]
        for word in (b"NOTIFY", b"QRESYNC", b"COMPRESS=DEFLATE", b"LITERAL+"):
            self.assertIn(word, capabilities)
        tree = maildir.Tree(self.directory / "copy")
        self.copy(session, tree)
        side = compare.remote(session)
        self.assertEqual(compare.differences(side, compare.local(tree)), [])
        self.assertEqual({len(rows) for rows in side.values()}, {10})
        self.check_differences_are_seen(session, tree)

    def copy(self, session, tree):
        """What a correct program would leave on the local side."""
        for number, mailbox in enumerate(session.mailboxes()):
            folder = tree.folder(mailbox).create()
            words = {word: chr(ord("a") + n) for n, word in enumerate(populate.KEYWORDS)}
            lines = [f"{n} {word}\n" for n, word in enumerate(populate.KEYWORDS)]
            (folder.path / "dovecot-keywords").write_text("".join(lines))
            session.select(mailbox, examine=True)
            for uid, row in session.fetch("1:*", "FLAGS BODY.PEEK[]").items():
                flags = {f.decode() for f in row[b"FLAGS"]} - {"\\Recent"}
                letters = [maildir.BY_FLAG.get(f.lower()) or words[f] for f in flags]
                folder.deliver(row[b"BODY[]"], f"{uid}.{number}.host", "".join(sorted(letters)))

    def check_differences_are_seen(self, session, tree):
        """Each kind of difference once: flag, byte, missing, doubled, mailbox."""
        folder = tree.folder("INBOX")
        one, two, three, four = folder.files()[:4]
        flags = folder.flags(one)
        folder.set_flags(one, flags ^ {"\\Seen"})
        two.write_bytes(two.read_bytes() + b"x")
        three.unlink()
        folder.deliver(four.read_bytes(), "doubled")
        tree.folder("more").create()
        found = compare.differences(compare.remote(session), compare.local(tree))
        self.assertEqual(len([line for line in found if line.startswith("INBOX: ")]), 5, found)
        self.assertIn("more: only local", found)
        self.assertEqual(len(found), 6, found)

    def test_maildir(self):
        self.check_store("maildir")

    def test_mdbox(self):
        self.check_store("mdbox")

    def test_tls(self):
        server = self.server()
        with server.session(tls=True) as session:
            session.append("INBOX", b"Subject: x\r\n\r\n")
        with imap.Session(server.host, server.imap_port) as session:
            session.start_tls(server.tls_context(), "localhost")
            session.command(f'LOGIN alice "{dovecot.PASSWORD}"')
            self.assertEqual(len(session.uids() if session.select("INBOX") else []), 1)

    def test_password_and_mask(self):
        server = self.server(capability="IMAP4rev1 UIDPLUS")
        with self.assertRaises(imap.ImapError):
            imap.Session(server.host, server.imap_port, "alice", "wrong")
        words = self.session(server).command("CAPABILITY")[0]
        self.assertEqual(words, [b"CAPABILITY", b"IMAP4rev1", b"UIDPLUS"])

    def test_two_users_and_restart(self):
        server = self.server()
        self.session(server, "alice").append("INBOX", b"Subject: for alice\r\n\r\n")
        server.stop()
        server.start()
        alice, bob = self.session(server, "alice"), self.session(server, "bob")
        alice.select("INBOX")
        bob.select("INBOX")
        self.assertEqual((len(alice.uids()), len(bob.uids())), (1, 0))


class Waiting(case.SystemTest):
    needs_program = False

    def test_deadline(self):
        with self.assertRaisesRegex(AssertionError, "the moon: not within 0.05 s"):
            wait_until(lambda: False, "the moon", deadline=0.05)

    def test_seed(self):
        one = [populate.message(random.Random(7), "x") for _ in range(2)]
        self.assertEqual(one[0], one[1])


class Runner(case.SystemTest):
    """Who gets a second chance: what failed, but not what found harm."""

    needs_program = False

    class Cases(unittest.TestCase):
        def good(self):
            pass

        def race(self):
            self.fail("not yet")

        def harm(self):
            with self.subTest("mailbox"):
                raise harm.Harm("lost")

    def said_of(self, name):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.Cases(name).run(runner.LineResult())
        return runner.MAY_RUN_AGAIN in out.getvalue()

    def test_second_chance(self):
        self.assertEqual([name for name in ("good", "race", "harm") if self.said_of(name)], ["race"])

    def test_pattern_of_one(self):
        tests = [self.Cases("good"), self.Cases("race")]
        ids = [test.id() for test in runner.select(tests, [f"{tests[1].id()} "])]
        self.assertEqual(ids, [tests[1].id()])


class Faults(case.SystemTest):
    needs_program = False

    def test_script(self):
        def script(talk):
            talk.say(b"* OK hello\r\n")
            talk.say(talk.expect(rb"\A\S+ LOGIN ") + b" OK in\r\n")
            talk.serve({"LIST": b'* LIST () "/" "../../x"\r\n'}, greet=False)

        with imapserver.Server(script) as server:
            with imap.Session(server.host, server.imap_port, "u", "p") as session:
                self.assertEqual(session.mailboxes(), ["../../x"])
                self.assertEqual(session.command("APPEND x {2+}\r\nhi"), [])
        self.assertEqual(server.problems, [])
        self.assertIn(b'r2 LIST "" "*"', server.heard())

    def test_unexpected(self):
        with imapserver.Server(lambda talk: talk.expect(b"NOOP")) as server:
            with socket.create_connection((server.host, server.imap_port)) as client:
                client.sendall(b"a LOGIN\r\n")
                self.assertEqual(client.recv(10), b"")
        self.assertEqual(len(server.problems), 1)

    def test_cut(self):
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port, piece=1, cut=30, reset=True) as cut:
            with socket.create_connection((cut.host, cut.port)) as client:
                data = b""
                with self.assertRaises(ConnectionResetError):
                    while piece := client.recv(100):
                        data += piece
            self.assertEqual((len(data), cut.down), (30, 30))

    def test_flip(self):
        """One bit of one byte, each way."""
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port) as wire:
            wire.flip = 2
            with socket.create_connection((wire.host, wire.port)) as client:
                self.assertEqual(client.recv(5, socket.MSG_WAITALL), b"* NK ")
            wire.heal()
            wire.flip_up = 0
            with socket.create_connection((wire.host, wire.port)) as client, client.makefile("rb") as lines:
                lines.readline()
                client.sendall(b"a NOOP\r\n")
                self.assertEqual(lines.readline()[:2], b"` ")

    def test_hush(self):
        """What matches passes, and nothing behind it, on a connection that stays."""
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port) as wire:
            wire.hush = ("down", b"OK ")
            with socket.create_connection((wire.host, wire.port)) as client:
                self.assertEqual(client.recv(5, socket.MSG_WAITALL), b"* OK ")
                wait_until(lambda: wire.hushed, "silence")
                client.settimeout(0.3)
                with self.assertRaises(TimeoutError):
                    client.recv(1)
                wire.cut_all()
                client.settimeout(10)
                self.assertEqual(client.recv(1), b"")

    def test_half_open(self):
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port, cut=5) as wire:
            wire.half_open = True
            with socket.create_connection((wire.host, wire.port)) as client:
                self.assertEqual(client.recv(5, socket.MSG_WAITALL), b"* OK ")
                client.settimeout(0.3)
                with self.assertRaises(TimeoutError):
                    client.recv(1)

    def test_count_from_now(self):
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port) as wire:
            with socket.create_connection((wire.host, wire.port)) as client, client.makefile("rb") as lines:
                lines.readline()
                wire.count_from_now()
                wire.cut = 4
                client.sendall(b"a NOOP\r\n")
                self.assertEqual(lines.read(), b"a OK")

    def test_delay(self):
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port) as wire:
            wire.delay = 0.2
            with socket.create_connection((wire.host, wire.port)) as client, client.makefile("rb") as lines:
                lines.readline()
                start = time.monotonic()
                client.sendall(b"a NOOP\r\nb NOOP\r\n")
                self.assertEqual([lines.readline()[:4], lines.readline()[:4]], [b"a OK", b"b OK"])
                self.assertGreaterEqual(time.monotonic() - start, 0.4)

    def test_proxy_passes_everything(self):
        server = self.server()
        with proxy.Proxy(server.host, server.imap_port, piece=7) as through:
            with imap.Session(through.host, through.port, "alice", dovecot.PASSWORD) as session:
                populate.fill(session, ["INBOX"], 20)
                self.assertEqual(len(compare.remote(session)["INBOX"]), 20)


class Network(case.SystemTest):
    needs_program = False

    @unittest.skipUnless(netns.is_possible(), "no network namespaces here")
    def test_counts(self):
        """One UDP packet of 100 bytes: 20 of IP, 8 of UDP."""
        with netns.Link() as link, socket.socket(type=socket.SOCK_DGRAM) as receiver:
            receiver.bind((link.address, 0))
            receiver.settimeout(5)
            script = f"printf '%100s' >/dev/udp/{link.address}/{receiver.getsockname()[1]}"

            def send():
                subprocess.run([*link.prefix, "bash", "-c", script], check=True)
                self.assertEqual(len(receiver.recv(1000)), 100)

            self.assertEqual(link.traffic(send), (0, 128, 0, 1))

    @unittest.skipUnless(netns.is_possible() and os.path.exists("/dev/net/tun"), "no network namespaces here")
    def test_a_round_trip(self):
        """connect(2) takes one."""
        script = ("import socket, sys, time\nbegin = time.monotonic()"
                  "\nsocket.create_connection((sys.argv[1], int(sys.argv[2])))\nprint(time.monotonic() - begin)")
        with netns.DelayedLink(0.2) as link, socket.create_server((link.address, 0)) as server:
            port = str(server.getsockname()[1])
            out = subprocess.run([*link.prefix, "python3", "-c", script, link.address, port], check=True,
                                 capture_output=True, text=True).stdout
            self.assertGreaterEqual(float(out), 0.2)


class Sides(case.SystemTest):
    """The same verbs lead to the same, whatever a side is."""

    needs_program = False
    DATE = "17-Jul-2013 02:44:25 -0700"

    def places(self):
        one, two = self.server("mdbox", "one"), self.server("maildir", "two")
        return [sides.ImapSide(self.session(one), "one", one, "alice"),
                sides.ImapSide(self.session(two), "two", two, "alice"),
                sides.MaildirSide(maildir.Tree(self.directory / "Mail"))]

    def change(self, side):
        for mailbox in ("INBOX", "list", "list/sub", "gone"):
            if mailbox not in side.mailboxes():
                side.create(mailbox)
        for n in range(6):
            side.deliver("list", populate.message(random.Random(n), f"m{n}"), [None, {"\\Seen"}][n % 2], self.DATE)
        rows = {row.label: row for row in side.content()["list"]}
        first, second, third, fourth, *_ = (side.handle("list", rows[label]) for label in sorted(rows))
        side.flag("list", first, ["\\Flagged", "word"], ["\\Seen"])
        side.move("list", [second], "list/sub")
        side.remove("list", [third, fourth])
        side.rename("list/sub", "moved")
        side.delete("gone")
        side.subscribe("moved")

    def test_same(self):
        places = self.places()
        for side in places:
            self.change(side)
        for side in places[1:]:
            self.assertEqual(compare.differences(places[0].content(), side.content()), [])
        self.assertEqual([side.subscribed() for side in places], [{"moved"}] * 3)
        self.assertEqual([side.doubled() for side in places], [[]] * 3)
        self.assertEqual({len(side.messages("list")) for side in places}, {3})

    def test_save(self):
        for side in self.places():
            self.change(side)
            before = side.content()
            side.save(self.directory / "copy")
            side.remove("list", side.messages("list"))
            side.restore(self.directory / "copy")
            self.assertEqual(compare.differences(before, side.content()), [])

    def test_differences_are_seen(self):
        """What only two servers can differ in: dates, and a copy on both."""
        one, two, _ = self.places()
        one.deliver("INBOX", b"Subject: x\r\n\r\n", date=self.DATE)
        two.deliver("INBOX", b"Subject: x\r\n\r\n", date=self.DATE.replace("-0700", "-0800"))
        [found] = compare.differences(one.content(), two.content())
        self.assertIn("INTERNALDATE", found)
        one.deliver("INBOX", b"Subject: x\r\n\r\n", date=self.DATE)
        self.assertEqual((len(one.doubled()), len(two.doubled())), (1, 0))
        stamp = two.stamp()
        self.assertEqual(two.stamp(), stamp)
        two.flag("INBOX", two.messages("INBOX")[0], ["\\Seen"])
        self.assertNotEqual(two.stamp(), stamp)


class RandomChanges(case.SystemTest):
    needs_program = False

    def test_model(self):
        """Carry out by hand what a program must do, and the model must agree."""
        session = self.session(self.server())
        populate.fill(session, populate.mailbox_names(6), 40, holes=False)
        tree = maildir.Tree(self.directory / "Mail")
        Server.copy(self, session, tree)
        changes = change.Changes(random.Random(3), sides.ImapSide(session), sides.MaildirSide(tree))
        before = compare.remote(session)
        changes.apply(100)
        expected = changes.expected()
        remote, local = compare.remote(session), compare.local(tree)
        self.assertNotEqual(compare.differences(remote, expected), [])
        self.assertNotEqual(compare.differences(local, expected), [])
        self.assertEqual(self.merge(before, remote, local), self.by_digest(expected))

    @staticmethod
    def by_digest(side):
        return {row.digest: (mailbox, row.flags) for mailbox, rows in side.items() for row in rows}

    def merge(self, before, remote, local):
        """The three-way merge in its plainest form, of places and of flags."""
        before, remote, local = (self.by_digest(side) for side in (before, remote, local))
        merged = {}
        for key in before.keys() | remote.keys() | local.keys():
            if key in before and not (key in remote and key in local):
                continue
            mailbox, flags = before.get(key) or remote.get(key) or local.get(key)
            for side in (remote, local):
                place, now = side.get(key, (mailbox, flags))
                if key in before:
                    mailbox = place if place != before[key][0] else mailbox
                    flags = flags ^ (now ^ before[key][1])
            merged[key] = (mailbox, flags)
        return merged


class Meter(case.SystemTest):
    needs_program = False

    # It burns CPU, in a thread or in a process of its own, and tells what both took.
    BURN = "x = bytearray(60_000_000)\nfor _ in range(2_000_000): pass"
    TELL = (
        "\nimport resource, sys, time"
        "\nchildren = resource.getrusage(resource.RUSAGE_CHILDREN)"
        "\nprint(time.process_time(), children.ru_utime + children.ru_stime, file=sys.stderr)"
    )

    def measure(self, script):
        usage = meter.run(["sh", "-c", 'exec "$@"', "sh", "python3", "-c", script + self.TELL], os.environ)
        self.assertEqual(usage.status, 0, usage.err)
        own, children = map(float, usage.err.split())
        self.assertGreater(usage.cpu, own - 0.001)
        return usage, own, children

    def test_a_thread_counts(self):
        usage, *_ = self.measure(f"import threading\nt = threading.Thread(target=exec, args=({self.BURN!r}, {{}}))"
                                 "\nt.start()\nt.join()")
        self.assertGreater(usage.rss, 60_000_000)

    def test_a_child_does_not(self):
        usage, own, children = self.measure(f"import subprocess\nsubprocess.run(['python3', '-c', {self.BURN!r}])")
        self.assertGreater(children, 0.03)
        self.assertLess(usage.rss, 60_000_000)
        self.assertLess(usage.cpu, own + children / 2)
        self.assertGreater(usage.user + usage.system, own + children / 2)

    def test_a_child_that_is_left_behind(self):
        usage, own, _ = self.measure(
            f"import subprocess\nsubprocess.Popen(['python3', '-c', {self.BURN!r}], stderr=subprocess.DEVNULL)")
        self.assertLess(usage.cpu, own + 0.03)
        self.assertGreater(usage.user + usage.system, own + 0.03)

    def test_how_it_ends(self):
        usage = meter.run(["sh", "-c", "echo why >&2; exit 3"], os.environ)
        self.assertEqual((usage.status, usage.err), (3, "why\n"))


class MeterEnded(case.SystemTest):
    """Whoever measures is told to end: so does what is measured, and nobody waits for it."""

    needs_program = False
    MEASURE = ("import os, signal, sys; from rig import meter; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143));"
               " meter.run(['sleep', '600'], os.environ)")

    def sleeper(self, pid):
        """The process that is measured, once it is what it should be."""
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{child}/comm").read_text() == "sleep\n":
                return int(child)
        return None

    def test_terminated(self):
        process = subprocess.Popen([sys.executable, "-c", self.MEASURE], stderr=subprocess.PIPE,
                                   env=os.environ | {"PYTHONPATH": str(pathlib.Path(meter.__file__).parents[1])})
        self.addCleanup(process.kill)
        wait_until(lambda: self.sleeper(process.pid), "the program is measured")
        child = self.sleeper(process.pid)
        process.terminate()
        _, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (143, b""))
        self.assertFalse(pathlib.Path(f"/proc/{child}").exists())


class SideBySide(case.SystemTest):
    needs_program = False

    BASE = sidebyside.Row(1, 1, 1, 100, 100, 200, 10, 10, 20)

    def misses(self, scene="no-op", wrong=(), **changed):
        """The rows that miss when imapsyncd takes a tenth, but for what is said otherwise."""
        row = sidebyside.Row(*(value / 10 for value in self.BASE))._replace(**changed)
        table = {scene: {"InterIMAP": self.BASE, "imapsyncd": row}}
        with contextlib.redirect_stdout(io.StringIO()) as out:
            misses = sidebyside.report("title", table, set(wrong))
        return misses, "**" in out.getvalue()

    def test_what_misses_is_said(self):
        self.assertEqual(self.misses(), (0, False))
        self.assertEqual(self.misses(wall=5, bytes_in=160), (0, False))
        for changed in ({"cpu": 0.11}, {"rss": 0.51}, {"bytes": 181}, {"packets": 19}):
            self.assertEqual(self.misses(**changed), (1, True), changed)
        self.assertEqual(self.misses("first sync", cpu=0.33), (0, False))
        self.assertEqual(self.misses(wrong={("no-op", "imapsyncd")}), (1, True))
        self.assertEqual(self.misses(wrong={("no-op", "InterIMAP")}), (1, True))


class Targets(case.SystemTest):
    """How the bench judges what it has measured."""

    needs_program = False

    def test_rows(self):
        rows = (
            ("nothing measured", None, None, None),
            ("as large as it may be", 0.5, None, True),
            ("too large", 0.6, None, False),
            ("too large, but the limit is not", 0.6, 0.4, False),
            ("the limit is too large as well", 0.6, 0.55, targets.BY_THE_LIMIT),
            ("by more than a tenth", 0.61, 0.55, False),
        )
        for label, value, reach, is_met in rows:
            with self.subTest(label):
                self.assertIs(targets.at_most("CPU", "0.5", value, 0.5, reach=reach).is_met, is_met)


class Ports(case.SystemTest):
    needs_program = False

    TAKE = "import random; from rig.dovecot import free_ports; random.seed(1); print(free_ports(20))"

    def test_two_that_choose_alike(self):
        """No test gets the port that another is about to listen on, or it would test the other's server."""
        random.seed(1)
        mine = dovecot.free_ports(20)
        environment = os.environ | {"PYTHONPATH": str(pathlib.Path(meter.__file__).parents[1])}
        theirs = subprocess.run([sys.executable, "-c", self.TAKE], capture_output=True, text=True, check=True,
                                env=environment).stdout
        self.assertEqual(set(mine) & set(json.loads(theirs)), set())
