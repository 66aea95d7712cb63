"""The prices service: who may bring prices, how they age, and what decisions make of them."""

from __future__ import annotations

import gc
import logging
import sys
from decimal import Decimal
from typing import Any

import pytest

from fairlead import Proposal
from fairlead.domain.ledger import Position
from fairlead.domain.records import AnomalyNoted, OrderInitialized
from fairlead.errors import InvalidInput, JournalUnavailable, SymbolHeld, TextRefused, UnknownName
from fairlead.kernel.prices import service as prices_module
from fairlead.ports.exchange import PriceHeartbeat, Quote, Trade
from fairlead.testing.memory_store import AppendFault
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.faults import LONG_MS, fail_from

ODD: Any = object()
MINUTE_MS = 60_000


class Told(logging.Handler):
    """Remembers what was logged."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.lines: list[str] = []
        bench.kernel._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember one line."""
        self.lines.append(record.getMessage())


def trade(bench: Bench, price: str = "100", symbol: str = BTC, ahead_ns: int = 0) -> Trade:
    """Return a trade made now."""
    return Trade(symbol, Decimal(price), Decimal(1), bench.clock.wall_ns() + ahead_ns)


def test_prices_keep_the_newest_and_refuse_what_is_none() -> None:
    """Older prices are dropped, the last is kept with its time; nonsense is refused with a reason."""

    async def main(bench: Bench) -> None:
        now = bench.clock.wall_ns()
        prices = bench.kernel.prices
        assert prices.latest(BTC) is None
        prices.publish(trade(bench))
        prices.publish(trade(bench, "90", ahead_ns=-1))
        latest = prices.latest(BTC)
        assert latest is not None
        assert (latest.price, latest.ts_event, prices.dropped) == (Decimal(100), now, 1)
        nonsense: list[Any] = [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity"), 1.5, "100", None]
        for price in nonsense:
            with pytest.raises(InvalidInput):
                prices.publish(Trade(BTC, price, Decimal(1), now))
        for symbol in ("", "btc"):
            with pytest.raises(TextRefused):
                prices.publish(Trade(symbol, Decimal(1), Decimal(1), now))
            with pytest.raises(TextRefused):
                prices.stream(symbol)
        assert prices.latest(BTC) == latest

    on_bench(main)


def test_a_price_of_the_future_is_refused() -> None:
    """A little ahead is clock skew; more would look fresh for too long."""

    async def main(bench: Bench) -> None:
        with pytest.raises(InvalidInput, match="future"):
            bench.kernel.prices.publish(trade(bench, ahead_ns=5_000_000_001))
        bench.kernel.prices.publish(trade(bench, ahead_ns=5_000_000_000))

    on_bench(main)


def test_one_source_gives_a_symbol_until_it_releases_it() -> None:
    """The first holds it; others are told who; after the release the next one has it."""

    async def main(bench: Bench) -> None:
        prices = bench.kernel.prices
        feed = prices.feed("feed")
        assert feed.name == "feed"
        bench.price("100")
        with pytest.raises(SymbolHeld, match="'bot'") as caught:
            feed.publish(trade(bench))
        assert (caught.value.symbol, caught.value.holder) == (BTC, "bot")
        feed.release(BTC)
        with pytest.raises(SymbolHeld):
            feed.publish(trade(bench))
        feed.publish(trade(bench, "50", ETH))
        prices.release(ETH)
        prices.release("NOT/KNOWN")
        with pytest.raises(SymbolHeld, match="'feed'"):
            bench.price("50", ETH)
        prices.release(BTC)
        assert prices.freshness(BTC).source == ""
        prices.feed("feed").publish(trade(bench, "101"))
        assert prices.freshness(BTC).source == "feed"
        for name in ("bot", "exchange", "no name"):
            with pytest.raises(TextRefused):
                prices.feed(name)

    on_bench(main)


def test_the_exchange_client_is_a_source_like_any_other() -> None:
    """Its refusals are logged once for each symbol, and again after a price was taken."""

    async def main(bench: Bench) -> None:
        told = Told(bench)
        prices = bench.kernel.prices
        bench.exchange.say(trade(bench, "50", ETH), PriceHeartbeat(), PriceHeartbeat(ETH))
        assert prices.freshness(ETH).source == "exchange"
        bench.price("100")
        for _ in range(3):
            bench.exchange.say(trade(bench, "101"), PriceHeartbeat(BTC), Trade(ODD, ODD, ODD, ODD))
        assert [line.partition(":")[0] for line in told.lines] == [
            "A price of the source exchange was refused"
        ] * 2
        assert prices.freshness(BTC).source == "bot"
        prices.release(BTC)
        bench.exchange.say(trade(bench, "102"))
        assert prices.freshness(BTC).source == "exchange"
        bench.exchange.say(trade(bench, "0"))
        assert len(told.lines) == 3

    on_bench(main)


def test_refusals_of_endless_symbols_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that makes up symbols fills neither the memory nor the log."""
    monkeypatch.setattr(prices_module, "REFUSALS_TOLD_MAX", 2)

    async def main(bench: Bench) -> None:
        told = Told(bench)
        for number in range(5):
            bench.exchange.say(Trade(f"bad{number}", Decimal(1), Decimal(1), 0))
        assert len(told.lines) == 2

    on_bench(main)


def test_a_heartbeat_keeps_a_quiet_price_fresh() -> None:
    """Of the bot for its own symbol, of a named feed for all that it holds; only the holder's counts."""

    async def main(bench: Bench) -> None:
        prices = bench.kernel.prices
        feed = prices.feed("feed")
        bench.price("100")
        feed.publish(trade(bench, "50", ETH))
        await bench.pass_ms(MINUTE_MS)
        assert prices.freshness(BTC).fresh
        await bench.pass_ms(1)
        assert not prices.freshness(BTC).fresh
        prices.heartbeat(BTC)
        assert prices.freshness(BTC).fresh
        assert not prices.freshness(ETH).fresh
        prices.heartbeat("feed")
        assert prices.freshness(ETH).age_ns == 0
        await bench.pass_ms(MINUTE_MS + 1)
        feed.heartbeat(ETH)
        assert (prices.freshness(ETH).fresh, prices.freshness(BTC).fresh) == (True, False)
        await bench.pass_ms(MINUTE_MS + 1)
        feed.heartbeat()
        assert prices.freshness(ETH).fresh
        with pytest.raises(SymbolHeld):
            prices.heartbeat(ETH)
        for name in ("DOGE/USDT", "nobody"):
            with pytest.raises(UnknownName):
                prices.heartbeat(name)
        feed.release(ETH)
        with pytest.raises(UnknownName):
            feed.heartbeat(ETH)
        assert prices.freshness("DOGE/USDT").age_ns is None

    on_bench(main)


@pytest.mark.requirement("P2-4")
def test_a_stale_price_is_refused_and_noted_once_an_episode() -> None:
    """After a minute a size by notional is denied, and the journal says so once until a fresh price came."""

    async def main(bench: Bench) -> None:
        told = Told(bench)
        for episode in (1, 2):
            bench.price("100")
            assert (await bench.bot.execute(Proposal.buy(BTC, notional="100"))).status == "ACCEPTED"
            await bench.pass_ms(MINUTE_MS + 1)
            for _ in range(3):
                result = await bench.bot.execute(Proposal.buy(BTC, notional="100"))
                assert result.order.denial_code == "NO_FRESH_PRICE"
                latest = bench.kernel.prices.latest(BTC)
                assert latest is not None
                assert not latest.fresh
                assert latest.age_ns == (MINUTE_MS + 1) * 1_000_000
            assert bench.anomalies() == ["stale_price"] * episode
            assert len([line for line in told.lines if "stale" in line]) == episode

    on_bench(main)


@pytest.mark.requirement("P2-4")
def test_a_market_order_without_a_fresh_price_is_flagged() -> None:
    """Its quantity is the bot's own, so it may go; no price is made up for the check, and it is noted."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        await bench.pass_ms(MINUTE_MS + 1)
        assert (await bench.execute(price=None)).status == "ACCEPTED"
        made = [record for record in bench.records() if isinstance(record, OrderInitialized)]
        assert [record.reference_price for record in made] == [None]
        assert [record.subject for record in bench.records() if isinstance(record, AnomalyNoted)] == [BTC]

    on_bench(main)


def test_a_market_order_is_sized_by_what_it_would_pay() -> None:
    """Buys by the ask and sells by the bid; the same figure is the order's reference."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        bench.quote("98", "102")
        bought = await bench.bot.execute(Proposal.buy(BTC, notional="51"))
        sold = await bench.bot.execute(Proposal.sell(BTC, notional="49"))
        assert (bought.order.quantity, sold.order.quantity) == (Decimal("0.5"), Decimal("0.5"))
        made = [record for record in bench.records() if isinstance(record, OrderInitialized)]
        assert [record.reference_price for record in made] == [102, 98]

    on_bench(main)


def test_a_jump_is_told_once_and_sizes_nothing() -> None:
    """Until a second price confirms it; streams show it all the same."""

    async def main(bench: Bench) -> None:
        told = Told(bench)
        prices = bench.kernel.prices
        stream = prices.stream(BTC)
        bench.price("100")
        for price in ("150", "250"):
            bench.price(price)
            result = await bench.bot.execute(Proposal.buy(BTC, notional="100"))
            assert result.order.denial_code == "PRICE_UNCONFIRMED"
        assert prices.jumps == 2
        assert len([line for line in told.lines if "jumped" in line]) == 1
        bench.price("251")
        latest = prices.latest(BTC)
        assert latest is not None
        assert latest.usable
        assert (await bench.bot.execute(Proposal.buy(BTC, notional="251"))).order.quantity == 1
        assert [(await anext(stream)).price for _ in range(4)] == [100, 150, 250, 251]

    on_bench(main)


def test_a_price_of_the_client_that_is_none_hurts_nobody() -> None:
    """The stream gives a price that is none: it is refused, and what follows is taken."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        now = bench.clock.wall_ns()
        bench.exchange.say(
            Trade(BTC, Decimal(-5), Decimal(1), now),
            Trade(ODD, ODD, ODD, ODD),
            Quote(BTC, Decimal(8), Decimal(7), now),
            Trade(BTC, Decimal(7), Decimal(1), now),
        )
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        latest = bench.kernel.prices.latest(BTC)
        assert latest is not None
        assert latest.price == 7
        assert bench.order(name).status == "FILLED"

    on_bench(main)


def test_a_slow_reader_is_told_what_it_missed_and_misses_no_spike() -> None:
    """The newest prices are kept; of older ones the low and the high; what was dropped is counted."""

    async def main(bench: Bench) -> None:
        stream = bench.kernel.prices.stream(BTC)
        for price in ("100", "97", "104", "101", "102", "103"):
            bench.price(price)
        assert [(await anext(stream)).price for _ in range(4)] == [97, 104, 102, 103]
        assert stream.missed == 2
        bench.price("100")
        assert (await anext(stream)).price == 100
        assert stream.missed == 2

    on_bench(main, settings={"price_queue_max": 2})


def test_the_queue_of_a_slow_reader_stays_bounded() -> None:
    """Also when it reads one price for every many that come."""

    async def main(bench: Bench) -> None:
        stream = bench.kernel.prices.stream(BTC)
        for number in range(1_000):
            bench.price(str(1_000 + number % 50))
            if number % 10 == 0:
                await anext(stream)
            assert len(stream._queue) <= 2 + 6

    on_bench(main, settings={"price_queue_max": 2})


def test_a_price_stream_can_be_closed() -> None:
    """What is queued can still be read, and nothing is queued any more."""

    async def main(bench: Bench) -> None:
        stream = bench.kernel.prices.stream(BTC)
        other = bench.kernel.prices.stream(BTC)
        bench.price("5")
        stream.close()
        stream.close()
        other.close()
        assert bench.kernel.prices._streams == {}
        bench.price("5")
        assert [price.price async for price in stream] == [5]

    on_bench(main)


def test_prices_survive_a_recovery_and_not_a_restart() -> None:
    """They are not journaled: a rebuild keeps them, and what came before the start counts."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        fail_from(bench, 1, AppendFault.FAILS)
        with pytest.raises(JournalUnavailable):
            await bench.execute()
        await bench.pass_ms(LONG_MS // 2)
        assert (await bench.bot.execute(Proposal.buy(BTC, notional="100"))).order.quantity == 1
        await bench.kernel.stop()
        bench.store = bench.new_store()
        bench.kernel = bench.new_kernel()
        assert bench.kernel.prices.latest(BTC) is None
        bench.price("101")
        await bench.kernel.start()
        assert (await bench.bot.execute(Proposal.buy(BTC, notional="101"))).order.quantity == 1

    on_bench(main)


@pytest.mark.requirement("FLOW-5")
def test_a_position_is_marked_when_it_is_read() -> None:
    """At the bid for what is long, the ask for what is short, with the price's age; flat ones are not."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        unmarked = bench.bot.position(BTC)
        assert unmarked is not None
        assert unmarked.mark is None
        bench.quote("103", "105")
        position = bench.bot.position(BTC)
        assert position is not None
        assert position.mark is not None
        assert [position.mark.price, position.mark.value, position.mark.unrealized_pnl] == [103, 206, 6]
        assert (position.mark.age_ns, position.mark.usable) == (0, True)
        await bench.hold("1", "5", ETH)
        name = await bench.working("sell", "1", "5", symbol=ETH)
        bench.exchange.trade(name, "1", "5")
        await bench.pass_ms()
        bench.price("5", ETH)
        assert [each.mark is None for each in bench.kernel.positions()] == [False, True]
        await bench.pass_ms(MINUTE_MS + 1)
        stale = bench.kernel.positions()[0]
        assert stale.mark is not None
        assert stale.mark.price == 103
        assert not stale.mark.usable
        bench.kernel._parts.engine.state.instruments.clear()
        assert bench.kernel.positions()[0].mark is None

    on_bench(main)


def calls_of_one_price(positions: int) -> int:
    """Return how many calls, of Python and of C, one published price costs beside so many positions."""

    async def main(bench: Bench) -> int:
        state = bench.kernel._parts.engine.state
        for number in range(positions):
            book = f"book{number}"
            state.positions[BTC, book, ""] = Position(BTC, book, "USDT", Decimal(1), Decimal(100))
        bench.price("100")
        price = trade(bench, "101")
        calls = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        gc.collect()
        gc.disable()  # a collection in between calls back whoever listens to it
        sys.setprofile(count)
        try:
            bench.kernel.prices.publish(price)
        finally:
            sys.setprofile(None)
            gc.enable()
        state.positions.clear()
        return calls

    return on_bench(main)


def test_a_price_costs_the_same_beside_many_positions() -> None:
    """Nothing that is computed for a price grows with the positions: they are marked when read."""
    assert calls_of_one_price(1) == calls_of_one_price(2_000) <= 40
