"""The market moves by itself: the tape at any speed, dates that come, and prices of the world outside."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.errors import ConfigurationRefused, ExchangeFault
from fairlead.ports.exchange import Outcome, Quote, TimeInForce, Trade, VenueStatus
from fairlead.testing import SeededLoop, VirtualClock, run
from fairlead.testing.conformance.exchange_world import RecordingSink, connected, resting_buy
from fairlead_paper.client import PaperClient
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import paper_settings
from tests.paper.paper_world import SYMBOL, PaperWorld

SECOND_NS = 1_000_000_000
TAPE = "time,price,volume\n1000.0,100.0,1\n1010.0,101.0,1\n1010.0,102.0,1\n1070.5,103.0,1\n"


class Market:
    """A client whose venue plays a small tape on virtual time."""

    def __init__(self, folder: Path, **venue: Any) -> None:  # noqa: ANN401 - a table
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        tape = folder / "tape.csv"
        tape.write_text(TAPE, "ascii")
        self.client: PaperClient = paper_client(
            paper_settings({"venue": {"tape": str(tape), **venue}}), self.clock
        )
        self.sink = RecordingSink()

    def prices(self) -> list[str]:
        """Return the prices of the trades that were heard."""
        return [f"{trade.price:f}" for trade in self.sink.trades]


def in_market(folder: Path, venue: dict[str, Any], steps: list[tuple[int, list[str]]]) -> None:
    """Let time pass in steps, in milliseconds, and compare what was heard by then."""

    async def main() -> None:
        market = Market(folder, **venue)
        await market.client.connect(market.sink)
        for wait_ms, expected in steps:
            await market.clock.sleep_ns(wait_ms * 1_000_000)
            assert market.prices() == expected
        await market.client.disconnect()
        await market.clock.sleep_ns(1_000 * SECOND_NS)
        assert market.prices() == steps[-1][1], "nobody plays any more"

    run(main)


def test_a_tape_plays_itself_as_fast_as_it_was(tmp_path: Path) -> None:
    """The first trade comes at once, those of one instant together, the others after their time."""
    all_of_it = ["100.0", "101.0", "102.0", "103.0"]
    in_market(
        tmp_path,
        {"play": {}},
        [(1, ["100.0"]), (9_998, ["100.0"]), (2, all_of_it[:3]), (60_498, all_of_it[:3]), (2, all_of_it)],
    )


def test_a_tape_plays_itself_at_any_speed(tmp_path: Path) -> None:
    """At 60 a minute passes in a second."""
    all_of_it = ["100.0", "101.0", "102.0", "103.0"]
    in_market(
        tmp_path,
        {"play": {"speed": "60"}},
        [(1, ["100.0"]), (165, ["100.0"]), (2, all_of_it[:3]), (1_006, all_of_it[:3]), (2, all_of_it)],
    )


def test_a_tape_plays_itself_at_an_even_pace(tmp_path: Path) -> None:
    """With an interval the tape's own times do not matter."""
    all_of_it = ["100.0", "101.0", "102.0", "103.0"]
    in_market(
        tmp_path,
        {"play": {"interval_ms": 500}},
        [(1, ["100.0"]), (498, ["100.0"]), (2, all_of_it[:2]), (500, all_of_it[:3]), (60_000, all_of_it)],
    )


def test_a_tape_goes_on_where_it_was(tmp_path: Path) -> None:
    """With a file a restarted venue plays the next trade, and none twice."""

    async def main() -> None:
        file = str(tmp_path / "venue.sqlite")
        first = Market(tmp_path, file=file, play={"interval_ms": 1_000})
        await first.client.connect(first.sink)
        await first.clock.sleep_ns(1_500_000_000)
        await first.client.disconnect()
        second = Market(tmp_path, file=file, play={"interval_ms": 1_000})
        await second.client.connect(second.sink)
        await second.clock.sleep_ns(1_500_000_000)
        assert first.prices() + second.prices() == ["100.0", "101.0", "102.0", "103.0"]
        await second.client.disconnect()

    run(main)


