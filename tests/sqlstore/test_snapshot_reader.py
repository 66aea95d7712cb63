"""The reader that the plugin gives to tools: one moment of a store, beside a kernel that goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import ConfigurationRefused, NotRunning
from fairlead.ports.store import StoreReader
from fairlead.testing.conformance.store_batches import Scribe, setting
from fairlead_sqlstore import SqlStore, SqlStorePlugin, SqlStoreSettings, plugin
from tests.sqlstore.test_plugin import context_with


def readers_of(path: Path) -> list[StoreReader]:
    """Return the readers of the module's hook and of the plugin object's."""
    configuration: dict[str, Any] = {"path": str(path)}
    return [
        *plugin.fairlead_store_readers(context_with(configuration)),
        *SqlStorePlugin(SqlStoreSettings(path)).fairlead_store_readers(context_with({})),
    ]


def test_a_reader_sees_one_moment_of_a_store_that_goes_on(tmp_path: Path) -> None:
    """Rows, records and head belong together, whatever is committed meanwhile; a new reader sees that."""

    async def seen(reader: StoreReader) -> tuple[str, int, int, int]:
        rows = await reader.rows("settings")
        head = await reader.head()
        return await reader.account(), head.sequence, len(rows), len(await reader.envelopes(0, 100))

    async def main() -> None:
        store = SqlStore(SqlStoreSettings(tmp_path / "bot.sqlite"))
        scribe = await Scribe.opened(store)
        await scribe.write(setting("one"), payloads=[b"1"])
        before, other = readers_of(tmp_path / "bot.sqlite")
        await before.open()
        await scribe.write(setting("two"), payloads=[b"2"])
        assert await seen(before) == ("acc", 1, 1, 1)
        await other.open()
        assert await seen(other) == ("acc", 2, 2, 2)
        assert [row["name"] for row in await other.rows_where("settings", "name", "two")] == ["two"]
        for reader in (before, other):
            await reader.close()
            await reader.close()
            with pytest.raises(NotRunning):
                await reader.head()
        await store.close()

    asyncio.run(main())


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    """Where there is no store it refuses, and leaves nothing behind."""

    async def main() -> None:
        for reader in readers_of(tmp_path / "none.sqlite"):
            with pytest.raises(ConfigurationRefused):
                await reader.open()

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []
