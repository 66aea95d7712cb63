"""What may move to an archive, and that the journal is whole on both sides of the cut."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from fairlead.domain.trading_state import TradingState
from fairlead.errors import JournalDamaged
from fairlead.kernel.journal.archive_plan import (
    ARCHIVED,
    Candidates,
    Cut,
    Key,
    Row,
    _keep_what_is_needed,
    plan_archive,
)
from fairlead.kernel.journal.base_rows import base_of, rows_of
from fairlead.kernel.journal.verify import differences, fold_journal, key_of, verify_journal
from fairlead.ports.keeping import Anchor, ArchivePlan
from fairlead.ports.store import GENESIS_HASH, TABLES, JournalHead, Scalar
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from tests.core.kernel.accounting import accountant, happens
from tests.core.kernel.archive_story import DAY_NS, SECOND_DAY, START_NS, trade
from tests.core.kernel.bench import BTC, Bench, on_bench

EVERYTHING = Cut(START_NS + 9 * DAY_NS, START_NS + 9 * DAY_NS)
KEYS_STAY = Cut(START_NS + 9 * DAY_NS, START_NS)


@pytest.fixture(scope="module")
def history() -> MemoryDisk:
    """Return a disk that a kernel traded on for three days."""
    disk = MemoryDisk()
    trade(disk)
    return disk


def planned(disk: MemoryDisk, cut: Cut, anchors: Sequence[Anchor] = ()) -> ArchivePlan | None:
    """Return what would move."""
    return asyncio.run(plan_archive(MemoryStore(disk), anchors, cut))


def moved(disk: MemoryDisk, plan: ArchivePlan) -> MemoryDisk:
    """Carry the plan out: take what it names off the disk, and return it as a disk of its own."""
    archive, anchor = MemoryDisk(disk.account), plan.anchor
    archive.envelopes = [each for each in disk.envelopes if each.sequence <= anchor.sequence]
    archive.head = JournalHead(anchor.sequence, anchor.hash)
    disk.envelopes = disk.envelopes[len(archive.envelopes) :]
    for name, keys in plan.rows.items():
        for key in keys:
            archive.tables.by_name[name].rows[key] = disk.tables.by_name[name].rows.pop(key)
    return archive


def problems(disk: MemoryDisk, *anchors: Anchor) -> tuple[str, ...]:
    """Verify a disk."""
    return asyncio.run(verify_journal(MemoryStore(disk), anchors)).problems


@pytest.mark.parametrize("cut", [SECOND_DAY, KEYS_STAY, EVERYTHING], ids=["day", "keys_stay", "everything"])
def test_both_sides_of_the_cut_are_whole(history: MemoryDisk, cut: Cut) -> None:
    """Chain, fold and rows of the rest agree from the anchor on, and those of the archive up to it."""
    rest = history.copy()
    plan = planned(rest, cut)
    assert plan is not None
    assert set(plan.rows) <= set(ARCHIVED)
    archive = moved(rest, plan)
    assert problems(rest, plan.anchor) == ()
    assert problems(archive, plan.anchor) == ()
    assert plan.head == history.head.sequence


def test_a_second_archive_goes_on_from_the_first(history: MemoryDisk) -> None:
    """Its records begin where the first ended; all three parts are whole."""
    rest = history.copy()
    first = planned(rest, SECOND_DAY)
    assert first is not None
    moved(rest, first)
    second = planned(rest, EVERYTHING, (first.anchor,))
    assert second is not None
    assert second.first_sequence == first.anchor.sequence + 1
    archive = moved(rest, second)
    anchors = first.anchor, second.anchor
    assert problems(archive, *anchors) == problems(rest, *anchors) == ()
    assert planned(rest, EVERYTHING, anchors) is None


LAST = 20
"""The record that an archive ends with at most, when somebody is to be told of the next one."""

OWED: dict[str, tuple[Sequence[int], Sequence[tuple[int, str]], int | None]] = {
    "told_nothing_yet": ((0,), (), 0),
    "mark": ((LAST,), (), LAST),
    "mark_of_the_slowest": ((LAST + 9, LAST), (), LAST),
    "pending": ((LAST + 9,), ((LAST + 1, "pending"),), LAST),
    "dead": ((LAST + 9,), ((LAST + 1, "dead"), (LAST + 3, "pending")), LAST),
    "settled": ((LAST,), ((1, "delivered"), (2, "discarded")), LAST),
    "without_a_notifier": ((), ((LAST + 1, "dead"),), LAST),
    "nothing": ((), ((1, "delivered"),), None),
}
"""By case: the marks of notifiers, deliveries by record and state, and the last record that may move."""


@pytest.mark.parametrize("case", OWED)
def test_what_is_owed_stays(history: MemoryDisk, case: str) -> None:
    """No record moves from the first on that a notifier was not told of, that waits or is a dead letter."""
    marks, deliveries, last = OWED[case]
    rest = history.copy()
    notifiers: list[dict[str, Scalar]] = [
        {"name": f"n{number}", "mark": mark, "disabled": True} for number, mark in enumerate(marks)
    ]
    put(rest, "notifiers", notifiers)
    told: list[dict[str, Scalar]] = [
        {"sequence": number, "state": state, "live": state == "pending"} for number, state in deliveries
    ]
    put(rest, "deliveries", told)
    plan, unbound = planned(rest, EVERYTHING), planned(history, EVERYTHING)
    assert unbound is not None
    assert unbound.anchor.sequence > LAST + 9
    if last == 0:
        assert plan is None
        return
    assert plan is not None
    assert plan.anchor.sequence == (unbound.anchor.sequence if last is None else last)


def put(disk: MemoryDisk, table: str, rows: Sequence[Mapping[str, Scalar]]) -> None:
    """Put rows of the relay on the disk: no record stands for them."""
    there = disk.tables.by_name[table]
    for row in rows:
        there.upsert(*there.checked(sample_row(table, **row).values))


def test_a_cut_before_everything_moves_nothing(history: MemoryDisk) -> None:
    """There is no archive of nothing."""
    assert planned(history, Cut(START_NS, START_NS)) is None


@pytest.mark.parametrize("cut", [SECOND_DAY, KEYS_STAY, EVERYTHING], ids=["day", "keys_stay", "everything"])
def test_what_lives_stays_however_old_it_is(history: MemoryDisk, cut: Cut) -> None:
    """A working order, an open episode, and the orders and fills that it is made of stay with the trader."""
    plan = planned(history, cut)
    assert plan is not None
    tables = history.tables.by_name
    for table in (each for each in TABLES if each.name in ("orders", "episodes")):
        live = {key_of(table, row) for row in tables[table.name].all() if row["live"]}
        assert live
        assert live.isdisjoint(plan.rows.get(table.name, ()))
    (running,) = (row["number"] for row in tables["episodes"].all() if row["live"])
    parts = [row for row in tables["fills"].all() if row["episode"] == running]
    assert len(parts) == 2
    assert {(row["client_order_id"],) for row in parts}.isdisjoint(plan.rows.get("orders", ()))
    kept = {(row["client_order_id"], row["trade_id"]) for row in parts}
    assert kept.isdisjoint(plan.rows.get("fills", ()))


def test_what_is_over_and_old_moves_whole(history: MemoryDisk) -> None:
    """The first day's round trip leaves the trader's store: its episode, both orders, both fills, snapshots.

    A table of which nothing moves is not named at all.
    """
    plan = planned(history, SECOND_DAY)
    assert plan is not None
    tables = history.tables.by_name
    (ended,) = (row for row in tables["episodes"].all() if not row["live"])
    assert plan.rows["episodes"] == ((ended["symbol"], ended["book"], ended["position_id"], ended["number"]),)
    parts = [row for row in tables["fills"].all() if row["episode"] == ended["number"]]
    assert set(plan.rows["fills"]) == {(row["client_order_id"], row["trade_id"]) for row in parts}
    assert len(parts) == 2
    assert {(row["client_order_id"],) for row in parts} <= set(plan.rows["orders"])
    assert all(plan.rows.values())
    assert "changes" not in plan.rows


def test_an_order_of_a_hedging_position_that_lives_stays() -> None:
    """Whoever restores the position finds each order that worked on it; those of others may go."""
    orders: list[Row] = [
        {"client_order_id": name, "position_id": position} for name, position in (("a", "one"), ("b", "two"))
    ]
    moving: dict[str, dict[Key, Row]] = {name: {} for name in ARCHIVED}
    moving["orders"] = {(row["client_order_id"],): row for row in orders}
    kept: dict[str, list[Row]] = {name: [] for name in ARCHIVED}
    kept["positions"] = [{"position_id": "one"}]
    candidates = Candidates(moving, {})
    assert _keep_what_is_needed(candidates, kept)
    assert list(candidates.rows["orders"]) == [("b",)]
    assert not _keep_what_is_needed(candidates, kept)


def test_a_key_of_exactly_the_age_stays(history: MemoryDisk) -> None:
    """Keys from before the moment move; one made at that very moment can still be repeated, and stays."""
    (table,) = (each for each in TABLES if each.name == "commands")
    rows = history.tables.by_name["commands"].all()
    assert rows
    for row in rows:
        key, created_ns = key_of(table, row), row["created_ns"]
        assert isinstance(created_ns, int)
        at, after = (planned(history, Cut(EVERYTHING.before_ns, created_ns + more)) for more in (0, 1))
        assert at is not None
        assert after is not None
        assert key not in at.rows.get("commands", ())
        assert key in after.rows["commands"]


def test_what_belongs_together_stays_together() -> None:
    """A flip's order stays with the open episode and keeps the one it ended; a kept key keeps its change."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        happens(bench, "25")
        await bench.pass_ms(61_000)
        await bench.hold("1", "100")
        flip = await bench.working("sell", "3", "110")
        bench.exchange.trade(flip, "3", "110")
        await bench.pass_ms(1_000)
        changed = await bench.working("buy", "1", "50")
        await bench.bot.modify_order(changed, limit_price="51", idempotency_key="modify")
        await bench.bot.cancel(changed)
        await bench.pass_ms(1_000)
        closing = asyncio.ensure_future(bench.bot.close_position(BTC, idempotency_key="close"))
        await bench.pass_ms(1_000)
        exit_order = bench.exchange.submits[-1].client_order_id
        bench.exchange.trade(exit_order, "2", "100")
        await closing
        await bench.working("buy", "1", "60")
        await bench.pass_ms(1_000)
        opened = await bench.working("buy", "1", "100")
        bench.exchange.trade(opened, "1", "100")
        await bench.pass_ms(1_000)

    on_bench(main, disk=disk, exchange=accountant())
    for cut in (EVERYTHING, KEYS_STAY):
        rest = disk.copy()
        plan = planned(rest, cut)
        assert plan is not None
        archive = moved(rest, plan)
        assert problems(rest, plan.anchor) == problems(archive, plan.anchor) == ()
        for table in ("closings", "changes"):
            there, away = (each.tables.by_name[table].rows for each in (rest, archive))
            assert (len(there), len(away)) == ((0, 1) if cut is EVERYTHING else (1, 0))
        assert len(rest.tables.by_name["adjustments"].rows) == 1


