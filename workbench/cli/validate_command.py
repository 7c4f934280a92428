"""What can be seen to be wrong with skills, with its place and a hint; runs nothing of them (see `show --load`)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import GLYPHS, MARKS, finding_lines, say, write
from workbench.model.documents import finding_document
from workbench.model.errors import ExitCode
from workbench.model.finding import Severity, breaks, score
from workbench.model.skill import Skill, SkillState
from workbench.model.words import counted
from workbench.runtime.library.library import Library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="*", metavar="PATH|REF", help="skills, or paths to them (default: all of them)")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ, options.dev) as library:
        skills = _chosen(library, options.what)
    is_valid = not any(breaks(skill.findings) for skill in skills)
    if options.json:
        print_json(_document(skills, is_valid, several=len(options.what) != 1))
    else:
        _print(skills)
    return ExitCode.DONE if is_valid else ExitCode.FAILED


def _chosen(library: Library, what: Sequence[str]) -> list[Skill]:
    snapshot = library.gathered(library.read_all())
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
            write(f"{_stands(skill)}  {skill.name}  {score(skill.findings)} of 100")
            for finding in skill.findings:
                for line in finding_lines(finding):
                    write(f"  {line}")
    say(_counts(skills))


def _stands(skill: Skill) -> str:
    """A glyph and a word for a skill that has findings: what only warns leaves it valid."""
    if breaks(skill.findings):
        return GLYPHS[SkillState.BROKEN]
    warnings = sum(1 for finding in skill.findings if finding.severity is Severity.WARNING)
    if warnings:
        return f"{MARKS[Severity.WARNING]} valid, {counted(warnings, 'warning')}"
    return f"{MARKS[Severity.INFO]} valid, {counted(len(skill.findings), 'note')}"


def _counts(skills: Sequence[Skill]) -> str:
    """Every skill counted once, by the worst that is said of it; what there is none of is not said."""
    broken = sum(1 for skill in skills if breaks(skill.findings))
    warned = sum(1 for skill in skills if _worst(skill) is Severity.WARNING)
    noted = sum(1 for skill in skills if _worst(skill) is Severity.INFO)
    words = {
        "without findings": len(skills) - broken - warned - noted,
        "valid with notes": noted,
        "valid with warnings": warned,
        "broken": broken,
    }
    return " · ".join([counted(len(skills), "skill"), *(f"{count} {word}" for word, count in words.items() if count)])


def _worst(skill: Skill) -> Severity | None:
    return min((finding.severity for finding in skill.findings), key=list(Severity).index, default=None)
