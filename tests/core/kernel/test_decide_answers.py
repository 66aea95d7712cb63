"""What follows from an answer, an absence or a timer: every record and every effect, and at which time.

A look-up too early decides wrongly, one too late leaves exposure reserved, and one record too many is a
state that a replay repeats for ever: so each case says all that follows.
"""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import (
    AttemptStarted,
    CommandRefused,
    OrderAccepted,
    OrderEventNoted,
)
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.effects import (
    AnswerCommand,
    LookUpOrder,
    ReadRules,
    SendCancel,
    SendOrder,
    WakeAt,
)
from fairlead.kernel.core.inputs import CancelOrder, InFlightLost, ResolveByOperator, TimerDue
from fairlead.kernel.core.state import MISSING
from fairlead.kernel.core.venue_inputs import AbsenceSeen, CancelAnswered, LookUpFailed, SubmitAnswered
from fairlead.ports.exchange import Answer, Fence, Outcome
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import MONOTONIC_NS, NOW_NS, SECOND_NS, Deciding, reduced, rules_of

MARGIN_NS = rules_of().deadline_margin_ns
EVENT_NS = 77
NEVER = "The order was never recorded, so it was never sent."


def event(kind: OrderEvent, cause: str, look_up_ns: int = 0, ts_event: int = 0) -> OrderEventNoted:
    """Return the record of an event that the kernel concluded."""
    return OrderEventNoted("x", kind, cause, "kernel", look_up_ns, ts_event)


# -- the answer to a submit ----------------------------------------------------------------------------


def submitted(**facts: Any) -> Deciding:  # noqa: ANN401 - facts of several types
    """Return a state with an order whose first attempt is on its way."""
    deciding = Deciding()
    deciding.order("x", **{"state": OrderState.SUBMITTED, "attempt": 1, **facts})
    return deciding


def answered(outcome: Outcome, *, attempt: int = 1, **told: Any) -> SubmitAnswered:  # noqa: ANN401 - facts of several types
    """Return the answer to an attempt."""
    said = {"reason": "because", "ts_event": EVENT_NS, **told}
    return SubmitAnswered("x", attempt, Answer(outcome, **said))


def test_an_acceptance_is_recorded_with_the_venues_id_and_time() -> None:
    """Nothing else follows from it."""
    given = answered(Outcome.ACCEPTED, venue_order_id="V1")
    accepted = OrderAccepted("x", "V1", OrderEvent.ACCEPTED, EVENT_NS, "answer")
    assert submitted().on(given) == ([accepted], [])


@pytest.mark.parametrize(
    ("deadline_ns", "look_up_ns"),
    [
        (NOW_NS + 3 * SECOND_NS, NOW_NS + 3 * SECOND_NS + MARGIN_NS),
        (NOW_NS, NOW_NS + max(SECOND_NS, MARGIN_NS)),
        (NOW_NS - 9 * SECOND_NS, NOW_NS + SECOND_NS),
    ],
)
def test_an_unknown_outcome_is_looked_up_when_that_can_decide(deadline_ns: int, look_up_ns: int) -> None:
    """Behind the deadline and its margin, and never sooner than the interval from now."""
    expected = [event(OrderEvent.OUTCOME_UNKNOWN, "because", look_up_ns)], [WakeAt("x", look_up_ns)]
    assert submitted(deadline_ns=deadline_ns).on(answered(Outcome.UNKNOWN)) == expected


def test_a_venue_without_deadlines_is_asked_after_the_interval() -> None:
    """What stands as a deadline is none there."""
    deciding = Deciding(rules_of(fence=Fence.NONE))
    deciding.order("x", state=OrderState.SUBMITTED, deadline_ns=NOW_NS + 9 * SECOND_NS)
    at_ns = NOW_NS + SECOND_NS
    expected = [event(OrderEvent.OUTCOME_UNKNOWN, "because", at_ns)], [WakeAt("x", at_ns)]
    assert deciding.on(answered(Outcome.UNKNOWN)) == expected


def test_an_unknown_outcome_of_what_is_known_already_says_nothing() -> None:
    """The order came up in a report before its answer was given up."""
    assert submitted(state=OrderState.WORKING).on(answered(Outcome.UNKNOWN)) == ([], [])


