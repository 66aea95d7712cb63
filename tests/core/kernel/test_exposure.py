"""What live orders and positions may come to: the counts that limits ask for, kept as it changes and anew."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.records import AttemptStarted, OrderEventNoted
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.apply.exposure import Weight, reserve_anew, weight
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.rows import restore_order, restore_position
from tests.core.kernel.bench import BTC, ETH
from tests.core.kernel.folding import Fold, fill, order

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
KEY = BTC, "main", ""


@pytest.mark.parametrize(
    ("quantity", "openings", "selling", "buying", "exposed", "closing"),
    [
        (0, 0, 0, 0, False, False),
        (0, 1, 0, 0, True, False),  # an opening may come to something
        (0, 0, 5, 5, False, False),
        (3, 0, 0, 0, True, False),
        (3, 0, 2, 9, True, False),  # a rest stays, and a buy closes no long
        (3, 0, 3, 0, True, True),
        (3, 0, 4, 0, True, True),
        (3, 1, 3, 0, True, False),  # it may grow meanwhile
        (-3, 0, 9, 2, True, False),
        (-3, 0, 0, 3, True, True),
        (-3, 2, 0, 3, True, False),
    ],
)
def test_a_position_is_exposed_or_being_closed(
    quantity: int, openings: int, selling: int, buying: int, *, exposed: bool, closing: bool
) -> None:
    """Being closed is one that live exits may take off whole, and that nothing may add to."""
    state = EngineState("test", "00000000")
    state.leaves = {(KEY, SELL): D(selling), (KEY, BUY): D(buying)}
    position = Position(BTC, "main", "USDT", D(quantity), pending_openings=openings, reserved_exit=D(7))
    assert weight(state, position) == Weight(exposed, closing, D(quantity), D(7))


def test_a_weight_of_which_nothing_is_said_is_none() -> None:
    """What was not counted before adds everything that it is now."""
    assert Weight() == (False, False, ZERO, ZERO)


def lived() -> EngineState:
    """Return a state of two symbols: longs and shorts, entries and exits, one being closed, one hedging."""
    swap = Contract(ContractKind.LINEAR, D(1))
    fold = Fold(
        order("a"),
        fill("a", "1", quantity=D(3), value=D(300)),
        order("b", side=SELL, quantity=D(2), reduces=True, reduce_only=True),
        order("c", side=SELL, quantity=D(1), reduces=True, reduce_only=True),
        order("d", book="second", side=SELL, quantity=D(4), limit_price=D(120)),
        fill("d", "2", side=SELL, quantity=D(4), value=D(480)),
        order("e", book="second", quantity=D(3), limit_price=D(90), reduces=True),
        order("f", symbol=ETH, quantity=D(5), limit_price=D(10)),
        order("g", position_id="one", quantity=D(2)),
        fill("g", "3", quantity=D(1)),
        order("h", position_id="one", side=SELL, quantity=D(1), reduces=True),
        order("i", symbol=ETH, book="swap", contract=swap, quantity=D(6)),
        order("j", quantity=D(7)),
        AttemptStarted("j", 1, 5, 9),
        OrderEventNoted("j", OrderEvent.REJECTED, "no"),
        fill("i", "4", quantity=D(2), value=D(200), base=""),
    )
    return fold.state


COUNTED = (
    "live_total", "live_by_symbol", "leaves", "reduce_only", "promises", "promised", "orders_on",
    "exposed_total", "exposed_by_symbol", "closing_total", "closing_by_symbol", "net_by_symbol",
    "reserved_by_symbol",
)  # fmt: skip


def counts(state: EngineState) -> dict[str, object]:
    """Return everything that is counted, without what is zero."""
    fields = {name: getattr(state, name) for name in COUNTED}
    return {
        name: {key: each for key, each in value.items() if each} if isinstance(value, dict) else value
        for name, value in fields.items()
    }


def test_what_limits_ask_for_is_counted() -> None:
    """By symbol, over all books and positions, as orders and fills came."""
    one = (BTC, "main", "one")
    assert counts(lived()) == {
        "live_total": 7,
        "live_by_symbol": {BTC: 5, ETH: 2},
        "leaves": {
            (KEY, SELL): D(3),
            ((BTC, "second", ""), BUY): D(3),
            ((ETH, "main", ""), BUY): D(5),
            (one, BUY): D(1),
            (one, SELL): D(1),
            ((ETH, "swap", ""), BUY): D(4),
        },
        "reduce_only": {KEY: {"b": None, "c": None}},
        "promises": {"b": D(2), "c": D(1), "e": D(270), "f": D(50), "g": D(100), "h": D(1)},
        "promised": {(BTC, SELL): D(4), (BTC, BUY): D(370), (ETH, BUY): D(50)},
        "orders_on": {one: 2},
        "exposed_total": 5,
        "exposed_by_symbol": {BTC: 3, ETH: 2},
        "closing_total": 1,  # of the long of 3 all is for sale; the short keeps a rest, "one" may grow
        "closing_by_symbol": {BTC: 1},
        "net_by_symbol": {ETH: D(2)},  # 3 - 4 + 1 of BTC
        "reserved_by_symbol": {BTC: D(7)},
    }


def test_what_is_counted_anew_from_rows_is_what_was_counted_as_it_changed() -> None:
    """A restart, and a recovery, ask limits the same; orders are read before positions."""
    state, again = lived(), EngineState("test", "00000000")
    for each in state.orders.values():
        restore_order(again, each)
    for position in state.positions.values():
        restore_position(again, position)
    expected = counts(state)
    assert counts(again) == expected
    assert again.finished == {"a": 0, "d": 0, "j": 0}, "what is read from the store is durable"


def test_terms_that_reserve_nothing_else_change_no_row() -> None:
    """Only the price is another: what may be paid changes, and no quantity is counted again."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9))
    state = fold.state
    state.dirty.positions.clear()
    moving = state.orders["x"]
    before, moving.limit_price = moving.most_leaves, D(110)
    reserve_anew(state, moving, before)
    assert state.promises == {"x": D(330)}
    assert state.leaves == {(KEY, BUY): D(3)}
    assert not state.dirty.positions


def test_what_ended_is_counted_no_more() -> None:
    """Every order ended and every position closed: nothing of it is left."""
    state = lived()
    for name, event in (("b", OrderEvent.CANCELED), ("c", OrderEvent.EXPIRED), ("e", OrderEvent.CANCELED)):
        apply(state, OrderEventNoted(name, event, "over"), 99)
    for name in ("f", "g", "h", "i"):
        apply(state, OrderEventNoted(name, OrderEvent.CANCELED, "over"), 99)
    left = counts(state)
    assert (left["live_total"], left["closing_total"], left["exposed_total"]) == (0, 0, 4)
    for name in ("live_by_symbol", "leaves", "reduce_only", "promises", "promised", "reserved_by_symbol"):
        assert left[name] == {}
    assert left["exposed_by_symbol"] == {BTC: 3, ETH: 1}
