"""What becomes of an approval that waited, for its pace or to be tried again: sent, judged again, or over."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.change_records import ChangeRequested, ModifyRejected, ModifyStarted
from fairlead.domain.changes import ChangeCode, ChangeKind, Terms, Wish
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.records import (
    AttemptStarted,
    BudgetSpent,
    OrderEventNoted,
    OrderInitialized,
    OrderJudgedAgain,
    OrderPaced,
)
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.effects import PaceIn, SendModify
from fairlead.kernel.core.inputs import PaceDue, TimerDue
from fairlead.ports.risk import Deny
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Asked, Deciding
from tests.core.kernel.pace_stage import ONE, PACE_NS, paced, queue, spent, waits
from tests.core.kernel.pacing_limits import ORDERS
from tests.core.kernel.proposing import market

D = Decimal
WORKING, APPROVED = OrderState.WORKING, OrderState.APPROVED


# -- approvals that waited -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"created_ns": NOW_NS - 5 * SECOND_NS}, ""),
        ({"expire_ns": NOW_NS + 1}, ""),
        ({"expire_ns": NOW_NS}, "its time is over"),
    ],
)
def test_an_order_that_waited_is_sent_while_its_approval_holds(facts: dict[str, Any], problem: str) -> None:
    """Its age and its date are looked at again in the step that sends it."""
    deciding = paced()
    queue(deciding, "x", **facts)
    records = deciding.on(PaceDue())[0]
    if problem:
        assert records == [OrderEventNoted("x", OrderEvent.NOT_SENT, problem, "kernel")]
    else:
        assert [type(each) for each in records] == [BudgetSpent, AttemptStarted]


@pytest.mark.parametrize("aged_by", ["the clock", "the queue"])
def test_an_old_approval_is_asked_for_again(aged_by: str) -> None:
    """By either clock: the wall clock may have been set back; without rules of its symbol it is not sent."""
    created_ns = NOW_NS - 5 * SECOND_NS - 1 if aged_by == "the clock" else NOW_NS
    deciding = paced()
    deciding.order("x", state=APPROVED, created_ns=created_ns)
    waits(deciding, "x", RequestKind.SUBMIT, Lane.ENTRY, since_s=6 if aged_by == "the queue" else 0)
    records = deciding.on(PaceDue())[0]
    assert isinstance(records[0], OrderJudgedAgain)
    assert (records[0].client_order_id, records[0].allowed) == ("x", True)
    assert [type(each) for each in records[1:]] == [BudgetSpent, AttemptStarted]
    deciding.state.instruments.clear()
    problem = "the venue gives no rules for its symbol any more"
    assert deciding.on(PaceDue())[0] == [OrderEventNoted("x", OrderEvent.NOT_SENT, problem, "kernel")]


@pytest.mark.parametrize(("limit", "price"), [(D(100), D(100)), (None, D(90))])
def test_an_old_approval_is_judged_as_the_order_is(limit: Decimal | None, price: Decimal) -> None:
    """At its limit, else at its reference; a check that denies by now says why, one that allows does not."""
    yes, no = Asked("yes"), Asked("no", Deny("NO", "Too much by now."))
    deciding = paced(checks=[yes, no])
    terms: dict[str, object] = {"limit_price": limit, "reference_price": D(90)}
    deciding.order("x", terms=terms, state=APPROVED, created_ns=NOW_NS - 6 * SECOND_NS)
    waits(deciding, "x", RequestKind.SUBMIT, Lane.ENTRY)
    judged, ended = deciding.on(PaceDue())[0]
    assert isinstance(judged, OrderJudgedAgain)
    assert [each.allowed for each in judged.verdicts] == [True, False]
    reason = "judged again after it waited, it was denied (NO): no: Too much by now."
    assert ended == OrderEventNoted("x", OrderEvent.NOT_SENT, reason, "kernel")
    assert [(each.price, each.quantity, each.live_order_id) for each in yes.requests] == [(price, D(3), "x")]


@pytest.mark.parametrize(
    ("held", "side", "still"),
    [
        ("3", OrderSide.SELL, True),
        ("2.9", OrderSide.SELL, False),
        ("-3", OrderSide.SELL, False),
        ("-3", OrderSide.BUY, True),
        ("0", OrderSide.BUY, False),
    ],
)
def test_an_old_exit_is_sent_only_if_it_still_reduces(held: str, side: OrderSide, *, still: bool) -> None:
    """It is not judged: whether it reduces is looked at."""
    deciding = paced()
    deciding.order(
        "x", terms={"side": side, "reduces": True}, state=APPROVED, created_ns=NOW_NS - 6 * SECOND_NS
    )
    deciding.hold(held)
    waits(deciding, "x", RequestKind.SUBMIT, Lane.PROTECTIVE)
    records = deciding.on(PaceDue())[0]
    problem = "it would do more than reduce the position by now"
    over = [OrderEventNoted("x", OrderEvent.NOT_SENT, problem, "kernel")]
    assert [type(each) for each in records] == [BudgetSpent, AttemptStarted] if still else records == over


@pytest.mark.parametrize("why", ["trading", "symbol"])
def test_new_exposure_that_may_not_be_any_more_is_not_sent(why: str) -> None:
    """Trading was halted or the symbol withdrawn while it waited; an exit goes out all the same."""
    deciding = paced()
    queue(deciding, "x")
    deciding.hold("3")
    deciding.order("exit", terms={"side": OrderSide.SELL, "reduces": True}, state=APPROVED)
    waits(deciding, "exit", RequestKind.SUBMIT, Lane.PROTECTIVE)
    if why == "trading":
        deciding.state.trading = TradingState.HALTED
    else:
        deciding.state.withdrawn[BTC] = "no"
    records = deciding.on(PaceDue())[0]
    assert [type(each) for each in records] == [BudgetSpent, AttemptStarted, OrderEventNoted]
    ended = records[-1]
    assert isinstance(ended, OrderEventNoted)
    assert (ended.client_order_id, ended.event) == ("x", OrderEvent.NOT_SENT)


# -- changes that waited -------------------------------------------------------------------------------


def changing(quantity: str = "2", *, used: str = "0", age_s: int = 0, **facts: Any) -> Deciding:  # noqa: ANN401 - facts of several types
    """Return a state with a modify that waits in the queue, of a working order for 3 at 100."""
    deciding = paced(used)
    terms = Terms(D(quantity), D(100))
    order = deciding.order("x", state=WORKING, venue_order_id="V1", **facts)
    deciding.fold.changes(ChangeRequested("change-1", ChangeKind.MODIFY, "x", "bot", terms, False, ()))
    order.wish = Wish("change-1", terms)
    deciding.state.changes["change-1"].created_ns = NOW_NS - age_s * SECOND_NS
    waits(deciding, "x", RequestKind.MODIFY, Lane.PROTECTIVE)
    return deciding


def test_a_modify_that_waited_leaves_under_its_wish() -> None:
    """As its first attempt, with a deadline; what it costs is taken in the same step."""
    deciding = changing()
    records, [sent] = deciding.on(PaceDue())
    deadline_ns = NOW_NS + deciding.rules.order_deadline_ns
    assert records == [
        spent(RequestKind.MODIFY, "x", "1"),
        ModifyStarted("x", "change-1", NOW_NS, deadline_ns, 1),
    ]
    assert isinstance(sent, SendModify)
    assert sent.change.request.terms == Terms(D(2), D(100))


@pytest.mark.parametrize(
    ("quantity", "trading", "facts", "problem"),
    [
        ("2", TradingState.ACTIVE, {"filled_quantity": D(2)}, "as much is filled by now"),
        ("2", TradingState.ACTIVE, {"filled_quantity": D("1.9")}, ""),
        ("2", TradingState.REDUCING, {}, ""),
        ("4", TradingState.REDUCING, {}, "trading is reducing by now"),
        ("2", TradingState.HALTED, {}, "trading is halted by now"),
    ],
)
def test_a_modify_that_may_not_be_any_more_is_over(
    quantity: str, trading: TradingState, facts: dict[str, Any], problem: str
) -> None:
    """What was filled and what trading allows are looked at again in the step that sends it."""
    deciding = changing(quantity, **facts)
    deciding.state.trading = trading
    records = deciding.on(PaceDue())[0]
    over = [ModifyRejected("x", "change-1", ChangeCode.NOT_SENT.value, problem)]
    assert (
        [type(each) for each in records] == [BudgetSpent, ModifyStarted] if not problem else records == over
    )


@pytest.mark.parametrize(
    ("quantity", "age_s", "is_judged"), [("4", 5, False), ("4", 6, True), ("2", 6, False)]
)
def test_a_modify_that_adds_is_judged_again_when_its_approval_is_old(
    quantity: str, age_s: int, *, is_judged: bool
) -> None:
    """One that raises nothing never is."""
    records = changing(quantity, age_s=age_s).on(PaceDue())[0]
    assert isinstance(records[0], OrderJudgedAgain) is is_judged
    assert [type(each) for each in records[-2:]] == [BudgetSpent, ModifyStarted]


@pytest.mark.parametrize(
    ("quantity", "held", "problem"),
    [
        ("3", "1", ""),
        ("2", "1", ""),
        ("3.1", "3.1", ""),
        ("3.1", "3", "grown so, it would do more than reduce the position by now"),
    ],
)
def test_a_grown_exit_is_looked_at_again_and_another_goes_out(quantity: str, held: str, problem: str) -> None:
    """A price that changed, or less to sell, stands in nobody's way, however small the position is by now."""
    deciding = changing(quantity)
    order = deciding.state.orders["x"]
    order.side, order.reduces = OrderSide.SELL, True
    deciding.state.leaves = {(order.key, OrderSide.SELL): order.most_leaves}
    deciding.hold(held)
    records = deciding.on(PaceDue())[0]
    over = [ModifyRejected("x", "change-1", ChangeCode.NOT_SENT.value, problem)]
    assert (
        [type(each) for each in records] == [BudgetSpent, ModifyStarted] if not problem else records == over
    )


