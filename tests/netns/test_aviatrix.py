# SPDX-License-Identifier: GPL-2.0-only
"""The Aviatrix scenario (requirements 66 to 74): the destination port is changed, and the port that
the client had asked for decides by which address the packet leaves."""
import errno
import re
import socket

import pytest

import probes
import servers
from hosts import CLI1, EIP, GW_EXTERNAL, GW_INTERNAL, PRIVATE_IP, ROUTER, SRV1, SRV2, wait_for
from test_gateways import add_addresses
from test_top import metric

POOL = [f"192.168.8.{last}" for last in range(10, 17)]
RANGE = "192.168.8.10-192.168.8.16"
NEAR_ROUTER = "192.168.8.1"  # the router's address in the pool's network
UNREACHABLE = "203.0.113.240"
WEB, SECURE = 80, 443  # ports that the server listens on
OPTIONS = {"default_snat": "off", "unmatched": "pass"}


def only(address):
    """One address as the document writes it."""
    return f"{address}-{address}"


def dnat(port, mark, to_port=SECURE, protocol="tcp"):
    return (f"  - {{dnat: {{protocol: {protocol}, port: {port}, to_port: {to_port}, "
            f"mark: {mark}}}}}")


def snat(match, eips):
    return f"  - {{snat: {{{match}, eips: [{eips}]}}}}"


def no_nat(match):
    return f"  - {{no_nat: {{{match}}}}}"


def rules(*lines):
    return ["rules:", *lines]


DNAT = [dnat(8001, 65), dnat(8002, 66), dnat(8053, 67, 53, "udp")]
SNAT = [snat("mark: 65", only(POOL[0])), snat("mark: 66", only(POOL[1])),
        snat("mark: 67", only(POOL[2]))]
CONFIG = {"options": OPTIONS, "more": rules(*DNAT, *SNAT)}


@pytest.fixture(scope="module", autouse=True)
def addresses(net):
    """The pool is of the external interface's own network: natgw answers ARP for it. What leaves
    untranslated finds its way back."""
    net.gw.ip("address", "add", "192.168.8.2/24", "dev", net.external)
    net.router.ip("address", "add", f"{NEAR_ROUTER}/24", "dev", "ext0")
    net.router.ip("route", "replace", "10.0.0.0/8", "via", GW_EXTERNAL)
    servers.refuse_host(net.router, UNREACHABLE)


@pytest.fixture(scope="module")
def web(net):
    return servers.Nginx(net, net.srv1, (WEB, SECURE))


def leaves_by(net, port, address=CLI1, *options):
    """The address and port that the server sees of a connection to this port."""
    return servers.who(net.cli1, f"http://{SRV1}:{port}", "--interface", address, *options)


# ---- the scenario ----

def test_each_port_leaves_by_its_own_address(net, web):
    """Requirement 66."""
    with servers.Capture(net, net.cli1, "eth0", f"tcp and src host {SRV1}") as inside, \
            servers.Capture(net, net.srv1, "eth0", f"tcp and dst host {SRV1}") as outside:
        assert leaves_by(net, 8001)[0] == POOL[0]
        assert leaves_by(net, 8002)[0] == POOL[1]
    assert {packet["TCP"].sport for packet in inside.packets()} == {8001, 8002}
    assert {(packet["IP"].src, packet["TCP"].dport) for packet in outside.packets()} == {
        (POOL[0], SECURE), (POOL[1], SECURE)}


def test_a_range_of_seven_addresses(net, web):
    """Requirement 69: every address of the range is used, and a client stays on its own."""
    clients = add_addresses(net, 100, 200)
    with net.natgwd.configured(more=rules(*DNAT, snat("mark: 65", RANGE))):
        sources = []
        for client in clients * 2:
            with net.cli1.connect(SRV1, 8001, (client, 0)) as sock:
                sources.append(servers.ask_who(sock)[0])
        assert set(sources) == set(POOL) and sources[:100] == sources[100:]


