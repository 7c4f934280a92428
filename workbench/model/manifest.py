"""What a skill says of itself, parsed once: the part that every kind shares and the part that each kind adds."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from workbench.model.errors import ErrorKind
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
    """What a code_inline skill starts, and how one talks with it.

    Arguments may hold `{name}` for an input, and stay one argument each; so may `stdin`, unless it is json or none.
    With `shell` the program is a script for /bin/sh. `exit_codes` says which codes are fine (None) or which error.
    """

    program: str
    arguments: tuple[str, ...] = ()
    shell: bool = False
    stdin: str = "json"
    working_folder: str = "skill"
    output_format: str = "text"
    exit_codes: Mapping[int, ErrorKind | None] = field(default_factory=dict)


# How a sandbox ends who goes over a limit: no manifest gives these another meaning.
NEVER_MAPPED = frozenset(128 + sign for sign in (signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS))
_ONLY_A_SHELL_READS = re.compile(r"[\s|&;<>$`*]")


def looks_like_a_script(program: str) -> bool:
    """Whether the name of a program holds what only a shell reads."""
    return _ONLY_A_SHELL_READS.search(program) is not None


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
class NodeEntry:
    """Where a node skill's code is: a module that exports execute."""

    file: str


class Isolation(StrEnum):
    """Whether runs of a revision share a warm worker, one after the other, or each has a fresh one."""

    WORKER = "worker"
    RUN = "run"


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
    permissions_named: frozenset[str] = frozenset()
    limits: Limits = DEFAULT_LIMITS
    required_tier: Tier | None = None
    timeout: float | None = None
    isolation: Isolation = Isolation.WORKER
    config: Mapping[str, object] = field(default_factory=_nothing)
    environment: Mapping[str, str] = field(default_factory=_nothing)
    dependencies: Mapping[str, str] = field(default_factory=_nothing)
    allowed_tools: tuple[str, ...] = ()
    fallback_command: str = ""
    command: Command | None = None
    template: Template | None = None
    python: PythonEntry | None = None
    node: NodeEntry | None = None
    body: str = ""
