"""An author at work: writes skills as people do, and uses the command line as people do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not here")
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Author:
    """Somebody with a workspace and a home of their own."""

    workspace: Path
    environ: dict[str, str]

    @property
    def skills(self) -> Path:
        return self.workspace / "skills"

    def writes(self, path: str, content: str | bytes | dict[str, Any]) -> Path:
        """A file in skills/, in place, as a plain editor does it."""
        target = self.skills / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_bytes(content))
        return target

    def saves(self, path: str, content: str | bytes | dict[str, Any]) -> Path:
        """A file in skills/, written beside and renamed over, as careful editors do it."""
        target = self.skills / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.saving")
        beside.write_bytes(_bytes(content))
        os.replace(beside, target)
        return target

    def has_command(self, name: str, program: str, *arguments: str, **manifest: Any) -> None:
        """A code_inline skill."""
        described = {"name": name, "version": "1.0.0", "description": name, "type": "code_inline"}
        self.writes(f"{name}/skill.json", {**described, "command": program, "args": list(arguments), **manifest})

    def has_function(self, name: str, body: str, *, parameters: str = "", options: str = "") -> None:
        """A python skill: a function under the decorator."""
        self.saves(f"{name}/skill.py", function(name, body, parameters=parameters, options=options))

    def has_module(self, name: str, body: str, *, before: str = "", **manifest: Any) -> None:
        """A node skill: a manifest, and a module whose execute is this body; what is before it stands at line 1."""
        described = {"name": name, "version": "1.0.0", "description": name, "type": "node"}
        self.writes(f"{name}/skill.json", {**described, **manifest})
        self.saves(f"{name}/skill.mjs", module(body, before=before))

    def calls(
        self, *arguments: str, given: str = "", environ: dict[str, str] | None = None, cwd: Path | None = None
    ) -> Said:
        """`workbench …` in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "workbench", *arguments],
            cwd=cwd or self.workspace,
            env={**self.environ, "PYTHONPATH": str(REPOSITORY), **(environ or {})},
            input=given.encode(),
            capture_output=True,
            timeout=25,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def function(name: str, body: str, *, parameters: str = "", options: str = "") -> str:
    """The source of a skill that is one function."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        "from workbench.sdk import skill\n\n\n"
        f'@skill(name="{name}", version="1.0.0"{options})\n'
        f"def {name.replace('-', '_')}({parameters}):\n"
        f'    """A skill of a test."""\n{lines}\n'
    )


def module(body: str, *, before: str = "") -> str:
    """The source of a node skill that is one function; its body begins at line 2 where nothing is before it."""
    lines = "\n".join(f"  {line}" for line in body.splitlines())
    return f"{before}export async function execute(input, context) {{\n{lines}\n}}\n"


def _bytes(content: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(content, dict):
        return json.dumps(content, indent=2).encode()
    return content.encode() if isinstance(content, str) else content
