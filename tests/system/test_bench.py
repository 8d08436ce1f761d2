"""The bench by itself: one that calls everything met proves nothing."""

import os
import random
import subprocess
import unittest
import xml.etree.ElementTree

from measure import content, figures, live, once, programs, scale, tables, targets, views
from rig import BUILD, case, maildir, netns, populate, wait_until
from rig.dovecot import PASSWORD


def row(**changed):
    """A run of a peer."""
    base = once.Row(user=0.1, system=0.1, wall=1.0, cpu=0.2, rss=20e6, bytes_in=1000, bytes_out=1000, packets_in=10,
                    packets_out=10)
    return base._replace(**changed)


def results(ours, theirs=None, wrong=None):
    """Of one size, near and far: ours, and those of all peers."""
    rows = {scene: {kind.key: [theirs or row()] for kind in programs.ONCE} | {"imapsyncd": [ours], "imapsyncd-imap": [ours]}
            for scene in (once.FIRST, once.NOOP, once.NEW, once.CHANGED)}
    variants = {name: {"rows": rows, "wrong": wrong or {}} for name in once.VARIANTS}
    return {"once": {"100000": variants, "100": variants, "75x100": variants}}


def window(**changed):
    return {"seconds": 3600.0, "cpu": 1.0, "switches": 600, "bytes_in": 5000, "bytes_out": 5000, "packets": 100,
            "latencies": {"deliver": [0.1, 0.2]}, "events": {"deliver": 10, "expunge": 0, "seen": 0},
            "bodies": 1000} | changed


class Targets(case.SystemTest):
    needs_program = False

    def judged(self, found):
        return {judged.what: judged.is_met for judged in targets.judge(found)}

    def missed(self, found):
        return [what for what, is_met in self.judged(found).items() if is_met is False]

    GOOD = {"cpu": 0.01, "rss": 8e6, "bytes_in": 300, "bytes_out": 100, "packets_in": 1, "packets_out": 1, "wall": 0.1}

    def test_all_is_well(self):
        self.assertEqual(self.missed(results(row(**self.GOOD))), [])

    def test_each_miss_is_seen(self):
        for changed, part in (({"cpu": 0.15}, "CPU"), ({"rss": 15e6}, "RSS"), ({"packets_in": 20}, "packets"),
                              ({"bytes_in": 5000}, "bytes"), ({"wall": 2.0}, "wall")):
            missed = self.missed(results(row(**self.GOOD | changed)))
            self.assertTrue(any(part in what for what in missed), (changed, missed))

    def test_out_of_sync(self):
        wrong = {once.NOOP: {"imapsyncd": ["missing: one"], "mbsync": ["status 1"]}}
        self.assertIn("runs that ended out of sync, and events that came late",
                      self.missed(results(row(**self.GOOD), wrong=wrong)))
        wrong = {once.NOOP: {"mbsync": ["status 1"]}}
        self.assertEqual(self.missed(results(row(**self.GOOD), wrong=wrong)), [])

    def test_a_small_size_is_not_judged(self):
        found = results(row())
        del found["once"]["100000"]
        self.assertIsNone(self.judged(found)["one new message in 100000: CPU, of mbsync's"])

    def test_live(self):
        ours = {live.QUIET: window(cpu=0.01, switches=10), live.REMOTE: window(cpu=0.02, switches=20),
                live.LOCAL: window()}
        theirs = {live.QUIET: window(), live.REMOTE: window(cpu=2.0, switches=900), live.LOCAL: window()}
        found = {"live": {"options": {"messages": 1}, "server": {"latencies": {"deliver": [0.5]}}, "programs": {
            key: {"phases": phases, "late": [], "wrong": [], "rss": 1}
            for key, phases in (("imapsyncd", ours), ("interimap-notify", theirs))}}}
        judged = self.judged(found)
        self.assertTrue(judged["live: CPU an hour, of interimap --notify's"])
        self.assertFalse(judged["live: bytes an hour beyond the messages, of interimap-notify's"])
        ours[live.REMOTE]["latencies"]["seen"] = [1.5] * 9
        judged = self.judged(found)
        self.assertFalse(judged["live: latency, server to local: median"])
        self.assertFalse(judged["live: latency, server to local: worst"])

    def test_live_by_the_limit(self):
        """The limit has no quiet phase. Hourly it takes 1.58 s and 1584 wake-ups of 15.4 s and 4920."""
        whats = ["live: CPU an hour, of interimap --notify's", "live: wake-ups, of interimap --notify's"]
        quiet = {live.QUIET: window(cpu=0, switches=0), live.LOCAL: window()}
        theirs = quiet | {live.QUIET: window(), live.REMOTE: window(cpu=2.0, switches=900)}
        limit = window(cpu=0.11, switches=110, rss=1)
        in_python = {key: value for key, value in limit.items() if key != "rss"}
        rows = (
            ("a tenth more than the limit", 0.12, 120, limit, targets.BY_THE_LIMIT),
            ("more than a tenth", 0.122, 122, limit, False),
            ("the limit reaches the target", 0.12, 120, window(cpu=0.10, switches=100, rss=1), False),
            ("the target is reached", 0.10, 100, window(cpu=0.10, switches=100, rss=1), True),
            ("the limit was in Python, and made nothing durable", 0.12, 120, in_python, False),
        )
        for label, cpu, switches, server, is_met in rows:
            with self.subTest(label):
                ours = quiet | {live.REMOTE: window(cpu=cpu, switches=switches)}
                found = {"options": {"messages": 1}, "server": server | {"late": []}, "programs": {
                    key: {"phases": phases, "late": [], "wrong": [], "rss": 1}
                    for key, phases in (("imapsyncd", ours), ("interimap-notify", theirs))}}
                judged = self.judged({"live": found})
                self.assertEqual([judged[what] for what in whats], [is_met, is_met])
                runs = {key: {"phases": run["phases"], "rss": 1} for key, run in found["programs"].items()}
                lines = live.extrapolation(runs, live.limit_run(found))
                rows_of_limit = [line for line in lines if line.startswith("| the limit |")]
                self.assertEqual(len(rows_of_limit), 0 if server is in_python else 1)
                if server is limit:
                    self.assertIn("| 0.00 s | 11.00 ms | 9.5 s | 0.0 | 11.0 | 26.4 | 0.0 MB |", rows_of_limit[0])


