"""What stands against a proposal: each denial with its code, its reason and its figures, and what passes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.command_records import ClosingRequested
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.inputs import SubmitProposal
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.deciding import NOW_NS
from tests.core.kernel.proposing import denial, laid_out, made, market, proposed

D = Decimal


# -- what stands against it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "others", "quantity", "code", "reduces"),
    [
        ("0", "0", "3", "", False),
        ("3", "0", "3", "", True),
        ("3", "0", "3.1", "", False),
        ("3", "1", "2", "", True),
        ("3", "1", "2.1", "EXIT_TAKEN", False),
        ("-3", "0", "3", "", False),
    ],
)
def test_a_sell_reduces_what_no_other_live_order_may_sell(
    held: str, others: str, quantity: str, code: str, *, reduces: bool
) -> None:
    """All of it, or none of it: a second closer is denied, a larger order turns the position round."""
    deciding = laid_out(held)
    if others != "0":
        terms: dict[str, object] = {"side": OrderSide.SELL, "reduces": True, "quantity": D(others)}
        deciding.order("other", terms=terms, state=OrderState.WORKING)
    order = made(deciding, proposed(OrderSide.SELL, quantity=D(quantity)))
    assert (order.denial_code, order.reduces) == (code, reduces)
    if code:
        told = denial(deciding, proposed(OrderSide.SELL, quantity=D(quantity)))[2]
        assert told == (("quantity", quantity), ("position", held), ("in_live_orders", others))


@pytest.mark.parametrize(
    ("trading", "held", "shrinks", "code"),
    [
        (TradingState.ACTIVE, "0", False, ""),
        (TradingState.REDUCING, "0", False, "NOT_TRADING"),
        (TradingState.REDUCING, "0", True, ""),
        (TradingState.REDUCING, "3", False, ""),
        (TradingState.HALTED, "0", True, "NOT_TRADING"),
        (TradingState.HALTED, "3", False, ""),
        (TradingState.DISABLED, "3", False, ""),
    ],
)
def test_the_trading_state_lets_through_what_its_table_says(
    trading: TradingState, held: str, code: str, *, shrinks: bool
) -> None:
    """A reduction in every state, a replacement that shrinks while reducing; with state, reason and kind."""
    deciding = laid_out(held)
    deciding.state.trading, deciding.state.trading_reason = trading, "somebody said so"
    told = denial(deciding, proposed(OrderSide.SELL, shrinks=shrinks))
    kind = "shrink" if shrinks else "increase"
    figures = ("trading_state", trading.value), ("command", kind)
    reason = f"Trading is {trading.value}: somebody said so."
    assert told == ((code, reason, figures) if code else ("", "", ()))


@pytest.mark.parametrize(
    ("cancel_entries", "by_key", "code"),
    [(True, "main", "CLOSING"), (False, "main", ""), (True, "other", "")],
)
def test_what_is_being_closed_with_its_entries_takes_no_new_ones(
    by_key: str, code: str, *, cancel_entries: bool
) -> None:
    """In that book alone, and only where the closing cancels entries; reductions pass."""
    deciding = laid_out()
    deciding.fold.changes(
        ClosingRequested("close-1", "ann", BTC, by_key, False, cancel_entries, False, None, D(0))
    )
    told = denial(deciding, proposed())
    figures = (("asked_by", "ann"),)
    assert told == (
        (code, "The position is being closed, and entries with it.", figures) if code else ("", "", ())
    )
    deciding.hold("3")
    assert made(deciding, proposed(OrderSide.SELL)).approved


@pytest.mark.parametrize(
    ("rules", "quantity", "code"),
    [
        ({"minimum_quantity": "2"}, "2", ""),
        ({"minimum_quantity": "2"}, "1.9", "REDUCTION_BELOW_MINIMUM"),
        ({"minimum_quantity": "2", "reductions_exempt_from_minimum": True}, "1.9", ""),
    ],
)
def test_a_reduction_below_the_venues_minimum_is_denied_unless_it_is_exempt(
    rules: dict[str, Any], quantity: str, code: str
) -> None:
    """Exactly the minimum passes."""
    deciding = laid_out("3")
    deciding.state.instruments[BTC] = instrument(BTC, **rules)
    told = denial(deciding, proposed(OrderSide.SELL, quantity=D(quantity)))
    reason = "The venue takes no reduction as small as this."
    figures = ("quantity", quantity), ("minimum", "2")
    assert told == ((code, reason, figures) if code else ("", "", ()))


@pytest.mark.parametrize(
    ("proposal", "code", "figures"),
    [
        (
            proposed(order_type=OrderType.STOP, limit_price=None, trigger_price=D(9)),
            "ORDER_TYPE_NOT_OFFERED",
            (("order_type", "stop"),),
        ),
        (proposed(time_in_force=TimeInForce.FOK), "TIME_IN_FORCE_NOT_OFFERED", (("time_in_force", "fok"),)),
        (market(time_in_force=TimeInForce.FOK), "", ()),
        (proposed(post_only=True), "POST_ONLY_NOT_OFFERED", (("post_only", "true"),)),
        (
            proposed(time_in_force=TimeInForce.GTD, expire_ns=NOW_NS),
            "EXPIRE_TIME_PASSED",
            (("expire_ns", str(NOW_NS)), ("now_ns", str(NOW_NS))),
        ),
        (proposed(time_in_force=TimeInForce.GTD, expire_ns=NOW_NS + 1), "", ()),
        (
            proposed(reduce_only=True),
            "REDUCE_ONLY_ADDS",
            (("side", "buy"), ("quantity", "3"), ("position", "0")),
        ),
        (proposed(position_id="h"), "POSITION_NOT_OPEN", (("position_id", "h"),)),
        (proposed(position_id="x"), "", ()),
    ],
)
def test_what_the_venue_the_position_or_the_moment_stands_against_is_denied(
    proposal: SubmitProposal, code: str, figures: tuple[tuple[str, str], ...]
) -> None:
    """Each with its figures; a kernel holds dates itself where the venue knows none."""
    told = denial(laid_out(), proposal)
    assert (told[0], told[2]) == (code, figures)


@pytest.mark.parametrize(("held", "code"), [("0", "SYMBOL_WITHDRAWN"), ("3", "")])
def test_of_a_symbol_that_was_withdrawn_only_reductions_go_out(held: str, code: str) -> None:
    """How it is listed by now is said."""
    deciding = laid_out(held)
    deciding.state.withdrawn[BTC] = "as another contract"
    told = denial(deciding, proposed(OrderSide.SELL))
    assert (told[0], told[2]) == (code, (("listed", "as another contract"),) if code else ())


@pytest.mark.parametrize(
    ("quantity", "reduce_only", "code"),
    [("3", True, ""), ("3.1", True, "REDUCE_ONLY_ADDS"), ("3.1", False, "")],
)
def test_an_order_that_shall_only_reduce_never_turns_the_position(
    quantity: str, code: str, *, reduce_only: bool
) -> None:
    """One as large as the position passes."""
    told = denial(laid_out("3"), proposed(OrderSide.SELL, quantity=D(quantity), reduce_only=reduce_only))
    assert told[0] == code
    assert not code or told[1] == "It shall only reduce, and it is larger than the position."
