# SPDX-License-Identifier: GPL-2.0-only
"""Port forwards: hosts outside reach an internal one by an EIP's port, and only by a beginning."""
import contextlib
import socket

import pytest
from scapy.layers.inet import IP, TCP

import servers
from hosts import CLI1, CLI2, EIP, ROUTER_SERVERS, SRV1, SRV2, wait_for
from test_crafted import drops_of, send_inbound
from test_expiry import MARGIN_S, Clock, assert_expires, live, states

WEB, SAME, RANGE, DNS, UDP_RANGE, TWIN = 8080, 80, (9000, 9009), 5353, (6000, 6004), 8081
RANGE_TO = 7000
FILE_MB = 48
TIMERS = {"tcp_half_open": 30, "tcp_established": 350, "udp_unreplied": 30, "udp": 350}
HOLD = {"half_open": 30, "udp": 65, "fin": 65}
SILENT = f"""
table ip natgw {{
	chain input {{
		type filter hook input priority 0;
		tcp dport {RANGE_TO + 9} drop
	}}
}}
"""


def forwards(*rows):
    """Lines of the config; each row: protocol, port or range of the EIP, where it leads."""
    return ["port_forwards:"] + [
        f"  - {{protocol: {protocol}, address: {EIP}, port: {port}, to: {to}}}"
        for protocol, port, to in rows]


ROWS = [
    ("tcp", WEB, f"{CLI1}:80"),
    ("tcp", TWIN, f"{CLI1}:80"),
    ("tcp", SAME, CLI2),
    ("tcp", f"{RANGE[0]}-{RANGE[1]}", f"{CLI1}:{RANGE_TO}"),
    ("udp", DNS, f"{CLI1}:53"),
    ("udp", f"{UDP_RANGE[0]}-{UDP_RANGE[1]}", CLI2),
]
CONFIG = {"more": forwards(*ROWS), "sessions": 32768}


@pytest.fixture(scope="module")
def inside(net):
    """nginx on both clients."""
    made = [servers.Nginx(net, net.cli1), servers.Nginx(net, net.cli2)]
    for server in made:
        server.write("page", b"natgw\n")
    return made


@pytest.fixture
def later(net):
    """What went before is over."""
    Clock(net).be(3000)
    net.natgwd.sweep()
    assert net.natgwd.sessions() == []


@pytest.fixture
def changed(net):
    """changed(rows, range): other port forwards, for one test."""
    def change(rows, port_range=None):
        net.natgwd.config.more = forwards(*rows) if rows else []
        net.natgwd.config.port_range = port_range
        net.natgwd.reload()
    yield change
    change(ROWS)


def listen(namespace, address, port):
    sock = namespace.socket(bind=(address, port))
    sock.listen()
    return sock


def exchange(one, other):
    """Each gets what the other sends, and nothing else."""
    for sender, receiver in ((one, other), (other, one)):
        word = f"{sender.getsockname()} to {sender.getpeername()}".encode()
        sender.sendall(word)
        assert receiver.recv(100) == word


def connect(remote, port, listener, bind=None):
    """(the remote's socket, the internal host's socket) of a connection that both have used."""
    one = remote.connect(EIP, port, bind=bind)
    other, _peer = listener.accept()
    other.settimeout(5)
    exchange(one, other)
    return one, other


def refused_silently(net, port, address=EIP):
    """A connection from outside gets no answer at all; the reasons that were counted."""
    before = net.natgwd.settled_stats()
    with pytest.raises(TimeoutError):
        net.srv1.connect(address, port, timeout=0.3)
    return (net.natgwd.settled_stats() - before).drops()


# ---- traffic ----

def test_a_large_file_both_ways(net, inside):
    digest = inside[0].add_file("file", FILE_MB)
    copy = net.path("copy")
    before, packets = net.natgwd.ledger.settle()
    servers.curl(net.srv1, f"http://{EIP}:{WEB}/file", "-o", copy)
    assert servers.file_hash(copy) == digest
    servers.curl(net.srv1, f"http://{EIP}:{WEB}/upload", "-T", copy)
    assert servers.file_hash(inside[0].path("upload")) == digest
    after, packets_after = net.natgwd.ledger.settle()
    since = after - before
    assert inside[0].addresses() == {SRV1}
    if net.attach == "tc":
        # large (GSO) packets have passed in one piece
        assert since.hooks["tc_ingress"]["in"] > 1.5 * (packets_after - packets)
    else:
        assert since.out("xdp") >= 0.99 * since.out()
    assert since.drops() == {}


