"""Every commit of a busy life fails once, in every way in which a commit can fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from fairlead.errors import JournalUnavailable
from fairlead.ports.store import Batch
from fairlead.testing.crash_survey import CrashExperiment, CrashSpot
from fairlead.testing.memory_store import AFTER_DURABLE, BEFORE_DURABLE, AppendFault
from tests.campaign import campaign_size
from tests.simulation.market import PLACE, MarketWorld, Place
from tests.simulation.scenarios.busy import busy_bot
from tests.simulation.scenarios.paced import LIMITED, check_pace, paced_bot
from tests.simulation.scenarios.recovery import check, outcomes_by_key
from tests.simulation.scenarios.registry import SCENARIOS, experiment
from tests.simulation.scenarios.scenario import DOWNTIME_NS

COMMITS_OF_A_RESTART = 6
FEWEST_COMMITS = 7
RECOVERED = frozenset({"journal_recovered"})


class FaultyWorld(MarketWorld):
    """A world in which the nth commit of one life goes wrong."""

    def __init__(
        self,
        nth: int,
        fault: AppendFault,
        *,
        life: int = 1,
        seed: int = 1,
        place: Place = PLACE,
    ) -> None:
        super().__init__(seed, append_fault=self._fault, place=place)
        self.expected_anomalies = RECOVERED
        self.loop.options["fault"] = f"commit {nth} {fault.value}"
        self._nth = nth
        self._what = fault
        self._life = life
        self._commits = 0

    def _fault(self, _batch: Batch) -> AppendFault | None:
        self._commits += self.generation is not None and self.generation.number == self._life
        if self._commits != self._nth:
            return None
        self._commits += 1
        return self._what


def commits_of_a_life(name: str = "busy_bot") -> int:
    """Return how many commits the undisturbed life makes."""
    points = experiment(name).undisturbed().crash_points
    return sum(1 for label, _ in points if label == BEFORE_DURABLE)


def failing(nth: int, fault: AppendFault, life: int = 1) -> CrashExperiment[FaultyWorld]:
    """Return the busy bot's lives with that commit going wrong."""
    return CrashExperiment(
        lambda: FaultyWorld(nth, fault, life=life),
        busy_bot,
        busy_bot,
        check_faulty,
        downtime_ns=DOWNTIME_NS,
    )


def check_faulty(world: FaultyWorld) -> None:
    """Demand the invariants, and one order per key; until it is reconciled again, the kernel may deny."""
    check(world)
    outcomes = outcomes_by_key(world)
    assert outcomes["tiny"] in ("QUANTITY_BELOW_MINIMUM", "NOT_TRADING")
    assert {outcomes["open"], outcomes["close"]} <= {"", "NOT_TRADING"}
    assert len(set(world.acknowledged)) == len(outcomes) == 3


@pytest.mark.parametrize("fault", AppendFault, ids=lambda fault: fault.value)
def test_any_commit_may_fail(fault: AppendFault, record_property: Callable[[str, object], None]) -> None:
    """Nothing of a discarded batch leaves the kernel; what a key was given for is done once; no loss."""
    commits = commits_of_a_life()
    for nth in range(1, commits + 1):
        failing(nth, fault).undisturbed()
    assert commits > 10
    record_property("crash points", f"{commits} (commits that {fault.value})")


@pytest.mark.parametrize("fault", AppendFault, ids=lambda fault: fault.value)
def test_any_commit_may_fail_while_orders_wait_for_their_pace(
    fault: AppendFault, record_property: Callable[[str, object], None]
) -> None:
    """The same with a queue: what waited is answered, nothing is sent unpaid or turned away."""
    commits = commits_of_a_life("paced_bot")
    for nth in range(1, commits + 1):
        subject = CrashExperiment(
            lambda nth=nth: FaultyWorld(nth, fault, place=LIMITED),  # type: ignore[misc]  # bound now
            paced_bot,
            paced_bot,
            check_pace,
            downtime_ns=DOWNTIME_NS,
        )
        subject.undisturbed()
    assert commits > 20
    record_property("crash points", f"{commits} (commits that {fault.value}, paced)")


@pytest.mark.parametrize("fault", AppendFault, ids=lambda fault: fault.value)
def test_any_commit_of_a_restart_may_fail(
    fault: AppendFault, record_property: Callable[[str, object], None]
) -> None:
    """The same while a kernel finds out what became of an order that was filled while it was dead."""
    spots = [CrashSpot(point=(AFTER_DURABLE, nth)) for nth in (3, 4, 5)]
    for spot in spots:
        for nth in range(1, COMMITS_OF_A_RESTART + 1):
            failing(nth, fault, life=2).run(spot)
    points = len(spots) * COMMITS_OF_A_RESTART
    record_property("crash points", f"{points} (commits of a restart that {fault.value})")


OTHERWISE = {
    "operated_bot": "an order that the venue forgot while its commit hung is found absent, not missing",
    "stopped": "its last commit is one of the stop: trading is enabled by the next start",
    "adopted": "an order placed by hand may be filled, and over, before the journal is back",
}
"""Scenarios in which a failed commit makes the end another one, and a right one all the same."""


def live_with(name: str, nth: int, fault: AppendFault) -> None:
    """Live a scenario with that commit going wrong; a bot that gives up is followed by its recovery."""
    scenario = SCENARIOS[name]
    with scenario.make_world(1) as world:
        commits = itertools.count(1)
        world.fail_commits(lambda _batch: fault if next(commits) == nth else None)
        world.expected_anomalies |= RECOVERED
        try:
            world.run_generation(scenario.life)
        except* JournalUnavailable:
            world.after_crash()
            world.run_generation(scenario.recovery)
        check(world)


@pytest.mark.campaign
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in OTHERWISE])
def test_any_commit_of_any_scenario_may_fail(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    """Whatever was being recorded when it failed, in every way: nothing is lost, doubled or left open."""
    commits = commits_of_a_life(name)
    for fault, nth in itertools.product(AppendFault, range(1, commits + 1)):
        live_with(name, nth, fault)
    assert commits >= FEWEST_COMMITS
    record_property("crash points", f"{len(AppendFault) * commits} (commits of {name} that fail)")


@pytest.mark.campaign
@pytest.mark.parametrize("fault", AppendFault, ids=lambda fault: fault.value)
def test_a_crash_at_any_step_of_a_recovery_from_a_failed_commit(
    fault: AppendFault, record_property: Callable[[str, object], None]
) -> None:
    """Crash at every step of a life in which one commit goes wrong, for some of its commits."""
    points = 0
    for nth in range(1, commits_of_a_life() + 1, campaign_size("COMMIT_STRIDE", 3)):
        subject = failing(nth, fault)
        steps = subject.undisturbed().steps
        spots = [CrashSpot(step=step) for step in range(1, steps + 1)]
        points += subject.survey(spots, steps, recovery_samples=0).points
    record_property("crash points", f"{points} (after a commit that {fault.value})")
