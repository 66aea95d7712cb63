"""Changes of orders as rows, and rows as changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.domain.changes import Change, ChangeKind
from fairlead.kernel.core.state import EngineState
from fairlead.ports.store import Row


def change_row(change: Change) -> Row:
    """Return the whole row of a change."""
    return Row.of(
        "changes",
        {
            "change_id": change.change_id,
            "kind": change.kind.value,
            "client_order_id": change.client_order_id,
            "asked_by": change.by,
            "quantity": change.quantity,
            "limit_price": change.limit_price,
            "trigger_price": change.trigger_price,
            "shrinks": change.shrinks,
            "created_ns": change.created_ns,
            "new_order_id": change.new_order_id,
            "unresolved": change.unresolved,
            "code": change.code,
            "detail": change.detail,
            "closed_ns": change.closed_ns,
            "live": not change.is_over,
        },
    )


def change_from_row(row: Mapping[str, Any]) -> Change:
    """Return the change of a row."""
    return Change(
        row["change_id"],
        ChangeKind(row["kind"]),
        row["client_order_id"],
        row["asked_by"],
        row["quantity"],
        row["limit_price"],
        row["trigger_price"],
        row["shrinks"],
        row["created_ns"],
        row["new_order_id"],
        row["unresolved"],
        row["code"],
        row["detail"],
        row["closed_ns"],
    )


def restore_change(state: EngineState, change: Change) -> None:
    """Put a change that was read back into the state."""
    state.changes[change.change_id] = change
    if not change.is_over:
        state.changing[change.new_order_id or change.client_order_id] = change
