# SPDX-License-Identifier: GPL-2.0-only
"""natgwctl drops: dropped packets while they are, as text, JSON and pcapng; nothing else is slowed
or left switched on."""
import contextlib
import json
import re
import socket
import subprocess
import time

from scapy.layers.inet import IP

import daemon
import probes
from hosts import CLI1, EIP, SRV1, SRV2, run, wait_for

PORT = 4321  # of the EIP: no session has it


def switch(net):
    """The bits of settings.sample."""
    shown = run("bpftool", "-j", "map", "dump", "pinned", net.natgwd.pin("settings")).stdout
    return json.loads(shown)[0]["formatted"]["value"]["sample"]


@contextlib.contextmanager
def drops(net, *options, stdout=subprocess.PIPE):
    """A running natgwctl drops that has begun to watch."""
    command = [daemon.NATGWCTL, "--socket", net.natgwd.config.socket, "drops", *options]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE) as process:
        try:
            assert b"watching" in process.stderr.readline()
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def send_unasked(net, count=1, size=20, to=EIP):
    """UDP from srv1 to an EIP's port that nobody has."""
    with net.srv1.socket(socket.SOCK_DGRAM) as sock:
        for _number in range(count):
            sock.sendto(b"x" * size, (to, PORT))


def finish(process):
    out, err = process.communicate(timeout=10)
    return process.returncode, out, err.decode()


def test_a_drop_is_one_line_of_text(net):
    with drops(net, "--reason", "no_session", "--count", "2") as process:
        send_unasked(net, 2)
        status, out, _err = finish(process)
    assert status == 0
    lines = out.decode().splitlines()
    assert len(lines) == 2
    for part in ("no_session", f"udp {SRV1}:", f"> {EIP}:{PORT}", "62 bytes", "by ext0",
                 "no session has asked for it"):
        assert part in lines[0], lines[0]


def test_json_has_what_the_packet_was(net):
    with drops(net, "--count", "1", "--json", "--client", SRV1) as process:
        before = time.time()
        send_unasked(net, size=300)
        _status, out, _err = finish(process)
    drop = json.loads(out)
    assert drop["reason"] == "no_session" and drop["interface"] == "ext0"
    assert (drop["src"], drop["dst"], drop["dst_port"]) == (SRV1, EIP, PORT)
    assert drop["protocol"] == "udp" and drop["direction"] == "inbound"
    assert drop["length"] == 14 + 20 + 8 + 300 and drop["captured"] == 128
    assert bytes.fromhex(drop["data"]).endswith(b"x" * (128 - 42))
    assert abs(drop["time_ns"] / 1e9 - before) < 5


def test_the_peer_that_sends_fragments_is_named(net):
    """Requirement 53."""
    with drops(net, "--reason", "frag_icmp", "--count", "1", "--json") as process:
        net.srv1.run("ping", "-c", "1", "-W", "1", "-s", "3000", EIP, check=False)
        _status, out, _err = finish(process)
    drop = json.loads(out)
    assert (drop["reason"], drop["src"], drop["dst"]) == ("frag_icmp", SRV1, EIP)


def test_only_what_is_asked_for(net):
    """Other reasons, other hosts."""
    with drops(net, "--reason", "frag_tcp,martian", "--json") as other_reason, \
            drops(net, "--client", CLI1, "--json") as other_host, \
            drops(net, "--count", "3", "--json") as all_of_them:
        send_unasked(net, 3)
        assert len(finish(all_of_them)[1].splitlines()) == 3
        for process in (other_reason, other_host):
            process.terminate()
            assert finish(process)[1] == b""


def test_the_peer_that_sends_fragments_is_named(net):
    """Requirement 53."""
    with drops(net, "--reason", "frag_tcp,frag_icmp", "--count", "2") as process:
        with probes.outside(net) as sender:
            for proto in (socket.IPPROTO_TCP, socket.IPPROTO_ICMP):
                sender.send(IP(src=SRV2, dst=EIP, proto=proto, frag=100) / (b"x" * 64))
        _status, out, _err = finish(process)
    lines = out.decode().splitlines()
    assert len(lines) == 2 and all(f"{SRV2} > {EIP}" in line for line in lines), lines
    assert "frag_tcp" in lines[0] and "frag_icmp" in lines[1]


