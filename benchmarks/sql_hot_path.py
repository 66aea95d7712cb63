"""How long a store takes for a batch of 256 orders, and what other ways of writing it would take.

    python benchmarks/sql_hot_path.py FOLDER

FOLDER lies on the disk to be measured and is empty. A batch is what 256 orders make in one group commit:
4 records, 4 outbox rows, an order and a fill each, and 20 positions. "busy" means that the event loop
computes all the time beside the write, as it does under load; both need the interpreter. aiosqlite is
measured when it is installed.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import importlib.util
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert
from sqlalchemy.pool import StaticPool

from fairlead.ports.store import Batch, JournalHead, Opened, OutboxRow, Row, Scalar, Store
from fairlead.testing.conformance.store_batches import START_NS, chained, head_after, sample_row
from fairlead.testing.memory_store import MemoryStore
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from fairlead_sqlstore.connecting import connect, prepare_for_writing
from fairlead_sqlstore.schema import bring_to_head
from fairlead_sqlstore.statements import Write, writes_of
from fairlead_sqlstore.tables import metadata

ORDERS = 256
RECORDS = 4
POSITIONS = 20
BATCHES = 40
PAYLOAD = b'{"client_order_id":"%s","figures":"' + b"0.12345678," * 20 + b'"}'

drawn = random.Random(7)


def identifier() -> str:
    return f"{drawn.getrandbits(128):032x}"


def order_row(name: str, exact: Decimal) -> Row:
    return sample_row(
        "orders",
        client_order_id=name,
        owner="bot",
        book="bot",
        symbol="BTC/USDT",
        side="buy",
        order_type="limit",
        time_in_force="gtc",
        state="filled",
        quantity=exact,
        limit_price=exact,
        reference_price=exact,
        currency="USDT",
        idempotency_key=name,
        pending="none",
        venue_order_id=name[::-1],
        filled_quantity=exact,
        filled_value=exact,
        fees=exact,
        created_ns=START_NS,
        updated_ns=START_NS,
        closed_ns=START_NS,
    )


def fill_row(name: str, exact: Decimal) -> Row:
    return sample_row(
        "fills",
        client_order_id=name,
        trade_id=name[:16],
        symbol="BTC/USDT",
        book="bot",
        side="buy",
        quantity=exact,
        price=exact,
        value=exact,
        fee=exact,
        currency="USDT",
        liquidity="maker",
        digest=hashlib.sha256(name.encode()).hexdigest(),
        source="stream",
        ts_event=START_NS,
    )


def make_batch(opened: Opened) -> Batch:
    names = [identifier() for _ in range(ORDERS)]
    envelopes = chained(opened.head, [PAYLOAD % name.encode() for name in names for _ in range(RECORDS)])
    exact = Decimal("1234.12345678")
    rows = [make(name, exact) for name in names for make in (order_row, fill_row)]
    rows += [
        sample_row("positions", symbol=f"S{number}/USDT", book="bot", currency="USDT")
        for number in range(POSITIONS)
    ]
    outbox = [
        OutboxRow(f"acc-{each.sequence}", each.sequence, each.kind, names[number // RECORDS])
        for number, each in enumerate(envelopes)
    ]
    head = opened.head
    last = envelopes[-1]
    return Batch(
        opened.epoch, head.sequence + 1, last.sequence, head.hash, last.hash, envelopes, rows, outbox
    )


def make_batches(opened: Opened) -> list[Batch]:
    batches = []
    for _ in range(BATCHES):
        batches.append(make_batch(opened))
        opened = Opened(opened.epoch, head_after(batches[-1]))
    return batches


def report(name: str, took: Sequence[float]) -> None:
    ordered = sorted(took)
    middle = statistics.median(ordered)
    print(
        f"{name:<46} p50 {middle * 1e3:6.1f} ms   p90 {ordered[len(ordered) * 9 // 10] * 1e3:6.1f} ms"
        f"   worst {ordered[-1] * 1e3:6.1f} ms   {ORDERS / middle:8,.0f} orders/s"
    )


async def keep_busy(stop: asyncio.Event) -> None:
    while not stop.is_set():
        sum(range(20_000))
        await asyncio.sleep(0)


async def measured(name: str, write: Callable[[Batch], Awaitable[object]], batches: Sequence[Batch]) -> None:
    for busy in (False, True):
        stop = asyncio.Event()
        work = asyncio.create_task(keep_busy(stop)) if busy else None
        took = []
        for batch in batches[: BATCHES // 2] if not busy else batches[BATCHES // 2 :]:
            begun = time.perf_counter()
            await write(batch)
            took.append(time.perf_counter() - begun)
        stop.set()
        if work is not None:
            await work
        report(f"{name}, {'busy' if busy else 'idle'}", took)


async def measure_store(name: str, store: Store) -> None:
    opened = await store.open("acc", "benchmark")
    await measured(name, store.append, make_batches(opened))
    await store.close()


def ready(path: Path) -> sqlite3.Connection:
    connection = connect(path, mode="rwc", busy_timeout_ms=5_000)
    prepare_for_writing(connection, path)
    connection.execute("PRAGMA wal_autocheckpoint=1000")
    bring_to_head(connection, path)
    return connection


def in_thread(write: Callable[[Batch], None]) -> Callable[[Batch], Awaitable[None]]:
    def started(batch: Batch) -> Awaitable[None]:
        return asyncio.to_thread(write, batch)

    return started


def many_rows_at_once(connection: sqlite3.Connection, batch: Batch, size: int = 64) -> None:
    """Write up to 64 rows per statement: the interpreter's lock is given up once per 64 rows."""
    connection.execute("BEGIN IMMEDIATE")
    for sql, parameters in writes_of(batch):
        before, _, after = sql.partition("VALUES (")
        marks, _, tail = after.partition(")")
        for begin in range(0, len(parameters), size):
            part = parameters[begin : begin + size]
            values = ", ".join([f"({marks})"] * len(part))
            connection.execute(f"{before}VALUES {values}{tail}", list(chain.from_iterable(part)))
    connection.execute("COMMIT")


