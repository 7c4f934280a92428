"""The JSON Schemas that ship, read when they are asked for."""

from __future__ import annotations

import json
import os
from functools import cache

NAMES = ("skill", "test")


def schema_text(name: str) -> str:
    """The text of a shipped schema."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.json"), encoding="utf-8") as file:
        return file.read()


@cache
def load_schema(name: str) -> dict[str, object]:
    """A shipped schema; the caller does not change it."""
    schema: dict[str, object] = json.loads(schema_text(name))
    return schema
