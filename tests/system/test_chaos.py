"""The sample of each tormentor of tests/chaos: something was done, and nothing is lost, doubled, resurrected or altered."""

import argparse
import importlib
import unittest

import torment
from rig import IMAPSYNCD, SANITIZED
from rig.harm import Harm


def sample(module):
    """The options of a tormentor that nobody gave any to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    module.arguments(parser)
    return parser.parse_args([])


@unittest.skipIf(SANITIZED, "what is preloaded would have to come after the sanitizer")
class Chaos(unittest.TestCase):
    """One test for each name in torment.NAMES, made below."""

    maxDiff = None

    def check(self, name):
        self.assertTrue(IMAPSYNCD.exists(), f"{IMAPSYNCD.name} is not built: run tests/run, or set BUILD")
        module = importlib.import_module(f"torment.{name}")
        tally = module.run(sample(module))
        print(f"  {name}: {tally}", flush=True)
        sentences = [f"{harm.kind}: {harm.text}" for harm in tally.found] + tally.other
        text = "\n".join([str(tally), *sentences[:40]])
        if tally.found:
            raise Harm(text)
        self.assertTrue(tally.is_good, text)


for tormentor in torment.NAMES:
    setattr(Chaos, f"test_{tormentor}", lambda self, name=tormentor: self.check(name))
