"""Archives: what is over moves and can be verified, what is needed stays, a kill loses nothing."""

# ruff: noqa: ANN401 (what sqlite3 and os take)

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from fairlead import Kernel, Proposal
from fairlead.cli import archives
from fairlead.cli.archives import Archived, anchors_of, problems_of
from fairlead.cli.explain import explained
from fairlead.cli.store_access import StorePlace, open_reader
from fairlead.errors import FairleadError, JournalDamaged, StoreFault, StoreHeld, UnknownName
from fairlead.kernel.journal.archive_plan import ARCHIVED, Cut, plan_archive
from fairlead.kernel.journal.verify import verify_journal
from fairlead.ports.keeping import ArchivePlan
from fairlead.ports.store import TABLES, StoreReader
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_sqlstore import SqlReader, SqlStore, SqlStoreSettings
from fairlead_sqlstore.keeper import SqlKeeper
from tests.core.kernel.archive_story import DAY_NS, SECOND_DAY, START_NS, trade
from tests.core.kernel.bench import BTC
from tests.sqlstore.archive_story import write
from tests.sqlstore.test_upgrades import OLD, build, open_once
from tests.sqlstore.test_with_kernel import with_kernel

T = TypeVar("T")
LIVE = "dd56de411a21da4780c5f9a395c40bc9"
RECORDS = 21
"""Of the golden database: its order that is live, and how many records it has."""

LATER = Cut(START_NS + 2 * DAY_NS, START_NS)


@pytest.fixture(scope="module")
def disk() -> MemoryDisk:
    """Return a disk that a kernel traded on for three days."""
    disk = MemoryDisk()
    trade(disk)
    return disk


@pytest.fixture
def path(tmp_path: Path, disk: MemoryDisk) -> Path:
    """Return a store of SQLite with that history."""
    path = tmp_path / "bot.sqlite"
    write(disk, path)
    return path


def reading(path: Path, work: Callable[[StoreReader], Coroutine[Any, Any, T]]) -> T:
    """Run something on a reader as the command line opens one."""

    async def main() -> T:
        async with open_reader(StorePlace(path)) as reader:
            return await work(reader)

    return asyncio.run(main())


def archive(path: Path, cut: Cut = SECOND_DAY, *, is_trial: bool = False) -> Archived | None:
    """Archive as the command does."""
    return asyncio.run(archives.archive(StorePlace(path), cut, is_trial=is_trial))


async def plan_of(reader: StoreReader, cut: Cut = SECOND_DAY) -> ArchivePlan:
    """Return what would move."""
    plan = await plan_archive(reader, await anchors_of(reader), cut)
    assert plan is not None
    return plan


def whole(path: Path) -> int:
    """Return how many records store and archives hold in one chain; fail when anything is wrong."""

    async def count(reader: StoreReader) -> int:
        anchors = await anchors_of(reader)
        report = await verify_journal(reader, anchors)
        records, problems = await problems_of(reader, anchors)
        assert (report.problems, problems) == ((), [])
        assert report.head == await reader.head()
        return records + report.records

    return reading(path, count)


def rows_of(path: Path, table: str) -> list[Any]:
    """Return a table's rows."""

    async def rows(reader: StoreReader) -> list[Any]:
        return list(await reader.rows(table))

    return reading(path, rows)


def test_what_is_over_moves_and_nothing_is_lost(path: Path, disk: MemoryDisk) -> None:
    """Every row is in the store or in the archive, none in both, and the chain over both is whole."""
    before = {table.name: rows_of(path, table.name) for table in TABLES}
    done = archive(path)
    assert done is not None
    snapshots = done.rows["position_snapshots"]
    assert snapshots > 1_000
    assert {**done.rows, "position_snapshots": 0} == {
        "orders": 3,
        "fills": 2,
        "episodes": 1,
        "commands": 2,
        "position_snapshots": 0,
    }
    assert whole(path) == len(disk.envelopes)
    for table in TABLES:
        kept, moved = rows_of(path, table.name), rows_of(Path(done.archive), table.name)
        assert len(kept) + len(moved) == len(before[table.name])
        assert all(row in before[table.name] for row in (*kept, *moved))
        assert not moved or table.name in ARCHIVED


@pytest.mark.parametrize("cut", [SECOND_DAY, LATER], ids=["second_day", "later"])
def test_what_is_needed_stays(path: Path, cut: Cut) -> None:
    """Live orders, all orders and fills of open positions, and whatever a kept key answers with stay."""
    orders = {row["client_order_id"]: row for row in rows_of(path, "orders")}
    live = {name for name, row in orders.items() if row["live"]}
    keys = {
        row["client_order_id"] for row in rows_of(path, "commands") if row["created_ns"] >= cut.keys_before_ns
    }
    (open_episode,) = (row for row in rows_of(path, "episodes") if row["live"])
    open_fills = [row for row in rows_of(path, "fills") if row["episode"] == open_episode["number"]]
    needed = live | keys | {row["client_order_id"] for row in open_fills}
    assert len(open_fills) == 2
    assert archive(path, cut) is not None
    kept = {row["client_order_id"] for row in rows_of(path, "orders")}
    assert needed <= kept
    assert all(row in rows_of(path, "fills") for row in open_fills)
    assert open_episode in rows_of(path, "episodes")


