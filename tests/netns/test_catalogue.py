# SPDX-License-Identifier: GPL-2.0-only
"""The packet catalogue (docs/packet-fates.md) on the wire: the packets of tests/bpf/catalogue_*.c
go through a running natgwd, and what comes out is compared byte for byte with what the table
expects.

The hosts around the gateway are sockets only, with the MAC addresses that the table has for them:
nobody but natgw and the kernel beneath it answers. Every case has client ports of its own; the
port that natgw gives it is learnt from what leaves first.
"""
import collections
import json
import os
import subprocess

import pytest

import daemon
import hosts
import topology
from wire import EIP, MACS, SENTINEL, Frame, Wire

PROGRAM = os.path.join(os.path.dirname(daemon.NATGWD), "tests", "bpf", "test_catalogue")
LEAST_CASES = 500  # sent with each attach mode

EIP_B = "203.0.113.11"
PRIVATE_IP, ROUTER = "10.0.1.1", "192.0.2.254"
# What the kernel of the gateway knows of the world.
GATEWAY = f"""
neigh add 10.0.1.10 lladdr {MACS['client']} nud permanent dev int0
neigh add 10.0.1.11 lladdr {MACS['client_b']} nud permanent dev int0
neigh add {ROUTER} lladdr {MACS['router']} nud permanent dev ext0
route add 10.0.0.0/16 via 10.0.1.11
route add 10.0.1.128/25 via 10.0.1.11
route add default via {ROUTER}
route add blackhole 198.51.100.40/32
route add 198.51.100.70/32 via 10.0.1.10
route add 198.51.100.200/32 via {ROUTER} mtu lock 1400
"""


# ---- configurations, by what the table calls them ----

def mapping(lines, **options):
    """A change of the base: keys of nat-a, and whole lines behind."""
    return {"options": options, "more": lines}


def small(interface, mtu):
    """An interface with another MTU."""
    return {"options": {}, "more": [], "mtu": (interface, mtu)}


def shared():
    """The EIP is the host's own address, too."""
    return {"options": {"eips": f"[{{address: {EIP}, shared: true}}]"}, "more": [], "host": EIP}


RULES = ["rules:"] + [f"  - {{{kind}: {{{keys}}}}}" for kind, keys in (
    ("dnat", "gateway: nat-a, protocol: tcp, port: 8001, to_port: 443, mark: 65"),
    ("dnat", "gateway: nat-a, protocol: tcp, port: 8002, to_port: 443, mark: 66"),
    ("dnat", "gateway: nat-a, protocol: udp, port: 9000, to_port: 53, mark: 68"),
    ("no_nat", "gateway: nat-a, to: 198.51.100.30/32"),
    ("snat", "gateway: nat-a, mark: 65, eips: [203.0.114.5]"),
    ("snat", "gateway: nat-a, mark: 66, eips: [203.0.114.6]"),
    ("snat", "gateway: nat-a, to: 198.51.100.20/32, eips: [203.0.114.7]"),
    ("snat", "gateway: nat-a, from: 10.0.1.133/32, protocol: udp, eips: [203.0.114.8]"))]
ONE_TO_ONE = ["one_to_one:", "  - {private: 10.0.1.130, public: 203.0.113.99}"]
STAGES = ["one_to_one:", "  - {private: 10.0.0.226, public: 3.224.9.52}"]
FORWARDS = ["port_forwards:"] + [
    f"  - {{protocol: {protocol}, address: {EIP}, port: {port}, to: {to}}}" for protocol, port, to
    in (("tcp", 8080, "10.0.1.11:80"), ("udp", 5353, "10.0.1.11:53"), ("tcp", 2222, "10.0.1.11"))]
ACL = ["acl:", "  - {deny: 198.51.100.64/29}", "  - {allow: 198.51.100.67/32}",
       "  - {deny: 10.0.1.132/32}"]
