"""What is known of a change: by the answer, or by the terms under which the venue shows the order.

An answer that did not come is never presumed to be a refusal. A reading of the venue that was asked for
after the modify had left, and that shows the new terms, says that it was done. One that shows the old
terms says that it was not only when the modify can no longer arrive: after its deadline, where the
venue knows deadlines. Until then, and for ever elsewhere, the larger of both terms stays reserved.
"""

from __future__ import annotations

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.change_records import ChangeUnresolved, ModifyRejected, OrderUpdated
from fairlead.domain.changes import ChangeCode, Terms, Wish
from fairlead.domain.numbers import text_of
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.kernel.core.effects import LookUpOrder, WakeAt
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.venue_inputs import OrderReported
from fairlead.kernel.decide.pauses import pause_ns
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.ports.exchange import Fence, OrderReport


def reject_change(order: Order, code: ChangeCode, reason: str, step: Step, *, ts_event: int = 0) -> None:
    """Record that the modify which the order holds was not done."""
    assert order.wish is not None  # only of such an order; narrows the type
    change_id = order.wish.change_id
    step.records.append(ModifyRejected(order.client_order_id, change_id, code.value, reason, ts_event))


def confirm_change(
    order: Order, wish: Wish, source: str, step: Step, *, known_as: str, ts_event: int
) -> None:
    """Record that the venue holds the order under the terms wished for."""
    step.records.append(
        OrderUpdated(order.client_order_id, wish.change_id, wish.terms, known_as, ts_event, source)
    )


def doubt_change(order: Order, cause: str, rules: Rules, now_ns: int, step: Step) -> None:
    """Record that the answer did not come, and look up when that can decide."""
    assert order.wish is not None  # only of such an order; narrows the type
    look_up_ns = now_ns + rules.look_up_interval_ns
    name = order.client_order_id
    step.records.append(ChangeUnresolved(name, order.wish.change_id, cause, look_up_ns))
    step.effects.append(WakeAt(name, look_up_ns))


def compare_terms(
    state: EngineState, order: Order, given: OrderReported, rules: Rules, now_ns: int, step: Step
) -> None:
    """See what the terms in a report of an order alive say about its change, and whether they are ours."""
    terms = terms_in(given.report)
    if terms is None or order.state is not OrderState.WORKING:
        return
    wish = order.wish
    if wish is not None and wish.sent_ns:
        _resolve(state, order, wish, terms, given, rules, now_ns, step)
        return
    is_later = state.asked_after(order.changed_monotonic_ns, given.asked_monotonic_ns)
    if is_later and terms.differs_from(order.terms):
        _take_over(state, order, terms, given, step)


def _resolve(
    state: EngineState,
    order: Order,
    wish: Wish,
    terms: Terms,
    given: OrderReported,
    rules: Rules,
    now_ns: int,
    step: Step,
) -> None:
    unresolved = state.changes[wish.change_id].unresolved
    if not given.asked_ns:  # it came by itself and may be older than the modify: no proof, but a hint
        if unresolved and not terms.differs_from(wish.terms):
            step.effects.append(LookUpOrder(order.client_order_id, order.symbol))
        return
    if not state.asked_after(order.sent_monotonic_ns, given.asked_monotonic_ns):
        if unresolved:
            step.effects.append(WakeAt(order.client_order_id, now_ns + rules.look_up_interval_ns))
        return
    if not terms.differs_from(wish.terms):
        known_as, ts_event = given.report.venue_order_id, given.report.ts_event
        confirm_change(order, wish, given.source, step, known_as=known_as, ts_event=ts_event)
        return
    if terms.differs_from(order.terms):
        _take_over(state, order, terms, given, step)
    elif _can_no_longer_arrive(wish, given.asked_ns, rules):
        fence = rules.capabilities.fence.value
        reason = f"looked up after its fence ({fence}): the venue shows the old terms"
        reject_change(order, ChangeCode.NOT_DONE, reason, step)
        return
    if unresolved:
        step.effects.append(WakeAt(order.client_order_id, now_ns + pause_ns(order, rules, now_ns)))


def _can_no_longer_arrive(wish: Wish, asked_ns: int, rules: Rules) -> bool:
    return (
        rules.capabilities.fence is Fence.DEADLINE and asked_ns >= wish.deadline_ns + rules.deadline_margin_ns
    )


def _take_over(state: EngineState, order: Order, terms: Terms, given: OrderReported, step: Step) -> None:
    """The venue holds the order under terms that nobody here asked for: they are what it may fill."""
    detail = f"the venue has {terms_text(terms)}, not {terms_text(order.terms)}"
    step.note(state, AnomalyKind.TERMS_DIFFER, order.client_order_id, detail)
    if terms.quantity <= order.filled_quantity:  # alive with nothing left is no term to take over
        return
    report = given.report
    step.records.append(
        OrderUpdated(order.client_order_id, "", terms, report.venue_order_id, report.ts_event, given.source)
    )


def terms_in(report: OrderReport) -> Terms | None:
    """Return the terms in a report that a change may be about, or nothing where it has none."""
    said = report.terms
    return None if said is None else Terms(said.quantity, said.limit_price, said.trigger_price)


def terms_text(terms: Terms) -> str:
    """Return the terms in words."""
    prices = (("at", terms.limit_price), ("triggered at", terms.trigger_price))
    said = (f"{word} {text_of(price)}" for word, price in prices if price is not None)
    return " ".join((f"a quantity of {text_of(terms.quantity)}", *said))
