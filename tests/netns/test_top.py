# SPDX-License-Identifier: GPL-2.0-only
"""Who uses the ports and what ran out: top, explain-errors, events and metrics agree (15, 17)."""
import contextlib
import json
import re
import socket

import pytest

import daemon
import servers
from hosts import CLI1, CLI2, EIP, SRV1, SRV2, wait_for

PORTS = 100  # more than NATGW_SMALL_RANGE: a destination with many sessions has a row of its own
FEW = 16
CONFIG = {"port_range": "2000-2099", "timeouts": {"hold_fin": 65, "hold_rst": 16}}
# For what natgwd says, where the hook makes no difference.
XDP_ONLY = pytest.mark.parametrize("fresh_net", ["xdp"], indirect=True)
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")


def metric(net, name, **labels):
    """The sum over all series of that name with these labels."""
    total = 0
    for line in net.natgwd.metrics().splitlines():
        match = SAMPLE.match(line)
        if match and match.group(1) == name:
            having = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
            if labels.items() <= having.items():
                total += float(match.group(3))
    return total


def events(net, reason):
    lines = net.natgwd.get("/v1/events").splitlines()
    return [event for event in map(json.loads, lines) if event["reason"] == reason]


def destination_row(net, address, port=80):
    """natgwd's last look at the sessions may be a second old."""
    def find():
        rows = net.natgwd.ctl_json("top", "destinations", "-n", "1000")["destinations"]
        return [row for row in rows if (row["destination"], row["port"]) == (address, port)]

    row, = wait_for(find, f"{address} among the destinations")
    return row


def client_row(net, address):
    rows = net.natgwd.ctl_json("top", "clients")["clients"]
    return next(row for row in rows if row["client"] == address)


def explained(net, reason):
    """The entries of this reason, and the text about them."""
    entries = net.natgwd.ctl_json("explain-errors")["errors"]
    text = net.natgwd.ctl("explain-errors").stdout
    return [entry for entry in entries if entry["reason"] == reason], text


@pytest.fixture
def connections():
    """Connections that are open until the test ends."""
    with contextlib.ExitStack() as stack:
        yield stack


def fill(net, stack, count, client="cli1", address=SRV1):
    namespace = getattr(net, client)
    return [stack.enter_context(namespace.connect(address, 80)) for _number in range(count)]


def web_server(net, namespace):
    server = servers.Nginx(net, namespace)
    server.write("page", b"natgw\n")
    return server


def refused_curl(namespace, address=SRV1):
    """curl tries to connect for a second: one SYN, and maybe another."""
    result = servers.curl(namespace, f"http://{address}/page", "--connect-timeout", "1",
                          check=False)
    assert result.returncode == 28, result.stderr  # CURLE_OPERATION_TIMEDOUT


def few_ports(net):
    net.natgwd.config.port_range = f"3000-{3000 + FEW - 1}"
    net.natgwd.reload()


def with_options(net, **options):
    net.natgwd.config.options = {key: str(value) for key, value in options.items()}
    net.natgwd.reload()


# ---- a destination without a free port ----

def check_event(net, limit):
    """Event and log name client, destination, EIP, ports in use and held."""
    event = wait_for(lambda: events(net, "port_exhausted"), "the event")[-1]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", event["time"])
    assert event["client"] == CLI1 and event["client_port"] > 0
    assert (event["destination"], event["port"], event["protocol"]) == (SRV1, 80, "tcp")
    assert (event["eip"], event["gateway"]) == (EIP, "nat-a")
    assert event["ports_used"] + event["ports_held"] == event["limit"] == limit
    log = wait_for(lambda: re.findall(r"session refused: (.*)", net.natgwd.log()), "the log")[-1]
    assert f"reason=port_exhausted client={CLI1} " in log
    assert f"destination={SRV1} port=80 protocol=tcp eip={EIP} gateway=nat-a" in log
    assert f"ports_used={event['ports_used']} ports_held={event['ports_held']} limit={limit}" in log
    return event


def check_top(net, limit):
    row = destination_row(net, SRV1)
    assert (row["eip"], row["gateway"], row["protocol"]) == (EIP, "nat-a", "tcp")
    assert row["ports_used"] == row["limit"] == limit and row["ports_held"] == 0
    assert row["used_percent"] == 100 and row["clients"] == 2
    client = client_row(net, CLI1)
    assert client["sessions"] == limit - 1 and client["destinations"] == 1
    assert client["errors"]["port_exhausted"] >= 1
    assert client["bytes_out"] > 0 and client["bytes_in"] > 0
    assert client_row(net, CLI2)["sessions"] == 1
    for kind, wanted in (("destinations", f"{SRV1}:80"), ("clients", CLI1)):
        line, = [line for line in net.natgwd.ctl("top", kind).stdout.splitlines()
                 if line.startswith(wanted + " ")]
        assert "nat-a" in line


