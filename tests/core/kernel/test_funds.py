"""Spot orders beyond what is free are denied, with the figures; reductions and contracts are not asked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fairlead import Proposal
from fairlead.domain.records import OrderInitialized
from fairlead.errors import ConfigurationRefused, UnknownName
from fairlead.kernel.core.funds import free_of, promised_at_work, promised_of, with_fee, worst_of
from fairlead.ports.exchange import OrderSide, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, loses_answer
from tests.core.kernel.accounting import Accountant
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench

PERP = "BTC/USDT:USDT"


def d(text: str) -> Decimal:
    """Return the number."""
    return Decimal(text)


def dear(held: dict[str, str] | None = None) -> Accountant:
    """Return a venue with a fee of one per cent, and what it holds: 1,010 USDT and 2 BTC unless said."""
    rules = [instrument(symbol, taker_fee_rate="0.01", maker_fee_rate="0.002") for symbol in (BTC, ETH)]
    venue = Accountant([*rules, instrument(PERP, base="BTC", quote="USDT")], balances=True)
    venue.held = {asset: d(total) for asset, total in (held or {"USDT": "1010", "BTC": "2"}).items()}
    return venue


async def denial(bench: Bench, *arguments: Any, **wishes: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401 - as execute
    """Return code and figures of the last denial of an order that is made now, or nothing."""
    result = await bench.execute(*arguments, **wishes)
    return result.order.denial_code, dict(figures_of(bench, result.client_order_id))


def figures_of(bench: Bench, client_order_id: str) -> Iterator[tuple[str, str]]:
    """Yield the figures of an order's last verdict."""
    for record in bench.records():
        if isinstance(record, OrderInitialized) and record.client_order_id == client_order_id:
            yield from record.verdicts[-1].figures


def test_a_buy_needs_its_cost_and_the_dearer_fee() -> None:
    """1,000 at one per cent takes 1,010: as much is free, and a step more is denied with every figure."""

    async def main(bench: Bench) -> None:
        code, figures = await denial(bench, "buy", "10.001", "100")
        assert code == "INSUFFICIENT_BALANCE"
        assert {name: d(figure) if name != "asset" else figure for name, figure in figures.items()} == {
            "asset": "USDT",
            "needed": d("1010.101"),
            "free": d("1010"),
            "at_venue": d("1010"),
        }
        assert bench.exchange.submits == []
        await bench.working("buy", "10", "100")

    on_bench(main, exchange=dear())


def test_a_sell_needs_what_it_sells() -> None:
    """Inventory can be sold as it is there, and no more of it."""

    async def main(bench: Bench) -> None:
        assert (await denial(bench, "sell", "2.001", "100"))[0] == "INSUFFICIENT_BALANCE"
        await bench.working("sell", "2", "100")
        assert (await denial(bench, "sell", "0.001", "100"))[0] == "INSUFFICIENT_BALANCE"

    on_bench(main, exchange=dear())


def test_what_live_orders_may_take_is_not_free() -> None:
    """Orders on any symbol of the same quote: reserved from their approval, given back with their end."""

    async def main(bench: Bench) -> None:
        first = await bench.working("buy", "4", "100")
        await bench.working("buy", "5", "100", symbol=ETH)
        code, figures = await denial(bench, "buy", "2", "100")
        assert code == "INSUFFICIENT_BALANCE"
        assert d(figures["free"]) == d("101")
        await bench.bot.cancel(first)
        await bench.pass_ms()
        await bench.working("buy", "5", "100")

    on_bench(main, exchange=dear())


def test_an_order_without_an_answer_keeps_what_it_may_take() -> None:
    """It may be at the venue: nothing of it is free."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_answer)
        assert (await bench.execute("buy", "10", "100")).unresolved
        assert promised_at_work(bench.kernel._state) == {}, "whether it is locked there is not known"
        assert (await denial(bench, "buy", "1", "100"))[0] == "INSUFFICIENT_BALANCE"

    on_bench(main, exchange=dear())


def test_what_others_lock_is_not_free() -> None:
    """The venue locks for a foreign order: that is taken off; what it locks for ours is not, twice."""

    async def main(bench: Bench) -> None:
        await bench.working("buy", "4", "100")
        bench.exchange.locked["USDT"] = d("404") + d("300")
        await bench.kernel.reconcile()
        code, figures = await denial(bench, "buy", "4", "100")
        assert code == "INSUFFICIENT_BALANCE"
        assert d(figures["free"]) == d("306")
        await bench.working("buy", "3", "100")

    on_bench(main, exchange=dear())


def test_a_fill_counts_at_once() -> None:
    """What was bought can be sold, and what was paid is gone, before balances are read again."""

    async def main(bench: Bench) -> None:
        before = bench.kernel._state.holdings
        name = await bench.working("buy", "10", "100")
        bench.exchange.trade(name, "10", "100", fee="10")
        await bench.pass_ms()
        assert bench.kernel._state.holdings is before
        code, figures = await denial(bench, "buy", "0.001", "100")
        assert code == "INSUFFICIENT_BALANCE"
        assert d(figures["free"]) == d("0")
        assert (await denial(bench, "sell", "12.001", "100"))[0] == "INSUFFICIENT_BALANCE"
        await bench.working("sell", "12", "100")

    on_bench(main, exchange=dear())


def test_a_market_order_needs_the_price_of_the_moment() -> None:
    """Bought at the market it takes what it costs now; without a price nobody knows, nothing is denied."""

    async def main(bench: Bench) -> None:
        assert (await bench.execute("buy", "100", None)).order.denial_code == ""
        bench.exchange.end(bench.exchange.submits[0].client_order_id, VenueStatus.CANCELED)
        await bench.pass_ms()
        bench.price("100")
        assert (await denial(bench, "buy", "100", None))[0] == "INSUFFICIENT_BALANCE"

    on_bench(main, exchange=dear())


def test_a_stop_needs_the_worst_of_its_prices() -> None:
    """A stop-limit order takes its limit beyond the trigger."""

    async def main(bench: Bench) -> None:
        wish = Proposal(
            symbol=BTC,
            side="buy",
            order_type="stop_limit",
            quantity="10",
            trigger_price="90",
            limit_price="101",
        )
        assert (await bench.bot.execute(wish)).order.denial_code == "INSUFFICIENT_BALANCE"

    on_bench(main, exchange=dear())
    assert worst_of() == 0
    assert with_fee(d("5"), None) == 5


def test_a_reduction_is_never_denied_for_a_balance() -> None:
    """Whatever the venue says of balances, the way out of a position stays open."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        bench.exchange.held["BTC"] = d("0")
        await bench.kernel.reconcile()
        await bench.working("sell", "2", "100")

    settings = {"anomalies": {"balance_drifted": "note"}}
    on_bench(main, exchange=dear({"USDT": "1000"}), settings=settings)


