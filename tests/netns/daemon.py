# SPDX-License-Identifier: GPL-2.0-only
"""natgwd of a test network: its config, its life, and what it says of itself."""
import contextlib
import json
import os
import shutil
import signal
import struct

import conservation
import hosts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NATGW_BUILD", os.path.join(ROOT, "build"))
NATGWD = os.path.join(BUILD, "natgwd")
NATGWCTL = os.path.join(BUILD, "natgwctl")
METRICS = "127.0.0.1:9464"
READY_S = 20
STOP_S = 10


class Config:
    """The config file, as tests change it."""

    def __init__(self, net):
        self.external = net.external
        self.internal = list(net.internal)
        self.attach = net.attach
        self.private_ip = hosts.PRIVATE_IP
        self.eips = [hosts.EIP]
        self.timeouts = {}
        self.port_range = None
        self.options = {}  # more keys of nat-a, as {key: text}
        self.subnets = ["10.0.1.0/24"] + (["10.0.2.0/24"] if net.layout == "two" else [])
        self.routes = [("0.0.0.0/0", "gateway:nat-a")]
        self.more_gateways = []  # whole lines of the list of gateways
        self.more_tables = []  # whole lines of the list of route tables
        self.more = []  # whole lines
        self.sessions = 16384
        self.pin_path = f"{hosts.BPFFS}/natgw-{net.ident}"
        self.socket = net.path("control.sock")
        self.group = None  # of the control socket

    def text(self):
        lines = [
            "interfaces:",
            f"  external: {self.external}",
            f"  internal: [{', '.join(self.internal)}]",
            f"attach: {self.attach}",
            "gateways:",
            "  - name: nat-a",
            f"    private_ip: {self.private_ip}",
            f"    eips: [{', '.join(self.eips)}]",
        ]
        if self.timeouts:
            inner = ", ".join(f"{name}: {value}s" for name, value in self.timeouts.items())
            lines.append(f"    timeouts: {{{inner}}}")
        if self.port_range:
            lines.append(f"    port_range: {self.port_range}")
        lines += [f"    {key}: {value}" for key, value in self.options.items()]
        lines += self.more_gateways
        lines += [
            "route_tables:",
            "  - name: private-a",
            f"    subnets: [{', '.join(self.subnets)}]",
            "    routes:",
        ]
        lines += [f"      - {{to: {to}, target: {target}}}" for to, target in self.routes]
        lines += self.more_tables
        lines += [
            f"limits: {{sessions: {self.sessions}}}",
            f"metrics: {{listen: {METRICS}}}",
            f"control: {{socket: {self.socket}{', group: ' + self.group if self.group else ''}}}",
            f"pin_path: {self.pin_path}",
        ]
        return "\n".join(lines + self.more) + "\n"


class Stats:
    """One reading of `natgwctl stats --json`; two of them can be subtracted."""

    CLASSES = ("in", "out", "passed", "deferred", "dropped")

    def __init__(self, raw):
        self.raw = raw
        self.hooks = {name: {kind: hook[kind]["packets"] for kind in self.CLASSES}
                      for name, hook in raw["hooks"].items()}
        self.verdicts = {}
        for row in raw["verdicts"]:
            key = (row["gateway"], row["hook"], row["direction"], row["class"], row["reason"])
            self.verdicts[key] = self.verdicts.get(key, 0) + row["packets"]
        self.generated = raw["generated"]

    def __sub__(self, other):
        result = Stats.__new__(Stats)
        result.raw = None
        result.hooks = {name: {kind: value - other.hooks[name][kind]
                               for kind, value in hook.items()}
                        for name, hook in self.hooks.items()}
        result.verdicts = {key: value - other.verdicts.get(key, 0)
                           for key, value in self.verdicts.items()
                           if value != other.verdicts.get(key, 0)}
        result.generated = {name: value - other.generated[name]
                            for name, value in self.generated.items()}
        return result

    def dropped(self, reason=None, hook=None, direction=None):
        return sum(value for (_gateway, at, to, kind, why), value in self.verdicts.items()
                   if kind == "drop" and reason in (None, why) and hook in (None, at)
                   and direction in (None, to))

    def drops(self):
        """{reason: packets}"""
        reasons = {key[4] for key in self.verdicts if key[3] == "drop"}
        return {reason: self.dropped(reason) for reason in sorted(reasons)}

    def out(self, *hooks):
        return sum(self.hooks[hook]["out"] for hook in hooks or self.hooks)


