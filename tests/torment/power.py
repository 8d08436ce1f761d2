"""The power goes: what was not fsynced is dropped, reordered or torn."""

import concurrent.futures
import itertools
import pathlib
import random
import shutil
import traceback

from rig import BUILD, upsets
from torment import bench, disk
from torment.points import FACES
from torment.tally import Log, Tally

DOES = "power loss before each change of a run: what was not made durable is lost, or a part of it"

SHIM = BUILD / "tests" / "libchaos-power.so"
# label: of the local side or the server; its options, and its scenarios
WORLDS = {
    "maildir": ({}, upsets.SCENARIOS),
    "bare": ({"capability": FACES["bare"].capability}, FACES["bare"].scenarios),
    "servers": ({"local": "tunnel"}, FACES["server"].scenarios),
}
# In the sample: where most is written before anything is told.
SAMPLE = ["first_sync", "upload", "move_crosswise", "flags_both", "create_remote", "rename_remote"]
# Of each, after something was claimed: of commits and of words to the server those with the highest risk.
SAMPLE_CUTS = {"S": 2, "N": 1}
SAMPLE_LUCK = [(0, 0), (1, 0)]  # then, by turns: nothing is left that is not durable, or the names of it alone
JOBS, JOBS_FULL = 2, 5  # runs at once


def arguments(parser):
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, help="runs of each scenario (full: 2)")
    parser.add_argument("--cuts", type=int, help="of each run, evenly spread; 0: before every change; if not"
                        " given: where most is at risk")
    parser.add_argument("--jobs", type=int, metavar="N", help="so many runs at once")
    parser.add_argument("--log", type=pathlib.Path, metavar="FILE", help="of what is done: go on with the rest of it")
    parser.add_argument("--cut", type=int, help="only before this change")
    parser.add_argument("--luck", type=lambda text: tuple(map(float, text.split(","))), metavar="A,B",
                        help="with --cut: these shares of the names and of the bytes that are not durable are left")
    parser.add_argument("--world", choices=WORLDS, help="only these")
    parser.add_argument("--scenario", default="", help="only those whose names match")


def run(options):
    tally, log = Tally(), Log(options.log)
    n_jobs = options.jobs or (JOBS_FULL if options.full else JOBS)
    cuts = options.cuts if options.cuts is not None else 0 if options.full else None
    for label, (settings, scenarios) in WORLDS.items():
        scenarios = bench.chosen(scenarios, options.scenario)
        if not (options.full or options.scenario):
            scenarios = [one for one in scenarios if one.__name__ in SAMPLE and label == "maildir"]
        if options.world not in (None, label) or not scenarios:
            continue
        seeds = range(options.first, options.first + (options.seeds or (2 if options.full else 1)))
        runs = [Run(scenario, seed, label) for seed in seeds for scenario in scenarios]
        runs = [one for one in runs if str(one) not in log.done]
        if not runs:
            continue
        with bench.Bench(**settings) as worlds, concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
            jobs = [pool.submit(one.cut, worlds, cuts, options) for one in runs]
            for one in concurrent.futures.as_completed(jobs):
                log.add(one.result(), one.result().tally)
                tally.merge(one.result().tally)
            worlds.is_bad = worlds.is_bad or not tally.is_good
    return tally


class Run:
    """Of one scenario. The seed decides what the disk holds after each cut."""

    def __init__(self, scenario, seed, label):
        self.worlds = None
        self.scenario = scenario
        self.seed = seed
        self.label = label
        self.tally = Tally()

    def __str__(self):
        return f"{self.label} {self.scenario.__name__} seed {self.seed}"

    def cut(self, worlds, most, options):
        """most: None for the sample's. Returns itself."""
        try:
            self.worlds = worlds
            self._cut(most, options)
        except Exception:  # pylint: disable=broad-except
            self.tally.wrong(f"{self}: {traceback.format_exc(limit=-4)}")
        return self

    def _cut(self, most, options):
        total, risks = self._count()
        if options.cut:
            chosen = {options.cut: options.luck}
        elif most is None:
            chosen = {total // 2: None} | self._most_at_risk(risks)
        else:
            cuts = (total * (i + 1) // most for i in range(most)) if most else range(1, total + 1)
            chosen = dict.fromkeys(cuts)
        dropped = sum(self._cut_before(n, luck) for n, luck in chosen.items())
        self.tally.add(runs=1, prefixes=len(chosen), changes_lost=dropped)
        print(f"  {self}: {len(chosen)} prefixes of {total}, {dropped} changes lost", flush=True)

    @staticmethod
    def _most_at_risk(risks):
        """{cut: luck}"""
        chosen = []
        for kind, most in SAMPLE_CUTS.items():
            rows = sorted((row for row in risks if row[1] == kind), key=lambda row: -row[2])
            chosen += [row[0] for row in rows[:most]]
        return dict(zip(chosen, itertools.cycle(SAMPLE_LUCK)))

    def _count(self):
        """How many changes an undisturbed run makes, and its disk.risks(); and whether the log tells all that the
        run did to the disk."""
        world = self.worlds.world(self.scenario)
        before, log = self._run(world, None)
        found = disk.everything(before, log).differences(disk.Tree(world.account.directory))
        if found:
            self.tally.wrong(f"the log of {self.scenario.__name__} does not tell all: {found[:3]}")
        found += self.worlds.take_model(self.scenario, world)
        self._end(world, not found)
        return len(log) + 1, disk.risks(before, log)  # the last: after it has ended

    def _run(self, world, end):
        """One run of the program, that ends before this change. (Tree before it, [Change])"""
        account = world.account
        aside = self._aside(world)
        aside.mkdir()
        before = disk.Tree(account.directory)
        account.variables = {"LD_PRELOAD": str(SHIM), "POWER_ROOT": str(account.directory),
                             "POWER_LOG": str(self._log(world)), "POWER_KEEP": str(aside)}
        if end:
            account.variables["POWER_END"] = str(end)
        account.once()
        account.variables = {}
        return before, disk.read_log(self._log(world))

    def _aside(self, world):
        return self.worlds.directory / f"{world.user}-removed"

    def _log(self, world):
        return self.worlds.directory / f"{world.user}-changes"

    def _end(self, world, is_good):
        self.worlds.end(world, is_good)
        if is_good:
            shutil.rmtree(self._aside(world))
            self._log(world).unlink()

    def _cut_before(self, n, luck=None):
        """Returns how many changes were lost."""
        world = self.worlds.world(self.scenario)
        before, log = self._run(world, n)
        rng = random.Random(f"{self.scenario.__name__} {self.seed} {n}")
        after = disk.Disk(before, log, rng, luck)
        after.build(world.account.directory, self._aside(world))
        found = self.worlds.judge(self.scenario, world)
        where = f"{self} cut {n} luck {after.luck} ({world.user})"
        self.tally.harm(where, found)
        for harm in found:
            print(f"  {where}: {harm.text}", flush=True)
        self._end(world, not found)
        return len(after.dropped)
