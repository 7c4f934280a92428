"""`workbench test --coverage`: the lines of a python skill's own files that its cases ran."""

from __future__ import annotations

from typing import Any

import pytest

from tests.author import Author
from workbench.assembly import open_workbench
from workbench.model.coverage import FileLines, as_ranges, joined

SKILL = '''"""Says what a number is."""

import os
import threading

from workbench.sdk import skill

import words


@skill(name="size", version="1.0.0", permissions={"environment": ["PLACE"]})
def size(number: int):
    """Says it."""
    if number > 100:
        return words.large()
    if number < 0:
        raise ValueError(
            "negative"
        )
    if number == 7:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    return os.environ.get("PLACE") and there() or "small"


def there():
    return "there"


def elsewhere():
    pass


def never():
    numbers = [
        1,
        len("two"),
    ]
    return numbers
'''
WORDS = "def large():\n    return 'large'\n\n\ndef huge():\n    return 'huge'\n"


@pytest.fixture
def sizer(author: Author) -> Author:
    author.saves("size/skill.py", SKILL)
    author.writes("size/words.py", WORDS)
    author.writes("size/later.py", "def later():\n    return 1\n")
    author.writes("size/tests/a.yaml", "cases: [{name: small, inputs: {number: 1}}]\n")
    return author


def coverage_of(author: Author) -> dict[str, Any]:
    [skill] = author.calls("test", "--coverage", "--json").json["skills"]
    return {each["file"].rpartition("/")[2]: each for each in skill["coverage"]}


def lines_with(*words: str) -> list[int]:
    lines = enumerate(SKILL.splitlines(), 1)
    return [number for number, line in lines if any(word in line for word in words)]


def test_what_the_cases_ran_is_told_for_each_file_with_the_lines_that_did_not(sizer: Author) -> None:
    said = sizer.calls("test", "--coverage")
    assert said.code == 0
    assert "skills/size/later.py    0 %  not run: 1-2" in said.out
    assert "skills/size/words.py   50 %  not run: 2, 6" in said.out
    files = coverage_of(sizer)
    missing = lines_with("words.large()", "raise", "negative", "thread", 'there"', "pass", "numbers", "1,", "len(")
    missing = [line for line in missing if "import" not in SKILL.splitlines()[line - 1]]
    assert files["skill.py"]["missing"] == missing
    assert set(files["skill.py"]["ran"]) >= set(lines_with("import", "def ", "if number", "return os"))
    assert files["skill.py"]["percent"] == 100 * len(files["skill.py"]["ran"]) // (
        len(files["skill.py"]["ran"]) + len(missing)
    )


@pytest.mark.exhaustive
def test_lines_of_every_case_count_also_of_those_that_fail_or_have_workers_or_threads_of_their_own(
    sizer: Author,
) -> None:
    sizer.writes(
        "size/tests/b.yaml",
        "cases:\n"
        "  - {name: fails, inputs: {number: -1}}\n"
        "  - {name: a thread, inputs: {number: 7}}\n"
        "  - {name: elsewhere, inputs: {number: 1}, environment: {PLACE: here}}\n"
        "  - {name: at a time, inputs: {number: 101}, clock: 0}\n",
    )
    files = coverage_of(sizer)
    assert files["skill.py"]["missing"] == lines_with("numbers", "1,", "len(")
    assert files["words.py"]["missing"] == [6]


@pytest.mark.exhaustive
def test_classes_and_what_waits_are_counted(author: Author) -> None:
    source = """import asyncio
from workbench.sdk import SkillInterface, SkillMetadata

class Slow(SkillInterface):
    def get_metadata(self):
        return SkillMetadata(skill_id="slow", version="1.0.0", description="Waits.")

    async def execute(self, input_data, context):
        for number in range(3):
            await asyncio.sleep(0)
        if number == 9:
            return "never"
        return [each async for each in self.some()]

    async def some(self):
        yield 1
"""
    author.saves("slow/skill.py", source)
    author.writes("slow/tests/a.yaml", "cases: [{name: waits, expect: {output: [1]}}]\n")
    assert coverage_of(author)["skill.py"]["missing"] == [12]


@pytest.mark.exhaustive
def test_without_it_nothing_is_counted_and_other_kinds_have_none(sizer: Author) -> None:
    sizer.has_command("shell", "echo")
    sizer.writes("shell/tests/a.yaml", "cases: [{name: a}]\n")
    counted = {
        skill["skill"]: skill["coverage"] for skill in sizer.calls("test", "--coverage", "--json").json["skills"]
    }
    assert (counted["shell"], len(counted["size"])) == (None, 3)
    assert {skill["coverage"] for skill in sizer.calls("test", "--json").json["skills"]} == {None}


def test_a_skill_that_lies_about_its_lines_or_breaks_the_counting_ends_nothing(author: Author) -> None:
    lie = "{'skill.py': {'ran': [(1, 10**15), (-5, -1)], 'can_run': [(1, 10**15)]}, '../../x.py': {'ran': [(1, 1)]}}"
    author.has_function(
        "liar",
        f"import sys\nsys.settrace(None)\nsys.modules['workbench.trial'].Lines.told = lambda self: {lie}\nreturn 1",
    )
    author.writes("liar/tests/a.yaml", "cases: [{name: a, expect: {output: 1}}]\n")
    author.has_function("odd", "import sys\nsys.modules['workbench.trial'].Lines.told = lambda self: 3\nreturn 1")
    author.writes("odd/tests/a.yaml", "cases: [{name: a, expect: {error: crashed}}]\n")
    said = author.calls("test", "--coverage", "--json")
    assert said.code == 0, said.out
    assert [skill["coverage"] for skill in said.json["skills"] if skill["skill"] == "odd"] == [[]]
    [[liar]] = [skill["coverage"] for skill in said.json["skills"] if skill["skill"] == "liar"]
    assert (liar["ran"], liar["missing"]) == ([], [])


def test_modules_that_skills_share_are_not_counted(author: Author) -> None:
    author.has_function("uses", "import common\nreturn common.one()")
    author.writes("common.py", "def one():\n    return 1\n")
    author.writes("uses/tests/a.yaml", "cases: [{name: a, expect: {output: 1}}]\n")
    assert set(coverage_of(author)) == {"skill.py"}


@pytest.mark.anyio
async def test_the_report_carries_it_and_no_counting_worker_answers_afterwards(sizer: Author) -> None:
    async with open_workbench(workspace=str(sizer.workspace), environ=sizer.environ) as workbench:
        report = await workbench.test("size", coverage=True)
        assert report.coverage is not None
        assert [each.file.rpartition("/")[2] for each in report.coverage] == ["later.py", "skill.py", "words.py"]
        skill = workbench.find("size")
        assert not workbench.pool.is_warm("main/test/lines", skill.digest)
        assert (await workbench.test("size")).coverage is None


def test_lines_are_shown_as_ranges_and_joined_file_by_file() -> None:
    assert as_ranges((1, 2, 3, 7, 9, 10)) == "1-3, 7, 9-10"
    one = FileLines(file="b", ran=frozenset({1}), can_run=frozenset({1, 2, 3}))
    two = FileLines(file="b", ran=frozenset({2}), can_run=frozenset({1, 2, 3}))
    [both] = joined((one, two))
    assert (both.missing, both.percent) == ((3,), 66)
    assert FileLines(file="a", ran=frozenset(), can_run=frozenset()).percent == 100
