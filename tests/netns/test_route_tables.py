# SPDX-License-Identifier: GPL-2.0-only
"""A gateway's own route table after translation, the main table, and local prefixes outside."""
import socket

import pytest

import probes
import servers
from hosts import (CLI1, CLI2_TWO, EIP, EIP2, GW_EXTERNAL, GW_INTERNAL, ROUTER, SRV1, SRV2)

LAYOUT = "two"
HOLE, NOWHERE = "203.0.113.12", "203.0.113.13"
MAIN_CLIENT = "10.0.3.10"  # of cli2 as well: its subnet has no table of its own
PLAIN = [("0.0.0.0/0", "gateway:nat-a")]
OWN = {"route_table": "public"}


def table(name, routes, *keys):
    """A route table as lines of the config."""
    return ([f"  - name: {name}"] + [f"    {key}" for key in keys] + ["    routes:"] +
            [f"      - {{to: {to}, target: {target}}}" for to, target in routes])


PUBLIC = table("public", [("203.0.113.0/29", "internet"), (f"{SRV1}/32", "internet"),
                          (f"{SRV2}/32", "interface:ext0"), (f"{HOLE}/32", "blackhole")])


@pytest.fixture(scope="module", autouse=True)
def way_back(net):
    """What leaves untranslated finds its way back."""
    net.router.ip("route", "replace", "10.0.0.0/8", "via", GW_EXTERNAL)
    net.gw.ip("address", "add", "10.0.3.1/24", "dev", "int1")
    net.cli2.ip("address", "add", f"{MAIN_CLIENT}/24", "dev", "eth0")


def ping_seen(net, address, *options, client=None, **how):
    """The sources with which pings leave, and how many came back."""
    with servers.Capture(net, net.router, "ext0",
                         f"icmp[icmptype] == icmp-echo and dst host {address}") as capture:
        result = servers.ping(client or net.cli1, address, *options, **how)
    return {packet["IP"].src for packet in capture.packets()}, result.received


def drops_of(net, address, *options, client=None):
    """Reasons counted for two pings, of which none leaves."""
    before = net.natgwd.stats()
    assert ping_seen(net, address, *options, client=client, count=2, wait=0.2) == (set(), 0)
    return (net.natgwd.settled_stats() - before).drops()


# ---- the gateway's own table ----

@pytest.fixture
def own_table(net):
    with net.natgwd.configured(options=OWN, more_tables=PUBLIC):
        yield


def test_the_internet_is_where_its_table_says(net, own_table, web):
    """Requirements 38 and 80."""
    for client, _address in net.clients():
        assert servers.who(client, f"http://{SRV1}")[0] == EIP
    assert ping_seen(net, SRV1) == ({EIP}, 3)


def test_where_its_table_does_not_lead(net, own_table):
    """Requirements 38 and 41."""
    assert drops_of(net, NOWHERE) == {"no_route": 2}
    assert drops_of(net, "192.0.2.1") == {"no_route": 2}
    assert drops_of(net, HOLE) == {"blackhole": 2}
    assert drops_of(net, SRV2) == {"target_not_allowed": 2}


def test_a_target_that_is_allowed(net, web):
    with net.natgwd.configured(options=dict(OWN, allow_nat_to="[interface]"), more_tables=PUBLIC):
        assert servers.who(net.cli1, f"http://{SRV2}")[0] == EIP
        assert drops_of(net, HOLE) == {"blackhole": 2}
    local = table("public", [("0.0.0.0/0", "internet"), (f"{SRV2}/32", "local")])
    with net.natgwd.configured(options=OWN, more_tables=local):
        assert drops_of(net, SRV2) == {"target_not_allowed": 2}
    with net.natgwd.configured(options=dict(OWN, allow_nat_to="[local, vpn]"), more_tables=local):
        assert ping_seen(net, SRV2) == ({EIP}, 3)


def test_all_protocols_are_asked(net, own_table):
    before = net.natgwd.stats()
    with servers.Capture(net, net.router, "ext0", f"ip and dst host {HOLE}") as outside:
        with net.cli1.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (HOLE, 9))
        with pytest.raises(TimeoutError):
            net.cli1.connect(HOLE, 80, timeout=0.3)
    assert outside.count() == 0
    assert set((net.natgwd.settled_stats() - before).drops()) == {"blackhole"}


def test_traffic_that_is_not_translated_does_not_ask_it(net, own_table):
    assert servers.ping(net.cli1, CLI2_TWO).received == 3


def test_a_living_session_meets_the_table_too(net, web, own_table):
    """And goes on when the way is open again."""
    with net.cli1.connect(SRV1, 80) as held:
        first = servers.ask_who(held)
        closed = table("public", [("0.0.0.0/0", "internet"), (f"{SRV1}/32", "blackhole")])
        with net.natgwd.configured(more_tables=closed):
            assert drops_of(net, SRV1) == {"blackhole": 2}
            assert ping_seen(net, SRV2) == ({EIP}, 3)
        assert servers.ask_who(held) == first


