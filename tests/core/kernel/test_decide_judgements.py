"""What the gate's word leads to in each of the four places where it is asked, and what it is told there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.change_records import ChangeDenied, ChangeRequested, ModifyRejected
from fairlead.domain.changes import ChangeCode, ChangeKind, Terms, Wish, refused_result
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.records import (
    AnomalyNoted,
    LockPlaced,
    OrderEventNoted,
    OrderInitialized,
    OrderJudgedAgain,
    OrderPaced,
    Record,
    TradingStateChanged,
)
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.trading_state import TradingState
from fairlead.domain.verdicts import Verdict
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.effects import AnswerWaiting
from fairlead.kernel.core.inputs import PaceDue
from fairlead.kernel.gate.watchdog import CheckHung
from fairlead.ports.risk import ALLOW, Deny, Judgement, Lock, RiskRequest, RiskView
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.checks import Says
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, Outcome, rules_of
from tests.core.kernel.pacing_limits import ORDERS, one_limit
from tests.core.kernel.proposing import laid_out, market, proposed

D = Decimal
WAYS = ("a proposal", "a change", "an order that waited", "a change that waited")
LOCK = Lock(BTC, OrderSide.BUY, NOW_NS + 9, "LOSS", "Enough lost.")
PLACED = LockPlaced("limit", BTC, OrderSide.BUY, NOW_NS + 9, "LOSS", "Enough lost.")
LOCKED = Verdict("limit", "1", False, "LOSS", "Enough lost.", (("until_ns", str(NOW_NS + 9)),))
FINE = Verdict("fine", "1", True)
OLD_NS = NOW_NS - 6 * SECOND_NS
"""When an approval was given that is too old by now."""
HEDGED: dict[str, object] = {"position_id": "p1", "leverage": D(2)}


def judged(way: str, *checks: Says) -> Outcome:
    """Return what follows when these checks are asked in that way, about an order for BTC at a limit."""
    paced = way in WAYS[2:]
    model = one_limit("4", "1", RequestKind.SUBMIT, RequestKind.MODIFY) if paced else None
    deciding = Deciding(rules_of(checks=checks, model=model))
    if way == WAYS[0]:
        return deciding.on(proposed())
    if way == WAYS[1]:
        deciding.order("x", terms=HEDGED, state=OrderState.WORKING, filled_quantity=D(1))
        return deciding.on(ChangeOrder("change-1", ChangeKind.MODIFY, "x", "bot", D(4), D(101)))
    deciding.state.budgets[ORDERS] = BudgetLevel(D(0), 0)
    waits_for = RequestKind.SUBMIT
    made = deciding.order("x", terms=HEDGED, state=OrderState.APPROVED, created_ns=OLD_NS)
    if way == WAYS[3]:
        waits_for = RequestKind.MODIFY
        terms = Terms(D(4), D(101))
        deciding.fold.changes(ChangeRequested("change-1", ChangeKind.MODIFY, "x", "bot", terms, False, ()))
        deciding.state.changes["change-1"].created_ns = OLD_NS
        made.state, made.filled_quantity, made.wish = OrderState.WORKING, D(1), Wish("change-1", terms)
    waiting = OrderPaced("x", waits_for, Lane.ENTRY, BTC, ((ORDERS, D(1)),), 0, 1)
    deciding.state.pace.order_paced(waiting)
    return deciding.on(PaceDue())


def denials(way: str, code: str, reason: str, verdicts: tuple[Verdict, ...]) -> tuple[object, object]:
    """Return what records a denial in that way: with its verdicts, and what ends what waited, if it did."""
    if way == WAYS[1]:
        wanted = Terms(D(4), D(101))
        return ChangeDenied("change-1", ChangeKind.MODIFY, "x", "bot", wanted, code, verdicts), None
    again = OrderJudgedAgain("x", False, verdicts)
    said = f"judged again after it waited, it was denied ({code})"
    if way == WAYS[2]:
        return again, OrderEventNoted("x", OrderEvent.NOT_SENT, f"{said}: {reason}", "kernel")
    return again, ModifyRejected("x", "change-1", ChangeCode.NOT_SENT.value, said)


def first_and_rest(way: str, given: Outcome, code: str, reason: str, verdicts: tuple[Verdict, ...]) -> Any:  # noqa: ANN401 - records of every kind
    """Return the records but for the denial that is due, which is compared here."""
    records, effects = given
    if way == WAYS[0]:
        [made, *rest] = records
        assert isinstance(made, OrderInitialized)
        assert (made.approved, made.denial_code, made.verdicts) == (False, code, verdicts)
        assert effects == []
        return rest
    first, last = denials(way, code, reason, verdicts)
    [denied, *rest] = records
    assert denied == first
    if way == WAYS[1]:
        told = reason.partition(": ")[2].partition(";")[0]
        assert effects == [AnswerWaiting("change-1", refused_result("x", code, told))]
        return rest
    assert rest.pop() == last
    return rest


@pytest.mark.parametrize("way", WAYS)
def test_a_lock_that_a_check_places_is_recorded_with_the_denial(way: str) -> None:
    """It holds from that step on, wherever it was placed; the reason told is the denial's."""
    reason = "limit: Enough lost.; more: No."
    verdicts = (FINE, LOCKED, Verdict("more", "1", False, "MORE", "No."))
    given = judged(way, Says(ALLOW, "fine"), Says(LOCK, "limit"), Says(Deny("MORE", "No."), "more"))
    assert first_and_rest(way, given, "LOSS", reason, verdicts) == [PLACED]


