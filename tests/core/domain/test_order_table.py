"""Every (state, event) pair of the order table against an expectation that was reasoned out by event.

The expectation below is not the table in another place: it is written event by event, as a
sentence about what the event proves, with the states sorted by what they already know. Words are
spelled out here on purpose, so that a renamed or swapped member of the table does not go unnoticed.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest

from fairlead.domain.order_table import (
    COLUMNS,
    MEANING,
    TABLE,
    CloseReason,
    OrderEvent,
    OrderState,
    Phase,
    cell_text,
    decision_for,
    end_with_fills,
    next_state,
)


class Expected(NamedTuple):
    """What must come of one pair; `to` is empty where the order stays."""

    to: str = ""
    anomaly: str = ""
    cancels: bool = False
    refused: bool = False


STAYS = Expected()
REFUSED = Expected(refused=True)
ZOMBIE = Expected(anomaly="zombie", cancels=True)
ILLEGAL = Expected(anomaly="illegal_event")
CONTRADICTS = Expected(anomaly="contradiction")
STAYS_BUT_LIVED = Expected(anomaly="unexpected_life")
STAYS_BUT_LATE = Expected(anomaly="late_fill")


def to(state: str, anomaly: str = "") -> Expected:
    """Return an expected move."""
    return Expected(state, anomaly)


ENDED_AT_VENUE = "filled canceled expired"
NEVER_THERE = "rejected not_sent not_placed"
CLOSED = f"{ENDED_AT_VENUE} {NEVER_THERE}"
ON_THE_WIRE = "submitted unresolved"
REAL = f"approved {ON_THE_WIRE} working {CLOSED}"
EVERYTHING = f"initialized denied {REAL}"

# The venue speaks of the order as alive. On the wire that is its acceptance; for what we hold back
# it is a surprise that must be followed; for what never was there it is a zombie.
_ALIVE: dict[Expected, str] = {
    to("working"): ON_THE_WIRE,
    to("working", "unexpected_life"): "approved",
    STAYS: f"working {ENDED_AT_VENUE}",
    ZOMBIE: f"initialized denied {NEVER_THERE}",
}


def _ends(end: str) -> dict[Expected, str]:
    """Say what the venue's word that the order ended proves: it was there, and it is over."""
    return {
        to(end): f"{ON_THE_WIRE} working",
        to(end, "unexpected_life"): "approved",
        # A rejected order that the venue also calls canceled was there for an instant: no news.
        STAYS: f"{ENDED_AT_VENUE} rejected",
        # We said it never was there; it was, and now it is over.
        to(end, "corrected_end"): "not_sent not_placed",
        # A denied order can be there only as a zombie, which was canceled at once.
        STAYS_BUT_LIVED: "denied",
        ILLEGAL: "initialized",
    }


