"""Deciding on what the venue says: answers, order reports, fills, look-ups."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.changes import ChangeCode
from fairlead.domain.contracts import settlement_value
from fairlead.domain.dust import is_dust
from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import quantity_after_fee
from fairlead.domain.numbers import ZERO, add, divide, subtract, text_of, to_decimal, to_positive
from fairlead.domain.order_table import OrderEvent, OrderState, decision_for
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import OrderAccepted, OrderEventNoted, OrderFilled
from fairlead.errors import NumberRefused
from fairlead.kernel.core.effects import LookUpOrder, ReadRules, SendCancel, WakeAt
from fairlead.kernel.core.fill_rows import fill_digest
from fairlead.kernel.core.readable import outside_text, report_problem
from fairlead.kernel.core.state import FOUND_AGAIN, MISSING, EngineState
from fairlead.kernel.core.strangers import ADOPTION, is_ours, name_in
from fairlead.kernel.core.venue_inputs import FillReported, OrderReported
from fairlead.kernel.decide.account import read_balances_later
from fairlead.kernel.decide.change_evidence import compare_terms, confirm_change, reject_change, terms_in
from fairlead.kernel.decide.pauses import pause_ns
from fairlead.kernel.decide.rules import KERNEL, Rules, Step
from fairlead.kernel.decide.shrinking import cut_after_fill
from fairlead.ports.exchange import FillReport, VenueStatus

ENDS: dict[VenueStatus, OrderEvent] = {
    VenueStatus.CANCELED: OrderEvent.CANCELED,
    VenueStatus.EXPIRED: OrderEvent.EXPIRED,
    VenueStatus.REJECTED: OrderEvent.REJECTED,
    VenueStatus.FILLED: OrderEvent.FULLY_FILLED,
}

ALIVE = frozenset({VenueStatus.LIVE, VenueStatus.TRIGGERED})
LOOK_UP = "look_up"
STREAM = "stream"

# fixed: a default where the venue says nothing any more; what it said is in the instrument
SETTLEMENT_DECIMALS_UNKNOWN = 8
"""The settlement precision of a fill whose symbol the venue no longer gives rules for."""


def note_event(
    state: EngineState,
    order: Order,
    event: OrderEvent,
    cause: str,
    step: Step,
    *,
    look_up_ns: int = 0,
    ts_event: int = 0,
) -> None:
    """Record an event of the table if it is news: a move, an anomaly, or a changed pending request."""
    decision = decision_for(order.state, event)
    if decision.to is not order.state or look_up_ns:
        step.records.append(
            OrderEventNoted(order.client_order_id, event, cause, KERNEL, look_up_ns, ts_event)
        )
        if look_up_ns:
            step.effects.append(WakeAt(order.client_order_id, look_up_ns))
    if decision.anomaly is not None:
        detail = f"{event.value} while {order.state.value}: {cause}"
        step.note(state, decision.anomaly, order.client_order_id, detail)


def accept(
    state: EngineState,
    order: Order,
    venue_order_id: str,
    event: OrderEvent,
    ts_event: int,
    source: str,
    step: Step,
) -> None:
    """The venue knows the order. A late acceptance adds the venue id and nothing else."""
    decision = decision_for(order.state, event)
    news = decision.to is not order.state or (bool(venue_order_id) and not order.venue_order_id)
    news = news or (event is OrderEvent.TRIGGERED and not order.triggered and order.state.is_live)
    if news or (decision.cancel_at_once and order.client_order_id not in state.zombies):
        step.records.append(OrderAccepted(order.client_order_id, venue_order_id, event, ts_event, source))
    if decision.anomaly is not None:
        step.note(state, decision.anomaly, order.client_order_id, f"{event.value} while {order.state.value}")
    if decision.cancel_at_once or _frees_cancel(order, decision.to):
        known = venue_order_id or order.venue_order_id
        step.effects.append(SendCancel(order.client_order_id, known, order.symbol))


def _frees_cancel(order: Order, to: OrderState) -> bool:
    """Tell whether a cancel that waited for the venue's first word on the order can go out now."""
    waits = order.pending is PendingRequest.CANCEL and order.state is not OrderState.WORKING
    return waits and to is OrderState.WORKING


