"""What pace makes of requests, said whole: what goes out, what waits for how long, and what is given up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import (
    AttemptStarted,
    BudgetSpent,
    OrderEventNoted,
    OrderInitialized,
    OrderPaced,
    QueryPaced,
)
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.kernel.core.effects import AnswerCommand, LookUpOrder, PaceIn, SendCancel, SendOrder
from fairlead.kernel.core.inputs import CancelAll, CancelOrder, PaceDue, TimerDue
from fairlead.kernel.core.venue_inputs import QueryRefused, QueryWanted
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding
from tests.core.kernel.pace_stage import ONE, PACE_NS, paced, queue, spent, waits
from tests.core.kernel.pacing_limits import ORDERS
from tests.core.kernel.proposing import proposed

D = Decimal
WORKING, APPROVED = OrderState.WORKING, OrderState.APPROVED


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


def test_requests_of_one_step_share_what_is_left() -> None:
    """What the first of three cancels takes is not there for the others: two go, one waits."""
    deciding = paced("2")
    for name in "abc":
        deciding.order(name, state=WORKING)
    records, effects = deciding.on(CancelAll("bot", "", "", 7))
    assert records[-3:] == [
        spent(RequestKind.CANCEL, "a", "3"),
        spent(RequestKind.CANCEL, "b", "4"),
        OrderPaced("c", RequestKind.CANCEL, Lane.PROTECTIVE, BTC, ONE, PACE_NS, SECOND_NS),
    ]
    assert effects[1:] == [SendCancel("a", "", BTC), SendCancel("b", "", BTC), PaceIn(SECOND_NS)]


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
