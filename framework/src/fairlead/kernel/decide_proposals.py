"""Deciding on a proposal: size, trading state, gate and reservation in one step."""

from __future__ import annotations

from decimal import Decimal, DecimalException
from enum import Enum

import attrs

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ZERO, add, divide, floor_to_step, text_of, to_decimal
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.domain.requests import Lane, PacingPolicy, RequestKind
from fairlead.domain.trading_state import CommandKind, passes
from fairlead.domain.verdicts import RiskRequest, Verdict
from fairlead.errors import NumberRefused
from fairlead.kernel.attempts import attempt_deadline
from fairlead.kernel.decide_pacing import queue_order, spend
from fairlead.kernel.effects import AnswerWithOrder, RefuseRepeat, SendOrder
from fairlead.kernel.gate import GateAnswer
from fairlead.kernel.inputs import SubmitProposal
from fairlead.kernel.pace_queue import CODE_PACE_EXCEEDED
from fairlead.kernel.pacing import Pacing, Plan
from fairlead.kernel.rules import KERNEL, Rules, Step
from fairlead.kernel.state import EngineState
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import SubmitRequest

CODE_NO_FRESH_PRICE = "NO_FRESH_PRICE"
CODE_SIZE_OUT_OF_BOUNDS = "SIZE_OUT_OF_BOUNDS"
CODE_SIZE_BELOW_STEP = "SIZE_BELOW_STEP"
CODE_TYPE_NOT_OFFERED = "ORDER_TYPE_NOT_OFFERED"
CODE_NOT_TRADING = "NOT_TRADING"
CODE_EXIT_TAKEN = "EXIT_TAKEN"
CODE_CLOSING = "CLOSING"
CODE_BELOW_MINIMUM = "REDUCTION_BELOW_MINIMUM"


@attrs.define(slots=True)
class Draft:
    """An order in the making: the proposal, sized, with what was found about it."""

    proposal: SubmitProposal
    instrument: Instrument
    quantity: Decimal
    price: Decimal | None
    reduces: bool


def decide_proposal(
    state: EngineState, proposal: SubmitProposal, rules: Rules, now_ns: int, step: Step
) -> None:
    """Turn a proposal into an order, approved or denied; or answer a repeated one."""
    if proposal.idempotency_key and _is_repeated(state, proposal, step):
        return
    instrument = state.instruments[proposal.symbol]
    price = proposal.limit_price or fresh_price(state, proposal.symbol, rules, now_ns)
    quantity, problem = _size(proposal, instrument, price)
    reduces = _room_to_reduce(state, proposal, quantity) == Room.ENOUGH
    draft = Draft(proposal, instrument, quantity, price, reduces)
    answer = problem or _own_refusal(state, draft, rules)
    if answer is None:
        answer = rules.gate.reduction_answer() if draft.reduces else _ask_gate(state, draft, rules, now_ns)
    paced: Paced | None = None
    if answer.allowed and rules.pacing is not None:
        paced = _pace(state, draft, rules.pacing, step)
        answer = paced.refusal(answer)
    step.records.append(_initialized(draft, answer))
    step.records.extend(answer.locks)
    if answer.hung:
        step.note(state, AnomalyKind.CHECK_HUNG, answer.hung, "a risk check did not return")
    if not answer.allowed:
        return
    name = proposal.client_order_id
    if paced is not None and paced.plan.wait_ns:
        symbol, until_ns = proposal.symbol, paced.until_ns
        queue_order(state, name, RequestKind.SUBMIT, paced.lane, symbol, paced.plan, step, until_ns=until_ns)
        return
    if paced is not None:
        spend(RequestKind.SUBMIT, name, paced.plan, step)
    _start_attempt(draft, answer, rules, now_ns, step)


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


class Room(Enum):
    """How an order stands to the position it is opposite to."""

    NONE = "there is no position to reduce"
    ENOUGH = "all of it reduces"
    TAKEN = "other live orders may take what it would reduce"
    FLIP = "it is larger than the position"


def _room_to_reduce(state: EngineState, proposal: SubmitProposal, quantity: Decimal) -> Room:
    """Tell whether the order can only reduce: opposite side, and no live order may take the same quantity."""
    position = state.positions.get((proposal.symbol, proposal.book))
    if position is None or not position.quantity:
        return Room.NONE
    if (position.quantity > ZERO) is (proposal.side is OrderSide.BUY):
        return Room.NONE
    taken = state.leaves_of(proposal.symbol, proposal.book, proposal.side)
    if add(quantity, taken) <= position.quantity.copy_abs():
        return Room.ENOUGH
    return Room.TAKEN if taken else Room.FLIP


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


def fresh_price(state: EngineState, symbol: str, rules: Rules, now_ns: int) -> Decimal | None:
    """Return the last price unless there is none or it is stale."""
    point = state.prices.get(symbol)
    if point is None or now_ns - point.ts_event > rules.price_max_age_ns:
        return None
    return point.price


