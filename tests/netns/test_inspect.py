# SPDX-License-Identifier: GPL-2.0-only
"""What natgw shows of itself: natgwctl, metrics, text view, bpftool, privileges."""
import json
import re

import pytest

import daemon
import servers
import session_slots
from hosts import CLI1, EIP, PRIVATE_IP, SRV1, run, wait_for

COMMANDS = (("status",), ("describe",), ("describe", "nat-a"), ("sessions",), ("stats",),
            ("routes", "list"), ("top", "destinations"), ("top", "clients"), ("explain-errors",))
# requirements.md D-1 and, as far as they are there, D-2 and D-4
METRICS = (
    "natgw_active_connections", "natgw_bytes_in_from_destination_total",
    "natgw_bytes_in_from_source_total", "natgw_bytes_out_to_destination_total",
    "natgw_bytes_out_to_source_total", "natgw_connection_attempts_total",
    "natgw_connections_established_total", "natgw_error_port_allocation_total",
    "natgw_idle_timeouts_total", "natgw_packets_drop_total",
    "natgw_packets_in_from_destination_total", "natgw_packets_in_from_source_total",
    "natgw_packets_out_to_destination_total", "natgw_packets_out_to_source_total",
    "natgw_ports_capacity", "natgw_ports_in_use", "natgw_sessions", "natgw_sessions_max",
    "natgw_connection_failures_total", "natgw_ports_holddown", "natgw_client_sessions",
    "natgw_alloc_probes_bucket", "natgw_alloc_probes_count", "natgw_sessions_created_total",
    "natgw_sessions_closed_total", "natgw_halfopen_timeouts_total", "natgw_rst_sent_total",
    "natgw_rst_limited_total", "natgw_icmp_sent_total", "natgw_events_total",
    "natgw_events_lost_total", "natgw_sessions_spilled_total", "natgw_port_rechecks_total",
)
SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="[^"\\]*",?)*)\})? (-?[0-9.e+]+|NaN|\+Inf)$')
CAPABILITIES = (1 << 12) | (1 << 38) | (1 << 39)  # NET_ADMIN, PERFMON, BPF


def parse_metrics(text):
    """{(name, labels): value}; asserts the Prometheus text format on the way."""
    samples, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert kind in ("counter", "gauge", "histogram") and name not in typed, line
            typed.add(name)
            if kind == "histogram":
                typed.update((name + "_bucket", name + "_count"))
        elif not line.startswith("# HELP "):
            match = SAMPLE.match(line)
            assert match, line
            assert match.group(1) in typed, f"{line}: no TYPE before it"
            key = (match.group(1), match.group(2) or "")
            assert key not in samples, f"{line}: twice"
            samples[key] = float(match.group(3))
    return samples


@pytest.fixture
def session(net, web):
    """A connection from cli1 to srv1 that is open during the test."""
    with net.cli1.connect(SRV1, 80) as sock:
        wait_for(lambda: [row for row in net.natgwd.sessions() if row["state"] == "established"],
                 "the session")
        yield sock.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_speaks_text_and_json(net, session, command):
    text = net.natgwd.ctl(*command).stdout
    assert text.strip() and not text.lstrip().startswith("{")
    assert isinstance(net.natgwd.ctl_json(*command), dict)


def test_natgwctl_refuses_what_it_does_not_know(net):
    for arguments in (("nonsense",), ("describe", "nat-z"), ("status", "--nonsense")):
        result = net.natgwd.ctl(*arguments, check=False)
        assert result.returncode != 0 and result.stderr.strip()
    result = run(daemon.NATGWCTL, "--socket", net.path("none"), "status", check=False)
    assert result.returncode != 0 and net.path("none") in result.stderr


