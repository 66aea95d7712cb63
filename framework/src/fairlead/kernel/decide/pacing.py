"""Deciding on pace: what goes out within the venue's rate limits, what waits, and who goes first.

Every request passes here once, in the step that wants it. What fits takes its budgets in a record of that
step; what does not is queued by a record that says how long it will wait, and goes out in a later
step. No request goes before an earlier one that wants the same budget in the same lane or a higher one.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.changes import ChangeCode
from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.orders import Order
from fairlead.domain.records import BudgetSpent, OrderJudgedAgain, OrderPaced, QueryPaced
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.trading_state import CommandKind, passes
from fairlead.domain.verdicts import RiskRequest
from fairlead.kernel.core.effects import AnswerCommand, Effect, LookUpOrder, PaceIn, SendCancel, WakeAt
from fairlead.kernel.core.inputs import PaceDue
from fairlead.kernel.core.pace_queue import Waiting
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.venue_inputs import QueryRefused, QueryWanted
from fairlead.kernel.decide.attempts import start_attempt
from fairlead.kernel.decide.change_attempts import kind_of, outdated_change, start_waiting
from fairlead.kernel.decide.change_evidence import reject_change
from fairlead.kernel.decide.offers import WITHDRAWN_REASON
from fairlead.kernel.decide.reports import note_event
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.kernel.pacing.pacing import Pacing, Plan, names_of
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND

CODE_PACED = "PACED"


def lane_of(order: Order) -> Lane:
    """Return the lane of an order's submit."""
    return Lane.PROTECTIVE if order.reduces else Lane.ENTRY


def spend(request: RequestKind, subject: str, plan: Plan, step: Step) -> None:
    """Take what a request costs, in the step that lets it go; a free one leaves no record."""
    if plan.levels:
        step.records.append(BudgetSpent(request, subject, plan.levels))
        step.pace.levels.update(plan.levels)


def queue_order(
    state: EngineState,
    order_id: str,
    request: RequestKind,
    lane: Lane,
    symbol: str,
    plan: Plan,
    step: Step,
    *,
    until_ns: int = 0,
) -> None:
    """Let a request about an order wait, and announce it."""
    since_ns = state.pace.now_ns
    step.records.append(
        OrderPaced(order_id, request, lane, symbol, plan.costs, since_ns, plan.wait_ns, until_ns)
    )
    _wake(plan, step)


def _wake(plan: Plan, step: Step) -> None:
    step.pace.short.update(dict.fromkeys(names_of(plan.costs)))
    step.effects.append(PaceIn(plan.wait_ns))


# -- requests that an input leads to -------------------------------------------------------------------------


def pace_effects(state: EngineState, pacing: Pacing, now_ns: int, step: Step) -> None:
    """Let the cancels and look-ups of a step go out, or wait."""
    if not any(type(effect) is SendCancel or type(effect) is LookUpOrder for effect in step.effects):
        return
    effects = step.effects
    step.effects = [
        each for each in effects if type(each) is not SendCancel and type(each) is not LookUpOrder
    ]
    for effect in effects:
        if type(effect) is SendCancel:
            _pace_one(state, pacing, now_ns, effect, RequestKind.CANCEL, Lane.PROTECTIVE, step)
        elif type(effect) is LookUpOrder:
            _pace_one(state, pacing, now_ns, effect, RequestKind.LOOK_UP, Lane.QUERY, step)


def _pace_one(
    state: EngineState,
    pacing: Pacing,
    now_ns: int,
    effect: SendCancel | LookUpOrder,
    request: RequestKind,
    lane: Lane,
    step: Step,
) -> None:
    name = effect.client_order_id
    if (request, name) in state.pace.waiting:
        return  # it is asked once, and what comes of it covers this wish
    costs = pacing.costs(request, effect.symbol, age_ns(state.orders[name], now_ns))
    plan = pacing.plan(state, step.pace, costs, lane)
    if not plan.wait_ns:
        spend(request, name, plan, step)
        step.effects.append(effect)
        return
    queue_order(state, name, request, lane, effect.symbol, plan, step)
    if request is RequestKind.CANCEL:
        _say_paced(plan, step)


