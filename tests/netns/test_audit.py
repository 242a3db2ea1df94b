# SPDX-License-Identifier: GPL-2.0-only
"""natgwctl audit: finds nothing where all is well, and names what is planted."""
import contextlib
import ipaddress
import json
import re
import socket
import struct
import threading

import pytest

import servers
import session_slots
import topology
from hosts import BPFFS, CLI1, CLI2, EIP, SRV1, SRV2, run, wait_for

TCP, UDP = 6, 17
PORTS_FIRST, PORTS_COUNT = 2000, 256
BUSY = 160  # sessions to one destination: more than half of its ports
SHORT_CONNECTIONS, AUDITS = 2000, 10
MANY = 100_000
SILENT = "203.0.113.250"  # the router throws away what goes there
STATE_NEW, STATE_OPENING, STATE_HOLD = 1, 2, 4
GATEWAYS, HOOKS, DIRECTIONS, VERDICT_SLOTS, DROP_GUARD = 64, 3, 3, 80, 46
UNUSED_GATEWAY = GATEWAYS - 1


# ---- maps ----

def to_hex(data):
    return [f"{byte:02x}" for byte in data]


def from_hex(words):
    return bytes(int(word, 16) for word in words)


class Plantable:
    """A map, of which a row can be another one for a while."""

    @contextlib.contextmanager
    def planted(self, key, value):
        """The row has another value, or with None is not there; then it is as it was."""
        old = self.get(key)
        self.write(key, value)
        try:
            yield
        finally:
            self.write(key, old)

    def write(self, key, value):
        if value is None:
            self.delete(key)
        else:
            self.set(key, value)


class Sessions(session_slots.Slots, Plantable):
    """A session table."""

    def __init__(self, net, name):
        super().__init__(net.natgwd, name)


class Map(Plantable):
    """Another pinned map, read and written with bpftool as an operator would."""

    def __init__(self, net, name):
        self.path = net.natgwd.pin(name)

    def rows(self):
        """[(key, value)]"""
        shown = json.loads(run("bpftool", "-j", "map", "dump", "pinned", self.path).stdout)
        return [(from_hex(row["key"]), from_hex(row["value"])) for row in shown]

    def get(self, key):
        result = run("bpftool", "-j", "map", "lookup", "pinned", self.path, "key", "hex",
                     *to_hex(key), check=False)
        return from_hex(json.loads(result.stdout)["value"]) if result.returncode == 0 else None

    def set(self, key, value):
        run("bpftool", "map", "update", "pinned", self.path, "key", "hex", *to_hex(key), "value",
            "hex", *to_hex(value))

    def delete(self, key):
        run("bpftool", "map", "delete", "pinned", self.path, "key", "hex", *to_hex(key))


def index(number):
    return struct.pack("=I", number)


def changed(data, layout, offset, value):
    """The bytes with one field replaced; a callable gets the old value."""
    old = struct.unpack_from("=" + layout, data, offset)[0]
    result = bytearray(data)
    struct.pack_into("=" + layout, result, offset, value(old) if callable(value) else value)
    return bytes(result)


def address(text):
    return ipaddress.IPv4Address(text).packed


def port(number):
    return struct.pack("!H", number)


# ---- sessions as the maps have them: keys 16 bytes, value word, packets, bytes, address, port ----

class Session:
    """The pair of rows of one session of CLI1."""

    def __init__(self, net, out_key):
        self.outbound, self.inbound = Sessions(net, "outbound"), Sessions(net, "inbound")
        self.out_key, self.out_row = out_key, self.outbound.get(out_key)
        self.in_key = self.out_row[24:28] + self.out_key[4:8] + self.out_row[28:30] + (
            self.out_key[10:13] + bytes(3))
        self.in_row = self.inbound.get(self.in_key)
        self.client_port = struct.unpack("!H", self.out_key[8:10])[0]
        self.ext_port = struct.unpack("!H", self.in_key[8:10])[0]

    @property
    def state(self):
        return self.in_row[0] & 15

    def text(self, table):
        """The row as the audit names it."""
        rem = f"{ipaddress.IPv4Address(self.out_key[4:8])}:{struct.unpack('!H', self.out_key[10:12])[0]}"
        proto = {TCP: "tcp", UDP: "udp"}[self.out_key[12]]
        if table == "outbound":
            client = ipaddress.IPv4Address(self.out_key[0:4])
            return f"outbound row {proto} {client}:{self.client_port} to {rem}, gateway 1"
        return f"inbound row {proto} {EIP}:{self.ext_port} from {rem}"


