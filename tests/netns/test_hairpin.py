# SPDX-License-Identifier: GPL-2.0-only
"""Hairpin: from inside to one of our EIPs. It works to a port forward and to an
endpoint-independent mapping (RFC 4787 REQ-9), and the receiver sees an EIP as the source; all else
is dropped."""
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

import conftest
import servers
import topology
from hosts import CLI1, CLI2, EIP, PRIVATE_IP, SRV1, SRV2, wait_for
from test_crafted import drops_of, send_outbound
from test_eim import receive
from test_expiry import Clock
from test_port_forward import connect, exchange, forwards, listen

WEB, ECHO, DNS, UDP_ECHO = 8080, 8081, 5353, 6000
FILE_MB = 32
CONFIG = {
    "more": forwards(("tcp", WEB, f"{CLI1}:80"), ("tcp", ECHO, f"{CLI1}:7000"),
                     ("udp", DNS, f"{CLI1}:53"), ("udp", UDP_ECHO, CLI1)),
    "sessions": 32768,
}


@pytest.fixture(scope="module")
def inside(net):
    made = servers.Nginx(net, net.cli1)
    made.write("page", b"natgw\n")
    return made


@pytest.fixture(scope="module")
def dns(net):
    return servers.Dnsmasq(net, net.cli1)


@pytest.fixture
def independent(net):
    """independent(filtering): the gateway's mapping for UDP is endpoint-independent."""
    def change(filtering=None):
        net.natgwd.config.options = {"mapping": "endpoint_independent"}
        if filtering:
            net.natgwd.config.options["filtering"] = filtering
        net.natgwd.reload()
    Clock(net).be(3000)
    net.natgwd.sweep()
    yield change
    net.natgwd.config.options = {}
    net.natgwd.reload()


def udp(namespace, address, port):
    return namespace.socket(socket.SOCK_DGRAM, bind=(address, port), timeout=2)


def outside(net, addresses="net 10.0.0.0/8 or host " + EIP):
    """What leaves or comes by the router: nothing of what goes back inside."""
    return servers.Capture(net, net.router, "ext0", f"ip and ({addresses})")


# ---- to port forwards ----

@pytest.mark.parametrize("who", ["other", "itself"])
def test_a_large_file_both_ways(net, inside, who):
    client = net.cli2 if who == "other" else net.cli1
    digest = inside.add_file("file", FILE_MB)
    copy = net.path("copy")
    seen = len(inside.visits())
    before, packets = net.natgwd.ledger.settle()
    with outside(net) as capture:
        servers.curl(client, f"http://{EIP}:{WEB}/file", "-o", copy)
        assert servers.file_hash(copy) == digest
        servers.curl(client, f"http://{EIP}:{WEB}/upload", "-T", copy)
        assert servers.file_hash(inside.path("upload")) == digest
    assert capture.count() == 0
    after, packets_after = net.natgwd.ledger.settle()
    visits = inside.visits()[seen:]
    assert {visit[0] for visit in visits} == {EIP}
    since = after - before
    assert since.drops() == {} and since.generated["hairpin"] > 0
    if net.attach == "tc":
        # each packet passes twice; large (GSO) ones have passed in one piece
        assert since.hooks["tc_ingress"]["in"] > 3 * (packets_after - packets)


def test_one_connection_of_each_client(net):
    """The host, another client and a remote host, with one source port: three sessions."""
    with listen(net.cli1, CLI1, 7000) as listener:
        pairs = [connect(host, ECHO, listener, bind=(address, 5555)) for host, address in
                 ((net.cli1, CLI1), (net.cli2, CLI2), (net.srv1, SRV1))]
        assert [other.getpeername()[0] for _one, other in pairs] == [EIP, EIP, SRV1]
        assert len({other.getpeername() for _one, other in pairs}) == 3
        for _number in range(3):
            for one, other in pairs:
                exchange(one, other)
        # a hairpin is two sessions: the client's own, and that of the forward
        rows = [row for row in net.natgwd.sessions() if 5555 in (row["internal_src_port"],
                                                                 row["remote_port"])]
        own = {row["external_src_port"] for row in rows if row["remote_address"] == EIP}
        assert len(rows) == 3 and len(own) == 2
        assert {row["state"] for row in rows} == {"established"}
        assert {row["remote_port"] for row in net.natgwd.sessions()
                if row["external_src_port"] == ECHO} == own | {5555}
    for one, other in pairs:
        one.close()
        other.close()


