"""Only the younger, or the newest, messages here: the server keeps all, and is told nothing of it."""

import os
import random
import time
import unittest

from rig import SANITIZED, case, compare, points, populate, sides

DAY = 86400
AGES = {"fresh": 1, "week": 7, "month": 40, "season": 100, "year": 400, "unread": 200, "flagged": 300}
SEEN = {"\\Seen"}
POINTS = int(os.environ.get("LIMITS_POINTS", "0"))  # 0: all


def internaldate(days):
    return time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(time.time() - days * DAY))


class Limits(case.SystemTest):
    """The local side is a Maildir."""

    def setUp(self):
        super().setUp()
        self.dovecot = self.server("mdbox")
        rng = random.Random(3)
        self.bodies = {name: populate.message(rng, name) for name in AGES}
        self.names = {compare.message(body, (), "").digest: name for name, body in self.bodies.items()}

    def make(self, user="alice", **settings):
        """A server with a message of each age, and an account of it; nothing is in sync yet."""
        session = self.session(self.dovecot, user)
        for name, days in sorted(AGES.items(), key=lambda item: -item[1]):
            flags = {"unread": [], "flagged": ["\\Seen", "\\Flagged"]}.get(name, ["\\Seen"])
            session.append("INBOX", self.bodies[name], flags, internaldate(days))
        account = self.account(self.dovecot, name=user, user=user, settings=settings)
        self.be_local(account, user)
        return account

    def be_local(self, account, user):
        pass

    def side(self, account, user="alice"):
        return sides.MaildirSide(account.tree)

    def here(self, account, user="alice"):
        """What is on the local side, by name, each once."""
        rows = self.side(account, user).content().get("INBOX", [])
        names = sorted(self.names[row.digest] for row in rows)
        self.assertEqual(len(names), len(set(names)), names)
        return set(names)

    def there(self, user="alice"):
        """All of the server that a change would show in."""
        with self.dovecot.session(user) as session:
            session.command("ENABLE CONDSTORE")
            status = session.command(b"STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)")[0][2]
            rows = compare.remote(session)["INBOX"]
        return status, sorted((row.digest, sorted(row.flags), row.date) for row in rows)

    def turn(self, account, **settings):
        account.settings |= {key.replace("_", "-"): value for key, value in settings.items()}
        account.write_config()

    def test_age(self):
        """First, as time passes (the limit falls), and when it is raised; the server is as it was."""
        account = self.make(**{"age-limit": "90d"})
        before = self.there()
        result = self.once(account, "-vv")
        self.assertEqual(self.here(account), {"fresh", "week", "month"})
        self.assertIn("older than 90 days, and stay there (age-limit)", result.err)
        again = self.once(account, "-vv")
        self.assertNotIn("FETCH", again.err)

        self.turn(account, age_limit="500d")
        self.once(account)
        self.assertEqual(self.here(account), set(AGES))

        self.turn(account, age_limit="30d")
        self.assertIn("remove 3 messages of the local side", account.once("--dry-run").out)
        self.assertEqual(self.here(account), set(AGES))
        result = self.once(account)
        self.assertIn("removed 3 messages of the local side that are older than 30 days", result.err)
        self.assertEqual(self.here(account), {"fresh", "week", "unread", "flagged"})
        self.assertEqual(self.there(), before)
        self.assertNotIn("FETCH", self.once(account, "-vv").err)

        self.turn(account, age_limit=None)
        self.once(account)
        self.assertEqual(self.here(account), set(AGES))
        self.assertEqual(self.there(), before)

    def test_count(self):
        account = self.make(**{"count-limit": "3"})
        before = self.there()
        self.once(account)
        self.assertEqual(self.here(account), {"fresh", "week", "month"})
        self.turn(account, count_limit="6")
        self.once(account)
        self.assertEqual(self.here(account), set(AGES) - {"year"})
        self.turn(account, count_limit="1")
        self.once(account)
        self.assertEqual(self.here(account), {"fresh", "unread", "flagged"})
        self.assertEqual(self.there(), before)

    def test_daemon(self):
        """It says what it leaves out, and a limit holds from the reload on."""
        account = self.make()
        with account.daemon() as daemon:
            daemon.wait_in_sync()
            self.assertEqual(self.here(account), set(AGES))
            before = self.there()
            self.turn(account, age_limit="90d", count_limit="4")
            self.assertEqual(account.ctl("reload").status, 0)
            daemon.wait_in_sync()
            account.ctl("sync", "--wait")
            self.assertEqual(self.here(account), {"fresh", "week", "month", "unread", "flagged"})
            [status] = account.ctl_json("status")
            self.assertEqual((status["old"], status["surplus"], status["parked"], status["held"]), (2, 0, 0, 0))
            self.assertEqual(status["state"], "in sync")
            self.assertIn("2 old messages left out (age-limit)", account.ctl("mailboxes", "test").out)
            self.assertIn("older than age-limit", account.ctl("explain", "test", "INBOX", "1").out)
            self.assertEqual(account.ctl("verify", "--digests", "test").status, 0)
            self.assertEqual(self.there(), before)
            self.assertEqual(daemon.stop(), 0)

    def test_put_here(self):
        """The server has it before it goes; put back from a copy, it is not doubled."""
        account = self.make(**{"age-limit": "90d"})
        self.once(account)
        local = self.side(account)
        body = populate.message(random.Random(9), "put")
        self.names[compare.message(body, (), "").digest] = "put"
        for _ in range(2):
            local.deliver("INBOX", body, SEEN, internaldate(800))
            local.deliver("INBOX", self.bodies["year"], SEEN, internaldate(AGES["year"]))
            self.once(account)
            self.assertEqual(self.here(account), {"fresh", "week", "month"})
            self.assertEqual(len(self.there()[1]), len(AGES) + 1)

    @unittest.skipIf(SANITIZED, "the sanitizer must be loaded first")
    def test_killed(self):
        """At each thing that an eviction makes lasting: nothing of it reaches the server, and what it begins ends."""
        account = self.killable("counted")
        log = account.directory / "points"
        account.variables |= {"CHAOS_LOG": str(log)}
        self.once(account)
        count = len(log.read_text().splitlines())
        self.assertGreater(count, 5)
        for n in points.spread(count, POINTS or count):
            for kill in (n, -n):
                with self.subTest(kill=kill):
                    user = f"killed{n}{'b' if kill < 0 else 'a'}"
                    account = self.killable(user)
                    before = self.there(user)
                    account.variables |= {"CHAOS_KILL": str(kill)}
                    account.once()
                    account.variables = {}
                    self.once(account)
                    self.assertEqual(self.here(account, user), {"fresh", "week", "month", "unread", "flagged"})
                    self.assertEqual(self.there(user), before)
                    self.turn(account, age_limit=None)
                    self.once(account)
                    self.assertEqual(self.here(account, user), set(AGES))
        print(f"  {count} points", flush=True)

    def killable(self, user):
        """All are here, and some are about to go."""
        account = self.make(user)
        self.once(account)
        self.turn(account, age_limit="90d")
        account.variables = {"LD_PRELOAD": str(points.SHIM)}
        return account


class LimitsBesideServer(Limits):
    """The local side is a server."""

    def be_local(self, account, user):
        if not hasattr(self, "local_server"):
            self.local_server = self.server("mdbox", name="here")
        account.use_local_server(self.local_server, user)

    def side(self, account, user="alice"):
        return sides.ImapSide(self.session(self.local_server, user), "local server")
