# SPDX-License-Identifier: GPL-2.0-only
"""The flat objects of build/bench/results.json: how one is made, found, and compared with another.

Every object has the keys of KEYS, null where they say nothing, then "metric", "unit", "min",
"median", "max", "runs", and "values": one value for each round, in the order of the rounds, which
the subjects take turns in. So values at one place of two subjects belong together.
"""
import collections
import statistics

KEYS = ("case", "subject", "sessions", "direction", "order", "fill_percent")
FIGURES = ("unit", "min", "median", "max", "runs", "values", "packets", "ratio_to_base")

UNITS = {
    "cpu_ns_per_packet": "ns", "cpu_ns_per_packet_net": "ns", "ns_per_packet": "ns",
    "ns_per_new_session": "ns", "ns_per_refusal": "ns", "ns_per_recheck": "ns",
    "ns_per_recheck_word": "ns", "ns_per_connection": "ns", "ns_per_slot": "ns",
    "ns_per_session": "ns", "latency_us": "us", "cpu_s_per_gb": "s",
    "packets_per_second": "packets/s", "new_sessions_per_second": "sessions/s",
    "connections_per_second": "connections/s", "real_connections_per_second": "connections/s",
    "gbit_per_second": "Gbit/s", "scaling": "", "share_percent": "%",
    "bytes_per_session": "bytes", "sessions_reached": "sessions",
    "sessions_of_64512_attempts": "sessions", "success_percent": "%", "delivered_percent": "%",
    "ports_per_recheck": "ports", "ports_per_recheck_word": "ports",
    "bytes_per_packet": "bytes", "segments_per_packet": "segments", "retransmits": "segments",
}
# Of these more is better; of all others less.
RATES = ("packets_per_second", "new_sessions_per_second", "connections_per_second",
         "real_connections_per_second", "gbit_per_second", "scaling", "sessions_reached",
         "sessions_of_64512_attempts", "success_percent", "delivered_percent",
         "segments_per_packet", "bytes_per_packet")
# With so many pairs the middle half says more of the spread than the two farthest of them.
QUARTILES_FROM = 8


def shorten(value):
    return float(f"{value:.9g}")


def make(case, subject, metric, values, **more):
    """One object. values: of the rounds, in their order; more: keys of KEYS, and any others."""
    values = [shorten(value) for value in values]
    row = dict.fromkeys(KEYS)
    row.update(case=case, subject=subject, **more)
    row.update(metric=metric, unit=UNITS[metric], min=min(values),
               median=shorten(statistics.median(values)), max=max(values), runs=len(values),
               values=values)
    return row


def skip(case, subject, reason):
    """The object that says why a subject was not measured."""
    row = dict.fromkeys(KEYS + ("metric", "unit", "min", "median", "max"))
    row.update(case=case, subject=subject, runs=0, skipped=reason)
    return row


def measured(rows):
    """Those that say what was measured."""
    return [row for row in rows if "skipped" not in row]


def find(rows, **wanted):
    """The first object that has these values; None: nobody has measured that."""
    for row in rows:
        if all(row.get(key) == value for key, value in wanted.items()):
            return row
    return None


def setting(row):
    """What was measured, apart from the subject: objects that agree in it can be compared."""
    return tuple(sorted((key, value) for key, value in row.items()
                        if key not in FIGURES and key != "subject" and value is not None))


# paired: of values that belong together; else of the two medians, low and high being the extremes.
Ratio = collections.namedtuple("Ratio", "median low high paired")


def ratio(over, under):
    """How many times "under" is in "over", with its spread; None: cannot be said."""
    if over is None or under is None or under["min"] <= 0:
        return None
    tops, bottoms = over.get("values") or [], under.get("values") or []
    if len(tops) != len(bottoms) or len(tops) < 2:
        return Ratio(over["median"] / under["median"], over["min"] / under["max"],
                     over["max"] / under["min"], False)
    values = [top / bottom for top, bottom in zip(tops, bottoms)]
    low, high = spread(values)
    return Ratio(statistics.median(values), low, high, True)


def spread(values):
    """Where the values lie: all of them, or, if they are many, the middle half."""
    if len(values) < QUARTILES_FROM:
        return min(values), max(values)
    quartiles = statistics.quantiles(values, n=4)
    return quartiles[0], quartiles[2]


def advantage(ours, theirs):
    """The ratio that is above 1 where ours is the better one."""
    if ours is not None and ours["metric"] in RATES:
        return ratio(ours, theirs)
    return ratio(theirs, ours)