@pytest.mark.parametrize(
    ("outcome", "kind"), [(Outcome.REFUSED, OrderEvent.REJECTED), (Outcome.NOT_SENT, OrderEvent.NOT_SENT)]
)
def test_a_refusal_ends_it_and_one_by_the_rules_has_them_read_again(
    outcome: Outcome, kind: OrderEvent
) -> None:
    """With the venue's reason and time."""
    ended = event(kind, "because", 0, EVENT_NS)
    assert submitted().on(answered(outcome)) == ([ended], [])
    assert submitted().on(answered(outcome, names_rules=True)) == ([ended], [ReadRules("because")])


def test_a_refusal_of_what_is_working_is_a_contradiction_and_ends_nothing() -> None:
    """The venue showed it alive: it is asked again, and the order goes on."""
    detail = "the submit was answered refused (because) while it is working"
    records, effects = submitted(state=OrderState.WORKING).on(answered(Outcome.REFUSED))
    assert records == reduced(AnomalyKind.CONTRADICTION, detail)
    assert effects == [LookUpOrder("x", BTC)]


@pytest.mark.parametrize(
    ("attempt", "age_ns", "retry_ns", "kind"),
    [
        (1, 0, 0, OrderEvent.LIMITED),
        (2, 0, 0, OrderEvent.LIMITED),
        (3, 0, 0, OrderEvent.NOT_SENT),
        (4, 0, 0, OrderEvent.NOT_SENT),
        (1, 4 * SECOND_NS, 0, OrderEvent.LIMITED),
        (1, 4 * SECOND_NS + 1, 0, OrderEvent.NOT_SENT),
        (1, 0, 5 * SECOND_NS, OrderEvent.LIMITED),
        (1, 0, 5 * SECOND_NS + 1, OrderEvent.NOT_SENT),
        (1, 0, -1, OrderEvent.LIMITED),
    ],
)
def test_a_limited_submit_is_tried_again_while_its_approval_holds(
    attempt: int, age_ns: int, retry_ns: int, kind: OrderEvent
) -> None:
    """After the venue's pause, else the interval; so often, and not beyond the age of the approval."""
    deciding = Deciding(rules_of(limited_attempts_max=3))
    deciding.order("x", state=OrderState.SUBMITTED, attempt=attempt, created_ns=NOW_NS - age_ns)
    records, effects = deciding.on(answered(Outcome.LIMITED, attempt=attempt, retry_after_ns=retry_ns))
    if kind is OrderEvent.LIMITED:
        at_ns = NOW_NS + (retry_ns if retry_ns > 0 else SECOND_NS)
        assert (records, effects) == ([event(kind, "because", at_ns)], [WakeAt("x", at_ns)])
        return
    times = f"{attempt} times" if attempt >= 3 else "until its approval will be too old"
    assert (records, effects) == ([event(kind, f"refused for the rate limit {times}: because")], [])


def test_a_limited_answer_about_what_is_working_is_a_contradiction_too() -> None:
    """The order was seen alive meanwhile: it is not sent again."""
    records, effects = submitted(state=OrderState.WORKING).on(answered(Outcome.LIMITED))
    assert records == reduced(AnomalyKind.CONTRADICTION, "limited while working: because")
    assert effects == []


# -- an absence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fence", "facts", "asked_ns", "is_proof"),
    [
        (Fence.DEADLINE, {"deadline_ns": 100}, 100 + MARGIN_NS, True),
        (Fence.DEADLINE, {"deadline_ns": 100}, 99 + MARGIN_NS, False),
        (Fence.PERMANENT_CLIENT_ID, {"not_before_ns": 100}, 100 + 50 + MARGIN_NS, True),
        (Fence.PERMANENT_CLIENT_ID, {"not_before_ns": 100}, 99 + 50 + MARGIN_NS, False),
        (Fence.NONE, {}, NOW_NS, False),
    ],
)
def test_an_absence_is_proof_only_behind_the_fence(
    fence: Fence, facts: dict[str, Any], asked_ns: int, *, is_proof: bool
) -> None:
    """Asked a nanosecond too early it proves nothing, and where there is no fence never."""
    deciding = Deciding(rules_of(fence=fence, horizon_ns=50))
    deciding.order("x", state=OrderState.UNRESOLVED, **facts)
    expected: object = ([], [WakeAt("x", NOW_NS + SECOND_NS)])
    if is_proof:
        cause = f"looked up after its fence ({fence.value}): not there"
        expected = ([event(OrderEvent.ABSENT, cause)], [])
    assert deciding.on(AbsenceSeen("x", asked_ns)) == expected


