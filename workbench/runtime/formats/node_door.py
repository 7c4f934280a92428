"""The code of a manifest of type node: the module that it names, or the one that goes by a usual name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.model.finding import Severity
from workbench.model.manifest import NodeEntry
from workbench.runtime.formats.entry import Entry
from workbench.runtime.formats.manifest_reader import ManifestReader
from workbench.runtime.schemas.words import nearest

USUAL = ("skill.mjs", "index.mjs", "skill.js", "index.js")
ENDINGS = (".mjs", ".js", ".cjs")


def node_beside(entry: Entry, raw: Mapping[str, Any], reader: ManifestReader) -> NodeEntry | None:
    """What is loaded when the skill runs. It is not read here: only node can say what it exports."""
    if entry.single_file:
        hint = f"put both into a folder: {entry.name}/skill.json and {entry.name}/skill.mjs"
        reader.add(Severity.ERROR, "node.entry", "a node skill is a folder with a module in it", ("type",), hint)
        return None
    said = raw.get("entry")
    if not isinstance(said, str):
        found = next((name for name in USUAL if name in entry.beside), None)
        if found is None:
            hint = 'write skill.mjs beside the manifest, or name the module: "entry": "src/main.mjs"'
            reader.add(Severity.ERROR, "node.entry", "there is no module", ("type",), hint)
        return NodeEntry(file=found) if found else None
    file = said.removeprefix("./")
    modules = tuple(sorted(path for path in entry.beside if path.endswith(ENDINGS)))
    if file in modules:
        return NodeEntry(file=file)
    hint = nearest(file, modules) or "name a module of this folder that ends with .mjs, .js or .cjs: skill.mjs"
    what = "is no module that node loads" if file in entry.beside else "is not a file of this skill"
    reader.add(Severity.ERROR, "node.entry", f"'{said[:80]}' {what}", ("entry",), hint)
    return None