def test_a_modify_that_was_turned_away_is_tried_again_when_its_pause_is_over() -> None:
    """Not sooner; then it is sent, or waits in the queue like any other."""
    deciding = changing()
    deciding.state.pace.remove((RequestKind.MODIFY, "x"))
    order = deciding.state.orders["x"]
    order.look_up_ns = NOW_NS + 1
    [wake] = deciding.on(TimerDue("x"))[1]
    assert getattr(wake, "at_ns", 0) == NOW_NS + 1
    order.look_up_ns = NOW_NS
    assert [type(each) for each in deciding.on(TimerDue("x"))[0]] == [BudgetSpent, ModifyStarted]
    deciding.state.budgets[ORDERS] = BudgetLevel(D(5), PACE_NS)
    records, effects = deciding.on(TimerDue("x"))
    assert records == [OrderPaced("x", RequestKind.MODIFY, Lane.PROTECTIVE, BTC, ONE, PACE_NS, 2 * SECOND_NS)]
    assert effects == [PaceIn(2 * SECOND_NS)]


def test_an_order_that_was_turned_away_is_tried_again_or_waits() -> None:
    """An entry as long as it may, an exit as long as it takes; one that waits already is left there."""
    deciding = paced()
    deciding.order("x", state=APPROVED, attempt=1)
    assert [type(each) for each in deciding.on(TimerDue("x"))[0]] == [BudgetSpent, AttemptStarted]
    deciding.state.budgets[ORDERS] = BudgetLevel(D(5), PACE_NS)
    [queued] = deciding.on(TimerDue("x"))[0]
    until_ns = PACE_NS + 3 * SECOND_NS
    assert queued == OrderPaced(
        "x", RequestKind.SUBMIT, Lane.ENTRY, BTC, ONE, PACE_NS, 3 * SECOND_NS, until_ns
    )
    deciding.state.orders["x"].reduces = True
    [queued] = deciding.on(TimerDue("x"))[0]
    assert queued == OrderPaced("x", RequestKind.SUBMIT, Lane.PROTECTIVE, BTC, ONE, PACE_NS, 2 * SECOND_NS)
    waits(deciding, "x", RequestKind.SUBMIT, Lane.PROTECTIVE)
    assert deciding.on(TimerDue("x")) == ([], [])


def test_a_market_order_is_paced_like_any_other() -> None:
    """Its size is computed before anything is taken."""
    deciding = paced("2")
    records = deciding.on(market())[0]
    assert [type(each) for each in records] == [OrderInitialized, BudgetSpent, AttemptStarted]
