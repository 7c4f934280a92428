"""Which keys do what: two maps that ship, a person's own file over them, and a report of what clashes."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.runtime.places import user_config_folder
from workbench.runtime.schemas.words import nearest
from workbench.ui.commands import REGISTRY, Command

FILE = "keymap.toml"
# What terminals send for other keys (backspace, tab, enter, escape), or what can never be told apart from them.
TAKEN = frozenset({"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "ctrl+left_square_bracket"})
DEFAULT: Mapping[str, tuple[str, ...]] = {command.id: command.keys for command in REGISTRY}
VIM: Mapping[str, tuple[str, ...]] = {
    **DEFAULT,
    "run.start": ("r", "ctrl+r", "full_stop"),
    "editor.focus": ("i", "o"),
    "inputs.focus": ("a", "alt+i"),
    "pane.jump": ("apostrophe", "alt+g"),
    "app.copy": ("y", "alt+y"),
    "app.quit": ("ctrl+q", "Q"),
    "pane.maximise": ("Z", "alt+m"),
}
MAPS = {"default": DEFAULT, "vim": VIM}
_KEY = re.compile(r"(?:(?:ctrl|alt|shift)\+)*(?:[a-zA-Z0-9]|[a-z][a-z_0-9]+)", re.ASCII)


@frozen
class Keymap:
    """The keys of every command, by the command's id, and what is wrong with the file they were read from."""

    name: str
    keys: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...] = ()

    def of(self, command: Command) -> tuple[str, ...]:
        return self.keys.get(command.id, ())


def read_keymap(environ: Mapping[str, str]) -> Keymap:
    """The map that the person's file chooses and changes; the default one where there is no file."""
    path = os.path.join(user_config_folder(environ), FILE)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        said = tomllib.loads(text)
    except FileNotFoundError:
        return Keymap(name="default", keys=DEFAULT)
    except (OSError, ValueError) as error:
        line = int(match[1]) if (match := re.search(r"at line (\d+)", str(error))) else 0
        return Keymap(name="default", keys=DEFAULT, findings=(_finding(path, line, f"cannot be read: {error}"),))
    return _read(said, text, path)


def _read(said: Mapping[str, Any], text: str, path: str) -> Keymap:
    findings: list[Finding] = []

    def wrong(word: str, message: str, hint: str = "") -> None:
        findings.append(_finding(path, _line_of(text, word), message, hint))

    base = said.get("base", "default")
    if base not in MAPS:
        wrong("base", f"there is no keymap {base!r}", f"write one of: {', '.join(MAPS)}")
        base = "default"
    for word in said.keys() - {"base", "keys"}:
        wrong(word, f"unknown key '{word}'", "write base = … and a table [keys]")
    table = said.get("keys", {})
    if not isinstance(table, Mapping):
        wrong("keys", "[keys] is a table", '[keys] and below it "run.start" = ["r"]')
        table = {}
    keys = dict(MAPS[base])
    for id_, wanted in table.items():
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        if id_ not in DEFAULT:
            wrong(id_, f"there is no command '{id_}'", nearest(id_, tuple(DEFAULT)) or "help lists every command")
        elif not isinstance(wanted, list | tuple) or not all(isinstance(key, str) for key in wanted):
            wrong(id_, f"the keys of '{id_}' are a list of names", '["r", "ctrl+r"]')
        else:
            bad = [key for key in wanted if not _KEY.fullmatch(key) or key in TAKEN]
            for key in bad:
                why = "is what the terminal sends for another key" if key in TAKEN else "is not the name of a key"
                wrong(id_, f"'{key}' {why}", "write keys like r, ctrl+r, alt+up, slash")
            keys[id_] = tuple(key for key in wanted if key not in bad)
    if not keys["app.quit"]:
        wrong("app.quit", "no key is left to quit with", "ctrl+q goes on quitting")
        keys["app.quit"] = DEFAULT["app.quit"]
    findings += (_finding(path, _line_of(text, ids[1]), words) for words, ids in clashes(keys))
    return Keymap(name=base, keys=keys, findings=tuple(findings))


def clashes(keys: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Keys that stand for two commands in one place: the words for it, and the two."""
    where = {command.id: command.where for command in REGISTRY}
    taken: dict[str, list[str]] = {}
    for id_, wanted in keys.items():
        for key in wanted:
            for other in taken.get(key, ()):
                if other != id_ and ("" in (where[id_], where[other]) or where[id_] == where[other]):
                    yield f"'{key}' stands for both {other} and {id_}: {other} has it", (other, id_)
            taken.setdefault(key, []).append(id_)


def _line_of(text: str, word: str) -> int:
    pattern = re.compile(rf"^\s*[\"']?{re.escape(word)}[\"']?\s*=", re.MULTILINE)
    match = pattern.search(text)
    return text.count("\n", 0, match.start()) + 1 if match else 0


def _finding(path: str, line: int, message: str, hint: str = "") -> Finding:
    return Finding(
        severity=Severity.WARNING, rule="keymap", message=message, place=Place(file=path, line=line), hint=hint
    )
