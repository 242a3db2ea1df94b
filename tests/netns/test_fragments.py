# SPDX-License-Identifier: GPL-2.0-only
"""Fragments (requirements 50-54, 59): datagrams of real programs both ways, counted to the last
one, TCP from a peer that sends fragments, and fragments that nobody means well with."""
import contextlib
import itertools
import os
import socket
import struct

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

import probes
import servers
from hosts import CLI1, CLI2, EIP, PRIVATE_IP, ROUTER, SRV1, SRV2, wait_for

SERVICE = 5300
IKE = 4500
ECHO = (5400, 5401)
OPEN_PORT = "5201"  # iperf3's
DATAGRAMS, SIZE = 1000, 4000
PIECES = 3  # of 4,000 bytes, at an MTU of 1,500
LIFE_S = 5
KERNEL = tuple(int(part) for part in os.uname().release.split(".")[:2])
REASSEMBLES = KERNEL >= (6, 6)  # BPF_F_NETFILTER_IP_DEFRAG
FORWARD, DROP = {"fragments": "forward"}, {"fragments": "drop"}


@pytest.fixture(scope="module", autouse=True)
def patient_hosts(net):
    """A host that waits for the rest of a datagram complains (ICMP 11/1) after 30 s, in another
    test."""
    for role in ("cli1", "cli2", "srv1", "srv2"):
        getattr(net, role).sysctl("net.ipv4.ipfrag_time", 600)


@pytest.fixture(autouse=True)
def neighbours_are_known(net):
    for client, _address in net.clients():
        for server in (SRV1, SRV2):
            assert servers.ping(client, server, count=1).received == 1


class Reassembly:
    """What the hosts' own stacks have put together since."""

    def __init__(self, *namespaces):
        self.namespaces = namespaces
        self.before = self.read()

    def read(self):
        return [(probes.kernel_counter(each, "Ip", "ReasmOKs"),
                 probes.kernel_counter(each, "Ip", "ReasmFails")) for each in self.namespaces]

    def datagrams(self, may_fail=False):
        """For each host; that none has failed is checked, but for TCP, which may lose a few."""
        since = [(now[0] - then[0], now[1] - then[1])
                 for now, then in zip(self.read(), self.before)]
        assert may_fail or not any(failed for _done, failed in since), since
        return [done for done, _failed in since]


def parts(packet, size=1480, ident=None):
    """An IP packet in fragments that carry so many bytes each."""
    whole = bytes(packet)
    header, payload = whole[:20], whole[20:]
    head = IP(header)
    made = []
    for offset in range(0, len(payload), size):
        piece = payload[offset:offset + size]
        last = offset + size >= len(payload)
        made.append(IP(src=head.src, dst=head.dst, ttl=head.ttl, proto=head.proto,
                       id=head.id if ident is None else ident, frag=offset // 8,
                       flags="" if last else "MF") / piece)
    return made


def udp(source, destination, ports, payload, ident=1):
    return IP(src=source, dst=destination, id=ident) / UDP(sport=ports[0], dport=ports[1]) / payload


# ---- UDP of real programs ----

@pytest.mark.parametrize("direction", ["upload", "download"])
def test_a_thousand_large_datagrams_one_way(net, iperf, direction):
    """Requirement 52: counted by iperf3, by the receiver's stack, and by natgw."""
    options = ["-R"] if direction == "download" else []
    receiver = net.cli1 if options else net.srv1
    reassembly, before = Reassembly(receiver), net.natgwd.settled_stats()
    overrun = probes.kernel_counter(receiver, "Udp", "RcvbufErrors")
    text = net.cli1.run("iperf3", "-J", "-u", "-b", "80M", "-l", str(SIZE), "-k", str(DATAGRAMS),
                        "-c", SRV1, *options).stdout
    end = servers.iperf3_result(text)["end"]["sum"]
    # On a busy machine iperf3 may be too slow for what its host has received.
    assert end["lost_packets"] == probes.kernel_counter(receiver, "Udp", "RcvbufErrors") - overrun
    assert end["packets"] >= DATAGRAMS
    assert reassembly.datagrams()[0] >= DATAGRAMS
    since = net.natgwd.settled_stats() - before
    assert since.drops() == {}
    assert since.out() >= DATAGRAMS * PIECES
    if net.attach == "xdp":
        assert since.out("xdp") >= 0.99 * since.out()


