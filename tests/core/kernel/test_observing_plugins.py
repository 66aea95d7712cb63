"""Observing plugins: they hear what is durable, in order and once, and cannot hurt trading."""

from __future__ import annotations

import asyncio
import logging

import pytest

from fairlead import Kernel, KernelSettings
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.kernel.gate.watchdog import NoWatchdog
from fairlead.ports.events import Event, FillBooked, KernelChanged, OrderChanged, PositionChanged
from tests.core.kernel.bench import Bench, Yes, on_bench

CALLBACK_FAILURES_MAX = KernelSettings(account="test").callback_failures_max


class Hears:
    """A plugin that notes all that it is told."""

    name = "hears"

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.tables: list[object] = []

    @hookimpl
    def fairlead_order_event(self, event: OrderChanged) -> None:
        """Note the order."""
        self.heard.append(event)

    @hookimpl
    def fairlead_fill(self, context: PluginContext, event: FillBooked) -> None:
        """Note the fill, and with which configuration it was told."""
        self.tables.append(context.configuration)
        self.heard.append(event)

    @hookimpl
    def fairlead_position_event(self, event: PositionChanged) -> None:
        """Note the position."""
        self.heard.append(event)

    @hookimpl
    def fairlead_kernel_event(self, event: KernelChanged) -> None:
        """Note the rest."""
        self.heard.append(event)


class Fails:
    """A plugin that fails whenever an order changes, or sometimes."""

    name = "fails"

    def __init__(self, error: BaseException, every: int = 1) -> None:
        self.error = error
        self.every = every
        self.calls = 0

    @hookimpl
    def fairlead_order_event(self) -> None:
        """Fail, as often as was asked."""
        self.calls += 1
        if self.calls % self.every == 0:
            raise self.error


async def observed(bench: Bench, *plugins: object, queue_max: int = 10_000) -> None:
    """Have the bench go on with a kernel that has these plugins."""
    await bench.kernel.stop()
    bench.store = bench.new_store()
    bench.kernel = Kernel(
        KernelSettings(account="test", stream_queue_max=queue_max),
        list(plugins),
        exchange=bench.exchange,
        store=bench.store,
        checks=[Yes()],
        clock=bench.clock,
        ids=bench.ids,
        watchdog=NoWatchdog(),
        tables={"hears": {"colour": "blue"}} if any(isinstance(each, Hears) for each in plugins) else {},
        logger=logging.getLogger("fairlead.test.observers"),
    )
    await bench.kernel.start()


def health_of(bench: Bench) -> tuple[str, str]:
    """Return state and problem of the observers."""
    return {name: (state, problem) for name, state, problem in bench.kernel.health()}["observers"]


@pytest.mark.requirement("FLOW-9")
def test_a_plugin_hears_everything_once_and_in_order() -> None:
    """From the start to the end of the kernel: orders, fills, positions and the kernel itself."""

    async def main(bench: Bench) -> None:
        plugin = Hears()
        await observed(bench, plugin)
        await bench.hold()
        assert {type(event) for event in plugin.heard} == {
            OrderChanged,
            FillBooked,
            PositionChanged,
            KernelChanged,
        }
        assert plugin.tables == [{"colour": "blue"}]
        sequences = [(event.sequence, type(event).__name__) for event in plugin.heard]
        assert len(sequences) == len(set(sequences))
        assert [number for number, _ in sequences] == sorted(number for number, _ in sequences)
        assert isinstance(plugin.heard[0], KernelChanged)
        assert health_of(bench) == ("running", "")
        assert bench.kernel.is_settled()

    on_bench(main)


def test_what_is_queued_is_told_before_the_end() -> None:
    """A kernel that stops lets its observers hear what became durable last."""

    async def main(bench: Bench) -> None:
        plugin = Hears()
        await observed(bench, plugin)
        orders = [bench.spawn_execute() for _ in range(20)]
        await asyncio.wait(orders)
        assert not bench.kernel.is_settled()
        await bench.kernel.stop()
        last = {
            event.order.client_order_id: event.order
            for event in plugin.heard
            if isinstance(event, OrderChanged)
        }
        assert len(last) == 20
        assert all(order == bench.order(name) for name, order in last.items())
        await bench.start_another()

    on_bench(main)


@pytest.mark.requirement("ERR-3")
@pytest.mark.parametrize("error", [ValueError("secret-text"), SystemExit(1), asyncio.CancelledError()])
def test_a_failing_plugin_is_muted_and_hurts_nobody(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Orders go on, the other plugin hears all, and health and log say who was muted."""

    async def main(bench: Bench) -> None:
        plugin, fails, twin = Hears(), Fails(error), Fails(error)
        twin.name = "twin"
        await observed(bench, fails, twin, plugin)
        for _ in range(10):
            assert (await bench.execute()).status == "ACCEPTED"
        await bench.pass_ms()
        assert fails.calls == twin.calls == CALLBACK_FAILURES_MAX
        assert len([event for event in plugin.heard if isinstance(event, OrderChanged)]) == 30
        state, problem = health_of(bench)
        assert state == "degraded"
        assert [each.split(" was ")[0] for each in problem.split("; ")] == ["observer fails", "observer twin"]
        assert bench.kernel.trading_state == "active"
        assert bench.kernel.is_settled()

    with caplog.at_level(logging.WARNING, "fairlead"):
        on_bench(main)
    assert caplog.text.count("Observer fails failed: ") == CALLBACK_FAILURES_MAX
    assert "secret-text" not in caplog.text


def test_a_plugin_that_recovers_is_kept() -> None:
    """Only failures in a row mute; one that works in between starts the count anew."""

    async def main(bench: Bench) -> None:
        plugin = Fails(ValueError("x"), every=2)
        await observed(bench, plugin)
        for _ in range(10):
            await bench.execute()
        await bench.pass_ms()
        assert plugin.calls == 30
        assert health_of(bench) == ("running", "")

    on_bench(main)


def test_a_plugin_muted_while_the_kernel_stops_is_noted() -> None:
    """Failing on what was still queued cannot keep the kernel from stopping."""

    async def main(bench: Bench) -> None:
        plugin = Fails(ValueError("x"))
        await observed(bench, plugin)
        await asyncio.wait([bench.spawn_execute() for _ in range(4)])
        await bench.kernel.stop()
        assert plugin.calls == CALLBACK_FAILURES_MAX
        assert health_of(bench)[0] == "stopped"
        await bench.start_another()

    on_bench(main)


def test_a_slow_plugin_is_bounded_and_the_loss_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """More events in one turn than the queue holds: the oldest are lost, and the log says how many."""

    async def main(bench: Bench) -> None:
        plugin = Hears()
        await observed(bench, plugin, queue_max=2)
        await asyncio.wait([bench.spawn_execute() for _ in range(20)])
        await bench.pass_ms()
        assert 0 < len([event for event in plugin.heard if isinstance(event, OrderChanged)]) < 60

    with caplog.at_level(logging.WARNING, "fairlead"):
        on_bench(main)
    assert "Observer hears was too slow and missed" in caplog.text


def test_a_kernel_without_observers_makes_no_events() -> None:
    """Plugins that do not observe cost the order path nothing."""

    async def main(bench: Bench) -> None:
        class Provides:
            @hookimpl
            def fairlead_risk_checks(self) -> list[object]:
                return []

        await observed(bench, Provides())
        await bench.execute()
        assert not bench.kernel._parts.engine.has_subscribers

    on_bench(main)
