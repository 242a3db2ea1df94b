# SPDX-License-Identifier: GPL-2.0-only
"""The life of gateways and EIPs (requirements 9, 18-29, 31, 39, 62, B-4): states, failure codes,
what is left of a deleted gateway, tags, drift."""
import contextlib
import socket
import time

import pytest

import conftest
import daemon
import servers
from hosts import BPFFS, CLI1, EIP, EIP2, ROUTER, SRV1, SRV2, run, wait_for
from test_expiry import MARGIN_S, Clock

HTTP = 80
DRAIN_S = 100
KEPT_S = 3600
BEFORE_S = 90  # a restart may take a while
AUTO_IP = "10.0.1.1"  # the other address of int0: nat-a has PRIVATE_IP
SPARE_IP = "10.0.1.77"
NAT_B = f"  - {{name: nat-b, private_ip: 10.0.1.253, eips: [{EIP2}], drain: {DRAIN_S}s%s}}"


@pytest.fixture(scope="module", params=("xdp",))
def net(request):
    """Both hooks are at work; what is tested here is above them."""
    with conftest.make_net(request, "lifecycle", request.param) as made:
        made.natgwd.start()
        yield made


@pytest.fixture(autouse=True)
def config(net):
    """No session of earlier tests; the config as it was afterwards."""
    Clock(net).be(2000)
    net.natgwd.sweep()
    kept = dict(vars(net.natgwd.config))
    yield net.natgwd.config
    vars(net.natgwd.config).update(kept)
    net.natgwd.reload()
    net.natgwd.sweep()


def use(net, **values):
    vars(net.natgwd.config).update(values)
    net.natgwd.reload()


def to_b(state=""):
    return [("0.0.0.0/0", f"gateway:nat-b{state}")]


def gateway(net, name, *options):
    found = [row for row in net.natgwd.ctl_json("describe", *options)["gateways"]
             if row["name"] == name]
    return found[0] if found else None


def state_of(net, name):
    row = gateway(net, name, "--all")
    return row and row["state"]


def eip_of(net, address):
    rows = {row["address"]: row for row in net.natgwd.ctl_json("eips", "list")["eips"]}
    return rows.get(address)


def metric(net, name, labels):
    start = f"{name}{{{labels}}} "
    found = [line for line in net.natgwd.metrics().splitlines() if line.startswith(start)]
    assert len(found) == 1, f"{start}: {found}"
    return int(found[0].removeprefix(start))


def dropped(net, reason, connect):
    """How many packets of a connect that comes to nothing are dropped for this reason."""
    before = net.natgwd.settled_stats()
    with pytest.raises(OSError):
        connect()
    return (net.natgwd.settled_stats() - before).dropped(reason)


def connect(net):
    with net.cli1.connect(SRV1, HTTP, timeout=0.3) as sock:
        servers.request(sock)


@contextlib.contextmanager
def no_default_route(net):
    net.gw.ip("route", "delete", "default")
    try:
        yield
    finally:
        net.gw.ip("route", "replace", "default", "via", ROUTER)


def test_a_gateway_without_a_next_hop_fails_until_there_is_one(net, web, config):
    """Requirements 18, 19, 22: nothing is translated before it is available."""
    with no_default_route(net):
        use(net, more_gateways=[NAT_B % ""], routes=to_b())
        row = gateway(net, "nat-b")
        assert row["state"] == "failed"
        assert row["failure_code"] == "Gateway.NotAttached"
        assert "ip route add default" in row["failure_message"]
        assert "failure            Gateway.NotAttached: " in net.natgwd.ctl("describe").stdout
        assert "gateway nat-b: failed: Gateway.NotAttached" in net.natgwd.log()
        assert metric(net, "natgw_gateway_state", 'gateway="nat-b",state="failed"') == 1
        assert eip_of(net, EIP2)["state"] == "failed"
        # One that is available stays so.
        assert state_of(net, "nat-a") == "available"
        assert dropped(net, "gateway_not_available", lambda: connect(net)) > 0
    started = time.monotonic()
    wait_for(lambda: state_of(net, "nat-b") == "available", "available", timeout=2)
    assert time.monotonic() - started < 2
    assert gateway(net, "nat-b")["failure_code"] == ""
    connect(net)


