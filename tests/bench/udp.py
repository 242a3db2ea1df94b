# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams of 64 bytes by iperf3, as fast as one program can send them: packets delivered per
second, and what each has cost. Sender and receiver have a CPU each; the gateway's work is done on
the sender's. Subjects take turns, so that values at one place belong together.
"""
import contextlib
import os
import tempfile

import results
from gateway_path import FORWARD, NATGW_TC, NATGW_XDP, NFT, Failed, Path

SUBJECTS = (NATGW_XDP, NATGW_TC, NFT, FORWARD)
ROUNDS, ROUNDS_QUICK = 6, 2
SECONDS = 2
BYTES = 64
RATE, COST, ARRIVED = "packets_per_second", "cpu_ns_per_packet", "delivered_percent"


def send_once(path):
    """Values by metric."""
    cpus = sorted(os.sched_getaffinity(0))
    result, cpu_time = path.iperf3("-u", "-b", "0", "-l", str(BYTES), "-t", str(SECONDS), "-A",
                                   f"{cpus[0]},{cpus[-1]}")
    total = result["sum"]
    arrived = total["packets"] - total["lost_packets"]
    if arrived <= 0:
        raise Failed(f"{path.subject}: no datagram has arrived")
    return {RATE: arrived / total["seconds"], COST: cpu_time * 1e9 / arrived,
            ARRIVED: 100 * arrived / total["packets"]}


def measure(build, quick):
    """Objects of results.json, case bulk."""
    rounds = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="natgw-bench-"))
        paths = [stack.enter_context(Path(subject, build, folder)) for subject in SUBJECTS]
        for path in paths:
            path.start_iperf3()
        for _ in range(ROUNDS_QUICK if quick else ROUNDS):
            rounds.append({path.subject: send_once(path) for path in paths})
        for path in paths:
            path.require_translated()
    for subject in SUBJECTS:
        for metric in (RATE, COST, ARRIVED):
            yield results.make("bulk", subject, metric, [one[subject][metric] for one in rounds],
                               transfer="udp_64")
