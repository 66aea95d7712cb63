"""What follows from a report of an order or of a trade, said whole: records, anomalies, effects and times."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.change_records import OrderUpdated
from fairlead.domain.changes import Terms, Wish
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import (
    AnomalyNoted,
    OrderAccepted,
    OrderEventNoted,
)
from fairlead.kernel.core.effects import LookUpOrder, ReadRules, SendCancel, WakeAt
from fairlead.kernel.core.state import FOUND_AGAIN, MISSING
from fairlead.kernel.core.venue_inputs import OrderReported
from fairlead.ports.exchange import OrderReport, OrderTerms, VenueStatus
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, reduced

D = Decimal
WORKING, UNRESOLVED = OrderState.WORKING, OrderState.UNRESOLVED
LOOK_UP = LookUpOrder("x", BTC)
EVENT_NS = 66
LATER_NS = NOW_NS + SECOND_NS
LONG_NS = 8 * SECOND_NS
"""The longest pause between two look-ups."""


def laid_out(**facts: Any) -> Deciding:  # noqa: ANN401 - facts of several types
    """Return a state with an order for 3 at 100 that works at the venue as V1, or as the facts say."""
    deciding = Deciding()
    deciding.order("x", **{"state": WORKING, "venue_order_id": "V1", **facts})
    return deciding


def reported(
    status: VenueStatus,
    filled: str = "0",
    source: str = "look_up",
    monotonic_ns: int = 9_999,
    **told: Any,  # noqa: ANN401 - fields of several types
) -> OrderReported:
    """Return a report of a reading after the last change; what the stream says was not asked for."""
    report = OrderReport("x", "V1", BTC, status, D(filled), EVENT_NS, **told)
    asked_ns = 0 if source == "stream" else NOW_NS
    return OrderReported(report, source, asked_ns, monotonic_ns if asked_ns else 0)


def event(kind: OrderEvent, cause: str, look_up_ns: int = 0, ts_event: int = 0) -> OrderEventNoted:
    """Return the record of an event that the kernel concluded."""
    return OrderEventNoted("x", kind, cause, "kernel", look_up_ns, ts_event)


# -- alive ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "source", "kind"),
    [
        (VenueStatus.LIVE, "stream", OrderEvent.ACCEPTED),
        (VenueStatus.LIVE, "look_up", OrderEvent.SHOWN_LIVE),
        (VenueStatus.TRIGGERED, "stream", OrderEvent.TRIGGERED),
        (VenueStatus.TRIGGERED, "look_up", OrderEvent.TRIGGERED),
    ],
)
def test_the_first_report_of_an_order_alive_is_its_acceptance(
    status: VenueStatus, source: str, kind: OrderEvent
) -> None:
    """With the venue's id, its time, and where that was seen."""
    deciding = laid_out(state=OrderState.SUBMITTED, venue_order_id="")
    accepted = OrderAccepted("x", "V1", kind, EVENT_NS, source)
    assert deciding.on(reported(status, source=source)) == ([accepted], [])


def test_what_is_known_already_is_no_news_but_an_id_and_a_trigger_are() -> None:
    """A second report of the same is nothing; an id is added once, a trigger is told once."""
    assert laid_out().on(reported(VenueStatus.LIVE)) == ([], [])
    named = OrderAccepted("x", "V1", OrderEvent.SHOWN_LIVE, EVENT_NS, "look_up")
    assert laid_out(venue_order_id="").on(reported(VenueStatus.LIVE)) == ([named], [])
    triggered = OrderAccepted("x", "V1", OrderEvent.TRIGGERED, EVENT_NS, "look_up")
    assert laid_out().on(reported(VenueStatus.TRIGGERED)) == ([triggered], [])
    assert laid_out(triggered=True).on(reported(VenueStatus.TRIGGERED)) == ([], [])


