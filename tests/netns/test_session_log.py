# SPDX-License-Identifier: GPL-2.0-only
"""The session log (requirement 65, B-18, B-26, B-31): what is in it, read by Python, nfdump and
libfixbuf's ipfixDump; and that of every sink, records + lost is what has happened."""
import glob
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

import servers
import topology
from hosts import CLI1, EIP, SRV1, run, wait_for
from test_expiry import Clock

SILENT = "203.0.113.250"  # the router throws away what goes there
NFCAPD, TCP_COLLECTOR, NOBODY = 4739, 4740, 4799
FLOOD = 50000  # more than the ring of the data path holds
MANY = 8000


class TcpCollector(threading.Thread):
    """Keeps what a connection brings: a stream of IPFIX messages is an IPFIX file."""

    def __init__(self, net):
        super().__init__(daemon=True)
        self.path = net.path("stream.ipfix")
        self.listener = net.gw.socket(bind=("127.0.0.1", TCP_COLLECTOR), timeout=120)
        self.listener.listen(1)
        self.start()

    def run(self):
        with open(self.path, "wb", buffering=0) as file:
            try:
                sock = self.listener.accept()[0]
                sock.settimeout(None)
                while data := sock.recv(1 << 20):
                    file.write(data)
            except OSError:
                pass  # the test is over

    def records(self):
        shown = run("ipfixDump", "--data", "--in", self.path).stdout
        return [dict(re.findall(r"^\t\(\d+\) +(\w+) : (?:\(len: \d+\) )?(.*)$", text, re.MULTILINE))
                for text in shown.split("--- data record")[1:]]


class Nfcapd:
    """nfdump's collector."""

    def __init__(self, net):
        self.folder = net.path("nfcapd")
        os.mkdir(self.folder)
        self.process = net.gw.start("nfcapd", "-w", self.folder, "-b", "127.0.0.1", "-p",
                                    str(NFCAPD), "-B", "16000000", stdout=-3, stderr=-3)
        wait_for(lambda: servers.listens(net.gw, NFCAPD, "udp"), "nfcapd")

    def end(self):
        self.process.terminate()
        self.process.wait(10)

    def records(self):
        self.end()
        shown = run("nfdump", "-q", "-R", self.folder, "-o", "json").stdout
        return json.loads(f"[{shown}]")


class Log:
    """The file, and what the metrics say of every sink."""

    def __init__(self, net):
        self.net = net
        self.path = net.path("sessions.json")
        self.file = f"file:{self.path}"

    def config(self, wanted="all"):
        return [
            "session_log:",
            f"  filter: {wanted}",
            "  sinks:",
            f"    - {{file: {self.path}, rotate_size: 4MB, rotate_keep: 50}}",
            f"    - {{ipfix: 127.0.0.1:{NFCAPD}, template_interval: 1s}}",
            f"    - {{ipfix: 127.0.0.1:{TCP_COLLECTOR}, protocol: tcp, domain: 7}}",
            f"    - {{ipfix: 127.0.0.1:{NOBODY}}}",
        ]

    def lines(self, **wanted):
        """Every line of every file, oldest first; each is whole, and JSON."""
        found = []
        for path in sorted(glob.glob(self.path + "*"), key=os.path.getmtime):
            with open(path, encoding="ascii") as file:
                found += [json.loads(line) for line in file]
        return [row for row in found if wanted.items() <= row.items()]

    def count(self):
        """The lines, without a look at each."""
        count = 0
        for path in glob.glob(self.path + "*"):
            with open(path, "rb") as file:
                count += file.read().count(b"\n")
        return count

    def counters(self):
        """{sink: (records, lost)} and how many sessions were made, and have ended."""
        text = self.net.natgwd.metrics()
        records, lost = (dict(re.findall(rf'^natgw_log_{kind}_total{{sink="(.*)"}} (\d+)$', text,
                                         re.MULTILINE)) for kind in ("records", "lost"))
        happened = sum(map(int, re.findall(
            r"^natgw_sessions_(?:created|closed)_total{.*} (\d+)$", text, re.MULTILINE)))
        return {sink: (int(records[sink]), int(lost[sink])) for sink in records}, happened


@pytest.fixture(scope="module")
def net():
    with topology.Topology("session_log") as made:
        made.natgwd.config.sessions = 65536
        made.natgwd.config.options = {"max_half_open_per_client": 0}
        made.natgwd.config.more = Log(made).config()
        made.nfcapd = Nfcapd(made)
        made.collector = TcpCollector(made)
        made.natgwd.start()
        made.clock, made.later = Clock(made), 0
        made.router.ip("route", "replace", "blackhole", SILENT)
        yield made
        made.collector.listener.close()
        made.nfcapd.end()