OWN_TABLE = "the gateway's own table: "
TWO_STAGES = "mode: two-stage"
INTERNAL = ("gateway_not_available",)  # states that no configuration brings about


def own_table(target, **options):
    """The remote's prefix leads there; the sentinel always gets through."""
    rows = [f"{{to: {SENTINEL}/32, target: internet}}"]
    if target:
        rows.append(f"{{to: 198.51.100.0/24, target: {target}}}")
    return {"options": dict(options, route_table="own"), "more": [],
            "tables": ["  - name: own", f"    routes: [{', '.join(rows)}]"]}


CONFIGS = {
    "": mapping([]),
    "fragments: forward": mapping([], fragments="forward"),
    "fragments: drop": mapping([], fragments="drop"),
    "a RST for clients": mapping([], no_session="internal"),
    "a RST for both sides": mapping([], no_session="both"),
    "icmp: echo": mapping([], icmp="echo"),
    "icmp: off": mapping([], icmp="off"),
    "acl": mapping(ACL),
    "rules": mapping(RULES, fragments="forward"),
    "rules, default_snat: off": mapping(RULES, default_snat="off"),
    "one_to_one": mapping(ONE_TO_ONE),
    "one_to_one, fragments: forward": mapping(ONE_TO_ONE, fragments="forward"),
    "port_forwards": mapping(FORWARDS),
    "port_forwards, fragments: forward": mapping(FORWARDS, fragments="forward"),
    OWN_TABLE + "internet": own_table("internet"),
    OWN_TABLE + "no row": own_table(None),
    OWN_TABLE + "blackhole": own_table("blackhole"),
    OWN_TABLE + "interface:ext0": own_table("interface:ext0"),
    OWN_TABLE + "interface:ext0, allow_nat_to: [interface]":
        own_table("interface:ext0", allow_nat_to="[interface]"),
    OWN_TABLE + "local, allow_nat_to: [interface]":
        own_table("local", allow_nat_to="[interface]"),
    "external MTU 1400": small("ext0", 1400),
    "internal MTU 1300": small("int0", 1300),
    "shared EIP": shared(),
    "mode: two-stage": mapping(STAGES, mode="two-stage", eips="[10.0.0.226]"),
    "mode: two-stage, fragments: forward":
        mapping(STAGES, mode="two-stage", eips="[10.0.0.226]", fragments="forward"),
}


class Config(daemon.Config):
    """The configuration of the bench of the PROG_TEST_RUN tests, as a file."""

    given = ""

    def text(self):
        change = CONFIGS[self.given]
        options = {"eips": f"[{EIP}]", "no_session": "none", **change["options"]}
        lines = ["interfaces: {external: ext0, internal: [int0]}", f"attach: {self.attach}",
                 "gateways:", "  - name: nat-a", f"    private_ip: {PRIVATE_IP}"]
        lines += [f"    {key}: {value}" for key, value in options.items()]
        lines += ["  - name: nat-b", "    private_ip: 10.0.1.2", f"    eips: [{EIP_B}]",
                  "route_tables:",
                  "  - name: a", "    subnets: [10.0.1.0/24]", "    routes:",
                  "      - {to: 0.0.0.0/0, target: gateway:nat-a}",
                  "      - {to: 10.25.0.0/16, target: interface:ext0}",
                  "      - {to: 198.18.0.0/15, target: blackhole}",
                  "  - name: b", "    subnets: [10.0.2.0/24]",
                  "    routes: [{to: 0.0.0.0/0, target: gateway:nat-b}]",
                  "  - name: c", "    subnets: [10.0.3.0/24]",
                  "    routes: [{to: 10.26.0.0/16, target: blackhole}]"]
        lines += change.get("tables", [])
        lines += ["limits: {sessions: 16384}", f"metrics: {{listen: {daemon.METRICS}}}",
                  f"control: {{socket: {self.socket}}}", f"pin_path: {self.pin_path}"]
        return "\n".join(lines + change["more"]) + "\n"


