"""Lives drawn from a seed: what the bot wants, what the wire, the stream and the disk do, and where it dies.

One seed draws the options of a run, printed with every failure; every part of the world draws from a stream
of its own. While faults are on, what is durable is compared with the venue after each crash; then they are
off, the last kernel has time to come to rest, and everything must be as the venue says.
"""

from __future__ import annotations

from collections import Counter

import attrs

from fairlead.testing.books_check import books_problems
from fairlead.testing.fault_plan import FaultPlan
from fairlead.testing.faults import Faults
from fairlead.testing.generation import Generation
from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.notices_check import notice_problems
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.simulated_life import SimulatedLife, live_through
from tests.simulation.drawn_wishes import Bot, Lane, fewer, lanes_of
from tests.simulation.invariants import Journal, orders_at, paced_problems
from tests.simulation.market import ACCOUNT, PLACE, SETTINGS, MarketWorld
from tests.simulation.scenarios.dated import WITH_DATES
from tests.simulation.scenarios.paced import LIMITED
from tests.simulation.scenarios.recovery import check
from tests.simulation.wishes_check import wish_problems

INTERLEAVINGS: tuple[InterleavingName, ...] = ("uniform", "priority")
FEW = 2
"""So many finished orders are kept in memory where memory is small."""
NOTICES_FEW = 6
MARK_MS = 50
"""So many notices are held there, and it is written so often how far was told: each waits for its row."""
ENDPOINT_ONE_IN = 8
"""In one life of so many somebody is told: such a life takes more than twice as many steps."""
EXPECTED = frozenset({"journal_recovered", "stale_price"})


@attrs.frozen
class Options:
    """What a seed draws for a whole run."""

    plan: FaultPlan
    lanes: tuple[Lane, ...]
    has_rate_limit: bool
    has_small_memory: bool
    interleaving: InterleavingName = "uniform"
    has_endpoint: bool = False
    keeps_dates: bool = False
    """Whether the venue ends dated orders; else the kernel does."""

    @classmethod
    def drawn(cls, seed: int, *, has_endpoint: bool | None = None) -> Options:
        """Return what the seed draws; *has_endpoint* says by hand whether somebody is told."""
        draw = SeedStreams(seed).of("options")
        has_rate_limit, has_small_memory = not draw.randrange(4), not draw.randrange(3)
        interleaving = draw.choice(INTERLEAVINGS)
        if has_endpoint is None:
            has_endpoint = not SeedStreams(seed).of("endpoint option").randrange(ENDPOINT_ONE_IN)
        plan = FaultPlan.drawn(seed, has_endpoint=has_endpoint)
        keeps_dates = not SeedStreams(seed).of("dates option").randrange(2)
        return cls(
            plan, lanes_of(seed), has_rate_limit, has_small_memory, interleaving, has_endpoint, keeps_dates
        )

    def simpler(self) -> list[Options]:
        """Return options with one thing less each."""
        found = [attrs.evolve(self, plan=plan) for plan in self.plan.simpler()]
        found += [attrs.evolve(self, lanes=lanes) for lanes in fewer(self.lanes)]
        found += [attrs.evolve(self, has_rate_limit=False)] if self.has_rate_limit else []
        found += [attrs.evolve(self, has_small_memory=False)] if self.has_small_memory else []
        found += [attrs.evolve(self, has_endpoint=False)] if self.has_endpoint else []
        found += [attrs.evolve(self, keeps_dates=False)] if self.keeps_dates else []
        return found + (
            [attrs.evolve(self, interleaving="uniform")] if self.interleaving != "uniform" else []
        )


class DrawnWorld(MarketWorld):
    """A world whose wire, stream and disk fail as the options say, until it is healed."""

    def __init__(self, seed: int, options: Options) -> None:
        self.drawn = options
        self.faults = Faults(options.plan, seed)
        small = attrs.evolve(
            SETTINGS,
            closed_orders_max=FEW,
            notices_held_max=NOTICES_FEW,
            delivery_mark_interval_ms=MARK_MS,
        )
        place = LIMITED if options.has_rate_limit else PLACE
        settings = small if options.has_small_memory else SETTINGS
        super().__init__(
            seed,
            fate=self.faults.fate,
            report_fate=self.faults.report_fate,
            append_fault=self.faults.append_fault,
            place=attrs.evolve(place, offers=WITH_DATES.offers) if options.keeps_dates else place,
            settings=settings,
            interleaving=options.interleaving,
        )
        if options.has_endpoint:
            self.open_endpoint(self.faults.notice_fate)
        self.expected_anomalies = EXPECTED
        self.loop.options["drawn"] = str(options)

    def after_crash(self) -> None:
        """Look at what was told, too, before anybody goes on."""
        super().after_crash()
        if self.notice_truth is not None:
            self.problems.extend(self.notice_truth.look())


async def live(world: DrawnWorld, generation: Generation) -> None:
    """Live once: carry out everything and come to rest."""
    async with world.kernel(generation) as kernel:
        await Bot(world, generation, kernel.session(owner="bot")).carry_out(world.drawn.lanes)
        await world.converge(generation, kernel)


def run(seed: int, options: Options | None = None) -> SimulatedLife:
    """Run a seed to its end; raises with the report of the run when something does not hold."""
    with DrawnWorld(seed, Options.drawn(seed) if options is None else options) as world:
        return live_through(world, live, world.faults, check_all)


def check_all(world: DrawnWorld) -> None:
    """Demand every invariant, one order for each key, and that what was paced was paid for."""
    check(world)
    journal = Journal(world.disk)
    problems = notice_problems(world) if world.drawn.has_endpoint else []
    problems += books_problems(world)
    problems += wish_problems(journal, orders_at(world.venue, ACCOUNT, journal), world.heard)
    assert not problems, "\n".join(problems)
    keys = Counter(str(row["idempotency_key"]) for row in journal.orders.values())
    doubled = {key: count for key, count in keys.items() if key and count > 1}
    assert not doubled, f"several orders for one key: {doubled}"
    if world.drawn.has_rate_limit:
        assert paced_problems(world.disk) == []
