"""What a skill says of itself, parsed once: the part that every kind shares and the part that each kind adds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from workbench.model.frozen import field, frozen
from workbench.model.policy import DEFAULT_LIMITS, NO_PERMISSIONS, Limits, Permissions, Tier

NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return NOTHING


@frozen
class Capability:
    """One thing that a skill can do, in its author's words."""

    name: str
    description: str = ""
    input_types: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()


@frozen
class Command:
    """What a code_inline skill starts; arguments may hold `{name}` for an input, and stay one argument each."""

    program: str
    arguments: tuple[str, ...] = ()


@frozen
class Template:
    """A text with holes: single braces filled by us, or Jinja rendered in a sandboxed worker."""

    text: str
    is_jinja: bool = False
    output_format: str = "text"


@frozen
class PythonEntry:
    """Where a python skill's code is: a file, and in it a class with the interface or a decorated function."""

    file: str
    name: str
    is_class: bool = True


@frozen
class Manifest:
    """Everything a skill declares. Absent is None or empty; the defaults of DEFAULTS apply where it is used."""

    name: str
    title: str = ""
    version: str = "0.0.0"
    description: str = ""
    aliases: tuple[str, ...] = ()
    author: str = ""
    license: str = ""
    homepage: str = ""
    category: str = ""
    maturity: str = ""
    tags: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    input_schema: Mapping[str, object] | None = None
    output_schema: Mapping[str, object] | None = None
    example: object = None
    permissions: Permissions = NO_PERMISSIONS
    limits: Limits = DEFAULT_LIMITS
    required_tier: Tier | None = None
    timeout: float | None = None
    config: Mapping[str, object] = field(default_factory=_nothing)
    environment: Mapping[str, str] = field(default_factory=_nothing)
    dependencies: Mapping[str, str] = field(default_factory=_nothing)
    allowed_tools: tuple[str, ...] = ()
    command: Command | None = None
    template: Template | None = None
    python: PythonEntry | None = None
    body: str = ""
