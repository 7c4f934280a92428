"""What went wrong in a worker as its author sees it: an exception, or a result that is too large.

Standard library only; loaded where one is to be told.
"""

from __future__ import annotations

import linecache
import os
import re
import traceback


def told(error: BaseException, folder: str) -> dict[str, object]:
    """An exception as the author sees it: their own frames, the last of them as the place."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"{folder}/")]
    trace = [
        {
            "file": os.path.relpath(frame.filename, folder),
            "line": frame.lineno,
            "function": frame.name,
            "text": (frame.line or "")[:200],
        }
        for frame in frames[-20:]
    ]
    if isinstance(error, SyntaxError) and str(error.filename).startswith(f"{folder}/"):
        file = os.path.relpath(str(error.filename), folder)
        trace.append({"file": file, "line": error.lineno or 1, "column": error.offset or 1, "function": "", "text": ""})
    try:
        words = str(error) if not isinstance(error, SyntaxError) else error.msg
    except BaseException:  # noqa: BLE001  an exception of a stranger's may fail at being shown
        words = "(its message cannot be shown)"
    linecache.clearcache()
    return {"message": f"{type(error).__name__}: {words}"[:2000] if words else type(error).__name__, "trace": trace}


def too_large(body: bytes, most: int, most_parts: int) -> str:
    """Why a frame with a result is not sent; nothing where it is. The frame is an object too."""
    if len(body) > most:
        size = f"{len(body) / 1e6:.0f} MB, and at most {most / 1e6:.0f} MB is taken"
        return f"a result of {size}; write it to a file in context.out"
    bare = re.sub(rb'"[^"\\]*(?:\\.[^"\\]*)*"', b"", body)
    parts = bare.count(b"[") + bare.count(b"{") - 1
    if parts > most_parts:
        size = f"{parts:,} lists and objects, and at most {most_parts:,} are taken"
        return f"a result of {size}; write it to a file in context.out"
    return ""
