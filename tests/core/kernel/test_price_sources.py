"""Price sources by plugins: one for each symbol, supervised, started again, and unable to hurt trading."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from fairlead.domain.records import AnomalyNoted
from fairlead.errors import ConfigurationRefused
from fairlead.ports.prices import PriceFeed, Quote
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.plugged_parts import Brings, Source, health_of, new_kernel, plugged


async def ticks(source: Source, feed: PriceFeed) -> None:
    """Publish one trade, then say each second that nothing newer happened."""
    source.taken.append(feed.publish(source.trade("100")))
    while True:
        await source.wait(1_000)
        source.taken.append(feed.heartbeat())


def test_a_heartbeat_keeps_the_price_fresh_and_its_lack_does_not() -> None:
    """The source runs beside the kernel; a price without heartbeat is stale after its age."""

    async def main(bench: Bench) -> None:
        alive, silent = Source("alive", ticks), Source("silent", one_eth)
        await plugged(bench, Brings([alive, silent]))
        await bench.pass_ms(120_000)
        assert bench.kernel.prices.freshness(BTC).fresh
        assert bench.kernel.prices.freshness(BTC).source == "alive"
        assert not bench.kernel.prices.freshness(ETH).fresh
        assert health_of(bench, "alive") == health_of(bench, "silent") == ("running", "")
        assert alive.taken == [True] * len(alive.taken)
        assert bench.kernel.is_settled()
        await bench.kernel.stop()
        assert (alive.ended, silent.ended) == (1, 1)
        await bench.start_another()

    on_bench(main)


async def one_eth(source: Source, feed: PriceFeed) -> None:
    """Publish one trade of another symbol, then nothing more."""
    source.taken.append(feed.publish(source.trade("10", ETH)))
    await source.wait(10_000_000)


def test_a_second_source_of_a_symbol_is_refused_until_the_first_releases_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One source gives a symbol's prices; the other hears that it was not taken, and the log says it once."""

    async def main(bench: Bench) -> None:
        async def releases(source: Source, feed: PriceFeed) -> None:
            feed.publish(source.trade("100"))
            await source.wait(5_500)
            feed.release(BTC)
            await source.wait(10_000_000)

        async def insists(source: Source, feed: PriceFeed) -> None:
            source.taken.append(feed.heartbeat(BTC))
            while True:
                await source.wait(1_000)
                source.taken.append(feed.publish(source.trade("101")))

        first, second = Source("first", releases), Source("second", insists)
        await plugged(bench, Brings([first, second]))
        await bench.pass_ms(8_000)
        assert second.taken[:7] == [False] * 6 + [True]
        price = bench.kernel.prices.latest(BTC)
        assert price is not None
        assert price.source == "second"
        assert health_of(bench, "second") == ("running", "")

    with caplog.at_level(logging.WARNING, "fairlead"):
        on_bench(main)
    assert caplog.text.count("A price of the source second was refused") == 1


def test_what_is_no_price_is_refused_without_an_error() -> None:
    """A source whose venue sends nonsense lives on, and its good prices are taken."""

    async def main(bench: Bench) -> None:
        async def nonsense(source: Source, feed: PriceFeed) -> None:
            crossed: Any = Quote(BTC, source.trade("101").price, source.trade("100").price, 1)
            unhashable: Any = source.trade("100", symbol=[])  # type: ignore[arg-type]  # that is the nonsense
            source.taken = [feed.publish(each) for each in (crossed, unhashable, None, source.trade("100"))]  # type: ignore[arg-type]  # same
            source.taken += [feed.heartbeat("NO/SUCH"), feed.heartbeat(BTC)]
            await source.wait(10_000_000)

        source = Source("mixed", nonsense)
        await plugged(bench, Brings([source]))
        await bench.pass_ms()
        assert source.taken == [False, False, False, True, False, True]
        assert health_of(bench, "mixed") == ("running", "")

    on_bench(main)


