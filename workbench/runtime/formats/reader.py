"""One door for every format: from a folder and its entry file to a Skill, whatever state the files are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from workbench.model.finding import Finding, Place, Severity, breaks, printable
from workbench.model.frozen import frozen
from workbench.model.manifest import Manifest, PythonEntry
from workbench.model.skill import LEGAL_NAME, Kind, Scope, Skill, SkillState, digest_of
from workbench.runtime.formats.folder import FolderContent, Unreadable, counts, read_folder, read_small
from workbench.runtime.formats.json_reader import JsonPlaces, JsonRefused, read_json, repeated_keys
from workbench.runtime.formats.lines import end_of
from workbench.runtime.formats.manifest_reader import ManifestReader
from workbench.runtime.formats.names import LEGAL_HINT, legal_form_of
from workbench.runtime.formats.python_reader import PythonRefused, PythonSource, may_hold_a_skill, read_python
from workbench.runtime.formats.skill_md_reader import read_skill_md
from workbench.runtime.schemas import Pointer

ENTRIES = ("skill.json", "skill.py", "SKILL.md")
_MOST_TOLD = 20
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


@frozen
class _Said:
    """What an entry says of its skill."""

    manifest: Manifest
    kind: Kind | None = None
    findings: tuple[Finding, ...] = ()
    is_unread: bool = False


def read_skill(
    folder: str, entry: str, scope: Scope, *, single_file: bool = False, alone: bool = False
) -> Skill | None:
    """The skill that these files are, broken or not; None where a single file turns out not to be a skill.

    `alone` says that the folder is known to hold nothing but the entry.
    """
    name = entry.rpartition(".")[0] if single_file else folder.rpartition("/")[2]
    if single_file and not (counts(entry) and entry.endswith((".json", ".py"))):
        return None
    try:
        content = read_folder(folder, entry, alone=single_file or alone)
    except Unreadable as error:
        if single_file and error.finding.rule != "file.unreadable":
            return None
        return broken(folder, entry, scope, name, (error.finding,), single_file=single_file)
    read = _from_json if entry.endswith(".json") else _from_python if entry.endswith(".py") else _from_skill_md
    said = read(_Entry(folder=folder, file=entry, name=name, content=content, single_file=single_file))
    if said is None:
        return None
    findings = (*content.findings, *said.findings)
    if LEGAL_NAME.fullmatch(said.manifest.name) is None:
        findings = (*findings, _no_legal_name(said.manifest.name, f"{folder}/{entry}"))
    return Skill(
        name=said.manifest.name,
        kind=said.kind,
        scope=scope,
        folder=folder,
        entry=entry,
        files=content.files,
        digest=digest_of(content.files),
        manifest=said.manifest,
        findings=findings,
        state=SkillState.BROKEN if breaks(findings) else SkillState.UNREAD if said.is_unread else SkillState.OK,
        single_file=single_file,
    )


def broken(
    folder: str, entry: str, scope: Scope, name: str, findings: tuple[Finding, ...], *, single_file: bool = False
) -> Skill:
    """A skill of which nothing is known but what is wrong with it."""
    return Skill(
        name=printable(name),
        kind=None,
        scope=scope,
        folder=folder,
        entry=entry,
        files=(),
        digest="",
        manifest=Manifest(name=printable(name)),
        findings=findings,
        state=SkillState.BROKEN,
        single_file=single_file,
    )


@frozen
class _Entry:
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

    def refused(self, kind: Kind | None, finding: Finding) -> _Said:
        return _Said(kind=kind, manifest=Manifest(name=self.name), findings=(finding,))


def _from_skill_md(entry: _Entry) -> _Said:
    try:
        text = entry.data.decode()
    except UnicodeDecodeError as error:
        line, column = end_of(entry.data[: error.start].decode())
        finding = _error("skill-md.encoding", "not UTF-8 text", entry.path, line, column, "save it as UTF-8")
        return entry.refused(Kind.AGENT_SKILL, finding)
    read = read_skill_md(text, file=entry.path, folder_name=entry.name)
    findings = read.findings
    if entry.file != "SKILL.md":
        message, hint = f"the format calls it SKILL.md, not {entry.file}", "rename it: some clients do not find it"
        place = Place(file=entry.path)
        finding = Finding(severity=Severity.WARNING, rule="skill-md.case", message=message, place=place, hint=hint)
        findings = (*findings, finding)
    return _Said(kind=Kind.AGENT_SKILL, manifest=read.manifest, findings=findings)


def _from_json(entry: _Entry) -> _Said | None:
    path = entry.path
    try:
        raw = read_json(entry.data)
    except JsonRefused as error:
        if entry.single_file and b"type" not in entry.data and b"prompt" not in entry.data:
            return None
        finding = _error("manifest.json", error.message, path, error.line, error.column, error.hint)
        return entry.refused(None, finding)
    if not isinstance(raw, dict):
        if entry.single_file:
            return None
        return entry.refused(None, _error("manifest.json", "a manifest is an object", path, 1, 1, 'write {"name": …}'))
    if entry.single_file and not _looks_like_a_manifest(raw):
        return None
    text = entry.data.decode()
    places = JsonPlaces(text)

    def locate(pointer: Pointer) -> Place:
        line, column = places.place_of(pointer)
        return Place(file=path, line=line, column=column)

    reader = ManifestReader(raw, locate)
    for key, line, column in islice(repeated_keys(text), _MOST_TOLD):
        hint = "remove one of them: the last one counts"
        place = Place(file=path, line=line, column=column)
        message = f"the key '{key[:80]}' stands twice"
        reader.findings.append(
            Finding(severity=Severity.WARNING, rule="manifest.twice", message=message, place=place, hint=hint)
        )
    python = _python_beside(entry, raw, reader) if raw.get("type") in ("python", "python_code") else None
    kind, manifest = reader.read(folder_name=entry.name, python=python)
    return _Said(kind=kind, manifest=manifest, findings=_in_order(reader.findings))


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """As one reads the files: from top to bottom."""
    return tuple(sorted(findings, key=lambda finding: (finding.place.file, finding.place.line, finding.place.column)))


def _looks_like_a_manifest(raw: Mapping[str, Any]) -> bool:
    return "type" in raw or "prompt_template" in raw or "skill-workbench" in str(raw.get("$schema", ""))[:200]


def _python_beside(entry: _Entry, raw: Mapping[str, Any], reader: ManifestReader) -> PythonEntry | None:
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
        reader.findings.append(_error("python.none", "there is no skill in it", path, 1, 1, _PYTHON_HINT))
        return None
    reader.findings.extend(_interface_findings(source, path, ("execute",)))
    return source.entry


def _from_python(entry: _Entry) -> _Said | None:
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
        finding = _error("python.none", "there is no skill in it", path, 1, 1, _PYTHON_HINT)
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
    return _Said(kind=kind, manifest=manifest, findings=_in_order(reader.findings), is_unread=bool(source.unread))


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
            yield _error("python.interface", message, path, source.line, 1, hint)


def _python_refused(error: PythonRefused, path: str) -> Finding:
    return _error("python.syntax", error.message, path, error.line, error.column, error.hint)


def _no_legal_name(name: str, path: str) -> Finding:
    message = f"'{name[:80]}', the folder's name, is not a legal name, and no other is given"
    return _error("name.illegal", message, path, 1, 1, f"write a name such as {legal_form_of(name)}: {LEGAL_HINT}")


def _error(rule: str, message: str, file: str, line: int, column: int, hint: str) -> Finding:
    place = Place(file=file, line=line, column=column)
    return Finding(severity=Severity.ERROR, rule=rule, message=message, place=place, hint=hint)
