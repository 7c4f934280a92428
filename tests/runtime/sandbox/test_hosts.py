"""Names, ports and addresses: what a list of hosts comes to, and which addresses no name may lead to."""

from __future__ import annotations

import ipaddress

import pytest

from workbench.runtime.sandbox.hosts import address_of, host_of, is_public, reach_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("API.Example.com:443", "api.example.com:443"),
        ("example.com.:80", "example.com:80"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:80", "[::1]:80"),
        ("[0:0:0:0:0:0:0:1]:80", "[::1]:80"),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
        ("[64:ff9b::7f00:1]:80", "127.0.0.1:80"),
        ("localhost:1", "localhost:1"),
    ],
)
def test_a_host_has_one_spelling(written: str, meant: str) -> None:
    assert str(host_of(written)) == meant


@pytest.mark.parametrize(
    "written",
    [
        *("", "example.com", "example.com:", "example.com:0", "example.com:65536", "example.com:http", ":443"),
        *("https://example.com:443", "example.com:443/x", "*.example.com:443", "a b:1", "a\n:1", "user@host:1", "*"),
        *("127.1:80", "2130706433:80", "0177.0.0.1:80", "[::1:80", "::1:80", "a..b:1", "-a:1", "é.example:1"),
    ],
)
def test_what_is_no_host_is_none(written: str) -> None:
    assert host_of(written) is None


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
        ),
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "::", "::1", "fe80::1", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1"),
    ],
)
def test_an_address_of_this_machine_or_this_network_is_not_public(address: str) -> None:
    found = address_of(address)
    assert found is not None
    assert not is_public(found)


def test_the_worlds_addresses_are_public() -> None:
    assert all(is_public(ipaddress.ip_address(each)) for each in ("1.1.1.1", "93.184.216.34", "2606:4700::1111"))


@pytest.mark.parametrize(
    ("listed", "host", "address", "is_allowed"),
    [
        (["example.com:443"], "example.com:443", "93.184.216.34", True),
        (["example.com:443"], "example.com:80", "93.184.216.34", False),
        (["example.com:443"], "www.example.com:443", "93.184.216.34", False),
        (["example.com:443"], "example.com:443", "127.0.0.1", False),
        (["example.com:443"], "example.com:443", "169.254.169.254", False),
        (["inside.example:443", "10.0.0.7:443"], "inside.example:443", "10.0.0.7", True),
        (["inside.example:443", "10.0.0.7:80"], "inside.example:443", "10.0.0.7", False),
        (["*"], "anything.example:1", "93.184.216.34", True),
        (["*"], "anything.example:1", "10.0.0.1", False),
        (["*"], "localhost:80", "127.0.0.1", False),
        (["*", "localhost:80"], "localhost:80", "127.0.0.1", True),
        (["localhost:80"], "localhost:80", "10.0.0.1", False),
        (["localhost:80"], "example.com:80", "127.0.0.1", False),
        ([], "example.com:443", "93.184.216.34", False),
    ],
)
def test_who_may_be_talked_to(listed: list[str], host: str, address: str, is_allowed: bool) -> None:
    asked, where = host_of(host), address_of(address)
    assert asked is not None
    assert where is not None
    assert reach_of(listed).allows(asked, where) is is_allowed
