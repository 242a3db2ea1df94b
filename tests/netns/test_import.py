# SPDX-License-Identifier: GPL-2.0-only
"""natgwctl import-conntrack: a host changes from nftables' masquerade to natgw while connections
run, and none of them notices; what is not taken over is lost."""
import json
import re
import socket

import pytest

import daemon
import servers
import topology
from hosts import CLI1, GW_EXTERNAL, SRV1, wait_for

MASQUERADE = """\
table ip nat {
	chain post {
		type nat hook postrouting priority srcnat
		ip saddr 10.0.1.0/24 oifname "ext0" masquerade
	}
}
"""
PORT = 7000


@pytest.fixture
def old(request):
    """The network with the kernel's NAT; natgwd is not there yet."""
    attach = getattr(request, "param", "xdp")
    with topology.Topology("import", attach=attach) as net:
        net.natgwd.config.eips = [f"{{address: {GW_EXTERNAL}, shared: true}}"]
        net.natgwd.config.options = {"no_session": "none"}
        net.gw.sysctl("net.ipv4.ip_forward", 1)
        servers.load_nft(net.gw, MASQUERADE)
        yield net


class Tcp:
    """A connection from cli1 to srv1, and both of its ends."""

    def __init__(self, net, listener):
        self.client = net.cli1.connect(SRV1, PORT)
        self.server, self.seen = listener.accept()
        self.server.settimeout(5)

    def talk(self, word):
        """Both ways; bit-exact."""
        for one, other in ((self.client, self.server), (self.server, self.client)):
            one.sendall(word)
            got = b""
            while len(got) < len(word):
                got += other.recv(65536)
            assert got == word

    def close(self):
        self.client.close()
        self.server.close()


class Udp:
    def __init__(self, net):
        self.server = net.srv1.socket(socket.SOCK_DGRAM, bind=(SRV1, PORT))
        self.client = net.cli1.socket(socket.SOCK_DGRAM, bind=(CLI1, 0))
        self.client.connect((SRV1, PORT))

    def talk(self):
        """Returns whom the server has seen."""
        self.client.send(b"question")
        data, seen = self.server.recvfrom(100)
        self.server.sendto(data.upper(), seen)
        assert self.client.recv(100) == b"QUESTION"
        return seen

    def close(self):
        self.client.close()
        self.server.close()


def natgwctl(net, *arguments, check=True):
    return net.gw.run(daemon.NATGWCTL, "--socket", net.natgwd.config.socket, *arguments,
                      check=check)


def take_the_old_away(net):
    net.gw.run("nft", "flush", "ruleset")
    net.gw.run("conntrack", "-F")


@pytest.mark.parametrize("old", ("xdp", "tc"), indirect=True)
def test_nothing_breaks(old):
    with old.srv1.socket() as listener:
        listener.bind((SRV1, PORT))
        listener.listen()
        tcp, udp = Tcp(old, listener), Udp(old)
        tcp.talk(b"before")
        seen = udp.talk()
        assert seen[0] == GW_EXTERNAL and tcp.seen[0] == GW_EXTERNAL
        ping = servers.start_ping(old.cli1, SRV1, 1000, 0.05)
        dry = natgwctl(old, "import-conntrack", "--dry-run").stdout
        wait_for(lambda: "1 tcp, 1 udp, 1 icmp" in
                 natgwctl(old, "import-conntrack", "--dry-run").stdout, "three sessions")
        assert f"external address {GW_EXTERNAL}" in dry

        old.natgwd.start(open_ledger=False)
        # It waits in the client, is dropped, sent again, and gets through.
        tcp.client.sendall(b"while it changes")
        said = natgwctl(old, "import-conntrack").stdout
        taken, there = map(int, re.search(r"(\d+) taken over, (\d+) were there", said).groups())
        assert taken >= 2 and taken + there >= 2, said
        take_the_old_away(old)

        assert tcp.server.recv(100) == b"while it changes"
        tcp.talk(b"x" * 100000)
        assert udp.talk() == seen
        result = servers.end_ping(ping)
        assert result.sent - result.received <= 2, result.output
        rows = {row["protocol"]: row for row in old.natgwd.sessions()}
        assert rows["tcp"]["state"] == "established" and rows["udp"]["state"] == "established"
        assert (rows["tcp"]["external_src_address"],
                rows["tcp"]["external_src_port"]) == tcp.seen
        assert {row["external_src_port"] for row in old.natgwd.sessions()} >= {seen[1]}

        # A second time everything is there.
        again = json.loads(natgwctl(old, "import-conntrack", "--json").stdout)
        assert again == {"sessions": 0, "taken": 0, "there": 0, "refused": {}}
        tcp.close()
        udp.close()
    wait_for(lambda: not [row for row in old.natgwd.sessions() if row["protocol"] == "tcp"
                          and row["state"] != "hold"], "the end of the connection")


# ---- what is refused ----

def post(net, body):
    """Status and answer."""
    result = net.gw.run("curl", "-sS", "-m", "5", "-w", "\n%{http_code}", "-X", "POST", "-d", body,
                        "--unix-socket", net.natgwd.config.socket, "http://natgw/v1/import")
    text, status = result.stdout.rsplit("\n", 1)
    return int(status), json.loads(text)


def session(**changes):
    row = {"protocol": "udp", "client": CLI1, "client_port": 5000, "remote": SRV1,
           "remote_port": 53, "eip": GW_EXTERNAL, "eip_port": 5000, "established": True}
    return dict(row, **changes)


def test_without_it_they_break_and_what_cannot_be_taken_over_is_refused(old):
    with old.srv1.socket() as listener:
        listener.bind((SRV1, PORT))
        listener.listen()
        tcp = Tcp(old, listener)
        tcp.talk(b"before")
        old.natgwd.start(open_ledger=False)
        take_the_old_away(old)
        tcp.client.sendall(b"after")
        tcp.server.settimeout(0.5)
        with pytest.raises(TimeoutError):
            tcp.server.recv(100)
        assert old.natgwd.stats().dropped("tcp_no_syn") > 0
        tcp.close()
    require_refusals(old)


def require_refusals(old):
    rows = [session(), session(), session(eip="192.0.2.99"), session(client="172.16.0.1"),
            session(client_port=5001), session(eip_port=80, client_port=5002)]
    status, answer = post(old, json.dumps(rows))
    assert status == 200 and answer["taken"] == 1 and answer["there"] == 1, answer
    assert answer["refused"]["gateway_not_available"] == 1
    assert answer["refused"]["source_not_allowed"] == 1
    assert sum(answer["refused"].values()) == 4
    assert len(old.natgwd.sessions()) == 1
    for body, said in (("no json", "array"), ("{}", "array"), ("[1]", "session 1"),
                       (json.dumps([session(protocol="sctp")]), "protocol is one of"),
                       (json.dumps([session(), session(eip="x")]), "session 2: client, remote"),
                       (json.dumps([session(eip_port=70000)]), "ports are numbers"),
                       (json.dumps([session(more=1)]), "more")):
        status, answer = post(old, body)
        assert status == 400 and said in answer["error"], answer
    assert len(old.natgwd.sessions()) == 1
