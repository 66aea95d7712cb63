"""Rows back into the state: what is read at a start, what is loaded one by one, and every setting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from fairlead import OrderSide, TradingState
from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked
from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.records import LockPlaced
from fairlead.kernel.core.state import CommandEntry, Dirty, EngineState
from fairlead.kernel.journal.change_rows import change_from_row
from fairlead.kernel.journal.closing_rows import closing_from_row
from fairlead.kernel.journal.episode_rows import episode_from_row
from fairlead.kernel.journal.restore import (
    load_adjustment,
    load_change,
    load_closing,
    load_command,
    load_episode,
    load_order,
    load_position,
    restore_state,
    stored_orders,
)
from fairlead.kernel.journal.rows import (
    dirty_rows,
    order_from_row,
    order_row,
    position_row,
    restore_setting,
    setting_value,
)
from fairlead.ports.store import JournalHead, Opened, Row, Scalar
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from tests.core.kernel.bench import BTC, ETH

HEAD = JournalHead(7, b"seventh")
BOT: dict[str, Scalar] = {"symbol": BTC, "book": "bot"}


def row(table: str, **values: Scalar) -> dict[str, Scalar]:
    """Return a row by column."""
    return sample_row(table, **values).named()


def disk_of(rows: Mapping[str, Sequence[Mapping[str, Scalar]]]) -> MemoryDisk:
    """Return a disk that holds these rows."""
    disk = MemoryDisk()
    for table, some in rows.items():
        there = disk.tables.by_name[table]
        for each in some:
            there.upsert(*there.checked(Row.of(table, dict(each)).values))
    return disk


class Counting(MemoryStore):
    """A store that notes what is asked of it."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Scalar]]]) -> None:
        super().__init__(disk_of(rows))
        self.asked: list[str] = []

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        self.asked.append(f"{table} {value!s}")
        return await super().rows_where(table, column, value)

    async def search(self, table: str, wanted: Any) -> Sequence[Mapping[str, Scalar]]:  # noqa: ANN401 - the port's
        """See `Store.search`."""
        self.asked.append(table)
        return await super().search(table, wanted)


ROWS = {
    "orders": [
        row("orders", client_order_id="live", state="working", live=True, **BOT),
        row("orders", client_order_id="over", state="filled", quantity=Decimal(2), **BOT),
        row("orders", client_order_id="leg", state="working", live=True, position_id="one", **BOT),
        row("orders", client_order_id="old-leg", state="filled", position_id="two", **BOT),
        row("orders", client_order_id="replaced", state="canceled", **BOT),
    ],
    "fills": [
        row("fills", client_order_id="live", trade_id="1", digest="a"),
        row("fills", client_order_id="over", trade_id="2", digest="b"),
        row("fills", client_order_id="live", trade_id="3", digest="c"),
    ],
    "positions": [
        row("positions", quantity=Decimal(2), live=True, **BOT),
        row("positions", position_id="one", **BOT),
        row("positions", position_id="two", **BOT),
        row("positions", position_id="three", quantity=Decimal(1), live=True, **BOT),
    ],
    "episodes": [
        row("episodes", number=1, closed_ns=5, **BOT),
        row("episodes", number=2, entry_quantity=Decimal(2), live=True, **BOT),
    ],
    "closings": [
        row("closings", closing_id="close-over", code="CLOSED", closed_ns=8),
        row("closings", closing_id="close-live", live=True, **BOT),
    ],
    "changes": [
        row("changes", change_id="change-over", client_order_id="over", code="DONE", closed_ns=8),
        row("changes", change_id="change-live", client_order_id="replaced", live=True),
    ],
    "adjustments": [row("adjustments", entry_id="e1", asset="BTC", amount=Decimal(3))],
    "commands": [
        row("commands", owner="bot", idempotency_key="k", client_order_id="over"),
        row("commands", owner="bot", idempotency_key="closing", client_order_id="close-over"),
        row("commands", owner="bot", idempotency_key="change", client_order_id="change-over"),
        row("commands", owner="bot", idempotency_key="answered", client_order_id="over", answer="done"),
        row("commands", owner="other", idempotency_key="k", client_order_id="replaced"),
    ],
    "balances": [row("balances", asset="BTC", total=Decimal(4))],
    "inventory": [row("inventory", asset="BTC", opening=Decimal(3), adjustments=Decimal(1))],
    "settings": [row("settings", name="network", value="testnet")],
}