def echo(net, port, real_port, size):
    """A datagram to the server and back; the address and port that the server sees."""
    data = bytes(range(250)) * (size // 250)
    server = net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, real_port))
    client = net.cli1.socket(socket.SOCK_DGRAM, bind=(CLI1, 32222))
    with server, client:
        client.sendto(data, (SRV1, port))
        received, sender = server.recvfrom(8192)
        server.sendto(data[::-1], sender)
        assert client.recvfrom(8192) == (data[::-1], (SRV1, port)) and received == data
    return sender


@pytest.mark.parametrize("size", [1000, 4000])
def test_udp_has_marks_too(net, size):
    """In fragments as well: those without a port go where the first one went."""
    assert echo(net, 8053, 53, size)[0] == POOL[2]


def test_one_source_port_to_ports_that_become_one(net, web):
    """Three connections of one source port that are the same one outside: each has its own external
    port. The range has as many, so the fourth is refused."""
    with net.natgwd.configured(options={}, eips=[POOL[0]], port_range="40000-40002", more=rules(
            *DNAT, snat("mark: 65", only(POOL[0])), snat("mark: 66", only(POOL[0])))):
        held = [net.cli1.connect(SRV1, port, (CLI1, 32223)) for port in (8001, 8002, SECURE)]
        seen = [servers.ask_who(sock) for sock in held]
        assert set(seen) == {(POOL[0], port) for port in (40000, 40001, 40002)}
        assert [servers.ask_who(sock) for sock in held] == seen
        refused = net.natgwd.stats()
        with pytest.raises(TimeoutError):
            net.cli1.connect(SRV1, 8001, (CLI1, 32224), timeout=0.3)
        assert set((net.natgwd.settled_stats() - refused).drops()) == {"port_exhausted"}
        # The same port towards another server is another destination.
        with pytest.raises(ConnectionRefusedError):
            net.cli1.connect(SRV2, 8001, (CLI1, 32224))
        for sock in held:
            sock.close()


# ---- errors about such a session ----

def test_an_icmp_error_shows_the_clients_own_view(net):
    expression = f"icmp[icmptype] == icmp-unreach and src host {NEAR_ROUTER}"
    with servers.Capture(net, net.cli1, "eth0", expression) as inside, \
            servers.Capture(net, net.router, "ext0", expression) as outside:
        with pytest.raises(OSError) as raised:
            net.cli1.connect(UNREACHABLE, 8001, (CLI1, 32225), timeout=3)
    assert raised.value.errno == errno.EHOSTUNREACH
    sent, = map(probes.IcmpError, outside.packets())
    assert (sent.quote_src, sent.quote_dst, sent.quote_ports[1]) == (POOL[0], UNREACHABLE, SECURE)
    received, = map(probes.IcmpError, inside.packets())
    assert (received.src, received.dst, received.kind) == (NEAR_ROUTER, CLI1, sent.kind)
    assert (received.quote_src, received.quote_dst, received.quote_ports) == (
        CLI1, UNREACHABLE, (32225, 8001))


def test_errors_about_datagrams(net):
    """Outbound: the quote is of what the server has sent, from its own port."""
    assert net.cli1.send_datagram(SRV1, 8053) == errno.ECONNREFUSED
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, 53), timeout=3) as server:
        with net.cli1.socket(socket.SOCK_DGRAM) as client:
            client.sendto(b"question", (SRV1, 8053))
            server.connect(server.recvfrom(100)[1])
        server.send(b"nobody is there any more")
        with pytest.raises(ConnectionRefusedError):
            server.recv(1)


def test_traceroute_through_a_changed_port(net, web):
    for method in (("-T", "-p", "8001"), ("-U", "-p", "8053")):
        assert probes.traceroute(net.cli1, SRV1, *method) == [PRIVATE_IP, NEAR_ROUTER, SRV1]


def test_tcp_finds_a_smaller_mtu_behind_the_router(net, web):
    digest = servers.make_file(net.path("large"), 2)
    with probes.links_of(net, 1280, (net.router, "br0")):
        servers.curl(net.cli1, f"http://{SRV1}:8001/upload", "-T", net.path("large"), timeout=20)
        assert probes.path_mtu(net.cli1, SRV1) == 1280
    assert servers.file_hash(web.path("upload")) == digest


# ---- what no rule matches ----

