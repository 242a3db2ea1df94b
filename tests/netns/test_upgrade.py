# SPDX-License-Identifier: GPL-2.0-only
"""Upgrades and crashes of natgwd under load: no probe is lost, a download arrives bit-exact, no
counter goes back; a natgwd of another layout touches nothing.

irtt sends 1,000 datagrams a second, each with its number, and the server sends each back.
"""
import contextlib
import json
import os
import random
import shutil
import signal
import struct
import threading
import time

import pytest

import daemon
import servers
import topology
from hosts import SRV1, run, wait_for

PROBES_PER_SECOND = 1000
UNDER_WAY = 100  # probes of the last tenth of a second
FILE_MB, DOWNLOAD_S = 16, 2
UPGRADES, UPGRADES_LONG = 2, 20
KILLS, KILLS_LONG, KILL_PARTS = 10, 100, 5  # a thousand with XDP and tc together
ALIVE_MAX_S = 0.3  # from the start of natgwd to its end, half-way through its start or later


@pytest.fixture(scope="module", params=["xdp", "tc"])
def net(request):
    with topology.Topology("upgrade", attach=request.param) as made:
        made.natgwd.start()
        with open(made.path("irtt.log"), "wb") as log:
            made.keep(made.srv1.start("irtt", "server", "-b", SRV1, "-i", "0", "-d", "0",
                                      stdout=log, stderr=log))
        wait_for(lambda: servers.listens(made.srv1, 2112, "udp"), "irtt")
        made.web = servers.Nginx(made, made.srv1)
        yield made


def read_counters(net):
    """{name and labels: value} of everything in the metrics that only goes up."""
    counters, kind = {}, None
    for line in net.natgwd.metrics().splitlines():
        if line.startswith("# TYPE "):
            kind = line.split()[3]
        elif not line.startswith("#") and kind in ("counter", "histogram"):
            name, _space, value = line.rpartition(" ")
            counters[name] = float(value)
    assert len(counters) > 50
    return counters


class Load:
    """Probes and downloads, from before the first disturbance until after the last."""

    def __init__(self, net):
        self.net = net
        self.copy = net.path("copy")
        self.counters = {}
        self.started = time.monotonic()
        self.original = net.web.add_file("file", FILE_MB)
        self.wrong = []  # what went wrong with downloads
        self.ends = threading.Event()
        self.probe = net.cli1.start("irtt", "client", "-i", f"{1000 // PROBES_PER_SECOND}ms",
                                    "-d", "1h", "-Q", "-o", net.path("irtt.json"), SRV1,
                                    stdout=-1, stderr=-2)
        self.downloads = 0
        self.downloader = threading.Thread(target=self.download)
        self.downloader.start()
        wait_for(lambda: os.path.exists(self.copy), "a download")

    def download(self):
        """One after another; each in a new connection, and some seconds long."""
        while not self.ends.is_set() and not self.wrong:
            result = servers.curl(self.net.cli2, f"http://{SRV1}/file", "-o", self.copy,
                                  "--limit-rate", f"{FILE_MB // DOWNLOAD_S}M", check=False)
            if result.returncode != 0:
                self.wrong.append(f"curl: {result.returncode}: {result.stderr}")
            elif servers.file_hash(self.copy) != self.original:
                self.wrong.append("a file that is not the one of the server")
            self.downloads += 1

    def check_counters(self):
        """None has gone back since the last look."""
        counters = read_counters(self.net)
        back = {key: (self.counters[key], counters.get(key)) for key in self.counters
                if counters.get(key, 0) < self.counters[key]}
        assert not back, f"counters that went back (before, after): {back}"
        self.counters = counters

    def stop(self):
        self.ends.set()
        self.downloader.join(60)
        self.probe.send_signal(signal.SIGINT)
        return self.probe.communicate(timeout=60)[0]

    def finish(self):
        """Every probe has come back but those under way at the end, and every file is whole."""
        assert self.probe.poll() is None, self.probe.stdout.read()
        said = self.stop()
        assert self.probe.returncode == 0, said
        assert not self.wrong and self.downloads > 0
        os.unlink(self.copy)
        with open(self.net.path("irtt.json"), encoding="utf-8") as file:
            trips = json.load(file)["round_trips"]
        lost = [number for number, trip in enumerate(trips) if trip["lost"] != "false"]
        assert not lost or lost[0] >= len(trips) - UNDER_WAY, (
            f"of {len(trips)} probes lost: {len(lost)}, from number {lost[0]} on")
        self.check_counters()
        rate = len(trips) / (time.monotonic() - self.started)
        print(f"{len(trips)} probes ({rate:.0f} a second), {self.downloads} downloads, none lost")
        assert rate > PROBES_PER_SECOND / 5, "the machine is too busy for such a load"