def _size(
    proposal: SubmitProposal, instrument: Instrument, price: Decimal | None
) -> tuple[Decimal, GateAnswer | None]:
    if proposal.quantity is not None:
        return proposal.quantity, None
    wanted = proposal.notional or ZERO
    if price is None:
        reason = "A notional size needs a fresh price and there is none."
        return ZERO, _denied(CODE_NO_FRESH_PRICE, reason, ("symbol", proposal.symbol))
    step_size = instrument.quantity_increment
    try:
        quantity = to_decimal(floor_to_step(divide(wanted, price), step_size), "quantity")
    except (NumberRefused, DecimalException):
        reason = "The notional buys more than can be kept."
        return ZERO, _denied(CODE_SIZE_OUT_OF_BOUNDS, reason, ("notional", text_of(wanted)))
    if quantity > ZERO:
        return quantity, None
    figures = ("notional", text_of(wanted)), ("price", text_of(price)), ("step", text_of(step_size))
    return ZERO, _denied(CODE_SIZE_BELOW_STEP, "The notional does not buy one lot step.", *figures)


def _own_refusal(state: EngineState, draft: Draft, rules: Rules) -> GateAnswer | None:
    order_type = draft.proposal.order_type
    if order_type not in rules.capabilities.order_types:
        reason = "The exchange client does not offer this order type."
        return _denied(CODE_TYPE_NOT_OFFERED, reason, ("order_type", order_type.value))
    if not draft.reduces and _room_to_reduce(state, draft.proposal, draft.quantity) is Room.TAKEN:
        return _exit_taken(state, draft)
    if not draft.reduces and state.closing:
        closing = state.closing.get((draft.proposal.symbol, draft.proposal.book))
        if closing is not None and closing.cancel_entries:
            reason = "The position is being closed, and entries with it."
            return _denied(CODE_CLOSING, reason, ("asked_by", closing.by))
    if draft.reduces and not draft.instrument.reductions_exempt_from_minimum:
        minimum = draft.instrument.minimum_quantity
        if draft.quantity < minimum:
            figures = ("quantity", text_of(draft.quantity)), ("minimum", text_of(minimum))
            return _denied(CODE_BELOW_MINIMUM, "The venue takes no reduction as small as this.", *figures)
    command = CommandKind.REDUCE if draft.reduces else CommandKind.INCREASE
    if passes(state.trading, command):
        return None
    figures = ("trading_state", state.trading.value), ("command", command.value)
    return _denied(CODE_NOT_TRADING, f"Trading is {state.trading.value}: {state.trading_reason}.", *figures)


def _exit_taken(state: EngineState, draft: Draft) -> GateAnswer:
    """Deny a second closer: what it would sell, live orders may sell already."""
    proposal = draft.proposal
    figures = (
        ("quantity", text_of(draft.quantity)),
        ("position", text_of(state.positions[proposal.symbol, proposal.book].quantity)),
        ("in_live_orders", text_of(state.leaves_of(proposal.symbol, proposal.book, proposal.side))),
    )
    reason = "Live orders may already take what this would reduce; two closers never sell the same."
    return _denied(CODE_EXIT_TAKEN, reason, *figures)


def _denied(code: str, reason: str, *figures: tuple[str, str]) -> GateAnswer:
    return GateAnswer(False, code, (Verdict(KERNEL, "1", False, code, reason, figures),))


def _ask_gate(state: EngineState, draft: Draft, rules: Rules, now_ns: int) -> GateAnswer:
    proposal = draft.proposal
    request = RiskRequest(
        proposal.owner,
        proposal.symbol,
        proposal.book,
        proposal.side,
        proposal.order_type,
        draft.quantity,
        draft.price,
        False,
        draft.instrument,
    )
    return rules.gate.judge(request, state, now_ns)


def _initialized(draft: Draft, answer: GateAnswer) -> OrderInitialized:
    proposal = draft.proposal
    return OrderInitialized(
        proposal.client_order_id,
        proposal.owner,
        proposal.book,
        proposal.symbol,
        proposal.side,
        proposal.order_type,
        proposal.time_in_force,
        draft.quantity,
        proposal.limit_price,
        draft.price,
        draft.reduces,
        draft.instrument.quote,
        proposal.idempotency_key,
        proposal.command_digest,
        proposal.metadata,
        answer.allowed,
        answer.code,
        answer.verdicts,
    )


def _start_attempt(draft: Draft, answer: GateAnswer, rules: Rules, now_ns: int, step: Step) -> None:
    """Put the attempt into the intent's own batch: it need not wait for its pace."""
    proposal = draft.proposal
    deadline_ns = attempt_deadline(rules, now_ns)
    step.records.append(AttemptStarted(proposal.client_order_id, 1, now_ns, deadline_ns))
    request = SubmitRequest(
        proposal.client_order_id,
        proposal.symbol,
        proposal.side,
        proposal.order_type,
        proposal.time_in_force,
        draft.quantity,
        proposal.limit_price,
        draft.reduces,
        deadline_ns,
    )
    gate = rules.gate
    approved = gate.reduction(request) if draft.reduces else gate.approved(request, answer)
    step.effects.append(SendOrder(approved, 1, now_ns))
