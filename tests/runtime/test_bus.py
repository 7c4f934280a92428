"""The bus: who listens hears, who is slow is told so, nobody is waited for."""

from __future__ import annotations

import pytest

from workbench.model.events import SkillUnregistered
from workbench.runtime.bus import Bus


def event(number: int) -> SkillUnregistered:
    return SkillUnregistered(at=float(number), skill="sample")


def test_everyone_who_listens_hears_every_event() -> None:
    bus = Bus()
    with bus.subscribe() as first, bus.subscribe() as second:
        bus.publish(event(1))
        assert first.drain() == second.drain() == (event(1),)


def test_a_slow_listener_loses_the_oldest_and_is_told_how_many() -> None:
    bus = Bus()
    with bus.subscribe(capacity=2) as slow:
        for number in range(5):
            bus.publish(event(number))
        assert slow.dropped == 3
        assert slow.drain() == (event(3), event(4))


def test_who_stopped_listening_hears_nothing_more() -> None:
    bus = Bus()
    with bus.subscribe() as gone:
        pass
    bus.publish(event(1))
    assert gone.drain() == ()


@pytest.mark.anyio
async def test_a_listener_waits_for_the_next_event() -> None:
    bus = Bus()
    with bus.subscribe() as events:
        bus.publish(event(7))
        assert await anext(events) == event(7)
