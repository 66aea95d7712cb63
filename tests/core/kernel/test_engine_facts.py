"""The facts that follow from a record, for the checks that keep a value, straight from the state."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.facts import EpisodeBegan, EpisodeEnded, OrderEnded, PositionMoved
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.orders import view_of
from fairlead.domain.records import AttemptStarted, CursorMoved, OrderEventNoted, Record
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.facts import before, facts_after
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, corrected, fill, order, sold

D = Decimal
KEY = BTC, "main", ""
SELL = OrderSide.SELL


def long_of_three(*records: Record) -> EngineState:
    """Return a state in which 3 BTC are held, with fees in two currencies, and these records after."""
    return Fold(
        order(quantity=D(9), contract=None),
        fill(quantity=D(2), value=D(200)),
        fill("x", "T2", value=D(130), fee_currency="BNB"),
        order("y", side=SELL, quantity=D(2), reduces=True),
        *records,
    ).state


def test_what_a_fill_realized_is_told_of_this_fill_alone() -> None:
    """Not what the position realized before it."""
    state = long_of_three(sold(value=D(150)))
    again = sold(trade_id="S2", value=D(160))
    known = before(state, again)
    assert known is not None
    (moved, *_) = facts_after(state, known, apply(state, again, 99))
    assert isinstance(moved, PositionMoved)
    assert moved.realized_pnl == D(50)
    assert state.positions[KEY].realized_pnl == D(90)


@pytest.mark.parametrize(
    ("event", "ends"), [(OrderEvent.CANCELED, True), (OrderEvent.CANCEL_REQUESTED, False)]
)
def test_the_end_of_an_order_is_told_once(event: OrderEvent, *, ends: bool) -> None:
    """When it was live before and is not after: later words about it end nothing again."""
    state = long_of_three(AttemptStarted("y", 1, 5, 9))
    for is_first in (True, False):
        record = OrderEventNoted("y", event, "why")
        known = before(state, record)
        assert known is not None
        assert known.was_live is (is_first or not ends)
        told = facts_after(state, known, apply(state, record, 99))
        assert told == ([OrderEnded(view_of(state.orders["y"]))] if ends and is_first else [])


def test_what_is_about_no_order_and_no_position_has_no_facts() -> None:
    """A correction is about a position, whether it was there before or not."""
    state = long_of_three()
    assert before(state, CursorMoved("fills", "7")) is None
    assert before(state, OrderEventNoted("nobody", OrderEvent.CANCELED, "")) is None
    known = before(state, corrected())
    assert known is not None
    assert (known.key, known.order, known.was_live, known.realized_pnl) == (KEY, None, False, D(0))
    (moved,) = facts_after(state, known, apply(state, corrected(side=SELL, value=D(170)), 99))
    assert isinstance(moved, PositionMoved)
    assert moved.realized_pnl == D(60)
    fresh = before(state, corrected(book="new"))
    assert fresh is not None
    assert (fresh.key, fresh.realized_pnl) == ((BTC, "new", ""), D(0))


@pytest.mark.parametrize(
    ("quantity", "numbers"), [(1, []), (3, [("ended", 1)]), (4, [("ended", 1), ("began", 2)])]
)
def test_the_end_and_the_beginning_of_an_episode_are_told_each_once(
    quantity: int, numbers: list[tuple[str, int]]
) -> None:
    """A sale of a part tells neither, one of all the end, and a flip both: of the episodes that they are."""
    state = long_of_three()
    record = sold(quantity=D(quantity), value=D(100 * quantity))
    known = before(state, record)
    assert known is not None
    facts = facts_after(state, known, apply(state, record, 99))
    told = [fact for fact in facts if isinstance(fact, EpisodeBegan | EpisodeEnded)]
    assert [
        ("ended" if isinstance(fact, EpisodeEnded) else "began", fact.episode.number) for fact in told
    ] == numbers
