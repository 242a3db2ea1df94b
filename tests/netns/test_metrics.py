# SPDX-License-Identifier: GPL-2.0-only
"""What natgwd says to Prometheus: form, names, values, rules, dashboard; and that no counter goes
back, whatever happens to natgwd."""
import contextlib
import ctypes
import json
import os
import re
import socket
import struct
import threading

import pytest

import daemon
import servers
from hosts import CLI1, EIP, SRV1, SRV2, run, wait_for

CONFIG = {"port_range": "2000-2999"}
# What natgwd says is the same with either hook.
pytestmark = pytest.mark.parametrize("net", ["xdp"], indirect=True)

PROMETHEUS = os.path.join(daemon.ROOT, "packaging", "prometheus")
RULES = os.path.join(PROMETHEUS, "natgw.rules.yml")
DASHBOARD = os.path.join(daemon.ROOT, "packaging", "grafana", "natgw.json")
PAGE = os.path.join(daemon.ROOT, "docs", "metrics.md")
SAMPLE = re.compile(r"(\w+)(\{.*\})? (\S+)$")
KILLS = 2
BPF_ENABLE_STATS = 32
NR_BPF = 321


# ---- reading ----

def read(net):
    """{(name, labels): value}"""
    found = (SAMPLE.match(line) for line in net.natgwd.metrics().splitlines())
    return {(row[1], row[2] or ""): float(row[3]) for row in found if row}


def families(net):
    """{name: type}"""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", net.natgwd.metrics(), re.MULTILINE))


def value(samples, name, **labels):
    """The sum over the series of that name with these labels."""
    return sum(each for (its_name, text), each in samples.items() if its_name == name
               and all(f'{key}="{wanted}"' in text for key, wanted in labels.items()))


@contextlib.contextmanager
def program_statistics():
    """The kernel counts the runs of BPF programs while the descriptor is open."""
    libc = ctypes.CDLL(None, use_errno=True)
    attr = struct.pack("I", 0)  # BPF_STATS_RUN_TIME
    fd = libc.syscall(NR_BPF, BPF_ENABLE_STATS, attr, len(attr))
    assert fd >= 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        os.close(fd)


# ---- form ----

@pytest.fixture(scope="module")
def traffic(net, web):
    """Something of most kinds: sessions of each protocol, refused ones, drops, a reload."""
    with net.natgwd.configured(options={"max_sessions_per_client": 40}):
        held = [net.cli1.connect(SRV1, 80) for _number in range(30)]
        udp = [net.cli1.socket(socket.SOCK_DGRAM) for _number in range(30)]
        for sock in udp:
            sock.sendto(b"natgw", (SRV2, 4000))
    servers.ping(net.cli2, SRV1)
    servers.curl(net.cli2, f"http://{SRV2}/page")
    with net.srv1.socket(socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"natgw", (EIP, 2500))
    net.natgwd.sweep()
    yield net
    for sock in held + udp:
        sock.close()


def test_promtool_finds_nothing_to_say(traffic):
    result = run("promtool", "check", "metrics", stdin=traffic.natgwd.metrics(), check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_promtool_would_find_something(net):
    bad = "# TYPE natgw_packets counter\nnatgw_packets 1\n"
    assert run("promtool", "check", "metrics", stdin=bad, check=False).returncode != 0


def test_the_page_lists_what_is_served(traffic):
    """docs/metrics.md has a row for every family, with its type, and none of its own."""
    with open(PAGE, encoding="utf-8") as file:
        listed = dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", file.read(),
                                 re.MULTILINE))
    assert listed == families(traffic)


def test_counters_are_named_as_counters(net):
    for name, kind in families(net).items():
        assert name.endswith("_total") == (kind == "counter"), name


# ---- values ----

def test_ratios_of_use(traffic):
    samples = read(traffic)
    capacity = value(samples, "natgw_ports_capacity", eip=EIP, proto="tcp")
    assert capacity == 1000
    used = value(samples, "natgw_ports_in_use", eip=EIP, proto="tcp")
    assert used >= 30
    assert value(samples, "natgw_ports_used_ratio", eip=EIP, proto="tcp") == used / capacity
    sessions = value(samples, "natgw_sessions")
    ratio = value(samples, "natgw_sessions_used_ratio")
    assert ratio == pytest.approx(sessions / traffic.natgwd.config.sessions, abs=1e-6) and ratio > 0


def test_what_is_known_of_a_client(traffic):
    samples = read(traffic)
    assert value(samples, "natgw_client_sessions", client=CLI1) == 40
    assert value(samples, "natgw_client_ports_in_use", client=CLI1) == 40
    assert value(samples, "natgw_client_max_to_one_destination", client=CLI1) == 30
    assert value(samples, "natgw_client_bytes_total", client=CLI1, direction="outbound") > 30 * 80
    assert value(samples, "natgw_client_port_errors_total", client=CLI1,
                 reason="client_quota") == 20
    assert value(samples, "natgw_connection_failures_total", proto="udp",
                 reason="client_quota") == 20


def test_drops_and_the_rest(traffic):
    samples = read(traffic)
    assert value(samples, "natgw_packets_drop_total", reason="no_session") >= 1
    assert value(samples, "natgw_config_apply_total", result="ok") >= 1
    assert value(samples, "natgw_build_info") == 1
    with open("/proc/stat", encoding="ascii") as file:
        boot = int(re.search(r"^btime (\d+)", file.read(), re.MULTILINE).group(1))
    assert value(samples, "process_start_time_seconds") >= boot


