"""The fold of fills into episodes: begun, gone on, ended, and two at once when a position flips."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.episodes import PositionSide
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import AttemptStarted
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import GONE, Fold, at, fill, fill_row, moved, order, sold

D = Decimal
SELL = OrderSide.SELL
MAIN = f"{BTC} main"
FIRST = f"episodes.{MAIN} 1"
SECOND = f"episodes.{MAIN} 2"
SHORTS = f"leaves.{MAIN} sell"


def holding(quantity: int, **terms: object) -> Fold:
    """Return a state in which 3 BTC are held, and so much is for sale by the order y."""
    return Fold(
        order(),
        fill(quantity=D(3), value=D(300)),
        order("y", side=SELL, quantity=D(quantity), limit_price=D(110), **{"reduces": True, **terms}),
        AttemptStarted("y", 1, 5, 9),
    )


def test_a_sale_of_a_part_realizes_its_share() -> None:
    """Less is held and less is reserved; the episode goes on."""
    fold = holding(2)
    assert fold.changes(sold(price=D(110))) == {
        **moved(5, "y", venue_order_id="V2", state=OrderState.WORKING, fees=D("0.5")),
        **at("orders.y", filled_quantity=D(1), filled_value=D(110)),
        "orders.y.trades.S1": "sell:1@110-0.5USDT",
        "dirty.positions": [MAIN],
        **at(
            f"positions.{MAIN}", quantity=D(2), cost=D(200), realized_pnl=D(10), fees=D(1), reserved_exit=D(1)
        ),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, exit_quantity=D(1), exit_value=D(110), realized_pnl=D(10), fees=D(1), fills=2),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(2), USDT=D(-191)),
        "dirty.fills": fill_row(
            "S1",
            5,
            1,
            "sell:1@110-0.5USDT",
            client_order_id="y",
            ts_event=88,
            side="sell",
            price=D(110),
            value=D(110),
        ),
        f"net_by_symbol.{BTC}": D(2),
        f"reserved_by_symbol.{BTC}": D(1),
        SHORTS: D(1),
        "promises.y": D(1),
        f"promised.{BTC} sell": D(1),
    }


def test_a_sale_of_everything_ends_the_episode() -> None:
    """Nothing is exposed and nothing is being closed any more; the episode may leave memory."""
    fold = holding(3)
    assert (fold.state.exposed_total, fold.state.closing_total) == (1, 1)
    assert fold.changes(sold(quantity=D(3), value=D(330), fee=D(0), price=D(110))) == {
        **moved(5, "y", venue_order_id="V2", state=OrderState.FILLED, closed_ns=50),
        **at("orders.y", filled_quantity=D(3), filled_value=D(330)),
        "orders.y.trades.S1": "sell:3@110-0",
        "finished.y": 5,
        "live_total": 0,
        f"live_by_symbol.{BTC}": 0,
        "dirty.positions": [MAIN],
        **at(
            f"positions.{MAIN}",
            quantity=D(0),
            cost=D(0),
            realized_pnl=D(30),
            closed_ns=88,
            reserved_exit=D(0),
        ),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, exit_quantity=D(3), exit_value=D(330), realized_pnl=D(30), closed_ns=88, fills=2),
        f"ended.{MAIN} 1": 5,
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(0), USDT=D("29.5")),
        "dirty.fills": fill_row(
            "S1",
            5,
            1,
            "sell:3@110-0",
            client_order_id="y",
            ts_event=88,
            side="sell",
            quantity=D(3),
            price=D(110),
            value=D(330),
            fee=D(0),
        ),
        "exposed_total": 0,
        f"exposed_by_symbol.{BTC}": 0,
        "closing_total": 0,
        f"closing_by_symbol.{BTC}": 0,
        f"net_by_symbol.{BTC}": D(0),
        f"reserved_by_symbol.{BTC}": D(0),
        SHORTS: GONE,
        "promises.y": GONE,
        f"promised.{BTC} sell": D(0),
    }


def test_a_flip_ends_one_episode_and_begins_the_next() -> None:
    """Its fee is shared by quantity; the new episode has the words of the order that flipped."""
    fold = holding(5, reduces=False, note="turn", tags=("two",))
    flip = sold(quantity=D(4), value=D(440), price=D(110), fee=D(4))
    assert fold.changes(flip) == {
        **moved(5, "y", venue_order_id="V2", state=OrderState.WORKING, fees=D(4)),
        **at("orders.y", filled_quantity=D(4), filled_value=D(440)),
        "orders.y.trades.S1": "sell:4@110-4USDT",
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", quantity=D(-1), cost=D(-110), realized_pnl=D(30), fees=D("4.5"), episode=2),
        f"positions.{MAIN}.opened_ns": 88,
        "dirty.episodes": [f"{MAIN} 1", f"{MAIN} 2"],
        **at(FIRST, exit_quantity=D(3), exit_value=D(330), realized_pnl=D(30), fees=D("3.5"), fills=2),
        **at(FIRST, closed_ns=88),
        f"ended.{MAIN} 1": 5,
        **at(
            SECOND, symbol=BTC, book="main", number=2, owner="bot", side=PositionSide.SHORT, currency="USDT"
        ),
        **at(SECOND, opened_ns=88, note="turn", tags=("two",), fills=1, fees=D(1)),
        **at(SECOND, entry_quantity=D(1), entry_value=D(110), peak_quantity=D(1)),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(-1), USDT=D("135.5")),
        "dirty.fills": fill_row(
            "S1",
            5,
            2,
            "sell:4@110-4USDT",
            client_order_id="y",
            ts_event=88,
            side="sell",
            quantity=D(4),
            price=D(110),
            value=D(440),
            fee=D(4),
            flipped=True,
        ),
        f"net_by_symbol.{BTC}": D(-1),
        SHORTS: D(1),
        "promises.y": D(1),
        f"promised.{BTC} sell": D(1),
    }
