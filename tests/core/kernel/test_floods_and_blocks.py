"""Too many reports, a loop that is held up, a fill from the future: bounded, told, and made up for."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from msgspec.structs import replace

from fairlead import Kernel, KernelSettings, TradingState
from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.records import AnomalyNoted
from fairlead.kernel.journal.codec import decode
from fairlead.kernel.loop_watch import LoopWatch, _place_of
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND as MS
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import Bench, Yes, instrument, on_bench

LIMIT_MS = 30
HOUR_NS = 3_600_000 * MS


@pytest.mark.requirement("SEC-5")
def test_a_flood_of_reports_is_bounded_and_what_was_dropped_is_read() -> None:
    """Only so many wait; the rest is a gap in the stream, told once, and filled from the venue's history."""

    async def main(bench: Bench) -> None:
        names = [await bench.working("buy", "1", "100") for _ in range(30)]
        waiting = 0
        inbox = bench.kernel._parts.inbox
        told: list[str] = []
        tell = inbox.on_disconnected

        def on_disconnected(why: str) -> None:
            told.append(why)
            tell(why)

        inbox.on_disconnected = on_disconnected
        for name in names:
            bench.exchange.trade(name, "1", "100")
            for _ in range(10):
                bench.exchange.say(bench.exchange.report(name))
                assert len(told) == min(inbox.dropped, 1)  # the first is the gap
            waiting = max(waiting, len(bench.kernel._parts.inbox._queue))
        assert waiting == 20
        assert told == ["more than 20 reports wait; what is more is dropped"]
        assert bench.kernel._parts.inbox.dropped == 30 * 11 - 20
        await bench.pass_ms(10)
        await bench.kernel.settled()
        assert bench.kernel._parts.inbox.dropped == 0
        assert [bench.order(name).status for name in names] == ["FILLED"] * 30
        assert await bench.position() == 30
        assert bench.anomalies() == []

    on_bench(main, settings={"reports_waiting_max": 20})


def test_a_flood_does_not_hide_that_the_stream_is_down() -> None:
    """It is polled, and found silent in time, until the client says that it is back."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "1", "100", said=False)
        assert bench.exchange.sink is not None
        bench.exchange.sink.disconnected("a drill")
        for _ in range(30):
            bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms(10)
        watch = bench.kernel._parts.monitoring._watch
        assert (bench.kernel._parts.inbox.dropped, watch.is_polled) == (0, True)
        await bench.pass_ms(40_000)
        assert bench.order(name).status == "FILLED"
        assert bench.kernel.trading_state is TradingState.REDUCING, "it goes unheard for too long"
        bench.exchange.sink.reconnected()
        await bench.pass_ms(1_000)
        assert (watch.is_polled, bench.kernel.trading_state) == (False, TradingState.ACTIVE)

    on_bench(main, settings={"reports_waiting_max": 20})


def test_a_stream_that_comes_back_in_a_flood_is_whole_when_that_is_worked_off() -> None:
    """While reports are dropped it has a gap, whatever the client says of the connection."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        sink, inbox = bench.exchange.sink, bench.kernel._parts.inbox
        assert sink is not None
        sink.disconnected("a drill")
        for _ in range(30):
            bench.exchange.say(bench.exchange.report(name))
        sink.reconnected()
        watch = bench.kernel._parts.monitoring._watch
        assert (inbox.dropped, watch.is_polled) == (10, True)
        await bench.pass_ms(10)
        assert (inbox.dropped, watch.is_polled) == (0, False)

    on_bench(main, settings={"reports_waiting_max": 20})


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("ahead_ns", [5_000 * MS, 5_000 * MS + 1, 24 * HOUR_NS])
def test_a_fill_from_the_future_is_booked_and_noted(ahead_ns: int) -> None:
    """Within the bound it is skew; beyond it is told. Either way it counts, in the order in which it came."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        first = bench.exchange.trade(name, "1", "100", said=False)
        bench.exchange.say(replace(first, ts_event=bench.clock.wall_ns() + ahead_ns))
        second = bench.exchange.trade(name, "1", "101", said=False)
        bench.exchange.say(replace(second, ts_event=bench.clock.wall_ns()))
        await bench.pass_ms()
        assert bench.order(name).status == "FILLED"
        assert [fill.trade_id for fill in bench.fills()] == [first.trade_id, second.trade_id]
        assert bench.anomalies() == ([] if ahead_ns == 5_000 * MS else ["time_ahead"])
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


def hold_up(milliseconds: int) -> None:
    """Hold up the loop, as a bot's callback does that waits instead of awaiting."""
    threading.Event().wait(milliseconds / 1_000)


@pytest.mark.requirement("SEC-5")
def test_a_loop_that_is_held_up_is_told_while_it_lasts_and_noted_after(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says where the loop is, from another thread; the journal has it once the loop runs again."""
    disk = MemoryDisk()

    async def main() -> None:
        kernel = Kernel(
            KernelSettings(account="test", loop_block_max_ms=LIMIT_MS),
            exchange=ScriptedExchange([instrument()]),
            store=MemoryStore(disk),
            checks=[Yes()],
        )
        async with kernel:
            hold_up(10 * LIMIT_MS)
            said = [line for line in caplog.messages if " in hold_up" in line]
            assert len(said) == 1, caplog.messages
            assert said[0].startswith("The kernel is held up: the loop did not run for")
            await kernel.settled()
            assert kernel.trading_state is TradingState.ACTIVE
            assert ("loop", "running", "") in kernel.health()
        records = [decode(envelope) for envelope in disk.envelopes]
        noted = [record for record in records if isinstance(record, AnomalyNoted)]
        (told,) = [record for record in noted if " in hold_up" in record.detail]
        assert (told.anomaly, told.severity) == (AnomalyKind.LOOP_BLOCKED, Severity.NOTE)
        assert told.detail.startswith(f"the loop did not run for {LIMIT_MS} ms, at ")

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())


def test_a_loop_that_runs_is_left_alone_and_the_watch_ends_with_it() -> None:
    """A loop that goes on is asked again and again; the thread ends by itself once its loop was closed."""
    told: list[str] = []
    watch = LoopWatch(MS, told.append, logging.getLogger("fairlead.test"))

    async def main() -> None:
        watch.start()
        loop = asyncio.get_running_loop()
        for _ in range(20):
            await loop.run_in_executor(None, hold_up, 2)

    asyncio.run(main())
    (thread,) = [each for each in threading.enumerate() if each.name == "fairlead-loop-watch"]
    thread.join(5)
    assert not thread.is_alive()
    watch.close()
    watch.close()


def test_a_watch_that_is_closed_while_the_loop_is_held_up_ends() -> None:
    """Nobody waits for a sign of life that cannot come any more, nor makes trouble of it."""
    told: list[str] = []
    watch = LoopWatch(20 * MS, told.append, logging.getLogger("fairlead.test"))

    async def main() -> None:
        watch.start()
        hold_up(100)
        watch.close()

    asyncio.run(main())
    assert [each for each in threading.enumerate() if each.name == "fairlead-loop-watch"] == []


def test_a_thread_that_is_gone_is_at_no_place() -> None:
    """The place is a file, a line and a function; never a value."""
    assert _place_of(-1) == "an unknown place"
    assert "in test_a_thread_that_is_gone_is_at_no_place" in _place_of(threading.get_ident())
