"""The app's parent: waits for it, gives the terminal back however it ended, and says where what was unsaved lies.

It forks before anything heavy is imported, and stays small. It is not the warden: that one has a session of its own,
for its children's weight, and whoever leads a job of a terminal cannot leave the terminal's session.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from workbench.runtime.atomic import nameless_file

# What the app may have switched on, each switched off: the mouse's six ways, focus, paste, sizes, keys, the screen.
TERMINAL_RESET = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?2026l"
    "\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h"
)
GRACE_SECONDS = 3
FORWARDED = (signal.SIGTERM, signal.SIGHUP)
Attributes = list[Any]


def kept(app: Callable[[IO[bytes], int], int], last_words: Callable[[], str]) -> int:
    """Run the app in a child: there it returns what the app does, here the same once the child has ended.

    Where signal n ended the child, that is 128 + n.

    The app is given a file for a native crash's traceback, and a descriptor that reads as closed once the keeper is
    gone. `last_words` tells, after a crash, where what was unsaved lies.
    """
    before = termios.tcgetattr(sys.stdin.fileno())
    crash = nameless_file()
    ours, theirs = os.pipe()
    os.set_inheritable(ours, False)
    child = os.fork()
    if child == 0:
        os.close(theirs)
        return app(crash, ours)
    os.close(ours)
    status = _waited(child, before)
    os.close(theirs)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    _restore(before)
    number = os.WTERMSIG(status)
    with suppress(OSError):  # the terminal itself may be gone
        print(f"workbench: the app was ended by {signal.Signals(number).name}", file=sys.stderr)
        for words in (_kept_traceback(crash), last_words()):
            if words:
                print(f"  {words}", file=sys.stderr)
    return 128 + number


def _waited(child: int, before: Attributes) -> int:
    """The child's end. Meanwhile: what is sent to us is sent on to it, and when it stops, so do we."""

    def forward(number: int, _: object) -> None:
        """A terminal that is gone can keep its reader busy for ever: after a moment the app is ended all the same."""
        _send(child, number)
        signal.alarm(GRACE_SECONDS)

    for number in FORWARDED:
        signal.signal(number, forward)
    signal.signal(signal.SIGALRM, lambda *_: _send(child, signal.SIGKILL))
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status
        _restore(before)
        os.kill(os.getpid(), signal.SIGSTOP)
        _send(child, signal.SIGCONT)


def _send(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:
        return


def _restore(before: Attributes) -> None:
    try:
        os.write(sys.stderr.fileno(), TERMINAL_RESET.encode())
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSAFLUSH, before)
    except (OSError, termios.error):
        return  # the terminal itself is gone


def _kept_traceback(crash: IO[bytes]) -> str:
    """Where the traceback of a native crash was put; nothing where there is none."""
    crash.seek(0)
    text = crash.read()
    if not text:
        return ""
    from workbench.runtime.places import user_state_folder

    folder = f"{user_state_folder(os.environ)}/crashes"
    path = f"{folder}/{os.getpid()}.txt"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(path, "wb") as file:
            file.write(text)
    except OSError:
        return text.decode("utf-8", "replace").strip()
    return f"where it was at that moment: {path}"
