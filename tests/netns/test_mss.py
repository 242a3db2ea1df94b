# SPDX-License-Identifier: GPL-2.0-only
"""MSS clamp (requirement B-10): what either end of a connection learns of the other's MSS."""
import contextlib

import pytest
from scapy.layers.inet import IP, TCP

import probes
import servers
from hosts import CLI1, EIP, SRV1, wait_for

SYN, ACK = 0x02, 0x10
SERVICE = 8080


@pytest.fixture
def small_external_mtu(net):
    with probes.links_of(net, 1400, (net.router, "ext0"), (net.gw, net.external)):
        yield


@contextlib.contextmanager
def advertised(namespace, mss):
    """The namespace's own connections ask for segments of this size."""
    route = namespace.ip("route", "show", "default").split()
    route = route[:route.index("dev") + 2]
    try:
        namespace.ip("route", "replace", *route, "advmss", str(mss))
        yield
    finally:
        namespace.ip("route", "replace", *route)


class Handshake:
    """The MSS of the SYN as the server sees it, and of the SYN-ACK as the client sees it."""

    def __init__(self, net, client):
        expression = "tcp[tcpflags] & tcp-syn != 0 and not tcp[tcpflags] & tcp-rst != 0"
        with servers.Capture(net, net.srv1, "eth0", f"{expression} and dst host {SRV1}") as there, \
                servers.Capture(net, client, "eth0", f"{expression} and src host {SRV1}") as back, \
                client.connect(SRV1, 80) as sock:
            servers.request(sock)
        self.syn, self.syn_ack = mss_of(there.packets()[0]), mss_of(back.packets()[0])


def mss_of(packet):
    return dict(option for option in packet[TCP].options if option[0] == "MSS").get("MSS")


def test_both_ends_learn_of_the_smaller_external_link(net, web, small_external_mtu):
    for client, _address in net.clients():
        seen = Handshake(net, client)
        assert (seen.syn, seen.syn_ack) == (1360, 1360)


def test_a_smaller_internal_link_counts_in_both_directions_too(net, web, small_external_mtu):
    with probes.links_of(net, 1300, (net.gw, net.internal[0])):
        seen = Handshake(net, net.cli1)
        assert (seen.syn, seen.syn_ack) == (1260, 1260)


def test_nothing_is_raised(net, web, small_external_mtu):
    with advertised(net.cli1, 900), advertised(net.srv1, 800):
        seen = Handshake(net, net.cli1)
        assert (seen.syn, seen.syn_ack) == (900, 800)


def test_links_of_one_size_change_nothing(net, web):
    seen = Handshake(net, net.cli1)
    assert (seen.syn, seen.syn_ack) == (1460, 1460)


def test_the_slow_path_clamps_as_well(net, web, small_external_mtu):
    """The kernel carries a SYN to the egress hook while a MAC address is not known."""
    net.gw.ip("neigh", "flush", "all")
    seen = Handshake(net, net.cli1)
    assert (seen.syn, seen.syn_ack) == (1360, 1360)


MSS = ("MSS", 1460)
NOP = ("NOP", None)
OPTIONS = {
    "first": [MSS],
    "second": [NOP, NOP, MSS],
    "at an odd place": [NOP, MSS],
    "in the middle": [("WScale", 7), MSS, ("SAckOK", b"")],
    "last of 40 bytes": [("Timestamp", (1, 0)), ("WScale", 7), ("SAckOK", b"")] + [NOP] * 21 +
                        [MSS],
}


def test_the_option_is_found_wherever_it_stands(net, web, small_external_mtu):
    """The server answers each: its checksum is right. No SYN-ACK is worth more than 1,360."""
    with servers.Capture(net, net.srv1, "eth0", f"tcp[tcpflags] == tcp-syn and src host {EIP}"
                         ) as capture, \
            servers.Capture(net, net.cli1, "eth0", f"src host {SRV1} and tcp[13] == {SYN | ACK}"
                            ) as answers, probes.inside(net, net.cli1) as sender:
        for number, options in enumerate(OPTIONS.values()):
            sender.send(IP(src=CLI1, dst=SRV1) / TCP(sport=20000 + number, dport=80, flags="S",
                                                     options=options))
        wait_for(lambda: capture.has_read_all() and answers.has_read_all() and
                 capture.captured() >= len(OPTIONS) and answers.captured() >= len(OPTIONS),
                 "an answer to every SYN")
    for (where, options), packet in zip(OPTIONS.items(), capture.packets()):
        got = packet[TCP].options
        assert [value for name, value in got if name == "MSS"] == [1360], where
        assert [option for option in got if option[0] not in ("MSS", "EOL")] == \
            [option for option in options if option != MSS], where


def test_what_is_no_syn_or_has_no_option_is_left_alone(net, web, small_external_mtu):
    """No option is added; an MSS option in a later segment means nothing."""
    with servers.Capture(net, net.srv1, "eth0", f"tcp and src host {EIP}") as capture, \
            probes.inside(net, net.cli1) as sender:
        sender.send(IP(src=CLI1, dst=SRV1) / TCP(sport=30000, dport=SERVICE, flags="S", seq=1),
                    IP(src=CLI1, dst=SRV1) / TCP(sport=30000, dport=SERVICE, flags="A", seq=2,
                                                 ack=1, options=[MSS]))
        wait_for(lambda: capture.has_read_all() and capture.captured() == 2, "both segments")
    assert [mss_of(packet) for packet in capture.packets()] == [None, 1460]
