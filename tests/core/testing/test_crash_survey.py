"""Crashing a toy kernel everywhere: the sound one survives, and each missing safeguard is found."""

from __future__ import annotations

import pytest

from fairlead.testing.crash_survey import (
    AT_THE_END,
    CrashExperiment,
    CrashSpot,
    count_steps,
    crash_at_every_point,
    crash_at_every_step,
)
from fairlead.testing.generation import Generation
from fairlead.testing.simulation import World
from fairlead.testing.simulation_errors import CrashNotReached
from tests.core.testing.toy_shop import INTENTS, Fault, Shop, check, experiment, trade

ALL = 10_000
SEEDS = range(20)


def test_the_sound_program_survives_a_crash_at_every_step_and_in_every_recovery() -> None:
    """Every step of the scenario, and every step and point of the recovery from each of them."""
    sound = experiment()
    steps = count_steps(sound)
    survey = crash_at_every_step(sound, recovery_samples=ALL)
    assert survey.steps == steps
    assert survey.scenario_points == steps + 1
    assert survey.recovery_points > 20 * steps
    assert survey.points == survey.scenario_points + survey.recovery_points


def test_the_sound_program_survives_a_crash_inside_every_call() -> None:
    """Every labeled place, as often as it is reached, and every step and point of the recoveries."""
    survey = crash_at_every_point(experiment(seed=1), recovery_samples=ALL)
    # Per intent: the intent and the end before, between and after (6), "sent" before and between (2), the
    # send (2).
    assert survey.scenario_points == len(INTENTS) * 10
    assert survey.recovery_points > survey.scenario_points


def test_recovery_samples_bound_the_second_crashes() -> None:
    """No sample means no second crash; one sample means the recovery from one first crash."""
    none = crash_at_every_step(experiment(), recovery_samples=0)
    one = crash_at_every_step(experiment(), recovery_samples=1)
    assert none.recovery_points == 0
    assert 0 < one.recovery_points < 200
    assert none.scenario_points == one.scenario_points


@pytest.mark.parametrize("fault", [Fault.INTENT_NOT_SYNCED, Fault.NO_LOOK_UP, Fault.FILE_WITHOUT_CHECK])
def test_a_missing_safeguard_is_found_by_crashes_between_steps(fault: Fault) -> None:
    """One exhaustive survey of one seed finds it, and the note says where it crashed."""
    with pytest.raises(AssertionError) as caught:
        crash_at_every_step(experiment(fault))
    assert "crashes='before step " in caught.value.__notes__[0]


@pytest.mark.parametrize("fault", [Fault.TAIL_KEPT, Fault.TOLD_TOO_EARLY])
def test_what_goes_wrong_inside_a_call_is_found_only_by_crashes_inside_it(fault: Fault) -> None:
    """Writing, syncing and telling are one step: no crash between steps splits them, in any seed."""
    for seed in SEEDS:
        crash_at_every_step(experiment(fault, seed), recovery_samples=0)
    with pytest.raises(AssertionError, match=r"journal|told twice") as caught:
        _survey_points_of_seeds(fault)
    assert "crashes='at file.append." in caught.value.__notes__[0]


def _survey_points_of_seeds(fault: Fault) -> None:
    for seed in SEEDS:
        crash_at_every_point(experiment(fault, seed), recovery_samples=0)


def test_a_fault_that_shows_only_in_recovery_is_found_by_the_second_crash() -> None:
    """A recovery that is right the first time and wrong when interrupted needs two crashes."""

    async def forgetful(shop: Shop, generation: Generation) -> None:
        started, shop.disk.durable = shop.disk.durable, b""
        await shop.clock_of(generation).sleep_ns(1)
        generation.check()
        shop.disk.durable = started
        await trade(shop, generation)

    interrupted = CrashExperiment(Shop, trade, forgetful, check)
    crash_at_every_step(interrupted, recovery_samples=0)
    with pytest.raises(AssertionError) as caught:
        crash_at_every_step(interrupted, recovery_samples=3)
    assert "; before step " in caught.value.__notes__[0]


def test_a_found_crash_can_be_repeated_alone() -> None:
    """The spot from the note, given to `run`, fails in the same way with the same digest."""
    broken = experiment(Fault.NO_LOOK_UP)
    spots = [CrashSpot(step=step) for step in range(1, count_steps(broken) + 1)]
    failures: list[str] = []
    for spot in spots:
        try:
            broken.run(spot)
        except AssertionError as error:
            failures.append(str(error.__notes__))
            with pytest.raises(AssertionError) as again:
                broken.run(spot)
            assert str(again.value.__notes__) == failures[-1]
    assert 0 < len(failures) < len(spots)


def test_the_world_lives_on_while_the_program_is_down() -> None:
    """What was on the wire at the crash arrives during the downtime, not in the recovery."""
    arrived: list[int] = []

    async def recover(shop: Shop, generation: Generation) -> None:
        arrived.append(len(shop.orders))
        await trade(shop, generation)

    for downtime_ns in (0, 1_000_000_000):
        down = CrashExperiment(Shop, trade, recover, check, downtime_ns=downtime_ns)
        down.run(CrashSpot(point=("venue.send.before", 3)))
    assert arrived == [0, 2]


def test_a_crash_that_is_never_reached_is_an_error() -> None:
    """A scenario that returns before its crash did not do what it did when its steps were counted."""
    with pytest.raises(CrashNotReached, match="not before step 10000"):
        experiment().run(CrashSpot(step=10_000))
    with pytest.raises(CrashNotReached, match="no such place"):
        experiment().run(CrashSpot(point=("no such place", 1)))


def test_an_error_of_the_scenario_itself_is_raised_before_any_crash() -> None:
    """A scenario that fails undisturbed is not surveyed."""

    async def fail(world: World, generation: Generation) -> None:  # noqa: ARG001 - scenarios have both
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        crash_at_every_step(CrashExperiment(World, fail, fail, lambda _: None))


def test_spots_read_well() -> None:
    """What a note says can be typed back in."""
    assert str(CrashSpot(step=3)) == "before step 3"
    assert str(CrashSpot(point=("file.append", 2))) == "at file.append number 2"
    assert str(AT_THE_END) == "after the end"
