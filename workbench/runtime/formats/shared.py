"""Modules that several skills share: what lies at the top of a skills folder and is imported by a skill's code.

Imports are looked for in the text, so that code that cannot be parsed at this moment keeps what it stands on. Nothing
else of the folder is there when the skill runs: what is not found here cannot be imported, and so the graph is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.model.skill import SHARED, SkillFile
from workbench.runtime.formats.folder import FolderContent, Unreadable, read_folder, read_small

_IMPORT = re.compile(
    rb"(?:^|[;:])[ \t]*(?:import[ \t]+([^\n;#]+)|from[ \t]+(\w+)[\w.]*[ \t]+import\b)"
    rb"|(?:import_module|__import__)\(\s*[\"'](\w+)",
    re.MULTILINE,
)
_NAME = re.compile(rb"\s*([^\W\d]\w*)")


@frozen
class Shared:
    """What a skill's code imports from beside it: the names, the files as part of the skill, and what is wrong."""

    imports: frozenset[str] = frozenset()
    files: tuple[SkillFile, ...] = ()
    findings: tuple[Finding, ...] = ()


NOTHING = Shared()
NOT_SHARED = sys.stdlib_module_names | {"workbench"}


def shared_by(folder: str, content: FolderContent, entry: str, root: str) -> Shared:
    """The modules at the top of `root` that this skill's Python files import, and those that these import."""
    scripts = [file.path for file in content.files if file.path.endswith(".py")]
    if not root or not scripts:
        return NOTHING
    own = {file.path.split("/")[0].removesuffix(".py") for file in content.files}
    wanted = _imported(_sources(folder, scripts, {entry: content.entry}))
    names: set[str] = set()
    files: list[SkillFile] = []
    findings = [_not_found(path, name) for name, path in _outdone(folder, content, root, wanted)]
    while new := wanted - names - own - NOT_SHARED:
        names |= new
        for name in sorted(new):
            try:
                found = _module(root, name)
            except Unreadable as error:
                findings.append(error.finding)
                continue
            if found is not None and folder != f"{root}/{name}":
                place, module = found
                prefix = os.path.relpath(place, root)
                paths = {file.path: os.path.normpath(f"{SHARED}/{prefix}/{file.path}") for file in module.files}
                files += [_renamed(file, paths[file.path]) for file in module.files]
                findings += module.findings
                wanted |= _imported(_sources(place, (path for path in paths if path.endswith(".py")), {}))
    return Shared(imports=frozenset(names), files=tuple(files), findings=tuple(findings))


def imported(source: bytes) -> frozenset[str]:
    """The top names of every module that a source may import."""
    names: set[bytes] = set()
    for several, one, late in _IMPORT.findall(source.replace(b"\\\n", b" ")):
        names |= (
            {one or late} if one or late else {found[1] for part in several.split(b",") if (found := _NAME.match(part))}
        )
    return frozenset(name.decode() for name in names)


def _outdone(folder: str, content: FolderContent, root: str, wanted: set[str]) -> list[tuple[str, str]]:
    """The modules that the code means to import, perhaps, where the standard library has one of the same name."""
    paths = {file.path for file in content.files}
    found = []
    for name in sorted(wanted & NOT_SHARED):
        beside = [path for path in (f"{name}.py", f"{name}/__init__.py") if path in paths]
        if beside:
            found.append((name, f"{folder}/{beside[0]}"))
        elif os.path.isfile(f"{root}/{name}.py"):
            found.append((name, f"{root}/{name}.py"))
    return found


def _not_found(path: str, name: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        rule="import.name",
        message=f"`import {name}` does not find this file: it finds the {name} that comes with Python",
        place=Place(file=path),
        hint="give the file another name",
    )


def _module(root: str, name: str) -> tuple[str, FolderContent] | None:
    """The folder that a module's files lie in, and these; a package before a single file, as Python has it."""
    if os.path.isfile(f"{root}/{name}/__init__.py"):
        return f"{root}/{name}", read_folder(f"{root}/{name}", "__init__.py", alone=False)
    if not os.path.isfile(f"{root}/{name}.py"):
        return None
    data, executable = read_small(f"{root}/{name}.py")
    file = SkillFile(path=f"{name}.py", is_executable=executable, sha256=hashlib.sha256(data).hexdigest())
    return root, FolderContent(files=(file,), entry=data)


def _sources(folder: str, paths: Iterable[str], known: dict[str, bytes]) -> Iterable[bytes]:
    for path in paths:
        try:
            yield known.get(path) or read_small(f"{folder}/{path}")[0]
        except Unreadable:
            continue  # told of by whoever gathers the files


def _imported(sources: Iterable[bytes]) -> set[str]:
    return {name for source in sources for name in imported(source)}


def _renamed(file: SkillFile, path: str) -> SkillFile:
    return SkillFile(path=path, is_executable=file.is_executable, sha256=file.sha256)
