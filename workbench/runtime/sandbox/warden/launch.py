"""What the warden is asked to start: plain data, the same for every tier."""

from __future__ import annotations


class Launch:
    """One child: what to start, what it may see, and how much it may use. Paths are the same inside and outside."""

    __slots__ = (
        "argv",
        "bubblewrap",
        "cores",
        "cpu_seconds",
        "cwd",
        "disk_bytes_a_second",
        "environment",
        "file_bytes",
        "files",
        "list_only",
        "memory",
        "open_files",
        "processes",
        "proxy_port",
        "read",
        "seconds",
        "spawn",
        "tier",
        "write",
        "written_bytes",
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
        self.proxy_port = int(message["proxy_port"])  # type: ignore[call-overload]
        self.spawn = bool(message["spawn"])
        self.file_bytes = int(message["file_bytes"])  # type: ignore[call-overload]
        self.memory = int(message["memory"])  # type: ignore[call-overload]
        self.processes = int(message["processes"])  # type: ignore[call-overload]
        self.cores = float(message["cores"])  # type: ignore[arg-type]
        self.disk_bytes_a_second = float(message["disk_bytes_a_second"])  # type: ignore[arg-type]
        self.written_bytes = int(message["written_bytes"])  # type: ignore[call-overload]
        self.files = int(message["files"])  # type: ignore[call-overload]
        self.open_files = int(message["open_files"])  # type: ignore[call-overload]
        self.seconds = float(message["seconds"])  # type: ignore[arg-type]
        self.cpu_seconds = int(self.seconds * max(1.0, self.cores)) + 2


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of texts was expected")
    return value
