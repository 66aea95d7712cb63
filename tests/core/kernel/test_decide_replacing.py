"""What follows when the orders of a change move on: the new one is made, or why there is none, said whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.change_records import ChangeEnded, ChangeRequested, ChangeUnresolved, ReplaceMoved
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.reconciliation import Counts
from fairlead.domain.records import AttemptStarted, OrderInitialized, Record
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.change_inputs import AdvanceChange
from fairlead.kernel.core.inputs import Input, ReconciliationEnded, TimerDue
from fairlead.kernel.decide.closings import exit_order_id
from fairlead.kernel.decide.decide import follow_ups
from fairlead.kernel.decide.replacing import replacement_order_id
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.deciding import NOW_NS, SECOND_NS, Deciding, rules_of

D = Decimal
CANCELED, WORKING = OrderState.CANCELED, OrderState.WORKING
ADVANCED = AdvanceChange("change-1")
NEW = Terms(D(5), D(99))


def replacing(
    kind: ChangeKind = ChangeKind.REPLACE,
    wanted: Terms = NEW,
    terms: dict[str, object] | None = None,
    **facts: Any,  # noqa: ANN401 - facts of several types
) -> Deciding:
    """Return a state with an order of 3 at 100 that is canceled, to be changed to other terms."""
    deciding = Deciding(rules_of())
    deciding.order("x", terms=terms, **{"state": CANCELED, "detail": "why", **facts})
    deciding.fold.changes(ChangeRequested("change-1", kind, "x", "bot", wanted, False, ()))
    return deciding


def new_name(deciding: Deciding) -> str:
    """Return the id of the order that takes the place."""
    return replacement_order_id(deciding.state.account_tag, "change-1")


def ended(code: str, reason: str = "", name: str = "x") -> list[Record]:
    """Return the record of the change's end."""
    return [ChangeEnded(name, "change-1", code, reason)]


def test_the_new_order_has_every_wish_of_the_old_one_and_what_is_left_of_the_new_quantity() -> None:
    """Made in the step that proves what was filled, under an id that is always the same, and sent."""
    terms: dict[str, object] = {
        "metadata": (("signal", "a"),),
        "note": "a note",
        "tags": ("t",),
    }
    deciding = replacing(terms=terms, filled_quantity=D("0.5"))
    name = new_name(deciding)
    [moved, made, sent], [effect] = deciding.on(ADVANCED)
    assert moved == ReplaceMoved("x", "change-1", name)
    assert isinstance(made, OrderInitialized)
    assert (made.client_order_id, made.replaces, made.owner, made.book) == (name, "x", "bot", "main")
    assert (made.symbol, made.side, made.order_type) == (BTC, OrderSide.BUY, OrderType.LIMIT)
    assert (made.time_in_force, made.quantity, made.limit_price) == (TimeInForce.GTC, D("4.5"), D(99))
    assert (made.metadata, made.note, made.tags) == ((("signal", "a"),), "a note", ("t",))
    assert (made.approved, made.denial_code, made.idempotency_key) == (True, "", "")
    assert sent == AttemptStarted(name, 1, NOW_NS, NOW_NS + deciding.rules.order_deadline_ns)
    assert getattr(effect, "attempt", 0) == 1


def test_a_stop_with_a_date_is_replaced_by_a_stop_with_that_date() -> None:
    """Its trigger, its time and what it may do come along."""
    terms: dict[str, object] = {
        "order_type": OrderType.STOP,
        "side": OrderSide.SELL,
        "time_in_force": TimeInForce.GTD,
        "limit_price": None,
        "trigger_price": D(90),
        "expire_ns": NOW_NS + SECOND_NS,
        "post_only": True,
        "leverage": D(2),
    }
    deciding = replacing(wanted=Terms(D(3), None, D(91)), terms=terms)
    made = deciding.on(ADVANCED)[0][1]
    assert isinstance(made, OrderInitialized)
    assert (made.order_type, made.side, made.quantity) == (OrderType.STOP, OrderSide.SELL, D(3))
    assert (made.limit_price, made.trigger_price) == (None, D(91))
    assert (made.post_only, made.reduce_only, made.leverage) == (True, False, D(2))
    assert (made.time_in_force, made.expire_ns) == (TimeInForce.GTD, NOW_NS + SECOND_NS)


