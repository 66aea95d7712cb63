"""A simulated endpoint: its faults happen, all it is owed is told over deaths, and what is wrong is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from fairlead.kernel.outbox.book import Delivery, DeliveryState
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, Notice
from fairlead.testing.crash_survey import CrashSpot
from fairlead.testing.endpoint import ANSWERED, ENDPOINT_POINTS, SENT, TOLD, Endpoint, EndpointClient
from fairlead.testing.fault_plan import Death, FaultPlan
from fairlead.testing.faults import Faults
from fairlead.testing.generation import Generation
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.notice_truth import NoticeTruth
from fairlead.testing.notices_check import notice_problems
from fairlead.testing.simulated_life import SimulatedLife, live_through, shrunk
from tests.core.testing.toy_lives import ToyWorld, buy_once, sound

QUIET = FaultPlan(healed_after_ms=5_000)
ALL = {"refused", "failed", "unanswered", "answered late", "slow"}


class ToldWorld(ToyWorld):
    """A toy world with an endpoint; *make* makes another one than usual."""

    def __init__(self, seed: int, faults: Faults, make: Callable[..., Endpoint] = Endpoint) -> None:
        super().__init__(seed, faults)
        self.open_endpoint(faults.notice_fate)
        self.endpoint = make(self, self.disk, faults.notice_fate)
        assert self.notice_truth is not None
        self.notice_truth.notifier = self.endpoint


def told(world: ToyWorld) -> None:
    """Demand sound books, and that everything was told."""
    sound(world)
    problems = notice_problems(world)
    assert not problems, "\n".join(problems)


def life(seed: int, plan: FaultPlan | None = None) -> SimulatedLife:
    """Live a seed with an endpoint."""
    drawn = FaultPlan.drawn(seed, steps_max=200, has_endpoint=True) if plan is None else plan
    faults = Faults(drawn, seed)
    with ToldWorld(seed, faults) as world:
        return live_through(world, buy_once, faults, told)


def test_every_fault_of_an_endpoint_happens_and_everything_is_told() -> None:
    """A hundred lives see every kind, die at each point of an attempt, and nothing is lost or disordered."""
    lives = [life(seed) for seed in range(1, 101)]
    faults = sum((each.faults for each in lives), Counter[str]())
    assert {"endpoint down", *(f"notice {kind}" for kind in ALL)} <= set(faults)
    points = [
        death.spot.point
        for seed in range(1, 101)
        for death in FaultPlan.drawn(seed, has_endpoint=True).deaths
        if death.spot.point
    ]
    assert {label for label, _ in points} >= set(ENDPOINT_POINTS)
    assert sum(each.crashes for each in lives) > 30


def test_a_seed_with_an_endpoint_is_one_life() -> None:
    """Run again, it takes the same steps and has the same faults."""
    assert life(7) == life(7)


@pytest.mark.parametrize("name", ["refused", "failed", "unanswered", "late", "slow"])
def test_a_fault_that_was_asked_for_is_the_only_one(name: str) -> None:
    """One rate by hand: that kind happens, no other does, and everything is told or was refused."""
    plan = attrs.evolve(QUIET, **dict[str, Any]({f"{name}_notice": 40}))
    kind = "answered late" if name == "late" else name
    faults = sum((life(seed, plan).faults for seed in range(1, 6)), Counter[str]())
    assert set(faults) == {f"notice {kind}"}


def test_nobody_listens_for_a_while() -> None:
    """While an endpoint is down its attempts fail, and later everything is told."""
    faults = sum(
        (life(seed, attrs.evolve(QUIET, endpoint_downs=3)).faults for seed in range(1, 9)), Counter[str]()
    )
    assert set(faults) == {"endpoint down"}


def test_a_world_without_faults_tells_everything_with_the_stop() -> None:
    """Nothing is left for another kernel, and nobody was told twice."""
    faults = Faults(QUIET, 3)
    with ToldWorld(3, faults) as world:
        live_through(world, buy_once, faults, lambda _world: None)
        assert world.endpoint is not None
        assert len(world.endpoint.told) == len({notice.event_id for notice in world.endpoint.told}) > 5
        assert (faults.counts, notice_problems(world)) == (Counter(), [])


@pytest.mark.parametrize("point", [SENT, TOLD, ANSWERED])
def test_what_left_arrives_although_its_program_died(point: str) -> None:
    """A death at any point of the first attempt: it was heard, and the next kernel tells it once more."""
    faults = Faults(attrs.evolve(QUIET, deaths=(Death(CrashSpot(point=(point, 1)), 100),)), 3)
    with ToldWorld(3, faults) as world:
        lived = live_through(world, buy_once, faults, lambda _world: None)
        assert world.endpoint is not None
        counts = Counter(notice.event_id for notice in world.endpoint.told)
        first = world.endpoint.told[0].event_id
        assert (lived.crashes, counts[first]) == (1, 2)
        told(world)


def test_a_plan_with_an_endpoint_is_the_plan_and_more() -> None:
    """The streams of its faults are their own: whatever else a seed draws stays as it was."""
    for seed in range(1, 60):
        plan, more = FaultPlan.drawn(seed), FaultPlan.drawn(seed, has_endpoint=True)
        deaths = more.deaths[: len(plan.deaths)]
        names = [field.name for field in attrs.fields(FaultPlan) if "notice" in field.name]
        quiet = dict[str, Any](dict.fromkeys(names, 0))
        assert attrs.evolve(more, deaths=deaths, endpoint_downs=0, **quiet) == plan
        assert all(death.spot.point is not None for death in more.deaths[len(plan.deaths) :])


def test_a_failure_is_reduced_to_the_endpoints_fault_that_it_needs() -> None:
    """Shrinking switches faults of the endpoint off like any other."""
    wild = FaultPlan(lost_answer=10, refused_notice=3, failed_notice=9, late_notice=5, endpoint_downs=2)
    assert shrunk(wild, FaultPlan.simpler, lambda plan: plan.failed_notice > 0) == FaultPlan(failed_notice=9)


class Liar(EndpointClient):
    """A notifier that says of every third notice that it was delivered, and tells nobody."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Lie about every third."""
        return DELIVERED if notice.sequence % 3 == 0 else await super().deliver(notice, attempt)


