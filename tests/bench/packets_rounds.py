# SPDX-License-Identifier: GPL-2.0-only
"""Gateways side by side, which take turns: what all packet cases have in common.

A value is the CPU time of the generator's thread and of its CPU's ksoftirqd, by packets that have
arrived; the generator, the veths and the counting end are in it. "base" is what generator and veth
cost alone, in the same round.
"""
import contextlib
import fcntl
import sys
import tempfile

from packets_path import (BASE, CONNTRACKERS, SENDING_CPU, Engine, Failed, Lost, Path,
                          conntrack_size, off_the_cpu)
from topology import remove_leftovers

K, M = 1024, 1048576
SLOW_PHASE = 1.25  # a round whose base is so much above the best one is done again
BUCKETS = 4 * M  # of conntrack for each subject that has it, where it is tuned
LOCK = "/run/natgw-bench.lock"
TRIES = 2  # of a measurement that loses packets
SEQUENTIAL, RANDOM = "sequential", "random"


@contextlib.contextmanager
def alone():
    """Two that measure at once disturb each other, and both would put conntrack's size back."""
    with open(LOCK, "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another measurement is running; waiting for its end", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Hosts:
    """The engine and the paths by subject, "base" first. Subjects that lose packets are left out
    from then on, and problems has a line of each."""

    def __init__(self, engine, paths, problems):
        self.engine = engine
        self.paths = paths
        self.problems = problems

    def each(self, measure_one, tries=1):
        """{subject: measure_one(path)}, one after the other."""
        values = {}
        for subject, path in list(self.paths.items()):
            with contextlib.suppress(Lost):
                values[subject] = self.attempt(measure_one, path, tries)
        return values

    def attempt(self, measure_one, path, tries):
        while True:
            try:
                return measure_one(path)
            except Lost as error:
                tries -= 1
                self.problems.append(str(error))
                if path.subject == BASE:
                    raise Failed(str(error)) from error
                if tries == 0:
                    self.problems.append(f"{path.subject}: left out from here on")
                    del self.paths[path.subject]
                    raise

    def rounds(self, wanted, measure_one):
        """The rounds that the machine was not slow in, each {subject: measure_one(path, number of
        the round)}, of the subjects that are left at the end."""
        rounds, accepted = [], []
        while len(accepted) < wanted and len(rounds) < 2 * wanted:
            number = len(rounds)
            rounds.append(self.each(lambda path, at=number: measure_one(path, at), TRIES))
            best = min(one[BASE] for one in rounds)
            accepted = [one for one in rounds if one[BASE] <= SLOW_PHASE * best]
        return [{subject: one[subject] for subject in self.paths} for one in accepted]

    def send(self, path, **options):
        """ns of CPU for each packet, or connection, that has arrived. UDP, and from the sending
        CPU, if the options do not say otherwise."""
        answer = self.engine.send(path, **{"kind": "udp", "cpus": SENDING_CPU, **options})
        return answer["cpu_ns"] / answer["delivered"]

    def fill(self, path, first, end, **options):
        """Sessions first to end - 1 send their first packet; ns for each."""
        if first >= end:
            return 0.0
        return self.send(path, sessions=16 * M, order=SEQUENTIAL, start=first, count=end - first,
                         **options)


@contextlib.contextmanager
def side_by_side(subjects, build, problems, capacity, tuned=True, queues=1, plain=False):
    """Hosts. capacity: of natgw and of conntrack, sessions. tuned: conntrack's hash table, one for
    all namespaces, has BUCKETS for each subject that uses it."""
    count = sum(subject in CONNTRACKERS for subject in subjects)
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone())
        remove_leftovers("bench")
        stack.enter_context(off_the_cpu(SENDING_CPU))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="natgw-bench-"))
        if count:
            buckets = BUCKETS * count if tuned else None
            stack.enter_context(conntrack_size(count * (capacity + K), buckets))
        paths = {subject: stack.enter_context(Path(subject, build, folder, capacity, queues,
                                                         plain))
                 for subject in [BASE] + [name for name in subjects if name != BASE]}
        engine = stack.enter_context(Engine(build, folder))
        for path in paths.values():
            engine.add(path)
        yield Hosts(engine, paths, problems)
    note("")


def collect(problems, measure, *arguments, **keywords):
    """What measure(..., problems) yields, as much of it as there was before something went wrong.
    """
    rows = []
    try:
        for row in measure(*arguments, problems=problems, **keywords):
            rows.append(row)
    except (Failed, AssertionError) as error:
        problems.append(f"{measure.__name__}: {error}")
    return rows


def note(text):
    """What is being done, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}\r", end="", file=sys.stderr, flush=True)
