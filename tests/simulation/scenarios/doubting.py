"""Orders of which somebody said too early that they do not exist: an operator, or the venue itself."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import attrs

from fairlead import Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import (
    Answer,
    ExchangeClient,
    Fence,
    FillReport,
    OrderReport,
    Outcome,
    Report,
    SubmitRequest,
)
from fairlead.testing.generation import Generation
from fairlead.testing.wire import CANCEL, NORMAL, SUBMIT, TOLD_ONCE, Fate, ReportFate, Trip
from fairlead_paper.records import ClientIdRule, VenueRules
from tests.simulation.market import SETTINGS, SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.lost_ways import Lossy, lost_answers
from tests.simulation.scenarios.recovery import check, come_back
from tests.simulation.scenarios.scenario import Scenario

# -- an operator's word, and a request that arrives after it -------------------------------------------------

ARRIVES_NS = 900 * NANOSECONDS_PER_MILLISECOND
ARRIVED_MS = 1_200
"""By then a request that was late has arrived, and what it did was seen to."""

UNFENCED = Place(VenueRules(fence=Fence.NONE, client_id_rule=ClientIdRule.NEVER, fill_page_size=2))
SHOWN_AFTER_ALL = frozenset({"zombie", "corrected_end", "contradiction", "late_fill"})
NOTED = attrs.evolve(SETTINGS, anomalies=dict.fromkeys(SHOWN_AFTER_ALL, "note"))


def first_submit_is_late(trip: Trip) -> Fate:
    """Let the first submit arrive when nobody believes in it any more."""
    return Fate(request_ns=ARRIVES_NS) if (trip.method, trip.number) == (SUBMIT, 1) else NORMAL


async def given_up(world: MarketWorld, generation: Generation) -> None:
    """Place an order at a venue without a fence, and have an operator say that it was never placed."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        placed = await bot.execute("ghost", Proposal.buy(SYMBOL, quantity="0.30", limit_price="90"))
        name = placed.client_order_id
        await bot.insist(partial(kernel.resolve_not_placed, name, note="nobody has seen it"))
        await bot.pause_ms(ARRIVED_MS)
        await bot.insist(partial(bot.session.cancel, name))
        await world.converge(generation, kernel)


def check_gone(world: MarketWorld) -> None:
    """Demand the same, and that the order is over here and at the venue."""
    check(world)
    assert rows_by_key(world)["ghost"]["state"] in ("canceled", "not_sent", "not_placed")


# -- a venue whose fence is that it never takes an id twice --------------------------------------------------

PERMANENT_IDS = Place(
    VenueRules(fence=Fence.PERMANENT_CLIENT_ID, client_id_rule=ClientIdRule.FOR_EVER, fill_page_size=2),
    offers={"horizon_ns": 1_500 * NANOSECONDS_PER_MILLISECOND},
)

# -- a venue that refuses what it takes ----------------------------------------------------------------------

LIED_ABOUT = Decimal("2.00")
SLOW_NS = 350 * NANOSECONDS_PER_MILLISECOND
TOLD_LATE = ReportFate(way_ns=60 * NANOSECONDS_PER_MILLISECOND)


def cancels_are_slow(trip: Trip) -> Fate:
    """Let the order trade before its cancel arrives."""
    return Fate(request_ns=SLOW_NS) if trip.method == CANCEL else NORMAL


def told_late(report: Report) -> ReportFate:
    """Let reports come after the answer."""
    return TOLD_LATE if isinstance(report, OrderReport | FillReport) else TOLD_ONCE


class LyingVenue(MarketWorld):
    """A venue that answers that it refuses an order, and has taken it."""

    def __init__(self, seed: int) -> None:
        super().__init__(
            seed,
            fate=cancels_are_slow,
            report_fate=told_late,
            settings=NOTED,
            expected=SHOWN_AFTER_ALL,
        )

    def _open_venue(self, clock: Clock) -> ExchangeClient:
        client = super()._open_venue(clock)
        submit = client.submit

        async def lies(request: SubmitRequest) -> Answer:
            answer = await submit(request)
            if request.quantity != LIED_ABOUT:
                return answer
            return Answer(Outcome.REFUSED, reason="busy: try again later", ts_event=answer.ts_event)

        client.submit = lies  # type: ignore[method-assign]  # what this venue says
        return client


async def refused_and_filled(world: MarketWorld, generation: Generation) -> None:
    """Place an order that is refused in words and trades all the same, and one that is taken."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.execute("lied", Proposal.buy(SYMBOL, quantity=LIED_ABOUT, limit_price="100"))
        await bot.execute("told", Proposal.buy(SYMBOL, quantity="0.10", limit_price="101"))
        await bot.pause_ms(ARRIVED_MS)
        await world.converge(generation, kernel)


SCENARIOS = {
    "given_up": Scenario(
        lambda seed: MarketWorld(
            seed, fate=first_submit_is_late, place=UNFENCED, settings=NOTED, expected=SHOWN_AFTER_ALL
        ),
        given_up,
        given_up,
        check_gone,
        is_sampled=True,
    ),
    "permanent_ids": Scenario(
        lambda seed: MarketWorld(seed, fate=Lossy(), place=PERMANENT_IDS),
        lost_answers,
        come_back,
        check,
        is_sampled=True,
    ),
    "refused_and_filled": Scenario(
        LyingVenue, refused_and_filled, refused_and_filled, check, is_sampled=True
    ),
}