class LiarsEndpoint(Endpoint):
    """Whose clients lie."""

    def client(self, generation: Generation) -> EndpointClient:
        """Return a liar."""
        return Liar(self, generation)


def test_a_notifier_that_loses_notices_is_found() -> None:
    """A drawn life with a notifier that does not do what it says fails, and says which notice is missing."""
    faults = Faults(FaultPlan.drawn(5, steps_max=200, has_endpoint=True), 5)
    with (
        ToldWorld(5, faults, LiarsEndpoint) as world,
        pytest.raises(AssertionError, match="neither told nor written down"),
    ):
        live_through(world, buy_once, faults, told)


def _endpoint(world: ToldWorld) -> Endpoint:
    assert world.endpoint is not None
    return world.endpoint


def _swap(world: ToldWorld) -> None:
    """Let two notices of one subject have come the other way round."""
    heard = _endpoint(world).told
    places = [place for place, notice in enumerate(heard) if notice.subject == heard[-1].subject]
    first, last = places[0], places[-1]
    heard[first], heard[last] = heard[last], heard[first]


def _repeat(world: ToldWorld, **said: object) -> None:
    """Let the endpoint hear the first notice once more, changed."""
    endpoint = _endpoint(world)
    notice, attempt = endpoint.attempts[0]
    values = {name: getattr(notice, name) for name in notice.__struct_fields__}
    endpoint.attempts.append((Notice(**{**values, **said}), attempt))


def _give_up(world: ToldWorld) -> None:
    """Bury a notice that nobody refused."""
    notice = _endpoint(world).told.pop()
    dead = Delivery(
        "endpoint", notice.sequence, notice.event_id, notice.kind, notice.subject, DeliveryState.DEAD
    )
    table = world.disk.tables.named("deliveries")
    table.upsert(*table.checked(dead.row(1).values))


def _judge_anew(world: ToldWorld) -> None:
    """Have the endpoint judged by somebody who has seen nothing but its first mark."""
    before = world.notice_truth
    assert before is not None
    world.notice_truth = NoticeTruth(world.disk, _endpoint(world))
    world.notice_truth._begin = before._begin


DAMAGES: dict[str, Callable[[ToldWorld], None]] = {
    "was never told": lambda world: _endpoint(world).told.clear(),
    "was told before": _swap,
    "came with other contents": lambda world: _repeat(world, data={"another": "text"}),
    "is not durable, or not wanted": lambda world: _repeat(world, event_id="made up"),
    "was never refused": _give_up,
    "the mark stayed at": lambda world: world.disk.tables.named("notifiers").rows.update(
        {key: (row[0], 1, *row[2:]) for key, row in world.disk.tables.named("notifiers").rows.items()}
    ),
}


@pytest.mark.parametrize("said", list(DAMAGES))
def test_whatever_is_wrong_with_what_was_told_is_said(said: str) -> None:
    """Each way in which disk and endpoint can differ has its own words."""
    faults = Faults(QUIET, 1)
    with ToldWorld(1, faults) as world:
        live_through(world, buy_once, faults, lambda _world: None)
        assert notice_problems(world) == []
        DAMAGES[said](world)
        _judge_anew(world)
        problems = notice_problems(world)
        assert any(said in problem for problem in problems), problems


def test_what_was_told_before_it_was_durable_is_said() -> None:
    """It counts whether a notice was in the journal when it was heard, not whether it came there later."""
    faults = Faults(QUIET, 1)
    with ToldWorld(1, faults) as world:
        live_through(world, buy_once, faults, lambda _world: None)
        endpoint, row = _endpoint(world), world.disk.outbox[-1]
        notice = next(each for each in endpoint.told if each.event_id == row.event_id)
        hasty = Endpoint(world, MemoryDisk())
        hasty.carry(notice, 1, world.loop.create_future())
        world.pass_time_ns(NANOSECONDS_PER_SECOND)
        assert hasty.unfounded == [f"{row.event_id} ({row.kind}) was told and is not in the journal"]
        endpoint.unfounded += hasty.unfounded
        assert notice_problems(world) == hasty.unfounded


def test_a_world_without_an_endpoint_has_nothing_to_judge() -> None:
    """Asked all the same, the check says what is missing instead of passing."""
    with ToyWorld(1, Faults(QUIET, 1)) as world, pytest.raises(ValueError, match="open_endpoint"):
        notice_problems(world)
