# SPDX-License-Identifier: GPL-2.0-only
"""Sizes (requirements B-8, B-9): around the MTU of each link, on the way out and on the way in, and
path MTU discovery of real programs over a smaller link behind the router."""
import contextlib
import errno
import os
import re
import socket

import pytest

import probes
import servers
from hosts import EIP, PRIVATE_IP, ROUTER, SRV1, wait_for

SERVICE = 5300
HEADERS = 28  # IPv4 and UDP, or IPv4 and ICMP
AROUND = (-2, -1, 0, 1, 2)
MTU_DISCOVER, DONT, DO, PROBE = 10, 0, 2, 3  # IP_MTU_DISCOVER and its values


def small_external(net, mtu):
    return probes.links_of(net, mtu, (net.gw, net.external), (net.router, "ext0"))


def small_second(net, mtu):
    """A link behind the router, on the way out only."""
    return probes.links_of(net, mtu, (net.router, "br0"))


def small_internal(net, mtu):
    """The gateway's own link, on the way in only."""
    return probes.links_of(net, mtu, (net.gw, net.internal[0]))


@pytest.fixture(autouse=True)
def neighbours_are_known(net):
    for client, _address in net.clients():
        assert servers.ping(client, SRV1, count=1).received == 1


# ---- the way out ----

def pings_around(net, client, mtu, teller):
    """One ping with DF for each size around the MTU: what is too big is told by that hop."""
    for more in AROUND:
        client.ip("route", "flush", "cache")
        result = servers.ping(client, SRV1, "-M", "do", "-s", str(mtu + more - HEADERS), count=1)
        told = re.search(rf"From {teller} icmp_seq=1 Frag needed and DF set \(mtu = {mtu}\)",
                         result.output)
        assert (result.received, bool(told)) == ((1, False) if more <= 0 else (0, True)), \
            f"{mtu} {more:+d}: {result.output}"


def test_pings_of_every_size_around_the_external_mtu(net):
    """The gateway tells, once for each packet that it drops."""
    with small_external(net, 1400):
        before = net.natgwd.settled_stats()
        for client, _address in net.clients():
            pings_around(net, client, 1400, PRIVATE_IP)
        since = net.natgwd.settled_stats() - before
        assert since.drops() == {"too_big": 4}
        assert since.generated["icmp_frag_needed"] == 4


def test_pings_of_every_size_around_the_mtu_of_a_smaller_second_link(net):
    """The router tells; the gateway only carries that."""
    with small_external(net, 1400), small_second(net, 1300):
        before = net.natgwd.settled_stats()
        for client, _address in net.clients():
            pings_around(net, client, 1300, ROUTER)
        since = net.natgwd.settled_stats() - before
        assert since.drops() == {}
        assert since.generated["icmp_frag_needed"] == 0


def test_tracepath_shows_where_the_path_narrows(net):
    with small_external(net, 1400), small_second(net, 1300):
        before = net.natgwd.settled_stats()
        for client, _address in net.clients():
            hops, mtu = probes.tracepath(client, SRV1)
            learned = {(host, value) for _hop, host, value in hops if value}
            assert (learned, mtu) == ({(PRIVATE_IP, 1400), (ROUTER, 1300)}, 1300)
            assert hops[-1][:2] == (3, SRV1)
        since = net.natgwd.settled_stats() - before
        assert since.dropped("too_big") == since.generated["icmp_frag_needed"] == 2
        assert set(since.drops()) == {"too_big", "ttl_expired"}


def datagram(size):
    return os.urandom(size - HEADERS)


@contextlib.contextmanager
def endpoints(net, client, discover):
    """A connected pair of UDP sockets through the gateway: (client's, server's)."""
    with net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, SERVICE), timeout=2) as server, \
            client.socket(socket.SOCK_DGRAM, timeout=2) as sock:
        for each in (server, sock):
            each.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, discover)
            each.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        sock.connect((SRV1, SERVICE))
        sock.send(b"hello")
        server.connect(server.recvfrom(100)[1])
        yield sock, server


def test_without_df_the_gateway_cuts_what_is_too_big(net):
    """RFC 4787 REQ-13a: even where the gateway takes no fragments, its own are translated."""
    with small_external(net, 1400), net.natgwd.configured(options={"fragments": "drop"}), \
            endpoints(net, net.cli1, DONT) as (sock, server):
        before = net.natgwd.settled_stats(), probes.kernel_counter(net.srv1, "Ip", "ReasmOKs")
        for more in AROUND:
            sent = datagram(1400 + more)
            sock.send(sent)
            assert server.recv(2000) == sent
        assert (net.natgwd.settled_stats() - before[0]).drops() == {}
        assert probes.kernel_counter(net.srv1, "Ip", "ReasmOKs") - before[1] == 2


