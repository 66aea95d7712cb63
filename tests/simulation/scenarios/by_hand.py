"""An order of the account that somebody else placed: the policy adopts it, or cancels it."""

from __future__ import annotations

import attrs

from fairlead import Proposal
from fairlead.domain.reconciliation import ForeignPolicy
from fairlead.ports.exchange import VenueStatus
from fairlead.testing.generation import Generation
from tests.simulation.invariants import BY_HAND, Journal
from tests.simulation.market import SETTINGS, SYMBOL, MarketWorld
from tests.simulation.scenarios.keyed_bot import KeyedBot
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

ADOPTS = attrs.evolve(SETTINGS, foreign_policy=ForeignPolicy.ADOPT, adopt_owner="hand")
CANCELS = attrs.evolve(SETTINGS, foreign_policy=ForeignPolicy.CANCEL)


async def beside_a_stranger(world: MarketWorld, generation: Generation) -> None:
    """Trade while somebody else has an order of the account."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.execute("own", Proposal.buy(SYMBOL, quantity="0.30", limit_price="100"))
        await world.converge(generation, kernel)


def adopting_world(seed: int) -> MarketWorld:
    """Return a world with an order placed by hand that trades, and a kernel that adopts it."""
    world = MarketWorld(seed, settings=ADOPTS, expected=frozenset({"foreign_order"}))
    world.place_by_hand()
    return world


def check_adopted(world: MarketWorld) -> None:
    """Demand the same, and that the order was taken over once, with all of its trades."""
    check(world)
    journal = Journal(world.disk)
    [adopted] = journal.of("order_adopted")
    row = journal.orders[adopted["client_order_id"]]
    assert (row["owner"], row["state"], str(row["filled_quantity"])) == ("hand", "filled", "0.80")


def canceling_world(seed: int) -> MarketWorld:
    """Return a world with an order placed by hand that rests, and a kernel that cancels it."""
    world = MarketWorld(seed, settings=CANCELS, expected=frozenset({"foreign_order"}))
    world.place_by_hand("90")
    return world


def check_foreign_canceled(world: MarketWorld) -> None:
    """Demand the same, and that the stranger's order was canceled and never became ours."""
    check(world)
    [stranger] = [
        order for order in world.venue.shelves._by_venue_id.values() if order.client_order_id == BY_HAND
    ]
    assert stranger.status is VenueStatus.CANCELED
    assert len(Journal(world.disk).orders) == 1


SCENARIOS = {
    "adopted": Scenario(adopting_world, beside_a_stranger, beside_a_stranger, check_adopted, is_sampled=True),
    "foreign_canceled": Scenario(
        canceling_world, beside_a_stranger, beside_a_stranger, check_foreign_canceled, is_sampled=True
    ),
}
