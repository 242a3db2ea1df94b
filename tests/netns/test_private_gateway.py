# SPDX-License-Identifier: GPL-2.0-only
"""A private gateway (requirement B-5): both sides use 10.0.0.0/16, even the same addresses. Clients
reach the far side by its 100.65.0.0/16, and appear there as 100.64.0.226."""
import errno
import socket

import pytest

import probes
import servers
from hosts import CLI1, CLI2, EIP, GW_EXTERNAL, PRIVATE_IP, ROUTER, SRV1, SRV2, wait_for

ADDRESS = "100.64.0.226"
FAR, FAR2, FAR_ROUTER = "100.65.0.10", "100.65.0.11", "100.65.0.1"
UNREACHABLE = "100.65.9.9"
PORT, CLOSED_PORT = 5000, 9
DATAGRAM = bytes(range(250)) * 16
TRANSIT = ["  - name: transit", "    routes:",
           "      - {to: 100.65.0.0/16, target: interface:ext0}"]
CONFIG = {"eips": [ADDRESS], "subnets": ["10.0.0.0/16"], "more_tables": TRANSIT,
          "options": {"type": "private", "route_table": "transit", "allow_nat_to": "[interface]"}}


@pytest.fixture(scope="module", autouse=True)
def far_side(net):
    """srv1 and srv2 have the clients' very addresses, so that what is not translated never comes
    back."""
    net.router.ip("address", "add", "10.0.0.1/16", "dev", "br0")
    net.router.ip("address", "add", f"{FAR_ROUTER}/16", "dev", "br0")
    for server, own, far in ((net.srv1, CLI1, FAR), (net.srv2, CLI2, FAR2)):
        server.ip("address", "add", f"{own}/16", "dev", "eth0")
        server.ip("address", "add", f"{far}/16", "dev", "eth0")
    net.router.ip("route", "add", "100.64.0.0/16", "via", GW_EXTERNAL)
    servers.refuse_host(net.router, UNREACHABLE)


def test_two_networks_with_the_same_addresses(net, web):
    for client in (net.cli1, net.cli2):
        for far in (FAR, FAR2):
            assert servers.who(client, f"http://{far}")[0] == ADDRESS
            assert servers.ping(client, far).received == 3


def test_a_large_file_both_ways(net, web):
    digest = web[0].add_file("file", 16)
    servers.curl(net.cli1, f"http://{FAR}/file", "-o", net.path("copy"))
    assert servers.file_hash(net.path("copy")) == digest
    servers.curl(net.cli1, f"http://{FAR}/upload", "-T", net.path("copy"))
    assert servers.file_hash(web[0].path("upload")) == digest


def test_datagrams_in_fragments_both_ways(net):
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(FAR, PORT)) as server, \
            net.cli1.socket(socket.SOCK_DGRAM) as client:
        for number in range(10):
            data = bytes([number]) + DATAGRAM
            client.sendto(data, (FAR, PORT))
            received, sender = server.recvfrom(8192)
            assert (received, sender[0]) == (data, ADDRESS)
            server.sendto(data[::-1], sender)
            assert client.recvfrom(8192) == (data[::-1], (FAR, PORT))


def test_no_overlapping_address_crosses(net, web):
    """Neither side ever sees the other one's 10.0.0.0/16, in headers or in quotes."""
    with servers.Capture(net, net.router, "ext0", "ip") as capture:
        servers.curl(net.cli1, f"http://{FAR}/page")
        assert probes.traceroute(net.cli1, FAR, "-U") == [PRIVATE_IP, ROUTER, FAR]
        with net.srv1.socket(socket.SOCK_DGRAM, bind=(FAR, PORT), timeout=3) as server:
            with net.cli1.socket(socket.SOCK_DGRAM) as client:
                client.sendto(b"question", (FAR, PORT))
                server.connect(server.recvfrom(100)[1])
            server.send(b"nobody is there any more")
            with pytest.raises(ConnectionRefusedError):
                server.recv(1)
    packets = capture.packets()
    assert len(packets) > 20 and probes.private_addresses(packets) == []


def test_errors_come_back(net):
    assert net.cli1.send_datagram(UNREACHABLE, 80) == errno.EHOSTUNREACH
    assert net.cli1.send_datagram(FAR, CLOSED_PORT) == errno.ECONNREFUSED


def test_the_internet_is_not_its_business(net):
    """Its route table leads to the far side only."""
    before = net.natgwd.stats()
    with servers.Capture(net, net.router, "ext0", "icmp[icmptype] == icmp-echo") as outside:
        assert servers.ping(net.cli1, SRV1, wait=0.3).received == 0
    assert outside.count() == 0
    assert (net.natgwd.settled_stats() - before).drops() == {"no_route": 3}


def test_nobody_gets_in(net):
    """Requirement 1, and an address that both sides have is no way in either."""
    from scapy.layers.inet import IP, UDP

    with servers.Capture(net, net.cli1, "eth0", f"udp and dst host {CLI1}") as inside:
        before = net.natgwd.stats()
        with net.srv1.socket(socket.SOCK_DGRAM, bind=(FAR, PORT)) as sock:
            sock.sendto(b"x", (ADDRESS, PORT))
        with probes.outside(net) as sender:
            sender.send(IP(src=CLI2, dst=ADDRESS) / UDP(sport=PORT, dport=PORT))
        wait_for(lambda: sum((net.natgwd.stats() - before).drops().values()) == 2, "two drops")
        drops = (net.natgwd.settled_stats() - before).drops()
    assert inside.count() == 0
    assert drops == {"no_session": 1, "source_not_allowed": 1}


def test_it_stands_beside_a_public_gateway(net, web):
    """One host, two gateways: each destination by its own."""
    with net.natgwd.configured(
            more_gateways=[f"  - {{name: nat-p, private_ip: 10.0.1.253, eips: [{EIP}]}}"],
            routes=[("0.0.0.0/0", "gateway:nat-p"), ("100.65.0.0/16", "gateway:nat-a")]):
        assert servers.who(net.cli1, f"http://{FAR}")[0] == ADDRESS
        assert servers.who(net.cli1, f"http://{SRV2}")[0] == EIP
