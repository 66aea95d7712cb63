"""Money besides trades: deposits and a withdrawal while orders work, and fees in other currencies."""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead import Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import AdjustmentKind, OrderSide
from fairlead.testing.generation import Generation
from fairlead_paper import messages as say
from fairlead_paper.market import Market
from fairlead_paper.records import FeeIn, VenueRules
from tests.simulation.invariants import Journal
from tests.simulation.market import ACCOUNT, SETTINGS, SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

# -- deposits and withdrawals --------------------------------------------------------------------------------

MOVES = (
    (400, "BTC", "0.75", AdjustmentKind.DEPOSIT),
    (480, "USDT", "-12.50", AdjustmentKind.WITHDRAWAL),
    (560, "USDT", "20.00", AdjustmentKind.DEPOSIT),
)
"""When, in milliseconds of the world, what comes in or goes out: among trades."""
MOVED_MS = 600
WITH_LEDGER = Place(offers={"ledger": True})
OFTEN = attrs.evolve(SETTINGS, reconcile_interval_ms=200, poll_interval_ms=200, balances_interval_ms=100)


class FundedWorld(MarketWorld):
    """A market in which money comes and goes besides."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, place=WITH_LEDGER, settings=OFTEN)
        self.spawn(self._fund())

    async def _fund(self) -> None:
        before_ms = 0
        for at_ms, asset, amount, kind in MOVES:
            await self.clock.sleep_ns((at_ms - before_ms) * NANOSECONDS_PER_MILLISECOND)
            before_ms = at_ms
            assert self.desk is not None
            moved = self.desk.handle(ACCOUNT, say.Adjust(asset, Decimal(amount), kind))
            assert isinstance(moved, say.Ledger), moved
            self.venue.money.balances[ACCOUNT, asset].opening += Decimal(amount)  # no trade moved it


async def funded(world: MarketWorld, generation: Generation) -> None:
    """Buy while money comes and goes, and stay until all of it was told."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.execute("buy", Proposal.buy(SYMBOL, quantity="1.00", limit_price="100"))
        await bot.pause_ms(MOVED_MS)
        await world.converge(generation, kernel)


def check_funded(world: MarketWorld) -> None:
    """Demand the same, and that our balances are the venue's, by what its ledger lists and once."""
    check(world)
    journal = Journal(world.disk)
    for asset in ("USDT", "BTC"):
        assert journal.balances[asset] == world.venue.money.balances[ACCOUNT, asset].total, asset
    booked = [record["entry_id"] for record in journal.of("adjustment_booked")]
    assert len(set(booked)) == len(booked) <= len(MOVES)


# -- fees ----------------------------------------------------------------------------------------------------

IN_WHAT_IS_RECEIVED = Place(VenueRules(fee_in=FeeIn.RECEIVED, fill_page_size=2))
UNTIL_PRICED_MS = 100


class TokenFees(MarketWorld):
    """A venue that takes its fees in a token of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        money = self.venue.money
        token = money.balance(ACCOUNT, "TOKEN")
        token.total = token.opening = Decimal(10)

        def fee_asset(market: Market, side: OrderSide) -> str:
            del market, side
            return "TOKEN"

        money.fee_asset = fee_asset  # type: ignore[method-assign]  # in place of the venue's rule


async def round_trip(world: MarketWorld, generation: Generation) -> None:
    """Buy at the market and sell most of it again."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.pause_ms(UNTIL_PRICED_MS)
        bought = await bot.execute("buy", Proposal.buy(SYMBOL, quantity="0.50"))
        if (await bought.closed()).filled_quantity:
            await (await bot.execute("sell", Proposal.sell(SYMBOL, quantity="0.40"))).closed()
        await world.converge(generation, kernel)


def check_fees(world: MarketWorld) -> None:
    """Demand the same, and that fees in another currency are kept by currency."""
    check(world)
    for row in rows_by_key(world).values():
        if row["filled_quantity"] and row["side"] == "buy":
            assert row["other_fees"]
            assert not row["fees"]


SCENARIOS = {
    "funded": Scenario(FundedWorld, funded, funded, check_funded, is_sampled=True),
    "token_fees": Scenario(TokenFees, round_trip, round_trip, check_fees, is_sampled=True),
    "received_fees": Scenario(
        lambda seed: MarketWorld(seed, place=IN_WHAT_IS_RECEIVED),
        round_trip,
        round_trip,
        check_fees,
        is_sampled=True,
    ),
}
