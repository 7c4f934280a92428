"""The cases in a skill's tests/*.yaml, and what is wrong with them, at its line."""

from __future__ import annotations

import os
from typing import Any

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import replace
from workbench.model.schema import load_schema
from workbench.model.skill import Skill
from workbench.model.skilltest import Case
from workbench.runtime.formats.folder import Unreadable, read_small
from workbench.runtime.schemas.validator import problems_of_schema, validator_of
from workbench.runtime.schemas.words import Problem
from workbench.runtime.texts.yaml_reader import YamlDocument, YamlRefused, read_yaml

TESTS_FOLDER = "tests"
ENDINGS = (".yaml", ".yml")
MOST_FILES = 100


def read_cases(skill: Skill) -> tuple[tuple[Case, ...], tuple[Finding, ...]]:
    """Every case, in the order of the files' names; a file with something wrong in it gives findings and no case."""
    cases: list[Case] = []
    findings: list[Finding] = []
    for path in case_files(skill):
        try:
            data, _ = read_small(path)
            document = read_yaml(data.decode())
        except Unreadable as error:
            findings.append(error.finding)
        except UnicodeDecodeError:
            findings.append(_finding(path, 1, 1, "not UTF-8 text", "save it as UTF-8"))
        except YamlRefused as error:
            findings.append(_finding(path, error.line, error.column, error.message, error.hint))
        else:
            wrong = _wrong(path, document)
            findings += wrong
            cases += [] if wrong else _cases(path, document)
    return tuple(cases), tuple(findings)


def case_files(skill: Skill) -> list[str]:
    """The files of cases in a skill's folder; a skill that is a single file has none."""
    folder = f"{skill.folder}/{TESTS_FOLDER}"
    if skill.single_file:
        return []
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(ENDINGS) and not name.startswith("."))
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names[:MOST_FILES]]


def _wrong(path: str, document: YamlDocument) -> list[Finding]:
    found: list[Finding] = []
    problems = validator_of(load_schema("test")).problems(document.value) or _wrong_schemas(document.value)
    for problem in problems:
        pointer = problem.path
        while pointer and pointer not in document.places:
            pointer = pointer[:-1]
        line, column = document.places.get(pointer, (1, 1))
        found.append(_finding(path, line, column, problem.message, "`workbench schema test` says what a case may hold"))
    return found


def _wrong_schemas(value: Any) -> tuple[Problem, ...]:
    """Patterns and schemas that cannot be."""
    found: list[Problem] = []
    for number, case in enumerate(value["cases"]):
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
            expect=case.get("expect", {}),
            skip=case.get("skip", ""),
        )
        for number, case in enumerate(value["cases"])
    ]


def _finding(path: str, line: int, column: int, message: str, hint: str) -> Finding:
    place = Place(file=path, line=line, column=column)
    return Finding(severity=Severity.ERROR, rule="test.case", message=message, place=place, hint=hint)
