"""Figures as SVG, written by hand: lines over logarithmic axes, bars, and distributions."""

import html
import math
import statistics

from measure import live, once, programs

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 78, 190, 44, 56
COLOURS = {
    "imapsyncd": "#c1272d", "imapsyncd-imap": "#f08a24", "interimap": "#2b6cb0", "interimap-watch": "#2b6cb0",
    "interimap-notify": "#63b3ed", "offlineimap": "#6b46c1", "offlineimap-q": "#b794f4",
    "offlineimap-daemon": "#6b46c1", "mbsync": "#2f855a", "limit": "#4a5568", "server": "#4a5568",
}


def names():
    return {kind.key: kind.name for kind in (*programs.ONCE, *programs.LIVE)} | {"server": "the server itself"}


def text(x, y, words, anchor="middle", size=12, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{more}>'
            f"{html.escape(str(words))}</text>")


def path(points, colour, dash=""):
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def rule(x1, y1, x2, y2):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#e2e8f0"/>'


class Axis:
    """From values to places: linear from 0, or logarithmic over whole decades."""

    def __init__(self, values, begin, end, is_log):
        self.begin, self.end, self.is_log = begin, end, is_log
        if is_log:
            self.low = math.floor(math.log10(min(values)))
            self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
            self.ticks = [10.0**n for n in range(self.low, self.high + 1)]
        else:
            self.low, self.step = 0, nice_step(max(values))
            self.high = math.ceil(max(values) / self.step) * self.step
            self.ticks = [n * self.step for n in range(round(self.high / self.step) + 1)]

    def place(self, value):
        value = math.log10(value) if self.is_log else value
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def nice_step(largest):
    """About five steps of 1, 2 or 5 times a power of ten."""
    rough = largest / 5 or 1
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def label(value):
    """A tick: 1000000 -> 1 M"""
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def frame(title, x_title, y_title, x, y):
    """The picture without its data."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
             ' font-family="sans-serif" fill="#1a202c">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 24, title, "start", 15, ' font-weight="bold"'),
             text((LEFT + right) / 2, HEIGHT - 14, x_title),
             text(18, (TOP + bottom) / 2, y_title, more=f' transform="rotate(-90 18 {(TOP + bottom) / 2:.1f})"')]
    for value in x.ticks if x else []:
        lines += [rule(x.place(value), TOP, x.place(value), bottom), text(x.place(value), bottom + 18, label(value))]
    for value in y.ticks:
        lines += [rule(LEFT, y.place(value), right, y.place(value)),
                  text(LEFT - 8, y.place(value) + 4, label(value), "end")]
    return lines


def legend(keys):
    """The names at the right, in the order of the data."""
    lines = []
    for n, key in enumerate(keys):
        y = TOP + 14 + 20 * n
        lines += [path([(WIDTH - RIGHT + 14, y), (WIDTH - RIGHT + 34, y)], COLOURS[key]),
                  text(WIDTH - RIGHT + 40, y + 4, names()[key], "start")]
    return lines


def curves(title, x_title, y_title, data, logs=(True, True), dots=True):
    """data: {key: [(x, y)]}"""
    points = [point for row in data.values() for point in row]
    x = Axis([point[0] for point in points], LEFT, WIDTH - RIGHT, logs[0])
    y = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP, logs[1])
    lines = frame(title, x_title, y_title, x, y)
    for key, row in data.items():
        places = [(x.place(a), y.place(b)) for a, b in row]
        lines.append(path(places, COLOURS[key], ' stroke-dasharray="5 4"' if key in ("limit", "server") else ""))
        lines += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{COLOURS[key]}"/>' for a, b in places if dots]
    return "\n".join([*lines, *legend(data), "</svg>\n"])


def bars(title, y_title, data, is_log=True):
    """data: {key: value}"""
    y = Axis(list(data.values()), HEIGHT - BOTTOM, TOP, is_log)
    lines = frame(title, "", y_title, None, y)
    space = (WIDTH - RIGHT - LEFT) / len(data)
    for n, (key, value) in enumerate(data.items()):
        left, top = LEFT + space * (n + 0.15), y.place(value)
        lines += [f'<rect x="{left:.1f}" y="{top:.1f}" width="{space * 0.7:.1f}"'
                  f' height="{HEIGHT - BOTTOM - top:.1f}" fill="{COLOURS[key]}"/>',
                  text(left + space * 0.35, top - 6, label(round(value)))]
    return "\n".join([*lines, *legend(data), "</svg>\n"])


def by_size(sizes, scene, measure, way="plain"):
    """{key: [(messages, value)]} of one mailbox."""
    found = {}
    for word, variants in sizes.items():
        size = once.parse_size(word)
        for key, rows in variants.get(way, {"rows": {}})["rows"].get(scene, {}).items() if size.mailboxes == 1 else ():
            value = statistics.median(measure(once.Row(*row)) for row in rows)
            found.setdefault(key, []).append((size.messages, value))
    return {key: sorted(row) for key, row in found.items()}


def distribution(seconds):
    """Steps of how many are done after so long, in per cent."""
    seconds = sorted(max(took, 0.001) for took in seconds)
    return [(took, 100 * (n + 1) / len(seconds)) for n, took in enumerate(seconds)]


def size_figures(sizes):
    yield "size-bytes", lambda data: curves(
        "One new message: bytes on the wire", "messages in the mailbox", "bytes, both ways", data), by_size(
            sizes, once.NEW, lambda row: row.bytes_in + row.bytes_out)
    yield "size-cpu", lambda data: curves(
        "One new message: CPU of the program", "messages in the mailbox", "milliseconds", data), by_size(
            sizes, once.NEW, lambda row: 1000 * row.cpu)


def live_figures(found):
    hourly = {key: live.hourly(run)["bytes"] for key, run in found.get("programs", {}).items() if run["phases"]}
    yield "live-bytes", lambda data: bars("Live, with the seed's events: bytes an hour", "bytes, both ways", data), hourly
    for phase, name, title in ((live.REMOTE, "live-latency", "From the server to the local side"),
                               (live.LOCAL, "live-latency-local", "From the local side to the server")):
        data = {"server": live.all_latencies(found["server"])} if phase == live.REMOTE and found else {}
        data |= {key: live.all_latencies(run["phases"][phase]) for key, run in found.get("programs", {}).items()
                 if phase in run["phases"]}
        data = {key: distribution(took) for key, took in data.items() if took}
        yield name, lambda data, title=title: curves(
            f"{title}: what has arrived", "seconds after the change", "per cent", data, (True, False), False), data


def draw(results, folder):
    """Write the figures that there are data for; Markdown lines that show them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, picture, data in (*size_figures(results.get("once", {})), *live_figures(results.get("live", {}))):
        if data:
            (folder / f"{name}.svg").write_text(picture(data))
            lines += ["", f"![{name}]({name}.svg)"]
    return lines
