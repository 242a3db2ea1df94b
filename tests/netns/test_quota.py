# SPDX-License-Identifier: GPL-2.0-only
"""Quotas, each with its reason, and what a client gets that is refused (requirements 15, 17)."""
import contextlib
import errno
import socket

import pytest

import servers
from hosts import CLI2, SRV1, SRV2, wait_for
from test_expiry import Clock
from test_inspect import parse_metrics

HTTP = 80
IP_RECVERR = 11
SILENT = "203.0.113.250"  # the router throws away what goes there
PORTS = 16
HELD_S = 65  # after FIN


@pytest.fixture
def use(net, web):
    """Puts the gateway under other keys, without any session at first; undone afterwards."""
    kept = dict(vars(net.natgwd.config))
    net.router.ip("route", "replace", "blackhole", SILENT)
    expire_everything(net)

    def change(port_range=None, **options):
        net.natgwd.config.port_range = port_range
        net.natgwd.config.options = options
        net.natgwd.reload()
    yield change
    vars(net.natgwd.config).update(kept)
    net.natgwd.reload()


def expire_everything(net):
    """All that earlier tests have left is idle and held for long, and swept."""
    Clock(net).be(2000)
    net.natgwd.sweep()
    assert net.natgwd.sessions() == []


@contextlib.contextmanager
def connections(client, count, address=SRV1):
    """So many open connections, each used."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(client.connect(address, HTTP)) for _number in range(count)]
        for sock in held:
            servers.request(sock)
        yield held


def knock(client, count, address=SILENT):
    """SYNs of so many connections; returns the sockets, which wait for an answer."""
    held = []
    for _number in range(count):
        held.append(client.socket())
        held[-1].setblocking(False)
        assert held[-1].connect_ex((address, HTTP)) == errno.EINPROGRESS
    return held


def abandon(held):
    for sock in held:
        sock.close()


def works(client, address=SRV1):
    with client.connect(address, HTTP) as sock:
        servers.request(sock)


def refuses(client, address=SRV1):
    """A connection gets no answer. It gives up before it asks a second time."""
    with pytest.raises(TimeoutError):
        client.connect(address, HTTP, timeout=0.25)


class Refusals:
    """What the counters say of refused sessions since it was made."""

    def __init__(self, net):
        self.net = net
        self.before = net.natgwd.settled_stats()

    def drops(self):
        return (self.net.natgwd.settled_stats() - self.before).drops()


def works_when_ports_are_free(net):
    """Held sessions count, too; when their time is over there is room again."""
    refuses(net.cli1)
    Clock(net).be(HELD_S + 2)
    net.natgwd.sweep()
    works(net.cli1)


def test_client_sessions(net, use):
    use(max_sessions_per_client="100")
    refusals = Refusals(net)
    with connections(net.cli1, 100) as held:
        refuses(net.cli1)
        refuses(net.cli1, SRV2)
        works(net.cli2)
        assert refusals.drops() == {"client_quota": 2}
        for sock in held:
            servers.request(sock)
    works_when_ports_are_free(net)


def test_client_sessions_of_all_protocols(net, use):
    use(max_sessions_per_client="10")
    refusals = Refusals(net)
    with connections(net.cli1, 9):
        assert servers.ping(net.cli1, SRV1, count=1).received == 1
        assert servers.ping(net.cli1, SRV2, count=1, wait=0.3).received == 0
        assert servers.ping(net.cli2, SRV2, count=1).received == 1
    assert refusals.drops() == {"client_quota": 1}


def test_half_open_sessions(net, use):
    """Only sessions without an answer count."""
    use(max_half_open_per_client="50")
    refusals = Refusals(net)
    with connections(net.cli1, 60):
        held = knock(net.cli1, 50)
        wait_for(lambda: len(rows(net, SILENT)) == 50, "the half-open sessions")
        refuses(net.cli1)
        works(net.cli2)
        abandon(held)
    assert refusals.drops() == {"half_open_quota": 1}


def test_unreplied_datagrams_are_half_open(net, use):
    use(max_half_open_per_client="50")
    refusals = Refusals(net)
    with net.cli1.socket(socket.SOCK_DGRAM) as sock:
        for port in range(1000, 1060):
            sock.sendto(b"x", (SILENT, port))
    assert refusals.drops() == {"half_open_quota": 10}
    assert len(rows(net, SILENT)) == 50


def rows(net, address):
    return [row for row in net.natgwd.sessions() if row["remote_address"] == address]


def test_gateway_sessions(net, use):
    use(max_sessions="20")
    refusals = Refusals(net)
    with connections(net.cli1, 15), connections(net.cli2, 5):
        refuses(net.cli1)
        refuses(net.cli2)
    assert refusals.drops() == {"gateway_quota": 2}


def test_ports_of_a_client_to_one_destination(net, use):
    use(ports_per_client="{max: 30}")
    refusals = Refusals(net)
    with connections(net.cli1, 30):
        refuses(net.cli1)
        works(net.cli1, SRV2)
        works(net.cli2)
    assert refusals.drops() == {"port_quota": 1}
    works_when_ports_are_free(net)


def test_guaranteed_ports_stay_free_for_others(net, use):
    """150 ports for each of 8 others are kept of 3,000."""
    use(port_range="20000-22999", ports_per_client="{min: 150}")
    refusals = Refusals(net)
    with contextlib.ExitStack() as stack:
        count = 0
        with pytest.raises(TimeoutError):
            while count < 3000:
                stack.enter_context(net.cli1.connect(SRV1, HTTP, timeout=0.5))
                count += 1
        assert count == 3000 - 8 * 150
        with connections(net.cli2, 150):
            works(net.cli1, SRV2)
    assert refusals.drops() == {"port_quota": 1}


def test_a_full_table(net, use, web):
    """For 1,024 sessions, so some more fit: a full table refuses, and what lives goes on."""
    with small_table(net):
        use(max_half_open_per_client="0")
        refusals = Refusals(net)
        with connections(net.cli1, 10) as held:
            datagrams = net.cli2.socket(socket.SOCK_DGRAM)
            with datagrams:
                for port in range(2000, 2000 + 4000):
                    datagrams.sendto(b"x", (SILENT, port))
            assert set(refusals.drops()) == {"session_table_full"}
            refuses(net.cli1)
            for sock in held:
                servers.request(sock)
        expire_everything(net)
        works(net.cli1)


@contextlib.contextmanager
def small_table(net):
    """Another size of the table needs a new start."""
    kept = net.natgwd.config.sessions
    restart(net, 1024)
    try:
        yield
    finally:
        restart(net, kept)


def restart(net, sessions):
    net.natgwd.stop()
    net.natgwd.detach()
    net.natgwd.config.sessions = sessions
    net.natgwd.start()


# ---- the answer to a client for which there is no port ----

def exhaust(net, count=PORTS):
    """Takes all ports to one destination; returns the open connections."""
    return connections(net.cli2, count)


def failure(client, address=SRV1):
    with pytest.raises(OSError) as raised:
        client.connect(address, HTTP, timeout=0.25)
    return raised.value.errno if raised.value.errno else type(raised.value)


@pytest.mark.parametrize("answer,error", [("drop", TimeoutError), ("rst", errno.ECONNREFUSED),
                                          ("icmp", errno.EHOSTUNREACH)])
def test_the_answer_when_no_port_is_left(net, use, answer, error):
    use(port_range=f"20000-{20000 + PORTS - 1}", on_exhaustion=answer)
    refusals = Refusals(net)
    with exhaust(net):
        assert failure(net.cli1) == error
        with net.cli1.connect(SRV2, HTTP) as sock:
            servers.request(sock)
    assert refusals.drops() == {"port_exhausted": 1}


def test_the_answer_to_a_datagram_and_an_echo_request(net, use):
    """With icmp every protocol is answered; the error is the kernel's own (EHOSTUNREACH)."""
    use(port_range="20000-20000", on_exhaustion="icmp")
    with net.cli2.socket(socket.SOCK_DGRAM) as taken, net.cli1.socket(socket.SOCK_DGRAM) as late:
        taken.sendto(b"x", (SILENT, 53))
        wait_for(lambda: rows(net, SILENT), "the session")
        late.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        late.connect((SILENT, 53))
        late.send(b"x")
        with pytest.raises(OSError) as raised:
            late.recv(100)
        assert raised.value.errno == errno.EHOSTUNREACH
    assert servers.ping(net.cli2, SILENT, count=1, wait=0.3).received == 0
    assert "Destination Host Unreachable" in servers.ping(net.cli1, SILENT, count=1).output


def test_a_refusal_is_counted_as_an_allocation_error(net, use):
    """ErrorPortAllocation counts what the drop counts; and natgwctl says who has the ports."""
    use(port_range=f"20000-{20000 + PORTS - 1}")
    before = port_errors(net)
    with exhaust(net):
        for _number in range(3):
            assert failure(net.cli1) == TimeoutError
        assert port_errors(net) == [count + 3 for count in before]
        net.natgwd.sweep()
        said = net.natgwd.ctl("explain-errors").stdout
        assert f"{SRV1} port {HTTP}" in said and CLI2 in said
        assert f"{SRV1}:{HTTP}" in net.natgwd.ctl("top", "destinations").stdout


def port_errors(net):
    """[ErrorPortAllocation, failures for this reason] of TCP"""
    samples = parse_metrics(net.natgwd.metrics())
    tcp = 'gateway="nat-a",proto="tcp"'
    return [samples[("natgw_error_port_allocation_total", tcp)],
            samples[("natgw_connection_failures_total", tcp + ',reason="port_exhausted"')]]
