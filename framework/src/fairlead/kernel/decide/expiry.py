"""Orders that are good until a date: the venue's business where it offers that, else the kernel's.

The kernel never decides that such an order is over. When its time has come it asks the venue: to
cancel it where the kernel holds the date, what became of it where the venue does.
"""

from __future__ import annotations

from fairlead.domain.order_kinds import TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.kernel.core.effects import WakeAt
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.cancels import ask_cancel
from fairlead.kernel.decide.rules import KERNEL, Rules, Step

CAUSE = "its time is over; the kernel holds the date"


def expiry_due_ns(expire_ns: int, rules: Rules) -> int:
    """Return when to see to the order: at its time, or a margin later where the venue ends it."""
    at_venue = TimeInForce.GTD in rules.capabilities.times_in_force
    return expire_ns + rules.deadline_margin_ns if at_venue else expire_ns


def see_to_expiry(order: Order, rules: Rules, now_ns: int, step: Step) -> bool:
    """Ask for a cancel when that is due, and tell whether it was; else come back when it is."""
    due_ns = expiry_due_ns(order.expire_ns, rules)
    if now_ns < due_ns:
        step.effects.append(WakeAt(order.client_order_id, due_ns))
        return False
    if due_ns > order.expire_ns and order.state is not OrderState.APPROVED:
        step.effects.append(WakeAt(order.client_order_id, now_ns + rules.look_up_interval_max_ns))
        return False  # the venue's: it is looked up until the end is known
    if order.pending is PendingRequest.CANCEL:
        return False
    ask_cancel(order, KERNEL, CAUSE, rules, now_ns, step)
    if order.state is OrderState.UNRESOLVED:
        step.effects.append(WakeAt(order.client_order_id, order.look_up_ns))  # an order has one timer
    return True


def arm_expiries(state: EngineState, rules: Rules, step: Step) -> None:
    """Come back to every live order that ends by its date: timers are state, and armed from it."""
    for order in state.orders.values():
        if order.expire_ns and order.state.is_live:
            step.effects.append(WakeAt(order.client_order_id, expiry_due_ns(order.expire_ns, rules)))
