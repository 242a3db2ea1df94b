# SPDX-License-Identifier: GPL-2.0-only
"""What natgwctl, the metrics and the maps show of rules, port forwards, 1:1 mappings, the access
list and the addresses that the host shares; and what follows the host: MTU, addresses."""
import json
import signal
import socket

import pytest

import servers
from hosts import CLI1, EIP, EIP2, GW_EXTERNAL, SRV1, run, wait_for
from test_top import metric

RULE_EIP, PUBLIC, STAGED = "198.51.100.60", "198.51.100.61", "198.51.100.62"
MORE = f"""\
rules:
  - {{session: {{protocol: udp, port: 53, timeouts: {{udp: 10m}}}}}}
  - {{dnat: {{protocol: tcp, port: 8001, to_port: 80, mark: 65}}}}
  - {{snat: {{gateway: nat-a, mark: 65, eips: [{RULE_EIP}]}}}}
  - {{no_nat: {{gateway: nat-b, to: 192.0.2.0/24}}}}
port_forwards:
  - {{protocol: tcp, address: {EIP}, port: 8080-8081, to: {CLI1}:80}}
one_to_one:
  - {{private: 10.0.1.77, public: {PUBLIC}}}
  - {{private: 172.16.0.9, public: {STAGED}}}
acl: [{{deny: 192.0.2.0/24}}, {{allow: 192.0.2.128/25}}]
local: [198.51.100.128/25]""".splitlines()
CONFIG = {
    "eips": [EIP, f"{{address: {GW_EXTERNAL}, shared: true}}"],
    "options": {"fragments": "{tcp: forward}", "icmp": "echo", "route_table": "out",
                "allow_nat_to": "[local]"},
    "more_gateways": [f"  - {{name: nat-b, private_ip: 10.0.1.253, type: private, mode: two-stage,"
                      " eips: [172.16.0.9], default_snat: off, unmatched: pass}"],
    "more_tables": ["  - {name: out, routes: [{to: 0.0.0.0/0, target: internet}]}"],
    "more": MORE,
}


def described(net):
    return net.natgwd.ctl_json("describe")


def rows(net, name):
    """The rows of a pinned map, keys and values as bpftool names them."""
    shown = run("bpftool", "-j", "map", "dump", "pinned", net.natgwd.pin(name)).stdout
    return [row["formatted"] for row in json.loads(shown)]


def settings(net):
    return rows(net, "settings")[0]["value"]


def hits(net):
    return {rule["rule"]: rule["hits"] for rule in described(net)["rules"]}


@pytest.fixture(scope="module")
def server(net):
    return servers.Nginx(net, net.srv1)


# ---- natgwctl ----

def test_gateways_are_described(net):
    a, b = described(net)["gateways"]
    assert (a["type"], a["mode"], a["default_snat"]) == ("public", "direct", "on")
    assert a["fragments"] == {"tcp": "forward", "udp": "forward", "icmp": "drop"}
    assert (a["icmp"], a["route_table"], a["allow_nat_to"]) == ("echo", "out", ["local"])
    assert (b["type"], b["mode"], b["icmp"]) == ("private", "two-stage", "all")
    assert (b["default_snat"], b["unmatched"], b["route_table"]) == ("off", "pass", None)
    eips = {eip["address"]: eip for gateway in (a, b) for eip in gateway["eips"]}
    assert set(eips) == {EIP, GW_EXTERNAL, RULE_EIP, "172.16.0.9"}
    assert [address for address, eip in eips.items() if eip["shared"]] == [GW_EXTERNAL]
    assert eips["172.16.0.9"]["public_address"] == STAGED and eips[EIP]["public_address"] is None
    assert a["port_forwards"] == [{"protocol": "tcp", "address": EIP, "ports": "8080-8081",
                                   "to": CLI1, "to_ports": "80-81"}]
    assert b["port_forwards"] == []


def test_rules_mappings_and_the_access_list_are_described(net):
    shown = described(net)
    assert [rule["kind"] for rule in shown["rules"]] == ["session", "dnat", "snat", "no_nat"]
    dnat, snat = shown["rules"][1:3]
    assert (dnat["protocol"], dnat["ports"], dnat["to_port"], dnat["mark"]) == (
        "tcp", "8001", 80, 65)
    assert (dnat["gateway"], dnat["from"]) == (None, "0.0.0.0/0")
    assert (snat["gateway"], snat["eips"], snat["ports"]) == ("nat-a", [RULE_EIP], None)
    assert shown["one_to_one"] == [{"private": "10.0.1.77", "public": PUBLIC},
                                   {"private": "172.16.0.9", "public": STAGED}]
    assert shown["acl"] == [{"prefix": "192.0.2.0/24", "action": "deny"},
                            {"prefix": "192.0.2.128/25", "action": "allow"}]


def test_the_text_shows_all_of_it(net):
    text = net.natgwd.ctl("describe").stdout
    for part in ("mode two-stage", "tcp forward, udp forward, icmp drop", "out; also to local",
                 f"{EIP}:8080-8081", f"{CLI1}:80-81", "no_nat", RULE_EIP, PUBLIC, STAGED,
                 "192.0.2.128/25"):
        assert part in text, part


