"""Life: components start in order and stop in reverse, nothing leaks, and nobody is hurt by anybody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import product
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.errors import ConfigurationRefused, ExchangeFault, InvariantBroken, NotRunning, StoreHeld
from fairlead.kernel.components import LIFE_CYCLE, Component, ComponentState, Supervisor
from fairlead.ports.exchange import Fence
from fairlead.testing import SeededLoop, VirtualClock, run
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.scripted_exchange import hangs, looks_for_ever, loses_answer, loses_request
from tests.core.kernel.bench import Bench, on_bench, on_seeded_bench
from tests.core.kernel.faults import LONG_MS


@pytest.mark.parametrize(("before", "after"), list(product(ComponentState, ComponentState)))
def test_every_pair_of_the_life_cycle_is_decided(before: ComponentState, after: ComponentState) -> None:
    """A component goes where the table says, and refuses every other way without moving."""
    component = Component("part")
    component.state = before
    if after in LIFE_CYCLE[before]:
        component.move(after, "why")
        assert (component.state, component.problem) == (after, "why")
    else:
        with pytest.raises(InvariantBroken, match=f"from {before.value} to {after.value}"):
            component.move(after)
        assert component.state is before


def test_every_state_can_be_left_but_the_last() -> None:
    """Nothing gets stuck: from every state there is a way to DISPOSED, and none out of it."""
    for begin in ComponentState:
        seen = {begin}
        while more := {to for state in seen for to in LIFE_CYCLE[state]} - seen:
            seen |= more
        assert ComponentState.DISPOSED in seen
    assert LIFE_CYCLE[ComponentState.DISPOSED] == ()


class Fragile(Component):
    """A component that fails as told."""

    def __init__(self, *, fails_to_start: bool = False, fails_to_stop: bool = False) -> None:
        super().__init__("fragile")
        self.fails_to_start = fails_to_start
        self.fails_to_stop = fails_to_stop
        self.stops = 0

    async def on_start(self) -> None:
        """Fail when told."""
        if self.fails_to_start:
            raise OSError("no")

    async def on_stop(self) -> None:
        """Fail when told."""
        self.stops += 1
        if self.fails_to_stop:
            raise OSError("no")


def test_a_component_says_what_became_of_it() -> None:
    """Started, stopped, failed: the state and the problem say so; stopping twice is harmless."""

    async def main() -> None:
        plain = Component("plain")
        await plain.stop()
        states = [plain.state]
        await plain.start()
        states.append(plain.state)
        await plain.stop()
        await plain.stop()
        states.append(plain.state)
        assert states == [ComponentState.READY, ComponentState.RUNNING, ComponentState.STOPPED]
        for fragile in (Fragile(fails_to_start=True), Fragile(fails_to_stop=True)):
            if fragile.fails_to_start:
                with pytest.raises(OSError, match="no"):
                    await fragile.start()
            else:
                await fragile.start()
                with pytest.raises(OSError, match="no"):
                    await fragile.stop()
            assert (fragile.state, fragile.problem) == (ComponentState.FAULTED, "OSError: no")
        fragile = Fragile(fails_to_start=True)
        with pytest.raises(OSError, match="no"):
            await fragile.start()
        await fragile.stop()
        assert (fragile.state, fragile.stops) == (ComponentState.STOPPED, 1)

    run(main)


def test_a_component_that_failed_meanwhile_does_not_pretend_to_run() -> None:
    """Found FAULTED at the end of its start or stop, it stays so."""

    class Dies(Component):
        async def on_start(self) -> None:
            self.fail(OSError("meanwhile"))

        async def on_stop(self) -> None:
            self.fail(OSError("again"))

    async def main() -> None:
        component = Dies("dies")
        await component.start()
        assert component.state.value == "faulted"
        await component.stop()
        assert (component.state, component.problem) == (ComponentState.FAULTED, "OSError: again")
        component.move(ComponentState.DISPOSED)
        component.fail(OSError("over"))
        assert component.state.value == "disposed"

    run(main)


async def fails() -> None:
    """Fail."""
    raise ValueError("x")


async def cancels_itself() -> None:
    """End as if somebody had canceled it."""
    raise asyncio.CancelledError


async def waits() -> None:
    """Wait for what never comes."""
    await asyncio.get_running_loop().create_future()


async def swallows(times: int) -> None:
    """Refuse so many cancellations."""
    for _ in range(times):
        try:
            await waits()
        except asyncio.CancelledError:
            continue
    await waits()


@pytest.mark.requirement("P2-3")
def test_the_supervisor_reports_and_buries_every_task() -> None:
    """A failure is reported under its name, a cancellation from inside as well; nothing is left behind."""

    async def main() -> None:
        failures: list[tuple[str, str]] = []
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        clock = VirtualClock(loop)
        supervisor = Supervisor(
            lambda name, error: failures.append((name, type(error).__name__)), clock, 1_000_000
        )
        supervisor.spawn("fails", fails())
        supervisor.spawn("itself", cancels_itself())
        one = supervisor.spawn("waits", waits())
        two = supervisor.spawn("other", waits())
        supervisor.spawn("ends", clock.sleep_ns(1))
        await clock.sleep_ns(10_000)
        assert failures == [("fails", "ValueError"), ("itself", "CancelledError")]
        await supervisor.cancel_named("waits")
        assert (one.cancelled(), two.done()) == (True, False)
        stubborn = supervisor.spawn("swallows", swallows(4))
        await clock.sleep_ns(10_000)
        await supervisor.cancel([stubborn])
        assert failures[-1] == ("swallows", "InvariantBroken")
        assert not two.done()
        await supervisor.cancel_all()
        assert supervisor.tasks == frozenset()
        assert len(failures) == 3

    run(main)


@pytest.mark.requirement("P2-3")
@pytest.mark.parametrize("busy_with", ["nothing", "submit", "cancel", "look-up", "reconciliation"])
def test_stopping_leaves_no_task_behind(busy_with: str) -> None:
    """Whatever is under way, after the stop no task is left, and the health report says stopped."""

    async def main(bench: Bench) -> None:
        before = set(bench.loop.unfinished_tasks())
        name = await bench.working()
        task = None
        if busy_with == "submit":
            bench.exchange.will_submit(hangs)
            task = bench.spawn_execute()
        elif busy_with == "cancel":
            bench.exchange.will_cancel(hangs)
            await bench.bot.cancel(name)
        elif busy_with == "look-up":
            bench.exchange.will_submit(loses_answer)
            bench.exchange.will_look_up(*[looks_for_ever] * 3)
            await bench.execute()
            await bench.pass_ms(6_500)
        elif busy_with == "reconciliation":
            bench.exchange.will_fail("fills_since", 100)
            assert bench.exchange.sink is not None
            bench.exchange.sink.reconnected()
        await bench.pass_ms(5)
        await bench.kernel.stop()
        await bench.kernel.stop()
        if task is not None:
            with pytest.raises(NotRunning):
                await task
        left = {task for task in bench.loop.unfinished_tasks() if task not in before}
        assert left == set()
        assert {state for _, state, _ in bench.kernel.health()} == {"stopped"}

    on_bench(main, settings={"stop_timeout_ms": 1_000})


@pytest.mark.parametrize("seed", range(5))
def test_two_stops_at_once_are_one(seed: int) -> None:
    """Stopping concurrently is harmless: both return when all is over."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        task = bench.spawn_execute()
        await bench.pass_ms(seed)
        stops = [bench.loop.create_task(bench.kernel.stop()) for _ in range(3)]
        for stop in stops:
            await stop
        assert bench.kernel._parts.supervisor.tasks == frozenset()
        try:
            assert (await task).status == "NOT_SENT"  # it had not left yet
        except NotRunning:
            assert len(bench.exchange.submits) == 1

    on_seeded_bench(seed, main, settings={"stop_timeout_ms": 1_000})


