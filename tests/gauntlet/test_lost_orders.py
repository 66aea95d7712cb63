"""Lost and ghost orders: what the venue knows and the bot does not, and the other way round."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from fairlead import TradingState
from fairlead.ports.exchange import Answer, Fence, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    fails_to_look,
    finds_half,
    loses_answer,
    takes_cancel,
)
from tests.core.kernel.bench import BTC, Bench, on_bench

OUTAGE_MS = 30 * 60_000
HOURS_MS = 6 * 3_600_000


def go_dark(bench: Bench) -> None:
    """Let the stream break and every question fail, as when names can no longer be resolved."""
    assert bench.exchange.sink is not None
    bench.exchange.sink.disconnected("name resolution failed")
    for question in ("open_orders", "fills_since", "instruments", "balances"):
        bench.exchange.will_fail(question, 100_000)
    bench.exchange.will_look_up(*[fails_to_look] * 200)


def see_again(bench: Bench) -> None:
    """Let everything be answered again, and the stream be back."""
    bench.exchange.failing.clear()
    bench.exchange._look_up_scripts.clear()
    assert bench.exchange.sink is not None
    bench.exchange.sink.reconnected()


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#8457",
    story="Names could not be resolved for a while; each failed question counted as 'no such order', and six"
    " sells that the venue had accepted were given up as failed: nobody tracked what they sold.",
)
def test_hummingbot_8457_an_outage_ends_no_order() -> None:
    """While the venue cannot be reached nothing is concluded: the six sells stay, their fills are booked."""

    async def main(bench: Bench) -> None:
        await bench.hold("0.006")
        names = [await bench.working("sell", "0.001", "101") for _ in range(6)]
        go_dark(bench)
        for name in names:
            bench.exchange.trade(name, "0.001", "101", said=False)
        await bench.pass_ms(OUTAGE_MS)
        assert {bench.order(name).status for name in names} == {"ACCEPTED"}
        refused = await bench.execute("buy", "1", "100")
        assert (refused.status, len(bench.exchange.submits)) == ("DENIED", 7)
        see_again(bench)
        await bench.pass_ms(1_000)
        assert {bench.order(name).status for name in names} == {"FILLED"}
        assert await bench.position() == 0
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#3374",
    story="After a short loss of the network old buys were not found a few times, and the bot forgot them;"
    " they stayed at the venue, and one filled six hours later.",
)
def test_hummingbot_3374_an_old_buy_is_remembered_for_hours() -> None:
    """A working order that is not found stays: its late fill is booked, and the other can be canceled."""

    async def main(bench: Bench) -> None:
        one, two = await bench.working("buy", "1", "95"), await bench.working("buy", "1", "90")
        go_dark(bench)
        await bench.pass_ms(20_000)
        at_the_venue, bench.exchange.orders = bench.exchange.orders, {}
        see_again(bench)  # a venue that has not all of its own orders back yet
        await bench.pass_ms(10 * 60_000)
        assert bench.exchange.look_ups.count(one) >= 3
        bench.exchange.orders = at_the_venue
        await bench.pass_ms(HOURS_MS)
        bench.exchange.trade(one, "1", "95")
        await bench.pass_ms(10)
        assert (bench.order(one).status, await bench.position()) == ("FILLED", Decimal(1))
        assert (await bench.bot.cancel(two)).accepted
        await bench.pass_ms(10)
        assert bench.exchange.orders[two].status is VenueStatus.CANCELED
        assert bench.order(two).status == "CANCELED"

    on_bench(main)


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#1357",
    story="The venue's acknowledgement was missed: it had two orders, the bot knew of one, and when the bot"
    " stopped the other stayed behind.",
)
def test_hummingbot_1357_a_stop_leaves_no_order_whose_answer_was_missed() -> None:
    """The order without an answer is found by its id and canceled with the other before the kernel stops."""

    async def main(bench: Bench) -> None:
        one = await bench.working("buy", "1", "95")
        bench.exchange.will_submit(loses_answer)
        two = (await bench.execute("buy", "1", "96")).client_order_id
        assert bench.order(two).status == "UNRESOLVED"
        await bench.kernel.stop()
        assert {order.status for order in bench.exchange.orders.values()} == {VenueStatus.CANCELED}
        assert {bench.order(name).status for name in (one, two)} == {"CANCELED"}

    on_bench(main, settings={"on_stop": "cancel_entries"})


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#1295",
    "hummingbot/hummingbot#750",
    story="A partly filled order was over at the venue and open in the bot for ever, where it blocked every"
    " new order.",
)
def test_hummingbot_1295_an_order_that_is_over_does_not_block_new_ones() -> None:
    """The next reconciliation looks it up: its trade is booked, it has ended, and its room is free again."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working("sell", "1", "101")
        bench.exchange.trade(name, "0.4", "101")
        await bench.pass_ms(10)
        bench.exchange.trade(name, "0.1", "101", said=False)
        bench.exchange.end(name, VenueStatus.CANCELED, said=False)
        blocked = await bench.execute("sell", "0.5", "101")
        assert blocked.order.denial_code == "EXIT_TAKEN"
        await bench.pass_ms(61_000)
        order = bench.order(name)
        assert (order.status, order.filled_quantity) == ("CANCELED", Decimal("0.5"))
        again = await bench.execute("sell", "0.5", "101")
        assert again.status == "ACCEPTED"
        bench.exchange.trade(again.client_order_id, "0.5", "101")
        await bench.pass_ms(10)
        assert await bench.position() == 0

    on_bench(main)


