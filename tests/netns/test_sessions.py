# SPDX-License-Identifier: GPL-2.0-only
"""natgwctl sessions: filters, sort, a long table in slices; and sessions kill."""
import contextlib
import json
import os
import re
import socket
import subprocess
import time

import pytest

import daemon
import servers
from hosts import CLI1, CLI2, EIP, SRV1, SRV2, wait_for

UDP_PORT = 5353
MANY = 8000
CONFIG = {"timeouts": {"udp_unreplied": 300, "icmp": 300},
          "options": {"max_half_open_per_client": "0"}}
# Whichever way packets come in, the table is the same.
pytestmark = pytest.mark.parametrize("net", ("xdp",), indirect=True, scope="module")


def shown(net, *options):
    """{protocol and client's port}"""
    return {(row["protocol"], row["internal_src_port"])
            for row in net.natgwd.ctl_json("sessions", *options)["sessions"]}


@pytest.fixture(scope="module")
def crowd(net, web):
    """One session of each kind; by name what shown() has of it."""
    net.natgwd.ctl("sessions", "kill", "--all")
    with net.cli1.connect(SRV1, 80) as tcp, net.cli2.socket(socket.SOCK_DGRAM) as udp:
        udp.sendto(b"x" * 400, (SRV2, UDP_PORT))
        servers.ping(net.cli1, SRV2, count=2)
        wait_for(lambda: len(net.natgwd.sessions()) == 3, "three sessions")
        echo, = [row for row in net.natgwd.sessions() if row["protocol"] == "icmp"]
        yield {"tcp": ("tcp", tcp.getsockname()[1]), "udp": ("udp", udp.getsockname()[1]),
               "icmp": ("icmp", echo["internal_src_port"])}


FILTERS = (
    ((), "tcp udp icmp"),
    (("--client", CLI1), "tcp icmp"),
    (("--client", "10.0.1.0/24"), "tcp udp icmp"),
    (("--client", f"{CLI2}/32"), "udp"),
    (("--dst", SRV2), "udp icmp"),
    (("--dst", SRV2, "--client", CLI2), "udp"),
    (("--eip", EIP), "tcp udp icmp"),
    (("--eip", SRV1), ""),
    (("--state", "established"), "tcp icmp"),
    (("--state", "opening"), "udp"),
    (("--gateway", "nat-a"), "tcp udp icmp"),
    (("--protocol", "udp"), "udp"),
    (("--port", "80"), "tcp"),
    (("--port", str(UDP_PORT), "--protocol", "tcp"), ""),
    (("--idle", "0"), "tcp udp icmp"),
    (("--idle", "3000"), ""),
)


def test_filters(net, crowd):
    for options, wanted in FILTERS:
        assert shown(net, *options) == {crowd[name] for name in wanted.split()}, options
    port = crowd["tcp"][1]
    assert shown(net, "--client-port", str(port)) >= {crowd["tcp"]}
    row, = [row for row in net.natgwd.sessions() if row["protocol"] == "tcp"]
    assert crowd["tcp"] in shown(net, "--eip-port", str(row["external_src_port"]))


def test_idle_is_counted_in_seconds(net, crowd):
    net.natgwd.set_skew(100)
    try:
        assert shown(net, "--idle", "90", "--protocol", "udp") == {crowd["udp"]}
        assert shown(net, "--idle", "190", "--protocol", "udp") == set()
    finally:
        net.natgwd.set_skew(0)


def test_sort_and_limit(net, crowd):
    def order(*options):
        rows = net.natgwd.ctl_json("sessions", *options)["sessions"]
        return [row["protocol"] for row in rows], rows

    _names, rows = order("--sort", "bytes")
    sums = [row["bytes_out"] + row["bytes_in"] for row in rows]
    assert sums == sorted(sums, reverse=True) and len(rows) == 3
    _names, rows = order("--sort", "packets", "--limit", "2")
    sums = [row["packets_out"] + row["packets_in"] for row in rows]
    assert sums == sorted(sums, reverse=True) and len(rows) == 2
    names, _rows = order("--sort", "client")
    assert names[2] == "udp"
    names, rows = order("--sort", "idle", "-n", "1")
    assert rows[0]["idle_s"] == max(row["idle_s"] for row in net.natgwd.sessions())
    assert len(order("--limit", "2")[0]) == 2