def test_each_port_of_a_range_and_the_same_port(net, inside):
    servers.curl(net.srv2, f"http://{EIP}/page")
    assert SRV2 in inside[1].addresses()
    for offset in range(RANGE[1] - RANGE[0] + 1):
        with listen(net.cli1, CLI1, RANGE_TO + offset) as listener:
            for sock in connect(net.srv1, RANGE[0] + offset, listener):
                sock.close()
    packets = [IP(src=SRV1, dst=EIP) / TCP(sport=4000, dport=port, flags="S")
               for port in (RANGE[0] - 1, RANGE[1] + 1)]
    assert drops_of(net, send_inbound, *packets) == {"no_session": 2}


def test_a_real_dns_server_and_a_udp_range(net):
    dns = servers.Dnsmasq(net, net.cli1)
    for server in (net.srv1, net.srv2):
        shown = server.run("dig", "+short", "+tries=1", "+time=3", "-p", str(DNS), f"@{EIP}",
                           dns.NAME).stdout
        assert shown.strip() == dns.ADDRESS
    assert dns.clients() == {SRV1, SRV2}
    for port in range(UDP_RANGE[0], UDP_RANGE[1] + 1):
        with net.cli2.socket(socket.SOCK_DGRAM, bind=(CLI2, port)) as host, \
                net.srv1.socket(socket.SOCK_DGRAM) as remote:
            remote.connect((EIP, port))
            remote.send(b"ask")
            data, sender = host.recvfrom(100)
            assert data == b"ask" and sender == (SRV1, remote.getsockname()[1])
            host.sendto(b"answer", sender)
            assert remote.recv(100) == b"answer"


def test_remote_hosts_with_one_source_port(net):
    """Three remote hosts, one source port, one forward: three sessions that do not meet."""
    with listen(net.cli1, CLI1, RANGE_TO) as listener:
        pairs = [connect(remote, RANGE[0], listener, bind=(address, 5555))
                 for remote, address in ((net.srv1, SRV1), (net.srv2, SRV2),
                                         (net.router, ROUTER_SERVERS))]
        for _number in range(3):
            for one, other in pairs:
                exchange(one, other)
    for one, other in pairs:
        one.close()
        other.close()


def test_two_ports_to_one_endpoint_do_not_cross(net, later, inside):
    """The same remote endpoint by both: the host could not tell them apart, so the second one does
    not begin, and the first does not notice."""
    with net.srv1.connect(EIP, WEB, bind=(SRV1, 5600)) as first:
        servers.request(first)
        with pytest.raises(OSError):
            net.srv1.connect(EIP, TWIN, bind=(SRV1, 5600), timeout=0.3)
        servers.request(first)
    with net.srv1.connect(EIP, TWIN, bind=(SRV1, 5601)) as second:
        servers.request(second)


def test_the_host_is_a_client_as_well(net, later, inside, web):
    """Its own connections leave by other ports of the EIP; the session that came in is listed."""
    with net.srv1.connect(EIP, WEB, bind=(SRV1, 5700)) as incoming:
        servers.request(incoming)
        row, = net.natgwd.sessions()
        assert (row["internal_src_address"], row["internal_src_port"]) == (CLI1, 80)
        assert (row["external_src_address"], row["external_src_port"]) == (EIP, WEB)
        assert (row["remote_address"], row["remote_port"]) == (SRV1, 5700)
        assert (row["protocol"], row["state"]) == ("tcp", "established")
        with net.cli2.connect(SRV1, 80, bind=(CLI2, 6001)) as outgoing:
            servers.request(outgoing)
            servers.curl(net.cli1, f"http://{SRV2}/page")
            servers.request(incoming)
    ports = {visit[1] for server in web for visit in server.visits()}
    assert ports and not ports & {WEB, TWIN, SAME, *range(RANGE[0], RANGE[1] + 1)}


# ---- only a beginning begins ----

def test_only_a_syn_makes_a_session(net):
    flags = ["A", "SA", "FA", "PA", "R", "RA", "F", "", "SF", "SR"]
    packets = [IP(src=SRV1, dst=EIP) / TCP(sport=4000 + number, dport=WEB, flags=each, seq=1, ack=1)
               for number, each in enumerate(flags)]
    assert drops_of(net, send_inbound, *packets) == {"no_session": len(flags)}
    assert not [row for row in net.natgwd.sessions() if 4000 <= row["remote_port"] < 4010]


