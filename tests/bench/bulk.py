# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=bulk: TCP streams in large (GSO) packets through tc, beside the kernel's masquerade; and
small datagrams (udp.py).

A pair is two short transfers one after the other, natgw and masquerade; their order changes from
pair to pair. Ratios are made within pairs, so that a phase in which the machine is slow cancels
out. Plain forwarding runs behind some pairs: it says how much of a transfer is not NAT at all.
"""
import collections
import contextlib
import os
import sys
import tempfile
import time

import results
import udp
from gateway_path import FORWARD, MTU, NATGW_TC, NFT, Failed, Path, clear_leftovers

SUBJECTS = (NATGW_TC, NFT, FORWARD)
WARM_UP = 2  # pairs that do not count
FORWARD_EVERY = 4  # pairs
QUICK_PAIRS = 4
PAIRS_LEAST = 8
TRANSFER_S = 50  # no new pair after this, where there are so many
BYTES = "1G"  # of one transfer
RATE, COST = "gbit_per_second", "cpu_s_per_gb"
SIZE, SEGMENTS, AGAIN = "bytes_per_packet", "segments_per_packet", "retransmits"

# keys: of the objects of results.json. options: what iperf3 is told. quick: measured then, too.
Transfer = collections.namedtuple("Transfer", "keys options pairs quick")
# One transfer, by metric.
Run = collections.namedtuple("Run", "subject values")


def transfers():
    """On one CPU all that a transfer costs is in its time, and nothing depends on where the
    scheduler puts client and server. Large writes keep them from two ways of taking turns, of which
    one is twice as slow. Reno sends as fast as it can; what the host has chosen (BBR) may send as
    fast as it thinks that it should. "streams" go where the scheduler puts them.
    """
    last = str(max(os.sched_getaffinity(0)))
    fast = ("-l", "1M", "-C", "reno")
    one_cpu = ("-A", f"{last},{last}") + fast
    yield Transfer({"transfer": "upload", "streams": 1}, one_cpu, 24, True)
    yield Transfer({"transfer": "download", "streams": 1}, ("-R",) + one_cpu, 24, False)
    for count, quick in ((1, True), (4, True), (8, False)):
        yield Transfer({"transfer": "streams", "streams": count}, ("-P", str(count)) + fast, 20,
                       quick)


def transfer_once(path, options):
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


def run_pairs(paths, transfer, count):
    """{subject: its transfers}, of which those at one place in the lists belong together."""
    runs = {subject: [] for subject in SUBJECTS}
    start = time.monotonic()
    for number in range(WARM_UP + count):
        if number >= WARM_UP + PAIRS_LEAST and time.monotonic() - start > TRANSFER_S:
            break
        if sys.stderr.isatty():
            print(f"\rpair {number + 1} of {WARM_UP + count} ", end="", file=sys.stderr)
        order = (NATGW_TC, NFT) if number % 2 else (NFT, NATGW_TC)
        if (number - WARM_UP) % FORWARD_EVERY == 0:
            order += (FORWARD,)
        for subject in order:
            run = transfer_once(paths[subject], transfer.options)
            if number >= WARM_UP:
                runs[subject].append(run)
    if sys.stderr.isatty():
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr)
    return runs


def objects_of(transfer, runs):
    """The flat objects of results.json."""
    for subject in SUBJECTS:
        for metric in runs[subject][0].values:
            values = [run.values[metric] for run in runs[subject]]
            yield results.make("bulk", subject, metric, values, **transfer.keys)


def measure_tcp(build, quick):
    """Objects, one by one, so that what fails late does not take away what was measured."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="natgw-bench-"))
        paths = {subject: stack.enter_context(Path(
            subject, build, folder, attach="auto" if subject == NATGW_TC else None))
                 for subject in SUBJECTS}
        for path in paths.values():
            path.require_offloads()
            path.start_iperf3()
        for transfer in transfers():
            if transfer.quick or not quick:
                runs = run_pairs(paths, transfer, QUICK_PAIRS if quick else transfer.pairs)
                yield from objects_of(transfer, runs)
        for path in paths.values():
            path.require_translated()


def measure(build, _folder, quick):
    """The objects of results.json, and what could not be measured."""
    rows = []
    clear_leftovers()
    try:
        for row in measure_tcp(build, quick):
            rows.append(row)
        for row in udp.measure(build, quick):
            rows.append(row)
    except (Failed, AssertionError) as error:
        return rows, [f"bulk: {error}"]
    return rows, []