def test_a_cancel_that_waited_for_the_first_word_goes_out_with_it() -> None:
    """Under the id that the word brings; one that is on its way already is not sent again."""
    deciding = laid_out(state=OrderState.SUBMITTED, venue_order_id="", pending=PendingRequest.CANCEL)
    assert deciding.on(reported(VenueStatus.LIVE))[1] == [SendCancel("x", "V1", BTC)]
    assert laid_out(pending=PendingRequest.CANCEL).on(reported(VenueStatus.LIVE)) == ([], [])


def test_an_order_over_that_a_later_reading_shows_alive_is_canceled_at_once() -> None:
    """A zombie is recorded and canceled, once more with each report; one of before says nothing."""
    deciding = laid_out(state=OrderState.CANCELED)
    changed_ns = deciding.state.orders["x"].changed_monotonic_ns
    records, effects = deciding.on(reported(VenueStatus.LIVE, monotonic_ns=changed_ns + 1))
    assert records[0] == OrderAccepted("x", "V1", OrderEvent.SHOWN_LIVE, EVENT_NS, "look_up")
    assert isinstance(records[1], AnomalyNoted)
    assert effects == [SendCancel("x", "V1", BTC)]
    deciding.state.zombies["x"] = None
    again, effects = deciding.on(reported(VenueStatus.LIVE, monotonic_ns=changed_ns + 1))
    assert not any(isinstance(each, OrderAccepted) for each in again)
    assert effects == [SendCancel("x", "V1", BTC)]
    assert laid_out(state=OrderState.CANCELED).on(reported(VenueStatus.LIVE, monotonic_ns=changed_ns)) == (
        [],
        [],
    )


@pytest.mark.parametrize(("after_ns", "is_found"), [(1, True), (0, False)])
def test_a_missing_order_that_a_later_reading_shows_is_found_again(after_ns: int, *, is_found: bool) -> None:
    """So that nobody may end it for that any more; its look-up stays due."""
    deciding = laid_out(detail=MISSING, look_up_ns=55)
    changed_ns = deciding.state.orders["x"].changed_monotonic_ns
    found = [event(OrderEvent.SHOWN_LIVE, FOUND_AGAIN, 55, EVENT_NS)] if is_found else []
    given = reported(VenueStatus.LIVE, monotonic_ns=changed_ns + after_ns)
    assert deciding.on(given) == (found, [])


# -- more counted than booked --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [VenueStatus.LIVE, VenueStatus.CANCELED, VenueStatus.FILLED])
def test_an_end_is_not_believed_before_the_trades_that_it_counts(status: VenueStatus) -> None:
    """They are fetched; whatever the status says, nothing is concluded from it."""
    assert laid_out().on(reported(status, "1", "stream")) == ([], [LOOK_UP])


@pytest.mark.parametrize("state", [WORKING, UNRESOLVED, OrderState.SUBMITTED])
def test_a_look_up_without_the_trades_is_made_again(state: OrderState) -> None:
    """A venue may list a trade later than it counts it; why the order waits is recorded once."""
    cause = "the venue counts more as filled than its trades come to, 0"
    noted = [event(OrderEvent.OUTCOME_UNKNOWN, cause, LATER_NS)] if state is not OrderState.SUBMITTED else []
    given = reported(VenueStatus.CANCELED, "1")
    assert laid_out(state=state).on(given) == (noted, [WakeAt("x", LATER_NS)])


@pytest.mark.parametrize(
    ("waited_ns", "pause_ns", "is_contradiction"),
    [
        (0, SECOND_NS, False),
        (3 * SECOND_NS, 3 * SECOND_NS, False),
        (LONG_NS - 1, LONG_NS - 1, False),
        (LONG_NS, LONG_NS, True),
    ],
)
def test_trades_that_never_come_are_a_contradiction_after_the_longest_pause(
    waited_ns: int, pause_ns: int, *, is_contradiction: bool
) -> None:
    """Asked for with growing pauses until then, and on."""
    cause = "the venue counts more as filled than its trades come to, 0"
    deciding = laid_out(detail=cause, updated_ns=NOW_NS - waited_ns)
    expected = reduced(AnomalyKind.CONTRADICTION, cause) if is_contradiction else []
    effects = [WakeAt("x", NOW_NS + pause_ns)]
    assert deciding.on(reported(VenueStatus.CANCELED, "1")) == (expected, effects)


