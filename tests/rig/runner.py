"""Run the systems tests: python3 -m rig.runner [PATTERN...], a line a test, and a count at the end."""

import pathlib
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]


class LineResult(unittest.TestResult):
    """A line for each test with the time it took."""

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()
        self.word = "ok"
        self.reason = ""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.word = "FAIL"

    def addError(self, test, err):
        super().addError(test, err)
        self.word = "FAIL"
        if not hasattr(test, "_testMethodName"):  # an import or a fixture
            print(f"FAIL      {test}", flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.word = "FAIL"
            print(f"  FAIL {subtest._subDescription()}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.word, self.reason = "skip", f" ({reason})"

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self.begin
        name = test.id().removeprefix("system.")
        print(f"{self.word:4} {seconds:6.1f} s  {name}{self.reason}", flush=True)


def select(suite, patterns):
    """The tests whose name contains one of the patterns."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from select(test, patterns)
        elif not patterns or any(p in test.id() for p in patterns):
            yield test


def main(patterns):
    suite = unittest.defaultTestLoader.discover(str(TESTS / "system"), top_level_dir=str(TESTS))
    result = LineResult()
    unittest.TestSuite(select(suite, patterns)).run(result)
    for test, trace in result.failures + result.errors:
        print(f"\n---- {test.id() if hasattr(test, 'id') else test}\n{trace}")
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    passed = max(result.testsRun - failed - skipped, 0)
    print(f"system: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
