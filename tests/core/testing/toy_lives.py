"""A bot of one order at a scripted venue, as the simulations of the kit's own tests live it."""

from __future__ import annotations

from fairlead import Proposal
from fairlead.domain.instruments import Instrument
from fairlead.errors import JournalUnavailable
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import VenueStatus
from fairlead.testing.books_check import books_problems
from fairlead.testing.fault_plan import FaultPlan
from fairlead.testing.faults import Faults
from fairlead.testing.generation import Generation
from fairlead.testing.kernel_world import KernelWorld
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.simulated_life import SimulatedLife, live_through

BTC = "BTC/USDT"
RULES = Instrument(symbol=BTC, base="BTC", quote="USDT", price_increment="0.01", quantity_increment="0.001")
SETTINGS = KernelSettings(
    account="test",
    allow_unchecked=True,
    request_timeout_ms=400,
    order_deadline_ms=1_500,
    commit_timeout_ms=300,
)
LIMIT_PRICE = "100"
FAILING = 13
"""The seed whose life is said to fail."""


class ToyWorld(KernelWorld):
    """A scripted venue at which every order fills a little later."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.venue = ScriptedExchange([RULES])
        super().__init__(
            self._open,
            settings=SETTINGS,
            seed=seed,
            fate=faults.fate,
            report_fate=faults.report_fate,
            append_fault=faults.append_fault,
        )
        self.spawn(self._fill())

    def _open(self, clock: Clock) -> ScriptedExchange:
        del clock
        return self.venue

    async def _fill(self) -> None:
        while True:
            await self.clock.sleep_ns(100 * NANOSECONDS_PER_MILLISECOND)
            for name, order in self.venue.orders.items():
                if order.status is VenueStatus.LIVE:
                    self.venue.trade(name, "1", "100")


async def buy_once(world: ToyWorld, generation: Generation) -> None:
    """Buy once, whatever happens, and come to rest."""
    proposal = Proposal.buy(BTC, quantity="1", limit_price=LIMIT_PRICE)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")
        name = ""
        while not name:
            try:
                name = (await bot.execute(proposal, idempotency_key="once")).client_order_id
            except JournalUnavailable:
                await world.clock_of(generation).sleep_ns(50 * NANOSECONDS_PER_MILLISECOND)
        world.acknowledge(generation, name)
        await world.converge(generation, kernel)


def sound(world: ToyWorld) -> None:
    """Demand that the books are the venue's."""
    assert books_problems(world) == []


def life(seed: int, plan: FaultPlan | None = None) -> SimulatedLife:
    """Live a seed."""
    faults = Faults(FaultPlan.drawn(seed, steps_max=200) if plan is None else plan, seed)
    with ToyWorld(seed, faults) as world:
        return live_through(world, buy_once, faults, sound)


def life_with_a_failure(seed: int) -> SimulatedLife:
    """Live a seed, and say of one that it failed."""
    done = life(seed)
    assert seed != FAILING, "the thirteenth"
    return done