def check_explanation(net, limit):
    (entry,), text = explained(net, "port_exhausted")
    assert (entry["gateway"], entry["eip"]) == ("nat-a", EIP)
    assert (entry["destination"], entry["port"], entry["protocol"]) == (SRV1, 80, "tcp")
    assert (entry["ports_used"], entry["ports_held"], entry["limit"]) == (limit, 0, limit)
    assert entry["events"] >= 1 and entry["last"]
    assert entry["clients"][0] == {"client": CLI1, "ports_used": limit - 1, "ports_held": 0}
    rates = {rate["ending"]: rate for rate in entry["sustainable"]}
    assert rates["fin"]["per_second"] == pytest.approx(limit / 65)
    assert rates["rst"]["per_second"] == pytest.approx(limit / 16)
    advice = " ".join(entry["help"])
    assert "add EIPs" in advice and "2 in all" in advice
    assert f"{CLI1} has {limit - 1} of the {limit} ports" in advice
    for part in (CLI1, SRV1, EIP, f"all {limit} ports", "new connections a second", "add EIPs"):
        assert part in text


def check_metrics(net, limit):
    net.natgwd.sweep()
    here = {"gateway": "nat-a", "proto": "tcp"}
    refused = metric(net, "natgw_error_port_allocation_total", **here)
    assert refused >= 1
    assert metric(net, "natgw_connection_failures_total", reason="port_exhausted", **here) == refused
    assert metric(net, "natgw_connection_failures_total", reason="client_quota") == 0
    assert metric(net, "natgw_client_port_errors_total", gateway="nat-a", client=CLI1,
                  reason="port_exhausted") == refused
    assert metric(net, "natgw_client_sessions", gateway="nat-a", client=CLI1) == limit - 1
    assert metric(net, "natgw_ports_in_use", eip=EIP, **here) == limit
    assert metric(net, "natgw_active_connections", **here) == limit
    assert metric(net, "natgw_events_total") + metric(net, "natgw_events_lost_total") == refused
    assert metric(net, "natgw_alloc_probes_count", proto="tcp") >= limit
    assert metric(net, "natgw_alloc_probes_bucket", proto="tcp", le="+Inf") == metric(
        net, "natgw_alloc_probes_count", proto="tcp")


def exhaust(net, stack, limit):
    web_server(net, net.srv1)
    fill(net, stack, 1, client="cli2")
    fill(net, stack, limit - 1)
    refused_curl(net.cli1)


def test_an_exhausted_destination_is_named_everywhere(fresh_net, connections):
    exhaust(fresh_net, connections, PORTS)
    check_event(fresh_net, PORTS)
    check_top(fresh_net, PORTS)
    check_explanation(fresh_net, PORTS)
    check_metrics(fresh_net, PORTS)
    there = {"eip": EIP, "proto": "tcp", "dst": SRV1, "dport": "80"}
    assert metric(fresh_net, "natgw_destination_ports_used_ratio", **there) == 1
    refused = metric(fresh_net, "natgw_destination_port_errors_total", **there)
    assert refused == metric(fresh_net, "natgw_error_port_allocation_total") >= 1
    assert destination_row(fresh_net, SRV1)["refused"] == refused
    assert fresh_net.natgwd.ctl_json("explain-errors")["errors"][0]["refused"] == refused


def test_few_ports_that_have_no_row_are_counted_for_the_event(fresh_net, connections):
    few_ports(fresh_net)
    exhaust(fresh_net, connections, FEW)
    event = check_event(fresh_net, FEW)
    assert event["ports_used"] == FEW
    check_top(fresh_net, FEW)
    check_explanation(fresh_net, FEW)
    check_metrics(fresh_net, FEW)
    web_server(fresh_net, fresh_net.srv2)  # a destination that is not to blame
    fill(fresh_net, connections, 1, address=SRV2)
    assert len(explained(fresh_net, "port_exhausted")[0]) == 1
    row = destination_row(fresh_net, SRV2)
    assert (row["ports_used"], row["limit"]) == (1, FEW)
    assert client_row(fresh_net, CLI1)["destinations"] == 2