EXPECTED: dict[str, dict[Expected, str]] = {
    # The gate's two words come first and once.
    "denied": {to("denied"): "initialized", ILLEGAL: f"denied {REAL}"},
    "approved": {to("approved"): "initialized", ILLEGAL: f"denied {REAL}"},
    # What somebody else placed is at the venue from its first moment here, and begins here once.
    "adopted": {to("working"): "initialized", ILLEGAL: f"denied {REAL}"},
    # Only what is approved and held may go to the wire: nothing is ever sent twice.
    "attempt_started": {
        to("submitted"): "approved",
        ILLEGAL: f"initialized denied {ON_THE_WIRE} working {CLOSED}",
    },
    # Unresolved is left by the venue's evidence alone; what was seen there was sent.
    "not_sent": {
        to("not_sent"): "approved submitted",
        CONTRADICTS: f"unresolved working {ENDED_AT_VENUE}",
        STAYS: NEVER_THERE,
        ILLEGAL: "initialized denied",
    },
    "limited": {
        to("approved"): "submitted",
        STAYS: f"approved {NEVER_THERE}",
        CONTRADICTS: f"unresolved working {ENDED_AT_VENUE}",
        ILLEGAL: "initialized denied",
    },
    # A missing answer says nothing about an order of which more is known.
    "outcome_unknown": {
        to("unresolved"): "submitted",
        STAYS: f"unresolved working {CLOSED}",
        ILLEGAL: "initialized denied approved",
    },
    "accepted": _ALIVE,
    "triggered": _ALIVE,
    "modified": _ALIVE,
    # As an acceptance, but it is no late message: it is alive now. A full one only has a slow list.
    "shown_live": {
        to("working"): ON_THE_WIRE,
        to("working", "unexpected_life"): "approved",
        STAYS: "working filled",
        ZOMBIE: f"initialized denied canceled expired {NEVER_THERE}",
    },
    "rejected": {
        to("rejected"): f"{ON_THE_WIRE} working",
        to("rejected", "contradiction"): "approved",
        CONTRADICTS: "filled",
        STAYS: f"canceled expired {NEVER_THERE}",
        ILLEGAL: "initialized denied",
    },
    # Every fill counts, whatever the state says. A part of what we hold to be gone: the rest may live.
    "partly_filled": {
        to("working"): ON_THE_WIRE,
        STAYS: "working",
        to("working", "unexpected_life"): "approved",
        STAYS_BUT_LATE: ENDED_AT_VENUE,
        Expected("canceled", "zombie", cancels=True): NEVER_THERE,
        Expected("canceled", "illegal_event", cancels=True): "denied",
        to("working", "illegal_event"): "initialized",
    },
    "fully_filled": {
        to("filled"): f"{ON_THE_WIRE} working",
        to("filled", "unexpected_life"): "approved",
        STAYS_BUT_LATE: "filled",
        to("filled", "late_fill"): f"canceled expired {NEVER_THERE}",
        to("filled", "illegal_event"): "initialized denied",
    },
    "canceled": _ends("canceled"),
    "expired": _ends("expired"),
    # Absence decides only what is unresolved, and only then.
    "absent": {
        to("not_placed"): "unresolved",
        Expected(anomaly="missing_at_venue"): "working",
        STAYS: f"denied approved submitted {CLOSED}",
        ILLEGAL: "initialized",
    },
    "resolved_by_operator": {
        to("not_placed"): "unresolved",
        REFUSED: f"initialized denied approved submitted working {CLOSED}",
    },
    # A cancel that comes before the wire closes the order; later it is a pending request.
    "cancel_requested": {
        to("not_sent"): "approved",
        STAYS: f"{ON_THE_WIRE} working",
        REFUSED: f"initialized denied {CLOSED}",
    },
    # Also the cancel of a zombie may be refused.
    "cancel_refused": {STAYS: f"denied {REAL}", ILLEGAL: "initialized"},
    "modify_requested": {STAYS: "working", REFUSED: f"initialized denied approved {ON_THE_WIRE} {CLOSED}"},
    "modify_refused": {STAYS: REAL, ILLEGAL: "initialized denied"},
}


def expected_for(state: str, event: str) -> Expected:
    """Return the expectation of one pair; each is written down exactly once."""
    found = [outcome for outcome, states in EXPECTED[event].items() if state in states.split()]
    assert len(found) == 1, f"{event} in {state} is written {len(found)} times"
    return found[0]


PAIRS = sorted(product(EVERYTHING.split(), EXPECTED))


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=[f"{event} in {state}" for state, event in PAIRS])
def test_every_pair_is_decided_as_reasoned(state: str, event: str) -> None:
    """The table's decision for this pair is the one that was reasoned out for it."""
    expected = expected_for(state, event)
    decision = decision_for(OrderState(state), OrderEvent(event))
    found = Expected(
        "" if decision.to.value == state else decision.to.value,
        decision.anomaly.value if decision.anomaly else "",
        decision.cancel_at_once,
        decision.refused,
    )
    assert found == expected


def test_the_expectation_and_the_table_speak_of_the_same_264_pairs() -> None:
    """Twelve states by twenty-two events; no pair is missing on either side; events have meanings."""
    assert {(state.value, event.value) for state, event in TABLE} == set(PAIRS)
    assert len(PAIRS) == len(TABLE) == 12 * 22
    assert [state.value for state in COLUMNS] == EVERYTHING.split()
    assert set(MEANING) == set(OrderEvent)
    assert all(MEANING.values())
    assert all(cell_text(state, event) for state, event in TABLE)


