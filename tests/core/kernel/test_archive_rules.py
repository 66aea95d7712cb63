"""Which rows may move to an archive, rule by rule: how old, the same as at the cut, and needed by nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from fairlead.kernel.journal.archive_plan import (
    ARCHIVED,
    Candidates,
    Cut,
    Key,
    Row,
    _candidates,
    _is_over,
    _keep_what_is_needed,
    _kept,
    _owed_from,
    plan_archive,
)
from fairlead.kernel.journal.base_rows import rows_of
from fairlead.kernel.journal.verify import Folded
from fairlead.ports.keeping import Anchor
from fairlead.ports.store import TABLES, Envelope, Scalar
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from tests.core.kernel.bench import BTC, Bench, on_bench

CUT = Cut(100, 50)
KEYS = {table.name: table.key for table in TABLES}


def row(table: str, **values: Scalar) -> dict[str, Scalar]:
    """Return a row by column."""
    return sample_row(table, **values).named()


class Rows:
    """A reader of nothing but rows."""

    def __init__(self, **rows: Sequence[Mapping[str, Scalar]]) -> None:
        self._rows = rows

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:  # noqa: ARG002 - the port's
        """Return no records."""
        return []

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:  # noqa: ARG002 - same
        """Return the rows of a table."""
        return self._rows.get(table, [])


@pytest.mark.parametrize(
    ("table", "values", "is_over"),
    [
        ("orders", {"state": "filled", "updated_ns": 99}, True),
        ("orders", {"state": "filled", "updated_ns": 100}, False),
        ("orders", {"state": "working", "updated_ns": 99, "live": True}, False),
        ("episodes", {"closed_ns": 99}, True),
        ("episodes", {"closed_ns": 100}, False),
        ("episodes", {"closed_ns": 0, "live": True}, False),
        ("closings", {"closed_ns": 99}, True),
        ("closings", {"closed_ns": 100}, False),
        ("closings", {"closed_ns": 0, "live": True}, False),
        ("changes", {"closed_ns": 99}, True),
        ("changes", {"closed_ns": 100}, False),
        ("changes", {"closed_ns": 0, "live": True}, False),
        ("commands", {"created_ns": 49}, True),
        ("commands", {"created_ns": 50}, False),
        ("commands", {"created_ns": 99}, False),
        ("fills", {"ts_event": 500}, True),
        ("position_snapshots", {"ts_ns": 500}, True),
    ],
)
def test_only_what_is_over_and_older_than_the_cut_may_move(
    table: str,
    values: Mapping[str, Scalar],
    is_over: bool,  # noqa: FBT001 - a case
) -> None:
    """What ended at the very moment of the cut stays, and so does what lives, however old it is."""
    assert _is_over(table, row(table, **values), CUT) is is_over


def moving(**rows: Sequence[Row]) -> Candidates:
    """Return candidates of these rows, and their fills."""
    found: dict[str, dict[Key, Row]] = {name: {} for name in ARCHIVED}
    for name, some in rows.items():
        found[name] = {tuple(each[part] for part in KEYS[name]): each for each in some}
    fills_of: dict[str, list[Row]] = {}
    for fill in rows.get("fills", ()):
        fills_of.setdefault(str(fill["client_order_id"]), []).append(fill)
    return Candidates(found, fills_of)


def staying(**rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows that stay, by table."""
    return {name: list(rows.get(name, ())) for name in (*ARCHIVED, "positions")}


def orders(*names: str) -> list[Row]:
    """Return orders of these names."""
    return [row("orders", client_order_id=name) for name in names]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("commands", {"client_order_id": "b"}),
        ("fills", {"client_order_id": "b"}),
        ("changes", {"client_order_id": "b", "new_order_id": "x"}),
        ("changes", {"client_order_id": "x", "new_order_id": "b"}),
        ("closings", {"exit_order_id": "b"}),
        ("orders", {"client_order_id": "x", "replaces": "b"}),
    ],
)
def test_an_order_stays_that_a_row_which_stays_names(table: str, values: Mapping[str, Scalar]) -> None:
    """Repeating a key, reading a change, a closing or a replacement: each finds the order that it names."""
    candidates = moving(orders=orders("a", "b", "c"))
    kept = staying(**{table: [row(table, **values)]})
    assert _keep_what_is_needed(candidates, kept)
    assert list(candidates.rows["orders"]) == [("a",), ("c",)]
    assert not _keep_what_is_needed(candidates, kept)


