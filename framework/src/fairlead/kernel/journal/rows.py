"""State as rows, and rows as state: the rows at sequence N are the snapshot at N."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.changes import wish_from_text
from fairlead.domain.contracts import contract_from_text
from fairlead.domain.fees import fees_from_text
from fairlead.domain.ledger import Position
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import LockPlaced
from fairlead.domain.sizing import Sizing
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.apply.account import SETTING_LISTED, SETTING_OPENED
from fairlead.kernel.apply.adoption import SETTING_ADOPTS
from fairlead.kernel.apply.apply import (
    BUDGET_PREFIX,
    CHECK_PREFIX,
    CURSOR_PREFIX,
    LOCK_PREFIX,
    SETTING_ACCOUNT,
    SETTING_BUDGET_CLOCK,
    SETTING_DAY,
    SETTING_LIMITS,
    SETTING_NETWORK,
    SETTING_REASON,
    SETTING_TRADING,
)
from fairlead.kernel.apply.commands import OWNER_PREFIX
from fairlead.kernel.apply.exposure import count_live_order, count_on_position, count_position
from fairlead.kernel.core.state import CommandEntry, Dirty, EngineState
from fairlead.kernel.journal.account_rows import adjustment_row, inventory_row
from fairlead.kernel.journal.change_rows import change_row
from fairlead.kernel.journal.closing_rows import closing_row
from fairlead.kernel.journal.episode_rows import episode_row
from fairlead.ports.store import COMMANDS, ORDERS, POSITIONS, Row, Scalar, Table

_limits_decoder = msgspec.json.Decoder(tuple[tuple[str, str], ...])
_listed_decoder = msgspec.json.Decoder(tuple[str, ...])
_lock_decoder = msgspec.json.Decoder(LockPlaced)
_level_decoder = msgspec.json.Decoder(BudgetLevel)
_exact_encoder = msgspec.json.Encoder(decimal_format="string")
_sizing_decoder = msgspec.json.Decoder(Sizing)


_ORDER_VALUES = {
    "side": "side._value_",  # the attribute itself: `value` is a descriptor written in Python, and slow
    "order_type": "order_type._value_",
    "time_in_force": "time_in_force._value_",
    "state": "state._value_",
    "pending": "pending._value_",
    "metadata": "metadata_text",
    "tags": "tags_text",
    "sizing": "sizing_text",
    "other_fees": "other_fees_text",
    "contract": "contract_text",
    "wish": "wish_text",
    "live": "state.is_live",
}
"""Where a column of an order's row comes from, unless it is the field of that name."""

_POSITION_VALUES = {"other_fees": "other_fees_text", "contract": "contract_text", "live": "is_needed"}


def _reader_of(table: Table, sources: Mapping[str, str]) -> Callable[[Any], tuple[Scalar, ...]]:
    """Return a compiled function that reads a row of the table from the fields of what it is about."""
    return attrgetter(*(sources.get(column.name, column.name) for column in table.columns))


_order_values = _reader_of(ORDERS, _ORDER_VALUES)
_position_values = _reader_of(POSITIONS, _POSITION_VALUES)
_command_values = _reader_of(COMMANDS, {})


def order_row(order: Order) -> Row:
    """Return the whole row of an order."""
    return Row("orders", _order_values(order))


def order_from_row(row: Mapping[str, Any], fills: Iterable[Mapping[str, Any]]) -> Order:
    """Return the order of a row and of its rows of fills."""
    return Order(
        row["client_order_id"],
        row["owner"], row["book"], row["symbol"],
        OrderSide(row["side"]),
        OrderType(row["order_type"]),
        TimeInForce(row["time_in_force"]),
        row["quantity"],
        row["limit_price"],
        row["reference_price"],
        row["reduces"], row["currency"],
        row["idempotency_key"],
        tuple((key, text) for key, text in msgspec.json.decode(row["metadata"])) if row["metadata"] else (),
        row["created_ns"],
        OrderState(row["state"]),
        PendingRequest(row["pending"]),
        row["pending_since_ns"],
        row["pending_asked"],
        row["venue_order_id"],
        row["triggered"],
        row["filled_quantity"],
        row["filled_value"],
        row["fees"],
        row["attempt"], row["not_before_ns"],
        row["deadline_ns"],
        row["look_up_ns"],
        row["detail"],
        row["updated_ns"],
        row["closed_ns"],
        row["denial_code"],
        {fill["trade_id"]: fill["digest"] for fill in fills},
        row["trigger_price"], row["trailing_distance"], row["trailing_rate"], row["max_slippage"],
        row["leverage"], row["expire_ns"], row["post_only"], row["reduce_only"], row["note"],
        tuple(msgspec.json.decode(row["tags"])) if row["tags"] else (),
        _sizing_decoder.decode(row["sizing"]) if row["sizing"] else None,
        fees_from_text(row["other_fees"]), contract_from_text(row["contract"]),
        row["position_id"], row["adopted"], wish_from_text(row["wish"]), row["replaces"],
    )  # fmt: skip


def position_row(position: Position) -> Row:
    """Return the whole row of a position."""
    return Row("positions", _position_values(position))


def position_from_row(row: Mapping[str, Any]) -> Position:
    """Return the position of a row."""
    return Position(
        row["symbol"],
        row["book"],
        row["currency"],
        row["quantity"],
        row["cost"],
        row["realized_pnl"],
        row["fees"],
        row["episode"],
        row["opened_ns"],
        row["closed_ns"],
        row["pending_openings"],
        row["reserved_exit"],
        fees_from_text(row["other_fees"]),
        contract_from_text(row["contract"]),
        row["position_id"],
    )


