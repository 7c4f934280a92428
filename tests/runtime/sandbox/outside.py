"""What whoever starts a skill has of it: its outcome, and what it did to a folder outside."""

from __future__ import annotations

from pathlib import Path

from workbench.assembly import Workbench
from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome


async def run(workbench: Workbench, name: str, **inputs: object) -> Outcome:
    return (await workbench.run(name, inputs)).outcome


def kind_of(outcome: Outcome) -> ErrorKind | None:
    return outcome.error.kind if outcome.error else None


def stamps(folder: Path) -> dict[str, tuple[int, ...]]:
    """Everything about everything in it but when it was last read."""
    found: dict[str, tuple[int, ...]] = {}
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
    return found
