"""Deciding on net positions: what the venue holds against the sum of our books.

Nothing is overwritten. Drift is an anomaly; an operator's word books the difference as a correction.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.contracts import Contract, contract_of, settlement_value
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ZERO, add, multiply, subtract, text_of
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.price_points import Unusable
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import CommandRefused
from fairlead.kernel.core.effects import AnswerCommand
from fairlead.kernel.core.inputs import AcceptDrift, DriftSeen
from fairlead.kernel.core.market import taking_price
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.kernel.decide.shrinking import cut

CODE_NO_DRIFT = "NO_DRIFT"
CODE_VENUE_CHANGED = "VENUE_CHANGED"
CODE_NO_PRICE = "NO_PRICE"
CODE_UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"


def net_of(state: EngineState, symbol: str) -> Decimal:
    """Return the sum of all books' positions of the symbol."""
    net = ZERO
    for (name, _, _), position in state.positions.items():
        if name == symbol:
            net = add(net, position.quantity)
    return net


def is_drift(ours: Decimal, at_venue: Decimal, instrument: Instrument | None, steps: int) -> bool:
    """Tell whether the difference is more than so many lot steps; without rules, any difference is."""
    tolerated = ZERO if instrument is None else multiply(instrument.quantity_increment, Decimal(steps))
    return subtract(ours, at_venue).copy_abs() > tolerated


def decide_drift(state: EngineState, given: DriftSeen, rules: Rules, step: Step) -> None:
    """Note each symbol whose net position differs; the policy is the severity."""
    for symbol, at_venue in given.nets:
        ours = net_of(state, symbol)
        if is_drift(ours, at_venue, state.instruments.get(symbol), rules.settings.drift_tolerance_steps):
            detail = f"the venue holds {text_of(at_venue)}, our books {text_of(ours)}"
            step.note(state, AnomalyKind.POSITION_DRIFTED, symbol, detail)


def decide_acceptance(state: EngineState, given: AcceptDrift, rules: Rules, now_ns: int, step: Step) -> None:
    """Book what the venue holds more or less than our books, in the name of an operator."""
    instrument = state.instruments.get(given.symbol)
    if instrument is None:
        _refuse(given, CODE_UNKNOWN_SYMBOL, "The venue gives no rules for the symbol.", step)
        return
    if given.at_venue != given.seen:
        reason = f"The venue holds {text_of(given.at_venue)} by now, not {text_of(given.seen)}."
        _refuse(given, CODE_VENUE_CHANGED, reason, step)
        return
    ours = net_of(state, given.symbol)
    delta = subtract(given.at_venue, ours)
    if not delta:
        reason = f"Our books hold what the venue holds, {text_of(ours)}."
        step.effects.append(AnswerCommand(given.command_id, True, CODE_NO_DRIFT, reason))
        return
    side = OrderSide.BUY if delta > ZERO else OrderSide.SELL
    price = given.price or taking_price(state.prices, given.symbol, side, rules.market, now_ns)
    if isinstance(price, Unusable):
        reason = "Neither you nor the venue gave a price, and there is no fresh one: give the price."
        _refuse(given, CODE_NO_PRICE, reason, step)
        return
    contract = contract_of(instrument)
    record = _correction(given, instrument, side, delta.copy_abs(), price, ours, contract, now_ns)
    if state.reduce_only:
        key = given.symbol, given.book, ""
        held = state.positions.get(key)
        after = add(ZERO if held is None else held.quantity, delta)
        cut(state, key, after, None, ZERO, rules, now_ns, step)
    step.records.append(record)
    step.effects.append(AnswerCommand(given.command_id, True, "", ""))


def _correction(
    given: AcceptDrift,
    instrument: Instrument,
    side: OrderSide,
    quantity: Decimal,
    price: Decimal,
    ours: Decimal,
    contract: Contract | None,
    now_ns: int,
) -> PositionCorrected:
    decimals = instrument.settlement_decimals
    return PositionCorrected(
        given.symbol,
        given.book,
        side,
        quantity,
        price,
        settlement_value(quantity, price, decimals, contract),
        instrument.base if contract is None else "",
        instrument.settlement_currency,
        decimals,
        ours,
        given.at_venue,
        given.by,
        given.note,
        now_ns,
        contract,
    )


def _refuse(given: AcceptDrift, code: str, reason: str, step: Step) -> None:
    step.records.append(CommandRefused("accept-drift", given.by, given.symbol, code, reason))
    step.effects.append(AnswerCommand(given.command_id, False, code, reason))
