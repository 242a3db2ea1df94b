# SPDX-License-Identifier: GPL-2.0-only
"""What `make install` puts on a machine: the files, the unit, the manual pages, the completion."""
import configparser
import json
import os
import re
import signal
import socketserver
import subprocess
import threading

import pytest

import hosts
from daemon import BUILD, NATGWCTL, NATGWD, ROOT

UNIT = os.path.join(ROOT, "packaging", "natgwd.service")
EXPOSURE_MAX = 3.5  # of systemd-analyze security, from 0 (nothing may be done) to 10
NO_PAGE_HERE = "referenced manual not found"  # a page of the package, or of another one
KEY = re.compile(r'\{\s*"([a-z_]+)",\s*(?:true|false),')
STRACE_LINE = re.compile(r"^\d+ +([a-z_0-9]+)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def pages():
    """The manual pages, made of what was built."""
    hosts.run("make", "-s", "-C", ROOT, f"B={BUILD}", "man", timeout=120)
    return {name: os.path.join(BUILD, "man", name)
            for name in ("natgwd.8", "natgwctl.8", "natgw.yaml.5")}


def shown(page):
    """A manual page as it is read, without what makes letters bold."""
    text = hosts.run("mandoc", "-T", "utf8", "-O", "width=200", page).stdout
    return re.sub(".\b", "", text)


def files_below(folder):
    return {os.path.relpath(os.path.join(place, name), folder)
            for place, _folders, names in os.walk(folder) for name in names}


# ---- files ----

def install(command, where, prefix):
    environment = dict(os.environ, DESTDIR=str(where), PREFIX=prefix)
    subprocess.run(["packaging/install.sh", command, BUILD], cwd=ROOT, env=environment, check=True)


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local"])
def test_uninstall_takes_exactly_that_away(tmp_path, pages, prefix):
    other = tmp_path / prefix[1:] / "share" / "doc" / "natgw" / "of-somebody-else"
    other.parent.mkdir(parents=True)
    other.write_text("stays")
    install("install", tmp_path, prefix)
    there = files_below(tmp_path)
    base = prefix[1:]
    for name in ("sbin/natgwd", "bin/natgwctl", "share/man/man8/natgwd.8",
                 "share/man/man8/natgwctl.8", "share/man/man5/natgw.yaml.5",
                 "lib/systemd/system/natgwd.service", "lib/sysusers.d/natgw.conf",
                 "lib/tmpfiles.d/natgw.conf", "share/bash-completion/completions/natgwctl",
                 "share/doc/natgw/README.md", "share/doc/natgw/docs/operations.md",
                 "share/doc/natgw/examples/two-interfaces.yaml",
                 "share/natgw/prometheus/natgw.rules.yml", "share/natgw/grafana/natgw.json"):
        assert f"{base}/{name}" in there
    unit = (tmp_path / base / "lib/systemd/system/natgwd.service").read_text()
    assert f"ExecStart={prefix}/sbin/natgwd --config /etc/natgw/natgw.yaml\n" in unit
    assert os.access(tmp_path / base / "sbin/natgwd", os.X_OK)
    install("uninstall", tmp_path, prefix)
    assert files_below(tmp_path) == {str(other.relative_to(tmp_path))}
    assert not (tmp_path / "etc" / "natgw").exists()


def test_group_and_folders(tmp_path):
    """As systemd-sysusers and systemd-tmpfiles make them."""
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group"):
        (tmp_path / "etc" / name).write_text("")
    hosts.run("systemd-sysusers", f"--root={tmp_path}",
              os.path.join(ROOT, "packaging", "natgw.sysusers"))
    assert re.search(r"^natgw:x:\d+:$", (tmp_path / "etc/group").read_text(), re.MULTILINE)
    hosts.run("systemd-tmpfiles", "--create", f"--root={tmp_path}",
              os.path.join(ROOT, "packaging", "natgw.tmpfiles"))
    assert (tmp_path / "run/natgw").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "var/log/natgw").stat().st_mode & 0o7777 == 0o750


# ---- the unit ----

