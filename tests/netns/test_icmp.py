# SPDX-License-Identifier: GPL-2.0-only
"""ICMP in both directions: the hops of a path with their counters, errors of routers, clients and
the gateway itself, errors that are to reach nobody, and gateways with less ICMP."""
import errno
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption

import probes
import servers
from hosts import CLI1, EIP, GW_EXTERNAL, PRIVATE_IP, ROUTER, SRV1

CLOSED_PORT = 9
SERVICE = 5300
PATH = [PRIVATE_IP, ROUTER, SRV1]
ERRORS = [(3, code) for code in range(16)] + [(11, 0), (11, 1), (12, 0), (4, 0), (5, 0)]


@pytest.fixture(autouse=True)
def neighbours_are_known(net):
    """Counts are exact: no packet takes the slow path for a MAC address that is not known yet."""
    for client, _address in net.clients():
        assert servers.ping(client, SRV1, count=1).received == 1


# ---- programs that show the path ----

def test_traceroute_costs_one_packet_at_the_gateway(net, web):
    """Requirement 46, with counters: one probe of each run has a TTL of 1, its sender was told."""
    before = net.natgwd.settled_stats()
    for method in ("-U", "-I", "-T"):
        assert probes.traceroute(net.cli1, SRV1, method) == PATH, method
    since = net.natgwd.settled_stats() - before
    assert since.drops() == {"ttl_expired": 3}
    assert since.generated["icmp_time_exceeded"] == 3


def test_mtr_of_two_clients_sees_every_hop_without_a_loss(net, web):
    """By UDP and by TCP at once."""
    before = net.natgwd.settled_stats()
    runs = [probes.start_mtr(client, SRV1, method)
            for client, _address in net.clients() for method in ("-u", "-T")]
    for run in runs:
        assert probes.end_mtr(run) == [(host, 0.0, 3) for host in PATH]
    since = net.natgwd.settled_stats() - before
    assert since.drops() == {"ttl_expired": 12}
    assert since.generated["icmp_time_exceeded"] == 12, since.generated


# ---- errors from inside ----

def ask(server, client):
    """One datagram of the client to a server's socket: the external endpoint that it came from."""
    with client.socket(socket.SOCK_DGRAM) as sock:
        sock.sendto(b"question", (SRV1, SERVICE))
        return server.recvfrom(100)[1]


def test_a_port_that_a_client_has_closed_is_refused_in_the_eips_name(net):
    """RFC 5508 REQ-5: the server sees its own packet in the quote, and no private address."""
    with servers.Capture(net, net.srv1, "eth0", "icmp") as capture:
        peers = []
        for client, _address in net.clients():
            with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE)) as server:
                peers.append(ask(server, client))
                server.connect(peers[-1])
                server.send(b"too late")
                with pytest.raises(ConnectionRefusedError):
                    server.recv(1)
    packets = capture.packets()
    errors = [probes.IcmpError(packet) for packet in packets]
    assert [error.kind for error in errors] == [(3, 3), (3, 3)]
    for error, peer in zip(errors, peers):
        assert (error.src, error.dst) == (EIP, SRV1)
        assert (error.quote_src, error.quote_dst) == (SRV1, EIP)
        assert error.quote_ports == (SERVICE, peer[1])
    assert not probes.private_addresses(packets)


def crafted_error(source, quote_source, quote_destination, kind=(3, 3), ports=(SERVICE, 4000)):
    quote = IP(src=quote_source, dst=quote_destination) / UDP(sport=ports[0], dport=ports[1])
    return (IP(src=source, dst=quote_source) / ICMP(type=kind[0], code=kind[1]) / bytes(quote) /
            (b"x" * 8))


def test_an_error_of_a_client_about_no_session_reaches_nobody(net):
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", "icmp") as capture:
        with probes.inside(net, net.cli1) as sender:
            sender.send(crafted_error(CLI1, SRV1, CLI1))
        since = net.natgwd.settled_stats() - before
    assert capture.count() == 0
    assert since.drops() == {"icmp_quote": 1}


def test_a_private_quote_of_the_gateway_itself_never_leaves(net):
    """As the kernel would send it when the session went while it wrote the error."""
    before = net.natgwd.settled_stats()
    error = bytes(crafted_error(GW_EXTERNAL, SRV1, CLI1, kind=(11, 0)))
    with servers.Capture(net, net.router, "ext0", "icmp") as capture:
        with net.gw.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        with sock:
            sock.sendto(error, (SRV1, 0))
        since = net.natgwd.settled_stats() - before
    assert capture.count() == 0
    assert since.drops() == {"icmp_quote": 1}


# ---- errors that the gateway's kernel makes about a packet on its way in ----

def test_ttl_used_up_on_the_way_in_is_told_by_the_eip(net):
    """Catalogue G05: the kernel sees the packet translated, the server must not."""
    with servers.Capture(net, net.srv1, "eth0", "icmp") as capture, \
            net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE)) as server:
        with net.cli1.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(b"question", (SRV1, SERVICE))
            peer = server.recvfrom(100)[1]
            server.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)  # the router takes one
            server.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
            server.connect(peer)
            server.send(b"answer")
            with pytest.raises(OSError) as raised:
                server.recv(1)
            assert raised.value.errno == errno.EHOSTUNREACH
            server.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
            server.send(b"answer")
            assert sock.recv(100) == b"answer"
    packets = capture.packets()
    assert len(packets) == 1
    error = probes.IcmpError(packets[0])
    assert (error.kind, error.src, error.dst) == ((11, 0), EIP, SRV1)
    assert (error.quote_src, error.quote_dst) == (SRV1, EIP)
    assert error.quote_ports == (SERVICE, peer[1])
    assert not probes.private_addresses(packets)


