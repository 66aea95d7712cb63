"""An order moves: what fills, a cancel that is wanted and a change that leaves nothing make of an event."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.change_records import ChangeRequested, ModifyRejected, OrderUpdated
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AttemptStarted, OrderEventNoted, OrderPaced
from fairlead.domain.requests import Lane, RequestKind
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, fill, order

D = Decimal
SENT = AttemptStarted("x", 1, 5, 9)
CANCEL = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked")


def noted(event: OrderEvent) -> OrderEventNoted:
    """Return the record of an event."""
    return OrderEventNoted("x", event, "why")


@pytest.mark.parametrize(
    ("event", "without", "with_fills"),
    [
        (OrderEvent.REJECTED, OrderState.REJECTED, OrderState.CANCELED),
        (OrderEvent.ABSENT, OrderState.NOT_PLACED, OrderState.CANCELED),
        (OrderEvent.CANCELED, OrderState.CANCELED, OrderState.CANCELED),
    ],
)
def test_an_order_with_fills_was_at_the_venue(
    event: OrderEvent, without: OrderState, with_fills: OrderState
) -> None:
    """So it does not end as one that never was; the smallest fill is enough."""
    fold = Fold(order(), SENT, noted(OrderEvent.OUTCOME_UNKNOWN))
    fold.changes(noted(event))
    assert fold.state.orders["x"].state is without
    fold = Fold(order(), SENT, noted(OrderEvent.OUTCOME_UNKNOWN))
    fold.state.orders["x"].filled_quantity = D("1E-9")
    fold.changes(noted(event))
    assert fold.state.orders["x"].state is with_fills


@pytest.mark.parametrize(("wanted", "state"), [(False, OrderState.APPROVED), (True, OrderState.NOT_SENT)])
def test_an_order_that_comes_back_unsent_is_closed_when_a_cancel_is_wanted(
    state: OrderState, *, wanted: bool
) -> None:
    """It is not tried again; without one it waits for its next attempt."""
    fold = Fold(order(), SENT, *((CANCEL,) if wanted else ()))
    fold.changes(noted(OrderEvent.LIMITED))
    assert fold.state.orders["x"].state is state


@pytest.mark.parametrize(("quantity", "state"), [("1.001", OrderState.WORKING), ("1", OrderState.FILLED)])
def test_a_change_that_leaves_nothing_ends_the_order(quantity: str, state: OrderState) -> None:
    """What was filled is all of it then: it is filled."""
    fold = Fold(order(), SENT, fill())
    fold.changes(OrderUpdated("x", "", Terms(D(quantity), D(100)), "", 12, "stream"))
    assert fold.state.orders["x"].state is state


@pytest.mark.parametrize(("quantity", "state"), [("4", OrderState.WORKING), ("3", OrderState.FILLED)])
def test_a_fill_is_the_last_when_no_wish_is_for_more(quantity: str, state: OrderState) -> None:
    """While a larger quantity is wished for, the venue may fill on; refused, nothing is left."""
    wanted = ChangeRequested("c", ChangeKind.MODIFY, "x", "bot", Terms(D(quantity), D(100)), False, ())
    fold = Fold(order(), SENT, wanted)
    fold.changes(fill(quantity=D(3), value=D(300)))
    assert fold.state.orders["x"].state is state
    if state is OrderState.WORKING:
        fold.changes(ModifyRejected("x", "c", "REJECTED", "no"))
        assert fold.state.orders["x"].state is OrderState.FILLED
    assert fold.state.live_total == 0


def test_a_word_that_is_no_news_is_noted_and_moves_nothing() -> None:
    """When the order changed last is known; what was due of it stays due, and what waits waits on."""
    fold = Fold(order(), SENT, noted(OrderEvent.OUTCOME_UNKNOWN))
    fold.changes(OrderPaced("x", RequestKind.LOOK_UP, Lane.QUERY, BTC, (("reads", D(1)),), 0, 1))
    unresolved = fold.state.orders["x"]
    unresolved.look_up_ns = 70
    fold.changes(OrderEventNoted("x", OrderEvent.OUTCOME_UNKNOWN, "still", look_up_ns=80))
    assert (unresolved.state, unresolved.look_up_ns) == (OrderState.UNRESOLVED, 80)
    assert (unresolved.updated_ns, unresolved.changed_monotonic_ns) == (50, 1_050)
    assert len(fold.state.pace.waiting) == 1


def test_the_last_fill_ends_whatever_was_asked_of_the_order() -> None:
    """A look-up that was due, a cancel that was pending and a wish that was not resolved are so no more."""
    wanted = ChangeRequested("c", ChangeKind.MODIFY, "x", "bot", Terms(D(3), D(99)), False, ())
    cancel = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked", look_up_ns=70)
    fold = Fold(order(), SENT, fill(quantity=D(1)), wanted, cancel)
    ended = fold.state.orders["x"]
    assert (ended.look_up_ns, ended.pending, ended.wish is None) == (70, PendingRequest.CANCEL, False)
    fold.changes(fill("x", "T2", quantity=D(2)))
    assert (ended.state, ended.closed_ns) == (OrderState.FILLED, 60)
    assert (ended.look_up_ns, ended.pending, ended.wish) == (0, PendingRequest.NONE, None)


def test_an_end_that_fills_correct_gives_nothing_back_twice() -> None:
    """What the order had reserved was given back with its first end; others' reservations stay whole."""
    fold = Fold(order("y"), order(), SENT, noted(OrderEvent.REJECTED))
    fold.changes(fill())
    assert fold.state.orders["x"].state is OrderState.CANCELED
    assert (fold.state.live_total, fold.state.positions[BTC, "main", ""].pending_openings) == (1, 1)
    assert fold.state.leaves == {((BTC, "main", ""), OrderSide.BUY): D(3)}
    assert fold.state.promises == {"y": D(300)}


def test_a_denied_order_that_is_canceled_has_nothing_to_give_back() -> None:
    """It never was live: nothing was reserved for it, and its end stays when it was."""
    fold = Fold(order("y"), order(approved=False))
    before = fold.state.live_total, dict(fold.state.leaves), dict(fold.state.promises)
    fold.changes(noted(OrderEvent.CANCELED))
    assert (fold.state.live_total, fold.state.leaves, fold.state.promises) == before
    assert fold.state.orders["x"].closed_ns == 20
