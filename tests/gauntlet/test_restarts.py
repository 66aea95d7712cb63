"""Restarts: stories of starts after which an engine knew something else than before."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fairlead import CloseCode, Kernel, KernelSettings, OrderSide, Proposal, Trade, TradingState
from fairlead.domain.events import FillBooked
from fairlead.kernel.gate.watchdog import NoWatchdog
from fairlead.ports.exchange import VenueStatus
from fairlead.testing import SeededIds, SeedStreams, VirtualClock
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.changing import live_at_venue
from tests.core.kernel.test_closings import fills
from tests.gauntlet.futures_venue import PERPETUAL, at_venue, bought, futures
from tests.paper.test_following import FOLLOWING, SYMBOL, on_virtual_time

ONE = Decimal(1)
ADOPT = {"foreign_policy": "adopt", "adopt_owner": "bot"}


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3046",
    "nautechsystems/nautilus_trader#1205",
    "Drakkar-Software/OctoBot#2931",
    story="A restart read old fills again: a duplicate id stopped the node, or each trade counted anew.",
)
def test_nautilus_trader_3046_fills_that_a_restart_reads_again_count_once() -> None:
    """Three restarts, each with the whole history told once more: the same two fills, and trading goes on."""

    async def main(bench: Bench) -> None:
        one = await bench.working("buy", "2", "100")
        bench.exchange.trade(one, "0.5", "100")
        bench.exchange.trade(one, "1.5", "101")
        await bench.pass_ms()
        for _ in range(3):
            await bench.die()
            await bench.start_another()
            bench.exchange.say(*bench.exchange.history)
            await bench.pass_ms()
            assert (len(bench.fills()), await bench.position()) == (2, Decimal(2))
        assert bench.kernel.trading_state is TradingState.ACTIVE
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4736",
    story="A warm restart invented an opposite fill, and a position that was held counted as flat.",
)
def test_nautilus_trader_4736_no_fill_is_invented_to_match_the_venue() -> None:
    """The venue shows nothing at the start: the position stays, no fill is made up, the drift halts."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        await bench.die()
        del bench.exchange.net[PERPETUAL]
        await bench.start_another()
        assert (len(bench.fills()), await bench.position(PERPETUAL)) == (1, Decimal(2))
        assert bench.anomalies() == ["position_drifted"]
        assert bench.kernel.trading_state is TradingState.HALTED
        at_venue(bench, "2")
        assert (await bench.kernel.reconcile()).drifted == 0

    on_bench(main, exchange=futures())


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#5000",
    story="An adjustment at startup threw away the fourteen working orders of its instrument.",
)
def test_nautilus_trader_5000_working_orders_outlast_a_difference_at_the_start() -> None:
    """Fourteen orders work, the venue's position differs: all are matched, and each can be canceled."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        names = [await bench.working("buy", "1", f"{60 + level}", symbol=PERPETUAL) for level in range(14)]
        await bench.die()
        at_venue(bench, "5")
        await bench.start_another()
        report = bench.kernel.last_reconciliation
        assert report is not None
        assert (report.matched, report.missing, report.drifted) == (14, 0, 1)
        assert sorted(order.client_order_id for order in bench.kernel.orders(live_only=True)) == sorted(names)
        for name in names:
            assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms()
        assert live_at_venue(bench) == []

    on_bench(main, exchange=futures())


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3878",
    story="Runs over the same venue reconciled differently, for the ids of what they made up were random.",
)
def test_nautilus_trader_3878_the_same_venue_is_reconciled_the_same_way() -> None:
    """Two kernels that know nothing find the same foreign order: same id, same fills, same position."""
    found: list[tuple[str, Decimal, Decimal | None]] = []

    async def main(bench: Bench) -> None:
        for _ in range(2):
            bench.ids = SeededIds(SeedStreams(len(found)).of("other ids"))
            await bench.kernel.stop()
            bench.disk = MemoryDisk()
            await bench.start_another()
            (order,) = bench.kernel.orders()
            found.append((order.client_order_id, order.filled_quantity, order.average_price))
            assert await bench.position() == Decimal("0.5")
        assert found[0] == found[1]

    exchange = ScriptedExchange([instrument()])
    exchange.hold("human-1", BTC, OrderSide.BUY, Decimal(2), Decimal(100))
    exchange.trade("human-1", "0.5", "99")
    on_bench(main, exchange=exchange, settings=ADOPT)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3176",
    story="With a persistent cache and claimed orders, every restart had one more copy of each order.",
)
def test_nautilus_trader_3176_a_claimed_order_stays_one_order() -> None:
    """Taken over once; four restarts later it is the same one order, reserved once and canceled once."""

    async def main(bench: Bench) -> None:
        bench.exchange.hold("human-1", ETH, OrderSide.BUY, Decimal(2), Decimal(100))
        await bench.kernel.reconcile()
        (first,) = bench.kernel.orders()
        for turn in range(4):
            await (bench.die() if turn % 2 else bench.kernel.stop())
            await bench.start_another()
            assert [order.client_order_id for order in bench.kernel.orders()] == [first.client_order_id]
            assert bench.kernel.positions()[0].pending_openings == 1
        assert (await bench.bot.cancel(first.client_order_id)).accepted
        await bench.pass_ms()
        assert bench.exchange.cancels == ["human-1"]
        assert len([record for record in bench.records() if record.KIND == "order_adopted"]) == 1

    on_bench(main, settings=ADOPT)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3104",
    story="The venue's net quantity differed because of years-old positions, and the node refused to start.",
)
def test_nautilus_trader_3104_a_difference_from_long_ago_does_not_prevent_the_start() -> None:
    """The kernel starts halted, can be asked everything, and an operator's word makes both sides agree."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        await bench.kernel.stop()
        at_venue(bench, "2.3")
        await bench.start_another()
        assert bench.kernel.trading_state is TradingState.HALTED
        assert await bench.position(PERPETUAL) == 2
        taken = await bench.kernel.accept_drift(
            PERPETUAL, book="bot", at_venue="2.3", price="90", note="bought in 2019"
        )
        assert taken.accepted, taken.reason
        assert (await bench.position(PERPETUAL), len(bench.fills())) == (Decimal("2.3"), 1)
        assert (await bench.kernel.reconcile()).drifted == 0
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="explained")
        await bench.working("buy", "1", "100", symbol=PERPETUAL)

    on_bench(main, exchange=futures())


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3426",
    "nautechsystems/nautilus_trader#3550",
    story="The last writes waited in a buffer for the next message, and a restart loaded stale orders.",
)
def test_nautilus_trader_3426_what_the_bot_was_told_is_stored_without_another_message() -> None:
    """Killed the moment after each answer and each fill, the next kernel knows what the bot was told."""

    async def main(bench: Bench) -> None:
        told: list[Decimal] = []
        result = await bench.execute("buy", "2", "100")
        bench.disk = bench.disk.copy()
        await bench.die()
        await bench.start_another()
        bench.kernel.events.subscribe(lambda event: told.append(event.order.filled_quantity), FillBooked)
        bench.exchange.trade(result.client_order_id, "0.5", "100")
        for _ in range(1_000):
            if not told:
                await bench.clock.sleep_ns(1)
        disk = bench.disk.copy()
        await bench.die()
        bench.disk = disk
        restored = {row["client_order_id"]: row for row in disk.tables.named("orders").all()}
        assert result.client_order_id in restored
        assert told == [restored[result.client_order_id]["filled_quantity"]]
        await bench.start_another()
        assert bench.order(result.client_order_id).filled_quantity == Decimal("0.5")
        assert bench.exchange.submits_of(result.client_order_id) == 1

    on_bench(main)


