"""The fold of orders that were taken over, and of corrections of a position."""

from __future__ import annotations

from fairlead.domain.ledger import PositionChange, book_fill
from fairlead.domain.numbers import ZERO, subtract
from fairlead.domain.order_table import OrderEvent, decision_for
from fairlead.domain.orders import Order
from fairlead.domain.reconcile_records import OrderAdopted, PositionCorrected
from fairlead.kernel.apply.account import keep_balances
from fairlead.kernel.apply.balances import move_between, settle
from fairlead.kernel.apply.episodes import fold_booking
from fairlead.kernel.apply.exposure import reweigh, weight
from fairlead.kernel.core.state import EngineState

SETTING_ADOPTS = "adopts"
"""The name of the settings row that says that there are orders which were taken over."""


def adopted_order(state: EngineState, record: OrderAdopted, ts_ns: int) -> Order:
    """Return the order that was taken over, as it begins; nothing is reserved for it yet."""
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
        None,
        record.reduces,
        record.currency,
        "",
        (),
        ts_ns,
    )
    order.adopted = True
    order.state = decision_for(order.state, OrderEvent.ADOPTED).to
    order.venue_order_id = record.venue_order_id
    order.trigger_price = record.trigger_price
    order.trailing_distance = record.trailing_distance
    order.trailing_rate = record.trailing_rate
    order.leverage = record.leverage
    order.expire_ns = record.expire_ns
    order.post_only = record.post_only
    order.reduce_only = record.reduce_only
    order.contract = record.contract
    order.detail = f"taken over by {record.by}{f': {record.note}' if record.note else ''}"
    order.updated_ns = ts_ns
    order.changed_monotonic_ns = state.monotonic_ns
    order.not_before_ns = ts_ns  # how old it is at the venue is not known: as young as can be
    if not state.adopts:
        state.adopts = True
        state.dirty.settings[SETTING_ADOPTS] = None
    return order


def correct(state: EngineState, record: PositionCorrected, _ts_ns: int) -> PositionChange:
    """Book a correction as a trade of its price would be, without a fee and without an order.

    What we say of a position changes by it, and no coin changes hands: of a pair, the position takes from
    the inventory, so the balances stay. A contract settles what the correction realizes.
    """
    position = state.position_of((record.symbol, record.book, ""), record.quote)
    before, realized = weight(state, position), position.realized_pnl
    if record.contract is not None:
        position.contract = record.contract
    decimals = record.settlement_decimals
    side, quantity, ts_event = record.side, record.quantity, record.ts_event
    booking = book_fill(position, side, quantity, record.value, ZERO, decimals, ts_event)
    fold_booking(state, record, position, booking, record)
    reweigh(state, position, before)
    if record.base:
        held = {asset: state.balances.get(asset, ZERO) for asset in (record.base, record.quote)}
        move_between(state, record.side, record.base, record.quantity, record.quote, record.value)
        keep_balances(state, held)
    else:
        settle(state, record.quote, subtract(position.realized_pnl, realized))
    state.dirty.positions[position.key] = None
    return booking.change
