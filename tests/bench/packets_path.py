# SPDX-License-Identifier: GPL-2.0-only
"""The gateways whose packets are counted, each with a client and a server of its own.

    client eth0 --- int0 gateway ext0 --- eth0 server

Client and server are programs in the driver (packets.bpf.c); neighbours are static, so nobody sends
but the generator. That is build/tests/bench/packets, which is told what to do line by line.
"""
import contextlib
import glob
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from gateway_path import Failed  # noqa: E402
from hosts import BPFFS, ENVIRONMENT, Namespace, run, wait_for  # noqa: E402
from topology import delete_namespace  # noqa: E402

CPUS = sorted(os.sched_getaffinity(0))
SENDING_CPU = CPUS[-1]

BASE, BARE_XDP, BARE_TC = "base", "xdp-redirect", "tc-redirect"
FORWARD, NFT, POOL, FLOWTABLE = "forward", "nft-masquerade", "nft-pool", "nft-flowtable"
UNTUNED = "nft-masquerade-untuned"
NATGW_XDP, NATGW_TC = "natgw-xdp", "natgw-tc"
NATGW = (NATGW_XDP, NATGW_TC)
# Names in namespaces and folders.
SHORT = {BASE: "base", BARE_XDP: "bx", BARE_TC: "bt", FORWARD: "fwd", NFT: "masq", POOL: "pool",
         FLOWTABLE: "ft", UNTUNED: "masq0", NATGW_XDP: "nx", NATGW_TC: "nt"}
CONNTRACKERS = (NFT, POOL, FLOWTABLE, UNTUNED)
ROLES = ("cli", "gw", "srv")
CONNTRACK_KEPT = "/run/natgw-bench-conntrack.json"
READY_S = 120  # tables of 16 M sessions are made and zeroed
FLUSH_S = 120
# linux/netfilter/nfnetlink_conntrack.h: the subsystem and its message
NETLINK_NETFILTER, IPCTNL_MSG_CT_DELETE = 12, 1 << 8 | 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4

# packets_frames.c has the client's and the gateway's; the rest is for the kernel.
MACS = {("cli", "eth0"): "02:00:00:00:01:01", ("gw", "int0"): "02:00:00:00:01:02",
        ("gw", "ext0"): "02:00:00:00:02:02", ("srv", "eth0"): "02:00:00:00:02:01"}
ADDRESSES = {("cli", "eth0"): "10.0.1.10/24", ("gw", "int0"): "10.0.1.1/24",
             ("gw", "ext0"): "198.18.0.1/24", ("srv", "eth0"): "198.18.0.2/24"}
CLIENTS, SERVERS = "10.64.0.0/10", "198.19.0.0/16"
# Whom the server must see.
SOURCES = {FORWARD: "10.", NFT: "198.18.0.1", UNTUNED: "198.18.0.1", FLOWTABLE: "198.18.0.1",
           POOL: "198.18.1.", NATGW_XDP: "198.18.1.", NATGW_TC: "198.18.1.", BARE_XDP: "10.",
           BARE_TC: "10.", BASE: "0.0.0.0"}

# With every feature on that the short way knows; none of them has anything to do with the packets
# that are sent. Or plain: what masquerade does, which counts no client's sessions either.
QUOTAS = """\
    fragments: forward
    max_sessions: 16777216
    max_sessions_per_client: 1000000
    max_half_open_per_client: 1000000
    ports_per_client: {max: 60000}
"""
POLICY = """\
acl:
  - {deny: 203.0.113.0/24}
  - {allow: 203.0.113.128/25}
  - {deny: 10.127.13.0/24}
rules:
  - {dnat: {protocol: tcp, port: 8443, to_port: 443}}
  - {no_nat: {to: 198.51.100.0/24}}
  - {session: {protocol: udp, port: 53, timeouts: {udp: 120s, udp_unreplied: 120s}}}
one_to_one:
  - {private: 10.127.0.1, public: 198.18.2.1}
port_forwards:
  - {protocol: tcp, address: 198.18.1.0, port: 8443, to: 10.127.0.2}
"""
CONFIG = """\
interfaces:
  external: ext0
  internal: [int0]
attach: %(attach)s
gateways:
  - name: bench
    private_ip: 10.0.1.1
    eips: [198.18.1.0-198.18.1.%(last_eip)d]
    timeouts: {udp_unreplied: 24h, udp: 24h}
%(quotas)sroute_tables:
  - name: clients
    subnets: [10.64.0.0/10]
    routes:
      - {to: 0.0.0.0/0, target: gateway:bench}
      - {to: 192.0.2.0/24, target: blackhole}
%(policy)slimits: {sessions: %(sessions)d}
metrics: {listen: "off"}
control: {socket: %(socket)s}
pin_path: %(pins)s
"""
EIPS = 4

