"""The fold of fills and corrections: everything that a trade moves, all of it together, and nothing else."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.episodes import PositionSide
from fairlead.domain.ledger import PositionChange
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AttemptStarted, OrderEventNoted
from fairlead.kernel.apply.apply import apply
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import GONE, Fold, at, fill, fill_row, moved, order, sold

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
MAIN = f"{BTC} main"
FIRST = f"episodes.{MAIN} 1"
SHORTS = f"leaves.{MAIN} sell"


def test_the_first_fill_opens_the_position_and_its_episode() -> None:
    """Order, position, episode, balances, counts and rows at once; what it may still take is less."""
    fold = Fold(order(note="why", tags=("one",), metadata=(("a", "1"),)), AttemptStarted("x", 1, 5, 9))
    assert fold.changes(fill()) == {
        **moved(3, venue_order_id="V1", state=OrderState.WORKING, fees=D("0.5")),
        **at("orders.x", filled_quantity=D(1), filled_value=D(100)),
        "orders.x.trades.T1": "buy:1@100-0.5USDT",
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", quantity=D(1), cost=D(100), fees=D("0.5"), episode=1, opened_ns=77),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, symbol=BTC, book="main", number=1, owner="bot", side=PositionSide.LONG, currency="USDT"),
        **at(FIRST, opened_ns=77, note="why", tags=("one",), metadata=(("a", "1"),), fills=1),
        **at(FIRST, entry_quantity=D(1), entry_value=D(100), peak_quantity=D(1), fees=D("0.5")),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(1), USDT=D("-100.5")),
        "dirty.fills": fill_row("T1", 3, 1, "buy:1@100-0.5USDT"),
        f"net_by_symbol.{BTC}": D(1),
        f"leaves.{MAIN} buy": D(2),
        "promises.x": D(200),
        f"promised.{BTC} buy": D(200),
    }


def test_the_last_fill_ends_the_order() -> None:
    """A fill without a venue's id leaves the one that is known; the position adds up, and stays."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9), fill())
    last = fill("x", "T2", venue_order_id="", quantity=D(2), value=D(210), fee=D("-0.1"), price=D(105))
    assert fold.changes(last) == {
        **moved(4, state=OrderState.FILLED, closed_ns=40, fees=D("0.4")),
        **at("orders.x", filled_quantity=D(3), filled_value=D(310)),
        "orders.x.trades.T2": "buy:2@105--0.1USDT",
        "finished.x": 4,
        "live_total": 0,
        f"live_by_symbol.{BTC}": 0,
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", quantity=D(3), cost=D(310), fees=D("0.4"), pending_openings=0),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, entry_quantity=D(3), entry_value=D(310), peak_quantity=D(3), fees=D("0.4"), fills=2),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(3), USDT=D("-310.4")),
        "dirty.fills": fill_row(
            "T2", 4, 1, "buy:2@105--0.1USDT", quantity=D(2), price=D(105), value=D(210), fee=D("-0.1")
        ),
        f"net_by_symbol.{BTC}": D(3),
        f"leaves.{MAIN} buy": GONE,
        "promises.x": GONE,
        f"promised.{BTC} buy": D(0),
    }


def holding(quantity: int, **terms: object) -> Fold:
    """Return a state in which 3 BTC are held, and so much is for sale by the order y."""
    return Fold(
        order(),
        fill(quantity=D(3), value=D(300)),
        order("y", side=SELL, quantity=D(quantity), limit_price=D(110), **{"reduces": True, **terms}),
        AttemptStarted("y", 1, 5, 9),
    )


def test_a_fill_after_the_end_is_booked_and_takes_of_no_reservation() -> None:
    """The venue's word counts whenever it comes; what the order had reserved was given back already."""
    fold = Fold(
        order("y"), order(), AttemptStarted("x", 1, 5, 9), OrderEventNoted("x", OrderEvent.CANCELED, "done")
    )
    changes = fold.changes(fill())
    assert changes[f"positions.{MAIN}.quantity"] == D(1)
    assert changes["orders.x.filled_quantity"] == D(1)
    assert changes["finished.x"] == 5
    assert fold.state.leaves == {((BTC, "main", ""), BUY): D(3)}
    assert fold.state.promises == {"y": D(300)}
    assert fold.state.live_total == 1


def test_a_fill_of_more_than_was_ordered_takes_no_more_than_was_reserved() -> None:
    """What is booked is what the venue says; the reservation of others stays whole."""
    fold = holding(2)
    fold.changes(order("z", side=SELL, limit_price=D(120), quantity=D(1), reduces=True))
    changes = fold.changes(sold(quantity=D("2.5"), value=D(275)))
    assert changes[f"positions.{MAIN}.quantity"] == D("0.5")
    assert changes[f"positions.{MAIN}.reserved_exit"] == changes[SHORTS] == D(1)
    assert changes["orders.y.state"] is OrderState.FILLED


def test_a_cancel_stays_pending_through_a_fill() -> None:
    """Only its own answer, or the end, ends it."""
    fold = Fold(
        order(), AttemptStarted("x", 1, 5, 9), OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked")
    )
    assert "orders.x.pending" not in fold.changes(fill())
    assert fold.changes(fill("x", "T2", quantity=D(2)))["orders.x.pending"] is PendingRequest.NONE


def test_what_a_fill_did_to_its_position_is_told() -> None:
    """It opened, changed, closed or flipped it: events and notices are made of that."""
    fold = Fold(order(quantity=D(9)), order("y", side=SELL, quantity=D(9)), AttemptStarted("x", 1, 5, 9))
    fold.changes(AttemptStarted("y", 1, 5, 9))
    steps = [(fill("x", "1"), "opened"), (fill("x", "2"), "changed"), (sold(trade_id="3"), "changed")]
    steps += [(sold(trade_id="4"), "closed"), (sold(trade_id="5"), "opened")]
    steps += [(fill("x", "6", quantity=D(2), value=D(200)), "flipped")]
    for record, change in steps:
        assert apply(fold.state, record, 99) is PositionChange(change)
