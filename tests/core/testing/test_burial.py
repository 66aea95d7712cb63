"""Tasks that are ended from outside: no warning leaks, nothing of theirs runs afterwards."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest

from fairlead.testing.generation import Generation
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run
from fairlead.testing.simulation import World
from fairlead.testing.simulation_errors import Crashed, GenerationDead, SimulationError, UndyingTask

ENOUGH_STEPS = 12
Log = list[str]
Program = Callable[[World, Generation, Log], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def only_what_the_test_makes() -> Iterator[None]:
    """Let collections pass over what was there before: among all other tests each took half a second."""
    gc.freeze()
    yield
    gc.unfreeze()


def crash_everywhere(program: Program) -> list[Log]:
    """Crash a program at each of its first steps, let the world live on, and return each log."""
    logs: list[Log] = []
    for step in range(1, ENOUGH_STEPS):
        log: Log = []
        with World(seed=3) as world:

            async def scenario(world: World, generation: Generation, log: Log = log) -> None:
                await program(world, generation, log)

            outcome = world.run_generation(scenario, crash_at_step=step)
            assert outcome.crashed
            at_crash = list(log)
            world.pass_time_ns(10_000_000_000)
            gc.collect()  # what is left must neither run nor warn when it is collected
            assert log == at_crash
        gc.collect()
        assert log == at_crash
        logs.append(log)
    return logs


async def write_on(world: World, generation: Generation, log: Log) -> None:
    """Write a line every second, for ever, through a door that closes when the generation is dead."""
    clock = world.clock_of(generation)
    for number in range(1_000):
        generation.check()
        log.append(f"line {number}")
        await clock.sleep_ns(1_000_000_000)


def test_a_plain_task_stops_dead() -> None:
    """After the crash a program that would write for ever has written its last line."""
    logs = crash_everywhere(write_on)
    assert logs[0] == []
    assert len(logs[-1]) > 2


def test_finally_blocks_find_every_door_closed() -> None:
    """They do run, once, and what they try through a checked door is refused."""

    async def program(world: World, generation: Generation, log: Log) -> None:
        try:
            await world.clock_of(generation).sleep_ns(60_000_000_000)
            for _ in range(ENOUGH_STEPS):
                await world.clock_of(generation).sleep_ns(0)
        finally:
            log.append("finally")
            with pytest.raises(GenerationDead):
                generation.check()
            with pytest.raises(GenerationDead):
                world.clock_of(generation).call_at_ns(0, lambda: log.append("timer"))
            await world.clock_of(generation).sleep_ns(1)
            log.append("the world was touched")

    assert crash_everywhere(program)[1:] == [["finally"]] * (ENOUGH_STEPS - 2)


def test_what_dying_code_schedules_is_dropped_without_a_warning() -> None:
    """Tasks, callbacks, timers and executor work started in `finally` blocks neither run nor complain."""

    async def program(world: World, generation: Generation, log: Log) -> None:
        loop = asyncio.get_running_loop()

        async def late() -> None:
            log.append("late task")

        try:
            for _ in range(1_000):
                await world.clock_of(generation).sleep_ns(0)
        finally:
            loop.create_task(late())  # noqa: RUF006 - to be dropped is its fate
            loop.call_soon(log.append, "late callback")
            loop.run_in_executor(None, log.append, "late work")
            asyncio.ensure_future(late()).cancel()
            await loop.create_task(late())

    assert crash_everywhere(program) == [[]] * (ENOUGH_STEPS - 1)


def test_task_groups_timeouts_locks_and_queues_die_quietly() -> None:
    """The clean-up code of asyncio's own blocks awaits while it is being ended, and still comes to an end."""

    async def program(world: World, generation: Generation, log: Log) -> None:
        clock = world.clock_of(generation)
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        lock = asyncio.Lock()

        async def produce() -> None:
            for number in range(1_000):
                async with lock, clock.timeout_ns(60_000_000_000):
                    await queue.put(number)
                    await clock.sleep_ns(1)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            group.create_task(produce())
            async with clock.timeout_ns(3_600_000_000_000):
                while True:
                    number = await queue.get()
                    generation.check()
                    log.append(str(number))

    assert crash_everywhere(program)


def test_stubborn_tasks_are_ended_too() -> None:
    """A supervisor that catches everything and restarts its work cannot outlive its process."""

    async def program(world: World, generation: Generation, log: Log) -> None:
        restarts = 0
        while restarts < 20:
            try:
                await write_on(world, generation, log)
            except BaseException:  # isolation point: it is the fault that is planted here
                restarts += 1
            finally:
                restarts += 1

    assert crash_everywhere(program)


