"""Have skills refused until they are enabled again, whoever asks; saves are still read."""

from __future__ import annotations

import argparse

from workbench.cli.enable_command import add_arguments, switched

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> int:
    return switched(options, lambda workbench: workbench.disable)