def test_ipv6_is_counted(net):
    before = value(read(net), "natgw_ipv6_packets_total", action="pass")
    macs = (net.gw.mac("int0") + net.cli1.mac("eth0")).replace(":", "")
    net.cli1.send_frame("eth0", bytes.fromhex(macs + "86dd" + "60000000000011ff") + bytes(32))
    wait_for(lambda: value(read(net), "natgw_ipv6_packets_total", action="pass") > before,
             "the packet in the counter")


# ---- counters never go back ----

def backward(before, after):
    """Counters of both readings that went down; those that went away are natgwd's to explain."""
    parts = ("_total", "_bucket", "_count")
    return {key: (before[key], after[key]) for key in before.keys() & after.keys()
            if key[0].endswith(parts) and after[key] < before[key]}


def keep_talking(net, stop):
    while not stop.is_set():
        servers.curl(net.cli1, f"http://{SRV1}/page", check=False)
        servers.ping(net.cli2, SRV2, count=2, interval=0.01)


def test_counters_never_go_back(net, web):
    """Killed and started again under traffic: what was shown once is never shown lower."""
    stop = threading.Event()
    talker = threading.Thread(target=keep_talking, args=(net, stop))
    kept = net.natgwd.config.port_range
    with program_statistics():
        talker.start()
        try:
            net.natgwd.reload()
            net.natgwd.config.port_range = "nonsense"
            net.natgwd.write_config()
            refused = value(read(net), "natgw_config_apply_total", result="failed")
            os.kill(net.natgwd.process.pid, 1)
            wait_for(lambda: value(read(net), "natgw_config_apply_total",
                                   result="failed") > refused, "a refused reload")
            net.natgwd.config.port_range = kept
            first = last = read(net)
            for _number in range(KILLS):
                net.natgwd.kill()
                net.natgwd.start()
                now = read(net)
                assert not backward(last, now)
                assert {key[0] for key in last} <= {key[0] for key in now}
                last = now
        finally:
            net.natgwd.config.port_range = kept
            stop.set()
            talker.join(30)
        last = read(net)
    for name in ("natgw_packets_in_from_source_total", "natgw_bpf_program_runs_total",
                 "natgw_bpf_program_run_seconds_total", "natgw_connection_attempts_total"):
        assert value(last, name) > value(first, name) > 0, name
    assert value(last, "natgw_config_apply_total", result="ok") >= 1
    assert value(last, "natgw_config_apply_total", result="failed") == refused + 1
    runs = value(last, "natgw_bpf_program_runs_total", prog="natgw_internal")
    assert runs > value(first, "natgw_bpf_program_runs_total", prog="natgw_internal") > 0


def test_the_checker_sees_a_counter_that_goes_back(net):
    before = {("natgw_x_total", ""): 2.0, ("natgw_y", ""): 2.0, ("natgw_z_total", ""): 1.0}
    after = {("natgw_x_total", ""): 1.0, ("natgw_y", ""): 1.0}
    assert list(backward(before, after)) == [("natgw_x_total", "")]


# ---- rules and dashboard ----

def recorded(text):
    return set(re.findall(r"record: (\S+)", text))


def names_in(expression):
    """Names of metrics in an expression: not those of labels, nor the text of values."""
    bare = re.sub(r"\{[^}]*\}|\b(?:by|without|on|ignoring) *\([^)]*\)", " ", expression)
    found = re.findall(r"(?<![\w$])[a-zA-Z_:][\w:]*(?![\w:(])", bare)
    return {name for name in found if re.match(r"natgw|process", name)}


def rule_expressions(text):
    """Each rule's expr, one line or folded."""
    return [match[0] for match in
            re.findall(r"expr: (?:>\n)?((?:.|\n)*?)\n *(labels|for|annotations|- |#|$)", text)]


def served(net):
    return {name for name, _labels in read(net)} | set(families(net))


@pytest.fixture(scope="module")
def rules():
    with open(RULES, encoding="utf-8") as file:
        return file.read()


def test_promtool_takes_the_rules_and_their_tests(net):
    run("promtool", "check", "rules", RULES)
    tests = RULES.replace(".rules.yml", ".rules.test.yml")
    assert "SUCCESS" in run("promtool", "test", "rules", tests).stdout


def test_every_alert_has_a_test(net, rules):
    with open(RULES.replace(".rules.yml", ".rules.test.yml"), encoding="utf-8") as file:
        tests = file.read()
    for alert in re.findall(r"alert: (\w+)", rules):
        assert f"alertname: {alert}" in tests, alert


def test_the_rules_know_only_what_is_served(net, rules):
    expressions = rule_expressions(rules)
    assert len(expressions) == len(re.findall(r"^ +expr:", rules, re.MULTILINE))
    used = set().union(*map(names_in, expressions))
    assert len(used) > 10
    assert used - recorded(rules) - served(net) == set()
    assert not recorded(rules) & served(net)


def test_the_dashboard_knows_only_what_is_served(net, rules):
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    expressions = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
    expressions += [row["expr"] for row in dashboard["annotations"]["list"]]
    expressions += [row["query"]["query"].partition("(")[2] for row in
                    dashboard["templating"]["list"] if row["type"] == "query"]
    used = set().union(*map(names_in, expressions))
    assert len(expressions) > 25 and len(used) > 25
    assert used - served(net) - recorded(rules) == set()


def test_promtool_understands_the_dashboard(net):
    """Each expression, with Grafana's variables filled in, is a rule that promtool takes."""
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    lines = ["groups: [{name: dashboard, rules: ["]
    for panel in dashboard["panels"]:
        for number, target in enumerate(panel.get("targets", [])):
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$", "")
            lines.append(json.dumps({"record": f"panel:{panel['id']}:{number}",
                                     "expr": expression}) + ",")
    path = net.path("dashboard.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + ["]}]"]) + "\n")
    run("promtool", "check", "rules", path)
