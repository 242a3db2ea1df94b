# SPDX-License-Identifier: GPL-2.0-only
"""EIPs that come and go under load (requirements B-1, B-3)."""
import contextlib
import signal
import socket

import pytest

import servers
from hosts import EIP, EIP2, SRV1, SRV2, wait_for
from test_expiry import MARGIN_S, Clock
from test_inspect import parse_metrics

HTTP = 80
DRAIN_S = 100
AFTER_DRAIN_S = 60
PORTS = 16
CONFIG = {"options": {"drain": f"{DRAIN_S}s"}}


@pytest.fixture(autouse=True)
def config(net):
    """No session of earlier tests; the config as it was afterwards."""
    Clock(net).be(2000)
    net.natgwd.sweep()
    kept = dict(vars(net.natgwd.config))
    yield net.natgwd.config
    vars(net.natgwd.config).update(kept)
    net.natgwd.reload()


def use(net, *eips):
    net.natgwd.config.eips = list(eips)
    net.natgwd.reload()


def row_of(net, sock):
    port = sock.getsockname()[1]
    rows = [row for row in net.natgwd.sessions() if row["internal_src_port"] == port]
    return rows[0] if rows else None


def eip_of(net, sock):
    return row_of(net, sock)["external_src_address"]


def state_of(net, address):
    described = net.natgwd.ctl_json("describe", "nat-a")["gateways"][0]
    return {row["address"]: row["state"] for row in described["eips"]}.get(address)


@contextlib.contextmanager
def draining(net):
    """A connection by an EIP that has been taken out, and the clock of its drain."""
    use(net, EIP2)
    with net.cli1.connect(SRV1, HTTP) as sock:
        servers.request(sock)
        use(net, EIP)
        clock = Clock(net)
        assert eip_of(net, sock) == EIP2
        assert state_of(net, EIP2) == "disassociating"
        yield sock, clock


def closed_by_drain(net):
    labels = 'gateway="nat-a",proto="tcp",cause="drain"'
    return parse_metrics(net.natgwd.metrics())[("natgw_sessions_closed_total", labels)]


def test_an_eip_taken_out_takes_no_new_sessions(net, web):
    with draining(net) as (sock, clock):
        for client in (net.cli1, net.cli2):
            for address in (SRV1, SRV2):
                with client.connect(address, HTTP) as new:
                    servers.request(new)
                    assert eip_of(net, new) == EIP
        clock.be(DRAIN_S - MARGIN_S)
        net.natgwd.sweep()
        servers.request(sock)
        assert state_of(net, EIP2) == "disassociating"


def test_the_drain_ends_what_is_left(net, web):
    before = closed_by_drain(net)
    with draining(net) as (sock, clock):
        clock.be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        assert row_of(net, sock) is None
        assert closed_by_drain(net) == before + 1
        sock.send(b"too late")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_an_eip_is_given_back_some_time_after_its_drain(net, web):
    """Until then packets to it are counted as late ones, and new clients do not get it."""
    with draining(net) as (sock, clock):
        clock.be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        before = net.natgwd.settled_stats()
        assert servers.ping(net.router, EIP2, count=1).received == 0
        with net.srv1.socket(socket.SOCK_DGRAM) as late:
            late.sendto(b"x", (EIP2, 20000))
            wait_for(lambda: (net.natgwd.stats() - before).dropped("drain_expired"), "the drop")
        clock.be(DRAIN_S + AFTER_DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        assert state_of(net, EIP2) is None


@contextlib.contextmanager
def without_the_sweep(net):
    """natgwd stands still: what the data path does, it does alone."""
    net.natgwd.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        net.natgwd.process.send_signal(signal.SIGCONT)


def test_packets_after_the_drain_are_counted(net, web):
    with draining(net) as (sock, clock):
        before = net.natgwd.settled_stats()
        with without_the_sweep(net):
            clock.be(DRAIN_S + MARGIN_S)
            sock.send(b"too late")
        wait_for(lambda: (net.natgwd.stats() - before).dropped("drain_expired"), "the drop")


def test_the_drain_goes_on_without_the_daemon(net, web):
    with draining(net) as (sock, clock):
        net.natgwd.kill()
        servers.request(sock)
        net.natgwd.start()
        servers.request(sock)
        assert eip_of(net, sock) == EIP2
        clock.be(DRAIN_S - MARGIN_S)
        net.natgwd.sweep()
        servers.request(sock)
        clock.be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        assert row_of(net, sock) is None


def test_an_eip_taken_in_again_goes_on(net, web):
    with draining(net) as (sock, clock):
        clock.be(DRAIN_S - MARGIN_S)
        use(net, EIP, EIP2)
        assert state_of(net, EIP2) == "succeeded"
        clock.be(DRAIN_S + MARGIN_S)
        net.natgwd.sweep()
        servers.request(sock)
        assert eip_of(net, sock) == EIP2
        use(net, EIP2)
        with net.cli1.connect(SRV1, HTTP) as new:
            servers.request(new)
            assert eip_of(net, new) == EIP2


def test_another_eip_ends_exhaustion(net, web):
    """Requirement B-1: with no restart, from the next connection on."""
    net.natgwd.config.port_range = f"20000-{20000 + PORTS - 1}"
    use(net, EIP)
    with contextlib.ExitStack() as stack:
        for _number in range(PORTS):
            servers.request(stack.enter_context(net.cli1.connect(SRV1, HTTP)))
        with pytest.raises(TimeoutError):
            net.cli1.connect(SRV1, HTTP, timeout=0.3)
        use(net, EIP, EIP2)
        before = net.natgwd.settled_stats()
        for _number in range(PORTS):
            new = stack.enter_context(net.cli1.connect(SRV1, HTTP))
            servers.request(new)
            assert eip_of(net, new) == EIP2
        assert not (net.natgwd.settled_stats() - before).dropped("port_exhausted")
        capacity = {key: value for key, value in parse_metrics(net.natgwd.metrics()).items()
                    if key[0] == "natgw_ports_capacity" and 'proto="tcp"' in key[1]}
        assert sum(capacity.values()) == 2 * PORTS
        with pytest.raises(TimeoutError):
            net.cli1.connect(SRV1, HTTP, timeout=0.3)
