"""What tests/try shows: the daemon at work on a private server."""

import pathlib
import random
import sys
import tempfile
import time

from rig import populate, wait_until
from rig.account import Account
from rig.dovecot import Dovecot

MAILBOXES = ["INBOX", "Sent", "Entwürfe", "lists/announce"]
MESSAGES = 25


def timed(action, condition, what):
    """Seconds from the action to what it leads to."""
    start = time.monotonic()
    action()
    wait_until(condition, what, deadline=60, interval=0.002)
    return time.monotonic() - start


def show(directory):
    with Dovecot(directory / "server") as server:
        with server.session() as other:
            populate.fill(other, MAILBOXES, MESSAGES, holes=False)
            print(f"A private Dovecot on 127.0.0.1:{server.imaps_port}: {len(MAILBOXES)} mailboxes,"
                  f" {len(MAILBOXES) * MESSAGES} messages.")
            account = Account(directory / "account", server, name="sample")
            print("\nThe configuration of the account:\n")
            for line in account.config.read_text().splitlines():
                print("    " + line.replace(str(directory), "…"))
            with account.daemon() as daemon:
                daemon_at_work(account, daemon, other)
                status = daemon.stop()
            print(f"\nimapsyncd was asked to stop: status {status}.")
            return status


def daemon_at_work(account, daemon, other):
    start = time.monotonic()
    daemon.wait_in_sync()
    files = sum(len(account.tree.folder(name).files()) for name in account.tree.mailboxes())
    print(f"\nimapsyncd has started: {files} messages are in the Maildir after"
          f" {time.monotonic() - start:.2f} s.\n")

    inbox = account.tree.folder("INBOX")
    message = populate.message(random.Random(7), "hello")
    seconds = timed(lambda: other.append("INBOX", message),
                    lambda: len(inbox.files()) > MESSAGES, "the message arrives")
    print(f"A message delivered on the server is in the Maildir after {seconds:.2f} s.")

    other.select("INBOX")
    path = next(p for p in inbox.files() if "\\Flagged" not in inbox.flags(p))
    flagged = len(other.command("UID SEARCH FLAGGED")[0])

    def is_there():
        other.command("NOOP")
        return len(other.command("UID SEARCH FLAGGED")[0]) > flagged

    seconds = timed(lambda: inbox.set_flags(path, inbox.flags(path) | {"\\Flagged"}),
                    is_there, "the flag arrives")
    print(f"A message flagged in the Maildir is flagged on the server after {seconds:.2f} s.")

    account.ctl("sync", "--wait")
    print("\n$ imapsyncctl status\n" + account.ctl("status").out.replace(str(account.directory), "…").rstrip())


def main():
    with tempfile.TemporaryDirectory(prefix="imapsyncd-try-") as directory:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        return show(directory)


if __name__ == "__main__":
    sys.exit(main())