@pytest.mark.gauntlet(
    "barter-rs/barter-rs#206",
    story="The stream said filled 8 ms before the answer said accepted; the filled order had been deleted by"
    " then, so the answer made it again, open.",
)
def test_barter_rs_206_a_late_acknowledgement_makes_no_ghost() -> None:
    """The acknowledgement that comes 8 ms after the fill adds the venue's id to the filled order, no more."""

    async def main(bench: Bench) -> None:
        async def fills_first(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            order = exchange.place(request)
            exchange.trade(request.client_order_id, "1", "100")
            await bench.pass_ms(8)
            exchange.say(replace(exchange.report(request.client_order_id), status=VenueStatus.LIVE))
            return Answer(Outcome.ACCEPTED, venue_order_id=order.venue_order_id)

        bench.exchange.will_submit(fills_first)
        result = await bench.execute("buy", "1", "100")
        await bench.pass_ms(10)
        order = bench.order(result.client_order_id)
        assert (order.status, order.venue_order_id) == ("FILLED", "V1")
        [position] = bench.kernel.positions()
        assert (position.quantity, position.pending_openings) == (Decimal(1), 0)
        assert len(bench.kernel.orders()) == 1
        assert bench.exchange.cancels == []

    on_bench(main)


@pytest.mark.gauntlet(
    "btschwertfeger/kraken-infinity-grid#82",
    story="The stream said filled while the list of open orders showed the order for up to a minute; the bot"
    " took that for a fault and ended.",
)
def test_kraken_infinity_grid_82_an_old_reading_takes_no_fill_back() -> None:
    """The fill is the stronger evidence: it stays filled whatever the list says, and trading goes on."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(10)
        bench.exchange.orders[name].status = VenueStatus.LIVE  # as its list still has it
        bench.exchange.orders[name].filled_quantity = Decimal(0)
        for _ in range(6):
            await bench.pass_ms(10_000)
            await bench.kernel.reconcile()
            assert bench.order(name).status == "FILLED"
        assert await bench.position() == 1
        assert bench.exchange.cancels == []
        assert (await bench.execute("sell", "1", "101")).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.gauntlet(
    "JKorf/Kraken.Net#115",
    story="A fill was not on the stream for a minute, and then the order showed up there as canceled only.",
)
def test_kraken_net_115_a_cancel_does_not_hide_the_fill_before_it() -> None:
    """The report counts more than was booked: the trade is fetched first, then the end is believed."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.7", "100", fee="0.07", said=False)
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms(2_000)
        order = bench.order(name)
        assert (order.status, order.filled_quantity) == ("CANCELED", Decimal("0.7"))
        position = bench.bot.position(BTC)
        assert position is not None
        assert (position.quantity, position.cost, position.fees) == (
            Decimal("0.7"),
            Decimal(70),
            Decimal("0.07"),
        )

    on_bench(main)


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#3647",
    story="The venue said that the cancel was done, the bot booked it, and the order lived on at the venue.",
)
def test_freqtrade_3647_a_taken_cancel_is_a_request_until_the_end_is_seen() -> None:
    """The order stays open here, its quantity reserved, and the cancel is asked again until it has ended."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working("sell", "1", "101")
        bench.exchange.will_cancel(takes_cancel)
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(500)
        assert bench.order(name).status == "PENDING_CANCEL"
        assert (await bench.execute("sell", "1", "101")).order.denial_code == "EXIT_TAKEN"
        await bench.pass_ms(5_000)
        assert bench.exchange.cancels == [name, name]
        assert bench.exchange.orders[name].status is VenueStatus.CANCELED
        assert bench.order(name).status == "CANCELED"
        assert (await bench.execute("sell", "1", "101")).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#1858",
    story="Kraken reported the order canceled, then it filled; the bot held coins that it had no trade for.",
)
def test_freqtrade_1858_a_fill_after_the_cancel_is_booked() -> None:
    """The fill is booked on the canceled order and the position, noted as late, and survives a restart."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(10)
        assert bench.order(name).status == "CANCELED"
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(10)
        await bench.die()
        await bench.start_another()
        assert (bench.order(name).status, await bench.position()) == ("FILLED", Decimal(1))
        assert bench.anomalies() == ["late_fill"]
        sale = await bench.execute("sell", "1", "101")
        assert sale.status == "ACCEPTED"

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4411",
    story="An order that was alive at the venue was looked for in one of its lists only, was not there, and"
    " was resolved as rejected.",
)
@pytest.mark.parametrize("fence", [Fence.DEADLINE, Fence.PERMANENT_CLIENT_ID])
def test_nautilus_trader_4411_one_list_without_the_order_proves_nothing(fence: Fence) -> None:
    """A look-up that could not read every list concludes nothing; the next whole one finds the order."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_answer)
        bench.exchange.will_look_up(*[finds_half] * 4)
        name = (await bench.execute("buy", "1", "100")).client_order_id
        waited_s = 0
        while len(bench.exchange.look_ups) < 4 and waited_s < 120:
            await bench.pass_ms(1_000)
            waited_s += 1
        assert bench.order(name).status == "UNRESOLVED"
        await bench.pass_ms(60_000)
        assert bench.order(name).status == "ACCEPTED"
        assert bench.exchange.submits_of(name) == 1
        assert bench.anomalies() == []

    on_bench(main, fence=fence, horizon_ns=1)
