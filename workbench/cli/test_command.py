"""Run the tests that lie in skills' tests folders: cases in YAML, and Python tests. Ends with 1 where one is red."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.junit import write_junit
from workbench.cli.paper import finding_lines, place, say, short_path, write
from workbench.cli.waiting import waited_for
from workbench.model.coverage import FileLines, as_ranges
from workbench.model.documents import finding_document
from workbench.model.errors import WrongUse
from workbench.model.skill import Scope, Skill
from workbench.model.skilltest import CaseResult, TestReport, Verdict
from workbench.model.words import counted

if TYPE_CHECKING:
    from workbench.assembly import Workbench

MOST_REPEATED = 1_000
GLYPHS = {Verdict.PASSED: "✓", Verdict.FAILED: "✕", Verdict.FLAKY: "≈", Verdict.SKIPPED: "–"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("refs", nargs="*", metavar="REF", help="skills (default: every one of yours that has tests)")
    parser.add_argument("--changed", action="store_true", help="only what changed since it was last tested")
    parser.add_argument("--failed", action="store_true", help="only what was red when it was last tested")
    parser.add_argument("--repeat", type=_times, default=1, metavar="N", help="run each N times, and tell what differs")
    parser.add_argument("--coverage", action="store_true", help="count the lines of python skills that the cases ran")
    parser.add_argument("--junit", metavar="FILE", default="", help="also write the results as JUnit's XML")
    parser.add_argument("--from-run", metavar="RUN", default=None, help="make a case of a run, by its id, and end")
    parser.add_argument("--name", metavar="WORDS", default="", help="what the case of --from-run is called")
    add_dev(parser)
    add_json(parser)


def _times(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= MOST_REPEATED:
        raise argparse.ArgumentTypeError(f"from 1 to {MOST_REPEATED}")
    return number


def run(options: argparse.Namespace) -> int:
    if options.name and not options.from_run:
        raise WrongUse("--name names the case of --from-run", hint="`workbench runs` lists the runs with their ids")
    if options.from_run == "":
        raise WrongUse("--from-run names no run", hint="`workbench runs` lists the runs with their ids")
    return waited_for(_make_case if options.from_run else _test, options)


async def _make_case(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings
    from workbench.runtime.skilltests.from_run import case_from

    with open_library(read_settings(workspace_of(options), os.environ), os.environ, options.dev) as library:
        snapshot = library.gathered(library.read_all())
        written = await case_from(library, snapshot, options.from_run, options.name)
    where = written.place
    if options.json:
        print_json({"skill": written.skill, "name": written.name, "file": where.file, "line": where.line})
    else:
        write(f"+ {written.name}  {place(where)}")
    return 0


async def _test(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench
    from workbench.runtime.library.verdicts import Verdicts
    from workbench.runtime.skilltests.choosing import to_test
    from workbench.runtime.skilltests.python_tests import demand_pytest, python_files

    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        skills = _skills(workbench, options)
        known = Verdicts(workbench.library.database).known()
        wanted = to_test(skills, known, changed=options.changed, failed=options.failed)
        if any(python_files(skill) for skill, _ in wanted):
            demand_pytest()
        reports = []
        for skill, only in wanted:
            reports.append(
                await workbench.test(
                    skill.name, only=only, with_python=True, repeat=options.repeat, coverage=options.coverage
                )
            )
            if not options.json:
                for line in _lines(reports[-1]):
                    write(line)
    if options.junit:
        write_junit(options.junit, reports)
    if options.json:
        print_json(
            {"is_green": all(each.is_green for each in reports), "skills": [_document(each) for each in reports]}
        )
    if not reports:
        say(_why_nothing(options, skills))
    return 0 if all(report.is_green for report in reports) else 1


def _skills(workbench: Workbench, options: argparse.Namespace) -> list[Skill]:
    """Those that are named, else every one of one's own that has tests."""
    from workbench.runtime.skilltests.choosing import has_tests

    if options.refs:
        return list({skill.name: skill for skill in map(workbench.find, options.refs)}.values())
    return [skill for skill in workbench.snapshot if skill.scope is not Scope.BUILTIN and has_tests(skill)]


def _why_nothing(options: argparse.Namespace, skills: list[Skill]) -> str:
    if not skills:
        return (
            "no skill of yours has tests: put cases into tests/NAME.yaml in its folder; `workbench schema test` tells"
        )
    asked = {"changed since it was last tested": options.changed, "was red when it was last tested": options.failed}
    return f"nothing to do: no skill {' or '.join(words for words, is_asked in asked.items() if is_asked)}"


def _lines(report: TestReport) -> list[str]:
    glyph = "●" if report.is_green else "✕"
    told = [f"{count} {verdict.value}" for verdict in Verdict if (count := report.count(verdict))]
    revision = f" r{report.revision}" if report.revision else ""
    lines = [f"{glyph} {report.skill}{revision}  {', '.join(told) or counted(0, 'case')}"]
    for result in report.results:
        if result.verdict is not Verdict.PASSED:
            lines.append(f"  {GLYPHS[result.verdict]} {result.case.name}  {place(result.case.place)}")
            lines += [f"      {problem}" for problem in result.problems]
    lines += _coverage_lines(report.coverage or ())
    return [*lines, *(f"  {line}" for finding in report.findings for line in finding_lines(finding))]


def _coverage_lines(coverage: tuple[FileLines, ...]) -> list[str]:
    """A line for each file: how much of it ran, and what did not."""
    width = max((len(short_path(each.file)) for each in coverage), default=0)
    return [
        f"  {short_path(each.file):<{width}}  {each.percent:>3} %{_missing(each.missing)}".rstrip() for each in coverage
    ]


def _missing(lines: tuple[int, ...]) -> str:
    return f"  not run: {as_ranges(lines)}" if lines else ""


def _document(report: TestReport) -> dict[str, Any]:
    return {
        "skill": report.skill,
        "revision": report.revision or None,
        "is_green": report.is_green,
        "cases": [_case(result) for result in report.results],
        "coverage": None if report.coverage is None else [_lines_document(each) for each in report.coverage],
        "findings": [finding_document(finding) for finding in report.findings],
    }


def _lines_document(lines: FileLines) -> dict[str, Any]:
    return {
        "file": lines.file,
        "percent": lines.percent,
        "ran": sorted(lines.ran),
        "missing": list(lines.missing),
    }


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "file": result.case.place.file,
        "line": result.case.place.line,
        "verdict": result.verdict.value,
        "problems": list(result.problems),
        "duration_ms": result.duration_ms,
    }