@pytest.mark.parametrize(
    ("waited_ns", "pause_ns"),
    [(0, SECOND_NS), (3 * SECOND_NS, 3 * SECOND_NS), (99 * SECOND_NS, 8 * SECOND_NS)],
)
def test_what_is_not_known_is_asked_again_with_growing_pauses(waited_ns: int, pause_ns: int) -> None:
    """As long as was waited so far, at least the interval, and at most the longest."""
    for given in (AbsenceSeen("x", 0), LookUpFailed("x", "no answer")):
        deciding = Deciding()
        deciding.order("x", state=OrderState.UNRESOLVED, deadline_ns=NOW_NS, updated_ns=NOW_NS - waited_ns)
        assert deciding.on(given) == ([], [WakeAt("x", NOW_NS + pause_ns)])


@pytest.mark.parametrize(
    ("asked_after_ns", "detail", "is_news"), [(1, "", True), (0, "", False), (1, MISSING, False)]
)
def test_a_working_order_that_is_absent_is_missing_once(
    asked_after_ns: int, detail: str, *, is_news: bool
) -> None:
    """Only a reading of after its last change says so; it stays working, and is asked for again later."""
    deciding = Deciding()
    made = deciding.order("x", state=OrderState.WORKING, detail=detail)
    given = AbsenceSeen("x", NOW_NS, made.changed_monotonic_ns + asked_after_ns)
    records, effects = deciding.on(given)
    news = [event(OrderEvent.ABSENT, MISSING), *reduced(AnomalyKind.MISSING_AT_VENUE, MISSING)]
    assert records == (news if is_news else [])
    assert effects == [WakeAt("x", NOW_NS + 8 * SECOND_NS)]


@pytest.mark.parametrize("state", [OrderState.APPROVED, OrderState.SUBMITTED, OrderState.FILLED])
def test_an_absence_of_what_is_not_asked_about_says_nothing(state: OrderState) -> None:
    """Not sent yet, on its way, or over."""
    deciding = Deciding()
    deciding.order("x", state=state)
    assert deciding.on(AbsenceSeen("x", NOW_NS + 99 * SECOND_NS, MONOTONIC_NS)) == ([], [])


@pytest.mark.parametrize("given", [AbsenceSeen("y", 1), LookUpFailed("y", ""), TimerDue("y")])
def test_what_is_about_no_order_that_is_known_leads_to_nothing(given: Any) -> None:  # noqa: ANN401 - inputs of several types
    """It left memory meanwhile."""
    assert submitted().on(given) == ([], [])


# -- cancels -------------------------------------------------------------------------------------------


def test_a_cancel_of_a_working_order_is_recorded_sent_and_looked_up_later() -> None:
    """With who asked for it; the owner is told that it is under way."""
    deciding = Deciding()
    deciding.order("x", state=OrderState.WORKING, venue_order_id="V1")
    asked = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked by its owner", "bot", NOW_NS + SECOND_NS)
    effects = [SendCancel("x", "V1", BTC), AnswerCommand(7, True, "", "")]
    assert deciding.on(CancelOrder("x", "bot", 7)) == ([asked], effects)


def test_a_cancel_of_what_the_venue_has_not_acknowledged_waits_for_that() -> None:
    """Nothing is sent, and what is due for its look-up stays."""
    deciding = submitted(look_up_ns=55)
    asked = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked by its owner", "bot", 55)
    assert deciding.on(CancelOrder("x", "bot", 7)) == ([asked], [AnswerCommand(7, True, "", "")])


