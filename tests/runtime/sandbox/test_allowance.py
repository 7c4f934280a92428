"""Processor time at ordinary weight, and what comes after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.runtime.sandbox.warden.allowance import AT_ONCE_SECONDS, Allowance


def test_short_work_is_done_at_ordinary_weight_however_often_it_comes() -> None:
    allowance = Allowance(0.8, 0.0)
    for look in range(1, 500):
        allowance.spend(0.08, look * 0.1)  # a save each 200 ms, say
        assert not allowance.is_spent


def test_who_works_on_gives_way_and_who_rests_has_it_again() -> None:
    allowance = Allowance(0.8, 0.0)
    now = 0.0
    while not allowance.is_spent:
        now += 0.02
        allowance.spend(0.04, now)  # two cores
    assert 0.3 < now < 0.5
    for _ in range(20):
        now += 0.02
        allowance.spend(0.0, now)
    assert not allowance.is_spent


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 4)), max_size=60))
def test_no_history_gives_more_than_half_a_second_at_once(history: list[tuple[float, float]]) -> None:
    allowance, now = Allowance(0.5, 0.0), 0.0
    for passed, used in history:
        now += passed
        allowance.spend(used, now)
    allowance.spend(AT_ONCE_SECONDS + 0.001, now)
    assert allowance.is_spent
