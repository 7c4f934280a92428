"""One door for every format: from a folder and its entry file to a Skill, whatever state the files are in."""

from __future__ import annotations

import os

from workbench.model.finding import Finding, breaks, printable
from workbench.model.frozen import replace
from workbench.model.manifest import Manifest
from workbench.model.skill import LEGAL_NAME, Kind, Scope, Skill, SkillState, digest_of
from workbench.runtime.formats.broken_name import name_in
from workbench.runtime.formats.entry import Entry, Said, error_at
from workbench.runtime.formats.folder import PACKAGES, FolderContent, Unreadable, counts, read_folder
from workbench.runtime.formats.names import LEGAL_HINT, legal_form_of
from workbench.runtime.formats.shared import NOTHING, shared_by

ENTRIES = ("skill.json", "skill.py", "SKILL.md")


def read_skill(
    folder: str, entry: str, scope: Scope, *, root: str = "", single_file: bool = False, alone: bool = False
) -> Skill | None:
    """The skill that these files are, broken or not; None where a single file turns out not to be a skill.

    Modules that it shares with others lie at the top of `root`. `alone` says that the folder is known to hold nothing
    but the entry.
    """
    name = entry.rpartition(".")[0] if single_file else folder.rpartition("/")[2]
    if single_file and not (counts(entry) and entry.endswith((".json", ".py"))):
        return None
    try:
        content, said = _read(folder, entry, name, single_file=single_file, alone=single_file or alone)
    except Unreadable as error:
        if single_file and error.finding.rule != "file.unreadable":
            return None
        return broken(folder, entry, scope, name, (error.finding,), single_file=single_file)
    if said is None:
        return None
    shared = shared_by(folder, content, entry, root) if said.kind is Kind.PYTHON else NOTHING
    files = (*content.files, *shared.files)
    findings = (*content.findings, *shared.findings, *said.findings)
    manifest = said.manifest
    if manifest.name == name and (real := name_in(content.entry, findings)):
        manifest = replace(manifest, name=real)
    if LEGAL_NAME.fullmatch(manifest.name) is None:
        findings = (*findings, _no_legal_name(manifest.name, f"{folder}/{entry}"))
    return Skill(
        name=manifest.name,
        kind=said.kind,
        scope=scope,
        folder=folder,
        entry=entry,
        files=files,
        digest=digest_of(files),
        manifest=manifest,
        findings=findings,
        state=SkillState.BROKEN if breaks(findings) else SkillState.UNREAD if said.is_unread else SkillState.OK,
        single_file=single_file,
        shared_root=root,
        imports=shared.imports,
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


def _read(folder: str, entry: str, name: str, *, single_file: bool, alone: bool) -> tuple[FolderContent, Said | None]:
    """The files of a skill and what its entry says of it; a node skill's packages belong to it. Raises Unreadable."""
    said = None
    for packages in (False, True):
        content = read_folder(folder, entry, alone=alone, packages=packages)
        said = _said_of(Entry(folder=folder, file=entry, name=name, content=content, single_file=single_file))
        if said is None or said.kind is not Kind.NODE or alone or not os.path.isdir(f"{folder}/{PACKAGES}"):
            break
    return content, said


def _said_of(entry: Entry) -> Said | None:
    """Through the front door of its format, each imported when the first skill comes to it."""
    match entry.file.rpartition(".")[2]:
        case "json":
            from workbench.runtime.formats.json_door import from_json

            return from_json(entry)
        case "py":
            from workbench.runtime.formats.python_door import from_python

            return from_python(entry)
    from workbench.runtime.formats.skill_md_door import from_skill_md

    return from_skill_md(entry)


def _no_legal_name(name: str, path: str) -> Finding:
    message = f"'{name[:80]}', the folder's name, is not a legal name, and no other is given"
    return error_at("name.illegal", message, path, 1, 1, f"write a name such as {legal_form_of(name)}: {LEGAL_HINT}")
