"""Components by plugins: started in dependency order, stopped in reverse, supervised, and read-only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import attrs
import pytest

from fairlead.domain.trading_state import TradingState
from fairlead.errors import ConfigurationRefused, PluginRefused
from fairlead.kernel.plugged.order import OWN_NAMES
from fairlead.ports.events import FillBooked
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench
from tests.core.kernel.plugged_parts import Brings, Part, Source, health_of, new_kernel, plugged


def failing(error: BaseException) -> Callable[[], Awaitable[None]]:
    """Return a step that raises."""

    async def fail() -> None:
        raise error

    return fail


async def forever() -> None:
    """Never return."""
    await asyncio.get_running_loop().create_future()


def sharing_a_story(*parts: Part) -> list[str]:
    """Have the parts write one story; return it."""
    story: list[str] = []
    for part in parts:
        part.story = story
    return story


def test_components_start_after_what_they_name_and_stop_in_reverse() -> None:
    """Sources first, then dependencies, then the configured order; before trading is enabled."""

    async def main(bench: Bench) -> None:
        async def quiet(source: Source, _feed: object) -> None:
            await source.wait(10_000_000)

        panel = Part("panel", ["exporter", "ticker"])
        exporter, other = Part("exporter", ["base"]), Part("other")
        base = Part("base")
        story = sharing_a_story(panel, exporter, other, base)
        await plugged(bench, Brings([Source("ticker", quiet)], [panel, exporter, other, base]))
        await bench.pass_ms()
        order = ["other", "base", "exporter", "panel"]
        assert [each for each in story if each.startswith("start")] == [f"start {name}" for name in order]
        names = [name for name, _, _ in bench.kernel.health()]
        assert names[names.index("exchange") + 1 : names.index("reconciler")] == ["ticker", *order]
        assert set(names) - {"ticker", *order} <= OWN_NAMES
        story.clear()
        await bench.kernel.stop()
        assert story == [f"stop {name}" for name in reversed(order)]
        await bench.start_another()

    on_bench(main)


def test_a_component_reads_its_kernel() -> None:
    """State, health, orders, positions, prices and events are there; a command is not."""

    async def main(bench: Bench) -> None:
        part = Part("panel")
        await plugged(bench, Brings([], [part]))
        view = part.view
        assert view is not None
        events, prices = view.events(FillBooked), view.prices(BTC)
        await bench.hold()
        bench.price()
        assert (view.account, view.trading_state, view.trading_reason) == (
            "test",
            bench.kernel.trading_state,
            bench.kernel.trading_reason,
        )
        assert view.health() == bench.kernel.health()
        assert view.orders() == bench.kernel.orders()
        assert view.orders(live_only=True) == ()
        assert view.positions() == bench.kernel.positions()
        assert view.price(BTC) == bench.kernel.prices.latest(BTC)
        assert isinstance(await anext(events), FillBooked)
        assert (await anext(prices)).symbol == BTC
        assert not hasattr(view, "session")

    on_bench(main)


@pytest.mark.requirement("P2-3")
@pytest.mark.parametrize(
    "error",
    [ValueError("secret-text"), SystemExit(1), asyncio.CancelledError()],
    ids=lambda each: type(each).__name__,
)
def test_a_component_that_dies_is_visible_and_halts(error: BaseException) -> None:
    """The bot's task and the other components live on; an operator clears the halt."""

    async def main(bench: Bench) -> None:
        dies, lives = Part("dies", run=failing(error)), Part("lives", run=forever)
        await plugged(bench, Brings([], [dies, lives]))
        await bench.pass_ms()
        assert health_of(bench, "dies")[0] == "faulted"
        assert health_of(bench, "dies")[1].startswith(type(error).__name__)
        assert health_of(bench, "lives") == ("running", "")
        assert bench.kernel.trading_state == "halted"
        assert bench.anomalies() == ["component_failed"]
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="seen")
        assert (await bench.execute()).status == "ACCEPTED"
        await bench.kernel.stop()
        assert dies.story[-1] == "stop dies"
        await bench.start_another()

    on_bench(main)


