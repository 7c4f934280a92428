"""The accepted revisions of a skill, the newest first."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from typing import Any

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import columns, write
from workbench.model.devsession import MAIN
from workbench.model.words import ago
from workbench.runtime.library.revisions import Revision


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", help="a skill's name, alias or folder")
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings
    from workbench.model.skill import parse_ref

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ, options.dev) as library:
        snapshot = library.gathered(library.read_all())
        skill = library.find(snapshot, parse_ref(options.ref))
        revisions = library.revisions.history(skill.name)
        head = library.revisions.head(skill.name, library.realm)
        stands = head is not None and head.digest == skill.digest
    newest = head.number if head else 0
    if options.json:
        print_json(
            {"skill": skill.name, "stands": stands, "revisions": [_document(each, newest) for each in revisions]}
        )
        return 0
    for line in columns([_row(each, newest) for each in revisions]):
        write(line)
    if not revisions:
        write(f"nothing of {skill.name} was accepted yet: run it once, or save it while `workbench watch` looks")
    elif not stands:
        write(f"its files hold what no revision has: `workbench diff {skill.name}` shows it")
    return 0


def _document(revision: Revision, newest: int) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "digest": revision.digest,
        "at": revision.at,
        "saved_at": datetime.fromtimestamp(revision.at, UTC).isoformat(),
        "message": revision.message,
        "scope": revision.scope.value,
        "session": revision.realm,
        "is_newest": revision.number == newest,
    }


def _row(revision: Revision, newest: int) -> list[str]:
    mark = "●" if revision.number == newest else " "
    session = "" if revision.realm == MAIN else f"in {revision.realm}"
    return [f"{mark} r{revision.number}", ago(revision.at), revision.digest[:12], session, revision.message]
