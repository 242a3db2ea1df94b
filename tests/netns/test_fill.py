# SPDX-License-Identifier: GPL-2.0-only
"""Real connections while 99 of 100 ports to their destination are taken, and at the last one."""
import pytest

import servers
from hosts import CLI2, EIP, SRV1, SRV2, wait_for
from test_expiry import MARGIN_S, Clock

HTTP = 80
FIRST, LAST = 1024, 65535
PORTS = LAST - FIRST + 1
FILLED = PORTS * 99 // 100
AT_ONCE = PORTS - FILLED
CONNECTIONS = 1000
HELD_S = 65  # after FIN
WINDOW = 4242  # of the SYNs that fill: the server does not answer these
CONFIG = {
    "sessions": 131072,
    "timeouts": {"tcp_half_open": 3600},
    "options": {"max_half_open_per_client": "0"},
}
IGNORE_FILL = f"""
table ip natgw {{
	chain input {{
		type filter hook input priority 0;
		tcp flags syn tcp window {WINDOW} drop
	}}
}}
"""


@pytest.fixture(scope="module")
def filled(net, web):
    """Another client has half-open sessions from 63,866 ports to nginx on the first server."""
    servers.load_nft(net.srv1, IGNORE_FILL)
    servers.Trafgen(net, net.cli2, f"ipv4(saddr={CLI2}, daddr={SRV1}, ttl=64), "
                    f"tcp(sp=dinc({FIRST}, {FIRST + FILLED - 1}), dp={HTTP}, seq=drnd(), "
                    f"win={WINDOW}, syn)", FILLED).finish()
    net.natgwd.settled_stats()
    rows = [row for row in net.natgwd.sessions() if row["remote_port"] == HTTP]
    assert len({row["external_src_port"] for row in rows}) == len(rows) == FILLED
    return web


def connect(net, count):
    """So many connections at once, each of them used; returns the open sockets."""
    held = []
    for _number in range(count):
        held.append(net.cli1.connect(SRV1, HTTP, timeout=3))
        servers.request(held[-1])
    return held


def close(held):
    for sock in held:
        sock.close()


def test_a_thousand_connections_at_99_percent(net, filled):
    """Each wave takes the ports to the last one; the next one comes when they are free again."""
    before = net.natgwd.settled_stats()
    seen = len(filled[0].visits())
    done = 0
    while done < CONNECTIONS:
        count = min(AT_ONCE, CONNECTIONS - done)
        held = connect(net, count)
        visits = wait_for(lambda at=seen + count: len(filled[0].visits()) == at
                          and filled[0].visits(), "nginx's log")[seen:]
        assert {visit[0] for visit in visits} == {EIP}
        ports = {visit[1] for visit in visits}
        assert len(ports) == len(visits) == count
        assert all(FIRST <= port <= LAST for port in ports)
        if count == AT_ONCE:
            refuse_one_more(net)
        close(held)
        net.natgwd.settled_stats()
        Clock(net).be(HELD_S + MARGIN_S)
        seen += count
        done += count
    drops = (net.natgwd.settled_stats() - before).drops()
    assert set(drops) == {"port_exhausted"}


def refuse_one_more(net):
    """All ports are in use: the next connection fails, and others do not."""
    before = net.natgwd.settled_stats()
    with pytest.raises(TimeoutError):
        net.cli1.connect(SRV1, HTTP, timeout=0.3)
    assert (net.natgwd.settled_stats() - before).drops() == {"port_exhausted": 1}
    with net.cli1.connect(SRV2, HTTP) as sock:
        servers.request(sock)
