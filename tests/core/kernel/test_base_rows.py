"""The rows that an anchor keeps, and the state that an archived journal goes on from."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import attrs
import pytest

from fairlead.domain.orders import Order
from fairlead.errors import JournalDamaged
from fairlead.kernel.apply.apply import SETTING_ACCOUNT
from fairlead.kernel.core.state import Dirty, EngineState
from fairlead.kernel.journal.account_rows import adjustment_row
from fairlead.kernel.journal.base_rows import base_of, rows_of, state_of
from fairlead.kernel.journal.change_rows import change_row
from fairlead.kernel.journal.closing_rows import closing_row
from fairlead.kernel.journal.episode_rows import episode_row
from fairlead.kernel.journal.rows import command_row, order_row, position_row
from fairlead.ports.store import TABLES, JournalHead, Scalar
from fairlead.testing.conformance.store_batches import sample_row
from tests.core.kernel.bench import BTC, ETH

Rows = dict[str, list[dict[str, Scalar]]]
HEAD = JournalHead(7, b"seventh")


def row(table: str, **values: Scalar) -> dict[str, Scalar]:
    """Return a row by column."""
    return sample_row(table, **values).named()


def place(symbol: str, position_id: str = "") -> dict[str, Scalar]:
    """Return the columns that say where a position is."""
    return {"symbol": symbol, "book": "bot", "position_id": position_id}


def kept() -> Rows:
    """Return rows of every kind, of each some that are over: a later record may refer to any of them."""
    return {table.name: [] for table in TABLES} | {
        "orders": [
            row("orders", client_order_id="a", state="filled", owner="bot", **place(BTC)),
            row("orders", client_order_id="b", state="working", live=True, owner="bot", **place(ETH)),
            row("orders", client_order_id="c", state="canceled", owner="bot", **place(BTC, "leg")),
        ],
        "fills": [
            row("fills", client_order_id="a", trade_id="1", digest="one"),
            row("fills", client_order_id="b", trade_id="2", digest="two"),
            row("fills", client_order_id="a", trade_id="3", digest="three"),
        ],
        "positions": [
            row("positions", quantity=Decimal(2), live=True, **place(BTC)),
            row("positions", realized_pnl=Decimal(5), **place(BTC, "leg")),
            row("positions", quantity=Decimal(3), live=True, **place(ETH)),
            row("positions", realized_pnl=Decimal(6), **place(ETH, "leg")),
        ],
        "episodes": [
            row("episodes", number=1, closed_ns=5, **place(BTC)),
            row("episodes", number=2, entry_quantity=Decimal(2), live=True, **place(BTC)),
            row("episodes", number=1, closed_ns=6, **place(ETH)),
        ],
        "closings": [
            row("closings", closing_id="close-1", code="CLOSED", closed_ns=8),
            row("closings", closing_id="close-2", live=True, **place(ETH)),
        ],
        "changes": [
            row("changes", change_id="change-1", client_order_id="a", code="DONE", closed_ns=8),
            row("changes", change_id="change-2", client_order_id="b", live=True),
        ],
        "adjustments": [
            row("adjustments", entry_id="e1", asset="BTC", amount=Decimal(1)),
            row("adjustments", entry_id="e2", asset="USDT", amount=Decimal(2)),
        ],
        "commands": [
            row("commands", owner="bot", idempotency_key="k", client_order_id="a"),
            row("commands", owner="other", idempotency_key="k", client_order_id="b"),
        ],
        "balances": [row("balances", asset="BTC", total=Decimal(4))],
        "inventory": [row("inventory", asset="BTC", opening=Decimal(3), adjustments=Decimal(1))],
        "settings": [
            row("settings", name="network", value="testnet"),
            row("settings", name=SETTING_ACCOUNT, value="main"),
        ],
    }


def folded(rows: Rows) -> EngineState:
    """Return the state that is read from these rows."""
    return asyncio.run(state_of(rows, HEAD))


def test_everything_that_an_anchor_keeps_is_in_the_state_as_it_was() -> None:
    """The fold goes on from it, so what is over is there, too: no record behind refers to nothing."""
    rows = kept()
    state = folded(rows)
    assert [order_row(each).named() for each in sorted_by_name(state)] == rows["orders"]
    assert [each.trades for each in sorted_by_name(state)] == [{"1": "one", "3": "three"}, {"2": "two"}, {}]
    positions = [position_row(state.positions[key]).named() for key in sorted(state.positions)]
    assert positions == rows["positions"]
    episodes = [episode_row(state.episodes[key]).named() for key in sorted(state.episodes)]
    assert episodes == rows["episodes"]
    assert [closing_row(state.closings[name]).named() for name in sorted(state.closings)] == rows["closings"]
    assert [change_row(state.changes[name]).named() for name in sorted(state.changes)] == rows["changes"]
    entries = [adjustment_row(*state.adjustments[name]).named() for name in sorted(state.adjustments)]
    assert entries == rows["adjustments"]
    assert {key: command_row(entry).named() for key, entry in state.commands.items()} == {
        (str(each["owner"]), str(each["idempotency_key"])): each for each in rows["commands"]
    }
    assert (state.balances, state.openings, state.adjusted) == (
        {"BTC": Decimal(4)},
        {"BTC": Decimal(3)},
        {"BTC": Decimal(1)},
    )


def sorted_by_name(state: EngineState) -> list[Order]:
    """Return the orders by name."""
    return [state.orders[name] for name in sorted(state.orders)]


def test_the_state_at_an_anchor_stands_at_its_record() -> None:
    """Account, network and sequence are the anchor's; no process wrote, and nothing waits to be written."""
    state = folded(kept())
    assert (state.account, state.network, state.sequence, state.epoch) == ("main", "testnet", 7, 0)
    assert attrs.asdict(state.dirty) == attrs.asdict(Dirty())