def age_ns(order: Order, now_ns: int) -> int:
    """Return how old the order is at the venue, as far as its attempt tells."""
    return now_ns - order.not_before_ns


def _say_paced(plan: Plan, step: Step) -> None:
    """Let the answer to a cancel say that the cancel has to wait."""
    wait_ms = plan.wait_ns // NANOSECONDS_PER_MILLISECOND
    reason = f"It waits about {wait_ms} ms for the venue's rate limit."
    for place, effect in enumerate(step.effects):
        if type(effect) is AnswerCommand and effect.accepted and not effect.code:
            step.effects[place] = replace(effect, code=CODE_PACED, reason=reason)


def decide_query(state: EngineState, given: QueryWanted, rules: Rules, step: Step) -> None:
    """Let a question go out that is about no order, or wait."""
    pacing = rules.pacing
    assert pacing is not None  # without pacing nobody asks; narrows the type
    costs = pacing.costs(given.request, given.symbol, 0)
    plan = pacing.plan(state, step.pace, costs, Lane.QUERY)
    if not plan.wait_ns:
        spend(given.request, str(given.command_id), plan, step)
        step.effects.append(AnswerCommand(given.command_id, True, "", ""))
        return
    since_ns = state.pace.now_ns
    step.records.append(
        QueryPaced(given.request, given.command_id, given.symbol, plan.costs, since_ns, plan.wait_ns)
    )
    _wake(plan, step)


def decide_query_refused(state: EngineState, given: QueryRefused, rules: Rules, step: Step) -> None:
    """The venue refused a question for its rate limit."""
    drain(state, rules, given.request, given.symbol, "", given.pause_ns, step)


def drain(
    state: EngineState,
    rules: Rules,
    request: RequestKind,
    symbol: str,
    subject: str,
    pause_ns: int,
    step: Step,
) -> None:
    """The venue refused for its rate limit: it knows better, so what the request takes of is empty now."""
    pacing = rules.pacing
    if pacing is None:
        return
    costs = pacing.costs(request, symbol, 0)
    levels = pacing.refused(state, step.pace, costs, pause_ns)
    if levels:
        step.records.append(BudgetSpent(request, subject, levels, True))
        step.pace.levels.update(levels)


# -- the queue moves on --------------------------------------------------------------------------------------


def decide_pace(state: EngineState, _due: PaceDue, rules: Rules, now_ns: int, step: Step) -> None:
    """Let go what fits by now, each in its turn; come back when the next one may fit."""
    pacing = rules.pacing
    assert pacing is not None  # without pacing nothing waits; narrows the type
    queue, overdue_ns = state.pace, pacing.query_wait_max_ns
    for waiting in queue.at_their_end():
        waited_ms = (queue.now_ns - waiting.since_ns) // NANOSECONDS_PER_MILLISECOND
        cause = f"it waited {waited_ms} ms for the venue's rate limit, as long as it was allowed to"
        _give_up(state, state.orders[waiting.subject], waiting, cause, step)
    wakes_ns: list[int] = []
    for waiting in queue.in_order(overdue_ns, step.pace.short):
        wait_ns = _serve(state, waiting, pacing, rules, now_ns, step)
        if wait_ns:
            wakes_ns.append(wait_ns)
    ends_ns = (queue.next_end_ns, queue.next_overdue_ns(overdue_ns))
    wakes_ns.extend(at_ns - queue.now_ns for at_ns in ends_ns if at_ns is not None)
    if wakes_ns:
        step.effects.append(PaceIn(min(wakes_ns)))


