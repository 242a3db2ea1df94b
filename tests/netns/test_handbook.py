# SPDX-License-Identifier: GPL-2.0-only
"""docs/operations.md says what is so: reasons, commands, figures, links."""
import os
import re

import pytest

import hosts
from daemon import NATGWCTL, NATGWD, ROOT

HANDBOOK = os.path.join(ROOT, "docs", "operations.md")
VERDICTS = os.path.join(ROOT, "include", "natgw_verdict.h")
CONFIG = """\
interfaces: {{external: lo, internal: lo}}
gateways:
  - {{name: a, private_ip: 10.0.1.1, eips: [203.0.113.10], profile: {profile}}}
route_tables:
  - name: t
    subnets: [10.0.1.0/24]
    routes: [{{to: 0.0.0.0/0, target: "gateway:a"}}]
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def section(title):
    text = read(HANDBOOK).partition(f"\n## {title}\n")[2]
    return text.partition("\n## ")[0]


def rows(text):
    """Cells of the rows of all tables, without their heads."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and not set(cells[0]) <= set("-"):
            yield cells


def test_every_drop_reason_is_explained():
    header = read(VERDICTS).replace("\\\n", " ")
    reasons = re.findall(r"X\(\w+,\s*DROP,\s*\"(\w+)\"", header)
    assert len(reasons) >= 40
    explained = {cells[0].strip("`"): cells[1:]
                 for cells in rows(section("What each drop reason means"))}
    explained.pop("Reason")
    assert sorted(explained) == sorted(reasons)
    assert all(meaning and action for meaning, action in explained.values())


def known_commands():
    listed = hosts.run(NATGWCTL, "--help").stdout.partition("commands:\n")[2]
    for line in listed.partition("\n\n")[0].splitlines():
        name = re.match(r"  ((?:[a-z][a-z-]*(?: |$))+)", line)
        if name:
            yield name.group(1).strip()


def calls_in(text):
    """Every call of natgwctl that a page shows, without what stands in front and behind."""
    shown = "\n".join(re.findall(r"`[^`\n]+`|^(?:# |\.Dl )?natgwctl.*", text, re.MULTILINE))
    for call in re.findall(r"natgwctl +([^`\n|#&;(]*)", shown):
        words = call.split()
        while words and words[0].startswith("--"):  # of natgwctl itself
            words = words[2 if words[0] == "--socket" else 1:]
        if words:
            yield words


@pytest.mark.parametrize("page", ["docs/operations.md", "README.md", "man/natgwctl.8.in"])
def test_commands_that_it_names_are_there(page):
    known = set(known_commands())
    calls = list(calls_in(read(os.path.join(ROOT, page)).replace(".Dl ", "")))
    assert calls
    for words in calls:
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), None)
        if not name:
            assert words == words[:1] and words[0] in {two.split()[0] for two in known}, words
            continue
        told = hosts.run(NATGWCTL, *name.split(), "--help").stdout
        for option in words:
            assert not option.startswith("--") or option.partition("=")[0] in told, words


def hold_and_ports(tmp_path, profile):
    file = tmp_path / f"{profile}.yaml"
    file.write_text(CONFIG.format(profile=profile))
    printed = hosts.run(NATGWD, "--print", str(file)).stdout
    ports = int(re.search(r"destination_ports: (\d+)", printed).group(1))
    holds = {name: int(value) for name, value in re.findall(r"hold_(fin|rst): (\d+)s", printed)}
    return ports, holds


def test_rates_follow_from_the_profiles(tmp_path):
    table = [cells for cells in rows(section("Sizing")) if cells[0] in ("FIN", "RST")]
    assert len(table) >= 6
    for end, profiles, ports, hold, rate in table:
        ports, hold = int(ports.replace(",", "")), int(hold.split()[0])
        assert float(rate.replace(",", "")) == pytest.approx(ports / hold, rel=0.01)
        for profile in profiles.split(", "):
            if re.fullmatch("[a-z]+", profile):
                natgw_ports, holds = hold_and_ports(tmp_path, profile)
                assert (natgw_ports, holds[end.lower()]) == (ports, hold), profile


def test_what_a_failure_takes_along_is_said():
    """Requirement 34."""
    text = section("Blast radius")
    for failure in ("natgwd (crash", "tc filters", "a wrong config", "one EIP", "one destination",
                    "the machine"):
        assert any(cells[0].startswith(failure) or failure in cells[0]
                   for cells in rows(text)), failure
    assert "Each zone" in text or "each zone" in text


def test_its_links_lead_somewhere():
    text = read(HANDBOOK)
    heads = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-")
             for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _mark, anchor = target.partition("#")
        if path:
            assert os.path.exists(os.path.join(ROOT, "docs", path)), target
        elif anchor:
            assert anchor in heads, target
