"""Reads the settings: defaults, the user's file, the workspace's file, the environment, each over the one before."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, get_args, get_type_hints

from workbench.model.errors import WrongSettings
from workbench.model.frozen import field_names, is_frozen, replace
from workbench.model.settings import Settings
from workbench.runtime.places import SKILL_FOLDERS, STATE_FOLDER, user_config_folder

FILE_NAME = "workbench.toml"
PREFIX = "WORKBENCH_"
# What only you may say: a workspace may come from anybody, and it does not choose what stands between you and it.
YOURS = {"security": ("sandbox_enabled", "strongest_tier", "bubblewrap")}


def read_settings(workspace: str, environ: Mapping[str, str]) -> Settings:
    """The settings for a workspace; raises WrongSettings with the file, the key and the nearest right one."""
    folder = os.path.abspath(workspace)
    if not os.path.isdir(folder):
        raise WrongSettings(f"there is no folder {folder}", hint="name an existing folder with --workspace")
    settings = Settings(workspace=os.path.realpath(folder))
    own, workspaces = f"{user_config_folder(environ)}/{FILE_NAME}", f"{settings.workspace}/{FILE_NAME}"
    settings = _with(settings, _read(own), own)
    said = _read(workspaces)
    _refuse_what_is_yours(said, workspaces, own)
    settings = _with(settings, said, workspaces)
    return _with_environment(settings, environ)


def nearest_workspace(folder: str) -> str:
    """This folder if it has skills, else the nearest one above that plainly is a workspace, else this one."""
    here = os.path.abspath(folder)
    if any(os.path.isdir(f"{here}/{name}") for name in SKILL_FOLDERS):
        return here
    candidate = here
    while True:
        is_used = os.path.isdir(f"{candidate}/{STATE_FOLDER}") and os.path.isdir(f"{candidate}/{SKILL_FOLDERS[0]}")
        if is_used or os.path.isfile(f"{candidate}/{FILE_NAME}"):
            return candidate
        above = os.path.dirname(candidate)
        if above == candidate:
            return here
        candidate = above


def shipped_folder(name: str) -> str:
    """Where the skills, profiles and themes lie that ship: in the package, or beside it in a checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(package, "shipped", name)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), name)


def _read(path: str) -> Mapping[str, Any]:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise WrongSettings(f"{path}: cannot be read: {error}", hint="look at its permissions") from None
    import tomllib  # here, because most starts have no settings file to read

    try:
        return tomllib.loads(text.decode())
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings(f"{path}: not TOML: {error}", hint="mend that line") from None
    except UnicodeDecodeError:
        raise WrongSettings(f"{path}: not UTF-8 text", hint="save it as UTF-8") from None


def _with(settings: Settings, said: Mapping[str, Any], where: str) -> Settings:
    sections = {name: getattr(settings, name) for name in field_names(settings)}
    changed: dict[str, Any] = {}
    for name, values in said.items():
        section = sections.get(name)
        if not is_frozen(section):
            known = [each for each, value in sections.items() if is_frozen(value)]
            raise _unknown(f"{where}: unknown section [{name}]", name, known)
        if not isinstance(values, Mapping):
            raise WrongSettings(f"{where}: [{name}] is a section", hint=f"write [{name}] and its keys below it")
        changed[name] = replace(section, **dict(_checked(section, values, f"{where}: {name}")))
    return replace(settings, **changed)


def _refuse_what_is_yours(said: Mapping[str, Any], where: str, own: str) -> None:
    for name, keys in YOURS.items():
        section = said.get(name)
        for key in keys:
            if isinstance(section, Mapping) and key in section:
                variable = f"{PREFIX}{name}_{key}".upper()
                raise WrongSettings(
                    f"{where}: {name}.{key} is yours to say, and not a workspace's",
                    hint=f"take it out; if you want it, write it in {own}, or set {variable}",
                )


def _checked(section: Any, values: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(type(section))
    for key, value in values.items():
        if key not in hints:
            raise _unknown(f"{where}: unknown key '{key}'", key, list(hints))
        yield key, _converted(value, hints[key], f"{where}.{key}")


def _converted(value: Any, wanted: Any, where: str) -> Any:
    """A value as its field wants it; text from the environment is read as what it is to be."""
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        try:
            return wanted(value)
        except ValueError:
            raise _unknown(
                f"{where}: '{value}' is not one of them", str(value), [each.value for each in wanted]
            ) from None
    if is_frozen(wanted):
        if not isinstance(value, Mapping):
            raise WrongSettings(
                f"{where} is a section", hint=f"write [{where.rpartition(': ')[2]}] and its keys below it"
            )
        return replace(wanted(), **dict(_checked(wanted(), value, where)))
    if bool in get_args(wanted) and isinstance(value, bool):
        return value
    if wanted is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            return value.lower() in ("1", "true", "yes", "on")
    elif wanted in (int, float) and not isinstance(value, bool):
        try:
            number = wanted(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not (not math.isfinite(number) or (isinstance(value, float) and value != number)):
            return _large_enough(number, where)
    elif wanted is str and isinstance(value, str):
        return value
    elif get_args(wanted) and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    elif get_args(wanted) and isinstance(value, str):
        return tuple(part for part in value.split(os.pathsep) if part)
    name = getattr(wanted, "__name__", str(wanted))
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
    raise WrongSettings(f"{where}: {value!r} is not {words.get(name, 'a list of texts')}", hint="mend that value")


def _large_enough(number: Any, where: str) -> Any:
    """A number that its key can mean: where nothing at all may be used, nothing runs."""
    if where.rpartition(".")[2].startswith("max_"):
        is_enough, least = number > 0, "at least 1" if isinstance(number, int) else "more than 0"
    else:
        is_enough, least = number >= 0, "at least 0"
    if not is_enough:
        raise WrongSettings(f"{where}: {number} is too small: it has to be {least}", hint="write a larger number")
    return number


def _with_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """WORKBENCH_SECTION_KEY, for the sections and keys that there are."""
    for section_name in field_names(settings):
        section = getattr(settings, section_name)
        if not is_frozen(section):
            continue
        said = {
            key: environ[variable]
            for key in field_names(section)
            if (variable := f"{PREFIX}{section_name}_{key}".upper()) in environ
        }
        if said:
            settings = _with(settings, {section_name: said}, f"{PREFIX}{section_name.upper()}_…")
    return settings


def _unknown(message: str, word: str, known: list[str]) -> WrongSettings:
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return WrongSettings(message, hint=f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}")
