"""Marking to market: what a position is worth now, computed when it is read and kept nowhere."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.contracts import worth_of
from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.prices import Price
from fairlead.domain.values import Value


class Mark(Value):
    """A position at a price: *value* and *unrealized_pnl* are in its currency, before the fees of closing.

    *price* is what closing would get: the bid for a long position and the ask for a short one, or
    else the last trade's. *age_ns* is the price's; *usable* tells whether it is fresh and no jump is
    open: a mark is never better than its price.
    """

    price: Decimal
    value: Decimal
    unrealized_pnl: Decimal
    age_ns: int
    usable: bool


def mark(position: Position, price: Price, decimals: int) -> Mark:
    """Return what a position is worth at a price, however old it is.

    *decimals* is the precision at which the instrument settles; *value* has the sign of the cost.
    """
    figure = price.taking(OrderSide.SELL if position.quantity > ZERO else OrderSide.BUY)
    value = worth_of(position.quantity, figure, decimals, position.contract)
    return Mark(figure, value, subtract(value, position.cost), price.age_ns, price.usable)
