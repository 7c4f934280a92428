"""Let disabled skills run again."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from workbench.cli.diff_command import add_expected, expected_of
from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import GLYPHS, write
from workbench.cli.waiting import waited_for
from workbench.model.errors import WrongUse

if TYPE_CHECKING:
    from workbench.model.skill import Skill
    from workbench.runtime.runtime import Workbench


class Switch(Protocol):
    """Has a skill run, or not."""

    def __call__(self, ref: str, *, expected_version: int | None = None) -> Awaitable[Skill]: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("refs", nargs="+", metavar="REF", help="a skill's name, alias or folder")
    add_expected(parser)
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    return switched(options, lambda workbench: workbench.enable)


def switched(options: argparse.Namespace, how: Callable[[Workbench], Switch]) -> int:
    """Do this with every skill that was named, or with none where one of them is not there."""
    return waited_for(_switch, options, how)


async def _switch(options: argparse.Namespace, how: Callable[[Workbench], Switch]) -> int:
    from workbench.assembly import open_workbench

    expected = expected_of(options)
    if expected is not None and len(options.refs) > 1:
        raise WrongUse("--expected is for one skill", hint="name the skill that is at that revision")
    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        names = [workbench.find(ref).name for ref in options.refs]
        skills = [await how(workbench)(name, expected_version=expected) for name in names]
    if options.json:
        print_json({"skills": [{"name": skill.name, "state": skill.state.value} for skill in skills]})
        return 0
    for skill in skills:
        write(f"{GLYPHS[skill.state]}  {skill.name}")
    return 0
