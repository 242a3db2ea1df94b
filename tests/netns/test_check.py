# SPDX-License-Identifier: GPL-2.0-only
"""natgwctl check and the probe of the data path.

A new user's way: the README's first config, a first translated packet; then each of the nine things
of requirement 43 is broken in turn: the check names it in its first line, and says what to change;
once it is repaired all is well again.
"""
import contextlib
import os
import re

import pytest

import daemon
import servers
import topology
from hosts import (CLI1, CLI2, EIP, EIP2, GW_EXTERNAL, GW_INTERNAL, ROUTER, SRV1, SRV2, wait_for)

ITEMS = ("gateway_state", "way_out", "route", "diverted", "acl", "refusals", "target", "client",
         "protocol")
# The README's machine, and the one of these tests.
PLACES = (("eth0", "ext0"), ("eth1", "int0"), ("203.0.113.10", EIP))
DEFAULT = "{to: 0.0.0.0/0, target: gateway:nat-a}"
PROBE = "probe: {interval: 1s}"


class Readme:
    """The first config of the README, as a user would change it step by step."""

    def __init__(self, net):
        with open(os.path.join(daemon.ROOT, "README.md"), encoding="utf-8") as file:
            block, = re.findall(r"```yaml\n# /etc/natgw/natgw.yaml\n(.*?)```", file.read(), re.S)
        for name, ours in PLACES:
            assert name in block
            block = block.replace(name, ours)
        self.first = block
        kept = net.natgwd.config
        self.rest = [f"attach: {net.attach}", f"limits: {{sessions: {kept.sessions}}}",
                     f"metrics: {{listen: {daemon.METRICS}}}",
                     f"control: {{socket: {kept.socket}}}", f"pin_path: {kept.pin_path}", PROBE]
        self.edits = []
        self.more = []

    def text(self):
        text = self.first
        for old, new in self.edits:
            assert old in text, old
            text = text.replace(old, new)
        return text + "\n".join(self.rest + self.more) + "\n"


def make_net(name, attach):
    with topology.Topology(name, "bridge", attach) as made:
        made.natgwd.start()
        yield made


@pytest.fixture(scope="module")
def net():
    """One network for all; what differs with tc alone is in a test of its own."""
    yield from make_net("check", "xdp")


@pytest.fixture
def tc_net():
    yield from make_net("check-tc", "tc")


@pytest.fixture(scope="module")
def user(net):
    """The gateway with the README's config, and web servers outside."""
    readme = Readme(net)
    net.natgwd.config.text = readme.text
    net.natgwd.reload()
    servers.Nginx(net, net.srv1, ports=(80, 8080)).write("page", b"natgw\n")
    servers.Nginx(net, net.srv2).write("page", b"natgw\n")
    return readme


@contextlib.contextmanager
def changed(net, readme, *edits, more=()):
    """The config with these changes in force; at the end the one before."""
    readme.edits, readme.more = list(edits), list(more)
    try:
        net.natgwd.reload()
        yield
    finally:
        readme.edits, readme.more = [], []
        net.natgwd.reload()


def check(net, client=CLI1, dst=f"{SRV1}:80"):
    result = net.natgwd.ctl("check", client, dst, check=False)
    assert result.returncode in (0, 1), result.stderr
    return result


def lines_of(result):
    """{number of the item: (result, text)} of the checklist."""
    return {int(number): (outcome, text) for number, outcome, text in
            re.findall(r"^  (\d)  (pass|FAIL|n/a) +(.*)$", result.stdout, re.M)}


def is_named(net, item, *words, client=CLI1, dst=f"{SRV1}:80", first="would not leave: "):
    """The check says no, and names this item first, in these words."""
    result = check(net, client, dst)
    line = result.stdout.splitlines()[0]
    shown = lines_of(result)
    assert sorted(shown) == list(range(1, 10)), result.stdout
    failed = [number for number in shown if shown[number][0] == "FAIL"]
    assert failed and ITEMS[failed[0] - 1] == item, result.stdout
    assert line.startswith(first), line
    for word in words:
        assert word in line, line
    assert "\n           change: " in result.stdout
    wanted = net.natgwd.ctl("check", client, dst, "--json", check=False)
    assert f'"failed":"{item}"' in wanted.stdout.replace(": ", ":")
    assert result.returncode == (0 if first.startswith("would leave") else 1)


