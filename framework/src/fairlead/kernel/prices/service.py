"""The prices service: how prices come in, who may bring them, and how they are read.

Prices are not journaled: after a restart there is none until the first fresh one arrives. What is
decided on a price is journaled with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fairlead.domain.identifiers import to_name, to_symbol
from fairlead.domain.price_points import PriceLimits, PricePoint, Source, Taken
from fairlead.domain.prices import Freshness, Price, Quote, Trade, check_price
from fairlead.errors import FairleadError, InvalidInput, SymbolHeld, TextRefused, UnknownName
from fairlead.kernel.prices.streams import PriceStream
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import PriceHeartbeat

BOT = "bot"
EXCHANGE = "exchange"
# fixed: bounds memory and log where a source sends nonsense without end
REFUSALS_TOLD_MAX = 1_000
"""Of how many symbols it is remembered that the refusal of a client's price was logged."""


class PriceFeed:
    """One source of prices, for a bot. What it publishes first it holds until it releases it."""

    def __init__(self, service: PriceService, source: Source) -> None:
        self._service = service
        self._source = source

    @property
    def name(self) -> str:
        """Return the source's name."""
        return self._source.name

    @property
    def lenient(self) -> LenientFeed:
        """Return the same source's feed for a plugin: it tells of a refusal instead of raising it."""
        return LenientFeed(self._service, self._source)

    def publish(self, price: Quote | Trade) -> None:
        """Take a price of this source; see `PriceService.publish`."""
        self._service.take(price, self._source)

    def heartbeat(self, symbol: str | None = None) -> None:
        """Say that nothing newer happened: to one symbol that it holds, or to all of them.

        Raises `SymbolHeld` for a symbol of another source, `UnknownName` for one that nobody holds.
        """
        if symbol is None:
            self._service.beat(self._source)
        else:
            self._service.beat_for(symbol, self._source)

    def release(self, symbol: str) -> None:
        """Let another source give this symbol's prices; harmless when this one does not hold it."""
        self._service.let_go(symbol, self._source)


class LenientFeed:
    """A feed as a price source by a plugin is given it; see `fairlead.ports.prices.PriceFeed`."""

    def __init__(self, service: PriceService, source: Source) -> None:
        self._service = service
        self._source = source
        self.on_taken: Callable[[], None] | None = None

    def publish(self, price: Quote | Trade) -> bool:
        """See `PriceFeed.publish`; `on_taken` is called for a price that was taken."""
        is_taken = self._service.take_or_tell(price, self._source)
        if is_taken and self.on_taken is not None:
            self.on_taken()
        return is_taken

    def heartbeat(self, symbol: str | None = None) -> bool:
        """See `PriceFeed.heartbeat`."""
        return self._service.beat_or_tell(symbol or "", self._source)

    def release(self, symbol: str) -> None:
        """See `PriceFeed.release`."""
        self._service.let_go(symbol, self._source)


