"""Themes from TOML files: those that ship, the person's own, the workspace's; the nearest of a name wins."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import App
from textual.color import Color, ColorParseError
from textual.theme import Theme

from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.runtime.places import user_config_folder
from workbench.runtime.schemas.words import nearest

COLOURS = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "boost",
    "success",
    "warning",
    "error",
)
KEYS = ("name", "dark", "ansi", *COLOURS, "luminosity_spread", "text_alpha", "variables")
PREFERRED = "dark"
MOST_BYTES = 100_000


@frozen
class Themes:
    """What was read: the themes by name, and what is wrong with files that hold none."""

    known: Mapping[str, Theme]
    findings: tuple[Finding, ...]
    stamp: tuple[tuple[str, int, int], ...]


class Wardrobe:
    """The themes of an app, read again when a file has changed."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = folders
        self.themes = read_themes(folders)

    def dress(self, app: App[Any], wanted: str) -> None:
        """Put on the theme that was chosen; else one that suits: on a terminal of few colours its own."""
        self._register(app)
        has_few = os.environ.get("TERM", "").endswith(("linux", "-16color", "ansi"))
        suiting = "ansi" if has_few else PREFERRED
        app.theme = next((name for name in (wanted, suiting) if name in self.themes.known), app.theme)

    def look_again(self, app: App[Any]) -> bool:
        """Whether a file has changed; then what it says is on at once."""
        before, self.themes = self.themes, read_themes(self._folders, self.themes)
        if self.themes is before:
            return False
        self._register(app)
        app.refresh_css(animate=False)
        return True

    def _register(self, app: App[Any]) -> None:
        for theme in self.themes.known.values():
            app.register_theme(theme)


class _Wrong(Exception):
    """A file that is no theme: the key that is to blame, and why."""

    def __init__(self, key: str, message: str, hint: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.key, self.message, self.hint, self.line = key, message, hint, line


def theme_folders(workspace: str, environ: Mapping[str, str], shipped: str) -> tuple[str, ...]:
    """Where themes lie, the nearest last: it has the last word."""
    return shipped, f"{user_config_folder(environ)}/themes", f"{workspace}/themes"


def read_themes(folders: Sequence[str], before: Themes | None = None) -> Themes:
    """Every theme there is. A file that is wrong leaves what it held before."""
    stamp = stamp_of(folders)
    if before is not None and before.stamp == stamp:
        return before
    known: dict[str, Theme] = {}
    findings: list[Finding] = []
    for path, _, _ in stamp:
        name = os.path.basename(path).removesuffix(".toml")
        try:
            theme = _read(path)
            known[theme.name] = theme
        except _Wrong as error:
            place = Place(file=path, line=error.line)
            words = f"the theme '{name}' is not used: {error.message}"
            findings.append(
                Finding(severity=Severity.WARNING, rule="theme", message=words, place=place, hint=error.hint)
            )
            if before is not None and name in before.known:
                known.setdefault(name, before.known[name])
    return Themes(known=known, findings=tuple(findings), stamp=stamp)


def stamp_of(folders: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """What tells whether anything has changed: each file with its time and size."""
    return tuple(_stamps(folders))


def _stamps(folders: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    for folder in dict.fromkeys(map(os.path.realpath, folders)):
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".toml") and not name.startswith("."))
        except OSError:
            continue
        for name in names:
            try:
                status = os.stat(f"{folder}/{name}")
            except OSError:
                continue
            yield f"{folder}/{name}", status.st_mtime_ns, status.st_size


def _read(path: str) -> Theme:
    try:
        with open(path, "rb") as file:
            text = file.read(MOST_BYTES).decode()
        said = tomllib.loads(text)
    except OSError as error:
        raise _Wrong("", f"it cannot be read: {error.strerror}") from None
    except ValueError as error:
        line = int(match[1]) if (match := re.search(r"at line (\d+)", str(error))) else 0
        raise _Wrong("", str(error), "this is not TOML", line) from None
    try:
        return _theme(said, os.path.basename(path).removesuffix(".toml"))
    except _Wrong as error:
        error.line = _line_of(text, error.key)
        raise


def _theme(said: Mapping[str, Any], file_name: str) -> Theme:
    for key in said:
        if key not in KEYS:
            raise _Wrong(key, f"unknown key '{key}'", nearest(key, KEYS) or f"the keys are {', '.join(KEYS)}")
    if not isinstance(said.get("primary"), str):
        raise _Wrong("primary", "'primary' is missing", 'write a colour: primary = "#0f5f8f"')
    for key in COLOURS:
        if key in said:
            _check_colour(key, said[key])
    variables = said.get("variables", {})
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise _Wrong("variables", "[variables] holds texts", 'border = "#3a4049"')
    for key in ("dark", "ansi"):
        if not isinstance(said.get(key, False), bool):
            raise _Wrong(key, f"'{key}' is true or false")
    name = said.get("name", file_name)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,40}", name):
        raise _Wrong("name", "'name' is letters, digits, spaces, - and _")
    for key in ("luminosity_spread", "text_alpha"):
        if not isinstance(said.get(key, 0.5), int | float) or not 0 <= said.get(key, 0.5) <= 1:
            raise _Wrong(key, f"'{key}' is a number from 0 to 1")
    return Theme(**{**said, "name": name, "variables": dict(variables)})


def _check_colour(key: str, value: object) -> None:
    try:
        Color.parse(value if isinstance(value, str) else "")
    except ColorParseError:
        raise _Wrong(key, f"'{key}' is no colour: {value!r}", 'write "#rrggbb" or a name such as "ansi_blue"') from None


def _line_of(text: str, key: str) -> int:
    match = re.search(rf"^\s*\[?{re.escape(key)}\b", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 0
