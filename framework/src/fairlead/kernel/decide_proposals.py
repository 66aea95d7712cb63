"""Deciding on a proposal: size, trading state, gate and reservation in one step."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import reducible_by
from fairlead.domain.numbers import ZERO, divide, floor_to_step, text_of
from fairlead.domain.records import AttemptStarted, OrderInitialized
from fairlead.domain.trading_state import CommandKind, passes
from fairlead.domain.verdicts import RiskRequest, Verdict
from fairlead.kernel.effects import AnswerWithOrder, RefuseRepeat, SendOrder
from fairlead.kernel.gate import GateAnswer
from fairlead.kernel.inputs import SubmitProposal
from fairlead.kernel.rules import KERNEL, Rules, Step
from fairlead.kernel.state import EngineState
from fairlead.ports.exchange import Fence, SubmitRequest

CODE_NO_FRESH_PRICE = "NO_FRESH_PRICE"
CODE_SIZE_BELOW_STEP = "SIZE_BELOW_STEP"
CODE_TYPE_NOT_OFFERED = "ORDER_TYPE_NOT_OFFERED"
CODE_NOT_TRADING = "NOT_TRADING"


def decide_proposal(
    state: EngineState, proposal: SubmitProposal, rules: Rules, now_ns: int, step: Step
) -> None:
    """Turn a proposal into an order, approved or denied; or answer a repeated one."""
    if proposal.idempotency_key:
        first = state.commands.get((proposal.owner, proposal.idempotency_key))
        if first is not None:
            same = first.command_digest == proposal.command_digest
            step.effects.append(
                AnswerWithOrder(proposal.client_order_id, first.client_order_id)
                if same
                else RefuseRepeat(proposal.client_order_id, proposal.idempotency_key)
            )
            return
    instrument = state.instruments[proposal.symbol]
    price = proposal.limit_price or fresh_price(state, proposal.symbol, rules, now_ns)
    quantity, problem = _size(proposal, instrument, price)
    position = state.positions.get((proposal.symbol, proposal.book))
    reduces = reducible_by(position, proposal.side, quantity)
    answer = problem or _own_refusal(state, proposal, rules, reduces)
    if answer is None:
        answer = (
            rules.gate.reduction_answer()
            if reduces
            else _ask_gate(state, proposal, rules, now_ns, instrument, quantity, price)
        )
    _record(state, proposal, rules, now_ns, step, instrument, quantity, price, reduces, answer)


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
    quantity = floor_to_step(divide(wanted, price), instrument.quantity_increment)
    if quantity > ZERO:
        return quantity, None
    figures = (
        ("notional", text_of(wanted)),
        ("price", text_of(price)),
        ("step", text_of(instrument.quantity_increment)),
    )
    return ZERO, _denied(CODE_SIZE_BELOW_STEP, "The notional does not buy one lot step.", *figures)


def _own_refusal(
    state: EngineState, proposal: SubmitProposal, rules: Rules, reduces: bool
) -> GateAnswer | None:
    if proposal.order_type not in rules.capabilities.order_types:
        reason = "The exchange client does not offer this order type."
        return _denied(CODE_TYPE_NOT_OFFERED, reason, ("order_type", proposal.order_type.value))
    command = CommandKind.REDUCE if reduces else CommandKind.INCREASE
    if passes(state.trading, command):
        return None
    figures = ("trading_state", state.trading.value), ("command", command.value)
    return _denied(CODE_NOT_TRADING, f"Trading is {state.trading.value}: {state.trading_reason}.", *figures)


def _denied(code: str, reason: str, *figures: tuple[str, str]) -> GateAnswer:
    return GateAnswer(False, code, (Verdict(KERNEL, "1", False, code, reason, figures),))


def _ask_gate(
    state: EngineState,
    proposal: SubmitProposal,
    rules: Rules,
    now_ns: int,
    instrument: Instrument,
    quantity: Decimal,
    price: Decimal | None,
) -> GateAnswer:
    request = RiskRequest(
        proposal.owner,
        proposal.symbol,
        proposal.book,
        proposal.side,
        proposal.order_type,
        quantity,
        price,
        False,
        instrument,
    )
    return rules.gate.judge(request, state, now_ns)


def _record(
    state: EngineState,
    proposal: SubmitProposal,
    rules: Rules,
    now_ns: int,
    step: Step,
    instrument: Instrument,
    quantity: Decimal,
    price: Decimal | None,
    reduces: bool,
    answer: GateAnswer,
) -> None:
    client_order_id = proposal.client_order_id
    step.records.append(
        OrderInitialized(
            client_order_id,
            proposal.owner,
            proposal.book,
            proposal.symbol,
            proposal.side,
            proposal.order_type,
            proposal.time_in_force,
            quantity,
            proposal.limit_price,
            price,
            reduces,
            instrument.quote,
            proposal.idempotency_key,
            proposal.command_digest,
            proposal.metadata,
            answer.allowed,
            answer.code,
            answer.verdicts,
        )
    )
    step.records.extend(answer.locks)
    if answer.hung:
        step.note(state, AnomalyKind.CHECK_HUNG, answer.hung, "a risk check did not return")
    if not answer.allowed:
        return
    deadline_ns = attempt_deadline(rules, now_ns)
    step.records.append(AttemptStarted(client_order_id, 1, now_ns, deadline_ns))
    request = SubmitRequest(
        client_order_id,
        proposal.symbol,
        proposal.side,
        proposal.order_type,
        proposal.time_in_force,
        quantity,
        proposal.limit_price,
        reduces,
        deadline_ns,
    )
    gate = rules.gate
    approved = gate.reduction(request) if reduces else gate.approved(request, answer)
    step.effects.append(SendOrder(approved, 1, now_ns))


def attempt_deadline(rules: Rules, now_ns: int) -> int:
    """Return the venue deadline of an attempt that starts now; 0 where the venue has none."""
    return now_ns + rules.order_deadline_ns if rules.capabilities.fence is Fence.DEADLINE else 0