# ---- the main table, local prefixes ----

def test_a_table_for_each_subnet_and_a_main_one(net, web):
    """Requirement 84: three sources, three tables, one destination."""
    tables = table("private-b", [("0.0.0.0/0", "gateway:nat-a"), (f"{SRV2}/32", "blackhole")],
                   "subnets: [10.0.2.0/24]")
    tables += table("main", [("0.0.0.0/0", "gateway:nat-a"), (f"{SRV2}/32", "local")],
                    "main: true")
    tables += table("public", [("0.0.0.0/0", "internet")])
    internal = ["internal_prefixes: [10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24]"]
    with net.natgwd.configured(subnets=["10.0.1.0/24"], options=OWN, more_tables=tables,
                               more=internal):
        assert ping_seen(net, SRV2) == ({EIP}, 3)
        assert drops_of(net, SRV2, "-I", CLI2_TWO, client=net.cli2) == {"blackhole": 2}
        assert ping_seen(net, SRV2, "-I", MAIN_CLIENT, client=net.cli2) == ({MAIN_CLIENT}, 3)
        for client, address in ((net.cli1, CLI1), (net.cli2, CLI2_TWO), (net.cli2, MAIN_CLIENT)):
            assert servers.who(client, f"http://{SRV1}", "--interface", address)[0] == EIP
        # And between the subnets, whichever table they have.
        assert servers.ping(net.cli1, MAIN_CLIENT).received == 3
        net.natgwd.set_skew(3600)  # the audit does not like sessions of a subnet that is gone
        net.natgwd.sweep()


def test_without_a_main_table_the_subnet_has_none(net):
    assert drops_of(net, SRV1, "-I", MAIN_CLIENT, client=net.cli2) == {"source_not_allowed": 2}


def test_a_bastion_outside(net, web):
    """Requirement 65a: it opens connections to the private address, while the same host's other
    traffic is translated."""
    with net.natgwd.configured(more=[f"local: [{SRV2}/32]"]):
        with net.cli1.connect(SRV1, 80) as held, net.cli1.socket(bind=(CLI1, 22)) as listener:
            assert servers.ask_who(held)[0] == EIP
            listener.listen()
            with net.srv2.connect(CLI1, 22) as sock:
                accepted, peer = listener.accept()
                with accepted:
                    assert peer == sock.getsockname()
                    accepted.sendall(b"welcome")
                    assert sock.recv(100) == b"welcome"
            assert servers.ask_who(held)[0] == EIP
        assert servers.ping(net.srv2, CLI2_TWO).received == 3
        assert ping_seen(net, SRV2) == ({CLI1}, 3)
        assert ping_seen(net, SRV1) == ({EIP}, 3)
        # Who tells of such traffic on its way need not be local himself.
        assert probes.traceroute(net.cli1, SRV2, "-U") == [GW_INTERNAL, ROUTER, SRV2]
        rows = [row for row in net.natgwd.ctl_json("routes", "list")["routes"]
                if row["to"] == f"{SRV2}/32"]
        assert rows and {row["origin"] for row in rows} == {"local"}
    assert ping_seen(net, SRV2) == ({EIP}, 3)


def test_a_local_prefix_beats_a_static_route(net):
    """Local before all."""
    with net.natgwd.configured(more=[f"local: [{SRV2}/32]"],
                               routes=PLAIN + [("203.0.113.8/29", "blackhole")]):
        assert ping_seen(net, SRV2) == ({CLI1}, 3)
        assert drops_of(net, HOLE) == {"blackhole": 2}


# ---- replacing ----

def test_a_route_is_replaced_without_a_gap(net):
    """Requirement 40: back and forth under pings and new sessions, none of which is lost."""
    other = [f"  - {{name: nat-b, private_ip: 10.0.1.253, eips: [{EIP2}]}}"]
    before = net.natgwd.stats()
    with net.natgwd.configured(more_gateways=other):
        pings = servers.start_ping(net.cli1, SRV1, 100000, 0.002)
        for number in range(3):
            public = table("public", [("0.0.0.0/0", "internet"),
                                      (f"198.18.{number}.0/24", "blackhole")])
            with net.natgwd.configured(options=OWN, more_tables=public):
                assert servers.ping(net.cli2, SRV1).received == 3
            with net.natgwd.configured(routes=[("0.0.0.0/0", "gateway:nat-b")]):
                assert servers.ping(net.cli2, SRV1).received == 3
        result = servers.end_ping(pings)
    assert result.sent > 100 and result.received == result.sent
    assert (net.natgwd.settled_stats() - before).drops() == {}
