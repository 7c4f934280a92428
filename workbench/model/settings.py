"""The settings, one frozen tree, with every default in one place."""

from __future__ import annotations

from enum import StrEnum

from workbench.model.frozen import field, frozen
from workbench.model.policy import NO_PERMISSIONS, Permissions, Tier


@frozen
class SkillsSettings:
    """Where skills come from, besides the workspace."""

    default_timeout: float = 30.0
    builtin_paths: tuple[str, ...] = ()
    hot_reload_enabled: bool = True


@frozen
class SecuritySettings:
    """The workspace's own bounds on every skill."""

    sandbox_enabled: bool = True
    strongest_tier: Tier = Tier.A_PLUS
    bubblewrap: str = "/usr/bin/bwrap"
    max_memory_mb: int = 256
    max_cpu_percent: float = 80.0
    max_execution_time: float = 300.0
    max_file_size_mb: int = 10
    max_processes: int = 64
    max_output_mb: float = 16.0
    max_open_files: int = 256
    max_files: int = 10_000
    max_written_mb: int = 256
    max_disk_mb_per_second: float = 100.0
    default_permissions: Permissions = NO_PERMISSIONS
    """What a skill asks for whose manifest does not speak of it."""

    @property
    def allowed_tier(self) -> Tier:
        """The strongest that may be used."""
        return self.strongest_tier if self.sandbox_enabled else Tier.D


@frozen
class PerformanceSettings:
    """How much runs at once."""

    max_workers: int = 8
    spare_workers: int = 4
    worker_idle_seconds: float = 600.0
    health_check_seconds: float = 30.0


class Gate(StrEnum):
    """What a save has to pass before it answers."""

    LOAD = "load"
    TESTS = "tests"


@frozen
class DevelopmentSettings:
    """How the watcher looks at files, and when a save answers."""

    gate: Gate = Gate.LOAD

    watch_step_ms: int = 5
    watch_debounce_ms: int = 50
    sweep_seconds: float = 30.0
    force_polling: bool = False


@frozen
class Settings:
    """Everything that can be set; a section is handed to the room that it concerns."""

    workspace: str = "."
    skills: SkillsSettings = field(default_factory=SkillsSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    performance: PerformanceSettings = field(default_factory=PerformanceSettings)
    development: DevelopmentSettings = field(default_factory=DevelopmentSettings)
