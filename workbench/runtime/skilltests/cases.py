"""The cases in a skill's tests/*.yaml, and what is wrong with them, at its line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import replace
from workbench.model.schema import load_schema
from workbench.model.skill import Skill
from workbench.model.skilltest import Case
from workbench.runtime.formats.folder import Unreadable, read_small
from workbench.runtime.schemas.validator import problems_of_schema, validator_of
from workbench.runtime.schemas.words import Problem
from workbench.runtime.skilltests.files import case_files
from workbench.runtime.texts.yaml_reader import YamlDocument, YamlRefused, read_yaml

LAST_CLOCK = 253_402_214_400  # the last day of the year 9999 is left out, so that every zone has room


def read_cases(skill: Skill) -> tuple[tuple[Case, ...], tuple[Finding, ...]]:
    """Every case, in the order of the files' names; a file with something wrong in it gives findings and no case."""
    cases: list[Case] = []
    findings: list[Finding] = []
    for path in case_files(skill):
        read, wrong = read_case_file(path)
        cases += read
        findings += wrong
    return tuple(cases), tuple(findings)


def read_case_file(path: str) -> tuple[tuple[Case, ...], tuple[Finding, ...]]:
    """The cases in one file, or what is wrong with it."""
    try:
        data, _ = read_small(path)
        document = read_yaml(data.decode())
    except Unreadable as error:
        return (), (error.finding,)
    except UnicodeDecodeError:
        return (), (_finding(path, 1, 1, "not UTF-8 text", "save it as UTF-8"),)
    except YamlRefused as error:
        return (), (_finding(path, error.line, error.column, error.message, error.hint),)
    wrong = tuple(_wrong(path, document))
    return ((), wrong) if wrong else (tuple(_cases(path, document)), ())


def _wrong(path: str, document: YamlDocument) -> list[Finding]:
    found: list[Finding] = []
    problems = validator_of(load_schema("test")).problems(document.value) or _wrong_parts(document.value)
    for problem in problems:
        pointer = problem.path
        while pointer and pointer not in document.places:
            pointer = pointer[:-1]
        line, column = document.places.get(pointer, (1, 1))
        found.append(_finding(path, line, column, problem.message, "`workbench schema test` says what a case may hold"))
    return found


def _wrong_parts(value: Any) -> tuple[Problem, ...]:
    """Clocks, patterns and schemas that cannot be."""
    found: list[Problem] = []
    for number, case in enumerate(value["cases"]):
        try:
            clock_of(case.get("clock"))
        except ValueError as error:
            found.append(Problem(path=("cases", number, "clock"), rule="clock", message=str(error)))
        expect = case.get("expect", {})
        schemas = {"schema": expect.get("schema", {}), "matches": {"pattern": expect.get("matches", "")}}
        for name, schema in schemas.items():
            path = ("cases", number, "expect", name)
            found += [replace(problem, path=path) for problem in problems_of_schema(schema)]
    return tuple(found)


def _cases(path: str, document: YamlDocument) -> list[Case]:
    value = document.value
    assert isinstance(value, dict)
    return [
        Case(
            name=case["name"],
            place=Place(file=path, line=document.places.get(("cases", number), (1, 1))[0]),
            inputs=case.get("inputs", {}),
            environment=case.get("environment", {}),
            clock=clock_of(case.get("clock")),
            expect=case.get("expect", {}),
            skip=case.get("skip", ""),
        )
        for number, case in enumerate(value["cases"])
    ]


def clock_of(said: str | float | None) -> float | None:
    """A time as seconds since 1970; without a zone it is UTC. Raises ValueError."""
    if said is None:
        return None
    if isinstance(said, str):
        try:
            moment = datetime.fromisoformat(said)
        except ValueError:
            raise ValueError(f"{said[:80]!r} is no time: write it as 2026-01-02T03:04:05Z") from None
        said = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    if not 0 <= said <= LAST_CLOCK:
        raise ValueError("the clock goes from 1970 to 9999")
    return float(said)


def _finding(path: str, line: int, column: int, message: str, hint: str) -> Finding:
    place = Place(file=path, line=line, column=column)
    return Finding(severity=Severity.ERROR, rule="test.case", message=message, place=place, hint=hint)
