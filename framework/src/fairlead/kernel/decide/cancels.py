"""Asking for a cancel: the one way in which the core does it, whoever wants it."""

from __future__ import annotations

from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.orders import Order
from fairlead.domain.records import OrderEventNoted
from fairlead.kernel.core.effects import PaceIn, SendCancel
from fairlead.kernel.decide.rules import Rules, Step


def ask_cancel(order: Order, by: str, cause: str, rules: Rules, now_ns: int, step: Step) -> None:
    """Record the request and send it; before the venue has acknowledged, it waits for that."""
    look_up_ns = now_ns + rules.look_up_interval_ns if order.state is OrderState.WORKING else order.look_up_ns
    step.records.append(
        OrderEventNoted(order.client_order_id, OrderEvent.CANCEL_REQUESTED, cause, by, look_up_ns)
    )
    if order.state is OrderState.WORKING:
        step.effects.append(SendCancel(order.client_order_id, order.venue_order_id, order.symbol))
    elif order.state is OrderState.APPROVED and rules.pacing is not None:
        step.effects.append(PaceIn(0))  # what waited behind it need not wait for it any more