def test_each_kind_of_row_that_stays_keeps_its_own_orders() -> None:
    """All of them at once: what one names is added to what the others name, and the rest may go."""
    candidates = moving(orders=orders(*"abcdefgz"))
    kept = staying(
        commands=[row("commands", client_order_id="a")],
        fills=[row("fills", client_order_id="b")],
        changes=[row("changes", client_order_id="c", new_order_id="d")],
        closings=[row("closings", exit_order_id="e")],
        orders=[row("orders", client_order_id="x", replaces="f")],
        positions=[row("positions", position_id="leg", live=True)],
    )
    candidates.rows["orders"]["g",] = row("orders", client_order_id="g", position_id="leg")
    assert _keep_what_is_needed(candidates, kept)
    assert list(candidates.rows["orders"]) == [("z",)]


def test_a_key_that_stays_keeps_what_answered_it() -> None:
    """Its answer is a closing or a change by name, and those of other keys may go."""
    candidates = moving(
        closings=[row("closings", closing_id=name) for name in ("close-1", "close-2")],
        changes=[row("changes", change_id=name) for name in ("change-1", "change-2")],
    )
    for name in ("close-1", "change-2"):
        kept = staying(commands=[row("commands", client_order_id=name)])
        assert _keep_what_is_needed(candidates, kept)
        assert not _keep_what_is_needed(candidates, kept)
    assert list(candidates.rows["closings"]) == [("close-2",)]
    assert list(candidates.rows["changes"]) == [("change-1",)]


def test_fills_go_with_their_order_and_episodes_with_their_fills() -> None:
    """An order that stays keeps its fills, and those keep their episodes: both of them for a flip."""
    place: dict[str, Scalar] = {"symbol": BTC, "book": "bot", "position_id": ""}
    candidates = moving(
        orders=orders("a", "b"),
        fills=[
            row("fills", client_order_id="a", trade_id="1", episode=1, **place),
            row("fills", client_order_id="b", trade_id="2", episode=3, flipped=True, **place),
            row("fills", client_order_id="b", trade_id="3", episode=5, **place),
        ],
        episodes=[row("episodes", number=number, **place) for number in range(1, 7)],
    )
    kept = staying(commands=[row("commands", client_order_id="b")])
    assert _keep_what_is_needed(candidates, kept)
    assert list(candidates.rows["orders"]) == [("a",)]
    assert list(candidates.rows["fills"]) == [("a", "1")]
    assert list(candidates.rows["episodes"]) == [(BTC, "bot", "", number) for number in (1, 4, 6)]
    assert not _keep_what_is_needed(candidates, kept)


@pytest.mark.parametrize(
    ("number", "position_id", "left"),
    [(1, "", ["b"]), (2, "", ["b"]), (3, "", ["a", "b"]), (1, "leg", ["a", "b"])],
)
def test_an_episode_that_stays_keeps_the_orders_that_made_it(
    number: int, position_id: str, left: Sequence[str]
) -> None:
    """An open episode is explained by its orders and fills, also by the flip that began it; no other's."""
    place: dict[str, Scalar] = {"symbol": BTC, "book": "bot", "position_id": ""}
    candidates = moving(
        orders=orders("a", "b"),
        fills=[
            row("fills", client_order_id="a", trade_id="1", episode=2, flipped=True, **place),
            row("fills", client_order_id="b", trade_id="2", episode=8, **place),
        ],
    )
    place["position_id"] = position_id
    kept = staying(episodes=[row("episodes", number=number, **place)])
    assert _keep_what_is_needed(candidates, kept) is (len(left) == 1)
    assert [name for (name,) in candidates.rows["orders"]] == left
    assert [name for name, _ in candidates.rows["fills"]] == left


def test_what_stays_is_every_row_that_does_not_move() -> None:
    """Of positions only the hedging ones that live: the orders of these are asked for when they are read."""
    there = orders("a", "b")
    candidates = moving(orders=there[:1])
    positions = [
        row("positions", position_id=position_id, live=live)
        for position_id, live in (("", True), ("one", True), ("two", False))
    ]
    reader = Rows(orders=there, positions=positions, commands=[row("commands")])
    kept = asyncio.run(_kept(reader, candidates))
    assert kept == staying(orders=there[1:], positions=positions[1:2], commands=[row("commands")])


