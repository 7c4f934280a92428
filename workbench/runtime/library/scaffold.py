"""Makes a new skill from a template: whole or not at all, never over anything that exists, and without a finding."""

from __future__ import annotations

import errno
import json
import keyword
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NoReturn

from workbench.model.errors import Conflict, MachineCannot, WrongUse
from workbench.model.finding import printable
from workbench.model.frozen import frozen
from workbench.model.skill import LEGAL_NAME, Scope, Skill
from workbench.runtime.atomic import remove_tree
from workbench.runtime.formats.folder import LEFT_OUT_FOLDERS, counts
from workbench.runtime.formats.names import LEGAL_HINT, legal_form_of
from workbench.runtime.formats.reader import ENTRIES, read_skill
from workbench.runtime.schemas.words import nearest

SUFFIX = ".in"
MAX_VALUE = 100_000
_HOLE = re.compile(r"«([a-z_]+)»")
_ESCAPED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


@frozen
class Template:
    """What a new skill can begin as; its files lie in `templates/NAME`, each with `.in` behind its name."""

    name: str
    summary: str
    description: str
    runs: bool = True


TEMPLATES = (
    Template(
        name="python",
        summary="a Python function: its parameters are the inputs",
        description="Counts the words of a text, and can say it loudly.",
    ),
    Template(
        name="python-class",
        summary="a Python class with the whole interface: set up, check, run, clean up",
        description="Counts the words of a text, leaving out the short ones.",
    ),
    Template(
        name="node",
        summary="a module for Node: execute(input, context) behind a manifest",
        description="Makes a name for files and addresses of a text.",
    ),
    Template(
        name="command",
        summary="a program: inputs as JSON on stdin, output as JSON on stdout",
        description="Turns a text round.",
    ),
    Template(
        name="prompt",
        summary="a text with {holes} that checked parameters fill",
        description="A prompt that has something explained in a few sentences.",
    ),
    Template(
        name="jinja-prompt",
        summary="a text as a Jinja template, with lists and conditions",
        description="A prompt that has a letter written, point by point.",
    ),
    Template(
        name="skill-md",
        summary="a SKILL.md folder that teaches an agent",
        description="Says what this skill does, in a sentence. Use when somebody asks for it, and say in which words.",
        runs=False,
    ),
)
DEFAULT_TEMPLATE = TEMPLATES[0].name
VARIABLES = {"version": "0.1.0", "description": "", "author": "", "license": "MIT", "category": "general"}
ALSO_CALLED = {"basic_skill": "python-class", "skill_description": "description"}


@frozen
class Made:
    """A skill that was just made: where it lies, and its files in the order of their names."""

    name: str
    template: Template
    path: str
    files: tuple[str, ...]


def scaffold(
    folder: str,
    name: str,
    *,
    template: str = DEFAULT_TEMPLATE,
    variables: Mapping[str, str] | None = None,
    known: Iterable[Skill] = (),
) -> Made:
    """Make the skill `name` in a folder of skills. `known` are the skills whose names it must not be mistaken for.

    Raises WrongUse for a name, template or variable that cannot be, Conflict for what is already there, and
    MachineCannot where nothing can be written; then nothing is left behind.
    """
    chosen = template_named(template)
    _check_name(name)
    texts = dict(_texts_of(chosen, name, variables or {}))
    target = f"{folder}/{name}"
    _check_free(folder, name, known)
    with _told_of(target), _made_folder(folder), _beside(folder) as beside:
        draft = f"{beside}/{name}"
        for path, text in texts.items():
            os.makedirs(os.path.dirname(f"{draft}/{path}"), exist_ok=True)
            with open(f"{draft}/{path}", "x", encoding="utf-8") as file:
                file.write(text)
        _check_sound(draft, texts)
        os.mkdir(target)  # claims the name: whoever comes second is refused
        try:
            os.rename(draft, target)
        except BaseException:
            with suppress(OSError):
                os.rmdir(target)
            raise
    return Made(name=name, template=chosen, path=target, files=tuple(sorted(texts)))


def template_named(name: str) -> Template:
    """The template of this name; raises WrongUse with the nearest one."""
    by_name = {template.name: template for template in TEMPLATES}
    found = by_name.get(ALSO_CALLED.get(name, name))
    if found is None:
        hint = nearest(name, tuple(by_name)) or f"there are: {', '.join(by_name)}"
        raise WrongUse(f"there is no template '{name[:80]}'", hint=hint)
    return found


