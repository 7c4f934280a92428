"""Whom a child may talk to: names and ports as a skill lists them, and the addresses that no name may lead to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from workbench.model.frozen import frozen

EVERYONE = "*"
"""Every address that the whole world may talk to."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_ENTRY = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?\.?):(?P<port>[0-9]{1,5})"
)
_NETWORK_OF_TRANSLATION = ipaddress.ip_network("64:ff9b::/96")


@frozen
class Host:
    """One end of a conversation: a name, or an address, and a port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    @property
    def address(self) -> Address | None:
        return address_of(self.name)

    @property
    def is_this_machine(self) -> bool:
        return self.name == "localhost" or self.name.endswith(".localhost")


def host_of(text: str) -> Host | None:
    """`name:port`, `127.0.0.1:port` or `[::1]:port`, in small letters; None where it is none of these."""
    found = _ENTRY.fullmatch(text.strip())
    if found is None or not 0 < (port := int(found["port"])) < 65536:
        return None
    name = found["name"].strip("[]").lower().rstrip(".")
    address = address_of(name)
    is_number = name.replace(".", "").isdigit()  # 127.1 and 2130706433 are addresses to some, and no name to anybody
    if (address is None and (is_number or ":" in name)) or ".." in name:
        return None
    return Host(name=str(address) if address else name, port=port)


def address_of(text: str) -> Address | None:
    """An address in its one spelling; what only wraps an IPv4 address is that address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NETWORK_OF_TRANSLATION:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: Address) -> bool:
    """Whether it is the same machine for everybody; not this one, not this network's, nobody's group."""
    if isinstance(address, ipaddress.IPv6Address) and (address.teredo or address.is_site_local):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@frozen
class Reach:
    """What a list of hosts comes to."""

    hosts: frozenset[Host] = frozenset()
    is_everyone: bool = False

    def names(self, host: Host) -> bool:
        """Whether it may be asked for at all, before anybody looks up where it is."""
        return self.is_everyone or host in self.hosts

    def allows(self, host: Host, address: Address) -> bool:
        """Whether that host may be talked to at this address: one that is not public has to be listed as it is."""
        if is_public(address):
            return self.names(host)
        if address.is_loopback and host.is_this_machine:
            return host in self.hosts
        return Host(name=str(address), port=host.port) in self.hosts


def reach_of(entries: Iterable[str]) -> Reach:
    """What the entries of a policy come to; they were checked when it was made."""
    listed = tuple(entries)
    return Reach(
        hosts=frozenset(host for entry in listed if (host := host_of(entry)) is not None),
        is_everyone=EVERYONE in listed,
    )