@contextlib.contextmanager
def under_load(net):
    load = Load(net)
    try:
        yield load
        load.finish()
    finally:
        if load.probe.poll() is None:
            load.stop()


def replace(net, number):
    """natgwd from another file takes the place of the one that runs; the BPF programs are new."""
    before = net.natgwd.program_ids()
    binary = net.path(f"natgwd-{number}")
    shutil.copy(daemon.NATGWD, binary)
    net.natgwd.stop()
    net.natgwd.binary = binary
    net.natgwd.start()
    now = net.natgwd.program_ids()
    assert len(now) == len(before) and not now & before
    assert os.readlink(f"/proc/{net.natgwd.process.pid}/exe") == binary


def upgrade(net, load, times):
    for number in range(times):
        replace(net, number)
        load.check_counters()


def kill(net, load, times, seed=0):
    """At random moments, half-way through its start too; the last natgwd is whole."""
    chance = random.Random(seed)
    for _number in range(times):
        net.natgwd.kill()
        net.natgwd.launch()
        time.sleep(chance.uniform(0, ALIVE_MAX_S))
    net.natgwd.kill()
    net.natgwd.start()
    load.check_counters()


def layout_value(net):
    shown = json.loads(run("bpftool", "-j", "map", "lookup", "pinned", net.natgwd.pin("layout"),
                           "key", "0", "0", "0", "0").stdout)
    return bytes(int(byte, 16) for byte in shown["value"])


def set_layout(net, value):
    run("bpftool", "map", "update", "pinned", net.natgwd.pin("layout"), "key", "0", "0", "0", "0",
        "value", *(str(byte) for byte in value))


def pins(net):
    return {name: run("bpftool", "-j", "map" if not name.startswith("natgw_") else "prog", "show",
                      "pinned", net.natgwd.pin(name), check=False).stdout
            for name in sorted(os.listdir(net.natgwd.config.pin_path)) if "." not in name}


def refuse_other_layout(net, step):
    """The maps of another natgwd, older or newer, are refused before anything is touched."""
    net.natgwd.stop()
    old = layout_value(net)
    version = struct.unpack_from("=I", old)[0]
    set_layout(net, struct.pack("=I", version + step) + old[4:])
    try:
        before = net.natgwd.program_ids(), pins(net)
        result = net.gw.run(net.natgwd.binary, "--config", net.natgwd.config_file, check=False)
        assert result.returncode == 1
        said = [line for line in result.stderr.splitlines() if "warning" not in line]
        assert any(f"have layout version {version + step}, this natgwd has {version}" in line
                   for line in said), result.stderr
        assert (net.natgwd.program_ids(), pins(net)) == before
    finally:
        set_layout(net, old)
    net.natgwd.start()


def test_upgrades_and_kills_under_load(net):
    with under_load(net) as load:
        load.check_counters()
        upgrade(net, load, UPGRADES)
        kill(net, load, KILLS)
        refuse_other_layout(net, 1 if net.attach == "xdp" else -1)


@pytest.mark.long
def test_twenty_upgrades_under_load(net):
    with under_load(net) as load:
        upgrade(net, load, UPGRADES_LONG)


@pytest.mark.long
@pytest.mark.parametrize("part", range(KILL_PARTS))
def test_a_thousand_kills_under_load(net, part):
    """Five hundred with XDP, five hundred with tc, in parts of a hundred."""
    with under_load(net) as load:
        kill(net, load, KILLS_LONG, part)
