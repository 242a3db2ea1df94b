# SPDX-License-Identifier: GPL-2.0-only
"""Passive FTP through a gateway with several EIPs: a client's control and data connections leave by
one address (requirement B-23). Active FTP is not supported: no payload is ever looked into."""
import os

import pytest

import servers
from hosts import SRV1

EIPS = {f"198.51.100.{number}" for number in range(50, 58)}
FILES = 12
TRANSFERS = 20
CONFIG = {"eips": ["198.51.100.50-198.51.100.57"]}
CONTROL_PORT, ACTIVE_DATA_PORT = 21, 20


@pytest.fixture(scope="module")
def ftp(net):
    server = servers.Vsftpd(net, net.srv1)
    for number in range(1, FILES + 1):
        servers.make_file(server.path(f"file{number}"), 1)
    return server


def folder(net, name):
    """A new folder for what a client gets."""
    path = net.path(f"{name}-{len(os.listdir(net.folder))}")
    os.mkdir(path)
    return path


def download(net, client, *options):
    """curl: all files by one control connection; the folder they are in."""
    to = folder(net, "curl")
    servers.curl(client, f"ftp://{SRV1}/file[1-{FILES}]", "-o", f"{to}/file#1", *options)
    return to


def assert_complete(server, path):
    for number in range(1, FILES + 1):
        name = f"file{number}"
        assert servers.file_hash(os.path.join(path, name)) == servers.file_hash(server.path(name))


@pytest.mark.parametrize("options", [("--disable-epsv",), ()], ids=["pasv", "epsv"])
def test_curl_downloads(net, ftp, options):
    seen = len(ftp.transfers())
    for client, _address in net.clients():
        assert_complete(ftp, download(net, client, *options))
    transfers = ftp.transfers()[seen:]
    assert len(transfers) == 2 * FILES
    # each client by one address of the gateway
    for first in (0, FILES):
        used = {address for address, _what, _path in transfers[first:first + FILES]}
        assert len(used) == 1 and used < EIPS


def test_lftp_lists_and_mirrors(net, ftp):
    for client, _address in net.clients():
        to = folder(net, "lftp")
        shown = client.run(
            "lftp", "-c", f"set net:timeout 10; set net:max-retries 1; open {SRV1}; cls -1; "
            f"mirror --parallel=4 . {to}").stdout
        assert {f"file{number}" for number in range(1, FILES + 1)} <= set(shown.split())
        assert_complete(ftp, to)


def test_curl_uploads(net, ftp):
    for name in ("file1", "file2"):
        servers.curl(net.cli1, f"ftp://{SRV1}/incoming/{net.attach}-{name}", "-T", ftp.path(name))
        path = ftp.path(f"incoming/{net.attach}-{name}")
        assert servers.file_hash(path) == servers.file_hash(ftp.path(name))


def test_an_address_drawn_anew_for_each_session_breaks_it(net, ftp):
    """This server does look at the addresses: what Azure warns of."""
    net.natgwd.config.options = {"eip_select": "random"}
    net.natgwd.reload()
    try:
        with pytest.raises(AssertionError, match="425"):
            for _number in range(TRANSFERS):  # now and then both draw the same address
                download(net, net.cli1, "-v")
        assert "Bad IP connecting" in ftp.log()
    finally:
        net.natgwd.config.options = {}
        net.natgwd.reload()


def test_active_ftp_is_refused_and_opens_nothing(net, ftp):
    """What a client says of its address in a payload makes no way in (threat 5)."""
    before = net.natgwd.settled_stats()
    result = servers.curl(net.cli1, f"ftp://{SRV1}/file1", "-o", net.path("active"), "-v",
                          "--ftp-port", "-", "--disable-eprt", check=False)
    assert result.returncode != 0 and "PORT 10,0,1,10," in result.stderr, result.stderr
    rows = [row for row in net.natgwd.sessions() if row["remote_address"] == SRV1]
    assert rows and ACTIVE_DATA_PORT not in {row["remote_port"] for row in rows}
    assert (net.natgwd.settled_stats() - before).drops() == {}
