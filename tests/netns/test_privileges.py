# SPDX-License-Identifier: GPL-2.0-only
"""natgwd without what it needs: one clear line for each capability, and nothing left behind."""
import os

import pytest

import daemon
import servers
import topology
from hosts import SRV1

NEEDED = ("bpf", "net_admin", "perfmon", "net_raw")


@pytest.fixture(scope="module")
def network():
    with topology.Topology("privileges", attach="tc") as made:
        yield made


@pytest.fixture
def net(network):
    """No natgwd runs, nothing of one is there, before and after."""
    before = forwarding(network)
    yield network
    if network.natgwd.running:
        network.natgwd.stop()
        network.natgwd.detach()
    assert not os.path.exists(network.natgwd.config.pin_path)
    for name in ("control.sock", "read.sock"):
        assert not os.path.exists(network.path(name))
    assert network.attached() == []
    assert forwarding(network) == before


def forwarding(net):
    return [net.gw.read_sysctl(f"net.ipv4.conf.{name}.forwarding") for name in net.interfaces]


def run_with(net, *privileges):
    """natgwd in the gateway's namespace with fewer rights; what it says without its warnings."""
    net.natgwd.write_config()
    result = net.gw.run("setpriv", *privileges, daemon.NATGWD, "--config", net.natgwd.config_file,
                        check=False)
    assert result.returncode == 1, result.stderr
    return [line for line in result.stderr.splitlines() if ": warning: " not in line]


@pytest.mark.parametrize("missing", NEEDED)
def test_a_missing_capability_is_named(net, missing):
    assert run_with(net, "--bounding-set", f"-{missing}") == [
        f"natgwd: error: cannot start without CAP_{missing.upper()}: start natgwd as root, and let "
        "its unit or container keep these"]


def test_all_that_are_missing_are_named_in_one_line(net):
    said = run_with(net, "--reuid", "65534", "--regid", "65534", "--clear-groups")
    assert len(said) == 1
    assert "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_NET_RAW" in said[0]


def test_the_group_of_the_socket_needs_chown(net, monkeypatch):
    monkeypatch.setattr(net.natgwd.config, "group", "daemon")
    said = run_with(net, "--bounding-set", "-chown")
    assert said[-1].endswith("control.sock: Operation not permitted (it takes CAP_CHOWN to give it "
                             "to the group of control.group)")
    assert len(said) == 1


def test_no_other_capability_is_needed(net):
    """Neither CAP_SYS_ADMIN nor anything else."""
    only = ",".join(["-all"] + [f"+{name}" for name in NEEDED])
    net.natgwd.prefix = ("setpriv", "--bounding-set", only)
    try:
        net.natgwd.start()
    finally:
        net.natgwd.prefix = ()
    assert servers.ping(net.cli1, SRV1).received == 3
