# SPDX-License-Identifier: GPL-2.0-only
"""The harness is tested too: leftovers, skips and violations do not pass unseen."""
import os
import signal
import subprocess
import sys

import pytest

import topology
from hosts import BPFFS, Namespace, run, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))

SKIPS = """
import pytest

def test_skips():
    pytest.skip("because")
"""
BREAKS_THE_LAW = """
import types
import pytest
import topology

class Net(topology.Topology):
    def __init__(self):
        def check():
            raise AssertionError("conservation law: planted")
        self.natgwd = types.SimpleNamespace(ledger=types.SimpleNamespace(check=check),
                                            log=lambda: "")

@pytest.fixture
def net():
    return Net()

def test_says_nothing_of_it(net):
    pass
"""


def run_pytest(folder, text):
    (folder / "test_planted.py").write_text(text, encoding="ascii")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider",
         str(folder)], env=dict(os.environ, PYTHONPATH=HERE), cwd=folder, text=True,
        capture_output=True, timeout=60, check=False)


def test_a_skip_that_is_not_listed_fails(tmp_path):
    result = run_pytest(tmp_path, SKIPS)
    assert result.returncode == 1
    assert "not listed in tests/expected_skips" in result.stdout


def test_a_violation_of_the_law_fails_the_test(tmp_path):
    result = run_pytest(tmp_path, BREAKS_THE_LAW)
    assert result.returncode == 1
    assert "conservation law: planted" in result.stdout and "1 failed" in result.stdout


@pytest.fixture
def dead_pid():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_a_crashed_run_has_left_is_removed(dead_pid):
    left = Namespace(f"natgw-leftover-{dead_pid}-cli1")
    in_use = Namespace(f"natgw-leftover-{os.getpid()}-cli1")
    pin = f"{BPFFS}/natgw-leftover-{dead_pid}"
    os.mkdir(pin)
    for namespace in (left, in_use):
        run("ip", "netns", "add", namespace.name)
    sleeper = left.start("sleep", "60")
    wait_for(left.pids, "the process in the namespace")
    topology.remove_leftovers("leftover")
    assert not os.path.exists(left.path) and not os.path.exists(pin)
    assert sleeper.wait(1) == -signal.SIGKILL
    assert os.path.exists(in_use.path)
    topology.delete_namespace(in_use)


@pytest.mark.parametrize("layout", topology.LAYOUTS)
def test_a_topology_leaves_nothing_behind(layout):
    with pytest.raises(ZeroDivisionError):
        with topology.Topology("nothing-left", layout) as net:
            assert os.path.exists(net.gw.path)
            net.keep(net.srv1.start("sleep", "60"))
            raise ZeroDivisionError
    assert not [name for name in os.listdir("/run/netns") if net.ident in name]
    assert not os.path.exists(net.folder)
