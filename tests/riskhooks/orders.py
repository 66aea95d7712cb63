"""Requests as the gate makes them, for tests of the shipped checks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from fairlead.domain.instruments import Instrument
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.ports.risk import Deny, Judgement, RiskRequest


def instrument_of(symbol: str = "BTC/USDT", **rules: Any) -> Instrument:  # noqa: ANN401 - rules of every kind
    """Return an instrument with a fine grid and no limits, except for the rules given."""
    base, quote = symbol.split("/")
    plain: dict[str, Any] = {"price_increment": "0.1", "quantity_increment": "0.00001"}
    return Instrument(symbol=symbol, base=base, quote=quote, **{**plain, **rules})


def order(
    quantity: str = "1",
    price: str | None = "100",
    *,
    instrument: Instrument | None = None,
    **changes: Any,  # noqa: ANN401 - fields of every type
) -> RiskRequest:
    """Return an order to buy; without a price it is a market order without a fresh price."""
    instrument = instrument or instrument_of()
    request = RiskRequest(
        owner="bot",
        symbol=instrument.symbol,
        book="bot",
        side=OrderSide.BUY,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        reduces=False,
        instrument=instrument,
    )
    return replace(request, **changes)


def denial(judgement: Judgement) -> Deny:
    """Return the judgement as the denial that it must be."""
    assert isinstance(judgement, Deny)
    return judgement
