# SPDX-License-Identifier: GPL-2.0-only
"""The web page: what it says without a script, and what a browser makes of it."""
import contextlib
import html.parser
import os
import re
import socket

import pytest

import chromium
import daemon
import servers
from hosts import CLI1, CLI2, EIP, EIP2, PRIVATE_IP, SRV1, SRV2, end_processes, wait_for

CONFIG = {"eips": [EIP, EIP2], "port_range": "2000-2399",
          "options": {"max_sessions_per_client": 400}}
# What natgwd says is the same with either hook.
pytestmark = pytest.mark.parametrize("net", ["xdp"], indirect=True)

IMAGES = os.environ.get("NATGW_PAGE_IMAGES")  # a folder: the screenshots are kept there
IMAGE_MAX = 200_000
VISITS = f"while :; do curl -s -m 1 http://{SRV1}/page; sleep 0.2; done"
URL = f"http://{daemon.METRICS}/"
VOID = {"meta", "link", "br"}


class Page(html.parser.HTMLParser):
    """Tables by the id of their body, text by id; asserts that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open_tags, self.ids, self.rows, self.texts = [], [], {}, {}
        self.links = []
        self.feed(text)
        self.close()
        assert not self.open_tags, self.open_tags

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[key] for key in ("src", "href") if key in values]
        if tag in VOID:
            return
        self.open_tags.append((tag, values.get("id")))
        if tag == "tr":
            self.rows.setdefault(self.body(), []).append([])
        elif tag in ("td", "th") and self.rows.get(self.body()):
            self.rows[self.body()][-1].append("")

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open_tags and self.open_tags[-1][0] == tag, (tag, self.open_tags[-3:])
        self.open_tags.pop()

    def handle_data(self, data):
        for _tag, name in self.open_tags:
            if name:
                self.texts[name] = self.texts.get(name, "") + data
        if any(tag in ("td", "th") for tag, _name in self.open_tags):
            self.rows[self.body()][-1][-1] += data

    def body(self):
        return next((name for tag, name in reversed(self.open_tags) if tag == "tbody"), None)


@pytest.fixture(scope="module")
def traffic(net, web):
    """Sessions, drops and a refused session that the page can tell of."""
    held = [net.cli1.connect(SRV1, 80) for _number in range(350)]
    held += [net.cli2.connect(SRV2, 80) for _number in range(40)]
    more = [net.cli1.socket(socket.SOCK_DGRAM) for _number in range(56)]
    for sock in more:
        sock.sendto(b"natgw", (SRV2, 4000))
    with net.srv1.socket(socket.SOCK_DGRAM) as stranger:
        for port in range(2100, 2130):
            stranger.sendto(b"natgw", (EIP, port))
    net.natgwd.settled_stats()
    net.natgwd.sweep()
    yield net
    for sock in held + more:
        sock.close()


def get(net, path="/"):
    return net.natgwd.get(path)


# ---- without a browser ----

def test_the_page_is_whole_and_its_numbers_are_right(traffic):
    page = Page(get(traffic))
    gateway, = page.rows["gateways"]
    assert gateway[:4] == ["nat-a", "available", PRIVATE_IP, "natgw"]
    assert int(gateway[5]) == 390 and int(gateway[6]) == 50
    eips = {row[0]: row for row in page.rows["eips"]}
    assert set(eips) == {EIP, EIP2} and eips[EIP][1:4] == ["nat-a", "succeeded", "400"]
    assert sum(int(row[4].split()[0]) for row in eips.values()) == 390
    first = page.rows["destinations"][0]
    assert first[0] == f"{SRV1}:80 tcp" and first[2] == "350 88 %"
    assert [row[0] for row in page.rows["clients"]] == [CLI1, CLI2]
    assert page.rows["clients"][0][2] == "400"
    drops = {row[0]: row for row in page.rows["drops"]}
    assert drops["no_session"][1] == "30" and "session" in drops["no_session"][5]
    assert drops["client_quota"][1] == "6"
    assert page.rows["events"][0][1] == "client_quota"
    assert page.rows["events"][0][2].startswith(CLI1)
    assert {row[0]: row[1] for row in page.rows["interfaces"]} == {"ext0": "external",
                                                                   "int0": "internal"}
    assert page.texts["health"] == "all is well"
    assert "440" in page.texts["sessions"] and "{{" not in get(traffic)


def test_nothing_comes_from_elsewhere(net):
    for link in Page(get(net)).links:
        assert re.fullmatch(r"data:,|[\w./]+", link) and "//" not in link, link
        if not link.startswith("data:"):
            assert get(net, "/" + link)
    head = net.gw.run("curl", "-sS", "-D", "-", "-o", "/dev/null", URL).stdout.lower()
    assert "content-security-policy: default-src 'none'" in head
    assert "text/html; charset=utf-8" in head and "nosniff" in head


def test_the_page_takes_nothing_but_get(net):
    for method in ("POST", "PUT", "DELETE"):
        result = net.gw.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", method,
                            URL)
        assert result.stdout[0] == "4"


def test_problems_are_named(net):
    net.gw.ip("address", "delete", f"{PRIVATE_IP}/24", "dev", "int0")
    try:
        page = wait_for(lambda: (page := Page(get(net))).texts.get("problems", "").strip() and page,
                        "a problem on the page")
        assert PRIVATE_IP in page.texts["problems"] and "problem" in page.texts["health"]
    finally:
        net.gw.ip("address", "add", f"{PRIVATE_IP}/24", "dev", "int0")
    wait_for(lambda: Page(get(net)).texts["health"] == "all is well", "the problem to go")


# ---- in a browser ----

@pytest.fixture(scope="module")
def browser(net):
    with chromium.Chromium(net, net.gw) as started:
        yield started


@contextlib.contextmanager
def talking(net):
    """Traffic in both directions, slow enough that the rest of the machine lives."""
    started = [net.keep(net.cli2.start("iperf3", "-t", "600", "-c", server, *options, stdout=-3))
               for server, options in ((SRV1, ("-b", "40M")), (SRV2, ("-R", "-b", "90M")))]
    started.append(net.keep(net.cli2.start("bash", "-c", VISITS, stdout=-3)))
    try:
        yield
    finally:
        end_processes([process.pid for process in started])


def shown_rate(browser, series):
    """A figure of the page in bit/s or packets a second."""
    text = browser.value(f"document.querySelector('.figures [data-now={series}]').textContent")
    if text == "-":
        return 0.0
    number, unit = re.fullmatch(r"([\d.]+) ?([kMGT]?)(?:bit)?/s", text).groups()
    return float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]


def keep_image(browser, dark, width, folder):
    name = f"page-{'dark' if dark else 'light'}-{'wide' if width > 600 else 'narrow'}.png"
    path = os.path.join(folder, name)
    browser.screenshot(path, "#h-drops" if width > 600 else "#h-interfaces")
    assert 5_000 < os.path.getsize(path) <= IMAGE_MAX


def check_live(browser, dark, width):
    wait_for(lambda: shown_rate(browser, "bytes_out") > 20e6, "the rate to destinations", 30, 0.2)
    assert 50e6 < shown_rate(browser, "bytes_in") < 200e6
    wait_for(lambda: browser.value(
        "document.querySelector('polyline[data-series=bytes_in]').points.length") >= 5,
        "points in a chart", 30, 0.2)
    assert browser.value("document.querySelectorAll('#clients tr').length") == 2
    assert browser.value("document.getElementById('live').textContent").startswith("Live")
    # nothing sticks out to the side, whatever the width
    assert browser.value("document.documentElement.scrollWidth") <= width
    colour = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", colour)[:3])) < 200) == dark
    assert browser.complaints() == []
    assert all(url.startswith((URL, "data:")) for url in browser.requests())


@pytest.mark.long
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_live_numbers(traffic, iperf, browser, dark, width):
    browser.look(width, 900, dark)
    with talking(traffic):
        browser.open(URL)
        loaded = browser.value("document.getElementById('updated').textContent")
        check_live(browser, dark, width)
        wait_for(lambda: browser.value("document.getElementById('updated').textContent") != loaded,
                 "the tables to follow", 20, 0.2)
        keep_image(browser, dark, width, IMAGES or traffic.folder)


@pytest.mark.long
def test_without_scripts_the_numbers_are_there(traffic, iperf, browser):
    browser.look(1440, 900, scripts=False)
    browser.open(URL)
    assert browser.value("document.querySelector('#gateways th').textContent") == "nat-a"
    with talking(traffic):
        wait_for(lambda: browser.open(URL) or shown_rate(browser, "bytes_out") > 20e6,
                 "a rate of the last ten seconds", 25, 1)
    assert browser.value("document.getElementById('live').textContent").startswith("Numbers")
    assert browser.value("document.querySelectorAll('polyline')[0].points.length") >= 1


@pytest.mark.long
def test_the_page_says_when_natgwd_is_gone(traffic, browser):
    browser.look(1440, 900)
    browser.open(URL)
    live = "document.getElementById('live').textContent"
    wait_for(lambda: browser.value(live).startswith("Live"), "the page to live", 10, 0.2)
    traffic.natgwd.kill()
    try:
        wait_for(lambda: "old" in browser.value(live), "the page to notice", 10, 0.2)
    finally:
        traffic.natgwd.start()
    wait_for(lambda: browser.value(live).startswith("Live"), "the page to live again", 10, 0.2)
