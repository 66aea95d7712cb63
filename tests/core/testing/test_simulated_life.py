"""Lives among drawn faults: the same seed is the same life, faults do happen, and what fails is reduced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.errors import ExchangeFault
from fairlead.kernel import holder
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.testing.books_check import books_problems
from fairlead.testing.crash_survey import CrashSpot
from fairlead.testing.fault_plan import Death, FaultPlan
from fairlead.testing.faults import Faults
from fairlead.testing.generation import Generation
from fairlead.testing.simulated_life import live_through, shrunk
from fairlead.testing.simulation_errors import Overtime
from fairlead.testing.virtual_clock import START_OF_2026_NS
from tests.core.testing import toy_lives
from tests.core.testing.toy_lives import ToyWorld, buy_once, life, sound

QUIET = FaultPlan()
MISSES = FaultPlan(lost_answer=30, lost_report=30, bad_commit=15)
SEEDS = range(1, 121)


def test_every_kind_of_fault_happens_and_the_books_hold() -> None:
    """A hundred and twenty lives see each kind of fault, die at steps and in calls, and break no promise."""
    lives = [life(seed) for seed in SEEDS]
    faults = sum((each.faults for each in lives), Counter[str]())
    kinds = {
        "lost request", "lost answer", "late request", "late answer", "half a look-up",
        "lost report of a fill", "repeated report of a fill",
        "broken stream", "ended by ExchangeFault", "set clock", "suspended machine",
    }  # fmt: skip
    assert kinds <= set(faults)
    assert len([kind for kind in faults if kind.startswith("commit ")]) >= 3
    assert sum(each.crashes for each in lives) > 20
    deaths = sum((each.deaths for each in lives), Counter[str]())
    assert {"death at a step", "death at exchange.submit.sent", "death that did not come"} <= set(deaths)
    missed = deaths.pop("death that did not come")
    assert missed > 0
    assert deaths.total() == sum(each.crashes for each in lives)
    spots = [death.spot for seed in SEEDS for death in FaultPlan.drawn(seed).deaths]
    assert {spot.point is None for spot in spots} == {True, False}


def test_a_seed_is_one_life() -> None:
    """Its plan, its steps and its faults are the same each time; another seed's are not."""
    assert FaultPlan.drawn(7) == FaultPlan.drawn(7) != FaultPlan.drawn(8)
    first, again, other = life(7), life(7), life(8)
    assert first == again
    assert first.digest != other.digest