def restored() -> EngineState:
    """Return the state that a start reads."""
    return asyncio.run(restore_state(MemoryStore(disk_of(ROWS)), "main", Opened(3, HEAD)))


def test_a_start_reads_what_lives_and_what_that_refers_to() -> None:
    """Live orders with their fills, the order that a change is about, and each order's own position."""
    state = restored()
    assert (state.account, state.sequence, state.epoch, state.network) == ("main", 7, 3, "testnet")
    assert set(state.orders) == {"live", "leg", "replaced"}
    assert state.orders["live"].trades == {"1": "a", "3": "c"}
    assert set(state.positions) == {(BTC, "bot", each) for each in ("", "one", "three")}
    assert list(state.idle) == [(BTC, "bot", "one")]
    assert list(state.episodes) == [(BTC, "bot", "", 2)]
    assert (list(state.closings), list(state.changes)) == (["close-live"], ["change-live"])
    assert (list(state.closing), list(state.changing)) == ([(BTC, "bot", "")], ["replaced"])
    assert (state.live_total, state.exposed_total) == (2, 2)
    assert (state.balances, state.openings, state.adjusted) == (
        {"BTC": Decimal(4)}, {"BTC": Decimal(3)}, {"BTC": Decimal(1)},
    )  # fmt: skip
    assert state.finished == {"replaced": 0}
    assert (state.commands, state.adjustments) == ({}, {})


def empty() -> EngineState:
    """Return a state that holds nothing."""
    return EngineState("main", "0a0a0a0a")


def test_an_order_is_loaded_once_with_its_fills_and_its_position() -> None:
    """Whether the store has it is told; what memory holds already is not asked for."""

    async def main() -> None:
        state, store = empty(), Counting(ROWS)
        state.departed["over"] = 77
        assert await load_order(store, state, "over")
        order = state.orders["over"]
        assert order_row(order).named() == ROWS["orders"][1]
        assert (order.trades, order.changed_monotonic_ns) == ({"2": "b"}, 77)
        assert (store.asked, state.positions) == (["orders over", "fills over"], {})
        assert await load_order(store, state, "over")
        assert state.orders["over"] is order
        assert not await load_order(store, state, "never")
        assert store.asked[2:] == ["orders never"]
        assert await load_order(store, state, "old-leg")
        assert set(state.positions) == {(BTC, "bot", "two")}
        assert state.finished == {"over": 0, "old-leg": 0}

    asyncio.run(main())