class PriceService:
    """The prices of every symbol, one source for each.

    *points* is the engine's own table; nobody else changes it.
    """

    def __init__(
        self,
        points: dict[str, PricePoint],
        clock: Clock,
        limits: PriceLimits,
        logger: logging.Logger,
        *,
        queue_max: int,
    ) -> None:
        self._points = points
        self._clock = clock
        self._limits = limits
        self._logger = logger
        self._queue_max = queue_max
        self._streams: dict[str, list[PriceStream]] = {}
        self._bot = Source(BOT)
        self._exchange = Source(EXCHANGE)
        self._sources = {BOT: self._bot}
        self._told_refused: set[tuple[str, str]] = set()
        self.dropped = 0
        self.jumps = 0

    def publish(self, price: Quote | Trade) -> None:
        """Take a quote or a public trade. Synchronous and cheap.

        The first source of a symbol holds it until it lets go; what the bot publishes here is of the
        source ``bot``. A price older than the last of its kind is dropped and counted in `dropped`.
        One that jumps is put aside and counted in `jumps` until a second price confirms it.

        Raises `InvalidInput`, with the field, for what is no price: figures that are no positive
        decimals, a crossed quote, a time further ahead than ``price_ahead_max_ms``. Raises
        `SymbolHeld` when another source holds the symbol.
        """
        self.take(price, self._bot)

    def feed(self, name: str) -> PriceFeed:
        """Return the source of that name, made when there is none yet.

        Raises `TextRefused` for a name with a shape that is not taken, or that is the kernel's own.
        """
        if to_name(name, "feed") in (BOT, EXCHANGE):
            problem = f"{name!r} is the name of a source that the kernel makes"
            raise TextRefused("feed", problem, fix="Take another name.")
        return PriceFeed(self, self._sources.setdefault(name, Source(name)))

    def heartbeat(self, symbol_or_source: str) -> None:
        """Say that nothing newer happened: to a symbol that the bot holds, or to all of a named source.

        Raises `UnknownName` for a source or symbol that brought no price, and `SymbolHeld` for a
        symbol of another source.
        """
        if "/" in symbol_or_source:
            self.beat_for(symbol_or_source, self._bot)
            return
        source = self._sources.get(symbol_or_source)
        if source is None:
            raise UnknownName("source", symbol_or_source, tuple(self._sources))
        self.beat(source)

    def release(self, symbol: str) -> None:
        """Let another source give this symbol's prices; harmless when the bot does not hold it."""
        self.let_go(symbol, self._bot)

    # -- reads ---------------------------------------------------------------------------------

    def latest(self, symbol: str) -> Price | None:
        """Return what is known of the symbol's price, with its age; nothing when there is no price.

        A stale price is returned, says so, and is logged once until it is fresh again.
        """
        point = self._points.get(symbol)
        price = None if point is None else point.view(self._clock.wall_ns(), self._limits)
        if point is not None and price is not None and not price.fresh:
            self._tell_stale(point, price)
        return price

    def freshness(self, symbol: str) -> Freshness:
        """Return how young the symbol's price is."""
        point = self._points.get(symbol)
        price = None if point is None else point.view(self._clock.wall_ns(), self._limits)
        if price is None:
            return Freshness(symbol, fresh=False, age_ns=None, source="")
        return Freshness(symbol, price.fresh, price.age_ns, price.source)

    def stream(self, symbol: str) -> PriceStream:
        """Return a stream of the symbol's prices from now on, those that jumped included."""
        stream = PriceStream(to_symbol(symbol, "symbol"), self._queue_max, self._forget)
        self._streams.setdefault(symbol, []).append(stream)
        return stream

    # -- for the kernel and its feeds ----------------------------------------------------------

    def take(self, price: Quote | Trade, source: Source) -> None:
        """Take a price of a source; see `publish`."""
        check_price(price)
        now_ns = self._clock.wall_ns()
        if price.ts_event > now_ns + self._limits.ahead_max_ns:
            raise InvalidInput("ts_event", "lies in the future", fix="Pass wall nanoseconds UTC.")
        point = self._points.get(price.symbol)
        if point is None or point.source is not source:
            point = self._claimed(price.symbol, source)
        taken = point.take(price, now_ns, self._limits)
        if taken is not Taken.KEPT and self._is_dropped(taken, price):
            return
        for stream in self._streams.get(price.symbol, ()):
            stream.offer(price)

    def take_from_client(self, given: Quote | Trade | PriceHeartbeat) -> None:
        """Take what the exchange client says; a refusal is logged once until a price is taken again."""
        symbol = given.symbol if isinstance(given.symbol, str) else ""
        if isinstance(given, PriceHeartbeat):
            self.beat_or_tell(symbol, self._exchange)
        else:
            self.take_or_tell(given, self._exchange)

    def take_or_tell(self, price: Quote | Trade, source: Source) -> bool:
        """Take a price of a source; tell whether it was, and log a refusal once until one is taken again."""
        symbol = price.symbol if isinstance(price, Quote | Trade) and isinstance(price.symbol, str) else ""
        try:
            self.take(price, source)
        except (FairleadError, TypeError) as refusal:  # a symbol may be anything, and not even hashable
            return self._tell_refused(symbol, source, refusal)
        return self._forget_refusal(symbol, source)

    def beat_or_tell(self, symbol: str, source: Source) -> bool:
        """Note that a source is alive, for one symbol or with none for all; see `take_or_tell`."""
        try:
            if symbol:
                self.beat_for(symbol, source)
            else:
                self.beat(source)
        except (FairleadError, TypeError) as refusal:  # a symbol may be anything, and not even hashable
            return self._tell_refused(symbol, source, refusal)
        return self._forget_refusal(symbol, source)

    def beat(self, source: Source) -> None:
        """Note that a source is alive, for everything that it holds."""
        source.alive_ns = self._clock.wall_ns()

    def beat_for(self, symbol: str, source: Source) -> None:
        """Note that a source is alive, for one symbol that it holds."""
        point = self._points.get(symbol)
        if point is None or point.source is None:
            fix = "Publish a price first: a heartbeat only says that nothing newer happened."
            raise UnknownName("symbol", symbol, fix=fix)
        if point.source is not source:
            raise SymbolHeld(symbol, point.source.name)
        point.alive_ns = self._clock.wall_ns()

    def let_go(self, symbol: str, source: Source) -> None:
        """End a source's hold on a symbol."""
        point = self._points.get(symbol)
        if point is not None and point.source is source:
            point.source = None

    def close(self) -> None:
        """End every stream."""
        for stream in [stream for streams in self._streams.values() for stream in streams]:
            stream.close()

    def _claimed(self, symbol: str, source: Source) -> PricePoint:
        point = self._points.get(symbol)
        if point is None:
            point = self._points[to_symbol(symbol, "symbol")] = PricePoint(symbol)
        elif point.source is not None:
            raise SymbolHeld(symbol, point.source.name)
        point.source = source
        return point

    def _is_dropped(self, taken: Taken, price: Quote | Trade) -> bool:
        """Count a price that was not kept; tell whether nobody hears of it."""
        if taken is Taken.OLDER:
            self.dropped += 1
            return True
        self.jumps += 1
        if taken is Taken.JUMPED:
            self._logger.warning(
                "The price of %s jumped and is not used until a second one confirms it: %s",
                price.symbol,
                price,
            )
        return False

    def _tell_refused(self, symbol: str, source: Source, refusal: Exception) -> bool:
        key = (source.name, symbol)
        if key not in self._told_refused and len(self._told_refused) < REFUSALS_TOLD_MAX:
            self._told_refused.add(key)
            self._logger.warning("A price of the source %s was refused: %s", source.name, refusal)
        return False

    def _forget_refusal(self, symbol: str, source: Source) -> bool:
        if self._told_refused:
            self._told_refused.discard((source.name, symbol))
        return True

    def _tell_stale(self, point: PricePoint, price: Price) -> None:
        heard_ns = point.heard_ns
        if point.told_stale_ns != heard_ns:
            point.told_stale_ns = heard_ns
            age_ms = price.age_ns // NANOSECONDS_PER_MILLISECOND
            self._logger.warning("The price of %s is stale: %d ms old.", point.symbol, age_ms)

    def _forget(self, stream: PriceStream) -> None:
        streams = self._streams.get(stream.symbol, [])
        if stream in streams:
            streams.remove(stream)
        if not streams:
            self._streams.pop(stream.symbol, None)


__all__ = ["PriceFeed", "PriceService", "PriceStream"]
