# SPDX-License-Identifier: GPL-2.0-only
"""The three hosts that real programs talk through: client, gateway, server, a veth between each.

    client eth0 --- int0 gateway ext0 --- eth0 server

Every subject has three of its own, alike but for what translates in the gateway. A veth's offloads
stay as they are when it is made (TSO, GSO, scatter-gather and checksums on), but for XDP: that
cannot finish a checksum that the sender has left to its card, and a veth takes redirected frames
only where the other end has NAPI, which GRO gives it.
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
NOBODY = "198.51.100.3"  # the server's host gets what is sent there, and drops it
MTU = 1500
ROLES = ("cli", "gw", "srv")
NATGW_XDP, NATGW_TC, NFT, FORWARD = "natgw-xdp", "natgw-tc", "nft-masquerade", "forward"
BARE_XDP, BARE_TC = "xdp-redirect", "tc-redirect"
# Names in namespaces and folders.
SHORT = {NATGW_XDP: "xdp", NATGW_TC: "tc", NFT: "nft", FORWARD: "fwd", BARE_XDP: "bxdp",
         BARE_TC: "btc"}
HOOK = {NATGW_XDP: "xdp", NATGW_TC: "tc", BARE_XDP: "xdp"}
SEEN_BY_SERVER = {NATGW_XDP: EIP, NATGW_TC: EIP, NFT: EXTERNAL, FORWARD: CLIENT}
OFFLOADS = ("tcp-segmentation-offload", "generic-segmentation-offload", "tx-checksumming",
            "rx-checksumming", "scatter-gather")
READY_S = 60  # the tables of natgw are made and zeroed

# A session that nothing has answered, and one that has been answered, live as long as the test.
LIFE_S = 1200
CONFIG = """\
interfaces:
  external: ext0
  internal: [int0]
attach: %(attach)s
gateways:
  - name: nat-a
    private_ip: %(private_ip)s
    eips: [%(eip)s]
    timeouts: {udp_unreplied: %(life)ds, udp: %(life)ds, hold_udp: 0s}
    max_half_open_per_client: 0
route_tables:
  - name: private-a
    subnets: [10.0.1.0/24]
    routes:
      - {to: 0.0.0.0/0, target: gateway:nat-a}
limits: {sessions: %(sessions)d}
metrics: {listen: 127.0.0.1:9464}
control: {socket: %(socket)s}
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


def clear_leftovers():
    """Of a run that was killed."""
    remove_leftovers("bench")