def test_a_trial_changes_nothing(path: Path, tmp_path: Path) -> None:
    """It says what would move, beside a kernel too, and writes no file."""

    async def beside_a_kernel() -> Archived | None:
        store = SqlStore(SqlStoreSettings(path))
        await store.open("test", "kernel")
        try:
            return await archives.archive(StorePlace(path), SECOND_DAY, is_trial=True)
        finally:
            await store.close()

    told = asyncio.run(beside_a_kernel())
    assert told is not None
    assert told.archive == ""
    assert {file.name for file in tmp_path.iterdir()} == {"bot.sqlite", "bot.sqlite.lock"}


def test_it_needs_the_store_for_itself(path: Path) -> None:
    """While a kernel lives nothing is archived, and the refusal names it."""

    async def main() -> None:
        store = SqlStore(SqlStoreSettings(path))
        await store.open("test", "the live kernel")
        with pytest.raises(StoreHeld, match="the live kernel"):
            await archives.archive(StorePlace(path), SECOND_DAY, is_trial=False)
        await store.close()

    asyncio.run(main())


def test_archives_follow_each_other(path: Path, disk: MemoryDisk) -> None:
    """A second archive goes on where the first ended; both and the store are one chain."""
    first, second = archive(path), archive(path, LATER)
    assert first is not None
    assert second is not None
    assert second.first_sequence == first.last_sequence + 1
    assert archive(path, LATER) is None
    assert whole(path) == len(disk.envelopes)


def test_everything_may_be_archived(path: Path, disk: MemoryDisk) -> None:
    """With no record left the store still opens at its head, and goes on from there."""
    assert archive(path, Cut(START_NS + 9 * DAY_NS, START_NS)) is not None
    assert reading(path, lambda reader: reader.envelopes(0, 1)) == []
    assert whole(path) == len(disk.envelopes)

    async def main() -> None:
        store = SqlStore(SqlStoreSettings(path))
        opened = await store.open("test", "kernel")
        assert opened.head == disk.head
        await store.close()

    asyncio.run(main())


def test_a_kernel_goes_on_as_before(tmp_path: Path) -> None:
    """On an archived store a kernel knows its live order and answers as on the store it was before."""
    answers: list[tuple[object, ...]] = []
    for name in ("archived", "whole"):
        path = build(OLD[0], tmp_path / f"{name}.sqlite")
        open_once(SqlStoreSettings(path, backup_before_upgrade=False))
        if name == "archived":
            moment = reading(path, lambda reader: reader.envelopes(12, 1))[0].ts_ns + 1
            assert archive(path, Cut(moment, moment)) is not None
        before = whole(path)

        async def main(kernel: Kernel, exchange: ScriptedExchange) -> None:
            other = kernel.session(owner="other")
            live = other.order(LIVE)
            assert live is not None
            canceled = await other.cancel(LIVE)
            result = await kernel.session(owner="bot").execute(
                Proposal.buy(BTC, quantity="1", limit_price="10")
            )
            answers.append(
                (live.quantity, canceled.code, result.status, result.reasons, len(exchange.submits))
            )

        with_kernel(path, main, account="golden")
        assert whole(path) > before
    assert answers[0] == answers[1]


def test_an_archived_order_is_found(path: Path) -> None:
    """To look for it names the file that has it; in that file its story is whole."""
    done = archive(path)
    assert done is not None
    archived = rows_of(Path(done.archive), "orders")[0]["client_order_id"]
    with pytest.raises(UnknownName, match=rf"archived and is in {Path(done.archive).name}"):
        reading(path, lambda reader: explained(reader, archived))
    found = reading(Path(done.archive), lambda reader: explained(reader, archived))
    assert found.client_order_id == archived
    (live, *_) = (row["client_order_id"] for row in rows_of(path, "orders") if row["live"])
    assert (
        "archives, the last bot.sqlite.archive-1-"
        in reading(path, lambda reader: explained(reader, live)).archived
    )
    Path(done.archive).unlink()
    with pytest.raises(UnknownName, match=r"may be in bot\.sqlite\.archive-1-"):
        reading(path, lambda reader: explained(reader, archived))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE orders SET filled_quantity = '9' WHERE filled_quantity <> '0'",
        "DELETE FROM journal WHERE sequence = 3",
        "DELETE FROM outbox",
    ],
    ids=["order", "record", "outbox"],
)
def test_a_changed_archive_is_found(path: Path, damage: str) -> None:
    """One changed value anywhere in an archive is told by its digest, where no hash covers it too."""
    done = archive(path)
    assert done is not None
    connection = sqlite3.connect(done.archive, isolation_level=None)
    connection.execute(damage)
    connection.close()

    async def main(reader: StoreReader) -> list[str]:
        return (await problems_of(reader, await anchors_of(reader)))[1]

    problems = reading(path, main)
    assert len(problems) == 1
    assert "digest" in problems[0]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE anchors SET hash = x'00'", "do not match the chain"),
        ("DELETE FROM anchors", "records are missing"),
        ("UPDATE anchors SET base = '{}'", "keeps name no account"),
        ("UPDATE anchors SET base = 'no json'", "anchor keeps cannot be read"),
    ],
)
def test_a_changed_anchor_is_found(path: Path, damage: str, found: str) -> None:
    """The store goes on from the anchor's hash and rows, or verification says where it does not."""
    assert archive(path) is not None
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(damage)
    connection.close()

    async def main(reader: StoreReader) -> Sequence[str]:
        return (await verify_journal(reader, await anchors_of(reader))).problems

    problems = reading(path, main)
    assert problems
    assert any(part in problems[0] for part in found.split("|")), problems[0]


