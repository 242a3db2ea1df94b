# SPDX-License-Identifier: GPL-2.0-only
"""Hold-down end to end: how a real connection ends decides how long its port is kept away."""
import socket
import struct

import pytest

import servers
from hosts import SRV1, SRV2, wait_for
from test_expiry import MARGIN_S, Clock

HTTP = 80
PORT = 7000
PORTS = 40
HOLD_S = {"fin": 65, "rst": 16}
CONFIG = {"port_range": f"20000-{20000 + PORTS - 1}"}

FIREWALL_S = 20
STEP_S = 5
STEPS = 40
PER_STEP = 2
FIREWALL = f"""
table ip natgw {{
	set used {{ type inet_service; }}
	counter rejected {{ }}
	chain input {{
		type filter hook input priority 0;
		tcp dport {HTTP} tcp flags & (syn | ack) == syn tcp sport @used counter name rejected \\
			reject with tcp reset
	}}
}}
"""


def rows(net, address=SRV1, port=PORT):
    return [row for row in net.natgwd.sessions()
            if row["remote_address"] == address and row["remote_port"] == port]


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def close_client_first(client, server):
    client.close()
    assert server.recv(1) == b""
    server.close()


def close_server_first(client, server):
    server.close()
    assert client.recv(1) == b""
    client.close()


def reset_by_client(client, server):
    reset(client)
    with pytest.raises(ConnectionResetError):
        server.recv(1)
    server.close()


def reset_by_server(client, server):
    reset(server)
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    client.close()


# A port of the server's for each: its own TIME-WAIT does not know of the skewed clock.
ENDS = [("fin", close_client_first, PORT), ("fin", close_server_first, PORT + 1),
        ("rst", reset_by_client, PORT + 2), ("rst", reset_by_server, PORT + 3)]


@pytest.mark.parametrize("cause,end,port", ENDS, ids=[end.__name__ for _cause, end, _port in ENDS])
def test_the_port_of_an_ended_connection_is_held(net, cause, end, port):
    with net.srv1.socket(bind=(SRV1, port)) as listener:
        listener.listen()
        client = net.cli1.connect(SRV1, port)
        server = listener.accept()[0]
        server.settimeout(3)
        wait_for(lambda: [row["state"] for row in rows(net, port=port)] == ["established"],
                 "the session")
        end(client, server)
    row = wait_for(lambda: [row for row in rows(net, port=port) if row["state"] == "hold"],
                   "hold-down")[0]
    assert row["hold"] == cause
    clock = Clock(net)
    clock.be(HOLD_S[cause] - MARGIN_S)
    net.natgwd.sweep()
    assert [row["state"] for row in rows(net, port=port)] == ["hold"]
    clock.be(HOLD_S[cause] + MARGIN_S)
    net.natgwd.sweep()
    assert rows(net, port=port) == []


def test_one_fin_holds_nothing(net):
    """A half-closed connection goes on."""
    port = PORT + len(ENDS)
    with net.srv1.socket(bind=(SRV1, port)) as listener:
        listener.listen()
        with net.cli1.connect(SRV1, port) as client:
            with listener.accept()[0] as server:
                client.shutdown(socket.SHUT_WR)
                assert server.recv(1) == b""
                server.sendall(b"still here")
                assert client.recv(100) == b"still here"
                assert [row["state"] for row in rows(net, port=port)] == ["established"]


class CoolingServer:
    """A firewall that rejects a source port used within the last 20 s of the data path's clock.

    nft's own timeouts cannot be skewed, so its set is kept here: a port goes in when its connection
    has been opened, and out when the clock is 20 s further.
    """

    def __init__(self, net):
        self.net = net
        self.clock = Clock(net)
        self.now = 0
        self.used = []  # (time, port)
        net.srv2.run("nft", "delete", "table", "ip", "natgw", check=False)
        servers.load_nft(net.srv2, FIREWALL)

    def advance(self):
        self.now += STEP_S
        self.clock.be(self.now)
        out = [port for time, port in self.used if time + FIREWALL_S <= self.now]
        self.used = [entry for entry in self.used if entry[0] + FIREWALL_S > self.now]
        self._change("delete", out)

    def note(self, ports):
        self.used += [(self.now, port) for port in ports]
        self._change("add", ports)

    def _change(self, verb, ports):
        if ports:
            elements = ", ".join(str(port) for port in ports)
            servers.load_nft(self.net.srv2,
                             f"{verb} element ip natgw used {{ {elements} }}\n")

    def rejected(self):
        return servers.nft_counter(self.net.srv2, "rejected")


def visit(net, web):
    """One connection from beginning to end, or None when the firewall rejects it."""
    seen = len(web.visits())
    try:
        with net.cli1.connect(SRV2, HTTP) as sock:
            servers.request(sock)
    except ConnectionRefusedError:
        return None
    return wait_for(lambda: web.visits()[seen:], "nginx's log")[0][1]


def visit_for_a_while(net, web):
    """200 s of connections, one every 2.5 s; returns how many the firewall rejected."""
    server = CoolingServer(net)
    for _step in range(STEPS):
        server.advance()
        for _number in range(PER_STEP):
            port = visit(net, web)
            if port is not None:
                server.note([port])
    return server.rejected()


def test_no_port_is_reused_within_20_seconds(net, web):
    """Requirement 98: 26 of the 40 ports are held at any time, so there is always a free one."""
    before = net.natgwd.settled_stats()
    assert visit_for_a_while(net, web[1]) == 0
    assert (net.natgwd.settled_stats() - before).drops() == {}


def test_the_firewall_sees_a_gateway_with_a_short_hold_down(net, web):
    """The same with a hold-down of 3 s and 6 ports: the test above can fail."""
    Clock(net).be(2 * HOLD_S["fin"])
    net.natgwd.sweep()
    net.natgwd.config.timeouts = {"hold_fin": 3}
    net.natgwd.config.port_range = "20000-20005"
    net.natgwd.reload()
    try:
        assert visit_for_a_while(net, web[1]) > 0
    finally:
        net.natgwd.config.timeouts = {}
        net.natgwd.config.port_range = CONFIG["port_range"]
        net.natgwd.reload()


def test_with_no_hold_down_the_last_ack_still_arrives(net, web):
    """Else every server would keep the connection, and send its FIN again, for minutes."""
    net.natgwd.config.timeouts = {"hold_fin": 0}
    net.natgwd.reload()
    try:
        before = net.natgwd.settled_stats()
        for _number in range(10):
            with net.cli1.connect(SRV1, HTTP) as sock:
                servers.request(sock)
        assert (net.natgwd.settled_stats() - before).drops() == {}
        assert net.srv1.run("ss", "-H", "-t", "-n", "state", "last-ack").stdout == ""
    finally:
        net.natgwd.config.timeouts = {}
        net.natgwd.reload()
