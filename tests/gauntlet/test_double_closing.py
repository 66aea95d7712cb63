"""Double closing: stories of positions that were sold twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import CloseCode, Proposal
from fairlead.ports.exchange import Answer, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.accounting import accountant
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench
from tests.core.kernel.test_closings import sold, spawn_close

MINUTE_MS = 60_000


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#7503",
    story="A closing order had filled and nobody saw it; it was sent again until the balance was gone.",
)
def test_hummingbot_7503_an_exit_nobody_heard_of_is_not_sent_again() -> None:
    """Ten closers, ten more orders to sell, an exit that fills without a word: one sale is all there is."""

    async def main(bench: Bench) -> None:
        async def fills_unheard(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            exchange.trade(request.client_order_id, str(request.quantity), "110", said=False)
            raise ConnectionResetError

        await bench.hold("2", "100")
        bench.exchange.will_submit(*[fills_unheard] * 10)
        again = Proposal.sell(BTC, quantity="2", limit_price="109", reduce_only=True)
        tasks = []
        for _ in range(10):
            tasks.append(spawn_close(bench))
            await bench.pass_ms(700)
            assert (await bench.bot.execute(again)).denied
        results = [await task for task in tasks]
        assert {result.is_flat for result in results} == {True}
        assert sold(bench) == 2
        assert bench.exchange.held["BTC"] == 10
        assert len(bench.exchange.submits) == 2

    on_bench(main, exchange=accountant())


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#13332",
    story="An exit that had filled to 99.99 % stayed open for minutes, and the position was sold again.",
)
def test_freqtrade_13332_a_nearly_filled_exit_is_not_doubled() -> None:
    """While the rest of an exit works a second closer joins it; what is sold is what was held, no more."""

    async def main(bench: Bench) -> None:
        await bench.hold("10", "100")
        first = spawn_close(bench)
        await bench.pass_ms()
        exit_name = bench.exchange.submits[-1].client_order_id
        bench.exchange.trade(exit_name, "9.999", "110")
        await bench.pass_ms(5 * MINUTE_MS)
        second = spawn_close(bench)
        by_hand = await bench.execute("sell", "10", "110")
        assert by_hand.denied
        await bench.pass_ms()
        assert len(bench.exchange.submits) == 2
        bench.exchange.trade(exit_name, "0.001", "110")
        results = [await first, await second]
        assert {result.code for result in results} <= {CloseCode.CLOSED, CloseCode.ALREADY_FLAT}
        assert (sold(bench), await bench.position()) == (Decimal(10), Decimal(0))

    rules = instrument(BTC, minimum_quantity="0.01")
    on_bench(main, exchange=ScriptedExchange([rules]))


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#2799",
    story="A limit exit had filled, and another order to leave the same position was placed after it.",
)
def test_freqtrade_2799_no_second_exit_for_what_an_exit_took() -> None:
    """While an exit works, and after it filled unheard, a second one for the same coins is never sent."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        first = await bench.working("sell", "2", "110")
        second = await bench.execute("sell", "2", "95")
        assert second.order.denial_code == "EXIT_TAKEN"
        bench.exchange.trade(first, "2", "110", said=False)
        assert (await bench.execute("sell", "2", "95")).order.denial_code == "EXIT_TAKEN"
        await bench.kernel.reconcile()
        closed = await bench.bot.close_position(BTC)
        assert closed.code is CloseCode.ALREADY_FLAT
        assert [request.client_order_id for request in bench.exchange.submits[1:]] == [first]
        assert bench.exchange.orders[first].status is VenueStatus.FILLED

    on_bench(main)
