"""Deciding on answers: to a submit, to a cancel, to a look-up that found nothing or failed."""

from __future__ import annotations

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import OrderEventNoted
from fairlead.domain.requests import RequestKind
from fairlead.kernel.core.effects import LookUpOrder, ReadRules, WakeAt
from fairlead.kernel.core.state import MISSING, EngineState
from fairlead.kernel.core.venue_inputs import AbsenceSeen, CancelAnswered, LookUpFailed, SubmitAnswered
from fairlead.kernel.decide.pacing import drain
from fairlead.kernel.decide.pauses import pause_ns
from fairlead.kernel.decide.reports import accept, note_event, note_stranger
from fairlead.kernel.decide.rules import KERNEL, Rules, Step
from fairlead.ports.exchange import Answer, Fence, Outcome


def decide_answer(state: EngineState, given: SubmitAnswered, rules: Rules, now_ns: int, step: Step) -> None:
    """What the answer to a submit says about the order."""
    order = state.orders.get(given.client_order_id)
    if order is None:
        note_stranger(state, given.client_order_id, given.answer.venue_order_id, step)
        return
    answer = given.answer
    outcome = answer.outcome
    if outcome is Outcome.ACCEPTED:
        accept(state, order, answer.venue_order_id, OrderEvent.ACCEPTED, answer.ts_event, "answer", step)
    elif outcome is Outcome.UNKNOWN:
        if order.state is OrderState.SUBMITTED:
            mark_unresolved(state, order, answer.reason, rules, now_ns, step)
    elif outcome is Outcome.LIMITED:
        _limited(state, order, given, rules, now_ns, step)
    else:
        _refused(state, order, answer, step)


def _refused(state: EngineState, order: Order, answer: Answer, step: Step) -> None:
    """The venue took nothing, unless it has said otherwise already: then it is asked, and nothing ends."""
    if answer.names_rules:
        step.effects.append(ReadRules(answer.reason))
    event = OrderEvent.NOT_SENT if answer.outcome is Outcome.NOT_SENT else OrderEvent.REJECTED
    if order.state is OrderState.WORKING:
        detail = f"the submit was answered {answer.outcome.value} ({answer.reason}) while it is working"
        step.note(state, AnomalyKind.CONTRADICTION, order.client_order_id, detail)
        step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
        return
    note_event(state, order, event, answer.reason, step, ts_event=answer.ts_event)


def mark_unresolved(
    state: EngineState, order: Order, cause: str, rules: Rules, now_ns: int, step: Step
) -> None:
    """Record that the outcome is unknown, with the first time at which a look-up can decide."""
    look_up_ns = now_ns + rules.look_up_interval_ns
    if rules.capabilities.fence is Fence.DEADLINE:
        look_up_ns = max(look_up_ns, order.deadline_ns + rules.deadline_margin_ns)
    note_event(state, order, OrderEvent.OUTCOME_UNKNOWN, cause, step, look_up_ns=look_up_ns)


def _limited(
    state: EngineState, order: Order, given: SubmitAnswered, rules: Rules, now_ns: int, step: Step
) -> None:
    name, retry_ns = order.client_order_id, given.answer.retry_after_ns
    drain(state, rules, RequestKind.SUBMIT, order.symbol, name, retry_ns, step)
    if order.state is not OrderState.SUBMITTED:
        note_event(state, order, OrderEvent.LIMITED, given.answer.reason, step)
        return
    if given.attempt >= rules.settings.limited_attempts_max:
        cause = f"refused for the rate limit {given.attempt} times: {given.answer.reason}"
        note_event(state, order, OrderEvent.NOT_SENT, cause, step)
        return
    pause = max(retry_ns, 0) or rules.look_up_interval_ns
    if rules.pacing is None and now_ns + pause - order.created_ns > rules.approval_ttl_ns:
        cause = f"refused for the rate limit until its approval will be too old: {given.answer.reason}"
        note_event(state, order, OrderEvent.NOT_SENT, cause, step)
        return
    note_event(state, order, OrderEvent.LIMITED, given.answer.reason, step, look_up_ns=now_ns + pause)


def decide_absence(state: EngineState, given: AbsenceSeen, rules: Rules, now_ns: int, step: Step) -> None:
    """A complete look-up found nothing: proof only where the venue's fence makes it so."""
    order = state.orders.get(given.client_order_id)
    if order is None:
        return
    if order.state is OrderState.WORKING:
        is_later = state.asked_after(order.changed_monotonic_ns, given.asked_monotonic_ns)
        if is_later and order.detail != MISSING:
            step.records.append(OrderEventNoted(order.client_order_id, OrderEvent.ABSENT, MISSING, KERNEL))
            step.note(state, AnomalyKind.MISSING_AT_VENUE, order.client_order_id, MISSING)
        step.effects.append(WakeAt(order.client_order_id, now_ns + rules.look_up_interval_max_ns))
        return
    if order.state is not OrderState.UNRESOLVED:
        return
    if _absence_is_proof(order, given.asked_ns, rules):
        fence = rules.capabilities.fence.value
        note_event(state, order, OrderEvent.ABSENT, f"looked up after its fence ({fence}): not there", step)
        return
    step.effects.append(WakeAt(order.client_order_id, now_ns + pause_ns(order, rules, now_ns)))


def decide_look_up_failure(
    state: EngineState, failed: LookUpFailed, rules: Rules, now_ns: int, step: Step
) -> None:
    """A look-up that did not come back proves nothing; come back later, with growing pauses."""
    order = state.orders.get(failed.client_order_id)
    if order is not None and (order.state.is_live or order.client_order_id in state.zombies):
        step.effects.append(WakeAt(order.client_order_id, now_ns + pause_ns(order, rules, now_ns)))


def _absence_is_proof(order: Order, asked_ns: int, rules: Rules) -> bool:
    fence = rules.capabilities.fence
    if fence is Fence.DEADLINE:
        return asked_ns >= order.deadline_ns + rules.deadline_margin_ns
    if fence is Fence.PERMANENT_CLIENT_ID:
        return asked_ns >= order.not_before_ns + rules.capabilities.horizon_ns + rules.deadline_margin_ns
    return False


def decide_cancel_answer(
    state: EngineState, given: CancelAnswered, rules: Rules, now_ns: int, step: Step
) -> None:
    """What the answer to a cancel says; the end itself comes as a report or by a look-up."""
    order = state.orders.get(given.client_order_id)
    if order is None:
        return
    if not order.state.is_live:  # a zombie: look whether the venue still shows it alive
        step.effects.append(WakeAt(order.client_order_id, now_ns + rules.look_up_interval_ns))
        return
    outcome = given.answer.outcome
    if outcome is Outcome.REFUSED:
        if order.pending is PendingRequest.CANCEL:
            step.records.append(
                OrderEventNoted(order.client_order_id, OrderEvent.CANCEL_REFUSED, given.answer.reason, KERNEL)
            )
        step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
        return
    pause_ns = rules.look_up_interval_ns
    if outcome is Outcome.LIMITED:
        name, retry_ns = order.client_order_id, given.answer.retry_after_ns
        drain(state, rules, RequestKind.CANCEL, order.symbol, name, retry_ns, step)
        pause_ns = max(retry_ns, pause_ns)
    step.effects.append(WakeAt(order.client_order_id, now_ns + pause_ns))
