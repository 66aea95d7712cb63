"""The replay clock: time moves only when it is told to, in order, and never while work is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fairlead.kernel.replay_clock import CALM_PASSES, EAGER_PASSES, ReplayClock

START_NS = 1_000


def at_once() -> bool:
    """Say that nothing is ever under way."""
    return True


def test_time_stands_still_until_it_is_moved_and_never_goes_back() -> None:
    """Wall and monotonic time are what `advance_to` said last; an earlier time changes nothing."""

    async def main() -> None:
        clock = ReplayClock(START_NS)
        assert (clock.wall_ns(), clock.monotonic_ns()) == (START_NS, START_NS)
        await clock.advance_to(1_500, at_once)
        await clock.advance_to(1_200, at_once)
        assert (clock.wall_ns(), clock.monotonic_ns()) == (1_500, 1_500)

    asyncio.run(main())


def test_what_is_due_fires_in_order_at_its_own_time() -> None:
    """Timers, sleeps and what they set in turn see exactly their due time, however far one moves."""
    seen: list[tuple[str, int]] = []

    async def main() -> None:
        clock = ReplayClock(START_NS)

        def note(name: str) -> Callable[[], None]:
            return lambda: seen.append((name, clock.wall_ns()))

        async def sleeper() -> None:
            await clock.sleep_ns(200)
            note("slept")()
            clock.call_at_ns(clock.monotonic_ns() + 50, note("set by the sleeper"))

        task = asyncio.create_task(sleeper())
        await clock.sleep_ns(0)
        clock.call_at_ns(START_NS + 300, note("late"))
        clock.call_at_ns(START_NS + 100, note("early"))
        clock.call_at_ns(START_NS + 150, note("taken back")).cancel()
        clock.call_at_ns(START_NS - 1, note("overdue"))
        await clock.advance_to(START_NS + 299, at_once)
        assert clock.next_due_ns == START_NS + 300
        await clock.advance_to(START_NS + 300, at_once)
        await task

    asyncio.run(main())
    assert seen == [
        ("overdue", START_NS),
        ("early", START_NS + 100),
        ("slept", START_NS + 200),
        ("set by the sleeper", START_NS + 250),
        ("late", START_NS + 300),
    ]


def test_a_timer_canceled_in_the_turn_in_which_it_is_due_does_not_fire() -> None:
    """Whoever runs between a timer's due time and its callback can still take it back."""
    fired: list[str] = []

    async def main() -> None:
        clock = ReplayClock(START_NS)
        timer = clock.call_at_ns(START_NS + 1, lambda: fired.append("timer"))

        asked = 0

        def settled() -> bool:
            nonlocal asked
            asked += 1
            if asked == CALM_PASSES:  # the last turn before the timer is handed to the loop
                asyncio.get_running_loop().call_soon(timer.cancel)
            return True

        await clock.advance_to(START_NS + 2, settled)

    asyncio.run(main())
    assert fired == []


def test_time_waits_for_work_that_is_under_way() -> None:
    """While `settled` says no, nothing fires; real time passes, replay time does not."""
    fired: list[int] = []

    async def main() -> None:
        clock = ReplayClock(START_NS)
        clock.call_at_ns(START_NS + 5, lambda: fired.append(clock.wall_ns()))
        asked = 0

        def settled() -> bool:
            nonlocal asked
            asked += 1
            if asked <= EAGER_PASSES + 3:  # long enough to be looked at in naps
                assert not fired
                return False
            return True

        await clock.advance_to(START_NS + 10, settled)

    asyncio.run(main())
    assert fired == [START_NS + 5]


