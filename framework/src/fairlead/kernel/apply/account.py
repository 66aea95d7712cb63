"""The fold of the account: opening inventory, adjustments, and what the inventory gives to positions."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.records import OrderFilled
from fairlead.kernel.apply.balances import settle
from fairlead.kernel.core.state import EngineState

SETTING_OPENED = "inventory_asked_ns"
"""The name of the settings row that says when the venue was asked for the opening inventory."""
SETTING_LISTED = "inventory_listed"
"""The name of the settings row with the ids of the ledger's entries that are part of the inventory."""


def inventory_opened(state: EngineState, record: InventoryOpened, _ts_ns: int) -> None:
    """Begin with what was there; what was folded before stays on top of it."""
    for asset, amount in record.amounts:
        _put_into_inventory(state, asset, amount)
        settle(state, asset, amount)
    state.inventory_ns = record.asked_ns
    state.dirty.settings[SETTING_OPENED] = None
    if record.listed is not None:
        state.inventory_listed = frozenset(record.listed)
        state.dirty.settings[SETTING_LISTED] = None


def order_made(state: EngineState, ts_ns: int) -> None:
    """Note that an order is made: it is younger than the inventory, also when the clock was set back."""
    if ts_ns < state.inventory_ns:
        state.inventory_ns = ts_ns
        state.dirty.settings[SETTING_OPENED] = None


def adjustment_booked(state: EngineState, record: AdjustmentBooked, _ts_ns: int) -> None:
    """Move the balance by an adjustment, and remember that it was booked."""
    settle(state, record.asset, record.amount)
    state.adjusted[record.asset] = add(state.adjusted.get(record.asset, ZERO), record.amount)
    state.adjustments[record.entry_id] = record, state.sequence
    state.dirty.inventory[record.asset] = None
    state.dirty.adjustments[record.entry_id] = None


def inventory_before(state: EngineState, record: OrderFilled) -> dict[str, Decimal]:
    """Return the balances that a fill must leave as they are: the opening inventory holds it already.

    So it is with the past of an order that was taken over, and with a fill that was found late of a time
    before the inventory was recorded. Of an order made later none is: its fills came after.
    """
    if record.ts_event >= state.inventory_ns:
        return {}
    order = state.orders[record.client_order_id]
    if not order.adopted and order.created_ns >= state.inventory_ns:
        return {}
    assets = record.base, record.quote, record.fee_currency
    return {asset: state.balances.get(asset, ZERO) for asset in assets if asset}


def keep_balances(state: EngineState, before: dict[str, Decimal]) -> None:
    """Take what a fill or correction moved out of the inventory, so that balances are as before it."""
    for asset, held in before.items():
        moved = subtract(state.balances.get(asset, ZERO), held)
        _put_into_inventory(state, asset, moved.copy_negate())
        settle(state, asset, moved.copy_negate())


def _put_into_inventory(state: EngineState, asset: str, amount: Decimal) -> None:
    state.openings[asset] = add(state.openings.get(asset, ZERO), amount)
    state.dirty.inventory[asset] = None
