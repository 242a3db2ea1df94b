# SPDX-License-Identifier: GPL-2.0-only
"""The packet walk (requirements 76 to 83) with the addresses of its drawing, in both modes:

    10.0.1.x:32222 -[ gateway: 10.0.0.226:port -[ internet gateway: 3.224.9.52:port ]]- server:8080

mode two-stage makes the steps of the drawing one by one, mode direct at once; the wire does not
show which.
"""
import contextlib
import errno
import socket

import pytest

import probes
import servers
import topology
from conftest import ATTACH
from hosts import CLI1, CLI2, GW_EXTERNAL, ROUTER, SRV1, SRV2, wait_for

GATEWAY, PUBLIC = "10.0.0.226", "3.224.9.52"
SOURCE_PORT, SERVER_PORT = 32222, 8080
SILENT_PORT, CLOSED_PORT = 8081, 9
UNREACHABLE = "203.0.113.240"
DATAGRAM = bytes(range(250)) * 16
INTERNET = ["  - name: public", "    routes:", "      - {to: 0.0.0.0/0, target: internet}"]
SILENCE = f"""\
table ip natgw {{
	chain in {{
		type filter hook input priority 0
		tcp dport {SILENT_PORT} drop
	}}
}}
"""


def configure(config, mode):
    config.private_ip = GATEWAY
    config.options = {"mode": mode, "route_table": "public"}
    config.more_tables = INTERNET
    if mode == "direct":
        config.eips = [PUBLIC]
    else:
        config.eips = [GATEWAY]
        config.more = ["one_to_one:", f"  - {{private: {GATEWAY}, public: {PUBLIC}}}"]


def build(mode, attach):
    made = topology.Topology(f"walk-{mode}", attach=attach)
    configure(made.natgwd.config, mode)
    return made


@pytest.fixture(scope="module", params=ATTACH)
def both(request):
    """{mode: network}"""
    nets = {mode: build(mode, request.param) for mode in ("direct", "two-stage")}
    with contextlib.ExitStack() as stack:
        for made in nets.values():
            stack.enter_context(made)
            # The router is the internet: it knows the public address, and no private one.
            made.router.ip("route", "add", f"{PUBLIC}/32", "via", GW_EXTERNAL)
            servers.refuse_host(made.router, UNREACHABLE)
            # A partial checksum in an answer would differ from run to run.
            made.srv1.run("ethtool", "-K", "eth0", "tx", "off")
            servers.load_nft(made.srv1, SILENCE)
            made.web = servers.Nginx(made, made.srv1, (SERVER_PORT,))
            made.web.write("page", b"natgw\n")
            made.natgwd.start()
        yield nets


@pytest.fixture(params=["direct", "two-stage"])
def net(both, request):
    return both[request.param]


def external(net):
    """The address that a session carries."""
    return net.natgwd.config.eips[0]


def session(net, port=SERVER_PORT):
    """The session's row to this port of the server."""
    row, = [row for row in net.natgwd.sessions()
            if row["remote_port"] == port and row["state"] in ("opening", "established")]
    return row


# ---- the walk ----

def flow(packet):
    return (packet["IP"].src, packet["TCP"].sport, packet["IP"].dst, packet["TCP"].dport)


def unchanged(packet):
    """What neither translation touches."""
    ip, tcp = packet["IP"], packet["TCP"]
    return (ip.id, ip.tos, ip.frag, int(ip.flags), tcp.seq, tcp.ack, int(tcp.flags), tcp.window,
            tcp.options, bytes(tcp.payload))


def pass_by(capture):
    """[(flow, what is never changed)] of the packets of a hop. Packets of both directions cross on
    the way, so that each hop sees them in another order."""
    return sorted((flow(packet), repr(unchanged(packet))) for packet in capture.packets())


def end_by_server(sock):
    """It closes first, so that the client's port can be used again at once."""
    sock.sendall(b"GET /page HTTP/1.0\r\n\r\n")
    while sock.recv(4096):
        pass


def test_the_walk(net):
    """Requirements 79 to 82, steps 1 to 8: what passes each hop."""
    places = [(net.cli1, "eth0"), (net.lan, "p-gw"), (net.router, "ext0"), (net.srv1, "eth0")]
    with contextlib.ExitStack() as stack:
        hop = [stack.enter_context(servers.Capture(net, host, name, f"tcp port {SERVER_PORT}"))
               for host, name in places]
        with net.cli1.connect(SRV1, SERVER_PORT, (CLI1, SOURCE_PORT)) as sock:
            servers.request(sock)
            row = session(net)
            end_by_server(sock)
    assert (row["internal_src_address"], row["internal_src_port"]) == (CLI1, SOURCE_PORT)
    assert (row["external_src_address"], row["remote_address"]) == (external(net), SRV1)
    port = row["external_src_port"]
    inside = {(CLI1, SOURCE_PORT, SRV1, SERVER_PORT), (SRV1, SERVER_PORT, CLI1, SOURCE_PORT)}
    outside = {(PUBLIC, port, SRV1, SERVER_PORT), (SRV1, SERVER_PORT, PUBLIC, port)}
    seen = [pass_by(capture) for capture in hop]
    assert [{each for each, _rest in packets} for packets in seen] == [
        inside, inside, outside, outside]
    # Each packet passes each hop once.
    for packets in seen:
        assert sorted(rest for _flow, rest in packets) == sorted(rest for _flow, rest in seen[0])
    assert seen[0] == seen[1] and seen[2] == seen[3]


