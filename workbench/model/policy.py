"""What a child of ours may do, what it may use, and how well this machine can hold it to that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from workbench.model.frozen import as_mapping, field, frozen, replace


class Tier(StrEnum):
    """How strong the walls are here, strongest first."""

    A_PLUS = "A+"
    A = "A"
    B = "B"
    D = "D"

    @property
    def has_namespaces(self) -> bool:
        return self in (Tier.A_PLUS, Tier.A)

    @property
    def rank(self) -> int:
        return list(Tier).index(self)

    def is_at_least(self, other: Tier) -> bool:
        return self.rank <= other.rank


class Hold(StrEnum):
    """How a promise is kept."""

    ENFORCED = "enforced"
    WATCHED = "watched"
    NOT_HELD = "not held"


@frozen
class Promise:
    """One thing that the sandbox promises, how well it is held, and by which layer."""

    hold: Hold
    by: str = ""

    def __str__(self) -> str:
        return f"{self.hold.value} ({self.by})" if self.by else self.hold.value


@frozen
class SandboxReport:
    """The truth about the walls around one run."""

    tier: Tier
    layers: tuple[str, ...] = ()
    promises: Mapping[str, Promise] = field(default_factory=dict)


@frozen
class Permissions:
    """What a skill asks for. Nothing asked, nothing given; process_spawn None means the kind's own default."""

    file_read: tuple[str, ...] = ()
    file_write: tuple[str, ...] = ()
    network_access: bool | tuple[str, ...] = False
    process_spawn: bool | None = None
    environment: tuple[str, ...] = ()


@frozen
class Limits:
    """How much one run may use; None means the workspace's default."""

    max_memory_mb: int | None = None
    max_cpu_percent: float | None = None
    max_execution_time: float | None = None
    max_file_size_mb: int | None = None
    max_processes: int | None = None
    max_output_mb: float | None = None


NO_PERMISSIONS = Permissions()


def with_defaults(asked: Permissions, named: Collection[str], defaults: Permissions) -> Permissions:
    """What a skill asks for, and of what its manifest does not speak the workspace's defaults."""
    unnamed = {name: value for name, value in as_mapping(defaults).items() if name not in named}
    return replace(asked, **unnamed)


DEFAULT_LIMITS = Limits()
