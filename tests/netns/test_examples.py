# SPDX-License-Identifier: GPL-2.0-only
"""The configs in examples/: each passes --check without a warning, says what to change, and
translates in the network that it draws."""
import contextlib
import glob
import os
import re

import pytest

import hosts
from daemon import NATGWCTL, NATGWD, ROOT
from hosts import Namespace, run, wait_for

FOLDER = os.path.join(ROOT, "examples")
NAMES = sorted(os.path.basename(path)[:-len(".yaml")] for path in glob.glob(f"{FOLDER}/*.yaml"))
SERVER = "198.51.100.10"
PORT = 443

# example: interfaces of the gateway, as {name: (address, neighbour, its address)}; the client, and
# its way; the way out; what the server sees
NETWORKS = {
    "two-interfaces": ({"eth0": ("203.0.113.2/24", "router", "203.0.113.1/24"),
                        "eth1": ("10.0.1.1/24", "client", "10.0.1.10/24")}, "203.0.113.10"),
    "one-armed": ({"eth0": ("10.0.1.5/24", "both", "10.0.1.254/24")}, "203.0.113.10"),
    "single-address": ({"eth0": ("192.0.2.7/24", "router", "192.0.2.1/24"),
                        "br0": ("10.0.1.1/24", "client", "10.0.1.10/24")}, "192.0.2.7"),
    "two-gateways": ({"eth0": ("203.0.113.2/24", "router", "203.0.113.1/24"),
                      "eth1": ("10.0.1.1/24", "client", "10.0.1.10/24"),
                      "eth2": ("10.0.2.1/24", None, None),
                      "eth3": ("10.0.3.1/24", None, None)}, "203.0.113.1[678]"),
    "egress-pool": ({"eth0": ("192.168.8.2/24", "router", "192.168.8.1/24"),
                     "eth1": ("10.0.1.1/24", "client", "10.0.1.10/24")}, "192.168.8.10"),
    "aws-nat-gateway": ({"eth0": ("10.0.0.226/24", "both", "10.0.0.1/24")}, "10.0.0.227"),
}
ASKED_PORT = {"egress-pool": 8001}


class Network:
    """One gateway, one client, one router that is the server as well."""

    def __init__(self, example):
        self.example = example
        self.interfaces, self.seen = NETWORKS[example]
        self.spaces = {role: Namespace(f"natgw-example-{os.getpid()}-{role}")
                       for role in ("gw", "client", "router")}

    def __enter__(self):
        for space in self.spaces.values():
            run("ip", "netns", "add", space.name)
            space.ip("link", "set", "lo", "up")
        for name, (address, role, other) in self.interfaces.items():
            self.cable(name, address, "router" if role == "both" else role, other)
            if role == "both":
                self.second_arm(other)
        router, client = self.spaces["router"], self.spaces["client"]
        router.ip("address", "add", f"{SERVER}/32", "dev", "lo")
        _address, _role, out = self.interfaces["eth0"]
        self.spaces["gw"].ip("route", "add", "default", "via", out.partition("/")[0])
        if "10.0.1.10" in client.ip("address"):
            way = next(address for address, role, _other in self.interfaces.values()
                       if role in ("client", "both"))
            client.ip("route", "add", "default", "via", way.partition("/")[0], "onlink", "dev",
                      "port")
        # the EIPs of one-armed machines are routed to them
        if self.interfaces["eth0"][1] == "both":
            near = self.interfaces["eth0"][0].partition("/")[0]
            router.ip("route", "add", f"{self.seen}/32", "via", near)
        return self

    def cable(self, name, address, role, other):
        gateway = self.spaces["gw"]
        peer = self.spaces[role] if role else gateway
        end = "port" if role else f"p-{name}"
        run("ip", "link", "add", name, "netns", gateway.name, "type", "veth", "peer", "name", end,
            "netns", peer.name)
        gateway.ip("address", "add", address, "dev", name)
        gateway.ip("link", "set", name, "up")
        if other:
            peer.ip("address", "add", other, "dev", end)
        peer.ip("link", "set", end, "up")

    def second_arm(self, other):
        """Client and gateway meet at the router, which switches between them."""
        router, client = self.spaces["router"], self.spaces["client"]
        run("ip", "link", "add", "port", "netns", client.name, "type", "veth", "peer", "name",
            "arm", "netns", router.name)
        router.ip("link", "add", "br0", "type", "bridge")
        router.ip("address", "del", other, "dev", "port")
        router.ip("address", "add", other, "dev", "br0")
        for name, options in (("port", ("master", "br0")), ("arm", ("master", "br0")), ("br0", ())):
            router.ip("link", "set", name, *options, "up")
        client.ip("address", "add", "10.0.1.10/24", "dev", "port")
        client.ip("link", "set", "port", "up")
        if not other.startswith("10.0.1."):
            # the way that the cloud's router has, which here would see its own address come back
            self.spaces["gw"].ip("route", "add", "10.0.1.0/24", "dev", "eth0")

    def __exit__(self, *_exception):
        for space in self.spaces.values():
            hosts.end_processes(space.pids())
            run("ip", "netns", "delete", space.name)


