# SPDX-License-Identifier: GPL-2.0-only
"""Programs that make and judge the tests' traffic: nginx, iperf3, coturn, trafgen, nft and more."""
import hashlib
import json
import os
import re
import shutil
import signal
import xml.etree.ElementTree as ElementTree

from hosts import wait_for

NGINX_CONFIG = """\
daemon off;
master_process off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
	log_format peer '$remote_addr $remote_port $request_method $uri $status';
	access_log {folder}/access.log peer;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/unused;
	fastcgi_temp_path {folder}/unused;
	uwsgi_temp_path {folder}/unused;
	scgi_temp_path {folder}/unused;
	client_max_body_size 0;
	sendfile on;
	reset_timedout_connection off;
	server {{
{listen}		root {folder}/www;
		location / {{ dav_methods PUT; }}
		location = /who {{ return 200 "$remote_addr $remote_port\n"; }}
	}}
}}
"""


def listens(namespace, port, protocol="tcp"):
    """Whether something in the namespace holds the port (the kernel's own list)."""
    with namespace.entered(), open(f"/proc/thread-self/net/{protocol}", encoding="ascii") as file:
        return any(re.match(rf"\s*\d+: [0-9A-F]+:{port:04X} ", line) for line in file)


def file_hash(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def make_file(path, megabytes):
    """A file without a pattern that a mistake could hide in; returns its hash."""
    block = os.urandom(16 << 20)
    with open(path, "wb") as file:
        while megabytes > 0:
            file.write(block[:min(megabytes, 16) << 20])
            megabytes -= 16
    return file_hash(path)


class Nginx:
    """A web server that logs the address and port it sees and takes uploads."""

    def __init__(self, net, namespace, ports=(80,)):
        self.folder = net.path("nginx-" + namespace.name.rsplit("-", 1)[1])
        os.makedirs(os.path.join(self.folder, "www"))
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            listen = "".join(f"\t\tlisten {port} backlog=4096;\n" for port in ports)
            file.write(NGINX_CONFIG.format(folder=self.folder, listen=listen))
        with open(os.path.join(self.folder, "stderr"), "wb") as log:
            self.process = net.keep(namespace.start("nginx", "-c", config, "-p", self.folder,
                                                    "-e", os.path.join(self.folder, "error.log"),
                                                    stderr=log))
        wait_for(lambda: all(listens(namespace, port) for port in ports), "nginx")

    def path(self, name):
        return os.path.join(self.folder, "www", name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def add_file(self, name, megabytes):
        return make_file(self.path(name), megabytes)

    def visits(self):
        """[(address, port, method, uri, status)] as the server saw them."""
        with open(os.path.join(self.folder, "access.log"), encoding="ascii") as file:
            rows = [line.split() for line in file]
        return [(row[0], int(row[1]), row[2], row[3], int(row[4])) for row in rows]

    def addresses(self):
        return {visit[0] for visit in self.visits()}


def start_iperf3(net, namespace, port=5201, command=("iperf3",)):
    log_path = net.path(f"iperf3-{namespace.name}-{port}")
    with open(log_path, "wb") as log:
        net.keep(namespace.start(*command, "-s", "-p", str(port), "--forceflush", stdout=log,
                                 stderr=log))
    wait_for(lambda: listens(namespace, port, "tcp6") or listens(namespace, port), "iperf3")


def iperf3_result(text):
    result = json.loads(text)
    assert "error" not in result, result["error"]
    return result


class Dnsmasq:
    """A real DNS server for one name."""

    NAME, ADDRESS = "host.natgw.example", "192.0.2.77"

    def __init__(self, net, namespace):
        self.log_path = net.path(f"dnsmasq-{namespace.name}")
        net.keep(namespace.start(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--user=root", "--group=root", "--pid-file=", "--log-queries",
            f"--log-facility={self.log_path}", f"--address=/{self.NAME}/{self.ADDRESS}"))
        wait_for(lambda: listens(namespace, 53, "udp"), "dnsmasq")

    def clients(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return set(re.findall(r"query\[A\] \S+ from (\S+)", file.read()))


class Capture:
    """tcpdump on one interface, from the moment it listens until stop()."""

    def __init__(self, net, namespace, interface, expression=""):
        self.file = net.path(f"capture-{namespace.name}-{len(os.listdir(net.folder))}.pcap")
        self.log_path = self.file + ".log"
        with open(self.log_path, "wb") as log:
            self.process = net.keep(namespace.start(
                "tcpdump", "-i", interface, "-n", "-U", "-Z", "root", "--immediate-mode",
                "-B", "16384", "-w", self.file, expression, stderr=log))
        wait_for(lambda: "listening on" in self._log() or self.process.poll() is not None,
                 "tcpdump")
        assert self.process.poll() is None, self._log()

    def _log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def stop(self):
        """Ends tcpdump when it has read all that the kernel has captured for it."""
        if self.process.poll() is None:
            wait_for(self.has_read_all, "tcpdump to read what was captured")
            self.process.send_signal(signal.SIGINT)
            self.process.wait(5)
            log = self._log()
            assert re.search(r"^0 packets dropped by kernel", log, re.MULTILINE), log

    def has_read_all(self):
        before = len(self._log())
        self.process.send_signal(signal.SIGUSR1)  # tcpdump prints its counters
        wait_for(lambda: "dropped by kernel" in self._log()[before:], "tcpdump's counters")
        match = re.search(r"(\d+) packets? captured, (\d+) packets? received by filter",
                          self._log()[before:])
        return match and match.group(1) == match.group(2)

    def captured(self):
        """Packets that tcpdump had read when it last printed its counters."""
        return int(re.findall(r"(\d+) packets? captured", self._log())[-1])

    def count(self):
        self.stop()
        return self.captured()

    def packets(self):
        # scapy takes half a second to load: only where a test looks into packets
        from scapy.layers import inet, l2  # noqa: F401 (they teach scapy what Ethernet and IP are)
        from scapy.utils import rdpcap
        self.stop()
        return list(rdpcap(self.file))


class Trafgen:
    """trafgen: packets of one kind, as fast as they go.

    packet is what follows the Ethernet header in trafgen's own language; fields that change are
    dinc(first, last) or drnd(first, last), in numbers. The frames go to the namespace's router.
    The rate is more than it can do; without one it gives up when the socket's buffer is full.
    """

    def __init__(self, net, namespace, packet, count):
        interface = "eth0"
        frame = (f"{{ eth(da={next_hop_mac(namespace, interface)},sa={namespace.mac(interface)}),"
                 f" {packet} }}")
        self.process = net.keep(namespace.start(
            "trafgen", "--dev", interface, "--no-sock-mem", "--no-cpu-stats", "--cpus", "1",
            "--seed", "1", "--rate", "5000000pps", "--num", str(count), frame, stdout=-1,
            stderr=-1, text=True))
        self.count = count

    @property
    def running(self):
        return self.process.poll() is None

    def finish(self, timeout=90):
        output, errors = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, output + errors
        assert int(re.search(r"(\d+) packets outgoing", output).group(1)) == self.count, output


def next_hop_mac(namespace, interface):
    """The MAC address of the default route's next hop; asks for it once."""
    via = re.search(r"default via (\S+)", namespace.ip("route", "show")).group(1)
    namespace.run("ping", "-n", "-c", "1", "-W", "1", via, check=False)
    return re.search(r"lladdr (\S+)", namespace.ip("neigh", "show", via, "dev", interface)).group(1)


class Turnserver:
    """coturn as a STUN server (RFC 5780): it needs two addresses and two ports."""

    PORT, OTHER_PORT = 3478, 3479

    def __init__(self, net, namespace, address, other):
        self.address = address
        folder = net.path(f"turnserver-{address}")
        os.mkdir(folder)
        for each in (address, other):
            namespace.ip("address", "replace", f"{each}/24", "dev", "eth0")
        with open(os.path.join(folder, "log"), "wb") as log:
            net.keep(namespace.start(
                "turnserver", "-n", "--stun-only", "--listening-ip", address, "--listening-ip",
                other, "--listening-port", str(self.PORT), "--alt-listening-port",
                str(self.OTHER_PORT), "--no-tls", "--no-dtls", "--no-tcp", "--no-cli",
                "--relay-threads", "1", "--pidfile", os.path.join(folder, "pid"), "--userdb",
                os.path.join(folder, "db"), "--log-file", "stdout", stdout=log, stderr=log,
                cwd=folder))
        for port in (self.PORT, self.OTHER_PORT):
            wait_for(lambda at=port: is_bound(namespace, each, at), f"turnserver on port {port}")

    def start_natdiscovery(self, client):
        """coturn's judge of NATs; end_natdiscovery gives its words."""
        return client.start("turnutils_natdiscovery", "-m", "-f", self.address, stdout=-1,
                            stderr=-1, text=True)

    @staticmethod
    def end_natdiscovery(process):
        """(mapping, filtering) in natdiscovery's words: "Endpoint Independent" and others."""
        output, errors = process.communicate(timeout=30)
        found = re.search(r"NAT with (.+) Mapping!.*NAT with (.+) Filtering!", output, re.DOTALL)
        assert process.returncode == 0 and found, output + errors
        return found.groups()

    def reflexive_address(self, client):
        """(address, port) of the client as coturn's stunclient learns it; it goes on for ever."""
        process = client.start("turnutils_stunclient", self.address, stdout=-1, text=True)
        with process.stdout:
            for line in process.stdout:
                match = re.search(r"UDP reflexive addr: ([0-9.]+):(\d+)", line)
                if match:
                    process.kill()
                    process.wait(5)
                    return match.group(1), int(match.group(2))
        raise AssertionError(f"stunclient ended: {process.wait(5)}")


def is_bound(namespace, address, port):
    """Whether a UDP socket is bound to exactly this."""
    shown = namespace.run("ss", "-H", "-n", "-l", "-u", "src", f"{address}:{port}").stdout
    return f"{address}:{port}" in shown


class Vsftpd:
    """A real FTP server; it takes no data connection but from its control connection's address."""

    CONFIG = """\
listen=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={folder}/root
write_enable=YES
anon_upload_enable=YES
anon_umask=022
pasv_promiscuous=NO
pasv_min_port=40000
pasv_max_port=40999
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
secure_chroot_dir={folder}/empty
xferlog_enable=YES
log_ftp_protocol=YES
vsftpd_log_file={folder}/log
"""

    def __init__(self, net, namespace):
        self.folder = net.path("vsftpd-" + namespace.name.rsplit("-", 1)[1])
        for name in ("root", "empty", "root/incoming"):
            os.makedirs(os.path.join(self.folder, name))
        shutil.chown(self.path("incoming"), "ftp")
        with open(os.path.join(self.folder, "log"), "wb"):
            pass
        config = os.path.join(self.folder, "vsftpd.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(self.CONFIG.format(folder=self.folder))
        with open(os.path.join(self.folder, "stderr"), "wb") as log:
            net.keep(namespace.start("vsftpd", config, stdout=log, stderr=log))
        wait_for(lambda: listens(namespace, 21), "vsftpd")

    def path(self, name):
        return os.path.join(self.folder, "root", name)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def transfers(self):
        """[(client's address, DOWNLOAD or UPLOAD, path)]"""
        return [(match[1], match[0], match[2]) for match in re.findall(
            r'OK (DOWNLOAD|UPLOAD): Client "([^"]+)", "([^"]+)"', self.log())]


def load_nft(namespace, text):
    namespace.run("nft", "-f", "-", stdin=text)


def refuse_host(namespace, address):
    """The namespace, a router, says of this address that its host is unreachable. A route of type
    unreachable would not do: its errors have a rate limit of their own."""
    load_nft(namespace, f"""\
table ip natgw {{
	chain forward {{
		type filter hook forward priority 0
		ip daddr {address} reject with icmp type host-unreachable
	}}
}}
""")


def nft_counter(namespace, name):
    """Packets of a named counter of table ip natgw."""
    shown = json.loads(namespace.run("nft", "-j", "list", "counter", "ip", "natgw", name).stdout)
    return next(row["counter"]["packets"] for row in shown["nftables"] if "counter" in row)


class Ping:
    """What ping says at its end."""

    def __init__(self, output):
        self.output = output
        match = re.search(r"(\d+) packets transmitted, (\d+) received", output)
        assert match, output
        self.sent, self.received = int(match.group(1)), int(match.group(2))


def ping(namespace, address, *options, count=3, interval=0.05, wait=1):
    result = namespace.run("ping", "-n", "-c", str(count), "-i", str(interval), "-W", str(wait),
                           *options, address, check=False,
                           timeout=count * interval + wait * 2 + 20)
    return Ping(result.stdout + result.stderr)


def start_ping(namespace, address, count, interval):
    """A ping in the background; end_ping gives its result."""
    return namespace.start("ping", "-n", "-q", "-i", str(interval), "-W", "2", "-c", str(count),
                           address, stdout=-1, stderr=-1, text=True)


def end_ping(process):
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=15)
    return Ping(output + errors)


def nmap_states(namespace, *arguments, timeout=90):
    """The states that nmap gives to the ports it has looked at: {state: number of ports}."""
    shown = namespace.run("nmap", "-n", "-Pn", "-oX", "-", *arguments, timeout=timeout).stdout
    states = {}
    for ports in ElementTree.fromstring(shown).iter("ports"):
        for extra in ports.iter("extraports"):
            states[extra.get("state")] = states.get(extra.get("state"), 0) + int(extra.get("count"))
        for port in ports.iter("port"):
            state = port.find("state").get("state")
            states[state] = states.get(state, 0) + 1
    return states


def request(sock, answer=b"natgw\n"):
    """Asks for the small page on an open connection, which stays open; returns what came."""
    sock.sendall(b"GET /page HTTP/1.1\r\nHost: natgw\r\n\r\n")
    received = b""
    while not received.endswith(b"\r\n\r\n" + answer):
        chunk = sock.recv(4096)
        assert chunk, f"connection closed after {received}"
        received += chunk
    assert received.startswith(b"HTTP/1.1 200"), received
    return received


def who(namespace, url, *options):
    """The address and port that an Nginx sees, of a connection of its own."""
    address, port = curl(namespace, f"{url}/who", *options, timeout=5).stdout.split()
    return address, int(port)


def ask_who(sock):
    """The same on an open connection, which stays open."""
    sock.sendall(b"GET /who HTTP/1.1\r\nHost: natgw\r\n\r\n")
    received = b""
    while not re.search(rb"\r\n\r\n[^\n]+\n$", received):
        chunk = sock.recv(4096)
        assert chunk, f"connection closed after {received}"
        received += chunk
    address, port = received.rpartition(b"\r\n\r\n")[2].decode().split()
    return address, int(port)


def curl(namespace, url, *options, timeout=60, check=True):
    return namespace.run("curl", "-sS", "--fail", "-m", str(timeout), *options, url,
                         timeout=timeout + 5, check=check)