def test_unmatched_traffic_passes(net, web):
    """Requirement 67: with its own address, and no session is made."""
    before, sessions = net.natgwd.stats(), len(net.natgwd.sessions())
    assert leaves_by(net, WEB, CLI1, "--local-port", "32226") == (CLI1, 32226)
    with servers.Capture(net, net.srv1, "eth0", "icmp[icmptype] == icmp-echo") as capture:
        assert servers.ping(net.cli1, SRV1).received == 3
    assert {packet["IP"].src for packet in capture.packets()} == {CLI1}
    assert probes.traceroute(net.cli1, SRV1, "-I") == [GW_INTERNAL, ROUTER, SRV1]
    assert echo(net, 500, 500, 4000) == (CLI1, 32222)
    since = net.natgwd.settled_stats() - before
    assert since.out() == 0 and since.drops() == {}
    assert len(net.natgwd.sessions()) == sessions


def test_unmatched_traffic_is_dropped(net, web):
    """Requirement 67, unmatched: drop, which is the default."""
    with net.natgwd.configured(options={"default_snat": "off"}):
        before = net.natgwd.stats()
        with servers.Capture(net, net.router, "ext0", "src net 10.0.0.0/8") as outside:
            assert servers.ping(net.cli1, SRV1, wait=0.3).received == 0
            with net.cli1.socket(socket.SOCK_DGRAM) as sock:
                sock.sendto(b"x", (SRV1, 9))
            with pytest.raises(TimeoutError):
                net.cli1.connect(SRV1, WEB, timeout=0.3)
        assert outside.count() == 0
        assert set((net.natgwd.settled_stats() - before).drops()) == {"no_rule"}
        assert (net.natgwd.settled_stats() - before).dropped("no_rule") >= 5
        assert leaves_by(net, 8001)[0] == POOL[0]


def test_rules_beside_the_default_pool(net, web):
    """default_snat on: the EIPs of rules are not of the default pool, and the other way round."""
    with net.natgwd.configured(options={}):
        assert leaves_by(net, 8001)[0] == POOL[0]
        assert leaves_by(net, WEB)[0] == EIP


# ---- which rule ----

def test_the_first_match_wins(net, web):
    ordered = [no_nat(f"from: {CLI1}/32, port: {WEB}"), snat(f"from: {CLI1}/32", POOL[3]),
               snat(f"to: {SRV1}/32", POOL[4]), no_nat(f"to: {SRV1}/32")]
    other, = add_addresses(net, 200, 201)
    with net.natgwd.configured(more=rules(*ordered)):
        assert leaves_by(net, WEB)[0] == CLI1
        assert leaves_by(net, SECURE)[0] == POOL[3]
        assert leaves_by(net, WEB, other)[0] == POOL[4]
    with net.natgwd.configured(more=rules(*ordered[::-1])):
        assert leaves_by(net, SECURE)[0] == CLI1
        assert leaves_by(net, WEB, other)[0] == other


def test_a_rule_matches_the_packet_as_the_client_sent_it(net, web):
    """The port of an SNAT rule is the one that the client asked for, not the one it becomes."""
    with net.natgwd.configured(more=rules(*DNAT, snat("protocol: tcp, port: 443", POOL[5]),
                                          snat("protocol: tcp, port: 8001-8002", POOL[6]))):
        assert leaves_by(net, 8001)[0] == POOL[6]
        assert leaves_by(net, SECURE)[0] == POOL[5]


def test_no_nat_is_for_both_directions(net, web):
    """Neither out nor back; and the server may begin, as to any host."""
    before = len(net.natgwd.sessions())
    with net.natgwd.configured(options={}, more=rules(no_nat(f"to: {SRV1}/32"))):
        assert leaves_by(net, WEB)[0] == CLI1
        assert servers.ping(net.srv1, CLI1).received == 3
        with net.cli1.socket(bind=(CLI1, 2222)) as listener:
            listener.listen()
            with net.srv1.connect(CLI1, 2222) as sock:
                accepted, peer = listener.accept()
                with accepted:
                    assert peer == sock.getsockname()
                    accepted.sendall(b"hello")
                    assert sock.recv(100) == b"hello"
        assert probes.traceroute(net.cli1, SRV1, "-U") == [GW_INTERNAL, ROUTER, SRV1]
        assert len(net.natgwd.sessions()) == before
        with servers.Capture(net, net.srv2, "eth0", "icmp[icmptype] == icmp-echo") as capture:
            assert servers.ping(net.cli1, SRV2).received == 3
        assert {packet["IP"].src for packet in capture.packets()} == {EIP}


