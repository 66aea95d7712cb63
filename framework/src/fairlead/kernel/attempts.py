"""Attempts: the step in which an order leaves for the venue."""

from __future__ import annotations

from fairlead.domain.orders import Order
from fairlead.domain.records import AttemptStarted
from fairlead.kernel.effects import SendOrder
from fairlead.kernel.rules import Rules, Step
from fairlead.ports.exchange import Fence, SubmitRequest


def attempt_deadline(rules: Rules, now_ns: int) -> int:
    """Return the venue deadline of an attempt that starts now; 0 where the venue has none."""
    return now_ns + rules.order_deadline_ns if rules.capabilities.fence is Fence.DEADLINE else 0


def start_attempt(order: Order, rules: Rules, now_ns: int, step: Step) -> None:
    """Put the next attempt of an order whose approval is in the journal on record, and send it."""
    deadline_ns = attempt_deadline(rules, now_ns)
    number = order.attempt + 1
    step.records.append(AttemptStarted(order.client_order_id, number, now_ns, deadline_ns))
    request = SubmitRequest(
        order.client_order_id,
        order.symbol,
        order.side,
        order.order_type,
        order.time_in_force,
        order.quantity,
        order.limit_price,
        order.reduces,
        deadline_ns,
    )
    step.effects.append(SendOrder(rules.gate.reapproved(request), number, now_ns))
