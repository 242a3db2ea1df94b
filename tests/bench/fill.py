# SPDX-License-Identifier: GPL-2.0-only
"""Many sessions through a path of real hosts: one UDP datagram of each, from a packet socket.

They go to an address where nobody answers, from 200 clients to as many ports as are needed, which
are as many destinations: 60,000 sessions to each, of the 64,512 ports that one external address has
for it, or fewer.
"""
import socket
import struct

from gateway_path import NOBODY, Failed

CLIENTS = [f"10.0.1.{last}" for last in range(20, 220)]
CLIENT_PORTS = 300  # of one client to one destination
FIRST_PORT, FIRST_REMOTE_PORT = 20000, 2000
PORTS_AT = 14 + 20  # in a frame
MISSED = 0.001  # of the sessions, at most
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xffff) + (total >> 16)
    return (total + (total >> 16)) ^ 0xffff


def frame_of(client, source_mac, gateway_mac):
    """A datagram without data, ports or checksum (RFC 768: 0 is none), as large as the least frame.
    """
    macs = bytes.fromhex((gateway_mac + source_mac).replace(":", ""))
    fields = ["!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0x4000, 64, socket.IPPROTO_UDP, 0,
              socket.inet_aton(client), socket.inet_aton(NOBODY)]
    fields[8] = checksum(struct.pack(*fields))
    return bytearray(macs + b"\x08\x00" + struct.pack(*fields)
                     + struct.pack("!HHHH", 0, 0, 8, 0)).ljust(60, b"\0")


def send(path, first, count, client_ports=CLIENT_PORTS):
    """A datagram of each session from number "first" on. The same number is the same session."""
    per_destination = len(CLIENTS) * client_ports
    gateway_mac = path.gw.mac("int0")
    source_mac = path.cli.mac("eth0")
    frames = [frame_of(client, source_mac, gateway_mac) for client in CLIENTS]
    with path.cli.entered():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with sock:
        sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        sock.bind(("eth0", 0))
        pack, put = struct.Struct("!HH").pack_into, sock.send
        number, end = first, first + count
        while number < end:
            destination, rest = divmod(number, per_destination)
            client, port = divmod(rest, client_ports)
            frame, remote = frames[client], FIRST_REMOTE_PORT + destination
            length = min(client_ports - port, end - number)
            for source in range(FIRST_PORT + port, FIRST_PORT + port + length):
                pack(frame, PORTS_AT, source, remote)
                put(frame)
            number += length


def fill(path, count):
    """Makes sessions 0 to count - 1. Failed when the gateway has not got (nearly) all of them."""
    send(path, 0, count)
    wanted = count - int(count * MISSED)
    made = path.session_count()
    if made < wanted:
        raise Failed(f"{path.subject}: {made} of {count} sessions were made")
    return made