@pytest.fixture
def log(net):
    return Log(net)


def flood(net, count, first=1024):
    """So many sessions of one client, each with one datagram."""
    with net.cli1.socket(socket.SOCK_DGRAM) as sock:
        for number in range(count):
            sock.sendto(b"natgw", (SILENT, first + number))


def end_all(net):
    """All sessions are idle for long, and swept."""
    net.later += 1000
    net.clock.be(net.later + time.monotonic() - net.clock.started)
    for _pass in range(3):
        net.natgwd.sweep()
    assert net.natgwd.sessions() == []


def sessions_of(net, port):
    return [row for row in net.natgwd.sessions() if row["internal_src_port"] == port]


def wait_until_held(net, port):
    """Both sides have said FIN."""
    wait_for(lambda: [row["hold"] for row in sessions_of(net, port)] == ["fin"], "the FINs")


def keeps_law(log):
    """Whether every sink has, or counts as lost, each session that was made or has ended."""
    sinks, happened = log.counters()
    return len(sinks) == 4 and all(records + lost == happened for records, lost in sinks.values())


def test_created_and_closed_hold_both_tuples(net, log, web):
    with net.cli1.connect(SRV1, 80) as sock:
        servers.request(sock)
        port = sock.getsockname()[1]
        session, = sessions_of(net, port)
    wait_until_held(net, port)
    created = wait_for(lambda: log.lines(event="created", internal_src_port=port), "a line")[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created["time"])
    assert created.items() >= {
        "allocation_status": "OK", "protocol": "tcp", "gateway": "nat-a",
        "internal_src_address": CLI1, "internal_dst_address": SRV1, "internal_dst_port": 80,
        "external_src_address": EIP, "external_src_port": session["external_src_port"],
        "external_dst_address": SRV1, "external_dst_port": 80}.items()
    end_all(net)
    closed = wait_for(lambda: log.lines(event="closed", internal_src_port=port), "a line")[0]
    same = created.keys() - {"time", "event"}
    assert {key: created[key] for key in same} == {key: closed[key] for key in same}
    assert closed["cause"] == "fin" and closed["time"] >= created["time"]
    assert closed["packets_out"] >= 4 and closed["packets_in"] >= 3
    assert closed["bytes_in"] > 200
    wait_for(lambda: keeps_law(log), "records + lost == created + closed")


def test_ipfixdump_reads_the_stream(net, log, web):
    """The same session in both logs, with the elements of RFC 8158."""
    with net.cli1.connect(SRV1, 80) as sock:
        servers.request(sock)
        port = sock.getsockname()[1]
    wait_until_held(net, port)
    end_all(net)
    line, = wait_for(lambda: log.lines(event="closed", internal_src_port=port), "a line")
    created, closed = wait_for(
        lambda: (found := [row for row in net.collector.records()
                           if row["sourceTransportPort"] == str(port)])[1:] and found, "records")
    tuple_of_both = {
        "sourceIPv4Address": CLI1, "postNATSourceIPv4Address": EIP,
        "destinationIPv4Address": SRV1, "postNATDestinationIPv4Address": SRV1,
        "postNAPTSourceTransportPort": str(line["external_src_port"]),
        "destinationTransportPort": "80", "postNAPTDestinationTransportPort": "80",
        "protocolIdentifier": "6", "natOriginatingAddressRealm": "1", "natPoolName": "nat-a",
        "flowId": str(line["id"])}
    assert created.items() >= {**tuple_of_both, "natEvent": "4"}.items()
    assert closed.items() >= {
        **tuple_of_both, "natEvent": "5", "flowEndReason": "3",
        "initiatorPackets": str(line["packets_out"]), "initiatorOctets": str(line["bytes_out"]),
        "responderPackets": str(line["packets_in"]), "responderOctets": str(line["bytes_in"]),
    }.items()
    shown = closed["observationTimeMilliseconds"]
    assert shown.replace(" ", "T").replace("/", "-")[:19] == line["time"][:19], shown


def test_nfdump_reads_the_datagrams(net, log):
    """nfcapd writes its file when it ends: from here on it is a collector that has gone."""
    lines = {(row["internal_src_port"], row["event"]): row
             for row in log.lines(internal_dst_address=SRV1)}
    records = [row for row in net.nfcapd.records() if row.get("dst4_addr") == SRV1]
    assert len(records) == len(lines) >= 2
    for record in records:
        event = {"4": "created", "5": "closed"}[record["nat_event_id"]]
        row = lines[record["src_port"], event]
        assert record.items() >= {
            "src4_addr": CLI1, "src4_xlt_ip": EIP, "dst4_xlt_ip": SRV1, "proto": 6,
            "dst_port": 80, "src_xlt_port": str(row["external_src_port"]),
            "dst_xlt_port": "80"}.items(), record


