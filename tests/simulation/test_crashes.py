"""The canonical scenarios, crashed at every step and inside every call, and again in the recovery."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairlead.testing.crash_survey import CrashExperiment, CrashSpot, CrashSurvey
from tests.campaign import campaign_size
from tests.simulation.market import MarketWorld
from tests.simulation.scenarios.registry import SCENARIOS, experiment

ALL = 1_000_000

Record = Callable[[str, object], None]
Experiment = CrashExperiment[MarketWorld]


def spots_of(undisturbed: Experiment) -> tuple[list[CrashSpot], int]:
    """Return every place where the scenario can be crashed, and its number of steps."""
    outcome = undisturbed.undisturbed()
    steps = [CrashSpot(step=step) for step in range(1, outcome.steps + 1)]
    points = [CrashSpot(point=point) for point in outcome.crash_points]
    return [*steps, *points, CrashSpot()], outcome.steps


def spread(spots: list[CrashSpot], count: int) -> list[CrashSpot]:
    """Return that many of the spots, evenly spread."""
    if count >= len(spots):
        return spots
    return [spots[(index * len(spots) + len(spots) // 2) // count] for index in range(count)]


def note(record_property: Record, what: str, survey: CrashSurvey) -> None:
    """Have the number of crash points printed at the end of the run."""
    record_property("crash points", f"{survey.points} ({what}, {survey.steps} steps)")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_every_step_and_point_loses_nothing(name: str, record_property: Record) -> None:
    """Crash before each step, at each labeled point and after the end; recover; every invariant holds."""
    subject = experiment(name)
    spots, steps = spots_of(subject)
    survey = subject.survey(spots, steps, recovery_samples=0)
    assert survey.scenario_points == len(spots)
    note(record_property, f"{name}, first crash", survey)


def crash_recoveries(name: str, crashes: int, record_property: Record) -> None:
    """Crash every step and point of the recoveries from that many crashes, spread over the scenario."""
    subject = experiment(name)
    spots, steps = spots_of(subject)
    chosen = spread(spots, crashes)
    survey = subject.survey(chosen, steps, recovery_samples=ALL)
    assert survey.recovery_points > 20 * len(chosen)
    note(record_property, f"{name}, crash in the recovery from {len(chosen)} crashes", survey)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_every_step_and_point_of_a_recovery_loses_nothing(
    name: str, record_property: Record
) -> None:
    """For a crash in the middle of the scenario, crash every step and point of the recovery as well."""
    crash_recoveries(name, 1, record_property)


@pytest.mark.campaign
@pytest.mark.parametrize("name", SCENARIOS)
def test_recoveries_from_crashes_all_over_the_scenario_lose_nothing(
    name: str, record_property: Record
) -> None:
    """The same for crashes early and late: what there is to recover differs."""
    crash_recoveries(name, campaign_size("CRASH_RECOVERIES", default=3), record_property)


@pytest.mark.campaign
@pytest.mark.parametrize("name", SCENARIOS)
def test_crashes_under_many_seeds(name: str, record_property: Record) -> None:
    """Other interleavings and latencies: every first crash, and recoveries crashed from some of them."""
    points = 0
    for seed in range(1, campaign_size("CRASH_SEEDS", default=3) + 1):
        subject = experiment(name, seed)
        spots, steps = spots_of(subject)
        points += subject.survey(spots, steps, recovery_samples=campaign_size("CRASH_SAMPLES", 3)).points
    record_property("crash points", f"{points} ({name}, many seeds)")
