"""What tests/newcomer does: somebody with a fresh Debian 12 follows the README, and a clock runs.

The commands are the README's own, so that one that does not work is found here. The machine is a new Debian in a
folder, entered with a user manager of its own (rig/user-manager); the mail server is a private Dovecot with TLS, whose
issuer the machine trusts, behind a proxy that counts bytes.
"""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from rig import REPOSITORY, maildir, others, populate
from rig.dovecot import PASSWORD, Dovecot
from rig.proxy import Proxy
from rig.unit import MANAGER

HOST = "imap.example.test"
ADDRESS = f"alice@{HOST.partition('.')[2]}"
NEWCOMER, UID = "anna", 12345
SECONDS, COMMANDS = 300, 10  # fewer than that, each way
BODIES = 0.1  # with a share of the mail's bytes below this on the wire no body was fetched again

# What a machine has that somebody uses; none of it is what imapsyncd is built with.
PACKAGES = ["ca-certificates", "dbus-user-session", "git", "isync", "libpam-systemd", "offlineimap3", "procps", "sudo",
            "systemd"]

# STEPS holds a command a line. What each took is written to fd 3: nanoseconds, its status, itself.
FOLLOW = """\
cd
while IFS= read -r command <&4; do
        echo
        echo "\\$ $command"
        begin=$(date +%s%N)
        eval "$command" </dev/null
        status=$?
        echo "$(($(date +%s%N) - begin)) $status $command" >&3
        [ $status -eq 0 ] || exit 1
done 3>>"$HOME/took" 4<"$HOME/steps"
"""


def readme_commands(section):
    """The indented lines of a section of the README: without their remarks, and continued lines as one."""
    text = (REPOSITORY / "README.md").read_text()
    body = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)
    lines = "\n".join(line[4:] for line in body.splitlines() if line.startswith("    "))
    return [re.sub(r"\s+# .*", "", line) for line in re.sub(r"\s*\\\n\s*", " ", lines).splitlines()]


def one(commands, pattern):
    """The command of the README that begins so: there must be one."""
    found = [command for command in commands if command.startswith(pattern)]
    if not found:
        raise SystemExit(f"The README has no command “{pattern}” any more.")
    return found[0]


