"""What follows from each piece of evidence about a modify: the answer, a reading, a cancel, a restart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.change_records import (
    ChangeEnded,
    ChangeRequested,
    ChangeUnresolved,
    ModifyLimited,
    ModifyRejected,
    OrderUpdated,
)
from fairlead.domain.changes import ChangeCode, ChangeKind, Terms, Wish
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import OrderEventNoted, Record
from fairlead.kernel.core.change_inputs import ModifyAnswered
from fairlead.kernel.core.effects import (
    AnswerCommand,
    LookUpOrder,
    ReadRules,
    SendCancel,
    WakeAt,
)
from fairlead.kernel.core.inputs import CancelOrder, InFlightLost
from fairlead.kernel.core.venue_inputs import OrderReported
from fairlead.ports.exchange import Answer, Fence, OrderReport, OrderTerms, Outcome, VenueStatus
from tests.core.kernel.bench import BTC
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, reduced, rules_of

D = Decimal
MARGIN_NS = rules_of().deadline_margin_ns
OLD, NEW = Terms(D(3), D(100)), Terms(D(2), D(99))
LOOK_UP = LookUpOrder("x", BTC)
LATER_NS = NOW_NS + SECOND_NS
TOO_OLD = "refused for the rate limit until its approval will be too old"


def working(deciding: Deciding | None = None, /, **facts: Any) -> Deciding:  # noqa: ANN401 - facts of several types
    """Return a state with an order of the old terms that works at the venue as V1."""
    deciding = deciding or Deciding()
    deciding.order("x", **{"state": OrderState.WORKING, "venue_order_id": "V1", **facts})
    return deciding


# -- the answer ----------------------------------------------------------------------------------------


def changing(deciding: Deciding | None = None, /, *, unresolved: bool = False, **wish: Any) -> Deciding:  # noqa: ANN401 - fields of several types
    """Return a state with an order whose modify to the new terms has left."""
    deciding = working(deciding)
    deciding.fold.changes(ChangeRequested("change-1", ChangeKind.MODIFY, "x", "bot", NEW, True, ()))
    made, change = deciding.state.orders["x"], deciding.state.changes["change-1"]
    told = {"sent_ns": NOW_NS - SECOND_NS, "deadline_ns": NOW_NS, "attempt": 1, **wish}
    made.wish = Wish("change-1", NEW, **told)
    made.sent_monotonic_ns, made.updated_ns = 2_000, NOW_NS
    change.unresolved, change.created_ns = unresolved, NOW_NS
    return deciding


def answered(outcome: Outcome, change_id: str = "change-1", **told: Any) -> ModifyAnswered:  # noqa: ANN401 - likewise
    """Return the answer to the modify."""
    return ModifyAnswered("x", change_id, Answer(outcome, **{"reason": "because", "ts_event": 77, **told}))


def rejected(code: ChangeCode, reason: str = "because", ts_event: int = 0) -> ModifyRejected:
    """Return the record of a modify that was not done."""
    return ModifyRejected("x", "change-1", code.value, reason, ts_event)


def test_an_accepted_modify_updates_the_order_under_the_name_it_has_there_now() -> None:
    """Some venues give a changed order another id."""
    updated = OrderUpdated("x", "change-1", NEW, "V2", 77, "answer")
    assert changing().on(answered(Outcome.ACCEPTED, venue_order_id="V2")) == ([updated], [])


def test_an_answer_that_did_not_come_is_doubt_and_looked_up() -> None:
    """Never presumed to be a refusal."""
    doubt = ChangeUnresolved("x", "change-1", "because", LATER_NS)
    assert changing().on(answered(Outcome.UNKNOWN)) == ([doubt], [WakeAt("x", LATER_NS)])


def test_a_refused_modify_leaves_the_terms_and_has_the_order_looked_up() -> None:
    """The reason may be that it is over; one that names a rule has the rules read again."""
    refused = [rejected(ChangeCode.REJECTED, ts_event=77)]
    assert changing().on(answered(Outcome.REFUSED)) == (refused, [LOOK_UP])
    both = [LOOK_UP, ReadRules("because")]
    assert changing().on(answered(Outcome.REFUSED, names_rules=True)) == (refused, both)
    assert changing().on(answered(Outcome.NOT_SENT)) == ([rejected(ChangeCode.NOT_SENT)], [])


@pytest.mark.parametrize(
    ("attempt", "retry_ns", "age_ns", "problem"),
    [
        (1, 0, 0, ""),
        (1, 2 * SECOND_NS, 0, ""),
        (1, -1, 0, ""),
        (2, 0, 0, ""),
        (3, 0, 0, "refused for the rate limit 3 times: because"),
        (1, 0, 4 * SECOND_NS, ""),
        (
            1,
            0,
            4 * SECOND_NS + 1,
            f"{TOO_OLD}: because; it may be tried again in 1000 ms",
        ),
    ],
)
def test_a_limited_modify_is_tried_again_as_often_and_as_long_as_a_submit(
    attempt: int, retry_ns: int, age_ns: int, problem: str
) -> None:
    """After the venue's pause, else the interval; then the order keeps its old terms."""
    deciding = changing(Deciding(rules_of(limited_attempts_max=3)), attempt=attempt)
    deciding.state.changes["change-1"].created_ns = NOW_NS - age_ns
    given = deciding.on(answered(Outcome.LIMITED, retry_after_ns=retry_ns))
    if problem:
        assert given == ([rejected(ChangeCode.LIMITED, problem)], [])
        return
    at_ns = NOW_NS + (retry_ns if retry_ns > 0 else SECOND_NS)
    assert given == ([ModifyLimited("x", "change-1", "because", at_ns)], [WakeAt("x", at_ns)])


