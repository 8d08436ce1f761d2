"""What the program must reach, what was measured, and whether it does. A limit stands where it is beyond reach."""

import collections
import statistics

from measure import idle, live, once, tables

OURS, MBSYNC, INTERIMAP, LIMIT = "imapsyncd", "mbsync", "interimap", "limit"

BY_THE_LIMIT = 2  # the target is beyond the limit, and at most a tenth is missing to that

# is_met: None where nothing was measured.
Judged = collections.namedtuple("Judged", "what target measured is_met")


class Runs:
    """What was measured of single runs, by the size, the way and the scene."""

    def __init__(self, results):
        self.sizes = results.get("once", {})

    def row(self, size, way, scene, key):
        rows = self.sizes.get(size, {}).get(way, {"rows": {}})["rows"].get(scene, {}).get(key)
        return tables.median([once.Row(*row) for row in rows]) if rows else None

    def value(self, size, way, scene, key, measure):
        row = self.row(size, way, scene, key)
        return None if row is None else measure(row)

    def ratio(self, size, way, scene, measure, other, key=OURS):
        ours, theirs = (self.value(size, way, scene, one, measure) for one in (key, other))
        return None if ours is None or not theirs else ours / theirs

    def words(self, mailboxes=None):
        """Sizes of one mailbox, or of so many."""
        return [word for word in self.sizes if mailboxes in (None, once.parse_size(word).mailboxes)]

    def largest(self, mailboxes):
        words = self.words(mailboxes)
        return max(words, key=lambda word: once.parse_size(word).messages) if words else None


def wall(row):
    return row.wall


def from_syn(row):
    return row.from_syn


def cpu(row):
    return row.cpu


def total(row):
    return row.bytes_in + row.bytes_out


def packets(row):
    return row.packets_in + row.packets_out


def at_most(what, target, value, limit, show="{:.2f}", where="", reach=None):
    """A value that was measured must not be larger; where: of what it is, if not of all. reach: what the limit itself
    comes to. Where that is larger than the target, a tenth more than it will do."""
    if value is None:
        return Judged(what, target, "not measured", None)
    measured = show.format(value) + (f" ({where})" if where else "")
    if reach is not None and reach > limit:
        return Judged(what, target, f"{measured}; the limit itself: {show.format(reach)}",
                      value <= 1.1 * reach and BY_THE_LIMIT)
    return Judged(what, target, measured, value <= limit)


FULL = 100_000  # messages, of which the seed's largest mailbox has so many


def of_full(word, judged):
    """What is a target at the seed's size only is shown at another, but not judged."""
    is_full = word is not None and once.parse_size(word).messages >= FULL
    if is_full or judged.is_met is None:
        return judged
    return judged._replace(measured=judged.measured + ", too small to judge", is_met=None)


def worst(values):
    """Of several sizes: the largest that there is, and where."""
    values = [(value, where) for value, where in values if value is not None]
    return max(values) if values else (None, "")


def noop_rows(runs):
    for what, measure in (("bytes", total), ("packets", packets)):
        value, where = worst((runs.ratio(word, "plain", once.NOOP, measure, LIMIT), word) for word in runs.words())
        yield at_most(f"no-op, fresh connection: {what}", "1.1 of the hand-written session, any size", value, 1.1,
                      where=where)
    near, begun = (runs.value("100", "plain40", once.NOOP, OURS, measure) for measure in (from_syn, wall))
    limit = runs.value("100", "plain40", once.NOOP, LIMIT, wall)
    trips = near / 0.04 if near else None
    beside = f"hand-written {limit / 0.04:.2f}; from execve(2) on {begun / 0.04:.2f}" if limit and near else ""
    yield at_most("no-op at 40 ms round trip, plain", "3.5 round trips from the SYN to the end", trips, 3.5,
                  "{:.2f}", beside)
    many = runs.largest(75)
    for other, limit in ((MBSYNC, 0.4), (INTERIMAP, 0.1)):
        yield at_most(f"no-op CPU, 75 mailboxes, of {other}'s", f"{limit}",
                      runs.ratio(many, "plain", once.NOOP, cpu, other), limit, where=many)
    value, where = worst((runs.ratio(word, "tls", once.NOOP, cpu, MBSYNC), word) for word in runs.words())
    yield at_most("no-op over TLS: CPU, of mbsync's", "0.5", value, 0.5, where=where)