@pytest.mark.parametrize("way", WAYS)
def test_a_check_that_hung_denies_and_halts_trading(way: str) -> None:
    """Whatever it was asked about: it is not known what else it would not have let pass."""

    def hang(request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG001 - the port's
        raise CheckHung

    text = "The check did not return and was interrupted."
    hung = Verdict("stuck", "1", False, "CHECK_HUNG", text)
    detail = "a risk check did not return"
    halted: list[Record] = [
        AnomalyNoted(AnomalyKind.CHECK_HUNG, Severity.HALT, "stuck", detail),
        TradingStateChanged(TradingState.HALTED, f"check_hung: {detail}", "kernel"),
    ]
    given = judged(way, Says(hang, "stuck"), Says(ALLOW, "fine"))
    assert first_and_rest(way, given, "CHECK_HUNG", f"stuck: {text}", (hung, FINE)) == halted


@pytest.mark.parametrize(
    ("way", "quantity", "price", "live"),
    [(WAYS[0], 3, 100, ""), (WAYS[1], 3, 101, "x"), (WAYS[2], 3, 100, "x"), (WAYS[3], 3, 101, "x")],
)
def test_a_check_is_told_the_whole_order_as_it_would_be(
    way: str, quantity: int, price: int, live: str
) -> None:
    """What may still fill of it, at its limit, and which live order it is, if it is one."""
    told: list[RiskRequest] = []

    def hear(request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG001 - the port's
        told.append(request)
        return ALLOW

    judged(way, Says(hear))
    assert told == [
        RiskRequest(
            "bot",
            BTC,
            "main",
            OrderSide.BUY,
            OrderType.LIMIT,
            D(quantity),
            D(price),
            False,
            instrument(BTC),
            "p1" if live else "",
            D(2) if live else None,
            live,
        )
    ]


@pytest.mark.parametrize(
    ("wish", "bid", "price"),
    [
        ({}, "99", D(101)),
        ({}, "", None),
        ({"max_slippage": D("0.02")}, "99", D("103.02")),
    ],
)
def test_a_check_is_told_what_an_order_at_the_market_would_pay_at_most(
    wish: dict[str, Any], bid: str, price: Decimal | None
) -> None:
    """The fresh price, or the bound where there is one; without either it is told nothing."""
    told: list[Decimal | None] = []

    def hear(request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG001 - the port's
        told.append(request.price)
        return ALLOW

    deciding = laid_out(bid=bid)
    deciding.rules = rules_of(checks=[Says(hear)])
    deciding.on(market(**wish))
    assert told == [price]


@pytest.mark.parametrize("kind", [ChangeKind.MODIFY, ChangeKind.REPLACE])
def test_a_change_that_raises_nothing_is_asked_of_no_check(kind: ChangeKind) -> None:
    """A check that denies everything must not stand in the way of less."""
    check = Says(Deny("NEVER", "No."))
    deciding = Deciding(rules_of(checks=(check,)))
    deciding.order("x", state=OrderState.WORKING)
    first = deciding.on(ChangeOrder("change-1", kind, "x", "bot", D(2)))[0][0]
    assert isinstance(first, ChangeRequested)
    assert first.shrinks
    assert check.asked == 0
