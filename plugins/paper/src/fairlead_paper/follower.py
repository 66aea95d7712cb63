"""The venue's market follows the kernel's prices: what another source says of a symbol happens here too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from fairlead.errors import ConfigurationRefused
from fairlead.ports.components import KernelView
from fairlead.ports.exchange import Instrument, Quote, Trade
from fairlead_paper.link import LinkFault


class Fed(Protocol):
    """The part of the paper client that following needs."""

    async def instruments(self) -> Sequence[Instrument]:
        """Return the venue's rules for every symbol."""

    async def feed(self, price: Quote | Trade) -> None:
        """Let a price move the venue's market."""


class PriceFollower:
    """A component of the kernel that reads its prices and feeds them to the venue.

    A price that finds the venue away is left out: the next one is newer.
    """

    def __init__(self, client: Fed, symbols: Sequence[str], name: str) -> None:
        self.name = name
        self.after: Sequence[str] = ()
        self._client = client
        self._symbols = symbols
        self._streams: list[AsyncIterator[Quote | Trade]] = []

    async def start(self, kernel: KernelView) -> None:
        """Begin to read; raises `ConfigurationRefused` for a symbol that the venue does not trade."""
        traded = {instrument.symbol for instrument in await self._client.instruments()}
        unknown = sorted(set(self._symbols) - traded)
        if unknown:
            raise ConfigurationRefused(
                f"The paper venue shall follow {', '.join(unknown)}, and does not trade it.",
                fix="Name it under instruments, or take it out of follow.",
            )
        self._streams = [kernel.prices(symbol) for symbol in self._symbols]

    async def run(self) -> None:
        """Feed every price, each symbol's in its order, until canceled."""
        async with asyncio.TaskGroup() as group:
            for stream in self._streams:
                group.create_task(self._follow(stream))

    async def stop(self) -> None:
        """Forget the streams, which end with the kernel."""
        self._streams = []

    async def _follow(self, stream: AsyncIterator[Quote | Trade]) -> None:
        async for price in stream:
            with contextlib.suppress(LinkFault):
                await self._client.feed(price)