def test_a_dns_server_inside_and_datagrams_of_every_size(net, dns):
    for client, _address in net.clients():
        for options in ((), ("+bufsize=4096",)):
            shown = client.run("dig", "+short", "+tries=1", "+time=3", *options, "-p", str(DNS),
                               f"@{EIP}", dns.NAME).stdout
            assert shown.strip() == dns.ADDRESS
    assert dns.clients() == {EIP}
    with udp(net.cli1, CLI1, UDP_ECHO) as host, udp(net.cli2, CLI2, 5000) as client:
        for size in (0, 1, 2, 511, 1471, 1472):
            client.sendto(b"q" * size, (EIP, UDP_ECHO))
            data, sender = host.recvfrom(2000)
            assert data == b"q" * size and sender[0] == EIP
            host.sendto(b"a" * size, sender)
            assert client.recvfrom(2000) == (b"a" * size, (EIP, UDP_ECHO))


def test_a_closed_port_refuses_and_remote_hosts_go_on(net, inside):
    with pytest.raises(ConnectionRefusedError):
        net.cli2.connect(EIP, ECHO)
    for host in (net.srv1, net.cli2, net.srv2, net.cli1):
        servers.curl(host, f"http://{EIP}:{WEB}/page")
    assert {visit[0] for visit in inside.visits()} >= {SRV1, SRV2, EIP}


# ---- between endpoint-independent mappings ----

def mapping(client, server):
    """The external endpoint of the client's socket, as a server sees it."""
    client.sendto(b"ask", server.getsockname())
    data, sender = server.recvfrom(10)
    assert data == b"ask" and sender[0] == EIP
    return sender


def test_mappings_of_two_clients(net, independent):
    """REQ-9a: the receiver sees the sender's external endpoint."""
    independent()
    with udp(net.srv1, SRV1, 7000) as server, udp(net.cli1, CLI1, 5000) as one, \
            udp(net.cli2, CLI2, 5000) as two, outside(net) as capture:
        first, second = mapping(one, server), mapping(two, server)
        seen = 2
        assert first != second
        for number in range(3):
            word = f"round {number}".encode()
            two.sendto(word, first)
            assert one.recvfrom(100) == (word, second)
            one.sendto(word, second)
            assert two.recvfrom(100) == (word, first)
            one.sendto(word, first)  # and its own
            assert one.recvfrom(100) == (word, first)
    assert capture.count() == seen  # what the server has got


def test_a_client_that_has_asked_nobody_yet(net, independent):
    """Its first packet is the hairpinned one; the mapping that it makes is the one it keeps."""
    independent()
    with udp(net.srv1, SRV1, 7000) as server, udp(net.cli1, CLI1, 5000) as one, \
            udp(net.cli2, CLI2, 5000) as two:
        endpoint = mapping(one, server)
        two.sendto(b"hello", endpoint)
        data, sender = one.recvfrom(100)
        assert data == b"hello" and sender[0] == EIP
        assert mapping(two, server) == sender
        one.sendto(b"hello yourself", sender)
        assert two.recvfrom(100) == (b"hello yourself", endpoint)


def test_the_filter_holds_inside_as_well(net, independent):
    independent("address_and_port_dependent")
    with udp(net.srv1, SRV1, 7000) as server, udp(net.cli1, CLI1, 5000) as one, \
            udp(net.cli2, CLI2, 5000) as two:
        first, second = mapping(one, server), mapping(two, server)
        two.sendto(b"too early", first)
        assert receive(one) is None
        one.sendto(b"now you may", second)  # two has asked it already: that is its answer
        assert two.recvfrom(100) == (b"now you may", first)
        two.sendto(b"thanks", first)
        assert one.recvfrom(100) == (b"thanks", second)


# ---- all else ----

