"""A skill whose metadata had to be asked of its own code: what the code said, put into its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.model.finding import Place
from workbench.model.frozen import replace
from workbench.model.skill import Skill, SkillState
from workbench.runtime.formats.manifest_reader import ManifestReader
from workbench.runtime.formats.python_door import as_manifest
from workbench.runtime.schemas.validator import Pointer


def with_metadata(skill: Skill, metadata: Mapping[str, Any]) -> Skill:
    """The skill as its code describes it, under the name it is already known by."""

    def locate(_: Pointer) -> Place:
        return Place(file=skill.path)

    raw = {key: value for key, value in as_manifest(metadata).items() if value not in ("", [], {})}
    reader = ManifestReader(raw, locate)
    _, manifest = reader.read(folder_name=skill.name, python=skill.manifest.python)
    manifest = replace(manifest, name=skill.name)
    return replace(skill, manifest=manifest, state=SkillState.OK).with_findings(reader.findings)