@pytest.mark.parametrize(
    ("code", "outcome", "is_looked_up"),
    [
        (ChangeCode.MODIFIED, Outcome.ACCEPTED, False),
        (ChangeCode.MODIFIED, Outcome.REFUSED, True),
        (ChangeCode.MODIFIED, Outcome.UNKNOWN, False),
        (ChangeCode.NOT_DONE, Outcome.ACCEPTED, True),
        (ChangeCode.NOT_DONE, Outcome.REFUSED, False),
    ],
)
def test_an_answer_after_the_evidence_is_compared_and_not_believed(
    code: ChangeCode, outcome: Outcome, *, is_looked_up: bool
) -> None:
    """One that contradicts has the order looked up; one that says nothing new is nothing."""
    deciding = changing()
    deciding.state.orders["x"].wish = None
    deciding.state.changes["change-1"].code = code.value
    assert deciding.on(answered(outcome)) == ([], [LOOK_UP] if is_looked_up else [])


def test_an_answer_about_an_order_that_is_over_or_gone_is_nothing() -> None:
    """What was filled is known already; an answer about another change is compared with that one."""
    over = changing()
    over.state.orders["x"].state = OrderState.FILLED
    assert over.on(answered(Outcome.ACCEPTED)) == ([], [])
    assert Deciding().on(answered(Outcome.ACCEPTED)) == ([], [])
    assert changing().on(answered(Outcome.ACCEPTED, "change-9")) == ([], [LOOK_UP])


# -- evidence ------------------------------------------------------------------------------------------


def shown(terms: Terms, asked_ns: int = NOW_NS, monotonic_ns: int = 2_001) -> OrderReported:
    """Return a report of the order alive under these terms, asked for at that time; 0 for never."""
    told = OrderTerms(
        OrderSide.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        terms.quantity,
        terms.limit_price,
        terms.trigger_price,
    )
    report = OrderReport("x", "V1", BTC, VenueStatus.LIVE, D(0), 66, terms=told)
    return OrderReported(report, "look_up", asked_ns, monotonic_ns)


def other_terms(detail: str, terms: Terms) -> list[Record]:
    """Return what is recorded of terms that nobody here asked for."""
    updated = OrderUpdated("x", "", terms, "V1", 66, "look_up")
    return [*reduced(AnomalyKind.TERMS_DIFFER, detail), updated]


@pytest.mark.parametrize("unresolved", [False, True])
def test_a_reading_that_shows_the_new_terms_says_that_it_was_done(*, unresolved: bool) -> None:
    """Whether the answer came or not."""
    updated = OrderUpdated("x", "change-1", NEW, "V1", 66, "look_up")
    assert changing(unresolved=unresolved).on(shown(NEW)) == ([updated], [])


@pytest.mark.parametrize(
    ("unresolved", "terms", "effects"),
    [
        (True, NEW, [LOOK_UP]),
        (True, OLD, []),
        (False, NEW, []),
        (False, OLD, []),
    ],
)
def test_a_report_that_came_by_itself_is_a_hint_and_no_proof(
    terms: Terms, effects: list[LookUpOrder], *, unresolved: bool
) -> None:
    """It may be older than the modify; one that shows the new terms of a doubtful one has it looked up."""
    assert changing(unresolved=unresolved).on(shown(terms, 0, 0)) == ([], effects)


@pytest.mark.parametrize(("unresolved", "terms"), [(True, NEW), (True, OLD), (False, NEW), (False, OLD)])
def test_a_reading_from_before_the_modify_left_is_no_evidence(terms: Terms, *, unresolved: bool) -> None:
    """Asked in the instant in which it left or before, whatever it shows; a doubtful one is asked again."""
    again = [WakeAt("x", LATER_NS)] if unresolved else []
    assert changing(unresolved=unresolved).on(shown(terms, NOW_NS, 2_000)) == ([], again)


