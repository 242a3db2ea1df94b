# SPDX-License-Identifier: GPL-2.0-only
"""ARP for EIPs on the external LAN: answered, announced, and for EIPs only."""
import pytest

import servers
import topology
from hosts import CLI1, EIP, EIP2, ROUTER, SRV1, run, wait_for


def arping(net, address):
    return net.router.run("arping", "-c", "2", "-w", "2", "-I", "ext0", address,
                          check=False)


def test_the_gateways_mac_is_answered_for_an_eip(net):
    result = arping(net, EIP)
    assert result.returncode == 0
    assert net.gw.mac("ext0").lower() in result.stdout.lower()


def test_nobody_answers_for_another_address(net):
    assert arping(net, EIP2).returncode != 0


def test_the_answer_is_counted_apart(net):
    before = net.natgwd.settled_stats()
    assert arping(net, EIP).returncode == 0
    assert (net.natgwd.settled_stats() - before).generated["arp_reply"] >= 2


def test_a_frame_for_another_host_is_not_taken(net):
    """Requirement of D-4: `wrong_mac`; nothing addressed to another machine is translated."""
    from scapy.layers.inet import ICMP, IP
    from scapy.layers.l2 import Ether

    before = net.natgwd.settled_stats()
    frame = Ether(dst="02:00:00:00:00:99", src=net.cli1.mac("eth0")) / IP(
        src=CLI1, dst=SRV1) / ICMP(id=1, seq=1)
    with servers.Capture(net, net.router, "ext0", "icmp") as capture:
        net.cli1.send_frame("eth0", frame)
        since = net.natgwd.settled_stats() - before
    assert capture.count() == 0
    assert since.out() == 0


@pytest.mark.parametrize("attach", ["xdp", "tc"])
def test_eips_are_announced_at_start_and_when_the_link_comes_up(attach):
    with topology.Topology("announce", attach=attach) as made:
        made.natgwd.config.eips = [EIP, EIP2]
        with servers.Capture(made, made.router, "ext0", "arp") as capture:
            made.natgwd.start()
            wait_for(lambda: announced(capture) == {EIP, EIP2}, "an announcement of each EIP")
        with servers.Capture(made, made.router, "ext0", "arp") as capture:
            made.gw.ip("link", "set", "ext0", "down")
            made.gw.ip("link", "set", "ext0", "up")
            made.gw.ip("route", "replace", "default", "via", ROUTER)
            wait_for(lambda: announced(capture) == {EIP, EIP2}, "an announcement of each EIP")
        made.natgwd.ledger.check()


def announced(capture):
    """Addresses announced so far, as tcpdump prints its own file while it is being written."""
    shown = run("tcpdump", "-n", "-r", capture.file, check=False).stdout
    found = set()
    for line in shown.splitlines():
        for address in (EIP, EIP2):
            if f"{address} is-at" in line or f"who-has {address} tell {address}" in line \
                    or f"who-has {address} (ff:ff:ff:ff:ff:ff) tell {address}" in line:
                found.add(address)
    return found
