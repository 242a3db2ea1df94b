# SPDX-License-Identifier: GPL-2.0-only
"""The life of natgwd beside others: what it finds, what it leaves, what it refuses to do."""
import contextlib
import os
import resource
import signal
import time

import pytest

import daemon
import servers
import topology
from hosts import BPFFS, PRIVATE_IP, SRV1, run, wait_for

REPAIR_S = 8  # natgwd looks every 5 s


@pytest.fixture(scope="module")
def life():
    """One network with tc for all tests; every test leaves natgwd as it wants."""
    with topology.Topology("life", attach="tc") as made:
        yield made


@pytest.fixture
def net(life):
    """No natgwd runs and nothing is pinned, before and after."""
    yield life
    if life.natgwd.running:
        life.natgwd.stop()
    if life.natgwd.pinned:
        life.natgwd.detach()
    assert not os.path.exists(life.natgwd.config.pin_path)
    assert life.attached() == []


def refused(net, *arguments, **keywords):
    """natgwd with these arguments, which has to end with an error; returns what it said."""
    result = keywords.pop("where", net.gw).run(daemon.NATGWD, *arguments, check=False, timeout=20)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stderr


def start_refused(net):
    net.natgwd.write_config()
    return refused(net, "--config", net.natgwd.config_file)


def pin_map(path):
    run("bpftool", "map", "create", path, "type", "array", "key", "4", "value", "4", "entries", "1",
        "name", "other")


@contextlib.contextmanager
def config_of(net, **values):
    """The config with other values; the old ones come back."""
    old = {key: getattr(net.natgwd.config, key) for key in values}
    vars(net.natgwd.config).update(values)
    try:
        yield net.natgwd.config
    finally:
        vars(net.natgwd.config).update(old)


def test_sighup_in_the_first_moments_is_a_reload(net):
    net.natgwd.write_config()
    net.natgwd.launch()
    wait_for(lambda: os.path.isdir(net.natgwd.config.pin_path), "the folder of pins", pause=0.001)
    while "natgwd: ready" not in net.natgwd.log():
        net.natgwd.process.send_signal(signal.SIGHUP)
        time.sleep(0.005)
        assert net.natgwd.running, net.natgwd.log()
    wait_for(lambda: "applied" in net.natgwd.log(), "the reload")
    assert net.natgwd.running


def filters(net):
    return sorted(net.natgwd.program_ids())


def test_lost_filters_are_set_again(net):
    net.natgwd.start()
    before = filters(net)
    assert len(before) == 4
    for name in net.interfaces:
        run("tc", "-n", net.gw.name, "qdisc", "delete", "dev", name, "clsact")
    assert filters(net) == []
    wait_for(lambda: filters(net) == before, "the filters", timeout=REPAIR_S)
    for name in net.interfaces:
        assert net.natgwd.log().count(f"{name}: the tc filters were gone") == 1
    assert servers.ping(net.cli1, SRV1).received == 3
    # one filter alone, too
    run("tc", "-n", net.gw.name, "filter", "delete", "dev", "ext0", "egress", "pref", "2")
    assert len(filters(net)) == 3
    wait_for(lambda: filters(net) == before, "the guard", timeout=REPAIR_S)


def test_pins_of_others_are_left_alone(net):
    path = net.natgwd.config.pin_path
    os.mkdir(path, 0o700)
    pin_map(f"{path}/other")
    try:
        assert "\"other\", which is not natgw's" in start_refused(net)
        assert os.listdir(path) == ["other"]
        os.unlink(f"{path}/other")
        net.natgwd.start()
        pin_map(f"{path}/other")
        net.natgwd.stop()
        assert "pins that are not natgw's" in net.natgwd.detach().stderr
        assert os.listdir(path) == ["other"]
        assert net.attached() == []
    finally:
        if os.path.exists(f"{path}/other"):
            os.unlink(f"{path}/other")
        if os.path.exists(path) and not os.listdir(path):
            os.rmdir(path)


def test_the_root_of_the_file_system_is_no_folder_of_pins(net):
    with config_of(net, pin_path=BPFFS):
        assert "mount point" in start_refused(net)


def test_an_incomplete_set_of_maps_is_refused(net):
    net.natgwd.start()
    net.natgwd.stop()
    os.unlink(net.natgwd.pin("nexthops"))
    said = start_refused(net)
    assert "nexthops" in said and "--detach" in said
    assert not os.path.exists(net.natgwd.pin("nexthops"))
    assert len(filters(net)) == 4
    net.natgwd.detach()


def test_a_detach_cut_short_is_an_unfinished_start(net):
    net.natgwd.start()
    net.natgwd.stop()
    net.natgwd.ledger.close()
    os.unlink(net.natgwd.pin("layout"))
    os.unlink(net.natgwd.pin("nexthops"))
    net.natgwd.start(open_ledger=False)
    assert os.path.exists(net.natgwd.pin("nexthops"))


def forwarding(net):
    return [net.gw.read_sysctl(f"net.ipv4.conf.{name}.forwarding") for name in net.interfaces]


def test_forwarding_is_put_back_by_detach(net):
    assert forwarding(net) == ["0", "0"]
    net.natgwd.start()
    net.natgwd.kill()
    net.natgwd.start()
    assert forwarding(net) == ["1", "1"]
    net.natgwd.stop()
    net.natgwd.detach()
    assert forwarding(net) == ["0", "0"]


