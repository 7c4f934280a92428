"""What a command starts with: a shell or none, its arguments, variables and stdin, and where it stands."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.author import Author
from tests.runtime.executors.running import opened, outcome_of
from workbench.model.errors import ErrorKind
from workbench.model.run import Status
from workbench.runtime.executors import start

pytestmark = pytest.mark.anyio

TEXT: dict[str, Any] = {"parameters": [{"name": "text"}]}
HOSTILE = [
    "$(touch $WORKBENCH_OUT/pwned) `touch $WORKBENCH_OUT/pwned` ; touch $WORKBENCH_OUT/pwned",
    '"; touch $WORKBENCH_OUT/pwned; "',
    "'\n; touch $WORKBENCH_OUT/pwned; '",
    "{text} {other} ${text} %s \\ \t * ~ !",
    "\u202eäöü\U0001f600\x1b[31m\r\n",
    "",
    "-rf",
    "x" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_script_gets_an_input_as_one_argument_whatever_it_holds(text: str, author: Author) -> None:
    author.has_command("one", 'printf %s "$#:$1"', "{text}", shell=True, **TEXT)

    outcome = await outcome_of(author, "one", text=text)

    assert (outcome.output, outcome.artifacts) == (f"1:{text}", ())


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_variable_holds_an_input_whatever_it_holds(text: str, author: Author) -> None:
    author.has_command("one", 'printf %s "$SAID"', shell=True, environment={"SAID": "<{text}>"}, **TEXT)

    outcome = await outcome_of(author, "one", text=text)

    assert (outcome.output, outcome.artifacts) == (f"<{text}>", ())


@pytest.mark.parametrize("text", [*HOSTILE, "a\0b", "x" * 5_000_000])
async def test_stdin_is_a_text_with_inputs_in_it(text: str, author: Author) -> None:
    author.has_command("said", "cat", stdin="{text}|{other}", **TEXT)

    assert (await outcome_of(author, "said", text=text)).output == f"{text}|{{other}}"


@pytest.mark.parametrize("place", ["args", "environment"])
@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (1, False)])
async def test_a_word_is_as_long_as_the_system_takes_it(place: str, more: int, is_taken: bool, author: Author) -> None:
    said: dict[str, Any] = {"args": {}, "environment": {"environment": {"SAID": "{text}"}}}[place]
    author.has_command("long", 'printf %s "$1$SAID"', *(("{text}",) if place == "args" else ()), shell=True, **said)
    text = "x" * (start.MOST_WORD_BYTES - (len("SAID=") if said else 0) + more)

    outcome = await outcome_of(author, "long", text=text)

    assert (outcome.output == text) is is_taken
    assert outcome.error is None or outcome.error.kind is ErrorKind.INPUT_INVALID


async def test_a_zero_byte_leaves_arguments_and_variables(author: Author) -> None:
    author.has_command("one", 'echo "$1 $SAID"', "{text}", shell=True, environment={"SAID": "{text}"}, **TEXT)

    assert (await outcome_of(author, "one", text="a\0b")).output == "ab ab\n"


async def test_a_script_reads_pipes_and_has_the_skills_name(author: Author) -> None:
    author.has_command("piped", 'echo "$0 $1 $2" | tr a-z A-Z && echo done', "{a}", "{b}", shell=True)

    assert (await outcome_of(author, "piped", a="one", b=2)).output == "PIPED ONE 2\ndone\n"


async def test_a_hole_in_a_script_is_never_filled(author: Author) -> None:
    author.has_command("hole", "echo '{text}'", shell=True, **TEXT)

    assert (await outcome_of(author, "hole", text="x'; id; '")).output == "{text}\n"


async def test_a_script_that_the_shell_cannot_read_fails_with_the_shells_own_words(author: Author) -> None:
    author.has_command("open", "echo 'never closed", shell=True)

    outcome = await outcome_of(author, "open")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.EXIT_CODE
    assert "nterminated" in outcome.error.message


async def test_a_script_without_a_shell_is_told_what_it_lacks(author: Author) -> None:
    author.has_command("piped", "ls | wc -l")

    outcome = await outcome_of(author, "piped")

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.DEPENDENCY_MISSING
    assert '"shell": true' in outcome.error.hint


@pytest.mark.parametrize(("asked", "given"), [({}, '{"text":"a"}'), ({"stdin": "json"}, '{"text":"a"}')])
async def test_stdin_is_the_inputs_as_json_unless_something_else_is_said(
    asked: dict[str, Any], given: str, author: Author
) -> None:
    author.has_command("said", "cat", **asked, **TEXT)

    assert (await outcome_of(author, "said", text="a")).output == given


@pytest.mark.parametrize("nothing", ["none", ""])
async def test_stdin_may_be_empty(nothing: str, author: Author) -> None:
    author.has_command("said", "cat", stdin=nothing, **TEXT)

    assert (await outcome_of(author, "said", text="a")).output == ""


async def test_a_variable_of_a_test_is_taken_as_it_is(author: Author) -> None:
    author.has_command("said", "printenv", "SAID", environment={"SAID": "{text}"}, **TEXT)
    author.writes(
        "said/tests/cases.yaml",
        "cases:\n  - name: as it is\n    inputs: {text: a}\n    environment: {SAID: '{text}'}\n"
        '    expect: {output: "{text}\\n"}\n',
    )

    assert author.calls("test", "said").code == 0


async def test_inputs_that_would_fill_the_memory_are_refused_before_they_do(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "MOST_CHARACTERS", 1_000_000)
    author.has_command("said", "cat", stdin="{text}" * 1_000, **TEXT)

    outcome = await outcome_of(author, "said", text="x" * 10_000)

    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INPUT_INVALID
    assert "over 1 million characters" in outcome.error.message


async def test_a_command_stands_where_it_may_write(author: Author) -> None:
    author.has_command("leaves", "pwd; touch here; $WORKBENCH_SKILL/tool", shell=True, working_folder="out")
    author.writes("leaves/tool", "#!/bin/sh\ncat $WORKBENCH_SKILL/words\n").chmod(0o755)
    author.writes("leaves/words", "hello\n")

    outcome = await outcome_of(author, "leaves")

    folder, said = str(outcome.output).splitlines()
    assert (outcome.status, said) == (Status.COMPLETED, "hello")
    assert outcome.artifacts == (f"{folder}/here",)


@pytest.mark.parametrize("where", ["skill", "out", "./data"])
async def test_a_program_of_the_skills_own_is_found_wherever_it_stands(where: str, author: Author) -> None:
    author.has_command("own", "./tool", working_folder=where)
    author.writes("own/tool", "#!/bin/sh\nls\n").chmod(0o755)
    author.writes("own/data/words", "hello\n")

    outcome = await outcome_of(author, "own")

    assert outcome.status is Status.COMPLETED
    assert (
        str(outcome.output).split() == {"skill": ["data", "skill.json", "tool"], "out": [], "./data": ["words"]}[where]
    )


async def test_a_working_folder_that_became_a_link_is_not_entered(author: Author) -> None:
    author.has_command("inside", "ls", working_folder="./data/deep")
    author.writes("inside/data/deep/words", "hello\n")

    async with opened(author) as workbench:
        assert (await workbench.run("inside", {})).outcome.output == "words\n"
        folder = workbench.library.revisions.code_folder(workbench.find("inside"))
        os.rename(f"{folder}/data", f"{folder}/moved")
        os.symlink("/etc", f"{folder}/data")
        os.makedirs(f"{author.workspace}/elsewhere/deep")
        outcome = (await workbench.run("inside", {})).outcome
        os.unlink(f"{folder}/data")
        os.symlink(f"{author.workspace}/elsewhere", f"{folder}/data")
        again = (await workbench.run("inside", {})).outcome

    for refused in (outcome, again):
        assert refused.error is not None
        assert refused.error.kind is ErrorKind.SKILL_BROKEN
        assert refused.output is None


async def test_links_pipes_and_sockets_that_are_left_are_not_listed(author: Author) -> None:
    script = """
import os, stat
os.mkfifo("pipe"), os.symlink("/etc/passwd", "link"), os.symlink(".", "folder-link"), os.link("note", "hard")
os.mknod("socket", 0o600 | stat.S_IFSOCK), os.mkdir("folder")
"""
    arguments = ("-c", f"open('note', 'w').write('kept')\n{script}")
    author.has_command("leaves", "python3", *arguments, working_folder="out")

    outcome = await outcome_of(author, "leaves")

    assert outcome.stderr == ""
    assert [os.path.basename(path) for path in outcome.artifacts] == ["folder", "hard", "note"]