def test_it_is_switched_on_only_while_somebody_watches(net):
    assert switch(net) == [0, 0, 0]
    with drops(net, "--reason", "no_session") as one:
        few = switch(net)
        assert sum(bits.bit_count() for bits in few) == 1
        with drops(net) as all_of_them:
            assert sum(bits.bit_count() for bits in switch(net)) > 20
            all_of_them.terminate()
            all_of_them.wait(5)
            wait_for(lambda: switch(net) == few, "the reasons of the other one alone")
        net.natgwd.reload()
        wait_for(lambda: switch(net) == few, "the switch after a reload")
        one.terminate()
        one.wait(5)
        wait_for(lambda: switch(net) == [0, 0, 0], "the switch off")
    before = net.natgwd.stats().generated["sample"]
    send_unasked(net, 5)
    assert net.natgwd.stats().generated["sample"] == before


def test_a_natgwd_that_is_killed_leaves_it_on_only_until_the_next(net):
    with drops(net) as process:
        net.natgwd.kill()
        assert any(switch(net))
        status, _out, err = finish(process)
        assert status == 1 and err.strip()
    net.natgwd.start()
    assert switch(net) == [0, 0, 0]


def test_wireshark_opens_the_file(net, tmp_path):
    path = str(tmp_path / "drops.pcapng")
    with drops(net, "--pcap", path, "--count", "4") as process:
        send_unasked(net, 3, size=300)
        with net.cli1.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("224.0.0.1", 9))
            sock.sendto(b"x", ("240.0.0.1", 9))
        send_unasked(net, 1)
        assert finish(process)[0] == 0
    fields = ("frame.comment", "frame.interface_name", "ip.src", "udp.dstport", "frame.len",
              "frame.cap_len", "frame.time_epoch")
    shown = run("tshark", "-r", path, "-T", "fields", "-E", "separator=|",
                *(part for field in fields for part in ("-e", field))).stdout
    rows = [line.split("|") for line in shown.splitlines()]
    assert len(rows) == 4
    rows = [row for row in rows if row[1] == "ext0"]
    assert len(rows) >= 3
    assert "no_session" in rows[0][0] and "tc_ingress" in rows[0][0] or "xdp" in rows[0][0]
    assert rows[0][2:6] == [SRV1, str(PORT), "342", "128"]
    assert abs(float(rows[0][6]) - time.time()) < 60
    info = run("capinfos", "-M", path).stdout
    assert "pcapng" in info and "natgwctl" in info


def test_pcap_goes_to_standard_output(net):
    with drops(net, "--pcap", "-", "--count", "1") as process:
        send_unasked(net)
        status, out, _err = finish(process)
    assert status == 0 and out[:4] == b"\x0a\x0d\x0d\x0a"
    result = subprocess.run(["tshark", "-r", "-"], input=out, capture_output=True, check=True)
    assert b"4321" in result.stdout


def test_what_is_lost_is_said(net, tmp_path):
    """Far more than the samples' rate: those that are shown and those that are lost are all."""
    def lost():
        generated = net.natgwd.stats().generated
        return generated["sample_lost"], generated["sample"]

    path = tmp_path / "drops"
    with open(path, "wb") as file, \
            drops(net, "--json", "--reason", "no_session", stdout=file) as process:
        before = lost()
        send_unasked(net, 5000)
        wait_for(lambda: sum(lost()) - sum(before) == 5000, "every drop to be sampled or lost")
        said = 0
        while said < lost()[0] - before[0]:
            said += int(re.match(rb"natgwctl: (\d+) samples lost", process.stderr.readline())[1])
        process.terminate()
    after = lost()
    assert said == after[0] - before[0] > 0
    assert len(path.read_bytes().splitlines()) == after[1] - before[1]


WRONG = (
    (("--reason", "nonsense"), "reason is that of a drop"),
    (("--reason", "not_nat"), "reason is that of a drop"),
    (("--client", "10.0.1"), "IPv4 address"),
    (("--count", "0"), "--count is a number"),
    (("--pcap", "/nowhere/file"), "/nowhere/file"),
)


def test_wrong_options_are_refused(net):
    for options, said in WRONG:
        result = net.natgwd.ctl("drops", *options, check=False)
        assert result.returncode != 0 and said in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_the_tcp_listener_has_no_drops(net):
    result = net.gw.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                        f"http://{daemon.METRICS}/v1/drops")
    assert result.stdout == "403"