# ---- held ports ----

def held(net):
    return [row for row in net.natgwd.sessions() if row["state"] == "hold"]


def test_held_ports_are_told_from_those_in_use(fresh_net, connections):
    """After the FINs of both sides a port is held: everywhere shown as that, with cause and time."""
    web_server(fresh_net, fresh_net.srv1)
    opened = fill(fresh_net, connections, PORTS)
    for sock in opened[:30]:
        servers.request(sock)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""  # nginx closes too
    wait_for(lambda: len(held(fresh_net)) == 30, "30 held ports")
    rows = fresh_net.natgwd.ctl_json("sessions", "--state", "hold")["sessions"]
    assert {row["hold"] for row in rows} == {"fin"} and {row["timeout_s"] for row in rows} == {65}
    assert all(0 < row["left_s"] <= 65 for row in rows)
    assert re.search(r" fin, \d+s left ", fresh_net.natgwd.ctl("sessions").stdout)
    fresh_net.natgwd.sweep()
    refused_curl(fresh_net.cli1)
    event = check_event(fresh_net, PORTS)
    assert (event["ports_used"], event["ports_held"]) == (PORTS - 30, 30)
    row = destination_row(fresh_net, SRV1)
    assert (row["ports_used"], row["ports_held"], row["held_by"]) == (PORTS - 30, 30, {"fin": 30})
    assert row["used_percent"] == 100
    (entry,), text = explained(fresh_net, "port_exhausted")
    assert (entry["ports_used"], entry["ports_held"]) == (PORTS - 30, 30)
    assert any("hold_fin" in line and "30 ports" in line for line in entry["help"])
    assert f"{PORTS - 30} in use, 30 held" in text
    assert metric(fresh_net, "natgw_ports_holddown", eip=EIP, proto="tcp", cause="fin") == 30
    assert metric(fresh_net, "natgw_sessions", proto="tcp", state="held") == 30
    assert metric(fresh_net, "natgw_active_connections", proto="tcp") == PORTS - 30
    assert fresh_net.natgwd.status()["held"] == 30


# ---- quotas ----

@XDP_ONLY
def test_a_client_at_its_quota_is_named(fresh_net, connections):
    """Requirement 17: session 6 of 5 is refused, the other client is not."""
    with_options(fresh_net, max_sessions_per_client=5)
    web_server(fresh_net, fresh_net.srv1)
    fill(fresh_net, connections, 5)
    refused_curl(fresh_net.cli1)
    servers.curl(fresh_net.cli2, f"http://{SRV1}/page")
    event = wait_for(lambda: events(fresh_net, "client_quota"), "the event")[-1]
    assert (event["client"], event["limit"]) == (CLI1, 5)
    (entry,), text = explained(fresh_net, "client_quota")
    assert (entry["client"], entry["sessions"], entry["limit"]) == (CLI1, 5, 5)
    assert entry["refused_at"] == [
        {"destination": SRV1, "port": 80, "protocol": "tcp", "ports": 5}]
    assert "raise max_sessions_per_client: it is 5" in text
    assert client_row(fresh_net, CLI1)["errors"] == {"client_quota": entry["refused"]}
    assert metric(fresh_net, "natgw_connection_failures_total", reason="client_quota") >= 1
    assert metric(fresh_net, "natgw_error_port_allocation_total") == 0
    assert not explained(fresh_net, "port_exhausted")[0]


@XDP_ONLY
def test_a_client_with_too_many_unanswered_packets_is_named(fresh_net):
    with_options(fresh_net, max_half_open_per_client=3)
    silent = "203.0.113.250"
    fresh_net.router.ip("route", "replace", "blackhole", silent)
    with fresh_net.cli1.socket(socket.SOCK_DGRAM) as sock:
        for port in range(4000, 4004):
            sock.sendto(b"x", (silent, port))
    wait_for(lambda: events(fresh_net, "half_open_quota"), "the event")
    (entry,), text = explained(fresh_net, "half_open_quota")
    assert (entry["client"], entry["opening"], entry["limit"]) == (CLI1, 3, 3)
    assert entry["refused"] == 1 and entry["refused_at"][0]["port"] == 4003
    assert "max_half_open_per_client" in text
    assert client_row(fresh_net, CLI1)["opening"] == 3


