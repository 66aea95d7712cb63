"""A row of numbers whose least is known: of the whole row, and of any part of it."""

from __future__ import annotations

from decimal import Decimal

ABSENT = Decimal("Infinity")  # fixed: no number is greater
"""What stands in a place without a number; greater than every number."""


class MinimumTree:
    """Numbers at places 0, 1, 2, ...; reading or writing one costs O(log n), a new place as well, amortised.

    A segment tree: each number of the upper half of the list stands at a place, and each in the lower
    half is the least of the two below it, numbers 2n and 2n + 1.
    """

    __slots__ = ("_minima", "_width")

    def __init__(self) -> None:
        self._width = 1
        self._minima = [ABSENT, ABSENT]

    def set(self, place: int, number: Decimal) -> None:
        """Let a number stand at a place; `ABSENT` for none."""
        while place >= self._width:
            self._widen()
        minima = self._minima
        node = place + self._width
        minima[node] = number
        while node > 1:
            node //= 2
            left, right = minima[2 * node], minima[2 * node + 1]
            least = min(left, right)
            if minima[node] == least:
                return
            minima[node] = least

    def get(self, place: int) -> Decimal:
        """Return the number at a place; `ABSENT` where there is none."""
        return self._minima[place + self._width] if place < self._width else ABSENT

    def minimum(self, first: int, end: int) -> Decimal:
        """Return the least number from the place *first* up to, and without, the place *end*."""
        minima = self._minima
        least = ABSENT
        left, right = first + self._width, min(end, self._width) + self._width
        while left < right:
            if left % 2:
                least = min(least, minima[left])
                left += 1
            if right % 2:
                right -= 1
                least = min(least, minima[right])
            left //= 2
            right //= 2
        return least

    def first_at_most(self, first: int, bound: Decimal) -> int:
        """Return the first place, from *first* on, with a number of at most *bound*; there must be one."""
        minima = self._minima
        node = first + self._width
        while True:
            while node % 2 == 0:
                node //= 2  # what lies below its parent begins at the same place
            if minima[node] <= bound:
                break
            node += 1
        while node < self._width:
            node *= 2
            if minima[node] > bound:
                node += 1
        return node - self._width

    def _widen(self) -> None:
        numbers = self._minima[self._width :]
        numbers += [ABSENT] * self._width
        self._width *= 2
        minima = [ABSENT] * self._width + numbers
        for node in range(self._width - 1, 0, -1):
            minima[node] = min(minima[2 * node], minima[2 * node + 1])
        self._minima = minima