def test_anything_else_to_an_eip_is_dropped(net):
    packets = [
        IP(src=CLI2, dst=EIP) / TCP(sport=4000, dport=1234, flags="S"),
        IP(src=CLI2, dst=EIP) / TCP(sport=4000, dport=1234, flags="A"),
        IP(src=CLI2, dst=EIP) / UDP(sport=4000, dport=1234),
        IP(src=CLI2, dst=EIP) / UDP(sport=4000, dport=WEB),  # forwarded for TCP
        IP(src=CLI2, dst=EIP) / TCP(sport=4000, dport=DNS, flags="S"),  # and for UDP
        IP(src=CLI2, dst=EIP) / ICMP(id=7, seq=1),
    ]
    with servers.Capture(net, net.cli2, "eth0", f"ip src {EIP}") as answers:
        assert drops_of(net, send_outbound, *packets) == {"hairpin": len(packets)}
    assert answers.count() == 0


def test_a_session_of_another_client_is_no_way_in(net, web):
    """G02: to the external endpoint of a live session."""
    with net.cli1.connect(SRV1, 80, bind=(CLI1, 5999)) as sock:
        servers.request(sock)
        port, = [row["external_src_port"] for row in net.natgwd.sessions()
                 if row["internal_src_port"] == 5999]
        packets = [IP(src=CLI2, dst=EIP) / TCP(sport=80, dport=port, flags=flags)
                   for flags in ("S", "A", "R")]
        assert drops_of(net, send_outbound, *packets) == {"hairpin": len(packets)}
        servers.request(sock)


def test_only_a_syn_begins(net):
    """What is no beginning is told so by a RST, as at any connection that is not there."""
    before = len(net.natgwd.sessions())
    packets = [IP(src=CLI2, dst=EIP) / TCP(sport=4001, dport=WEB, flags=flags, seq=1, ack=1)
               for flags in ("A", "SA", "FA", "R")]
    with servers.Capture(net, net.cli2, "eth0", f"ip dst {CLI2}") as told:
        drops = drops_of(net, send_outbound, *packets)
    assert sum(drops.values()) == len(packets)
    assert set(drops) <= {"hairpin", "tcp_no_syn", "no_session"}
    assert all(packet[TCP].flags & 4 for packet in told.packets())
    assert len(net.natgwd.sessions()) == before


def test_traceroute_sees_one_router(net, inside):
    """No loop at a small TTL: the gateway is a hop like any other, with its private IP."""
    for options in (("-T", "-p", str(WEB)), ("-U", "-p", str(UDP_ECHO))):
        shown = net.cli2.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "4", *options,
                             EIP).stdout
        assert [line.split()[1] for line in shown.splitlines()[1:]] == [PRIVATE_IP, EIP], shown


# ---- a judge, and another layout ----

def test_natdiscovery_receives_its_own_request(net, independent):
    """coturn's judge (RFC 5780) sends to the endpoint that the server has told it."""
    independent()
    servers.Turnserver(net, net.srv1, SRV1, "203.0.113.20")
    shown = net.cli1.run("turnutils_natdiscovery", "-H", SRV1).stdout
    assert "Received a request" in shown, shown


@pytest.mark.parametrize("attach", conftest.ATTACH)
def test_one_armed(attach):
    """One interface for both sides: the packet comes in where it came in."""
    with topology.Topology("hairpin-one", "one-armed", attach) as net:
        net.natgwd.config.more = CONFIG["more"]
        net.natgwd.start()
        server = servers.Nginx(net, net.cli1)
        digest = server.add_file("file", 16)
        for host in (net.cli2, net.cli1, net.srv1):
            servers.curl(host, f"http://{EIP}:{WEB}/file", "-o", net.path("copy"),
                         timeout=10)
            assert servers.file_hash(net.path("copy")) == digest
        assert server.addresses() == {EIP, SRV1}
        conftest.check(net)


@pytest.mark.parametrize("attach", conftest.ATTACH)
def test_two_internal_interfaces(attach):
    with topology.Topology("hairpin-two", "two", attach) as net:
        net.natgwd.config.more = CONFIG["more"]
        net.natgwd.start()
        server = servers.Nginx(net, net.cli1)
        digest = server.add_file("file", 16)
        for host in (net.cli2, net.cli1):
            servers.curl(host, f"http://{EIP}:{WEB}/file", "-o", net.path("copy"),
                         timeout=10)
            assert servers.file_hash(net.path("copy")) == digest
        assert server.addresses() == {EIP}
        wait_for(lambda: net.natgwd.stats().generated["hairpin"] > 0, "hairpinned packets")
        conftest.check(net)