def test_damage_before_the_cut_is_told(history: MemoryDisk) -> None:
    """A broken chain is never archived."""
    disk = history.copy()
    disk.envelopes[3] = replace(disk.envelopes[3], payload=b"{}")
    with pytest.raises(JournalDamaged, match="record 4"):
        planned(disk, EVERYTHING)


@pytest.mark.parametrize(
    ("base", "problem"),
    [
        (b"no json", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"balances": [{"asset": "BTC", "total": "many"}]}', "cannot be read"),
        (b"{}", "name no account"),
        (b'{"settings": [{"name": "network", "value": "test"}]}', "name no account"),
    ],
)
def test_a_base_that_cannot_be_is_told(history: MemoryDisk, base: bytes, problem: str) -> None:
    """What an anchor keeps is looked at before anything is folded on from it."""
    rest = history.copy()
    plan = planned(rest, SECOND_DAY)
    assert plan is not None
    moved(rest, plan)
    (told,) = problems(rest, replace(plan.anchor, base=base))
    assert problem in told


def test_rows_of_a_base_are_what_they_were(history: MemoryDisk) -> None:
    """Every value comes back with its type and its digits; a column that is not there is empty."""
    rows = {table.name: history.tables.by_name[table.name].all() for table in TABLES}
    found = rows_of(base_of(rows), 1)
    assert found == {name: list(each) for name, each in rows.items()}
    (order,) = rows_of(b'{"orders": [{"client_order_id": "a"}]}', 1)["orders"]
    assert (order["quantity"], order["limit_price"], order["live"], order["owner"]) == (0, None, False, "")
    assert order["created_ns"] == 0


