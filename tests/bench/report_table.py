# SPDX-License-Identifier: GPL-2.0-only
"""The results as tables for the screen: a block for each thing that was measured, a line for each
subject, and how many times better than it natgw is."""
import results

OURS = ("natgw-xdp", "natgw-tc")
SHORT = {"one_way": "one way", "round_trip": "round trip"}
# BENCH=ports has a table of its own. The metrics are for who looks closer, or one over another: in
# results.json only.
CASE_NOT_HERE = "ports"
METRICS_NOT_HERE = ("bytes_per_packet", "segments_per_packet", "retransmits",
                    "new_sessions_per_second", "connections_per_second")
RATE_NOT_HERE = "packets_per_second"  # of one CPU; here where it is of a transfer
BASE = "base"  # the generator alone, which is in all others
LABEL_WIDTH = 28
NS = 1e9


def number(value):
    """With as many digits as one reads."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def count(value):
    """Sessions as people say them."""
    for size, name in ((1 << 20, "M"), (1 << 10, "k")):
        if value >= size and value % size == 0:
            return f"{value // size} {name}"
    return f"{value:,}"


def heading(row):
    """What a whole block has in common."""
    parts = [row["case"], row["metric"].replace("_", " ")]
    parts += [SHORT.get(row[key], row[key]) for key in ("direction", "order") if row.get(key)]
    return ", ".join(parts) + f" ({row['unit']})"


def label(row):
    """What tells the objects of a block from each other, but for the subject."""
    parts = []
    if row["sessions"] is not None:
        parts.append(f"{count(row['sessions'])} session" + "s" * (row["sessions"] != 1))
    skipped = results.KEYS + results.FIGURES + ("metric",)
    for key, value in row.items():
        if key in skipped or value is None:
            continue
        if isinstance(value, str):
            parts.append(value)
        else:
            parts.append(f"{key} {count(value) if isinstance(value, int) else number(value)}")
    return ", ".join(parts)


def against(row, rows):
    """For each of ours: how many times better than this row it is at the same thing."""
    cells = []
    if row["subject"] == BASE:
        return cells
    here = results.setting(row)
    for subject in OURS:
        ours = next((other for other in rows if other["subject"] == subject
                     and results.setting(other) == here), None)
        ratio = results.advantage(ours, row) if row["subject"] != subject else None
        cells.append(f"{number(ratio.median):>7}x ({number(ratio.low)}-{number(ratio.high)})"
                     if ratio else "")
    return cells


def per_second(row):
    """How many of what takes so many ns one CPU does in a second."""
    if row["unit"] != "ns" or row["median"] <= 0 or row["metric"].endswith("_net"):
        return ""
    rate = NS / row["median"]
    return f"{rate / 1e6:.2f} M" if rate >= 1e6 else f"{rate / 1e3:.1f} k"


def is_here(row):
    if row["case"] == CASE_NOT_HERE or row["metric"] in METRICS_NOT_HERE:
        return False
    return row["metric"] != RATE_NOT_HERE or row.get("transfer") == "udp_64"


def table(rows):
    """One block as lines; rows have one heading in common."""
    yield heading(rows[0])
    yield (f"  {'':<{LABEL_WIDTH}}{'min':>9}{'median':>10}{'max':>10}{'runs':>6}{'per s':>8}"
           + "".join(f"  {subject:<22}" for subject in OURS)).rstrip()
    last = None
    for row in rows:
        if label(row) != last:
            last = label(row)
            if last:
                yield f" {last}"
        cells = "".join(f"  {cell:<22}" for cell in against(row, rows))
        low, middle, high = (number(row[key]) for key in ("min", "median", "max"))
        yield (f"  {row['subject']:<{LABEL_WIDTH}}{low:>9}{middle:>10}{high:>10}{row['runs']:>6}"
               f"{per_second(row):>8}{cells}").rstrip()


def lines(rows):
    """All tables, blocks in the order in which they were measured."""
    blocks = {}
    for row in results.measured(rows):
        if is_here(row):
            blocks.setdefault(heading(row), {}).setdefault(label(row), []).append(row)
    text = []
    for parts in blocks.values():
        text += list(table([row for part in parts.values() for row in part])) + [""]
    text += [f"{row['subject']}: skipped: {row['skipped']}" for row in rows if "skipped" in row]
    if text:
        text.insert(0, "Behind each subject: how many times better natgw is (above 1: natgw is), "
                       "by pairs, with the spread.")
    return text