@pytest.mark.parametrize(
    ("fence", "asked_ns", "is_proof"),
    [
        (Fence.DEADLINE, NOW_NS + MARGIN_NS, True),
        (Fence.DEADLINE, NOW_NS + MARGIN_NS - 1, False),
        (Fence.NONE, NOW_NS + 99 * SECOND_NS, False),
    ],
)
@pytest.mark.parametrize("unresolved", [False, True])
def test_the_old_terms_are_proof_only_when_the_modify_can_no_longer_arrive(
    fence: Fence, asked_ns: int, *, is_proof: bool, unresolved: bool
) -> None:
    """Behind its deadline; before that a doubtful one is looked up again, without a fence for ever."""
    deciding = changing(Deciding(rules_of(fence=fence)), unresolved=unresolved)
    reason = f"looked up after its fence ({fence.value}): the venue shows the old terms"
    again = [WakeAt("x", LATER_NS)] if unresolved else []
    expected = ([rejected(ChangeCode.NOT_DONE, reason)], []) if is_proof else ([], again)
    assert deciding.on(shown(OLD, asked_ns)) == expected


@pytest.mark.parametrize("unresolved", [False, True])
def test_third_terms_are_taken_over_and_the_change_stays_open(*, unresolved: bool) -> None:
    """They are what the venue may fill; whether the modify will still be done is another question."""
    third = Terms(D(5), D(98))
    again = [WakeAt("x", LATER_NS)] if unresolved else []
    detail = "the venue has a quantity of 5 at 98, not a quantity of 3 at 100"
    assert changing(unresolved=unresolved).on(shown(third)) == (other_terms(detail, third), again)


def test_terms_that_nobody_asked_for_are_taken_over_by_a_later_reading() -> None:
    """One of the instant of its last change, or before, tells of what was; nor is a smaller whole a term."""
    third = Terms(D(5), D(98), D(97))
    deciding = working()
    changed_ns = deciding.state.orders["x"].changed_monotonic_ns
    detail = "the venue has a quantity of 5 at 98 triggered at 97, not a quantity of 3 at 100"
    assert deciding.on(shown(third, NOW_NS, changed_ns + 1)) == (other_terms(detail, third), [])
    assert deciding.on(shown(third, NOW_NS, changed_ns)) == ([], [])
    assert deciding.on(shown(OLD, NOW_NS, changed_ns + 1)) == ([], [])
    deciding.state.orders["x"].filled_quantity = D(5)
    assert deciding.on(shown(third, NOW_NS, changed_ns + 1)) == (other_terms(detail, third)[:-1], [])


# -- cancels and restarts ------------------------------------------------------------------------------


@pytest.mark.parametrize("has_left", [False, True])
def test_a_cancel_takes_back_a_change_that_has_not_left(*, has_left: bool) -> None:
    """One that has may still be done."""
    deciding = changing(sent_ns=NOW_NS if has_left else 0)
    canceled = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked by its owner", "bot", LATER_NS)
    withdrawn = rejected(ChangeCode.WITHDRAWN, "bot wants the order canceled")
    records, effects = deciding.on(CancelOrder("x", "bot", 7))
    assert records == ([canceled] if has_left else [withdrawn, canceled])
    assert effects == [SendCancel("x", "V1", BTC), AnswerCommand(7, True, "", "")]


def test_a_second_cancel_takes_back_a_replacement() -> None:
    """The order is canceled already, to be replaced: then nothing takes its place; a modify stays."""
    for kind in ChangeKind:
        deciding = working(pending=PendingRequest.CANCEL)
        deciding.fold.changes(ChangeRequested("change-1", kind, "x", "bot", NEW, True, ()))
        ended = ChangeEnded("x", "change-1", "WITHDRAWN", "bot wants the order canceled")
        records, [told] = deciding.on(CancelOrder("x", "bot", 7))
        assert records == ([ended] if kind is ChangeKind.REPLACE else [])
        assert told == AnswerCommand(7, True, "ALREADY_ASKED", "A cancel is under way.")


@pytest.mark.parametrize(
    ("wish", "unresolved", "in_flight", "expected"),
    [
        (
            {},
            False,
            False,
            ([ChangeUnresolved("x", "change-1", "killed", LATER_NS)], [WakeAt("x", LATER_NS)]),
        ),
        ({}, True, False, ([], [])),
        ({}, False, True, ([], [])),
        (
            {"sent_ns": 0},
            False,
            False,
            ([rejected(ChangeCode.NOT_SENT, "it waited to be sent when this came: killed")], []),
        ),
    ],
)
def test_after_a_restart_a_change_that_left_is_doubtful_and_one_that_waited_is_over(
    wish: dict[str, Any], expected: object, *, unresolved: bool, in_flight: bool
) -> None:
    """Doubted once; one that is still on its way is left alone."""
    deciding = changing(unresolved=unresolved, **wish)
    lost = InFlightLost(frozenset({"change-1"} if in_flight else ()), "killed")
    assert deciding.on(lost) == expected
