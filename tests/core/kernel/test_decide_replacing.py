"""What a replacement does next, said whole: the new order for what is left, or how the change ended."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.change_records import ChangeEnded, ChangeRequested, ChangeUnresolved, ReplaceMoved
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.kernel.core.change_inputs import AdvanceChange
from fairlead.kernel.decide.replacing import changes_to_see_to, replacement_order_id
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.deciding import NOW_NS, Deciding, Outcome

D = Decimal
NAME = replacement_order_id("00000000", "change-1")


def replacing(
    quantity: str = "3",
    kind: ChangeKind = ChangeKind.REPLACE,
    *,
    limit_price: str = "99",
    terms: dict[str, object] | None = None,
    **facts: Any,  # noqa: ANN401 - facts of several types
) -> Deciding:
    """Return a state with an order for 3 at 100 that is to be replaced, canceled by now."""
    deciding = Deciding()
    deciding.order("x", terms=terms, **{"state": OrderState.CANCELED, **facts})
    wished = Terms(D(quantity), D(limit_price))
    deciding.fold.changes(ChangeRequested("change-1", kind, "x", "bot", wished, False, ()))
    deciding.state.leaves.clear()  # it was laid out live
    return deciding


def advanced(deciding: Deciding) -> Outcome:
    """Return what the change does next."""
    return deciding.on(AdvanceChange("change-1"))


def ended(code: str, reason: str = "", name: str = "x") -> Outcome:
    """Return the end of the change."""
    return [ChangeEnded(name, "change-1", code, reason)], []


def test_the_new_order_bears_the_old_ones_wishes_under_the_new_terms() -> None:
    """For what is left of the quantity; all else as it was; it says whose place it takes."""
    wishes: dict[str, Any] = {
        "owner": "eve",
        "book": "other",
        "side": OrderSide.SELL,
        "metadata": (("k", "v"),),
        "note": "why",
        "tags": ("a",),
        "leverage": D(2),
        "expire_ns": NOW_NS + 9,
        "time_in_force": TimeInForce.GTD,
    }
    deciding = replacing("5", terms=wishes, filled_quantity=D("1.5"))
    [moved, made, attempt], _ = advanced(deciding)
    assert moved == ReplaceMoved("x", "change-1", NAME)
    assert isinstance(made, OrderInitialized)
    assert {name: getattr(made, name) for name in wishes} == wishes
    assert (made.client_order_id, made.replaces, made.approved) == (NAME, "x", True)
    assert (made.quantity, made.limit_price, made.order_type) == (D("3.5"), D(99), OrderType.LIMIT)
    assert (made.idempotency_key, made.command_digest) == ("", "")
    assert isinstance(attempt, AttemptStarted)


@pytest.mark.parametrize(
    ("quantity", "filled", "left"),
    [("3", "0", "3"), ("3", "2.999", "0.001"), ("3", "2.9995", None), ("3", "3", None), ("2", "2.5", None)],
)
def test_what_is_left_is_the_wish_less_what_was_filled(quantity: str, filled: str, left: str | None) -> None:
    """Less than a lot is nothing, and so is a wish that is filled already."""
    given = advanced(replacing(quantity, filled_quantity=D(filled)))
    if left is None:
        assert given == ended("NOTHING_LEFT", f"{filled} of {quantity} is filled")
        return
    made = given[0][1]
    assert isinstance(made, OrderInitialized)
    assert made.quantity == D(left)


def test_what_the_venue_takes_is_asked_at_the_new_price() -> None:
    """Worth too little there, nothing is left; worth enough at the old one does not count."""
    cheap = replacing("3", limit_price="1")
    cheap.state.instruments[BTC] = instrument(BTC, minimum_cost="3.01")
    assert advanced(cheap) == ended("NOTHING_LEFT", "0 of 3 is filled")
    cheap.state.instruments[BTC] = instrument(BTC, minimum_cost="3")
    assert isinstance(advanced(cheap)[0][0], ReplaceMoved)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (OrderState.EXPIRED, ChangeKind.REPLACE),
        (OrderState.REJECTED, ChangeKind.REPLACE),
        (OrderState.NOT_PLACED, ChangeKind.REPLACE),
        (OrderState.CANCELED, ChangeKind.MODIFY),
        (OrderState.FILLED, ChangeKind.MODIFY),
    ],
)
def test_a_change_is_over_when_its_order_ended_otherwise(state: OrderState, kind: ChangeKind) -> None:
    """Only a cancel or a whole fill proves what is left to replace; a modify has nothing to go on with."""
    assert advanced(replacing(kind=kind, state=state)) == ended("ORDER_CLOSED", f"the order is {state.value}")


def test_nothing_new_is_made_before_reconciliation_or_without_rules() -> None:
    """What is held must be known first; without the venue's rules there is no new order."""
    deciding = replacing()
    deciding.state.instruments.clear()
    reason = "the venue gives no rules for its symbol any more"
    assert advanced(deciding) == ended("NOT_REPLACED", reason)
    deciding.state.reconciled = False
    assert advanced(deciding) == ([], [])


