# SPDX-License-Identifier: GPL-2.0-only
"""The access list (requirement 10): stateless, before the translation, the longest prefix says."""
import socket

import pytest

import servers
from hosts import CLI1, CLI2, EIP, SRV1, SRV2, wait_for

PORT = 5000


def acl(*rows):
    """acl("deny 203.0.113.11/32", ...): lines of the config."""
    return ["acl:"] + [f"  - {{{verb}: {prefix}}}" for verb, prefix in map(str.split, rows)]


def refused(net, client, address):
    """Two pings, of which none leaves, each counted as acl."""
    before = net.natgwd.stats()
    with servers.Capture(net, net.router, "ext0", "icmp[icmptype] == icmp-echo") as outside:
        assert servers.ping(client, address, count=2, wait=0.2).received == 0
    assert outside.count() == 0
    return (net.natgwd.settled_stats() - before).drops() == {"acl": 2}


def reached(client, address):
    return servers.ping(client, address).received == 3


def test_who_is_denied(net):
    with net.natgwd.configured(more=acl(f"deny {SRV2}/32")):
        assert refused(net, net.cli1, SRV2) and refused(net, net.cli2, SRV2)
        assert reached(net.cli1, SRV1)
    with net.natgwd.configured(more=acl(f"deny {CLI1}/32")):
        assert refused(net, net.cli1, SRV1) and refused(net, net.cli1, SRV2)
        assert reached(net.cli2, SRV1)
    assert reached(net.cli1, SRV2)


def test_the_longest_prefix_says(net):
    with net.natgwd.configured(more=acl("deny 0.0.0.0/0", f"allow {SRV1}/32", "allow 10.0.1.0/24",
                                        f"deny {CLI2}/32")):
        assert reached(net.cli1, SRV1)
        assert refused(net, net.cli1, SRV2)
        assert refused(net, net.cli2, SRV1)
    # The order of the file does not matter.
    with net.natgwd.configured(more=acl("allow 203.0.113.8/30", "deny 203.0.113.0/24",
                                        f"deny {SRV2}/32")):
        assert reached(net.cli1, SRV1)
        assert refused(net, net.cli1, SRV2)


def test_it_knows_no_connections(net, web):
    """Stateless: a living connection stands still while it is denied, and goes on afterwards."""
    with net.cli1.connect(SRV1, 80) as held:
        first = servers.ask_who(held)
        with net.natgwd.configured(more=acl(f"deny {SRV1}/32")):
            before = net.natgwd.stats()
            held.sendall(b"GET /page HTTP/1.1\r\nHost: natgw\r\n\r\n")
            held.settimeout(0.3)
            with pytest.raises(TimeoutError):
                held.recv(1)
            assert (net.natgwd.settled_stats() - before).dropped("acl") > 0
            held.settimeout(5)
        assert held.recv(4096).startswith(b"HTTP/1.1 200")  # what was sent is sent again
        assert servers.ask_who(held) == first


def test_inbound_packets_are_asked_too(net):
    """With its session there, and without."""
    with net.cli1.socket(socket.SOCK_DGRAM, bind=(CLI1, PORT), timeout=0.5) as client, \
            net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, PORT)) as server:
        client.sendto(b"question", (SRV1, PORT))
        sender = server.recvfrom(100)[1]
        with net.natgwd.configured(more=acl(f"deny {SRV1}/32")):
            before = net.natgwd.stats()
            server.sendto(b"answer", sender)
            server.sendto(b"nobody asked", (EIP, PORT))
            with pytest.raises(TimeoutError):
                client.recvfrom(100)
            since = net.natgwd.settled_stats() - before
            assert since.drops() == {"acl": 2}
            assert since.dropped("acl", direction="inbound") == 2
        server.sendto(b"answer", sender)
        assert client.recvfrom(100) == (b"answer", (SRV1, PORT))


def test_a_host_with_a_mapping_of_its_own_is_asked(net):
    public = "198.51.100.60"
    mapping = ["one_to_one:", f"  - {{private: {CLI1}, public: {public}}}"]
    with net.natgwd.configured(more=mapping + acl(f"deny {SRV2}/32")):
        assert reached(net.cli1, SRV1) and reached(net.srv1, public)
        assert refused(net, net.cli1, SRV2)
        before = net.natgwd.stats()
        assert servers.ping(net.srv2, public, wait=0.3).received == 0
        assert (net.natgwd.settled_stats() - before).drops() == {"acl": 3}


def test_a_thousand_prefixes(net):
    rows = [f"deny 198.18.{high}.{low}/32" for high in range(4) for low in range(250)]
    with net.natgwd.configured(more=acl(*rows, f"deny {SRV2}/32")):
        assert refused(net, net.cli1, "198.18.3.249")
        assert refused(net, net.cli1, SRV2)
        assert reached(net.cli1, SRV1)
    wait_for(lambda: reached(net.cli1, SRV2), "the way back")
