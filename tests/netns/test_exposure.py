# SPDX-License-Identifier: GPL-2.0-only
"""From the server's side nothing reaches a client without a session, or the host by an EIP."""
import pytest

import servers
from hosts import CLI1, EIP, GW_EXTERNAL, SRV1, wait_for

SCANNED = 300


@pytest.fixture
def client_captures(net):
    """What the clients receive that is not their own traffic: nothing may."""
    captures = [servers.Capture(net, client, "eth0", f"ip and dst host {address}")
                for client, address in net.clients()]
    yield captures
    assert [capture.count() for capture in captures] == [0, 0]


@pytest.mark.parametrize("role", ["router", "srv1"])
@pytest.mark.parametrize("scan", ["-sS", "-sU"])
def test_a_scan_of_an_eip_shows_no_open_and_no_closed_port(net, client_captures, role, scan):
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", f"ip and dst host {EIP}") as capture:
        states = servers.nmap_states(getattr(net, role), scan, "-T5", "--max-retries", "0",
                                     "--min-rate", "2000", "-p", f"1-{SCANNED},32222", EIP)
    assert set(states) <= {"filtered", "open|filtered"}
    assert sum(states.values()) == SCANNED + 1
    since = net.natgwd.settled_stats() - before
    sent = capture.count()
    assert sent >= SCANNED
    assert since.drops() == {"no_session": sent}


def test_a_private_address_is_not_reachable_from_outside(net, web, client_captures):
    net.router.ip("route", "replace", "10.0.1.0/24", "via", GW_EXTERNAL)
    before = net.natgwd.settled_stats()
    try:
        assert servers.ping(net.router, CLI1).received == 0
        assert servers.ping(net.srv1, CLI1).received == 0
        states = servers.nmap_states(net.router, "-sS", "-T5", "--max-retries", "0", "-p", "1-50",
                                     CLI1)
        assert set(states) == {"filtered"}
    finally:
        net.router.ip("route", "delete", "10.0.1.0/24")
    assert sum((net.natgwd.settled_stats() - before).drops().values()) >= 50


def test_a_session_opens_no_door_for_others(net, web):
    """A port in use answers its own remote endpoint and nobody else."""
    with net.cli1.connect(SRV1, 80):
        row = wait_for(lambda: [row for row in net.natgwd.sessions()
                                if row["remote_address"] == SRV1
                                and row["state"] == "established"], "the session")[0]
        port = row["external_src_port"]
        before = net.natgwd.settled_stats()
        with servers.Capture(net, net.cli1, "eth0", f"ip and dst host {CLI1}") as capture:
            for namespace in (net.srv1, net.srv2, net.router):
                states = servers.nmap_states(namespace, "-sS", "-T5", "--max-retries", "0",
                                             "-p", str(port), EIP)
                assert states == {"filtered": 1}
        assert capture.count() == 0
        assert (net.natgwd.settled_stats() - before).drops() == {"no_session": 3}
