# SPDX-License-Identifier: GPL-2.0-only
"""What coturn makes of the gateway: mapping and filtering (RFC 4787, 5780), at any fill."""
import socket

import pytest

import conftest
import servers
import topology

PORTS = 1000
DEPENDENT = ("Address and Port Dependent", "Address and Port Dependent")
INDEPENDENT = ("Endpoint Independent", "Endpoint Independent")
MIXED = ("Endpoint Independent", "Address and Port Dependent")
RULES = {
    "eim": "mapping: endpoint_independent",
    "mixed": "mapping: endpoint_independent, filtering: address_and_port_dependent",
}


class Case:
    """A STUN server, and the gateway through which the clients reach it; each its own."""

    def __init__(self, number, fill, rule, expected):
        self.gateway = f"nat-{number}"
        self.private_ip = f"10.0.1.{200 + number}"
        self.eip = f"198.51.100.{60 + number}"
        self.address = f"203.0.113.{20 + 2 * number}"
        self.other_address = f"203.0.113.{21 + 2 * number}"
        self.fill, self.rule, self.expected = fill, rule, expected


CASES = [Case(number, *row) for number, row in enumerate((
    (0, None, DEPENDENT),
    (PORTS * 50 // 100, None, DEPENDENT),
    (PORTS * 90 // 100, None, DEPENDENT),
    (0, "eim", INDEPENDENT),
    (PORTS * 90 // 100, "eim", INDEPENDENT),
    (0, "mixed", MIXED),
))]


def configure(config):
    for case in CASES:
        config.more_gateways.append(
            f"  - {{name: {case.gateway}, private_ip: {case.private_ip}, eips: [{case.eip}],"
            f" port_range: 20000-{20000 + PORTS - 1}}}")
        config.routes.append((f"{case.address}/31", f"gateway:{case.gateway}"))
    config.more = ["rules:"] + [
        f"  - {{session: {{gateway: {case.gateway}, protocol: udp, port: 3478-3479,"
        f" {RULES[case.rule]}}}}}" for case in CASES if case.rule]


@pytest.fixture(scope="module", params=conftest.ATTACH)
def net(request):
    with topology.Topology("natdiscovery", "bridge", request.param) as made:
        configure(made.natgwd.config)
        made.natgwd.start()
        yield made


@pytest.fixture(scope="module")
def stun(net):
    """{case: its STUN server}"""
    return {case: servers.Turnserver(net, net.srv1, case.address, case.other_address)
            for case in CASES}


def sessions_of(net, case):
    return [row for row in net.natgwd.sessions() if row["external_src_address"] == case.eip]


def fill(net, case):
    """Another client uses so many ports of the gateway."""
    with net.cli2.socket(socket.SOCK_DGRAM) as sock:
        for number in range(case.fill):
            sock.sendto(b"x", (case.address, 30000 + number))
    rows = sessions_of(net, case)
    assert len({row["external_src_port"] for row in rows}) == len(rows) == case.fill


def test_stunclient_sees_the_eip_and_a_port_of_its_range(net, stun):
    address, port = stun[CASES[0]].reflexive_address(net.cli1)
    assert address == CASES[0].eip
    assert 20000 <= port < 20000 + PORTS


def test_natdiscovery_names_mapping_and_filtering_at_any_fill(net, stun):
    """All cases at a time: natdiscovery spends its time waiting for what is filtered."""
    net.natgwd.set_skew(1000)
    net.natgwd.sweep()
    for case in CASES:
        fill(net, case)
    running = {case: stun[case].start_natdiscovery(net.cli1) for case in CASES}
    found = {case: stun[case].end_natdiscovery(process) for case, process in running.items()}
    assert [found[case] for case in CASES] == [case.expected for case in CASES]
