"""The scenarios that matter most, on each server that Dovecot can pass for, with each kind of local side.
tests/servers plays them all."""

from rig import case, scenarios
from rig.local import LOCAL
from rig.profiles import MASKED, PROFILES

# Left to tests/servers where the local side is a Maildir.
LESS = [
    "nothing to do",
    "flags locally",
    "keywords on the server",
    "a mailbox made on the server",
    "a mailbox made locally",
    "most messages deleted on the server",
    "most messages deleted locally",
    "a daemon that watches",
]
# Both ways, for a local server of which the suite was played with another store.
FEW = ["first sync", "many random changes", "a mailbox renamed locally", "a mailbox deleted on the server",
       "another UIDVALIDITY locally", "the local side restored from a copy", "a daemon that watches"]
ALL = list(scenarios.SCENARIOS)
# Local side: servers and scenarios.
PLAYED = {
    "maildir": (MASKED, [title for title in ALL if title not in LESS]),
    "tunnel": (["full", "bare"], ALL),
    "mdbox": (["full"], FEW),
    "gmail": (["gmail"], FEW),
}


class Profiles(case.SystemTest):
    """A test for each local side and profile, made below."""

    def play(self, local, name, titles):
        profile = PROFILES[name]
        server = profile.start(self.directory / "server", map(scenarios.user_of, titles))
        self.addCleanup(server.kill)
        server.start()
        place = self.enterContext(LOCAL[local](self.directory / "local"))
        for title in titles:
            user = scenarios.user_of(title)
            with self.subTest(title):
                _, problem = scenarios.play(title, self.directory / user, profile, server, user, place)
                if not isinstance(problem, scenarios.Skipped):
                    self.assertIsNone(problem)


for _local, (_names, _titles) in PLAYED.items():
    for _name in _names:
        _test = f"test_{_name}" if _local == "maildir" else f"test_{_local}_{_name}"
        setattr(Profiles, _test, lambda self, local=_local, name=_name, titles=_titles: self.play(local, name, titles))
