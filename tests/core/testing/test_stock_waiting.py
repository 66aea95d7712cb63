"""What library code waits with works on virtual time.

This file uses asyncio's own ways to wait, which the clock rule forbids everywhere else: that they work is
what it shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run, run_on

INTERLEAVINGS: tuple[InterleavingName, ...] = ("fifo", "uniform", "priority")
SEEDS = range(15)


def everywhere(main: Callable[[], Coroutine[Any, Any, object]], expected: object) -> None:
    """Run under every policy and several seeds and compare each result."""
    for interleaving in INTERLEAVINGS:
        for seed in SEEDS:
            assert run(main, seed=seed, interleaving=interleaving) == expected


def test_timeouts_fire_when_due_and_not_otherwise() -> None:
    """`asyncio.timeout` and `wait_for` end what takes too long and leave alone what does not."""

    async def main() -> tuple[float, str]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3_600):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 5)
        async with asyncio.timeout(10):
            await asyncio.sleep(9.999)
        elapsed = loop.time() - start
        return round(elapsed, 6), await asyncio.wait_for(asyncio.sleep(1, "done"), 2)

    everywhere(main, (3_614.999, "done"))


def test_queue_lock_event_condition_semaphore_and_barrier() -> None:
    """Every primitive keeps its promise under every order of tasks."""

    async def main() -> tuple[int, int, int]:
        queue: asyncio.Queue[int] = asyncio.Queue(3)
        lock, semaphore, condition = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Condition()
        opened, barrier = asyncio.Event(), asyncio.Barrier(4)
        taken: list[int] = []
        inside = most_inside = 0

        async def produce(base: int) -> None:
            nonlocal inside, most_inside
            await opened.wait()
            for number in range(5):
                async with semaphore:
                    inside += 1
                    most_inside = max(most_inside, inside)
                    await asyncio.sleep(0.001)
                    inside -= 1
                await queue.put(base + number)
            await barrier.wait()

        async def consume() -> None:
            while True:
                number = await queue.get()
                async with lock:
                    before = len(taken)
                    await asyncio.sleep(0)
                    assert len(taken) == before
                    taken.append(number)
                queue.task_done()
                async with condition:
                    condition.notify_all()

        consumers = [asyncio.create_task(consume()) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            for base in (0, 10, 20, 30):
                group.create_task(produce(base))
            opened.set()
            async with condition:
                await condition.wait_for(lambda: len(taken) >= 10)
        await queue.join()
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)
        return len(taken), len(set(taken)), most_inside

    everywhere(main, (20, 20, 2))


def test_a_task_group_cancels_the_others_when_one_fails() -> None:
    """The group's own bookkeeping callbacks survive being overtaken."""

    async def main() -> list[str]:
        ends: list[str] = []

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.1)
                ends.append("canceled")

        async def fail() -> None:
            await asyncio.sleep(1)
            raise ValueError("planted")

        async def all_together() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(wait())
                group.create_task(fail())
                group.create_task(wait())

        with pytest.raises(ExceptionGroup) as caught:
            await all_together()
        assert isinstance(caught.value.exceptions[0], ValueError)
        return ends

    everywhere(main, ["canceled", "canceled"])


def test_executor_work_runs_in_this_thread_after_a_seeded_delay() -> None:
    """Results and errors come back as from a thread, at a virtual time that depends on the seed only."""

    async def main() -> tuple[int, str, str, float]:
        loop = asyncio.get_running_loop()
        total = await loop.run_in_executor(None, sum, [1, 2, 3])
        text = await asyncio.to_thread("{}-{}".format, 1, 2)
        with pytest.raises(ValueError, match="invalid literal") as caught:
            await loop.run_in_executor(None, int, "x")
        return total, text, type(caught.value).__name__, loop.time()

    results = [run(main, seed=seed) for seed in (1, 1, 2)]
    assert results[0][:3] == (6, "1-2", "ValueError")
    assert results[0] == results[1]
    assert results[0][3] != results[2][3]


def test_canceled_executor_work_is_not_done() -> None:
    """Work that nobody waits for any more when its time comes is left out."""

    async def main() -> list[int]:
        done: list[int] = []
        work = asyncio.get_running_loop().run_in_executor(None, done.append, 1)
        work.cancel()
        await asyncio.sleep(1)
        return done

    everywhere(main, [])


def test_asynchronous_generators_and_contexts_are_finished() -> None:
    """A generator that is left half-way is closed on the loop, and its `finally` block may await."""

    async def main() -> list[str]:
        closed: list[str] = []

        async def count() -> AsyncIterator[int]:
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0.1)
                closed.append("generator")

        @asynccontextmanager
        async def door() -> AsyncIterator[None]:
            yield
            await asyncio.sleep(0)
            closed.append("context")

        async for _ in count():
            break
        async with door():
            await asyncio.sleep(1)
        return closed

    everywhere(main, ["generator", "context"])


def test_gather_wait_and_as_completed() -> None:
    """The helpers that watch several tasks give the same results under every order."""

    async def main() -> tuple[list[str], int, list[str]]:
        async def after(delay: float, name: str) -> str:
            await asyncio.sleep(delay)
            return name

        gathered = await asyncio.gather(after(2, "slow"), after(1, "fast"))
        tasks = [asyncio.create_task(after(delay, str(delay))) for delay in (3, 1, 2)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        order = [await each for each in asyncio.as_completed(tasks)]
        return list(gathered), len(done), sorted(order)

    everywhere(main, (["slow", "fast"], 1, ["1", "2", "3"]))


def test_a_runner_accepts_the_loop() -> None:
    """Code that insists on `asyncio.Runner` can be given the seeded loop as well."""

    async def main() -> float:
        await asyncio.sleep(100)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=lambda: SeededLoop(1)) as runner:
        assert runner.run(main()) >= 100


def test_the_seconds_of_floats_do_not_drift() -> None:
    """A tenth of a second ten times is one second, to the microsecond."""
    loop = SeededLoop(1)

    async def main() -> int:
        start_us = loop.now_us
        for _ in range(10):
            await asyncio.sleep(0.1)
        return loop.now_us - start_us

    assert run_on(loop, main) == 1_000_000
