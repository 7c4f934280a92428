"""Run the cases that lie in skills' tests folders. Ends with 1 where one is red."""

from __future__ import annotations

import argparse
from typing import Any
from xml.etree import ElementTree

from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import finding_lines, place, say, write
from workbench.model.documents import finding_document
from workbench.model.errors import MachineCannot
from workbench.model.skill import Scope
from workbench.model.skilltest import CaseResult, TestReport, Verdict
from workbench.model.words import counted

__test__ = False
GLYPHS = {Verdict.PASSED: "✓", Verdict.FAILED: "✕", Verdict.SKIPPED: "–"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("refs", nargs="*", metavar="REF", help="skills (default: every one of yours that has tests)")
    parser.add_argument("--junit", metavar="FILE", default="", help="also write the results as JUnit's XML")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    import anyio

    return anyio.run(_test, options)


async def _test(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench
    from workbench.runtime.skilltests.cases import case_files

    async with open_workbench(workspace=workspace_of(options)) as workbench:
        names = [workbench.find(ref).name for ref in options.refs]
        own = [skill for skill in workbench.snapshot if skill.scope is not Scope.BUILTIN]
        names = names or [skill.name for skill in own if case_files(skill)]
        reports = []
        for name in dict.fromkeys(names):
            reports.append(await workbench.test(name))
            if not options.json:
                for line in _lines(reports[-1]):
                    write(line)
    if options.junit:
        _write_junit(options.junit, reports)
    if options.json:
        print_json(
            {"is_green": all(each.is_green for each in reports), "skills": [_document(each) for each in reports]}
        )
    elif not reports:
        say("no skill of yours has tests: put cases into tests/NAME.yaml in its folder; `workbench schema test` tells")
    return 0 if all(report.is_green for report in reports) else 1


def _lines(report: TestReport) -> list[str]:
    glyph = "●" if report.is_green else "✕"
    told = [f"{count} {verdict.value}" for verdict in Verdict if (count := report.count(verdict))]
    revision = f" r{report.revision}" if report.revision else ""
    lines = [f"{glyph} {report.skill}{revision}  {', '.join(told) or counted(0, 'case')}"]
    for result in report.results:
        if result.verdict is not Verdict.PASSED:
            lines.append(f"  {GLYPHS[result.verdict]} {result.case.name}  {place(result.case.place)}")
            lines += [f"      {problem}" for problem in result.problems]
    return [*lines, *(f"  {line}" for finding in report.findings for line in finding_lines(finding))]


def _document(report: TestReport) -> dict[str, Any]:
    return {
        "skill": report.skill,
        "revision": report.revision or None,
        "is_green": report.is_green,
        "cases": [_case(result) for result in report.results],
        "findings": [finding_document(finding) for finding in report.findings],
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


def _write_junit(path: str, reports: list[TestReport]) -> None:
    suites = ElementTree.Element("testsuites")
    for report in reports:
        failures = report.count(Verdict.FAILED)
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=report.skill,
            tests=str(len(report.results) + bool(report.findings)),
            failures=str(failures),
            errors=str(int(bool(report.findings))),
            skipped=str(report.count(Verdict.SKIPPED)),
            time=f"{sum(result.duration_ms for result in report.results) / 1000:.3f}",
        )
        for result in report.results:
            seconds = f"{result.duration_ms / 1000:.3f}"
            case = ElementTree.SubElement(
                suite, "testcase", classname=report.skill, name=_legal(result.case.name), time=seconds
            )
            if result.verdict is not Verdict.PASSED:
                kind = "failure" if result.verdict is Verdict.FAILED else "skipped"
                ElementTree.SubElement(case, kind, message=_legal("\n".join(result.problems)))
        if report.findings:
            case = ElementTree.SubElement(
                suite, "testcase", classname=report.skill, name="the cases can be read and run"
            )
            ElementTree.SubElement(case, "error", message=_legal("\n".join(map(str, report.findings))))
    try:
        ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise MachineCannot(f"{path} cannot be written: {error.strerror}", hint="name another file") from error


def _legal(text: str) -> str:
    """Text without what XML cannot hold."""
    return "".join(
        letter
        for letter in text
        if letter in "\t\n" or (letter >= " " and letter not in "\ufffe\uffff" and not "\ud800" <= letter <= "\udfff")
    )
