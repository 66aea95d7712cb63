"""Fills and events: stories of fills that were lost, booked wrong or told to nobody."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import Proposal, TradingState
from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.events import Event, FillBooked, KernelChanged, OrderChanged, PositionChanged
from fairlead.domain.records import AnomalyNoted
from fairlead.ports.exchange import Answer, Outcome, SubmitRequest, VenueStatus
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.accounting import accountant, balance
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.faults import fail_from
from tests.core.kernel.test_closings import fills

MINUTE_MS = 60_000
ONE = Decimal(1)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3869",
    "QuantConnect/Lean.Brokerages.TradeStation#101",
    story="The stream left out single fills: of 18 placed orders 4 were heard of, the others looked open.",
)
def test_nautilus_trader_3869_fills_that_the_stream_leaves_out_are_found() -> None:
    """A scheduled reading of the history books the 14 others; each is told to the bot, once."""

    async def main(bench: Bench) -> None:
        heard: list[FillBooked] = []
        bench.kernel.events.subscribe(heard.append, FillBooked)
        names = [await bench.working("buy", "1", "100") for _ in range(18)]
        for number, name in enumerate(names):
            bench.exchange.trade(name, "1", "100", said=number < 4)
        await bench.pass_ms()
        assert await bench.position() == 4
        await bench.pass_ms(5 * MINUTE_MS)
        assert await bench.position() == 18
        assert sorted(event.fill.client_order_id for event in heard) == sorted(names)
        assert bench.kernel.orders(live_only=True) == ()

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4124",
    story="A fill came over the socket, and the strategy's callback never ran.",
)
def test_nautilus_trader_4124_a_fill_reaches_the_bot_whatever_others_do() -> None:
    """It comes before its order's acknowledgement, past a callback that fails: the bot hears it, once."""

    async def main(bench: Bench) -> None:
        def fails(_event: object) -> None:
            raise ValueError("somebody else's callback")

        async def fills_first(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            order = exchange.place(request)
            exchange.trade(request.client_order_id, "1", "100")
            await bench.pass_ms(50)
            return Answer(Outcome.ACCEPTED, order.venue_order_id)

        heard: list[FillBooked] = []
        bench.kernel.events.subscribe(fails)
        bench.kernel.events.subscribe(heard.append, FillBooked)
        bench.exchange.will_submit(fills_first)
        result = await bench.execute("buy", "1", "100")
        await bench.pass_ms()
        assert len(heard) == 1
        event = heard[0]
        assert (event.fill.client_order_id, event.fill.quantity) == (result.client_order_id, ONE)
        assert event.order.status == "FILLED"

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4157",
    story="Events that an order's state does not allow were refused, and told to strategies all the same.",
)
def test_nautilus_trader_4157_what_cannot_be_is_not_told_as_if_it_were() -> None:
    """Accepted, canceled and expired after the fill: the bot is told nothing of them, and nothing moves."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        accepted = bench.exchange.report(name)
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        heard: list[Event] = []
        bench.kernel.events.subscribe(heard.append, OrderChanged, PositionChanged, FillBooked)
        bench.exchange.say(accepted)
        for status in (VenueStatus.CANCELED, VenueStatus.EXPIRED, VenueStatus.REJECTED):
            bench.exchange.end(name, status)
        await bench.pass_ms(1_000)
        assert heard == []
        order = bench.order(name)
        assert (order.status, order.filled_quantity, await bench.position()) == ("FILLED", ONE, ONE)

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4909",
    story="A fill that the engine declined left nothing that a subscriber could have acted on.",
)
def test_nautilus_trader_4909_a_fill_that_cannot_be_is_told_and_stops_trading() -> None:
    """More filled than ordered is booked in full, told as an anomaly and halts; an impossible one as well."""

    async def main(bench: Bench) -> None:
        told: list[AnomalyNoted] = []

        def hear(event: KernelChanged) -> None:
            if isinstance(event.record, AnomalyNoted):
                told.append(event.record)

        bench.kernel.events.subscribe(hear, KernelChanged)
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "1.5", "100")
        other = await bench.working("buy", "1", "100", symbol=ETH)
        bench.exchange.trade(other, "1", "100", fee="2", fee_currency="ETH")
        await bench.pass_ms()
        assert [(record.anomaly, record.subject) for record in told] == [
            (AnomalyKind.OVERFILL, name),
            (AnomalyKind.IMPOSSIBLE_FILL, other),
        ]
        assert await bench.position() == Decimal("1.5")
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4714",
    story="A fill for a hedging position that was closed already terminated the process.",
)
def test_nautilus_trader_4714_a_fill_on_a_closed_hedging_position_is_booked() -> None:
    """It is booked on its own position and noted; the kernel goes on, and the other position is as it was."""

    async def main(bench: Bench) -> None:
        hedger = bench.kernel.session(owner="bot", hedging=True)
        entry = await hedger.execute(Proposal.buy(BTC, quantity="1", limit_price="100"))
        other = await hedger.execute(Proposal.buy(BTC, quantity="3", limit_price="100"))
        for result, quantity in ((entry, "1"), (other, "3")):
            bench.exchange.trade(result.client_order_id, quantity, "100")
        await bench.pass_ms()
        bench.exchange.will_submit(fills)
        bench.price("110")
        closed = await hedger.close_position(BTC, position_id=entry.order.position_id)
        assert closed.is_flat
        bench.exchange.trade(entry.client_order_id, "0.25", "100")
        await bench.pass_ms(1_000)
        held = {each.position_id: each.quantity for each in hedger.open_positions(BTC)}
        assert held == {entry.order.position_id: Decimal("0.25"), other.order.position_id: 3}
        assert "overfill" in bench.anomalies()
        assert bench.kernel._parts.failure is None

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3450",
    story="The venue gave several orders the same trade id, and all but one fill were taken for repetitions.",
)
def test_nautilus_trader_3450_one_trade_id_for_two_orders_is_two_fills() -> None:
    """A trade id counts for its order alone: both are booked, each once, also when they come again."""

    async def main(bench: Bench) -> None:
        one = await bench.working("buy", "1", "100")
        two = await bench.working("buy", "2", "100")
        reports = [
            bench.exchange.trade(one, "1", "100", trade_id="T-77"),
            bench.exchange.trade(two, "2", "100", trade_id="T-77"),
        ]
        bench.exchange.say(*reports)
        await bench.pass_ms()
        await bench.restart()
        await bench.kernel.reconcile()
        assert await bench.position() == 3
        assert [fill.client_order_id for fill in bench.fills()] == [one, two]
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#2689",
    story="A commission taken in the bought coin was missing from the position, and the result was off.",
)
def test_nautilus_trader_2689_a_fee_in_the_bought_coin_leaves_the_position() -> None:
    """Bought 1 less 0.001 of fee, sold 0.999 at 50,100: 49.90 earned, as much as the account has more."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "50000")
        bench.exchange.trade(name, "1", "50000", fee="0.001", fee_currency="BTC")
        await bench.pass_ms()
        assert await bench.position() == Decimal("0.999")
        exit_name = await bench.working("sell", "0.999", "50100")
        bench.exchange.trade(exit_name, "0.999", "50100")
        await bench.pass_ms()
        (position,) = bench.kernel.positions()
        assert (position.quantity, position.realized_pnl) == (Decimal(0), Decimal("49.90"))
        assert balance(bench, "USDT").fills == Decimal("49.90")
        assert (await bench.kernel.reconcile()).unbalanced == 0

    on_bench(main, exchange=accountant({"USDT": "100000"}))


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4498",
    story="Storing a filled order failed inside the database layer, and the write was lost.",
)
@pytest.mark.parametrize("fault", [*AppendFault])
def test_nautilus_trader_4498_a_fill_whose_write_failed_is_not_lost(fault: AppendFault) -> None:
    """However the write of a fill fails, the journal has it afterwards, once, and nothing was told before."""

    async def main(bench: Bench) -> None:
        heard: list[FillBooked] = []
        bench.kernel.events.subscribe(heard.append, FillBooked)
        name = await bench.working("buy", "1", "100")
        fail_from(bench, 1, fault)
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(2 * MINUTE_MS)
        assert [fill.client_order_id for fill in bench.fills()] == [name]
        assert len(heard) == 1
        assert await bench.position() == 1
        await bench.die()
        await bench.start_another()
        assert await bench.position() == 1

    on_bench(main)
