"""A law of counting: a JSON text holds as many lists and objects as its value does, wherever it is cut into pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.runtime.texts.json_parts import brackets, lists_and_objects

texts = st.text(st.sampled_from('[]{}"\\\\\\ aä\n'), max_size=12)
values = st.recursive(
    texts | st.integers() | st.none(), lambda below: st.lists(below) | st.dictionaries(texts, below), max_leaves=20
)


def parts_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(parts_of, value.values()))
    return 1 + sum(map(parts_of, value)) if isinstance(value, list) else 0


@pytest.mark.exhaustive
@settings(max_examples=400, deadline=None, database=None)
@given(values, st.integers(1, 40), st.booleans())
def test_lists_and_objects_are_counted_without_those_within_texts(value: object, piece: int, is_ascii: bool) -> None:
    data = json.dumps(value, ensure_ascii=is_ascii).encode()

    counted = lists_and_objects(data, piece)

    assert counted == parts_of(value)
    assert brackets(data) >= counted
