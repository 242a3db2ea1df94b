# SPDX-License-Identifier: GPL-2.0-only
"""The test network: one namespace for each host, veth between them, natgwd in the middle.

    cli1, cli2 --[ lan ]-- gw --[ router ]-- srv1, srv2

Every name carries the test's name and the process id of the test run, so that runs do not meet
and what a crashed run has left behind can be told from what is in use.
"""
import glob
import itertools
import json
import os
import re
import shutil
import tempfile

from daemon import Natgwd
from hosts import (BPFFS, CLI1, CLI2, CLI2_TWO, GW_EXTERNAL, GW_INTERNAL, GW_INTERNAL2, PRIVATE_IP,
                   ROUTER, ROUTER_SERVERS, SRV1, SRV2, Namespace, end_processes, run, wait_for)

LAYOUTS = ("bridge", "two", "one-armed")


def run_is_alive(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"py" in file.read()
    except OSError:
        return False


def remove_leftovers(test):
    """Removes what a run of the same test has left that did not come to its end."""
    pattern = re.compile(rf"natgw-{re.escape(test)}-(\d+)(-\w+)?$")
    for path in glob.glob(f"/run/netns/natgw-{test}-*") + glob.glob(f"{BPFFS}/natgw-{test}-*"):
        match = pattern.match(os.path.basename(path))
        if not match or run_is_alive(int(match.group(1))):
            continue
        if path.startswith(BPFFS):
            shutil.rmtree(path)
        else:
            delete_namespace(Namespace(os.path.basename(path)))


def delete_namespace(namespace):
    if os.path.exists(namespace.path):
        end_processes(namespace.pids())
        run("ip", "netns", "delete", namespace.name)


class Topology:
    """The whole network with its natgwd. A context manager: nothing of it is left afterwards.

    layout "bridge": both clients behind one internal interface of the gateway
    layout "two": an internal interface and subnet for each client
    layout "one-armed": clients and router behind the only interface of the gateway
    """

    def __init__(self, test, layout="bridge", attach="xdp"):
        assert layout in LAYOUTS
        self.test = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-")[:24]
        self.layout = layout
        self.attach = attach
        self.ident = f"{self.test}-{os.getpid()}"
        self.folder = tempfile.mkdtemp(prefix=f"natgw-{self.ident}-")
        os.chmod(self.folder, 0o755)
        self._namespaces = {role: Namespace(f"natgw-{self.ident}-{role}") for role in self.roles()}
        self.external = "eth0" if layout == "one-armed" else "ext0"
        self.internal = {"bridge": ["int0"], "two": ["int0", "int1"], "one-armed": ["eth0"]}[layout]
        self.natgwd = Natgwd(self)
        self._processes = []

    def roles(self):
        return ["cli1", "cli2", "gw", "router", "srv1", "srv2"] + (
            [] if self.layout == "two" else ["lan"])

    def __getattr__(self, role):
        namespaces = self.__dict__.get("_namespaces", {})
        if role in namespaces:
            return namespaces[role]
        raise AttributeError(role)

    @property
    def interfaces(self):
        """The interfaces that natgwd manages."""
        return sorted({self.external, *self.internal})

    @property
    def cli2_address(self):
        return CLI2_TWO if self.layout == "two" else CLI2

    def clients(self):
        return [(self.cli1, CLI1), (self.cli2, self.cli2_address)]

    def __enter__(self):
        remove_leftovers(self.test)
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            problems = self._close()
        finally:
            self._remove()
        if kind is None:
            assert not problems, "left behind: " + "; ".join(problems)

    # ---- building ----

    def _build(self):
        for namespace in self._namespaces.values():
            run("ip", "netns", "add", namespace.name)
            namespace.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
            namespace.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self._batch(None, self._cables())
        for role, lines in self._addresses().items():
            self._batch(self._namespaces[role], ["link set lo up"] + lines)
        for role, namespace in self._namespaces.items():  # a new namespace inherits the host's
            namespace.sysctl("net.ipv4.ip_forward", int(role == "router"))
            if os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
                # a bridge here is a cable: it does not look into packets
                namespace.sysctl("net.bridge.bridge-nf-call-iptables", 0)
        for namespace in (self.router, self.srv1, self.srv2):
            namespace.sysctl("net.ipv4.icmp_ratelimit", 0)
        self._wait_for_links()
        if self.attach != "tc":
            self._prepare_for_xdp()

    @staticmethod
    def _batch(namespace, lines):
        where = ("-n", namespace.name) if namespace else ()
        run("ip", *where, "-batch", "-", stdin="\n".join(lines) + "\n")

    def _cables(self):
        """The ends have different indexes: for a veth that has its peer's, as for a device without
        a lower one, the kernel takes up to a second to see the carrier."""
        return [f"link add {name} index {index} netns {self._namespaces[role].name} type veth "
                f"peer name {peer} index {index + 1} netns {self._namespaces[other].name}"
                for index, (role, name, other, peer)
                in zip(itertools.count(10, 2), self._cable_ends())]

    def _cable_ends(self):
        ends = [("srv1", "eth0", "router", "p-srv1"), ("srv2", "eth0", "router", "p-srv2")]
        if self.layout == "two":
            return ends + [("gw", "int0", "cli1", "eth0"), ("gw", "int1", "cli2", "eth0"),
                           ("gw", "ext0", "router", "ext0")]
        ends += [("cli1", "eth0", "lan", "p-cli1"), ("cli2", "eth0", "lan", "p-cli2"),
                 ("gw", self.internal[0], "lan", "p-gw")]
        if self.layout == "one-armed":
            return ends + [("router", "ext0", "lan", "p-router")]
        return ends + [("gw", "ext0", "router", "ext0")]

    def _addresses(self):
        internal, external = self.internal[0], self.external
        gateway = {internal: [f"{GW_INTERNAL}/24", f"{PRIVATE_IP}/24"]}
        gateway.setdefault(external, []).append(f"{GW_EXTERNAL}/24")
        if self.layout == "two":
            gateway["int1"] = [f"{GW_INTERNAL2}/24"]
        gateway_lines = [line for name, addresses in gateway.items()
                         for line in self._interface(name, addresses)]
        client2 = [f"{CLI2_TWO}/24"] if self.layout == "two" else [f"{CLI2}/24"]
        via2 = GW_INTERNAL2 if self.layout == "two" else GW_INTERNAL
        lines = {
            "cli1": self._interface("eth0", [f"{CLI1}/24"], GW_INTERNAL),
            "cli2": self._interface("eth0", client2, via2),
            "gw": gateway_lines + [f"route add default via {ROUTER}"],
            "router": self._interface("ext0", [f"{ROUTER}/24"]) + self._bridge(
                ["p-srv1", "p-srv2"]) + [f"addr add {ROUTER_SERVERS}/24 dev br0"],
            "srv1": self._interface("eth0", [f"{SRV1}/24"], ROUTER_SERVERS),
            "srv2": self._interface("eth0", [f"{SRV2}/24"], ROUTER_SERVERS),
        }
        if self.layout != "two":
            lines["lan"] = self._bridge(["p-cli1", "p-cli2", "p-gw"] + (
                ["p-router"] if self.layout == "one-armed" else []))
        return lines

    @staticmethod
    def _interface(name, addresses, via=None):
        lines = [f"addr add {address} dev {name}" for address in addresses]
        lines.append(f"link set {name} up")
        return lines + ([f"route add default via {via}"] if via else [])

    @staticmethod
    def _bridge(ports):
        lines = ["link add br0 type bridge mcast_snooping 0"]
        lines += [f"link set {port} master br0 up" for port in ports]
        return lines + ["link set br0 up"]

    def gateway_peers(self):
        """The other ends of the gateway's cables."""
        for role, name, other, peer in self._cable_ends():
            if role == "gw":
                yield self._namespaces[other], peer, name

    def _wait_for_links(self):
        """An interface drops everything until the kernel's link watch has seen its carrier; a port
        of a bridge does not forward before that."""
        for role, namespace in self._namespaces.items():
            wait_for(lambda n=namespace: all(link["operstate"] != "DOWN" for link in
                                             json.loads(n.ip("-json", "link", "show", "up"))
                                             if link["link_type"] == "ether"),
                     f"all links of {role}")
            wait_for(lambda n=namespace: all(port["state"] == "forwarding" for port in
                                             json.loads(n.run("bridge", "-json", "link").stdout or "[]")),
                     f"all ports of the bridge in {role}")

    def _prepare_for_xdp(self):
        """A redirect loses a partial checksum and arrives only where the peer polls (NAPI).

        veth starts to poll when GRO is switched on while both ends are up.
        """
        for namespace, peer, _name in self.gateway_peers():
            namespace.run("ethtool", "-K", peer, "tx", "off", "gro", "off")
            namespace.run("ethtool", "-K", peer, "gro", "on")

    # ---- at work ----

    def keep(self, process):
        """The process is ended with the topology at the latest."""
        self._processes.append(process)
        return process

    def path(self, name):
        return os.path.join(self.folder, name)

    def conntrack_count(self):
        """Connections that the kernel's own NAT follows in the gateway's namespace."""
        try:
            return int(self.gw.read_sysctl("net.netfilter.nf_conntrack_count"))
        except FileNotFoundError:
            return 0

    # ---- the end ----

    def _close(self):
        self._end_processes()
        problems = self.natgwd.close()
        if os.path.exists(self.gw.path):
            problems += self.attached()
            problems += [f"process {pid} in the gateway's namespace" for pid in self.gw.pids()]
        return problems

    def _end_processes(self):
        end_processes([process.pid for process in self._processes if process.poll() is None])
        for process in self._processes:
            process.wait(5)

    def attached(self):
        """Programs on the managed interfaces, as texts."""
        problems = []
        for name in self.interfaces:
            if "xdp" in self.gw.ip("link", "show", name):
                problems.append(f"XDP program on {name}")
            for hook in ("ingress", "egress"):
                shown = run("tc", "-n", self.gw.name, "filter", "show", "dev", name, hook,
                            check=False).stdout
                if shown.strip():
                    problems.append(f"tc filter on {name} {hook}")
        return problems

    def _remove(self):
        self._end_processes()
        self.natgwd.remove()
        for namespace in self._namespaces.values():
            delete_namespace(namespace)
        shutil.rmtree(self.folder, ignore_errors=True)