class Bench(topology.Topology):
    """A gateway between two hosts that have no address: what they send is written by the test."""

    def __init__(self, attach):
        super().__init__("catalogue", attach=attach)
        self.natgwd.config = Config(self)

    def roles(self):
        return ["cli1", "gw", "router", "srv1", "srv2"]  # the servers have no cable

    def _cable_ends(self):
        return [("gw", "int0", "cli1", "eth0"), ("gw", "ext0", "router", "eth0")]

    def _addresses(self):
        plain = [line for name in ("client", "router") for line in
                 [f"link set eth0 address {MACS[name]} arp off up"]]
        return {
            "cli1": plain[:1], "router": plain[1:], "srv1": [], "srv2": [],
            "gw": [f"link set int0 address {MACS['int0']} up", "addr add 10.0.1.1/24 dev int0",
                   f"link set ext0 address {MACS['ext0']} up", "addr add 192.0.2.1/24 dev ext0",
                   *GATEWAY.strip().splitlines()],
        }


    def configure(self, given):
        """This configuration is in force, and the interfaces are as it wants them."""
        change = CONFIGS[given]
        for name in ("int0", "ext0"):
            self.set_mtu(name, dict([change["mtu"]] if "mtu" in change else []).get(name, 1500))
        if "host" in change:
            self.gw.ip("addr", "add", f"{change['host']}/32", "dev", "lo")
        if given != self.natgwd.config.given:
            self.natgwd.config.given = given
            self.natgwd.reload()

    def set_mtu(self, name, mtu):
        link = json.loads(self.gw.ip("-json", "link", "show", name))[0]
        if link["mtu"] == mtu:
            return
        self.gw.ip("link", "set", name, "mtu", str(mtu))
        hosts.wait_for(lambda: self.known_mtu(link["ifindex"]) == mtu, f"natgwd sees {name}'s MTU")

    def known_mtu(self, ifindex):
        rows = json.loads(hosts.run("bpftool", "-j", "map", "dump", "pinned",
                                    self.natgwd.pin("ifaces")).stdout)
        return {row["formatted"]["key"]: row["formatted"]["value"]["mtu"] for row in rows}[ifindex]


# ---- cases ----

class Case:
    """One row of the table, with ports of its own."""

    def __init__(self, row, number):
        self.row = row
        self.number = number
        self.ports = {4000: 10000 + 4 * number, 4001: 10001 + 4 * number, 5000: 10002 + 4 * number}
        self.learnt = None
        self.id = None
        self.wrong = []

    def frame(self, text, free):
        """The table's frame with this case's ports; what natgw has not given is nobody's."""
        ports = {50000: self.learnt or free(0), 50001: free(1), **self.ports}
        frame = Frame(bytes.fromhex(text)).with_ports(ports)
        if frame.fragment:
            # Datagrams of two cases are never taken for one.
            frame.with_id(self.own_id(frame.word(18)))
        quoted = frame.quoted
        if quoted and frame.word(quoted + 6) & 0x3fff:
            frame.with_id(self.own_id(frame.word(quoted + 4)), quoted)
        return frame

    def own_id(self, number):
        return (number + 16 * self.number) & 0xffff

    def learn(self, frame):
        first = Frame(frame)
        if first.is_ipv4 and not first.fragment & 0x1fff and first.data[23] in (1, 6, 17):
            self.learnt = first.source_port()
        if first.fragment:
            self.id = first.word(18)


