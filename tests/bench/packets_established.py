# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=established: packets of sessions that exist, and segments of a TCP stream in sequence."""
import collections

import results
from packets_path import (BARE_TC, BARE_XDP, BASE, FLOWTABLE, FORWARD, NATGW_TC, NATGW_XDP, NFT,
                          POOL, UNTUNED, has_flowtables)
from packets_rounds import RANDOM, SEQUENTIAL, K, M, collect, note, side_by_side

ONE_WAY, ROUND_TRIP = "one_way", "round_trip"
COST, NET, RATE = "cpu_ns_per_packet", "cpu_ns_per_packet_net", "packets_per_second"
SUBJECTS = (BARE_XDP, BARE_TC, FORWARD, NFT, POOL, NATGW_XDP, NATGW_TC)
SUBJECTS_QUICK = (BARE_XDP, BARE_TC, NFT, NATGW_XDP, NATGW_TC)
SUBJECTS_BULK = (BARE_XDP, FORWARD, NFT, NATGW_XDP, NATGW_TC)
XDP_SUBJECTS = (BASE, BARE_XDP, NATGW_XDP)
# Rounds of at least 8 give quartiles. Packets of one value: a tenth to half of a second.
ROUNDS, ROUNDS_QUICK = 9, 3
COUNT_XDP, COUNT_SKB = 512 * K, 128 * K
COUNT_BULK = 256 * K
WARM = 64 * K  # packets before it, at most; fewer where there are fewer sessions
NS = 1e9

# What is measured at one size.
Way = collections.namedtuple("Way", "direction order")
RANDOM_WAY = Way(ONE_WAY, RANDOM)
SIZES, SIZES_QUICK = (1, K, 64 * K, M, 4 * M), (1, 64 * K, M)
# The order means nothing where all sessions are in the nearest caches, and little in a round trip.
SEQUENTIAL_FROM = 64 * K
# Conntrack as it comes takes minutes to make 4 M sessions, and at 1 k it is like the tuned one.
SIZES_UNTUNED = (64 * K, M)


def ways_at(sessions):
    ways = [RANDOM_WAY, Way(ROUND_TRIP, RANDOM)]
    if sessions >= SEQUENTIAL_FROM:
        ways.insert(1, Way(ONE_WAY, SEQUENTIAL))
    return ways


def reflect(path):
    """How the server answers where it does: a base's packets do not get there."""
    return "none" if path.subject == BASE else "reflect"


def send_packets(hosts, path, sessions, way, number):
    """ns of CPU per packet, or per packet and its answer."""
    count = COUNT_XDP if path.subject in XDP_SUBJECTS else COUNT_SKB
    answer = "none"
    if way.direction == ROUND_TRIP:
        count //= 2
        answer = reflect(path)
    return hosts.send(path, answer=answer, sessions=sessions, order=way.order,
                      start=number * count, count=count, warm=min(sessions, WARM))


def rows_of(case, rounds, **keys):
    """Objects of results.json."""
    for subject in rounds[0]:
        values = [one[subject] for one in rounds]
        yield results.make(case, subject, COST, values, **keys)
        yield results.make(case, subject, RATE, [NS / value for value in values], **keys)
        if subject != BASE:
            net = [one[subject] - one[BASE] for one in rounds]
            yield results.make(case, subject, NET, net, **keys)


def measure_sizes(hosts, sizes, ways, rounds):
    """Objects for each size, which rise: the sessions of one are among those of the next. All have
    been answered before anything is measured. ways: of a size, as a function."""
    filled = 0
    for sessions in sizes:
        note(f"established: {sessions:,} sessions are made")
        hosts.each(lambda path, first=filled, end=sessions: hosts.fill(
            path, first, end, answer=reflect(path)))
        filled = sessions
        for way in ways(sessions):
            note(f"established: {sessions:,} sessions, {way.direction}, {way.order}")
            found = hosts.rounds(rounds, lambda path, number, at=sessions, by=way: send_packets(
                hosts, path, at, by, number))
            rows = list(rows_of("established", found, sessions=sessions, direction=way.direction,
                                order=way.order))
            print_packets(f"{sessions:,} sessions, {way.direction}, {way.order}", rows)
            yield from rows


