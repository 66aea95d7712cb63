"""Attempts: the step in which an order leaves for the venue."""

from __future__ import annotations

from fairlead.domain.order_kinds import TimeInForce
from fairlead.domain.orders import Order
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.kernel.core.effects import SendOrder
from fairlead.kernel.decide.offers import time_at_venue
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.ports.exchange import ExchangeCapabilities, Fence, SubmitRequest


def attempt_deadline(rules: Rules, now_ns: int) -> int:
    """Return the venue deadline of an attempt that starts now; 0 where the venue has none."""
    return now_ns + rules.order_deadline_ns if rules.capabilities.fence is Fence.DEADLINE else 0


def request_of(
    order: Order | OrderInitialized, capabilities: ExchangeCapabilities, deadline_ns: int
) -> SubmitRequest:
    """Return what is sent for an order: its terms, as far as the venue takes them."""
    told = time_at_venue(order.time_in_force, capabilities)
    return SubmitRequest(
        order.client_order_id,
        order.symbol,
        order.side,
        order.order_type,
        told,
        order.quantity,
        order.limit_price,
        order.reduces,
        deadline_ns,
        order.trigger_price,
        order.trailing_distance,
        order.trailing_rate,
        order.expire_ns if told is TimeInForce.GTD else 0,
        order.post_only,
        order.reduce_only and capabilities.reduce_only,
        order.leverage,
    )


def start_attempt(order: Order, rules: Rules, now_ns: int, step: Step) -> None:
    """Put the next attempt of an order whose approval is in the journal on record, and send it."""
    deadline_ns = attempt_deadline(rules, now_ns)
    number = order.attempt + 1
    step.records.append(AttemptStarted(order.client_order_id, number, now_ns, deadline_ns))
    request = request_of(order, rules.capabilities, deadline_ns)
    step.effects.append(SendOrder(rules.gate.reapproved(request), number, now_ns))
