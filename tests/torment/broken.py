"""Engines that are broken on purpose: each must be caught.

A break is a patch in broken/, with a sentence on top of it and the detectors that must see its harm, one or
another of them: those of DETECTORS, which are quick, and tormentors, of which the samples are run. A patch
that no longer applies is mended with what it breaks. The sample applies all of them, and lets the quick
detectors at four; --full lets each detector at each, and at an engine that is whole.
"""

import collections
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from rig import BUILD, REPOSITORY
from torment import rebuild
from torment.tally import HARMS, Tally

DOES = "engines that are broken on purpose: whether each is caught"

PATCHES = pathlib.Path(__file__).parent / "broken"
CASES = REPOSITORY / "tests" / "cases"
# Beside the tormentors: programs of the build.
DETECTORS = {
    "seeds": ["tests/test-model", "100", "60"],
    "case": ["tests/run-sync"],
    "engine": ["tests/test-engine"],
    "directions": ["tests/test-engine-direction"],
    "one-way": ["tests/test-model-direction", "40"],
    "limits": ["tests/test-engine-size-limit"],
    "left": ["tests/test-engine-limits"],
    "expunge": ["tests/test-imap-replica-expunge"],
}
SAMPLE = ["modseq-too-early", "no-intent", "no-brake", "no-exists-check"]
PATIENCE = 600  # seconds; what goes on for ever is caught as well

Break = collections.namedtuple("Break", "name path sentence detectors files")
Outcome = collections.namedtuple("Outcome", "harm seconds")  # harm: what was seen, "" for nothing


def arguments(parser):
    parser.add_argument("--only", nargs="+", metavar="BREAK", help="these breaks, and no others")
    parser.add_argument("--detectors", nargs="+", metavar="NAME", help="these, whatever the patches say")
    parser.add_argument("--list", action="store_true",
                        help="say what is broken by each, and apply it; run nothing")


def read(path):
    """A patch: a sentence, a line of detectors, and a diff."""
    text = path.read_text(encoding="utf-8")
    match = re.match(r"(.+?)\n\nDetectors: (.+?)\n\n", text, re.DOTALL)
    files = re.findall(r"^--- a/(\S+)$", text, re.MULTILINE)
    if not match or not files or not all(name.endswith(".c") for name in files):
        raise rebuild.Unfit("it must say what it breaks and for which detectors, and change .c files alone")
    return Break(path.stem, path, " ".join(match[1].split()), match[2].split(), files)


def is_quick(detector):
    return detector.partition(":")[0] in DETECTORS


def chosen(broken, options):
    """The detectors of a break that are to be run."""
    if options.detectors:
        return options.detectors
    return [name for name in broken.detectors if options.full or options.only or is_quick(name)]


def programs_of(detectors):
    """What they need to be broken."""
    if not all(map(is_quick, detectors)):
        return rebuild.PROGRAMS
    return sorted({command_of(name)[0] for name in detectors})


def command_of(detector):
    """Of "case:NAME", of another of DETECTORS, or of a tormentor: "points:--only,upload"."""
    name, _, more = detector.partition(":")
    if name not in DETECTORS:
        return [sys.executable, "-m", "torment", name, *(more.split(",") if more else [])]
    return [*DETECTORS[name], *([str(CASES / f"sync-{more}.test")] if name == "case" else [])]


def end(process):
    """It has servers to end before it ends itself."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def detect(detector, build):
    """Run a detector on the programs of a build."""
    command = command_of(detector)
    if is_quick(detector):
        command[0] = str(build / command[0])
    begin = time.monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
        env=os.environ | {"BUILD": str(build), "PYTHONPATH": str(REPOSITORY / "tests"), "SYNC_LOCAL": "files"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        end(process)
        return Outcome(f"it does not end within {PATIENCE} s", time.monotonic() - begin)
    except BaseException:
        end(process)
        raise
    return Outcome(harm_of(process.returncode, output), time.monotonic() - begin)


def harm_of(status, output):
    """What a detector says of harm, in a line. A detector that cannot do its work has seen none."""
    if status == 0:
        return ""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    kinds = "|".join([*(kind.upper() for kind in HARMS), "WRONG"])
    told = [line for line in lines if re.match(f"({kinds})  (?!.*Traceback)|AssertionError: ", line)]
    if told:
        return told[0]
    if status == -signal.SIGABRT:  # an assertion of a program
        return next((line for line in lines if re.search(r"seed|straight|killed|lost after|Assertion", line)),
                    lines[-1] if lines else "")
    raise rebuild.Unfit("the detector fails in a way of its own:\n" + "\n".join(lines[-12:]))


def catch(tally, broken, build, options):
    """Let the detectors at it, one after the other; if not all are wanted, until one has caught it."""
    is_caught = False
    for detector in chosen(broken, options):
        outcome = detect(detector, build)
        tally.add(detectors_run=1)
        verdict = f"caught by {detector}" if outcome.harm else f"not seen by {detector}"
        print(f"  {broken.name}: {verdict} after {outcome.seconds:.1f} s{': ' if outcome.harm else ''}"
              f"{outcome.harm[:200]}", flush=True)
        is_caught |= bool(outcome.harm)
        if is_caught and not options.full:
            break
    tally.add(caught=int(is_caught))
    if not is_caught:
        tally.wrong(f"{broken.name} is not caught: {broken.sentence}")


def try_break(tally, path, directory, options):
    """One break, from its patch to what the detectors say."""
    folder = directory / path.stem
    try:
        broken = read(path)
        rebuild.apply(path, broken.files, folder)
        tally.add(patches_applied=1)
        if options.list:
            print(f"  {broken.name}: {broken.sentence} [{' '.join(broken.detectors)}]")
        elif not options.only and not options.full and path.stem not in SAMPLE:
            return
        else:
            tally.add(broken=1)
            programs = programs_of(chosen(broken, options))
            catch(tally, broken, rebuild.build(broken.files, folder, programs), options)
    except rebuild.Unfit as error:
        tally.wrong(f"{path.name}: {error}")
    shutil.rmtree(folder, ignore_errors=True)


def control(tally, breaks, options):
    """The detectors see nothing where nothing is broken."""
    names = {name for path in breaks for name in chosen(read(path), options)}
    for detector in sorted(names):
        try:
            outcome = detect(detector, BUILD)
        except rebuild.Unfit as error:
            tally.wrong(f"{detector}: {error}")
            continue
        print(f"  nothing broken: {detector} says {outcome.harm or 'nothing'} after {outcome.seconds:.1f} s",
              flush=True)
        if outcome.harm:
            tally.wrong(f"{detector} finds harm where nothing is broken: {outcome.harm}")


def run(options):
    tally = Tally()
    breaks = sorted(path for path in PATCHES.glob("*.patch") if not options.only or path.stem in options.only)
    for name in set(options.only or SAMPLE) - {path.stem for path in breaks}:
        tally.wrong(f"there is no break {name}")
    with tempfile.TemporaryDirectory(prefix="imapsyncd-broken-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        for path in breaks:
            try_break(tally, path, directory, options)
    if options.full and not options.list:
        control(tally, breaks, options)
    return tally