def unit_values():
    class Reader(configparser.RawConfigParser):
        def optionxform(self, optionstr):
            return optionstr

    class Lists(dict):
        """A key that stands several times adds up."""

        def __setitem__(self, key, value):
            if isinstance(value, list) and isinstance(self.get(key), list):
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    reader = Reader(strict=False, dict_type=Lists)
    reader.read(UNIT)
    return {key: " ".join(value.split()) for key, value in reader["Service"].items()}


def test_systemd_finds_nothing_wrong(tmp_path):
    installed = tmp_path / "natgwd.service"
    with open(UNIT, encoding="utf-8") as file:
        installed.write_text(file.read().replace("/usr/sbin/natgwd", NATGWD))
    result = hosts.run("systemd-analyze", "verify", "--man=no", str(installed), check=False)
    assert "natgwd.service" not in result.stdout + result.stderr
    assert result.returncode == 0
    result = hosts.run("systemd-analyze", "security", "--offline=true", str(installed))
    exposure = float(re.search(r"exposure level for natgwd.service: ([0-9.]+)",
                               result.stdout).group(1))
    print(f"systemd-analyze security: {exposure}")
    assert exposure <= EXPOSURE_MAX


def allowed_calls():
    """The system calls that the unit's filter lets through; the group @default always."""
    allowed = set()
    for word in unit_values()["SystemCallFilter"].split() + ["@default"]:
        if word.startswith("@"):
            listed = hosts.run("systemd-analyze", "syscall-filter", word).stdout.splitlines()
            allowed |= {line.strip() for line in listed[1:] if not line.strip().startswith("#")}
        else:
            allowed.add(word)
    return allowed


class TestConfined:
    """natgwd with the rights that the unit leaves it, followed by strace."""

    @pytest.fixture(params=["xdp", "tc"])
    def net(self, request):
        from conftest import make_net
        with make_net(request, "confined", request.param) as made:
            yield made

    def test_the_unit_allows_what_natgwd_does(self, net, monkeypatch):
        natgwd = net.natgwd
        kept = unit_values()["CapabilityBoundingSet"].replace("CAP_", "+").lower().replace(" ", ",")
        calls = net.path("calls")
        start = net.gw.start

        def start_confined(*command, **keywords):
            return start("setpriv", "--bounding-set=-all," + kept, "--inh-caps=-all",
                         "--no-new-privs", "strace", "-f", "-o", calls, *command, **keywords)

        monkeypatch.setattr(net.gw, "start", start_confined)
        for _start in range(2):  # the second takes the first one's data path over
            natgwd.start(open_ledger=False)
            natgwd_pid = int(hosts.run("pgrep", "-P", str(natgwd.process.pid)).stdout)
            self.use(net, natgwd_pid)
            os.kill(natgwd_pid, signal.SIGTERM)
            natgwd.process.wait(10)
            with open(calls, encoding="utf-8", errors="replace") as file:
                made = set(STRACE_LINE.findall(file.read()))
            assert made - allowed_calls() == set()
            assert {"bpf", "capset", "epoll_wait"} <= made
        natgwd.process = None

    @staticmethod
    def use(net, natgwd_pid):
        natgwd = net.natgwd
        for command in ("status", "describe", "sessions", "stats", "explain-errors"):
            natgwd.ctl(command)
        natgwd.metrics()
        natgwd.sweep()
        before = natgwd.status()["config_generation"]
        os.kill(natgwd_pid, signal.SIGHUP)
        hosts.wait_for(lambda: natgwd.status()["config_generation"] > before, "reload")
        net.gw.ip("link", "set", "ext0", "down")
        net.gw.ip("link", "set", "ext0", "up")
        hosts.wait_for(lambda: natgwd.status()["uptime_s"] >= 1, "a second")


# ---- manual pages ----

def test_mandoc_finds_nothing_wrong(pages):
    result = hosts.run("mandoc", "-T", "lint", "-W", "style", *pages.values(), check=False)
    found = [line for line in result.stdout.splitlines() if NO_PAGE_HERE not in line]
    assert not found, "\n".join(found)