def test_a_thousand_large_datagrams_come_back_byte_for_byte(net):
    """Both ways at once, from both clients, through socat."""
    for port in ECHO:
        net.keep(net.srv1.start("socat", "-b", "65536", f"UDP4-LISTEN:{port}", "PIPE"))
        wait_for(lambda at=port: servers.listens(net.srv1, at, "udp"), "socat")
    reassembly = Reassembly(net.srv1, net.cli1, net.cli2)
    before = net.natgwd.settled_stats()
    sockets = [client.socket(socket.SOCK_DGRAM) for client, _address in net.clients()]
    for sock, port in zip(sockets, ECHO):
        sock.connect((SRV1, port))
    for _number in range(DATAGRAMS // 2):
        sent = [os.urandom(SIZE) for _each in sockets]
        for sock, data in zip(sockets, sent):
            sock.send(data)
        assert [sock.recv(65536) for sock in sockets] == sent
    for sock in sockets:
        sock.close()
    assert reassembly.datagrams() == [DATAGRAMS, DATAGRAMS // 2, DATAGRAMS // 2]
    since = net.natgwd.settled_stats() - before
    assert (since.drops(), since.out()) == ({}, 2 * DATAGRAMS * PIECES)


def test_the_first_datagram_to_an_unknown_neighbour_is_whole(net):
    """The slow path carries the fragments after the first one just as well."""
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE), timeout=3) as server, \
            net.cli1.socket(socket.SOCK_DGRAM, timeout=3) as sock:
        sent = os.urandom(SIZE)
        net.gw.ip("neigh", "flush", "all")
        sock.sendto(sent, (SRV1, SERVICE))
        data, peer = server.recvfrom(65536)
        assert data == sent
        net.gw.ip("neigh", "flush", "all")
        server.sendto(sent, peer)
        assert sock.recv(65536) == sent


def test_fragments_too_big_for_the_next_link_are_cut_once_more(net):
    """What does not fit goes through the kernel, and what would fit goes with it: a datagram of
    which each has a part reaches nobody. The router cuts what a server with a larger MTU sends, so
    that the fragments come in one batch, as they do from a network card."""
    external = probes.links_of(net, 1400, (net.gw, net.external), (net.router, "ext0"))
    internal = probes.links_of(net, 1400, (net.gw, net.internal[0]))
    jumbo = probes.links_of(net, 9000, (net.router, "p-srv1"), (net.router, "br0"),
                          (net.srv1, "eth0"))
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE), timeout=2) as server, \
            net.cli1.socket(socket.SOCK_DGRAM, timeout=2) as sock:
        server.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: no DF
        sock.connect((SRV1, SERVICE))
        sock.send(b"question")
        server.connect(server.recvfrom(100)[1])
        before = net.natgwd.settled_stats()
        for link, sender, receiver in ((external, sock, server), (internal, server, sock)):
            with jumbo if sender is server else contextlib.nullcontext(), link:
                for _number in range(10):
                    sent = os.urandom(SIZE)
                    sender.send(sent)
                    assert receiver.recv(65536) == sent
        assert (net.natgwd.settled_stats() - before).drops() == {}


def test_traceroute_with_large_packets_gets_one_answer_from_each_hop(net):
    """RFC 1812 4.3.2.7: no error about a fragment that is not the first."""
    before = net.natgwd.settled_stats()
    assert probes.traceroute(net.cli1, SRV1, "-U", size=SIZE) == [PRIVATE_IP, ROUTER, SRV1]
    since = net.natgwd.settled_stats() - before
    assert since.drops() == {"ttl_expired": 1}
    assert since.generated["icmp_time_exceeded"] == 1


def test_two_clients_speak_ike_from_one_port_to_one_peer(net):
    """Requirement 59: NAT-T from port 4500, with messages of 3 kB."""
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, IKE)) as peer:
        clients = [client.socket(socket.SOCK_DGRAM, bind=(address, IKE))
                   for client, address in net.clients()]
        seen = set()
        for sock in clients:
            sent = b"\0\0\0\0" + os.urandom(3000)  # the marker that tells IKE from ESP
            sock.sendto(sent, (SRV1, IKE))
            data, source = peer.recvfrom(65536)
            assert data == sent
            seen.add(source)
        assert {address for address, _port in seen} == {EIP} and len(seen) == 2
        answers = {source: b"\0\0\0\0" + os.urandom(3000) for source in seen}
        for source, answer in answers.items():
            peer.sendto(answer, source)
        assert {sock.recvfrom(65536) for sock in clients} == \
            {(answer, (SRV1, IKE)) for answer in answers.values()}
        for sock in clients:
            sock.close()


