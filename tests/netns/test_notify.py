# SPDX-License-Identifier: GPL-2.0-only
"""What natgwd says to the service manager that has started it: sd_notify(3), by a socket of the
test's own."""
import contextlib
import os
import signal
import socket

import pytest

from hosts import wait_for

WATCHDOG_S = 0.2


class Manager:
    """The manager's end: a datagram socket, and what has come."""

    def __init__(self, namespace, address):
        with namespace.entered():  # a name without a path is of a network namespace
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.messages = []

    def read(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.messages.append(self.socket.recv(4096).decode().split("\n"))
        return self.messages

    def said(self, word):
        return sum(1 for message in self.read() if word in message)

    def wait_for(self, word, count=1):
        wait_for(lambda: self.said(word) >= count, f"{count} times {word}: {self.messages}")

    def forget(self):
        self.read()
        self.messages.clear()


@contextlib.contextmanager
def manager(net, monkeypatch, name=None, pid=None):
    """natgwd is started anew, with a manager that listens; after it without one."""
    address = name or net.path("notify")
    made = Manager(net.gw, address.replace("@", "\0", 1) if name else address)
    net.natgwd.stop()
    with monkeypatch.context() as patch:
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        if pid:
            environment["WATCHDOG_PID"] = str(pid)
        patch.setattr("hosts.ENVIRONMENT", dict(os.environ, **environment))
        net.natgwd.start()
    try:
        yield made
    finally:
        made.socket.close()
        if name is None:
            os.unlink(address)
        if not net.natgwd.running:
            net.natgwd.start()


@pytest.fixture(scope="module", params=["tc"])
def net(request):
    """How packets are carried is all the same here."""
    import conftest
    with conftest.make_net(request, "notify", request.param) as made:
        made.natgwd.start()
        yield made


def test_ready_reload_watchdog_and_end(net, monkeypatch):
    with manager(net, monkeypatch) as told:
        told.wait_for("READY=1")
        assert told.said("STATUS=the data path is in place") == 1
        told.wait_for("WATCHDOG=1", 3)
        told.forget()
        net.natgwd.reload()
        told.wait_for("READY=1")
        words = [message[0] for message in told.messages if message[0] != "WATCHDOG=1"]
        assert words == ["RELOADING=1", "READY=1"]
        assert told.said("STATUS=reloaded") == 1
        net.natgwd.stop()
        told.wait_for("STOPPING=1")


def test_a_reload_that_is_refused_is_said_and_ends(net, monkeypatch):
    with manager(net, monkeypatch, f"@natgw-test-{os.getpid()}") as told:
        told.wait_for("READY=1")
        told.forget()
        with open(net.natgwd.config_file, "a", encoding="ascii") as file:
            file.write("nonsense: 1\n")
        net.natgwd.process.send_signal(signal.SIGHUP)
        told.wait_for("READY=1")
        assert told.said("STATUS=the reload was refused, see the log; the old config is in force")


def test_a_watchdog_of_somebody_else_is_left_alone(net, monkeypatch):
    with manager(net, monkeypatch, pid=1) as told:
        told.wait_for("READY=1")
        net.natgwd.sweep()
        wait_for(lambda: net.natgwd.status()["uptime_s"] >= 1, "a second")
        assert told.said("WATCHDOG=1") == 0


def test_a_socket_that_is_none_keeps_nobody_from_starting(net, monkeypatch):
    net.natgwd.stop()
    with monkeypatch.context() as patch:
        patch.setattr("hosts.ENVIRONMENT", dict(os.environ, NOTIFY_SOCKET="vsock:2:1234"))
        net.natgwd.start()
    assert 'warning: NOTIFY_SOCKET is "vsock:2:1234": neither a path nor @name' in net.natgwd.log()
