"""The world: generations live and die in it, and it lives on."""

from __future__ import annotations

import asyncio
import gc

import pytest

from fairlead.testing.generation import Generation
from fairlead.testing.simulation import Outcome, World
from fairlead.testing.simulation_errors import (
    Deadlock,
    GenerationDead,
    Overtime,
    SimulationError,
    StrayFailure,
)

SECOND_NS = 1_000_000_000


class Harbor(World):
    """A world with a log that survives."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.log: list[str] = []

    def after_crash(self) -> None:
        """Say that it was called."""
        self.log.append("power cut")

    def write(self, generation: Generation, line: str) -> None:
        """Write a line on behalf of the program."""
        generation.check()
        self.log.append(line)

    async def tick(self) -> None:
        """Tick every second for ever, as a venue does."""
        while True:
            await self.clock.sleep_ns(SECOND_NS)
            self.log.append("tick")


async def work(harbor: Harbor, generation: Generation) -> None:
    """Write three lines, a second apart."""
    for number in range(3):
        harbor.write(generation, f"generation {generation.number} line {number}")
        await harbor.clock_of(generation).sleep_ns(SECOND_NS)


def test_a_generation_that_returns_is_over() -> None:
    """The outcome tells steps and cause, the generation is dead afterwards, and there was no power cut."""
    kept: list[Generation] = []

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        kept.append(generation)
        await work(harbor, generation)

    with Harbor() as harbor:
        outcome = harbor.run_generation(scenario)
        assert outcome == Outcome(
            generation=1, crashed=False, cause="returned", steps=outcome.steps, crash_points=()
        )
        assert outcome.steps > 5
        assert harbor.log == [f"generation 1 line {number}" for number in range(3)]
    assert not kept[0].alive
    with pytest.raises(GenerationDead, match="generation 1 is dead: returned"):
        kept[0].check()


def test_the_venue_lives_on_through_crash_and_downtime() -> None:
    """A task of the world ticks on while the program is dead, and the next program meets the same world."""
    with Harbor() as harbor:
        harbor.spawn(harbor.tick())
        first = harbor.run_generation(work, crash_at_step=4)
        assert first.crashed
        assert first.cause == "before step 4"
        harbor.pass_time_ns(10 * SECOND_NS)
        ticks = harbor.log.count("tick")
        assert ticks >= 9
        assert harbor.run_generation(work).generation == 2
        assert harbor.log.count("tick") > ticks
        assert harbor.log.count("power cut") == 1
        assert harbor.log[-1].startswith(("generation 2", "tick"))
        assert "generation 2 line 2" in harbor.log


def test_what_is_on_the_wire_outlives_the_program() -> None:
    """A task of the world that was started by the program's call is not the program's."""

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        async def deliver() -> None:
            await harbor.clock.sleep_ns(SECOND_NS)
            harbor.log.append("delivered")

        async def think() -> None:
            await harbor.clock.sleep_ns(SECOND_NS)
            harbor.write(generation, "thought")

        harbor.spawn(deliver())
        thought = asyncio.create_task(think())
        harbor.clock.call_at_ns(0, lambda: harbor.log.append("timer of the world"))
        harbor.clock_of(generation).call_at_ns(0, lambda: harbor.log.append("timer of the program"))
        harbor.crash_points.reached("sent")
        await thought

    with Harbor() as harbor:
        harbor.run_generation(scenario, crash_at_point=("sent", 1))
        harbor.pass_time_ns(5 * SECOND_NS)
        assert harbor.log == ["power cut", "timer of the world", "delivered"]


def test_a_crash_point_kills_the_caller_and_spares_the_world() -> None:
    """The program's code is stopped at the very line; a venue that reaches the armed place goes on."""

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        async def venue() -> None:
            harbor.crash_points.reached("matching")
            harbor.log.append("matched")

        harbor.write(generation, "before")
        harbor.crash_points.reached("here")
        harbor.write(generation, "after")
        await harbor.spawn(venue())
        harbor.write(generation, "answered")

    with Harbor() as harbor:
        first = harbor.run_generation(scenario, crash_at_point=("here", 1))
        second = harbor.run_generation(scenario, crash_at_point=("matching", 1))
        third = harbor.run_generation(scenario)
        assert harbor.log == [
            *("before", "power cut"),
            *("before", "after", "matched", "power cut"),
            *("before", "after", "matched", "answered"),
        ]
    assert first.cause == "here number 1"
    assert (second.crashed, second.cause) == (True, "matching number 1")
    assert third.crash_points == (("here", 1), ("matching", 1))


def test_the_nth_visit_of_a_crash_point_is_counted_per_generation() -> None:
    """The second generation's first visit is number 1 again."""

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        for number in range(3):
            harbor.crash_points.reached("loop")
            harbor.write(generation, str(number))

    with Harbor() as harbor:
        for _ in range(2):
            assert harbor.run_generation(scenario, crash_at_point=("loop", 3)).crashed
        assert harbor.log == ["0", "1", "power cut"] * 2


