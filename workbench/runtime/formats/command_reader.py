"""How a manifest says what a command starts and how one talks with it: read, with a finding for each wrong word."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Protocol

from workbench.model.errors import ErrorKind
from workbench.model.finding import Severity
from workbench.model.manifest import NEVER_MAPPED, Command, looks_like_a_script
from workbench.model.skill import Kind
from workbench.runtime.formats.entry import Entry
from workbench.runtime.schemas.validator import Pointer
from workbench.runtime.schemas.words import nearest

OUTPUT_FORMATS = ("text", "json", "json_lines")
MOST_EXIT_CODE = 255
_HOLE = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_CODE = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_IN_A_SHELL = 'write "shell": true, the script as "command", and "$1" in it for the first one of "args"'
_ELSEWHERE = "give it as an argument of its own behind the script, and read it from there"
_SCRIPT_BEHIND = {
    **dict.fromkeys(("sh", "bash", "dash", "ksh", "zsh"), ("c", _IN_A_SHELL)),
    **dict.fromkeys(("python", "python3"), ("c", _ELSEWHERE)),
    **dict.fromkeys(("node", "perl", "ruby"), ("e", _ELSEWHERE)),
}
_OPERATOR = re.compile(r"[|&;<>$`*\n]")


class Tell(Protocol):
    """Takes one more finding about the manifest."""

    def __call__(self, severity: Severity, rule: str, message: str, pointer: Pointer = (), hint: str = "") -> None: ...


def read_command(raw: Mapping[str, Any], kind: Kind, tell: Tell) -> Command | None:
    """The command of a manifest, as far as it can be read. Values of a wrong type are told of by the schema."""
    program, arguments = _text(raw.get("command")), raw.get("args")
    listed = tuple(item for item in arguments if isinstance(item, str)) if isinstance(arguments, list | tuple) else ()
    if not program.strip():
        if kind is Kind.CODE_INLINE:
            tell(Severity.ERROR, "manifest.command", "'command' is missing", (), "name the program to start")
        return None
    if "\0" in program or any("\0" in argument for argument in listed):
        tell(Severity.ERROR, "manifest.command", "a command cannot hold a zero byte", ("command",), "remove it")
        return None
    shell = raw.get("shell") is True
    if shell:
        _check_script(program, raw, tell)
    else:
        _check_program(program, listed, tell)
        _check_script_in_arguments(program, listed, raw, tell)
    return Command(
        program=program,
        arguments=listed,
        shell=shell,
        stdin=_stdin(raw.get("stdin"), tell),
        working_folder=_working_folder(raw.get("working_folder"), tell),
        output_format=_output_format(raw.get("output_format"), tell),
        exit_codes=dict(_exit_codes(raw.get("exit_codes"), tell)),
    )


def check_working_folder(command: Command, entry: Entry, tell: Tell) -> None:
    """A folder to stand in has to be one of the skill's own: what is no file of the skill is not there when it runs."""
    folder = command.working_folder.removeprefix("./")
    if not command.working_folder.startswith("./") or any(path.startswith(f"{folder}/") for path in entry.beside):
        return
    parts = folder.split("/")
    paths = ("/".join(parts[: number + 1]) for number in range(len(parts)))
    link = next((path for path in paths if os.path.islink(f"{entry.folder}/{path}")), "")
    message = f"'{folder[:80]}' is not a folder with files of this skill"
    hint = nearest(folder, tuple(sorted(_folders(entry.beside)))) or 'make it, with a file in it, or write "skill"'
    if link:
        message, hint = f"'{link[:80]}' is a link, and links are not followed", "put the folder itself there"
    tell(Severity.ERROR, "manifest.working-folder", message, ("working_folder",), hint)


def _folders(paths: frozenset[str]) -> Iterator[str]:
    for path in paths:
        while path := posixpath.dirname(path):
            yield path


def _check_program(program: str, arguments: tuple[str, ...], tell: Tell) -> None:
    is_script = _OPERATOR.search(program) is not None
    if not is_script and (arguments or not looks_like_a_script(program)):
        return
    hint = f'write "command": "{program.split()[0]}" and the rest in "args", or add "shell": true'
    if is_script:
        hint = 'add "shell": true, so that /bin/sh reads it'
    message = "no shell reads this: it is taken as one program's name"
    tell(Severity.WARNING, "manifest.command", message, ("command",), hint)