class Machine:
    """A Debian 12 that has nothing of ours, and a user who may do what sudo lets her."""

    def __init__(self, root, server, port):
        self.root = root
        self.port = port
        run("mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(PACKAGES), "bookworm", root)
        self.write("etc/hosts", f"127.0.0.1 localhost {os.uname().nodename} {HOST}\n")
        self.write("etc/resolv.conf", pathlib.Path("/etc/resolv.conf").read_text())
        self.write("etc/sudoers.d/newcomer", f"{NEWCOMER} ALL=(ALL) NOPASSWD: ALL\n")
        self.write("etc/apt/apt.conf.d/90yes", 'APT::Get::Assume-Yes "true";\n')  # her Return key
        self.write("usr/local/share/ca-certificates/private.crt", server.ca_file.read_text())
        self.write("user-manager", MANAGER.read_text()).chmod(0o755)
        self.write("follow", FOLLOW)
        self.inside("useradd", "-m", "-u", str(UID), "-s", "/bin/bash", NEWCOMER)
        self.inside("update-ca-certificates")
        self.inside("apt-get", "update", "-qq")
        (root / "sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
        run("git", "clone", "-q", "--bare", REPOSITORY, root / "srv/imapsyncd.git")
        self.inside("chown", "-R", f"{UID}:{UID}", "/srv/imapsyncd.git")

    def write(self, path, text):
        path = self.root / path
        path.write_text(text)
        return path

    def inside(self, *words, output=subprocess.DEVNULL, **variables):
        """Run a command in it, with these variables only. Its root is a mount of its own, gone with the command."""
        mounts = 'mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"'
        enter = ["unshare", "-m", "sh", "-c", mounts + ' && exec chroot "$0" "$@"', self.root]
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"} | variables
        environment = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        run(*enter, *environment, *words, output=output)

    def follow(self, home, commands):
        """Do it as the newcomer, with the home at this place inside: [(seconds, command)]."""
        folder = self.root / home.lstrip("/")
        folder.mkdir(exist_ok=True)
        (folder / "steps").write_text("".join(command + "\n" for command in commands))
        (folder / "took").touch()
        os.chown(folder / "took", UID, UID)
        self.inside("/user-manager", "bash", "/follow", output=None, HOME=home, USER=NEWCOMER, TEST_UID=UID,
                    XDG_RUNTIME_DIR=f"/run/user-{UID}")
        rows = [line.split(" ", 2) for line in (folder / "took").read_text().splitlines()]
        return [(int(took) / 1e9, command) for took, _, command in rows]


def run(*words, output=None):
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL, stdout=output)


def messages(folder):
    tree = maildir.Tree(folder)
    return sum(len(tree.folder(name).files()) for name in tree.mailboxes())


def fill(server, count):
    """Return: the bytes of each message."""
    sizes = []
    with server.session() as session:
        populate.fill_quickly(session, ["INBOX", "archive"], count // 2)
        for name in ("INBOX", "archive"):
            session.select(name, examine=True)
            sizes += [int(row[b"RFC822.SIZE"]) for row in session.fetch("1:*", "RFC822.SIZE").values()]
    return sizes


class Way:
    """How somebody comes to a working account; mail is where it is then, in the home."""

    mail = "Mail"

    def __init__(self, machine, proxy):
        self.machine = machine
        self.proxy = proxy
        self.home = f"/home/{self.name.lower()}"
        self.outside = machine.root / self.home.lstrip("/")

    def prepare(self):
        """What was there before."""

    def go(self, before, n_messages, size):
        """Return: whether all of it is as it should be. before: what had to be done to have the program."""
        self.prepare()
        down, up = self.proxy.down, self.proxy.up
        took = [*before, *self.machine.follow(self.home, self.commands())]
        down, up = self.proxy.down - down, self.proxy.up - up
        seconds, found = sum(row[0] for row in took), messages(self.outside / self.mail)
        fetched = down > BODIES * size
        good = (seconds < SECONDS and len(took) < COMMANDS and found == n_messages and fetched == self.fetches)
        print(f"\n{self.name}: {found} of {n_messages} messages ({size / 1e6:.1f} MB) are there, {len(took)} commands,"
              f" {seconds:.0f} s; {down} bytes from the server, {up} to it: {'right' if good else 'WRONG'}\n")
        for row in took:
            print(f"    {row[0]:6.1f} s  {row[1]}")
        return good


class FromZero(Way):
    name = "Zero"
    fetches = True

    def commands(self):
        own = readme_commands("Your own account")
        setup = one(own, "imapsyncctl setup").replace("me@example.org", ADDRESS)
        # What setup would ask: the server has no name that can be found, and nobody is at the keyboard.
        answers = f"--host {HOST} --port {self.machine.port} --user alice --secret file --password-stdin --yes"
        return [f"{setup} {answers} <<< {shlex.quote(PASSWORD)}", "imapsyncctl sync --wait",
                one(own, "imapsyncctl status")]


class FromOther(Way):
    fetches = False

    def prepare(self):
        other = self.kind(self.outside, self.machine.port)
        text = other.config.read_text().replace(str(self.outside), self.home).replace("127.0.0.1", HOST)
        for old, new in self.tls:
            text = text.replace(old, new)
        other.config.write_text(text)
        self.machine.follow(self.home, [shlex.join(other.command())])
        (self.outside / "took").unlink()

    def commands(self):
        # Without --dry-run: there is no doubt here that the other program has ended.
        import_ = one(readme_commands("Coming from mbsync, OfflineIMAP or InterIMAP"), "imapsyncctl import mbsync")
        start = one(readme_commands("Your own account"), "systemctl --user enable --now")
        return [import_.removesuffix(" --dry-run").replace("mbsync", self.kind.name), start, "imapsyncctl sync --wait"]


class FromMbsync(FromOther):
    name, kind = "mbsync", others.Mbsync
    tls = [("SSLType None", "SSLType IMAPS")]


class FromOfflineImap(FromOther):
    name, kind = "OfflineIMAP", others.OfflineImap
    tls = [("ssl = no", "ssl = yes\nsslcacertfile = OS-DEFAULT")]


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/newcomer")
    parser.add_argument("--messages", type=int, default=10_000, help="on the server")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="imapsyncd-newcomer-") as directory:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        with Dovecot(directory / "server", "mdbox", hosts=(HOST, "localhost")) as server:
            sizes = fill(server, options.messages)
            with Proxy(server.host, server.imaps_port) as proxy:
                machine = Machine(directory / "machine", server, proxy.port)
                install = ["git clone -q /srv/imapsyncd.git", "cd imapsyncd", *readme_commands("Build and install")[:4]]
                before = machine.follow(f"/home/{NEWCOMER}", install)
                ways = [way(machine, proxy) for way in (FromZero, FromMbsync, FromOfflineImap)]
                good = [way.go(before, len(sizes), sum(sizes)) for way in ways]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