def test_an_error_about_a_bad_option_comes_back_with_the_option(net):
    """Type 12, and a quote with IP options: the router's kernel finds the pointer of a record-route
    option out of bounds."""
    bad = IPOption(b"\x07\x07\x03\0\0\0\0")  # the pointer's least value is 4
    packet = IP(src=CLI1, dst=SRV1, options=[bad]) / UDP(sport=4711, dport=SERVICE) / b"natgw"
    with servers.Capture(net, net.cli1, "eth0", f"icmp and dst host {CLI1}") as capture:
        with probes.inside(net, net.cli1) as sender:
            sender.send(packet)
        servers.wait_for(lambda: capture.has_read_all() and capture.captured() == 1, "the error")
    error = probes.IcmpError(capture.packets()[0])
    assert (error.kind, error.src, error.dst) == ((12, 0), ROUTER, CLI1)
    assert (error.quote_src, error.quote_dst) == (CLI1, SRV1)
    assert error.quote_ports == (4711, SERVICE)


# ---- errors that are to reach nobody ----

def spoil(packet, offset):
    data = bytearray(bytes(packet))
    data[offset] ^= 0x55
    return bytes(data)


def test_errors_with_a_wrong_checksum_are_dropped(net):
    """RFC 5508 REQ-3: the ICMP checksum, and the one in the quoted IP header."""
    with net.cli1.socket(socket.SOCK_DGRAM, timeout=0.2) as sock:
        sock.connect((SRV1, SERVICE + 1))
        with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE + 1)):
            sock.send(b"question")
            port = probes.external_port(net, "udp", CLI1, sock.getsockname()[1])
        error = crafted_error(ROUTER, EIP, SRV1, ports=(port, SERVICE + 1))
        quote = IP(src=EIP, dst=SRV1, chksum=0x1234) / UDP(sport=port, dport=SERVICE + 1) / b"x"
        bad_quote = IP(src=ROUTER, dst=EIP) / ICMP(type=3, code=3) / bytes(quote)
        before = net.natgwd.settled_stats()
        with probes.outside(net) as sender:
            sender.send(spoil(error, 22), bad_quote)  # byte 22: the ICMP checksum's first
            with pytest.raises(TimeoutError):
                sock.recv(1)
            assert (net.natgwd.settled_stats() - before).drops() == {"bad_checksum": 2}
            sender.send(error)
            with pytest.raises(ConnectionRefusedError):
                sock.recv(1)


def test_no_error_ends_a_connection_or_its_session(net, web):
    """RFC 4787 REQ-12, RFC 5382 REQ-10: every type and code about a living TCP session."""
    with net.cli1.connect(SRV1, 80) as sock:
        servers.request(sock)
        port = probes.external_port(net, "tcp", CLI1, sock.getsockname()[1])
        quote = bytes(IP(src=EIP, dst=SRV1) / TCP(sport=port, dport=80, seq=1, flags="PA"))
        with probes.outside(net) as sender:
            for kind, code in ERRORS:
                sender.send(IP(src=ROUTER, dst=EIP) /
                            ICMP(type=kind, code=code, nexthopmtu=1400) / quote)
        servers.request(sock)
        assert probes.external_port(net, "tcp", CLI1, sock.getsockname()[1]) == port


# ---- IP options of real programs ----

@pytest.mark.parametrize("option", [["-R"], ["-T", "tsonly"]], ids=["record-route", "timestamp"])
def test_pings_with_ip_options_come_back(net, option):
    result = servers.ping(net.cli1, SRV1, *option)
    assert (result.sent, result.received) == (3, 3), result.output


def test_source_routes_are_dropped(net):
    """RFC 7126 4.3: traceroute -g sends them."""
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", f"src host {EIP} or src host {CLI1}") as capture:
        assert probes.traceroute(net.cli1, SRV1, "-I", "-g", ROUTER, most=3, wait=0.3) == ["*"] * 3
        since = net.natgwd.settled_stats() - before
    assert capture.count() == 0
    assert since.drops() == {"ip_option": 3}


# ---- less ICMP (requirement B-22) ----

def udp_is_refused(net):
    """Whether a client hears of the closed port of a server."""
    with net.cli1.socket(socket.SOCK_DGRAM, timeout=0.3) as sock:
        sock.connect((SRV1, CLOSED_PORT))
        sock.send(b"x")
        try:
            sock.recv(1)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
    raise AssertionError("an answer from a closed port")


def test_icmp_off_stops_echo_and_errors_and_nothing_else(net, web):
    with net.natgwd.configured(options={"icmp": "off"}):
        before = net.natgwd.settled_stats()
        assert servers.ping(net.cli1, SRV1, wait=0.2).received == 0
        assert not udp_is_refused(net)
        assert (net.natgwd.settled_stats() - before).drops() == {"icmp_type": 4}
        servers.curl(net.cli1, f"http://{SRV1}/page")
    assert udp_is_refused(net)


def test_icmp_echo_lets_pings_through_and_no_errors(net, web):
    with net.natgwd.configured(options={"icmp": "echo"}):
        before = net.natgwd.settled_stats()
        assert servers.ping(net.cli1, SRV1).received == 3
        assert not udp_is_refused(net)
        assert (net.natgwd.settled_stats() - before).drops() == {"icmp_type": 1}
    assert udp_is_refused(net)
