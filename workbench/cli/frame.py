"""What every command shares: how it is parsed, where words go, and what an error becomes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn

from workbench.model.errors import ExitCode, WorkbenchError, WrongUse


class Parser(argparse.ArgumentParser):
    """Wrong usage is raised, so that `--json` can answer it in JSON."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(message, hint=f"`{self.prog} --help` shows how it is called")


def run_command(name: str, module: ModuleType, arguments: Sequence[str]) -> int:
    """Parse, run, and tell what went wrong; returns the exit code."""
    parser = Parser(prog=f"workbench {name}", description=module.__doc__, allow_abbrev=False)
    parser.add_argument("--workspace", metavar="PATH", help="the workspace (default: here, or the nearest one above)")
    module.add_arguments(parser)
    wants_json = "--json" in arguments
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options = parser.parse_args(list(arguments))
        command: Callable[[argparse.Namespace], int] = module.run
        return _flushed(command(options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.DONE
    except WorkbenchError as error:
        return _told(error, wants_json=wants_json)
    except Exception as error:  # noqa: BLE001  the top of this edge
        traceback.print_exc()
        hint = "please report what is printed above"
        return _told(WorkbenchError(f"an error of the workbench's own: {error!r}", hint=hint), wants_json=wants_json)


def _interrupt(*_: object) -> None:
    """A polite request to end is an interruption, also where ctrl+c is not listened to."""
    raise KeyboardInterrupt


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")


def add_dev(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dev", metavar="NAME", default="main", help="in this dev session (default: the workspace)")


def print_json(document: Any) -> None:
    """One document on stdout. Names that are not UTF-8 are shown escaped, never a crash."""
    text = json.dumps(document, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, default=str)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.flush()


def workspace_of(options: argparse.Namespace) -> str:
    """The workspace that was named, or the nearest one."""
    from workbench.configuration import nearest_workspace

    return options.workspace or nearest_workspace(os.getcwd())


def _flushed(code: int) -> int:
    sys.stdout.flush()
    return code


def _told(error: WorkbenchError, *, wants_json: bool) -> int:
    if wants_json:
        print_json({"error": {"kind": error.kind, "message": error.message, "hint": error.hint}})
    else:
        hint = f"\n  {error.hint}" if error.hint else ""
        print(f"workbench: {error.message}{hint}", file=sys.stderr)
    return error.exit_code