NAT_TABLE = """\
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname "ext0" %s
	}
}
"""
FLOW_TABLE = """\
table ip flows {
	flowtable fast {
		hook ingress priority 0
		devices = { int0, ext0 }
	}
	chain forward {
		type filter hook forward priority 0
		ip protocol { tcp, udp } flow add @fast
	}
}
"""
RULES = {NFT: NAT_TABLE % "masquerade", UNTUNED: NAT_TABLE % "masquerade",
         POOL: NAT_TABLE % "snat to 198.18.1.0-198.18.1.15 fully-random",
         FLOWTABLE: NAT_TABLE % "masquerade" + FLOW_TABLE}
# No session ends by itself. Checksums are verified by a network card, and here by nobody. Peers
# that keep no state do not acknowledge what is in a window.
NF_SYSCTLS = {"udp_timeout": 86400, "udp_timeout_stream": 86400, "checksum": 0,
              "tcp_be_liberal": 1}


class Lost(Failed):
    """Packets have not arrived, or not as they should."""


# ---- conntrack's size, which is the whole machine's ----

def conntrack(name):
    return f"/proc/sys/net/netfilter/nf_conntrack_{name}"


def read_conntrack(name):
    with open(conntrack(name), encoding="ascii") as file:
        return int(file.read())


def write_conntrack(name, value):
    with open(conntrack(name), "w", encoding="ascii") as file:
        file.write(str(value))


def restore_conntrack():
    """As it was before the first of those that have not put it back."""
    with contextlib.suppress(FileNotFoundError):
        with open(CONNTRACK_KEPT, encoding="ascii") as file:
            for name, value in json.load(file).items():
                write_conntrack(name, value)
        os.unlink(CONNTRACK_KEPT)


@contextlib.contextmanager
def conntrack_size(sessions, buckets=None):
    """Room for so many sessions, and so many buckets (None: as they are); put back afterwards, if
    need be by the next run."""
    restore_conntrack()
    kept = {name: read_conntrack(name) for name in ("max", "buckets")}
    with open(CONNTRACK_KEPT, "w", encoding="ascii") as file:
        json.dump(kept, file)
    try:
        if buckets:
            write_conntrack("buckets", buckets)
        write_conntrack("max", max(sessions, kept["max"]))
        yield
    finally:
        restore_conntrack()


# ---- a gateway with its client and server ----

