"""What can be seen to be wrong with skills, with its place and a hint; runs nothing of them (see `show --load`)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import GLYPHS, finding_lines, say, write
from workbench.model.documents import finding_document
from workbench.model.errors import ExitCode
from workbench.model.finding import breaks, score
from workbench.model.skill import Skill
from workbench.model.words import counted
from workbench.runtime.library.library import Library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="*", metavar="PATH|REF", help="skills, or paths to them (default: all of them)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ) as library:
        skills = _chosen(library, options.what)
    is_valid = not any(breaks(skill.findings) for skill in skills)
    if options.json:
        print_json(_document(skills, is_valid, several=len(options.what) != 1))
    else:
        _print(skills)
    return ExitCode.DONE if is_valid else ExitCode.FAILED


def _chosen(library: Library, what: Sequence[str]) -> list[Skill]:
    snapshot = library.gathered(library.read_all(), "main")
    if not what:
        return [*snapshot.skills.values(), *(skill for skill in snapshot.shadowed if breaks(skill.findings))]
    return [skill for word in what for skill in library.named(snapshot, word)]


def _document(skills: Sequence[Skill], is_valid: bool, *, several: bool) -> dict[str, Any]:
    findings = [finding for skill in skills for finding in skill.findings]
    each: list[dict[str, Any]] = [
        {
            "name": skill.name,
            "path": skill.path,
            "valid": not breaks(skill.findings),
            "score": score(skill.findings),
            "findings": [finding_document(finding) for finding in skill.findings],
        }
        for skill in skills
    ]
    return {
        "valid": is_valid,
        "score": min((one["score"] for one in each), default=100),
        "findings": [finding_document(finding) for finding in findings],
        "skills": each if several else [],
    }


def _print(skills: Sequence[Skill]) -> None:
    for skill in skills:
        if skill.findings:
            write(f"{GLYPHS[skill.state]}  {skill.name}  {score(skill.findings)} of 100")
            for finding in skill.findings:
                for line in finding_lines(finding):
                    write(f"  {line}")
    clean = sum(1 for skill in skills if not skill.findings)
    broken = sum(1 for skill in skills if breaks(skill.findings))
    say(f"{counted(len(skills), 'skill')} · {clean} without findings · {broken} broken")