def find_session(net, client_ports):
    """That of the lowest external port, which the audit names among the first."""
    rows = [(key, row) for key, row in Sessions(net, "outbound").rows()
            if key[12] == TCP and key[0:4] == address(CLI1)
            and struct.unpack("!H", key[8:10])[0] in client_ports]
    return Session(net, min(rows, key=lambda found: found[1][28:30])[0])


# ---- the audit ----

def audit(net, *arguments):
    return net.natgwd.ctl("audit", "--pins", net.natgwd.config.pin_path, *arguments, check=False)


def assert_clean(net):
    result = audit(net)
    assert result.returncode == 0, result.stdout + result.stderr
    match = re.fullmatch(r"audit: (\d+) sessions, nothing found\n", result.stdout)
    assert match, result.stdout
    return int(match.group(1))


def assert_named(net, rule, *texts):
    """Only this rule is named, and a line has all the texts."""
    result = audit(net)
    assert result.returncode == 1, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    named = {line.partition(": ")[0] for line in lines if not line.startswith("and ")}
    assert named == {rule}, result.stdout
    assert any(all(text in line for text in texts) for line in lines), (texts, result.stdout)


# ---- sessions that stand still, and no natgwd ----

class Standing:
    """What the planting tests work on."""

    def __init__(self, net):
        self.net = net
        self.sockets = [net.cli1.connect(SRV1, 80) for _number in range(BUSY)]
        self.sockets.append(net.cli2.connect(SRV1, 80))
        servers.Dnsmasq(net, net.srv1)
        net.cli1.run("dig", "+short", "+tries=1", f"@{SRV1}", servers.Dnsmasq.NAME)
        assert servers.ping(net.cli1, SRV1, count=1).received == 1
        self.held_port = self.closed_connection()
        net.natgwd.sweep()

    def closed_connection(self):
        with self.net.cli1.connect(SRV2, 80) as sock:
            servers.request(sock)
            client_port = sock.getsockname()[1]
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
        wait_for(lambda: find_session(self.net, {client_port}).state == STATE_HOLD, "the hold-down")
        return client_port

    def living(self):
        """One of CLI1 to the busy destination."""
        return find_session(self.net, {sock.getsockname()[1] for sock in self.sockets[:BUSY]})

    def held(self):
        return find_session(self.net, {self.held_port})

    def close(self):
        for sock in self.sockets:
            sock.close()


@pytest.fixture(scope="module")
def standing_net():
    with topology.Topology("audit", attach="tc") as net:
        config = net.natgwd.config
        config.timeouts = {"tcp_half_open": 3000, "tcp_established": 3000, "hold_fin": 3000,
                           "udp_unreplied": 3000, "udp": 3000, "icmp": 3000}
        config.port_range = f"{PORTS_FIRST}-{PORTS_FIRST + PORTS_COUNT - 1}"
        config.options = {"ports_per_client": "{max: 250}"}
        net.natgwd.start()
        for server in (net.srv1, net.srv2):
            servers.Nginx(net, server).write("page", b"natgw\n")
        net.standing = Standing(net)
        net.natgwd.ledger.close()  # it asks natgwd
        yield net
        net.standing.close()


@pytest.fixture
def net(standing_net):
    """Without natgwd, which would repair some of what is planted."""
    if standing_net.natgwd.running:
        assert_clean(standing_net)
        standing_net.natgwd.kill()
    assert_clean(standing_net)
    yield standing_net
    assert_clean(standing_net)


# ---- I1 to I6 ----

def test_i1_an_outbound_row_is_gone(net):
    session = net.standing.living()
    with session.outbound.planted(session.out_key, None):
        assert_named(net, "I1", session.text("inbound"), "no outbound row")


def test_i1_an_inbound_row_is_gone(net):
    """Its port and its counts are nobody's then, so more is wrong than that."""
    session = net.standing.living()
    with session.inbound.planted(session.in_key, None):
        lines = audit(net).stdout.splitlines()
    assert f"I1: {session.text('outbound')}: it has no inbound row" in lines
    assert any(line.startswith("I4: gateway 1: gateway_use: sessions ") for line in lines)


