# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel's own tests try on its NAT, in our words: a client that shadows a port of the
gateway, datagrams and connections that clash at birth, a datagram in three fragments."""
import contextlib
import os
import select
import socket
import threading

import pytest

import conftest
import servers
import topology
from hosts import CLI1, CLI2, EIP, GW_EXTERNAL, SRV1, SRV2
from test_eim import receive
from test_port_forward import exchange, forwards, listen

SERVICE, SHADOW_PORT = 1405, 41404
CLASH_PORT, CLASHES = 7000, 200
FRAGMENTED, FORWARDED = 4000, 6000  # bytes of the datagram; port of the forward
FRAGMENTS = "ip[6:2] & 0x3fff != 0"
CONFIG = {"more": forwards(("udp", FORWARDED, CLI1))}


@pytest.fixture(scope="module", params=conftest.ATTACH)
def shared_net(request):
    """The gateway's own address is its only EIP."""
    with topology.Topology("port-shadow-own", "bridge", request.param) as made:
        made.natgwd.config.eips = [f"{{address: {GW_EXTERNAL}, shared: true}}"]
        made.natgwd.start()
        yield made


@pytest.fixture
def port_range(shared_net):
    def change(text):
        shared_net.natgwd.config.port_range = text
        shared_net.natgwd.not_audited = ("I3",)  # sessions from before are out of it
        shared_net.natgwd.reload()
    yield change
    change(None)


def udp(namespace, address, port):
    return namespace.socket(socket.SOCK_DGRAM, bind=(address, port), timeout=3)


# ---- the shadowed port ----

def require_service(service, remote, client):
    """What the remote host sends to the service's port reaches it, and never the client."""
    remote.sendto(b"to the service", (GW_EXTERNAL, service.getsockname()[1]))
    assert service.recvfrom(100) == (b"to the service", remote.getsockname())
    service.sendto(b"of the service", remote.getsockname())
    assert remote.recvfrom(100) == (b"of the service", (GW_EXTERNAL, service.getsockname()[1]))
    assert receive(client) is None


@pytest.mark.parametrize("port", [SERVICE, 53])
def test_a_client_cannot_shadow_a_service(shared_net, port):
    net = shared_net
    with udp(net.gw, "0.0.0.0", port) as service, udp(net.srv1, SRV1, SHADOW_PORT) as remote, \
            udp(net.cli1, CLI1, port) as client:
        client.sendto(b"shadow", remote.getsockname())
        data, sender = remote.recvfrom(100)
        assert data == b"shadow" and sender[0] == GW_EXTERNAL and sender[1] != port
        require_service(service, remote, client)
        # and what belongs to the client goes to the client
        remote.sendto(b"to the client", sender)
        assert client.recvfrom(100) == (b"to the client", remote.getsockname())
        assert receive(service) is None


def test_not_even_when_there_is_no_other_port(shared_net, port_range):
    net = shared_net
    with udp(net.gw, "0.0.0.0", SERVICE) as service, udp(net.cli1, CLI1, SERVICE) as client, \
            udp(net.srv1, SRV1, SHADOW_PORT + 1) as remote:
        port_range(f"{SERVICE}-{SERVICE}")
        before = net.natgwd.settled_stats()
        client.sendto(b"shadow", remote.getsockname())
        assert receive(remote) is None
        assert (net.natgwd.settled_stats() - before).drops() == {"port_exhausted": 1}
        require_service(service, remote, client)


def test_a_client_cannot_shadow_a_tcp_service(shared_net):
    net = shared_net
    with listen(net.gw, "0.0.0.0", SERVICE) as service:
        with listen(net.srv1, SRV1, SHADOW_PORT) as remote:
            client = net.cli1.connect(SRV1, SHADOW_PORT, bind=(CLI1, SERVICE))
            taken, sender = remote.accept()
        assert sender[0] == GW_EXTERNAL and sender[1] != SERVICE
        back = net.srv1.connect(GW_EXTERNAL, SERVICE, bind=(SRV1, SHADOW_PORT))
        served, peer = service.accept()
        assert peer == (SRV1, SHADOW_PORT)
        for _number in range(3):
            exchange(client, taken)
            exchange(back, served)
    for sock in client, taken, back, served:
        sock.close()


