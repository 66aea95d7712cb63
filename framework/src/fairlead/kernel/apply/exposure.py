"""What live orders and positions may come to: reservations, and the counts that limits ask for.

All of it is kept as it changes, so that asking costs the same however many orders and positions there are.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.kernel.core.funds import promise
from fairlead.kernel.core.state import EngineState


def reserve(state: EngineState, order: Order, currency: str) -> None:
    """Reserve what an approved order may come to."""
    position = state.position_of(order.key, currency)
    before = weight(state, position)
    if order.reduces:
        position.reserved_exit = add(position.reserved_exit, order.quantity)
    else:
        position.pending_openings += 1
    leave(state, order, order.quantity)
    promise(state, order)
    reweigh(state, position, before)
    if order.reduce_only:
        _watch(state, order)
    state.live_total += 1
    state.live_by_symbol[order.symbol] = state.live_by_symbol.get(order.symbol, 0) + 1
    state.dirty.positions[order.key] = None


def reserve_anew(state: EngineState, order: Order, before: Decimal) -> None:
    """Reserve what a live order may fill by now, where *before* was reserved: its terms were changed."""
    promise(state, order)
    more = subtract(order.most_leaves, before)
    if not more:
        return
    position = state.positions[order.key]
    weighed = weight(state, position)
    if order.reduces:
        position.reserved_exit = add(position.reserved_exit, more)
    leave(state, order, more)
    reweigh(state, position, weighed)
    state.dirty.positions[order.key] = None


def release(state: EngineState, order: Order) -> None:
    """Give back what an order that is over had reserved and did not use."""
    position = state.positions[order.key]
    before = weight(state, position)
    if order.reduces:
        position.reserved_exit = subtract(position.reserved_exit, order.most_leaves)
    else:
        position.pending_openings -= 1
    leave(state, order, order.most_leaves.copy_negate())
    promise(state, order, over=True)
    reweigh(state, position, before)
    if order.reduce_only:
        del state.reduce_only[order.key][order.client_order_id]
    state.live_total -= 1
    state.live_by_symbol[order.symbol] -= 1
    state.dirty.positions[order.key] = None


def _watch(state: EngineState, order: Order) -> None:
    """Keep the live orders that a smaller position may leave with too little."""
    state.reduce_only.setdefault(order.key, {})[order.client_order_id] = None


def leave(state: EngineState, order: Order, quantity: Decimal) -> None:
    """Keep what live orders of each side may still fill on a key."""
    key = order.key, order.side
    left = add(state.leaves.get(key, ZERO), quantity)
    if left:
        state.leaves[key] = left
    else:  # a hedging position's key comes once and never again
        state.leaves.pop(key, None)


class Weight(NamedTuple):
    """What a position is to the counts and sums of its symbol; *closing*: all of it is being closed."""

    exposed: bool = False
    closing: bool = False
    quantity: Decimal = ZERO
    reserved_exit: Decimal = ZERO


_NOTHING = Weight()


def weight(state: EngineState, position: Position) -> Weight:
    """Return what the position is to the counts and sums by now."""
    quantity, openings, reserved = position.quantity, position.pending_openings, position.reserved_exit
    if not quantity:
        return Weight(openings > 0, False, quantity, reserved)
    if openings:
        return Weight(True, False, quantity, reserved)
    side = OrderSide.SELL if quantity > ZERO else OrderSide.BUY
    closing = quantity.copy_abs() <= state.leaves_of(position.key, side)
    return Weight(True, closing, quantity, reserved)


def reweigh(state: EngineState, position: Position, before: Weight) -> None:
    """Keep the counts and sums that limits ask for, so that asking costs the same at any size."""
    after = weight(state, position)
    if after == before:
        return
    symbol = position.symbol
    exposed = after.exposed - before.exposed
    closing = after.closing - before.closing
    state.exposed_total += exposed
    state.exposed_by_symbol[symbol] = state.exposed_by_symbol.get(symbol, 0) + exposed
    state.closing_total += closing
    state.closing_by_symbol[symbol] = state.closing_by_symbol.get(symbol, 0) + closing
    _add_up(state.net_by_symbol, symbol, after.quantity, before.quantity)
    _add_up(state.reserved_by_symbol, symbol, after.reserved_exit, before.reserved_exit)


def _add_up(sums: dict[str, Decimal], symbol: str, after: Decimal, before: Decimal) -> None:
    if after != before:
        sums[symbol] = add(sums.get(symbol, ZERO), subtract(after, before))


def count_position(state: EngineState, position: Position) -> None:
    """Count a position that was read back from its row."""
    reweigh(state, position, _NOTHING)


def count_on_position(state: EngineState, order: Order) -> None:
    """Count the orders in memory that work on a hedging position: it stays as long as any of them does."""
    if order.position_id:
        state.orders_on[order.key] = state.orders_on.get(order.key, 0) + 1


def count_live_order(state: EngineState, order: Order) -> None:
    """Count a live order that was read back from its row; before the positions are counted."""
    leave(state, order, order.most_leaves)
    promise(state, order)
    if order.reduce_only:
        _watch(state, order)
    state.live_total += 1
    state.live_by_symbol[order.symbol] = state.live_by_symbol.get(order.symbol, 0) + 1
