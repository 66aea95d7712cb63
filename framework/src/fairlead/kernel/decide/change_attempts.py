"""The step in which a change leaves for the venue, and what may have come to stand against it meanwhile."""

from __future__ import annotations

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.change_records import ModifyStarted
from fairlead.domain.changes import Terms
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.domain.records import OrderJudgedAgain
from fairlead.domain.trading_state import CommandKind, passes
from fairlead.domain.verdicts import RiskRequest
from fairlead.kernel.core.effects import SendModify
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.attempts import attempt_deadline
from fairlead.kernel.decide.offers import WITHDRAWN_REASON
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.ports.exchange import ModifyRequest


def kind_of(order: Order, terms: Terms) -> CommandKind:
    """Return what the change is to the trading state: an order that only reduces stays one."""
    if order.reduces:
        return CommandKind.REDUCE
    return CommandKind.SHRINK if terms.raises_nothing_of(order.terms) else CommandKind.MODIFY


def change_attempt(
    order: Order, change_id: str, terms: Terms, rules: Rules, now_ns: int, step: Step
) -> ModifyRequest:
    """Put the attempt on record, with the deadline after which it can no longer be done."""
    deadline_ns = attempt_deadline(rules, now_ns)
    number = 1 if order.wish is None else order.wish.attempt + 1
    step.records.append(ModifyStarted(order.client_order_id, change_id, now_ns, deadline_ns, number))
    return ModifyRequest(
        "" if order.adopted else order.client_order_id,
        order.venue_order_id,
        order.symbol,
        order.side,
        order.order_type,
        terms,
        deadline_ns,
    )


def start_waiting(order: Order, rules: Rules, now_ns: int, step: Step) -> None:
    """Send a modify that waited, for its pace or to be tried again; its approval is in the journal."""
    wish = order.wish
    assert wish is not None  # it waits for it; narrows the type
    request = change_attempt(order, wish.change_id, wish.terms, rules, now_ns, step)
    approved = rules.gate.reapproved_change(request)
    step.effects.append(SendModify(order.client_order_id, approved, wish.change_id, now_ns))


def fits_position(state: EngineState, order: Order, terms: Terms) -> bool:
    """Tell whether an order with these terms, and all others of its side, would still only reduce."""
    position = state.positions[order.key].quantity
    if not position or (position > ZERO) is (order.side is OrderSide.BUY):
        return False
    others = subtract(state.leaves_of(order.key, order.side), order.most_leaves)
    return add(others, subtract(terms.quantity, order.filled_quantity)) <= position.copy_abs()


def changed_request(state: EngineState, order: Order, terms: Terms) -> RiskRequest:
    """Return the order with its new terms as checks are asked about it: what it may still fill."""
    return RiskRequest(
        order.owner,
        order.symbol,
        order.book,
        order.side,
        order.order_type,
        subtract(terms.quantity, order.filled_quantity),
        terms.limit_price or terms.trigger_price or order.reference_price,
        False,
        state.instruments[order.symbol],
        order.position_id,
        order.leverage,
        order.client_order_id,
    )


def outdated_change(
    state: EngineState, order: Order, rules: Rules, now_ns: int, age_ns: int, step: Step
) -> str:
    """Say why a change that waited may not be sent any more, or nothing; *age_ns* is its approval's."""
    wish = order.wish
    assert wish is not None  # it waits for it; narrows the type
    kind = kind_of(order, wish.terms)
    if wish.terms.quantity <= order.filled_quantity:
        return "as much is filled by now"
    if not passes(state.trading, kind):
        return f"trading is {state.trading.value} by now"
    if kind is CommandKind.MODIFY and order.symbol in state.withdrawn:
        return WITHDRAWN_REASON
    if kind is CommandKind.REDUCE:
        grows = wish.terms.quantity > order.quantity
        fits = not grows or fits_position(state, order, wish.terms)
        return "" if fits else "grown so, it would do more than reduce the position by now"
    if kind is CommandKind.SHRINK or age_ns <= rules.approval_ttl_ns:
        return ""
    answer = rules.gate.judge(changed_request(state, order, wish.terms), state, now_ns, apart_from=order)
    step.records.append(OrderJudgedAgain(order.client_order_id, answer.allowed, answer.verdicts))
    step.records.extend(answer.locks)
    if answer.hung:
        step.note(state, AnomalyKind.CHECK_HUNG, answer.hung, "a risk check did not return")
    return "" if answer.allowed else f"judged again after it waited, it was denied ({answer.code})"
