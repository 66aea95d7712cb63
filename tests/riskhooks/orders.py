"""Requests as the gate makes them, for tests of the shipped checks."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import Any

from msgspec.structs import replace

from fairlead.domain.instruments import Instrument
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, RiskCheck, RiskRequest


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


def initialized(request: RiskRequest, name: str, *, approved: bool = True) -> OrderInitialized:
    """Return the record that the gate's answer about the request makes; limit orders have a limit price."""
    market = request.order_type is OrderType.MARKET
    return OrderInitialized(
        client_order_id=name,
        owner=request.owner,
        book=request.book,
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        time_in_force=TimeInForce.GTC,
        quantity=request.quantity,
        limit_price=None if market else request.price,
        reference_price=request.price if market else None,
        reduces=request.reduces,
        currency="USDT",
        idempotency_key="",
        command_digest="",
        metadata=(),
        approved=approved,
        denial_code="" if approved else "NO",
        verdicts=(),
    )


def sent(request: RiskRequest, name: str, at_ns: int) -> list[Fact]:
    """Return the facts of an order that was approved and sent at once."""
    return [initialized(request, name), AttemptStarted(name, 1, at_ns, 0)]


def folded(check: RiskCheck, facts: Iterable[Fact]) -> str:
    """Return the check's value after the facts; a new instance could have folded the rest of them."""
    return reduce(check.fold, facts, check.initial())


def code_of(judgement: Judgement) -> str:
    """Return the code of the denial, or the empty string."""
    return "" if judgement == ALLOW else denial(judgement).code


def denial(judgement: Judgement) -> Deny:
    """Return the judgement as the denial that it must be."""
    assert isinstance(judgement, Deny)
    return judgement