def test_i1_rows_of_two_generations(net):
    session = net.standing.living()
    other = changed(session.out_row, "I", 4, lambda generation: generation ^ 1)
    with session.outbound.planted(session.out_key, other):
        assert_named(net, "I1", session.text("outbound"), "another generation",
                     session.text("inbound"))


def test_i1_a_row_stays_unfinished(net):
    session = net.standing.living()
    unfinished = changed(session.out_row, "B", 0, lambda byte: byte & 0xf0 | STATE_NEW)
    with session.outbound.planted(session.out_key, unfinished):
        assert_named(net, "I1", session.text("outbound"), "NEW")


def test_i1_a_row_that_no_lookup_finds(net):
    """Its home has forgotten where it is."""
    session = net.standing.living()
    with session.inbound.forgotten(session.in_key):
        assert_named(net, "I1", session.text("inbound"), "no lookup finds it")


def test_i2_two_sessions_with_one_external_endpoint(net):
    session = net.standing.living()
    other_key = address(CLI2) + session.out_key[4:]
    with session.outbound.planted(other_key, session.out_row):
        assert_named(net, "I2", f"{CLI2}:{session.client_port}", session.text("outbound"))


def test_i3_a_port_out_of_range(net):
    gateways = Map(net, "gateways")
    ext_port = max(struct.unpack("!H", key[8:10])[0] for key, _row in Sessions(net, "inbound").rows())
    smaller = changed(gateways.get(index(1)), "I", 16, ext_port - PORTS_FIRST)
    with gateways.planted(index(1), smaller):
        assert_named(net, "I3", f"{EIP}:{ext_port}", "not in its gateway's range")


def test_i3_an_address_that_is_no_eip(net):
    with Map(net, "addresses").planted(address(EIP), None):
        assert_named(net, "I3", net.standing.living().text("inbound"), "no EIP")


def test_i3_a_client_in_no_subnet(net):
    subnets = Map(net, "subnets")
    (key, _value), = subnets.rows()
    with subnets.planted(key, None):
        assert_named(net, "I3", net.standing.living().text("inbound"), "no subnet")


def test_i3_a_gateway_that_does_not_exist(net):
    gateways = Map(net, "gateways")
    none = changed(gateways.get(index(1)), "B", 0, 0)
    with gateways.planted(index(1), none):
        assert_named(net, "I3", net.standing.living().text("inbound"), "gateway does not exist: 1")


def plus_one(count):
    return count + 1


@pytest.mark.parametrize("offset,name", [(0, "sessions"), (4, "clients"), (8, "mappings")])
def test_i4_counts_of_a_gateway(net, offset, name):
    use = Map(net, "gateway_use")
    wrong = changed(use.get(index(1)), "I", offset, plus_one)
    with use.planted(index(1), wrong):
        assert_named(net, "I4", f"gateway 1: gateway_use: {name} ")


def test_i4_history_of_a_gateway(net):
    """bpftool writes a value to all CPUs, so in a row that is all zero."""
    traffic = Map(net, "traffic")
    shown = json.loads(run("bpftool", "-j", "map", "lookup", "pinned", traffic.path, "key", "hex",
                           *to_hex(index(UNUSED_GATEWAY))).stdout)
    size = len(shown["values"][0]["value"])
    created = 2 * 8 * 4 + 8 * 3  # four counts, then attempts by protocol, then created
    with planted_counts(traffic, index(UNUSED_GATEWAY), size, created):
        assert_named(net, "I4", f"gateway {UNUSED_GATEWAY}: traffic: sessions created less closed")


@contextlib.contextmanager
def planted_counts(counts, key, size, offset):
    """One counter of a row for each CPU is 1 everywhere, and 0 afterwards, as it was before."""
    counts.set(key, changed(bytes(size), "Q", offset, 1))
    try:
        yield
    finally:
        counts.set(key, bytes(size))


@pytest.mark.parametrize("offset,name", [(0, "sessions"), (4, "opening")])
def test_i4_counts_of_a_client(net, offset, name):
    clients = Map(net, "clients")
    key = address(CLI2) + index(1)
    wrong = changed(clients.get(key), "I", offset, plus_one)
    with clients.planted(key, wrong):
        assert_named(net, "I4", f"client {CLI2} of gateway 1: clients: {name} ")


def test_i4_a_client_is_gone(net):
    """The count of clients is wrong, too."""
    with Map(net, "clients").planted(address(CLI2) + index(1), None):
        assert_named(net, "I4", f"inbound row tcp {EIP}:", "its client has no row in clients")


