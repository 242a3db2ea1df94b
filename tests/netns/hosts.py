# SPDX-License-Identifier: GPL-2.0-only
"""A host of the test network: a namespace, what runs in it, and the addresses that all know."""
import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import time

BPFFS = "/sys/fs/bpf"
CLONE_NEWNET = 0x40000000
IP_RECVERR = 11
LIBC = ctypes.CDLL(None, use_errno=True)
ENVIRONMENT = dict(os.environ, LC_ALL="C")

CLI1, CLI2 = "10.0.1.10", "10.0.1.11"
CLI2_TWO = "10.0.2.10"  # cli2 in layout "two"
GW_INTERNAL, GW_INTERNAL2 = "10.0.1.1", "10.0.2.1"
PRIVATE_IP = "10.0.1.254"
GW_EXTERNAL, ROUTER = "198.51.100.2", "198.51.100.1"
EIP, EIP2 = "198.51.100.50", "198.51.100.51"
ROUTER_SERVERS = "203.0.113.1"
SRV1, SRV2 = "203.0.113.10", "203.0.113.11"


def wait_for(condition, what, timeout=5.0, pause=0.02):
    """Returns the first true value of condition(); an AssertionError names what never came."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(pause)


def run(*command, timeout=30, check=True, text=True, stdin=None):
    """Runs a program to its end; with check, an exit status other than 0 is an AssertionError."""
    result = subprocess.run(command, timeout=timeout, capture_output=True, text=text, input=stdin,
                            env=ENVIRONMENT, check=False)
    assert not check or result.returncode == 0, (
        f"{' '.join(command)}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result


class Namespace:
    """One host of the test network."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"

    def command(self, *command):
        return ("nsenter", f"--net={self.path}", *command)

    def run(self, *command, **keywords):
        return run(*self.command(*command), **keywords)

    def start(self, *command, **keywords):
        """A program in the background, its pid that of the program itself; the caller ends it."""
        return subprocess.Popen(self.command(*command), env=ENVIRONMENT, **keywords)

    def ip(self, *arguments, **keywords):
        return run("ip", "-n", self.name, *arguments, **keywords).stdout

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in this namespace; sockets made there stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            self._setns(there)
            try:
                yield
            finally:
                self._setns(home)

    @staticmethod
    def _setns(file):
        if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def socket(self, kind=socket.SOCK_STREAM, bind=None, timeout=5.0):
        with self.entered():
            sock = socket.socket(socket.AF_INET, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(timeout)
        if bind:
            sock.bind(bind)
        return sock

    def connect(self, address, port, bind=None, timeout=5.0):
        sock = self.socket(bind=bind, timeout=timeout)
        try:
            sock.connect((address, port))
        except OSError:
            sock.close()
            raise
        return sock

    def send_datagram(self, address, port, bind=None):
        """The errno that a datagram comes back with, as an ICMP error of whatever kind; 0: none."""
        with self.socket(socket.SOCK_DGRAM, bind=bind, timeout=3) as sock:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            sock.connect((address, port))
            sock.send(b"natgw")
            try:
                sock.recv(1)
            except TimeoutError:
                return 0
            except OSError as error:
                return error.errno
        return 0

    def sysctl(self, key, value):
        with self.entered(), open("/proc/sys/" + key.replace(".", "/"), "w",
                                  encoding="ascii") as file:
            file.write(str(value))

    def read_sysctl(self, key):
        with self.entered(), open("/proc/sys/" + key.replace(".", "/"), encoding="ascii") as file:
            return file.read().strip()

    def mac(self, interface):
        return re.search(r"link/ether (\S+)", self.ip("link", "show", interface)).group(1)

    def send_frame(self, interface, frame):
        """Puts one Ethernet frame on the wire as it is."""
        with self.entered():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with sock:
            sock.bind((interface, 0))
            sock.send(bytes(frame))

    def pids(self):
        return [int(pid) for pid in run("ip", "netns", "pids", self.name).stdout.split()]


def process_lives(pid):
    """False for a zombie, too: what is left of it is its parent's business."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end_processes(pids):
    """Kills processes by their ids and waits until they are gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        wait_for(lambda ended=pid: not process_lives(ended), f"the end of process {pid}")
