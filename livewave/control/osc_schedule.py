"""What bundles dated in the future will do, in a bounded heap."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

LEAD_S = 0.05
LONGEST_S = 10.0
CAPACITY = 4096

Item = TypeVar("Item")


class Schedule(Generic[Item]):
    """Items by the moment they belong to. They leave `LEAD_S` before it, so that the performer can place them exactly.

    Thread: the one that receives. Nothing here waits.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._heap: list[tuple[float, int, Item]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, at_s: float, item: Item) -> bool:
        """False when it is full."""
        if len(self._heap) >= self._capacity:
            return False
        heapq.heappush(self._heap, (at_s, next(self._order), item))
        return True

    def due(self, now_s: float) -> list[tuple[float, Item]]:
        """Take what belongs to a moment before now + LEAD_S, in order; items of one moment in the order they came."""
        taken = []
        while self._heap and self._heap[0][0] <= now_s + LEAD_S:
            at_s, _order, item = heapq.heappop(self._heap)
            taken.append((at_s, item))
        return taken

    def wait_s(self, now_s: float, longest_s: float) -> float:
        """How long until something is due, at most `longest_s`."""
        if not self._heap:
            return longest_s
        return min(longest_s, max(0.0, self._heap[0][0] - LEAD_S - now_s))

    def forget(self, unwanted: Callable[[Item], bool]) -> None:
        """Whatever of it is unwanted will not leave."""
        self._heap = [entry for entry in self._heap if not unwanted(entry[2])]
        heapq.heapify(self._heap)

    def clear(self) -> list[Item]:
        """Forget everything; what that was."""
        forgotten, self._heap = [item for _at_s, _order, item in self._heap], []
        return forgotten
