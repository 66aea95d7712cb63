"""Deciding on commands that change an order: what stands against it, gate, pace and reservation in one step.

An order is changed in place where the venue does that (modify); elsewhere, and where the bot wants it, it is
canceled and another one made for what is left (replace). One change an order at a time.
"""

from __future__ import annotations

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.change_records import ChangeDenied, ChangeRequested
from fairlead.domain.changes import ChangeKind, Terms, refused_result
from fairlead.domain.dust import cost_of
from fairlead.domain.numbers import text_of
from fairlead.domain.order_kinds import OrderSide, TimeInForce
from fairlead.domain.order_table import OrderEvent, decision_for
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.price_points import Unusable
from fairlead.domain.records import CommandRefused
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.domain.trading_state import CommandKind, passes
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.command_answers import CODE_FOREIGN_OWNER, read_answer
from fairlead.kernel.core.effects import AnswerWaiting, AnswerWithOrder, RefuseRepeat, SendModify
from fairlead.kernel.core.market import taking_price
from fairlead.kernel.core.state import CommandEntry, EngineState
from fairlead.kernel.decide.cancels import ask_cancel
from fairlead.kernel.decide.change_attempts import change_attempt, changed_request, fits_position, kind_of
from fairlead.kernel.decide.drafts import denied
from fairlead.kernel.decide.funds import growth_refusal
from fairlead.kernel.decide.offers import CODE_SYMBOL_WITHDRAWN, WITHDRAWN_REASON
from fairlead.kernel.decide.pacing import age_ns, queue_order, spend
from fairlead.kernel.decide.proposals import (
    CODE_EXIT_TAKEN,
    CODE_NOT_TRADING,
    Paced,
)
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.kernel.gate.gate import GateAnswer
from fairlead.kernel.pacing.pacing import Pacing

CODE_ALREADY_CLOSED = "ALREADY_CLOSED"
CODE_NOT_WORKING = "NOT_WORKING"
CODE_CANCEL_PENDING = "CANCEL_PENDING"
CODE_CHANGE_PENDING = "CHANGE_PENDING"
CODE_MODIFY_NOT_OFFERED = "MODIFY_NOT_OFFERED"
CODE_NOTHING_CHANGES = "NOTHING_CHANGES"
CODE_ALREADY_FILLED = "ALREADY_FILLED"
CODE_DOES_NOT_REST = "DOES_NOT_REST"
CODE_BELOW_MINIMUM = "BELOW_MINIMUM"
CODE_POST_ONLY_WOULD_TAKE = "POST_ONLY_WOULD_TAKE"


def decide_change(state: EngineState, command: ChangeOrder, rules: Rules, now_ns: int, step: Step) -> None:
    """Take the wish that an order changes, deny or refuse it, or answer a repeated one."""
    first = state.commands.get((command.by, command.idempotency_key)) if command.idempotency_key else None
    if first is not None:
        _repeat(command, first, step)
        return
    order = state.orders[command.client_order_id]
    terms = wanted_terms(order, command)
    code, reason = _refusal(state, order, terms, command, rules)
    if code:
        _refuse(command, code, reason, step)
        return
    kind = kind_of(order, terms)
    answer = _own_denial(state, order, terms, kind, rules, now_ns) or _judge(
        state, order, terms, kind, rules, now_ns
    )
    paced: Paced | None = None
    if answer.allowed and rules.pacing is not None and command.kind is ChangeKind.MODIFY:
        paced = _pace(state, order, command, kind, rules.pacing, now_ns, step)
        answer = paced.refusal(answer)
    _record(command, terms, kind, answer, step)
    step.records.extend(answer.locks)
    if answer.hung:
        step.note(state, AnomalyKind.CHECK_HUNG, answer.hung, "a risk check did not return")
    if not answer.allowed:
        return
    if command.kind is ChangeKind.REPLACE:
        ask_cancel(order, command.by, "it is replaced", rules, now_ns, step)
    elif paced is not None and paced.plan.wait_ns:
        name, symbol = order.client_order_id, order.symbol
        queue_order(
            state, name, RequestKind.MODIFY, paced.lane, symbol, paced.plan, step, until_ns=paced.until_ns
        )
    else:
        if paced is not None:
            spend(RequestKind.MODIFY, order.client_order_id, paced.plan, step)
        request = change_attempt(order, command.change_id, terms, rules, now_ns, step)
        approved = rules.gate.approved_change(request, answer)
        step.effects.append(SendModify(order.client_order_id, approved, command.change_id, now_ns))