def test_a_closed_order_never_reopens() -> None:
    """No event leads from a final state to one that is not, and a denied order stays closed too."""
    for (state, event), decision in TABLE.items():
        if state.is_final:
            assert decision.to.is_final, (state, event)
            assert next_state(state, event, filled=True, cancel_wanted=True).is_final
            assert next_state(state, event, filled=False, cancel_wanted=False).is_final


def test_only_the_approved_go_to_the_wire() -> None:
    """SUBMITTED is entered from APPROVED alone, by an attempt alone: nothing unknown is sent again."""
    entries = {
        (state, event)
        for (state, event), decision in TABLE.items()
        if decision.to is OrderState.SUBMITTED and state is not OrderState.SUBMITTED
    }
    assert entries == {(OrderState.APPROVED, OrderEvent.ATTEMPT_STARTED)}
    back = {
        (state, event)
        for (state, event), decision in TABLE.items()
        if decision.to is OrderState.APPROVED and state is not OrderState.APPROVED
    }
    assert back == {(OrderState.INITIALIZED, OrderEvent.APPROVED), (OrderState.SUBMITTED, OrderEvent.LIMITED)}


def test_unresolved_is_left_by_evidence_or_an_operator_alone() -> None:
    """An unknown outcome ends on the venue's word, a conclusive look-up, or a recorded decision."""
    leaving = {
        event.value
        for (state, event), decision in TABLE.items()
        if state is OrderState.UNRESOLVED and decision.to is not state
    }
    assert leaving == {
        "accepted", "shown_live", "triggered", "modified", "rejected", "partly_filled", "fully_filled",
        "canceled", "expired", "absent", "resolved_by_operator",
    }  # fmt: skip


def test_an_illegal_or_refused_event_moves_nothing_but_a_fill() -> None:
    """Refused commands move nothing; nor do illegal events, except that fills are always booked."""
    fills = {OrderEvent.PARTLY_FILLED, OrderEvent.FULLY_FILLED}
    for (state, event), decision in TABLE.items():
        if decision.refused:
            assert decision.to is state
            assert decision.anomaly is None
        if decision.anomaly is not None and decision.anomaly.value == "illegal_event" and event not in fills:
            assert decision.to is state


def test_states_know_their_phase_and_reason() -> None:
    """Phase and reason follow from the state: closed states carry a reason, the others none."""
    for state in OrderState:
        if state.value in CLOSED.split():
            assert (state.phase, state.close_reason) == (Phase.CLOSED, CloseReason(state.value))
        else:
            assert (state.phase, state.close_reason) == (Phase(state.value), None)
    assert {state.value for state in OrderState if state.is_live} == {
        "approved",
        "submitted",
        "unresolved",
        "working",
    }
    assert {state.value for state in OrderState if state.is_final} == {"denied", *CLOSED.split()}
    assert {phase.value for phase in Phase} == {"closed", *EVERYTHING.split()} - set(CLOSED.split())
    assert {reason.value for reason in CloseReason} == set(CLOSED.split())


@pytest.mark.parametrize("state", list(OrderState), ids=str)
def test_ends_are_corrected_for_fills(state: OrderState) -> None:
    """What never was at the venue cannot have been filled: with fills it ends CANCELED; all else stays."""
    assert end_with_fills(state, filled=False) is state
    corrected = OrderState.CANCELED if state.value in NEVER_THERE.split() else state
    assert end_with_fills(state, filled=True) is corrected


def test_next_state_is_the_table_with_its_two_corrections() -> None:
    """Without fills and a wanted cancel it is the table; with them only the stated ends differ."""
    for (state, event), decision in TABLE.items():
        assert next_state(state, event, filled=False, cancel_wanted=False) is decision.to
        assert next_state(state, event, filled=True, cancel_wanted=False) is end_with_fills(
            decision.to, filled=True
        )
        wanted = next_state(state, event, filled=False, cancel_wanted=True)
        assert wanted is (OrderState.NOT_SENT if decision.to is OrderState.APPROVED else decision.to)