@pytest.mark.parametrize(
    ("kind", "pending", "is_over"),
    [
        (ChangeKind.REPLACE, PendingRequest.CANCEL, False),
        (ChangeKind.REPLACE, PendingRequest.NONE, True),
        (ChangeKind.MODIFY, PendingRequest.NONE, False),
    ],
)
def test_a_cancel_that_was_refused_ends_the_replacement(
    kind: ChangeKind, pending: PendingRequest, *, is_over: bool
) -> None:
    """The order lives on, and says why."""
    deciding = replacing(kind=kind, state=OrderState.WORKING, pending=pending, detail="too late")
    assert advanced(deciding) == (ended("REJECTED", "too late") if is_over else ([], []))


@pytest.mark.parametrize(
    ("state", "code", "reason"),
    [
        (OrderState.APPROVED, "", ""),
        (OrderState.SUBMITTED, "", ""),
        (OrderState.WORKING, "REPLACED", ""),
        (OrderState.FILLED, "REPLACED", ""),
        (OrderState.CANCELED, "REPLACED", ""),
        (OrderState.EXPIRED, "REPLACED", ""),
        (OrderState.DENIED, "NOT_REPLACED", "why"),
        (OrderState.REJECTED, "NOT_REPLACED", "why"),
        (OrderState.NOT_SENT, "NOT_REPLACED", "why"),
        (OrderState.NOT_PLACED, "NOT_REPLACED", "why"),
    ],
)
def test_it_is_over_when_it_is_known_whether_the_new_order_reached_the_venue(
    state: OrderState, code: str, reason: str
) -> None:
    """Told of the new order, with its own words where it did not."""
    deciding = replacing()
    deciding.fold.changes(ReplaceMoved("x", "change-1", NAME))
    deciding.order(NAME, state=state, detail="why")
    assert advanced(deciding) == (ended(code, reason, NAME) if code else ([], []))


def test_a_new_order_of_unknown_fate_leaves_the_change_open_and_says_so_once() -> None:
    """Its own records say when it is looked up."""
    deciding = replacing()
    deciding.fold.changes(ReplaceMoved("x", "change-1", NAME))
    deciding.order(NAME, state=OrderState.UNRESOLVED, detail="no answer")
    assert advanced(deciding) == ([ChangeUnresolved(NAME, "change-1", "no answer", 0)], [])
    deciding.state.changes["change-1"].unresolved = True
    assert advanced(deciding) == ([], [])


def test_a_step_sees_to_the_changes_of_the_orders_that_it_touched() -> None:
    """In that order; every one when it asks for all. Names of new orders differ by change."""
    deciding = replacing()
    deciding.order("y", state=OrderState.WORKING)
    other = ChangeRequested("change-2", ChangeKind.MODIFY, "y", "bot", Terms(D(2), D(99)), False, ())
    deciding.fold.changes(other)
    both = [AdvanceChange("change-2"), AdvanceChange("change-1")]
    state = deciding.state
    assert changes_to_see_to(state, touched=["gone", "y", "x"], every=False) == both
    assert changes_to_see_to(state, touched=["gone"], every=False) == []
    assert changes_to_see_to(state, touched=[], every=True) == both[::-1]
    assert replacement_order_id("00000000", "change-2") != NAME
    assert NAME.startswith("00000000")
