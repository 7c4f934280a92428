"""Take away what a workspace keeps and nobody comes back to: files of old revisions, what old runs left."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from workbench.cli.frame import add_json, print_json, workspace_of
from workbench.cli.paper import columns, say, write
from workbench.model.errors import WrongUse

if TYPE_CHECKING:
    from workbench.runtime.library.tidying import Leftover

KEPT_REVISIONS, KEPT_DAYS = 50, 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    keep = f"how many of each skill's newest revisions keep their files ({KEPT_REVISIONS}), besides those that answer"
    parser.add_argument("--keep", type=int, default=KEPT_REVISIONS, metavar="N", help=keep)
    parser.add_argument(
        "--days", type=float, default=KEPT_DAYS, metavar="D", help=f"how long what runs left is kept ({KEPT_DAYS:g})"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and leave it")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    from workbench.assembly import open_tidying

    if options.keep < 0 or not options.days >= 0:
        raise WrongUse("--keep and --days are 0 or more", hint="leave them out for what is usual")
    with open_tidying(workspace_of(options), os.environ, options.keep, options.days, time.time()) as tidying:
        found = tidying.found()
        gone = found if options.dry_run else tidying.take_away(found)
    stays = [each.path for each in found if each not in gone]
    if options.json:
        print_json(
            {
                "removed": not options.dry_run,
                "kinds": {kind: {"folders": many, "bytes": size} for kind, many, size in _by_kind(gone)},
                "not_removed": stays,
            }
        )
        return 3 if stays else 0
    verb = "would go" if options.dry_run else "gone"
    for line in columns(
        [[f"- {kind}", f"{many:,} {verb}", f"{size / 1e6:.1f} MB"] for kind, many, size in _by_kind(gone)]
    ):
        write(line)
    for path in stays:
        say(f"✕ {path} cannot be removed: look at its permissions")
    if not found:
        write("nothing is old enough to go")
    return 3 if stays else 0


def _by_kind(leftovers: tuple[Leftover, ...]) -> list[tuple[str, int, int]]:
    kinds = dict.fromkeys(each.kind for each in leftovers)
    return [
        (kind, sum(each.kind == kind for each in leftovers), sum(each.size for each in leftovers if each.kind == kind))
        for kind in kinds
    ]
