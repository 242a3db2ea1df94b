# SPDX-License-Identifier: GPL-2.0-only
"""Traffic while natgwd is killed, restarted and reloaded: nothing fails, nothing is lost."""
import threading
import time

import pytest

import servers
from hosts import EIP, EIP2, SRV1, SRV2, wait_for

CONNECTIONS = 1000
KILLS = 2
RETRANSMISSION_S = 0.9  # the first SYN is sent again after one second
PINGS_PER_SECOND = 1000
UPDATES = 24  # the long tier replaces more: test_upgrade.py


def session_keys(net, left_s=0):
    """Of the sessions that have at least so much time left, in hold-down or not."""
    return {(row["protocol"], row["internal_src_address"], row["internal_src_port"],
             row["external_src_address"], row["external_src_port"], row["remote_address"],
             row["remote_port"]) for row in net.natgwd.sessions() if row["left_s"] >= left_s}


def fetch(client, address):
    """One connection with one request; returns the time that the handshake took."""
    started = time.monotonic()
    with client.connect(address, 80) as sock:
        connected = time.monotonic() - started
        sock.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
    assert answer.endswith(b"natgw\n"), answer
    return connected


def test_kill_during_a_transfer(net, iperf):
    run = net.cli1.start("iperf3", "-J", "-t", "3", "-i", "0.5", "-c", SRV1, stdout=-1)
    time.sleep(0.5)
    net.natgwd.kill()
    time.sleep(0.5)
    net.natgwd.start()
    result = servers.iperf3_result(run.communicate(timeout=20)[0])
    assert run.returncode == 0
    assert all(interval["sum"]["bytes"] > 0 for interval in result["intervals"])


def kill_and_start(net, times):
    for _number in range(times):
        net.natgwd.kill()
        time.sleep(0.3)
        net.natgwd.start()


def test_kill_during_a_thousand_new_connections(net, web):
    """New connections all the time, from before the first kill until after the last start."""
    took = []
    before = len(web[0].visits()) + len(web[1].visits())
    killer = threading.Thread(target=kill_and_start, args=(net, KILLS))
    starts = net.natgwd.starts
    killer.start()
    try:
        while len(took) < CONNECTIONS or killer.is_alive():
            client = (net.cli1, net.cli2)[len(took) & 1]
            took.append(fetch(client, (SRV1, SRV2)[len(took) >> 1 & 1]))
    finally:
        killer.join(60)
    assert net.natgwd.starts == starts + KILLS
    assert max(took) < RETRANSMISSION_S, sorted(took)[-5:]
    assert len(web[0].visits()) + len(web[1].visits()) - before == len(took)


@pytest.mark.long
def test_fifty_kills_under_load(fresh_net):
    """Killed at any moment, half-way through its start too; connections go on all the time."""
    net = fresh_net
    for server in (net.srv1, net.srv2):
        servers.Nginx(net, server).write("page", b"natgw\n")
    stop = threading.Event()
    slowest, errors = [0.0], []

    def connect():
        while not stop.is_set():
            try:
                slowest[0] = max(slowest[0], fetch(net.cli2, SRV2))
                time.sleep(0.01)  # closed sessions stay a while: the table shall not fill up
            except OSError as error:
                errors.append(error)

    held = net.cli1.connect(SRV1, 80)
    worker = threading.Thread(target=connect)
    worker.start()
    try:
        for number in range(50):
            net.natgwd.kill()
            net.natgwd.launch()
            time.sleep(0.03 * (number % 40))
            servers.request(held)
    finally:
        stop.set()
        worker.join()
    net.natgwd.kill()
    net.natgwd.start()
    servers.request(held)
    held.close()
    assert not errors
    assert slowest[0] < RETRANSMISSION_S


def test_a_restarted_daemon_lists_the_same_sessions(net, web):
    held = [client.connect(address, 80) for client, _own in net.clients()
            for address in (SRV1, SRV2) for _number in range(10)]
    assert servers.ping(net.cli1, SRV1).received == 3
    before = session_keys(net)
    lasting = session_keys(net, left_s=20)  # a hold-down may end meanwhile
    assert len(lasting) >= len(held)
    net.natgwd.kill()
    net.natgwd.start()
    assert lasting <= session_keys(net) <= before
    net.natgwd.stop()
    net.natgwd.start()
    assert lasting <= session_keys(net) <= before
    for sock in held:
        servers.request(sock)
        sock.close()


def test_programs_are_replaced_during_a_thousand_pings_a_second(net):
    """Every start of natgwd replaces all of its programs in place."""
    replaced = 0
    run = servers.start_ping(net.cli1, SRV1, 10**6, 1 / PINGS_PER_SECOND)
    attached = net.natgwd.program_ids()
    while replaced < UPDATES:
        net.natgwd.kill()
        net.natgwd.start()
        now = net.natgwd.program_ids()
        assert len(now) == len(attached) and not now & attached
        replaced += len(now)
        attached = now
    result = servers.end_ping(run)
    assert result.sent > 50 * UPDATES  # ping sends less than it was told where the CPU is busy
    assert result.sent - result.received <= 1, result.output  # the last may be under way


def test_reload_during_traffic_adds_an_eip_and_a_route(net, web, iperf):
    sources = [f"10.0.1.{last}" for last in range(100, 132)]
    for address in sources:
        net.cli1.ip("address", "add", f"{address}/24", "dev", "eth0")
    pings = servers.start_ping(net.cli2, SRV1, 10**6, 1 / PINGS_PER_SECOND)
    transfer = net.cli1.start("iperf3", "-J", "-t", "3", "-b", "200M", "-c", SRV1, stdout=-1)
    time.sleep(0.5)
    held = net.cli1.connect(SRV2, 80)
    # Those of this test; pings of tests before end whenever their time is over.
    before = {key for key in session_keys(net, left_s=20) if key[0] == "tcp"}
    assert before
    net.natgwd.config.eips.append(EIP2)
    net.natgwd.config.routes.append(("192.0.2.0/24", "blackhole"))
    net.natgwd.reload()
    assert before <= session_keys(net)
    fetched = len(web[0].visits())
    for address in sources:
        servers.curl(net.cli1, f"http://{SRV1}/page", "--interface", address, timeout=5)
    used = {visit[0] for visit in web[0].visits()[fetched:]}
    assert EIP2 in used and used <= {EIP, EIP2}
    servers.request(held)
    held.close()
    servers.iperf3_result(transfer.communicate(timeout=20)[0])
    result = servers.end_ping(pings)
    assert result.sent > 300 and result.sent - result.received <= 1, result.output
    counted = net.natgwd.settled_stats()
    assert servers.ping(net.cli1, "192.0.2.1", count=2).received == 0
    assert (net.natgwd.settled_stats() - counted).drops() == {"blackhole": 2}


def test_a_wrong_reload_changes_nothing(net, web):
    generation = net.natgwd.status()["config_generation"]
    good = net.natgwd.config.eips
    net.natgwd.config.eips = ["198.51.100.999"]
    try:
        net.natgwd.write_config()
        net.natgwd.process.send_signal(1)
        wait_for(lambda: "natgw.yaml:8:" in net.natgwd.log(), "the error in the log")
    finally:
        net.natgwd.config.eips = good
        net.natgwd.write_config()
    assert net.natgwd.status()["config_generation"] == generation
    assert fetch(net.cli1, SRV1) < RETRANSMISSION_S
