# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=sweep: what looking at every slot of the session table costs, and what natgwd takes for it.

The table is full but for a few rows. Half of the rows are fresh. The other half have heard nothing
from outside for longer than their timer and have sent a packet not long ago: what their own row
says is that they are over, and only the partner row knows better, so the sweep must read it, and
keeps them. All passes find the same, then.

Sessions go to many destinations, 600 to each; and, in a smaller table, to few: from
NATGW_DESTINATION_SESSIONS on a destination has a set of its ports, which the sweep keeps up.

A pass is one reading of the pinned iterator "sweep" while natgwd is stopped; slots are those of the
map "inbound". natgwd's share is its CPU time while it does nothing but sweep at its own pace.
"""
import glob
import json
import os
import signal
import struct
import tempfile
import time

import fill
import results
from gateway_path import LIFE_S, NATGW_XDP, Failed, Path, clear_leftovers
from hosts import run

SESSIONS, SESSIONS_FEW, SESSIONS_QUICK = 1 << 22, 1 << 20, 1 << 18
SPARE = 64  # one of so many rows stays empty
PASSES, PASSES_QUICK = 7, 3
WATCH_S, WATCH_QUICK_S = 60, 20
MANY, FEW = "half fresh, many destinations", "half fresh, few destinations"
CLIENT_PORTS = {MANY: 3, FEW: fill.CLIENT_PORTS}  # of one client to one destination


def set_skew(path, seconds):
    """The data path's clock, from now on so much later than the kernel's."""
    value = [f"{byte:d}" for byte in struct.pack("<q", seconds * 10 ** 9)]
    run("bpftool", "map", "update", "pinned", os.path.join(path.pins, "clock"), "key", "0", "0",
        "0", "0", "value", *value)


def make_sessions(path, what, count):
    """One half now, the other much later, at which time the first sends again; and then on to a
    time at which the first half's inbound rows are past their timer, and no other."""
    half, ports = count // 2, CLIENT_PORTS[what]
    fill.send(path, 0, half, ports)
    set_skew(path, LIFE_S // 2)
    fill.send(path, half, count - half, ports)
    fill.send(path, 0, half, ports)
    set_skew(path, LIFE_S + LIFE_S // 10)
    require_sessions(path, count)


def require_sessions(path, count):
    found = path.session_count()
    if found < count - int(count * fill.MISSED):
        raise Failed(f"{found} of {count} sessions are there")


def slot_count(path):
    shown = run("bpftool", "-j", "map", "show", "pinned", os.path.join(path.pins, "inbound"))
    return json.loads(shown.stdout)["max_entries"]


def pass_ns(path):
    """CPU time of one reading to the end. The kernel pauses after a million rows (EAGAIN: None).
    """
    start = time.thread_time_ns()
    with open(os.path.join(path.pins, "sweep"), "rb", buffering=0) as iterator:
        while iterator.read(65536) != b"":
            pass
    return time.thread_time_ns() - start


def measure_passes(path, count):
    """ns of each, after one that does not count."""
    path.natgwd.send_signal(signal.SIGSTOP)
    try:
        return [pass_ns(path) for _ in range(1 + count)][1:]
    finally:
        path.natgwd.send_signal(signal.SIGCONT)


def cpu_ns(pid):
    """Of all threads of a process."""
    total = 0
    for name in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(name, encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def watch(path, seconds):
    """natgwd's share of one CPU, in percent."""
    used, start = cpu_ns(path.natgwd.pid), time.monotonic_ns()
    time.sleep(seconds)
    return 100 * (cpu_ns(path.natgwd.pid) - used) / (time.monotonic_ns() - start)


def measure_one(build, what, sessions, passes, watch_s):
    """Objects of results.json; the share only where it is watched."""
    count = sessions - sessions // SPARE
    with tempfile.TemporaryDirectory(prefix="natgw-bench-") as folder, \
            Path(NATGW_XDP, build, folder, sessions) as path:
        make_sessions(path, what, count)
        slots = slot_count(path)
        times = measure_passes(path, passes)
        share = [watch(path, watch_s)] if watch_s else []
        require_sessions(path, count)
    keys = {"sessions": sessions, "what": what, "slots": slots}
    yield results.make("sweep", NATGW_XDP, "ns_per_slot", [ns / slots for ns in times], **keys)
    yield results.make("sweep", NATGW_XDP, "ns_per_session", [ns / count for ns in times], **keys)
    if share:
        yield results.make("sweep", NATGW_XDP, "share_percent", share, **keys)


def measure(build, _folder, quick):
    """The objects of results.json, and what could not be measured."""
    rows, problems = [], []
    clear_leftovers()
    parts = [(MANY, SESSIONS, PASSES, WATCH_S), (FEW, SESSIONS_FEW, PASSES, 0)]
    if quick:
        parts = [(MANY, SESSIONS_QUICK, PASSES_QUICK, WATCH_QUICK_S)]
    for part in parts:
        try:
            rows += measure_one(build, *part)
        except (Failed, AssertionError, OSError) as error:
            problems.append(f"sweep: {error}")
    return rows, problems