def decide_report(state: EngineState, given: OrderReported, rules: Rules, now_ns: int, step: Step) -> None:
    """What an order report says. Quantity is never taken from it; fills are fetched instead."""
    report = given.report
    problem = report_problem(report)
    if problem:
        step.note(state, AnomalyKind.UNREADABLE_REPORT, given.source, problem)
        return
    order = state.orders.get(name_in(state, report))
    if order is None:
        if given.source != ADOPTION:
            note_stranger(state, report.client_order_id, report.venue_order_id, step)
        return
    if report.status in ALIVE:
        stale = given.source == STREAM or (given.asked_ns and not _is_later(state, order, given))
        event = OrderEvent.ACCEPTED if stale else OrderEvent.SHOWN_LIVE
        if report.status is VenueStatus.TRIGGERED and (stale or order.state.is_live):
            event = OrderEvent.TRIGGERED
        accept(state, order, report.venue_order_id, event, report.ts_event, given.source, step)
        _find_again(state, order, given, step)
        compare_terms(state, order, given, rules, now_ns, step)
        if report.filled_quantity > order.filled_quantity:
            _fetch_fills(state, order, given, rules, now_ns, step)
        return
    if report.filled_quantity > order.filled_quantity:
        _fetch_fills(state, order, given, rules, now_ns, step)
        return
    if report.status is VenueStatus.FILLED:
        if order.state.is_live:
            _filled_with_residue(state, order, given, rules, now_ns, step)
        return
    _note_end(state, order, given, step)


def _is_later(state: EngineState, order: Order, given: OrderReported) -> bool:
    """Tell whether the report was asked for after the order changed last."""
    return state.asked_after(order.changed_monotonic_ns, given.asked_monotonic_ns)


def _find_again(state: EngineState, order: Order, given: OrderReported, step: Step) -> None:
    """A reading asked for after an order went missing shows it alive: nobody may end it for that any more."""
    if order.detail == MISSING and _is_later(state, order, given):
        event, ts_event = OrderEvent.SHOWN_LIVE, given.report.ts_event
        step.records.append(
            OrderEventNoted(order.client_order_id, event, FOUND_AGAIN, KERNEL, order.look_up_ns, ts_event)
        )


def _note_end(state: EngineState, order: Order, given: OrderReported, step: Step) -> None:
    report = given.report
    reason = outside_text(report.reason) or given.source
    if report.names_rules and order.state.is_live:
        step.effects.append(ReadRules(reason))
    note_event(state, order, ENDS[report.status], reason, step, ts_event=report.ts_event)


def _fetch_fills(
    state: EngineState, order: Order, given: OrderReported, rules: Rules, now_ns: int, step: Step
) -> None:
    """The venue counts more than was booked: ask for the trades before believing an end.

    A venue may list a trade later than it counts it. One that never does contradicts itself: that is noted
    once the pauses between look-ups are at their longest.
    """
    name = order.client_order_id
    if given.source != LOOK_UP:
        step.effects.append(LookUpOrder(name, order.symbol))
        return
    cause = f"the venue counts more as filled than its trades come to, {text_of(order.filled_quantity)}"
    look_up_ns = now_ns + rules.look_up_interval_ns
    if order.state in (OrderState.WORKING, OrderState.UNRESOLVED):
        if order.detail != cause:
            unknown = OrderEvent.OUTCOME_UNKNOWN
            step.records.append(OrderEventNoted(name, unknown, cause, KERNEL, look_up_ns))
        else:
            look_up_ns = now_ns + pause_ns(order, rules, now_ns)
            if now_ns - order.updated_ns >= rules.look_up_interval_max_ns:
                step.note(state, AnomalyKind.CONTRADICTION, name, cause)
    step.effects.append(WakeAt(name, look_up_ns))


