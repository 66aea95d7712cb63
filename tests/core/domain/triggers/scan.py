"""The index of triggers as anyone would write it first: look at every trigger with every price."""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead.domain.triggers.index import Crossing
from fairlead.domain.triggers.trails import Distance


@attrs.define
class Waiting:
    """One trigger: a level, or an extreme with a distance."""

    crossing: Crossing
    level: Decimal
    distance: Distance | None = None

    def meets(self, price: Decimal) -> bool:
        """Move with the price, and tell whether it fires."""
        if self.distance is not None and self._is_beyond(price):
            self.level = price
        reached = self.fires_at()
        return price >= reached if self.crossing is Crossing.RISING else price <= reached

    def fires_at(self) -> Decimal:
        """Return the price at which it would fire now."""
        if self.distance is None:
            return self.level
        amount = self.distance.amount
        away = self.level * amount if self.distance.is_rate else amount
        return self.level + away if self.crossing is Crossing.RISING else self.level - away

    def _is_beyond(self, price: Decimal) -> bool:
        return price < self.level if self.crossing is Crossing.RISING else price > self.level


class Scan:
    """Every trigger by key, with the interface of `TriggerIndex`."""

    def __init__(self) -> None:
        self.waiting: dict[int, Waiting] = {}

    def add_level(self, key: int, crossing: Crossing, level: Decimal) -> None:
        """Let a key fire at a level."""
        self.waiting[key] = Waiting(crossing, level)

    def add_trail(self, key: int, crossing: Crossing, distance: Distance, extreme: Decimal) -> None:
        """Let a key trail."""
        self.waiting[key] = Waiting(crossing, extreme, distance)

    def remove(self, key: int) -> bool:
        """Forget a key; tell whether it was there."""
        return self.waiting.pop(key, None) is not None

    def take(self, price: Decimal) -> list[int]:
        """Return what the price fires, and forget it."""
        fired = sorted(key for key, each in self.waiting.items() if each.meets(price))
        for key in fired:
            del self.waiting[key]
        return fired
