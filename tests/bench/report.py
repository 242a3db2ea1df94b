# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench` says at its end: the targets, what was reached of each, and yes or no.

Everything is computed from the objects of results.json, those of one run. Nothing fails here.
"""
import collections

import results
from report_table import number

XDP, TC, NFT, POOL = "natgw-xdp", "natgw-tc", "nft-masquerade", "nft-pool"
BARE_XDP, BARE_TC = "xdp-redirect", "tc-redirect"
COST, NET = "cpu_ns_per_packet", "cpu_ns_per_packet_net"
K, M = 1024, 1048576


def packet(subject, sessions, metric=COST, direction="one_way"):
    return {"case": "established", "subject": subject, "sessions": sessions, "metric": metric,
            "direction": direction, "order": "random"}


def round_trip(subject, sessions):
    return packet(subject, sessions, direction="round_trip")


def new_session(subject, sessions):
    return {"case": "new_session", "subject": subject, "sessions": sessions,
            "metric": "ns_per_new_session"}


def connection(subject):
    return {"case": "connections", "subject": subject, "metric": "ns_per_connection"}


def streams(subject, count):
    return {"case": "bulk", "subject": subject, "transfer": "streams", "streams": count,
            "metric": "gbit_per_second"}


def in_sequence(subject):
    return {"case": "bulk", "subject": subject, "transfer": "in_sequence", "metric": COST}


def memory(what):
    return {"case": "memory", "subject": XDP, "what": what, "metric": "bytes_per_session",
            "capacity": None}


def sweep(metric):
    return {"case": "sweep", "subject": XDP, "sessions": 4 * M, "metric": metric}


def scaling(subject, what):
    return {"case": "scaling", "subject": subject, "what": what, "metric": "scaling"}


# value: one object's, or, with "under", how many times that one is in it. limit: to be reached at
# least, or, with at_most, not to be exceeded. goal: what is behind the limit.
Target = collections.namedtuple("Target", "show what value under limit goal at_most",
                                defaults=(None, False))
TARGETS = (
    Target(1, "net, 1 session", packet(NFT, 1, NET), packet(XDP, 1, NET), 10, 13),
    Target(1, "net, 1 k", packet(NFT, K, NET), packet(XDP, K, NET), 10, 13),
    Target(1, "net, 64 k", packet(NFT, 64 * K, NET), packet(XDP, 64 * K, NET), 8, 11),
    Target(1, "net, 1 M", packet(NFT, M, NET), packet(XDP, M, NET), 5.5, 7),
    Target(1, "net, 4 M", packet(NFT, 4 * M, NET), packet(XDP, 4 * M, NET), 5.5, 7),
    Target(1, "round trip, 1 session", round_trip(NFT, 1), round_trip(XDP, 1), 5),
    Target(1, "round trip, 64 k", round_trip(NFT, 64 * K), round_trip(XDP, 64 * K), 4),
    Target(1, "round trip, 1 M", round_trip(NFT, M), round_trip(XDP, M), 4),
    Target(2, "1 session", packet(XDP, 1), packet(BARE_XDP, 1), 1.25, None, True),
    Target(2, "1 M", packet(XDP, M), packet(BARE_XDP, M), 2.5, None, True),
    Target(3, "TCP connections", connection(NFT), connection(XDP), 5),
    Target(3, "new at 4 M, masquerade", new_session(NFT, 4 * M), new_session(XDP, 4 * M), 10),
    Target(3, "new at 4 M, SNAT pool", new_session(POOL, 4 * M), new_session(XDP, 4 * M), 4),
    Target(3, "new at 4 M to new at 64 k", new_session(XDP, 4 * M), new_session(XDP, 64 * K), 1.5,
           None, True),
    Target(4, "natgw-tc, 1 session", packet(NFT, 1), packet(TC, 1), 1.5),
    Target(4, "natgw-tc, 1 M", packet(NFT, M), packet(TC, M), 2),
    Target(4, "natgw-tc to a bare redirect", packet(TC, 1), packet(BARE_TC, 1), 1.3, None, True),
    Target(4, "bulk TCP, 1 stream", streams(TC, 1), streams(NFT, 1), 0.95),
    Target(4, "bulk TCP, 4 streams", streams(TC, 4), streams(NFT, 4), 0.95),
    Target(4, "in sequence, 1,514 bytes", in_sequence(NFT), in_sequence(XDP), 1.7),
    Target(5, "both session tables", memory("session tables"), None, 192, None, True),
    Target(6, "sweep, half the rows fresh", sweep("ns_per_slot"), None, 10, None, True),
    Target(6, "share of a core, 4 M", sweep("share_percent"), None, 1, None, True),
    Target(7, "established", scaling(XDP, "established"), scaling(BARE_XDP, "established"), 0.95),
    Target(7, "new sessions", scaling(XDP, "new_session"), scaling(BARE_XDP, "new_session"), 0.95),
    Target(7, "1 M sessions in 16 M",
           dict(case="memory", subject=XDP, capacity=16 * M, metric="sessions_reached"), None, M),
)
SHOWS = {
    1: "natgw-xdp against nft-masquerade, tuned: CPU time per packet, random order",
    2: "natgw-xdp against the bare XDP redirect: CPU time per packet in all",
    3: "new sessions of natgw-xdp against the kernel's",
    4: "natgw-tc against nft-masquerade, and bulk TCP",
    5: "kernel memory per session of capacity, both directions",
    6: "the sweep at 4 M sessions, CPU time per slot and in all",
    7: "two cores, against the bare redirect's own gain; 16 M sessions of capacity",
}


def reached(target, rows):
    """(value, its spread as low and high); None: not measured."""
    row = results.find(rows, **target.value)
    if row is None:
        return None
    if target.under is None:
        return row["median"], row["min"], row["max"]
    ratio = results.ratio(row, results.find(rows, **target.under))
    return ratio and (ratio.median, ratio.low, ratio.high)


def plain(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def line(target, rows):
    """One target: yes, no or "-", what was asked for, and what was reached."""
    sign = "x" if target.under else " " + results.UNITS.get(target.value["metric"], "")
    asked = f"{'at most' if target.at_most else 'at least'} {plain(target.limit)}{sign}"
    if target.goal:
        asked += f" (goal {target.goal:g}x)"
    found = reached(target, rows)
    if found is None:
        return f"  {'-':<4}{target.what:<28}{asked:<28}not measured"
    value, low, high = found
    kept = value <= target.limit if target.at_most else value >= target.limit
    return (f"  {'yes' if kept else 'no':<4}{target.what:<28}{asked:<28}{number(value)}{sign}"
            f" ({number(low)} to {number(high)})")


def lines(rows, cases):
    """The list of targets, as lines of text; those of cases that were not asked for are left out.
    """
    text = ["Targets, by the median of the pairs (in brackets: all pairs, of 8 and more the middle "
            "half)"]
    for show, heading in SHOWS.items():
        targets = [target for target in TARGETS
                   if target.show == show and (target.value["case"] in cases
                                               or reached(target, rows))]
        text += [f"{show}. {heading}"] * bool(targets) + [line(each, rows) for each in targets]
    return text
