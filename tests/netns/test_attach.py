# SPDX-License-Identifier: GPL-2.0-only
"""The ways to attach, and interfaces that go and come again."""
import re

import pytest

import servers
import topology
from hosts import CLI2_TWO, EIP, GW_INTERNAL2, SRV1, run, wait_for


@pytest.mark.parametrize("attach", ["auto", "xdp-generic", "xdp-shared"])
def test_other_ways_to_attach_carry_traffic_and_say_what_they_chose(attach):
    with topology.Topology("attach", attach=attach) as net:
        web = servers.Nginx(net, net.srv1)
        digest = web.add_file("file", 16)
        net.natgwd.start(open_ledger=False)
        for row in net.natgwd.status()["interfaces"]:
            assert row["attach"] in ("xdp-native", "xdp-generic", "xdp-shared", "tc")
            said = [line for line in net.natgwd.log().splitlines()
                    if re.match(rf"natgwd: {row['name']}: (XDP|tc) ", line)]
            assert len(said) == 1, net.natgwd.log()
        assert servers.ping(net.cli1, SRV1).received == 3
        servers.curl(net.cli2, f"http://{SRV1}/file", "-o", net.path("copy"))
        assert servers.file_hash(net.path("copy")) == digest
        assert web.addresses() == {EIP}


@pytest.mark.parametrize("attach", ["xdp", "tc"])
def test_an_interface_removed_and_made_again_is_attached_anew(attach):
    with topology.Topology("again", "two", attach) as net:
        net.natgwd.start()
        net.natgwd.ledger.xdp_removed = True  # the new interface counts from zero
        assert servers.ping(net.cli2, SRV1).received == 3
        net.gw.ip("link", "delete", "int1")
        assert servers.ping(net.cli1, SRV1).received == 3
        run("ip", "link", "add", "int1", "netns", net.gw.name, "type", "veth", "peer", "name",
            "eth0", "netns", net.cli2.name)
        net.gw.ip("address", "add", f"{GW_INTERNAL2}/24", "dev", "int1")
        net.cli2.ip("address", "add", f"{CLI2_TWO}/24", "dev", "eth0")
        net.gw.ip("link", "set", "int1", "up")
        net.cli2.ip("link", "set", "eth0", "up")
        net.cli2.ip("route", "add", "default", "via", GW_INTERNAL2)
        if attach != "tc":
            net.cli2.run("ethtool", "-K", "eth0", "tx", "off", "gro", "off")
            net.cli2.run("ethtool", "-K", "eth0", "gro", "on")
        wanted = "tc" if attach == "tc" else "xdp-native"
        wait_for(lambda: [row for row in net.natgwd.status()["interfaces"]
                          if row["name"] == "int1" and row["attach"] == wanted and row["up"]],
                 "int1 to be attached again")
        assert servers.ping(net.cli2, SRV1).received == 3
        net.natgwd.ledger.check()
