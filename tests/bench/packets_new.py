# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=new_session: the first packet of a UDP session, while the tables grow. 256 destinations."""
import results
from packets_path import BARE_XDP, BASE, FORWARD, NATGW_TC, NATGW_XDP, NFT, POOL, UNTUNED
from packets_rounds import SEQUENTIAL, K, M, collect, note, side_by_side

METRIC, RATE = "ns_per_new_session", "new_sessions_per_second"
POINTS, POINTS_QUICK = (64 * K, 512 * K, M, 2 * M, 4 * M), (64 * K, M)
STRETCH, STEPS = 128 * K, 8  # what is measured: so many sessions up to a point, in steps
SLOW_NS = 30000  # no more points after one that costs so much
NS = 1e9
# Conntrack's tables are one for all namespaces, also the hash by source, whose size cannot be set:
# so only one of its users is there at a time.
GROUPS = ((BARE_XDP, FORWARD, NFT, NATGW_XDP, NATGW_TC), (POOL,), (UNTUNED,))
GROUPS_QUICK = ((BARE_XDP, NFT, NATGW_XDP, NATGW_TC),)


def stretch_of(point):
    return min(STRETCH, point // 2)


def fill(hosts, path, first, end):
    """Conntrack drops what would make the chain of a bucket too long: a few of the untuned one's.
    """
    return hosts.fill(path, first, end, least=0.99 if path.subject == UNTUNED else 1.0)


def measure_point(hosts, filled, point):
    """{subject: ns of each step}. The tables grow in step."""
    first = point - stretch_of(point)
    step = stretch_of(point) // STEPS
    note(f"new_session: on the way to {point:,} sessions")
    hosts.each(lambda path: fill(hosts, path, filled, first))
    steps = [hosts.each(lambda path, at=start: fill(hosts, path, at, at + step))
             for start in range(first, point, step)]
    return {subject: [one[subject] for one in steps] for subject in hosts.paths}


def measure_points(hosts, points):
    """Objects of results.json."""
    filled = 0
    for point in points:
        values = measure_point(hosts, filled, point)
        filled = point
        for subject, found in values.items():
            if subject != BASE:
                keys = {"sessions": point, "direction": "one_way", "order": SEQUENTIAL}
                yield results.make("new_session", subject, METRIC, found, **keys)
                yield results.make("new_session", subject, RATE, [NS / ns for ns in found], **keys)
        slowest = max(values, key=lambda subject: min(values[subject]))
        if min(values[slowest]) > SLOW_NS and point != points[-1]:
            print(f"{slowest}: {min(values[slowest]):,.0f} ns at {point:,} sessions: it ends here")
            return


def measure_group(build, subjects, points, problems):
    with side_by_side(subjects, build, problems, max(points), UNTUNED not in subjects,
                      plain=True) as hosts:
        yield from measure_points(hosts, points)


def print_rows(rows):
    print("ns of CPU per new session, generator included, at so many sessions: min / median")
    rows = [row for row in rows if row["metric"] == METRIC]
    points = sorted({row["sessions"] for row in rows})
    print(f"  {'':<24}" + "".join(f"{point:>20,}" for point in points))
    for subject in dict.fromkeys(row["subject"] for row in rows):
        cells = {row["sessions"]: row for row in rows if row["subject"] == subject}
        print(f"  {subject:<24}" + "".join(
            f"{cells[point]['min']:>10,.0f} /{cells[point]['median']:>8,.0f}"
            if point in cells else f"{'-':>20}" for point in points), flush=True)


def measure(build, quick):
    """(objects of results.json, problems)"""
    rows, problems = [], []
    points = POINTS_QUICK if quick else POINTS
    for subjects in GROUPS_QUICK if quick else GROUPS:
        rows += collect(problems, measure_group, build, subjects, points)
    print_rows(rows)
    return rows, problems
