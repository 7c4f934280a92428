"""Modules in workers: what they are given, what they give, and that they harm only themselves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.author import NODE, Author, module, needs_node
from tests.runtime.executors.running import opened, outcome_of
from workbench.model.errors import ErrorKind, ExitCode
from workbench.runtime.workers.worker import Worker

pytestmark = [pytest.mark.anyio, needs_node]

WHOLE = """const calls = [];
let greeting = '';
export async function initialize(config) {
  calls.push('initialize');
  greeting = config.greeting;
}
export function validate(input) {
  calls.push('validate');
  return !('bad' in input);
}
export async function execute(input, context) {
  calls.push('execute');
  return [...calls, greeting, context.skill, context.version, typeof context.run_id, input.word];
}
"""


async def test_the_whole_life_of_a_module_is_called_in_its_order(author: Author) -> None:
    author.has_module("whole", "", config={"greeting": "hi"})
    author.saves("whole/skill.mjs", WHOLE)

    async with opened(author) as workbench:
        good = (await workbench.run("whole", {"word": "so"})).outcome
        bad = (await workbench.run("whole", {"bad": 1})).outcome
        again = (await workbench.run("whole", {"word": "so"})).outcome

    assert good.output == ["initialize", "validate", "execute", "hi", "whole", "1.0.0", "string", "so"]
    assert bad.error is not None
    assert bad.error.kind is ErrorKind.INPUT_INVALID
    assert again.output[1:5] == ["validate", "execute", "validate", "validate"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("skill.mjs", "export function execute({ n }) { return n + 1; }"),
        ("skill.mjs", "export default ({ n }) => n + 1;"),
        ("skill.mjs", "export default { one: 1, execute({ n }) { return n + this.one; } };"),
        ("skill.mjs", "export default class { one = 1; async execute({ n }) { return n + this.one; } }"),
        ("index.mjs", "export const execute = async ({ n }) => n + 1;"),
        ("skill.js", "module.exports = { execute: ({ n }) => n + 1 };"),
        ("src/deep.cjs", "exports.execute = ({ n }) => n + 1;"),
    ],
)
async def test_whatever_a_module_exports_as_execute_is_called(author: Author, file: str, source: str) -> None:
    entry = {"entry": file} if "/" in file else {}
    author.writes("adds/skill.json", {"name": "adds", "version": "1.0.0", "type": "nodejs_code", **entry})
    author.writes(f"adds/{file}", source)

    assert (await outcome_of(author, "adds", n=1)).output == 2


async def test_files_and_packages_of_the_folder_can_be_imported(author: Author) -> None:
    imports = "import { one } from './lib/one.js';\nimport two from 'two';\n"
    imports += "import data from './data.json' with { type: 'json' };\n"
    author.has_module("imports", "return one + two + data.three;", before=imports)
    author.writes("imports/package.json", {"type": "module"})
    author.writes("imports/lib/one.js", "export const one = 1;\n")
    author.writes("imports/node_modules/two/package.json", {"name": "two", "main": "tests/two.js"})
    author.writes("imports/node_modules/two/tests/two.js", "module.exports = require('nested') * 2;\n")
    author.writes("imports/node_modules/two/node_modules/nested/index.js", "module.exports = 1;\n")
    author.writes("imports/data.json", {"three": 3})

    assert (await outcome_of(author, "imports")).output == 6


async def test_a_warm_module_keeps_what_it_knows_and_a_new_one_begins_anew(author: Author) -> None:
    author.has_module("counts", "return ++count;", before="let count = 0;\n")

    async with opened(author) as workbench:
        outputs = [(await workbench.run("counts")).outcome.output for _ in range(3)]
        author.saves("counts/skill.mjs", module("return ++count;", before="let count = 10;\n"))
        workbench.refresh()
        outputs.append((await workbench.run("counts")).outcome.output)

    assert outputs == [1, 2, 3, 11]


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("return null;", None),
        ("return { kept: 1, left: undefined };", {"kept": 1}),
        ("return new Date(0);", "1970-01-01T00:00:00.000Z"),
        ("const twice = [1];\nreturn [twice, twice];", [[1], [1]]),
        ("return '\\\\ud800 in words, 😀';", "\\ud800 in words, 😀"),
        ("return 2 ** 53 - 1;", 2**53 - 1),
        ("let x = 1;\nfor (let i = 0; i < 3; i += 1) x = [x];\nreturn x;", [[[1]]]),
    ],
)
async def test_what_json_carries_comes_back(author: Author, body: str, output: object) -> None:
    author.has_module("plain", body)
    outcome = await outcome_of(author, "plain")
    assert (outcome.error, outcome.output) == (None, output)


@pytest.mark.parametrize(
    "made", ["Buffer.from([255, 0])", "new Uint8Array([255, 0])", "new Uint8Array([255, 0]).buffer"]
)
async def test_bytes_come_back_as_bytes(author: Author, made: str) -> None:
    author.has_module("bytes", f"return {made};")
    assert (await outcome_of(author, "bytes")).output_bytes == b"\xff\x00"


async def test_what_is_printed_is_kept_beside_the_result_and_belongs_to_its_run(author: Author) -> None:
    body = (
        "console.log('out', input.n);\nconsole.error('err', { a: 1 });\nprocess.stdout.write('raw ');\n"
        "process.stdout.write(Buffer.from([0xc3]));\nprocess.stdout.write(Buffer.from([0xbc]));\n"
        "process.stdout.end();\nconsole.log(' still');\n"
        "await new Promise((done) => process.stdout.write('', done));\nreturn 1;"
    )
    author.has_module("prints", body)

    async with opened(author) as workbench:
        first, second = [(await workbench.run("prints", {"n": n})).outcome for n in (1, 2)]

    assert first.error is None
    assert first.stderr == "out 1\nraw ü still\nerr { a: 1 }\n"
    assert second.stderr == first.stderr.replace("1\nraw", "2\nraw")


@pytest.mark.exhaustive
@pytest.mark.parametrize("ending", ["await new Promise(() => {});", "process.reallyExit(3);", "for (;;);"])
async def test_what_was_printed_before_the_end_of_the_process_is_kept(author: Author, ending: str) -> None:
    author.has_module("chatty", f"console.log('so far');\n{ending}", timeout=1)
    outcome = await outcome_of(author, "chatty")
    assert not outcome.is_ok
    assert "so far" in outcome.stderr


async def test_a_flood_of_words_is_cut_and_the_run_goes_on(author: Author) -> None:
    body = "for (let i = 0; i < 300; i += 1) console.log('x'.repeat(100_000));\nreturn 'well';"
    author.has_module("floods", body)
    outcome = await outcome_of(author, "floods")
    assert (outcome.error, outcome.output) == (None, "well")
    assert 60_000 < len(outcome.stderr) < 70_000


async def test_what_a_module_leaves_in_its_runs_folder_is_an_artifact(author: Author) -> None:
    body = "const fs = await import('fs');\nfs.writeFileSync(`${context.out}/note.txt`, 'kept');\nreturn null;"
    author.has_module("leaves", body)
    (artifact,) = (await outcome_of(author, "leaves")).artifacts
    assert Path(artifact).read_text() == "kept"


async def test_a_module_cleans_up_when_its_worker_ends(author: Author) -> None:
    after = "export async function cleanup() { process.reallyExit(42); }\n"
    author.has_module("tidy", "return 1;", before=after)

    async with opened(author) as workbench:
        worker = await workbench.pool.load(workbench.code_of(workbench.find("tidy")))
        assert isinstance(worker, Worker)
        await worker.end()
        end = await worker.process.wait()

    assert end.code == 42


@pytest.mark.exhaustive
async def test_a_cleanup_that_never_ends_is_not_waited_for(author: Author) -> None:
    author.has_module("stays", "return 1;", before="export const cleanup = () => new Promise(() => {});\n")
    async with opened(author) as workbench:
        worker = await workbench.pool.load(workbench.code_of(workbench.find("stays")))
        assert isinstance(worker, Worker)
        await worker.end()
        assert worker.has_ended


async def test_a_version_managers_own_node_is_seen_through(author: Author, tmp_path: Path) -> None:
    shim = tmp_path / "shims/node"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {NODE} "$@"\n')
    shim.chmod(0o755)
    author.has_module("runs", "return process.execPath;")
    environ = {**author.environ, "PATH": f"{shim.parent}:/usr/bin:/bin"}
    assert (await outcome_of(Author(author.workspace, environ), "runs")).output == os.path.realpath(NODE or "")


@pytest.mark.parametrize("tier", ["A", "B"])
async def test_a_node_below_a_home_starts(author: Author, tmp_path: Path, tier: str) -> None:
    """As the version managers install them."""
    program = tmp_path / "home/.versions/v1/bin/node"
    program.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(NODE or ""), program)
    link = tmp_path / "links/node"
    link.parent.mkdir()
    link.symlink_to(program)
    author.has_module("runs", "return process.execPath;")
    environ = {**author.environ, "PATH": f"{link.parent}:/usr/bin:/bin", "WORKBENCH_SECURITY_STRONGEST_TIER": tier}
    assert (await outcome_of(Author(author.workspace, environ), "runs")).output == str(program)


@pytest.mark.parametrize("shim", ["", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho /bin/sh\n", "#!/nowhere\n"])
async def test_without_node_a_run_says_what_to_install(author: Author, tmp_path: Path, shim: str) -> None:
    folder = tmp_path / "shims"
    folder.mkdir()
    if shim:
        (folder / "node").write_text(shim)
        (folder / "node").chmod(0o755)
    author.has_module("runs", "return 1;")
    outcome = await outcome_of(Author(author.workspace, {**author.environ, "PATH": str(folder)}), "runs")
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.DEPENDENCY_MISSING
    assert outcome.process_exit_code is ExitCode.MACHINE_CANNOT
    assert "install Node.js" in outcome.error.hint
