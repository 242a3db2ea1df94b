# SPDX-License-Identifier: GPL-2.0-only
"""Endpoint-independent mapping and filtering for UDP, by gateway and by rule (RFC 4787)."""
import socket

import pytest

from hosts import CLI1, CLI2, EIP, ROUTER_SERVERS, SRV1, SRV2, wait_for
from test_expiry import MARGIN_S, Clock

PORT, OTHER_PORT, PLAIN_PORT = 7000, 7001, 9000
RULED = "7000-7001"
FIRST = 20000
UDP_S = 350


@pytest.fixture
def rule(net):
    """rule(text): what a session to ports 7000 and 7001 has of its own."""
    def change(text, ports=100):
        net.natgwd.config.more = [
            "rules:", f"  - {{session: {{gateway: nat-a, protocol: udp, port: {RULED}, {text}}}}}"]
        net.natgwd.config.port_range = f"{FIRST}-{FIRST + ports - 1}"
        net.natgwd.reload()
    Clock(net).be(2000)
    net.natgwd.sweep()
    yield change
    net.natgwd.config.more = []
    net.natgwd.config.port_range = None
    net.natgwd.reload()


@pytest.fixture
def udp():
    """udp(namespace, address, port): a bound socket, closed at the end."""
    made = []

    def bind(namespace, address, port):
        made.append(namespace.socket(socket.SOCK_DGRAM, bind=(address, port), timeout=2))
        return made[-1]
    bind.made = made
    yield bind
    for sock in made:
        sock.close()


def receive(sock):
    """(data, sender), or None when nothing comes."""
    sock.settimeout(0.3)
    try:
        return sock.recvfrom(100)
    except TimeoutError:
        return None
    finally:
        sock.settimeout(2)


def external(client, server):
    """The endpoint that the server sees when the client sends to it, which gets an answer."""
    client.sendto(b"ask", server.getsockname())
    data, sender = server.recvfrom(100)
    assert data == b"ask" and sender[0] == EIP
    server.sendto(b"answer", sender)
    assert client.recvfrom(100) == (b"answer", server.getsockname())
    return sender


def test_one_endpoint_for_all_destinations(net, rule, udp):
    rule("mapping: endpoint_independent")
    client = udp(net.cli1, CLI1, 5000)
    ones = [udp(net.srv1, SRV1, PORT), udp(net.srv1, SRV1, OTHER_PORT), udp(net.srv2, SRV2, PORT)]
    assert len({external(client, server) for server in ones}) == 1
    # another source port, another client and another protocol's rule have their own
    others = {external(udp(net.cli1, CLI1, 5001), ones[0]),
              external(udp(net.cli2, CLI2, 5000), ones[0]),
              external(client, udp(net.srv1, SRV1, PLAIN_PORT))}
    assert len(others | {external(client, ones[0])}) == 4


def test_without_the_rule_each_destination_has_its_own(net, udp):
    client = udp(net.cli1, CLI1, 5100)
    seen = {external(client, udp(net.srv1, SRV1, port)) for port in range(7100, 7110)}
    assert len(seen) > 1


def test_a_third_host_may_send_to_the_mapping(net, rule, udp):
    rule("mapping: endpoint_independent")
    client, server = udp(net.cli1, CLI1, 5200), udp(net.srv1, SRV1, PORT)
    endpoint = external(client, server)
    for third in (udp(net.srv2, SRV2, OTHER_PORT), udp(net.srv1, SRV1, 12345)):
        third.sendto(b"hello", endpoint)
        assert client.recvfrom(100) == (b"hello", third.getsockname())
    # the answer leaves by the same endpoint where the rule includes it
    client.sendto(b"hello yourself", (SRV2, OTHER_PORT))
    assert udp.made[-2].recvfrom(100) == (b"hello yourself", endpoint)


@pytest.mark.parametrize("text", [
    "mapping: endpoint_independent, filtering: address_and_port_dependent",
    "mapping: address_and_port_dependent"])
