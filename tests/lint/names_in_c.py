#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints every identifier of the given C files that has a forbidden word among its parts."""
import re
import sys

FORBIDDEN = {
    "conntrack": "session",
    "flow": "session", "flows": "sessions",
    "vip": "eip", "vips": "eips",
    "inside": "internal", "outside": "external",
    "lan": "internal", "wan": "external",
}
# Its headers and constants.
OF_THE_KERNEL = re.compile(r"nf_conntrack_\w+|nfnetlink_conntrack|TCP_CONNTRACK_\w+")
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def blank(match):
    """Keeps the line numbers."""
    return re.sub(r"[^\n]", " ", match.group(0))


def check(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        code = NOT_CODE.sub(blank, file.read())
    for number, line in enumerate(code.split("\n"), 1):
        for name in sorted(set(IDENTIFIER.findall(line))):
            if OF_THE_KERNEL.fullmatch(name):
                continue
            for part in name.lower().split("_"):
                if part in FORBIDDEN:
                    print("%s:%d: name %s: say %s, not %s"
                          % (path, number, name, FORBIDDEN[part], part))


for argument in sys.argv[1:]:
    check(argument)
