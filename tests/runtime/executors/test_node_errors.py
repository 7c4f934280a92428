"""What is wrong with a module, told where its author can see it."""

from __future__ import annotations

import os

import anyio
import pytest

from tests.author import Author, needs_node
from tests.runtime.executors.running import opened, outcome_of
from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome

pytestmark = [pytest.mark.anyio, needs_node]


def place_of(outcome: Outcome) -> tuple[str, int, int]:
    assert outcome.error is not None
    assert outcome.error.place is not None
    return os.path.basename(outcome.error.place.file), outcome.error.place.line, outcome.error.place.column


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("throw new TypeError('not so');", 2, "TypeError: not so"),
        ("\nawait Promise.reject(new Error('later'));", 3, "Error: later"),
        ("const inner = () => { throw new Error('within'); };\n[1].map(inner);", 2, "within"),
        ("return missing.name;", 2, "ReferenceError: missing is not defined"),
        ("eval('missing.name');", 2, "missing is not defined"),
        ("\n\nJSON.parse('{');", 4, "SyntaxError"),
        ("const more = (n) => more(n + 1) + 1;\nreturn more(0);", 2, "Maximum call stack"),
        ("setTimeout(() => { throw new Error('in a timer'); }, 1);\nawait new Promise(() => {});", 2, "in a timer"),
        ("Promise.reject(new Error('nobody cares'));\nawait new Promise(() => {});", 2, "nobody cares"),
        ("throw new Error('outer', { cause: new Error('because') });", 2, "because"),
        ("process.exit(3);", 2, "process.exit(3) was called"),
        ("await Promise.any([Promise.reject(new Error('first'))]);", 0, "first"),
        ("throw 'a text';", 0, "threw 'a text'"),
        ("throw null;", 0, "threw null"),
        ("throw new Proxy({}, { get() { throw new Error(); } });", 0, "cannot be shown"),
        ("throw Object.assign(new Error(), { get message() { throw 1; } });", 0, ""),
        ("throw new Error('half \\ud800 of it');", 2, "half"),
    ],
)
async def test_what_is_thrown_is_told_at_the_authors_own_line(author: Author, body: str, line: int, words: str) -> None:
    author.has_module("throws", body, timeout=3)

    async with opened(author) as workbench:
        outcome = (await workbench.run("throws")).outcome
        author.has_module("throws", "return 'mended';")
        workbench.refresh()
        mended = (await workbench.run("throws")).outcome

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.CRASHED
    assert words in outcome.error.message
    assert outcome.error.findings[0].rule == "node.raised"
    assert outcome.error.findings[0].place.file == str(author.skills / "throws/skill.mjs") or not line
    if line:
        assert place_of(outcome)[:2] == ("skill.mjs", line)
    assert mended.output == "mended"


async def test_the_frames_are_the_authors_own_the_innermost_first(author: Author) -> None:
    author.has_module("deep", "return [1].map(() => helper());", before="import { helper } from './lib/a (b) ü.mjs';\n")
    author.writes("deep/lib/a (b) ü.mjs", "\nexport function helper() {\n    throw new Error('deep');\n}\n")

    outcome = await outcome_of(author, "deep")

    assert outcome.error is not None
    assert place_of(outcome) == ("a (b) ü.mjs", 3, 11)
    places = [(os.path.basename(each.place.file), each.place.line) for each in outcome.error.findings]
    assert places == [("a (b) ü.mjs", 3), ("skill.mjs", 3), ("skill.mjs", 3)]


@pytest.mark.parametrize(
    ("source", "file", "line", "words"),
    [
        ("export function execute() {\n  return 1 +;\n}\n", "skill.mjs", 2, "SyntaxError: Unexpected token ';'"),
        ("export function execute() {\n  if (1) {\n", "skill.mjs", 3, "SyntaxError: Unexpected end of input"),
        ("import './helper.mjs';\nexport const execute = () => 1;\n", "helper.mjs", 3, "SyntaxError"),
        ("import { none } from './good.mjs';\nexport const execute = () => none;\n", "skill.mjs", 1, "none"),
        ("const a = 1;\nimport x from './nowhere.mjs';\n", "skill.mjs", 2, "Cannot find module 'nowhere.mjs'"),
        ("import './good.mjs';\nimport x from 'nothing-of-this-name';\n", "skill.mjs", 2, "nothing-of-this-name"),
        ("import './asks.mjs';\n", "asks.mjs", 2, "node:nothing"),
        ("import './data.json';\n", "skill.mjs", 1, "json"),
        ("await import('./nowhere.mjs');\n", "skill.mjs", 1, "nowhere.mjs"),
        ("require('./nowhere.cjs');\n", "skill.mjs", 1, "require is not defined"),
        ("\nthrow new Error('at once');\n", "skill.mjs", 2, "at once"),
        ("\nprocess.exit(0);\n", "skill.mjs", 2, "process.exit(0) was called"),
        ("export const run = 1, other = 2;\n", "skill.mjs", 0, "it exports other, run"),
        ("", "skill.mjs", 0, "it exports nothing"),
        ("export const execute = 3;\n", "skill.mjs", 0, "has no execute"),
        ("export default 1;\nexport const execute = 1, initialize = 2, all = [];\n", "skill.mjs", 0, "it exports all,"),
        ("export const initialize = () => no;\nexport default () => 1;\n", "skill.mjs", 1, "no is not defined"),
        ("process.reallyExit(3);\n", "skill.json", 0, "ended its process while loading"),
        ("process.kill(process.pid, 'SIGKILL');\n", "skill.json", 0, "ended its process while loading"),
    ],
)  # fmt: skip
async def test_what_keeps_a_module_from_loading_is_told_at_its_line(
    author: Author, source: str, file: str, line: int, words: str
) -> None:
    author.has_module("loads", "return 1;")
    author.writes("loads/helper.mjs", "export const a = 1;\n\nexport const b = ;\n")
    author.writes("loads/good.mjs", "export const good = 1;\n")
    author.writes("loads/asks.mjs", "// 'nowhere'\nimport 'node:nothing';\n")
    author.writes("loads/data.json", {})
    author.writes("loads/skill.mjs", source)

    outcome = await outcome_of(author, "loads")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.SKILL_BROKEN
    first = outcome.error.findings[0]
    assert words in first.message
    assert str(author.workspace) not in first.message
    assert (first.place.file, first.place.line) == (str(author.skills / "loads" / file), line)


