"""Prices: how they come in, the last one of each symbol, and streams of them.

Last prices are not journaled: after a restart there is none until the first fresh one arrives. A
price older than the one held is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from fairlead.domain.identifiers import to_symbol
from fairlead.errors import InvalidInput
from fairlead.kernel.readable import price_problem
from fairlead.kernel.state import EngineState, PricePoint
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import TradePrint

PRICE_QUEUE_MAX = 10_000


class PriceStream:
    """An endless reader of the prices of one symbol; the oldest are dropped when it is slow."""

    def __init__(self, symbol: str, on_close: Callable[[PriceStream], None]) -> None:
        self.symbol = symbol
        self._on_close = on_close
        self.missed = 0
        self._queue: deque[TradePrint] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, price: TradePrint) -> None:
        """Queue a price."""
        if len(self._queue) >= PRICE_QUEUE_MAX:
            self._queue.popleft()
            self.missed += 1
        self._queue.append(price)
        self._wake.set()

    def close(self) -> None:
        """End the stream; what is queued can still be read."""
        self._closed = True
        self._wake.set()
        self._on_close(self)

    def __aiter__(self) -> AsyncIterator[TradePrint]:
        return self

    async def __anext__(self) -> TradePrint:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._queue.popleft()


class PriceBoard:
    """The last price of each symbol, and who follows them."""

    def __init__(self, state_of: Callable[[], EngineState], clock: Clock, *, ahead_max_ns: int) -> None:
        self._state_of = state_of
        self._clock = clock
        self._ahead_max_ns = ahead_max_ns
        self._streams: dict[str, list[PriceStream]] = {}
        self.dropped = 0

    def publish(self, price: TradePrint) -> None:
        """Take a public trade as the last price. Synchronous and cheap.

        Raises `InvalidInput` for one that cannot be read, whose price is not a positive decimal, or
        that lies further in the future than a price may be old: it would look fresh for ever.
        """
        problem = price_problem(price)
        if problem:
            raise InvalidInput("price", problem)
        if price.ts_event > self._clock.wall_ns() + self._ahead_max_ns:
            raise InvalidInput("ts_event", "lies in the future", fix="Pass wall nanoseconds UTC.")
        points = self._state_of().prices
        point = points.get(price.symbol)
        if point is None:
            points[to_symbol(price.symbol, "symbol")] = PricePoint(price.price, price.ts_event)
        elif price.ts_event < point.ts_event:
            self.dropped += 1
            return
        else:
            point.price = price.price
            point.ts_event = price.ts_event
        for stream in self._streams.get(price.symbol, ()):
            stream.offer(price)

    def latest(self, symbol: str) -> PricePoint | None:
        """Return the last price of the symbol with its time, however old, or nothing."""
        point = self._state_of().prices.get(symbol)
        return None if point is None else PricePoint(point.price, point.ts_event)

    def stream(self, symbol: str) -> PriceStream:
        """Return a stream of the symbol's prices from now on."""
        stream = PriceStream(to_symbol(symbol, "symbol"), self._forget)
        self._streams.setdefault(symbol, []).append(stream)
        return stream

    def close(self) -> None:
        """End every stream."""
        for stream in [stream for streams in self._streams.values() for stream in streams]:
            stream.close()

    def _forget(self, stream: PriceStream) -> None:
        streams = self._streams.get(stream.symbol, [])
        if stream in streams:
            streams.remove(stream)
        if not streams:
            self._streams.pop(stream.symbol, None)
