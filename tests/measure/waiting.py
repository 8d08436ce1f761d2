"""Programs that wait, each row by itself: so many accounts, a network of its own, and what is counted from outside."""

import collections
import json
import pathlib
import signal
import subprocess
import sys

from measure import content, programs
from rig import REPOSITORY, interimap, maildir, meter, wait_until
from rig.account import Account
from rig.dovecot import PASSWORD

MAILBOXES = ("INBOX", "Archive", "Sent")
NOTIFY = "NOTIFY"  # a way to wait
SYNCED, ARRIVES = 300.0, 120.0  # seconds

# power: None for a program that does not ask.
Row = collections.namedtuple("Row", "key accounts waits power")
Taken = collections.namedtuple("Taken", "switches cpu bytes packets")


def switches_of(pid):
    """Voluntary context switches of all threads."""
    total = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        total += next(int(line.split()[1]) for line in path.read_text().splitlines()
                      if line.startswith("voluntary_ctxt_switches:"))
    return total


def family(pid):
    """A process and its descendants, but for those that are a server: what a tunnel leads to is not the program's."""
    children = collections.defaultdict(list)
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = path.read_text().rpartition(")")
            children[int(rest.split()[1])].append(int(head.split()[0]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, new = [], [pid]
    while new:
        found += new
        new = [child for parent in new for child in children[parent] if not is_server(child)]
    return found


def is_server(pid):
    """Is it Dovecot's, or what starts it?"""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        program = pathlib.Path(f"/proc/{pid}/exe").readlink()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return "dovecot" in str(program) or program.name == "doveadm" or b"doveadm" in words


class Program:
    """One row at work. Its users are its own; home, link, server: what it works with."""

    adds, keeps = None, content.SYSTEM

    def __init__(self, row, home, link, server, local):
        self.row, self.home, self.link, self.server, self.local = row, home, link, server, local
        self.processes = []
        self.wrong = []  # sentences
        home.mkdir(mode=0o700)
        self.log = open(home / "log", "ab")
        self.users = [f"{home.name}u{n}" for n in range(row.accounts)]
        for n, user in enumerate(self.users):
            fill(server, user, n)

    def spawn(self, command, environment, out=None):
        words = list(map(str, [*self.link.prefix, *command]))
        self.processes.append(subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL,
                                               stdout=out or self.log, stderr=self.log))

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                text = (self.home / "log").read_text(errors="replace")
                raise AssertionError(f"{self.title()} ended: {process.returncode}\n{text[-2000:]}")

    def title(self):
        row = self.row
        words = [row.key, f"{row.accounts} accounts" if row.accounts > 1 else "1 account", row.waits, row.power]
        return ", ".join(word for word in words if word)

    def settle(self):
        """Until it is in sync, and does nothing more."""
        self.wait_in_sync(SYNCED)
        self.still()

    def still(self):
        """Until it does nothing for two seconds; many that poll may have no such pause."""
        last = [None]

        def is_still():
            self.check()
            before, last[0] = last[0], self.counted()[0]
            return before == last[0]

        if self.row.power == "battery" or self.row.waits == NOTIFY:
            wait_until(is_still, f"{self.title()} waits", SYNCED, 2.0)

    def wait_in_sync(self, deadline):
        def is_in_sync():
            self.check()
            try:
                return not self.differences()
            except FileNotFoundError:  # a file gets another name at the moment
                return False

        wait_until(is_in_sync, f"{self.title()} is in sync", deadline, 1.0)

    def differences(self):
        """Sentences: what the local side of an account holds otherwise than the server."""
        found = []
        for n, user in enumerate(self.users):
            expected = content.Mailboxes(self.server, user).content(False, self.keeps)
            found += content.differences(expected, self.store(n).content(False, self.keeps))
        return found

    def store(self, n):
        return content.Files(maildir.Tree(self.home / f"Mail{n}"), self.adds)

    def counted(self):
        """(switches, CPU seconds) since it began, of all its processes."""
        pids = [pid for process in self.processes for pid in family(process.pid)]
        return sum(map(switches_of, pids)), sum(map(meter.cpu_clock, pids))

    def taken(self):
        """So far, with what has crossed the link; bytes are those of IP."""
        self.check()
        traffic = self.link.count()
        packets = traffic.packets_in + traffic.packets_out
        return Taken(*self.counted(), traffic.bytes_in + traffic.bytes_out - self.link.header * packets, packets)

    def how(self):
        """How it says that it waits, of all accounts; nothing if it does not say."""
        return ""

    def last_message(self):
        """One for each account arrives, when all has been counted: what waits in vain would look cheap."""
        for n, user in enumerate(self.users):
            with self.server.session(user) as session:
                session.append("INBOX", b"Subject: last\r\nMessage-ID: <last%d@example.org>\r\n\r\nlast\r\n" % n)
        if self.is_slow():
            self.synchronise()
        self.wait_in_sync(ARRIVES)

    def is_slow(self):
        """Does it look so rarely that it has to be told to?"""
        return False

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()


def fill(server, user, seed):
    """A few messages in a few mailboxes."""
    with server.session(user) as session:
        for name in MAILBOXES:
            if name != "INBOX":
                session.create(name)
            head = f"Subject: x\r\nMessage-ID: <{name}{seed}@example.org>\r\n\r\n"
            session.append(name, head.encode() + b"x\r\n", ["\\Seen"])


class Imapsyncd(Program):
    """All accounts in one process. Its policy is told once, by the control socket, before anything is counted."""

    keeps = None

    def start(self):
        self.account = Account(self.home / "daemon")
        self.account.write_text("".join(map(self.section, range(self.row.accounts))))
        self.spawn(self.account.command(), self.account.environment())

    def section(self, n):
        return (f"[account a{n}]\nhost = {self.link.address}\nport = {self.server.imap_port}\ntls = none\n"
                f"allow-cleartext = yes\nuser = {self.users[n]}\npassword = {PASSWORD}\n"
                f"maildir = {self.home}/Mail{n}\n")

    def settle(self):
        def listens():
            self.check()
            return self.account.socket.exists() and self.account.ctl("policy", self.row.power).status == 0

        wait_until(listens, f"{self.title()} listens", SYNCED, 0.2)
        self.synchronise()
        self.check_watch()
        super().settle()

    def check_watch(self):
        """Without an instance of inotify, of which a user has few, it would poll its own folders."""
        for line in (self.home / "log").read_text(errors="replace").splitlines():
            if "local changes are only looked for" in line:
                raise AssertionError(line)

    def synchronise(self):
        result = self.account.ctl("sync", "--wait", timeout=SYNCED)
        if result.status != 0:
            raise AssertionError(f"{self.title()}: sync --wait: {result}")

    def modes(self):
        return collections.Counter(row["waits"] or row["state"] for row in self.account.ctl_json("status"))

    def how(self):
        modes = self.modes()
        return "; ".join(mode if len(modes) == 1 else f"{count} x {mode}" for mode, count in modes.items())

    def is_slow(self):
        return self.row.power == "battery" and any(mode.startswith("LIST-STATUS") for mode in self.modes())


class InterImap(Program):
    """A process for each account, as it has one configuration for each."""

    keeps = None
    option = None

    def start(self):
        for n, user in enumerate(self.users):
            home = self.home / str(n)
            self.local.session(user).close()  # makes the home
            settings = interimap.configure(home, self.link.address, self.server.imap_port, user,
                                           self.local.tunnel(user))
            environment = {"PATH": programs.PATH, "HOME": str(home), "LC_ALL": "C.UTF-8"} | settings
            command = [*self.link.prefix, "interimap", "--quiet"]
            # It makes its database when it does not stay.
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stderr=self.log, check=True,
                           timeout=SYNCED)
            self.spawn(["interimap", "--quiet", self.option], environment)

    def store(self, n):
        return content.Mailboxes(self.local, self.users[n])


