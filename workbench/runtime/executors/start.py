"""What a run of a command starts: the inputs in their places, and the folder that it stands in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping

import msgspec

from workbench.model.errors import ErrorKind
from workbench.model.finding import Place
from workbench.model.frozen import frozen
from workbench.model.manifest import Command
from workbench.model.run import Outcome, Run, failure
from workbench.runtime.executors.holes import Holes, TooMuch

SHELL = "/bin/sh"
FOLDER_VARIABLE = "WORKBENCH_SKILL"
MOST_CHARACTERS = 64_000_000
MOST_WORD_BYTES = 131_071
MOST_WORDS_BYTES = 160_000
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


@frozen
class Start:
    """The program with its arguments, its variables, what it finds on stdin, and where it stands."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    stdin: bytes
    cwd: str


def start_of(run: Run, folder: str, out: str) -> Start | Outcome:
    """What a run starts, or why it does not. The skill's files lie in `folder`, and `out` is what it may write to.

    Each argument stays one argument and each variable one variable, whatever the inputs hold; no zero byte can be in
    them, so those are left out. A shell's script is never filled.
    """
    command = run.skill.manifest.command
    assert command is not None
    cwd = _cwd(command, folder, out)
    if cwd is None:
        hint = "put a file into it, and no link"
        message = f"its working folder '{command.working_folder}' is not there"
        return failure(ErrorKind.SKILL_BROKEN, message, hint=hint, place=Place(file=run.skill.path))
    try:
        return _filled(run, command, folder, cwd)
    except TooMuch as error:
        hint = "give less, or have large inputs on stdin as JSON instead of naming them"
        return failure(ErrorKind.INPUT_INVALID, f"with these inputs it is too long: {error}", hint=hint)


def _filled(run: Run, command: Command, folder: str, cwd: str) -> Start:
    fill = _filler(run.inputs)
    environment = run.skill.manifest.environment
    arguments = tuple(fill(argument).replace("\0", "") for argument in command.arguments)
    variables = {name: fill(value).replace("\0", "") for name, value in environment.items()}
    stdin = _stdin(command.stdin, run.inputs, fill)
    argv = (*_started(command, run.skill.name, folder), *arguments)
    _refuse_too_long(argv, variables)
    variables = {**variables, **run.realm.environment, FOLDER_VARIABLE: folder}
    return Start(argv=argv, variables=variables, stdin=stdin, cwd=cwd)


def _filler(inputs: Mapping[str, object]) -> Callable[[str], str]:
    """Fills one text of a command after the other, all of them within one bound; other braces stay braces."""
    holes = Holes(inputs, most=MOST_CHARACTERS)

    def filled(hole: re.Match[str]) -> str:
        word = holes.word(hole[1])
        return hole[0] if word is None else word

    return lambda text: holes.fill(text, _HOLE, filled)


def _refuse_too_long(argv: tuple[str, ...], variables: Mapping[str, str]) -> None:
    """A system takes words of 128 kB, and the warden all of them in one message."""
    words = (*argv, *(f"{name}={value}" for name, value in variables.items()))
    for word in words:
        if len(word.encode("utf-8", "replace")) > MOST_WORD_BYTES:
            raise TooMuch(f"an argument or a variable holds at most {MOST_WORD_BYTES // 1000} kB")
    if len(json.dumps(words)) > MOST_WORDS_BYTES:
        raise TooMuch(f"all arguments and variables together hold at most {MOST_WORDS_BYTES // 1000} kB")


def _started(command: Command, name: str, folder: str) -> tuple[str, ...]:
    """A program with a slash in its name lies in the skill's folder, wherever it is going to stand."""
    if command.shell:
        return SHELL, "-c", command.program, name
    is_own = "/" in command.program and not command.program.startswith("/")
    return (f"{folder}/{command.program}" if is_own and command.working_folder != "skill" else command.program,)


def _cwd(command: Command, folder: str, out: str) -> str | None:
    match command.working_folder:
        case "skill":
            return folder
        case "out":
            return out
    real = f"{os.path.realpath(folder)}/{command.working_folder.removeprefix('./')}"
    return real if os.path.isdir(real) and os.path.realpath(real) == real else None


def _stdin(asked: str, inputs: Mapping[str, object], fill: Callable[[str], str]) -> bytes:
    match asked:
        case "json":
            return msgspec.json.encode(inputs, enc_hook=str)
        case "none":
            return b""
    return fill(asked).encode("utf-8", "replace")