def test_nmap_sees_the_forwarded_ports_and_nothing_else(net, inside):
    """A closed port inside refuses, in the EIP's name."""
    states_seen = servers.nmap_states(net.srv1, "-sS", "--max-retries", "1", "-p",
                                      f"79,{SAME},{WEB - 1}-{WEB + 2},{RANGE[0] + 5}", EIP)
    assert states_seen == {"open": 3, "closed": 1, "filtered": 3}
    with net.srv1.socket(socket.SOCK_DGRAM) as sock:
        sock.connect((EIP, UDP_RANGE[0]))
        sock.send(b"x")
        with pytest.raises(ConnectionRefusedError):  # an ICMP error of the host
            sock.recv(10)


def test_traceroute_from_outside_sees_no_internal_address(net, inside):
    shown = net.srv1.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "5", "-T", "-p", str(WEB),
                         EIP).stdout
    hops = [line.split()[1] for line in shown.splitlines()[1:]]
    assert hops[0] == ROUTER_SERVERS and hops[-1] == EIP
    assert len(hops) == 3 and not hops[1].startswith("10."), shown


# ---- states and timers ----

def test_half_open_expires(net, later):
    servers.load_nft(net.cli1, SILENT)
    clock = Clock(net)
    sock = net.srv2.socket()
    sock.setblocking(False)
    sock.connect_ex((EIP, RANGE[1]))
    wait_for(lambda: live(net, "tcp", SRV2) == (1, 1), "the session")
    sock.close()
    assert_expires(net, clock, "tcp", SRV2, TIMERS["tcp_half_open"], HOLD["half_open"])


def test_established_expires(net, later, inside):
    with net.srv2.connect(EIP, WEB) as sock:
        servers.request(sock)
        Clock(net).be(TIMERS["tcp_established"] - MARGIN_S)
        servers.request(sock)  # traffic puts the end off
        assert_expires(net, Clock(net), "tcp", SRV2, TIMERS["tcp_established"])
        # neither side can make it live again
        assert sum(drops_of(net, send_inbound, IP(src=SRV2, dst=EIP) / TCP(
            sport=sock.getsockname()[1], dport=WEB, flags="PA")).values()) == 1


def test_udp_expires(net, later):
    """Without and with an answer of the host; what the remote host sends again is none."""
    clock = Clock(net)
    port = UDP_RANGE[1]
    with net.cli2.socket(socket.SOCK_DGRAM, bind=(CLI2, port)) as host, \
            net.srv2.socket(socket.SOCK_DGRAM, bind=(SRV2, 5800)) as silent, \
            net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, 5800)) as answered:
        for remote in (silent, silent, answered):
            remote.sendto(b"ask", (EIP, port))
            data, sender = host.recvfrom(10)
        host.sendto(data, sender)
        assert answered.recv(10) == b"ask"
        for moment, wanted in (
                (TIMERS["udp_unreplied"] - MARGIN_S, {SRV1: "open", SRV2: "open"}),
                (TIMERS["udp_unreplied"] + MARGIN_S, {SRV1: "open", SRV2: "hold"}),
                (TIMERS["udp_unreplied"] + HOLD["udp"] + MARGIN_S, {SRV1: "open"}),
                (TIMERS["udp"] - MARGIN_S, {SRV1: "open"}),
                (TIMERS["udp"] + MARGIN_S, {SRV1: "hold"}),
                (TIMERS["udp"] + HOLD["udp"] + MARGIN_S, {})):
            clock.be(moment)
            net.natgwd.sweep()
            rows = {row["remote_address"]: "hold" if row["state"] == "hold" else "open"
                    for row in net.natgwd.sessions()}
            assert rows == wanted, moment


def test_a_closed_connection_is_held(net, later):
    clock = Clock(net)
    with listen(net.cli1, CLI1, RANGE_TO) as listener:
        one, other = connect(net.srv2, RANGE[0], listener, bind=(SRV2, 5900))
        other.close()
        assert one.recv(1) == b""
        one.close()
        wait_for(lambda: states(net, "tcp", SRV2) == {"hold"}, "the hold-down")
        clock.be(HOLD["fin"] - MARGIN_S)
        net.natgwd.sweep()
        assert states(net, "tcp", SRV2) == {"hold"}
        clock.be(HOLD["fin"] + MARGIN_S)
        net.natgwd.sweep()
        assert live(net, "tcp", SRV2) == (0, 0)


def test_a_remote_port_is_used_again_at_once(net, later):
    """The host closes first, so the remote's port is free: a hold-down must not keep it out, since
    a forwarded port has no other one to give."""
    with listen(net.cli1, CLI1, RANGE_TO) as listener:
        for _number in range(3):
            one, other = connect(net.srv2, RANGE[0], listener, bind=(SRV2, 5950))
            other.close()
            assert one.recv(1) == b""
            one.close()
            wait_for(lambda: states(net, "tcp", SRV2) == {"hold"}, "the hold-down")


