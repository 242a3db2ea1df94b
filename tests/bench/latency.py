# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=latency: how long a datagram and its answer take while a million other sessions exist.

Client and server have a CPU each. "asleep": both sleep until something comes, as most programs do;
then two wake-ups are most of the time, whatever is in the gateway. "awake": both look without end,
and what is left is the way through the stacks and the gateway. No target hangs on either. Subjects
take turns; of each round and percentile one number is made.
"""
import array
import contextlib
import os
import subprocess
import tempfile

import fill
import results
from gateway_path import (BARE_TC, BARE_XDP, FORWARD, NATGW_TC, NATGW_XDP, NFT, SERVER, Failed,
                          Path, clear_leftovers)
from packets_path import Engine, conntrack_size

TALK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "latency_talk.py")
PYTHON = "/usr/bin/python3"
SUBJECTS = (BARE_XDP, BARE_TC, FORWARD, NFT, NATGW_XDP, NATGW_TC)
FILLED = (NFT, NATGW_XDP, NATGW_TC)  # the others have no sessions
REDIRECTS = {BARE_XDP: "xdp", BARE_TC: "tc"}
WAITING = ("asleep", "awake")
PERCENTILES = (50, 99, 99.9)
SESSIONS, SESSIONS_QUICK = 1 << 20, 1 << 16
ROUNDS, ROUNDS_QUICK = 5, 2
QUESTIONS, QUESTIONS_QUICK = 10000, 3000
ROUND_S = 60


def percentile(times, percent):
    """times: sorted."""
    return times[min(int(len(times) * percent / 100), len(times) - 1)]


def command(path, what, waiting, cpu, *more):
    namespace = path.srv if what == "serve" else path.cli
    return namespace.command(PYTHON, TALK, what, SERVER, waiting, str(cpu), *more)


@contextlib.contextmanager
def answering(path, waiting, cpu):
    with subprocess.Popen(command(path, "serve", waiting, cpu), stdout=subprocess.PIPE) as server:
        try:
            if server.stdout.readline() != b"ready\n":
                raise Failed(f"{path.subject}: the server has ended")
            yield
        finally:
            server.kill()


def ask(path, waiting, count):
    """Microseconds of each answer, sorted."""
    cpus = sorted(os.sched_getaffinity(0))
    with answering(path, waiting, cpus[0]):
        done = subprocess.run(command(path, "ask", waiting, cpus[-1], str(count)),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=ROUND_S,
                              check=False)
    if done.returncode != 0:
        said = done.stderr.decode().strip().splitlines()
        raise Failed(f"{path.subject}: {said[-1] if said else 'no answers'}")
    times = array.array("q")
    times.frombytes(done.stdout)
    return sorted(time / 1000 for time in times)


def make_paths(stack, build, folder, sessions):
    """Those that have a table hold so many sessions, but for a few that are to come."""
    paths = [stack.enter_context(Path(subject, build, folder, sessions)) for subject in SUBJECTS]
    engine = stack.enter_context(Engine(build, folder))
    for path in paths:
        if path.subject in REDIRECTS:
            engine.command("gateway", path.gw.name, REDIRECTS[path.subject])
        if path.subject in FILLED:
            fill.fill(path, sessions - sessions // 64)
    return paths


def measure_all(build, folder, quick):
    sessions = SESSIONS_QUICK if quick else SESSIONS
    rounds = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(conntrack_size(2 * sessions, 2 * sessions))
        paths = make_paths(stack, build, folder, sessions)
        for _ in range(ROUNDS_QUICK if quick else ROUNDS):
            for waiting in WAITING:
                for path in paths:
                    times = ask(path, waiting, QUESTIONS_QUICK if quick else QUESTIONS)
                    rounds.setdefault((waiting, path.subject), []).append(times)
    for waiting in WAITING:
        for percent in PERCENTILES:
            for subject in SUBJECTS:
                yield results.make(
                    "latency", subject, "latency_us",
                    [percentile(times, percent) for times in rounds[waiting, subject]],
                    sessions=sessions, direction="round_trip", waiting=waiting, percentile=percent)


def measure(build, _folder, quick):
    """The objects of results.json, and what could not be measured."""
    clear_leftovers()
    try:
        with tempfile.TemporaryDirectory(prefix="natgw-bench-") as folder:
            return list(measure_all(build, folder, quick)), []
    except (Failed, AssertionError, OSError, subprocess.TimeoutExpired) as error:
        return [], [f"latency: {error}"]
