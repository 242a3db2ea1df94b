# SPDX-License-Identifier: GPL-2.0-only
"""Clients of the API: who may do what, and that none of them holds up natgwd or the others."""
import contextlib
import json
import os
import random
import resource
import select
import socket
import time

import pytest

import daemon
import topology
from hosts import run, wait_for

NOBODY = 65534
GROUP, GROUP_ID = "daemon", 1  # of the control socket; every Debian has it
WHO = {
    "root": ("--reuid", "0", "--clear-groups"),
    "nobody": ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    "primary": ("--reuid", str(NOBODY), "--regid", str(GROUP_ID), "--clear-groups"),
    "member": ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--groups", f"60,{GROUP_ID}"),
}
HANGING = 1000
PROMPT_S = 1.0
SILENCE_S = 1.0
MEMORY_KB = 24 << 10
LISTENERS = ("control", "reader", "tcp")


@pytest.fixture(scope="module")
def net():
    """One network for all: how programs are attached makes no difference to clients."""
    with topology.Topology("api-clients", attach="tc") as made:
        made.natgwd.config.group = GROUP
        made.natgwd.start()
        yield made


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def reader(net):
    return net.path("read.sock")


def connect(net, listener, timeout=5.0):
    if listener == "tcp":
        address, port = daemon.METRICS.split(":")
        return net.gw.connect(address, int(port), timeout=timeout)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    sock.connect(net.natgwd.config.socket if listener == "control" else reader(net))
    return sock


