# SPDX-License-Identifier: GPL-2.0-only
"""The charts of `make bench`: which results are drawn, and how. A chart of which nothing was
measured is not drawn. BENCH=ports draws its own (ports_curve.py)."""
import collections
import math
import os

import chart_svg
from report_table import count

COLOURS = {
    "natgw-xdp": "#0b62a4", "natgw-tc": "#2b9a66", "xdp-redirect": "#7fb2dd",
    "tc-redirect": "#8fd0ae", "forward": "#888888", "nft-masquerade": "#c1440e",
    "nft-masquerade-untuned": "#e9a178", "nft-pool": "#8c5aa8", "nft-flowtable": "#b8960c",
    "base": "#bbbbbb",
}
DASHES = {"xdp-redirect": "6 4", "tc-redirect": "6 4", "forward": "2 3", "base": "2 3"}
OTHER = "#444444"

# A line for each subject. wanted: of the objects that are drawn; x: their key along the x axis.
Curve = collections.namedtuple("Curve", "file title x_name y_name wanted x", defaults=("sessions",))
# Bars in groups. group: the name of the group that an object belongs to.
Bars = collections.namedtuple("Bars", "file title x_name y_name wanted group")

ESTABLISHED = {"case": "established", "metric": "cpu_ns_per_packet", "order": "random"}
LATENCY = {"case": "latency", "metric": "latency_us"}
CURVES = (
    Curve("established.svg", "CPU time of one packet of an existing session, random order",
          "sessions", "ns per packet, one way", dict(ESTABLISHED, direction="one_way")),
    Curve("round_trip.svg", "CPU time of one packet and its answer, random order",
          "sessions", "ns per packet and answer", dict(ESTABLISHED, direction="round_trip")),
    Curve("new_session.svg", "CPU time of a new session's first packet",
          "sessions that exist", "ns per new session",
          {"case": "new_session", "metric": "ns_per_new_session"}),
    Curve("latency_asleep.svg", "A datagram and its answer, 1 M sessions, both ends asleep",
          "percentile", "microseconds", dict(LATENCY, waiting="asleep"), "percentile"),
    Curve("latency_awake.svg", "A datagram and its answer, 1 M sessions, both ends awake",
          "percentile", "microseconds", dict(LATENCY, waiting="awake"), "percentile"),
)


def transfer_name(row):
    streams = row.get("streams")
    if row.get("transfer") != "streams":
        return row.get("transfer")
    return f"{streams} stream" + ("s" if streams != 1 else "")


BARS = (
    Bars("bulk.svg", "TCP through the gateway, large packets, offloads on", "transfer", "Gbit/s",
         {"case": "bulk", "metric": "gbit_per_second"}, transfer_name),
    Bars("udp.svg", "Datagrams of 64 bytes through the gateway, iperf3", "", "packets per second",
         {"case": "bulk", "metric": "packets_per_second", "transfer": "udp_64"}, transfer_name),
    Bars("memory.svg", "Kernel memory of one session, both directions", "", "bytes",
         {"case": "memory", "metric": "bytes_per_session", "capacity": None},
         lambda row: row["what"]),
)


def chosen(rows, wanted):
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def by_subject(rows):
    subjects = {}
    for row in rows:
        subjects.setdefault(row["subject"], []).append(row)
    return subjects


def value_of(row):
    return chart_svg.Value(row["min"], row["median"], row["max"])


def extremes(rows):
    return [row[key] for row in rows for key in ("min", "max")]


def series_of(subject, points):
    return chart_svg.Series(subject, COLOURS.get(subject, OTHER), DASHES.get(subject, ""), points)


def places_of(values, key):
    """{value: share of the width}: sessions by their logarithm, all else side by side."""
    if key == "sessions":
        values = {value: math.log(max(value, 1)) for value in values}
    else:
        values = {value: number for number, value in enumerate(values)}
    low, high = min(values.values()), max(values.values())
    return {value: 0.04 + 0.92 * (x - low) / (high - low or 1) for value, x in values.items()}


def draw_curve(curve, rows):
    rows = [row for row in rows if row.get(curve.x) is not None and row["min"] > 0]
    if not rows:
        return None
    places = places_of(sorted({row[curve.x] for row in rows}), curve.x)
    chart = chart_svg.Chart(curve.title, curve.x_name, curve.y_name,
                            [(place, count(value)) for value, place in places.items()],
                            extremes(rows), True)
    for subject, own in by_subject(rows).items():
        own.sort(key=lambda row: row[curve.x])
        chart.line(series_of(subject, [(places[row[curve.x]], value_of(row)) for row in own]))
    return chart.svg()


def draw_bars(bars, rows):
    if not rows:
        return None
    groups = list(dict.fromkeys(bars.group(row) for row in rows))
    places = {group: (number + 0.5) / len(groups) for number, group in enumerate(groups)}
    chart = chart_svg.Chart(bars.title, bars.x_name, bars.y_name,
                            [(place, group) for group, place in places.items()], extremes(rows),
                            False)
    subjects = by_subject(rows)
    for number, (subject, own) in enumerate(subjects.items()):
        points = [(places[bars.group(row)], value_of(row)) for row in own]
        chart.bars(series_of(subject, points), number, len(subjects), len(groups))
    return chart.svg()


def draw_all(rows, folder):
    """Draws what there is; the paths of the files."""
    for draw, charts in ((draw_curve, CURVES), (draw_bars, BARS)):
        for chart in charts:
            svg = draw(chart, chosen(rows, chart.wanted))
            if svg is None:
                continue
            path = os.path.join(folder, chart.file)
            with open(path, "w", encoding="utf-8") as file:
                file.write(svg)
            yield path