@pytest.mark.parametrize(
    ("name", "by", "state", "code", "reason"),
    [
        ("y", "bot", OrderState.WORKING, "UNKNOWN_ORDER", NEVER),
        ("x", "eve", OrderState.WORKING, "FOREIGN_OWNER", "The order belongs to bot."),
        ("x", "bot", OrderState.FILLED, "ALREADY_CLOSED", "The order is filled."),
    ],
)
def test_a_cancel_that_cannot_be_is_refused_and_recorded(
    name: str, by: str, state: OrderState, code: str, reason: str
) -> None:
    """Never recorded, somebody else's, over: who asked for what, and why not."""
    deciding = submitted(state=state)
    refused = CommandRefused("cancel", by, name, code, reason)
    assert deciding.on(CancelOrder(name, by, 7)) == ([refused], [AnswerCommand(7, False, code, reason)])


def test_an_operator_cancels_any_order_and_asking_twice_is_one_request() -> None:
    """The second is told that the first is under way."""
    deciding = submitted(state=OrderState.WORKING)
    records, _ = deciding.on(CancelOrder("x", "eve", 7, operator=True))
    assert [type(each) for each in records] == [OrderEventNoted]
    deciding.state.orders["x"].pending = PendingRequest.CANCEL
    told = AnswerCommand(8, True, "ALREADY_ASKED", "A cancel is under way.")
    assert deciding.on(CancelOrder("x", "bot", 8)) == ([], [told])


@pytest.mark.parametrize(
    ("outcome", "retry_ns", "at_ns"),
    [
        (Outcome.ACCEPTED, 0, SECOND_NS),
        (Outcome.UNKNOWN, 0, SECOND_NS),
        (Outcome.LIMITED, 3 * SECOND_NS, 3 * SECOND_NS),
        (Outcome.LIMITED, SECOND_NS - 1, SECOND_NS),
    ],
)
def test_a_cancels_end_is_looked_for_after_a_pause(outcome: Outcome, retry_ns: int, at_ns: int) -> None:
    """The interval, or longer where the venue's rate limit says so; the answer itself ends nothing."""
    deciding = submitted(state=OrderState.WORKING, pending=PendingRequest.CANCEL)
    given = CancelAnswered("x", Answer(outcome, retry_after_ns=retry_ns))
    assert deciding.on(given) == ([], [WakeAt("x", NOW_NS + at_ns)])


def test_a_refused_cancel_is_taken_back_and_the_order_looked_up() -> None:
    """Only what is pending can be taken back; a zombie is looked for later, whatever was said."""
    refused = CancelAnswered("x", Answer(Outcome.REFUSED, reason="too late"))
    deciding = submitted(state=OrderState.WORKING, pending=PendingRequest.CANCEL)
    taken_back = [event(OrderEvent.CANCEL_REFUSED, "too late")]
    assert deciding.on(refused) == (taken_back, [LookUpOrder("x", BTC)])
    assert submitted(state=OrderState.WORKING).on(refused) == ([], [LookUpOrder("x", BTC)])
    assert submitted(state=OrderState.FILLED).on(refused) == ([], [WakeAt("x", NOW_NS + SECOND_NS)])


# -- timers and restarts -------------------------------------------------------------------------------


def test_an_order_that_was_limited_is_sent_again_while_its_approval_holds() -> None:
    """As the next attempt, with a deadline of its own; an old approval is no approval."""
    deciding = submitted(state=OrderState.APPROVED, attempt=1, created_ns=NOW_NS - 5 * SECOND_NS)
    deadline_ns = NOW_NS + deciding.rules.order_deadline_ns
    records, [sent] = deciding.on(TimerDue("x"))
    assert records == [AttemptStarted("x", 2, NOW_NS, deadline_ns)]
    assert isinstance(sent, SendOrder)
    assert (sent.attempt, sent.not_before_ns, sent.order.request.deadline_ns) == (2, NOW_NS, deadline_ns)
    too_old = [event(OrderEvent.NOT_SENT, "its approval is too old to be sent")]
    assert deciding.on(TimerDue("x"), NOW_NS + 1) == (too_old, [])


