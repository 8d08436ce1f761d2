"""The table of tests/servers: each server or profile, each scenario, and what came of it."""

import argparse
import collections
import pathlib
import sys
import tempfile
import time

from rig import beside, scenarios
from rig.local import LOCAL, SERVERS
from rig.profiles import MASKED, PROFILES


def played(profile, titles, directory, local):
    """Each scenario on one server: (title, world, problem, seconds)."""
    users = [scenarios.user_of(title) for title in titles]
    with profile.start(directory / "server", users) as server, LOCAL[local](directory / "local") as side:
        for title, user in zip(titles, users):
            begin = time.monotonic()
            w, problem = scenarios.play(title, directory / user, profile, server, user, side)
            yield title, w, problem, time.monotonic() - begin


def outcome_of(problem):
    """What is counted, and what the table shows."""
    if problem is None:
        return "in sync", "in sync"
    if isinstance(problem, scenarios.Skipped):
        return "skipped", f"skipped: {problem}"
    return "not", "**" + " ".join(problem.split())[:300].replace("|", "\\|") + "**"


def show(profile, titles, local, is_verbose):
    """One server's rows. Returns how many are in sync, not, skipped."""
    counts = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="imapsyncd-servers-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        for title, w, problem, seconds in played(profile, titles, directory, local):
            kind, text = outcome_of(problem)
            counts[kind] += 1
            print(f"| {profile.name} | {title} | {text} | {w.bytes_in} | {w.bytes_out} | {w.round_trips} |",
                  flush=True)
            if is_verbose:
                print(f"{profile.name}, {title}: {seconds:.1f} s" + (f"\n{problem}" if problem else ""),
                      file=sys.stderr, flush=True)
    return counts


def parse():
    parser = argparse.ArgumentParser(prog="tests/servers")
    parser.add_argument("profile", nargs="*", help=", ".join(PROFILES))
    parser.add_argument("--local", metavar="KIND", choices=LOCAL, default="maildir",
                        help="the local side: " + ", ".join(LOCAL))
    parser.add_argument("-k", metavar="SCENARIO", action="append", help="only those whose title contains this")
    parser.add_argument("-v", action="store_true", help="the whole of what is not in sync, and times, to stderr")
    arguments = parser.parse_args()
    if unknown := set(arguments.profile) - PROFILES.keys():
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    return arguments


def main():
    arguments = parse()
    names = arguments.profile or SERVERS.get(arguments.local)
    names = names or (list(PROFILES) if beside.is_possible() else MASKED)
    titles = [title for title in scenarios.SCENARIOS if any(part in title for part in arguments.k or [""])]
    print(f"Local side: {arguments.local}\n")
    print("| server | scenario | outcome | bytes in | bytes out | round trips |\n|---|---|---|--:|--:|--:|", flush=True)
    counts = collections.Counter()
    for name in names:
        counts += show(PROFILES[name], titles, arguments.local, arguments.v)
    print(f"\n{counts['in sync']} in sync, {counts['not']} not, {counts['skipped']} skipped", flush=True)
    return 1 if counts["not"] or not counts["in sync"] else 0


if __name__ == "__main__":
    sys.exit(main())