def test_a_crash_that_is_caught_is_still_a_crash() -> None:
    """Code that catches its death finds every door closed, and what it wakes or starts never runs."""

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        loop = asyncio.get_running_loop()
        opened = loop.create_future()

        async def wait() -> None:
            await opened
            harbor.log.append("woken")

        async def late() -> None:
            harbor.log.append("late")

        waiting = loop.create_task(wait())
        await harbor.clock_of(generation).sleep_ns(SECOND_NS)
        try:
            harbor.crash_points.reached("here")
        except GenerationDead:
            opened.set_result(None)
            started = loop.create_task(late())
            loop.call_soon(harbor.log.append, "callback")
            del waiting, opened, started
            gc.collect()
            harbor.log.append("caught")
            with pytest.raises(GenerationDead):
                harbor.write(generation, "refused")
            await asyncio.Event().wait()

    with Harbor() as harbor:
        assert harbor.run_generation(scenario, crash_at_point=("here", 1)).crashed
        harbor.pass_time_ns(SECOND_NS)
        assert harbor.log == ["caught", "power cut"]


def test_a_failure_that_the_crash_causes_in_a_callback_is_not_the_tests() -> None:
    """A callback that turns its death into an ordinary error fails in a process that is gone anyway."""

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        def act() -> None:
            try:
                harbor.crash_points.reached("here")
            except GenerationDead as death:
                raise RuntimeError("translated") from death

        asyncio.get_running_loop().call_soon(act)
        await harbor.clock_of(generation).sleep_ns(SECOND_NS)

    with Harbor() as harbor:
        assert harbor.run_generation(scenario, crash_at_point=("here", 1)).crashed


def test_a_program_that_hangs_is_a_deadlock_or_runs_out_of_time() -> None:
    """Alone in the world it is a deadlock; beside a ticking venue it ends at the time limit."""

    async def hang(world: World, generation: Generation) -> None:  # noqa: ARG001 - scenarios have both
        await asyncio.Event().wait()

    async def tick(world: World) -> None:
        while True:
            await world.clock.sleep_ns(60 * SECOND_NS)

    with World() as quiet, pytest.raises(Deadlock):
        quiet.run_generation(hang)
    with World(time_limit_us=3_600_000_000) as busy:
        busy.spawn(tick(busy))
        with pytest.raises(Overtime):
            busy.run_generation(hang)


def test_failures_of_the_program_are_raised_with_the_report() -> None:
    """What the scenario raises, and what a background task of it fails at unseen."""

    async def fail(world: World, generation: Generation) -> None:
        await world.clock_of(generation).sleep_ns(1)
        raise ValueError("planted")

    async def fail_behind(world: World, generation: Generation) -> None:
        background = asyncio.create_task(fail(world, generation))
        await world.clock_of(generation).sleep_ns(SECOND_NS)
        del background

    with World(seed=9) as world, pytest.raises(ValueError, match="planted") as caught:
        world.run_generation(fail)
    assert "seed=9" in caught.value.__notes__[0]
    with World(seed=9) as world, pytest.raises(StrayFailure, match="planted"):
        world.run_generation(fail_behind)


def test_leftovers_of_a_returned_program_end_with_it() -> None:
    """When its main function returns the process is gone, background tasks included."""

    async def scenario(harbor: Harbor, generation: Generation) -> None:
        background = asyncio.create_task(work(harbor, generation))
        await harbor.clock_of(generation).sleep_ns(SECOND_NS // 2)
        assert not background.done()

    with Harbor() as harbor:
        harbor.run_generation(scenario)
        harbor.pass_time_ns(10 * SECOND_NS)
        assert harbor.log == ["generation 1 line 0"]


def test_each_generation_draws_ids_of_its_own_and_repeats_them_in_the_next_world() -> None:
    """No id comes twice in a world, and the same seed gives the same ids again."""

    def draw() -> list[str]:
        ids: list[str] = []

        async def scenario(world: World, generation: Generation) -> None:
            ids.append(world.ids_of(generation).unique_hex(32))

        with World(seed=5) as world:
            for _ in range(3):
                world.run_generation(scenario)
        return ids

    drawn = draw()
    assert len(set(drawn)) == 3
    assert draw() == drawn


def test_a_wall_clock_jump_of_the_world_is_seen_by_the_program() -> None:
    """The program's clock is the world's, also after the world moved it."""
    seen: list[int] = []

    async def scenario(world: World, generation: Generation) -> None:
        clock = world.clock_of(generation)
        before_ns = clock.wall_ns()
        world.clock.jump_wall_ns(-SECOND_NS)
        seen.append(clock.wall_ns() - before_ns)
        async with clock.timeout_ns(SECOND_NS):
            await clock.sleep_ns(1_000)
        seen.append(clock.monotonic_ns() - world.clock.monotonic_ns())

    with World() as world:
        world.run_generation(scenario)
    assert seen == [-SECOND_NS, 0]


def test_a_crash_without_a_program_is_harmless_and_a_second_boot_is_not() -> None:
    """There is nothing to kill between generations; two programs at once are a fault of the test."""

    async def boot_again(world: World, generation: Generation) -> None:
        world.run_generation(boot_again)
        generation.check()

    with World() as world:
        world.crash("nobody there")
        with pytest.raises(SimulationError, match="still there"):
            world.run_generation(boot_again)


def test_stopping_the_loop_by_hand_is_refused() -> None:
    """A program that stops the loop it does not own is found out."""

    async def scenario(world: World, generation: Generation) -> None:
        asyncio.get_running_loop().stop()
        await world.clock_of(generation).sleep_ns(SECOND_NS)

    with World() as world, pytest.raises(SimulationError, match="somebody else stopped"):
        world.run_generation(scenario)


def test_arming_a_place_that_is_over_is_refused() -> None:
    """A crash at a visit that already happened would never come."""
    with World() as world:
        world.crash_points.reached("here")
        with pytest.raises(ValueError, match="here number 1 is over"):
            world.crash_points.arm("here", 1)
        world.crash_points.arm("here", 2)
