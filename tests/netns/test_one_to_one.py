# SPDX-License-Identifier: GPL-2.0-only
"""1:1 mappings: a host has a public address of its own. Only the address changes, both ways."""
import errno
import socket

import pytest

import probes
import servers
from hosts import CLI1, CLI2, EIP, PRIVATE_IP, ROUTER, ROUTER_SERVERS, SRV1, SRV2

PUBLIC, PUBLIC2 = "198.51.100.60", "198.51.100.61"
UNREACHABLE = "203.0.113.240"
PORT, CLOSED_PORT = 5000, 9
DATAGRAM = bytes(range(250)) * 16
MAPPING = ["one_to_one:", f"  - {{private: {CLI1}, public: {PUBLIC}}}"]
CONFIG = {"more": MAPPING}


@pytest.fixture(scope="module")
def inner_web(net):
    """A server on the host itself."""
    return servers.Nginx(net, net.cli1)


def datagrams(namespace, address, port=0, timeout=3):
    return namespace.socket(socket.SOCK_DGRAM, bind=(address, port), timeout=timeout)


def sessions(net):
    return [row for row in net.natgwd.sessions() if row["internal_src_address"] == CLI1]


# ---- out ----

def test_the_hosts_connections_leave_by_its_own_address(net, web):
    """With its own port, and without a session."""
    for port in (32222, 81, 65535):
        with net.cli1.connect(SRV1, 80, (CLI1, port)) as sock:
            assert servers.ask_who(sock) == (PUBLIC, port)
    assert servers.ping(net.cli1, SRV1).received == 3
    assert sessions(net) == []


def test_other_hosts_share_the_eip(net, web):
    with net.cli2.connect(SRV1, 80) as sock, net.cli1.connect(SRV1, 80) as own:
        assert servers.ask_who(sock)[0] == EIP
        assert servers.ask_who(own)[0] == PUBLIC
    assert {row["internal_src_address"] for row in net.natgwd.sessions()} == {CLI2}


def test_a_large_file_both_ways(net, web):
    digest = web[0].add_file("file", 32)
    servers.curl(net.cli1, f"http://{SRV1}/file", "-o", net.path("copy"))
    assert servers.file_hash(net.path("copy")) == digest
    servers.curl(net.cli1, f"http://{SRV1}/upload", "-T", net.path("copy"))
    assert servers.file_hash(web[0].path("upload")) == digest


def test_a_ping_keeps_its_identifier(net):
    with servers.Capture(net, net.srv1, "eth0", "icmp[icmptype] == icmp-echo") as capture:
        result = servers.ping(net.cli1, SRV1, "-e", "4711")
    assert (result.sent, result.received) == (3, 3)
    assert {(packet["IP"].src, packet["ICMP"].id) for packet in capture.packets()} == {
        (PUBLIC, 4711)}


# ---- in ----

def test_everybody_reaches_the_host_by_its_public_address(net, inner_web):
    for server, address in ((net.srv1, SRV1), (net.srv2, SRV2)):
        seen = servers.who(server, f"http://{PUBLIC}", "--local-port", "40000")
        assert seen == (address, 40000)
        assert servers.ping(server, PUBLIC).received == 3
    # natgw answers ARP for it: the router is on the same link.
    assert servers.ping(net.router, PUBLIC).received == 3
    assert sessions(net) == []


def test_udp_from_outside(net):
    with datagrams(net.cli1, CLI1, PORT) as host, datagrams(net.srv1, SRV1, PORT) as server:
        server.sendto(b"question", (PUBLIC, PORT))
        assert host.recvfrom(100) == (b"question", (SRV1, PORT))
        host.sendto(b"answer", (SRV1, PORT))
        assert server.recvfrom(100) == (b"answer", (PUBLIC, PORT))


def test_nobody_reaches_another_host_by_it(net):
    """The address is one host's alone, and the EIP is as closed as before."""
    with servers.Capture(net, net.cli2, "eth0", f"ip and dst host {CLI2}") as capture:
        before = net.natgwd.stats()
        assert servers.ping(net.srv1, PUBLIC).received == 3
        assert servers.ping(net.srv1, EIP, wait=0.3).received == 0
        assert (net.natgwd.settled_stats() - before).drops() == {"to_gateway": 3}
    assert capture.count() == 0


# ---- errors ----

def test_traceroute_both_ways(net, web, inner_web):
    """What the gateway itself says of a packet to the host comes from the public address, too."""
    for method in ("-U", "-I", "-T"):
        assert probes.traceroute(net.cli1, SRV1, method) == [PRIVATE_IP, ROUTER, SRV1]
        assert probes.traceroute(net.srv1, PUBLIC, method) == [ROUTER_SERVERS, PUBLIC, PUBLIC]


def test_errors_come_in(net):
    servers.refuse_host(net.router, UNREACHABLE)
    with servers.Capture(net, net.cli1, "eth0", "icmp[icmptype] == icmp-unreach") as capture:
        assert net.cli1.send_datagram(UNREACHABLE, 80, (CLI1, 32223)) == errno.EHOSTUNREACH
        assert net.cli1.send_datagram(SRV1, CLOSED_PORT, (CLI1, 32224)) == errno.ECONNREFUSED
    errors = [probes.IcmpError(packet) for packet in capture.packets()]
    assert [(each.src, each.quote_src, each.quote_ports) for each in errors] == [
        (ROUTER, CLI1, (32223, 80)), (SRV1, CLI1, (32224, CLOSED_PORT))]