def test_forwarding_is_put_back_by_a_start_that_fails(net):
    """An ingress qdisc leaves no place for clsact: the external interface is attached by then."""
    run("tc", "-n", net.gw.name, "qdisc", "add", "dev", "int0", "ingress")
    try:
        said = start_refused(net)
        assert "its ingress qdisc" in said and "gateway nat-a: failed: AttachFailed: " in said
    finally:
        run("tc", "-n", net.gw.name, "qdisc", "delete", "dev", "int0", "ingress")
    assert forwarding(net) == ["0", "0"]
    assert not os.path.exists(net.natgwd.config.pin_path)


def test_forwarding_of_a_router_stays(net):
    net.natgwd.start()
    net.gw.sysctl("net.ipv4.ip_forward", 1)
    net.natgwd.stop()
    net.natgwd.detach()
    assert forwarding(net) == ["1", "1"]
    net.gw.sysctl("net.ipv4.ip_forward", 0)


def test_one_natgwd_in_each_network_namespace(net):
    net.natgwd.start()
    before = filters(net)
    other = net.path("other.yaml")
    pins = net.natgwd.config.pin_path + "-other"
    with open(net.natgwd.config_file, encoding="ascii") as file:
        text = file.read()
    for old, new in ((net.natgwd.config.pin_path, pins), ("control.sock", "other.sock"),
                     (daemon.METRICS, "127.0.0.1:9465")):
        text = text.replace(old, new)
    with open(other, "w", encoding="ascii") as file:
        file.write(text)
    for arguments in (("--config", other), ("--detach", "--config", other)):
        assert "another natgwd is running" in refused(net, *arguments)
        assert filters(net) == before
        assert not os.path.exists(pins)


def test_pins_of_another_network_namespace_are_refused(net):
    net.natgwd.start()
    net.natgwd.stop()
    before = filters(net)
    with config_of(net, internal=["ext0"]):
        net.natgwd.write_config()
    said = refused(net, "--config", net.natgwd.config_file, where=net.router)
    assert "another network namespace" in said
    assert filters(net) == before
    net.natgwd.start()
    assert servers.ping(net.cli1, SRV1).received == 3


def test_a_restart_that_fails_leaves_no_mixture(net):
    """int0 takes no XDP program because somebody else's is there: ext0 keeps tc alone."""
    net.natgwd.start()
    net.natgwd.stop()
    with config_of(net, attach="xdp"):
        net.gw.run("bpftool", "net", "attach", "xdpgeneric", "pinned",
                   net.natgwd.pin("natgw_check"), "dev", "int0")
        try:
            assert "somebody else" in start_refused(net)
            assert "xdp" not in net.gw.ip("link", "show", "ext0")
        finally:
            net.gw.run("bpftool", "net", "detach", "xdpgeneric", "dev", "int0")
    assert len(filters(net)) == 4


def test_a_config_that_is_no_file_is_refused(net):
    os.mkfifo(net.path("fifo"))
    assert "not a regular file" in refused(net, "--config", net.path("fifo"))


def test_a_private_ip_of_another_host_is_reported(net):
    with config_of(net, private_ip="10.0.9.9"):
        net.natgwd.start()
        shown = net.natgwd.ctl_json("describe", "nat-a")["gateways"][0]
        assert shown["state"] == "available"
        assert shown["reason"] == "private IP 10.0.9.9 is not an address of this host"
        assert net.natgwd.log().count(shown["reason"]) == 1
    net.natgwd.reload()
    assert PRIVATE_IP in net.natgwd.ctl("describe", "nat-a").stdout
    assert not [row for row in net.natgwd.status()["gateways"]
                if row["name"] == "nat-a" and row["state"] == "available" and row["reason"]]


def test_a_config_that_a_reload_cannot_read_is_warned_about(net):
    net.natgwd.write_config()
    os.chmod(net.natgwd.config_file, 0o600)
    os.chown(net.natgwd.config_file, 65534, 65534)
    try:
        net.natgwd.start()
        assert "a reload will not be able to read" in net.natgwd.log()
    finally:
        os.chown(net.natgwd.config_file, 0, 0)


def test_a_file_in_place_of_the_socket_is_named(net):
    with open(net.natgwd.config.socket, "w", encoding="ascii"):
        pass
    try:
        assert "is not a socket" in start_refused(net)
        assert os.path.exists(net.natgwd.config.socket)
    finally:
        os.unlink(net.natgwd.config.socket)


def test_the_limit_of_open_files_is_raised(net):
    """The soft limit of open files is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard // 2), hard))
    try:
        net.natgwd.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with open(f"/proc/{net.natgwd.process.pid}/limits", encoding="ascii") as file:
        row = next(line for line in file if line.startswith("Max open files")).split()
    assert row[3] == row[4]


@pytest.mark.parametrize("arguments", [("--check", "a", "--print", "b"), ("--detach", "--check", "a"),
                                       ("--config", "a", "--check", "b")], ids=" ".join)
def test_commands_exclude_each_other(arguments):
    result = run(daemon.NATGWD, *arguments, check=False)
    assert result.returncode == 2
    assert "at a time" in result.stderr
