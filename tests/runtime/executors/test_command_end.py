"""What an exit code means, and what it never means."""

from __future__ import annotations

from typing import Any

import pytest

from tests.author import Author
from tests.runtime.executors.running import outcome_of
from tests.runtime.sandbox.tiers import BY_TIER, behind
from workbench.model.errors import ErrorKind
from workbench.model.run import Status

pytestmark = pytest.mark.anyio

CODES = {"1": "completed", "69": "network_error", "2": "input_invalid", "0": "output_invalid", "255": "timeout"}


def ends(author: Author, script: str, codes: dict[str, str] = CODES, **manifest: Any) -> None:
    author.has_command("ends", script, shell=True, exit_codes=codes, **manifest)


async def test_a_code_that_means_completed_fails_nothing_and_stays_what_it_is(author: Author) -> None:
    ends(author, "echo '[]'; echo nothing found >&2; exit 1", output_format="json")

    outcome = await outcome_of(author, "ends")

    assert (outcome.status, outcome.exit_code, outcome.output, outcome.error) == (Status.COMPLETED, 1, [], None)
    assert outcome.stderr == "nothing found\n"


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (69, ErrorKind.NETWORK_ERROR, Status.FAILED),
        (2, ErrorKind.INPUT_INVALID, Status.REJECTED),
        (0, ErrorKind.OUTPUT_INVALID, Status.FAILED),
        (255, ErrorKind.TIMEOUT, Status.TIMED_OUT),
    ],
)
async def test_a_code_is_the_kind_of_error_that_its_manifest_says(
    code: int, kind: ErrorKind, status: Status, author: Author
) -> None:
    ends(author, f"echo so far; echo first >&2; echo the reason >&2; exit {code}")

    outcome = await outcome_of(author, "ends")

    assert (outcome.status, outcome.exit_code, outcome.output) == (status, code, "so far\n")
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == (kind, "the reason")


async def test_a_code_without_words_is_told_by_its_number(author: Author) -> None:
    ends(author, "exit 69")

    outcome = await outcome_of(author, "ends")

    assert outcome.error is not None
    assert outcome.error.message == "exit code 69"
    assert "69 is network_error" in outcome.error.hint


@pytest.mark.parametrize("code", [3, 193, 254])
async def test_a_code_without_a_meaning_is_an_exit_code_as_before(code: int, author: Author) -> None:
    ends(author, f"exit {code}")

    outcome = await outcome_of(author, "ends")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.EXIT_CODE
    assert outcome.exit_code == code


async def test_a_signal_of_its_own_may_have_a_meaning(author: Author) -> None:
    ends(author, "kill -TERM $$", {"143": "completed"})

    outcome = await outcome_of(author, "ends")

    assert (outcome.status, outcome.exit_code) == (Status.COMPLETED, 143)


ALL = {str(code): "completed" for code in range(256)}


@pytest.mark.parametrize(
    ("script", "limits", "kind"),
    [
        ("head -c 5000000 /dev/zero > $WORKBENCH_OUT/f", {"max_file_size_mb": 1}, ErrorKind.RESOURCE_LIMIT),
        ("exec head -c 5000000 /dev/zero > $WORKBENCH_OUT/f", {"max_file_size_mb": 1}, ErrorKind.RESOURCE_LIMIT),
        ("cat /dev/zero", {"max_output_mb": 1}, ErrorKind.RESOURCE_LIMIT),
        ("sleep 60", {"max_execution_time": 0.3}, ErrorKind.TIMEOUT),
        ("kill -KILL $$", {}, ErrorKind.CRASHED),
    ],
)
async def test_what_our_limits_end_is_never_given_another_meaning(
    script: str, limits: dict[str, Any], kind: ErrorKind, author: Author
) -> None:
    ends(author, script, ALL, security={"resource_limits": limits})

    outcome = await outcome_of(author, "ends")

    assert outcome.error is not None
    assert outcome.error.kind is kind


async def test_a_program_that_is_not_here_is_missing_whatever_its_code_would_mean(author: Author) -> None:
    author.has_command("absent", "no-such-program-at-all", exit_codes=ALL)

    outcome = await outcome_of(author, "absent")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.DEPENDENCY_MISSING


@BY_TIER
@pytest.mark.parametrize("program", ["no-such-program-at-all", "no such program | at all"])
async def test_a_program_that_is_not_here_is_missing_at_each_tier(program: str, tier: str, author: Author) -> None:
    author.has_command("absent", program)

    outcome = await outcome_of(behind(author, tier), "absent")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.DEPENDENCY_MISSING
    assert f"'{program}' is not here" in outcome.error.message


@BY_TIER
async def test_a_program_that_cannot_be_executed_is_told_so_at_each_tier(tier: str, author: Author) -> None:
    author.has_command("closed", "./tool")
    author.writes("closed/tool", "#!/bin/sh\n").chmod(0o644)

    outcome = await outcome_of(behind(author, tier), "closed")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.EXIT_CODE
    assert "'./tool' cannot be started" in outcome.error.message
    assert "ermission denied" in outcome.error.message


@BY_TIER
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("no-such-program-at-all", 127),
        ("exec /etc/passwd", 126),
        ("echo 'sh: No such file or directory' >&2; echo and more >&2; exit 127", 127),
    ],
)
async def test_a_shell_that_finds_no_program_was_itself_there(
    script: str, code: int, tier: str, author: Author
) -> None:
    author.has_command("seeks", "sh", "-c", script)
    author.has_command("mapped", "sh", "-c", script, exit_codes={str(code): "network_error"})

    outcome = await outcome_of(behind(author, tier), "seeks")
    mapped = await outcome_of(behind(author, tier), "mapped")

    assert (outcome.exit_code, mapped.exit_code) == (code, code)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.EXIT_CODE
    assert mapped.error is not None
    assert mapped.error.kind is ErrorKind.NETWORK_ERROR
