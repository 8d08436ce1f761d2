"""Bytes that no peer should send, to every parser of them: tests/fuzz-NAME.c.

The sample changes the files of the corpora blindly, from a seed, with the programs that the unit tests
build. In full, and with --minutes, libFuzzer looks for what is new, with ASan and UBSan: that needs clang.
"""

import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from rig import BUILD, REPOSITORY
from torment.tally import Tally

DOES = "fuzz every parser of bytes from outside"
CORPUS = REPOSITORY / "tests" / "corpus"
BUILD_FUZZ = pathlib.Path(os.environ.get("BUILD_FUZZ") or REPOSITORY / "build-fuzz").resolve()
LIMITS = ["-timeout=20", "-rss_limit_mb=1500", "-print_final_stats=1", "-reload=0", "-verbosity=1"]
CRASHES_MAX = 3

Chunk = collections.namedtuple("Chunk", "status cpu inputs first_coverage coverage output")


def arguments(parser):
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets())}; default: all")
    parser.add_argument("--minutes", type=float, help="of CPU for each target, by libFuzzer (full: 10)")
    parser.add_argument("--inputs", type=int, default=1500, help="of each target, in the sample")
    parser.add_argument("--seed", type=int, default=1, help="of the first input")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")


def targets():
    """Each target has a corpus of its name."""
    return sorted(path.name for path in CORPUS.iterdir())


def run(options):
    tally = Tally()
    names = options.targets or targets()
    for name in set(names) - set(targets()):
        tally.wrong(f"there is no target {name}")
    if tally.other:
        return tally
    minutes = options.minutes if options.minutes is not None else 10 if options.full else 0
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-fuzz-"))
    if minutes > 0:
        search_all(names, minutes, options, directory, tally)
    else:
        for name in names:
            change_blindly(name, options, directory, tally)
    if tally.other:
        print(f"  kept: {directory}", flush=True)
    else:
        shutil.rmtree(directory)
    return tally


# The sample

def change_blindly(name, options, directory, tally):
    """So many inputs from a seed; one that fails is kept as a file."""
    numbers = [str(options.inputs), str(options.seed)]
    command = [BUILD / "tests" / f"fuzz-{name}", "--changed", *numbers, directory, CORPUS / name]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600)
    if done.returncode != 0:
        kept = ", ".join(path.name for path in directory.iterdir())
        tally.wrong(f"{name}: status {done.returncode}, {kept}: {done.stderr[-600:].strip()}")
    tally.add(targets=1, inputs=options.inputs)


# In full

def build():
    """As CONTRIBUTING.md says."""
    if not shutil.which("clang"):
        raise FileNotFoundError("the fuzzers are built by clang, which is not installed")
    if not (BUILD_FUZZ / "build.ninja").exists():
        options = ["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
        subprocess.run(["meson", "setup", *options, BUILD_FUZZ, REPOSITORY], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"CC": "clang"})
    subprocess.run(["ninja", "-C", BUILD_FUZZ], check=True, stdout=subprocess.DEVNULL)


def search_all(names, minutes, options, directory, tally):
    build()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for part in pool.map(lambda name: search(name, minutes * 60, options.seed, directory / name), names):
            tally.merge(part)


def search(name, seconds, seed, directory):
    """libFuzzer on a copy of the corpus until so much CPU time is used. It counts what passed on the clock, so
    that on a busy machine it is started again for what is left."""
    tally, chunks = Tally(), []
    shutil.copytree(CORPUS / name, directory / "corpus")
    while sum(chunk.cpu for chunk in chunks) < seconds and len(tally.other) < CRASHES_MAX:
        left = seconds - sum(chunk.cpu for chunk in chunks)
        chunks.append(search_once(name, max(left, 1), seed + len(chunks), directory))
        if chunks[-1].status != 0:
            tally.wrong(_what_failed(name, chunks[-1], directory))
    inputs, cpu = sum(chunk.inputs for chunk in chunks), sum(chunk.cpu for chunk in chunks)
    first, last = chunks[0].first_coverage, max(chunk.coverage for chunk in chunks)
    print(f"  {name}: CPU minutes {cpu / 60:.1f}, inputs {inputs}, coverage {first} -> {last}, "
          f"crashes {len(tally.other)}", flush=True)
    tally.add(targets=1, cpu_seconds=round(cpu), inputs=inputs)
    return tally


def search_once(name, seconds, seed, directory):
    log = directory / "log"
    command = ["nice", "-n", "19", BUILD_FUZZ / "tests" / f"fuzz-{name}", *LIMITS, f"-seed={seed}",
               f"-max_total_time={round(seconds)}", f"-artifact_prefix={directory}/", directory / "corpus"]
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    coverage = [int(number) for number in re.findall(r" cov: (\d+)", text)] or [0]
    inputs = re.search(r"number_of_executed_units: (\d+)", text)
    return Chunk(process.returncode, usage.ru_utime + usage.ru_stime, int(inputs[1]) if inputs else 0,
                 coverage[0], coverage[-1], text)


def _what_failed(name, chunk, directory):
    """The sanitizer's or libFuzzer's own sentence, and the file that has it."""
    said = re.search(r"^.*(ERROR: |runtime error: |Assertion ).*$", chunk.output, re.M)
    file = re.search(r"Test unit written to (\S+)", chunk.output)
    kept = pathlib.Path(file[1]).name if file else f"no file, see {directory}/log"
    return f"{name}: {said[0].strip() if said else f'status {chunk.status}'} ({kept})"
