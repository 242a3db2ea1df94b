# SPDX-License-Identifier: GPL-2.0-only
"""Several gateways, pools of several EIPs, and the ports they use."""
import servers
from hosts import EIP, SRV1, SRV2

EIP_B = "198.51.100.60"
POOL = "198.51.100.64/30"
POOL_ADDRESSES = {f"198.51.100.{last}" for last in range(64, 68)}


def sources_seen(net, web, addresses):
    """The addresses and ports that srv1 sees, one visit for each of the client's addresses."""
    before = len(web[0].visits())
    for address in addresses:
        servers.curl(net.cli1, f"http://{SRV1}/page", "--interface", address, timeout=5)
    return [visit[:2] for visit in web[0].visits()[before:]]


def add_addresses(net, first, last):
    added = [f"10.0.1.{number}" for number in range(first, last)]
    for address in added:
        net.cli1.ip("address", "add", f"{address}/24", "dev", "eth0")
    return added


def test_a_route_moves_to_another_gateway_and_sessions_stay(net, web):
    with net.cli1.connect(SRV1, 80) as held, net.cli1.connect(SRV2, 80) as other:
        servers.request(held)
        servers.request(other)
        net.natgwd.config.more_gateways = ["  - name: nat-b", "    private_ip: 10.0.1.253",
                                           f"    eips: [{EIP_B}]"]
        net.natgwd.reload()
        net.natgwd.config.routes[0] = ("0.0.0.0/0", "gateway:nat-b")
        net.natgwd.reload()
        fetched = len(web[0].visits())
        servers.request(held)
        servers.request(other)
        servers.curl(net.cli1, f"http://{SRV1}/page", timeout=5)
        assert [visit[0] for visit in web[0].visits()[fetched:]] == [EIP, EIP_B]
    net.natgwd.config.routes[0] = ("0.0.0.0/0", "gateway:nat-a")
    net.natgwd.reload()
    assert sources_seen(net, web, ["10.0.1.10"])[0][0] == EIP


def test_every_address_of_a_prefix_is_used(net, web):
    addresses = add_addresses(net, 140, 172)
    net.natgwd.config.eips = [POOL]
    net.natgwd.reload()
    assert {source for source, _port in sources_seen(net, web, addresses)} == POOL_ADDRESSES
    net.natgwd.config.eips = [EIP]
    net.natgwd.reload()
    assert {source for source, _port in sources_seen(net, web, addresses[:4])} == {EIP}


def test_ports_stay_in_the_range(net, web):
    ports = [port for _source, port in sources_seen(net, web, ["10.0.1.10"] * 20)]
    assert all(1024 <= port <= 65535 for port in ports)
    assert len(set(ports)) > 10
    net.natgwd.config.port_range = "40000-40031"
    net.natgwd.reload()
    ports = [port for _source, port in sources_seen(net, web, ["10.0.1.10"] * 20)]
    assert all(40000 <= port <= 40031 for port in ports)
    assert len(set(ports)) == 20
    net.natgwd.config.port_range = None
    net.natgwd.reload()