@pytest.mark.parametrize(
    "venue",
    [
        {"play": {}},
        {"play": {}, "tape": "shipped", "time": "tape"},
        {"play": {"speed": "0"}, "tape": "shipped"},
        {"play": {"interval_ms": -1}, "tape": "shipped"},
        {"play": {"interval_ms": 5, "speed": "2"}, "tape": "shipped"},
    ],
)
def test_playing_that_cannot_work_is_refused(venue: dict[str, Any]) -> None:
    """Without a tape, in the tape's own time, without motion, or told twice."""
    with pytest.raises(ConfigurationRefused, match="play"):
        paper_settings({"venue": venue})


def test_a_date_comes_without_anybody_asking(tmp_path: Path) -> None:
    """An order that is good until a date is reported expired when the date comes, and not before."""

    async def main() -> None:
        market = Market(tmp_path)
        await market.client.connect(market.sink)
        now_ns = market.clock.wall_ns()
        world = PaperWorld()
        for name, seconds in (("later", 9), ("sooner", 4)):
            order = replace(
                resting_buy(world, lifetime_ns=0),
                client_order_id=name,
                time_in_force=TimeInForce.GTD,
                expire_ns=now_ns + seconds * SECOND_NS,
                deadline_ns=0,
            )
            assert (await market.client.submit(order)).outcome is Outcome.ACCEPTED
        await market.clock.sleep_ns(4 * SECOND_NS - 1_000)
        assert {report.status for report in market.sink.orders} == {VenueStatus.LIVE}
        await market.clock.sleep_ns(3_000)
        ends = [(report.client_order_id, report.status) for report in market.sink.orders[2:]]
        assert ends == [("sooner", VenueStatus.EXPIRED)]
        await market.clock.sleep_ns(5 * SECOND_NS)
        assert market.sink.orders[-1].client_order_id == "later"
        await market.client.disconnect()
        await world.close()

    run(main)


def test_prices_of_the_world_outside_move_the_market() -> None:
    """A fed trade fills and triggers like any other; a fed quote is the book that takers meet."""

    async def main() -> None:
        world = PaperWorld()
        client, sink = await connected(world)
        assert isinstance(client, PaperClient)
        order = resting_buy(world)
        await client.submit(order)
        await client.feed(Trade(SYMBOL, world.resting_price, world.quantity, 1))
        assert [fill.client_order_id for fill in sink.fills] == [order.client_order_id]
        quote = Quote(SYMBOL, Decimal("98000.0"), Decimal("98001.0"), 2, Decimal(1), Decimal(1))
        await client.feed(quote)
        taker = replace(resting_buy(world), limit_price=Decimal("98500.0"))
        await client.submit(taker)
        assert sink.fills[-1].price == Decimal("98001.0")
        for odd in (
            Trade("ETH/USDT", Decimal(1), Decimal(1), 3),
            Trade(SYMBOL, Decimal("NaN"), Decimal(1), 3),
            Trade(SYMBOL, Decimal(1), 0.5, 3),  # type: ignore[arg-type]  # on purpose
        ):
            with pytest.raises(ExchangeFault, match="bad_trade"):
                await client.feed(odd)
        with pytest.raises(ExchangeFault, match="bad_book"):
            await client.feed(replace(quote, symbol="ETH/USDT"))
        await world.close()

    run(main)


def test_a_feed_that_says_no_quantities_offers_what_is_set() -> None:
    """By default nothing, so that no volume is made up; a trade without volume still sets triggers off."""

    async def main() -> None:
        world = PaperWorld()
        client, sink = await connected(world)
        assert isinstance(client, PaperClient)
        bare = Quote(SYMBOL, Decimal("98000.0"), Decimal("98001.0"), 2)
        order = replace(resting_buy(world), limit_price=Decimal("98500.0"))
        await client.feed(bare)
        await client.submit(order)
        assert not sink.fills
        await client.feed(Trade(SYMBOL, Decimal("97000.0"), Decimal(0), 3))
        assert not sink.fills
        assert world.desk.venue.markets[SYMBOL].last_price == Decimal("97000.0")
        await world.close()

    run(main)
