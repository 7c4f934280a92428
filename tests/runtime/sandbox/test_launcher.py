"""What a skill could do to whoever starts it: with places, programs, variables and arguments; tried on each tier."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.author import Author
from tests.runtime.executors.running import opened
from tests.runtime.sandbox.outside import kind_of, run, stamps
from tests.runtime.sandbox.tiers import BY_TIER, behind
from workbench.assembly import Workbench
from workbench.model.errors import ErrorKind, SandboxUnavailable

pytestmark = pytest.mark.anyio
LAUNCHES = 100


def asks(author: Author, name: str, script: str, **permissions: object) -> None:
    author.has_command(name, script, shell=True, security={"permissions": permissions})


@BY_TIER
async def test_where_a_git_leads_elsewhere_nothing_is_made_there(author: Author, tier: str, outside: Path) -> None:
    author = behind(author, tier)
    asks(author, "works", 'cd "$WORKBENCH_WORKSPACE" && cat docs/a && echo x > reports/new', **READS_AND_WRITES)
    asks(author, "claims", 'echo x > "$WORKBENCH_WORKSPACE/docs/new"', file_write=["workspace:docs"])
    for folder in ("docs", "reports"):
        (author.workspace / folder).mkdir()
        (author.workspace / folder / "a").write_text("known")
    for number, place in enumerate(("", "docs/", "skills/works/")):
        (author.workspace / f"{place}.git").symlink_to(f"/oldroot{outside}" if number % 2 else outside)
    before = stamps(outside)

    async with opened(author) as workbench:
        worked, claimed = await run(workbench, "works"), await run(workbench, "claims")

    assert (worked.output, kind_of(claimed)) == ("known", ErrorKind.PERMISSION_DENIED)
    assert stamps(outside) == before


READS_AND_WRITES: dict[str, object] = {"file_read": ["workspace:docs"], "file_write": ["workspace:reports"]}


@BY_TIER
async def test_a_place_that_is_a_link_to_the_home_is_not_given(author: Author, tier: str) -> None:
    author = behind(author, tier)
    home = Path(author.environ["HOME"])
    (home / "key").write_text("secret")
    (author.workspace / "out").symlink_to(home)
    for right in ("file_read", "file_write"):
        asks(author, right.replace("_", "-"), "cat out/key; echo x > out/new", **{right: ["workspace:out"]})

    async with opened(author) as workbench:
        outcomes = [await run(workbench, name) for name in ("file-read", "file-write")]

    assert [kind_of(outcome) for outcome in outcomes] == [ErrorKind.PERMISSION_DENIED] * 2
    assert "secret" not in str(outcomes)
    assert not (home / "new").exists()


@contextmanager
def swapped_again_and_again(one: Path, other: Path) -> Iterator[None]:
    """Two names for two things, each of which is now the one and now the other."""
    exchange = ctypes.CDLL(None, use_errno=True).renameat2
    is_over = Event()

    def swap() -> None:
        while not is_over.wait(0.0005):
            assert exchange(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0

    thread = Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@BY_TIER
@pytest.mark.exhaustive
@pytest.mark.timeout(120)
@pytest.mark.parametrize("root", ["", "/oldroot"], ids=["from here", "from the set-up of the sandbox"])
@pytest.mark.parametrize("around", [False, True], ids=["the place", "a folder around it"])
async def test_a_folder_that_becomes_a_link_while_runs_start_leads_nowhere(
    author: Author, tier: str, outside: Path, root: str, around: bool
) -> None:
    """Half of the time there is a link in its place."""
    author = behind(author, tier)
    place, swapped = ("docs/deep/out", "docs/deep") if around else ("reports", "reports")
    (author.workspace / place).mkdir(parents=True)
    script = f'cd "$WORKBENCH_WORKSPACE"; cat "{outside}/kept"; echo x > "{outside}/new"; echo x > {place}/new'
    asks(author, "writes", script, file_read=["workspace:docs"] if around else [], file_write=[f"workspace:{place}"])
    link = author.workspace / "link"
    link.symlink_to(f"{root}{outside}")
    before = stamps(outside)

    async with opened(author) as workbench:
        with swapped_again_and_again(author.workspace / swapped, link):
            ways: list[str] = []
            while len(ways) < LAUNCHES or set(ways) != {"the folder", "the link"}:
                ways.append(await found_by(workbench, "writes"))

    assert stamps(outside) == before


async def found_by(workbench: Workbench, name: str) -> str:
    """What a run found in a place: it is refused a link before its start, or at it."""
    try:
        outcome = await run(workbench, name)
    except SandboxUnavailable:
        return "the link"
    assert "kept" not in str(outcome.output)
    return "the folder" if outcome.is_ok else "the link"


@BY_TIER
async def test_a_place_that_a_run_makes_a_link_is_not_searched_for_what_to_hold_back(
    author: Author, tier: str, outside: Path
) -> None:
    author = behind(author, tier)
    (author.workspace / "reports/sub").mkdir(parents=True)
    (outside / ".bashrc").write_text("as it was")
    (outside / "project").mkdir()
    (outside / "project/Makefile").write_text("as it was")
    script = (
        f'cd "$WORKBENCH_WORKSPACE/reports" && mv sub was && ln -s "{outside}" sub; mkdir new; touch .envrc new/.envrc'
    )
    for name, places in (("one", ["workspace:reports"]), ("both", ["workspace:reports/sub", "workspace:reports"])):
        asks(author, name, script, file_write=places)
    before = stamps(outside)

    async with opened(author) as workbench:
        for name in ("both", "one"):
            held = (await run(workbench, name)).held_back
            found = {os.path.relpath(each.path, author.workspace / "reports") for each in held}
            assert found == {".envrc", "new/.envrc"}
            assert all(os.path.isfile(each.kept) for each in held)

    assert stamps(outside) == before


HOSTILE_NAMES = (
    "/",
    "//",
    "~",
    "~root",
    "../..",
    "workspace:..",
    "workspace:/",
    "",
    " ",
    "a\0b",
    "a\nb",
    "workspace:a\nb",
)


@BY_TIER
async def test_names_of_places_that_mean_something_else_give_nothing(author: Author, tier: str, outside: Path) -> None:
    author = behind(author, tier)
    listing = f'ls -a / "{outside}" "{author.workspace}" 2>/dev/null; echo x > "{outside}/new"; exit 0'
    asks(author, "plain", listing)
    for number, name in enumerate(HOSTILE_NAMES):
        asks(author, f"reads-{number}", listing, file_read=[name])
        asks(author, f"writes-{number}", listing, file_write=[name])
    before = stamps(outside)

    async with opened(author) as workbench:
        assert "kept" not in str(await run(workbench, "plain"))
        for number, name in enumerate(HOSTILE_NAMES):
            for right in ("reads", "writes"):
                outcome = await run(workbench, f"{right}-{number}")
                assert kind_of(outcome) in (ErrorKind.PERMISSION_DENIED, ErrorKind.SKILL_BROKEN), (right, name)
                assert outcome.output is None

    assert stamps(outside) == before


@BY_TIER
async def test_a_place_whose_name_looks_like_an_option_is_only_a_place(author: Author, tier: str) -> None:
    author = behind(author, tier)
    names = ("--bind", "-rf", "--ro-bind * ?", "--", "$(id)")
    for name in names:
        (author.workspace / name).mkdir()
        (author.workspace / name / "a").write_text(name)
    (author.workspace / "other").write_text("secret")
    places = [f"workspace:{name}" for name in names]
    reads = 'cd "$WORKBENCH_WORKSPACE" && for each in "$@"; do cat "./$each/a"; done; cat other; exit 0'
    writes = f'{reads[:-8]}; for each in "$@"; do echo x > "./$each/new"; done'
    for name, script, right in (("reads", reads, "file_read"), ("writes", writes, "file_write")):
        author.has_command(name, script, *names, shell=True, security={"permissions": {right: places}})

    async with opened(author) as workbench:
        read, written = await run(workbench, "reads"), await run(workbench, "writes")

    assert read.output == written.output == "".join(names)
    assert all((author.workspace / name / "new").is_file() for name in names)


@BY_TIER
async def test_a_program_of_a_skills_own_never_stands_in_for_the_systems(author: Author, tier: str) -> None:
    author = behind(author, tier)
    for program in ("cat", "sh", "python3"):
        author.writes(f"own/{program}", "#!/bin/sh\necho mine\n").chmod(0o755)
    here = str(author.skills / "own")
    author.environ["PATH"] = f"{here}:{author.environ['PATH']}"
    said = {"environment": {"PATH": f".:{here}"}, "security": {"permissions": {"environment": ["PATH"]}}}
    author.writes("own/skill.json", {**COMMAND, "name": "own", "command": "cat", **said})
    author.has_command("within", "cat", shell=True, **said)

    async with opened(author) as workbench:
        for name in ("own", "within"):
            assert (await run(workbench, name, a=1)).output == '{"a":1}'


COMMAND = {"version": "1.0.0", "description": "x", "type": "code_inline"}
VARIABLES = (
    *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "BASH_ENV", "ENV"),
    *("SHELLOPTS", "IFS", "BASH_FUNC_cat%%", "NODE_OPTIONS", "NODE_PATH", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL"),
    *("PERL5OPT", "RUBYOPT", "PATH", "HOME", "TMPDIR", "WORKBENCH_OUT"),
)


@BY_TIER
async def test_variables_that_change_what_is_loaded_or_run_are_dropped(author: Author, tier: str) -> None:
    author = behind(author, tier)
    evil = dict.fromkeys(VARIABLES, "/evil")
    author.environ.update(
        {name: f"{evil[name]}:{author.environ.get(name, '')}" for name in VARIABLES if name != "HOME"}
    )
    permissions = {"permissions": {"environment": [*VARIABLES, "TOLD"]}}
    author.environ["TOLD"] = "told"
    author.has_command("command", "env", environment={**evil, "SET": "set"}, security=permissions)
    author.has_function(
        "called", "import os\nreturn dict(os.environ)", options=f", permissions={permissions['permissions']!r}"
    )

    async with opened(author) as workbench:
        command, called = await run(workbench, "command"), await run(workbench, "called")

    lines = str(command.output).splitlines()
    assert {"SET=set", "TOLD=told"} <= set(lines)
    assert isinstance(called.output, dict), called.error
    assert called.output["TOLD"] == "told"
    for found in ("\n".join(lines), str(called.output)):
        assert "/evil" not in found


@BY_TIER
async def test_options_among_its_arguments_are_the_commands_own(author: Author, tier: str) -> None:
    author = behind(author, tier)
    key = Path(author.environ["HOME"]) / "key"
    key.write_text("secret")
    options = ("--bind", "/", "/", "--share-net", "--", "--args", "0", "--seccomp", "0")
    author.has_command("says", "echo", *options, "{text}", parameters=[{"name": "text"}])
    author.has_command("is-one", "--bind", "/", "/", "cat", str(key))
    author.has_command("reads", "cat", "--", str(key))

    async with opened(author) as workbench:
        said = await run(workbench, "says", text="--dev-bind / /")
        others = [await run(workbench, name) for name in ("is-one", "reads")]

    assert said.output == f"{' '.join(options)} --dev-bind / /\n"
    assert [outcome.is_ok for outcome in others] == [False, False]
    assert "secret" not in str(others)


@BY_TIER
@pytest.mark.exhaustive
def test_a_sandbox_of_its_own_that_is_found_first_is_not_used(author: Author, tier: str, outside: Path) -> None:
    author = behind(author, tier)
    (author.workspace / "bin").mkdir()
    for program in ("bwrap", "python3", "sh", "setpriv", "prlimit", "chmod", "rm", "env"):
        found_first = author.workspace / "bin" / program
        found_first.write_text(f"#!/bin/sh\necho x > {outside}/taken-{program}\nexit 1\n")
        found_first.chmod(0o755)
    author.environ["PATH"] = f"{author.workspace}/bin:{author.environ['PATH']}"
    author.has_command("command", "sh", "-c", "python3 -c 'print(1)'; mkdir $WORKBENCH_OUT/d; chmod 0 $WORKBENCH_OUT/d")
    author.has_function("called", "return 1")
    before = stamps(outside)

    said = [author.calls(*words, "--json") for words in (("run", "command"), ("run", "called"), ("doctor",))]

    assert stamps(outside) == before
    assert [each.json["output"] for each in said[:2]] == ["1\n", 1]
    assert [each.json["sandbox"]["tier"] for each in said] == [tier] * 3
