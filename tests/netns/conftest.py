# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the namespace tests, the law that every test is checked by, and the skip list."""
import contextlib
import faulthandler
import fnmatch
import os
import signal
import sys
import threading

import pytest

import daemon
import hosts
import servers
import topology

ATTACH = ("xdp", "tc")
TEST_LIMIT_S = 180
EXPECTED_SKIPS = os.path.join(daemon.ROOT, "tests", "expected_skips")


# Their verdict depends on how much of the machine they get, or on all that runs on it.
ALONE = ("test_restart", "test_rate_limit", "test_hostile", "test_holddown", "test_redan",
         "test_drain", "test_harness", "test_quota", "test_upgrade")


# What these show is decided by natgwd, or by code that both hooks share and that the tests of bpf/
# run at both: one way of attaching is enough, the other one is left to the long tier.
ONE_WAY = {"test_acl": "xdp", "test_arp": "xdp", "test_audit": "xdp", "test_aviatrix": "xdp",
           "test_bastion": "tc", "test_describe": "tc", "test_drain": "tc",
           "test_drop_samples": "xdp", "test_fill": "xdp", "test_ftp": "xdp", "test_gateways": "tc",
           "test_guard": "xdp", "test_holddown": "xdp", "test_hostile": "xdp", "test_inspect": "tc",
           "test_install": "tc", "test_natdiscovery": "tc", "test_quota": "xdp",
           "test_rate_limit": "xdp", "test_redan": "tc", "test_route_tables": "tc",
           "test_shared_eip": "tc", "test_top": "tc", "test_upgrade": "xdp"}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in ALONE:
            item.add_marker("alone")
        ways = getattr(item, "callspec", None) and item.callspec.params
        way = ways and (ways.get("net") or ways.get("fresh_net"))
        if way in ATTACH and way != ONE_WAY.get(item.path.stem, way):
            item.add_marker("long")


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    if os.geteuid() != 0:
        pytest.exit("the namespace tests need root", returncode=1)
    for program in (daemon.NATGWD, daemon.NATGWCTL):
        if not os.access(program, os.X_OK):
            pytest.exit(f"{program} is not built: make", returncode=1)
    if not os.path.ismount(hosts.BPFFS):
        hosts.run("mount", "-t", "bpf", "bpf", hosts.BPFFS)


# ---- fixtures ----

def make_net(request, name, attach):
    module = request.module
    net = topology.Topology(name, getattr(module, "LAYOUT", "bridge"), attach)
    for key, value in getattr(module, "CONFIG", {}).items():
        setattr(net.natgwd.config, key, value)
    return net


@pytest.fixture(scope="module", params=ATTACH)
def net(request):
    """One network with a running natgwd for all tests of a module, with XDP and with tc."""
    with make_net(request, request.module.__name__.rpartition("test_")[2], request.param) as made:
        made.natgwd.start()
        yield made


@pytest.fixture(params=ATTACH)
def fresh_net(request):
    """A network and a natgwd for one test alone."""
    with make_net(request, request.function.__name__[len("test_"):], request.param) as made:
        made.natgwd.start()
        yield made


@pytest.fixture(scope="module")
def web(net):
    """nginx on both servers, with a small page."""
    started = [servers.Nginx(net, net.srv1), servers.Nginx(net, net.srv2)]
    for server in started:
        server.write("page", b"natgw\n")
    return started


@pytest.fixture(scope="module")
def iperf(net):
    for server in (net.srv1, net.srv2):
        servers.start_iperf3(net, server)


# ---- every test is bounded in time, checked against the conservation law, and audited ----

def on_alarm(_number, _frame):
    raise TimeoutError(f"the test takes longer than {TEST_LIMIT_S} s")


def networks(item):
    return [value for value in item.funcargs.values() if isinstance(value, topology.Topology)]


def check(net):
    """The laws that hold after every test."""
    net.natgwd.ledger.check()
    found = net.natgwd.audit()
    assert not found, "audit: " + "; ".join(found)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with time_limit():
        run_test(pyfuncitem, arguments)
    return True


@contextlib.contextmanager
def time_limit():
    """Ends the test; or, where pytest-xdist runs it in a thread, the process, with a traceback."""
    if threading.current_thread() is not threading.main_thread():
        faulthandler.dump_traceback_later(TEST_LIMIT_S, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
        return
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(TEST_LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)


def run_test(pyfuncitem, arguments):
    try:
        pyfuncitem.obj(**arguments)
    except BaseException:
        print_violations(pyfuncitem)
        raise
    else:
        for net_of_test in networks(pyfuncitem):
            check(net_of_test)
    finally:
        for net_of_test in networks(pyfuncitem):
            net_of_test.natgwd.not_audited = ()


def print_violations(item):
    """The test has failed already: a violation is one more hint, not the result."""
    for net_of_test in networks(item):
        try:
            check(net_of_test)
        except Exception as error:
            print(error, file=sys.stderr)


# ---- skips ----

def expected_skips():
    """Lines `glob: reason` of tests/expected_skips."""
    if not os.path.exists(EXPECTED_SKIPS):
        return []
    with open(EXPECTED_SKIPS, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [line.split(": ", 1)[0] for line in lines if line and not line.startswith("#")]


def skip_is_expected(nodeid):
    name = nodeid if nodeid.startswith("tests/") else "tests/netns/" + nodeid
    return any(name == pattern or fnmatch.fnmatchcase(name, pattern)
               for pattern in expected_skips())


def refuse_skip(report):
    if report.skipped and not skip_is_expected(report.nodeid):
        report.outcome = "failed"
        report.longrepr = f"skipped, but not listed in tests/expected_skips: {report.longrepr}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report():
    outcome = yield
    refuse_skip(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    refuse_skip(report)
    if report.failed:
        for net_of_test in networks(item):
            report.sections.append(("natgwd", net_of_test.natgwd.log()[-4000:]))
