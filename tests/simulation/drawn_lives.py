"""Lives drawn from a seed: what the bot wants, what the wire and the disk do to it, and where it dies.

One seed draws the options of a run, printed with every failure; every part of the world draws from a stream
of its own. While faults are on, what is durable is compared with the venue after each crash; then they are
off, the last kernel has time to come to rest, and everything must be as the venue says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import attrs

from fairlead import ExecutionResult, Proposal, Session
from fairlead.errors import ExchangeFault, StoreFault
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.store import Batch
from fairlead.testing.generation import Generation
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.wire import CANCEL, MODIFY, NORMAL, SUBMIT, Fate, Trip
from tests.simulation.invariants import Journal, paced_problems
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.paced import LIMIT
from tests.simulation.scenarios.recovery import check, insist

T = TypeVar("T")

WISHES_MAX = 6
CRASHES_MAX = 3
STEPS_MAX = 900
"""The last step before which a life may be ended: somewhat more than the longest takes."""
QUIET_COMMITS = 4
"""Good commits after a bad one, or a kernel would give its journal up, which is another story."""
WRITES = (SUBMIT, MODIFY, CANCEL)
READS_FAIL_ONE_IN = 4
"""What only reads fails so much more rarely, or most kernels would not come beyond their start."""
MILLISECOND = NANOSECONDS_PER_MILLISECOND


@attrs.frozen
class Wish:
    """One thing that the bot wants, and what it does with it later."""

    key: str
    kind: str
    quantity: str
    price: str
    after_ms: int


@attrs.frozen
class Options:
    """What a seed draws for a whole run; rates are of a hundred."""

    lost_request: int
    lost_answer: int
    late: int
    bad_commit: int
    has_rate_limit: bool
    wishes: tuple[Wish, ...]
    crashes: tuple[int, ...]
    downtimes_ms: tuple[int, ...]


KINDS = ("rest", "take", "cancel", "modify", "replace", "sell", "close")


def options_of(seed: int) -> Options:
    """Return what the seed draws."""
    draw = SeedStreams(seed).of("options")

    def rate(most: int) -> int:
        return draw.randrange(most) if draw.randrange(2) else 0

    wishes = tuple(
        Wish(
            f"{number}-{kind}",
            kind,
            f"0.{draw.randrange(10, 90)}",
            draw.choice(("90", "99", "100", "100", "101")),
            draw.randrange(400),
        )
        for number in range(draw.randrange(1, WISHES_MAX + 1))
        for kind in [draw.choice(KINDS)]
    )
    crashes = tuple(draw.randrange(1, STEPS_MAX) for _ in range(draw.randrange(CRASHES_MAX + 1)))
    return Options(
        lost_request=rate(25),
        lost_answer=rate(25),
        late=rate(30),
        bad_commit=rate(15),
        has_rate_limit=not draw.randrange(4),
        wishes=wishes,
        crashes=crashes,
        downtimes_ms=tuple(draw.randrange(500) for _ in crashes),
    )


class DrawnWorld(MarketWorld):
    """A world whose wire and disk fail as the options say, until it is healed."""

    def __init__(self, seed: int) -> None:
        self.drawn = options_of(seed)
        self.is_healed = False
        self.faults: Counter[str] = Counter()
        self._good_commits = QUIET_COMMITS
        rate_limit = LIMIT if self.drawn.has_rate_limit else None
        super().__init__(seed, fate=self._fate, append_fault=self._append_fault, rate_limit=rate_limit)
        self._fates = self.streams.of("fates")
        self._commits = self.streams.of("commits")
        self.loop.options["drawn"] = str(self.drawn)

    def _fate(self, trip: Trip) -> Fate:
        if self.is_healed or (trip.method not in WRITES and self._fates.randrange(READS_FAIL_ONE_IN)):
            return NORMAL
        draw, drawn = self._fates.randrange(100), self.drawn
        for name, rate, fate in (
            ("lost request", drawn.lost_request, Fate(request_lost=True)),
            ("lost answer", drawn.lost_answer, Fate(answer_lost=True)),
            ("late request", drawn.late, Fate(request_ns=self._fates.randrange(1_500) * MILLISECOND)),
            ("late answer", drawn.late, Fate(answer_ns=self._fates.randrange(1_500) * MILLISECOND)),
        ):
            if draw < rate:
                self.faults[name] += 1
                return fate
            draw -= rate
        return NORMAL

    def _append_fault(self, _batch: Batch) -> AppendFault | None:
        self._good_commits += 1
        if self.is_healed or self._good_commits <= QUIET_COMMITS:
            return None
        if self._commits.randrange(100) >= self.drawn.bad_commit:
            return None
        self._good_commits = 0
        fault: AppendFault = self._commits.choice([*AppendFault])
        self.faults[f"commit {fault.value}"] += 1
        return fault


class Bot:
    """Carries out the wishes of a run, each under its key: whatever it was told before, it says the same."""

    def __init__(self, world: DrawnWorld, generation: Generation, session: Session) -> None:
        self._world = world
        self._generation = generation
        self._session = session
        self._clock: Clock = world.clock_of(generation)

    async def all(self) -> None:
        """Carry out every wish, one after the other, and take back what still rests."""
        names = []
        for wish in self._world.drawn.wishes:
            await self._clock.sleep_ns(wish.after_ms * MILLISECOND)
            names += await self._one(wish)
        for name in names:
            await self._insist(partial(self._session.cancel, name))

    async def _one(self, wish: Wish) -> list[str]:
        if wish.kind == "close":
            close = partial(self._session.close_position, SYMBOL, idempotency_key=wish.key)
            await self._insist(close)
            return []
        side = Proposal.sell if wish.kind == "sell" else Proposal.buy
        price = None if wish.kind in ("take", "sell") else wish.price
        proposal = side(SYMBOL, quantity=wish.quantity, limit_price=price)
        execute = partial(self._session.execute, proposal, idempotency_key=wish.key)
        result: ExecutionResult = await self._insist(execute)
        self._world.acknowledge(self._generation, result.client_order_id)
        names = [result.client_order_id]
        if result.denied:
            return names
        if wish.kind == "cancel":
            await self._insist(partial(self._session.cancel, result.client_order_id))
        elif wish.kind in ("modify", "replace"):
            change = self._session.modify_order if wish.kind == "modify" else self._session.replace_order
            changed = await self._insist(
                partial(change, result.client_order_id, quantity="0.50", idempotency_key=f"{wish.key}-change")
            )
            names += [changed.new_order_id] if changed.new_order_id else []
        return names

    async def _insist(self, command: Callable[[], Awaitable[T]]) -> T:
        return await insist(self._clock, command)


async def live(world: DrawnWorld, generation: Generation) -> None:
    """Live once: carry out everything and come to rest.

    A kernel that cannot start, or whose journal cannot be brought back, ends its process: so it does here, as
    long as there are faults.
    """
    try:
        async with world.kernel(generation) as kernel:
            await Bot(world, generation, kernel.session(owner="bot")).all()
            await world.converge(generation, kernel)
    except (ExchangeFault, StoreFault) as error:
        if world.is_healed:
            raise
        world.faults[f"ended by {type(error).__name__}"] += 1


@attrs.frozen
class Run:
    """What a run came to."""

    digest: str
    steps: int
    crashes: int
    faults: Counter[str]


def run(seed: int) -> Run:
    """Run a seed to its end; raises with the report of the run when something does not hold."""
    with DrawnWorld(seed) as world:
        steps = crashes = 0
        for step, downtime_ms in zip(world.drawn.crashes, world.drawn.downtimes_ms, strict=True):
            outcome = world.run_generation(live, crash_at_step=step)
            if not outcome.crashed:
                world.after_crash()
            steps, crashes = steps + outcome.steps, crashes + outcome.crashed
            world.pass_time_ns(downtime_ms * MILLISECOND + 1)
        world.is_healed = True
        steps += world.run_generation(live).steps
        check_all(world)
        return Run(world.loop.trace.digest(), steps, crashes, world.faults)


EXPECTED = frozenset({"journal_recovered"})


def check_all(world: DrawnWorld) -> None:
    """Demand every invariant, one order for each key, and that what was paced was paid for."""
    world.expected_anomalies = EXPECTED
    check(world)
    keys = Counter(str(row["idempotency_key"]) for row in Journal(world.disk).orders.values())
    doubled = {key: count for key, count in keys.items() if key and count > 1}
    assert not doubled, f"several orders for one key: {doubled}"
    if world.drawn.has_rate_limit:
        assert paced_problems(world.disk) == []
