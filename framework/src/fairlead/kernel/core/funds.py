"""What live spot orders may still take of a balance, and what is left of what the venue said last.

A buy takes quote, at the worst of its prices; a sell takes base. Contracts take neither: their margin is the
venue's to reckon. Nothing here is journaled: it is counted anew from live orders, and the venue asked again.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ONE, ZERO, add, multiply, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.kernel.core.holdings import Holdings
from fairlead.kernel.core.state import EngineState


def promise(state: EngineState, order: Order, *, over: bool = False) -> None:
    """Keep what the order may still take, as it stands now; nothing once it is over."""
    amount = ZERO if over or order.contract is not None else _still_takes(order)
    change = subtract(amount, state.promises.get(order.client_order_id, ZERO))
    if not change:
        return
    key = order.symbol, order.side
    state.promised[key] = add(state.promised.get(key, ZERO), change)
    if amount:
        state.promises[order.client_order_id] = amount
    else:
        del state.promises[order.client_order_id]


def _still_takes(order: Order) -> Decimal:
    if order.side is OrderSide.SELL:
        return order.most_leaves
    wished = () if order.wish is None else (order.wish.terms.limit_price, order.wish.terms.trigger_price)
    return multiply(
        order.most_leaves, worst_of(order.limit_price, order.trigger_price, order.reference_price, *wished)
    )


def worst_of(*prices: Decimal | None) -> Decimal:
    """Return the highest price that a buy may pay, or zero when none is known."""
    return max((price for price in prices if price is not None), default=ZERO)


def with_fee(amount: Decimal, instrument: Instrument | None) -> Decimal:
    """Return a cost with the dearer of the venue's two fees on top; without rules, as it is."""
    if instrument is None:
        return amount
    return multiply(amount, add(ONE, max(instrument.maker_fee_rate, instrument.taker_fee_rate, ZERO)))


def asset_of(symbol: str, side: OrderSide) -> str:
    """Return what an order of the side takes: the symbol names base and quote."""
    base, _, quote = symbol.partition("/")
    return quote if side is OrderSide.BUY else base


def free_of(state: EngineState, asset: str, holdings: Holdings) -> Decimal:
    """Return what an order may take of the asset: what is held, less what is promised or locked by others.

    What was booked since the reading counts; what the venue had counted and we had not heard of counts twice
    until the next reading.
    """
    moved = subtract(state.balances.get(asset, ZERO), holdings.derived.get(asset, ZERO))
    held = add(holdings.total_of(asset), moved)
    others = max(subtract(holdings.locked_of(asset), holdings.ours.get(asset, ZERO)), ZERO)
    return subtract(subtract(held, promised_of(state, asset)), others)


def promised_of(state: EngineState, asset: str) -> Decimal:
    """Return what all live orders may still take of the asset, fees included."""
    total = ZERO
    for (symbol, side), amount in state.promised.items():
        if amount and asset_of(symbol, side) == asset:
            total = add(total, _dear(state, symbol, side, amount))
    return total


def promised_at_work(state: EngineState) -> dict[str, Decimal]:
    """Return by asset what orders that the venue has may still take: that much of what it locks is ours."""
    ours: dict[str, Decimal] = {}
    for name, amount in state.promises.items():
        order = state.orders[name]
        if order.state is OrderState.WORKING:
            asset = asset_of(order.symbol, order.side)
            ours[asset] = add(ours.get(asset, ZERO), _dear(state, order.symbol, order.side, amount))
    return ours


def _dear(state: EngineState, symbol: str, side: OrderSide, amount: Decimal) -> Decimal:
    return with_fee(amount, state.instruments.get(symbol)) if side is OrderSide.BUY else amount