def test_damage_is_never_archived(path: Path, tmp_path: Path) -> None:
    """A store that does not verify stays whole where it is: evidence is not moved about."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE fills SET price = '101'")
    connection.close()
    with pytest.raises(JournalDamaged, match="nothing is archived: fills"):
        archive(path)
    assert not list(tmp_path.glob("*archive*"))


def test_a_store_that_moved_on_is_not_cut(path: Path) -> None:
    """A plan that was made before the store's last record takes nothing out."""

    async def main() -> None:
        async with SqlReader(path) as reader:
            plan = await plan_of(reader)
        keeper = SqlKeeper(SqlStoreSettings(path))
        await keeper.open()
        file = await keeper.write_archive(plan)
        with pytest.raises(StoreFault, match="when it was decided what moves"):
            await keeper.drop_archived(replace(plan, head=plan.head - 1), file)
        await keeper.drop_archived(plan, file)
        with pytest.raises(StoreFault, match="an archive of this store already"):
            await keeper.write_archive(plan)
        await keeper.close()

    asyncio.run(main())
    whole(path)


def die_at(step: int, path: Path, cut: Cut) -> bool:
    """Archive in a child process that ends before this step as by a kill; tell whether it got there."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_archive_until(step, path, cut))
        except FairleadError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), code
    return code == 9


async def _archive_until(last: int, path: Path, cut: Cut) -> None:
    """Run in the child: count every statement, every flush and every renaming, and die at one."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == last:
            os._exit(9)

    class Dying(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            step()
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            step()
            return super().executemany(*arguments)

    def before(call: Callable[..., T]) -> Callable[..., T]:
        def counted(*arguments: Any) -> T:
            step()
            return call(*arguments)

        return counted

    os.replace, os.fsync = before(os.replace), before(os.fsync)  # this process ends here in any case
    async with SqlReader(path) as reader:
        plan = await plan_archive(reader, await anchors_of(reader), cut)
    if plan is None:
        return
    keeper = SqlKeeper(SqlStoreSettings(path), connection_factory=Dying)
    await keeper.open()
    await keeper.drop_archived(plan, await keeper.write_archive(plan))
    await keeper.close()


def test_a_kill_at_any_step_loses_nothing(tmp_path: Path) -> None:
    """Killed before every statement, flush and renaming: the chain is whole, and a repetition ends it."""
    old = build(OLD[0], tmp_path / "old.sqlite")
    open_once(SqlStoreSettings(old, backup_before_upgrade=False))
    moment = reading(old, lambda reader: reader.envelopes(12, 1))[0].ts_ns + 1
    cut = Cut(moment, moment)
    step, reached = 0, True
    while reached:
        step += 1
        path = tmp_path / str(step) / "bot.sqlite"
        path.parent.mkdir()
        shutil.copy(old, path)
        reached = die_at(step, path, cut)
        assert whole(path) == RECORDS
        archive(path, cut)
        assert whole(path) == RECORDS
        assert [len(rows_of(path, name)) for name in ("orders", "fills", "episodes")] == [2, 0, 0]
        assert not list(path.parent.glob("*.part"))
    assert step > 30


NOTIFIER = "INSERT INTO notifiers VALUES ('hook', {mark}, 1, 'gone', 0, 0, 0, 0)"
DEAD_LETTER = "INSERT INTO deliveries VALUES ('hook', 8, 'e', 'fill', 'o', 'dead', 9, 0, '', 0, 0, 0)"
OWED = {"mark": (NOTIFIER.format(mark=7),), "dead_letter": (NOTIFIER.format(mark=9_999), DEAD_LETTER)}


@pytest.mark.parametrize("case", OWED)
def test_what_a_notifier_is_owed_stays(tmp_path: Path, disk: MemoryDisk, case: str) -> None:
    """An archive ends before what a notifier, disabled or not, was not told of, and before a dead letter."""
    path, free = tmp_path / "bot.sqlite", tmp_path / "free.sqlite"
    write(disk, path)
    write(disk, free)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in OWED[case]:
        connection.execute(statement)
    connection.close()
    kept = archive(path)
    assert kept is not None
    assert kept.last_sequence == 7
    everything = archive(free)
    assert everything is not None
    assert everything.last_sequence > 7
    assert whole(path) == whole(free) == len(disk.envelopes)
