"""What one append is to the database, and what its failures are called."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.errors import (
    CommitFailed,
    CommitUncertain,
    ConfigurationRefused,
    NotRunning,
    RowRuleBroken,
    StoreFault,
)
from fairlead.testing.conformance.store_batches import Scribe, head_after, sample_row, setting
from fairlead.testing.memory_store import AppendFault
from fairlead_sqlstore import SqlReader, SqlStore, SqlStoreSettings, writing
from tests.sqlstore.sql_medium import faulty_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that is not there yet."""
    return tmp_path / "bot.sqlite"


def counting(statements: list[str]) -> type[sqlite3.Connection]:
    """Return a connection that writes down every statement it is given."""

    class Counting(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # noqa: ANN401 (as in sqlite3)
            statements.append(sql)
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401 (as in sqlite3)
            statements.append(sql)
            return super().executemany(sql, parameters)

    return Counting


@pytest.mark.requirement("PERF-3")
def test_a_batch_is_one_statement_per_table_and_one_commit(path: Path) -> None:
    """However many orders a batch holds, it costs one transaction and one prepared statement per table."""
    statements: list[str] = []

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path), connection_factory=counting(statements))
        scribe = await Scribe.opened(store)
        for size in (1, 10, 300):
            statements.clear()
            orders = [sample_row("orders", client_order_id=f"{i}", quantity=Decimal(i)) for i in range(size)]
            fills = [sample_row("fills", client_order_id=f"{i}", trade_id="t") for i in range(size)]
            interleaved = [row for pair in zip(orders, fills, strict=True) for row in pair]
            await scribe.write(*interleaved, payloads=[b"x"] * size)
            kinds = [" ".join(statement.split()[:3]) for statement in statements]
            assert kinds == [
                "BEGIN IMMEDIATE",
                "UPDATE store_state SET",
                "INSERT INTO journal",
                "INSERT INTO orders",
                "INSERT INTO fills",
                "INSERT INTO outbox",
                "COMMIT",
            ]
        await store.close()

    asyncio.run(scenario())


def test_the_writing_connection_is_durable(path: Path) -> None:
    """The settings that make a commit survive a power cut are in force on the connection that writes."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path, busy_timeout_ms=123))
        await store.open("acc", "kernel")
        assert store._session is not None
        connection = store._session._connection
        assert connection is not None
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "wal_autocheckpoint")
        }
        assert found == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 123,
            "wal_autocheckpoint": 0,
        }
        await store.close()

    asyncio.run(scenario())


@pytest.mark.requirement("TEST-6")
def test_a_database_locked_by_another_program_fails_the_batch(path: Path) -> None:
    """Another program's lock is waited for as long as set; then the batch failed, and a retry can succeed."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path, busy_timeout_ms=20))
        scribe = await Scribe.opened(store)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        batch = scribe.draft(setting("a"))
        with pytest.raises(CommitFailed, match="locked"):
            await store.append(batch)
        with pytest.raises(StoreFault, match="locked by another program"):
            await store.reopen()
        with pytest.raises(CommitFailed, match="not open"):
            await store.append(batch)
        other.execute("ROLLBACK")
        other.close()
        await scribe.reopen()
        await scribe.write(setting("a"))
        await store.close()

    asyncio.run(scenario())


@pytest.mark.requirement("TEST-6")
def test_a_commit_that_hangs_holds_everybody_until_its_fate_is_known(path: Path) -> None:
    """While a commit hangs in the disk nobody can write; reopen says so, later that it is stored."""

    async def scenario() -> None:
        store, plan = faulty_store(path, busy_timeout_ms=20)
        scribe = await Scribe.opened(store)
        batch = scribe.draft(setting("a", "1"))
        plan.hangs_at_commit = True
        task = asyncio.ensure_future(store.append(batch))
        await plan.hang_reached()
        with pytest.raises(StoreFault, match="locked"):
            await store.reopen()
        assert not task.done()
        plan.released.set()
        await task
        opened = await scribe.reopen()
        assert opened.head == head_after(batch)
        await scribe.write(setting("a", "2"))
        assert [row["value"] for row in await store.rows("settings")] == ["2"]
        await store.close()

    asyncio.run(scenario())


