# SPDX-License-Identifier: GPL-2.0-only
"""What the path looks like to a client: traceroute, pings to the gateway, ICMP errors, path MTU."""
import errno
import re
import socket

import pytest

import servers
import topology
from hosts import EIP, PRIVATE_IP, ROUTER, SRV1, SRV2

CLOSED_PORT = 9
UNREACHABLE = "203.0.113.240"


def hops(client, *options):
    shown = client.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "5", *options, SRV1).stdout
    return re.findall(r"^ *\d+  (\S+)", shown, re.MULTILINE)


@pytest.mark.parametrize("method", ["-U", "-I", "-T"])
def test_traceroute_shows_the_private_ip_first_and_the_router_second(net, web, method):
    """Requirement 46."""
    for client, _address in net.clients():
        assert hops(client, method) == [PRIVATE_IP, ROUTER, SRV1]


@pytest.mark.parametrize("role", ["router", "srv1"])
def test_ping_to_an_eip_from_outside_gets_no_answer(net, role):
    """Requirement 44."""
    before = net.natgwd.settled_stats()
    result = servers.ping(getattr(net, role), EIP, count=5)
    assert (result.sent, result.received) == (5, 0)
    since = net.natgwd.settled_stats() - before
    assert since.dropped("to_gateway", direction="inbound") == 5
    assert since.drops() == {"to_gateway": 5}


@pytest.mark.parametrize("address", [EIP, PRIVATE_IP])
def test_ping_to_the_gateway_from_a_client_gets_no_answer(net, address):
    before = net.natgwd.settled_stats()
    result = servers.ping(net.cli1, address, count=5)
    assert (result.sent, result.received) == (5, 0)
    drops = (net.natgwd.settled_stats() - before).drops()
    assert sum(drops.values()) == 5
    assert set(drops) <= ({"to_gateway"} if address == PRIVATE_IP else {"to_gateway", "hairpin"})


@pytest.mark.parametrize("attach", ["xdp", "tc"])
def test_reply_ping_lets_the_private_ip_answer(attach):
    with topology.Topology("reply-ping", attach=attach) as made:
        made.natgwd.config.more = ["reply_ping: true"]
        made.natgwd.start()
        assert servers.ping(made.cli1, PRIVATE_IP).received == 3
        assert servers.ping(made.router, EIP).received == 0
        made.natgwd.ledger.check()


def test_udp_to_a_closed_port_is_refused_through_the_gateway(net):
    for client, _address in net.clients():
        with client.socket(socket.SOCK_DGRAM, timeout=3) as sock:
            sock.connect((SRV1, CLOSED_PORT))
            sock.send(b"x")
            with pytest.raises(ConnectionRefusedError):
                sock.recv(1)


def test_tcp_to_a_closed_port_is_refused_through_the_gateway(net):
    for client, _address in net.clients():
        with pytest.raises(ConnectionRefusedError):
            client.connect(SRV1, CLOSED_PORT, timeout=3)


def test_host_unreachable_comes_back_to_the_client(net):
    """Requirement 49: type 3 for TCP, UDP and ICMP."""
    net.router.ip("route", "add", "unreachable", UNREACHABLE)
    with pytest.raises(OSError) as raised:
        net.cli1.connect(UNREACHABLE, 80, timeout=3)
    assert raised.value.errno == errno.EHOSTUNREACH
    with net.cli1.socket(socket.SOCK_DGRAM, timeout=3) as sock:
        sock.connect((UNREACHABLE, 53))
        sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: soft errors too
        sock.send(b"x")
        with pytest.raises(OSError) as raised:
            sock.recv(1)
        assert raised.value.errno == errno.EHOSTUNREACH
    result = servers.ping(net.cli1, UNREACHABLE, count=1)
    assert f"From {ROUTER} icmp_seq=1 Destination Host Unreachable" in result.output


def set_mtu(namespace, interface, mtu):
    namespace.ip("link", "set", interface, "mtu", str(mtu))


def test_a_smaller_mtu_beyond_the_router_reaches_the_client(net):
    """Fragmentation-needed of the far router is translated inbound."""
    set_mtu(net.router, "br0", 1400)
    try:
        result = servers.ping(net.cli1, SRV2, "-M", "do", "-s", "1422", count=1)
        assert re.search(rf"From {ROUTER} icmp_seq=1 Frag needed and DF set \(mtu = 1400\)",
                         result.output), result.output
        assert servers.ping(net.cli2, SRV2, "-M", "do", "-s", "1372", count=1).received == 1
    finally:
        set_mtu(net.router, "br0", 1500)
        net.cli1.ip("route", "flush", "cache")


@pytest.fixture
def small_external_mtu(net):
    set_mtu(net.router, "ext0", 1400)
    set_mtu(net.gw, net.external, 1400)
    yield
    set_mtu(net.gw, net.external, 1500)
    set_mtu(net.router, "ext0", 1500)
    for client, _address in net.clients():
        client.ip("route", "flush", "cache")


def test_too_big_with_df_is_answered_by_the_private_ip(net, small_external_mtu):
    before = net.natgwd.settled_stats()
    result = servers.ping(net.cli1, SRV1, "-M", "do", "-s", "1422", count=1)
    assert re.search(rf"From {PRIVATE_IP} icmp_seq=1 Frag needed and DF set \(mtu = 1400\)",
                     result.output), result.output
    since = net.natgwd.settled_stats() - before
    assert since.dropped("too_big") == 1
    assert since.generated["icmp_frag_needed"] == 1
    assert servers.ping(net.cli1, SRV1, "-M", "do", "-s", "1372", count=1).received == 1


def test_tcp_finds_the_path_mtu(net, web, small_external_mtu):
    digest = web[0].add_file("file", 16)
    servers.curl(net.cli1, f"http://{SRV1}/upload", "-T", web[0].path("file"), timeout=20)
    assert servers.file_hash(web[0].path("upload")) == digest
    servers.curl(net.cli2, f"http://{SRV1}/file", "-o", net.path("copy"), timeout=20)
    assert servers.file_hash(net.path("copy")) == digest
