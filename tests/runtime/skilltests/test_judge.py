"""Outcomes against expectations: what is told, and that nothing wrong passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.model.errors import ErrorKind
from workbench.model.run import Outcome, Status, failure
from workbench.runtime.skilltests.judge import at_path, problems_of

OUTPUT = {"words": 2, "items": [{"name": "a"}, {"name": "b"}], "text": "hello there"}
GOOD = Outcome(status=Status.COMPLETED, output=OUTPUT, duration_ms=5.0)
BAD = failure(ErrorKind.INPUT_INVALID, "text is wanted")


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"status": "completed"},
        {"output": OUTPUT},
        {"includes": {"words": 2}},
        {"includes": {"text": "there", "items": [{"name": "b"}]}},
        {"matches": "hello"},
        {"path": {"items[1].name": "b", "words": 2}},
        {"schema": {"required": ["words"], "properties": {"words": {"type": "integer"}}}},
        {"max_ms": 5},
    ],
)
def test_what_is_as_expected_has_no_problem(expect: dict[str, Any]) -> None:
    assert list(problems_of(expect, GOOD)) == []


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"status": "failed"}, "it ended as completed, and not as failed"),
        ({"output": {}}, "and not {}"),
        ({"includes": {"letters": 3}}, "the output has no 'letters'"),
        ({"includes": {"items": [{"name": "c"}]}}, 'the output.items has no item with {"name": "c"}'),
        ({"includes": {"text": "bye"}}, 'the output.text does not have "bye" in it'),
        ({"matches": "^bye"}, "nothing that matches '^bye'"),
        ({"path": {"items[2].name": "c"}}, "the output has no items[2].name"),
        ({"path": {"words": 3}}, "words is 2, and not 3"),
        ({"schema": {"required": ["letters"]}}, "the output does not fit its schema"),
        ({"max_ms": 4}, "it took 5 ms, and at most 4 are allowed"),
        ({"error": "timeout"}, "the error is none, and not timeout"),
        ({"message": "late"}, "the error's message has no 'late'"),
    ],
)
def test_what_is_not_as_expected_is_told(expect: dict[str, Any], words: str) -> None:
    told = list(problems_of(expect, GOOD))
    assert any(words in problem for problem in told), told


def test_a_failure_passes_only_where_it_is_expected() -> None:
    assert list(problems_of({"error": "input_invalid", "message": "wanted"}, BAD)) == []
    assert list(problems_of({"status": "rejected"}, BAD)) == []
    assert list(problems_of({}, BAD)) == ["it ended as rejected, and not as completed: text is wanted"]
    assert list(problems_of({"output": None, "error": "timeout"}, BAD)) == [
        "the error is input_invalid, and not timeout: text is wanted"
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_an_exact_output_passes_exactly_when_it_is_equal(wanted: Any, found: Any) -> None:
    outcome = Outcome(status=Status.COMPLETED, output=found)
    assert (not list(problems_of({"output": wanted}, outcome))) == (wanted == found)


@given(JSON)
def test_everything_includes_itself(value: Any) -> None:
    assert not list(problems_of({"includes": value}, Outcome(status=Status.COMPLETED, output=value)))


@given(JSON, st.text(max_size=12))
def test_no_path_raises(value: Any, path: str) -> None:
    at_path(value, path)
