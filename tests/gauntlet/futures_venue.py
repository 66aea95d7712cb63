"""A venue of perpetual futures that keeps net positions, and a bot that holds some of one."""

from __future__ import annotations

from decimal import Decimal

from fairlead.ports.exchange import VenuePosition
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import Bench, instrument

PERPETUAL = "BTC/USDT:USDT"


def futures() -> ScriptedExchange:
    """Return a venue that keeps positions."""
    return ScriptedExchange([instrument(PERPETUAL, base="BTC", quote="USDT")], positions=True)


def at_venue(bench: Bench, quantity: str) -> None:
    """Let the venue say that it holds this net position."""
    bench.exchange.net[PERPETUAL] = VenuePosition(PERPETUAL, Decimal(quantity))


async def bought(bench: Bench, quantity: str) -> None:
    """Have the bot hold a position of the contract, and the venue with it."""
    await bench.hold(quantity, "100", PERPETUAL)
    at_venue(bench, quantity)
