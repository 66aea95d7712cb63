"""What a slow reader must not miss: of the prices that it did not read, the lows and the highs.

A stop fires on a low or a high, of the trades, the bids or the asks. So for each of the three the
lowest and the highest are kept: at most six prices, in the order in which they came.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.prices import Quote, Trade


class Extremes:
    """The lowest and the highest trade, bid and ask among the prices added since the last `take`."""

    __slots__ = ("_added", "_highs", "_lows")

    def __init__(self) -> None:
        self._added = 0
        self._lows: dict[str, tuple[int, Decimal, Quote | Trade]] = {}
        self._highs: dict[str, tuple[int, Decimal, Quote | Trade]] = {}

    def add(self, given: Quote | Trade) -> None:
        """Take a price into account."""
        self._added += 1
        for series, figure in _figures_of(given):
            entry = (self._added, figure, given)
            if series not in self._lows or figure < self._lows[series][1]:
                self._lows[series] = entry
            if series not in self._highs or figure > self._highs[series][1]:
                self._highs[series] = entry

    def take(self) -> list[Quote | Trade]:
        """Return the extremes in the order in which they came, each once, and begin anew."""
        kept = {number: given for number, _, given in (*self._lows.values(), *self._highs.values())}
        self._lows.clear()
        self._highs.clear()
        return [kept[number] for number in sorted(kept)]


def _figures_of(given: Quote | Trade) -> tuple[tuple[str, Decimal], ...]:
    if type(given) is Trade:
        return (("trade", given.price),)
    assert type(given) is Quote  # the other of the two; narrows the type
    return ("bid", given.bid), ("ask", given.ask)
