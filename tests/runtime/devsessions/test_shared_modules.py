"""Modules that several skills import: a change reloads those skills, and no others."""

from __future__ import annotations

import anyio
import pytest

from tests.author import Author, function
from tests.runtime.devsessions.watched import watching
from workbench.model.events import SkillHotReloaded, SkillReloadFailed

pytestmark = pytest.mark.anyio


def importing(name: str, module: str = "common") -> str:
    return f"from {module} import WORD\n" + function(name, "return WORD")


async def test_a_change_reloads_who_imports_it_and_no_others(author: Author) -> None:
    author.writes("common.py", "WORD = 'hello'")
    for name in ("one", "two"):
        author.writes(f"{name}/skill.py", importing(name))
    author.has_function("other", "return 'alone'")

    async with watching(author) as watched:
        for name in ("one", "two", "other"):
            await watched.answers(name)
        author.saves("common.py", "WORD = 'howdy'")
        reloaded = {(await watched.hears(SkillHotReloaded)).skill for _ in range(2)}
        assert [await watched.answers(name) for name in ("one", "two", "other")] == ["howdy", "howdy", "alone"]
        await anyio.sleep(0.2)
        assert reloaded == {"one", "two"}
        assert watched.workbench.find("other").revision == 1


async def test_a_broken_module_names_its_own_line_and_the_old_one_answers(author: Author) -> None:
    author.writes("common.py", "WORD = 'hello'")
    author.writes("one/skill.py", importing("one"))

    async with watching(author) as watched:
        assert await watched.answers("one") == "hello"
        author.saves("common.py", "\nWORD = missing")
        failed = await watched.hears(SkillReloadFailed, "one")
        assert await watched.answers("one") == "hello"
        author.saves("common.py", "WORD = 'mended'")
        await watched.hears(SkillHotReloaded, "one")
        assert await watched.answers("one") == "mended"

    assert failed.findings[0].place.file == str(author.skills / "common.py")
    assert failed.findings[0].place.line == 2


async def test_a_module_that_comes_later_mends_who_waits_for_it(author: Author) -> None:
    author.has_function("one", "return 'before'")

    async with watching(author) as watched:
        await watched.answers("one")
        author.saves("one/skill.py", importing("one", "later"))
        await watched.hears(SkillReloadFailed, "one")
        author.saves("later.py", "WORD = 'after'")
        await watched.hears(SkillHotReloaded, "one")
        assert await watched.answers("one") == "after"


async def test_a_module_that_goes_breaks_who_needs_it_and_the_old_one_answers(author: Author) -> None:
    author.writes("common/__init__.py", "from common.words import WORD")
    author.writes("common/words.py", "WORD = 'hello'")
    author.writes("one/skill.py", importing("one"))

    async with watching(author) as watched:
        assert await watched.answers("one") == "hello"
        author.saves("common/words.py", "WORD = 'howdy'")
        await watched.hears(SkillHotReloaded, "one")
        (author.skills / "common/words.py").unlink()
        await watched.hears(SkillReloadFailed, "one")
        assert await watched.answers("one") == "howdy"


@pytest.mark.exhaustive
async def test_what_was_accepted_goes_on_with_the_module_it_was_accepted_with(author: Author) -> None:
    author.writes("common.py", "WORD = 'hello'")
    author.writes("one/skill.py", importing("one"))
    assert author.calls("run", "one", "--json").json["output"] == "hello"
    author.writes("common.py", "WORD = (")
    answer = author.calls("run", "one", "--json").json
    assert (answer["output"], answer["revision"]) == ("hello", 1)


async def test_a_single_file_and_a_helper_in_the_skill_may_import_one_too(author: Author) -> None:
    author.writes("common.py", "WORD = 'hello'")
    author.writes("single.py", importing("single"))
    author.writes("deep/helper.py", "from common import WORD")
    author.writes("deep/skill.py", importing("deep", "helper"))

    async with watching(author) as watched:
        assert [await watched.answers(name) for name in ("single", "deep")] == ["hello", "hello"]
        author.saves("common.py", "WORD = 'howdy'")
        assert {(await watched.hears(SkillHotReloaded)).skill for _ in range(2)} == {"single", "deep"}
        assert [await watched.answers(name) for name in ("single", "deep")] == ["howdy", "howdy"]


@pytest.mark.parametrize("place", ["one/json.py", "json.py", "one/json/__init__.py"])
async def test_a_module_with_a_name_of_pythons_own_is_told_not_to_be_found(author: Author, place: str) -> None:
    author.writes("one/skill.py", "import json\n" + function("one", "return json.WORD"))
    author.writes(place, "WORD = 'mine'\n")
    author.writes("random.py", "nobody imports it")
    said = author.calls("validate", "one")
    assert f"{place}" in said.out + said.err
    assert "it finds the json that comes with Python" in said.out + said.err
    assert "random" not in said.out + said.err


@pytest.mark.parametrize("where", ["before the skill is there", "in a run"])
async def test_a_module_whose_name_is_put_together_is_asked_for_by_its_name(author: Author, where: str) -> None:
    author.writes("common.py", "WORD = 'hello'")
    load = "importlib.import_module('com' + 'mon').WORD"
    late = function("one", f"return {load}" if where == "in a run" else "return WORD")
    author.writes("one/skill.py", "import importlib\n" + (late if where == "in a run" else f"WORD = {load}\n{late}"))
    async with watching(author) as watched:
        error = (await watched.workbench.run("one")).outcome.error
        assert error is not None
        assert "No module named 'common'" in error.message
        assert "where the text says `import common`" in (error.hint or error.findings[0].hint)
        author.saves("one/skill.py", "import common\n" + function("one", "return common.WORD"))
        await watched.hears(SkillHotReloaded, "one")
        assert await watched.answers("one") == "hello"