def test_refused_sessions_are_logged(net, log):
    def refused(event, options, count):
        with net.natgwd.configured(**options):
            before = len(log.lines(event=event))
            with net.cli1.socket(socket.SOCK_DGRAM) as one, \
                    net.cli1.socket(socket.SOCK_DGRAM) as two, \
                    net.cli1.socket(socket.SOCK_DGRAM) as three:
                for sock in (one, two, three):
                    sock.sendto(b"natgw", (SILENT, 9))
                return wait_for(lambda: log.lines(event=event)[before:][:count], event)[0]

    kept = net.natgwd.config.options
    row = refused("quota_exceeded", {"options": {**kept, "max_sessions_per_client": 2}}, 1)
    assert row.items() >= {
        "allocation_status": "DROPPED", "cause": "client_quota", "id": None, "limit": 2,
        "internal_src_address": CLI1, "internal_dst_address": SILENT, "internal_dst_port": 9,
        "external_src_port": None, "protocol": "udp", "gateway": "nat-a"}.items()
    end_all(net)
    row = refused("port_exhausted", {"port_range": "1024-1025"}, 1)
    assert row.items() >= {"allocation_status": "DROPPED", "cause": "port_exhausted",
                           "external_src_address": EIP, "limit": 2}.items()
    end_all(net)
    events = {(row["natEvent"], row.get("natQuotaExceededEvent"), row.get("maxEntriesPerUser"))
              for row in net.collector.records() if row["natEvent"] not in ("4", "5")}
    assert events == {("13", "3", "2"), ("12", None, None)}


def test_filter_and_sinks_change_by_reload(net, log):
    """errors: the data path does not tell of sessions any more. Off: nothing is written."""
    kept = log.count()
    before = net.natgwd.stats().generated["log"]
    with net.natgwd.configured(more=log.config("errors")):
        flood(net, 10)
        end_all(net)
        assert net.natgwd.stats().generated["log"] == before
    with net.natgwd.configured(more=[]):
        flood(net, 10)
        end_all(net)
        assert net.natgwd.stats().generated["log"] == before
        wait_for(lambda: log.counters()[0] == {}, "no sinks any more")
    assert log.count() == kept


@pytest.fixture
def even(log):
    """Sessions that were made while the log was off are no loss: counted from here on."""
    sinks, happened = log.counters()
    return {sink: happened - records - lost for sink, (records, lost) in sinks.items()}


def settled(log, even):
    """The counters, when every sink has taken or lost all that has happened."""
    def look():
        sinks, happened = log.counters()
        left = {sink: happened - records - lost for sink, (records, lost) in sinks.items()}
        return left == even and (sinks, happened)
    return wait_for(look, "records + lost == created + closed", timeout=10)


def test_records_and_lost_are_all_events(net, log, even):
    """A flood that natgwd does not see in time, and one that it does: B-31's law, in both."""
    before, happened_before = settled(log, even)
    lines = log.count()
    flood(net, MANY)
    _sinks, happened = settled(log, even)
    assert happened - happened_before == MANY
    assert log.count() - lines == MANY
    net.natgwd.process.send_signal(signal.SIGSTOP)
    try:
        flood(net, FLOOD)
    finally:
        net.natgwd.process.send_signal(signal.SIGCONT)
    end_all(net)
    after, happened = settled(log, even)
    assert happened - happened_before == 2 * (MANY + FLOOD)
    lost = after[log.file][1] - before[log.file][1]
    assert lost > 0, "the ring has held them all: no test of losing"
    assert log.count() - lines + lost == 2 * (MANY + FLOOD)
    nobody = after[f"ipfix:udp:127.0.0.1:{NOBODY}"]
    assert nobody[1] - before[f"ipfix:udp:127.0.0.1:{NOBODY}"][1] > MANY
    generated = net.natgwd.stats().generated
    assert generated["log_lost"] >= lost > generated["log_lost"] / 2
    assert len(glob.glob(log.path + ".*")) > 3


def test_a_killed_natgwd_loses_nothing(net, log, even):
    """The sessions of the time without one are in the log of the next, and its counters go on."""
    before, _happened = settled(log, even)
    lines = log.count()
    net.natgwd.kill()
    flood(net, 1000)
    net.natgwd.start()
    after, _happened = settled(log, even)
    assert log.count() - lines == 1000
    assert after[log.file] == (before[log.file][0] + 1000, before[log.file][1])
