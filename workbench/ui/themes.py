"""Themes from TOML files: those that ship, the person's own, the workspace's; the nearest of a name wins."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import App
from textual.color import Color, ColorParseError
from textual.css.constants import VALID_STYLE_FLAGS
from textual.theme import Theme

from workbench.model.errors import NotEditable
from workbench.model.finding import Finding, Place, Severity
from workbench.model.frozen import frozen
from workbench.runtime.devsessions.files import read_text_file
from workbench.runtime.places import user_config_folder
from workbench.runtime.schemas.words import nearest, shown

COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})|[a-z][a-z0-9_]*", re.ASCII)
SHARE = re.compile(r"\s+\d{1,2}(?:\.\d+)?%$", re.ASCII)
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
MOST_CHARACTERS = 100_000


@frozen
class Themes:
    """What was read: the themes by name, and what is wrong with files that hold none."""

    known: Mapping[str, Theme]
    findings: tuple[Finding, ...]
    stamp: tuple[tuple[str, int, int], ...]
    by_path: Mapping[str, Theme]


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


class NotToml(Exception):
    """A file that holds no TOML: the line, and why."""

    def __init__(self, message: str, hint: str, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.hint, self.line = message, hint, line


class _Wrong(Exception):
    """A file that is no theme: the key that is to blame, and why."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key, self.message, self.hint = key, message, hint


def read_toml(path: str) -> tuple[str, dict[str, Any]]:
    """A small file of settings, as text and as what it says; raises NotToml."""
    try:
        text = read_text_file(path).text
    except NotEditable as error:
        raise NotToml(error.message, error.hint) from None
    if len(text) > MOST_CHARACTERS:
        raise NotToml(f"it is over {MOST_CHARACTERS // 1000} kB", "write less")
    try:
        text.encode()
        return text, tomllib.loads(text)
    except UnicodeEncodeError as error:
        raise NotToml("it is not UTF-8", "save it as UTF-8", text.count("\n", 0, error.start) + 1) from None
    except RecursionError:
        raise NotToml("it is nested too deep", "write less") from None
    except tomllib.TOMLDecodeError as error:
        match = re.search(r" \(at line (\d+).*\)$| \(at end of document\)$", str(error))
        line = int(match[1]) if match and match[1] else text.rstrip().count("\n") + 1
        words = str(error)[: match.start()] if match else str(error)
        raise NotToml(f"it is not TOML: {words}", "mend this line", line) from None


def line_of(text: str, key: str) -> int:
    """The line on which a key or a table of TOML is written; 0 where it is not."""
    match = re.search(rf"^[^\S\n]*\[{{0,2}}[\"']?{re.escape(key)}[\"']?\s*[.=\]]", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 0


def theme_folders(workspace: str, environ: Mapping[str, str], shipped: str) -> tuple[str, ...]:
    """Where themes lie, the nearest last: it has the last word."""
    return shipped, f"{user_config_folder(environ)}/themes", f"{workspace}/themes"


def read_themes(folders: Sequence[str], before: Themes | None = None) -> Themes:
    """Every theme there is. A file that is wrong leaves what it held before."""
    stamp = stamp_of(folders)
    if before is not None and before.stamp == stamp:
        return before
    by_path: dict[str, Theme] = {}
    findings: list[Finding] = []
    for path, _, _ in stamp:
        try:
            by_path[path] = _read(path)
        except NotToml as error:
            findings.append(_finding(path, error.line, error.message, error.hint))
            if before is not None and path in before.by_path:
                by_path[path] = before.by_path[path]
    known = {theme.name: theme for theme in by_path.values()}
    return Themes(known=known, findings=tuple(findings), stamp=stamp, by_path=by_path)


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
    text, said = read_toml(path)
    try:
        return _theme(said, os.path.basename(path).removesuffix(".toml"))
    except _Wrong as error:
        raise NotToml(error.message, error.hint, line_of(text, error.key)) from None


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
    if not isinstance(variables, dict):
        raise _Wrong("variables", "[variables] is a table", 'write [variables] and below it border = "#3a4049"')
    for key, value in variables.items():
        _check_variable(key, value)
    for key in ("dark", "ansi"):
        if not isinstance(said.get(key, False), bool):
            raise _Wrong(key, f"'{key}' is true or false", f"write {key} = true")
    name = said.get("name", file_name)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,40}", name):
        raise _Wrong("name", "'name' is letters, digits, spaces, - and _", 'write name = "my-theme"')
    for key in ("luminosity_spread", "text_alpha"):
        number = said.get(key, 0.5)
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            raise _Wrong(key, f"'{key}' is a number from 0 to 1", f"write {key} = 0.5")
    theme = Theme(**{**said, "name": name, "variables": {**_wanted_by_ansi(said), **variables}})
    try:
        theme.to_color_system().generate()
    except ColorParseError:
        raise _Wrong("variables", "a colour that others are made of is given with a %", "write it without") from None
    return theme


def _wanted_by_ansi(said: Mapping[str, Any]) -> dict[str, str]:
    """What Textual's own styles ask of an ansi theme and give no value."""
    if not said.get("ansi"):
        return {}
    behind, before = ("ansi_black", "ansi_white") if said.get("dark", True) else ("ansi_white", "ansi_black")
    return {"ansi-background": behind, "ansi-foreground": before}


def _check_colour(key: str, value: object) -> None:
    if key == "background" and value == "transparent":
        raise _Wrong(key, "there is nothing behind the background", 'write "ansi_default" for the terminal\'s own')
    try:
        Color.parse(value if isinstance(value, str) and COLOUR.fullmatch(value) else "")
    except ColorParseError:
        hint = 'write "#rrggbb" or a name such as "ansi_blue"'
        raise _Wrong(key, f"'{key}' is no colour: {shown(value)}", hint) from None


def _check_variable(key: str, value: object) -> None:
    """Variables go into the app's styles as they are: one that is wrong there ends the app."""
    if "style" in key.split("-"):
        if not isinstance(value, str) or not value or set(value.split()) - VALID_STYLE_FLAGS:
            raise _Wrong(key, f"'{key}' is no style of text: {shown(value)}", 'write "bold", "underline" or "none"')
    else:
        _check_colour(key, SHARE.sub("", value) if isinstance(value, str) else value)


def _finding(path: str, line: int, message: str, hint: str) -> Finding:
    name = os.path.basename(path).removesuffix(".toml")
    words = f"the theme '{name}' is not used: {message}"
    return Finding(severity=Severity.WARNING, rule="theme", message=words, place=Place(file=path, line=line), hint=hint)