def test_i4_ports_of_a_client(net):
    ports = Map(net, "client_ports")
    key = address(CLI1) + address(SRV1) + port(80) + bytes([TCP, 1])
    with ports.planted(key, changed(ports.get(key), "I", 0, plus_one)):
        assert_named(net, "I4", f"client {CLI1} of gateway 1 to tcp {SRV1}:80: client_ports: ")


def bit_of(number):
    """(byte of struct natgw_port_bits, mask): 16 words of summary, then the ports."""
    return 16 * 8 + number // 8, 1 << number % 8


def flipped(data, number, start=0):
    byte, mask = bit_of(number)
    return changed(data, "B", start + byte, lambda old: old ^ mask)


def test_i4_a_port_of_an_eip(net):
    """Row (phase x 256 + EIP) x 3 + protocol."""
    session = net.standing.living()
    ports = Map(net, "port_use")
    phase = struct.unpack("=I", Map(net, "phase").get(index(0)))[0] & 1
    eip = struct.unpack_from("=I", Map(net, "addresses").get(address(EIP)), 4)[0]
    key = index((phase * 256 + eip) * 3)
    with ports.planted(key, flipped(ports.get(key), session.ext_port)):
        assert_named(net, "I4", session.text("inbound"), "not set in port_use")


DESTINATION = f"destination tcp {SRV1}:80 from {EIP}, gateway 1: "
COUNTERS = 48  # bytes before the bits of struct natgw_destination


@pytest.fixture
def destination(net):
    """The busy destination: (map, key, row)."""
    destinations = Map(net, "destinations")
    key = address(EIP) + address(SRV1) + port(80) + bytes([TCP, 1])
    row = destinations.get(key)
    assert row, "a destination with so many sessions has a row"
    return destinations, key, row


def test_i4_count_of_a_destination(net, destination):
    destinations, key, row = destination
    with destinations.planted(key, changed(row, "I", 0, plus_one)):
        assert_named(net, "I4", DESTINATION, "count, and bits set: ")


def test_i4_a_session_is_not_in_its_destination(net, destination):
    destinations, key, row = destination
    session = net.standing.living()
    wrong = changed(flipped(row, session.ext_port, COUNTERS), "I", 0, lambda count: count - 1)
    wrong = changed(wrong, "I", 4, PORTS_COUNT)  # all ports have been looked up
    with destinations.planted(key, wrong):
        assert_named(net, "I4", session.text("inbound"), "not set in destinations")


def test_i4_a_destination_has_a_port_too_many(net, destination):
    destinations, key, row = destination
    used = {struct.unpack("!H", inbound[8:10])[0] for inbound, _row in Sessions(net, "inbound").rows()}
    free = next(number for number in range(PORTS_FIRST, PORTS_FIRST + PORTS_COUNT)
                if number not in used)
    wrong = changed(flipped(row, free, COUNTERS), "I", 0, plus_one)
    with destinations.planted(key, wrong):
        assert_named(net, "I4", DESTINATION, f"no session has the port that is set: {free}")


