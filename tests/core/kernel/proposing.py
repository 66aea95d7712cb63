"""Proposals to decide on, and what became of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.price_points import PricePoint
from fairlead.domain.prices import Quote
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.kernel.core.inputs import SubmitProposal
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, Deciding

D = Decimal


def proposed(side: OrderSide | None = OrderSide.BUY, **wishes: Any) -> SubmitProposal:  # noqa: ANN401 - fields of several types
    """Return a proposal: a limit order for 3 at 100, or as wished."""
    fields: dict[str, Any] = {
        "client_order_id": "x",
        "owner": "bot",
        "book": "main",
        "symbol": BTC,
        "side": side,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity": D(3),
        "notional": None,
        "limit_price": D(100),
        "idempotency_key": "",
        "command_digest": "",
        "metadata": (),
    }
    return SubmitProposal(**{**fields, **wishes})


def market(side: OrderSide | None = OrderSide.BUY, **wishes: Any) -> SubmitProposal:  # noqa: ANN401 - likewise
    """Return a proposal at the market."""
    return proposed(side, **{"order_type": OrderType.MARKET, "limit_price": None, **wishes})


def laid_out(held: str = "0", *, bid: str = "99", ask: str = "101", age_ns: int = 0) -> Deciding:
    """Return a state with a quote and a position; no bid is no price."""
    deciding = Deciding()
    if bid:
        point = deciding.state.prices[BTC] = PricePoint(BTC)
        point.take(Quote(BTC, D(bid), D(ask), NOW_NS - age_ns), NOW_NS, deciding.rules.market.limits)
    if held != "0":
        deciding.hold(held)
    return deciding


def made(deciding: Deciding, proposal: SubmitProposal) -> OrderInitialized:
    """Return the order that a proposal becomes."""
    return next(each for each in deciding.on(proposal)[0] if isinstance(each, OrderInitialized))


def denial(deciding: Deciding, proposal: SubmitProposal) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return code, reason and figures of a denial, after which nothing is sent; nothing of an approval."""
    records, effects = deciding.on(proposal)
    order = next(each for each in records if isinstance(each, OrderInitialized))
    if order.approved:
        assert order.denial_code == ""
        return "", "", ()
    assert effects == []
    assert not any(isinstance(each, AttemptStarted) for each in records)
    [verdict] = [each for each in order.verdicts if not each.allowed]
    assert (verdict.check, verdict.code) == ("kernel", order.denial_code)
    return verdict.code, verdict.reason, verdict.figures