@pytest.mark.requirement("P2-3")
@pytest.mark.parametrize("method", ["connect", "instruments", "fills_since", "open_orders"])
def test_a_failed_start_leaves_nothing_running(method: str) -> None:
    """The venue cannot be reached: start raises, nothing runs, the store is free, the next start works."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        before = set(bench.loop.unfinished_tasks())
        bench.exchange.will_fail(method, 100)
        with pytest.raises((ConnectionResetError, ExchangeFault)):
            await bench.start_another()
        assert set(bench.loop.unfinished_tasks()) <= before
        assert bench.disk.process is None
        assert bench.exchange.sink is None
        assert ("inbox", "running") not in [(name, state) for name, state, _ in bench.kernel.health()]
        bench.exchange.failing.clear()
        await bench.start_another()
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


def test_a_reconciliation_that_fails_once_is_made_again_at_the_start() -> None:
    """One lost answer does not keep a kernel from starting."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.exchange.will_fail("open_orders", 2)
        await bench.start_another()
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


def test_a_component_that_cannot_be_stopped_does_not_keep_the_others() -> None:
    """The client fails to disconnect: store and tasks are ended all the same, and stop raises."""

    async def main(bench: Bench) -> None:
        async def broken() -> None:
            raise OSError("socket")

        bench.exchange.disconnect = broken  # type: ignore[method-assign]  # a fake around a fake
        with pytest.raises(OSError, match="socket"):
            await bench.kernel.stop()
        assert bench.disk.process is None
        assert not bench.kernel._parts.supervisor.tasks
        del bench.exchange.disconnect
        bench.exchange.sink = None
        await bench.start_another()

    on_bench(main)


def test_a_second_kernel_on_the_same_store_is_refused() -> None:
    """The store is held: the second kernel says by whom, and the first does not notice."""

    async def main(bench: Bench) -> None:
        bench.store, store = bench.new_store(), bench.store
        second = bench.new_kernel()
        with pytest.raises(StoreHeld, match="held by another live kernel: process"):
            await second.start()
        bench.store = store
        assert (await bench.execute()).status == "ACCEPTED"

    on_bench(main)