def test_the_host_asks_what_a_client_asks(shared_net):
    """The host's own datagrams, from the port and to the endpoint that the client uses."""
    net = shared_net
    with udp(net.srv1, SRV1, SHADOW_PORT) as remote, udp(net.cli1, CLI1, SERVICE) as client, \
            udp(net.gw, GW_EXTERNAL, SERVICE) as host:
        for name, sock in (("host", host), ("client", client), ("host", host)):
            sock.sendto(name.encode(), remote.getsockname())
            data, sender = remote.recvfrom(100)
            assert data == name.encode() and (sender[1] == SERVICE) == (name == "host")
            remote.sendto(b"answer to the " + data, sender)
            assert sock.recvfrom(100)[0] == b"answer to the " + data
        assert receive(host) is None and receive(client) is None


# ---- clashes ----

def at_once(*actions):
    """Runs them in threads that start at the same moment."""
    barrier = threading.Barrier(len(actions))

    def run(action):
        barrier.wait()
        action()
    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_sockets_with_one_source_port(net):
    """Both datagrams are the first of one session: both arrive, and by one port."""
    before = net.natgwd.settled_stats()
    endpoints = set()
    with udp(net.srv1, SRV1, CLASH_PORT) as server:
        for number in range(CLASHES):
            with udp(net.cli1, CLI1, 10000 + number) as one, \
                    udp(net.cli1, CLI1, 10000 + number) as two:
                at_once(lambda sock=one: sock.sendto(b"one", (SRV1, CLASH_PORT)),
                        lambda sock=two: sock.sendto(b"two", (SRV1, CLASH_PORT)))
                got = [server.recvfrom(10) for _number in range(2)]
                assert {data for data, _sender in got} == {b"one", b"two"}
                assert len({sender for _data, sender in got}) == 1
                endpoints.add(got[0][1])
                server.sendto(b"answer", got[0][1])
                ready, _writable, _error = select.select([one, two], [], [], 3)
                assert ready and ready[0].recvfrom(10) == (b"answer", (SRV1, CLASH_PORT))
    assert len(endpoints) == CLASHES
    since = net.natgwd.settled_stats() - before
    assert since.drops() == {}