class Run:
    """Sends the cases and keeps count of what they are to be counted as."""

    def __init__(self, net, wire, rows):
        self.net = net
        self.wire = wire
        self.cases = [Case(row, number) for number, row in enumerate(rows)]
        self.taken = set()
        self.drops = collections.Counter()

    def free(self, which):
        """A port that no session has."""
        port = 50000 + which
        while port in self.taken:
            port += 2
        return port

    def step(self, case, step):
        """A packet before the case's own; what leaves first tells the port."""
        self.wire.send(step["at"], case.frame(step["frame"], self.free).data)
        out = self.wire.settle()[self.wire.OTHER[step["at"]]]
        if step["leaves"] != (len(out) == 1):
            case.wrong.append(f"of the packet before {len(out)} came out")
        if step["class"] == "drop":
            self.drops[step["verdict"]] += 1
        if out and step["at"] == "internal":
            case.learn(out[0])
            self.taken.add(case.learnt)

    def prepare(self, case):
        """The session that stands before, made as its endpoints make it."""
        for step in case.row["session"]:
            self.step(case, step)

    def run(self, case):
        row = case.row
        for step in row["before"]:
            self.step(case, step)
        self.wire.send(row["at"], case.frame(row["frame"], self.free).data)
        came = self.wire.settle()
        if row["class"] == "drop":
            self.drops[row["verdict"]] += 1
        self.judge(case, came)

    def judge(self, case, came):
        row = case.row
        wanted = {"internal": [], "external": []}
        if row["out"]:
            wanted[row["leaves"]] = [self.expected(case, came[row["leaves"]])]
        for side, frames in wanted.items():
            got = [frame.hex() for frame in came[side]]
            want = [bytes(frame.data).hex() for frame in frames]
            if got != want:
                case.wrong.append(f"{side}:\n    got  {got}\n    want {want}")

    def expected(self, case, came):
        """What the table expects, with the port and identification that only natgw knows."""
        row = case.row
        if row["new_port"] and row["at"] == "internal" and came:
            case.learnt = Frame(came[0]).source_port()
            self.taken.add(case.learnt)
        frame = case.frame(row["out"], self.free)
        if frame.fragment and row["leaves"] == "external" and came:
            number = Frame(came[0]).word(18)
            if frame.fragment & 0x1fff and number != case.id:
                case.wrong.append(f"identification {number}, but {case.id} before")
            frame.with_id(number)
        return frame


def catalogue(stages):
    """The rows that can be sent between hosts, and for which there is a configuration: those of a
    gateway of two stages, or all others."""
    made = subprocess.run([PROGRAM, "--json"], capture_output=True, check=True, timeout=60)
    return [row for row in json.loads(made.stdout)
            if row["wire"] and row["given"] in CONFIGS and row["verdict"] not in INTERNAL
            and row["given"].startswith(TWO_STAGES) == stages]


@pytest.fixture(scope="module", params=("xdp", "tc"))
def bench(request):
    with Bench(request.param) as made:
        made.natgwd.start()
        yield made


def send_all(net, rows):
    """Sends them and compares; one configuration after the other, the sessions first."""
    wire = Wire(net)
    try:
        before = net.natgwd.settled_stats()
        run = Run(net, wire, rows)
        for case in run.cases:
            run.prepare(case)
        for given in CONFIGS:
            cases = [case for case in run.cases if case.row["given"] == given]
            if cases:
                net.configure(given)
            for case in cases:
                run.run(case)
        drops = (net.natgwd.settled_stats() - before).drops()
    finally:
        wire.close()
    wrong = [f"{case.row['id']} {case.row['name']}: {text}"
             for case in run.cases for text in case.wrong]
    assert not wrong, "\n".join(wrong)
    assert drops == dict(run.drops)


def test_every_packet_has_its_fate(bench):
    """What leaves is what the table says, byte for byte, and is counted as the table says."""
    rows = catalogue(stages=False)
    assert len(rows) >= LEAST_CASES
    send_all(bench, rows)


def test_every_packet_has_its_fate_in_two_stages(bench):
    """Requirements 79 to 82. The gateway is a new one: sessions of another mode are none of its."""
    bench.natgwd.stop()
    bench.natgwd.detach()
    bench.natgwd.config.given = TWO_STAGES
    bench.natgwd.start()
    rows = catalogue(stages=True)
    assert len(rows) >= 8
    send_all(bench, rows)
