"""The store of JSON lines keeps every rule for stores, and reads what a power failure left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from io import FileIO
from pathlib import Path
from typing import ClassVar

import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.ports.store import Store
from fairlead.testing.conformance.store import StoreConformance
from fairlead.testing.conformance.store_batches import Scribe, setting
from fairlead.testing.conformance.store_medium import PlannedFault, StoreMedium
from fairlead.testing.memory_store import AppendFault
from line_store.store import LineReader, LineStore


class FailingStore(LineStore):
    """Its disk refuses, loses or does not confirm the next batch, as planned."""

    fault: AppendFault | None = None

    def write(self, file: FileIO, data: bytes) -> None:
        """Write half of it, then fail, when that is planned."""
        if self.fault is AppendFault.FAILS:
            self.fault = None
            super().write(file, data[: len(data) // 2])
            raise OSError("no space left on device")
        super().write(file, data)

    def flush(self, file: FileIO) -> None:
        """Lose the last line or keep it, and fail, when that is planned."""
        fault, self.fault = self.fault, None
        if fault is AppendFault.UNCERTAIN_LOST:
            data = self.path.read_bytes()
            file.truncate(data[:-1].rfind(b"\n") + 1)
        if fault is not None:
            raise OSError("input/output error")
        super().flush(file)


class LineMedium(StoreMedium):
    """One file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def new_store(self) -> FailingStore:
        """Return another store on the file."""
        return FailingStore(self.path)

    async def kill(self, store: Store) -> None:
        """The system closes a dead process's files, and with them goes the lock."""
        assert isinstance(store, LineStore)
        for handle in (store.file, store.hold):
            assert handle is not None
            handle.close()

    def plan_fault(self, store: Store, fault: AppendFault) -> PlannedFault:
        """Let the next append go wrong."""
        assert isinstance(store, FailingStore)
        store.fault = fault
        return PlannedFault(_nothing_to_wait_for, lambda: None)


async def _nothing_to_wait_for() -> None:
    """No append of this store hangs: it does not give the loop away."""


class TestLineStore(StoreConformance):
    """The rules. A hanging append cannot be played: the loop stands while the disk works."""

    faults: ClassVar[frozenset[AppendFault]] = frozenset(
        {AppendFault.FAILS, AppendFault.UNCERTAIN_LOST, AppendFault.UNCERTAIN_STORED}
    )

    def medium_at(self, folder: Path) -> StoreMedium:
        """Return a file of the folder."""
        return LineMedium(folder / "bot.lines")


def written(path: Path, then: Callable[[Scribe], Awaitable[None]] | None = None) -> Scribe:
    """Write three batches, close, and return who wrote them."""

    async def main() -> Scribe:
        store = LineStore(path)
        scribe = await Scribe.opened(store)
        for number in range(3):
            await scribe.write(setting("counter", str(number)))
        if then is not None:
            await then(scribe)
        await store.close()
        return scribe

    return asyncio.run(main())


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_was_cut_was_never_confirmed(tmp_path: Path, cut: int) -> None:
    """A power failure in the middle of a write leaves the batches before it, and the store goes on there."""
    path = tmp_path / "bot.lines"
    whole = written(path).head
    path.write_bytes(path.read_bytes() + b'{"batch":{"last_sequence":4,"head_hash"'[:cut])

    async def main() -> None:
        store = LineStore(path)
        opened = await store.open("acc", "kernel two")
        assert (opened.epoch, opened.head) == (2, whole)
        await store.close()

    asyncio.run(main())
    assert path.read_bytes().endswith(b'{"epoch":2}\n')


def test_a_damaged_line_in_the_middle_is_refused(tmp_path: Path) -> None:
    """What was confirmed and cannot be read is said, and the file stays as it is."""
    path = tmp_path / "bot.lines"
    written(path)
    damaged = path.read_bytes().replace(b'"batch"', b'"botch":', 1)
    path.write_bytes(damaged)

    with pytest.raises(ConfigurationRefused, match="cannot be read behind byte"):
        asyncio.run(LineStore(path).open("acc", "kernel two"))
    assert path.read_bytes() == damaged


def test_a_reader_sees_the_moment_at_which_it_was_opened(tmp_path: Path) -> None:
    """Beside a live store it reads what was confirmed, and nothing that comes later."""
    path = tmp_path / "bot.lines"

    async def look(scribe: Scribe) -> None:
        reader = LineReader(path)
        await reader.open()
        head = scribe.head
        await scribe.write(setting("counter", "9"))
        assert await reader.account() == "acc"
        assert await reader.head() == head
        assert await reader.rows("settings") == [{"name": "counter", "value": "2"}]

    written(path, look)
    with pytest.raises(ConfigurationRefused, match="There is no store"):
        asyncio.run(LineReader(tmp_path / "none.lines").open())
