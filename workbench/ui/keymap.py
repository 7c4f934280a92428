"""Which keys do what: two maps that ship, a person's own file over them, and a report of what clashes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from textual.binding import Binding
from textual.keys import Keys, _character_to_key

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.runtime.places import user_config_folder
from workbench.runtime.schemas.words import nearest, shown
from workbench.ui.command import Command
from workbench.ui.commands import REGISTRY
from workbench.ui.themes import NotToml, line_of, read_toml

FILE = "keymap.toml"
# What terminals send for other keys (backspace, tab, enter, escape), or what can never be told apart from them.
TAKEN = frozenset({"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "ctrl+left_square_bracket"})
DEFAULT: Mapping[str, tuple[str, ...]] = {command.id: command.keys for command in REGISTRY}
VIM: Mapping[str, tuple[str, ...]] = {
    **DEFAULT,
    "run.start": ("r", "ctrl+r", "full_stop"),
    "editor.focus": ("i", "o"),
    "inputs.focus": ("a", "alt+i"),
    "pane.jump": ("f", "apostrophe", "alt+g"),
    "app.copy": ("y", "alt+y"),
    "app.quit": ("ctrl+q", "Q"),
    "pane.maximise": ("Z", "alt+m"),
}
MAPS = {"default": DEFAULT, "vim": VIM}
MODIFIERS = frozenset({"ctrl", "alt", "shift"})
NAMES = frozenset(Keys) | {_character_to_key(chr(code)) for code in range(32, 127)}


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
    if not os.path.exists(path):
        return Keymap(name="default", keys=DEFAULT)
    try:
        text, said = read_toml(path)
    except NotToml as error:
        finding = _finding(path, error.line, f"the keymap is not used: {error.message}", error.hint)
        return Keymap(name="default", keys=DEFAULT, findings=(finding,))
    return _read(said, text, path)


def _read(said: Mapping[str, Any], text: str, path: str) -> Keymap:
    findings: list[Finding] = []

    def wrong(word: str, message: str, hint: str = "") -> None:
        findings.append(_finding(path, line_of(text, word), message, hint))

    base = said.get("base", "default")
    if not isinstance(base, str) or base not in MAPS:
        wrong("base", f"there is no keymap {shown(base)}", f"write one of: {', '.join(MAPS)}")
        base = "default"
    for word in said:
        if word not in ("base", "keys"):
            wrong(word, f"unknown key '{word}'", nearest(word, ("base", "keys")) or "write base = … and a table [keys]")
    table = said.get("keys", {})
    if not isinstance(table, Mapping):
        wrong("keys", "[keys] is a table", '[keys] and below it "run.start" = ["r"]')
        table = {}
    keys = dict(MAPS[base])
    for id_, wanted in table.items():
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        if isinstance(wanted, Mapping):
            inner = f"{id_}.{next(iter(wanted), '…')}"
            wrong(id_, f"there is no command '{id_}'", f'write it in quotes: "{inner}" = …')
        elif id_ not in DEFAULT:
            wrong(id_, f"there is no command '{id_}'", nearest(id_, tuple(DEFAULT)) or "help lists every command")
        elif not isinstance(wanted, list | tuple) or not all(isinstance(key, str) for key in wanted):
            wrong(id_, f"the keys of '{id_}' are a list of names", '["r", "ctrl+r"]')
        else:
            spelled = {key: _spelled(key) for key in wanted}
            for key, right in spelled.items():
                if not right or right in TAKEN:
                    why = "is what the terminal sends for another key" if right else "is not the name of a key"
                    wrong(id_, f"'{key}' {why}", "write keys like r, ctrl+r, alt+up, slash")
            keys[id_] = tuple(right for right in spelled.values() if right and right not in TAKEN)
    if not any(key.startswith(("ctrl+", "alt+")) for key in keys["app.quit"]):
        wrong("app.quit", "no key is left to quit with wherever the focus is", "ctrl+q goes on quitting")
        keys["app.quit"] += DEFAULT["app.quit"]
    # Who may keep a key that two want: quitting before all, and what the person wrote before what the map says.
    keys = {id_: keys[id_] for id_ in sorted(keys, key=lambda each: (each != "app.quit", each not in table))}
    for words, (owner, id_), key in tuple(_clashes(keys)):
        line = line_of(text, id_) or line_of(text, owner)
        findings.append(_finding(path, line, words, "give one of them another key"))
        keys[id_] = tuple(each for each in keys[id_] if each != key)
    return Keymap(name=base, keys=keys, findings=tuple(findings))


def _spelled(key: str) -> str:
    """The key as the screen knows it, `ctrl+shift+r` and `R` and `slash`; "" where there is no such key."""
    *front, last = key.split("+") if key != "+" else [key]
    modifiers = set(front)
    if len(last) == 1:
        last = _character_to_key(last.lower() if "ctrl" in modifiers else last)
    if modifiers - MODIFIERS or (last not in NAMES and not (len(last) == 1 and last.isalnum())):
        return ""
    if len(last) == 1 and last.isalpha() and "shift" in modifiers and "ctrl" not in modifiers:
        modifiers, last = modifiers - {"shift"}, last.upper()
    return "+".join((*sorted(modifiers), last))


def bindings_of(keymap: Keymap) -> Iterator[Binding]:
    """The keys as Textual wants them."""
    for command in REGISTRY:
        for key in keymap.of(command):
            yield Binding(key, f"do('{command.id}')", command.name, priority=is_everywhere(key))


def is_everywhere(key: str) -> bool:
    """Keys with ctrl or alt work wherever the focus is; the others where nothing is being typed."""
    return key.startswith(("ctrl+", "alt+"))


def clashes(keys: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Keys that stand for two commands in one place: the words for it, and the two."""
    return ((words, ids) for words, ids, _ in _clashes(keys))


def _clashes(keys: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, tuple[str, str], str]]:
    """Each clash with its key; what comes first has the key."""
    where = {command.id: command.where for command in REGISTRY}
    taken: dict[str, list[str]] = {}
    for id_, wanted in keys.items():
        for key in wanted:
            owners = [each for each in taken.get(key, ()) if where[each] in ("", where[id_]) or not where[id_]]
            owner = owners[0] if owners else id_
            if owner == id_:
                taken.setdefault(key, []).append(id_)
            else:
                yield f"'{key}' stands for both {owner} and {id_}: {owner} has it", (owner, id_), key


def _finding(path: str, line: int, message: str, hint: str = "") -> Finding:
    return Finding(
        severity=Severity.WARNING, rule="keymap", message=message, place=Place(file=path, line=line), hint=hint
    )
