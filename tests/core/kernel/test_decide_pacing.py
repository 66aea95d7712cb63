"""What pace makes of requests, said whole: what goes out, what waits for how long, and what is given up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.change_records import ChangeRequested, ModifyRejected, ModifyStarted
from fairlead.domain.changes import ChangeCode, ChangeKind, Terms, Wish
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import (
    AttemptStarted,
    BudgetSpent,
    OrderEventNoted,
    OrderInitialized,
    OrderJudgedAgain,
    OrderPaced,
    QueryPaced,
)
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.effects import AnswerCommand, LookUpOrder, PaceIn, SendCancel, SendModify, SendOrder
from fairlead.kernel.core.inputs import CancelOrder, PaceDue, TimerDue
from fairlead.kernel.core.venue_inputs import QueryRefused, QueryWanted
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, rules_of
from tests.core.kernel.pacing_limits import ORDERS, one_limit
from tests.core.kernel.proposing import market, proposed

D = Decimal
WORKING, APPROVED = OrderState.WORKING, OrderState.APPROVED
ALL = (RequestKind.SUBMIT, RequestKind.CANCEL, RequestKind.MODIFY, RequestKind.LOOK_UP, RequestKind.FILLS)
ONE = ((ORDERS, D(1)),)
PACE_NS = 50 * SECOND_NS
"""The time of the budgets in these steps."""


def paced(used: str = "0", **settings: Any) -> Deciding:  # noqa: ANN401 - settings of every type
    """Return a state with a bucket of four of which each request takes one a second, so much of it used."""
    told = {"pacing_reserve": "0.25", "pacing_wait_max_ms": 3_000, "pacing_query_wait_max_ms": 4_000}
    deciding = Deciding(rules_of(model=one_limit("4", "1", *ALL), **{**told, **settings}))
    deciding.pace_ns = PACE_NS
    deciding.state.budgets[ORDERS] = BudgetLevel(D(used), PACE_NS)
    return deciding


def spent(request: RequestKind, subject: str, used: str) -> BudgetSpent:
    """Return the record of a request that went out; *used* of the bucket is then."""
    return BudgetSpent(request, subject, ((ORDERS, BudgetLevel(D(used), PACE_NS)),))


def waits(
    deciding: Deciding, name: str, request: RequestKind, lane: Lane, since_s: int = 0, until_s: int = 0
) -> None:
    """Lay out a request that began to wait so many seconds ago, and may wait until so many from now."""
    until_ns = PACE_NS + until_s * SECOND_NS if until_s else 0
    record = OrderPaced(name, request, lane, BTC, ONE, PACE_NS - since_s * SECOND_NS, 1, until_ns)
    deciding.state.pace.order_paced(record)


# -- in the step that wants it -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "held", "wait_s"),
    [("2", "0", 0), ("2.5", "0", 0.5), ("3", "0", 1), ("3", "3", 0), ("3.5", "3", 0.5)],
)
def test_an_order_goes_out_while_its_lane_has_room_and_else_waits(
    used: str, held: str, wait_s: float
) -> None:
    """A quarter of the bucket is kept for what protects, which takes the last of it."""
    deciding = paced(used)
    if held != "0":
        deciding.hold(held)
    records, effects = deciding.on(proposed(OrderSide.SELL))
    assert isinstance(records[0], OrderInitialized)
    if not wait_s:
        assert records[1] == spent(RequestKind.SUBMIT, "x", str(D(used) + 1))
        assert isinstance(records[2], AttemptStarted)
        assert [type(each) for each in effects] == [SendOrder]
        return
    lane = Lane.ENTRY if held == "0" else Lane.PROTECTIVE
    until_ns = PACE_NS + 3 * SECOND_NS if lane is Lane.ENTRY else 0
    wait_ns = int(wait_s * SECOND_NS)
    assert records[1:] == [OrderPaced("x", RequestKind.SUBMIT, lane, BTC, ONE, PACE_NS, wait_ns, until_ns)]
    assert effects == [PaceIn(wait_ns)]


@pytest.mark.parametrize(
    ("wish", "held", "used", "wait_max_ms"),
    [
        ({}, "0", "5", None),
        ({}, "0", "5.001", 3_000),
        ({"wait_max_ns": SECOND_NS}, "0", "3", None),
        ({"wait_max_ns": SECOND_NS}, "0", "3.001", 1_000),
        ({"pacing": PacingPolicy.REFUSE}, "0", "2", None),
        ({"pacing": PacingPolicy.REFUSE}, "0", "2.001", 0),
        ({}, "3", "99", None),
        ({"wait_max_ns": SECOND_NS}, "3", "4", None),
        ({"wait_max_ns": SECOND_NS}, "3", "4.001", 1_000),
        ({"pacing": PacingPolicy.REFUSE}, "3", "3.001", 0),
    ],
)
def test_an_order_that_would_wait_longer_than_it_may_is_denied(
    wish: dict[str, Any], held: str, used: str, wait_max_ms: int | None
) -> None:
    """As long as it may and no millisecond more; what reduces waits as long as it takes unless it says."""
    deciding = paced(used)
    if held != "0":
        deciding.hold(held)
    [order, *others], effects = deciding.on(proposed(OrderSide.SELL, **wish))
    assert isinstance(order, OrderInitialized)
    assert order.approved is (wait_max_ms is None)
    if wait_max_ms is not None:
        assert (others, effects) == ([], [])
        last = order.verdicts[-1]
        assert (order.denial_code, last.check, last.code) == ("PACE_EXCEEDED", "kernel", "PACE_EXCEEDED")
        assert last.figures[1] == ("wait_max_ms", str(wait_max_ms))


def test_how_long_an_entry_may_wait_is_put_on_record_with_it() -> None:
    """The setting's, or the command's where it says; an exit for ever, unless its command says."""
    second = {"wait_max_ns": SECOND_NS}
    for wish, held, used, wait_s, until_s in (
        ({}, "0", "5", 3, 3),
        (second, "0", "3", 1, 1),
        ({}, "3", "5", 2, 0),
        (second, "3", "4", 1, 1),
    ):
        deciding = paced(used)
        if held != "0":
            deciding.hold(held)
        lane = Lane.ENTRY if held == "0" else Lane.PROTECTIVE
        until_ns = PACE_NS + until_s * SECOND_NS if until_s else 0
        [_, queued], effects = deciding.on(proposed(OrderSide.SELL, **wish))
        waits_ns = wait_s * SECOND_NS
        assert queued == OrderPaced("x", RequestKind.SUBMIT, lane, BTC, ONE, PACE_NS, waits_ns, until_ns)
        assert effects == [PaceIn(waits_ns)]


@pytest.mark.parametrize(
    ("state", "limited", "effects"),
    [(APPROVED, True, [PaceIn(0)]), (APPROVED, False, []), (OrderState.SUBMITTED, True, [])],
)
def test_a_cancel_of_what_waits_lets_those_behind_it_go(
    state: OrderState, effects: list[PaceIn], *, limited: bool
) -> None:
    """Its place in the queue is free at once; what has left, or waits for no limit, holds up nobody."""
    deciding = paced() if limited else Deciding()
    deciding.order("x", state=state)
    told = AnswerCommand(7, True, "", "")
    asked = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked by its owner", "bot")
    assert deciding.on(CancelOrder("x", "bot", 7)) == ([asked], [*effects, told])


def test_a_cancel_that_waits_says_so_and_one_that_fits_does_not() -> None:
    """It goes before entries, and takes the last of the bucket."""
    fits = paced("3")
    fits.order("x", state=WORKING, venue_order_id="V1")
    records, effects = fits.on(CancelOrder("x", "bot", 7))
    assert records[1:] == [spent(RequestKind.CANCEL, "x", "4")]
    assert effects == [AnswerCommand(7, True, "", ""), SendCancel("x", "V1", BTC)]
    late = paced("5")
    late.order("x", state=WORKING, venue_order_id="V1")
    records, effects = late.on(CancelOrder("x", "bot", 7))
    assert records[1:] == [
        OrderPaced("x", RequestKind.CANCEL, Lane.PROTECTIVE, BTC, ONE, PACE_NS, 2 * SECOND_NS)
    ]
    told = AnswerCommand(7, True, "PACED", "It waits about 2000 ms for the venue's rate limit.")
    assert effects == [told, PaceIn(2 * SECOND_NS)]


def test_what_waits_already_is_not_asked_for_twice() -> None:
    """What comes of the first look-up covers the second wish."""
    deciding = paced()
    deciding.order("x", state=OrderState.SUBMITTED)
    assert deciding.on(TimerDue("x"))[1] == [LookUpOrder("x", BTC)]
    waits(deciding, "x", RequestKind.LOOK_UP, Lane.QUERY)
    assert deciding.on(TimerDue("x")) == ([], [])


def test_nothing_goes_before_what_waits_in_its_lane_or_a_higher_one() -> None:
    """Though it would fit by itself; a lower lane is not waited for."""
    behind = paced()
    waits(behind, "y", RequestKind.SUBMIT, Lane.ENTRY)
    assert isinstance(behind.on(proposed())[0][1], OrderPaced)
    before = paced()
    waits(before, "y", RequestKind.LOOK_UP, Lane.QUERY)
    assert isinstance(before.on(proposed())[0][1], BudgetSpent)


def test_a_question_goes_out_or_waits_and_a_refusal_empties_what_it_takes() -> None:
    """The asker is told when it may; the venue knows better how its limit stands."""
    question = QueryWanted(7, RequestKind.FILLS, BTC)
    fits = paced("2")
    assert fits.on(question) == ([spent(RequestKind.FILLS, "7", "3")], [AnswerCommand(7, True, "", "")])
    late = paced("4")
    queued = QueryPaced(RequestKind.FILLS, 7, BTC, ONE, PACE_NS, 2 * SECOND_NS)
    assert late.on(question) == ([queued], [PaceIn(2 * SECOND_NS)])
    empty = BudgetLevel(D(4), PACE_NS, PACE_NS + 9)
    drained = BudgetSpent(RequestKind.FILLS, "", ((ORDERS, empty),), True)
    assert fits.on(QueryRefused(RequestKind.FILLS, BTC, 9)) == ([drained], [])


# -- the queue moves on --------------------------------------------------------------------------------


def queue(deciding: Deciding, *names: str, request: RequestKind = RequestKind.SUBMIT, **facts: Any) -> None:  # noqa: ANN401 - facts of several types
    """Lay out approved orders that wait, the first the longest."""
    for place, name in enumerate(names):
        deciding.order(name, **{"state": APPROVED, **facts})
        waits(deciding, name, request, Lane.ENTRY, since_s=len(names) - place)


def test_what_fits_goes_in_the_order_of_its_coming_and_the_next_is_come_back_to() -> None:
    """Each takes its part; the first that does not fit holds up those behind it."""
    deciding = paced("1.5")
    queue(deciding, "a", "b", "c", "d")
    records, effects = deciding.on(PaceDue())
    deadline_ns = NOW_NS + deciding.rules.order_deadline_ns
    assert records == [
        spent(RequestKind.SUBMIT, "a", "2.5"),
        AttemptStarted("a", 1, NOW_NS, deadline_ns),
    ]
    assert [type(each) for each in effects] == [SendOrder, PaceIn]
    assert effects[-1] == PaceIn(SECOND_NS // 2)


def test_each_kind_of_request_leaves_as_what_it_is() -> None:
    """A cancel, a look-up, a question; an order that left memory gives its place up."""
    deciding = paced()
    for name in ("canceled", "looked up"):
        deciding.order(name, state=WORKING, venue_order_id=f"V-{name}", pending=PendingRequest.CANCEL)
    waits(deciding, "canceled", RequestKind.CANCEL, Lane.PROTECTIVE)
    waits(deciding, "gone", RequestKind.CANCEL, Lane.PROTECTIVE)
    waits(deciding, "looked up", RequestKind.LOOK_UP, Lane.QUERY)
    deciding.state.pace.query_paced(QueryPaced(RequestKind.FILLS, 7, BTC, ONE, PACE_NS, 1))
    records, effects = deciding.on(PaceDue())
    assert records == [
        spent(RequestKind.CANCEL, "canceled", "1"),
        BudgetSpent(RequestKind.CANCEL, "gone", ()),
        spent(RequestKind.LOOK_UP, "looked up", "2"),
        spent(RequestKind.FILLS, "7", "3"),
    ]
    assert effects[:3] == [
        SendCancel("canceled", "V-canceled", BTC),
        LookUpOrder("looked up", BTC),
        AnswerCommand(7, True, "", ""),
    ]


def test_what_has_waited_as_long_as_it_may_is_given_up() -> None:
    """With how long it was; a nanosecond earlier it still waits, and its end is come back to."""
    deciding = paced("9")
    deciding.order("over", state=APPROVED)
    deciding.order("waits", state=APPROVED)
    state = deciding.state
    state.pace.order_paced(
        OrderPaced("over", RequestKind.SUBMIT, Lane.ENTRY, BTC, ONE, PACE_NS - 2 * SECOND_NS, 1, PACE_NS)
    )
    state.pace.order_paced(
        OrderPaced("waits", RequestKind.SUBMIT, Lane.ENTRY, BTC, ONE, PACE_NS, 1, PACE_NS + 1)
    )
    records, effects = deciding.on(PaceDue())
    cause = "it waited 2000 ms for the venue's rate limit, as long as it was allowed to"
    assert records == [OrderEventNoted("over", OrderEvent.NOT_SENT, cause, "kernel")]
    assert effects == [PaceIn(1)]


def test_what_reaches_its_end_is_given_up_though_it_would_fit() -> None:
    """In the very instant: it goes out no more, it takes nothing, and those behind it go."""
    deciding = paced()
    for name in ("first", "over", "last"):
        deciding.order(name, state=APPROVED)
        waits(deciding, name, RequestKind.SUBMIT, Lane.ENTRY, since_s=1)
    queued = deciding.state.pace.waiting[RequestKind.SUBMIT, "over"]
    deciding.state.pace.remove((RequestKind.SUBMIT, "over"))
    ends = OrderPaced("over", RequestKind.SUBMIT, Lane.ENTRY, BTC, ONE, queued.since_ns, 1, PACE_NS)
    deciding.state.pace.order_paced(ends)
    cause = "it waited 1000 ms for the venue's rate limit, as long as it was allowed to"
    deadline_ns = NOW_NS + deciding.rules.order_deadline_ns
    records, effects = deciding.on(PaceDue())
    assert records == [
        OrderEventNoted("over", OrderEvent.NOT_SENT, cause, "kernel"),
        spent(RequestKind.SUBMIT, "first", "1"),
        AttemptStarted("first", 1, NOW_NS, deadline_ns),
        spent(RequestKind.SUBMIT, "last", "2"),
        AttemptStarted("last", 1, NOW_NS, deadline_ns),
    ]
    assert [type(each) for each in effects[:2]] == [SendOrder, SendOrder]
    assert all(isinstance(each, PaceIn) for each in effects[2:])


@pytest.mark.parametrize(("waited_s", "goes"), [(4, True), (3, False)])
def test_a_question_that_waited_too_long_goes_with_what_protects(waited_s: int, *, goes: bool) -> None:
    """It may take what is kept from entries; until then the time when it may is come back to."""
    deciding = paced("3")
    deciding.order("x", state=WORKING)
    waits(deciding, "x", RequestKind.LOOK_UP, Lane.QUERY, since_s=waited_s)
    records, effects = deciding.on(PaceDue())
    assert records == ([spent(RequestKind.LOOK_UP, "x", "4")] if goes else [])
    assert effects == ([LookUpOrder("x", BTC)] if goes else [PaceIn(SECOND_NS)])


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
