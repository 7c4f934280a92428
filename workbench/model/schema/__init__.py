"""The JSON Schemas that ship, read when they are asked for."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

NAMES = ("skill",)


def schema_text(name: str) -> str:
    """The text of a shipped schema."""
    return files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")


@cache
def load_schema(name: str) -> dict[str, object]:
    """A shipped schema; the caller does not change it."""
    schema: dict[str, object] = json.loads(schema_text(name))
    return schema
