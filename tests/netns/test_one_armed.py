# SPDX-License-Identifier: GPL-2.0-only
"""One interface for both sides: the usual cloud machine."""
import pytest

import servers
import topology
from hosts import EIP, PRIVATE_IP, ROUTER, SRV1, SRV2

LAYOUT = "one-armed"


@pytest.fixture(scope="module")
def dns(net):
    return servers.Dnsmasq(net, net.srv2)


def test_tcp(net, web):
    digest = web[0].add_file("file", 32)
    before = net.natgwd.settled_stats()
    for client, _address in net.clients():
        servers.curl(client, f"http://{SRV1}/file", "-o", net.path("copy"))
        assert servers.file_hash(net.path("copy")) == digest
        servers.curl(client, f"http://{SRV1}/upload", "-T", net.path("copy"))
        assert servers.file_hash(web[0].path("upload")) == digest
    since = net.natgwd.settled_stats() - before
    assert web[0].addresses() == {EIP}
    if net.attach == "tc":
        assert since.hooks["xdp"]["in"] == 0
    else:
        assert since.out("xdp") >= 0.99 * since.out()


def test_udp(net, dns):
    for client, _address in net.clients():
        answer = client.run("dig", "+short", "+tries=1", "+time=3", f"@{SRV2}", dns.NAME).stdout
        assert answer.strip() == dns.ADDRESS
    assert dns.clients() == {EIP}


def test_icmp(net):
    for client, _address in net.clients():
        for server in (SRV1, SRV2):
            assert servers.ping(client, server).received == 3


def test_traceroute(net):
    shown = net.cli1.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "5", "-I", SRV1).stdout
    assert [line.split()[1] for line in shown.splitlines()[1:]] == [PRIVATE_IP, ROUTER, SRV1]


def test_both_clients_use_one_source_port(net, web):
    runs = [client.start("curl", "-sS", "--fail", "-m", "20", "--local-port", "32222",
                         "--limit-rate", "16M", "-o", net.path(name), f"http://{SRV2}/{name}")
            for (client, _address), name in zip(net.clients(), ("page", "page"))]
    assert [process.wait(20) for process in runs] == [0, 0]
    ports = [visit[1] for visit in web[1].visits() if visit[3] == "/page"]
    assert len(set(ports)) == 2


def test_the_kernel_sends_no_redirects(net, web):
    with servers.Capture(net, net.cli1, "eth0", "icmp[icmptype] == icmp-redirect") as capture:
        for _number in range(3):
            servers.curl(net.cli1, f"http://{SRV1}/page")
        servers.ping(net.cli1, SRV1)
    assert capture.count() == 0


def test_the_other_client_is_reached_directly(net):
    assert servers.ping(net.cli1, net.cli2_address).received == 3


@pytest.mark.parametrize("attach", ["xdp", "tc"])
def test_send_redirects_are_restored_by_detach(attach):
    with topology.Topology("redirects", LAYOUT, attach) as made:
        keys = ["net.ipv4.conf.all.send_redirects", "net.ipv4.conf.eth0.send_redirects"]
        for key in keys:
            made.gw.sysctl(key, 1)
        made.natgwd.start()
        assert [made.gw.read_sysctl(key) for key in keys] == ["0", "0"]
        made.natgwd.stop()
        assert [made.gw.read_sysctl(key) for key in keys] == ["0", "0"]
        made.natgwd.detach()
        assert [made.gw.read_sysctl(key) for key in keys] == ["1", "1"]
