"""What changed between two revisions of a skill, or between a revision and its files as they are."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import write
from workbench.model.errors import WrongUse
from workbench.runtime.library.differences import Difference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", help="a skill's name, alias or folder")
    parser.add_argument("before", nargs="?", default="", metavar="A", help="a revision (default: the newest)")
    parser.add_argument("after", nargs="?", default="", metavar="B", help="a revision (default: the files as they are)")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings
    from workbench.model.skill import parse_ref

    settings = read_settings(workspace_of(options), os.environ)
    before, after = number_of(options.before), number_of(options.after)
    with open_library(settings, os.environ, options.dev) as library:
        snapshot = library.gathered(library.read_all())
        found = library.difference(library.find(snapshot, parse_ref(options.ref)), before, after)
    if options.json:
        print_json(_document(found))
        return 0
    for line in _lines(found):
        write(line)
    return 0


def add_expected(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--expected", default="", metavar="N", help="refuse unless this is the newest revision")


def expected_of(options: argparse.Namespace) -> int | None:
    """The revision that whoever writes has seen; None where they do not say."""
    return number_of(options.expected) if options.expected else None


def number_of(word: str) -> int:
    """`r3` and `3` are the same revision; nothing is 0."""
    if not re.fullmatch(r"r?[0-9]{0,9}", word, re.ASCII):
        raise WrongUse(f"'{word}' is no revision", hint="write r3, or 3; `workbench history` lists them")
    return int(word.removeprefix("r") or 0)


def _lines(found: Difference) -> list[str]:
    lines = [f"{'✕' if change.breaks else '·'} {change.where}  {change.words}" for change in found.changes]
    if found.breaks:
        lines.append("✕ breaks callers: what was right for the one may be wrong for the other")
    for file in found.files:
        lines += ["", f"{file.path}  {file.words}", *file.lines]
    return lines or [f"{_name(found.before)} and {_name(found.after)} are the same"]


def _name(skill: Any) -> str:
    return f"r{skill.revision}" if skill.revision else "the files"


def _document(found: Difference) -> dict[str, Any]:
    return {
        "skill": found.after.name,
        "before": {"revision": found.before.revision, "digest": found.before.digest},
        "after": {"revision": found.after.revision or None, "digest": found.after.digest},
        "breaks": found.breaks,
        "changes": [{"where": each.where, "words": each.words, "breaks": each.breaks} for each in found.changes],
        "files": [{"path": each.path, "words": each.words, "lines": list(each.lines)} for each in found.files],
    }