class Path:
    """Client, gateway and server of one subject. A context manager: nothing is left afterwards.

    sessions: that natgw's tables have room for; attach: how natgwd attaches, else as the subject
    says.
    """

    def __init__(self, subject, build, folder, sessions=65536, attach=None):
        self.subject = subject
        self.build = build
        self.folder = folder
        self.sessions = sessions
        self.attach = attach or HOOK.get(subject)
        short = SHORT[subject]
        self.pins = f"{BPFFS}/natgw-bench-{os.getpid()}-{short}"
        self.socket = os.path.join(folder, f"{short}.sock")
        self.server_log = os.path.join(folder, f"iperf3-{short}.log")
        self.cli, self.gw, self.srv = (Namespace(f"natgw-bench-{os.getpid()}-{role}_{short}")
                                       for role in ROLES)
        self.processes = []
        self.natgwd = None
        self.server = None
        self.gateway_command = None

    def __enter__(self):
        try:
            self.make()
            {NATGW_XDP: self.start_natgw, NATGW_TC: self.start_natgw, NFT: self.start_nft,
             FORWARD: self.start_forward, BARE_XDP: self.start_bare,
             BARE_TC: self.start_bare}[self.subject]()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.remove()

    # ---- building ----

    def ends(self):
        return ((self.cli, "eth0"), (self.gw, "int0"), (self.gw, "ext0"), (self.srv, "eth0"))

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
        for (namespace, name), addresses in zip(self.ends(), ((CLIENT,), (GATEWAY, PRIVATE_IP),
                                                              (EXTERNAL,), (SERVER,))):
            for address in addresses:
                namespace.ip("addr", "add", f"{address}/24", "dev", name)
            namespace.ip("link", "set", name, "up")
        self.cli.ip("route", "add", "default", "via", GATEWAY)
        # Without a next hop natgw's gateway is not available.
        self.gw.ip("route", "add", "default", "via", SERVER)
        self.gw.sysctl("net.ipv4.ip_forward", 1)
        self.gw.ip("neigh", "add", NOBODY, "lladdr", self.srv.mac("eth0"), "dev", "ext0")
        for namespace, name in self.ends():
            wait_for(lambda at=namespace, link=name: json.loads(
                at.ip("-json", "link", "show", link))[0]["operstate"] == "UP", f"link {name}")
        if self.attach == "xdp":
            for namespace in (self.cli, self.srv):
                namespace.run("ethtool", "-K", "eth0", "tx", "off", "gro", "on")

    def start(self, namespace, *command, log=None):
        with open(log or os.devnull, "wb") as output:
            process = namespace.start(*command, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def start_natgw(self):
        config, log = (os.path.join(self.folder, f"{SHORT[self.subject]}.{name}")
                       for name in ("yaml", "log"))
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG % {"attach": self.attach, "private_ip": PRIVATE_IP, "eip": EIP,
                                 "sessions": self.sessions, "life": LIFE_S, "socket": self.socket,
                                 "pins": self.pins})
        command = os.path.join(self.build, "natgwd")
        self.natgwd = process = self.start(self.gw, command, "--config", config, log=log)
        self.gateway_command = (command, "--detach", "--config", config)

        def is_ready():
            with open(log, encoding="utf-8") as file:
                text = file.read()
            if process.poll() is not None:
                raise Failed(f"natgwd: {(text.splitlines() or ['ended'])[-1]}")
            return "natgwd: ready" in text

        wait_for(is_ready, "natgwd", timeout=READY_S)
        self.require_hook()

    def require_hook(self):
        """natgwd has attached as the subject's name says."""
        for interface in self.status()["interfaces"]:
            if interface["attach"].partition("-")[0] != HOOK[self.subject]:
                raise Failed(f"{self.subject}: natgwd has attached to {interface['name']} by "
                             f"{interface['attach']}")

    def start_nft(self):
        self.gw.run("nft", "-f", "-", stdin=MASQUERADE)
        for name in ("udp_timeout", "udp_timeout_stream"):
            self.gw.sysctl(f"net.netfilter.nf_conntrack_{name}", LIFE_S)

    def start_forward(self):
        self.srv.ip("route", "add", "10.0.1.0/24", "via", EXTERNAL)

    def start_bare(self):
        """For a redirect of frames as they are: the ends know each other. Who makes this path
        attaches the redirect (Engine.command of packets_path.py)."""
        self.start_forward()
        self.cli.ip("neigh", "add", GATEWAY, "lladdr", self.srv.mac("eth0"), "dev", "eth0")
        self.srv.ip("neigh", "add", EXTERNAL, "lladdr", self.cli.mac("eth0"), "dev", "eth0")

    def start_iperf3(self):
        self.server = self.start(self.srv, "iperf3", "-s", "--forceflush", log=self.server_log)
        wait_for(lambda: ":5201 " in self.srv.run("ss", "-Htln").stdout, "iperf3")

    def require_offloads(self):
        for namespace, name in self.ends():
            shown = namespace.run("ethtool", "-k", name).stdout
            for offload in OFFLOADS:
                if not re.search(rf"^{offload}: on", shown, re.MULTILINE):
                    raise Failed(f"{self.subject}: {offload} of {name} is not on")

    # ---- at work ----

    def natgwctl(self, *arguments):
        return json.loads(run(os.path.join(self.build, "natgwctl"), "--socket", self.socket,
                              *arguments, "--json").stdout)

    def status(self):
        return self.natgwctl("status")

    def session_count(self):
        """Sessions in the gateway, by its own counters: natgw's as of its last sweep."""
        if self.subject == NFT:
            return int(self.gw.read_sysctl("net.netfilter.nf_conntrack_count"))
        run("curl", "-sS", "--fail", "-m", "60", "-X", "POST", "--unix-socket", self.socket,
            "http://natgw/v1/sweep", timeout=90)
        return self.status()["sessions"]

    def counters(self, interface):
        """What has come in there, and what natgw's programs have counted."""
        shown = json.loads(self.gw.ip("-json", "-statistics", "link", "show", interface))
        device, counted = shown[0]["stats64"]["rx"], None
        if self.subject == NATGW_TC:
            counted = self.natgwctl("stats")["hooks"]["tc_ingress"]["in"]["packets"]
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

    def end(self, process):
        """Ends a process of this path, and waits for it."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    def remove(self):
        for process in self.processes:
            self.end(process)
        if self.gateway_command and os.path.exists(self.gw.path):
            self.gw.run(*self.gateway_command, check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        for namespace in (self.cli, self.gw, self.srv):
            with contextlib.suppress(AssertionError):
                delete_namespace(namespace)
