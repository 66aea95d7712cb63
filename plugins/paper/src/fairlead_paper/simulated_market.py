"""A paper venue for a simulated world, with a market that goes on whether or not a kernel lives."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import ExchangeCapabilities, Fence, Instrument
from fairlead.ports.numbers import add, to_decimal
from fairlead_paper.client import PaperClient
from fairlead_paper.desk import Desk
from fairlead_paper.link import InProcessLink
from fairlead_paper.records import PublicTrade, VenueRules
from fairlead_paper.venue import Venue

Number = Decimal | int | str


class SimulatedMarket:
    """One account at a paper venue in the same process: `client` for a world, `trade` for its market.

    Give `client` to `fairlead.testing.KernelWorld` as its *make_venue*, and have `trade_on` run in the
    world (``world.spawn``), or call `trade` for each public trade.
    """

    def __init__(
        self, instruments: Sequence[Instrument], balances: Mapping[str, Number], *, account: str = "main"
    ) -> None:
        self.venue = Venue(VenueRules(), instruments)
        self.account = account
        opening = {asset: to_decimal(amount, f"balances.{asset}") for asset, amount in balances.items()}
        self.venue.open_account(account, opening)
        self._desk: Desk | None = None
        self._clock: Clock | None = None

    def client(self, clock: Clock) -> PaperClient:
        """Open the venue on this clock, once, and return its client."""
        self._clock, self._desk = clock, Desk(self.venue, clock.wall_ns)
        capabilities = ExchangeCapabilities(
            fence=Fence.DEADLINE, price_source=True, modify=True, simulated=True, adoption=True, balances=True
        )
        return PaperClient(InProcessLink(self._desk, self.account), clock, capabilities)

    def trade(self, symbol: str, price: Number, volume: Number) -> None:
        """Have others trade now: prices move, and orders that it reaches fill."""
        assert self._desk is not None  # a world makes the client first; narrows the type
        assert self._clock is not None  # same
        price, volume = to_decimal(price, "price"), to_decimal(volume, "volume")
        self._desk.trade(PublicTrade(symbol, price, volume, self._clock.wall_ns()))

    async def trade_on(self, symbol: str, trades: Sequence[tuple[Number, Number]], pause_ms: int) -> None:
        """Have others trade these prices and volumes over and over, with a pause before each; never ends."""
        assert self._clock is not None  # as above
        for price, volume in itertools.cycle(trades):
            await self._clock.sleep_ns(pause_ms * NANOSECONDS_PER_MILLISECOND)
            self.trade(symbol, price, volume)

    def total(self, asset: str) -> Decimal:
        """Return what the account has of an asset, as the venue counts it."""
        total = Decimal(0)
        for balance in self.venue.money.balances.values():
            if (balance.account, balance.asset) == (self.account, asset):
                total = add(total, balance.total)
        return total
