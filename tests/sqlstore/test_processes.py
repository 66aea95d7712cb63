"""Real processes: who holds the store, what a kill leaves, what a full disk does."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead.errors import CommitFailed, StaleEpoch, StoreHeld
from fairlead.ports.store import JournalHead
from fairlead.testing.conformance.store_batches import Scribe, chain_hash, chained, setting
from fairlead_sqlstore import SqlReader, SqlStore, SqlStoreSettings
from tests.sqlstore import programs

KILLS = 6


@contextmanager
def running(body: str, path: Path, *arguments: int) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the block ends."""
    process = programs.start(body, path, *arguments)
    try:
        yield process
    finally:
        programs.end(process)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that is not there yet."""
    return tmp_path / "bot.sqlite"


@pytest.mark.requirement("ERR-4")
def test_a_second_kernel_is_refused_and_told_who_holds_the_store(path: Path) -> None:
    """While another process holds the store ours is refused at once with its name, and changes nothing."""

    async def scenario(process: subprocess.Popen[str]) -> None:
        with pytest.raises(StoreHeld, match=f"host pid {process.pid} started 17"):
            await SqlStore(SqlStoreSettings(path)).open("acc", "second")
        async with SqlStore.reader(path) as reader:
            assert await reader.holder() == f"host pid {process.pid} started 17"
            assert (await reader.head()).sequence == 1

    with running(programs.HOLD, path) as process:
        assert programs.line_of(process) == "holding"
        asyncio.run(scenario(process))


@pytest.mark.parametrize("how", ["killed", "closed"])
def test_the_hold_ends_with_the_process(path: Path, how: str) -> None:
    """After kill -9, as after an orderly close, the next kernel opens the store at once, one epoch later."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        opened = await store.open("acc", "next")
        assert (opened.epoch, opened.head.sequence) == (2, 1)
        await store.close()

    with running(programs.HOLD, path) as process:
        assert programs.line_of(process) == "holding"
        if how == "killed":
            process.kill()
            process.wait()
        else:
            process.communicate("go\n")
        asyncio.run(scenario())


def test_a_forked_child_does_not_keep_the_hold(path: Path) -> None:
    """A child that the bot forked and that outlives it does not keep the next kernel out."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        await store.open("acc", "next")
        await store.close()

    with running(programs.HOLD_AND_FORK, path) as process:
        child = int(programs.line_of(process))
        process.kill()
        process.wait()
        os.kill(child, 0)  # it lives
        asyncio.run(scenario())
        os.kill(child, signal.SIGKILL)


def test_kill_9_loses_nothing_confirmed(path: Path) -> None:
    """A process that commits as fast as it can is killed again and again: every confirmed batch is whole."""
    confirmed = 0
    for _ in range(KILLS):
        with running(programs.COMMIT_FOR_EVER, path) as process:
            for _ in range(20):
                confirmed = int(programs.line_of(process))
            process.kill()
            assert process.stdout is not None
            confirmed = max([confirmed, *map(int, process.stdout.read().split("\n")[:-1])])
            process.wait()
        asyncio.run(check_whole(path, confirmed))


async def check_whole(path: Path, confirmed: int) -> None:
    """Check that the file holds an unbroken journal up to at least this record, with its rows."""
    async with SqlReader(path) as reader:
        head = await reader.head()
        assert head.sequence >= confirmed
        assert await first_broken(reader) == 0
        orders = await reader.rows("orders")
        assert [row["quantity"] for row in orders] == [Decimal(n) for n in range(1, head.sequence + 1)]
        assert await reader.rows("settings") == [{"name": "counter", "value": str(head.sequence)}]
        assert [row.sequence for row in await reader.outbox(0, 10**9)] == list(range(1, head.sequence + 1))


async def first_broken(reader: SqlReader) -> int:
    """Return the first record whose hash does not follow from its bytes and its predecessor, or 0."""
    last = bytes(32)
    for each in await reader.envelopes(0, 10**9):
        computed = chain_hash(last, each.sequence, each.ts_ns, each.kind, each.version, each.payload)
        if computed != each.hash:
            return each.sequence
        last = each.hash
    return 0


def test_a_changed_byte_is_found_by_the_chain(path: Path) -> None:
    """SQLite's own check does not see a byte changed inside a payload; the chain names the record."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(payloads=[b'{"quantity":"1.5","n":%d}' % number for number in range(40)])
        await store.close()
        async with SqlReader(path) as reader:
            assert await first_broken(reader) == 0
        tamper = sqlite3.connect(path, isolation_level=None)
        tamper.execute(
            "UPDATE journal SET payload = CAST(replace(payload, '1.5', '9.5') AS BLOB) WHERE sequence = 17"
        )
        assert tamper.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tamper.close()
        async with SqlReader(path) as reader:
            assert await first_broken(reader) == 17

    asyncio.run(scenario())


