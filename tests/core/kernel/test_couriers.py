"""Couriers and time limits: what carries requests out, and what ends those that take too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fairlead.kernel.components import Supervisor
from fairlead.kernel.venue.couriers import Couriers
from fairlead.kernel.venue.time_limits import TimeLimits
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run_on
from fairlead.testing.virtual_clock import VirtualClock

LIMIT_NS = 1_000_000


class Bench:
    """Couriers on virtual time, and what failed."""

    def __init__(self, loop: SeededLoop) -> None:
        self.clock = VirtualClock(loop)
        self.failures: list[tuple[str, BaseException]] = []
        self.supervisor = Supervisor(self._failed, self.clock, LIMIT_NS)
        self.couriers = Couriers(self.supervisor)
        self.limits = TimeLimits(self.clock, LIMIT_NS)

    def _failed(self, name: str, error: BaseException) -> None:
        self.failures.append((name, error))

    async def turn(self) -> None:
        """Let everything that is ready run."""
        await self.clock.sleep_ns(1_000)

    def task(self) -> asyncio.Task[None]:
        """Return the calling task."""
        task = asyncio.current_task()
        assert task is not None
        return task


def on_bench(main: Callable[[Bench], Awaitable[None]]) -> None:
    """Run on a seeded loop of its own."""
    loop = SeededLoop(1)

    async def whole() -> None:
        bench = Bench(loop)
        await main(bench)
        bench.limits.close()
        await bench.supervisor.cancel_all()

    run_on(loop, whole)


def test_a_courier_is_used_again_and_hired_only_when_all_are_out() -> None:
    """Three errands one after the other take one task; two side by side take two."""

    async def main(bench: Bench) -> None:
        seen: list[asyncio.Task[None]] = []
        gate = asyncio.Event()

        async def quick(task: asyncio.Task[None]) -> None:
            seen.append(task)

        async def slow(task: asyncio.Task[None]) -> None:
            seen.append(task)
            await gate.wait()

        for _ in range(3):
            bench.couriers.send(quick)
            await bench.turn()
        assert len(set(seen)) == 1
        bench.couriers.send(slow)
        bench.couriers.send(quick)
        await bench.turn()
        assert len(set(seen)) == 2
        assert len(bench.couriers.busy) == len(bench.couriers.free) == 1
        gate.set()
        await bench.turn()
        assert not bench.couriers.busy

    on_bench(main)


def test_a_canceled_courier_gets_no_errand() -> None:
    """Between its cancellation and its end a free courier is passed over; another runs the errand."""

    async def main(bench: Bench) -> None:
        seen: list[asyncio.Task[None]] = []

        async def quick(task: asyncio.Task[None]) -> None:
            seen.append(task)

        bench.couriers.send(quick)
        await bench.turn()
        seen[0].cancel()
        bench.couriers.send(quick)
        await bench.turn()
        assert len(set(seen)) == 2
        assert [name for name, _ in bench.failures] == ["courier"]

    on_bench(main)


def test_a_dismissed_courier_finishes_its_errand_and_ends() -> None:
    """Those who are free end at once; who is out ends with the errand, and nobody is canceled for it."""

    async def main(bench: Bench) -> None:
        gate = asyncio.Event()
        done: list[str] = []

        async def quick(_task: asyncio.Task[None]) -> None:
            done.append("quick")

        async def slow(_task: asyncio.Task[None]) -> None:
            await gate.wait()
            done.append("slow")

        bench.couriers.send(slow)
        bench.couriers.send(quick)
        await bench.turn()
        out = await bench.couriers.dismiss()
        assert len(out) == 1
        assert bench.supervisor.tasks == out
        gate.set()
        await asyncio.wait(out)
        assert done == ["quick", "slow"]
        assert not bench.supervisor.tasks
        assert not bench.failures

    on_bench(main)


def test_an_errand_that_fails_is_reported_and_takes_only_its_courier_along() -> None:
    """A bug in an errand reaches the supervisor; the next errand gets another courier."""

    async def main(bench: Bench) -> None:
        async def broken(_task: asyncio.Task[None]) -> None:
            raise LookupError("a bug")

        bench.couriers.send(broken)
        await bench.turn()
        assert [(name, type(error)) for name, error in bench.failures] == [("courier", LookupError)]
        assert not bench.couriers.busy | bench.couriers.free

    on_bench(main)


def test_each_question_has_its_own_limit() -> None:
    """One timer serves all, and yet the second question is ended a full limit after it was asked."""

    async def main(bench: Bench) -> None:
        ended: dict[str, int] = {}
        start_ns = bench.clock.monotonic_ns()

        async def hang() -> None:
            await asyncio.get_running_loop().create_future()

        async def ask(name: str, after_ns: int) -> None:
            await bench.clock.sleep_ns(after_ns)
            with pytest.raises(TimeoutError):
                await bench.limits.within(bench.task(), hang)
            ended[name] = bench.clock.monotonic_ns() - start_ns

        await asyncio.gather(ask("first", 10_000), ask("second", 600_000), ask("third", 600_000))
        assert ended == {
            "first": LIMIT_NS + 10_000,
            "second": LIMIT_NS + 600_000,
            "third": LIMIT_NS + 600_000,
        }
        assert bench.task().cancelling() == 0

    on_bench(main)


def test_an_answered_question_is_never_ended() -> None:
    """The timer that is left over finds nothing to end, and is armed again for a later question."""

    async def main(bench: Bench) -> None:
        async def quick() -> str:
            return "answer"

        async def slow() -> str:
            await bench.clock.sleep_ns(LIMIT_NS * 3 // 4)
            return "late answer"

        assert await bench.limits.within(bench.task(), quick) == "answer"
        await bench.clock.sleep_ns(LIMIT_NS // 2)
        assert await bench.limits.within(bench.task(), slow) == "late answer"
        await bench.clock.sleep_ns(LIMIT_NS)
        assert await bench.limits.within(bench.task(), slow) == "late answer"

    on_bench(main)


def test_who_is_stopped_is_not_told_of_a_timeout() -> None:
    """A cancellation from outside stays one, also when the limit ends in the same moment."""

    async def main(bench: Bench) -> None:
        async def hang() -> None:
            await asyncio.get_running_loop().create_future()

        async def ask() -> None:
            await bench.limits.within(bench.task(), hang)

        for at_ns in (LIMIT_NS // 2, LIMIT_NS):
            task = asyncio.ensure_future(ask())
            await bench.clock.sleep_ns(at_ns)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    on_bench(main)


def test_an_answer_given_in_spite_of_the_limit_counts() -> None:
    """A client that swallows the cancellation and answers is believed, and its task is not marked."""

    async def main(bench: Bench) -> None:
        async def stubborn() -> str:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                return "answer"
            return ""

        assert await bench.limits.within(bench.task(), stubborn) == "answer"
        assert bench.task().cancelling() == 0

    on_bench(main)