def test_an_order_that_came_back_meanwhile_is_not_made_twice() -> None:
    """Two who look for it at once share one: figures that one of them changed are not lost."""

    async def main() -> None:
        state, store = empty(), Counting(ROWS)
        sound = store.rows_where
        kept = order_from_row(ROWS["orders"][1], ())

        async def meanwhile(table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
            found = await sound(table, column, value)
            state.orders["over"] = kept
            return found

        store.rows_where = meanwhile  # type: ignore[method-assign]  # somebody is quicker
        assert await load_order(store, state, "over")
        assert state.orders["over"] is kept

    asyncio.run(main())


def test_a_position_is_loaded_once_and_may_leave_again() -> None:
    """The one of that key, and no other; what memory holds, or the store has not, changes nothing."""

    async def main() -> None:
        state, store = empty(), Counting(ROWS)
        key = BTC, "bot", "two"
        await load_position(store, state, key)
        assert [position_row(each).named() for each in state.positions.values()] == [ROWS["positions"][2]]
        assert list(state.idle) == [key]
        state.idle.clear()
        await load_position(store, state, key)
        await load_position(store, state, (ETH, "bot", "two"))
        assert (list(state.positions), list(state.idle), len(store.asked)) == ([key], [], 2)

    asyncio.run(main())


def test_what_is_over_is_loaded_by_its_name() -> None:
    """A closing, a change, an episode, an adjustment: as it was, once, and nothing that was not asked for."""

    async def main() -> None:
        state, store = empty(), Counting(ROWS)
        for _ in range(2):
            await load_closing(store, state, "close-over")
            await load_change(store, state, "change-over")
        assert store.asked == ["closings close-over", "changes change-over"]
        await load_episode(store, state, (BTC, "bot", "", 1))
        episode = state.episodes[BTC, "bot", "", 1]
        await load_episode(store, state, (BTC, "bot", "", 1))
        assert state.episodes[BTC, "bot", "", 1] is episode
        await load_adjustment(store, state, "e1")
        for name, load in (("close-x", load_closing), ("change-x", load_change), ("x", load_adjustment)):
            await load(store, state, name)
        assert attrs.asdict(state.closings["close-over"]) == attrs.asdict(
            closing_from_row(ROWS["closings"][0])
        )
        assert attrs.asdict(state.changes["change-over"]) == attrs.asdict(change_from_row(ROWS["changes"][0]))
        assert attrs.asdict(episode) == attrs.asdict(episode_from_row(ROWS["episodes"][0]))
        booked = AdjustmentBooked("e1", AdjustmentKind.DEPOSIT, "BTC", Decimal(3), 0, "")
        assert state.adjustments == {"e1": (booked, 0)}
        assert (len(state.closings), len(state.changes), len(state.episodes)) == (1, 1, 1)
        assert (state.closing, state.changing) == ({}, {})
        kept = state.adjustments["e1"] = (booked, 5)
        await load_adjustment(store, state, "e1")
        assert state.adjustments["e1"] is kept

    asyncio.run(main())


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize(
    ("key", "name", "answer", "asked"),
    [
        ("k", "over", "", ["orders over", "fills over"]),
        ("answered", "over", "done", []),
        ("closing", "close-over", "", ["closings close-over"]),
        ("change", "change-over", "", ["changes change-over"]),
    ],
)
def test_a_repeated_key_finds_what_answered_it(
    key: str,
    name: str,
    answer: str,
    asked: list[str],
    is_known: bool,  # noqa: FBT001 - a case
) -> None:
    """Its order, closing or change is loaded, unless its answer was kept; another owner's key is another."""

    async def main() -> None:
        state, store = empty(), Counting(ROWS)
        entry = CommandEntry("bot", key, "", name, 0, answer)
        if is_known:
            state.commands["bot", key] = entry
        await load_command(store, state, "bot", key)
        assert {each: attrs.asdict(found) for each, found in state.commands.items()} == {
            ("bot", key): attrs.asdict(entry)
        }
        assert store.asked == [*([] if is_known else [f"commands {key}"]), *asked]
        assert name in {*state.orders, *state.closings, *state.changes} or not asked

    asyncio.run(main())


def test_a_key_that_nobody_used_brings_nothing() -> None:
    """Neither a command nor an order: the same key of another owner is none of ours."""

    async def main() -> None:
        state, store = empty(), Counting(ROWS)
        await load_command(store, state, "third", "k")
        assert (state.commands, state.orders) == ({}, {})

    asyncio.run(main())


def test_every_stored_order_comes_with_its_fills() -> None:
    """For a comparison with what the journal says: all of them, live or over."""
    found = asyncio.run(stored_orders(MemoryStore(disk_of(ROWS))))
    trades = {str(order["client_order_id"]): [fill["trade_id"] for fill in fills] for order, fills in found}
    assert trades == {
        "live": ["1", "3"], "over": ["2"], "leg": [], "old-leg": [], "replaced": [],
    }  # fmt: skip


LOCK = LockPlaced("loss", BTC, OrderSide.BUY, 9, "LOSS", "Enough.")
LOCK_TEXT = '{"check":"loss","scope":"BTC/USDT","side":"buy","until_ns":9,"code":"LOSS","reason":"Enough."}'
LEVEL = BudgetLevel(Decimal("1.50"), 7, 9)
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "trading_state": ("halted", {"trading": TradingState.HALTED}),
    "trading_reason": ("a word", {"trading_reason": "a word"}),
    "network": ("testnet", {"network": "testnet"}),
    "limits": ('[["a.most","3"],["b.most","1.50"]]', {"limits": (("a.most", "3"), ("b.most", "1.50"))}),
    "adopts": ("", {"adopts": True}),
    "inventory_asked_ns": ("55", {"inventory_ns": 55}),
    "inventory_listed": ('["L1","L2","L3"]', {"inventory_listed": frozenset({"L3", "L1", "L2"})}),
    "trading_day": ("5 9", {"trading_day": (5, 9)}),
    "budget_clock": ("7 8", {"budget_clock": (7, 8)}),
    "owner:bot": ("", {"owners": {"bot": None}}),
    "cursor:fills": ("c7", {"cursors": {"fills": "c7"}}),
    "check:loss": ("12.5", {"check_values": {"loss": "12.5"}}),
    "lock:loss": (LOCK_TEXT, {"locks": {"loss": LOCK}}),
    "budget:orders": ('{"used":"1.50","at_ns":7,"held_until_ns":9}', {"budgets": {"orders": LEVEL}}),
}
"""By name of a row of the settings table: its text, and the fields of the state that it stands for."""


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_one_text_and_the_fields_that_it_stands_for(name: str) -> None:
    """Written at a commit and read at the next start: what it says comes back, and nothing else changes."""
    text, fields = SETTINGS[name]
    state, expected = empty(), empty()
    restore_setting(state, name, text)
    for field, value in fields.items():
        setattr(expected, field, value)
    plain = [each.name for each in attrs.fields(EngineState) if each.name not in ("dirty", "pace")]
    assert {each: getattr(state, each) for each in plain} == {each: getattr(expected, each) for each in plain}
    assert setting_value(expected, name) == text


