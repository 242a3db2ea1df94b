# SPDX-License-Identifier: GPL-2.0-only
"""BENCH=ports: what a new session costs from the first port of a destination to the last.

ports.h says what the program prints. A round of a subject is one process; rounds of the subjects
take turns. Of each round and level one number is made, and min, median and max are those of the
rounds. Ratios are made within a round, so that a phase in which the machine is slow cancels out.
"""
import bisect
import collections
import os
import statistics
import subprocess
import sys
import time

import ports_curve
import results

ALL = 64512  # ports 1024 to 65535
NATGW = ("natgw-xdp", "natgw-tc", "natgw-xdp-reuse")
NFT = "nft-masquerade"
SUBJECTS = NATGW + (NFT,)
LEVELS = (0, 1, 2, 3, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9)
LAST = 100 * (ALL - 1) / ALL
FULL = 100
ROUNDS = 10
ROUNDS_LEAST = 3
ROUNDS_QUICK = 2
TIME_S = 120  # no new round after this
ROUND_LIMIT_S = 60
WINDOW = 256  # sessions on either side of a level, where there are so many
LAST_PORTS = 8  # masquerade: the last port and those before, it needs hundreds of tries for each

NEW, REFUSAL, PACKET = "ns_per_new_session", "ns_per_refusal", "ns_per_packet"
SUCCESS, SESSIONS = "success_percent", "sessions_of_64512_attempts"
RECHECK, RECHECKED = "ns_per_recheck", "ports_per_recheck"  # of all ports
WORD, WORD_PORTS = "ns_per_recheck_word", "ports_per_recheck_word"  # of 64 ports


class Failed(Exception):
    """A subject could not be measured; says why."""


# One line: sessions before and after, packets, ns
Batch = collections.namedtuple("Batch", "before after count ns")


def percent(part, whole):
    return 100 * part / whole


