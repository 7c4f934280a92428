"""Commands: inputs in, output out, and nothing left behind."""

from __future__ import annotations

import shutil

import anyio
import pytest

from tests.author import Author
from tests.runtime.executors.running import opened, outcome_of
from workbench.model.errors import ErrorKind, ExitCode, StoreUnavailable
from workbench.model.run import Status

pytestmark = pytest.mark.anyio


async def test_a_command_gets_its_inputs_as_arguments_and_on_stdin(author: Author) -> None:
    author.has_command("both", "sh", "-c", 'echo "$1"; cat', "sh", "{text}", parameters=[{"name": "text"}])

    outcome = await outcome_of(author, "both", text="a b; $(id) {text}")

    assert outcome.output == 'a b; $(id) {text}\n{"text":"a b; $(id) {text}"}'


async def test_braces_that_name_no_input_stay_braces(author: Author) -> None:
    author.has_command("awk", "echo", "{print $1}", "{other}", "{}")

    assert (await outcome_of(author, "awk")).output == "{print $1} {other} {}\n"


async def test_a_commands_own_failure_is_told_with_its_exit_code_and_last_words(author: Author) -> None:
    author.has_command("fails", "sh", "-c", "echo so far; echo went wrong >&2; exit 3")

    outcome = await outcome_of(author, "fails")

    assert (outcome.status, outcome.exit_code, outcome.output) == (Status.FAILED, 3, "so far\n")
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.EXIT_CODE
    assert "went wrong" in outcome.error.message


async def test_a_program_that_is_not_here_is_a_missing_dependency(author: Author) -> None:
    author.has_command("absent", "no-such-program-at-all")

    outcome = await outcome_of(author, "absent")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.DEPENDENCY_MISSING
    assert outcome.process_exit_code == 3


async def test_output_that_is_not_text_comes_as_bytes(author: Author) -> None:
    author.has_command("binary", "printf", r"\377\000\001")

    outcome = await outcome_of(author, "binary")

    assert (outcome.output, outcome.output_bytes) == (None, b"\xff\x00\x01")


async def test_a_flood_is_cut_at_the_limit(author: Author) -> None:
    limits = {"security": {"resource_limits": {"max_output_mb": 1}}}
    author.has_command("flood", "cat", "/dev/zero", **limits)

    outcome = await outcome_of(author, "flood")

    assert outcome.truncated
    assert outcome.limit is not None
    assert outcome.limit.name == "max_output_mb"
    assert outcome.usage.output_bytes == 1_000_000


async def test_of_a_flood_the_beginning_and_the_end_are_kept_as_whole_characters(author: Author) -> None:
    script = "import sys; sys.stdout.write('begin' + 'é€😀' * 1_000_000)"
    limits = {"security": {"resource_limits": {"max_output_mb": 1}}}
    author.has_command("flood", "python3", "-c", script, **limits)

    output = str((await outcome_of(author, "flood")).output)

    assert output.startswith("beginé€😀é€😀")
    assert "737,856 bytes are left out here" in output
    assert len(output.encode()) < 300_000


async def test_a_command_that_takes_too_long_is_ended_with_its_tree(author: Author) -> None:
    author.has_command("slow", "sh", "-c", "sleep 60 & sleep 60", resilience={"timeout": 0.3})

    outcome = await outcome_of(author, "slow")

    assert outcome.status is Status.TIMED_OUT


async def test_what_a_command_said_before_its_time_was_over_is_kept(author: Author) -> None:
    author.has_command("chatty", "sh", "-c", "echo so far; echo and this >&2; sleep 60", resilience={"timeout": 0.5})

    outcome = await outcome_of(author, "chatty")

    assert outcome.status is Status.TIMED_OUT
    assert (outcome.output, outcome.stderr) == ("so far\n", "and this\n")


async def test_what_a_command_leaves_in_its_folder_is_an_artifact(author: Author) -> None:
    author.has_command("leaves", "sh", "-c", "echo kept > $WORKBENCH_OUT/note.txt")

    (artifact,) = (await outcome_of(author, "leaves")).artifacts

    with open(artifact, encoding="utf-8") as file:
        assert file.read() == "kept\n"


@pytest.mark.parametrize("value", ["\ud800", float("nan"), {1, 2}, object()])
async def test_inputs_that_json_cannot_carry_are_refused_and_recorded(author: Author, value: object) -> None:
    author.has_command("echo-it", "cat")

    async with opened(author) as workbench:
        outcome = (await workbench.run("echo-it", {"value": value})).outcome

    assert outcome.error is None or outcome.error.kind is ErrorKind.INPUT_INVALID


async def test_only_promised_variables_reach_a_skill(author: Author) -> None:
    author.environ.update({"PROMISED": "yes", "UNPROMISED": "no", "LD_PRELOAD_X": "no"})
    permissions = {"environment": ["PROMISED", "LD_PRELOAD_X"]}
    author.has_command(
        "env", "env", security={"permissions": permissions}, environment={"SET": "1", "PYTHONPATH": "/x"}
    )

    lines = str((await outcome_of(author, "env")).output).split()

    assert "PROMISED=yes" in lines
    assert "SET=1" in lines
    assert not any(line.startswith(("UNPROMISED", "LD_PRELOAD", "PYTHONPATH")) for line in lines)


async def test_where_nothing_can_be_left_the_machine_is_told_to_be_the_reason(author: Author) -> None:
    author.has_command("greet", "echo", "hello")

    async with opened(author) as workbench:
        assert (await workbench.run("greet")).outcome.is_ok
        runs = author.workspace / ".workbench" / "runs"
        shutil.rmtree(runs)
        runs.write_text("a file")
        with pytest.raises(StoreUnavailable, match="no place for what it leaves") as unavailable:
            await workbench.run("greet")
        assert unavailable.value.exit_code is ExitCode.MACHINE_CANNOT
        runs.unlink()
        assert (await workbench.run("greet")).outcome.is_ok


@pytest.mark.parametrize("text", ["x" * 140_000, "\n" * 90_000, "\U0001f600" * 30_000])
async def test_a_command_line_that_is_too_long_is_said_to_be(author: Author, text: str) -> None:
    author.has_command("long", "echo", "{text}", parameters=[{"name": "text"}])

    async with opened(author) as workbench:
        refused = (await workbench.run("long", {"text": text})).outcome
        assert (await workbench.run("long", {"text": "short"})).outcome.output == "short\n"
    assert refused.error is not None
    assert refused.error.kind is ErrorKind.INPUT_INVALID
    assert "too long" in refused.error.message


@pytest.mark.exhaustive
async def test_two_hundred_commands_at_once_all_get_their_turn(author: Author) -> None:
    author.has_command("echo-number", "echo", "{number}", parameters=[{"name": "number", "type": "integer"}])
    outputs: list[object] = []

    async with opened(author) as workbench:

        async def run(number: int) -> None:
            outputs.append((await workbench.run("echo-number", {"number": number})).outcome.output)

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(run, number)

    assert sorted(outputs, key=str) == sorted((f"{number}\n" for number in range(200)), key=str)
