"""Price sources with one fault each, by the rule that must notice it."""

# ruff: noqa: D101, D102, ANN401, ARG002 - each class is named for its fault; some publish anything, or nothing

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.prices import PriceFeed, Trade


class SoundSource:
    """Publishes a trade each second, and a heartbeat between; each broken one changes one thing."""

    name: str = "sound"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    async def run(self, feed: PriceFeed) -> None:
        """Publish until canceled."""
        while True:
            feed.publish(self.price())
            await self.clock.sleep_ns(NANOSECONDS_PER_SECOND // 2)
            feed.heartbeat("BTC/USDT")
            await self.clock.sleep_ns(NANOSECONDS_PER_SECOND // 2)

    def price(self) -> Any:
        """Return a trade of now."""
        return Trade("BTC/USDT", Decimal(100), Decimal(1), self.clock.wall_ns())


class OddName(SoundSource):
    name = "a source"


class NameThatChanges(SoundSource):
    made = 0

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        type(self).made += 1
        self.name = f"source-{self.made}"


class PlainRun(SoundSource):
    def run(self, feed: PriceFeed) -> Any:
        return super().run(feed)


class FloatPrices(SoundSource):
    def price(self) -> Any:
        return Trade("BTC/USDT", 100.0, Decimal(1), self.clock.wall_ns())  # type: ignore[arg-type] # on purpose


class VenueSymbols(SoundSource):
    def price(self) -> Any:
        return Trade("BTCUSDT", Decimal(100), Decimal(1), self.clock.wall_ns())


class MillisecondTimes(SoundSource):
    def price(self) -> Any:
        return Trade("BTC/USDT", Decimal(100), Decimal(1), self.clock.wall_ns() * 1000)


class OnePriceThenDone(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        feed.publish(self.price())


class RaisesAfterAWhile(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        feed.publish(self.price())
        await self.clock.sleep_ns(10 * NANOSECONDS_PER_SECOND)
        raise ConnectionError("the feed is gone")


class SaysNothing(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        await self.clock.sleep_ns(10**18)


class SwallowsItsCancellation(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        for _ in range(5):
            try:
                await super().run(feed)
            except asyncio.CancelledError:
                continue


class LeavesATaskBehind(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        self.task = asyncio.ensure_future(super().run(feed))
        await self.clock.sleep_ns(10**18)


class RaisesWhenRefused(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        if not feed.publish(self.price()):
            raise ValueError("refused")
        await super().run(feed)


class InsistsWhenRefused(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        while True:
            for _ in range(1000):
                if feed.publish(self.price()):
                    break
            await self.clock.sleep_ns(NANOSECONDS_PER_SECOND)


class KeepsOthersAlive(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        feed.heartbeat("ETH/USDT")
        await super().run(feed)


class GivesAwayWhatIsAnothers(SoundSource):
    async def run(self, feed: PriceFeed) -> None:
        feed.release("ETH/USDT")
        await super().run(feed)


class RunsOnce(SoundSource):
    used = False

    async def run(self, feed: PriceFeed) -> None:
        if self.used:
            await self.clock.sleep_ns(10**18)
        self.used = True
        await super().run(feed)


BROKEN: tuple[tuple[str, type[SoundSource]], ...] = (
    ("Q-01", OddName),
    ("Q-01", NameThatChanges),
    ("Q-02", PlainRun),
    ("Q-03", FloatPrices),
    ("Q-03", VenueSymbols),
    ("Q-04", MillisecondTimes),
    ("Q-05", OnePriceThenDone),
    ("Q-05", RaisesAfterAWhile),
    ("Q-05", SaysNothing),
    ("Q-06", SwallowsItsCancellation),
    ("Q-06", LeavesATaskBehind),
    ("Q-07", RaisesWhenRefused),
    ("Q-07", InsistsWhenRefused),
    ("Q-08", KeepsOthersAlive),
    ("Q-08", GivesAwayWhatIsAnothers),
    ("Q-09", RunsOnce),
)
"""Rule and source that breaks it."""
