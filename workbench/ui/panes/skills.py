"""Skills: the tree by scope and folder, the state of each at a glance, and a filter."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from workbench.model.realm import Snapshot
from workbench.model.skill import Scope, Skill
from workbench.ui.widgets.rows import Row, Rows
from workbench.ui.words import state_of

SCOPES = {Scope.DEV: "dev session", Scope.WORKSPACE: "workspace", Scope.USER: "yours", Scope.BUILTIN: "builtin"}
NAME_WIDTH = 20


class SkillsPane(Vertical):
    """Tells which skill is looked at, and which one was chosen."""

    class Looked(Message):
        """The cursor came to a skill."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Chosen(Looked):
        """Enter on a skill."""

    def __init__(self) -> None:
        super().__init__(id="skills")
        self._snapshot = Snapshot()

    def compose(self) -> ComposeResult:
        yield Static("1 Skills", classes="title")
        yield Input(placeholder="/ filter", id="filter", compact=True)
        yield Rows(id="skill-rows")
        yield Static("", id="skills-empty", classes="empty")

    def show(self, snapshot: Snapshot) -> None:
        """Show what there is now; where the cursor stands does not change by it."""
        self._snapshot = snapshot
        self._draw()

    def focus_rows(self) -> None:
        self.query_one(Rows).focus()

    def focus_filter(self) -> None:
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_rows()

    def key_escape(self) -> None:
        self.query_one(Input).value = ""
        self.focus_rows()

    def on_rows_highlighted(self, event: Rows.Highlighted) -> None:
        event.stop()
        self.post_message(self.Looked(event.key))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.post_message(self.Chosen(event.key))

    def _draw(self) -> None:
        wanted = self.query_one(Input).value
        skills = [skill for skill in self._snapshot if is_wanted(skill, wanted)]
        self.query_one(Rows).show(tuple(rows_of(skills)))
        empty = self.query_one("#skills-empty", Static)
        empty.display = not skills
        if wanted:
            empty.update(f"nothing matches '{wanted}' · esc shows all")
        else:
            empty.update("no skills yet · `workbench new NAME` makes one")


def is_wanted(skill: Skill, letters: str) -> bool:
    """Whether a skill's name or description holds these letters in this order."""
    wanted = letters.casefold().replace(" ", "")
    return (
        not wanted
        or _holds(skill.name.casefold(), wanted)
        or letters.casefold() in skill.manifest.description.casefold()
    )


def _holds(text: str, letters: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def rows_of(skills: Iterable[Skill]) -> Iterator[Row]:
    """By scope, then by folder, then by name."""
    ordered = sorted(skills, key=lambda skill: (list(Scope).index(skill.scope), _group(skill), skill.name.casefold()))
    scope: Scope | None = None
    group = ""
    for skill in ordered:
        if skill.scope is not scope:
            scope, group = skill.scope, ""
            yield Row(pieces=((SCOPES[skill.scope], "dim"),))
        if _group(skill) != group:
            group = _group(skill)
            yield Row(pieces=((f"▾ {group}", "dim"),))
        yield _row(skill, indent=2 if group else 0)


def _row(skill: Skill, indent: int) -> Row:
    glyph, word, style = state_of(skill)
    name = skill.name if len(skill.name) <= NAME_WIDTH else f"{skill.name[: NAME_WIDTH - 1]}…"
    revision = f"r{skill.revision}" if skill.revision else f"(r{skill.last_good})" if skill.last_good else "–"
    return Row(
        key=skill.name,
        pieces=(
            (" " * indent, "plain"),
            (f"{glyph} ", style),
            (f"{name:<{NAME_WIDTH - indent + 1}}", "plain"),
            (f"{_version(skill):>8} ", "dim"),
            (f"{revision:>5}  ", "dim"),
            ("" if word == "ok" else word, style),
        ),
    )


def _version(skill: Skill) -> str:
    """What a broken skill did not say is not known, and not 0.0.0."""
    return "–" if skill.is_broken and skill.manifest.version == "0.0.0" else skill.manifest.version


def _group(skill: Skill) -> str:
    """The folder between the root and the skill, if there is one."""
    home = skill.folder if skill.single_file else os.path.dirname(skill.folder)
    return "" if os.path.basename(home) == "skills" else os.path.basename(home)