def paper_kernel(disk: MemoryDisk, venue_file: Path, clock: VirtualClock, seed: int) -> Kernel:
    """Return a kernel on a paper venue that keeps a file of its own."""
    venue: dict[str, Any] = {**FOLLOWING["venue"], "file": str(venue_file)}
    return Kernel(
        KernelSettings(account="main", allow_unchecked=True, on_stop="leave"),
        ["paper"],
        store=MemoryStore(disk),
        clock=clock,
        ids=SeededIds(SeedStreams(seed).of("ids")),
        watchdog=NoWatchdog(),
        tables={"paper": {**FOLLOWING, "venue": venue}},
    )


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#5023",
    "freqtrade/freqtrade#8328",
    story="After a restart a simulation's open orders could not fill or be canceled; trades were closed.",
)
def test_nautilus_trader_5023_a_simulation_goes_on_after_a_restart(tmp_path: Path) -> None:
    """On paper too: the position is held, one old order fills at the new price, the other is canceled."""

    async def main(clock: VirtualClock) -> None:
        disk, file = MemoryDisk(), tmp_path / "venue.sqlite"

        async def say(kernel: Kernel, price: str) -> None:
            kernel.prices.publish(Trade(SYMBOL, Decimal(price), Decimal(5), clock.wall_ns()))
            await clock.sleep_ns(5_000_000)

        async with paper_kernel(disk, file, clock, 1) as kernel:
            bot = kernel.session(owner="bot")
            await say(kernel, "100000.0")
            await (await bot.execute(Proposal.buy(SYMBOL, quantity="0.01"))).closed()
            near = await bot.execute(Proposal.buy(SYMBOL, quantity="0.02", limit_price="99000"))
            far = await bot.execute(Proposal.buy(SYMBOL, quantity="0.03", limit_price="50000"))
        async with paper_kernel(disk, file, clock, 2) as kernel:
            bot = kernel.session(owner="bot")
            assert bot.position(SYMBOL).quantity == Decimal("0.01")  # type: ignore[union-attr]  # it is there
            await say(kernel, "98000.0")
            assert (await bot.cancel(far.client_order_id)).accepted
            await clock.sleep_ns(5_000_000)
            statuses = {order.client_order_id: order.status.value for order in kernel.orders()}
            assert statuses[near.client_order_id] == "FILLED"
            assert statuses[far.client_order_id] == "CANCELED"
            assert bot.position(SYMBOL).quantity == Decimal("0.03")  # type: ignore[union-attr]  # same
            assert kernel.trading_state is TradingState.ACTIVE

    on_virtual_time(main)


