"""Give a skill another name: in its file, in the name of its folder, and in everything that is known of it."""

from __future__ import annotations

import argparse

from workbench.cli.diff_command import add_expected, expected_of
from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import short_path, write
from workbench.cli.waiting import waited_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", help="a skill's name, alias or folder")
    parser.add_argument("new", metavar="NAME", help="what it is to be called")
    add_expected(parser)
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    return waited_for(_rename, options)


async def _rename(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench

    expected = expected_of(options)
    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        old = workbench.find(options.ref).name
        skill = await workbench.rename(options.ref, options.new, expected_version=expected)
        left = workbench.left_behind(old, skill.name)
    if options.json:
        told = {"before": old, "name": skill.name, "path": skill.path, "revision": skill.revision or None}
        print_json({**told, "note": left or None})
        return 0
    write(f"● {old} → {skill.name}   {short_path(skill.path)}")
    if left:
        write(f"  {left}")
    return 0
