"""What a module may not do, tried on every tier that this machine has; and that it ends only itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.author import Author, needs_node
from tests.runtime.executors.running import opened, outcome_of
from tests.runtime.sandbox.tiers import REACHABLE
from workbench.model.errors import ErrorKind
from workbench.runtime.sandbox.warden import notices

pytestmark = [pytest.mark.anyio, pytest.mark.whole, needs_node]
REQUIRES = (
    "import fs from 'fs'; import { createRequire } from 'module'; const require = createRequire(import.meta.url); "
)


PROCESS_HINT = "process_spawn: true" if notices._kernel_asks() else "not granted"


@pytest.fixture(params=[tier for tier in REACHABLE if tier != "A+"])
def behind(request: pytest.FixtureRequest, author: Author) -> Author:
    """An author whose skills run behind the walls of one tier."""
    return Author(author.workspace, {**author.environ, "WORKBENCH_SECURITY_STRONGEST_TIER": request.param})


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


ATTACKS = {
    "read the home": "return fs.readFileSync(input.home + '/secret', 'utf8');",
    "read the workspace": "return fs.readFileSync(input.home + '/../workspace/skills/other/skill.json', 'utf8');",
    "import from the home": "return (await import(input.home + '/module.mjs')).default;",
    "read it by a link": "fs.symlinkSync(input.home, context.out + '/l');\n"
    "return fs.readFileSync(context.out + '/l/secret', 'utf8');",
    "write to the home": "fs.writeFileSync(input.home + '/written', 'x');\n"
    "return fs.existsSync(input.home + '/written') && 'secret';",
    "rewrite itself": "fs.writeFileSync('skill.mjs', '');\nreturn 'secret';",
    "write beside itself": "fs.writeFileSync('new.mjs', '');\nreturn 'secret';",
    "reach a port": "await new Promise((done, fail) => require('net').connect(input.port, '127.0.0.1', done)"
    ".on('error', fail));\nreturn 'secret';",
    "fetch": "return (await fetch(`http://127.0.0.1:${input.port}`)) && 'secret';",
    "listen": "await new Promise((done, fail) => require('net').createServer().listen(0, done).on('error', fail));\n"
    "return 'secret';",
    "open the inspector": "require('inspector').open(0);\nreturn require('inspector').url() ? 'secret' : '';",
    "start a process": "const { error } = require('child_process').spawnSync('true');\nif (error) throw error;\n"
    "return 'secret';",
    "fork": "const child = require('child_process').fork('skill.mjs');\n"
    "await new Promise((done, fail) => child.on('error', fail).on('spawn', done));\nreturn 'secret';",
    "read from a thread": "const { Worker } = require('worker_threads');\n"
    "const said = `require('fs').readFileSync('${input.home}/secret', 'utf8')`;\n"
    "const code = `require('worker_threads').parentPort.postMessage(${said})`;\n"
    "return await new Promise((done, fail) => new Worker(code, { eval: true }).on('error', fail).on('message', done));",
    "read another's environment": "const all = fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name));\n"
    "const read = (pid) => { try { return fs.readFileSync(`/proc/${pid}/environ`, 'utf8'); } catch { return ''; } };\n"
    "return all.map(read).join('').includes('only-the-workbench-knows') ? 'secret' : '';",
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
async def test_no_attack_of_a_module_gets_anything_out(behind: Author, port: int, attack: str) -> None:
    home = Path(behind.environ["HOME"])
    (home / "secret").write_text("secret")
    (home / "module.mjs").write_text("export default 'secret';\n")
    behind.has_module("other", "return 1;", title="secret")
    behind.has_module("attacks", ATTACKS[attack], before=REQUIRES, timeout=5)

    async with opened(behind) as workbench:
        outcome = (await workbench.run("attacks", {"home": str(home), "port": port})).outcome

    assert "secret" not in str(outcome.output), outcome
    assert outcome.sandbox is None or outcome.sandbox.tier.value == behind.environ["WORKBENCH_SECURITY_STRONGEST_TIER"]
    assert outcome.error is None or outcome.error.kind in (ErrorKind.CRASHED, ErrorKind.TIMEOUT)
    assert not (home / "written").exists()


async def test_what_a_module_is_given_works_behind_the_walls(behind: Author) -> None:
    body = (
        "fs.writeFileSync(`${context.out}/note.txt`, fs.readFileSync('data/table.csv'));\n"
        "const { Worker } = require('worker_threads');\n"
        "const code = 'require(\"worker_threads\").parentPort.postMessage(3)';\n"
        "const three = await new Promise((done) => new Worker(code, { eval: true }).on('message', done));\n"
        "const hash = require('crypto').createHash('sha256').update('x').digest('hex').length;\n"
        "return [three, hash, require('zlib').gzipSync('x').length > 9, require('./lib/old.js')];"
    )
    behind.has_module("works", body, before=REQUIRES)
    behind.writes("works/data/table.csv", "1,2")
    behind.writes("works/lib/old.js", "module.exports = 'old';\n")
    (behind.workspace / "package.json").write_text('{"type": "module", "name": "the-workspace"}')

    outcome = await outcome_of(behind, "works")

    assert (outcome.error, outcome.output) == (None, [3, 64, True, "old"])
    assert [Path(path).read_text() for path in outcome.artifacts] == ["1,2"]


@pytest.mark.parametrize(
    ("body", "words", "hint"),
    [
        ("fs.writeFileSync('skill.mjs', 'x');", "", "context.out"),
        ("await fetch('http://example.com');", "getaddrinfo", "network_access"),
        ("require('net').connect(80, '127.0.0.1');\nawait new Promise(() => {});", "connect EACCES", "network_access"),
        ("throw require('child_process').spawnSync('true').error;", "EPERM", PROCESS_HINT),
        (
            "fs.writeFileSync(`${context.out}/big`, Buffer.alloc(20_000_000));",
            "over 10 MB in one file",
            "max_file_size_mb",
        ),
    ],
)
async def test_what_the_walls_refuse_is_said_to_be_the_walls(behind: Author, body: str, words: str, hint: str) -> None:
    behind.has_module("tries", body, before=REQUIRES, timeout=5)

    outcome = await outcome_of(behind, "tries")

    assert outcome.error is not None
    assert words in outcome.error.message
    assert outcome.sandbox is not None
    if hint == "network_access" and not outcome.sandbox.tier.has_namespaces:
        hint = "no skill is given hosts without namespaces"
    assert hint in outcome.error.hint


async def test_a_module_may_start_processes_where_its_manifest_says_so(behind: Author) -> None:
    body = "return String(require('child_process').execFileSync('echo', ['there'])).trim();"
    behind.has_module("starts", body, before=REQUIRES, security={"permissions": {"process_spawn": True}})
    assert (await outcome_of(behind, "starts")).output == "there"


GROWS = "const kept = [];\nfor (;;) kept.push(new Array(1e4).fill(kept.length + 0.5));"
NEVER = "await new Promise(() => {});"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("process.reallyExit(4);", ErrorKind.CRASHED, "exit code 4"),
        ("process.kill(process.pid, 'SIGSEGV');", ErrorKind.CRASHED, "signal 11"),
        ("process.abort();", ErrorKind.CRASHED, "signal 6"),
        ("for (;;);", ErrorKind.TIMEOUT, "not done"),
        (NEVER, ErrorKind.TIMEOUT, "not done"),
        (f"const tick = () => process.nextTick(tick);\ntick();\n{NEVER}", ErrorKind.TIMEOUT, "not done"),
        ("const kept = [];\nfor (;;) kept.push(Buffer.alloc(1e7, 1));", ErrorKind.RESOURCE_LIMIT, "MB of memory"),
        (GROWS, ErrorKind.RESOURCE_LIMIT, "MB of memory"),
        ("fs.closeSync(3);\nreturn 1;", ErrorKind.CRASHED, ""),
        ("JSON.stringify = () => '';\nreturn 1;", ErrorKind.CRASHED, ""),
        ("JSON.parse = () => 1;\nreturn () => 1;", ErrorKind.OUTPUT_INVALID, ""),
        ("process.stdout = process.stderr = null;\nreturn undefined;", ErrorKind.CRASHED, "read only"),
        ("process.removeAllListeners();\nPromise.reject(new Error('x'));\n" + NEVER, ErrorKind.CRASHED, "exit code 1"),
        ("fs.writeSync(3, Buffer.from([0, 0, 0, 3, 91, 49, 93]));\n" + NEVER, ErrorKind.CRASHED, ""),
        ("fs.writeSync(3, Buffer.from([255, 0, 0, 3]));\n" + NEVER, ErrorKind.CRASHED, ""),
    ],
)
async def test_whatever_a_module_does_it_ends_only_itself(
    author: Author, body: str, kind: ErrorKind, words: str
) -> None:
    author.has_module("wild", body, before=REQUIRES, timeout=4)
    author.has_module("tame", "return 'well';")

    async with opened(author) as workbench:
        wild = (await workbench.run("wild")).outcome
        tame = (await workbench.run("tame")).outcome

    assert wild.error is not None
    assert wild.error.kind is kind, wild.error
    assert words in wild.error.message
    assert tame.output == "well"


async def test_too_little_memory_to_start_is_said_to_be_that(author: Author) -> None:
    author.has_module("small", "return 1;", security={"resource_limits": {"max_memory_mb": 4}})
    outcome = await outcome_of(author, "small")
    assert outcome.error is not None
    assert "over 4 MB of memory" in outcome.error.message


@pytest.mark.exhaustive
async def test_a_heap_that_is_full_before_the_limit_is_told_as_the_limit(behind: Author) -> None:
    behind.has_module("grows", GROWS)
    environ = {**behind.environ, "WORKBENCH_SECURITY_MAX_MEMORY_MB": "600"}
    outcome = await outcome_of(Author(behind.workspace, environ), "grows")
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.RESOURCE_LIMIT
    assert outcome.error.message == "its heap is full: 600 MB of memory are not enough"


async def test_no_variable_of_somebody_elses_changes_what_node_loads(author: Author) -> None:
    author.writes("evil.js", "process.env.TAKEN = 'over';")
    environ = {"NODE_OPTIONS": f"--require {author.skills}/evil.js", "SECRET": "word"}
    body = "return [process.env.TAKEN ?? '', process.env.SECRET ?? '', process.env.MINE];"
    author.has_module("clean", body, environment={"NODE_OPTIONS": environ["NODE_OPTIONS"], "MINE": "yes"})

    outcome = await outcome_of(Author(author.workspace, {**author.environ, **environ}), "clean")

    assert outcome.output == ["", "", "yes"]


async def test_a_module_sees_the_files_of_its_revision_and_no_others(author: Author) -> None:
    body = "return fs.readdirSync('.', { recursive: true }).sort();"
    author.has_module("looks", body, before=REQUIRES)
    author.writes("looks/data/table.csv", "1,2")
    author.writes("looks/tests/cases.yaml", "cases: []\n")
    author.writes("looks/.hidden", "x")
    assert (await outcome_of(author, "looks")).output == ["data", "data/table.csv", "skill.json", "skill.mjs"]