def window(level):
    """First session and the one after the last that belong to a level."""
    middle = round(level * ALL / 100)
    half = min(WINDOW, (ALL - middle) // 2)
    return (0, 2 * half) if middle < half else (middle - half, middle + half)


def sessions_of_all_attempts(batches):
    """Sessions after as many attempts as there are ports."""
    attempts = made = 0
    for batch in batches:
        made += (batch.after - batch.before) * min(batch.count, ALL - attempts) / batch.count
        attempts = min(attempts + batch.count, ALL)
    return round(made)


class Round:
    """What one process has printed: values by (metric, fill_percent), and the curve."""

    def __init__(self, text):
        self.values = {}  # (value, packets it was made of)
        self.lines = {}
        for line in text.splitlines():
            kind, *numbers = line.split()
            self.lines.setdefault(kind, []).append([int(number) for number in numbers])
        self.generator = self.per_packet("generator")
        batches = [Batch(*numbers) for numbers in self.lines.get("batch", [])]
        self.fill = [batch for batch in batches if batch.before < ALL]
        self.read_levels()
        self.read_full([batch for batch in batches if batch.before == ALL])
        self.read_last()
        self.curve = [(percent((batch.before + batch.after) / 2, ALL),
                       batch.ns / batch.count - self.generator) for batch in self.fill]

    def per_packet(self, kind):
        lines = self.lines.get(kind)
        if not lines:
            raise Failed(f"no line about '{kind}'")
        return sum(numbers[-1] for numbers in lines) / sum(numbers[0] for numbers in lines)

    def add_batches(self, metric, fill, batches):
        """Time by attempts, less that of making the packets."""
        count = sum(batch.count for batch in batches)
        if count:
            made = sum(batch.after - batch.before for batch in batches)
            self.values[metric, fill] = (
                sum(batch.ns for batch in batches) / count - self.generator, count)
            self.values[SUCCESS, fill] = (percent(made, count), count)

    def read_levels(self):
        for level in LEVELS:
            first, end = window(level)
            self.add_batches(NEW, level, [batch for batch in self.fill
                                          if batch.before < end and batch.after > first])
        self.values[SESSIONS, FULL] = (sessions_of_all_attempts(self.fill), ALL)

    def read_full(self, refusals):
        self.add_batches(REFUSAL, FULL, refusals)
        self.read_rechecks("recheck", RECHECK, RECHECKED)
        self.read_rechecks("word", WORD, WORD_PORTS)
        if "forward" in self.lines:
            self.values[PACKET, 0] = (self.per_packet("forward") - self.generator,
                                      sum(count for count, _ in self.lines["forward"]))

    def read_rechecks(self, kind, time_metric, ports_metric):
        lines = self.lines.get(kind, [])
        if lines:
            self.values[time_metric, FULL] = (statistics.median(ns for ns, _ in lines), len(lines))
            self.values[ports_metric, FULL] = (statistics.median(ports for _, ports in lines),
                                               len(lines))

    def read_last(self):
        """natgw: pairs of a RST and a new session, less the RST; masquerade: as it came there."""
        if "churn" not in self.lines:
            self.add_batches(NEW, LAST, [batch for batch in self.fill
                                         if batch.before >= ALL - LAST_PORTS])
            return
        pairs = self.lines["churn"]
        count = sum(pair[0] for pair in pairs)
        self.values[NEW, LAST] = (self.per_packet("churn") - self.per_packet("close")
                                  - self.generator, count)
        self.values[SUCCESS, LAST] = (percent(sum(pair[1] for pair in pairs), count), count)


def run_round(program, subject):
    try:
        done = subprocess.run([program, subject], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=ROUND_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{subject}: no end after {ROUND_LIMIT_S} s") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Failed(f"{subject}: {said[-1] if said else f'status {done.returncode}'}")
    try:
        return Round(done.stdout)
    except Failed as error:
        raise Failed(f"{subject}: {error}") from error


def run_rounds(program, count):
    """The rounds by subject, and what went wrong. A subject that failed is left out from there."""
    rounds, problems = {subject: [] for subject in SUBJECTS}, []
    failed = set()
    start = time.monotonic()
    for number in range(count):
        if number >= ROUNDS_LEAST and time.monotonic() - start > TIME_S:
            break
        for subject in SUBJECTS:
            if subject in failed:
                continue
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {count}: {subject:20}", end="", file=sys.stderr)
            try:
                rounds[subject].append(run_round(program, subject))
            except Failed as error:
                problems.append(str(error))
                failed.add(subject)
    if sys.stderr.isatty():
        print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
    return rounds, problems


class Summary:
    """Of the rounds of one subject."""

    def __init__(self, rounds):
        self.rounds = rounds

    def keys(self):
        return sorted({key for one in self.rounds for key in one.values})

    def values(self, key):
        return [one.values[key][0] for one in self.rounds if key in one.values]

    def median(self, key):
        values = self.values(key)
        return statistics.median(values) if values else None

    def packets(self, key):
        return sum(one.values[key][1] for one in self.rounds if key in one.values)

    def ratio(self, key, other, other_key):
        """Median of the rounds' ratios of our value to the other's; None: not measured."""
        ratios = [ours.values[key][0] / theirs.values[other_key][0]
                  for ours, theirs in zip(self.rounds, other.rounds)
                  if key in ours.values and other_key in theirs.values]
        return statistics.median(ratios) if ratios else None

    def to_base(self, key):
        return self.ratio(key, self, (NEW, 0))


def objects_of(subject, summary):
    """The flat objects of results.json."""
    for key in summary.keys():
        metric, fill = key
        row = results.make("ports", "forward" if metric == PACKET else subject, metric,
                           summary.values(key), fill_percent=fill)
        row["packets"] = summary.packets(key)
        if metric in (NEW, REFUSAL):
            row["ratio_to_base"] = round(summary.to_base(key), 3)
        yield row


# ---- the table ----

def level_name(fill):
    return {LAST: "last port", FULL: "none left"}.get(fill, f"{fill} %")


def cell(summary, key):
    """Cost and its ratio to the empty case."""
    if summary.median(key) is None:
        return f"{'-':>8} {'-':>7}"
    ratio = summary.to_base(key)
    shown = f"{ratio:6.2f}x" if ratio is not None else f"{'-':>7}"
    return f"{summary.median(key):8,.0f} {shown}"


def table_row(summaries, fill):
    key = (NEW if fill != FULL else REFUSAL, fill)
    xdp, nft = summaries["natgw-xdp"], summaries[NFT]
    success = nft.median((SUCCESS, fill))
    ratio = nft.ratio(key, xdp, key)
    cells = [f"{level_name(fill):<10}"] + [cell(summaries[subject], key) for subject in SUBJECTS]
    cells.append(f"{success:6.1f} %" if success is not None else f"{'-':>8}")
    cells.append(f"{ratio:6.1f}x" if ratio is not None else f"{'-':>7}")
    return " | ".join(cells)


def spread(summary, key):
    values = summary.values(key)
    return f"{min(values):,.0f} to {max(values):,.0f}" if values else "-"


def print_notes(summaries):
    for subject in SUBJECTS:
        summary = summaries[subject]
        made = summary.median((SESSIONS, FULL))
        if made is not None:
            print(f"{subject}: {made:,.0f} sessions of {ALL:,} attempts; {len(summary.rounds)} "
                  f"rounds; at 0 % {spread(summary, (NEW, 0))} ns, "
                  f"refusal {spread(summary, (REFUSAL, FULL))} ns")
    for subject in NATGW:
        summary = summaries[subject]
        for metric, ports, when in ((RECHECK, RECHECKED, "all words"),
                                    (WORD, WORD_PORTS, "one word")):
            if summary.median((metric, FULL)) is not None:
                print(f"{subject}: a refusal that looks at a full destination again, {when}: "
                      f"{summary.median((metric, FULL)):,.0f} ns for "
                      f"{summary.median((ports, FULL)):,.0f} ports")
        ratios = [(summary.to_base(key), key[1]) for key in summary.keys()
                  if key[0] in (NEW, REFUSAL)]
        if ratios:
            print(f"{subject}: at most {max(ratios)[0]:.2f} times the empty case "
                  f"({level_name(max(ratios)[1])})")
    forward = summaries[NFT].median((PACKET, 0))
    if forward is not None:
        print(f"of nft-masquerade's figures {forward:,.0f} ns are plain forwarding")


def print_table(summaries):
    print("What a new session to one destination costs, by the ports that are in use: ns, and the "
          "ratio to 0 %.")
    print("natgw-xdp-reuse: every port is in use already, towards another destination.")
    head = [f"{'in use':<10}"] + [f"{subject:^16}" for subject in SUBJECTS]
    print(" | ".join(head + ["success ", "nft/xdp"]))
    for fill in LEVELS + (LAST, FULL):
        print(table_row(summaries, fill))
    print_notes(summaries)


# ---- the curve ----

def curve_of(rounds):
    """Median of the rounds in each 1 %, and in each 0.05 % of the last one."""
    edges = [float(edge) for edge in range(99)] + [99 + edge / 20 for edge in range(21)]
    bins = {}
    for one in rounds:
        for fill, ns in one.curve:
            place = bisect.bisect_right(edges, fill) - 1
            bins.setdefault(place, []).append((fill, ns))
    return [(statistics.mean(fill for fill, _ in bins[place]),
             statistics.median(ns for _, ns in bins[place])) for place in sorted(bins)]


def draw(summaries, path):
    lines = [ports_curve.Line(subject, curve_of(summary.rounds),
                              summary.median((NEW, LAST)), summary.median((REFUSAL, FULL)))
             for subject, summary in summaries.items() if summary.rounds]
    with open(path, "w", encoding="utf-8") as file:
        file.write(ports_curve.draw(lines))
    print(f"curve in {path}")


def measure(build, folder, quick):
    """The objects of results.json, and what could not be measured."""
    rounds, problems = run_rounds(os.path.join(build, "tests/bench/ports"),
                                  ROUNDS_QUICK if quick else ROUNDS)
    summaries = {subject: Summary(rounds[subject]) for subject in SUBJECTS}
    print_table(summaries)
    draw(summaries, os.path.join(folder, "ports.svg"))
    rows = [row for subject in SUBJECTS for row in objects_of(subject, summaries[subject])]
    return rows, problems
