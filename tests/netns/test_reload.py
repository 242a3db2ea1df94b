# SPDX-License-Identifier: GPL-2.0-only
"""What a reload changes, what it leaves alone, and what it says when it cannot."""
import socket

import pytest

import servers
import topology
from hosts import EIP, EIP2, GW_EXTERNAL, SRV1, SRV2, run, wait_for
from test_inspect import parse_metrics

PRIVATE_IP2 = "10.0.1.253"
GATEWAYS_MAX = 63


@pytest.fixture(scope="module")
def net():
    """One network for all: how packets are hooked makes no difference here."""
    with topology.Topology("reload", "bridge", "tc") as made:
        made.router.ip("route", "add", "100.64.0.0/15", "via", GW_EXTERNAL)
        made.natgwd.start()
        yield made


@pytest.fixture(autouse=True)
def config(net):
    """The config, to be changed; afterwards it is as it was."""
    kept = dict(vars(net.natgwd.config), routes=list(net.natgwd.config.routes))
    yield net.natgwd.config
    vars(net.natgwd.config).clear()
    vars(net.natgwd.config).update(kept)
    if net.natgwd.running:
        net.natgwd.reload()


def gateway(net, name="nat-a"):
    return net.natgwd.ctl_json("describe", name)["gateways"][0]


def eips(net, name="nat-a"):
    return {row["address"]: row["state"] for row in gateway(net, name)["eips"]}


def more_gateways(numbers):
    """One gateway more, with one EIP, for each number: lines of the config."""
    return [f"  - {{name: nat-{number}, private_ip: 10.9.0.{number}, eips: [100.65.0.{number}]}}"
            for number in numbers]


def fail_to_reload(net):
    """Sends SIGHUP and returns what natgwd says; the config in force stays the old one."""
    before = net.natgwd.status()["config_generation"]
    said = len(net.natgwd.log())
    net.natgwd.write_config()
    net.natgwd.process.send_signal(1)
    text = wait_for(lambda: "old config stays" in net.natgwd.log()[said:]
                    and net.natgwd.log()[said:], "the refusal in the log")
    assert net.natgwd.status()["config_generation"] == before
    return text


def asked_for(net, address):
    """The MAC that the router finds for an address, or None."""
    net.router.run("ping", "-c", "1", "-W", "1", address, check=False)
    shown = net.router.ip("neigh", "show", address, "dev", "ext0")
    net.router.ip("neigh", "flush", "dev", "ext0", "to", address)
    return shown.split("lladdr ")[1].split()[0] if "lladdr" in shown else None


def test_an_eip_taken_out_is_given_back_at_the_next_sweep(net, config):
    config.eips = [EIP, EIP2]
    net.natgwd.reload()
    assert asked_for(net, EIP2) == net.gw.mac("ext0")
    config.eips = [EIP]
    net.natgwd.reload()
    net.natgwd.sweep()
    assert eips(net) == {EIP: "succeeded"}
    assert asked_for(net, EIP2) is None


def test_an_eip_taken_out_drains_as_long_as_it_has_sessions(net, web, config):
    config.eips = [EIP2]
    net.natgwd.reload()
    with net.cli1.connect(SRV1, 80) as held:
        config.eips = [EIP]
        net.natgwd.reload()
        net.natgwd.sweep()
        assert eips(net) == {EIP: "succeeded", EIP2: "disassociating"}
        servers.request(held)
        net.natgwd.stop()
        net.natgwd.start()
        net.natgwd.sweep()
        assert eips(net)[EIP2] == "disassociating"
        servers.request(held)
    net.natgwd.set_skew(2000)
    net.natgwd.sweep()  # takes the session
    net.natgwd.sweep()
    assert eips(net) == {EIP: "succeeded"}


def test_a_full_set_of_eips_can_change(net, config):
    config.eips = ["100.64.0.0/24"]
    net.natgwd.reload()
    config.eips = ["100.64.0.0-100.64.0.254", "100.64.1.1"]
    net.natgwd.reload()
    net.natgwd.sweep()
    assert len(eips(net)) == 256 and eips(net)["100.64.1.1"] == "succeeded"
    net.natgwd.stop()
    config.eips = ["100.64.0.0-100.64.0.253", "100.64.1.1", "100.64.1.2"]
    net.natgwd.start()
    net.natgwd.sweep()
    assert len(eips(net)) == 256 and eips(net)["100.64.1.2"] == "succeeded"


def test_a_full_set_of_gateways_can_change(net, config):
    config.more_gateways = more_gateways(range(1, GATEWAYS_MAX))
    net.natgwd.reload()
    config.more_gateways = more_gateways(range(2, GATEWAYS_MAX + 1))
    net.natgwd.reload()
    assert eips(net, f"nat-{GATEWAYS_MAX}")[f"100.65.0.{GATEWAYS_MAX}"] == "succeeded"
    net.natgwd.stop()
    config.more_gateways = more_gateways(range(3, GATEWAYS_MAX + 2))
    net.natgwd.start()
    net.natgwd.sweep()
    assert eips(net, f"nat-{GATEWAYS_MAX + 1}") == {f"100.65.0.{GATEWAYS_MAX + 1}": "succeeded"}


