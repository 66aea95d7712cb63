"""Databases: stories of stores that lost rows, digits or the process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from decimal import ROUND_UP, Context, Decimal, Inexact, getcontext, localcontext
from pathlib import Path
from typing import Any

import pytest

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.errors import ConfigurationRefused, InvalidInput, JournalUnavailable
from fairlead.kernel.system_clock import SystemClock
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench, quiet_logger

BUY = Proposal.buy(BTC, quantity="1", limit_price="100")
CLOCK = SystemClock()
Life = Callable[[Kernel], Coroutine[Any, Any, None]]


def live(path: Path, exchange: ScriptedExchange, *lives: Life, busy_timeout_ms: int = 5_000) -> None:
    """Run kernels on the file, one after the other, in real time."""

    async def whole() -> None:
        for life in lives:
            store = SqlStore(SqlStoreSettings(path, busy_timeout_ms=busy_timeout_ms))
            settings = KernelSettings(
                account="main", on_stop="leave", allow_unchecked=True, recovery_interval_ms=20
            )
            async with Kernel(settings, exchange=exchange, store=store, logger=quiet_logger()) as kernel:
                await life(kernel)

    asyncio.run(whole())


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what another program reads in the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#6353",
    "freqtrade/freqtrade#4653",
    story="The interface had the database open, a write found it locked, and the bot's process died.",
)
def test_freqtrade_6353_a_locked_database_costs_one_command_and_no_process(tmp_path: Path) -> None:
    """A reader holds up nobody. A writer's lock refuses one order, unsent; when it is gone all goes on."""
    path, exchange = tmp_path / "bot.sqlite", ScriptedExchange([instrument()])

    async def life(kernel: Kernel) -> None:
        bot = kernel.session(owner="bot")
        with closing(sqlite3.connect(path, isolation_level=None)) as interface:
            interface.execute("BEGIN")
            interface.execute("SELECT count(*) FROM orders").fetchall()
            assert (await bot.execute(BUY)).status == "ACCEPTED"
            interface.execute("ROLLBACK")
            interface.execute("BEGIN IMMEDIATE")
            refused = asyncio.create_task(bot.execute(BUY))
            await CLOCK.sleep_ns(60_000_000)
            interface.execute("ROLLBACK")
            with pytest.raises(JournalUnavailable):
                await refused
            assert len(exchange.submits) == 1
        assert (await bot.execute(BUY)).status == "ACCEPTED"
        assert len(exchange.submits) == 2

    live(path, exchange, life, busy_timeout_ms=10)
    assert query(path, "SELECT count(*) FROM orders WHERE live") == [(2,)]


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#5038",
    story="A stored fill came again after a restart, and a unique key failed inside the event handler.",
)
def test_hummingbot_5038_a_stored_fill_that_comes_again_is_no_error(tmp_path: Path) -> None:
    """Told again by stream and history after two restarts: one row, and the next fill is booked as usual."""
    path, exchange = tmp_path / "bot.sqlite", ScriptedExchange([instrument()])

    async def first(kernel: Kernel) -> None:
        result = await kernel.session(owner="bot").execute(BUY)
        exchange.trade(result.client_order_id, "0.5", "100")
        await kernel.reconcile()

    async def again(kernel: Kernel) -> None:
        exchange.say(*exchange.history)
        await kernel.reconcile()
        (position,) = kernel.positions()
        assert position.quantity == Decimal("0.5")

    async def goes_on(kernel: Kernel) -> None:
        exchange.say(*exchange.history)
        (name,) = exchange.orders
        exchange.trade(name, "0.5", "100")
        await kernel.closed(name)

    live(path, exchange, first, again, goes_on)
    assert query(path, "SELECT trade_id, quantity FROM fills ORDER BY sequence") == [
        ("T1", "0.5"),
        ("T2", "0.5"),
    ]


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#6939",
    story="A client order id was made a second time, and the database refused the second order.",
)
def test_hummingbot_6939_an_id_that_was_drawn_already_is_refused_at_the_door() -> None:
    """The second order under one id is refused and not sent; the first is as it was, a later one goes."""

    class Repeating:
        def unique_hex(self, digits: int) -> str:
            return "a" * digits

    async def main(bench: Bench) -> None:
        bench.ids = Repeating()  # type: ignore[assignment]  # a source that breaks its promise
        await bench.restart()
        first = await bench.execute("buy", "1", "100")
        with pytest.raises(InvalidInput, match="drawn a second time"):
            await bench.execute("buy", "2", "99")
        assert [(request.quantity, request.limit_price) for request in bench.exchange.submits] == [
            (Decimal(1), Decimal(100))
        ]
        assert bench.order(first.client_order_id).quantity == 1
        await bench.pass_ms()
        second = await bench.working("buy", "2", "99")
        assert second != first.client_order_id

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#3093",
    story="Amounts were stored as floats, then as scaled integers: totals were wrong, small amounts 0.",
)
def test_hummingbot_3093_another_tool_reads_the_exact_amount(tmp_path: Path) -> None:
    """0.00000042 is stored as that text: another program reads it so, and the next kernel has it exactly."""
    path = tmp_path / "bot.sqlite"
    rules = instrument(quantity_increment="0.00000001", price_increment="0.00000001")
    exchange = ScriptedExchange([rules])

    async def first(kernel: Kernel) -> None:
        proposal = Proposal.buy(BTC, quantity="0.00000042", limit_price="98765.43210987")
        result = await kernel.session(owner="bot").execute(proposal)
        exchange.trade(result.client_order_id, "0.00000042", "98765.43210987")
        await result.closed()

    async def second(kernel: Kernel) -> None:
        (position,) = kernel.positions()
        assert position.quantity == Decimal("0.00000042")

    live(path, exchange, first, second)
    assert query(path, "SELECT quantity, price FROM fills") == [("0.00000042", "98765.43210987")]


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#12045",
    "freqtrade/freqtrade#5349",
    "freqtrade/freqtrade#1396",
    "freqtrade/freqtrade#1121",
    story="An older version wrote to a database that a newer one had migrated; migrations failed half-way.",
)
def test_freqtrade_12045_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """The start is refused, says which version is needed, and not a byte of the file has changed."""
    path, exchange = tmp_path / "bot.sqlite", ScriptedExchange([instrument()])

    async def life(kernel: Kernel) -> None:
        await kernel.session(owner="bot").execute(BUY)

    live(path, exchange, life)
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("UPDATE fairlead_schema SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(ConfigurationRefused, match=r"9999.*fairlead-sqlstore"):
        live(path, exchange, life)
    assert path.read_bytes() == before
    assert len(exchange.submits) == 1


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#1289",
    story="The bot changed the process's decimal context, and the exchange library rounded wrong.",
)
def test_freqtrade_1289_the_hosts_decimal_context_is_neither_used_nor_changed() -> None:
    """In a process that rounds up to four digits every figure is exact, and the context is as it was."""

    async def main(bench: Bench) -> None:
        await bench.hold("1.234", "98765.43")
        name = await bench.working("sell", "1.234", "98765.44")
        bench.exchange.trade(name, "1.234", "98765.44", fee="0.123456")
        await bench.pass_ms()
        (position,) = bench.kernel.positions()
        assert str(position.realized_pnl.normalize(Context(prec=30))) == "0.01234"
        assert str(position.fees) == "0.123456"
        assert (getcontext().prec, getcontext().rounding) == (4, ROUND_UP)

    with localcontext(Context(prec=4, rounding=ROUND_UP, traps=[])):
        on_bench(main)
        assert not getcontext().flags[Inexact]
