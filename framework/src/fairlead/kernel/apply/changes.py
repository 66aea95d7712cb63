"""The fold of records about changes of orders: from the wish to what came of it."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.domain.change_records import (
    ChangeDenied,
    ChangeEnded,
    ChangeRequested,
    ChangeUnresolved,
    ModifyLimited,
    ModifyRejected,
    ModifyStarted,
    OrderUpdated,
    ReplaceMoved,
)
from fairlead.domain.changes import Change, ChangeCode, ChangeKind, Wish
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest, pending_after
from fairlead.domain.requests import RequestKind
from fairlead.kernel.apply.commands import remember
from fairlead.kernel.apply.exposure import reserve_anew
from fairlead.kernel.apply.moves import move
from fairlead.kernel.core.command_answers import answer_text
from fairlead.kernel.core.state import CommandEntry, EngineState

CHANGES_KEPT_MAX = 1_000  # fixed: memory; older ones are read back when a key refers to them
"""How many changes that are over stay in memory; older ones are read back when a key refers to them."""


def change_requested(state: EngineState, record: ChangeRequested, ts_ns: int) -> None:
    """Begin a change; of a modify, hold the wish and reserve the larger of both terms."""
    key, digest = record.idempotency_key, record.command_digest
    remember(state, CommandEntry(record.by, key, digest, record.change_id, ts_ns))
    terms = record.terms
    change = Change(
        record.change_id,
        record.change,
        record.client_order_id,
        record.by,
        terms.quantity,
        terms.limit_price,
        terms.trigger_price,
        record.shrinks,
        ts_ns,
    )
    state.changes[change.change_id] = state.changing[change.client_order_id] = change
    state.dirty.changes[change.change_id] = None
    if record.change is ChangeKind.MODIFY:
        order = state.orders[record.client_order_id]
        before = order.most_leaves
        order.wish = Wish(record.change_id, terms)
        reserve_anew(state, order, before)
        _pend(order, OrderEvent.MODIFY_REQUESTED, ts_ns)
        order.pending_asked += 1
        move(state, order, OrderEvent.MODIFY_REQUESTED, ts_ns)


def change_denied(state: EngineState, record: ChangeDenied, ts_ns: int) -> None:
    """A denial changes nothing but what a repetition is answered with."""
    reason = next((each.reason for each in record.verdicts if not each.allowed), "")
    answer = answer_text(accepted=False, code=record.code, reason=reason)
    key, digest = record.idempotency_key, record.command_digest
    remember(state, CommandEntry(record.by, key, digest, record.change_id, ts_ns, answer))


def modify_started(state: EngineState, record: ModifyStarted, ts_ns: int) -> None:
    """The modify is on the wire: from here on the venue may hold either terms."""
    order = state.orders[record.client_order_id]
    if order.wish is not None:
        order.wish = replace(
            order.wish,
            sent_ns=record.not_before_ns,
            deadline_ns=record.deadline_ns,
            attempt=record.number,
        )
    order.sent_monotonic_ns = state.monotonic_ns
    order.look_up_ns = 0
    move(state, order, OrderEvent.MODIFY_REQUESTED, ts_ns)


def modify_limited(state: EngineState, record: ModifyLimited, ts_ns: int) -> None:
    """The modify is not at the venue; the order holds the wish, and waits until it is tried again."""
    order = state.orders[record.client_order_id]
    assert order.wish is not None  # nothing else can be turned away; narrows the type
    order.wish = replace(order.wish, sent_ns=0, deadline_ns=0)
    order.detail = record.reason
    order.look_up_ns = record.retry_ns
    move(state, order, OrderEvent.MODIFY_REQUESTED, ts_ns)


def change_unresolved(state: EngineState, record: ChangeUnresolved, ts_ns: int) -> None:
    """Whoever asked is told that it is not known; of a modify the order is looked up."""
    change = state.changes[record.change_id]
    change.unresolved = True
    state.dirty.changes[change.change_id] = None
    if change.kind is ChangeKind.MODIFY:
        order = state.orders[record.client_order_id]
        order.detail = record.cause
        order.look_up_ns = record.look_up_ns
        move(state, order, OrderEvent.MODIFY_UNRESOLVED, ts_ns)


def order_updated(state: EngineState, record: OrderUpdated, ts_ns: int) -> None:
    """The order has these terms; a change that wished for them is done."""
    order = state.orders[record.client_order_id]
    before = order.most_leaves
    terms = record.terms
    order.quantity = terms.quantity
    order.limit_price = terms.limit_price
    order.trigger_price = terms.trigger_price
    order.reference_price = terms.limit_price or terms.trigger_price or order.reference_price
    order.venue_order_id = record.venue_order_id or order.venue_order_id
    if record.change_id:
        _end_wish(state, order, record.change_id, ChangeCode.MODIFIED.value, "", ts_ns)
    reserve_anew(state, order, before)
    _pend(order, OrderEvent.MODIFIED, ts_ns)
    move(state, order, OrderEvent.MODIFIED, ts_ns)


def modify_rejected(state: EngineState, record: ModifyRejected, ts_ns: int) -> None:
    """The modify was not done: the order has the terms that it had."""
    order = state.orders[record.client_order_id]
    before = order.most_leaves
    state.pace.remove((RequestKind.MODIFY, order.client_order_id))
    _end_wish(state, order, record.change_id, record.code, record.reason, ts_ns)
    order.detail = record.reason
    reserve_anew(state, order, before)
    _pend(order, OrderEvent.MODIFY_REFUSED, ts_ns)
    move(state, order, OrderEvent.MODIFY_REFUSED, ts_ns)


def replace_moved(state: EngineState, record: ReplaceMoved, _ts_ns: int) -> None:
    """The old order is over; the change is about the new one from here on."""
    change = state.changes[record.change_id]
    del state.changing[change.client_order_id]
    change.new_order_id = record.new_order_id
    state.changing[change.new_order_id] = change
    state.dirty.changes[change.change_id] = None


def change_ended(state: EngineState, record: ChangeEnded, ts_ns: int) -> None:
    """A change is over that no answer ended."""
    _end(state, state.changes[record.change_id], record.code, record.reason, ts_ns)


def _end_wish(state: EngineState, order: Order, change_id: str, code: str, reason: str, ts_ns: int) -> None:
    order.wish = None
    if order.pending is not PendingRequest.CANCEL:
        order.look_up_ns = 0
    _end(state, state.changes[change_id], code, reason, ts_ns)


def _end(state: EngineState, change: Change, code: str, reason: str, ts_ns: int) -> None:
    """End a change; the oldest that are over leave memory."""
    change.code = code
    change.detail = reason
    change.closed_ns = ts_ns
    state.dirty.changes[change.change_id] = None
    del state.changing[change.new_order_id or change.client_order_id]
    if len(state.changes) > CHANGES_KEPT_MAX:
        oldest = next(name for name, each in state.changes.items() if each.is_over)
        if oldest not in state.dirty.changes:
            del state.changes[oldest]


def _pend(order: Order, event: OrderEvent, ts_ns: int) -> None:
    pending = pending_after(order.pending, event, changing=order.wish is not None)
    if pending is not order.pending:
        order.pending = pending
        order.pending_since_ns = ts_ns
        order.pending_asked = 0
