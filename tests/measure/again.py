"""A program run every so many seconds, as a timer would: python3 -m measure.again SECONDS COMMAND...

It stands in for the timer, so that nothing but the program is counted: each run's voluntary context switches and CPU
by wait4(2), with the children that it waited for. A line for each run: its status, the switches, the CPU in seconds.
"""

import os
import sys
import time


def run(command):
    """(status, switches, CPU) of one run. posix_spawn(3), because a fork of Python would be counted as well."""
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_nvcsw, usage.ru_utime + usage.ru_stime


def main(seconds, *command):
    due = time.monotonic()
    while True:
        print(*run(list(command)), flush=True)
        due = max(due + float(seconds), time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