@pytest.mark.parametrize(("reduces", "is_sent"), [(False, False), (True, True)])
def test_what_trading_or_the_venue_forbids_by_now_is_not_sent(*, reduces: bool, is_sent: bool) -> None:
    """Halted, or with a symbol that was withdrawn: new exposure ends there; reductions are sent."""
    halted = submitted(state=OrderState.APPROVED, reduces=reduces)
    halted.state.trading = TradingState.HALTED
    withdrawn = submitted(state=OrderState.APPROVED, reduces=reduces)
    withdrawn.state.withdrawn[BTC] = "no"
    for deciding in (halted, withdrawn):
        [record], effects = deciding.on(TimerDue("x"))
        assert isinstance(record, AttemptStarted) is is_sent
        assert len(effects) == is_sent
        assert is_sent or isinstance(record, OrderEventNoted)


def test_a_timer_looks_up_what_is_not_known_and_repeats_a_cancel() -> None:
    """An order over is left alone, unless it is a zombie."""
    look_up = LookUpOrder("x", BTC)
    assert submitted().on(TimerDue("x")) == ([], [look_up])
    canceling = submitted(state=OrderState.WORKING, pending=PendingRequest.CANCEL, venue_order_id="V1")
    assert canceling.on(TimerDue("x")) == ([], [look_up, SendCancel("x", "V1", BTC)])
    unacknowledged = submitted(pending=PendingRequest.CANCEL)
    assert unacknowledged.on(TimerDue("x")) == ([], [look_up])
    over = submitted(state=OrderState.FILLED)
    assert over.on(TimerDue("x")) == ([], [])
    over.state.zombies["x"] = None
    assert over.on(TimerDue("x")) == ([], [look_up])


def test_after_a_restart_what_may_have_left_is_unresolved_and_what_cannot_is_not_sent() -> None:
    """Each by itself; what is still on its way is left, and so is what works or is over."""
    deciding = Deciding()
    states = {
        "left": OrderState.SUBMITTED,
        "still": OrderState.SUBMITTED,
        "waited": OrderState.APPROVED,
        "works": OrderState.WORKING,
        "over": OrderState.FILLED,
        "late": OrderState.SUBMITTED,
    }
    for name, state in states.items():
        deciding.order(name, state=state, deadline_ns=NOW_NS - 9 * SECOND_NS)
    records, effects = deciding.on(InFlightLost(frozenset({"still"}), "it was killed"))
    at_ns = NOW_NS + SECOND_NS
    waited = "it waited to be sent when this came: it was killed"
    assert records == [
        OrderEventNoted("left", OrderEvent.OUTCOME_UNKNOWN, "it was killed", "kernel", at_ns),
        OrderEventNoted("waited", OrderEvent.NOT_SENT, waited, "kernel"),
        OrderEventNoted("late", OrderEvent.OUTCOME_UNKNOWN, "it was killed", "kernel", at_ns),
    ]
    assert effects == [WakeAt("left", at_ns), WakeAt("late", at_ns)]


@pytest.mark.parametrize(
    ("state", "detail", "missing", "code"),
    [
        (OrderState.UNRESOLVED, "", False, ""),
        (OrderState.WORKING, "", False, "NOT_UNRESOLVED"),
        (OrderState.WORKING, MISSING, True, ""),
        (OrderState.WORKING, "", True, "NOT_MISSING"),
        (OrderState.UNRESOLVED, MISSING, True, "NOT_MISSING"),
    ],
)
def test_an_operator_decides_only_what_nothing_else_can(
    state: OrderState, detail: str, *, missing: bool, code: str
) -> None:
    """An unresolved order that was never placed, or a working one that is missing; with note and name."""
    deciding = submitted(state=state, detail=detail)
    records, effects = deciding.on(ResolveByOperator("x", "ann", "seen there", 7, missing))
    if code:
        reason = f"The order is {state.value}."
        assert records == [CommandRefused("resolve", "ann", "x", code, reason)]
        assert effects == [AnswerCommand(7, False, code, reason)]
        return
    kind = OrderEvent.CANCELED if missing else OrderEvent.RESOLVED_BY_OPERATOR
    cause = "missing at the venue: seen there" if missing else "seen there"
    assert records == [OrderEventNoted("x", kind, cause, "ann")]
    assert effects == [AnswerCommand(7, True, "", "")]
