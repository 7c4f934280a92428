"""The one way out of a child that may use the network: asks each time whether that host is on its list.

The child is alone in a network of its own. What it finds there is this proxy: HTTP's CONNECT for anything, and plain
HTTP. Names are looked up here, and the address that was judged is the one that is talked to.
"""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from workbench.model.observed import Contact
from workbench.runtime.sandbox.hosts import Address, Host, Reach, address_of, host_of

PORT = 3128
"""In the child's own network, where nobody else has it."""

MOST_HEAD = 16_384
MOST_CONVERSATIONS = 64
MOST_CONTACTS = 200
HEAD_SECONDS = 20.0
CONNECT_SECONDS = 20.0
CHUNK = 65_536
_METHOD = re.compile(r"[A-Z]{1,20}")


class Refused(Exception):
    """What a child is told instead of an answer."""

    def __init__(self, status: str, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


def variables() -> dict[str, str]:
    """How programs are told of it: the common names, in both spellings."""
    place = f"http://127.0.0.1:{PORT}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {**dict.fromkeys(names, place), "NODE_USE_ENV_PROXY": "1"}


class Proxy:
    """Serves one child on a socket that listens in the child's own network, until it is closed."""

    def __init__(self, listener: socket.socket, reach: Reach) -> None:
        self._listener, self._reach = listener, reach
        self._conversations: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())
        self.contacts: list[Contact] = []

    def close(self, _: object = None) -> None:
        """End every conversation."""
        self._accepting.cancel()
        for conversation in self._conversations:
            conversation.cancel()
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener.setblocking(False)
        while True:
            try:
                peer, _ = await loop.sock_accept(self._listener)
            except OSError:
                return
            if len(self._conversations) >= MOST_CONVERSATIONS:
                peer.close()
                continue
            conversation = loop.create_task(self._serve(peer))
            self._conversations.add(conversation)
            conversation.add_done_callback(self._conversations.discard)

    async def _serve(self, peer: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=peer, limit=MOST_HEAD)
        try:
            try:
                await self._converse(await _head_of(reader), reader, writer)
            except Refused as error:
                body = f"{error.words}\n".encode()
                said = f"HTTP/1.1 {error.status} {error.words}\r\nContent-Type: text/plain\r\n"
                writer.write(f"{said}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            await _closed(writer)

    async def _converse(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, sent = _asked(head)
        there, out = await self._connected(host)
        try:
            if sent:
                out.write(sent)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, out))
                both.create_task(_carry(there, writer))
        finally:
            await _closed(out)

    async def _connected(self, host: Host) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to where it may be talked to; raises Refused."""
        if not self._reach.names(host):
            raise self._refused(host, f"{host} is not among the hosts that this skill may talk to", str(host))
        try:
            found = await _addresses_of(host)
        except OSError as error:
            raise Refused("502", f"{host} is not found: {error.strerror or error}") from None
        allowed = [address for address in found if self._reach.allows(host, address)]
        if not allowed:
            where = str(Host(name=str(found[0]), port=host.port)) if found else ""
            words = f"{host} leads to {where}, which is not public: list that address too"
            is_nobodys = not found or found[0].is_link_local  # a cloud's metadata: never offered for a key
            raise self._refused(host, words, "" if is_nobodys else str(host) if host.is_this_machine else where)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                made = await asyncio.open_connection(str(allowed[0]), host.port, limit=CHUNK)
        except (OSError, TimeoutError) as error:
            raise Refused("502", f"{host} does not answer: {error}") from None
        self._note(Contact(host=str(host)))
        return made

    def _refused(self, host: Host, words: str, needs: str) -> Refused:
        self._note(Contact(host=str(host), refused=words, needs=needs))
        return Refused("403", words)

    def _note(self, contact: Contact) -> None:
        if len(self.contacts) < MOST_CONTACTS:
            self.contacts.append(contact)


async def _head_of(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise Refused("431", "the head of that request is too large") from None


async def _addresses_of(host: Host) -> list[Address]:
    if host.address is not None:
        return [host.address]
    found = await asyncio.get_running_loop().getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    return [address for *_, place in found if (address := address_of(str(place[0]))) is not None]


def _asked(head: bytes) -> tuple[Host, bytes]:
    """Who is asked for, and what is sent there first: nothing where a tunnel is wanted. Raises Refused."""
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not _METHOD.fullmatch(words[0]):
        raise Refused("400", "this is a proxy for HTTP")
    method, target, version = words
    if method == "CONNECT":
        if (host := host_of(target)) is None:
            raise Refused("400", "CONNECT wants name:port")
        return host, b""
    try:
        parts = urlsplit(target)
        host = host_of(f"{_bracketed(parts.hostname or '')}:{parts.port or 80}")
    except ValueError:
        host = None
    if host is None or parts.scheme != "http":
        raise Refused("400", "this is a proxy: it wants a whole http:// address, or CONNECT")
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    kept = [each for each in rest.split(b"\r\n") if each and not _is_ours(each)]
    first = f"{method} {path} {version}".encode("latin-1")
    return host, b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _is_ours(header: bytes) -> bool:
    """Headers that speak of this connection, not of the other one."""
    name = header.partition(b":")[0].strip().lower()
    return name in (b"connection", b"keep-alive") or name.startswith(b"proxy-")


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Everything from one end to the other, as it comes; then say that there is no more."""
    with suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
