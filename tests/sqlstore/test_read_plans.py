"""How SQLite finds what a running kernel reads: by a key or an index, never by going through a table.

Every read is the kernel's own, through the store, or one that tools make of an id. Its statement is then
explained by SQLite itself; a table that is read as a whole shows as SCAN, whether it was asked for so or an
index is missing.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.domain.identifiers import account_tag
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.restore import (
    load_adjustment,
    load_change,
    load_closing,
    load_command,
    load_episode,
    load_order,
    load_position,
    restore_state,
)
from fairlead.ports.store import Store
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_sqlstore import SqlStore, SqlStoreSettings, tables
from tests.core.kernel.bench import BTC, OWNER, instrument, quiet_logger

ACCOUNT = "main"
KEY = "the-first"

Read = Callable[[Store, EngineState, str], Awaitable[object]]

READS: dict[str, tuple[Read, Sequence[str]]] = {
    "an order by its id, with its fills": (load_order, ("orders", "fills")),
    "a command by its key, with the order that answered it": (
        lambda store, state, _name: load_command(store, state, OWNER, KEY),
        ("commands", "orders", "fills"),
    ),
    "a closing": (load_closing, ("closings",)),
    "a change": (load_change, ("changes",)),
    "an adjustment by the venue's id of it": (load_adjustment, ("adjustments",)),
    "a hedging position": (
        lambda store, state, name: load_position(store, state, (BTC, OWNER, name)),
        ("positions",),
    ),
    "an episode": (
        lambda store, state, _name: load_episode(store, state, (BTC, OWNER, "", 1)),
        ("episodes",),
    ),
    "an order by the venue's id": (
        lambda store, _state, name: store.rows_where("orders", "venue_order_id", name),
        ("orders",),
    ),
    "a page of the journal": (lambda store, _state, _name: store.envelopes(3, 10), ("journal",)),
    "a page of the outbox": (lambda store, _state, _name: store.outbox(3, 10), ("outbox", "outbox")),
}


async def one_order(path: Path) -> str:
    """Have a kernel on the file fill one order; return its id."""
    exchange = ScriptedExchange([instrument()])
    store = SqlStore(SqlStoreSettings(path))
    settings = KernelSettings(account=ACCOUNT, on_stop="leave", allow_unchecked=True)
    async with Kernel(settings, exchange=exchange, store=store, logger=quiet_logger()) as kernel:
        bot = kernel.session(owner=OWNER)
        result = await bot.execute(Proposal.buy(BTC, quantity="1", limit_price="100"), idempotency_key=KEY)
        exchange.trade(result.client_order_id, "1", "100")
        await result.closed()
    return result.client_order_id


def read_plan(path: Path, read: Callable[[SqlStore, str], Awaitable[object]]) -> list[str]:
    """Return the steps in which SQLite answers the statements of a read, those over its tables."""
    statements: list[str] = []

    async def main() -> None:
        name = await one_order(path)
        store = SqlStore(SqlStoreSettings(path))
        await store.open(ACCOUNT, "a reader")
        session = store._reader._session
        assert session is not None
        session._raw.set_trace_callback(statements.append)
        await read(store, name)
        session._raw.set_trace_callback(None)
        await store.close()

    asyncio.run(main())
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    steps = [row[3] for each in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {each}")]
    connection.close()
    return [step for step in steps if step.split()[1] in tables.metadata.tables]


@pytest.mark.requirement("PERF-1")
@pytest.mark.parametrize("what", READS)
def test_what_a_running_kernel_reads_is_found_by_a_key(what: str, tmp_path: Path) -> None:
    """One order of a million costs what one of ten costs: each table is searched, none gone through."""
    load, searched = READS[what]
    plan = read_plan(
        tmp_path / "bot.sqlite",
        lambda store, name: load(store, EngineState(ACCOUNT, account_tag(ACCOUNT)), name),
    )
    assert [step.split()[:2] for step in plan] == [["SEARCH", table] for table in searched], plan
    assert all(" USING " in step for step in plan)


@pytest.mark.requirement("PERF-1")
def test_a_start_reads_live_rows_by_their_index(tmp_path: Path) -> None:
    """What is over is not gone through; whole are only tables that do not grow with the orders."""

    async def read(store: SqlStore, _name: str) -> None:
        await restore_state(store, ACCOUNT, await store.reopen())

    plan = read_plan(tmp_path / "bot.sqlite", read)
    whole = {step.split()[1] for step in plan if step.startswith("SCAN")}
    assert whole == {"settings", "balances", "inventory"}
    live = {step.split()[1] for step in plan if step.startswith("SEARCH") and "_live" in step}
    assert live == {"orders", "closings", "changes", "positions", "episodes"}