def test_a_component_that_has_nothing_to_run_is_well() -> None:
    """One that only starts and stops stays in good health."""

    async def main(bench: Bench) -> None:
        await plugged(bench, Brings([], [Part("brief")]))
        await bench.pass_ms()
        assert health_of(bench, "brief") == ("running", "")

    on_bench(main)


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (failing(ValueError("no port")), "ValueError: no port"),
        (failing(SystemExit(1)), "SystemExit: 1"),
        (failing(asyncio.CancelledError()), "CancelledError"),
        (forever, "TimeoutError"),
    ],
)
def test_a_component_that_does_not_start_stops_the_start(
    step: Callable[[], Awaitable[None]], problem: str
) -> None:
    """What had started is stopped again, nothing is left running, and the error names the component."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        first, broken = Part("first"), Part("broken", start=step)
        kernel = new_kernel(bench, Brings([], [first, broken]))
        with pytest.raises(PluginRefused, match=f"The component broken of a plugin did not start: {problem}"):
            await kernel.start()
        assert first.story[-1] == "stop first"
        assert "stop broken" not in broken.story
        assert not kernel._parts.supervisor.tasks
        await bench.start_another()

    on_bench(main)


@pytest.mark.parametrize(
    "step",
    [failing(ValueError("no port")), failing(SystemExit(1)), failing(asyncio.CancelledError()), forever],
)
def test_a_component_that_does_not_stop_cannot_keep_the_kernel(
    step: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """The others stop, the store is given back, and the log says it."""

    async def main(bench: Bench) -> None:
        clings, first = Part("clings", stop=step), Part("first")
        await plugged(bench, Brings([], [first, clings]))
        await bench.pass_ms()
        await bench.kernel.stop()
        assert first.story[-1] == "stop first"
        assert not bench.kernel._parts.supervisor.tasks
        await bench.start_another()

    with caplog.at_level(logging.ERROR, "fairlead"):
        on_bench(main)
    assert "The component clings did not stop as it should" in caplog.text


def test_a_stop_while_a_component_starts_ends_the_start() -> None:
    """A start that was canceled goes on as canceled, and leaves nothing."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        part = Part("slow", start=forever, stop=forever)
        kernel = new_kernel(bench, Brings([], [part]))
        starting = asyncio.get_running_loop().create_task(kernel.start())
        await bench.pass_ms()
        assert part.story == ["start slow"]
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not kernel._parts.supervisor.tasks
        await bench.start_another()

    on_bench(main)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([Part("store")], "'store', and that name is the kernel's own"),
        ([Part("a", ["b"]), Part("b", ["a"])], "wait for each other and none can start first: a, b"),
        ([Part("a", ["a"])], "none can start first: a"),
        ([Part("a", ["nobody"])], "'a' starts after 'nobody', which no plugin brings"),
        ([Part("a", ["store"])], "'a' starts after 'store', which no plugin brings"),
        ([Part("a", "b"), Part("b")], "'a' says that it starts after 'b'"),
        ([Part("a", None)], "'a' says that it starts after None"),  # type: ignore[arg-type]  # the mistake
        ([Part("a", [5])], "'a' starts after 5, which no plugin brings"),  # type: ignore[list-item]  # same
    ],
)
def test_what_cannot_be_ordered_is_refused_before_anything_starts(parts: list[Part], problem: str) -> None:
    """The kernel is not even made."""

    async def main(bench: Bench) -> None:
        with pytest.raises(ConfigurationRefused) as caught:
            new_kernel(bench, Brings([], parts))
        assert problem in str(caught.value)
        await bench.kernel.stop()
        await bench.start_another()

    on_bench(main)


def test_a_source_and_a_component_of_one_name_are_refused() -> None:
    """They share one list of names, in health and in `after`."""

    async def main(bench: Bench) -> None:
        with pytest.raises(ConfigurationRefused, match="'twin', and that name is used twice"):
            new_kernel(bench, Brings([Source("twin", lambda *_: forever())], [Part("twin")]))
        await bench.kernel.stop()
        await bench.start_another()

    on_bench(main)


def test_an_exchange_client_brings_components_of_its_own() -> None:
    """A client that says so has its components run by the kernel."""
    part = Part("venue clock")

    class Bringing(ScriptedExchange):
        def components(self) -> list[Part]:
            return [part]

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        client = Bringing([instrument()])
        client.capabilities = attrs.evolve(client.capabilities, components=True)
        bench.exchange = client
        bench.kernel = bench.new_kernel()
        await bench.kernel.start()
        assert "venue clock" in {name for name, _, _ in bench.kernel.health()}

    on_bench(main)