@XDP_ONLY
def test_a_full_gateway_names_its_clients(fresh_net, connections):
    with_options(fresh_net, max_sessions=4)
    web_server(fresh_net, fresh_net.srv1)
    fill(fresh_net, connections, 1, client="cli2")
    fill(fresh_net, connections, 3)
    refused_curl(fresh_net.cli2)
    (entry,), text = explained(fresh_net, "gateway_quota")
    assert (entry["sessions"], entry["limit"]) == (4, 4)
    assert [(row["client"], row["sessions"]) for row in entry["clients"]] == [(CLI1, 3), (CLI2, 1)]
    assert "raise max_sessions: it is 4" in text


@XDP_ONLY
def test_ports_per_client_is_not_exhaustion(fresh_net, connections):
    with_options(fresh_net, ports_per_client="{max: 6}")
    web_server(fresh_net, fresh_net.srv1)
    fill(fresh_net, connections, 6)
    refused_curl(fresh_net.cli1)
    (entry,), text = explained(fresh_net, "port_quota")
    assert (entry["client"], entry["limit"]) == (CLI1, 6)
    assert entry["refused_at"][0] == {"destination": SRV1, "port": 80, "protocol": "tcp",
                                      "ports": 6}
    assert "ports_per_client.max: it is 6" in text
    assert metric(fresh_net, "natgw_error_port_allocation_total") == 0


# ---- events ----

def test_every_refusal_is_an_event_or_counted_as_lost(fresh_net):
    few_ports(fresh_net)
    with contextlib.ExitStack() as stack:
        for number in range(400):
            sock = stack.enter_context(fresh_net.cli1.socket(socket.SOCK_DGRAM,
                                                             bind=("", 20000 + number)))
            sock.sendto(b"x", (SRV1, 4000))
    wait_for(lambda: metric(fresh_net, "natgw_connection_failures_total", proto="udp",
                            reason="port_exhausted") == 400 - FEW, "all refusals")
    told = metric(fresh_net, "natgw_events_total")
    lost = metric(fresh_net, "natgw_events_lost_total")
    assert told >= 100 and lost > 0 and told + lost == 400 - FEW
    kept = wait_for(lambda: len(found := events(fresh_net, "port_exhausted")) == told and found,
                    "the events")
    assert len({event["client_port"] for event in kept}) == told
    shown = fresh_net.natgwd.ctl_json("explain-errors")
    assert (shown["events"], shown["events_lost"]) == (told, lost)


@XDP_ONLY
def test_events_that_came_while_no_natgwd_ran_are_read_by_the_next(fresh_net, connections):
    with_options(fresh_net, max_sessions_per_client=5)
    web_server(fresh_net, fresh_net.srv1)
    fill(fresh_net, connections, 5)
    fresh_net.natgwd.kill()
    refused_curl(fresh_net.cli1)
    fresh_net.natgwd.start()
    event = wait_for(lambda: events(fresh_net, "client_quota"), "the event")[0]
    assert (event["client"], event["destination"]) == (CLI1, SRV1)
    assert explained(fresh_net, "client_quota")[0][0]["events"] >= 1


# ---- asking ----

@XDP_ONLY
def test_the_number_of_rows_is_the_users(fresh_net, connections):
    web_server(fresh_net, fresh_net.srv1)
    fill(fresh_net, connections, 2)
    fill(fresh_net, connections, 1, client="cli2")
    shown = fresh_net.natgwd.ctl_json("top", "clients", "-n", "1")
    assert [row["client"] for row in shown["clients"]] == [CLI1] and shown["total"] == 2
    for number in ("0", "1001", "x", "-1"):
        result = fresh_net.natgwd.ctl("top", "clients", "-n", number, check=False)
        assert result.returncode == 1 and "n is a number from 1 to 1000" in result.stderr
    assert fresh_net.natgwd.ctl("stats", "-n", "1", check=False).returncode == 2
    assert fresh_net.natgwd.ctl("top", check=False).returncode == 2


@XDP_ONLY
def test_nothing_refused_is_said_so(fresh_net):
    assert fresh_net.natgwd.ctl("explain-errors").stdout == "no new session has been refused\n"
    shown = fresh_net.natgwd.ctl_json("explain-errors")
    assert shown == {"errors": [], "counters": [], "events": 0, "events_lost": 0}
    assert fresh_net.natgwd.get("/v1/events") == ""
    for path in ("top/clients", "top/destinations", "errors"):
        assert isinstance(json.loads(fresh_net.natgwd.get(f"/v1/{path}")), dict)
        result = fresh_net.gw.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X",
                                  "POST", f"http://{daemon.METRICS}/v1/{path}")
        assert result.stdout == "405"