def message_rows(runs):
    word = runs.largest(1)
    ratio = runs.ratio(word, "plain", once.NEW, cpu, MBSYNC)
    yield of_full(word, at_most("one new message in 100000: CPU, of mbsync's", "0.1", ratio, 0.1, where=word))
    yield of_full(word, at_most("the same: bytes beyond the message, of InterIMAP's", "0.5", beyond_ratio(runs, word), 0.5,
                                where=word, reach=beyond_ratio(runs, word, LIMIT)))


def beyond_ratio(runs, word, key=OURS):
    """What a run with one new message takes more than the body itself. A body is not compressed to nothing: the
    difference between the drain of all messages and their number tells what one takes."""
    drained = runs.value(word, "plain", once.FIRST, LIMIT, total)
    if not drained:
        return None
    body = drained / once.parse_size(word).messages
    ours, theirs = (runs.value(word, "plain", once.NEW, key, total) for key in (key, INTERIMAP))
    return None if None in (ours, theirs) else (ours - body) / (theirs - body)


def first_rows(runs):
    word = runs.largest(1)
    for what, measure, other, limit in (("wall, of mbsync's", wall, MBSYNC, 0.75), ("wall, of the drain's", wall, LIMIT, 1.2),
                                        ("CPU, of mbsync's", cpu, MBSYNC, 0.7)):
        ratio = runs.ratio(word, "plain", once.FIRST, measure, other)
        yield of_full(word, at_most(f"first sync, 100000 messages: {what}", f"{limit}", ratio, limit, where=word))
    for other in (MBSYNC, INTERIMAP):
        yield at_most(f"first sync of 100 messages at 40 ms: wall, of {other}'s", "0.8",
                      runs.ratio("100", "plain40", once.FIRST, wall, other), 0.8)


def memory_rows(runs, found):
    for way, limit in (("plain", 12), ("tls", 14)):
        value, where = worst((runs.value(word, way, scene, key, lambda row: row.rss / 1e6), f"{key}, {scene}, {word}")
                             for word in runs.words() for scene in (once.FIRST, once.NOOP, once.NEW, once.CHANGED)
                             for key in (OURS, "imapsyncd-imap"))
        yield at_most(f"RSS, everything, any size, {way}", f"{limit} MB", value, limit, "{:.1f} MB", where)
    peaks = {int(count): max(row[once.FIELDS.index("rss")] for rows in scenes.values() for row in rows)
             for count, scenes in found.get("messages", {}).items()}
    grown = (peaks[max(peaks)] - peaks[1000]) / 1e6 if 1000 in peaks and len(peaks) > 1 else None
    yield at_most("RSS, 1000000 messages beside 1000", "1 MB more", grown, 1, "{:+.2f} MB",
                  f"{max(peaks)} messages" if peaks else "")


def live_rows(found):
    runs = {key: run for key, run in found.get("programs", {}).items() if run["phases"]}
    cost = {key: live.hourly(run) for key, run in runs.items()}
    if limit := live.limit_run(found):
        cost[LIMIT] = live.hourly(limit)

    def ratio(what, other, ours=OURS):
        ours, theirs = cost.get(ours, {}).get(what), cost.get(other, {}).get(what)
        return ours / theirs if ours is not None and theirs else None

    yield at_most("live: CPU an hour, of interimap --notify's", "0.1", ratio("cpu", "interimap-notify"), 0.1,
                  reach=ratio("cpu", "interimap-notify", LIMIT))
    yield at_most("live: wake-ups, of interimap --notify's", "0.3", ratio("switches", "interimap-notify"), 0.3,
                  reach=ratio("switches", "interimap-notify", LIMIT))
    for other, limit in (("interimap-watch", 0.5), ("interimap-notify", 0.8)):
        yield at_most(f"live: bytes an hour beyond the messages, of {other}'s", f"{limit}", ratio("beyond", other), limit,
                      reach=ratio("beyond", other, LIMIT))
    server = live.all_latencies(found["server"]) if found else []
    own = statistics.median(server) if server else 0
    for phase, limit in ((live.REMOTE, own + 0.1), (live.LOCAL, 0.3)):
        took = live.all_latencies(runs[OURS]["phases"][phase]) if OURS in runs else []
        title = "server to local" if phase == live.REMOTE else "local to server"
        yield at_most(f"live: latency, {title}: median", f"{limit:.2f} s" + (
            f", the server's own being {own:.2f} s" if phase == live.REMOTE else ""),
            statistics.median(took) if took else None, limit, "{:.2f} s", f"{len(took)} events")
        yield at_most(f"live: latency, {title}: worst", "1 s", max(took, default=None), 1, "{:.2f} s",
                      f"{found['options']['messages']} messages" if found else "")


