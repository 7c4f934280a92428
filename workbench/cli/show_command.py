"""One skill: what it says, what it takes and gives, what it may do, and what is wrong with it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import BETWEEN, GLYPHS, columns, finding_lines, paragraphs, short_path, write
from workbench.cli.waiting import waited_for
from workbench.model.documents import skill_document
from workbench.model.finding import printable
from workbench.model.frozen import as_mapping
from workbench.model.skill import Skill
from workbench.model.words import counted

if TYPE_CHECKING:
    from workbench.runtime.sandbox.effective import Effective


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", help="a skill's name, alias or folder")
    parser.add_argument(
        "--load", action="store_true", help="ask the skill's own code, in the sandbox, what cannot be read"
    )
    parser.add_argument("--policy", action="store_true", help="what it asks for, what it gets here, and what holds it")
    parser.add_argument("--observed", action="store_true", help="what its last runs did, as far as the walls can tell")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    if options.policy:
        return _show_policy(options)
    if options.observed:
        return _show_observed(options)
    skill = _loaded(options) if options.load else _read(options)
    if options.json:
        print_json(document(skill))
    else:
        for line in _lines(skill):
            write(line)
    return 0


def document(skill: Skill) -> dict[str, Any]:
    manifest = skill.manifest
    limits = {name: value for name, value in as_mapping(manifest.limits).items() if value is not None}
    return {
        **skill_document(skill),
        "title": manifest.title,
        "aliases": list(manifest.aliases),
        "author": manifest.author,
        "license": manifest.license,
        "homepage": manifest.homepage,
        "category": manifest.category,
        "maturity": manifest.maturity,
        "tags": list(manifest.tags),
        "capabilities": [as_mapping(capability) for capability in manifest.capabilities],
        "input_schema": manifest.input_schema,
        "output_schema": manifest.output_schema,
        "example": manifest.example,
        "permissions": as_mapping(manifest.permissions),
        "limits": limits,
        "timeout": manifest.timeout,
        "fallback_command": manifest.fallback_command or None,
        "dependencies": dict(manifest.dependencies),
        "files": [{"path": file.path, "sha256": file.sha256, "executable": file.is_executable} for file in skill.files],
        "text": manifest.template.text if manifest.template else manifest.body or None,
    }


def _read(options: argparse.Namespace) -> Skill:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings
    from workbench.model.skill import parse_ref

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ, options.dev) as library:
        return library.find(library.gathered(library.read_all()), parse_ref(options.ref))


def _loaded(options: argparse.Namespace) -> Skill:
    from workbench.assembly import open_workbench

    async def load() -> Skill:
        async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
            return await workbench.load(options.ref)

    return waited_for(load)


def _show_policy(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench

    async def read() -> tuple[str, str, tuple[Effective, ...]]:
        async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
            return workbench.find(options.ref).name, workbench.tier.value, workbench.policy(options.ref)

    name, tier, policy = waited_for(read)
    if options.json:
        print_json({"name": name, "tier": tier, "policy": [_policy_document(each) for each in policy]})
        return 0
    write(f"{name}   sandbox {tier}")
    rows = [("  permission", "asked", "given", "held")]
    rows += [(f"  {each.name}", _list(each.asked), _list(each.given), str(each.promise)) for each in policy]
    for line in paragraphs(rows):
        write(line)
    for refused in (refusal for each in policy for refusal in each.refused):
        write(f"✕ {printable(str(refused))}  ({refused.hint})")
    return 0


def _show_observed(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings
    from workbench.model.skill import parse_ref

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ, options.dev) as library:
        skill = library.find(library.gathered(library.read_all()), parse_ref(options.ref))
        observed = library.history.observed(skill.name)
    differences = tuple(observed.differences(skill.manifest.permissions))
    if options.json:
        print_json({"name": skill.name, "observed": as_mapping(observed), "differences": list(differences)})
        return 0
    write(
        f"{skill.name}   its last {counted(observed.runs, 'run')}" if observed.runs else f"{skill.name} has not run yet"
    )
    for line in paragraphs([(f"  {name}", printable(words)) for name, words in observed.facts()]):
        write(line)
    for words in differences:
        write(f"▲ {printable(words)}")
    return 0


def _policy_document(effective: Effective) -> dict[str, Any]:
    promise = effective.promise
    return {
        **as_mapping(effective),
        "promise": {"hold": promise.hold.value, "by": promise.by},
        "refused": [as_mapping(each) for each in effective.refused],
    }


def _list(words: tuple[str, ...]) -> str:
    return BETWEEN.join(map(printable, words)) or "–"


def _lines(skill: Skill) -> Iterator[str]:
    manifest = skill.manifest
    revision = f"  r{skill.revision}" if skill.revision else ""
    yield f"{skill.name} {manifest.version}{revision}   {GLYPHS[skill.state]}"
    if manifest.description:
        yield f"  {manifest.description}"
    if skill.is_broken and skill.last_good:
        yield f"  its last good revision goes on answering: workbench show {skill.name}@r{skill.last_good}"
    yield ""
    facts = {
        "kind": skill.kind.value if skill.kind else "–",
        "scope": skill.scope.value,
        "path": short_path(skill.path),
        "digest": skill.digest[:16] or "–",
        "aliases": ", ".join(manifest.aliases),
        "author": manifest.author,
        "license": manifest.license,
        "category": manifest.category,
        "tags": ", ".join(manifest.tags),
        "may": ", ".join(_asked(skill)),
        "fallback": printable(manifest.fallback_command),
    }
    yield from paragraphs([(f"  {name}", value) for name, value in facts.items() if value])
    yield from _inputs(manifest.input_schema)
    if manifest.example is not None:
        yield ""
        example = shlex.quote(json.dumps(manifest.example, ensure_ascii=False))
        yield f"  example  workbench run {skill.name} --input {example}"
    text = manifest.template.text if manifest.template else manifest.body
    if text:
        yield ""
        yield from text.rstrip().splitlines()
    if skill.findings:
        yield ""
        for finding in skill.findings:
            yield from finding_lines(finding)


def _asked(skill: Skill) -> Iterator[str]:
    permissions = skill.manifest.permissions
    if permissions.file_read:
        yield f"read {' '.join(permissions.file_read)}"
    if permissions.file_write:
        yield f"write {' '.join(permissions.file_write)}"
    if permissions.network_access:
        hosts = permissions.network_access
        yield f"talk to {' '.join(hosts) if isinstance(hosts, tuple) else 'every public address'}"
    if permissions.environment:
        yield f"know {' '.join(permissions.environment)}"


def _inputs(schema: Mapping[str, Any] | None) -> Iterator[str]:
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return
    required = (schema or {}).get("required") or ()
    yield ""
    yield "  inputs"
    yield from columns([_input(name, rule, name in required) for name, rule in properties.items()])


def _input(name: str, rule: object, is_required: bool) -> tuple[str, str, str, str]:
    said: Mapping[str, Any] = rule if isinstance(rule, Mapping) else {}
    kind = " | ".join(map(str, said["enum"])) if "enum" in said else said.get("type", "any")
    kind = " | ".join(kind) if isinstance(kind, list) else str(kind)
    default = f"default {json.dumps(said['default'], ensure_ascii=False)}" if "default" in said else ""
    return f"    {name}", kind, "required" if is_required else default, str(said.get("description", ""))
