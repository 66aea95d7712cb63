"""Seeing to changes under way: replacements from the cancel to the new order, and changes whose order ended.

A replacement cancels the old order and waits for the venue's proof of what was filled; then, in the very step
that proves it, one new order is made for what is left of the quantity asked for. So the two are never alive
together, and together they never fill more than was asked. Its id follows from the change's, so nothing is
drawn twice; the wish is in the journal, so a kill at any moment changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

from fairlead.domain.change_records import ChangeEnded, ChangeUnresolved, ReplaceMoved
from fairlead.domain.changes import Change, ChangeCode, ChangeKind
from fairlead.domain.dust import is_dust
from fairlead.domain.identifiers import UNIQUE_DIGITS
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ZERO, floor_to_step, subtract, text_of
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.kernel.core.change_inputs import AdvanceChange
from fairlead.kernel.core.inputs import (
    SubmitProposal,
)
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.proposals import decide_proposal
from fairlead.kernel.decide.rules import Rules, Step

_PROVEN = frozenset({OrderState.CANCELED, OrderState.FILLED})
_UNDER_WAY = frozenset({OrderState.APPROVED, OrderState.SUBMITTED})
_NEVER_THERE = frozenset({OrderState.DENIED, OrderState.REJECTED, OrderState.NOT_SENT, OrderState.NOT_PLACED})


def changes_to_see_to(state: EngineState, *, touched: Iterable[str], every: bool) -> list[AdvanceChange]:
    """Return what is to be seen to after a step that touched these orders; *every* for all that are."""
    names = state.changing if every else [name for name in touched if name in state.changing]
    return [AdvanceChange(state.changing[name].change_id) for name in names]


def advance_change(state: EngineState, given: AdvanceChange, rules: Rules, now_ns: int, step: Step) -> None:
    """See to a change: end it when its order has, or go on with a replacement."""
    change = state.changes[given.change_id]
    order = state.orders[change.new_order_id or change.client_order_id]
    if change.new_order_id:
        _see_to_new(change, order, step)
    elif order.state.is_final:
        _see_to_old(state, change, order, rules, now_ns, step)
    elif change.kind is ChangeKind.REPLACE and order.pending is not PendingRequest.CANCEL:
        _end(change, ChangeCode.REJECTED, order.detail, step)


def _see_to_new(change: Change, order: Order, step: Step) -> None:
    """The new order was made: the change is over when it is known whether it reached the venue."""
    if order.state in _UNDER_WAY:
        return
    if order.state is OrderState.UNRESOLVED:
        if not change.unresolved:
            step.records.append(ChangeUnresolved(order.client_order_id, change.change_id, order.detail, 0))
        return
    arrived = order.state not in _NEVER_THERE
    code = ChangeCode.REPLACED if arrived else ChangeCode.NOT_REPLACED
    _end(change, code, "" if arrived else order.detail, step)


def _see_to_old(
    state: EngineState, change: Change, order: Order, rules: Rules, now_ns: int, step: Step
) -> None:
    """The order that was to be changed is over: what it filled is proven."""
    if change.kind is ChangeKind.MODIFY or order.state not in _PROVEN:
        _end(change, ChangeCode.ORDER_CLOSED, f"the order is {order.state.value}", step)
        return
    if not state.reconciled:  # what is held, and whether trading may go on, must be known first
        return
    instrument = state.instruments.get(order.symbol)
    if instrument is None:
        _end(change, ChangeCode.NOT_REPLACED, "the venue gives no rules for its symbol any more", step)
        return
    left = _left(change, order, instrument)
    if not left:
        reason = f"{text_of(order.filled_quantity)} of {text_of(change.quantity)} is filled"
        _end(change, ChangeCode.NOTHING_LEFT, reason, step)
        return
    name = replacement_order_id(state.account_tag, change.change_id)
    step.records.append(ReplaceMoved(order.client_order_id, change.change_id, name))
    decide_proposal(state, _successor(change, order, name, left), rules, now_ns, step)


def _successor(change: Change, order: Order, name: str, left: Decimal) -> SubmitProposal:
    """Return the proposal of the new order: the old one's wishes under the new terms, for what is left."""
    return SubmitProposal(
        name,
        order.owner,
        order.book,
        order.symbol,
        order.side,
        order.order_type,
        order.time_in_force,
        left,
        None,
        change.limit_price,
        "",
        "",
        order.metadata,
        trigger_price=change.trigger_price,
        trailing_distance=order.trailing_distance,
        trailing_rate=order.trailing_rate,
        leverage=order.leverage,
        expire_ns=order.expire_ns,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        note=order.note,
        tags=order.tags,
        position_id=order.position_id,
        replaces=order.client_order_id,
        shrinks=change.terms.raises_nothing_of(order.terms),
    )


def _left(change: Change, order: Order, instrument: Instrument) -> Decimal:
    """Return what a new order may fill; zero when that is less than the venue takes as an order."""
    if order.filled_quantity >= change.quantity:
        return ZERO
    left = subtract(change.quantity, order.filled_quantity)
    price = change.limit_price or change.trigger_price
    if is_dust(instrument, left, price, reduces=order.reduces):
        return ZERO
    return floor_to_step(left, instrument.quantity_increment)


def withdraw_replacement(state: EngineState, order: Order, by: str, step: Step) -> None:
    """Somebody wants an order canceled that is canceled to be replaced: then nothing takes its place."""
    change = state.changing.get(order.client_order_id)
    if change is not None and change.kind is ChangeKind.REPLACE and not change.new_order_id:
        _end(change, ChangeCode.WITHDRAWN, f"{by} wants the order canceled", step)


def replacement_order_id(account_tag: str, change_id: str) -> str:
    """Return the client order id of a replacement's order: always the same, and no other order's."""
    return account_tag + sha256(change_id.encode()).hexdigest()[:UNIQUE_DIGITS]


def _end(change: Change, code: ChangeCode, reason: str, step: Step) -> None:
    about = change.new_order_id or change.client_order_id
    step.records.append(ChangeEnded(about, change.change_id, code.value, reason))
