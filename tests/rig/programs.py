"""Mail programs of Debian, driven on a Maildir as a person would: on a terminal where they want one."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from rig import Timeout, wait_until

LINES, COLUMNS = 40, 120  # of a terminal
ESCAPES = re.compile(rb"\x1b(\][^\x1b\x07]*(\x1b\\|\x07)|\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78])")


def have(*names):
    return all(shutil.which(name) for name in names)


class Terminal:
    """with Terminal(command, variables) as terminal: a program on a pseudo terminal."""

    def __init__(self, command, variables):
        self.screen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], list(map(str, command)), variables | {"TERM": "xterm"})
            finally:
                os._exit(127)
        self.width = COLUMNS
        self._redraw()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read(self, seconds):
        """What it draws within so long; False at its end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has it open any more
            return False
        self.screen += data
        if b"\x1b[6n" in data:  # where is the cursor?
            os.write(self.fd, b"\x1b[1;1R")
        return bool(data)

    def text(self):
        """All that was drawn since the last type(), without what moves the cursor."""
        return ESCAPES.sub(b"", self.screen).decode("utf-8", "replace")

    def type(self, keys):
        self.screen = b""
        os.write(self.fd, keys.encode())

    def _redraw(self):
        """Another width has it draw all anew, not only what has changed."""
        self.width ^= 1
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, self.width, 0, 0))

    def see(self, condition, what, deadline=60):
        """Until condition(the whole screen, without blanks) is true; the cursor jumps over those."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            self.screen = b""
            self._redraw()
            pause = time.monotonic() + 1
            while time.monotonic() < pause:
                if not self._read(0.1):
                    break
                if condition(self.text().replace(" ", "")):
                    return
        raise Timeout(f"{what}: not on the screen:\n{self.text()[-3000:]}")

    def read_until(self, condition, what, deadline=30):
        """Go on drawing until condition() is true."""
        end = time.monotonic() + deadline
        while not condition():
            if not self._read(0.05) or time.monotonic() > end:
                raise Timeout(f"{what}: not in time:\n{self.text()[-3000:]}")

    def finish(self, deadline=60):
        """Until it ends; its exit status."""
        end = time.monotonic() + deadline
        while self._read(0.1):
            if time.monotonic() > end:
                raise Timeout(f"it does not end:\n{self.text()[-3000:]}")
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


class Program:
    """What all have in common: a home of their own, and the Maildir."""

    packages = ()  # the commands that must be there
    hook = None    # on-change

    def __init__(self, account):
        self.account = account
        self.home = account.directory
        self.mail = account.maildir
        self.variables = account.environment()

    def run(self, *words, text=None):
        done = subprocess.run(list(map(str, words)), env=self.variables, input=text, capture_output=True, text=True,
                              timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done.stdout

    def set_up(self):
        """Once, before the daemon runs."""

    def knows(self, subject):
        """Does its index have the message? True for a program that has none."""
        return True


class Mutt(Program):
    """All in one session, pushed as keys."""

    packages = ("mutt",)
    rc = ("set mbox_type=Maildir\nset folder={mail}\nset spoolfile=+INBOX\nset delete=yes\nset confirmappend=no\n"
          "set move=no\nset wait_key=no\nset quit=yes\nset mark_old=no\nset beep=no\nset pager_stop=yes\n")

    def set_up(self):
        (self.home / "muttrc").write_text(self.rc.format(mail=self.mail))

    def work(self):
        def on(subject, action):
            return f"<tag-pattern>~s{subject}<enter><tag-prefix>{action}<untag-pattern>~A<enter>"

        keys = "<search>~sread-me<enter><display-message><exit>"
        keys += on("flag-me", "<flag-message>") + on("move-me", "<save-message>=Archive<enter>")
        keys += on("refile-me", "<save-message>=Archive<enter>") + on("delete-me", "<delete-message>")
        keys += "<sync-mailbox><quit>"
        with Terminal([self.packages[0], "-n", "-F", self.home / "muttrc", "-e", f'push "{keys}"'],
                      self.variables) as terminal:
            if terminal.finish() != 0:
                raise AssertionError(terminal.text()[-3000:])


class Neomutt(Mutt):
    packages = ("neomutt",)


class Aerc(Program):
    """Each message is opened, and what is done is done to the open one."""

    packages = ("aerc",)

    def set_up(self):
        folder = self.home / ".config" / "aerc"
        folder.mkdir(parents=True)
        path = folder / "accounts.conf"
        path.write_text(f"[test]\nsource = maildir://{self.mail}\ndefault = INBOX\nfrom = Me <me@example.org>\n"
                        "check-mail = 0\n")
        path.chmod(0o600)
        (folder / "aerc.conf").write_text("[filters]\ntext/plain=cat\n[viewer]\npager=cat\n")

    def work(self):
        inbox = self.account.tree.folder("INBOX")

        def has(path, subject):
            try:
                return f"Subject: {subject}" in path.read_text()
            except FileNotFoundError:  # it has another name by now, and is seen under that the next time
                return False

        def here(subject):
            return [path for path in inbox.files() if has(path, subject)]

        def flags(subject):
            return {letter for path in here(subject) for letter in path.name.partition(":2,")[2]}

        done = set()
        with Terminal(["aerc"], self.variables) as terminal:
            terminal.see(lambda screen: "keep-me" in screen, "the messages")
            for position in reversed(range(6)):
                subject = self._open(terminal, position, done)
                done.add(subject)
                if subject == "read-me":
                    terminal.read_until(lambda: "S" in flags(subject), "it is read")
                elif subject == "flag-me":
                    self._command(terminal, ":flag")
                    terminal.read_until(lambda: "F" in flags(subject), "it is flagged")
                elif subject != "keep-me":
                    self._command(terminal, ":delete" if subject == "delete-me" else ":mv Archive")
                    terminal.read_until(lambda: not here(subject), f"{subject} is gone")
                self._command(terminal, ":close")
            self._command(terminal, ":quit -f")
            terminal.finish()

    @staticmethod
    def _command(terminal, command):
        terminal.type(command + "\r")

    def _open(self, terminal, position, done):
        """The text tells which one it is: one that was not looked at before."""
        found = []

        def is_shown(screen):
            found[:] = {subject for subject in re.findall(r"bodyof([a-z]+-me)", screen)} - done
            return found

        self._command(terminal, f":select {position}")
        self._command(terminal, ":view")
        terminal.see(is_shown, f"the text of message {position}")
        return found[0]


class Notmuch(Program):
    """Tags are flags; files are moved and removed as its users' scripts do."""

    packages = ("notmuch",)
    hook = "notmuch new --quiet"

    def set_up(self):
        (self.home / ".notmuch-config").write_text(
            f"[database]\npath={self.mail}\n[user]\nname=Me\nprimary_email=me@example.org\n"
            "[new]\ntags=unread;inbox\nignore=dovecot-keywords\n[maildir]\nsynchronize_flags=true\n")
        self.mail.mkdir(exist_ok=True)
        self.run("notmuch", "new", "--quiet")

    def knows(self, subject):
        return self.run("notmuch", "count", f"subject:{subject}").strip() == "1"

    def _files(self, subject):
        return self.run("notmuch", "search", "--output=files", f"subject:{subject}").split()

    def work(self):
        self.run("notmuch", "tag", "-unread", "--", "subject:read-me")
        self.run("notmuch", "tag", "+flagged", "--", "subject:flag-me")
        for subject in ("move-me", "refile-me"):
            for path in self._files(subject):
                shutil.move(path, self.mail / "Archive" / "cur" / (os.path.basename(path).partition(":2,")[0] + ":2,"))
        for path in self._files("delete-me"):
            os.unlink(path)
        self.run("notmuch", "new", "--quiet")


