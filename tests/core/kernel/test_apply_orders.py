"""The fold of an order's records: each changes what it says, marks those rows as changed, and nothing else.

Whatever a record changes besides would be another state after a replay, or a row that nobody writes.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AnomalyNoted, AttemptStarted, OrderAccepted, OrderEventNoted, OrderPaced
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.sizing import SizedBy, Sizing
from fairlead.domain.verdicts import Verdict
from fairlead.kernel.core.state import CommandEntry
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import GONE, Fold, at, moved, order

D = Decimal
MAIN = f"{BTC} main"
CONTRACT = Contract(ContractKind.LINEAR, D(10))
TERMS = {
    "trigger_price": D(101),
    "trailing_distance": D(2),
    "trailing_rate": D("0.01"),
    "leverage": D(5),
    "expire_ns": 99,
    "post_only": True,
    "reduce_only": True,
    "contract": CONTRACT,
}
COMMON = {
    "client_order_id": "x",
    "owner": "bot",
    "book": "main",
    "symbol": BTC,
    "side": OrderSide.SELL,
    "order_type": OrderType.STOP_LIMIT,
    "time_in_force": TimeInForce.GTD,
    "quantity": D(3),
    "limit_price": D(100),
    "reduces": True,
    "currency": "USDT",
}
PLAIN = {
    "client_order_id": "x",
    "owner": "bot",
    "book": "main",
    "symbol": BTC,
    "side": OrderSide.BUY,
    "order_type": OrderType.LIMIT,
    "time_in_force": TimeInForce.GTC,
    "quantity": D(3),
    "limit_price": D(100),
    "currency": "USDT",
}
NEW = {"pending": PendingRequest.NONE, "sent_monotonic_ns": -1, "created_ns": 10}
RESERVED = {
    "dirty.positions": [MAIN],
    "dirty.settings": ["owner:bot"],
    "owners": ["bot"],
    "live_total": 1,
    f"live_by_symbol.{BTC}": 1,
    **at(f"positions.{MAIN}", symbol=BTC, book="main", currency="USDT"),
}


def test_an_approved_order_begins_with_every_term_and_is_reserved() -> None:
    """It bears what its record says, one by one; its exit is reserved, its owner and its key are known."""
    terms = {
        **COMMON,
        **TERMS,
        "reference_price": D(102),
        "idempotency_key": "key",
        "metadata": (("a", "1"),),
        "max_slippage": D("0.02"),
        "note": "why",
        "tags": ("one", "two"),
        "sizing": Sizing(SizedBy.NOTIONAL, D(300), D(3)),
        "replaces": "old",
    }
    assert Fold().changes(order(**terms, command_digest="digest")) == {
        **moved(1, **terms, **NEW, state=OrderState.APPROVED),
        **RESERVED,
        f"leaves.{MAIN} sell": D(3),
        f"positions.{MAIN}.reserved_exit": D(3),
        f"reserved_by_symbol.{BTC}": D(3),
        f"reduce_only.{MAIN}": ["x"],
        **at("commands.bot key", owner="bot", idempotency_key="key", command_digest="digest"),
        **at("commands.bot key", client_order_id="x", created_ns=10, sequence=1),
        "dirty.commands": [CommandEntry("bot", "key", "digest", "x", 10, "", 1)],
    }


def test_a_buy_of_spot_reserves_what_it_may_pay() -> None:
    """At the worst of its prices; the position counts it as an opening, and as exposure of its symbol."""
    assert Fold().changes(order(reference_price=D(110))) == {
        **moved(1, **PLAIN, **NEW, state=OrderState.APPROVED, reference_price=D(110)),
        **RESERVED,
        f"leaves.{MAIN} buy": D(3),
        f"positions.{MAIN}.pending_openings": 1,
        "exposed_total": 1,
        f"exposed_by_symbol.{BTC}": 1,
        "promises.x": D(330),
        f"promised.{BTC} buy": D(330),
    }


def test_a_second_order_adds_to_what_the_first_reserved() -> None:
    """Its owner and position are known already; another owner's row is another one."""
    fold = Fold(order())
    changes = fold.changes(order("y", owner="other", quantity=D(2)))
    assert {key: value for key, value in changes.items() if not key.startswith("orders.y.")} == {
        "dirty.orders": ["y"],
        "dirty.positions": [MAIN],
        "dirty.settings": ["owner:other"],
        "owners": ["bot", "other"],
        "live_total": 2,
        f"live_by_symbol.{BTC}": 2,
        f"leaves.{MAIN} buy": D(5),
        f"positions.{MAIN}.pending_openings": 2,
        "promises.y": D(200),
        f"promised.{BTC} buy": D(500),
    }
    assert "dirty.settings" not in fold.changes(order("z"))


