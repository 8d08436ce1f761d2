"""Run the systems tests: python3 -m rig.runner [--again] [PATTERN...], a line a test, and a count at the end.

Each file is a process of its own, several at a time, for they wait more than they work; the
longest first; those that measure come after the others, alone.

With --again a few tests that failed are run once more at the end, with the machine to themselves: what
passes then was a race with a busy machine, and is named. Not so a test that found harm to mail.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time
import unittest

from rig.harm import Harm

TESTS = pathlib.Path(__file__).resolve().parents[1]
JOBS = 4
AGAIN_MAX = 4  # more than that is no race
LONG = ["test_profiles", "test_chaos", "test_waiting", "test_network", "test_local_faults", "test_ladder",
        "test_local_server"]
ALONE = ["test_latency", "test_memory", "test_quiet", "test_traffic"]
MAY_RUN_AGAIN = "may run again: "


class LineResult(unittest.TestResult):
    """A line for each test with the time it took."""

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()
        self.word = "ok"
        self.reason = ""
        self.is_harm = False

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(err)
        if not hasattr(test, "_testMethodName"):  # an import or a fixture
            print(f"FAIL      {test}", flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.fail(err)
            print(f"  FAIL {subtest._subDescription()}", flush=True)

    def fail(self, err):
        self.word = "FAIL"
        self.is_harm |= issubclass(err[0], Harm)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.word, self.reason = "skip", f" ({reason})"

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self.begin
        name = test.id().removeprefix("system.")
        print(f"{self.word:4} {seconds:6.1f} s  {name}{self.reason}", flush=True)
        if self.word == "FAIL" and not self.is_harm:
            print(f"{MAY_RUN_AGAIN}{test.id()}", flush=True)


def select(suite, patterns):
    """The tests whose name contains one of the patterns, a name's end being a blank, and every file that cannot
    be read."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from select(test, patterns)
        elif not patterns or any(p in f"{test.id()} " for p in patterns) or is_unreadable(test):
            yield test


def is_unreadable(test):
    return test.id().startswith("unittest.loader._FailedTest.")


def file_of(test):
    return test.id().split(".")[-1 if is_unreadable(test) else 1]


def load(module):
    """The tests of one file, or of all."""
    return unittest.defaultTestLoader.discover(str(TESTS / "system"), f"{module}.py", str(TESTS))


def report(passed, failed, skipped):
    print(f"system: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed + skipped else 0


def run_here(module, patterns):
    """One file in this process."""
    result = LineResult()
    unittest.TestSuite(select(load(module), patterns)).run(result)
    for test, trace in result.failures + result.errors:
        print(f"\n---- {test.id() if hasattr(test, 'id') else test}\n{trace}")
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    return report(max(result.testsRun - failed - skipped, 0), failed, skipped)


def run_apart(module, patterns):
    """One file in a process of its own: passed, failed, skipped, and the failed ones that may run again."""
    done = subprocess.run([sys.executable, "-m", "rig.runner", "--file", module, *patterns], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text, counts = done.stdout, [0, 1, 0]
    if match := re.search(r"^system: (\d+) passed, (\d+) failed, (\d+) skipped\n", text, re.MULTILINE):
        counts = [int(number) for number in match.groups()]
        text = text.replace(match[0], "")
    again = re.findall(rf"^{MAY_RUN_AGAIN}(.*)\n", text, re.MULTILINE)
    print(re.sub(rf"^{MAY_RUN_AGAIN}.*\n", "", text, flags=re.MULTILINE), end="", flush=True)
    return *counts, again


def run_all(patterns):
    """passed, failed, skipped, and the failed ones that may run again."""
    chosen = {file_of(test) for test in select(load("test_*"), patterns)}
    together = [name for name in LONG if name in chosen] + sorted(chosen - set(LONG) - set(ALONE))
    alone = sorted(chosen & set(ALONE))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda module: run_apart(module, patterns), together))
    results += [run_apart(module, patterns) for module in alone]
    return [sum(column) for column in zip(*(result[:3] for result in results))] or [0, 0, 0], \
        [name for result in results for name in result[3]]


def run_again(names):
    """One after the other, alone: how many pass now."""
    print("\nonce more, alone:", flush=True)
    steady = [name for name in names if run_apart(name.split(".")[1], [f"{name} "])[1] == 0]
    if steady:
        print(f"passed at the second attempt only: {', '.join(steady)}", flush=True)
    return len(steady)


def main(arguments):
    if arguments[:1] == ["--file"]:
        return run_here(arguments[1], arguments[2:])
    is_again = arguments[:1] == ["--again"]
    (passed, failed, skipped), names = run_all(arguments[is_again:])
    if is_again and 0 < len(names) <= AGAIN_MAX:
        mended = run_again(names)
        passed, failed = passed + mended, failed - mended
    return report(passed, failed, skipped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
