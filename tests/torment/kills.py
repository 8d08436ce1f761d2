"""SIGKILL at random times, while the daemon works and both sides change."""

import collections
import concurrent.futures
import contextlib
import random
import shutil
import sqlite3
import subprocess
import threading
import time

from rig import change, live, populate
from rig.account import Account
from rig.dovecot import Dovecot
from torment import oracle
from torment.room import room
from torment.tally import Tally

DOES = "kill the daemon at random times while both sides change"

MAILBOXES = ["INBOX", "list", "list/sub"]
MESSAGES = 16
KEYWORDS = ["work", "later"]
ROUNDS = 4  # of one user; each ends in quiet and is judged
LONGEST = 4  # to a kill, in the time that a run with nothing to do takes, which depends on the machine
GRACE = 5  # seconds that a daemon waits to connect if an upload was cut off, see is_waiting()


def arguments(parser):
    parser.add_argument("--kills", type=int, metavar="N", help="at least so many (60; with --full 5000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another one makes other changes")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the user to begin with")
    parser.add_argument("--jobs", type=int, metavar="N", help="so many users at once (6; with --full 24)")


class User:
    """A user of the server with an account of it: kill, again and again, then judge, and so on."""

    def __init__(self, directory, server, number, seed):
        self.where = f"--seed {seed} --first {number} --jobs 1"
        self.server = server
        self.name = f"user{number}"
        self.rng = random.Random(f"{seed} {number}")
        self.account = Account(directory / self.name, server, user=self.name, tls="none", settings={
            "delete-mailboxes": "yes"})
        self.tally = Tally()
        self.longest = 0.2

    def fill(self, session):
        populate.fill(session, MAILBOXES, MESSAGES, seed=self.rng.randrange(1 << 30), holes=False)
        for mailbox in MAILBOXES:  # every keyword has its letter from the first sync on
            session.append(mailbox, populate.message(self.rng, f"keywords in {mailbox}"), KEYWORDS)

    def begin(self):
        """The first sync, killed now and then. Returns whether all is well."""
        with self.sides() as both:
            self.fill(both[0].session)
            model = both[0].content()
            for _ in range(self.rng.randrange(4)):
                self.kill()
            self.quiet()
            self.longest = LONGEST * self.quiet().seconds
            return self.judge("the first sync", model, both)

    def torment(self, is_enough):
        is_good = self.begin()
        for number in range(ROUNDS):
            if not is_good or is_enough():
                break
            is_good = self.round(number)
        if is_good:
            shutil.rmtree(self.account.directory)
            shutil.rmtree(self.server.directory / "home" / self.name)

    @contextlib.contextmanager
    def sides(self):
        with self.server.session(self.name) as session:
            yield [live.LiveImap(session), live.LiveMaildir(self.account.tree)]

    def round(self, number):
        """Changes and kills, then quiet. Returns whether all is well."""
        with self.sides() as both:
            changes = change.Changes(self.rng, *both)
            for _ in range(self.rng.randint(4, 12)):
                self.kill(lambda: changes.apply(self.rng.choice([0, 1, 2, 4])))
            self.quiet()
            return self.judge(f"round {number}", changes.expected(), both)

    def judge(self, when, model, both):
        found = oracle.judge(model, *((side.name, side.content()) for side in both))
        found += oracle.judge_again(self.account, both)
        self.tally.harm(f"{self.where}, {when}", found)
        self.tally.add(judged=1)
        return not found

    def kill(self, change_something=lambda: None):
        """The daemon starts, things change, and it is gone."""
        moment = self.rng.random() * self.longest + (GRACE if self.is_waiting() else 0)
        end = time.monotonic() + moment
        with self.start() as daemon:
            change_something()
            try:
                daemon.wait(max(end - time.monotonic(), 0))
                self.tally.wrong(f"{self.where}: the daemon ended by itself: {daemon.returncode}\n{self.log()}")
            except subprocess.TimeoutExpired:
                daemon.kill()
        self.tally.add(kills=1, while_connected=": connected" in self.log())

    def start(self):
        with open(self.account.directory / "daemon.log", "wb") as log:
            return subprocess.Popen(list(map(str, self.account.command())), stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, env=self.account.environment())

    def log(self):
        return (self.account.directory / "daemon.log").read_text(errors="replace")[-2000:]

    def is_waiting(self):
        """Was an upload cut off? Then the next daemon connects some seconds after its start."""
        if not self.account.database.exists():
            return False
        connection = sqlite3.connect(self.account.database)
        try:
            return connection.execute("SELECT count(*) FROM intent").fetchone()[0] > 0
        except sqlite3.OperationalError:  # it has no tables yet
            return False
        finally:
            connection.close()

    def quiet(self):
        result = self.account.once()
        if result.status != 0:
            raise AssertionError(f"the run does not end well: {result}")
        return result


class Crowd:
    """Users, until there were enough kills."""

    def __init__(self, directory, server, options, kills):
        self.directory = directory
        self.server = server
        self.options = options
        self.kills = kills
        self.lock = threading.Lock()
        self.next = options.first
        self.tally = Tally()
        self.users = collections.deque()

    def is_enough(self):
        return self.done() >= self.kills

    def done(self):
        with self.lock:
            return sum(user.tally.did["kills"] for user in self.users) + self.tally.did["kills"]

    def work(self):
        """One user after the other. What goes wrong ends the user, not the work."""
        while not self.is_enough() and len(self.tally.found) + len(self.tally.other) < 20:
            user = self.take()
            try:
                user.torment(self.is_enough)
            except Exception as wrong:  # whatever it is, it is told, with how to have it again
                user.tally.wrong(f"{user.where}: {type(wrong).__name__}: {wrong}")
            self.give(user)

    def take(self):
        with self.lock:
            user = User(self.directory, self.server, self.next, self.options.seed)
            self.next += 1
            self.users.append(user)
            return user

    def give(self, user):
        with self.lock:
            self.users.remove(user)
            self.tally.merge(user.tally)
            self.tally.add(users=1)


def run(options):
    kills = options.kills or (5000 if options.full else 60)
    jobs = options.jobs or (24 if options.full else 6)
    begin = time.monotonic()
    with room("kills") as place, Dovecot(place.directory / "server") as server:
        crowd = Crowd(place.directory, server, options, kills)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for worker in [pool.submit(crowd.work) for _ in range(jobs)]:
                worker.result()
        place.keep = not crowd.tally.is_good
    seconds = time.monotonic() - begin
    print(f"  {crowd.tally.did['kills'] / seconds:.1f} kills a second", flush=True)
    return crowd.tally
