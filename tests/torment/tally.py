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
