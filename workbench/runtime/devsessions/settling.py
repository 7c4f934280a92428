"""When is a save over? A file that nobody holds open for writing is whole; an empty or missing one may be coming."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from enum import Enum

import anyio

LOOK_AGAIN_SECONDS = 0.01
GONE_AFTER_SECONDS = 0.3
NEVER_SETTLES_SECONDS = 5.0


class Look(Enum):
    """What one look at a file shows."""

    WHOLE = "whole"
    BEING_WRITTEN = "being written"
    CANNOT_TELL = "cannot tell"
    EMPTY_OR_GONE = "empty or gone"


async def settled(path: str) -> bool:
    """Wait until a save of this file is over; whether there is a file with something in it then."""
    with anyio.move_on_after(NEVER_SETTLES_SECONDS):
        gone_for = 0.0
        before: tuple[int, int, int] | None = None
        while True:
            look = look_at(path)
            if look is Look.WHOLE:
                return True
            if look is Look.CANNOT_TELL:
                now = _stamp(path)
                if now == before and now is not None:
                    return True
                before = now
            if look is Look.EMPTY_OR_GONE:
                if gone_for >= GONE_AFTER_SECONDS:
                    return False
                gone_for += LOOK_AGAIN_SECONDS
            await anyio.sleep(LOOK_AGAIN_SECONDS)
    return os.path.exists(path)


def look_at(path: str) -> Look:
    """The kernel knows who has a file open for writing: it grants a read lease only when nobody has."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return Look.EMPTY_OR_GONE
    try:
        if os.fstat(descriptor).st_size == 0:
            return Look.EMPTY_OR_GONE
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return Look.BEING_WRITTEN if error.errno == errno.EAGAIN else Look.CANNOT_TELL
    else:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return Look.WHOLE
    finally:
        os.close(descriptor)


def ignore_lease_breaks() -> None:
    """Whoever opens a file for writing while a lease is on it makes the kernel send SIGIO, which would end us."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