def test_what_lives_at_an_anchor_is_at_work_and_what_is_over_is_not() -> None:
    """Behind the anchor only what lives counts for limits, blocks its order or its position, or may go on."""
    state = folded(kept())
    assert (state.live_total, dict(state.live_by_symbol)) == (1, {ETH: 1})
    assert set(state.changing) == {"b"}
    assert [closing.closing_id for closing in state.closing.values()] == ["close-2"]
    assert set(state.finished) == {"a", "c"}
    assert set(state.ended) == {(BTC, "bot", "", 1), (ETH, "bot", "", 1)}
    assert set(state.idle) == {(BTC, "bot", "leg"), (ETH, "bot", "leg")}
    assert (state.exposed_total, dict(state.net_by_symbol)) == (2, {BTC: Decimal(2), ETH: Decimal(3)})


def test_a_base_names_no_table_without_rows() -> None:
    """An anchor is kept for as long as its archive: it holds what is there, and nothing of what is not."""
    base = base_of({"orders": [], "balances": [{"asset": "BTC", "total": Decimal("1.50")}], "fills": []})
    assert base == b'{"balances":[{"asset":"BTC","total":"1.50"}]}'
    found = rows_of(base, 1)
    assert set(found) == {table.name for table in TABLES}
    assert {name: rows for name, rows in found.items() if rows} == {
        "balances": [{"asset": "BTC", "total": Decimal("1.50")}]
    }


def test_a_column_that_came_later_is_empty() -> None:
    """An old anchor knows nothing of it: no text, zero, not so, or nothing where nothing is allowed."""
    empty: dict[type, Scalar] = {str: "", int: 0, Decimal: Decimal(0), bool: False}
    (table,) = (each for each in TABLES if each.name == "orders")
    expected = {column.name: None if column.optional else empty[column.kind] for column in table.columns}
    assert rows_of(b'{"orders":[{"client_order_id":"a"}]}', 1)["orders"] == [
        {**expected, "client_order_id": "a"}
    ]
    assert {None, "", 0} <= set(expected.values())


@pytest.mark.parametrize("base", [b"no json", b"[]", b'{"balances":[{"asset":"BTC","total":"many"}]}'])
def test_an_anchor_that_cannot_be_read_is_named(base: bytes) -> None:
    """The damage names the record at which the archive ends: an operator knows which file to look for."""
    with pytest.raises(JournalDamaged, match="record 7: the rows that its anchor keeps cannot be read"):
        rows_of(base, 7)


def test_an_anchor_without_an_account_is_damage() -> None:
    """Every journal begins with the name of its account; rows that name none are not of this journal."""
    rows = kept()
    rows["settings"] = [each for each in rows["settings"] if each["name"] != SETTING_ACCOUNT]
    with pytest.raises(JournalDamaged, match="record 7: the rows that its anchor keeps name no account"):
        folded(rows)
