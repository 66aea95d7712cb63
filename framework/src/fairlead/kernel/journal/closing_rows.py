"""Closings as rows, and rows as closings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.domain.closings import Closing
from fairlead.kernel.core.state import EngineState
from fairlead.ports.store import Row


def closing_row(closing: Closing) -> Row:
    """Return the whole row of a closing."""
    return Row.of(
        "closings",
        {
            "closing_id": closing.closing_id,
            "asked_by": closing.by,
            "symbol": closing.symbol,
            "book": closing.book,
            "operator": closing.operator,
            "cancel_entries": closing.cancel_entries,
            "cancel_exits": closing.cancel_exits,
            "limit_price": closing.limit_price,
            "held": closing.held,
            "exit_order_id": closing.exit_order_id,
            "code": closing.code,
            "detail": closing.detail,
            "quantity_left": closing.quantity_left,
            "realized_pnl": closing.realized_pnl,
            "fees": closing.fees,
            "exits": closing.exits,
            "due_ns": closing.due_ns,
            "episode": closing.episode,
            "created_ns": closing.created_ns,
            "closed_ns": closing.closed_ns,
            "live": not closing.is_over,
            "position_id": closing.position_id,
        },
    )


def closing_from_row(row: Mapping[str, Any]) -> Closing:
    """Return the closing of a row."""
    return Closing(
        row["closing_id"],
        row["asked_by"],
        row["symbol"],
        row["book"],
        row["operator"],
        row["cancel_entries"],
        row["cancel_exits"],
        row["limit_price"],
        row["held"],
        row["created_ns"],
        row["exit_order_id"],
        row["exits"],
        row["due_ns"],
        row["code"],
        row["detail"],
        row["quantity_left"],
        row["realized_pnl"],
        row["fees"],
        row["episode"],
        row["closed_ns"],
        row["position_id"],
    )


def restore_closing(state: EngineState, closing: Closing) -> None:
    """Put a closing that was read back into the state."""
    state.closings[closing.closing_id] = closing
    if not closing.is_over:
        state.closing[closing.key] = closing
