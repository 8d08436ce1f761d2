"""The engine between two stores in memory: random changes, kills and lost connections, against its model.

tests/test-model.c has the model, and what is random about it; here is how many seeds it runs.
"""

import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess

from torment.oracle import Harm
from torment.tally import Tally

DOES = "random two-way runs between stores in memory, killed and cut off"
PROGRAM = pathlib.Path(os.environ.get("BUILD", "build")) / "tests" / "test-model"
CHUNK = 50  # seeds of one process
SLOW = 60  # seconds that a seed may take, on a busy machine


def arguments(parser):
    parser.add_argument("--seeds", type=int, metavar="N", help="how many (150; with --full 100000)")
    parser.add_argument("--operations", type=int, metavar="N", help="of each (60; with --full 100)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first (1)")
    parser.add_argument("--processes", type=int, metavar="N", help="at the same time (1; with --full 2)")


def run(options):
    seeds = options.seeds or (100_000 if options.full else 150)
    operations = options.operations or (100 if options.full else 60)
    chunks = [(first, min(CHUNK, options.first + seeds - first))
              for first in range(options.first, options.first + seeds, CHUNK)]
    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(options.processes or (2 if options.full else 1)) as pool:
        for n, part in enumerate(pool.map(lambda chunk: _run_chunk(*chunk, operations), chunks), 1):
            tally.merge(part)
            if n * CHUNK % 1000 == 0:
                print(f"  model: {n * CHUNK} seeds, {len(tally.found) + len(tally.other)} of them wrong", flush=True)
    return tally


def _run_chunk(first, count, operations):
    """The program ends with the first seed that is wrong; those behind it are run all the same."""
    tally = Tally()
    end = first + count
    while first < end:
        status, text = _run(first, end - first, operations)
        named = re.search(r"^seed (\d+)", text, re.MULTILINE)
        if status == 0:
            tally.add(seeds=end - first, operations=(end - first) * operations)
            break
        if not named and end - first > 1:  # an assertion names no seed: which one is it?
            for seed in range(first, end):
                tally.merge(_run_chunk(seed, 1, operations))
            break
        seed = int(named[1]) if named else first
        tally.add(seeds=seed - first + 1, operations=(seed - first + 1) * operations)
        _blame(tally, seed, operations, status, text)
        first = seed + 1
    return tally


def _run(first, count, operations):
    command = [str(PROGRAM), str(count), str(operations), str(first)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, timeout=SLOW * count, check=False)
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stderr


def _blame(tally, seed, operations, status, text):
    where = f"seed {seed} (tests/chaos model --seeds 1 --operations {operations} --first {seed})"
    harms = list(_harms(text))
    if harms:
        tally.harm(where, harms)
        return
    last = text.strip().splitlines()[-1:] or ["nothing was said"]
    ended = f"not at an end after {SLOW} s" if status is None else f"ended with {status}"
    tally.wrong(f"{where}: {ended}: {last[0]}")


def _harms(text):
    """Of what test-model says: the lines of a mailbox as it is, and as it should be."""
    found = re.search(r"^seed \d+, ([^\n]*)\n--- is\n(.*?)--- should be\n(.*)", text, re.MULTILINE | re.DOTALL)
    counted = re.search(r"^seed \d+, ([^\n]*): (\d+) mailboxes on the (\w+) side instead of (\d+)", text, re.MULTILINE)
    if counted:
        kind = "resurrected" if int(counted[2]) > int(counted[4]) else "lost"
        yield Harm(kind, f"{counted[1]}: {counted[2]} mailboxes {counted[3]} instead of {counted[4]}")
    if not found:
        return
    for column, side in enumerate(("remote", "local", "base")):
        have, want = _column(found[2], column), _column(found[3], column)
        for name in sorted(have.keys() | want.keys()):
            if harm := _judge(f"{found[1]}: {name}, {side}", have[name], want[name]):
                yield harm


def _column(lines, column):
    """{message: [flags of each copy]}; the base names no message but by those beside it."""
    rows = collections.defaultdict(list)
    for line in lines.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 3:
            continue
        name, _, flags = cells[column].partition(" ")
        if column == 2:
            name = cells[0].partition(" ")[0] if name == "=" else ""
        if name not in ("", "gone"):
            rows[name].append(flags)
    return rows


def _judge(what, have, want):
    if len(have) < len(want):
        return Harm("lost", what)
    if len(have) > len(want):
        return Harm("doubled" if want else "resurrected", what)
    return Harm("altered", f"{what}: {have} instead of {want}") if sorted(have) != sorted(want) else None
