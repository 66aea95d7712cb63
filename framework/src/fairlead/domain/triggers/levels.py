"""Levels that stand still: stops and targets that fire once the price rises to them."""

from __future__ import annotations

from decimal import Decimal
from heapq import heapify, heappop, heappush

from fairlead.domain.triggers.minimum_tree import ABSENT

# fixed: below so many a rebuild saves nothing
DEAD_MIN = 64
"""So many levels that were removed are kept at least before the heap is built anew."""


class Levels:
    """Levels by key. Adding, removing and firing one costs O(log n), amortised; *least* is there at once.

    A level that falls is put in as its negative, and so is the price.
    """

    __slots__ = ("_heap", "_levels", "least")

    def __init__(self) -> None:
        self.least = ABSENT
        self._levels: dict[int, Decimal] = {}
        self._heap: list[tuple[Decimal, int]] = []

    def __len__(self) -> int:
        return len(self._levels)

    def add(self, key: int, level: Decimal) -> None:
        """Let a key fire at a level; one that was there moves."""
        self._levels[key] = level
        heappush(self._heap, (level, key))
        self._settle()

    def remove(self, key: int) -> bool:
        """Forget a key; tell whether it was there."""
        if self._levels.pop(key, None) is None:
            return False
        self._settle()
        return True

    def level_of(self, key: int) -> Decimal | None:
        """Return the level of a key."""
        return self._levels.get(key)

    def fire(self, price: Decimal) -> list[int]:
        """Return the keys whose level the price has reached, and forget them."""
        fired = []
        while self.least <= price:
            _, key = heappop(self._heap)
            del self._levels[key]
            fired.append(key)
            self._settle()
        return fired

    def _settle(self) -> None:
        """Let the heap begin with a level that still stands."""
        heap, levels = self._heap, self._levels
        if len(heap) > 2 * len(levels) + DEAD_MIN:
            heap[:] = [(level, key) for key, level in levels.items()]
            heapify(heap)
        while heap and levels.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        self.least = heap[0][0] if heap else ABSENT
