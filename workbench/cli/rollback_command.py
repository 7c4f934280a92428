"""Have a skill be what a revision of it was: its files are put back, and that is accepted as a new revision."""

from __future__ import annotations

import argparse

from workbench.cli.diff_command import add_expected, expected_of, number_of
from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import short_path, write
from workbench.cli.waiting import waited_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", help="a skill's name, alias or folder")
    parser.add_argument("revision", metavar="N", help="the revision it is to be again")
    parser.add_argument("-m", "--message", default="", help="why, for the history")
    add_expected(parser)
    parser.add_argument("--give-up-changes", action="store_true", help="also where the files hold what no revision has")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    return waited_for(_roll_back, options)


async def _roll_back(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench

    to, expected = number_of(options.revision), expected_of(options)
    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        skill = await workbench.roll_back(
            options.ref,
            to,
            message=options.message,
            expected_version=expected,
            give_up_changes=options.give_up_changes,
        )
    if options.json:
        print_json({"skill": skill.name, "revision": skill.revision, "digest": skill.digest, "as": to})
    else:
        write(f"● {skill.name} → r{skill.revision}, as r{to} was   {short_path(skill.path)}")
    return 0
