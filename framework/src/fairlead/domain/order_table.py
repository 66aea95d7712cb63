"""The order's state table: every (state, event) pair, decided on purpose.

An order is three independent facts: its *phase* (with a reason once it is closed), a *pending
request* and the *filled quantity*. The table decides the first; the rules beside it follow. It is
data: the reference page and its diagram are generated from it, and tests visit every cell.

A cell reads:

``=``            nothing changes; the event is no news for this state
``STATE``        the order moves there
``... !kind``    as said before the mark, and an anomaly of that kind is recorded
``... +cancel``  as said before the mark, and a cancel is sent to the venue at once
``zombie``       short for ``= !zombie +cancel``: the venue shows alive what is not
``refuse``       a command that cannot be followed here; it is answered, nothing is sent

Two things are no cells, because they depend on the figures: a fill that brings more than was
ordered is an *overfill* anomaly in every state, and `next_state` corrects an end for fills, for a cancel
that is still wanted, and for a change that leaves nothing.
"""

from __future__ import annotations

from enum import StrEnum

import attrs

from fairlead.domain.anomalies import AnomalyKind


class Phase(StrEnum):
    """Where an order is in its life."""

    INITIALIZED = "initialized"
    DENIED = "denied"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    UNRESOLVED = "unresolved"
    WORKING = "working"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """Why a closed order is closed."""

    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    NOT_PLACED = "not_placed"


class OrderState(StrEnum):
    """Phase and reason in one word: the columns of the table."""

    INITIALIZED = "initialized"
    DENIED = "denied"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    UNRESOLVED = "unresolved"
    WORKING = "working"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    NOT_PLACED = "not_placed"

    phase: Phase
    close_reason: CloseReason | None
    is_live: bool
    is_final: bool


_LIVE = {OrderState.APPROVED, OrderState.SUBMITTED, OrderState.UNRESOLVED, OrderState.WORKING}
for _state in OrderState:
    _closed = _state.value in {reason.value for reason in CloseReason}
    _state.phase = Phase.CLOSED if _closed else Phase(_state.value)
    _state.close_reason = CloseReason(_state.value) if _closed else None
    _state.is_live = _state in _LIVE
    _state.is_final = _closed or _state is OrderState.DENIED


class OrderEvent(StrEnum):
    """What can happen to an order: the rows of the table."""

    DENIED = "denied"
    APPROVED = "approved"
    ADOPTED = "adopted"
    ATTEMPT_STARTED = "attempt_started"
    NOT_SENT = "not_sent"
    LIMITED = "limited"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ACCEPTED = "accepted"
    SHOWN_LIVE = "shown_live"
    TRIGGERED = "triggered"
    REJECTED = "rejected"
    PARTLY_FILLED = "partly_filled"
    FULLY_FILLED = "fully_filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    ABSENT = "absent"
    RESOLVED_BY_OPERATOR = "resolved_by_operator"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_REFUSED = "cancel_refused"
    MODIFY_REQUESTED = "modify_requested"
    MODIFIED = "modified"
    MODIFY_REFUSED = "modify_refused"
    MODIFY_UNRESOLVED = "modify_unresolved"


STATE_MEANING: dict[OrderState, str] = {
    OrderState.INITIALIZED: "a proposal became an order and is being judged; never outlives the step",
    OrderState.DENIED: "the gate said no; nothing was reserved or sent",
    OrderState.APPROVED: "durable with its client order id, exposure reserved, not on the wire",
    OrderState.SUBMITTED: "an attempt with its deadline is durable and on the wire; the answer is awaited",
    OrderState.UNRESOLVED: "nobody knows whether the venue has it; never sent again, exposure stays reserved",
    OrderState.WORKING: "the venue has it",
    OrderState.FILLED: "nothing is left to fill, or a rest too small for an order",
    OrderState.CANCELED: "canceled; what was filled before or arrives late stays",
    OrderState.EXPIRED: "ended by its time in force or the venue's clock",
    OrderState.REJECTED: "refused by the venue's definite answer",
    OrderState.NOT_SENT: "we know that no request for it stands: it never left, or was turned away",
    OrderState.NOT_PLACED: "the venue's evidence, or an operator, says that it never arrived",
}

