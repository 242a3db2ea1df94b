# SPDX-License-Identifier: GPL-2.0-only
"""Who gets a RST for a connection that the gateway has forgotten (requirement B-11)."""
import contextlib
import errno
import socket
import threading

import pytest

import servers
from hosts import EIP, SRV1, wait_for
from test_expiry import MARGIN_S, Clock

PORT = 7000
TCP_REPAIR = 19
IDLE_S = {"natgw": 350, "aws": 350, "azure": 240, "gcp": 1200}
REMEMBERED_S = 65  # azure: as long as a port is held after FIN
CONFIG = {"options": {"profile": "natgw"}}


@pytest.fixture
def profile(net):
    """Puts the gateway under a profile."""
    def use(name):
        net.natgwd.config.options = {"profile": name}
        net.natgwd.reload()
        return IDLE_S[name]
    return use


@contextlib.contextmanager
def connection(net):
    """Both ends of an established connection: (client's socket, server's socket)."""
    with net.srv1.socket(bind=(SRV1, PORT)) as listener:
        listener.listen()
        with net.cli1.connect(SRV1, PORT) as client:
            server = listener.accept()[0]
            server.settimeout(2)
            with server:
                wait_for(lambda: state_of(net, client) == "established", "the session")
                yield client, server
                for sock in (client, server):  # no FIN, no RST: nobody has to clean up
                    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)


def state_of(net, sock):
    port = sock.getsockname()[1]
    return next((row["state"] for row in net.natgwd.sessions()
                 if row["internal_src_port"] == port), None)


class BlockedRead:
    """A read in another thread; result() is its error number, or what it has read."""

    def __init__(self, sock):
        sock.settimeout(None)
        self.outcome = None
        self.thread = threading.Thread(target=self._read, args=(sock,), daemon=True)
        self.thread.start()

    def _read(self, sock):
        try:
            self.outcome = sock.recv(100)
        except OSError as error:
            self.outcome = error.errno

    def result(self):
        self.thread.join(5)
        return self.outcome


@pytest.mark.parametrize("swept", [False, True], ids=["in-table", "swept"])
@pytest.mark.parametrize("name", ["natgw", "aws", "azure"])
def test_a_blocked_read_ends_when_the_client_sends_too_late(net, profile, name, swept):
    idle = profile(name)
    with connection(net) as (client, _server):
        Clock(net).be(idle + MARGIN_S)
        if swept:
            net.natgwd.sweep()
        before = net.natgwd.settled_stats()
        reading = BlockedRead(client)
        with servers.Capture(net, net.srv1, "eth0", f"tcp port {PORT}") as server_side:
            client.send(b"too late")
            assert reading.result() == errno.ECONNRESET
        assert server_side.count() == 0
        since = net.natgwd.settled_stats() - before
        assert since.drops() == {"tcp_no_syn": 1}
        assert since.generated["rst"] == 1


def test_gcp_answers_nobody(net, profile):
    idle = profile("gcp")
    with connection(net) as (client, server):
        Clock(net).be(idle + MARGIN_S)
        before = net.natgwd.settled_stats()
        with servers.Capture(net, net.cli1, "eth0", f"src port {PORT}") as client_side, \
                servers.Capture(net, net.srv1, "eth0", f"dst port {PORT}") as server_side:
            client.send(b"too late")
            server.send(b"too late")
            wait_for(lambda: sum((net.natgwd.stats() - before).drops().values()) >= 2, "the drops")
        assert (client_side.count(), server_side.count()) == (0, 0)


@pytest.mark.parametrize("name", ["natgw", "aws"])
def test_a_server_that_speaks_too_late_gets_nothing(net, profile, name):
    idle = profile(name)
    with connection(net) as (_client, server):
        Clock(net).be(idle + MARGIN_S)
        assert_silence(net, server)


def assert_silence(net, server):
    before = net.natgwd.settled_stats()
    with servers.Capture(net, net.srv1, "eth0", f"src host {EIP} and tcp") as server_side, \
            servers.Capture(net, net.cli1, "eth0", f"src host {SRV1} and tcp") as client_side:
        server.send(b"too late")
        wait_for(lambda: (net.natgwd.stats() - before).dropped("no_session"), "the drop")
    assert (server_side.count(), client_side.count()) == (0, 0)


@pytest.mark.parametrize("swept", [False, True], ids=["in-table", "swept"])
def test_azure_resets_a_server_that_speaks_too_late(net, profile, swept):
    idle = profile("azure")
    with connection(net) as (_client, server):
        Clock(net).be(idle + MARGIN_S)
        if swept:
            net.natgwd.sweep()
        reading = BlockedRead(server)
        with servers.Capture(net, net.cli1, "eth0", f"src host {SRV1} and tcp") as client_side:
            server.send(b"too late")
            assert reading.result() == errno.ECONNRESET
        assert client_side.count() == 0


def test_azure_forgets_a_session_in_the_end(net, profile):
    idle = profile("azure")
    with connection(net) as (_client, server):
        Clock(net).be(idle + REMEMBERED_S + MARGIN_S)
        assert_silence(net, server)
