"""The rows at an anchor: as bytes, and back into a state that the journal goes on from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec

from fairlead.errors import JournalDamaged
from fairlead.kernel.apply.apply import SETTING_ACCOUNT
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.account_rows import adjustment_from_row
from fairlead.kernel.journal.restore import (
    load_change,
    load_closing,
    load_episode,
    load_order,
    load_position,
    restore_state,
)
from fairlead.kernel.journal.rows import command_from_row
from fairlead.ports.searches import Search
from fairlead.ports.store import TABLES, JournalHead, Opened, Scalar, Store

Rows = Mapping[str, Iterable[Mapping[str, Scalar]]]
_encode = msgspec.json.Encoder(decimal_format="string").encode
_EMPTY: Mapping[type, Scalar] = {str: "", int: 0, Decimal: Decimal(0), bool: False}


def base_of(rows: Rows) -> bytes:
    """Return rows by table as JSON; a row is an object, decimals are text."""
    return _encode({name: list(found) for name, found in rows.items() if found})


def rows_of(base: bytes, sequence: int) -> dict[str, list[dict[str, Scalar]]]:
    """Return the rows of a base by table; raises `JournalDamaged` when it is none.

    A column that was not there when it was written is empty.
    """
    try:
        found: dict[str, list[dict[str, Any]]] = msgspec.json.decode(base)
        return {
            table.name: [
                {column.name: _value(column, row.get(column.name)) for column in table.columns}
                for row in found.get(table.name, [])
            ]
            for table in TABLES
        }
    except (msgspec.DecodeError, ArithmeticError, AttributeError, TypeError) as error:
        raise JournalDamaged(sequence, f"the rows that its anchor keeps cannot be read: {error}") from error


def _value(column: Any, value: Any) -> Scalar:  # noqa: ANN401 - what JSON holds
    if value is None:
        return None if column.optional else _EMPTY[column.kind]
    return Decimal(value) if column.kind is Decimal else cast("Scalar", value)


class _RowsStore:
    """Gives out the rows of a base as a store would; only what `restore_state` asks for."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Scalar]]]) -> None:
        self._rows = rows

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """Return rows."""
        return [row for row in self._rows[table] if not live_only or row["live"]]

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """Return rows."""
        return [row for row in self._rows[table] if row[column] == value]

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """Return rows."""
        return [row for row in self._rows[table] if all(row[name] == value for name, value in wanted.equal)]


async def state_of(rows: Mapping[str, Sequence[Mapping[str, Scalar]]], head: JournalHead) -> EngineState:
    """Return the state at an anchor, with everything in memory that a later record may refer to.

    Raises `JournalDamaged` when the rows name no account, which every kernel's first record does.
    """
    store = cast("Store", _RowsStore(rows))
    named = [str(row["value"]) for row in rows["settings"] if row["name"] == SETTING_ACCOUNT]
    if not named:
        raise JournalDamaged(head.sequence, "the rows that its anchor keeps name no account")
    state = await restore_state(store, named[0], Opened(0, head))
    for row in rows["orders"]:
        await load_order(store, state, str(row["client_order_id"]))
    for row in rows["positions"]:
        await load_position(store, state, (str(row["symbol"]), str(row["book"]), str(row["position_id"])))
    for row in rows["episodes"]:
        place = str(row["symbol"]), str(row["book"]), str(row["position_id"])
        await load_episode(store, state, (*place, cast("int", row["number"])))
    for row in rows["closings"]:
        await load_closing(store, state, str(row["closing_id"]))
    for row in rows["changes"]:
        await load_change(store, state, str(row["change_id"]))
    for row in rows["adjustments"]:
        state.adjustments[str(row["entry_id"])] = (adjustment_from_row(row), 0)
    for row in rows["commands"]:
        entry = command_from_row(row)
        state.commands[entry.owner, entry.idempotency_key] = entry
    state.dirty = type(state.dirty)()
    return state
