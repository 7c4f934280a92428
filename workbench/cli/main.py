"""The command line: finds the command, imports only that one, and turns what it meets into words and exit codes."""

from __future__ import annotations

import sys
from importlib import import_module

from workbench import __version__

COMMANDS = {
    "app": "open the app (also: `workbench`, `workbench PATH`)",
    "list": "every skill, and how it stands",
    "show": "one skill: what it says, takes and gives",
    "run": "run a skill",
    "runs": "what ran, and how it ended",
    "test": "run the tests that lie beside skills",
    "reload": "read skills again, and load them in processes of their own",
    "history": "the accepted revisions of a skill",
    "diff": "what changed between two revisions, and whether it breaks who calls it",
    "rollback": "have a skill be what it was",
    "enable": "let disabled skills run again",
    "disable": "have skills refused until they are enabled again",
    "approve": "allow a skill what its manifest does not get it, or take that back",
    "rename": "give a skill another name; its history goes along",
    "dev": "sessions beside the workspace: begun, compared, promoted, closed",
    "validate": "what can be seen to be wrong, with its place and a hint",
    "new": "make a skill from a template",
    "watch": "reload what is saved, one line for each event",
    "gc": "take away files of old revisions, and what old runs left",
    "doctor": "what works on this machine, and what is enforced",
    "schema": "print a JSON Schema that editors can use",
}

USAGE = f"""\
usage: workbench [PATH] | workbench COMMAND …

{{commands}}

`workbench COMMAND --help` tells more. Workbench {__version__}
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in ("--version", "-V"):
        print(f"workbench {__version__}")
        return 0
    if arguments and arguments[0] in ("--help", "-h", "help"):
        print(_usage(), end="")
        return 0
    if not arguments or (arguments[0] not in COMMANDS and _is_a_folder(arguments[0])):
        arguments = ["app", *arguments]
    if arguments[0] not in COMMANDS:
        return _unknown(arguments[0])
    from workbench.cli.frame import run_command

    return run_command(arguments[0], import_module(f"workbench.cli.{arguments[0]}_command"), arguments[1:])


def _is_a_folder(word: str) -> bool:
    import os

    return os.path.isdir(word)


def _usage() -> str:
    width = max(map(len, COMMANDS))
    return USAGE.format(commands="\n".join(f"  {name:<{width}}  {help_}" for name, help_ in COMMANDS.items()))


def _unknown(word: str) -> int:
    import difflib

    if "/" in word:
        print(f"workbench: there is no folder '{word}'  (the app opens a workspace by its folder)", file=sys.stderr)
        return 2
    near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else "`workbench --help` lists the commands"
    print(f"workbench: there is no command '{word}'  ({hint})", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
