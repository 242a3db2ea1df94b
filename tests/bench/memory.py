# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=memory: bytes of kernel memory for one session, both directions.

natgw: what the kernel says of its maps, with a million sessions in them, by the sessions that they
have room for (limits.sessions). nft-masquerade: how much the kernel's own allocator has grown by as
many sessions, and the two hash tables (by endpoints, and by source for NAT) of as many buckets.
And whether the largest size of natgw's tables works: with a million sessions in it, too.
"""
import json
import os
import tempfile

import fill
import results
from gateway_path import NATGW_XDP, NFT, Failed, Path, clear_leftovers
from hosts import run
from packets_path import conntrack_size

SESSIONS, SESSIONS_QUICK = 1 << 20, 1 << 16
LARGEST = 1 << 24
TABLES = ("outbound", "inbound")
BOTH = "session tables"
SLABS = ("nf_conntrack", "kmalloc-")  # a session, and what belongs to it: NAT, counters
PAGE, BUCKET, HASHES = os.sysconf("SC_PAGE_SIZE"), 8, 2
METRIC = "bytes_per_session"


def map_bytes(path):
    """{name: bytes} of natgw's pinned maps."""
    found = {}
    for name in os.listdir(path.pins):
        shown = run("bpftool", "-j", "map", "show", "pinned", os.path.join(path.pins, name),
                    check=False)
        if shown.returncode == 0:  # else it is a program or a link
            found[name] = json.loads(shown.stdout)["bytes_memlock"]
    return found


def measure_natgw(build, folder, sessions):
    with Path(NATGW_XDP, build, folder, sessions) as path:
        fill.fill(path, sessions - sessions // 64)
        maps = map_bytes(path)
    tables = sum(maps[name] for name in TABLES)
    yield results.make("memory", NATGW_XDP, METRIC, [tables / sessions], sessions=sessions,
                       what=BOTH)
    yield results.make("memory", NATGW_XDP, METRIC, [sum(maps.values()) / sessions],
                       sessions=sessions, what="all maps")


def slabs():
    """({name: bytes} of the kernel's allocator, bytes of one conntrack object)."""
    found, size = {}, 0
    with open("/proc/slabinfo", encoding="ascii") as file:
        for line in file.readlines()[2:]:
            name, _active, _all, object_size, _per_slab, pages, *rest = line.split()
            if name.startswith(SLABS):
                found[name] = int(rest[rest.index("slabdata") + 2]) * int(pages) * PAGE
            if name == "nf_conntrack":
                size = int(object_size)
    return found, size


def measure_conntrack(build, folder, sessions):
    with conntrack_size(sessions, sessions), Path(NFT, build, folder) as path:
        before, _size = slabs()
        made = fill.fill(path, sessions - 1024)  # other namespaces may have some, too
        after, size = slabs()
    grown = sum(after.values()) - sum(before.values())
    yield results.make("memory", NFT, METRIC, [grown / made + HASHES * BUCKET], sessions=sessions,
                       what=BOTH)
    yield results.make("memory", NFT, METRIC, [size], sessions=sessions, what="conntrack object")


def measure_largest(build, folder, sessions):
    with Path(NATGW_XDP, build, folder, LARGEST) as path:
        made = fill.fill(path, sessions)
        maps = map_bytes(path)
    yield results.make("memory", NATGW_XDP, "sessions_reached", [made], sessions=sessions,
                       capacity=LARGEST)
    yield results.make("memory", NATGW_XDP, METRIC, [sum(maps[name] for name in TABLES) / LARGEST],
                       sessions=sessions, capacity=LARGEST, what=BOTH)


def measure(build, _folder, quick):
    """The objects of results.json, and what could not be measured."""
    rows, problems = [], []
    clear_leftovers()
    parts = [measure_natgw, measure_conntrack] + ([] if quick else [measure_largest])
    for part in parts:
        try:
            with tempfile.TemporaryDirectory(prefix="natgw-bench-") as folder:
                rows += part(build, folder, SESSIONS_QUICK if quick else SESSIONS)
        except (Failed, AssertionError, OSError) as error:
            problems.append(f"memory: {error}")
    return rows, problems
