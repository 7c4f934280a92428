"""Every skill there is, and how it stands."""

from __future__ import annotations

import argparse
import os

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import GLYPHS, columns, finding_lines, say, short_path, write
from workbench.model.documents import snapshot_document
from workbench.model.realm import Snapshot
from workbench.model.skill import Skill


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dev(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ, options.dev) as library:
        snapshot = library.gathered(library.read_all())
    if options.json:
        print_json(snapshot_document(snapshot))
        return 0
    _print(snapshot)
    return 0


def _print(snapshot: Snapshot) -> None:
    skills = [snapshot.skills[name] for name in sorted(snapshot.skills)]
    if not skills:
        write("no skills yet: `workbench new NAME` makes one")
        return
    for line in columns([_row(skill) for skill in skills], right=frozenset({2})):
        write(line)
    broken = [skill for skill in skills if skill.is_broken]
    for skill in broken:
        for finding in skill.findings:
            if finding.severity.breaks:
                for line in finding_lines(finding):
                    say(line)
    for skill in snapshot.shadowed:
        say(f"· {short_path(skill.path)} is hidden by a nearer skill of the name '{skill.name}'")


def _row(skill: Skill) -> tuple[str, ...]:
    revision = f"r{skill.revision}" if skill.revision else f"(r{skill.last_good})" if skill.last_good else "–"
    kind = skill.kind.value if skill.kind else "–"
    version = "–" if skill.is_broken and skill.manifest.version == "0.0.0" else skill.manifest.version
    about = skill.manifest.description
    if skill.is_broken and skill.last_good:
        about = f"r{skill.last_good} goes on answering"
    return GLYPHS[skill.state], skill.name, version, revision, kind, skill.scope.value, about
