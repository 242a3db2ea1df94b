# SPDX-License-Identifier: GPL-2.0-only
"""Idle expiry through the clock skew: before its timer a session lives, after it not, and when its
hold-down is over, too, it is gone."""
import socket
import time

import servers
from hosts import CLI1, SRV1, wait_for

SILENT = "203.0.113.250"  # the router throws away what goes there
TIMEOUTS = {"tcp_half_open": 30, "tcp_established": 350, "udp_unreplied": 20, "udp": 200,
            "icmp": 60, "hold_half_open": 15, "hold_udp": 40}
CONFIG = {"timeouts": TIMEOUTS}
MARGIN_S = 2  # the sweep takes a row one second after its expiry, and the test takes its time


class Clock:
    """Skews the data path's clock; never back, as time."""

    skew = {}

    def __init__(self, net):
        self.net = net
        self.started = time.monotonic()
        self.base = self.skew.get(net.ident + net.attach, 0)

    def be(self, seconds):
        """Now it is that many seconds after the clock was made."""
        real = time.monotonic() - self.started
        skew = self.base + max(0, seconds - real)
        self.skew[self.net.ident + self.net.attach] = skew
        self.net.natgwd.set_skew(skew)


def udp(net, address, port):
    sock = net.cli1.socket(socket.SOCK_DGRAM, timeout=3)
    sock.connect((address, port))
    return sock


def half_open(net):
    sock = net.cli1.socket()
    sock.setblocking(False)
    assert sock.connect_ex((SILENT, 80)) == 115  # EINPROGRESS
    wait_for(lambda: live(net, "tcp", SILENT) == (1, 1), "the session")
    sock.close()  # no second SYN


def live(net, protocol, address):
    """Whether natgwd lists the session and the kernel's text view has it."""
    rows = [row for row in net.natgwd.sessions()
            if row["protocol"] == protocol and row["remote_address"] == address]
    lines = [line for line in net.natgwd.text_view().splitlines()
             if address in line and CLI1 in line and protocol in line.lower()]
    return len(rows), len(lines)


def states(net, protocol, address):
    """Of the session in natgwd's list and in the kernel's text view; nothing when it is gone."""
    rows = [row["state"] for row in net.natgwd.sessions()
            if row["protocol"] == protocol and row["remote_address"] == address]
    lines = [line.split()[3] for line in net.natgwd.text_view().splitlines()
             if address in line and CLI1 in line and protocol in line.lower()]
    return {state.lower() for state in rows + lines}


def assert_expires(net, clock, protocol, address, timeout, hold=0):
    clock.be(timeout - MARGIN_S)
    net.natgwd.sweep()
    assert live(net, protocol, address) == (1, 1)
    assert "hold" not in states(net, protocol, address)
    if hold:
        for moment in timeout + MARGIN_S, timeout + hold - MARGIN_S:
            clock.be(moment)
            net.natgwd.sweep()
            assert states(net, protocol, address) == {"hold"}
    clock.be(timeout + hold + MARGIN_S)
    net.natgwd.sweep()
    assert live(net, protocol, address) == (0, 0)


def test_tcp_half_open(net):
    net.router.ip("route", "replace", "blackhole", SILENT)
    clock = Clock(net)
    half_open(net)
    assert_expires(net, clock, "tcp", SILENT, TIMEOUTS["tcp_half_open"],
                   TIMEOUTS["hold_half_open"])


def test_tcp_established(net, web):
    clock = Clock(net)
    with net.cli1.connect(SRV1, 80):
        wait_for(lambda: live(net, "tcp", SRV1) == (1, 1), "the session")
        assert_expires(net, clock, "tcp", SRV1, TIMEOUTS["tcp_established"])


def test_udp_unreplied(net):
    net.router.ip("route", "replace", "blackhole", SILENT)
    clock = Clock(net)
    with udp(net, SILENT, 53) as sock:
        sock.send(b"x")
        wait_for(lambda: live(net, "udp", SILENT) == (1, 1), "the session")
    assert_expires(net, clock, "udp", SILENT, TIMEOUTS["udp_unreplied"], TIMEOUTS["hold_udp"])


def test_udp_replied(net):
    servers.Dnsmasq(net, net.srv1)
    clock = Clock(net)
    net.cli1.run("dig", "+short", "+tries=1", f"@{SRV1}", servers.Dnsmasq.NAME)
    assert_expires(net, clock, "udp", SRV1, TIMEOUTS["udp"], TIMEOUTS["hold_udp"])


def test_icmp(net):
    clock = Clock(net)
    assert servers.ping(net.cli1, SRV1, count=1).received == 1
    assert_expires(net, clock, "icmp", SRV1, TIMEOUTS["icmp"])


def test_traffic_refreshes(net, web):
    """Requirement 55: any packet puts the end off."""
    clock = Clock(net)
    with net.cli1.connect(SRV1, 80) as sock:
        clock.be(TIMEOUTS["tcp_established"] - MARGIN_S)
        servers.request(sock)
        clock.be(2 * TIMEOUTS["tcp_established"] - 2 * MARGIN_S)
        net.natgwd.sweep()
        assert live(net, "tcp", SRV1) == (1, 1)
        servers.request(sock)


def test_an_expired_session_counts_as_idle_timeout(net, web):
    def counted():
        return sum(float(line.rsplit(" ", 1)[1]) for line in net.natgwd.metrics().splitlines()
                   if line.startswith("natgw_idle_timeouts_total{") and 'proto="tcp"' in line)

    before = counted()
    clock = Clock(net)
    with net.cli1.connect(SRV1, 80):
        wait_for(lambda: live(net, "tcp", SRV1)[0] >= 1, "the session")
        clock.be(TIMEOUTS["tcp_established"] + MARGIN_S)
        net.natgwd.sweep()
    assert counted() >= before + 1