def test_a_third_host_is_kept_out(net, rule, udp, text):
    rule(text)
    client, server = udp(net.cli1, CLI1, 5300), udp(net.srv1, SRV1, PORT)
    endpoint = external(client, server)
    before = net.natgwd.settled_stats()
    for sock in (udp(net.srv2, SRV2, 12345), udp(net.srv1, SRV1, 12345),
                 udp(net.router, ROUTER_SERVERS, PORT)):
        sock.sendto(b"hello", endpoint)
    assert receive(client) is None
    assert (net.natgwd.settled_stats() - before).drops() == {"no_session": 3}


def test_the_mapping_lives_as_long_as_it_is_used(net, rule, udp):
    rule("mapping: endpoint_independent")
    client = udp(net.cli1, CLI1, 5400)
    one, two = udp(net.srv1, SRV1, PORT), udp(net.srv2, SRV2, PORT)
    endpoint = external(client, one)
    clock = Clock(net)
    clock.be(UDP_S - MARGIN_S)
    assert external(client, two) == endpoint
    clock.be(2 * UDP_S - 2 * MARGIN_S)
    net.natgwd.sweep()
    assert external(client, one) == endpoint  # the first session is over, the mapping is not
    clock.be(4 * UDP_S)
    net.natgwd.sweep()
    assert net.natgwd.sessions() == []
    third = udp(net.srv2, SRV2, 12345)
    third.sendto(b"too late", endpoint)
    assert receive(client) is None


def test_no_unused_port_is_a_conflict(net, rule, udp):
    """Ports that sessions to other destinations use are no ports for a mapping."""
    rule("mapping: endpoint_independent", ports=4)
    taken = udp(net.cli2, CLI2, 5000)
    for port in range(8000, 8004):
        taken.sendto(b"x", (SRV1, port))
    before = net.natgwd.settled_stats()
    client = udp(net.cli1, CLI1, 5500)
    client.sendto(b"x", (SRV1, PORT))
    wait_for(lambda: (net.natgwd.stats() - before).drops(), "the refusal")
    assert (net.natgwd.settled_stats() - before).drops() == {"eim_conflict": 1}
    # for an ordinary session every port is good: it goes to another destination
    external(client, udp(net.srv1, SRV1, PLAIN_PORT))


def test_the_port_of_a_mapping_is_its_own(net, rule, udp):
    """An ordinary session may not use it, to whatever destination: else a reply has two owners."""
    rule("mapping: endpoint_independent", ports=1)
    client = udp(net.cli1, CLI1, 5700)
    endpoint = external(client, udp(net.srv1, SRV1, PORT))
    before = net.natgwd.settled_stats()
    other = udp(net.cli2, CLI2, 5701)
    other.sendto(b"x", (SRV2, PLAIN_PORT))
    wait_for(lambda: (net.natgwd.stats() - before).drops(), "the refusal")
    assert (net.natgwd.settled_stats() - before).drops() == {"eim_conflict": 1}
    assert external(client, udp(net.srv2, SRV2, PORT)) == endpoint


def test_a_gateway_may_be_endpoint_independent_as_a_whole(net, udp):
    net.natgwd.config.options = {"mapping": "endpoint_independent"}
    net.natgwd.reload()
    try:
        client = udp(net.cli1, CLI1, 5600)
        servers = [udp(net.srv1, SRV1, port) for port in (6000, 6001)] + [udp(net.srv2, SRV2, 6000)]
        assert len({external(client, server) for server in servers}) == 1
        with net.srv1.socket(bind=(SRV1, 6000)) as listener:  # TCP stays as it is
            listener.listen()
            with net.cli1.connect(SRV1, 6000, bind=(CLI1, 5600)), net.cli1.connect(SRV1, 6000):
                assert len({listener.accept()[1] for _number in range(2)}) == 2
    finally:
        net.natgwd.config.options = {}
        net.natgwd.reload()
