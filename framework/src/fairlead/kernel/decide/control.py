"""Deciding on commands about orders, on timers, and on the kernel's own life."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.changes import ChangeCode
from fairlead.domain.order_table import OrderEvent, OrderState, decision_for
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import (
    CommandRefused,
    KernelStarted,
    OrderEventNoted,
    Reconciled,
    TradingStateChanged,
)
from fairlead.domain.trading_state import CommandKind, TradingState, passes
from fairlead.kernel.core.command_answers import CODE_FOREIGN_OWNER
from fairlead.kernel.core.effects import AnswerCommand, LookUpOrder, SendCancel
from fairlead.kernel.core.inputs import (
    CancelOrder,
    InFlightLost,
    KernelStarting,
    ReconciliationEnded,
    ResolveByOperator,
    TimerDue,
    TroubleSeen,
    VenueSilent,
)
from fairlead.kernel.core.readable import outside_text
from fairlead.kernel.core.state import MISSING, UNHEARD, EngineState
from fairlead.kernel.decide.answers import mark_unresolved
from fairlead.kernel.decide.attempts import start_attempt
from fairlead.kernel.decide.cancels import ask_cancel
from fairlead.kernel.decide.change_evidence import doubt_change, reject_change
from fairlead.kernel.decide.expiry import arm_expiries, see_to_expiry
from fairlead.kernel.decide.offers import WITHDRAWN_REASON
from fairlead.kernel.decide.pacing import try_again, try_change_again, waits_to_be_tried_again
from fairlead.kernel.decide.replacing import withdraw_replacement
from fairlead.kernel.decide.reports import note_event
from fairlead.kernel.decide.rules import KERNEL, Rules, Step

RECOVERED = "the journal was recovered; reconciliation has not passed yet"
CODE_UNKNOWN_ORDER = "UNKNOWN_ORDER"
CODE_ALREADY_CLOSED = "ALREADY_CLOSED"
CODE_ALREADY_ASKED = "ALREADY_ASKED"
CODE_NOT_MISSING = "NOT_MISSING"
CODE_NOT_UNRESOLVED = "NOT_UNRESOLVED"


def decide_cancel(state: EngineState, command: CancelOrder, rules: Rules, now_ns: int, step: Step) -> None:
    """Cancel an order for its owner: one request at the venue, however often it is asked for."""
    order = state.orders.get(command.client_order_id)
    if order is None:
        _refuse(command, CODE_UNKNOWN_ORDER, "The order was never recorded, so it was never sent.", step)
        return
    if order.owner != command.by and not command.operator:
        reason = f"The order belongs to {order.owner}."
        _refuse(command, CODE_FOREIGN_OWNER, reason, step)
        return
    if decision_for(order.state, OrderEvent.CANCEL_REQUESTED).refused:
        _refuse(command, CODE_ALREADY_CLOSED, f"The order is {order.state.value}.", step)
        return
    if order.pending is PendingRequest.CANCEL:
        withdraw_replacement(state, order, command.by, step)
        step.effects.append(
            AnswerCommand(command.command_id, True, CODE_ALREADY_ASKED, "A cancel is under way.")
        )
        return
    ask_cancel(order, command.by, "asked by its owner", rules, now_ns, step)
    step.effects.append(AnswerCommand(command.command_id, True, "", ""))


def _refuse(command: CancelOrder, code: str, reason: str, step: Step) -> None:
    step.records.append(CommandRefused("cancel", command.by, command.client_order_id, code, reason))
    step.effects.append(AnswerCommand(command.command_id, False, code, reason))


def decide_resolution(state: EngineState, command: ResolveByOperator, step: Step) -> None:
    """An operator takes the responsibility that an order was never placed, or is over at the venue."""
    order = state.orders[command.client_order_id]
    if command.missing:
        event, code, cause = OrderEvent.CANCELED, CODE_NOT_MISSING, f"missing at the venue: {command.note}"
        refused = order.state is not OrderState.WORKING or order.detail != MISSING
    else:
        event, code, cause = OrderEvent.RESOLVED_BY_OPERATOR, CODE_NOT_UNRESOLVED, command.note
        refused = decision_for(order.state, event).refused
    if refused:
        reason = f"The order is {order.state.value}."
        step.records.append(CommandRefused("resolve", command.by, command.client_order_id, code, reason))
        step.effects.append(AnswerCommand(command.command_id, False, code, reason))
        return
    step.records.append(OrderEventNoted(order.client_order_id, event, cause, command.by))
    step.effects.append(AnswerCommand(command.command_id, True, "", ""))


def decide_timer(state: EngineState, due: TimerDue, rules: Rules, now_ns: int, step: Step) -> None:
    """See to an order whose time has come."""
    order = state.orders.get(due.client_order_id)
    if order is None:
        return
    if not order.state.is_live:
        if order.client_order_id in state.zombies:
            step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
        return
    if order.expire_ns and see_to_expiry(order, rules, now_ns, step):
        return
    if order.state is OrderState.APPROVED:
        _try_again(state, order, rules, now_ns, step)
    elif waits_to_be_tried_again(state, order):
        try_change_again(state, order, rules, now_ns, step)
    elif order.pending is PendingRequest.CANCEL and order.state is OrderState.WORKING:
        step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
        step.effects.append(SendCancel(order.client_order_id, order.venue_order_id, order.symbol))
    else:
        step.effects.append(LookUpOrder(order.client_order_id, order.symbol))


def _try_again(state: EngineState, order: Order, rules: Rules, now_ns: int, step: Step) -> None:
    """Send an order that the venue's rate limit turned away, unless its approval has aged."""
    if rules.pacing is not None:
        try_again(state, order, rules.pacing, rules, now_ns, step)
        return
    if now_ns - order.created_ns > rules.approval_ttl_ns:
        note_event(state, order, OrderEvent.NOT_SENT, "its approval is too old to be sent", step)
        return
    if not order.reduces and order.symbol in state.withdrawn:
        note_event(state, order, OrderEvent.NOT_SENT, WITHDRAWN_REASON, step)
        return
    if not passes(state.trading, CommandKind.REDUCE if order.reduces else CommandKind.INCREASE):
        note_event(state, order, OrderEvent.NOT_SENT, f"trading is {state.trading.value} by now", step)
        return
    start_attempt(order, rules, now_ns, step)


