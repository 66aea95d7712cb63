"""Deciding on the answer to a modify."""

from __future__ import annotations

from fairlead.domain.change_records import ModifyLimited
from fairlead.domain.changes import ChangeCode, Wish
from fairlead.domain.orders import Order
from fairlead.domain.requests import RequestKind
from fairlead.kernel.core.change_inputs import ModifyAnswered
from fairlead.kernel.core.effects import LookUpOrder, ReadRules, WakeAt
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.change_evidence import confirm_change, doubt_change, reject_change
from fairlead.kernel.decide.pacing import drain
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import Answer, Outcome


def decide_modify_answer(
    state: EngineState, given: ModifyAnswered, rules: Rules, now_ns: int, step: Step
) -> None:
    """What the answer to a modify says; one that evidence or the order's end came before is compared."""
    order = state.orders.get(given.client_order_id)
    if order is None or not order.state.is_live:
        return
    wish, answer = order.wish, given.answer
    if wish is None or wish.change_id != given.change_id:
        _compare_late(state, order, given, step)
    elif answer.outcome is Outcome.ACCEPTED:
        known_as = answer.venue_order_id
        confirm_change(order, wish, "answer", step, known_as=known_as, ts_event=answer.ts_event)
    elif answer.outcome is Outcome.UNKNOWN:
        doubt_change(order, answer.reason, rules, now_ns, step)
    elif answer.outcome is Outcome.LIMITED:
        _limited(state, order, wish, answer, rules, now_ns, step)
    else:
        _refused(order, answer, step)


def _limited(
    state: EngineState, order: Order, wish: Wish, answer: Answer, rules: Rules, now_ns: int, step: Step
) -> None:
    """It is not there: it is tried again after the venue's pause, as a submit is, and as often at most."""
    name, retry_ns = order.client_order_id, answer.retry_after_ns
    drain(state, rules, RequestKind.MODIFY, order.symbol, name, retry_ns, step)
    pause_ns = max(retry_ns, 0) or rules.look_up_interval_ns
    at_ns = now_ns + pause_ns
    ends_ns = state.changes[wish.change_id].created_ns + rules.approval_ttl_ns
    if wish.attempt >= rules.settings.limited_attempts_max:
        cause = f"refused for the rate limit {wish.attempt} times: {answer.reason}"
        reject_change(order, ChangeCode.LIMITED, cause, step)
    elif rules.pacing is None and at_ns > ends_ns:
        wait = f"it may be tried again in {pause_ns // NANOSECONDS_PER_MILLISECOND} ms"
        cause = f"refused for the rate limit until its approval will be too old: {answer.reason}; {wait}"
        reject_change(order, ChangeCode.LIMITED, cause, step)
    else:
        step.records.append(ModifyLimited(name, wish.change_id, answer.reason, at_ns))
        step.effects.append(WakeAt(name, at_ns))


def _refused(order: Order, answer: Answer, step: Step) -> None:
    """The venue did not do it; why may be that the order is over: then that is looked up."""
    if answer.outcome is Outcome.NOT_SENT:
        reject_change(order, ChangeCode.NOT_SENT, answer.reason, step)
        return
    reject_change(order, ChangeCode.REJECTED, answer.reason, step, ts_event=answer.ts_event)
    step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
    if answer.names_rules:
        step.effects.append(ReadRules(answer.reason))


def _compare_late(state: EngineState, order: Order, given: ModifyAnswered, step: Step) -> None:
    """An answer after its change was concluded: one that contradicts is looked up, none is believed."""
    change = state.changes.get(given.change_id)
    done = change is not None and change.code == ChangeCode.MODIFIED.value
    said = given.answer.outcome
    if said is not Outcome.UNKNOWN and done is not (said is Outcome.ACCEPTED):
        step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
