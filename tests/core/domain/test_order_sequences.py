"""The sequences that break other order managers, played through the table, and the derived status."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations, product

import attrs
import pytest
from msgspec.structs import fields

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.numbers import ZERO, add
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import CloseReason, OrderEvent, OrderState, Phase, decision_for, next_state
from fairlead.domain.orders import (
    Order,
    OrderStatus,
    PendingRequest,
    PositionView,
    status_of,
    view_of,
)
from fairlead.domain.pending_requests import PENDING, pending_after


def order(**changes: object) -> Order:
    """Return a limit order for ten, with some facts changed."""
    made = Order(
        client_order_id="0" * 32,
        owner="bot",
        book="bot",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(10),
        limit_price=Decimal(100),
        reference_price=None,
        reduces=False,
        currency="USDT",
        idempotency_key="",
        metadata=(),
        created_ns=1,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@attrs.define
class Played:
    """An order after a sequence of events, with what was noted and sent on the way."""

    order: Order
    anomalies: list[AnomalyKind] = attrs.Factory(list)
    refusals: list[OrderEvent] = attrs.Factory(list)
    cancels: int = 0

    def play(self, *steps: str) -> Played:
        """Play event words; ``fill 4`` is a fill of four, partly or fully by what is left."""
        for step in steps:
            self._one(step)
        return self

    def _one(self, step: str) -> None:
        word, _, figure = step.partition(" ")
        order = self.order
        if word == "fill":
            order.filled_quantity = add(order.filled_quantity, Decimal(figure))
            whole = order.filled_quantity >= order.quantity
            word = "fully_filled" if whole else "partly_filled"
        event = OrderEvent(word)
        decision = decision_for(order.state, event)
        if decision.refused:
            self.refusals.append(event)
            return
        if decision.anomaly is not None:
            self.anomalies.append(decision.anomaly)
        self.cancels += decision.cancel_at_once
        order.triggered = order.triggered or event is OrderEvent.TRIGGERED
        wanted = order.pending is PendingRequest.CANCEL
        order.state = next_state(
            order.state, event, filled=order.filled_quantity > ZERO, cancel_wanted=wanted
        )
        order.pending = pending_after(order.pending, event) if order.state.is_live else PendingRequest.NONE


def played(*steps: str) -> Played:
    """Play events on a new order that was approved and is on the wire."""
    return Played(order()).play("approved", "attempt_started", *steps)


def outcome(result: Played) -> tuple[str, str, str]:
    """Return status, filled quantity and anomalies in words."""
    return (
        status_of(result.order).value,
        str(result.order.filled_quantity),
        " ".join(kind.value for kind in result.anomalies),
    )


SEQUENCES: list[tuple[tuple[str, ...], tuple[str, str, str]]] = [
    # submit, no answer: unresolved, until evidence comes
    (("outcome_unknown",), ("UNRESOLVED", "0", "")),
    (("outcome_unknown", "absent"), ("NOT_PLACED", "0", "")),
    (("outcome_unknown", "shown_live"), ("ACCEPTED", "0", "")),
    (("outcome_unknown", "fill 4"), ("PARTIALLY_FILLED", "4", "")),
    (("outcome_unknown", "rejected"), ("REJECTED", "0", "")),
    (("outcome_unknown", "resolved_by_operator"), ("NOT_PLACED", "0", "")),
    (("outcome_unknown", "absent", "shown_live"), ("NOT_PLACED", "0", "zombie")),
    (("outcome_unknown", "absent", "fill 10"), ("FILLED", "10", "late_fill")),
    (("outcome_unknown", "absent", "fill 4"), ("CANCELED", "4", "zombie")),
    # fill, then the late acceptance
    (("fill 10", "accepted"), ("FILLED", "10", "")),
    (("fill 4", "accepted"), ("PARTIALLY_FILLED", "4", "")),
    (("fill 10", "shown_live"), ("FILLED", "10", "")),
    (("fill 10", "outcome_unknown"), ("FILLED", "10", "")),
    # REJECTED / EXPIRED / CANCELED, then a fill
    (("rejected", "fill 4"), ("CANCELED", "4", "zombie")),
    (("rejected", "fill 10"), ("FILLED", "10", "late_fill")),
    (("accepted", "expired", "fill 4"), ("EXPIRED", "4", "late_fill")),
    (("accepted", "expired", "fill 10"), ("FILLED", "10", "late_fill")),
    (("accepted", "canceled", "fill 4"), ("CANCELED", "4", "late_fill")),
    (("accepted", "canceled", "fill 4", "fill 6"), ("FILLED", "10", "late_fill late_fill")),
    (("not_sent", "fill 4", "fill 6"), ("FILLED", "10", "zombie late_fill")),
    # refused by the venue after a part was filled: it was there
    (("fill 4", "rejected"), ("CANCELED", "4", "")),
    # cancel requested, partial fill, cancel refused
    (("accepted", "cancel_requested", "fill 4", "cancel_refused"), ("PARTIALLY_FILLED", "4", "")),
    (("accepted", "cancel_requested", "fill 4"), ("PENDING_CANCEL", "4", "")),
    (("accepted", "triggered", "cancel_requested", "cancel_refused"), ("TRIGGERED", "0", "")),
    (("cancel_requested", "cancel_refused"), ("SUBMITTED", "0", "")),
    (("outcome_unknown", "cancel_requested", "accepted"), ("PENDING_CANCEL", "0", "")),
    # cancel against a full fill: filled wins, in either order
    (("accepted", "cancel_requested", "fill 10", "canceled"), ("FILLED", "10", "")),
    (("accepted", "cancel_requested", "canceled", "fill 10"), ("FILLED", "10", "late_fill")),
    # sent back by the rate limit while a cancel is wanted: never sent again
    (("cancel_requested", "limited"), ("NOT_SENT", "0", "")),
    (("limited",), ("APPROVED", "0", "")),
    (("limited", "attempt_started", "accepted"), ("ACCEPTED", "0", "")),
    # a modify under way
    (("accepted", "modify_requested"), ("PENDING_MODIFY", "0", "")),
    (("accepted", "modify_requested", "fill 4", "modified"), ("PARTIALLY_FILLED", "4", "")),
    (("accepted", "modify_requested", "modify_refused"), ("ACCEPTED", "0", "")),
    (("accepted", "modify_requested", "cancel_requested", "modified"), ("PENDING_CANCEL", "0", "")),
    # filled by the venue's word with dust left over; a late fill of that dust is no overfill
    (("fill 9", "fully_filled", "fill 1"), ("FILLED", "10", "late_fill")),
    # the end of an order stays its end
    (("accepted", "canceled", "expired", "rejected", "accepted"), ("CANCELED", "0", "")),
    (("not_sent", "canceled"), ("CANCELED", "0", "corrected_end")),
    (("fill 10", "rejected"), ("FILLED", "10", "contradiction")),
]


@pytest.mark.parametrize(("steps", "expected"), SEQUENCES, ids=[", ".join(steps) for steps, _ in SEQUENCES])
def test_the_sequence_ends_right(steps: tuple[str, ...], expected: tuple[str, str, str]) -> None:
    """Status, filled quantity and anomalies after the sequence are those of the design."""
    assert outcome(played(*steps)) == expected


def test_a_cancel_twice_is_one_request_and_of_a_finished_order_a_clear_answer() -> None:
    """The second request changes nothing; after the end it is refused, without a move or an anomaly."""
    result = played("accepted", "cancel_requested", "cancel_requested")
    assert (result.order.pending, result.refusals) == (PendingRequest.CANCEL, [])
    result.play("canceled", "cancel_requested", "modify_requested")
    assert result.refusals == [OrderEvent.CANCEL_REQUESTED, OrderEvent.MODIFY_REQUESTED]
    assert outcome(result) == ("CANCELED", "0", "")
    assert result.order.pending is PendingRequest.NONE


def test_a_cancel_before_the_wire_closes_the_order() -> None:
    """An approved order that was not sent is closed NOT_SENT by its cancel."""
    held = Played(order()).play("approved", "cancel_requested")
    assert outcome(held) == ("NOT_SENT", "0", "")
    assert held.cancels == 0


def test_a_zombie_is_canceled_at_once_and_its_end_is_no_fault() -> None:
    """A denied order that the venue shows alive is canceled; how that ends halts nothing."""
    zombie = Played(order()).play("denied", "shown_live", "cancel_refused", "canceled")
    assert zombie.cancels == 1
    assert outcome(zombie) == ("DENIED", "0", "zombie unexpected_life")
    half = played("not_sent", "fill 4")
    assert half.cancels == 1


@pytest.mark.parametrize("events", [("accepted", "triggered", "fill 4", "fill 3", "canceled")])
def test_evidence_in_any_order_ends_the_same(events: tuple[str, ...]) -> None:
    """All 120 orders in which the evidence of one life can arrive end in one state and quantity."""
    ends = {outcome(played(*order_of_arrival))[:2] for order_of_arrival in permutations(events)}
    assert ends == {("CANCELED", "7")}


def test_more_filled_than_ordered_closes_the_order_with_nothing_left() -> None:
    """An overfill is booked in full; what is left is zero, never negative."""
    result = played("accepted", "fill 12")
    assert outcome(result) == ("FILLED", "12", "")
    assert result.order.leaves_quantity == ZERO


STATUS_WHEN_WORKING = {
    (False, False): "ACCEPTED",
    (True, False): "TRIGGERED",
    (False, True): "PARTIALLY_FILLED",
    (True, True): "PARTIALLY_FILLED",
}


@pytest.mark.parametrize("state", list(OrderState), ids=str)
def test_the_status_is_derived_from_the_three_facts(state: OrderState) -> None:
    """For every state, pending request, trigger and fill the one word is the one that traders expect."""
    for pending, triggered, filled in product(PendingRequest, (False, True), (False, True)):
        made = order(state=state, pending=pending, triggered=triggered, filled_quantity=Decimal(4 * filled))
        live = state.value in {"approved", "submitted", "unresolved", "working"}
        if live and pending.value != "none":
            expected = f"PENDING_{pending.value.upper()}"
        elif state.value == "working":
            expected = STATUS_WHEN_WORKING[triggered, filled]
        else:
            expected = state.value.upper()
        assert status_of(made).value == expected


CHANGES_PENDING = {
    "cancel_requested": {"none": "cancel", "modify": "cancel"},
    "cancel_refused": {"cancel": "none"},
    "modify_requested": {"none": "modify"},
    "modified": {"modify": "none"},
    "modify_refused": {"modify": "none"},
}


@pytest.mark.parametrize("event", list(OrderEvent), ids=str)
def test_only_its_own_answer_ends_a_pending_request(event: OrderEvent) -> None:
    """All 3 by 23 pairs: fills and acceptances keep it; a cancel displaces a modify, not vice versa.

    While a modify is not resolved, a cancel that the venue refuses leaves the order with that pending.
    """
    for pending in PendingRequest:
        expected = CHANGES_PENDING.get(event.value, {}).get(pending.value, pending.value)
        assert pending_after(pending, event).value == expected
        changing = pending_after(pending, event, changing=True).value
        assert changing == ("modify" if expected == "none" else expected)
    assert sum(len(changes) for changes in CHANGES_PENDING.values()) == len(PENDING)


def test_a_view_is_a_snapshot() -> None:
    """The view carries every fact, averages the fills, and does not follow the order afterwards."""
    made = played("accepted", "fill 3").order
    made.filled_value = Decimal(100)
    made.fees = Decimal("0.26")
    view = view_of(made)
    assert (view.status, view.phase, view.close_reason) == (OrderStatus.PARTIALLY_FILLED, Phase.WORKING, None)
    assert (view.filled_quantity, view.leaves_quantity, view.fees) == (
        Decimal(3),
        Decimal(7),
        Decimal("0.26"),
    )
    assert str(view.average_price) == "33." + "3" * 36
    assert not view.is_closed
    for field in fields(view):
        if hasattr(made, field.name) and field.name != "pending":
            assert getattr(view, field.name) == getattr(made, field.name), field.name
    made.state = OrderState.CANCELED
    assert view.phase is Phase.WORKING
    closed = view_of(made)
    assert closed.is_closed
    assert closed.close_reason is CloseReason.CANCELED
    with pytest.raises(AttributeError, match="immutable"):
        closed.detail = "x"  # type: ignore[misc]  # frozen: that is tested


def test_a_view_of_an_unfilled_order_has_no_average() -> None:
    """Nothing filled has no price; a denied order counts as closed."""
    view = view_of(order(state=OrderState.DENIED))
    assert view.average_price is None
    assert view.is_closed


def test_a_position_view_gives_the_result_after_fees() -> None:
    """Net is realized less fees, exact."""
    view = PositionView(
        symbol="BTC/USDT",
        book="bot",
        currency="USDT",
        quantity=ZERO,
        cost=ZERO,
        average_entry_price=None,
        realized_pnl=Decimal("1.00000001"),
        fees=Decimal("0.30000002"),
        episode=1,
        opened_ns=1,
        closed_ns=2,
        pending_openings=0,
        reserved_exit=ZERO,
    )
    assert view.net_pnl == Decimal("0.69999999")