VERDICTS = (
    Verdict("first", "1", allowed=True),
    Verdict("size", "1", False, "TOO_LARGE", "too much", (("size", "3"), ("max", "2"))),
    Verdict("last", "2", False, "CLOSED", "not now"),
)


@pytest.mark.parametrize("code", ["TOO_LARGE", "PACE_EXCEEDED"])
def test_a_denied_order_is_over_at_once_and_reserves_nothing(code: str) -> None:
    """It says who denied it and why, with the figures; one that would wait too long counts as refused."""
    denied = order(approved=False, denial_code=code, verdicts=VERDICTS)
    assert Fold().changes(denied) == {
        **moved(1, **PLAIN, **NEW, state=OrderState.DENIED, closed_ns=10, denial_code=code),
        "orders.x.detail": "size: TOO_LARGE: too much (size=3, max=2); last: CLOSED: not now",
        "finished.x": 1,
        "owners": ["bot"],
        "dirty.settings": ["owner:bot"],
        **({"pace.counts.refusals": 1} if code == "PACE_EXCEEDED" else {}),
    }


def test_the_orders_on_a_hedging_position_are_counted() -> None:
    """The position stays in memory as long as any of them does; a netting one counts none."""
    fold = Fold()
    assert fold.changes(order(position_id="one"))[f"orders_on.{MAIN} one"] == 1
    assert fold.changes(order("y", position_id="one"))[f"orders_on.{MAIN} one"] == 2
    assert not [key for key in fold.changes(order("z")) if key.startswith("orders_on")]


def test_an_attempt_begins() -> None:
    """Its number and its times are the order's; what was due for the one before is due no more."""
    fold = Fold(
        order(),
        AttemptStarted("x", 1, 5, 9),
        OrderEventNoted("x", OrderEvent.LIMITED, "too fast", look_up_ns=70),
    )
    assert fold.changes(AttemptStarted("x", 2, 6, 11)) == moved(
        4, attempt=2, not_before_ns=6, deadline_ns=11, look_up_ns=0, state=OrderState.SUBMITTED
    )


def test_a_cancel_is_counted_each_time_it_is_asked_and_pending_since_the_first() -> None:
    """When the venue refuses it, it is pending no more, since then, and the next one is counted anew."""
    fold = Fold(
        order(), AttemptStarted("x", 1, 5, 9), OrderAccepted("x", "V1", OrderEvent.ACCEPTED, 8, "stream")
    )
    cancel = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked", look_up_ns=7)
    assert fold.changes(cancel) == moved(
        4, detail="asked", look_up_ns=7, pending=PendingRequest.CANCEL, pending_since_ns=40, pending_asked=1
    )
    assert fold.changes(cancel) == moved(5, pending_asked=2)
    assert fold.changes(OrderEventNoted("x", OrderEvent.CANCEL_REFUSED, "too late")) == moved(
        6, detail="too late", look_up_ns=0, pending=PendingRequest.NONE, pending_since_ns=60, pending_asked=0
    )
    assert fold.changes(cancel)["orders.x.pending_asked"] == 1