def _serve(
    state: EngineState, waiting: Waiting, pacing: Pacing, rules: Rules, now_ns: int, step: Step
) -> int:
    """Let one request go whose turn it is, if it fits; return how long it has to wait else."""
    if waiting.until_ns and waiting.until_ns <= state.pace.now_ns:
        return 0
    order = state.orders.get(waiting.subject)
    if order is None and not waiting.command_id:  # it ended, and memory let go of it
        step.records.append(BudgetSpent(waiting.request, waiting.subject, ()))
        return 0
    costs = pacing.costs(waiting.request, waiting.symbol, 0 if order is None else age_ns(order, now_ns))
    overdue = state.pace.is_overdue(waiting, pacing.query_wait_max_ns)
    plan = pacing.plan(state, step.pace, costs, Lane.PROTECTIVE if overdue else waiting.lane, queued=True)
    if plan.wait_ns:
        step.pace.short.update(dict.fromkeys(names_of(costs)))
        return plan.wait_ns
    if order is not None and waiting.request in _APPROVED:
        # It may have been turned away before it queued; the wall clock may have been set back since.
        age = max(state.pace.now_ns - waiting.since_ns, _approval_age_ns(state, order, now_ns))
        problem = _APPROVED[waiting.request](state, order, rules, now_ns, age, step)
        if problem:
            _give_up(state, order, waiting, problem, step)
            return 0
    step.records.append(BudgetSpent(waiting.request, waiting.subject, plan.levels))
    step.pace.levels.update(plan.levels)
    _let_go(waiting, order, rules, now_ns, step)
    return 0


def _give_up(state: EngineState, order: Order, waiting: Waiting, cause: str, step: Step) -> None:
    """Say of an order or a change that waited that it is not sent."""
    if waiting.request is RequestKind.MODIFY:
        reject_change(order, ChangeCode.NOT_SENT, cause, step)
    else:
        note_event(state, order, OrderEvent.NOT_SENT, cause, step)


def _let_go(waiting: Waiting, order: Order | None, rules: Rules, now_ns: int, step: Step) -> None:
    effect: Effect
    if order is None:
        effect = AnswerCommand(waiting.command_id, True, "", "")
    elif waiting.request is RequestKind.SUBMIT:
        start_attempt(order, rules, now_ns, step)
        return
    elif waiting.request is RequestKind.MODIFY:
        start_waiting(order, rules, now_ns, step)
        return
    elif waiting.request is RequestKind.CANCEL:
        effect = SendCancel(order.client_order_id, order.venue_order_id, order.symbol)
    else:
        effect = LookUpOrder(order.client_order_id, order.symbol)
    step.effects.append(effect)


# -- orders --------------------------------------------------------------------------------------------------


def try_again(
    state: EngineState, order: Order, pacing: Pacing, rules: Rules, now_ns: int, step: Step
) -> None:
    """Send an order that the venue turned away, once its budgets allow it."""
    name = order.client_order_id
    if (RequestKind.SUBMIT, name) in state.pace.waiting:
        return
    lane = lane_of(order)
    plan = pacing.plan(state, step.pace, pacing.costs(RequestKind.SUBMIT, order.symbol, 0), lane)
    if plan.wait_ns:
        until_ns = 0 if order.reduces else state.pace.now_ns + pacing.wait_max_ns
        queue_order(state, name, RequestKind.SUBMIT, lane, order.symbol, plan, step, until_ns=until_ns)
        return
    problem = outdated(state, order, rules, now_ns, now_ns - order.created_ns, step)
    if problem:
        note_event(state, order, OrderEvent.NOT_SENT, problem, step)
        return
    spend(RequestKind.SUBMIT, name, plan, step)
    start_attempt(order, rules, now_ns, step)


