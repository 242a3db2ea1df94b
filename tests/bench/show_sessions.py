#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long `natgwctl sessions` takes over a million sessions, beside `conntrack -L` on as many.

Usage: show_sessions.py --build FOLDER [--sessions N]. Prints one JSON object. While natgwctl reads,
a ping through the gateway goes on at 100 a second, and natgwd is asked for its status all the time:
the pings that are lost and the longest wait for an answer are said, too.
"""
import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

import fill
from gateway_path import NATGW_XDP, NFT, SERVER, Path, clear_leftovers
from hosts import run

COMMANDS = {
    "text": (),
    "json": ("--json",),
    "sorted": ("--sort", "idle", "--limit", "20"),
    "filtered": ("--client", "10.0.1.20", "--port", "2000"),
}
PING_MS = 10
LIMIT = "/proc/sys/net/netfilter/nf_conntrack_max"


def timed(*command):
    """Seconds that a command takes, its lines, and its CPU time."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        lines = sum(part.count(b"\n") for part in iter(lambda: process.stdout.read(1 << 20), b""))
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        sys.exit(f"{command[0]}: status {status}")
    return {"seconds": round(time.monotonic() - start, 2), "lines": lines,
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 2)}


class Probe:
    """A ping through the gateway, and natgwd's patience with others."""

    def __init__(self, path):
        self.path = path
        self.ping = path.cli.start("ping", "-q", "-i", str(PING_MS / 1000), SERVER,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.waits = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.over.wait(0.02):
            start = time.monotonic()
            run("curl", "-sS", "--fail", "-o", "/dev/null", "--unix-socket", self.path.socket,
                "http://natgw/v1/status")
            self.waits.append(time.monotonic() - start)

    def end(self):
        self.over.set()
        self.thread.join()
        self.ping.send_signal(2)
        text = self.ping.communicate(timeout=10)[0]
        sent, received = re.search(rb"(\d+) packets transmitted, (\d+) received", text).groups()
        longest = re.search(rb"= [\d.]+/[\d.]+/([\d.]+)/", text).group(1)
        return {"pings": int(sent), "lost": int(sent) - int(received),
                "longest_ms": float(longest), "status_asked": len(self.waits),
                "status_longest_ms": round(1000 * max(self.waits), 1)}


def natgw(build, folder, count):
    """Every command's time, and what the probe has felt."""
    result = {}
    with Path(NATGW_XDP, build, folder, count + count // 8) as path:
        result["sessions"] = fill.fill(path, count)
        program = (os.path.join(build, "natgwctl"), "--socket", path.socket, "sessions")
        for name, options in COMMANDS.items():
            probe = Probe(path)
            result[name] = timed(*program, *options)
            result[name]["probe"] = probe.end()
        result["cat"] = timed("cat", os.path.join(path.pins, "sessions"))
    return result


@contextlib.contextmanager
def room_for(count):
    """conntrack's limit is that of the machine: raised for this time where it is too low."""
    with open(LIMIT, encoding="ascii") as file:
        before = int(file.read())
    try:
        if before < count + count // 8:
            with open(LIMIT, "w", encoding="ascii") as file:
                file.write(str(count + count // 8))
        yield
    finally:
        with open(LIMIT, "w", encoding="ascii") as file:
            file.write(str(before))


def conntrack(build, folder, count):
    with room_for(count), Path(NFT, build, folder) as path:
        made = fill.fill(path, count)
        return {"sessions": made, **timed(*path.gw.command("conntrack", "-L"))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--sessions", type=int, default=1000000)
    arguments = parser.parse_args()
    clear_leftovers()
    with tempfile.TemporaryDirectory(prefix="natgw-bench-") as folder:
        ours = natgw(arguments.build, folder, arguments.sessions)
        theirs = conntrack(arguments.build, folder, arguments.sessions)
    print(json.dumps({"natgw": ours, "conntrack": theirs,
                      "ratio": round(ours["text"]["seconds"] / theirs["seconds"], 2)}, indent=1))


if __name__ == "__main__":
    main()