def test_a_reload_that_does_not_fit_changes_nothing(net, web, config):
    everything = [f"100.64.0.{last}" for last in range(256)]
    config.eips = list(everything)
    net.natgwd.reload()
    with net.cli1.connect(SRV1, 80) as held:
        port = held.getsockname()[1]
        used = [row["external_src_address"] for row in net.natgwd.sessions()
                if row["internal_src_port"] == port]
        before = gateway(net)
        config.eips = [address for address in everything if address != used[0]] + ["100.64.1.1"]
        config.timeouts = {"udp": 77}
        said = fail_to_reload(net)
        assert "no room for EIP 100.64.1.1" in said
        after = gateway(net)
        assert after["timeouts"] == before["timeouts"]
        assert {row["address"]: row["state"] for row in after["eips"]} == {
            address: "succeeded" for address in everything}
        servers.request(held)


def test_a_gateway_keeps_its_sessions_when_its_private_ip_changes(net, web, config):
    with net.cli1.connect(SRV1, 80) as held:
        config.private_ip = PRIVATE_IP2
        net.natgwd.reload()
        servers.request(held)
    assert [row["private_ip"] for row in net.natgwd.status()["gateways"]
            if row["name"] == "nat-a"] == [PRIVATE_IP2]
    parse_metrics(net.natgwd.metrics())


def test_sessions_stay_when_their_gateway_is_replaced(net, web, config):
    with net.cli1.connect(SRV1, 80) as held:
        config.private_ip = PRIVATE_IP2
        config.eips = [EIP2]
        plain = config.text().replace("nat-a", "nat-c")
        config.text = lambda: plain
        net.natgwd.reload()
        servers.request(held)
        net.natgwd.sweep()
        servers.request(held)


def test_sessions_stay_when_their_eip_moves_to_another_gateway(net, web, config):
    net.natgwd.not_audited = ("I3",)  # names them
    with net.cli1.connect(SRV1, 80) as held:
        config.eips = [EIP2]
        config.more_gateways = [f"  - {{name: nat-c, private_ip: {PRIVATE_IP2}, eips: [{EIP}]}}"]
        net.natgwd.reload()
        servers.request(held)


def test_a_deleted_gateway_is_no_illness(net, config):
    config.more_gateways = more_gateways([1])
    net.natgwd.reload()
    assert net.natgwd.get("/healthz") == "ok\n"
    config.more_gateways = []
    net.natgwd.reload()
    assert net.natgwd.get("/healthz") == "ok\n"


def test_refused_sessions_are_said_once(net, web, config):
    net.natgwd.not_audited = ("I3",)  # names the sessions of the range before
    config.port_range = "5000-5000"
    net.natgwd.reload()
    said = len(net.natgwd.log())
    with net.cli1.connect(SRV2, 80):
        for client in (net.cli1, net.cli2):
            with pytest.raises(OSError):
                client.connect(SRV2, 80, timeout=0.3)
        line = "gateway nat-a refuses new sessions: no port is free"
        wait_for(lambda: line in net.natgwd.log()[said:], "the line", timeout=10)
    assert net.natgwd.log()[said:].count(line) == 1


def test_an_absent_interface_is_shown_by_its_name(net, config):
    config.routes.append(("10.25.0.0/16", "interface:wg0"))
    net.natgwd.reload()
    shown = {row["to"]: row for row in net.natgwd.ctl_json("routes", "list")["routes"]}
    assert shown["10.25.0.0/16"]["target"] == "interface:wg0"
    assert shown["10.25.0.0/16"]["state"] == "blackhole"


def test_an_unknown_session_state_is_refused(net):
    result = net.natgwd.ctl("sessions", "--state", "nonsense", check=False)
    assert result.returncode == 1 and "established" in result.stderr
    assert net.natgwd.ctl("sessions", "--state", "established").returncode == 0


def test_clients_that_hold_connections_do_not_stop_the_daemon(net):
    run("prlimit", f"--pid={net.natgwd.process.pid}", "--nofile=256:256")
    said = len(net.natgwd.log())
    held = []
    try:
        for _number in range(400):
            with net.gw.entered():
                held.append(socket.socket())
            held[-1].setblocking(False)
            held[-1].connect_ex(("127.0.0.1", 9464))
            if len(held) % 32 == 0:
                assert net.natgwd.ctl("status").returncode == 0
        assert "rows" in net.natgwd.sweep()
    finally:
        for sock in held:
            sock.close()
    wait_for(lambda: net.gw.run("curl", "-sS", "-m", "1", "http://127.0.0.1:9464/healthz",
                                check=False).stdout == "ok\n", "an answer on TCP", timeout=10)
    assert len(net.natgwd.log()[said:].splitlines()) < 5