class Mu(Program):
    """As mu4e does it: commands to a mu server."""

    packages = ("mu",)
    hook = "mu index --quiet"

    def set_up(self):
        self.mail.mkdir(exist_ok=True)
        self.run("mu", "init", f"--maildir={self.mail}", "--my-address=me@example.org", "--quiet")

    def knows(self, subject):
        done = subprocess.run(["mu", "find", f"subject:{subject}", "--fields", "l"], env=self.variables,
                              capture_output=True, text=True, timeout=60)
        return len(done.stdout.splitlines()) == 1

    def _docids(self):
        answer = self._serve('(find :query "maildir:/INBOX" :maxnum 100 :sortfield :date)')
        return dict(re.findall(r':subject "([\w-]+)".*?:docid (\d+)', answer))

    def _serve(self, *commands):
        done = subprocess.run(["mu", "server"], input="\n".join([*commands, "(quit)"]) + "\n", env=self.variables,
                              capture_output=True, encoding="latin-1", timeout=60)
        if ":error" in done.stdout:
            raise AssertionError(done.stdout[-2000:])
        return done.stdout

    def work(self):
        wait_until(lambda: len(self._docids()) >= 6, "it lists what it has")
        number = self._docids()
        self._serve(f'(move :docid {number["read-me"]} :flags "+S-u-N" :no-view t)',
                    f'(move :docid {number["flag-me"]} :flags "+F-u-N" :no-view t)',
                    f'(move :docid {number["move-me"]} :maildir "/Archive" :flags "-N" :no-view t)',
                    f'(move :docid {number["refile-me"]} :maildir "/Archive" :flags "-N" :no-view t)',
                    f'(remove :docid {number["delete-me"]})')
