"""Minimum size, precision and dust: rests too small to trade, and sizes that the venue refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import CloseCode, Proposal
from fairlead.ports.exchange import Outcome, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, answers
from fairlead_riskhooks.maximum_positions import MaximumPositions, MaximumPositionsSettings
from fairlead_riskhooks.minimum_size import MinimumSize, MinimumSizeSettings, SizeLimits
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench

MINUTE_MS = 60_000


def ruled(**rules: object) -> ScriptedExchange:
    """Return a venue with these rules for both symbols."""
    return ScriptedExchange([instrument(BTC, **rules), instrument(ETH, **rules)])


async def closing_sells(bench: Bench, price: str = "100") -> Decimal:
    """Close the position at the market, let the venue fill the exit; return what it sold."""
    closing = bench.loop.create_task(bench.bot.close_position(BTC))
    await bench.pass_ms(10)
    request = bench.exchange.submits[-1]
    bench.exchange.trade(request.client_order_id, str(request.quantity), price)
    await closing
    return request.quantity


@pytest.mark.gauntlet(
    "ccxt/ccxt#8816",
    story="Kraken ends orders with one or two hundred-millionths unfilled, as an insignificant rest; whoever"
    " waits for the whole quantity waits for ever.",
)
def test_ccxt_8816_an_insignificant_rest_ends_the_order() -> None:
    """The order is filled, its rest noted, nothing stays reserved, and exactly what was bought is sold."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "0.5", "100")
        bench.exchange.trade(name, "0.49999998", "100")
        bench.exchange.end(name, VenueStatus.FILLED, reason="insignificant volume remaining")
        await bench.pass_ms(10)
        order = bench.order(name)
        assert (order.status, order.leaves_quantity) == ("FILLED", Decimal("0.00000002"))
        [position] = bench.kernel.positions()
        assert (position.quantity, position.pending_openings) == (Decimal("0.49999998"), 0)
        assert bench.anomalies() == ["residue"]
        assert await closing_sells(bench) == Decimal("0.49999998")
        assert await bench.position() == 0

    on_bench(main, exchange=ruled(quantity_increment="0.00000001", minimum_quantity="0.0001"))


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#10925",
    "freqtrade/freqtrade#7586",
    "freqtrade/freqtrade#4163",
    story="What an exit left was below the venue's minimum: the trade stayed open for ever, with an exit that"
    " was refused again and again.",
)
def test_freqtrade_10925_a_rest_below_the_minimum_is_dust() -> None:
    """No exit is sent for it: the closing says what is left; it stays a position and goes with the next."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await bench.working("sell", "1", "101")
        bench.exchange.trade(name, "0.95", "101")
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms(10)
        result = await bench.bot.close_position(BTC)
        assert (result.code, result.quantity_left, result.exits) == (CloseCode.DUST_LEFT, Decimal("0.05"), 0)
        await bench.pass_ms(10 * MINUTE_MS)
        assert len(bench.exchange.submits) == 2
        assert (await bench.kernel.reconcile()).dust == 1
        denied = await bench.execute("buy", "0.1", "100", symbol=ETH)
        assert denied.order.denial_code == "POSITIONS_LIMIT_REACHED"
        await bench.hold("0.1")
        assert await closing_sells(bench) == Decimal("0.15")
        assert await bench.position() == 0
        assert (await bench.execute("buy", "0.1", "100", symbol=ETH)).status == "ACCEPTED"

    one_position = MaximumPositions(MaximumPositionsSettings(total=1))
    on_bench(main, exchange=ruled(minimum_quantity="0.1"), checks=[one_position])


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#8229",
    story="A rule meant to keep rests tradable held, by a slip, of every pair: no exit could be canceled any"
    " more.",
)
@pytest.mark.parametrize("symbol", [BTC, ETH])
@pytest.mark.parametrize("filled", ["", "0.5", "0.95"])
def test_freqtrade_8229_an_exit_can_be_canceled_whatever_it_leaves(symbol: str, filled: str) -> None:
    """A cancel goes out whatever was filled, also when the rest is below the minimum."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", symbol=symbol)
        name = await bench.working("sell", "1", "101", symbol=symbol)
        if filled:
            bench.exchange.trade(name, filled, "101")
            await bench.pass_ms(10)
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(10)
        assert bench.exchange.cancels == [name]
        assert bench.order(name).status == "CANCELED"
        assert await bench.position(symbol) == 1 - Decimal(filled or 0)

    on_bench(main, exchange=ruled(minimum_quantity="0.1"))