@pytest.mark.requirement("TEST-6")
@pytest.mark.parametrize(("size", "told"), [(500_000, "CommitUncertain"), (5_000_000, "CommitFailed")])
def test_a_full_disk_costs_the_batch_and_nothing_else(path: Path, size: int, told: str) -> None:
    """Out of space: what was there stays, a reopen settles the batch's fate, and with room again it goes on.

    What fits SQLite's cache is written at the commit, so its failure proves nothing; more than that is
    written before, and its failure is certain.
    """
    with running(programs.RUN_OUT_OF_SPACE, path, size) as process:
        output, _ = process.communicate()

    assert output.splitlines() == [told, "kept", "True", "room again"]


@pytest.mark.requirement("ERR-4")
def test_a_deposed_kernel_cannot_write(path: Path) -> None:
    """Should two kernels ever get past the lock, the one with the older epoch writes nothing, ever again."""

    async def scenario() -> None:
        first, second = SqlStore(SqlStoreSettings(path)), SqlStore(SqlStoreSettings(path))
        deposed = await Scribe.opened(first, holder="first")
        await deposed.write(setting("by", "first"))
        first.lock_path.unlink()  # somebody "cleans up" the lock file of a running kernel
        scribe = await Scribe.opened(second, holder="second")
        with pytest.raises(StaleEpoch):
            await first.append(deposed.draft(setting("by", "late")))
        with pytest.raises(StaleEpoch, match="second"):
            await first.reopen()
        with pytest.raises(CommitFailed):
            await first.append(replace(deposed.draft(), epoch=scribe.epoch + 5))
        await scribe.write(setting("by", "second"))
        assert [row["value"] for row in await second.rows("settings")] == ["second"]
        assert await second.envelopes(1, 10) == chained(JournalHead(1, deposed.head.hash), [b"x"])
        await first.close()
        await second.close()

    asyncio.run(scenario())


def test_reading_beside_a_kernel_changes_nothing(path: Path) -> None:
    """A reader sees every commit of a live kernel, cannot write, and leaves the log of a dead one alone."""

    async def scenario(process: subprocess.Popen[str]) -> None:
        async with SqlReader(path) as reader:
            assert await reader.account() == "acc"
            assert len(await reader.envelopes(0, 10)) == 1
            assert reader._session is not None
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader._session._raw.execute("DELETE FROM journal")
        process.kill()
        process.wait()
        log = path.with_name(path.name + "-wal")
        before = log.stat().st_size
        assert before > 0
        async with SqlReader(path) as reader:
            assert len(await reader.envelopes(0, 10)) == 1
        assert log.stat().st_size == before

    with running(programs.HOLD, path) as process:
        assert programs.line_of(process) == "holding"
        asyncio.run(scenario(process))


def test_a_snapshot_stays_at_its_moment(path: Path) -> None:
    """A reader of one moment sees nothing that a live kernel commits later, and does not hold it up."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(setting("a", "1"))
        async with SqlReader(path, is_snapshot=True) as still, SqlReader(path) as following:
            head = await still.head()
            await scribe.write(setting("a", "2"))
            assert await still.rows("settings") == [{"name": "a", "value": "1"}]
            assert await still.head() == head
            assert len(await still.envelopes(0, 10)) == 1
            assert await following.rows("settings") == [{"name": "a", "value": "2"}]
            assert await following.head() == scribe.head
        await store.close()

    asyncio.run(scenario())
