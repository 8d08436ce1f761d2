"""What a run costs the processor and the heap, counted: instructions and allocations are the same each time, and do
not depend on how many messages there are."""

import re
import shutil
import unittest

from rig import SANITIZED, case, populate

FEW, MANY = 100, 3000

# At most, of what is not optimised: a tenth more than with Debian 12's gcc and libraries. Nearly all of a run with
# nothing to do is loading them.
LIMITS = {
    "instructions": {"nothing": 31_000_000, "new": 32_500_000, "a message": 94_000},
    "allocations": {"nothing": 17_000, "new": 18_000, "a message": 31},
}
GROWTH = 1.02  # with thirty times the messages: a tree is a level deeper

TOOLS = {
    "instructions": (("--tool=callgrind", "--callgrind-out-file=/dev/null"), r"Collected : ([\d,]+)"),
    "allocations": (("--leak-check=no", "--undef-value-errors=no"), r"total heap usage: ([\d,]+) allocs"),
}
NEW_MESSAGE = b"Subject: new\r\nMessage-ID: <%d@example.org>\r\n\r\nnew\r\n"


@unittest.skipIf(SANITIZED, "valgrind does not run what is sanitized")
@unittest.skipUnless(shutil.which("valgrind"), "needs valgrind")
class Counts(case.SystemTest):
    def count(self, account, what):
        """Of one run with --once."""
        options, pattern = TOOLS[what]
        log = account.directory / "valgrind.log"
        account.prefix = ["valgrind", *options, f"--log-file={log}"]
        self.once(account, timeout=300)
        [number] = re.findall(pattern, log.read_text())
        return int(number.replace(",", ""))

    def costs(self, what, messages):
        """Of a run with nothing to do, of one with a new message, and of a message of the first."""
        server = self.server("mdbox", f"server-{what}{messages}")
        account = self.account(server, f"{what}{messages}")
        with self.session(server) as session:
            populate.fill_small(session, "INBOX", messages)
            first, nothing = self.count(account, what), self.count(account, what)
            session.append("INBOX", NEW_MESSAGE % messages)
            new = self.count(account, what)
        return {"nothing": nothing, "new": new, "a message": (first - nothing) / messages}

    def check(self, what):
        few, many = self.costs(what, FEW), self.costs(what, MANY)
        print(f"  {what}: {few}, {many}", flush=True)
        over = [f"{name}: {many[name]:.0f}, not {limit}" for name, limit in LIMITS[what].items() if many[name] > limit]
        grown = [f"{name}: {few[name]} with {FEW} messages, {many[name]} with {MANY}" for name in ("nothing", "new")
                 if many[name] > GROWTH * few[name]]
        self.assertEqual(over + grown, [])

    def test_instructions(self):
        self.check("instructions")

    def test_allocations(self):
        self.check("allocations")
