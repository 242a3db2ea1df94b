# SPDX-License-Identifier: GPL-2.0-only
"""TCP, UDP and ICMP from two clients through one EIP to two servers."""
import os

import pytest

import servers
from hosts import EIP, SRV1, SRV2

FILE_MB = 200
SMALL_MB = 16


def assert_finished_where_it_should(net, since):
    """With XDP at least 99 % of the packets are finished in XDP; with tc none."""
    finished = since.out()
    assert finished > 1000
    if net.attach == "tc":
        assert since.hooks["xdp"]["in"] == 0
        assert since.out("xdp") == 0
    else:
        assert since.out("xdp") >= 0.99 * finished, since.hooks


@pytest.fixture(scope="module")
def dns(net):
    return servers.Dnsmasq(net, net.srv1)


def transfer_both_ways(net, client, server, address, megabytes):
    """Download and upload; both must arrive bit for bit."""
    original = server.add_file("file", megabytes)
    copy = net.path("copy")
    servers.curl(client, f"http://{address}/file", "-o", copy)
    assert servers.file_hash(copy) == original
    servers.curl(client, f"http://{address}/upload", "-T", copy)
    assert servers.file_hash(server.path("upload")) == original
    for path in (copy, server.path("file"), server.path("upload")):
        os.unlink(path)


def test_a_large_file_arrives_bit_exact_both_ways(net, web):
    before, packets = net.natgwd.ledger.settle()
    transfer_both_ways(net, net.cli1, web[0], SRV1, FILE_MB)
    after, packets_after = net.natgwd.ledger.settle()
    assert_finished_where_it_should(net, after - before)
    received = packets_after - packets
    if net.attach == "tc":
        # more packets than the interfaces counted: large (GSO) packets have passed in one piece
        assert (after - before).hooks["tc_ingress"]["in"] > 1.5 * received
    else:
        assert (after - before).out("xdp") >= 0.99 * received
    assert web[0].addresses() == {EIP}


def test_every_client_reaches_every_server(net, web):
    before = net.natgwd.settled_stats()
    transfer_both_ways(net, net.cli1, web[1], SRV2, SMALL_MB)
    transfer_both_ways(net, net.cli2, web[0], SRV1, SMALL_MB)
    transfer_both_ways(net, net.cli2, web[1], SRV2, SMALL_MB)
    assert_finished_where_it_should(net, net.natgwd.settled_stats() - before)
    assert web[0].addresses() == web[1].addresses() == {EIP}


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_iperf3_tcp(net, iperf, direction):
    options = ["-R"] if direction == "download" else []
    runs = [client.start("iperf3", "-J", "-t", "1", "-P", "2", "-c", address, *options, stdout=-1)
            for client, address in ((net.cli1, SRV1), (net.cli2, SRV2))]
    for process in runs:
        result = servers.iperf3_result(process.communicate(timeout=20)[0])
        assert result["end"]["sum_received"]["bytes"] > 1 << 20


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_iperf3_udp(net, iperf, direction):
    options = ["-R"] if direction == "download" else []
    before = net.natgwd.settled_stats()
    text = net.cli1.run("iperf3", "-J", "-u", "-b", "20M", "-l", "1200", "-t", "1", "-c", SRV1,
                        *options).stdout
    total = servers.iperf3_result(text)["end"]["sum"]
    assert total["packets"] > 1000
    assert total["lost_packets"] == 0
    assert_finished_where_it_should(net, net.natgwd.settled_stats() - before)


@pytest.mark.parametrize("options", [(), ("+tcp",)], ids=["udp", "tcp"])
def test_dig_asks_a_real_dns_server(net, dns, options):
    for client, _address in net.clients():
        answer = client.run("dig", "+short", "+tries=1", "+time=3", *options, f"@{SRV1}",
                            dns.NAME).stdout
        assert answer.strip() == dns.ADDRESS
    assert dns.clients() == {EIP}


def test_ping_from_both_clients_to_both_servers(net):
    for client, _address in net.clients():
        for server in (SRV1, SRV2):
            result = servers.ping(client, server)
            assert (result.sent, result.received) == (3, 3)


def test_two_pings_with_one_identifier_get_their_own_replies(net):
    """Requirement 45."""
    runs = [client.start("ping", "-n", "-e", "4711", "-c", "20", "-i", "0.02", "-W", "1", SRV1,
                         stdout=-1, stderr=-1, text=True) for client, _address in net.clients()]
    for process in runs:
        result = servers.Ping("".join(process.communicate(timeout=20)))
        assert (result.sent, result.received) == (20, 20)
        assert "DUP" not in result.output


def test_servers_see_nothing_but_the_eip(net, web):
    with servers.Capture(net, net.srv1, "eth0", "ip") as capture:
        for client, _address in net.clients():
            servers.curl(client, f"http://{SRV1}/page")
            servers.ping(client, SRV1)
            client.run("traceroute", "-n", "-q", "1", "-w", "1", "-m", "3", SRV1)
    seen = {packet["IP"].src for packet in capture.packets()} - {SRV1}
    assert seen == {EIP}


def test_the_kernels_own_nat_stays_out_of_it(net, web):
    servers.curl(net.cli1, f"http://{SRV1}/page")
    assert net.conntrack_count() == 0