def test_a_fold_up_to_a_record_is_the_state_then(history: MemoryDisk) -> None:
    """The fold of a part of the journal, and the fold from there on, are the fold of the whole."""
    store = MemoryStore(history)

    async def main() -> None:
        whole = await fold_journal(store)
        none = await fold_journal(store, until=0)
        assert (none.head, none.rows["orders"]) == (JournalHead(0, GENESIS_HASH), {})
        assert none.state.trading is TradingState.DISABLED
        for until in (1, 50, history.head.sequence - 1):
            part = await fold_journal(store, until=until)
            head = part.head
            base = base_of({name: list(rows.values()) for name, rows in part.rows.items()})
            anchor = Anchor(head.sequence, head.hash, 0, "", "", base)
            rest = history.copy()
            rest.envelopes = rest.envelopes[until:]
            fold = await fold_journal(MemoryStore(rest), anchors=(anchor,))
            assert fold.rows == whole.rows
            assert fold.records == history.head.sequence - until

    asyncio.run(main())
    assert key_of(TABLES[1], {"client_order_id": "a", "trade_id": "b", "side": "buy"}) == ("a", "b")


def test_a_lost_row_hides_no_other_difference(history: MemoryDisk) -> None:
    """Of rows that disagree every one is told, also those that come after one that is not there at all."""
    (table,) = (each for each in TABLES if each.name == "orders")
    folded = {key_of(table, row): row for row in history.tables.by_name["orders"].all()}
    (first, _), *others = folded.items()
    stored = {key: {**row, "symbol": "NONE/USDT"} for key, row in others}
    told = differences(table, folded, stored)
    assert "no row" in told[0]
    assert str(first[0]) in told[0]
    assert len(told) == len(folded) > 2
