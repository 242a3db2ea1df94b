# SPDX-License-Identifier: GPL-2.0-only
"""Packets as they are on the wire, the links they cross, and what programs see of a path."""
import contextlib
import json
import re
import socket
import struct

from scapy.layers.l2 import Ether

from hosts import CLI1, CLI2, CLI2_TWO, GW_INTERNAL, GW_INTERNAL2, PRIVATE_IP, wait_for

PRIVATE = [socket.inet_aton(address) for address in
           (CLI1, CLI2, CLI2_TWO, GW_INTERNAL, GW_INTERNAL2, PRIVATE_IP)]


# ---- frames made by hand ----

class Sender:
    """Puts IP packets on a cable that leads to the gateway, as they are."""

    def __init__(self, namespace, interface, net, gateway_interface):
        self.header = bytes(Ether(dst=net.gw.mac(gateway_interface),
                                  src=namespace.mac(interface), type=0x0800))
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((interface, 0))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def send(self, *packets):
        for packet in packets:
            self.socket.send(self.header + bytes(packet))


def inside(net, client):
    return Sender(client, "eth0", net, net.internal[0])


def outside(net):
    return Sender(net.router, "ext0", net, net.external)


# ---- what a packet says ----

def internet_sum(data):
    """RFC 1071; 0xffff for bytes that carry their right checksum."""
    data = data + b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class IcmpError:
    """An ICMP error of a capture, taken apart here and not by the program that made it; all three
    checksums that it can be judged by are right."""

    def __init__(self, packet):
        data = bytes(packet["IP"])
        data = data[:struct.unpack("!H", data[2:4])[0]]
        header = (data[0] & 15) * 4
        icmp, quote = data[header:], data[header + 8:]
        inner = (quote[0] & 15) * 4
        assert data[9] == socket.IPPROTO_ICMP
        for name, part in (("outer", data[:header]), ("ICMP", icmp), ("quoted", quote[:inner])):
            assert internet_sum(part) == 0xffff, f"{name} checksum of {data.hex()}"
        self.src, self.dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        self.kind = icmp[0], icmp[1]
        self.mtu = struct.unpack("!H", icmp[6:8])[0]
        self.quote_src = socket.inet_ntoa(quote[12:16])
        self.quote_dst = socket.inet_ntoa(quote[16:20])
        self.quote_ports = struct.unpack("!2H", quote[inner:inner + 4])


def private_addresses(packets):
    """Packets with an internal address anywhere in them, quotes included."""
    return [bytes(packet).hex() for packet in packets
            if any(address in bytes(packet) for address in PRIVATE)]


def kernel_counter(namespace, protocol, name):
    """A counter of /proc/net/snmp: what the host's own stack has seen."""
    with namespace.entered(), open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        rows = [line.split() for line in file if line.startswith(protocol + ":")]
    return int(rows[1][rows[0].index(name)])


def external_port(net, protocol, client, client_port):
    """The port of the EIP that this client's one session has."""
    ports = {row["external_src_port"] for row in net.natgwd.sessions()
             if (row["protocol"], row["internal_src_address"], row["internal_src_port"]) ==
             (protocol, client, client_port)}
    assert len(ports) == 1, ports
    return ports.pop()


# ---- links ----

def forget_paths(net):
    """No host keeps what it has learned of a path's MTU."""
    for role in ("cli1", "cli2", "srv1", "srv2", "router", "gw"):
        getattr(net, role).ip("route", "flush", "cache")


def known_mtu(net, interface):
    """What natgwd has told the programs of an interface."""
    index = json.loads(net.gw.ip("-json", "link", "show", interface))[0]["ifindex"]
    rows = json.loads(net.gw.run("bpftool", "-j", "map", "dump", "pinned",
                                 net.natgwd.pin("ifaces")).stdout)
    return {row["formatted"]["key"]: row["formatted"]["value"]["mtu"] for row in rows}.get(index)


def set_mtu(net, ends, mtu):
    """ends: [(namespace, interface)]; returns when natgwd knows, too."""
    for namespace, interface in ends:
        namespace.ip("link", "set", interface, "mtu", str(mtu))
        if namespace is net.gw and net.natgwd.running:
            wait_for(lambda name=interface: known_mtu(net, name) == mtu, f"MTU of {interface}")


@contextlib.contextmanager
def links_of(net, mtu, *ends):
    """These links have that MTU, and 1,500 again afterwards."""
    try:
        set_mtu(net, ends, mtu)
        yield
    finally:
        set_mtu(net, ends, 1500)
        forget_paths(net)


def path_mtu(namespace, destination):
    """What the kernel has learned of a path, or None."""
    shown = namespace.ip("route", "get", destination)
    match = re.search(r"\bmtu (\d+)", shown)
    return int(match.group(1)) if match else None


# ---- programs that probe a path ----

def traceroute(client, destination, *options, most=5, wait=1, size=60):
    """The hops, "*" for one that is silent."""
    shown = client.run("traceroute", "-n", "-q", "1", "-w", str(wait), "-m", str(most), *options,
                       destination, str(size)).stdout
    return re.findall(r"^ *\d+  (\S+)", shown, re.MULTILINE)


def start_mtr(client, destination, *options, count=3):
    return client.start("mtr", "-n", "-r", "-c", str(count), "-i", "0.1", "-G", "0.5", *options,
                        destination, stdout=-1, stderr=-1, text=True)


def end_mtr(process):
    """[(host, loss in percent, probes sent)]"""
    output, errors = process.communicate(timeout=20)
    rows = re.findall(r"^ *\d+\.\|-- (\S+) +([0-9.]+)% +(\d+) ", output, re.MULTILINE)
    assert process.returncode == 0 and rows, output + errors
    return [(host, float(loss), int(sent)) for host, loss, sent in rows]


def tracepath(client, destination):
    """([(hop, host, MTU learned there or None)], path MTU): each hop's last line."""
    output = client.run("tracepath", "-n", "-m", "6", destination).stdout
    found = re.findall(r"^ *(\d+): +([0-9.]+) +[0-9.]+ms *(?:pmtu (\d+))?", output, re.MULTILINE)
    total = re.search(r"Resume: pmtu (\d+)", output)
    assert found and total, output
    return ([(int(hop), host, int(mtu) if mtu else None) for hop, host, mtu in found],
            int(total.group(1)))