def read_all(sock):
    """The whole answer; what a client gets that has been told to go is empty."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(65536):
            answer += chunk
    return answer


def talk(net, listener, data):
    """What natgwd says to these bytes before it closes the connection."""
    with connect(net, listener) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
        if not select.select([sock], [], [], SILENCE_S)[0]:
            sock.shutdown(socket.SHUT_WR)  # natgwd waits for more
        return read_all(sock)


def get(net, listener, path="/v1/status", method="GET"):
    return talk(net, listener, f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def status_of(answer):
    return int(answer.split(None, 2)[1]) if answer else 0


def curl_as(net, ids, *arguments):
    """curl with the ids of somebody else, on the control socket; (status of HTTP, body)."""
    result = run("setpriv", *ids, "curl", "-sS", "-m", "5", "-w", "\n%{http_code}",
                 "--unix-socket", net.natgwd.config.socket, *arguments, check=False)
    body, _newline, status = result.stdout.rpartition("\n")
    return int(status), body


def memory_kb(net):
    with open(f"/proc/{net.natgwd.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def seconds(ask):
    """The shorter of two: who waits behind others waits each time, a busy machine does not."""
    took = []
    while len(took) < 2 and not (took and took[0] < PROMPT_S):
        started = time.monotonic()
        ask()
        took.append(time.monotonic() - started)
    return min(took)


def assert_prompt(net):
    """natgwctl, and each listener, answer within a second."""
    assert seconds(net.natgwd.status) < PROMPT_S
    for listener in LISTENERS:
        def ask(at=listener):
            assert status_of(get(net, at)) == 200
        assert seconds(ask) < PROMPT_S, listener


# ---- rights ----

@pytest.fixture
def open_socket(net):
    """The mode that keeps others away is gone, so that natgwd itself has to."""
    os.chmod(net.natgwd.config.socket, 0o666)
    yield
    os.chmod(net.natgwd.config.socket, 0o660)


def test_names_and_modes_of_the_sockets(net):
    control, read_only = os.stat(net.natgwd.config.socket), os.stat(reader(net))
    assert (control.st_mode & 0o777, control.st_gid) == (0o660, GROUP_ID)
    assert read_only.st_mode & 0o777 == 0o666


def test_who_may_change(net):
    """By the mode of the socket, as installed; and natgwd says who did what."""
    for who, ids in WHO.items():
        told = f"/v1/sweep by uid {0 if who == 'root' else NOBODY}, pid "
        before = net.natgwd.log().count(told)
        status, _body = curl_as(net, ids, "-X", "POST", "http://natgwd/v1/sweep")
        assert status == (0 if who == "nobody" else 200), who
        assert net.natgwd.log().count(told) - before == (who != "nobody"), who


@pytest.mark.parametrize("arguments", [("-X", "POST", "http://natgwd/v1/sweep"),
                                       ("http://natgwd/v1/status",)], ids=["change", "read"])
def test_who_may_ask_when_all_can_connect(net, open_socket, arguments):
    """By what the kernel knows of the client."""
    for who, ids in WHO.items():
        status, body = curl_as(net, ids, *arguments)
        assert status == (403 if who == "nobody" else 200), f"{who}: {body}"
        assert who != "nobody" or json.loads(body) == {
            "error": "only root and members of the group (control.group) may ask here"}
    assert f"refused uid {NOBODY}, pid " in net.natgwd.log()


def natgwctl_as(net, who, *arguments):
    return run("setpriv", *WHO[who], daemon.NATGWCTL, "--socket", net.natgwd.config.socket,
               *arguments, check=False)


def test_everybody_may_read(net):
    """natgwctl finds the read socket by itself."""
    for command in ("status", "sessions", "stats", "routes list", "describe"):
        result = natgwctl_as(net, "nobody", *command.split(), "--json")
        assert (result.returncode, result.stderr) == (0, "")
        assert json.loads(result.stdout)


def test_nobody_is_refused_to_change(net):
    result = natgwctl_as(net, "nobody", "sessions", "kill", "--client", "10.0.1.10")
    assert result.returncode == 1
    assert result.stderr == (f"natgwctl: may not open {net.natgwd.config.socket}: "
                             "this is for root and the members of its group\n")


@pytest.mark.parametrize("listener", ["reader", "tcp"])
def test_listeners_for_everybody_change_nothing(net, listener):
    before = net.natgwd.status()["config_generation"]
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
        answer = get(net, listener, "/v1/sweep", method)
        assert status_of(answer) == (403 if method == "POST" else 405), f"{method}: {answer}"
    assert status_of(get(net, listener, "/metrics")) == 200
    assert net.natgwd.status()["config_generation"] == before


# ---- clients that do not behave ----

HANGING_WITH = {
    "nothing": b"",
    "half a line": b"GET /v1/sta",
    "half a header": b"GET /v1/status HTTP/1.1\r\nHost: x\r\n",
    "half a body": b"POST /v1/sweep HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf",
    "no reading": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_thousand_clients_that_hang_hold_nobody_up(net, many_files, listener):
    """While they hang, all others are answered, and natgwd goes on with its own work."""
    memory = memory_kb(net)
    number = net.natgwd.status()["sessions"]
    with contextlib.ExitStack() as stack:
        for index in range(HANGING):
            sock = stack.enter_context(connect(net, listener))
            with contextlib.suppress(ConnectionError):
                sock.sendall(list(HANGING_WITH.values())[index % len(HANGING_WITH)])
            if index % 250 == 0:
                assert_prompt(net)
        assert_prompt(net)
        net.gw.ip("link", "set", "int0", "mtu", "1400")
        wait_for(lambda: mtu(net) == 1400, "netlink", timeout=PROMPT_S)
        net.gw.ip("link", "set", "int0", "mtu", "1500")
        assert len(os.listdir(f"/proc/{net.natgwd.process.pid}/fd")) < 512
        assert memory_kb(net) < memory + MEMORY_KB
    assert_prompt(net)
    assert net.natgwd.status()["sessions"] == number
    assert ended(net) > HANGING // 2


def mtu(net):
    return next(row["mtu"] for row in net.natgwd.status()["interfaces"] if row["name"] == "int0")


def ended(net):
    line = next(line for line in net.natgwd.metrics().splitlines()
                if line.startswith("natgw_api_clients_ended_total "))
    return int(line.split()[1])


def test_the_sweep_goes_on_while_clients_hang(net, many_files):
    """Sessions that are over go, without anybody asking for it."""
    with net.cli1.socket(socket.SOCK_DGRAM) as sock:
        sock.sendto(b"natgw", ("203.0.113.10", 9))
    wait_for(net.natgwd.sessions, "the session")
    with contextlib.ExitStack() as stack:
        for _number in range(100):
            stack.enter_context(connect(net, "control"))
        net.natgwd.set_skew(4000)
        wait_for(lambda: net.natgwd.status()["sessions"] == 0, "the sweep", timeout=10)
    net.natgwd.set_skew(0)


GARBAGE = {
    "no HTTP": b"natgw\r\n\r\n",
    "zeros": bytes(1000),
    "no version": b"GET /v1/status\r\n\r\n",
    "wrong version": b"GET /v1/status HTTP/9.9\r\nHost: x\r\n\r\n",
    "unknown method": b"NAT /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "broken address": b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    "zero in path": b"GET /v1/\0status HTTP/1.1\r\nHost: x\r\n\r\n",
    "header without colon": b"GET /v1/status HTTP/1.1\r\nnatgw\r\n\r\n",
    "negative length": b"POST /v1/sweep HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "length of words": b"POST /v1/sweep HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
    "endless length": b"POST /v1/sweep HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "wrong chunk": b"POST /v1/sweep HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "negative chunk": b"POST /v1/sweep HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    "percent": b"GET /%zz%00?%=%&&=& HTTP/1.1\r\nHost: x\r\n\r\n",
    "long line": b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET /v1/status HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n",
    "many headers": b"GET /v1/status HTTP/1.1\r\n" + b"X: x\r\n" * 5000 + b"\r\n",
    "big body": b"POST /v1/sweep HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2000000,
}


@pytest.mark.parametrize("listener", LISTENERS)
def test_garbage_is_refused(net, listener):
    before = net.natgwd.status()["config_generation"]
    answered = 0
    for name, data in GARBAGE.items():
        answer = talk(net, listener, data)
        assert status_of(answer) in (0, 400, 403, 404, 405, 413, 501), f"{name}: {answer[:200]}"
        answered += bool(answer)
    assert answered > len(GARBAGE) // 2
    assert net.natgwd.running and net.natgwd.status()["config_generation"] == before


def test_random_requests_are_survived(net):
    """Bits of a request put together by chance; the seed is the day's."""
    chance = random.Random(20261121)
    pieces = [b"GET ", b"POST ", b"/v1/", b"sessions", b"?client=", b"10.0.1.10", b" HTTP/1.1",
              b"\r\n", b"\n", b"Content-Length: ", b"5", b"\r\n\r\n", b"\0", b"\xff\xfe", b"%",
              b"Transfer-Encoding: chunked", b"&all=1", b"{", b"}", b":", b" "]
    for _number in range(300):
        data = b"".join(chance.choices(pieces, k=chance.randrange(1, 20)))
        with connect(net, chance.choice(LISTENERS)) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)
    assert_prompt(net)


@pytest.mark.parametrize("listener, most", [("control", 1 << 20), ("reader", 4096), ("tcp", 4096)])
def test_bodies_are_limited(net, listener, most):
    for size, refused in ((most, False), (most + 1, True)):
        head = f"POST /none HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode()
        assert status_of(talk(net, listener, head + b"x" * size)) == (413 if refused else 404)


def test_clients_that_leave_in_the_middle(net):
    """Before the answer, in the middle of it, and with what they have not read."""
    for number in range(300):
        sock = connect(net, LISTENERS[number % 3])
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"[:number % 45])
        if number % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    assert_prompt(net)