# ---- the way in ----

def test_datagrams_of_every_size_around_the_mtu_on_the_way_in(net):
    """The kernel makes the error after the translation has been undone: it leaves with the EIP."""
    with small_internal(net, 1400), endpoints(net, net.cli1, PROBE) as (sock, server), \
            servers.Capture(net, net.router, "ext0", "icmp") as capture:
        for more in AROUND:
            sent = datagram(1400 + more)
            server.send(sent)
            if more <= 0:
                assert sock.recv(2000) == sent
                continue
            with pytest.raises(OSError) as raised:
                server.recv(1)
            assert raised.value.errno == errno.EMSGSIZE
        packets = capture.packets()
    errors = [probes.IcmpError(packet) for packet in packets]
    assert [(error.kind, error.mtu) for error in errors] == [((3, 4), 1400)] * 2
    assert {(error.src, error.dst, error.quote_src, error.quote_dst) for error in errors} == \
        {(EIP, SRV1, SRV1, EIP)}
    assert not probes.private_addresses(packets)


def test_without_df_the_kernel_cuts_what_is_too_big_on_the_way_in(net):
    with small_internal(net, 1400), endpoints(net, net.cli1, DONT) as (sock, server):
        for more in AROUND:
            sent = datagram(1400 + more)
            server.send(sent)
            assert sock.recv(2000) == sent


# ---- TCP whose path becomes smaller under way ----

# Longer under way than a next hop counts, on a busy machine too.
FILE_MB = 48
RATE = "32M"


class Transfer:
    """A curl that is under way: some of its file has arrived, and more is to come."""

    def __init__(self, process, path):
        self.process = process
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 1 << 20,
                 "the first megabyte")
        assert process.poll() is None
        self.came = os.path.getsize(path)

    def finish(self):
        assert self.process.wait(30) == 0


def start_curl(net, client, *options):
    return net.keep(client.start("curl", "-sS", "--fail", "-m", "30", "--limit-rate", RATE,
                                 *options, stdout=-3))


def uploaded(server):
    """Where nginx keeps an upload until it is complete."""
    folder = os.path.join(server.folder, "body")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return os.path.join(folder, names[0]) if names else server.path("upload")


def test_an_upload_adapts_to_a_link_of_1280_behind_the_router(net, web):
    digest = web[0].add_file("file", FILE_MB)
    before = net.natgwd.settled_stats()
    process = start_curl(net, net.cli1, "-T", web[0].path("file"), f"http://{SRV1}/upload")
    wait_for(lambda: os.path.exists(uploaded(web[0])), "the upload to begin")
    transfer = Transfer(process, uploaded(web[0]))
    with small_second(net, 1280):
        transfer.finish()
        assert servers.file_hash(web[0].path("upload")) == digest
        assert probes.path_mtu(net.cli1, SRV1) == 1280
        since = net.natgwd.settled_stats() - before
        assert since.drops() == {}
        assert probes.kernel_counter(net.cli1, "Icmp", "InDestUnreachs") >= 1


def test_a_download_adapts_to_an_internal_link_of_1280(net, web):
    """The server hears of it from the EIP."""
    digest = web[0].add_file("file", FILE_MB)
    copy = net.path("copy")
    with servers.Capture(net, net.router, "ext0", "icmp") as capture:
        transfer = Transfer(start_curl(net, net.cli2, "-o", copy, f"http://{SRV1}/file"), copy)
        with small_internal(net, 1280):
            transfer.finish()
            assert servers.file_hash(copy) == digest
            assert probes.path_mtu(net.srv1, EIP) == 1280
    packets = capture.packets()
    errors = [probes.IcmpError(packet) for packet in packets]
    assert errors and {(error.kind, error.mtu, error.src, error.quote_dst) for error in errors} == \
        {((3, 4), 1280, EIP, EIP)}
    assert not probes.private_addresses(packets)


def test_an_upload_adapts_to_an_external_link_of_1280(net, web):
    """The gateway itself tells; in tc the packets may be large ones (GSO)."""
    digest = web[0].add_file("file", FILE_MB)
    process = start_curl(net, net.cli2, "-T", web[0].path("file"), f"http://{SRV1}/upload")
    wait_for(lambda: os.path.exists(uploaded(web[0])), "the upload to begin")
    transfer = Transfer(process, uploaded(web[0]))
    before = net.natgwd.stats()
    with small_external(net, 1280):
        transfer.finish()
        assert servers.file_hash(web[0].path("upload")) == digest
        assert probes.path_mtu(net.cli2, SRV1) == 1280
        since = net.natgwd.settled_stats() - before
        assert set(since.drops()) == {"too_big"}
        assert since.generated["icmp_frag_needed"] >= 1