@pytest.mark.requirement("P2-3")
@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ConnectionError("secret-text"), "ConnectionError"),
        (SystemExit(1), "SystemExit"),
        (asyncio.CancelledError(), "CancelledError"),
        (None, "it returned"),
    ],
)
def test_a_source_that_fails_is_started_again_with_doubling_pauses(
    error: BaseException | None, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Health, log and one anomaly say so; trading goes on, its price grows stale, no task is left."""

    async def main(bench: Bench) -> None:
        async def fails(source: Source, feed: PriceFeed) -> None:
            if source.runs == 1:
                feed.publish(source.trade("100"))
            if error is not None:
                raise error

        source = Source("fails", fails)
        await plugged(bench, Brings([source]), price_source_pause_ms=1_000, price_source_pause_max_ms=4_000)
        await bench.pass_ms(100)
        began = [1]
        for _ in range(16):
            await bench.pass_ms(1_000)
            began.append(source.runs)
        assert began == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6]
        assert health_of(bench, "fails") == ("degraded", f"it ended: {problem}")
        assert (await bench.execute()).status == "ACCEPTED"
        assert bench.kernel.trading_state == "active"
        await bench.pass_ms(60_000)
        assert not bench.kernel.prices.freshness(BTC).fresh
        noted = [each for each in bench.records() if isinstance(each, AnomalyNoted)]
        assert [(each.anomaly, each.subject, each.detail) for each in noted] == [
            ("price_source_failed", "fails", problem)
        ]

    with caplog.at_level(logging.ERROR, "fairlead"):
        on_bench(main)
    assert f"The price source fails ended and is started again: {problem}" in caplog.text
    assert "secret-text" not in caplog.text


def test_a_price_that_comes_again_ends_the_trouble() -> None:
    """Health is good again; a run that lasted begins a new row of failures, with its own anomaly."""

    async def main(bench: Bench) -> None:
        async def drops(source: Source, feed: PriceFeed) -> None:
            if source.runs != 2:
                raise ConnectionError
            feed.publish(source.trade("100"))
            await source.wait(5_000)

        source = Source("drops", drops)
        await plugged(bench, Brings([source]), price_source_pause_max_ms=4_000)
        await bench.pass_ms(1_500)
        assert health_of(bench, "drops") == ("running", "")
        await bench.pass_ms(5_000)
        assert health_of(bench, "drops") == ("degraded", "it ended: it returned")
        assert bench.anomalies() == ["price_source_failed"] * 2

    on_bench(main)


@pytest.mark.parametrize("raises", [True, False])
def test_a_source_that_fails_while_the_kernel_stops_is_harmless(raises: bool) -> None:  # noqa: FBT001 - a case
    """Whether it fails or returns when it is canceled: the kernel stops at once and no task is left."""

    async def main(bench: Bench) -> None:
        async def clings(source: Source, feed: PriceFeed) -> None:
            if source.runs == 1:
                raise ConnectionError
            try:
                await source.wait(10_000_000)
            except asyncio.CancelledError:
                feed.publish(source.trade("100"))
                if raises:
                    raise ValueError("late") from None

        await plugged(bench, Brings([Source("clings", clings)]))
        await bench.pass_ms(1_500)
        began_ns = bench.clock.monotonic_ns()
        await bench.kernel.stop()
        assert bench.clock.monotonic_ns() - began_ns < 1_000_000_000
        assert health_of(bench, "clings")[0] == "stopped"
        assert not bench.kernel._parts.supervisor.tasks
        await bench.start_another()

    on_bench(main)


@pytest.mark.parametrize("name", ["exchange", "bot", "store"])
def test_a_name_of_the_kernels_own_is_refused(name: str) -> None:
    """Health, log and prices name a part, so one name means one part."""

    async def main(bench: Bench) -> None:
        with pytest.raises(ConfigurationRefused, match=f"'{name}', and that name is the kernel's own"):
            new_kernel(bench, Brings([Source(name, ticks)]))
        await bench.kernel.stop()
        await bench.start_another()

    on_bench(main)