def is_well(net, client=CLI1, dst=f"{SRV1}:80"):
    result = check(net, client, dst)
    assert result.returncode == 0, result.stdout
    assert result.stdout.startswith(f"would leave: {client} to {dst}/tcp by gateway nat-a\n"), (
        result.stdout)


def fetch(net, port=80):
    servers.curl(net.cli1, f"http://{SRV1}:{port}/page")


# ---- a new user's way ----

def test_first_translated_packet(net, user):
    is_well(net)
    fetch(net)
    shown = lines_of(check(net))
    assert {outcome for outcome, _text in shown.values()} == {"pass"}
    assert any(row["external_src_address"] == EIP for row in net.natgwd.sessions())


def test_path_names_the_rows(net, user):
    text = check(net).stdout
    with open(net.natgwd.config_file, encoding="ascii") as file:
        lines = file.read().splitlines()
    line = next(i for i, row in enumerate(lines, 1) if DEFAULT in row)
    for wanted in ("10.0.1.0/24, route table private-a",
                   f"0.0.0.0/0 via gateway:nat-a, static (natgw.yaml:{line})",
                   f"{EIP}, one of 1 of the gateway", f"left to {SRV1}:80/tcp",
                   f"{ROUTER} by ext0, at {net.router.mac('ext0')}, MTU 1500"):
        assert wanted in text, text


def test_1_gateway_state(net, user):
    net.natgwd.ctl("block", "on", "nat-a")
    is_named(net, "gateway_state", "nat-a is blocked")
    net.natgwd.ctl("block", "off", "nat-a")
    is_well(net)


def test_1_gateway_deleted(net, user):
    gateway = user.first[user.first.index("  - name: nat-a"):user.first.index("route_tables:")]
    blackhole = DEFAULT.replace("}", ", state: blackhole}")
    with changed(net, user, ("gateways:\n" + gateway, "gateways: []\n"), (DEFAULT, blackhole)):
        is_named(net, "gateway_state", "nat-a")
    wait_for(lambda: check(net).returncode == 0, "the gateway again")
    is_well(net)


def test_2_way_out(net, user):
    net.gw.ip("route", "delete", "default")
    is_named(net, "way_out", f"no route to {SRV1}")
    net.gw.ip("route", "add", "default", "via", ROUTER)
    is_well(net)


def test_3_route(net, user):
    with changed(net, user, (DEFAULT, DEFAULT.replace("0.0.0.0/0", "192.0.2.0/24"))):
        is_named(net, "route", f"private-a has no route to {SRV1}")
    is_well(net)


def test_4_diverted(net, user):
    """Requirement 47."""
    for target in ("local", "blackhole"):
        longer = f"{{to: {SRV1}/32, target: {target}}}"
        with changed(net, user, (DEFAULT, f"{DEFAULT}\n      - {longer}")):
            is_named(net, "diverted", f"matched {SRV1}/32 via {target}",
                     first="would not traverse the gateway: ")
            is_well(net, dst=f"{SRV2}:80")
    is_well(net)


def test_5_acl(net, user):
    with changed(net, user, more=[f"acl: [{{deny: {SRV1}/32}}]"]):
        is_named(net, "acl", f"denies {SRV1}/32", "natgw.yaml:")
        is_well(net, dst=f"{SRV2}:80")
    is_well(net)


def test_6_refusals(net, user):
    """A quota, met before a session is refused, and after."""
    quota = ("    private_ip:", "    max_sessions_per_client: 1\n    private_ip:")
    with changed(net, user, quota), net.cli2.connect(SRV1, 80):
        is_named(net, "refusals", "client_quota", "1 sessions", client=CLI2)
        is_well(net, client="10.0.1.77")
        with pytest.raises(OSError):
            net.cli2.connect(SRV2, 80, timeout=0.2)
    is_well(net, client=CLI2)
    wait_for(lambda: "1 were, the last one" in check(net, CLI2).stdout.replace("2 were", "1 were"),
             "the refusal that was told of")
    assert "client_quota" in lines_of(check(net, CLI2))[6][1]


