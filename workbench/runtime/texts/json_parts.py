"""How many lists and objects a JSON text holds, counted before it is decoded: the decoder holds every thread up.

They are what decoding costs, far more than numbers and texts: each is looked through by the collector of cycles again
and again. So there is a bound on them, and the collector rests while many are made.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MOST_PARTS = 300_000
PIECE_BYTES = 1 << 16


def brackets(data: bytes) -> int:
    """No fewer than there are of them, at a glance: those within texts are counted too."""
    return data.count(b"[") + data.count(b"{")


def lists_and_objects(data: bytes, piece_bytes: int = PIECE_BYTES) -> int:
    """How many there are, without those within texts. Counted piece by piece, so that a thread may do it."""
    at, is_within_text, found = 0, 0, 0
    while piece := data[at : at + piece_bytes]:
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2 and at + len(piece) < len(data):
            piece = data[at : at + len(piece) + 1]
        at += len(piece)
        quoted = piece.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        outside = b"".join(quoted[is_within_text::2])
        found += outside.count(b"[") + outside.count(b"{")
        is_within_text ^= (len(quoted) - 1) % 2
    return found


def too_many(parts: int) -> str:
    """What is said of a result that holds so many."""
    return f"a result of {parts:,} lists and objects, and at most {MOST_PARTS:,} are taken"


@contextmanager
def uncollected() -> Iterator[None]:
    """While many lists and objects are made: none of them is garbage yet."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()