def test_no_nat_by_port(net):
    """Fragments without a port are of the datagram whose first one had it."""
    with net.natgwd.configured(options={}, more=rules(no_nat("protocol: udp, port: 500"))):
        for size in (1000, 4000):
            assert echo(net, 500, 500, size) == (CLI1, 32222)
            assert echo(net, 501, 501, size)[0] == EIP


def test_rules_are_read_at_the_first_packet_only(net, web):
    with net.cli1.connect(SRV1, 8001, (CLI1, 32227)) as held:
        first = servers.ask_who(held)
        assert first[0] == POOL[0]
        with net.natgwd.configured(more=rules(dnat(8001, 65, WEB),
                                              snat("mark: 65", only(POOL[6])))):
            assert servers.ask_who(held) == first
            with servers.Capture(net, net.srv1, "eth0", f"tcp and src host {POOL[6]}") as capture:
                assert leaves_by(net, 8001)[0] == POOL[6]
            assert {packet["TCP"].dport for packet in capture.packets()} == {WEB}
            assert servers.ask_who(held) == first
        assert servers.ask_who(held) == first


def test_hits_are_counted_once_for_a_session(net, web):
    before = metric(net, "natgw_rule_hits_total")
    for _number in range(3):
        leaves_by(net, 8001)
    leaves_by(net, 8002)
    with net.cli1.connect(SRV1, 8002) as held:
        for _number in range(5):
            servers.ask_who(held)
    # Five sessions, each by a DNAT and an SNAT rule. What matches nothing hits nothing.
    leaves_by(net, WEB)
    wait_for(lambda: metric(net, "natgw_rule_hits_total") == before + 10, "ten hits")


# ---- private pools and large configurations ----

def test_a_private_pool_with_an_eip_for_each_address(net, web):
    """Requirement 74: the range of the document, as private addresses of a two-stage gateway."""
    private, public = "172.32.0.201", "192.168.8.30"
    with net.natgwd.configured(
            eips=["10.0.0.226"], options=dict(OPTIONS, mode="two-stage"),
            more=rules(dnat(8001, 65), snat("mark: 65", only(private))) + [
                "one_to_one:", "  - {private: 10.0.0.226, public: 192.168.8.31}",
                f"  - {{private: {private}, public: {public}}}"]):
        with servers.Capture(net, net.router, "ext0", "net 172.32.0.0/16") as leaked:
            source, port = leaves_by(net, 8001)
        assert source == public and leaked.count() == 0
        assert [row["external_src_port"] for row in net.natgwd.sessions()
                if row["external_src_address"] == private] == [port]


def test_a_bad_rule_among_five_hundred_changes_nothing(net, web):
    """Requirement 72: all or nothing."""
    many = [dnat(10000 + number, 1000 + number) for number in range(250)]
    many += [snat(f"mark: {1000 + number}", only(POOL[number % 7])) for number in range(250)]
    config = net.natgwd.config
    kept, said = config.more, len(net.natgwd.log())
    generation = net.natgwd.status()["config_generation"]
    config.more = rules(*many, snat("mark: 1", "192.168.8.16-192.168.8.10"))
    try:
        net.natgwd.write_config()
        net.natgwd.process.send_signal(1)
        wait_for(lambda: "error: reload:" in net.natgwd.log()[said:], "the refusal")
        assert re.search(r"natgw\.yaml:\d+:\d+: .*192\.168\.8\.16", net.natgwd.log()[said:])
        assert net.natgwd.status()["config_generation"] == generation
        assert leaves_by(net, 8001)[0] == POOL[0]
        config.more = rules(*many)
        net.natgwd.reload()
        assert leaves_by(net, 10249)[0] == POOL[249 % 7]
    finally:
        config.more = kept
        net.natgwd.reload()