def test_status_names_the_interfaces_and_how_they_are_attached(net):
    status = net.natgwd.status()
    assert status["pid"] == net.natgwd.process.pid
    rows = {row["name"]: row for row in status["interfaces"]}
    assert sorted(rows) == net.interfaces
    wanted = "tc" if net.attach == "tc" else "xdp-native"
    assert {row["attach"] for row in rows.values()} == {wanted}
    assert rows["ext0"]["roles"] == ["external"] and rows["int0"]["roles"] == ["internal"]
    assert f"{PRIVATE_IP}/24" in rows["int0"]["addresses"]
    assert rows["ext0"]["mac"] == net.gw.mac("ext0")


def test_describe_shows_the_gateway(net, session):
    gateway, = net.natgwd.ctl_json("describe", "nat-a")["gateways"]
    assert gateway["state"] == "available" and gateway["private_ip"] == PRIVATE_IP
    assert [eip["address"] for eip in gateway["eips"]] == [EIP]
    assert (gateway["port_first"], gateway["port_last"]) == (1024, 65535)
    assert gateway["timeouts"]["tcp_established"] == 350


def test_routes_are_listed_with_their_origin(net):
    shown = net.natgwd.ctl_json("routes", "list")["routes"]
    rows = {(row["to"], row["target"]): row for row in shown}
    assert rows["0.0.0.0/0", "gateway:nat-a"]["origin"] == "static"
    assert rows["10.0.1.0/24", "local"]["origin"] == "local"
    assert {row["state"] for row in rows.values()} == {"active"}


def test_sessions_are_shown_by_natgwctl_and_by_the_kernel(net, session):
    row, = [row for row in net.natgwd.sessions() if row["internal_src_port"] == session]
    assert row["protocol"] == "tcp" and row["state"] == "established"
    assert row["internal_src_address"] == CLI1 and row["external_src_address"] == EIP
    assert (row["remote_address"], row["remote_port"]) == (SRV1, 80)
    assert row["packets_out"] >= 2 and row["packets_in"] >= 1
    line, = [line for line in net.natgwd.text_view().splitlines() if str(session) in line]
    for part in (CLI1, EIP, SRV1, str(row["external_src_port"])):
        assert part in line


def test_maps_are_readable_by_bpftool(net, session):
    shown = run("bpftool", "-j", "map", "dump", "pinned", net.natgwd.pin("inbound")).stdout
    slots = [slot["formatted"]["value"] for slot in json.loads(shown)]
    assert {"row", "addrs", "rest"} <= set(slots[0])
    assert {"word", "packets", "last_seen"} <= set(slots[0]["row"])
    assert any(slot["row"]["packets"] for slot in slots)


def test_names_are_short_and_every_map_has_btf(net):
    for name in ("settings", "clock", "routes", "gateways", "outbound", "inbound", "verdicts"):
        pin = net.natgwd.pin(name)
        shown = json.loads(run("bpftool", "-j", "map", "show", "pinned", pin).stdout)
        assert shown["name"] == name[:15] and shown["btf_id"] > 0


def map_info(net, name):
    return json.loads(run("bpftool", "-j", "map", "show", "pinned", net.natgwd.pin(name)).stdout)


def test_tables_have_the_size_that_the_config_asks_for(net):
    sessions = net.natgwd.config.sessions
    for name in ("clients", "client_ports"):
        assert map_info(net, name)["max_entries"] == sessions
    for name in ("outbound", "inbound"):
        assert map_info(net, name)["max_entries"] == session_slots.slots_for(sessions)
    assert map_info(net, "destinations")["max_entries"] == sessions // 1024 + 64


def test_the_seed_of_hashes_is_random_and_stays(fresh_net):
    def seed():
        shown = run("bpftool", "-j", "map", "dump", "pinned", fresh_net.natgwd.pin("settings"))
        return json.loads(shown.stdout)[0]["formatted"]["value"]["seed"]

    first = seed()
    assert first != 0
    fresh_net.natgwd.reload()
    assert seed() == first
    fresh_net.natgwd.stop()
    fresh_net.natgwd.start()
    assert seed() == first
    fresh_net.natgwd.stop()
    fresh_net.natgwd.detach()
    fresh_net.natgwd.start()
    assert seed() not in (0, first)


