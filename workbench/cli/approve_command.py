"""Allow a skill what its manifest does not get it: hosts, places, variables; list what is allowed, and take it back."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import BETWEEN, paragraphs, write
from workbench.cli.waiting import waited_for
from workbench.model.consent import Approval, Consent, Right, asked_by
from workbench.model.devsession import MAIN
from workbench.model.documents import consent_document
from workbench.model.errors import WrongUse
from workbench.model.finding import printable
from workbench.model.skill import Scope
from workbench.model.words import ago

if TYPE_CHECKING:
    from workbench.runtime.runtime import Workbench

OPTIONS = {
    Right.NETWORK: ("--network", "HOST:PORT", "a host that it may talk to"),
    Right.READ: ("--read", "PATH", "a place that it may read, by its whole path or as workspace:x"),
    Right.WRITE: ("--write-to", "PATH", "a place that it may read and write"),
    Right.ENVIRONMENT: ("--environment", "NAME", "a variable of the environment that it may know"),
    Right.SPAWN: ("--spawn", "", "start processes"),
    Right.UNSANDBOXED: ("--unsandboxed", "", "run where there is no sandbox at all"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", nargs="?", help="a skill; alone: all that it asks for and you can allow")
    for right, (option, value, help_) in OPTIONS.items():
        if value:
            parser.add_argument(option, metavar=value, action="append", default=[], dest=right.value, help=help_)
        else:
            parser.add_argument(option, action="store_true", dest=right.value, help=help_)
    parser.add_argument("--write", action="store_true", help="write it into the skill.json too")
    parser.add_argument("--list", action="store_true", help="what is allowed, and whether it still holds")
    parser.add_argument("--revoke", metavar="REF", help="allow this skill nothing any more")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    if sum((bool(options.ref), options.list, bool(options.revoke))) != 1:
        raise WrongUse("one of REF, --list and --revoke REF is needed", hint="workbench approve --list")
    return waited_for(_done, options)


def command_for(name: str, needs: Iterable[Consent], options: argparse.Namespace) -> str:
    """What to type so that a skill gets what it needs, in the place where it was refused.

    The words are a stranger's, and a shell will read them.
    """
    words = ["workbench", "approve", name]
    for each in needs:
        words += [OPTIONS[each.right][0], each.value] if each.value else [OPTIONS[each.right][0]]
    words += ["--dev", options.dev] if options.dev != MAIN else []
    words += ["--workspace", options.workspace] if options.workspace else []
    return shlex.join(words)


async def _done(options: argparse.Namespace) -> int:
    from workbench.assembly import open_workbench

    async with open_workbench(workspace=workspace_of(options), dev=options.dev) as workbench:
        if options.list:
            return _list(workbench, as_json=options.json)
        if options.revoke:
            return await _revoke(workbench, options.revoke, as_json=options.json)
        return await _approve(workbench, options)


async def _approve(workbench: Workbench, options: argparse.Namespace) -> int:
    import anyio

    from workbench.runtime.governance.asking import checked, needed_by, why_nothing, write_into_manifest

    skill = workbench.find(options.ref)
    workspace, tier = workbench.session.realm.workspace, workbench.tier
    held = workbench.approvals.of(skill, workbench.session.realm.id)
    consents = _named(options) or needed_by(skill, workspace, tier, held)
    checked(skill, consents, workspace, tier)
    if not consents:
        raise why_nothing(skill, workspace, tier)
    if options.write:
        is_written = skill.path.endswith(".json") and skill.scope is not Scope.BUILTIN
        skill = await workbench.made_own(skill) if is_written else skill
        await anyio.to_thread.run_sync(write_into_manifest, skill, consents)
        workbench.refresh()
    approval = await workbench.approve(skill.name, consents)
    if options.json:
        print_json(_document(workbench, approval))
        return 0
    asked = asked_by(workbench.find(skill.name).manifest.permissions)
    for consent in sorted(consents, key=str):
        besides = (
            "" if consent in asked or consent.right is Right.UNSANDBOXED else ", which its manifest does not ask for"
        )
        write(f"+ {skill.name} may {printable(consent.words)}{besides}")
    here = f" --dev {options.dev}" if options.dev != MAIN else ""
    write(f"  `workbench approve --revoke {skill.name}{here}` takes all of it back")
    return 0


def _named(options: argparse.Namespace) -> frozenset[Consent]:
    found: set[Consent] = set()
    for right in OPTIONS:
        said = getattr(options, right.value)
        found |= {Consent(right=right)} if said is True else {Consent(right=right, value=each) for each in said or ()}
    return frozenset(found)


def _list(workbench: Workbench, *, as_json: bool) -> int:
    approvals = workbench.approvals.listed()
    if as_json:
        print_json({"approvals": [_document(workbench, each) for each in approvals]})
        return 0
    if not approvals:
        write("nothing is allowed beyond what manifests get")
        return 0
    rows = [
        (
            f"▲ {each.skill}" if (why := _why_void(workbench, each)) else f"● {each.skill}",
            each.realm,
            BETWEEN.join(printable(consent.words) for consent in sorted(each.consents, key=str)),
            f"void: {why}" if why else ago(each.at),
        )
        for each in approvals
    ]
    for line in paragraphs(rows):
        write(line)
    return 0


async def _revoke(workbench: Workbench, ref: str, *, as_json: bool) -> int:
    known = {each.skill for each in workbench.approvals.listed() if each.realm == workbench.session.realm.id}
    name = ref if ref in known else workbench.find(ref).name
    approval = await workbench.revoke(name)
    if approval is None:
        raise WrongUse(f"'{name}' was allowed nothing", hint="`workbench approve --list` says who was")
    if as_json:
        print_json(_document(workbench, approval))
        return 0
    for consent in sorted(approval.consents, key=str):
        write(f"- {name} may no more {printable(consent.words)}")
    return 0


def _why_void(workbench: Workbench, approval: Approval) -> str:
    if approval.realm != workbench.session.realm.id:
        return ""
    skill = workbench.snapshot.skills.get(approval.skill)
    return approval.void_for(skill) if skill else "there is no such skill"


def _document(workbench: Workbench, approval: Approval) -> dict[str, Any]:
    return {
        "skill": approval.skill,
        "session": approval.realm,
        "allowed": [consent_document(each) for each in sorted(approval.consents, key=str)],
        "at": approval.at,
        "void": _why_void(workbench, approval) or None,
    }