@pytest.mark.parametrize(
    ("kind", "facts", "code", "reason"),
    [
        (ChangeKind.MODIFY, {}, "ORDER_CLOSED", "the order is canceled"),
        (ChangeKind.MODIFY, {"state": OrderState.FILLED}, "ORDER_CLOSED", "the order is filled"),
        (ChangeKind.REPLACE, {"state": OrderState.EXPIRED}, "ORDER_CLOSED", "the order is expired"),
        (ChangeKind.REPLACE, {"state": OrderState.REJECTED}, "ORDER_CLOSED", "the order is rejected"),
        (ChangeKind.REPLACE, {"filled_quantity": D(5)}, "NOTHING_LEFT", "5 of 5 is filled"),
        (ChangeKind.REPLACE, {"filled_quantity": D("4.9995")}, "NOTHING_LEFT", "4.9995 of 5 is filled"),
        (ChangeKind.REPLACE, {"state": WORKING}, "REJECTED", "why"),
    ],
)
def test_no_order_takes_the_place_of_what_was_not_canceled_for_it_or_has_nothing_left(
    kind: ChangeKind, facts: dict[str, Any], code: str, reason: str
) -> None:
    """The change is over with the reason; a cancel that the venue refused leaves the old order as it is."""
    assert replacing(kind, **facts).on(ADVANCED) == (ended(code, reason), [])


def test_a_change_whose_order_lives_and_is_being_canceled_or_modified_goes_on() -> None:
    """Nothing is known yet: not the end of the old order, and not the answer to the modify."""
    assert replacing(state=WORKING, pending=PendingRequest.CANCEL).on(ADVANCED) == ([], [])
    assert replacing(ChangeKind.MODIFY, state=WORKING).on(ADVANCED) == ([], [])


def test_nothing_new_is_made_before_reconciliation_or_without_rules() -> None:
    """What is held must be known first; a symbol that is gone ends it."""
    deciding = replacing()
    deciding.state.reconciled = False
    assert deciding.on(ADVANCED) == ([], [])
    deciding.state.reconciled = True
    deciding.state.instruments.clear()
    reason = "the venue gives no rules for its symbol any more"
    assert deciding.on(ADVANCED) == (ended("NOT_REPLACED", reason), [])


@pytest.mark.parametrize(
    ("wanted", "minimum", "is_dust"),
    [
        (Terms(D(5), D(99)), {"minimum_cost": "198"}, False),
        (Terms(D(5), D(99)), {"minimum_cost": "198.01"}, True),
        (Terms(D(5), None, D(99)), {"minimum_cost": "198"}, False),
        (Terms(D(5), None, D(99)), {"minimum_cost": "198.01"}, True),
        (Terms(D(5), D(99)), {"minimum_quantity": "2"}, False),
        (Terms(D(5), D(99)), {"minimum_quantity": "2.001"}, True),
    ],
)
def test_what_is_left_is_measured_at_the_new_price(
    wanted: Terms, minimum: dict[str, Any], *, is_dust: bool
) -> None:
    """Two are left of five, at the limit or else the trigger: less than the venue takes is nothing left."""
    terms: dict[str, object] = {}
    if wanted.trigger_price is not None:
        terms = {"order_type": OrderType.STOP, "limit_price": None, "trigger_price": D(100)}
    deciding = replacing(wanted=wanted, terms=terms, filled_quantity=D(3))
    deciding.state.instruments = {BTC: instrument(BTC, **minimum)}
    [first, *_] = deciding.on(ADVANCED)[0]
    assert first == (
        ended("NOTHING_LEFT", "3 of 5 is filled")[0]
        if is_dust
        else ReplaceMoved("x", "change-1", new_name(deciding))
    )


