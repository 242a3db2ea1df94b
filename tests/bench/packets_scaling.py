# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=scaling: two CPUs that send and forward at once, against one; and the largest tables.

A CPU's packets stay on it from the generator to the count, as with a network card that has a queue
for each. So CPU time says what the CPUs take from each other (lines of memory, its bandwidth), and
nothing of what else runs; wall time, with two CPUs in all, would say how busy the machine is.
scaling = throughput of both by that of one = 2 x cost alone / mean cost together.
"""
import results
from packets_established import COST, ONE_WAY, RANDOM_WAY, measure_sizes
from packets_path import BARE_XDP, BASE, CPUS, NATGW_XDP
from packets_rounds import RANDOM, SEQUENTIAL, K, M, collect, note, side_by_side

METRIC = "scaling"
ESTABLISHED, NEW = "established", "new_session"
SUBJECTS = (BARE_XDP, NATGW_XDP)
ROUNDS, ROUNDS_QUICK = 9, 3
SESSIONS = 32 * K  # of each CPU
COUNT = 512 * K  # packets of each CPU
SESSIONS_NEW = 32 * K  # of each CPU, each time
CHUNK, CHUNK_NEW = 32 * K, 8 * K
CAPACITY, CAPACITY_LARGEST = 4 * M, 16 * M
ONE, TWO = (",".join(map(str, CPUS[-count:])) for count in (1, 2))  # for the engine


def send_established(hosts, path, cpus, number):
    return hosts.send(path, cpus=cpus, sessions=SESSIONS, order=RANDOM, start=number * COUNT,
                      count=COUNT, warm=SESSIONS, chunk=CHUNK)


def send_new(hosts, path, cpus, first):
    return hosts.send(path, cpus=cpus, sessions=SESSIONS_NEW, order=SEQUENTIAL, first=first,
                      count=SESSIONS_NEW, chunk=CHUNK_NEW)


def scaling_of(hosts, path, what, number):
    """Of one round; base: what it costs there alone. One CPU is measured before and after both, so
    that what goes on (tables that grow, the machine's clock) cancels out."""
    if what == ESTABLISHED:
        costs = [send_established(hosts, path, cpus, number) for cpus in (ONE, TWO, ONE)]
    else:
        first = 2 * SESSIONS + number * 4 * SESSIONS_NEW
        costs = [send_new(hosts, path, cpus, first + offset * SESSIONS_NEW)
                 for cpus, offset in ((ONE, 0), (TWO, 1), (ONE, 3))]
    before, both, after = costs
    single = (before + after) / 2
    return single if path.subject == BASE else 2 * single / both


def measure_two(build, rounds, problems):
    with side_by_side(SUBJECTS, build, problems, CAPACITY, queues=2) as hosts:
        hosts.each(lambda path: hosts.fill(path, 0, 2 * SESSIONS))
        for what, sessions in ((ESTABLISHED, 2 * SESSIONS), (NEW, None)):
            note(f"scaling: {what}")
            found = hosts.rounds(rounds, lambda path, number, of=what: scaling_of(
                hosts, path, of, number))
            for subject in found[0]:
                if subject != BASE:
                    yield results.make("scaling", subject, METRIC, [one[subject] for one in found],
                                       what=what, sessions=sessions, direction=ONE_WAY)


def measure_largest(build, rounds, problems):
    """Packets of a million sessions where there is room for 16 million."""
    with side_by_side(SUBJECTS, build, problems, CAPACITY_LARGEST) as hosts:
        for row in measure_sizes(hosts, (M,), lambda _: [RANDOM_WAY], rounds):
            if row["metric"] == COST and row["subject"] != BASE:
                row.update(case="scaling", what="largest", capacity=CAPACITY_LARGEST)
                yield row


def print_rows(rows):
    note("")
    print("two CPUs: throughput against one CPU's")
    for row in rows:
        if row["metric"] == METRIC:
            print(f"  {row['what']:<12} {row['subject']:<24} median {row['median']:.3f} "
                  f"({row['min']:.3f} to {row['max']:.3f})")


def measure(build, quick):
    """(objects of results.json, problems)"""
    rows, problems = [], []
    rounds = ROUNDS_QUICK if quick else ROUNDS
    if len(CPUS) < 2:
        return rows, ["scaling: there is one CPU only"]
    rows += collect(problems, measure_two, build, rounds)
    rows += collect(problems, measure_largest, build, rounds)
    print_rows(rows)
    return rows, problems