def test_without_fragments_large_datagrams_are_dropped_one_by_one(net):
    with net.natgwd.configured(options=DROP), net.cli1.socket(socket.SOCK_DGRAM) as sock:
        before = net.natgwd.settled_stats()
        sock.sendto(os.urandom(SIZE), (SRV1, SERVICE))
        sock.sendto(os.urandom(100), (SRV2, SERVICE))
        assert (net.natgwd.settled_stats() - before).drops() == {"frag_udp": PIECES}


# ---- ICMP and TCP ----

def test_large_pings_need_a_gateway_that_forwards_fragments(net):
    """Requirement 51, and 54: 10,000 bytes are 7 fragments."""
    before = net.natgwd.settled_stats()
    assert servers.ping(net.cli1, SRV1, "-s", "10000", count=1, wait=0.2).received == 0
    assert (net.natgwd.settled_stats() - before).drops() == {"frag_icmp": 7}
    with net.natgwd.configured(options={"fragments": "{icmp: forward}"}):
        reassembly, before = Reassembly(net.srv1, net.cli1), net.natgwd.settled_stats()
        assert servers.ping(net.cli1, SRV1, "-s", "10000").received == 3
        since = net.natgwd.settled_stats() - before
        assert (since.drops(), since.out()) == ({}, 2 * 3 * 7)
        assert reassembly.datagrams() == [3, 3]


@pytest.fixture(scope="module")
def without_df(net):
    """A server whose TCP segments may be cut."""
    net.srv2.sysctl("net.ipv4.ip_no_pmtu_disc", 1)  # before it listens
    return servers.Nginx(net, net.srv2)


@pytest.fixture
def cutting(net, without_df):
    """And a router that cuts them."""
    route = (f"{EIP}/32", "dev", "ext0", "mtu", "1280")
    net.router.ip("route", "add", *route)
    yield without_df
    net.router.ip("route", "delete", *route)


def test_a_connection_whose_peer_sends_fragments_fails(net, cutting):
    """Requirement 50."""
    cutting.write("large", os.urandom(3000))
    before = net.natgwd.settled_stats()
    with net.cli1.connect(SRV2, 80, timeout=0.5) as sock:
        sock.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            while sock.recv(65536):
                pass
        drops = (net.natgwd.stats() - before).drops()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert set(drops) == {"frag_tcp"} and drops["frag_tcp"] >= 2


def test_a_connection_whose_peer_sends_fragments_works_where_they_are_forwarded(net, cutting):
    """Requirement 54."""
    digest = cutting.add_file("file", 8)
    with net.natgwd.configured(options=FORWARD):
        reassembly, before = Reassembly(net.cli2), net.natgwd.settled_stats()
        servers.curl(net.cli2, f"http://{SRV2}/file", "-o", net.path("copy"), timeout=20)
        assert servers.file_hash(net.path("copy")) == digest
        assert (net.natgwd.settled_stats() - before).drops() == {}
        assert reassembly.datagrams(may_fail=True)[0] > 5000  # of 5,794 full segments


def test_syns_in_fragments_open_a_connection_where_they_are_forwarded(net, iperf):
    """nmap cuts its packets: 24 bytes hold the TCP header, 8 do not (RFC 1858)."""
    with net.natgwd.configured(options=FORWARD):
        before = net.natgwd.settled_stats()
        assert servers.nmap_states(net.cli1, "-sS", "--mtu", "24", "--data-length", "100",
                                   "-p", OPEN_PORT, SRV1) == {"open": 1}
        assert (net.natgwd.settled_stats() - before).drops() == {}
        with servers.Capture(net, net.router, "ext0", f"src host {EIP} or src host {CLI1}"
                             ) as outside:
            assert servers.nmap_states(net.cli1, "-sS", "-f", "--max-retries", "0", "-p",
                                       OPEN_PORT, SRV1) == {"filtered": 1}
            drops = (net.natgwd.settled_stats() - before).drops()
        assert outside.count() == 0
        # The first, and the one that could write over the flags; the third stands alone, and is
        # the kernel's to keep where it reassembles.
        assert drops == {"malformed": 2} | ({} if REASSEMBLES else {"frag_no_first": 1})


