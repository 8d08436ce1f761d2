"""Killed before and after, or failed by, each call that makes something lasting: nothing is lost or doubled."""

import errno
import os
import re
import unittest

from rig import SANITIZED, case, number, points
from rig.local import LOCAL

POINTS = number("POINTS", 1)  # of each kind and scenario; 0: all
ONLY = os.environ.get("IMAPSYNCD_TEST_ONLY", "")  # scenarios whose names match
FAULTS = [errno.EIO, errno.ENOSPC]


@unittest.skipIf(SANITIZED, "the sanitizer must be loaded first")
class Points(case.SystemTest):
    def check(self, scenarios, local="maildir", **options):
        place = self.enterContext(LOCAL[local](self.directory / "local"))
        world = points.Points(self.directory, self.server(**options), place)
        for scenario in scenarios:
            if not re.search(ONLY, scenario.__name__):
                continue
            expected, count = world.expected(scenario)
            self.assertGreater(count, 4, scenario.__name__)
            ways = [{"CHAOS_KILL": f"{n}"} for n in points.spread(count, POINTS or count)]
            ways += [{"CHAOS_KILL": f"-{n}"} for n in points.spread(count, POINTS or count)]
            ways += [{"CHAOS_FAIL": f"{n}:{FAULTS[n % 2]}"} for n in points.spread(count, POINTS or count)]
            for way in ways:
                with self.subTest(f"{scenario.__name__} {way}"):
                    found = world.disturb(scenario, expected, way)
                    self.assertEqual(found, [], "\n".join(found[:20]))
            print(f"  {scenario.__name__}: {len(ways)} ways of {3 * count}", flush=True)
        print(f"  {world.done} worlds: lost 0, doubled 0, resurrected 0, altered 0", flush=True)

    def test_points(self):
        self.check(points.SCENARIOS)

    def test_bare(self):
        self.check(points.BARE_SCENARIOS, capability=points.BARE)

    def test_local_server(self):
        self.check(points.SERVER_SCENARIOS, local="tunnel")