def test_errors_go_out(net):
    """The host refuses: to the server it is the public address that does."""
    with servers.Capture(net, net.srv1, "eth0", "icmp[icmptype] == icmp-unreach") as capture:
        assert net.srv1.send_datagram(PUBLIC, CLOSED_PORT, (SRV1, 32225)) == errno.ECONNREFUSED
    error, = map(probes.IcmpError, capture.packets())
    assert (error.src, error.quote_dst, error.quote_ports) == (
        PUBLIC, PUBLIC, (32225, CLOSED_PORT))
    with pytest.raises(ConnectionRefusedError):
        net.srv1.connect(PUBLIC, CLOSED_PORT, timeout=3)


def test_tcp_finds_a_smaller_mtu_behind_the_router(net, web):
    digest = servers.make_file(net.path("large"), 1)
    with probes.links_of(net, 1280, (net.router, "br0")):
        servers.curl(net.cli1, f"http://{SRV1}/upload", "-T", net.path("large"), timeout=20)
        assert probes.path_mtu(net.cli1, SRV1) == 1280
    assert servers.file_hash(web[0].path("upload")) == digest


# ---- fragments ----

def test_datagrams_in_fragments_both_ways(net):
    with datagrams(net.cli1, CLI1, PORT) as host, datagrams(net.srv1, SRV1, PORT) as server:
        for number in range(20):
            data = bytes([number]) + DATAGRAM
            host.sendto(data, (SRV1, PORT))
            assert server.recvfrom(8192) == (data, (PUBLIC, PORT))
            server.sendto(data[::-1], (PUBLIC, PORT))
            assert host.recvfrom(8192) == (data[::-1], (SRV1, PORT))


def test_large_pings_both_ways(net):
    assert servers.ping(net.cli1, SRV1, "-s", "4000").received == 3
    assert servers.ping(net.srv1, PUBLIC, "-s", "4000").received == 3


def test_fragments_need_no_order(net):
    """Nothing is asked of a port, so each fragment is translated by itself."""
    from scapy.layers.inet import IP, UDP, fragment

    with datagrams(net.cli1, CLI1, PORT) as host, datagrams(net.srv1, SRV1, PORT) as server:
        with probes.inside(net, net.cli1) as sender:
            sender.send(*fragment(IP(src=CLI1, dst=SRV1, id=5) / UDP(sport=PORT, dport=PORT) /
                                  DATAGRAM, 1480)[::-1])
        assert server.recvfrom(8192) == (DATAGRAM, (PUBLIC, PORT))
        with probes.outside(net) as sender:
            sender.send(*fragment(IP(src=SRV1, dst=PUBLIC, id=5) / UDP(sport=PORT, dport=PORT) /
                                  DATAGRAM, 1480)[::-1])
        assert host.recvfrom(8192) == (DATAGRAM, (SRV1, PORT))


# ---- other ways to the address ----

def test_a_host_inside_reaches_it_or_is_told_why(net, inner_web):
    """Hairpin: never does the packet leave for the router."""
    expression = f"ip host {PUBLIC} or net 10.0.0.0/8"
    with servers.Capture(net, net.router, "ext0", expression) as outside:
        before = net.natgwd.stats()
        result = servers.ping(net.cli2, PUBLIC)
        drops = (net.natgwd.settled_stats() - before).drops()
    assert outside.count() == 0
    assert (result.received, drops) in ((3, {}), (0, {"hairpin": 3}))


def test_nobody_sends_from_it_outside(net):
    """A source that is ours comes in by no cable."""
    from scapy.layers.inet import ICMP, IP

    with servers.Capture(net, net.cli1, "eth0", f"ip and dst host {CLI1}") as capture:
        before = net.natgwd.stats()
        with probes.outside(net) as sender:
            sender.send(IP(src=PUBLIC, dst=PUBLIC) / ICMP(),
                        IP(src=CLI2, dst=PUBLIC) / ICMP(), IP(src=CLI1, dst=PUBLIC) / ICMP())
        drops = (net.natgwd.settled_stats() - before).drops()
    assert capture.count() == 0
    assert drops == {"martian": 1, "source_not_allowed": 2}


# ---- while it runs ----

def test_a_session_from_before_the_mapping_goes_on(net, web):
    """New ones use the public address; what it was before ends by itself. And back again."""
    with net.cli2.connect(SRV1, 80) as held:
        first = servers.ask_who(held)
        assert first[0] == EIP
        more = MAPPING + [f"  - {{private: {CLI2}, public: {PUBLIC2}}}"]
        with net.natgwd.configured(more=more):
            assert servers.ask_who(held) == first
            with net.cli2.connect(SRV1, 80, (CLI2, 32226)) as sock:
                assert servers.ask_who(sock) == (PUBLIC2, 32226)
            assert servers.ping(net.srv1, PUBLIC2).received == 3
            assert servers.ask_who(held) == first
        assert servers.ask_who(held) == first
    assert servers.who(net.cli2, f"http://{SRV1}")[0] == EIP
    assert servers.ping(net.srv1, PUBLIC2, count=1, wait=0.3).received == 0


def test_a_restart_keeps_connections(net, web):
    """There is nothing to keep but the rows of the config."""
    with net.cli1.connect(SRV1, 80, (CLI1, 32227)) as held:
        assert servers.ask_who(held) == (PUBLIC, 32227)
        net.natgwd.kill()
        assert servers.ask_who(held) == (PUBLIC, 32227)
        assert servers.ping(net.srv1, PUBLIC).received == 3
        net.natgwd.start()
        assert servers.ask_who(held) == (PUBLIC, 32227)
