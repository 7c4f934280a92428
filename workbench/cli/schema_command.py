"""Print a JSON Schema that ships; name it in "$schema" and editors complete the file."""

from __future__ import annotations

import argparse
import sys

from workbench.model.errors import WrongUse
from workbench.model.schema import NAMES, schema_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="skill", help=f"one of: {', '.join(NAMES)} (default: skill)")
    parser.add_argument("--json", action="store_true", help="the schema is JSON anyway")


def run(options: argparse.Namespace) -> int:
    if options.name not in NAMES:
        raise WrongUse(f"there is no schema '{options.name}'", hint=f"there are: {', '.join(NAMES)}")
    sys.stdout.write(schema_text(options.name))
    return 0
