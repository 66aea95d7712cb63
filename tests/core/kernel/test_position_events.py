"""What is told of positions: snapshots, marks, and the event of a fill, straight from the state."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.episodes import EpisodeView, episode_view
from fairlead.domain.events import PositionChanged
from fairlead.domain.facts import EpisodeBegan, EpisodeEnded, OrderEnded, PositionMoved
from fairlead.domain.ledger import PositionChange
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import PositionView
from fairlead.domain.price_points import PriceLimits, PricePoint
from fairlead.domain.prices import Price, Trade
from fairlead.domain.records import AttemptStarted, Record
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.facts import before, facts_after
from fairlead.kernel.engine.position_events import (
    marked_view,
    net_quantity,
    open_episode,
    position_changed,
    position_view,
)
from tests.core.kernel.bench import BTC, ETH, instrument
from tests.core.kernel.folding import CONTRACT, Fold, fill, order, sold

D = Decimal
KEY = BTC, "main", ""
SELL = OrderSide.SELL
LIMITS = PriceLimits(max_age_ns=60, ahead_max_ns=5, jump_band=D("0.10"))


class Latest:
    """Knows one price, or none."""

    def __init__(self, price: str = "") -> None:
        self.point = PricePoint(BTC)
        if price:
            self.point.take(Trade(BTC, D(price), D(1), 5), 5, LIMITS)

    def latest(self, symbol: str) -> Price | None:
        """Return what is known."""
        return self.point.view(9, LIMITS) if symbol == BTC and self.point.trade else None


def long_of_three(*records: Record) -> EngineState:
    """Return a state in which 3 BTC are held, with fees in two currencies, and these records after."""
    return Fold(
        order(quantity=D(9), contract=None),
        fill(quantity=D(2), value=D(200)),
        fill("x", "T2", value=D(130), fee_currency="BNB"),
        order("y", side=SELL, quantity=D(2), reduces=True),
        *records,
    ).state


def test_a_position_is_shown_as_it_stands() -> None:
    """Every figure of it, in its place."""
    position = long_of_three().positions[KEY]
    assert position_view(position) == PositionView(
        symbol=BTC, book="main", currency="USDT", quantity=D(3), cost=D(330), average_entry_price=D(110),
        realized_pnl=D(0), fees=D("0.5"), episode=1, opened_ns=77, closed_ns=0, pending_openings=1,
        reserved_exit=D(2), other_fees=(("BNB", D("0.5")),), contract=None, mark=None, position_id="",
    )  # fmt: skip
    hedging = Fold(order(position_id="one", contract=CONTRACT), fill()).state.positions[BTC, "main", "one"]
    view = position_view(hedging)
    assert (view.position_id, view.contract) == ("one", CONTRACT)


@pytest.mark.parametrize(
    ("price", "has_rules", "quantity", "marked"),
    [("120", True, 1, True), ("", True, 1, False), ("120", False, 1, False), ("120", True, 3, False)],
)
def test_a_position_is_marked_when_it_is_open_and_has_a_price(
    price: str, quantity: int, *, has_rules: bool, marked: bool
) -> None:
    """With the venue's rules, which say how it settles; flat, there is nothing to mark."""
    state = Fold(
        order(),
        fill(quantity=D(3), value=D(300)),
        order("y", side=SELL),
        sold(quantity=D(quantity), value=D(0)),
    ).state
    if has_rules:
        state.instruments[BTC] = instrument()
    view = marked_view(state, state.positions[KEY], Latest(price))
    assert (view.mark is not None) is marked
    if view.mark is not None:
        assert (view.mark.price, view.mark.value, view.mark.unrealized_pnl) == (D(120), D(240), D(40))


def test_the_open_episode_is_the_last_one() -> None:
    """Of a position that is flat, or that there is not, there is none."""
    state = long_of_three()
    running = open_episode(state, KEY)
    assert isinstance(running, EpisodeView)
    assert running == episode_view(state.episodes[*KEY, 1])
    assert open_episode(state, (ETH, "main", "")) is None
    apply(state, sold(quantity=D(3), value=D(300)), 99)
    assert open_episode(state, KEY) is None
    assert net_quantity(state, BTC) == net_quantity(state, ETH) == 0
    assert net_quantity(long_of_three(), BTC) == 3


@pytest.mark.parametrize(
    ("record", "change", "ended", "running"),
    [
        (fill("x", "T3"), "changed", None, 1),
        (sold(quantity=D(1), value=D(100)), "changed", None, 1),
        (sold(quantity=D(3), value=D(300)), "closed", 1, None),
        (sold(quantity=D(4), value=D(400)), "flipped", 1, 2),
        (fill("z", "Z1"), "opened", None, 1),
    ],
)
def test_the_event_of_a_fill_has_the_episode_it_ended_and_the_one_that_runs(
    record: Record, change: str, ended: int | None, running: int | None
) -> None:
    """A flip has both; a check is told the same, with what this fill realized."""
    state = long_of_three(order("z", book="other"), AttemptStarted("z", 1, 5, 9))
    known = before(state, record)
    assert known is not None
    done = apply(state, record, 99)
    assert done is PositionChange(change)
    position = state.positions[known.key]

    def episode(number: int | None) -> EpisodeView | None:
        return None if number is None else episode_view(state.episodes[*known.key, number])

    assert position_changed(state, position, done, 99) == PositionChanged(
        state.sequence, 99, done, position_view(position), episode(running), episode(ended)
    )
    facts = [fact for fact in facts_after(state, known, done) if type(fact) is not OrderEnded]
    told = PositionMoved(done, position_view(position), position.realized_pnl)
    over = [EpisodeEnded(each) for each in (episode(ended),) if each]
    began = [EpisodeBegan(each) for each in (episode(running),) if each and change != "changed"]
    assert facts == [told, *over, *began]
