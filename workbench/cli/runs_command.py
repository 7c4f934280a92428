"""What ran, newest first, and how it ended. A run whose workbench was killed is lost, and says so."""

from __future__ import annotations

import argparse
import os

from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import columns, write
from workbench.model.run import Status
from workbench.model.words import ago, duration

GLYPHS = {
    Status.COMPLETED: "✓ completed",
    Status.FAILED: "✕ failed",
    Status.TIMED_OUT: "✕ timed out",
    Status.REJECTED: "⊘ rejected",
    Status.CANCELLED: "◌ cancelled",
    Status.LOST: "? lost",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("skill", nargs="?", default="", help="only this skill's")
    parser.add_argument("--failed", action="store_true", help="only those that did not complete")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default: 50)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ) as library:
        runs = library.history.runs(skill=options.skill, failed_only=options.failed, most=max(1, options.limit))
    if options.json:
        print_json({"runs": [past.document() for past in runs]})
        return 0
    if not runs:
        write("nothing ran yet: `workbench run NAME` runs a skill")
    rows = [
        (
            GLYPHS.get(past.status, past.status.value),
            past.skill,
            f"r{past.revision}" if past.revision else "–",
            duration(past.duration_ms),
            ago(past.started_at),
            past.error,
            past.id,
        )
        for past in runs
    ]
    for line in columns(rows, right=frozenset({3, 4})):
        write(line)
    return 0
