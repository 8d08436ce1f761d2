"""The power goes: what was not fsynced is dropped, reordered or torn."""

import random
import shutil

from rig import BUILD, upsets
from torment import bench, disk
from torment.points import FACES
from torment.tally import Tally

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
SAMPLE_CUTS = 3  # of each


def arguments(parser):
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, help="runs of each scenario (full: 2)")
    parser.add_argument("--cuts", type=int, help="of each run, evenly spread; 0: before every change")
    parser.add_argument("--cut", type=int, help="only before this change")
    parser.add_argument("--world", choices=WORLDS, help="only these")
    parser.add_argument("--scenario", default="", help="only those whose names match")


def run(options):
    tally = Tally()
    cuts = options.cuts if options.cuts is not None else 0 if options.full else SAMPLE_CUTS
    for label, (settings, scenarios) in WORLDS.items():
        scenarios = bench.chosen(scenarios, options.scenario)
        if not (options.full or options.scenario):
            scenarios = [one for one in scenarios if one.__name__ in SAMPLE and label == "maildir"]
        if options.world not in (None, label) or not scenarios:
            continue
        with bench.Bench(**settings) as worlds:
            for seed in range(options.first, options.first + (options.seeds or (2 if options.full else 1))):
                for scenario in scenarios:
                    Run(worlds, scenario, seed, label, tally).cut(cuts, options.cut)
            worlds.is_bad = worlds.is_bad or not tally.is_good
    return tally


class Run:
    """Of one scenario. The seed decides what the disk holds after each cut."""

    def __init__(self, worlds, scenario, seed, label, tally):
        self.worlds = worlds
        self.scenario = scenario
        self.seed = seed
        self.label = label
        self.tally = tally

    def cut(self, most, only):
        total = self._count()
        if only:
            chosen = [only]
        else:
            chosen = sorted({total * (i + 1) // most for i in range(most)}) if most else range(1, total + 1)
        dropped = sum(self._cut_before(n) for n in chosen)
        self.tally.add(runs=1, prefixes=len(chosen), changes_lost=dropped)
        print(f"  {self.label} {self.scenario.__name__} seed {self.seed}: {len(chosen)} prefixes of {total},"
              f" {dropped} changes lost", flush=True)

    def _count(self):
        """The changes of an undisturbed run, and whether they tell all that the run did to the disk."""
        world = self.worlds.world(self.scenario)
        before, log = self._run(world, None)
        found = disk.everything(before, log).differences(disk.Tree(world.account.directory))
        if found:
            self.tally.wrong(f"the log of {self.scenario.__name__} does not tell all: {found[:3]}")
        found += self.worlds.take_model(self.scenario, world)
        self._end(world, not found)
        return len(log) + 1  # the last: after it has ended

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

    def _cut_before(self, n):
        """Returns how many changes were lost."""
        world = self.worlds.world(self.scenario)
        before, log = self._run(world, n)
        rng = random.Random(f"{self.scenario.__name__} {self.seed} {n}")
        after = disk.Disk(before, log, rng)
        after.build(world.account.directory, self._aside(world))
        found = self.worlds.judge(self.scenario, world)
        where = f"{self.label} {self.scenario.__name__} seed {self.seed} cut {n} luck {after.luck} ({world.user})"
        self.tally.harm(where, found)
        for harm in found:
            print(f"  {where}: {harm.text}", flush=True)
        self._end(world, not found)
        return len(after.dropped)
