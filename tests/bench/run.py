#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make bench: measures natgw beside what the kernel has, prints ratios, writes results.json.

Usage: run.py --build FOLDER [quick] [CASE...]; without a case all of them run, in "quick" those
that say most. Nothing here fails because of a time; it fails when something could not be measured.
"""
import argparse
import json
import os
import signal
import sys
import time
import traceback

import bulk
import chart
import latency
import memory
import packets
import packets_rounds
import ports
import report
import report_table
import sweep_cost



def alone(measure):
    def measure_alone(build, folder, quick):
        with packets_rounds.alone():
            return measure(build, folder, quick)
    return measure_alone


# Each takes (build, folder, quick) and returns objects of results.json, and what went wrong. Those
# of packets.py wait by themselves until nobody else measures.
CASES = {
    "established": packets.established,
    "new_session": packets.new_session,
    "connections": packets.connections,
    "scaling": packets.scaling,
    "ports": alone(ports.measure),
    "bulk": alone(bulk.measure),
    "memory": alone(memory.measure),
    "sweep": alone(sweep_cost.measure),
    "latency": alone(latency.measure),
}
QUICK = "quick"
QUICK_CASES = ("established", "new_session", "connections", "ports", "bulk", "memory")
RESULTS = "build/bench"


def on_signal(number, _frame):
    sys.exit(128 + number)  # subprocess.run ends its child on the way out


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--build", required=True, help="the folder where everything is built")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_args()
    arguments.quick = QUICK in arguments.cases
    arguments.cases = [case for case in arguments.cases if case != QUICK]
    for case in arguments.cases:
        if case not in CASES:
            sys.exit(f"bench: there is no BENCH={case}; there is: {QUICK}, {', '.join(CASES)}")
    arguments.cases = arguments.cases or (QUICK_CASES if arguments.quick else list(CASES))
    return arguments


def measure(case, arguments):
    """A case that breaks takes nothing from the others."""
    try:
        return CASES[case](arguments.build, RESULTS, arguments.quick)
    except Exception as error:  # pylint: disable=broad-exception-caught
        traceback.print_exc()
        return [], [f"{case}: {error or type(error).__name__}"]


def write(rows, path):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    os.replace(path + ".new", path)


def measure_all(arguments, path):
    """All objects, what went wrong, and the seconds of each case. What is there is written after
    each case, so that a run that is ended leaves what it has measured."""
    rows, failures, times = [], [], {}
    for case in arguments.cases:
        print(f"---- {case} ----", flush=True)
        start = time.monotonic()
        found, problems = measure(case, arguments)
        times[case] = time.monotonic() - start
        print(f"{case}: {len(found)} results in {times[case]:.0f} s", flush=True)
        rows += found
        failures += problems
        write(rows, path)
    return rows, failures, times


def main():
    arguments = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("bench: not root: it makes network namespaces and loads BPF programs")
    signal.signal(signal.SIGTERM, on_signal)
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, "results.json")
    rows, failures, times = measure_all(arguments, path)
    print("\n".join([""] + report_table.lines(rows) + report.lines(rows, arguments.cases) + [""]))
    for chart_path in chart.draw_all(rows, RESULTS):
        print(f"chart: {chart_path}")
    print(f"{len(rows)} results in {path}; {sum(times.values()) / 60:.1f} minutes: "
          + ", ".join(f"{case} {seconds:.0f} s" for case, seconds in times.items()))
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
