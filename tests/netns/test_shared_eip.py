# SPDX-License-Identifier: GPL-2.0-only
"""`shared: true`: the host's own address as the only EIP. The host keeps its listeners, its own
connections and ping, natgw never takes their ports, and nobody gets a byte of another's."""
import json
import os
import re
import socket
import subprocess
import sys

import pytest

import conftest
import servers
import topology
from hosts import CLI1, CLI2, GW_EXTERNAL, GW_INTERNAL, ROUTER, SRV1, SRV2, wait_for
from test_expiry import Clock
from test_port_forward import exchange, listen, span, tcp_ports, udp_ports

SHARED = {"eips": [f"{{address: {GW_EXTERNAL}, shared: true}}"], "sessions": 65536}
CONFIG = SHARED
HOST_PORTS = range(32768, 61000)  # net.ipv4.ip_local_port_range
COUNT = 10
CROWD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crowd.py")
CROWD_PORT, HOST_CROWD, CLIENT_CROWD = 7777, 1000, 5000


class Sshd:
    """sshd in a namespace; whoever has the key may run commands."""

    def __init__(self, net, namespace):
        self.folder = net.path("sshd-" + namespace.name.rsplit("-", 1)[1])
        os.mkdir(self.folder, 0o700)
        self.key = os.path.join(self.folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        options = {"HostKey": self.key, "AuthorizedKeysFile": self.key + ".pub", "PidFile": "none",
                   "StrictModes": "no", "PermitRootLogin": "yes", "UsePAM": "no", "UseDNS": "no"}
        arguments = " ".join(f"-o {name}={value}" for name, value in options.items())
        # sshd wants a folder in /run: in a /run of its own
        with open(os.path.join(self.folder, "log"), "wb") as log:
            net.keep(namespace.start(
                "unshare", "--mount", "sh", "-ec", "mount -t tmpfs tmpfs /run; mkdir /run/sshd; "
                f"exec /usr/sbin/sshd -D -e -f /dev/null {arguments}", stdout=log, stderr=log))
        wait_for(lambda: servers.listens(namespace, 22), "sshd")

    def run(self, client, address, command, data=None):
        """The output of a command that ssh has run there."""
        return client.run("ssh", "-i", self.key, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                          "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                          f"root@{address}", command, text=False, stdin=data).stdout


@pytest.fixture(scope="module")
def sshd(net):
    return Sshd(net, net.gw)


@pytest.fixture(scope="module")
def dns(net):
    return servers.Dnsmasq(net, net.srv2)


@pytest.fixture
def narrow(net):
    """narrow(range): the gateway has only these ports, for one test; nothing of what went before is
    left."""
    def change(port_range):
        net.natgwd.config.port_range = port_range
        net.natgwd.reload()
    Clock(net).be(3000)
    net.natgwd.sweep()
    assert net.natgwd.sessions() == []
    yield change
    change(None)


def drops_since(net, before):
    return (net.natgwd.settled_stats() - before).drops()


# ---- the host's listeners ----

def test_sshd(net, sshd):
    before = net.natgwd.settled_stats()
    for client, address, seen in ((net.srv1, GW_EXTERNAL, SRV1), (net.cli1, GW_EXTERNAL, CLI1),
                                  (net.cli1, GW_INTERNAL, CLI1)):
        assert sshd.run(client, address, "echo $SSH_CONNECTION").split()[0] == seen.encode()
        data = os.urandom(1 << 20)
        assert sshd.run(client, address, "cat", data) == data
    assert drops_since(net, before) == {}


def test_nginx_on_the_gateway(net):
    server = servers.Nginx(net, net.gw)
    digest = server.add_file("file", 16)
    copy = net.path("copy")
    for client, address in ((net.srv1, GW_EXTERNAL), (net.cli1, GW_EXTERNAL), (net.cli2,
                                                                               GW_INTERNAL)):
        servers.curl(client, f"http://{address}/file", "-o", copy)
        assert servers.file_hash(copy) == digest
    assert server.addresses() == {SRV1, CLI1, CLI2}
    # and what nobody listens to the host refuses
    for client in (net.srv1, net.cli1):
        with pytest.raises(ConnectionRefusedError):
            client.connect(GW_EXTERNAL, 9)
        with client.socket(socket.SOCK_DGRAM) as sock:
            sock.connect((GW_EXTERNAL, 9))
            sock.send(b"x")
            with pytest.raises(ConnectionRefusedError):
                sock.recv(10)


def test_ping_to_the_host(net):
    for client, address in ((net.srv1, GW_EXTERNAL), (net.cli1, GW_EXTERNAL),
                            (net.cli1, GW_INTERNAL)):
        for size in (56, 4000):
            assert servers.ping(client, address, "-s", str(size)).received == 3
    # nobody answers ARP but the host
    shown = net.router.run("arping", "-c", "2", "-I", "ext0", GW_EXTERNAL).stdout
    assert re.findall(r"\[([0-9A-F:]+)\]", shown) == [net.gw.mac("ext0").upper()] * 2


# ---- the host as a client ----

def test_curl_on_the_gateway(net, web):
    digest = web[0].add_file("file", 16)
    copy = net.path("copy")
    for client in (net.gw, net.cli1):
        servers.curl(client, f"http://{SRV1}/file", "-o", copy)
        assert servers.file_hash(copy) == digest
        servers.curl(client, f"http://{SRV1}/upload", "-T", copy)
        assert servers.file_hash(web[0].path("upload")) == digest
    assert web[0].addresses() == {GW_EXTERNAL}


def test_dig_on_the_gateway(net, dns):
    for client in (net.gw, net.cli1):
        for options in ((), ("+tcp",)):
            shown = client.run("dig", "+short", "+tries=1", "+time=3", *options, f"@{SRV2}",
                               dns.NAME).stdout
            assert shown.strip() == dns.ADDRESS
    assert dns.clients() == {GW_EXTERNAL}


def test_ping_and_icmp_errors(net):
    """An ICMP error that quotes none of our sessions is about the host's own packets."""
    for size in (56, 4000):
        assert servers.ping(net.gw, SRV1, "-s", str(size)).received == 3
    with net.gw.socket(socket.SOCK_DGRAM) as sock:
        sock.connect((SRV1, 9))
        sock.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(10)
    for client, first in ((net.gw, ROUTER), (net.cli1, None)):
        shown = client.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "5", SRV1).stdout
        hops = [line.split()[1] for line in shown.splitlines()[1:]]
        assert hops[-1] == SRV1 and ROUTER in hops and first in (None, hops[0]), shown


def test_pings_with_one_identifier(net):
    runs = [client.start("ping", "-n", "-e", "4711", "-c", "20", "-i", "0.02", "-W", "1", SRV1,
                         stdout=-1, stderr=-1, text=True)
            for client in (net.gw, net.cli1, net.cli2)]
    for process in runs:
        result = servers.Ping("".join(process.communicate(timeout=20)))
        assert (result.sent, result.received) == (20, 20)
        assert "DUP" not in result.output


def test_one_source_port(net):
    """The host and both clients, from one port to one server."""
    with listen(net.srv1, SRV1, 6500) as listener:
        pairs = []
        for client, address in ((net.gw, GW_EXTERNAL), (net.cli1, CLI1), (net.cli2, CLI2)):
            one = client.connect(SRV1, 6500, bind=(address, 40000))
            pairs.append((one, listener.accept()[0]))
        peers = [other.getpeername() for _one, other in pairs]
        assert peers[0] == (GW_EXTERNAL, 40000)
        assert len(set(peers)) == 3 and {address for address, _port in peers} == {GW_EXTERNAL}
        for _number in range(3):
            for pair in pairs:
                exchange(*pair)
    for one, other in pairs:
        one.close()
        other.close()


def test_without_the_daemon(net, sshd, web):
    net.natgwd.kill()
    try:
        assert sshd.run(net.srv1, GW_EXTERNAL, "echo yes") == b"yes\n"
        for client in (net.gw, net.cli1):
            servers.curl(client, f"http://{SRV1}/page")
    finally:
        net.natgwd.start()


# ---- the host's ports ----

def test_ports_that_the_host_may_draw_are_not_used(net, narrow, web):
    below = set(range(HOST_PORTS.start - 4, HOST_PORTS.start))
    narrow(f"{min(below)}-{HOST_PORTS.start + 9}")
    assert tcp_ports(net, web[0], len(below)) == below
    assert udp_ports(net, len(below)) == below


def test_ports_that_the_host_listens_to_are_not_used(net, narrow, web):
    first = 20000
    with listen(net.gw, "0.0.0.0", first), listen(net.gw, GW_EXTERNAL, first + 3), \
            net.gw.socket(socket.SOCK_DGRAM, bind=("0.0.0.0", first + 5)), \
            net.gw.socket(socket.SOCK_DGRAM, bind=(GW_EXTERNAL, first + 6)):
        narrow(span(first, COUNT))
        ports = set(range(first, first + COUNT))
        assert tcp_ports(net, web[0], COUNT - 2) == ports - {first, first + 3}
        assert udp_ports(net, COUNT - 2) == ports - {first + 5, first + 6}


def test_ports_that_the_host_is_seen_to_use_are_not_used(net, narrow, web):
    """Chosen by a program, outside of what the kernel draws from; noticed by its first packet."""
    first = 20100
    narrow(span(first, COUNT))
    ports = set(range(first, first + COUNT))
    visits = len(web[0].visits())
    with net.gw.connect(SRV1, 80, bind=(GW_EXTERNAL, first + 2)) as sock, \
            net.gw.socket(socket.SOCK_DGRAM, bind=(GW_EXTERNAL, first + 7)) as datagrams:
        servers.request(sock)
        # nginx writes it down after its answer, and the clients' visits are counted there.
        wait_for(lambda: len(web[0].visits()) == visits + 1, "nginx's log")
        datagrams.sendto(b"x", (SRV1, 9))
        assert tcp_ports(net, web[0], COUNT - 1) == ports - {first + 2}
        assert udp_ports(net, COUNT - 1) == ports - {first + 7}
        servers.request(sock)


def test_a_listener_on_a_port_that_a_session_has(net, narrow, web):
    """The session goes on, and whoever else comes to that port finds the host."""
    port = 20200
    narrow(span(port, 1))
    with net.cli2.connect(SRV1, 80) as old:
        servers.request(old)
        with listen(net.gw, GW_EXTERNAL, port) as listener:
            one = net.srv2.connect(GW_EXTERNAL, port)
            other, peer = listener.accept()
            assert peer[0] == SRV2
            servers.request(old)
            exchange(one, other)
            one.close()
            other.close()


# ---- a crowd ----

def start_crowd(client, *arguments):
    return client.start(sys.executable, CROWD, *arguments, stdin=-1, stdout=-1, text=True)


def say(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_thousand_of_the_host_and_ten_thousand_of_clients(net):
    """To one server port, all at once: each connection hears its own words, twice."""
    net.srv1.sysctl("net.ipv4.tcp_max_syn_backlog", 4096)
    Clock(net).be(3000)
    net.natgwd.sweep()
    before = net.natgwd.settled_stats()
    server = net.keep(start_crowd(net.srv1, "serve", SRV1, str(CROWD_PORT)))
    assert server.stdout.readline() == "ready\n"
    crowds = {name: net.keep(start_crowd(client, "connect", SRV1, str(CROWD_PORT), str(count),
                                         name))
              for client, count, name in ((net.gw, HOST_CROWD, "host"),
                                          (net.cli1, CLIENT_CROWD, "cli1"),
                                          (net.cli2, CLIENT_CROWD, "cli2"))}
    for process in crowds.values():
        assert process.stdout.readline() == "connected\n"
    assert net.natgwd.status() and len(net.natgwd.sessions()) == 2 * CLIENT_CROWD
    for process in crowds.values():
        say(process)
    results = {name: json.loads(process.stdout.readline()) for name, process in crowds.items()}
    for name, process in crowds.items():
        count = HOST_CROWD if name == "host" else CLIENT_CROWD
        assert results[name] == {"connected": count, "repeated": [count, count], "wrong": 0,
                                 "failed": {}}, name
        process.communicate(timeout=20)
    seen = json.loads(server.communicate(timeout=20)[0])
    assert {name: len(peers) for name, peers in seen.items()} == {
        "host": HOST_CROWD, "cli1": CLIENT_CROWD, "cli2": CLIENT_CROWD}
    assert {address for peers in seen.values() for address, _port in peers} == {GW_EXTERNAL}
    for name, peers in seen.items():
        assert {port in HOST_PORTS for _address, port in peers} == {name == "host"}, name
    assert drops_since(net, before) == {}


# ---- one interface for both sides ----

@pytest.mark.parametrize("attach", conftest.ATTACH)
def test_one_armed(attach):
    """The usual cloud machine: one interface, one address, which is the EIP as well."""
    with topology.Topology("shared-one", "one-armed", attach) as net:
        for key, value in SHARED.items():
            setattr(net.natgwd.config, key, value)
        net.natgwd.start()
        web = servers.Nginx(net, net.srv1)
        digest = web.add_file("file", 16)
        for client in (net.cli1, net.gw, net.cli2):
            servers.curl(client, f"http://{SRV1}/file", "-o", net.path("copy"))
            assert servers.file_hash(net.path("copy")) == digest
            assert servers.ping(client, SRV1).received == 3
        assert web.addresses() == {GW_EXTERNAL}
        host = Sshd(net, net.gw)
        for client in (net.srv1, net.cli1):
            assert host.run(client, GW_EXTERNAL, "echo yes") == b"yes\n"
            assert servers.ping(client, GW_EXTERNAL).received == 3
        conftest.check(net)
