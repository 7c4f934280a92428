"""What ran, newest first, and how it ended. A run whose workbench was killed is lost, and says so."""

from __future__ import annotations

import argparse
import os

from workbench.cli.frame import add_dev, add_json, print_json, workspace_of
from workbench.cli.paper import columns, write
from workbench.model.run import Status
from workbench.model.skill import parse_ref
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
    parser.add_argument("what", nargs="?", default="", help="a skill, for its runs; a run's id, for all of it")
    parser.add_argument("--failed", action="store_true", help="only those that did not complete")
    parser.add_argument("--limit", type=_positive, default=50, metavar="N", help="at most so many (default: 50)")
    add_dev(parser)
    add_json(parser)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_library
    from workbench.configuration import read_settings

    settings = read_settings(workspace_of(options), os.environ)
    with open_library(settings, os.environ, options.dev) as library:
        one = library.history.one(options.what) if options.what else None
        if one is not None:
            print_json(one)
            return 0
        runs = library.history.runs(skill=options.what, failed_only=options.failed, most=options.limit)
        if options.what and not runs:
            library.find(library.gathered(library.read_all()), parse_ref(options.what))
    if options.json:
        print_json({"runs": [past.document() for past in runs]})
        return 0
    if not runs:
        write(f"nothing ran yet: `workbench run {options.what or 'NAME'}` runs it")
    rows = [
        (
            GLYPHS.get(past.status, past.status.value),
            past.skill,
            f"r{past.revision}" if past.revision else "–",
            duration(past.duration_ms),
            ago(past.started_at),
            past.id,
            past.error,
        )
        for past in runs
    ]
    for line in columns(rows, right=frozenset({3, 4})):
        write(line)
    return 0
