#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What packets, new sessions and connections cost in a gateway, by CPU time.

For `make bench`, and by hand while the data path is being worked on:

    /usr/bin/python3 tests/bench/packets.py --build build established \\
        --subjects xdp-redirect,natgw-xdp --sessions 1,65536,1048576 --rounds 5

Every subject has a gateway, a client and a server of its own (packets_path.py), all stand side by
side, and the subjects take turns (packets_rounds.py).
"""
import argparse
import signal
import sys
import time

import packets_connections
import packets_established
import packets_new
import packets_scaling
from packets_established import ONE_WAY, ROUND_TRIP, Way
from packets_path import BARE_XDP, NATGW_XDP, SHORT, UNTUNED, Failed, softirqs_are_charged
from packets_rounds import RANDOM, SEQUENTIAL, K, M, side_by_side


# ---- the cases of make bench: each gives objects of results.json, and what went wrong ----

def checked(measure, build, quick):
    rows, problems = measure(build, quick)
    if not softirqs_are_charged():
        problems.append("packets: this kernel keeps the time of softirqs apart "
                        "(CONFIG_IRQ_TIME_ACCOUNTING): CPU times are too low")
    return rows, problems


def established(build, _folder, quick):
    return checked(packets_established.measure, build, quick)


def new_session(build, _folder, quick):
    return checked(packets_new.measure, build, quick)


def connections(build, _folder, quick):
    return checked(packets_connections.measure, build, quick)


def scaling(build, _folder, quick):
    return checked(packets_scaling.measure, build, quick)


# ---- by hand ----

def established_by_hand(arguments, problems):
    way = Way(arguments.direction, arguments.order)
    with side_by_side(arguments.subjects, arguments.build, problems, arguments.capacity,
                      UNTUNED not in arguments.subjects) as hosts:
        list(packets_established.measure_sizes(hosts, arguments.sessions, lambda _: [way],
                                               arguments.rounds))


def new_session_by_hand(arguments, problems):
    with side_by_side(arguments.subjects, arguments.build, problems, arguments.capacity,
                      UNTUNED not in arguments.subjects, plain=True) as hosts:
        packets_new.print_rows(list(packets_new.measure_points(hosts, arguments.sessions)))


def connections_by_hand(arguments, problems):
    packets_connections.print_rows(list(packets_connections.measure_stateless(
        arguments.build, arguments.subjects, arguments.rounds, problems)))


def scaling_by_hand(arguments, problems):
    packets_scaling.print_rows(list(packets_scaling.measure_two(
        arguments.build, arguments.rounds, problems)))


def bulk_by_hand(arguments, problems):
    list(packets_established.measure_bulk(arguments.build, arguments.rounds, problems))


BY_HAND = {"established": established_by_hand, "new_session": new_session_by_hand,
           "connections": connections_by_hand, "scaling": scaling_by_hand, "bulk": bulk_by_hand}


def numbers(text):
    return [int(word) for word in text.split(",")]


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="packets.py", description="CPU time of packets through gateways side by side.",
        epilog=f"subjects: {', '.join(SHORT)}")
    parser.add_argument("--build", default="build", help="the folder where everything is built")
    parser.add_argument("case", choices=BY_HAND)
    parser.add_argument("--subjects", default=f"{BARE_XDP},{NATGW_XDP}", metavar="A,B",
                        help="established, new_session, connections")
    parser.add_argument("--sessions", type=numbers, metavar="N,N",
                        help="sizes, rising; of established powers of two")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--order", default=RANDOM, choices=(RANDOM, SEQUENTIAL))
    parser.add_argument("--direction", default=ONE_WAY, choices=(ONE_WAY, ROUND_TRIP))
    parser.add_argument("--capacity", type=int, help="natgw's limits.sessions: the largest size")
    arguments = parser.parse_args()
    arguments.subjects = arguments.subjects.split(",")
    for subject in arguments.subjects:
        if subject not in SHORT:
            sys.exit(f"packets.py: there is no subject {subject}; there is: {', '.join(SHORT)}")
    default = packets_new.POINTS if arguments.case == "new_session" else (1, 64 * K, M)
    arguments.sessions = arguments.sessions or default
    arguments.capacity = arguments.capacity or max(*arguments.sessions, K)
    return arguments


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    start, problems = time.monotonic(), []
    try:
        BY_HAND[arguments.case](arguments, problems)
    except (Failed, AssertionError) as error:
        problems.append(str(error))
    print(f"{time.monotonic() - start:.0f} s")
    for problem in problems:
        print(f"packets.py: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
