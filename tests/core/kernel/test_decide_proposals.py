"""What becomes of a proposal, said whole: its terms and size, or code, reason and figures of its denial."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.domain.sizing import SizedBy, Sizing
from fairlead.kernel.core.effects import AnswerWithOrder, RefuseRepeat, SendOrder, WakeAt
from fairlead.kernel.core.inputs import SubmitProposal
from fairlead.kernel.core.state import CommandEntry
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding
from tests.core.kernel.proposing import denial, laid_out, made, market, proposed

D = Decimal


# -- approved ------------------------------------------------------------------------------------------


def test_an_approved_order_bears_all_that_was_wished_and_leaves_in_the_same_step() -> None:
    """Every term; the attempt, with its deadline; and the timer of its date."""
    terms: dict[str, Any] = {
        "trigger_price": D(102),
        "leverage": D(2),
        "expire_ns": NOW_NS + 9 * SECOND_NS,
        "note": "why",
        "tags": ("a", "b"),
        "metadata": (("k", "v"),),
        "idempotency_key": "key",
        "command_digest": "digest",
        "replaces": "y",
    }
    deciding = laid_out()
    [order, attempt], [wake, sent] = deciding.on(proposed(shrinks=True, **terms))
    assert isinstance(order, OrderInitialized)
    assert {name: getattr(order, name) for name in terms} == terms
    assert (order.client_order_id, order.owner, order.book, order.symbol) == ("x", "bot", "main", BTC)
    assert (order.side, order.order_type, order.time_in_force) == (
        OrderSide.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
    )
    assert (order.quantity, order.limit_price, order.reference_price) == (D(3), D(100), D(100))
    assert (order.approved, order.denial_code, order.reduces, order.currency) == (True, "", False, "USDT")
    assert (order.sizing, order.contract, order.position_id) == (None, None, "")
    deadline_ns = NOW_NS + deciding.rules.order_deadline_ns
    assert attempt == AttemptStarted("x", 1, NOW_NS, deadline_ns)
    assert wake == WakeAt("x", NOW_NS + 9 * SECOND_NS)
    assert isinstance(sent, SendOrder)
    assert (sent.attempt, sent.not_before_ns, sent.order.request.deadline_ns) == (1, NOW_NS, deadline_ns)


def test_a_repeated_proposal_is_answered_with_its_first_order() -> None:
    """Under the same key and owner; another wish under that key is refused; another owner's key is theirs."""
    deciding = laid_out()
    deciding.state.commands["bot", "k"] = CommandEntry("bot", "k", "d", "first", 0)
    keyed: dict[str, Any] = {"idempotency_key": "k", "command_digest": "d"}
    assert deciding.on(proposed(**keyed)) == ([], [AnswerWithOrder("x", "first")])
    assert deciding.on(proposed(idempotency_key="k", command_digest="e")) == ([], [RefuseRepeat("x", "k")])
    assert made(deciding, proposed(owner="eve", **keyed)).approved


@pytest.mark.parametrize(
    ("proposal", "price"),
    [
        (market(), "101"),
        (market(OrderSide.SELL), "99"),
        (proposed(limit_price=D(90)), "90"),
        (proposed(order_type=OrderType.STOP, limit_price=None, trigger_price=D(105)), "105"),
    ],
)
def test_the_reference_is_the_limit_the_trigger_or_what_it_would_pay(
    proposal: SubmitProposal, price: str
) -> None:
    """Fills are compared with it, whatever the order type."""
    assert made(laid_out(), proposal).reference_price == D(price)


# -- sizes ---------------------------------------------------------------------------------------------


LONG_QUOTIENT = "2.4752475247524752475247524752475247524"


@pytest.mark.parametrize(
    ("proposal", "quantity", "sizing"),
    [
        (
            market(quantity=None, notional=D(250)),
            "2.475",
            Sizing(SizedBy.NOTIONAL, D(250), D(LONG_QUOTIENT), D(101)),
        ),
        (proposed(quantity=None, notional=D(250)), "2.5", Sizing(SizedBy.NOTIONAL, D(250), D("2.5"), D(100))),
        # At the price that makes it smaller: as far as it may slip, or where it is.
        (
            market(quantity=None, notional=D(255), max_slippage=D("0.01")),
            "2.499",
            Sizing(SizedBy.NOTIONAL, D(255), D("2.4997549259876482697774727967846289579"), D("102.01")),
        ),
        (
            market(OrderSide.SELL, quantity=None, notional=D(99), max_slippage=D("0.01")),
            "1",
            Sizing(SizedBy.NOTIONAL, D(99), D(1), D(99)),
        ),
        (
            market(quantity=None, risk=D(50), stop_loss=D(91)),
            "5",
            Sizing(SizedBy.RISK, D(50), D(5), D(101), D(91)),
        ),
        (
            market(OrderSide.SELL, quantity=None, risk=D(99), stop_loss_rate=D("0.1")),
            "10",
            Sizing(SizedBy.RISK, D(99), D(10), D(99), D("108.9")),
        ),
    ],
)
def test_a_computed_size_is_rounded_down_and_says_how_it_came_about(
    proposal: SubmitProposal, quantity: str, sizing: Sizing
) -> None:
    """By what, of how much, at which price, with which stop, and what it was before it was rounded."""
    order = made(laid_out(), proposal)
    assert (order.quantity, order.sizing) == (D(quantity), sizing)


