"""What a person allowed a skill beyond what its manifest gets it, and for how long that holds."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from workbench.model.frozen import frozen, replace
from workbench.model.policy import Permissions
from workbench.model.skill import Scope, Skill


class Right(StrEnum):
    """What can be allowed. The values are the manifest's own words, but for the last."""

    READ = "file_read"
    WRITE = "file_write"
    NETWORK = "network_access"
    ENVIRONMENT = "environment"
    SPAWN = "process_spawn"
    UNSANDBOXED = "unsandboxed"


@frozen
class Consent:
    """One thing that is allowed: a right, and the path, host or name that it is about."""

    right: Right
    value: str = ""

    def __str__(self) -> str:
        return f"{self.right.value} {self.value}".rstrip()

    @property
    def words(self) -> str:
        """What it may do then, as people say it."""
        return f"{_WORDS[self.right]} {self.value}".rstrip()


_WORDS = {
    Right.READ: "read",
    Right.WRITE: "read and write",
    Right.NETWORK: "talk to",
    Right.ENVIRONMENT: "know the variable",
    Right.SPAWN: "start processes",
    Right.UNSANDBOXED: "run without a sandbox",
}


@frozen
class Approval:
    """What was allowed to one skill, as it was at that time."""

    skill: str
    realm: str
    consents: frozenset[Consent]
    asked: frozenset[Consent]
    """What the manifest asked for: whoever asks for more has to be approved again."""
    home: str
    """Where the code lay: the same name with code from elsewhere is another skill."""
    digest: str
    """The very code, where it is not one's own; '' where it is."""
    at: float
    is_own: bool = True
    """Whether you said so on this machine: it may have come with the folder."""

    def void_for(self, skill: Skill) -> str:
        """Why this does not hold for a skill as it is now; nothing where it does."""
        if not self.is_own:
            return "you did not give it on this machine"
        if skill.authors_home != self.home:
            return "its code lies elsewhere now"
        if self.digest and skill.digest != self.digest:
            return "it is not the code that was approved"
        if more := asked_by(skill.manifest.permissions) - self.asked:
            return f"it asks for more now: {', '.join(sorted(map(str, more)))}"
        return ""


def approval_of(skill: Skill, realm: str, consents: Iterable[Consent], at: float) -> Approval:
    """These consents, bound to a skill: one's own by what it asks for and where it lies, others by their code too."""
    return Approval(
        skill=skill.name,
        realm=realm,
        consents=frozenset(consents),
        asked=asked_by(skill.manifest.permissions),
        home=skill.authors_home,
        digest=skill.digest if skill.scope is Scope.BUILTIN else "",
        at=at,
    )


def asked_by(permissions: Permissions) -> frozenset[Consent]:
    """Everything that a manifest asks for, one by one."""
    hosts = permissions.network_access
    return frozenset(
        (
            *(Consent(right=Right.READ, value=path) for path in permissions.file_read),
            *(Consent(right=Right.WRITE, value=path) for path in permissions.file_write),
            *(Consent(right=Right.NETWORK, value=host) for host in (hosts if isinstance(hosts, tuple) else ())),
            *((Consent(right=Right.NETWORK, value="*"),) if hosts is True else ()),
            *(Consent(right=Right.ENVIRONMENT, value=name) for name in permissions.environment),
            *((Consent(right=Right.SPAWN),) if permissions.process_spawn else ()),
        )
    )


def permissions_with(permissions: Permissions, consents: Iterable[Consent]) -> Permissions:
    """What a manifest asks for, and what was allowed besides."""
    by_right: dict[Right, list[str]] = {right: [] for right in Right}
    for consent in sorted(consents, key=str):
        by_right[consent.right].append(consent.value)
    hosts = permissions.network_access
    if by_right[Right.NETWORK]:
        listed = hosts if isinstance(hosts, tuple) else ("*",) if hosts else ()
        hosts = _joined(listed, by_right[Right.NETWORK])
    return replace(
        permissions,
        file_read=_joined(permissions.file_read, by_right[Right.READ]),
        file_write=_joined(permissions.file_write, by_right[Right.WRITE]),
        network_access=hosts,
        environment=_joined(permissions.environment, by_right[Right.ENVIRONMENT]),
        process_spawn=True if by_right[Right.SPAWN] else permissions.process_spawn,
    )


def _joined(asked: tuple[str, ...], allowed: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*asked, *allowed)))
