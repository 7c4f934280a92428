"""The front door of skill.json and NAME.json."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from workbench.model.finding import Finding, Place, Severity
from workbench.model.manifest import NodeEntry, PythonEntry
from workbench.runtime.formats.command_reader import check_working_folder
from workbench.runtime.formats.entry import Entry, Said, error_at, in_order
from workbench.runtime.formats.json_reader import JsonPlaces, JsonRefused, read_json, repeated_keys
from workbench.runtime.formats.manifest_reader import ManifestReader
from workbench.runtime.schemas.validator import Pointer

_MOST_TOLD = 20


def from_json(entry: Entry) -> Said | None:
    path = entry.path
    try:
        raw = read_json(entry.data)
    except JsonRefused as error:
        if entry.single_file and b"type" not in entry.data and b"prompt" not in entry.data:
            return None
        finding = error_at("manifest.json", error.message, path, error.line, error.column, error.hint)
        return entry.refused(None, finding)
    if not isinstance(raw, dict):
        if entry.single_file:
            return None
        return entry.refused(
            None, error_at("manifest.json", "a manifest is an object", path, 1, 1, 'write {"name": …}')
        )
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
    python: PythonEntry | None = None
    node: NodeEntry | None = None
    if raw.get("type") in ("python", "python_code"):
        from workbench.runtime.formats.python_door import python_beside  # here, because most manifests have no code

        python = python_beside(entry, raw, reader)
    if raw.get("type") in ("node", "nodejs_code"):
        from workbench.runtime.formats.node_door import node_beside

        node = node_beside(entry, raw, reader)
    kind, manifest = reader.read(folder_name=entry.name, python=python, node=node)
    if manifest.command is not None:
        check_working_folder(manifest.command, entry, reader.add)
    return Said(kind=kind, manifest=manifest, findings=in_order(reader.findings))


def _looks_like_a_manifest(raw: Mapping[str, Any]) -> bool:
    return "type" in raw or "prompt_template" in raw or "skill-workbench" in str(raw.get("$schema", ""))[:200]