def test_two_clients_with_one_source_port_by_udp(net):
    with udp(net.srv1, SRV1, CLASH_PORT) as server:
        for number in range(CLASHES // 4):
            with udp(net.cli1, CLI1, 20000 + number) as one, \
                    udp(net.cli2, CLI2, 20000 + number) as two:
                at_once(lambda sock=one: sock.sendto(b"one", (SRV1, CLASH_PORT)),
                        lambda sock=two: sock.sendto(b"two", (SRV1, CLASH_PORT)))
                senders = dict(server.recvfrom(10) for _number in range(2))
                assert len(set(senders.values())) == 2
                for word, sock in ((b"one", one), (b"two", two)):
                    server.sendto(word + b" too", senders[word])
                    assert sock.recv(10) == word + b" too"


def test_two_clients_with_one_source_port_by_tcp(net):
    """At the same moment, to one server port; each has its own connection."""
    with listen(net.srv1, SRV1, CLASH_PORT) as listener, contextlib.ExitStack() as opened:
        for number in range(CLASHES // 4):
            clients = [opened.enter_context(client.socket(bind=(address, 20000 + number)))
                       for client, address in net.clients()]
            at_once(*(lambda sock=client: sock.connect((SRV1, CLASH_PORT)) for client in clients))
            taken = {}
            for _number in range(2):
                sock, peer = listener.accept()
                sock.settimeout(5)
                taken[peer] = opened.enter_context(sock)
            assert len(taken) == 2 and {address for address, _port in taken} == {EIP}
            for client in clients:
                client.sendall(client.getsockname()[0].encode())
            words = {sock.recv(100): sock for sock in taken.values()}
            assert set(words) == {CLI1.encode(), CLI2.encode()}
            for client in clients:
                exchange_with_peer(client, words[client.getsockname()[0].encode()])


def exchange_with_peer(client, server):
    word = os.urandom(1000)
    server.sendall(word)
    assert client.recv(1000, socket.MSG_WAITALL) == word
    client.sendall(word[::-1])
    assert server.recv(1000, socket.MSG_WAITALL) == word[::-1]


def test_the_last_two_ports_are_two_clients(net):
    """One port each is left, and both clients come with the same one of theirs."""
    net.natgwd.config.port_range = "30000-30001"
    net.natgwd.reload()
    try:
        with listen(net.srv2, SRV2, CLASH_PORT) as listener:
            pairs = []
            for client, address in net.clients():
                one = client.connect(SRV2, CLASH_PORT, bind=(address, 30000))
                pairs.append((one, listener.accept()[0]))
            before = net.natgwd.settled_stats()
            with pytest.raises(TimeoutError):
                net.cli1.connect(SRV2, CLASH_PORT, bind=(CLI1, 30001), timeout=0.3)
            assert (net.natgwd.settled_stats() - before).drops() == {"port_exhausted": 1}
            assert {other.getpeername()[1] for _one, other in pairs} == {30000, 30001}
            for one, other in pairs:
                exchange(one, other)
                one.close()
                other.close()
    finally:
        net.natgwd.config.port_range = None
        net.natgwd.reload()


# ---- three fragments ----

def send_and_compare(sender, to, receiver):
    """A datagram without a pattern; who it came from."""
    data = os.urandom(FRAGMENTED)
    sender.sendto(data, to)
    received, source = receiver.recvfrom(FRAGMENTED + 1)
    assert received == data
    return source


def fragments(net, namespace, interface):
    return servers.Capture(net, namespace, interface, FRAGMENTS)


def test_three_fragments_out_in_and_back_inside(net):
    """Through a session, to a forward (the first packet of all is a fragment), by a hairpin."""
    with udp(net.cli1, CLI1, FORWARDED) as host, udp(net.cli2, CLI2, 5000) as client, \
            udp(net.srv1, SRV1, CLASH_PORT) as server, \
            fragments(net, net.srv1, "eth0") as outside:
        for _number in range(20):
            source = send_and_compare(client, server.getsockname(), server)
            assert source[0] == EIP
            assert send_and_compare(server, source, client) == server.getsockname()
            assert send_and_compare(server, (EIP, FORWARDED), host) == server.getsockname()
            assert send_and_compare(host, server.getsockname(), server) == (EIP, FORWARDED)
            source = send_and_compare(client, (EIP, FORWARDED), host)
            assert source[0] == EIP
            assert send_and_compare(host, source, client) == (EIP, FORWARDED)
    assert outside.count() == 20 * 4 * 3


def test_three_fragments_of_two_clients(net):
    """With one IP identification to one server: no datagram is made of two (RFC 6864)."""
    from scapy.layers.inet import IP, UDP, fragment
    from scapy.layers.l2 import Ether

    words = {CLI1: os.urandom(FRAGMENTED), CLI2: os.urandom(FRAGMENTED)}
    frames = []
    for client, address in net.clients():
        whole = IP(src=address, dst=SRV1, id=4711) / UDP(sport=5100, dport=CLASH_PORT) / words[
            address]
        frames.append([(client, Ether(src=client.mac("eth0"), dst=net.gw.mac("int0")) / part)
                       for part in fragment(whole, fragsize=1480)])
    assert [len(parts) for parts in frames] == [3, 3]
    with udp(net.srv1, SRV1, CLASH_PORT) as server:
        for pair in zip(*frames):
            for client, frame in pair:
                client.send_frame("eth0", frame)
        received = {server.recv(FRAGMENTED + 1) for _number in range(2)}
    assert received == set(words.values())


def test_a_service_of_the_host_gets_its_fragments(shared_net):
    """On a shared EIP: what belongs to no session is the host's, in one piece or three."""
    net = shared_net
    with udp(net.gw, GW_EXTERNAL, SERVICE) as service, udp(net.srv1, SRV1, 5000) as remote, \
            udp(net.cli1, CLI1, 5000) as client:
        for _number in range(5):
            source = send_and_compare(remote, (GW_EXTERNAL, SERVICE), service)
            assert source == (SRV1, 5000)
            assert send_and_compare(service, source, remote) == (GW_EXTERNAL, SERVICE)
            source = send_and_compare(client, (SRV1, 5000), remote)
            assert source[0] == GW_EXTERNAL and source[1] != SERVICE
            assert send_and_compare(remote, source, client) == (SRV1, 5000)