def test_a_timeout_counts_in_replay_time() -> None:
    """A block ends with TimeoutError at its time; one that ended before is left alone."""

    async def main() -> None:
        clock = ReplayClock(START_NS)

        async def too_long() -> int:
            try:
                async with clock.timeout_ns(100):
                    await clock.sleep_ns(1_000)
            except TimeoutError:
                return clock.wall_ns()
            return 0

        async def in_time() -> str:
            async with clock.timeout_ns(100):
                await clock.sleep_ns(99)
            await clock.sleep_ns(50)
            return "in time"

        tasks = asyncio.create_task(too_long()), asyncio.create_task(in_time())
        await clock.sleep_ns(0)
        await clock.advance_to(START_NS + 500, at_once)
        assert await tasks[0] == START_NS + 100
        assert await tasks[1] == "in time"

    asyncio.run(main())


def test_a_canceled_sleep_leaves_nothing_behind() -> None:
    """A task that is canceled while it sleeps is no longer waiting, and its timer is gone."""

    async def main() -> None:
        clock = ReplayClock(START_NS)
        task = asyncio.create_task(clock.sleep_ns(100))
        await clock.sleep_ns(0)
        assert clock.waiting_tasks == {task}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.waiting_tasks == frozenset()
        assert clock.next_due_ns is None

    asyncio.run(main())


def test_a_sleeper_canceled_as_it_becomes_due_is_canceled() -> None:
    """A wake-up that comes after the cancel changes nothing."""

    async def main() -> None:
        clock = ReplayClock(START_NS)
        task = asyncio.create_task(clock.sleep_ns(100))
        await clock.sleep_ns(0)
        asked = 0

        def settled() -> bool:
            nonlocal asked
            asked += 1
            if asked == CALM_PASSES:  # the last turn before the wake-up is handed to the loop
                asyncio.get_running_loop().call_soon(task.cancel)
            return True

        await clock.advance_to(START_NS + 100, settled)
        assert task.cancelled()

    asyncio.run(main())


def test_no_time_to_sleep_still_yields() -> None:
    """A sleep of zero lets others run and needs nobody to move time."""
    order: list[str] = []

    async def main() -> None:
        clock = ReplayClock(START_NS)

        async def other() -> None:
            order.append("other")

        task = asyncio.create_task(other())
        await clock.sleep_ns(0)
        order.append("main")
        await task

    asyncio.run(main())
    assert order == ["other", "main"]


def test_whoever_lives_in_the_same_time_is_told_before_anything_is_due_there() -> None:
    """`on_move` hears each time once, before timers of that time fire, also when it sets a new timer."""
    heard: list[tuple[str, int]] = []

    async def main() -> None:
        clock = ReplayClock(START_NS)

        async def on_move(now_ns: int) -> None:
            heard.append(("move", now_ns))

        clock.on_move = on_move
        clock.call_at_ns(START_NS + 5, lambda: heard.append(("timer", clock.wall_ns())))
        await clock.advance_to(START_NS + 9, at_once)
        await clock.advance_to(START_NS + 9, at_once)

    asyncio.run(main())
    assert heard == [("move", START_NS + 5), ("timer", START_NS + 5), ("move", START_NS + 9)]


def test_run_moves_time_only_for_the_work_itself() -> None:
    """Work that sleeps gets its time; while it waits for something else, time stands still."""

    async def main() -> None:
        clock = ReplayClock(START_NS)
        real = asyncio.Event()

        async def work() -> int:
            await clock.sleep_ns(70)
            asyncio.get_running_loop().call_soon(real.set)
            await real.wait()
            assert clock.wall_ns() == START_NS + 70
            await clock.sleep_ns(30)
            return clock.wall_ns()

        clock.call_at_ns(START_NS + 1_000, lambda: pytest.fail("nobody waited for this"))
        assert await clock.run(work(), at_once) == START_NS + 100

    asyncio.run(main())


def test_run_raises_what_the_work_raises() -> None:
    """A failure of the work is the caller's."""

    async def main() -> None:
        clock = ReplayClock(START_NS)

        async def work() -> None:
            await clock.sleep_ns(1)
            raise ValueError("it failed")

        with pytest.raises(ValueError, match="it failed"):
            await clock.run(work(), at_once)

    asyncio.run(main())
