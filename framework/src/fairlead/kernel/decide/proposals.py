"""Deciding on a proposal: size, trading state, gate and reservation in one step."""

from __future__ import annotations

import attrs

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.contracts import contract_of
from fairlead.domain.numbers import text_of
from fairlead.domain.price_points import Unusable
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.domain.trading_state import CommandKind, passes
from fairlead.domain.verdicts import RiskRequest, Verdict
from fairlead.kernel.core.effects import AnswerWithOrder, RefuseRepeat, SendOrder, WakeAt
from fairlead.kernel.core.inputs import SubmitProposal
from fairlead.kernel.core.market import stale_detail
from fairlead.kernel.core.pace_queue import CODE_PACE_EXCEEDED
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.attempts import attempt_deadline, request_of
from fairlead.kernel.decide.drafts import Draft, Room, denied, draft_of
from fairlead.kernel.decide.expiry import expiry_due_ns
from fairlead.kernel.decide.funds import funds_refusal
from fairlead.kernel.decide.offers import (
    hedging_refusal,
    offer_refusal,
    reduce_only_refusal,
    withdrawn_refusal,
)
from fairlead.kernel.decide.pacing import queue_order, spend
from fairlead.kernel.decide.rules import KERNEL, Rules, Step
from fairlead.kernel.gate.gate import GateAnswer
from fairlead.kernel.pacing.pacing import Pacing, Plan
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND

CODE_NOT_TRADING = "NOT_TRADING"
CODE_EXIT_TAKEN = "EXIT_TAKEN"
CODE_CLOSING = "CLOSING"
CODE_BELOW_MINIMUM = "REDUCTION_BELOW_MINIMUM"


def decide_proposal(
    state: EngineState, proposal: SubmitProposal, rules: Rules, now_ns: int, step: Step
) -> None:
    """Turn a proposal into an order, approved or denied; or answer a repeated one."""
    if proposal.idempotency_key and _is_repeated(state, proposal, step):
        return
    draft, problem = draft_of(state, proposal, rules, now_ns)
    if draft.price is None and draft.unpriced is Unusable.STALE:
        detail = stale_detail(state.prices[proposal.symbol])
        step.note(state, AnomalyKind.STALE_PRICE, proposal.symbol, detail)
    answer = problem or _own_refusal(state, draft, rules, now_ns)
    if answer is None:
        answer = _judge(state, draft, rules, now_ns)
    paced: Paced | None = None
    if answer.allowed and rules.pacing is not None:
        paced = _pace(state, draft, rules.pacing, step)
        answer = paced.refusal(answer)
    order = _initialized(draft, answer)
    step.records.append(order)
    step.records.extend(answer.locks)
    if answer.hung:
        step.note(state, AnomalyKind.CHECK_HUNG, answer.hung, "a risk check did not return")
    if not answer.allowed:
        return
    name = proposal.client_order_id
    if proposal.expire_ns:
        step.effects.append(WakeAt(name, expiry_due_ns(proposal.expire_ns, rules)))
    if paced is not None and paced.plan.wait_ns:
        symbol, until_ns = proposal.symbol, paced.until_ns
        queue_order(state, name, RequestKind.SUBMIT, paced.lane, symbol, paced.plan, step, until_ns=until_ns)
        return
    if paced is not None:
        spend(RequestKind.SUBMIT, name, paced.plan, step)
    _start_attempt(order, answer, rules, now_ns, step)