def wanted_terms(order: Order, command: ChangeOrder) -> Terms:
    """Return the terms that the order shall have: those wished for, and its own where nothing was."""
    return Terms(
        order.quantity if command.quantity is None else command.quantity,
        order.limit_price if command.limit_price is None else command.limit_price,
        order.trigger_price if command.trigger_price is None else command.trigger_price,
    )


# -- what is answered without a trace in the order ---------------------------------------------------------


def _repeat(command: ChangeOrder, first: CommandEntry, step: Step) -> None:
    name = command.change_id
    if first.command_digest != command.command_digest:
        step.effects.append(RefuseRepeat(name, command.idempotency_key))
    elif first.answer:
        _, code, reason, _ = read_answer(first)
        step.effects.append(AnswerWaiting(name, refused_result(command.client_order_id, code, reason)))
    else:
        step.effects.append(AnswerWithOrder(name, first.client_order_id))


def _refusal(
    state: EngineState, order: Order, terms: Terms, command: ChangeOrder, rules: Rules
) -> tuple[str, str]:
    """Return code and reason when the command is not about an order that can be changed so, or nothing."""
    if order.owner != command.by:
        return CODE_FOREIGN_OWNER, f"The order belongs to {order.owner}."
    if decision_for(order.state, OrderEvent.MODIFY_REQUESTED).refused:
        closed = order.state.is_final
        return CODE_ALREADY_CLOSED if closed else CODE_NOT_WORKING, f"The order is {order.state.value}."
    if order.client_order_id in state.changing:
        return CODE_CHANGE_PENDING, "A change of the order is under way; wait for it, or cancel the order."
    if order.pending is PendingRequest.CANCEL:
        return CODE_CANCEL_PENDING, "A cancel of the order is under way."
    if command.kind is ChangeKind.MODIFY and not rules.capabilities.modify:
        return CODE_MODIFY_NOT_OFFERED, "The exchange client changes no order in place; replace it instead."
    if order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return CODE_DOES_NOT_REST, f"A {order.time_in_force.value} order does not rest to be changed."
    if order.symbol in state.withdrawn and not order.reduces and _may_add(command, order, terms):
        return CODE_SYMBOL_WITHDRAWN, WITHDRAWN_REASON
    if not terms.differs_from(order.terms):
        return CODE_NOTHING_CHANGES, "The order has these terms already."
    if terms.quantity <= order.filled_quantity:
        filled = text_of(order.filled_quantity)
        return CODE_ALREADY_FILLED, f"{filled} is filled already; cancel the order to keep it at that."
    return "", ""


def _may_add(command: ChangeOrder, order: Order, terms: Terms) -> bool:
    """Tell whether the change makes a new order, or lets the old one fill more or at a worse price."""
    return command.kind is ChangeKind.REPLACE or kind_of(order, terms) is CommandKind.MODIFY


def _refuse(command: ChangeOrder, code: str, reason: str, step: Step) -> None:
    key, digest = command.idempotency_key, command.command_digest
    subject = command.client_order_id
    step.records.append(CommandRefused(command.kind.value, command.by, subject, code, reason, key, digest))
    step.effects.append(AnswerWaiting(command.change_id, refused_result(subject, code, reason)))


# -- judging -----------------------------------------------------------------------------------------------


def _own_denial(
    state: EngineState, order: Order, terms: Terms, kind: CommandKind, rules: Rules, now_ns: int
) -> GateAnswer | None:
    """Deny what the trading state, the position, the minimum or the market stands against."""
    if not passes(state.trading, kind):
        figures = ("trading_state", state.trading.value), ("command", kind.value)
        return denied(
            CODE_NOT_TRADING, f"Trading is {state.trading.value}: {state.trading_reason}.", *figures
        )
    if order.reduces and terms.quantity > order.quantity and not fits_position(state, order, terms):
        taken = state.leaves_of(order.key, order.side)
        figures = ("quantity", text_of(terms.quantity)), ("in_live_orders", text_of(taken))
        return denied(CODE_EXIT_TAKEN, "Grown so, it would do more than reduce the position.", *figures)
    problem = _below_minimum(state, order, terms) or _would_take(state, order, terms, rules, now_ns)
    return problem or growth_refusal(state, order, terms, rules)


