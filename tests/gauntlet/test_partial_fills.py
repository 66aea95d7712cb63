"""Partial fills: what was filled is neither lost nor counted twice, and the rest not waited for in vain."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import CloseCode, Proposal, TradingState
from fairlead.ports.exchange import Answer, SubmitRequest, VenueStatus
from fairlead.testing.modify_scripts import hangs as modify_hangs
from fairlead.testing.scripted_exchange import ScriptedExchange, hangs
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench

MINUTE_MS = 60_000


def stop_sale(quantity: str) -> Proposal:
    """Return a stop that may only reduce."""
    return Proposal.sell(BTC, quantity=quantity, order_type="stop", trigger_price="95", reduce_only=True)


def smallest(quantity: str) -> ScriptedExchange:
    """Return a venue that takes no order below the quantity."""
    return ScriptedExchange([instrument(BTC, minimum_quantity=quantity), instrument(ETH)])


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#8374",
    "freqtrade/freqtrade#8526",
    story="A stop was filled in part and canceled; the next stop was placed for the amount from before.",
)
def test_freqtrade_8374_the_next_stop_is_for_what_is_left() -> None:
    """The position is what fills made: a stop for more is denied, one for the rest goes out."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        first = (await bench.bot.execute(stop_sale("1"))).client_order_id
        bench.exchange.trigger(first)
        bench.exchange.trade(first, "0.4", "95")
        bench.exchange.end(first, VenueStatus.CANCELED)
        await bench.pass_ms(10)
        assert (bench.order(first).status, await bench.position()) == ("CANCELED", Decimal("0.6"))
        denied = await bench.bot.execute(stop_sale("1"))
        assert denied.order.denial_code == "REDUCE_ONLY_ADDS"
        assert "position=0.6" in denied.reasons
        assert (await bench.bot.execute(stop_sale("0.6"))).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#7083",
    story="An entry was filled in part; the part was missing in the record that its exit was sized from.",
)
def test_hummingbot_7083_an_exit_sells_the_part_that_was_filled() -> None:
    """Each fill moves the position as it comes, whole or not: the exit sells exactly the part."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.25", "100")
        bench.exchange.trade(name, "0.15", "99")
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(10)
        position = bench.bot.position(BTC)
        assert position is not None
        assert (position.quantity, position.cost) == (Decimal("0.4"), Decimal("39.85"))
        closing = bench.loop.create_task(bench.bot.close_position(BTC))
        await bench.pass_ms(10)
        exit_request = bench.exchange.submits[-1]
        assert exit_request.quantity == Decimal("0.4")
        bench.exchange.trade(exit_request.client_order_id, "0.4", "101")
        assert (await closing).is_flat

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#7129",
    "hummingbot/hummingbot#6980",
    story="A close at the market was filled to 95 % and called filled by the venue; the bot waited for the"
    " rest for ever.",
)
def test_hummingbot_7129_a_close_that_the_venue_calls_filled_ends() -> None:
    """A rest below the venue's minimum ends exit and closing: the bot is told what is left as dust."""

    async def main(bench: Bench) -> None:
        async def fills_most(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            exchange.trade(request.client_order_id, "0.095", "100")
            exchange.end(request.client_order_id, VenueStatus.FILLED)
            return await hangs(exchange, request)

        await bench.hold("0.1")
        bench.exchange.will_submit(fills_most)
        closing = bench.loop.create_task(bench.bot.close_position(BTC))
        await bench.pass_ms(MINUTE_MS)
        assert closing.done()
        result = await closing
        assert (result.code, result.quantity_left) == (CloseCode.DUST_LEFT, Decimal("0.005"))
        [exit_order] = [order for order in bench.kernel.orders() if order.reduces]
        assert exit_order.status == "FILLED"
        assert bench.kernel.orders(live_only=True) == ()
        assert (await bench.execute("buy", "0.1", "100")).status == "ACCEPTED"

    on_bench(main, exchange=smallest("0.01"))


@pytest.mark.gauntlet(
    "QuantConnect/Lean#4014",
    story="The broker told cumulative quantities and they were booked as further fills; the bot then sold"
    " more than it had.",
)
def test_lean_4014_a_cumulative_quantity_is_no_fill() -> None:
    """What a report counts only makes the trades be fetched; the position is their sum, no more is sold."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        for part in ("0.25", "0.25", "0.5"):
            bench.exchange.trade(name, part, "100", said=False)
            bench.exchange.say(bench.exchange.report(name))  # 0.25, 0.5 and 1 in all
            await bench.pass_ms(2_000)
        assert (bench.order(name).status, await bench.position()) == ("FILLED", Decimal(1))
        assert [fill.quantity for fill in bench.fills()] == [Decimal("0.25"), Decimal("0.25"), Decimal("0.5")]
        closing = bench.loop.create_task(bench.bot.close_position(BTC))
        await bench.pass_ms(10)
        assert bench.exchange.submits[-1].quantity == 1
        bench.exchange.trade(bench.exchange.submits[-1].client_order_id, "1", "100")
        assert (await closing).is_flat
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.gauntlet(
    "QuantConnect/Lean.Brokerages.TradeStation#84",
    story="A fill came while a change of the order was under way, and never reached the holdings.",
)
def test_lean_brokerages_tradestation_84_a_fill_during_a_modify_is_booked() -> None:
    """A fill is booked whatever else is under way; the change is resolved beside it."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.will_modify(modify_hangs)
        changing = bench.loop.create_task(bench.bot.modify_order(name, limit_price="101"))
        await bench.pass_ms(10)
        assert not changing.done()
        bench.exchange.trade(name, "0.4", "100")
        await bench.pass_ms(10)
        assert (bench.order(name).filled_quantity, await bench.position()) == (Decimal("0.4"), Decimal("0.4"))
        await bench.pass_ms(MINUTE_MS)
        await changing
        bench.exchange.trade(name, "0.6", "100")
        await bench.pass_ms(10)
        assert (bench.order(name).status, await bench.position()) == ("FILLED", Decimal(1))

    on_bench(main)


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#6907",
    story="An order that added to a trade timed out, was canceled, and its row was deleted with what it had"
    " filled.",
)
def test_freqtrade_6907_a_canceled_order_is_kept_with_its_fills() -> None:
    """A canceled order is never deleted: long gone from memory, it still takes its late fill and is found."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working("buy", "0.5", "99")
        bench.exchange.trade(name, "0.2", "99")
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(10)
        for _ in range(3):
            await bench.hold("0.1")
        assert bench.kernel.order(name) is None  # in the store only
        bench.exchange.trade(name, "0.3", "99")
        await bench.pass_ms(100)
        order = await bench.bot.find_order(name)
        assert order is not None
        assert (order.status, order.filled_quantity) == ("FILLED", Decimal("0.5"))
        assert await bench.position() == Decimal("1.8")
        await bench.die()
        await bench.start_another()
        assert await bench.position() == Decimal("1.8")

    on_bench(main, settings={"closed_orders_max": 1})


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#5633",
    "hummingbot/hummingbot#5037",
    story="The venue used one trade id for several fills; the database refused the second, and it was lost.",
)
def test_hummingbot_5633_a_trade_id_that_is_used_again_is_not_lost_in_silence() -> None:
    """For two orders both fills are booked; within one order the second halts, or is noted as not listed."""

    async def two_orders(bench: Bench) -> None:
        one, two = await bench.working("buy", "1", "100"), await bench.working("buy", "1", "99")
        bench.exchange.trade(one, "1", "100", trade_id="T77")
        bench.exchange.trade(two, "0.5", "99", trade_id="T77")
        await bench.pass_ms(10)
        assert await bench.position() == Decimal("1.5")
        assert (bench.anomalies(), bench.kernel.trading_state) == ([], TradingState.ACTIVE)

    async def other_figures(bench: Bench) -> None:
        name = await bench.working("buy", "1", "99")
        bench.exchange.trade(name, "0.5", "99", trade_id="T77")
        bench.exchange.trade(name, "0.25", "99", trade_id="T77")
        await bench.pass_ms(10)
        assert bench.anomalies() == ["trade_differs"]
        assert bench.kernel.trading_state is TradingState.HALTED
        assert "buy:0.25@99" in bench.kernel.trading_reason

    async def same_figures(bench: Bench) -> None:
        name = await bench.working("buy", "1", "99")
        bench.exchange.trade(name, "0.5", "99", trade_id="T77")
        bench.exchange.trade(name, "0.5", "99", trade_id="T77")
        await bench.pass_ms(5 * MINUTE_MS)
        assert (bench.order(name).status, await bench.position()) == ("PARTIALLY_FILLED", Decimal("0.5"))
        assert bench.anomalies() == ["contradiction"]
        assert bench.kernel.trading_state is TradingState.REDUCING
        assert "counts more as filled" in bench.order(name).detail

    on_bench(two_orders)
    on_bench(other_figures)
    on_bench(same_figures)