def test_the_digest_is_of_what_was_recorded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same steps with another price in the journal are another life; who wrote it makes no difference."""
    first = life(7)
    monkeypatch.setattr(holder, "os", SimpleNamespace(getpid=lambda: 1))
    assert life(7) == first
    monkeypatch.setattr(toy_lives, "LIMIT_PRICE", "101")
    assert life(7).digest != first.digest


def test_a_plan_of_nothing_does_nothing() -> None:
    """Without rates and deaths there is no fault and no crash."""
    done = life(3, QUIET)
    assert (done.crashes, done.faults) == (0, Counter())


def test_a_plan_without_deaths_has_its_faults_all_the_same() -> None:
    """What was asked for by hand happens, and nothing else."""
    faults = sum((life(seed, MISSES).faults for seed in range(1, 16)), Counter[str]())
    assert {"lost answer", "lost report of a fill"} <= set(faults)
    assert not {"lost request", "late answer", "broken stream"} & set(faults)


def test_a_death_is_where_it_was_planned_and_the_world_lives_on() -> None:
    """Two deaths, one before a step and one inside a call: two crashes."""
    spots = CrashSpot(step=5), CrashSpot(point=("exchange.submit.sent", 1))
    plan = FaultPlan(deaths=tuple(Death(spot, 100) for spot in spots))
    done = life(3, plan)
    assert done.crashes == 2
    assert done.deaths == {"death at a step": 1, "death at exchange.submit.sent": 1}
    assert done.records["kernel_started"] == 2


def test_a_set_clock_stays_within_what_the_kernel_puts_up_with() -> None:
    """The kernel's clock leaves the venue's both ways, and never by as much as `deadline_margin_ms`."""
    plan = FaultPlan(clock_steps=5, healed_after_ms=5_000)
    shares = {share for seed in range(1, 9) for share in _distances_of_clocks(seed, plan)}
    assert min(shares) < -0.5
    assert max(shares) > 0.5
    assert max(map(abs, shares)) < 1


def test_a_suspension_takes_both_clocks_along() -> None:
    """Hours pass in the time of day, here and at the venue alike, while no time is lived through."""
    faults = Faults(FaultPlan(suspensions=2, healed_after_ms=5_000), 3)
    with ToyWorld(3, faults) as world:
        live_through(world, buy_and_stay, faults, sound)
        assert faults.counts == {"suspended machine": 2}
        assert world.clock.wall_ns() == world.venue_clock.wall_ns()
        lived_ns = world.clock.monotonic_ns()
        assert world.clock.wall_ns() - START_OF_2026_NS > lived_ns + 60 * NANOSECONDS_PER_SECOND


async def buy_and_stay(world: ToyWorld, generation: Generation) -> None:
    """Buy once, and live on until the plan is through."""
    await buy_once(world, generation)
    await world.clock_of(generation).sleep_ns(5 * NANOSECONDS_PER_SECOND)


def _distances_of_clocks(seed: int, plan: FaultPlan) -> set[float]:
    """Return how far the clocks of kernel and venue were apart over a life, as shares of the margin."""
    faults, apart = Faults(plan, seed), set[float]()

    async def look(world: ToyWorld) -> None:
        while not faults.is_healed:
            await world.clock.sleep_ns(NANOSECONDS_PER_MILLISECOND)
            margin_ns = world.settings.deadline_margin_ms * NANOSECONDS_PER_MILLISECOND
            apart.add((world.clock.wall_ns() - world.venue_clock.wall_ns()) / margin_ns)

    async def bot(world: ToyWorld, generation: Generation) -> None:
        world.spawn(look(world))
        await buy_and_stay(world, generation)

    with ToyWorld(seed, faults) as world:
        live_through(world, bot, faults, sound)
    return apart


def test_a_start_that_fails_ends_its_process_only_while_there_are_faults() -> None:
    """What a kernel raises among faults is counted; once all is healed it is a failure."""

    async def never_starts(_world: ToyWorld, _generation: Generation) -> None:
        raise ExchangeFault("the venue is away")

    faults = Faults(FaultPlan(deaths=(Death(CrashSpot(step=900), 1),)), 1)
    with ToyWorld(1, faults) as world, pytest.raises(ExchangeFault) as failed:
        live_through(world, never_starts, faults, lambda _world: None)
    assert faults.deaths == {"death that did not come": 1}
    assert faults.counts == {"ended by ExchangeFault": 2}  # both lives among faults
    assert any("faults=" in note for note in failed.value.__notes__)


def test_what_fails_is_reduced_to_what_it_needs() -> None:
    """A failure that takes a lost answer and a death is left with these two."""
    needed = Death(CrashSpot(step=3), 1)
    wild = FaultPlan(
        lost_request=20, lost_answer=10, late=5, bad_commit=3, stream_breaks=2,
        deaths=(Death(CrashSpot(step=1), 1), needed, Death(CrashSpot(step=9), 1)),
    )  # fmt: skip

    def fails(plan: FaultPlan) -> bool:
        return bool(plan.lost_answer) and needed in plan.deaths

    assert shrunk(wild, FaultPlan.simpler, fails) == FaultPlan(lost_answer=10, deaths=(needed,))


def _change(world: ToyWorld, table: str, **figures: Any) -> None:  # noqa: ANN401 - any column
    """Damage the only row of a table, past every rule."""
    ((key, values),) = world.disk.tables.named(table).rows.items()
    names = [column.name for column in world.disk.tables.named(table).table.columns]
    row = dict(zip(names, values, strict=True)) | figures
    world.disk.tables.named(table).rows[key] = tuple(row.values())


def _trade(world: ToyWorld, **said: Any) -> None:  # noqa: ANN401 - several types
    (name,) = world.venue.orders
    world.venue.trade(name, "1", "100", said=False, **said)


def _same_id_twice(world: ToyWorld) -> None:
    _trade(world)
    world.venue.history[-1] = replace(world.venue.history[-1], venue_order_id="V9")


DAMAGES: dict[str, Callable[[ToyWorld], None]] = {
    "acknowledged and lost": lambda world: world.acknowledged.append("nobody"),
    "booked with": lambda world: _change(world, "fills", fee=Decimal(1)),
    "not at the venue: ('": lambda world: world.venue.history.clear(),
    "holds 0 of": lambda world: _change(world, "positions", quantity=Decimal(0)),
    "holds 7": lambda world: _change(world, "positions", quantity=Decimal(7)),
    "live here and not at the venue": lambda world: _change(world, "orders", live=True),
    "2 orders at the venue for one intent": _same_id_twice,
    "at the venue and not booked": _trade,
}


@pytest.mark.parametrize("said", list(DAMAGES))
def test_books_that_differ_from_the_venues_are_told(said: str) -> None:
    """Each way in which a disk and a venue can differ has its own words."""
    faults = Faults(QUIET, 1)
    with ToyWorld(1, faults) as world:
        live_through(world, buy_once, faults, lambda _world: None)
        assert books_problems(world) == []
        DAMAGES[said](world)
        assert any(said in problem for problem in books_problems(world))


def test_who_waits_for_what_never_comes_fails_after_two_hours_of_the_world() -> None:
    """A bot that hangs is a failure with a report, and no run without end."""

    async def hangs(world: ToyWorld, generation: Generation) -> None:
        async with world.kernel(generation):
            await asyncio.Event().wait()

    faults = Faults(QUIET, 1)
    with ToyWorld(1, faults) as world, pytest.raises(Overtime) as failed:
        live_through(world, hangs, faults, sound)
    assert any("faults=" in note for note in failed.value.__notes__)
