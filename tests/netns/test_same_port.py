# SPDX-License-Identifier: GPL-2.0-only
"""Two clients with one source port to one server port (the packet walk, requirement 76)."""
import servers
from hosts import EIP, SRV1, wait_for

PORT = 32222


def test_both_clients_use_one_source_port_at_the_same_time(net, web):
    digests = [web[0].add_file(name, 4) for name in ("one", "two")]
    copies = [net.path("copy-one"), net.path("copy-two")]
    # 2 MB a second: both are under way for two seconds
    runs = [client.start("curl", "-sS", "--fail", "-m", "20", "--local-port", str(PORT),
                         "--limit-rate", "2M", "-o", copy, f"http://{SRV1}/{name}")
            for (client, _address), copy, name in zip(net.clients(), copies, ("one", "two"))]
    wanted = {address for _client, address in net.clients()}

    def both_listed():
        rows = [row for row in net.natgwd.sessions() if row["internal_src_port"] == PORT]
        return rows if {row["internal_src_address"] for row in rows} == wanted else None

    rows = wait_for(both_listed, "a session of each client")
    assert [process.wait(20) for process in runs] == [0, 0]
    assert [servers.file_hash(copy) for copy in copies] == digests
    seen = {uri: (address, port) for address, port, _method, uri, _status in web[0].visits()}
    assert seen["/one"][0] == seen["/two"][0] == EIP
    assert seen["/one"][1] != seen["/two"][1]
    assert {row["external_src_port"] for row in rows} == {seen["/one"][1], seen["/two"][1]}
