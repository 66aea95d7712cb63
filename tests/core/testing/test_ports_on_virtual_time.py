"""The clock, the identifiers and the random streams that go with the seeded loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar

import pytest

from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.ids import Ids
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.seeded_ids import SeededIds
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run_on
from fairlead.testing.virtual_clock import START_OF_2026_NS, VirtualClock

T = TypeVar("T")
SECOND = NANOSECONDS_PER_SECOND


def on_virtual_time(main: Callable[[VirtualClock], Coroutine[None, None, T]]) -> T:
    """Run with a clock on a new loop."""
    loop = SeededLoop(1)
    clock = VirtualClock(loop)
    return run_on(loop, lambda: main(clock))


def test_the_clock_and_the_ids_are_the_ports() -> None:
    """Both fit where the kernel takes the ports; the type checker proves the rest."""
    loop = SeededLoop(1)
    clock: Clock = VirtualClock(loop)
    ids: Ids = SeededIds(SeedStreams(1).of("ids"))
    assert clock.wall_ns() == START_OF_2026_NS
    assert len(ids.unique_hex(24)) == 24
    loop.close()


def test_sleeping_moves_both_times_by_the_same_amount() -> None:
    """Wall and monotonic time run alike as long as nobody moves the wall clock."""

    async def main(clock: VirtualClock) -> tuple[int, int]:
        wall_ns, monotonic_ns = clock.wall_ns(), clock.monotonic_ns()
        await clock.sleep_ns(5 * SECOND)
        return clock.wall_ns() - wall_ns, clock.monotonic_ns() - monotonic_ns

    assert on_virtual_time(main) == (5 * SECOND, 5 * SECOND)


@pytest.mark.parametrize("jump_ns", [-3_600 * SECOND, 86_400 * SECOND])
def test_a_wall_clock_jump_moves_no_timer(jump_ns: int) -> None:
    """Wall time jumps back or forward; monotonic time, sleeps and timers do not notice."""

    async def main(clock: VirtualClock) -> tuple[int, int, list[int]]:
        fired: list[int] = []
        wall_ns, start_ns = clock.wall_ns(), clock.monotonic_ns()
        clock.call_at_ns(start_ns + 2 * SECOND, lambda: fired.append(clock.monotonic_ns() - start_ns))
        await clock.sleep_ns(SECOND)
        clock.jump_wall_ns(jump_ns)
        await clock.sleep_ns(2 * SECOND)
        return clock.wall_ns() - wall_ns, clock.monotonic_ns() - start_ns, fired

    assert on_virtual_time(main) == (3 * SECOND + jump_ns, 3 * SECOND, [2 * SECOND])


def test_nothing_is_early_and_at_most_a_microsecond_late() -> None:
    """Nanoseconds between two ticks of the loop are rounded up, for sleeps and timers."""

    async def main(clock: VirtualClock) -> list[int]:
        late: list[int] = []

        def note_lateness(due_ns: int) -> None:
            late.append(clock.monotonic_ns() - due_ns)

        for wait_ns in (1, 999, 1_000, 1_001, 123_456_789):
            due_ns = clock.monotonic_ns() + wait_ns
            clock.call_at_ns(due_ns, partial(note_lateness, due_ns))
            await clock.sleep_ns(wait_ns)
            note_lateness(due_ns)
            await clock.sleep_ns(10_000)
        return late

    late = on_virtual_time(main)
    assert len(late) == 10
    assert all(0 <= each_ns < 1_000 for each_ns in late)


def test_a_timer_can_be_taken_back_also_twice_and_afterwards() -> None:
    """Canceling before, again and after it ran is harmless, as the port promises."""

    async def main(clock: VirtualClock) -> list[str]:
        fired: list[str] = []
        canceled = clock.call_at_ns(2 * SECOND, lambda: fired.append("canceled"))
        kept = clock.call_at_ns(2 * SECOND, lambda: fired.append("kept"))
        canceled.cancel()
        canceled.cancel()
        await clock.sleep_ns(5 * SECOND)
        kept.cancel()
        return fired

    assert on_virtual_time(main) == ["kept"]


def test_a_timer_in_the_past_runs_soon() -> None:
    """A due time that has passed is due now."""

    async def main(clock: VirtualClock) -> int:
        fired: list[int] = []
        start_ns = clock.monotonic_ns()
        clock.call_at_ns(0, lambda: fired.append(clock.monotonic_ns() - start_ns))
        await clock.sleep_ns(1)
        return fired[0]

    assert on_virtual_time(main) == 0


def test_a_timeout_counts_from_when_the_block_is_entered() -> None:
    """A block made early and entered late has its whole time."""

    async def main(clock: VirtualClock) -> int:
        limit = clock.timeout_ns(2 * SECOND)
        await clock.sleep_ns(10 * SECOND)
        start_ns = clock.monotonic_ns()
        with pytest.raises(TimeoutError):
            async with limit:
                await asyncio.Event().wait()
        return clock.monotonic_ns() - start_ns

    assert on_virtual_time(main) == 2 * SECOND


def test_a_timeout_leaves_quick_work_and_real_cancellation_alone() -> None:
    """Only its own expiry becomes a `TimeoutError`."""

    async def main(clock: VirtualClock) -> str:
        async with clock.timeout_ns(SECOND):
            await clock.sleep_ns(SECOND - 1_000)

        async def wait() -> None:
            async with clock.timeout_ns(SECOND):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await clock.sleep_ns(1_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return "done"

    assert on_virtual_time(main) == "done"


def test_a_canceled_sleep_leaves_no_timer() -> None:
    """The loop can be idle, and so find a deadlock, though a long sleep was canceled."""

    async def main(clock: VirtualClock) -> int:
        task = asyncio.create_task(clock.sleep_ns(3_600 * SECOND))
        await clock.sleep_ns(SECOND)
        task.cancel()
        await asyncio.wait([task])
        return clock.monotonic_ns()

    assert on_virtual_time(main) == 2 * SECOND


def test_ids_are_unique_also_when_almost_all_are_given() -> None:
    """All sixteen numbers of one digit come once each, then an error instead of a repetition."""
    ids = SeededIds(SeedStreams(7).of("ids"))
    assert {ids.unique_hex(1) for _ in range(16)} == set("0123456789abcdef")
    with pytest.raises(ValueError, match="all identifiers of 1 digits"):
        ids.unique_hex(1)
    with pytest.raises(ValueError, match="at least one digit"):
        ids.unique_hex(0)


def test_streams_are_stable_and_independent() -> None:
    """Figures are the committed ones on every Python, and a draw in one stream shifts no other."""
    streams, others = SeedStreams(42), SeedStreams(42)
    assert [streams.of("venue").randrange(1_000) for _ in range(5)] == VENUE_OF_SEED_42
    for _ in range(100):
        others.of("network").random()
    assert [others.of("venue").randrange(1_000) for _ in range(5)] == VENUE_OF_SEED_42
    assert streams.of("venue") is streams.of("venue")
    assert SeedStreams(43).of("venue").randrange(10**9) != SeedStreams(42).of("venue").randrange(10**9)


VENUE_OF_SEED_42 = [577, 615, 208, 264, 128]