@contextlib.contextmanager
def natgwd(network, tmp_path):
    """The example, with folders of the test's own."""
    pins = f"{hosts.BPFFS}/natgw-example-{os.getpid()}"
    config = tmp_path / "natgw.yaml"
    with open(f"{FOLDER}/{network.example}.yaml", encoding="utf-8") as file:
        config.write_text(f"{file.read()}pin_path: {pins}\nattach: tc\n"
                          f"control: {{socket: {tmp_path}/control.sock}}\n", encoding="utf-8")
    gateway = network.spaces["gw"]
    with open(tmp_path / "log", "wb") as log:
        process = gateway.start(NATGWD, "--config", str(config), stdout=log, stderr=log)
    try:
        wait_for(lambda: "natgwd: ready" in (tmp_path / "log").read_text()
                 or process.poll() is not None, "natgwd: ready", timeout=20)
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)
        gateway.run(NATGWD, "--detach", "--config", str(config))


def source_seen(network):
    """Of one connection from the client, by the server."""
    server = network.spaces["router"].socket(bind=(SERVER, PORT))
    server.listen(1)
    with server, network.spaces["client"].connect(
            SERVER, ASKED_PORT.get(network.example, PORT)) as connection:
        accepted, peer = server.accept()
        with accepted:
            accepted.sendall(b"natgw\n")
            assert connection.recv(16) == b"natgw\n"
    return peer[0]


def without_comments(text):
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_all_are_known():
    assert NAMES == sorted(NETWORKS)


def test_the_first_one_is_that_of_the_readme():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        shown = re.search(r"```yaml\n(.*?)```", file.read(), re.DOTALL).group(1)
    with open(f"{FOLDER}/two-interfaces.yaml", encoding="utf-8") as file:
        assert without_comments(file.read()) == without_comments(shown)


@pytest.mark.parametrize("example", NAMES)
def test_it_says_what_to_change(example):
    with open(f"{FOLDER}/{example}.yaml", encoding="utf-8") as file:
        text = file.read()
    assert "# What to change:" in text
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        assert f"`{example}.yaml`" in file.read()


@pytest.mark.parametrize("example", NAMES)
def test_natgwd_finds_nothing_wrong(example):
    with Network(example) as network:
        checked = network.spaces["gw"].run(NATGWD, "--check", f"{FOLDER}/{example}.yaml")
    assert checked.stdout.endswith(": ok\n")
    assert "warning" not in checked.stdout + checked.stderr


@pytest.mark.parametrize("example", [
    name if name == "two-interfaces" else pytest.param(name, marks=pytest.mark.long)
    for name in NAMES])
def test_it_translates_in_its_network(example, tmp_path):
    with Network(example) as network:
        with natgwd(network, tmp_path):
            assert re.fullmatch(network.seen, source_seen(network))
            shown = run(NATGWCTL, "--socket", str(tmp_path / "control.sock"), "sessions").stdout
            assert re.search(network.seen, shown)