class InterImapNotify(InterImap):
    option = "--notify"


class InterImapWatch(InterImap):
    option = f"--watch={programs.SECONDS}"


class Mbsync(Program):
    """All accounts in one run, every 30 seconds."""

    adds = programs.TUID

    def start(self):
        (self.home / "rc").write_text("".join(map(self.section, range(self.row.accounts))))
        self.runs = open(self.home / "runs", "ab")
        words = [sys.executable, "-m", "measure.again", programs.SECONDS, "mbsync", "-q", "-c", self.home / "rc", "-a"]
        environment = {"PATH": programs.PATH, "HOME": str(self.home), "LC_ALL": "C.UTF-8",
                       "PYTHONPATH": str(REPOSITORY / "tests"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.spawn(words, environment, self.runs)

    def section(self, n):
        folder = self.home / f"Mail{n}"
        folder.mkdir()
        return programs.mbsync_section(self.link.address, self.server.imap_port, self.users[n], "SSLType None\n",
                                       folder, n)

    def counted(self):
        """The whole runs; what stands in for the timer is not counted."""
        rows = [line.split() for line in (self.home / "runs").read_text().splitlines(True) if line.endswith("\n")]
        if any(status != "0" for status, _, _ in rows):
            raise AssertionError(f"{self.title()}: a run failed\n{(self.home / 'log').read_text()[-2000:]}")
        return sum(int(row[1]) for row in rows), sum(float(row[2]) for row in rows)

    def stop(self):
        super().stop()
        self.runs.close()


KINDS = {"imapsyncd": Imapsyncd, "interimap-notify": InterImapNotify, "interimap-watch": InterImapWatch,
         "mbsync": Mbsync}
