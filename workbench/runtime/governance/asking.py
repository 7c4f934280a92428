"""What a skill needs to be allowed, whether that can be allowed at all, and how its manifest would say it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable

from workbench.model.consent import Consent, Right, asked_by, permissions_with
from workbench.model.errors import Conflict, WrongUse
from workbench.model.policy import NO_PERMISSIONS, Tier
from workbench.model.skill import RUNS_CODE, Scope, Skill
from workbench.runtime.atomic import write_atomically
from workbench.runtime.sandbox.grants import WORKSPACE, Refusal, grants_of
from workbench.runtime.sandbox.policy import is_harmless


def needed_by(skill: Skill, workspace: str, tier: Tier, held: frozenset[Consent]) -> frozenset[Consent]:
    """What its manifest asks for and only a person can allow; where there are no walls, first of all to run at all."""
    unsandboxed = Consent(right=Right.UNSANDBOXED)
    if tier is Tier.D and unsandboxed not in held:
        return frozenset({unsandboxed})
    refused = grants_of(skill.manifest.permissions, workspace, tier).refused
    return frozenset(_consent(each) for each in refused if each.may_be_allowed)


def checked(skill: Skill, consents: Collection[Consent], workspace: str, tier: Tier) -> None:
    """Raises WrongUse for what nobody can allow: it would be refused at the next run all the same.

    An approval is bound to what a skill asks for; of a broken one nobody can say what that is.
    """
    if skill.is_broken:
        first = next(finding for finding in skill.findings if finding.severity.breaks)
        hint = f"mend it, then allow it: `workbench validate {skill.name}` says all that is wrong"
        raise WrongUse(f"'{skill.name}' is broken: {first.place}  {first.message}", hint=hint)
    if skill.kind not in RUNS_CODE:
        hint = "it runs no code of its own, so that there is nothing to hold back"
        raise WrongUse(f"'{skill.name}' needs nothing to be allowed: it is of kind {skill.kind}", hint=hint)
    asked = permissions_with(NO_PERMISSIONS, consents)
    for refused in grants_of(asked, workspace, tier, frozenset(consents)).refused:
        raise WrongUse(f"'{skill.name}' cannot be allowed {refused}", hint=refused.hint)
    for consent in consents:
        if consent.right is Right.ENVIRONMENT and not is_harmless(consent.value):
            hint = "a name is letters, digits and _; what changes the programs that are started never gets in"
            raise WrongUse(f"'{consent.value}' is no variable that a skill is given", hint=hint)
        is_place = consent.right in (Right.READ, Right.WRITE)
        if is_place and not consent.value.startswith(("/", WORKSPACE)):
            raise WrongUse(f"'{consent.value}' is a skill's own anyway", hint="name a whole path, or workspace:x")


def why_nothing(skill: Skill, workspace: str, tier: Tier) -> WrongUse:
    """What to say of a skill that needs nothing to be allowed, or nothing that anybody could allow."""
    for refused in grants_of(skill.manifest.permissions, workspace, tier).refused:
        return WrongUse(f"'{skill.name}' cannot be allowed {refused}", hint=refused.hint)
    asks = (
        "its manifest gets it all that it asks for" if asked_by(skill.manifest.permissions) else "it asks for nothing"
    )
    hint = "name what else it shall have: --network HOST:PORT, --read PATH, --write-to PATH"
    return WrongUse(f"'{skill.name}' needs nothing to be allowed: {asks}", hint=hint)


def manifest_lines(skill: Skill, consents: Iterable[Consent]) -> tuple[str, ...]:
    """What would change in the manifest's `security.permissions`, a line before and a line after for each name."""
    before, after = _before_and_after(skill, consents)
    lines: list[str] = []
    for name in after:
        if before.get(name) != after[name]:
            lines += [f"- {_line(name, before[name])}"] if name in before else []
            lines.append(f"+ {_line(name, after[name])}")
    return tuple(lines)


def _line(name: str, value: object) -> str:
    return f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"


def write_into_manifest(skill: Skill, consents: Iterable[Consent]) -> None:
    """Have a skill.json ask for it; raises WrongUse where there is none, or nobody's own, and Conflict where it is not
    what was read."""
    path = skill.path
    if not path.endswith(".json") or skill.scope is Scope.BUILTIN:
        lines = "  ".join(manifest_lines(skill, consents))
        raise WrongUse(f"{path} is no JSON manifest of your own", hint=f"write by hand, in its permissions: {lines}")
    with open(path, "rb") as file:
        data, mode = file.read(), os.fstat(file.fileno()).st_mode & 0o777
    if hashlib.sha256(data).hexdigest() not in {each.sha256 for each in skill.files if each.path == skill.entry}:
        raise Conflict(f"{path} was changed meanwhile", hint="look at what it asks for now, and allow it then")
    text = data.decode()
    document = json.loads(text)
    document.setdefault("security", {})["permissions"] = _before_and_after(skill, consents)[1]
    found = re.search(r"\n([ \t]+)\"", text)
    indent = found[1] if found else "  "
    written = json.dumps(document, indent=indent, ensure_ascii=False) + ("\n" if text.endswith("\n") else "")
    write_atomically(path, written.encode(), mode=mode)


def _before_and_after(skill: Skill, consents: Iterable[Consent]) -> tuple[dict[str, object], dict[str, object]]:
    """The manifest's permissions as they are written there, without the workspace's defaults, and as they would be."""
    from workbench.model.frozen import as_mapping

    manifest = skill.manifest
    now, then = as_mapping(manifest.permissions), as_mapping(permissions_with(manifest.permissions, consents))
    named = [name for name in now if name in manifest.permissions_named]
    changed = [name for name in now if name in named or then[name] != now[name]]
    return {name: _plain(now[name]) for name in named}, {name: _plain(then[name]) for name in changed}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _consent(refused: Refusal) -> Consent:
    return Consent(right=Right(refused.permission), value=refused.asked)