def test_7_target(net, user):
    net.srv1.ip("route", "add", "blackhole", f"{EIP}/32")
    with pytest.raises(OSError):
        net.cli1.connect(SRV1, 8080, timeout=0.1)
    net.natgwd.set_skew(2)
    is_named(net, "target", f"{SRV1}:8080/tcp has not answered 1 sessions", dst=f"{SRV1}:8080",
             first="would leave, but nothing comes back: ")
    net.srv1.ip("route", "delete", "blackhole", f"{EIP}/32")
    fetch(net, 8080)
    is_well(net, dst=f"{SRV1}:8080")


def test_8_client_address(net, user):
    is_named(net, "client", "10.9.9.9 is in no internal prefix", client="10.9.9.9")
    for own in (GW_INTERNAL, GW_EXTERNAL):
        is_named(net, "client", client=own)
    is_well(net)


def test_9_protocol(net, user):
    is_named(net, "protocol", "IP protocol 47", dst=f"{SRV1}/gre")
    off = ("    private_ip:", "    icmp: off\n    private_ip:")
    with changed(net, user, off):
        is_named(net, "protocol", "icmp: off", dst=f"{SRV1}/icmp")
    assert check(net, dst=f"{SRV1}/icmp").returncode == 0
    is_well(net)


# ---- what it must not do, and what it refuses ----

def test_a_check_changes_nothing(net, user):
    """No session, port, counter, event or log record."""
    def picture():
        rows = net.natgwd.sessions()
        for row in rows:
            row.pop("idle_s", None)
            row.pop("expires_in_s", None)
        return net.natgwd.ctl_json("stats"), [
            {key: row[key] for key in row if not key.endswith("_s")} for row in rows], [
            line for line in net.natgwd.metrics().splitlines()
            if line.startswith(("natgw_packets", "natgw_bytes", "natgw_hook", "natgw_events",
                                "natgw_connection", "natgw_sessions_created", "natgw_alloc"))]

    net.natgwd.settled_stats()
    wait_for(lambda: picture() == picture(), "a quiet moment")
    before = picture()
    for dst in (f"{SRV1}:80", f"{SRV1}/icmp", f"{SRV2}:53/udp", f"{SRV1}/gre", EIP, "127.0.0.1",
                "224.0.0.1"):
        for client in (CLI1, CLI2, "10.9.9.9", GW_INTERNAL):
            check(net, client, dst)
    assert picture() == before


def test_wrong_words_are_refused(net, user):
    for words, said in (((CLI1,), "check"), (("nonsense", SRV1), "client is an IPv4 address"),
                        ((CLI1, "nonsense"), "dst is an IPv4 address"),
                        ((CLI1, f"{SRV1}:99999"), "port is a number"),
                        ((CLI1, f"{SRV1}:80/icmp"), "port goes with tcp and udp"),
                        ((CLI1, f"{SRV1}/nonsense"), "proto is tcp, udp, icmp")):
        result = net.natgwd.ctl("check", *words, check=False)
        assert result.returncode == 2 and said in result.stderr, result.stderr


def test_the_tcp_listener_answers_too(net, user):
    text = net.natgwd.get(f"/v1/check?client={CLI1}&dst={SRV1}&port=80")
    assert '"translated":true' in text.replace(": ", ":")


def test_with_tc_alone(tc_net):
    """The dry run is of XDP; what it leaves to tc counts as translated."""
    is_well(tc_net)
    assert "verdict          defer_device" in check(tc_net).stdout
    wait_for(lambda: datapath(tc_net), "the data path to be up")
    with tc_net.natgwd.configured(routes=[("192.0.2.0/24", "gateway:nat-a")]):
        is_named(tc_net, "route", f"private-a has no route to {SRV1}")
    is_well(tc_net)