def test_a_store_of_another_account_is_refused() -> None:
    """One kernel, one account, one store."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.account = "other"
        with pytest.raises(ConfigurationRefused, match="belongs to account"):
            await bench.start_another()
        bench.account = "test"
        await bench.start_another()

    on_bench(main)


def test_kernels_in_one_loop_do_not_know_each_other() -> None:
    """Two accounts in one loop: orders, positions, halts and ids are each one's own."""

    async def main(bench: Bench) -> None:
        async with Bench(account="second") as other:
            await other.kernel.set_trading_state(TradingState.HALTED, reason="x")
            name = await bench.working()
            assert other.kernel.order(name) is None
            assert bench.kernel.trading_state is TradingState.ACTIVE
            bench.exchange.trade(name, "1", "100")
            await bench.pass_ms()
            assert other.kernel.positions() == ()
            assert name[:8] != other.kernel.new_client_order_id()[:8]
            await other.verify()
        assert (await bench.execute()).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.requirement("P2-3")
def test_canceling_the_bot_never_cancels_the_order() -> None:
    """The awaiting task is canceled at many points: the order lives on, and nothing is sent for it."""

    async def main(bench: Bench) -> None:
        for milliseconds in (0, 1, 2, 5, 20):
            bench.exchange.will_submit(hangs)
            task = bench.spawn_execute()
            await bench.pass_ms(milliseconds)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await bench.pass_ms(LONG_MS)
        assert all(bench.exchange.submits_of(order.client_order_id) == 1 for order in bench.kernel.orders())
        result = await bench.execute()
        end = bench.loop.create_task(result.closed())
        await bench.pass_ms()
        end.cancel()
        await bench.pass_ms()
        assert bench.exchange.cancels == []
        assert bench.order(result.client_order_id).status == "ACCEPTED"

    on_bench(main, fence=Fence.DEADLINE)


def test_waits_that_were_given_up_are_forgotten() -> None:
    """Polling an order's end with a timeout does not grow memory."""

    async def main(bench: Bench) -> None:
        result = await bench.execute()
        for _ in range(50):
            with pytest.raises(TimeoutError):
                async with bench.clock.timeout_ns(1_000_000):
                    await result.closed()
        assert len(bench.kernel._parts.engine._waiters[result.client_order_id]) <= 1

    on_bench(main)


def test_a_part_that_dies_halts_and_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inbox's task fails: the component is FAULTED, trading is halted, and cancels still work."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        monkeypatch.setattr("fairlead.kernel.venue.inbox.refers_to", lambda _given: 1 / 0)
        inbox = bench.kernel._parts.inbox
        monkeypatch.setattr(inbox, "on_store_failed", lambda _error: 1 / 0)
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms(10)
        monkeypatch.undo()
        assert (await bench.bot.cancel(name)).accepted
        assert ("inbox", "faulted") in [(name, state) for name, state, _ in bench.kernel.health()]
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.anomalies() == ["component_failed"]

    on_bench(main)


def test_a_journal_whose_task_is_canceled_is_given_up() -> None:
    """The journal's task ends from inside: the kernel says FAULTED and everyone who waits is told."""

    async def main(bench: Bench) -> None:
        async def before(method: str) -> None:
            if method == "append":
                raise asyncio.CancelledError

        bench.before = before
        task = bench.spawn_execute()
        await bench.pass_ms(10)
        assert ("journal", "faulted") in [(name, state) for name, state, _ in bench.kernel.health()]
        with pytest.raises(Exception, match="canceled"):
            await task

    on_bench(main)


PROGRAM = """
import asyncio
from fairlead import Kernel, KernelSettings, Proposal
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, instrument

async def main():
    kernels = [
        Kernel(KernelSettings(account=name, allow_unchecked=True), exchange=ScriptedExchange([instrument()]),
               store=MemoryStore())
        for name in ("one", "two")
    ]
    for kernel in kernels:
        await kernel.start()
    results = [
        await kernel.session(owner="bot").execute(Proposal.buy(BTC, quantity="1", limit_price="100"))
        for kernel in kernels
    ]
    assert all(result.status == "ACCEPTED" for result in results), results
    if {stops}:
        for kernel in kernels:
            await kernel.stop()

asyncio.run(main())
"""


@pytest.mark.parametrize("stops", [True, False])
def test_real_time_and_the_interpreters_exit(stops: Any) -> None:  # noqa: ANN401 - text of the program
    """On a real loop and clock two kernels trade; the interpreter exits by itself, stopped or not."""
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.replace("{stops}", str(stops))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    if stops:
        assert child.stderr == ""


def test_what_a_power_cut_leaves_starts_again() -> None:
    """What a power cut leaves is a start like any other."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(loses_request)
        await bench.execute()
        disk: MemoryDisk = bench.disk.copy()
        async with Bench(disk=disk, exchange=bench.exchange) as other:
            assert len(other.kernel.orders()) == 1

    on_bench(main)