def test_what_changed_since_the_cut_stays() -> None:
    """The journal behind the cut tells of it: the row is no longer what the archive's records say."""
    old = [
        row("orders", client_order_id="a", state="filled"),
        row("orders", client_order_id="b", state="filled"),
        row("orders", client_order_id="c", state="filled"),
    ]
    now = [old[0], {**old[1], "note": "annotated since"}, old[2]]
    fills = [
        row("fills", client_order_id=name, trade_id=trade)
        for name, trade in (("a", "1"), ("b", "2"), ("a", "3"))
    ]
    folded: Folded = {table.name: {} for table in TABLES}
    folded["orders"] = {(each["client_order_id"],): each for each in old[:2]}
    folded["fills"] = {("a", "1"): fills[0]}
    found = asyncio.run(_candidates(Rows(orders=now, fills=fills), folded, CUT))
    assert {name: list(rows) for name, rows in found.rows.items() if rows} == {
        "orders": [("a",)],
        "fills": [("a", "1")],
    }
    assert set(found.rows) == set(ARCHIVED)
    assert found.fills_of == {"a": [fills[0], fills[2]], "b": [fills[1]]}


@pytest.mark.parametrize(
    ("marks", "deliveries", "owed_from"),
    [
        ([], [], None),
        ([], [(3, "delivered"), (4, "discarded")], None),
        ([7, 5, 9], [], 6),
        ([0], [], 1),
        ([7], [(8, "pending")], 8),
        ([9], [(8, "pending"), (4, "dead"), (6, "pending"), (2, "delivered")], 4),
        ([], [(5, "dead")], 5),
    ],
)
def test_the_first_record_that_somebody_is_owed(
    marks: Sequence[int], deliveries: Sequence[tuple[int, str]], owed_from: int | None
) -> None:
    """The one after the lowest mark, or the first that waits or failed for good: it may be sent again."""
    reader = Rows(
        notifiers=[row("notifiers", name=str(mark), mark=mark) for mark in marks],
        deliveries=[row("deliveries", sequence=number, state=state) for number, state in deliveries],
    )
    assert asyncio.run(_owed_from(reader)) == owed_from


def test_a_chain_of_needs_is_followed_to_its_end() -> None:
    """An order that lives replaced one that replaced another: all of them stay, and so do their fills.

    Up to the record before the first that a notifier is owed, and not one less.
    """
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        first = await bench.working()
        other = await bench.working()
        await bench.bot.cancel(other)
        names = [first]
        for price in ("101", "102"):
            changed = await bench.bot.replace_order(names[-1], limit_price=price)
            assert changed.accepted
            names.append(changed.new_order_id)
        await bench.kernel.settled()
        now = Cut(bench.clock.wall_ns() + 1, bench.clock.wall_ns() + 1)
        copy = disk.copy()
        plan = await plan_archive(MemoryStore(copy), (), now)
        assert plan is not None
        assert plan.rows["orders"] == ((other,),)
        base = rows_of(plan.anchor.base, plan.anchor.sequence)
        assert {each["client_order_id"] for each in base["orders"]} == set(names)
        there = copy.tables.by_name["notifiers"]
        there.upsert(*there.checked(sample_row("notifiers", name="phone", mark=5).values))
        bound = await plan_archive(MemoryStore(copy), (), now)
        assert bound is not None
        assert (bound.anchor.sequence, bound.head) == (5, plan.head)

    on_bench(main, disk=disk)


def test_a_plan_names_where_it_ends_and_what_moves() -> None:
    """First and last record, the time and hash of the last one, the store's head, and rows by their keys."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        over = await bench.working()
        await bench.bot.cancel(over)
        await bench.pass_ms(10)
        await bench.bot.annotate(over, note="done with it")
        await bench.pass_ms(10)
        before = len(bench.disk.envelopes)
        at_ns = bench.clock.wall_ns()
        lives = await bench.working()
        await bench.kernel.settled()
        last = bench.disk.envelopes[before - 1]
        assert last.ts_ns > bench.disk.envelopes[before - 2].ts_ns
        anchors: tuple[Anchor, ...] = ()
        plan = await plan_archive(MemoryStore(disk.copy()), anchors, Cut(at_ns, at_ns))
        assert plan is not None
        assert (plan.first_sequence, plan.head) == (1, len(bench.disk.envelopes))
        anchor = plan.anchor
        assert (anchor.sequence, anchor.hash, anchor.ts_ns) == (before, last.hash, last.ts_ns)
        assert (anchor.archive, anchor.digest) == ("", "")
        assert dict(plan.rows) == {"orders": ((over,),)}
        assert over.encode() not in anchor.base
        assert lives.encode() not in anchor.base
        nothing = await plan_archive(MemoryStore(disk.copy()), anchors, Cut(bench.disk.envelopes[0].ts_ns, 0))
        assert nothing is None

    on_bench(main, disk=disk)
