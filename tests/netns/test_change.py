# SPDX-License-Identifier: GPL-2.0-only
"""Changes by command: all or nothing, nothing lost, saved when asked, dry runs change nothing."""
import http.client
import itertools
import json
import os
import socket
import stat
import threading
import time

import pytest

import servers
import topology
from daemon import NATGWD
from hosts import CLI2, EIP, EIP2, GW_EXTERNAL, SRV1, SRV2, run, wait_for

SO_RCVBUFFORCE = 33
RULES = 500
RELOADS_S = 3.0
PORT = 7000  # of SRV1: whoever sends there is counted


@pytest.fixture(scope="module")
def net():
    """One network for all: how packets are hooked makes no difference here."""
    with topology.Topology("change", "bridge", "tc") as made:
        made.router.ip("route", "add", "100.64.0.0/15", "via", GW_EXTERNAL)
        made.natgwd.start()
        yield made


@pytest.fixture(autouse=True)
def config(net):
    """The config of the test, in force before it and put back behind it."""
    yield net.natgwd.config
    net.natgwd.ctl("block", "off")
    net.natgwd.reload()


# ---- asking ----

class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("natgw", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def post(net, path, body):
    """Status and answer."""
    connection = Connection(net.natgwd.config.socket)
    try:
        connection.request("POST", path, body if isinstance(body, str) else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def ctl(net, *arguments):
    return net.natgwd.ctl_json(*arguments)


def later(net, seconds):
    """The test clock never goes back."""
    net.skew = getattr(net, "skew", 0) + seconds
    net.natgwd.set_skew(net.skew)


def refused(net, *arguments):
    result = net.natgwd.ctl(*arguments, check=False)
    assert result.returncode == 1 and not result.stdout
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


def changes(answer):
    return {(row["change"], row["object"], row["name"]) for row in answer["changes"]}


def gateway(net, name="nat-a"):
    return ctl(net, "describe", name)["gateways"][0]


def eips(net, name="nat-a"):
    return {row["address"]: row["state"] for row in gateway(net, name)["eips"]}


def in_force(net):
    """What a change would change, without what is counted."""
    gateways = [{key: gateway[key] for key in ("name", "state", "private_ip", "timeouts")} |
                {"eips": [eip["address"] for eip in gateway["eips"]]}
                for gateway in ctl(net, "describe")["gateways"]]
    return net.natgwd.status()["config_generation"], gateways, ctl(net, "routes", "list")


def datagrams(net, client, ports, target=(SRV1, PORT)):
    """One datagram from each of these ports."""
    with client.socket(socket.SOCK_DGRAM) as probe:
        probe.sendto(b"natgw", target)
    for port in ports:
        with client.socket(socket.SOCK_DGRAM, bind=("0.0.0.0", port)) as probe:
            probe.sendto(b"natgw", target)


# ---- dry run ----

def test_a_dry_run_says_what_would_be_and_changes_nothing(net):
    before = in_force(net)
    datagrams(net, net.cli1, range(5000, 5007))
    answer = ctl(net, "gateways", "delete", "nat-a", "--dry-run")
    assert answer["dry_run"] and not answer["applied"]
    assert changes(answer) == {("removed", "gateway", "nat-a"), ("removed", "eip", EIP),
                               ("changed", "route", "private-a 0.0.0.0/0")}
    [ending] = answer["sessions_ending"]
    assert ending["gateway"] == "nat-a" and ending["sessions"] >= 8 and ending["after_s"] == 350
    assert in_force(net)[0] == before[0] and in_force(net)[2] == before[2]


def test_a_dry_run_counts_what_can_be_carried(net):
    answer = ctl(net, "eips", "attach", "nat-a", "100.64.0.0/30", "--dry-run")
    [row] = [row for row in answer["capacity"] if row.get("gateway") == "nat-a"]
    assert row["before"] == {"eips": 1, "ports_per_protocol": 64512,
                             "sessions_to_one_destination": 64512}
    assert row["after"]["eips"] == 5 and row["after"]["ports_per_protocol"] == 5 * 64512
    assert eips(net) == {EIP: "succeeded"}


def test_a_dry_run_of_a_file_names_ties_shadows_and_what_takes_a_restart(net, config):
    text = config.text().replace("16384", "32768").replace(
        "10.0.1.0/24]", "10.0.1.0/24, 10.9.0.0/24]")
    text += ("rules:\n  - {session: {from: 10.0.1.0/24}}\n"
             "  - {session: {from: 10.0.1.0/25}}\n")
    shadowed = text.replace("    routes:\n", "    routes:\n      - {to: 10.9.0.0/24, "
                            "target: blackhole}\n")
    status, answer = post(net, "/v1/apply?dry_run=1&file=new.yaml", shadowed)
    assert status == 200 and answer["restart"] == ["limits.sessions"]
    said = "\n".join(answer["warnings"])
    assert "this rule has no effect: the one in line" in said
    assert "this route has no effect" in said
    tie = shadowed.replace("target: blackhole}\n", "target: blackhole}\n      - {to: 10.9.0.0/24, "
                           "target: local}\n")
    status, answer = post(net, "/v1/apply?dry_run=1&file=new.yaml", tie)
    assert status == 400 and answer["error"].startswith("new.yaml:")
    assert "route to 10.9.0.0/24 is already in route table" in answer["error"]


# ---- all or nothing ----

def rules_text(count, last=""):
    lines = [f"  - {{session: {{port: {1000 + i}, timeouts: {{udp: {i + 10}s}}}}}}"
             for i in range(count)]
    return "\n".join(["rules:"] + lines + ([last] if last else [])) + "\n"


def test_one_wrong_rule_of_many_and_nothing_changes(net, config):
    before = in_force(net)
    failed = net.natgwd.metrics()
    status, answer = post(net, "/v1/apply",
                          config.text() + rules_text(RULES, "  - {session: {port: 70000}}"))
    assert status == 400 and "70000" in answer["error"] and in_force(net) == before
    assert net.natgwd.metrics() != failed
    status, answer = post(net, "/v1/apply", config.text() + rules_text(RULES))
    assert status == 200
    assert sum(row[:2] == ("added", "rule") for row in changes(answer)) == RULES
    assert len(ctl(net, "describe")["rules"]) == RULES


def test_what_does_not_go_with_the_host_changes_nothing(net, config):
    before = in_force(net)
    status, answer = post(net, "/v1/apply?file=new.yaml", config.text().replace(EIP, GW_EXTERNAL))
    assert status == 409 and "is an address of this host" in answer["error"]
    assert answer["error"].startswith("new.yaml:") and in_force(net) == before
    for body in ("", "{", "[]", '{"gateway": 1, "eips": "x"}', '{"name": "nat-a", "x": 1}'):
        status, answer = post(net, "/v1/eips/attach", body)
        assert status == 400 and "\n" not in answer["error"]
    assert in_force(net) == before


WRONG = [
    (("eips", "attach", "nat-x", EIP2), 'did you mean "nat-a"?'),
    (("eips", "attach", "nat-a", "198.51.100"), "is not an EIP"),
    (("eips", "attach", "nat-a", EIP), "is an EIP of gateway"),
    (("eips", "detach", "nat-a", EIP2), "is not in the list of EIPs"),
    (("eips", "detach", "nat-a", EIP), "no EIP left"),
    (("gateways", "delete", "nat-b"), "there is no gateway"),
    (("gateways", "tag", "nat-a", "a b=c"), "cannot be set"),
    (("gateways", "create", "nat-a", "--eip", EIP2), "is there already"),
    (("gateways", "create", "nat-b", "--eip", EIP), "AlreadyAssociated"),
    (("gateways", "create", "nat b]", "--eip", EIP2), "name of a gateway"),
    (("routes", "replace", "privat-a", "0.0.0.0/0", "local"), 'did you mean "private-a"?'),
    (("routes", "replace", "private-a", "10.0.0.1/8", "local"), "is not a prefix"),
    (("routes", "replace", "private-a", "0.0.0.0/0", "gateway:nat-x"), "there is no gateway"),
    (("routes", "replace", "private-a", "0.0.0.0/0", "internet"), "target internet"),
    (("block", "on", "nat-x"), "there is no gateway"),
]


def test_a_wrong_command_says_what_would_be_right(net):
    before = in_force(net)
    for arguments, said in WRONG:
        assert said in refused(net, *arguments), arguments
    assert in_force(net) == before


# ---- gateways ----

def test_a_gateway_is_made_carries_packets_and_is_deleted(net, web):
    begun = time.monotonic()
    net.natgwd.ctl("gateways", "create", "nat-b", "--private-ip", "10.0.1.253", "--eip", EIP2,
                   "--subnet", CLI2 + "/32", "--wait")
    assert time.monotonic() - begun < 2
    assert gateway(net, "nat-b")["state"] == "available"
    servers.curl(net.cli2, f"http://{SRV1}/page")
    assert EIP2 in web[0].addresses()
    ctl(net, "gateways", "tag", "nat-b", "team=web", "zone=1")
    ctl(net, "gateways", "tag", "nat-b", "zone=")
    assert gateway(net, "nat-b")["tags"] == {"team": "web"}
    ctl(net, "gateways", "delete", "nat-b")
    later(net, 2000)
    net.natgwd.sweep()
    net.natgwd.sweep()
    [route] = [row for row in ctl(net, "routes", "list")["routes"]
               if (row["table"], row["to"]) == ("nat-b", "0.0.0.0/0")]
    assert route["state"] == "blackhole"
    before = net.natgwd.settled_stats()
    datagrams(net, net.cli2, [])
    assert (net.natgwd.settled_stats() - before).dropped("blackhole") == 1
    ctl(net, "eips", "attach", "nat-a", EIP2)
    ctl(net, "routes", "replace", "nat-b", "0.0.0.0/0", "gateway:nat-a")
    servers.curl(net.cli2, f"http://{SRV1}/page")


def test_an_eip_that_is_detached_drains(net, web):
    ctl(net, "gateways", "create", "nat-b", "--private-ip", "10.0.1.253", "--eip", "100.64.1.1",
        "--subnet", CLI2 + "/32")
    ctl(net, "eips", "attach", "nat-b", "100.64.1.2-100.64.1.3")
    assert set(eips(net, "nat-b")) == {"100.64.1.1", "100.64.1.2", "100.64.1.3"}
    ctl(net, "eips", "detach", "nat-b", "100.64.1.2,100.64.1.3", "--drain", "30")
    with net.cli2.connect(SRV1, 80) as held:
        ctl(net, "eips", "attach", "nat-b", "100.64.1.9")
        dry = ctl(net, "eips", "detach", "nat-b", "100.64.1.1", "--dry-run")
        [ending] = dry["sessions_ending"]
        assert (ending["eip"], ending["sessions"]) == ("100.64.1.1", 1)
        ctl(net, "eips", "detach", "nat-b", "100.64.1.1", "--drain", "4")
        servers.request(held)
        net.natgwd.sweep()
        assert eips(net, "nat-b")["100.64.1.1"] == "disassociating"
        with net.cli2.connect(SRV2, 80) as other:
            servers.request(other)
        before = net.natgwd.settled_stats()
        later(net, 5)
        held.sendall(b"GET /page HTTP/1.1\r\nHost: natgw\r\n\r\n")
        wait_for(lambda: (net.natgwd.stats() - before).dropped("drain_expired") > 0,
                 "the end of the session")
    later(net, 2000)
    net.natgwd.sweep()


# ---- saving ----

def test_a_change_is_saved_in_the_canonical_form(net, config):
    path = net.natgwd.config_file
    os.chmod(path, 0o640)
    ctl(net, "eips", "attach", "nat-a", EIP2)
    answer = ctl(net, "gateways", "tag", "nat-a", "team=web", "--save")
    assert answer["saved"] and answer["save_error"] is None
    with open(path, encoding="ascii") as file:
        text = file.read()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert os.listdir(net.folder).count("natgw.yaml") == 1
    assert not [name for name in os.listdir(net.folder) if name.startswith("natgw.yaml.")]
    assert text == run(NATGWD, "--print", path).stdout and f"{EIP}-{EIP2}" in text
    generation = net.natgwd.status()["config_generation"]
    net.natgwd.process.send_signal(1)
    wait_for(lambda: net.natgwd.status()["config_generation"] > generation, "reload")
    assert gateway(net)["tags"] == {"team": "web"} and set(eips(net)) == {EIP, EIP2}


def test_what_a_restart_would_bring_is_saved_too(net, config):
    text = config.text().replace("16384", "32768")
    status, answer = post(net, "/v1/apply?save=1", text)
    assert status == 200 and answer["restart"] == ["limits.sessions"]
    ctl(net, "eips", "attach", "nat-a", EIP2, "--save")
    with open(net.natgwd.config_file, encoding="ascii") as file:
        assert "sessions: 32768" in file.read()
    assert net.natgwd.status()["sessions_max"] == 16384


def test_a_file_that_was_edited_is_not_lost(net):
    path = net.natgwd.config_file
    with open(path, "a", encoding="ascii") as file:
        file.write("# by hand\n")
    result = net.natgwd.ctl("eips", "attach", "nat-a", EIP2, "--save", check=False)
    assert result.returncode == 1 and "in force, but not saved" in result.stderr
    assert "has been edited" in result.stderr and EIP2 in eips(net)
    with open(path, encoding="ascii") as file:
        assert file.read().endswith("# by hand\n")


def test_a_file_of_somebody_else_is_left_alone(net):
    path = net.natgwd.config_file
    net.natgwd.reload()
    os.chown(path, 65534, 65534)
    net.natgwd.process.send_signal(1)
    os.chmod(path, 0o644)
    generation = net.natgwd.status()["config_generation"]
    net.natgwd.process.send_signal(1)
    wait_for(lambda: net.natgwd.status()["config_generation"] > generation, "reload")
    try:
        result = net.natgwd.ctl("eips", "attach", "nat-a", EIP2, "--save", check=False)
        assert result.returncode == 1 and "cannot write" in result.stderr
        assert EIP2 in eips(net) and os.stat(path).st_uid == 65534
    finally:
        os.chown(path, 0, 0)


# ---- the switch ----

def see_blocked(net):
    before = net.natgwd.stats()
    datagrams(net, net.cli1, [])
    wait_for(lambda: (net.natgwd.stats() - before).dropped("blocked") > 0, "a blocked packet")
    assert gateway(net)["blocked"]
    assert 'natgw_gateway_blocked{gateway="nat-a"} 1' in net.natgwd.metrics()


def test_a_blocked_gateway_stays_blocked(net, web):
    with net.cli1.connect(SRV1, 80) as held:
        servers.request(held)
        ctl(net, "block", "on", "nat-a")
        see_blocked(net)
        net.natgwd.reload()
        net.natgwd.stop()
        net.natgwd.start()
        see_blocked(net)
        ctl(net, "block", "off")
        assert not gateway(net)["blocked"]
        before = net.natgwd.stats()
        servers.request(held)
        assert (net.natgwd.stats() - before).dropped("blocked") == 0


# ---- under load ----

class Sender(threading.Thread):
    """Datagrams from cli1 to SRV1, each a session of its own; what came is counted by source."""

    ports = itertools.count(20000)

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.sent = 0
        self.ended = threading.Event()
        self.sources = {}
        with net.srv1.entered():
            self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            self.sink.bind(("0.0.0.0", PORT))
        self.sink.settimeout(0.5)

    def run(self):
        with self.net.cli1.entered():
            while not self.ended.is_set():
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                    one.bind(("0.0.0.0", next(self.ports)))
                    one.sendto(b"natgw", (SRV1, PORT))
                self.sent += 1
                time.sleep(0.001)  # a client may have 2,048 unreplied sessions

    def finish(self):
        self.ended.set()
        self.join()
        try:
            while True:
                source = self.sink.recvfrom(64)[1][0]
                self.sources[source] = self.sources.get(source, 0) + 1
        except TimeoutError:
            pass
        self.sink.close()
        return self.sources


def forget_sessions(net):
    """Those of the test before, which count for quotas."""
    later(net, 2000)
    net.natgwd.sweep()


def while_sending(net, change):
    """Calls change(number) again and again while packets pass; what came, by source."""
    forget_sessions(net)
    before = net.natgwd.settled_stats()
    sender = Sender(net)
    sender.start()
    end = time.monotonic() + RELOADS_S / 2
    count = 0
    while time.monotonic() < end:
        change(count)
        count += 1
    sources = sender.finish()
    assert sum(sources.values()) == sender.sent > 300
    assert (net.natgwd.settled_stats() - before).drops() == {}
    return sources, count


def test_routes_are_replaced_without_a_moment_of_none(net):
    ctl(net, "gateways", "create", "nat-b", "--private-ip", "10.0.1.253", "--eip", "100.64.1.20")

    def change(number):
        target = ("gateway:nat-b", "gateway:nat-a")[number % 2]
        status, answer = post(net, "/v1/routes/replace",
                              {"table": "private-a", "to": "0.0.0.0/0", "target": target})
        assert status == 200, answer

    sources, count = while_sending(net, change)
    assert set(sources) == {EIP, "100.64.1.20"} and count > 20


def test_no_packet_sees_old_and_new_rules_mixed(net, config):
    """The rule that all packets meet stands first in one list and last in the other."""
    meets = f"  - {{snat: {{gateway: nat-a, to: {SRV1}/32, eips: [{EIP2}]}}}}\n"
    others = "".join(f"  - {{snat: {{gateway: nat-a, to: 192.0.2.{i}/32, eips: [{EIP}]}}}}\n"
                     for i in range(120))
    texts = [config.text() + "rules:\n" + text for text in (meets + others, others + meets)]

    def change(number):
        status, answer = post(net, "/v1/apply", texts[number % 2])
        assert status == 200, answer

    change(0)
    sources, count = while_sending(net, change)
    assert set(sources) == {EIP2} and count > 10


def download(net, web, seconds, rate, change):
    """A download of rate MB/s while change(number) is called; how often, and in which time."""
    original = web.add_file("file", int(seconds * rate))
    copy = net.path("copy")
    process = net.cli1.start("curl", "-sS", "-m", "100", "--limit-rate", f"{rate}M", "-o", copy,
                             f"http://{SRV1}/file")
    begun = time.monotonic()
    count = 0
    while process.poll() is None:
        change(count)
        count += 1
    took = time.monotonic() - begun
    assert process.returncode == 0 and servers.file_hash(copy) == original
    os.unlink(copy)
    os.unlink(web.path("file"))
    return count, took


def reload_under_load(net, web, seconds, rate):
    """By signal and by command in turn, a hundred a second, while a download runs."""
    forget_sessions(net)
    text = net.natgwd.config.text()
    texts = [text, text + "reply_ping: true\n"]
    generation = net.natgwd.status()["config_generation"]
    before = net.natgwd.settled_stats()
    began = time.monotonic()

    def change(number):
        wait = began + number * 0.01 - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        if number % 2:
            net.natgwd.process.send_signal(1)
            return
        status, answer = post(net, "/v1/apply", texts[number // 2 % 2])
        assert status == 200, answer

    count, took = download(net, web[0], seconds, rate, change)
    applied = net.natgwd.status()["config_generation"] - generation
    assert applied > 0.7 * count
    print(f"{count} reloads asked for and {applied} done in {took:.1f} s: {applied / took:.0f}/s")
    assert (net.natgwd.settled_stats() - before).drops() == {}


def test_reloads_under_load_lose_nothing(net, web):
    reload_under_load(net, web, RELOADS_S, 40)


@pytest.mark.long
def test_reloads_under_load_lose_nothing_for_a_while(net, web):
    reload_under_load(net, web, 40, 5)
