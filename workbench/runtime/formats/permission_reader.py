"""What a manifest asks to be allowed: read, and told of at once where nobody could ever be given it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.model.finding import Severity
from workbench.model.policy import Permissions
from workbench.runtime.formats.command_reader import Tell
from workbench.runtime.sandbox.grants import impossible
from workbench.runtime.sandbox.hosts import EVERYONE, host_of
from workbench.runtime.schemas.validator import Pointer

OF_THE_OLD_BLOCK = frozenset({"file_read", "file_write", "network_access"})
HOST_HINT = "write api.example.com:443, one entry for each port, or true for every public address"


def read_permissions(raw: Mapping[str, Any], tell: Tell) -> Permissions:
    """What is asked for in `security.permissions`, else what an older `sandbox` block says."""
    security, old = _mapping(raw, "security"), _mapping(raw, "sandbox")
    asked = _mapping(security, "permissions")
    if not asked and old:
        paths = _texts(old, "allowed_paths")
        _check_paths(paths, ("sandbox", "allowed_paths"), tell)
        return Permissions(
            file_read=paths,
            file_write=paths if old.get("allow_file_write") is True else (),
            network_access=old.get("allow_network") is True,
        )
    at: Pointer = ("security", "permissions")
    network, spawn = asked.get("network_access", False), asked.get("process_spawn")
    hosts = network if isinstance(network, bool) else _texts(asked, "network_access")
    for name in ("file_read", "file_write"):
        _check_paths(_texts(asked, name), (*at, name), tell)
    for index, host in enumerate(hosts if isinstance(hosts, tuple) else ()):
        if host != EVERYONE and host_of(host) is None:
            place = (*at, "network_access", index)
            tell(Severity.ERROR, "manifest.permission", f"'{host[:80]}' is no host and port", place, HOST_HINT)
    return Permissions(
        file_read=_texts(asked, "file_read"),
        file_write=_texts(asked, "file_write"),
        network_access=hosts,
        process_spawn=spawn if isinstance(spawn, bool) else None,
        environment=_texts(asked, "environment"),
    )


def named_permissions(raw: Mapping[str, Any]) -> frozenset[str]:
    """Which permissions a manifest says something about: for the others the workspace's defaults stand in."""
    asked = _mapping(_mapping(raw, "security"), "permissions")
    return frozenset(asked) if asked or not _mapping(raw, "sandbox") else OF_THE_OLD_BLOCK


def _check_paths(paths: tuple[str, ...], at: Pointer, tell: Tell) -> None:
    for index, path in enumerate(paths):
        if found := impossible(path):
            why, hint = found
            tell(Severity.ERROR, "manifest.permission", f"'{path[:80]}': {why}", (*at, index), hint)


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _texts(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(_listed(raw.get(key)))


def _listed(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, str):
            yield item
