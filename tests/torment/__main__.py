"""tests/chaos: choose the tormentors, run them, print a line for each."""

import argparse
import importlib
import sys
import time
import unittest

from torment import NAMES


def torment(name, options):
    module = importlib.import_module(f"torment.{name}")
    begin = time.monotonic()
    try:
        tally = module.run(options)
    except unittest.SkipTest as why:
        print(f"{name}: skipped: {why}", flush=True)
        return True
    for harm in tally.found[:40]:
        print(f"  {harm.kind.upper()}  {harm.text}")
    for sentence in tally.other[:40]:
        print(f"  WRONG  {sentence}")
    print(f"{name}: {tally}; {time.monotonic() - begin:.0f} s", flush=True)
    return tally.is_good


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/chaos", description="Torment both programs, then ask the oracle.")
    parser.add_argument("--full", action="store_true", help="not CI's sample, but all of it")
    commands = parser.add_subparsers(dest="name", metavar="TORMENTOR")
    for name in NAMES:
        module = importlib.import_module(f"torment.{name}")
        command = commands.add_parser(name, help=module.DOES, description=module.DOES)
        command.add_argument("--full", action="store_true", default=argparse.SUPPRESS,
                             help="not CI's sample, but all of it")
        module.arguments(command)
    return parser, parser.parse_args(arguments)


def main(arguments):
    parser, options = parse(arguments)
    if options.name:
        return 0 if torment(options.name, options) else 1
    full = ["--full"] if options.full else []
    good = [torment(name, parser.parse_args([name, *full])) for name in NAMES]
    return 0 if all(good) and good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