def test_local_prefixes_are_routes(net):
    shown = net.natgwd.ctl_json("routes", "list")["routes"]
    places = {row["table"]: row for row in shown if row["to"] == "198.51.100.128/25"}
    assert list(places) == ["private-a"]
    assert (places["private-a"]["target"], places["private-a"]["origin"]) == ("local", "local")


# ---- hits, and the two ports of a session ----

def test_hits_are_counted_and_kept(net, server):
    before = hits(net)
    with net.cli1.connect(SRV1, 8001), net.cli1.connect(SRV1, 80), net.cli1.connect(SRV1, 80):
        after = hits(net)
    assert {rule: after[rule] - before[rule] for rule in after} == {1: 0, 2: 1, 3: 1, 4: 0}
    assert metric(net, "natgw_rule_hits_total", rule="2", kind="dnat") == after[2]
    assert metric(net, "natgw_rule_hits_total", rule="3", kind="snat") == after[3]
    net.natgwd.reload()
    assert hits(net) == after
    net.natgwd.kill()
    net.natgwd.start()
    assert hits(net) == after


def test_sessions_show_both_ports(net, server):
    with net.cli1.connect(SRV1, 8001) as sock:
        port = sock.getsockname()[1]
        row, = [row for row in net.natgwd.sessions() if row["internal_src_port"] == port]
        assert (row["remote_port"], row["orig_port"]) == (80, 8001)
        assert row["external_src_address"] == RULE_EIP
        assert f"{SRV1}:80 (for 8001)" in net.natgwd.ctl("sessions").stdout
    with net.cli1.connect(SRV1, 80) as sock:
        port = sock.getsockname()[1]
        row, = [row for row in net.natgwd.sessions() if row["internal_src_port"] == port]
        assert (row["remote_port"], row["orig_port"]) == (80, 80)


# ---- what follows the host ----

def test_the_mtu_follows(net):
    def mtus():
        return {row["key"]: row["value"]["mtu"] for row in rows(net, "ifaces")}
    assert set(mtus().values()) == {1500}
    net.gw.ip("link", "set", net.external, "mtu", "1400")
    try:
        wait_for(lambda: sorted(mtus().values())[0] == 1400, "the new MTU")
    finally:
        net.gw.ip("link", "set", net.external, "mtu", "1500")
    wait_for(lambda: set(mtus().values()) == {1500}, "the old MTU")


def test_hairpin_goes_by_the_external_interface(net):
    index = json.loads(net.gw.run("ip", "-j", "link", "show", "dev", net.external).stdout)[0]
    assert settings(net)["hairpin"] == index["ifindex"]


def test_a_shared_address_that_goes_is_named(net):
    def reason():
        return described(net)["gateways"][0]["reason"]
    net.gw.ip("address", "add", f"{EIP2}/32", "dev", "lo")
    shared = [*CONFIG["eips"], f"{{address: {EIP2}, shared: true}}"]
    with net.natgwd.configured(eips=shared):
        assert reason() == ""
        net.gw.ip("address", "del", f"{EIP2}/32", "dev", "lo")
        wait_for(lambda: reason() == f"shared EIP {EIP2} is not an address of this host", "why")
        net.gw.ip("address", "add", f"{EIP2}/32", "dev", "lo")
        wait_for(lambda: reason() == "", "the address is there again")
    net.gw.ip("address", "del", f"{EIP2}/32", "dev", "lo")


def reserved(net, port):
    """EIPs by index, one row for each protocol; TCP is the first."""
    words = [row["value"]["word"] for row in rows(net, "reserved_ports")[:12:3]]
    return sum(word[port >> 6] >> (port & 63) & 1 for word in words)


def test_ports_of_the_host_are_reserved_as_they_come_and_go(net):
    assert reserved(net, 8080) == 1 and reserved(net, 40000) == 1
    assert reserved(net, 2222) == 0
    with net.gw.socket(socket.SOCK_STREAM, bind=(GW_EXTERNAL, 2222)) as sock:
        sock.listen()
        wait_for(lambda: reserved(net, 2222) == 1, "the listener's port")
    low, high = 20000, 20100
    net.gw.run("sysctl", "-qw", f"net.ipv4.ip_local_port_range={low} {high}")
    try:
        wait_for(lambda: reserved(net, low) and reserved(net, high), "the new range")
    finally:
        net.gw.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")


# ---- what is refused ----

@pytest.mark.parametrize("eips, words", [
    ([GW_EXTERNAL], f"EIP {GW_EXTERNAL} of gateway \"nat-a\" is an address of this host"),
    ([f"{{address: {EIP2}, shared: true}}"],
     f"EIP {EIP2} of gateway \"nat-a\" is shared, but no interface of this host has"),
])
def test_a_reload_says_what_is_wrong_with_an_address(net, eips, words):
    failed = metric(net, "natgw_config_apply_total", result="failed")
    before = described(net)
    kept = net.natgwd.config.eips, net.natgwd.config.more
    net.natgwd.config.eips, net.natgwd.config.more = [EIP, *eips], MORE
    try:
        net.natgwd.write_config()
        net.natgwd.process.send_signal(signal.SIGHUP)
        wait_for(lambda: metric(net, "natgw_config_apply_total", result="failed") > failed,
                 "the refusal")
    finally:
        net.natgwd.config.eips, net.natgwd.config.more = kept
    assert words in net.natgwd.log()
    assert described(net)["gateways"][0]["eips"] == before["gateways"][0]["eips"]
