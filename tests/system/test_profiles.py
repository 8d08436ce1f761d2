"""The scenarios that matter most, on each server that Dovecot can pass for. tests/servers plays them all."""

from rig import case, scenarios
from rig.profiles import MASKED, PROFILES

TITLES = [
    "first sync",
    "new mail on the server",
    "new mail in the Maildir",
    "flags on the server",
    "keywords in the Maildir",
    "deletions on the server",
    "deletions in the Maildir",
    "both change the same message",
    "many random changes",
    "a mailbox renamed on the server",
    "a mailbox renamed in the Maildir",
    "a mailbox deleted on the server",
    "a mailbox deleted in the Maildir",
    "messages moved on the server",
    "messages moved in the Maildir",
    "another UIDVALIDITY",
    "a lost database",
    "a Maildir restored from a copy",
]


class Profiles(case.SystemTest):
    """A test for each profile, made below."""

    def play(self, name):
        profile = PROFILES[name]
        server = profile.start(self.directory / "server", map(scenarios.user_of, TITLES))
        self.addCleanup(server.kill)
        server.start()
        for title in TITLES:
            user = scenarios.user_of(title)
            with self.subTest(title):
                _, problem = scenarios.play(title, self.directory / user, profile, server, user)
                self.assertIsNone(problem)


for _name in MASKED:
    setattr(Profiles, f"test_{_name}", lambda self, name=_name: self.play(name))