MEANING: dict[OrderEvent, str] = {
    OrderEvent.DENIED: "the gate, or validation before it, said no",
    OrderEvent.APPROVED: "every check said yes; exposure is reserved; durable with its client order id",
    OrderEvent.ADOPTED: "an order of the account that we did not send was taken over; the venue has it",
    OrderEvent.ATTEMPT_STARTED: "the attempt with its deadline is durable; the request goes out next",
    OrderEvent.NOT_SENT: "we know that the request never left",
    OrderEvent.LIMITED: "the venue refused for its rate limit; the order is not there and may be tried later",
    OrderEvent.OUTCOME_UNKNOWN: "no answer, a broken answer, or a restart while the answer was awaited",
    OrderEvent.ACCEPTED: "the venue acknowledged the order",
    OrderEvent.SHOWN_LIVE: "the venue's list of open orders, or a look-up, shows it working",
    OrderEvent.TRIGGERED: "a conditional order was activated at the venue",
    OrderEvent.REJECTED: "the venue refused the order by a definite answer",
    OrderEvent.PARTLY_FILLED: "a new fill that leaves a rest",
    OrderEvent.FULLY_FILLED: "a new fill that leaves nothing, or the venue says filled and the rest is too"
    " small for an order",
    OrderEvent.CANCELED: "the venue says it is canceled",
    OrderEvent.EXPIRED: "the venue says it expired",
    OrderEvent.ABSENT: "a look-up that the venue's fence makes conclusive found nothing",
    OrderEvent.RESOLVED_BY_OPERATOR: "an operator recorded that it was never placed",
    OrderEvent.CANCEL_REQUESTED: "its owner, the operator or the kernel wants it canceled",
    OrderEvent.CANCEL_REFUSED: "the venue refused to cancel, or the cancel was not sent",
    OrderEvent.MODIFY_REQUESTED: "its owner wants it changed in place",
    OrderEvent.MODIFIED: "the venue confirmed the change",
    OrderEvent.MODIFY_REFUSED: "the change was not done: refused, never sent, or evidence says so",
    OrderEvent.MODIFY_UNRESOLVED: "no answer to the change, or a restart while it was awaited",
}

COLUMNS: tuple[OrderState, ...] = tuple(OrderState)

_ILLEGAL = "= !illegal_event"
_CLASH = "= !contradiction"
_LATE = "= !late_fill"
# A part was filled of what we hold to be gone: the rest may be working.
_HALF_ALIVE = "canceled !zombie +cancel"

# fmt: off
_ROWS: dict[OrderEvent, tuple[str, ...]] = {
    # INITIALIZED, DENIED, APPROVED, SUBMITTED, UNRESOLVED, WORKING,
    # FILLED, CANCELED, EXPIRED, REJECTED, NOT_SENT, NOT_PLACED
    OrderEvent.DENIED: ("denied", *(_ILLEGAL,) * 11),
    OrderEvent.APPROVED: ("approved", *(_ILLEGAL,) * 11),
    OrderEvent.ADOPTED: ("working", *(_ILLEGAL,) * 11),
    OrderEvent.ATTEMPT_STARTED: (_ILLEGAL, _ILLEGAL, "submitted", *(_ILLEGAL,) * 9),
    OrderEvent.NOT_SENT: (_ILLEGAL, _ILLEGAL, "not_sent", "not_sent", _CLASH, _CLASH,
                          _CLASH, _CLASH, _CLASH, "=", "=", "="),
    OrderEvent.LIMITED: (_ILLEGAL, _ILLEGAL, "=", "approved", _CLASH, _CLASH,
                         _CLASH, _CLASH, _CLASH, "=", "=", "="),
    OrderEvent.OUTCOME_UNKNOWN: (_ILLEGAL, _ILLEGAL, _ILLEGAL, "unresolved", "=", "=",
                                 "=", "=", "=", "=", "=", "="),
    OrderEvent.ACCEPTED: ("zombie", "zombie", "working !unexpected_life", "working", "working", "=",
                          "=", "=", "=", "zombie", "zombie", "zombie"),
    OrderEvent.SHOWN_LIVE: ("zombie", "zombie", "working !unexpected_life", "working", "working", "=",
                            "=", "zombie", "zombie", "zombie", "zombie", "zombie"),
    OrderEvent.TRIGGERED: ("zombie", "zombie", "working !unexpected_life", "working", "working", "=",
                           "=", "=", "=", "zombie", "zombie", "zombie"),
    OrderEvent.REJECTED: (_ILLEGAL, _ILLEGAL, "rejected !contradiction", "rejected", "rejected", "rejected",
                          _CLASH, "=", "=", "=", "=", "="),
    OrderEvent.PARTLY_FILLED: ("working !illegal_event", "canceled !illegal_event +cancel",
                               "working !unexpected_life", "working", "working", "=",
                               _LATE, _LATE, _LATE, _HALF_ALIVE, _HALF_ALIVE, _HALF_ALIVE),
    OrderEvent.FULLY_FILLED: ("filled !illegal_event", "filled !illegal_event", "filled !unexpected_life",
                              "filled", "filled", "filled",
                              _LATE, "filled !late_fill", "filled !late_fill",
                              "filled !late_fill", "filled !late_fill", "filled !late_fill"),
    OrderEvent.CANCELED: (_ILLEGAL, "= !unexpected_life",
                          "canceled !unexpected_life", "canceled", "canceled", "canceled",
                          "=", "=", "=", "=", "canceled !corrected_end", "canceled !corrected_end"),
    OrderEvent.EXPIRED: (_ILLEGAL, "= !unexpected_life",
                         "expired !unexpected_life", "expired", "expired", "expired",
                         "=", "=", "=", "=", "expired !corrected_end", "expired !corrected_end"),
    OrderEvent.ABSENT: (_ILLEGAL, "=", "=", "=", "not_placed", "= !missing_at_venue",
                        "=", "=", "=", "=", "=", "="),
    OrderEvent.RESOLVED_BY_OPERATOR: ("refuse", "refuse", "refuse", "refuse", "not_placed", "refuse",
                                      *("refuse",) * 6),
    OrderEvent.CANCEL_REQUESTED: ("refuse", "refuse", "not_sent", "=", "=", "=", *("refuse",) * 6),
    OrderEvent.CANCEL_REFUSED: (_ILLEGAL, "=", "=", "=", "=", "=", *("=",) * 6),
    OrderEvent.MODIFY_REQUESTED: ("refuse", "refuse", "refuse", "refuse", "refuse", "=", *("refuse",) * 6),
    OrderEvent.MODIFIED: ("zombie", "zombie", "working !unexpected_life", "working", "working", "=",
                          "=", "=", "=", "zombie", "zombie", "zombie"),
    OrderEvent.MODIFY_REFUSED: (_ILLEGAL, _ILLEGAL, "=", "=", "=", "=", *("=",) * 6),
    OrderEvent.MODIFY_UNRESOLVED: (_ILLEGAL, _ILLEGAL, _ILLEGAL, _ILLEGAL, _ILLEGAL, "=", *("=",) * 6),
}
# fmt: on


