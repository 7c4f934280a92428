"""Read skills again and load each in a process of its own; says what is wrong where one does not load."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import finding_lines, write
from workbench.cli.waiting import waited_for
from workbench.model.documents import finding_document
from workbench.runtime.devsessions.session import Accepted, Refused


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("refs", nargs="+", metavar="REF", help="a skill's name, alias or folder")
    parser.add_argument("-m", "--message", default="", help="what changed, for the history")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    return waited_for(_reload, options)


async def _reload(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench

    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        results = await workbench.reload_many(options.refs, message=options.message)
    found = list(results.items())
    if options.json:
        print_json({"reloaded": [_document(name, result) for name, result in found]})
    else:
        for name, result in found:
            for line in _lines(name, result):
                write(line)
    return 0 if all(isinstance(result, Accepted) for _, result in found) else 1


def _lines(name: str, result: Accepted | Refused) -> list[str]:
    if isinstance(result, Accepted):
        steps = " · ".join(f"{step} {ms:.1f}" for step, ms in result.steps)
        return [f"● {name} r{result.skill.revision}   {steps} ms"]
    answering = f"r{result.answering.revision} goes on answering" if result.answering else "nothing answers yet"
    return [f"✕ {name}: {answering}", *(line for finding in result.findings for line in finding_lines(finding))]


def _document(name: str, result: Accepted | Refused) -> dict[str, Any]:
    answering = result.skill if isinstance(result, Accepted) else result.answering
    return {
        "skill": name,
        "is_reloaded": isinstance(result, Accepted),
        "revision": answering.revision if answering else None,
        "findings": [finding_document(each) for each in result.findings] if isinstance(result, Refused) else [],
        "steps": dict(result.steps),
    }
