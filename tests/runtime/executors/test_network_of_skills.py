"""Skills that may talk to hosts: by the proxy, to those that they list, and in every language."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.author import Author, needs_node
from tests.servers import answering

is_held_by_namespaces = pytest.mark.skipif(
    not os.path.exists("/usr/bin/bwrap") or os.environ.get("WORKBENCH_SECURITY_STRONGEST_TIER", "A") != "A",
    reason="without namespaces nobody gets a network",
)
FETCH = "import urllib.request\nreturn urllib.request.urlopen(url, timeout=5).read().decode()"


@pytest.fixture
def port() -> Iterator[int]:
    with answering() as number:
        yield number


def allowing(*hosts: str) -> dict[str, Any]:
    return {"security": {"permissions": {"network_access": list(hosts)}}}


@is_held_by_namespaces
def test_a_python_function_talks_to_the_host_that_it_lists(author: Author, port: int) -> None:
    permissions = f"{{'network_access': ['127.0.0.1:{port}']}}"
    author.has_function("ask", FETCH, parameters="url: str", options=f", security={{'permissions': {permissions}}}")
    said = author.calls("run", "ask", "-i", f"url=http://127.0.0.1:{port}/", "--json")
    assert (said.json["output"], said.json["error"]) == ("hello", None)
    assert said.json["sandbox"]["enforced"]["network"] == "enforced (namespaces, proxy)"
    refused = author.calls("run", "ask", "-i", "url=http://127.0.0.1:1/", "--json").json
    assert "403" in refused["error"]["message"]
    assert "network_access" in refused["error"]["hint"]


@is_held_by_namespaces
@needs_node
def test_a_node_skill_does_as_well(author: Author, port: int) -> None:
    body = """
const request = require('http').request({host: '127.0.0.1', port: 3128, path: input.url});
request.end();
const [answer] = await require('events').once(request, 'response');
let said = '';
for await (const data of answer) said += data;
return said;
"""
    before = "import {createRequire} from 'module'; const require = createRequire(import.meta.url); "
    author.has_module("ask", body, before=before, **allowing(f"127.0.0.1:{port}"))
    assert author.calls("run", "ask", "-i", f"url=http://127.0.0.1:{port}/", "--json").json["output"] == "hello"
    said = author.calls("run", "ask", "-i", "url=http://10.0.0.1/", "--json").json["output"]
    assert said == "10.0.0.1:80 is not among the hosts that this skill may talk to\n"


@is_held_by_namespaces
def test_a_command_is_told_where_the_proxy_is(author: Author, port: int) -> None:
    author.has_command("ask", "curl", "-sS", "{url}", **allowing(f"127.0.0.1:{port}"))
    said = author.calls("run", "ask", "-i", f"url=http://127.0.0.1:{port}/", "--json").json
    if said["error"] and "is not here" in said["error"]["message"]:
        pytest.skip("curl is not here")
    assert said["output"] == "hello"


@pytest.mark.exhaustive
@is_held_by_namespaces
def test_everything_means_the_world_and_not_this_machine(author: Author, port: int) -> None:
    permissions = "{'network_access': True}"
    author.has_function("ask", FETCH, parameters="url: str", options=f", security={{'permissions': {permissions}}}")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        said = author.calls("run", "ask", "-i", f"url=http://{host}:{port}/", "--json").json
        assert "not public" in said["error"]["message"], said
    assert "every public address" in author.calls("show", "ask", "--policy").out


def test_at_tier_b_who_lists_hosts_is_refused(author: Author) -> None:
    author.has_command("ask", "true", **allowing("api.example.com:443"))
    weaker = {**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": "B"}
    said = author.calls("run", "ask", "--json", environ=weaker)
    assert (said.code, said.json["error"]["kind"]) == (1, "permission_denied")
    assert "nothing could hold it" in said.json["error"]["message"]
