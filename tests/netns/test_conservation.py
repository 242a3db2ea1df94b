# SPDX-License-Identifier: GPL-2.0-only
"""The checker of the conservation law is checked itself: each violation is planted and named."""
import conservation
import daemon

HOOKS = ("xdp", "tc_ingress", "tc_egress")


def reading(rows, seen, hairpin=0):
    """rows: {(hook, class): packets}; seen: {hook: packets in}"""
    fates = {"out": "out", "passed": "passed", "deferred": "deferred", "drop": "dropped"}
    hooks = {hook: {kind: {"packets": 0} for kind in daemon.Stats.CLASSES} for hook in HOOKS}
    verdicts = []
    for (hook, kind), packets in rows.items():
        hooks[hook][fates[kind]]["packets"] = packets
        verdicts.append({"gateway": "nat-a", "hook": hook, "direction": "outbound",
                         "class": kind, "reason": f"some_{kind}", "packets": packets})
    for hook, packets in seen.items():
        hooks[hook]["in"]["packets"] = packets
    return daemon.Stats({"hooks": hooks, "verdicts": verdicts, "generated": {"hairpin": hairpin}})


GOOD_ROWS = {("xdp", "out"): 90, ("xdp", "deferred"): 7, ("xdp", "drop"): 3,
             ("tc_ingress", "passed"): 6}
GOOD_SEEN = {"xdp": 100, "tc_ingress": 6}


def test_a_sound_reading_passes():
    stats = reading(GOOD_ROWS, GOOD_SEEN)
    assert not conservation.violations("xdp", stats, stats, 100)


def test_a_packet_without_a_fate_is_named():
    stats = reading(GOOD_ROWS, {"xdp": 101, "tc_ingress": 6})
    found = conservation.violations("xdp", stats, stats, 101)
    assert len(found) == 1 and found[0].startswith("xdp: 101 in, but 90 out")


def test_a_packet_with_two_fates_is_named():
    stats = reading(GOOD_ROWS | {("tc_ingress", "drop"): 1}, GOOD_SEEN)
    found = conservation.violations("xdp", stats, stats, 100)
    assert len(found) == 1 and found[0].startswith("tc_ingress: 6 in, but")


def test_rows_that_do_not_add_up_are_named():
    stats = reading(GOOD_ROWS, GOOD_SEEN)
    stats.verdicts = {key: value + (key[3] == "drop") for key, value in stats.verdicts.items()}
    found = conservation.violations("xdp", stats, stats, 100)
    assert found == ["xdp: 3 dropped, but its rows add up to 4"]


def test_a_packet_that_xdp_has_not_seen_is_named():
    stats = reading(GOOD_ROWS, GOOD_SEEN)
    found = conservation.violations("xdp", stats, stats, 101)
    assert found == ["xdp: 100 in, but the interfaces received 101"]


def test_a_packet_that_appears_between_the_hooks_is_named():
    rows = GOOD_ROWS | {("tc_ingress", "passed"): 8}
    stats = reading(rows, {"xdp": 100, "tc_ingress": 8})
    found = conservation.violations("xdp", stats, stats, 100)
    assert found == ["tc_ingress: 8 in, but xdp deferred 7"]


def test_xdp_in_tc_mode_and_a_packet_missed_by_tc_are_named():
    stats = reading(GOOD_ROWS, GOOD_SEEN)
    found = conservation.violations("tc", stats, stats, 9)
    assert found == ["xdp: 100 in, though attached with tc only",
                     "tc_ingress: 6 in, but the interfaces received 9"]


def test_a_hairpinned_packet_is_seen_once_more_by_tc():
    rows = GOOD_ROWS | {("tc_ingress", "passed"): 9}
    stats = reading(rows, {"xdp": 100, "tc_ingress": 9}, hairpin=2)
    assert not conservation.violations("xdp", stats, stats, 100)
    stats = reading(rows, {"xdp": 100, "tc_ingress": 9}, hairpin=1)
    found = conservation.violations("xdp", stats, stats, 100)
    assert found == ["tc_ingress: 9 in, but xdp deferred 7 and 1 came in again"]


def test_a_hairpinned_packet_that_tc_has_missed_is_named():
    stats = reading({("tc_ingress", "out"): 12}, {"tc_ingress": 12}, hairpin=2)
    assert not conservation.violations("tc", stats, stats, 10)
    stats = reading({("tc_ingress", "out"): 11}, {"tc_ingress": 11}, hairpin=2)
    found = conservation.violations("tc", stats, stats, 10)
    assert found == ["tc_ingress: 11 in, but the interfaces received 10 and 2 came in again"]
