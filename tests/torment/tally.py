"""How much a tormentor did, and what it found."""

import collections

HARMS = ["lost", "doubled", "resurrected", "altered"]


class Tally:
    """did: {what: how many}, in the order of their first mention. found: [Harm], see torment.oracle; other:
    sentences on what went wrong in another way (a hang, a crash, a status, a secret that was seen)."""

    def __init__(self):
        self.did = collections.Counter()
        self.found = []
        self.other = []

    def add(self, **did):
        self.did.update(did)

    def harm(self, where, found):
        """What the oracle says of one run. where: how to have it again, the seed for one."""
        self.found += [harm._replace(text=f"{where}: {harm.text}") for harm in found]

    def wrong(self, sentence):
        self.other.append(sentence)

    def merge(self, tally):
        self.did.update(tally.did)
        self.found += tally.found
        self.other += tally.other

    @property
    def is_good(self):
        return not self.found and not self.other and any(self.did.values())

    def __str__(self):
        counts = collections.Counter(harm.kind for harm in self.found)
        did = ", ".join(f"{what.replace('_', ' ')} {n}" for what, n in self.did.items()) or "nothing done"
        harms = ", ".join(f"{kind} {counts[kind]}" for kind in HARMS)
        return f"{did}: {harms}" + (f", wrong otherwise {len(self.other)}" if self.other else "")


class Log:
    """A file with a line for each part that is done, so that a run can be ended and gone on with: its name, and
    what was found. path: or None."""

    def __init__(self, path):
        self.path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.done = {line.partition(":")[0] for line in lines}

    def add(self, name, tally):
        """Unless it could not be done."""
        if self.path and not tally.other:
            with self.path.open("a") as file:
                file.write(f"{name}: {tally}\n")
