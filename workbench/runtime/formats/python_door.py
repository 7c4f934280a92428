"""The front door of skill.py and NAME.py, and the code beside a manifest of type python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.model.finding import Finding, Place, Severity
from workbench.model.manifest import PythonEntry
from workbench.model.skill import Kind
from workbench.runtime.formats.entry import Entry, Said, error_at, in_order
from workbench.runtime.formats.folder import Unreadable, read_small
from workbench.runtime.formats.manifest_reader import ManifestReader
from workbench.runtime.formats.python_reader import PythonRefused, PythonSource, may_hold_a_skill, read_python
from workbench.runtime.schemas.validator import Pointer

_GROUPS = {
    "permissions": "security",
    "resource_limits": "security",
    "require": "security",
    "timeout": "resilience",
    "maturity": "metadata",
}
_SIGNATURES = {
    "get_metadata": "def get_metadata(self): return SkillMetadata(…)",
    "execute": "async def execute(self, input_data, context): …",
}
_PYTHON_HINT = "write a class that inherits SkillInterface, or a function under @skill"


def from_python(entry: Entry) -> Said | None:
    path = entry.path
    if entry.single_file and not may_hold_a_skill(entry.data):
        return None
    try:
        source = read_python(entry.data, entry.file)
    except PythonRefused as error:
        return entry.refused(Kind.PYTHON, _python_refused(error, path))
    if source is None:
        if entry.single_file:
            return None
        finding = error_at("python.none", "there is no skill in it", path, 1, 1, _PYTHON_HINT)
        return entry.refused(Kind.PYTHON, finding)

    def locate(pointer: Pointer) -> Place:
        line, column = source.place_of(pointer)
        return Place(file=path, line=line, column=column)

    reader = ManifestReader(as_manifest(source.metadata), lambda pointer: locate(_as_written(pointer)))
    reader.findings.extend(_interface_findings(source, path, ("get_metadata", "execute")))
    if source.unread:
        hint = "write plain values to have them read here; until then its first run tells them"
        reader.add(Severity.INFO, "python.unread", source.unread, (), hint)
    kind, manifest = reader.read(folder_name=entry.name, python=source.entry, is_partial=bool(source.unread))
    return Said(kind=kind, manifest=manifest, findings=in_order(reader.findings), is_unread=bool(source.unread))


def python_beside(entry: Entry, raw: Mapping[str, Any], reader: ManifestReader) -> PythonEntry | None:
    """The code of a manifest of type python: its entry, read for the class or function in it."""
    said = raw.get("entry")
    file = said if isinstance(said, str) else "skill.py"
    hint = "name a .py file beside the manifest, such as skill.py"
    if entry.single_file:
        hint = f"put both into a folder: {entry.name}/skill.json and {entry.name}/skill.py"
    if entry.single_file or file not in entry.beside:
        reader.add(Severity.ERROR, "python.entry", f"'{file[:80]}' is not a file of this skill", ("entry",), hint)
        return None
    path = f"{entry.folder}/{file}"
    try:
        source = read_python(read_small(path)[0], file)
    except Unreadable as error:
        reader.findings.append(error.finding)
        return None
    except PythonRefused as error:
        reader.findings.append(_python_refused(error, path))
        return None
    if source is None:
        reader.findings.append(error_at("python.none", "there is no skill in it", path, 1, 1, _PYTHON_HINT))
        return None
    reader.findings.extend(_interface_findings(source, path, ("execute",)))
    return source.entry


def as_manifest(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of SkillMetadata and @skill in the manifest's own spelling."""
    raw: dict[str, Any] = {}
    for key, value in metadata.items():
        if value is not None:
            group = _GROUPS.get(key)
            if group is None:
                raw[key] = value
            else:
                raw.setdefault(group, {})[key] = value
    return raw


def _as_written(pointer: Pointer) -> Pointer:
    """Where a manifest's path stands in the keywords."""
    return pointer[1:] if len(pointer) > 1 and _GROUPS.get(str(pointer[1])) == pointer[0] else pointer


def _interface_findings(source: PythonSource, path: str, needed: tuple[str, ...]) -> Iterator[Finding]:
    for method in source.missing_methods:
        if method in needed:
            message, hint = f"{source.entry.name} has no {method}()", f"write {_SIGNATURES[method]}"
            yield error_at("python.interface", message, path, source.line, 1, hint)


def _python_refused(error: PythonRefused, path: str) -> Finding:
    return error_at("python.syntax", error.message, path, error.line, error.column, error.hint)