def test_contracts_are_not_asked() -> None:
    """What a margin takes is the venue's to reckon."""

    async def main(bench: Bench) -> None:
        await bench.working("buy", "1000", "100", symbol=PERP)
        await bench.working("buy", "10", "100")

    on_bench(main, exchange=dear())


def test_a_change_is_checked_by_what_it_adds() -> None:
    """Grown within what is free it passes, beyond it is denied; shrunk it is never asked."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "6", "100")
        assert (await bench.bot.modify_order(name, quantity="10")).code == "MODIFIED"
        for wishes in ({"quantity": "11"}, {"limit_price": "101"}):
            refused = await bench.bot.modify_order(name, **wishes)  # type: ignore[arg-type]  # texts
            assert refused.code == "INSUFFICIENT_BALANCE"
        bench.exchange.held["USDT"] = d("0")
        await bench.kernel.reconcile()
        assert (await bench.bot.modify_order(name, quantity="5")).code == "MODIFIED"
        assert promised_of(bench.kernel._state, "USDT") == d("505")

    on_bench(main, exchange=dear(), settings={"anomalies": {"balance_drifted": "note"}})


def test_an_exit_grows_whatever_is_free() -> None:
    """More of a position can be sold by a change although the venue's balance would not do for it."""

    async def main(bench: Bench) -> None:
        bought = await bench.working("buy", "2", "100")
        bench.exchange.trade(bought, "2", "100")
        await bench.pass_ms(1_000)
        name = await bench.working("sell", "1", "110")
        assert bench.order(name).reduces
        bench.exchange.held["BTC"] = d("0")
        await bench.kernel.reconcile()
        assert (await bench.bot.modify_order(name, quantity="2")).code == "MODIFIED"

    on_bench(main, exchange=dear(), settings={"anomalies": {"balance_drifted": "note"}})


def test_what_is_promised_survives_a_restart_and_ends_with_the_orders() -> None:
    """Counted anew from live orders, partly filled ones among them; nothing is left when all are over."""

    async def main(bench: Bench) -> None:
        first = await bench.working("buy", "4", "100")
        second = await bench.working("sell", "1", "200")
        bench.exchange.trade(first, "1", "100")
        await bench.pass_ms()
        await bench.restart()
        state = bench.kernel._state
        assert (promised_of(state, "USDT"), promised_of(state, "BTC")) == (d("303"), d("1"))
        for name in (first, second):
            await bench.bot.cancel(name)
        await bench.pass_ms()
        assert (promised_of(state, "USDT"), promised_of(state, "BTC")) == (d("0"), d("0"))
        assert state.promises == {}
        assert state.holdings is not None
        assert free_of(state, "USDT", state.holdings) == d("910")

    on_bench(main, exchange=dear())


@pytest.mark.parametrize("check", ["known", "off"])
def test_without_balances_nothing_is_checked(check: str) -> None:
    """A client that tells none, or a check that is off: the venue has the word."""

    async def main(bench: Bench) -> None:
        await bench.working("buy", "1000000", "100")

    on_bench(main, settings={"balance_check": check})
    on_bench(main, exchange=dear(), settings={"balance_check": "off"})


def test_a_check_that_is_required_denies_what_is_not_known() -> None:
    """Not read, they deny where they are required; a client that tells none is refused at once."""

    async def main(bench: Bench) -> None:
        bench.kernel._state.holdings = None
        code, figures = await denial(bench, "buy", "1", "100")
        assert (code, figures) == ("BALANCE_UNKNOWN", {"asset": "USDT"})

    on_bench(main, exchange=dear(), settings={"balance_check": "required"})
    with pytest.raises(ConfigurationRefused, match="tells no balances"):
        on_bench(main, exchange=ScriptedExchange([instrument()]), settings={"balance_check": "required"})
    with pytest.raises(UnknownName, match="balance_check"):
        on_bench(main, settings={"balance_check": "maybe"})


def test_an_adopted_order_promises_what_is_left_of_it() -> None:
    """Taken over, it counts as ours from then on."""

    async def main(bench: Bench) -> None:
        await bench.bot.adopt_order("V1")
        assert promised_of(bench.kernel._state, "USDT") == d("202")

    venue = dear()
    venue.hold("by-hand", BTC, OrderSide.BUY, d("2"), d("100"))
    on_bench(main, exchange=venue)