def test_an_order_that_was_missing_and_is_shown_may_be_missed_again() -> None:
    """What was noted of it is forgotten, and nothing that was noted of others, or otherwise."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9))
    fold.changes(OrderEventNoted("x", OrderEvent.SHOWN_LIVE, "gone"))
    for subject, detail in (("x", "gone"), ("y", "gone"), ("x", "odd")):
        fold.changes(AnomalyNoted(AnomalyKind.MISSING_AT_VENUE, Severity.NOTE, subject, detail))
    left = ["missing_at_venue y gone", "missing_at_venue x odd"]
    assert fold.changes(OrderEventNoted("x", OrderEvent.CANCEL_REFUSED, "gone")).get("noted") is None
    assert fold.changes(OrderEventNoted("x", OrderEvent.SHOWN_LIVE, "here")) == {
        **moved(8, detail="here"),
        "noted": left,
    }


def test_a_venues_word_names_the_order_and_a_trigger_stays() -> None:
    """Its id is the order's once it was told, and is not lost when a later word has none."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9))
    accepted = OrderAccepted("x", "V1", OrderEvent.ACCEPTED, 8, "stream")
    assert fold.changes(accepted) == moved(3, venue_order_id="V1", state=OrderState.WORKING)
    assert fold.changes(OrderAccepted("x", "", OrderEvent.TRIGGERED, 9, "stream")) == moved(4, triggered=True)
    assert fold.changes(OrderAccepted("x", "V2", OrderEvent.ACCEPTED, 9, "history")) == moved(
        5, venue_order_id="V2"
    )


def paced(kind: RequestKind) -> OrderPaced:
    """Return the record of a request about the order that waits."""
    return OrderPaced("x", kind, Lane.ENTRY, BTC, (("orders", D(1)),), 0, 1)


def test_an_order_that_goes_out_waits_no_more() -> None:
    """A cancel that waits beside it waits on, until the order is over."""
    fold = Fold(order(), paced(RequestKind.SUBMIT), paced(RequestKind.CANCEL))
    fold.changes(AttemptStarted("x", 1, 5, 9))
    assert list(fold.state.pace.waiting) == [(RequestKind.CANCEL, "x")]
    fold.changes(OrderEventNoted("x", OrderEvent.REJECTED, "no"))
    assert not fold.state.pace.waiting


def test_an_order_that_ends_gives_everything_back() -> None:
    """It is closed at that time with nothing pending or due, and the last that may leave memory."""
    fold = Fold(order("y"), order(reduce_only=True), AttemptStarted("x", 1, 5, 9))
    fold.changes(OrderEventNoted("x", OrderEvent.OUTCOME_UNKNOWN, "no answer", look_up_ns=70))
    fold.changes(OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked", look_up_ns=80))
    assert fold.changes(OrderEventNoted("x", OrderEvent.CANCELED, "done")) == {
        **moved(6, detail="done", look_up_ns=0, state=OrderState.CANCELED, closed_ns=60),
        **at("orders.x", pending=PendingRequest.NONE),
        "finished.x": 6,
        "dirty.positions": [MAIN],
        "live_total": 1,
        f"live_by_symbol.{BTC}": 1,
        f"leaves.{MAIN} buy": D(3),
        f"positions.{MAIN}.pending_openings": 1,
        f"reduce_only.{MAIN}": GONE,
        "promises.x": GONE,
        f"promised.{BTC} buy": D(300),
    }


def test_a_finished_order_that_changes_is_the_last_to_leave() -> None:
    """Memory lets go of those first that did not change for the longest; its times of the end stay."""
    fold = Fold(order("x", approved=False), order("y", approved=False))
    fold.changes(OrderEventNoted("x", OrderEvent.CANCEL_REFUSED, "over"))
    assert list(fold.state.finished.items()) == [("y", 2), ("x", 3)]
    assert fold.state.orders["x"].closed_ns == 10


def test_an_order_whose_fate_is_known_needs_no_look_up() -> None:
    """What was due while nobody knew is due no more, however it came out."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9))
    fold.changes(OrderEventNoted("x", OrderEvent.OUTCOME_UNKNOWN, "no answer", look_up_ns=70))
    assert fold.changes(OrderAccepted("x", "V1", OrderEvent.ACCEPTED, 8, "look_up")) == moved(
        4, venue_order_id="V1", state=OrderState.WORKING, look_up_ns=0
    )
