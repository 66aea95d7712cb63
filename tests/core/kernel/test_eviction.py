"""What leaves memory and what stays, by itself: orders, hedging positions, keys and adjustments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked
from fairlead.domain.change_records import ChangeRequested
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.closings import Closing
from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ONE, ZERO
from fairlead.kernel.core.state import CommandEntry, EngineState
from fairlead.kernel.engine.eviction import Eviction
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, order

LATE_NS = 1_000


def over(*names: str, **terms: object) -> EngineState:
    """Return a state of denied orders, each changed by the record of its place."""
    return Fold(*(order(name, **{"approved": False, **terms}) for name in names)).state


def let_go(
    state: EngineState, *, orders_max: int = 0, age_max_ns: int = LATE_NS, durable: int = 99
) -> list[str]:
    """Run an eviction at 1,000 ns; return the orders that stayed."""
    Eviction(orders_max, age_max_ns).run(state, durable, LATE_NS)
    assert set(state.finished) <= set(state.orders)
    return list(state.orders)


@pytest.mark.parametrize("kept", ["a", "b", "c"])
@pytest.mark.parametrize("why", ["zombie", "changing"])
def test_an_order_that_is_seen_to_from_memory_stays_and_holds_up_no_other(why: str, kept: str) -> None:
    """One that the venue showed alive after its end, or that a change is about; it leaves after that."""
    state = over("a", "b", "c")
    if why == "zombie":
        state.zombies[kept] = None
    else:
        wanted = ChangeRequested("change", ChangeKind.REPLACE, kept, "bot", Terms(ONE), False, ())
        fold = Fold()
        fold.state = state
        fold.changes(wanted)
    sequence = state.finished[kept]
    assert let_go(state) == [kept]
    assert state.finished == {kept: sequence}
    state.zombies.clear()
    state.changing.clear()
    assert let_go(state) == []


def test_nothing_leaves_while_anybody_reads_from_the_store() -> None:
    """Two read at once: the end of one is not the end of both."""
    eviction, state = Eviction(0, LATE_NS), over("a")
    with eviction:
        with eviction:
            eviction.run(state, 99, LATE_NS)
        eviction.run(state, 99, LATE_NS)
        assert list(state.orders) == ["a"]
    eviction.run(state, 99, LATE_NS)
    assert not state.orders
    assert eviction.readers == 0


def test_orders_leave_from_the_oldest_as_far_as_the_store_has_them() -> None:
    """Too many, they leave until there are few enough; the first that the store lacks holds up the rest."""
    assert let_go(over("a", "b", "c", "d"), orders_max=2) == ["c", "d"]
    assert let_go(over("a", "b", "c", "d"), durable=2) == ["c", "d"]
    assert let_go(over("a", "b", "c"), orders_max=9, age_max_ns=LATE_NS - 20) == ["b", "c"]
    assert let_go(over("a", "b", "c"), orders_max=9, age_max_ns=LATE_NS - 21) == ["c"]


def test_of_an_order_that_left_it_is_known_when_it_had_changed() -> None:
    """By the monotonic clock: the fold's is 1,000 ns ahead."""
    state = over("a", "b", "c", "d")
    state.orders["c"].changed_monotonic_ns = 0  # with the first instant of the clock
    state.orders["d"].changed_monotonic_ns = -1  # never since it was read back
    let_go(state)
    assert state.departed == {"a": 1_010, "b": 1_020, "c": 0}
    assert state.forgotten_monotonic_ns == -1


def hedging(*names: str) -> EngineState:
    """Return a state of denied orders on one hedging position that is flat."""
    state = over(*names, position_id="one")
    state.positions[BTC, "main", "one"] = Position(BTC, "main", "USDT", position_id="one")
    return state


def test_a_hedging_position_leaves_behind_its_last_order() -> None:
    """Not before: it stays as long as an order in memory works on it, or there is something of it."""
    state = hedging("a", "b", "c")
    key = BTC, "main", "one"
    let_go(state, orders_max=1)
    assert (state.orders_on, list(state.positions), state.idle) == ({key: 1}, [key], {})
    let_go(state)
    assert (state.orders_on, list(state.idle)) == ({}, [key])
    let_go(state)
    assert (state.positions, state.idle) == ({}, {})


@pytest.mark.parametrize("why", ["held", "reserved", "opening", "ordered"])
def test_a_hedging_position_of_which_there_is_something_stays(why: str) -> None:
    """It is idle no more: its next order makes it so again."""
    state = EngineState("test", "00000000")
    key = BTC, "main", "one"
    position = state.positions[key] = Position(BTC, "main", "USDT", position_id="one")
    state.idle[key] = None
    if why == "held":
        position.quantity = ONE
    elif why == "reserved":
        position.reserved_exit = ONE
    elif why == "opening":
        position.pending_openings = 1
    else:
        state.orders_on[key] = 1
    let_go(state)
    assert (list(state.positions), state.idle) == ([key], {})


@pytest.mark.parametrize("busy", ["a", "b", "c"])
def test_a_position_that_is_being_closed_holds_up_no_other(busy: str) -> None:
    """It is seen to from memory and stays idle; the others leave."""
    state = EngineState("test", "00000000")
    for name in "abc":
        key = BTC, "main", name
        state.positions[key] = Position(BTC, "main", "USDT", position_id=name)
        state.idle[key] = None
    key = BTC, "main", busy
    state.closing[key] = Closing("k", "bot", BTC, "main", False, False, False, None, ZERO, 0)
    let_go(state)
    assert (list(state.positions), list(state.idle)) == ([key], [key])


@pytest.mark.parametrize(
    ("orders_max", "durable", "left"),
    [(3, 9, [1, 2, 3]), (2, 9, [2, 3]), (0, 9, []), (0, 1, [2, 3]), (0, 0, [1, 2, 3])],
)
def test_keys_and_adjustments_leave_from_the_oldest_as_far_as_the_store_has_them(
    orders_max: int, durable: int, left: list[int]
) -> None:
    """As many stay as are set, and every one that the store lacks."""
    state = EngineState("test", "00000000")
    for number in (1, 2, 3):
        state.commands["bot", str(number)] = CommandEntry("bot", str(number), "", "", 0, sequence=number)
        booked = AdjustmentBooked(str(number), AdjustmentKind.FUNDING, "USDT", Decimal(1), 0, "")
        state.adjustments[str(number)] = (booked, number)
    let_go(state, orders_max=orders_max, durable=durable)
    assert [int(key) for _, key in state.commands] == [int(name) for name in state.adjustments] == left