# -- ends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (VenueStatus.CANCELED, OrderEvent.CANCELED),
        (VenueStatus.EXPIRED, OrderEvent.EXPIRED),
        (VenueStatus.REJECTED, OrderEvent.REJECTED),
    ],
)
def test_an_end_is_recorded_with_the_venues_reason_or_where_it_was_seen(
    status: VenueStatus, kind: OrderEvent
) -> None:
    """And when it happened there; one that names a rule has the rules read again."""
    assert laid_out().on(reported(status))[0][0] == event(kind, "look_up", 0, EVENT_NS)
    said = reported(status, reason="too small", names_rules=True)
    records, effects = laid_out().on(said)
    assert records[0] == event(kind, "too small", 0, EVENT_NS)
    assert effects == [ReadRules("too small")]
    over = laid_out(state=OrderState.CANCELED)
    assert over.on(replace(said, report=replace(said.report, status=VenueStatus.CANCELED))) == ([], [])


@pytest.mark.parametrize(
    ("filled", "source", "records", "effects"),
    [
        ("2.99995", "stream", "residue", []),
        ("2.9999", "stream", "", [LOOK_UP]),
        ("2.9999", "look_up", "contradiction", [WakeAt("x", NOW_NS + LONG_NS)]),
    ],
)
def test_filled_with_something_left_is_believed_only_of_dust(
    filled: str, source: str, records: str, effects: list[object]
) -> None:
    """More than dust has the trades looked up first, and what stays is noted and looked up later."""
    deciding = laid_out(filled_quantity=D(filled))
    deciding.state.instruments[BTC] = instrument(BTC, quantity_increment="0.0001")
    left = "0.00005" if records == "residue" else "0.0001"
    cause = f"the venue says filled with {left} left"
    expected: dict[str, list[object]] = {
        "": [],
        "residue": [
            event(OrderEvent.FULLY_FILLED, cause, 0, EVENT_NS),
            AnomalyNoted(AnomalyKind.RESIDUE, Severity.NOTE, "x", cause),
        ],
        "contradiction": [
            event(OrderEvent.OUTCOME_UNKNOWN, cause, NOW_NS + LONG_NS),
            *reduced(AnomalyKind.CONTRADICTION, cause),
        ],
    }
    assert deciding.on(reported(VenueStatus.FILLED, source=source)) == (expected[records], effects)


def test_a_contradiction_is_recorded_once_and_nothing_more_is_said_of_an_order_over() -> None:
    """It is looked up on; without the venue's rules nothing is dust."""
    cause = "the venue says filled with 3 left"
    deciding = laid_out(detail=cause)
    deciding.state.instruments.clear()
    again = [WakeAt("x", NOW_NS + LONG_NS)]
    assert deciding.on(reported(VenueStatus.FILLED)) == ([], again)
    assert laid_out(state=OrderState.CANCELED).on(reported(VenueStatus.FILLED)) == ([], [])


@pytest.mark.parametrize(
    ("filled", "terms", "is_updated"),
    [("2", "2", True), ("2", None, False), ("2", "3", False), ("3", "2", True), ("3", "3", False)],
)
def test_filled_by_the_terms_of_a_change_that_is_not_resolved_is_whole(
    filled: str, terms: str | None, *, is_updated: bool
) -> None:
    """By the new terms it was done, if the report shows them; else the order is over as it is."""
    deciding = laid_out(filled_quantity=D(filled), wish=Wish("change-1", Terms(D(2), D(100)), NOW_NS))
    told = None
    if terms is not None:
        told = OrderTerms(OrderSide.BUY, OrderType.LIMIT, TimeInForce.GTC, D(terms), D(100))
    updated = OrderUpdated("x", "change-1", Terms(D(2), D(100)), "V1", EVENT_NS, "look_up")
    over = event(OrderEvent.FULLY_FILLED, "look_up", 0, EVENT_NS)
    given = reported(VenueStatus.FILLED, terms=told)
    assert deciding.on(given) == ([updated if is_updated else over], [])
