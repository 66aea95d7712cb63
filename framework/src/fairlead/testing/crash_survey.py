"""Crashing a program at every step and at every crash point, and once more during its recovery."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

import attrs

from fairlead.testing.generation import Generation
from fairlead.testing.simulation import Outcome, World
from fairlead.testing.simulation_errors import CrashNotReached

W = TypeVar("W", bound=World)


@attrs.frozen
class CrashSpot:
    """Where one generation dies: before a step, at a crash point or, with neither, once it has returned."""

    step: int | None = None
    point: tuple[str, int] | None = None

    def __str__(self) -> str:
        if self.step is not None:
            return f"before step {self.step}"
        return f"at {self.point[0]} number {self.point[1]}" if self.point is not None else "after the end"


AT_THE_END = CrashSpot()


@attrs.frozen
class CrashSurvey:
    """How many crashes a survey tried; every one was followed by recovery and by the check."""

    steps: int
    """Steps of the scenario when nothing crashes."""
    scenario_points: int
    """Runs with one crash, in the scenario."""
    recovery_points: int
    """Runs with a second crash, in the recovery from the first."""

    @property
    def points(self) -> int:
        """All crash points tried."""
        return self.scenario_points + self.recovery_points


@attrs.frozen
class CrashExperiment(Generic[W]):
    """A scenario, how to recover from its death, and what must hold afterwards.

    `make_world` builds a fresh world per run, always from the same seed. `scenario` is the first generation
    and `recover` each later one; `check(world)` raises when something was lost. Between death and recovery
    the world lives on for `downtime_ns`. Errors carry a note that says where the crashes were; `run` with
    these spots repeats it.
    """

    make_world: Callable[[], W]
    scenario: Callable[[W, Generation], Coroutine[Any, Any, None]]
    recover: Callable[[W, Generation], Coroutine[Any, Any, None]]
    check: Callable[[W], None]
    downtime_ns: int = 0

    def run(self, *spots: CrashSpot) -> Outcome:
        """Crash the scenario at the first spot and each recovery at the next; recover for good and check.

        Returns the outcome of the final recovery. Raises `CrashNotReached` when a generation returned
        before its spot.
        """
        with self.make_world() as world:
            world.loop.options["crashes"] = "; ".join(map(str, spots)) or "none"
            body = self.scenario
            for spot in spots:
                outcome = world.run_generation(body, crash_at_step=spot.step, crash_at_point=spot.point)
                self._require(spot, outcome, world)
                if self.downtime_ns > 0:
                    world.pass_time_ns(self.downtime_ns)
                body = self.recover
            outcome = world.run_generation(body)
            self.check(world)
            return outcome

    def _require(self, spot: CrashSpot, outcome: Outcome, world: W) -> None:
        if spot == AT_THE_END:
            world.after_crash()
        elif not outcome.crashed:
            raise CrashNotReached(f"the generation returned after {outcome.steps} steps, not {spot}")

    def survey(self, spots: Iterable[CrashSpot], steps: int, recovery_samples: int) -> CrashSurvey:
        """Run once per spot, then crash every step and point of the recovery from some of them."""
        recoveries = [(spot, self.run(spot)) for spot in spots]
        second = 0
        for spot, recovery in _spread(recoveries, recovery_samples):
            for again in (*_step_spots(recovery), *_point_spots(recovery), AT_THE_END):
                self.run(spot, again)
                second += 1
        return CrashSurvey(steps=steps, scenario_points=len(recoveries), recovery_points=second)

    def undisturbed(self) -> Outcome:
        """Run the scenario without any crash and check; what it returns tells where crashes are possible."""
        return self.run()


def _step_spots(outcome: Outcome) -> list[CrashSpot]:
    return [CrashSpot(step=step) for step in range(1, outcome.steps + 1)]


def _point_spots(outcome: Outcome) -> list[CrashSpot]:
    return [CrashSpot(point=point) for point in outcome.crash_points]


R = TypeVar("R")


def _spread(items: list[R], count: int) -> list[R]:
    """Return that many of the items, evenly spread, the last one included; all when there are fewer."""
    if count >= len(items):
        return items
    return [items[(index + 1) * len(items) // count - 1] for index in range(count)]


def count_steps(experiment: CrashExperiment[W]) -> int:
    """Return how many steps the scenario takes when nothing crashes."""
    return experiment.undisturbed().steps


def crash_at_every_step(experiment: CrashExperiment[W], *, recovery_samples: int = 1) -> CrashSurvey:
    """Crash before each step of the scenario and after its end, recover and check, each in a fresh world.

    For `recovery_samples` of these first crashes (all of them when it is large enough), crash also before
    each step and at each crash point of the recovery, recover again and check.
    """
    outcome = experiment.undisturbed()
    spots = [*_step_spots(outcome), AT_THE_END]
    return experiment.survey(spots, outcome.steps, recovery_samples)


def crash_at_every_point(experiment: CrashExperiment[W], *, recovery_samples: int = 1) -> CrashSurvey:
    """Do the same with each crash point that the scenario reaches, as often as it reaches it."""
    outcome = experiment.undisturbed()
    return experiment.survey(_point_spots(outcome), outcome.steps, recovery_samples)
