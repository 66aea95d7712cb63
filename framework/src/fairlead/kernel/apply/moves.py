"""An order moves: as its table says, with what its end means for requests, reservation and memory."""

from __future__ import annotations

from fairlead.domain.numbers import ZERO
from fairlead.domain.order_table import OrderEvent, OrderState, next_state
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.kernel.apply.exposure import release
from fairlead.kernel.core.state import EngineState


def move(state: EngineState, order: Order, event: OrderEvent, ts_ns: int) -> None:
    """Move the order as the table says; end its pending request and reservation when it closes."""
    was_live = order.state.is_live
    after = next_state(
        order.state,
        event,
        filled=order.filled_quantity > ZERO,
        cancel_wanted=order.pending is PendingRequest.CANCEL,
        whole=order.filled_quantity >= order.most_quantity,
    )
    order.updated_ns = ts_ns
    order.changed_monotonic_ns = state.monotonic_ns
    state.dirty.orders[order.client_order_id] = None
    if after.is_final:
        finish(state, order)
    if after is order.state:
        return
    if state.pace.waiting:
        state.pace.order_moved(order, after)
    if order.state is OrderState.UNRESOLVED:
        order.look_up_ns = 0
    order.state = after
    if after.is_final:
        order.closed_ns = ts_ns
        order.pending = PendingRequest.NONE
        order.look_up_ns = 0
        if was_live:
            release(state, order)
        order.wish = None


def finish(state: EngineState, order: Order) -> None:
    """Put a finished order, changed now, behind all others that may leave memory."""
    state.finished.pop(order.client_order_id, None)
    state.finished[order.client_order_id] = state.sequence
