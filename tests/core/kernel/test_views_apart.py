"""What a check sees of the market's exposure when an order that is live already is judged again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import KernelSettings, OrderSide
from fairlead.domain.ledger import Position
from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.domain.orders import Order
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.gate.gate import StateView, ViewApartFrom
from tests.core.kernel.bench import BTC, ETH

MARKET = Market.of(KernelSettings(account="test"))
ORDER = Order(
    "x", "bot", "bot", BTC, OrderSide.BUY, OrderType.LIMIT, TimeInForce.GTC,
    Decimal(1), Decimal(100), None, False, "USDT", "", (), 0,
)  # fmt: skip


def test_positions_that_are_being_closed_are_left_out_when_asked_for() -> None:
    """In all and of the symbol: a check that counts on exits sees so many fewer, another one sees all."""
    state = EngineState("test", "00000000")
    state.exposed_total, state.closing_total = 5, 3
    state.exposed_by_symbol, state.closing_by_symbol = {BTC: 3, ETH: 2}, {BTC: 2}
    view = StateView(state, 0, MARKET)
    for symbol, exposed, without in ((None, 5, 2), (BTC, 3, 1), (ETH, 2, 2), ("NONE/USDT", 0, 0)):
        assert view.exposed_positions(symbol) == exposed
        assert view.exposed_positions(symbol, subtract_closing=True) == without


def test_of_a_symbol_that_nobody_trades_nothing_is_counted() -> None:
    """No order, no net, no exit: zero, as a number of the right kind."""
    state = EngineState("test", "00000000")
    state.live_total, state.live_by_symbol = 5, {BTC: 5}
    view = StateView(state, 9, MARKET)
    assert [view.live_orders(symbol) for symbol in (None, BTC, ETH)] == [5, 5, 0]
    assert (view.net_quantity(ETH), view.reserved_exit(ETH), view.now_ns) == (Decimal(0), Decimal(0), 9)


@pytest.mark.parametrize(
    ("quantity", "pending", "less"),
    [
        ("0", 1, 1),  # the order alone exposes the key
        ("0", 2, 0),  # another opening does as well
        ("2", 1, 0),  # what is held does
        ("-2", 2, 0),
    ],
)
def test_an_order_is_left_out_of_what_is_exposed_only_where_nothing_else_is(
    quantity: str, pending: int, less: int
) -> None:
    """A limit on positions neither counts the order against itself nor forgets what is exposed without it."""
    state = EngineState("test", "00000000")
    state.positions[ORDER.key] = Position(BTC, "bot", "USDT", Decimal(quantity), pending_openings=pending)
    state.positions[ETH, "bot", ""] = Position(ETH, "bot", "USDT", Decimal(1), pending_openings=1)
    state.exposed_total, state.exposed_by_symbol = 2, {BTC: 1, ETH: 1}
    state.live_total, state.live_by_symbol = 4, {BTC: 3, ETH: 1}
    view = ViewApartFrom(state, 0, MARKET, ORDER)
    assert [view.exposed_positions(symbol) for symbol in (None, BTC, ETH)] == [2 - less, 1 - less, 1]
    assert [view.live_orders(symbol) for symbol in (None, BTC, ETH)] == [3, 2, 1]
    own, other = view.position(BTC, "bot"), view.position(ETH, "bot")
    assert own is not None
    assert other is not None
    assert (own.quantity, own.pending_openings) == (Decimal(quantity), pending - 1)
    assert other.pending_openings == 1
    assert state.positions[ORDER.key].pending_openings == pending, "the state itself is as it was"
    assert view.position("NONE/USDT", "bot") is None