# ---- reload ----

def test_removing_and_adding_a_forward(net, inside, changed):
    """Its sessions go on, whatever happens to it."""
    with net.srv1.connect(EIP, WEB) as sock:
        servers.request(sock)
        changed([("tcp", 7777, f"{CLI2}:80")])
        servers.request(sock)
        assert set(refused_silently(net, WEB)) == {"no_session"}
        servers.curl(net.srv1, f"http://{EIP}:7777/page")
        changed(ROWS)
        servers.request(sock)
    servers.curl(net.srv1, f"http://{EIP}:{WEB}/page")


def test_a_forward_that_leads_elsewhere(net, inside, changed):
    inside[0].write("name", b"one")
    inside[1].write("name", b"two")
    url = f"http://{EIP}:{WEB}/name"
    with net.srv1.connect(EIP, WEB) as sock:
        assert servers.curl(net.srv1, url).stdout == "one"
        changed([("tcp", WEB, f"{CLI2}:80")])
        assert servers.curl(net.srv1, url).stdout == "two"
        seen = len(inside[0].visits())
        servers.request(sock)  # an old session stays where it was
        wait_for(lambda: len(inside[0].visits()) == seen + 1, "nginx's log")


# ---- forwarded ports are nobody else's ----

COUNT, HALF = 10, 5


def span(first, count):
    return f"{first}-{first + count - 1}"


def tcp_ports(net, server, count):
    """External ports of so many connections to nginx, and how one more fares."""
    seen = len(server.visits())
    with contextlib.ExitStack() as opened:
        held = []
        for _number in range(count):
            held.append(opened.enter_context(net.cli2.connect(SRV1, 80)))
            servers.request(held[-1])
        before = net.natgwd.settled_stats()
        with pytest.raises(TimeoutError):
            net.cli2.connect(SRV1, 80, timeout=0.3)
        assert (net.natgwd.settled_stats() - before).dropped("port_exhausted") == 1
        for sock in held:
            servers.request(sock)
    wait_for(lambda: len(server.visits()) == seen + 2 * count, "nginx's log")
    return {visit[1] for visit in server.visits()[seen:]}


def udp_ports(net, count):
    """External ports of so many datagrams of different senders, the last of which is refused."""
    before = net.natgwd.settled_stats()
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, 5000)) as server:
        for number in range(count + 1):
            with net.cli2.socket(socket.SOCK_DGRAM, bind=(CLI2, 3000 + number)) as client:
                client.sendto(b"x", (SRV1, 5000))
        ports = {server.recvfrom(10)[1][1] for _number in range(count)}
    assert (net.natgwd.settled_stats() - before).dropped("port_exhausted") == 1
    return ports


# A range of its own for each test: nginx remembers the connections of the one before.

def test_forwarded_ports_are_never_allocated(net, later, web, changed):
    first = 20000
    changed([("tcp", span(first, HALF), f"{CLI1}:{RANGE_TO}"),
             ("udp", span(first + HALF, HALF), CLI1)], port_range=span(first, COUNT))
    assert tcp_ports(net, web[0], HALF) == set(range(first + HALF, first + COUNT))
    assert udp_ports(net, HALF) == set(range(first, first + HALF))
    # and the forwards work while everything else is in use
    with listen(net.cli1, CLI1, RANGE_TO) as listener:
        for sock in connect(net.srv1, first, listener):
            sock.close()


def test_ports_come_back_when_a_forward_goes(net, later, web, changed):
    first = 20100
    changed([("tcp", span(first, HALF), f"{CLI1}:{RANGE_TO}")], port_range=span(first, COUNT))
    changed([], port_range=span(first, COUNT))
    assert tcp_ports(net, web[0], COUNT) == set(range(first, first + COUNT))


def test_a_forward_on_a_port_that_a_session_has(net, later, web, changed):
    """The session goes on, and whoever else comes to that port is forwarded."""
    port = 20200
    changed([], port_range=span(port, 1))
    with net.cli2.connect(SRV1, 80) as old, listen(net.cli1, CLI1, RANGE_TO) as listener:
        servers.request(old)
        changed([("tcp", port, f"{CLI1}:{RANGE_TO}")], port_range=span(port, 1))
        one, other = connect(net.srv2, port, listener)
        servers.request(old)
        exchange(one, other)
        one.close()
        other.close()
