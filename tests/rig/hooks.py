"""Hooks that write down what they were told."""

import json
import pathlib
import shlex

RECORDER = """\
import json, os, sys
told = {name[10:].lower(): text for name, text in os.environ.items() if name.startswith("IMAPSYNCD_")}
told["stdin"] = sys.stdin.read()
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(told) + "\\n")
"""


class Recorder:
    """command() is a hook; told() is what its runs were told, in their order."""

    def __init__(self, directory, name):
        self.script = pathlib.Path(directory) / "recorder.py"
        self.script.write_text(RECORDER)
        self.file = pathlib.Path(directory) / f"{name}.json"

    def command(self):
        return f"/usr/bin/python3 {shlex.quote(str(self.script))} {shlex.quote(str(self.file))}"

    def told(self):
        if not self.file.exists():
            return []
        lines = self.file.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def count(self, what):
        """What all runs together were told: "new", "changed", "removed", "local"."""
        return sum(int(run[what]) for run in self.told())

    def paths(self):
        return [path for run in self.told() for path in run["stdin"].splitlines()]
