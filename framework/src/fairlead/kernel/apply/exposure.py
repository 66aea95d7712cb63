"""What live orders and positions may come to: reservations, and the counts that limits ask for.

All of it is kept as it changes, so that asking costs the same however many orders and positions there are.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
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
    reweigh(state, position, before)
    if order.reduce_only:
        _watch(state, order)
    state.live_total += 1
    state.live_by_symbol[order.symbol] = state.live_by_symbol.get(order.symbol, 0) + 1
    state.dirty.positions[order.key] = None


def release(state: EngineState, order: Order) -> None:
    """Give back what an order that is over had reserved and did not use."""
    position = state.positions[order.key]
    before = weight(state, position)
    if order.reduces:
        position.reserved_exit = subtract(position.reserved_exit, order.leaves_quantity)
    else:
        position.pending_openings -= 1
    leave(state, order, order.leaves_quantity.copy_negate())
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
    state.leaves[key] = add(state.leaves.get(key, ZERO), quantity)


def weight(state: EngineState, position: Position) -> tuple[bool, bool]:
    """Return whether the key counts as exposed, and whether its whole quantity is being closed."""
    quantity, openings = position.quantity, position.pending_openings
    if not quantity:
        return openings > 0, False
    if openings:
        return True, False
    side = OrderSide.SELL if quantity > ZERO else OrderSide.BUY
    return True, quantity.copy_abs() <= state.leaves_of(position.key, side)


def reweigh(state: EngineState, position: Position, before: tuple[bool, bool]) -> None:
    """Keep the counts that position limits ask for, so that asking costs the same at any size."""
    after = weight(state, position)
    if after == before:
        return
    symbol = position.symbol
    exposed = after[0] - before[0]
    closing = after[1] - before[1]
    state.exposed_total += exposed
    state.exposed_by_symbol[symbol] = state.exposed_by_symbol.get(symbol, 0) + exposed
    state.closing_total += closing
    state.closing_by_symbol[symbol] = state.closing_by_symbol.get(symbol, 0) + closing


def count_position(state: EngineState, position: Position) -> None:
    """Count a position that was read back from its row."""
    reweigh(state, position, (False, False))


def count_on_position(state: EngineState, order: Order) -> None:
    """Count the orders in memory that work on a hedging position: it stays as long as any of them does."""
    if order.position_id:
        state.orders_on[order.key] = state.orders_on.get(order.key, 0) + 1


def count_live_order(state: EngineState, order: Order) -> None:
    """Count a live order that was read back from its row; before the positions are counted."""
    leave(state, order, order.leaves_quantity)
    if order.reduce_only:
        _watch(state, order)
    state.live_total += 1
    state.live_by_symbol[order.symbol] = state.live_by_symbol.get(order.symbol, 0) + 1
