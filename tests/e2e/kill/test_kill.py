"""A real kernel, a real file and a venue in another process, killed with SIGKILL again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import campaign_size
from tests.e2e.kill.arena import Arena
from tests.e2e.kill.labels import AFTER_COMMIT, AFTER_SEND, AFTER_TOLD, DURING_START, LABELS, STARTING_POINTS
from tests.e2e.kill.trader import EXIT_HELD

Record = Callable[[str, object], None]
RANDOM_KILLS = 3
NTH_MAX = 25
SURELY_IN_FLIGHT = (AFTER_COMMIT, AFTER_SEND)
"""What was committed is neither answered nor heard of by other ways, as the process dies at once."""

MARKS_MAX = 2
"""A mark is written once in `delivery_mark_interval_ms`, so few are waited for."""


async def campaign(folder: Path, *, random_kills: int, repeats: int, seed: int) -> Arena:
    """Kill at random instants and at each labelled place, in a random order; judge after each and at last."""
    arena = Arena(folder, seed)
    plan = [(label, repeat) for label in LABELS for repeat in range(repeats)]
    plan += [("", number) for number in range(random_kills)]
    arena.stream.shuffle(plan)
    await arena.open()
    try:
        for label, number in plan:
            if label:
                await arena.labelled_round(label, nth_of(arena, label, number))
            else:
                await arena.random_round(venue_too=number % 3 == 0)
        report = await arena.last_round()
        assert report["acknowledged"] > len(plan)
    finally:
        await arena.close()
    return arena


def nth_of(arena: Arena, label: str, number: int) -> int:
    """Return how often a trader comes to the place before it dies there."""
    if label == DURING_START:
        return number % STARTING_POINTS + 1
    if label == AFTER_TOLD:
        return number % MARKS_MAX + 1
    return arena.stream.randrange(1, NTH_MAX)


def judge(arena: Arena, record_property: Record, kills: int) -> None:
    """Demand the number of kills, something in flight where that is certain, and have it printed."""
    in_flight = sum(1 for each in arena.rounds if each.in_flight)
    live = sum(1 for each in arena.rounds if each.live)
    assert len(arena.rounds) == kills
    assert all(each.in_flight for each in arena.rounds if each.kind in SURELY_IN_FLIGHT), arena.rounds
    record_property(
        "kills",
        f"{kills} kills, {in_flight} with an order in flight, {live} with a live order, "
        f"{arena.venue_kills} of them with the venue: lost 0, duplicated 0, cash reconciled; "
        f"{len(arena.told.first)} notices told by {arena.told.requests} requests, "
        f"{sum(arena.told.ways.values())} of them answered badly: none missing, in order, signed",
    )


def test_kills_lose_and_double_nothing(short_folder: Path, record_property: Record) -> None:
    """Each labelled place once and some random instants; the venue dies too; the checker finds zeros."""
    arena = asyncio.run(campaign(short_folder, random_kills=RANDOM_KILLS, repeats=1, seed=1))
    judge(arena, record_property, RANDOM_KILLS + len(LABELS))
    assert arena.venue_kills == 1


def test_a_second_kernel_is_refused_and_told_who_holds_the_database(short_folder: Path) -> None:
    """Another process on the same file is turned away within a second; the first goes on trading."""
    asyncio.run(_two_kernels(Arena(short_folder, seed=1)))


async def _two_kernels(arena: Arena) -> None:
    await arena.open()
    first = await arena.start_trader()
    await arena.converged(first)
    second = await arena.start_trader(start_ms=1_000)  # more would end it with a TimeoutError
    refusal = await arena.heard(second)
    assert f"process {first.pid} on " in refusal, refusal
    assert await second.wait() == EXIT_HELD
    async with arena.market():
        await arena.tell(first, "go")
        await arena.acknowledged(10)
    await arena.finish(first)
    assert (await arena.check())["acknowledged"] >= 10
    await arena.close()


@pytest.mark.campaign
def test_campaign_of_kills(short_folder: Path, record_property: Record) -> None:
    """Random instants, as many as asked for, and each labelled place as often as asked for."""
    random_kills = campaign_size("KILLS", default=30)
    repeats = campaign_size("KILL_REPEATS", default=2)
    seed = campaign_size("KILL_SEED", default=2)
    arena = asyncio.run(campaign(short_folder, random_kills=random_kills, repeats=repeats, seed=seed))
    judge(arena, record_property, random_kills + repeats * len(LABELS))
    in_flight = sum(1 for each in arena.rounds if each.in_flight)
    assert 2 * in_flight >= len(arena.rounds), arena.rounds
