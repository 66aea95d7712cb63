"""Marking to market: what closing would get, at a price of known age."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from fairlead.domain.marks import mark
from fairlead.domain.prices import Price


@attrs.frozen
class Held:
    """A quantity and its cost."""

    quantity: Decimal
    cost: Decimal


@pytest.mark.parametrize(
    ("quantity", "cost", "figure", "pnl"),
    [("2", "200", "99", "-2"), ("-2", "-210", "101", "8"), ("0", "0", "101", "0")],
)
def test_a_position_is_worth_what_closing_it_would_get(
    quantity: str, cost: str, figure: str, pnl: str
) -> None:
    """A long one sells at the bid and a short one buys at the ask."""
    price = Price("BTC/USDT", Decimal(100), Decimal(99), Decimal(101), 5, 7, fresh=True)
    marked = mark(Held(Decimal(quantity), Decimal(cost)), price)
    assert (marked.price, marked.unrealized_pnl) == (Decimal(figure), Decimal(pnl))
    assert marked.value == Decimal(quantity) * Decimal(figure)
    assert (marked.age_ns, marked.fresh) == (7, True)