@attrs.define(slots=True)
class Paced:
    """How an order stands to the venue's rate limits; *wait_max_ns* is nothing when it may wait for ever."""

    lane: Lane
    plan: Plan
    wait_max_ns: int | None
    until_ns: int

    def refusal(self, answer: GateAnswer) -> GateAnswer:
        """Return the gate's answer, or a denial when the order would wait longer than it may."""
        wait_ns, wait_max_ns = self.plan.wait_ns, self.wait_max_ns
        if wait_max_ns is None or wait_ns <= wait_max_ns:
            return answer
        figures = (
            ("wait_ms", str(wait_ns // NANOSECONDS_PER_MILLISECOND)),
            ("wait_max_ms", str(wait_max_ns // NANOSECONDS_PER_MILLISECOND)),
        )
        reason = "The venue's rate limit would let it wait longer than it may."
        denied = Verdict(KERNEL, "1", False, CODE_PACE_EXCEEDED, reason, figures)
        return GateAnswer(False, CODE_PACE_EXCEEDED, (*answer.verdicts, denied), answer.locks)


def _pace(state: EngineState, draft: Draft, pacing: Pacing, step: Step) -> Paced:
    """Plan the order's request; a reduction waits as long as it takes unless its command says otherwise."""
    proposal = draft.proposal
    lane = Lane.PROTECTIVE if draft.reduces else Lane.ENTRY
    plan = pacing.plan(state, step.pace, pacing.costs(RequestKind.SUBMIT, proposal.symbol, 0), lane)
    policy = proposal.pacing or (PacingPolicy.WAIT if draft.reduces else pacing.policy)
    wait_max_ns = proposal.wait_max_ns
    if policy is PacingPolicy.REFUSE:
        wait_max_ns = 0
    elif wait_max_ns is None and not draft.reduces:
        wait_max_ns = pacing.wait_max_ns
    until_ns = 0 if wait_max_ns is None else state.pace.now_ns + wait_max_ns
    return Paced(lane, plan, wait_max_ns, until_ns)


def _is_repeated(state: EngineState, proposal: SubmitProposal, step: Step) -> bool:
    first = state.commands.get((proposal.owner, proposal.idempotency_key))
    if first is None:
        return False
    same = first.command_digest == proposal.command_digest
    step.effects.append(
        AnswerWithOrder(proposal.client_order_id, first.client_order_id)
        if same
        else RefuseRepeat(proposal.client_order_id, proposal.idempotency_key)
    )
    return True


def _own_refusal(state: EngineState, draft: Draft, rules: Rules, now_ns: int) -> GateAnswer | None:
    problem = withdrawn_refusal(state, draft) or offer_refusal(draft, rules.capabilities, now_ns)
    problem = problem or reduce_only_refusal(state, draft) or hedging_refusal(state, draft)
    if problem is not None:
        return problem
    if draft.room is Room.TAKEN:
        return _exit_taken(state, draft)
    if not draft.reduces and state.closing:
        closing = state.closing.get(draft.proposal.key)
        if closing is not None and closing.cancel_entries:
            reason = "The position is being closed, and entries with it."
            return denied(CODE_CLOSING, reason, ("asked_by", closing.by))
    if draft.reduces and not draft.instrument.reductions_exempt_from_minimum:
        minimum = draft.instrument.minimum_quantity
        if draft.quantity < minimum:
            figures = ("quantity", text_of(draft.quantity)), ("minimum", text_of(minimum))
            return denied(CODE_BELOW_MINIMUM, "The venue takes no reduction as small as this.", *figures)
    opening = CommandKind.SHRINK if draft.proposal.shrinks else CommandKind.INCREASE
    command = CommandKind.REDUCE if draft.reduces else opening
    if passes(state.trading, command):
        return funds_refusal(state, draft, rules)
    figures = ("trading_state", state.trading.value), ("command", command.value)
    return denied(CODE_NOT_TRADING, f"Trading is {state.trading.value}: {state.trading_reason}.", *figures)


def _exit_taken(state: EngineState, draft: Draft) -> GateAnswer:
    """Deny a second closer: what it would sell, live orders may sell already."""
    proposal = draft.proposal
    figures = (
        ("quantity", text_of(draft.quantity)),
        ("position", text_of(state.positions[proposal.key].quantity)),
        ("in_live_orders", text_of(state.leaves_of(proposal.key, draft.side))),
    )
    reason = "Live orders may already take what this would reduce; two closers never sell the same."
    return denied(CODE_EXIT_TAKEN, reason, *figures)


def _judge(state: EngineState, draft: Draft, rules: Rules, now_ns: int) -> GateAnswer:
    if draft.reduces:
        return rules.gate.reduction_answer()
    if draft.proposal.shrinks:  # it takes the place of an order that was judged, and raises nothing of it
        return rules.gate.shrink_answer()
    return _ask_gate(state, draft, rules, now_ns)


def _ask_gate(state: EngineState, draft: Draft, rules: Rules, now_ns: int) -> GateAnswer:
    proposal = draft.proposal
    request = RiskRequest(
        proposal.owner,
        proposal.symbol,
        proposal.book,
        draft.side,
        draft.order_type,
        draft.quantity,
        draft.limit_price or draft.price,
        False,
        draft.instrument,
        proposal.position_id,
        proposal.leverage,
    )
    return rules.gate.judge(request, state, now_ns)


def _initialized(draft: Draft, answer: GateAnswer) -> OrderInitialized:
    proposal = draft.proposal
    return OrderInitialized(
        proposal.client_order_id,
        proposal.owner,
        proposal.book,
        proposal.symbol,
        draft.side,
        draft.order_type,
        draft.time_in_force,
        draft.quantity,
        draft.limit_price,
        draft.price,
        draft.reduces,
        draft.instrument.settlement_currency,
        proposal.idempotency_key,
        proposal.command_digest,
        proposal.metadata,
        answer.allowed,
        answer.code,
        answer.verdicts,
        proposal.trigger_price,
        proposal.trailing_distance,
        proposal.trailing_rate,
        proposal.max_slippage,
        proposal.leverage,
        proposal.expire_ns,
        proposal.post_only,
        proposal.reduce_only,
        proposal.note,
        proposal.tags,
        draft.sizing,
        contract_of(draft.instrument),
        proposal.position_id,
        proposal.replaces,
    )


def _start_attempt(
    order: OrderInitialized, answer: GateAnswer, rules: Rules, now_ns: int, step: Step
) -> None:
    """Put the attempt into the intent's own batch: it need not wait for its pace."""
    deadline_ns = attempt_deadline(rules, now_ns)
    step.records.append(AttemptStarted(order.client_order_id, 1, now_ns, deadline_ns))
    request = request_of(order, rules.capabilities, deadline_ns)
    gate = rules.gate
    approved = gate.reduction(request) if order.reduces else gate.approved(request, answer)
    step.effects.append(SendOrder(approved, 1, now_ns))