@pytest.mark.parametrize(
    ("held", "target", "side", "quantity", "unrounded"),
    [
        ("0", "2", OrderSide.BUY, "2", "2"),
        ("1", "-2", OrderSide.SELL, "3", "3"),
        ("2", "0", OrderSide.SELL, "2", "2"),
        ("-2", "1.0005", OrderSide.BUY, "3", "3.0005"),
    ],
)
def test_a_target_gives_side_and_size(
    held: str, target: str, side: OrderSide, quantity: str, unrounded: str
) -> None:
    """What the book lacks to be there, rounded down; and it says what was held."""
    order = made(laid_out(held), market(None, quantity=None, target=D(target)))
    assert (order.side, order.quantity) == (side, D(quantity))
    assert order.sizing == Sizing(SizedBy.TARGET, D(target), D(unrounded), held=D(held))


def test_a_bounded_market_order_is_an_immediate_limit_order() -> None:
    """As far from the price as it may slip, on the grid towards it."""
    order = made(laid_out(), market(max_slippage=D("0.0105")))
    assert (order.order_type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert (order.limit_price, order.reference_price) == (D("102.06"), D(101))
    sell = made(laid_out(), market(OrderSide.SELL, max_slippage=D("0.0105")))
    assert sell.limit_price == D("97.97")


@pytest.mark.parametrize(
    ("deciding", "proposal", "code", "reason", "figures"),
    [
        (
            laid_out(bid=""),
            market(quantity=None, notional=D(9)),
            "NO_FRESH_PRICE",
            "A notional size needs a fresh price and there is none.",
            (("symbol", BTC),),
        ),
        (
            laid_out(bid=""),
            market(max_slippage=D("0.1")),
            "NO_FRESH_PRICE",
            "A bound on slippage needs a fresh price and there is none.",
            (("symbol", BTC),),
        ),
        (
            laid_out(age_ns=60 * SECOND_NS + 1),
            market(quantity=None, risk=D(9), stop_loss=D(9)),
            "NO_FRESH_PRICE",
            "A risk size needs a fresh price and the last one is stale.",
            (("symbol", BTC),),
        ),
        (
            laid_out(),
            market(quantity=None, notional=D("0.001")),
            "SIZE_BELOW_STEP",
            "The notional does not buy one lot step.",
            (("notional", "0.001"), ("price", "101"), ("step", "0.001")),
        ),
        (
            laid_out(),
            market(quantity=None, risk=D(50), stop_loss=D(101)),
            "STOP_ON_WRONG_SIDE",
            "The stop does not lie where the order loses.",
            (("risk", "50"), ("price", "101"), ("stop_loss", "101")),
        ),
        (
            laid_out(),
            market(OrderSide.SELL, quantity=None, risk=D(50), stop_loss=D(99)),
            "STOP_ON_WRONG_SIDE",
            "The stop does not lie where the order loses.",
            (("risk", "50"), ("price", "99"), ("stop_loss", "99")),
        ),
        (
            laid_out("2"),
            market(None, quantity=None, target=D("2.0009")),
            "TARGET_REACHED",
            "The position is where it shall be, to within one lot step.",
            (("target", "2.0009"), ("position", "2")),
        ),
    ],
)
def test_a_size_that_cannot_be_computed_is_denied_with_its_figures(
    deciding: Deciding, proposal: SubmitProposal, code: str, reason: str, figures: tuple[tuple[str, str], ...]
) -> None:
    """Which figure was missing, too small, or on the wrong side; nothing is sent."""
    assert denial(deciding, proposal) == (code, reason, figures)


def test_a_target_waits_for_orders_that_may_change_the_position() -> None:
    """How many there are is said."""
    deciding = laid_out("2")
    deciding.order("entry", state=OrderState.WORKING)
    code, reason, figures = denial(deciding, market(None, quantity=None, target=D(0)))
    assert (code, figures[-1]) == ("TARGET_PENDING", ("live_orders", "1"))
    assert reason == "Live orders may still change the position; wait for them or cancel them."
