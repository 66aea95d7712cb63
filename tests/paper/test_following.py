"""A kernel whose prices come from elsewhere trades at a paper venue that follows them, from configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any

import pytest

from fairlead import Kernel, KernelSettings, Proposal, Quote, Trade
from fairlead.errors import ConfigurationRefused, PluginRefused
from fairlead.kernel.gate.watchdog import NoWatchdog
from fairlead.testing import SeededIds, SeededLoop, SeedStreams, VirtualClock, run
from fairlead.testing.memory_store import MemoryStore
from fairlead_paper.settings import paper_settings

SYMBOL = "BTC/USDT"
FOLLOWING: dict[str, Any] = {
    "price_source": False,
    "follow": [SYMBOL],
    "venue": {"queue_ahead_trades": "0", "balances": {"USDT": "100000", "BTC": "1"}},
}


def kernel_with(table: Mapping[str, Any], clock: VirtualClock) -> Kernel:
    """Return a kernel with the paper plugin as it is configured."""
    return Kernel(
        KernelSettings(account="main", allow_unchecked=True, on_stop="leave"),
        ["paper"],
        store=MemoryStore(),
        clock=clock,
        ids=SeededIds(SeedStreams(0).of("ids")),
        watchdog=NoWatchdog(),
        tables={"paper": table},
    )


def on_virtual_time(test: Callable[[VirtualClock], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a clock."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        await test(VirtualClock(loop))

    run(main)


def test_the_venue_trades_at_the_prices_of_another_source() -> None:
    """A bot's own trades and quotes, published to the kernel, fill what rests and what takes at the venue."""

    async def main(clock: VirtualClock) -> None:
        async with kernel_with(FOLLOWING, clock) as kernel:
            assert ("paper-follows", "running", "") in kernel.health()
            bot = kernel.session(owner="bot")

            async def say(price: Trade | Quote) -> None:
                kernel.prices.publish(price)
                await clock.sleep_ns(1_000_000)

            await say(Trade(SYMBOL, Decimal("100000.0"), Decimal("0.4"), clock.wall_ns()))
            resting = await bot.execute(Proposal.buy(SYMBOL, quantity="0.01", limit_price="99000"))
            assert resting.order.filled_quantity == 0
            await say(Trade(SYMBOL, Decimal("98999.0"), Decimal("0.004"), clock.wall_ns()))
            assert kernel.orders()[0].filled_quantity == Decimal("0.004")
            await say(Trade(SYMBOL, Decimal("98999.0"), Decimal("0.5"), clock.wall_ns()))
            order = await resting.closed()
            assert (order.filled_quantity, order.average_price) == (Decimal("0.01"), Decimal(99_000))
            quote = Quote(SYMBOL, Decimal(98_000), Decimal(98_002), clock.wall_ns(), Decimal(1), Decimal(1))
            await say(quote)
            taken = await (await bot.execute(Proposal.buy(SYMBOL, quantity="0.01"))).closed()
            assert taken.average_price == Decimal(98_002), "what the quote asked"

    on_virtual_time(main)


def test_a_symbol_that_is_not_traded_is_not_followed() -> None:
    """The kernel does not start, and says why."""

    async def main(clock: VirtualClock) -> None:
        with pytest.raises(PluginRefused, match="does not trade it"):
            await kernel_with({**FOLLOWING, "follow": ["ETH/USDT"]}, clock).start()

    on_virtual_time(main)


@pytest.mark.parametrize(
    "table",
    [
        {"follow": [SYMBOL]},
        {"follow": [SYMBOL], "price_source": False, "venue": {"tape": "shipped", "time": "tape"}},
    ],
)
def test_following_that_cannot_work_is_refused(table: dict[str, Any]) -> None:
    """A venue does not follow its own prices, and not from a time of its own."""
    with pytest.raises(ConfigurationRefused, match="follow"):
        paper_settings(table)


def test_a_bot_from_a_configuration_has_a_market_that_moves() -> None:
    """With `play` the tape's trades are the kernel's prices, and nobody has to drive."""

    async def main(clock: VirtualClock) -> None:
        table = {"venue": {"tape": "shipped", "play": {"interval_ms": 100}}}
        async with kernel_with(table, clock) as kernel:
            await clock.sleep_ns(1_000_000_000)
            first = kernel.prices.latest(SYMBOL)
            assert first is not None
            assert first.fresh
            bot = kernel.session(owner="bot")
            result = await bot.execute(Proposal.buy(SYMBOL, quantity="0.0005"))
            order = await result.closed()
            assert order.filled_quantity == Decimal("0.0005")
            await clock.sleep_ns(10_000_000_000)
            later = kernel.prices.latest(SYMBOL)
            assert later is not None
            assert later.ts_event > first.ts_event

    on_virtual_time(main)