def test_the_first_syn_fills_the_table(net):
    """Requirement 79, step 3: 10.0.0.226 and a port, where the steps are made one by one."""
    with servers.Capture(net, net.srv1, "eth0", f"tcp dst port {SILENT_PORT}") as capture:
        with pytest.raises(TimeoutError):
            net.cli1.connect(SRV1, SILENT_PORT, (CLI1, SOURCE_PORT), timeout=0.3)
    row, = [row for row in net.natgwd.sessions() if row["remote_port"] == SILENT_PORT]
    assert (row["state"], row["internal_src_address"], row["internal_src_port"]) == (
        "opening", CLI1, SOURCE_PORT)
    assert row["external_src_address"] == external(net)
    assert {flow(packet) for packet in capture.packets()} == {
        (PUBLIC, row["external_src_port"], SRV1, SILENT_PORT)}


def test_two_clients_with_one_source_port(net):
    """Requirement 76: two external ports, and each client gets what is its own."""
    with net.cli1.connect(SRV1, SERVER_PORT, (CLI1, SOURCE_PORT)) as one, \
            net.cli2.connect(SRV1, SERVER_PORT, (CLI2, SOURCE_PORT)) as two:
        seen = [servers.ask_who(sock) for sock in (one, two)]
        assert [address for address, _port in seen] == [PUBLIC, PUBLIC] and len(set(seen)) == 2
        for _round in range(10):
            assert [servers.ask_who(sock) for sock in (two, one)] == seen[::-1]
        rows = {row["internal_src_address"]: (row["external_src_address"],
                                              row["external_src_port"])
                for row in net.natgwd.sessions() if row["state"] == "established"
                and row["internal_src_port"] == SOURCE_PORT}
        assert rows == {client: (external(net), port)
                        for client, (_address, port) in zip((CLI1, CLI2), seen)}
        end_by_server(one)
        end_by_server(two)


# ---- both modes look the same from outside ----

def frames(net):
    """Frames of which every byte is given, from 10.0.1.10."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
    from scapy.layers.l2 import Ether

    ip = IP(src=CLI1, dst=SRV1, id=7, tos=0x28)
    options = [("MSS", 1400), ("SAckOK", b""), ("NOP", None), ("WScale", 7)]
    packets = [
        ip / TCP(sport=SOURCE_PORT, dport=CLOSED_PORT, flags="S", seq=5, options=options),
        ip / UDP(sport=SOURCE_PORT, dport=CLOSED_PORT) / b"natgw",
        ip / UDP(sport=SOURCE_PORT, dport=CLOSED_PORT + 1, chksum=0) / b"no checksum",
        ip / ICMP(id=77, seq=3) / b"natgw",
        IP(src=CLI1, dst=UNREACHABLE, id=8) / UDP(sport=SOURCE_PORT, dport=53) / b"natgw",
        *fragment(ip / UDP(sport=SOURCE_PORT, dport=CLOSED_PORT + 2) / DATAGRAM, 1480),
    ]
    ethernet = Ether(dst=net.gw.mac("int0"), src=net.cli1.mac("eth0"))
    return [ethernet / packet for packet in packets]


def bytes_of(packet, own_identification):
    """The IP packet as bytes. Checksums are verified by making them anew; the port is fixed by the
    config. own_identification: the sender, or the gateway for fragments, has chosen the IP
    identification at random."""
    from scapy.layers.inet import IP

    ip = packet["IP"]
    raw = bytes(ip)[:ip.len]
    again = IP(raw)
    for layer in ("IP", "TCP", "UDP", "ICMP"):
        if again.haslayer(layer) and (layer == "IP" or (not ip.frag and not ip.flags.MF)):
            if layer != "UDP" or again["UDP"].chksum:
                del again[layer].chksum
    assert bytes(again) == raw, packet.show(dump=True)
    if own_identification:
        again.id = 0
        del again.chksum
    return bytes(again)


def seen_by_client(packet):
    """The bytes of an answer; an error may quote an identification that the gateway has chosen."""
    from scapy.layers.inet import ICMP, IP

    raw = bytes_of(packet, True)
    if not packet.haslayer("IPerror"):
        return raw
    error = probes.IcmpError(packet)
    assert (error.quote_src, error.quote_ports[0]) == (CLI1, SOURCE_PORT)
    quote = IP(bytes(packet[ICMP].payload))
    quote.id = quote.chksum = 0
    return raw[:20] + bytes(packet[ICMP])[:2] + bytes(quote)


def exchange(net):
    """What the server and the client get of the same frames."""
    with net.natgwd.configured(port_range="40000-40000"):
        expression = f"ip and (src host {PUBLIC} or src net 10.0.0.0/8)"
        with servers.Capture(net, net.srv1, "eth0", expression) as outside, \
                servers.Capture(net, net.cli1, "eth0", f"ip and dst host {CLI1}") as inside:
            for frame in frames(net):
                net.cli1.send_frame("eth0", frame)
            # RST, two closed ports, reply, unreachable host, and once more a closed port.
            wait_for(lambda: inside.has_read_all() and inside.captured() == 6, "six answers")
    at_server = [bytes_of(packet, bool(packet["IP"].frag or packet["IP"].flags.MF))
                 for packet in outside.packets()]
    return at_server, sorted(seen_by_client(packet) for packet in inside.packets())


def test_the_same_bytes_in_both_modes(both):
    """Requirement 81: the wire does not show how many steps the gateway has made."""
    seen = {mode: exchange(net) for mode, net in both.items()}
    assert len(seen["direct"][0]) == 4 + 3  # the datagram to nobody stays at the router
    assert seen["direct"] == seen["two-stage"]
    for net in both.values():
        net.natgwd.ledger.check()
        assert not net.natgwd.audit()


# ---- and it is a whole gateway in both ----

def test_traceroute(net):
    """The drawing's gateway is the first hop, whatever its sessions carry."""
    for method in ("-U", "-I"):
        assert probes.traceroute(net.cli1, SRV1, method) == [GATEWAY, ROUTER, SRV1]