def test_every_option_of_natgwd_has_its_place(pages):
    told = hosts.run(NATGWD, "--help").stdout
    text = shown(pages["natgwd.8"])
    options = set(re.findall(r"--[a-z-]+", told)) | set(re.findall(r"(?<![-\w])-[a-z]\b", told))
    assert {"--config", "--check", "--print", "--detach"} <= options
    missing = [option for option in sorted(options) if not re.search(rf"{option}\b", text)]
    assert not missing


def commands():
    """(words of the name, help of the command) of each command of natgwctl."""
    whole = hosts.run(NATGWCTL, "--help").stdout
    listed = whole.partition("commands:\n")[2].partition("\n\n")[0]
    for line in listed.splitlines():
        name = re.match(r"  ((?:[a-z][a-z-]*(?: |$))+)", line)
        if name:
            words = name.group(1).split()
            yield words, hosts.run(NATGWCTL, *words, "--help").stdout


def test_every_command_of_natgwctl_has_its_place(pages):
    text = shown(pages["natgwctl.8"])
    found = list(commands())
    assert len(found) >= 9
    for words, told in found:
        assert re.search(rf"^ +{' '.join(words)}\b", text, re.MULTILINE), words
        part = text.partition(f" {' '.join(words)}")[2]
        for option in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, re.MULTILINE):
            assert option in part, (words, option)


def test_every_key_of_the_config_has_its_place(pages):
    text = shown(pages["natgw.yaml.5"])
    keys = set()
    for name in sorted(os.listdir(os.path.join(ROOT, "user"))):
        if re.match(r"config.*\.c$", name):
            with open(os.path.join(ROOT, "user", name), encoding="utf-8") as file:
                keys |= set(KEY.findall(file.read()))
    assert {"interfaces", "eips", "max_sessions_per_client", "pin_path", "snat"} <= keys
    missing = [key for key in sorted(keys) if not re.search(rf"(?<!\w){key}(?!\w)", text)]
    assert not missing, f"not in docs/configuration.md: {missing}"


# ---- completion ----

COMPLETE = """\
source {file}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_natgwctl "${{COMP_WORDS[0]}}" "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(*words, where=None):
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in (NATGWCTL, *words))
    script = COMPLETE.format(file=os.path.join(ROOT, "packaging/bash-completion/natgwctl"),
                             words=quoted)
    result = subprocess.run(["bash", "-u", "-c", script], check=True, capture_output=True,
                            text=True, cwd=where)
    assert not result.stderr
    return set(result.stdout.split())


def test_completion_knows_every_command():
    names = [words for words, _help in commands()]
    assert complete("") == {words[0] for words in names}
    assert complete("des") == {"describe"}
    assert complete("top", "") == {words[1] for words in names if words[0] == "top"}
    assert complete("--json", "top", "cl") == {"clients"}
    assert complete("no-such", "") == set()


def test_completion_knows_every_option():
    for words, told in commands():
        options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, re.MULTILINE))
        assert complete(*words, "--") == options, words
    assert complete("sessions", "--client", "10.0.1.1", "--d") == {"--dst"}
    assert "--socket" in complete("--")


def test_completion_of_files_and_gateways(tmp_path):
    (tmp_path / "pins-a").mkdir()
    assert complete("audit", "--pins", "pi", where=tmp_path) == {"pins-a"}
    assert complete("describe", "") == set()  # nobody answers


def test_completion_of_gateways(confined_names):
    assert complete("--socket", confined_names, "describe", "") == {"nat-a", "nat-b"}
    assert complete("--socket", confined_names, "describe", "nat-b") == {"nat-b"}
    assert complete("--socket", confined_names, "describe", "nat-b", "") == set()


@pytest.fixture
def confined_names(tmp_path):
    """The socket of a natgwd, as far as completion asks one."""
    path = str(tmp_path / "control.sock")
    body = json.dumps({"interfaces": [{"name": "eth0", "attach": "tc"}],
                       "gateways": [{"name": "nat-a", "state": "available"},
                                    {"name": "nat-b", "state": "pending"}]})
    answer = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
              f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}")

    class Answer(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer.encode())

    with socketserver.ThreadingUnixStreamServer(path, Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield path
        server.shutdown()
