"""What every front door is given and gives back: the file that begins a skill, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.model.manifest import Manifest
from workbench.model.skill import Kind
from workbench.runtime.formats.folder import FolderContent


@frozen
class Said:
    """What an entry says of its skill."""

    manifest: Manifest
    kind: Kind | None = None
    findings: tuple[Finding, ...] = ()
    is_unread: bool = False


@frozen
class Entry:
    """The file that begins a skill."""

    folder: str
    file: str
    name: str
    content: FolderContent
    single_file: bool

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.file}"

    @property
    def data(self) -> bytes:
        return self.content.entry

    @property
    def beside(self) -> frozenset[str]:
        """The files that are part of the skill, and so of its digest."""
        return frozenset(file.path for file in self.content.files)

    def refused(self, kind: Kind | None, finding: Finding) -> Said:
        return Said(kind=kind, manifest=Manifest(name=self.name), findings=(finding,))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """As one reads the files: from top to bottom."""
    return tuple(sorted(findings, key=lambda finding: (finding.place.file, finding.place.line, finding.place.column)))


def error_at(rule: str, message: str, file: str, line: int, column: int, hint: str) -> Finding:
    place = Place(file=file, line=line, column=column)
    return Finding(severity=Severity.ERROR, rule=rule, message=message, place=place, hint=hint)
