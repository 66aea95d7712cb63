"""What another author's distribution may hold: an exchange, a store, a check and prices."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeCapabilities, ExchangeClient, Fence, Instrument
from fairlead.ports.prices import PriceFeed, PriceSource, Trade
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, RiskCheck, RiskRequest, RiskView
from fairlead.ports.settings import structure_settings
from fairlead.ports.store import Store
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange

requires_api = "1.0"

VENUES: list[ScriptedExchange] = []
"""The venues that were made, for the test to look at."""


@attrs.frozen(kw_only=True)
class Settings:
    """Which of the parts are wanted; *simulated* says whether the venue calls itself so."""

    exchange: bool = False
    simulated: bool = True
    store: bool = False
    minimum: Decimal | None = None
    price: Decimal | None = None


@attrs.frozen
class ForeignMinimum:
    """A minimum size of another author."""

    minimum: Decimal
    name: str = "foreign_minimum"
    version: str = "7"

    def initial(self) -> str:
        """Keep nothing."""
        return ""

    def fold(self, value: str, fact: Fact) -> str:  # noqa: ARG002 - the port's
        """Learn nothing."""
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - same
        """Deny what is smaller."""
        if request.quantity < self.minimum:
            return Deny("FOREIGN_MINIMUM", "smaller than another author likes")
        return ALLOW


@attrs.frozen
class OnePrice:
    """A source of one price, kept fresh."""

    clock: Clock
    price: Decimal
    name: str = "one-price"

    async def run(self, feed: PriceFeed) -> None:
        """Publish it, then say that nothing newer happened."""
        feed.publish(Trade("BTC/USDT", self.price, Decimal(1), self.clock.wall_ns()))
        while True:
            await self.clock.sleep_ns(1_000_000_000)
            feed.heartbeat()


def _settings(context: PluginContext) -> Settings:
    return structure_settings(Settings, context.configuration, "plugins.foreign")


@hookimpl
def fairlead_exchanges(context: PluginContext) -> Sequence[ExchangeClient]:
    """Provide the venue, when it is wanted."""
    settings = _settings(context)
    if not settings.exchange:
        return []
    rules = Instrument(
        symbol="BTC/USDT", base="BTC", quote="USDT", price_increment="0.01", quantity_increment="0.0001"
    )
    venue = ScriptedExchange([rules])
    venue.capabilities = ExchangeCapabilities(fence=Fence.DEADLINE, simulated=settings.simulated)
    VENUES.append(venue)
    return [venue]


@hookimpl
def fairlead_stores(context: PluginContext) -> Sequence[Store]:
    """Provide the store, when it is wanted."""
    return [MemoryStore(MemoryDisk())] if _settings(context).store else []


@hookimpl
def fairlead_risk_checks(context: PluginContext) -> Sequence[RiskCheck]:
    """Provide the check, when it has a limit."""
    minimum = _settings(context).minimum
    return [] if minimum is None else [ForeignMinimum(minimum)]


@hookimpl
def fairlead_price_sources(context: PluginContext) -> Sequence[PriceSource]:
    """Provide the price, when there is one."""
    price = _settings(context).price
    return [] if price is None else [OnePrice(context.clock, price)]
