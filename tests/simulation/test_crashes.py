"""The canonical scenarios, crashed at every step and inside every call, and again in the recovery.

The campaign does that for all of them. The default run does it for those that are not sampled; of the
others it takes every k-th place to crash, at most `FAIRLEAD_CAMPAIGN_CRASH_PLACES` (40) of each, from an
offset that is drawn from the scenario's name.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairlead.testing.crash_survey import CrashExperiment, CrashSpot, CrashSurvey
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.simulation import Outcome
from tests.campaign import campaign_size
from tests.simulation.market import MarketWorld
from tests.simulation.scenarios.registry import SCENARIOS, experiment

ALL = 1_000_000

Record = Callable[[str, object], None]
Experiment = CrashExperiment[MarketWorld]


def spots_in(outcome: Outcome) -> list[CrashSpot]:
    """Return every place where a generation that went like this can be crashed."""
    steps = [CrashSpot(step=step) for step in range(1, outcome.steps + 1)]
    points = [CrashSpot(point=point) for point in outcome.crash_points]
    return [*steps, *points, CrashSpot()]


def spots_of(undisturbed: Experiment) -> tuple[list[CrashSpot], int]:
    """Return every place where the scenario can be crashed, and its number of steps."""
    outcome = undisturbed.undisturbed()
    return spots_in(outcome), outcome.steps


def sampled(name: str, spots: list[CrashSpot]) -> list[CrashSpot]:
    """Return what the default run takes of the places: all, or every k-th from a drawn offset."""
    if not SCENARIOS[name].is_sampled:
        return spots
    stride = -(-len(spots) // campaign_size("CRASH_PLACES", default=40))
    return spots[SeedStreams(0).of(name).randrange(stride) :: stride]


def spread(spots: list[CrashSpot], count: int) -> list[CrashSpot]:
    """Return that many of the spots, evenly spread."""
    if count >= len(spots):
        return spots
    return [spots[(index * len(spots) + len(spots) // 2) // count] for index in range(count)]


def note(record_property: Record, what: str, survey: CrashSurvey) -> None:
    """Have the number of crash points printed at the end of the run."""
    record_property("crash points", f"{survey.points} ({what}, {survey.steps} steps)")


def crash_recovery(
    subject: Experiment, spot: CrashSpot, choose: Callable[[list[CrashSpot]], list[CrashSpot]]
) -> int:
    """Crash the recovery from one crash at those of its places that are chosen; return how many."""
    places = choose(spots_in(subject.run(spot)))
    for place in places:
        subject.run(spot, place)
    return len(places)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_every_step_and_point_loses_nothing(name: str, record_property: Record) -> None:
    """Crash before each step, at each labeled point and after the end; recover; every invariant holds."""
    subject = experiment(name)
    spots, steps = spots_of(subject)
    chosen = sampled(name, spots)
    survey = subject.survey(chosen, steps, recovery_samples=0)
    assert survey.scenario_points == len(chosen) > 20
    note(record_property, f"{name}, first crash of {len(spots)}", survey)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_every_step_and_point_of_a_recovery_loses_nothing(
    name: str, record_property: Record
) -> None:
    """For a crash in the middle of the scenario, crash every step and point of the recovery as well."""
    subject = experiment(name)
    spots, steps = spots_of(subject)
    [middle] = spread(spots, 1)
    points = crash_recovery(subject, middle, lambda places: sampled(name, places))
    assert points > 20
    note(record_property, f"{name}, crash in the recovery from 1 crash", CrashSurvey(steps, 1, points))


@pytest.mark.campaign
@pytest.mark.parametrize("name", SCENARIOS)
def test_recoveries_from_crashes_all_over_the_scenario_lose_nothing(
    name: str, record_property: Record
) -> None:
    """The same for crashes early and late, at every step and point: what there is to recover differs."""
    subject = experiment(name)
    spots, steps = spots_of(subject)
    default = 1 if SCENARIOS[name].is_sampled else 3
    chosen = spread(spots, campaign_size("CRASH_RECOVERIES", default=default))
    survey = subject.survey(chosen, steps, recovery_samples=ALL)
    assert survey.recovery_points > 20 * len(chosen)
    note(record_property, f"{name}, crash in the recovery from {len(chosen)} crashes", survey)


@pytest.mark.campaign
@pytest.mark.parametrize("name", SCENARIOS)
def test_crashes_under_many_seeds(name: str, record_property: Record) -> None:
    """Other interleavings and latencies: every first crash, and recoveries crashed from some of them."""
    points = 0
    for seed in range(1, campaign_size("CRASH_SEEDS", default=1) + 1):
        subject = experiment(name, seed)
        spots, steps = spots_of(subject)
        samples = 0 if SCENARIOS[name].is_sampled else campaign_size("CRASH_SAMPLES", default=1)
        points += subject.survey(spots, steps, recovery_samples=samples).points
    record_property("crash points", f"{points} ({name}, every first crash, many seeds)")
