"""The key reference of the docs, made from the registry."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.ui.command import Command
from workbench.ui.commands import REGISTRY
from workbench.ui.keymap import DEFAULT, VIM
from workbench.ui.words import key_name

TITLES = {
    "run": "Running",
    "editor": "Editing",
    "inputs": "Inputs",
    "skills": "Skills",
    "sessions": "Dev sessions",
    "log": "Log",
    "pane": "Panes",
    "app": "Everything else",
}


def reference() -> str:
    """Every command with its keys in both maps that ship, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Keys"
    yield ""
    yield "Made from the registry of commands; `python -m workbench.ui.reference` prints it."
    yield ""
    yield "Keys with ctrl or alt work everywhere, the others where nothing is being typed. Your own keys go into"
    yield "`keymap.toml` in the configuration folder (`~/.config/skill-workbench`), by the names in the last column:"
    yield ""
    yield "```toml"
    yield 'base = "default"  # or "vim"'
    yield ""
    yield "[keys]"
    yield '"run.start" = ["r", "ctrl+r", "f5"]'
    yield "```"
    yield ""
    yield "What clashes, and what is no key or no command, is told in Problems with its line."
    for group, title in TITLES.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield "| keys | vim | what it does | name |"
        yield "|---|---|---|---|"
        for command in REGISTRY:
            if command.id.partition(".")[0] == group:
                where = f"(in {command.where}) " if command.where else ""
                vim = _keys(VIM[command.id]) if VIM[command.id] != DEFAULT[command.id] else ""
                yield f"| {_keys(command.keys)} | {vim} | {where}{_said(command)} | `{command.id}` |"


def _keys(keys: tuple[str, ...]) -> str:
    return " ".join(f"`{key_name(key)}`" for key in keys) or "–"


def _said(command: Command) -> str:
    return f"**{command.name}.** {command.help}"


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
