# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench` says of its measurements: ratios by pairs, yes and no, and what is drawn."""
import os
import sys
import xml.etree.ElementTree as ElementTree

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import chart  # noqa: E402
import report  # noqa: E402
import report_table  # noqa: E402
import results  # noqa: E402

KEYS = {"sessions": 1, "direction": "one_way", "order": "random"}


def packets(subject, values, metric="cpu_ns_per_packet", **keys):
    return results.make("established", subject, metric, values, **dict(KEYS, **keys))


def test_a_ratio_is_made_of_pairs_where_there_are_pairs():
    slow_phase = results.ratio(packets("nft-masquerade", [800, 1600, 800]),
                               packets("natgw-xdp", [100, 200, 100]))
    assert slow_phase == results.Ratio(8, 8, 8, True)
    lonely = results.ratio(packets("nft-masquerade", [800]), packets("natgw-xdp", [100, 200, 100]))
    assert lonely == results.Ratio(8, 4, 8, False)
    assert results.ratio(None, packets("natgw-xdp", [1])) is None


def test_of_many_pairs_the_spread_is_the_middle_half():
    ones = packets("natgw-xdp", [1] * 8)
    assert results.ratio(packets("forward", [1, 2, 2, 2, 2, 2, 2, 9]), ones)[1:3] == (2, 2)


@pytest.mark.parametrize("ours, theirs, metric", [
    (100, 800, "cpu_ns_per_packet"), (800, 100, "gbit_per_second")])
def test_an_advantage_is_above_one(ours, theirs, metric):
    assert results.advantage(packets("natgw-xdp", [ours], metric),
                             packets("forward", [theirs], metric)).median == 8


def test_the_targets_are_judged():
    rows = [packets("xdp-redirect", [100, 100]), packets("natgw-xdp", [120, 122]),
            packets("tc-redirect", [300, 300]), packets("natgw-tc", [400, 420])]
    text = [" ".join(line.split()) for line in report.lines(rows, ["established"])]
    assert "yes 1 session at most 1.25x 1.21x (1.20 to 1.22)" in text
    assert "no natgw-tc to a bare redirect at most 1.3x 1.37x (1.33 to 1.40)" in text
    assert "- 1 M at most 2.5x not measured" in text
    assert not [line for line in text if "sweep" in line]


def test_a_table_says_how_much_better_natgw_is():
    rows = [packets("nft-masquerade", [1000, 1000]), packets("natgw-xdp", [100, 125])]
    text = report_table.lines(rows + [results.skip("established", "nft-flowtable", "none here")])
    assert any(line.split()[:1] == ["nft-masquerade"] and "9.00x (8.00-10.0)" in line
               for line in text)
    assert "nft-flowtable: skipped: none here" in text


def test_every_measured_value_is_drawn(tmp_path):
    rows = [packets("natgw-xdp", [100, 110], sessions=sessions) for sessions in (1, 1024, 65536)]
    paths = list(chart.draw_all(rows + [results.skip("established", "nft-flowtable", "")],
                                tmp_path))
    assert [os.path.basename(path) for path in paths] == ["established.svg"]
    drawn = ElementTree.parse(paths[0]).getroot()
    assert len([node for node in drawn if node.tag.endswith("circle")]) == 3
