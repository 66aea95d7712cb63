"""Observers: callbacks, streams and prices cannot hurt trading, and are told what they missed."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import KernelSettings
from fairlead.domain.events import (
    EventsMissed,
    FillBooked,
    KernelChanged,
    OrderChanged,
    PositionChanged,
)
from fairlead.errors import InvalidInput
from fairlead.testing.scripted_exchange import hangs
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench

ODD: Any = None

CALLBACK_FAILURES_MAX = KernelSettings(account="test").callback_failures_max


@pytest.mark.requirement("ERR-3")
@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError()])
def test_a_failing_callback_hurts_nobody_and_is_muted(error: BaseException) -> None:
    """It is called a few times and then no more; trading and the other callbacks go on."""

    async def main(bench: Bench) -> None:
        calls: list[object] = []
        heard: list[object] = []

        def fails(event: object) -> None:
            calls.append(event)
            raise error

        bench.kernel.events.subscribe(fails)
        bench.kernel.events.subscribe(heard.append)
        for _ in range(10):
            assert (await bench.execute()).status == "ACCEPTED"
        assert len(calls) == CALLBACK_FAILURES_MAX
        assert len(heard) == 30

    on_bench(main)


@pytest.mark.requirement("ERR-3")
def test_a_callback_that_recovers_is_kept() -> None:
    """Failures count in a row: one that works in between is not muted."""

    async def main(bench: Bench) -> None:
        calls: list[object] = []

        def now_and_then(event: object) -> None:
            calls.append(event)
            if len(calls) % CALLBACK_FAILURES_MAX:
                raise ValueError("x")

        subscription = bench.kernel.events.subscribe(now_and_then)
        for _ in range(10):
            await bench.execute()
        assert len(calls) == 30
        assert not subscription.muted

    on_bench(main)


@pytest.mark.requirement("FLOW-9")
def test_events_come_by_kind_in_order_and_end_with_cancel() -> None:
    """Typed subscribers hear their kinds, once, in sequence, of order, fill, position and kernel."""

    async def main(bench: Bench) -> None:
        fills: list[FillBooked] = []
        positions: list[PositionChanged] = []
        orders: list[OrderChanged] = []
        kernel: list[KernelChanged] = []
        subscription = bench.kernel.events.subscribe(fills.append, FillBooked)
        bench.kernel.events.subscribe(positions.append, PositionChanged)
        bench.kernel.events.subscribe(orders.append, OrderChanged)
        bench.kernel.events.subscribe(kernel.append, KernelChanged)
        await bench.hold()
        name = await bench.working("sell", "2", "100")
        bench.exchange.trade(name, "2", "101")
        await bench.pass_ms()
        bench.exchange.trade(await bench.working(), "1", "100")
        await bench.pass_ms()
        await bench.kernel.reconcile()
        assert [event.fill.quantity for event in fills] == [1, 2, 1]
        assert [event.change.value for event in positions] == ["opened", "flipped", "closed"]
        assert [event.order.status.value for event in orders][:4] == [
            "APPROVED",
            "SUBMITTED",
            "ACCEPTED",
            "FILLED",
        ]
        sequences = [event.sequence for event in orders]
        assert sequences == sorted(set(sequences))
        assert any(event.record.KIND == "reconciled" for event in kernel)
        subscription.cancel()
        subscription.cancel()
        await bench.hold()
        assert len(fills) == 3
        assert len(bench.kernel._parts.bus._subscriptions) == 3

    on_bench(main)


def test_a_callback_may_unsubscribe_and_command() -> None:
    """Called back in the middle of a release, a bot may unsubscribe itself, others, and start commands."""

    async def main(bench: Bench) -> None:
        tasks: list[asyncio.Task[Any]] = []
        heard: list[object] = []

        def once(event: OrderChanged) -> None:
            first.cancel()
            second.cancel()
            tasks.append(bench.spawn_execute("buy", "2"))
            heard.append(event)

        first = bench.kernel.events.subscribe(once, OrderChanged)
        second = bench.kernel.events.subscribe(heard.append)
        await bench.execute()
        assert (await tasks[0]).status == "ACCEPTED"
        assert len(heard) == 1

    on_bench(main)


def test_an_asynchronous_callback_is_refused() -> None:
    """It would never be awaited: the error says to use a stream."""

    async def main(bench: Bench) -> None:
        async def wrong(_event: object) -> None:
            """Never run."""

        with pytest.raises(InvalidInput, match="stream"):
            bench.kernel.events.subscribe(wrong)  # type: ignore[arg-type]  # that is the point

    on_bench(main)


@pytest.mark.requirement("FLOW-9")
def test_a_slow_reader_is_told_what_it_missed() -> None:
    """The queue is bounded: the oldest go, the count and the place to catch up from are told once."""

    async def main(bench: Bench) -> None:
        stream = bench.kernel.events.stream(OrderChanged)
        everything = bench.kernel.events.stream()
        await bench.execute()
        assert isinstance(first := await anext(stream), OrderChanged)
        for _ in range(10):
            await bench.execute()
        missed = await anext(stream)
        assert isinstance(missed, EventsMissed)
        assert missed.count == 33 - 1 - 5
        assert missed.after_sequence == first.sequence
        rest = [await anext(stream) for _ in range(5)]
        assert all(isinstance(event, OrderChanged) for event in rest)
        reading = bench.loop.create_task(anext(stream))
        await bench.pass_ms()
        await bench.execute()
        assert isinstance(await reading, OrderChanged)
        stream.close()
        stream.close()
        assert [event async for event in stream] != []
        await bench.kernel.stop()
        assert [event async for event in everything][-1] is not None
        with pytest.raises(StopAsyncIteration):
            await anext(everything)

    on_bench(main, settings={"stream_queue_max": 5})


def test_a_reader_that_waits_when_the_kernel_stops_ends() -> None:
    """`async for` over events and prices ends with the kernel."""

    async def main(bench: Bench) -> None:
        async def read_events() -> int:
            return len([event async for event in bench.kernel.events.stream()])

        async def read_prices() -> list[Decimal]:
            return [price.price async for price in bench.kernel.prices.stream(BTC)]

        events = bench.loop.create_task(read_events())
        prices = bench.loop.create_task(read_prices())
        await bench.pass_ms()
        bench.price("100")
        bench.price("50", ETH)
        await bench.pass_ms()
        bench.price("101")
        await bench.kernel.stop()
        assert await prices == [100, 101]
        assert await events == 0

    on_bench(main)


def test_nobody_who_watches_costs_nothing() -> None:
    """Without subscribers no events are made at all, and outbox rows are written all the same."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        task = bench.spawn_execute()
        await bench.pass_ms(5)
        outbox = len(bench.disk.outbox)
        assert outbox > 0
        assert not bench.kernel._parts.engine.has_subscribers
        assert len({row.event_id for row in bench.disk.outbox}) == outbox
        task.cancel()

    on_bench(main)


def test_the_outbox_owes_every_fact_once() -> None:
    """Orders, fills and positions are owed to notifiers under stable ids; internal records are not."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        kinds = [row.kind for row in bench.disk.outbox]
        assert "order_filled" in kinds
        assert "position_opened" in kinds
        assert "attempt_started" not in kinds
        tag = bench.kernel._parts.engine.state.account_tag
        assert all(row.event_id.startswith(f"{tag}-{row.sequence}") for row in bench.disk.outbox)

    on_bench(main)
