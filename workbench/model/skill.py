"""A skill: one named, versioned thing that can run, immutable once read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum

from workbench.model.finding import Finding, breaks
from workbench.model.frozen import frozen, replace
from workbench.model.manifest import Manifest

LEGAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


class Kind(StrEnum):
    """How a skill runs."""

    CODE_INLINE = "code_inline"
    CODE_SESSION = "code_session"
    CONVERSATION = "conversation"
    PROMPT_INLINE = "prompt_inline"
    PROMPT = "prompt"
    PYTHON = "python"
    NODE = "node"
    WORKFLOW = "workflow"
    AGENT_SKILL = "agent_skill"


RUNS_CODE = frozenset({Kind.CODE_INLINE, Kind.PYTHON, Kind.NODE})
"""The kinds whose own code runs: only what these ask for is looked at before a run."""


class Scope(StrEnum):
    """Where a skill comes from, nearest first; the nearest wins."""

    DEV = "dev"
    WORKSPACE = "workspace"
    USER = "user"
    BUILTIN = "builtin"


class SkillState(StrEnum):
    """What can be said of a skill at a glance."""

    OK = "ok"
    UNREAD = "unread"
    RELOADING = "reloading"
    BROKEN = "broken"
    TESTS_RED = "tests_red"
    DISABLED = "disabled"


_S = SkillState
MOVES: dict[SkillState, frozenset[SkillState]] = {
    _S.OK: frozenset({_S.RELOADING, _S.BROKEN, _S.TESTS_RED, _S.DISABLED}),
    _S.UNREAD: frozenset({_S.RELOADING, _S.OK, _S.BROKEN, _S.DISABLED}),
    _S.RELOADING: frozenset({_S.OK, _S.UNREAD, _S.BROKEN, _S.TESTS_RED, _S.DISABLED}),
    _S.BROKEN: frozenset({_S.RELOADING, _S.OK, _S.UNREAD, _S.DISABLED}),
    _S.TESTS_RED: frozenset({_S.RELOADING, _S.OK, _S.BROKEN, _S.DISABLED}),
    _S.DISABLED: frozenset({_S.OK, _S.UNREAD, _S.BROKEN}),
}


# Below this, in a revision, lie the modules that skills share. Names with a dot before them are never a skill's own.
SHARED = ".shared"


@frozen
class SkillFile:
    """One regular file of a skill, or of a module that it shares with others, as it was read."""

    path: str
    is_executable: bool
    sha256: str


@frozen
class Skill:
    """One skill as its files said it at one moment; an edit makes a new one."""

    name: str
    kind: Kind | None
    scope: Scope
    folder: str
    entry: str
    files: tuple[SkillFile, ...]
    digest: str
    manifest: Manifest
    findings: tuple[Finding, ...] = ()
    state: SkillState = SkillState.OK
    revision: int = 0
    last_good: int = 0
    single_file: bool = False
    shared_root: str = ""
    imports: frozenset[str] = frozenset()
    origin: str = ""
    """Where its author has what was kept of it, where it is read from there; '' where it is the author's own."""

    @property
    def path(self) -> str:
        """The file that a person would open; the folder where that cannot be read."""
        return f"{self.folder}/{self.entry}" if self.entry else self.folder

    @property
    def home(self) -> str:
        """What is its own on the disk: the folder, or the single file."""
        return self.path if self.single_file else self.folder

    @property
    def authors_home(self) -> str:
        """What is its own on the author's disk."""
        return self.origin or self.home

    def path_of(self, file: str) -> str:
        """Where one of its files lies: below its folder, or with the modules that skills share."""
        if file.startswith(f"{SHARED}/"):
            return f"{self.shared_root}/{file.removeprefix(f'{SHARED}/')}"
        return f"{self.folder}/{file}"

    def holds(self, path: str) -> bool:
        """Whether a file on the disk is one of its own, or of the modules that it shares."""
        if path.startswith(f"{self.folder}/") and not self.single_file:
            return True
        return path == self.path or any(path == self.path_of(file.path) for file in self.files)

    @property
    def folder_name(self) -> str:
        """What the folder, or the single file without its ending, is called."""
        return self.entry.rpartition(".")[0] if self.single_file else self.folder.rpartition("/")[2]

    @property
    def is_broken(self) -> bool:
        return self.state is SkillState.BROKEN

    def moved_to(self, state: SkillState) -> Skill:
        """The same skill in another state; a move that MOVES does not list is a mistake of ours."""
        if state is self.state:
            return self
        if state not in MOVES[self.state]:
            raise ValueError(f"a skill does not go from {self.state} to {state}")
        return replace(self, state=state)

    def with_findings(self, findings: Iterable[Finding]) -> Skill:
        """The same skill knowing more, and nothing twice; broken if that breaks it."""
        every = tuple(dict.fromkeys((*self.findings, *findings)))
        return replace(self, findings=every, state=SkillState.BROKEN if breaks(every) else self.state)


def digest_of(files: Iterable[SkillFile]) -> str:
    """SHA-256 over the sorted (path, execute bit, SHA-256) of a skill's files."""
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.path.encode("utf-8", "surrogateescape")):
        bit = "x" if file.is_executable else "-"
        whole.update(f"{file.path}\0{bit}\0{file.sha256}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


@frozen
class Ref:
    """How a person names a skill: a name, and behind `@` a revision (`r3`) or a version range."""

    name: str
    version: str = ""
    revision: int = 0
    last_good: int = 0

    def __str__(self) -> str:
        if self.revision:
            return f"{self.name}@r{self.revision}"
        return f"{self.name}@{self.version}" if self.version else self.name


def parse_ref(text: str) -> Ref:
    """`name`, `name@1.2`, `name@^1` or `name@r3`."""
    name, _, behind = text.partition("@")
    if re.fullmatch(r"r[0-9]{1,9}", behind, re.ASCII):
        return Ref(name=name, revision=int(behind[1:]))
    return Ref(name=name, version=behind)
