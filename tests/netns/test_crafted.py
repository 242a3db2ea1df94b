# SPDX-License-Identifier: GPL-2.0-only
"""Packets that no program sends of itself: each is dropped and counted by its reason."""
import pytest
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

import servers
from hosts import CLI1, EIP, SRV1

MARTIANS = ["127.0.0.1", "127.1.2.3", "169.254.1.1", "240.0.0.1", "0.1.2.3"]


def send_outbound(net, packet):
    net.cli1.send_frame("eth0", Ether(dst=net.gw.mac("int0"), src=net.cli1.mac("eth0")) / packet)


def send_inbound(net, packet):
    ethernet = Ether(dst=net.gw.mac("ext0"), src=net.router.mac("ext0"))
    net.router.send_frame("ext0", ethernet / packet)


def drops_of(net, send, *packets, answers=0):
    """Reasons counted for these packets; none of them comes out on either side, but so many
    answers to the client."""
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", f"ip and dst host {SRV1}") as outside, \
            servers.Capture(net, net.cli1, "eth0", f"ip and dst host {CLI1}") as inside:
        for packet in packets:
            send(net, packet)
        since = net.natgwd.settled_stats() - before
    assert (outside.count(), inside.count()) == (0, answers)
    return since.drops()


def test_other_protocols_are_not_supported(net):
    """Requirements 3 and 58: GRE, ESP, AH, SCTP."""
    packets = [IP(src=CLI1, dst=SRV1) / GRE()] + [
        IP(src=CLI1, dst=SRV1, proto=number) / (b"x" * 32) for number in (50, 51, 132)]
    assert drops_of(net, send_outbound, *packets) == {"proto_unsupported": 4}


@pytest.mark.parametrize("flags", ["A", "FA", "PA", "SA"])
def test_tcp_without_a_session_is_no_beginning(net, flags):
    packet = IP(src=CLI1, dst=SRV1) / TCP(sport=4000, dport=80, flags=flags, seq=1, ack=1)
    # A segment of a connection that is not there is answered by a RST.
    answers = 0 if flags == "SA" else 1
    assert drops_of(net, send_outbound, packet, answers=answers) == {"tcp_no_syn": 1}


def test_addresses_that_no_packet_may_carry(net):
    packets = [IP(src=CLI1, dst=address) / UDP(sport=4000, dport=53) for address in MARTIANS]
    assert drops_of(net, send_outbound, *packets) == {"martian": len(MARTIANS)}


def test_headers_that_contradict_themselves(net):
    whole = IP(src=CLI1, dst=SRV1) / UDP(sport=4000, dport=53) / (b"x" * 32)
    longer = whole.copy()
    longer[IP].len = 500
    shorter = whole.copy()
    shorter[IP].len = 24
    assert drops_of(net, send_outbound, longer, shorter) == {"malformed": 2}


@pytest.mark.parametrize("kind", [(3, 1), (3, 3), (11, 0), (12, 0)])
def test_an_icmp_error_for_no_session_reaches_nobody(net, kind):
    quote = IP(src=EIP, dst=SRV1) / UDP(sport=40000, dport=53)
    packet = IP(src=SRV1, dst=EIP) / ICMP(type=kind[0], code=kind[1]) / quote
    drops = drops_of(net, send_inbound, packet)
    assert sum(drops.values()) == 1 and set(drops) <= {"icmp_quote", "no_session"}


def test_large_pings_are_dropped_fragment_by_fragment(net):
    """Requirement 51."""
    assert servers.ping(net.cli1, SRV1, "-s", "1400").received == 3
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.cli1, "eth0", f"icmp and dst host {SRV1}") as sent:
        assert servers.ping(net.cli1, SRV1, "-s", "10000", count=2).received == 0
    assert sent.count() == 14
    assert (net.natgwd.settled_stats() - before).drops() == {"frag_icmp": 14}


def test_icmp_types_that_are_not_translated(net):
    packets = [IP(src=CLI1, dst=SRV1) / ICMP(type=number) for number in (13, 17)]
    assert drops_of(net, send_outbound, *packets) == {"icmp_type": 2}


def test_a_packet_with_ip_options_is_translated(net):
    from scapy.layers.inet import IPOption_NOP

    packet = IP(src=CLI1, dst=SRV1, options=[IPOption_NOP()] * 4) / ICMP(id=77, seq=1) / b"natgw"
    with servers.Capture(net, net.cli1, "eth0", "icmp[icmptype] == icmp-echoreply") as replies:
        send_outbound(net, packet)
        servers.wait_for(lambda: replies.has_read_all() and replies.captured() == 1, "a reply")
    assert replies.packets()[0][ICMP].id == 77


def test_ipv6_is_passed_or_dropped(net):
    """Requirement 4: it is the kernel's unless the config says otherwise; counted either way."""
    frame = Ether(dst=net.gw.mac("int0"), src=net.cli1.mac("eth0"), type=0x86dd) / (
        bytes.fromhex("60000000000011ff") + b"\x20\x01" + 30 * b"\0")
    before = net.natgwd.settled_stats()
    net.cli1.send_frame("eth0", frame)
    assert (net.natgwd.settled_stats() - before).drops() == {}
    with net.natgwd.configured(more=["ipv6: drop"]):
        before = net.natgwd.settled_stats()
        net.cli1.send_frame("eth0", frame)
        assert (net.natgwd.settled_stats() - before).drops() == {"ipv6_dropped": 1}
