# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=connections: complete TCP connections.

Peers without a state: SYN, SYN-ACK, FIN, FIN, ACK, five packets through the gateway, which has a
new session each time. (Neither side acknowledges what is in a window, so conntrack is told to be
liberal; sequence and acknowledgement numbers are right.) And, to see that nothing stands in their
way, real ones: an epoll client and server, whose own cost hides the gateway's.
"""
import contextlib
import os
import tempfile

import results
from packets_path import (BARE_XDP, BASE, FORWARD, NATGW_TC, NATGW_XDP, NFT, POOL, Failed, Path,
                          conntrack_size, end_process)
from packets_rounds import SEQUENTIAL, K, M, alone, collect, note, side_by_side
from hosts import wait_for  # in a folder that packets_path has named

METRIC, RATE, REAL = "ns_per_connection", "connections_per_second", "real_connections_per_second"
SUBJECTS = (BARE_XDP, NFT, POOL, NATGW_XDP, NATGW_TC)
SUBJECTS_QUICK = (BARE_XDP, NFT, NATGW_XDP, NATGW_TC)
SUBJECTS_REAL = (FORWARD, NFT, NATGW_XDP, NATGW_TC)
ROUNDS, ROUNDS_QUICK, ROUNDS_REAL = 9, 3, 3
COUNT = 64 * K
CAPACITY = 2 * M  # twice as many rounds, when half of them are done again
NS = 1e9
REAL_S, PORT = 2, 8080
CLIENT = "10.64.0.1"
DESTINATIONS = [f"198.19.1.{last}" for last in range(64)]


def connect(hosts, path, number):
    """ns of CPU per connection; the base's SYNs end at its gateway's interface."""
    return hosts.send(path, kind="syn", answer="none" if path.subject == BASE else "connect",
                      sessions=16 * M, order=SEQUENTIAL, start=number * COUNT, count=COUNT)


def measure_stateless(build, subjects, rounds, problems):
    with side_by_side(subjects, build, problems, CAPACITY, plain=True) as hosts:
        note("connections")
        found = hosts.rounds(rounds, lambda path, number: connect(hosts, path, number))
    for subject in found[0]:
        if subject != BASE:
            values = [one[subject] for one in found]
            yield results.make("connections", subject, METRIC, values)
            yield results.make("connections", subject, RATE, [NS / value for value in values])


# ---- real sockets ----

class RealHosts:
    """A path whose client and server are programs."""

    def __init__(self, path):
        self.path = path
        self.program = os.path.join(path.build, "tests/bench/packets")
        self.server = None

    def __enter__(self):
        path = self.path
        path.cli.ip("addr", "add", f"{CLIENT}/32", "dev", "lo")
        path.cli.ip("route", "add", "default", "via", "10.0.1.1", "src", CLIENT)
        path.srv.ip("route", "add", "local", "198.19.0.0/16", "dev", "lo")
        path.srv.ip("route", "add", "default", "via", "198.18.0.1")
        if path.subject == NATGW_XDP:  # the others keep their offloads
            for namespace in (path.cli, path.srv):
                namespace.run("ethtool", "-K", "eth0", "gro", "off")
                namespace.run("ethtool", "-K", "eth0", "gro", "on")
        else:
            for namespace in (path.cli, path.srv):
                namespace.run("ethtool", "-K", "eth0", "tx", "on")
        self.server = path.srv.start(self.program, "serve", str(PORT))
        wait_for(lambda: f":{PORT} " in path.srv.run("ss", "-Htln").stdout, "the server")
        return self

    def __exit__(self, kind, value, trace):
        end_process(self.server)

    def connect(self):
        """Connections in a second."""
        done = self.path.cli.run(self.program, "connect", str(REAL_S), str(PORT), *DESTINATIONS,
                                 check=False)
        if done.returncode != 0:
            raise Failed(f"{self.path.subject}: {done.stderr.strip()}")
        return float(done.stdout)


def measure_real(build, subjects, problems):
    del problems  # one that fails ends this
    rates = {subject: [] for subject in subjects}
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone())
        stack.enter_context(conntrack_size(M))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="natgw-bench-"))
        hosts = [stack.enter_context(RealHosts(stack.enter_context(
            Path(subject, build, folder, M)))) for subject in subjects]
        for _ in range(ROUNDS_REAL):
            for host in hosts:
                note(f"connections of real hosts through {host.path.subject}")
                rates[host.path.subject].append(host.connect())
    for subject, values in rates.items():
        yield results.make("connections", subject, REAL, values)


def print_rows(rows):
    found = {metric: {row["subject"]: row for row in rows if row["metric"] == metric}
             for metric in (METRIC, REAL)}
    note("")
    print("complete TCP connections: ns of CPU (stateless peers)")
    for subject, row in found[METRIC].items():
        ratio = results.ratio(found[METRIC].get(NFT), row)
        text = f"  masquerade {ratio.median:6.2f}x" if ratio else ""
        print(f"  {subject:<24} min {row['min']:9,.0f}  median {row['median']:9,.0f}{text}")
    for subject, row in found[REAL].items():
        print(f"  {subject:<24} {row['median']:9,.0f} real connections in a second")


def measure(build, quick):
    """(objects of results.json, problems)"""
    rows, problems = [], []
    rows += collect(problems, measure_stateless, build, SUBJECTS_QUICK if quick else SUBJECTS,
                    ROUNDS_QUICK if quick else ROUNDS)
    if not quick:
        rows += collect(problems, measure_real, build, SUBJECTS_REAL)
    print_rows(rows)
    return rows, problems
