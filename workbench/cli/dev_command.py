"""Dev sessions: other code, variables and state for the same skills, beside the workspace, until they are promoted.

Other commands work in one with --dev NAME; the app has them under its key for sessions.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import columns, finding_lines, say, short_path, write
from workbench.cli.waiting import waited_for
from workbench.model.devsession import FileStand, SessionNote, Standing
from workbench.model.documents import finding_document
from workbench.model.errors import WrongUse
from workbench.model.finding import printable
from workbench.model.words import ago, counted
from workbench.runtime.devsessions.session import Refused

if TYPE_CHECKING:
    from workbench.runtime.devsessions.exchange import Promoted
    from workbench.runtime.runtime import Workbench

GLYPHS = {Standing.SAME: "·", Standing.HERE: "●", Standing.THERE: "○", Standing.BOTH: "▲"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    does = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    def add(name: str, help: str, *, session: bool = True, skills: str = "") -> argparse.ArgumentParser:
        each = does.add_parser(name, help=help, description=help, allow_abbrev=False)
        each.add_argument("--workspace", metavar="PATH", default=argparse.SUPPRESS, help="the workspace")
        if session:
            each.add_argument("name", metavar="NAME", help="the session")
        if skills:
            words = "skills (default: all that it has)" if skills == "*" else "skills, by their names"
            each.add_argument("refs", metavar="SKILL", nargs=skills, help=words)
        return each

    add_json(add("list", "every session, and what it has that the workspace does not", session=False))
    opening = add("open", "begin a session")
    opening.add_argument("--folder", metavar="PATH", default="", help="over another folder built like the workspace")
    opening.add_argument("--worktree", metavar="BRANCH", default="", help="over a git worktree of a branch")
    opening.add_argument("-e", metavar="KEY=VALUE", action="append", default=[], dest="pairs", help="a variable")
    add_json(opening)
    add_json(add("edit", "have skills in the session, and say where to edit them", skills="+"))
    variables = add("env", "the variables that skills find there in place of the real ones")
    variables.add_argument("pairs", metavar="KEY=VALUE", nargs="*", help="set these; KEY= takes one away")
    add_json(variables)
    comparing = add("compare", "how its files stand to the workspace's", skills="*")
    comparing.add_argument("--text", action="store_true", help="line by line, from when they were taken")
    add_json(comparing)
    updating = add("update", "take over what the workspace changed, and merge what both did", skills="*")
    updating.add_argument("--prefer", choices=("mine", "theirs"), default="", help="where both changed the same lines")
    add_json(updating)
    promoting = add("promote", "have the workspace be what the session is; tests have to be green", skills="*")
    promoting.add_argument("-m", "--message", default="", help="for the history")
    add_json(promoting)
    returning = add("give-back", "have the workspace's files again instead of the session's own", skills="+")
    returning.add_argument("--give-up", action="store_true", help="also where they were changed")
    closing = add("close", "end a session")
    closing.add_argument("--give-up", action="store_true", help="also where it has changes that were not promoted")


def run(options: argparse.Namespace) -> int:
    return waited_for(_run, options)


async def _run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench

    do: dict[str, Callable[[Workbench, argparse.Namespace], Awaitable[int]]] = {
        "list": _list,
        "open": _open,
        "edit": _edit,
        "env": _env,
        "compare": _compare,
        "update": _update,
        "promote": _promote,
        "give-back": _give_back,
        "close": _close,
    }
    async with open_workbench(workspace=workspace_of(options)) as workbench:
        return await do[options.what](workbench, options)


async def _list(workbench: Workbench, options: argparse.Namespace) -> int:
    found = []
    for note in workbench.sessions.notes.all():
        found.append((note, await workbench.in_session(note.name).exchange.compared()))
    if options.json:
        print_json({"sessions": [_document(note, stands) for note, stands in found]})
        return 0
    rows = [
        (f"● {note.name}", ago(note.created_at), _changes(stands), _over(note), " ".join(note.environment))
        for note, stands in found
    ]
    for line in columns(rows):
        write(line)
    if not rows:
        say("no sessions but main, the workspace itself: `workbench dev open NAME` begins one")
    return 0


async def _open(workbench: Workbench, options: argparse.Namespace) -> int:
    made = await workbench.sessions.create(
        options.name, folder=options.folder, worktree=options.worktree, environment=_variables(options.pairs)
    )
    assert made.note is not None
    _say_what_is_left_out(made.note.environment)
    if options.json:
        print_json(_document(made.note, []))
        return 0
    write(f"+ {made.note.name}  {_over(made.note)}")
    for line in columns(
        [
            (f"  workbench dev edit {options.name} SKILL", "has a skill in it, and says where to edit it"),
            (f"  workbench run --dev {options.name} SKILL", "runs it there"),
            (f"  workbench dev promote {options.name}", "has the workspace be what it is"),
        ]
    ):
        write(line)
    return 0


async def _edit(workbench: Workbench, options: argparse.Namespace) -> int:
    inside = workbench.in_session(options.name)
    skills = [await inside.exchange.take(inside.find(ref)) for ref in options.refs]
    if options.json:
        print_json({"skills": [{"name": skill.name, "path": skill.path, "home": skill.home} for skill in skills]})
        return 0
    for skill in skills:
        write(skill.path)
    return 0


async def _env(workbench: Workbench, options: argparse.Namespace) -> int:
    given = _variables(options.pairs)
    kept = {**workbench.in_session(options.name).session.realm.environment, **given}
    environment = {key: value for key, value in kept.items() if value or key not in given}
    if options.pairs:
        await workbench.sessions.set_environment(options.name, environment)
    _say_what_is_left_out(environment)
    if options.json:
        print_json({"session": options.name, "environment": environment})
        return 0
    for key, value in environment.items():
        write(f"{key}={value}")
    return 0


async def _compare(workbench: Workbench, options: argparse.Namespace) -> int:
    exchange = workbench.in_session(options.name).exchange
    stands = await exchange.compared(options.refs)
    if options.json:
        print_json({"session": options.name, "files": [_stand(stand) for stand in stands]})
        return 0
    _print_stands(stands, f"{options.name} is what the workspace is")
    for stand in stands if options.text else ():
        base, mine, theirs = exchange.texts(stand.path)
        for text, where in ((mine, options.name), (theirs, "workspace")):
            lines = difflib.unified_diff(
                base.splitlines(), text.splitlines(), f"{stand.path} (taken)", f"{stand.path} ({where})", lineterm=""
            )
            for line in lines:
                write(line)
    return 0


async def _update(workbench: Workbench, options: argparse.Namespace) -> int:
    exchange = workbench.in_session(options.name).exchange
    left = await exchange.update(options.refs, prefer=options.prefer)
    if options.json:
        print_json({"session": options.name, "left": [_stand(stand) for stand in left]})
    else:
        _print_stands(left, f"{options.name} has everything that the workspace has")
        if left:
            say("both changed the same lines: edit them, then --prefer mine; or --prefer theirs")
    return 1 if left else 0


async def _promote(workbench: Workbench, options: argparse.Namespace) -> int:
    promoted = await workbench.in_session(options.name).promote(options.refs, message=options.message)
    refused = [result for _, result in promoted.skills if isinstance(result, Refused)]
    if options.json:
        print_json(_promoted_document(options.name, promoted))
        return 1 if refused else 0
    for stand in promoted.files:
        write(f"● {stand.path}  {stand.words.removesuffix(' here')}")
    for name, result in promoted.skills:
        if result is None:
            write(f"- {name}")
        elif isinstance(result, Refused):
            say(f"✕ {name} does not load in the workspace; what answered before goes on answering")
            for finding in result.findings:
                for line in finding_lines(finding):
                    say(f"  {line}")
        else:
            write(f"↻ {name} → r{result.skill.revision}")
    return 1 if refused else 0


async def _give_back(workbench: Workbench, options: argparse.Namespace) -> int:
    exchange = workbench.in_session(options.name).exchange
    if not await exchange.compared(options.refs):
        hint = f"`workbench dev compare {options.name}` shows what it has"
        raise WrongUse(f"{options.name} has none of {', '.join(options.refs)}", hint=hint)
    await exchange.give_back(options.refs, give_up=options.give_up)
    write(f"● {', '.join(options.refs)}: {options.name} sees the workspace's again")
    return 0


async def _close(workbench: Workbench, options: argparse.Namespace) -> int:
    kept = await workbench.sessions.close(options.name, give_up=options.give_up)
    write(f"- {options.name}  its files are kept for a while: {short_path(kept)}")
    return 0


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or "\0" in pair:
            raise WrongUse(f"{pair}: that is no variable", hint="write KEY=VALUE")
        variables[key] = value
    return variables


def _say_what_is_left_out(names: Iterable[str]) -> None:
    """What no skill is going to find there, though it was set."""
    from workbench.runtime.sandbox.policy import is_harmless

    for name in names:
        if not is_harmless(name):
            why = "it is the run's own, or changes what programs load" if name.isidentifier() else "it is no name"
            say(f"▲ {printable(name)} is left out of every run: {why}")


def _over(note: SessionNote) -> str:
    if note.worktree_of:
        return f"a worktree of {note.worktree_of}: {short_path(note.folder)}"
    return "over the workspace" if note.is_overlay else f"over {short_path(note.folder)}"


def _changes(stands: Sequence[FileStand]) -> str:
    here = sum(stand.standing in (Standing.HERE, Standing.BOTH) for stand in stands)
    both = sum(stand.standing is Standing.BOTH for stand in stands)
    told = f"{counted(here, 'change')}" if here else "no changes"
    return f"{told}, {both} also in the workspace" if both else told


def _print_stands(stands: Sequence[FileStand], nothing: str) -> None:
    rows = [(f"{GLYPHS[stand.standing]} {stand.path}", stand.words) for stand in stands]
    for line in columns(rows):
        write(line)
    if all(stand.standing is Standing.SAME for stand in stands):
        say(nothing)


def _stand(stand: FileStand) -> dict[str, Any]:
    return {
        "path": stand.path,
        "standing": stand.standing.value,
        "base": stand.base or None,
        "mine": stand.mine or None,
        "theirs": stand.theirs or None,
    }


def _document(note: SessionNote, stands: Sequence[FileStand]) -> dict[str, Any]:
    return {
        "name": note.name,
        "folder": note.folder,
        "is_overlay": note.is_overlay,
        "worktree_of": note.worktree_of or None,
        "created_at": datetime.fromtimestamp(note.created_at, UTC).isoformat(),
        "environment": dict(note.environment),
        "files": [_stand(stand) for stand in stands if stand.standing is not Standing.SAME],
    }


def _promoted_document(name: str, promoted: Promoted) -> dict[str, Any]:
    skills = []
    for skill, result in promoted.skills:
        is_refused = isinstance(result, Refused)
        skills.append(
            {
                "name": skill,
                "is_loaded": not is_refused,
                "revision": None if result is None or isinstance(result, Refused) else result.skill.revision,
                "findings": [finding_document(each) for each in result.findings] if isinstance(result, Refused) else [],
            }
        )
    return {"session": name, "files": [_stand(stand) for stand in promoted.files], "skills": skills}
