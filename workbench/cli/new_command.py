"""Make a skill from a template, in the workspace's skills folder; never over anything that is there."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from typing import Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import columns, say, short_path, write
from workbench.model.errors import ExitCode, WrongUse
from workbench.model.skill import Skill
from workbench.runtime.library.scaffold import DEFAULT_TEMPLATE, TEMPLATES, VARIABLES, Made, scaffold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="what it is to be called; its folder too")
    parser.add_argument(
        "--template", metavar="T", default=DEFAULT_TEMPLATE, help=f"what it begins as (default: {DEFAULT_TEMPLATE})"
    )
    parser.add_argument(
        "--var", metavar="KEY=VALUE", action="append", default=[], dest="pairs", help=f"one of: {', '.join(VARIABLES)}"
    )
    parser.add_argument("--list", action="store_true", help="the templates there are")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    if options.list:
        _list(options)
        return ExitCode.DONE
    if options.name is None:
        raise WrongUse("a name is missing", hint="`workbench new my-skill`; `workbench new --list` shows the templates")
    from workbench.configuration import read_settings

    settings = read_settings(workspace_of(options), os.environ)
    known = _known(settings)
    made = scaffold(
        f"{_folder(settings, options.dev)}/skills",
        options.name,
        template=options.template,
        variables={"author": _author(), **_variables(options.pairs)},
        known=known,
    )
    if options.json:
        print_json({"name": made.name, "template": made.template.name, "path": made.path, "files": list(made.files)})
    else:
        _print(made, options.workspace)
    for skill in known:
        if skill.name == made.name:
            say(f"· it hides the {skill.scope.value} skill of the same name, {short_path(skill.path)}")
    return ExitCode.DONE


def _list(options: argparse.Namespace) -> None:
    if options.json:
        listed = [{"name": template.name, "summary": template.summary} for template in TEMPLATES]
        print_json({"templates": listed, "default": DEFAULT_TEMPLATE, "variables": dict(VARIABLES)})
        return
    for line in columns([(template.name, template.summary) for template in TEMPLATES]):
        write(line)
    say(f"`workbench new NAME` takes {DEFAULT_TEMPLATE}; --var sets {', '.join(VARIABLES)}")


def _folder(settings: Any, dev: str) -> str:
    """The workspace's, or that of a dev session."""
    from workbench.model.devsession import MAIN
    from workbench.runtime.devsessions.notes import SessionNotes
    from workbench.runtime.places import place_of_state

    notes = SessionNotes(settings.workspace, place_of_state(settings.workspace, os.environ))
    return str(settings.workspace.rstrip("/") if dev == MAIN else notes.find(dev).folder)


def _known(settings: Any) -> list[Skill]:
    """Every skill that the files hold; read without the store, which making a skill does not need."""
    from workbench.configuration import shipped_folder
    from workbench.runtime.library.discovery import distinct, read_root
    from workbench.runtime.library.library import roots_of

    roots = roots_of(settings, os.environ, (shipped_folder("skills"),))
    return [skill for root in distinct(roots) for skill in read_root(root)]


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise WrongUse(f"--var {pair}: a value is missing", hint="write --var description='What it does.'")
        variables[key] = value
    return variables


def _author() -> str:
    """Who is sitting here, as far as the environment says."""
    return next((os.environ[name] for name in ("GIT_AUTHOR_NAME", "USER", "LOGNAME") if os.environ.get(name)), "")


def _print(made: Made, workspace: str | None) -> None:
    where = f" --workspace {shlex.quote(workspace)}" if workspace else ""
    write(f"+ {made.name}  from the template {made.template.name}")
    for file in made.files:
        write(f"    {short_path(f'{made.path}/{file}')}")
    next_steps = [(f"workbench watch{where}", "reloads it when you save")]
    if made.template.runs:
        next_steps.insert(0, (f"workbench run {made.name} --example{where}", "runs it with its example"))
    else:
        next_steps.insert(0, (f"workbench validate {made.name}{where}", "says what is wrong with it"))
    write("")
    for line in columns([(f"  {command}", meaning) for command, meaning in next_steps]):
        write(line)