def test_the_text_has_a_line_for_each(net, crowd):
    lines = net.natgwd.ctl("sessions").stdout.splitlines()
    assert len(lines) == 4 and lines[0].split()[:3] == ["PROTO", "STATE", "CLIENT"]
    line, = [line for line in lines if line.startswith("tcp")]
    for part in (f"{CLI1}:{crowd['tcp'][1]}", f"{SRV1}:80", EIP, "established", "nat-a"):
        assert part in line


WRONG = (
    (("--client", "10.0.1"), "client is an IPv4 address"),
    (("--state", "sleeping"), "state is one of"),
    (("--gateway", "nat-z"), "gateway is the name of a gateway"),
    (("--protocol", "sctp"), "protocol is one of tcp, udp, icmp"),
    (("--port", "70000"), "port is a port"),
    (("--idle", "-1"), "idle is a number of seconds"),
    (("--sort", "size"), "sort is one of bytes"),
    (("--limit", "0"), "limit is a number"),
    (("--sort", "bytes", "--limit", "1000000"), "at most 100000"),
    (("kill",), "which sessions?"),
    (("kill", "--protocol", "sctp"), "protocol is one of"),
)


def test_wrong_values_are_refused(net):
    for options, said in WRONG:
        result = net.natgwd.ctl("sessions", *options, check=False)
        assert result.returncode == 1 and said in result.stderr, options
        assert len(result.stderr.splitlines()) == 1


# ---- kill ----

def killed(net):
    found = re.findall(r'natgw_sessions_closed_total\{[^}]*cause="killed"[^}]*\} (\d+)',
                       net.natgwd.metrics())
    assert found
    return sum(map(int, found))


def test_kill_ends_what_is_meant_and_nothing_else(net, web):
    net.natgwd.ctl("sessions", "kill", "--all")
    before = killed(net)
    with net.cli1.connect(SRV1, 80) as one, net.cli1.connect(SRV1, 80) as other, \
            net.cli2.connect(SRV2, 80) as third:
        port = str(one.getsockname()[1])
        wanted = ("kill", "--client", CLI1, "--client-port", port)
        assert "1 sessions would be" in net.natgwd.ctl("sessions", *wanted, "--dry-run").stdout
        assert len(net.natgwd.sessions()) == 3
        assert net.natgwd.ctl("sessions", *wanted).stdout == "1 sessions ended\n"
        assert ("tcp", int(port)) not in shown(net) and len(shown(net)) == 2
        for sock in (other, third):
            servers.request(sock)
        one.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(OSError):
            one.settimeout(1)
            assert one.recv(100) == b""  # a RST, or nothing at all
            raise ConnectionError
        assert killed(net) == before + 1
        assert net.natgwd.ctl_json("sessions", "kill", "--port", "80")["killed"] == 2
    assert shown(net) == set() and killed(net) == before + 3


# ---- a long table ----

@pytest.fixture(scope="module")
def many(net):
    """So many sessions of cli1 that no answer is one piece."""
    with net.cli1.socket(socket.SOCK_DGRAM) as sock:
        for port in range(10000, 10000 + MANY):
            sock.sendto(b"", (SRV1, port))
        wait_for(lambda: len(shown_ports(net)) == MANY, "all sessions")
        yield sock
    net.natgwd.ctl("sessions", "kill", "--all")


def shown_ports(net, *options):
    return [row["remote_port"] for row in net.natgwd.ctl_json("sessions", *options)["sessions"]
            if row["protocol"] == "udp" and row["remote_port"] >= 10000]


def test_every_session_is_there_once(net, many):
    assert sorted(shown_ports(net)) == list(range(10000, 10000 + MANY))
    assert len(net.natgwd.ctl("sessions", "--protocol", "udp").stdout.splitlines()) >= MANY
    assert len(shown_ports(net, "--sort", "client", "--limit", str(MANY + 50))) == MANY
    assert len(shown_ports(net, "--sort", "bytes")) == 100


def open_iterators(net):
    folder = f"/proc/{net.natgwd.process.pid}/fd"
    links = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            links.append(os.readlink(os.path.join(folder, name)))
    return links.count(net.natgwd.pin("dump"))


