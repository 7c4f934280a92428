"""The busy workers whose calls overlap: who comes while one is busy may ask it, too, and the last one gives it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from workbench.runtime.workers.waiting import Key
from workbench.runtime.workers.worker import Terms, Worker

MOST_REMEMBERED = 1_000


class Shared:
    """How many hold each busy worker. One that does not overlap is held by one alone."""

    def __init__(self) -> None:
        self._held: dict[Worker, tuple[Key, int]] = {}
        self._loading: dict[Key, anyio.Event] = {}
        self._for_one: dict[Key, None] = {}

    def joined(self, key: Key, terms: Terms) -> Worker | None:
        """A busy one of this revision that takes one call more, held by one more from now on.

        The one that has been busy longest, so that the others come to an end and leave their place to somebody else.
        """
        for worker, (each, holders) in self._held.items():
            if each == key and worker.terms == terms and worker.takes_more:
                self._held[worker] = (key, holders + 1)
                return worker
        return None

    def loading(self, key: Key) -> anyio.Event | None:
        """When there will be one to join, perhaps: somebody is just loading it, and it is not known to be for one."""
        return self._loading.get(key)

    @contextmanager
    def loads(self, key: Key) -> Iterator[None]:
        """While the block lasts others wait, unless they could not join what it loads."""
        if key in self._for_one or key in self._loading:
            yield
            return
        self._loading[key] = anyio.Event()
        try:
            yield
        finally:
            self._loading.pop(key).set()

    def taken(self, key: Key, worker: Worker) -> None:
        """Somebody holds it, and nobody else yet."""
        self._held[worker] = (key, 1)
        if not worker.overlaps:
            self._for_one[key] = None
            if len(self._for_one) > MOST_REMEMBERED:
                del self._for_one[next(iter(self._for_one))]

    def drain(self, key: Key) -> None:
        """Have the busy ones of a revision end once their calls have."""
        for worker, (each, _) in self._held.items():
            worker.is_draining = worker.is_draining or each == key

    def left(self, worker: Worker) -> bool:
        """Whether whoever leaves it now was the last one."""
        key, holders = self._held[worker]
        if holders > 1:
            self._held[worker] = (key, holders - 1)
        else:
            del self._held[worker]
        return holders == 1
