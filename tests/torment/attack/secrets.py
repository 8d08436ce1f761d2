"""Where a password may be seen: what is printed, told, written, the environment of commands, memory."""

import base64
import collections
import pathlib
import re
import shlex

from rig import wait_until
from rig.dovecot import PASSWORD

SHAPES = {
    "as it is": PASSWORD.encode(),
    "as AUTHENTICATE PLAIN says it": base64.b64encode(b"\0alice\0" + PASSWORD.encode()),
    "before that": b"\0alice\0" + PASSWORD.encode(),
}


def shapes_in(data):
    return [shape for shape, bytes_ in SHAPES.items() if bytes_ in data]


def descendants(pid):
    """Of a process, itself included."""
    found = [pid]
    for process in found:
        for path in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, path.read_text().split())
    return found


def told(stage):
    """In the log with -vv, in what imapsyncctl tells, in files of the state, in argv and the environment."""
    account = stage.account(stage.dovecot(), settings={"password": None})
    secret = account.directory / "secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    # The command waits for a file, so that it can be looked at.
    go = account.directory / "go"
    account.settings["password-command"] = f"while ! [ -e {go} ]; do sleep 0.01; done; cat {secret}"
    account.write_config()
    with account.daemon("-vv") as daemon:
        wait_until(lambda: len(descendants(daemon.pid)) > 1, "the command runs")
        look_at_processes(stage, daemon.pid)
        go.touch()
        daemon.wait_in_sync()
        look_at_processes(stage, daemon.pid)
        for verb in (["status"], ["mailboxes", "test"], ["held"], ["verify", "test"], ["version"]):
            for args in (verb, ["--json", *verb]):
                result = account.ctl(*args)
                stage.check(not shapes_in((result.out + result.err).encode()), f"{args} tells the password")
        daemon.stop()
        log = daemon.log()
    stage.check("LOGIN ***" in log or "AUTHENTICATE PLAIN ***" in log, "the dialogue is in the log")
    stage.check(not shapes_in(log.encode()), f"it is in the log: {shapes_in(log.encode())}")
    for path in account.directory.rglob("*"):
        if path.is_file() and path != secret:
            stage.check(not shapes_in(path.read_bytes()), f"it is in {path.relative_to(account.directory)}")


def look_at_processes(stage, pid):
    for process in descendants(pid):
        for name in ("cmdline", "environ"):
            try:
                data = pathlib.Path(f"/proc/{process}/{name}").read_bytes()
            except OSError:
                continue  # it has ended
            stage.check(not shapes_in(data), f"it is in {name} of process {process}")


def dumped(pid):
    """Addresses of all that a core dump would have: what can be written to, but for what is marked to be left
    out (madvise MADV_DONTDUMP: "dd")."""
    area = None
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) rw.*?(\[\w+\])?$", line):
                area = (int(match[1], 16), int(match[2], 16), match[3] or "memory without a name")
            elif re.match(r"[0-9a-f]+-", line):
                area = None
            elif line.startswith("VmFlags:") and area and "dd" not in line.split() and "[v" not in area[2]:
                yield area


def found_in(pid):
    """{(shape, kind of memory): how often}"""
    found = collections.Counter()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, name in dumped(pid):
            memory.seek(start)
            data = memory.read(end - start)
            found.update({(shape, name): data.count(bytes_) for shape, bytes_ in SHAPES.items() if bytes_ in data})
    return found


def remembered(stage, settings, **options):
    """Where a core dump of a daemon that is logged in and idle would have the password."""
    account = stage.account(stage.server, settings={"password": None} | settings, **options)
    with account.daemon() as daemon:
        daemon.wait_in_sync()
        found = found_in(daemon.pid)
        stage.check(daemon.stop() == 0, "the daemon ends well")
    where = "; ".join(f"{shape} in {name}, {n} times" for (shape, name), n in found.items())
    stage.say(f"{', '.join(settings)} by {account.settings['tls']}: {where or 'nowhere'}")
    return found


def memory_after_login(stage):
    """In a core dump of the daemon, once it is logged in: from a command or a file, with TLS and without."""
    stage.server = stage.dovecot()
    secret = stage.directory / "secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    command = f"cat {shlex.quote(str(secret))}"
    for tls, key, value in (("none", "password-command", command), ("implicit", "password-command", command),
                            ("starttls", "password-file", secret)):
        found = remembered(stage, {key: value}, tls=tls, name=f"{key}-{tls}")
        stage.check(not found, f"with {key} and tls = {tls} it is there: {found}")


def memory_and_configuration(stage):
    """The same with a password in the configuration: there it is, for the next login, and nowhere else."""
    stage.server = stage.dovecot()
    found = remembered(stage, {"password": PASSWORD}, tls="implicit", name="password")
    stage.check(sum(found.values()) <= 1, f"it is there more than once: {found}")


ATTACKS = [told, memory_after_login, memory_and_configuration]
