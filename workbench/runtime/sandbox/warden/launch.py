"""What the warden is asked to start: plain data, the same for every tier."""

from __future__ import annotations


class Launch:
    """One child: what to start, what it may see, and how much it may use. Paths are the same inside and outside."""

    __slots__ = (
        "argv",
        "bubblewrap",
        "cwd",
        "environment",
        "file_bytes",
        "list_only",
        "memory",
        "network",
        "open_files",
        "processes",
        "read",
        "seconds",
        "spawn",
        "tier",
        "write",
    )

    def __init__(self, message: dict[str, object]) -> None:
        self.argv: list[str] = _strings(message["argv"])
        self.environment: dict[str, str] = dict(message["environment"])  # type: ignore[call-overload]
        self.cwd = str(message["cwd"])
        self.tier = str(message["tier"])
        self.bubblewrap = str(message["bubblewrap"])
        self.read: list[str] = _strings(message["read"])
        self.write: list[str] = _strings(message["write"])
        self.list_only: list[str] = _strings(message["list_only"])
        self.network = bool(message["network"])
        self.spawn = bool(message["spawn"])
        self.file_bytes = int(message["file_bytes"])  # type: ignore[call-overload]
        self.memory = int(message["memory"])  # type: ignore[call-overload]
        self.processes = int(message["processes"])  # type: ignore[call-overload]
        self.open_files = int(message["open_files"])  # type: ignore[call-overload]
        self.seconds = float(message["seconds"])  # type: ignore[arg-type]


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of texts was expected")
    return value