def _below_minimum(state: EngineState, order: Order, terms: Terms) -> GateAnswer | None:
    instrument = state.instruments.get(order.symbol)
    if instrument is None or (order.reduces and instrument.reductions_exempt_from_minimum):
        return None
    price = terms.limit_price or terms.trigger_price or order.reference_price
    figures = ("quantity", text_of(terms.quantity)), ("minimum", text_of(instrument.minimum_quantity))
    if terms.quantity < instrument.minimum_quantity:
        return denied(CODE_BELOW_MINIMUM, "The venue takes no order as small as this.", *figures)
    if price is not None and cost_of(instrument, terms.quantity, price) < instrument.minimum_cost:
        figures = ("price", text_of(price)), ("minimum_cost", text_of(instrument.minimum_cost))
        return denied(CODE_BELOW_MINIMUM, "The venue takes no order worth as little as this.", *figures)
    return None


def _would_take(
    state: EngineState, order: Order, terms: Terms, rules: Rules, now_ns: int
) -> GateAnswer | None:
    """Deny a post-only order a price at which it would trade at once, as far as a fresh price tells."""
    limit = terms.limit_price
    if not order.post_only or limit is None or limit == order.limit_price:
        return None
    price = taking_price(state.prices, order.symbol, order.side, rules.market, now_ns)
    if isinstance(price, Unusable):
        return None
    if limit >= price if order.side is OrderSide.BUY else limit <= price:
        figures = ("limit_price", text_of(limit)), ("price", text_of(price))
        return denied(CODE_POST_ONLY_WOULD_TAKE, "Post-only, it would trade at once.", *figures)
    return None


def _judge(
    state: EngineState, order: Order, terms: Terms, kind: CommandKind, rules: Rules, now_ns: int
) -> GateAnswer:
    """Ask the gate about what the order would be, apart from what it is: that is what the change adds."""
    if kind is CommandKind.REDUCE:
        return rules.gate.reduction_answer()
    if kind is CommandKind.SHRINK:
        return rules.gate.shrink_answer()
    return rules.gate.judge(changed_request(state, order, terms), state, now_ns, apart_from=order)


# -- going out ---------------------------------------------------------------------------------------------


def _pace(
    state: EngineState,
    order: Order,
    command: ChangeOrder,
    kind: CommandKind,
    pacing: Pacing,
    now_ns: int,
    step: Step,
) -> Paced:
    """Plan the request; what raises nothing waits as long as it takes unless its command says otherwise."""
    adds = kind is CommandKind.MODIFY
    lane = Lane.ENTRY if adds else Lane.PROTECTIVE
    costs = pacing.costs(RequestKind.MODIFY, order.symbol, age_ns(order, now_ns))
    plan = pacing.plan(state, step.pace, costs, lane)
    policy = command.pacing or (pacing.policy if adds else PacingPolicy.WAIT)
    wait_max_ns = command.wait_max_ns
    if policy is PacingPolicy.REFUSE:
        wait_max_ns = 0
    elif wait_max_ns is None and adds:
        wait_max_ns = pacing.wait_max_ns
    until_ns = 0 if wait_max_ns is None else state.pace.now_ns + wait_max_ns
    return Paced(lane, plan, wait_max_ns, until_ns)


def _record(command: ChangeOrder, terms: Terms, kind: CommandKind, answer: GateAnswer, step: Step) -> None:
    name, order_id, by = command.change_id, command.client_order_id, command.by
    key, digest = command.idempotency_key, command.command_digest
    if answer.allowed:
        shrinks = kind is CommandKind.SHRINK
        step.records.append(
            ChangeRequested(name, command.kind, order_id, by, terms, shrinks, answer.verdicts, key, digest)
        )
        return
    denial = ChangeDenied(name, command.kind, order_id, by, terms, answer.code, answer.verdicts, key, digest)
    step.records.append(denial)
    reason = next(each.reason for each in answer.verdicts if not each.allowed)
    step.effects.append(AnswerWaiting(name, refused_result(order_id, answer.code, reason)))
