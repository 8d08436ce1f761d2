"""Results as Markdown."""

import statistics

from measure import once, programs

NAMES = {kind.key: kind.name for kind in (*programs.ONCE, *programs.LIVE)}
COLUMNS = ("user", "system", "real", "CPU", "alone", "max RSS", "bytes in", "out", "packets in", "out")


def line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def table(columns, rows):
    """Lines of Markdown; the first column is text, the others are numbers."""
    return [line(columns), line(["---"] + ["---:"] * (len(columns) - 1)), *map(line, rows)]


def size(number):
    """Bytes or counts, to three digits and more."""
    for limit, unit, factor in ((10_000, "", 1), (10_000_000, " k", 1e3), (float("inf"), " M", 1e6)):
        if number < limit:
            return f"{number / factor:.0f}{unit}"
    raise AssertionError(number)


def median(rows):
    """Of each column."""
    return once.Row(*(statistics.median(column) for column in zip(*rows)))


def once_cells(key, row):
    cells = [f"{row.user:.3f} s", f"{row.system:.3f} s", f"{row.wall:.3f} s",
             f"{100 * (row.user + row.system) / row.wall:.0f} %", f"{row.cpu * 1000:.1f} ms", f"{row.rss / 1e6:.1f} MB"]
    if key == programs.Limit.key:  # it is written in Python, whose start is nobody's limit
        cells[0], cells[1], cells[3], cells[5] = ("",) * 4
    return [*cells, *map(size, row[5:9])]


def once_tables(sizes):
    """sizes: {size: {variant: {"rows", "wrong"}}}"""
    lines = []
    for word, variants in sizes.items():
        title = once.title_of(once.parse_size(word))
        for name, found in variants.items():
            lines += ["", f"### {title}, {once.VARIANTS[name].title}"]
            for scene, rows in found["rows"].items():
                lines += ["", f"**{scene}**, medians of {max(map(len, rows.values()))}", ""]
                lines += table(("", *COLUMNS), [
                    (NAMES[key], *once_cells(key, median(map(lambda values: once.Row(*values), found_rows))))
                    for key, found_rows in in_order(rows)
                ])
            lines += wrong_lines(found["wrong"])
    return lines


def in_order(rows):
    """As in programs.ONCE, whatever came first."""
    return [(key, rows[key]) for key in NAMES if key in rows]


def wrong_lines(wrong):
    """What is not counted, and why."""
    lines = []
    for scene, by_key in wrong.items():
        for key, sentences in by_key.items():
            lines += ["", f"Not counted: {NAMES[key]}, {scene}: {len(sentences)} runs: {sentences[0].strip()[:300]}"]
    return lines
