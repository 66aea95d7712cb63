"""The history of `tests.core.kernel.archive_story` in a real file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fairlead.ports.store import GENESIS_HASH, Batch, Row
from fairlead.testing.memory_store import MemoryDisk
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from fairlead_sqlstore.tables import metadata


def write(disk: MemoryDisk, path: Path) -> None:
    """Make a SQLite store that holds what the disk holds, through the store's own appends."""

    async def main() -> None:
        store = SqlStore(SqlStoreSettings(path))
        opened = await store.open(disk.account, "kernel")
        rows = [
            Row(name, tuple(row[column] for column in row))
            for name, table in disk.tables.by_name.items()
            for row in table.all()
        ]
        batch = Batch(
            opened.epoch,
            1,
            disk.head.sequence,
            GENESIS_HASH,
            disk.head.hash,
            disk.envelopes,
            rows,
            disk.outbox,
        )
        await store.append(batch)
        await store.close()

    assert set(disk.tables.by_name) <= set(metadata.tables)
    asyncio.run(main())
