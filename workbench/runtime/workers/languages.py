"""What workers are written in: the program that is started, what it has to see, and how it is told what to load."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Protocol

import anyio

from workbench.model.frozen import field, frozen, replace
from workbench.model.manifest import Manifest
from workbench.runtime.sandbox.policy import Policy
from workbench.runtime.sandbox.spawning import interpreter
from workbench.runtime.workers import child as child_module
from workbench.runtime.workers.wire import largest_frame

ADDRESS_SPACE_FLOOR = 1 << 30
LEAST_HEAP_MB = 32
ASKING_SECONDS = 10.0
_HERE = os.path.dirname(os.path.realpath(child_module.__file__))
CHILD_SCRIPT, PYTHON_TELLING = f"{_HERE}/child.py", f"{_HERE}/telling.py"
# What only some skills need of the worker's own side.
BESIDE = tuple(f"{_HERE}/{name}.py" for name in ("awaiting", "overlap", "trial"))
NODE_SCRIPT, NODE_TELLING = f"{_HERE}/child.mjs", f"{_HERE}/telling.mjs"
SDK = os.path.realpath(f"{_HERE}/../../sdk.py")


class Language(Protocol):
    """One for each kind of skill that runs in workers; equal ones may share a spare."""

    @property
    def reads(self) -> tuple[str, ...]:
        """What a worker has to read besides its skill."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What its environment has to say."""

    def command(self, policy: Policy, *, is_spare: bool) -> tuple[str, ...]:
        """What the warden starts."""

    def entry_of(self, manifest: Manifest) -> Mapping[str, object]:
        """What of a skill's files is loaded, in the words of the worker's own side."""


@frozen
class Setup:
    """A language behind walls: all that is to say of a worker but its own two folders."""

    language: Language
    walls: Policy

    def placed(self, code: str, out: str) -> Setup:
        return replace(self, walls=self.walls.placed(code, out))

    def command(self, *, is_spare: bool) -> tuple[str, ...]:
        return self.language.command(self.walls, is_spare=is_spare)


@frozen
class Python:
    """The very Python that the workbench runs on."""

    reads: tuple[str, ...] = (CHILD_SCRIPT, PYTHON_TELLING, *BESIDE, SDK)
    variables: Mapping[str, str] = field(default_factory=dict)

    def command(self, policy: Policy, *, is_spare: bool) -> tuple[str, ...]:
        memory = max(ADDRESS_SPACE_FLOOR, policy.memory_bytes * 5 // 4)
        return python_command(policy, memory=memory, is_spare=is_spare)

    def entry_of(self, manifest: Manifest) -> Mapping[str, object]:
        assert manifest.python is not None
        entry = manifest.python
        return {"file": entry.file, "name": entry.name, "is_class": entry.is_class, "metadata": True}


def python_command(policy: Policy, *, memory: int, is_spare: bool) -> tuple[str, ...]:
    """A Python worker that may address so much memory."""
    options = ("-I", "-S", "-B")
    return interpreter(), *options, CHILD_SCRIPT, SDK, str(memory), *_last_arguments(policy, is_spare=is_spare)


def _last_arguments(policy: Policy, *, is_spare: bool) -> tuple[str, str]:
    """Whether there is time until somebody asks, and how large an answer may be."""
    return "spare" if is_spare else "now", str(largest_frame(policy.output_bytes))


@frozen
class Node:
    """A node program. V8 reserves more address space than it uses, so that its heap is held instead."""

    program: str

    @property
    def reads(self) -> tuple[str, ...]:
        own = () if self.program.startswith("/usr/") else (self.program, *_libraries_of(self.program))
        return (NODE_SCRIPT, NODE_TELLING, *own)

    @property
    def variables(self) -> Mapping[str, str]:
        return {"UV_USE_IO_URING": "0"}

    def command(self, policy: Policy, *, is_spare: bool) -> tuple[str, ...]:
        heap = max(LEAST_HEAP_MB, policy.memory_bytes * 3 // 4 >> 20)
        # Without a file of settings OpenSSL reads the system's, and ends the process where the walls refuse that.
        options = ("--openssl-config=/dev/null", f"--max-old-space-size={heap}")
        return self.program, *options, NODE_SCRIPT, *_last_arguments(policy, is_spare=is_spare)

    def entry_of(self, manifest: Manifest) -> Mapping[str, object]:
        assert manifest.node is not None
        return {"file": manifest.node.file}


async def found_node(environ: Mapping[str, str]) -> Node | None:
    """The real program behind `node` on somebody's PATH; None where there is none that can be started."""
    found = shutil.which("node", path=environ.get("PATH", os.defpath))
    if found is None:
        return None
    program = os.path.realpath(found)
    if not _is_program(program):
        program = await _asked(found, environ)
    return Node(program=program) if program else None


def _is_program(path: str) -> bool:
    """Whether it is node itself, and nothing of a version manager's that looks for one."""
    try:
        with open(path, "rb") as file:
            return os.path.basename(path).startswith("node") and file.read(4) == b"\x7fELF"
    except OSError:
        return False


async def _asked(found: str, environ: Mapping[str, str]) -> str:
    """What a version manager's own program starts in the end."""
    command = [os.path.abspath(found), "-p", "process.execPath"]
    try:
        with anyio.fail_after(ASKING_SECONDS):
            done = await anyio.run_process(command, env=environ, cwd="/", stderr=subprocess.DEVNULL, check=False)
    except (OSError, TimeoutError):
        return ""
    program = os.path.realpath(done.stdout.decode("utf-8", "replace").strip())
    return program if _is_program(program) else ""


def _libraries_of(program: str) -> tuple[str, ...]:
    """Where a node that was built to share them keeps its libraries: beside the folder that it lies in."""
    folder = f"{os.path.dirname(os.path.dirname(program))}/lib"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    return tuple(f"{folder}/{name}" for name in names if name.startswith("libnode.so") and _is_own(f"{folder}/{name}"))


def _is_own(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)
