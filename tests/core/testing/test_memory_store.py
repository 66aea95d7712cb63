"""What the memory store adds to the port: crash points, damage, and a disk that outlives the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from decimal import Decimal
from enum import Enum

import pytest
from msgspec.structs import replace

from fairlead.errors import CommitFailed, RowRuleBroken, StaleEpoch
from fairlead.ports.store import Batch, Row, Scalar
from fairlead.testing.conformance.store_batches import Scribe, everything, head_after, sample_row, setting
from fairlead.testing.memory_store import (
    AFTER_DURABLE,
    BEFORE_DURABLE,
    AppendFault,
    MemoryDisk,
    MemoryStore,
    yield_to_loop,
)


class PowerCutError(BaseException):
    """What a simulated crash raises inside a call."""


def cut_at(label: str) -> MemoryStore:
    """Return a store that loses power at the crash point."""
    disk = MemoryDisk()

    def at(reached: str) -> None:
        if reached == label:
            disk.lose_process()
            raise PowerCutError

    return MemoryStore(disk, at=at)


@pytest.mark.parametrize(("label", "stored"), [(BEFORE_DURABLE, 0), (AFTER_DURABLE, 1)])
def test_a_crash_point_splits_the_append(label: str, stored: int) -> None:
    """Power lost before the durable instant loses the whole batch, after it loses only the answer."""

    async def scenario() -> None:
        store = cut_at(label)
        scribe = await Scribe.opened(store)
        with pytest.raises(PowerCutError):
            await store.append(scribe.draft(setting("a")))
        again = MemoryStore(store.disk)
        opened = await again.open("acc", "next")
        assert opened.head.sequence == len(await again.rows("settings")) == stored

    asyncio.run(scenario())


def test_other_tasks_run_before_and_after_the_durable_instant() -> None:
    """An append gives way on both sides, so that a simulation can let anything happen there."""

    async def scenario() -> None:
        seen: list[str] = []
        store = MemoryStore(at=seen.append)
        scribe = await Scribe.opened(store)
        task = asyncio.ensure_future(store.append(scribe.draft()))
        steps = [(list(seen), store.disk.head.sequence)]
        while not task.done():
            await yield_to_loop()
            steps.append((list(seen), store.disk.head.sequence))
        assert ([], 0) in steps[1:]
        assert ([BEFORE_DURABLE], 1) in steps
        assert seen == [BEFORE_DURABLE, AFTER_DURABLE]

    asyncio.run(scenario())


def test_a_copied_disk_shares_nothing() -> None:
    """A copy is the disk at that instant; neither side sees what the other writes later."""

    async def scenario() -> None:
        store = MemoryStore()
        scribe = await Scribe.opened(store)
        await scribe.write(setting("a", "1"))
        twin = MemoryStore(store.disk.copy())
        before = await everything(twin)
        other = Scribe(twin, await twin.open("acc", "twin"))
        await scribe.write(setting("a", "2"))
        assert await everything(twin) == before
        await other.write(setting("a", "3"))
        assert await store.rows("settings") == [{"name": "a", "value": "2"}]

    asyncio.run(scenario())


def test_an_event_id_is_told_once_on_a_copy_too() -> None:
    """The memory store refuses a used event id, as the SQL store does, also after a copy."""

    async def scenario() -> None:
        store = MemoryStore()
        scribe = await Scribe.opened(store)
        first = await scribe.write()
        twin = MemoryStore(store.disk.copy())
        for each in (scribe, Scribe(twin, await twin.open("acc", "twin"))):
            batch = replace(each.draft(), outbox=first.outbox)
            with pytest.raises(RowRuleBroken, match="event_id"):
                await each.store.append(batch)

    asyncio.run(scenario())


def test_a_stored_append_may_hang() -> None:
    """With `HANGS_STORED` the batch is durable though nobody is told, which reopen finds out."""

    async def scenario() -> None:
        store = MemoryStore(faults=lambda _: AppendFault.HANGS_STORED)
        scribe = await Scribe.opened(store)
        batch = scribe.draft()
        task = asyncio.ensure_future(store.append(batch))
        while not store.hanging:
            await yield_to_loop()
        assert (await store.reopen()).head == head_after(batch)
        store.release()
        await task

    asyncio.run(scenario())


def test_faults_are_asked_for_every_append() -> None:
    """The plan of faults sees each batch, once, and decides for it alone."""

    async def scenario() -> None:
        asked: list[int] = []

        def plan(batch: Batch) -> AppendFault | None:
            asked.append(batch.first_sequence)
            return AppendFault.FAILS if len(asked) == 2 else None

        store = MemoryStore(faults=plan)
        scribe = await Scribe.opened(store)
        await scribe.write()
        with pytest.raises(CommitFailed):
            await store.append(scribe.draft())
        await scribe.write()
        assert asked == [1, 2, 2]

    asyncio.run(scenario())


def test_a_row_is_copied_when_it_is_read() -> None:
    """What a reader does with a row is no hole into the disk; a writer's row cannot change."""

    async def scenario() -> None:
        store = MemoryStore()
        scribe = await Scribe.opened(store)
        row = sample_row("balances", asset="BTC", total=Decimal(1))
        await scribe.write(row)
        (await store.rows("balances"))[0]["total"] = Decimal(3)  # type: ignore[index] # a dict in fact
        assert await store.rows("balances") == [{"asset": "BTC", "total": Decimal(1)}]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "values", [{"asset": "BTC"}, {"asset": "BTC", "sum": 1}, {"asset": "BTC", "total": 1, "sum": 1}]
)
def test_a_row_is_made_of_its_columns_and_nothing_else(values: dict[str, Scalar]) -> None:
    """What is missing, misspelled or too much is refused, not dropped; what fits stands in column order."""
    with pytest.raises(KeyError):
        Row.of("balances", values)
    row = Row.of("balances", {"total": Decimal(1), "asset": "BTC"})
    assert row == Row("balances", ("BTC", Decimal(1)))
    assert row.named() == {"asset": "BTC", "total": Decimal(1)}


class Side(str, Enum):  # noqa: UP042 (the shape of the domain's own enumerations)
    """An enumeration of text, as the domain has them."""

    BUY = "buy"


def test_an_enumerations_text_is_stored_as_text() -> None:
    """A member of a text enumeration comes back as the text that a database would have kept."""

    async def scenario() -> None:
        store = MemoryStore()
        scribe = await Scribe.opened(store)
        await scribe.write(sample_row("fills", side=Side.BUY))
        (found,) = await store.rows("fills")
        assert found["side"] == "buy"
        assert type(found["side"]) is str

    asyncio.run(scenario())


def test_an_index_follows_the_rows() -> None:
    """A look-up that was asked before sees rows that were added, changed and changed back since."""

    async def scenario() -> None:
        store = MemoryStore()
        scribe = await Scribe.opened(store)
        for value, found in (("x", 1), ("y", 0), ("x", 1), ("x", 1)):
            await scribe.write(setting("a", value))
            assert len(await store.rows_where("settings", "value", "x")) == found

    asyncio.run(scenario())


def test_a_process_that_lost_the_disk_cannot_reopen_it() -> None:
    """A process that is dead for the disk stays so, whatever it tries."""

    async def scenario() -> None:
        store = MemoryStore()
        await store.open("acc", "one")
        store.disk.lose_process()
        with pytest.raises(StaleEpoch):
            await store.reopen()

    asyncio.run(scenario())


def test_importing_the_testing_package_needs_no_pytest() -> None:
    """`fairlead.testing` and the memory store can be used where pytest is not installed."""
    program = "import sys, fairlead.testing, fairlead.testing.memory_store; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "False"
