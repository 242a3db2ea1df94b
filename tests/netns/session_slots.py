# SPDX-License-Identifier: GPL-2.0-only
"""
The pinned session tables (include/natgw_table.h), mapped into memory: rows by their key, put in and
taken out where nothing else writes to them. Keys and rows are bytes as the programs have them; a
row's last four, which are its slot's and not its own, are 0 here.
"""
import contextlib
import ctypes
import json
import mmap
import os
import platform
import struct

from hosts import LIBC, run

BPF_OBJ_GET = 7
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]

GROUP, HOPS, STRIDE = 32, 31, 64
SLOT, ROW = 64, 48
WORD, HOPS_AT, KEY_AT = 0, 44, 48
STATE_CLAIMED = 7
REST_MASK = (1 << 40) - 1
WORD64 = (1 << 64) - 1


def open_pin(path):
    """A file descriptor of the map."""
    name = ctypes.create_string_buffer(path.encode())
    attributes = struct.pack("=QII", ctypes.addressof(name), 0, 0)
    fd = LIBC.syscall(BPF_SYSCALL, BPF_OBJ_GET, attributes, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), path)
    return fd


def table_size(sessions):
    """(groups of the homes, groups of the tail)"""
    return 2 * -(-sessions * 4 // (3 * STRIDE)), 2 * -(-(sessions // 8) // STRIDE)


def slots_for(sessions):
    return sum(table_size(sessions)) * GROUP


class Slots:
    """One of the two tables."""

    def __init__(self, natgwd, name):
        self.is_outbound = name == "outbound"
        self.groups, self.seed, memory = self._open(natgwd, name)
        self.memory = memory

    @staticmethod
    def _open(natgwd, name):
        shown = json.loads(run("bpftool", "-j", "map", "lookup", "pinned", natgwd.pin("layout"),
                               "key", "0", "0", "0", "0").stdout)
        layout = bytes(int(byte, 16) for byte in shown["value"])
        _version, sessions, seed = struct.unpack("=IIQ", layout)
        fd = open_pin(natgwd.pin(name))
        try:
            return table_size(sessions)[0], seed, mmap.mmap(fd, slots_for(sessions) * SLOT)
        finally:
            os.close(fd)

    # ---- slots ----

    def _word(self, slot):
        return struct.unpack_from("=Q", self.memory, slot * SLOT + WORD)[0]

    def _hops(self, slot):
        return struct.unpack_from("=I", self.memory, slot * SLOT + HOPS_AT)[0]

    def _set_hops(self, slot, hops):
        struct.pack_into("=I", self.memory, slot * SLOT + HOPS_AT, hops)

    def _key(self, slot):
        """The gateway of an outbound key is in its row's word."""
        at = slot * SLOT + KEY_AT
        gateway = self._word(slot) >> 12 & 0xff if self.is_outbound else 0
        return self.memory[at:at + 13] + bytes([gateway, 0, 0])

    def _row(self, slot):
        at = slot * SLOT
        return self.memory[at:at + HOPS_AT] + bytes(ROW - HOPS_AT)

    def _is_row(self, slot):
        return self._word(slot) & 15 not in (0, STATE_CLAIMED)

    def home(self, key):
        addrs, rest = struct.unpack("=QQ", key)
        one = addrs ^ self.seed
        one = (one ^ one >> 41) * 0x9e3779b97f4a7c15 & WORD64
        other = ((rest & REST_MASK) + self.seed) * 0xc2b2ae3d27d4eb4f & WORD64
        one ^= (other << 32 | other >> 32) & WORD64
        digest = (one ^ one >> 29) * 0xbf58476d1ce4e5b9 & WORD64
        return (digest >> 32) * self.groups * GROUP >> 32

    def _find(self, key):
        """(hop, slot), or None. The tests' tables are not so full that rows are in the tail."""
        home = self.home(key)
        for hop in range(HOPS):
            if self._hops(home) >> hop & 1 and self._key(home ^ hop) == key:
                return hop, home ^ hop
        return None

    # ---- rows ----

    def rows(self):
        """[(key, row)]"""
        return [(self._key(slot), self._row(slot)) for slot in range(len(self.memory) // SLOT)
                if self._is_row(slot)]

    def first_key(self):
        return next(self._key(slot) for slot in range(len(self.memory) // SLOT)
                    if self._is_row(slot))

    def get(self, key):
        found = self._find(key)
        return self._row(found[1]) if found else None

    def set(self, key, row):
        found = self._find(key)
        if found is None:
            home = self.home(key)
            hop = next(hop for hop in range(HOPS) if not self._word(home ^ hop))
            self._set_hops(home, self._hops(home) | 1 << hop)
            found = hop, home ^ hop
        at = found[1] * SLOT
        self.memory[at:at + HOPS_AT] = row[:HOPS_AT]
        self.memory[at + KEY_AT:at + KEY_AT + 13] = key[:13]

    @contextlib.contextmanager
    def forgotten(self, key):
        """The row is there, and its home does not say where."""
        home = self.home(key)
        hops = self._hops(home)
        self._set_hops(home, hops & ~(1 << self._find(key)[0]))
        try:
            yield
        finally:
            self._set_hops(home, hops)

    def delete(self, key):
        hop, slot = self._find(key)
        home = self.home(key)
        self._set_hops(home, self._hops(home) & ~(1 << hop))
        struct.pack_into("=Q", self.memory, slot * SLOT + WORD, 0)
