# SPDX-License-Identifier: GPL-2.0-only
"""docs/openapi.yaml is what natgwd does: every path, and every answer by its schema."""
import json
import os
import re
import socket

import jsonschema
import pytest
import yaml

import daemon
import servers
import topology
from hosts import EIP, EIP2, SRV1, SRV2, run, wait_for

DOCUMENT = os.path.join(daemon.ROOT, "docs", "openapi.yaml")
TABLE = os.path.join(daemon.ROOT, "user", "api_answer.c")
ROW = re.compile(r'\{ "(/[^"]*)", EVHTTP_REQ_(GET|POST),\s*\w+,\s*(true|false) \}')
PORTS = 77


def load_document():
    with open(DOCUMENT, encoding="utf-8") as file:
        return yaml.safe_load(file)


def resolve(document, node):
    """Without references, and with the words of JSON Schema for OpenAPI's "nullable"."""
    if isinstance(node, list):
        return [resolve(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolve(document, dict(target, **{k: v for k, v in node.items() if k != "$ref"}))
    result = {key: resolve(document, value) for key, value in node.items()}
    if result.pop("nullable", False):
        return {"anyOf": [{"type": "null"}, result]}
    return result


@pytest.fixture(scope="module")
def document():
    loaded = load_document()
    return resolve(loaded, loaded)


@pytest.fixture(scope="module")
def net():
    """A gateway with a bit of everything: sessions, refusals, drops, tags, mappings, forwards."""
    with topology.Topology("api", attach="tc") as made:
        config = made.natgwd.config
        config.eips = [EIP, EIP2]
        config.port_range = f"1024-{1023 + PORTS}"
        config.options = {"tags": "{env: test}"}
        config.routes.append(("192.0.2.0/24", "blackhole"))
        config.more = ["local: [172.31.0.0/16]", "acl: [{deny: 198.18.0.0/15}]",
                       "one_to_one: [{private: 10.0.1.200, public: 198.51.100.60}]",
                       "port_forwards:",
                       f"  - {{gateway: nat-a, address: {EIP}, protocol: tcp, port: 8080, "
                       "to: 10.0.1.10:80}"]
        made.natgwd.start()
        servers.Nginx(made, made.srv1).write("page", b"natgw\n")
        servers.curl(made.cli1, f"http://{SRV1}/page")
        made.held = [made.cli1.connect(SRV1, 80)]
        made.held += [made.cli2.socket(socket.SOCK_DGRAM) for _number in range(2 * PORTS + 20)]
        for sock in made.held[1:]:
            sock.sendto(b"natgw", (SRV2, 53))
        servers.ping(made.cli1, SRV1, count=1)
        servers.ping(made.cli1, "192.0.2.1", count=1)
        wait_for(lambda: ask(made, "/v1/events")[2], "events")
        yield made
        for sock in made.held:
            sock.close()


def ask(net, path, body=None):
    """(status, content type without its parameters, body)"""
    change = () if body is None else ("-X", "POST", "--data-binary", body)
    result = run("curl", "-sS", "-m", "10", "-w", "\n%{http_code} %{content_type}",
                 "--unix-socket", net.natgwd.config.socket, *change, f"http://natgwd{path}")
    text, _newline, last = result.stdout.rpartition("\n")
    status, _space, kind = last.partition(" ")
    return int(status), kind.partition(";")[0], text


def check_answer(document, answer, path, method="get"):
    """The answer is one that the document has for this path."""
    status, kind, text = answer
    responses = document["paths"][path.partition("?")[0]][method]["responses"]
    response = responses.get(str(status)) or responses["default"]
    schema = response["content"][kind]["schema"]
    if kind == "application/x-ndjson":
        for line in text.splitlines():
            jsonschema.validate(json.loads(line), schema)
    elif kind == "application/json":
        jsonschema.validate(json.loads(text), schema)
    else:
        jsonschema.validate(text, schema)


def test_the_document_has_every_path_of_natgwd_and_no_other(document):
    with open(TABLE, encoding="utf-8") as file:
        rows = ROW.findall(file.read())
    assert len(rows) > 20
    assert sorted((path, method.lower()) for path, method, _only in rows) == sorted(
        (path, method) for path, methods in document["paths"].items() for method in methods)
    for path, method, only in rows:
        tags = document["paths"][path][method.lower()]["tags"]
        assert tags == ["change" if method == "POST" or only == "true" else "read"], path


def test_every_key_of_an_answer_is_in_the_document(document):
    """The schemas of answers leave no room for others."""
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert "additionalProperties" in schema, name


QUERIES = ("/v1/gateways?name=nat-a", "/v1/gateways?all=1", "/v1/gateways?name=none",
           "/v1/sessions?all=1", "/v1/sessions?protocol=udp&limit=3", "/v1/sessions?sort=idle",
           "/v1/sessions?sort=none", "/v1/sessions?client=none", "/v1/top/clients?n=1",
           "/v1/top/clients?n=0", "/v1/top/destinations?n=5", "/v1/check",
           "/v1/check?client=10.0.1.10&dst=203.0.113.10&port=80&proto=tcp",
           "/v1/check?client=10.0.1.10&dst=203.0.113.10&proto=icmp",
           "/v1/check?client=10.0.1.10&dst=192.0.2.1&port=80&proto=udp",
           "/v1/check?client=10.9.9.9&dst=203.0.113.10&port=80&proto=tcp",
           "/v1/drops?reason=none")


def test_every_get_is_answered_as_the_document_says(net, document):
    empty = []
    for path, methods in document["paths"].items():
        if "get" in methods and path not in ("/v1/drops", "/v1/check"):
            answer = ask(net, path)
            assert answer[0] in (200, 503) and answer[2], f"{path}: {answer}"
            check_answer(document, answer, path)
            if "[]" in answer[2] and answer[1] == "application/json":
                empty += [f"{path} {key}" for key, value in json.loads(answer[2]).items()
                          if value == []]
    # every list has been seen with a row in it, except those that are empty here on purpose
    assert set(empty) <= {"/v1/gateways records", "/v1/gateways rules"}, empty
    for query in QUERIES:
        answer = ask(net, query)
        assert answer[0] == (404 if "name=none" in query else 400 if query.endswith(
            ("none", "n=0", "check")) else 200), f"{query}: {answer}"
        check_answer(document, answer, query)


def test_drops_are_lines_as_the_document_says(net, document):
    run_of = net.gw.start("curl", "-sS", "-N", "--unix-socket", net.natgwd.config.socket,
                          "http://natgwd/v1/drops?reason=blackhole", stdout=-1, text=True)
    try:
        lines = [run_of.stdout.readline()]
        servers.ping(net.cli1, "192.0.2.1", count=1)
        lines.append(run_of.stdout.readline())
    finally:
        run_of.terminate()
        run_of.wait(5)
    assert json.loads(lines[1])["reason"] == "blackhole"
    check_answer(document, (200, "application/x-ndjson", "".join(lines)), "/v1/drops")


def test_posts_are_answered_as_the_document_says(net, document):
    with open(net.natgwd.config_file, encoding="ascii") as file:
        config = file.read()
    session = {"protocol": "udp", "client": "10.0.1.10", "client_port": 4000, "remote": SRV1,
               "remote_port": 53, "eip": EIP, "eip_port": 1024, "established": True}
    requests = (
        ("/v1/sweep", "", 200),
        ("/v1/sessions/kill?client=10.0.1.10&dry_run=1", "", 200),
        ("/v1/sessions/kill", "", 400),
        ("/v1/apply?dry_run=1", config, 200),
        ("/v1/apply?dry_run=1", config.replace("nat-a", "nat-b"), 200),
        ("/v1/apply", "natgw", 400),
        ("/v1/gateways/create?dry_run=1",
         {"name": "nat-b", "private_ip": "10.0.1.253", "eips": "198.51.100.70"}, 200),
        ("/v1/gateways/delete?dry_run=1", {"name": "none"}, 409),
        ("/v1/gateways/tag?dry_run=1", {"name": "nat-a", "tags": {"env": "other"}}, 200),
        ("/v1/eips/attach?dry_run=1", {"gateway": "nat-a", "eips": "198.51.100.71"}, 200),
        ("/v1/eips/detach?dry_run=1", {"gateway": "nat-a", "eips": EIP2, "drain_s": 5}, 200),
        ("/v1/routes/replace?dry_run=1",
         {"table": "private-a", "to": "192.0.2.0/24", "target": "gateway:nat-a"}, 200),
        ("/v1/block", {"blocked": True, "gateway": "nat-a"}, 200),
        ("/v1/block", {"blocked": False}, 200),
        ("/v1/import", [session], 200),
        ("/v1/import", [{}], 400),
    )
    asked = set()
    for path, body, status in requests:
        answer = ask(net, path, body if isinstance(body, str) else json.dumps(body))
        assert answer[0] == status, f"{path} {body}: {answer}"
        check_answer(document, answer, path, "post")
        plain = path.partition("?")[0]
        content = document["paths"][plain]["post"].get("requestBody", {}).get("content", {})
        if status == 200 and "application/json" in content:
            jsonschema.validate(body, content["application/json"]["schema"])
        asked.add(plain)
    assert asked == {path for path, methods in document["paths"].items() if "post" in methods}
