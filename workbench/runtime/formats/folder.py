"""A skill's files: which of them count, what they hold, and their digests. Links are not followed, nothing is run."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase

from workbench.model.finding import Finding, Place, Severity, printable
from workbench.model.frozen import frozen
from workbench.model.skill import SkillFile
from workbench.runtime.atomic import open_regular

MAX_FILES = 2_000
MAX_TOTAL_BYTES = 100_000_000
MAX_MANIFEST_BYTES = 1_000_000
MAX_DEPTH = 12
MAX_TOLD = 20
CACHES, PACKAGES = "__pycache__", "node_modules"
LEFT_OUT_FOLDERS = frozenset({"tests", "evals", CACHES, PACKAGES})
LEFT_OUT_ENDINGS = (".pyc", ".pyo", "~", ".swp", ".swo", ".orig", ".rej", ".tmp", ".bak")
IGNORE_FILE = ".skillignore"
MAX_IGNORE_BYTES, MAX_IGNORE_LINES = 64_000, 200
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@frozen
class FolderContent:
    """What was found: the files that make the digest, the entry's bytes, and what is wrong."""

    files: tuple[SkillFile, ...]
    entry: bytes
    findings: tuple[Finding, ...] = ()


class Unreadable(Exception):
    """A skill's folder or entry cannot be read at all."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def counts(name: str) -> bool:
    """Whether a file of this name is part of a skill: not hidden, no cache, no editor's leftover."""
    return not (name.startswith((".", "#")) or name.endswith(LEFT_OUT_ENDINGS) or name == "4913")


def read_folder(folder: str, entry: str, *, alone: bool, packages: bool = False) -> FolderContent:
    """Read what makes the skill, the entry only where nothing stands beside it; raises Unreadable.

    `packages` says that what node's packages hold belongs to it, whatever their folders are called.
    """
    data, executable = read_small(f"{folder}/{entry}")
    first = SkillFile(path=entry, is_executable=executable, sha256=hashlib.sha256(data).hexdigest())
    if alone:
        return FolderContent(files=(first,), entry=data)
    collector = _Collector(folder, first, len(data), packages=packages)
    try:
        collector.collect()
    except OSError as error:
        raise Unreadable(_unopened(folder, error)) from None
    return FolderContent(files=tuple(collector.files), entry=data, findings=tuple(collector.findings))