async def through_aiosqlite(connection: Any, writes: Sequence[Write]) -> None:  # noqa: ANN401 (optional)
    await connection.execute("BEGIN IMMEDIATE")
    for sql, parameters in writes:
        await connection.executemany(sql, parameters)
    await connection.execute("COMMIT")


class CoreWriter:
    """The same batch through `Connection.execute` of SQLAlchemy Core."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        self.connection = engine.connect()

    def write(self, batch: Batch) -> None:
        connection = self.connection
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        fields = ("sequence", "ts_ns", "kind", "version", "payload", "hash")
        journal = [{name: getattr(each, name) for name in fields} for each in batch.envelopes]
        connection.execute(insert(metadata.tables["journal"]), journal)
        grouped: dict[str, list[dict[str, Scalar]]] = {}
        for row in batch.rows:
            grouped.setdefault(row.table, []).append(row.named())
        for name, rows in grouped.items():
            connection.execute(insert(metadata.tables[name]).prefix_with("OR REPLACE"), rows)
        told = ("event_id", "sequence", "kind", "subject")
        outbox = [{name: getattr(each, name) for name in told} for each in batch.outbox]
        connection.execute(insert(metadata.tables["outbox"]), outbox)
        connection.exec_driver_sql("COMMIT")


async def main(folder: Path) -> None:
    await measure_store("memory store", MemoryStore())
    await measure_store("SqlStore (executemany in a thread)", SqlStore(SqlStoreSettings(folder / "a.sqlite")))
    fresh = make_batches(Opened(1, JournalHead(0, bytes(32))))
    raw = ready(folder / "b.sqlite")
    await measured("64 rows per statement in a thread", in_thread(partial(many_rows_at_once, raw)), fresh)
    raw.close()
    raw = ready(folder / "c.sqlite")
    writer = CoreWriter(raw)
    await measured("Core execute in a thread", in_thread(writer.write), fresh)
    raw.close()
    if importlib.util.find_spec("aiosqlite"):
        await measure_aiosqlite(folder / "d.sqlite", fresh)


async def measure_aiosqlite(path: Path, batches: Sequence[Batch]) -> None:
    ready(path).close()
    library: Any = importlib.import_module("aiosqlite")
    async with library.connect(path, isolation_level=None) as connection:
        await connection.execute("PRAGMA synchronous=FULL")
        await measured(
            "aiosqlite, executemany", lambda b: through_aiosqlite(connection, writes_of(b)), batches
        )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