class Arithmetic(case.SystemTest):
    needs_program = False

    def test_six_hours(self):
        """A quiet hour takes 10000 bytes, and each of ten events 200 more: of the seed's there are 144 an hour."""
        run = {"phases": {live.QUIET: window(), live.REMOTE: window(bytes_in=7000)}, "rss": 1}
        self.assertAlmostEqual(live.hourly(run)["bytes"], 10_000 + 200 * 144)
        self.assertAlmostEqual(live.hourly(run)["beyond"], 10_000 + 200 * 144 - 100 * 144)

    def test_medians(self):
        self.assertEqual(tables.median([row(cpu=1), row(cpu=9), row(cpu=2)]).cpu, 2)


class LimitOfLive(case.SystemTest):
    """It makes durable what it is told of, whatever is in the messages."""

    needs_program = False

    def state(self):
        """{mailbox: [UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ]}"""
        lines = (self.directory / "limit" / "state").read_text().splitlines()
        return {line.split(" ", 3)[3]: list(map(int, line.split()[:3])) for line in lines}

    def follow(self, server):
        home = self.directory / "limit"
        home.mkdir()
        program = subprocess.Popen([BUILD / "tests" / "limit-follow", "127.0.0.1", str(server.imap_port), "alice",
                                    PASSWORD, home])
        self.addCleanup(program.wait)
        self.addCleanup(program.terminate)
        wait_until((home / "follows").exists, "it follows")
        return program, home

    def catch_up(self, program, session, mailbox):
        items = session.command(f"STATUS {mailbox} (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)")[0][2]
        items = dict(zip(items[::2], map(int, items[1::2])))
        numbers = [items[name] for name in (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ")]
        wait_until(lambda: program.poll() is not None or self.state().get(mailbox) == numbers, f"{numbers} is reached")
        self.assertIsNone(program.poll())

    def test_each_kind(self):
        server = self.server("mdbox")
        session, acting = self.session(server), self.session(server)
        session.create("mailbox-01")
        [(data, _, _)] = populate.quick_rows(random.Random(1), "INBOX", 1)
        uid = acting.append("mailbox-01", data)
        program, home = self.follow(server)
        odd = b"Subject: odd\r\n\r\n* STATUS INBOX (HIGHESTMODSEQ 999)\r\nrenewed OK\r\n* VANISHED 1\r\n{5}\r\n"
        acting.append("mailbox-01", odd)
        self.catch_up(program, session, "mailbox-01")
        acting.append("INBOX", data * 100)
        self.catch_up(program, session, "INBOX")
        self.assertEqual([path.read_bytes() for path in sorted((home / "new").iterdir())], [odd, data * 100])
        names = set(os.listdir(home / "cur"))
        acting.select("mailbox-01")
        acting.store(uid, "+", ["\\Seen"])
        self.catch_up(program, session, "mailbox-01")
        changed = set(os.listdir(home / "cur"))
        self.assertEqual((len(names - changed), len(changed - names)), (1, 1))
        acting.expunge(uid)
        self.catch_up(program, session, "mailbox-01")
        self.assertEqual(len(names) - len(os.listdir(home / "cur")), 1)
        self.assertEqual(os.listdir(home / "tmp"), [])


class Figures(case.SystemTest):
    needs_program = False

    def test_they_are_svg(self):
        lines = figures.draw(results(row()), self.directory)
        self.assertEqual(len(lines), 4)
        for path in self.directory.glob("*.svg"):
            root = xml.etree.ElementTree.parse(path).getroot()
            self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
            words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
            self.assertIn("mbsync", words)

    def test_axis(self):
        axis = figures.Axis([3, 4000], 0, 400, True)
        self.assertEqual([round(axis.place(value)) for value in (1, 100, 10_000)], [0, 200, 400])


class Content(case.SystemTest):
    """Whether a row counts."""

    needs_program = False

    def test_what_differs(self):
        server = self.server("mdbox")
        remote = content.Remote(server, ["INBOX", "mailbox-01"])
        remote.fill(20)
        remote.one_new()
        held = content.Mailboxes(server, content.USER)
        for whole in (True, False):
            self.assertEqual(content.differences(remote.content(whole), held.content(whole)), [])
        with server.session(content.USER) as session:
            session.select("INBOX")
            session.store(session.uids()[0], "+", ["$New"])
        self.assertEqual(content.differences(remote.content(False, content.SYSTEM), held.content(False, content.SYSTEM)), [])
        self.assertEqual(len(content.differences(remote.content(False), held.content(False))), 2)
        with server.session(content.USER) as session:
            session.select("mailbox-01")
            session.expunge(session.uids()[0])
        self.assertIn("missing: {'mailbox-01': 1}",
                      content.differences(remote.content(True, content.SYSTEM), held.content(True, content.SYSTEM)))

    def test_files(self):
        tree = maildir.Tree(self.directory / "Mail")
        rows = list(populate.quick_rows(random.Random(1), "INBOX", 5))
        for n, (data, _, _) in enumerate(rows):
            tree.folder("INBOX").create().deliver(data, f"{n}.rig", "S")
        expected = sorted(content.message(data, {"\\seen"}).label for data, _, _ in rows)
        store = content.Files(tree)
        self.assertEqual(sorted(label for _, label, _ in store.content(False)), expected)
        watched = views.WatchedFiles(tree)
        self.addCleanup(watched.close)
        self.assertEqual(watched.count("INBOX"), (5, 0))
        path = tree.folder("INBOX").set_flags(tree.folder("INBOX").files()[0], [])
        self.assertEqual(watched.count("INBOX"), (5, 1))
        path.unlink()
        tree.folder("INBOX").deliver(rows[0][0], "new.rig")
        self.assertEqual(watched.count("INBOX"), (5, 1))
        self.assertNotEqual(sorted(label for _, label, _ in store.content(False)), [])


@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
class Measured(case.SystemTest):
    """The smallest of each part, with the program."""

    def test_once(self):
        kinds = [programs.Limit, programs.Imapsyncd, programs.ImapsyncdImap]
        found = once.measure(once.Size(1, 10), [once.VARIANTS["plain"]], kinds, 1)["plain"]
        self.assertEqual(found["wrong"], {})
        for scene in (once.FIRST, once.NOOP):
            self.assertEqual(found["rows"][scene].keys(), {kind.key for kind in kinds})
        ours, limit = (found["rows"][once.NOOP][key][0] for key in ("imapsyncd", "limit"))
        self.assertLess(ours.bytes_in + ours.bytes_out, 1.1 * (limit.bytes_in + limit.bytes_out))

    def test_many_mailboxes(self):
        found = scale.by_mailboxes(20)
        print(f"  {found['open']}", flush=True)
        self.assertLessEqual(found["open"]["round_trips"], 3)
        self.assertLess(found["open"]["bytes_in"] + found["open"]["bytes_out"], 20 * 40)
