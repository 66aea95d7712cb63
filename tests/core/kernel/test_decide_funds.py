"""What an order or a change would take of a balance against what is free, to the last cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.change_records import ChangeDenied, ChangeRequested
from fairlead.domain.changes import ChangeKind
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import OrderInitialized
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.holdings import Holdings
from fairlead.ports.account import VenueBalance
from tests.core.kernel.bench import instrument
from tests.core.kernel.deciding import Deciding, rules_of
from tests.core.kernel.proposing import proposed

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
STOP: dict[str, Any] = {"order_type": OrderType.STOP, "limit_price": None, "trigger_price": D(100)}


def funded(**amounts: str) -> Deciding:
    """Return a state in which the venue holds these amounts, none of them locked."""
    deciding = Deciding(rules_of())
    told = {asset: VenueBalance(D(amount), D(0)) for asset, amount in amounts.items()}
    deciding.state.holdings = Holdings(told, {}, 1, {})
    return deciding


def changed(deciding: Deciding, **terms: Any) -> str:  # noqa: ANN401 - fields of several types
    """Return the code with which a change is denied, or nothing."""
    [first, *_] = deciding.on(ChangeOrder("change-1", ChangeKind.MODIFY, "x", "bot", **terms))[0]
    assert isinstance(first, ChangeRequested | ChangeDenied)
    return first.code if isinstance(first, ChangeDenied) else ""


@pytest.mark.parametrize(
    ("side", "asset", "amount", "code"),
    [
        (BUY, "USDT", "300", ""),
        (BUY, "USDT", "299.99", "INSUFFICIENT_BALANCE"),
        (SELL, "BTC", "3", ""),
        (SELL, "BTC", "2.999", "INSUFFICIENT_BALANCE"),
    ],
)
def test_an_order_takes_no_more_than_is_free(side: OrderSide, asset: str, amount: str, code: str) -> None:
    """Up to the last cent of quote, or of base; the denial says what it needs and what there is."""
    [made, *_] = funded(**{asset: amount}).on(proposed(side))[0]
    assert isinstance(made, OrderInitialized)
    assert made.denial_code == code
    if code:
        needed = "300" if side is BUY else "3"
        figures = ("asset", asset), ("needed", needed), ("free", amount), ("at_venue", amount)
        assert made.verdicts[0].figures == figures


@pytest.mark.parametrize(
    ("side", "filled", "terms", "held", "code"),
    [
        # A buy of 3 at 100 has promised 300 of it; what the change adds has to be free.
        (BUY, "0", {"quantity": D(4)}, "400", ""),
        (BUY, "0", {"quantity": D(4)}, "399.99", "INSUFFICIENT_BALANCE"),
        (BUY, "0", {"limit_price": D(101)}, "303", ""),
        (BUY, "0", {"limit_price": D(101)}, "302.99", "INSUFFICIENT_BALANCE"),
        (BUY, "0", {"quantity": D(5), "limit_price": D(60)}, "300", ""),
        (BUY, "0", {"quantity": D(5), "limit_price": D(60)}, "0", ""),
        (BUY, "0", {"quantity": D(5), "limit_price": D(61)}, "304.99", "INSUFFICIENT_BALANCE"),
        (BUY, "1", {"quantity": D(4), "limit_price": D(110)}, "430", ""),
        (BUY, "1", {"quantity": D(4), "limit_price": D(110)}, "429.99", "INSUFFICIENT_BALANCE"),
        (SELL, "0", {"quantity": D(4)}, "4", ""),
        (SELL, "0", {"quantity": D(4)}, "3.999", "INSUFFICIENT_BALANCE"),
        (SELL, "0", {"limit_price": D(200)}, "0", ""),
    ],
)
def test_a_change_takes_no_more_than_is_free_beside_what_the_order_has(
    side: OrderSide, filled: str, terms: dict[str, Any], held: str, code: str
) -> None:
    """Only what it adds is asked for, for what is left at its new price; what adds nothing always passes."""
    deciding = funded(USDT=held, BTC=held)
    reference = {"side": side, "reference_price": D(100)}
    deciding.order("x", terms=reference, state=OrderState.WORKING, filled_quantity=D(filled))
    assert changed(deciding, **terms) == code


@pytest.mark.parametrize(
    ("trigger", "held", "code"),
    [("90", "0", ""), ("110", "360", ""), ("130", "390", ""), ("130", "389", "INSUFFICIENT_BALANCE")],
)
def test_a_stop_without_a_limit_is_reckoned_at_the_worse_of_trigger_and_reference(
    trigger: str, held: str, code: str
) -> None:
    """It pays what the market asks: the price by which it was judged still counts when the trigger falls."""
    deciding = funded(USDT=held)
    deciding.order("x", terms={**STOP, "reference_price": D(120)}, state=OrderState.WORKING)
    assert changed(deciding, trigger_price=D(trigger)) == code


def test_a_stop_that_grows_takes_the_reference_for_each_lot() -> None:
    """Four at 120 are 480, though it triggers at 100."""
    for held, code in (("480", ""), ("479.99", "INSUFFICIENT_BALANCE")):
        deciding = funded(USDT=held)
        deciding.order("x", terms={**STOP, "reference_price": D(120)}, state=OrderState.WORKING)
        assert changed(deciding, quantity=D(4)) == code


@pytest.mark.parametrize(
    ("check", "known", "terms", "code"),
    [
        ("off", True, {}, ""),
        ("off", False, {}, ""),
        ("known", True, {}, "INSUFFICIENT_BALANCE"),
        ("known", False, {}, ""),
        ("required", False, {}, "BALANCE_UNKNOWN"),
        ("required", True, {"contract_multiplier": "10"}, ""),
    ],
)
def test_what_is_not_known_is_denied_only_where_it_has_to_be(
    check: str, terms: dict[str, Any], code: str, *, known: bool
) -> None:
    """By the setting; contracts are bought with margin, which is another question."""
    deciding = Deciding(rules_of(balance_check=check))
    deciding.state.holdings = Holdings({}, {}, 1, {}) if known else None
    deciding.state.instruments = {"BTC/USDT": instrument(**terms)}
    [made, *_] = deciding.on(proposed())[0]
    assert isinstance(made, OrderInitialized)
    assert made.denial_code == code
