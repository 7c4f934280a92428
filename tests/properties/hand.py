"""One of several who change a skill at the same time: takes commands, a line of JSON each, and says how each ended.

python -m tests.properties.hand WORKSPACE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio

from workbench.assembly import Workbench, open_workbench
from workbench.model.errors import WorkbenchError
from workbench.model.skill import Scope
from workbench.runtime.atomic import write_atomically
from workbench.runtime.devsessions.session import Accepted


def text_of(number: int) -> str:
    """A skill that says a number."""
    manifest = {"name": "greet", "version": "1.0.0", "description": "greet", "type": "code_inline"}
    return json.dumps({**manifest, "command": "echo", "args": [str(number)]})


def save(path: str, number: int) -> None:
    write_atomically(path, text_of(number).encode())


async def carried_out(workbench: Workbench, command: dict[str, Any]) -> list[Any]:
    """What came of a command: `accepted` with the revision, or `refused` with the error's kind."""
    try:
        match command["do"]:
            case "save":
                save(f"{workbench.skills_folder}/greet/skill.json", command["number"])
                result = await workbench.reload("greet")
                if not isinstance(result, Accepted):
                    return ["refused", result.findings[0].rule]
                return ["accepted", result.skill.revision]
            case "roll back":
                skill = await workbench.roll_back("greet", command["to"], expected_version=command["expected"])
                return ["accepted", skill.revision]
            case "promote":
                inside = workbench.in_session("one")
                inside.refresh()
                skill = inside.find("greet")
                if skill.scope is not Scope.DEV:
                    skill = await inside.exchange.take(skill)
                save(skill.path, command["number"])
                await inside.promote()
                return ["accepted", workbench.history("greet")[0].number]
    except WorkbenchError as error:
        return ["refused", error.kind]
    raise ValueError(command)


async def main() -> None:
    async with open_workbench(workspace=sys.argv[1]) as workbench:
        print("ready", flush=True)  # noqa: T201
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            print(json.dumps(await carried_out(workbench, json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    Path(sys.argv[1]).resolve(strict=True)
    anyio.run(main)
