# SPDX-License-Identifier: GPL-2.0-only
"""Rate limits (requirement 16): what arrives is the configured rate to 2 %, the rest is counted.

Rates are of IP packets, each direction by itself. iperf3 offers twice the limit and its receiving
end says what has arrived, second by second; the median counts, since a sender that is held up
offers less than the limit for that second. The limits come into force while the runs are under
way, so that none of them fails before it has begun; their first seconds do not count.
"""
import json
import statistics

import pytest

import servers
from hosts import SRV1, SRV2, wait_for

IPERF3 = ("nice", "-n", "-20", "iperf3", "-J")
OMIT, SECONDS = 2, 5  # the first two do not count
TOLERANCE = 0.02
IP_UDP = 28  # header bytes that iperf3 does not count
LARGE, SMALL = 1000, 100
CLIENT_BITS, CLIENT_PACKETS = 10_000_000, 2_000
GATEWAY_BITS = 16_000_000
BY_BITS = CLIENT_BITS / 8 / (LARGE + IP_UDP)  # datagrams per second
GATEWAY_RATE = GATEWAY_BITS / 8 / (LARGE + IP_UDP)
CLIENT_LIMIT = f"{{bits_per_second: {CLIENT_BITS}, packets_per_second: {CLIENT_PACKETS}}}"
GATEWAY_LIMIT = f"{{bits_per_second: {GATEWAY_BITS}}}"


def gateway_b(limit=""):
    """The first server is reached through nat-a, the second one through nat-b."""
    return [f"  - {{name: nat-b, private_ip: 10.0.1.253, eips: [198.51.100.60]{limit}}}"]


CONFIG = {"more_gateways": gateway_b(),
          "routes": [("0.0.0.0/0", "gateway:nat-a"), (f"{SRV2}/32", "gateway:nat-b")]}


@pytest.fixture
def limit(net):
    """Brings limits into force: of each client at nat-a, of the gateway at nat-b; then undone."""
    def change(clients, gateway=None):
        net.natgwd.config.options = {"client_rate_limit": clients}
        net.natgwd.config.more_gateways = gateway_b(f", rate_limit: {gateway}" if gateway else "")
        net.natgwd.reload()
    yield change
    net.natgwd.config.options = {}
    net.natgwd.config.more_gateways = gateway_b()
    net.natgwd.reload()


class Run:
    """One run of iperf3 with a server of its own."""

    next_port = 5300

    def __init__(self, net, client, address, *options, omit=OMIT):
        Run.next_port += 1
        self.net, self.port = net, Run.next_port
        self.receiver = "client" if "-R" in options else "server"
        servers.start_iperf3(net, net.srv1 if address == SRV1 else net.srv2, self.port, IPERF3)
        self.process = client.start(*IPERF3, "-t", str(SECONDS), "-O", str(omit), "-p",
                                    str(self.port), "-c", address, "--get-server-output", *options,
                                    stdout=-1)

    def wait_until_it_flows(self):
        wait_for(lambda: any(row["packets_out"] + row["packets_in"] > 10
                             for row in self.sessions()), f"iperf3's data, port {self.port}")

    def sessions(self):
        return [row for row in self.net.natgwd.sessions() if row["remote_port"] == self.port]

    def received(self):
        """Bytes per second that have arrived, second by second."""
        result = servers.iperf3_result(self.process.communicate(timeout=30)[0])
        if self.receiver == "server":
            result = result["server_output_json"]
        rows = [row["sum"] for row in result["intervals"]]
        rows = [row for row in rows if not row["omitted"] and row["seconds"] > 0.9]
        assert len(rows) >= SECONDS - 1, json.dumps(result["intervals"])
        return [row["bytes"] / row["seconds"] for row in rows]


class Datagrams(Run):
    """Offers twice as many datagrams per second with that payload as will pass."""

    def __init__(self, net, client, address, size, wanted, *options):
        self.size, self.wanted = size, wanted
        super().__init__(net, client, address, "-u", "-l", str(size), "-b",
                         str(int(2 * wanted) * size * 8), *options)

    def arrived(self):
        return [rate / self.size for rate in self.received()]


def assert_rate(rates, wanted):
    shown = f"{[round(rate) for rate in rates]} of {wanted:.0f}"
    assert abs(statistics.median(rates) / wanted - 1) <= TOLERANCE, shown


def test_udp_of_clients_and_gateway_in_each_direction(net, limit):
    """At nat-a cli1 meets its bit rate, cli2 its packet rate; at nat-b they share one bit rate."""
    assert BY_BITS < CLIENT_PACKETS < CLIENT_BITS / 8 / (SMALL + IP_UDP)
    own = [Datagrams(net, client, SRV1, size, wanted, *options)
           for client, size, wanted in ((net.cli1, LARGE, BY_BITS),
                                        (net.cli2, SMALL, CLIENT_PACKETS))
           for options in ((), ("-R",))]
    shared = [Datagrams(net, client, SRV2, LARGE, GATEWAY_RATE / 2)
              for client in (net.cli1, net.cli2)]
    for run in own + shared:
        run.wait_until_it_flows()
    before = net.natgwd.stats()
    limit(CLIENT_LIMIT, GATEWAY_LIMIT)
    for rates, wanted in [(run.arrived(), run.wanted) for run in own]:
        assert_rate(rates, wanted)
    assert_rate([sum(pair) for pair in zip(*[run.arrived() for run in shared])], GATEWAY_RATE)
    since = net.natgwd.settled_stats() - before
    assert set(since.drops()) == {"rate_limited"}
    least = SECONDS * 0.9 * (BY_BITS + CLIENT_PACKETS)
    assert since.dropped("rate_limited", direction="inbound") > least
    least += SECONDS * 0.9 * GATEWAY_RATE
    assert since.dropped("rate_limited", direction="outbound") > least


def test_tcp_stays_below_the_limit(net, limit):
    """How much of it a TCP gets is its own business: losses without delay are hard on it."""
    before = net.natgwd.settled_stats()
    limit(CLIENT_LIMIT)
    runs = [Run(net, net.cli1, SRV1, "-C", "reno", omit=1),
            Run(net, net.cli2, SRV1, "-C", "reno", "-R", omit=1)]
    for rates in [run.received() for run in runs]:
        rate = 8 * statistics.mean(rates)
        assert 0.2 * CLIENT_BITS < rate <= CLIENT_BITS * (1 + TOLERANCE)
    assert set((net.natgwd.settled_stats() - before).drops()) == {"rate_limited"}