def test_the_external_side_must_be_up(net, web, config):
    net.gw.ip("link", "set", "ext0", "down")
    try:
        use(net, more_gateways=[NAT_B % ""])
        row = gateway(net, "nat-b")
        assert (row["state"], row["failure_code"]) == ("failed", "Gateway.NotAttached")
        assert "ext0 is down" in row["failure_message"]
    finally:
        net.gw.ip("link", "set", "ext0", "up")
        net.gw.ip("route", "replace", "default", "via", ROUTER)
    wait_for(lambda: state_of(net, "nat-b") == "available", "available")


@contextlib.contextmanager
def deleting(net):
    """nat-b, taken out of the config while it has a session; its routes are left."""
    use(net, more_gateways=[NAT_B % ""], routes=to_b())
    with net.cli1.connect(SRV1, HTTP) as sock:
        servers.request(sock)
        use(net, more_gateways=[], routes=to_b(", state: blackhole"))
        assert state_of(net, "nat-b") == "deleting"
        yield sock


def test_a_deleted_gateway_ends_in_good_order(net, web, config):
    """Requirements 27, 28, 29, 39."""
    with deleting(net) as sock:
        clock = Clock(net)
        servers.request(sock)
        assert dropped(net, "gateway_deleting", lambda: connect(net)) > 0
        shown = eip_of(net, EIP2)
        assert shown["state"] == "disassociating" and 0 < shown["drain_remaining_s"] <= DRAIN_S
        assert metric(net, "natgw_eip_state",
                      f'gateway="nat-b",eip="{EIP2}",state="disassociating"') == 1
        net.natgwd.sweep()
        assert state_of(net, "nat-b") == "deleting"
        clock.be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        assert state_of(net, "nat-b") == "deleted"
        assert not net.natgwd.sessions()
    assert gateway(net, "nat-b") is None
    route = net.natgwd.ctl_json("routes", "list")["routes"][0]
    assert (route["to"], route["target"], route["state"]) == ("0.0.0.0/0", "gateway:nat-b",
                                                              "blackhole")
    labels = 'table="private-a",prefix="0.0.0.0/0",target="gateway:nat-b",state="blackhole"'
    assert metric(net, "natgw_route_state", labels) == 1
    assert dropped(net, "blackhole", lambda: connect(net)) > 0
    # Given back: another gateway may have it.
    use(net, more_gateways=[(NAT_B % "").replace("nat-b", "nat-c")],
        routes=[("0.0.0.0/0", "gateway:nat-c")])
    connect(net)
    assert eip_of(net, EIP2) == {"address": EIP2, "gateway": "nat-c", "state": "succeeded",
                                 "drain_remaining_s": 0}


def test_it_is_remembered_for_an_hour(net, web, config):
    """Requirement 27, across a restart as well."""
    use(net, more_gateways=[NAT_B % ""])
    use(net, more_gateways=[])
    net.natgwd.sweep()
    assert state_of(net, "nat-b") == "deleted"
    net.natgwd.stop()
    net.natgwd.start()
    assert state_of(net, "nat-b") == "deleted"
    assert "deleted" in net.natgwd.ctl("describe", "nat-b").stdout
    clock = Clock(net)
    clock.be(KEPT_S - BEFORE_S)
    assert 0 < gateway(net, "nat-b", "--all")["expires_in_s"] <= BEFORE_S
    clock.be(KEPT_S + MARGIN_S)
    wait_for(lambda: state_of(net, "nat-b") is None, "to be forgotten")
    assert net.natgwd.get("/healthz") == "ok\n"