@pytest.mark.parametrize(
    ("wanted", "trading", "approved"),
    [
        (Terms(D(3), D(99)), TradingState.REDUCING, True),
        (Terms(D(3), D(100)), TradingState.REDUCING, True),
        (Terms(D("3.1"), D(99)), TradingState.REDUCING, False),
        (Terms(D(3), D("100.1")), TradingState.REDUCING, False),
        (Terms(D(3), D("100.1")), TradingState.ACTIVE, True),
        (Terms(D(3), D(99)), TradingState.HALTED, False),
    ],
)
def test_a_replacement_that_raises_nothing_passes_where_less_does(
    wanted: Terms, trading: TradingState, *, approved: bool
) -> None:
    """Judged against the order that it takes the place of, in the trading state of that step."""
    deciding = replacing(wanted=wanted)
    deciding.state.trading = trading
    made = deciding.on(ADVANCED)[0][1]
    assert isinstance(made, OrderInitialized)
    assert made.approved is approved


@pytest.mark.parametrize(
    ("state", "unresolved", "expected"),
    [
        (OrderState.APPROVED, False, []),
        (OrderState.SUBMITTED, False, []),
        (WORKING, False, ended("REPLACED", "", "y")),
        (WORKING, True, ended("REPLACED", "", "y")),
        (OrderState.FILLED, False, ended("REPLACED", "", "y")),
        (CANCELED, False, ended("REPLACED", "", "y")),
        (OrderState.EXPIRED, False, ended("REPLACED", "", "y")),
        (OrderState.DENIED, False, ended("NOT_REPLACED", "why", "y")),
        (OrderState.REJECTED, False, ended("NOT_REPLACED", "why", "y")),
        (OrderState.NOT_SENT, False, ended("NOT_REPLACED", "why", "y")),
        (OrderState.NOT_PLACED, True, ended("NOT_REPLACED", "why", "y")),
        (OrderState.UNRESOLVED, False, [ChangeUnresolved("y", "change-1", "why", 0)]),
        (OrderState.UNRESOLVED, True, []),
    ],
)
def test_a_replacement_is_done_when_the_new_order_was_at_the_venue(
    state: OrderState, expected: list[Record], *, unresolved: bool
) -> None:
    """Whatever became of it there; one that never arrived says why, one in doubt says so once."""
    deciding = replacing()
    deciding.order("y", state=state, detail="why")
    change = deciding.state.changes["change-1"]
    change.new_order_id, change.unresolved = "y", unresolved
    assert deciding.on(ADVANCED) == (expected, [])


@pytest.mark.parametrize(
    ("given", "touched", "seen_to"),
    [
        (TimerDue("x"), [], []),
        (TimerDue("x"), ["second", "other", "x"], ["change-2", "change-1"]),
        (ReconciliationEnded("start", Counts(), 0, True, True, True), [], ["change-1", "change-2"]),
    ],
)
def test_a_step_sees_to_the_changes_that_it_touched_and_a_reconciliation_to_all(
    given: Input, touched: list[str], seen_to: list[str]
) -> None:
    """What waited for the venue's word goes on with it; what is not touched is left alone."""
    deciding = replacing(state=WORKING)
    deciding.order("second", state=WORKING)
    deciding.order("other", state=WORKING)
    second = ChangeRequested("change-2", ChangeKind.REPLACE, "second", "bot", NEW, False, ())
    deciding.fold.changes(second)
    expected = [AdvanceChange(change_id) for change_id in seen_to]
    assert follow_ups(deciding.state, given, touched) == expected


def test_the_id_of_a_new_order_is_the_same_in_every_version() -> None:
    """A restart in the middle of a replacement finds the order that was made by its id."""
    assert replacement_order_id("00000000", "change-1") == "0000000031919abffa533f3b405001b5"
    assert exit_order_id("00000000", "close-1", 1) == "0000000086061dba3fad809ebe86fbdf"