@pytest.mark.gauntlet(
    "Codaone/DEXBot#160",
    story="After a restart a grid bot placed orders again that had been filled while it was away.",
)
def test_dexbot_160_a_grid_is_not_placed_twice() -> None:
    """A level under its own key is one order for ever, filled while nobody looked or not."""

    async def main(bench: Bench) -> None:
        async def place_grid() -> list[str]:
            results = [
                await bench.execute("buy", "1", f"{100 - level}", key=f"grid-7-level-{level}")
                for level in range(5)
            ]
            return [result.client_order_id for result in results]

        names = await place_grid()
        await bench.die()
        for name in names[:2]:
            bench.exchange.trade(name, "1", "99", said=False)
        await bench.start_another()
        assert await place_grid() == names
        assert len(bench.exchange.submits) == 5
        assert (await bench.position(), len(live_at_venue(bench))) == (Decimal(2), 3)

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#366",
    "hummingbot/hummingbot#3454",
    "hummingbot/hummingbot#4428",
    story="Stopping and resuming did not bring the bot's orders back, so users asked to have it removed.",
)
def test_hummingbot_366_a_stop_and_a_start_resume_the_orders() -> None:
    """Everything is as it was, with what happened meanwhile: orders, fills, and the exit of the position."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        entry = await bench.working("buy", "1", "90")
        exit_name = await bench.working("sell", "2", "120")
        over = await bench.working("buy", "1", "80")
        await bench.kernel.stop()
        bench.exchange.trade(entry, "0.5", "90", said=False)
        bench.exchange.end(over, VenueStatus.EXPIRED, said=False)
        await bench.start_another()
        live = {order.client_order_id: order.filled_quantity for order in bench.kernel.orders(live_only=True)}
        assert live == {entry: Decimal("0.5"), exit_name: Decimal(0)}
        assert bench.order(over).status == "EXPIRED"
        assert await bench.position() == Decimal("2.5")
        assert bench.kernel.positions()[0].reserved_exit == 2
        bench.exchange.trade(exit_name, "2", "120")
        await bench.pass_ms()
        bench.exchange.will_submit(fills)
        closed = await bench.bot.close_position(BTC)
        assert (closed.code, closed.is_flat) == (CloseCode.CLOSED, True)

    on_bench(main)
