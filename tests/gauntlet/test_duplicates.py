"""Duplicate orders after a timeout: the outcome was unknown, it was taken for a failure, and sent again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fairlead import Proposal
from fairlead.ports.exchange import Answer, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    SubmitScript,
    answers,
    fails_to_look,
    hangs,
    loses_answer,
)
from tests.core.kernel.bench import BTC, Bench, on_bench

MINUTE_MS = 60_000


async def arrives_and_hangs(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order arrives, and the connection stays silent for ever."""
    exchange.place(request)
    return await hangs(exchange, request)


async def executes_and_hangs(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order arrives and is filled at once; neither its answer nor its fill is heard."""
    exchange.place(request)
    exchange.trade(request.client_order_id, str(request.quantity), "100", said=False)
    return await hangs(exchange, request)


async def executes_and_breaks(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order is filled at once, and a gateway in between answers 502."""
    exchange.place(request)
    exchange.trade(request.client_order_id, str(request.quantity), "100", said=False)
    return Answer(Outcome.UNKNOWN, reason="502 Bad Gateway")


def alive(bench: Bench) -> list[str]:
    """Return the orders that the venue holds alive."""
    return [name for name, order in bench.exchange.orders.items() if order.status is VenueStatus.LIVE]


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#493",
    story="Requests that timed out counted as failures, so the bot placed its ladder a second time.",
)
def test_hummingbot_493_a_ladder_that_timed_out_is_not_placed_twice() -> None:
    """The rungs are unresolved, not failed; the bot's keys lead to the same three orders."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(*[arrives_and_hangs] * 3)
        rungs = ["99", "98", "97"]
        first = [bench.spawn_execute("buy", "1", price, key=f"rung-{price}") for price in rungs]
        placed = [result.client_order_id for result in await asyncio.gather(*first)]
        assert {bench.order(name).status for name in placed} == {"UNRESOLVED"}
        for _ in range(10):  # the bot looks at its ladder and repairs what is missing
            again = [await bench.execute("buy", "1", price, key=f"rung-{price}") for price in rungs]
            assert [result.client_order_id for result in again] == placed
            await bench.pass_ms(5_000)
        assert sorted(alive(bench)) == sorted(placed)
        assert [bench.exchange.submits_of(name) for name in placed] == [1, 1, 1]
        assert {bench.order(name).status for name in placed} == {"ACCEPTED"}

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#2342",
    story="A sell that timed out was booked as failed and was alive at the venue; the coins were sold again.",
)
def test_hummingbot_2342_a_sell_without_an_answer_keeps_its_coins() -> None:
    """While nobody knows, the coins stay reserved: a second sell is denied, and the first is found."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        bench.exchange.will_submit(arrives_and_hangs)
        sale = await bench.execute("sell", "1", "101")
        assert sale.unresolved
        second = await bench.execute("sell", "1", "101")
        assert second.order.denial_code == "EXIT_TAKEN"
        await bench.pass_ms(MINUTE_MS)
        assert bench.order(sale.client_order_id).status == "ACCEPTED"
        assert alive(bench) == [sale.client_order_id]
        bench.exchange.trade(sale.client_order_id, "1", "101")
        await bench.pass_ms(10)
        assert await bench.position() == 0

    on_bench(main)