# ---- fragments of hand: identifications, order, overlap, time, floods ----

class Server:
    """A UDP socket of srv1 that says what has come."""

    def __init__(self, net):
        self.socket = net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE), timeout=0.2)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def receive(self):
        """All payloads, until nothing comes for a while."""
        came = []
        while True:
            try:
                came.append(self.socket.recv(65536))
            except TimeoutError:
                return came


def test_datagrams_of_two_clients_with_one_identification_do_not_merge(net):
    """RFC 6864, sequence S27: one EIP, one server, one id, the fragments interleaved."""
    idents = range(100, 150)
    with Server(net) as server, probes.inside(net, net.cli1) as first, \
            probes.inside(net, net.cli2) as second, \
            servers.Capture(net, net.srv1, "eth0", f"udp and src host {EIP}") as capture:
        wanted = []
        for ident in idents:
            payloads = [bytes([client]) * 2000 + bytes([ident]) * 900 for client in (1, 2)]
            cut = [parts(udp(address, SRV1, (4000, SERVICE), payload, ident))
                   for address, payload in zip((CLI1, CLI2), payloads)]
            for one, two in zip(*cut):
                first.send(one)
                second.send(two)
            wanted += payloads
        assert sorted(server.receive()) == sorted(wanted)
    idents_seen = {}
    for packet in capture.packets():
        idents_seen.setdefault(packet[IP].id, []).append(packet[IP].frag)
    assert len(idents_seen) == 2 * len(idents)
    assert all(sorted(offsets) == [0, 185] for offsets in idents_seen.values())


def replies_to(net, client_port):
    """Opens a session and returns (client's socket, external port, server's port)."""
    sock = net.cli1.socket(socket.SOCK_DGRAM, bind=(CLI1, client_port), timeout=0.3)
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE)) as server:
        sock.sendto(b"question", (SRV1, SERVICE))
        peer = server.recvfrom(100)[1]
    return sock, peer[1]


def arrives(sock):
    try:
        return sock.recv(65536)
    except TimeoutError:
        return None


def test_inbound_fragments_that_break_the_rules(net):
    """Out of order, overlapping, the first one twice, too late: none of them reaches the client."""
    sock, port = replies_to(net, 4100)
    data = os.urandom(2000)
    with sock, probes.outside(net) as sender:
        def cut(ident, to=port):
            return parts(udp(SRV1, EIP, (SERVICE, to), data, ident))

        sender.send(*cut(1))
        assert arrives(sock) == data
        overlap = cut(3)[1]
        overlap.frag -= 1
        before = net.natgwd.settled_stats()
        sender.send(cut(2)[1], cut(3)[0], overlap, cut(4)[0], cut(4, to=port ^ 1)[0])
        assert arrives(sock) is None
        drops = (net.natgwd.settled_stats() - before).drops()
    # The second first fragment is for a port that has no session.
    assert drops in ({"frag_no_first": 1, "frag_overlap": 2},
                     {"frag_no_first": 1, "frag_overlap": 1, "no_session": 1})


def test_a_fragment_that_comes_too_late_finds_nothing(net):
    """Sequence S29, through the clock skew."""
    sock, port = replies_to(net, 4101)
    with sock, probes.outside(net) as sender:
        for ident, skew, wanted in ((5, LIFE_S - 1, {}), (6, 2 * LIFE_S, {"frag_no_first": 1})):
            first, last = parts(udp(SRV1, EIP, (SERVICE, port), os.urandom(2000), ident))
            before = net.natgwd.settled_stats()
            sender.send(first)
            net.natgwd.settled_stats()
            net.natgwd.set_skew(skew)
            sender.send(last)
            assert (net.natgwd.settled_stats() - before).drops() == wanted


