# SPDX-License-Identifier: GPL-2.0-only
"""One hostile client: SYNs to random destinations, then to one; another client notices nothing."""
import time

import pytest

import conftest
import servers
import topology
from hosts import CLI2, SRV1, SRV2
from test_expiry import Clock

HTTP = 80
PAUSE_S = 0.02
HALF_OPEN_S = 30 + 30 + 2  # idle, held, and the sweep's second
FLOOD = 150_000
LONG_FLOOD = 1_000_000
NOWHERE = "20.0.0.0/8"  # the router throws away what goes there
NOWHERE_FIRST, NOWHERE_LAST = 20 << 24, (21 << 24) - 1
WINDOW = 4242  # of the hostile SYNs: the servers do not answer these
IGNORE_FLOOD = f"""
table ip natgw {{
	counter flood {{ }}
	chain input {{
		type filter hook input priority 0;
		tcp flags syn tcp window {WINDOW} counter name flood drop
	}}
}}
"""
# The flood may take every port of one destination, but not more than that from the table.
PORTS = 16384
CAPPED = {"port_range": f"1024-{1023 + PORTS}"}
GUARANTEED = 1024
GUARANTEE = {"options": {"ports_per_client": f"{{min: {GUARANTEED}}}"}}
GUARDED = {**CAPPED, **GUARANTEE}
ALL_PORTS = {"sessions": 524288, **GUARANTEE}


def build(request, name, config):
    net = topology.Topology(name, "bridge", request.param)
    net.natgwd.config.sessions = 262144  # the default
    for key, value in config.items():
        setattr(net.natgwd.config, key, value)
    return net


def ready(net):
    net.natgwd.start()
    net.router.ip("route", "replace", "blackhole", NOWHERE)
    web = [servers.Nginx(net, net.srv1), servers.Nginx(net, net.srv2)]
    for server in web:
        server.write("page", b"natgw\n")
    for server in (net.srv1, net.srv2):
        servers.load_nft(server, IGNORE_FLOOD)
        servers.start_iperf3(net, server)


@pytest.fixture(params=conftest.ATTACH)
def plain(request):
    """Default quotas."""
    with build(request, "hostile", {}) as net:
        ready(net)
        yield net


@pytest.fixture(params=["xdp"])
def capped(request):
    """No guarantee for anybody."""
    with build(request, "hostile-capped", CAPPED) as net:
        ready(net)
        yield net


@pytest.fixture(params=conftest.ATTACH)
def guarded(request):
    with build(request, "hostile-guarded", GUARDED) as net:
        ready(net)
        yield net


@pytest.fixture(params=conftest.ATTACH)
def all_ports(request):
    """An eighth of the table is more than the ports of one EIP."""
    with build(request, "hostile-all-ports", ALL_PORTS) as net:
        ready(net)
        yield net


def to_random(net, count):
    return servers.Trafgen(net, net.cli2, f"ipv4(saddr={CLI2}, ttl=64, id=drnd(), "
                           f"daddr=drnd({NOWHERE_FIRST}, {NOWHERE_LAST})), "
                           f"tcp(sp=drnd(1024, 65535), dp=drnd(1, 65535), seq=drnd(), "
                           f"win={WINDOW}, syn)", count)


def to_one(net, count):
    """Every port of the client in turn, so that it asks for as many ports as there are."""
    return servers.Trafgen(net, net.cli2, f"ipv4(saddr={CLI2}, ttl=64, id=drnd(), daddr={SRV1}), "
                           f"tcp(sp=dinc(1024, 65535), dp={HTTP}, seq=drnd(), "
                           f"win={WINDOW}, syn)", count)


def connect_while(net, flood, address):
    """New connections of the other client as long as the flood goes on, and 20 after it.

    Some 50 in a second: their ports are held, and the client has a share of its own, too.
    """
    done = 0
    left = 20
    while left:
        with net.cli1.connect(address, HTTP) as sock:
            servers.request(sock)
        time.sleep(PAUSE_S)
        done += 1
        left -= not flood.running
    flood.finish()
    return done


def attack(net, count):
    """Both floods; existing transfers and new connections to other destinations go on."""
    before = net.natgwd.settled_stats()
    for make in (to_random, to_one):
        Clock(net).be(HALF_OPEN_S)  # the first flood's sessions do not protect from the second one
        net.natgwd.sweep()
        transfer = net.cli1.start("iperf3", "-J", "-t", "2", "-b", "50M", "-c", SRV1, stdout=-1)
        assert connect_while(net, make(net, count), SRV2) > 20
        result = servers.iperf3_result(transfer.communicate(timeout=20)[0])
        assert result["end"]["sum_received"]["bytes"] > 1 << 20
    return (net.natgwd.settled_stats() - before).drops()


def check_default_quotas(net, count):
    drops = attack(net, count)
    # no more than an eighth of the table is the hostile client's
    assert drops["half_open_quota"] > count // 2, drops
    assert set(drops) == {"half_open_quota"}, drops


def check_guarantee(net, count, capsys):
    """The hostile client gets most of the ports; 1,024 are there for the other one."""
    with capsys.disabled():
        print("\n" + net.natgwd.config.text())
    drops = attack(net, count)
    assert drops["port_quota"] > 0, drops
    assert "port_exhausted" not in drops, drops
    held = [net.cli1.connect(SRV1, HTTP) for _number in range(GUARANTEED)]
    for sock in held:
        servers.request(sock)
        sock.close()


def test_default_quotas_bear_a_hostile_client(plain):
    check_default_quotas(plain, FLOOD)


def test_without_a_guarantee_one_client_takes_a_whole_destination(capped):
    """What ports_per_client is for."""
    flood = to_one(capped, PORTS * 2)
    flood.finish()
    with pytest.raises(TimeoutError):
        capped.cli1.connect(SRV1, HTTP, timeout=0.5)
    assert capped.natgwd.settled_stats().dropped("port_exhausted") > 0
    with capped.cli1.connect(SRV2, HTTP) as sock:
        servers.request(sock)


def test_a_guarantee_keeps_ports_of_a_destination_free(guarded, capsys):
    check_guarantee(guarded, FLOOD, capsys)


@pytest.mark.long
def test_a_million_syns_and_default_quotas(plain):
    check_default_quotas(plain, LONG_FLOOD)


@pytest.mark.long
def test_a_million_syns_and_a_guarantee(all_ports, capsys):
    check_guarantee(all_ports, LONG_FLOOD, capsys)
