"""A bot's life as a seed draws it: it dies and comes back among faults, then all is well and is checked.

::

    def life_of(seed: int) -> SimulatedLife:
        faults = Faults(FaultPlan.drawn(seed), seed)
        with MyWorld(seed, faults) as world:
            return live_through(world, my_bot, faults, check)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

import attrs

from fairlead.domain.records import KernelStarted
from fairlead.domain.trading_state import TradingState
from fairlead.errors import ExchangeFault, StoreFault
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.testing.faults import Faults
from fairlead.testing.generation import Generation
from fairlead.testing.kernel_world import KernelWorld

W = TypeVar("W", bound=KernelWorld)
T = TypeVar("T")


@attrs.frozen
class SimulatedLife:
    """What a run came to. The same seed has the same digest on every machine.

    The digest is that of every step and of the journal as it was at the end. *records* counts the journal's
    records by kind: what the bot really did, for a life in which nothing was sent proves nothing. *deaths*
    counts where it died, and the planned deaths that did not come.
    """

    digest: str
    steps: int
    crashes: int
    faults: Counter[str]
    records: Counter[str] = attrs.field(factory=Counter)
    deaths: Counter[str] = attrs.field(factory=Counter)


def live_through(
    world: W,
    bot: Callable[[W, Generation], Coroutine[Any, Any, None]],
    faults: Faults,
    check: Callable[[W], None],
) -> SimulatedLife:
    """Let the bot live, die and come back as planned, heal everything in its last life, and check.

    A kernel that cannot start, or whose journal cannot be brought back, ends its process when it began among
    faults. When the last one does, or stops with something untold, one more lives with everything healed.
    Raises what the bot or the check raises, with the report of the run: its seed, its plan and
    its last steps.
    """
    ended: list[Generation] = []

    async def life(its: W, generation: Generation) -> None:
        is_sound = faults.is_healed
        if is_sound:
            await bot(its, generation)
            return
        try:
            await bot(its, generation)
        except* (ExchangeFault, StoreFault) as errors:
            ended.append(generation)
            faults.counts[f"ended by {type(next(leaves(errors))).__name__}"] += 1

    world.loop.options["faults"] = str(faults.plan)
    _begin_faults(world, faults)
    steps, crashes = _die_as_planned(world, life, faults)
    world.spawn(faults.heal_later(world))
    ended.clear()
    steps += world.run_generation(life).steps
    if ended or _left_by_a_stop(world):
        faults.heal()
        world.after_crash()
        _rest(world)
        steps += world.run_generation(life).steps
    check(world)
    return _told(world, steps, crashes, faults)


def _told(world: KernelWorld, steps: int, crashes: int, faults: Faults) -> SimulatedLife:
    """Say what a run came to; its digest covers the journal, but not which process wrote it."""
    loop = world.loop
    records: Counter[str] = Counter()
    for envelope in world.disk.envelopes:
        records[envelope.kind] += 1
        if envelope.kind != KernelStarted.KIND:
            loop.trace.digest_also(envelope.payload)
    return SimulatedLife(loop.trace.digest(), steps, crashes, faults.counts, records, faults.deaths)


def _begin_faults(world: KernelWorld, faults: Faults) -> None:
    """Begin what goes wrong by itself, in so many tasks of the world as the plan needs."""
    world.spawn(faults.break_stream(world))
    if faults.plan.clock_steps or faults.plan.suspensions:
        world.spawn(faults.move_clocks(world))
    if world.endpoint is not None and faults.plan.endpoint_downs:
        world.spawn(faults.take_endpoint_down(world))


def _left_by_a_stop(world: KernelWorld) -> list[str]:
    """Return what the next kernel has to do after one that stopped well, where somebody is told.

    A stop does not wait for an endpoint that fails. It writes how far it told; when that commit fails it
    ends with a journal that was brought back, and trading waits for the reconciliation of the next start.
    """
    if world.notice_truth is None:
        return []
    settings = {row["name"]: row["value"] for row in world.disk.tables.named("settings").all()}
    is_out = settings.get("trading_state") == TradingState.DISABLED and not world.settings.start_disabled
    return [*world.notice_truth.at_rest(), *(["trading is disabled"] if is_out else [])]


def _rest(world: KernelWorld) -> None:
    """Let so much time pass that the endpoint is tried again, however the clock was set meanwhile."""
    if world.endpoint is not None:
        rest_ms = world.endpoint.delivery.circuit_pause_ms + 2 * world.settings.deadline_margin_ms
        world.pass_time_ns(rest_ms * NANOSECONDS_PER_MILLISECOND)


def _die_as_planned(
    world: W, life: Callable[[W, Generation], Coroutine[Any, Any, None]], faults: Faults
) -> tuple[int, int]:
    """Live up to each planned death; return how many steps that took, and how many deaths came about."""
    steps = crashes = 0
    for death in faults.plan.deaths:
        spot = death.spot
        outcome = world.run_generation(life, crash_at_step=spot.step, crash_at_point=spot.point)
        if outcome.crashed:
            faults.deaths[f"death at {spot.point[0] if spot.point else 'a step'}"] += 1
        else:
            faults.deaths["death that did not come"] += 1
            world.after_crash()
        steps, crashes = steps + outcome.steps, crashes + outcome.crashed
        world.pass_time_ns(death.downtime_ms * NANOSECONDS_PER_MILLISECOND + 1)
    return steps, crashes


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Return the errors in a group of them, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def shrunk(failing: T, simpler: Callable[[T], Iterable[T]], fails: Callable[[T], bool]) -> T:
    """Return the simplest form of a failing thing that still fails, by taking away one part after the other.

    *simpler* returns forms with one part less; *fails* runs one. So a failure with three deaths and five
    kinds of faults becomes one with those that it needs.
    """
    for candidate in simpler(failing):
        if fails(candidate):
            return shrunk(candidate, simpler, fails)
    return failing