def test_a_task_that_can_not_be_ended_is_an_error() -> None:
    """A coroutine that awaits again whatever is thrown at it is named instead of being forgotten."""
    give_ups: list[str] = []
    give_up = False

    async def program(world: World, generation: Generation) -> None:  # noqa: ARG001 - scenarios have both
        while not give_up:
            try:
                await asyncio.Event().wait()
            except BaseException:  # isolation point: it is the fault that is planted here
                give_ups.append("not yet")

    world = World()
    world.clock.call_at_ns(world.clock.monotonic_ns() + 1_000, lambda: world.crash("planted"))
    with pytest.raises(UndyingTask, match="program"):
        world.run_generation(program)
    assert len(give_ups) >= 100
    give_up = True
    world.close()


def test_generators_of_the_dead_are_closed() -> None:
    """A generator suspended at a `yield` runs its `finally` block at the crash, not when it is collected."""

    async def program(world: World, generation: Generation, log: Log) -> None:
        clock = world.clock_of(generation)

        async def count() -> AsyncIterator[int]:
            try:
                while True:
                    yield 1
            finally:
                log.append("closed")
                await clock.sleep_ns(1)
                log.append("the world was touched")

        kept = count()
        await anext(kept)
        async for _ in count():
            await clock.sleep_ns(1_000_000_000)

    assert crash_everywhere(program)[2:] == [["closed", "closed"]] * (ENOUGH_STEPS - 3)


@pytest.mark.parametrize("collected_early", [True, False])
def test_a_generator_in_a_cycle_is_left_without_a_warning(collected_early: bool) -> None:  # noqa: FBT001 - a case
    """The same for one that only the collector finds, before the crash or after it."""

    async def program(world: World, generation: Generation, log: Log) -> None:
        async def count(holder: list[object]) -> AsyncIterator[int]:
            try:
                for _ in range(100):
                    yield len(holder)
            finally:
                log.append("closed")

        holder: list[object] = []
        generator = count(holder)
        holder.append(generator)
        await anext(generator)
        del generator, holder
        while True:
            await world.clock_of(generation).sleep_ns(1_000_000_000)
            if collected_early:
                gc.collect()

    gc.disable()
    try:
        logs = crash_everywhere(program)
    finally:
        gc.enable()
    assert logs[1] == ["closed"]
    assert logs[-1] == ["closed"]


def test_generators_whose_clean_up_waits_are_closed_all_the_same() -> None:
    """What a `finally` block of a generator awaits is never waited for, be it one thing or several."""
    log: Log = []

    async def main() -> None:
        async def count() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                try:
                    await asyncio.Event().wait()
                finally:
                    log.append("closing")
                    await asyncio.Event().wait()
                    log.append("waited")

        kept = count()
        await anext(kept)
        await asyncio.Event().wait()

    with pytest.raises(Crashed):
        run(main, crash_at_step=2)
    gc.collect()
    assert log == ["closing"]


def test_eager_tasks_are_buried_too() -> None:
    """A task that ran its first step inside `create_task` belongs to its generation like any other."""
    eager: Any = getattr(asyncio, "eager_task_factory", None)
    if eager is None:
        pytest.skip("eager tasks came with Python 3.12")
    log: Log = []

    async def scenario(world: World, generation: Generation) -> None:
        async def wait() -> None:
            try:
                await world.clock_of(generation).sleep_ns(1_000_000_000)
                log.append("woken")
            finally:
                log.append(f"alive: {generation.alive}")

        async def finish() -> None:
            log.append("finished")

        asyncio.get_running_loop().set_task_factory(eager)
        await asyncio.create_task(finish())
        kept = asyncio.create_task(wait())
        world.crash_points.reached("here")
        await kept

    with World() as world:
        assert world.run_generation(scenario, crash_at_point=("here", 1)).crashed
        gc.collect()
        world.pass_time_ns(2_000_000_000)
    assert log == ["finished", "alive: False"]


def test_crashing_a_plain_run_leaves_no_warning() -> None:
    """`crash_at_step` without a world abandons everything as quietly."""

    async def main() -> None:
        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(wait())

    for step in range(1, 5):
        with pytest.raises(Crashed):
            run(main, crash_at_step=step)
        gc.collect()


def test_failures_of_the_dead_are_of_no_interest() -> None:
    """A task that fails in the very step in which its process dies is not reported as failed unseen."""

    async def program(world: World, generation: Generation) -> None:
        async def die() -> None:
            world.crash_points.reached("here")

        async def wait(task: Awaitable[None]) -> None:
            await task

        task = asyncio.create_task(die())
        await wait(task)
        generation.check()

    with World() as world:
        outcome = world.run_generation(program, crash_at_point=("here", 1))
        assert outcome.crashed
        gc.collect()


def test_the_living_can_not_be_abandoned() -> None:
    """Dropping the tasks of a generation that may still act would hide a fault of the test."""
    loop = SeededLoop()
    with pytest.raises(SimulationError, match="alive"):
        loop.abandon(Generation(1))
    loop.close()