class Path:
    """Three namespaces of one subject. A context manager: nothing is left afterwards."""

    def __init__(self, subject, build, folder, sessions, queues=1, plain=False):
        self.subject = subject
        self.build = build
        self.folder = folder
        self.sessions = sessions
        self.queues = queues
        self.plain = plain
        self.number = None  # that the engine knows it by
        short = SHORT[subject]
        self.pins = f"{BPFFS}/natgw-bench-{os.getpid()}-{short}"
        self.cli, self.gw, self.srv = (Namespace(f"natgw-bench-{os.getpid()}-{role}_{short}")
                                       for role in ROLES)
        self.natgwd = None
        self.detach = None

    def __enter__(self):
        try:
            self.make()
            if self.subject in NATGW:
                self.start_natgw()
            elif self.subject in CONNTRACKERS:
                self.start_nft()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.remove()

    def make(self):
        for namespace in (self.cli, self.gw, self.srv):
            run("ip", "netns", "add", namespace.name)
            namespace.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
            namespace.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.add_cable(10, (self.cli, "eth0"), (self.gw, "int0"))
        self.add_cable(12, (self.gw, "ext0"), (self.srv, "eth0"))
        for (role, name), address in ADDRESSES.items():
            namespace = getattr(self, role)
            self.batch(namespace, f"addr add {address} dev {name}",
                       f"link set {name} address {MACS[role, name]} up", "link set lo up")
        self.gw.sysctl("net.ipv4.ip_forward", 1)
        self.batch(self.gw,
                   f"neigh add 10.0.1.10 lladdr {MACS['cli', 'eth0']} dev int0 nud permanent",
                   f"neigh add 198.18.0.2 lladdr {MACS['srv', 'eth0']} dev ext0 nud permanent",
                   f"route add {CLIENTS} via 10.0.1.10", f"route add {SERVERS} via 198.18.0.2")
        for role, name in ADDRESSES:
            namespace = getattr(self, role)
            wait_for(lambda at=namespace, link=name: json.loads(
                at.ip("-json", "link", "show", link))[0]["operstate"] == "UP", f"link {name}")
        self.prepare_interfaces()

    def add_cable(self, index, one, other):
        """The ends have different indexes: for a veth that has its peer's the kernel takes up to a
        second to see the carrier."""
        queues = ("numtxqueues", str(self.queues), "numrxqueues", str(self.queues))
        run("ip", "link", "add", one[1], "index", str(index), "netns", one[0].name, *queues,
            "type", "veth", "peer", "name", other[1], "index", str(index + 1), "netns",
            other[0].name, *queues)

    @staticmethod
    def batch(namespace, *lines):
        run("ip", "-n", namespace.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def prepare_interfaces(self):
        """A veth takes redirected frames only where the other end polls (NAPI), which it begins to
        do when GRO is switched on while both ends are up, or with an XDP program."""
        for name in ("int0", "ext0"):
            self.gw.run("ethtool", "-K", name, "gro", "off")
            self.gw.run("ethtool", "-K", name, "gro", "on")
        for namespace in (self.cli, self.srv):
            namespace.run("ethtool", "-K", "eth0", "tx", "off")

    def start_nft(self):
        for name, value in NF_SYSCTLS.items():
            self.gw.sysctl(f"net.netfilter.nf_conntrack_{name}", value)
        if self.subject == FLOWTABLE:
            self.gw.sysctl("net.netfilter.nf_flowtable_udp_timeout", 86400)
        self.gw.run("nft", "-f", "-", stdin=RULES[self.subject])

    def start_natgw(self):
        short = SHORT[self.subject]
        config, log, control = (os.path.join(self.folder, f"{short}.{name}")
                                for name in ("yaml", "log", "sock"))
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG % {"quotas": "" if self.plain else QUOTAS,
                                 "policy": "" if self.plain else POLICY,
                                 "attach": self.subject.partition("-")[2], "last_eip": EIPS - 1,
                                 "sessions": self.sessions, "socket": control, "pins": self.pins})
        command = os.path.join(self.build, "natgwd")
        with open(log, "wb") as output:
            self.natgwd = self.gw.start(command, "--config", config, stdout=output, stderr=output)
        self.detach = (command, "--detach", "--config", config)

        def is_ready():
            with open(log, encoding="utf-8") as file:
                text = file.read()
            if self.natgwd.poll() is not None:
                raise Failed(f"natgwd: {(text.splitlines() or ['ended'])[-1]}")
            return "natgwd: ready" in text

        wait_for(is_ready, "natgwd", timeout=READY_S)

    def remove(self):
        if self.natgwd:
            end_process(self.natgwd)
        if self.detach and os.path.exists(self.gw.path):
            self.gw.run(*self.detach, check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        if self.subject in CONNTRACKERS and os.path.exists(self.gw.path):
            self.flush()
        for namespace in (self.cli, self.gw, self.srv):
            with contextlib.suppress(AssertionError):
                delete_namespace(namespace)

    def flush(self):
        """Removes conntrack's sessions. The kernel would do so some time after the namespace's end;
        until then they are in the way of others in the same table."""
        message = struct.pack("=IHHIIBBH", 20, IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1,
                              0, socket.AF_INET, 0, 0)
        with self.gw.entered(), contextlib.suppress(OSError):
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
                netlink.settimeout(FLUSH_S)
                netlink.send(message)
                netlink.recv(4096)


def end_process(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def has_flowtables():
    """Does the kernel have what nft-flowtable needs?"""
    name = f"natgw-bench-{os.getpid()}-probe"
    namespace = Namespace(name)
    run("ip", "netns", "add", name)
    try:
        for interface in ("int0", "ext0"):
            namespace.ip("link", "add", interface, "type", "veth")
        return namespace.run("nft", "-f", "-", stdin=RULES[FLOWTABLE], check=False).returncode == 0
    finally:
        delete_namespace(namespace)


# ---- the engine ----

class Engine:
    """build/tests/bench/packets, and what it is told. A context manager."""

    def __init__(self, build, folder):
        self.errors = os.path.join(folder, "packets.log")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([os.path.join(build, "tests/bench/packets")],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, env=ENVIRONMENT, text=True)
        self.paths = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.terminate()  # also in the midst of sending
        self.process.wait(20)
        self.process.stdin.close()
        self.process.stdout.close()

    def command(self, *words):
        """The values of the answer."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] != "ok":
            with open(self.errors, encoding="utf-8") as file:
                raise Failed((file.read().splitlines() or ["packets: ended"])[-1])
        return dict(word.split("=") for word in answer[1:])

    def add(self, path):
        """Takes a path in."""
        path.number = self.paths
        self.paths += 1
        self.command("path", path.number, path.cli.name, path.srv.name)
        bare = {BARE_XDP: "xdp", BARE_TC: "tc", BASE: "drop"}.get(path.subject)
        if bare:
            self.command("gateway", path.gw.name, bare)
        if path.subject == BASE:
            path.gw.ip("link", "add", "idle0", "type", "veth", "peer", "name", "idle1")
            for number in range(2):
                path.gw.ip("link", "set", f"idle{number}", "up")
                self.command("idle", path.gw.name, f"idle{number}", number)

    def take_large(self, path):
        """The server counts segments of packets as large as they come, and answers no more."""
        self.command("large", path.srv.name)

    def send(self, path, least=1.0, **options):
        """Numbers of packets, and ns of CPU and of wall time. Lost: less than this part of them
        has arrived, or from somebody else than they should."""
        words = [f"{key}={value}" for key, value in options.items()]
        answer = self.command("send", path.number, *words)
        source = answer.pop("source")
        sent = {key: int(value) for key, value in answer.items()}
        if not least * sent["sent"] <= sent["delivered"] <= sent["sent"]:
            raise Lost(f"{path.subject}: {sent['delivered']} of {sent['sent']} packets have "
                         f"arrived ({' '.join(words)})")
        expected = SOURCES[path.subject]
        if options.get("answer", "none") == "none" and not source.startswith(expected):
            raise Lost(f"{path.subject}: the server has seen {source}")
        return sent


@contextlib.contextmanager
def off_the_cpu(cpu):
    """This process and what it starts keep away from the CPU that sends, where there is another."""
    kept = os.sched_getaffinity(0)
    try:
        if kept - {cpu}:
            os.sched_setaffinity(0, kept - {cpu})
        yield
    finally:
        os.sched_setaffinity(0, kept)


def softirqs_are_charged():
    """Does the CPU time of a thread hold the softirqs that it has raised?"""
    for path in ("/proc/config.gz", f"/boot/config-{os.uname().release}"):
        for name in glob.glob(path):
            shown = run("zgrep", "-h", "^CONFIG_IRQ_TIME_ACCOUNTING=y", name, check=False).stdout
            return not shown
    return True
