"""What a smaller position means for reduce-only orders: together they never sell more than is held."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.ledger import PositionKey
from fairlead.domain.numbers import ZERO, add, subtract, text_of
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.cancels import ask_cancel
from fairlead.kernel.decide.rules import KERNEL, Rules, Step


def cut_after_fill(
    state: EngineState,
    order: Order,
    quantity: Decimal,
    moved: Decimal,
    rules: Rules,
    now_ns: int,
    step: Step,
) -> None:
    """Cancel reduce-only orders that a fill, which is about to be applied, leaves with too little.

    *quantity* is what was filled, *moved* what the position changes by: a fee in base is the difference.
    The newest are canceled first, until what all live orders of the side may take fits what is held.
    """
    key = order.key
    position = state.positions.get(key)
    held = ZERO if position is None else position.quantity
    held = add(held, moved) if order.side is OrderSide.BUY else subtract(held, moved)
    cut(state, key, held, order, quantity, rules, now_ns, step)


def cut(
    state: EngineState,
    key: PositionKey,
    held: Decimal,
    order: Order | None,
    quantity: Decimal,
    rules: Rules,
    now_ns: int,
    step: Step,
) -> None:
    """Cancel what is too much of the key's reduce-only orders when *held* is what its position becomes.

    *order*, if there is one, is filled with *quantity* in the same step, which is not applied yet.
    """
    resting = state.reduce_only.get(key)
    if not resting:
        return
    side = OrderSide.SELL if held > ZERO else OrderSide.BUY
    oldest_first = sorted(resting, key=lambda name: state.orders[name].created_ns)
    left = {name: _left(state.orders[name], order, quantity) for name in reversed(oldest_first)}
    room = subtract(held.copy_abs(), state.leaves_of(key, side))
    if order is not None and order.side is side and order.state.is_live:
        room = add(room, min(quantity, order.leaves_quantity))
    for name, rest in left.items():
        if state.orders[name].pending is PendingRequest.CANCEL and state.orders[name].side is side:
            room = add(room, rest)  # it was asked to go already
    cause = f"it shall only reduce, and {text_of(held)} is left of the position"
    for name, rest in left.items():
        other = state.orders[name]
        fits = other.side is side and room >= ZERO
        if fits or not rest or other.pending is PendingRequest.CANCEL:
            continue
        ask_cancel(other, KERNEL, cause, rules, now_ns, step)
        if other.side is side:
            room = add(room, rest)


def _left(order: Order, filled: Order | None, quantity: Decimal) -> Decimal:
    leaves = order.leaves_quantity
    return subtract(leaves, min(quantity, leaves)) if order is filled else leaves
