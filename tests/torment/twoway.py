"""Real servers, a real Maildir, and two others that write on both sides: with the daemon at work meanwhile, or
with runs of --once in between."""

import concurrent.futures
import pathlib
import random
import shutil
import tempfile

from rig import Timeout, populate, wait_until
from rig.account import Account
from rig.dovecot import Dovecot
from rig.profiles import MASKED, PROFILES
from rig.sides import ImapSide, MaildirSide
from torment import oracle, writers
from torment.tally import Tally

DOES = "random changes on a server and in a Maildir at the same time, with the daemon running and stopped"
BOXES = ["INBOX", "list", "other"]
MESSAGES = 10  # of each mailbox, at first
ROUND = 30  # changes until all must be quiet
QUIET = 120  # seconds until it must be
SETTINGS = {"delete-mailboxes": "yes", "brake": "100%"}
STORES = ["maildir", "mdbox"]
SAMPLE = [*STORES, "proton", "icloud"]  # without QRESYNC too, and with ESEARCH


def arguments(parser):
    parser.add_argument("--seeds", type=int, metavar="N", help="of each server (1; with --full 100)")
    parser.add_argument("--operations", type=int, metavar="N", help="of each seed (60; with --full 500)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first (1)")
    parser.add_argument("--jobs", type=int, metavar="N", help="seeds at a time (1; with --full 4)")
    parser.add_argument("--profile", choices=MASKED + STORES,
                        help="this server only: Dovecot as another one, or with this store (maildir, mdbox,"
                        " proton and icloud; with --full all)")


def run(options):
    operations = options.operations or (500 if options.full else 60)
    names = [options.profile] if options.profile else STORES + MASKED if options.full else SAMPLE
    tally = Tally()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-chaos-"))
    directory.chmod(0o755)
    for name in names:
        with _server(directory / name, name) as server:
            part = _run_seeds(directory, server, name, operations, options)
            print(f"  {name}: {part}", flush=True)
        tally.merge(part)
    tally.add(servers=len(names))
    if tally.is_good:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}")
    return tally


def _server(directory, name):
    return Dovecot(directory, name) if name in STORES else PROFILES[name].start(directory, ["alice"])


def _run_seeds(directory, server, name, operations, options):
    seeds = options.seeds or (100 if options.full else 1)
    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(options.jobs or (4 if options.full else 1)) as pool:
        run_one = lambda seed: _run_seed(directory / f"{name}-{seed}", server, name, seed, operations)
        for part in pool.map(run_one, range(options.first, options.first + seeds)):
            tally.merge(part)
    return tally


def _run_seed(directory, server, name, seed, operations):
    tally = Tally()
    where = f"tests/chaos twoway --profile {name} --seeds 1 --operations {operations} --first {seed}"
    life = Life(directory, server, f"seed{seed}", seed)
    try:
        life.begin()
        while life.done < operations and not life.found:
            life.round(min(ROUND, operations - life.done))
        life.end()
    except (Timeout, AssertionError, OSError) as error:
        tally.wrong(f"{where}: {error}")
    tally.harm(where, life.found)
    tally.add(seeds=1, operations=life.done)
    tally.add(**life.rounds)
    if tally.is_good:
        life.forget()
    return tally


class Life:
    """One account, from equal sides to equal sides."""

    def __init__(self, directory, server, user, seed):
        self.server = server
        self.user = user
        self.seed = seed
        self.rng = random.Random(seed)
        self.account = Account(directory, server, user=user, tls="none", settings=SETTINGS)
        self.account.write_config("[daemon]\nflag-scan = 1min\npoll-interval = 1s\n")
        self.done = 0
        self.rounds = {"while_it_runs": 0, "while_it_is_stopped": 0, "mailboxes_changed": 0}
        self.found = []
        self.model = None

    def begin(self):
        """Two sides with mail and with all keywords."""
        with self.server.session(self.user) as session:
            populate.fill(session, BOXES, MESSAGES, seed=self.seed, holes=False)
            for mailbox in BOXES:
                session.select(mailbox)
                session.store("1:2", "+", writers.KEYWORDS)
        self._once()
        with self._sides() as sides:
            self.model = writers.Model(sides.remote.content())
        self._judge()

    def round(self, count):
        """Changes on both sides, and quiet."""
        is_running = self.rng.random() < 0.5
        self.rounds["while_it_runs" if is_running else "while_it_is_stopped"] += 1
        if is_running:
            with self.account.daemon("-v") as daemon:
                daemon.wait_in_sync()
                self._change(count)
                self._wait_quiet(daemon)
        else:
            self._change(count)
            self._once()
        self._judge()

    def end(self):
        if self.found:
            return
        with self._sides() as sides:
            self.found += oracle.judge_again(self.account, sides.both)

    def forget(self):
        shutil.rmtree(self.account.directory)
        shutil.rmtree(self.server.directory / "home" / self.user, ignore_errors=True)

    def _change(self, count):
        with self._sides() as sides:
            label = f"{self.seed}at{self.done}"
            hands = [writers.Client("remote", sides.remote, self.model, sides.remote.content(), label),
                     writers.Program("local", sides.local, self.model, sides.local.content(), label)]
            self.model.give_roles(self.rng)
            if self.rng.random() < 0.3:
                still = self.model.change_mailbox(self.rng, hands, f"box{self.done}")
                self.rounds["mailboxes_changed"] += 1
                for hand in hands:
                    hand.still = still
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                share = self.rng.randint(0, count)
                for work in [pool.submit(hands[0].act, share), pool.submit(hands[1].act, count - share)]:
                    work.result()
            self.model.settle(hands)
        self.done += count

    def _once(self):
        result = self.account.once()
        if result.status != 0:
            raise AssertionError(f"--once does not end well: {result}")

    def _wait_quiet(self, daemon):
        """Until both sides are as the model; if they never are, the oracle says how they are."""
        def is_quiet():
            daemon.wait_in_sync()
            return not self._look()

        try:
            wait_until(is_quiet, "both sides are as the model", QUIET, interval=0.1)
        except Timeout:
            pass

    def _look(self):
        with self._sides() as sides:
            return oracle.judge(self.model.content(), ("remote", sides.remote.content()),
                                ("local", sides.local.content()))

    def _judge(self):
        self.found += self._look()

    def _sides(self):
        return _Sides(self.server.session(self.user), MaildirSide(self.account.tree))


class _Sides:
    """with ... as sides: both, by another client's session that is closed in the end."""

    def __init__(self, session, local):
        self.session = session
        self.remote = ImapSide(session, "remote")
        self.local = local
        self.both = [self.remote, self.local]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()
