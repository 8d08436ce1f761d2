"""SIGKILL at random times, while the daemon works and both sides change."""

import collections
import concurrent.futures
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
LONGEST = 0.25  # seconds to a kill, if it is not an upload that waits
GRACE = 5.2  # so long a daemon waits after an upload was cut, before it connects; see UPLOAD_WAITS


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

    def fill(self):
        with self.server.session(self.name) as session:
            populate.fill(session, MAILBOXES, MESSAGES, seed=self.rng.randrange(1 << 30), holes=False)
            for mailbox in MAILBOXES:  # every keyword has its letter from the first sync on
                session.append(mailbox, populate.message(self.rng, f"keywords in {mailbox}"), KEYWORDS)
        self.quiet()

    def torment(self, is_enough):
        self.fill()
        for number in range(ROUNDS):
            if is_enough() or not self.round(number):
                break
        if not self.tally.found and not self.tally.other:
            shutil.rmtree(self.account.directory)
            shutil.rmtree(self.server.directory / "home" / self.name)
        return self.tally

    def round(self, number):
        """Changes and kills, then quiet. Returns whether all is well."""
        with self.server.session(self.name) as session:
            both = [live.LiveImap(session), live.LiveMaildir(self.account.tree)]
            changes = change.Changes(self.rng, *both)
            for _ in range(self.rng.randint(4, 12)):
                self.kill(changes)
            self.quiet()
            model = changes.expected()
            found = oracle.judge(model, *((side.name, side.content()) for side in both))
            found += oracle.judge_again(self.account, both)
        self.tally.harm(f"{self.where}, round {number}", found)
        self.tally.add(judged=1)
        return not found

    def kill(self, changes):
        """The daemon starts, things change, and it is gone. Now and then nothing changes."""
        moment = self.rng.uniform(0, LONGEST)
        if self.is_waiting():
            moment += GRACE
        end = time.monotonic() + moment
        with self.start() as daemon:
            changes.apply(self.rng.choice([0, 1, 2, 4]))
            try:
                daemon.wait(max(end - time.monotonic(), 0))
                self.tally.wrong(f"{self.where}: the daemon ended by itself: {daemon.returncode}\n{self.log()}")
            except subprocess.TimeoutExpired:
                daemon.kill()
        self.tally.add(kills=1)

    def start(self):
        with open(self.account.directory / "daemon.log", "wb") as log:
            return subprocess.Popen(list(map(str, self.account.command())), stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, env=self.account.environment())

    def log(self):
        return (self.account.directory / "daemon.log").read_text(errors="replace")[-2000:]

    def is_waiting(self):
        """Was an upload cut off? Then the next daemon connects some seconds after its start."""
        connection = sqlite3.connect(self.account.database)
        try:
            return connection.execute("SELECT count(*) FROM intent").fetchone()[0] > 0
        finally:
            connection.close()

    def quiet(self):
        result = self.account.once()
        if result.status != 0:
            raise AssertionError(f"the run does not end well: {result}")


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