def test_what_no_ledger_listed_is_an_empty_list() -> None:
    """A venue without a ledger lists nothing before its inventory."""
    assert setting_value(empty(), "inventory_listed") == "[]"
    assert setting_value(empty(), "account") == "main"


def test_names_of_this_program_and_of_a_newer_one_change_nothing_else() -> None:
    """The account is known from elsewhere, and what a later version keeps is left alone."""
    state = empty()
    for name in ("account", "something_new", "newer:name"):
        restore_setting(state, name, "x")
    assert (state.account, state.owners, state.cursors, state.check_values) == ("main", {}, {}, {})
    assert (state.locks, state.budgets) == ({}, {})


def test_an_order_that_waits_on_a_position_is_counted_there() -> None:
    """A hedging position may leave memory only when no order of it is left there."""
    state = restored()
    assert state.orders_on == {(BTC, "bot", "one"): 1}


def test_what_is_written_of_an_order_comes_back() -> None:
    """Metadata, tags and how it was sized are texts of their own; without them they are empty."""
    metadata, tags = '[["signal","a b"],["k","v"]]', '["one","two words"]'
    whole = row(
        "orders", client_order_id="a", state="working", live=True, metadata=metadata, tags=tags, **BOT
    )
    order = order_from_row(whole, [{"trade_id": "1", "digest": "x"}])
    assert order.metadata == (("signal", "a b"), ("k", "v"))
    assert order.tags == ("one", "two words")
    assert order_row(order).named() == whole
    plain = order_from_row(row("orders", client_order_id="a", state="working", live=True, **BOT), ())
    assert (plain.metadata, plain.tags, plain.sizing, plain.trades) == ((), (), None, {})


def test_every_row_that_changed_is_written_as_it_is_now() -> None:
    """Of each table those that were touched, in the order of change, and no other."""
    state = restored()
    asyncio.run(load_adjustment(MemoryStore(disk_of(ROWS)), state, "e1"))
    fill, snapshot = Row.of("fills", ROWS["fills"][0]), sample_row("position_snapshots", **BOT)
    entry = CommandEntry("bot", "k", "digest", "over", 5, "")
    dirty = Dirty(
        orders={"leg": None, "live": None},
        positions={(BTC, "bot", ""): None},
        episodes={(BTC, "bot", "", 2): None},
        balances={"BTC": None},
        inventory={"BTC": None},
        adjustments={"e1": None},
        settings={"network": None, "adopts": None},
        commands=[entry],
        closings={"close-live": None},
        changes={"change-live": None},
        fills=[fill],
        snapshots=[snapshot],
    )
    command = row(
        "commands",
        owner="bot",
        idempotency_key="k",
        command_digest="digest",
        client_order_id="over",
        created_ns=5,
    )
    expected: list[tuple[str, Mapping[str, Any]]] = [
        ("orders", ROWS["orders"][2]),
        ("orders", ROWS["orders"][0]),
        ("fills", ROWS["fills"][0]),
        ("position_snapshots", snapshot.named()),
        ("positions", ROWS["positions"][0]),
        ("episodes", ROWS["episodes"][1]),
        ("balances", ROWS["balances"][0]),
        ("inventory", ROWS["inventory"][0]),
        ("adjustments", ROWS["adjustments"][0]),
        ("commands", command),
        ("settings", {"name": "network", "value": "testnet"}),
        ("settings", {"name": "adopts", "value": ""}),
        ("changes", ROWS["changes"][1]),
        ("closings", ROWS["closings"][1]),
    ]
    assert [(each.table, each.named()) for each in dirty_rows(state, dirty)] == expected
    assert dirty_rows(state, Dirty()) == []