def test_errors_both_ways(net):
    assert net.cli1.send_datagram(UNREACHABLE, SERVER_PORT) == errno.EHOSTUNREACH
    assert net.cli1.send_datagram(SRV1, CLOSED_PORT) == errno.ECONNREFUSED
    with pytest.raises(ConnectionRefusedError):
        net.cli1.connect(SRV1, CLOSED_PORT, timeout=3)
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, 53), timeout=3) as server:
        with net.cli1.socket(socket.SOCK_DGRAM) as client:
            client.sendto(b"question", (SRV1, 53))
            server.connect(server.recvfrom(100)[1])
        assert server.getpeername()[0] == PUBLIC
        server.send(b"nobody is there any more")
        with pytest.raises(ConnectionRefusedError):
            server.recv(1)


def test_datagrams_in_fragments_both_ways(net):
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, 53)) as server, \
            net.cli1.socket(socket.SOCK_DGRAM) as client:
        for number in range(20):
            data = bytes([number]) + DATAGRAM
            client.sendto(data, (SRV1, 53))
            received, sender = server.recvfrom(8192)
            assert (received, sender[0]) == (data, PUBLIC)
            server.sendto(data[::-1], sender)
            assert client.recvfrom(8192) == (data[::-1], (SRV1, 53))


def test_nobody_gets_in(net):
    """Requirement 1, whichever address of the gateway is tried."""
    before = net.natgwd.stats()
    with servers.Capture(net, net.cli1, "eth0", f"ip and dst host {CLI1}") as inside:
        assert servers.ping(net.srv1, PUBLIC, wait=0.2).received == 0
        with net.srv1.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (PUBLIC, SERVER_PORT))
        with pytest.raises(TimeoutError):
            net.srv1.connect(PUBLIC, SERVER_PORT, timeout=0.3)
        drops = (net.natgwd.settled_stats() - before).drops()
    assert inside.count() == 0
    assert drops.pop("to_gateway") == 3 and drops.pop("no_session") >= 2 and not drops


def test_a_session_cannot_be_reached_by_the_address_between_the_stages(net):
    """A reply comes to the public address; the private one means nothing on the probes."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    with net.srv2.socket(socket.SOCK_DGRAM, bind=(SRV2, 53)) as server, \
            net.cli1.socket(socket.SOCK_DGRAM, bind=(CLI1, 32230)) as client:
        client.sendto(b"question", (SRV2, 53))
        port = server.recvfrom(100)[1][1]
        frame = Ether(dst=net.gw.mac("ext0"), src=net.router.mac("ext0"))
        for address in (GATEWAY, PUBLIC):
            reply = IP(src=SRV2, dst=address) / UDP(sport=53, dport=port) / address.encode()
            net.router.send_frame("ext0", frame / reply)
        assert client.recvfrom(100) == (PUBLIC.encode(), (SRV2, 53))
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recvfrom(100)
