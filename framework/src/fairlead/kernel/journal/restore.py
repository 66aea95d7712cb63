"""Rebuilding state from a store: live orders, positions, balances, settings, recent commands.

Finished orders stay in the store and are loaded one by one when something refers to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from fairlead.domain.changes import is_change
from fairlead.domain.closings import is_closing
from fairlead.domain.episodes import EpisodeKey
from fairlead.domain.identifiers import account_tag
from fairlead.domain.ledger import PositionKey
from fairlead.kernel.core.state import CommandEntry, EngineState
from fairlead.kernel.journal.account_rows import (
    adjustment_from_row,
    restore_balance,
    restore_inventory,
)
from fairlead.kernel.journal.change_rows import change_from_row, restore_change
from fairlead.kernel.journal.closing_rows import closing_from_row, restore_closing
from fairlead.kernel.journal.episode_rows import episode_from_row, restore_episode
from fairlead.kernel.journal.rows import (
    command_from_row,
    order_from_row,
    position_from_row,
    restore_order,
    restore_position,
    restore_setting,
)
from fairlead.ports.searches import Search
from fairlead.ports.store import Opened, Store


async def restore_state(store: Store, account: str, opened: Opened) -> EngineState:
    """Return the state at the store's head."""
    state = EngineState(account, account_tag(account))
    state.sequence = opened.head.sequence
    state.epoch = opened.epoch
    for row in await store.rows("settings"):
        restore_setting(state, cast("str", row["name"]), cast("str", row["value"]))
    await _restore_account(store, state)
    for row in await store.rows("orders", live_only=True):
        fills = await store.rows_where("fills", "client_order_id", row["client_order_id"])
        restore_order(state, order_from_row(row, fills))
    for row in await store.rows("closings", live_only=True):
        restore_closing(state, closing_from_row(row))
    for row in await store.rows("changes", live_only=True):
        restore_change(state, change_from_row(row))
    for name in state.changing:  # of a replacement the old order may be over
        await load_order(store, state, name)
    for row in await store.rows("positions", live_only=True):
        restore_position(state, position_from_row(row))
    for key in [order.key for order in state.orders.values() if order.position_id]:
        await load_position(store, state, key)
    for row in await store.rows("episodes", live_only=True):
        restore_episode(state, episode_from_row(row))
    return state


async def _restore_account(store: Store, state: EngineState) -> None:
    for row in await store.rows("balances"):
        restore_balance(state, row)
    for row in await store.rows("inventory"):
        restore_inventory(state, row)


async def load_order(store: Store, state: EngineState, client_order_id: str) -> bool:
    """Bring a finished order back into memory; return whether the store has it."""
    if client_order_id in state.orders:
        return True
    rows = await store.rows_where("orders", "client_order_id", client_order_id)
    if not rows:
        return False
    fills = await store.rows_where("fills", "client_order_id", client_order_id)
    if client_order_id not in state.orders:
        order = order_from_row(rows[0], fills)
        order.changed_monotonic_ns = state.departed.get(client_order_id, order.changed_monotonic_ns)
        restore_order(state, order)
        if order.position_id:
            await load_position(store, state, order.key)
    return True


async def load_position(store: Store, state: EngineState, key: PositionKey) -> None:
    """Bring a hedging position that is over back into memory, if the store has it and memory has not."""
    names = "symbol", "book", "position_id"
    if key in state.positions:
        return
    for row in await store.search("positions", Search(equal=tuple(zip(names, key, strict=True)))):
        if key not in state.positions:
            restore_position(state, position_from_row(row))
            state.idle[key] = None


async def load_closing(store: Store, state: EngineState, closing_id: str) -> None:
    """Bring a closing that is over back into memory, if the store has it."""
    if closing_id in state.closings:
        return
    for row in await store.rows_where("closings", "closing_id", closing_id):
        restore_closing(state, closing_from_row(row))


async def load_episode(store: Store, state: EngineState, key: EpisodeKey) -> None:
    """Bring an episode that is over back into memory, if the store has it."""
    names = "symbol", "book", "position_id", "number"
    for row in await store.search("episodes", Search(equal=tuple(zip(names, key, strict=True)))):
        if key not in state.episodes:
            restore_episode(state, episode_from_row(row))


async def load_change(store: Store, state: EngineState, change_id: str) -> None:
    """Bring a change that is over back into memory, if the store has it."""
    if change_id in state.changes:
        return
    for row in await store.rows_where("changes", "change_id", change_id):
        restore_change(state, change_from_row(row))


async def load_adjustment(store: Store, state: EngineState, entry_id: str) -> None:
    """Bring an adjustment that was booked before back into memory, if the store has it."""
    for row in await store.rows_where("adjustments", "entry_id", entry_id):
        state.adjustments.setdefault(entry_id, (adjustment_from_row(row), 0))


async def load_command(store: Store, state: EngineState, owner: str, idempotency_key: str) -> None:
    """Bring an earlier command with this key back into memory, with the order that answered it."""
    known = state.commands.get((owner, idempotency_key))
    if known is not None:
        await _load_answer(store, state, known)  # which may have left memory before its key
        return
    for row in await store.rows_where("commands", "idempotency_key", idempotency_key):
        entry = command_from_row(row)
        if entry.owner == owner:
            await _load_answer(store, state, entry)
            state.commands.setdefault((owner, idempotency_key), entry)


async def _load_answer(store: Store, state: EngineState, entry: CommandEntry) -> None:
    """Bring the order, the closing or the change that answered a command back into memory."""
    if is_closing(entry.client_order_id):
        await load_closing(store, state, entry.client_order_id)
    elif is_change(entry.client_order_id):
        await load_change(store, state, entry.client_order_id)
    elif not entry.answer:
        await load_order(store, state, entry.client_order_id)


async def stored_orders(store: Store) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Return every order's row with its rows of fills, for comparison with a fold of the journal."""
    fills: dict[object, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await store.rows("fills"):
        fills[row["client_order_id"]].append(row)
    return [(row, fills[row["client_order_id"]]) for row in await store.rows("orders")]
