"""What a skill asked for, what it gets here, and how well that is held: permission by permission, to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workbench.model.consent import Consent
from workbench.model.frozen import frozen, replace
from workbench.model.policy import Limits, Permissions, Promise, Tier
from workbench.model.settings import Settings
from workbench.model.skill import Kind, Skill
from workbench.runtime.sandbox.grants import Refusal, grants_of
from workbench.runtime.sandbox.hosts import EVERYONE
from workbench.runtime.sandbox.policy import Policy, policy_for

SKILL_PLACE, RUN_PLACE = "the skill's folder", "the run's own folder"


@frozen
class Effective:
    """One permission or limit as it is for one skill on this machine."""

    name: str
    asked: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    promise: Promise
    refused: tuple[Refusal, ...] = ()


def effective(
    skill: Skill,
    workspace: str,
    settings: Settings,
    tier: Tier,
    environ: Mapping[str, str],
    consents: frozenset[Consent],
    *,
    seconds: float,
) -> tuple[Effective, ...]:
    """Every permission and limit of a skill, in the order in which people ask for them."""
    manifest = skill.manifest
    policy = policy_for(
        manifest.permissions,
        manifest.limits,
        settings.security,
        tier,
        read=(SKILL_PLACE,),
        out=RUN_PLACE,
        workspace=workspace,
        spawns_by_default=skill.kind is Kind.CODE_INLINE,
        environ=environ,
        variables=manifest.environment,
        consents=consents,
    )
    promises = policy.report().promises
    return (
        *_permissions(manifest.permissions, policy, promises, workspace, consents),
        *_limits(manifest.limits, replace(policy, seconds=seconds), promises),
    )


def _permissions(
    asked: Permissions,
    policy: Policy,
    promises: Mapping[str, Promise],
    workspace: str,
    consents: frozenset[Consent],
) -> Iterator[Effective]:
    refused = grants_of(asked, workspace, policy.tier, consents).refused

    def of(permission: str) -> tuple[Refusal, ...]:
        return tuple(each for each in refused if each.permission == permission)

    read = (SKILL_PLACE, *policy.read[policy.read.index(SKILL_PLACE) + 1 :])
    yield Effective(name="read", asked=asked.file_read, given=read, promise=promises["read"], refused=of("file_read"))
    yield Effective(
        name="write", asked=asked.file_write, given=policy.write, promise=promises["write"], refused=of("file_write")
    )
    hosts = asked.network_access
    wanted = hosts if isinstance(hosts, tuple) else ("everything",) if hosts else ()
    reached = tuple("every public address" if each == EVERYONE else each for each in policy.hosts)
    yield Effective(
        name="network", asked=wanted, given=reached, promise=promises["network"], refused=of("network_access")
    )
    spawn = () if asked.process_spawn is None else ("yes",) if asked.process_spawn else ("no",)
    given = (f"up to {policy.processes} processes",) if policy.spawn else ()
    yield Effective(name="spawn", asked=spawn, given=given, promise=promises["spawn"])
    names = tuple(sorted(policy.environment))
    yield Effective(name="environment", asked=asked.environment, given=names, promise=promises["environment"])


def _limits(asked: Limits, policy: Policy, promises: Mapping[str, Promise]) -> Iterator[Effective]:
    for name, wanted, given, unit in (
        ("memory", asked.max_memory_mb, policy.memory_bytes / 1e6, "MB"),
        ("cpu", asked.max_cpu_percent, policy.cpu_percent, "% of a core"),
        ("time", asked.max_execution_time, policy.seconds, "s"),
        ("output", asked.max_output_mb, policy.output_bytes / 1e6, "MB"),
    ):
        said = () if wanted is None else (f"{wanted:g} {unit}",)
        yield Effective(name=name, asked=said, given=(f"{given:g} {unit}",), promise=promises[name])
    file = () if asked.max_file_size_mb is None else (f"{asked.max_file_size_mb:g} MB each",)
    all_files = f"{policy.file_bytes / 1e6:g} MB each", f"{policy.written_bytes / 1e6:g} MB in {policy.files:,} of them"
    yield Effective(name="files", asked=file, given=all_files, promise=promises["files"])