def _filled_with_residue(
    state: EngineState, order: Order, given: OrderReported, rules: Rules, now_ns: int, step: Step
) -> None:
    """The venue calls it filled although something is left: dust ends it, more than dust is not believed."""
    name = order.client_order_id
    cause = f"the venue says filled with {text_of(order.leaves_quantity)} left"
    if _is_whole(order):
        _end_changed(order, given, step)
    elif _leaves_dust(order, state.instruments.get(order.symbol)):
        step.records.append(
            OrderEventNoted(name, OrderEvent.FULLY_FILLED, cause, KERNEL, 0, given.report.ts_event)
        )
        step.note(state, AnomalyKind.RESIDUE, name, cause)
    elif given.source != LOOK_UP:
        step.effects.append(LookUpOrder(name, order.symbol))
    else:
        look_up_ns = now_ns + rules.look_up_interval_max_ns
        if order.detail != cause:
            step.records.append(OrderEventNoted(name, OrderEvent.OUTCOME_UNKNOWN, cause, KERNEL, look_up_ns))
            step.note(state, AnomalyKind.CONTRADICTION, name, cause)
        step.effects.append(WakeAt(name, look_up_ns))


def _end_changed(order: Order, given: OrderReported, step: Step) -> None:
    """It is filled by the old terms or the new ones; the report may say which."""
    report, wish = given.report, order.wish
    assert wish is not None  # see `_is_whole`; narrows the type
    terms = terms_in(report)
    done = terms is not None and not terms.differs_from(wish.terms)
    if done and order.filled_quantity >= wish.terms.quantity:
        known_as, ts_event = report.venue_order_id, report.ts_event
        confirm_change(order, wish, given.source, step, known_as=known_as, ts_event=ts_event)
        return
    event = OrderEvent.FULLY_FILLED
    step.records.append(
        OrderEventNoted(order.client_order_id, event, given.source, KERNEL, 0, report.ts_event)
    )


def _is_whole(order: Order) -> bool:
    """Tell whether a change that is not resolved explains it: all is filled by the one terms or the other."""
    wish = order.wish
    return wish is not None and order.filled_quantity in (order.quantity, wish.terms.quantity)


def _leaves_dust(order: Order, instrument: Instrument | None) -> bool:
    """Tell whether what is left is less than the venue would take as an order."""
    if instrument is None:
        return False
    price = order.limit_price or order.reference_price
    return is_dust(instrument, order.leaves_quantity, price, reduces=order.reduces)


def decide_fill(state: EngineState, given: FillReported, rules: Rules, now_ns: int, step: Step) -> None:
    """Book one trade, once, whatever the order's state says."""
    fill = given.report
    problem = report_problem(fill)
    if problem:
        step.note(state, AnomalyKind.UNREADABLE_REPORT, given.source, problem)
        return
    order = state.orders.get(name_in(state, fill))
    if order is None:
        if given.source != ADOPTION:
            note_stranger(state, fill.client_order_id, fill.venue_order_id, step)
        return
    problem = _impossible(fill, order)
    if problem:
        step.note(
            state, AnomalyKind.IMPOSSIBLE_FILL, order.client_order_id, f"trade {fill.trade_id}: {problem}"
        )
        return
    known = order.trades.get(fill.trade_id)
    if known is not None:
        if known != fill_digest(fill):
            detail = f"trade {fill.trade_id} came again as {fill_digest(fill)}, booked as {known}"
            step.note(state, AnomalyKind.TRADE_DIFFERS, order.client_order_id, detail)
        return
    _book(state, order, fill, given.source, rules, step)
    read_balances_later(rules, now_ns, step)
    if state.reduce_only:
        cut_after_fill(state, order, fill.quantity, _moved(fill, order), rules, now_ns, step)
    if fill.ts_event - now_ns > rules.fill_ahead_max_ns:
        detail = f"trade {fill.trade_id} is of {fill.ts_event}, at {now_ns}"
        step.note(state, AnomalyKind.TIME_AHEAD, order.client_order_id, detail)


def _book(state: EngineState, order: Order, fill: FillReport, source: str, rules: Rules, step: Step) -> None:
    step.records.append(_filled(order, fill, state.instruments.get(order.symbol), source))
    total = add(order.filled_quantity, fill.quantity)
    whole = total >= order.most_quantity
    decision = decision_for(order.state, OrderEvent.FULLY_FILLED if whole else OrderEvent.PARTLY_FILLED)
    subject = order.client_order_id
    detail = f"trade {fill.trade_id} of {text_of(fill.quantity)} while {order.state.value}"
    if decision.anomaly is not None:
        step.note(state, decision.anomaly, subject, detail)
    if decision.cancel_at_once or _frees_cancel(order, decision.to):
        step.effects.append(SendCancel(subject, fill.venue_order_id or order.venue_order_id, order.symbol))
    if total > order.most_quantity:
        over = f"{detail}; filled {text_of(total)} of {text_of(order.most_quantity)}"
        step.note(state, AnomalyKind.OVERFILL, subject, over)
    wish = order.wish
    if wish is not None and not wish.sent_ns and not whole and total >= order.quantity:
        reject_change(order, ChangeCode.ORDER_CLOSED, "the order was filled before it was sent", step)
    _check_band(state, order, fill, rules, step)


