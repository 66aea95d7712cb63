"""What the hand-written tapes do not show: made-up books, the client's own door, files of other rules."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from fairlead.errors import ConfigurationRefused, ExchangeFault, InvalidInput, SettingRefused
from fairlead.ports.exchange import AdjustmentKind, Fence, Quote, Trade
from fairlead.testing import run
from fairlead.testing.conformance.exchange_world import connected
from fairlead_paper.book import made_up_book
from fairlead_paper.client import PaperClient
from fairlead_paper.messages import Ledger, Refused
from fairlead_paper.opening import open_desk
from fairlead_paper.records import DepthRules, Locking, VenueRules
from fairlead_paper.settings import VenueSettings, paper_settings
from tests.paper.paper_world import SYMBOL, PaperWorld, SocketWorld
from tests.paper.venues import BUY, INSTRUMENT, SELL, a_bench

DEPTH = DepthRules(
    half_spread_ticks=2, level_ticks=3, levels=3, level_quantity=Decimal(2), variation=Decimal("0.5"), seed=7
)


def test_a_made_up_book_is_the_same_for_the_same_seed() -> None:
    """Levels lie where the settings say, sizes vary within theirs, and another trade has another book."""
    book = made_up_book(DEPTH, INSTRUMENT, Decimal("100.0"), 1)
    again = made_up_book(DEPTH, INSTRUMENT, Decimal("100.0"), 1)
    other = made_up_book(DEPTH, INSTRUMENT, Decimal("100.0"), 2)
    assert [price for price, _ in book.asks] == [Decimal(text) for text in ("100.2", "100.5", "100.8")]
    assert [price for price, _ in book.bids] == [Decimal(text) for text in ("99.8", "99.5", "99.2")]
    sizes = [there for _, there in (*book.asks, *book.bids)]
    assert all(1 <= there <= 3 for there in sizes)
    assert len(set(sizes)) > 1
    assert (book.bids, book.asks) == (again.bids, again.asks)
    assert book.asks != other.asks


def test_a_price_between_two_ticks_has_a_book_on_ticks() -> None:
    """Bids go down from the tick below, asks up from the one above; nothing is offered at zero or less."""
    book = made_up_book(DEPTH, INSTRUMENT, Decimal("0.25"), 1)
    assert book.asks[0][0] == Decimal("0.5")
    assert not book.bids


def test_a_taker_walks_the_made_up_book_and_goes_on_with_the_next_trade() -> None:
    """What one book does not have is taken from the book after the next trade."""
    bench = a_bench(VenueRules(depth=attrs.evolve(DEPTH, variation=Decimal(0), levels=2)))
    bench.trade("100.0", "1")
    bench.place(BUY, "5")
    assert bench.fills("c1") == [("2", "100.2"), ("2", "100.5")]
    bench.trade("101.0", "0.001")
    assert bench.fills("c1")[2:] == [("1", "101.2")]
    bench.place(SELL, "1", "101.5")
    assert bench.venue.markets[SYMBOL].queue_for(bench.venue.shelves.open_of("main")[0]) == Decimal(2), (
        "what the book shows at that price"
    )


def test_what_is_no_book_is_refused() -> None:
    """Crossed, unsorted or empty levels never become a market."""
    bench = a_bench()
    one = Decimal(1)
    books: tuple[tuple[Any, Any], ...] = (
        ([(Decimal(100), one)], [(Decimal(100), one)]),
        ([(Decimal(99), one), (Decimal(100), one)], []),
        ([], [(Decimal(101), one), (Decimal(101), one)]),
        ([(Decimal(99), Decimal(0))], []),
        ([(Decimal("NaN"), one)], []),
        ([(99.5, one)], []),
    )
    for bids, asks in books:
        with pytest.raises(InvalidInput, match="no book"):
            bench.venue.show(SYMBOL, bids, asks, 1)


def test_the_client_moves_balances_and_shows_books() -> None:
    """Deposit, withdrawal and book go through the same link; a book is published as a quote."""

    async def main() -> None:
        world = PaperWorld()
        client, sink = await connected(world)
        assert isinstance(client, PaperClient)
        entry = await client.deposit("USDT", Decimal(5), "a present")
        assert (entry.kind, entry.amount, entry.note) == (AdjustmentKind.DEPOSIT, Decimal(5), "a present")
        assert (await client.withdraw("USDT", Decimal(5))).amount == -5
        assert (await client.adjust("BTC", Decimal(1), AdjustmentKind.REWARD)).kind is AdjustmentKind.REWARD
        with pytest.raises(ExchangeFault, match="insufficient_funds"):
            await client.withdraw("USDT", Decimal(10**9))
        one = Decimal(1)
        await client.show_book(SYMBOL, [(Decimal("99999.0"), one)], [(Decimal("100001.0"), one)])
        quotes = [report for report in sink.reports if isinstance(report, Quote)]
        assert [(quote.bid, quote.ask) for quote in quotes] == [(Decimal("99999.0"), Decimal("100001.0"))]
        with pytest.raises(ExchangeFault, match="bad_book"):
            await client.show_book(SYMBOL, [(Decimal(2), one)], [(Decimal(1), one)])
        await world.close()

    run(main)


def test_a_client_that_promises_another_locking_is_refused() -> None:
    """A bot that reckons with shared balances does not trade where orders lock them."""

    async def main() -> None:
        world = PaperWorld(Fence.DEADLINE)
        client = await world.client()
        client.capabilities = attrs.evolve(client.capabilities, locks_balance=False)
        with pytest.raises(ConfigurationRefused, match="locking"):
            await connected_client(client)
        await world.close()

    async def connected_client(client: object) -> None:
        await client.connect(None)  # type: ignore[attr-defined]  # refused before anything is put there

    run(main)


def test_a_file_of_older_rules_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A venue of schema 1 traded by other rules; it is not continued, and its file is not touched."""
    path = tmp_path / "venue.sqlite"
    open_desk(VenueSettings(file=str(path)), lambda: 1).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(ConfigurationRefused, match="older fairlead-paper"):
        open_desk(VenueSettings(file=str(path)), lambda: 1)


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"queue_ahead": "-1"}, "queue_ahead"),
        ({"queue_ahead_trades": "-1"}, "queue_ahead_trades"),
        ({"queue_cancels": "1.1"}, "queue_cancels"),
        ({"slippage_ticks": -1}, "slippage_ticks"),
        ({"slippage_rate": "1"}, "slippage_rate"),
        ({"slippage_rate": "0.1"}, "slippage_rate"),
        ({"slippage_rate": "0.1234567890123456789", "slippage_ticks": 0}, "slippage_rate"),
        ({"depth": {"level_quantity": "0"}}, "depth.level_quantity"),
        ({"depth": {"level_quantity": "1", "levels": 0}}, "depth.levels"),
        ({"depth": {"level_quantity": "1", "variation": "1"}}, "depth.variation"),
        ({"locking": "none", "fence": "deadline"}, "locking"),
    ],
)
def test_settings_that_cannot_work_are_refused(table: dict[str, object], field: str) -> None:
    """Each with the path of what is wrong; slippage is given once."""
    with pytest.raises(ConfigurationRefused, match=field.rpartition(".")[2]):
        paper_settings({"venue": table})


