"""Saves of node skills, and what answers before, during and after."""

from __future__ import annotations

import pytest

from tests.author import Author, module, needs_node
from tests.runtime.devsessions.watched import watching
from workbench.assembly import open_workbench
from workbench.model.events import SkillCreated, SkillHotReloaded, SkillReloadFailed, SkillTested
from workbench.model.skill import SkillState
from workbench.runtime.devsessions import loading
from workbench.runtime.workers.languages import Node

pytestmark = [pytest.mark.anyio, needs_node]


async def test_a_save_of_a_module_is_answered_by_a_new_worker(author: Author) -> None:
    author.has_module("greet", "return ['hello', process.release.name];")
    workers = []

    async with watching(author) as watched:
        assert (await watched.answers("greet")) == ["hello", "node"]
        workers.append((await watched.hears(SkillCreated)).worker)
        for number in range(5):
            author.saves("greet/skill.mjs", module(f"return {number};"))
            workers.append((await watched.hears(SkillCreated)).worker)
            event = await watched.hears(SkillHotReloaded)
            assert await watched.answers("greet") == number

    assert (event.skill, event.revision) == ("greet", 6)
    assert {name for name, _ in event.steps} >= {"read", "load", "accept"}
    assert len(set(workers)) == 6


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("export const execute = (", 1, "SyntaxError"),
        (module("return 1;", before="import './nowhere.mjs';\n"), 1, "nowhere.mjs"),
        (module("return 1;", before="\nthrow new Error('at once');\n"), 2, "at once"),
        ("process.reallyExit(3);", 0, "ended its process"),
        ("", 0, "exports nothing"),
    ],
)
async def test_a_broken_save_of_a_module_leaves_the_last_good_one_answering(
    author: Author, source: str, line: int, words: str
) -> None:
    author.has_module("greet", "return 'hello';")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.mjs", source)
        event = await watched.hears(SkillReloadFailed, "greet")
        state = watched.workbench.find("greet").state
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.mjs", module("return 'mended';"))
        await watched.hears(SkillHotReloaded, "greet")
        assert await watched.answers("greet") == "mended"

    assert event.answering_revision == 1
    assert state is SkillState.BROKEN
    assert words in event.findings[0].message
    assert event.findings[0].place.line == line
    if line:
        assert event.findings[0].place.file == str(author.skills / "greet/skill.mjs")


@pytest.mark.exhaustive
@pytest.mark.parametrize("source", ["for (;;);", "await new Promise(() => {});"])
async def test_a_module_that_never_loads_is_given_up(
    author: Author, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LOAD_SECONDS", 2.0)
    author.has_module("greet", "return 'hello';")

    async with watching(author) as watched:
        assert await watched.answers("greet") == "hello"
        author.saves("greet/skill.mjs", module("return 1;", before=f"{source}\n"))
        event = await watched.hears(SkillReloadFailed, "greet")
        assert await watched.answers("greet") == "hello"

    assert event.findings[0].rule == "node.load"
    assert "did not finish loading within 2 s" in event.findings[0].message


async def test_what_a_module_imports_reloads_it(author: Author) -> None:
    author.has_module(
        "greet",
        "return [word, data.n];",
        before="import { word } from './lib/words.mjs';\n"
        "import { readFileSync } from 'fs';\nconst data = JSON.parse(readFileSync('data.json'));\n",
    )
    author.writes("greet/lib/words.mjs", "export const word = 'hello';\n")
    author.writes("greet/data.json", {"n": 1})

    async with watching(author) as watched:
        assert await watched.answers("greet") == ["hello", 1]
        author.saves("greet/lib/words.mjs", "export const word = 'howdy';\n")
        await watched.hears(SkillHotReloaded)
        assert await watched.answers("greet") == ["howdy", 1]
        author.saves("greet/data.json", {"n": 2})
        await watched.hears(SkillHotReloaded)
        assert await watched.answers("greet") == ["howdy", 2]


async def test_a_change_in_a_package_reloads_the_module_at_the_next_look(author: Author) -> None:
    author.has_module("greet", "return word;", before="import word from 'words';\n")
    author.writes("greet/node_modules/words/index.js", "module.exports = 'hello';\n")

    async with open_workbench(workspace=str(author.workspace), environ=author.environ) as workbench:
        first = (await workbench.run("greet")).outcome.output
        author.writes("greet/node_modules/words/index.js", "module.exports = 'howdy';\n")
        workbench.refresh()
        second = (await workbench.run("greet")).outcome.output
        await workbench.roll_back("greet", 1)
        third = (await workbench.run("greet")).outcome.output

    assert (first, second, third) == ("hello", "howdy", "hello")


async def test_the_tests_beside_a_module_run_after_its_save(author: Author) -> None:
    author.has_module("twice", "return input.text + input.text;")
    author.writes("twice/tests/twice.yaml", "cases:\n  - {name: a, inputs: {text: a}, expect: {output: aa}}\n")

    async with watching(author) as watched:
        await watched.answers("twice", text="b")
        author.saves("twice/skill.mjs", module("return input.text;"))
        event = await watched.hears(SkillTested, "twice")
        await watched.until(lambda: watched.workbench.find("twice").state is SkillState.TESTS_RED)

    assert event.failed == 1
    assert '"a", and not "aa"' in event.findings[0].message


async def test_the_next_save_of_a_module_takes_a_process_that_waits(author: Author) -> None:
    author.has_module("greet", "return 1;")

    async with watching(author) as watched:
        await watched.answers("greet")
        await watched.hears(SkillCreated)
        spares = watched.workbench.pool._spares

        def waiting() -> list[int]:
            return [worker.pid for setup, worker, _ in spares._waiting if isinstance(setup.language, Node)]

        await watched.until(lambda: len(waiting()) == 2)
        first, _ = waiting()
        author.saves("greet/skill.mjs", module("return 2;"))
        event = await watched.hears(SkillCreated)
        await watched.hears(SkillHotReloaded)
        assert await watched.answers("greet") == 2

    assert event.worker == first
