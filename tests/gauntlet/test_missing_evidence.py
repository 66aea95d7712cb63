"""Missing evidence: stories in which an engine took silence for an answer and ended what was not over."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import Proposal
from fairlead.ports.exchange import (
    Answer,
    Fence,
    Outcome,
    SubmitRequest,
    VenuePosition,
    VenueStatus,
)
from fairlead.testing.modify_scripts import loses_modify, loses_modify_answer
from fairlead.testing.scripted_exchange import (
    ModifyScript,
    ScriptedExchange,
    answers,
    hangs,
    takes_cancel,
)
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench
from tests.core.kernel.changing import at_venue, live_at_venue, reserved, spawn_modify, spawn_replace

MINUTE_MS = 60_000
ONE = Decimal(1)
PERPETUAL = "BTC/USDT:USDT"


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4152",
    story="A cancel, a change or a submit that nobody answered in time was made final by the engine itself.",
)
def test_nautilus_trader_4152_a_cancel_that_nobody_answered_ends_nothing() -> None:
    """An unanswered cancel leaves the order live and reserved; when it fills after all, that is booked."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.will_cancel(*[hangs] * 100)
        await bench.bot.cancel(name)
        await bench.pass_ms(10 * MINUTE_MS)
        assert not bench.order(name).is_closed
        assert reserved(bench) == 1
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert (bench.order(name).status, await bench.position()) == ("FILLED", ONE)
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#5013",
    "nautechsystems/nautilus_trader#5036",
    story="A submit whose outcome was unknown ended as rejected; keeping it open had to be asked for.",
)
def test_nautilus_trader_5013_a_submit_without_an_outcome_is_kept() -> None:
    """It stays UNRESOLVED and reserved for days and over a restart, until the venue shows what it became."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        result = await bench.execute("buy", "1", "100")
        name = result.client_order_id
        await bench.pass_ms(24 * 60 * MINUTE_MS)
        await bench.die()
        await bench.start_another()
        assert (bench.order(name).status, reserved(bench)) == ("UNRESOLVED", ONE)
        bench.exchange.place(bench.exchange.submits[0])
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(MINUTE_MS)
        assert (bench.order(name).status, await bench.position()) == ("FILLED", ONE)
        assert bench.exchange.submits_of(name) == 1

    on_bench(main, fence=Fence.NONE)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3870",
    story="A market order filled within 200 ms ended as rejected, and its fill was never tied to it.",
)
def test_nautilus_trader_3870_a_fill_that_outran_the_answer_counts() -> None:
    """The fill comes first, then an answer that says refused: the order is FILLED, and the coins are held."""

    async def main(bench: Bench) -> None:
        async def fills_then_refuses(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            exchange.trade(request.client_order_id, "1", "100")
            await bench.pass_ms(200)
            return Answer(Outcome.REFUSED, reason="no such order")

        bench.exchange.will_submit(fills_then_refuses)
        bench.price("100")
        result = await bench.bot.execute(Proposal.buy(BTC, quantity="1"))
        await bench.pass_ms(MINUTE_MS)
        order = bench.order(result.client_order_id)
        assert (order.status, order.filled_quantity) == ("FILLED", ONE)
        assert await bench.position() == 1
        assert len(bench.exchange.submits) == 1

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4958",
    story="A rejection invented for an order in flight left a wrong position, and orphans at the venue.",
)
def test_nautilus_trader_4958_position_and_venue_agree_after_a_lost_answer() -> None:
    """The bot that asks again under its key gets the same order; the position is what the venue holds."""

    async def main(bench: Bench) -> None:
        async def fills_unheard(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            exchange.place(request)
            exchange.trade(request.client_order_id, "2", "100", said=False)
            exchange.net[PERPETUAL] = VenuePosition(PERPETUAL, Decimal(2))
            raise ConnectionResetError

        bench.exchange.will_submit(fills_unheard)
        first = await bench.execute("buy", "2", "100", symbol=PERPETUAL, key="entry-1")
        again = await bench.execute("buy", "2", "100", symbol=PERPETUAL, key="entry-1")
        assert first.unresolved
        assert again.client_order_id == first.client_order_id
        assert (await again.closed()).status == "FILLED"
        report = await bench.kernel.reconcile()
        assert (report.drifted, bench.kernel.net_quantity(PERPETUAL)) == (0, Decimal(2))
        assert len(bench.exchange.submits) == 1

    perpetual = instrument(PERPETUAL, base="BTC", quote="USDT")
    on_bench(main, exchange=ScriptedExchange([perpetual], positions=True))


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#3879",
    story="When its patience with cancels ran out the engine called orders canceled; new ones stacked up.",
)
def test_nautilus_trader_3879_quotes_do_not_stack_up() -> None:
    """A quoting bot whose cancels go unheard has one order at the venue, never a second beside it."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.will_cancel(*[hangs, takes_cancel] * 100)
        requote = spawn_replace(bench, name, limit_price="99")
        for _ in range(20):
            await bench.pass_ms(15_000)
            assert live_at_venue(bench) == [name]
            assert len(bench.exchange.submits) == 1
        bench.exchange.end(name, VenueStatus.CANCELED)
        result = await requote
        assert result.accepted
        assert live_at_venue(bench) == [result.new_order_id]
        assert reserved(bench) == 1

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4564",
    story="A change sent while the connection was down left two live orders at the venue.",
)
@pytest.mark.parametrize(("script", "price"), [(loses_modify, "100"), (loses_modify_answer, "99")])
def test_nautilus_trader_4564_a_change_in_a_broken_connection_makes_no_second_order(
    script: ModifyScript, price: str
) -> None:
    """Arrived or not, the change is looked up: one order at the venue, under the terms that we say it has."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.will_modify(script)
        change = spawn_modify(bench, name, limit_price="99", quantity="2")
        await bench.pass_ms()
        assert bench.exchange.sink is not None
        bench.exchange.sink.disconnected("the network is gone")
        await bench.pass_ms(MINUTE_MS)
        bench.exchange.sink.reconnected()
        result = await bench.bot.change_settled((await change).change_id)
        await bench.pass_ms(MINUTE_MS)
        order = bench.order(name)
        assert result.accepted is (script is loses_modify_answer)
        assert (order.limit_price, order.wish) == (Decimal(price), None)
        assert (at_venue(bench, name).quantity, at_venue(bench, name).limit_price) == (
            order.quantity,
            order.limit_price,
        )
        assert live_at_venue(bench) == [name]
        assert (len(bench.exchange.submits), len(bench.exchange.modifies)) == (1, 1)
        assert bench.anomalies() == ["venue_silent"]

    on_bench(main)


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4215",
    story="A submit went on being retried after its acceptance, and the duplicate was rejected.",
)
def test_nautilus_trader_4215_no_retry_after_the_acceptance() -> None:
    """Told to slow down, then shown the order alive: it is never sent a second time, and it works on."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(
            answers(Outcome.LIMITED, "slow down", 5_000_000_000), answers(Outcome.REFUSED, "duplicate id")
        )
        task = bench.spawn_execute("buy", "1", "100")
        await bench.pass_ms(1_000)
        name = bench.exchange.place(bench.exchange.submits[0]).client_order_id
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms(MINUTE_MS)
        await task
        assert bench.exchange.submits_of(name) == 1
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert (bench.order(name).status, await bench.position()) == ("FILLED", ONE)

    on_bench(main)
