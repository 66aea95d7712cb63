"""The account as rows, and rows as the account: balances, inventory, adjustments."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked
from fairlead.domain.numbers import ZERO
from fairlead.kernel.core.state import EngineState
from fairlead.ports.store import Row, Scalar


def inventory_row(state: EngineState, asset: str) -> Row:
    """Return what of an asset's balance did not come from fills."""
    return Row("inventory", (asset, state.openings.get(asset, ZERO), state.adjusted.get(asset, ZERO)))


def adjustment_row(record: AdjustmentBooked, sequence: int) -> Row:
    """Return the row of an adjustment; it never changes once written."""
    amount, ts_event = record.amount, record.ts_event
    values = record.entry_id, record.kind.value, record.asset, amount, ts_event, record.note, sequence
    return Row("adjustments", values)


def adjustment_from_row(row: Mapping[str, Any]) -> AdjustmentBooked:
    """Return the adjustment of a row."""
    kind = AdjustmentKind(row["kind"])
    return AdjustmentBooked(row["entry_id"], kind, row["asset"], row["amount"], row["ts_event"], row["note"])


def restore_balance(state: EngineState, row: Mapping[str, Scalar]) -> None:
    """Put a balance that was read back into the state."""
    state.balances[cast("str", row["asset"])] = cast("Decimal", row["total"])


def restore_inventory(state: EngineState, row: Mapping[str, Scalar]) -> None:
    """Put what of a balance did not come from fills back into the state."""
    asset = cast("str", row["asset"])
    state.openings[asset] = cast("Decimal", row["opening"])
    state.adjusted[asset] = cast("Decimal", row["adjustments"])
