"""A bot with a notifier, crashed at every step and inside every call: every notice is told all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from fairlead import Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice, Notifier
from fairlead.ports.store import Batch
from fairlead.testing.crash_survey import CrashExperiment
from fairlead.testing.generation import CURRENT_GENERATION, Generation
from fairlead.testing.notice_truth import NoticeTruth
from fairlead.testing.scripted_notifier import AGAIN, NEVER, ScriptedNotifier
from tests.campaign import campaign_size
from tests.simulation.market import SETTINGS, SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import DOWNTIME_NS
from tests.simulation.test_crashes import note, spots_of, spread

RECEIVER = DeliverySettings(
    retry_pauses_ms=(40, 80, 80),
    attempt_timeout_ms=30,
    subjects_at_once=2,
    circuit_failures=3,
    circuit_pause_ms=60,
)
FAILS_ONCE, HANGS_ONCE, REFUSED = 3, 5, 7
"""A notice whose sequence is a multiple of these fails first, is not answered first, is never taken."""

Record = Callable[[str, object], None]


class ToldWorld(MarketWorld):
    """A market and a receiver, who hears most at once, some late, and some never."""

    def __init__(self, seed: int) -> None:
        self.receiver = ScriptedNotifier("receiver", delivery=RECEIVER, script=self._hear)
        super().__init__(
            seed,
            append_fault=self._see,
            settings=attrs.evolve(SETTINGS, notices_held_max=6, delivery_mark_interval_ms=20),
        )
        self.truth = NoticeTruth(self.disk, self.receiver)

    def notifiers(self) -> Sequence[Notifier]:
        """See `KernelWorld.notifiers`."""
        return (self.receiver,)

    def after_crash(self) -> None:
        """Look at what was told before anybody goes on."""
        super().after_crash()
        self.problems.extend(self.truth.look())

    def _see(self, batch: Batch) -> None:
        self.truth.begin(batch)

    async def _hear(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        generation = CURRENT_GENERATION.get()
        assert generation is not None
        clock = self.clock_of(generation)
        if attempt == 1 and notice.sequence % HANGS_ONCE == 0:
            await clock.sleep_ns(1_000 * NANOSECONDS_PER_MILLISECOND)
        await clock.sleep_ns(5 * NANOSECONDS_PER_MILLISECOND)
        if notice.sequence % REFUSED == 0:
            return NEVER
        return AGAIN if attempt == 1 and notice.sequence % FAILS_ONCE == 0 else DELIVERED


async def told_bot(world: ToldWorld, generation: Generation) -> None:
    """Buy, say something about it, and stop: a life shorter than its deliveries."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")
        result = await bot.execute(Proposal.buy(SYMBOL, quantity="0.60", limit_price="100"))
        world.acknowledge(generation, result.client_order_id)
        for word in ("one", "two", "three"):
            await bot.annotate(result.client_order_id, note=word)
        await result.closed()
        await world.converge(generation, kernel)


async def come_back(world: ToldWorld, generation: Generation) -> None:
    """Start a kernel on what is left, let it come to rest, and stop it."""
    async with world.kernel(generation) as kernel:
        await world.converge(generation, kernel)


def check_told(world: ToldWorld) -> None:
    """Demand that trading lost nothing, and that everything is told or given up with its row."""
    check(world)
    assert world.truth.at_rest() == []


def experiment(seed: int = 1) -> CrashExperiment[ToldWorld]:
    """Return the experiment, whose chance comes from the seed."""
    return CrashExperiment(lambda: ToldWorld(seed), told_bot, come_back, check_told, downtime_ns=DOWNTIME_NS)


def test_undisturbed_a_stop_tells_everything() -> None:
    """With no crash at all, the end of the only kernel has told everything: nothing is left for another."""
    outcome = experiment().undisturbed()
    assert outcome.steps > 100


def test_a_crash_at_every_step_and_point_leaves_nothing_untold(record_property: Record) -> None:
    """Crash before each step, at each labeled point and after the end; recover; every notice is told."""
    subject = experiment()
    spots, steps = spots_of(subject)  # type: ignore[arg-type]  # only looked at
    survey = subject.survey(spots, steps, recovery_samples=0)
    assert survey.scenario_points == len(spots)
    note(record_property, "told_bot, first crash", survey)


def test_a_crash_at_every_step_of_a_recovery_leaves_nothing_untold(record_property: Record) -> None:
    """For crashes spread over the scenario, crash every step and point of the recovery as well."""
    subject = experiment()
    spots, steps = spots_of(subject)  # type: ignore[arg-type]  # only looked at
    chosen = spread(spots, campaign_size("TOLD_RECOVERIES", default=1))
    survey = subject.survey(chosen, steps, recovery_samples=1_000_000)
    assert survey.recovery_points > 20 * len(chosen)
    note(record_property, "told_bot, crash in the recovery", survey)
