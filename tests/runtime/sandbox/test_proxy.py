"""The proxy by itself: what it passes on, what it refuses, and what it does with those who are no good."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import SocketStream

from workbench.model.observed import Contact
from workbench.runtime.sandbox import proxy as proxy_module
from workbench.runtime.sandbox.hosts import address_of, reach_of
from workbench.runtime.sandbox.proxy import Proxy

pytestmark = pytest.mark.anyio


class Echo:
    """A server that says back what it hears, once somebody has ended; knows all that was said to it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.port = 0

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            async for data in stream:
                self.heard.append(data)
                await stream.send(b"echo:" + data)


async def heard_to_the_end(stream: SocketStream) -> bytes:
    heard = b""
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        await stream.send_eof()
        while True:
            heard += await stream.receive()
    return heard


@asynccontextmanager
async def an_echo() -> AsyncIterator[Echo]:
    echo = Echo()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    echo.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, echo.serve)
        yield echo
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def a_proxy(*listed: str) -> AsyncIterator[tuple[Proxy, Callable[[bytes], Awaitable[bytes]]]]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    proxy = Proxy(listener, reach_of(listed))

    async def says(request: bytes) -> bytes:
        """What comes back for one request whose end is said."""
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(request)
            with anyio.move_on_after(5):
                return await heard_to_the_end(stream)
        return b"(nothing)"

    try:
        yield proxy, says
    finally:
        proxy.close()
        await anyio.lowlevel.checkpoint()


async def test_a_tunnel_leads_to_a_host_that_is_listed() -> None:
    async with an_echo() as echo, a_proxy(f"127.0.0.1:{echo.port}") as (proxy, says):
        said = await says(f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\nHost: x\r\n\r\nhello".encode())
        assert said == b"HTTP/1.1 200 Connection established\r\n\r\necho:hello"
        assert proxy.contacts == [Contact(host=f"127.0.0.1:{echo.port}")]


async def test_plain_http_is_asked_for_as_a_server_expects_it() -> None:
    async with an_echo() as echo, a_proxy(f"127.0.0.1:{echo.port}") as (_, says):
        request = f"GET http://127.0.0.1:{echo.port}/a?b=c HTTP/1.1\r\nHost: h\r\nProxy-Authorization: secret\r\n\r\n"
        said = await says(request.encode())
        assert said == b"echo:GET /a?b=c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", b"403", b"not among the hosts"),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", b"403", b"not among the hosts"),
        (b"GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n", b"403", b"not among the hosts"),
        (b"GET http://user@127.0.0.1:1/ HTTP/1.1\r\n\r\n", b"403", b"127.0.0.1:1"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400", b"whole http:// address"),
        (b"GET ftp://h/ HTTP/1.1\r\n\r\n", b"400", b"whole http:// address"),
        (b"CONNECT nothing HTTP/1.1\r\n\r\n", b"400", b"name:port"),
        (b"\x16\x03\x01 x y\r\n\r\n", b"400", b"proxy for HTTP"),
    ],
)
async def test_what_is_refused_is_said(request_: bytes, status: bytes, words: bytes) -> None:
    async with a_proxy("localhost:1") as (_, says):
        said = await says(request_)
        assert said.startswith(b"HTTP/1.1 " + status)
        assert words in said.splitlines()[0]
        assert words in said.splitlines()[-1]


async def test_a_listed_name_that_leads_into_this_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_echo() as echo, a_proxy(f"rebound.example:{echo.port}") as (proxy, says):

        async def leads_home(_: object) -> list[object]:
            return [address_of("127.0.0.1")]

        monkeypatch.setattr(proxy_module, "_addresses_of", leads_home)
        said = await says(f"CONNECT rebound.example:{echo.port} HTTP/1.1\r\n\r\n".encode())
        assert said.startswith(b"HTTP/1.1 403")
        assert b"list that address too" in said
        assert proxy.contacts[0].refused
        assert echo.heard == []


async def test_a_head_without_end_is_not_kept() -> None:
    async with a_proxy("localhost:1") as (_, says):
        said = await says(b"GET http://localhost:1/ HTTP/1.1\r\n" + b"x" * 200_000)
        assert said[:12] in (b"", b"HTTP/1.1 431")


async def test_the_silent_do_not_keep_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(proxy_module, "MOST_CONVERSATIONS", 3)
    async with an_echo() as echo, a_proxy(f"127.0.0.1:{echo.port}") as (proxy, says):
        port = proxy._listener.getsockname()[1]
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
        await anyio.sleep(0.5)
        request = f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\nhello".encode()
        assert b"echo:hello" in await says(request)
        for each in silent:
            each.close()


async def test_of_thousands_of_refusals_the_first_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "MOST_CONTACTS", 5)
    async with a_proxy("localhost:1") as (proxy, says):
        for number in range(1, 9):
            await says(f"CONNECT 127.0.0.1:{number} HTTP/1.1\r\n\r\n".encode())
        assert [each.host for each in proxy.contacts] == [f"127.0.0.1:{number}" for number in range(1, 6)]


async def test_what_is_closed_ends_every_conversation() -> None:
    async with an_echo() as echo, a_proxy(f"127.0.0.1:{echo.port}") as (proxy, _):
        port = proxy._listener.getsockname()[1]
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\nhello".encode())
            heard = b""
            while b"echo:hello" not in heard:
                heard += await stream.receive()
            proxy.close()
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)), anyio.fail_after(5):
                await stream.receive()