def test_a_reader_that_rests_stops_nobody_and_leaves_nothing(net, many):
    before = open_iterators(net)
    command = ("curl", "-sS", "-o", "/dev/null", "--limit-rate", "20k", "--unix-socket",
               net.natgwd.config.socket, "http://natgw/v1/sessions")
    readers = [subprocess.Popen(command) for _number in range(4)]
    try:
        wait_for(lambda: open_iterators(net) == before + 4, "four readers")
        start = time.monotonic()
        net.natgwd.status()
        assert len(shown_ports(net)) == MANY
        assert time.monotonic() - start < 5
        assert open_iterators(net) == before + 4
    finally:
        for reader in readers:
            reader.terminate()
            reader.wait(5)
    wait_for(lambda: open_iterators(net) == before, "the readers' end")


def test_what_is_printed_can_be_cut_off(net, many):
    """As `| head` does."""
    program = subprocess.Popen((daemon.NATGWCTL, "--socket", net.natgwd.config.socket, "sessions"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout.readline().startswith(b"PROTO")
    program.stdout.close()
    assert program.wait(10) != 0
    program.stderr.close()
    assert json.loads(net.natgwd.ctl("status", "--json").stdout)["pid"]


# ---- watch ----

def start_watch(net, *options, stdout=subprocess.PIPE):
    command = (daemon.NATGWCTL, "--socket", net.natgwd.config.socket, "watch", *options)
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True)


def make_traffic(net, sock, count):
    """Through the gateway, and as many that it drops."""
    with net.srv1.socket(socket.SOCK_DGRAM) as unasked:
        for number in range(count):
            sock.sendto(b"x" * 100, (SRV1, 9000 + number % 10))
            unasked.sendto(b"", (EIP, 4321))


def test_watch_shows_rates(net, web):
    process = start_watch(net, "--count", "8", "--interval", "0.1", "--json")
    with net.cli1.socket(socket.SOCK_DGRAM) as sock:
        frames = [json.loads(process.stdout.readline())]
        make_traffic(net, sock, 500)
        frames += map(json.loads, process.communicate(timeout=20)[0].splitlines())
    assert process.returncode == 0 and len(frames) == 8
    rows = [frame["gateways"][0] for frame in frames]
    assert {row["gateway"] for row in rows} == {"nat-a"}
    # 128 bytes of IP; all of them in one of the seconds that were looked at, more or less.
    assert max(row["out_packets"] for row in rows) > 100
    busiest = max(rows, key=lambda row: row["out_packets"])
    assert 8 * 128 * 0.9 < busiest["out_bits"] / busiest["out_packets"] < 8 * 128 * 1.1
    assert max(row["new"] for row in rows) > 0
    drops = [drop for frame in frames for drop in frame["drops"]
             if drop["reason"] == "no_session"]
    assert max(drop["per_second"] for drop in drops) > 100
    assert frames[-1]["eips"][0]["eip"] == EIP
    assert 0 <= frames[-1]["own_core_percent"] < 100
    assert frames[-1]["clients"] and frames[-1]["destinations"]


def test_watch_prints_frames(net):
    text, errors = start_watch(net, "-n", "2", "-i", "0.1").communicate(timeout=20)
    frames = text.split("\n\n\n")[0].split("% of a core")
    assert len(frames) == 3 and not errors
    for word in ("natgw, ", "OUT BIT/S", "nat-a", "TCP PORTS", EIP, "sessions "):
        assert word in frames[0], text
    assert "\033" not in text


def test_watch_clears_a_terminal(net):
    master, slave = os.openpty()
    process = start_watch(net, "-n", "2", "-i", "0.1", stdout=slave)
    try:
        assert process.wait(20) == 0
        assert os.read(master, 1 << 20).count(b"\033[H\033[J") == 2
    finally:
        process.stderr.close()
        os.close(slave)
        os.close(master)


def test_wrong_ways_to_watch(net):
    for options in (("--interval", "0"), ("--interval", "0.05"), ("--interval", "x"),
                    ("--count", "0")):
        result = net.natgwd.ctl("watch", *options, check=False)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
