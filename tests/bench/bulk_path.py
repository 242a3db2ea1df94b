# SPDX-License-Identifier: GPL-2.0-only
"""The three hosts that BENCH=bulk sends through: client, gateway, server, a veth between each.

    client eth0 --- int0 gateway ext0 --- eth0 server

Every subject has three of its own, alike but for what translates in the gateway. A veth's offloads
stay as they are when it is made: TSO, GSO, scatter-gather and checksums on.
"""
import collections
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from hosts import BPFFS, ENVIRONMENT, Namespace, run, wait_for  # noqa: E402
from topology import delete_namespace, remove_leftovers  # noqa: E402

CLIENT, GATEWAY, PRIVATE_IP = "10.0.1.10", "10.0.1.1", "10.0.1.254"
EXTERNAL, SERVER, EIP = "198.51.100.2", "198.51.100.1", "198.51.100.50"
MTU = 1500
ROLES = ("cli", "gw", "srv")
SEEN_BY_SERVER = {"natgw-tc": EIP, "nft-masquerade": EXTERNAL, "kernel-forward": CLIENT}
OFFLOADS = ("tcp-segmentation-offload", "generic-segmentation-offload", "tx-checksumming",
            "rx-checksumming", "scatter-gather")

CONFIG = f"""\
interfaces:
  external: ext0
  internal: [int0]
attach: tc
gateways:
  - name: nat-a
    private_ip: {PRIVATE_IP}
    eips: [{EIP}]
route_tables:
  - name: private-a
    subnets: [10.0.1.0/24]
    routes:
      - {{to: 0.0.0.0/0, target: gateway:nat-a}}
limits: {{sessions: 65536}}
metrics: {{listen: 127.0.0.1:9464}}
control: {{socket: %(socket)s}}
pin_path: %(pins)s
"""
MASQUERADE = """\
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname "ext0" masquerade
	}
}
"""


# A device counts packets as large as they come, natgw those that they are on a wire.
Counters = collections.namedtuple("Counters", "packets bytes segments")


def softirq_threads():
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
            if file.read().startswith("ksoftirqd/"):
                found.append(int(path.split("/")[2]))
    return found


SOFTIRQ_THREADS = softirq_threads()


class Failed(Exception):
    """A subject could not be measured; says why."""


