# SPDX-License-Identifier: GPL-2.0-only
"""Route tables: what is translated, what the kernel routes as it is, what is thrown away."""
import servers
from hosts import CLI1, CLI2_TWO, EIP, GW_EXTERNAL, SRV1, SRV2

LAYOUT = "two"
HOLE = "203.0.113.12"
CONFIG = {"routes": [("0.0.0.0/0", "gateway:nat-a"), (f"{SRV2}/32", "local"),
                     (f"{HOLE}/32", "blackhole"), ("198.18.0.0/15", "interface:ext0")]}


def sources(capture):
    return {packet["IP"].src for packet in capture.packets()}


def test_the_default_route_is_translated(net, web):
    for client, _address in net.clients():
        servers.curl(client, f"http://{SRV1}/page")
    assert web[0].addresses() == {EIP}


def test_traffic_between_internal_subnets_is_not_translated(net):
    """Requirement 65a: local routes beat the default route."""
    with servers.Capture(net, net.cli2, "eth0", f"icmp and dst host {CLI2_TWO}") as capture:
        assert servers.ping(net.cli1, CLI2_TWO).received == 3
    assert sources(capture) == {CLI1}
    before = net.natgwd.settled_stats()
    assert servers.ping(net.cli2, CLI1).received == 3
    since = net.natgwd.settled_stats() - before
    assert since.out() == 0 and since.drops() == {}


def test_a_local_route_passes_untranslated(net, web):
    """Requirement 37: the more specific route; the server sees the client's own address."""
    net.router.ip("route", "replace", "10.0.0.0/8", "via", GW_EXTERNAL)
    seen = len(web[1].visits())
    for client, _address in net.clients():
        servers.curl(client, f"http://{SRV2}/page", timeout=5)
        assert servers.ping(client, SRV2).received == 3
    assert [visit[0] for visit in web[1].visits()[seen:]] == [CLI1, CLI2_TWO]
    servers.curl(net.cli1, f"http://{SRV1}/page")
    assert web[0].addresses() == {EIP}


def test_a_route_to_an_interface_passes_untranslated(net):
    with servers.Capture(net, net.router, "ext0", "icmp and dst net 198.18.0.0/15") as capture:
        servers.ping(net.cli1, "198.18.0.1", count=1)
    assert sources(capture) == {CLI1}


def test_a_blackhole_drops_and_counts(net):
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", f"host {HOLE}") as capture:
        assert servers.ping(net.cli1, HOLE, count=4).received == 0
    assert capture.count() == 0
    assert (net.natgwd.settled_stats() - before).drops() == {"blackhole": 4}


def test_an_unknown_source_does_not_leave(net):
    """A source in no subnet is not translated and does not leave with its private address."""
    net.cli1.ip("address", "add", "10.9.9.9/32", "dev", "lo")
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", "src host 10.9.9.9") as capture:
        assert servers.ping(net.cli1, SRV1, "-I", "10.9.9.9", count=3).received == 0
    assert capture.count() == 0
    assert (net.natgwd.settled_stats() - before).drops() == {"source_not_allowed": 3}