async def test_the_column_of_what_cannot_be_parsed_is_told(author: Author) -> None:
    author.has_module("loads", "\treturn (1;")
    assert place_of(await outcome_of(author, "loads")) == ("skill.mjs", 2, 13)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 10n;", "result is a bigint"),
        ("return { a: [1, () => 2] };", "result.a[1] is a function"),
        ("return { b: Symbol('x') };", "result.b is a symbol"),
        ("const x = {};\nx.x = x;\nreturn x;", "result.x holds itself"),
        ("", "result is undefined; return null"),
        ("return [1, undefined];", "result[1] is undefined"),
        ("return { n: 0 / 0 };", "result.n is NaN"),
        ("return new Map([[1, 2]]);", "result is a Map"),
        ("return { later: Promise.resolve(1) };", "await it"),
        ("return { e: new Error('x') };", "result.e is an Error"),
        ("return { bytes: new Uint8Array(3) };", "result.bytes is a Uint8Array"),
        ("return 'half \\ud800';", "half of a character"),
        ("return { '\\udc00': 1 };", "half of a character"),
        ("return 'x'.repeat(20_000_000);", "write it to a file in context.out"),
        ("let x = 1;\nfor (let i = 0; i < 1e5; i += 1) x = [x];\nreturn x;", "nested more than 500 levels deep"),
        ("let x = 1;\nfor (let i = 0; i < 501; i += 1) x = { x };\nreturn x;", "nested more than 500 levels deep"),
        ("return { get a() { throw new Error('no'); } };", "no"),
        ("return { toJSON() { throw new Error('not me'); } };", "not me"),
        ("let n = 0;\nreturn { get a() { return n++ ? 1n : 1; } };", "BigInt"),
    ],
)
async def test_a_result_that_json_cannot_carry_says_which_part_of_it(author: Author, body: str, words: str) -> None:
    author.has_module("odd", body)

    async with opened(author) as workbench:
        first, second = [(await workbench.run("odd")).outcome for _ in range(2)]

    assert first.error is not None
    assert second.error is not None
    assert words in first.error.message
    assert first.error.kind is second.error.kind


async def test_a_rejection_that_nobody_handles_after_the_answer_harms_no_run(author: Author) -> None:
    body = "setTimeout(() => { throw new Error('too late'); }, 0);\nPromise.reject(new Error('late'));\n"
    body += "return process.pid;"
    author.has_module("late", body)

    async with opened(author) as workbench:
        first = (await workbench.run("late")).outcome
        worker = workbench.pool._waiting._idle[0][1]
        with anyio.fail_after(5):
            while b"too late" not in worker._read_words(1000, 0):
                await anyio.sleep(0.005)
        second = (await workbench.run("late")).outcome

    assert (first.error, second.error, second.output) == (None, None, first.output)
    assert "after its answer: Error: late (skill.mjs:3)" in second.stderr
    assert "after its answer: Error: too late (skill.mjs:2)" in second.stderr


@pytest.mark.parametrize(
    ("manifest", "files", "words"),
    [
        ({}, (), "there is no module"),
        ({"entry": "skil.mjs"}, ("skill.mjs",), "'skil.mjs' is not a file of this skill"),
        ({"entry": "../other/skill.mjs"}, ("skill.mjs",), "is not a file of this skill"),
        ({"entry": "skill.ts"}, ("skill.ts",), "is no module that node loads"),
    ],
)
async def test_a_manifest_without_its_module_is_told(
    author: Author, manifest: dict[str, str], files: tuple[str, ...], words: str
) -> None:
    described = {"name": "lost", "version": "1.0.0", "description": "x", "type": "node"}
    author.writes("lost/skill.json", {**described, **manifest})
    for file in files:
        author.writes(f"lost/{file}", "export const execute = () => 1;\n")
    outcome = await outcome_of(author, "lost")
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.SKILL_BROKEN
    assert words in outcome.error.message