_ZOMBIE = {"zombie": "= !zombie +cancel"}


@attrs.frozen
class Decision:
    """What the table says for one pair: where to, whether it is refused, and which anomaly."""

    to: OrderState
    refused: bool = False
    cancel_at_once: bool = False
    anomaly: AnomalyKind | None = None


def _parse(state: OrderState, cell: str) -> Decision:
    if cell == "refuse":
        return Decision(state, refused=True)
    move, _, cancel = (part.strip() for part in _ZOMBIE.get(cell, cell).partition("+"))
    where, _, kind = (part.strip() for part in move.partition("!"))
    return Decision(
        state if where == "=" else OrderState(where),
        cancel_at_once=bool(cancel),
        anomaly=AnomalyKind(kind) if kind else None,
    )


FILLED_ENDS: dict[OrderState, OrderState] = {
    OrderState.REJECTED: OrderState.CANCELED,
    OrderState.NOT_SENT: OrderState.CANCELED,
    OrderState.NOT_PLACED: OrderState.CANCELED,
}
"""What an end becomes for an order with fills."""

TABLE: dict[tuple[OrderState, OrderEvent], Decision] = {
    (state, event): _parse(state, cell)
    for event, cells in _ROWS.items()
    for state, cell in zip(COLUMNS, cells, strict=True)
}


def decision_for(state: OrderState, event: OrderEvent) -> Decision:
    """Return what the table decides for this pair; every pair has an entry."""
    return TABLE[state, event]


def end_with_fills(state: OrderState, filled: bool) -> OrderState:  # noqa: FBT001 - one fact
    """Return the closed state corrected for fills: what never arrived cannot have been filled."""
    return FILLED_ENDS.get(state, state) if filled else state


_CHANGES = frozenset({OrderEvent.MODIFIED, OrderEvent.MODIFY_REFUSED})


def next_state(
    state: OrderState, event: OrderEvent, *, filled: bool, cancel_wanted: bool, whole: bool = False
) -> OrderState:
    """Return where the order goes: the table's word, corrected by the rules beside it.

    An order with fills never ends as one that was not at the venue (`end_with_fills`); an order
    that comes back from the wire unsent while a cancel is pending is closed, not tried again; and one
    whose change, done or not, leaves nothing to fill (*whole*) is filled.
    """
    after = end_with_fills(TABLE[state, event].to, filled)
    if whole and after is OrderState.WORKING and event in _CHANGES:
        return OrderState.FILLED
    if after is OrderState.APPROVED and cancel_wanted:
        return OrderState.NOT_SENT
    return after


def cell_text(state: OrderState, event: OrderEvent) -> str:
    """Return the cell as written above, for the generated page."""
    return _ROWS[event][COLUMNS.index(state)]