def literal(text: str) -> str:
    """A text as a quoted literal that JSON, Python and YAML all read alike."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _texts_of(template: Template, name: str, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files of the new skill. A hole is filled once: what a value holds is never looked at again."""
    values = {**VARIABLES, "description": template.description, **dict(_checked(given))}
    words = re.split(r"[^A-Za-z0-9]+", name)
    fillings = {key: literal(value) for key, value in values.items()}
    fillings |= {
        "name": literal(name),
        "bare_name": name,
        "function": _function_name(words),
        "class_name": _class_name(words),
    }
    for path, text in _template_files(files(__package__).joinpath("templates", template.name)):
        yield path.removesuffix(SUFFIX), _HOLE.sub(lambda hole: fillings[hole[1]], text)


def _template_files(folder: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _template_files(item, f"{above}{item.name}/")
        elif item.name.endswith(SUFFIX):
            yield f"{above}{item.name}", item.read_text(encoding="utf-8")


def _checked(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        variable = ALSO_CALLED.get(key, key)
        if variable not in VARIABLES:
            hint = nearest(key, tuple(VARIABLES)) or f"there are: {', '.join(VARIABLES)}"
            raise WrongUse(f"there is no variable '{key[:80]}'", hint=hint)
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise WrongUse(f"the value of '{key}' is not text", hint="give it as UTF-8") from None
        if size > MAX_VALUE:
            raise WrongUse(f"the value of '{key}' is too long", hint=f"at most {MAX_VALUE:,} bytes")
        yield variable, value


def _function_name(words: Iterable[str]) -> str:
    name = "_".join(filter(None, words)).lower()
    return f"run_{name}" if name[:1].isdigit() or keyword.iskeyword(name) or name == "skill" else name


def _class_name(words: Iterable[str]) -> str:
    name = "".join(word[:1].upper() + word[1:] for word in words)
    name = f"Skill{name}" if name[:1].isdigit() else name
    return name if name.endswith("Skill") else f"{name}Skill"


def _check_name(name: str) -> None:
    if LEGAL_NAME.fullmatch(name) is None:
        message = f"'{printable(name[:80])}' is not a legal name" if name else "the name is empty"
        message = message if len(name) <= 128 else f"a name of {len(name)} characters is too long"
        raise WrongUse(message, hint=f"'{legal_form_of(name)}' is: {LEGAL_HINT}")
    if not counts(name) or name in LEFT_OUT_FOLDERS:
        raise WrongUse(
            f"a folder called '{name}' is not looked at", hint=f"call it '{legal_form_of(f'my-{name}-skill')}'"
        )


def _check_free(folder: str, name: str, known: Iterable[Skill]) -> None:
    if os.path.lexists(f"{folder}/{name}"):
        raise Conflict(f"{folder}/{name} is already there", hint="nothing was changed; choose another name")
    beside: list[str] = []
    with suppress(OSError):
        beside = os.listdir(folder)
    taken = [(entry, f"{folder}/{entry}") for entry in beside]
    taken += [(skill.name, skill.path) for skill in known if skill.name != name or skill.scope is Scope.WORKSPACE]
    for other, path in taken:
        if other == name:
            raise Conflict(f"{path} is already called '{name}'", hint="nothing was changed; choose another name")
        if other.casefold() == name.casefold():
            message = f"'{name}' and '{other}' differ in case only: {path}"
            raise Conflict(message, hint="some file systems cannot hold both; choose another name")


def _check_sound(draft: str, names: Iterable[str]) -> None:
    """Read the draft as any skill is read: a value that leads to a finding is refused with the finding's own words."""
    entry = next(entry for entry in ENTRIES if entry in names)
    skill = read_skill(draft, entry, Scope.WORKSPACE)
    for finding in skill.findings if skill else ():
        raise WrongUse(finding.message, hint=finding.hint)


@contextmanager
def _made_folder(folder: str) -> Iterator[None]:
    """The folder of skills; one that was missing is gone again where nothing came of it."""
    is_new = not os.path.isdir(folder)
    os.makedirs(folder, exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                os.rmdir(folder)
        raise


@contextmanager
def _beside(folder: str) -> Iterator[str]:
    """A hidden folder to write in, which nobody takes for a skill; it is gone afterwards."""
    beside = tempfile.mkdtemp(prefix=".new-", dir=folder)
    try:
        yield beside
    finally:
        remove_tree(beside)


@contextmanager
def _told_of(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _tell(target, error)


def _tell(target: str, error: OSError) -> NoReturn:
    folder = os.path.dirname(target)
    why = error.strerror or str(error)
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
        path = folder if os.path.lexists(folder) and not os.path.isdir(folder) else target
        message = f"{path} is not a folder" if path == folder else f"{path} is already there"
        raise Conflict(message, hint="nothing was changed; choose another name or place") from error
    hint = "look at the folder's permissions, or name another workspace with --workspace"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space"
    raise MachineCannot(f"{target} cannot be made: {why}", hint=f"{hint}; nothing was left behind") from error
