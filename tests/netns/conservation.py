# SPDX-License-Identifier: GPL-2.0-only
"""The conservation law: every packet has one fate, and the counters of others agree with ours.

Per hook: in = out + passed + deferred + dropped. With XDP: what the XDP programs saw is what the
interfaces received since natgwd attached, and tc ingress saw no more than XDP has handed up. With
tc alone: XDP saw nothing, and tc ingress no less than the interfaces received (a large packet
counts its segments in tc and once at the interface).

A hairpinned packet comes in by the wire once and is then sent in again by the external interface:
tc ingress (and generic XDP, which runs behind that) sees it once more than the interface.
"""
import time

FATES = ("out", "passed", "deferred", "dropped")
SETTLE_S = 8
SETTLE_PAUSE_S = 0.12


def hook_violations(stats):
    """Each hook on its own, in absolute numbers."""
    found = []
    for name, hook in stats.hooks.items():
        total = sum(hook[fate] for fate in FATES)
        if hook["in"] != total:
            parts = " + ".join(f"{hook[fate]} {fate}" for fate in FATES)
            found.append(f"{name}: {hook['in']} in, but {parts} = {total}")
    return found


def row_violations(stats):
    """The rows by gateway, direction and reason add up to what the hook says."""
    found = []
    for name, hook in stats.hooks.items():
        for kind, fate in (("out", "out"), ("passed", "passed"), ("deferred", "deferred"),
                           ("drop", "dropped")):
            total = sum(value for key, value in stats.verdicts.items()
                        if key[1] == name and key[3] == kind)
            if total != hook[fate]:
                found.append(f"{name}: {hook[fate]} {fate}, but its rows add up to {total}")
    return found


def interface_violations(attach, since, received):
    """since: counters since natgwd attached; received: packets of the interfaces in that time."""
    xdp, ingress = since.hooks["xdp"], since.hooks["tc_ingress"]
    again = since.generated.get("hairpin", 0)
    came = f"{received} and {again} came in again" if again else f"{received}"
    found = []
    if attach == "tc":
        if xdp["in"]:
            found.append(f"xdp: {xdp['in']} in, though attached with tc only")
        if ingress["in"] < received + again:
            found.append(f"tc_ingress: {ingress['in']} in, but the interfaces received {came}")
        return found
    if attach == "xdp-generic":
        received += again
        again = 0
    if xdp["in"] != received:
        found.append(f"xdp: {xdp['in']} in, but the interfaces received {came}")
    if ingress["in"] > xdp["deferred"] + again:
        more = f" and {again} came in again" if again else ""
        found.append(f"tc_ingress: {ingress['in']} in, but xdp deferred {xdp['deferred']}{more}")
    return found


def violations(attach, stats, since, received):
    """All of them, as texts; received is None when XDP was taken away in between."""
    found = hook_violations(stats) + row_violations(stats)
    if received is not None:
        found += interface_violations(attach, since, received)
    return found


class Ledger:
    """Keeps the counters of the moment in which natgwd attached, and checks the law since then."""

    def __init__(self, natgwd):
        self.natgwd = natgwd
        self.opening = None
        self.xdp_removed = False  # set by a test that detaches programs by hand

    def open(self):
        self.xdp_removed = False
        self.opening = self.settle()

    def close(self):
        self.opening = None

    def read(self):
        return self.natgwd.stats(), self.natgwd.interface_packets()

    def settle(self):
        """Two readings that agree: (counters, packets received by the interfaces)."""
        deadline = time.monotonic() + SETTLE_S
        last = self.read()
        while time.monotonic() < deadline:
            time.sleep(SETTLE_PAUSE_S)
            now = self.read()
            if (now[0].hooks, now[1]) == (last[0].hooks, last[1]):
                return now
            last = now
        raise AssertionError(f"the counters do not come to rest within {SETTLE_S} s")

    def check(self):
        if self.opening is None:
            return
        if not self.natgwd.running:
            self.natgwd.start()
        stats, packets = self.settle()
        received = None if self.xdp_removed else packets - self.opening[1]
        found = violations(self.natgwd.config.attach, stats, stats - self.opening[0], received)
        assert not found, "conservation law: " + "; ".join(found)
