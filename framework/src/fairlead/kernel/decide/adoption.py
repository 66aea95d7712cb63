"""Deciding on orders of the account that we did not send: taking one over, or having it canceled.

What is taken over is a fact at the venue already, so no check is asked; what it may still fill is reserved
from here on, and counts in every view of the gate.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.contracts import contract_of
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ZERO, add, text_of, to_positive
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.domain.reconcile_records import ForeignCancelRequested, OrderAdopted
from fairlead.domain.records import CommandRefused
from fairlead.errors import NumberRefused
from fairlead.kernel.core.effects import AnswerCommand, LookUpOrder, WakeAt
from fairlead.kernel.core.inputs import AdoptOrder, CancelForeign
from fairlead.kernel.core.readable import OPTIONAL_FIGURES
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.strangers import is_ours
from fairlead.kernel.decide.expiry import expiry_due_ns
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.ports.exchange import OrderTerms, VenueStatus

CODE_ALREADY_ADOPTED = "ALREADY_ADOPTED"
CODE_ALREADY_OURS = "ALREADY_OURS"
CODE_OPERATOR_ONLY = "OPERATOR_ONLY"
CODE_NO_EVIDENCE = "NO_EVIDENCE"
CODE_NOT_FOUND = "NOT_FOUND"
CODE_NO_TERMS = "NO_TERMS"
CODE_UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
CODE_IMPOSSIBLE_TERMS = "IMPOSSIBLE_TERMS"
CODE_FILLS_INCOMPLETE = "FILLS_INCOMPLETE"

_ALIVE = (VenueStatus.LIVE, VenueStatus.TRIGGERED)
_Problem = tuple[str, str]


def decide_adoption(state: EngineState, given: AdoptOrder, rules: Rules, _now_ns: int, step: Step) -> None:
    """Take an order over with what the venue says of it, or say why not; its fills are decided next."""
    known = state.orders.get(given.client_order_id)
    if known is not None and known.adopted and (known.owner, known.book) == (given.owner, given.book):
        answer = AnswerCommand(
            given.command_id,
            True,
            CODE_ALREADY_ADOPTED,
            "It was taken over before.",
            (known.client_order_id,),
        )
        step.effects.append(answer)
        return
    problem = _standing(state, given, known) or _evidence_problem(given)
    instrument = None if given.report is None else state.instruments.get(given.report.symbol)
    if problem is None and instrument is None:
        problem = CODE_UNKNOWN_SYMBOL, "The venue gives no rules for the order's symbol."
    if problem is not None or instrument is None:
        code, reason = problem or ("", "")
        _refuse(given, code, reason, step)
        return
    record = _adopted(state, given, instrument)
    step.records.append(record)
    name = record.client_order_id
    step.effects.append(AnswerCommand(given.command_id, True, "", "", (name,)))
    step.effects.append(LookUpOrder(name, record.symbol))  # what happened since it was asked
    if record.expire_ns:
        step.effects.append(WakeAt(name, expiry_due_ns(record.expire_ns, rules)))


def _refuse(given: AdoptOrder, code: str, reason: str, step: Step) -> None:
    step.records.append(CommandRefused("adopt", given.by, given.venue_order_id, code, reason))
    step.effects.append(AnswerCommand(given.command_id, False, code, reason))


def _standing(state: EngineState, given: AdoptOrder, known: Order | None) -> _Problem | None:
    """Say why the order is not this one's to take over, or nothing."""
    if known is not None and known.adopted:
        return CODE_ALREADY_ADOPTED, f"It was taken over by {known.owner} before."
    if known is not None:
        reason = f"The order was made here and belongs to {known.owner}; it is {known.state.value}."
        return CODE_ALREADY_OURS, reason
    if is_ours(given.venue_client_order_id, state.account_tag) and not given.operator:
        reason = "It carries an id of this account that the journal does not hold: an operator decides."
        return CODE_OPERATOR_ONLY, reason
    return None


def _evidence_problem(given: AdoptOrder) -> _Problem | None:
    """Say why what the venue told is not enough, or nothing."""
    report = given.report
    if given.problem:
        return CODE_NO_EVIDENCE, f"{given.problem}."
    if report is None:
        return CODE_NOT_FOUND, "The venue does not know such an order of the account."
    if report.terms is None:
        return CODE_NO_TERMS, "The exchange client does not say what the order is."
    try:
        _check_figures(report.terms)
    except NumberRefused as refusal:
        return CODE_IMPOSSIBLE_TERMS, f"{refusal.what}"
    filled = ZERO
    for fill in given.fills:
        filled = add(filled, fill.quantity)
    if filled < report.filled_quantity:
        reason = (
            f"The venue counts {text_of(report.filled_quantity)} filled, its history has {text_of(filled)}."
        )
        return CODE_FILLS_INCOMPLETE, reason
    return None


def _check_figures(terms: OrderTerms) -> None:
    to_positive(terms.quantity, "quantity")
    for name in OPTIONAL_FIGURES:
        figure: Decimal | None = getattr(terms, name)
        if figure is not None:
            to_positive(figure, name)


def _adopted(state: EngineState, given: AdoptOrder, instrument: Instrument) -> OrderAdopted:
    report = given.report
    assert report is not None  # the evidence was looked at; narrows the types
    assert report.terms is not None
    terms = report.terms
    return OrderAdopted(
        given.client_order_id,
        report.venue_order_id,
        given.venue_client_order_id,
        given.owner,
        given.book,
        report.symbol,
        terms.side,
        terms.order_type,
        terms.time_in_force,
        terms.quantity,
        terms.limit_price,
        _reduces(state, given, report.symbol, terms),
        instrument.settlement_currency,
        given.by,
        given.note,
        terms.trigger_price,
        terms.trailing_distance,
        terms.trailing_rate,
        terms.leverage,
        terms.expire_ns,
        terms.post_only,
        terms.reduce_only,
        contract_of(instrument),
    )


def _reduces(state: EngineState, given: AdoptOrder, symbol: str, terms: OrderTerms) -> bool:
    """Tell whether the whole order, filled or not, can only reduce the book's position."""
    key = symbol, given.book, ""
    position = state.positions.get(key)
    if position is None or not position.quantity:
        return False
    if (position.quantity > ZERO) is (terms.side is OrderSide.BUY):
        return False
    taken = state.leaves_of(key, terms.side)
    return add(terms.quantity, taken) <= position.quantity.copy_abs()


def decide_foreign_cancel(state: EngineState, given: CancelForeign, step: Step) -> None:
    """Put on record that the policy has an order canceled which is not ours; the shell sends it then."""
    report = given.report
    if state.orders.get(given.client_order_id) is None:
        step.records.append(
            ForeignCancelRequested(report.venue_order_id, report.client_order_id, report.symbol)
        )
