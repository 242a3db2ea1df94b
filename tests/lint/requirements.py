#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks docs/requirements.md and docs/rfc-compliance.md: every number has exactly one row with a
state (done, planned, different); a `done` names a test that exists, a `different` says why.

A test is named in backquotes: `tests/netns/test_x.py::test_y`, or `tests/bpf/test_x.c: name` with
the name of a test function or the text of a case in its table.
"""
import os
import re
import sys

STATES = ("done", "planned", "different")


def numbered(prefix, last):
    return ["%s%d" % (prefix, number) for number in range(1, last + 1)]


REQUIREMENTS = numbered("", 102) + ["65a"] + numbered("B-", 40)
RFC_ROWS = (numbered("U", 15) + numbered("T", 10) + numbered("I", 10) + ["I3a", "I3b", "I3c", "I3d"]
            + numbered("C", 15) + numbered("P", 11) + numbered("O", 23))

# file, its identifiers, column of the state, number of columns
TABLES = (
    ("docs/requirements.md", REQUIREMENTS, 2, 4),
    ("docs/rfc-compliance.md", RFC_ROWS, 3, 5),
)

IDENTIFIER = re.compile(r"(?:[A-Z]-?)?[0-9]+[a-z]?$")
CODE = re.compile(r"`([^`]*)`")
TEST_NAME = re.compile(r"(tests/[^\s:]+)(?:::|: )(.+)$")


class Report:
    """Findings, printed as they come."""

    def __init__(self):
        self.count = 0

    def add(self, path, line, text):
        self.count += 1
        print("%s:%d: %s" % (path, line, text))


def read_rows(path):
    """Yields (line number, cells) of every table row whose first cell is an identifier."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.startswith("|"):
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
            if cells and IDENTIFIER.match(cells[0]):
                yield number, cells


def has_name(path, name):
    """True when every part of a test's name stands in its file, as a whole word."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    parts = re.sub(r"\[.*\]$", "", name).split("::")
    return all(re.search(r"(?<!\w)%s(?!\w)" % re.escape(part.strip()), text) for part in parts)


def check_tests(path, line, text, report):
    """Checks the tests that a cell names; returns how many of them exist."""
    good = 0
    for code in CODE.findall(text):
        if not code.startswith("tests/"):
            continue
        match = TEST_NAME.match(code)
        if not match:
            report.add(path, line, "`%s` names no test, only a file" % code)
        elif not os.path.isfile(match.group(1)):
            report.add(path, line, "test file %s does not exist" % match.group(1))
        elif not has_name(match.group(1), match.group(2)):
            report.add(path, line, "no test '%s' in %s" % (match.group(2), match.group(1)))
        else:
            good += 1
    return good


def check_row(path, line, cells, state_column, report):
    state, text = cells[state_column], cells[-1]
    bad_before = report.count
    good = check_tests(path, line, text, report)

    if not all(cells[1:state_column]):
        report.add(path, line, "row %s says nothing" % cells[0])
    if state not in STATES:
        report.add(path, line, "row %s: state '%s' is none of %s"
                   % (cells[0], state, ", ".join(STATES)))
    elif state == "done" and not good and report.count == bad_before:
        report.add(path, line, "row %s is done but names no test" % cells[0])
    elif state == "different" and not CODE.sub("", text).strip(" .,;"):
        report.add(path, line, "row %s is different but gives no reason" % cells[0])
    elif state == "planned" and not text:
        report.add(path, line, "row %s is planned but does not say where" % cells[0])


def check_table(path, identifiers, state_column, columns, report):
    if not os.path.isfile(path):
        report.add(path, 1, "does not exist")
        return
    seen = {}
    for line, cells in read_rows(path):
        name = cells[0]
        if name not in identifiers:
            report.add(path, line, "there is no number %s" % name)
        if name in seen:
            report.add(path, line, "number %s stands in line %d already" % (name, seen[name]))
        seen.setdefault(name, line)
        if len(cells) != columns:
            report.add(path, line, "row %s has %d columns, not %d" % (name, len(cells), columns))
        else:
            check_row(path, line, cells, state_column, report)
    for name in identifiers:
        if name not in seen:
            report.add(path, 1, "number %s is missing" % name)


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../.."))
    report = Report()
    for table in TABLES:
        check_table(*table, report)
    return 1 if report.count else 0


if __name__ == "__main__":
    sys.exit(main())
