"""Stops that trail: each stays its distance above the lowest price since it was set, and fires there.

Stops that have seen the same low share it, so a new low moves all of them at once. They stand in a row,
the oldest first: whoever was set later has seen less, so its low is no lower. A price below some of these
lows is the low of all of them from then on; they are neighbours, the youngest of the row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from decimal import Decimal

import attrs

from fairlead.domain.numbers import add, multiply
from fairlead.domain.triggers.levels import DEAD_MIN
from fairlead.domain.triggers.minimum_tree import ABSENT, MinimumTree


@attrs.frozen
class Distance:
    """How far a stop stays from the extreme: *amount* in price, or a share of the extreme if *is_rate*."""

    amount: Decimal
    is_rate: bool = False

    def from_extreme(self, extreme: Decimal) -> Decimal:
        """Return the price that far above an extreme, which may be negative."""
        if self.amount == ABSENT:
            return ABSENT
        return add(extreme, multiply(extreme.copy_abs(), self.amount) if self.is_rate else self.amount)


class Trails:
    """Trailing stops by key, for a price that falls and then rises again.

    One that trails a rising price is put in with negative prices. What each operation costs, with n
    stops: a price that is no new low and fires nothing need not be asked for, since *least* and *low*
    tell; a new low O(log n), and O(1) as long as it goes on falling; adding, removing and firing one
    O(log n), amortised. Only setting a stop with a low below one that a stop has seen already builds
    the whole row anew, in O(n log n).
    """

    __slots__ = (
        "_amounts",
        "_group_stops",
        "_keys",
        "_lows",
        "_older",
        "_places",
        "_rates",
        "_starts",
        "_youngest",
        "least",
    )

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._keys: list[int | None] = []
        self._places: dict[int, int] = {}
        self._amounts, self._rates = MinimumTree(), MinimumTree()
        self._starts: list[int] = []  # the first place of each group
        self._lows: list[Decimal] = []  # of each group, ascending
        self._group_stops = MinimumTree()  # of each group but the youngest; what stands behind is stale
        self._older = ABSENT  # the least of these
        self._youngest = (Distance(ABSENT), Distance(ABSENT, is_rate=True))
        self.least = ABSENT

    def __len__(self) -> int:
        return len(self._places)

    @property
    def low(self) -> Decimal:
        """Return the low that the next lower price replaces; `-ABSENT` when there is none."""
        return self._lows[-1] if self._lows else -ABSENT

    def add(self, key: int, distance: Distance, low: Decimal) -> None:
        """Let a key trail from a low on; one that was there begins anew."""
        self.remove(key)
        if self._lows and low < self._lows[-1]:
            self._rebuild([*self._rows(), (low, key, distance)])
        else:
            self._append(key, distance, low)

    def remove(self, key: int) -> bool:
        """Forget a key; tell whether it was there."""
        place = self._places.get(key)
        if place is None:
            return False
        self._drop(place)
        self._compact()
        return True

    def low_of(self, key: int) -> Decimal | None:
        """Return the lowest price that a key has seen."""
        place = self._places.get(key)
        return None if place is None else self._lows[self._group_of(place)]

    def level_of(self, key: int) -> Decimal | None:
        """Return the price at which a key would fire now."""
        place = self._places.get(key)
        if place is None:
            return None
        return self._distance_at(place).from_extreme(self._lows[self._group_of(place)])

    def fall_to(self, price: Decimal) -> None:
        """Let every stop whose low lies above the price trail from the price on."""
        lows = self._lows
        group = bisect_left(lows, price)
        last = len(lows) - 1
        if group > last:
            return
        if group < last:
            del lows[group + 1 :], self._starts[group + 1 :]
            self._youngest = self._nearest(group)
            self._older = self._group_stops.minimum(0, group)
        lows[group] = price
        self._settle()

    def fire(self, price: Decimal) -> list[int]:
        """Return the keys whose stop the price has reached, and forget them."""
        fired = []
        while self.least <= price:
            group = self._first_group(price)
            nearest = self._youngest if group == len(self._lows) - 1 else self._nearest(group)
            for distance in nearest:
                if distance.from_extreme(self._lows[group]) <= price:
                    place = self._tree_of(distance).first_at_most(self._starts[group], distance.amount)
                    key = self._keys[place]
                    assert key is not None  # it is only forgotten together with its distance
                    fired.append(key)
                    self._drop(place)
        self._compact()
        return fired

    # -- the row -----------------------------------------------------------------------------------

    def _append(self, key: int, distance: Distance, low: Decimal) -> None:
        place = len(self._keys)
        self._keys.append(key)
        self._places[key] = place
        self._tree_of(distance).set(place, distance.amount)
        if not self._lows or low > self._lows[-1]:
            self._begin_group(place, low)
        self._youngest = self._nearest(len(self._lows) - 1)
        self._settle()

    def _begin_group(self, place: int, low: Decimal) -> None:
        if self._lows:
            stop = self._stop_of(self._youngest, self._lows[-1])
            self._group_stops.set(len(self._lows) - 1, stop)
            self._older = min(self._older, stop)
        self._starts.append(place)
        self._lows.append(low)

    def _drop(self, place: int) -> None:
        key = self._keys[place]
        assert key is not None  # only places of keys that are there are dropped
        del self._places[key]
        self._tree_of(self._distance_at(place)).set(place, ABSENT)
        self._keys[place] = None
        group, last = self._group_of(place), len(self._lows) - 1
        if group == last:
            self._youngest = self._nearest(group)
        else:
            self._group_stops.set(group, self._stop_of(self._nearest(group), self._lows[group]))
            self._older = self._group_stops.minimum(0, last)
        self._settle()

    def _compact(self) -> None:
        if len(self._keys) > 2 * len(self._places) + DEAD_MIN:
            self._rebuild(self._rows())

    def _rebuild(self, rows: list[tuple[Decimal, int, Distance]]) -> None:
        self._clear()
        for low, key, distance in sorted(rows, key=lambda row: row[0]):
            self._append(key, distance, low)

    def _rows(self) -> list[tuple[Decimal, int, Distance]]:
        return [
            (self._lows[self._group_of(place)], key, self._distance_at(place))
            for place, key in enumerate(self._keys)
            if key is not None
        ]

    # -- groups ------------------------------------------------------------------------------------

    def _group_of(self, place: int) -> int:
        return bisect_right(self._starts, place) - 1

    def _first_group(self, price: Decimal) -> int:
        """Return the oldest group with a stop that the price has reached."""
        last = len(self._lows) - 1
        if self._older > price:
            return last
        return self._group_stops.first_at_most(0, price)

    def _nearest(self, group: int) -> tuple[Distance, Distance]:
        """Return the least distances of a group, in price and as a share."""
        first = self._starts[group]
        end = self._starts[group + 1] if group + 1 < len(self._starts) else len(self._keys)
        return (
            Distance(self._amounts.minimum(first, end)),
            Distance(self._rates.minimum(first, end), is_rate=True),
        )

    def _tree_of(self, distance: Distance) -> MinimumTree:
        return self._rates if distance.is_rate else self._amounts

    def _distance_at(self, place: int) -> Distance:
        amount = self._amounts.get(place)
        return Distance(self._rates.get(place), is_rate=True) if amount == ABSENT else Distance(amount)

    @staticmethod
    def _stop_of(nearest: tuple[Distance, Distance], low: Decimal) -> Decimal:
        by_amount, by_rate = nearest
        return min(by_amount.from_extreme(low), by_rate.from_extreme(low))

    def _settle(self) -> None:
        youngest = self._stop_of(self._youngest, self._lows[-1]) if self._lows else ABSENT
        self.least = min(youngest, self._older)