def test_a_client_whose_kernel_misses_a_fragment_tells_so_in_the_eips_name(net):
    """Type 11 code 1 from inside, about a first fragment."""
    net.cli1.sysctl("net.ipv4.ipfrag_time", 1)
    sock, port = replies_to(net, 4102)
    with sock, probes.outside(net) as sender, \
            servers.Capture(net, net.srv1, "eth0", "icmp") as capture:
        sender.send(parts(udp(SRV1, EIP, (SERVICE, port), os.urandom(2000), 7))[0])
        wait_for(lambda: capture.has_read_all() and capture.captured() == 1, "the error")
    net.cli1.sysctl("net.ipv4.ipfrag_time", 600)
    packets = capture.packets()
    error = probes.IcmpError(packets[0])
    assert (error.kind, error.src, error.dst) == ((11, 1), EIP, SRV1)
    assert (error.quote_src, error.quote_dst) == (SRV1, EIP)
    assert error.quote_ports == (SERVICE, port)
    assert not probes.private_addresses(packets)


def test_outbound_fragments_arrive_in_every_order(net):
    """RFC 4787 REQ-14, where the kernel puts them together; nothing of them leaves untranslated."""
    orders = list(itertools.permutations(range(3)))
    wanted = [os.urandom(SIZE) for _order in orders]
    with Server(net) as server, probes.inside(net, net.cli1) as sender, \
            servers.Capture(net, net.router, "ext0", "src net 10.0.0.0/8") as capture:
        before = net.natgwd.settled_stats()
        for ident, (order, data) in enumerate(zip(orders, wanted), 200):
            pieces = parts(udp(CLI1, SRV1, (4200, SERVICE), data, ident))
            sender.send(*[pieces[number] for number in order])
        came = server.receive()
        drops = (net.natgwd.settled_stats() - before).drops()
    assert capture.count() == 0
    if REASSEMBLES:
        assert (sorted(came), drops) == (sorted(wanted), {})
    else:
        assert wanted[0] in came and set(drops) == {"frag_no_first"}


def test_overlapping_outbound_fragments_do_not_arrive(net):
    """Threat 14: nothing may change what the first fragment has said."""
    with Server(net) as server, probes.inside(net, net.cli1) as sender:
        before = net.natgwd.settled_stats()
        first, last = parts(udp(CLI1, SRV1, (4201, SERVICE), os.urandom(2000), 9))
        last.frag -= 1
        sender.send(first, last)
        assert server.receive() == []
        assert (net.natgwd.settled_stats() - before).drops() == {"frag_overlap": 1}


def test_echo_and_tcp_fragments_by_hand_are_counted_by_their_protocol(net):
    """Requirements 50 and 51: first, middle and last one, in both directions."""
    echo = parts(IP(src=CLI1, dst=SRV1, id=20) / ICMP(id=5, seq=1) / (b"x" * 100), 40)
    segment = parts(IP(src=CLI1, dst=SRV1, id=21) / TCP(sport=4400, dport=80) / (b"x" * 100), 40)
    backwards = [packet.copy() for packet in echo + segment]
    for packet in backwards:
        packet.src, packet.dst = SRV1, EIP
    before = net.natgwd.settled_stats()
    with probes.inside(net, net.cli1) as sender:
        sender.send(*echo, *segment)
    with probes.outside(net) as sender:
        sender.send(*backwards)
    since = net.natgwd.settled_stats() - before
    for direction in ("outbound", "inbound"):
        assert since.dropped("frag_icmp", direction=direction) == 3
        assert since.dropped("frag_tcp", direction=direction) == 3
    assert set(since.drops()) == {"frag_icmp", "frag_tcp"}


def test_a_flood_of_first_fragments_takes_its_share_and_no_more(net):
    """Threat 15: the other client's large datagrams and this one's small ones go on."""
    share, sent = 1024, 4000
    with Server(net) as server:
        before = net.natgwd.settled_stats()
        flood = servers.Trafgen(
            net, net.cli1, f"ipv4(saddr={CLI1}, daddr={SRV2}, ttl=64, id=dinc(1, {sent}), mf),"
            f" udp(sp=4300, dp={SERVICE}), fill('x', 64)", sent)
        flood.finish()
        drops = (net.natgwd.settled_stats() - before).drops()
        assert set(drops) == {"frag_table_full"}
        assert sent - share <= drops["frag_table_full"] < sent
        data = os.urandom(SIZE)
        with net.cli2.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(data, (SRV1, SERVICE))
        with net.cli1.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(b"small", (SRV1, SERVICE))
        assert sorted(server.receive()) == sorted([data, b"small"])