def _check_script(script: str, raw: Mapping[str, Any], tell: Tell) -> None:
    """No input is ever put into a script: it would be read as a part of it."""
    for name in _holes(script, raw):
        hint = f'put "{{{name}}}" into args, and write "$1" in its place (the second one is "$2")'
        message = f"{{{name}}} stays as it is in a script"
        tell(Severity.WARNING, "manifest.script-hole", message, ("command",), hint)


def _check_script_in_arguments(program: str, arguments: tuple[str, ...], raw: Mapping[str, Any], tell: Tell) -> None:
    """`sh -c "… {name} …"` runs what an input holds."""
    flag, hint = _SCRIPT_BEHIND.get(posixpath.basename(program), ("", ""))
    for index, (option, script) in enumerate(pairwise(arguments), start=1):
        if flag and option.startswith("-") and option.endswith(flag):
            for name in _holes(script, raw):
                message = f"{{{name}}} becomes a part of the script: what it holds is run"
                tell(Severity.WARNING, "manifest.script-hole", message, ("args", index), hint)


def _holes(script: str, raw: Mapping[str, Any]) -> Iterator[str]:
    """The inputs that a script has in braces; any name may be one where the manifest names none."""
    known = _input_names(raw)
    return (name for name in dict.fromkeys(_HOLE.findall(script)) if name in known or not known)


def _input_names(raw: Mapping[str, Any]) -> frozenset[str]:
    schema, parameters, example = raw.get("input_schema"), raw.get("parameters"), raw.get("example")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    listed = parameters if isinstance(parameters, list) else []
    names = [parameter.get("name") for parameter in listed if isinstance(parameter, Mapping)]
    for each in (properties, example):
        names += each if isinstance(each, Mapping) else ()
    return frozenset(name for name in names if isinstance(name, str))


def _stdin(said: object, tell: Tell) -> str:
    if not isinstance(said, str):
        return "json"
    if said not in ("json", "none") and (hint := nearest(said, ("json", "none"))):
        tell(Severity.WARNING, "manifest.stdin", f"'{said[:80]}' is given to it as it is", ("stdin",), hint)
    return said


def _working_folder(said: object, tell: Tell) -> str:
    """`skill`, `out`, or `./` and a path without detours. What leads elsewhere breaks the skill, and is never used."""
    if not isinstance(said, str) or said in ("skill", "out"):
        return said if isinstance(said, str) else "skill"
    parts = said.split("/")
    if parts[0] == "." and ".." not in parts and "\0" not in said:
        path = posixpath.normpath(said)
        return "skill" if path == "." else f"./{path}"
    message = f"'{said[:80]}' is not a folder inside the skill's own"
    near = nearest(said, ("skill", "out"))
    hint = near or 'write "skill", "out" for $WORKBENCH_OUT, or a folder of the skill\'s own: "./data"'
    tell(Severity.ERROR, "manifest.working-folder", message, ("working_folder",), hint)
    return "skill"


def _output_format(said: object, tell: Tell) -> str:
    if not isinstance(said, str) or said in OUTPUT_FORMATS:
        return said if isinstance(said, str) else "text"
    message = f"a command's output is not read as '{said[:80]}', but as text"
    hint = nearest(said, OUTPUT_FORMATS) or f"write one of {', '.join(OUTPUT_FORMATS)}"
    tell(Severity.WARNING, "manifest.output-format", message, ("output_format",), hint)
    return "text"


def _exit_codes(said: object, tell: Tell) -> Iterator[tuple[int, ErrorKind | None]]:
    written = said if isinstance(said, Mapping) else {}
    for key, word in written.items():
        pointer = ("exit_codes", key)
        if not _CODE.fullmatch(key) or int(key) > MOST_EXIT_CODE:
            message, hint = f"'{key[:80]}' is no exit code", f'write a whole number from "0" to "{MOST_EXIT_CODE}"'
            tell(Severity.ERROR, "manifest.exit-code", message, pointer, hint)
        elif int(key) in NEVER_MAPPED:
            message = f"{key} is how the sandbox ends what goes over a limit, and has no other meaning"
            tell(Severity.WARNING, "manifest.exit-code", message, pointer, "remove it")
        elif isinstance(word, str) and word in _MEANINGS:
            yield int(key), _MEANINGS[word]


_MEANINGS: dict[str, ErrorKind | None] = {"completed": None, **{kind.value: kind for kind in ErrorKind}}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