@pytest.mark.gauntlet(
    "ccxt/ccxt#10944",
    "ccxt/ccxt#26825",
    story="The market data said that the minimum cost was nothing, or too little, and the venue refused the"
    " orders.",
)
@pytest.mark.parametrize("known", ["learned from the venue", "configured"])
def test_ccxt_10944_a_wrong_minimum_cost_is_found_out_once_or_configured(known: str) -> None:
    """After one refusal the rules are read again, and the next order is denied here; or by a setting."""
    exchange = ruled(minimum_cost="0.01")
    limits = {BTC: SizeLimits(minimum_cost=Decimal("5.5"))} if known == "configured" else {}

    async def main(bench: Bench) -> None:
        if known != "configured":
            await bench.pass_ms(MINUTE_MS)
            exchange.rules[:] = [instrument(symbol, minimum_cost="5.5") for symbol in (BTC, ETH)]
            exchange.will_submit(answers(Outcome.REFUSED, "costmin not met", names_rules=True))
            assert (await bench.execute("buy", "0.05", "100")).status == "REJECTED"
            await bench.pass_ms(10)
        asked = len(exchange.submits)
        denied = await bench.execute("buy", "0.05", "100")
        assert denied.order.denial_code == "COST_BELOW_MINIMUM"
        assert len(exchange.submits) == asked
        assert all(position.pending_openings == 0 for position in bench.kernel.positions())
        assert (await bench.execute("buy", "0.055", "100")).status == "ACCEPTED"

    on_bench(main, exchange=exchange, checks=[MinimumSize(MinimumSizeSettings(symbols=limits))])


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#7094",
    "hummingbot/hummingbot#8419",
    story="Orders that closed a position were refused by the minimum for opening one, which the venue does"
    " not ask of them.",
)
def test_hummingbot_7094_a_close_is_exempt_where_the_venue_exempts_it() -> None:
    """Below the minimum no entry passes, and every exit does."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.05", "100")
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(10)
        entry = await bench.execute("buy", "0.05", "100")
        assert entry.order.denial_code == "QUANTITY_BELOW_MINIMUM"
        sale = await bench.execute("sell", "0.02", "101")
        assert sale.status == "ACCEPTED"
        bench.exchange.trade(sale.client_order_id, "0.02", "101")
        await bench.pass_ms(10)
        assert await closing_sells(bench) == Decimal("0.03")
        assert await bench.position() == 0

    exempt = ruled(minimum_quantity="0.1", reductions_exempt_from_minimum=True)
    on_bench(main, exchange=exempt, checks=[MinimumSize()])


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#3714",
    "hummingbot/hummingbot#5807",
    story="Quantities were rounded up to the lot step: the order cost more than there was, and was refused.",
)
def test_hummingbot_3714_a_computed_quantity_is_rounded_down() -> None:
    """Neither a buy for a sum nor a sale of what is held ever asks for more than that."""

    async def main(bench: Bench) -> None:
        price = Decimal("33.34")
        bought = await bench.bot.execute(Proposal.buy(BTC, notional="100", limit_price=str(price)))
        order = bought.order
        assert order.quantity == Decimal("2.999")
        assert order.quantity * price <= 100
        bench.exchange.trade(order.client_order_id, "2.999", "33.34", fee="0.0077974", fee_currency="BTC")
        await bench.pass_ms(10)
        held = await bench.position()
        assert held == Decimal("2.9912026")
        assert await closing_sells(bench) == Decimal("2.991")
        assert await bench.position() == Decimal("0.0002026")

    on_bench(main)


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#9880",
    story="The fee was taken in coins: the wallet held 6.27491, the trade said 6.2749132, and its stop was"
    " refused for lack of funds.",
)
def test_freqtrade_9880_a_stop_is_never_for_more_than_the_wallet_holds() -> None:
    """The fee in coins is taken off the position: no stop for what was bought passes, one that fits does."""
    exchange = ruled(quantity_increment="0.00001")

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "6.28748", "100")
        bench.exchange.trade(name, "6.28748", "100", fee="0.0125668", fee_currency="BTC")
        await bench.pass_ms(10)
        held = await bench.position()
        assert held == Decimal("6.2749132")

        def stop(quantity: str) -> Proposal:
            return Proposal.sell(
                BTC, quantity=quantity, order_type="stop", trigger_price="95", reduce_only=True
            )

        assert (await bench.bot.execute(stop("6.28748"))).order.denial_code == "REDUCE_ONLY_ADDS"
        assert (await bench.bot.execute(stop("6.27492"))).order.denial_code == "REDUCE_ONLY_ADDS"
        placed = await bench.bot.execute(stop("6.27491"))
        assert placed.status == "ACCEPTED"
        bench.exchange.trigger(placed.client_order_id)
        bench.exchange.trade(placed.client_order_id, "6.27491", "95")
        await bench.pass_ms(10)
        assert await bench.position() == Decimal("0.0000032")

    on_bench(main, exchange=exchange)
