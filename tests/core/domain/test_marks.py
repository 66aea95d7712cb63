"""Marking to market: what closing would get, at a price of known age."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.ledger import Position
from fairlead.domain.marks import mark
from fairlead.domain.prices import Price

INVERSE = Contract(ContractKind.INVERSE, Decimal(100))


@pytest.mark.parametrize(
    ("contract", "quantity", "cost", "figure", "value", "pnl"),
    [
        (None, "2", "200", "80", "160", "-40"),
        (None, "-2", "-210", "125", "-250", "-40"),
        (None, "0", "0", "125", "0", "0"),
        (INVERSE, "1", "-2", "80", "-1.25", "0.75"),
    ],
)
def test_a_position_is_worth_what_closing_it_would_get(
    contract: Contract | None, quantity: str, cost: str, figure: str, value: str, pnl: str
) -> None:
    """A long one sells at the bid and a short one buys at the ask; an inverse contract by 1 / price."""
    price = Price("BTC/USDT", Decimal(100), Decimal(80), Decimal(125), 5, 7, fresh=True)
    held = Position("BTC/USDT", "bot", "USDT", Decimal(quantity), Decimal(cost), contract=contract)
    marked = mark(held, price, 2)
    assert (marked.price, marked.value) == (Decimal(figure), Decimal(value))
    assert (marked.unrealized_pnl, marked.age_ns, marked.usable) == (Decimal(pnl), 7, True)
