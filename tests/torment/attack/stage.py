"""Where an attack takes place: a folder of its own, accounts in it, and what is looked at afterwards."""

import contextlib
import os
import re
import signal
import subprocess
import time

from rig import compare, imapserver
from rig.account import Account, Result
from rig.dovecot import PASSWORD, Dovecot
from torment import oracle

# What an account ends within, whatever the server says.
PATIENCE = 60
# A run with a few messages has less than a third of it, TLS and all.
RSS_MAX = 40
# Nothing of it may come to a terminal: controls, line separators, marks of direction.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Skipped(Exception):
    """It cannot be done here."""


def memory(pid):
    """The most that it had so far, in MB; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
            return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


class Stage:
    """said: what was measured, for -v."""

    def __init__(self, directory, label, tally):
        self.directory = directory
        self.label = label
        self.tally = tally
        self.said = []
        self.stack = contextlib.ExitStack()
        directory.mkdir()
        directory.chmod(0o755)
        self.outside = directory / "outside"
        self.outside.mkdir()
        (self.outside / "precious").write_bytes(b"From: me\n\nnobody's business\n")

    def close(self):
        self.stack.close()

    def say(self, line):
        self.said.append(line)

    def check(self, is_right, sentence):
        if not is_right:
            self.tally.wrong(f"{self.label}: {sentence}")

    # The account

    def account(self, server=None, settings=None, name="account", **options):
        settings = {"timeout": "5s"} | (settings or {})
        return Account(self.directory / name, server, settings=settings, **options)

    def with_mail(self, account, n=5):
        """So much local mail. Returns what must be there in the end."""
        folder = account.tree.folder("INBOX").create()
        for k in range(n):
            folder.deliver(b"Message-ID: <%d@local>\r\n\r\nhello\r\n" % k, f"1700{k}.local.host", "S")
        return compare.local(account.tree)

    def judge(self, model, *sides):
        """The oracle's word on the mail."""
        self.tally.harm(self.label, oracle.judge(model, *sides))

    def once(self, account, *args, timeout=PATIENCE):
        """One run: the result, and the most memory that it had, in MB."""
        paths = [account.directory / name for name in ("out", "err")]
        with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
            process = subprocess.Popen(list(map(str, account.command("--once", *args))), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=err, env=account.environment(), start_new_session=True)
        begin, rss = time.monotonic(), 0
        while process.poll() is None:
            rss = max(rss, memory(process.pid))
            if time.monotonic() - begin > timeout:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self.check(False, f"the run does not end within {timeout} s")
            time.sleep(0.005)
        text = [path.read_text(errors="surrogateescape") for path in paths]
        return Result(process.returncode, *text, time.monotonic() - begin), rss

    def refused(self, account, *words, rss_max=RSS_MAX):
        """One run that must end with a sentence of such words and with little memory."""
        result, rss = self.once(account)
        self.check(result.status == 1, f"it must end with status 1: {result}")
        for word in words:
            self.check(word.lower() in result.err.lower(), f"the sentence lacks “{word}”: {result.err[-600:]}")
        self.check(rss < rss_max, f"it took {rss:.0f} MB")
        self.safe(result.out + result.err)
        self.say(f"{rss:.1f} MB, {result.seconds:.2f} s: {(result.err.strip().splitlines() or [''])[-1][:200]}")
        return result

    # Servers

    def scripted(self, script):
        return self.stack.enter_context(imapserver.Server(script))

    def dovecot(self, **options):
        return self.stack.enter_context(Dovecot(self.directory / "server", **options))

    @staticmethod
    def endpoint(server, tls="none", **more):
        return {"host": server.host, "port": server.imap_port, "tls": tls} | more

    # What is looked at

    def safe(self, text):
        """Nothing in it that a terminal would obey, and only UTF-8."""
        found = UNSAFE.search(text) or re.search("[\ud800-\udfff]", text)
        if found:
            self.check(False, f"it prints {found[0]!r}: …{text[max(found.start() - 60, 0):found.start() + 30]!r}")

    def silent(self, lines):
        """No password was said in clear, nor was a login begun."""
        for line in lines:
            self.check(PASSWORD.encode() not in line and not re.search(rb"LOGIN|AUTHENTICATE", line.upper()),
                       f"the client said {line!r}")

    def surroundings(self):
        """Every file around the Maildirs, the state and what the programs print."""
        stamp = {}
        for path, directories, files in os.walk(self.directory):
            if path == str(self.directory):
                directories[:] = [d for d in directories if d != "server"]
            elif os.path.exists(os.path.join(path, "imapsyncd.conf")):
                directories[:] = [d for d in directories if d not in ("Mail", "state", "run")]
                files = [f for f in files if f not in ("out", "err", "daemon.log", "core", "events")]
            for name in [*directories, *files]:
                info = os.lstat(os.path.join(path, name))
                is_directory = name in directories and not os.path.islink(os.path.join(path, name))
                stamp[os.path.join(path, name)] = "" if is_directory else (info.st_ino, info.st_size, info.st_mtime_ns)
        return stamp