def test_a_deleting_gateway_counts_and_a_deleted_one_does_not(net, web, config):
    """Requirement 31: the new one waits for its place."""
    use(net, sessions="16384, max_gateways: 2")
    with deleting(net):
        other = (NAT_B % "").replace("nat-b", "nat-c").replace(EIP2, "198.51.100.52")
        use(net, more_gateways=[other.replace("10.0.1.253", "10.0.1.252")])
        row = gateway(net, "nat-c")
        assert (row["state"], row["failure_code"]) == ("failed", "NatGatewayLimitExceeded")
        Clock(net).be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        assert state_of(net, "nat-b") == "deleted"
    wait_for(lambda: state_of(net, "nat-c") == "available", "the place")


def test_private_ip_auto(net, config):
    """Requirement 21: an address of the internal interface that no other gateway has."""
    auto = ["  - {name: nat-b, private_ip: auto, eips: [198.51.100.53]}",
            "  - {name: nat-c, private_ip: auto, eips: [198.51.100.54]}"]
    use(net, more_gateways=auto)
    assert gateway(net, "nat-b")["private_ip"] == AUTO_IP
    row = gateway(net, "nat-c")
    assert (row["state"], row["failure_code"]) == ("failed", "InsufficientFreeAddressesInSubnet")
    net.gw.ip("address", "add", f"{SPARE_IP}/24", "dev", "int0")
    try:
        wait_for(lambda: state_of(net, "nat-c") == "available", "available")
        assert gateway(net, "nat-c")["private_ip"] == SPARE_IP
        use(net, more_gateways=auto[1:])
        assert gateway(net, "nat-c")["private_ip"] == SPARE_IP
    finally:
        net.gw.ip("address", "delete", f"{SPARE_IP}/24", "dev", "int0")


def test_a_thousand_routes_in_a_table_and_64_tables(net, web, config):
    """Requirement B-14."""
    thousand = [(f"20.0.{number // 250}.{number % 250}/32", "blackhole") for number in range(999)]
    thousand[0] = (f"{SRV2}/32", "blackhole")
    inner = ", ".join(f"{{to: 21.0.{number}.0/24, target: local}}" for number in range(100))
    tables = [f"  - {{name: t{number}, subnets: [172.16.{number}.0/24], routes: [{inner}]}}"
              for number in range(63)]
    use(net, routes=[*config.routes, *thousand], more_tables=tables)
    rows = [row for row in net.natgwd.ctl_json("routes", "list")["routes"]
            if row["origin"] == "static"]
    assert len(rows) == 1000 + 63 * 100
    connect(net)
    assert dropped(net, "blackhole",
                   lambda: net.cli1.connect(SRV2, HTTP, timeout=0.3)) > 0


def test_tags(net, config):
    """Requirement 62."""
    use(net, options={"tags": "{team: red, cost-centre: 'a \"b\" \\'}"})
    assert gateway(net, "nat-a")["tags"] == {"team": "red", "cost-centre": 'a "b" \\'}
    assert "tags               team=red, cost-centre=" in net.natgwd.ctl("describe").stdout
    line = [line for line in net.natgwd.metrics().splitlines()
            if line.startswith('natgw_gateway_info{gateway="nat-a"')][0]
    assert 'tag_team="red"' in line and 'tag_cost_centre="a \\"b\\" \\\\"' in line


