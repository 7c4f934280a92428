"""How a command is described: what is right is read, and each wrong word is told by its place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.author import Author
from workbench.model.errors import ErrorKind
from workbench.model.finding import Severity
from workbench.model.manifest import Command
from workbench.model.schema import load_schema
from workbench.model.skill import Scope, Skill, SkillState
from workbench.runtime.formats.reader import read_skill

SAID = {"name": "greet", "version": "1.0.0", "type": "code_inline", "command": "cat"}


def read(folder: Path, **said: Any) -> Skill:
    (folder / "greet").mkdir(exist_ok=True)
    (folder / "greet/skill.json").write_text(json.dumps({**SAID, **said}, indent=1))
    skill = read_skill(str(folder / "greet"), "skill.json", Scope.WORKSPACE)
    assert skill is not None
    return skill


def test_a_command_is_read_with_all_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "greet/data").mkdir(parents=True)
    (tmp_path / "greet/data/words").write_text("hello")

    skill = read(
        tmp_path,
        command='echo "$1"',
        args=["{text}"],
        shell=True,
        stdin="{text}",
        working_folder="./data/./",
        output_format="json_lines",
        exit_codes={"1": "completed", "69": "network_error", "0": "output_invalid"},
    )

    assert skill.findings == ()
    assert skill.manifest.command == Command(
        program='echo "$1"',
        arguments=("{text}",),
        shell=True,
        stdin="{text}",
        working_folder="./data",
        output_format="json_lines",
        exit_codes={1: None, 69: ErrorKind.NETWORK_ERROR, 0: ErrorKind.OUTPUT_INVALID},
    )


def test_the_schema_names_every_meaning_that_an_exit_code_may_have() -> None:
    schema: Any = load_schema("skill")
    meanings = schema["properties"]["exit_codes"]["additionalProperties"]["enum"]

    assert set(meanings) == {"completed", *(kind.value for kind in ErrorKind)}


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"shell": "yes"}, "skill.json:6:2  'shell' must be true or false, not \"yes\""),
        ({"stdin": 3}, "skill.json:6:2  'stdin' must be a text, not 3"),
        ({"stdin": "JSON"}, "skill.json:6:2  'JSON' is given to it as it is  (did you mean 'json'?)"),
        ({"command": "ls | wc"}, 'no shell reads this: it is taken as one program\'s name  (add "shell": true'),
        ({"command": "make && ls", "args": ["-l"]}, '(add "shell": true, so that /bin/sh reads it)'),
        ({"command": "ls -l"}, 'and the rest in "args", or add "shell": true)'),
        ({"output_format": "jsn"}, "skill.json:6:2  a command's output is not read as 'jsn', but as text  (did you"),
        ({"output_format": "yaml"}, "(write one of text, json, json_lines)"),
        ({"exit_codes": {"300": "completed"}}, "skill.json:7:3  '300' is no exit code  (write a whole number from"),
        ({"exit_codes": {"-1": "completed"}}, "skill.json:7:3  '-1' is no exit code"),
        ({"exit_codes": {"01": "completed"}}, "skill.json:7:3  '01' is no exit code"),
        ({"exit_codes": {"²": "completed"}}, "skill.json:7:3  '²' is no exit code"),
        ({"exit_codes": {"1": "complete"}}, "skill.json:7:3  '1' must be one of \"completed\","),
        ({"exit_codes": {"1": "netwrk_error"}}, "(did you mean 'network_error'?)"),
        ({"exit_codes": {"1": ["completed"]}}, "skill.json:7:3  '1' must be one of"),
        ({"exit_codes": ["completed"]}, "skill.json:6:2  'exit_codes' must be an object, not a list"),
        ({"exit_codes": {"137": "completed"}}, "skill.json:7:3  137 is how the sandbox ends what goes over a limit"),
        ({"environment": {"LD_PRELOAD": "x"}}, "skill.json:7:3  'LD_PRELOAD' is left out: it is the run's own, or"),
        ({"environment": {"PATH": "x"}}, "skill.json:7:3  'PATH' is left out"),
        ({"environment": {"WITH-DASH": "x"}}, "'WITH-DASH' is left out: it is no name of a variable  (write letters"),
        ({"working_folder": "Skill"}, "skill.json:6:2  'Skill' is not a folder inside the skill's own  (did you mean"),
        ({"working_folder": "/etc"}, '\'/etc\' is not a folder inside the skill\'s own  (write "skill", "out" for'),
        ({"working_folder": "./a/../../b"}, "'./a/../../b' is not a folder inside the skill's own"),
        ({"working_folder": ".."}, "'..' is not a folder inside the skill's own"),
        ({"working_folder": "./\0"}, "is not a folder inside the skill's own"),
        ({"working_folder": "./nowhere"}, "'nowhere' is not a folder with files of this skill  (make it, with a file"),
    ],
)
def test_a_wrong_word_is_told_by_its_place_and_what_to_write_instead(
    said: dict[str, Any], line: str, tmp_path: Path
) -> None:
    lines = [str(finding) for finding in read(tmp_path, **said).findings]

    assert len(lines) == 1, lines
    assert line in lines[0]


@pytest.mark.parametrize("path", ["./data", "./data/deeper"])
def test_a_working_folder_behind_a_link_breaks_the_skill(path: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/deeper").mkdir(parents=True)
    (tmp_path / "elsewhere/deeper/words").write_text("hello")
    (tmp_path / "greet").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "greet/data")

    skill = read(tmp_path, working_folder=path)

    assert skill.state is SkillState.BROKEN
    assert "'data' is a link, and links are not followed" in [finding.message for finding in skill.findings]


def test_a_working_folder_that_was_misspelt_is_named(tmp_path: Path) -> None:
    (tmp_path / "greet/data").mkdir(parents=True)
    (tmp_path / "greet/data/words").write_text("hello")

    (finding,) = read(tmp_path, working_folder="./dta").findings

    assert finding.hint == "did you mean 'data'?"


def test_an_exit_code_that_stands_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "greet").mkdir()
    twice = json.dumps(SAID)[:-1] + ', "exit_codes": {"1": "completed", "1": "timeout"}}'
    (tmp_path / "greet/skill.json").write_text(twice)

    skill = read_skill(str(tmp_path / "greet"), "skill.json", Scope.WORKSPACE)

    assert skill is not None
    assert [finding.message for finding in skill.findings] == ["the key '1' stands twice"]
    assert skill.manifest.command is not None
    assert skill.manifest.command.exit_codes == {1: ErrorKind.TIMEOUT}


def test_an_input_in_a_script_is_told_to_go_into_args(tmp_path: Path) -> None:
    parameters = [{"name": "text"}]
    script = "echo {text} ${text} ${HOME} | awk '{print}' && echo {text}"

    (finding,) = read(tmp_path, shell=True, command=script, parameters=parameters).findings

    assert (finding.severity, finding.message) == (Severity.WARNING, "{text} stays as it is in a script")
    assert finding.hint == 'put "{text}" into args, and write "$1" in its place (the second one is "$2")'


def test_a_skill_that_names_no_inputs_is_told_of_every_hole(tmp_path: Path) -> None:
    (finding,) = read(tmp_path, shell=True, command="echo {text}").findings

    assert finding.message == "{text} stays as it is in a script"


@pytest.mark.parametrize(
    ("program", "option", "words"),
    [("sh", "-c", '"shell": true'), ("/bin/bash", "-euc", '"shell": true'), ("python3", "-c", "behind the script")],
)
def test_an_input_in_a_script_among_the_arguments_is_told(
    program: str, option: str, words: str, tmp_path: Path
) -> None:
    script = "echo {text} ${text} | awk '{print}'"
    said = {"command": program, "args": [option, script, "{text}"], "parameters": [{"name": "text"}]}

    (finding,) = read(tmp_path, **said).findings

    assert (finding.message, finding.place.line) == ("{text} becomes a part of the script: what it holds is run", 8)
    assert words in finding.hint


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ({"fallback_command": "echo old"}, "echo old"),
        ({"resilience": {"fallback_command": "echo new"}}, "echo new"),
        ({"fallback_command": "echo old", "resilience": {"fallback_command": "echo new"}}, "echo new"),
    ],
)
def test_the_command_that_is_fallen_back_on_is_kept_and_shown(
    said: dict[str, Any], command: str, author: Author
) -> None:
    author.has_command("greet", "cat", **said)

    assert author.calls("show", "greet", "--json").json["fallback_command"] == command
    assert f"fallback  {command}\n" in author.calls("show", "greet").out
