"""Copies text, and says what became of it: not every terminal takes what is sent to it, and none answers."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator, Mapping
from subprocess import DEVNULL

import anyio

from workbench.model.frozen import frozen
from workbench.model.words import counted
from workbench.runtime.atomic import nameless_file, write_atomically

MOST_SENT = 74_000
PROGRAM_SECONDS = 2.0
# Each with the variable that says that there is something for it to copy to.
PROGRAMS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("", ("pbcopy",)),
    ("", ("clip.exe",)),
)


@frozen
class Copied:
    """What was done with a text: the words for a person, and what is to be written to the terminal, if anything."""

    words: str
    sequence: str = ""


async def copy(text: str, environ: Mapping[str, str], folder: str) -> Copied:
    """Give the text to the system's clipboard; else to the terminal, and to a file for when that does not listen."""
    what = counted(len(text), "character")
    if not text:
        return Copied(words="there is nothing to copy")
    for program, *options in _programs(environ):
        if await _given_to((program, *options), text, environ):
            return Copied(words=f"{what} copied ({os.path.basename(program)})")
    path = f"{folder}/clipboard.txt"
    kept = _written(path, text)
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(encoded) > MOST_SENT:
        words = f"too long for the terminal's clipboard; {what} are in {path}" if kept else "too long to copy"
        return Copied(words=words)
    behind = f"; if yours does not take it: {path}" if kept else ""
    return Copied(words=f"{what} sent to the terminal's clipboard{behind}", sequence=f"\x1b]52;c;{encoded}\a")


def _programs(environ: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    path = environ.get("PATH")
    for variable, (name, *options) in PROGRAMS:
        if (not variable or environ.get(variable)) and (program := shutil.which(name, path=path)):
            yield program, *options


async def _given_to(command: tuple[str, ...], text: str, environ: Mapping[str, str]) -> bool:
    """Whether the program took it. Some stay in the background with their output open: only their end counts."""
    try:
        with anyio.fail_after(PROGRAM_SECONDS):
            # A file and not a pipe: a program may end without having read all of it.
            with nameless_file() as file:
                file.write(text.encode("utf-8", "replace"))
                file.seek(0)
                done = await anyio.run_process(
                    command, stdin=file, stdout=DEVNULL, stderr=DEVNULL, check=False, env=environ
                )
    except (OSError, TimeoutError):
        return False
    return done.returncode == 0


def _written(path: str, text: str) -> bool:
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "replace"), mode=0o600)
    except OSError:
        return False
    return True
