# SPDX-License-Identifier: GPL-2.0-only
"""Fail closed: without the NAT programs nothing leaves untranslated (principle 9)."""
import json
import os

import pytest

import servers
import topology
from hosts import CLI1, SRV1, run, wait_for


def remove_nat_programs(net):
    """What no user should do: the XDP links and the main tc filters away, the guard left alone."""
    for name in os.listdir(net.natgwd.config.pin_path):
        shown = run("bpftool", "-j", "link", "show", "pinned", net.natgwd.pin(name), check=False)
        if shown.returncode == 0 and json.loads(shown.stdout or "{}").get("type") == "xdp":
            run("bpftool", "link", "detach", "pinned", net.natgwd.pin(name))
    for interface in net.interfaces:
        for hook in ("ingress", "egress"):
            run("tc", "-n", net.gw.name, "filter", "delete", "dev", interface, hook, "pref", "1",
                check=False)
    net.natgwd.ledger.xdp_removed = True
    assert "xdp" not in "".join(net.gw.ip("link", "show", name) for name in net.interfaces)


def test_without_programs_the_guard_drops_and_counts(fresh_net):
    net = fresh_net
    web = servers.Nginx(net, net.srv1)
    web.write("page", b"natgw\n")
    servers.curl(net.cli1, f"http://{SRV1}/page")
    before = net.natgwd.settled_stats()
    net.natgwd.kill()
    remove_nat_programs(net)
    with servers.Capture(net, net.router, "ext0", f"src host {CLI1} or src net 10.0.0.0/8") as seen:
        assert servers.ping(net.cli1, SRV1, count=5).received == 0
        assert servers.curl(net.cli1, f"http://{SRV1}/page", timeout=1, check=False).returncode
    assert seen.count() == 0
    net.natgwd.start()
    since = net.natgwd.settled_stats() - before
    assert since.dropped("guard", hook="tc_egress") >= 6
    servers.curl(net.cli1, f"http://{SRV1}/page", timeout=5)
    assert servers.ping(net.cli1, SRV1).received == 3


@pytest.mark.parametrize("attach", ["xdp", "tc"])
def test_on_failure_open_lets_private_sources_pass(attach):
    with topology.Topology("open", attach=attach) as net:
        net.natgwd.config.more = ["on_failure: open"]
        net.natgwd.start()
        net.natgwd.kill()
        remove_nat_programs(net)
        with servers.Capture(net, net.router, "ext0", f"icmp and src host {CLI1}") as seen:
            servers.ping(net.cli1, SRV1)
        assert seen.count() == 3
        net.natgwd.ledger.check()
        assert servers.ping(net.cli1, SRV1).received == 3


def test_the_host_itself_is_not_hindered_by_the_guard(fresh_net):
    net = fresh_net
    net.natgwd.kill()
    remove_nat_programs(net)
    assert servers.ping(net.gw, SRV1).received == 3


@pytest.mark.parametrize("attach", ["xdp", "tc"])
def test_nothing_leaves_untranslated_while_natgwd_attaches(attach):
    """First start, kill and restart under traffic: a private source is never seen outside."""
    with topology.Topology("attaching", attach=attach) as net:
        pings = net.keep(servers.start_ping(net.cli1, SRV1, 10**6, 0.002))
        with servers.Capture(net, net.router, "ext0", "src net 10.0.0.0/8") as seen:
            net.natgwd.start(open_ledger=False)
            net.natgwd.kill()
            net.natgwd.start()
            wait_for(lambda: net.natgwd.stats().out() > 100, "translated pings")
        servers.end_ping(pings)
        assert seen.count() == 0
