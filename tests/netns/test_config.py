# SPDX-License-Identifier: GPL-2.0-only
"""Wrong configs: one line with file:line:column, exit status not 0, nothing attached."""
import glob
import os
import re

import pytest

import daemon
import topology
from hosts import run

BAD_FILES = sorted(glob.glob(os.path.join(daemon.ROOT, "tests", "config", "bad", "*.yaml")))
PLACE = re.compile(r"(\S+):(\d+):(\d+): \S.*")

# (what is wrong, text in the good config, its replacement, line of the error)
EDITS = [
    ("unknown-key", "attach:", "atach:", 4),
    ("unknown-attach", "attach: xdp", "attach: fast", 4),
    ("reversed-range", "[198.51.100.50]", "[198.51.100.60-198.51.100.50]", 8),
    ("bad-address", "[198.51.100.50]", "[198.51.100.500]", 8),
    ("eip-twice", "[198.51.100.50]", "[198.51.100.50, 198.51.100.48/30]", 8),
    ("eip-in-internal-prefix", "[198.51.100.50]", "[10.0.1.50]", 11),
    ("bad-prefix", "[10.0.1.0/24]", "[10.0.1.0/33]", 11),
    ("host-bits", "[10.0.1.0/24]", "[10.0.1.7/24]", 11),
    ("unknown-gateway", "gateway:nat-a", "gateway:nat-b", 13),
    ("unknown-target", "gateway:nat-a", "somewhere", 13),
    ("sessions", "sessions: 16384", "sessions: 5", 14),
    ("not-yaml", "limits: {sessions", "limits: {{sessions", 15),
]


def assert_one_line_with_place(result, file, line=None):
    assert result.returncode != 0
    lines = (result.stdout + result.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    match = PLACE.search(lines[0])
    assert match, lines[0]
    assert match.group(1).endswith(os.path.basename(file))
    if line is not None:
        assert int(match.group(2)) == line, lines[0]


def check(net, file):
    return net.gw.run(daemon.NATGWD, "--check", file, check=False)


def test_there_are_at_least_twenty_bad_files():
    assert len(BAD_FILES) >= 20


@pytest.mark.parametrize("file", BAD_FILES, ids=[os.path.basename(name) for name in BAD_FILES])
def test_check_refuses_a_bad_file(file):
    """Its first line says where the error is, and a part of the message."""
    with open(file, encoding="utf-8") as source:
        place, text = re.match(r"# expect: (\d+:\d+): (.*)", source.readline()).groups()
    result = run(daemon.NATGWD, "--check", file, check=False)
    assert_one_line_with_place(result, file)
    shown = result.stdout + result.stderr
    assert f"{file}:{place}: " in shown and text in shown


@pytest.fixture(scope="module")
def idle_net():
    """A network in which natgwd has never run."""
    with topology.Topology("config") as made:
        yield made


def assert_nothing_attached(net):
    assert net.attached() == []
    assert not os.path.exists(net.natgwd.config.pin_path)


@pytest.mark.parametrize("edit", EDITS, ids=[edit[0] for edit in EDITS])
def test_natgwd_does_not_start_with_a_bad_file(idle_net, edit):
    _name, old, new, line = edit
    text = daemon.Config(idle_net).text()
    assert old in text
    file = idle_net.path("bad.yaml")
    with open(file, "w", encoding="ascii") as output:
        output.write(text.replace(old, new, 1))
    assert_one_line_with_place(check(idle_net, file), file, line)
    result = idle_net.gw.run(daemon.NATGWD, "--config", file, check=False)
    assert_one_line_with_place(result, file, line)
    assert_nothing_attached(idle_net)


def test_natgwd_does_not_start_without_its_interface(idle_net):
    file = idle_net.path("missing.yaml")
    with open(file, "w", encoding="ascii") as output:
        output.write(daemon.Config(idle_net).text().replace("ext0", "ext7"))
    result = idle_net.gw.run(daemon.NATGWD, "--config", file, check=False)
    assert_one_line_with_place(result, file, 2)
    assert "ext7" in result.stdout + result.stderr
    assert_nothing_attached(idle_net)


def test_a_missing_file_is_named(idle_net):
    result = idle_net.gw.run(daemon.NATGWD, "--config", "/nonexistent/natgw.yaml", check=False)
    assert result.returncode != 0
    assert "/nonexistent/natgw.yaml" in result.stderr


def test_the_good_file_is_accepted_and_its_print_reads_back(idle_net):
    file = idle_net.path("good.yaml")
    with open(file, "w", encoding="ascii") as output:
        output.write(daemon.Config(idle_net).text())
    assert check(idle_net, file).returncode == 0
    printed = run(daemon.NATGWD, "--print", file).stdout
    with open(file, "w", encoding="ascii") as output:
        output.write(printed)
    assert run(daemon.NATGWD, "--print", file).stdout == printed