def read_small(path: str, limit: int = MAX_MANIFEST_BYTES) -> tuple[bytes, bool]:
    """A regular file's bytes up to a limit and its execute bit, without following a link; raises Unreadable."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise Unreadable(_unopened(path, error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(_error("file.unreadable", "is not a regular file", path, "put a regular file here"))
        if status.st_size > limit:
            message = f"{status.st_size / 1e6:,.1f} MB, and at most {limit / 1e6:g} MB is read"
            raise Unreadable(_error("file.size", message, path, "keep data in a file of its own"))
        return os.read(descriptor, status.st_size + 1), bool(status.st_mode & 0o111)
    except OSError as error:
        raise Unreadable(_unopened(path, error)) from None
    finally:
        os.close(descriptor)


def _unopened(path: str, error: OSError) -> Finding:
    if os.path.islink(path):
        return _error("file.link", "is a link, and links are not followed", path, "put a copy of the file here")
    message = f"cannot be read: {error.strerror or error}"
    return _error("file.unreadable", message, path, "look at its permissions, and who owns it")


class _Collector:
    """Walks one skill's folder, hashing what counts until it is too much."""

    def __init__(self, folder: str, first: SkillFile, size: int, *, packages: bool) -> None:
        self._folder, self._entry, self._total, self._packages = folder, first.path, size, packages
        self.files = [first]
        self.findings: list[Finding] = []
        self._ignored = self._ignore_patterns()

    def collect(self) -> None:
        for relative in self._walk():
            if relative == self._entry:
                continue
            if len(self.files) >= MAX_FILES:
                self._too_much(f"over {MAX_FILES:,} files")
                return
            try:
                with open_regular(f"{self._folder}/{relative}") as file:
                    status = os.fstat(file.fileno())
                    self._total += status.st_size
                    if self._total > MAX_TOTAL_BYTES:
                        self._too_much(f"over {MAX_TOTAL_BYTES // 1_000_000} MB of files")
                        return
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                self._tell(_unopened(f"{self._folder}/{relative}", error))
                continue
            executable = bool(status.st_mode & 0o111)
            self.files.append(SkillFile(path=relative, is_executable=executable, sha256=digest))

    def _walk(self) -> Iterator[str]:
        """The files that count, by their paths in the folder, in an order that does not depend on the disk."""
        stack = [("", 0)]
        while stack:
            prefix, depth = stack.pop()
            try:
                with os.scandir(f"{self._folder}/{prefix}") as listing:
                    items = sorted(listing, key=lambda item: item.name)
            except OSError as error:
                self._tell(_unopened(f"{self._folder}/{prefix}".rstrip("/"), error))
                continue
            for item in items:
                relative = f"{prefix}{item.name}"
                if not counts(item.name) or self._is_ignored(relative):
                    continue
                path = f"{self._folder}/{relative}"
                if printable(item.name) != item.name:
                    message = "a file's name must be text without control characters"
                    self._tell(_error("folder.name", message, printable(path), "rename it, or name it in .skillignore"))
                elif item.is_symlink():
                    self._tell_of_link(path)
                elif item.is_file():
                    yield relative
                elif item.is_dir() and not self._is_left_out(relative):
                    if depth < MAX_DEPTH:
                        stack.append((f"{relative}/", depth + 1))
                    else:
                        message = f"over {MAX_DEPTH} folders deep"
                        self._tell(_error("folder.depth", message, path, "make it flatter, or name it in .skillignore"))

    def _is_left_out(self, relative: str) -> bool:
        parts = relative.split("/")
        return parts[-1] in ({CACHES} if self._packages and PACKAGES in parts else LEFT_OUT_FOLDERS)

    def _ignore_patterns(self) -> tuple[str, ...]:
        path = f"{self._folder}/{IGNORE_FILE}"
        try:
            data, _ = read_small(path, MAX_IGNORE_BYTES)
        except Unreadable as error:
            if os.path.lexists(path):
                self._tell(error.finding)
            return ()
        lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
        patterns = tuple(line for line in lines if line and not line.startswith("#"))
        if len(patterns) > MAX_IGNORE_LINES:
            message = f"over {MAX_IGNORE_LINES} patterns"
            self._tell(_error("folder.ignore", message, path, "name whole folders: build/"))
        return patterns[:MAX_IGNORE_LINES]

    def _is_ignored(self, relative: str) -> bool:
        return any(_matches(pattern, relative) for pattern in self._ignored)

    def _too_much(self, message: str) -> None:
        hint = f"name what does not belong to the skill in {IGNORE_FILE}"
        self.findings.append(_error("folder.size", message, self._folder, hint))

    def _tell_of_link(self, path: str) -> None:
        message, hint = "is a link, and links are not part of a skill", "put a copy of the file here"
        place = Place(file=path)
        self._tell(Finding(severity=Severity.WARNING, rule="folder.link", message=message, place=place, hint=hint))

    def _tell(self, finding: Finding) -> None:
        """A folder can hold any number of what is wrong with it: the first tell the story, and one must break it."""
        if len(self.findings) < MAX_TOLD or (finding.severity.breaks and not self.findings[-1].severity.breaks):
            self.findings.append(finding)


def _matches(pattern: str, relative: str) -> bool:
    """A pattern with a slash is matched against the whole path, one without against every part of it."""
    wanted = pattern.strip("/")
    if "/" in wanted:
        return fnmatchcase(relative, wanted) or relative.startswith(f"{wanted}/")
    return any(fnmatchcase(part, wanted) for part in relative.split("/"))


def _error(rule: str, message: str, file: str, hint: str) -> Finding:
    return Finding(severity=Severity.ERROR, rule=rule, message=message, place=Place(file=file), hint=hint)
