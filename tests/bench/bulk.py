# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=bulk: one TCP stream in large (GSO) packets through tc, beside the kernel's masquerade.

A pair is two short transfers one after the other, natgw and masquerade; their order changes from
pair to pair. Ratios are made within pairs, so that a phase in which the machine is slow cancels
out. Plain forwarding runs behind some pairs: it says how much of a transfer is not NAT at all.
"""
import collections
import contextlib
import math
import os
import statistics
import sys
import tempfile

from bulk_path import MTU, Failed, Path, clear_leftovers

NATGW, NFT, FORWARD = "natgw-tc", "nft-masquerade", "kernel-forward"
SUBJECTS = (NATGW, NFT, FORWARD)
PAIRS = 40
WARM_UP = 4  # pairs that do not count
FORWARD_EVERY = 4  # pairs
BYTES = "1G"  # of one transfer
RATE, COST = "gbit_per_s", "cpu_s_per_gb"
SIZE, SEGMENTS, AGAIN = "bytes_per_packet", "segments_per_packet", "retransmits"

# One transfer, by metric.
Run = collections.namedtuple("Run", "subject values")


def cases():
    """What iperf3 is told, by name.

    On one CPU all that a transfer costs is in its time, and nothing depends on where the scheduler
    puts client and server. Large writes keep them from two ways of taking turns, of which one is
    twice as slow. Reno sends as fast as it can; what the host has chosen (BBR) may send as fast as
    it thinks that it should. "as it comes" has none of that.
    """
    last = str(max(os.sched_getaffinity(0)))
    one_cpu = ("-A", f"{last},{last}", "-l", "1M", "-C", "reno")
    return {"upload": one_cpu, "download": ("-R",) + one_cpu, "as it comes": ()}


def transfer(path, options):
    """Sends and measures once. Failed when no GSO packet has come through."""
    interface = "ext0" if "-R" in options else "int0"
    before = path.counters(interface)
    result, cpu_time = path.iperf3("-n", BYTES, *options)
    after = path.counters(interface)
    packets = after.packets - before.packets
    values = {
        RATE: result["sum_received"]["bits_per_second"] / 1e9,
        COST: cpu_time / (result["sum_received"]["bytes"] / 1e9),
        SIZE: (after.bytes - before.bytes) / packets,
        AGAIN: result["sum_sent"]["retransmits"],
    }
    if values[SIZE] <= 2 * MTU:
        raise Failed(f"{path.subject}: {values[SIZE]:.0f} bytes per packet: no GSO packets")
    if after.segments is not None:
        values[SEGMENTS] = (after.segments - before.segments) / packets
        if values[SEGMENTS] <= 2:
            raise Failed(f"{path.subject}: {values[SEGMENTS]:.1f} segments per packet: "
                         "its program has seen no GSO packets")
    return Run(path.subject, values)


def run_pairs(paths, options):
    """{subject: its transfers}, of which those at one place in the lists belong together."""
    runs = {subject: [] for subject in SUBJECTS}
    for number in range(WARM_UP + PAIRS):
        if sys.stderr.isatty():
            print(f"\rpair {number + 1} of {WARM_UP + PAIRS} ", end="", file=sys.stderr)
        order = (NATGW, NFT) if number % 2 else (NFT, NATGW)
        if number % FORWARD_EVERY == 0:
            order += (FORWARD,)
        for subject in order:
            run = transfer(paths[subject], options)
            if number >= WARM_UP:
                runs[subject].append(run)
    if sys.stderr.isatty():
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr)
    return runs


# ---- figures ----

def confidence(values):
    """Between these two the median of all such values lies with 95 % (by the binomial law)."""
    values, count = sorted(values), len(values)
    below, rank = 0.0, 0
    while rank < count // 2:
        below += math.comb(count, rank) / 2 ** count
        if below > 0.025:
            break
        rank += 1
    rank = max(rank - 1, 0)
    return values[rank], values[count - 1 - rank]


class Ratio:
    """Pair by pair: how many times masquerade's rate natgw has, or, of the cost, how many times
    natgw's masquerade has. Above 1 is in natgw's favour."""

    def __init__(self, runs, metric):
        self.values = [ours.values[metric] / theirs.values[metric]
                       for ours, theirs in zip(runs[NATGW], runs[NFT])]
        if metric == COST:
            self.values = [1 / value for value in self.values]
        self.median = statistics.median(self.values)
        self.low, self.high = confidence(self.values)
        self.quartiles = statistics.quantiles(self.values, n=4)

    def text(self):
        return (f"{self.median:.3f} (95 %: {self.low:.3f} to {self.high:.3f}; half of the pairs "
                f"{self.quartiles[0]:.2f} to {self.quartiles[2]:.2f})")


def objects_of(case, runs):
    """The flat objects of results.json."""
    for subject in SUBJECTS:
        for metric in runs[subject][0].values:
            values = [run.values[metric] for run in runs[subject]]
            yield {"case": "bulk", "subject": subject, "transfer": case, "metric": metric,
                   "min": round(min(values), 3), "median": round(statistics.median(values), 3),
                   "max": round(max(values), 3), "rounds": len(values)}
    for metric in (RATE, COST):
        ratio = Ratio(runs, metric)
        yield {"case": "bulk", "subject": NATGW, "transfer": case, "metric": f"{metric}_to_{NFT}",
               "min": round(min(ratio.values), 3), "low": round(ratio.low, 3),
               "median": round(ratio.median, 3), "high": round(ratio.high, 3),
               "max": round(max(ratio.values), 3), "rounds": len(ratio.values)}


def print_case(case, runs):
    print(f"{case}")
    print(f"  Gbit/s         {Ratio(runs, RATE).text()}")
    print(f"  CPU time       {Ratio(runs, COST).text()}")
    for subject in SUBJECTS:
        median = {metric: statistics.median(run.values[metric] for run in runs[subject])
                  for metric in runs[subject][0].values}
        segments = f" ({median[SEGMENTS]:.0f} segments)" if SEGMENTS in median else ""
        print(f"  {subject:<14} {median[RATE]:6.2f} Gbit/s, {median[COST]:.3f} CPU s/GB, "
              f"{median[SIZE]:,.0f} bytes per packet{segments}, {median[AGAIN]:.0f} retransmits")


def measure(build, _folder):
    """The objects of results.json, and what could not be measured."""
    clear_leftovers()
    results = []
    try:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="natgw-bulk-"))
            paths = {subject: stack.enter_context(Path(subject, build, folder))
                     for subject in SUBJECTS}
            print(f"One TCP stream through the gateway, {PAIRS} pairs of transfers of {BYTES}: "
                  f"{NATGW} to {NFT}; above 1 is in {NATGW}'s favour.")
            for case, options in cases().items():
                runs = run_pairs(paths, options)
                print_case(case, runs)
                results += objects_of(case, runs)
            for path in paths.values():
                path.require_translated()
    except (Failed, AssertionError) as error:
        return results, [f"bulk: {error}"]
    return results, []