def test_metrics_have_the_promised_names(net, session):
    samples = parse_metrics(net.natgwd.metrics())
    names = {name for name, _labels in samples}
    assert not set(METRICS) - names
    assert 'natgw_gateway_state{gateway="nat-a",state="available"} 1' in net.natgwd.metrics()


def test_metrics_count_the_traffic(net, web):
    def read(name):
        return sum(value for (sample, _labels), value in parse_metrics(net.natgwd.metrics()).items()
                   if sample == name)

    net.natgwd.settled_stats()
    names = ("natgw_connection_attempts_total", "natgw_connections_established_total",
             "natgw_packets_in_from_source_total", "natgw_packets_out_to_destination_total",
             "natgw_packets_in_from_destination_total", "natgw_packets_out_to_source_total")
    before = {name: read(name) for name in names}
    with servers.Capture(net, net.cli1, "eth0", f"host {SRV1}") as capture:
        for _number in range(5):
            servers.curl(net.cli1, f"http://{SRV1}/page")
    sent = [packet["IP"].src == CLI1 for packet in capture.packets()]
    net.natgwd.settled_stats()
    grown = {name: read(name) - before[name] for name in names}
    assert grown["natgw_connection_attempts_total"] == 5
    assert grown["natgw_connections_established_total"] == 5
    assert grown["natgw_packets_in_from_source_total"] == sent.count(True)
    assert grown["natgw_packets_out_to_destination_total"] == sent.count(True)
    assert grown["natgw_packets_in_from_destination_total"] == sent.count(False)
    assert grown["natgw_packets_out_to_source_total"] == sent.count(False)


def test_the_tcp_listener_answers_and_changes_nothing(net):
    assert net.natgwd.get("/healthz")
    assert json.loads(net.natgwd.get("/v1/status"))["pid"] == net.natgwd.process.pid
    result = net.gw.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST",
                        f"http://{daemon.METRICS}/v1/sweep")
    assert result.stdout[0] == "4"


def test_privileges_are_dropped(net):
    with open(f"/proc/{net.natgwd.process.pid}/status", encoding="ascii") as file:
        text = file.read()
    effective = int(re.search(r"CapEff:\s*([0-9a-f]+)", text).group(1), 16)
    assert effective & ~CAPABILITIES == 0, hex(effective)


def test_ip_forwarding_is_switched_on_and_said_so(net):
    for interface in net.interfaces:
        assert net.gw.read_sysctl(f"net.ipv4.conf.{interface}.forwarding") == "1"
    with open(net.natgwd.log_file(1), encoding="utf-8") as log:
        assert "forwarding" in log.read()


def test_a_second_instance_is_refused(net, web):
    result = net.gw.run(daemon.NATGWD, "--config", net.natgwd.config_file, check=False, timeout=10)
    assert result.returncode != 0 and result.stderr.strip()
    assert net.natgwd.running
    servers.curl(net.cli1, f"http://{SRV1}/page")


def test_an_address_taken_away_is_reported(net):
    """Requirement 9."""
    def gateway():
        return net.natgwd.ctl_json("describe", "nat-a")["gateways"][0]

    net.gw.ip("address", "delete", f"{PRIVATE_IP}/24", "dev", "int0")
    try:
        shown = wait_for(lambda: gateway() if gateway()["reason"] else None, "a reason")
        assert PRIVATE_IP in shown["reason"]
        assert PRIVATE_IP in net.natgwd.ctl("describe", "nat-a").stdout
    finally:
        net.gw.ip("address", "add", f"{PRIVATE_IP}/24", "dev", "int0")
    wait_for(lambda: not gateway()["reason"], "the reason to go")
    assert gateway()["state"] == "available"
