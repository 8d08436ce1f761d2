"""The table of tests/servers: each server or profile, each scenario, and what came of it."""

import argparse
import pathlib
import re
import sys
import tempfile
import time

from rig import beside, scenarios
from rig.profiles import MASKED, PROFILES


def user_of(title):
    return re.sub(r"\W+", "-", title).lower()


def played(profile, titles, directory):
    """Each scenario on one server: (title, world, problem, seconds)."""
    users = [user_of(title) for title in titles]
    with profile.start(directory / "server", users) as server:
        for title, user in zip(titles, users):
            begin = time.monotonic()
            w, problem = scenarios.play(title, directory / user, profile, server, user)
            yield title, w, problem, time.monotonic() - begin


def show(profile, titles, verbose):
    """One server's rows. Returns how many are not in sync."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="imapsyncd-servers-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        for title, w, problem, seconds in played(profile, titles, directory):
            outcome = "in sync" if problem is None else "**" + " ".join(problem.split())[:300].replace("|", "\\|") + "**"
            failed += problem is not None
            print(f"| {profile.name} | {title} | {outcome} | {w.bytes_in} | {w.bytes_out} | {w.round_trips} |",
                  flush=True)
            if verbose:
                print(f"{profile.name}, {title}: {seconds:.1f} s" + (f"\n{problem}" if problem else ""),
                      file=sys.stderr, flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(prog="tests/servers")
    parser.add_argument("profile", nargs="*", help=", ".join(PROFILES))
    parser.add_argument("-k", metavar="SCENARIO", action="append", help="only those whose title contains this")
    parser.add_argument("-v", action="store_true", help="the whole of what is not in sync, and times, to stderr")
    arguments = parser.parse_args()
    if unknown := set(arguments.profile) - PROFILES.keys():
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    names = arguments.profile or (list(PROFILES) if beside.is_possible() else MASKED)
    titles = [title for title in scenarios.SCENARIOS if any(part in title for part in arguments.k or [""])]
    print("| server | scenario | outcome | bytes in | bytes out | round trips |\n|---|---|---|--:|--:|--:|", flush=True)
    failed = sum(show(PROFILES[name], titles, arguments.v) for name in names)
    cells = len(names) * len(titles)
    print(f"\n{cells - failed} in sync, {failed} not", flush=True)
    return 1 if failed or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
