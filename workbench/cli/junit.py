"""Reports of tests as JUnit's XML, which other programs read."""

from __future__ import annotations

from xml.etree import ElementTree

from workbench.model.errors import MachineCannot
from workbench.model.skilltest import TestReport, Verdict


def write_junit(path: str, reports: list[TestReport]) -> None:
    """One suite for each skill; raises MachineCannot where the file cannot be written."""
    suites = ElementTree.Element("testsuites")
    for report in reports:
        failures = sum(result.is_red for result in report.results)
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
                kind = "failure" if result.is_red else "skipped"
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