def try_change_again(state: EngineState, order: Order, rules: Rules, now_ns: int, step: Step) -> None:
    """Send a modify that the venue turned away, once its pause is over and its budgets allow it."""
    name = order.client_order_id
    if now_ns < order.look_up_ns:  # something else about the order was due
        step.effects.append(WakeAt(name, order.look_up_ns))
        return
    wish, pacing = order.wish, rules.pacing
    assert wish is not None  # it waits to be sent; narrows the type
    plan: Plan | None = None
    if pacing is not None:
        lane = Lane.ENTRY if kind_of(order, wish.terms) is CommandKind.MODIFY else Lane.PROTECTIVE
        costs = pacing.costs(RequestKind.MODIFY, order.symbol, age_ns(order, now_ns))
        plan = pacing.plan(state, step.pace, costs, lane)
        if plan.wait_ns:
            until_ns = state.pace.now_ns + pacing.wait_max_ns if lane is Lane.ENTRY else 0
            queue_order(state, name, RequestKind.MODIFY, lane, order.symbol, plan, step, until_ns=until_ns)
            return
    problem = outdated_change(state, order, rules, now_ns, _approval_age_ns(state, order, now_ns), step)
    if problem:
        reject_change(order, ChangeCode.NOT_SENT, problem, step)
        return
    if plan is not None:
        spend(RequestKind.MODIFY, name, plan, step)
    start_waiting(order, rules, now_ns, step)


def waits_to_be_tried_again(state: EngineState, order: Order) -> bool:
    """Tell whether the order has a modify that the venue turned away, and that is not in the queue."""
    wish = order.wish
    if wish is None or wish.sent_ns:
        return False
    return (RequestKind.MODIFY, order.client_order_id) not in state.pace.waiting


def _approval_age_ns(state: EngineState, order: Order, now_ns: int) -> int:
    """Return how old the approval is, of the order or of the change that it waits for."""
    wish = order.wish
    return now_ns - (order.created_ns if wish is None else state.changes[wish.change_id].created_ns)


def outdated(state: EngineState, order: Order, rules: Rules, now_ns: int, age_ns: int, step: Step) -> str:
    """Say why an approved order may not be sent any more, or nothing; *age_ns* is its approval's.

    An approval that has grown too old is asked for again: by the gate, or for an order that reduces by
    looking whether it still does.
    """
    if not passes(state.trading, CommandKind.REDUCE if order.reduces else CommandKind.INCREASE):
        return f"trading is {state.trading.value} by now"
    if not order.reduces and order.symbol in state.withdrawn:
        return WITHDRAWN_REASON
    if 0 < order.expire_ns <= now_ns:
        return "its time is over"
    if age_ns <= rules.approval_ttl_ns:
        return ""
    if order.reduces:
        return "" if _still_reduces(state, order) else "it would do more than reduce the position by now"
    return _judged_again(state, order, rules, now_ns, step)


def _still_reduces(state: EngineState, order: Order) -> bool:
    quantity = state.positions[order.key].quantity
    opposite = quantity > ZERO if order.side is OrderSide.SELL else quantity < ZERO
    return opposite and state.leaves_of(order.key, order.side) <= quantity.copy_abs()


def _judged_again(state: EngineState, order: Order, rules: Rules, now_ns: int, step: Step) -> str:
    instrument = state.instruments.get(order.symbol)
    if instrument is None:
        return "the venue gives no rules for its symbol any more"
    request = RiskRequest(
        order.owner,
        order.symbol,
        order.book,
        order.side,
        order.order_type,
        order.quantity,
        order.limit_price or order.reference_price,
        False,
        instrument,
        order.position_id,
        order.leverage,
        order.client_order_id,
    )
    answer = rules.gate.judge(request, state, now_ns, apart_from=order)
    step.records.append(OrderJudgedAgain(order.client_order_id, answer.allowed, answer.verdicts))
    step.records.extend(answer.locks)
    if answer.hung:
        step.note(state, AnomalyKind.CHECK_HUNG, answer.hung, "a risk check did not return")
    if answer.allowed:
        return ""
    reasons = "; ".join(f"{each.check}: {each.reason}" for each in answer.verdicts if not each.allowed)
    return f"judged again after it waited, it was denied ({answer.code}): {reasons}"


_Outdated = Callable[[EngineState, Order, Rules, int, int, Step], str]
_APPROVED: dict[RequestKind, _Outdated] = {
    RequestKind.SUBMIT: outdated,
    RequestKind.MODIFY: outdated_change,
}
"""What waits under an approval, and what says why it may not be sent any more."""
