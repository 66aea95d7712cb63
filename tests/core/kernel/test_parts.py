"""Parts: composition, settings, timers, clock, ids and the watchdog, each by itself."""

from __future__ import annotations

import asyncio
import logging
import threading
from decimal import Decimal
from typing import Any

import pytest

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.domain.numbers import ZERO
from fairlead.errors import ConfigurationRefused, PluginRefused, UnknownName
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.kernel.core.readable import look_up_problem
from fairlead.kernel.gate.judgements import judgement_problem, value_problem
from fairlead.kernel.gate.watchdog import CheckHung, ThreadWatchdog
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds
from fairlead.kernel.venue.timers import Timers
from fairlead.ports.exchange import LookUp, OrderReport
from fairlead.ports.risk import ALLOW, Judgement, RiskRequest, RiskView
from tests.core.kernel.bench import BTC, Bench, Yes, on_bench
from tests.core.kernel.checks import Says

NOBODY = "0" * 32
NOTHING: Any = None


class Provider:
    """A plugin that provides everything."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    @hookimpl
    def fairlead_exchanges(self, context: PluginContext) -> list[object]:
        """Provide the bench's venue."""
        assert context.account == "test"
        return [self.bench.exchange]

    @hookimpl
    def fairlead_stores(self) -> list[object]:
        """Provide a store."""
        return [self.bench.new_store()]

    @hookimpl
    def fairlead_risk_checks(self) -> list[object]:
        """Provide a check."""
        return [Yes()]


def test_a_kernel_is_composed_of_plugins() -> None:
    """Exchange, store and checks may come from a plugin object; two of one are refused, unknown names too."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        settings = KernelSettings(account="test")
        async with Kernel(settings, [Provider(bench)], clock=bench.clock) as kernel:
            result = await kernel.session(owner="x").execute(Proposal.buy(BTC, quantity="1", limit_price="1"))
            assert result.status == "ACCEPTED"
        with pytest.raises(ConfigurationRefused, match="2 exchanges and uses exactly one"):
            Kernel(settings, [Provider(bench)], exchange=bench.exchange)
        with pytest.raises((PluginRefused, UnknownName)):
            Kernel(settings, ["moon"])
        await bench.start_another()

    on_bench(main)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1", None])
def test_settings_are_whole_numbers_above_zero(value: Any) -> None:  # noqa: ANN401 - that is the point
    """Every duration and limit is refused with its name and its default when it is none."""
    with pytest.raises(ConfigurationRefused, match=r"kernel\.order_deadline_ms: .* default, 5000"):
        KernelSettings(account="x", order_deadline_ms=value)


def test_a_view_shows_positions() -> None:
    """A check may look at the position that the order would work on."""
    seen: list[Decimal] = []

    def look(request: RiskRequest, view: RiskView, _value: str) -> Judgement:
        position = view.position(request.symbol, request.book)
        seen.append(ZERO if position is None else position.quantity)
        return ALLOW

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        await bench.execute()
        assert seen == [0, 2]

    on_bench(main, checks=[Says(look)])


def test_judgements_and_look_ups_are_looked_at() -> None:
    """Allow is one; a look-up of the wrong shape, or with an unreadable report, proves nothing."""
    assert judgement_problem(ALLOW) == ""
    assert value_problem("two\nlines") == ""
    assert value_problem(7) == "returned a int, not text"
    assert value_problem("\ud800") == "returned text that cannot be stored"
    assert look_up_problem(LookUp(None, NOTHING, complete=True), NOBODY)
    report = OrderReport(NOBODY, "", BTC, NOTHING, ZERO, 0)
    assert "status" in look_up_problem(LookUp(report, (), complete=True), NOBODY)


def test_a_timer_takes_the_earliest_wish() -> None:
    """One timer an order: an earlier wish replaces it, a later one does not; closing takes all back."""

    async def main(bench: Bench) -> None:
        fired: list[str] = []
        timers = Timers(bench.clock, fired.append)
        now = bench.clock.wall_ns()
        timers.wake_at("a", now + 3_000_000)
        timers.wake_at("a", now + 5_000_000)
        timers.wake_at("a", now + 1_000_000)
        timers.wake_at("b", now - 1)
        timers.wake_at("c", now + 9_000_000)
        assert len(timers) == 3
        await bench.pass_ms(2)
        assert fired == ["b", "a"]
        await bench.pass_ms(4)
        assert fired == ["b", "a"]
        timers.close()
        await bench.pass_ms(10)
        assert (fired, len(timers)) == (["b", "a"], 0)

    on_bench(main)


def test_the_system_clock_and_ids_are_real() -> None:
    """On a stock loop: time goes on, waits end, timeouts raise, timers fire, ids differ."""

    async def main() -> None:
        clock = SystemClock()
        assert clock.wall_ns() > 1_700_000_000_000_000_000
        began = clock.monotonic_ns()
        await clock.sleep_ns(1)
        assert clock.monotonic_ns() > began
        fired = asyncio.Event()
        clock.call_at_ns(began, fired.set)
        await fired.wait()
        with pytest.raises(TimeoutError):
            async with clock.timeout_ns(1):
                await asyncio.get_running_loop().create_future()

    asyncio.run(main())
    ids = {SystemIds().unique_hex(24) for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 24 for each in ids)


class Hesitant(ThreadWatchdog):
    """A watchdog whose check ends between its two looks."""

    def __init__(self) -> None:
        super().__init__(1_000_000)
        self.looks = 0
        self.looked = threading.Event()

    def _is_stuck(self, _seen: int) -> bool:
        self.looks += 1
        if self.looks > 3:
            self.looked.set()
        return self.looks % 2 == 1


def test_a_check_that_ends_while_the_watchdog_looks_is_left_alone() -> None:
    """The watcher announces, looks again, and does not fire when the check is over."""
    watchdog = Hesitant()
    with watchdog.watching():
        assert watchdog.looked.wait(30)
    watchdog.close()
    watchdog.close()


def test_the_end_of_a_check_waits_for_an_announced_interruption() -> None:
    """Announced, not fired yet: the block does not end before it is known, and ends as interrupted."""
    watchdog = ThreadWatchdog(3_600_000_000_000)
    entered = threading.Event()

    def fire() -> None:
        entered.wait(30)
        watchdog._fired_round = watchdog._round
        watchdog._done = watchdog._announced

    other = threading.Thread(target=fire)
    other.start()
    block = watchdog.watching()
    block.__enter__()
    watchdog._announced += 1
    entered.set()
    with pytest.raises(CheckHung):
        block.__exit__(None, None, None)
    other.join()
    watchdog.disarm()
    watchdog.close()


def test_errors_of_tasks_are_logged_with_their_name() -> None:
    """Whatever dies is in the log, under its name."""
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    async def main(bench: Bench) -> None:
        bench.kernel._parts.logger.addHandler(Keep())
        bench.kernel._parts._task_failed("something", ValueError("x"))
        await bench.pass_ms()
        assert ["something" in record.getMessage() for record in records] == [True]

    on_bench(main)