# ---- which EIP, which rule ----

def test_rules_and_pools_are_named_by_their_place(net, user):
    rules = ["rules:", "  - dnat: {protocol: tcp, port: 80, to_port: 8080, mark: 7}",
             f"  - no_nat: {{gateway: nat-a, to: {SRV2}/32}}",
             f"  - snat: {{gateway: nat-a, mark: 7, eips: [{EIP2}]}}"]
    with changed(net, user, more=rules):
        text = check(net).stdout
        assert re.search(r"rule 1, dnat \(natgw.yaml:\d+\); rule 3, snat \(natgw.yaml:\d+\)", text)
        assert f"{EIP2}, one of 1 of the SNAT rule" in text
        assert re.search(r"port outside +8080", text) and f"left to {SRV1}:8080/tcp" in text
        is_named(net, "diverted", "rule 2 (no_nat)", dst=f"{SRV2}:80",
                 first="would not traverse the gateway: ")
    is_well(net)


# ---- the probe ----

def datapath(net):
    return 'natgw_datapath_up{gateway="nat-a"} 1\n' in net.natgwd.metrics()


def test_probe_follows_the_outside_link(net, user):
    """Down within the interval and a second (requirement B-38)."""
    wait_for(lambda: datapath(net), "the data path to be up")
    assert net.natgwd.get("/healthz") == "ok\n"
    net.gw.ip("link", "set", "ext0", "down")
    wait_for(lambda: not datapath(net), "the probe to fail", timeout=2.0)
    assert failures(net)["link"] >= 1
    assert "ext0 is down" in net.natgwd.ctl("status").stdout
    assert "503" in net.gw.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                               f"http://{daemon.METRICS}/healthz").stdout
    is_named(net, "way_out", "ext0 is down")
    net.gw.ip("link", "set", "ext0", "up")
    net.gw.ip("route", "add", "default", "via", ROUTER)
    wait_for(lambda: datapath(net), "the data path to be up again")
    is_well(net)


def failures(net):
    return {reason: int(count) for reason, count in re.findall(
        r'natgw_probe_failures_total{gateway="nat-a",reason="(\w+)"} (\d+)', net.natgwd.metrics())}


def test_probe_asks_the_next_hop(net, user):
    """A router that does not answer ARP is noticed without traffic, and when it answers again."""
    net.gw.sysctl("net.ipv4.neigh.ext0.retrans_time_ms", 20)
    net.router.ip("address", "delete", f"{ROUTER}/24", "dev", "ext0")
    net.gw.ip("neighbour", "flush", "dev", "ext0")
    wait_for(lambda: failures(net)["next_hop"], "the probe to fail", timeout=8)
    is_named(net, "way_out", f"next hop {ROUTER} does not answer ARP on ext0")
    net.router.ip("address", "add", f"{ROUTER}/24", "dev", "ext0")
    wait_for(lambda: datapath(net), "the data path to be up again")
    is_well(net)
    fetch(net)


def test_probe_failures_outlive_natgwd(net, user):
    before = failures(net)
    assert before["link"] >= 1
    net.natgwd.stop()
    net.natgwd.start()
    assert failures(net)["link"] >= before["link"]
    assert set(failures(net)) == {"state", "program", "link", "dropped", "next_hop", "error"}


def test_8_client_interface_down(net, user):
    net.gw.ip("link", "set", "int0", "down")
    wait_for(lambda: "int0 is down" in check(net).stdout, "natgwd to see it")
    is_named(net, "client", "int0 is down")
    net.gw.ip("link", "set", "int0", "up")
    wait_for(lambda: check(net).returncode == 0, "the interface")
    is_well(net)
    fetch(net)


def test_probe_sees_a_program_that_is_gone(net, user):
    """Last: it is not waited for that natgwd sets it again."""
    net.gw.run("tc", "filter", "delete", "dev", "ext0", "egress", "pref", "1")
    wait_for(lambda: failures(net)["program"], "the probe to say so")
    assert re.search(r"gateway nat-a: the data path is down: ext0 at tc egress", net.natgwd.log())
