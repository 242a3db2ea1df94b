# SPDX-License-Identifier: GPL-2.0-only
"""Frames that the test writes itself, and the ends of the gateway's two cables that they go by."""
import select
import socket
import struct
import time

ARRIVAL_S = 2
EIP = "203.0.113.10"
MACS = {"int0": "02:00:00:00:01:01", "ext0": "02:00:00:00:02:01",
        "client": "02:00:00:00:01:10", "client_b": "02:00:00:00:01:11",
        "router": "02:00:00:00:02:fe"}
SENTINEL = "198.51.100.250"  # whom the packets are sent to that show that all before has gone by


class Frame:
    """An Ethernet frame whose ports may be exchanged: each checksum is changed by the same amount
    (RFC 1624), so that what is wrong stays wrong."""

    PORTS = {6: (0, 2), 17: (0, 2)}
    CHECKS = {6: 16, 17: 6, 1: 2}
    ECHOES = (0, 8)
    ERRORS = (3, 4, 5, 11, 12)

    def __init__(self, data):
        self.data = bytearray(data)

    def word(self, at):
        return struct.unpack_from("!H", self.data, at)[0] if at + 2 <= len(self.data) else None

    @property
    def is_ipv4(self):
        return self.word(12) == 0x0800 and len(self.data) >= 34

    @property
    def fragment(self):
        """Flag "more" and offset of an IPv4 packet."""
        return self.word(20) & 0x3fff if self.is_ipv4 else 0

    @property
    def quoted(self):
        """Where an ICMP error's quote begins, or None."""
        if not self.is_ipv4 or self.data[23] != 1 or self.fragment:
            return None
        l4 = 14 + (self.data[14] & 15) * 4
        whole = l4 + 28 <= len(self.data) and self.data[l4] in self.ERRORS
        return l4 + 8 if whole else None

    def _update(self, at, old, new, udp=False):
        check = self.word(at)
        if check is None or (udp and check == 0):
            return
        total = (check ^ 0xffff) + (old ^ 0xffff) + new
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        check = total ^ 0xffff
        struct.pack_into("!H", self.data, at, check or 0xffff if udp else check)

    def _exchange(self, at, ports, checks):
        old = self.word(at)
        new = ports.get(old)
        if new is None or new == old:
            return
        struct.pack_into("!H", self.data, at, new)
        for check, udp in checks:
            before = self.word(check)
            self._update(check, old, new, udp)
            if before is not None and len(checks) > 1 and check == checks[0][0]:
                # The error's checksum covers the quoted one.
                self._update(checks[1][0], before, self.word(check))

    def _exchange_l4(self, ip, ports, end, outer=()):
        """In the packet at "ip"; what stands from "end" on belongs to something else."""
        if len(self.data) < ip + 20 or self.word(ip + 6) & 0x1fff:
            return
        header = (self.data[ip] & 15) * 4
        if header < 20:
            return
        proto, l4 = self.data[ip + 9], ip + header
        if l4 + 4 > len(self.data):
            return
        checks = [(l4 + self.CHECKS.get(proto, 0), proto == 17)]
        if checks[0][0] + 2 > end:
            checks = []
        checks += outer
        if proto in self.PORTS:
            for offset in self.PORTS[proto]:
                self._exchange(l4 + offset, ports, checks)
        elif proto == 1 and self.data[l4] in self.ECHOES:
            self._exchange(l4 + 4, ports, checks)
        elif proto == 1 and self.data[l4] in self.ERRORS and not outer:
            quoted = self.data[l4 + 5] * 4  # RFC 4884; 0: up to the end
            self._exchange_l4(l4 + 8, ports, l4 + 8 + quoted if quoted else end,
                              [(l4 + 2, False)])

    def with_ports(self, ports):
        """The frame with these ports in place of others, quotes included."""
        if self.is_ipv4:
            self._exchange_l4(14, ports, len(self.data))
        return self

    def with_id(self, number, header=14):
        """A quoted header's checksum balances it, so that the error's stays right."""
        old = self.word(header + 4)
        struct.pack_into("!H", self.data, header + 4, number)
        self._update(header + 10, old, number)
        return self

    def source_port(self):
        """Or the identifier of an echo request."""
        l4 = 14 + (self.data[14] & 15) * 4
        return self.word(l4 + (4 if self.data[23] == 1 else 0))


def udp_frame(dmac, smac, source, target, ports, payload):
    """A whole UDP packet, with no checksum of its own."""
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack("!H", (total + (total >> 16)) & 0xffff ^ 0xffff) + head[12:]
    return b"".join(bytes.fromhex(mac.replace(":", "")) for mac in (dmac, smac)) + \
        b"\x08\x00" + head + udp


class Wire:
    """Both ends of the gateway, and the packets that tell when all that was sent has gone by."""

    SIDES = {"internal": ("cli1", "client"), "external": ("router", "router")}
    OTHER = {"internal": "external", "external": "internal"}

    def __init__(self, net):
        self.sockets = {}
        for side, (role, _name) in self.SIDES.items():
            with getattr(net, role).entered():
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            sock.bind(("eth0", 3))
            self.sockets[side] = sock
        self.port = self.eip = None
        self.turn = 0

    def close(self):
        for sock in self.sockets.values():
            sock.close()

    def send(self, side, frame):
        self.sockets[side].send(bytes(frame))

    def receive(self, side, until):
        """Frames that have come to this side, up to the first for which until(frame) holds."""
        deadline = time.monotonic() + ARRIVAL_S
        seen = []
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sockets[side]], [], [], left)[0]:
                return seen, None
            data, address = self.sockets[side].recvfrom(65536)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            if until(data):
                return seen, data
            if not self._is_noise(data):
                seen.append(data)

    @staticmethod
    def _is_noise(data):
        """What the gateway's kernel and natgwd ask and announce of themselves."""
        return data[12:14] == b"\x08\x06" and data[20:22] == b"\x00\x01"

    def settle(self):
        """{side: frames} of everything that has come out since the last time."""
        self.turn += 1
        token = b"settle %08d" % self.turn
        self.send("internal", udp_frame(MACS["int0"], MACS["client"], "10.0.1.10", SENTINEL,
                                        (999, 9), token))
        out, last = self.receive("external", lambda data: token in data)
        assert last, f"nothing goes out any more: {[frame.hex() for frame in out]}"
        self.port, self.eip = Frame(last).source_port(), socket.inet_ntoa(last[26:30])
        self.send("external", udp_frame(MACS["ext0"], MACS["router"], SENTINEL, self.eip,
                                        (9, self.port), token))
        back, last = self.receive("internal", lambda data: token in data)
        assert last, f"nothing comes in any more: {[frame.hex() for frame in back]}"
        return {"external": out, "internal": back}
