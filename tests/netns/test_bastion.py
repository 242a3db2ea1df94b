# SPDX-License-Identifier: GPL-2.0-only
"""The bastion of requirement 65a: a host outside, in a `local` prefix, opens SSH to a private host
by its private address while NAT traffic runs; and destinations that no gateway translates (B-15).
"""
import os
import re
import socket

import pytest

import servers
from hosts import CLI1, CLI2, EIP, GW_EXTERNAL, SRV1, SRV2, end_processes, wait_for
from test_shared_eip import Sshd

BASTION = SRV2
NEIGHBOUR = SRV1
PRIVATE_PREFIX = "10.0.1.0/24"
CONFIG = {"more": [f"local: [{BASTION}/32]"]}
SIZE_MB = 128
NEVER_TRANSLATED = ["169.254.169.254", "169.254.168.1", "240.0.0.1"]


@pytest.fixture(scope="module", autouse=True)
def way_back(net):
    """The router of the public subnet knows where the private one is."""
    net.router.ip("route", "add", PRIVATE_PREFIX, "via", GW_EXTERNAL)


@pytest.fixture(scope="module")
def sshd(net):
    return Sshd(net, net.cli1)


def test_ssh_from_the_bastion_and_a_ping_out_from_there(net, sshd, web):
    """The test recipe of the AWS guide, word for word, beside a transfer of each client."""
    web[0].add_file("file", SIZE_MB)
    copies = [net.path(f"copy{number}") for number in (1, 2)]
    transfers = [net.keep(client.start("curl", "-sS", "--fail", "--limit-rate", "8M", "-o", copy,
                                       f"http://{SRV1}/file"))
                 for (client, _address), copy in zip(net.clients(), copies)]
    wait_for(lambda: all(os.path.exists(copy) for copy in copies), "both transfers")
    shown = sshd.run(net.srv2, CLI1,
                     f"echo $SSH_CONNECTION; ping -n -c 3 -i 0.05 {SRV1}").decode()
    assert shown.splitlines()[0].split()[::2] == [BASTION, CLI1]
    assert servers.Ping(shown).received == 3
    assert [process.poll() for process in transfers] == [None, None]
    end_processes([process.pid for process in transfers])
    with open(web[0].path("file"), "rb") as file:
        for copy in copies:
            came = os.path.getsize(copy)
            assert came > 1 << 20
            file.seek(0)
            with open(copy, "rb") as copied:
                assert copied.read(came) == file.read(came)
    wait_for(lambda: len(web[0].visits()) == 2, "both lines of the server's log")
    assert web[0].addresses() == {EIP}


def test_pings_in_both_directions_carry_their_own_addresses(net):
    before = net.natgwd.settled_stats()
    for client, address in net.clients():
        with servers.Capture(net, client, "eth0", "icmp[icmptype] == icmp-echo") as inside:
            assert servers.ping(net.srv2, address).received == 3
        assert {packet["IP"].src for packet in inside.packets()} == {BASTION}
        with servers.Capture(net, net.srv2, "eth0", "icmp[icmptype] == icmp-echo") as outside:
            assert servers.ping(client, BASTION).received == 3
        assert {packet["IP"].src for packet in outside.packets()} == {address}
    since = net.natgwd.settled_stats() - before
    assert (since.drops(), since.out()) == ({}, 0)


def test_a_client_reaches_the_bastion_with_its_own_address(net, web):
    fetched = len(web[1].visits())
    for client, _address in net.clients():
        servers.curl(client, f"http://{BASTION}/page")
    wait_for(lambda: len(web[1].visits()) == fetched + 2, "both lines of the server's log")
    assert [visit[0] for visit in web[1].visits()[fetched:]] == [CLI1, CLI2]
    assert not [row for row in net.natgwd.sessions() if row["remote_address"] == BASTION]


def test_large_packets_of_the_bastion_are_the_kernels(net):
    """What is not translated is not natgw's to refuse: fragments, too."""
    assert servers.ping(net.srv2, CLI1, "-s", "4000").received == 3


def test_the_bastions_neighbour_is_still_outside(net, sshd):
    """Only the prefix that is named gets in."""
    before = net.natgwd.settled_stats()
    assert servers.ping(net.srv1, CLI1, count=2, wait=0.3).received == 0
    with pytest.raises(TimeoutError):
        net.srv1.connect(CLI1, 22, timeout=0.3)
    drops = (net.natgwd.settled_stats() - before).drops()
    assert set(drops) == {"no_session"} and drops["no_session"] >= 3
    assert servers.ping(net.cli1, NEIGHBOUR).received == 3


def test_a_reload_takes_the_prefix_away_and_gives_it_back(net, web):
    with net.natgwd.configured(more=[]):
        fetched = len(web[1].visits())
        assert servers.ping(net.srv2, CLI1, count=2, wait=0.3).received == 0
        servers.curl(net.cli1, f"http://{BASTION}/page")
        wait_for(lambda: len(web[1].visits()) > fetched, "a line of the server's log")
        assert web[1].visits()[fetched][0] == EIP
    assert servers.ping(net.srv2, CLI1).received == 3


def test_no_gateway_translates_metadata_and_class_e(net):
    """Requirement B-15, under a route for everything: curl and UDP of real hosts."""
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.router, "ext0", "ip") as capture:
        for address in NEVER_TRANSLATED:
            with net.cli2.socket(socket.SOCK_DGRAM) as sock:
                sock.sendto(b"x", (address, 53))
        result = servers.curl(net.cli2, f"http://{NEVER_TRANSLATED[0]}/latest/meta-data/",
                              "--connect-timeout", "0.3", check=False)
        assert result.returncode != 0 and not re.search("[a-z]", result.stdout)
        since = net.natgwd.settled_stats() - before
    assert capture.count() == 0
    assert set(since.drops()) == {"martian"}
    assert since.dropped("martian") >= len(NEVER_TRANSLATED) + 1