def scale_rows(found):
    accounts = {int(count): row for count, row in found.get("accounts", {}).items()}
    most = max(accounts, default=0)
    each = accounts[most]["rss"] / most / 1000 if most else None
    yield at_most("1000 idle accounts in one process: an account", "300 kB", each, 300, "{:.0f} kB", f"{most} accounts")
    per_minute = 60 * accounts[most]["switches"] / accounts[most]["seconds"] if most else None
    yield at_most("1000 idle accounts: wake-ups a minute", "none but keepalives", per_minute, most * 60 / 1740,
                  "{:.1f}", f"{most} accounts")
    opened = {int(count): row["open"] for count, row in found.get("mailboxes", {}).items() if "open" in row}
    most = max(opened, default=0)
    row = opened.get(most)
    yield at_most("10000 mailboxes, no-op on an open connection: round trips", "1", row and row["round_trips"], 1, "{}",
                  f"{most} mailboxes")
    yield at_most("the same, bytes a mailbox", "8 B", row and (row["bytes_in"] + row["bytes_out"]) / most, 8, "{:.1f} B",
                  f"{most} mailboxes")


def idle_rows(found):
    """Under NOTIFY, on AC and on battery; each number of accounts by itself."""
    rates = {}
    for row, rate in idle.by_notify(found):
        rates[row["accounts"]] = max(rate, rates.get(row["accounts"], 0))
    for count, rate in rates.items() or [("any number", None)]:
        yield at_most(f"idle under NOTIFY: wake-ups an hour, accounts: {count}", str(idle.MOST_WAKE_UPS), rate,
                      idle.MOST_WAKE_UPS, "{:.1f}")


def beside_rows(runs):
    """imapsyncd between two servers, beside InterIMAP on the same two."""
    ours = "imapsyncd-imap"
    for scene, measure, what, limit in (
            (once.FIRST, cpu, "CPU", 1 / 3), (once.NOOP, cpu, "CPU", 0.1), *(
                (scene, measure, what, limit) for scene in (once.FIRST, once.NOOP, once.NEW, once.CHANGED)
                for measure, what, limit in ((lambda row: row.rss, "RSS", 0.5), (total, "bytes", 0.9),
                                             (packets, "packets", 0.9)))):
        value, where = worst((runs.ratio(word, "plain", scene, measure, INTERIMAP, ours), word) for word in runs.words())
        yield at_most(f"IMAP-IMAP, {scene}: {what}, of InterIMAP's", f"{limit:.2f}", value, limit, where=where)


def wrong_runs(results):
    """How many of our own runs ended out of sync, or with an error."""
    tables_wrong = [found["wrong"] for variants in results.get("once", {}).values() for found in variants.values()]
    count = sum(len(sentences) for wrong in tables_wrong for by_key in wrong.values()
                for key, sentences in by_key.items() if key.startswith(OURS))
    runs = results.get("live", {}).get("programs", {})
    count += sum(len(run["wrong"]) + len(run["late"]) for key, run in runs.items() if key.startswith(OURS))
    count += sum(bool(row["wrong"]) for row in results.get("idle", {}).get("rows", []))
    return count + len(results.get("scale", {}).get("wrong", []))


def judge(results):
    """Every target, one after the other."""
    runs, scaled = Runs(results), results.get("scale", {})
    wrong = at_most("runs that ended out of sync, and events that came late", "0", wrong_runs(results), 0, "{}")
    return [wrong, *noop_rows(runs), *message_rows(runs), *first_rows(runs), *memory_rows(runs, scaled),
            *live_rows(results.get("live", {})), *scale_rows(scaled),
            *idle_rows(results.get("idle", {})), *beside_rows(runs)]


WORDS = {True: "met", BY_THE_LIMIT: "the limit is met", False: "**missed**", None: ""}


def table(judged):
    """Lines of Markdown, and a sentence that counts."""
    counts = collections.Counter(row.is_met for row in judged)
    rows = [(row.what, row.target, row.measured, WORDS[row.is_met]) for row in judged]
    return ["", "### Targets", "", *tables.table(("", "at most", "measured", ""), rows), "",
            f"{counts[True]} met, {counts[BY_THE_LIMIT]} beyond the limit, which is met, {counts[False]} missed,"
            f" {counts[None]} not measured"]
