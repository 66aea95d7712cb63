"""Rate limits: bans that came from a budget nobody kept, shared or remembered."""

from __future__ import annotations

import asyncio

import pytest

from fairlead.ports.exchange import VenueStatus
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.gauntlet.metered_venue import MeteredVenue, declared

HOUR_MS = 3_600_000
COINS = tuple(f"C{number}/USDT" for number in range(100))


def metered(*symbols: str) -> MeteredVenue:
    """Return a venue that counts by itself."""
    return MeteredVenue([instrument(symbol) for symbol in symbols])


@pytest.mark.gauntlet(
    "freqtrade/freqtrade#12441",
    "freqtrade/freqtrade#7187",
    story="Several bots traded from one address; each took the whole rate limit for its own, and the venue"
    " banned them all.",
)
def test_freqtrade_12441_bots_of_one_kernel_share_its_budget() -> None:
    """Three bots that want three times what the venue takes wait for one budget; none is turned away."""
    venue = metered(BTC)

    async def main(bench: Bench) -> None:
        wishes = [f"bot-{number}" for number in range(3)] * 20
        orders = [bench.spawn_execute("buy", "0.01", owner=bot, wait_max_ms=HOUR_MS) for bot in wishes]
        results = await asyncio.gather(*orders)
        assert {result.status for result in results} == {"ACCEPTED"}
        assert venue.banned == []
        assert max(result.elapsed_ns for result in results) > 30 * 1_000_000_000

    on_bench(main, exchange=venue, pacing=declared())


@pytest.mark.gauntlet(
    "ccxt/ccxt#19772",
    story="The venue counts per account, and every server that traded on it began with a full budget.",
)
def test_ccxt_19772_the_next_server_finds_the_budget_as_it_is() -> None:
    """What a killed server had used is in the journal: the next one goes on from there, none is refused."""
    venue = metered(BTC)

    async def main(bench: Bench) -> None:
        for _ in range(4):
            burst = [bench.spawn_execute("buy", "0.01", wait_max_ms=HOUR_MS) for _ in range(15)]
            await bench.pass_ms(1_000)
            await bench.die()
            for order in burst:
                order.cancel()
            await bench.start_another()
        assert (await bench.execute("buy", "0.01", wait_max_ms=HOUR_MS)).status == "ACCEPTED"
        assert venue.banned == []
        assert len(venue.orders) >= 20

    on_bench(main, exchange=venue, pacing=declared())


@pytest.mark.gauntlet(
    "hummingbot/hummingbot#7594",
    "hummingbot/hummingbot#2204",
    "hummingbot/hummingbot#3156",
    story="Over five years, bots that placed and canceled quickly on Kraken ran into its limits: its counter"
    " is per pair, decays, and charges more for canceling a young order.",
)
def test_hummingbot_7594_quotes_are_renewed_no_faster_than_the_venue_takes_them() -> None:
    """The counter is kept as the venue keeps it, by pair and age: quotes wait for it, none is refused."""
    venue = metered(BTC, ETH)

    async def main(bench: Bench) -> None:
        for _ in range(20):
            quotes = [
                bench.spawn_execute("buy", "0.01", symbol=each, wait_max_ms=HOUR_MS) for each in (BTC, ETH)
            ]
            names = [result.client_order_id for result in await asyncio.gather(*quotes)]
            await bench.pass_ms(500)
            assert [(await bench.bot.cancel(name)).accepted for name in names] == [True, True]
        await bench.pass_ms(HOUR_MS)
        assert venue.banned == []
        assert {order.status for order in venue.orders.values()} == {VenueStatus.CANCELED}
        assert len(venue.orders) == 40
        assert bench.kernel.orders(live_only=True) == ()

    on_bench(main, exchange=venue, pacing=declared())


@pytest.mark.gauntlet(
    "Drakkar-Software/OctoBot#2108",
    story="With default settings and a hundred coins the bot asked so much at its start that it was banned.",
)
def test_octobot_2108_a_start_with_a_hundred_coins_asks_at_the_venues_pace() -> None:
    """A hundred orders that ended meanwhile are looked up one after the other, as fast as is allowed."""
    venue = metered(*COINS)

    async def main(bench: Bench) -> None:
        names = [await bench.working("buy", "0.01", symbol=coin) for coin in COINS]
        await bench.die()
        for name in names:
            venue.end(name, VenueStatus.CANCELED, said=False)
        began_ns = bench.clock.monotonic_ns()
        await bench.start_another()
        assert bench.clock.monotonic_ns() - began_ns > 150 * 1_000_000_000
        assert venue.banned == []
        assert bench.kernel.orders(live_only=True) == ()

    on_bench(main, exchange=venue, pacing=declared())