class Natgwd:
    """Starts, stops and asks natgwd in the gateway's namespace."""

    def __init__(self, net):
        self.net = net
        self.gw = net.gw
        self.config = Config(net)
        self.config_file = net.path("natgw.yaml")
        self.binary = NATGWD
        self.prefix = ()  # a command that starts it with other rights
        self.process = None
        self.starts = 0
        self.ledger = conservation.Ledger(self)
        self.not_audited = ()  # rules that a test breaks: a reload leaves old sessions out of range

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pinned(self):
        return os.path.isdir(self.config.pin_path) and bool(os.listdir(self.config.pin_path))

    def pin(self, name):
        return os.path.join(self.config.pin_path, name)

    # ---- life ----

    def write_config(self):
        with open(self.config_file, "w", encoding="ascii") as file:
            file.write(self.config.text())

    def log_file(self, number=None):
        return self.net.path(f"natgwd-{number or self.starts}.log")

    def log(self):
        """What the natgwd started last has said."""
        if not os.path.exists(self.log_file()):
            return ""
        with open(self.log_file(), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self, open_ledger=True):
        """Starts natgwd and returns when it says that it is ready.

        The ledger is opened when natgwd attaches anew; that needs a moment without traffic.
        """
        assert not self.running
        fresh = not self.pinned
        self.write_config()
        self.launch()
        hosts.wait_for(lambda: "natgwd: ready" in self.log() or self.process.poll() is not None,
                          "natgwd: ready", timeout=READY_S, pause=0.005)
        assert self.process.poll() is None, f"natgwd ended at start:\n{self.log()}"
        if fresh and open_ledger:
            self.ledger.open()

    def launch(self):
        self.starts += 1
        with open(self.log_file(), "wb") as log:
            self.process = self.gw.start(*self.prefix, self.binary, "--config", self.config_file,
                                         stdout=log, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def stop(self):
        """Ends the daemon; the data path stays."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_S)
        assert status == 0, f"natgwd: exit status {status} after SIGTERM\n{self.log()}"

    def reload(self):
        """Writes the config, sends SIGHUP and returns when the new config is in force."""
        before = self.status()["config_generation"]
        self.write_config()
        self.process.send_signal(signal.SIGHUP)
        hosts.wait_for(lambda: self.status()["config_generation"] > before, "reload")

    @contextlib.contextmanager
    def configured(self, **values):
        """These attributes of the config in force; at the end those from before."""
        kept = {key: getattr(self.config, key) for key in values}
        vars(self.config).update(values)
        try:
            self.reload()
            yield
        finally:
            vars(self.config).update(kept)
            self.reload()

    def detach(self, check=True):
        self.ledger.close()
        return self.gw.run(NATGWD, "--detach", "--config", self.config_file, check=check)

    def close(self):
        """Stops and detaches; returns what is left behind, as a list of texts."""
        problems = []
        if self.running:
            try:
                self.stop()
            except (AssertionError, OSError) as error:
                problems.append(str(error))
        if self.pinned:
            result = self.detach(check=False)
            if result.returncode != 0:
                problems.append(f"natgwd --detach: {result.stdout}{result.stderr}")
        if os.path.exists(self.config.pin_path):
            problems.append(f"{self.config.pin_path}: {os.listdir(self.config.pin_path)}")
        for path in (self.config.socket, self.net.path("read.sock")):
            if os.path.exists(path):
                problems.append(path)
        return problems

    def remove(self):
        """Whatever has happened: no process, no pin."""
        if self.process is not None:
            if self.running:
                hosts.end_processes([self.process.pid])
            self.process.wait(5)
        shutil.rmtree(self.config.pin_path, ignore_errors=True)

    # ---- questions ----

    def ctl(self, *arguments, check=True):
        return hosts.run(NATGWCTL, "--socket", self.config.socket, *arguments, check=check)

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "--json").stdout)

    def get(self, path):
        """One page of the TCP listener."""
        return self.gw.run("curl", "-sS", "--fail", "-m", "5", f"http://{METRICS}{path}").stdout

    def metrics(self):
        return self.get("/metrics")

    def status(self):
        return self.ctl_json("status")

    def stats(self):
        return Stats(self.ctl_json("stats"))

    def settled_stats(self):
        """The counters at a moment in which nothing moves."""
        return self.ledger.settle()[0]

    def sessions(self):
        return self.ctl_json("sessions")["sessions"]

    def sweep(self):
        result = hosts.run("curl", "-sS", "--fail", "-m", "10", "-X", "POST", "--unix-socket",
                              self.config.socket, "http://natgw/v1/sweep")
        return json.loads(result.stdout)

    def audit(self):
        """What natgwctl audit finds in the pinned maps, line by line."""
        if not self.pinned:
            return []
        result = self.ctl("audit", "--pins", self.config.pin_path, check=False)
        assert result.returncode in (0, 1), f"natgwctl audit: {result.stdout}{result.stderr}"
        return [line for line in result.stdout.splitlines()
                if result.returncode and line.partition(":")[0] not in self.not_audited]

    def text_view(self):
        with open(self.pin("sessions"), encoding="ascii") as file:
            return file.read()

    def interface_packets(self):
        shown = json.loads(self.gw.run("ip", "-s", "-j", "link", "show").stdout)
        return sum(link["stats64"]["rx"]["packets"] for link in shown
                   if link["ifname"] in self.net.interfaces)

    # ---- time ----

    def set_skew(self, seconds):
        """Sets the test clock: every timer in the data path is that much further."""
        value = [f"{byte:d}" for byte in struct.pack("<q", int(seconds * 1e9))]
        hosts.run("bpftool", "map", "update", "pinned", self.pin("clock"), "key", "0", "0",
                     "0", "0", "value", *value)

    def program_ids(self):
        """Ids of every program attached to the managed interfaces."""
        shown = json.loads(self.gw.run("bpftool", "-j", "net", "show").stdout)[0]
        return {row["id"] for kind in ("xdp", "tc") for row in shown.get(kind, [])
                if row.get("devname") in self.net.interfaces}
