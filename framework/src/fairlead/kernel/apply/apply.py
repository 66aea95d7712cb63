"""`apply(state, record)`: the fold. Live steps and replay go through here and nowhere else.

Applying never decides, never refuses and never reads a clock: whatever a record says has happened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.anomalies import AnomalyKind
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
from fairlead.domain.command_records import (
    ClosingEnded,
    ClosingMoved,
    ClosingRequested,
    CommandTaken,
    EpisodeAnnotated,
    OrderAnnotated,
)
from fairlead.domain.instrument_changes import InstrumentsChanged
from fairlead.domain.ledger import PositionChange, book_fill
from fairlead.domain.notifier_records import NotifierDecided
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_table import OrderEvent, decision_for
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import pending_after
from fairlead.domain.reconcile_records import ForeignCancelRequested, OrderAdopted, PositionCorrected
from fairlead.domain.records import (
    AnomalyNoted,
    AttemptStarted,
    BudgetSpent,
    CheckValueChanged,
    CommandRefused,
    CursorMoved,
    KernelStarted,
    LockPlaced,
    OrderAccepted,
    OrderEventNoted,
    OrderFilled,
    OrderInitialized,
    OrderJudgedAgain,
    OrderPaced,
    PositionsSnapshotted,
    QueryPaced,
    Reconciled,
    Record,
    TradingDayBegan,
    TradingStateChanged,
)
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.apply.account import (
    adjustment_booked,
    inventory_before,
    inventory_opened,
    keep_balances,
    order_made,
)
from fairlead.kernel.apply.adoption import adopted_order, correct
from fairlead.kernel.apply.annotations import episode_annotated, order_annotated
from fairlead.kernel.apply.balances import move_balances, pay_otherwise, settle
from fairlead.kernel.apply.changes import (
    change_denied,
    change_ended,
    change_requested,
    change_unresolved,
    modify_limited,
    modify_rejected,
    modify_started,
    order_updated,
    replace_moved,
)
from fairlead.kernel.apply.commands import (
    closing_ended,
    closing_moved,
    closing_requested,
    command_refused,
    command_taken,
    denial_text,
    meet,
    meet_owner,
    reconciled,
)
from fairlead.kernel.apply.episodes import fold_booking
from fairlead.kernel.apply.exposure import count_on_position, leave, reserve, reweigh, weight
from fairlead.kernel.apply.moves import finish, move
from fairlead.kernel.core.fill_rows import fill_digest, fill_row, snapshot_row
from fairlead.kernel.core.funds import promise
from fairlead.kernel.core.pace_queue import CODE_PACE_EXCEEDED
from fairlead.kernel.core.state import UNHEARD, EngineState

SETTING_TRADING = "trading_state"
SETTING_REASON = "trading_reason"
SETTING_LIMITS = "limits"
SETTING_ACCOUNT = "account"
SETTING_NETWORK = "network"
SETTING_BUDGET_CLOCK = "budget_clock"
SETTING_DAY = "trading_day"
CURSOR_PREFIX = "cursor:"
CHECK_PREFIX = "check:"
LOCK_PREFIX = "lock:"
BUDGET_PREFIX = "budget:"

# fixed: a fold has no settings: whoever replays it must come to the same state
NOTED_MAX = 1_000
"""How many anomalies are remembered as noted."""


def apply(state: EngineState, record: Record, ts_ns: int) -> PositionChange | None:
    """Fold one record into the state; return what a fill did to its position."""
    state.sequence += 1
    return _APPLY[type(record)](state, record, ts_ns)


def _initialized(state: EngineState, record: OrderInitialized, ts_ns: int) -> None:
    event = OrderEvent.APPROVED if record.approved else OrderEvent.DENIED
    order = Order(
        record.client_order_id,
        record.owner,
        record.book,
        record.symbol,
        record.side,
        record.order_type,
        record.time_in_force,
        record.quantity,
        record.limit_price,
        record.reference_price,
        record.reduces,
        record.currency,
        record.idempotency_key,
        record.metadata,
        ts_ns,
    )
    order_made(state, ts_ns)
    _take_terms(order, record)
    order.denial_code = record.denial_code
    order.detail = denial_text(record)
    order.updated_ns = ts_ns
    order.changed_monotonic_ns = state.monotonic_ns
    order.state = decision_for(order.state, event).to
    state.orders[order.client_order_id] = order
    count_on_position(state, order)
    state.dirty.orders[order.client_order_id] = None
    meet(state, record, ts_ns)
    if record.approved:
        reserve(state, order, record.currency)
    else:
        order.closed_ns = ts_ns
        finish(state, order)
        if record.denial_code == CODE_PACE_EXCEEDED:
            state.pace.counts.refusals += 1


def _adopted(state: EngineState, record: OrderAdopted, ts_ns: int) -> None:
    order = adopted_order(state, record, ts_ns)
    state.orders[order.client_order_id] = order
    state.dirty.orders[order.client_order_id] = None
    meet_owner(state, record.owner)
    reserve(state, order, record.currency)


def _take_terms(order: Order, record: OrderInitialized) -> None:
    order.trigger_price = record.trigger_price
    order.trailing_distance = record.trailing_distance
    order.trailing_rate = record.trailing_rate
    order.max_slippage = record.max_slippage
    order.leverage = record.leverage
    order.expire_ns = record.expire_ns
    order.post_only = record.post_only
    order.reduce_only = record.reduce_only
    order.note = record.note
    order.tags = record.tags
    order.sizing = record.sizing
    order.contract = record.contract
    order.position_id = record.position_id
    order.replaces = record.replaces


def _attempt_started(state: EngineState, record: AttemptStarted, ts_ns: int) -> None:
    order = state.orders[record.client_order_id]
    order.attempt = record.number
    order.not_before_ns = record.not_before_ns
    order.deadline_ns = record.deadline_ns
    order.look_up_ns = 0
    move(state, order, OrderEvent.ATTEMPT_STARTED, ts_ns)


def _event_noted(state: EngineState, record: OrderEventNoted, ts_ns: int) -> None:
    order = state.orders[record.client_order_id]
    event = record.event
    pending = pending_after(order.pending, event, changing=order.wish is not None)
    if pending is not order.pending:
        order.pending = pending
        order.pending_since_ns = ts_ns
        order.pending_asked = 0
    if event is OrderEvent.CANCEL_REQUESTED:
        order.pending_asked += 1
    if event is OrderEvent.SHOWN_LIVE:  # should it go missing once more, that is news
        state.noted.pop((AnomalyKind.MISSING_AT_VENUE, order.client_order_id, order.detail), None)
    order.detail = record.cause
    order.look_up_ns = record.look_up_ns
    move(state, order, event, ts_ns)


def _accepted(state: EngineState, record: OrderAccepted, ts_ns: int) -> None:
    order = state.orders[record.client_order_id]
    if record.venue_order_id:
        order.venue_order_id = record.venue_order_id
    order.triggered = order.triggered or record.event is OrderEvent.TRIGGERED
    move(state, order, record.event, ts_ns)


def _filled(state: EngineState, record: OrderFilled, ts_ns: int) -> PositionChange:
    before = inventory_before(state, record)
    change = _booked(state, record, ts_ns)
    keep_balances(state, before)
    return change


def _booked(state: EngineState, record: OrderFilled, ts_ns: int) -> PositionChange:
    order = state.orders[record.client_order_id]
    if record.venue_order_id:
        order.venue_order_id = record.venue_order_id
    leaves = order.most_leaves
    taken = min(record.quantity, leaves) if order.state.is_live else ZERO
    order.trades[record.trade_id] = fill_digest(record)
    order.filled_quantity = add(order.filled_quantity, record.quantity)
    order.filled_value = add(order.filled_value, record.value)
    position = state.position_of(order.key, record.quote)
    before = weight(state, position)
    if taken:
        leave(state, order, taken.copy_negate())
        promise(state, order)
        if order.reduces:
            position.reserved_exit = subtract(position.reserved_exit, taken)
    realized = position.realized_pnl
    quantity, fee = record.quantity, record.fee
    if order.contract is not None:
        position.contract = order.contract
    if record.fee_currency:
        quantity, fee = pay_otherwise(state, order, position, record), ZERO
    order.fees = add(order.fees, fee)
    booking = book_fill(
        position, record.side, quantity, record.value, fee, record.settlement_decimals, record.ts_event
    )
    fold_booking(state, order, position, booking, record)
    reweigh(state, position, before)
    if record.base:
        move_balances(state, record, fee)
    else:
        settle(state, record.quote, subtract(subtract(position.realized_pnl, realized), fee))
    whole = order.filled_quantity >= order.most_quantity
    move(state, order, OrderEvent.FULLY_FILLED if whole else OrderEvent.PARTLY_FILLED, ts_ns)
    state.dirty.positions[order.key] = None
    state.dirty.fills.append(fill_row(record, order, state.sequence, position.episode, booking.change))
    return booking.change


def _started(state: EngineState, record: KernelStarted, _ts_ns: int) -> None:
    state.epoch = record.epoch
    state.reconciled = False
    state.dirty.settings[SETTING_ACCOUNT] = None
    if state.limits != record.limits:
        state.limits = record.limits
        state.dirty.settings[SETTING_LIMITS] = None
    if state.network != record.network:
        state.network = record.network
        state.dirty.settings[SETTING_NETWORK] = None
    if state.trading in (TradingState.ACTIVE, TradingState.DISABLED) or state.trading_reason == UNHEARD:
        _set_trading(state, TradingState.DISABLED, "the kernel started; reconciliation has not passed yet")


def _trading_changed(state: EngineState, record: TradingStateChanged, _ts_ns: int) -> None:
    _set_trading(state, record.state, record.reason)


def _set_trading(state: EngineState, trading: TradingState, reason: str) -> None:
    state.trading = trading
    state.trading_reason = reason
    state.dirty.settings[SETTING_TRADING] = None
    state.dirty.settings[SETTING_REASON] = None


def _cursor_moved(state: EngineState, record: CursorMoved, _ts_ns: int) -> None:
    state.cursors[record.stream] = record.cursor
    state.dirty.settings[CURSOR_PREFIX + record.stream] = None


def _check_value_changed(state: EngineState, record: CheckValueChanged, _ts_ns: int) -> None:
    state.check_values[record.check] = record.value
    state.dirty.settings[CHECK_PREFIX + record.check] = None


def _lock_placed(state: EngineState, record: LockPlaced, _ts_ns: int) -> None:
    name = f"{record.check}:{record.scope}:{record.side.value if record.side else 'both'}"
    standing = state.locks.get(name)
    if standing is None or standing.until_ns < record.until_ns:  # no later word of the check shortens a lock
        state.locks[name] = record
    state.dirty.settings[LOCK_PREFIX + name] = None


def _anomaly(state: EngineState, record: AnomalyNoted, _ts_ns: int) -> None:
    """Remember what was noted, so that the same is not noted with every look-up; the oldest is forgotten."""
    if record.anomaly is AnomalyKind.ZOMBIE:
        state.zombies[record.subject] = None
    state.noted[record.anomaly, record.subject, record.detail] = None
    if len(state.noted) > NOTED_MAX:
        del state.noted[next(iter(state.noted))]


def _budget_spent(state: EngineState, record: BudgetSpent, ts_ns: int) -> None:
    for name, level in record.levels:
        state.budgets[name] = level
        state.dirty.settings[BUDGET_PREFIX + name] = None
        state.budget_clock = max(level.at_ns, state.budget_clock[0]), ts_ns
        state.dirty.settings[SETTING_BUDGET_CLOCK] = None
    state.pace.spent(record)


def _day_began(state: EngineState, record: TradingDayBegan, _ts_ns: int) -> None:
    state.trading_day = record.began_ns, record.ends_ns
    state.dirty.settings[SETTING_DAY] = None


def _snapshotted(state: EngineState, record: PositionsSnapshotted, _ts_ns: int) -> None:
    state.dirty.snapshots.extend(snapshot_row(each, state.sequence) for each in record.snapshots)


def _evidence_only(_state: EngineState, _record: Record, _ts_ns: int) -> None:
    """Records that explain but change nothing."""


_APPLY: dict[type[Record], Callable[[EngineState, Any, int], PositionChange | None]] = {
    KernelStarted: _started,
    TradingStateChanged: _trading_changed,
    OrderInitialized: _initialized,
    AttemptStarted: _attempt_started,
    OrderEventNoted: _event_noted,
    OrderAccepted: _accepted,
    OrderFilled: _filled,
    InventoryOpened: inventory_opened,
    AdjustmentBooked: adjustment_booked,
    CommandRefused: command_refused,
    CommandTaken: command_taken,
    OrderAnnotated: order_annotated,
    EpisodeAnnotated: episode_annotated,
    ClosingRequested: closing_requested,
    ClosingMoved: closing_moved,
    ClosingEnded: closing_ended,
    AnomalyNoted: _anomaly,
    CursorMoved: _cursor_moved,
    Reconciled: reconciled,
    ForeignCancelRequested: _evidence_only,
    OrderAdopted: _adopted,
    PositionCorrected: correct,
    CheckValueChanged: _check_value_changed,
    LockPlaced: _lock_placed,
    BudgetSpent: _budget_spent,
    OrderPaced: lambda state, record, _ts_ns: state.pace.order_paced(record),
    QueryPaced: lambda state, record, _ts_ns: state.pace.query_paced(record),
    OrderJudgedAgain: _evidence_only,
    PositionsSnapshotted: _snapshotted,
    TradingDayBegan: _day_began,
    InstrumentsChanged: _evidence_only,
    NotifierDecided: _evidence_only,
    ChangeRequested: change_requested,
    ChangeDenied: change_denied,
    ModifyStarted: modify_started,
    ModifyLimited: modify_limited,
    ChangeUnresolved: change_unresolved,
    OrderUpdated: order_updated,
    ModifyRejected: modify_rejected,
    ReplaceMoved: replace_moved,
    ChangeEnded: change_ended,
}
