"""The index of triggers: which of many stops, targets and trails the next price of a symbol fires."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from fairlead.domain.triggers.levels import Levels
from fairlead.domain.triggers.minimum_tree import ABSENT
from fairlead.domain.triggers.trails import Distance, Trails


class Crossing(StrEnum):
    """How a price reaches a trigger: it falls to it, or rises to it. Being there counts."""

    FALLING = "falling"
    RISING = "rising"


class TriggerIndex:
    """The triggers of one symbol and one series of its prices, by key.

    A level fires when the price is there or beyond. A trail follows the extreme price since it was set,
    the highest if it fires falling, and fires when the price has come back from there by its distance.
    Comparisons are exact: no price and no stop is rounded. A key fires once and is forgotten.
    What one price fires comes in ascending order of keys, whatever the kinds: the caller numbers them
    in the order that they are to act in.

    A price between the nearest triggers and extremes costs two comparisons, however many there are;
    see `Levels` and `Trails` for the others.
    """

    __slots__ = ("_falling", "_falling_trails", "_lower", "_rising", "_rising_trails", "_upper")

    def __init__(self) -> None:
        self._rising, self._rising_trails = Levels(), Trails()
        self._falling, self._falling_trails = Levels(), Trails()  # in negative prices
        self._lower, self._upper = -ABSENT, ABSENT

    def __len__(self) -> int:
        levels = len(self._rising) + len(self._falling)
        return levels + len(self._rising_trails) + len(self._falling_trails)

    def add_level(self, key: int, crossing: Crossing, level: Decimal) -> None:
        """Let a key fire at a level; a key that was there moves."""
        self.remove(key)
        if crossing is Crossing.RISING:
            self._rising.add(key, level)
        else:
            self._falling.add(key, level.copy_negate())
        self._settle()

    def add_trail(self, key: int, crossing: Crossing, distance: Distance, extreme: Decimal) -> None:
        """Let a key trail from an extreme on: the last price, or the one that it had seen before.

        Many that saw different extremes before are best added with those first that have seen most:
        the highest extreme of those that fire falling.
        """
        self.remove(key)
        if crossing is Crossing.RISING:
            self._rising_trails.add(key, distance, extreme)
        else:
            self._falling_trails.add(key, distance, extreme.copy_negate())
        self._settle()

    def remove(self, key: int) -> bool:
        """Forget a key; tell whether it was there."""
        parts = (self._rising, self._falling, self._rising_trails, self._falling_trails)
        is_known = any(part.remove(key) for part in parts)
        if is_known:
            self._settle()
        return is_known

    def level_of(self, key: int) -> Decimal | None:
        """Return the price at which a key would fire now; nothing for a key that is not there."""
        for part in (self._rising, self._rising_trails):
            if (level := part.level_of(key)) is not None:
                return level
        for part in (self._falling, self._falling_trails):
            if (level := part.level_of(key)) is not None:
                return level.copy_negate()
        return None

    def extreme_of(self, key: int) -> Decimal | None:
        """Return the extreme price that a trail has seen; nothing for any other key."""
        low = self._rising_trails.low_of(key)
        if low is not None:
            return low
        high = self._falling_trails.low_of(key)
        return None if high is None else high.copy_negate()

    def take(self, price: Decimal) -> Sequence[int]:
        """Take the next price, move the trails, and return the keys that fire, ascending."""
        if self._lower < price < self._upper:
            return ()
        return self._act(price)

    def _act(self, price: Decimal) -> Sequence[int]:
        negative = price.copy_negate()
        self._rising_trails.fall_to(price)
        self._falling_trails.fall_to(negative)
        fired = [*self._rising.fire(price), *self._rising_trails.fire(price)]
        fired += self._falling.fire(negative)
        fired += self._falling_trails.fire(negative)
        self._settle()
        fired.sort()
        return fired

    def _settle(self) -> None:
        """Say between which prices nothing happens: no trigger fires there and no extreme moves."""
        rising, falling = self._rising_trails, self._falling_trails
        nearest_below = min(self._falling.least, falling.least).copy_negate()
        self._lower = max(nearest_below, rising.low)
        nearest_above = min(self._rising.least, rising.least)
        self._upper = min(nearest_above, falling.low.copy_negate())