def _filled(order: Order, fill: FillReport, instrument: Instrument | None, source: str) -> OrderFilled:
    """Return the record of a fill, its settlement value fixed: the venue's figure, else ours.

    A fill is booked also when the venue no longer gives rules for its symbol.
    """
    decimals = SETTLEMENT_DECIMALS_UNKNOWN if instrument is None else instrument.settlement_decimals
    value = fill.value
    if value is None:
        value = settlement_value(fill.quantity, fill.price, decimals, order.contract)
    return OrderFilled(
        order.client_order_id,
        fill.venue_order_id,
        fill.trade_id,
        fill.side,
        fill.quantity,
        fill.price,
        value,
        fill.fee,
        order.symbol.partition("/")[0] if order.contract is None else "",
        order.currency,
        decimals,
        fill.liquidity,
        fill.ts_event,
        source,
        "" if fill.fee_currency == order.currency or not fill.fee else fill.fee_currency,
    )


def _is_far(price: Decimal, reference: Decimal, rules: Rules) -> bool:
    distance = divide(subtract(price, reference).copy_abs(), reference)
    return distance > rules.settings.fill_price_band


def _check_band(state: EngineState, order: Order, fill: FillReport, rules: Rules, step: Step) -> None:
    reference = order.reference_price
    if reference is None or not _is_far(fill.price, reference, rules):
        return
    wished = None if order.wish is None else order.wish.terms.limit_price or order.wish.terms.trigger_price
    if wished is None or _is_far(fill.price, wished, rules):
        detail = f"trade {fill.trade_id} at {text_of(fill.price)}, reference {text_of(reference)}"
        step.note(state, AnomalyKind.PRICE_OUT_OF_BAND, order.client_order_id, detail)


def _impossible(fill: FillReport, order: Order) -> str:
    """Say why a fill cannot be true, or nothing."""
    try:
        to_positive(fill.quantity, "quantity")
        to_positive(fill.price, "price")
        to_decimal(fill.fee, "fee")
        if fill.value is not None and to_decimal(fill.value, "value") < ZERO:
            return f"value {text_of(fill.value)}"
    except NumberRefused as refusal:
        return refusal.what
    if fill.side is not order.side or fill.symbol != order.symbol:
        return f"{fill.side.value} {fill.symbol} for an order to {order.side.value} {order.symbol}"
    if fill.fee and fill.fee_currency != order.currency:
        return _fee_problem(fill, order)
    return ""


def _fee_problem(fill: FillReport, order: Order) -> str:
    """Say why a fee in another currency cannot be true, or nothing."""
    if not fill.fee_currency:
        return f"fee of {text_of(fill.fee)} in no currency"
    if _moved(fill, order) <= ZERO:
        return f"fee of {text_of(fill.fee)} {fill.fee_currency} for {text_of(fill.quantity)}"
    return ""


def _moved(fill: FillReport, order: Order) -> Decimal:
    """Return what the fill changes the position by: a fee in base is paid out of it."""
    if not fill.fee or order.contract is not None or fill.fee_currency != order.symbol.partition("/")[0]:
        return fill.quantity
    return quantity_after_fee(fill.side, fill.quantity, fill.fee)


def note_stranger(state: EngineState, client_order_id: str, venue_order_id: str, step: Step) -> None:
    """Something at the venue is not in the journal: ours by its tag is alarming, others are noted."""
    name = client_order_id or venue_order_id
    ours = is_ours(client_order_id, state.account_tag)
    kind = AnomalyKind.UNKNOWN_OWN_ORDER if ours else AnomalyKind.FOREIGN_ORDER
    step.note(state, kind, name, f"venue order {venue_order_id} is not in the journal")
