"""Marking to market: what a position is worth now, computed when it is read and kept nowhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from fairlead.domain.numbers import ZERO, multiply, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.prices import Price
from fairlead.domain.values import Value


class Holding(Protocol):
    """What a mark needs to know of a position: signed *quantity* in base, signed *cost* in quote."""

    @property
    def quantity(self) -> Decimal:
        """Return the signed quantity."""

    @property
    def cost(self) -> Decimal:
        """Return the signed cost of what is held."""


class Mark(Value):
    """A position at a price: *value* and *unrealized_pnl* are in quote, before the fees of closing.

    *price* is what closing would get: the bid for a long position and the ask for a short one, or
    else the last trade's. *fresh* and *age_ns* are the price's: a mark is never better than it.
    """

    price: Decimal
    value: Decimal
    unrealized_pnl: Decimal
    age_ns: int
    fresh: bool


def mark(holding: Holding, price: Price) -> Mark:
    """Return what a position of a linear instrument is worth at a price, whatever the price's age."""
    closing = OrderSide.SELL if holding.quantity > ZERO else OrderSide.BUY
    figure = price.taking(closing)
    value = multiply(holding.quantity, figure)
    return Mark(figure, value, subtract(value, holding.cost), price.age_ns, price.usable)
