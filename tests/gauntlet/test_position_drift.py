"""Position drift: stories of a bot that believed in another position than the venue held."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import CloseCode, OrderSide, TradingState
from fairlead.domain.reconciliation import Found
from tests.core.kernel.accounting import accountant
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.test_closings import fills
from tests.gauntlet.futures_venue import PERPETUAL, at_venue, bought, futures

MINUTE_MS = 60_000


def break_stream(bench: Bench) -> None:
    """The connection to the venue is gone."""
    assert bench.exchange.sink is not None
    bench.exchange.sink.disconnected("the network is gone")


def bring_back(bench: Bench) -> None:
    """The connection to the venue is back."""
    assert bench.exchange.sink is not None
    bench.exchange.sink.reconnected()


@pytest.mark.gauntlet(
    "QuantConnect/Lean.Brokerages.InteractiveBrokers#249",
    story="Fills that came while the connection was down were never asked for once it was back.",
)
def test_lean_brokerages_interactivebrokers_249_a_gap_is_read_when_the_stream_is_back() -> None:
    """What traded in a gap of two seconds is booked with the return of the stream, before any schedule."""

    async def main(bench: Bench) -> None:
        one = await bench.working("buy", "3", "100")
        two = await bench.working("sell", "1", "110")
        break_stream(bench)
        for name, quantity in ((one, "1"), (one, "2"), (two, "1")):
            bench.exchange.trade(name, quantity, "105", said=False)
        await bench.pass_ms(2_000)
        assert await bench.position() == 0
        bring_back(bench)
        await bench.pass_ms(50)
        assert await bench.position() == 2
        assert len(bench.fills()) == 3
        assert bench.kernel.orders(live_only=True) == ()

    on_bench(main)


@pytest.mark.gauntlet(
    "QuantConnect/Lean#5839",
    story="The broker liquidated a position; the engine ignored orders that it had not placed itself.",
)
def test_lean_5839_a_liquidation_by_the_venue_is_noticed() -> None:
    """A stranger's order empties the position: it is named, the drift halts, a word corrects the books."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        bench.exchange.hold("", PERPETUAL, OrderSide.SELL, Decimal(2))
        bench.exchange.trade("V2", "2", "60", said=False)
        at_venue(bench, "0")
        await bench.pass_ms(5 * MINUTE_MS)
        assert sorted(set(bench.anomalies())) == ["foreign_order", "position_drifted"]
        assert bench.kernel.trading_state is TradingState.HALTED
        report = bench.kernel.last_reconciliation
        assert report is not None
        assert [(entry.found, entry.ours, entry.at_venue) for entry in report.positions] == [
            (Found.DRIFTED, Decimal(2), Decimal(0))
        ]
        taken = await bench.kernel.accept_drift(
            PERPETUAL, book="bot", at_venue="0", price="60", note="liquidated by the venue"
        )
        assert taken.accepted, taken.reason
        (position,) = bench.kernel.positions()
        assert (position.quantity, position.realized_pnl) == (Decimal(0), Decimal(-80))

    on_bench(main, exchange=futures())


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#11118",
    "freqtrade/freqtrade#11007",
    story="A rewards scheme moved the coins under another asset name; the bot saw none, and could not exit.",
)
def test_freqtrade_11118_coins_that_moved_elsewhere_do_not_block_the_exit() -> None:
    """The balance that vanished is named and reduces; the position stays, and its exit goes out."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        bench.exchange.held["BTC.F"] = bench.exchange.held.pop("BTC")
        report = await bench.kernel.reconcile()
        assert [(entry.asset, entry.derived, entry.at_venue) for entry in report.balances] == [
            ("BTC", Decimal(2), Decimal(0)),
            ("BTC.F", Decimal(0), Decimal(2)),
        ]
        assert bench.kernel.trading_state is TradingState.REDUCING
        assert await bench.position() == 2
        bench.exchange.will_submit(fills)
        closed = await bench.bot.close_position(BTC)
        assert (closed.code, closed.realized_pnl) == (CloseCode.CLOSED, Decimal(20))

    on_bench(main, exchange=accountant({"USDT": "10000"}, ledger=False))


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#7606",
    story="The user closed the position by hand while the bot was down; the bot went on trying to leave it.",
)
def test_freqtrade_7606_a_position_closed_by_hand_is_not_closed_again() -> None:
    """The start notices it and halts; taken over by a word, a close finds nothing left and sends nothing."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        await bench.die()
        bench.exchange.hold("by-hand", PERPETUAL, OrderSide.SELL, Decimal(2))
        bench.exchange.trade("by-hand", "2", "120", said=False)
        at_venue(bench, "0")
        await bench.start_another()
        assert bench.kernel.trading_state is TradingState.HALTED
        sent = len(bench.exchange.submits)
        taken = await bench.kernel.accept_drift(
            PERPETUAL, book="bot", at_venue="0", price="120", note="closed by hand"
        )
        assert taken.accepted, taken.reason
        closed = await bench.bot.close_position(PERPETUAL)
        assert (closed.code, closed.quantity_left) == (CloseCode.ALREADY_FLAT, Decimal(0))
        assert len(bench.exchange.submits) == sent
        assert (await bench.kernel.reconcile()).drifted == 0

    on_bench(main, exchange=futures())


@pytest.mark.gauntlet(
    "vnpy/vnpy#1950",
    story="After a reconnection positions were wrong, and the strategy traded on with them.",
)
def test_vnpy_1950_nothing_new_before_the_gap_is_read() -> None:
    """While the venue goes unheard trading only reduces; it is whole again when the position is right."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        break_stream(bench)
        bench.exchange.will_fail("fills_since", 1_000)
        bench.exchange.trade(name, "2", "100", said=False)
        await bench.pass_ms(10 * MINUTE_MS)
        assert bench.kernel.trading_state is TradingState.REDUCING
        bring_back(bench)
        await bench.pass_ms(1_000)
        assert (await bench.execute("buy", "1", "100")).denied
        bench.exchange.will_fail("fills_since", 0)
        await bench.kernel.reconcile()
        assert (await bench.position(), bench.kernel.trading_state) == (Decimal(2), TradingState.ACTIVE)
        await bench.working("buy", "1", "100")

    on_bench(main)


@pytest.mark.gauntlet(
    "ricequant/rqalpha-mod-vnpy#20",
    story="A reconnection told all trades of the day once more, and the position was computed twice.",
)
def test_rqalpha_mod_vnpy_20_the_days_trades_told_again_count_once() -> None:
    """Five reconnections, each telling every trade again: the position and what it cost stay the same."""

    async def main(bench: Bench) -> None:
        for quantity, price in (("1", "100"), ("2", "103")):
            name = await bench.working("buy", quantity, price)
            bench.exchange.trade(name, quantity, price, fee="0.1")
        await bench.pass_ms()
        before = bench.kernel.positions()
        for _ in range(5):
            break_stream(bench)
            bring_back(bench)
            bench.exchange.say(*bench.exchange.history)
            await bench.pass_ms(1_000)
        assert bench.kernel.positions() == before
        assert (await bench.position(), before[0].fees) == (Decimal(3), Decimal("0.2"))
        assert len(bench.fills()) == 2

    on_bench(main)