def print_packets(heading, rows):
    costs = {row["subject"]: row for row in rows if row["metric"] == COST}
    nets = {row["subject"]: row for row in rows if row["metric"] == NET}
    note("")
    print(f"{heading}: ns of CPU per packet, {costs[BASE]['runs']} rounds")
    for subject, row in costs.items():
        net = f"net {nets[subject]['median']:8.1f}" if subject in nets else ""
        text = f"  {subject:<24} min {row['min']:8.1f}  median {row['median']:8.1f}  {net:<12}"
        if BARE_XDP in costs and subject not in (BARE_XDP, BASE):
            text += f"  {results.ratio(row, costs[BARE_XDP]).median:6.2f}x redirect"
        if NFT in costs and subject not in (NFT, BASE):
            text += f"  masquerade {results.ratio(costs[NFT], row).median:6.2f}x"
            if subject in nets:
                text += f", net {results.ratio(nets[NFT], nets[subject]).median:6.2f}x"
        print(text, flush=True)


# ---- bulk TCP ----

def open_stream(hosts, path):
    """SYN and SYN-ACK, then a server that takes packets as large as they come, where that is the
    gateway's way: XDP hands on what has come."""
    if path.subject != BASE:
        hosts.send(path, kind="syn", answer="synack", sessions=1, count=1)
    if path.subject not in XDP_SUBJECTS:
        hosts.engine.take_large(path)


def measure_bulk(build, rounds, problems):
    """Objects of case bulk: segments of 1,514 bytes of one stream, in sequence."""
    with side_by_side(SUBJECTS_BULK, build, problems, 64 * K) as hosts:
        hosts.each(lambda path: open_stream(hosts, path))
        note("bulk TCP")
        found = hosts.rounds(rounds, lambda path, number: hosts.send(
            path, kind="bulk", sessions=1, start=number * COUNT_BULK, count=COUNT_BULK))
    rows = list(rows_of("bulk", found, transfer="in_sequence", sessions=1, direction=ONE_WAY))
    print_packets("one TCP stream, 1,514 bytes in sequence", rows)
    yield from rows


# ---- all of it ----

def measure_packets(build, subjects, sizes, ways, rounds, problems):
    with side_by_side(subjects, build, problems, max(*sizes, K)) as hosts:
        yield from measure_sizes(hosts, sizes, ways, rounds)


def measure_untuned(build, rounds, problems):
    """conntrack with as many buckets as the machine has given it; they are one table for all, so
    this stands alone."""
    with side_by_side((UNTUNED,), build, problems, M, tuned=False) as hosts:
        yield from (row for row in measure_sizes(hosts, SIZES_UNTUNED, lambda _: [RANDOM_WAY],
                                                 rounds)
                    if row["subject"] != BASE)


def skipped_flowtable():
    reason = "the kernel has no flowtables (CONFIG_NF_FLOW_TABLE)"
    print(f"{FLOWTABLE}: skipped: {reason}")
    return results.skip("established", FLOWTABLE, reason)


def measure(build, quick):
    """(objects of results.json, problems)"""
    rows, problems = [], []
    if quick:
        rows += collect(problems, measure_packets, build, SUBJECTS_QUICK, SIZES_QUICK,
                        lambda _: [RANDOM_WAY], ROUNDS_QUICK)
        rows += collect(problems, measure_bulk, build, ROUNDS_QUICK)
        return rows, problems
    subjects = SUBJECTS
    if has_flowtables():
        subjects += (FLOWTABLE,)
    else:
        rows.append(skipped_flowtable())
    rows += collect(problems, measure_packets, build, subjects, SIZES, ways_at, ROUNDS)
    rows += collect(problems, measure_untuned, build, ROUNDS)
    rows += collect(problems, measure_bulk, build, ROUNDS)
    return rows, problems