def command_row(entry: CommandEntry) -> Row:
    """Return the row of a command with an idempotency key."""
    return Row("commands", _command_values(entry))


def command_from_row(row: Mapping[str, Any]) -> CommandEntry:
    """Return the command of a row."""
    return CommandEntry(
        row["owner"],
        row["idempotency_key"],
        row["command_digest"],
        row["client_order_id"],
        row["created_ns"],
        row["answer"],
    )


_PLAIN_SETTINGS = {
    SETTING_REASON: "trading_reason",
    SETTING_ACCOUNT: "account",
    SETTING_NETWORK: "network",
    SETTING_OPENED: "inventory_ns",
}
"""Rows of the settings table that hold a field of the state as it is."""


def setting_value(state: EngineState, name: str) -> str:
    """Return the text that stands in the settings table under the name."""
    if name == SETTING_TRADING:
        return state.trading.value
    if name in _PLAIN_SETTINGS:
        return str(getattr(state, _PLAIN_SETTINGS[name]))
    if name == SETTING_LIMITS:
        return msgspec.json.encode(state.limits).decode()
    if name == SETTING_LISTED:
        return msgspec.json.encode(sorted(state.inventory_listed or ())).decode()
    if name == SETTING_ADOPTS or name.startswith(OWNER_PREFIX):
        return ""
    if name in (SETTING_BUDGET_CLOCK, SETTING_DAY):
        return " ".join(map(str, getattr(state, name)))  # each is the field of that name
    if name.startswith(CURSOR_PREFIX):
        return state.cursors[name.removeprefix(CURSOR_PREFIX)]
    if name.startswith(CHECK_PREFIX):
        return state.check_values[name.removeprefix(CHECK_PREFIX)]
    if name.startswith(BUDGET_PREFIX):
        return _exact_encoder.encode(state.budgets[name.removeprefix(BUDGET_PREFIX)]).decode()
    return msgspec.json.encode(state.locks[name.removeprefix(LOCK_PREFIX)]).decode()


def restore_setting(state: EngineState, name: str, value: str) -> None:
    """Put a row of the settings table back into the state."""
    if name == SETTING_TRADING:
        state.trading = TradingState(value)
    elif name == SETTING_REASON:
        state.trading_reason = value
    elif name == SETTING_LIMITS:
        state.limits = _limits_decoder.decode(value)
    elif name == SETTING_NETWORK:
        state.network = value
    elif name == SETTING_ADOPTS:
        state.adopts = True
    elif name == SETTING_OPENED:
        state.inventory_ns = int(value)
    elif name == SETTING_LISTED:
        state.inventory_listed = frozenset(_listed_decoder.decode(value))
    elif name in (SETTING_BUDGET_CLOCK, SETTING_DAY):
        first, second = value.split()
        setattr(state, name, (int(first), int(second)))  # each is the field of that name
    else:
        _restore_named(state, name, value)


def _restore_named(state: EngineState, name: str, value: str) -> None:
    """Put back one of several: an owner, a cursor, a check's value, a lock, a budget."""
    if name.startswith(OWNER_PREFIX):
        state.owners[name.removeprefix(OWNER_PREFIX)] = None
    elif name.startswith(CURSOR_PREFIX):
        state.cursors[name.removeprefix(CURSOR_PREFIX)] = value
    elif name.startswith(CHECK_PREFIX):
        state.check_values[name.removeprefix(CHECK_PREFIX)] = value
    elif name.startswith(LOCK_PREFIX):
        state.locks[name.removeprefix(LOCK_PREFIX)] = _lock_decoder.decode(value)
    elif name.startswith(BUDGET_PREFIX):
        state.budgets[name.removeprefix(BUDGET_PREFIX)] = _level_decoder.decode(value)


def dirty_rows(state: EngineState, dirty: Dirty) -> list[Row]:
    """Return the rows that changed, each as it is now."""
    rows = [order_row(state.orders[name]) for name in dirty.orders]
    rows.extend(dirty.fills)
    rows.extend(dirty.snapshots)
    rows.extend(position_row(state.positions[key]) for key in dirty.positions)
    rows.extend(episode_row(state.episodes[key]) for key in dirty.episodes)
    rows.extend(Row("balances", (asset, state.balances[asset])) for asset in dirty.balances)
    rows.extend(inventory_row(state, asset) for asset in dirty.inventory)
    rows.extend(adjustment_row(*state.adjustments[name]) for name in dirty.adjustments)
    rows.extend(command_row(entry) for entry in dirty.commands)
    rows.extend(Row("settings", (name, setting_value(state, name))) for name in dirty.settings)
    rows.extend(change_row(state.changes[name]) for name in dirty.changes)
    rows.extend(closing_row(state.closings[name]) for name in dirty.closings)
    return rows


def restore_order(state: EngineState, order: Order) -> None:
    """Put an order that was read back into the state."""
    state.orders[order.client_order_id] = order
    count_on_position(state, order)
    if order.state.is_live:
        count_live_order(state, order)
    else:
        state.finished[order.client_order_id] = 0  # whatever is read from the store is durable


def restore_position(state: EngineState, position: Position) -> None:
    """Put a position that was read back into the state."""
    state.positions[position.key] = position
    count_position(state, position)
