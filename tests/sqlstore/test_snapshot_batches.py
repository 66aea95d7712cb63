"""Snapshots reach the database in batches: counted in statements, not in time."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.domain.snapshots import PositionSnapshot
from fairlead.kernel.core.fill_rows import snapshot_row
from fairlead.testing.conformance.store_batches import Scribe
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from fairlead_sqlstore.statements import writes_of


def snapshot(number: int) -> PositionSnapshot:
    """Return one of many snapshots."""
    return PositionSnapshot(
        "BTC/USDT", "bot", "", number, 1, "USDT", Decimal(1), Decimal(100), Decimal(0), Decimal(0),
        Decimal("101.5"), Decimal("1.5"), 7, price_usable=True,
    )  # fmt: skip


@pytest.mark.requirement("PERF-3")
def test_a_hundred_snapshots_are_one_insert_and_one_transaction(tmp_path: Path) -> None:
    """One statement with a hundred rows, in one commit; and every row is there to the last digit."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(tmp_path / "kernel.sqlite"))
        scribe = await Scribe.opened(store)
        try:
            rows = [snapshot_row(snapshot(number), 5) for number in range(100)]
            batch = scribe.draft(*rows)
            inserts = [given for sql, given in writes_of(batch) if "position_snapshots" in sql]
            assert [len(given) for given in inserts] == [100]
            await scribe.write(*rows)
            assert list(await store.rows("position_snapshots")) == [row.named() for row in rows]
        finally:
            await store.close()

    asyncio.run(scenario())