@pytest.mark.requirement("TEST-6")
def test_a_stored_commit_whose_answer_hangs_is_found_by_reopen(path: Path) -> None:
    """When the commit is done but its answer never comes, reopen does not wait and finds the batch."""

    async def scenario() -> None:
        store, plan = faulty_store(path)
        scribe = await Scribe.opened(store)
        batch = scribe.draft(setting("a", "1"))
        plan.fault = AppendFault.HANGS_STORED
        task = asyncio.ensure_future(store.append(batch))
        await plan.hang_reached()
        assert (await scribe.reopen()).head == head_after(batch)
        await scribe.write(setting("a", "2"))
        plan.released.set()
        await task
        await scribe.write(setting("a", "3"))
        await store.close()

    asyncio.run(scenario())


def test_a_reopen_that_was_given_up_cannot_overtake_the_next_one(path: Path) -> None:
    """A reopen that hangs and is canceled does not raise the epoch later, over the head of its successor."""

    async def scenario() -> None:
        store, plan = faulty_store(path)
        scribe = await Scribe.opened(store)
        plan.fault = AppendFault.HANGS
        given_up = asyncio.ensure_future(store.reopen())
        await plan.hang_reached()
        given_up.cancel()
        await asyncio.wait([given_up])
        await scribe.reopen()
        plan.released.set()
        for _ in range(5):
            await scribe.write()
        await store.close()

    asyncio.run(scenario())


def test_an_append_under_way_does_not_hold_up_close(path: Path) -> None:
    """Close leaves a hanging append behind, gives the hold back, and the next kernel finds the truth."""

    async def scenario() -> None:
        store, plan = faulty_store(path)
        scribe = await Scribe.opened(store)
        plan.fault = AppendFault.HANGS
        task = asyncio.ensure_future(store.append(scribe.draft()))
        await plan.hang_reached()
        await store.close()
        again = SqlStore(SqlStoreSettings(path))
        successor = await Scribe.opened(again, holder="next")
        assert successor.head.sequence == 0
        plan.released.set()
        with pytest.raises(CommitFailed):
            await task
        await successor.write()
        await again.close()

    asyncio.run(scenario())


@pytest.mark.requirement("TEST-6")
@pytest.mark.parametrize("fault", [AppendFault.UNCERTAIN_LOST, AppendFault.UNCERTAIN_STORED])
def test_an_error_around_commit_is_uncertain(path: Path, fault: AppendFault) -> None:
    """Whether the commit took or not, an error from it is never called a failure."""

    async def scenario() -> None:
        store, plan = faulty_store(path)
        scribe = await Scribe.opened(store)
        plan.fault = fault
        with pytest.raises(CommitUncertain, match="disk I/O error"):
            await store.append(scribe.draft())
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(sample_row("settings", name="\ud800"), id="lone surrogate"),
        pytest.param(sample_row("fills", sequence=2**63), id="65 bits"),
    ],
)
def test_what_sqlite_cannot_hold_fails_the_batch(path: Path, bad: Any) -> None:  # noqa: ANN401 (a Row)
    """Values that the driver refuses when it binds them fail the batch for certain, and nothing stays."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        with pytest.raises(CommitFailed):
            await store.append(scribe.draft(bad))
        assert await store.envelopes(0, 1) == []
        await scribe.write()
        await store.close()

    asyncio.run(scenario())


def test_an_outbox_id_that_was_used_fails_the_batch(path: Path) -> None:
    """An event id is for ever: a second fact under the same id is a tripwire, not an update."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        first = await scribe.write()
        batch = replace(scribe.draft(), outbox=first.outbox)
        with pytest.raises(RowRuleBroken, match=r"outbox\.event_id"):
            await store.append(batch)
        await scribe.write()
        await store.close()

    asyncio.run(scenario())


def test_the_log_is_copied_into_the_database(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log does not grow without bound: after enough rows it is copied and begun again."""
    monkeypatch.setattr(writing, "CHECKPOINT_ROWS", 50)

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        log = path.with_name(path.name + "-wal")
        for _ in range(3):
            await scribe.write(payloads=[bytes(500)] * 50)
        grown = log.stat().st_size
        for _ in range(20):
            await scribe.write(payloads=[bytes(500)] * 50)
        assert log.stat().st_size < 2 * grown
        await store.close()

    asyncio.run(scenario())


def test_calls_without_an_open_store_say_so(path: Path) -> None:
    """A look-up or reopen before the open says that the store is not open."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        with pytest.raises(NotRunning):
            await store.rows("orders")
        with pytest.raises(NotRunning):
            await store.reopen()
        with pytest.raises(ConfigurationRefused, match="cannot be opened"):
            async with SqlReader(path.with_name("none.sqlite")):
                pass

    asyncio.run(scenario())
