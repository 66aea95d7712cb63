"""The port of price sources: what a plugin that brings prices implements, and the feed it is given."""

from __future__ import annotations

from typing import Protocol

from fairlead.domain.prices import Price, Quote, Trade

__all__ = ["Price", "PriceFeed", "PriceSource", "Quote", "Trade"]


class PriceFeed(Protocol):
    """Where a source puts its prices. Call it from the kernel's loop and thread only.

    The first source that publishes a symbol gives its prices until it releases it; what another one says
    of it is refused. A refusal is logged once until something of the symbol is taken again, and is never
    raised into the source.
    """

    def publish(self, price: Quote | Trade) -> bool:
        """Take a price; tell whether it was. Synchronous and cheap."""

    def heartbeat(self, symbol: str | None = None) -> bool:
        """Say that nothing newer happened: to one symbol of this source, or to all of them.

        The last price is as fresh as the last heartbeat. Tell whether it was taken.
        """

    def release(self, symbol: str) -> None:
        """Let another source give this symbol's prices; harmless when this one does not."""


class PriceSource(Protocol):
    """Brings prices for as long as the kernel runs.

    `run` is called once the venue's rules are known, in a task of its own, and canceled when the kernel
    stops. It waits through the context's clock only. One that raises, or returns, is started again after a
    pause that doubles (``price_source_pause_ms`` up to ``price_source_pause_max_ms``), with an anomaly the
    first time; meanwhile its prices grow stale, and what needs them is denied.
    """

    @property
    def name(self) -> str:
        """Return the source's name, as each price and the log show it."""

    async def run(self, feed: PriceFeed) -> None:
        """Publish prices until canceled."""