def test_drift_is_reported(net, config):
    """A changed MTU, a program of somebody else: in describe, in the metrics, once in the log."""
    said = len(net.natgwd.log())
    mtu = 'kind="mtu",interface="ext0"'
    program = 'kind="program",interface="ext0"'
    assert metric(net, "natgw_drift", mtu) == 0
    net.gw.run("tc", "filter", "add", "dev", "ext0", "ingress", "pref", "60000", "bpf", "da",
               "object-pinned", net.natgwd.pin("natgw_guard"))
    try:
        net.gw.ip("link", "set", "ext0", "mtu", "1400")
        wait_for(lambda: "MTU of ext0" in gateway(net, "nat-a")["reason"], "the reason")
        assert metric(net, "natgw_drift", mtu) == 1
        assert metric(net, "natgw_drift", program) == 1
        # A reload accepts the MTU; the program stays a matter.
        net.natgwd.reload()
        assert metric(net, "natgw_drift", mtu) == 0
        assert "pref 60000" in gateway(net, "nat-a")["reason"]
    finally:
        net.gw.ip("link", "set", "ext0", "mtu", "1500")
        net.gw.run("tc", "filter", "delete", "dev", "ext0", "ingress", "pref", "60000")
        net.natgwd.reload()
    assert gateway(net, "nat-a")["reason"] == ""
    assert net.natgwd.log()[said:].count("the MTU of ext0 has changed from 1500 to 1400") == 1


def test_an_eip_drains_and_is_free(net, web, config):
    """Requirement B-4: an EIP of the inventory, from association to freedom."""
    inventory = f"inventory: [{EIP}, {EIP2}]"
    use(net, more=[inventory], eips=[EIP2])
    assert eip_of(net, EIP)["state"] in ("free", "disassociating")
    with net.cli1.socket(socket.SOCK_DGRAM) as sock:
        sock.bind((CLI1, 4000))
        sock.sendto(b"x", (SRV1, 9))
        wait_for(net.natgwd.sessions, "the session")
        use(net, eips=[EIP], options={"drain": f"{DRAIN_S}s"})
        assert eip_of(net, EIP2)["state"] == "disassociating"
        assert f"disassociating {DRAIN_S}s" in net.natgwd.ctl("describe").stdout or \
            eip_of(net, EIP2)["drain_remaining_s"] < DRAIN_S
        Clock(net).be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        assert eip_of(net, EIP2)["state"] == "unassigning"
        Clock(net).be(DRAIN_S + 60 + 2 * MARGIN_S)
        net.natgwd.sweep()
    assert eip_of(net, EIP2) == {"address": EIP2, "gateway": "", "state": "free",
                                 "drain_remaining_s": 0}


# ---- starts that fail ----

ALONE = """\
interfaces: {{external: e0, internal: e1}}
attach: {attach}
gateways: [{{name: nat-a, private_ip: 10.0.0.1, eips: [203.0.113.1]}}]
route_tables: [{{name: t, subnets: [10.0.0.0/8]}}]
limits: {{sessions: 65536}}
metrics: {{listen: off}}
control: {{socket: {folder}/control.sock}}
pin_path: {pins}
"""


def start_alone(folder, attach, pins):
    """What natgwd says that is started between two bridges, in a namespace that ends with it."""
    file = folder / "natgw.yaml"
    file.write_text(ALONE.format(attach=attach, folder=folder, pins=pins), encoding="ascii")
    script = "".join(f"ip link add {name} up type bridge;" for name in ("e0", "e1"))
    result = run("unshare", "-n", "sh", "-c", f"{script} exec {daemon.NATGWD} --config {file}",
                 check=False)
    assert result.returncode not in (0, None)
    return result.stderr


def test_an_interface_that_cannot_run_it(net, tmp_path):
    """Requirement 33: a bridge has no native XDP."""
    said = start_alone(tmp_path, "xdp", f"{BPFFS}/natgw-{net.ident}-alone")
    assert "gateway nat-a: failed: NotAvailableOnInterface: " in said
    assert "attach: auto would use tc" in said


def test_a_folder_of_pins_that_takes_none(tmp_path):
    folder = tmp_path / "bpf"
    folder.mkdir()
    run("mount", "-t", "bpf", "bpf", str(folder))
    try:
        (folder / "pins").mkdir(mode=0o700)
        run("mount", "-o", "remount,ro", str(folder))
        said = start_alone(tmp_path, "tc", folder / "pins")
        assert "gateway nat-a: failed: MapCreateFailed: " in said
        assert "Read-only file system" in said
    finally:
        run("umount", str(folder))
