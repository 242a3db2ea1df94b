# SPDX-License-Identifier: GPL-2.0-only
"""The first packet to a next hop whose MAC address is not known is not lost."""
import time

import servers
from hosts import SRV1, SRV2

ROUNDS = 100
RETRANSMISSION_S = 0.9


def flush(net):
    net.gw.ip("neigh", "flush", "all")


def test_a_hundred_connections_after_neigh_flush(net, web):
    took = []
    for number in range(ROUNDS):
        flush(net)
        client = (net.cli1, net.cli2)[number & 1]
        started = time.monotonic()
        client.connect((SRV1, SRV2)[number >> 1 & 1], 80).close()
        took.append(time.monotonic() - started)
    assert max(took) < RETRANSMISSION_S, sorted(took)[-5:]


def test_pings_after_neigh_flush(net):
    for _number in range(10):
        flush(net)
        result = servers.ping(net.cli1, SRV1, count=2)
        assert result.received == 2, result.output


def test_a_new_mac_address_of_the_router_is_followed(net, web):
    """Sessions survive a next hop that moves to another MAC address."""
    with net.cli1.connect(SRV1, 80) as sock:
        net.router.ip("link", "set", "ext0", "address", "02:00:00:00:00:77")
        net.router.run("arping", "-q", "-c", "1", "-A", "-I", "ext0", "198.51.100.1")
        servers.request(sock)
