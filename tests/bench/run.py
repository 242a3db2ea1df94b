#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make bench: measures natgw beside what the kernel has, prints ratios, writes results.json.

Usage: run.py --build FOLDER [CASE...]; without a case all of them run. Nothing here fails because
of a time; it fails when something could not be measured.
"""
import argparse
import json
import os
import signal
import sys

import bulk
import ports

CASES = {
    "ports": lambda build, folder: ports.measure(os.path.join(build, "tests/bench/ports"), folder),
    "bulk": bulk.measure,
}
RESULTS = "build/bench"


def on_signal(number, _frame):
    sys.exit(128 + number)  # subprocess.run ends its child on the way out


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--build", required=True, help="the folder where everything is built")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            sys.exit(f"bench: there is no BENCH={case}; there is: {', '.join(CASES)}")
    return arguments


def main():
    arguments = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("bench: not root: it makes network namespaces and loads BPF programs")
    signal.signal(signal.SIGTERM, on_signal)
    os.makedirs(RESULTS, exist_ok=True)
    results, failures = [], []
    for case in arguments.cases or CASES:
        objects, problems = CASES[case](arguments.build, RESULTS)
        results += objects
        failures += problems
    path = os.path.join(RESULTS, "results.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in results) + "\n]\n")
    print(f"{len(results)} results in {path}")
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