def decide_start(state: EngineState, starting: KernelStarting, step: Step) -> None:
    """A kernel took the store; trading is disabled until reconciliation has passed.

    Orders that were approved under a higher limit than there is now are not what the configuration allows
    any more: an operator has to look, so trading is halted until then.
    """
    step.records.append(
        KernelStarted(
            state.account,
            starting.epoch,
            starting.holder,
            starting.version,
            starting.plugins,
            starting.configuration_digest,
            starting.limits,
            starting.network,
        )
    )
    orders = sum(order.state.is_live for order in state.orders.values())
    lowered = lowered_limits(dict(state.limits), starting.limits) if orders else []
    if lowered:
        before = f"; halted before: {state.trading_reason}" if state.trading is TradingState.HALTED else ""
        reason = f"with {orders} open orders {', '.join(lowered)}{before}"
        step.records.append(TradingStateChanged(TradingState.HALTED, outside_text(reason), KERNEL))


def lowered_limits(before: Mapping[str, str], now: tuple[tuple[str, str], ...]) -> list[str]:
    """Return what is to be said of every limit that is lower than before, or that was none before."""
    return [
        f"{name} was lowered from {before.get(name, 'no limit')} to {limit}"
        for name, limit in now
        if name not in before or Decimal(limit) < Decimal(before[name])
    ]


def decide_in_flight_lost(
    state: EngineState, lost: InFlightLost, rules: Rules, now_ns: int, step: Step
) -> None:
    """After a restart: what may have left is unresolved, what cannot have left is closed NOT_SENT."""
    for order in list(state.orders.values()):
        if order.wish is not None and order.wish.change_id not in lost.in_flight:
            _lose_change(state, order, lost.cause, rules, now_ns, step)
        if order.client_order_id in lost.in_flight:
            continue
        if order.state is OrderState.SUBMITTED:
            mark_unresolved(state, order, lost.cause, rules, now_ns, step)
        elif order.state is OrderState.APPROVED:
            cause = f"it waited to be sent when this came: {lost.cause}"
            note_event(state, order, OrderEvent.NOT_SENT, cause, step)


def _lose_change(state: EngineState, order: Order, cause: str, rules: Rules, now_ns: int, step: Step) -> None:
    wish = order.wish
    assert wish is not None  # only of such an order; narrows the type
    if not wish.sent_ns:
        reject_change(order, ChangeCode.NOT_SENT, f"it waited to be sent when this came: {cause}", step)
    elif not state.changes[wish.change_id].unresolved:
        doubt_change(order, cause, rules, now_ns, step)


def decide_reconciled(
    state: EngineState, ended: ReconciliationEnded, rules: Rules, _now_ns: int, step: Step
) -> None:
    """Reconciliation passed: trading may begin, or go on, unless something stands against it."""
    if ended.recorded or not state.reconciled:
        step.records.append(Reconciled(ended.reason, ended.counts, ended.fills_booked))
        arm_expiries(state, rules, step)
    wanted = ended.enable or state.trading_reason == RECOVERED
    begins = wanted and state.trading is TradingState.DISABLED
    goes_on = ended.whole and state.trading is TradingState.REDUCING and state.trading_reason == UNHEARD
    if begins or goes_on:
        step.records.append(TradingStateChanged(TradingState.ACTIVE, f"reconciled: {ended.reason}", KERNEL))


def decide_silence(state: EngineState, silent: VenueSilent, step: Step) -> None:
    """What happens at the venue goes unheard for too long: nothing new until it is heard again."""
    if state.trading is TradingState.ACTIVE:
        detail = f"unheard for {silent.silent_ms} ms"
        step.note(state, AnomalyKind.VENUE_SILENT, "exchange", detail)
        step.records.append(TradingStateChanged(TradingState.REDUCING, UNHEARD, KERNEL))


def decide_trouble(state: EngineState, trouble: TroubleSeen, step: Step) -> None:
    """Something outside orders went wrong; its kind says how severe it is."""
    kind = AnomalyKind(trouble.kind)
    step.note(state, kind, trouble.subject, trouble.detail)
    if kind is AnomalyKind.JOURNAL_RECOVERED and state.trading is TradingState.ACTIVE:
        step.records.append(TradingStateChanged(TradingState.DISABLED, RECOVERED, KERNEL))
