"""tests/bench: measure, then print the tables and draw the figures."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys

from measure import figures, idle, live, once, programs, scale, tables, targets
from rig import REPOSITORY, netns

USUAL = ("once", "live", "scale")
PARTS = (*USUAL, "idle")
LIVE_MINUTES, IDLE_MINUTES = 1, 30


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("sizes", nargs="*", default=["100", "1000", "75x100"],
                        help="of the tables: MESSAGES in one mailbox, or MAILBOXESxMESSAGES (default: %(default)s)")
    parser.add_argument("--full", action="store_true", help="all sizes of the seed: hours, and 10 GB of disk")
    parser.add_argument("--only", default=",".join(USUAL),
                        help=f"parts, with commas: {', '.join(PARTS)} (default: %(default)s)")
    parser.add_argument("--programs", help="keys, with commas: "
                        + ", ".join(dict.fromkeys(kind.key for kind in programs.ONCE + programs.LIVE)))
    parser.add_argument("--ways", default=",".join(once.VARIANTS), help="to the server (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default: %(default)s)")
    parser.add_argument("--output", type=pathlib.Path, help="a folder for results.json and the figures")
    parser.add_argument("--results", action="append", default=[], type=pathlib.Path,
                        help="measure nothing: print and draw what an earlier run has kept; may be repeated")
    parser.add_argument("--minutes", type=float, help=f"of each phase of live (default: {LIVE_MINUTES}), or of idle"
                        f" (default: {IDLE_MINUTES})")
    for part in (live, scale, idle):
        part.arguments(parser)
    options = parser.parse_args(arguments)
    check(parser, options)
    options.idle_minutes = options.minutes or IDLE_MINUTES
    options.minutes = options.minutes or LIVE_MINUTES
    if options.full:
        options.sizes = ["100", "1000", "10000", "100000", "75x100", "75x1000", "75x10000"]
        live.full(options)
        scale.full(options)
    return options


def check(parser, options):
    """Words that mean nothing are told at once, not after an hour."""
    options.only, options.ways = options.only.split(","), options.ways.split(",")
    known = {kind.key for kind in programs.ONCE + programs.LIVE}
    options.programs = set(options.programs.split(",")) if options.programs else known
    for words, meaning in ((options.only, PARTS), (options.ways, once.VARIANTS), (options.programs, known)):
        if unknown := set(words) - set(meaning):
            parser.error(f"unknown: {', '.join(sorted(unknown))}")
    try:
        for word in options.sizes:
            once.parse_size(word)
    except ValueError:
        parser.error(f"no size: {word}")


def output_of(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip()
    except FileNotFoundError:
        return ""


def about():
    """When, where and with what."""
    versions = output_of(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "dovecot-core", "interimap",
                          "offlineimap3", "isync"])
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": f"{datetime.date.today():%-d %B %Y}",
        "machine": f"Linux {platform.release()}, {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB",
        "versions": versions.rstrip(", "),
        "imapsyncd": output_of(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]),
        "load": os.getloadavg()[0],
    }


def chosen(kinds, options):
    """Those that are wanted and installed; a sentence for each that is not."""
    wanted = [kind for kind in kinds if kind.key in options.programs or kind.is_limit]
    for sentence in programs.missing(wanted):
        print(sentence, file=sys.stderr)
    return [kind for kind in wanted if kind.is_there()]


def measure(options, results):
    """Part after part; what there is already is kept at each step."""
    if "once" in options.only:
        results["once"] = {}
        variants = [once.VARIANTS[name] for name in options.ways]
        for word in options.sizes:
            tell(f"{once.title_of(once.parse_size(word))} ...")
            results["once"][word] = once.measure(
                once.parse_size(word), once.far_if_small(word, variants), chosen(programs.ONCE, options), options.repeats)
            keep(options, results)
    for name, part, kinds in (("live", live, programs.LIVE), ("scale", scale, []),
                              ("idle", idle, programs.IDLE)):
        if name in options.only:
            tell(f"{name} ...")
            results[name] = part.measure(options, chosen(kinds, options))
            keep(options, results)


def tell(sentence):
    print(sentence, file=sys.stderr, flush=True)


def keep(options, results):
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "results.json").write_text(json.dumps(results, indent=1))


def merged(paths):
    """Several runs as one: of what two of them have, the later one's."""
    results = {}
    for path in paths:
        for part, found in json.loads(path.read_text()).items():
            for key, value in found.items():
                before = results.setdefault(part, {}).get(key)
                is_both = isinstance(before, dict) and isinstance(value, dict)
                results[part][key] = before | value if is_both else value
    return results


def report(results, output):
    """Everything as Markdown. Returns how many targets are missed."""
    about_it = results["about"]
    lines = [f"Measured on {about_it['date']}: imapsyncd {about_it['imapsyncd']}, {about_it['versions']};"
             f" {about_it['machine']}, load {about_it['load']:.1f} at the start."]
    lines += tables.once_tables(results.get("once", {}))
    lines += live.tables(results.get("live", {})) + scale.tables(results.get("scale", {}))
    lines += idle.tables(results.get("idle", {}))
    if output:
        lines += figures.draw(results, output)
    judged = targets.judge(results)
    print("\n".join([*lines, *targets.table(judged)]), flush=True)
    return sum(row.is_met is False for row in judged) + len(idle.faults(results.get("idle", {"rows": []})))


def main(arguments):
    options = parse(arguments)
    if options.results:
        results = merged(options.results)
    elif os.getuid() != 0 or not netns.is_possible():
        tell("This needs root and network namespaces.")
        return 2
    else:
        # Whoever ends it early leaves no server and no network behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        results = {"about": about()}
        measure(options, results)
    return 1 if report(results, options.output) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