def test_the_venue_takes_the_clients_locking_over() -> None:
    """One line in the client's table is enough."""
    settings = paper_settings({"locking": "none"})
    assert settings.venue.locking is Locking.NONE
    assert not settings.locks_balance


def test_a_depth_that_is_none_is_refused_by_its_own_class() -> None:
    """Also by whoever makes it by hand."""
    with pytest.raises(SettingRefused):
        DepthRules(level_quantity=Decimal(1), half_spread_ticks=0)


def test_prices_books_and_balances_go_over_the_wire() -> None:
    """A venue behind a socket takes the same from its driver, and tells its book as a quote."""

    async def main() -> None:
        world = SocketWorld()
        await world.start()
        client, sink = await connected(world)
        assert isinstance(client, PaperClient)
        one = Decimal(1)
        await client.show_book(SYMBOL, [(Decimal("99999.0"), one)], [(Decimal("100001.0"), one)])
        await client.feed(Quote(SYMBOL, Decimal("99998.0"), Decimal("100002.0"), 1, one, Decimal(2)))
        await client.feed(Trade(SYMBOL, Decimal("100000.5"), Decimal("0.25"), 1))
        await world.settle()
        quotes = [report for report in sink.reports if isinstance(report, Quote)]
        assert [quote.bid for quote in quotes] == [Decimal("99999.0"), Decimal("99998.0")]
        assert quotes[-1].ask_quantity == 2
        assert [trade.price for trade in sink.trades] == [Decimal("100000.5")]
        assert (await client.deposit("USDT", one)).amount == one
        await world.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("account", "asset", "amount", "code"),
    [
        ("nobody", "USDT", "1", "unknown_account"),
        ("main", "", "1", "bad_amount"),
        ("main", "USDT", "0", "bad_amount"),
        ("main", "USDT", "NaN", "bad_amount"),
        ("main", "USDT", "1" * 39, "bad_amount"),
        ("main", "USDT", "-1000001", "insufficient_funds"),
    ],
)
def test_an_adjustment_that_is_none_is_refused(account: str, asset: str, amount: str, code: str) -> None:
    """Nothing moves, and nothing is listed."""
    venue = a_bench().venue
    answer = venue.adjust(account, asset, Decimal(amount), AdjustmentKind.DEPOSIT, "", 1)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{code}: ")
    assert venue.money.ledger_after("main", "", 10) == Ledger([])
    assert isinstance(venue.money.ledger_after("main", "x", 10), Refused)
