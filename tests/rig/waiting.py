"""What the tests of waiting begin with: a daemon that looks each second, and what it says of itself."""

from rig import case, wait_until

POLL = "[daemon]\npoll-interval = 1s\n"


def mail(name):
    return f"Message-ID: <{name}@test>\r\nSubject: {name}\r\n\r\nhello\r\n".encode()


def endpoint(server):
    """The keys that lead to a scripted server."""
    return {"host": server.host, "port": server.imap_port, "tls": "none"}


class WaitingTest(case.SystemTest):
    """self.acc: the account, which setUp() or the test makes"""

    def status(self):
        return self.acc.ctl_json("status")[0]

    def wait(self, field, words, deadline=30):
        """Until a field of the status has these words; returns that status."""

        def found():
            status = self.status()
            return words in (status[field] or "") and status

        return wait_until(found, f"{field}: {words}", deadline, 0.1)