class Path:
    """Client, gateway and server of one subject. A context manager: nothing is left afterwards."""

    def __init__(self, subject, build, folder):
        self.subject = subject
        self.build = build
        self.folder = folder
        short = subject.partition("-")[0]
        self.pins = f"{BPFFS}/natgw-bulk-{os.getpid()}-{short}"
        self.socket = os.path.join(folder, f"{short}.sock")
        self.server_log = os.path.join(folder, f"iperf3-{short}.log")
        self.cli, self.gw, self.srv = (Namespace(f"natgw-bulk-{os.getpid()}-{role}_{short}")
                                       for role in ROLES)
        self.processes = []
        self.server = None
        self.gateway_command = None

    def __enter__(self):
        try:
            self.make()
            {"natgw-tc": self.start_natgw, "nft-masquerade": self.start_nft,
             "kernel-forward": self.start_forward}[self.subject]()
            self.start_server()
            self.require_offloads()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.remove()

    # ---- building ----

    def make(self):
        for namespace in (self.cli, self.gw, self.srv):
            run("ip", "netns", "add", namespace.name)
            namespace.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
            namespace.ip("link", "set", "lo", "up")
        for number, (one, name, other, peer) in enumerate(
                ((self.cli, "eth0", self.gw, "int0"), (self.gw, "ext0", self.srv, "eth0"))):
            run("ip", "link", "add", name, "index", str(10 + 2 * number), "netns", one.name,
                "type", "veth", "peer", "name", peer, "index", str(11 + 2 * number), "netns",
                other.name)
        for namespace, name, addresses in ((self.cli, "eth0", (CLIENT,)),
                                           (self.gw, "int0", (GATEWAY, PRIVATE_IP)),
                                           (self.gw, "ext0", (EXTERNAL,)),
                                           (self.srv, "eth0", (SERVER,))):
            for address in addresses:
                namespace.ip("addr", "add", f"{address}/24", "dev", name)
            namespace.ip("link", "set", name, "up")
        self.cli.ip("route", "add", "default", "via", GATEWAY)
        self.gw.sysctl("net.ipv4.ip_forward", 1)
        for namespace, name in ((self.cli, "eth0"), (self.gw, "int0"), (self.gw, "ext0"),
                                (self.srv, "eth0")):
            wait_for(lambda at=namespace, link=name: json.loads(
                at.ip("-json", "link", "show", link))[0]["operstate"] == "UP", f"link {name}")

    def start(self, namespace, *command, log=None):
        with open(log or os.devnull, "wb") as output:
            process = namespace.start(*command, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def start_natgw(self):
        config, log = (os.path.join(self.folder, name) for name in ("natgw.yaml", "natgwd.log"))
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG % {"socket": self.socket, "pins": self.pins})
        natgwd = os.path.join(self.build, "natgwd")
        process = self.start(self.gw, natgwd, "--config", config, log=log)
        self.gateway_command = (natgwd, "--detach", "--config", config)

        def is_ready():
            with open(log, encoding="utf-8") as file:
                text = file.read()
            if process.poll() is not None:
                raise Failed(f"natgwd: {(text.splitlines() or ['ended'])[-1]}")
            return "natgwd: ready" in text

        wait_for(is_ready, "natgwd", timeout=20)

    def start_nft(self):
        self.gw.run("nft", "-f", "-", stdin=MASQUERADE)

    def start_forward(self):
        self.srv.ip("route", "add", "10.0.1.0/24", "via", EXTERNAL)

    def start_server(self):
        self.server = self.start(self.srv, "iperf3", "-s", "--forceflush", log=self.server_log)
        wait_for(lambda: ":5201 " in self.srv.run("ss", "-Htln").stdout, "iperf3")

    def require_offloads(self):
        for namespace, name in ((self.cli, "eth0"), (self.gw, "int0"), (self.gw, "ext0"),
                                (self.srv, "eth0")):
            shown = namespace.run("ethtool", "-k", name).stdout
            for offload in OFFLOADS:
                if not re.search(rf"^{offload}: on", shown, re.MULTILINE):
                    raise Failed(f"{self.subject}: {offload} of {name} is not on")

    # ---- at work ----

    def counters(self, interface):
        """What has come in there, and what natgw's programs have counted."""
        shown = json.loads(self.gw.ip("-json", "-statistics", "link", "show", interface))
        device, counted = shown[0]["stats64"]["rx"], None
        if self.subject == "natgw-tc":
            text = run(os.path.join(self.build, "natgwctl"), "--socket", self.socket, "stats",
                       "--json").stdout
            hooks = json.loads(text)["hooks"]
            counted = hooks["tc_ingress"]["in"]["packets"]
        return Counters(device["packets"], device["bytes"], counted)

    def require_translated(self):
        """The server has talked to whom it should."""
        with open(self.server_log, encoding="utf-8") as file:
            seen = set(re.findall(r"Accepted connection from (\S+),", file.read()))
        if seen != {SEEN_BY_SERVER[self.subject]}:
            raise Failed(f"{self.subject}: the server has talked to {', '.join(seen) or 'nobody'}")

    def iperf3(self, *options):
        """One transfer: what iperf3 says at the client, and the CPU time in seconds of client,
        server and the kernel's softirq threads."""
        command = self.cli.command("iperf3", "-J", "-c", SERVER, *options)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            before = self.other_cpu_time()
            process = subprocess.Popen(command, stdout=output, stderr=output, env=ENVIRONMENT)
            try:
                _pid, process.returncode, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                process.wait(5)
                raise
            cpu = usage.ru_utime + usage.ru_stime + self.other_cpu_time() - before
            output.seek(0)
            text = output.read()
        try:
            result = json.loads(text)
        except json.JSONDecodeError as error:
            raise Failed(f"{self.subject}: iperf3: {text.strip()}") from error
        if "error" in result:
            raise Failed(f"{self.subject}: iperf3: {result['error']}")
        return result["end"], cpu

    def other_cpu_time(self):
        total = 0
        for pid in SOFTIRQ_THREADS + [self.server.pid]:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    # ---- the end ----

    def remove(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        if self.gateway_command and os.path.exists(self.gw.path):
            self.gw.run(*self.gateway_command, check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        for namespace in (self.cli, self.gw, self.srv):
            with contextlib.suppress(AssertionError):
                delete_namespace(namespace)


def clear_leftovers():
    """Of a run that was killed."""
    remove_leftovers("bulk")
