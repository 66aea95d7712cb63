"""Conditional orders that wait for their trigger, and which of them a trade sets off.

The last trade's price triggers, nothing else. A sell stop is set off at or below its trigger price, a buy
stop at or above it, take-profits the other way round; the trigger of a trailing stop follows the best price
since it began. A price that jumps over several triggers sets them off in the order in which it passed them,
as far as that can be told: first the one further behind the new price, then the older one.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.ports.exchange import OrderSide, OrderType
from fairlead_paper.exact import subtract
from fairlead_paper.records import VenueOrder

_TAKE_PROFITS = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})


class Triggers:
    """The conditional orders of one symbol that were not triggered yet."""

    def __init__(self) -> None:
        self._waiting: dict[int, VenueOrder] = {}

    def add(self, order: VenueOrder) -> None:
        """Let the order wait for its trigger."""
        self._waiting[order.sequence] = order

    def remove(self, order: VenueOrder) -> None:
        """Take the order out; harmless when it is not in."""
        self._waiting.pop(order.sequence, None)

    def move(self, price: Decimal) -> list[VenueOrder]:
        """Let the trailing stops follow the price; return those that did."""
        return [order for order in self._waiting.values() if follows(order, price)]

    def reached(self, price: Decimal) -> list[VenueOrder]:
        """Return the orders that the price sets off, in the order in which they act; they still wait here."""
        ranked = []
        for order in self._waiting.values():
            stop_price = order.stop_price
            if stop_price is not None and is_reached(order, price):
                beyond = subtract(stop_price, price).copy_abs()
                ranked.append((beyond.copy_negate(), order.sequence))
        ranked.sort()
        return [self._waiting[sequence] for _, sequence in ranked]


def follows(order: VenueOrder, price: Decimal) -> bool:
    """Raise (for a buy, lower) the watermark of a trailing stop to the price; tell whether it moved."""
    if order.order_type is not OrderType.TRAILING_STOP:
        return False
    mark = order.watermark
    if mark is None or (price < mark if order.side is OrderSide.BUY else price > mark):
        order.watermark = price
        return True
    return False


def is_reached(order: VenueOrder, price: Decimal) -> bool:
    """Tell whether the price sets the order off."""
    stop_price = order.stop_price
    if stop_price is None:
        return False
    falls = (order.side is OrderSide.SELL) is not (order.order_type in _TAKE_PROFITS)
    return price <= stop_price if falls else price >= stop_price
