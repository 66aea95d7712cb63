"""The price of one symbol as the engine holds it: the last quote and trade, and whether to believe them.

A price ages from its own time; a heartbeat of its feed says that nothing newer happened and makes it
young again. One that lies further from the last than the jump band is put aside as *suspect* until a
second price near it confirms it, or one near the last refutes it. Meanwhile the symbol has no usable
price at all: the last one may be over, and the new one may be an error.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import attrs

from fairlead.domain.numbers import QUANTISING
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.prices import Price, Quote, Trade


@attrs.define(slots=True)
class PriceLimits:
    """Constants of a kernel: durations in nanoseconds, *jump_band* a fraction of the last price."""

    max_age_ns: int
    ahead_max_ns: int
    jump_band: Decimal

    def is_fresh(self, time_ns: int, now_ns: int) -> bool:
        """Tell whether something of that time is young, and not of the future (the clock was put back)."""
        return -self.ahead_max_ns <= now_ns - time_ns <= self.max_age_ns

    def is_jump(self, figure: Decimal, last: Decimal) -> bool:
        """Tell whether a figure lies outside the band around the last."""
        distance = QUANTISING.subtract(figure, last).copy_abs()
        return distance > QUANTISING.multiply(last, self.jump_band)


@attrs.define(slots=True, eq=False)
class Source:
    """Who gives prices; *alive_ns* is the last heartbeat for everything that it holds, wall time."""

    name: str
    alive_ns: int = 0


class Taken(Enum):
    """What became of a price."""

    KEPT = "kept"
    OLDER = "older than the last of its kind, and dropped"
    JUMPED = "far from the last, and put aside"
    STILL_FAR = "far from the last and from the one put aside, whose place it takes"


class Unusable(Enum):
    """Why there is no price to use."""

    MISSING = "there is none"
    STALE = "the last one is stale"
    UNCONFIRMED = "the last one jumped and is not confirmed yet"


@attrs.define(slots=True, eq=False)
class PricePoint:
    """One symbol's prices. Mutable and private to the engine; never journaled."""

    symbol: str
    source: Source | None = None
    trade: Trade | None = None
    quote: Quote | None = None
    figure: Decimal | None = None
    suspect: Quote | Trade | None = None
    alive_ns: int = 0
    told_stale_ns: int = -1

    def take(self, given: Quote | Trade, now_ns: int, limits: PriceLimits) -> Taken:
        """Take a price that was checked."""
        last = self.trade if type(given) is Trade else self.quote
        # One of the future does not count: the clock was put back, and what comes now is the truth.
        if last is not None and given.ts_event < last.ts_event <= now_ns + limits.ahead_max_ns:
            return Taken.OLDER
        figure = given.price
        known = self.figure
        if known is not None and limits.is_jump(figure, known):
            return self._doubt(given, figure, limits)
        self.suspect = None
        self._keep(given, figure)
        return Taken.KEPT

    def _doubt(self, given: Quote | Trade, figure: Decimal, limits: PriceLimits) -> Taken:
        suspect = self.suspect
        if suspect is None:
            self.suspect = given
            return Taken.JUMPED
        if given == suspect or limits.is_jump(figure, suspect.price):
            self.suspect = given
            return Taken.STILL_FAR
        self.suspect = None
        self._keep(suspect, figure)
        self._keep(given, figure)
        return Taken.KEPT

    def _keep(self, given: Quote | Trade, figure: Decimal) -> None:
        self.figure = figure
        if type(given) is Trade:
            self.trade = given
        else:
            self.quote = given  # type: ignore[assignment]  # the other

    @property
    def heard_ns(self) -> int:
        """Return the time of the last trade, quote or heartbeat that counts."""
        return max(
            self._alive_ns(),
            0 if self.trade is None else self.trade.ts_event,
            0 if self.quote is None else self.quote.ts_event,
        )

    def taking(self, side: OrderSide, now_ns: int, limits: PriceLimits) -> Decimal | Unusable:
        """Return what an order of this side would pay now, by the quote or else the last trade."""
        if self.suspect is not None:
            return Unusable.UNCONFIRMED
        alive_ns = self._alive_ns()
        quote = self.quote
        if quote is not None and limits.is_fresh(max(quote.ts_event, alive_ns), now_ns):
            return quote.ask if side is OrderSide.BUY else quote.bid
        trade = self.trade
        if trade is not None and limits.is_fresh(max(trade.ts_event, alive_ns), now_ns):
            return trade.price
        return Unusable.STALE

    def view(self, now_ns: int, limits: PriceLimits) -> Price | None:
        """Return what is known now; nothing while the only price ever seen is a suspect one."""
        alive_ns = self._alive_ns()
        seen = [given for given in (self.trade, self.quote) if given is not None]
        fresh = [given for given in seen if limits.is_fresh(max(given.ts_event, alive_ns), now_ns)]
        newest = max(fresh or seen, key=_ts_event, default=None)
        if newest is None:
            return None
        quote = self.quote if self.quote in fresh or self.quote is newest else None
        return Price(
            self.symbol,
            newest.price,
            None if quote is None else quote.bid,
            None if quote is None else quote.ask,
            newest.ts_event,
            now_ns - max(newest.ts_event, alive_ns),
            bool(fresh),
            self.suspect,
            "" if self.source is None else self.source.name,
        )

    def _alive_ns(self) -> int:
        return self.alive_ns if self.source is None else max(self.alive_ns, self.source.alive_ns)


def _ts_event(given: Quote | Trade) -> int:
    return given.ts_event
