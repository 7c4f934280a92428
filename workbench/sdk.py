"""What a skill's author imports: the interface, its types, and a decorator that makes a skill of a function.

Standard library only: this file is read inside the sandbox, where nothing else of the workbench exists.

    from workbench.sdk import skill

    @skill(name="shout", version="1.0.0")
    def shout(text: str, times: int = 1) -> str:
        return text.upper() + "!" * times
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar, overload

__all__ = ["SkillCapability", "SkillContext", "SkillInterface", "SkillMetadata", "SkillType", "skill"]


class SkillType(Enum):
    """What sort of skill it is, in its author's eyes."""

    BUILTIN = "builtin"
    CUSTOM = "custom"
    META = "meta"
    EXTERNAL = "external"
    TEMPLATE = "template"


@dataclass(frozen=True)
class SkillCapability:
    """One thing that a skill can do."""

    name: str
    description: str = ""
    input_types: list[str] = field(default_factory=list)
    output_types: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SkillMetadata:
    """What a skill says of itself. Written as plain values it is read without running anything."""

    skill_id: str
    name: str = ""
    version: str = "0.0.0"
    description: str = ""
    author: str = ""
    skill_type: SkillType | str = SkillType.CUSTOM
    capabilities: list[SkillCapability] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    category: str = ""
    tags: list[str] = field(default_factory=list)
    maturity: str = ""
    license: str = ""
    homepage: str = ""
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    example: Any = None
    dependencies: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, Any] = field(default_factory=dict)
    resource_limits: dict[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    isolation: str = "worker"
    config: dict[str, Any] = field(default_factory=dict)


class SkillContext(dict[str, Any]):
    """What a run is told: a mapping of plain values, with the usual ones as attributes."""

    @property
    def run_id(self) -> str:
        return str(self.get("run_id", ""))

    @property
    def session_id(self) -> str:
        return str(self.get("session_id", ""))

    @property
    def user_id(self) -> str:
        return str(self.get("user_id", ""))

    @property
    def out(self) -> str:
        """This run's own folder: what is left in it when the run ends is kept."""
        return str(self.get("out") or os.environ.get("WORKBENCH_OUT", ""))


class SkillInterface(ABC):
    """A skill as a class. Only `get_metadata` and `execute` have to be written; the rest has sensible defaults."""

    config: Mapping[str, Any] = {}

    @abstractmethod
    def get_metadata(self) -> SkillMetadata:
        """What the skill says of itself."""

    @abstractmethod
    async def execute(self, input_data: Any, context: SkillContext) -> Any:
        """Do the work. A plain method does as well as an asynchronous one."""

    async def initialize(self, config: dict[str, Any]) -> None:
        """Called once in a fresh process, before the first execute."""
        self.config = config

    async def validate(self, input_data: Any) -> bool:
        """Called before each execute; False rejects the input."""
        return True

    async def cleanup(self) -> None:  # noqa: B027  doing nothing is the default, not a duty
        """Called once, when the process is about to end."""

    async def health_check(self) -> dict[str, Any]:
        """How the skill feels."""
        return {"status": "healthy", "checked_at": datetime.now(UTC).isoformat()}


_Function = TypeVar("_Function", bound=Callable[..., Any])


@overload
def skill(function: _Function) -> _Function: ...
@overload
def skill(
    *,
    name: str = "",
    version: str = "",
    description: str = "",
    **metadata: Any,
) -> Callable[[_Function], _Function]: ...
def skill(function: Any = None, **metadata: Any) -> Any:
    """Make a skill of a function: its parameters are the inputs, its result is the output.

    A parameter called `context` is given the run's SkillContext. What SkillMetadata knows can be said as a keyword.
    """

    def mark(marked: _Function) -> _Function:
        marked.__skill__ = metadata  # type: ignore[attr-defined]
        return marked

    return mark if function is None else mark(function)
