"""Streams of prices: what a reader gets, and what it gets when it is slow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from fairlead.domain.price_extremes import Extremes
from fairlead.domain.prices import Quote, Trade


class PriceStream:
    """An endless reader of the prices of one symbol, `Quote` and `Trade` as they were published.

    Its queue is bounded. When the reader is slow the oldest prices are dropped and counted in
    `missed`; of those dropped, the lows and highs of trades, bids and asks are still handed out, first.
    """

    def __init__(self, symbol: str, queue_max: int, on_close: Callable[[PriceStream], None]) -> None:
        self.symbol = symbol
        self.missed = 0
        self._queue: deque[Quote | Trade] = deque()
        self._queue_max = queue_max
        self._dropped: Extremes | None = None
        self._on_close = on_close
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, given: Quote | Trade) -> None:
        """Queue a price."""
        while len(self._queue) >= self._queue_max:
            self._drop(self._queue.popleft())
        self._queue.append(given)
        self._wake.set()

    def _drop(self, given: Quote | Trade) -> None:
        if self._dropped is None:
            self._dropped = Extremes()
        self._dropped.add(given)
        self.missed += 1

    def close(self) -> None:
        """End the stream; what is queued can still be read."""
        self._closed = True
        self._wake.set()
        self._on_close(self)

    def __aiter__(self) -> AsyncIterator[Quote | Trade]:
        return self

    async def __anext__(self) -> Quote | Trade:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        if self._dropped is not None:
            kept = self._dropped.take()
            self._dropped = None
            self.missed -= len(kept)
            self._queue.extendleft(reversed(kept))
        return self._queue.popleft()