@pytest.mark.gauntlet(
    "scrtlabs/catalyst#317",
    "scrtlabs/catalyst#315",
    story="After a read timeout the framework ordered again, without knowing that the first order was there;"
    " both were executed.",
)
def test_catalyst_317_ordering_again_is_the_same_order() -> None:
    """The bot gives up waiting and orders again with its key: it gets the first order, filled once."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(executes_and_hangs)
        for _ in range(3):
            impatient = bench.spawn_execute("buy", "1", "100", key="signal-7")
            await bench.pass_ms(1_000)
            assert len(bench.exchange.submits) == 1
            impatient.cancel()
        result = await bench.execute("buy", "1", "100", key="signal-7")
        order = await result.closed()
        assert (order.status, order.filled_quantity) == ("FILLED", Decimal(1))
        assert await bench.position() == 1
        assert (len(bench.exchange.submits), len(bench.kernel.orders())) == (1, 1)

    on_bench(main)


@pytest.mark.gauntlet(
    "ccxt/ccxt#2599",
    story="The order went through after the timeout, and the caller had no id under which to ask for it.",
)
def test_ccxt_2599_the_id_is_on_disk_before_the_request_leaves() -> None:
    """A process that dies in the request knows the order by its id afterwards, and books its fill."""

    async def main(bench: Bench) -> None:
        known: list[bool] = []

        async def looks_at_the_disk(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            name = request.client_order_id
            known.append(any(name.encode() in envelope.payload for envelope in bench.disk.envelopes))
            return await executes_and_hangs(exchange, request)

        bench.exchange.will_submit(looks_at_the_disk)
        task = bench.spawn_execute("buy", "1", "100")
        await bench.pass_ms(100)
        await bench.die()
        assert known == [True]
        await bench.start_another()
        await bench.pass_ms(MINUTE_MS)
        [order] = bench.kernel.orders()
        assert (order.client_order_id, order.status) == (bench.exchange.submits[0].client_order_id, "FILLED")
        assert await bench.position() == 1
        assert len(bench.exchange.submits) == 1
        task.cancel()

    on_bench(main)


@pytest.mark.gauntlet(
    "ccxt/ccxt#22200",
    story="Creating the order on Kraken's socket raised an error although it had been placed; the caller fell"
    " back on the other interface, and the order was there twice.",
)
def test_ccxt_22200_a_second_path_carries_the_same_id() -> None:
    """A second attempt has the first one's id, so the venue refuses it; what lives on unknown is canceled."""

    async def main(bench: Bench) -> None:
        async def turned_away_yet_placed(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            return Answer(Outcome.LIMITED, reason="the socket said no")

        async def refuses_a_known_id(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            if request.client_order_id in exchange.orders:
                return Answer(Outcome.REFUSED, reason="duplicate client order id")
            return Answer(Outcome.ACCEPTED, venue_order_id=exchange.place(request).venue_order_id)

        bench.exchange.will_submit(turned_away_yet_placed, refuses_a_known_id)
        result = await bench.execute("buy", "1", "100")
        ids = [request.client_order_id for request in bench.exchange.submits]
        assert ids == [result.client_order_id] * 2
        assert len(bench.exchange.orders) == 1
        assert result.status == "REJECTED"
        await bench.pass_ms(2 * MINUTE_MS)
        assert alive(bench) == []
        assert "zombie" in bench.anomalies()
        assert await bench.position() == 0

    on_bench(main)


@pytest.mark.gauntlet(
    "5an1ty/BitBot#27",
    "knowm/XChange#1899",
    story="Kraken answered 502 to a sell that it had executed; the bot sold again, coins that it did not mean"
    " to sell.",
)
def test_bitbot_27_a_sell_that_broke_at_the_gateway_is_made_once() -> None:
    """A broken answer says nothing: the sell is looked up, never sent again, and its fill is found."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        bench.exchange.will_submit(executes_and_breaks)
        closing = bench.loop.create_task(bench.bot.close_position(BTC))
        await bench.pass_ms(MINUTE_MS)
        result = await closing
        assert (result.is_flat, result.exits) == (True, 1)
        assert [str(request.side) for request in bench.exchange.submits] == ["buy", "sell"]
        assert await bench.position() == 0
        assert sum(fill.quantity for fill in bench.fills() if fill.side == "sell") == 1

    on_bench(main)


@pytest.mark.gauntlet(
    "bennycode/trading-signals#1178",
    story="The library's HTTP client repeated every request that failed, orders too, up to twenty times.",
)
@pytest.mark.parametrize("failure", [loses_answer, hangs, answers(Outcome.UNKNOWN, "reset by peer")])
def test_trading_signals_1178_a_failed_request_is_not_repeated(failure: SubmitScript) -> None:
    """The client is asked to place an order once, whatever comes of it, for as long as anybody looks."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(*[failure] * 20)
        result = await bench.execute("buy", "1", "100")
        await bench.pass_ms(60 * MINUTE_MS)
        assert len(bench.exchange.submits) == 1
        there = result.client_order_id in bench.exchange.orders
        assert bench.order(result.client_order_id).status == ("ACCEPTED" if there else "NOT_PLACED")

    on_bench(main)


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#11461",
    story="An order that added to a trade was reported canceled while it filled; a second was placed, and"
    " both filled.",
)
def test_freqtrade_11461_a_canceled_entry_counts_until_its_fills_are_read() -> None:
    """The report counts a fill that is not booked yet: a new target waits for it, then has nothing to buy."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working("buy", "1", "99")
        bench.exchange.trade(name, "1", "99", said=False)
        bench.exchange.will_look_up(fails_to_look)  # so that the trade is read a second later
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms(10)
        target = Proposal(symbol=BTC, target="2", limit_price="99")
        at_once = await bench.bot.execute(target)
        assert at_once.order.denial_code == "TARGET_PENDING"
        await bench.pass_ms(MINUTE_MS)
        later = await bench.bot.execute(target)
        assert later.order.denial_code == "TARGET_REACHED"
        assert await bench.position() == 2
        assert len(bench.exchange.submits) == 2

    on_bench(main)
