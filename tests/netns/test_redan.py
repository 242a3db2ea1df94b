# SPDX-License-Identifier: GPL-2.0-only
"""A sender off the path guesses: RSTs and ICMP errors with the server's address, at every port.

What is attacked: 1,000 idle connections and a running transfer. Every guess that meets a session is
translated, as RFC 7857 and RFC 5508 want it, and ends nothing.
"""
import servers
from hosts import EIP, SRV1, wait_for

IDLE = 1000
PORTS = 65536
HTTP, IPERF = 80, 5201


def resets(port):
    return (f"ipv4(saddr={SRV1}, daddr={EIP}, ttl=64, id=drnd()),"
            f" tcp(sp={port}, dp=dinc(0, 65535), seq=drnd(), ackseq=drnd(), rst)")


def errors(port):
    """Destination unreachable, code 0 to 3, about a segment that the gateway never sent."""
    return (f"ipv4(saddr={SRV1}, daddr={EIP}, ttl=64, id=drnd()), icmp4(type=3, code=drnd(0, 3)),"
            f" ipv4(saddr={EIP}, daddr={SRV1}, ttl=60, id=7, proto=6),"
            f" tcp(sp=dinc(0, 65535), dp={port}, seq=drnd(), ack)")


def idle_sessions(net):
    """{client's port: (state, EIP's port)}"""
    return {row["internal_src_port"]: (row["state"], row["external_src_port"])
            for row in net.natgwd.sessions() if row["remote_port"] == HTTP}


def transfer_sessions(net):
    return [row for row in net.natgwd.sessions()
            if row["remote_port"] == IPERF and row["state"] == "established"]


def connect_idle(net):
    held = [net.cli1.connect(SRV1, HTTP) for _number in range(IDLE)]
    wait_for(lambda: {state for state, _port in idle_sessions(net).values()} == {"established"},
             "the sessions")
    return held


def attack(net):
    """Everything that can be guessed about both servers, at once."""
    for make in (resets, errors):
        for run in [servers.Trafgen(net, net.srv2, make(port), PORTS) for port in (HTTP, IPERF)]:
            run.finish()


def test_guessed_resets_and_icmp_errors_end_no_session(net, web, iperf):
    held = connect_idle(net)
    before, rows = net.natgwd.settled_stats(), idle_sessions(net)
    assert len(rows) == IDLE
    transfer = net.cli2.start("iperf3", "-J", "-t", "4", "-b", "100M", "-c", SRV1, stdout=-1)
    wait_for(lambda: len(transfer_sessions(net)) == 2, "iperf3's two connections")
    with servers.Capture(net, net.cli1, "eth0", f"src port {HTTP} and "
                         "tcp[tcpflags] & tcp-rst != 0") as arrived_resets, \
            servers.Capture(net, net.cli1, "eth0", "icmp[icmptype] = 3") as arrived_errors:
        attack(net)
    assert transfer.poll() is None, "the transfer was over before the attack"
    result = servers.iperf3_result(transfer.communicate(timeout=20)[0])
    assert result["end"]["sum_received"]["bytes"] > 1 << 20
    # the guesses have come through, each port once, and met every idle session
    missed = (net.natgwd.settled_stats() - before).drops()
    guesses = missed["no_session"] + missed["icmp_quote"] + missed.get("malformed", 0)
    assert guesses == 4 * PORTS - 2 * IDLE - 2 * 2, missed
    assert (arrived_resets.count(), arrived_errors.count()) == (IDLE, IDLE)
    assert idle_sessions(net) == rows
    for sock in held:
        servers.request(sock)
        sock.close()
