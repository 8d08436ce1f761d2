"""What the local side can be: a Maildir, or a server reached by a tunnel or by TLS."""

from rig.dovecot import Dovecot
from rig.profiles import CAPABILITIES
from rig.sides import ImapSide, MaildirSide


class Maildir:
    """with LOCAL["maildir"](directory) as local: local.configure(account, user); local.side(account, user)"""

    is_server = False

    def __init__(self, _directory):
        pass

    def configure(self, account, user):
        """Make it the local side of the account."""

    def side(self, account, _user):
        """It by the hand of somebody else."""
        return MaildirSide(account.tree)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class LocalServer(Dovecot):
    """A server beside the account; it has a user for each account as well."""

    tls = "implicit"
    options = {"store": "mdbox"}

    def __init__(self, directory):
        super().__init__(directory, **self.options)

    def configure(self, account, user):
        account.use_local_server(self, user, self.tls)

    def side(self, _account, user):
        return ImapSide(self.session(user), "local server", self, user)


class Tunnel(LocalServer):
    tls = None
    options = {"store": "maildir"}


class Gmail(LocalServer):
    """Says that it can do what Gmail can."""

    options = {"store": "mdbox", "capability": CAPABILITIES["gmail"]}


LOCAL = {"maildir": Maildir, "tunnel": Tunnel, "mdbox": LocalServer, "gmail": Gmail}
# The servers that tests/servers plays against if none is named; None: all.
SERVERS = {"gmail": ["gmail"]}