def test_i4_a_summary_that_hides_free_ports(net, destination):
    destinations, key, row = destination
    used = {struct.unpack("!H", inbound[8:10])[0] for inbound, _row in Sessions(net, "inbound").rows()
            if inbound[4:8] == address(SRV1) and inbound[12] == TCP}
    free = next(number for number in range(PORTS_FIRST, PORTS_FIRST + PORTS_COUNT)
                if number not in used)
    word = free // 64
    wrong = changed(row, "Q", COUNTERS + word // 64 * 8, lambda bits: bits | 1 << word % 64)
    with destinations.planted(key, wrong):
        assert_named(net, "I4", DESTINATION, f"the summary hides a free port: {free}")


def test_i5_a_port_is_used_before_its_hold_down_is_over(net):
    session = net.standing.held()
    other_key = address(CLI2) + session.out_key[4:]
    reused = changed(session.out_row, "I", 4, lambda generation: generation ^ 1)
    reused = changed(reused, "B", 0, lambda byte: byte & 0xf0 | STATE_OPENING)
    with session.outbound.planted(other_key, reused):
        assert_named(net, "I5", f"{CLI2}:{session.client_port}", "still held by",
                     session.text("inbound"))


@pytest.mark.parametrize("offset,name", [(0, "packets"), (8, "bytes")])
def test_i6_a_verdict_too_many(net, offset, name):
    row = ((UNUSED_GATEWAY * HOOKS + 1) * DIRECTIONS + 2) * VERDICT_SLOTS + DROP_GUARD
    with planted_counts(Map(net, "verdicts"), index(row), 16, offset):
        assert_named(net, "I6", "hook tc_ingress: ", f"{name} seen")


def test_i6_packets_seen_without_a_verdict(net):
    """In the row of XDP, which is not attached."""
    with planted_counts(Map(net, "seen"), index(0), 16, 0):
        assert_named(net, "I6", "hook xdp: packets seen, and verdicts given: ")


# ---- how it says it ----

def test_json(net):
    session = net.standing.living()
    shown = json.loads(audit(net, "--json").stdout)
    assert shown["found"] == 0 and shown["findings"] == [] and shown["sessions"] >= BUSY
    with session.outbound.planted(session.out_key, None):
        result = audit(net, "--json")
    assert result.returncode == 1
    shown = json.loads(result.stdout)
    assert shown["found"] == len(shown["findings"]) == 1
    assert shown["findings"][0]["rule"] == "I1"
    assert session.text("inbound") in shown["findings"][0]["text"]


def test_a_hundred_findings_are_shown(net):
    with Map(net, "addresses").planted(address(EIP), None):
        lines = audit(net).stdout.splitlines()
    assert len(lines) == 101
    rest = len(Sessions(net, "inbound").rows()) - 100
    assert lines[-1] == f"and {rest} more (I3: {rest})"


def test_what_cannot_be_read(net):
    nowhere = net.natgwd.ctl("audit", "--pins", f"{BPFFS}/natgw-nowhere", check=False)
    assert nowhere.returncode == 2 and "natgw-nowhere" in nowhere.stderr
    layout = Map(net, "layout")
    old = layout.get(index(0))
    with layout.planted(index(0), changed(old, "I", 0, plus_one)):
        result = audit(net)
    assert result.returncode == 2 and "another layout" in result.stderr


def test_with_natgwd(net):
    net.natgwd.start()
    session = net.standing.living()
    with session.outbound.planted(session.out_key, None):
        assert_named(net, "I1", session.text("inbound"))


# ---- while sessions come and go, and with many of them ----

class Churn:
    """Short connections, by a thread of its own, until stop()."""

    def __init__(self, net):
        self.net = net
        self.done = 0
        self.error = None
        self.stopped = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.stopped:
                self.connect()
                self.done += 1
        except (OSError, AssertionError) as error:
            self.error = error

    def connect(self):
        with self.net.cli1.connect((SRV1, SRV2)[self.done % 2], 80) as sock:
            servers.request(sock)
        with self.net.cli2.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (SRV1, 1 + self.done % 500))

    def stop(self):
        self.stopped = True
        self.thread.join()


def test_churn(fresh_net):
    for server in (fresh_net.srv1, fresh_net.srv2):
        servers.Nginx(fresh_net, server).write("page", b"natgw\n")
    churn = Churn(fresh_net)
    audits = 0
    try:
        while churn.error is None and (audits < AUDITS or churn.done < SHORT_CONNECTIONS):
            assert_clean(fresh_net)
            audits += 1
    finally:
        churn.stop()
    assert churn.error is None
    assert assert_clean(fresh_net) > SHORT_CONNECTIONS / 2


def send_many(net):
    """Datagrams to nobody, one session each; returns how many there are."""
    with net.cli1.socket(socket.SOCK_DGRAM) as sock, net.cli1.socket(socket.SOCK_DGRAM) as other:
        for number in range(1, 1 + 60_000):
            sock.sendto(b"x", (SILENT, number))
            other.sendto(b"x", (SILENT, number))
    return assert_clean(net)


def test_many_sessions():
    with topology.Topology("audit-many", attach="tc") as net:
        config = net.natgwd.config
        config.sessions = 2 * MANY
        config.timeouts = {"udp_unreplied": 3000}
        config.options = {"max_half_open_per_client": "0"}
        net.natgwd.start()
        net.router.ip("route", "replace", "blackhole", SILENT)
        assert send_many(net) >= MANY
        net.natgwd.kill()
        session = Session(net, Sessions(net, "outbound").first_key())
        with session.outbound.planted(session.out_key, None):
            assert_named(net, "I1", session.text("inbound"))
        assert assert_clean(net) >= MANY
        net.natgwd.start()  # it ends in order
