"""A run that happened, as a case: what it was given and how it ended, added to a file that people write too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from workbench.model.devsession import MAIN
from workbench.model.errors import Conflict, MachineCannot, NotEditable, WrongUse
from workbench.model.finding import Place
from workbench.model.frozen import frozen
from workbench.model.realm import Snapshot
from workbench.model.run import Status
from workbench.model.skill import Ref, Scope, Skill
from workbench.runtime.formats.folder import Unreadable, read_small
from workbench.runtime.library.library import Library
from workbench.runtime.skilltests.files import TESTS_FOLDER
from workbench.runtime.texts.yaml_reader import YamlDocument, YamlRefused, read_yaml

DEEPEST = 8
BYTES = "  # its output is bytes, which no case can hold: only that it completes is expected"
_ENDED = (Status.COMPLETED, Status.FAILED, Status.TIMED_OUT, Status.REJECTED)
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Written:
    """Where the new case stands."""

    skill: str
    name: str
    place: Place


@frozen
class _NewCase:
    """What is to be added: as values, to compare, and as the lines of YAML that say the same."""

    name: str
    inputs: Mapping[str, Any]
    expect: Mapping[str, Any]
    remark: str = ""

    @property
    def value(self) -> dict[str, Any]:
        return {"name": self.name, "inputs": self.inputs, "expect": self.expect}

    def text(self, indent: int) -> str:
        begin, room = " " * indent, " " * (indent + 2)
        expect = ", ".join(f"{name}: {_as_yaml(value)}" for name, value in self.expect.items())
        return (
            f"{begin}- name: {_as_yaml(self.name)}\n"
            f"{room}inputs: {_as_yaml(self.inputs)}\n"
            f"{room}expect: {{{expect}}}{self.remark}\n"
        )


async def case_from(library: Library, snapshot: Snapshot, run_id: str, name: str = "") -> Written:
    """Add a run of the history to the skill's tests/NAME.yaml; what stands there stays as it is, to the letter.

    Raises WrongUse where there is no such run, or nothing can be expected of it, or the skill has no folder of its own;
    NotEditable where nothing can be added to the file, Conflict where it has the case already.
    """
    run = library.history.one(run_id)
    if run is None and os.path.exists(library.database.path):
        await library.database.write(lambda _: None)  # what has just ended is written down soon
        run = library.history.one(run_id)
    if run is None:
        raise WrongUse(f"there is no run {run_id[:80]}", hint="`workbench runs` lists them, with their ids last")
    skill = library.find(snapshot, Ref(name=run["skill"]))
    _check_home(skill, library)
    return _added(skill, _case_of(run, name.strip() or f"as in run {run['run_id']}"))


def _check_home(skill: Skill, library: Library) -> None:
    own = library.roots[0].folder
    if library.realm != MAIN and skill.scope is not Scope.DEV:
        hint = f"`workbench dev edit {library.realm} {skill.name}` takes it into the session"
        raise WrongUse(f"'{skill.name}' is the workspace's, and its tests are too", hint=hint)
    if skill.scope is Scope.BUILTIN:
        raise WrongUse(f"'{skill.name}' is shipped, and its tests are not yours", hint=f"copy {skill.folder} to {own}")
    if skill.single_file:
        folder = f"{skill.folder}/{skill.name}"
        raise WrongUse(
            f"'{skill.name}' is a single file, and has no folder for tests",
            hint=f"make {folder} and move {skill.entry} there as skill{os.path.splitext(skill.entry)[1]}",
        )


def _case_of(run: Mapping[str, Any], name: str) -> _NewCase:
    status, inputs, error = Status(run["status"]), run["inputs"], run.get("error")
    if status not in _ENDED:
        hint = "take a run that completed or failed by itself"
        raise WrongUse(f"this run was {status.value}, and nothing can be expected of that", hint=hint)
    if not isinstance(inputs, Mapping):
        raise WrongUse("the inputs of this run were too long to be kept", hint="write the case by hand")
    if status is not Status.COMPLETED:
        kind = error["kind"] if isinstance(error, Mapping) else error
        return _NewCase(name=name, inputs=inputs, expect={"error": kind})
    if run.get("output_base64") is not None:
        return _NewCase(name=name, inputs=inputs, expect={"status": status.value}, remark=BYTES)
    if run.get("truncated"):
        hint = "write the case by hand, with `includes` or `matches`"
        raise WrongUse("the output of this run was too long to be kept", hint=hint)
    return _NewCase(name=name, inputs=inputs, expect={"output": run.get("output")})


def _added(skill: Skill, case: _NewCase) -> Written:
    folder = f"{skill.folder}/{TESTS_FOLDER}"
    path = f"{folder}/{skill.name}.yaml"
    shown = f"{TESTS_FOLDER}/{skill.name}.yaml"
    if os.path.islink(folder):
        raise NotEditable(f"{folder} is a link, and links are not followed", hint="put a folder here")
    before = _text_of(path)
    known = _cases_in(before or "", shown)
    _refuse_twice(known, case, shown)
    addition, line = _addition(before or "", known, case, shown)
    try:
        os.makedirs(folder, exist_ok=True)
        _append(path, before, addition)
    except FileExistsError:
        raise _changed(path) from None
    except OSError as error:
        hint = "look at the folder's permissions and free space"
        raise MachineCannot(f"{path} cannot be written: {error.strerror or error}", hint=hint) from error
    return Written(skill=skill.name, name=case.name, place=Place(file=path, line=line))


def _text_of(path: str) -> str | None:
    """What the file holds; None where it is not there."""
    if not os.path.lexists(path):
        return None
    try:
        return read_small(path)[0].decode()
    except Unreadable as error:
        raise NotEditable(f"{path}: {error.finding.message}", hint=error.finding.hint) from None
    except UnicodeDecodeError:
        raise NotEditable(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None


def _cases_in(text: str, shown: str) -> YamlDocument:
    try:
        document = read_yaml(text)
    except YamlRefused as error:
        raise NotEditable(f"{shown}:{error.line}: {error.message}", hint=error.hint) from None
    value = document.value
    if value is not None and not (isinstance(value, dict) and isinstance(value.get("cases", None), list | None)):
        raise NotEditable(f"{shown} has no list of cases", hint="`workbench schema test` says what it may hold")
    return document


def _list_of(document: YamlDocument) -> list[Any]:
    value = document.value
    return list(value.get("cases") or ()) if isinstance(value, dict) else []


def _refuse_twice(known: YamlDocument, case: _NewCase, shown: str) -> None:
    for number, each in enumerate(_list_of(known)):
        if not isinstance(each, dict):
            continue
        line = known.places[("cases", number)][0]
        if (each.get("inputs", {}), each.get("expect")) == (case.inputs, case.expect):
            raise Conflict(f"{shown}:{line} has this case already", hint="nothing was written")
        if each.get("name") == case.name:
            raise Conflict(f"{shown}:{line} has a case of this name", hint="choose another one with --name")


def _addition(before: str, known: YamlDocument, case: _NewCase, shown: str) -> tuple[str, int]:
    """What is to be appended so that the file says what it said, and the new case last; and the line that it gets."""
    begin = "" if before.endswith("\n") or not before else "\n"
    begin += "" if isinstance(known.value, dict) and "cases" in known.value else "cases:\n"
    wanted = [*_list_of(known), case.value]
    for indent in (2, *range(DEEPEST + 1)):
        addition = begin + case.text(indent)
        try:
            document = read_yaml(before + addition)
        except YamlRefused:
            continue
        if _list_of(document) == wanted and _others(document) == _others(known):
            return addition, document.places[("cases", len(wanted) - 1)][0]
    hint = "put `- name: …` below `cases:`, at the end of the file, or this case into a file of its own beside it"
    raise NotEditable(f"nothing can be added at the end of {shown} that is read as this case", hint=hint)


def _others(document: YamlDocument) -> dict[str, Any]:
    return {key: value for key, value in document.value.items() if key != "cases"} if document.value else {}  # type: ignore[attr-defined]


def _append(path: str, before: str | None, addition: str) -> None:
    """One write at the end of the file as it was read: whatever somebody else writes, nothing of it is lost."""
    descriptor = os.open(path, _FLAGS | (os.O_CREAT | os.O_EXCL if before is None else 0), 0o644)
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        if os.fstat(descriptor).st_size != len((before or "").encode()):
            raise _changed(path)
        file.write(addition.encode())


def _changed(path: str) -> Conflict:
    return Conflict(f"{path} was changed at this moment; nothing was written", hint="try again")


def _as_yaml(value: object) -> str:
    """JSON, which is YAML too, with everything escaped that a person or YAML's readers could not see."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
