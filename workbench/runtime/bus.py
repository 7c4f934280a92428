"""Tells everyone who listens what happened; a slow listener loses the oldest events and is told how many."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import anyio

from workbench.model.events import Event


class Subscription:
    """One listener's own bounded queue. Iterate over it; `dropped` counts what it was too slow for."""

    def __init__(self, capacity: int) -> None:
        self._events: deque[Event] = deque(maxlen=capacity)
        self._wake = anyio.Event()
        self.dropped = 0

    def offer(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            self._wake = anyio.Event()
            await self._wake.wait()
        return self._events.popleft()

    def drain(self) -> tuple[Event, ...]:
        """Everything that is waiting now, without waiting for more."""
        waiting = tuple(self._events)
        self._events.clear()
        return waiting


class Bus:
    """Publishing never waits and never fails; nobody listening costs nothing."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    @contextmanager
    def subscribe(self, *, capacity: int = 1024) -> Iterator[Subscription]:
        """Listen from now until the block ends."""
        subscription = Subscription(capacity)
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def publish(self, event: Event) -> None:
        for subscription in self._subscriptions:
            subscription.offer(event)
