"""What one process took, to its last instant, without what it started and with it.

wait4(2) and time(1) add what the children took that were waited for, so that a tunnel's server would
count as the program's own. Here the kernel's clock of the process alone is read (threads included,
children not) when it has ended but is not yet reaped, and its memory when it is stopped on its way
out, while it still has some: ptrace(2) asks for that stop, and for one at each execve(2), where the
count begins anew, so that what `ip netns exec` or a shell takes is nobody's.

What the whole tree took is wait4(2)'s sum: of the process, of the children that it waited for, and of
those that it left behind, which come to this process, are known by their group, and end soon.
"""

import collections
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

# Seconds and bytes; cpu and rss are those of the process alone, user and system of the tree. switches: how
# often it, or one of the children that it waited for, gave up the CPU of its own will. begin: time.monotonic().
Usage = collections.namedtuple("Usage", "status err wall cpu rss user system switches begin")

_SEIZE, _CONT = 0x4206, 7
_TRACE_EXEC, _TRACE_EXIT = 0x10, 0x40
_EVENT_EXEC, _EVENT_EXIT = 4, 6
_SET_CHILD_SUBREAPER = 36
_LEFT_BEHIND = 5.0  # seconds in which what was left behind ends by itself
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, pid, data):
    if _libc.ptrace(request, pid, None, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def cpu_clock(pid):
    """clock_getcpuclockid(3): all threads of a process, those that have ended too."""
    return time.clock_gettime(~pid << 3 | 2)


def _peak_memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"{pid} has no memory left")


def _watch(pid):
    """Follow a process to its end: (when its last program began, CPU before that, peak memory)."""
    begin, before, rss = time.monotonic(), 0.0, 0
    while True:
        # It is not reaped here: then its clock would be gone.
        state = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        if state.si_code in (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED):
            return begin, before, rss
        event, number = state.si_status >> 8, state.si_status & 0x7F
        if event == _EVENT_EXEC:
            begin, before = time.monotonic(), cpu_clock(pid)
        elif event == _EVENT_EXIT:
            rss = _peak_memory(pid)
        _ptrace(_CONT, pid, 0 if event else number)


def _reap(process):
    """wait4 of the process and of what it left behind: user and system seconds of the tree, and switches."""
    _, status, usage = os.wait4(process.pid, 0)
    while os.WIFSTOPPED(status):  # whoever was to watch it was ended first: it stands still for nobody
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            _ptrace(_CONT, process.pid, 0)  # it stops on its way out as well
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    user, system, switches = usage.ru_utime, usage.ru_stime, usage.ru_nvcsw
    end = time.monotonic() + _LEFT_BEHIND
    while True:
        try:
            pid, _, usage = os.wait4(-process.pid, os.WNOHANG)
        except ChildProcessError:
            return user, system, switches
        if pid:
            user, system = user + usage.ru_utime, system + usage.ru_stime
        elif time.monotonic() > end:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            time.sleep(0.005)


def _without_prelude(user, system, before):
    """Before the program began, sh and `ip netns exec` ran; nobody knows in which mode."""
    total = user + system
    share = max(total - before, 0) / total if total else 0
    return user * share, system * share


def run(command, environment, timeout=3600):
    """Run a command to its end. What it prints is thrown away but for what it says of errors."""
    _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryFile("w+", errors="replace") as err:
        # It waits for a line until it is watched.
        words = ["sh", "-c", 'read -r _; exec "$@" </dev/null', "sh", *map(str, command)]
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=err, env=environment,
            start_new_session=True,
        )
        alarm = threading.Timer(timeout, os.killpg, (process.pid, signal.SIGKILL))
        alarm.start()
        try:
            _ptrace(_SEIZE, process.pid, _TRACE_EXEC | _TRACE_EXIT)
            process.stdin.write(b"\n")
            process.stdin.close()
            begin, before, rss = _watch(process.pid)
            wall, cpu = time.monotonic() - begin, cpu_clock(process.pid) - before
        except BaseException:  # nobody watches it any more
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            alarm.cancel()
            user, system, switches = _reap(process)
        err.seek(0)
        user, system = _without_prelude(user, system, before)
        return Usage(process.returncode, err.read(), wall, cpu, rss, user, system, switches, begin)
